/* The desks as a door sees them: what was asked of whom, and the answer streamed back.
 *
 * Place in the flow: question.c and request.c check what a client asks and hand it over here; a desk answers with a head,
 * bodies and an end (message.h), which become the exchange's answer.
 *
 * Back-pressure: the desk sends at most four bodies without MSG_ANSWER_MORE, which goes out when the client's connection
 * has taken what it had. A client that leaves cancels its question; a desk that dies breaks its answers off, or, before
 * their head, turns them into 503. Outstanding questions are bounded.
 *
 * Whoever asked for a step to be taken is never told that it may be sent again unless it surely was not: a desk that
 * dies or is silent may have taken it (outcome_unknown). Nothing is sent to a second desk. Threads: the loop's. */
#include "desks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "channel.h"
#include "counter.h"
#include "door.h"
#include "http.h"
#include "log.h"
#include "message.h"

#define DESKS_MAX 32u
#define QUESTIONS_MAX 1024u
#define QUEUE_MAX ((size_t)4 << 20)
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
    bool writes; /* it may have been done although no answer came */
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

static void answer_unknown(struct exchange *x)
{
    counter_inc(C_OUTCOME_UNKNOWN);
    answer_code(x, "outcome_unknown", NULL);
}

/* No answer will come, or no more of it. */
static void break_off(struct asked *a)
{
    struct exchange *x = a->x;
    bool streaming = a->streaming;
    bool writes = a->writes;
    forget(a);
    if (streaming)
        exchange_stream_end(x, false);
    else if (writes)
        answer_unknown(x);
    else
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
}

static void say_cancelled(const struct asked *a)
{
    if (a->desk->channel != NULL)
        (void)!channel_send(a->desk->channel, MSG_QUESTION_CANCEL, a->id, NULL, 0, -1);
}

static void cancel(struct asked *a)
{
    say_cancelled(a);
    forget(a);
}

static void on_abandoned(struct exchange *x, enum abandon why)
{
    struct asked *a = x->waiting;
    bool writes = a->writes;
    x->waiting = NULL;
    cancel(a);
    if (why == ABANDON_DEADLINE && writes)
        answer_unknown(x);
    else if (why == ABANDON_DEADLINE)
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

/* What a desk says before its bodies, or instead of them. */
struct head {
    unsigned status;
    char type[101], code[61], detail[501];
};

static bool take_text(struct reader *r, char *dst, size_t cap)
{
    size_t len = 0;
    const uint8_t *s = reader_blob(r, &len);
    if (r->failed || len >= cap)
        return false;
    if (len > 0)
        memcpy(dst, s, len);
    dst[len] = '\0';
    return true;
}

static bool read_head(const uint8_t *payload, size_t len, struct head *ret)
{
    struct reader r;
    reader_init(&r, payload, len);
    ret->status = reader_u16(&r);
    return take_text(&r, ret->type, sizeof ret->type) && take_text(&r, ret->code, sizeof ret->code) &&
           take_text(&r, ret->detail, sizeof ret->detail) && reader_done(&r);
}

static void begin_stream(struct asked *a, const struct head *h)
{
    struct exchange *x = a->x;
    char language[40];
    snprintf(language, sizeof language, "Content-Language: %s\r\n", language_code(x->language));
    if (!exchange_stream(x, h->status, h->type, h->status >= 400 ? language : NULL)) {
        cancel(a);
        return;
    }
    a->streaming = true;
    x->waiting = a;
    x->on_abandoned = on_abandoned;
    x->on_drained = on_drained;
}

/* The desk has no bodies for this: the words are ours. */
static void answer_head(struct exchange *x, const struct head *h)
{
    if (strcmp(h->code, "outcome_unknown") == 0)
        answer_unknown(x);
    else if (h->status == 503 && strcmp(h->code, "database_away") == 0)
        answer_away(x, h->detail);
    else if (h->status == 503 || h->status < 400 || h->status > 599)
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
    else
        answer_problem(x, &(struct problem){.status = h->status, .code = h->code[0] != '\0' ? h->code : "not_found",
                                            .detail = h->detail}, NULL);
}

static void on_head(struct asked *a, const uint8_t *payload, size_t len)
{
    struct exchange *x = a->x;
    struct head h;
    if (!read_head(payload, len, &h) || a->streaming) {
        log_error("event=desk_answer reason=malformed_head");
        say_cancelled(a);
        break_off(a);
    } else if (h.code[0] == '\0' && h.type[0] != '\0' && h.status >= 200 && h.status < 500) {
        begin_stream(a, &h);
    } else {
        forget(a);
        answer_head(x, &h);
    }
}

static void on_body(struct asked *a, const uint8_t *payload, size_t len)
{
    if (a->streaming && len > 0 && exchange_stream_write(a->x, payload, len)) {
        a->owed++;
        return;
    }
    say_cancelled(a);
    break_off(a);
}

static void on_end(struct asked *a, const uint8_t *payload, size_t len)
{
    struct exchange *x = a->x;
    if (!a->streaming || len != 1 || payload[0] != 0) {
        break_off(a);
        return;
    }
    forget(a);
    exchange_stream_end(x, true);
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

void desks_ask(struct exchange *x, uint16_t type, bool writes, const struct buf *payload)
{
    struct desks *d = x->door->desks;
    struct desk *desk = d->count < QUESTIONS_MAX ? next_desk(d) : NULL;
    struct asked *a = desk != NULL && !payload->failed ? calloc(1, sizeof *a) : NULL;
    if (a == NULL || !channel_send(desk->channel, type, d->next_id, payload->data, payload->len, -1)) {
        free(a);
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
        return;
    }
    *a = (struct asked){.desks = d, .desk = desk, .id = d->next_id++, .x = x, .writes = writes, .next = d->first};
    if (d->first != NULL)
        d->first->prev = a;
    d->first = a;
    d->count++;
    x->waiting = a;
    x->on_abandoned = on_abandoned;
}
