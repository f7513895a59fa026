/* What the four codecs have in common: faults and their messages, ranges of times and positions, the client's raw
 * text, the idempotency key and the body hash.
 *
 * Place in the flow: bytes → codec → fact → (door: device known) codec_key() → ledger.
 *
 * Invariants
 * - A fact that leaves a codec is finite, in range, its times inside the given bounds, its texts UTF-8 without NUL and
 *   within the spool's lengths: what is refused is refused here, because behind the spool there is no refusing.
 * - Key and body hash depend on the fact's values only, in a fixed byte order, never on the layout of a struct: they
 *   must agree between machines and across years.
 *
 * It reads no clock and no directory. No threads. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec_private.h"
#include "digest.h"
#include "utf8.h"
#include "wall.h"

#define RAW_DUMP_MAX (32u << 20) /* more than any body of ours can grow to when printed again */

static const struct {
    const char *code, *id, *en; /* id and en go behind the field's name */
} faults[] = {
    [FAULT_NONE] = {"", "benar", "is right"},
    [FAULT_NOT_JSON] = {"not_json", "bukan JSON yang sah", "is not valid JSON"},
    [FAULT_TOO_DEEP] = {"too_deep", "bersarang terlalu dalam", "is nested too deeply"},
    [FAULT_TOO_MANY] = {"too_many_items", "berisi terlalu banyak butir", "holds too many items"},
    [FAULT_TYPE] = {"wrong_type", "bertipe data salah", "has the wrong type"},
    [FAULT_MISSING] = {"missing_field", "wajib diisi", "is required"},
    [FAULT_UNKNOWN_MEMBER] = {"unknown_member", "tidak dikenal", "is not known"},
    [FAULT_RANGE] = {"out_of_range", "di luar rentang yang diizinkan", "is out of range"},
    [FAULT_NOT_FINITE] = {"not_finite", "bukan bilangan berhingga", "is not a finite number"},
    [FAULT_NULL_ISLAND] = {"both_zero", "bernilai nol untuk lintang sekaligus bujur: posisi belum diperoleh",
                           "is zero for both latitude and longitude: there was no position yet"},
    [FAULT_TIME_ZONE] = {"time_without_zone", "tidak menyebut zona waktu (misalnya +08:00 atau Z)",
                         "names no time zone (for example +08:00 or Z)"},
    [FAULT_TIME_FORMAT] = {"bad_time", "bukan waktu yang sah menurut RFC 3339", "is not a valid RFC 3339 time"},
    [FAULT_TIME_RANGE] = {"time_out_of_range", "terlalu lama berlalu atau terlalu jauh di depan",
                          "is too long ago or too far ahead"},
    [FAULT_UUID] = {"bad_uuid", "bukan UUID yang sah", "is not a valid UUID"},
    [FAULT_TOO_LONG] = {"too_long", "terlalu panjang", "is too long"},
    [FAULT_CONTROL] = {"control_character", "berisi karakter kendali atau tanda arah tulisan",
                       "holds a control character or a direction mark"},
    [FAULT_FORM] = {"bad_form", "tidak tersandi dengan benar sebagai formulir", "is not properly form-encoded"},
    [FAULT_MEMORY] = {"out_of_memory", "tidak dapat diolah saat ini; coba lagi sebentar lagi",
                      "cannot be handled now; try again shortly"},
};

const char *codec_fault_code(enum codec_fault fault)
{
    return (size_t)fault < sizeof faults / sizeof faults[0] ? faults[fault].code : "";
}

void codec_fault_message(enum codec_fault fault, const char *field, const char *language, char *dst, size_t cap)
{
    bool english = language != NULL && strcmp(language, "en") == 0;
    size_t n = (size_t)fault < sizeof faults / sizeof faults[0] ? (size_t)fault : 0;
    const char *what = english ? faults[n].en : faults[n].id;
    if (field != NULL && field[0] != '\0')
        snprintf(dst, cap, "\"%s\" %s.", field, what);
    else
        snprintf(dst, cap, "%s %s.", english ? "The message" : "Isi pesan", what);
}

