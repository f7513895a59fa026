/* Questions and requests of people: one statement or two each, the answer rendered and streamed to the door.
 *
 * Place in the flow: door --MSG_QUESTION--> here --api.presence …, hadir.actor set in the same sync--> render.c -->
 * MSG_ANSWER_HEAD, bodies of at most BODY_BYTES with at most CREDIT of them unacknowledged, MSG_ANSWER_END.
 * MSG_REQUEST goes the same way; statement.c has its statement and renders what it says. MSG_REPORT is given to a clerk
 * (clerk.c), a process of its own, whose bytes are passed on as the door takes them.
 *
 *   WAITING_HEAD --row--> WAITING_ROWS --rendered--> STREAMING --all sent--> gone
 *   any --MSG_QUESTION_CANCEL or the door gone--> gone; while the database works on it: DROPPED until its callback came
 *
 * Row security answers who may see what: no row is 404, whatever the reason. At most QUESTIONS_MAX at once; more are
 * answered 503 (C_BUSY_DESK), and so is everything while the database is away. A statement that writes is sent once: when
 * its answer does not come, nobody here knows whether it was committed, and the answer says that (outcome_unknown).
 * Does not: parse HTTP, know units or states. No threads. */
#include "inquiry.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "channel.h"
#include "clerk.h"
#include "conf.h"
#include "counter.h"
#include "digest.h"
#include "log.h"
#include "message.h"
#include "render.h"
#include "statement.h"
#include "store.h"
#include "utf8.h"
#include "wall.h"

#define QUESTIONS_MAX 48 /* of the store's 64 exchanges */
#define REPORTS_MAX 4    /* each a process and a connection */
#define BODY_BYTES ((size_t)64 << 10)
#define CREDIT 4u
#define ANSWER_MAX ((size_t)256 << 20)
#define TEXT_MAX 200 /* unit code, actor */
#define HELD_US (5 * US_PER_S) /* on top of a door's deadline: what a question may have waited for us */

enum state { WAITING_HEAD, WAITING_ROWS, STREAMING, DROPPED };

struct inquiry {
    struct inquiry *next;
    struct inquiries *all;
    struct ipc_channel *door;
    uint64_t id;
    enum state state;
    enum question question;
    const struct statement *statement; /* of a request; NULL for a question */
    uint8_t request;
    char *json;
    char actor[TEXT_MAX + 1], unit[TEXT_MAX + 1], date[11], month[11], checkin[37], now[40];
    bool csv, english;
    bool stale; /* asked longer ago than a door waits */
    struct buf body;
    size_t sent;
    unsigned unacknowledged;
    struct clerk *clerk; /* of a report */
    char *head_texts[5]; /* unit_code, unit_name, zone, day, recorded_to: kept from the head's row */
    bool behind;
};

struct inquiries {
    struct loop *loop;
    const struct conf *conf;
    struct wall_watch clock;
    struct store *reads, *writes;
    inquiries_idle_cb on_idle;
    void *arg;
    struct inquiry *first;
    size_t count, reports;
};

static const char HEAD[] = "select unit_code, unit_name, zone, day::text,"
                           " to_char(recorded_to at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), behind"
                           " from api.presence_head($1, $2::date, $3::timestamptz)";
static const char PRESENCE[] = "select " RENDER_COLUMNS " from api.presence($1, $2::date, $3::timestamptz)";
static const char ME[] = "select " RENDER_COLUMNS ", day::text, accept_from, due, accept_until from api.me($1::timestamptz)";
static const char ATTENDANCE[] =
    "select " RENDER_COLUMNS ", day::text from api.my_attendance($1::date, $2::timestamptz) order by day";
static const char CHECKIN[] = "select * from api.checkin_status($1::uuid)";

/* ---- life ---- */

struct inquiries *inquiries_new(struct loop *loop, const struct conf *conf, struct store *reads, struct store *writes,
                                inquiries_idle_cb on_idle, void *arg)
{
    struct inquiries *q = calloc(1, sizeof *q);
    if (q != NULL)
        *q = (struct inquiries){.loop = loop, .conf = conf, .reads = reads, .writes = writes, .on_idle = on_idle, .arg = arg};
    return q;
}

