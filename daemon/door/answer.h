/* Answers: problem+json with stable codes and words for people on /v1, and each foreign channel's own terms on /in. */
#ifndef HADIR_ANSWER_H
#define HADIR_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "counter.h"

struct exchange;
struct json_writer;

#define ANSWER_DATE_BYTES 40u
/* IMF-fixdate (RFC 9110 §5.6.7), "Mon, 29 Dec 2025 07:10:00 GMT", of a wall time. */
char *answer_date(char dst[ANSWER_DATE_BYTES], int64_t us);
/* Of now; until the next call. */
const char *answer_date_now(void);

enum language { LANGUAGE_ID = 0, LANGUAGE_EN = 1 };
const char *language_code(enum language l);
/* The weight (0 to 1000) that a comma-separated list of ranges with ;q= gives to one; "id" matches "id-ID", too. */
unsigned answer_quality(struct text list, const char *range);
/* By Accept-Language (RFC 9110 §12.5.4), else the fallback. */
enum language answer_language(struct text accept_language, enum language fallback);

/* What is wrong, for a problem document. */
struct problem {
    unsigned status;    /* 0: the code's own */
    const char *code;
    const char *field;  /* NULL or "" when none */
    const char *detail; /* for people, in their language; NULL: the code's own sentence */
};
/* The problem as a JSON object. */
void problem_write(struct json_writer *w, const struct problem *p, enum language language);
unsigned problem_status(const struct problem *p);

/* The code for a request that is refused as HTTP, and a code's own sentence ("" when it has none). */
const char *answer_http_code(unsigned status);
const char *answer_sentence(const char *code, enum language language);

void answer_problem(struct exchange *x, const struct problem *p, const char *extra);
void answer_code(struct exchange *x, const char *code, const char *field);
/* 503 with Retry-After, on /v1 as a problem, on /in empty; counts `why`. */
void answer_busy(struct exchange *x, enum counter_id why, unsigned retry_after_s);
/* Too many came: 429 on /v1, 503 on /in, with Retry-After; counts `whose`. */
void answer_limited(struct exchange *x, enum counter_id whose, unsigned retry_after_s);
/* /in: delivered as far as the phone is concerned, whatever became of it. */
void answer_delivered(struct exchange *x);
/* /in: a bare status. */
void answer_bare(struct exchange *x, unsigned status, const char *extra);

#endif
