/* The parts of the PDF writer: rows kept in a temporary file, how columns fit a page, what is drawn on pages. */
#ifndef HADIR_REPORT_PDF_H
#define HADIR_REPORT_PDF_H

#include <sys/types.h>

#include "inside.h"
#include "pen.h"
#include "utf8.h"

/* ---- rows, as they will be printed, in a temporary file that has no name (pdf_rows.c) ---- */

struct rows_file;
struct rows_file *rows_file_new(void); /* NULL: errno */
void rows_file_free(struct rows_file *f);
bool rows_file_add(struct rows_file *f, size_t count, const char *const *texts);
off_t rows_file_at(const struct rows_file *f); /* where the next is added or read */
/* Reads from there on. false: what was added did not go to the disk, or does not come back. */
bool rows_file_seek(struct rows_file *f, off_t at);
/* The texts of the next row, valid until the next call. NULL: a failure, or the end. */
const char *const *rows_file_next(struct rows_file *f, size_t count);

/* ---- columns (pdf_plan.c) ---- */

#define PDF_SHEETS_MAX 32u
#define PDF_PADDING_EM 0.4 /* left of a text, and right of it */

/* A column as printed; a spread is many. */
struct pdf_column {
    size_t source;               /* of the report's columns */
    size_t at;                   /* of a spread: which of its values */
    char heading[120];
    enum pen_align align;
    bool told;                   /* some row has something other than nothing */
    double seen, word;           /* the widest text there was, the widest word of one: em */
    double heading_word, wish, least; /* the heading's, what it would like, what it needs */
    double width;                /* what it got: points */
};

/* One table: its columns, and where its rows are. */
struct pdf_table {
    struct layout layout;
    struct pdf_column *columns;
    size_t column_count;
    size_t *shown, shown_count;  /* the columns printed; */
    size_t kept;                 /* the first of them on every sheet */
    size_t sheets[PDF_SHEETS_MAX], sheet_count; /* too wide for one page: where in shown each sheet goes on behind the kept */
    double size;                 /* of the font, points */
    off_t begin;
    size_t rows;
    struct buf scratch;          /* of plan_texts */
    const char **texts;
};

/* false: no memory. plan_fini after either. */
bool plan_init(struct pdf_table *t, const struct layout *l, struct pen *pen);
void plan_fini(struct pdf_table *t);
/* The row's texts, one per column, as they are printed: in words, on one line. They lie in t until the next call. NULL: no memory. */
const char *const *plan_texts(struct pdf_table *t, const char *const *cells);
void plan_see(struct pdf_table *t, struct pen *pen, const char *const *texts);
/* All rows were seen. */
void plan_begin(struct pdf_table *t);
/* How wide it would like to be in a font of that size, points. */
double plan_wish(const struct pdf_table *t, double size);
void plan_fit(struct pdf_table *t, double width);
size_t plan_sheet_end(const struct pdf_table *t, size_t sheet); /* in shown */
/* The headings of the columns that are left out, because they are 0 in every row; nothing when there are none. */
void plan_left_out(const struct pdf_table *t, struct buf *out);

/* ---- a chart above the rows (pdf_chart.c) ---- */

#define CHART_BARS_MAX 48u /* as many as find room below a letterhead */

struct pdf_bar {
    char label[120];
    double level, whole, values[REPORT_BARS_MAX];
};
struct pdf_chart {
    const struct layout *layout;
    const struct report_chart *chart; /* NULL: the report has none */
    size_t columns[REPORT_BARS_MAX];  /* of the parts, in the report */
    size_t label, level, whole;       /* likewise */
    struct pdf_bar bars[CHART_BARS_MAX], sums;
    size_t count;
    double deepest;                   /* levels below it are not wanted */
};
void chart_init(struct pdf_chart *c, const struct layout *l);
void chart_see(struct pdf_chart *c, const char *const *cells);
double chart_height(const struct pdf_chart *c); /* 0: there is nothing to show */
void chart_draw(const struct pdf_chart *c, struct pen *pen, double x, double y, double width);

/* ---- pages (pdf_page.c) ---- */

struct pdf_document {
    struct pen *pen;
    const struct layout *layout;
    struct rows_file *rows;
    struct pdf_table tables[2];       /* the report's own, and its annex */
    size_t table_count;
    struct pdf_chart chart;
};
/* Draws everything on pages. false: a row did not come back, or the pen failed. */
bool pages_draw(struct pdf_document *d);

#endif
