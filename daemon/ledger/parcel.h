/* The rows of one reading on their way to the database: in binary form, in ranges that halve when the database refuses. */
#ifndef HADIR_LEDGER_PARCEL_H
#define HADIR_LEDGER_PARCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "spool.h"

#define PARCEL_ROWS_MAX 2500 /* of a backlog; else what has come since the last exchange */
#define PARCEL_BYTES_MAX (4u << 20)

struct parcel {
    struct buf written; /* the rows, one after the other */
    struct buf array;   /* what parcel_array gives */
    struct parcel_row {
        int64_t seq, received_us;
        size_t at, len;   /* in written; len 0: cannot be read */
        uint8_t id[16];
    } rows[PARCEL_ROWS_MAX];
    size_t count;
    size_t from, to;      /* the range to send now */
    size_t ends[16];      /* where later ranges end, the nearest on top */
    size_t depth;
};

void parcel_init(struct parcel *p);
void parcel_fini(struct parcel *p);
void parcel_clear(struct parcel *p);
/* Takes up to PARCEL_ROWS_MAX rows in order. false: memory is short, the parcel is empty. */
bool parcel_fill(struct parcel *p, const struct spool_row *rows, size_t count);

bool parcel_is_empty(const struct parcel *p); /* nothing (more) to send */
/* Of the range to send now: */
size_t parcel_rows(const struct parcel *p);
int64_t parcel_last_seq(const struct parcel *p);
int64_t parcel_newest_us(const struct parcel *p); /* the latest arrival of it and of the ranges before it */
bool parcel_is_last(const struct parcel *p);      /* nothing comes after it */
bool parcel_is_unreadable(const struct parcel *p); /* a single row of which nothing was written */
/* The range as hadir.spool_row[] in binary form, until the next call; NULL when memory is short. */
const struct buf *parcel_array(struct parcel *p);
/* The same for a single row of which only the outline may be told. */
const struct buf *parcel_outline(struct parcel *p);

void parcel_accept(struct parcel *p); /* the range is in the database: go on with the next */
void parcel_split(struct parcel *p);  /* the range of several rows was refused: go on with its first half */

#endif
