/* HTTP/1.1: what is refused and with which status, and that where the network cuts the bytes never matters. */
#include "http1.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GET11 "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"

static enum http1_result head(const char *s, size_t len, struct http1_request *r, size_t *used, unsigned *status)
{
    struct http1_error e = {0};
    /* an exact copy, so that the sanitizer sees a read beyond the end */
    uint8_t *bytes = malloc(len == 0 ? 1 : len);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, s, len);
    enum http1_result got = http1_head(bytes, len, r, used, &e);
    ck_assert((got == HTTP1_BAD) == (e.status != 0));
    *status = e.status;
    free(bytes);
    return got;
}

/* Each prefix says MORE, or what the whole says. */
static unsigned status_of(const char *s, size_t len)
{
    struct http1_request r;
    size_t used = 0, part_used = 0;
    unsigned status, part_status;
    enum http1_result whole = head(s, len, &r, &used, &status);
    for (size_t n = 0; n < len && len < 3000; n++) {
        enum http1_result got = head(s, n, &r, &part_used, &part_status);
        if (got == HTTP1_MORE)
            continue;
        ck_assert_msg(got == whole && part_status == status, "cut at %zu: %u, whole: %u", n, part_status, status);
        if (got == HTTP1_DONE)
            ck_assert_uint_eq(part_used, used);
    }
    return whole == HTTP1_DONE ? 200 : whole == HTTP1_MORE ? 100 : status;
}

#define EXPECT(text, status) ck_assert_msg(status_of(text, sizeof(text) - 1) == (status), "%s", text)

START_TEST(plain_request)
{
    static const char s[] = "\r\nPOST /v1/checkins?a=b?c HTTP/1.1\r\nHost: presensi.example:8443\r\nContent-Length: 5\r\n"
                            "X-Empty:\r\nX-Blank: \t v w \t\r\nX-Obs: \xe9\r\n\r\nhalloGET";
    struct http1_request r;
    struct http1_error e;
    size_t used = 0;
    ck_assert_uint_eq(status_of(s, sizeof s - 1), 200);
    ck_assert_int_eq(http1_head((const uint8_t *)s, sizeof s - 1, &r, &used, &e), HTTP1_DONE);
    ck_assert_uint_eq(used, sizeof s - 1 - 8);
    ck_assert_int_eq(r.method, HTTP1_POST);
    ck_assert_mem_eq(r.path.s, "/v1/checkins", 12);
    ck_assert_uint_eq(r.path.len, 12);
    ck_assert_uint_eq(r.query.len, 5);
    ck_assert_mem_eq(r.query.s, "a=b?c", 5);
    ck_assert_uint_eq(r.minor, 1);
    ck_assert(r.has_length && r.length == 5 && !r.chunked && r.keep_alive && !r.expect_continue);
    ck_assert_uint_eq(http1_get(&r, "x-empty").len, 0);
    ck_assert_ptr_nonnull(http1_get(&r, "x-empty").s);
    ck_assert_ptr_null(http1_get(&r, "x-none").s);
    ck_assert_uint_eq(http1_get(&r, "X-BLANK").len, 3);
    ck_assert_mem_eq(http1_get(&r, "X-BLANK").s, "v w", 3);
}
END_TEST

/* Kept in an arena of so many bytes, the bytes overwritten: is it there, and whole? */
static bool keeps(const char *head, size_t max_bytes)
{
    struct http1_request r;
    struct http1_error e;
    size_t used = 0, len = strlen(head);
    uint8_t bytes[128];
    memcpy(bytes, head, len);
    ck_assert_int_eq(http1_head(bytes, len, &r, &used, &e), HTTP1_DONE);
    struct arena *a = arena_new(max_bytes);
    const struct http1_request *kept = http1_keep(a, &r, bytes, used);
    memset(bytes, '?', sizeof bytes);
    bool there = kept != NULL;
    if (there) {
        ck_assert_mem_eq(kept->path.s, "/a", 2);
        ck_assert_uint_eq(kept->target.len, r.target.len);
        ck_assert(r.query.s == NULL ? kept->query.s == NULL : memcmp(kept->query.s, "b", 1) == 0);
        ck_assert_uint_eq(kept->field_count, 2);
        ck_assert_mem_eq(http1_get(kept, "host").s, "h", 1);
        ck_assert_mem_eq(http1_get(kept, "x").s, "y", 1);
        ck_assert(kept->keep_alive);
    }
    arena_free(a);
    return there;
}

