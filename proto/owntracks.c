/* OwnTracks in HTTP mode (protocols: PROTOCOL.md, "OwnTracks").
 *
 * Place in the flow: POST /in/owntracks behind Basic authentication. Lenient as a foreign client's codec must be: other
 * kinds of message are reported as such, members we do not know are ignored, integers may come as reals, and an
 * optional member that makes no sense is as if it were not there: nobody on the phone's side could mend it.
 *
 * A location is deliberate only with `t` = "u" (the person pressed publish); everything else is tracking.
 * Kept times: `tst` = fix, `created_at` = message. `_id` goes into the idempotency key together with time and place,
 * for it has only 32 bits. `acc` left out or 0 means "not stated". There is no mock flag in this protocol.
 *
 * Pure; no threads. */
#include <string.h>

#include "codec_private.h"

#define OWNTRACKS_DEPTH_MAX 16
#define EXTERNAL_ID_MAX 64

static bool text_equals(struct text t, const char *word)
{
    return t.len == strlen(word) && memcmp(t.s, word, t.len) == 0;
}

static bool decode_times(const json_value *root, const struct codec_bounds *bounds, struct fact *f,
                         struct codec_error *e)
{
    double tst, created;
    int64_t us;
    if (!codec_need_number(root, "", "tst", &tst, e))
        return false;
    if (!codec_time_number(tst, 1, &us) || codec_time_check(us, bounds) != FAULT_NONE)
        return codec_fail(e, FAULT_TIME_RANGE, "tst");
    f->fix_us = us;
    if (codec_may_number(root, "created_at", &created) && codec_time_number(created, 1, &us) &&
        codec_time_check(us, bounds) == FAULT_NONE)
        f->message_us = us;
    return true;
}

static bool decode_position(const json_value *root, struct fact *f, struct codec_error *e)
{
    double lat, lon, measure = 0;
    int which;
    if (!codec_need_number(root, "", "lat", &lat, e) || !codec_need_number(root, "", "lon", &lon, e))
        return false;
    enum codec_fault fault = codec_position(lat, lon, f, &which);
    if (fault != FAULT_NONE)
        return codec_fail(e, fault, "%s", which == 0 ? "lat" : "lon");
    bool stated = codec_may_number(root, "acc", &measure);
    codec_accuracy_lenient(f, stated, measure);
    stated = codec_may_number(root, "alt", &measure);
    codec_altitude_lenient(f, stated, measure);
    return true;
}

static bool decode_location(const json_value *root, const struct codec_bounds *bounds, struct arena *arena,
                            struct fact **ret, struct codec_error *e)
{
    struct fact *f = codec_fact(arena, CHANNEL_OWNTRACKS);
    struct text trigger = {NULL, 0}, id = {NULL, 0};
    if (f == NULL)
        return codec_fail(e, FAULT_MEMORY, "%s", "");
    if (!decode_position(root, f, e) || !decode_times(root, bounds, f, e))
        return false;
    f->automatic = !(codec_may_string(root, "t", &trigger) && text_equals(trigger, "u"));
    if (f->automatic)
        f->flags |= FLAG_AUTOMATIC;
    if (codec_may_string(root, "_id", &id) && id.len > 0 && id.len <= EXTERNAL_ID_MAX &&
        !codec_copy(arena, id, &f->external_id, e))
        return false;
    if (!codec_raw_json(arena, root, f, e))
        return false;
    *ret = f;
    return true;
}

static bool decode_root(const json_value *root, const struct codec_bounds *bounds, struct arena *arena,
                        enum owntracks_kind *ret_kind, struct fact **ret_fact, struct codec_error *e)
{
    struct text type;
    if (json_kind_of(root) != JSON_KIND_OBJECT)
        return codec_fail(e, FAULT_TYPE, "%s", "");
    if (!codec_need_string(root, "", "_type", &type, e))
        return false;
    if (text_equals(type, "location")) {
        if (!decode_location(root, bounds, arena, ret_fact, e))
            return false;
        *ret_kind = OWNTRACKS_LOCATION;
    } else {
        *ret_kind = OWNTRACKS_OTHER;
        *ret_fact = NULL;
    }
    return true;
}

bool owntracks_decode(const uint8_t *body, size_t len, const struct codec_bounds *bounds, struct arena *arena,
                      enum owntracks_kind *ret_kind, struct fact **ret_fact, struct codec_error *ret_error)
{
    if (codec_blank(body, len)) {
        *ret_kind = OWNTRACKS_EMPTY;
        *ret_fact = NULL;
        return true;
    }
    struct json_doc *doc = codec_parse_foreign(body, len, OWNTRACKS_DEPTH_MAX, ret_error);
    if (doc == NULL)
        return false;
    bool ok = decode_root(json_root(doc), bounds, arena, ret_kind, ret_fact, ret_error);
    json_doc_free(doc);
    return ok;
}
