/* HTTP/1.1 on one connection: a state machine over net/'s bytes and proto/http1's parser.
 *
 * Place in the flow: net/ offers bytes; here a head becomes an exchange with a route (limits are decided then, before
 * any byte of the body is kept), the body is gathered, the handler called, its answer written.
 *
 * Invariants
 *  - One request at a time: while it is handled or answered the connection is paused and pipelined bytes wait.
 *  - The state moves only through set_state, which knows the legal moves.
 *  - Four deadlines: head, body, idle, and one for the request as a whole, from its first byte to the answer's first;
 *    the answer then has as long again; a streamed one for each part that the client takes, STREAM_TIMES as long in
 *    all, so that slow lines get whole answers and nobody holds one for ever; one that is long in the making (exchange_patience)
 *    may begin as late. One timer stands for the nearest of them.
 *  - A request whose framing is in doubt is the connection's last: answered, then closed lingering, so that the answer
 *    arrives although the peer may still be sending.
 *  - A closed connection is freed at the end of the loop turn: handlers above on the stack may still look at it.
 *  - All answers that wait to be read are bounded together; over it 503, or a stream's end; small ones always go.
 *  - All bodies together are bounded; over it 503. Those whose sender is known only behind the body (a signature over
 *    it, a token in it) have a bound of their own, so that strangers cannot take the room of the known.
 *
 * It does not know what the routes mean. Threads: the loop's only. */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conn.h"
#include "counter.h"
#include "door.h"
#include "log.h"
#include "loop.h"
#include "route.h"
#include "throttle.h"

#define HEAD_ARENA_MAX ((size_t)64 << 10)
#define BODIES_MAX ((size_t)128 << 20)       /* of each kind */
#define ANSWERS_MAX ((size_t)256 << 20)      /* waiting for clients that read slowly */
#define SMALL_ANSWER_BYTES ((size_t)8 << 10)
#define DISCARD_MAX ((uint64_t)64 << 10)    /* an unread body up to this is read away to keep the connection */
#define LINGER_MS 5000u
#define DRAIN_FIRST_MS 2000                 /* while draining: how long an accepted connection has for its first request */
#define STREAM_TIMES 10
#define EVERY_ANSWER "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nStrict-Transport-Security: max-age=31536000\r\n"
#define RETRY_AFTER_S 5u

enum http_state {
    HTTP_IDLE,      /* between requests */
    HTTP_HEAD,
    HTTP_BODY,
    HTTP_HANDLING,  /* a handler has the whole request */
    HTTP_ANSWERING, /* the answer's head is written */
    HTTP_DISCARDING,/* answered early: the rest of the body is read away */
    HTTP_CLOSED
};

struct http_conn {
    struct http_server *server;
    struct conn *conn; /* NULL once closed */
    enum http_state state;
    struct exchange x;
    struct http1_body body;
    bool body_pending; /* some of the request's body is unread */
    bool used;         /* a request has begun on it */
    bool streaming, chunked;
    bool finished;     /* the answer is complete; what is left is to write it */
    struct loop_timer *timer;
    int64_t phase_mono_ms, total_mono_ms; /* deadlines; 0 none */
    int64_t stream_mono_ms;               /* of a streamed answer as a whole */
    size_t counted;    /* bytes of the body in the server's sum … */
    bool counted_late; /* … of strangers */
    struct http_conn *prev, *next;
};

struct http_server {
    struct door *door;
    struct listener *listener;
    struct loop_timer *reaper;
    struct http_conn *live, *dead;
    size_t open;
    size_t bodies_bytes[2]; /* of known senders, of strangers so far */
    bool draining;
    enum language language; /* when the client states none we have */
};

static const struct http1_request no_request; /* while there is none, and of one that could not be read */

static void finish(struct http_conn *h);

/* ---- states and deadlines ---- */

static const char *state_name(enum http_state s)
{
    static const char *const names[] = {"idle", "head", "body", "handling", "answering", "discarding", "closed"};
    return names[s];
}

