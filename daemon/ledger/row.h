/* A spool row as api.ingest_rows takes it: an element of hadir.spool_row[] in PostgreSQL's binary form. Pure. */
#ifndef HADIR_LEDGER_ROW_H
#define HADIR_LEDGER_ROW_H

#include <stdbool.h>

#include "buf.h"
#include "spool.h"

/* false: the payload cannot be read; what was appended to out is to be forgotten. */
bool row_write(const struct spool_row *row, struct buf *out);
/* What can be said of any row: number, id, arrival. For api.ingest_poison_row when it refuses what row_write wrote. */
void row_write_unreadable(const struct spool_row *row, struct buf *out);
/* The head of an array of that many rows, which follow it. */
void row_array(struct buf *out, size_t count);

#endif
