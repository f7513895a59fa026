/* Rows as SQL reads them. */
#include "merkle.h"
#include "receipt.h"
#include "record.h"
#include "row.h"
#include "test_ledger_fixture.h"
#include "unit.h"
#include "wall.h"

static struct buf payload, out;

/* Members in the order of their types in sql/migrations/0002_derivation.sql and 0006_ingest_rows.sql. */
static const char *const ROW[] = {
    "seq", "kind", "id", "government", "person", "device", "channel", "key", "body_hash", "salt", "fix_at", "message_at", "sent_at",
    "received_at", "clock_error_us", "clock_state", "clock_offset_us", "decided_at", "decided_by", "lat", "lon", "accuracy_m",
    "altitude_m", "flags", "automatic", "note", "session_claimed", "external_id", "sender", "sender_user_id", "raw",
    "directory_epoch", "directory_number", "first", "placements", "tree", "event_kind", "payload", "coordinates_sha256", NULL};
static const char *const FIRST[] = {"verdict", "day", "session", "session_code", "counts_as", "late_minutes", "early_minutes",
                                    "place", "fence", "relation", "distance_m", NULL};
static const char *const PLACEMENT[] = {"fence", "version", "relation", "metres", NULL};
static const char *const TREE[] = {"size", "index", "path", "root", "signature", "key", NULL};

struct record {
    const char *const *names;
    struct piece members[64];
};

static struct record record(struct piece bytes, const char *const *names)
{
    struct record r = {.names = names};
    size_t count = 0;
    while (names[count] != NULL)
        count++;
    ck_assert_uint_eq(record_members(bytes, r.members, 64), count);
    return r;
}

static struct piece member(const struct record *r, const char *name)
{
    for (size_t i = 0; r->names[i] != NULL; i++)
        if (strcmp(r->names[i], name) == 0)
            return r->members[i];
    ck_abort_msg("no member %s", name);
}

/* What row_write or row_write_unreadable appended to out. */
static struct record written(void)
{
    size_t at = 0;
    struct piece element;
    ck_assert(piece_take((struct piece){out.data, out.len}, &at, &element));
    ck_assert_uint_eq(at, out.len);
    return record(element, ROW);
}

static struct record write_row(struct spool_row *row)
{
    row->payload = payload.data;
    row->payload_len = payload.len;
    buf_init(&out, 1 << 20);
    ck_assert(row_write(row, &out));
    return written();
}

static void done(void)
{
    buf_fini(&out);
    buf_fini(&payload);
}

static void is_text(const struct record *r, const char *name, const char *expected)
{
    struct piece m = member(r, name);
    if (expected == NULL) {
        ck_assert_msg(m.data == NULL, "%s is not null", name);
        return;
    }
    ck_assert_msg(m.data != NULL, "%s is null", name);
    ck_assert_msg(m.len == strlen(expected) && memcmp(m.data, expected, m.len) == 0, "%s is %.*s", name, (int)m.len, m.data);
}

static void is_null(const struct record *r, const char *name)
{
    is_text(r, name, NULL);
}

static void is_int(const struct record *r, const char *name, int64_t expected)
{
    struct piece m = member(r, name);
    ck_assert_msg(m.len == 8 || m.len == 4, "%s has %zu bytes", name, m.len);
    int64_t v = m.len == 8 ? (int64_t)be(m.data, 8) : (int32_t)be(m.data, 4);
    ck_assert_msg(v == expected, "%s is %lld", name, (long long)v);
}

/* Microseconds since 1970 as RFC 3339. */
static void is_time(const struct record *r, const char *name, const char *expected)
{
    char text[40];
    struct piece m = member(r, name);
    ck_assert_msg(m.len == 8, "%s has %zu bytes", name, m.len);
    wall_format_rfc3339(text, sizeof text, (int64_t)be(m.data, 8) + INT64_C(946684800) * US_PER_S, 0);
    ck_assert_str_eq(text, expected);
}

static void is_real(const struct record *r, const char *name, double expected)
{
    uint64_t bits;
    struct piece m = member(r, name);
    memcpy(&bits, &expected, sizeof bits);
    ck_assert_msg(m.len == 8 && be(m.data, 8) == bits, "%s differs", name);
}

