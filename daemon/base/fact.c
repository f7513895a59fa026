/* The encoding of a fact: the bytes that travel from door to ledger and lie in the spool.
 *
 * Layout: a version byte, then the fields of struct fact in the order of put_fact, little-endian, enumerations as
 * one byte, texts as a presence byte and a blob, absent measures as zero. The same check runs before writing and
 * after reading, so nothing can be acknowledged that could not be read back. Texts are measured, not read: whether
 * they are UTF-8 is settled where they are written as JSON. A change of layout takes a new version and keeps the
 * reader of the old one for as long as spools may hold it. Pure functions. */
#include "fact.h"

#include <math.h>
#include <string.h>

#define FACT_VERSION 1
/* 1970 … 2199, as everywhere: what receipts and rows say of a time is read back, and differences never overflow. */
#define TIME_LAST_US (INT64_C(7258118400) * 1000000 - 1)
#define DAY_LAST 84005

static void put_text(struct buf *b, const struct text *t)
{
    buf_u8(b, t->s != NULL);
    if (t->s != NULL)
        buf_blob(b, t->s, t->len);
}

static void put_judgement(struct buf *b, const struct judgement *j)
{
    buf_u8(b, (uint8_t)j->verdict);
    buf_u32(b, (uint32_t)j->day);
    buf_i64(b, j->session);
    put_text(b, &j->session_code);
    put_text(b, &j->session_label);
    buf_u8(b, (uint8_t)j->counts_as);
    buf_u32(b, (uint32_t)j->late_minutes);
    buf_u32(b, (uint32_t)j->early_minutes);
    buf_u8(b, (uint8_t)j->place);
    buf_i64(b, j->fence);
    put_text(b, &j->fence_name);
    buf_u8(b, (uint8_t)j->relation);
    buf_u8(b, j->has_distance);
    buf_f64(b, j->has_distance ? j->distance_m : 0);
}

static void put_times(struct buf *b, const struct fact *f)
{
    buf_i64(b, f->fix_us);
    buf_i64(b, f->message_us);
    buf_i64(b, f->sent_us);
    buf_i64(b, f->received_us);
    buf_u32(b, f->clock_error_us);
    buf_u8(b, (uint8_t)f->clock_state);
    buf_i64(b, f->clock_offset_us);
    buf_i64(b, f->decided_us);
    buf_u8(b, (uint8_t)f->decided_by);
}

static void put_position(struct buf *b, const struct fact *f)
{
    buf_f64(b, f->lat_deg);
    buf_f64(b, f->lon_deg);
    buf_u8(b, f->has_accuracy);
    buf_f64(b, f->has_accuracy ? f->accuracy_m : 0);
    buf_u8(b, f->has_altitude);
    buf_f64(b, f->has_altitude ? f->altitude_m : 0);
    buf_u32(b, f->flags);
    buf_u8(b, f->automatic);
}

static void put_fact(struct buf *b, const struct fact *f)
{
    buf_u8(b, FACT_VERSION);
    buf_add(b, f->id, sizeof f->id);
    buf_i64(b, f->government);
    buf_i64(b, f->person);
    buf_i64(b, f->device);
    buf_u8(b, (uint8_t)f->channel);
    buf_add(b, f->key, sizeof f->key);
    buf_add(b, f->body_hash, sizeof f->body_hash);
    buf_add(b, f->salt, sizeof f->salt);
    put_times(b, f);
    put_position(b, f);
    put_text(b, &f->note);
    put_text(b, &f->session_claimed);
    put_text(b, &f->sender);
    put_text(b, &f->sender_user_id);
    put_text(b, &f->external_id);
    put_text(b, &f->raw);
    buf_i64(b, f->directory_epoch);
    buf_i64(b, f->directory_number);
    put_judgement(b, &f->first);
    buf_u8(b, (uint8_t)f->placement_count);
    for (size_t i = 0; i < f->placement_count; i++) {
        const struct placement *p = &f->placements[i];
        buf_i64(b, p->fence);
        buf_u32(b, (uint32_t)p->fence_version);
        buf_u8(b, (uint8_t)p->relation);
        buf_f64(b, p->metres);
    }
}

