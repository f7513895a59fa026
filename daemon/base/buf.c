/* The growable byte buffer and its typed little-endian writing and reading.
 *
 * Everything that leaves this process or waits in it is built in such a buffer, hence the mandatory maximum.
 * Invariants: len <= cap, len <= max; the allocation is cap + 1 bytes, so that buf_str always finds room for its
 * NUL. A failed buffer keeps what it had and takes nothing more. Appended bytes may not lie inside the buffer
 * itself. Not thread-safe. */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256u

void buf_init(struct buf *b, size_t max_bytes)
{
    /* One below SIZE_MAX keeps cap + 1 representable. */
    *b = (struct buf){.max = max_bytes < SIZE_MAX / 2 ? max_bytes : SIZE_MAX / 2};
}

void buf_fini(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = b->full = false;
}

static bool grow(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    b->full = more > b->max - b->len;
    if (b->full)
        goto fail;
    size_t need = b->len + more;
    size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap * 2;
    if (cap < need)
        cap = need;
    if (cap > b->max)
        cap = b->max;
    uint8_t *data = realloc(b->data, cap + 1);
    if (data == NULL)
        goto fail;
    b->data = data;
    b->cap = cap;
    return true;
fail:
    b->failed = true;
    return false;
}

/* Makes room for `more` bytes behind len. */
static inline bool reserve(struct buf *b, size_t more)
{
    bool there = b->data != NULL && more <= b->cap - b->len && !b->failed && more <= b->max - b->len;
    return there || grow(b, more);
}

bool buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!reserve(b, len))
        return false;
    if (len > 0)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
    return true;
}

char *buf_take(struct buf *b, size_t len)
{
    if (!reserve(b, len))
        return NULL;
    b->len += len;
    return (char *)b->data + b->len - len;
}

bool buf_puts(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

bool buf_putc(struct buf *b, char c)
{
    if (!reserve(b, 1))
        return false;
    b->data[b->len++] = (uint8_t)c;
    return true;
}

bool buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    bool ok = false;
    if (!reserve(b, 0))
        goto out;
    int n = vsnprintf((char *)b->data + b->len, b->cap - b->len + 1, fmt, ap);
    if (n < 0) {
        b->failed = true;
        goto out;
    }
    size_t len = (size_t)n;
    if (len > b->cap - b->len) {
        if (!reserve(b, len))
            goto out;
        vsnprintf((char *)b->data + b->len, len + 1, fmt, again);
    }
    b->len += len;
    ok = true;
out:
    va_end(again);
    return ok;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    bool ok = buf_vprintf(b, fmt, ap);
    va_end(ap);
    return ok;
}

size_t int_digits(char dst[INT_DIGITS], int64_t v)
{
    char backwards[INT_DIGITS];
    size_t n = 0, out = 0;
    for (uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v; n == 0 || left > 0; left /= 10)
        backwards[n++] = (char)('0' + left % 10);
    if (v < 0)
        dst[out++] = '-';
    while (n > 0)
        dst[out++] = backwards[--n];
    return out;
}

bool buf_int(struct buf *b, int64_t v)
{
    char digits[INT_DIGITS];
    return buf_add(b, digits, int_digits(digits, v));
}

void buf_drain(struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
    } else if (n > 0) {
        memmove(b->data, b->data + n, b->len - n);
        b->len -= n;
    }
}

const char *buf_str(struct buf *b)
{
    if (!reserve(b, 0))
        return NULL;
    b->data[b->len] = '\0';
    return (const char *)b->data;
}

static bool put_le(struct buf *b, uint64_t v, size_t bytes)
{
    if (!reserve(b, bytes))
        return false;
    uint8_t *at = b->data + b->len;
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(v >> (8 * i));
    b->len += bytes;
    return true;
}

bool buf_u8(struct buf *b, uint8_t v)
{
    return put_le(b, v, 1);
}

bool buf_u16(struct buf *b, uint16_t v)
{
    return put_le(b, v, 2);
}

bool buf_u32(struct buf *b, uint32_t v)
{
    return put_le(b, v, 4);
}

bool buf_u64(struct buf *b, uint64_t v)
{
    return put_le(b, v, 8);
}

bool buf_i64(struct buf *b, int64_t v)
{
    return put_le(b, (uint64_t)v, 8);
}

bool buf_f64(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return put_le(b, bits, 8);
}

bool buf_blob(struct buf *b, const void *bytes, size_t len)
{
    if (len > UINT32_MAX) {
        b->failed = true;
        return false;
    }
    return buf_u32(b, (uint32_t)len) && buf_add(b, bytes, len);
}

void reader_init(struct reader *r, const void *bytes, size_t len)
{
    *r = (struct reader){.data = bytes, .len = len};
}

const uint8_t *reader_bytes(struct reader *r, size_t len)
{
    if (r->failed || len > r->len - r->at) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->data == NULL ? (const uint8_t *)"" : r->data + r->at;
    r->at += len;
    return p;
}

static uint64_t get_le(struct reader *r, size_t bytes)
{
    const uint8_t *p = reader_bytes(r, bytes);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)get_le(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)get_le(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)get_le(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return get_le(r, 8);
}

int64_t reader_i64(struct reader *r)
{
    return (int64_t)get_le(r, 8);
}

double reader_f64(struct reader *r)
{
    uint64_t bits = get_le(r, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

const uint8_t *reader_blob(struct reader *r, size_t *ret_len)
{
    size_t len = reader_u32(r);
    const uint8_t *p = reader_bytes(r, len);
    *ret_len = p == NULL ? 0 : len;
    return p;
}

bool reader_done(const struct reader *r)
{
    return !r->failed && r->at == r->len;
}
