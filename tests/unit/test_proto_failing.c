/* Codecs and receipts short of memory, at every bound and every refused request: the fault is memory, never another answer;
 * and documents whose every member is replaced by what it must not be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "failing.h"
#include "json.h"
#include "receipt.h"
#include "unit.h"
#include "wall.h"

static uint8_t bytes[65536];
static size_t bytes_len;

static void load(const char *name)
{
    char path[512];
    const char *root = getenv("HADIR_SOURCE");
    ck_assert_ptr_nonnull(root);
    snprintf(path, sizeof path, "%s/proto/vectors/%s", root, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    bytes_len = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    bytes[bytes_len] = '\0';
}

static struct text member(const json_value *v, const char *name)
{
    struct text t = {"", 0};
    (void)json_get_string(json_member(v, name), &t);
    return t;
}

/* The fault of one vector in an arena of that size; of an array's items, the worst. */
static enum codec_fault decode(const char *kind, const json_value *v, size_t arena_bytes)
{
    static const struct codec_bounds bounds = {.now_us = INT64_C(1766963405000000), .past_us = 60 * 86400 * US_PER_S,
                                               .future_us = 86400 * US_PER_S};
    struct text body = member(v, "body"), target = member(v, "target"), type = member(json_member(v, "headers"), "Content-Type");
    const char *mark = strchr(target.s, '?');
    struct text query = mark != NULL ? (struct text){mark + 1, strlen(mark + 1)} : (struct text){NULL, 0}, device;
    struct codec_error e = {0};
    struct fact *f = NULL;
    struct native_item *items = NULL;
    struct whatsapp_item *messages = NULL;
    enum owntracks_kind what;
    size_t count = 0;
    bool flag, ok = false;
    struct arena *arena = arena_new(arena_bytes);
    if (arena == NULL)
        return FAULT_MEMORY;
    if (strcmp(kind, "native") == 0)
        ok = native_decode((const uint8_t *)body.s, body.len, &bounds, arena, &items, &count, &flag, &e);
    else if (strcmp(kind, "owntracks") == 0)
        ok = owntracks_decode((const uint8_t *)body.s, body.len, &bounds, arena, &what, &f, &e);
    else if (strcmp(kind, "osmand") == 0)
        ok = osmand_decode(query, type, (const uint8_t *)body.s, body.len, &bounds, arena, &device, &f, &flag, &e);
    else if (mark != NULL)
        ok = whatsapp_challenge(query, arena, "token").s != NULL;
    else
        ok = whatsapp_decode((const uint8_t *)body.s, body.len, &bounds, arena, &messages, &count, &e);
    enum codec_fault fault = ok ? FAULT_NONE : e.fault;
    for (size_t i = 0; ok && i < count && fault != FAULT_MEMORY; i++)
        fault = items != NULL ? items[i].error.fault : messages[i].error.fault;
    arena_free(arena);
    return fault;
}

START_TEST(a_codec_short_of_memory_says_so)
{
    static const char *const kinds[] = {"native", "owntracks", "osmand", "whatsapp"};
    for (size_t k = 0; k < 4; k++) {
        char name[40];
        struct json_error why;
        snprintf(name, sizeof name, "%s.json", kinds[k]);
        load(name);
        struct json_doc *doc = json_parse(bytes, bytes_len, 12, &why);
        ck_assert_ptr_nonnull(doc);
        const json_value *cases = json_member(json_root(doc), "cases");
        for (size_t i = 0; i < json_count(cases); i++) {
            const json_value *v = json_at(cases, i);
            enum codec_fault whole = decode(kinds[k], v, 1 << 20), part;
            for (size_t bound = 0; bound < 20000; bound += 16) {
                part = decode(kinds[k], v, bound);
                ck_assert_msg(part == whole || part == FAULT_MEMORY || part == FAULT_NONE, "%s %zu: %s", name, i, codec_fault_code(part));
            }
            for (long n = 0; failing_from(n, false); n++) {
                part = decode(kinds[k], v, 1 << 20);
                failing_stop();
                ck_assert_msg(part == whole || part == FAULT_MEMORY || part == FAULT_NONE, "%s %zu: %s", name, i, codec_fault_code(part));
            }
        }
        json_doc_free(doc);
    }
}
END_TEST

