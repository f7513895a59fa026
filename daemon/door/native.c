/* Our own API's door: POST /v1/checkins, one object or an array of up to NATIVE_ITEMS_MAX.
 *
 * A single bad object is a problem document; in an array each item has its own status and the bad ones carry their
 * problem, so that one bad item costs a client none of the good ones. Bad items never reach the ledger. A duplicate is
 * answered with its first receipt and with the verdict of now. Threads: the loop's. */
#include <string.h>

#include "answer.h"
#include "auth.h"
#include "channels.h"
#include "codec.h"
#include "counter.h"
#include "digest.h"
#include "door.h"
#include "intake.h"
#include "json.h"
#include "log.h"
#include "throttle.h"

#define WORK_MAX ((size_t)8 << 20)
#define ANSWER_MAX ((size_t)900 << 10) /* below what a connection may have waiting */
#define RETRY_AFTER_S 5u

/* What the answer needs of the request; lives in the exchange's arena. */
struct native {
    struct native_item *items;
    size_t count;
    bool was_array;
};

void native_head(struct exchange *x)
{
    struct credential who;
    enum auth_outcome outcome = auth_bearer_device(x, &who);
    struct text coding = http1_get(x->request, "content-encoding");
    if (outcome != AUTH_OK) {
        auth_refuse(x, outcome);
    } else if (throttle_refuses(x, &who)) {
        return;
    } else if (coding.s != NULL) { /* a small body may unpack to any size: none is taken (RFC 9110 section 8.4) */
        counter_inc(C_REFUSE_MALFORMED);
        answer_problem(x, &(struct problem){.code = "unknown_encoding", .field = "Content-Encoding"},
                       "Accept-Encoding: identity\r\n");
    } else {
        (void)intake_refuses(x);
    }
}

/* ---- writing ---- */

static void write_text(struct json_writer *w, const char *name, struct text t)
{
    json_key(w, name);
    json_string_n(w, t.s, t.s != NULL ? t.len : 0);
}

static void write_verdict(struct json_writer *w, const struct judgement *now)
{
    char day[16];
    bool has_day = now->day != INT32_MIN;
    json_key(w, "day");
    json_string(w, has_day ? wall_format_date(day, sizeof day, now->day) : NULL);
    write_text(w, "session", now->session_code);
    write_text(w, "session_label", now->session_label);
    json_key(w, "verdict");
    json_string(w, verdict_name(now->verdict));
    json_key(w, "late_minutes");
    json_int(w, now->late_minutes);
    json_key(w, "early_minutes");
    json_int(w, now->early_minutes);
    json_key(w, "place");
    json_string(w, now->place != PLACE_NONE ? place_name(now->place) : NULL);
    write_text(w, "fence", now->fence_name);
    json_key(w, "relation");
    json_string(w, relation_name(now->relation));
    json_key(w, "distance_m");
    if (now->has_distance)
        json_fixed(w, now->distance_m, 1);
    else
        json_null(w);
}

static void write_flags(struct json_writer *w, uint32_t flags)
{
    json_key(w, "flags");
    json_array(w);
    for (unsigned bit = 0; bit < FLAG_COUNT; bit++)
        if ((flags & 1u << bit) != 0)
            json_string(w, flag_name(bit));
    json_array_end(w);
}

void native_write_checkin(struct json_writer *w, const struct fact *f, const struct judgement *now,
                          struct text receipt)
{
    char text[40];
    char salt[2 * FACT_SALT_BYTES + 1];
    json_key(w, "received_at");
    json_string(w, wall_format_rfc3339(text, sizeof text, f->received_us, 0));
    write_verdict(w, now);
    write_flags(w, f->flags);
    json_key(w, "receipt");
    if (receipt.len > 0)
        json_raw(w, receipt.s, receipt.len);
    else
        json_null(w);
    json_key(w, "coordinate_salt");
    json_string(w, encode_hex(salt, sizeof salt, f->salt, sizeof f->salt));
}

static struct problem problem_of(const struct codec_error *e, enum language language, char *detail, size_t cap)
{
    codec_fault_message(e->fault, e->field, language_code(language), detail, cap);
    return (struct problem){.status = 400, .code = codec_fault_code(e->fault), .field = e->field, .detail = detail};
}

static void write_refused(struct json_writer *w, const struct native_item *item, enum language language)
{
    char detail[300];
    struct problem p = problem_of(&item->error, language, detail, sizeof detail);
    json_object(w);
    write_text(w, "id", item->uuid);
    json_key(w, "status");
    json_string(w, "refused");
    json_key(w, "problem");
    problem_write(w, &p, language);
    json_object_end(w);
}

