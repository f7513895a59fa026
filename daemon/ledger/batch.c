/* MSG_INTAKE: one request of a door, all of it durable or none of it.
 *
 *   decode every item → leaf, slot, limit → spool_append → (group commit) → receipts → MSG_BATCH_DONE
 *
 * The payload is kept until the answer, because an accepted item's receipt is written from the very bytes that were
 * appended; a duplicate's from the bytes of the first one, which also go back to the door.
 * Some items never reach the spool and are answered all the same: automatic positions that would make an early leave,
 * and what is over a stranger's limit. A batch that no honest door sends is refused whole, counted by what was wrong, and ends
 * the door (peer_forged): what does not decode, facts that contradict themselves (codec_doubt), arrivals later than now. One that
 * arrived longer ago than a door keeps a request is not taken either, but may come from an honest one whose messages waited
 * while this process stood still: busy. What is older than that ingest has called complete.
 * Bounded by the spool's queue: over it, BATCH_BUSY; without disk, BATCH_FULL; both with nothing kept.
 */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "conf.h"
#include "counter.h"
#include "digest.h"
#include "fact.h"
#include "ingest.h"
#include "json.h"
#include "ledger.h"
#include "limit.h"
#include "log.h"
#include "message.h"
#include "receipt.h"
#include "receipts.h"
#include "spool.h"
#include "wall.h"

#define ITEMS_MAX 5000
#define HELD_US (5 * US_PER_S) /* on top of a door's deadline, as in ingest.c */
#define RETRY_BUSY_S 2
#define RETRY_FULL_S 30
#define RETRY_DRAIN_S 1

/* As enum codec_doubt, and what only the ledger sees. */
enum forgery { FORGED_FORM = DOUBT_KEY + 1, FORGED_ARRIVAL };
static const struct {
    const char *reason;
    enum counter_id counter;
} FORGERIES[] = {
    [DOUBT_IDENTITY] = {"identity", C_FORGED_IDENTITY}, [DOUBT_TEXT] = {"text", C_FORGED_TEXT},
    [DOUBT_TIME] = {"time", C_FORGED_TIME},             [DOUBT_MEASURE] = {"measure", C_FORGED_MEASURE},
    [DOUBT_KEY] = {"key", C_FORGED_KEY},                [FORGED_FORM] = {"form", C_FORGED_FORM},
    [FORGED_ARRIVAL] = {"arrival", C_FORGED_ARRIVAL},
};

struct entry {
    enum batch_kind kind;
    const uint8_t *bytes; /* in the job's payload */
    size_t len;
    bool appended;        /* has a result of the spool, in order */
    bool limited;         /* took one of a stranger's places */
    enum item_status status; /* when not appended */
    uint8_t id[16];
};

struct job {
    struct peer *peer;
    uint64_t id;
    uint8_t *payload;
    struct entry *entries;
    size_t count;
    struct spool_item *items; /* until appended */
    size_t item_count;
    bool stale;               /* arrived longer ago than a door keeps a request */
    int forgery;              /* why no door sends such a batch: of FORGERIES; 0: it is one, or memory is short */
};

static void job_free(struct job *j)
{
    if (j == NULL)
        return;
    j->peer->ledger->jobs--;
    peer_put(j->peer);
    free(j->payload);
    free(j->entries);
    free(j->items);
    free(j);
}

static struct job *job_new(struct peer *p, uint64_t id, const uint8_t *payload, size_t len)
{
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return NULL;
    j->peer = peer_get(p);
    j->id = id;
    p->ledger->jobs++;
    j->payload = malloc(len + 1);
    if (j->payload == NULL) {
        job_free(j);
        return NULL;
    }
    if (len > 0)
        memcpy(j->payload, payload, len);
    return j;
}

