/* The encoding of facts: round trip, and nothing malformed accepted. */
#include "fact.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct text text(const char *s)
{
    return (struct text){.s = s, .len = strlen(s)};
}

static struct fact sample(void)
{
    struct fact f;
    memset(&f, 0, sizeof f);
    memset(f.id, 1, sizeof f.id);
    memset(f.key, 2, sizeof f.key);
    memset(f.body_hash, 3, sizeof f.body_hash);
    memset(f.salt, 4, sizeof f.salt);
    f.government = 1, f.person = 77, f.device = 3;
    f.channel = CHANNEL_WHATSAPP;
    f.fix_us = TIME_ABSENT, f.message_us = 1766963400000000, f.sent_us = TIME_ABSENT;
    f.received_us = 1766963401123456;
    f.clock_error_us = UINT32_MAX;
    f.clock_state = CLOCK_UNSYNCHRONISED;
    f.clock_offset_us = -5;
    f.decided_us = f.message_us, f.decided_by = TIME_MESSAGE;
    f.lat_deg = -2.562, f.lon_deg = 120.314;
    f.has_accuracy = true, f.accuracy_m = 12.5;
    f.flags = FLAG_FORWARDED | FLAG_AUTOMATIC;
    f.automatic = true;
    f.note = text("apel pagi");
    f.external_id = text("wamid.X");
    f.session_claimed = text("");
    f.raw = text("{\"x\":1}");
    f.directory_epoch = 9, f.directory_number = 10;
    f.first = (struct judgement){.verdict = VERDICT_LATE, .day = 20451, .session = 4, .session_code = text("pagi"),
                                 .session_label = text("Pagi"), .counts_as = COUNTS_AS_IN, .late_minutes = 12,
                                 .place = PLACE_WFO, .fence = 6, .fence_name = text("Kantor"),
                                 .relation = RELATION_INSIDE, .has_distance = true, .distance_m = -3.25};
    f.placement_count = 2;
    f.placements[0] = (struct placement){.fence = 6, .fence_version = 1, .relation = RELATION_INSIDE, .metres = -3.25};
    f.placements[1] = (struct placement){.fence = 8, .fence_version = 3, .relation = RELATION_UNCERTAIN, .metres = 40};
    return f;
}

static bool same_text(struct text a, struct text b)
{
    return (a.s == NULL) == (b.s == NULL) && a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

static void encode(const struct fact *f, struct buf *b)
{
    buf_init(b, 65536);
    ck_assert(fact_encode(f, b));
}

START_TEST(round_trip)
{
    struct fact f = sample(), g;
    struct buf b, again;
    memset(&g, 0xee, sizeof g);
    encode(&f, &b);
    ck_assert(fact_decode(b.data, b.len, &g));
    ck_assert_mem_eq(g.id, f.id, sizeof f.id);
    ck_assert_mem_eq(g.key, f.key, sizeof f.key);
    ck_assert_mem_eq(g.body_hash, f.body_hash, sizeof f.body_hash);
    ck_assert_mem_eq(g.salt, f.salt, sizeof f.salt);
    ck_assert(g.government == 1 && g.person == 77 && g.device == 3 && g.channel == CHANNEL_WHATSAPP);
    ck_assert(g.fix_us == TIME_ABSENT && g.message_us == f.message_us && g.sent_us == TIME_ABSENT);
    ck_assert(g.received_us == f.received_us && g.clock_error_us == UINT32_MAX && g.clock_offset_us == -5);
    ck_assert(g.clock_state == CLOCK_UNSYNCHRONISED && g.decided_us == f.decided_us && g.decided_by == TIME_MESSAGE);
    ck_assert(g.lat_deg == f.lat_deg && g.lon_deg == f.lon_deg && g.has_accuracy && g.accuracy_m == 12.5);
    ck_assert(!g.has_altitude && g.flags == f.flags && g.automatic);
    ck_assert(same_text(g.note, f.note) && same_text(g.sender, f.sender) && same_text(g.raw, f.raw));
    ck_assert(same_text(g.external_id, f.external_id) && same_text(g.session_claimed, f.session_claimed));
    ck_assert_ptr_null(g.sender.s);
    ck_assert_ptr_nonnull(g.session_claimed.s); /* empty is not absent */
    ck_assert(g.directory_epoch == 9 && g.directory_number == 10);
    ck_assert(g.first.verdict == VERDICT_LATE && g.first.day == 20451 && g.first.session == 4);
    ck_assert(same_text(g.first.session_code, f.first.session_code) && same_text(g.first.fence_name, f.first.fence_name));
    ck_assert(g.first.late_minutes == 12 && g.first.early_minutes == 0 && g.first.place == PLACE_WFO);
    ck_assert(g.first.has_distance && g.first.distance_m == -3.25 && g.first.counts_as == COUNTS_AS_IN);
    ck_assert(g.placement_count == 2 && g.placements[1].fence == 8 && g.placements[1].metres == 40);
    encode(&g, &again);
    ck_assert_uint_eq(again.len, b.len);
    ck_assert_mem_eq(again.data, b.data, b.len);
    buf_fini(&again);
    buf_fini(&b);
}
END_TEST

START_TEST(every_truncation_fails)
{
    struct fact f = sample(), g, untouched;
    struct buf b;
    memset(&g, 0x5a, sizeof g);
    memset(&untouched, 0x5a, sizeof untouched);
    encode(&f, &b);
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, b.data, len);
        ck_assert_msg(!fact_decode(len == 0 ? exact + 1 : exact, len, &g), "%zu of %zu", len, b.len);
        free(exact);
    }
    ck_assert_mem_eq(&g, &untouched, sizeof g);
    ck_assert(buf_u8(&b, 0));
    ck_assert(!fact_decode(b.data, b.len, &g)); /* a trailing byte */
    buf_fini(&b);
}
END_TEST

