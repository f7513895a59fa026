/* The TLS tickets that phones keep, one each; the newest counts, and each is used once (RFC 8446, C.4). */
#ifndef BENCH_TICKETS_H
#define BENCH_TICKETS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

/* path: a file of an earlier run; it may be missing. NULL: none. */
void tickets_start(size_t phones, const char *path);
/* Takes the session. */
void tickets_put(uint32_t phone, SSL_SESSION *session);
/* The caller's to free. NULL: the phone has none. */
SSL_SESSION *tickets_take(uint32_t phone);
void tickets_save(const char *path);

#endif