static void inquiry_free(struct inquiry *x)
{
    for (size_t i = 0; i < sizeof x->head_texts / sizeof x->head_texts[0]; i++)
        free(x->head_texts[i]);
    if (x->clerk != NULL)
        x->all->reports--;
    clerk_free(x->clerk);
    buf_fini(&x->body);
    free(x->json);
    free(x);
}

void inquiries_free(struct inquiries *q)
{
    if (q == NULL)
        return;
    while (q->first != NULL) {
        struct inquiry *x = q->first;
        q->first = x->next;
        inquiry_free(x);
    }
    free(q);
}

size_t inquiries_count(const struct inquiries *q)
{
    return q->count;
}

static void inquiry_end(struct inquiry *x)
{
    struct inquiries *q = x->all;
    for (struct inquiry **at = &q->first; *at != NULL; at = &(*at)->next) {
        if (*at == x) {
            *at = x->next;
            break;
        }
    }
    inquiry_free(x);
    if (--q->count == 0 && q->on_idle != NULL)
        q->on_idle(q->arg);
}

/* Nobody wants the answer any more. The database may still be working for it: then its callback ends the question. */
static void inquiry_drop(struct inquiry *x)
{
    if (x->state == STREAMING || x->clerk != NULL)
        inquiry_end(x);
    else
        x->state = DROPPED;
}

/* ---- answering ---- */

static bool send_head(struct ipc_channel *door, uint64_t id, uint16_t status, const char *type, const char *code,
                      const char *detail)
{
    struct buf payload;
    buf_init(&payload, 1024);
    buf_u16(&payload, status);
    buf_blob(&payload, type, strlen(type));
    buf_blob(&payload, code, strlen(code));
    buf_blob(&payload, detail, strlen(detail));
    bool sent = !payload.failed && channel_send(door, MSG_ANSWER_HEAD, id, payload.data, payload.len, -1);
    buf_fini(&payload);
    return sent;
}

static bool send_end(struct ipc_channel *door, uint64_t id, bool broken)
{
    uint8_t byte = broken ? 1 : 0;
    return channel_send(door, MSG_ANSWER_END, id, &byte, 1, -1);
}

/* An answer that is a problem. The door makes problem+json of it. */
static void refuse(struct ipc_channel *door, uint64_t id, bool english, uint16_t status, const char *code)
{
    static const struct {
        const char *code, *indonesian, *english;
    } details[] = {
        {"not_found", "Tidak ditemukan.", "Not found."},
        {"database_away", "Basis data sedang tidak dapat dihubungi. Silakan coba lagi sebentar lagi.",
         "The database cannot be reached at the moment. Please try again shortly."},
        {"busy", "Layanan sedang sibuk. Silakan coba lagi sebentar lagi.",
         "The service is busy. Please try again shortly."},
        {"internal", "Pertanyaan ini tidak dapat dijawab karena kesalahan di pihak kami.",
         "This question could not be answered because of an error on our side."},
    };
    const char *detail = "";
    for (size_t i = 0; i < sizeof details / sizeof details[0]; i++)
        if (strcmp(details[i].code, code) == 0)
            detail = english ? details[i].english : details[i].indonesian;
    if (send_head(door, id, status, "application/problem+json", code, detail))
        send_end(door, id, false);
}

static void refuse_and_end(struct inquiry *x, uint16_t status, const char *code)
{
    refuse(x->door, x->id, x->english, status, code);
    inquiry_end(x);
}

/* Sends as much as the door's credit allows; ends the question when all is out. */
static void stream(struct inquiry *x)
{
    while (x->unacknowledged < CREDIT && x->sent < x->body.len) {
        size_t part = x->body.len - x->sent < BODY_BYTES ? x->body.len - x->sent : BODY_BYTES;
        if (!channel_send(x->door, MSG_ANSWER_BODY, x->id, x->body.data + x->sent, part, -1)) {
            log_error("event=answer_broken_off reason=\"the door's queue is full\"");
            send_end(x->door, x->id, true);
            inquiry_end(x);
            return;
        }
        x->sent += part;
        x->unacknowledged++;
    }
    if (x->sent < x->body.len)
        return;
    send_end(x->door, x->id, false);
    inquiry_end(x);
}

