/* hadir's own API: POST /v1/checkins, one object or an array of 1 to 100.
 *
 * Place in the flow: the browser page and whoever writes a client for us. Because it is our own, it is strict: unknown
 * members are refused (a misspelt "acuracy_m" must not pass silently), and every fault names its field. An item's
 * fault is its own; only a body that cannot be read as items at all is refused whole.
 *
 * Members: id (uuid, becomes the idempotency key), taken_at, lat, lon; optional sent_at, accuracy_m, altitude_m, mock,
 * note, session. An optional member may be null (browsers' geolocation says so of what it does not know): the same as
 * absent. accuracy_m 0 means "not stated", as phones' providers have it, and is flagged like an absent one.
 *
 * Pure; no threads. */
#include <stdio.h>
#include <string.h>

#include "codec_private.h"
#include "digest.h"

#define NATIVE_DEPTH_MAX 4
#define SESSION_CLAIMED_MAX 64

struct item {
    const json_value *v;
    struct text sent; /* its own bytes; not known of one in an array */
    const char *at; /* "" or "2/" */
    const struct codec_bounds *bounds;
    struct arena *arena;
    struct fact *fact;
    struct codec_error *error;
};

static bool known_member(const char *name, const json_value *v, void *arg)
{
    static const char *const names[] = {"id",         "taken_at",   "sent_at", "lat",  "lon",
                                        "accuracy_m", "altitude_m", "mock",    "note", "session"};
    struct item *it = arg;
    (void)v;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i][0] == name[0] && strcmp(names[i], name) == 0)
            return true;
    return codec_fail(it->error, FAULT_UNKNOWN_MEMBER, "%s%s", it->at, name);
}

/* The value of an optional member; NULL when absent or null. */
static const json_value *optional(const struct item *it, const char *name)
{
    const json_value *v = json_member(it->v, name);
    return v != NULL && json_kind_of(v) == JSON_KIND_NULL ? NULL : v;
}

/* The nil and max UUIDs are what broken clients send for all check-ins alike: one key for everything. */
static bool readable_uuid(struct text t, uint8_t ret[16])
{
    uint8_t uuid[16], sum_or = 0, sum_and = 0xff;
    if (!decode_uuid(t.s, t.len, uuid))
        return false;
    for (size_t i = 0; i < sizeof uuid; i++) {
        sum_or |= uuid[i];
        sum_and &= uuid[i];
    }
    if (sum_or == 0 || sum_and == 0xff)
        return false;
    memcpy(ret, uuid, sizeof uuid);
    return true;
}

static bool decode_id(struct item *it)
{
    struct text id;
    if (!codec_need_string(it->v, it->at, "id", &id, it->error))
        return false;
    return readable_uuid(id, it->fact->key) || codec_fail(it->error, FAULT_UUID, "%sid", it->at);
}

static bool decode_time(struct item *it, const char *name, const json_value *v, int64_t *ret_us)
{
    struct text t;
    int64_t us = 0;
    if (!json_get_string(v, &t))
        return codec_fail(it->error, FAULT_TYPE, "%s%s", it->at, name);
    enum codec_fault fault = codec_time_text(t, &us);
    if (fault == FAULT_NONE)
        fault = codec_time_check(us, it->bounds);
    if (fault != FAULT_NONE)
        return codec_fail(it->error, fault, "%s%s", it->at, name);
    *ret_us = us;
    return true;
}

static bool decode_times(struct item *it)
{
    const json_value *taken = json_member(it->v, "taken_at"), *sent = optional(it, "sent_at");
    if (taken == NULL)
        return codec_fail(it->error, FAULT_MISSING, "%staken_at", it->at);
    return decode_time(it, "taken_at", taken, &it->fact->fix_us) &&
           (sent == NULL || decode_time(it, "sent_at", sent, &it->fact->sent_us));
}

static bool decode_position(struct item *it)
{
    double lat, lon;
    int which;
    if (!codec_need_number(it->v, it->at, "lat", &lat, it->error) ||
        !codec_need_number(it->v, it->at, "lon", &lon, it->error))
        return false;
    enum codec_fault fault = codec_position(lat, lon, it->fact, &which);
    return fault == FAULT_NONE || codec_fail(it->error, fault, "%s%s", it->at, which == 0 ? "lat" : "lon");
}

/* An optional number within [min, max]. */
static bool decode_measure(struct item *it, const char *name, double min, double max, bool *ret_has, double *ret)
{
    const json_value *v = optional(it, name);
    double number;
    if (v == NULL)
        return true;
    if (!json_get_real(v, &number))
        return codec_fail(it->error, FAULT_TYPE, "%s%s", it->at, name);
    if (number < min || number > max)
        return codec_fail(it->error, FAULT_RANGE, "%s%s", it->at, name);
    *ret_has = true;
    *ret = number;
    return true;
}

