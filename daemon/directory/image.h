/* Inside directory: the file's layout, mapping it with full validation, and finding rows by key.
 *
 * A file is a header, then sections of fixed-size records, each beginning at a multiple of 8, in the order of enum
 * image_section, without gaps. Numbers are little-endian and read in place. SHA-256 over everything except the checksum
 * itself; a file that does not check is not used. Every reference between records is an index or an offset; image_map
 * follows each of them once, so that later code need not check again.
 *
 *   PERSONS        sorted by id; memberships = MEMBERS[member_first …], homes = HOMES[home_first …]
 *   MEMBERS        from which local day to which a person shares the plan of a pair; a person's ascend, never overlap
 *   HOMES          fence ids
 *   TOKENS         sorted by hash
 *   NUMBERS        sorted by (government, is_user_id, hash); the text itself is not kept
 *   BUSINESSES     sorted by text (bytes, shorter first)
 *   GOVERNMENTS    sorted by id; the shared fences' R-tree, and what its items mean
 *   SLOTS          sorted by (pair, day): which pattern is the plan of the pair on that day of the header's window
 *   PATTERNS       a day's plan that many pairs share
 *   SESSIONS       of patterns, by begin of acceptance
 *   PATTERN_FENCES fence ids, in the plan's order of preference
 *   FENCES         sorted by id
 *   SHARED         R-tree item -> index into FENCES
 *   INDEXES        bytes: R-trees, each 8-aligned
 *   SHAPES         bytes: shapes, each 8-aligned
 *   STRINGS        bytes: UTF-8 without NUL
 *
 * The members of a pair (SQL's number for those who share their days) have the pattern of its slot; a rule that changes
 * rewrites slots, not people. A pair without a slot on a day has no plan compiled for it. Memberships name pairs by
 * number, not by index: a delta's slots count for people in the base, and the base's for people in the delta. Patterns and
 * homes name fences by id in the same way. A slot names its pattern by index within its own file. In a delta, a slot
 * hides the base's of that pair and day, and `removed` the base's record. */
#ifndef HADIR_IMAGE_H
#define HADIR_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "fence.h"
#include "terms.h"

#define IMAGE_MAGIC "HADIRDIR"
#define IMAGE_VERSION 2u
#define IMAGE_DAYS_MAX 16
#define IMAGE_BYTES_MAX (UINT64_C(4) << 30)
#define IMAGE_IS_DELTA 1u /* header flags */
/* Times in plans: 1970 … 2199, so that differences of any two never overflow. */
#define IMAGE_TIME_MAX_US (INT64_C(7258118400) * 1000000)
#define IMAGE_DAY_MAX 84006 /* 2200-01-01 as days since 1970 */
#define IMAGE_PAIR_MAX 0x7fffffffu

enum image_section {
    SECTION_PERSONS, SECTION_MEMBERS, SECTION_HOMES, SECTION_TOKENS, SECTION_NUMBERS, SECTION_BUSINESSES,
    SECTION_GOVERNMENTS, SECTION_SLOTS, SECTION_PATTERNS, SECTION_SESSIONS, SECTION_PATTERN_FENCES, SECTION_FENCES,
    SECTION_SHARED, SECTION_INDEXES, SECTION_SHAPES, SECTION_STRINGS, SECTION_COUNT
};

struct image_extent {
    uint64_t offset, count; /* bytes from the start; records */
};

struct image_header {
    char magic[8];
    uint32_t version, flags;
    int64_t epoch, number, base_number, compiled_us;
    int32_t first_day, days;
    uint64_t file_bytes;
    uint8_t checksum[32];
    struct image_extent sections[SECTION_COUNT];
};

struct image_text {
    uint32_t offset, len; /* in STRINGS */
};

struct image_person {
    int64_t id;
    uint32_t government; /* index into GOVERNMENTS */
    uint32_t member_first, home_first;
    uint16_t member_count, home_count;
    uint8_t removed, zero[7];
};

struct image_member {
    int32_t first_day, last_day; /* days since 1970, both within */
    uint32_t pair;               /* 1 … IMAGE_PAIR_MAX */
};

struct image_token {
    uint8_t hash[32];
    int64_t id, government, person;
    uint8_t kind, channel, revoked, removed, zero[4];
};

struct image_number {
    int64_t government;
    uint8_t hash[32];
    int64_t device, person;
    uint8_t is_user_id, revoked, removed, zero[5];
};

struct image_business {
    int64_t government;
    struct image_text phone_number_id;
};

struct image_government {
    int64_t id;
    uint64_t index_offset, index_len; /* in INDEXES */
    uint32_t shared_first, shared_count;
};