/* ---- receipts ---- */

static const char row[] =
    "{\"id\":\"0f8fad5b-d9cb-469f-a165-70867728950e\",\"government\":1,\"person\":77,\"device\":7,\"channel\":\"native\","
    "\"fix_at\":\"2025-12-28T23:10:00Z\",\"message_at\":null,\"sent_at\":\"2025-12-28T23:10:01Z\",\"received_at\":\"2025-12-28T23:10:02Z\","
    "\"clock_state\":\"synchronised\",\"clock_error_us\":900,\"clock_offset_us\":0,\"decided_at\":\"2025-12-28T23:10:00Z\","
    "\"decided_by\":\"fix\",\"automatic\":false,\"flags\":[\"mock\",\"forwarded\"],"
    "\"coordinates_sha256\":\"abababababababababababababababababababababababababababababababab\","
    "\"first\":{\"verdict\":\"late\",\"day\":\"2025-12-29\",\"session\":5,\"session_code\":\"pagi\",\"counts_as\":\"in\","
    "\"late_minutes\":12,\"early_minutes\":0,\"place\":\"WFO\",\"fence\":42,\"relation\":\"inside\"},"
    "\"tree\":{\"size\":3,\"index\":1,\"path\":\"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\","
    "\"root\":\"efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef\",\"key\":\"00112233aabbccdd\","
    "\"signature\":\"01010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101"
    "010101010101010101010101\"}}";

static bool receipt_of(const char *text, struct buf *out, char *reason)
{
    buf_init(out, 1 << 16);
    reason[0] = '\0';
    return receipt_from_row((const uint8_t *)text, strlen(text), out, reason, 200);
}

typedef void (*changed_cb)(const char *name, const char *text, bool null);

/* Calls fn with the document, each member's value in turn replaced by each of what seldom fits. */
static void change_each_member(const char *text, changed_cb fn)
{
    static const char *const values[] = {"null", "true", "\"?\"", "\"\"", "-1", "1e300", "[]", "[1]", "{}", "9223372036854775807",
                                         "\"-0\"", "\"00\"", "\"AB\"", "\"99999999999999999999\""};
    static char changed[9000], name[60];
    for (const char *at = strchr(text, '"'); at != NULL; at = strchr(at + 1, '"')) {
        const char *end = strchr(at + 1, '"');
        if (end == NULL || end[1] != ':') {
            at = end != NULL ? end : at;
            if (end == NULL)
                break;
            continue;
        }
        const char *value = end + 2, *after = value;
        int depth = 0;
        bool quoted = false;
        for (; *after != '\0' && (quoted || depth > 0 || (*after != ',' && *after != '}')); after++) {
            quoted = *after == '"' ? !quoted : quoted;
            depth += quoted ? 0 : (*after == '{' || *after == '[') - (*after == '}' || *after == ']');
        }
        snprintf(name, sizeof name, "%.*s", (int)(end - at - 1), at + 1);
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            snprintf(changed, sizeof changed, "%.*s%s%s", (int)(value - text), text, values[i], after);
            fn(name, changed, i == 0);
        }
        snprintf(changed, sizeof changed, "%.*s\"other%s", (int)(at - text), text, at + 1); /* as if it were not there */
        fn(name, changed, true);
        at = end;
    }
}

static unsigned refused, taken;

static void as_row(const char *name, const char *text, bool null)
{
    struct buf out;
    char reason[200];
    bool ok = receipt_of(text, &out, reason);
    ck_assert_msg(ok == (reason[0] == '\0'), "%s in %s", name, text);
    ck_assert_msg(!ok || out.len > 0, "%s", name);
    if (!null && !ok && strcmp(name, "first") != 0 && strcmp(name, "tree") != 0)
        ck_assert_msg(strstr(reason, "\"") != NULL, "%s: %s", name, reason);
    refused += !ok;
    taken += ok;
    buf_fini(&out);
}

