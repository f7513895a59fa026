/* CSV, out and in: the one writer of every CSV that leaves the house, and the reader of imports.
 *
 * Place in the flow: desk (presence), reports, cli (nightly export, imports). RFC 4180: CRLF, comma, fields with comma, quote,
 * CR, LF or outer blanks in double quotes, quotes doubled. A text that a spreadsheet would take for a formula gets a
 * leading apostrophe; a number column never does, because latitudes here begin with "-".
 *
 * The reader copies the input once and unquotes in place; a record's fields are valid until the next record. It takes
 * CRLF or LF, skips a byte order mark, empty lines and, when asked to, comment lines, and stops at the first error: after one, positions mean nothing.
 * Does not: guess separators or encodings. No threads. */
#include "csv.h"

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define FIELDS_MAX 256

/* ---- writer ---- */

void csv_begin(struct csv *w, struct buf *out)
{
    csv_begin_as(w, out, CSV_PLAIN);
}

void csv_begin_as(struct csv *w, struct buf *out, enum csv_dialect dialect)
{
    *w = (struct csv){.out = out, .dialect = dialect};
    if (dialect == CSV_EXCEL_ID)
        buf_puts(out, "\xef\xbb\xbf");
}

static void separate(struct csv *w)
{
    if (w->begun)
        buf_putc(w->out, w->dialect == CSV_EXCEL_ID ? ';' : ',');
    w->begun = true;
}

static bool needs_quotes(const struct csv *w, const char *s)
{
    size_t len = strlen(s);
    return strcspn(s, w->dialect == CSV_EXCEL_ID ? ";\"\r\n" : ",\"\r\n") != len || (len > 0 && (s[0] == ' ' || s[len - 1] == ' '));
}

void csv_text(struct csv *w, const char *s)
{
    separate(w);
    if (s == NULL || s[0] == '\0')
        return;
    const char *guard = strchr("=+-@\t\r", s[0]) != NULL ? "'" : "";
    if (!needs_quotes(w, s)) {
        buf_puts(w->out, guard);
        buf_puts(w->out, s);
        return;
    }
    buf_putc(w->out, '"');
    buf_puts(w->out, guard);
    for (const char *p = s; *p != '\0'; p++) {
        if (*p == '"')
            buf_putc(w->out, '"');
        buf_putc(w->out, *p);
    }
    buf_putc(w->out, '"');
}

/* An optional minus, digits, an optional fraction and exponent: what SQL and printf write, nothing else. */
static bool is_number(const char *s)
{
    static const char digits[] = "0123456789";
    if (*s == '-')
        s++;
    size_t n = strspn(s, digits);
    if (n == 0)
        return false;
    s += n;
    if (*s == '.') {
        n = strspn(s + 1, digits);
        if (n == 0)
            return false;
        s += 1 + n;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '+' || *s == '-')
            s++;
        n = strspn(s, digits);
        if (n == 0)
            return false;
        s += n;
    }
    return *s == '\0';
}

void csv_number(struct csv *w, const char *s)
{
    if (s != NULL && s[0] != '\0' && !is_number(s)) {
        separate(w);
        w->out->failed = true;
        return;
    }
    separate(w);
    if (s == NULL)
        return;
    size_t whole = w->dialect == CSV_EXCEL_ID ? strcspn(s, ".") : strlen(s);
    buf_add(w->out, s, whole);
    if (s[whole] == '.') {
        buf_putc(w->out, ',');
        buf_puts(w->out, s + whole + 1);
    }
}

void csv_code(struct csv *w, const char *s)
{
    if (w->dialect != CSV_EXCEL_ID || s == NULL || s[0] == '\0' || s[strspn(s, "0123456789")] != '\0') {
        csv_text(w, s);
        return;
    }
    separate(w);
    buf_printf(w->out, "\"=\"\"%s\"\"\"", s);
}

void csv_end_row(struct csv *w)
{
    buf_puts(w->out, "\r\n");
    w->begun = false;
}

/* ---- reader ---- */

struct csv_reader {
    char *bytes; /* our copy, NUL-terminated, unquoted in place */
    size_t len;
    size_t at;
    size_t line; /* of at */
    const char *error;
    bool comments;
    char *fields[FIELDS_MAX];
};

struct csv_reader *csv_reader_new(const char *bytes, size_t len)
{
    struct csv_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->bytes = malloc(len + 1);
    if (r->bytes == NULL) {
        free(r);
        return NULL;
    }
    if (len > 0)
        memcpy(r->bytes, bytes, len);
    r->bytes[len] = '\0';
    r->len = len;
    r->line = 1;
    if (len >= 3 && memcmp(r->bytes, "\xef\xbb\xbf", 3) == 0)
        r->at = 3;
    return r;
}

