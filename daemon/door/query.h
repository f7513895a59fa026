/* Query parameters. */
#ifndef HADIR_QUERY_H
#define HADIR_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

struct exchange;
struct json_writer;

struct parameter {
    const char *name;
    struct text value; /* absent until seen */
};

/* Reads the query into the known parameters; answers 400 and returns false when it holds anything else. */
bool query_read(struct exchange *x, struct parameter *known, size_t count);
/* Writes every parameter as a member whose value is a string; which names are known, the reader of the object decides.
 * taken: a name that the object has already. Answers 400 and returns false when the query cannot be read. */
bool query_members(struct exchange *x, struct json_writer *w, const char *taken);

#endif
