/* Ed25519 against RFC 8032's vectors; keys on disk. */
#include "digest.h"
#include "signer.h"
#include "unit.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], private_path[100], public_path[100], error[400];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/hadir-key-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(private_path, sizeof private_path, "%s/r.key", folder);
    snprintf(public_path, sizeof public_path, "%s/r.pub", folder);
    error[0] = '\0';
}

static void drop_folder(void)
{
    unlink(private_path);
    unlink(public_path);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Writes a key's PEM with OpenSSL alone, optionally encrypted. */
static void write_key(EVP_PKEY *key, const char *path, const char *passphrase, mode_t mode)
{
    unlink(path);
    FILE *file = fopen(path, "w");
    ck_assert_int_eq(fchmod(fileno(file), mode), 0);
    ck_assert_int_eq(PEM_write_PKCS8PrivateKey(file, key, passphrase == NULL ? NULL : EVP_aes_256_cbc(), passphrase,
                                               passphrase == NULL ? 0 : (int)strlen(passphrase), NULL, NULL),
                     1);
    fclose(file);
}

START_TEST(rfc_8032_vectors)
{
    static const struct {
        const char *secret, *message, *signature, *public;
    } cases[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
         "655141438e7a100b",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
         "b00d291612bb0c00",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
         "c027beceea1ec40a",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"},
    };
    make_folder();
    for (size_t i = 0; i < 3; i++) {
        uint8_t secret[32], public[32], hash[32], message[2], expected[64], signature[64];
        char id[17];
        size_t len = strlen(cases[i].message) / 2;
        ck_assert(decode_hex(cases[i].secret, 64, secret, 32) && decode_hex(cases[i].public, 64, public, 32) &&
                  decode_hex(cases[i].message, 2 * len, message, len) && decode_hex(cases[i].signature, 128, expected, 64));
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
        write_key(key, private_path, NULL, 0600);
        EVP_PKEY_free(key);
        struct signer *s = signer_load(private_path, error, sizeof error);
        ck_assert_msg(s != NULL, "%s", error);
        ck_assert(signer_sign(s, message, len, signature));
        ck_assert_mem_eq(signature, expected, 64);
        digest_sha256(public, 32, hash);
        ck_assert_str_eq(signer_key_id(s), encode_hex(id, sizeof id, hash, 8));
        struct verifier *v = verifier_of(s);
        ck_assert_str_eq(verifier_key_id(v), signer_key_id(s));
        ck_assert(verifier_check(v, message, len, signature));
        for (size_t bit = 0; bit < 512; bit += 7) {
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert(!verifier_check(v, message, len, signature));
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        ck_assert(!verifier_check(v, "other", 5, signature));
        verifier_free(v);
        signer_free(s);
    }
    drop_folder();
}
END_TEST

START_TEST(saved_keys_come_back)
{
    uint8_t signature[SIGNATURE_BYTES];
    struct stat st;
    make_folder();
    mode_t mask = umask(0);
    struct signer *s = signer_generate(), *other = signer_generate();
    ck_assert(signer_save(s, private_path, public_path, error, sizeof error));
    umask(mask);
    ck_assert_int_eq(stat(private_path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    struct signer *again = signer_load(private_path, error, sizeof error);
    struct verifier *v = verifier_load(public_path, error, sizeof error);
    ck_assert_msg(again != NULL && v != NULL, "%s", error);
    ck_assert_str_eq(signer_key_id(again), signer_key_id(s));
    ck_assert_str_eq(verifier_key_id(v), signer_key_id(s));
    ck_assert_str_ne(signer_key_id(other), signer_key_id(s));
    ck_assert(signer_sign(again, "x", 1, signature) && verifier_check(v, "x", 1, signature));
    ck_assert(signer_sign(other, "x", 1, signature) && !verifier_check(v, "x", 1, signature));
    verifier_free(v);
    signer_free(again);
    signer_free(other);
    /* an existing key is never overwritten */
    ck_assert(!signer_save(s, private_path, public_path, error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "File exists"));
    unlink(private_path);
    ck_assert(!signer_save(s, private_path, public_path, error, sizeof error)); /* the public file exists */
    ck_assert_int_eq(access(private_path, F_OK), -1);                           /* and nothing half is left */
    signer_free(s);
    signer_free(NULL);
    verifier_free(NULL);
    drop_folder();
}
END_TEST

static void refuses(const char *piece)
{
    error[0] = '\0';
    ck_assert_ptr_null(signer_load(private_path, error, sizeof error));
    ck_assert_msg(strstr(error, piece) != NULL, "%s", error);
    ck_assert_ptr_nonnull(strstr(error, private_path));
}

START_TEST(bad_keys_are_refused)
{
    make_folder();
    refuses("No such file");
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), *ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        write_key(ed, private_path, NULL, open_modes[i]);
        refuses("others can reach it");
    }
    write_key(ec, private_path, NULL, 0600);
    refuses("not an Ed25519 key");
    write_key(ed, private_path, "rahasia", 0600);
    refuses("no usable PEM private key"); /* and asks nobody for a passphrase */
    unlink(private_path);
    int fd = open(private_path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, "nonsense", 8), 8);
    close(fd);
    refuses("no usable PEM private key");
    ck_assert_ptr_null(verifier_load(private_path, error, sizeof error));
    ck_assert_ptr_null(verifier_load("/nonexistent", error, sizeof error));
    unlink(private_path);
    ck_assert_int_eq(mkfifo(private_path, 0600), 0);
    refuses("not a regular file"); /* and does not wait for a writer */
    EVP_PKEY_free(ed);
    EVP_PKEY_free(ec);
    drop_folder();
}
END_TEST

UNIT_MAIN("crypto/signer", rfc_8032_vectors, saved_keys_come_back, bad_keys_are_refused)
