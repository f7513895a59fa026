/* Exchanges with PostgreSQL in pipeline mode, and COPY OUT beside it.
 *
 * Place in the flow: ledger (ingest), planner (compile, copy, placements) and desk (questions) call store_query;
 * link.c keeps the connection and calls exchanges_receive when bytes came.
 *
 * Sending and receiving are two states of their own: store_query only appends to libpq's buffer and to the list of
 * exchanges; receiving walks the list as results come. An exchange is [set_config] query Sync: one implicit
 * transaction, so its callback waits for the Sync's own result; an error at commit arrives between the two.
 * A COPY waits until the list is empty, leaves pipeline mode (libpq has no COPY in it), runs, and enters again.
 *
 * Invariants: results belong to the first exchange in the list until a PGRES_PIPELINE_SYNC; at most OUTSTANDING_MAX
 * exchanges; a callback may free the store. Does not: retry; whoever asked knows whether that is safe. No threads. */
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "log.h"
#include "loop.h"

static const char SET_ACTOR[] = "select pg_catalog.set_config('hadir.actor', $1, true),"
                                " pg_catalog.set_config('hadir.language', $2, true)";

static bool send_actor(struct store *s, const struct store_actor *actor)
{
    if (actor == NULL)
        return true;
    const char *const params[] = {actor->name, actor->language};
    return PQsendQueryParams(s->conn, SET_ACTOR, 2, NULL, params, NULL, NULL, 0) == 1;
}

#define PARAMS_MAX 16
#define BINARY_MAX (1u << 30)

/* last_len: bytes of a last parameter in binary form; 0: all are text. */
static bool send_query(struct store *s, const char *sql, int n, const char *const *params, size_t last_len)
{
    int lengths[PARAMS_MAX] = {0}, formats[PARAMS_MAX] = {0};
    if (last_len == 0)
        return PQsendQueryParams(s->conn, sql, n, NULL, params, NULL, NULL, 0) == 1;
    lengths[n - 1] = (int)last_len;
    formats[n - 1] = 1;
    return PQsendQueryParams(s->conn, sql, n, NULL, params, lengths, formats, 0) == 1;
}

bool exchange_send(struct store *s, const struct store_actor *actor, const char *sql, int n, const char *const *params,
                   size_t last_len, store_cb cb, void *arg)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (x == NULL)
        return false;
    *x = (struct exchange){.cb = cb, .arg = arg, .wanted = actor == NULL ? 0 : 1};
    bool sent = send_actor(s, actor) && send_query(s, sql, n, params, last_len) && PQpipelineSync(s->conn) == 1;
    if (!sent) {
        /* Half an exchange may be in libpq's buffer: this connection cannot be used for another. */
        free(x);
        link_doom(s, PQerrorMessage(s->conn));
        return false;
    }
    if (s->first == NULL && s->state == LINK_UP)
        loop_timer_arm(s->deadline, ANSWER_DEADLINE_MS);
    *s->tail = x;
    s->tail = &x->next;
    s->outstanding++;
    link_flush(s);
    return true;
}

static bool has_room(const struct store *s)
{
    return store_is_up(s) && s->mode == MODE_PIPELINE && s->outstanding < OUTSTANDING_MAX;
}

bool store_query(struct store *s, const struct store_actor *actor, const char *sql, int n, const char *const *params,
                 store_cb cb, void *arg)
{
    return has_room(s) && exchange_send(s, actor, sql, n, params, 0, cb, arg);
}

bool store_query_binary(struct store *s, const char *sql, int n, const char *const *params, size_t last_len, store_cb cb, void *arg)
{
    if (n > PARAMS_MAX || last_len == 0 || last_len > BINARY_MAX)
        return false;
    return has_room(s) && exchange_send(s, NULL, sql, n, params, last_len, cb, arg);
}

size_t store_outstanding(const struct store *s)
{
    return s->outstanding + (s->mode == MODE_PIPELINE ? 0 : 1);
}

bool store_listen(struct store *s, const char *channel)
{
    if (s->channel_count == CHANNELS_MAX || channel[0] == '\0' || strlen(channel) >= sizeof s->channels[0] ||
        strspn(channel, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(channel))
        return false;
    memcpy(s->channels[s->channel_count++], channel, strlen(channel) + 1);
    if (store_is_up(s) && s->mode == MODE_PIPELINE)
        link_listen(s);
    return true;
}

/* ---- receiving ---- */

static void exchange_free(struct exchange *x)
{
    PQclear(x->kept);
    free(x);
}

static struct exchange *exchange_pop(struct store *s)
{
    struct exchange *x = s->first;
    s->first = x->next;
    if (s->first == NULL)
        s->tail = &s->first;
    s->outstanding--;
    return x;
}

/* The Sync's result is here: what the exchange did is committed, or undone. */
static void exchange_complete(struct store *s)
{
    struct exchange *x = exchange_pop(s);
    if (s->state == LINK_UP) {
        if (s->first == NULL)
            loop_timer_disarm(s->deadline);
        else
            loop_timer_arm(s->deadline, ANSWER_DEADLINE_MS);
    }
    if (!x->failed && x->kept == NULL) {
        x->failed = true;
        pg_error_of(NULL, "no result", &x->error);
    }
    const struct rows rows = {.result = x->kept};
    if (x->failed)
        x->cb(x->arg, STORE_REFUSED, NULL, &x->error);
    else
        x->cb(x->arg, STORE_OK, &rows, NULL);
    exchange_free(x);
}

/* An error that the server did not send: libpq ran out of memory or lost its place in the stream. It may then take the rest of
 * this answer for the next one's (15.x goes on to the next command in its queue), so nothing more is believed. */
static bool by_libpq(const struct store *s, const PGresult *result)
{
    return PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL || PQstatus(s->conn) == CONNECTION_BAD;
}

/* Takes one result of the first exchange. */
static void take_result(struct store *s, PGresult *result)
{
    struct exchange *x = s->first;
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        PQclear(result);
        exchange_complete(s);
        return;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        if (x->seen == x->wanted && x->kept == NULL) {
            x->kept = result;
            result = NULL;
        }
        break;
    case PGRES_PIPELINE_ABORTED:
        break;
    case PGRES_FATAL_ERROR:
        if (!x->failed)
            pg_error_of(result, PQerrorMessage(s->conn), &x->error);
        x->failed = true;
        if (by_libpq(s, result))
            link_doom(s, x->error.message);
        break;
    default:
        link_doom(s, "a result that a pipeline cannot have");
        break;
    }
    x->seen++;
    PQclear(result);
}