/* One item the ledger spoke of. sent: the fact as it was sent. */
static bool write_item(struct json_writer *w, const struct exchange *x, const struct native_item *item,
                       const struct fact *sent, const struct batch_item *said)
{
    char id[37];
    struct fact stored;
    struct judgement now = sent->first;
    const struct fact *f = sent;
    if (said->status == ITEM_DUPLICATE) {
        if (!fact_decode(said->fact, said->fact_len, &stored))
            return false;
        f = &stored;
        directory_rejudge(x->door->directory, f, &now);
    }
    json_object(w);
    write_text(w, "id", item->uuid);
    json_key(w, "checkin");
    json_string(w, said->status == ITEM_CONFLICT ? NULL : encode_uuid(id, said->id));
    json_key(w, "status");
    json_string(w, item_status_name(said->status));
    if (said->status == ITEM_CONFLICT) {
        json_key(w, "problem");
        problem_write(w, &(struct problem){.code = "conflict", .field = "id"}, x->language);
    } else {
        native_write_checkin(w, f, &now, said->receipt);
    }
    json_object_end(w);
    return true;
}

/* The next check-in of what was sent, in order. */
static bool next_sent(struct reader *sent, struct fact *ret)
{
    size_t len = 0;
    (void)reader_u8(sent);
    const uint8_t *bytes = reader_blob(sent, &len);
    return bytes != NULL && fact_decode(bytes, len, ret);
}

/* Writes all items; false when the ledger's answer does not fit what was asked. */
static bool write_answer(struct json_writer *w, const struct exchange *x, const struct native *n,
                         struct pending *p, struct batch_answer *answer, enum item_status *ret_last)
{
    const uint8_t *payload = NULL;
    size_t len = 0;
    struct reader sent;
    if (p != NULL)
        pending_payload(p, &payload, &len);
    reader_init(&sent, payload, len);
    if (p != NULL)
        (void)reader_u32(&sent);
    if (n->was_array)
        json_array(w);
    for (size_t i = 0; i < n->count; i++) {
        struct batch_item said;
        struct fact f;
        if (n->items[i].error.fault != FAULT_NONE) {
            write_refused(w, &n->items[i], x->language);
            continue;
        }
        if (answer == NULL || !batch_answer_next(answer, &said) || said.status == 0 || !next_sent(&sent, &f) ||
            !write_item(w, x, &n->items[i], &f, &said))
            return false;
        *ret_last = said.status;
    }
    if (n->was_array)
        json_array_end(w);
    buf_putc(w->out, '\n');
    return !w->out->failed;
}

static void answer_items(struct exchange *x, const struct native *n, struct pending *sent, struct batch_answer *answer)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    struct json_writer w;
    json_begin(&w, &out);
    enum item_status last = ITEM_ACCEPTED;
    if (!write_answer(&w, x, n, sent, answer, &last)) {
        log_error("event=native_answer items=%zu reason=ledger_answer_unusable", n->count);
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
    } else if (!n->was_array && last == ITEM_CONFLICT) {
        answer_code(x, "conflict", "id");
    } else {
        exchange_answer(x, 200, "application/json", out.data, out.len, NULL);
    }
    buf_fini(&out);
}

/* ---- reading ---- */

static void on_done(struct exchange *x, struct pending *sent, struct batch_answer *answer)
{
    struct batch_answer count = *answer;
    struct batch_item item;
    while (batch_answer_next(&count, &item))
        intake_count_status(item.status);
    answer_items(x, x->handler, sent, answer);
}

static void refuse_body(struct exchange *x, const struct codec_error *e)
{
    if (e->fault == FAULT_MEMORY) {
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return;
    }
    char detail[300];
    struct problem p = problem_of(e, x->language, detail, sizeof detail);
    answer_problem(x, &p, NULL);
}

static bool out_of_memory(const struct native *n)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->items[i].error.fault == FAULT_MEMORY)
            return true;
    return false;
}

void native_body(struct exchange *x)
{
    struct credential who;
    enum auth_outcome outcome = auth_bearer_device(x, &who);
    if (outcome != AUTH_OK) {
        auth_refuse(x, outcome);
        return;
    }
    struct codec_bounds bounds = intake_bounds(x);
    struct arena *work = exchange_work(x, WORK_MAX);
    struct native *n = arena_alloc(x->arena, sizeof *n);
    struct codec_error error = {.fault = FAULT_MEMORY};
    if (work == NULL || n == NULL ||
        !native_decode(x->body.data, x->body.len, &bounds, work, &n->items, &n->count, &n->was_array, &error)) {
        if (error.fault != FAULT_MEMORY)
            intake_count_fault(error.fault);
        refuse_body(x, &error);
        return;
    }
    if (out_of_memory(n)) {
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return;
    }
    struct batch b;
    batch_init(&b);
    for (size_t i = 0; i < n->count; i++) {
        if (n->items[i].error.fault != FAULT_NONE) {
            intake_count_fault(n->items[i].error.fault);
            continue;
        }
        intake_count_received(CHANNEL_NATIVE);
        intake_stamp(x, n->items[i].fact, &who, 0);
        batch_add_fact(&b, BATCH_CHECKIN, n->items[i].fact);
    }
    if (b.count > 0 || b.payload.failed) { /* failed: memory was short of a good one, which is told to come again */
        x->handler = n;
        intake_send(x, &b, on_done);
        return;
    }
    batch_fini(&b);
    if (n->was_array)
        answer_items(x, n, NULL, NULL);
    else
        refuse_body(x, &n->items[0].error);
}
