/* The native API's refusals, one by one, their messages, and what key and body hash depend on. */
#include "codec.h"
#include "unit.h"
#include "wall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "0f8fad5b-d9cb-469f-a165-70867728950e"
#define BASE "\"id\":\"" ID "\",\"taken_at\":\"2025-12-28T23:10:00Z\",\"lat\":-2.5,\"lon\":120.3"

static struct codec_bounds bounds(void)
{
    struct codec_bounds b = {.past_us = 60 * 86400 * US_PER_S, .future_us = 86400 * US_PER_S};
    ck_assert(wall_parse_rfc3339("2025-12-28T23:10:05Z", 20, &b.now_us));
    return b;
}

struct result {
    bool ok;
    struct codec_error error;
    struct native_item *items;
    size_t count;
    bool was_array;
    struct arena *arena;
};

static struct result decode_bytes(const void *body, size_t len, size_t memory)
{
    struct codec_bounds b = bounds();
    struct result r = {.arena = arena_new(memory)};
    uint8_t *exact = malloc(len == 0 ? 1 : len);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, body, len);
    r.ok = native_decode(exact, len, &b, r.arena, &r.items, &r.count, &r.was_array, &r.error);
    free(exact); /* nothing may borrow from the body */
    return r;
}

static struct result decode(const char *body)
{
    return decode_bytes(body, strlen(body), 1u << 20);
}

/* The whole body is unusable. */
static void refused(const char *body, const char *code)
{
    struct result r = decode(body);
    ck_assert_msg(!r.ok, "%s", body);
    ck_assert_str_eq(codec_fault_code(r.error.fault), code);
    arena_free(r.arena);
}

/* One object whose fault is its own. */
static void faulty(const char *body, const char *code, const char *field)
{
    struct result r = decode(body);
    ck_assert_msg(r.ok && r.count == 1 && !r.was_array, "%s", body);
    ck_assert_msg(strcmp(codec_fault_code(r.items[0].error.fault), code) == 0, "%s: %s", body,
                  codec_fault_code(r.items[0].error.fault));
    ck_assert_str_eq(r.items[0].error.field, field);
    ck_assert_ptr_null(r.items[0].fact);
    arena_free(r.arena);
}

static void good(const char *body)
{
    struct result r = decode(body);
    ck_assert_msg(r.ok && r.items[0].fact != NULL, "%s: %s %s", body,
                  r.ok ? codec_fault_code(r.items[0].error.fault) : "", r.ok ? r.items[0].error.field : "");
    arena_free(r.arena);
}

START_TEST(bodies_refused_whole)
{
    refused("", "not_json");
    refused(" ", "not_json");
    refused("{", "not_json");
    refused("{" BASE "} x", "not_json");
    refused("{" BASE ",}", "not_json");
    refused("{" BASE ",\"lat\":1}", "not_json");
    refused("{" BASE ",\"note\":\"\\u0000\"}", "not_json");
    refused("{" BASE ",\"note\":\"\xff\"}", "not_json");
    refused("{" BASE ",\"accuracy_m\":01}", "not_json");
    refused("[]", "missing_field");
    refused("null", "wrong_type");
    refused("\"x\"", "wrong_type");
    refused("7", "wrong_type");
    refused("[[[[[1]]]]]", "too_deep");
    refused("{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}", "too_deep");
}
END_TEST

static void refused_number(const char *body, const char *code, const char *field)
{
    struct result r = decode(body);
    ck_assert_msg(!r.ok, "%s", body);
    ck_assert_msg(strcmp(codec_fault_code(r.error.fault), code) == 0, "%s: %s", body, codec_fault_code(r.error.fault));
    ck_assert_msg(strcmp(r.error.field, field) == 0, "%s: %s", body, r.error.field);
    arena_free(r.arena);
}

