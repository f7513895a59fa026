/* How a table fits a page: which columns are printed, how wide, in what size, over how many sheets.
 *
 * All rows were seen before the first page is drawn, so columns are as wide as what stands in them; texts may wrap, down to
 * about half of that, numbers and codes may not. In order, until it fits: the comfortable sizes without wrapping, smaller ones
 * with texts wrapped, then several sheets side by side, each with the columns that say whose row it is. Columns of a spread
 * that are 0 in every row are left out; the page names them. Widths are in em, the size of the font, until plan_fit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdf.h"

#define PADDING_EM (2 * PDF_PADDING_EM + 0.05) /* left and right together, and for rounding */
#define CHARACTER_EM 0.55  /* of a column's width in characters */
#define WORD_EM 16.0       /* longer words break inside */
#define SQUEEZE 0.55       /* texts take at least this part of what they would like */
#define SIZE_COMFORT 9.0
#define SIZE_UNWRAPPED 7.0 /* down to here nothing wraps */
#define SIZE_WRAPPED 8.0   /* with texts wrapped, from here … */
#define SIZE_LEAST 6.0     /* … down to here */
#define SIZE_SHEETS 7.0    /* of a table that goes over several */
#define SIZE_STEP 0.5
#define KEPT_SHARE 0.45    /* of the page, at most, for the columns on every sheet */
#define MEASURE_SIZE 10.0

static double em(struct pen *pen, bool bold, const char *text)
{
    const struct pen_style style = {.size = MEASURE_SIZE, .bold = bold};
    return pen_width(pen, &style, text) / MEASURE_SIZE;
}

static double longest_word(struct pen *pen, bool bold, const char *text)
{
    char word[120];
    double longest = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        snprintf(word, sizeof word, "%.*s", (int)utf8_cut(text, len, sizeof word - 1), text);
        longest = fmax(longest, em(pen, bold, word));
        text += len + strspn(text + len, " ");
    }
    return longest;
}

static void column_init(struct pdf_table *t, struct pen *pen, size_t source, const json_value *codes, size_t k)
{
    struct pdf_column *c = &t->columns[t->column_count++];
    struct text code = {0};
    const enum report_type type = t->layout.report->columns[source].type;
    c->source = source;
    c->at = k;
    c->align = type == REPORT_NUMBER || type == REPORT_DECIMAL || type == REPORT_SPREAD ? PEN_RIGHT : PEN_LEFT;
    if (codes != NULL)
        (void)json_get_string(json_at(codes, k), &code);
    layout_heading(&t->layout, source, codes != NULL ? &code : NULL, c->heading, sizeof c->heading);
    c->heading_word = longest_word(pen, true, c->heading);
}

bool plan_init(struct pdf_table *t, const struct layout *l, struct pen *pen)
{
    size_t count = 0;
    *t = (struct pdf_table){.layout = *l};
    for (size_t i = 0; i < l->report->column_count; i++)
        count += l->codes[i] != NULL ? json_count(l->codes[i]) : 1;
    t->columns = calloc(count, sizeof *t->columns);
    t->shown = calloc(count, sizeof *t->shown);
    t->texts = calloc(count, sizeof *t->texts);
    buf_init(&t->scratch, (size_t)16 << 20);
    if (t->columns == NULL || t->shown == NULL || t->texts == NULL)
        return false;
    for (size_t i = 0; i < l->report->column_count; i++)
        for (size_t k = 0; k < (l->codes[i] != NULL ? json_count(l->codes[i]) : 1); k++)
            column_init(t, pen, i, l->codes[i], k);
    return true;
}

void plan_fini(struct pdf_table *t)
{
    free(t->columns);
    free(t->shown);
    free(t->texts);
    buf_fini(&t->scratch);
}

/* ---- rows ---- */

/* On one line, and without the tab that ends it in the file. */
static void put_text(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        buf_putc(out, (unsigned char)*text < ' ' ? ' ' : *text);
}

static void put_number(const struct pdf_table *t, struct buf *out, const char *number)
{
    for (; *number != '\0'; number++)
        buf_putc(out, *number == '.' && !t->layout.style.english ? ',' : *number);
}

static void put_cell(struct pdf_table *t, const struct pdf_column *c, const char *value, const char **spread)
{
    char number[REPORT_NUMBER_MAX], words[LAYOUT_WORDS_CAP];
    const enum report_type type = t->layout.report->columns[c->source].type;
    if (type == REPORT_SPREAD) {
        if (layout_next(spread, number))
            put_number(t, &t->scratch, strcmp(number, "0") == 0 ? "-" : number);
    } else if (type == REPORT_DECIMAL && value != NULL)
        put_number(t, &t->scratch, value);
    else if (value != NULL)
        put_text(&t->scratch, lines_word(&t->layout, c->source, value, words));
    buf_putc(&t->scratch, '\0');
}

const char *const *plan_texts(struct pdf_table *t, const char *const *cells)
{
    const char *spread = NULL;
    buf_clear(&t->scratch);
    for (size_t i = 0; i < t->column_count; i++) {
        const struct pdf_column *c = &t->columns[i];
        if (c->at == 0)
            spread = cells[c->source];
        put_cell(t, c, cells[c->source], &spread);
    }
    if (t->scratch.failed)
        return NULL;
    const char *at = (const char *)t->scratch.data;
    for (size_t i = 0; i < t->column_count; i++) {
        t->texts[i] = at;
        at += strlen(at) + 1;
    }
    return t->texts;
}

