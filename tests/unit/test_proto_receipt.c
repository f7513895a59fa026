/* Receipts: the published vector, made by another program; writing again from stored columns gives the same bytes;
 * verification accepts nothing that was altered anywhere. */
#include "json.h"
#include "receipt.h"
#include "unit.h"
#include "wall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *file_text(const char *name, char *dst, size_t cap)
{
    char path[512];
    const char *root = getenv("HADIR_SOURCE");
    ck_assert_ptr_nonnull(root);
    snprintf(path, sizeof path, "%s/proto/vectors/%s", root, name);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s cannot be read", path);
    size_t len = fread(dst, 1, cap - 1, f);
    fclose(f);
    while (len > 0 && dst[len - 1] == '\n')
        len--;
    dst[len] = '\0';
    return dst;
}

static struct verifier *vector_key(void)
{
    char path[512], error[200];
    snprintf(path, sizeof path, "%s/proto/vectors/receipt-key.pem", getenv("HADIR_SOURCE"));
    struct verifier *v = verifier_load(path, error, sizeof error);
    ck_assert_msg(v != NULL, "%s", error);
    return v;
}

static int64_t at(const char *s)
{
    int64_t us = 0;
    ck_assert(wall_parse_rfc3339(s, strlen(s), &us));
    return us;
}

/* The vector's fact. */
static struct fact sample(void)
{
    struct fact f = {.government = 1, .person = 173, .device = 7, .channel = CHANNEL_NATIVE};
    ck_assert(decode_uuid("3d594650-3436-4b9f-a0a5-1a2b3c4d5e6f", 36, f.id));
    for (uint8_t i = 0; i < sizeof f.salt; i++)
        f.salt[i] = i;
    f.fix_us = at("2025-12-28T23:10:00Z");
    f.message_us = TIME_ABSENT;
    f.sent_us = at("2025-12-28T23:10:03.25Z");
    f.received_us = at("2025-12-28T23:10:05.000123Z");
    f.clock_state = CLOCK_SIMULATED;
    f.clock_error_us = UINT32_MAX;
    f.clock_offset_us = INT64_C(-28425600000000);
    f.decided_us = at("2025-12-28T23:10:01.750123Z");
    f.decided_by = TIME_FIX;
    f.lat_deg = -2.5567;
    f.lon_deg = 120.3241;
    f.has_accuracy = true;
    f.accuracy_m = 12.5;
    f.flags = FLAG_MOCK | FLAG_CLOCK_SIMULATED;
    f.first.verdict = VERDICT_LATE;
    ck_assert(wall_parse_date("2025-12-29", 10, &f.first.day));
    f.first.session = 3;
    f.first.session_code = (struct text){"pagi A-1", 8};
    f.first.counts_as = COUNTS_AS_IN;
    f.first.late_minutes = 12;
    f.first.place = PLACE_WFO;
    f.first.fence = 42;
    f.first.relation = RELATION_INSIDE;
    f.first.has_distance = true;
    f.first.distance_m = -33.3;
    return f;
}

struct group {
    struct signer *signer;
    struct verifier *verifier;
    uint8_t path[MERKLE_PATH_MAX * SHA256_BYTES];
    struct receipt_proof proof;
};

/* Signs f as leaf `index` of `size`, the others being made up. */
static struct group signed_group(const struct fact *f, size_t size, size_t index)
{
    struct group g = {.signer = signer_generate()};
    uint8_t *leaves = calloc(size, SHA256_BYTES), bytes[15 + 8 + 32];
    ck_assert_ptr_nonnull(leaves);
    for (size_t i = 0; i < size; i++)
        merkle_leaf(&i, sizeof i, leaves + i * SHA256_BYTES);
    ck_assert(receipt_leaf(f, leaves + index * SHA256_BYTES));
    g.verifier = verifier_of(g.signer);
    g.proof = (struct receipt_proof){.tree_size = size, .tree_index = index, .key_id = signer_key_id(g.signer)};
    merkle_root(leaves, size, g.proof.root);
    g.proof.path_steps = merkle_path(leaves, size, index, g.path);
    receipt_signed_bytes(size, g.proof.root, bytes);
    ck_assert(signer_sign(g.signer, bytes, sizeof bytes, g.proof.signature));
    free(leaves);
    return g;
}

static void group_free(struct group *g)
{
    verifier_free(g->verifier);
    signer_free(g->signer);
}

