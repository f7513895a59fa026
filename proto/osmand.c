/* The OsmAnd protocol in both its forms: query or form (Traccar Client up to 8, GPSLogger's custom URL) and the JSON of
 * Traccar Client from 9 on (protocols: PROTOCOL.md, "OsmAnd").
 *
 * Place in the flow: GET or POST /in/osmand. The device id *is* our token, so it is given back apart and never kept:
 * the raw text that goes to the spool has "-" in its place, and wherever else it may occur.
 *
 * Which form: a body that begins with '{' and is not declared a form is JSON. Otherwise the query, or when that is
 * empty the body, holds the pairs; old clients send POST with all in the URL and nothing in the body. Of a repeated
 * parameter the first counts.
 *
 * All positions are automatic: nothing in this protocol says that a person pressed a button. `accuracy` 0 means "not
 * stated" (Traccar Client sends 0.0 for GPS). A missing timestamp means "now". Pure; no threads. */
#include <string.h>

#include "codec_private.h"
#include "http1.h"
#include "utf8.h"

#define OSMAND_DEPTH_MAX 16
#define OSMAND_PAIRS_MAX 100
#define RAW_PAIRS_MAX (4u << 20)
#define TOKEN_MASK_MIN 8 /* a shorter id cannot be a token of ours, and masking it would shred the text */

static bool is_word(struct text t, const char *word)
{
    return t.s != NULL && t.len == strlen(word) && memcmp(t.s, word, t.len) == 0;
}

/* Overwrites each occurrence of the token. */
static void mask(char *s, size_t len, struct text token)
{
    if (token.s == NULL || token.len < TOKEN_MASK_MIN)
        return;
    for (size_t i = 0; i + token.len <= len; i++)
        if (memcmp(s + i, token.s, token.len) == 0)
            memset(s + i, '*', token.len);
}

static bool keep_raw(struct buf *b, struct arena *arena, struct text token, struct fact *f, struct codec_error *e)
{
    if (b->failed)
        return codec_fail(e, FAULT_MEMORY, "%s", "");
    mask((char *)b->data, b->len, token);
    return codec_raw(arena, b->data, b->len, f, e);
}

/* ISO 8601 as Java and Dart print it: a fraction of nine digits and "+0800" are brought into RFC 3339's shape. */
static enum codec_fault iso_time(struct text t, int64_t *ret_us)
{
    char s[48];
    size_t n = 0, fraction = 0;
    bool in_fraction = false;
    if (t.len > 40)
        return FAULT_TIME_FORMAT;
    for (size_t i = 0; i < t.len; i++) {
        bool digit = t.s[i] >= '0' && t.s[i] <= '9';
        in_fraction = t.s[i] == '.' || (in_fraction && digit);
        fraction = in_fraction ? fraction + 1 : 0;
        if (fraction <= 7)
            s[n++] = t.s[i];
    }
    if (n > 20 && s[n - 6] == ' ') /* a '+' that nobody percent-encoded */
        s[n - 6] = '+';
    bool colonless = n > 20 && (s[n - 5] == '+' || s[n - 5] == '-') && memchr(s + n - 4, ':', 4) == NULL;
    if (colonless) {
        memmove(s + n - 1, s + n - 2, 2);
        s[n - 2] = ':';
        n++;
    }
    return codec_time_text((struct text){s, n}, ret_us);
}

/* Digits are seconds below 2^31 − 1 and milliseconds from there on, as Traccar reads them. */
static enum codec_fault epoch_time(double v, int64_t *ret_us)
{
    return codec_time_number(v, v < 2147483647.0 ? 1 : 1000, ret_us) ? FAULT_NONE : FAULT_TIME_RANGE;
}

static enum codec_fault form_time(struct text t, int64_t *ret_us)
{
    size_t digits = 0;
    double v;
    while (digits < t.len && t.s[digits] >= '0' && t.s[digits] <= '9')
        digits++;
    if (digits == t.len && digits > 0)
        return codec_decimal(t, &v) == FAULT_NONE ? epoch_time(v, ret_us) : FAULT_TIME_FORMAT;
    if (t.len == 19 && t.s[10] == ' ') {
        char iso[19]; /* "yyyy-MM-dd HH:mm:ss" is in the server's zone, which is not the phone's: refuse to guess */
        memcpy(iso, t.s, sizeof iso);
        iso[10] = 'T';
        return codec_time_text((struct text){iso, sizeof iso}, ret_us);
    }
    return iso_time(t, ret_us);
}

/* ---- pairs ---- */

struct pairs {
    struct text device, timestamp, lat, lon, location, altitude, accuracy, mock, valid;
    struct buf raw;
};

