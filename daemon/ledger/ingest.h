/* Ingest: the spool's rows into PostgreSQL, in order, once, behind everybody's back. */
#ifndef HADIR_LEDGER_INGEST_H
#define HADIR_LEDGER_INGEST_H

#include <stdbool.h>
#include <stdint.h>

struct conf;
struct ingest;
struct loop;
struct spool;

/* Connects as hadir_intake; s is borrowed until ingest_free. NULL when memory is short. */
struct ingest *ingest_new(struct loop *loop, const struct conf *conf, struct spool *s);
/* To end: ingest_stop, then spool_stop (which calls what is owed), then ingest_free. */
void ingest_stop(struct ingest *i);
void ingest_free(struct ingest *i);
void ingest_kick(struct ingest *i);     /* rows were committed */
bool ingest_is_recorded(const struct ingest *i, int64_t seq); /* the database is known to have that row */
bool ingest_is_current(const struct ingest *i); /* everything committed is in the database */
bool ingest_is_connected(const struct ingest *i);
void ingest_gauges(struct ingest *i);   /* depth, files, age, lag, connection */

#endif
