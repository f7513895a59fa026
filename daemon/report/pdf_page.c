/* What stands where on the pages: letterhead, title, chart, tables with their headings on every page, signature, page x of y.
 *
 * Place in the flow: pdf.c has kept all rows and calls pages_draw. Everything is placed twice by the same code: once to count
 * the pages, then drawing. A table that is wider than a page goes over several sheets: the same rows on each, in turn. The last
 * row and the signature stay together, on one page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdf.h"

#define MM (72 / 25.4)
#define MARGIN_BINDING (16 * MM)
#define MARGIN (11 * MM)
#define FOOTER (8 * MM)
#define PADDING_LINES_EM 0.22 /* above a text, and below it */
#define ROWS_MAX 256u        /* on a page */
#define RULE_THIN 0.3
#define PORTRAIT_SIZE 8.0    /* what fits upright in this size is printed upright, unless the setting says otherwise */
#define SIGNATURE_WIDTH 230.0
#define SIGNATURE_GAP 44.0   /* for the hand */
#define LETTERHEAD_LINES 8u
#define SECTION_GAP 14.0
#define SECTION_ROWS 3

struct flow {
    struct pdf_document *d;
    bool drawing, failed;
    double width, height, left, right, bottom, y;
    size_t page, pages;
    double heights[ROWS_MAX]; /* of the rows that are on this page */
};

static const struct pen_style letterhead_first = {.size = 12, .bold = true, .align = PEN_CENTRE},
                              letterhead_second = {.size = 14, .bold = true, .align = PEN_CENTRE},
                              letterhead_other = {.size = 9, .align = PEN_CENTRE},
                              title_style = {.size = 12, .bold = true, .align = PEN_CENTRE},
                              about_style = {.size = 9, .align = PEN_CENTRE},
                              note_style = {.size = 7}, none_style = {.size = 9}, section_style = {.size = 10, .bold = true}, footer_left = {.size = 7}, footer_right = {.size = 7, .align = PEN_RIGHT},
                              sign_style = {.size = 9, .align = PEN_CENTRE},
                              sign_name = {.size = 9, .bold = true, .underline = true, .align = PEN_CENTRE};

/* ---- pages ---- */

static double top(void)
{
    return MARGIN;
}

static void draw_footer(struct flow *f)
{
    char line[80], about[LINES_CAP], all[2 * LINES_CAP];
    const struct layout *l = f->d->layout;
    double width = f->right - f->left, y = f->height - FOOTER - footer_left.size;
    snprintf(line, sizeof line, "%s %zu %s %zu", lines_say(l, "halaman", "page"), f->page, lines_say(l, "dari", "of"), f->pages);
    pen_text(f->d->pen, &footer_right, f->left, y, width, line);
    snprintf(all, sizeof all, "%s · %s", lines_title(l), lines_subject(l, about));
    pen_text(f->d->pen, &footer_left, f->left, y, width * 0.8, all);
}

static void new_page(struct flow *f)
{
    if (f->drawing && f->page > 0) {
        draw_footer(f);
        f->failed = !pen_end_page(f->d->pen) || f->failed;
    }
    f->page++;
    f->y = top();
}

/* Moves to a new page when there is less room than this, unless it is a new one. */
static void need(struct flow *f, double height)
{
    if (f->y + height > f->bottom && f->y > top())
        new_page(f);
}

/* A paragraph over the whole width. */
static void put(struct flow *f, const struct pen_style *style, const char *text)
{
    double width = f->right - f->left;
    if (f->drawing)
        pen_text(f->d->pen, style, f->left, f->y, width, text);
    f->y += pen_height(f->d->pen, style, text, width);
}

/* ---- above the tables ---- */

