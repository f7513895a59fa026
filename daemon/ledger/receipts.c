/* The two places where the ledger makes receipts: signing a group, and writing one row's receipt from its proof. The
 * form of both is proto/receipt.h's alone. No state.
 */
#include "receipts.h"

#include <string.h>

#include "receipt.h"
#include "signer.h"

bool receipts_write(const struct fact *f, const struct spool_proof *proof, struct buf *out)
{
    struct receipt_proof p = {.tree_size = proof->tree_size, .tree_index = proof->tree_index, .path = proof->path,
                              .path_steps = proof->path_steps, .key_id = proof->key_id};
    buf_clear(out);
    if (proof->tree_size == 0)
        return true;
    memcpy(p.root, proof->root, sizeof p.root);
    memcpy(p.signature, proof->signature, sizeof p.signature);
    return receipt_json(f, &p, out);
}

bool receipts_sign(void *signer, uint64_t tree_size, const uint8_t root[32], uint8_t ret_signature[64])
{
    uint8_t bytes[15 + 8 + 32];
    receipt_signed_bytes(tree_size, root, bytes);
    return signer_sign(signer, bytes, sizeof bytes, ret_signature);
}
