/* Detached CMS signatures by OpenSSL: made with one key, checked against certificates.
 *
 * The signed attributes are content type, digest, time of signing and the hash of the certificate (CAdES). The time is the
 * system clock's at the moment of signing: it is what certificates' validity is judged by, so it must not be a moment, such
 * as the closing of the day, before the certificate was made; the closing stands in the signed bytes. Times are the
 * signer's own word: no time-stamping authority is asked. */
#include "seal.h"

#include <limits.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keyfile.h"

#define RSA_BITS_MIN 3072

struct seal {
    EVP_PKEY *key;
    X509 *certificate;
    STACK_OF(X509) * above; /* the rest of the certificate's file */
};

struct seal_trust {
    bool authorities;
    STACK_OF(X509) * certificates;
};

/* Every certificate of a PEM file, at least one. */
static STACK_OF(X509) * read_certificates(const char *path, char *error, size_t error_cap)
{
    char no_passphrase[] = "";
    ERR_clear_error();
    STACK_OF(X509) *all = sk_X509_new_null();
    BIO *file = BIO_new_file(path, "r");
    X509 *x = NULL;
    while (all != NULL && file != NULL && (x = PEM_read_bio_X509(file, NULL, NULL, no_passphrase)) != NULL)
        if (sk_X509_push(all, x) <= 0)
            X509_free(x);
    bool ended = file != NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(file);
    if (ended && sk_X509_num(all) > 0) {
        ERR_clear_error();
        return all;
    }
    keyfile_reason(path, file == NULL ? "cannot read" : "no usable PEM certificate", error, error_cap);
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

static bool key_fits(const EVP_PKEY *key)
{
    char group[64];
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, SN_X9_62_prime256v1) == 0;
}

static void say_day(char *dst, size_t cap, const char *path, const char *what, const ASN1_TIME *at)
{
    struct tm tm = {0};
    char day[32] = "?";
    if (ASN1_TIME_to_tm(at, &tm) == 1)
        strftime(day, sizeof day, "%Y-%m-%d", &tm);
    snprintf(dst, cap, "%s: %s %s", path, what, day);
}

static bool usable(const struct seal *s, const char *certificate, const char *key, char *error, size_t cap)
{
    const ASN1_TIME *from = X509_get0_notBefore(s->certificate), *until = X509_get0_notAfter(s->certificate);
    ERR_clear_error();
    if (!key_fits(s->key))
        snprintf(error, cap, "%s: neither a P-256 key nor RSA of %d bits or more", key, RSA_BITS_MIN);
    else if (X509_check_private_key(s->certificate, s->key) != 1)
        snprintf(error, cap, "%s: the certificate is not of the key %s", certificate, key);
    else if (X509_cmp_current_time(until) < 0)
        say_day(error, cap, certificate, "the certificate expired on", until);
    else if (X509_cmp_current_time(from) > 0)
        say_day(error, cap, certificate, "the certificate is not valid before", from);
    else if (X509_check_purpose(s->certificate, X509_PURPOSE_SMIME_SIGN, 0) != 1)
        snprintf(error, cap, "%s: the certificate is not made for signing documents (its key usage)", certificate);
    else
        return true;
    ERR_clear_error();
    return false;
}

struct seal *seal_load(const char *certificate, const char *key, char *error, size_t error_cap)
{
    struct seal *s = calloc(1, sizeof *s);
    if (s == NULL) {
        snprintf(error, error_cap, "memory is short");
        return NULL;
    }
    s->key = keyfile_private(key, error, error_cap);
    s->above = s->key != NULL ? read_certificates(certificate, error, error_cap) : NULL;
    s->certificate = s->above != NULL ? sk_X509_shift(s->above) : NULL;
    if (s->certificate != NULL && usable(s, certificate, key, error, error_cap))
        return s;
    seal_free(s);
    return NULL;
}

