/* Reports as CSV and as JSON: written through one buffer that is emptied every few thousand bytes.
 *
 * Place in the flow: run.c gives rows, the callback takes bytes. JSON is an object: report, the members of the head, and
 * rows. CSV has the columns' names; excel-id, which is for people, their headings and words. Pure but for the callback. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define FLUSH_BYTES ((size_t)32 << 10)
#define BUFFER_MAX ((size_t)16 << 20)

struct flat {
    struct writer base;
    const struct layout *layout;
    report_write_cb write;
    void *arg;
    struct buf out;
    struct csv csv;
    struct json_writer json;
};

static bool flush(struct flat *f, size_t from)
{
    if (f->out.failed) {
        f->base.error = "a value that cannot be written";
        return false;
    }
    if (f->out.len < from)
        return true;
    bool taken = f->out.len == 0 || f->write(f->arg, f->out.data, f->out.len);
    buf_clear(&f->out);
    return taken;
}

static void flat_free(struct writer *w)
{
    struct flat *f = (struct flat *)w;
    buf_fini(&f->out);
    free(f);
}

static struct flat *flat_new(const struct layout *l, report_write_cb write, void *arg)
{
    struct flat *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    *f = (struct flat){.layout = l, .write = write, .arg = arg};
    f->base.free = flat_free;
    buf_init(&f->out, BUFFER_MAX);
    return f;
}

static const char *flag_text(const char *value)
{
    return value == NULL ? NULL : value[0] == 't' ? "true" : "false";
}

/* ---- CSV ---- */

static bool for_people(const struct flat *f)
{
    return f->layout->style.dialect == CSV_EXCEL_ID;
}

static void csv_headings(struct flat *f)
{
    char heading[200];
    const struct report *r = f->layout->report;
    for (size_t i = 0; i < r->column_count; i++) {
        const json_value *codes = f->layout->codes[i];
        if (codes == NULL)
            csv_text(&f->csv, for_people(f) ? layout_heading(f->layout, i, NULL, heading, sizeof heading) : r->columns[i].name);
        for (size_t k = 0; k < json_count(codes); k++) {
            struct text code = {0};
            (void)json_get_string(json_at(codes, k), &code);
            if (for_people(f))
                layout_heading(f->layout, i, &code, heading, sizeof heading);
            else
                snprintf(heading, sizeof heading, "%s_%.*s", r->columns[i].name, (int)code.len, code.s);
            csv_text(&f->csv, heading);
        }
    }
    csv_end_row(&f->csv);
}

/* A spread has as many fields as the head has codes, whatever came. */
static void csv_spread(struct flat *f, size_t i, const char *values)
{
    char number[REPORT_NUMBER_MAX];
    for (size_t k = 0; k < json_count(f->layout->codes[i]); k++)
        csv_number(&f->csv, layout_next(&values, number) ? number : NULL);
}

static void csv_cell(struct flat *f, size_t i, const char *value)
{
    char words[LAYOUT_WORDS_CAP];
    switch (f->layout->report->columns[i].type) {
    case REPORT_TEXT:
    case REPORT_DATE:
        csv_text(&f->csv, value);
        break;
    case REPORT_CODE:
        csv_code(&f->csv, value);
        break;
    case REPORT_WORD:
    case REPORT_WORDS:
        csv_text(&f->csv, for_people(f) && value != NULL ? lines_word(f->layout, i, value, words) : value);
        break;
    case REPORT_FLAG:
        csv_text(&f->csv, for_people(f) && value != NULL ? lines_word(f->layout, i, value, words) : flag_text(value));
        break;
    case REPORT_NUMBER:
    case REPORT_DECIMAL:
        csv_number(&f->csv, value);
        break;
    case REPORT_SPREAD:
        csv_spread(f, i, value);
        break;
    }
}

static bool csv_row(struct writer *w, const char *const *cells)
{
    struct flat *f = (struct flat *)w;
    for (size_t i = 0; i < f->layout->report->column_count; i++)
        csv_cell(f, i, cells[i]);
    csv_end_row(&f->csv);
    return flush(f, FLUSH_BYTES);
}

static bool csv_end(struct writer *w)
{
    return flush((struct flat *)w, 0);
}

struct writer *writer_csv(const struct layout *l, report_write_cb write, void *arg)
{
    struct flat *f = flat_new(l, write, arg);
    if (f == NULL)
        return NULL;
    f->base.row = csv_row;
    f->base.end = csv_end;
    csv_begin_as(&f->csv, &f->out, l->style.dialect);
    csv_headings(f);
    return &f->base;
}

/* ---- JSON ---- */

static void json_spread(struct flat *f, size_t i, const char *values)
{
    char number[REPORT_NUMBER_MAX];
    json_object(&f->json);
    for (size_t k = 0; k < json_count(f->layout->codes[i]) && layout_next(&values, number); k++) {
        struct text code;
        char name[REPORT_NUMBER_MAX];
        if (!json_get_string(json_at(f->layout->codes[i], k), &code))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)code.len, code.s);
        json_key(&f->json, name);
        json_raw(&f->json, number, strlen(number));
    }
    json_object_end(&f->json);
}

static void json_cell(struct flat *f, size_t i, const char *value)
{
    const struct report_column *c = &f->layout->report->columns[i];
    json_key(&f->json, c->name);
    if (c->type == REPORT_SPREAD)
        json_spread(f, i, value);
    else if (value == NULL)
        json_null(&f->json);
    else if (c->type == REPORT_FLAG)
        json_bool(&f->json, value[0] == 't');
    else if (c->type == REPORT_NUMBER || c->type == REPORT_DECIMAL)
        json_raw(&f->json, value, strlen(value));
    else
        json_string(&f->json, value);
}

static bool json_row(struct writer *w, const char *const *cells)
{
    struct flat *f = (struct flat *)w;
    json_object(&f->json);
    for (size_t i = 0; i < f->layout->report->column_count; i++)
        json_cell(f, i, cells[i]);
    json_object_end(&f->json);
    return flush(f, FLUSH_BYTES);
}

static bool json_close(struct writer *w)
{
    struct flat *f = (struct flat *)w;
    json_array_end(&f->json);
    json_object_end(&f->json);
    buf_putc(&f->out, '\n');
    return flush(f, 0);
}

static bool head_member(const char *name, const json_value *v, void *arg)
{
    struct flat *f = arg;
    struct buf text;
    if (strcmp(name, "status") == 0 || strcmp(name, "print") == 0)
        return true; /* not what it is about */
    buf_init(&text, BUFFER_MAX);
    if (json_dump(v, &text)) {
        json_key(&f->json, name);
        json_raw(&f->json, text.data, text.len);
    }
    buf_fini(&text);
    return true;
}

struct writer *writer_json(const struct layout *l, report_write_cb write, void *arg)
{
    struct flat *f = flat_new(l, write, arg);
    if (f == NULL)
        return NULL;
    f->base.row = json_row;
    f->base.end = json_close;
    json_begin(&f->json, &f->out);
    json_object(&f->json);
    json_key(&f->json, "report");
    json_string(&f->json, l->report->name);
    (void)json_each(l->head, head_member, f);
    json_key(&f->json, "rows");
    json_array(&f->json);
    return &f->base;
}