static struct verifier *verifier;

static void as_receipt(const char *name, const char *text, bool null)
{
    char reason[200] = "";
    (void)null;
    ck_assert_msg(receipt_verify((const uint8_t *)text, strlen(text), verifier, reason, sizeof reason) != RECEIPT_GOOD && reason[0] != '\0', "%s", name);
    ck_assert_int_ne(receipt_verify((const uint8_t *)text, strlen(text), verifier, reason, 0), RECEIPT_GOOD);
    refused++;
}

START_TEST(a_row_that_is_wrong_anywhere_gives_no_receipt)
{
    struct buf out;
    char reason[200], error[200];
    ck_assert_msg(receipt_of(row, &out, reason), "%s", reason);
    buf_fini(&out);
    refused = taken = 0;
    change_each_member(row, as_row);
    ck_assert_uint_gt(refused, 300);
    ck_assert_uint_lt(taken, refused / 3);

    load("receipt.txt");
    char path[512];
    snprintf(path, sizeof path, "%s/proto/vectors/receipt-key.pem", getenv("HADIR_SOURCE"));
    verifier = verifier_load(path, error, sizeof error);
    ck_assert_ptr_nonnull(verifier);
    ck_assert_int_eq(receipt_verify(bytes, bytes_len, verifier, reason, sizeof reason), RECEIPT_GOOD);
    change_each_member((const char *)bytes, as_receipt);
    for (long n = 0; failing_from(n, false); n++) {
        enum receipt_check check = receipt_verify(bytes, bytes_len, verifier, reason, sizeof reason);
        failing_stop();
        ck_assert((check == RECEIPT_GOOD) == (reason[0] == '\0'));
        ck_assert(check == RECEIPT_GOOD || failing.refused);
    }
    verifier_free(verifier);
}
END_TEST

START_TEST(a_receipt_short_of_memory_is_none)
{
    struct buf out;
    char reason[200];
    ck_assert(receipt_of(row, &out, reason));
    size_t whole = out.len;
    buf_fini(&out);
    for (size_t max = 0; max < whole; max++) {
        buf_init(&out, max);
        ck_assert(!receipt_from_row((const uint8_t *)row, strlen(row), &out, reason, sizeof reason) && reason[0] != '\0');
        buf_fini(&out);
    }
    for (long n = 0; failing_from(n, false); n++) {
        bool ok = receipt_of(row, &out, reason);
        failing_stop();
        ck_assert(ok == (reason[0] == '\0') && (!ok || out.len == whole));
        buf_fini(&out);
    }
}
END_TEST

START_TEST(an_object_short_of_memory_says_so)
{
    static const char text[] = "{\"unit\":\"A\",\"orders\":[{\"days\":[\"2031-01-02\"]}],\"n\":1.5}";
    struct codec_error e = {0};
    struct buf out;
    for (long n = 0; failing_from(n, false); n++) {
        buf_init(&out, 1 << 16);
        e.fault = FAULT_NONE;
        bool ok = object_decode((const uint8_t *)text, strlen(text), "letter", (struct text){"5", 1}, &out, &e);
        failing_stop();
        ck_assert_int_eq(e.fault, ok ? FAULT_NONE : FAULT_MEMORY); /* our trouble, not the sender's */
        ck_assert(!(ok && out.failed));
        buf_fini(&out);
    }
    for (size_t max = 0; max < 70; max++) {
        buf_init(&out, max);
        bool ok = object_decode((const uint8_t *)text, strlen(text), "letter", (struct text){"5", 1}, &out, &e);
        ck_assert(ok || e.fault == FAULT_TOO_LONG);
        buf_fini(&out);
    }
}
END_TEST

UNIT_MAIN("proto/failing", a_codec_short_of_memory_says_so, a_row_that_is_wrong_anywhere_gives_no_receipt,
          a_receipt_short_of_memory_is_none, an_object_short_of_memory_says_so)
