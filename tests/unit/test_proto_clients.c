/* OwnTracks, OsmAnd and WhatsApp: what the vectors do not show. Leniency where nobody could mend it, no token in the
 * raw text, no guess of a time zone, bounds, signatures. */
#include "codec.h"
#include "digest.h"
#include "unit.h"
#include "utf8.h"
#include "wall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "Yk3vQ0m8r2Wd9sXfLpTz1A"

static struct arena *arena;

static void setup(void)
{
    arena_free(arena);
    arena = arena_new(16u << 20);
    ck_assert_ptr_nonnull(arena);
}

static struct codec_bounds bounds(void)
{
    struct codec_bounds b = {.past_us = 60 * 86400 * US_PER_S, .future_us = 86400 * US_PER_S};
    ck_assert(wall_parse_rfc3339("2025-12-28T23:10:05Z", 20, &b.now_us));
    return b;
}

static struct text text_of(const char *s)
{
    return (struct text){s, s != NULL ? strlen(s) : 0};
}

/* ---- OwnTracks ---- */

static struct fact *owntracks(const char *members, enum codec_fault expected)
{
    char body[20000];
    struct codec_bounds b = bounds();
    struct codec_error e = {0};
    enum owntracks_kind kind;
    struct fact *f = NULL;
    setup();
    int n = snprintf(body, sizeof body, "{\"_type\":\"location\",%s}", members);
    ck_assert(n > 0 && (size_t)n < sizeof body);
    bool ok = owntracks_decode((uint8_t *)body, (size_t)n, &b, arena, &kind, &f, &e);
    ck_assert_msg(e.fault == expected && ok == (expected == FAULT_NONE), "%s: %s", members, codec_fault_code(e.fault));
    return f;
}
#define PLACE "\"lat\":-2.5,\"lon\":120.3,\"tst\":1766963400"

START_TEST(owntracks_faults)
{
    (void)owntracks("\"lon\":1,\"tst\":1766963400", FAULT_MISSING);
    (void)owntracks("\"lat\":1,\"tst\":1766963400", FAULT_MISSING);
    (void)owntracks("\"lat\":1,\"lon\":1", FAULT_MISSING);
    (void)owntracks("\"lat\":1,\"lon\":1,\"tst\":\"1766963400\"", FAULT_TYPE);
    (void)owntracks("\"lat\":1,\"lon\":1,\"tst\":-1", FAULT_TIME_RANGE);
    (void)owntracks("\"lat\":1,\"lon\":1,\"tst\":1e300", FAULT_TIME_RANGE);
    (void)owntracks("\"lat\":1,\"lon\":1,\"tst\":1766963400000", FAULT_TIME_RANGE);
    (void)owntracks("\"lat\":1,\"lon\":1e400,\"tst\":1766963400", FAULT_NOT_FINITE);
    (void)owntracks("\"lat\":1,\"lon\":181,\"tst\":1766963400", FAULT_RANGE);
    (void)owntracks("\"lat\":0,\"lon\":0,\"tst\":1766963400", FAULT_NULL_ISLAND);
    (void)owntracks(PLACE ",\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", FAULT_TOO_DEEP);
}
END_TEST