static void set_state(struct http_conn *h, enum http_state to)
{
    static const unsigned legal[] = {
        [HTTP_IDLE] = 1u << HTTP_HEAD | 1u << HTTP_CLOSED,
        [HTTP_HEAD] = 1u << HTTP_BODY | 1u << HTTP_HANDLING | 1u << HTTP_ANSWERING | 1u << HTTP_CLOSED,
        [HTTP_BODY] = 1u << HTTP_HANDLING | 1u << HTTP_ANSWERING | 1u << HTTP_CLOSED,
        [HTTP_HANDLING] = 1u << HTTP_ANSWERING | 1u << HTTP_CLOSED,
        [HTTP_ANSWERING] = 1u << HTTP_DISCARDING | 1u << HTTP_IDLE | 1u << HTTP_CLOSED,
        [HTTP_DISCARDING] = 1u << HTTP_IDLE | 1u << HTTP_CLOSED,
        [HTTP_CLOSED] = 0,
    };
    if ((legal[h->state] & 1u << to) == 0)
        fatal("event=http_state from=%s to=%s reason=illegal_move", state_name(h->state), state_name(to));
    log_debug("event=http_state from=%s to=%s", state_name(h->state), state_name(to));
    h->state = to;
}

static void arm(struct http_conn *h)
{
    int64_t at = h->phase_mono_ms;
    if (at == 0 || (h->total_mono_ms != 0 && h->total_mono_ms < at))
        at = h->total_mono_ms;
    if (at == 0) {
        loop_timer_disarm(h->timer);
        return;
    }
    int64_t left = at - mono_now_ms();
    loop_timer_arm(h->timer, left > 0 ? (unsigned)left : 0);
}

static void set_phase(struct http_conn *h, int64_t after_ms)
{
    h->phase_mono_ms = after_ms > 0 ? mono_now_ms() + after_ms : 0;
    arm(h);
}

static void set_total(struct http_conn *h, int64_t after_ms)
{
    h->total_mono_ms = mono_now_ms() + after_ms;
    arm(h);
}

static const struct conf *conf_of(const struct http_conn *h)
{
    return h->server->door->conf;
}

/* ---- the exchange's memory ---- */

static void uncount_body(struct http_conn *h)
{
    h->server->bodies_bytes[h->counted_late] -= h->counted;
    h->counted = 0;
}

/* false: there is no room for it. */
static bool count_body(struct http_conn *h)
{
    uncount_body(h);
    h->counted_late = h->x.route->late;
    h->counted = h->x.body.cap;
    h->server->bodies_bytes[h->counted_late] += h->counted;
    return h->server->bodies_bytes[h->counted_late] <= BODIES_MAX;
}

static void body_fini(struct http_conn *h)
{
    buf_fini(&h->x.body);
    uncount_body(h);
}

/* Makes the exchange ready for another request, and holds nothing until that comes: most connections are idle. */
static void exchange_reset(struct http_conn *h)
{
    struct exchange *x = &h->x;
    arena_free(x->work);
    x->work = NULL;
    arena_free(x->arena);
    x->arena = NULL;
    body_fini(h);
    buf_clear(&x->body);
    x->route = NULL;
    x->capture = (struct text){0};
    x->answered = false;
    x->close_after = false;
    x->on_abandoned = NULL;
    x->on_drained = NULL;
    x->waiting = NULL;
    x->handler = NULL;
    x->request = &no_request;
    h->streaming = h->chunked = h->finished = h->body_pending = false;
}

struct arena *exchange_work(struct exchange *x, size_t max_bytes)
{
    if (x->work == NULL)
        x->work = arena_new(max_bytes);
    return x->work;
}

void exchange_work_done(struct exchange *x)
{
    arena_free(x->work);
    x->work = NULL;
}

/* ---- ending ---- */

static void abandon(struct http_conn *h, enum abandon why)
{
    exchange_abandoned_cb cb = h->x.on_abandoned;
    h->x.on_abandoned = NULL;
    if (cb != NULL)
        cb(&h->x, why);
}

/* Leaves the connection to net/ (or to nobody) and buries this. */
static void end(struct http_conn *h)
{
    set_state(h, HTTP_CLOSED);
    struct http_server *s = h->server;
    h->conn = NULL;
    loop_timer_disarm(h->timer);
    if (h->prev != NULL)
        h->prev->next = h->next;
    else
        s->live = h->next;
    if (h->next != NULL)
        h->next->prev = h->prev;
    h->prev = NULL;
    h->next = s->dead;
    s->dead = h;
    s->open--;
    loop_timer_arm(s->reaper, 0);
}

static void close_now(struct http_conn *h)
{
    struct conn *c = h->conn;
    end(h);
    conn_close(c);
}

static void close_written(struct http_conn *h, unsigned deadline_ms)
{
    struct conn *c = h->conn;
    end(h);
    conn_close_after_write(c, deadline_ms);
}

