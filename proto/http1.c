/* Request heads (RFC 9112 sections 2 to 6, RFC 9110 sections 5 to 7), strictly.
 *
 * Place in the flow: net/ hands over the unread bytes of a connection; a door asks here whether a head is complete.
 *
 * Invariants
 * - A head is judged line by line, from the left, and a line only by its own bytes; what concerns the head as a whole
 *   (framing, Host) is judged behind the empty line. So the result for a prefix is MORE or the result for the whole:
 *   where the network cuts the bytes never matters.
 * - Nothing beyond HTTP1_HEAD_MAX bytes is ever looked at.
 * - Whatever a server may refuse is refused: each leniency is a place where a proxy in front of us could read
 *   another message than we do (request smuggling).
 *
 * It does not decode paths, knows no routes, and keeps no state between calls. No threads. */
#include "http1.h"

#include <string.h>

#include "http1_chars.h"

static enum http1_result bad(struct http1_error *e, unsigned status, const char *reason)
{
    e->status = status;
    e->reason = reason;
    return HTTP1_BAD;
}

/* Finds the line at `at`. DONE: *ret_len bytes without the CRLF. Control characters are refused even before the line
 * is complete, so that binary rubbish is answered at once. */
static enum http1_result next_line(const uint8_t *bytes, size_t limit, size_t at, size_t *ret_len,
                                   struct http1_error *e)
{
    for (size_t i = at; i < limit; i++) {
        uint8_t c = bytes[i];
        if (c == '\n')
            return bad(e, 400, "line ends in a bare LF");
        if (c == '\r') {
            if (i + 1 == limit)
                return HTTP1_MORE;
            if (bytes[i + 1] != '\n')
                return bad(e, 400, "bare CR");
            *ret_len = i - at;
            return HTTP1_DONE;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return bad(e, 400, "control character in head");
    }
    return HTTP1_MORE;
}

static enum http1_method method_of(struct text m)
{
    static const struct {
        const char *name;
        enum http1_method method;
    } table[] = {{"GET", HTTP1_GET}, {"HEAD", HTTP1_HEAD},     {"POST", HTTP1_POST},
                 {"PUT", HTTP1_PUT}, {"DELETE", HTTP1_DELETE}, {"OPTIONS", HTTP1_OPTIONS}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strlen(table[i].name) == m.len && memcmp(table[i].name, m.s, m.len) == 0)
            return table[i].method;
    return HTTP1_OTHER;
}

/* "HTTP/1.1": only this shape is a version at all; the major number decides whether it is ours. A minor above 1 is
 * treated as 1 (RFC 9110 section 2.5: a recipient processes as the highest minor it knows). */
static enum http1_result parse_version(struct text v, unsigned *ret_minor, struct http1_error *e)
{
    if (v.len != 8 || memcmp(v.s, "HTTP/", 5) != 0 || v.s[5] < '0' || v.s[5] > '9' || v.s[6] != '.' || v.s[7] < '0' ||
        v.s[7] > '9')
        return bad(e, 400, "malformed HTTP version");
    if (v.s[5] != '1')
        return bad(e, 505, "only HTTP/1.x is spoken here");
    *ret_minor = v.s[7] == '0' ? 0 : 1;
    return HTTP1_DONE;
}

/* Absolute-form is refused although RFC 9112 section 3.2.2 has servers accept it: no client of ours sends it to an
 * origin, and two authorities (target and Host) in one request are what routing and cache attacks are made of. */
static enum http1_result parse_target(struct http1_request *r, struct http1_error *e)
{
    struct text t = r->target;
    if (t.len == 0 || t.s[0] != '/')
        return bad(e, 400, "target is not in origin-form");
    const char *mark = memchr(t.s, '?', t.len);
    r->path = (struct text){t.s, mark != NULL ? (size_t)(mark - t.s) : t.len};
    if (mark != NULL)
        r->query = (struct text){mark + 1, t.len - r->path.len - 1};
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.s[i];
        if (c == '%') {
            if (t.len - i < 3 || http1_hex(t.s[i + 1]) < 0 || http1_hex(t.s[i + 2]) < 0)
                return bad(e, 400, "malformed percent-encoding in target");
            i += 2;
        } else if (!http1_is_pchar(c) && c != '/' && c != '?') {
            return bad(e, 400, c == '#' ? "fragment in target" : "invalid character in target");
        }
    }
    return HTTP1_DONE;
}

/* The method's length is judged first: it is what the line begins with, also when the line never ends. */
static enum http1_result check_method(struct text line, size_t *ret_len, struct http1_error *e)
{
    size_t n = 0;
    while (n < line.len && http1_is_token_char((unsigned char)line.s[n]) && n <= HTTP1_METHOD_MAX)
        n++;
    if (n > HTTP1_METHOD_MAX)
        return bad(e, 501, "method is longer than any known");
    if (n == 0 || n == line.len || line.s[n] != ' ')
        return bad(e, 400, "malformed method");
    *ret_len = n;
    return HTTP1_DONE;
}