/* The reader stops at a number it cannot hold; the client is told which it was all the same. */
START_TEST(numbers_that_are_none_name_their_field)
{
    static const char *const none[] = {"NaN", "nan", "-NaN", "Infinity", "-Infinity", "1e400", "-1e400", "-1.5E+999"};
    char body[300];
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        snprintf(body, sizeof body, "{" BASE ",\"accuracy_m\": %s}", none[i]);
        refused_number(body, "not_finite", "accuracy_m");
        snprintf(body, sizeof body, "[{" BASE ",\"note\":\",[{\\\":\"},\n{\"lat\"\t: %s , \"lon\":1}]", none[i]);
        refused_number(body, "not_finite", "1/lat");
    }
    refused_number("{" BASE ",\"accuracy_m\":99999999999999999999}", "out_of_range", "accuracy_m");
    refused_number("{" BASE ",\"altitude_m\":-99999999999999999999", "out_of_range", "altitude_m");
    refused_number("[1e400]", "not_finite", "");
    refused_number("{\"lat\":[1e400]}", "not_finite", "");
    refused_number("{\"a\":{\"lat\":NaN}}", "not_finite", "");
    refused_number("{\"l\\u0061t\":NaN}", "not_finite", ""); /* only a plain name is given back */
    refused_number("NaN", "not_finite", "");
    refused_number("{\"lat\":nane}", "not_json", "");
    refused_number("{\"lat\":\"NaN", "not_json", "");
    refused_number("{\"lat\":", "not_json", "");
}
END_TEST

START_TEST(deep_nesting_costs_nothing)
{
    size_t len = 1u << 20;
    char *deep = malloc(len);
    ck_assert_ptr_nonnull(deep);
    memset(deep, '[', len);
    struct result r = decode_bytes(deep, len, 1u << 20);
    ck_assert(!r.ok && r.error.fault == FAULT_TOO_DEEP);
    arena_free(r.arena);
    free(deep);
}
END_TEST

START_TEST(members)
{
    faulty("{}", "missing_field", "id");
    faulty("{\"id\":\"" ID "\"}", "missing_field", "taken_at");
    faulty("{\"id\":\"" ID "\",\"taken_at\":\"2025-12-28T23:10:00Z\"}", "missing_field", "lat");
    faulty("{\"id\":\"" ID "\",\"taken_at\":\"2025-12-28T23:10:00Z\",\"lat\":1}", "missing_field", "lon");
    faulty("{" BASE ",\"Note\":\"x\"}", "unknown_member", "Note");
    faulty("{" BASE ",\"\":1}", "unknown_member", "");
    faulty("{\"id\":null,\"taken_at\":\"2025-12-28T23:10:00Z\",\"lat\":1,\"lon\":2}", "wrong_type", "id");
    faulty("{" BASE ",\"note\":5}", "wrong_type", "note");
    faulty("{" BASE ",\"session\":[]}", "wrong_type", "session");
    faulty("{" BASE ",\"mock\":1}", "wrong_type", "mock");
    faulty("{" BASE ",\"accuracy_m\":\"5\"}", "wrong_type", "accuracy_m");
    faulty("{" BASE ",\"sent_at\":1766963400}", "wrong_type", "sent_at");
    good("{" BASE "}");
    good("{" BASE ",\"note\":null,\"session\":null,\"mock\":null,\"accuracy_m\":null,\"altitude_m\":null,\"sent_at\":null}");
}
END_TEST

static void with(const char *id, const char *taken, const char *lat, const char *lon, const char *code,
                 const char *field)
{
    char body[512];
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"taken_at\":\"%s\",\"lat\":%s,\"lon\":%s}", id, taken, lat, lon);
    if (code[0] == '\0')
        good(body);
    else
        faulty(body, code, field);
}

START_TEST(uuids)
{
    static const char t[] = "2025-12-28T23:10:00Z";
    with("0F8FAD5B-D9CB-469F-A165-70867728950E", t, "1", "2", "", "");
    with("00000000-0000-0000-0000-000000000000", t, "1", "2", "bad_uuid", "id");
    with("ffffffff-ffff-ffff-ffff-ffffffffffff", t, "1", "2", "bad_uuid", "id");
    with("0f8fad5bd9cb469fa16570867728950e", t, "1", "2", "bad_uuid", "id");
    with("{0f8fad5b-d9cb-469f-a165-70867728950e}", t, "1", "2", "bad_uuid", "id");
    with("0f8fad5b-d9cb-469f-a165-70867728950g", t, "1", "2", "bad_uuid", "id");
    with("", t, "1", "2", "bad_uuid", "id");
}
END_TEST