static struct text *slot_of(struct pairs *p, struct text name)
{
    const struct {
        const char *name;
        struct text *slot;
    } table[] = {{"id", &p->device},       {"deviceid", &p->device},   {"timestamp", &p->timestamp},
                 {"lat", &p->lat},         {"lon", &p->lon},           {"location", &p->location},
                 {"altitude", &p->altitude}, {"accuracy", &p->accuracy}, {"mock", &p->mock},
                 {"valid", &p->valid}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (is_word(name, table[i].name))
            return table[i].slot;
    return NULL;
}

static void raw_escaped(struct buf *b, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.s[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c != 0 && strchr("-._~:,/", c) != NULL);
        if (plain)
            buf_putc(b, (char)c);
        else
            buf_printf(b, "%%%02X", c);
    }
}

static bool on_pair(void *arg, struct text name, struct text value)
{
    struct pairs *p = arg;
    struct text *slot = slot_of(p, name);
    if (slot != NULL && slot->s == NULL)
        *slot = value;
    /* notificationToken is a secret too, Google's */
    bool secret = slot == &p->device || is_word(name, "notificationToken");
    if (p->raw.len > 0)
        buf_putc(&p->raw, '&');
    raw_escaped(&p->raw, name);
    buf_putc(&p->raw, '=');
    raw_escaped(&p->raw, secret ? (struct text){"-", 1} : value);
    return true;
}

static bool pairs_position(struct pairs *p, struct fact *f, struct codec_error *e)
{
    double lat = 0, lon = 0;
    int which;
    bool joined = p->lat.s == NULL && p->lon.s == NULL;
    if (joined) {
        const char *comma = memchr(p->location.s, ',', p->location.len);
        if (comma == NULL)
            return codec_fail(e, FAULT_TYPE, "location");
        p->lat = (struct text){p->location.s, (size_t)(comma - p->location.s)};
        p->lon = (struct text){comma + 1, p->location.len - p->lat.len - 1};
    }
    if (p->lat.s == NULL || p->lon.s == NULL)
        return codec_fail(e, FAULT_MISSING, "%s", p->lat.s == NULL ? "lat" : "lon");
    enum codec_fault fault = codec_decimal(p->lat, &lat);
    if (fault != FAULT_NONE)
        return codec_fail(e, fault, "%s", joined ? "location" : "lat");
    fault = codec_decimal(p->lon, &lon);
    if (fault != FAULT_NONE)
        return codec_fail(e, fault, "%s", joined ? "location" : "lon");
    fault = codec_position(lat, lon, f, &which);
    return fault == FAULT_NONE || codec_fail(e, fault, "%s", joined ? "location" : which == 0 ? "lat" : "lon");
}

static bool pairs_fact(struct pairs *p, const struct codec_bounds *bounds, struct fact *f, struct codec_error *e)
{
    double measure = 0;
    f->fix_us = bounds->now_us;
    if (!pairs_position(p, f, e))
        return false;
    if (p->timestamp.s != NULL) {
        enum codec_fault fault = form_time(p->timestamp, &f->fix_us);
        if (fault == FAULT_NONE)
            fault = codec_time_check(f->fix_us, bounds);
        if (fault != FAULT_NONE)
            return codec_fail(e, fault, "timestamp");
    }
    /* valid=false is the last known place: what its accuracy was says nothing of now */
    bool valid = p->valid.s == NULL || is_word(p->valid, "true") || is_word(p->valid, "1");
    bool stated = valid && p->accuracy.s != NULL && codec_decimal(p->accuracy, &measure) == FAULT_NONE;
    codec_accuracy_lenient(f, stated, measure);
    stated = p->altitude.s != NULL && codec_decimal(p->altitude, &measure) == FAULT_NONE;
    codec_altitude_lenient(f, stated, measure);
    if (is_word(p->mock, "true") || is_word(p->mock, "1"))
        f->flags |= FLAG_MOCK;
    return true;
}

static struct fact *automatic_fact(struct arena *arena)
{
    struct fact *f = codec_fact(arena, CHANNEL_OSMAND);
    if (f != NULL) {
        f->automatic = true;
        f->flags |= FLAG_AUTOMATIC;
    }
    return f;
}

