/* Receipts, the checking side: given anybody's bytes and a public key, is this what hadir signed?
 *
 * Place in the flow: `hadir verify-receipt`, offline; PROTOCOL.md tells others how to do the same without us.
 *
 * Invariants
 * - Exactly the members that receipt.c writes, each with a value of its line's shape. In particular no value holds a
 *   line feed or a blank, so the text that is hashed can be read in one way only.
 * - Order in the JSON and white space do not matter (receipts get pretty-printed on their way through an office); the
 *   text is rebuilt in the fixed order.
 * - First the key id, then leaf and path, then the signature: the answer names the first thing that is wrong.
 *
 * It trusts nothing in the receipt but what the signature covers. Pure; no threads. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "receipt.h"
#include "receipt_lines.h"
#include "wall.h"

#define RECEIPT_DEPTH_MAX 4
#define ESCAPED_MAX 300

struct claim {
    struct buf fact, verdict;
    uint64_t size, index;
    uint8_t path[MERKLE_PATH_MAX * SHA256_BYTES];
    size_t steps;
    uint8_t root[SHA256_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct text key;
    char *reason;
    size_t cap;
};

static bool malformed(struct claim *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool malformed(struct claim *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->reason, c->cap, fmt, ap);
    va_end(ap);
    return false;
}

static bool in_set(char c, const char *extra)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr(extra, c) != NULL);
}

static bool all_in_set(struct text t, const char *extra)
{
    for (size_t i = 0; i < t.len; i++)
        if (!in_set(t.s[i], extra))
            return false;
    return t.len > 0;
}

/* Canonical decimal of at most 19 digits: no sign but one '-', no leading zero, no "-0". */
static bool is_number(struct text t, bool may_be_negative)
{
    if (t.len > 0 && t.s[0] == '-' && may_be_negative) {
        t.s++;
        t.len--;
        if (t.len == 1 && t.s[0] == '0')
            return false;
    }
    if (t.len == 0 || t.len > 19 || (t.len > 1 && t.s[0] == '0'))
        return false;
    for (size_t i = 0; i < t.len; i++)
        if (t.s[i] < '0' || t.s[i] > '9')
            return false;
    return true;
}

static bool is_time(struct text t)
{
    int64_t us;
    return t.len == 27 && t.s[10] == 'T' && t.s[19] == '.' && t.s[26] == 'Z' && wall_parse_rfc3339(t.s, t.len, &us);
}

static bool is_lower_hex(struct text t, size_t digits)
{
    for (size_t i = 0; i < t.len; i++)
        if (!((t.s[i] >= '0' && t.s[i] <= '9') || (t.s[i] >= 'a' && t.s[i] <= 'f')))
            return false;
    return t.len == digits;
}

static bool is_uuid(struct text t)
{
    uint8_t uuid[16];
    char again[37];
    return decode_uuid(t.s, t.len, uuid) && memcmp(encode_uuid(again, uuid), t.s, 36) == 0;
}

static bool has_shape(struct text t, enum line_kind kind)
{
    int32_t day;
    switch (kind) {
    case LINE_UUID: return is_uuid(t);
    case LINE_COUNT: return is_number(t, false);
    case LINE_NUMBER: return is_number(t, true);
    case LINE_TIME: return is_time(t);
    case LINE_DATE: return wall_parse_date(t.s, t.len, &day);
    case LINE_WORD: return t.len <= 40 && all_in_set(t, "_");
    case LINE_WORDS: return t.len <= 400 && all_in_set(t, "_,");
    case LINE_HASH: return is_lower_hex(t, 2 * SHA256_BYTES);
    case LINE_ESCAPED: return t.len <= ESCAPED_MAX && all_in_set(t, "._-%");
    }
    return false;
}

static bool read_lines(struct claim *c, const json_value *root, const char *member, const struct line *lines,
                       size_t count, struct buf *out)
{
    const json_value *object = json_member(root, member);
    if (json_kind_of(object) != JSON_KIND_OBJECT || json_count(object) != count)
        return malformed(c, "\"%s\" is not an object of %zu members", member, count);
    for (size_t i = 0; i < count; i++) {
        struct text t;
        const json_value *v = json_member(object, lines[i].name);
        if (v == NULL || !json_get_string(v, &t))
            return malformed(c, "\"%s/%s\" is missing or not a string", member, lines[i].name);
        bool absent = t.len == 1 && t.s[0] == '-';
        if (absent ? !lines[i].may_be_absent : !has_shape(t, lines[i].kind))
            return malformed(c, "\"%s/%s\" has a value that hadir does not write", member, lines[i].name);
        buf_printf(out, "%s=", lines[i].name);
        buf_add(out, t.s, t.len);
        buf_putc(out, '\n');
    }
    return !out->failed || malformed(c, "out of memory");
}

static bool read_hash(const json_value *v, uint8_t ret[SHA256_BYTES])
{
    struct text t;
    return v != NULL && json_get_string(v, &t) && is_lower_hex(t, 2 * SHA256_BYTES) &&
           decode_hex(t.s, t.len, ret, SHA256_BYTES);
}

