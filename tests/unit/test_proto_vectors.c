/* proto/vectors/: byte-exact client requests and what they decode to. The expected keys and body hashes were computed
 * by another program, from the description in codec_key.c: a change that breaks one breaks retries across releases. */
#include "codec.h"
#include "digest.h"
#include "json.h"
#include "unit.h"
#include "wall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APP_SECRET "rahasia-aplikasi-contoh"

static struct json_doc *load(const char *name)
{
    char path[512];
    static uint8_t bytes[65536];
    struct json_error why;
    const char *root = getenv("HADIR_SOURCE");
    ck_assert_ptr_nonnull(root);
    snprintf(path, sizeof path, "%s/proto/vectors/%s", root, name);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s cannot be read", path);
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    ck_assert_uint_lt(len, sizeof bytes);
    struct json_doc *doc = json_parse(bytes, len, 12, &why);
    ck_assert_msg(doc != NULL, "%s: %s", name, why.reason);
    return doc;
}

static struct text string_at(const json_value *v, const char *name)
{
    struct text t = {NULL, 0};
    (void)json_get_string(json_member(v, name), &t);
    return t;
}

static void same_text(const char *what, struct text is, struct text expected)
{
    ck_assert_msg((is.s == NULL) == (expected.s == NULL), "%s present or absent", what);
    ck_assert_msg(is.len == expected.len && (is.len == 0 || memcmp(is.s, expected.s, is.len) == 0), "%s: \"%.*s\"",
                  what, (int)is.len, is.s != NULL ? is.s : "");
}

static void same_time(const char *what, int64_t is, const json_value *expected)
{
    struct text t = string_at(expected, what);
    int64_t us = TIME_ABSENT;
    if (t.s != NULL)
        ck_assert(wall_parse_rfc3339(t.s, t.len, &us));
    ck_assert_msg(is == us, "%s", what);
}

static void same_measure(const char *what, bool has, double is, const json_value *expected)
{
    double v = 0;
    ck_assert_msg(json_get_real(json_member(expected, what), &v) == has, "%s present or absent", what);
    if (has)
        ck_assert_double_eq(is, v);
}

static void same_fact(struct fact *f, const json_value *expected)
{
    char hex[65];
    struct text t;
    uint32_t flags = 0;
    bool automatic = false;
    f->device = 7;
    codec_key(f);
    same_time("fix_at", f->fix_us, expected);
    same_time("message_at", f->message_us, expected);
    same_time("sent_at", f->sent_us, expected);
    same_measure("lat", true, f->lat_deg, expected);
    same_measure("lon", true, f->lon_deg, expected);
    same_measure("accuracy_m", f->has_accuracy, f->accuracy_m, expected);
    same_measure("altitude_m", f->has_altitude, f->altitude_m, expected);
    const json_value *list = json_member(expected, "flags");
    for (size_t i = 0; i < json_count(list); i++) {
        ck_assert(json_get_string(json_at(list, i), &t));
        for (unsigned bit = 0; bit < FLAG_COUNT; bit++)
            if (strcmp(flag_name(bit), t.s) == 0)
                flags |= 1u << bit;
    }
    ck_assert_uint_eq(f->flags, flags);
    ck_assert(json_get_bool(json_member(expected, "automatic"), &automatic));
    ck_assert(f->automatic == automatic);
    same_text("note", f->note, string_at(expected, "note"));
    same_text("session", f->session_claimed, string_at(expected, "session"));
    same_text("external_id", f->external_id, string_at(expected, "external_id"));
    same_text("sender", f->sender, string_at(expected, "sender"));
    same_text("sender_user_id", f->sender_user_id, string_at(expected, "sender_user_id"));
    ck_assert_str_eq(encode_hex(hex, sizeof hex, f->key, sizeof f->key), string_at(expected, "key").s);
    ck_assert_str_eq(encode_hex(hex, sizeof hex, f->body_hash, sizeof f->body_hash),
                     string_at(expected, "body_hash").s);
    ck_assert_ptr_nonnull(f->raw.s);
    if (json_member(expected, "raw") != NULL)
        same_text("raw", f->raw, string_at(expected, "raw"));
}

/* true when the case expects a fault, which is then compared. */
static bool same_fault(const struct codec_error *e, const json_value *expected)
{
    struct text code = string_at(expected, "error");
    ck_assert_str_eq(codec_fault_code(e->fault), code.s != NULL ? code.s : "");
    if (code.s == NULL)
        return false;
    ck_assert_str_eq(e->field, string_at(expected, "field").s);
    return true;
}

struct trial {
    const json_value *expected;
    struct text method, target, query, body, content_type, signature;
    struct codec_bounds bounds;
    struct arena *arena;
};

typedef void (*trial_fn)(struct trial *t);

