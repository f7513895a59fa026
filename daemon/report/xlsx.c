/* Reports as XLSX, over libxlsxwriter, whose header stays in this file.
 *
 * Place in the flow: run.c gives rows, the finished file goes to the callback in parts. Constant-memory mode: rows wait in
 * a temporary file, so memory does not grow with them; the file is put together at the end.
 *
 *   title | government, unit | period, up to when | note, if any | headings, frozen, filtered, repeated on each page | rows |
 *   signature block
 *
 * Cells are typed; an NIP is text. The same rows give the same bytes: the only time inside is the head's as_of.
 * Does not: split what exceeds a sheet's rows; that is an error. No threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "inside.h"
#include "wall.h"

#define HEADING_ROW 4u
#define ROOM_BYTES ((uint64_t)4 << 20)
#define PAPER_A4 9     /* as Excel numbers them */
#define PAPER_FOLIO 14 /* 8.5 x 13 inches: F4 */
#define COPY_BYTES ((size_t)64 << 10)

struct sheet {
    struct writer base;
    const struct layout *layout;
    report_write_cb write;
    void *arg;
    char path[64];
    lxw_workbook *book; /* NULL once closed */
    lxw_worksheet *page; /* the one that is written; the last of: */
    lxw_worksheet *pages[2];
    size_t page_count;
    lxw_format *title, *heading, *whole, *decimal, *date, *name;
    lxw_row_t row;
    lxw_col_t columns;
    bool failed;
};

static bool good(struct sheet *s, lxw_error e)
{
    if (e != LXW_NO_ERROR) {
        s->failed = true;
        s->base.error = lxw_strerror(e);
    }
    return e == LXW_NO_ERROR;
}

static bool text_at(struct sheet *s, lxw_row_t row, lxw_col_t col, const char *text, lxw_format *format)
{
    return good(s, worksheet_write_string(s->page, row, col, text, format));
}

/* ---- above the rows ---- */

static void write_title(struct sheet *s)
{
    char line[LINES_CAP];
    (void)text_at(s, 0, 0, lines_title(s->layout), s->title);
    (void)text_at(s, 1, 0, lines_subject(s->layout, line), NULL);
    (void)text_at(s, 2, 0, lines_period(s->layout, line), NULL);
    (void)text_at(s, 3, 0, lines_member(s->layout->head, "note", line, sizeof line), NULL);
}

static bool write_heading(struct sheet *s, size_t i, const struct text *code)
{
    char heading[200];
    lxw_col_t col = s->columns++;
    return text_at(s, HEADING_ROW, col, layout_heading(s->layout, i, code, heading, sizeof heading), s->heading) &&
           good(s, worksheet_set_column(s->page, col, col, s->layout->report->columns[i].width, NULL));
}

static void write_headings(struct sheet *s)
{
    for (size_t i = 0; i < s->layout->report->column_count; i++) {
        const json_value *codes = s->layout->codes[i];
        if (codes == NULL)
            (void)write_heading(s, i, NULL);
        for (size_t k = 0; k < json_count(codes); k++) {
            struct text code = {0};
            (void)json_get_string(json_at(codes, k), &code);
            (void)write_heading(s, i, &code);
        }
    }
}

/* ---- rows ---- */

static bool number_at(struct sheet *s, lxw_col_t col, const char *text, lxw_format *format)
{
    char *end;
    double value = strtod(text, &end);
    if (*end != '\0') {
        s->failed = true;
        s->base.error = "a value that is no number";
        return false;
    }
    return good(s, worksheet_write_number(s->page, s->row, col, value, format));
}

static bool date_at(struct sheet *s, lxw_col_t col, const char *text)
{
    int year, month, day;
    if (sscanf(text, "%4d-%2d-%2d", &year, &month, &day) != 3)
        return text_at(s, s->row, col, text, NULL);
    lxw_datetime at = {.year = year, .month = month, .day = day};
    return good(s, worksheet_write_datetime(s->page, s->row, col, &at, s->date));
}

/* Returns how many cells it wrote into. */
static lxw_col_t write_spread(struct sheet *s, size_t i, lxw_col_t col, const char *values)
{
    char number[REPORT_NUMBER_MAX];
    size_t count = json_count(s->layout->codes[i]);
    for (size_t k = 0; k < count && layout_next(&values, number); k++)
        (void)number_at(s, (lxw_col_t)(col + k), number, strchr(number, '.') != NULL ? s->decimal : s->whole);
    return (lxw_col_t)count;
}

