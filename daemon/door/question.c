/* Questions of people: /v1/me, /v1/me/attendance, /v1/units/{}/presence, and the state of one check-in.
 *
 * Place in the flow: the request is checked here (token, parameters), passed to a desk as MSG_QUESTION, and the desk's
 * answer streamed back. What the desk may see is decided by the database's row security for the actor, not here.
 *
 * A check-in's state is asked of the ledger first and of a desk when the ledger does not know it; 404 needs both.
 *
 * Back-pressure: the desk sends at most four bodies without MSG_ANSWER_MORE, which goes out when the client's connection
 * has taken what it had. A client that leaves cancels its question; a desk that dies breaks its answers off, or, before
 * their head, turns them into 503. Outstanding questions are bounded. Threads: the loop's. */
#include "question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "auth.h"
#include "channel.h"
#include "channels.h"
#include "codec.h"
#include "counter.h"
#include "digest.h"
#include "directory.h"
#include "door.h"
#include "json.h"
#include "log.h"
#include "message.h"
#include "pending.h"

#define DESKS_MAX 32u
#define QUESTIONS_MAX 1024u
#define QUEUE_MAX ((size_t)4 << 20)
#define UNIT_MAX 100u
#define PARAMETERS_MAX 8u
#define RETRY_AFTER_S 5u

struct desk {
    struct desks *desks;
    struct ipc_channel *channel; /* NULL while away */
};

struct asked {
    struct desks *desks;
    struct desk *desk;
    uint64_t id;
    struct exchange *x;
    unsigned owed;  /* bodies not yet acknowledged */
    bool streaming;
    struct asked *prev, *next;
};

struct desks {
    struct loop *loop;
    struct desk at[DESKS_MAX];
    unsigned turn;
    struct asked *first;
    size_t count;
    uint64_t next_id;
};

/* What one question says; all texts are short and checked. */
struct question_text {
    enum question question;
    struct credential who;
    struct text unit, date, month;
    bool csv;
    uint8_t checkin[16];
};

/* ---- asked questions ---- */

static struct asked *find(const struct desks *d, uint64_t id)
{
    struct asked *a = d->first;
    while (a != NULL && a->id != id)
        a = a->next;
    return a;
}

static void forget(struct asked *a)
{
    struct desks *d = a->desks;
    if (a->prev != NULL)
        a->prev->next = a->next;
    else
        d->first = a->next;
    if (a->next != NULL)
        a->next->prev = a->prev;
    d->count--;
    free(a);
}

/* No answer will come, or no more of it. */
static void break_off(struct asked *a)
{
    struct exchange *x = a->x;
    bool streaming = a->streaming;
    forget(a);
    if (streaming)
        exchange_stream_end(x, false);
    else
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
}

static void cancel(struct asked *a)
{
    if (a->desk->channel != NULL)
        (void)!channel_send(a->desk->channel, MSG_QUESTION_CANCEL, a->id, NULL, 0, -1);
    forget(a);
}

static void on_abandoned(struct exchange *x, enum abandon why)
{
    struct asked *a = x->waiting;
    x->waiting = NULL;
    cancel(a);
    if (why == ABANDON_DEADLINE)
        answer_busy(x, C_BUSY_DEADLINE, RETRY_AFTER_S);
}

/* Everything written has gone out: the desk may send as much again. */
static void on_drained(struct exchange *x)
{
    struct asked *a = x->waiting;
    while (a->owed > 0 && channel_send(a->desk->channel, MSG_ANSWER_MORE, a->id, NULL, 0, -1))
        a->owed--;
}

/* As busy, but said: check-ins go on meanwhile, answers about them do not. */
static void answer_away(struct exchange *x, const char *detail)
{
    char header[48];
    snprintf(header, sizeof header, "Retry-After: %u\r\n", RETRY_AFTER_S);
    counter_inc(C_BUSY_DESK);
    answer_problem(x, &(struct problem){.status = 503, .code = "database_away", .detail = detail}, header);
}

