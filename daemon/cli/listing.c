/* A list of an api answer, row by row: for people in columns, with words for codes; as CSV for programs, codes as they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "csv.h"
#include "utf8.h"

#define CELL_MAX 65536
#define LISTING_MAX ((size_t)256 << 20)
#define WORD_MAX 64

static const json_value *value_of(const json_value *row, const struct listing_column *c)
{
    return json_member(c->inside != NULL ? json_member(row, c->inside) : row, c->name);
}

static const char *title_of(const struct listing_column *c)
{
    return c->title != NULL ? c->title : c->name;
}

/* A string as it is, other values as JSON writes them; nothing for null and what is not there. */
static void raw(const json_value *v, struct buf *text)
{
    struct text s;
    double number;
    if (json_get_string(v, &s))
        (void)buf_add(text, s.s, s.len);
    else if (json_get_real(v, &number))
        (void)buf_printf(text, "%.12g", number);
    else if (v != NULL && json_kind_of(v) != JSON_KIND_NULL)
        (void)json_dump(v, text);
}

/* Text on one line, and nothing in it that a terminal would act upon. */
static void add_shown(struct text s, struct buf *text)
{
    while (s.len > 0) {
        uint32_t c;
        size_t n = utf8_next(s.s, s.len, &c);
        if (n == 0 || utf8_acts(c))
            buf_putc(text, n == 1 && (c == '\n' || c == '\t' || c == '\r') ? ' ' : '?');
        else
            (void)buf_add(text, s.s, n);
        n += n == 0;
        s = (struct text){s.s + n, s.len - n};
    }
}

/* "2025-12-29T07:10:00+08:00" is at 2025-12-29 07:10 there; a line of text stays one. */
static void add_line(struct text s, struct buf *text)
{
    if (s.len >= 20 && s.s[4] == '-' && s.s[7] == '-' && s.s[10] == 'T' && s.s[13] == ':') {
        (void)buf_printf(text, "%.10s %.5s", s.s, s.s + 11);
        return;
    }
    add_shown(s, text);
}

/* A code; what follows a blank stays: "letter 7". */
static void add_word(struct text s, struct buf *text)
{
    char code[WORD_MAX];
    const char *blank = memchr(s.s, ' ', s.len);
    size_t n = blank != NULL ? (size_t)(blank - s.s) : s.len;
    snprintf(code, sizeof code, "%.*s", (int)n, s.s);
    if (n < sizeof code)
        buf_puts(text, cli_word(code));
    add_shown(n < sizeof code ? (struct text){s.s + n, s.len - n} : s, text);
}

/* An object in a list, by what it is called: a class of minutes by its code, evidence by its kind; and its session. */
static void add_object(const json_value *v, struct buf *text)
{
    struct text s;
    if (json_get_string(json_member(v, "code"), &s))
        add_shown(s, text);
    else if (json_get_string(json_member(v, "kind"), &s))
        add_word(s, text);
    else
        raw(v, text);
    if (json_get_string(json_member(v, "session"), &s))
        (void)buf_printf(text, " (%.*s)", (int)s.len, s.s);
}

static void add_readable(const json_value *v, bool word, struct buf *text)
{
    struct text s;
    bool flag;
    if (json_get_string(v, &s))
        (word ? add_word : add_line)(s, text);
    else if (json_get_bool(v, &flag))
        buf_puts(text, flag ? cli_say("ya", "yes") : cli_say("tidak", "no"));
    else if (json_kind_of(v) == JSON_KIND_OBJECT)
        add_object(v, text);
    else
        raw(v, text);
}

/* For people: words, lists with commas, '-' for nothing. */
static void readable(const json_value *v, bool word, struct buf *text)
{
    if (v != NULL && json_kind_of(v) == JSON_KIND_ARRAY)
        for (size_t i = 0; i < json_count(v); i++) {
            buf_puts(text, i > 0 ? ", " : "");
            add_readable(json_at(v, i), word, text);
        }
    else if (v != NULL)
        add_readable(v, word, text);
    if (text->len == 0)
        buf_putc(text, '-');
}

static const char *cell(const json_value *row, const struct listing_column *c, bool csv, struct buf *text)
{
    buf_clear(text);
    if (csv)
        raw(value_of(row, c), text);
    else
        readable(value_of(row, c), c->word, text);
    const char *string = buf_str(text);
    return string != NULL ? string : "";
}

/* Characters, not bytes, of UTF-8. */
static size_t width_of(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* Two blanks between columns, numbers to the right; the last column is not filled up. */
static void put(const char *s, size_t width, bool number, bool last)
{
    int gap = (int)(width - width_of(s));
    printf("%*s%s%*s%s", number ? gap : 0, "", s, number || last ? 0 : gap, "", last ? "\n" : "  ");
}

static bool as_table(const json_value *rows, const struct listing_column *columns, size_t count)
{
    struct buf text;
    size_t *widths = calloc(count, sizeof *widths);
    if (widths == NULL)
        return false;
    buf_init(&text, CELL_MAX);
    for (size_t j = 0; j < count; j++)
        widths[j] = width_of(cli_heading(title_of(&columns[j])));
    for (size_t i = 0; i < json_count(rows); i++)
        for (size_t j = 0; j < count; j++) {
            size_t width = width_of(cell(json_at(rows, i), &columns[j], false, &text));
            widths[j] = width > widths[j] ? width : widths[j];
        }
    for (size_t j = 0; j < count; j++)
        put(cli_heading(title_of(&columns[j])), widths[j], columns[j].number, j + 1 == count);
    for (size_t i = 0; i < json_count(rows); i++)
        for (size_t j = 0; j < count; j++)
            put(cell(json_at(rows, i), &columns[j], false, &text), widths[j], columns[j].number, j + 1 == count);
    buf_fini(&text);
    free(widths);
    return true;
}

static bool as_csv(const json_value *rows, const struct listing_column *columns, size_t count)
{
    struct buf text, out;
    struct csv csv;
    buf_init(&text, CELL_MAX);
    buf_init(&out, LISTING_MAX);
    csv_begin(&csv, &out);
    for (size_t j = 0; j < count; j++)
        csv_text(&csv, title_of(&columns[j]));
    csv_end_row(&csv);
    for (size_t i = 0; i < json_count(rows); i++) {
        for (size_t j = 0; j < count; j++) {
            const char *value = cell(json_at(rows, i), &columns[j], true, &text);
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
    return csv ? as_csv(rows, columns, count) : as_table(rows, columns, count);
}

void cli_tell_more(const json_value *answer)
{
    bool more = false;
    (void)json_get_bool(json_member(answer, "more"), &more);
    if (more)
        cli_error("%s", cli_say("masih ada yang lebih lama; persempit dengan --unit, --nip, --from, --to atau --status",
                                "there are older ones; narrow with --unit, --nip, --from, --to or --status"));
}
