/* The spool: every acknowledged check-in, durable in SQLite before its answer leaves. One thread owns the one
 * connection for ever; the ledger's loop talks to it through one bounded queue in and one out.
 * spool.c's top explains the file: tables, when a row is valid, what is written before what, what a crash leaves. */
#ifndef HADIR_SPOOL_H
#define HADIR_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "terms.h"

struct loop;
struct spool;

enum spool_kind { SPOOL_CHECKIN = 1, SPOOL_UNATTRIBUTED = 2, SPOOL_EVENT = 3 };

/* Where an automatic position competes for its slot; session = 0 means no slot applies. */
struct spool_slot {
    int64_t person;
    int64_t session;
    int32_t day;
    bool inside;
    int64_t at_us;           /* the earlier point wins */
};

/* One item to append. Everything is copied by spool_append. */
struct spool_item {
    enum spool_kind kind;
    int64_t device;          /* 0: none */
    struct { const char *s; size_t len; } sender; /* scope of the key when device == 0 */
    uint8_t key[16];
    uint8_t body_hash[32];
    uint8_t id[16];
    int64_t received_us;
    const uint8_t *payload;  /* the fact's encoding, or the event's JSON */
    size_t payload_len;
    bool has_slot;
    struct spool_slot slot;
    uint8_t leaf[32];        /* receipt leaf input hash (receipt_leaf); zero for events */
    bool signed_leaf;        /* take part in the group's tree */
};

/* The group's signature over a row's leaf, for the receipt; tree_size 0: the row is unsigned. */
struct spool_proof {
    uint64_t tree_size, tree_index;
    const uint8_t *path;     /* 32-byte steps */
    size_t path_steps;
    uint8_t root[32];
    uint8_t signature[64];
    char key_id[17];
};

/* What became of one item. Pointers are valid until the callback returns. */
struct spool_result {
    enum item_status status;
    int64_t seq;             /* row, 0 when dropped or conflict */
    uint8_t id[16];          /* of the first row when duplicate or conflict; the item's own otherwise */
    const uint8_t *payload;  /* stored payload when duplicate */
    size_t payload_len;
    struct spool_proof proof;
};

enum spool_outcome { SPOOL_OK = 0, SPOOL_FULL = 1 }; /* full: nothing of this batch was kept */

typedef void (*spool_append_cb)(void *arg, enum spool_outcome outcome, const struct spool_result *results,
                                size_t count);

/* Called in the spool thread inside the transaction: sign tree_size and root. */
typedef bool (*spool_sign_cb)(void *arg, uint64_t tree_size, const uint8_t root[32], uint8_t ret_signature[64]);

struct spool_options {
    const char *dir;          /* one live file spool.db, older ones to drain beside it */
    size_t queue_max_items;   /* items waiting; over it spool_append refuses */
    int64_t keep_us;          /* rows older than this and ingested may be deleted */
    uint64_t free_floor_bytes;/* below it: full */
    spool_sign_cb sign;
    void *sign_arg;
    const char *key_id;
};

/* Opens or makes the file, recovers, starts the thread. NULL with a reason (also: another process has the folder).
 * A sync, write or read failure later ends the process (exit 70) without acknowledging anything more; the next start
 * sets the file aside and begins a new one. */
struct spool *spool_start(struct loop *loop, const struct spool_options *o, char *error, size_t error_cap);
void spool_stop(struct spool *s); /* finishes the queue, calls what is owed, checkpoints, joins, frees */

const uint8_t *spool_id(const struct spool *s); /* 16 random bytes of this file */
/* false: the queue is full (answer busy); the functions below likewise. A single batch larger than the queue is taken
 * when the queue is empty. cb is called in the loop, after COMMIT returned. */
bool spool_append(struct spool *s, const struct spool_item *items, size_t count, spool_append_cb cb, void *arg);
/* What was appended so far becomes durable, as one group if it fits. A group costs as much for ten items as for one (sync,
 * pages, signature, waking): who appends says when it is enough. What reads or changes the file, and stopping, commits
 * first. */
void spool_commit(struct spool *s);

/* Reading back, for ingest. Rows with seq > after, at most max_rows and max_bytes; in the loop. */
struct spool_row {
    int64_t seq;
    enum spool_kind kind;
    uint8_t id[16];
    int64_t received_us;
    const uint8_t *payload;
    size_t payload_len;
    struct spool_proof proof;
};
typedef void (*spool_rows_cb)(void *arg, const struct spool_row *rows, size_t count);
bool spool_read(struct spool *s, int64_t after_seq, size_t max_rows, size_t max_bytes, spool_rows_cb cb, void *arg);
/* One row by check-in id, or else by (device, key = id): the native client's own uuid. count is 0 or 1. */
bool spool_find(struct spool *s, const uint8_t id[16], int64_t device, spool_rows_cb cb, void *arg);

int64_t spool_last_seq(const struct spool *s);  /* highest committed */
void spool_set_ingested(struct spool *s, int64_t seq); /* rows up to here are in the database: may age out */
void spool_set_limits(struct spool *s, int64_t keep_us, uint64_t free_floor_bytes);
bool spool_is_full(const struct spool *s);
/* Every row appended so far whose received_us is before this is committed; for ingest_mark's complete_to. Ask this
 * first and spool_last_seq after it: all such rows are then at or before that number. */
int64_t spool_complete_to_us(const struct spool *s);
size_t spool_pending(const struct spool *s); /* items queued, not yet committed */

/* The database knows rows that this file has not (an older copy of it was put back, or the disk lied): the numbers that
 * it will give are taken under its id. Gives the file another id; cb without rows when that is durable, spool_id tells it
 * (unchanged: no room, ask again). Everything in the file is then to be sent again, under the new id. */
bool spool_renew(struct spool *s, spool_rows_cb cb, void *arg);

/* As saved by an earlier process: rows up to here were in the database. For gauges only: ask the database. */
int64_t spool_ingested_hint(const struct spool *s);

/* Orphans: older spool files in the folder, spool-<hex>.orphan.db, set aside after a failed sync or read, or copied
 * here from another machine. One at a time is opened (a copy of it), read through the same kind of interface and
 * closed, the oldest first. Only when the ledger says that every row is in the database it becomes spool-<hex>.drained.db, kept for as
 * long as rows are. */
struct spool_orphan;
size_t spool_orphans(const struct spool *s); /* how many are left, as of the last look */
size_t spool_broken(const struct spool *s);  /* how many are kept for a human, likewise */
/* o NULL: none, or none readable now. */
typedef void (*spool_orphan_cb)(void *arg, struct spool_orphan *o);
bool spool_orphan_open(struct spool *s, spool_orphan_cb cb, void *arg);
const uint8_t *spool_orphan_id(const struct spool_orphan *o);
int64_t spool_orphan_last_seq(const struct spool_orphan *o);
/* As spool_read. Rows that cannot be read are left out and logged; the file is then kept as spool-<hex>.broken.db. */
bool spool_orphan_read(struct spool *s, struct spool_orphan *o, int64_t after_seq, size_t max_rows, size_t max_bytes,
                       spool_rows_cb cb, void *arg);
/* Takes o. drained: all of it is in the database. */
bool spool_orphan_close(struct spool *s, struct spool_orphan *o, bool drained);
/* The database went back: what was drained is to be drained again. */
bool spool_orphan_again(struct spool *s);

#endif