static bool writes(const struct inquiry *x)
{
    return x->statement != NULL && x->statement->writes;
}

/* It cannot be said what came of it; of a statement that writes, not even whether it did. */
static void fail_and_end(struct inquiry *x)
{
    counter_inc(C_QUESTION_ERRORS);
    if (writes(x))
        refuse_and_end(x, 503, "outcome_unknown");
    else
        refuse_and_end(x, 500, "internal");
}

static void begin_stream(struct inquiry *x, uint16_t status, const char *type)
{
    if (x->body.failed) {
        log_error("event=answer_too_large question=%d request=%u", (int)x->question, (unsigned)x->request);
        fail_and_end(x);
        return;
    }
    counter_inc(x->statement == NULL ? C_QUESTIONS : writes(x) ? C_RULES_WRITTEN : C_RULES_READ);
    x->state = STREAMING;
    if (!send_head(x->door, x->id, status, type, "", "")) {
        inquiry_end(x);
        return;
    }
    stream(x);
}

/* ---- asking the database ---- */

/* Nothing is wrong but the hour: locks, time-outs, serialization. What such a statement did is undone. */
static bool passing(const struct store_error *e)
{
    return strncmp(e->sqlstate, "40", 2) == 0 || strcmp(e->sqlstate, "55P03") == 0 || strcmp(e->sqlstate, "57014") == 0;
}

/* true when the callback may go on; otherwise the question has been ended. */
static bool usable(struct inquiry *x, enum store_outcome outcome, const struct store_error *e)
{
    char quoted[300];
    if (x->state == DROPPED) {
        inquiry_end(x);
        return false;
    }
    if (outcome == STORE_OK)
        return true;
    if (outcome == STORE_DOWN) {
        refuse_and_end(x, 503, writes(x) ? "outcome_unknown" : "database_away");
        return false;
    }
    log_error("event=question_refused question=%d request=%u sqlstate=%s reason=%s", (int)x->question,
              (unsigned)x->request, e->sqlstate, log_quote(quoted, sizeof quoted, e->message, strlen(e->message)));
    counter_inc(C_QUESTION_ERRORS);
    if (passing(e))
        refuse_and_end(x, 503, "busy");
    else
        refuse_and_end(x, 500, "internal");
    return false;
}

static void on_rows(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct inquiry *x = arg;
    if (!usable(x, outcome, e))
        return;
    if (x->question == QUESTION_PRESENCE) {
        const struct render_head head = {.unit_code = x->head_texts[0], .unit_name = x->head_texts[1],
                                         .zone = x->head_texts[2], .day = x->head_texts[3],
                                         .recorded_to = x->head_texts[4], .behind = x->behind};
        (x->csv ? render_presence_csv : render_presence_json)(&head, rows, &x->body);
    } else if (rows_count(rows) == 0) {
        refuse_and_end(x, 404, "not_found");
        return;
    } else if (x->question == QUESTION_CHECKIN) {
        render_checkin_json(rows, &x->body);
    } else if (x->csv) {
        render_own_csv(rows, &x->body);
    } else if (x->question == QUESTION_ME) {
        render_me_json(rows, &x->body);
    } else {
        x->month[7] = '\0'; /* as it was asked: without the day that SQL got */
        render_attendance_json(x->month, rows, &x->body);
    }
    begin_stream(x, 200, x->csv && x->question != QUESTION_CHECKIN ? "text/csv; charset=utf-8" : "application/json");
}

static void on_statement(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct inquiry *x = arg;
    uint16_t status;
    const char *type;
    if (!usable(x, outcome, e))
        return;
    if (statement_render(rows, x->english, &status, &type, &x->body)) {
        begin_stream(x, status, type);
        return;
    }
    log_error("event=request_answer request=%u reason=\"not in the agreed shape\"", (unsigned)x->request);
    fail_and_end(x);
}

static struct store_actor actor_of(const struct inquiry *x)
{
    return (struct store_actor){.name = x->actor, .language = x->english ? "en" : "id"};
}

