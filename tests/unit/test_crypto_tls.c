/* TLS contexts, by handshakes in memory against OpenSSL's own client. */
#include "ticket_keys.h"
#include "tls.h"
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], certificate[100], key_path[100], error[400];
static struct ticket_keys tickets;

static void write_pair(EVP_PKEY *key, EVP_PKEY *certified, const char *passphrase)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, certified);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"hadir test", -1, -1, 0);
    X509_set_issuer_name(x, name);
    ck_assert_int_gt(X509_sign(x, certified, EVP_sha256()), 0);
    FILE *file = fopen(certificate, "w");
    PEM_write_X509(file, x);
    fclose(file);
    X509_free(x);
    unlink(key_path);
    file = fopen(key_path, "w");
    fchmod(fileno(file), 0600);
    PEM_write_PKCS8PrivateKey(file, key, passphrase == NULL ? NULL : EVP_aes_256_cbc(), passphrase,
                              passphrase == NULL ? 0 : (int)strlen(passphrase), NULL, NULL);
    fclose(file);
}

static void make_pair(void)
{
    snprintf(folder, sizeof folder, "/tmp/hadir-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(certificate, sizeof certificate, "%s/c.pem", folder);
    snprintf(key_path, sizeof key_path, "%s/k.pem", folder);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    write_pair(key, key, NULL);
    EVP_PKEY_free(key);
}

static void drop_pair(void)
{
    unlink(certificate);
    unlink(key_path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static struct tls_server *server(const struct ticket_keys *keys)
{
    struct tls_server *t = tls_server_new(certificate, key_path, keys, error, sizeof error);
    ck_assert_msg(t != NULL, "%s", error);
    return t;
}

struct ends {
    SSL *client, *server;
};

static struct ends connect_ends(struct tls_server *t, SSL_CTX *client)
{
    struct ends e = {SSL_new(client), SSL_new(tls_server_ssl_ctx(t))};
    BIO *a = NULL, *b = NULL;
    ck_assert_int_eq(BIO_new_bio_pair(&a, 65536, &b, 65536), 1);
    SSL_set_bio(e.client, a, a);
    SSL_set_bio(e.server, b, b);
    SSL_set_connect_state(e.client);
    SSL_set_accept_state(e.server);
    return e;
}

static bool shake(struct ends *e)
{
    for (int i = 0; i < 20; i++) {
        int c = SSL_do_handshake(e->client), s = SSL_do_handshake(e->server);
        if (c == 1 && s == 1)
            return true;
    }
    return false;
}

static void drop_ends(struct ends *e)
{
    SSL_free(e->client);
    SSL_free(e->server);
}

/* Sends one byte down, so that the client reads tickets on its way. */
static void pass_byte(struct ends *e)
{
    char c = 0;
    ck_assert_int_eq(SSL_write(e->server, "x", 1), 1);
    ck_assert_int_eq(SSL_read(e->client, &c, 1), 1);
    ck_assert_int_eq(c, 'x');
}

static SSL_CTX *new_client(int low, int high)
{
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(c, low);
    SSL_CTX_set_max_proto_version(c, high);
    SSL_CTX_set_security_level(c, 0);
    return c;
}

START_TEST(only_current_versions_and_ciphers)
{
    make_pair();
    struct tls_server *t = server(NULL);
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 4; i++) {
        SSL_CTX *c = new_client(versions[i], versions[i]);
        struct ends e = connect_ends(t, c);
        ck_assert_int_eq(shake(&e), versions[i] >= TLS1_2_VERSION);
        if (versions[i] >= TLS1_2_VERSION) {
            ck_assert_int_eq(SSL_version(e.server), versions[i]);
            if (versions[i] == TLS1_3_VERSION) /* OpenSSL's clients ask for SHA-384 first */
                ck_assert_str_eq(SSL_get_cipher_name(e.server), "TLS_AES_128_GCM_SHA256");
            pass_byte(&e);
        }
        drop_ends(&e);
        SSL_CTX_free(c);
    }
    SSL_CTX *c = new_client(TLS1_2_VERSION, TLS1_2_VERSION); /* no forward secrecy: refused */
    SSL_CTX_set_cipher_list(c, "AES128-SHA:AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA");
    struct ends e = connect_ends(t, c);
    ck_assert(!shake(&e));
    drop_ends(&e);
    SSL_CTX_free(c);
    tls_server_free(t);
    tls_server_free(NULL);
    drop_pair();
}
END_TEST

START_TEST(alpn)
{
    static const struct {
        const char *offer;
        unsigned len;
        bool works;
        const char *chosen;
    } cases[] = {{NULL, 0, true, ""},
                 {"\x08http/1.1", 9, true, "http/1.1"},
                 {"\x02h2\x08http/1.1", 12, true, "http/1.1"},
                 {"\x02h2", 3, false, ""},
                 {"\x08http/1.0\x02h2", 12, false, ""}};
    make_pair();
    struct tls_server *t = server(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SSL_CTX *c = new_client(TLS1_2_VERSION, TLS1_3_VERSION);
        const unsigned char *chosen = NULL;
        unsigned len = 0;
        if (cases[i].offer != NULL)
            SSL_CTX_set_alpn_protos(c, (const unsigned char *)cases[i].offer, cases[i].len);
        struct ends e = connect_ends(t, c);
        ck_assert_msg(shake(&e) == cases[i].works, "case %zu", i);
        if (cases[i].works) {
            SSL_get0_alpn_selected(e.client, &chosen, &len);
            ck_assert_uint_eq(len, strlen(cases[i].chosen));
            ck_assert(len == 0 || memcmp(chosen, cases[i].chosen, len) == 0);
        }
        drop_ends(&e);
        SSL_CTX_free(c);
    }
    tls_server_free(t);
    drop_pair();
}
END_TEST

static bool same_ticket(const SSL_SESSION *a, const SSL_SESSION *b)
{
    const unsigned char *ticket[2];
    size_t len[2];
    SSL_SESSION_get0_ticket(a, &ticket[0], &len[0]);
    SSL_SESSION_get0_ticket(b, &ticket[1], &len[1]);
    return len[0] == len[1] && memcmp(ticket[0], ticket[1], len[0]) == 0;
}

/* Connects to `first`, and when the keys have turned so often with its session to `second`; true when it was resumed there. */
static bool resumes(struct tls_server *first, struct tls_server *second, int version, unsigned turns)
{
    SSL_CTX *c = new_client(version, version);
    struct ends e = connect_ends(first, c);
    ck_assert(shake(&e));
    pass_byte(&e);
    SSL_SESSION *session = SSL_get1_session(e.client);
    ck_assert_ptr_nonnull(session);
    ck_assert_uint_eq(SSL_SESSION_get_max_early_data(session), 0);
    SSL_shutdown(e.client);
    drop_ends(&e);
    ck_assert_uint_eq(ticket_keys_turn(&tickets, tickets.turned_mono_ms + turns * TICKET_TURN_MS), TICKET_TURN_MS);
    e = connect_ends(second, c);
    SSL_set_session(e.client, session);
    ck_assert(shake(&e));
    bool resumed = SSL_session_reused(e.server) == 1;
    ck_assert_int_eq(SSL_session_reused(e.client) == 1, resumed);
    pass_byte(&e);
    if (version == TLS1_3_VERSION) /* a phone uses each ticket once */
        ck_assert(!same_ticket(SSL_get0_session(e.client), session));
    drop_ends(&e);
    SSL_SESSION_free(session);
    SSL_CTX_free(c);
    return resumed;
}

START_TEST(tickets_work_at_every_door_with_the_same_keys)
{
    make_pair();
    ticket_keys_fill(&tickets, 0);
    struct tls_server *a = server(&tickets), *b = server(&tickets), *alone = server(NULL), *other = server(NULL);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        ck_assert(resumes(a, a, versions[i], 0));
        ck_assert(resumes(a, b, versions[i], 0));
        ck_assert(!resumes(a, alone, versions[i], 0));
        ck_assert(!resumes(alone, other, versions[i], 0));
        ck_assert(resumes(alone, alone, versions[i], 0));
    }
    tls_server_free(a);
    tls_server_free(b);
    tls_server_free(alone);
    tls_server_free(other);
    drop_pair();
}
END_TEST

START_TEST(tickets_have_their_whole_life_while_keys_turn)
{
    make_pair();
    ticket_keys_fill(&tickets, 0);
    struct tls_server *a = server(&tickets), *b = server(&tickets);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++)
        for (unsigned turns = 0; turns < 10; turns++)
            ck_assert_int_eq(resumes(a, b, versions[i], turns), turns < TICKET_OPEN);
    tls_server_free(a);
    tls_server_free(b);
    drop_pair();
}
END_TEST