START_TEST(a_checkin_has_every_member)
{
    struct fact f;
    uint8_t path[64], hash[32];
    char hex[65];
    memset(path, 0xab, sizeof path);
    struct spool_row row = {.seq = 41, .kind = SPOOL_CHECKIN, .received_us = FIXTURE_AT_US,
                            .proof = {.tree_size = 3, .tree_index = 2, .path = path, .path_steps = 2}};
    snprintf(row.proof.key_id, sizeof row.proof.key_id, "00112233aabbccdd");
    fixture_fact(&f, 7, 0);
    buf_init(&payload, 65536);
    ck_assert(fact_encode(&f, &payload));
    const struct record r = write_row(&row), *o = &r;
    is_int(o, "seq", 41);
    is_text(o, "kind", "checkin");
    ck_assert_mem_eq(member(o, "id").data, f.id, 16);
    is_int(o, "government", 1);
    is_int(o, "person", 107);
    is_int(o, "device", 7);
    is_text(o, "channel", "native");
    is_text(o, "key", encode_hex(hex, sizeof hex, f.key, 16));
    is_text(o, "body_hash", encode_hex(hex, sizeof hex, f.body_hash, 32));
    is_text(o, "salt", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
    is_time(o, "fix_at", "2025-12-28T23:09:58.123456Z");
    is_text(o, "message_at", NULL);
    is_time(o, "sent_at", "2025-12-28T23:09:59.123456Z");
    is_time(o, "received_at", "2025-12-28T23:10:00.123456Z");
    is_int(o, "clock_error_us", 900);
    is_text(o, "clock_state", clock_state_name(CLOCK_SYNCHRONISED));
    is_int(o, "clock_offset_us", 0);
    is_time(o, "decided_at", "2025-12-28T23:09:59.123456Z");
    is_text(o, "decided_by", "fix");
    is_real(o, "lat", f.lat_deg);
    is_real(o, "lon", f.lon_deg);
    is_real(o, "accuracy_m", 8.5);
    is_text(o, "altitude_m", NULL);
    receipt_coordinates_hash(&f, hash);
    is_text(o, "coordinates_sha256", encode_hex(hex, sizeof hex, hash, 32));
    struct piece elements[8];
    size_t count;
    ck_assert(array_elements(member(o, "flags"), elements, 8, &count));
    ck_assert_uint_eq(count, 2);
    ck_assert_mem_eq(elements[0].data, flag_name(2), strlen(flag_name(2)));
    ck_assert_uint_eq(member(o, "automatic").len, 1);
    is_text(o, "note", NULL);
    is_text(o, "raw", "{\"lat\":-2.55}");
    is_int(o, "directory_epoch", 3);
    is_int(o, "directory_number", 17);
    const struct record f1 = record(member(o, "first"), FIRST), *first = &f1, t1 = record(member(o, "tree"), TREE), *tree = &t1;
    is_text(first, "verdict", verdict_name(VERDICT_ON_TIME));
    is_int(first, "day", 9494); /* 2025-12-29 since 2000 */
    is_int(first, "session", 5);
    is_text(first, "session_code", "pagi");
    is_text(first, "counts_as", "in");
    is_int(first, "late_minutes", 0);
    is_text(first, "place", "WFO");
    is_int(first, "fence", 9);
    is_text(first, "relation", "inside");
    is_real(first, "distance_m", -12.25);
    ck_assert(array_elements(member(o, "placements"), elements, 8, &count) && count > 0);
    const struct record p1 = record(elements[0], PLACEMENT), *placement = &p1;
    is_int(placement, "fence", 9);
    is_int(placement, "version", 2);
    is_text(placement, "relation", "inside");
    is_real(placement, "metres", -12.25);
    is_int(tree, "size", 3);
    is_int(tree, "index", 2);
    ck_assert_uint_eq(member(tree, "path").len, 128);
    is_text(tree, "key", "00112233aabbccdd");
    done();
}
END_TEST

START_TEST(a_fence_is_told_once)
{
    struct fact f;
    struct piece elements[8];
    size_t count = 0;
    struct spool_row row = {.seq = 1, .kind = SPOOL_CHECKIN};
    fixture_fact(&f, 7, 0);
    f.placements[1] = f.placements[2] = f.placements[0];
    f.placements[1].relation = RELATION_OUTSIDE;
    f.placements[2].fence_version++;
    f.placement_count = 3;
    buf_init(&payload, 65536);
    ck_assert(fact_encode(&f, &payload));
    const struct record r = write_row(&row), *o = &r;
    ck_assert(array_elements(member(o, "placements"), elements, 8, &count));
    ck_assert_uint_eq(count, 2);
    const struct record p1 = record(elements[0], PLACEMENT), p2 = record(elements[1], PLACEMENT), *first = &p1, *second = &p2;
    is_text(first, "relation", "inside");
    is_int(second, "version", 3);
    done();
}
END_TEST

START_TEST(absent_things_are_null)
{
    struct fact f;
    struct spool_row row = {.seq = 1, .kind = SPOOL_UNATTRIBUTED};
    fixture_fact(&f, 0, 0);
    f.person = 0;
    f.fix_us = f.sent_us = TIME_ABSENT;
    f.clock_error_us = UINT32_MAX;
    f.has_accuracy = false;
    f.accuracy_m = 0;
    f.flags = 0;
    f.raw = (struct text){0};
    f.sender = fixture_text("6281200000001");
    f.first = (struct judgement){.day = INT32_MIN};
    f.placement_count = 0;
    buf_init(&payload, 65536);
    ck_assert(fact_encode(&f, &payload));
    const struct record r = write_row(&row), *o = &r;
    is_text(o, "kind", "unattributed");
    is_text(o, "fix_at", NULL);
    is_text(o, "clock_error_us", NULL);
    is_text(o, "accuracy_m", NULL);
    is_text(o, "raw", NULL);
    is_text(o, "sender", "6281200000001");
    is_text(o, "tree", NULL);
    struct piece none;
    size_t count;
    ck_assert(array_elements(member(o, "flags"), &none, 1, &count) && count == 0);
    const struct record f1 = record(member(o, "first"), FIRST), *first = &f1;
    is_text(first, "verdict", verdict_name(VERDICT_PENDING));
    is_text(first, "day", NULL);
    is_text(first, "session", NULL);
    is_text(first, "counts_as", NULL);
    is_text(first, "place", NULL);
    is_text(first, "fence", NULL);
    is_text(first, "distance_m", NULL);
    done();
}
END_TEST

/* PostgreSQL refuses NUL and bad UTF-8: a client's text must not make a row poisonous. */
START_TEST(hostile_text_stays_readable)
{
    struct fact f;
    struct spool_row row = {.seq = 1, .kind = SPOOL_CHECKIN};
    fixture_fact(&f, 7, 0);
    f.raw = (struct text){"a\0b\xff\xed\xa0\x80\"\\\n", 10};
    f.external_id = (struct text){"\xc3", 1}; /* cut in the middle of a character */
    buf_init(&payload, 65536);
    ck_assert(fact_encode(&f, &payload));
    const struct record r = write_row(&row), *o = &r;
    is_text(o, "raw", "a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\\\n");
    is_text(o, "external_id", "\xef\xbf\xbd");
    done();
}
END_TEST

START_TEST(an_event_keeps_its_payload)
{
    struct spool_row row = {.seq = 9, .kind = SPOOL_EVENT, .received_us = FIXTURE_AT_US};
    buf_init(&payload, 65536);
    buf_puts(&payload, "{\"government\":1,\"kind\":\"status\",\"received_at\":\"2025-12-28T23:10:00Z\","
                       "\"payload\":{\"id\":\"wamid.X\",\"status\":\"read\"}}");
    const struct record r = write_row(&row), *o = &r;
    is_int(o, "seq", 9);
    is_text(o, "kind", "event");
    is_text(o, "event_kind", "status");
    is_int(o, "government", 1);
    is_time(o, "received_at", "2025-12-28T23:10:00.123456Z");
    is_text(o, "payload", "\x01{\"id\":\"wamid.X\",\"status\":\"read\"}");
    is_null(o, "id");
    is_null(o, "first");
    done();
}
END_TEST

START_TEST(what_cannot_be_decoded_has_an_outline)
{
    struct spool_row row = {.seq = 9, .kind = SPOOL_CHECKIN, .received_us = FIXTURE_AT_US,
                            .payload = (const uint8_t *)"\x09nonsense", .payload_len = 9};
    buf_init(&out, 1 << 20);
    ck_assert(!row_write(&row, &out));
    row.kind = SPOOL_EVENT;
    ck_assert(!row_write(&row, &out));
    buf_clear(&out);
    row_write_unreadable(&row, &out);
    const struct record r = written();
    is_int(&r, "seq", 9);
    ck_assert_uint_eq(be(member(&r, "id").data, 8), 0);
    is_time(&r, "received_at", "2025-12-28T23:10:00.123456Z");
    is_null(&r, "coordinates_sha256");
    const int64_t rotten[] = {INT64_MAX, INT64_MIN, INT64_MIN + 1, -1};
    for (size_t i = 0; i < sizeof rotten / sizeof rotten[0]; i++) {
        row.received_us = rotten[i];
        buf_clear(&out);
        row_write_unreadable(&row, &out);
        const struct record bare = written();
        is_null(&bare, "received_at");
    }
    done();
}
END_TEST

UNIT_MAIN("ledger/row", a_checkin_has_every_member, a_fence_is_told_once, absent_things_are_null, hostile_text_stays_readable,
          an_event_keeps_its_payload, what_cannot_be_decoded_has_an_outline)