/* Whatever one byte becomes: refused, or a fact that encodes to exactly those bytes again. */
START_TEST(every_changed_byte_is_refused_or_canonical)
{
    static const uint8_t values[] = {0, 1, 2, 4, 5, 6, 0x7f, 0x80, 0xff};
    struct fact f = sample();
    struct buf b, again;
    encode(&f, &b);
    buf_init(&again, 65536);
    for (size_t at = 0; at < b.len; at++) {
        uint8_t kept = b.data[at];
        for (size_t i = 0; i < sizeof values; i++) {
            struct fact g;
            b.data[at] = values[i];
            if (!fact_decode(b.data, b.len, &g))
                continue;
            buf_clear(&again);
            ck_assert(fact_encode(&g, &again));
            ck_assert_uint_eq(again.len, b.len);
            ck_assert_mem_eq(again.data, b.data, b.len);
        }
        b.data[at] = kept;
    }
    buf_fini(&again);
    buf_fini(&b);
}
END_TEST

#define REFUSED(change)                                                                                              \
    do {                                                                                                             \
        struct fact f = sample();                                                                                    \
        struct buf b;                                                                                                \
        buf_init(&b, 65536);                                                                                         \
        change;                                                                                                      \
        ck_assert_msg(!fact_encode(&f, &b), #change);                                                                \
        ck_assert_uint_eq(b.len, 0);                                                                                 \
        buf_fini(&b);                                                                                                \
    } while (0)

START_TEST(out_of_range_is_not_encoded)
{
    static char big[FACT_RAW_MAX + 1];
    REFUSED(f.channel = 0);
    REFUSED(f.channel = (enum channel)5);
    REFUSED(f.government = -1);
    REFUSED(f.person = -1);
    REFUSED(f.device = -1);
    REFUSED(f.first.session = -1);
    REFUSED(f.first.fence = -1);
    REFUSED(f.clock_state = 0);
    REFUSED(f.decided_by = (enum time_source)4);
    REFUSED(f.flags = 1u << FLAG_COUNT);
    REFUSED(f.lat_deg = 90.0000001);
    REFUSED(f.lat_deg = NAN);
    REFUSED(f.lon_deg = -180.5);
    REFUSED(f.lon_deg = INFINITY);
    REFUSED(f.accuracy_m = -1);
    REFUSED(f.accuracy_m = NAN);
    REFUSED((f.has_altitude = true, f.altitude_m = INFINITY));
    REFUSED((f.raw = (struct text){big, sizeof big}));
    REFUSED((f.note = (struct text){big, FACT_NOTE_MAX + 1}));
    REFUSED((f.external_id = (struct text){big, FACT_TEXT_MAX + 1}));
    REFUSED((f.sender = (struct text){NULL, 1}));
    REFUSED(f.first.verdict = (enum verdict)6);
    REFUSED(f.first.counts_as = (enum counts_as)4);
    REFUSED(f.first.place = (enum place)5);
    REFUSED(f.first.relation = (enum relation)4);
    REFUSED(f.first.late_minutes = -1);
    REFUSED(f.first.distance_m = NAN);
    REFUSED(f.placement_count = FACT_PLACEMENTS_MAX + 1);
    REFUSED(f.placements[1].relation = (enum relation)4);
    REFUSED(f.placements[1].metres = NAN);
}
END_TEST

/* A door that somebody took over sends bytes, not facts: such a time overflowed in the receipt, or made one that no
 * verifier reads. */
START_TEST(a_time_that_no_receipt_can_say_is_refused)
{
    static const int64_t times[] = {INT64_MIN + 255, -1, INT64_C(7258118400) * 1000000, INT64_MAX};
    const size_t fix_at = 1 + 16 + 3 * 8 + 1 + 16 + 32 + 16, received_at = fix_at + 3 * 8;
    struct fact good = sample(), g;
    struct buf bytes;
    encode(&good, &bytes);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        REFUSED(f.fix_us = times[i]);
        REFUSED(f.message_us = times[i]);
        REFUSED(f.sent_us = times[i]);
        REFUSED(f.received_us = times[i]);
        REFUSED(f.decided_us = times[i]);
        for (size_t at = fix_at; at <= received_at; at += received_at - fix_at) {
            uint8_t kept[8];
            memcpy(kept, bytes.data + at, 8);
            memcpy(bytes.data + at, &times[i], 8);
            ck_assert(!fact_decode(bytes.data, bytes.len, &g));
            memcpy(bytes.data + at, kept, 8);
        }
    }
    REFUSED(f.received_us = TIME_ABSENT);
    REFUSED(f.decided_us = TIME_ABSENT);
    REFUSED(f.first.day = -1);
    REFUSED(f.first.day = 84006);
    ck_assert(fact_decode(bytes.data, bytes.len, &g));
    buf_fini(&bytes);
}
END_TEST