START_TEST(keys_turn_when_they_are_due_and_none_stays)
{
    struct ticket_keys now, then;
    ticket_keys_fill(&now, 5000);
    then = now;
    ck_assert_uint_eq(ticket_keys_turn(&now, 5000), TICKET_TURN_MS);
    ck_assert_uint_eq(ticket_keys_turn(&now, 5000 + TICKET_TURN_MS - 1), 1);
    ck_assert_int_eq(memcmp(&now, &then, sizeof now), 0);
    ck_assert_uint_eq(ticket_keys_turn(&now, 5000 + 2 * TICKET_TURN_MS + 7), TICKET_TURN_MS - 7);
    ck_assert_uint_eq(now.newest, then.newest + 2);
    ck_assert_int_eq(now.turned_mono_ms, 5000 + 2 * TICKET_TURN_MS);
    for (uint64_t n = then.newest - 2; n <= then.newest + 1; n++) {
        int same = memcmp(&now.sets[n % TICKET_SETS], &then.sets[n % TICKET_SETS], sizeof *now.sets) == 0;
        ck_assert_int_eq(same, n == then.newest); /* it opens, the earlier ones are overwritten */
    }
}
END_TEST

START_TEST(keys_from_elsewhere_are_looked_at)
{
    struct ticket_keys t;
    ticket_keys_fill(&t, 5000);
    ck_assert_ptr_null(ticket_keys_fault(&t, 5000));
    ck_assert_ptr_null(ticket_keys_fault(&t, 5000 + TICKET_OPEN * TICKET_TURN_MS - 1));
    ck_assert_str_eq(ticket_keys_fault(&t, 5000 + TICKET_OPEN * TICKET_TURN_MS), "too old");
    ck_assert_str_eq(ticket_keys_fault(&t, 4999), "from the future");
    t.turned_mono_ms = INT64_MIN;
    ck_assert_str_eq(ticket_keys_fault(&t, 5000), "too old");
    t.turned_mono_ms = INT64_MAX;
    ck_assert_str_eq(ticket_keys_fault(&t, 5000), "from the future");
    t.magic[7] ^= 1;
    ck_assert_str_eq(ticket_keys_fault(&t, 5000), "not ticket keys of this version");
}
END_TEST

