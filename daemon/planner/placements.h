/* Placements asked for later: check-ins whose fences came after them. */
#ifndef HADIR_PLACEMENTS_H
#define HADIR_PLACEMENTS_H

#include <stdbool.h>

#include "buf.h"

struct rows;

/* Computes the rows of api.placements_wanted; appends the JSON array for api.placements_add. Returns how many. A row that
 * makes no sense is left out and logged. */
unsigned placements_compute(const struct rows *rows, struct buf *out);

#endif
