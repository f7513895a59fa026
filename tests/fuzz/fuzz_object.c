/* Requests around the rules: what is handed on is an object that reads the same again, with the path's id first. */
#include "fuzz_fact.h"

#include "buf.h"
#include "json.h"

#define DEPTH_MAX 8
#define OBJECT_MAX ((size_t)64 << 10)

static const char most[] = "9223372036854775807";

static bool decode(const void *data, size_t size, const char *name, struct buf *out)
{
    struct codec_error e = {0};
    buf_init(out, OBJECT_MAX);
    bool ok = object_decode(data, size, name, (struct text){most, sizeof most - 1}, out, &e);
    if (!ok)
        fuzz_fault(&e);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf plain, again, named;
    struct json_error why;
    if (decode(data, size, NULL, &plain)) {
        struct json_doc *doc = json_parse(plain.data, plain.len, DEPTH_MAX, &why);
        MUST(doc != NULL && json_kind_of(json_root(doc)) == JSON_KIND_OBJECT && !plain.failed);
        MUST(memchr(plain.data, '\0', plain.len) == NULL);
        MUST(decode(plain.data, plain.len, NULL, &again));
        MUST(again.len == plain.len && memcmp(again.data, plain.data, plain.len) == 0);
        bool has = json_member(json_root(doc), "letter") != NULL;
        size_t members = json_count(json_root(doc));
        json_doc_free(doc);
        buf_fini(&again);
        if (decode(data, size, "letter", &named)) {
            doc = json_parse(named.data, named.len, DEPTH_MAX, &why);
            int64_t id = 0;
            MUST(!has && doc != NULL && json_count(json_root(doc)) == members + 1);
            MUST(json_get_int(json_member(json_root(doc), "letter"), &id) && id == INT64_MAX);
            json_doc_free(doc);
        } else {
            MUST(has || plain.len + 40 > OBJECT_MAX);
        }
        buf_fini(&named);
    }
    buf_fini(&plain);
    return 0;
}
