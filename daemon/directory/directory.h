/* The directory: what doors know without the database. Read-only files (a base and at most one delta), mapped,
 * checked (checksum, bounds, order) before use. directory.c's top explains the file. Pointers into it are valid
 * until the next directory_adopt. */
#ifndef HADIR_DIRECTORY_H
#define HADIR_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "fact.h"
#include "terms.h"

struct directory;

struct directory *directory_new(void);
void directory_free(struct directory *d);
/* Takes fd (closed in any case). A base replaces everything; a delta needs its own base to be in use. The old content
 * stays when the new one is not valid: false with a reason. */
bool directory_adopt(struct directory *d, int fd, char *error, size_t error_cap);
bool directory_loaded(const struct directory *d);
void directory_version(const struct directory *d, int64_t *ret_epoch, int64_t *ret_number, int64_t *ret_compiled_us);
size_t directory_people(const struct directory *d);

enum credential_kind { CREDENTIAL_DEVICE = 1, CREDENTIAL_ACCESS = 2 };
struct credential {
    enum credential_kind kind;
    int64_t id; /* device or access row */
    int64_t government, person;
    enum channel channel; /* devices only */
    bool revoked;
};
/* Secret by SHA-256, compared in constant time. false: nobody has it. A revoked one is found and says so. */
bool directory_find_token(const struct directory *d, const uint8_t token_hash[32], struct credential *ret);
/* WhatsApp: which government owns this phone_number_id; 0 none. */
int64_t directory_find_business(const struct directory *d, const char *phone_number_id, size_t len);
/* WhatsApp sender by digits or by user_id, within a government. */
bool directory_find_number(const struct directory *d, int64_t government, const char *number, size_t len,
                           struct credential *ret);
bool directory_find_user_id(const struct directory *d, int64_t government, const char *user_id, size_t len,
                            struct credential *ret);

/* ---- judging ---- */

/* Fills f->decided_us, decided_by, flags (adds), directory_*, first, placements from what the client said and the
 * plan says (design §1-3). f has government, person, channel, times, position, automatic set. Texts in f->first point
 * into the directory. Never fails: without a plan the verdict is VERDICT_PENDING. */
void directory_judge(const struct directory *d, struct fact *f);
/* The same for a stored fact: its current verdict, the fact unchanged. */
void directory_rejudge(const struct directory *d, const struct fact *f, struct judgement *ret);
/* Automatic positions: true when the plan covers the day of f->decided_us (directory compiled under 24 h ago) and either
 * no acceptance interval of the person holds it, or it is an `out` session whose on-time interval has not begun (so
 * that tracking never makes an early leave). Such a position is dropped. Call after directory_judge. */
bool directory_drops(const struct directory *d, const struct fact *f, int64_t now_us);

/* ---- the person's own plan, for GET /v1/me without the database ---- */
struct session_view {
    int64_t id;
    struct text code, label;
    enum counts_as counts_as;
    int64_t accept_from_us, accept_until_us, due_us, on_time_from_us, on_time_until_us; /* half-open */
};
/* Sessions of the person on the local day that contains at_us; returns how many (≤ max). *ret_day INT32_MIN: no plan. */
size_t directory_sessions(const struct directory *d, int64_t person, int64_t at_us, int32_t *ret_day,
                          struct session_view *ret, size_t max);

#endif