START_TEST(times)
{
    with(ID, "2025-12-29T07:10:00+08:00", "1", "2", "", "");
    with(ID, "2025-12-28T23:10:00.123456Z", "1", "2", "", "");
    with(ID, "2025-12-29T07:10:00", "1", "2", "time_without_zone", "taken_at");
    with(ID, "2025-12-29T07:10:00.5", "1", "2", "time_without_zone", "taken_at");
    with(ID, "2025-12-29", "1", "2", "bad_time", "taken_at");
    with(ID, "2025-12-29T07:10Z", "1", "2", "bad_time", "taken_at");
    with(ID, "2025-02-29T07:10:00Z", "1", "2", "bad_time", "taken_at");
    with(ID, "2025-12-29T24:00:00Z", "1", "2", "bad_time", "taken_at");
    with(ID, "2025-12-29T23:59:60Z", "1", "2", "bad_time", "taken_at");
    with(ID, "1766963400", "1", "2", "bad_time", "taken_at");
    with(ID, "", "1", "2", "bad_time", "taken_at");
    with(ID, "2025-12-28T23:10:00ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ", "1", "2", "bad_time", "taken_at");
    with(ID, "2025-12-29T23:10:05Z", "1", "2", "", ""); /* now + 24 h exactly */
    with(ID, "2025-12-29T23:10:05.000001Z", "1", "2", "time_out_of_range", "taken_at");
    with(ID, "2025-10-29T23:10:05Z", "1", "2", "", ""); /* 60 days exactly */
    with(ID, "2025-10-29T23:10:04.999999Z", "1", "2", "time_out_of_range", "taken_at");
    with(ID, "1970-01-01T00:00:00Z", "1", "2", "time_out_of_range", "taken_at");
}
END_TEST

START_TEST(positions)
{
    static const char t[] = "2025-12-28T23:10:00Z";
    with(ID, t, "90", "180", "", "");
    with(ID, t, "-90.0", "-180.0", "", "");
    with(ID, t, "90.0000001", "2", "out_of_range", "lat");
    with(ID, t, "-91", "2", "out_of_range", "lat");
    with(ID, t, "1", "180.0000001", "out_of_range", "lon");
    with(ID, t, "1", "-1e308", "out_of_range", "lon");
    with(ID, t, "0", "0", "both_zero", "lat");
    with(ID, t, "-0.0", "0.0", "both_zero", "lat");
    with(ID, t, "1e-400", "0", "both_zero", "lat");
    with(ID, t, "0", "0.1", "", "");
    with(ID, t, "\"1\"", "2", "wrong_type", "lat");
    with(ID, t, "1", "null", "wrong_type", "lon");
    with(ID, t, "1", "true", "wrong_type", "lon");
}
END_TEST

START_TEST(measures)
{
    faulty("{" BASE ",\"accuracy_m\":-0.1}", "out_of_range", "accuracy_m");
    faulty("{" BASE ",\"accuracy_m\":100000.1}", "out_of_range", "accuracy_m");
    faulty("{" BASE ",\"altitude_m\":-1001}", "out_of_range", "altitude_m");
    faulty("{" BASE ",\"altitude_m\":20001}", "out_of_range", "altitude_m");
    struct result r = decode("{" BASE ",\"accuracy_m\":0,\"altitude_m\":0}");
    const struct fact *f = r.items[0].fact;
    ck_assert(!f->has_accuracy && f->flags == FLAG_ACCURACY_UNKNOWN && f->has_altitude);
    arena_free(r.arena);
    r = decode("{" BASE ",\"accuracy_m\":100000}");
    ck_assert(r.items[0].fact->has_accuracy && r.items[0].fact->flags == 0 && !r.items[0].fact->automatic);
    arena_free(r.arena);
}
END_TEST

static void note_of(size_t bytes, const char *character, const char *code)
{
    char body[4096];
    int n = snprintf(body, sizeof body, "{" BASE ",\"note\":\"");
    size_t len = (size_t)n;
    for (size_t i = 0; i < bytes; i += strlen(character))
        len += (size_t)snprintf(body + len, sizeof body - len, "%s", character);
    snprintf(body + len, sizeof body - len, "\"}");
    if (code[0] == '\0')
        good(body);
    else
        faulty(body, code, "note");
}

START_TEST(notes)
{
    note_of(FACT_NOTE_MAX, "a", "");
    note_of(FACT_NOTE_MAX + 1, "a", "too_long");
    note_of(FACT_NOTE_MAX, "\xc3\xa9", "");
    note_of(FACT_NOTE_MAX + 2, "\xc3\xa9", "too_long");
    good("{" BASE ",\"session\":\"0123456789012345678901234567890123456789012345678901234567890123\"}");
    faulty("{" BASE ",\"session\":\"01234567890123456789012345678901234567890123456789012345678901234\"}", "too_long",
           "session");
}
END_TEST