START_TEST(largest_fact)
{
    static char big[FACT_RAW_MAX];
    struct fact f = sample(), g;
    struct buf b;
    memset(big, 0xff, sizeof big); /* no UTF-8: kept as it came */
    f.raw = (struct text){big, sizeof big};
    f.note = (struct text){big, FACT_NOTE_MAX};
    f.placement_count = FACT_PLACEMENTS_MAX;
    encode(&f, &b);
    ck_assert(fact_decode(b.data, b.len, &g));
    ck_assert_uint_eq(g.placement_count, FACT_PLACEMENTS_MAX);
    ck_assert(same_text(g.raw, f.raw));
    size_t len = b.len;
    buf_fini(&b);
    buf_init(&b, len - 1);
    ck_assert(!fact_encode(&f, &b) && b.failed);
    buf_fini(&b);
}
END_TEST

START_TEST(other_versions_are_refused)
{
    struct fact f = sample(), g;
    struct buf b;
    encode(&f, &b);
    for (int v = 0; v < 256; v++) {
        b.data[0] = (uint8_t)v;
        ck_assert(fact_decode(b.data, b.len, &g) == (v == 1));
    }
    buf_fini(&b);
}
END_TEST

UNIT_MAIN("base/fact", round_trip, every_truncation_fails, every_changed_byte_is_refused_or_canonical,
          out_of_range_is_not_encoded, a_time_that_no_receipt_can_say_is_refused, largest_fact, other_versions_are_refused)
