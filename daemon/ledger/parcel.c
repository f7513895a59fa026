/* A parcel: at most 2,500 rows, sent as one range or, after a refusal, as ever smaller ones until the bad row stands alone.
 *
 * Ranges are always sent in the rows' order, so that "up to this number all is in the database" can be said after each.
 * [from, to) is the current one; the ends of those after it are a stack: halving pushes an end, accepting pops one.
 * Halving 2,500 rows needs 12 levels, and a row that cannot even be read is cut out with one more.
 * Does not talk to the database (ingest.c) and does not know what a row holds (row.c).
 */
#include "parcel.h"

#include <string.h>

#include "log.h"
#include "row.h"

#define ARRAY_BYTES_MAX (64u << 20)

void parcel_init(struct parcel *p)
{
    memset(p, 0, sizeof *p);
    buf_init(&p->written, ARRAY_BYTES_MAX);
    buf_init(&p->array, ARRAY_BYTES_MAX);
}

void parcel_fini(struct parcel *p)
{
    buf_fini(&p->written);
    buf_fini(&p->array);
}

void parcel_clear(struct parcel *p)
{
    buf_clear(&p->written);
    buf_clear(&p->array);
    p->count = p->from = p->to = p->depth = 0;
}

static void push_end(struct parcel *p, size_t end)
{
    p->ends[p->depth++] = end;
}

/* The current range ends before a row that cannot be read, or is that row alone. */
static void settle(struct parcel *p)
{
    for (size_t i = p->from; i < p->to; i++) {
        if (p->rows[i].len != 0)
            continue;
        size_t to = i == p->from ? i + 1 : i;
        if (to < p->to) {
            push_end(p, p->to);
            p->to = to;
        }
        return;
    }
}

bool parcel_fill(struct parcel *p, const struct spool_row *rows, size_t count)
{
    parcel_clear(p);
    for (size_t i = 0; i < count && i < PARCEL_ROWS_MAX; i++) {
        struct parcel_row *row = &p->rows[i];
        size_t at = p->written.len;
        if (!row_write(&rows[i], &p->written)) {
            if (p->written.failed) {
                parcel_clear(p);
                return false;
            }
            log_error("event=row_unreadable seq=%lld", (long long)rows[i].seq);
            p->written.len = at;
        }
        *row = (struct parcel_row){.seq = rows[i].seq, .received_us = rows[i].received_us, .at = at,
                                   .len = p->written.len - at};
        memcpy(row->id, rows[i].id, sizeof row->id);
        p->count++;
    }
    p->to = p->count;
    settle(p);
    return true;
}

bool parcel_is_empty(const struct parcel *p)
{
    return p->from == p->to;
}

size_t parcel_rows(const struct parcel *p)
{
    return p->to - p->from;
}

int64_t parcel_last_seq(const struct parcel *p)
{
    return p->rows[p->to - 1].seq;
}

int64_t parcel_newest_us(const struct parcel *p)
{
    int64_t newest_us = INT64_MIN;
    for (size_t i = 0; i < p->to; i++)
        if (p->rows[i].received_us > newest_us)
            newest_us = p->rows[i].received_us;
    return newest_us;
}

bool parcel_is_last(const struct parcel *p)
{
    return p->to == p->count;
}

bool parcel_is_unreadable(const struct parcel *p)
{
    return p->to == p->from + 1 && p->rows[p->from].len == 0;
}

static const struct buf *array(struct parcel *p)
{
    return p->array.failed ? NULL : &p->array;
}

const struct buf *parcel_array(struct parcel *p)
{
    const struct parcel_row *first = &p->rows[p->from], *last = &p->rows[p->to - 1];
    buf_clear(&p->array);
    row_array(&p->array, parcel_rows(p));
    buf_add(&p->array, p->written.data + first->at, last->at + last->len - first->at);
    return array(p);
}

const struct buf *parcel_outline(struct parcel *p)
{
    const struct parcel_row *from = &p->rows[p->from];
    struct spool_row row = {.seq = from->seq, .received_us = from->received_us};
    memcpy(row.id, from->id, sizeof row.id);
    buf_clear(&p->array);
    row_array(&p->array, 1);
    row_write_unreadable(&row, &p->array);
    return array(p);
}

void parcel_accept(struct parcel *p)
{
    p->from = p->to;
    if (p->depth > 0)
        p->to = p->ends[--p->depth];
    settle(p);
}

void parcel_split(struct parcel *p)
{
    push_end(p, p->to);
    p->to = p->from + parcel_rows(p) / 2;
}