static bool text_ok(const struct text *t, size_t max_bytes)
{
    return t->s == NULL ? t->len == 0 : t->len <= max_bytes;
}

static bool in_range(unsigned v, unsigned first, unsigned last)
{
    return v >= first && v <= last;
}

static bool time_ok(int64_t us)
{
    return us >= 0 && us <= TIME_LAST_US;
}

static bool claimed_ok(int64_t us)
{
    return us == TIME_ABSENT || time_ok(us);
}

static bool times_ok(const struct fact *f)
{
    return claimed_ok(f->fix_us) && claimed_ok(f->message_us) && claimed_ok(f->sent_us) && time_ok(f->received_us) &&
           time_ok(f->decided_us) && in_range(f->clock_state, CLOCK_SYNCHRONISED, CLOCK_SIMULATED) &&
           in_range(f->decided_by, TIME_FIX, TIME_ARRIVAL);
}

static bool judgement_ok(const struct judgement *j)
{
    return (j->day == INT32_MIN || (j->day >= 0 && j->day <= DAY_LAST)) && in_range(j->verdict, VERDICT_PENDING, VERDICT_NOT_EXPECTED) &&
           in_range(j->counts_as, 0, COUNTS_AS_PRESENCE) && in_range(j->place, PLACE_NONE, PLACE_DL) &&
           in_range(j->relation, RELATION_NONE, RELATION_UNCERTAIN) && j->session >= 0 && j->fence >= 0 && j->late_minutes >= 0 &&
           j->early_minutes >= 0 && text_ok(&j->session_code, FACT_TEXT_MAX) &&
           text_ok(&j->session_label, FACT_TEXT_MAX) && text_ok(&j->fence_name, FACT_TEXT_MAX) &&
           (!j->has_distance || isfinite(j->distance_m));
}

static bool position_ok(const struct fact *f)
{
    return isfinite(f->lat_deg) && fabs(f->lat_deg) <= 90 && isfinite(f->lon_deg) && fabs(f->lon_deg) <= 180 &&
           (!f->has_accuracy || (isfinite(f->accuracy_m) && f->accuracy_m >= 0)) &&
           (!f->has_altitude || isfinite(f->altitude_m));
}

static bool fact_ok(const struct fact *f)
{
    if (f->government < 0 || f->person < 0 || f->device < 0 || !in_range(f->channel, CHANNEL_NATIVE, CHANNEL_MAX) || !times_ok(f) || (f->flags >> FLAG_COUNT) != 0 || !position_ok(f) ||
        !text_ok(&f->note, FACT_NOTE_MAX) || !text_ok(&f->session_claimed, FACT_TEXT_MAX) ||
        !text_ok(&f->sender, FACT_TEXT_MAX) || !text_ok(&f->sender_user_id, FACT_TEXT_MAX) ||
        !text_ok(&f->external_id, FACT_TEXT_MAX) || !text_ok(&f->raw, FACT_RAW_MAX) || !judgement_ok(&f->first) ||
        f->placement_count > FACT_PLACEMENTS_MAX)
        return false;
    for (size_t i = 0; i < f->placement_count; i++)
        if (!in_range(f->placements[i].relation, RELATION_NONE, RELATION_UNCERTAIN) ||
            !isfinite(f->placements[i].metres))
            return false;
    return true;
}

bool fact_encode(const struct fact *f, struct buf *out)
{
    if (!fact_ok(f))
        return false;
    put_fact(out, f);
    return !out->failed;
}

/* One byte that is 0 or 1. */
static bool get_bool(struct reader *r)
{
    uint8_t v = reader_u8(r);
    if (v > 1)
        r->failed = true;
    return v == 1;
}

