/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. Pure functions. */
#ifndef HADIR_UTF8_H
#define HADIR_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at s (len > 0), *ret_char its code point; 0 when the bytes are no character. */
size_t utf8_next(const void *s, size_t len, uint32_t *ret_char);
/* true when all of it is UTF-8 without a NUL. */
bool utf8_valid(const void *s, size_t len);
/* Characters that a terminal, a log viewer or a reader acts upon instead of showing them: C0 (line ends and tabs, too), C1,
 * separators, direction marks. */
bool utf8_acts(uint32_t c);
/* true when text holds none of them but line ends and tabs, and is UTF-8. */
bool utf8_shows(const void *s, size_t len);
/* The greatest length <= max_bytes that does not cut a character of s in two. */
size_t utf8_cut(const void *s, size_t len, size_t max_bytes);

#endif
