/* Seals: detached CMS signatures (RFC 5652) over what is given to others to keep. Any CMS tool checks them:
 *
 *     openssl cms -verify -binary -inform DER -content FILE -in FILE.p7s -CAfile CERTIFICATE -out /dev/null
 *
 * SHA-256 with a P-256 key, or RSA of 3072 bits or more. */
#ifndef HADIR_SEAL_H
#define HADIR_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct seal;       /* a private key with its certificate */
struct seal_trust; /* whose seals count */

/* certificate: PEM, the key's own first, then those between it and its authority, which go into every seal. Refuses what
 * does not belong together, is not valid now or not made for signing, and a key that others can reach. NULL with a reason. */
struct seal *seal_load(const char *certificate, const char *key, char *error, size_t error_cap);
void seal_free(struct seal *s);
int seal_days_left(const struct seal *s); /* whole days until the certificate expires */
/* Appends the seal over bytes as DER. It carries the moment of signing by the system's clock and differs each time. */
bool seal_make(const struct seal *s, const void *bytes, size_t len, struct buf *ret_der);

/* path: PEM certificates: of the signers themselves, or of authorities above them. NULL with a reason. */
struct seal_trust *seal_trust_load(const char *path, bool authorities, char *error, size_t error_cap);
void seal_trust_free(struct seal_trust *t);

enum seal_check {
    SEAL_GOOD,
    SEAL_MALFORMED,         /* no detached seal of one signer with the time of signing */
    SEAL_OTHER_CERTIFICATE, /* the signer is not trusted; detail says why, if an authority was asked */
    SEAL_NOT_VALID_THEN,    /* the certificate was not valid at the time of signing that the seal states */
    SEAL_OTHER_CONTENT      /* made over other bytes, or damaged */
};
/* Certificates are judged as of the time of signing, so a seal outlives its certificate. detail: "" or OpenSSL's words. */
enum seal_check seal_check(const struct seal_trust *t, const void *bytes, size_t len, const void *der, size_t der_len,
                           char *detail, size_t detail_cap);

/* A new key, and a certificate signed by itself or a request to an authority for one. */
struct seal_request {
    const char *name; /* whose: UTF-8, at most 64 characters */
    bool rsa;         /* RSA-3072 instead of P-256 */
    bool request;     /* a request (CSR) instead of a certificate */
    int days;         /* how long the certificate is valid */
};
/* Writes both files as PEM; neither may exist yet. false with a reason, and neither is left. */
bool seal_keygen(const struct seal_request *r, const char *key_path, const char *out_path, char *error, size_t error_cap);

#endif
