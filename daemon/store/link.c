/* The life of a store's connection: attempt, first statements, up, down, wait, again.
 *
 * Place in the flow: store.c's exchanges travel on it; roles hear on_up and on_down.
 *
 *   WAITING --retry--> CONNECTING --PQconnectPoll--> SETTLING --settled, LISTENs renewed--> UP
 *      ^______________________|__________________________|________________________________|   (go_down)
 *
 * Invariants: on_down only after on_up, and after every outstanding exchange was failed. A socket is watched only while
 * it is the connection's present one: PQconnectPoll closes and opens sockets (several hosts, several addresses), also
 * under the same number, so the watch is made anew after each poll. Going down happens from the loop (link_doom), never
 * inside a caller's store_query. Unsafe settings count as down: what such a database acknowledges may be lost.
 *
 * Does not: resolve names asynchronously (libpq's own getaddrinfo blocks; give addresses or sockets). No threads. */
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter.h"
#include "log.h"
#include "loop.h"

void link_enter(struct store *s)
{
    s->busy++;
}

void link_leave(struct store *s)
{
    if (--s->busy > 0 || !s->freed)
        return;
    exchanges_drop(s);
    link_close(s);
    loop_timer_free(s->retry);
    loop_timer_free(s->deadline);
    loop_timer_free(s->soon);
    free(s->conninfo);
    free(s->user);
    free(s);
}

void link_close(struct store *s)
{
    if (s->watch != NULL)
        loop_fd_free(s->watch);
    s->watch = NULL;
    PQfinish(s->conn);
    s->conn = NULL;
}

void link_doom(struct store *s, const char *reason)
{
    if (s->doomed)
        return;
    s->doomed = true;
    pg_first_line(s->last_error, sizeof s->last_error, reason);
    loop_timer_arm(s->soon, 0);
}

static void log_down(const struct store *s)
{
    char why[300];
    log_quote(why, sizeof why, s->last_error, strlen(s->last_error));
    /* Once per outage and once more when it has become a long one; not every five seconds for hours. */
    bool loud = s->state == LINK_UP || s->retry_ms == RETRY_MIN_MS;
    log_line(loud ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "event=database_down user=%s reason=%s", s->user, why);
}

static void go_down(struct store *s)
{
    bool was_up = s->state == LINK_UP;
    link_enter(s);
    log_down(s);
    s->state = LINK_WAITING;
    s->doomed = false;
    s->settling = 0;
    loop_timer_disarm(s->deadline);
    link_close(s);
    exchanges_fail(s);
    if (was_up && !s->freed && s->cbs.on_down != NULL)
        s->cbs.on_down(s->arg);
    if (!s->freed) {
        loop_timer_arm(s->retry, s->retry_ms);
        s->retry_ms = s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->retry_ms * 2;
    }
    link_leave(s);
}

static void on_soon(void *arg)
{
    struct store *s = arg;
    if (s->doomed)
        go_down(s);
}

static void on_deadline(void *arg)
{
    struct store *s = arg;
    link_doom(s, s->state == LINK_UP ? "no answer within the deadline" : "no connection within the deadline");
}

void link_flush(struct store *s)
{
    if (s->doomed || s->conn == NULL)
        return;
    int left = PQflush(s->conn);
    if (left < 0)
        link_doom(s, PQerrorMessage(s->conn));
    else
        loop_fd_want(s->watch, true, left > 0);
}

/* ---- first statements ---- */

static void settled_one(struct store *s)
{
    if (--s->settling > 0)
        return;
    s->state = LINK_UP;
    s->retry_ms = RETRY_MIN_MS;
    s->last_error[0] = '\0';
    loop_timer_disarm(s->deadline);
    log_info("event=database_up user=%s", s->user);
    if (s->cbs.on_up != NULL)
        s->cbs.on_up(s->arg);
}

static void on_settled(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct store *s = arg;
    if (outcome == STORE_DOWN)
        return;
    if (outcome != STORE_OK) {
        link_doom(s, e->message);
        return;
    }
    char reason[160];
    s->unsafe = s->durable && !pg_settings_durable(rows->result, reason, sizeof reason);
    if (s->durable)
        counter_set(G_DB_UNSAFE, s->unsafe ? 1 : 0);
    if (s->unsafe)
        link_doom(s, reason);
    else
        settled_one(s);
}

static void on_listening(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct store *s = arg;
    (void)rows;
    if (outcome == STORE_REFUSED)
        link_doom(s, e->message);
    else if (outcome == STORE_OK && s->state == LINK_SETTLING)
        settled_one(s);
}

void link_listen(struct store *s)
{
    while (s->listening < s->channel_count && !s->doomed) {
        /* LISTEN takes no parameter; store_listen let only [a-z0-9_] into the name. */
        char sql[80];
        snprintf(sql, sizeof sql, "listen %s", s->channels[s->listening++]);
        if (!exchange_send(s, NULL, sql, 0, NULL, 0, on_listening, s))
            link_doom(s, "cannot listen");
    }
}

static void on_fd(void *arg, bool readable, bool writable);

