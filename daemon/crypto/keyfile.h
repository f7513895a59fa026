/* Files that hold private keys, and what goes with them, and OpenSSL's reasons as text. For crypto/ only. */
#ifndef HADIR_KEYFILE_H
#define HADIR_KEYFILE_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The private key in a PEM file. Refuses a file that group or others can reach in any way, and encrypted keys (nobody
 * is there to type a passphrase). NULL with a reason; caller frees with EVP_PKEY_free. */
EVP_PKEY *keyfile_private(const char *path, char *error, size_t error_cap);
/* Writes what the memory BIO holds to a file that must not exist yet, to the disk. false with a reason. */
bool keyfile_create(const char *path, mode_t mode, BIO *pem, char *error, size_t error_cap);
/* Writes "path: what: OpenSSL's newest reason" and empties OpenSSL's queue of errors. */
void keyfile_reason(const char *path, const char *what, char *error, size_t error_cap);

#endif