static void run(const char *file, trial_fn fn)
{
    struct json_doc *doc = load(file);
    const json_value *root = json_root(doc), *cases = json_member(root, "cases");
    struct text now = string_at(root, "now");
    int64_t past_s = 0, future_s = 0;
    struct codec_bounds bounds = {0};
    ck_assert(wall_parse_rfc3339(now.s, now.len, &bounds.now_us));
    ck_assert(json_get_int(json_member(root, "past_s"), &past_s));
    ck_assert(json_get_int(json_member(root, "future_s"), &future_s));
    bounds.past_us = past_s * US_PER_S;
    bounds.future_us = future_s * US_PER_S;
    ck_assert_uint_gt(json_count(cases), 3);
    for (size_t i = 0; i < json_count(cases); i++) {
        const json_value *c = json_at(cases, i), *headers = json_member(c, "headers");
        struct trial t = {.expected = json_member(c, "expect"),
                          .method = string_at(c, "method"),
                          .target = string_at(c, "target"),
                          .body = string_at(c, "body"),
                          .content_type = string_at(headers, "Content-Type"),
                          .signature = string_at(headers, "X-Hub-Signature-256"),
                          .bounds = bounds,
                          .arena = arena_new(1u << 20)};
        const char *mark = memchr(t.target.s, '?', t.target.len);
        if (mark != NULL)
            t.query = (struct text){mark + 1, t.target.len - (size_t)(mark + 1 - t.target.s)};
        printf("%s: %s\n", file, string_at(c, "name").s); /* the last line before a failure names the case */
        fflush(stdout);
        fn(&t);
        arena_free(t.arena);
    }
    json_doc_free(doc);
}

static void try_native(struct trial *t)
{
    struct codec_error e = {0};
    struct native_item *items = NULL;
    size_t count = 0;
    bool was_array = false, array = false;
    bool ok = native_decode((const uint8_t *)t->body.s, t->body.len, &t->bounds, t->arena, &items, &count, &was_array,
                            &e);
    ck_assert(ok == !same_fault(&e, t->expected));
    if (!ok)
        return;
    const json_value *expected = json_member(t->expected, "items");
    ck_assert(json_get_bool(json_member(t->expected, "array"), &array));
    ck_assert(was_array == array);
    ck_assert_uint_eq(count, json_count(expected));
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_nonnull(items[i].uuid.s);
        if (same_fault(&items[i].error, json_at(expected, i)))
            ck_assert_ptr_null(items[i].fact);
        else
            same_fact(items[i].fact, json_at(expected, i));
    }
}

static void try_owntracks(struct trial *t)
{
    static const char *const kinds[] = {"location", "other", "empty"};
    struct codec_error e = {0};
    enum owntracks_kind kind = OWNTRACKS_EMPTY;
    struct fact *f = NULL;
    bool ok = owntracks_decode((const uint8_t *)t->body.s, t->body.len, &t->bounds, t->arena, &kind, &f, &e);
    ck_assert(ok == !same_fault(&e, t->expected));
    if (!ok)
        return;
    ck_assert_str_eq(kinds[kind], string_at(t->expected, "kind").s);
    ck_assert((f != NULL) == (kind == OWNTRACKS_LOCATION));
    if (f != NULL)
        same_fact(f, json_member(t->expected, "fact"));
}

static void try_osmand(struct trial *t)
{
    struct codec_error e = {0};
    struct text device;
    struct fact *f = NULL;
    bool was_json = false, json = false;
    bool ok = osmand_decode(t->query, t->content_type, (const uint8_t *)t->body.s, t->body.len, &t->bounds, t->arena,
                            &device, &f, &was_json, &e);
    ck_assert(ok == !same_fault(&e, t->expected));
    same_text("device", device, string_at(t->expected, "device"));
    ck_assert(json_get_bool(json_member(t->expected, "json"), &json));
    ck_assert(was_json == json);
    if (!ok)
        return;
    ck_assert((f != NULL) == (json_kind_of(json_member(t->expected, "fact")) == JSON_KIND_OBJECT));
    if (f == NULL)
        return;
    same_fact(f, json_member(t->expected, "fact"));
    ck_assert_ptr_null(memmem(f->raw.s, f->raw.len, device.s, device.len));
}

static void try_whatsapp(struct trial *t)
{
    static const char *const kinds[] = {"location", "text", "unsupported", "other", "status", "system", "error"};
    struct codec_error e = {0};
    struct whatsapp_item *items = NULL;
    size_t count = 0;
    const uint8_t *body = (const uint8_t *)t->body.s;
    ck_assert(whatsapp_signature_ok(t->signature, APP_SECRET, strlen(APP_SECRET), body, t->body.len));
    bool ok = whatsapp_decode(body, t->body.len, &t->bounds, t->arena, &items, &count, &e);
    ck_assert(ok == !same_fault(&e, t->expected));
    if (!ok)
        return;
    const json_value *expected = json_member(t->expected, "items");
    ck_assert_uint_eq(count, json_count(expected));
    for (size_t i = 0; i < count; i++) {
        const json_value *x = json_at(expected, i);
        ck_assert_str_eq(kinds[items[i].kind], string_at(x, "kind").s);
        same_text("phone_number_id", items[i].phone_number_id, (struct text){"1001", 4});
        same_text("new_number", items[i].new_number, string_at(x, "new_number"));
        same_text("new_user_id", items[i].new_user_id, string_at(x, "new_user_id"));
        if (json_member(x, "json") != NULL)
            same_text("json", items[i].json, string_at(x, "json"));
        if (same_fault(&items[i].error, x) || json_member(x, "fact") == NULL)
            ck_assert_ptr_null(items[i].fact);
        else
            same_fact(items[i].fact, json_member(x, "fact"));
    }
}

START_TEST(native)
{
    run("native.json", try_native);
}
END_TEST

START_TEST(owntracks)
{
    run("owntracks.json", try_owntracks);
}
END_TEST

START_TEST(osmand)
{
    run("osmand.json", try_osmand);
}
END_TEST

START_TEST(whatsapp)
{
    run("whatsapp.json", try_whatsapp);
}
END_TEST

UNIT_MAIN("proto/vectors", native, owntracks, osmand, whatsapp)