static void put_letterhead(struct flow *f)
{
    const json_value *lines = json_member(json_member(f->d->layout->head, "print"), "letterhead");
    size_t count = json_count(lines) < LETTERHEAD_LINES ? json_count(lines) : LETTERHEAD_LINES;
    for (size_t i = 0; i < count; i++) {
        char line[LINES_CAP];
        struct text text = {0};
        (void)json_get_string(json_at(lines, i), &text);
        snprintf(line, sizeof line, "%.*s", (int)text.len, text.len > 0 ? text.s : "");
        if (text.len > 0)
            put(f, i == 0 ? &letterhead_first : i == 1 ? &letterhead_second : &letterhead_other, line);
    }
    if (count == 0)
        return;
    f->y += 4;
    if (f->drawing) {
        pen_line(f->d->pen, f->left, f->y, f->right, f->y, 1.6);
        pen_line(f->d->pen, f->left, f->y + 2.4, f->right, f->y + 2.4, 0.5);
    }
    f->y += 12;
}

static void put_left_out(struct flow *f)
{
    struct buf names, line;
    buf_init(&names, 16u << 10);
    buf_init(&line, 16u << 10);
    plan_left_out(&f->d->tables[0], &names);
    if (names.len > 0 && buf_printf(&line, "%s %s.", lines_say(f->d->layout, "Nol pada semua baris, maka tidak dicetak:",
                                                             "Nought in every row, and therefore not printed:"), buf_str(&names))) {
        put(f, &note_style, buf_str(&line));
        f->y += 4;
    }
    buf_fini(&names);
    buf_fini(&line);
}

static void put_title(struct flow *f)
{
    char line[LINES_CAP];
    put(f, &title_style, lines_title(f->d->layout));
    put(f, &about_style, lines_subject(f->d->layout, line));
    put(f, &about_style, lines_period(f->d->layout, line));
    if (lines_member(f->d->layout->head, "note", line, sizeof line)[0] != '\0')
        put(f, &about_style, line);
    f->y += 8;
    put_left_out(f);
}

static void put_chart(struct flow *f)
{
    double height = chart_height(&f->d->chart);
    if (height == 0)
        return;
    need(f, height);
    if (f->drawing)
        chart_draw(&f->d->chart, f->d->pen, f->left, f->y, f->right - f->left);
    f->y += height;
}

/* ---- tables ---- */

/* What a sheet shows: the columns from … to in shown, besides those kept. */
struct sheet {
    const struct pdf_table *t;
    size_t from, to;
};

static struct sheet sheet_of(const struct pdf_table *t, size_t i)
{
    return (struct sheet){t, t->sheets[i], plan_sheet_end(t, i)};
}

/* The columns of a sheet in turn: those kept, then its own; to: the end. */
static size_t first_column(const struct sheet *s)
{
    return s->t->kept > 0 ? 0 : s->from;
}

static size_t next_column(const struct sheet *s, size_t i)
{
    return i + 1 == s->t->kept ? s->from : i + 1;
}

static double line_padding(const struct pdf_table *t)
{
    return PADDING_LINES_EM * t->size;
}

static double row_height(struct flow *f, const struct pdf_table *t, const char *const *texts)
{
    const struct pen_style style = {.size = t->size};
    double height = pen_height(f->d->pen, &style, "0", t->size * 9);
    for (size_t i = 0; i < t->shown_count; i++) {
        const struct pdf_column *c = &t->columns[t->shown[i]];
        height = fmax(height, pen_height(f->d->pen, &style, texts[t->shown[i]], c->width - 2 * PDF_PADDING_EM * t->size));
    }
    return height + 2 * line_padding(t);
}

static double heading_height(struct flow *f, const struct pdf_table *t)
{
    const struct pen_style style = {.size = t->size, .bold = true};
    double height = 0;
    for (size_t i = 0; i < t->shown_count; i++) {
        const struct pdf_column *c = &t->columns[t->shown[i]];
        height = fmax(height, pen_height(f->d->pen, &style, c->heading, c->width - 2 * PDF_PADDING_EM * t->size));
    }
    return height + 2 * line_padding(t);
}

static void draw_cells(struct flow *f, const struct sheet *s, const char *const *texts, double height)
{
    const double beside = PDF_PADDING_EM * s->t->size;
    double x = f->left;
    for (size_t i = first_column(s); i < s->to; i = next_column(s, i)) {
        const struct pdf_column *c = &s->t->columns[s->t->shown[i]];
        struct pen_style style = {.size = s->t->size, .bold = texts == NULL, .align = texts == NULL ? PEN_CENTRE : c->align};
        const char *text = texts == NULL ? c->heading : texts[s->t->shown[i]];
        double width = c->width - 2 * beside;
        double above = texts == NULL ? (height - pen_height(f->d->pen, &style, text, width)) / 2 : line_padding(s->t);
        pen_text(f->d->pen, &style, x + beside, f->y + above, width, text);
        x += c->width;
    }
}