struct image_slot {
    uint32_t pair;
    int32_t day;
    uint32_t pattern; /* index into PATTERNS */
};

struct image_pattern {
    int64_t starts_us, ends_us;
    double accuracy_cap_m;
    uint32_t session_first, session_count, fence_first, fence_count;
    uint8_t place, anywhere, decides[CHANNEL_MAX], zero[2];
};

struct image_pattern_session {
    int64_t id, accept_from_us, accept_until_us, due_us, on_time_from_us, on_time_until_us;
    struct image_text code, label;
    uint8_t counts_as, zero[7];
};

struct image_fence {
    int64_t id, government;
    uint64_t shape_offset; /* in SHAPES */
    uint32_t shape_len;
    int32_t version;
    struct image_text name;
    uint8_t kind, shared, removed, zero[5];
};

_Static_assert(sizeof(struct image_header) == 96 + 16 * SECTION_COUNT, "no hidden padding");
_Static_assert(sizeof(struct image_person) == 32 && sizeof(struct image_token) == 64, "no hidden padding");
_Static_assert(sizeof(struct image_member) == 12 && sizeof(struct image_slot) == 12, "no hidden padding");
_Static_assert(sizeof(struct image_number) == 64 && sizeof(struct image_business) == 16, "no hidden padding");
_Static_assert(sizeof(struct image_government) == 32 && sizeof(struct image_pattern) == 48, "no hidden padding");
_Static_assert(sizeof(struct image_pattern_session) == 72 && sizeof(struct image_fence) == 48, "no hidden padding");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are read in place");

/* A mapped, validated file. All pointers lie in the mapping. */
struct image {
    const uint8_t *bytes;
    size_t len;
    const struct image_header *header;
    const struct image_person *persons;
    const struct image_member *members;
    const int64_t *homes;
    const struct image_token *tokens;
    const struct image_number *numbers;
    const struct image_business *businesses;
    const struct image_government *governments;
    const struct image_slot *slots;
    const struct image_pattern *patterns;
    const struct image_pattern_session *sessions;
    const int64_t *pattern_fences;
    const struct image_fence *fences;
    const uint32_t *shared;
    const uint8_t *indexes, *shapes;
    const char *strings;
    struct box *runs;    /* of all fences' shapes, ours, not in the file; NULL when the bytes were only checked */
    uint32_t *runs_from; /* by fence: its first in runs */
};

size_t image_record_bytes(enum image_section section);
/* SHA-256 over a whole file in memory, the checksum field left out. */
void image_checksum(const uint8_t *bytes, size_t len, uint8_t ret[32]);
/* Maps fd (which stays open and the caller's), checks everything and makes the boxes of the fences' edges. false with a
 * reason: nothing is mapped. */
bool image_map(int fd, struct image *ret, char *error, size_t error_cap);
void image_unmap(struct image *im);
/* The checks alone, over bytes in memory; fills the pointers. */
bool image_check(const uint8_t *bytes, size_t len, struct image *ret, char *error, size_t error_cap);

static inline size_t image_count(const struct image *im, enum image_section section)
{
    return (size_t)im->header->sections[section].count;
}

static inline struct text image_text(const struct image *im, struct image_text t)
{
    return (struct text){im->strings + t.offset, t.len};
}

static inline struct fence_shape image_shape(const struct image *im, const struct image_fence *f)
{
    const struct box *runs = im->runs != NULL ? im->runs + im->runs_from[f - im->fences] : NULL;
    return (struct fence_shape){im->shapes + f->shape_offset, f->shape_len, runs};
}

/* Rows by key; NULL when there is none. `removed` rows are found. */
const struct image_person *image_find_person(const struct image *im, int64_t id);
const struct image_fence *image_find_fence(const struct image *im, int64_t id);
const struct image_token *image_find_token(const struct image *im, const uint8_t hash[32]);
const struct image_number *image_find_number(const struct image *im, int64_t government, bool is_user_id,
                                             const uint8_t hash[32]);
const struct image_business *image_find_business(const struct image *im, const char *s, size_t len);
const struct image_government *image_find_government(const struct image *im, int64_t id);
/* Index of the first slot that is not before (pair, day); the number of slots when there is none. */
size_t image_find_slot(const struct image *im, uint32_t pair, int32_t day);

/* The orders in which sections are sorted; shared with the writer. */
int image_order_token(const uint8_t a[32], const uint8_t b[32]);
int image_order_number(int64_t a_government, bool a_is_user_id, const uint8_t a_hash[32], int64_t b_government,
                       bool b_is_user_id, const uint8_t b_hash[32]);
int image_order_slot(uint32_t a_pair, int32_t a_day, uint32_t b_pair, int32_t b_day);
int image_order_text(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
