/* Receipts: what hadir signs about a check-in, and how anybody verifies it with the public key alone.
 *
 * fact text  = "hadir-fact-v1\n" and lines name=value\n in fixed order (receipt.c's top lists them); coordinates appear
 *              only as coordinates_sha256 = SHA-256(salt ‖ lat as IEEE-754 big-endian ‖ lon likewise); no key, no body hash.
 * leaf input = SHA-256(fact text) ‖ status line ‖ verdict lines; the tree is RFC 9162 over leaf inputs.
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

/* The canonical text of the fact (no coordinates). */
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

enum receipt_check { RECEIPT_GOOD, RECEIPT_MALFORMED, RECEIPT_WRONG_KEY, RECEIPT_WRONG_PATH, RECEIPT_WRONG_SIGNATURE };
/* Verifies receipt JSON. reason tells in words what failed. */
enum receipt_check receipt_verify(const uint8_t *json, size_t len, const struct verifier *v, char *reason, size_t cap);

#endif