START_TEST(owntracks_is_lenient_about_the_rest)
{
    struct fact *f = owntracks(PLACE ",\"t\":5,\"acc\":\"x\",\"alt\":1e9,\"created_at\":1,\"_id\":7,\"new\":{}", FAULT_NONE);
    ck_assert(f->automatic && !f->has_accuracy && !f->has_altitude && f->message_us == TIME_ABSENT);
    ck_assert_ptr_null(f->external_id.s);
    f = owntracks(PLACE ",\"t\":\"u\",\"acc\":1e7", FAULT_NONE);
    ck_assert(!f->automatic && f->has_accuracy);
    ck_assert_double_eq(f->accuracy_m, 100000);
    ck_assert(owntracks(PLACE ",\"t\":\"uu\"", FAULT_NONE)->automatic);
    ck_assert(owntracks(PLACE, FAULT_NONE)->automatic);
    f = owntracks(PLACE ",\"_id\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"", FAULT_NONE);
    ck_assert_ptr_null(f->external_id.s);
}
END_TEST

/* What the phone saw around it (names of networks) or people wrote (tags) is not the check-in's fault. */
START_TEST(text_at_fault_does_not_cost_a_check_in)
{
    static const struct {
        const char *sent, *kept;
    } texts[] = {{"\xff\xfe", "??"},
                 {"a\xc3", "a?"},
                 {"\xe2\x82", "??"},
                 {"\xed\xa0\x80", "???"},
                 {"tab\there\n", "tab here "},
                 {"\\u0000x", "\xef\xbf\xbdx"},
                 {"\\ud83d", "\xef\xbf\xbd"},
                 {"\\uDE00\\uD83d", "\xef\xbf\xbd\xef\xbf\xbd"},
                 {"\\ud83dx\\ude00", "\xef\xbf\xbdx\xef\xbf\xbd"},
                 {"\\ud83d\\u0041", "\xef\xbf\xbd" "A"},
                 {"\\ud83d\\ude00\\u0000", "\xf0\x9f\x98\x80\xef\xbf\xbd"},
                 {"\\\\u0000\\\"\x01", "\\\\u0000\\\" "}};
    char members[200];
    char kept[100];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        snprintf(members, sizeof members, PLACE ",\"SSID\":\"%s\",\"acc\":7", texts[i].sent);
        struct fact *f = owntracks(members, FAULT_NONE);
        ck_assert_ptr_nonnull(f);
        ck_assert(f->accuracy_m > 6.9 && utf8_valid(f->raw.s, f->raw.len));
        int n = snprintf(kept, sizeof kept, "\"SSID\":\"%s\"", texts[i].kept);
        ck_assert_msg(memmem(f->raw.s, f->raw.len, kept, (size_t)n) != NULL, "%zu: %.*s", i, (int)f->raw.len, f->raw.s);
    }
    /* outside strings nothing is mended */
    (void)owntracks(PLACE ",\x01\"a\":1", FAULT_NOT_JSON);
    (void)owntracks(PLACE ",\"a\":\xff", FAULT_NOT_JSON);
    (void)owntracks(PLACE ",\"a\":\"\\ud83d", FAULT_NOT_JSON);
    (void)owntracks(PLACE ",\"a\":\"\\x\"", FAULT_NOT_JSON);
}
END_TEST

START_TEST(owntracks_raw_is_cut_at_a_character)
{
    static char members[19000];
    for (size_t pad = 0; pad < 4; pad++) {
        int n = snprintf(members, sizeof members, PLACE ",\"poi\":\"%.*s", (int)pad, "aaaa");
        size_t len = (size_t)n;
        while (len < 12000) {
            memcpy(members + len, "\xf0\x9f\x98\x80", 4);
            len += 4;
        }
        memcpy(members + len, "\"", 2);
        struct fact *f = owntracks(members, FAULT_NONE);
        ck_assert(f->raw.len <= FACT_RAW_MAX && f->raw.len > FACT_RAW_MAX - 4);
        ck_assert(utf8_valid(f->raw.s, f->raw.len));
    }
}
END_TEST

START_TEST(owntracks_keys)
{
    struct fact a = *owntracks(PLACE ",\"_id\":\"a\"", FAULT_NONE), b;
    a.device = 7;
    codec_key(&a);
    b = *owntracks(PLACE ",\"_id\":\"a\"", FAULT_NONE);
    b.device = 8;
    codec_key(&b);
    ck_assert_mem_ne(a.key, b.key, sizeof a.key);
    ck_assert_mem_eq(a.body_hash, b.body_hash, sizeof a.body_hash);
    static const char *const others[] = {PLACE, PLACE ",\"_id\":\"b\"", "\"_id\":\"a\",\"lat\":-2.5,\"lon\":120.3,\"tst\":1766963401",
                                         "\"_id\":\"a\",\"lat\":-2.5,\"lon\":120.30000001,\"tst\":1766963400"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        b = *owntracks(others[i], FAULT_NONE);
        b.device = 7;
        codec_key(&b);
        ck_assert_mem_ne(a.key, b.key, sizeof a.key);
    }
}
END_TEST