static void on_head(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct inquiry *x = arg;
    if (!usable(x, outcome, e))
        return;
    if (rows_count(rows) != 1) {
        refuse_and_end(x, 404, "not_found");
        return;
    }
    for (size_t i = 0; i < sizeof x->head_texts / sizeof x->head_texts[0]; i++) {
        const char *text = rows_get(rows, 0, i);
        x->head_texts[i] = text == NULL ? NULL : strdup(text);
        if (text != NULL && x->head_texts[i] == NULL) {
            refuse_and_end(x, 503, "busy");
            return;
        }
    }
    const char *behind = rows_get(rows, 0, 5);
    x->behind = behind == NULL || behind[0] != 'f';
    x->state = WAITING_ROWS;
    const char *const params[] = {x->unit, x->head_texts[3], x->now};
    const struct store_actor actor = actor_of(x);
    if (!store_query(x->all->reads, &actor, PRESENCE, 3, params, on_rows, x))
        refuse_and_end(x, 503, store_is_up(x->all->reads) ? "busy" : "database_away");
}

static struct store *store_of(const struct inquiry *x)
{
    return writes(x) ? x->all->writes : x->all->reads;
}

static bool ask(struct inquiry *x)
{
    struct store *store = store_of(x);
    const struct store_actor actor = actor_of(x);
    const char *date = x->date[0] == '\0' ? NULL : x->date;
    const char *const by_unit[] = {x->unit, date, x->now};
    const char *const by_month[] = {x->month, x->now};
    const char *const by_now[] = {x->now};
    const char *const by_checkin[] = {x->checkin};
    const char *const by_object[] = {x->json, x->now};
    x->state = WAITING_ROWS;
    if (x->statement != NULL)
        return store_query(store, &actor, x->statement->sql, 2, by_object, on_statement, x);
    switch (x->question) {
    case QUESTION_PRESENCE:
        x->state = WAITING_HEAD;
        return store_query(store, &actor, HEAD, 3, by_unit, on_head, x);
    case QUESTION_ME:
        return store_query(store, &actor, ME, 1, by_now, on_rows, x);
    case QUESTION_ATTENDANCE:
        return store_query(store, &actor, ATTENDANCE, 2, by_month, on_rows, x);
    case QUESTION_CHECKIN:
        return store_query(store, &actor, CHECKIN, 1, by_checkin, on_rows, x);
    }
    return false;
}

/* ---- messages of doors ---- */

static bool take_now(struct inquiry *x, int64_t now_us)
{
    enum wall_when when = wall_when(&x->all->clock, now_us, x->all->conf->request_timeout_ms * 1000 + HELD_US);
    if (when == WALL_FUTURE)
        return false;
    x->stale = when == WALL_PAST;
    wall_format_rfc3339(x->now, sizeof x->now, now_us, 0);
    return true;
}

/* A blob of at most cap - 1 bytes, UTF-8 without NUL. */
static bool read_text(struct reader *r, char *dst, size_t cap)
{
    size_t len;
    const uint8_t *bytes = reader_blob(r, &len);
    if (r->failed || len >= cap || !utf8_valid(bytes, len))
        return false;
    if (len > 0)
        memcpy(dst, bytes, len);
    dst[len] = '\0';
    return true;
}

/* u8 language, i64 now_us, and nothing else. What people may still file depends on the time: no door gives another than ours. */
static bool read_rest(struct reader *r, struct inquiry *x)
{
    uint8_t language = reader_u8(r);
    int64_t now_us = reader_i64(r);
    if (!reader_done(r) || language > 1)
        return false;
    x->english = language == 1;
    return take_now(x, now_us);
}

/* "access:12" or "device:7", the only ones that doors name. */
static bool read_actor(struct reader *r, struct inquiry *x)
{
    if (!read_text(r, x->actor, sizeof x->actor))
        return false;
    bool whose = strncmp(x->actor, "access:", 7) == 0 || strncmp(x->actor, "device:", 7) == 0;
    const char *number = whose ? x->actor + 7 : "";
    return number[0] >= '1' && number[0] <= '9' && strlen(number) <= 18 && strspn(number, "0123456789") == strlen(number);
}

