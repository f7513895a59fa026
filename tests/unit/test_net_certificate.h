/* A self-signed P-256 certificate for the loopback name, made at test time. */
#ifndef HADIR_TEST_NET_CERTIFICATE_H
#define HADIR_TEST_NET_CERTIFICATE_H

#include "unit.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

static inline void certificate_make(const char *certificate_path, const char *key_path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    ck_assert(key != NULL && x != NULL);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
    FILE *out = fopen(certificate_path, "w");
    ck_assert(out != NULL && PEM_write_X509(out, x) == 1);
    fclose(out);
    out = fdopen(open(key_path, O_CREAT | O_WRONLY | O_TRUNC, 0600), "w");
    ck_assert(out != NULL && PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(out);
    X509_free(x);
    EVP_PKEY_free(key);
}

#endif
