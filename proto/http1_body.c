/* Request bodies (RFC 9112 sections 6 and 7) and response heads.
 *
 * Place in the flow: behind http1_head(), once the route has said how much it takes; then the door's answer.
 *
 * Invariants: a chunked body is read byte by byte through the states below, so that where the network cuts it never
 * matters; nothing over `max` is ever appended, and a length over it is refused before the first byte. Chunk
 * extensions and trailers, which no client of ours sends, are refused: both are read differently by different proxies.
 *
 * It does not know about Content-Encoding (none is offered). No threads. */
#include <stdio.h>
#include <string.h>

#include "http1.h"
#include "http1_chars.h"

enum body_state {
    BODY_PLAIN,      /* Content-Length, or none */
    BODY_SIZE,       /* hexadecimal digits of a chunk's size */
    BODY_SIZE_LF,    /* the LF behind them */
    BODY_DATA,       /* the chunk's bytes */
    BODY_DATA_CR,    /* CRLF behind the bytes */
    BODY_DATA_LF,
    BODY_END_CR,     /* the empty line behind the last chunk */
    BODY_END_LF,
    BODY_END
};
#define CHUNK_DIGITS_MAX 16u

static enum http1_result bad(struct http1_error *e, unsigned status, const char *reason)
{
    e->status = status;
    e->reason = reason;
    return HTTP1_BAD;
}

void http1_body_init(struct http1_body *b, const struct http1_request *r, uint64_t max_bytes)
{
    memset(b, 0, sizeof *b);
    b->chunked = r->chunked;
    b->max = max_bytes;
    b->left = r->chunked ? 0 : r->length;
    b->state = r->chunked ? BODY_SIZE : BODY_PLAIN;
}

/* Takes what is there of the `left` bytes. */
static enum http1_result take(struct http1_body *b, const uint8_t *bytes, size_t len, struct buf *out, size_t *ret_n,
                              struct http1_error *e)
{
    size_t n = b->left < len ? (size_t)b->left : len;
    if (n > 0 && !buf_add(out, bytes, n))
        return out->full ? bad(e, 413, "body over the buffer's bound") : bad(e, 503, "out of memory");
    b->left -= n;
    b->total += n;
    *ret_n = n;
    return b->left == 0 ? HTTP1_DONE : HTTP1_MORE;
}

/* The chunk's size is complete. */
static enum http1_result size_known(struct http1_body *b, struct http1_error *e)
{
    b->digits = 0;
    if (b->left > b->max - b->total)
        return bad(e, 413, "body too large");
    b->state = b->left == 0 ? BODY_END_CR : BODY_DATA;
    return HTTP1_MORE;
}

/* One byte of the framing around chunks. */
static enum http1_result frame_byte(struct http1_body *b, uint8_t c, struct http1_error *e)
{
    int digit = http1_hex((char)c);
    switch ((enum body_state)b->state) {
    case BODY_SIZE:
        if (digit >= 0 && b->digits < CHUNK_DIGITS_MAX) {
            b->left = b->left << 4 | (uint64_t)digit;
            b->digits++;
            return HTTP1_MORE;
        }
        if (c != '\r' || b->digits == 0)
            return bad(e, 400, digit >= 0 ? "chunk size too long" : "malformed chunk size or chunk extension");
        b->state = BODY_SIZE_LF;
        return HTTP1_MORE;
    case BODY_SIZE_LF:
        return c == '\n' ? size_known(b, e) : bad(e, 400, "chunk size not followed by CRLF");
    case BODY_DATA_CR:
        b->state = BODY_DATA_LF;
        return c == '\r' ? HTTP1_MORE : bad(e, 400, "chunk longer than its size");
    case BODY_DATA_LF:
        b->state = BODY_SIZE;
        return c == '\n' ? HTTP1_MORE : bad(e, 400, "chunk not followed by CRLF");
    case BODY_END_CR:
        b->state = BODY_END_LF;
        return c == '\r' ? HTTP1_MORE : bad(e, 400, "trailer fields are not taken");
    case BODY_END_LF:
        b->state = BODY_END;
        return c == '\n' ? HTTP1_DONE : bad(e, 400, "last chunk not followed by CRLF");
    case BODY_PLAIN:
    case BODY_DATA:
    case BODY_END:
        break;
    }
    return HTTP1_DONE;
}

static enum http1_result chunked(struct http1_body *b, const uint8_t *bytes, size_t len, struct buf *out,
                                 size_t *ret_at, struct http1_error *e)
{
    size_t at = 0;
    enum http1_result got = b->state == BODY_END ? HTTP1_DONE : HTTP1_MORE;
    while (got == HTTP1_MORE && at < len) {
        if (b->state != BODY_DATA) {
            got = frame_byte(b, bytes[at++], e);
            continue;
        }
        size_t n = 0;
        got = take(b, bytes + at, len - at, out, &n, e);
        at += n;
        if (got == HTTP1_DONE) {
            b->state = BODY_DATA_CR;
            got = HTTP1_MORE;
        }
    }
    *ret_at = at;
    return got;
}

enum http1_result http1_body(struct http1_body *b, const uint8_t *bytes, size_t len, struct buf *out, size_t *ret_used,
                             struct http1_error *ret_error)
{
    size_t used = 0;
    enum http1_result got;
    if (b->chunked)
        got = chunked(b, bytes, len, out, &used, ret_error);
    else if (b->total == 0 && b->left > b->max)
        got = bad(ret_error, 413, "body too large");
    else
        got = take(b, bytes, len, out, &used, ret_error);
    *ret_used = used;
    return got;
}

const char *http1_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } table[] = {
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].status == status)
            return table[i].reason;
    return "Unknown";
}

bool http1_respond(struct buf *out, unsigned status, const char *content_type, int64_t content_length, bool keep_alive,
                   const char *extra)
{
    buf_puts(out, "HTTP/1.1 ");
    buf_int(out, status);
    buf_putc(out, ' ');
    buf_puts(out, http1_reason(status));
    buf_puts(out, "\r\n");
    if (content_type != NULL) {
        buf_puts(out, "Content-Type: ");
        buf_puts(out, content_type);
        buf_puts(out, "\r\n");
    }
    /* RFC 9110 section 8.6: no length in 1xx and 204 */
    bool bodiless = status < 200 || status == 204;
    if (!bodiless && content_length >= 0) {
        buf_puts(out, "Content-Length: ");
        buf_int(out, content_length);
        buf_puts(out, "\r\n");
    } else if (!bodiless) {
        buf_puts(out, "Transfer-Encoding: chunked\r\n");
    }
    if (status >= 200)
        buf_puts(out, keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
    if (extra != NULL)
        buf_puts(out, extra);
    return buf_puts(out, "\r\n");
}

bool http1_chunk(struct buf *out, const void *bytes, size_t len)
{
    if (len == 0)
        return buf_puts(out, "0\r\n\r\n");
    buf_printf(out, "%zx\r\n", len);
    buf_add(out, bytes, len);
    return buf_puts(out, "\r\n");
}
