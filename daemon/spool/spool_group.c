/* The group commit: what several batches become in one transaction.
 *
 * Order inside the transaction: look the key up (also finds what this very group appended a moment ago), ask the slot,
 * insert; then build the Merkle tree over the new signed leaves, sign its root, write the group; then COMMIT. Every
 * result, with its proof, is complete *before* COMMIT, so that after it nothing can fail any more and the caller only
 * hands results over.
 *
 * A group is kept whole or not at all; a batch is never split over groups. What a fault means for the process is
 * decided in spool.c.
 */
#include "spool_group.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

/* ---- batches ---- */

struct spool_batch *spool_batch_new(const struct spool_item *items, size_t count, spool_append_cb cb, void *arg)
{
    struct spool_batch *b = calloc(1, sizeof *b);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += items[i].payload_len + items[i].sender.len;
    if (b == NULL)
        return NULL;
    b->items = calloc(count, sizeof *b->items);
    b->results = calloc(count, sizeof *b->results);
    b->paths = malloc(count * MERKLE_PATH_MAX * SHA256_BYTES);
    b->bytes = malloc(bytes + 1);
    if (b->items == NULL || b->results == NULL || b->paths == NULL || b->bytes == NULL) {
        spool_batch_free(b);
        return NULL;
    }
    b->count = count;
    b->cb = cb;
    b->arg = arg;
    b->first_received_us = INT64_MAX;
    uint8_t *at = b->bytes;
    for (size_t i = 0; i < count; i++) {
        struct spool_item *item = &b->items[i];
        *item = items[i];
        if (item->payload_len > 0)
            memcpy(at, items[i].payload, item->payload_len);
        item->payload = at;
        at += item->payload_len;
        if (item->sender.len > 0)
            memcpy(at, items[i].sender.s, item->sender.len);
        item->sender.s = (const char *)at;
        at += item->sender.len;
        if (item->received_us < b->first_received_us)
            b->first_received_us = item->received_us;
    }
    return b;
}

void spool_batch_free(struct spool_batch *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; b->results != NULL && i < b->count; i++)
        free((void *)(uintptr_t)b->results[i].payload); /* ours: copied in answer_known */
    free(b->items);
    free(b->results);
    free(b->paths);
    free(b->bytes);
    free(b);
}

/* ---- the transaction ---- */

struct group_run {
    struct spool_file *f;
    struct spool_file_group group; /* the new one */
    uint8_t *leaves;
    size_t leaf_count;
    size_t rows;
    /* where each item's proof is, in batch order; group 0: none */
    struct leaf_at {
        int64_t group, index;
    } *at;
    enum spool_fault fault;
};

static bool failed(struct group_run *run, enum spool_fault fault)
{
    run->fault = fault;
    return false;
}

/* The key is known: the first row's payload again, or a conflict. */
static bool answer_known(struct group_run *run, const struct spool_item *item, const struct spool_file_row *row,
                         struct leaf_at *at, struct spool_result *ret)
{
    memcpy(ret->id, row->id, sizeof ret->id);
    if (memcmp(row->body_hash, item->body_hash, sizeof row->body_hash) != 0) {
        ret->status = ITEM_CONFLICT;
        return true;
    }
    uint8_t *copy = malloc(row->payload_len + 1);
    if (copy == NULL)
        return failed(run, SPOOL_FAULT_MEMORY);
    if (row->payload_len > 0)
        memcpy(copy, row->payload, row->payload_len);
    ret->status = ITEM_DUPLICATE;
    ret->seq = row->seq;
    ret->payload = copy;
    ret->payload_len = row->payload_len;
    at->group = row->group;
    at->index = row->leaf_index;
    return true;
}

static bool append_new(struct group_run *run, const struct spool_item *item, const struct spool_scope *scope,
                       struct leaf_at *at, struct spool_result *ret)
{
    int64_t group = item->signed_leaf ? run->group.id : 0, index = (int64_t)run->leaf_count;
    if (!spool_file_insert(run->f, item, scope, group, index, &ret->seq))
        return failed(run, spool_file_fault(run->f));
    if (ret->seq == 0) { /* a random id twice: the sender's fault, not the disk's */
        log_error("event=spool_id_taken");
        ret->status = ITEM_CONFLICT;
        return true;
    }
    if (item->has_slot && item->slot.session != 0 && !spool_file_take_slot(run->f, &item->slot))
        return failed(run, spool_file_fault(run->f));
    ret->status = ITEM_ACCEPTED;
    run->rows++;
    if (item->signed_leaf) {
        memcpy(run->leaves + run->leaf_count++ * SHA256_BYTES, item->leaf, SHA256_BYTES);
        at->group = group;
        at->index = index;
    }
    return true;
}

