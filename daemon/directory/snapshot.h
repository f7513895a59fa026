/* Writing the directory's files, by the planner. Rows arrive in any order; the writer sorts, shares equal patterns
 * and writes one checksummed file, fsynced and renamed into place. */
#ifndef HADIR_SNAPSHOT_H
#define HADIR_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fence.h"
#include "terms.h"

struct snapshot; /* one file being made */

struct snapshot_header {
    int64_t epoch, number;   /* version */
    int64_t base_number;     /* delta: the base it belongs to; base: = number */
    int64_t compiled_us;
    int32_t first_day;       /* days since 1970; slots cover first_day … first_day + days − 1 */
    int32_t days;            /* ≤ 16; a delta's window is its base's */
    bool is_delta;
};

struct snapshot_session {
    int64_t id;
    const char *code, *label;
    enum counts_as counts_as;
    int64_t accept_from_us, accept_until_us, due_us, on_time_from_us, on_time_until_us;
};
/* From one local day (since 1970) to another, both within, a person shares the plan of a pair, 1 … INT32_MAX. */
struct snapshot_member {
    int32_t first_day, last_day;
    uint32_t pair;
};
/* A day pattern: what many pairs share on one day. */
struct snapshot_pattern {
    int64_t id;              /* SQL's own id of the pattern */
    int64_t starts_us, ends_us; /* the local day in UTC */
    enum place place;        /* expected place class; PLACE_NONE on a day off */
    bool anywhere;           /* any location fulfils the place */
    double accuracy_cap_m;
    enum time_source decides[CHANNEL_MAX + 1]; /* by channel */
    const struct snapshot_session *sessions;
    size_t session_count;
    const int64_t *fences;   /* bound by the plan, in order of preference */
    size_t fence_count;
};

struct snapshot *snapshot_new(const struct snapshot_header *h);
void snapshot_free(struct snapshot *s);
/* Each returns false when memory is short or the row is malformed. Texts are copied. */
bool snapshot_business(struct snapshot *s, const char *phone_number_id, int64_t government);
bool snapshot_pattern(struct snapshot *s, const struct snapshot_pattern *p);
/* The plan of the pair on a day of the window is this pattern, given before or after. A pair and day once only. */
bool snapshot_slot(struct snapshot *s, uint32_t pair, int32_t day, int64_t pattern_id);
/* members: by first day, not overlapping. removed: a delta hides the base's entry. homes: fence ids. */
bool snapshot_person(struct snapshot *s, int64_t person, int64_t government, const struct snapshot_member *members,
                     size_t member_count, const int64_t *homes, size_t home_count, bool removed);
bool snapshot_token(struct snapshot *s, const uint8_t token_hash[32], int kind, int64_t id, int64_t government,
                    int64_t person, enum channel channel, bool revoked, bool removed);
bool snapshot_number(struct snapshot *s, int64_t government, const char *number_or_user_id, bool is_user_id,
                     int64_t device, int64_t person, bool revoked, bool removed);
/* shared: in the spatial index for everybody of that government. */
bool snapshot_fence(struct snapshot *s, int64_t fence, int32_t version, int64_t government, enum fence_kind kind,
                    const char *name, bool shared, struct fence_shape shape, bool removed);
/* Writes dir/name (temporary, fsync, rename, fsync of the folder). Returns a read-only descriptor, −1 with a reason. */
int snapshot_write(struct snapshot *s, const char *dir, const char *name, char *error, size_t error_cap);
/* Opens an existing file read-only and checks it; for a start without the database. */
int snapshot_open(const char *dir, const char *name, struct snapshot_header *ret, char *error, size_t error_cap);

#endif
