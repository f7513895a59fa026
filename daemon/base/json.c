/* The JSON reader: jansson behind a stricter door. Jansson's headers stay in this file.
 *
 * Depth is counted over the bytes before jansson sees them, because its own limit is a compile-time 2048; and a NUL is
 * looked for, because it passes over one behind a number. Duplicate members, bytes that are no UTF-8, \u0000, numbers
 * beyond int64 or double and anything after the value are errors. Reasons are our own words: jansson's quote the input,
 * which may hold what no log may see. Values and strings borrow from the document. A document belongs to one thread;
 * different documents may be used by different ones.
 *
 * Jansson forgets some allocations that failed: a string or a number then lacks its end, or the error has no name. So it
 * allocates by our function, which remembers: text that could not be kept is never taken for what the client said. */
#include <jansson.h>

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct json_doc {
    json_t *root;
};

static _Thread_local bool short_of_memory;

static void *allocate(size_t bytes)
{
    void *p = malloc(bytes);
    short_of_memory |= p == NULL;
    return p;
}

/* Jansson seeds its hash tables on first use by opening a device file, which a confined door may not. */
static void seed_once(void)
{
    static bool seeded;
    if (__atomic_load_n(&seeded, __ATOMIC_ACQUIRE))
        return;
    uint32_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed || seed == 0)
        seed = 1;
    json_set_alloc_funcs(allocate, free);
    json_object_seed(seed);
    __atomic_store_n(&seeded, true, __ATOMIC_RELEASE);
}

/* true when no nesting exceeds max_depth. Strings are skipped; malformed ones are left for jansson to refuse. */
static bool depth_ok(const char *s, size_t len, unsigned max_depth, size_t *ret_at)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max_depth) {
                *ret_at = i;
                return false;
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return true;
}

static const char *reason_of(enum json_error_code code)
{
    switch (code) {
    case json_error_out_of_memory:
        return "out of memory";
    case json_error_stack_overflow:
        return "nested too deeply";
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_premature_end_of_input:
        return "ends too early";
    case json_error_end_of_input_expected:
        return "something follows the value";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a string holds NUL";
    case json_error_duplicate_key:
        return "a member occurs twice";
    case json_error_numeric_overflow:
        return "a number is out of range";
    default:
        return "not JSON";
    }
}

static void set_error(struct json_error *e, size_t offset, const char *reason)
{
    e->offset = offset;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
}

struct json_doc *json_parse(const void *bytes, size_t len, unsigned max_depth, struct json_error *ret_error)
{
    size_t at = 0;
    if (bytes == NULL || len == 0) {
        set_error(ret_error, 0, reason_of(json_error_premature_end_of_input));
        return NULL;
    }
    if (!depth_ok(bytes, len, max_depth, &at)) {
        set_error(ret_error, at, reason_of(json_error_stack_overflow));
        return NULL;
    }
    const char *nul = memchr(bytes, '\0', len);
    if (nul != NULL) {
        set_error(ret_error, (size_t)(nul - (const char *)bytes), reason_of(json_error_invalid_syntax));
        return NULL;
    }
    seed_once();
    struct json_doc *doc = malloc(sizeof *doc);
    if (doc == NULL) {
        set_error(ret_error, 0, reason_of(json_error_out_of_memory));
        return NULL;
    }
    json_error_t error = {0};
    short_of_memory = false;
    doc->root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (doc->root == NULL || short_of_memory) {
        size_t offset = error.position < 0 ? 0 : (size_t)error.position;
        enum json_error_code code = short_of_memory ? json_error_out_of_memory : json_error_code(&error);
        set_error(ret_error, offset > len ? len : offset, reason_of(code));
        json_doc_free(doc);
        return NULL;
    }
    return doc;
}

void json_doc_free(struct json_doc *doc)
{
    if (doc == NULL)
        return;
    json_decref(doc->root);
    free(doc);
}

const json_value *json_root(const struct json_doc *doc)
{
    return doc->root;
}

enum json_kind json_kind_of(const json_value *v)
{
    if (v == NULL)
        return JSON_KIND_NULL;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_STRING;
    case JSON_INTEGER:
        return JSON_KIND_INT;
    case JSON_REAL:
        return JSON_KIND_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_KIND_BOOL;
    case JSON_NULL:
        break;
    }
    return JSON_KIND_NULL;
}

const json_value *json_member(const json_value *v, const char *name)
{
    return json_object_get(v, name);
}

size_t json_count(const json_value *v)
{
    return json_is_object(v) ? json_object_size(v) : json_array_size(v);
}

const json_value *json_at(const json_value *v, size_t i)
{
    return json_array_get(v, i);
}

bool json_get_string(const json_value *v, struct text *ret)
{
    if (!json_is_string(v))
        return false;
    *ret = (struct text){.s = json_string_value(v), .len = json_string_length(v)};
    return true;
}

bool json_get_int(const json_value *v, int64_t *ret)
{
    if (!json_is_integer(v))
        return false;
    *ret = json_integer_value(v);
    return true;
}

bool json_get_real(const json_value *v, double *ret)
{
    if (!json_is_number(v))
        return false;
    *ret = json_number_value(v);
    return true;
}

bool json_get_bool(const json_value *v, bool *ret)
{
    if (!json_is_boolean(v))
        return false;
    *ret = json_is_true(v);
    return true;
}

bool json_each(const json_value *v, json_member_cb fn, void *arg)
{
    if (!json_is_object(v))
        return true;
    json_t *object = (json_t *)(uintptr_t)v; /* jansson's iterators are not const, though they change nothing */
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
        if (!fn(json_object_iter_key(at), json_object_iter_value(at), arg))
            return false;
    return true;
}

static int dump_piece(const char *bytes, size_t len, void *arg)
{
    return buf_add(arg, bytes, len) ? 0 : -1;
}

bool json_dump(const json_value *v, struct buf *out)
{
    if (v == NULL)
        return buf_puts(out, "null");
    return json_dump_callback(v, dump_piece, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) == 0 &&
           !out->failed;
}
