/* Ed25519: the key that signs receipts, and the checking of signatures with its public half.
 *
 * Only the ledger holds a signer. A key is named by the first bytes of its public half's hash, so a receipt tells
 * which key to check with after a change of keys. Signing and checking take a context of their own at each call:
 * one signer may be used by several threads. A signer's is a copy of one that is prepared, for preparing costs a third
 * of a signature. Private keys are written only to new files of mode 0600. */
#include "signer.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "keyfile.h"

struct signer {
    EVP_PKEY *key;
    EVP_MD_CTX *prepared;
    char id[KEY_ID_CHARS + 1];
};

struct verifier {
    EVP_PKEY *key;
    char id[KEY_ID_CHARS + 1];
};

static bool name_key(EVP_PKEY *key, char ret_id[KEY_ID_CHARS + 1])
{
    uint8_t raw[PUBLIC_KEY_BYTES], hash[SHA256_BYTES];
    size_t len = sizeof raw;
    if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_public_key(key, raw, &len) != 1 ||
        len != sizeof raw)
        return false;
    digest_sha256(raw, sizeof raw, hash);
    encode_hex(ret_id, KEY_ID_CHARS + 1, hash, KEY_ID_CHARS / 2);
    return true;
}

/* Takes key, also on failure. */
static struct signer *signer_of(EVP_PKEY *key)
{
    struct signer *s = calloc(1, sizeof *s);
    EVP_MD_CTX *prepared = EVP_MD_CTX_new();
    if (s == NULL || prepared == NULL || !name_key(key, s->id) || EVP_DigestSignInit(prepared, NULL, NULL, NULL, key) != 1) {
        EVP_MD_CTX_free(prepared);
        EVP_PKEY_free(key);
        free(s);
        return NULL;
    }
    s->key = key;
    s->prepared = prepared;
    return s;
}

struct signer *signer_load(const char *path, char *error, size_t error_cap)
{
    EVP_PKEY *key = keyfile_private(path, error, error_cap);
    if (key == NULL)
        return NULL;
    struct signer *s = signer_of(key);
    if (s == NULL)
        keyfile_reason(path, "not an Ed25519 key", error, error_cap);
    return s;
}

struct signer *signer_generate(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return key == NULL ? NULL : signer_of(key);
}

/* Writes a key's PEM to a file that must not exist yet. */
static bool save_pem(const char *path, mode_t mode, EVP_PKEY *key, bool private, char *error, size_t cap)
{
    BIO *bio = BIO_new(private ? BIO_s_secmem() : BIO_s_mem()); /* the former is wiped when freed */
    int made = bio == NULL ? 0
               : private   ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                           : PEM_write_bio_PUBKEY(bio, key);
    if (made != 1)
        keyfile_reason(path, "cannot encode the key", error, cap);
    bool ok = made == 1 && keyfile_create(path, mode, bio, error, cap);
    BIO_free(bio);
    return ok;
}

bool signer_save(const struct signer *s, const char *private_path, const char *public_path, char *error, size_t cap)
{
    if (!save_pem(private_path, 0600, s->key, true, error, cap))
        return false;
    if (save_pem(public_path, 0644, s->key, false, error, cap))
        return true;
    unlink(private_path); /* ours: it did not exist before */
    return false;
}

void signer_free(struct signer *s)
{
    if (s == NULL)
        return;
    EVP_MD_CTX_free(s->prepared);
    EVP_PKEY_free(s->key); /* OpenSSL wipes private keys */
    free(s);
}

const char *signer_key_id(const struct signer *s)
{
    return s->id;
}

bool signer_sign(const struct signer *s, const void *bytes, size_t len, uint8_t ret[SIGNATURE_BYTES])
{
    uint8_t signature[SIGNATURE_BYTES];
    size_t signature_len = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_MD_CTX_copy_ex(ctx, s->prepared) == 1 &&
              EVP_DigestSign(ctx, signature, &signature_len, len > 0 ? bytes : (const uint8_t *)"", len) == 1 &&
              signature_len == sizeof signature;
    if (ok)
        memcpy(ret, signature, sizeof signature);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* Takes key, also on failure. */
static struct verifier *verifier_around(EVP_PKEY *key)
{
    struct verifier *v = calloc(1, sizeof *v);
    if (v == NULL || !name_key(key, v->id)) {
        EVP_PKEY_free(key);
        free(v);
        return NULL;
    }
    v->key = key;
    return v;
}

struct verifier *verifier_load(const char *path, char *error, size_t error_cap)
{
    ERR_clear_error();
    BIO *bio = BIO_new_file(path, "r");
    if (bio == NULL) {
        keyfile_reason(path, "cannot read", error, error_cap);
        return NULL;
    }
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (key == NULL) {
        keyfile_reason(path, "no PEM public key", error, error_cap);
        return NULL;
    }
    struct verifier *v = verifier_around(key);
    if (v == NULL)
        keyfile_reason(path, "not an Ed25519 key", error, error_cap);
    return v;
}

struct verifier *verifier_of(const struct signer *s)
{
    uint8_t raw[PUBLIC_KEY_BYTES];
    size_t len = sizeof raw;
    if (EVP_PKEY_get_raw_public_key(s->key, raw, &len) != 1)
        return NULL;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, len);
    return key == NULL ? NULL : verifier_around(key);
}

void verifier_free(struct verifier *v)
{
    if (v == NULL)
        return;
    EVP_PKEY_free(v->key);
    free(v);
}

const char *verifier_key_id(const struct verifier *v)
{
    return v->id;
}

bool verifier_check(const struct verifier *v, const void *bytes, size_t len, const uint8_t signature[SIGNATURE_BYTES])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, v->key) == 1 &&
              EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, len > 0 ? bytes : (const uint8_t *)"", len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}