static struct result decode_many(size_t count, size_t memory)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    buf_putc(&b, '[');
    for (size_t i = 0; i < count; i++)
        buf_printf(&b, "%s{" BASE "}", i > 0 ? "," : "");
    buf_putc(&b, ']');
    struct result r = decode_bytes(b.data, b.len, memory);
    buf_fini(&b);
    return r;
}

START_TEST(how_many)
{
    struct result r = decode_many(NATIVE_ITEMS_MAX, 1u << 20);
    ck_assert(r.ok && r.was_array && r.count == NATIVE_ITEMS_MAX && r.items[99].fact != NULL);
    arena_free(r.arena);
    r = decode_many(NATIVE_ITEMS_MAX + 1, 1u << 20);
    ck_assert(!r.ok && r.error.fault == FAULT_TOO_MANY);
    arena_free(r.arena);
}
END_TEST

START_TEST(items_stand_alone)
{
    struct result r = decode("[5,{" BASE "},null,{" BASE ",\"x/y\":1},[]]");
    ck_assert(r.ok && r.count == 5);
    ck_assert_str_eq(r.items[0].error.field, "0");
    ck_assert_int_eq(r.items[0].error.fault, FAULT_TYPE);
    ck_assert_ptr_nonnull(r.items[1].fact);
    ck_assert_str_eq(r.items[2].error.field, "2");
    ck_assert_str_eq(r.items[3].error.field, "3/x/y");
    ck_assert_uint_eq(r.items[3].uuid.len, 36);
    ck_assert_int_eq(r.items[4].error.fault, FAULT_TYPE);
    arena_free(r.arena);
}
END_TEST

START_TEST(what_was_sent_is_kept)
{
    const char *sent = " {" BASE ",\r\n\"note\":\"\\u00e9\",\"accuracy_m\":7.10}\n";
    struct result r = decode(sent);
    ck_assert(r.ok && r.items[0].fact != NULL);
    ck_assert_str_eq(r.items[0].fact->raw.s, sent);
    arena_free(r.arena);
    r = decode("[{" BASE "}, {" BASE "}]"); /* of several, each its own */
    ck_assert(r.ok && r.items[1].fact != NULL);
    ck_assert_str_eq(r.items[1].fact->raw.s, "{" BASE "}");
    arena_free(r.arena);
}
END_TEST

/* However little memory there is: a whole answer or FAULT_MEMORY, which is our trouble and not the client's. */
START_TEST(short_of_memory)
{
    for (size_t memory = 0; memory < 12000; memory += 16) {
        struct result r = decode_many(3, memory);
        if (r.ok)
            for (size_t i = 0; i < r.count; i++)
                ck_assert_ptr_nonnull(r.items[i].fact);
        else
            ck_assert_int_eq(r.error.fault, FAULT_MEMORY);
        arena_free(r.arena);
    }
}
END_TEST

START_TEST(long_member_names_are_cut_at_a_character)
{
    char body[1024];
    char name[301];
    for (size_t i = 0; i < 300; i += 3)
        memcpy(name + i, "\xe2\x82\xac", 3);
    name[300] = '\0';
    snprintf(body, sizeof body, "{" BASE ",\"%s\":1}", name);
    struct result r = decode(body);
    ck_assert_uint_eq(strlen(r.items[0].error.field), 63);
    snprintf(body, sizeof body, "{" BASE ",\"a%s\":1}", name);
    arena_free(r.arena);
    r = decode(body);
    ck_assert_uint_eq(strlen(r.items[0].error.field), 61);
    arena_free(r.arena);
}
END_TEST

