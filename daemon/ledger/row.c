/* From the spool's bytes to the row that SQL reads: hadir.spool_row in PostgreSQL's binary form, member by member in the
 * type's order (sql/migrations/0002 and 0006).
 *
 * Part of the way spool → PostgreSQL (ingest.c). A record is the number of its members, then each member's type, length
 * and bytes, all big-endian; a length of -1 is null. Types of our own have other numbers in every database: PostgreSQL
 * takes any number above its own for them, and for what is null.
 * What is written can be read, whatever the client's texts hold: bytes that are no UTF-8 and NULs are replaced, a time that
 * PostgreSQL cannot hold is null. Holds no state, reads no clock.
 */
#include "row.h"

#include <string.h>

#include "digest.h"
#include "fact.h"
#include "json.h"
#include "receipt.h"
#include "utf8.h"
#include "wall.h"

/* PostgreSQL's numbers for its own types (pg_type.dat: fixed for ever), and one that is none of them. */
enum { BOOL = 16, INT8 = 20, INT4 = 23, TEXT = 25, FLOAT8 = 701, TEXTS = 1009, DATE = 1082, TIMESTAMPTZ = 1184, UUID = 2950,
       JSONB = 3802, OURS = 1u << 30 };
#define ROW_MEMBERS 39
#define FIRST_MEMBERS 11
#define PLACEMENT_MEMBERS 4
#define TREE_MEMBERS 6
#define NULL_LEN UINT32_MAX
#define REPLACEMENT "\xef\xbf\xbd"
/* PostgreSQL counts from 2000-01-01. */
#define EPOCH_DAYS 10957
#define EPOCH_US (INT64_C(86400) * EPOCH_DAYS * US_PER_S)
#define TIME_MAX_US (INT64_C(9223371331200) * US_PER_S) /* 294276 */

static void put_be32(struct buf *b, uint32_t v)
{
    const uint8_t bytes[] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_add(b, bytes, sizeof bytes);
}

static void put_be64(struct buf *b, uint64_t v)
{
    put_be32(b, (uint32_t)(v >> 32));
    put_be32(b, (uint32_t)v);
}

static void put_nulls(struct buf *b, unsigned n)
{
    for (; n > 0; n--) {
        put_be32(b, OURS);
        put_be32(b, NULL_LEN);
    }
}

/* A member whose length is known when it is written: its end is told to member_end. */
static size_t member(struct buf *b, uint32_t type)
{
    put_be32(b, type);
    put_be32(b, 0);
    return b->len;
}

static void member_end(struct buf *b, size_t at)
{
    if (b->failed)
        return;
    uint32_t len = (uint32_t)(b->len - at);
    for (int i = 0; i < 4; i++)
        b->data[at - 4 + (size_t)i] = (uint8_t)(len >> (24 - 8 * i));
}

static void put_int(struct buf *b, int64_t v)
{
    put_be32(b, INT8);
    put_be32(b, 8);
    put_be64(b, (uint64_t)v);
}

static void put_int4(struct buf *b, uint32_t type, int32_t v)
{
    put_be32(b, type);
    put_be32(b, 4);
    put_be32(b, (uint32_t)v);
}

/* A reference: 0 means none. */
static void put_ref(struct buf *b, int64_t v)
{
    if (v == 0)
        put_nulls(b, 1);
    else
        put_int(b, v);
}

static void put_measure(struct buf *b, bool has, double v)
{
    uint64_t bits;
    if (!has) {
        put_nulls(b, 1);
        return;
    }
    memcpy(&bits, &v, sizeof bits);
    put_be32(b, FLOAT8);
    put_be32(b, 8);
    put_be64(b, bits);
}

static void put_bool(struct buf *b, bool v)
{
    put_be32(b, BOOL);
    put_be32(b, 1);
    buf_putc(b, v);
}

static void put_time(struct buf *b, int64_t us)
{
    if (us < 0 || us >= TIME_MAX_US) { /* TIME_ABSENT, and what no fact holds (fact.c) but a rotten row of the spool may */
        put_nulls(b, 1);
        return;
    }
    put_be32(b, TIMESTAMPTZ);
    put_be32(b, 8);
    put_be64(b, (uint64_t)(us - EPOCH_US));
}

static void put_uuid(struct buf *b, const uint8_t id[16])
{
    put_be32(b, UUID);
    put_be32(b, 16);
    buf_add(b, id, 16);
}

