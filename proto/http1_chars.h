/* Character classes and small readers that http1's files share (RFC 9110 section 5.6, RFC 3986 section 2). Private. */
#ifndef HADIR_HTTP1_CHARS_H
#define HADIR_HTTP1_CHARS_H

#include <stdbool.h>

#include "arena.h"

bool http1_is_token_char(unsigned char c);
bool http1_is_unreserved(unsigned char c);
bool http1_is_sub_delim(unsigned char c);
bool http1_is_pchar(unsigned char c); /* without '%', which the caller reads */
int http1_hex(char c);                /* value of a hexadecimal digit, −1 for another character */
/* Compares without regard to ASCII case. */
bool http1_text_is(struct text t, const char *word);
/* Takes the next non-empty element off a comma-separated list; false at its end. */
bool http1_list_next(struct text *list, struct text *ret);

#endif
