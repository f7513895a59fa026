/* The table of reports, and writing one: JSON, CSV, XLSX or PDF, row by row. Read by `hadir report` and by the desk. */
#ifndef HADIR_REPORT_H
#define HADIR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "csv.h"
#include "json.h"

enum report_type {
    REPORT_TEXT,
    REPORT_CODE,    /* digits that are no number: an NIP */
    REPORT_WORD,    /* a code that has a word for people */
    REPORT_WORDS,   /* "code rest, code rest": each code has a word */
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

/* When the nightly run writes a report of its own accord, and of whom. */
enum report_due {
    REPORT_DUE_DAY = 1,       /* of each frozen day, of the government */
    REPORT_DUE_MONTH = 2,     /* of each closed month, of the government */
    REPORT_DUE_MONTH_UNIT = 4 /* and of each of its units: what its head signs */
};

/* What a PDF draws above the rows. With a label: a bar per row, its parts one behind the other; without: a bar per part, summed
 * over all rows, as a share of the whole's sum. */
#define REPORT_BARS_MAX 8u
struct report_chart {
    const char *indonesian, *english; /* what it shows */
    const char *label;                /* the column with a bar's name */
    const char *level;                /* how deep a row is: with too many rows the deepest are left out; NULL: all are 0 */
    const char *whole;                /* what the parts are a share of */
    const char *const *parts;         /* columns */
    size_t part_count;
    const char *within;               /* a part that is contained in the one before it; NULL: none is */
};

/* On paper and as a second sheet: rows of another report that has the same head, the names behind the numbers. */
struct report_annex {
    const char *report, *indonesian, *english; /* whose rows; what they are here */
    const char *column, *values;               /* only those in which this is one of these words */
};

struct report {
    const char *name, *indonesian, *english; /* as asked for; its title */
    const char *head, *rows;                 /* statements: parameters are the JSON object asked with, and now */
    const char *members;                     /* of that object, for people who ask for help */
    const struct report_column *columns;     /* exactly those of rows, in their order */
    size_t column_count;
    bool signature;                          /* on paper it ends with the signature block */
    unsigned due;                            /* of enum report_due, any */
    size_t kept;                             /* columns that say whose row it is: again on each sheet of a wide one */
    const struct report_chart *chart;        /* NULL: none */
    const struct report_annex *annex;        /* NULL: none */
};

size_t reports_count(void);
const struct report *report_at(size_t i);
const struct report *report_find(const char *name, size_t len); /* NULL: there is none */

enum report_format { REPORT_JSON = 0, REPORT_CSV = 1, REPORT_XLSX = 2, REPORT_PDF = 3 };
#define REPORT_FORMATS 4
const char *report_media_type(enum report_format format);
const char *report_format_name(enum report_format format); /* as a file's ending */
size_t report_rows_max(enum report_format format);         /* what a file of that format can hold; 0: any number */
bool report_format_find(const char *name, enum report_format *ret);

/* How somebody wants it. */
struct report_style {
    enum report_format format;
    enum csv_dialect dialect;
    bool english;
};

/* Takes bytes of the file, in order; false: no more are wanted. */
typedef bool (*report_write_cb)(void *arg, const void *bytes, size_t len);

/* Where rows come from: gives on_row each row of the statement, with the columns' names, until it returns false. false: it did,
 * or the rows failed, which is the source's to tell. */
typedef bool (*report_row_cb)(void *arg, size_t count, const char *const *names, const char *const *cells);
typedef bool (*report_source_cb)(void *arg, const char *sql, report_row_cb on_row, void *row_arg);

/* Asks for the rows and writes the file. head: the answer of report->head. false with the reason in error, "" when source or
 * write is to blame. Call it inside the transaction that gave the head. */
bool report_run(const struct report *report, const struct report_style *style, const json_value *head, report_source_cb source,
                void *source_arg, report_write_cb write, void *arg, char *error, size_t error_cap);

/* Where temporary files go: TMPDIR, if it is short enough for a name, or /tmp. */
char *temporary_folder(void);

/* The transaction of a report: one snapshot for head and rows; a client that is gone ends it within a second. */
extern const char REPORT_BEGIN[];

#endif
