/* Receipts again from stored columns: the JSON of api.receipt(), which has the names of api.ingest's rows.
 *
 * Place in the flow: `hadir receipt ID`, months later, when coordinates, salt, accuracy and raw text are erased. The
 * row has the hash of the coordinates instead, and that is all a receipt ever contained.
 *
 * Invariant: for a row that was ingested from a fact, the result is byte-identical to what receipt_json() wrote into
 * the first answer. Whoever wants to be sure runs receipt_verify() on it. No threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "receipt.h"
#include "wall.h"

#define ROW_DEPTH_MAX 6

struct row {
    const json_value *v;
    struct fact fact;
    uint8_t coordinates_sha256[SHA256_BYTES];
    uint8_t path[MERKLE_PATH_MAX * SHA256_BYTES];
    char key_id[KEY_ID_CHARS + 1];
    struct receipt_proof proof;
    const char *wrong; /* the first member that cannot be used */
};

static bool wrong(struct row *r, const char *name)
{
    if (r->wrong == NULL)
        r->wrong = name;
    return false;
}

static bool is_absent(const json_value *v)
{
    return v == NULL || json_kind_of(v) == JSON_KIND_NULL;
}

/* A word's value in one of terms.h's tables; an absent word is value 0. */
static bool read_word(struct row *r, const json_value *object, const char *name, const char *(*name_of)(unsigned),
                      unsigned count, unsigned *ret)
{
    const json_value *v = json_member(object, name);
    struct text t = {"", 0};
    if (!is_absent(v) && !json_get_string(v, &t))
        return wrong(r, name);
    for (unsigned i = 0; i < count; i++) {
        const char *word = name_of(i);
        if (strlen(word) == t.len && memcmp(word, t.s, t.len) == 0) {
            *ret = i;
            return true;
        }
    }
    return t.len == 0 ? (*ret = 0, true) : wrong(r, name);
}

static const char *channel_word(unsigned v)
{
    return channel_name((enum channel)v);
}
static const char *verdict_word(unsigned v)
{
    return verdict_name((enum verdict)v);
}
static const char *relation_word(unsigned v)
{
    return relation_name((enum relation)v);
}
static const char *counts_word(unsigned v)
{
    return counts_as_name((enum counts_as)v);
}
static const char *place_word(unsigned v)
{
    return place_name((enum place)v);
}
static const char *source_word(unsigned v)
{
    return time_source_name((enum time_source)v);
}
static const char *clock_word(unsigned v)
{
    return clock_state_name((enum clock_state)v);
}

static bool read_int(struct row *r, const json_value *object, const char *name, int64_t absent, int64_t *ret)
{
    const json_value *v = json_member(object, name);
    if (is_absent(v)) {
        *ret = absent;
        return true;
    }
    return json_get_int(v, ret) || wrong(r, name);
}

static bool read_time(struct row *r, const char *name, int64_t *ret)
{
    const json_value *v = json_member(r->v, name);
    struct text t;
    *ret = TIME_ABSENT;
    if (is_absent(v))
        return true;
    return (json_get_string(v, &t) && wall_parse_rfc3339(t.s, t.len, ret)) || wrong(r, name);
}

static bool read_bytes(struct row *r, const json_value *object, const char *name, void *ret, size_t len)
{
    struct text t;
    const json_value *v = json_member(object, name);
    return (v != NULL && json_get_string(v, &t) && decode_hex(t.s, t.len, ret, len)) || wrong(r, name);
}

static bool read_flags(struct row *r)
{
    const json_value *list = json_member(r->v, "flags");
    if (json_kind_of(list) != JSON_KIND_ARRAY)
        return wrong(r, "flags");
    for (size_t i = 0; i < json_count(list); i++) {
        struct text t;
        unsigned bit = 0;
        if (!json_get_string(json_at(list, i), &t))
            return wrong(r, "flags");
        while (bit < FLAG_COUNT && (strlen(flag_name(bit)) != t.len || memcmp(flag_name(bit), t.s, t.len) != 0))
            bit++;
        if (bit == FLAG_COUNT)
            return wrong(r, "flags");
        r->fact.flags |= 1u << bit;
    }
    return true;
}

static bool read_times(struct row *r)
{
    struct fact *f = &r->fact;
    int64_t error_us;
    unsigned word;
    if (!read_time(r, "fix_at", &f->fix_us) || !read_time(r, "message_at", &f->message_us) ||
        !read_time(r, "sent_at", &f->sent_us) || !read_time(r, "received_at", &f->received_us) ||
        !read_time(r, "decided_at", &f->decided_us) ||
        !read_int(r, r->v, "clock_error_us", UINT32_MAX, &error_us) ||
        !read_int(r, r->v, "clock_offset_us", 0, &f->clock_offset_us) ||
        !read_word(r, r->v, "decided_by", source_word, TIME_ARRIVAL + 1, &word))
        return false;
    f->decided_by = (enum time_source)word;
    if (!read_word(r, r->v, "clock_state", clock_word, CLOCK_SIMULATED + 1, &word))
        return false;
    f->clock_state = (enum clock_state)word;
    if (error_us < 0 || error_us > UINT32_MAX)
        return wrong(r, "clock_error_us");
    f->clock_error_us = (uint32_t)error_us;
    return true;
}

