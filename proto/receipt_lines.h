/* The lines that receipts sign, shared by writer (receipt.c) and verifier (receipt_verify.c). Private.
 *
 * A value is printable ASCII without blanks, so that a text can be read in one way only; "-" stands for absent. */
#ifndef HADIR_RECEIPT_LINES_H
#define HADIR_RECEIPT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "digest.h"

enum line_kind {
    LINE_UUID,
    LINE_COUNT,   /* decimal, not negative */
    LINE_NUMBER,  /* decimal */
    LINE_TIME,    /* UTC with six digits of fraction and Z */
    LINE_DATE,
    LINE_WORD,    /* a-z A-Z 0-9 _ */
    LINE_WORDS,   /* words joined by commas */
    LINE_HASH,    /* 64 lower-case hexadecimal digits */
    LINE_ESCAPED  /* text with everything but A-Z a-z 0-9 . _ - as %XX */
};

struct line {
    const char *name;
    enum line_kind kind;
    bool may_be_absent;
};

enum { FACT_ID, FACT_GOVERNMENT, FACT_PERSON, FACT_DEVICE, FACT_CHANNEL, FACT_FIX_AT, FACT_MESSAGE_AT, FACT_SENT_AT,
       FACT_RECEIVED_AT, FACT_CLOCK, FACT_CLOCK_ERROR_US, FACT_CLOCK_OFFSET_US, FACT_DECIDED_AT, FACT_DECIDED_BY,
       FACT_AUTOMATIC, FACT_FLAGS, FACT_COORDINATES, FACT_LINES };
enum { VERDICT_LINE_VERDICT, VERDICT_LINE_DAY, VERDICT_LINE_SESSION, VERDICT_LINE_COUNTS_AS, VERDICT_LINE_LATE,
       VERDICT_LINE_EARLY, VERDICT_LINE_PLACE, VERDICT_LINE_FENCE, VERDICT_LINE_RELATION, VERDICT_LINES };

extern const struct line receipt_fact_lines[FACT_LINES];
extern const struct line receipt_verdict_lines[VERDICT_LINES];

#define RECEIPT_FACT_LABEL "hadir-fact-v1\n"
#define RECEIPT_STATUS "accepted"
#define RECEIPT_TEXT_MAX 8192

/* From the finished fact text and verdict lines to the leaf. */
bool receipt_leaf_of(const struct buf *fact_text, const struct buf *verdict_text, uint8_t ret_leaf[SHA256_BYTES]);

#endif
