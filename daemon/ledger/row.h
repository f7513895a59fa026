/* A spool row as the JSON object that api.ingest takes. Pure. */
#ifndef HADIR_LEDGER_ROW_H
#define HADIR_LEDGER_ROW_H

#include <stdbool.h>

#include "buf.h"
#include "spool.h"

/* false: the payload cannot be read; what was appended to out is to be forgotten. */
bool row_write(const struct spool_row *row, struct buf *out);
/* What can be said of any row: number, id, arrival. For api.ingest_poison when it refuses what row_write wrote. */
void row_write_unreadable(const struct spool_row *row, struct buf *out);

#endif
