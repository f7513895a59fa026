/* Questions of people: /v1/me, /v1/me/attendance, /v1/units/{}/presence, and the state of one check-in.
 *
 * Place in the flow: the request is checked here (token, parameters) and passed to a desk as MSG_QUESTION; desks.c streams
 * its answer back. What the desk may see is decided by the database's row security for the actor, not here.
 *
 * A check-in's state is asked of the ledger first and of a desk when the ledger does not know it; 404 needs both.
 * Threads: the loop's. */
#include "question.h"

#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "auth.h"
#include "channels.h"
#include "codec.h"
#include "counter.h"
#include "desks.h"
#include "digest.h"
#include "directory.h"
#include "door.h"
#include "json.h"
#include "message.h"
#include "pending.h"
#include "query.h"
#include "throttle.h"

#define UNIT_MAX 100u
#define RETRY_AFTER_S 5u

/* What one question says; all texts are short and checked. */
struct question_text {
    enum question question;
    struct credential who;
    struct text unit, date, month;
    bool csv;
    uint8_t checkin[16];
};

static void encode(const struct exchange *x, const struct question_text *q, struct buf *out)
{
    char actor[AUTH_ACTOR_BYTES];
    buf_u8(out, (uint8_t)q->question);
    buf_blob(out, actor, auth_actor(&q->who, actor));
    buf_blob(out, q->unit.s, q->unit.len);
    buf_blob(out, q->date.s, q->date.len);
    buf_blob(out, q->month.s, q->month.len);
    buf_u8(out, q->csv ? 1 : 0);
    buf_u8(out, (uint8_t)x->language);
    buf_add(out, q->checkin, sizeof q->checkin);
    buf_i64(out, x->received.now_us);
}

static void ask(struct exchange *x, const struct question_text *q)
{
    struct buf out;
    buf_init(&out, 4096);
    encode(x, q, &out);
    desks_ask(x, MSG_QUESTION, false, &out);
    buf_fini(&out);
}

/* ---- parameters ---- */

static bool is_month(struct text t)
{
    char day[16];
    int32_t days;
    if (t.s == NULL || t.len != 7)
        return false;
    int n = snprintf(day, sizeof day, "%.7s-01", t.s);
    return n == 10 && wall_parse_date(day, 10, &days);
}

static bool wants_csv(const struct exchange *x)
{
    struct text accept = http1_get(x->request, "accept");
    return accept.s != NULL &&
           answer_quality(accept, "text/csv") > answer_quality(accept, "application/json");
}

static bool admit(struct exchange *x, struct credential *ret)
{
    enum auth_outcome outcome = auth_bearer_any(x, ret);
    if (outcome == AUTH_OK)
        return true;
    auth_refuse(x, outcome);
    return false;
}

/* ---- the handlers ---- */

void question_me_head(struct exchange *x)
{
    struct credential who;
    if (admit(x, &who))
        (void)throttle_refuses(x, &who);
}

void question_me(struct exchange *x)
{
    struct question_text q = {.question = QUESTION_ME};
    if (admit(x, &q.who) && query_read(x, NULL, 0)) {
        q.csv = wants_csv(x);
        ask(x, &q);
    }
}

void question_attendance(struct exchange *x)
{
    struct question_text q = {.question = QUESTION_ATTENDANCE};
    struct parameter month = {.name = "month"};
    if (!admit(x, &q.who) || !query_read(x, &month, 1))
        return;
    if (!is_month(month.value)) {
        counter_inc(C_REFUSE_MALFORMED);
        answer_code(x, month.value.s != NULL ? "bad_month" : "missing_month", "month");
        return;
    }
    q.month = month.value;
    q.csv = wants_csv(x);
    ask(x, &q);
}

static bool admit_access(struct exchange *x, struct credential *ret)
{
    if (!admit(x, ret))
        return false;
    if (ret->kind == CREDENTIAL_ACCESS)
        return true;
    auth_refuse(x, AUTH_FORBIDDEN);
    return false;
}

void question_presence_head(struct exchange *x)
{
    struct credential who;
    if (admit_access(x, &who))
        (void)throttle_refuses(x, &who);
}

