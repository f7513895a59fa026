/* The group tree gives the very root and paths of RFC 9162, for every size and leaf. */
#include <string.h>

#include "digest.h"
#include "spool_tree.h"
#include "unit.h"

#define SIZES 70

START_TEST(agrees_with_rfc_9162)
{
    uint8_t leaves[SIZES * SHA256_BYTES], path[MERKLE_PATH_MAX * SHA256_BYTES], expected[MERKLE_PATH_MAX * SHA256_BYTES];
    uint8_t root[SHA256_BYTES];
    for (size_t i = 0; i < SIZES; i++)
        merkle_leaf(&i, sizeof i, leaves + i * SHA256_BYTES);
    for (size_t count = 1; count <= SIZES; count++) {
        struct spool_tree t;
        ck_assert(spool_tree_init(&t, leaves, count));
        merkle_root(leaves, count, root);
        ck_assert_mem_eq(spool_tree_root(&t), root, SHA256_BYTES);
        for (size_t i = 0; i < count; i++) {
            size_t steps = spool_tree_path(&t, i, path);
            ck_assert_uint_eq(steps, merkle_path(leaves, count, i, expected));
            ck_assert(steps == 0 || memcmp(path, expected, steps * SHA256_BYTES) == 0);
            ck_assert(merkle_verify(leaves + i * SHA256_BYTES, i, count, path, steps, root));
        }
        spool_tree_fini(&t);
    }
}
END_TEST

UNIT_MAIN("spool/tree", agrees_with_rfc_9162)