static void write_cell(struct sheet *s, size_t i, lxw_col_t col, const char *value)
{
    char words[LAYOUT_WORDS_CAP];
    if (value == NULL)
        return;
    switch (s->layout->report->columns[i].type) {
    case REPORT_TEXT:
    case REPORT_CODE:
    case REPORT_WORD:
    case REPORT_WORDS:
    case REPORT_FLAG:
        (void)text_at(s, s->row, col, lines_word(s->layout, i, value, words), NULL);
        break;
    case REPORT_NUMBER:
        (void)number_at(s, col, value, s->whole);
        break;
    case REPORT_DECIMAL:
        (void)number_at(s, col, value, s->decimal);
        break;
    case REPORT_DATE:
        (void)date_at(s, col, value);
        break;
    case REPORT_SPREAD:
        break;
    }
}

static bool sheet_row(struct writer *w, const char *const *cells)
{
    struct sheet *s = (struct sheet *)w;
    lxw_col_t col = 0;
    if (s->row > HEADING_ROW + REPORT_SHEET_ROWS) {
        w->error = lines_say(s->layout, "lebih dari satu lembar Excel; minta CSV, atau per unit", "more than a sheet of Excel holds; ask for CSV, or by unit");
        return false;
    }
    for (size_t i = 0; i < s->layout->report->column_count && !s->failed; i++) {
        if (s->layout->codes[i] != NULL)
            col = (lxw_col_t)(col + write_spread(s, i, col, cells[i]));
        else
            write_cell(s, i, col++, cells[i]);
    }
    s->row++;
    return !s->failed;
}

/* ---- below the rows ---- */

static void write_signature(struct sheet *s)
{
    struct signature lines;
    lxw_row_t row = s->row + 1;
    lxw_col_t col = s->columns > 12 ? (lxw_col_t)(s->columns - 8) : (lxw_col_t)(s->columns - 4);
    lines_signature(s->layout, &lines);
    (void)text_at(s, row, col, lines.place, NULL);
    (void)text_at(s, row + 1, col, lines.title, NULL);
    (void)text_at(s, row + 5, col, lines.name, s->name);
    (void)text_at(s, row + 6, col, lines.nip, NULL);
}

static bool copy_out(struct sheet *s)
{
    uint8_t *bytes = malloc(COPY_BYTES);
    FILE *f = fopen(s->path, "rb");
    bool ok = bytes != NULL && f != NULL;
    size_t n;
    while (ok && (n = fread(bytes, 1, COPY_BYTES, f)) > 0)
        ok = s->write(s->arg, bytes, n);
    if (f != NULL) {
        ok = ok && !ferror(f);
        fclose(f);
    }
    free(bytes);
    return ok;
}

/* libxlsxwriter does not look whether its temporary files could be written: a full disk would give a file that ends early. The
 * rows wait in one; putting the sheet together takes as much again, and less for the file itself. */
static bool room(struct sheet *s)
{
    struct statvfs disk;
    uint64_t size = ROOM_BYTES;
    bool whole = statvfs(temporary_folder(), &disk) == 0;
    for (size_t i = 0; i < s->page_count && whole; i++) {
        FILE *rows = s->pages[i]->optimize_tmpfile;
        whole = fflush(rows) == 0 && !ferror(rows);
        size += 2 * (uint64_t)ftello(rows);
    }
    if (whole && (uint64_t)disk.f_bavail * disk.f_frsize > size)
        return true;
    s->base.error = lines_say(s->layout, "tempat untuk berkas sementara (TMPDIR) tidak cukup", "there is not enough room for temporary files (TMPDIR)");
    return false;
}

static void end_page(struct sheet *s)
{
    if (s->row > HEADING_ROW + 1)
        (void)good(s, worksheet_autofilter(s->page, HEADING_ROW, 0, s->row - 1, (lxw_col_t)(s->columns - 1)));
    if (s->layout->report->signature)
        write_signature(s);
}

static bool sheet_end(struct writer *w)
{
    struct sheet *s = (struct sheet *)w;
    if (!room(s))
        return false;
    end_page(s);
    lxw_workbook *book = s->book;
    s->book = NULL;
    if (!good(s, workbook_close(book)) || s->failed)
        return false;
    return copy_out(s);
}

