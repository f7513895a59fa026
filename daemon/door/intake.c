/* Decoded messages to durable check-ins: identity, arrival, verdict, batch, answer of the ledger.
 *
 * Place in the flow: a channel's file (native.c …) decodes and authenticates, gives the facts here, and gets the
 * ledger's answer back to put into its client's words.
 *
 * Invariants: a fact is encoded after everything about it is known and never changed afterwards, because a ledger that
 * died gets the same bytes again. One request is one batch. Whatever a client may do, an exchange that waits here ends:
 * by the answer, by the deadline (503), or by the client leaving.
 *
 * Does not answer good news: that is each channel's own. Threads: the loop's. */
#include "intake.h"

#include <string.h>

#include "answer.h"
#include "channel.h"
#include "counter.h"
#include "digest.h"
#include "door.h"
#include "log.h"
#include "route.h"

#define RETRY_AFTER_S 5u
#define RETRY_AFTER_FULL_S 60u
#define HEADER_BYTES 4u /* u32 items */

struct codec_bounds intake_bounds(const struct exchange *x)
{
    /* A server that came up with a clock of long ago must not take every phone for one from the future, and tell
     * those that ask no receipt that their message was delivered: flagged future_fix, it is kept. */
    bool unsure = x->received.state == CLOCK_UNSYNCHRONISED;
    return (struct codec_bounds){.now_us = x->received.now_us, .past_us = CODEC_PAST_US,
                                 .future_us = unsure ? CODEC_FUTURE_UNSURE_US : CODEC_FUTURE_US};
}

bool intake_refuses(struct exchange *x)
{
    if (__atomic_load_n(&counters_cells()->spool_full, __ATOMIC_RELAXED) != 0) {
        answer_busy(x, C_BUSY_SPOOL, RETRY_AFTER_FULL_S);
        return true;
    }
    if (!pending_set_has_room(x->door->pending)) {
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return true;
    }
    return false;
}

void intake_count_received(enum channel channel)
{
    static const enum counter_id ids[] = {C_RECEIVED_NATIVE, C_RECEIVED_NATIVE, C_RECEIVED_OWNTRACKS,
                                          C_RECEIVED_OSMAND, C_RECEIVED_WHATSAPP};
    counter_inc(ids[channel]);
}

void intake_count_fault(enum codec_fault fault)
{
    switch (fault) {
    case FAULT_RANGE:
    case FAULT_NOT_FINITE:
    case FAULT_NULL_ISLAND:
    case FAULT_TIME_RANGE:
        counter_inc(C_REFUSE_RANGE);
        break;
    case FAULT_TOO_LONG:
    case FAULT_TOO_MANY:
        counter_inc(C_REFUSE_TOO_LARGE);
        break;
    default:
        counter_inc(C_REFUSE_MALFORMED);
        break;
    }
}

void intake_count_status(enum item_status status)
{
    switch (status) {
    case ITEM_ACCEPTED:
        counter_inc(C_ACK_NEW);
        break;
    case ITEM_DUPLICATE:
        counter_inc(C_ACK_DUPLICATE);
        break;
    case ITEM_CONFLICT:
        counter_inc(C_ACK_CONFLICT);
        break;
    case ITEM_DROPPED:
        counter_inc(C_DROP_SLOT_TAKEN);
        break;
    }
}

void intake_stamp(const struct exchange *x, struct fact *f, const struct credential *who, int64_t government)
{
    uint8_t random[UUID_RANDOM_BYTES + FACT_SALT_BYTES];
    digest_random(random, sizeof random);
    memcpy(f->salt, random + UUID_RANDOM_BYTES, FACT_SALT_BYTES);
    f->government = who != NULL ? who->government : government;
    f->person = who != NULL ? who->person : 0;
    f->device = who != NULL ? who->id : 0;
    if (who != NULL) {
        f->sender = (struct text){0};
        f->sender_user_id = (struct text){0};
    }
    f->received_us = x->received.now_us;
    uuid_timed(f->id, f->received_us, random);
    f->clock_error_us = x->received.error_us;
    f->clock_state = x->received.state;
    f->clock_offset_us = __atomic_load_n(&counters_cells()->clock_offset_us, __ATOMIC_RELAXED);
    if (f->clock_state == CLOCK_UNSYNCHRONISED)
        f->flags |= FLAG_CLOCK_UNSYNCHRONISED;
    if (f->clock_state == CLOCK_SIMULATED)
        f->flags |= FLAG_CLOCK_SIMULATED;
    if (f->automatic)
        f->flags |= FLAG_AUTOMATIC;
    codec_key(f);
    directory_judge(x->door->directory, f);
}

