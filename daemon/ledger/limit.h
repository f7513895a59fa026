/* How many locations a sender nobody knows may leave in a day. */
#ifndef HADIR_LEDGER_LIMIT_H
#define HADIR_LEDGER_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"

#define LIMIT_PER_DAY 10

struct limit;

struct limit *limit_new(void); /* NULL when memory is short */
void limit_free(struct limit *l);
/* Counts one more for the sender on the UTC day of at_us; false: there were LIMIT_PER_DAY already. */
bool limit_take(struct limit *l, int64_t government, struct text sender, int64_t at_us);
/* What was taken was not kept after all (a duplicate, no room). */
void limit_give_back(struct limit *l, int64_t government, struct text sender, int64_t at_us);

#endif
