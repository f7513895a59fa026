/* Trees: the published vectors of Certificate Transparency (RFC 6962 hashing, unchanged in RFC 9162), the RFC's own
 * recursive definition, and no acceptance of anything altered. */
#include "merkle.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define SIZE SHA256_BYTES
#define MANY 70

static uint8_t leaves[MANY * SIZE];

static void fill(void)
{
    for (unsigned i = 0; i < MANY; i++)
        merkle_leaf(&i, sizeof i, leaves + i * SIZE);
}

static void unhex(const char *s, uint8_t ret[SIZE])
{
    ck_assert(decode_hex(s, strlen(s), ret, SIZE));
}

static void published_leaves(uint8_t *ret)
{
    static const char *const inputs[] = {"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                                         "606162636465666768696a6b6c6d6e6f"};
    for (size_t i = 0; i < 8; i++) {
        uint8_t raw[16];
        size_t len = strlen(inputs[i]) / 2;
        ck_assert(decode_hex(inputs[i], 2 * len, raw, len));
        merkle_leaf(raw, len, ret + i * SIZE);
    }
}

START_TEST(published_roots)
{
    static const char *const roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
    uint8_t l[8 * SIZE], root[SIZE], expected[SIZE];
    published_leaves(l);
    for (size_t n = 1; n <= 8; n++) {
        unhex(roots[n - 1], expected);
        merkle_root(l, n, root);
        ck_assert_mem_eq(root, expected, SIZE);
    }
}
END_TEST

START_TEST(published_path)
{
    static const char *const steps[] = {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                                        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                                        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"};
    uint8_t l[8 * SIZE], path[MERKLE_PATH_MAX * SIZE], expected[SIZE];
    published_leaves(l);
    ck_assert_uint_eq(merkle_path(l, 8, 0, path), 3);
    for (size_t i = 0; i < 3; i++) {
        unhex(steps[i], expected);
        ck_assert_mem_eq(path + i * SIZE, expected, SIZE);
    }
}
END_TEST

/* MTH and PATH as RFC 9162 writes them, as slow as they are. */
static size_t split_of(size_t n)
{
    size_t k = 1;
    while (2 * k < n)
        k *= 2;
    return k;
}

static void slow_root(const uint8_t *l, size_t n, uint8_t ret[SIZE])
{
    if (n == 1) {
        memcpy(ret, l, SIZE);
        return;
    }
    uint8_t input[1 + 2 * SIZE] = {1};
    size_t k = split_of(n);
    slow_root(l, k, input + 1);
    slow_root(l + k * SIZE, n - k, input + 1 + SIZE);
    digest_sha256(input, sizeof input, ret);
}

static size_t slow_path(const uint8_t *l, size_t n, size_t m, uint8_t *ret)
{
    if (n == 1)
        return 0;
    size_t k = split_of(n), steps;
    if (m < k) {
        steps = slow_path(l, k, m, ret);
        slow_root(l + k * SIZE, n - k, ret + steps * SIZE);
    } else {
        steps = slow_path(l + k * SIZE, n - k, m - k, ret);
        slow_root(l, k, ret + steps * SIZE);
    }
    return steps + 1;
}

START_TEST(agrees_with_the_definition)
{
    uint8_t root[SIZE], other[SIZE], path[MERKLE_PATH_MAX * SIZE], expected[MERKLE_PATH_MAX * SIZE];
    fill();
    for (size_t n = 1; n <= MANY; n++) {
        struct merkle_tree *t = merkle_tree_new(leaves, n);
        ck_assert_ptr_nonnull(t);
        slow_root(leaves, n, other);
        merkle_root(leaves, n, root);
        ck_assert_mem_eq(root, other, SIZE);
        merkle_tree_root(t, root);
        ck_assert_mem_eq(root, other, SIZE);
        for (size_t i = 0; i < n; i++) {
            size_t steps = slow_path(leaves, n, i, expected);
            ck_assert_uint_eq(merkle_path(leaves, n, i, path), steps);
            ck_assert_mem_eq(path, expected, steps * SIZE);
            ck_assert_uint_eq(merkle_tree_path(t, i, path), steps);
            ck_assert_mem_eq(path, expected, steps * SIZE);
            ck_assert(merkle_verify(leaves + i * SIZE, i, n, path, steps, root));
        }
        merkle_tree_free(t);
    }
}
END_TEST

START_TEST(nothing_altered_verifies)
{
    uint8_t root[SIZE], path[MERKLE_PATH_MAX * SIZE];
    fill();
    for (size_t n = 1; n <= 20; n++) {
        merkle_root(leaves, n, root);
        for (size_t i = 0; i < n; i++) {
            size_t steps = merkle_path(leaves, n, i, path);
            const uint8_t *leaf = leaves + i * SIZE;
            memset(path + steps * SIZE, 0, SIZE);
            ck_assert(!merkle_verify(leaf, i, n, path, steps + 1, root));
            if (steps > 0)
                ck_assert(!merkle_verify(leaf, i, n, path, steps - 1, root));
            for (size_t j = 0; j < n + 2; j++) /* another place in the same tree */
                ck_assert(j == i || !merkle_verify(leaf, j, n, path, steps, root));
            ck_assert(!merkle_verify(leaves + (i + 1) * SIZE, i, n, path, steps, root));
            for (size_t at = 0; at < steps; at++) {
                path[at * SIZE + 5] ^= 1;
                ck_assert(!merkle_verify(leaf, i, n, path, steps, root));
                path[at * SIZE + 5] ^= 1;
            }
            root[31] ^= 1;
            ck_assert(!merkle_verify(leaf, i, n, path, steps, root));
            root[31] ^= 1;
        }
    }
}
END_TEST

START_TEST(hostile_sizes)
{
    static uint8_t path[70 * SIZE];
    uint8_t root[SIZE] = {0};
    fill();
    ck_assert(!merkle_verify(leaves, 0, 0, path, 0, root));
    ck_assert(!merkle_verify(leaves, UINT64_MAX, UINT64_MAX, path, 64, root));
    ck_assert(!merkle_verify(leaves, UINT64_MAX - 1, UINT64_MAX, path, 70, root));
    ck_assert(!merkle_verify(leaves, 0, UINT64_MAX, path, 70, root));
    ck_assert(merkle_verify(leaves, 0, 1, path, 0, leaves));
    ck_assert(merkle_verify(leaves, 0, 1, NULL, 0, leaves));
}
END_TEST

/* A node passed off as a leaf: the prefixes differ. */
START_TEST(leaves_are_not_nodes)
{
    uint8_t root[SIZE], leaf[SIZE];
    fill();
    merkle_root(leaves, 2, root);
    merkle_leaf(leaves, 2 * SIZE, leaf);
    ck_assert_mem_ne(root, leaf, SIZE);
}
END_TEST

UNIT_MAIN("crypto/merkle", published_roots, published_path, agrees_with_the_definition, nothing_altered_verifies,
          hostile_sizes, leaves_are_not_nodes)