static void reap(void *arg)
{
    struct http_server *s = arg;
    while (s->dead != NULL) {
        struct http_conn *h = s->dead;
        s->dead = h->next;
        body_fini(h);
        arena_free(h->x.work);
        arena_free(h->x.arena);
        loop_timer_free(h->timer);
        free(h);
    }
}

/* ---- answering ---- */

/* Whether the connection may serve another request after this answer. */
static bool keeps_alive(const struct http_conn *h)
{
    const struct exchange *x = &h->x;
    if (!x->request->keep_alive || x->close_after || h->server->draining)
        return false;
    if (!h->body_pending)
        return true;
    /* After a final status instead of 100 Continue nobody knows whether the body comes. */
    return !x->request->expect_continue && !x->request->chunked && x->request->length <= DISCARD_MAX;
}

static void begin_answer(struct http_conn *h)
{
    struct exchange *x = &h->x;
    if (x->answered)
        fatal("event=http_answer reason=answered_twice");
    if (!keeps_alive(h))
        x->close_after = true;
    x->answered = true;
    x->on_abandoned = NULL;
    set_state(h, HTTP_ANSWERING);
    conn_pause(h->conn);
    counter_inc(C_REQUESTS);
    h->phase_mono_ms = 0;
    set_total(h, conf_of(h)->request_timeout_ms);
}

static bool write_buf(struct http_conn *h, const struct buf *b)
{
    return !b->failed && conn_write(h->conn, b->data, b->len);
}

/* The fields of every answer, then the caller's. */
static bool fields(char *dst, size_t cap, const char *extra)
{
    int n = snprintf(dst, cap, "Date: %s\r\n%s%s", answer_date_now(), EVERY_ANSWER, extra != NULL ? extra : "");
    return n > 0 && (size_t)n < cap;
}

/* The answer is complete: close, or wait until it is written. */
static void complete_answer(struct http_conn *h)
{
    if (h->x.close_after)
        close_written(h, (unsigned)conf_of(h)->request_timeout_ms); /* a slow client reads long at a large answer */
    else
        h->finished = true;
}

void exchange_answer(struct exchange *x, unsigned status, const char *content_type, const void *body, size_t len,
                     const char *extra)
{
    struct http_conn *h = x->conn;
    if (h->state == HTTP_CLOSED)
        return;
    if (len > SMALL_ANSWER_BYTES && !conn_has_room(h->conn, len)) {
        answer_busy(x, C_BUSY_ANSWERS, RETRY_AFTER_S); /* what was kept is kept: the same again gets the same answer */
        return;
    }
    begin_answer(h);
    struct buf out;
    buf_init(&out, len + 4096);
    char more[1024];
    bool head_only = x->request->method == HTTP1_HEAD;
    bool ok = fields(more, sizeof more, extra) &&
              http1_respond(&out, status, content_type, (int64_t)len, !x->close_after, more) &&
              (head_only || len == 0 || buf_add(&out, body, len)) && write_buf(h, &out);
    buf_fini(&out);
    if (!ok) {
        log_error("event=http_answer status=%u bytes=%zu reason=too_large", status, len);
        close_now(h);
        return;
    }
    complete_answer(h);
}

struct net_block exchange_from(const struct exchange *x)
{
    return conn_from(x->conn->conn);
}

void exchange_patience(struct exchange *x)
{
    struct http_conn *h = x->conn;
    if (h->state == HTTP_HANDLING)
        set_total(h, (int64_t)STREAM_TIMES * conf_of(h)->request_timeout_ms);
}

bool exchange_stream(struct exchange *x, unsigned status, const char *content_type, const char *extra)
{
    struct http_conn *h = x->conn;
    if (h->state == HTTP_CLOSED)
        return false;
    if (x->request->minor == 0)
        x->close_after = true; /* HTTP/1.0 knows no chunks: the end of the stream is the end of the answer */
    begin_answer(h);
    h->streaming = true;
    h->stream_mono_ms = mono_now_ms() + STREAM_TIMES * conf_of(h)->request_timeout_ms;
    h->chunked = x->request->minor > 0;
    struct buf out;
    buf_init(&out, 4096);
    char more[1024];
    bool ok = fields(more, sizeof more, extra);
    if (h->chunked)
        http1_respond(&out, status, content_type, -1, !x->close_after, more);
    else
        buf_printf(&out, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\n%sConnection: close\r\n\r\n", status, http1_reason(status),
                   content_type, more);
    ok = ok && write_buf(h, &out);
    buf_fini(&out);
    if (!ok)
        close_now(h);
    return ok;
}