static void watch(struct store *s, bool read, bool write)
{
    s->watch = loop_fd_new(s->loop, PQsocket(s->conn), on_fd, s);
    if (s->watch == NULL)
        link_doom(s, "out of memory");
    else
        loop_fd_want(s->watch, read, write);
}

static void settle(struct store *s)
{
    watch(s, true, false);
    if (s->watch == NULL)
        return;
    if (PQsetnonblocking(s->conn, 1) != 0 || PQenterPipelineMode(s->conn) != 1) {
        link_doom(s, PQerrorMessage(s->conn));
        return;
    }
    s->state = LINK_SETTLING;
    s->mode = MODE_PIPELINE;
    s->settling = 1 + (unsigned)s->channel_count;
    s->listening = 0;
    if (!exchange_send(s, NULL, PG_SETTLE, 0, NULL, 0, on_settled, s))
        link_doom(s, "cannot send");
    link_listen(s);
}

/* ---- connecting ---- */

static void poll_connection(struct store *s)
{
    if (s->watch != NULL)
        loop_fd_free(s->watch);
    s->watch = NULL;
    switch (PQconnectPoll(s->conn)) {
    case PGRES_POLLING_READING:
        watch(s, true, false);
        break;
    case PGRES_POLLING_WRITING:
        watch(s, false, true);
        break;
    case PGRES_POLLING_OK:
        settle(s);
        break;
    default:
        link_doom(s, PQerrorMessage(s->conn));
        break;
    }
}

static void log_notice(void *arg, const char *message)
{
    const struct store *s = arg;
    char text[300];
    log_debug("event=database_notice user=%s text=%s", s->user, log_quote(text, sizeof text, message, strlen(message)));
}

void link_start(struct store *s)
{
    char error[256];
    struct pg_params params;
    s->state = LINK_CONNECTING;
    loop_timer_arm(s->deadline, CONNECT_DEADLINE_MS);
    if (!pg_params_init(&params, s->conninfo, s->user, CONNECT_DEADLINE_MS / 1000, error, sizeof error)) {
        link_doom(s, error);
        return;
    }
    s->conn = PQconnectStartParams(params.keywords, params.values, 0);
    pg_params_fini(&params);
    if (s->conn == NULL || PQstatus(s->conn) == CONNECTION_BAD) {
        link_doom(s, s->conn == NULL ? "out of memory" : PQerrorMessage(s->conn));
        return;
    }
    PQsetNoticeProcessor(s->conn, log_notice, s);
    watch(s, false, true); /* as if the last poll had said WRITING */
}

static void on_retry(void *arg)
{
    link_start(arg);
}

/* ---- the socket ---- */

static void tell_notifications(struct store *s)
{
    PGnotify *n;
    while (!s->freed && !s->doomed && s->conn != NULL && (n = PQnotifies(s->conn)) != NULL) {
        if (s->state == LINK_UP && s->cbs.on_notify != NULL)
            s->cbs.on_notify(s->arg, n->relname, n->extra);
        PQfreemem(n);
    }
}

static void on_fd(void *arg, bool readable, bool writable)
{
    struct store *s = arg;
    (void)writable;
    if (s->doomed)
        return;
    link_enter(s);
    if (s->state == LINK_CONNECTING) {
        poll_connection(s);
    } else {
        /* libpq wants input taken also while it waits to send, or both sides may wait for each other. */
        if (readable && PQconsumeInput(s->conn) != 1) {
            link_doom(s, PQerrorMessage(s->conn));
        } else {
            exchanges_receive(s);
            tell_notifications(s);
            if (!s->freed)
                link_flush(s);
        }
    }
    link_leave(s);
}

/* ---- making and freeing ---- */

struct store *store_new(struct loop *loop, const char *conninfo, const char *user, bool durable,
                        const struct store_callbacks *cbs, void *arg)
{
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct store){.loop = loop, .durable = durable, .arg = arg, .retry_ms = RETRY_MIN_MS};
    if (cbs != NULL)
        s->cbs = *cbs;
    s->tail = &s->first;
    s->conninfo = strdup(conninfo);
    s->user = strdup(user);
    s->retry = loop_timer_new(loop, on_retry, s);
    s->deadline = loop_timer_new(loop, on_deadline, s);
    s->soon = loop_timer_new(loop, on_soon, s);
    snprintf(s->last_error, sizeof s->last_error, "not connected yet");
    if (s->conninfo == NULL || s->user == NULL || s->retry == NULL || s->deadline == NULL || s->soon == NULL) {
        store_free(s);
        return NULL;
    }
    loop_timer_arm(s->retry, 0);
    return s;
}

void store_free(struct store *s)
{
    if (s == NULL)
        return;
    s->freed = true;
    s->doomed = true;
    link_enter(s);
    link_leave(s);
}

bool store_is_up(const struct store *s)
{
    return s->state == LINK_UP && !s->doomed;
}

bool store_is_unsafe(const struct store *s)
{
    return s->unsafe;
}

const char *store_last_error(const struct store *s)
{
    return s->last_error;
}
