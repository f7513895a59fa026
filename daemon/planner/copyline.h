/* Rows of COPY's text format, as the planner's script sends them, into a directory file being made. */
#ifndef HADIR_COPYLINE_H
#define HADIR_COPYLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "snapshot.h"

#define COPYLINE_FIELDS_MAX 16

/* Splits and unescapes a row in place (line must be writable, one byte longer than len for the last NUL). NULL for \N.
 * Returns the fields, −1 when malformed or too many. */
int copyline_split(char *line, size_t len, char *ret_fields[COPYLINE_FIELDS_MAX]);

/* The first field names the kind of the row: person, slot, pattern, token, number, fence, business; the others are the
 * columns of the view api.directory_<kind> in its own order. false with a reason. */
bool copyline_take(struct snapshot *to, char **fields, int count, char *error, size_t error_cap);

#endif