static bool append_item(struct group_run *run, const struct spool_item *item, struct leaf_at *at,
                        struct spool_result *ret)
{
    struct spool_scope scope;
    struct spool_file_row row;
    bool found = false, taken = false;
    int64_t holder_us = 0;

    free((void *)(uintptr_t)ret->payload); /* of an attempt that was rolled back */
    memset(ret, 0, sizeof *ret);
    memcpy(ret->id, item->id, sizeof ret->id);
    spool_scope_of_item(item, &scope);
    if (!spool_file_by_key(run->f, &scope, item->key, &found, &row))
        return failed(run, spool_file_fault(run->f));
    if (found)
        return answer_known(run, item, &row, at, ret);
    if (item->has_slot && item->slot.session != 0) {
        if (!spool_file_slot(run->f, &item->slot, &taken, &holder_us))
            return failed(run, spool_file_fault(run->f));
        if (taken && holder_us <= item->slot.at_us) {
            ret->status = ITEM_DROPPED;
            return true;
        }
    }
    return append_new(run, item, &scope, at, ret);
}

static bool append_all(struct group_run *run, struct spool_batch *const *batches, size_t count)
{
    struct leaf_at *at = run->at;
    for (size_t b = 0; b < count; b++)
        for (size_t i = 0; i < batches[b]->count; i++, at++)
            if (!append_item(run, &batches[b]->items[i], at, &batches[b]->results[i]))
                return false;
    return true;
}

static bool sign_group(struct group_run *run, const struct spool_signing *signing)
{
    if (run->leaf_count == 0)
        return true;
    struct spool_file_group *g = &run->group;
    uint8_t root[SHA256_BYTES];
    g->count = run->leaf_count;
    g->tree = merkle_tree_new(run->leaves, run->leaf_count);
    if (g->tree == NULL)
        return failed(run, SPOOL_FAULT_MEMORY);
    merkle_tree_root(g->tree, root);
    memcpy(g->key_id, signing->key_id, sizeof g->key_id);
    if (!signing->sign(signing->arg, run->leaf_count, root, g->signature))
        return failed(run, SPOOL_FAULT_SIGN);
    return spool_file_insert_group(run->f, g, run->leaves) || failed(run, spool_file_fault(run->f));
}

void spool_proof_of(const struct spool_file_group *g, int64_t leaf_index, uint8_t *path, struct spool_proof *ret)
{
    memset(ret, 0, sizeof *ret);
    if (leaf_index < 0 || (uint64_t)leaf_index >= g->count)
        return; /* unsigned rather than wrong */
    ret->tree_size = g->count;
    ret->tree_index = (uint64_t)leaf_index;
    ret->path = path;
    ret->path_steps = merkle_tree_path(g->tree, (size_t)leaf_index, path);
    merkle_tree_root(g->tree, ret->root);
    memcpy(ret->signature, g->signature, sizeof ret->signature);
    memcpy(ret->key_id, g->key_id, sizeof ret->key_id);
}

static bool fill_proofs(struct group_run *run, struct spool_batch *const *batches, size_t count)
{
    const struct leaf_at *at = run->at;
    for (size_t b = 0; b < count; b++) {
        for (size_t i = 0; i < batches[b]->count; i++, at++) {
            if (at->group == 0)
                continue;
            const struct spool_file_group *g =
                at->group == run->group.id ? &run->group : spool_file_group(run->f, at->group);
            if (g == NULL)
                return failed(run, spool_file_fault(run->f));
            spool_proof_of(g, at->index, batches[b]->paths + i * MERKLE_PATH_MAX * SHA256_BYTES,
                           &batches[b]->results[i].proof);
        }
    }
    return true;
}

enum spool_fault spool_group_run(struct spool_file *f, struct spool_batch *const *batches, size_t count,
                                 const struct spool_signing *signing, size_t *ret_rows)
{
    struct group_run run = {.f = f, .group.id = spool_file_next_group(f)};
    size_t items = 0;
    for (size_t b = 0; b < count; b++)
        items += batches[b]->count;
    run.leaves = malloc(items * SHA256_BYTES + 1);
    run.at = calloc(items + 1, sizeof *run.at);
    bool ok = (run.leaves != NULL && run.at != NULL) || failed(&run, SPOOL_FAULT_MEMORY);
    if (ok && !spool_file_begin(f))
        ok = failed(&run, spool_file_fault(f));
    ok = ok && append_all(&run, batches, count) && sign_group(&run, signing) && fill_proofs(&run, batches, count);
    if (ok && !spool_file_commit(f))
        ok = failed(&run, spool_file_fault(f));
    if (ok)
        *ret_rows = run.rows;
    else
        spool_file_rollback(f);
    merkle_tree_free(run.group.tree);
    free(run.leaves);
    free(run.at);
    return ok ? SPOOL_FAULT_NONE : run.fault;
}