/* ---- OsmAnd ---- */

static struct fact *osmand(const char *query, const char *type, const char *body, enum codec_fault expected,
                           struct text *ret_device)
{
    struct codec_bounds b = bounds();
    struct codec_error e = {0};
    struct text device;
    struct fact *f = NULL;
    bool json;
    setup();
    bool ok = osmand_decode(text_of(query), text_of(type), (const uint8_t *)body, body != NULL ? strlen(body) : 0, &b,
                            arena, &device, &f, &json, &e);
    ck_assert_msg(e.fault == expected && ok == (expected == FAULT_NONE), "%s %s: %s", query != NULL ? query : "",
                  body != NULL ? body : "", codec_fault_code(e.fault));
    if (ret_device != NULL)
        *ret_device = device;
    return f;
}

static int64_t fix_of(const char *timestamp, enum codec_fault expected)
{
    char query[256];
    snprintf(query, sizeof query, "id=x&lat=1&lon=2&timestamp=%s", timestamp);
    struct fact *f = osmand(query, NULL, NULL, expected, NULL);
    return f != NULL ? f->fix_us : 0;
}

START_TEST(osmand_times)
{
    const int64_t us = INT64_C(1766963400000000);
    ck_assert_int_eq(fix_of("1766963400", FAULT_NONE), us);
    ck_assert_int_eq(fix_of("1766963400123", FAULT_NONE), us + 123000);
    ck_assert_int_eq(fix_of("2025-12-28T23:10:00Z", FAULT_NONE), us);
    ck_assert_int_eq(fix_of("2025-12-28T23:10:00.123456789Z", FAULT_NONE), us + 123456);
    ck_assert_int_eq(fix_of("2025-12-29T07:10:00%2B08:00", FAULT_NONE), us);
    ck_assert_int_eq(fix_of("2025-12-29T07:10:00+08:00", FAULT_NONE), us);
    ck_assert_int_eq(fix_of("2025-12-29T07:10:00.5%2B0800", FAULT_NONE), us + 500000);
    ck_assert_int_eq(fix_of("2025-12-28T15:10:00-0800", FAULT_NONE), us);
    (void)fix_of("2025-12-29T07:10:00", FAULT_TIME_ZONE);
    (void)fix_of("2025-12-29%2007:10:00", FAULT_TIME_ZONE);
    (void)fix_of("2025-12-29+07:10:00", FAULT_TIME_ZONE);
    (void)fix_of("", FAULT_TIME_FORMAT);
    (void)fix_of("yesterday", FAULT_TIME_FORMAT);
    (void)fix_of("99999999999999999999999999", FAULT_TIME_RANGE);
    (void)fix_of("2147483647", FAULT_TIME_RANGE); /* a millisecond count from 1970 */
    (void)fix_of("1500000000", FAULT_TIME_RANGE);
    (void)fix_of("2025-12-28T23:10:00Z2025-12-28T23:10:00Z2025-12-28T23:10:00Z", FAULT_TIME_FORMAT);
}
END_TEST

static void osmand_position(const char *lat, const char *lon, enum codec_fault expected)
{
    char query[256];
    snprintf(query, sizeof query, "id=x&lat=%s&lon=%s", lat, lon);
    (void)osmand(query, NULL, NULL, expected, NULL);
}