static int32_t get_i32(struct reader *r)
{
    return (int32_t)reader_u32(r);
}

static void get_bytes(struct reader *r, uint8_t *ret, size_t len)
{
    const uint8_t *p = reader_bytes(r, len);
    if (p != NULL)
        memcpy(ret, p, len);
}

static struct text get_text(struct reader *r)
{
    struct text t = {0};
    if (get_bool(r))
        t.s = (const char *)reader_blob(r, &t.len);
    return t;
}

/* The measure behind its presence byte; canonical: zero when absent. */
static double get_optional(struct reader *r, bool *ret_has)
{
    bool has = get_bool(r);
    double v = reader_f64(r);
    if (!has && (v != 0 || signbit(v)))
        r->failed = true;
    *ret_has = has;
    return v;
}

static void get_judgement(struct reader *r, struct judgement *j)
{
    j->verdict = (enum verdict)reader_u8(r);
    j->day = get_i32(r);
    j->session = reader_i64(r);
    j->session_code = get_text(r);
    j->session_label = get_text(r);
    j->counts_as = (enum counts_as)reader_u8(r);
    j->late_minutes = get_i32(r);
    j->early_minutes = get_i32(r);
    j->place = (enum place)reader_u8(r);
    j->fence = reader_i64(r);
    j->fence_name = get_text(r);
    j->relation = (enum relation)reader_u8(r);
    j->distance_m = get_optional(r, &j->has_distance);
}

static void get_times(struct reader *r, struct fact *f)
{
    f->fix_us = reader_i64(r);
    f->message_us = reader_i64(r);
    f->sent_us = reader_i64(r);
    f->received_us = reader_i64(r);
    f->clock_error_us = reader_u32(r);
    f->clock_state = (enum clock_state)reader_u8(r);
    f->clock_offset_us = reader_i64(r);
    f->decided_us = reader_i64(r);
    f->decided_by = (enum time_source)reader_u8(r);
}

static void get_position(struct reader *r, struct fact *f)
{
    f->lat_deg = reader_f64(r);
    f->lon_deg = reader_f64(r);
    f->accuracy_m = get_optional(r, &f->has_accuracy);
    f->altitude_m = get_optional(r, &f->has_altitude);
    f->flags = reader_u32(r);
    f->automatic = get_bool(r);
}

static void get_placements(struct reader *r, struct fact *f)
{
    size_t count = reader_u8(r);
    if (count > FACT_PLACEMENTS_MAX) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct placement *p = &f->placements[i];
        p->fence = reader_i64(r);
        p->fence_version = get_i32(r);
        p->relation = (enum relation)reader_u8(r);
        p->metres = reader_f64(r);
    }
    f->placement_count = count;
}

bool fact_decode(const void *bytes, size_t len, struct fact *ret)
{
    struct reader r;
    struct fact f;
    memset(&f, 0, sizeof f);
    reader_init(&r, bytes, len);
    if (reader_u8(&r) != FACT_VERSION)
        return false;
    get_bytes(&r, f.id, sizeof f.id);
    f.government = reader_i64(&r);
    f.person = reader_i64(&r);
    f.device = reader_i64(&r);
    f.channel = (enum channel)reader_u8(&r);
    get_bytes(&r, f.key, sizeof f.key);
    get_bytes(&r, f.body_hash, sizeof f.body_hash);
    get_bytes(&r, f.salt, sizeof f.salt);
    get_times(&r, &f);
    get_position(&r, &f);
    f.note = get_text(&r);
    f.session_claimed = get_text(&r);
    f.sender = get_text(&r);
    f.sender_user_id = get_text(&r);
    f.external_id = get_text(&r);
    f.raw = get_text(&r);
    f.directory_epoch = reader_i64(&r);
    f.directory_number = reader_i64(&r);
    get_judgement(&r, &f.first);
    get_placements(&r, &f);
    if (!reader_done(&r) || !fact_ok(&f))
        return false;
    *ret = f;
    return true;
}
