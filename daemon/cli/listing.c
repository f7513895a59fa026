/* A list of an api answer, row by row: with tabs for people, as CSV for programs. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "csv.h"

#define CELL_MAX 65536
#define LISTING_MAX ((size_t)256 << 20)

/* A string as it is, other values as JSON writes them; nothing for null and what is not there. */
static const char *cell(const json_value *row, const struct listing_column *c, struct buf *text)
{
    const json_value *v = json_member(c->inside != NULL ? json_member(row, c->inside) : row, c->name);
    struct text s;
    double number;
    buf_clear(text);
    if (json_get_string(v, &s))
        (void)buf_add(text, s.s, s.len);
    else if (json_get_real(v, &number))
        (void)buf_printf(text, "%.12g", number);
    else if (v != NULL && json_kind_of(v) != JSON_KIND_NULL)
        (void)json_dump(v, text);
    const char *string = buf_str(text);
    return string != NULL ? string : "";
}

static void as_table(const json_value *rows, const struct listing_column *columns, size_t count)
{
    struct buf text;
    buf_init(&text, CELL_MAX);
    for (size_t i = 0; i < json_count(rows); i++)
        for (size_t j = 0; j < count; j++)
            printf("%s%c", cell(json_at(rows, i), &columns[j], &text), j + 1 < count ? '\t' : '\n');
    buf_fini(&text);
}

static bool as_csv(const json_value *rows, const struct listing_column *columns, size_t count)
{
    struct buf text, out;
    struct csv csv;
    buf_init(&text, CELL_MAX);
    buf_init(&out, LISTING_MAX);
    csv_begin(&csv, &out);
    for (size_t j = 0; j < count; j++)
        csv_text(&csv, columns[j].name);
    csv_end_row(&csv);
    for (size_t i = 0; i < json_count(rows); i++) {
        for (size_t j = 0; j < count; j++) {
            const char *value = cell(json_at(rows, i), &columns[j], &text);
            if (columns[j].number)
                csv_number(&csv, value[0] != '\0' ? value : NULL);
            else
                csv_text(&csv, value);
        }
        csv_end_row(&csv);
    }
    bool ok = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len;
    if (!ok)
        cli_error("%s", cli_say("daftar terlalu besar", "the list is too large"));
    buf_fini(&out);
    buf_fini(&text);
    return ok;
}

bool cli_listing(const json_value *rows, const struct listing_column *columns, size_t count, bool csv)
{
    if (csv)
        return as_csv(rows, columns, count);
    for (size_t j = 0; j < count; j++)
        printf("%s%c", columns[j].name, j + 1 < count ? '\t' : '\n');
    as_table(rows, columns, count);
    return true;
}