static enum receipt_check verify(const char *json, size_t len, const struct verifier *v)
{
    char reason[200];
    enum receipt_check check = receipt_verify((const uint8_t *)json, len, v, reason, sizeof reason);
    ck_assert((check == RECEIPT_GOOD) == (reason[0] == '\0'));
    return check;
}

static char *written(const struct fact *f, struct group *g, char *dst, size_t cap)
{
    struct buf b;
    buf_init(&b, cap - 1);
    g->proof.path = g->path;
    ck_assert(receipt_json(f, &g->proof, &b));
    memcpy(dst, b.data, b.len);
    dst[b.len] = '\0';
    buf_fini(&b);
    return dst;
}

START_TEST(vector_is_good)
{
    char text[8192];
    struct verifier *v = vector_key();
    file_text("receipt.txt", text, sizeof text);
    ck_assert_int_eq(verify(text, strlen(text), v), RECEIPT_GOOD);
    verifier_free(v);
}
END_TEST

static struct text member(const json_value *v, const char *name)
{
    struct text t = {NULL, 0};
    ck_assert(json_get_string(json_member(v, name), &t));
    return t;
}

START_TEST(vector_is_what_we_write)
{
    char text[8192], receipt[8192], hex[600];
    struct json_error why;
    struct fact f = sample();
    file_text("receipt.json", text, sizeof text);
    struct json_doc *steps = json_parse(text, strlen(text), 4, &why);
    file_text("receipt.txt", receipt, sizeof receipt);
    struct json_doc *doc = json_parse(receipt, strlen(receipt), 4, &why);
    ck_assert(steps != NULL && doc != NULL);
    struct buf b;
    buf_init(&b, 8192);
    ck_assert(receipt_fact_text(&f, &b));
    ck_assert_str_eq(buf_str(&b), member(json_root(steps), "fact_text").s);
    uint8_t leaf[SHA256_BYTES];
    ck_assert(receipt_leaf(&f, leaf));
    ck_assert_str_eq(encode_hex(hex, sizeof hex, leaf, sizeof leaf), member(json_root(steps), "leaf").s);

    const json_value *root = json_root(doc), *path = json_member(json_member(root, "tree"), "path");
    uint8_t bytes[2 * SHA256_BYTES];
    struct receipt_proof p = {.tree_size = 3, .tree_index = 1, .path = bytes, .path_steps = 2};
    for (size_t i = 0; i < 2; i++) {
        struct text t;
        ck_assert(json_get_string(json_at(path, i), &t));
        ck_assert(decode_hex(t.s, t.len, bytes + i * SHA256_BYTES, SHA256_BYTES));
    }
    ck_assert(decode_hex(member(root, "root").s, 64, p.root, SHA256_BYTES));
    p.key_id = member(root, "key").s;
    size_t n = 0;
    struct text signature = member(root, "signature");
    ck_assert(decode_base64url(signature.s, signature.len, p.signature, sizeof p.signature, &n));
    buf_clear(&b);
    ck_assert(receipt_json(&f, &p, &b));
    ck_assert_str_eq(buf_str(&b), receipt);

    uint8_t signed_bytes[15 + 8 + 32];
    receipt_signed_bytes(3, p.root, signed_bytes);
    ck_assert_str_eq(encode_hex(hex, sizeof hex, signed_bytes, sizeof signed_bytes),
                     member(json_root(steps), "signed_hex").s);
    buf_fini(&b);
    json_doc_free(doc);
    json_doc_free(steps);
}
END_TEST

START_TEST(every_place_in_every_small_tree)
{
    char text[16384];
    struct fact f = sample();
    for (size_t size = 1; size <= 17; size++)
        for (size_t index = 0; index < size; index++) {
            struct group g = signed_group(&f, size, index);
            written(&f, &g, text, sizeof text);
            ck_assert_int_eq(verify(text, strlen(text), g.verifier), RECEIPT_GOOD);
            group_free(&g);
        }
}
END_TEST

/* Whatever byte is changed to whatever looks alike: never GOOD. */
START_TEST(no_altered_byte_is_good)
{
    char text[8192];
    struct verifier *v = vector_key();
    file_text("receipt.txt", text, sizeof text);
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        static const char others[] = "0a-A1 ,\"\n\xc3";
        char was = text[i];
        for (size_t k = 0; k < sizeof others; k++) {
            if (others[k] == was)
                continue;
            text[i] = others[k];
            ck_assert_msg(verify(text, len, v) != RECEIPT_GOOD, "byte %zu: %c became %c", i, was, others[k]);
        }
        text[i] = was;
    }
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(verify(text, cut, v), RECEIPT_MALFORMED);
    verifier_free(v);
}
END_TEST

