/* Receipts from what the spool holds. Private to ledger/. */
#ifndef HADIR_LEDGER_RECEIPTS_H
#define HADIR_LEDGER_RECEIPTS_H

#include <stdbool.h>

#include "buf.h"
#include "fact.h"
#include "spool.h"

/* Replaces out's content by the receipt's JSON: the same bytes for the same row, for ever. Empty when unsigned. */
bool receipts_write(const struct fact *f, const struct spool_proof *proof, struct buf *out);
/* spool_sign_cb: arg is the struct signer. Runs in the spool thread, the only one that signs. */
bool receipts_sign(void *signer, uint64_t tree_size, const uint8_t root[32], uint8_t ret_signature[64]);

#endif