START_TEST(messages)
{
    char text[200];
    codec_fault_message(FAULT_RANGE, "lat", "id", text, sizeof text);
    ck_assert_str_eq(text, "\"lat\" di luar rentang yang diizinkan.");
    codec_fault_message(FAULT_RANGE, "lat", "en", text, sizeof text);
    ck_assert_str_eq(text, "\"lat\" is out of range.");
    codec_fault_message(FAULT_NOT_JSON, "", "id", text, sizeof text);
    ck_assert_str_eq(text, "Isi pesan bukan JSON yang sah.");
    codec_fault_message(FAULT_NOT_JSON, NULL, NULL, text, sizeof text);
    ck_assert_str_eq(text, "Isi pesan bukan JSON yang sah.");
    codec_fault_message(FAULT_RANGE, "lat", "en", text, 8);
    ck_assert_str_eq(text, "\"lat\" i");
    for (int fault = FAULT_NOT_JSON; fault <= FAULT_MEMORY; fault++) {
        ck_assert_uint_gt(strlen(codec_fault_code((enum codec_fault)fault)), 3);
        for (int other = FAULT_NOT_JSON; other < fault; other++)
            ck_assert_str_ne(codec_fault_code((enum codec_fault)fault), codec_fault_code((enum codec_fault)other));
    }
    ck_assert_str_eq(codec_fault_code((enum codec_fault)99), "");
}
END_TEST

static struct fact keyed(const char *extra, int64_t device)
{
    char body[512];
    snprintf(body, sizeof body, "{" BASE "%s}", extra);
    struct result r = decode(body);
    ck_assert_ptr_nonnull(r.items[0].fact);
    struct fact f = *r.items[0].fact;
    f.device = device;
    codec_key(&f);
    arena_free(r.arena);
    return f;
}

START_TEST(retries_are_recognised)
{
    struct fact a = keyed("", 7), b;
    b = keyed(",\"sent_at\":\"2025-12-28T23:10:04Z\"", 7);
    ck_assert_mem_eq(a.key, b.key, sizeof a.key);
    ck_assert_mem_eq(a.body_hash, b.body_hash, sizeof a.body_hash);
    b = keyed(",\"accuracy_m\":0,\"mock\":false,\"note\":null", 7);
    ck_assert_mem_eq(a.body_hash, b.body_hash, sizeof a.body_hash);
    static const char *const others[] = {",\"accuracy_m\":1", ",\"altitude_m\":0", ",\"mock\":true", ",\"note\":\"\"",
                                         ",\"note\":\"x\"", ",\"session\":\"x\""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        b = keyed(others[i], 7);
        ck_assert_mem_eq(a.key, b.key, sizeof a.key);
        ck_assert_mem_ne(a.body_hash, b.body_hash, sizeof a.body_hash);
    }
    /* what a door adds later changes nothing */
    b = a;
    b.flags |= FLAG_LATE_DELIVERY | FLAG_SESSION_DIFFERS;
    b.received_us = 5;
    codec_key(&b);
    ck_assert_mem_eq(a.body_hash, b.body_hash, sizeof a.body_hash);
}
END_TEST

/* ---- what no honest door says ---- */

#define NOW INT64_C(1766963405000000)
#define MESSENGER (f.device = 0, f.person = 0, f.channel = CHANNEL_WHATSAPP, f.sender = (struct text){"62811", 5}, \
                   f.decided_by = TIME_ARRIVAL, f.decided_us = NOW)
