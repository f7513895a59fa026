/* Seals: made, checked, refused; keys and certificates that do not fit. */
#include "seal.h"
#include "unit.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTENT "{\"day\":\"2031-03-03\"}\n"

static char folder[64], error[400], detail[200];
static const char *const files[] = {"a.key", "a.crt", "b.key", "b.crt", "ca.key", "ca.crt", "both.crt", "chain.crt"};
#define FILES (sizeof files / sizeof files[0])
static char paths[FILES][100];
enum { A_KEY, A_CRT, B_KEY, B_CRT, CA_KEY, CA_CRT, BOTH_CRT, CHAIN_CRT };

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/hadir-seal-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (size_t i = 0; i < FILES; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder, files[i]);
    error[0] = detail[0] = '\0';
}

static void drop_folder(void)
{
    for (size_t i = 0; i < FILES; i++)
        unlink(paths[i]);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void generate(int key, int certificate, bool rsa)
{
    const struct seal_request r = {.name = "Pemerintah Kabupaten Contoh", .rsa = rsa, .days = 30};
    ck_assert_msg(seal_keygen(&r, paths[key], paths[certificate], error, sizeof error), "%s", error);
}

static enum seal_check check_by(int certificate, bool authority, const char *content, const struct buf *der)
{
    struct seal_trust *t = seal_trust_load(paths[certificate], authority, error, sizeof error);
    ck_assert_msg(t != NULL, "%s", error);
    enum seal_check result = seal_check(t, content, strlen(content), der->data, der->len, detail, sizeof detail);
    seal_trust_free(t);
    return result;
}

static struct seal *load(int certificate, int key)
{
    struct seal *s = seal_load(paths[certificate], paths[key], error, sizeof error);
    ck_assert_msg(s != NULL, "%s", error);
    return s;
}

static void make(const struct seal *s, struct buf *der)
{
    buf_init(der, 65536);
    ck_assert(seal_make(s, CONTENT, strlen(CONTENT), der));
}

static void append(int to, int from)
{
    char chunk[8192];
    FILE *in = fopen(paths[from], "r"), *out = fopen(paths[to], "a");
    ck_assert(in != NULL && out != NULL);
    size_t n = fread(chunk, 1, sizeof chunk, in);
    ck_assert_uint_eq(fwrite(chunk, 1, n, out), n);
    fclose(in);
    fclose(out);
}

START_TEST(seals_hold_and_nothing_else_does)
{
    for (int rsa = 0; rsa < 2; rsa++) {
        struct buf der, again;
        struct stat st;
        make_folder();
        generate(A_KEY, A_CRT, rsa == 1);
        generate(B_KEY, B_CRT, false);
        append(BOTH_CRT, B_CRT);
        append(BOTH_CRT, A_CRT);
        ck_assert(stat(paths[A_KEY], &st) == 0 && (st.st_mode & 07777) == 0600);
        struct seal *s = load(A_CRT, A_KEY);
        ck_assert_int_ge(seal_days_left(s), 29);
        make(s, &der);
        make(s, &again);
        ck_assert(der.len != again.len || memcmp(der.data, again.data, der.len) != 0 || rsa == 1);
        for (int authority = 0; authority < 2; authority++) {
            ck_assert_int_eq(check_by(A_CRT, authority == 1, CONTENT, &der), SEAL_GOOD);
            ck_assert_int_eq(check_by(BOTH_CRT, authority == 1, CONTENT, &der), SEAL_GOOD);
            ck_assert_int_eq(check_by(B_CRT, authority == 1, CONTENT, &der), SEAL_OTHER_CERTIFICATE);
            ck_assert_int_eq(check_by(A_CRT, authority == 1, "", &der), SEAL_OTHER_CONTENT);
            ck_assert_int_eq(check_by(A_CRT, authority == 1, CONTENT " ", &der), SEAL_OTHER_CONTENT);
        }
        buf_fini(&der);
        buf_fini(&again);
        seal_free(s);
        drop_folder();
    }
}
END_TEST

START_TEST(every_byte_of_a_seal_counts)
{
    struct buf der;
    make_folder();
    generate(A_KEY, A_CRT, false);
    struct seal *s = load(A_CRT, A_KEY);
    make(s, &der);
    for (int authority = 0; authority < 2; authority++) {
        struct seal_trust *t = seal_trust_load(paths[A_CRT], authority == 1, error, sizeof error);
        for (size_t i = 0; i < der.len; i++)
            for (unsigned bit = 0; bit < 8; bit++) {
                if (i > 2 && memcmp(der.data + i - 2, "\2\1\1", 3) == 0)
                    continue; /* a version number, which nothing reads */
                der.data[i] ^= (uint8_t)(1u << bit);
                ck_assert_msg(seal_check(t, CONTENT, strlen(CONTENT), der.data, der.len, detail, sizeof detail) != SEAL_GOOD,
                              "byte %zu bit %u of %zu, authority %d", i, bit, der.len, authority);
                der.data[i] ^= (uint8_t)(1u << bit);
            }
        for (size_t n = 0; n < der.len; n++) {
            uint8_t *cut = malloc(n + 1); /* of its very size, for the sanitizer */
            memcpy(cut, der.data, n);
            ck_assert_int_eq(seal_check(t, CONTENT, strlen(CONTENT), cut, n, detail, sizeof detail), SEAL_MALFORMED);
            free(cut);
        }
        seal_trust_free(t);
    }
    buf_putc(&der, '\0');
    ck_assert_int_eq(check_by(A_CRT, false, CONTENT, &der), SEAL_MALFORMED); /* nothing may follow */
    buf_fini(&der);
    seal_free(s);
    drop_folder();
}
END_TEST

/* A certificate for the key in a.key: of its own or by the authority; days from now. */
static void certify(int out, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, long from_day, long until_day, const char *usage)
{
    X509 *x = X509_new();
    X509V3_CTX ctx;
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7 + until_day);
    X509_gmtime_adj(X509_getm_notBefore(x), from_day * 86400);
    X509_gmtime_adj(X509_getm_notAfter(x), until_day * 86400);
    const char *name = issuer == NULL ? "Induk" : "Contoh";
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer == NULL ? x : issuer));
    X509_set_pubkey(x, key);
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer == NULL ? x : issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, NID_key_usage, usage);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    e = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    ck_assert_int_gt(X509_sign(x, issuer_key == NULL ? key : issuer_key, EVP_sha256()), 0);
    FILE *f = fopen(paths[out], "w");
    ck_assert(f != NULL && PEM_write_X509(f, x) == 1);
    fclose(f);
    X509_free(x);
}