static bool decode_pairs(struct text form, const struct codec_bounds *bounds, struct arena *arena,
                         struct text *ret_device, struct fact **ret_fact, struct codec_error *e)
{
    struct pairs p;
    memset(&p, 0, sizeof p);
    buf_init(&p.raw, RAW_PAIRS_MAX);
    bool ok = false;
    bool readable = http1_pairs(form, arena, OSMAND_PAIRS_MAX, on_pair, &p);
    if (p.device.s != NULL && p.device.len > 0)
        *ret_device = p.device;
    struct fact *f = automatic_fact(arena);
    if (f == NULL)
        codec_fail(e, FAULT_MEMORY, "%s", "");
    else if (!readable)
        codec_fail(e, arena_refused(arena) ? FAULT_MEMORY : FAULT_FORM, "%s", "");
    else if (ret_device->s == NULL)
        codec_fail(e, FAULT_MISSING, "id");
    else if (p.lat.s == NULL && p.lon.s == NULL && p.location.s == NULL)
        ok = true; /* battery, notification token: nothing to place */
    else if (pairs_fact(&p, bounds, f, e) && keep_raw(&p.raw, arena, p.device, f, e)) {
        *ret_fact = f;
        ok = true;
    }
    buf_fini(&p.raw);
    return ok;
}

/* ---- JSON ---- */

struct raw_members {
    struct json_writer w;
};

/* The message as sent, but for the token and for "_", in which Traccar Client repeats everything as a query. */
static bool raw_member(const char *name, const json_value *v, void *arg)
{
    struct raw_members *r = arg;
    struct buf value;
    if (strcmp(name, "_") == 0)
        return true;
    json_key(&r->w, name);
    if (strcmp(name, "device_id") == 0) {
        json_string(&r->w, "-");
        return true;
    }
    buf_init(&value, r->w.out->max);
    bool ok = json_dump(v, &value) && !value.failed;
    if (ok)
        json_raw(&r->w, value.data, value.len);
    buf_fini(&value);
    return ok;
}

static bool raw_json(const json_value *root, struct text token, struct arena *arena, struct fact *f,
                     struct codec_error *e)
{
    struct buf b;
    struct raw_members r;
    buf_init(&b, RAW_PAIRS_MAX);
    json_begin(&r.w, &b);
    json_object(&r.w);
    bool ok = json_each(root, raw_member, &r);
    json_object_end(&r.w);
    ok = ok ? keep_raw(&b, arena, token, f, e) : codec_fail(e, FAULT_MEMORY, "%s", "");
    buf_fini(&b);
    return ok;
}

static bool json_coords(const json_value *coords, struct fact *f, struct codec_error *e)
{
    double lat, lon, measure = 0;
    int which;
    if (!codec_need_number(coords, "location/coords/", "latitude", &lat, e) ||
        !codec_need_number(coords, "location/coords/", "longitude", &lon, e))
        return false;
    enum codec_fault fault = codec_position(lat, lon, f, &which);
    if (fault != FAULT_NONE)
        return codec_fail(e, fault, "location/coords/%s", which == 0 ? "latitude" : "longitude");
    bool stated = codec_may_number(coords, "accuracy", &measure);
    codec_accuracy_lenient(f, stated, measure);
    stated = codec_may_number(coords, "altitude", &measure);
    codec_altitude_lenient(f, stated, measure);
    return true;
}

static bool json_time(const json_value *location, const struct codec_bounds *bounds, struct fact *f,
                      struct codec_error *e)
{
    const json_value *v = json_member(location, "timestamp");
    struct text t;
    double number;
    enum codec_fault fault = FAULT_TYPE;
    if (v == NULL)
        fault = FAULT_MISSING;
    else if (json_get_string(v, &t))
        fault = iso_time(t, &f->fix_us);
    else if (json_get_real(v, &number))
        fault = epoch_time(number, &f->fix_us);
    if (fault == FAULT_NONE)
        fault = codec_time_check(f->fix_us, bounds);
    return fault == FAULT_NONE || codec_fail(e, fault, "location/timestamp");
}

static bool json_device(const json_value *root, struct arena *arena, struct text *ret_device, struct codec_error *e)
{
    struct text device;
    if (!codec_need_string(root, "", "device_id", &device, e))
        return false;
    if (device.len == 0)
        return codec_fail(e, FAULT_MISSING, "device_id");
    return codec_copy(arena, device, ret_device, e);
}

static bool decode_root(const json_value *root, const struct codec_bounds *bounds, struct arena *arena,
                        struct text *ret_device, struct fact **ret_fact, struct codec_error *e)
{
    if (json_kind_of(root) != JSON_KIND_OBJECT)
        return codec_fail(e, FAULT_TYPE, "%s", "");
    if (!json_device(root, arena, ret_device, e))
        return false;
    const json_value *location = json_member(root, "location");
    if (location == NULL || json_kind_of(location) != JSON_KIND_OBJECT)
        return codec_fail(e, location == NULL ? FAULT_MISSING : FAULT_TYPE, "location");
    const json_value *coords = json_member(location, "coords");
    if (coords == NULL || json_kind_of(coords) == JSON_KIND_NULL)
        return true;
    if (json_kind_of(coords) != JSON_KIND_OBJECT)
        return codec_fail(e, FAULT_TYPE, "location/coords");
    struct fact *f = automatic_fact(arena);
    if (f == NULL)
        return codec_fail(e, FAULT_MEMORY, "%s", "");
    if (codec_is_true(location, "mock"))
        f->flags |= FLAG_MOCK;
    if (!json_coords(coords, f, e) || !json_time(location, bounds, f, e) ||
        !raw_json(root, *ret_device, arena, f, e))
        return false;
    *ret_fact = f;
    return true;
}