/* What is no UTF-8, or NUL, replaced. */
static void put_utf8(struct buf *b, const char *s, size_t len)
{
    if (utf8_valid(s, len)) {
        buf_add(b, s, len);
        return;
    }
    for (size_t at = 0, n; at < len; at += n == 0 ? 1 : n) {
        uint32_t c = 0;
        n = utf8_next(s + at, len - at, &c);
        buf_add(b, n == 0 || c == 0 ? REPLACEMENT : s + at, n == 0 || c == 0 ? 3 : n);
    }
}

static void put_text(struct buf *b, struct text t)
{
    if (t.s == NULL) {
        put_nulls(b, 1);
        return;
    }
    size_t at = member(b, TEXT);
    put_utf8(b, t.s, t.len);
    member_end(b, at);
}

/* An absent word is null, not "". */
static void put_word(struct buf *b, const char *word)
{
    put_text(b, (struct text){.s = word[0] == '\0' ? NULL : word, .len = strlen(word)});
}

static void put_hex(struct buf *b, const void *bytes, size_t len)
{
    char hex[MERKLE_PATH_MAX * SHA256_BYTES * 2 + 1];
    put_be32(b, TEXT);
    put_be32(b, (uint32_t)(2 * len));
    buf_add(b, encode_hex(hex, sizeof hex, bytes, len), 2 * len);
}

/* An array's head; its elements (length, bytes) follow. */
static void put_array(struct buf *b, uint32_t type, uint32_t count)
{
    put_be32(b, count == 0 ? 0 : 1); /* dimensions */
    put_be32(b, 0);
    put_be32(b, type);
    if (count > 0) {
        put_be32(b, count);
        put_be32(b, 1); /* the first has number 1 */
    }
}

static void put_identity(struct buf *b, const struct fact *f)
{
    put_uuid(b, f->id);
    put_int(b, f->government);
    put_int(b, f->person);
    put_int(b, f->device);
    put_word(b, channel_name(f->channel));
    put_hex(b, f->key, sizeof f->key);
    put_hex(b, f->body_hash, sizeof f->body_hash);
    put_hex(b, f->salt, sizeof f->salt);
}

static void put_times(struct buf *b, const struct fact *f)
{
    put_time(b, f->fix_us);
    put_time(b, f->message_us);
    put_time(b, f->sent_us);
    put_time(b, f->received_us);
    if (f->clock_error_us == UINT32_MAX)
        put_nulls(b, 1);
    else
        put_int(b, f->clock_error_us);
    put_word(b, clock_state_name(f->clock_state));
    put_int(b, f->clock_offset_us);
    put_time(b, f->decided_us);
    put_word(b, time_source_name(f->decided_by));
}

static void put_flags(struct buf *b, uint32_t flags)
{
    size_t at = member(b, TEXTS);
    put_array(b, TEXT, (uint32_t)__builtin_popcount(flags));
    for (unsigned bit = 0; bit < FLAG_COUNT; bit++) {
        if ((flags >> bit & 1u) == 0)
            continue;
        const char *name = flag_name(bit);
        put_be32(b, (uint32_t)strlen(name));
        buf_puts(b, name);
    }
    member_end(b, at);
}

static void put_position(struct buf *b, const struct fact *f)
{
    put_measure(b, true, f->lat_deg);
    put_measure(b, true, f->lon_deg);
    put_measure(b, f->has_accuracy, f->accuracy_m);
    put_measure(b, f->has_altitude, f->altitude_m);
    put_flags(b, f->flags & ((1u << FLAG_COUNT) - 1));
    put_bool(b, f->automatic);
}

static void put_words(struct buf *b, const struct fact *f)
{
    put_text(b, f->note);
    put_text(b, f->session_claimed);
    put_text(b, f->external_id);
    put_text(b, f->sender);
    put_text(b, f->sender_user_id);
    put_text(b, f->raw);
}

static void put_first(struct buf *b, const struct judgement *j)
{
    size_t at = member(b, OURS);
    put_be32(b, FIRST_MEMBERS);
    put_word(b, verdict_name(j->verdict));
    if (j->day == INT32_MIN)
        put_nulls(b, 1);
    else
        put_int4(b, DATE, (int32_t)((uint32_t)j->day - EPOCH_DAYS));
    put_ref(b, j->session);
    put_text(b, j->session_code);
    put_word(b, counts_as_name(j->counts_as));
    put_int4(b, INT4, j->late_minutes);
    put_int4(b, INT4, j->early_minutes);
    put_word(b, place_name(j->place));
    put_ref(b, j->fence);
    put_word(b, relation_name(j->relation));
    put_measure(b, j->has_distance, j->distance_m);
    member_end(b, at);
}

/* The database keeps one placement of a check-in in a fence's version: the first. */
static bool is_repeated(const struct fact *f, size_t i)
{
    const struct placement *p = f->placements;
    for (size_t j = 0; j < i; j++)
        if (p[j].fence == p[i].fence && p[j].fence_version == p[i].fence_version)
            return true;
    return false;
}