bool codec_fail(struct codec_error *e, enum codec_fault fault, const char *fmt, ...)
{
    char field[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(field, sizeof field, fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof field ? (size_t)n : sizeof field - 1;
    len = utf8_cut(field, len, sizeof e->field - 1);
    e->fault = fault;
    memcpy(e->field, field, len);
    e->field[len] = '\0';
    return false;
}

static bool word_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '-' || c == '.';
}

/* The word at or just before `offset`, where the reader gave up. */
static struct text word_at(const uint8_t *bytes, size_t len, size_t offset)
{
    size_t from = offset, to = offset;
    while (from > 0 && word_char(bytes[from - 1]))
        from--;
    while (to < len && word_char(bytes[to]))
        to++;
    return (struct text){(const char *)bytes + from, to - from};
}

static bool plain_name(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!((t.s[i] >= 'a' && t.s[i] <= 'z') || (t.s[i] >= 'A' && t.s[i] <= 'Z') || t.s[i] == '_'))
            return false;
    return t.len > 0;
}

/* Whose value begins at `end`: "lat", "2/lat" within an array; "" when it is no member of an object one deep. All
 * before `end` has been read as JSON already. */
static void field_at(const char *s, size_t end, char *dst, size_t cap)
{
    struct text name = {NULL, 0};
    size_t depth = 0, index = 0;
    bool array = false, colon = false;
    for (size_t i = 0; i < end; i++) {
        if (s[i] == '"') {
            size_t from = ++i;
            while (i < end && s[i] != '"')
                i += s[i] == '\\' ? 2 : 1;
            name = (struct text){s + from, i < end ? i - from : 0};
            colon = false;
        } else if (s[i] == '[' || s[i] == '{') {
            array = array || (depth == 0 && s[i] == '[');
            depth++;
            colon = false;
        } else if (s[i] == ']' || s[i] == '}') {
            depth -= depth > 0;
            colon = false;
        } else if (s[i] == ',') {
            index += depth == 1;
            colon = false;
        } else if (s[i] == ':') {
            colon = true;
        }
    }
    dst[0] = '\0';
    if (!colon || depth != (array ? 2u : 1u) || !plain_name(name))
        return;
    if (array)
        snprintf(dst, cap, "%zu/%.*s", index, (int)(name.len < 40 ? name.len : 40), name.s);
    else
        snprintf(dst, cap, "%.*s", (int)(name.len < 40 ? name.len : 40), name.s);
}

/* What is no number of ours: NaN and Infinity, which JSON does not know, and what no double or integer can hold. As a
 * real it is not finite, as an integer out of range. */
static enum codec_fault number_fault(struct text word, bool overflow)
{
    double unused;
    if (!overflow)
        return codec_decimal(word, &unused) == FAULT_NOT_FINITE ? FAULT_NOT_FINITE : FAULT_NOT_JSON;
    for (size_t i = 0; i < word.len; i++)
        if (strchr(".eE", word.s[i]) != NULL)
            return FAULT_NOT_FINITE;
    return FAULT_RANGE;
}

struct json_doc *codec_parse(const void *bytes, size_t len, unsigned max_depth, struct codec_error *e)
{
    struct json_error why = {0};
    struct json_doc *doc = json_parse(bytes, len, max_depth, &why);
    if (doc != NULL)
        return doc;
    enum codec_fault fault = FAULT_NOT_JSON;
    char field[64] = "";
    struct text word = len == 0 ? (struct text){"", 0} : word_at(bytes, len, why.offset < len ? why.offset : len);
    if (strcmp(why.reason, "nested too deeply") == 0)
        fault = FAULT_TOO_DEEP;
    else if (strcmp(why.reason, "out of memory") == 0)
        fault = FAULT_MEMORY;
    else if (strcmp(why.reason, "a number is out of range") == 0)
        fault = number_fault(word, true);
    else if (strcmp(why.reason, "not JSON") == 0)
        fault = number_fault(word, false);
    if (fault == FAULT_NOT_FINITE || fault == FAULT_RANGE)
        field_at(bytes, (size_t)(word.s - (const char *)bytes), field, sizeof field);
    codec_fail(e, fault, "%s", field);
    return NULL;
}