START_TEST(osmand_numbers)
{
    osmand_position("-2.5", "120", FAULT_NONE);
    osmand_position("%2B2.5e0", ".5", FAULT_NONE);
    osmand_position("2.", "5", FAULT_NONE);
    osmand_position("2%2C5", "1", FAULT_TYPE);
    osmand_position("0x10", "1", FAULT_TYPE);
    osmand_position("1e", "1", FAULT_TYPE);
    osmand_position(".", "1", FAULT_TYPE);
    osmand_position("", "1", FAULT_TYPE);
    osmand_position("1%20", "1", FAULT_TYPE);
    osmand_position("nan", "1", FAULT_NOT_FINITE);
    osmand_position("1", "-Infinity", FAULT_NOT_FINITE);
    osmand_position("1", "INF", FAULT_NOT_FINITE);
    osmand_position("1", "1e400", FAULT_NOT_FINITE);
    osmand_position("0", "-0.0", FAULT_NULL_ISLAND);
    osmand_position("-90.1", "1", FAULT_RANGE);
    osmand_position("1", "1111111111111111111111111111111111111111111111111111111111111111111", FAULT_TYPE);
    (void)osmand("id=x&lat=1", NULL, NULL, FAULT_MISSING, NULL);
    (void)osmand("id=x&location=1", NULL, NULL, FAULT_TYPE, NULL);
    (void)osmand("id=x&location=1,2,3", NULL, NULL, FAULT_TYPE, NULL);
    (void)osmand("id=&lat=1&lon=2", NULL, NULL, FAULT_MISSING, NULL);
    (void)osmand("", "text/plain", "", FAULT_MISSING, NULL);
}
END_TEST

START_TEST(osmand_flags)
{
    ck_assert_uint_eq(osmand("id=x&lat=1&lon=2&mock=1&accuracy=5", NULL, NULL, FAULT_NONE, NULL)->flags,
                      FLAG_MOCK | FLAG_AUTOMATIC);
    struct fact *f = osmand("id=x&lat=1&lon=2&valid=false&accuracy=5", NULL, NULL, FAULT_NONE, NULL);
    ck_assert(!f->has_accuracy && (f->flags & FLAG_ACCURACY_UNKNOWN) != 0);
    f = osmand("id=x&lat=1&lon=2&accuracy=x&altitude=y", NULL, NULL, FAULT_NONE, NULL);
    ck_assert(!f->has_accuracy && !f->has_altitude && f->automatic);
    f = osmand("id=x&lat=1&lat=9&lon=2", NULL, NULL, FAULT_NONE, NULL);
    ck_assert_double_eq(f->lat_deg, 1);
}
END_TEST

static void no_token(const struct fact *f)
{
    ck_assert_ptr_nonnull(f);
    ck_assert_msg(memmem(f->raw.s, f->raw.len, TOKEN, strlen(TOKEN)) == NULL, "%.*s", (int)f->raw.len, f->raw.s);
}

START_TEST(token_never_in_raw)
{
    struct text device;
    no_token(osmand("id=" TOKEN "&lat=1&lon=2", NULL, NULL, FAULT_NONE, &device));
    ck_assert(device.len == strlen(TOKEN) && memcmp(device.s, TOKEN, device.len) == 0);
    no_token(osmand("deviceid=" TOKEN "&id=" TOKEN "&lat=1&lon=2", NULL, NULL, FAULT_NONE, NULL));
    no_token(osmand("lat=1&lon=2&id=" TOKEN "&driverUniqueId=x" TOKEN "y&" TOKEN "=1", NULL, NULL, FAULT_NONE, NULL));
    no_token(osmand("lat=1&lon=2&id=%59k3vQ0m8r2Wd9sXfLpTz1A&x=" TOKEN, NULL, NULL, FAULT_NONE, NULL));
    no_token(osmand(NULL, "application/json",
                    "{\"device_id\":\"" TOKEN "\",\"_\":\"&id=" TOKEN "\",\"x\":\"a" TOKEN "\",\"location\":{\"timestamp\":"
                    "\"2025-12-28T23:10:00Z\",\"coords\":{\"latitude\":1,\"longitude\":2},\"extras\":{\"" TOKEN "\":1}}}",
                    FAULT_NONE, NULL));
    struct fact *f = osmand("id=" TOKEN "&lat=1&lon=2&notificationToken=geheim", NULL, NULL, FAULT_NONE, NULL);
    ck_assert_ptr_null(memmem(f->raw.s, f->raw.len, "geheim", 6));
    (void)osmand("id=" TOKEN "&lat=91&lon=2", NULL, NULL, FAULT_RANGE, &device);
    ck_assert_uint_eq(device.len, strlen(TOKEN)); /* known also when the rest is wrong */
}
END_TEST

