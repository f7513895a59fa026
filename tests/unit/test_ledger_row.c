/* Rows as SQL reads them. */
#include "json.h"
#include "merkle.h"
#include "receipt.h"
#include "row.h"
#include "test_ledger_fixture.h"
#include "unit.h"

static struct buf payload, out;
static struct json_doc *doc;

static const json_value *write_row(struct spool_row *row)
{
    struct json_error e;
    row->payload = payload.data;
    row->payload_len = payload.len;
    buf_init(&out, 1 << 20);
    ck_assert(row_write(row, &out));
    doc = json_parse(out.data, out.len, 16, &e);
    ck_assert_msg(doc != NULL, "%s at %zu", e.reason, e.offset);
    return json_root(doc);
}

static void done(void)
{
    json_doc_free(doc);
    buf_fini(&out);
    buf_fini(&payload);
}

static void is_text(const json_value *o, const char *name, const char *expected)
{
    struct text t;
    const json_value *v = json_member(o, name);
    ck_assert_msg(v != NULL, "%s is missing", name);
    if (expected == NULL) {
        ck_assert_msg(json_kind_of(v) == JSON_KIND_NULL, "%s is not null", name);
        return;
    }
    ck_assert_msg(json_get_string(v, &t), "%s is no text", name);
    ck_assert_msg(t.len == strlen(expected) && memcmp(t.s, expected, t.len) == 0, "%s is %.*s", name, (int)t.len, t.s);
}

static void is_int(const json_value *o, const char *name, int64_t expected)
{
    int64_t v = 0;
    ck_assert_msg(json_get_int(json_member(o, name), &v), "%s is no number", name);
    ck_assert_msg(v == expected, "%s is %lld", name, (long long)v);
}

static void is_real(const json_value *o, const char *name, double expected)
{
    double v = 0;
    ck_assert_msg(json_get_real(json_member(o, name), &v), "%s is no number", name);
    ck_assert_msg(memcmp(&v, &expected, sizeof v) == 0, "%s is %.17g", name, v);
}