START_TEST(kept_heads)
{
    ck_assert(keeps("GET /a?b HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n", 8192));
    ck_assert(keeps("\r\nGET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\nmore", 8192));
    ck_assert(!keeps("GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n", 16));
    ck_assert(!keeps("GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n", 256));
}
END_TEST

START_TEST(request_lines)
{
    EXPECT("", 100);
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r", 100);
    EXPECT(GET11 HOST "\r\n", 200);
    EXPECT("\r\n" GET11 HOST "\r\n", 200);
    EXPECT("\r\n\r\n" GET11 HOST "\r\n", 400);
    EXPECT(" GET / HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET  / HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET /  HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET / HTTP/1.1 \r\n" HOST "\r\n", 400);
    EXPECT("GET /\r\n", 400);
    EXPECT("GET\r\n", 400);
    EXPECT("G@T / HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("get / HTTP/1.1\r\n" HOST "\r\n", 200);
    EXPECT("PROPFIND / HTTP/1.1\r\n" HOST "\r\n", 200);
    EXPECT("ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\n" HOST "\r\n", 501);
    EXPECT("GET / HTTP/1.0\r\n\r\n", 200);
    EXPECT("GET / HTTP/1.2\r\n" HOST "\r\n", 200);
    EXPECT("GET / HTTP/2.0\r\n" HOST "\r\n", 505);
    EXPECT("GET / HTTP/0.9\r\n" HOST "\r\n", 505);
    EXPECT("GET / HTTP/1\r\n" HOST "\r\n", 400);
    EXPECT("GET / HTTP/11.1\r\n" HOST "\r\n", 400);
    EXPECT("GET / http/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET / HTTP/1,1\r\n" HOST "\r\n", 400);
    EXPECT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}
END_TEST

START_TEST(targets)
{
    EXPECT("GET http://a/ HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET //a/b HTTP/1.1\r\n" HOST "\r\n", 200);
    EXPECT("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET /a?b#c HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET /%7e%41?%2F HTTP/1.1\r\n" HOST "\r\n", 200);
    EXPECT("GET /%4 HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET /%g1 HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET /a\\b HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET /a|b HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT("GET /?lat=-2.5,120.3&t=07:10+08:00@x!$'()*;~ HTTP/1.1\r\n" HOST "\r\n", 200);
}
END_TEST

START_TEST(line_ends_and_controls)
{
    EXPECT("GET / HTTP/1.1\nHost: a\n\n", 400);
    EXPECT(GET11 "Host: a\n\r\n", 400);
    EXPECT(GET11 HOST "\n", 400);
    EXPECT("\n" GET11 HOST "\r\n", 400);
    EXPECT(GET11 "Host: a\rX: b\r\n\r\n", 400);
    EXPECT(GET11 HOST "X: a\r\r\n\r\n", 400);
    EXPECT(GET11 HOST "X: a\0b\r\n\r\n", 400);
    EXPECT("GET /\0 HTTP/1.1\r\n" HOST "\r\n", 400);
    EXPECT(GET11 HOST "X: a\x7f\r\n\r\n", 400);
    EXPECT(GET11 HOST "X: a\x1b[0m\r\n\r\n", 400);
    EXPECT(GET11 HOST "X: a\vb\r\n\r\n", 400);
    EXPECT("\x16\x03\x01\x02", 400); /* TLS on the wrong port is answered at once */
}
END_TEST

START_TEST(fields)
{
    EXPECT(GET11 HOST "X : a\r\n\r\n", 400);
    EXPECT(GET11 HOST "X\t: a\r\n\r\n", 400);
    EXPECT(GET11 HOST ": a\r\n\r\n", 400);
    EXPECT(GET11 HOST "X\r\n\r\n", 400);
    EXPECT(GET11 HOST "X(: a\r\n\r\n", 400);
    EXPECT(GET11 HOST "\xc3\xa9: a\r\n\r\n", 400);
    EXPECT(GET11 HOST "X: a\r\n b\r\n\r\n", 400);
    EXPECT(GET11 HOST "X: a\r\n\tb\r\n\r\n", 400);
    EXPECT(GET11 " Host: a\r\n\r\n", 400);
    EXPECT(GET11 HOST "X:\r\n\r\n", 200);
    EXPECT(GET11 HOST "X:a:b\r\n\r\n", 200);
}
END_TEST

START_TEST(hosts)
{
    EXPECT(GET11 "\r\n", 400);
    EXPECT(GET11 "Host:\r\n\r\n", 400);
    EXPECT(GET11 HOST HOST "\r\n", 400);
    EXPECT(GET11 HOST "hOST: b\r\n\r\n", 400);
    EXPECT("GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400);
    EXPECT("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400);
    EXPECT(GET11 "Host: a,b\r\n\r\n", 200); /* a sub-delim is a name's character */
    EXPECT(GET11 "Host: user@a\r\n\r\n", 400);
    EXPECT(GET11 "Host: a/b\r\n\r\n", 400);
    EXPECT(GET11 "Host: :80\r\n\r\n", 400);
    EXPECT(GET11 "Host: a:\r\n\r\n", 200);
    EXPECT(GET11 "Host: a:99999\r\n\r\n", 200);
    EXPECT(GET11 "Host: a:999999\r\n\r\n", 400);
    EXPECT(GET11 "Host: a:8x\r\n\r\n", 400);
    EXPECT(GET11 "Host: [::1]:8443\r\n\r\n", 200);
    EXPECT(GET11 "Host: [::1\r\n\r\n", 400);
    EXPECT(GET11 "Host: []\r\n\r\n", 400);
    EXPECT(GET11 "Host: [::g]\r\n\r\n", 400);
    EXPECT(GET11 "Host: [::1]x\r\n\r\n", 400);
}
END_TEST

#define POST11 "POST / HTTP/1.1\r\n" HOST
START_TEST(lengths)
{
    EXPECT(POST11 "Content-Length: 0\r\n\r\n", 200);
    EXPECT(POST11 "Content-Length: 18446744073709551615\r\n\r\n", 200);
    EXPECT(POST11 "Content-Length: 18446744073709551616\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: 99999999999999999999999\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: +5\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: -5\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: 5 5\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: 5,5\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: 0x5\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: 5.0\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length:\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: 5\r\ncontent-length: 6\r\n\r\n", 400);
    EXPECT(POST11 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400);
}
END_TEST

START_TEST(codings)
{
    EXPECT(POST11 "Transfer-Encoding: chunked\r\n\r\n", 200);
    EXPECT(POST11 "Transfer-Encoding: Chunked\r\n\r\n", 200);
    EXPECT(POST11 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding: chunked, chunked\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding: chunked, identity\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding: identity\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding: xchunked\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding: chunked;q=1\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding: \"chunked\"\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding: ,chunked\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding:\r\n\r\n", 400);
    EXPECT(POST11 "Transfer-Encoding: gzip, chunked\r\n\r\n", 501);
    EXPECT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}
END_TEST

static struct http1_request parsed(const char *s)
{
    static struct http1_request r;
    struct http1_error e;
    size_t used;
    ck_assert_int_eq(http1_head((const uint8_t *)s, strlen(s), &r, &used, &e), HTTP1_DONE);
    return r;
}

START_TEST(connections_and_expectations)
{
    ck_assert(parsed(GET11 HOST "\r\n").keep_alive);
    ck_assert(!parsed(GET11 HOST "Connection: close\r\n\r\n").keep_alive);
    ck_assert(!parsed(GET11 HOST "Connection: keep-alive, Close\r\n\r\n").keep_alive);
    ck_assert(!parsed(GET11 HOST "Connection: x\r\nConnection: y,close\r\n\r\n").keep_alive);
    ck_assert(!parsed("GET / HTTP/1.0\r\n\r\n").keep_alive);
    ck_assert(parsed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    ck_assert(parsed(POST11 "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\n").expect_continue);
    ck_assert(!parsed(POST11 "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n").expect_continue);
    ck_assert(!parsed("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n").expect_continue);
    EXPECT(POST11 "Expect: something\r\n\r\n", 417);
    EXPECT(POST11 "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 400);
}
END_TEST

START_TEST(credentials_only_once)
{
    struct text t = {"x", 1};
    struct http1_request r = parsed(GET11 HOST "A: 1\r\na: 2\r\nB: 3\r\n\r\n");
    ck_assert(!http1_get_once(&r, "a", &t));
    ck_assert_uint_eq(t.len, 1);
    ck_assert(http1_get_once(&r, "b", &t) && t.s[0] == '3');
    ck_assert(http1_get_once(&r, "c", &t) && t.s == NULL);
}
END_TEST

/* start, then `count` times fill, then end. */
static unsigned long_status(const char *start, const char *fill, size_t count, const char *end)
{
    size_t n = strlen(start), f = strlen(fill), len = n + f * count + strlen(end);
    char *s = malloc(len + 1);
    ck_assert_ptr_nonnull(s);
    memcpy(s, start, n);
    for (size_t i = 0; i < count; i++)
        memcpy(s + n + i * f, fill, f);
    memcpy(s + n + f * count, end, strlen(end) + 1);
    unsigned status = status_of(s, len), cut_status;
    struct http1_request r;
    size_t used;
    static const size_t cuts[] = {8191, 8192, 8193, 16383, 16384, 16385};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
        if (cuts[i] < len && head(s, cuts[i], &r, &used, &cut_status) == HTTP1_BAD)
            ck_assert_uint_eq(cut_status, status);
    free(s);
    return status;
}

START_TEST(limits)
{
    ck_assert_uint_eq(long_status("GET /", "a", HTTP1_TARGET_MAX - 1, " HTTP/1.1\r\n" HOST "\r\n"), 200);
    ck_assert_uint_eq(long_status("GET /", "a", HTTP1_TARGET_MAX, " HTTP/1.1\r\n" HOST "\r\n"), 414);
    ck_assert_uint_eq(long_status("GET /", "a", 20000, " HTTP/1.1\r\n" HOST "\r\n"), 414);
    ck_assert_uint_eq(long_status("GET /", "a", 20000, ""), 414);
    ck_assert_uint_eq(long_status("", "A", 20000, ""), 501);
    ck_assert_uint_eq(long_status("", "A", 10000, ""), 100);
    ck_assert_uint_eq(long_status(GET11 HOST "X: ", "a", 20000, "\r\n\r\n"), 431);
    ck_assert_uint_eq(long_status(GET11 HOST "X: ", "a", 16384 - 32, "\r\n\r\n"), 200);
    ck_assert_uint_eq(long_status(GET11 HOST "X: ", "a", 16384 - 31, "\r\n\r\n"), 431);
    ck_assert_uint_eq(long_status(GET11 HOST, "X: a\r\n", 63, "\r\n"), 200);
    ck_assert_uint_eq(long_status(GET11 HOST, "X: a\r\n", 64, "\r\n"), 431);
    ck_assert_uint_eq(long_status(GET11, "\r\n", 1, ""), 400);
}
END_TEST

/* ---- bodies ---- */

struct outcome {
    unsigned status; /* 200 done, 100 more */
    size_t used;
    char text[256];
    size_t len;
};

/* Feeds the bytes in two parts, cut where told. */
static struct outcome feed(const char *s, size_t len, bool chunked, uint64_t length, uint64_t max, size_t cut)
{
    struct http1_request r = {.chunked = chunked, .has_length = !chunked, .length = length};
    struct http1_body b;
    struct http1_error e = {0};
    struct outcome o = {0};
    struct buf out;
    size_t used = 0, total = 0;
    buf_init(&out, sizeof o.text);
    http1_body_init(&b, &r, max);
    enum http1_result got = http1_body(&b, (const uint8_t *)s, cut, &out, &used, &e);
    total = used;
    if (got == HTTP1_MORE) {
        ck_assert_uint_eq(used, cut);
        got = http1_body(&b, (const uint8_t *)s + cut, len - cut, &out, &used, &e);
        total += used;
    }
    o.status = got == HTTP1_DONE ? 200 : got == HTTP1_MORE ? 100 : e.status;
    o.used = total;
    o.len = out.len;
    if (out.len > 0)
        memcpy(o.text, out.data, out.len);
    buf_fini(&out);
    return o;
}

static struct outcome body(const char *s, size_t len, bool chunked, uint64_t length, uint64_t max)
{
    struct outcome whole = feed(s, len, chunked, length, max, 0);
    for (size_t cut = 1; cut <= len; cut++) {
        struct outcome o = feed(s, len, chunked, length, max, cut);
        ck_assert_uint_eq(o.status, whole.status);
        if (o.status == 200)
            ck_assert(o.used == whole.used && o.len == whole.len && memcmp(o.text, whole.text, o.len) == 0);
    }
    return whole;
}
#define CHUNKS(text, max, expected)                                                                                  \
    ck_assert_msg(body(text, sizeof(text) - 1, true, 0, max).status == (expected), "%s", text)

START_TEST(chunked_bodies)
{
    struct outcome o = body("5\r\nhallo\r\nA\r\n0123456789\r\n0\r\n\r\nGET", 33, true, 0, 100);
    ck_assert_uint_eq(o.status, 200);
    ck_assert_uint_eq(o.used, 30);
    ck_assert_uint_eq(o.len, 15);
    ck_assert_mem_eq(o.text, "hallo0123456789", 15);
    CHUNKS("0\r\n\r\n", 0, 200);
    CHUNKS("0000000000000000\r\n\r\n", 0, 200);
    CHUNKS("00000000000000000\r\n\r\n", 0, 400);
    CHUNKS("1\r\na\r\n0\r\n", 10, 100);
    CHUNKS("1;ext=1\r\na\r\n0\r\n\r\n", 10, 400);
    CHUNKS("1 \r\na\r\n0\r\n\r\n", 10, 400);
    CHUNKS(" 1\r\na\r\n0\r\n\r\n", 10, 400);
    CHUNKS("+1\r\na\r\n0\r\n\r\n", 10, 400);
    CHUNKS("0x1\r\na\r\n0\r\n\r\n", 10, 400);
    CHUNKS("1\na\r\n0\r\n\r\n", 10, 400);
    CHUNKS("1\r\rna\r\n0\r\n\r\n", 10, 400);
    CHUNKS("\r\na\r\n0\r\n\r\n", 10, 400);
    CHUNKS("1\r\nab\r\n0\r\n\r\n", 10, 400);
    CHUNKS("1\r\na\n0\r\n\r\n", 10, 400);
    CHUNKS("1\r\na\rX", 10, 400);
    CHUNKS("0\r\nTrailer: x\r\n\r\n", 10, 400);
    CHUNKS("0\r\n\rX", 10, 400);
    CHUNKS("FFFFFFFFFFFFFFFF\r\n", 10, 413);
    CHUNKS("ffffffffffffffff\r\n", UINT64_MAX - 1, 413);
    CHUNKS("B\r\n", 10, 413);
    CHUNKS("6\r\nabcdef\r\n5\r\n", 10, 413);
    CHUNKS("6\r\nabcdef\r\n4\r\nabcd\r\n0\r\n\r\n", 10, 200);
    CHUNKS("g\r\n", 10, 400);
}
END_TEST

START_TEST(plain_bodies)
{
    struct outcome o = body("halloGET", 8, false, 5, 5);
    ck_assert(o.status == 200 && o.used == 5 && o.len == 5);
    ck_assert_uint_eq(body("hal", 3, false, 5, 5).status, 100);
    ck_assert_uint_eq(body("", 0, false, 0, 0).status, 200);
    ck_assert_uint_eq(body("", 0, false, 6, 5).status, 413);
    ck_assert_uint_eq(body("x", 1, false, UINT64_MAX, 5).status, 413);
    ck_assert_uint_eq(body("GET", 3, false, 0, 5).used, 0);
}
END_TEST

START_TEST(body_over_the_buffer)
{
    char big[400];
    memset(big, 'x', sizeof big);
    ck_assert_uint_eq(feed(big, sizeof big, false, sizeof big, 1000, 10).status, 413);
}
END_TEST

/* ---- responses ---- */

static const char *responded(struct buf *b, unsigned status, const char *type, int64_t len, bool keep, const char *more)
{
    buf_clear(b);
    ck_assert(http1_respond(b, status, type, len, keep, more));
    return buf_str(b);
}

START_TEST(responses)
{
    struct buf b;
    buf_init(&b, 4096);
    ck_assert_str_eq(responded(&b, 200, "application/json", 2, true, "Retry-After: 5\r\n"),
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                     "Connection: keep-alive\r\nRetry-After: 5\r\n\r\n");
    ck_assert_str_eq(responded(&b, 200, "text/csv", -1, false, NULL),
                     "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n"
                     "Connection: close\r\n\r\n");
    ck_assert_str_eq(responded(&b, 204, NULL, 0, true, NULL),
                     "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
    ck_assert_str_eq(responded(&b, 100, NULL, 0, true, NULL), "HTTP/1.1 100 Continue\r\n\r\n");
    buf_clear(&b);
    ck_assert(http1_chunk(&b, "0123456789abcdefg", 17) && http1_chunk(&b, NULL, 0));
    ck_assert_str_eq(buf_str(&b), "11\r\n0123456789abcdefg\r\n0\r\n\r\n");
    ck_assert_str_eq(http1_reason(503), "Service Unavailable");
    ck_assert_str_eq(http1_reason(299), "Unknown");
    buf_fini(&b);
    buf_init(&b, 20);
    ck_assert(!http1_respond(&b, 200, NULL, 0, true, NULL));
    buf_fini(&b);
}
END_TEST

/* ---- forms and credentials ---- */

static bool join(void *arg, struct text name, struct text value)
{
    struct buf *b = arg;
    return buf_printf(b, "[%.*s|%.*s]", (int)name.len, name.s, (int)value.len, value.s);
}

static const char *pairs(struct buf *b, const char *form)
{
    struct arena *a = arena_new(4096);
    buf_clear(b);
    bool ok = http1_pairs((struct text){form, strlen(form)}, a, 3, join, b);
    arena_free(a);
    return ok ? buf_str(b) : "refused";
}

START_TEST(forms)
{
    struct buf b;
    buf_init(&b, 4096);
    ck_assert_str_eq(pairs(&b, "a=1&b=x+y%20z%2B&c"), "[a|1][b|x y z+][c|]");
    ck_assert_str_eq(pairs(&b, "&&a=1&&"), "[a|1]");
    ck_assert_str_eq(pairs(&b, "a=b=c"), "[a|b=c]");
    ck_assert_str_eq(pairs(&b, ""), "");
    ck_assert_str_eq(pairs(&b, "%c3%a9=%E2%82%AC"), "[\xc3\xa9|\xe2\x82\xac]");
    ck_assert_str_eq(pairs(&b, "a&b&c&d"), "refused");
    ck_assert_str_eq(pairs(&b, "a=%"), "refused");
    ck_assert_str_eq(pairs(&b, "a=%4"), "refused");
    ck_assert_str_eq(pairs(&b, "a=%zz"), "refused");
    ck_assert_str_eq(pairs(&b, "a=%00"), "refused");
    ck_assert_str_eq(pairs(&b, "a=%ff"), "refused");
    ck_assert_str_eq(pairs(&b, "a=%c0%80"), "refused");
    ck_assert_str_eq(pairs(&b, "a=%ed%a0%80"), "refused");
    ck_assert_str_eq(pairs(&b, "a=%f4%90%80%80"), "refused");
    buf_fini(&b);
}
END_TEST

START_TEST(path_segments)
{
    struct arena *a = arena_new(4096);
    ck_assert_str_eq(http1_decode_path((struct text){"DISDIK%20A+b", 12}, a).s, "DISDIK A+b");
    ck_assert_ptr_null(http1_decode_path((struct text){"a%2Fb", 5}, a).s);
    ck_assert_ptr_null(http1_decode_path((struct text){"a%00", 4}, a).s);
    ck_assert_ptr_null(http1_decode_path((struct text){"a%f", 3}, a).s);
    ck_assert_ptr_null(http1_decode_path((struct text){NULL, 0}, a).s);
    ck_assert_ptr_nonnull(http1_decode_path((struct text){"", 0}, a).s);
    arena_free(a);
}
END_TEST

static bool basic(const char *s, const char *user, const char *password)
{
    struct arena *a = arena_new(4096);
    struct text u, p;
    bool ok = http1_basic((struct text){s, strlen(s)}, a, &u, &p);
    if (ok && user != NULL) {
        ck_assert(u.len == strlen(user) && memcmp(u.s, user, u.len) == 0);
        ck_assert(p.len == strlen(password) && memcmp(p.s, password, p.len) == 0);
    }
    arena_free(a);
    return ok;
}

START_TEST(basic_credentials)
{
    struct text u, p;
    ck_assert(basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"));
    ck_assert(basic("bASIC  Ojo=", "", ":"));
    ck_assert(!basic("Basic", NULL, NULL));
    ck_assert(!basic("Basic ", NULL, NULL));
    ck_assert(!basic("BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL, NULL));
    ck_assert(!basic("Basic QWxhZGRpbg==", NULL, NULL));         /* no colon */
    ck_assert(!basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", NULL, NULL)); /* no padding */
    ck_assert(!basic("Basic QTo=x", NULL, NULL));
    ck_assert(!basic("Basic QToKYg==", NULL, NULL)); /* line feed */
    ck_assert(!basic("Basic QTr/", NULL, NULL));     /* not UTF-8 */
    ck_assert(!basic("Bearer QTo=", NULL, NULL));
    struct arena *a = arena_new(64);
    ck_assert(!http1_basic((struct text){NULL, 0}, a, &u, &p));
    arena_free(a);
}
END_TEST

static bool bearer(const char *s, const char *token)
{
    struct text t;
    if (!http1_bearer((struct text){s, strlen(s)}, &t))
        return false;
    ck_assert(t.len == strlen(token) && memcmp(t.s, token, t.len) == 0);
    return true;
}

START_TEST(bearer_credentials)
{
    ck_assert(bearer("Bearer Yk3vQ0m8r2Wd9sXfLpTz1A", "Yk3vQ0m8r2Wd9sXfLpTz1A"));
    ck_assert(bearer("bearer   a-._~+/==", "a-._~+/=="));
    ck_assert(!bearer("Bearer", ""));
    ck_assert(!bearer("Bearer ", ""));
    ck_assert(!bearer("Bearer =", ""));
    ck_assert(!bearer("Bearer a b", ""));
    ck_assert(!bearer("Bearer a=b", ""));
    ck_assert(!bearer("Bearera", ""));
    ck_assert(!bearer("Basic a", ""));
}
END_TEST

/* Any bytes at all: some answer, the same however they are cut. */
START_TEST(rubbish)
{
    uint32_t seed = 2463534242u;
    char s[300];
    static const char alphabet[] = "GET /HTTP1. \r\n\r\n:\tchunked,Transfer-Encoding0123456789abc%\n\0";
    for (int round = 0; round < 400; round++) {
        size_t len = 0, good = (size_t)round % 58;
        static const char start[] = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        memcpy(s, start, good);
        for (len = good; len < sizeof s; len++) {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            s[len] = alphabet[seed % (sizeof alphabet - 1)];
        }
        (void)status_of(s, len);
        struct outcome o = body(s + good, 200, true, 0, 150);
        ck_assert_uint_ge(o.status, 100);
    }
}
END_TEST

UNIT_MAIN("proto/http1", plain_request, kept_heads, request_lines, targets, line_ends_and_controls, fields, hosts, lengths, codings,
          connections_and_expectations, credentials_only_once, limits, chunked_bodies, plain_bodies,
          body_over_the_buffer, responses, forms, path_segments, basic_credentials, bearer_credentials, rubbish)
