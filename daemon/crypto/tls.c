/* The TLS context of the doors.
 *
 * TLS 1.2 with forward secrecy and 1.3; no renegotiation, compression or early data; http/1.1 by ALPN. Sessions
 * resume by tickets whose keys all doors share, so that a phone may come back through any door; nothing is cached.
 * A missing close_notify is an ordinary end: phones leave that way. The context is made from files before the doors
 * lose the right to open any; making a new one and dropping the old is how certificates are replaced. */
#include "tls.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "keyfile.h"

#define TICKET_KEYS_BYTES 80
#define TICKET_LIFE_S 86400
#define CIPHERS_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20"
/* SHA-256 first: TLS 1.3 hashes some fifty times a handshake, and processors help with SHA-256, not with SHA-384. */
#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"

struct tls_server {
    SSL_CTX *ctx;
};

/* http/1.1 when the client names it; a client that names only other protocols is refused (RFC 7301, 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_len, const unsigned char *offered,
                   unsigned int offered_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof ours - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_policy(SSL_CTX *ctx)
{
    static const unsigned char session_context[] = "hadir";
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
           SSL_CTX_set_recv_max_early_data(ctx, 0) == 1 && SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CIPHERS_TLS12) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, CIPHERS_TLS13) == 1 && SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 &&
           SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1) == 1;
}

static bool set_ticket_keys(SSL_CTX *ctx, const unsigned char *given)
{
    unsigned char keys[TICKET_KEYS_BYTES];
    if (given != NULL)
        memcpy(keys, given, sizeof keys);
    else
        digest_random(keys, sizeof keys);
    bool ok = SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof keys) == 1;
    OPENSSL_cleanse(keys, sizeof keys);
    return ok;
}

static bool set_certificate(SSL_CTX *ctx, const char *certificate, const char *key, char *error, size_t error_cap)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1) {
        keyfile_reason(certificate, "no usable certificate chain", error, error_cap);
        return false;
    }
    EVP_PKEY *pkey = keyfile_private(key, error, error_cap);
    if (pkey == NULL)
        return false;
    bool ok = SSL_CTX_use_PrivateKey(ctx, pkey) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(pkey);
    if (!ok)
        keyfile_reason(key, "does not belong to the certificate", error, error_cap);
    return ok;
}

struct tls_server *tls_server_new(const char *certificate, const char *key, const unsigned char ticket_keys[80],
                                  char *error, size_t error_cap)
{
    struct tls_server *t = calloc(1, sizeof *t);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (t == NULL || ctx == NULL || !set_policy(ctx) || !set_ticket_keys(ctx, ticket_keys)) {
        keyfile_reason("TLS", "cannot set up", error, error_cap);
        goto fail;
    }
    if (!set_certificate(ctx, certificate, key, error, error_cap))
        goto fail;
    t->ctx = ctx;
    return t;
fail:
    SSL_CTX_free(ctx);
    free(t);
    return NULL;
}

void tls_server_free(struct tls_server *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->ctx);
    free(t);
}

void *tls_server_ssl_ctx(struct tls_server *t)
{
    return t->ctx;
}