static bool read_tree(struct claim *c, const json_value *root)
{
    const json_value *tree = json_member(root, "tree"), *path = json_member(tree, "path");
    int64_t size = 0, index = 0;
    if (json_kind_of(tree) != JSON_KIND_OBJECT || json_count(tree) != 3 ||
        json_kind_of(path) != JSON_KIND_ARRAY || !json_get_int(json_member(tree, "size"), &size) ||
        !json_get_int(json_member(tree, "index"), &index))
        return malformed(c, "\"tree\" does not hold size, index and path");
    if (size < 1 || size > INT64_C(1) << MERKLE_PATH_MAX || index < 0 || index >= size ||
        json_count(path) > MERKLE_PATH_MAX)
        return malformed(c, "\"tree\" has a size, index or path out of range");
    c->size = (uint64_t)size;
    c->index = (uint64_t)index;
    c->steps = json_count(path);
    for (size_t i = 0; i < c->steps; i++)
        if (!read_hash(json_at(path, i), c->path + i * SHA256_BYTES))
            return malformed(c, "\"tree/path/%zu\" is not a hash", i);
    return true;
}

static bool read_signature(struct claim *c, const json_value *root)
{
    struct text t;
    char again[2 * SIGNATURE_BYTES];
    size_t n = 0;
    if (!read_hash(json_member(root, "root"), c->root))
        return malformed(c, "\"root\" is not a hash");
    if (!json_get_string(json_member(root, "key"), &c->key) || !is_lower_hex(c->key, KEY_ID_CHARS))
        return malformed(c, "\"key\" is not a key id");
    if (!json_get_string(json_member(root, "signature"), &t) ||
        !decode_base64url(t.s, t.len, c->signature, sizeof c->signature, &n) || n != sizeof c->signature)
        return malformed(c, "\"signature\" is not a signature");
    /* base64url has spare bits at the end: only the one canonical spelling is a receipt */
    encode_base64url(again, sizeof again, c->signature, n);
    if (strlen(again) != t.len || memcmp(again, t.s, t.len) != 0)
        return malformed(c, "\"signature\" is not canonical base64url");
    return true;
}

static bool read_claim(struct claim *c, const json_value *root)
{
    int64_t version = 0;
    struct text status;
    if (json_kind_of(root) != JSON_KIND_OBJECT || json_count(root) != 8)
        return malformed(c, "not an object of eight members");
    if (!json_get_int(json_member(root, "v"), &version) || version != 1)
        return malformed(c, "\"v\" is not 1");
    if (!json_get_string(json_member(root, "status"), &status) || status.len != strlen(RECEIPT_STATUS) ||
        memcmp(status.s, RECEIPT_STATUS, status.len) != 0)
        return malformed(c, "\"status\" is not " RECEIPT_STATUS);
    buf_puts(&c->fact, RECEIPT_FACT_LABEL);
    return read_lines(c, root, "fact", receipt_fact_lines, FACT_LINES, &c->fact) &&
           read_lines(c, root, "verdict", receipt_verdict_lines, VERDICT_LINES, &c->verdict) && read_tree(c, root) &&
           read_signature(c, root);
}

static enum receipt_check check_claim(struct claim *c, const struct verifier *v)
{
    uint8_t leaf[SHA256_BYTES], signed_bytes[15 + 8 + 32];
    const char *key_id = verifier_key_id(v);
    if (c->key.len != strlen(key_id) || memcmp(c->key.s, key_id, c->key.len) != 0) {
        malformed(c, "signed by key %.*s, the public key given is %s", (int)c->key.len, c->key.s, key_id);
        return RECEIPT_WRONG_KEY;
    }
    if (!receipt_leaf_of(&c->fact, &c->verdict, leaf)) {
        malformed(c, "out of memory");
        return RECEIPT_MALFORMED;
    }
    if (!merkle_verify(leaf, c->index, c->size, c->path, c->steps, c->root)) {
        malformed(c, "fact and verdict do not lead to the signed root: the content was changed");
        return RECEIPT_WRONG_PATH;
    }
    receipt_signed_bytes(c->size, c->root, signed_bytes);
    if (!verifier_check(v, signed_bytes, sizeof signed_bytes, c->signature)) {
        malformed(c, "the signature does not belong to this root and key");
        return RECEIPT_WRONG_SIGNATURE;
    }
    return RECEIPT_GOOD;
}

enum receipt_check receipt_verify(const uint8_t *json, size_t len, const struct verifier *v, char *reason, size_t cap)
{
    struct claim c = {.reason = reason, .cap = cap};
    struct json_error why = {0};
    if (cap > 0)
        reason[0] = '\0';
    struct json_doc *doc = json_parse(json, len, RECEIPT_DEPTH_MAX, &why);
    if (doc == NULL) {
        malformed(&c, "not JSON: %s at byte %zu", why.reason, why.offset);
        return RECEIPT_MALFORMED;
    }
    buf_init(&c.fact, RECEIPT_TEXT_MAX);
    buf_init(&c.verdict, RECEIPT_TEXT_MAX);
    enum receipt_check check = RECEIPT_MALFORMED;
    if (read_claim(&c, json_root(doc)))
        check = check_claim(&c, v);
    buf_fini(&c.fact);
    buf_fini(&c.verdict);
    json_doc_free(doc);
    return check;
}
