/* What stands inside targets, forms and the Authorization field: percent-encoding (RFC 3986), form encoding (WHATWG
 * URL), Basic (RFC 7617) and Bearer (RFC 6750) credentials.
 *
 * Place in the flow: doors and codecs, on texts that http1_head() or a body gave. Decoded texts live in the caller's
 * arena, are UTF-8 and hold no NUL, so that they may go to logs, spool and database without another check.
 * Pure; no threads. */
#include <string.h>

#include "digest.h"
#include "http1.h"
#include "http1_chars.h"
#include "utf8.h"

static const struct text absent = {NULL, 0};

/* plus: '+' means a blank, as forms have it. */
static struct text decode(struct text in, struct arena *arena, bool plus)
{
    char *dst = arena_alloc(arena, in.len + 1);
    if (dst == NULL)
        return absent;
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.s[i];
        if (c == '%') {
            if (in.len - i < 3 || http1_hex(in.s[i + 1]) < 0 || http1_hex(in.s[i + 2]) < 0)
                return absent;
            c = (char)(http1_hex(in.s[i + 1]) << 4 | http1_hex(in.s[i + 2]));
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        dst[n++] = c;
    }
    return utf8_valid(dst, n) ? (struct text){dst, n} : absent;
}

bool http1_pairs(struct text form, struct arena *arena, size_t max_pairs, http1_pair_cb fn, void *arg)
{
    size_t count = 0;
    while (form.len > 0) {
        const char *amp = memchr(form.s, '&', form.len);
        struct text pair = {form.s, amp != NULL ? (size_t)(amp - form.s) : form.len};
        size_t taken = amp != NULL ? pair.len + 1 : pair.len;
        form.s += taken;
        form.len -= taken;
        if (pair.len == 0)
            continue;
        if (count++ == max_pairs)
            return false;
        const char *equals = memchr(pair.s, '=', pair.len);
        struct text name = {pair.s, equals != NULL ? (size_t)(equals - pair.s) : pair.len};
        struct text value = {"", 0};
        if (equals != NULL)
            value = (struct text){equals + 1, pair.len - name.len - 1};
        name = decode(name, arena, true);
        value = decode(value, arena, true);
        if (name.s == NULL || value.s == NULL || !fn(arg, name, value))
            return false;
    }
    return true;
}

struct text http1_decode_path(struct text segment, struct arena *arena)
{
    if (segment.s == NULL)
        return absent;
    struct text t = decode(segment, arena, false);
    /* a segment that decodes to several would name another resource than the router saw */
    if (t.s != NULL && memchr(t.s, '/', t.len) != NULL)
        return absent;
    return t;
}

/* scheme 1*SP rest; the scheme without regard to case. */
static bool credentials(struct text authorization, const char *scheme, struct text *ret)
{
    size_t n = strlen(scheme);
    if (authorization.s == NULL || authorization.len <= n + 1 || authorization.s[n] != ' ' ||
        !http1_text_is((struct text){authorization.s, n}, scheme))
        return false;
    while (n < authorization.len && authorization.s[n] == ' ')
        n++;
    *ret = (struct text){authorization.s + n, authorization.len - n};
    return ret->len > 0;
}

bool http1_basic(struct text authorization, struct arena *arena, struct text *ret_user, struct text *ret_password)
{
    struct text coded;
    size_t len = 0;
    if (!credentials(authorization, "Basic", &coded))
        return false;
    char *plain = arena_alloc(arena, coded.len + 1);
    if (plain == NULL || !decode_base64(coded.s, coded.len, plain, coded.len, &len))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)plain[i] < 0x20 || plain[i] == 0x7f)
            return false;
    const char *colon = memchr(plain, ':', len);
    if (colon == NULL || !utf8_valid(plain, len))
        return false;
    size_t user = (size_t)(colon - plain);
    *ret_user = (struct text){plain, user};
    *ret_password = (struct text){colon + 1, len - user - 1};
    return true;
}

bool http1_bearer(struct text authorization, struct text *ret_token)
{
    struct text token;
    if (!credentials(authorization, "Bearer", &token))
        return false;
    size_t n = 0;
    while (n < token.len && (http1_is_unreserved((unsigned char)token.s[n]) || token.s[n] == '+' || token.s[n] == '/'))
        n++;
    size_t body = n;
    while (n < token.len && token.s[n] == '=')
        n++;
    if (body == 0 || n != token.len)
        return false;
    *ret_token = token;
    return true;
}
