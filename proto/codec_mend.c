/* JSON of clients that are not ours, mended where only the text within strings is at fault: bytes that are no UTF-8, bare
 * control characters, escapes of NUL and of half a surrogate pair.
 *
 * Place in the flow: codec_parse_foreign(), behind a reader that refused the bytes as sent. The name of a radio network
 * or the half of an emoji in somebody else's chat message must not cost a phone its check-in, least of all in a
 * webhook that carries those of many people: the answer says "delivered" either way.
 *
 * The result has the length of what was sent: what is outside strings is left to the reader, which judges it as
 * strictly as before. Pure; no threads. */
#include <stdlib.h>
#include <string.h>

#include "codec_private.h"
#include "http1_chars.h"
#include "utf8.h"

#define ESCAPE_BYTES 6 /* \uFFFD */

/* The value of "\uXXXX" at s; −1 when there is none. */
static int unicode_escape(const uint8_t *s, size_t len)
{
    int v = 0;
    if (len < ESCAPE_BYTES || s[0] != '\\' || s[1] != 'u')
        return -1;
    for (size_t i = 2; i < ESCAPE_BYTES; i++) {
        int digit = http1_hex((char)s[i]);
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* A backslash and what belongs to it. Returns how many bytes these are. */
static size_t mend_escape(uint8_t *s, size_t len)
{
    int v = unicode_escape(s, len);
    if (v < 0)
        return len < 2 ? len : 2;
    if (v >= 0xd800 && v <= 0xdbff) {
        int low = unicode_escape(s + ESCAPE_BYTES, len - ESCAPE_BYTES);
        if (low >= 0xdc00 && low <= 0xdfff)
            return (size_t)2 * ESCAPE_BYTES;
    }
    if (v == 0 || (v >= 0xd800 && v <= 0xdfff))
        memcpy(s, "\\uFFFD", ESCAPE_BYTES);
    return ESCAPE_BYTES;
}

/* One character of a string. Returns how many bytes it has. */
static size_t mend_char(uint8_t *s, size_t len)
{
    uint32_t c = 0;
    size_t n = utf8_next(s, len, &c);
    if (n == 0) {
        *s = '?';
        return 1;
    }
    if (c < 0x20)
        *s = ' ';
    return n;
}

uint8_t *codec_mend(const uint8_t *bytes, size_t len)
{
    uint8_t *s = malloc(len + 1);
    if (s == NULL)
        return NULL;
    memcpy(s, bytes, len);
    bool in_string = false;
    for (size_t i = 0; i < len;) {
        if (s[i] == '"') {
            in_string = !in_string;
            i++;
        } else if (!in_string) {
            i++;
        } else if (s[i] == '\\') {
            i += mend_escape(s + i, len - i);
        } else {
            i += mend_char(s + i, len - i);
        }
    }
    return s;
}