static bool read_fact(struct row *r)
{
    struct fact *f = &r->fact;
    struct text id;
    unsigned channel;
    if (!json_get_string(json_member(r->v, "id"), &id) || !decode_uuid(id.s, id.len, f->id))
        return wrong(r, "id");
    if (!read_int(r, r->v, "government", 0, &f->government) || !read_int(r, r->v, "person", 0, &f->person) ||
        !read_int(r, r->v, "device", 0, &f->device) ||
        !read_word(r, r->v, "channel", channel_word, CHANNEL_MAX + 1, &channel) || !read_times(r) || !read_flags(r))
        return false;
    f->channel = (enum channel)channel;
    if (!json_get_bool(json_member(r->v, "automatic"), &f->automatic))
        return wrong(r, "automatic");
    return read_bytes(r, r->v, "coordinates_sha256", r->coordinates_sha256, SHA256_BYTES);
}

static bool read_minutes(struct row *r, const json_value *first, const char *name, int32_t *ret)
{
    int64_t v;
    if (!read_int(r, first, name, 0, &v))
        return false;
    if (v < INT32_MIN || v > INT32_MAX)
        return wrong(r, name);
    *ret = (int32_t)v;
    return true;
}

static bool read_first(struct row *r)
{
    struct judgement *j = &r->fact.first;
    const json_value *first = json_member(r->v, "first"), *day = json_member(first, "day");
    unsigned verdict, counts, place, relation;
    struct text t;
    j->day = INT32_MIN;
    if (!is_absent(day) && (!json_get_string(day, &t) || !wall_parse_date(t.s, t.len, &j->day)))
        return wrong(r, "first/day");
    if (!read_word(r, first, "verdict", verdict_word, VERDICT_NOT_EXPECTED + 1, &verdict) ||
        !read_word(r, first, "counts_as", counts_word, COUNTS_AS_PRESENCE + 1, &counts) ||
        !read_word(r, first, "place", place_word, PLACE_DL + 1, &place) ||
        !read_word(r, first, "relation", relation_word, RELATION_UNCERTAIN + 1, &relation) ||
        !read_int(r, first, "fence", 0, &j->fence) || !read_minutes(r, first, "late_minutes", &j->late_minutes) ||
        !read_minutes(r, first, "early_minutes", &j->early_minutes))
        return false;
    j->verdict = (enum verdict)verdict;
    j->counts_as = (enum counts_as)counts;
    j->place = (enum place)place;
    j->relation = (enum relation)relation;
    const json_value *code = json_member(first, "session_code");
    return is_absent(code) || json_get_string(code, &j->session_code) || wrong(r, "first/session_code");
}

static bool read_proof(struct row *r)
{
    const json_value *tree = json_member(r->v, "tree");
    struct text path, key;
    int64_t size, index;
    if (!read_int(r, tree, "size", 0, &size) || !read_int(r, tree, "index", 0, &index))
        return false;
    if (size < 1 || index < 0 || index >= size)
        return wrong(r, "tree");
    if (!json_get_string(json_member(tree, "path"), &path) || path.len % (2 * SHA256_BYTES) != 0 ||
        path.len > 2 * sizeof r->path || !decode_hex(path.s, path.len, r->path, path.len / 2))
        return wrong(r, "tree/path");
    if (!json_get_string(json_member(tree, "key"), &key) || key.len != KEY_ID_CHARS)
        return wrong(r, "tree/key");
    memcpy(r->key_id, key.s, key.len);
    r->proof.tree_size = (uint64_t)size;
    r->proof.tree_index = (uint64_t)index;
    r->proof.path = r->path;
    r->proof.path_steps = path.len / (2 * SHA256_BYTES);
    r->proof.key_id = r->key_id;
    return read_bytes(r, tree, "root", r->proof.root, SHA256_BYTES) &&
           read_bytes(r, tree, "signature", r->proof.signature, SIGNATURE_BYTES);
}

bool receipt_from_row(const uint8_t *row_json, size_t len, struct buf *out, char *reason, size_t cap)
{
    struct json_error why = {0};
    struct json_doc *doc = json_parse(row_json, len, ROW_DEPTH_MAX, &why);
    struct row *r = calloc(1, sizeof *r);
    bool ok = false;
    if (doc == NULL || r == NULL) {
        snprintf(reason, cap, "%s", doc == NULL ? why.reason : "out of memory");
        goto done;
    }
    r->v = json_root(doc);
    ok = read_proof(r) && read_fact(r) && read_first(r);
    if (!ok)
        snprintf(reason, cap, "the row's \"%s\" gives no receipt", r->wrong != NULL ? r->wrong : "fact");
    else if (!receipt_json_hashed(&r->fact, r->coordinates_sha256, &r->proof, out)) {
        snprintf(reason, cap, "out of memory");
        ok = false;
    }
done:
    free(r);
    json_doc_free(doc);
    return ok;
}