static void save_key(int out, EVP_PKEY *key, mode_t mode)
{
    unlink(paths[out]);
    FILE *f = fdopen(open(paths[out], O_CREAT | O_EXCL | O_WRONLY, mode), "w");
    ck_assert(f != NULL && PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(f);
}

static X509 *read_certificate(int path)
{
    FILE *f = fopen(paths[path], "r");
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    ck_assert_ptr_nonnull(x);
    return x;
}

static void refuses(int certificate, int key, const char *piece)
{
    error[0] = '\0';
    ck_assert_ptr_null(seal_load(paths[certificate], paths[key], error, sizeof error));
    ck_assert_msg(strstr(error, piece) != NULL, "%s", error);
    ck_assert_ptr_nonnull(strstr(error, folder));
}

START_TEST(certificates_of_an_authority)
{
    struct buf der;
    make_folder();
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *above = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    save_key(A_KEY, key, 0600);
    certify(CA_CRT, above, NULL, NULL, -1, 30, "critical,keyCertSign");
    X509 *issuer = read_certificate(CA_CRT);
    certify(A_CRT, key, issuer, above, -1, 10, "critical,digitalSignature");
    append(CHAIN_CRT, A_CRT);
    append(CHAIN_CRT, CA_CRT);
    struct seal *s = load(CHAIN_CRT, A_KEY);
    make(s, &der);
    ck_assert_int_eq(check_by(CA_CRT, true, CONTENT, &der), SEAL_GOOD);
    ck_assert_int_eq(check_by(A_CRT, false, CONTENT, &der), SEAL_GOOD); /* pinned, the authority unknown */
    ck_assert_int_eq(check_by(CA_CRT, false, CONTENT, &der), SEAL_OTHER_CERTIFICATE);
    ck_assert_int_eq(check_by(CA_CRT, true, "other", &der), SEAL_OTHER_CONTENT);
    generate(B_KEY, B_CRT, false);
    ck_assert_int_eq(check_by(B_CRT, true, CONTENT, &der), SEAL_OTHER_CERTIFICATE);
    ck_assert_str_ne(detail, "");
    /* a certificate of the same key that was not valid when the seal was made */
    certify(A_CRT, key, issuer, above, -9, -2, "critical,digitalSignature");
    X509 *old = read_certificate(A_CRT), *chain = read_certificate(CHAIN_CRT);
    ck_assert_ptr_nonnull(old);
    X509_set_serialNumber(old, X509_get_serialNumber(chain)); /* or it would be another certificate */
    X509_sign(old, above, EVP_sha256());
    FILE *f = fopen(paths[A_CRT], "w");
    PEM_write_X509(f, old);
    fclose(f);
    ck_assert_int_ne(check_by(A_CRT, false, CONTENT, &der), SEAL_GOOD);
    X509_free(old);
    X509_free(chain);
    X509_free(issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(above);
    buf_fini(&der);
    seal_free(s);
    drop_folder();
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    make_folder();
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"),
             *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    generate(B_KEY, B_CRT, false);
    refuses(A_CRT, A_KEY, "No such file");
    save_key(A_KEY, key, 0640);
    refuses(A_CRT, A_KEY, "others can reach it");
    save_key(A_KEY, key, 0600);
    refuses(A_CRT, A_KEY, "cannot read");
    refuses(A_KEY, A_KEY, "no usable PEM certificate");
    refuses(B_CRT, A_KEY, "is not of the key");
    certify(A_CRT, key, NULL, NULL, -9, -2, "critical,digitalSignature");
    refuses(A_CRT, A_KEY, "expired on");
    certify(A_CRT, key, NULL, NULL, 2, 9, "critical,digitalSignature");
    refuses(A_CRT, A_KEY, "not valid before");
    certify(A_CRT, key, NULL, NULL, -2, 9, "critical,keyEncipherment");
    refuses(A_CRT, A_KEY, "not made for signing");
    EVP_PKEY *const unfit[] = {other, ed, small};
    for (size_t i = 0; i < 3; i++) {
        save_key(A_KEY, unfit[i], 0600);
        refuses(B_CRT, A_KEY, "neither a P-256 key nor RSA");
    }
    ck_assert_ptr_null(seal_trust_load(paths[A_KEY], false, error, sizeof error));
    ck_assert_ptr_null(seal_trust_load("/nonexistent", true, error, sizeof error));
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ed);
    EVP_PKEY_free(small);
    drop_folder();
}
END_TEST

START_TEST(new_keys_overwrite_nothing)
{
    struct seal_request r = {.name = "Pemerintah Kota Contoh ‘é’", .request = true, .days = 30};
    char line[100];
    make_folder();
    ck_assert_msg(seal_keygen(&r, paths[A_KEY], paths[A_CRT], error, sizeof error), "%s", error);
    FILE *f = fopen(paths[A_CRT], "r");
    ck_assert(fgets(line, sizeof line, f) != NULL && strcmp(line, "-----BEGIN CERTIFICATE REQUEST-----\n") == 0);
    fclose(f);
    ck_assert(!seal_keygen(&r, paths[A_KEY], paths[B_CRT], error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "File exists"));
    ck_assert(!seal_keygen(&r, paths[B_KEY], paths[A_CRT], error, sizeof error));
    ck_assert(access(paths[B_KEY], F_OK) != 0 && access(paths[B_CRT], F_OK) != 0); /* nothing half is left */
    r.name = "Pemerintah Kabupaten yang namanya lebih panjang dari enam puluh empat huruf";
    ck_assert(!seal_keygen(&r, paths[B_KEY], paths[B_CRT], error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "too long"));
    drop_folder();
}
END_TEST

UNIT_MAIN("crypto/seal", seals_hold_and_nothing_else_does, every_byte_of_a_seal_counts, certificates_of_an_authority,
          what_does_not_fit_is_refused, new_keys_overwrite_nothing)