void question_presence(struct exchange *x)
{
    struct question_text q = {.question = QUESTION_PRESENCE};
    struct parameter date = {.name = "date"};
    int32_t days;
    if (!admit_access(x, &q.who) || !query_read(x, &date, 1))
        return;
    if (date.value.s != NULL && !wall_parse_date(date.value.s, date.value.len, &days)) {
        counter_inc(C_REFUSE_MALFORMED);
        answer_code(x, "bad_date", "date");
        return;
    }
    q.unit = http1_decode_path(x->capture, x->arena);
    if (q.unit.s == NULL || q.unit.len == 0 || q.unit.len > UNIT_MAX) {
        answer_code(x, "not_found", "unit");
        return;
    }
    q.date = date.value;
    q.csv = wants_csv(x);
    ask(x, &q);
}

/* ---- one check-in ---- */

static bool checkin_id(struct exchange *x, uint8_t ret[16])
{
    struct text id = http1_decode_path(x->capture, x->arena);
    if (id.s != NULL && decode_uuid(id.s, id.len, ret))
        return true;
    counter_inc(C_REFUSE_MALFORMED);
    char detail[200];
    codec_fault_message(FAULT_UUID, "id", language_code(x->language), detail, sizeof detail);
    answer_problem(x, &(struct problem){.status = 400, .code = codec_fault_code(FAULT_UUID), .field = "id",
                                        .detail = detail}, NULL);
    return false;
}

void question_checkin_head(struct exchange *x)
{
    struct credential who;
    if (admit(x, &who))
        (void)throttle_refuses(x, &who);
}

static void on_lookup_abandoned(struct exchange *x, enum abandon why)
{
    struct pending *p = x->waiting;
    x->waiting = NULL;
    pending_cancel(p);
    if (why == ABANDON_DEADLINE)
        answer_busy(x, C_BUSY_DEADLINE, RETRY_AFTER_S);
}

static bool write_status(struct buf *out, const struct exchange *x, bool recorded, const uint8_t id[16],
                         const struct fact *f, struct text receipt)
{
    char text[37];
    struct judgement now;
    struct json_writer w;
    directory_rejudge(x->door->directory, f, &now);
    json_begin(&w, out);
    json_object(&w);
    json_key(&w, "checkin");
    json_string(&w, encode_uuid(text, id));
    json_key(&w, "state");
    json_string(&w, recorded ? "recorded" : "received");
    native_write_checkin(&w, f, &now, receipt);
    json_object_end(&w);
    return buf_putc(out, '\n');
}

static void on_lookup(void *arg, struct pending *p, const uint8_t *payload, size_t len)
{
    (void)p;
    struct exchange *x = arg;
    struct question_text *q = x->handler;
    struct reader r;
    struct fact f;
    size_t fact_len = 0;
    size_t receipt_len = 0;
    x->waiting = NULL;
    x->on_abandoned = NULL;
    reader_init(&r, payload, payload != NULL ? len : 0);
    uint8_t state = reader_u8(&r);
    const uint8_t *id = reader_bytes(&r, 16);
    const uint8_t *fact = reader_blob(&r, &fact_len);
    const uint8_t *receipt = reader_blob(&r, &receipt_len);
    if (!reader_done(&r) || state > 2 || (state != 0 && !fact_decode(fact, fact_len, &f))) {
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return;
    }
    if (state == 0) {
        ask(x, q);
        return;
    }
    struct buf out;
    buf_init(&out, (size_t)256 << 10);
    if (write_status(&out, x, state == 2, id, &f, (struct text){(const char *)receipt, receipt_len}))
        exchange_answer(x, 200, "application/json", out.data, out.len, NULL);
    else
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
    buf_fini(&out);
}

void question_checkin(struct exchange *x)
{
    struct question_text *q = arena_alloc(x->arena, sizeof *q);
    if (q == NULL) {
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
        return;
    }
    q->question = QUESTION_CHECKIN;
    if (!admit(x, &q->who) || !query_read(x, NULL, 0) || !checkin_id(x, q->checkin))
        return;
    struct buf out;
    buf_init(&out, 64);
    buf_i64(&out, q->who.person);
    buf_i64(&out, q->who.kind == CREDENTIAL_DEVICE ? q->who.id : 0);
    buf_add(&out, q->checkin, sizeof q->checkin);
    x->handler = q;
    struct pending *p = pending_send(x->door->pending, MSG_LOOKUP, &out, on_lookup, x);
    buf_fini(&out);
    if (p == NULL) {
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return;
    }
    x->waiting = p;
    x->on_abandoned = on_lookup_abandoned;
}
