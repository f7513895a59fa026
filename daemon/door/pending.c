/* What waits for the ledger.
 *
 * Place in the flow: intake.c and question.c send batches and look-ups here; MSG_BATCH_DONE and MSG_LOOKUP_DONE come
 * back by the request number. The payload is kept until then: a ledger that dies is replaced by the supervisor, and
 * the new one gets everything unanswered again, the same bytes (same key, same answer).
 *
 * Invariants: every pending is in the list, in order of its number, and in its hash bucket, exactly once; count and
 * bytes are the sums over the list. Bounded by COUNT_MAX and BYTES_MAX: over either pending_send says no (answer
 * busy). The channel's queue holds more than BYTES_MAX, so that sending again cannot overflow it. Deadlines are the
 * asker's. Threads: the loop's. */
#include "pending.h"

#include <stdlib.h>
#include <unistd.h>

#include "channel.h"
#include "log.h"

#define COUNT_MAX 8192u
#define BYTES_MAX ((size_t)64 << 20)
#define QUEUE_MAX (2 * BYTES_MAX)
#define BUCKETS 4096u

struct pending {
    struct pending_set *set;
    uint64_t id;
    uint16_t type;
    struct buf payload;
    pending_cb cb;
    void *arg;
    struct pending *prev, *next; /* by id */
    struct pending *bucket_next;
};

struct pending_set {
    struct loop *loop;
    struct ipc_channel *channel; /* NULL while there is no ledger */
    struct pending *first, *last;
    struct pending *buckets[BUCKETS];
    uint64_t next_id;
    size_t count, bytes;
};

static void unlink_pending(struct pending *p)
{
    struct pending_set *s = p->set;
    struct pending **at = &s->buckets[p->id % BUCKETS];
    while (*at != p)
        at = &(*at)->bucket_next;
    *at = p->bucket_next;
    if (p->prev != NULL)
        p->prev->next = p->next;
    else
        s->first = p->next;
    if (p->next != NULL)
        p->next->prev = p->prev;
    else
        s->last = p->prev;
    s->count--;
    s->bytes -= p->payload.len;
}

static void link_pending(struct pending *p)
{
    struct pending_set *s = p->set;
    p->bucket_next = s->buckets[p->id % BUCKETS];
    s->buckets[p->id % BUCKETS] = p;
    p->prev = s->last;
    if (s->last != NULL)
        s->last->next = p;
    else
        s->first = p;
    s->last = p;
    s->count++;
    s->bytes += p->payload.len;
}

static void pending_free(struct pending *p)
{
    buf_fini(&p->payload);
    free(p);
}

static struct pending *find(const struct pending_set *s, uint64_t id)
{
    struct pending *p = s->buckets[id % BUCKETS];
    while (p != NULL && p->id != id)
        p = p->bucket_next;
    return p;
}

static void answer(struct pending *p, const uint8_t *payload, size_t len)
{
    unlink_pending(p);
    p->cb(p->arg, p, payload, len);
    pending_free(p);
}

static void on_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct pending_set *s = arg;
    if (fd >= 0)
        close(fd);
    struct pending *p = find(s, id);
    if (p == NULL) /* the asker is gone, or this is the answer to what was sent twice */
        return;
    uint16_t wanted = p->type == MSG_INTAKE ? MSG_BATCH_DONE : MSG_LOOKUP_DONE;
    if (type != wanted) {
        log_error("event=ledger_answer type=%u reason=unexpected", type);
        answer(p, NULL, 0);
        return;
    }
    answer(p, payload, len);
}

static void on_closed(void *arg)
{
    struct pending_set *s = arg;
    log_warn("event=ledger_gone unanswered=%zu", s->count);
    channel_free(s->channel);
    s->channel = NULL;
}

struct pending_set *pending_set_new(struct loop *loop)
{
    struct pending_set *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->loop = loop;
    s->next_id = 1;
    return s;
}

void pending_set_free(struct pending_set *s)
{
    if (s == NULL)
        return;
    if (s->channel != NULL)
        channel_free(s->channel);
    while (s->first != NULL) {
        struct pending *p = s->first;
        unlink_pending(p);
        pending_free(p);
    }
    free(s);
}

void pending_set_connect(struct pending_set *s, int fd)
{
    if (s->channel != NULL)
        channel_free(s->channel);
    s->channel = channel_new(s->loop, fd, QUEUE_MAX, on_message, on_closed, s);
    if (s->channel == NULL) {
        log_error("event=ledger_channel reason=memory");
        return;
    }
    channel_gather(s->channel);
    struct pending *next;
    for (struct pending *p = s->first; p != NULL; p = next) {
        next = p->next;
        if (!channel_send(s->channel, p->type, p->id, p->payload.data, p->payload.len, -1))
            answer(p, NULL, 0);
    }
    log_info("event=ledger_connected sent_again=%zu", s->count);
}

bool pending_set_has_room(const struct pending_set *s)
{
    return s->count < COUNT_MAX && s->bytes < BYTES_MAX;
}

size_t pending_set_count(const struct pending_set *s)
{
    return s->count;
}

struct pending *pending_send(struct pending_set *s, uint16_t type, struct buf *payload, pending_cb cb, void *arg)
{
    if (payload->failed || s->count >= COUNT_MAX || s->bytes + payload->len > BYTES_MAX)
        return NULL;
    struct pending *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->set = s;
    p->id = s->next_id;
    p->type = type;
    p->cb = cb;
    p->arg = arg;
    if (s->channel != NULL && !channel_send(s->channel, type, p->id, payload->data, payload->len, -1)) {
        free(p);
        return NULL;
    }
    s->next_id++;
    p->payload = *payload;
    buf_init(payload, payload->max);
    link_pending(p);
    return p;
}

void pending_cancel(struct pending *p)
{
    unlink_pending(p);
    pending_free(p);
}

void pending_payload(const struct pending *p, const uint8_t **ret, size_t *ret_len)
{
    *ret = p->payload.data;
    *ret_len = p->payload.len;
}

bool batch_answer_begin(struct batch_answer *a, const uint8_t *payload, size_t len)
{
    reader_init(&a->rest, payload, len);
    uint8_t outcome = reader_u8(&a->rest);
    a->retry_after_s = reader_u32(&a->rest);
    a->left = reader_u32(&a->rest);
    a->outcome = (enum batch_outcome)outcome;
    return !a->rest.failed && outcome <= BATCH_FULL;
}

bool batch_answer_next(struct batch_answer *a, struct batch_item *ret)
{
    if (a->left == 0)
        return false;
    struct reader *r = &a->rest;
    uint8_t status = reader_u8(r);
    const uint8_t *id = reader_bytes(r, FACT_ID_BYTES);
    size_t receipt_len = 0;
    const uint8_t *receipt = reader_blob(r, &receipt_len);
    size_t fact_len = 0;
    const uint8_t *fact = reader_blob(r, &fact_len);
    if (r->failed || id == NULL || status > ITEM_DROPPED) {
        r->failed = true;
        return false;
    }
    a->left--;
    ret->status = (enum item_status)status;
    for (size_t i = 0; i < FACT_ID_BYTES; i++)
        ret->id[i] = id[i];
    ret->receipt = (struct text){(const char *)receipt, receipt_len};
    ret->fact = fact;
    ret->fact_len = fact_len;
    return true;
}
