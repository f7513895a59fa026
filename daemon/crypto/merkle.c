/* Merkle tree hashing of RFC 9162, section 2.1.
 *
 * A group of check-ins is signed once, over the root; each receipt carries the path from its leaf. The RFC's
 * recursive split at the largest power of two gives the same tree as joining neighbours level by level and passing
 * a last one without neighbour up unchanged; that second form is what is computed here. Leaf and node hashes begin
 * with different bytes, so neither can be passed off as the other. Pure functions. */
#include "merkle.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

#define LEVELS_MAX (MERKLE_PATH_MAX + 1)

struct merkle_tree {
    size_t levels;
    size_t count[LEVELS_MAX];
    uint8_t *nodes[LEVELS_MAX]; /* into bytes */
    uint8_t bytes[];
};

static void node(const uint8_t *left, const uint8_t *right, uint8_t ret[SHA256_BYTES])
{
    uint8_t input[1 + 2 * SHA256_BYTES] = {0x01};
    memcpy(input + 1, left, SHA256_BYTES);
    memcpy(input + 1 + SHA256_BYTES, right, SHA256_BYTES);
    digest_sha256(input, sizeof input, ret);
}

void merkle_leaf(const void *bytes, size_t len, uint8_t ret[SHA256_BYTES])
{
    static const uint8_t prefix = 0x00;
    const struct digest_part parts[] = {{&prefix, 1}, {bytes, len}};
    digest_sha256_parts(parts, 2, ret);
}

/* Callers with an empty group, or a leaf outside it, are broken: such receipts must not exist. */
static void check_bounds(size_t count, size_t index)
{
    if (count == 0 || index >= count || (uint64_t)count > UINT64_C(1) << MERKLE_PATH_MAX)
        fatal("event=merkle_out_of_range count=%zu index=%zu", count, index);
}

/* Keeps the roots of the complete subtrees to the left, largest first: one for each bit set in i. */
void merkle_root(const uint8_t *leaves, size_t count, uint8_t ret[SHA256_BYTES])
{
    uint8_t stack[LEVELS_MAX + 1][SHA256_BYTES];
    size_t depth = 0;
    check_bounds(count, 0);
    for (size_t i = 0; i < count; i++) {
        memcpy(stack[depth++], leaves + i * SHA256_BYTES, SHA256_BYTES);
        for (size_t bits = i; (bits & 1) != 0; bits >>= 1, depth--)
            node(stack[depth - 2], stack[depth - 1], stack[depth - 2]);
    }
    for (; depth > 1; depth--)
        node(stack[depth - 2], stack[depth - 1], stack[depth - 2]);
    memcpy(ret, stack[0], SHA256_BYTES);
}

size_t merkle_path(const uint8_t *leaves, size_t count, size_t index, uint8_t *ret_path)
{
    size_t steps = 0;
    check_bounds(count, index);
    for (unsigned level = 0; level < MERKLE_PATH_MAX && (count - 1) >> level != 0; level++) {
        size_t sibling = (index >> level ^ 1) << level, width = (size_t)1 << level;
        if (sibling >= count)
            continue;
        merkle_root(leaves + sibling * SHA256_BYTES, count - sibling < width ? count - sibling : width,
                    ret_path + steps * SHA256_BYTES);
        steps++;
    }
    return steps;
}

struct merkle_tree *merkle_tree_new(const uint8_t *leaves, size_t count)
{
    check_bounds(count, 0);
    size_t total = 0, levels = 0;
    for (size_t n = count;; n = n / 2 + n % 2) {
        total += n;
        levels++;
        if (n == 1)
            break;
    }
    struct merkle_tree *t = malloc(sizeof *t + total * SHA256_BYTES);
    if (t == NULL)
        return NULL;
    t->levels = levels;
    uint8_t *at = t->bytes;
    size_t n = count;
    for (size_t level = 0; level < levels; level++, n = n / 2 + n % 2) {
        t->nodes[level] = at;
        t->count[level] = n;
        at += n * SHA256_BYTES;
    }
    memcpy(t->bytes, leaves, count * SHA256_BYTES);
    for (size_t level = 1; level < levels; level++) {
        const uint8_t *below = t->nodes[level - 1];
        uint8_t *here = t->nodes[level];
        size_t pairs = t->count[level - 1] / 2;
        for (size_t i = 0; i < pairs; i++)
            node(below + 2 * i * SHA256_BYTES, below + (2 * i + 1) * SHA256_BYTES, here + i * SHA256_BYTES);
        if (t->count[level - 1] % 2 != 0)
            memcpy(here + pairs * SHA256_BYTES, below + 2 * pairs * SHA256_BYTES, SHA256_BYTES);
    }
    return t;
}

void merkle_tree_free(struct merkle_tree *t)
{
    free(t);
}

void merkle_tree_root(const struct merkle_tree *t, uint8_t ret[SHA256_BYTES])
{
    memcpy(ret, t->nodes[t->levels - 1], SHA256_BYTES);
}

size_t merkle_tree_path(const struct merkle_tree *t, size_t index, uint8_t *ret_path)
{
    size_t steps = 0;
    check_bounds(t->count[0], index);
    for (size_t level = 0; level + 1 < t->levels; level++) {
        size_t sibling = index >> level ^ 1;
        if (sibling >= t->count[level])
            continue;
        memcpy(ret_path + steps * SHA256_BYTES, t->nodes[level] + sibling * SHA256_BYTES, SHA256_BYTES);
        steps++;
    }
    return steps;
}

/* RFC 9162, 2.1.3.2, whose names fn and sn are kept. */
bool merkle_verify(const uint8_t leaf[SHA256_BYTES], uint64_t index, uint64_t count, const uint8_t *path, size_t steps,
                   const uint8_t root[SHA256_BYTES])
{
    uint8_t r[SHA256_BYTES];
    if (index >= count)
        return false;
    uint64_t fn = index, sn = count - 1;
    memcpy(r, leaf, sizeof r);
    for (size_t i = 0; i < steps; i++) {
        const uint8_t *p = path + i * SHA256_BYTES;
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            node(p, r, r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            node(r, p, r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && digest_equal(r, root, sizeof r);
}
