/* Collecting a directory file's rows, each checked as it comes.
 *
 * Place in the flow: the planner reads SQL's compiled plan row by row and hands it over; snapshot_write.c then sorts,
 * shares and writes. A row that the reader (image.c) would refuse is refused here already, so that a file once written is
 * always a valid one. Texts are kept once each. Nothing is sorted yet, but a pattern's sessions, which are put in order
 * of acceptance. One thread. */
#include "snapshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "rows.h"
#include "utf8.h"

#define TEXT_MAX_BYTES 1000
#define TEXTS_FIRST_SLOTS 1024
#define SESSIONS_MAX 64 /* a pattern */
#define PATTERN_FENCES_MAX 10000
#define MEMBERS_MAX 10000 /* a person */
#define HOMES_MAX 100

struct snapshot *snapshot_new(const struct snapshot_header *h)
{
    if (h->days < 1 || h->days > IMAGE_DAYS_MAX || h->first_day < 0 || h->first_day > IMAGE_DAY_MAX || h->epoch < 0 ||
        h->base_number < 0 || (h->is_delta ? h->number <= h->base_number : h->number != h->base_number) ||
        h->compiled_us < 0 || h->compiled_us > IMAGE_TIME_MAX_US)
        return NULL;
    struct snapshot *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->header = *h;
    struct buf *const all[] = {&s->persons, &s->members, &s->homes, &s->tokens, &s->numbers, &s->businesses, &s->slots,
                               &s->patterns, &s->sessions, &s->fence_ids, &s->fences, &s->shapes, &s->texts.bytes};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_init(all[i], ROWS_MAX_BYTES);
    return s;
}

void snapshot_free(struct snapshot *s)
{
    if (s == NULL)
        return;
    struct buf *const all[] = {&s->persons, &s->members, &s->homes, &s->tokens, &s->numbers, &s->businesses, &s->slots,
                               &s->patterns, &s->sessions, &s->fence_ids, &s->fences, &s->shapes, &s->texts.bytes};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_fini(all[i]);
    free(s->texts.slots);
    free(s);
}

/* ---- texts ---- */

static size_t text_hash(const void *s, size_t len)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        h = (h ^ ((const uint8_t *)s)[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ (h >> 32));
}

static bool texts_grow(struct texts *t)
{
    size_t count = t->slot_count == 0 ? TEXTS_FIRST_SLOTS : t->slot_count * 2;
    struct image_text *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < t->slot_count; i++) {
        struct image_text old = t->slots[i];
        if (old.len == 0)
            continue;
        size_t at = text_hash(t->bytes.data + old.offset, old.len) & (count - 1);
        while (slots[at].len != 0)
            at = (at + 1) & (count - 1);
        slots[at] = old;
    }
    free(t->slots);
    t->slots = slots;
    t->slot_count = count;
    return true;
}

static bool text_keep(struct texts *t, const char *s, struct image_text *ret)
{
    size_t len = s == NULL ? 0 : strlen(s);
    if (len > TEXT_MAX_BYTES || (len > 0 && !utf8_valid(s, len)))
        return false;
    if (len == 0) {
        *ret = (struct image_text){0, 0};
        return true;
    }
    if (t->used * 2 >= t->slot_count && !texts_grow(t))
        return false;
    size_t at = text_hash(s, len) & (t->slot_count - 1);
    for (; t->slots[at].len != 0; at = (at + 1) & (t->slot_count - 1))
        if (t->slots[at].len == len && memcmp(t->bytes.data + t->slots[at].offset, s, len) == 0) {
            *ret = t->slots[at];
            return true;
        }
    struct image_text fresh = {(uint32_t)t->bytes.len, (uint32_t)len};
    if (!buf_add(&t->bytes, s, len))
        return false;
    t->slots[at] = fresh;
    t->used++;
    *ret = fresh;
    return true;
}

/* ---- patterns ---- */

static bool time_ok(int64_t us)
{
    return us >= 0 && us <= IMAGE_TIME_MAX_US;
}