static void receive_pipeline(struct store *s)
{
    /* One NULL ends each query's results and libpq may add one after a Sync; more in a row means nothing is there. */
    unsigned nulls = 0;
    while (s->first != NULL && !s->doomed && nulls < 4 && PQisBusy(s->conn) == 0) {
        PGresult *result = PQgetResult(s->conn);
        if (result == NULL) {
            nulls++;
            continue;
        }
        nulls = 0;
        take_result(s, result);
    }
}

/* ---- copying ---- */

bool store_copy_out(struct store *s, const char *copy, store_copy_cb on_line, store_cb on_end, void *arg)
{
    if (!store_is_up(s) || s->mode != MODE_PIPELINE)
        return false;
    s->mode = MODE_COPY_WAITING;
    s->copy = copy;
    s->copy_line = on_line;
    s->copy_end = on_end;
    s->copy_arg = arg;
    s->copy_data = false;
    s->copy_failed = false;
    /* Begun from the loop when something is outstanding, else now. */
    if (s->first == NULL)
        exchanges_receive(s);
    return true;
}

static void copy_begin(struct store *s)
{
    /* The NULL behind the last Sync is still in the way of leaving pipeline mode. */
    for (int i = 0; i < 4 && PQisBusy(s->conn) == 0; i++)
        PQclear(PQgetResult(s->conn));
    if (PQexitPipelineMode(s->conn) != 1 || PQsendQuery(s->conn, s->copy) != 1) {
        link_doom(s, PQerrorMessage(s->conn));
        return;
    }
    s->mode = MODE_COPYING;
    loop_timer_arm(s->deadline, ANSWER_DEADLINE_MS);
    link_flush(s);
}

static void copy_done(struct store *s)
{
    loop_timer_disarm(s->deadline);
    if (PQtransactionStatus(s->conn) != PQTRANS_IDLE || PQenterPipelineMode(s->conn) != 1) {
        link_doom(s, "copy left a transaction open");
        return;
    }
    s->mode = MODE_PIPELINE;
    link_listen(s); /* asked for meanwhile */
    s->copy_end(s->copy_arg, s->copy_failed ? STORE_REFUSED : STORE_OK, NULL, s->copy_failed ? &s->copy_error : NULL);
}

static void copy_fail(struct store *s, const PGresult *result)
{
    if (!s->copy_failed)
        pg_error_of(result, PQerrorMessage(s->conn), &s->copy_error);
    s->copy_failed = true;
    if (by_libpq(s, result))
        link_doom(s, s->copy_error.message);
}

/* Rows of the COPY under way; false when the socket must bring more first. */
static bool copy_rows(struct store *s)
{
    char *line;
    int len = PQgetCopyData(s->conn, &line, 1);
    if (len > 0) {
        if (!s->copy_failed)
            s->copy_line(s->copy_arg, line, (size_t)len - 1);
        PQfreemem(line);
        return true;
    }
    if (len < 0)
        s->copy_data = false; /* over; PQgetResult tells how it ended */
    return len != 0;
}

static void receive_copy(struct store *s)
{
    loop_timer_arm(s->deadline, ANSWER_DEADLINE_MS);
    while (!s->doomed && s->mode == MODE_COPYING) {
        if (s->copy_data) {
            if (!copy_rows(s))
                return;
            continue;
        }
        if (PQisBusy(s->conn) != 0)
            return;
        PGresult *result = PQgetResult(s->conn);
        if (result == NULL) {
            copy_done(s);
            return;
        }
        switch (PQresultStatus(result)) {
        case PGRES_COPY_OUT:
            s->copy_data = true;
            break;
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
            break;
        case PGRES_FATAL_ERROR:
            copy_fail(s, result);
            break;
        default:
            link_doom(s, "a result that a copy cannot have");
            break;
        }
        PQclear(result);
    }
}

void exchanges_receive(struct store *s)
{
    if (s->mode == MODE_COPYING)
        receive_copy(s);
    else
        receive_pipeline(s);
    if (s->mode == MODE_COPY_WAITING && s->first == NULL && !s->doomed)
        copy_begin(s);
}

/* The connection went: it is unknown what of the outstanding was committed. */
void exchanges_fail(struct store *s)
{
    struct store_error e = {.sqlstate = "08006"};
    pg_first_line(e.message, sizeof e.message, s->last_error);
    bool copying = s->mode != MODE_PIPELINE;
    s->mode = MODE_PIPELINE;
    /* Callbacks cannot add to the list meanwhile: the state is not up. */
    while (s->first != NULL && !s->freed) {
        struct exchange *x = exchange_pop(s);
        x->cb(x->arg, STORE_DOWN, NULL, &e);
        exchange_free(x);
    }
    if (copying && !s->freed)
        s->copy_end(s->copy_arg, STORE_DOWN, NULL, &e);
}

void exchanges_drop(struct store *s)
{
    while (s->first != NULL)
        exchange_free(exchange_pop(s));
}