struct json_doc *codec_parse_foreign(const void *bytes, size_t len, unsigned max_depth, struct codec_error *e)
{
    struct codec_error first = {0};
    struct json_doc *doc = codec_parse(bytes, len, max_depth, &first);
    if (doc != NULL)
        return doc;
    *e = first;
    if (first.fault != FAULT_NOT_JSON || len == 0)
        return NULL;
    uint8_t *mended = codec_mend(bytes, len);
    if (mended == NULL) {
        codec_fail(e, FAULT_MEMORY, "%s", "");
        return NULL;
    }
    doc = codec_parse(mended, len, max_depth, e);
    free(mended);
    if (doc != NULL)
        *e = (struct codec_error){0};
    return doc;
}

bool codec_blank(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r' && bytes[i] != '\n')
            return false;
    return true;
}

struct fact *codec_fact(struct arena *arena, enum channel channel)
{
    struct fact *f = arena_alloc(arena, sizeof *f);
    if (f != NULL) {
        f->channel = channel;
        f->fix_us = f->message_us = f->sent_us = TIME_ABSENT;
        f->first.day = INT32_MIN;
    }
    return f;
}

bool codec_copy(struct arena *arena, struct text in, struct text *ret, struct codec_error *e)
{
    char *s = arena_copy(arena, in.s, in.len);
    if (s == NULL)
        return codec_fail(e, FAULT_MEMORY, "%s", "");
    *ret = (struct text){s, in.len};
    return true;
}

bool codec_raw(struct arena *arena, const void *bytes, size_t len, struct fact *f, struct codec_error *e)
{
    struct text cut = {bytes, utf8_cut(bytes, len, FACT_RAW_MAX)};
    return codec_copy(arena, cut, &f->raw, e);
}

bool codec_raw_json(struct arena *arena, const json_value *v, struct fact *f, struct codec_error *e)
{
    struct buf b;
    buf_init(&b, RAW_DUMP_MAX);
    bool ok = json_dump(v, &b) && !b.failed;
    ok = ok ? codec_raw(arena, b.data, b.len, f, e) : codec_fail(e, FAULT_MEMORY, "%s", "");
    buf_fini(&b);
    return ok;
}

enum codec_fault codec_time_check(int64_t us, const struct codec_bounds *bounds)
{
    bool inside = us >= bounds->now_us - bounds->past_us && us <= bounds->now_us + bounds->future_us;
    return inside ? FAULT_NONE : FAULT_TIME_RANGE;
}

enum codec_fault codec_time_text(struct text t, int64_t *ret_us)
{
    char zoned[48];
    int64_t unused;
    if (t.len < sizeof zoned && wall_parse_rfc3339(t.s, t.len, ret_us))
        return FAULT_NONE;
    if (t.len + 1 < sizeof zoned) {
        memcpy(zoned, t.s, t.len);
        zoned[t.len] = 'Z';
        if (wall_parse_rfc3339(zoned, t.len + 1, &unused))
            return FAULT_TIME_ZONE;
    }
    return FAULT_TIME_FORMAT;
}

bool codec_time_number(double v, double per_second, int64_t *ret_us)
{
    double seconds = v / per_second;
    if (!isfinite(seconds) || seconds < 0 || seconds > 7e9) /* until the year 2191 */
        return false;
    *ret_us = llround(seconds * 1e6);
    return true;
}

enum codec_fault codec_position(double lat, double lon, struct fact *f, int *ret_which)
{
    *ret_which = 0;
    if (!isfinite(lat))
        return FAULT_NOT_FINITE;
    if (lat < -90 || lat > 90)
        return FAULT_RANGE;
    *ret_which = 1;
    if (!isfinite(lon))
        return FAULT_NOT_FINITE;
    if (lon < -180 || lon > 180)
        return FAULT_RANGE;
    *ret_which = 0;
    bool zero_lat = !(lat < 0 || lat > 0), zero_lon = !(lon < 0 || lon > 0);
    if (zero_lat && zero_lon)
        return FAULT_NULL_ISLAND;
    f->lat_deg = zero_lat ? 0.0 : lat;
    f->lon_deg = zero_lon ? 0.0 : lon;
    return FAULT_NONE;
}