/* The object as the door checked it; u8 language, i64 now_us behind it. */
static bool read_object(struct reader *r, struct inquiry *x)
{
    size_t len;
    const uint8_t *json = reader_blob(r, &len);
    if (r->failed || len == 0 || len > REQUEST_BODY_MAX || !utf8_valid(json, len))
        return false;
    x->json = strndup((const char *)json, len);
    return read_rest(r, x);
}

/* Fills x from MSG_QUESTION's payload. A date that is none never reaches SQL. */
static bool decode(struct inquiry *x, const uint8_t *payload, size_t len)
{
    struct reader r;
    int32_t days;
    reader_init(&r, payload, len);
    uint8_t question = reader_u8(&r);
    if (!read_actor(&r, x) || !read_text(&r, x->unit, sizeof x->unit) ||
        !read_text(&r, x->date, sizeof x->date) || !read_text(&r, x->month, 8))
        return false;
    uint8_t format = reader_u8(&r), language = reader_u8(&r);
    const uint8_t *checkin = reader_bytes(&r, 16);
    int64_t now_us = reader_i64(&r);
    if (!reader_done(&r) || question < QUESTION_PRESENCE || question > QUESTION_CHECKIN || format > 1 || language > 1 ||
        !take_now(x, now_us))
        return false;
    if (x->date[0] != '\0' && !wall_parse_date(x->date, strlen(x->date), &days))
        return false;
    x->question = (enum question)question;
    if (x->question == QUESTION_ATTENDANCE) {
        memcpy(x->month + strlen(x->month), "-01", 4); /* the month as its first day; room is for 11 */
        if (!wall_parse_date(x->month, strlen(x->month), &days))
            return false;
    }
    x->csv = format == 1;
    x->english = language == 1;
    encode_uuid(x->checkin, checkin);
    return true;
}

/* Fills x from MSG_REQUEST's payload. That the object is well-formed is the door's word; SQL takes nobody's. */
static bool decode_request(struct inquiry *x, const uint8_t *payload, size_t len)
{
    struct reader r;
    reader_init(&r, payload, len);
    x->request = reader_u8(&r);
    x->statement = statement_of(x->request);
    return x->statement != NULL && read_actor(&r, x) && read_object(&r, x);
}

static bool is_stale(const struct inquiry *x)
{
    counter_add(C_STALE, x->stale);
    return x->stale;
}

/* ---- reports ---- */

static void on_clerk_head(void *arg, const uint8_t *payload, size_t len)
{
    struct inquiry *x = arg;
    counter_inc(C_QUESTIONS);
    x->state = STREAMING;
    if (!channel_send(x->door, MSG_ANSWER_HEAD, x->id, payload, len, -1))
        inquiry_end(x);
}

static void on_clerk_bytes(void *arg, const uint8_t *bytes, size_t len)
{
    struct inquiry *x = arg;
    if (!channel_send(x->door, MSG_ANSWER_BODY, x->id, bytes, len, -1)) {
        log_error("event=answer_broken_off reason=\"the door's queue is full\"");
        send_end(x->door, x->id, true);
        inquiry_end(x);
    } else if (++x->unacknowledged >= CREDIT) {
        clerk_pause(x->clerk);
    }
}

static void on_clerk_end(void *arg, enum clerk_end end)
{
    struct inquiry *x = arg;
    if (end != CLERK_COMPLETE)
        counter_inc(C_QUESTION_ERRORS);
    if (x->state == STREAMING) {
        send_end(x->door, x->id, end != CLERK_COMPLETE);
        inquiry_end(x);
    } else if (end == CLERK_AWAY) {
        refuse_and_end(x, 503, "database_away");
    } else {
        refuse_and_end(x, 500, "internal");
    }
}

/* Fills x and task from MSG_REPORT's payload; their texts are x's own. */
static bool decode_report(struct inquiry *x, struct clerk_task *task, const uint8_t *payload, size_t len)
{
    struct reader r;
    size_t name_len;
    reader_init(&r, payload, len);
    const uint8_t *name = reader_blob(&r, &name_len);
    uint8_t format = reader_u8(&r), dialect = reader_u8(&r);
    if (format >= REPORT_FORMATS || dialect > CSV_EXCEL_ID || !read_actor(&r, x) || !read_object(&r, x))
        return false;
    task->report = report_find((const char *)name, name_len);
    task->style = (struct report_style){.format = (enum report_format)format, .dialect = (enum csv_dialect)dialect, .english = x->english};
    return true;
}

