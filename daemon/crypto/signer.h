/* Ed25519 signatures for receipts. The private key lives in the ledger only. */
#ifndef HADIR_SIGNER_H
#define HADIR_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_BYTES 64
#define PUBLIC_KEY_BYTES 32
#define KEY_ID_CHARS 16 /* hex of the first 8 bytes of SHA-256(raw public key) */

struct signer;
struct verifier;

/* PEM private key. NULL on error with a reason in error. */
struct signer *signer_load(const char *path, char *error, size_t error_cap);
struct signer *signer_generate(void); /* fresh key, for tests and key creation */
bool signer_save(const struct signer *s, const char *private_path, const char *public_path, char *error, size_t cap);
void signer_free(struct signer *s);
const char *signer_key_id(const struct signer *s);
bool signer_sign(const struct signer *s, const void *bytes, size_t len, uint8_t ret[SIGNATURE_BYTES]);

/* PEM public key ("PUBLIC KEY"). */
struct verifier *verifier_load(const char *path, char *error, size_t error_cap);
struct verifier *verifier_of(const struct signer *s);
void verifier_free(struct verifier *v);
const char *verifier_key_id(const struct verifier *v);
bool verifier_check(const struct verifier *v, const void *bytes, size_t len, const uint8_t signature[SIGNATURE_BYTES]);

#endif