START_TEST(osmand_forms_chosen)
{
    static const char json[] = " {\"device_id\":\"x\",\"location\":{\"timestamp\":\"2025-12-28T23:10:00Z\",\"coords\":"
                               "{\"latitude\":1,\"longitude\":2,\"accuracy\":0}}}";
    ck_assert_ptr_nonnull(osmand(NULL, "application/json; charset=utf-8", json, FAULT_NONE, NULL));
    ck_assert_ptr_nonnull(osmand(NULL, NULL, json, FAULT_NONE, NULL));
    ck_assert_ptr_nonnull(osmand("a=b", "text/plain", json, FAULT_NONE, NULL));
    (void)osmand(NULL, "application/x-www-form-urlencoded", json, FAULT_MISSING, NULL);
    (void)osmand(NULL, "Application/JSON", "[]", FAULT_TYPE, NULL);
    (void)osmand(NULL, "application/json", "id=x&lat=1&lon=2", FAULT_NOT_JSON, NULL);
    ck_assert_ptr_nonnull(osmand("id=x&lat=1&lon=2", "application/json", "", FAULT_NONE, NULL));
    ck_assert_ptr_nonnull(osmand("id=x&lat=1&lon=2", NULL, "lat=5", FAULT_NONE, NULL));
}
END_TEST

static void told_of(const char *query, const char *body, enum codec_fault fault, const char *device)
{
    struct text found = {NULL, 0};
    (void)osmand(query, query == NULL ? "application/json" : NULL, body, fault, &found);
    const char *text = query == NULL ? body : query;
    ck_assert_msg((found.s != NULL) == (device != NULL), "%s", text);
    if (device != NULL)
        ck_assert_msg(found.len == strlen(device) && memcmp(found.s, device, found.len) == 0, "%s", text);
}

/* A phone of ours would repeat it for ever: the door must be able to tell that it is ours. */
START_TEST(osmand_names_the_device_of_what_it_cannot_read)
{
    told_of(NULL, "{\"device_id\":\"" TOKEN "\",\"location\":{\"coords\":{\"latitude\":1e400}}}", FAULT_NOT_FINITE, TOKEN);
    told_of(NULL, "{\"location\":{},\"device_id\" : \"" TOKEN "\"", FAULT_NOT_JSON, TOKEN);
    told_of(NULL, "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]],\"device_id\":\"" TOKEN "\"}", FAULT_TOO_DEEP, TOKEN);
    told_of("a=%ff&id=" TOKEN "&lat=1&lon=2", "", FAULT_FORM, TOKEN);
    told_of("a=%ff&xid=" TOKEN "&deviceid=" TOKEN, "", FAULT_FORM, TOKEN);
    told_of(NULL, "{\"device_id\":\"" TOKEN, FAULT_NOT_JSON, NULL);
    told_of(NULL, "{\"device_id\":\"\"", FAULT_NOT_JSON, NULL);
    told_of(NULL, "{\"device_id\":", FAULT_NOT_JSON, NULL);
    told_of(NULL, "{\"device_id\":5,", FAULT_NOT_JSON, NULL);
    told_of("a=%ff&id=", "", FAULT_FORM, NULL);
    told_of("a=%ff&id", "", FAULT_FORM, NULL);
    told_of("a=%ff&id=x%41", "", FAULT_FORM, NULL);
}
END_TEST

