/* From the spool's bytes to the row that SQL reads: every member of hadir.spool_row by name.
 *
 * Part of the way spool → PostgreSQL (ingest.c). The JSON is valid whatever the client's texts hold: the writer replaces
 * bytes that are no UTF-8 and NULs, which jsonb would refuse. Numbers that are absent are null, times are RFC 3339 UTC.
 * The hash of the coordinates is sent beside them, because it must equal the receipt's to the bit while a jsonb number
 * need not. Holds no state, reads no clock.
 */
#include "row.h"

#include <string.h>

#include "digest.h"
#include "fact.h"
#include "json.h"
#include "receipt.h"
#include "wall.h"

static void put_hex(struct json_writer *w, const char *name, const void *bytes, size_t len)
{
    char hex[MERKLE_PATH_MAX * SHA256_BYTES * 2 + 1];
    json_key(w, name);
    json_string(w, encode_hex(hex, sizeof hex, bytes, len));
}

static void put_time(struct json_writer *w, const char *name, int64_t us)
{
    char text[40];
    json_key(w, name);
    if (us == TIME_ABSENT)
        json_null(w);
    else
        json_string(w, wall_format_rfc3339(text, sizeof text, us, 0));
}

static void put_text(struct json_writer *w, const char *name, struct text t)
{
    json_key(w, name);
    json_string_n(w, t.s, t.len);
}

/* An absent word is null, not "". */
static void put_word(struct json_writer *w, const char *name, const char *word)
{
    json_key(w, name);
    json_string(w, word[0] == '\0' ? NULL : word);
}

static void put_int(struct json_writer *w, const char *name, int64_t v)
{
    json_key(w, name);
    json_int(w, v);
}

/* A reference: 0 means none. */
static void put_ref(struct json_writer *w, const char *name, int64_t v)
{
    json_key(w, name);
    if (v == 0)
        json_null(w);
    else
        json_int(w, v);
}

static void put_measure(struct json_writer *w, const char *name, bool has, double v)
{
    json_key(w, name);
    if (has)
        json_real(w, v);
    else
        json_null(w);
}

static void put_identity(struct json_writer *w, const struct fact *f)
{
    char uuid[37];
    json_key(w, "id");
    json_string(w, encode_uuid(uuid, f->id));
    put_int(w, "government", f->government);
    put_int(w, "person", f->person);
    put_int(w, "device", f->device);
    put_word(w, "channel", channel_name(f->channel));
    put_hex(w, "key", f->key, sizeof f->key);
    put_hex(w, "body_hash", f->body_hash, sizeof f->body_hash);
    put_hex(w, "salt", f->salt, sizeof f->salt);
}

static void put_times(struct json_writer *w, const struct fact *f)
{
    put_time(w, "fix_at", f->fix_us);
    put_time(w, "message_at", f->message_us);
    put_time(w, "sent_at", f->sent_us);
    put_time(w, "received_at", f->received_us);
    json_key(w, "clock_error_us");
    if (f->clock_error_us == UINT32_MAX)
        json_null(w);
    else
        json_int(w, f->clock_error_us);
    put_word(w, "clock_state", clock_state_name(f->clock_state));
    put_int(w, "clock_offset_us", f->clock_offset_us);
    put_time(w, "decided_at", f->decided_us);
    put_word(w, "decided_by", time_source_name(f->decided_by));
}

static void put_position(struct json_writer *w, const struct fact *f)
{
    uint8_t hash[SHA256_BYTES];
    receipt_coordinates_hash(f, hash);
    put_hex(w, "coordinates_sha256", hash, sizeof hash);
    put_measure(w, "lat", true, f->lat_deg);
    put_measure(w, "lon", true, f->lon_deg);
    put_measure(w, "accuracy_m", f->has_accuracy, f->accuracy_m);
    put_measure(w, "altitude_m", f->has_altitude, f->altitude_m);
    json_key(w, "flags");
    json_array(w);
    for (unsigned bit = 0; bit < FLAG_COUNT; bit++)
        if ((f->flags >> bit & 1u) != 0)
            json_string(w, flag_name(bit));
    json_array_end(w);
    json_key(w, "automatic");
    json_bool(w, f->automatic);
}

static void put_words(struct json_writer *w, const struct fact *f)
{
    put_text(w, "note", f->note);
    put_text(w, "session_claimed", f->session_claimed);
    put_text(w, "external_id", f->external_id);
    put_text(w, "sender", f->sender);
    put_text(w, "sender_user_id", f->sender_user_id);
    put_text(w, "raw", f->raw);
}

