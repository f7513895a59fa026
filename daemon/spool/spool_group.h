/* One group commit. Private to spool/; runs in the spool thread. */
#ifndef HADIR_SPOOL_GROUP_H
#define HADIR_SPOOL_GROUP_H

#include "spool_file.h"

/* One spool_append call: its copied items and what became of them. */
struct spool_batch {
    struct spool_item *items;     /* payloads and senders point into bytes */
    uint8_t *bytes;
    size_t count;
    int64_t first_received_us;    /* the least of its items */
    spool_append_cb cb;
    void *arg;
    enum spool_outcome outcome;
    struct spool_result *results; /* count of them */
    uint8_t *paths;               /* MERKLE_PATH_MAX steps for each result */
};

/* Copies the items. NULL: memory is short. */
struct spool_batch *spool_batch_new(const struct spool_item *items, size_t count, spool_append_cb cb, void *arg);
void spool_batch_free(struct spool_batch *b);

struct spool_signing {
    spool_sign_cb sign;
    void *arg;
    char key_id[17];
};
/* Appends all batches in one transaction. NONE: committed, every batch is SPOOL_OK with results. Otherwise nothing was
 * kept and no batch was touched but for results the caller ignores; the reason is in the file, except for MEMORY and
 * SIGN. *ret_rows counts the rows appended. */
enum spool_fault spool_group_run(struct spool_file *f, struct spool_batch *const *batches, size_t count,
                                 const struct spool_signing *signing, size_t *ret_rows);

/* The proof of a row, its path written to path (MERKLE_PATH_MAX steps). */
void spool_proof_of(const struct spool_file_group *g, int64_t leaf_index, uint8_t *path, struct spool_proof *ret);

#endif