START_TEST(osmand_json_faults)
{
    static const struct {
        const char *location;
        enum codec_fault fault;
    } cases[] = {
        {"5", FAULT_TYPE},
        {"{}", FAULT_NONE},
        {"{\"coords\":null}", FAULT_NONE},
        {"{\"coords\":[]}", FAULT_TYPE},
        {"{\"coords\":{}}", FAULT_MISSING},
        {"{\"coords\":{\"latitude\":1}}", FAULT_MISSING},
        {"{\"coords\":{\"latitude\":1,\"longitude\":2}}", FAULT_MISSING},
        {"{\"timestamp\":true,\"coords\":{\"latitude\":1,\"longitude\":2}}", FAULT_TYPE},
        {"{\"timestamp\":1766963400,\"coords\":{\"latitude\":1,\"longitude\":2}}", FAULT_NONE},
        {"{\"timestamp\":\"2025-12-28T23:10:00\",\"coords\":{\"latitude\":1,\"longitude\":2}}", FAULT_TIME_ZONE},
        {"{\"timestamp\":\"2025-12-28T23:10:00Z\",\"coords\":{\"latitude\":\"1\",\"longitude\":2}}", FAULT_TYPE},
        {"{\"timestamp\":\"2025-12-28T23:10:00Z\",\"mock\":true,\"coords\":{\"latitude\":1,\"longitude\":200}}", FAULT_RANGE},
    };
    char body[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(body, sizeof body, "{\"device_id\":\"x\",\"location\":%s}", cases[i].location);
        (void)osmand(NULL, "application/json", body, cases[i].fault, NULL);
    }
    (void)osmand(NULL, "application/json", "{\"device_id\":5,\"location\":{}}", FAULT_TYPE, NULL);
    (void)osmand(NULL, "application/json", "{\"device_id\":\"\",\"location\":{}}", FAULT_MISSING, NULL);
    (void)osmand(NULL, "application/json", "{\"device_id\":\"x\"}", FAULT_MISSING, NULL);
}
END_TEST

/* ---- WhatsApp ---- */

START_TEST(signatures)
{
    static const char body[] = "{\"a\": \"\xc3\xa9\"}";
    uint8_t mac[SHA256_BYTES];
    char header[80] = "sha256=";
    digest_hmac_sha256("kunci", 5, body, strlen(body), mac);
    encode_hex(header + 7, sizeof header - 7, mac, sizeof mac);
    const uint8_t *bytes = (const uint8_t *)body;
    ck_assert(whatsapp_signature_ok(text_of(header), "kunci", 5, bytes, strlen(body)));
    ck_assert(!whatsapp_signature_ok(text_of(header), "kunc1", 5, bytes, strlen(body)));
    ck_assert(!whatsapp_signature_ok(text_of(header), "kunci", 5, bytes, strlen(body) - 1));
    ck_assert(!whatsapp_signature_ok(text_of(NULL), "kunci", 5, bytes, strlen(body)));
    ck_assert(!whatsapp_signature_ok(text_of(""), "kunci", 5, bytes, strlen(body)));
    ck_assert(!whatsapp_signature_ok(text_of(header + 7), "kunci", 5, bytes, strlen(body)));
    ck_assert(!whatsapp_signature_ok((struct text){header, 70}, "kunci", 5, bytes, strlen(body)));
    for (size_t i = 0; i < strlen(header); i++) {
        char was = header[i];
        header[i] = was == '0' ? '1' : '0';
        ck_assert(!whatsapp_signature_ok(text_of(header), "kunci", 5, bytes, strlen(body)));
        header[i] = was;
    }
}
END_TEST

static const char *challenge(const char *query)
{
    setup();
    struct text t = whatsapp_challenge(text_of(query), arena, "rahasia");
    return t.s != NULL ? arena_copy(arena, t.s, t.len) : "refused";
}