/* method SP target SP version, exactly one space each. */
static enum http1_result request_line(struct text line, struct http1_request *r, struct http1_error *e)
{
    size_t m;
    if (check_method(line, &m, e) != HTTP1_DONE)
        return HTTP1_BAD;
    r->method = method_of((struct text){line.s, m});
    const char *target = line.s + m + 1;
    size_t rest = line.len - m - 1;
    const char *space = memchr(target, ' ', rest);
    if (space == NULL)
        return bad(e, rest > HTTP1_TARGET_MAX ? 414 : 400, "request line without version");
    r->target = (struct text){target, (size_t)(space - target)};
    if (r->target.len > HTTP1_TARGET_MAX)
        return bad(e, 414, "target too long");
    if (parse_version((struct text){space + 1, rest - r->target.len - 1}, &r->minor, e) != HTTP1_DONE)
        return HTTP1_BAD;
    return parse_target(r, e);
}

static enum http1_result field_line(struct text line, struct http1_request *r, struct http1_error *e)
{
    if (line.s[0] == ' ' || line.s[0] == '\t')
        return bad(e, 400, "obsolete line folding");
    size_t n = 0;
    while (n < line.len && http1_is_token_char((unsigned char)line.s[n]))
        n++;
    if (n == 0)
        return bad(e, 400, "empty or invalid field name");
    if (n == line.len || line.s[n] != ':')
        return bad(e, 400, "invalid character in field name or no colon behind it");
    if (r->field_count == HTTP1_FIELDS_MAX)
        return bad(e, 431, "too many fields");
    const char *from = line.s + n + 1, *to = line.s + line.len;
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    r->fields[r->field_count].name = (struct text){line.s, n};
    r->fields[r->field_count].value = (struct text){from, (size_t)(to - from)};
    r->field_count++;
    return HTTP1_DONE;
}

struct text http1_get(const struct http1_request *r, const char *name)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (http1_text_is(r->fields[i].name, name))
            return r->fields[i].value;
    return (struct text){NULL, 0};
}

bool http1_get_once(const struct http1_request *r, const char *name, struct text *ret)
{
    struct text found = {NULL, 0};
    for (size_t i = 0; i < r->field_count; i++) {
        if (!http1_text_is(r->fields[i].name, name))
            continue;
        if (found.s != NULL)
            return false;
        found = r->fields[i].value;
    }
    *ret = found;
    return true;
}

