/* Merkle tree hashing of RFC 9162, section 2.1, over SHA-256: root, inclusion path, verification. */
#ifndef HADIR_MERKLE_H
#define HADIR_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"

#define MERKLE_PATH_MAX 32 /* steps; enough for 2^32 leaves */

/* SHA-256(0x00 ‖ leaf data). */
void merkle_leaf(const void *bytes, size_t len, uint8_t ret[SHA256_BYTES]);
/* count ≥ 1 leaf hashes, 32 bytes each, contiguous. */
void merkle_root(const uint8_t *leaves, size_t count, uint8_t ret[SHA256_BYTES]);
/* The audit path of leaf `index`, from the leaf upward; ret_path holds MERKLE_PATH_MAX * 32 bytes. Returns the steps. */
size_t merkle_path(const uint8_t *leaves, size_t count, size_t index, uint8_t *ret_path);
/* The same for a group that needs every leaf's path: hashes each node once. NULL when memory is short. */
struct merkle_tree;
struct merkle_tree *merkle_tree_new(const uint8_t *leaves, size_t count); /* count 1 … 2^32; copies */
void merkle_tree_free(struct merkle_tree *t);
void merkle_tree_root(const struct merkle_tree *t, uint8_t ret[SHA256_BYTES]);
size_t merkle_tree_path(const struct merkle_tree *t, size_t index, uint8_t *ret_path); /* as merkle_path */
bool merkle_verify(const uint8_t leaf[SHA256_BYTES], uint64_t index, uint64_t count, const uint8_t *path, size_t steps,
                   const uint8_t root[SHA256_BYTES]);

#endif