static bool decode_measures(struct item *it)
{
    struct fact *f = it->fact;
    bool stated = false;
    double accuracy_m = 0;
    if (!decode_measure(it, "accuracy_m", 0, ACCURACY_MAX_M, &stated, &accuracy_m) ||
        !decode_measure(it, "altitude_m", ALTITUDE_MIN_M, ALTITUDE_MAX_M, &f->has_altitude, &f->altitude_m))
        return false;
    codec_accuracy_lenient(f, stated, accuracy_m);
    return true;
}

static bool decode_text(struct item *it, const char *name, size_t max, struct text *ret)
{
    const json_value *v = optional(it, name);
    struct text t;
    if (v == NULL)
        return true;
    if (!json_get_string(v, &t))
        return codec_fail(it->error, FAULT_TYPE, "%s%s", it->at, name);
    if (t.len > max)
        return codec_fail(it->error, FAULT_TOO_LONG, "%s%s", it->at, name);
    return codec_copy(it->arena, t, ret, it->error);
}

static bool decode_extras(struct item *it)
{
    const json_value *mock = optional(it, "mock");
    bool simulated = false;
    if (mock != NULL && !json_get_bool(mock, &simulated))
        return codec_fail(it->error, FAULT_TYPE, "%smock", it->at);
    if (simulated)
        it->fact->flags |= FLAG_MOCK;
    return decode_text(it, "note", FACT_NOTE_MAX, &it->fact->note) &&
           decode_text(it, "session", SESSION_CLAIMED_MAX, &it->fact->session_claimed);
}

/* So that the answer to a faulty item can say which one it was. */
static bool keep_uuid(const struct item *it, struct text *ret)
{
    struct text id;
    uint8_t unused[16];
    if (!codec_may_string(it->v, "id", &id) || !readable_uuid(id, unused))
        return true;
    return codec_copy(it->arena, id, ret, it->error);
}

/* What was sent; of an array's item printed again, because the reader does not tell where it stood. */
static bool keep_raw(const struct item *it)
{
    return it->sent.s != NULL ? codec_raw(it->arena, it->sent.s, it->sent.len, it->fact, it->error)
                              : codec_raw_json(it->arena, it->v, it->fact, it->error);
}

/* Fills *item; false only when memory is short. */
static bool decode_item(const json_value *v, struct text sent, const char *at, const struct codec_bounds *bounds,
                        struct arena *arena, struct native_item *item)
{
    struct fact *fact = codec_fact(arena, CHANNEL_NATIVE);
    if (fact == NULL)
        return codec_fail(&item->error, FAULT_MEMORY, "%s", "");
    struct item it = {v, sent, at, bounds, arena, fact, &item->error};
    if (json_kind_of(v) != JSON_KIND_OBJECT) {
        codec_fail(&item->error, FAULT_TYPE, "%.*s", at[0] == '\0' ? 0 : (int)strlen(at) - 1, at);
        return true;
    }
    if (keep_uuid(&it, &item->uuid) && json_each(v, known_member, &it) && decode_id(&it) && decode_times(&it) &&
        decode_position(&it) && decode_measures(&it) && decode_extras(&it) &&
        keep_raw(&it))
        item->fact = fact;
    return item->error.fault != FAULT_MEMORY;
}

static bool decode_root(const json_value *root, struct text body, const struct codec_bounds *bounds, struct arena *arena,
                        struct native_item **ret_items, size_t *ret_count, bool *ret_was_array,
                        struct codec_error *e)
{
    bool was_array = json_kind_of(root) == JSON_KIND_ARRAY;
    size_t count = was_array ? json_count(root) : 1;
    if (!was_array && json_kind_of(root) != JSON_KIND_OBJECT)
        return codec_fail(e, FAULT_TYPE, "%s", "");
    if (count == 0)
        return codec_fail(e, FAULT_MISSING, "0");
    if (count > NATIVE_ITEMS_MAX)
        return codec_fail(e, FAULT_TOO_MANY, "%s", "");
    struct native_item *items = arena_alloc(arena, count * sizeof *items);
    if (items == NULL)
        return codec_fail(e, FAULT_MEMORY, "%s", "");
    for (size_t i = 0; i < count; i++) {
        char at[24] = "";
        if (was_array)
            snprintf(at, sizeof at, "%zu/", i);
        struct text sent = was_array ? (struct text){NULL, 0} : body;
        if (!decode_item(was_array ? json_at(root, i) : root, sent, at, bounds, arena, &items[i]))
            return codec_fail(e, FAULT_MEMORY, "%s", "");
    }
    *ret_items = items;
    *ret_count = count;
    *ret_was_array = was_array;
    return true;
}

bool native_decode(const uint8_t *body, size_t len, const struct codec_bounds *bounds, struct arena *arena,
                   struct native_item **ret_items, size_t *ret_count, bool *ret_was_array,
                   struct codec_error *ret_error)
{
    struct json_doc *doc = codec_parse(body, len, NATIVE_DEPTH_MAX, ret_error);
    if (doc == NULL)
        return false;
    struct text sent = {(const char *)body, len};
    bool ok = decode_root(json_root(doc), sent, bounds, arena, ret_items, ret_count, ret_was_array, ret_error);
    json_doc_free(doc);
    return ok;
}