bool intake_drops(const struct exchange *x, const struct fact *f)
{
    if (!f->automatic || !directory_drops(x->door->directory, f, x->received.now_us))
        return false;
    counter_inc(C_DROP_OUTSIDE_INTERVAL);
    return true;
}

/* ---- batches ---- */

void batch_init(struct batch *b)
{
    buf_init(&b->payload, CHANNEL_PAYLOAD_MAX);
    b->count = 0;
    buf_u32(&b->payload, 0); /* written over when all are in */
}

void batch_fini(struct batch *b)
{
    buf_fini(&b->payload);
}

static bool batch_add(struct batch *b, enum batch_kind kind, const void *bytes, size_t len)
{
    buf_u8(&b->payload, (uint8_t)kind);
    if (!buf_blob(&b->payload, bytes, len))
        return false;
    b->count++;
    return true;
}

bool batch_add_fact(struct batch *b, enum batch_kind kind, const struct fact *f)
{
    struct buf one;
    buf_init(&one, (size_t)64 << 10);
    enum codec_doubt doubt = codec_doubt(f);
    bool ok = doubt == DOUBT_NONE && fact_encode(f, &one) && batch_add(b, kind, one.data, one.len);
    buf_fini(&one);
    if (doubt != DOUBT_NONE)
        log_error("event=fact_unfit channel=%s doubt=%d reason=\"our mistake: the ledger would not take it\"", channel_name(f->channel), (int)doubt);
    if (!ok)
        b->payload.failed = true;
    return ok;
}

bool batch_add_event(struct batch *b, const void *json, size_t len)
{
    return batch_add(b, BATCH_EVENT, json, len);
}

static void on_abandoned(struct exchange *x, enum abandon why)
{
    struct pending *p = x->waiting;
    x->waiting = NULL;
    pending_cancel(p);
    if (why == ABANDON_DEADLINE)
        answer_busy(x, C_BUSY_DEADLINE, RETRY_AFTER_S);
}

struct waiting_batch {
    struct exchange *x;
    intake_done_cb done;
};

static void on_done(void *arg, struct pending *p, const uint8_t *payload, size_t len)
{
    struct waiting_batch *w = arg;
    struct exchange *x = w->x;
    struct batch_answer a;
    x->waiting = NULL;
    if (payload == NULL || !batch_answer_begin(&a, payload, len)) {
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return;
    }
    if (a.outcome != BATCH_OK) {
        answer_busy(x, a.outcome == BATCH_FULL ? C_BUSY_SPOOL : C_BUSY_LEDGER, a.retry_after_s);
        return;
    }
    w->done(x, p, &a);
}

void intake_send(struct exchange *x, struct batch *b, intake_done_cb done)
{
    struct waiting_batch *w = arena_alloc(x->arena, sizeof *w);
    struct pending *p = NULL;
    if (w != NULL && !b->payload.failed) {
        *w = (struct waiting_batch){x, done};
        for (unsigned i = 0; i < HEADER_BYTES; i++)
            b->payload.data[i] = (uint8_t)(b->count >> (8 * i));
        p = pending_send(x->door->pending, MSG_INTAKE, &b->payload, on_done, w);
    }
    batch_fini(b);
    if (p == NULL) {
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return;
    }
    x->waiting = p;
    x->on_abandoned = on_abandoned;
}
