/* The JSON writer: streams values into a bounded buffer, no tree in between.
 *
 * Only the comma is remembered; that objects and arrays are closed in order is the caller's business. Whatever text
 * it is given, the output is valid JSON: bad bytes become U+FFFD, numbers that are not finite become null, and the
 * decimal point is a point in every locale. Nothing is reported here: the buffer remembers its failure. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define DECIMALS_MAX 17
#define FIXED_CAP 352 /* sign, 309 digits, point, 17 decimals, NUL */

void json_begin(struct json_writer *w, struct buf *out)
{
    w->out = out;
    w->comma = false;
}

static void before_value(struct json_writer *w)
{
    if (w->comma)
        buf_putc(w->out, ',');
    w->comma = true;
}

static void open_with(struct json_writer *w, char bracket)
{
    before_value(w);
    buf_putc(w->out, bracket);
    w->comma = false;
}

static void close_with(struct json_writer *w, char bracket)
{
    buf_putc(w->out, bracket);
    w->comma = true;
}

void json_object(struct json_writer *w)
{
    open_with(w, '{');
}

void json_object_end(struct json_writer *w)
{
    close_with(w, '}');
}

void json_array(struct json_writer *w)
{
    open_with(w, '[');
}

void json_array_end(struct json_writer *w)
{
    close_with(w, ']');
}

static void put_char(struct buf *out, const char *s, size_t n, uint32_t c)
{
    static const char shorts[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = n == 1 && c != 0 ? strchr(shorts, (int)c) : NULL;
    if (found != NULL) {
        buf_putc(out, '\\');
        buf_putc(out, letters[found - shorts]);
    } else if (n == 0 || c == 0) {
        buf_puts(out, REPLACEMENT);
    } else if (c < 0x20) {
        buf_printf(out, "\\u%04x", (unsigned)c);
    } else {
        buf_add(out, s, n);
    }
}

/* The high bit of each byte of v that is no plain one (or follows one: a borrow). */
static uint64_t not_plain(uint64_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
    return (v | (v - ones * 0x20) | (quote - ones) | (slash - ones)) & ones * 0x80;
}

/* Bytes that stand for themselves, from s on. */
static size_t plain_run(const char *s, size_t len)
{
    size_t n = 0;
    for (uint64_t v; n + sizeof v <= len; n += sizeof v) {
        memcpy(&v, s + n, sizeof v);
        if (not_plain(v) != 0)
            break;
    }
    while (n < len && (unsigned char)s[n] >= 0x20 && (unsigned char)s[n] < 0x80 && s[n] != '"' && s[n] != '\\')
        n++;
    return n;
}

static void put_quoted(struct buf *out, const char *s, size_t len)
{
    if (plain_run(s, len) == len) { /* nearly all: at once */
        char *at = buf_take(out, len + 2);
        if (at == NULL)
            return;
        at[0] = at[len + 1] = '"';
        memcpy(at + 1, s, len);
        return;
    }
    buf_putc(out, '"');
    for (size_t at = 0; at < len && !out->failed;) {
        size_t plain = plain_run(s + at, len - at);
        buf_add(out, s + at, plain);
        at += plain;
        if (at == len)
            break;
        uint32_t c = 0;
        size_t n = utf8_next(s + at, len - at, &c);
        put_char(out, s + at, n, c);
        at += n == 0 ? 1 : n;
    }
    buf_putc(out, '"');
}

void json_key(struct json_writer *w, const char *name)
{
    before_value(w);
    put_quoted(w->out, name, strlen(name));
    buf_putc(w->out, ':');
    w->comma = false;
}

void json_string_n(struct json_writer *w, const char *s, size_t len)
{
    if (s == NULL) {
        json_null(w);
        return;
    }
    before_value(w);
    put_quoted(w->out, s, len);
}

void json_string(struct json_writer *w, const char *s)
{
    json_string_n(w, s, s == NULL ? 0 : strlen(s));
}

void json_int(struct json_writer *w, int64_t v)
{
    before_value(w);
    buf_int(w->out, v);
}

/* A locale's decimal separator (any run of foreign bytes) becomes a point. */
static void put_number(struct json_writer *w, const char *text)
{
    char fixed[FIXED_CAP];
    size_t n = 0;
    bool foreign = false;
    for (const char *p = text; *p != '\0' && n < sizeof fixed; p++) {
        bool own = strchr("0123456789+-eE", *p) != NULL;
        if (own || !foreign)
            fixed[n++] = own ? *p : '.';
        foreign = !own;
    }
    before_value(w);
    buf_add(w->out, fixed, n);
}

void json_real(struct json_writer *w, double v)
{
    char text[40];
    if (!isfinite(v)) {
        json_null(w);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        double back = strtod(text, NULL); /* same locale as the line above */
        if (memcmp(&back, &v, sizeof v) == 0)
            break;
    }
    put_number(w, text);
}

void json_fixed(struct json_writer *w, double v, int decimals)
{
    char text[FIXED_CAP];
    if (!isfinite(v)) {
        json_null(w);
        return;
    }
    int places = decimals < 0 ? 0 : decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;
    snprintf(text, sizeof text, "%.*f", places, v);
    /* "-0.00" says nothing that "0.00" does not. */
    bool zero = strpbrk(text, "123456789") == NULL;
    put_number(w, zero && text[0] == '-' ? text + 1 : text);
}

void json_bool(struct json_writer *w, bool v)
{
    before_value(w);
    buf_puts(w->out, v ? "true" : "false");
}

void json_null(struct json_writer *w)
{
    before_value(w);
    buf_puts(w->out, "null");
}

void json_raw(struct json_writer *w, const void *bytes, size_t len)
{
    before_value(w);
    buf_add(w->out, bytes, len);
}