static double sheet_width(const struct sheet *s)
{
    double width = 0;
    for (size_t i = first_column(s); i < s->to; i = next_column(s, i))
        width += s->t->columns[s->t->shown[i]].width;
    return width;
}

static void rule_columns(struct flow *f, const struct sheet *s, double from)
{
    double x = f->left;
    for (size_t i = first_column(s); i < s->to; i = next_column(s, i)) {
        pen_line(f->d->pen, x, from, x, f->y, RULE_THIN);
        x += s->t->columns[s->t->shown[i]].width;
    }
    pen_line(f->d->pen, x, from, x, f->y, RULE_THIN);
}

/* Draws the rows from `at` on one sheet, below a heading. */
static void draw_sheet(struct flow *f, const struct sheet *s, off_t at, size_t rows, double heading)
{
    const double from = f->y, width = sheet_width(s);
    pen_bar(f->d->pen, f->left, f->y, width, heading, PEN_PALE);
    draw_cells(f, s, NULL, heading);
    f->y += heading;
    f->failed = !rows_file_seek(f->d->rows, at) || f->failed;
    for (size_t i = 0; i < rows && !f->failed; i++) {
        const char *const *texts = rows_file_next(f->d->rows, s->t->column_count);
        f->failed = texts == NULL;
        if (texts != NULL)
            draw_cells(f, s, texts, f->heights[i]);
        f->y += f->heights[i];
        pen_line(f->d->pen, f->left, f->y, f->left + width, f->y, RULE_THIN);
    }
    rule_columns(f, s, from);
}

/* How many rows from the file's place on fit below here; their heights. tail: of what must follow the very last. */
static size_t fill(struct flow *f, const struct pdf_table *t, size_t left, double room, double tail)
{
    size_t n = 0;
    while (n < left && n < ROWS_MAX) {
        const char *const *texts = rows_file_next(f->d->rows, t->column_count);
        f->failed = texts == NULL || f->failed;
        if (f->failed)
            return n;
        f->heights[n] = row_height(f, t, texts);
        room -= f->heights[n];
        if (room < (n + 1 == left ? tail : 0))
            return n;
        n++;
    }
    return n;
}

static off_t skip(struct flow *f, const struct pdf_table *t, off_t at, size_t rows)
{
    f->failed = !rows_file_seek(f->d->rows, at) || f->failed;
    for (size_t i = 0; i < rows && !f->failed; i++)
        f->failed = rows_file_next(f->d->rows, t->column_count) == NULL;
    return rows_file_at(f->d->rows);
}

static void put_sheets(struct flow *f, const struct pdf_table *t, off_t at, size_t rows, double heading)
{
    double height = heading, y = f->y;
    for (size_t i = 0; i < rows; i++)
        height += f->heights[i];
    for (size_t i = 0; i < t->sheet_count; i++) {
        const struct sheet s = sheet_of(t, i);
        if (i > 0) {
            new_page(f);
            y = f->y;
        }
        if (f->drawing)
            draw_sheet(f, &s, at, rows, heading);
        f->y = y + height;
    }
}

/* The title of an annex, with room for its headings and a few rows below it. */
static void put_section(struct flow *f, const struct pdf_table *t)
{
    const double title = pen_height(f->d->pen, &section_style, "", f->right - f->left);
    need(f, SECTION_GAP + title + heading_height(f, t) + SECTION_ROWS * t->size * 1.7);
    if (f->y > top())
        f->y += SECTION_GAP;
    put(f, &section_style, lines_title(&t->layout));
    f->y += 3;
}