static void put_first(struct json_writer *w, const struct judgement *j)
{
    char day[16];
    json_key(w, "first");
    json_object(w);
    put_word(w, "verdict", verdict_name(j->verdict));
    put_word(w, "day", j->day == INT32_MIN ? "" : wall_format_date(day, sizeof day, j->day));
    put_ref(w, "session", j->session);
    put_text(w, "session_code", j->session_code);
    put_word(w, "counts_as", counts_as_name(j->counts_as));
    put_int(w, "late_minutes", j->late_minutes);
    put_int(w, "early_minutes", j->early_minutes);
    put_word(w, "place", place_name(j->place));
    put_ref(w, "fence", j->fence);
    put_word(w, "relation", relation_name(j->relation));
    put_measure(w, "distance_m", j->has_distance, j->distance_m);
    json_object_end(w);
}

static void put_placements(struct json_writer *w, const struct fact *f)
{
    json_key(w, "placements");
    json_array(w);
    for (size_t i = 0; i < f->placement_count; i++) {
        const struct placement *p = &f->placements[i];
        json_object(w);
        put_int(w, "fence", p->fence);
        put_int(w, "version", p->fence_version);
        put_word(w, "relation", relation_name(p->relation));
        put_measure(w, "metres", true, p->metres);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_tree(struct json_writer *w, const struct spool_proof *p)
{
    json_key(w, "tree");
    if (p->tree_size == 0) {
        json_null(w);
        return;
    }
    json_object(w);
    put_int(w, "size", (int64_t)p->tree_size);
    put_int(w, "index", (int64_t)p->tree_index);
    put_hex(w, "path", p->path, p->path_steps * SHA256_BYTES);
    put_hex(w, "root", p->root, sizeof p->root);
    put_hex(w, "signature", p->signature, sizeof p->signature);
    json_key(w, "key");
    json_string(w, p->key_id);
    json_object_end(w);
}

static bool write_fact(const struct spool_row *row, struct json_writer *w)
{
    struct fact f;
    if (!fact_decode(row->payload, row->payload_len, &f))
        return false;
    json_object(w);
    put_int(w, "seq", row->seq);
    json_key(w, "kind");
    json_string(w, row->kind == SPOOL_CHECKIN ? "checkin" : "unattributed");
    put_identity(w, &f);
    put_times(w, &f);
    put_position(w, &f);
    put_words(w, &f);
    put_int(w, "directory_epoch", f.directory_epoch);
    put_int(w, "directory_number", f.directory_number);
    put_first(w, &f.first);
    put_placements(w, &f);
    put_tree(w, &row->proof);
    json_object_end(w);
    return true;
}

/* The event as the door wrote it, its "kind" renamed: a row has a kind of its own. */
static bool write_event(const struct spool_row *row, struct json_writer *w)
{
    struct json_error error;
    struct text kind = {0};
    int64_t government = 0;
    struct json_doc *doc = json_parse(row->payload, row->payload_len, 64, &error);
    if (doc == NULL)
        return false;
    const json_value *root = json_root(doc), *payload = json_member(root, "payload");
    bool ok = json_get_int(json_member(root, "government"), &government) &&
              json_get_string(json_member(root, "kind"), &kind) && payload != NULL;
    if (ok) {
        json_object(w);
        put_int(w, "seq", row->seq);
        json_key(w, "kind");
        json_string(w, "event");
        put_int(w, "government", government);
        put_text(w, "event_kind", kind);
        put_time(w, "received_at", row->received_us);
        json_key(w, "payload");
        ok = json_dump(payload, w->out);
        json_object_end(w);
    }
    json_doc_free(doc);
    return ok;
}

bool row_write(const struct spool_row *row, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    bool ok = row->kind == SPOOL_EVENT ? write_event(row, &w) : write_fact(row, &w);
    return ok && !out->failed;
}

void row_write_unreadable(const struct spool_row *row, struct buf *out)
{
    struct json_writer w;
    char uuid[37];
    json_begin(&w, out);
    json_object(&w);
    put_int(&w, "seq", row->seq);
    json_key(&w, "kind");
    json_string(&w, "checkin");
    json_key(&w, "id");
    json_string(&w, encode_uuid(uuid, row->id));
    put_time(&w, "received_at", row->received_us);
    json_object_end(&w);
}