START_TEST(no_renegotiation)
{
    make_pair();
    struct tls_server *t = server(NULL);
    SSL_CTX *c = new_client(TLS1_2_VERSION, TLS1_2_VERSION);
    struct ends e = connect_ends(t, c);
    char byte;
    ck_assert(shake(&e));
    ck_assert_int_eq(SSL_renegotiate(e.client), 1);
    SSL_do_handshake(e.client);
    SSL_read(e.server, &byte, 1);
    SSL_do_handshake(e.client);
    ck_assert_int_eq(SSL_num_renegotiations(e.server), 0);
    ck_assert_int_ne(SSL_renegotiate(e.server), 1);
    drop_ends(&e);
    SSL_CTX_free(c);
    ck_assert_uint_ne(SSL_CTX_get_options(tls_server_ssl_ctx(t)) & SSL_OP_NO_RENEGOTIATION, 0);
    ck_assert_uint_ne(SSL_CTX_get_options(tls_server_ssl_ctx(t)) & SSL_OP_IGNORE_UNEXPECTED_EOF, 0);
    ck_assert_uint_ne((unsigned long)SSL_CTX_get_mode((SSL_CTX *)tls_server_ssl_ctx(t)) & SSL_MODE_RELEASE_BUFFERS, 0);
    tls_server_free(t);
    drop_pair();
}
END_TEST

static void refuses(const char *file, const char *piece)
{
    error[0] = '\0';
    ck_assert_ptr_null(tls_server_new(certificate, key_path, NULL, error, sizeof error));
    ck_assert_msg(strstr(error, piece) != NULL && strstr(error, file) != NULL, "%s", error);
}

START_TEST(bad_files_are_refused)
{
    make_pair();
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        ck_assert_int_eq(chmod(key_path, open_modes[i]), 0);
        refuses(key_path, "others can reach it");
    }
    EVP_PKEY *a = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *b = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    write_pair(a, b, NULL);
    refuses(key_path, "does not belong to the certificate");
    write_pair(a, a, "rahasia");
    refuses(key_path, "no usable PEM private key"); /* and asks nobody for a passphrase */
    unlink(key_path);
    refuses(key_path, "No such file");
    write_pair(a, a, NULL);
    FILE *file = fopen(certificate, "w");
    fputs("nonsense\n", file);
    fclose(file);
    refuses(certificate, "no usable certificate chain");
    unlink(certificate);
    refuses(certificate, "no usable certificate chain");
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    drop_pair();
}
END_TEST

UNIT_MAIN("crypto/tls", only_current_versions_and_ciphers, alpn, tickets_work_at_every_door_with_the_same_keys,
          tickets_have_their_whole_life_while_keys_turn, keys_turn_when_they_are_due_and_none_stays,
          keys_from_elsewhere_are_looked_at, no_renegotiation, bad_files_are_refused)