static void put_placements(struct buf *b, const struct fact *f)
{
    size_t at = member(b, OURS);
    uint32_t repeated = 0;
    for (size_t i = 0; i < f->placement_count; i++)
        repeated += is_repeated(f, i);
    put_array(b, OURS, (uint32_t)f->placement_count - repeated);
    for (size_t i = 0; i < f->placement_count; i++) {
        const struct placement *p = &f->placements[i];
        if (is_repeated(f, i))
            continue;
        put_be32(b, 0);
        size_t element = b->len;
        put_be32(b, PLACEMENT_MEMBERS);
        put_int(b, p->fence);
        put_int4(b, INT4, p->fence_version);
        put_word(b, relation_name(p->relation));
        put_measure(b, true, p->metres);
        member_end(b, element);
    }
    member_end(b, at);
}

static void put_tree(struct buf *b, const struct spool_proof *p)
{
    if (p->tree_size == 0) {
        put_nulls(b, 1);
        return;
    }
    size_t at = member(b, OURS);
    put_be32(b, TREE_MEMBERS);
    put_int(b, (int64_t)p->tree_size);
    put_int(b, (int64_t)p->tree_index);
    put_hex(b, p->path, p->path_steps * SHA256_BYTES);
    put_hex(b, p->root, sizeof p->root);
    put_hex(b, p->signature, sizeof p->signature);
    put_word(b, p->key_id);
    member_end(b, at);
}

static bool write_fact(const struct spool_row *row, struct buf *b)
{
    struct fact f;
    uint8_t hash[SHA256_BYTES];
    if (!fact_decode(row->payload, row->payload_len, &f))
        return false;
    put_word(b, row->kind == SPOOL_CHECKIN ? "checkin" : "unattributed");
    put_identity(b, &f);
    put_times(b, &f);
    put_position(b, &f);
    put_words(b, &f);
    put_int(b, f.directory_epoch);
    put_int(b, f.directory_number);
    put_first(b, &f.first);
    put_placements(b, &f);
    put_tree(b, &row->proof);
    put_nulls(b, 2); /* event_kind, payload */
    receipt_coordinates_hash(&f, hash);
    put_hex(b, hash, sizeof hash);
    return true;
}

/* From id to received_at: of an event and of an outline. */
static void put_outline(struct buf *b, const uint8_t *id, int64_t government, int64_t received_us)
{
    if (id == NULL)
        put_nulls(b, 1);
    else
        put_uuid(b, id);
    put_ref(b, government);
    put_nulls(b, 9);
    put_time(b, received_us);
}

/* The event as the door wrote it, its "kind" as event_kind: a row has a kind of its own. */
static bool write_event(const struct spool_row *row, struct buf *b)
{
    struct json_error error;
    struct text kind = {0};
    int64_t government = 0;
    struct json_doc *doc = json_parse(row->payload, row->payload_len, 64, &error);
    if (doc == NULL)
        return false;
    const json_value *root = json_root(doc), *payload = json_member(root, "payload");
    bool ok = json_get_int(json_member(root, "government"), &government) &&
              json_get_string(json_member(root, "kind"), &kind) && payload != NULL;
    if (ok) {
        put_word(b, "event");
        put_outline(b, NULL, government, row->received_us);
        put_nulls(b, 22);
        put_text(b, kind);
        size_t at = member(b, JSONB);
        buf_putc(b, 1); /* of jsonb's binary form, which is text */
        ok = json_dump(payload, b);
        member_end(b, at);
        put_nulls(b, 1);
    }
    json_doc_free(doc);
    return ok;
}

static size_t begin_row(struct buf *b, int64_t seq)
{
    put_be32(b, 0);
    size_t at = b->len;
    put_be32(b, ROW_MEMBERS);
    put_int(b, seq);
    return at;
}

bool row_write(const struct spool_row *row, struct buf *out)
{
    size_t at = begin_row(out, row->seq);
    bool ok = row->kind == SPOOL_EVENT ? write_event(row, out) : write_fact(row, out);
    member_end(out, at);
    return ok && !out->failed;
}

void row_write_unreadable(const struct spool_row *row, struct buf *out)
{
    size_t at = begin_row(out, row->seq);
    put_word(out, "checkin");
    put_outline(out, row->id, 0, row->received_us);
    put_nulls(out, ROW_MEMBERS - 14);
    member_end(out, at);
}

void row_array(struct buf *out, size_t count)
{
    put_array(out, OURS, (uint32_t)count);
}