static enum receipt_check after_edit(const char *from, const char *to)
{
    char text[8192], edited[8192];
    struct verifier *v = vector_key();
    file_text("receipt.txt", text, sizeof text);
    const char *found = strstr(text, from);
    ck_assert_msg(found != NULL, "%s is not in the receipt", from);
    snprintf(edited, sizeof edited, "%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
    enum receipt_check check = verify(edited, strlen(edited), v);
    verifier_free(v);
    return check;
}

START_TEST(names_what_is_wrong)
{
    ck_assert_int_eq(after_edit("\"late_minutes\":\"12\"", "\"late_minutes\":\"0\""), RECEIPT_WRONG_PATH);
    ck_assert_int_eq(after_edit("\"verdict\":\"late\"", "\"verdict\":\"on_time\""), RECEIPT_WRONG_PATH);
    ck_assert_int_eq(after_edit("\"person\":\"173\"", "\"person\":\"174\""), RECEIPT_WRONG_PATH);
    ck_assert_int_eq(after_edit("\"index\":1", "\"index\":0"), RECEIPT_WRONG_PATH);
    ck_assert_int_eq(after_edit("\"size\":3", "\"size\":4"), RECEIPT_WRONG_SIGNATURE);
    ck_assert_int_eq(after_edit("\"late_minutes\":\"12\"", "\"late_minutes\":12"), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"late_minutes\":\"12\"", "\"late_minutes\":\"012\""), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"late_minutes\":\"12\"", "\"late_minutes\":\"12\\nfence=1\""), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"place\":\"WFO\"", "\"place\":\"W O\""), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"person\":\"173\"", "\"person\":\"-\""), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"v\":1", "\"v\":2"), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"v\":1", "\"v\":1,\"x\":1"), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"v\":1", "\"v\":1,\"v\":1"), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"index\":1", "\"index\":3"), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"index\":1", "\"index\":-1"), RECEIPT_MALFORMED);
    ck_assert_int_eq(after_edit("\"size\":3", "\"size\":3.0"), RECEIPT_MALFORMED);
}
END_TEST

START_TEST(another_key_and_a_borrowed_signature)
{
    char text[8192], other[8192];
    struct fact f = sample(), g = sample();
    g.person = 174;
    struct group a = signed_group(&f, 4, 2), b = signed_group(&g, 4, 2);
    written(&f, &a, text, sizeof text);
    ck_assert_int_eq(verify(text, strlen(text), b.verifier), RECEIPT_WRONG_KEY);
    memcpy(a.proof.signature, b.proof.signature, sizeof a.proof.signature);
    written(&f, &a, other, sizeof other);
    ck_assert_int_eq(verify(other, strlen(other), a.verifier), RECEIPT_WRONG_SIGNATURE);
    group_free(&a);
    group_free(&b);
}
END_TEST

/* An office may pretty-print or reorder: the content counts. */
START_TEST(white_space_and_order_do_not_matter)
{
    ck_assert_int_eq(after_edit("{\"v\":1,", "\n {  \"v\" : 1 ,\n"), RECEIPT_GOOD);
    ck_assert_int_eq(after_edit("\"government\":\"1\",\"person\":\"173\"", "\"person\":\"173\",\"government\":\"1\""),
                     RECEIPT_GOOD);
}
END_TEST

/* Coordinates show only through the salted hash; accuracy, note, key and distance not at all. */
START_TEST(what_is_erased_is_not_in_it)
{
    uint8_t leaf[SHA256_BYTES], again[SHA256_BYTES], hash[SHA256_BYTES];
    struct fact f = sample();
    ck_assert(receipt_leaf(&f, leaf));
    receipt_coordinates_hash(&f, hash);
    f.has_accuracy = false;
    f.first.has_distance = false;
    f.note = (struct text){"catatan", 7};
    f.raw = (struct text){"{}", 2};
    f.session_claimed = (struct text){"sore", 4};
    memset(f.key, 9, sizeof f.key);
    memset(f.body_hash, 9, sizeof f.body_hash);
    ck_assert(receipt_leaf(&f, again));
    ck_assert_mem_eq(leaf, again, sizeof leaf);
    f.lat_deg = f.lon_deg = 0;
    memset(f.salt, 0, sizeof f.salt);
    ck_assert(receipt_leaf(&f, again));
    ck_assert_mem_ne(leaf, again, sizeof leaf);
    ck_assert(receipt_leaf_hashed(&f, hash, again));
    ck_assert_mem_eq(leaf, again, sizeof leaf);
}
END_TEST

