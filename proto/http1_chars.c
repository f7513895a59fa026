/* Character classes of HTTP and URI grammar, independent of the locale (ctype.h is not). Pure. */
#include "http1_chars.h"

#include <string.h>

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_one_of(unsigned char c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

bool http1_is_token_char(unsigned char c)
{
    return is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

bool http1_is_unreserved(unsigned char c)
{
    return is_alnum(c) || is_one_of(c, "-._~");
}

bool http1_is_sub_delim(unsigned char c)
{
    return is_one_of(c, "!$&'()*+,;=");
}

bool http1_is_pchar(unsigned char c)
{
    return http1_is_unreserved(c) || http1_is_sub_delim(c) || c == ':' || c == '@';
}

int http1_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool http1_text_is(struct text t, const char *word)
{
    size_t i = 0;
    for (; i < t.len && word[i] != '\0'; i++)
        if (lower(t.s[i]) != lower(word[i]))
            return false;
    return i == t.len && word[i] == '\0';
}

bool http1_list_next(struct text *list, struct text *ret)
{
    while (list->len > 0) {
        const char *comma = memchr(list->s, ',', list->len);
        struct text item = {list->s, comma != NULL ? (size_t)(comma - list->s) : list->len};
        size_t taken = comma != NULL ? item.len + 1 : item.len;
        list->s += taken;
        list->len -= taken;
        while (item.len > 0 && (item.s[0] == ' ' || item.s[0] == '\t')) {
            item.s++;
            item.len--;
        }
        while (item.len > 0 && (item.s[item.len - 1] == ' ' || item.s[item.len - 1] == '\t'))
            item.len--;
        if (item.len > 0) {
            *ret = item;
            return true;
        }
    }
    return false;
}