/* ---- whose it is, when the rest cannot be read ----
 *
 * A message that its phone would repeat for ever must be answered as delivered if the phone is one of ours, so the device
 * id is looked for in what is left. Nothing is kept of such a message: an id found in a wrong place does no harm. */

static bool token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

/* The value of "device_id" as text; absent when there is none that could be a token. */
static struct text loose_json_device(struct text body)
{
    static const char name[] = "\"device_id\"";
    const char *end = body.s + body.len, *p = memmem(body.s, body.len, name, sizeof name - 1);
    if (p == NULL)
        return (struct text){NULL, 0};
    for (p += sizeof name - 1; p < end && (codec_blank((const uint8_t *)p, 1) || *p == ':'); p++)
        ;
    const char *from = p < end && *p == '"' ? p + 1 : end;
    for (p = from; p < end && token_char(*p); p++)
        ;
    bool whole = p > from && p < end && *p == '"';
    return whole ? (struct text){from, (size_t)(p - from)} : (struct text){NULL, 0};
}

/* The first pair with a device id that needs no decoding. */
static struct text loose_form_device(struct text form)
{
    while (form.len > 0) {
        const char *amp = memchr(form.s, '&', form.len);
        struct text pair = {form.s, amp != NULL ? (size_t)(amp - form.s) : form.len};
        size_t taken = amp != NULL ? pair.len + 1 : pair.len, n = 0;
        form.s += taken;
        form.len -= taken;
        size_t name = pair.len > 3 && memcmp(pair.s, "id=", 3) == 0         ? 3
                      : pair.len > 9 && memcmp(pair.s, "deviceid=", 9) == 0 ? 9
                                                                            : pair.len;
        while (name + n < pair.len && token_char(pair.s[name + n]))
            n++;
        if (n > 0 && name + n == pair.len)
            return (struct text){pair.s + name, n};
    }
    return (struct text){NULL, 0};
}

static bool keep_loose(struct arena *arena, struct text found, struct text *ret_device, struct codec_error *e)
{
    if (ret_device->s == NULL && found.s != NULL && e->fault != FAULT_MEMORY)
        (void)codec_copy(arena, found, ret_device, e);
    return false;
}

/* ---- either ---- */

/* The media type without parameters. */
static bool is_media_type(struct text t, const char *type)
{
    size_t n = strlen(type);
    if (t.s == NULL || t.len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = t.s[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c + 32) : c) != type[i])
            return false;
    }
    return t.len == n || t.s[n] == ';' || t.s[n] == ' ';
}

static bool looks_like_json(struct text content_type, const uint8_t *body, size_t len)
{
    size_t i = 0;
    while (i < len && codec_blank(body + i, 1))
        i++;
    return i < len && !is_media_type(content_type, "application/x-www-form-urlencoded") &&
           (body[i] == '{' || is_media_type(content_type, "application/json"));
}

bool osmand_decode(struct text query, struct text content_type, const uint8_t *body, size_t len,
                   const struct codec_bounds *bounds, struct arena *arena, struct text *ret_device,
                   struct fact **ret_fact, bool *ret_was_json, struct codec_error *ret_error)
{
    *ret_device = (struct text){NULL, 0};
    *ret_fact = NULL;
    *ret_was_json = looks_like_json(content_type, body, len);
    if (!*ret_was_json) {
        bool in_query = query.s != NULL && query.len > 0;
        struct text form = in_query ? query : (struct text){(const char *)body, len};
        return decode_pairs(form, bounds, arena, ret_device, ret_fact, ret_error) ||
               keep_loose(arena, loose_form_device(form), ret_device, ret_error);
    }
    struct json_doc *doc = codec_parse_foreign(body, len, OSMAND_DEPTH_MAX, ret_error);
    if (doc == NULL)
        return keep_loose(arena, loose_json_device((struct text){(const char *)body, len}), ret_device, ret_error);
    bool ok = decode_root(json_root(doc), bounds, arena, ret_device, ret_fact, ret_error);
    json_doc_free(doc);
    return ok;
}