/* Digits only: no sign, no list, no blank, nothing that overflows (RFC 9112 section 6.2). */
static enum http1_result content_length(struct text v, uint64_t *ret, struct http1_error *e)
{
    uint64_t n = 0;
    if (v.len == 0)
        return bad(e, 400, "empty Content-Length");
    for (size_t i = 0; i < v.len; i++) {
        if (v.s[i] < '0' || v.s[i] > '9')
            return bad(e, 400, "Content-Length is not a number");
        unsigned digit = (unsigned)(v.s[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return bad(e, 400, "Content-Length overflows");
        n = n * 10 + digit;
    }
    *ret = n;
    return HTTP1_DONE;
}

/* Only `chunked` itself. A list that ends in chunked names a coding we do not have (501, RFC 9112 section 6.1);
 * anything else leaves the length undetermined (400, section 6.3). */
static enum http1_result transfer_encoding(struct text v, struct http1_error *e)
{
    if (http1_text_is(v, "chunked"))
        return HTTP1_DONE;
    size_t items = 0, chunked = 0;
    bool last = false;
    struct text item;
    while (http1_list_next(&v, &item)) {
        items++;
        last = http1_text_is(item, "chunked");
        chunked += last;
    }
    if (last && chunked == 1 && items > 1)
        return bad(e, 501, "transfer coding other than chunked");
    return bad(e, 400, "Transfer-Encoding is not exactly chunked");
}

static enum http1_result framing(struct http1_request *r, struct http1_error *e)
{
    struct text length, coding;
    if (!http1_get_once(r, "content-length", &length))
        return bad(e, 400, "repeated Content-Length");
    if (!http1_get_once(r, "transfer-encoding", &coding))
        return bad(e, 400, "repeated Transfer-Encoding");
    if (length.s != NULL && coding.s != NULL)
        return bad(e, 400, "both Content-Length and Transfer-Encoding");
    if (coding.s != NULL) {
        if (r->minor == 0)
            return bad(e, 400, "Transfer-Encoding in HTTP/1.0");
        if (transfer_encoding(coding, e) != HTTP1_DONE)
            return HTTP1_BAD;
        r->chunked = true;
    }
    if (length.s != NULL) {
        if (content_length(length, &r->length, e) != HTTP1_DONE)
            return HTTP1_BAD;
        r->has_length = true;
    }
    return HTTP1_DONE;
}

/* uri-host [ ":" port ], RFC 3986 section 3.2.2; the name itself is not compared with anything. */
static bool host_ok(struct text h)
{
    size_t i = 0;
    if (h.len == 0 || h.len > 262)
        return false;
    if (h.s[0] == '[') {
        for (i = 1; i < h.len && h.s[i] != ']'; i++)
            if (http1_hex(h.s[i]) < 0 && h.s[i] != ':' && h.s[i] != '.')
                return false;
        if (i == h.len || i < 3)
            return false;
        i++;
    } else {
        for (; i < h.len && h.s[i] != ':'; i++)
            if (!http1_is_unreserved((unsigned char)h.s[i]) && !http1_is_sub_delim((unsigned char)h.s[i]))
                return false;
        if (i == 0)
            return false;
    }
    if (i == h.len)
        return true;
    if (h.s[i] != ':' || h.len - i > 6)
        return false;
    for (i++; i < h.len; i++)
        if (h.s[i] < '0' || h.s[i] > '9')
            return false;
    return true;
}

static enum http1_result host(const struct http1_request *r, struct http1_error *e)
{
    struct text h;
    if (!http1_get_once(r, "host", &h))
        return bad(e, 400, "repeated Host");
    if (h.s == NULL)
        return r->minor == 0 ? HTTP1_DONE : bad(e, 400, "missing Host");
    return host_ok(h) ? HTTP1_DONE : bad(e, 400, "invalid Host");
}

static enum http1_result connection(struct http1_request *r, struct http1_error *e)
{
    bool close = false, keep = false;
    for (size_t i = 0; i < r->field_count; i++) {
        if (!http1_text_is(r->fields[i].name, "connection"))
            continue;
        struct text list = r->fields[i].value, item;
        while (http1_list_next(&list, &item)) {
            close = close || http1_text_is(item, "close");
            keep = keep || http1_text_is(item, "keep-alive");
        }
    }
    r->keep_alive = !close && (r->minor == 1 || keep);
    struct text expect;
    if (!http1_get_once(r, "expect", &expect))
        return bad(e, 400, "repeated Expect");
    if (expect.s != NULL && r->minor == 1) {
        if (!http1_text_is(expect, "100-continue"))
            return bad(e, 417, "unknown expectation");
        r->expect_continue = r->chunked || r->length > 0;
    }
    return HTTP1_DONE;
}

/* The head has no end within HTTP1_HEAD_MAX bytes: which part of it was too long? */
static enum http1_result too_long(const uint8_t *bytes, size_t at, bool in_request_line, struct http1_error *e)
{
    size_t unused;
    if (!in_request_line)
        return bad(e, 431, "head too large");
    if (check_method((struct text){(const char *)bytes + at, HTTP1_HEAD_MAX - at}, &unused, e) != HTTP1_DONE)
        return HTTP1_BAD;
    return bad(e, 414, "target too long");
}

enum http1_result http1_head(const uint8_t *bytes, size_t len, struct http1_request *ret, size_t *ret_used,
                             struct http1_error *ret_error)
{
    size_t limit = len < HTTP1_HEAD_MAX ? len : HTTP1_HEAD_MAX, at = 0, line_len = 0, lines = 0;
    memset(ret, 0, sizeof *ret);
    bool skipped = false;
    for (;; at += line_len + 2) {
        enum http1_result got = next_line(bytes, limit, at, &line_len, ret_error);
        if (got == HTTP1_BAD)
            return HTTP1_BAD;
        if (got == HTTP1_MORE)
            return limit < HTTP1_HEAD_MAX ? HTTP1_MORE : too_long(bytes, at, lines == 0, ret_error);
        if (line_len == 0 && lines == 0 && !skipped) {
            skipped = true;
            continue;
        }
        if (line_len == 0 && lines == 0)
            return bad(ret_error, 400, "empty lines before the request line");
        if (line_len == 0)
            break;
        struct text line = {(const char *)bytes + at, line_len};
        got = lines++ == 0 ? request_line(line, ret, ret_error) : field_line(line, ret, ret_error);
        if (got != HTTP1_DONE)
            return HTTP1_BAD;
    }
    if (framing(ret, ret_error) != HTTP1_DONE || host(ret, ret_error) != HTTP1_DONE ||
        connection(ret, ret_error) != HTTP1_DONE)
        return HTTP1_BAD;
    *ret_used = at + 2;
    return HTTP1_DONE;
}

static void move_text(struct text *t, const uint8_t *from, const char *to)
{
    t->s = to + (t->s - (const char *)from);
}

const struct http1_request *http1_keep(struct arena *arena, const struct http1_request *r, const uint8_t *bytes, size_t len)
{
    const char *copy = arena_copy(arena, bytes, len);
    struct http1_request *kept = arena_alloc(arena, sizeof *kept);
    if (copy == NULL || kept == NULL)
        return NULL;
    *kept = *r;
    move_text(&kept->target, bytes, copy);
    move_text(&kept->path, bytes, copy);
    if (kept->query.s != NULL)
        move_text(&kept->query, bytes, copy);
    for (size_t i = 0; i < kept->field_count; i++) {
        move_text(&kept->fields[i].name, bytes, copy);
        move_text(&kept->fields[i].value, bytes, copy);
    }
    return kept;
}
