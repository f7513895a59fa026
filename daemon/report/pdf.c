/* Reports as PDF: one to print and sign.
 *
 * Place in the flow: run.c gives rows; they are kept in a temporary file, as they will be printed, while the widths of columns
 * and the chart are taken from them; at the end pdf_page.c draws the pages, and the bytes go to the callback as they come.
 * Memory does not grow with the rows. The same rows, head and fonts give the same bytes: the only time inside is the head's
 * as_of. No threads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdf.h"

struct pdf {
    struct writer base;
    struct pdf_document d;
    struct layout layout;
};

static bool failed(struct pdf *p, const char *indonesian, const char *english)
{
    p->base.error = lines_say(&p->layout, indonesian, english);
    return false;
}

static bool no_room(struct pdf *p)
{
    return failed(p, "berkas sementara (TMPDIR) tidak dapat ditulis atau dibaca; cukupkah tempatnya?", "the temporary file (TMPDIR) could not be written or read; is there room?");
}

static struct pdf_table *table(struct pdf *p)
{
    return &p->d.tables[p->d.table_count - 1];
}

static bool pdf_row(struct writer *w, const char *const *cells)
{
    struct pdf *p = (struct pdf *)w;
    if (table(p)->rows == REPORT_PAGE_ROWS)
        return failed(p, "lebih dari yang dapat dicetak; minta CSV, atau per unit", "more than can be printed; ask for CSV, or by unit");
    const char *const *texts = plan_texts(table(p), cells);
    if (texts == NULL) {
        w->error = "a value that cannot be written";
        return false;
    }
    plan_see(table(p), p->d.pen, texts);
    if (p->d.table_count == 1)
        chart_see(&p->d.chart, cells);
    table(p)->rows++;
    return rows_file_add(p->d.rows, table(p)->column_count, texts) || no_room(p);
}

static bool pdf_annex(struct writer *w, const struct layout *l)
{
    struct pdf *p = (struct pdf *)w;
    p->d.table_count = 2;
    bool done = plan_init(table(p), l, p->d.pen);
    table(p)->begin = rows_file_at(p->d.rows);
    if (done)
        return true;
    w->error = strerror(ENOMEM);
    return false;
}

static void describe(struct pdf *p)
{
    char subject[LINES_CAP], period[LINES_CAP], both[2 * LINES_CAP], government[300], as_of[64];
    snprintf(both, sizeof both, "%s · %s", lines_subject(&p->layout, subject), lines_period(&p->layout, period));
    pen_describe(p->d.pen, lines_title(&p->layout), both, lines_member(p->layout.head, "government", government, sizeof government),
                 lines_member(p->layout.head, "as_of", as_of, sizeof as_of));
}

static bool pdf_end(struct writer *w)
{
    struct pdf *p = (struct pdf *)w;
    if (!rows_file_seek(p->d.rows, 0))
        return no_room(p);
    if (pages_draw(&p->d) && pen_finish(p->d.pen))
        return true;
    if (!pen_failed(p->d.pen, &w->error))
        return no_room(p); /* a row did not come back */
    return false;
}

static void pdf_free(struct writer *w)
{
    struct pdf *p = (struct pdf *)w;
    for (size_t i = 0; i < p->d.table_count; i++)
        plan_fini(&p->d.tables[i]);
    rows_file_free(p->d.rows);
    pen_free(p->d.pen);
    free(p);
}

static bool fontless_row(struct writer *w, const char *const *cells)
{
    (void)w;
    (void)cells;
    return false;
}

static bool fontless_end(struct writer *w)
{
    (void)w;
    return false;
}

/* pango ends the process where there is not one font: it is not asked for any. */
static struct writer *fontless(struct pdf *p)
{
    (void)failed(p, "tidak ada huruf terpasang untuk PDF: pasang fonts-liberation dan fonts-dejavu-core",
                 "no font is installed for a PDF: install fonts-liberation and fonts-dejavu-core");
    p->base.row = fontless_row;
    p->base.end = fontless_end;
    return &p->base;
}

struct writer *writer_pdf(const struct layout *l, report_write_cb write, void *arg)
{
    struct pdf *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->layout = *l;
    p->base = (struct writer){.row = pdf_row, .annex = pdf_annex, .end = pdf_end, .free = pdf_free};
    p->d.layout = &p->layout;
    p->d.pen = pen_new(write, arg);
    p->d.rows = rows_file_new();
    if (p->d.pen != NULL && !pen_has_fonts(p->d.pen))
        return fontless(p);
    p->d.table_count = 1;
    if (p->d.pen == NULL || p->d.rows == NULL || !plan_init(table(p), l, p->d.pen)) {
        pdf_free(&p->base);
        return NULL;
    }
    describe(p);
    chart_init(&p->d.chart, &p->layout);
    return &p->base;
}