static void answer_refused(struct peer *p, uint64_t id, enum batch_outcome outcome, uint32_t retry_after_s)
{
    struct buf out;
    buf_init(&out, 64);
    buf_u8(&out, (uint8_t)outcome);
    buf_u32(&out, retry_after_s);
    buf_u32(&out, 0);
    peer_send(p, MSG_BATCH_DONE, id, out.data, out.len);
    buf_fini(&out);
}

/* ---- taking ---- */

static struct text stranger(const struct fact *f)
{
    return f->sender_user_id.s != NULL ? f->sender_user_id : f->sender;
}

/* Automatic positions compete for a slot, except that one before the on-time interval of a departure is none: it would
 * turn tracking into an early leave. */
static bool leaves_early(const struct fact *f)
{
    return f->automatic && f->first.counts_as == COUNTS_AS_OUT && f->first.verdict == VERDICT_EARLY;
}

static void set_slot(const struct fact *f, struct spool_item *item)
{
    if (!f->automatic || f->first.session == 0)
        return;
    item->has_slot = true;
    item->slot = (struct spool_slot){
        .person = f->person,
        .session = f->first.session,
        .day = f->first.day,
        .inside = f->first.relation == RELATION_INSIDE || f->first.relation == RELATION_UNCERTAIN,
        .at_us = f->decided_us,
    };
}

static bool take_checkin(const struct fact *f, struct entry *e, struct spool_item *item)
{
    if (leaves_early(f)) {
        e->status = ITEM_DROPPED;
        return true;
    }
    item->kind = SPOOL_CHECKIN;
    item->signed_leaf = true;
    set_slot(f, item);
    e->appended = true;
    return receipt_leaf(f, item->leaf);
}

static bool take_stranger(struct ledger *l, const struct fact *f, struct entry *e, struct spool_item *item)
{
    struct text sender = stranger(f);
    if (!limit_take(l->limit, f->government, sender, f->received_us)) {
        counter_inc(C_DROP_UNATTRIBUTED_LIMIT);
        return true;
    }
    item->kind = SPOOL_UNATTRIBUTED;
    item->sender.s = sender.s;
    item->sender.len = sender.len;
    e->appended = e->limited = true;
    return true;
}

static bool forged(struct job *j, int why)
{
    j->forgery = why;
    return false;
}

static bool take_arrival(struct job *j, int64_t us)
{
    struct ledger *l = j->peer->ledger;
    enum wall_when when = wall_when(&l->clock, us, l->conf->request_timeout_ms * 1000 + HELD_US);
    j->stale = j->stale || when == WALL_PAST;
    return when != WALL_FUTURE || forged(j, FORGED_ARRIVAL);
}

static bool take_fact(struct job *j, struct entry *e, struct spool_item *item)
{
    struct fact f;
    if (!fact_decode(e->bytes, e->len, &f))
        return forged(j, FORGED_FORM);
    enum codec_doubt doubt = codec_doubt(&f);
    if (doubt != DOUBT_NONE || (f.device != 0) != (e->kind == BATCH_CHECKIN))
        return forged(j, doubt != DOUBT_NONE ? (int)doubt : (int)DOUBT_IDENTITY);
    if (!take_arrival(j, f.received_us))
        return false;
    memcpy(e->id, f.id, sizeof e->id);
    item->device = f.device;
    memcpy(item->key, f.key, sizeof item->key);
    memcpy(item->body_hash, f.body_hash, sizeof item->body_hash);
    memcpy(item->id, f.id, sizeof item->id);
    item->received_us = f.received_us;
    return e->kind == BATCH_CHECKIN ? take_checkin(&f, e, item) : take_stranger(j->peer->ledger, &f, e, item);
}

static bool is_event(struct text kind)
{
    return strcmp(kind.s, "status") == 0 || strcmp(kind.s, "system") == 0 || strcmp(kind.s, "error") == 0;
}

/* An event has no key of its own: what it says, without when it reached us, is the key, so that a webhook that is
 * delivered twice is kept once. */
