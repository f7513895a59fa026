/* All inclusion paths of one commit group at once. Private to spool/. */
#ifndef HADIR_SPOOL_TREE_H
#define HADIR_SPOOL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "merkle.h"

struct spool_tree {
    uint8_t *nodes; /* level 0 = the leaves, then each level above, 32 bytes a node */
    size_t at[MERKLE_PATH_MAX + 1];    /* first node of each level */
    size_t width[MERKLE_PATH_MAX + 1]; /* nodes of each level */
    size_t levels;
    size_t count;
};

/* count ≥ 1 leaf hashes. false: memory is short, nothing to free. */
bool spool_tree_init(struct spool_tree *t, const uint8_t *leaves, size_t count);
void spool_tree_fini(struct spool_tree *t);
const uint8_t *spool_tree_root(const struct spool_tree *t);
/* The audit path of leaf `index`, from the leaf upward; ret_path holds MERKLE_PATH_MAX steps. Returns the steps. */
size_t spool_tree_path(const struct spool_tree *t, size_t index, uint8_t *ret_path);

#endif