static bool session_ok(const struct snapshot_session *v)
{
    return v->code != NULL && v->code[0] != 0 && v->counts_as >= COUNTS_AS_IN && v->counts_as <= COUNTS_AS_PRESENCE &&
           time_ok(v->accept_from_us) && time_ok(v->accept_until_us) && v->accept_from_us <= v->accept_until_us &&
           time_ok(v->due_us) && time_ok(v->on_time_from_us) && time_ok(v->on_time_until_us);
}

static int by_acceptance(const void *a, const void *b)
{
    const struct image_pattern_session *x = a, *y = b;
    if (x->accept_from_us != y->accept_from_us)
        return x->accept_from_us < y->accept_from_us ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool sessions_keep(struct snapshot *s, const struct snapshot_session *sessions, size_t count)
{
    size_t start = s->sessions.len;
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_session *v = &sessions[i];
        if (!session_ok(v))
            return false;
        struct image_pattern_session row = {.id = v->id,
                                            .accept_from_us = v->accept_from_us,
                                            .accept_until_us = v->accept_until_us,
                                            .due_us = v->due_us,
                                            .on_time_from_us = v->on_time_from_us,
                                            .on_time_until_us = v->on_time_until_us,
                                            .counts_as = (uint8_t)v->counts_as};
        if (!text_keep(&s->texts, v->code, &row.code) || !text_keep(&s->texts, v->label, &row.label) ||
            !buf_add(&s->sessions, &row, sizeof row))
            return false;
    }
    if (count > 1)
        qsort(s->sessions.data + start, count, sizeof(struct image_pattern_session), by_acceptance);
    return true;
}

bool snapshot_pattern(struct snapshot *s, const struct snapshot_pattern *p)
{
    struct row_pattern row = {.id = p->id,
                              .fixed = {.starts_us = p->starts_us,
                                        .ends_us = p->ends_us,
                                        .accuracy_cap_m = p->accuracy_cap_m,
                                        .session_first = (uint32_t)rows_count(&s->sessions, sizeof(struct image_pattern_session)),
                                        .session_count = (uint32_t)p->session_count,
                                        .fence_first = (uint32_t)rows_count(&s->fence_ids, sizeof(int64_t)),
                                        .fence_count = (uint32_t)p->fence_count,
                                        .place = (uint8_t)p->place,
                                        .anywhere = p->anywhere}};
    if (p->id == 0 || !time_ok(p->starts_us) || !time_ok(p->ends_us) || p->starts_us >= p->ends_us ||
        !isfinite(p->accuracy_cap_m) || p->accuracy_cap_m < 0 || p->place > PLACE_DL || p->session_count > SESSIONS_MAX ||
        p->fence_count > PATTERN_FENCES_MAX)
        return false;
    for (int channel = 1; channel <= CHANNEL_MAX; channel++) {
        if (p->decides[channel] < TIME_FIX || p->decides[channel] > TIME_ARRIVAL)
            return false;
        row.fixed.decides[channel - 1] = (uint8_t)p->decides[channel];
    }
    return sessions_keep(s, p->sessions, p->session_count) &&
           buf_add(&s->fence_ids, p->fences, p->fence_count * sizeof(int64_t)) && buf_add(&s->patterns, &row, sizeof row);
}

static bool pair_ok(uint32_t pair)
{
    return pair >= 1 && pair <= IMAGE_PAIR_MAX;
}

bool snapshot_slot(struct snapshot *s, uint32_t pair, int32_t day, int64_t pattern_id)
{
    struct row_slot row = {.pair = pair, .day = day, .pattern = pattern_id};
    if (!pair_ok(pair) || day < s->header.first_day || day - s->header.first_day >= s->header.days || pattern_id == 0)
        return false;
    return buf_add(&s->slots, &row, sizeof row);
}

/* ---- people and their credentials ---- */