static bool take_event(struct job *j, struct entry *e, struct spool_item *item)
{
    struct json_error error;
    struct text kind = {0}, at = {0};
    int64_t government = 0;
    uint8_t random[UUID_RANDOM_BYTES];
    struct buf canonical;
    struct json_doc *doc = json_parse(e->bytes, e->len, 64, &error);
    const json_value *root = doc == NULL ? NULL : json_root(doc), *payload = json_member(root, "payload");
    buf_init(&canonical, CHANNEL_PAYLOAD_MAX);
    bool known = payload != NULL && json_get_int(json_member(root, "government"), &government) && government > 0 &&
                 json_get_string(json_member(root, "kind"), &kind) && is_event(kind) &&
                 json_get_string(json_member(root, "received_at"), &at) &&
                 wall_parse_rfc3339(at.s, at.len, &item->received_us);
    bool ok = known ? take_arrival(j, item->received_us) && buf_i64(&canonical, government) &&
                          buf_blob(&canonical, kind.s, kind.len) && json_dump(payload, &canonical)
              : root == NULL && strcmp(error.reason, "out of memory") == 0 ? false
                                                                            : forged(j, FORGED_FORM);
    if (ok) {
        digest_sha256(canonical.data, canonical.len, item->body_hash);
        memcpy(item->key, item->body_hash, sizeof item->key);
        digest_random(random, sizeof random);
        uuid_timed(item->id, item->received_us, random);
        item->kind = SPOOL_EVENT;
        e->appended = true;
    }
    buf_fini(&canonical);
    json_doc_free(doc);
    return ok;
}

static bool take_item(struct job *j, struct reader *r, struct entry *e)
{
    struct spool_item *item = &j->items[j->item_count];
    e->kind = (enum batch_kind)reader_u8(r);
    e->bytes = reader_blob(r, &e->len);
    if (r->failed)
        return forged(j, FORGED_FORM);
    item->payload = e->bytes;
    item->payload_len = e->len;
    bool ok = e->kind == BATCH_EVENT ? take_event(j, e, item)
              : e->kind == BATCH_CHECKIN || e->kind == BATCH_UNATTRIBUTED ? take_fact(j, e, item)
                                                                          : forged(j, FORGED_FORM);
    if (ok && e->appended)
        j->item_count++;
    else
        memset(item, 0, sizeof *item);
    return ok;
}

/* false: not a batch (j->forgery), or memory is short; places taken of strangers' limits are to be given back. */
static bool take_all(struct job *j, size_t len)
{
    struct reader r;
    reader_init(&r, j->payload, len);
    uint32_t count = reader_u32(&r);
    if (r.failed || count == 0 || count > ITEMS_MAX)
        return forged(j, FORGED_FORM);
    j->entries = calloc(count, sizeof *j->entries);
    j->items = calloc(count, sizeof *j->items);
    if (j->entries == NULL || j->items == NULL)
        return false;
    for (j->count = 0; j->count < count; j->count++)
        if (!take_item(j, &r, &j->entries[j->count]))
            return false;
    return reader_done(&r) || forged(j, FORGED_FORM);
}

/* ---- answering ---- */

static void give_back(struct job *j, const struct entry *e)
{
    struct fact f;
    if (e->limited && fact_decode(e->bytes, e->len, &f))
        limit_give_back(j->peer->ledger->limit, f.government, stranger(&f), f.received_us);
}

/* Receipt and, of a duplicate, the first fact. bare: neither, because all of them would be too much for one message. */
static void put_item(const struct entry *e, const struct spool_result *result, bool bare, struct buf *out,
                     struct buf *receipt)
{
    struct fact f;
    bool duplicate = result != NULL && result->status == ITEM_DUPLICATE;
    enum item_status status = result == NULL ? e->status : e->kind == BATCH_CHECKIN ? result->status : 0;
    const uint8_t *bytes = duplicate ? result->payload : e->bytes;
    size_t len = duplicate ? result->payload_len : e->len;
    buf_clear(receipt);
    if (!bare && (status == ITEM_ACCEPTED || status == ITEM_DUPLICATE) &&
        (!fact_decode(bytes, len, &f) || !receipts_write(&f, &result->proof, receipt))) {
        log_error("event=receipt_failed seq=%lld", (long long)result->seq);
        buf_clear(receipt);
    }
    buf_u8(out, (uint8_t)status);
    buf_add(out, result == NULL ? e->id : result->id, 16);
    buf_blob(out, receipt->data, receipt->len);
    buf_blob(out, bytes, !bare && status == ITEM_DUPLICATE ? len : 0);
}

