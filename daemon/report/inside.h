/* What the writers of reports share. */
#ifndef HADIR_REPORT_INSIDE_H
#define HADIR_REPORT_INSIDE_H

#include "report.h"

#define REPORT_CODES_MAX 200u   /* of one spread column */
#define REPORT_SHEET_ROWS 1048400u /* of 1048576: the others are the title's and the signature's */
#define REPORT_PAGE_ROWS 250000u   /* about ten thousand pages: nobody prints more */
#define REPORT_NUMBER_MAX 40u   /* characters of one number */

/* A report's columns as written: spreads taken apart. */
struct layout {
    const struct report *report;
    const struct report_annex *annex; /* what it is annexed as; NULL: it stands for itself */
    struct report_style style;
    const json_value *head;
    const json_value *codes[64]; /* by column: the array of a spread's codes, else NULL */
};
/* false: the head lacks the codes of a spread. */
bool layout_init(struct layout *l, const struct report *report, const struct report_style *style, const json_value *head);
/* Heading for people of column i; code: of a spread. Written into dst. */
const char *layout_heading(const struct layout *l, size_t i, const struct text *code, char *dst, size_t cap);
/* What people call the code of a WORD column; itself when there is no word. */
const char *layout_word(const struct layout *l, const char *code);
/* The same of every code that begins an item of a WORDS column. Written into dst; what does not fit is left as it is. */
#define LAYOUT_WORDS_CAP 1000u
const char *layout_words(const struct layout *l, const char *items, char dst[LAYOUT_WORDS_CAP]);
/* The next number of a numeric[] as text; false at its end, or when it is none. *at: NULL-terminated text, moved on. */
bool layout_next(const char **at, char dst[REPORT_NUMBER_MAX]);

/* The lines around the rows. */
#define LINES_CAP 700u
const char *lines_say(const struct layout *l, const char *indonesian, const char *english);
/* A text member of an object; "" when it has none. */
const char *lines_member(const json_value *object, const char *name, char *dst, size_t cap);
const char *lines_title(const struct layout *l);
const char *lines_subject(const struct layout *l, char dst[LINES_CAP]); /* unit, government */
const char *lines_period(const struct layout *l, char dst[LINES_CAP]);  /* days, up to when it is right or when it was closed */
struct signature {
    char place[LINES_CAP], title[LINES_CAP], name[LINES_CAP], nip[LINES_CAP]; /* place: and date; dots where nothing is known */
};
void lines_signature(const struct layout *l, struct signature *ret);
/* The words for a value of column i: of codes and flags; else the value. */
const char *lines_word(const struct layout *l, size_t i, const char *value, char dst[LAYOUT_WORDS_CAP]);

/* One of the formats. cells: the row's values in the order of the columns, NULL for SQL null. */
struct writer {
    bool (*row)(struct writer *w, const char *const *cells);
    bool (*annex)(struct writer *w, const struct layout *l); /* the rows that follow are those; NULL: the format has none */
    bool (*end)(struct writer *w);   /* all rows were written */
    void (*free)(struct writer *w);
    const char *error;               /* why row or end returned false, if not because nothing more is wanted */
};
struct writer *writer_csv(const struct layout *l, report_write_cb write, void *arg);
struct writer *writer_json(const struct layout *l, report_write_cb write, void *arg);
struct writer *writer_xlsx(const struct layout *l, report_write_cb write, void *arg);
struct writer *writer_pdf(const struct layout *l, report_write_cb write, void *arg);

#endif