static void put_table(struct flow *f, const struct pdf_table *t, double tail)
{
    const double heading = heading_height(f, t);
    off_t at = t->begin;
    size_t left = t->rows;
    if (left == 0)
        need(f, heading + 2 * t->size + tail);
    do {
        f->failed = !rows_file_seek(f->d->rows, at) || f->failed;
        size_t n = fill(f, t, left, f->bottom - f->y - heading, tail);
        if (f->failed)
            return;
        if (n == 0 && left > 0 && f->y > top()) {
            new_page(f);
            continue;
        }
        n = n == 0 && left > 0 ? 1 : n; /* the tail moves on alone when one row and it are more than a page */
        put_sheets(f, t, at, n, heading);
        at = skip(f, t, at, n);
        left -= n;
        if (left > 0)
            new_page(f);
    } while (left > 0 && !f->failed);
    if (t->rows == 0) {
        f->y += 3;
        put(f, &none_style, lines_say(f->d->layout, "Tidak ada.", "None."));
    }
}

/* ---- below the tables ---- */

static double put_sign(struct flow *f, const struct pen_style *style, double y, const char *text)
{
    if (f->drawing)
        pen_text(f->d->pen, style, f->right - SIGNATURE_WIDTH, y, SIGNATURE_WIDTH, text);
    return y + pen_height(f->d->pen, style, text, SIGNATURE_WIDTH);
}

/* Returns where it ends. */
static double put_signature(struct flow *f, double y)
{
    struct signature lines;
    lines_signature(f->d->layout, &lines);
    y = put_sign(f, &sign_style, y + 14, lines.place);
    y = put_sign(f, &sign_style, y, lines.title) + SIGNATURE_GAP;
    y = put_sign(f, &sign_name, y, lines.name);
    return put_sign(f, &sign_style, y + 2, lines.nip);
}

static double signature_height(struct flow *f)
{
    bool drawing = f->drawing;
    if (!f->d->layout->report->signature)
        return 0;
    f->drawing = false;
    double height = put_signature(f, 0);
    f->drawing = drawing;
    return height;
}

/* ---- all of it ---- */

static void put_all(struct flow *f, bool drawing)
{
    const double tail = signature_height(f);
    f->drawing = drawing;
    f->page = 0;
    new_page(f);
    put_letterhead(f);
    put_title(f);
    put_chart(f);
    for (size_t i = 0; i < f->d->table_count && !f->failed; i++) {
        const bool last = i + 1 == f->d->table_count;
        if (i > 0)
            put_section(f, &f->d->tables[i]);
        put_table(f, &f->d->tables[i], last ? tail : 0);
    }
    if (tail > 0 && !f->failed) {
        need(f, tail);
        f->y = put_signature(f, f->y);
    }
    f->pages = f->page;
}

static void choose_paper(struct flow *f)
{
    char paper[40];
    const struct pdf_document *d = f->d;
    lines_member(json_member(d->layout->head, "print"), "paper", paper, sizeof paper);
    bool a4 = strncmp(paper, "A4", 2) == 0;
    double across = (a4 ? 210 : 215) * MM, along = (a4 ? 297 : 330) * MM;
    bool upright = plan_wish(&d->tables[0], PORTRAIT_SIZE) <= across - MARGIN_BINDING - MARGIN;
    if (strchr(paper, '-') != NULL)
        upright = strstr(paper, "portrait") != NULL;
    f->width = upright ? across : along;
    f->height = upright ? along : across;
    f->left = MARGIN_BINDING;
    f->right = f->width - MARGIN;
    f->bottom = f->height - FOOTER - 2 * footer_left.size - 4;
}

bool pages_draw(struct pdf_document *d)
{
    struct flow *f = calloc(1, sizeof *f);
    if (f == NULL)
        return false;
    f->d = d;
    for (size_t i = 0; i < d->table_count; i++)
        plan_begin(&d->tables[i]);
    choose_paper(f);
    for (size_t i = 0; i < d->table_count; i++)
        plan_fit(&d->tables[i], f->right - f->left);
    pen_set_page(d->pen, f->width, f->height);
    put_all(f, false);
    if (!f->failed)
        put_all(f, true);
    draw_footer(f);
    bool done = !f->failed && pen_end_page(d->pen);
    free(f);
    return done;
}