static bool write_answer(struct job *j, const struct spool_result *results, bool bare, struct buf *out)
{
    struct buf receipt;
    size_t at = 0;
    buf_clear(out);
    buf_init(&receipt, 1u << 20);
    buf_u8(out, BATCH_OK);
    buf_u32(out, 0);
    buf_u32(out, (uint32_t)j->count);
    for (size_t i = 0; i < j->count; i++) {
        const struct entry *e = &j->entries[i];
        put_item(e, e->appended ? &results[at++] : NULL, bare, out, &receipt);
    }
    buf_fini(&receipt);
    return !out->failed;
}

static void answer_done(struct job *j, const struct spool_result *results)
{
    struct buf out;
    buf_init(&out, CHANNEL_PAYLOAD_MAX);
    if (write_answer(j, results, false, &out) || write_answer(j, results, true, &out))
        peer_send(j->peer, MSG_BATCH_DONE, j->id, out.data, out.len);
    else
        log_error("event=answer_failed items=%zu", j->count);
    buf_fini(&out);
}

static void on_appended(void *arg, enum spool_outcome outcome, const struct spool_result *results, size_t count)
{
    struct job *j = arg;
    (void)count;
    for (size_t i = 0, at = 0; i < j->count; i++) {
        const struct entry *e = &j->entries[i];
        if (outcome != SPOOL_OK || (e->appended && results[at++].status != ITEM_ACCEPTED))
            give_back(j, e);
    }
    if (outcome == SPOOL_OK) {
        answer_done(j, results);
    } else {
        answer_refused(j->peer, j->id, BATCH_FULL, RETRY_FULL_S);
    }
    struct ledger *l = j->peer->ledger;
    job_free(j);
    if (outcome == SPOOL_OK && l->ingest != NULL)
        ingest_kick(l->ingest);
}

static void give_all_back(struct job *j)
{
    for (size_t i = 0; j->entries != NULL && i < j->count; i++)
        give_back(j, &j->entries[i]);
}

/* Nothing of it is kept. j may be NULL. */
static void refuse(struct peer *p, uint64_t id, struct job *j)
{
    if (j != NULL)
        give_all_back(j);
    if (j != NULL && j->forgery != 0) {
        peer_forged(p, FORGERIES[j->forgery].counter, FORGERIES[j->forgery].reason);
        return;
    }
    counter_add(C_STALE, j != NULL && j->stale);
    log_warn("event=batch_not_taken peer=%u reason=%s", p->index, j != NULL && j->stale ? "stale" : "memory");
    answer_refused(p, id, BATCH_BUSY, RETRY_BUSY_S);
}

void batch_take(struct peer *p, uint64_t id, const uint8_t *payload, size_t len)
{
    struct ledger *l = p->ledger;
    if (l->draining) {
        answer_refused(p, id, BATCH_BUSY, RETRY_DRAIN_S);
        return;
    }
    struct job *j = job_new(p, id, payload, len);
    if (j == NULL || !take_all(j, len) || j->stale) {
        refuse(p, id, j);
        job_free(j);
    } else if (j->item_count == 0) {
        answer_done(j, NULL);
        job_free(j);
    } else if (!spool_append(l->spool, j->items, j->item_count, on_appended, j)) {
        give_all_back(j);
        answer_refused(p, id, BATCH_BUSY, RETRY_BUSY_S);
        job_free(j);
    } else {
        free(j->items); /* copied */
        j->items = NULL;
    }
}