static void sheet_free(struct writer *w)
{
    struct sheet *s = (struct sheet *)w;
    if (s->book != NULL)
        (void)workbook_close(s->book); /* the only way to free it */
    if (s->path[0] != '\0')
        unlink(s->path);
    free(s);
}

/* ---- begin ---- */

static lxw_format *format_new(struct sheet *s, const char *number)
{
    lxw_format *f = workbook_add_format(s->book);
    if (f != NULL && number != NULL)
        format_set_num_format(f, number);
    return f;
}

static void set_formats(struct sheet *s)
{
    s->title = format_new(s, NULL);
    s->heading = format_new(s, NULL);
    s->whole = format_new(s, "0");
    s->decimal = format_new(s, "0.00");
    s->date = format_new(s, "yyyy-mm-dd");
    s->name = format_new(s, NULL);
    format_set_bold(s->title);
    format_set_font_size(s->title, 14);
    format_set_bold(s->heading);
    format_set_text_wrap(s->heading);
    format_set_align(s->heading, LXW_ALIGN_CENTER);
    format_set_align(s->heading, LXW_ALIGN_VERTICAL_CENTER);
    format_set_border(s->heading, LXW_BORDER_THIN);
    format_set_bold(s->name);
    format_set_underline(s->name, LXW_UNDERLINE_SINGLE);
}

static void set_print(struct sheet *s)
{
    char paper[40];
    lines_member(json_member(s->layout->head, "print"), "paper", paper, sizeof paper);
    if (strstr(paper, "portrait") == NULL)
        worksheet_set_landscape(s->page);
    worksheet_set_paper(s->page, strncmp(paper, "F4", 2) == 0 ? PAPER_FOLIO : PAPER_A4);
    worksheet_fit_to_pages(s->page, 1, 0);
    (void)good(s, worksheet_repeat_rows(s->page, HEADING_ROW, HEADING_ROW));
    (void)good(s, worksheet_set_footer(s->page, lines_say(s->layout, "&RHalaman &P dari &N", "&RPage &P of &N")));
}

/* The one time inside the file. */
static void set_created(struct sheet *s)
{
    char as_of[64];
    int64_t us = 0;
    lines_member(s->layout->head, "as_of", as_of, sizeof as_of);
    (void)wall_parse_rfc3339(as_of, strlen(as_of), &us);
    lxw_doc_properties properties = {.created = (time_t)(us / 1000000)};
    (void)good(s, workbook_set_properties(s->book, &properties));
}

static bool make_file(struct sheet *s)
{
    int n = snprintf(s->path, sizeof s->path, "%s/hadir-report.XXXXXX", temporary_folder());
    int fd = n > 0 ? mkstemp(s->path) : -1;
    if (fd < 0) {
        s->path[0] = '\0';
        return false;
    }
    close(fd);
    return true;
}

/* A worksheet down to its headings. */
static bool begin_page(struct sheet *s, const struct layout *l)
{
    s->page = s->book != NULL ? workbook_add_worksheet(s->book, l->report->name) : NULL;
    if (s->page == NULL)
        return false;
    s->pages[s->page_count++] = s->page;
    s->layout = l;
    s->row = HEADING_ROW + 1;
    s->columns = 0;
    set_print(s);
    write_title(s);
    write_headings(s);
    worksheet_freeze_panes(s->page, HEADING_ROW + 1, 0);
    return true;
}

static bool sheet_annex(struct writer *w, const struct layout *l)
{
    struct sheet *s = (struct sheet *)w;
    end_page(s);
    return begin_page(s, l);
}

struct writer *writer_xlsx(const struct layout *l, report_write_cb write, void *arg)
{
    struct sheet *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct sheet){.layout = l, .write = write, .arg = arg};
    s->base = (struct writer){.row = sheet_row, .annex = sheet_annex, .end = sheet_end, .free = sheet_free};
    lxw_workbook_options options = {.constant_memory = LXW_TRUE, .tmpdir = temporary_folder()};
    if (make_file(s))
        s->book = workbook_new_opt(s->path, &options);
    if (s->book != NULL) {
        set_formats(s);
        set_created(s);
    }
    if (!begin_page(s, l)) {
        sheet_free(&s->base);
        return NULL;
    }
    return &s->base;
}
