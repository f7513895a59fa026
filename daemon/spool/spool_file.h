/* One spool file through its one SQLite connection. Private to spool/; every call from the thread that opened it. */
#ifndef HADIR_SPOOL_FILE_H
#define HADIR_SPOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "merkle.h"
#include "spool.h"

struct spool_file;

enum spool_fault {
    SPOOL_FAULT_NONE = 0,
    SPOOL_FAULT_LOCKED,    /* another process holds the file */
    SPOOL_FAULT_NEWER,     /* written by a newer hadird: refuse, do not touch */
    SPOOL_FAULT_SPACE,     /* no room on the disk */
    SPOOL_FAULT_MEMORY,
    SPOOL_FAULT_REFUSED,   /* the system does not let us open or write it: permissions, read-only disk */
    SPOOL_FAULT_SIGN,      /* the group could not be signed (spool_group only) */
    SPOOL_FAULT_UNREADABLE /* not our file, damaged, or the system could not read, write or sync */
};

/* Opens path; `create` makes and fills an empty file. NULL with the fault and a reason. */
struct spool_file *spool_file_open(const char *path, bool create, enum spool_fault *ret_fault, char *error,
                                   size_t error_cap);
void spool_file_close(struct spool_file *f); /* checkpoints */
/* After any call below gave false. */
enum spool_fault spool_file_fault(const struct spool_file *f);
const char *spool_file_reason(const struct spool_file *f);

const uint8_t *spool_file_id(const struct spool_file *f);
int64_t spool_file_ingested(const struct spool_file *f); /* as saved; a hint, never trusted for deleting */
bool spool_file_save_ingested(struct spool_file *f, int64_t seq);
bool spool_file_renew_id(struct spool_file *f);          /* true: durable */
bool spool_file_last_seq(struct spool_file *f, int64_t *ret_seq); /* 0: never held a row */

bool spool_file_begin(struct spool_file *f);
bool spool_file_commit(struct spool_file *f); /* true: durable */
void spool_file_rollback(struct spool_file *f);

/* Where a key is unique: made by the functions below from device, sender or kind. */
#define SPOOL_SCOPE_MAX 128
struct spool_scope {
    uint8_t bytes[SPOOL_SCOPE_MAX];
    size_t len;
};
void spool_scope_of_item(const struct spool_item *item, struct spool_scope *ret);
void spool_scope_of_device(int64_t device, struct spool_scope *ret);

/* Pointers of a row are valid until spool_file_release, commit or rollback. */
struct spool_file_row {
    int64_t seq, group, leaf_index; /* group 0: unsigned */
    enum spool_kind kind;
    uint8_t id[16], body_hash[32];
    int64_t received_us;
    const uint8_t *payload;
    size_t payload_len;
};
bool spool_file_by_key(struct spool_file *f, const struct spool_scope *scope, const uint8_t key[16], bool *ret_found,
                       struct spool_file_row *ret);
bool spool_file_by_id(struct spool_file *f, const uint8_t id[16], bool *ret_found, struct spool_file_row *ret);
void spool_file_release(struct spool_file *f);
/* Rows with after < seq ≤ until, ascending, until fn returns false. *ret_last (may be NULL) is the last row given. */
typedef bool (*spool_file_row_cb)(void *arg, const struct spool_file_row *row);
bool spool_file_rows(struct spool_file *f, int64_t after, int64_t until, size_t max_rows, spool_file_row_cb fn, void *arg,
                     int64_t *ret_last);
/* *ret_seq 0: the id is taken, nothing was appended. */
bool spool_file_insert(struct spool_file *f, const struct spool_item *item, const struct spool_scope *scope,
                       int64_t group, int64_t leaf_index, int64_t *ret_seq);

bool spool_file_slot(struct spool_file *f, const struct spool_slot *slot, bool *ret_taken, int64_t *ret_at_us);
bool spool_file_take_slot(struct spool_file *f, const struct spool_slot *slot);

struct spool_file_group {
    int64_t id;
    struct merkle_tree *tree; /* NULL: no leaves */
    size_t count;             /* leaves */
    uint8_t signature[64];
    char key_id[17];
};
int64_t spool_file_next_group(const struct spool_file *f);
/* leaves: count * 32 bytes. */
bool spool_file_insert_group(struct spool_file *f, const struct spool_file_group *g, const uint8_t *leaves);
/* Borrowed until the next call of this function. NULL: fault. */
const struct spool_file_group *spool_file_group(struct spool_file *f, int64_t id);

/* The clock as last looked at, and how long nothing is deleted yet since it jumped (0: no more). */
struct spool_file_age {
    int64_t seen_us, hold_us;
};
struct spool_file_age spool_file_age(const struct spool_file *f);
bool spool_file_save_age(struct spool_file *f, const struct spool_file_age *age);
/* One small bite of what is older than keep_us and ingested, in a transaction of its own. *ret_done: rows deleted, or passed
 * over because they are stamped later than now. */
bool spool_file_delete_old(struct spool_file *f, int64_t ingested_seq, int64_t now_us, int64_t keep_us, int bite,
                           int *ret_done);
bool spool_file_checkpoint(struct spool_file *f); /* no room is not a failure: the log stays */
int spool_file_wal_pages(const struct spool_file *f);

#endif