START_TEST(a_checkin_has_every_member)
{
    struct fact f;
    uint8_t path[64], hash[32];
    char hex[65], id[37];
    memset(path, 0xab, sizeof path);
    struct spool_row row = {.seq = 41, .kind = SPOOL_CHECKIN, .received_us = FIXTURE_AT_US,
                            .proof = {.tree_size = 3, .tree_index = 2, .path = path, .path_steps = 2}};
    snprintf(row.proof.key_id, sizeof row.proof.key_id, "00112233aabbccdd");
    fixture_fact(&f, 7, 0);
    buf_init(&payload, 65536);
    ck_assert(fact_encode(&f, &payload));
    const json_value *o = write_row(&row);
    is_int(o, "seq", 41);
    is_text(o, "kind", "checkin");
    is_text(o, "id", encode_uuid(id, f.id));
    is_int(o, "government", 1);
    is_int(o, "person", 107);
    is_int(o, "device", 7);
    is_text(o, "channel", "native");
    is_text(o, "key", encode_hex(hex, sizeof hex, f.key, 16));
    is_text(o, "body_hash", encode_hex(hex, sizeof hex, f.body_hash, 32));
    is_text(o, "salt", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
    is_text(o, "fix_at", "2025-12-28T23:09:58.123456Z");
    is_text(o, "message_at", NULL);
    is_text(o, "sent_at", "2025-12-28T23:09:59.123456Z");
    is_text(o, "received_at", "2025-12-28T23:10:00.123456Z");
    is_int(o, "clock_error_us", 900);
    is_text(o, "clock_state", clock_state_name(CLOCK_SYNCHRONISED));
    is_int(o, "clock_offset_us", 0);
    is_text(o, "decided_at", "2025-12-28T23:09:59.123456Z");
    is_text(o, "decided_by", "fix");
    is_real(o, "lat", f.lat_deg);
    is_real(o, "lon", f.lon_deg);
    is_real(o, "accuracy_m", 8.5);
    is_text(o, "altitude_m", NULL);
    receipt_coordinates_hash(&f, hash);
    is_text(o, "coordinates_sha256", encode_hex(hex, sizeof hex, hash, 32));
    const json_value *flags = json_member(o, "flags");
    ck_assert_uint_eq(json_count(flags), 2);
    struct text t;
    ck_assert(json_get_string(json_at(flags, 0), &t));
    ck_assert_str_eq(t.s, flag_name(2));
    ck_assert_int_eq(json_kind_of(json_member(o, "automatic")), JSON_KIND_BOOL);
    is_text(o, "note", NULL);
    is_text(o, "raw", "{\"lat\":-2.55}");
    is_int(o, "directory_epoch", 3);
    is_int(o, "directory_number", 17);
    const json_value *first = json_member(o, "first"), *tree = json_member(o, "tree");
    is_text(first, "verdict", verdict_name(VERDICT_ON_TIME));
    is_text(first, "day", "2025-12-29");
    is_int(first, "session", 5);
    is_text(first, "session_code", "pagi");
    is_text(first, "counts_as", "in");
    is_int(first, "late_minutes", 0);
    is_text(first, "place", "WFO");
    is_int(first, "fence", 9);
    is_text(first, "relation", "inside");
    is_real(first, "distance_m", -12.25);
    const json_value *placement = json_at(json_member(o, "placements"), 0);
    is_int(placement, "fence", 9);
    is_int(placement, "version", 2);
    is_text(placement, "relation", "inside");
    is_real(placement, "metres", -12.25);
    is_int(tree, "size", 3);
    is_int(tree, "index", 2);
    ck_assert(json_get_string(json_member(tree, "path"), &t));
    ck_assert_uint_eq(t.len, 128);
    is_text(tree, "key", "00112233aabbccdd");
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
    const json_value *o = write_row(&row);
    is_text(o, "kind", "unattributed");
    is_text(o, "fix_at", NULL);
    is_text(o, "clock_error_us", NULL);
    is_text(o, "accuracy_m", NULL);
    is_text(o, "raw", NULL);
    is_text(o, "sender", "6281200000001");
    is_text(o, "tree", NULL);
    ck_assert_uint_eq(json_count(json_member(o, "flags")), 0);
    const json_value *first = json_member(o, "first");
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

/* jsonb refuses NUL and PostgreSQL refuses bad UTF-8: a client's text must not make a row poisonous. */
START_TEST(hostile_text_stays_readable)
{
    struct fact f;
    struct spool_row row = {.seq = 1, .kind = SPOOL_CHECKIN};
    fixture_fact(&f, 7, 0);
    f.raw = (struct text){"a\0b\xff\xed\xa0\x80\"\\\n", 10};
    f.external_id = (struct text){"\xc3", 1}; /* cut in the middle of a character */
    buf_init(&payload, 65536);
    ck_assert(fact_encode(&f, &payload));
    const json_value *o = write_row(&row);
    struct text t;
    ck_assert(json_get_string(json_member(o, "raw"), &t));
    ck_assert_ptr_null(memchr(t.s, 0, t.len));
    ck_assert_ptr_null(memmem(out.data, out.len, "\\u0000", 6));
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
    const json_value *o = write_row(&row);
    is_int(o, "seq", 9);
    is_text(o, "kind", "event");
    is_text(o, "event_kind", "status");
    is_int(o, "government", 1);
    is_text(o, "received_at", "2025-12-28T23:10:00.123456Z");
    is_text(json_member(o, "payload"), "status", "read");
    done();
}
END_TEST

START_TEST(what_cannot_be_decoded_has_an_outline)
{
    struct spool_row row = {.seq = 9, .kind = SPOOL_CHECKIN, .received_us = FIXTURE_AT_US,
                            .payload = (const uint8_t *)"\x09nonsense", .payload_len = 9};
    struct json_error e;
    buf_init(&out, 1 << 20);
    ck_assert(!row_write(&row, &out));
    row.kind = SPOOL_EVENT;
    ck_assert(!row_write(&row, &out));
    buf_clear(&out);
    row_write_unreadable(&row, &out);
    doc = json_parse(out.data, out.len, 4, &e);
    ck_assert_ptr_nonnull(doc);
    is_int(json_root(doc), "seq", 9);
    is_text(json_root(doc), "id", "00000000-0000-0000-0000-000000000000");
    is_text(json_root(doc), "received_at", "2025-12-28T23:10:00.123456Z");
    done();
}
END_TEST

UNIT_MAIN("ledger/row", a_checkin_has_every_member, absent_things_are_null, hostile_text_stays_readable,
          an_event_keeps_its_payload, what_cannot_be_decoded_has_an_outline)
