/* Decoding of UTF-8, for everything that escapes, checks or cuts text of peers. Pure functions, any thread. */
#include "utf8.h"

#include <string.h>

/* Length of the sequence that a first byte announces, and the smallest code point it may carry. */
static size_t announced(uint8_t first, uint32_t *ret_bits, uint32_t *ret_least)
{
    if ((first & 0xe0u) == 0xc0u) {
        *ret_bits = first & 0x1fu;
        *ret_least = 0x80;
        return 2;
    }
    if ((first & 0xf0u) == 0xe0u) {
        *ret_bits = first & 0x0fu;
        *ret_least = 0x800;
        return 3;
    }
    if ((first & 0xf8u) == 0xf0u) {
        *ret_bits = first & 0x07u;
        *ret_least = 0x10000;
        return 4;
    }
    return 0;
}

size_t utf8_next(const void *s, size_t len, uint32_t *ret_char)
{
    const uint8_t *p = s;
    if (len == 0)
        return 0;
    if (p[0] < 0x80) {
        *ret_char = p[0];
        return 1;
    }
    uint32_t c = 0, least = 0;
    size_t n = announced(p[0], &c, &least);
    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0u) != 0x80u)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret_char = c;
    return n;
}

/* Eight characters of ASCII at once, none of them NUL. */
static bool plain_word(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return ((v | (v - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0;
}

bool utf8_valid(const void *s, size_t len)
{
    const uint8_t *p = s;
    for (size_t at = 0; at < len;) {
        uint32_t c;
        if (len - at >= sizeof(uint64_t) && plain_word(p + at)) {
            at += sizeof(uint64_t);
            continue;
        }
        size_t n = utf8_next(p + at, len - at, &c);
        if (n == 0 || c == 0)
            return false;
        at += n;
    }
    return true;
}

size_t utf8_cut(const void *s, size_t len, size_t max_bytes)
{
    const uint8_t *p = s;
    if (len <= max_bytes)
        return len;
    size_t at = max_bytes;
    while (at > 0 && max_bytes - at < 3 && (p[at] & 0xc0u) == 0x80u)
        at--;
    /* A run of continuation bytes that no first byte announced is no character: cut anywhere. */
    return (p[at] & 0xc0u) == 0x80u ? max_bytes : at;
}

bool utf8_acts(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x2028 || c == 0x2029 || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

bool utf8_shows(const void *s, size_t len)
{
    const char *at = s;
    while (len > 0) {
        uint32_t c;
        size_t n = utf8_next(at, len, &c);
        if (n == 0 || (utf8_acts(c) && c != '\n' && c != '\r' && c != '\t'))
            return false;
        at += n;
        len -= n;
    }
    return true;
}
