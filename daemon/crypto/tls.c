/* The TLS context of the doors.
 *
 * TLS 1.2 with forward secrecy and 1.3; no renegotiation, compression or early data; http/1.1 by ALPN. Sessions
 * resume by tickets whose keys all doors share (ticket_keys.h); nothing is cached.
 * A missing close_notify is an ordinary end: phones leave that way. The context is made from files before the doors
 * lose the right to open any; making a new one and dropping the old is how certificates are replaced. */
#include "tls.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "keyfile.h"
#include "ticket_keys.h"

#define CIPHERS_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20"
/* SHA-256 first: TLS 1.3 hashes some fifty times a handshake, and processors help with SHA-256, not with SHA-384. */
#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"

struct tls_server {
    SSL_CTX *ctx;
    const struct ticket_keys *tickets;
    EVP_CIPHER *ticket_cipher;
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
    SSL_CTX_set_timeout(ctx, TICKET_LIFE_MS / 1000);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
           SSL_CTX_set_recv_max_early_data(ctx, 0) == 1 && SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CIPHERS_TLS12) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, CIPHERS_TLS13) == 1 && SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 &&
           SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1) == 1;
}

/* The set of that name, if it still opens; NULL for the name: the one that seals. */
static const struct ticket_set *find_set(const struct ticket_keys *t, const unsigned char *name)
{
    uint64_t newest = __atomic_load_n(&t->newest, __ATOMIC_ACQUIRE);
    for (unsigned age = 0; age < TICKET_OPEN; age++) {
        const struct ticket_set *set = &t->sets[(newest - age) % TICKET_SETS];
        if (name == NULL || memcmp(name, set->name, sizeof set->name) == 0)
            return set;
    }
    return NULL;
}

/* Keys for one ticket, as OpenSSL alone would use them: AES-256-CBC, then HMAC-SHA-256. 0: a ticket that is not ours; 2: another
 * follows, for in TLS 1.3 each is used once. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
    const struct tls_server *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const struct ticket_set *set = find_set(t->tickets, seal ? NULL : name);
    if (set == NULL)
        return 0;
    if (seal) {
        memcpy(name, set->name, sizeof set->name);
        digest_random(iv, (size_t)EVP_CIPHER_get_iv_length(t->ticket_cipher));
    }
    char hash[] = "SHA256";
    struct ticket_set keys = *set; /* OpenSSL's parameters are not constant */
    OSSL_PARAM how[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, keys.mac, sizeof keys.mac),
                        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0), OSSL_PARAM_construct_end()};
    bool ok = EVP_MAC_CTX_set_params(mac, how) == 1 &&
              EVP_CipherInit_ex2(cipher, t->ticket_cipher, keys.cipher, iv, seal, NULL) == 1;
    OPENSSL_cleanse(&keys, sizeof keys);
    return !ok ? -1 : SSL_version(ssl) == TLS1_3_VERSION && !seal ? 2 : 1;
}

static bool set_tickets(struct tls_server *t, const struct ticket_keys *tickets)
{
    t->tickets = tickets;
    t->ticket_cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    return t->ticket_cipher != NULL && SSL_CTX_set_app_data(t->ctx, t) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(t->ctx, on_ticket) == 1;
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

struct tls_server *tls_server_new(const char *certificate, const char *key, const struct ticket_keys *tickets, char *error,
                                  size_t error_cap)
{
    struct tls_server *t = calloc(1, sizeof *t);
    if (t != NULL)
        t->ctx = SSL_CTX_new(TLS_server_method());
    if (t == NULL || t->ctx == NULL || !set_policy(t->ctx) || (tickets != NULL && !set_tickets(t, tickets)))
        keyfile_reason("TLS", "cannot set up", error, error_cap);
    else if (set_certificate(t->ctx, certificate, key, error, error_cap))
        return t;
    tls_server_free(t);
    return NULL;
}

void tls_server_free(struct tls_server *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->ctx);
    EVP_CIPHER_free(t->ticket_cipher);
    free(t);
}

void *tls_server_ssl_ctx(struct tls_server *t)
{
    return t->ctx;
}
