/* Requests around the rules as statements, and what their functions say as answers. Pure. */
#ifndef HADIR_STATEMENT_H
#define HADIR_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct rows;

struct statement {
    const char *sql; /* parameters: the JSON object, now */
    bool writes;     /* as hadir_operator, and never twice */
};

/* By enum request; NULL when there is none of that number. */
const struct statement *statement_of(uint8_t request);
/* Appends the answer to out. *ret_type is constant text. false when the function said what it may not: nothing is set. */
bool statement_render(const struct rows *rows, bool english, uint16_t *ret_status, const char **ret_type,
                      struct buf *out);

/* A problem document (RFC 9457): detail NULL = the code's own sentence; rest: a JSON object of more members. */
void statement_problem(struct buf *out, uint16_t status, const char *code, const char *detail, bool english, const char *rest);

#endif