/* [+-] digits [. digits] [e [+-] digits], with at least one digit in front. */
static bool decimal_shape(struct text t)
{
    size_t i = 0, digits = 0;
    if (i < t.len && (t.s[i] == '-' || t.s[i] == '+'))
        i++;
    for (; i < t.len && t.s[i] >= '0' && t.s[i] <= '9'; i++)
        digits++;
    if (i < t.len && t.s[i] == '.')
        for (i++; i < t.len && t.s[i] >= '0' && t.s[i] <= '9'; i++)
            digits++;
    if (digits == 0)
        return false;
    if (i < t.len && (t.s[i] == 'e' || t.s[i] == 'E')) {
        i++;
        if (i < t.len && (t.s[i] == '-' || t.s[i] == '+'))
            i++;
        size_t from = i;
        while (i < t.len && t.s[i] >= '0' && t.s[i] <= '9')
            i++;
        if (i == from)
            return false;
    }
    return i == t.len;
}

static bool names_not_finite(struct text t)
{
    static const char *const names[] = {"nan", "inf", "infinity"};
    if (t.len > 0 && (t.s[0] == '-' || t.s[0] == '+')) {
        t.s++;
        t.len--;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = 0;
        while (n < t.len && names[i][n] != '\0' && (t.s[n] | 0x20) == names[i][n])
            n++;
        if (n == t.len && names[i][n] == '\0')
            return true;
    }
    return false;
}

enum codec_fault codec_decimal(struct text t, double *ret)
{
    char number[64];
    if (names_not_finite(t))
        return FAULT_NOT_FINITE;
    if (t.len >= sizeof number || !decimal_shape(t))
        return FAULT_TYPE;
    memcpy(number, t.s, t.len);
    number[t.len] = '\0';
    /* hadird never calls setlocale, so the decimal sign is the point */
    double v = strtod(number, NULL);
    if (!isfinite(v))
        return FAULT_NOT_FINITE;
    *ret = v;
    return FAULT_NONE;
}

void codec_accuracy_lenient(struct fact *f, bool stated, double accuracy_m)
{
    f->has_accuracy = stated && isfinite(accuracy_m) && accuracy_m > 0;
    if (f->has_accuracy)
        f->accuracy_m = accuracy_m < ACCURACY_MAX_M ? accuracy_m : ACCURACY_MAX_M;
    else
        f->flags |= FLAG_ACCURACY_UNKNOWN;
}

void codec_altitude_lenient(struct fact *f, bool stated, double altitude_m)
{
    f->has_altitude = stated && altitude_m >= ALTITUDE_MIN_M && altitude_m <= ALTITUDE_MAX_M;
    f->altitude_m = f->has_altitude ? altitude_m : 0;
}

bool codec_need_number(const json_value *object, const char *at, const char *name, double *ret, struct codec_error *e)
{
    const json_value *v = json_member(object, name);
    if (v == NULL)
        return codec_fail(e, FAULT_MISSING, "%s%s", at, name);
    return json_get_real(v, ret) || codec_fail(e, FAULT_TYPE, "%s%s", at, name);
}

bool codec_need_string(const json_value *object, const char *at, const char *name, struct text *ret,
                       struct codec_error *e)
{
    const json_value *v = json_member(object, name);
    if (v == NULL)
        return codec_fail(e, FAULT_MISSING, "%s%s", at, name);
    return json_get_string(v, ret) || codec_fail(e, FAULT_TYPE, "%s%s", at, name);
}

bool codec_may_number(const json_value *object, const char *name, double *ret)
{
    const json_value *v = json_member(object, name);
    return v != NULL && json_get_real(v, ret);
}

bool codec_may_string(const json_value *object, const char *name, struct text *ret)
{
    const json_value *v = json_member(object, name);
    return v != NULL && json_get_string(v, ret);
}

bool codec_is_true(const json_value *object, const char *name)
{
    const json_value *v = json_member(object, name);
    bool truth = false;
    return v != NULL && json_get_bool(v, &truth) && truth;
}
