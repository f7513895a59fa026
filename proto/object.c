/* Requests around the rules: letters, absences, corrections and their decisions, one JSON object each.
 *
 * Place in the flow: what the members mean is known to SQL alone, which lists every fault of theirs at once. Here the
 * object is made safe to hand on: well-formed, not too deep, no member twice, text that is UTF-8 without what terminals,
 * logs and paper act upon (line ends and tabs may be), numbers that int64 or double hold. It is written anew from what was read, so that no second reader can read it otherwise.
 *
 * Pure; no threads. */
#include <string.h>

#include "codec_private.h"
#include "utf8.h"

#define OBJECT_DEPTH_MAX 8 /* a letter's days of people of orders are 6 */

struct copying {
    struct json_writer w;
    const char *name; /* of the member that the body may not have, or NULL */
    struct codec_error *error;
};

/* What was just written, as JSON: controls stand in it as \u00xx, \b or \f, the others as they are. */
static bool shows(const char *s, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (s[i] != '\\')
            continue;
        bool control = i + 5 < len && memcmp(s + i, "\\u00", 4) == 0 && (s[i + 4] < '2' || s[i + 4] == '7');
        if (control || s[i + 1] == 'b' || s[i + 1] == 'f')
            return false;
        i++;
    }
    return utf8_shows(s, len);
}

static bool not_written(struct codec_error *e, const char *name, const struct buf *out)
{
    return codec_fail(e, out->full ? FAULT_TOO_LONG : FAULT_MEMORY, "%s", name);
}

static bool copy_member(const char *name, const json_value *v, void *arg)
{
    struct copying *c = arg;
    if (c->name != NULL && strcmp(name, c->name) == 0)
        return codec_fail(c->error, FAULT_UNKNOWN_MEMBER, "%s", name);
    size_t from = c->w.out->len;
    json_key(&c->w, name);
    json_raw(&c->w, "", 0); /* here begins a value … */
    if (!json_dump(v, c->w.out))
        return not_written(c->error, name, c->w.out);
    if (!shows((const char *)c->w.out->data + from, c->w.out->len - from))
        return codec_fail(c->error, FAULT_CONTROL, "%s", name);
    return true;
}

static bool copy_object(const json_value *v, const char *name, struct text value, struct buf *out, struct codec_error *e)
{
    struct copying c = {.name = name, .error = e};
    if (json_kind_of(v) != JSON_KIND_OBJECT)
        return codec_fail(e, FAULT_TYPE, "%s", "");
    json_begin(&c.w, out);
    json_object(&c.w);
    if (name != NULL) {
        json_key(&c.w, name);
        json_raw(&c.w, value.s, value.len);
    }
    if (!json_each(v, copy_member, &c))
        return false;
    json_object_end(&c.w);
    if (out->failed)
        return not_written(e, "", out);
    return true;
}

bool object_decode(const uint8_t *body, size_t len, const char *name, struct text value, struct buf *out,
                   struct codec_error *ret_error)
{
    struct json_doc *doc = codec_parse(body, len, OBJECT_DEPTH_MAX, ret_error);
    if (doc == NULL)
        return false;
    bool ok = copy_object(json_root(doc), name, value, out, ret_error);
    json_doc_free(doc);
    return ok;
}