START_TEST(handshakes)
{
    ck_assert_str_eq(challenge("hub.mode=subscribe&hub.verify_token=rahasia&hub.challenge=1158201444"), "1158201444");
    ck_assert_str_eq(challenge("hub.challenge=a-b&hub.verify_token=rahasia&hub.mode=subscribe&x=y"), "a-b");
    ck_assert_str_eq(challenge("hub.mode=subscribe&hub.verify_token=rahasi&hub.challenge=1"), "refused");
    ck_assert_str_eq(challenge("hub.mode=subscribe&hub.verify_token=&hub.challenge=1"), "refused");
    ck_assert_str_eq(challenge("hub.mode=unsubscribe&hub.verify_token=rahasia&hub.challenge=1"), "refused");
    ck_assert_str_eq(challenge("hub.mode=subscribe&hub.verify_token=rahasia"), "refused");
    ck_assert_str_eq(challenge("hub.mode=subscribe&hub.verify_token=rahasia&hub.challenge=%3Cscript%3E"), "refused");
    ck_assert_str_eq(challenge("hub.mode=subscribe&hub.verify_token=x&hub.verify_token=rahasia&hub.challenge=1"), "refused");
    ck_assert_str_eq(challenge("hub.mode=subscribe&hub.verify_token=%zz&hub.challenge=1"), "refused");
    ck_assert_str_eq(challenge(NULL), "refused");
    ck_assert_ptr_null(whatsapp_challenge(text_of("hub.mode=subscribe&hub.verify_token=&hub.challenge=1"), arena, "").s);
}
END_TEST

static struct whatsapp_item *whatsapp(const char *value, size_t *ret_count, enum codec_fault expected)
{
    struct codec_bounds b = bounds();
    struct codec_error e = {0};
    struct whatsapp_item *items = NULL;
    struct buf body;
    setup();
    buf_init(&body, 4u << 20);
    buf_puts(&body, "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"changes\":[{\"field\":\"messages\",\"value\":");
    buf_puts(&body, value);
    ck_assert(buf_puts(&body, "}]}]}"));
    bool ok = whatsapp_decode(body.data, body.len, &b, arena, &items, ret_count, &e);
    buf_fini(&body);
    ck_assert_msg(e.fault == expected && ok == (expected == FAULT_NONE), "%s: %s", value, codec_fault_code(e.fault));
    return items;
}

#define MESSAGE(members) "{\"messages\":[{\"type\":\"location\",\"id\":\"w\",\"from\":\"1\"," members "}]}"
#define POINT "\"location\":{\"latitude\":1,\"longitude\":2}"

static void message_fault(const char *value, enum codec_fault fault)
{
    size_t n = 0;
    struct whatsapp_item *items = whatsapp(value, &n, FAULT_NONE);
    ck_assert_uint_eq(n, 1);
    ck_assert_msg(items[0].error.fault == fault, "%s: %s", value, codec_fault_code(items[0].error.fault));
    ck_assert((items[0].fact != NULL) == (fault == FAULT_NONE));
}

START_TEST(whatsapp_messages)
{
    message_fault(MESSAGE(POINT ",\"timestamp\":\"1766963400\""), FAULT_NONE);
    message_fault(MESSAGE(POINT ",\"timestamp\":1766963400"), FAULT_NONE);
    message_fault(MESSAGE(POINT), FAULT_MISSING);
    message_fault(MESSAGE(POINT ",\"timestamp\":true"), FAULT_TYPE);
    message_fault(MESSAGE(POINT ",\"timestamp\":\"x\""), FAULT_TYPE);
    message_fault(MESSAGE(POINT ",\"timestamp\":\"1\""), FAULT_TIME_RANGE);
    message_fault(MESSAGE(POINT ",\"timestamp\":\"1e300\""), FAULT_TIME_RANGE);
    message_fault(MESSAGE("\"location\":[],\"timestamp\":\"1766963400\""), FAULT_TYPE);
    message_fault(MESSAGE("\"location\":{\"latitude\":0,\"longitude\":0},\"timestamp\":\"1766963400\""), FAULT_NULL_ISLAND);
    message_fault("{\"messages\":[{\"type\":\"location\",\"id\":\"w\",\"timestamp\":\"1766963400\"," POINT "}]}", FAULT_MISSING);
    message_fault("{\"messages\":[{\"type\":\"location\",\"from\":\"1\",\"timestamp\":\"1766963400\"," POINT "}]}", FAULT_MISSING);
    message_fault("{\"messages\":[5]}", FAULT_TYPE);
    message_fault("{\"messages\":[{}]}", FAULT_MISSING);
}
END_TEST

