/* The key that seals, for agencies: P-256 or RSA-3072, with a certificate signed by itself or a request to an authority.
 *
 * The certificate may sign documents and nothing else, no other certificates. It is trusted because somebody was handed
 * it, not because of who signed it. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "keyfile.h"
#include "seal.h"

#define KEY_USAGE "critical,digitalSignature,nonRepudiation"

static bool set_name(X509_NAME *name, const struct seal_request *r)
{
    const unsigned char *text = (const unsigned char *)r->name;
    return X509_NAME_add_entry_by_txt(name, "C", MBSTRING_ASC, (const unsigned char *)"ID", -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1;
}

/* 127 random bits: never negative, never again. */
static bool set_serial(X509 *x)
{
    uint8_t bytes[16];
    digest_random(bytes, sizeof bytes);
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
    BN_free(number);
    return ok;
}

static bool extend(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = extension != NULL && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* PEM into out. */
static bool make_certificate(const struct seal_request *r, EVP_PKEY *key, BIO *out)
{
    X509 *x = X509_new();
    bool ok = x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_name(X509_get_subject_name(x), r) &&
              X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 && X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL &&
              X509_time_adj_ex(X509_getm_notAfter(x), r->days, 0, NULL) != NULL && X509_set_pubkey(x, key) == 1 &&
              extend(x, NID_basic_constraints, "critical,CA:FALSE") && extend(x, NID_key_usage, KEY_USAGE) &&
              extend(x, NID_subject_key_identifier, "hash") &&
              extend(x, NID_authority_key_identifier, "keyid:always") && /* tells a later one of the same name apart */
              X509_sign(x, key, EVP_sha256()) > 0 && PEM_write_bio_X509(out, x) == 1;
    X509_free(x);
    return ok;
}

static bool make_request(const struct seal_request *r, EVP_PKEY *key, BIO *out)
{
    X509_REQ *q = X509_REQ_new();
    X509_EXTENSION *usage = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, KEY_USAGE);
    STACK_OF(X509_EXTENSION) *wanted = sk_X509_EXTENSION_new_null();
    bool ok = q != NULL && usage != NULL && wanted != NULL && sk_X509_EXTENSION_push(wanted, usage) > 0 &&
              set_name(X509_REQ_get_subject_name(q), r) && X509_REQ_set_pubkey(q, key) == 1 &&
              X509_REQ_add_extensions(q, wanted) == 1 && X509_REQ_sign(q, key, EVP_sha256()) > 0 && PEM_write_bio_X509_REQ(out, q) == 1;
    sk_X509_EXTENSION_free(wanted);
    X509_EXTENSION_free(usage);
    X509_REQ_free(q);
    return ok;
}

bool seal_keygen(const struct seal_request *r, const char *key_path, const char *out_path, char *error, size_t error_cap)
{
    ERR_clear_error();
    EVP_PKEY *key = r->rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072) : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    BIO *secret = BIO_new(BIO_s_secmem()), *out = BIO_new(BIO_s_mem()); /* the former is wiped when freed */
    bool ok = key != NULL && secret != NULL && out != NULL &&
              PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              (r->request ? make_request(r, key, out) : make_certificate(r, key, out));
    if (!ok)
        keyfile_reason(out_path, "cannot be made", error, error_cap);
    else if (!keyfile_create(key_path, 0600, secret, error, error_cap))
        ok = false;
    else if (!keyfile_create(out_path, 0644, out, error, error_cap)) {
        ok = false;
        unlink(key_path); /* ours: it did not exist before */
    }
    BIO_free(secret);
    BIO_free(out);
    EVP_PKEY_free(key);
    return ok;
}
