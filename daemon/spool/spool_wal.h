/* Damage that SQLite would pass over in silence. Private to spool/. */
#ifndef HADIR_SPOOL_WAL_H
#define HADIR_SPOOL_WAL_H

#include <stdbool.h>

/* The log at path was whole once and is not now: acknowledged transactions would be lost. No such file: false. */
bool spool_wal_damaged(const char *path);

#endif
