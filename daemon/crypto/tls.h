/* Server-side TLS contexts: TLS 1.2 and 1.3, no renegotiation, no early data, HTTP/1.1 by ALPN. */
#ifndef HADIR_TLS_H
#define HADIR_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct tls_server; /* wraps an SSL_CTX */

struct ticket_keys;

/* Certificate chain and key, PEM; checks that they belong together and that others cannot read the key.
 * NULL on error with a reason in error. Sessions resume by the keys in tickets, which it borrows and which may turn meanwhile
 * (NULL: by random ones of the context's own). */
struct tls_server *tls_server_new(const char *certificate, const char *key, const struct ticket_keys *tickets, char *error,
                                  size_t error_cap);
void tls_server_free(struct tls_server *t);
void *tls_server_ssl_ctx(struct tls_server *t); /* SSL_CTX *, for net/ */

#endif
