/* Inside directory: what the writer has collected and not yet written. snapshot.c fills it, snapshot_write.c turns it
 * into a file. Rows lie in growable buffers, in order of arrival. */
#ifndef HADIR_ROWS_H
#define HADIR_ROWS_H

#include "buf.h"
#include "image.h"
#include "snapshot.h"

/* Texts, each kept once. */
struct texts {
    struct buf bytes;
    struct image_text *slots; /* open addressing; len 0 = free */
    size_t slot_count, used;
};

struct row_person {
    int64_t id, government;
    uint32_t member_first, home_first; /* in members, homes */
    uint16_t member_count, home_count;
    bool removed;
};

struct row_slot {
    uint32_t pair;
    int32_t day;
    int64_t pattern; /* its id */
};

struct row_pattern {
    int64_t id;
    struct image_pattern fixed; /* *_first count from 0 of the buffers below */
    uint32_t index;             /* in the file; equal patterns share one */
};

struct snapshot {
    struct snapshot_header header;
    struct buf persons;      /* row_person */
    struct buf members;      /* image_member */
    struct buf homes;        /* int64_t */
    struct buf tokens;       /* image_token */
    struct buf numbers;      /* image_number */
    struct buf businesses;   /* image_business */
    struct buf slots;        /* row_slot */
    struct buf patterns;     /* row_pattern */
    struct buf sessions;     /* image_pattern_session */
    struct buf fence_ids;    /* int64_t, of patterns */
    struct buf fences;       /* image_fence */
    struct buf shapes;
    struct texts texts;
};

#define ROWS_MAX_BYTES ((size_t)2 << 30) /* each buffer */

static inline size_t rows_count(const struct buf *b, size_t row_bytes)
{
    return b->len / row_bytes;
}

#endif
