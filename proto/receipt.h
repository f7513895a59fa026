/* Receipts: what hadir signs about a check-in, and how anybody verifies it with the public key alone.
 *
 * fact text  = "hadir-fact-v1\n" and lines name=value\n in fixed order (receipt.c's top lists them); coordinates appear
 *              only as coordinates_sha256 = SHA-256(salt ‖ lat as IEEE-754 big-endian ‖ lon likewise); no key, no body hash.
 * leaf input = SHA-256(fact text) ‖ "status=accepted\n" ‖ verdict lines; the tree is RFC 9162 over leaf inputs.
 * signed     = "hadir-group-v1\n" ‖ tree size (u64 big-endian) ‖ root (32 bytes), Ed25519.
 * PROTOCOL.md has the same for other implementers, with test vectors in vectors/. */
#ifndef HADIR_RECEIPT_H
#define HADIR_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "fact.h"
#include "merkle.h"
#include "signer.h"

/* The canonical text of the fact (no coordinates). false only when out is full or memory is short. */
bool receipt_fact_text(const struct fact *f, struct buf *out);
void receipt_coordinates_hash(const struct fact *f, uint8_t ret[SHA256_BYTES]);
/* The Merkle leaf hash of a fact accepted with its first verdict. */
bool receipt_leaf(const struct fact *f, uint8_t ret_leaf[SHA256_BYTES]);
/* What is signed for a group. */
void receipt_signed_bytes(uint64_t tree_size, const uint8_t root[SHA256_BYTES], uint8_t ret[15 + 8 + 32]);

struct receipt_proof {
    uint64_t tree_size, tree_index;
    const uint8_t *path; /* 32-byte steps */
    size_t path_steps;
    uint8_t root[SHA256_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    const char *key_id;
};
/* The receipt as compact JSON, byte-identical for the same input: {"v":1,"fact":{…},"status":"accepted","verdict":{…},
 * "tree":{"size","index","path":[hex]},"root":hex,"key":key_id,"signature":base64url}. */
bool receipt_json(const struct fact *f, const struct receipt_proof *proof, struct buf *out);

/* The same three from the hash alone: coordinates and salt may have been erased since. */
bool receipt_fact_text_hashed(const struct fact *f, const uint8_t coordinates_sha256[SHA256_BYTES], struct buf *out);
bool receipt_leaf_hashed(const struct fact *f, const uint8_t coordinates_sha256[SHA256_BYTES],
                         uint8_t ret_leaf[SHA256_BYTES]);
bool receipt_json_hashed(const struct fact *f, const uint8_t coordinates_sha256[SHA256_BYTES],
                         const struct receipt_proof *proof, struct buf *out);

/* The receipt again, byte for byte, from the JSON of api.receipt() (stored columns). false with a reason: not such a
 * document, or the check-in has no signature (a rejected row, a location attached after enrolment). */
bool receipt_from_row(const uint8_t *row_json, size_t len, struct buf *out, char *reason, size_t cap);

enum receipt_check { RECEIPT_GOOD, RECEIPT_MALFORMED, RECEIPT_WRONG_KEY, RECEIPT_WRONG_PATH, RECEIPT_WRONG_SIGNATURE };
/* Verifies receipt JSON; order of members and white space do not matter, members and values do. reason tells in words
 * what failed, empty when GOOD. Bytes from anybody: fuzzed. */
enum receipt_check receipt_verify(const uint8_t *json, size_t len, const struct verifier *v, char *reason, size_t cap);

#endif