static bool wraps(const struct report_column *c)
{
    return c->type == REPORT_TEXT || c->type == REPORT_WORD || c->type == REPORT_WORDS;
}

void plan_see(struct pdf_table *t, struct pen *pen, const char *const *texts)
{
    for (size_t i = 0; i < t->column_count; i++) {
        struct pdf_column *c = &t->columns[i];
        c->seen = fmax(c->seen, em(pen, false, texts[i]));
        if (wraps(&t->layout.report->columns[c->source]))
            c->word = fmax(c->word, longest_word(pen, false, texts[i]));
        c->told = c->told || (texts[i][0] != '\0' && strcmp(texts[i], "-") != 0);
    }
}

/* ---- fitting ---- */

static void set_wishes(struct pdf_table *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        struct pdf_column *c = &t->columns[i];
        const struct report_column *r = &t->layout.report->columns[c->source];
        const double word = fmin(c->word, WORD_EM), most = fmax(r->width * CHARACTER_EM, word);
        c->wish = c->least = fmax(c->heading_word, c->seen) + PADDING_EM;
        if (!wraps(r))
            continue;
        c->wish = fmax(c->heading_word, fmin(c->seen, most)) + PADDING_EM;
        c->least = fmax(fmax(c->heading_word, word) + PADDING_EM, c->wish * SQUEEZE);
    }
}

static void choose_columns(struct pdf_table *t)
{
    const struct report *r = t->layout.report;
    t->shown_count = t->kept = 0;
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->layout.codes[t->columns[i].source] != NULL && !t->columns[i].told)
            continue;
        t->shown[t->shown_count++] = i;
        t->kept += t->columns[i].source < r->kept;
    }
}

static double sum(const struct pdf_table *t, size_t from, size_t to, bool least)
{
    double all = 0;
    for (size_t i = from; i < to; i++)
        all += least ? t->columns[t->shown[i]].least : t->columns[t->shown[i]].wish;
    return all;
}

/* Gives the columns from … to the whole room, in points: stretched when they wish for less, squeezed when for more. */
static void share(struct pdf_table *t, size_t from, size_t to, double room)
{
    double wish = sum(t, from, to, false), least = sum(t, from, to, true), have = room / t->size;
    for (size_t i = from; i < to; i++) {
        struct pdf_column *c = &t->columns[t->shown[i]];
        if (have >= wish)
            c->width = c->wish * have / wish;
        else if (have > least)
            c->width = c->least + (c->wish - c->least) * (have - least) / (wish - least);
        else
            c->width = c->least * have / least;
        c->width *= t->size;
    }
}

/* The greatest size at which they fit; 0: none. */
static double fitting(const struct pdf_table *t, double width, double from, double to, bool least)
{
    for (double size = from; size >= to; size -= SIZE_STEP)
        if (sum(t, 0, t->shown_count, least) * size <= width)
            return size;
    return 0;
}

static void split(struct pdf_table *t, double width)
{
    t->size = SIZE_SHEETS;
    double kept = fmin(sum(t, 0, t->kept, false) * t->size, width * KEPT_SHARE), room = width - kept;
    double all = sum(t, t->kept, t->shown_count, true) * t->size;
    double each = fmin(room, 1.1 * all / ceil(all / room)), filled = 0; /* sheets about equally full */
    t->sheets[0] = t->kept;
    t->sheet_count = 1;
    for (size_t i = t->kept; i < t->shown_count; i++) {
        double least = t->columns[t->shown[i]].least * t->size;
        if (filled > 0 && filled + least > each && t->sheet_count < PDF_SHEETS_MAX) {
            t->sheets[t->sheet_count++] = i;
            filled = 0;
        }
        filled += least;
    }
    share(t, 0, t->kept, kept);
    for (size_t k = 0; k < t->sheet_count; k++)
        share(t, t->sheets[k], plan_sheet_end(t, k), room);
}

void plan_begin(struct pdf_table *t)
{
    set_wishes(t);
    choose_columns(t);
}

double plan_wish(const struct pdf_table *t, double size)
{
    return sum(t, 0, t->shown_count, false) * size;
}

size_t plan_sheet_end(const struct pdf_table *t, size_t sheet)
{
    return sheet + 1 < t->sheet_count ? t->sheets[sheet + 1] : t->shown_count;
}

void plan_fit(struct pdf_table *t, double width)
{
    t->size = fitting(t, width, SIZE_COMFORT, SIZE_UNWRAPPED, false);
    if (t->size == 0)
        t->size = fitting(t, width, SIZE_WRAPPED, SIZE_LEAST, true);
    if (t->size == 0) {
        split(t, width);
        return;
    }
    t->sheets[0] = t->kept;
    t->sheet_count = 1;
    share(t, 0, t->shown_count, width);
}

void plan_left_out(const struct pdf_table *t, struct buf *out)
{
    for (size_t i = 0; t->rows > 0 && i < t->column_count; i++)
        if (t->layout.codes[t->columns[i].source] != NULL && !t->columns[i].told)
            buf_printf(out, "%s%s", out->len > 0 ? ", " : "", t->columns[i].heading);
}