bool exchange_stream_write(struct exchange *x, const void *bytes, size_t len)
{
    struct http_conn *h = x->conn;
    if (h->state != HTTP_ANSWERING || !h->streaming || len == 0)
        return false;
    if (!conn_has_room(h->conn, len) || !h->chunked)
        return conn_has_room(h->conn, len) && conn_write(h->conn, bytes, len);
    struct buf out;
    buf_init(&out, len + 64);
    bool ok = http1_chunk(&out, bytes, len) && write_buf(h, &out);
    buf_fini(&out);
    return ok;
}

void exchange_stream_end(struct exchange *x, bool complete)
{
    struct http_conn *h = x->conn;
    if (h->state != HTTP_ANSWERING || !h->streaming)
        return;
    x->on_drained = NULL;
    x->on_abandoned = NULL;
    bool ok = complete;
    if (ok && h->chunked) {
        struct buf out;
        buf_init(&out, 64);
        ok = http1_chunk(&out, NULL, 0) && write_buf(h, &out);
        buf_fini(&out);
    }
    if (ok) {
        complete_answer(h);
        return;
    }
    struct conn *c = h->conn;
    end(h);
    conn_reset(c); /* an orderly end would be the end of the answer to HTTP/1.0 */
}

static void refuse(struct http_conn *h, const struct http1_error *e)
{
    struct exchange *x = &h->x;
    log_debug("event=http_refused status=%u reason=\"%s\"", e->status, e->reason);
    x->close_after = true;
    if (e->status == 503) { /* memory: our trouble, not the client's */
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return;
    }
    counter_inc(C_REFUSE_HTTP);
    if (throttle_failure(x))
        return;
    if (x->route != NULL && x->route->foreign) {
        answer_bare(x, e->status, NULL);
        return;
    }
    char detail[200];
    const char *code = answer_http_code(e->status);
    snprintf(detail, sizeof detail, "%s (%s)", answer_sentence(code, x->language), e->reason);
    answer_problem(x, &(struct problem){.status = e->status, .code = code, .detail = detail}, NULL);
}

/* ---- reading ---- */

static void handle(struct http_conn *h)
{
    struct exchange *x = &h->x;
    h->body_pending = false;
    x->received = wall_read();
    h->phase_mono_ms = 0;
    arm(h);
    set_state(h, HTTP_HANDLING);
    conn_pause(h->conn);
    x->route->on_body(x);
    if (h->state == HTTP_HANDLING && x->on_abandoned == NULL)
        fatal("event=http_handling path=%s reason=handler_neither_answers_nor_waits", x->route->pattern);
}

static void too_large(struct http_conn *h)
{
    struct exchange *x = &h->x;
    x->close_after = true;
    counter_inc(C_REFUSE_TOO_LARGE);
    if (x->route->on_too_large != NULL)
        x->route->on_too_large(x);
    else if (x->route->foreign)
        answer_bare(x, 413, NULL);
    else
        answer_code(x, "too_large", NULL);
}

static bool find_route(struct http_conn *h)
{
    struct exchange *x = &h->x;
    char allow[64];
    char header[80];
    switch (route_find(x->request->method, x->request->path, &x->route, &x->capture, allow, sizeof allow)) {
    case ROUTE_FOUND:
        return true;
    case ROUTE_UNKNOWN_PATH:
        if (!throttle_failure(x))
            answer_code(x, "not_found", NULL);
        return false;
    case ROUTE_WRONG_METHOD:
        if (throttle_failure(x))
            return false;
        snprintf(header, sizeof header, "Allow: %s\r\n", allow);
        answer_problem(x, &(struct problem){.code = "method_not_allowed"}, header);
        return false;
    }
    return false;
}

