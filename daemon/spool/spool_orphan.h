/* Spool files set aside. Private to spool/; runs in the spool thread (the first two before it starts). */
#ifndef HADIR_SPOOL_ORPHAN_H
#define HADIR_SPOOL_ORPHAN_H

#include "spool_file.h"

#define SPOOL_PATH_MAX 512
#define SPOOL_NAME_MAX 84 /* of a file in the folder, with the slash before it */

/* "dir/name" into dst; spool_start takes no folder whose files' names would not fit. */
void spool_path(char dst[SPOOL_PATH_MAX], const char *dir, const char *name);

/* Marks the live file as failed, for the next start. Best effort: called when the disk is in trouble. */
void spool_orphan_mark(const char *dir);
/* Sets the live file aside if it is marked. false with a reason: the folder cannot be used. */
bool spool_orphan_set_aside(const char *dir, char *error, size_t error_cap);
/* Removes the copies that a dead process left. */
void spool_orphan_sweep(const char *dir);

struct spool_orphan {
    char name[80];           /* "spool-<hex>.orphan.db" */
    struct spool_file *file; /* the copy */
    uint8_t id[16];
    int64_t last_seq;
    bool broken;             /* some of it cannot be read */
};

/* Counts the files left (1 when the folder cannot be read) and, if ret is not NULL, opens the oldest one that can be: a
 * copy, its log recovered. One whose copy would leave less than floor_bytes free is not: arrivals need that room. */
size_t spool_orphan_look(const char *dir, uint64_t floor_bytes, struct spool_orphan **ret);
size_t spool_orphan_broken(const char *dir); /* files kept for a human */
/* As spool_file_rows over all rows after `after`; a row that cannot be read is left out, logged and remembered. */
void spool_orphan_rows(struct spool_orphan *o, int64_t after, size_t max_rows, spool_file_row_cb fn, void *arg);
/* Frees o and the copy; drained: renames the file to .drained.db, or .broken.db when some of it was unreadable. */
void spool_orphan_end(const char *dir, struct spool_orphan *o, bool drained);

/* Removes drained files that were drained before cutoff_us. */
void spool_orphan_expire(const char *dir, int64_t cutoff_us);
/* Drained files are orphans again. */
void spool_orphan_revive(const char *dir);

#endif