static void on_head(struct asked *a, const uint8_t *payload, size_t len)
{
    struct reader r;
    struct exchange *x = a->x;
    reader_init(&r, payload, len);
    unsigned status = reader_u16(&r);
    size_t type_len = 0;
    size_t code_len = 0;
    size_t detail_len = 0;
    const uint8_t *type = reader_blob(&r, &type_len);
    const uint8_t *code = reader_blob(&r, &code_len);
    const uint8_t *detail = reader_blob(&r, &detail_len);
    if (!reader_done(&r) || a->streaming || type_len > 100 || code_len > 60 || detail_len > 500) {
        log_error("event=desk_answer reason=malformed_head");
        cancel(a);
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
        return;
    }
    char words[3][512];
    snprintf(words[0], sizeof words[0], "%.*s", (int)type_len, type != NULL ? (const char *)type : "");
    snprintf(words[1], sizeof words[1], "%.*s", (int)code_len, code != NULL ? (const char *)code : "");
    snprintf(words[2], sizeof words[2], "%.*s", (int)detail_len, detail != NULL ? (const char *)detail : "");
    if (status == 200) {
        if (!exchange_stream(x, words[0])) {
            cancel(a);
            return;
        }
        a->streaming = true;
        x->waiting = a;
        x->on_abandoned = on_abandoned;
        x->on_drained = on_drained;
        return;
    }
    forget(a);
    if (status == 503 && strcmp(words[1], "database_away") == 0)
        answer_away(x, words[2]);
    else if (status == 503 || status < 400 || status > 599)
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
    else
        answer_problem(x, &(struct problem){.status = status, .code = code_len > 0 ? words[1] : "not_found",
                                            .detail = words[2]}, NULL);
}

static void on_body(struct asked *a, const uint8_t *payload, size_t len)
{
    struct exchange *x = a->x;
    if (a->streaming && len > 0 && exchange_stream_write(x, payload, len)) {
        a->owed++;
        return;
    }
    bool streaming = a->streaming;
    cancel(a);
    if (streaming)
        exchange_stream_end(x, false);
    else
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
}

static void on_end(struct asked *a, const uint8_t *payload, size_t len)
{
    struct exchange *x = a->x;
    bool streaming = a->streaming;
    bool complete = len == 1 && payload[0] == 0;
    forget(a);
    if (streaming)
        exchange_stream_end(x, complete);
    else
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
}

static void on_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct desk *desk = arg;
    if (fd >= 0)
        close(fd);
    struct asked *a = find(desk->desks, id);
    if (a == NULL || a->desk != desk) /* cancelled meanwhile */
        return;
    if (type == MSG_ANSWER_HEAD)
        on_head(a, payload, len);
    else if (type == MSG_ANSWER_BODY)
        on_body(a, payload, len);
    else if (type == MSG_ANSWER_END)
        on_end(a, payload, len);
}

static void desk_gone(struct desk *desk)
{
    if (desk->channel != NULL)
        channel_free(desk->channel);
    desk->channel = NULL;
    struct asked *next;
    for (struct asked *a = desk->desks->first; a != NULL; a = next) {
        next = a->next;
        if (a->desk == desk)
            break_off(a);
    }
}

static void on_closed(void *arg)
{
    desk_gone(arg);
}

struct desks *desks_new(struct loop *loop)
{
    struct desks *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->loop = loop;
    d->next_id = 1;
    for (unsigned i = 0; i < DESKS_MAX; i++)
        d->at[i].desks = d;
    return d;
}

void desks_free(struct desks *d)
{
    if (d == NULL)
        return;
    for (unsigned i = 0; i < DESKS_MAX; i++)
        if (d->at[i].channel != NULL)
            channel_free(d->at[i].channel);
    while (d->first != NULL)
        forget(d->first);
    free(d);
}

void desks_connect(struct desks *d, uint32_t index, int fd)
{
    if (index >= DESKS_MAX) {
        log_error("event=desk_connected index=%u reason=too_many", index);
        close(fd);
        return;
    }
    struct desk *desk = &d->at[index];
    desk_gone(desk);
    desk->channel = channel_new(d->loop, fd, QUEUE_MAX, on_message, on_closed, desk);
    if (desk->channel == NULL)
        log_error("event=desk_channel reason=memory");
}

/* ---- asking ---- */

static struct desk *next_desk(struct desks *d)
{
    for (unsigned i = 0; i < DESKS_MAX; i++) {
        struct desk *desk = &d->at[(d->turn + i) % DESKS_MAX];
        if (desk->channel != NULL) {
            d->turn = (d->turn + i + 1) % DESKS_MAX;
            return desk;
        }
    }
    return NULL;
}

