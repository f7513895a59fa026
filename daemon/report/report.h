/* The table of reports, and writing one: JSON, CSV or XLSX, row by row. Read by `hadir report` and by the desk. */
#ifndef HADIR_REPORT_H
#define HADIR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "csv.h"
#include "json.h"

struct session;
struct store_error;

enum report_type {
    REPORT_TEXT,
    REPORT_CODE,    /* digits that are no number: an NIP */
    REPORT_WORD,    /* a code that has a word for people */
    REPORT_FLAG,
    REPORT_NUMBER,  /* whole */
    REPORT_DECIMAL,
    REPORT_DATE,    /* YYYY-MM-DD */
    REPORT_SPREAD   /* numeric[]: a column for each of the head's codes of this name */
};

struct report_column {
    const char *name; /* the SQL function's own */
    const char *indonesian, *english; /* heading; of a spread what follows the code */
    enum report_type type;
    unsigned width;   /* in characters, of a sheet */
};

struct report {
    const char *name, *indonesian, *english; /* as asked for; its title */
    const char *head, *rows;                 /* statements: parameters are the JSON object asked with, and now */
    const char *members;                     /* of that object, for people who ask for help */
    const struct report_column *columns;     /* exactly those of rows, in their order */
    size_t column_count;
    bool signature;                          /* a sheet ends with the signature block */
};

size_t reports_count(void);
const struct report *report_at(size_t i);
const struct report *report_find(const char *name, size_t len); /* NULL: there is none */

enum report_format { REPORT_JSON = 0, REPORT_CSV = 1, REPORT_XLSX = 2 };
#define REPORT_FORMATS 3
const char *report_media_type(enum report_format format);
const char *report_format_name(enum report_format format); /* as a file's ending */
bool report_format_find(const char *name, enum report_format *ret);

/* How somebody wants it. */
struct report_style {
    enum report_format format;
    enum csv_dialect dialect;
    bool english;
};

/* Takes bytes of the file, in order; false: no more are wanted. */
typedef bool (*report_write_cb)(void *arg, const void *bytes, size_t len);

/* Asks for the rows and writes the file. head: the answer of report->head. params: those of the statements. false with the
 * reason in *e; with an empty sqlstate the database is not to blame. Call it inside the transaction that gave the head. */
bool report_run(struct session *s, const struct report *report, const struct report_style *style, const json_value *head,
                const char *const params[2], report_write_cb write, void *arg, struct store_error *e);

/* The transaction of a report: one snapshot for head and rows; a client that is gone ends it within a second. */
extern const char REPORT_BEGIN[];

#endif