void csv_reader_comments(struct csv_reader *r)
{
    r->comments = true;
}

void csv_reader_free(struct csv_reader *r)
{
    if (r == NULL)
        return;
    free(r->bytes);
    free(r);
}

/* End of a line at offset at: its length in bytes (1 or 2), 0 when it is none. */
static size_t line_end(const struct csv_reader *r, size_t at)
{
    if (r->bytes[at] == '\n')
        return 1;
    return r->bytes[at] == '\r' && at + 1 < r->len && r->bytes[at + 1] == '\n' ? 2 : 0;
}

/* Reads a quoted field, unquoting in place. *ret_end is where the field's text ends. false on an error. */
static bool read_quoted(struct csv_reader *r, size_t *ret_end)
{
    size_t from = r->at + 1, to = r->at;
    for (; from < r->len; from++) {
        char c = r->bytes[from];
        if (c == '"') {
            if (from + 1 >= r->len || r->bytes[from + 1] != '"') {
                *ret_end = to;
                r->at = from + 1;
                return true;
            }
            from++;
        } else if (c == '\n') {
            r->line++;
        }
        r->bytes[to++] = c;
    }
    r->error = "a quoted field has no closing quote";
    return false;
}

static bool read_plain(struct csv_reader *r, size_t *ret_end)
{
    while (r->at < r->len && r->bytes[r->at] != ',' && line_end(r, r->at) == 0) {
        if (r->bytes[r->at] == '"') {
            r->error = "a quote inside a field that does not begin with one";
            return false;
        }
        if (r->bytes[r->at] == '\r') {
            r->error = "a carriage return that ends no line";
            return false;
        }
        r->at++;
    }
    *ret_end = r->at;
    return true;
}

/* Reads one field; the byte behind it (separator, line end, end of input) is still at r->at. */
static bool read_field(struct csv_reader *r, char **ret_field, size_t *ret_end)
{
    size_t start = r->at;
    bool quoted = r->at < r->len && r->bytes[r->at] == '"';
    if (!(quoted ? read_quoted(r, ret_end) : read_plain(r, ret_end)))
        return false;
    if (quoted && r->at < r->len && r->bytes[r->at] != ',' && line_end(r, r->at) == 0) {
        r->error = "text behind a closing quote";
        return false;
    }
    *ret_field = r->bytes + start;
    if (memchr(*ret_field, '\0', *ret_end - start) != NULL)
        r->error = "a NUL byte";
    else if (!utf8_valid(*ret_field, *ret_end - start))
        r->error = "bytes that are not UTF-8";
    return r->error == NULL;
}

/* What stands between records. */
static void skip_lines(struct csv_reader *r)
{
    while (r->at < r->len) {
        size_t end = r->at;
        if (r->comments && r->bytes[r->at] == '#')
            while (end < r->len && r->bytes[end] != '\n')
                end++;
        size_t skip = end < r->len ? line_end(r, end) : 0;
        if (end + skip == r->at)
            return;
        r->line += skip > 0 ? 1 : 0;
        r->at = end + skip;
    }
}

static int fail(const struct csv_reader *r, size_t line, size_t *ret_line, const char **ret_error)
{
    *ret_line = line;
    *ret_error = r->error;
    return -1;
}

int csv_reader_next(struct csv_reader *r, char ***ret_fields, size_t *ret_line, const char **ret_error)
{
    if (r->error == NULL)
        skip_lines(r);
    size_t line = r->line;
    if (r->error != NULL)
        return fail(r, line, ret_line, ret_error);
    if (r->at >= r->len)
        return 0;
    int count = 0;
    for (;;) {
        size_t end;
        if (count == FIELDS_MAX)
            r->error = "too many fields";
        if (r->error != NULL || !read_field(r, &r->fields[count], &end))
            return fail(r, line, ret_line, ret_error);
        count++;
        /* The separator is read before the NUL takes its place: they may be the same byte. */
        bool more = r->at < r->len && r->bytes[r->at] == ',';
        size_t skip = more ? 1 : r->at < r->len ? line_end(r, r->at) : 0;
        r->bytes[end] = '\0';
        r->at += skip;
        if (!more) {
            r->line += skip > 0 ? 1 : 0;
            break;
        }
    }
    *ret_fields = r->fields;
    *ret_line = line;
    return count;
}
