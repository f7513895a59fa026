/* JSON in and out. Reading is strict (RFC 8259, UTF-8, no duplicate members, bounded depth) over jansson, which
 * stays inside json.c; NaN, Infinity and 1e400 are errors. Writing is a bounded streaming writer on struct buf. */
#ifndef HADIR_JSON_H
#define HADIR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"

enum json_kind { JSON_KIND_NULL, JSON_KIND_BOOL, JSON_KIND_INT, JSON_KIND_REAL, JSON_KIND_STRING, JSON_KIND_ARRAY,
                 JSON_KIND_OBJECT };

struct json_doc; /* owns a parsed document */
typedef struct json_t json_value; /* jansson's own opaque type: values borrow from their document */

struct json_error {
    size_t offset;    /* byte where reading stopped */
    char reason[120]; /* English, for logs and problem details */
};

/* NULL on error, *ret_error filled. max_depth counts nested arrays and objects. Caller frees with json_doc_free. */
struct json_doc *json_parse(const void *bytes, size_t len, unsigned max_depth, struct json_error *ret_error);
void json_doc_free(struct json_doc *doc);
const json_value *json_root(const struct json_doc *doc);

enum json_kind json_kind_of(const json_value *v);
/* Member of an object; NULL when absent or v is no object. */
const json_value *json_member(const json_value *v, const char *name);
size_t json_count(const json_value *v); /* elements of an array, members of an object; else 0 */
const json_value *json_at(const json_value *v, size_t i);
/* Typed access: false when the kind differs. json_get_real accepts integers too. Strings borrow from the document. */
bool json_get_string(const json_value *v, struct text *ret);
bool json_get_int(const json_value *v, int64_t *ret);
bool json_get_real(const json_value *v, double *ret);
bool json_get_bool(const json_value *v, bool *ret);
/* Calls fn for each member in order until it returns false; returns false if one did. */
typedef bool (*json_member_cb)(const char *name, const json_value *v, void *arg);
bool json_each(const json_value *v, json_member_cb fn, void *arg);
/* Compact text of a value appended to out (real numbers with 17 significant digits). */
bool json_dump(const json_value *v, struct buf *out);

/* Writer. Commas are placed by itself. Five of its names are jansson's too, and the linker would give jansson ours:
 * they are linked under other names. Text that is no UTF-8, and NUL, is written as U+FFFD, so the result is always
 * valid JSON (and valid jsonb). */
#define json_object json_write_object
#define json_array json_write_array
#define json_string json_write_string
#define json_real json_write_real
#define json_null json_write_null
struct json_writer {
    struct buf *out;
    bool comma;
};
void json_begin(struct json_writer *w, struct buf *out);
void json_object(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *name);
void json_string(struct json_writer *w, const char *s);            /* NULL writes null */
void json_string_n(struct json_writer *w, const char *s, size_t len); /* NULL writes null */
void json_int(struct json_writer *w, int64_t v);
void json_real(struct json_writer *w, double v);  /* shortest text that reads back the same; not finite: null */
void json_fixed(struct json_writer *w, double v, int decimals); /* 0 … 17 decimals; not finite: null */
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
void json_raw(struct json_writer *w, const void *bytes, size_t len); /* a complete JSON value */

#endif
