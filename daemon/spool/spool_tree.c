/* The Merkle tree of one commit group, kept whole, so that a path costs no hashing.
 *
 * crypto/merkle.h gives one path in O(n) hashes; a group of 500 answers would cost 250,000. Here the tree is built
 * level by level once: neighbours are paired, an odd last node is promoted unchanged. That is the very tree of RFC 9162
 * (whose recursive split at the largest power of two gives the same pairs), and test_spool_tree compares the two.
 *
 * Does not know rows or signatures. Used by the spool thread only.
 */
#include "spool_tree.h"

#include <stdlib.h>
#include <string.h>

static void pair_up(const uint8_t *pair, uint8_t *ret_parent)
{
    static const uint8_t node_prefix = 0x01;
    const struct digest_part parts[] = {{&node_prefix, 1}, {pair, (size_t)2 * SHA256_BYTES}};
    digest_sha256_parts(parts, 2, ret_parent);
}

bool spool_tree_init(struct spool_tree *t, const uint8_t *leaves, size_t count)
{
    size_t total = 0;
    memset(t, 0, sizeof *t);
    for (size_t width = count;; width = (width + 1) / 2) {
        t->at[t->levels] = total;
        t->width[t->levels++] = width;
        total += width;
        if (width <= 1)
            break;
    }
    t->nodes = malloc(total * SHA256_BYTES);
    if (t->nodes == NULL)
        return false;
    t->count = count;
    memcpy(t->nodes, leaves, count * SHA256_BYTES);
    for (size_t level = 0; level + 1 < t->levels; level++) {
        const uint8_t *from = t->nodes + t->at[level] * SHA256_BYTES;
        uint8_t *to = t->nodes + t->at[level + 1] * SHA256_BYTES;
        size_t i = 0;
        for (; i + 1 < t->width[level]; i += 2, to += SHA256_BYTES)
            pair_up(from + i * SHA256_BYTES, to);
        if (i < t->width[level])
            memcpy(to, from + i * SHA256_BYTES, SHA256_BYTES);
    }
    return true;
}

void spool_tree_fini(struct spool_tree *t)
{
    free(t->nodes);
    memset(t, 0, sizeof *t);
}

const uint8_t *spool_tree_root(const struct spool_tree *t)
{
    return t->nodes + t->at[t->levels - 1] * SHA256_BYTES;
}

size_t spool_tree_path(const struct spool_tree *t, size_t index, uint8_t *ret_path)
{
    size_t steps = 0;
    for (size_t level = 0; level + 1 < t->levels; level++, index /= 2) {
        size_t sibling = index ^ 1;
        if (sibling >= t->width[level])
            continue; /* promoted: no step */
        memcpy(ret_path + steps * SHA256_BYTES, t->nodes + (t->at[level] + sibling) * SHA256_BYTES, SHA256_BYTES);
        steps++;
    }
    return steps;
}