/* One webhook carries messages of many: half an emoji in somebody's chat must not cost the others their check-in. */
START_TEST(whatsapp_loses_nobody_to_anothers_text)
{
    static const char *const texts[] = {"\\ud83d", "\\u0000", "\xf0\x9f"};
    char value[500];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t n = 0;
        snprintf(value, sizeof value,
                 "{\"messages\":[{\"type\":\"text\",\"id\":\"t\",\"from\":\"2\",\"text\":{\"body\":\"%s\"}},{\"type\":"
                 "\"location\",\"id\":\"w\",\"from\":\"1\",\"timestamp\":\"1766963400\"," POINT "}]}", texts[i]);
        struct whatsapp_item *items = whatsapp(value, &n, FAULT_NONE);
        ck_assert_uint_eq(n, 2);
        ck_assert(items[0].kind == WHATSAPP_TEXT && items[1].fact != NULL);
    }
}
END_TEST

START_TEST(whatsapp_senders)
{
    size_t n;
    struct whatsapp_item *items =
        whatsapp("{\"contacts\":[5,{},{\"wa_id\":\"2\",\"user_id\":\"ID.2\"},{\"wa_id\":\"1\",\"user_id\":\"ID.1\"}],"
                 "\"messages\":[{\"type\":\"text\",\"from\":\"1\"},{\"type\":\"text\",\"from_user_id\":\"ID.2\"},"
                 "{\"type\":\"text\",\"from\":\"3\"},{\"type\":\"text\",\"from\":\"1\",\"from_user_id\":\"ID.9\"}]}",
                 &n, FAULT_NONE);
    ck_assert_uint_eq(n, 4);
    ck_assert_str_eq(items[0].from_user_id.s, "ID.1");
    ck_assert_str_eq(items[1].from.s, "2");
    ck_assert_ptr_null(items[2].from_user_id.s);
    ck_assert_str_eq(items[3].from_user_id.s, "ID.9");
}
END_TEST

START_TEST(whatsapp_odd_envelopes)
{
    size_t n = 9;
    (void)whatsapp("null", &n, FAULT_NONE);
    ck_assert_uint_eq(n, 0);
    (void)whatsapp("{\"messages\":{\"a\":1},\"statuses\":\"x\",\"errors\":null,\"metadata\":[]}", &n, FAULT_NONE);
    ck_assert_uint_eq(n, 0);
    (void)whatsapp("{\"statuses\":[null,5,{}],\"errors\":[[]]}", &n, FAULT_NONE);
    ck_assert_uint_eq(n, 4);
}
END_TEST

START_TEST(whatsapp_bounds)
{
    struct buf b;
    size_t n = 0;
    for (size_t count = WHATSAPP_ITEMS_MAX; count <= WHATSAPP_ITEMS_MAX + 1; count++) {
        buf_init(&b, 1u << 20);
        buf_puts(&b, "{\"statuses\":[");
        for (size_t i = 0; i < count; i++)
            buf_puts(&b, i > 0 ? ",{}" : "{}");
        buf_puts(&b, "]}");
        (void)whatsapp(buf_str(&b), &n, count > WHATSAPP_ITEMS_MAX ? FAULT_TOO_MANY : FAULT_NONE);
        buf_fini(&b);
    }
    ck_assert_uint_eq(n, WHATSAPP_ITEMS_MAX);
    arena_free(arena);
    arena = NULL;
}
END_TEST

UNIT_MAIN("proto/clients", owntracks_faults, owntracks_is_lenient_about_the_rest,
          text_at_fault_does_not_cost_a_check_in, owntracks_raw_is_cut_at_a_character, owntracks_keys, osmand_times,
          osmand_numbers, osmand_flags, token_never_in_raw, osmand_forms_chosen,
          osmand_names_the_device_of_what_it_cannot_read, osmand_json_faults, signatures, handshakes,
          whatsapp_messages, whatsapp_loses_nobody_to_anothers_text, whatsapp_senders, whatsapp_odd_envelopes,
          whatsapp_bounds)