static bool encode(const struct exchange *x, const struct question_text *q, struct buf *out)
{
    char actor[40];
    int n = snprintf(actor, sizeof actor, "%s:%lld", q->who.kind == CREDENTIAL_ACCESS ? "access" : "device",
                     (long long)q->who.id);
    buf_u8(out, (uint8_t)q->question);
    buf_blob(out, actor, (size_t)n);
    buf_blob(out, q->unit.s, q->unit.len);
    buf_blob(out, q->date.s, q->date.len);
    buf_blob(out, q->month.s, q->month.len);
    buf_u8(out, q->csv ? 1 : 0);
    buf_u8(out, (uint8_t)x->language);
    buf_add(out, q->checkin, sizeof q->checkin);
    return buf_i64(out, x->received.now_us);
}

static void ask(struct exchange *x, const struct question_text *q)
{
    struct desks *d = x->door->desks;
    struct desk *desk = d->count < QUESTIONS_MAX ? next_desk(d) : NULL;
    struct asked *a = desk != NULL ? calloc(1, sizeof *a) : NULL;
    struct buf out;
    buf_init(&out, 4096);
    if (a == NULL || !encode(x, q, &out) ||
        !channel_send(desk->channel, MSG_QUESTION, d->next_id, out.data, out.len, -1)) {
        buf_fini(&out);
        free(a);
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
        return;
    }
    buf_fini(&out);
    *a = (struct asked){.desks = d, .desk = desk, .id = d->next_id++, .x = x, .next = d->first};
    if (d->first != NULL)
        d->first->prev = a;
    d->first = a;
    d->count++;
    x->waiting = a;
    x->on_abandoned = on_abandoned;
}

/* ---- parameters ---- */

struct parameter {
    const char *name;
    struct text value; /* absent until seen */
};

struct parameters {
    struct parameter *known;
    size_t count;
    const char *code;  /* first fault, NULL when none */
    char field[64];
};

static bool on_pair(void *arg, struct text name, struct text value)
{
    struct parameters *ps = arg;
    const char *code = "unknown_parameter";
    for (size_t i = 0; i < ps->count; i++) {
        struct parameter *p = &ps->known[i];
        if (strlen(p->name) != name.len || memcmp(p->name, name.s, name.len) != 0)
            continue;
        if (p->value.s == NULL) {
            p->value = value;
            return true;
        }
        code = "repeated_parameter";
    }
    ps->code = code;
    snprintf(ps->field, sizeof ps->field, "%.*s", (int)(name.len < 60 ? name.len : 60), name.s);
    return false;
}

/* Reads the query into the known parameters; answers 400 and returns false when it holds anything else. */
static bool read_query(struct exchange *x, struct parameter *known, size_t count)
{
    struct parameters ps = {.known = known, .count = count};
    if (x->request.query.s == NULL || x->request.query.len == 0 ||
        http1_pairs(x->request.query, x->arena, PARAMETERS_MAX, on_pair, &ps))
        return true;
    counter_inc(C_REFUSE_MALFORMED);
    answer_code(x, ps.code != NULL ? ps.code : "bad_query", ps.code != NULL ? ps.field : NULL);
    return false;
}

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
    struct text accept = http1_get(&x->request, "accept");
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
    (void)admit(x, &who);
}

void question_me(struct exchange *x)
{
    struct question_text q = {.question = QUESTION_ME};
    if (admit(x, &q.who) && read_query(x, NULL, 0)) {
        q.csv = wants_csv(x);
        ask(x, &q);
    }
}

void question_attendance(struct exchange *x)
{
    struct question_text q = {.question = QUESTION_ATTENDANCE};
    struct parameter month = {.name = "month"};
    if (!admit(x, &q.who) || !read_query(x, &month, 1))
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
    (void)admit_access(x, &who);
}

void question_presence(struct exchange *x)
{
    struct question_text q = {.question = QUESTION_PRESENCE};
    struct parameter date = {.name = "date"};
    int32_t days;
    if (!admit_access(x, &q.who) || !read_query(x, &date, 1))
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
    (void)admit(x, &who);
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
    if (!admit(x, &q->who) || !read_query(x, NULL, 0) || !checkin_id(x, q->checkin))
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
