/* HTTP/1.1 requests, strictly (RFC 9110, RFC 9112): a pure, bounded, incremental parser. CRLF only, one
 * Content-Length or one `Transfer-Encoding: chunked`, no obs-fold, no trailers kept. No I/O. Fuzzed.
 *
 * Use: http1_head() on the bytes at hand until it says DONE; decide limits by route; then http1_body() until DONE.
 * After BAD: answer the status and close; nothing behind the fault can be trusted to be a request. */
#ifndef HADIR_HTTP1_H
#define HADIR_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"

#define HTTP1_HEAD_MAX 16384
#define HTTP1_FIELDS_MAX 64
#define HTTP1_TARGET_MAX 8192 /* RFC 9112 section 3 asks for at least 8000 */
#define HTTP1_METHOD_MAX 24   /* the longest registered method has 17 characters */

enum http1_method { HTTP1_GET, HTTP1_HEAD, HTTP1_POST, HTTP1_PUT, HTTP1_DELETE, HTTP1_OPTIONS, HTTP1_OTHER };

struct http1_field {
    struct text name, value; /* value without surrounding blanks; bytes above 0x7f are not checked to be UTF-8 */
};

struct http1_request {
    enum http1_method method;
    struct text target, path, query; /* path as sent (not decoded); query without '?', s NULL when none */
    unsigned minor;                  /* 0 or 1 */
    struct http1_field fields[HTTP1_FIELDS_MAX];
    size_t field_count;
    bool chunked;
    bool has_length;
    uint64_t length;
    bool keep_alive;
    bool expect_continue;
};

enum http1_result { HTTP1_MORE, HTTP1_DONE, HTTP1_BAD };

struct http1_error {
    unsigned status;        /* 400, 413, 414, 417, 431, 501, 505; 503 when memory is short */
    const char *reason;     /* English, names the clause */
};

/* Parses a head from bytes (all unread bytes since the request's start). DONE: *ret_used bytes were the head; texts
 * borrow from bytes. A second call may be given the same bytes with more behind them; the result does not depend on
 * how they were cut. A single empty line before the request line is skipped. Only origin-form targets are taken:
 * this is neither a proxy (absolute-form, authority-form) nor has it server-wide OPTIONS (asterisk-form). *ret is
 * unspecified unless DONE. */
enum http1_result http1_head(const uint8_t *bytes, size_t len, struct http1_request *ret, size_t *ret_used,
                             struct http1_error *ret_error);
/* A copy of *r that no longer borrows from bytes, the head that it was parsed from. In the arena; NULL when that is full. */
const struct http1_request *http1_keep(struct arena *arena, const struct http1_request *r, const uint8_t *bytes, size_t len);
/* First field of that name (case-insensitive); absent text when none. */
struct text http1_get(const struct http1_request *r, const char *name);
/* The only field of that name, absent text when none; false when it is repeated (credentials, signatures). */
bool http1_get_once(const struct http1_request *r, const char *name, struct text *ret);

struct http1_body {
    bool chunked;
    uint64_t left;      /* of the length, or of the current chunk */
    uint64_t max;       /* of the decoded body */
    uint64_t total;
    int state;
    unsigned digits;    /* of the chunk size read so far */
};
void http1_body_init(struct http1_body *b, const struct http1_request *r, uint64_t max_bytes);
/* Consumes *ret_used of bytes, appends decoded content to out. BAD with status 413 when over max. */
enum http1_result http1_body(struct http1_body *b, const uint8_t *bytes, size_t len, struct buf *out, size_t *ret_used,
                             struct http1_error *ret_error);

/* Writes a response head. extra: further header lines, each ending in CRLF, or NULL. content_length −1: chunked (never
 * to a minor-0 request). No Date is written, for this folder has no clock: pass it in extra. */
bool http1_respond(struct buf *out, unsigned status, const char *content_type, int64_t content_length, bool keep_alive,
                   const char *extra);
bool http1_chunk(struct buf *out, const void *bytes, size_t len); /* len 0 ends the body */
const char *http1_reason(unsigned status);

/* application/x-www-form-urlencoded (query or form): calls fn per pair, decoded into the arena; false when malformed,
 * over max_pairs, or fn returned false. Decoded NUL or non-UTF-8 is malformed. */
typedef bool (*http1_pair_cb)(void *arg, struct text name, struct text value);
bool http1_pairs(struct text form, struct arena *arena, size_t max_pairs, http1_pair_cb fn, void *arg);
/* Percent-decodes a path segment; absent text when malformed, or when it holds an encoded '/'. */
struct text http1_decode_path(struct text segment, struct arena *arena);
/* "Basic …" credentials: user and password; false when it is not well-formed Basic. "Bearer x": token. */
bool http1_basic(struct text authorization, struct arena *arena, struct text *ret_user, struct text *ret_password);
bool http1_bearer(struct text authorization, struct text *ret_token);

#endif