void seal_free(struct seal *s)
{
    if (s == NULL)
        return;
    EVP_PKEY_free(s->key); /* OpenSSL wipes private keys */
    X509_free(s->certificate);
    sk_X509_pop_free(s->above, X509_free);
    free(s);
}

int seal_days_left(const struct seal *s)
{
    int days = 0, seconds = 0;
    return ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(s->certificate)) == 1 ? days : 0;
}

bool seal_make(const struct seal *s, const void *bytes, size_t len, struct buf *ret_der)
{
    unsigned char *der = NULL;
    BIO *content = len <= INT_MAX ? BIO_new_mem_buf(bytes, (int)len) : NULL;
    CMS_ContentInfo *cms = content == NULL ? NULL
                                           : CMS_sign(s->certificate, s->key, s->above, content,
                                                      CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP | CMS_CADES);
    int n = cms == NULL ? -1 : i2d_CMS_ContentInfo(cms, &der);
    bool ok = n > 0 && buf_add(ret_der, der, (size_t)n);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(content);
    ERR_clear_error();
    return ok;
}

/* ---- checking ---- */

struct seal_trust *seal_trust_load(const char *path, bool authorities, char *error, size_t error_cap)
{
    struct seal_trust *t = calloc(1, sizeof *t);
    if (t == NULL) {
        snprintf(error, error_cap, "memory is short");
        return NULL;
    }
    t->authorities = authorities;
    t->certificates = read_certificates(path, error, error_cap);
    if (t->certificates == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

void seal_trust_free(struct seal_trust *t)
{
    if (t == NULL)
        return;
    sk_X509_pop_free(t->certificates, X509_free);
    free(t);
}

/* true when these bytes are the one DER encoding of what was read from them. */
static bool one_encoding(const CMS_ContentInfo *cms, const void *der, size_t der_len)
{
    unsigned char *again = NULL;
    int n = i2d_CMS_ContentInfo(cms, &again);
    bool same = n > 0 && (size_t)n == der_len && memcmp(again, der, der_len) == 0;
    OPENSSL_free(again);
    return same;
}

/* The one signer of a detached seal, and when it says that it was made; NULL if it is none. Borrows from cms. */
static CMS_SignerInfo *only_signer(CMS_ContentInfo *cms, time_t *ret_at)
{
    struct tm tm = {0};
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
    if (signers == NULL || sk_CMS_SignerInfo_num(signers) != 1 || CMS_is_detached(cms) != 1 ||
        OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
        return NULL;
    CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(signers, 0);
    int at = CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1);
    X509_ATTRIBUTE *attribute = at < 0 ? NULL : CMS_signed_get_attr(signer, at);
    ASN1_TYPE *value = attribute == NULL ? NULL : X509_ATTRIBUTE_get0_type(attribute, 0);
    if (value == NULL || (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME) ||
        ASN1_TIME_to_tm(value->value.asn1_string, &tm) != 1)
        return NULL;
    *ret_at = timegm(&tm);
    return signer;
}

/* What the signature does not cover must be as seal_make writes it, or a changed byte would go unseen: the signer's
 * certificate is there whole, named by its issuer to the letter, and the algorithm is its key's. */
static bool as_made(CMS_ContentInfo *cms, CMS_SignerInfo *signer, X509 *certificate)
{
    X509_NAME *issuer = NULL;
    X509_ALGOR *algorithm = NULL;
    const unsigned char *named = NULL, *own = NULL;
    size_t named_len = 0, own_len = 0;
    bool there = false;
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, NULL, &algorithm);
    if (CMS_SignerInfo_get0_signer_id(signer, NULL, &issuer, NULL) != 1 || issuer == NULL ||
        X509_NAME_get0_der(issuer, &named, &named_len) != 1 ||
        X509_NAME_get0_der(X509_get_issuer_name(certificate), &own, &own_len) != 1 || named_len != own_len ||
        memcmp(named, own, own_len) != 0)
        return false;
    STACK_OF(X509) *carried = CMS_get1_certs(cms);
    for (int i = 0; i < sk_X509_num(carried); i++)
        there = there || X509_cmp(sk_X509_value(carried, i), certificate) == 0;
    sk_X509_pop_free(carried, X509_free);
    int by = OBJ_obj2nid(algorithm->algorithm);
    return there && by == (EVP_PKEY_is_a(X509_get0_pubkey(certificate), "EC") ? NID_ecdsa_with_SHA256 : NID_rsaEncryption);
}

static enum seal_check check_pinned(X509 *signer, time_t at)
{
    bool valid = X509_cmp_time(X509_get0_notBefore(signer), &at) <= 0 && X509_cmp_time(X509_get0_notAfter(signer), &at) > 0;
    return valid ? SEAL_GOOD : SEAL_NOT_VALID_THEN;
}

static enum seal_check check_chain(const struct seal_trust *t, CMS_ContentInfo *cms, X509 *signer, time_t at, char *detail,
                                   size_t detail_cap)
{
    enum seal_check result = SEAL_OTHER_CERTIFICATE;
    STACK_OF(X509) *between = CMS_get1_certs(cms);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool ok = store != NULL && ctx != NULL;
    for (int i = 0; ok && i < sk_X509_num(t->certificates); i++)
        ok = X509_STORE_add_cert(store, sk_X509_value(t->certificates, i)) == 1;
    if (ok && X509_STORE_CTX_init(ctx, store, signer, between) == 1 && X509_STORE_CTX_set_default(ctx, "smime_sign") == 1) {
        X509_STORE_CTX_set_time(ctx, 0, at);
        int code = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
        result = code == X509_V_OK                                                                ? SEAL_GOOD
                 : code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID ? SEAL_NOT_VALID_THEN
                                                                                                  : SEAL_OTHER_CERTIFICATE;
        if (code != X509_V_OK)
            snprintf(detail, detail_cap, "%s", X509_verify_cert_error_string(code));
    }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_pop_free(between, X509_free);
    return result;
}

/* A seal whose signer is fixed now: is it trusted, and is it over these bytes? */
static enum seal_check check_signer(const struct seal_trust *t, CMS_ContentInfo *cms, CMS_SignerInfo *signer, time_t at,
                                    const void *bytes, size_t len, char *detail, size_t detail_cap)
{
    X509 *certificate = NULL;
    int found = t->authorities ? CMS_set1_signers_certs(cms, NULL, 0)
                               : CMS_set1_signers_certs(cms, t->certificates, CMS_NOINTERN);
    CMS_SignerInfo_get0_algs(signer, NULL, &certificate, NULL, NULL);
    if (found != 1 || certificate == NULL)
        return SEAL_OTHER_CERTIFICATE;
    BIO *content = len <= INT_MAX ? BIO_new_mem_buf(bytes, (int)len) : NULL;
    bool over = content != NULL &&
                CMS_verify(cms, NULL, NULL, content, NULL, CMS_DETACHED | CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1;
    BIO_free(content);
    enum seal_check trusted = t->authorities ? check_chain(t, cms, certificate, at, detail, detail_cap)
                                             : check_pinned(certificate, at);
    if (trusted != SEAL_GOOD)
        return trusted;
    return !over ? SEAL_OTHER_CONTENT : as_made(cms, signer, certificate) ? SEAL_GOOD : SEAL_MALFORMED;
}

enum seal_check seal_check(const struct seal_trust *t, const void *bytes, size_t len, const void *der, size_t der_len,
                           char *detail, size_t detail_cap)
{
    const unsigned char *at = der;
    time_t made = 0;
    detail[0] = '\0';
    CMS_ContentInfo *cms = der_len <= INT_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)der_len) : NULL;
    CMS_SignerInfo *signer = cms != NULL && one_encoding(cms, der, der_len) ? only_signer(cms, &made) : NULL;
    enum seal_check result = signer == NULL ? SEAL_MALFORMED
                                            : check_signer(t, cms, signer, made, bytes, len, detail, detail_cap);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return result;
}
