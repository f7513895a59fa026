/* Growable byte buffer with a mandatory maximum. After an append fails (bound or memory) the buffer is `failed`
 * and every later append is refused, so callers check once, at the end. */
#ifndef HADIR_BUF_H
#define HADIR_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* NULL when empty; not NUL-terminated, see buf_str */
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
    bool full; /* failed at max, not for want of memory */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_fini(struct buf *b);
void buf_clear(struct buf *b); /* len = 0, failed = full = false, memory kept */
bool buf_add(struct buf *b, const void *bytes, size_t len);
/* Appends len bytes that the caller writes, all of them; NULL when failed. */
char *buf_take(struct buf *b, size_t len);
bool buf_puts(struct buf *b, const char *s);
bool buf_putc(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* v in decimal, without NUL; returns how many characters. printf takes ten times as long. */
#define INT_DIGITS 20
size_t int_digits(char dst[INT_DIGITS], int64_t v);
bool buf_int(struct buf *b, int64_t v);
/* Removes the first n bytes. */
void buf_drain(struct buf *b, size_t n);
/* The content as a NUL-terminated string (adds the NUL behind len); NULL when failed. */
const char *buf_str(struct buf *b);

/* Little-endian typed writing, for messages between processes and the spool. */
bool buf_u8(struct buf *b, uint8_t v);
bool buf_u16(struct buf *b, uint16_t v);
bool buf_u32(struct buf *b, uint32_t v);
bool buf_u64(struct buf *b, uint64_t v);
bool buf_i64(struct buf *b, int64_t v);
bool buf_f64(struct buf *b, double v);
bool buf_blob(struct buf *b, const void *bytes, size_t len); /* u32 length, bytes */

/* Reading the same. A short or malformed input sets `failed`, and every later read gives zero. */
struct reader {
    const uint8_t *data;
    size_t len;
    size_t at;
    bool failed;
};
void reader_init(struct reader *r, const void *bytes, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
int64_t reader_i64(struct reader *r);
double reader_f64(struct reader *r);
/* Borrows from the input; *ret_len = 0 and NULL when failed. */
const uint8_t *reader_blob(struct reader *r, size_t *ret_len);
const uint8_t *reader_bytes(struct reader *r, size_t len);
/* true when everything was read and nothing failed */
bool reader_done(const struct reader *r);

#endif