#define DOUBTED(doubt, ...)                                                                                          \
    do {                                                                                                             \
        struct fact f = honest;                                                                                      \
        __VA_ARGS__;                                                                                                 \
        codec_key(&f);                                                                                               \
        ck_assert_msg(codec_doubt(&f) == (doubt), "%d after %s", (int)codec_doubt(&f), #__VA_ARGS__);                \
    } while (0)

START_TEST(a_fact_whose_parts_do_not_fit_is_doubted)
{
    struct fact honest = {.government = 1, .person = 2, .device = 3, .channel = CHANNEL_NATIVE, .fix_us = NOW - 9000000,
                          .message_us = TIME_ABSENT, .sent_us = NOW - 2000000, .received_us = NOW, .decided_us = NOW - 7000000,
                          .clock_state = CLOCK_SYNCHRONISED, .decided_by = TIME_FIX, .lat_deg = -2.5, .lon_deg = 120.3,
                          .has_accuracy = true, .accuracy_m = 5};
    DOUBTED(DOUBT_NONE, f.government = 1);
    DOUBTED(DOUBT_NONE, MESSENGER);
    DOUBTED(DOUBT_NONE, (MESSENGER, f.sender = (struct text){0}, f.sender_user_id = (struct text){"US.1", 4}));
    DOUBTED(DOUBT_IDENTITY, f.government = 0);
    DOUBTED(DOUBT_IDENTITY, f.directory_epoch = -1);
    DOUBTED(DOUBT_IDENTITY, f.directory_number = -1);
    DOUBTED(DOUBT_IDENTITY, f.person = 0);
    DOUBTED(DOUBT_IDENTITY, f.device = -1);
    DOUBTED(DOUBT_IDENTITY, (f.sender = (struct text){"62811", 5}));
    DOUBTED(DOUBT_IDENTITY, f.device = 0);
    DOUBTED(DOUBT_IDENTITY, (MESSENGER, f.channel = CHANNEL_OSMAND));
    DOUBTED(DOUBT_IDENTITY, (MESSENGER, f.sender = (struct text){0}));
    DOUBTED(DOUBT_TEXT, (f.note = (struct text){"\xff", 1}));
    DOUBTED(DOUBT_TIME, f.fix_us = TIME_ABSENT);
    DOUBTED(DOUBT_TIME, (f.fix_us = TIME_ABSENT, f.message_us = NOW));
    DOUBTED(DOUBT_TIME, (f.message_us = NOW, f.decided_by = TIME_MESSAGE)); /* it says another time */
    DOUBTED(DOUBT_NONE, (f.message_us = f.decided_us = NOW + 59000000, f.decided_by = TIME_MESSAGE));
    DOUBTED(DOUBT_TIME, (f.message_us = f.decided_us = NOW + 61000000, f.decided_by = TIME_MESSAGE));
    DOUBTED(DOUBT_TIME, f.decided_by = TIME_ARRIVAL);
    DOUBTED(DOUBT_NONE, (f.channel = CHANNEL_OWNTRACKS, f.decided_us = f.fix_us));
    DOUBTED(DOUBT_TIME, f.channel = CHANNEL_OWNTRACKS);
    DOUBTED(DOUBT_TIME, f.sent_us = TIME_ABSENT);
    DOUBTED(DOUBT_TIME, f.sent_us = f.fix_us - 1);
    DOUBTED(DOUBT_TIME, f.decided_us++);
    DOUBTED(DOUBT_TIME, f.fix_us = f.sent_us - CODEC_DAY_US - 1);
    DOUBTED(DOUBT_TIME, f.fix_us = NOW - CODEC_PAST_US - 1);
    DOUBTED(DOUBT_TIME, f.message_us = NOW + CODEC_FUTURE_US + 1);
    DOUBTED(DOUBT_NONE, (f.clock_state = CLOCK_UNSYNCHRONISED, f.flags |= FLAG_CLOCK_UNSYNCHRONISED, f.message_us = NOW + CODEC_FUTURE_US + 1));
    DOUBTED(DOUBT_TIME, f.sent_us = NOW + CODEC_FUTURE_US + 1);
    DOUBTED(DOUBT_MEASURE, f.lat_deg = f.lon_deg = 0);
    DOUBTED(DOUBT_NONE, (f.lat_deg = 0, f.lon_deg = -1));
    DOUBTED(DOUBT_NONE, f.lat_deg = 2.5);
    DOUBTED(DOUBT_MEASURE, f.accuracy_m = 0);
    DOUBTED(DOUBT_MEASURE, f.accuracy_m = 100001);
    DOUBTED(DOUBT_MEASURE, f.has_accuracy = false);
    DOUBTED(DOUBT_NONE, (f.has_accuracy = false, f.flags |= FLAG_ACCURACY_UNKNOWN));
    DOUBTED(DOUBT_MEASURE, f.automatic = true);
    DOUBTED(DOUBT_MEASURE, f.clock_state = CLOCK_UNSYNCHRONISED);
    DOUBTED(DOUBT_MEASURE, f.clock_state = CLOCK_SIMULATED);
    codec_key(&honest);
    honest.body_hash[3] ^= 1;
    ck_assert_int_eq(codec_doubt(&honest), DOUBT_KEY);
    honest.body_hash[3] ^= 1;
    honest.key[3] ^= 1; /* a phone's own is not ours to make: whose hash it goes into, is */
    ck_assert_int_ne(codec_doubt(&honest), DOUBT_IDENTITY);
}
END_TEST

UNIT_MAIN("proto/native", a_fact_whose_parts_do_not_fit_is_doubted,
          bodies_refused_whole, numbers_that_are_none_name_their_field, deep_nesting_costs_nothing,
          members, uuids, times, positions, measures, notes, how_many, items_stand_alone, what_was_sent_is_kept, short_of_memory,
          long_member_names_are_cut_at_a_character, messages, retries_are_recognised)