static bool members_keep(struct snapshot *s, const struct snapshot_member *members, size_t count)
{
    int32_t before = -1; /* last day of the membership before */
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_member *m = &members[i];
        struct image_member row = {.first_day = m->first_day, .last_day = m->last_day, .pair = m->pair};
        if (m->first_day <= before || m->last_day < m->first_day || m->last_day > IMAGE_DAY_MAX || !pair_ok(m->pair) ||
            !buf_add(&s->members, &row, sizeof row))
            return false;
        before = m->last_day;
    }
    return true;
}

bool snapshot_person(struct snapshot *s, int64_t person, int64_t government, const struct snapshot_member *members,
                     size_t member_count, const int64_t *homes, size_t home_count, bool removed)
{
    if (member_count > MEMBERS_MAX || home_count > HOMES_MAX || (removed && !s->header.is_delta))
        return false;
    struct row_person row = {.id = person,
                             .government = government,
                             .member_first = (uint32_t)rows_count(&s->members, sizeof(struct image_member)),
                             .home_first = (uint32_t)rows_count(&s->homes, sizeof(int64_t)),
                             .member_count = (uint16_t)(removed ? 0 : member_count),
                             .home_count = (uint16_t)(removed ? 0 : home_count),
                             .removed = removed};
    if (!removed && (!members_keep(s, members, member_count) || !buf_add(&s->homes, homes, home_count * sizeof(int64_t))))
        return false;
    return buf_add(&s->persons, &row, sizeof row);
}

bool snapshot_token(struct snapshot *s, const uint8_t token_hash[32], int kind, int64_t id, int64_t government,
                    int64_t person, enum channel channel, bool revoked, bool removed)
{
    bool device = kind == 1;
    if ((!device && kind != 2) || (unsigned)channel > CHANNEL_MAX || (device && channel == 0) ||
        (removed && !s->header.is_delta))
        return false;
    struct image_token row = {.id = id,
                              .government = government,
                              .person = person,
                              .kind = (uint8_t)kind,
                              .channel = (uint8_t)channel,
                              .revoked = revoked,
                              .removed = removed};
    memcpy(row.hash, token_hash, sizeof row.hash);
    return buf_add(&s->tokens, &row, sizeof row);
}

bool snapshot_number(struct snapshot *s, int64_t government, const char *number_or_user_id, bool is_user_id,
                     int64_t device, int64_t person, bool revoked, bool removed)
{
    if (number_or_user_id == NULL || number_or_user_id[0] == 0 || (removed && !s->header.is_delta))
        return false;
    struct image_number row = {.government = government,
                               .device = device,
                               .person = person,
                               .is_user_id = is_user_id,
                               .revoked = revoked,
                               .removed = removed};
    digest_sha256(number_or_user_id, strlen(number_or_user_id), row.hash);
    return buf_add(&s->numbers, &row, sizeof row);
}

bool snapshot_business(struct snapshot *s, const char *phone_number_id, int64_t government)
{
    struct image_business row = {.government = government};
    if (phone_number_id == NULL || phone_number_id[0] == 0)
        return false;
    return text_keep(&s->texts, phone_number_id, &row.phone_number_id) && buf_add(&s->businesses, &row, sizeof row);
}

/* ---- fences ---- */

bool snapshot_fence(struct snapshot *s, int64_t fence, int32_t version, int64_t government, enum fence_kind kind,
                    const char *name, bool shared, struct fence_shape shape, bool removed)
{
    if (kind < FENCE_OFFICE || kind > FENCE_AREA || (removed && !s->header.is_delta) ||
        (!removed && !fence_shape_valid(shape)))
        return false;
    struct image_fence row = {.id = fence,
                              .government = government,
                              .shape_offset = s->shapes.len,
                              .shape_len = removed ? 0 : (uint32_t)shape.len,
                              .version = version,
                              .kind = (uint8_t)kind,
                              .shared = shared && !removed,
                              .removed = removed};
    if (!text_keep(&s->texts, name, &row.name))
        return false;
    static const uint8_t zeros[8];
    return (removed || (buf_add(&s->shapes, shape.bytes, shape.len) &&
                        buf_add(&s->shapes, zeros, (8 - s->shapes.len % 8) % 8))) &&
           buf_add(&s->fences, &row, sizeof row);
}