/* The head is known: route, limits, then the body or the handler. */
static void route_request(struct http_conn *h, bool more_bytes)
{
    struct exchange *x = &h->x;
    const struct http1_request *r = x->request;
    h->body_pending = r->chunked || (r->has_length && r->length > 0);
    /* Unread bodies of early answers are read away under this bound; the route's own replaces it below. */
    http1_body_init(&h->body, r, DISCARD_MAX);
    if (!find_route(h))
        return;
    if (x->route->on_head != NULL) {
        x->route->on_head(x);
        if (x->answered)
            return;
    }
    if (!h->body_pending) {
        handle(h);
        return;
    }
    if (r->has_length && r->length > x->route->body_max) {
        too_large(h);
        return;
    }
    http1_body_init(&h->body, r, x->route->body_max);
    x->body.max = x->route->body_max;
    set_state(h, HTTP_BODY);
    set_phase(h, conf_of(h)->body_timeout_ms);
    if (r->expect_continue && r->minor > 0 && !more_bytes)
        conn_write(h->conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static size_t read_head(struct http_conn *h, const uint8_t *bytes, size_t len)
{
    struct exchange *x = &h->x;
    struct http1_request parsed;
    struct http1_error error = {0};
    size_t used = 0;
    switch (http1_head(bytes, len, &parsed, &used, &error)) {
    case HTTP1_MORE:
        return 0;
    case HTTP1_BAD:
        x->language = h->server->language;
        refuse(h, &error);
        return len;
    case HTTP1_DONE:
        break;
    }
    /* The texts must outlive the offer. */
    x->arena = arena_new(HEAD_ARENA_MAX);
    const struct http1_request *kept = x->arena != NULL ? http1_keep(x->arena, &parsed, bytes, used) : NULL;
    if (kept == NULL) {
        close_now(h);
        return len;
    }
    x->request = kept;
    x->language = answer_language(http1_get(kept, "accept-language"), h->server->language);
    route_request(h, len > used);
    return used;
}

static size_t read_body(struct http_conn *h, const uint8_t *bytes, size_t len)
{
    struct exchange *x = &h->x;
    struct http1_error error = {0};
    size_t used = 0;
    enum http1_result result = http1_body(&h->body, bytes, len, &x->body, &used, &error);
    bool room = count_body(h);
    if (result == HTTP1_BAD) {
        if (error.status == 413)
            too_large(h);
        else
            refuse(h, &error);
        return len;
    }
    if (!room || x->body.failed) {
        x->close_after = true;
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return len;
    }
    if (result == HTTP1_DONE)
        handle(h);
    return used;
}

static size_t discard(struct http_conn *h, const uint8_t *bytes, size_t len)
{
    struct http1_error error = {0};
    size_t used = 0;
    enum http1_result result = http1_body(&h->body, bytes, len, &h->x.body, &used, &error);
    buf_clear(&h->x.body);
    if (result == HTTP1_BAD) {
        close_written(h, LINGER_MS);
        return len;
    }
    if (result == HTTP1_DONE) {
        h->body_pending = false;
        finish(h);
    }
    return used;
}

static size_t on_bytes(void *arg, const uint8_t *bytes, size_t len)
{
    struct http_conn *h = arg;
    switch (h->state) {
    case HTTP_IDLE:
        h->used = true;
        set_state(h, HTTP_HEAD);
        set_total(h, conf_of(h)->request_timeout_ms);
        set_phase(h, conf_of(h)->head_timeout_ms);
        return read_head(h, bytes, len);
    case HTTP_HEAD:
        return read_head(h, bytes, len);
    case HTTP_BODY:
        return read_body(h, bytes, len);
    case HTTP_DISCARDING:
        return discard(h, bytes, len);
    case HTTP_HANDLING:
    case HTTP_ANSWERING:
    case HTTP_CLOSED:
        break;
    }
    return 0;
}

/* The answer is out: the rest of its request's body, then the next request. */
static void finish(struct http_conn *h)
{
    if (h->server->draining) {
        close_written(h, LINGER_MS);
        return;
    }
    if (h->body_pending) {
        h->x.body.max = DISCARD_MAX;
        buf_clear(&h->x.body);
        set_state(h, HTTP_DISCARDING);
        set_phase(h, conf_of(h)->body_timeout_ms);
    } else {
        exchange_reset(h);
        set_state(h, HTTP_IDLE);
        h->total_mono_ms = 0;
        set_phase(h, conf_of(h)->idle_timeout_ms);
    }
    conn_resume(h->conn);
}

static void on_drained(void *arg)
{
    struct http_conn *h = arg;
    if (h->state != HTTP_ANSWERING)
        return;
    if (h->finished) {
        finish(h);
        return;
    }
    int64_t left_ms = h->stream_mono_ms - mono_now_ms();
    int64_t part_ms = conf_of(h)->request_timeout_ms;
    if (h->streaming)
        set_total(h, part_ms < left_ms ? part_ms : left_ms);
    if (h->x.on_drained != NULL)
        h->x.on_drained(&h->x);
}

static void on_closed(void *arg, const char *why)
{
    struct http_conn *h = arg;
    if (h->state == HTTP_HANDLING || (h->state == HTTP_ANSWERING && !h->finished)) {
        log_debug("event=client_gone state=%s reason=%s", state_name(h->state), why);
        counter_inc(C_CONN_GONE);
    }
    end(h);
    abandon(h, ABANDON_GONE);
}

static void on_deadline(void *arg)
{
    struct http_conn *h = arg;
    struct exchange *x = &h->x;
    switch (h->state) {
    case HTTP_IDLE:
        counter_inc(C_TIMEOUT_IDLE);
        close_now(h);
        break;
    case HTTP_HEAD: /* whose request this is nobody knows: a status could cost a phone its message */
        counter_inc(C_TIMEOUT_HEAD);
        close_now(h);
        break;
    case HTTP_DISCARDING:
        counter_inc(C_TIMEOUT_BODY);
        close_now(h);
        break;
    case HTTP_BODY:
        counter_inc(C_TIMEOUT_BODY);
        x->close_after = true;
        if (x->route->foreign)
            answer_busy(x, C_BUSY_DEADLINE, RETRY_AFTER_S);
        else
            answer_code(x, "request_timeout", NULL);
        break;
    case HTTP_HANDLING:
        abandon(h, ABANDON_DEADLINE);
        break;
    case HTTP_ANSWERING:
        counter_inc(C_TIMEOUT_ANSWER);
        close_now(h);
        abandon(h, ABANDON_GONE);
        break;
    case HTTP_CLOSED:
        break;
    }
}

/* ---- the server ---- */

static void on_conn(void *arg, struct conn *c)
{
    static const struct conn_callbacks callbacks = {on_bytes, on_drained, on_closed};
    struct http_server *s = arg;
    struct http_conn *h = calloc(1, sizeof *h);
    if (h == NULL) {
        conn_close(c);
        return;
    }
    h->server = s;
    h->conn = c;
    h->x.door = s->door;
    h->x.conn = h;
    h->x.request = &no_request;
    h->timer = loop_timer_new(s->door->loop, on_deadline, h);
    if (h->timer == NULL) {
        free(h);
        conn_close(c);
        return;
    }
    buf_init(&h->x.body, DISCARD_MAX);
    h->next = s->live;
    if (s->live != NULL)
        s->live->prev = h;
    s->live = h;
    s->open++;
    conn_set_callbacks(c, &callbacks, h);
    set_phase(h, s->draining ? DRAIN_FIRST_MS : conf_of(h)->head_timeout_ms);
}

struct http_server *http_server_new(struct door *door)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->door = door;
    s->language = door->conf->language != NULL && strcmp(door->conf->language, "en") == 0 ? LANGUAGE_EN : LANGUAGE_ID;
    s->reaper = loop_timer_new(door->loop, reap, s);
    if (s->reaper == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

bool http_server_listen(struct http_server *s, int fd, struct tls_server *tls)
{
    const struct conf *conf = s->door->conf;
    struct listener_limits limits = {
        .connections_max = (unsigned)conf->connections_max,
        .handshakes_max = (unsigned)conf->handshakes_max,
        .per_address_percent = 80,
        .per_address_max = (unsigned)(conf->connections_max / 10 > 0 ? conf->connections_max / 10 : 1),
        .per_address_rate = (unsigned)conf->rate_address,
        .output_max = ANSWERS_MAX,
        .waited_max_ms = 250,
        .lag_pause_ms = 200,
        .handshake_timeout_ms = (unsigned)conf->head_timeout_ms,
    };
    s->listener = listener_new(s->door->loop, fd, tls, &limits, on_conn, s);
    return s->listener != NULL;
}

void http_server_drain(struct http_server *s)
{
    s->draining = true;
    if (s->listener != NULL)
        listener_stop(s->listener);
    struct http_conn *next;
    for (struct http_conn *h = s->live; h != NULL; h = next) {
        next = h->next;
        if (h->state == HTTP_IDLE && !h->used)
            set_phase(h, DRAIN_FIRST_MS); /* accepted, so its first request is ours: it may be on its way */
        else if (h->state == HTTP_IDLE || h->state == HTTP_DISCARDING)
            close_written(h, LINGER_MS);
    }
}

size_t http_server_open(const struct http_server *s)
{
    return s->open + (s->listener != NULL ? listener_open(s->listener) : 0);
}

void http_server_free(struct http_server *s)
{
    if (s == NULL)
        return;
    while (s->live != NULL) {
        struct http_conn *h = s->live;
        close_now(h);
        abandon(h, ABANDON_GONE);
    }
    reap(s);
    listener_free(s->listener);
    loop_timer_free(s->reaper);
    free(s);
}