static bool on_report(struct inquiries *q, struct ipc_channel *door, uint64_t id, const uint8_t *payload, size_t len)
{
    static const struct clerk_callbacks cbs = {on_clerk_head, on_clerk_bytes, on_clerk_end};
    struct inquiry *x = calloc(1, sizeof *x);
    if (x == NULL) {
        refuse(door, id, false, 503, "busy");
        return true;
    }
    *x = (struct inquiry){.all = q, .door = door, .id = id, .state = WAITING_HEAD};
    buf_init(&x->body, 0);
    struct clerk_task task = {.database = q->conf->database, .actor = x->actor, .now = x->now};
    if (!decode_report(x, &task, payload, len)) {
        inquiry_free(x);
        log_error("event=report_malformed");
        return false;
    }
    task.body = x->json;
    bool up = store_is_up(q->reads), room = !is_stale(x) && q->count < QUESTIONS_MAX && q->reports < REPORTS_MAX && x->json != NULL;
    if (task.report != NULL && up && room)
        x->clerk = clerk_start(q->loop, &task, &cbs, x);
    if (x->clerk == NULL) {
        if (task.report == NULL)
            refuse(door, id, x->english, 404, "not_found");
        else
            refuse(door, id, x->english, 503, up ? "busy" : "database_away");
        inquiry_free(x);
        return true;
    }
    q->reports++;
    x->next = q->first;
    q->first = x;
    q->count++;
    return true;
}

static bool on_question(struct inquiries *q, struct ipc_channel *door, uint16_t type, uint64_t id,
                        const uint8_t *payload, size_t len)
{
    struct inquiry *x = calloc(1, sizeof *x);
    if (x == NULL) {
        refuse(door, id, false, 503, "busy");
        return true;
    }
    *x = (struct inquiry){.all = q, .door = door, .id = id};
    buf_init(&x->body, ANSWER_MAX);
    if (!(type == MSG_REQUEST ? decode_request : decode)(x, payload, len)) {
        inquiry_free(x);
        log_error("event=question_malformed");
        return false;
    }
    bool up = store_is_up(store_of(x)), room = !is_stale(x) && q->count < QUESTIONS_MAX && (x->statement == NULL || x->json != NULL);
    if (!up || !room || !ask(x)) {
        if (up)
            counter_inc(C_BUSY_DESK);
        refuse(door, id, x->english, 503, up ? "busy" : "database_away");
        inquiry_free(x);
        return true;
    }
    x->next = q->first;
    q->first = x;
    q->count++;
    return true;
}

static struct inquiry *find(struct inquiries *q, const struct ipc_channel *door, uint64_t id)
{
    struct inquiry *x = q->first;
    while (x != NULL && (x->door != door || x->id != id))
        x = x->next;
    return x;
}

bool inquiries_message(struct inquiries *q, struct ipc_channel *door, uint16_t type, uint64_t id, const uint8_t *payload,
                       size_t len)
{
    if (type == MSG_QUESTION || type == MSG_REQUEST)
        return on_question(q, door, type, id, payload, len);
    if (type == MSG_REPORT)
        return on_report(q, door, id, payload, len);
    struct inquiry *x = find(q, door, id); /* may have ended while the message was on its way */
    if (type == MSG_QUESTION_CANCEL) {
        if (x != NULL && x->state != DROPPED)
            inquiry_drop(x);
        return true;
    }
    if (type != MSG_ANSWER_MORE)
        return false;
    if (x != NULL && x->state == STREAMING && x->unacknowledged > 0) {
        x->unacknowledged--;
        if (x->clerk != NULL)
            clerk_resume(x->clerk);
        else
            stream(x);
    }
    return true;
}

void inquiries_forget(struct inquiries *q, struct ipc_channel *door)
{
    struct inquiry *next;
    for (struct inquiry *x = q->first; x != NULL; x = next) {
        next = x->next;
        if (x->door != door)
            continue;
        x->door = NULL;
        if (x->state != DROPPED)
            inquiry_drop(x);
    }
}