START_TEST(everything_signed_changes_the_leaf)
{
    struct fact f = sample();
    uint8_t leaf[SHA256_BYTES], other[SHA256_BYTES];
    ck_assert(receipt_leaf(&f, leaf));
#define CHANGED(change)                                                                                              \
    do {                                                                                                             \
        f = sample();                                                                                                \
        change;                                                                                                      \
        ck_assert(receipt_leaf(&f, other));                                                                          \
        ck_assert_msg(memcmp(leaf, other, sizeof leaf) != 0, #change);                                               \
    } while (0)
    CHANGED(f.id[0] ^= 1);
    CHANGED(f.government++);
    CHANGED(f.person++);
    CHANGED(f.device++);
    CHANGED(f.channel = CHANNEL_OSMAND);
    CHANGED(f.fix_us++);
    CHANGED(f.message_us = f.fix_us);
    CHANGED(f.sent_us = TIME_ABSENT);
    CHANGED(f.received_us++);
    CHANGED(f.clock_state = CLOCK_SYNCHRONISED);
    CHANGED(f.clock_error_us = 0);
    CHANGED(f.clock_offset_us = 0);
    CHANGED(f.decided_us++);
    CHANGED(f.decided_by = TIME_ARRIVAL);
    CHANGED(f.automatic = true);
    CHANGED(f.flags |= FLAG_STALE_FIX);
    CHANGED(f.salt[15] ^= 1);
    CHANGED(f.lat_deg += 1e-9);
    CHANGED(f.lon_deg += 1e-9);
    CHANGED(f.first.verdict = VERDICT_ON_TIME);
    CHANGED(f.first.day = INT32_MIN);
    CHANGED(f.first.session_code.len--);
    CHANGED(f.first.counts_as = COUNTS_AS_OUT);
    CHANGED(f.first.late_minutes++);
    CHANGED(f.first.early_minutes++);
    CHANGED(f.first.place = PLACE_NONE);
    CHANGED(f.first.fence = 0);
    CHANGED(f.first.relation = RELATION_UNCERTAIN);
#undef CHANGED
}
END_TEST

/* Odd values still give a text that can be read in one way, and a receipt that verifies. */
START_TEST(odd_values_stay_canonical)
{
    static char code[300];
    char text[16384];
    for (size_t i = 0; i < sizeof code; i++)
        code[i] = (char)(i % 255 + 1);
    for (int k = 0; k < 4; k++) {
        struct fact f = sample();
        f.first.session_code = k == 0   ? (struct text){code, sizeof code}
                               : k == 1 ? (struct text){"-", 1}
                               : k == 2 ? (struct text){"a\nfence=9", 9}
                                        : (struct text){NULL, 0};
        f.flags = k == 0 ? (1u << FLAG_COUNT) - 1 : 0;
        f.fix_us = k == 1 ? 1 : TIME_ABSENT;
        f.first.day = k == 2 ? INT32_MIN : 0;
        f.first.verdict = VERDICT_PENDING;
        f.clock_error_us = 17;
        struct group g = signed_group(&f, 2, 1);
        written(&f, &g, text, sizeof text);
        ck_assert_int_eq(verify(text, strlen(text), g.verifier), RECEIPT_GOOD);
        if (k == 1)
            ck_assert_ptr_nonnull(strstr(text, "\"session\":\"%2D\""));
        if (k == 2)
            ck_assert_ptr_nonnull(strstr(text, "\"session\":\"a%0Afence%3D9\""));
        group_free(&g);
    }
}
END_TEST

/* The row as api.receipt() gives it for the sample. */
static size_t row_text(const struct fact *f, const struct group *g, const char *session_code, char *dst, size_t cap)
{
    char hash_hex[65], root[65], signature[129], path[MERKLE_PATH_MAX * 64 + 1];
    uint8_t hash[SHA256_BYTES];
    receipt_coordinates_hash(f, hash);
    path[0] = '\0';
    if (g->proof.path_steps > 0)
        encode_hex(path, sizeof path, g->path, g->proof.path_steps * SHA256_BYTES);
    int n = snprintf(
        dst, cap,
        "{\"id\":\"3d594650-3436-4b9f-a0a5-1a2b3c4d5e6f\",\"status\":\"recorded\",\"government\":1,\"person\":173,"
        "\"device\":7,\"channel\":\"native\",\"fix_at\":\"2025-12-28T23:10:00.000000Z\",\"message_at\":null,"
        "\"sent_at\":\"2025-12-28T23:10:03.250000Z\",\"received_at\":\"2025-12-28T23:10:05.000123Z\","
        "\"clock_error_us\":null,\"clock_state\":\"simulated\",\"clock_offset_us\":-28425600000000,"
        "\"decided_at\":\"2025-12-28T23:10:01.750123Z\",\"decided_by\":\"fix\","
        "\"flags\":[\"clock_simulated\",\"mock\"],\"automatic\":false,\"note\":null,\"session_claimed\":null,"
        "\"directory_epoch\":1,\"directory_number\":5,\"coordinates_sha256\":\"%s\",\"first\":{\"verdict\":\"late\","
        "\"day\":\"2025-12-29\",\"session\":3,\"session_code\":%s,\"counts_as\":\"in\",\"late_minutes\":12,"
        "\"early_minutes\":0,\"place\":\"WFO\",\"fence\":42,\"relation\":\"inside\"},\"tree\":{\"size\":%d,\"index\":%d,"
        "\"path\":\"%s\",\"root\":\"%s\",\"signature\":\"%s\",\"key\":\"%s\"}}",
        encode_hex(hash_hex, sizeof hash_hex, hash, sizeof hash), session_code, (int)g->proof.tree_size,
        (int)g->proof.tree_index, path, encode_hex(root, sizeof root, g->proof.root, SHA256_BYTES),
        encode_hex(signature, sizeof signature, g->proof.signature, SIGNATURE_BYTES), g->proof.key_id);
    ck_assert(n > 0 && (size_t)n < cap);
    return (size_t)n;
}

START_TEST(stored_columns_give_the_same_bytes)
{
    char row[8192], text[8192], reason[200] = "";
    struct fact f = sample();
    for (size_t size = 1; size <= 5; size += 4) {
        struct group g = signed_group(&f, size, size / 2);
        struct buf b;
        buf_init(&b, 8192);
        written(&f, &g, text, sizeof text);
        size_t len = row_text(&f, &g, "\"pagi A-1\"", row, sizeof row);
        ck_assert_msg(receipt_from_row((uint8_t *)row, len, &b, reason, sizeof reason), "%s", reason);
        ck_assert_str_eq(buf_str(&b), text);
        len = row_text(&f, &g, "7", row, sizeof row);
        ck_assert(!receipt_from_row((uint8_t *)row, len, &b, reason, sizeof reason));
        ck_assert_ptr_nonnull(strstr(reason, "session_code"));
        buf_fini(&b);
        group_free(&g);
    }
}
END_TEST

START_TEST(rows_without_signature_give_none)
{
    static const char *const rows[] = {"null", "{}", "[]", "", "{\"tree\":{\"size\":null,\"index\":null}}",
                                       "{\"tree\":{\"size\":1,\"index\":0,\"path\":\"0\"}}"};
    char reason[200];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b;
        buf_init(&b, 8192);
        reason[0] = '\0';
        ck_assert(!receipt_from_row((const uint8_t *)rows[i], strlen(rows[i]), &b, reason, sizeof reason));
        ck_assert_uint_gt(strlen(reason), 0);
        buf_fini(&b);
    }
}
END_TEST

START_TEST(full_buffer_is_told)
{
    struct fact f = sample();
    struct group g = signed_group(&f, 1, 0);
    struct buf b;
    buf_init(&b, 100);
    ck_assert(!receipt_json(&f, &g.proof, &b));
    buf_fini(&b);
    group_free(&g);
}
END_TEST

UNIT_MAIN("proto/receipt", vector_is_good, vector_is_what_we_write, every_place_in_every_small_tree,
          no_altered_byte_is_good, names_what_is_wrong, another_key_and_a_borrowed_signature,
          white_space_and_order_do_not_matter, what_is_erased_is_not_in_it, everything_signed_changes_the_leaf,
          odd_values_stay_canonical, stored_columns_give_the_same_bytes, rows_without_signature_give_none,
          full_buffer_is_told)
