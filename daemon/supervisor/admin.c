/* The administrator's listener: plain HTTP on a loopback address, one small answer per connection.
 *
 *   GET /metrics   Prometheus text        GET /healthz   health.c's document, 503 when intake cannot work
 *   GET /readyz    200 or 503             POST /clock    simulated clock only, else 404: body is an RFC 3339 time
 *
 * Place in the flow: runs in the supervisor's loop, beside nothing else that listens. Requests are bounded (head by
 * http1, body BODY_MAX, connections by the listener, time REQUEST_MS) and a bad one costs its connection only.
 * Does not: authenticate; whoever reaches the loopback address may look. No threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "conn.h"
#include "http1.h"
#include "inside.h"
#include "log.h"
#include "loop.h"
#include "wall.h"

#define BODY_MAX 256
#define ANSWER_MAX ((size_t)1 << 20)
#define REQUEST_MS 5000u
#define CLOCK_RANGE_US (INT64_C(7305) * 86400 * US_PER_S) /* how far the simulated clock may be moved: twenty years */

struct visit {
    struct supervisor *sup;
    struct conn *conn;
    struct loop_timer *deadline;
    struct buf body;
};

static void visit_free(struct visit *v)
{
    loop_timer_free(v->deadline);
    buf_fini(&v->body);
    free(v);
}

static void answer(struct visit *v, unsigned status, const char *type, struct buf *text)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX + 4096);
    if (text->failed) {
        status = 500;
        text->len = 0;
    }
    http1_respond(&out, status, type, (int64_t)text->len, false, "Cache-Control: no-store\r\n");
    buf_add(&out, text->data, text->len);
    if (!out.failed && conn_write(v->conn, out.data, out.len))
        conn_close_after_write(v->conn, REQUEST_MS);
    else
        conn_close(v->conn);
    buf_fini(&out);
    visit_free(v);
}

static void answer_text(struct visit *v, unsigned status, const char *line)
{
    struct buf text;
    buf_init(&text, 1024);
    buf_printf(&text, "%s\n", line);
    answer(v, status, "text/plain; charset=utf-8", &text);
    buf_fini(&text);
}

static const char *slot_role(unsigned slot, void *arg)
{
    const struct supervisor *sup = arg;
    return sup->slot_role[slot];
}

/* Ages are of the moment of asking, so they stand in no counter. Absent while there is nothing to be old. */
static void print_ages(struct buf *out)
{
    const struct shared_cells *cells = counters_cells();
    int64_t confirmed_ms = __atomic_load_n(&cells->directory_confirmed_ms, __ATOMIC_RELAXED);
    int64_t compiled_us = __atomic_load_n(&cells->directory_compiled_us, __ATOMIC_RELAXED);
    if (confirmed_ms != 0)
        buf_printf(out,
                   "# HELP hadir_directory_age_seconds Since the directory was last known to be the newest.\n"
                   "# TYPE hadir_directory_age_seconds gauge\nhadir_directory_age_seconds{role=\"supervisor\"} %.3f\n",
                   (double)(mono_now_ms() - confirmed_ms) / 1e3);
    if (compiled_us != 0)
        buf_printf(out,
                   "# HELP hadir_directory_compiled_timestamp_seconds When the newest directory was compiled.\n"
                   "# TYPE hadir_directory_compiled_timestamp_seconds gauge\n"
                   "hadir_directory_compiled_timestamp_seconds{role=\"supervisor\"} %.3f\n",
                   (double)compiled_us / 1e6);
}

static void answer_metrics(struct visit *v)
{
    struct buf text;
    buf_init(&text, ANSWER_MAX);
    counters_print(&text, slot_role, v->sup);
    print_ages(&text);
    answer(v, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
    buf_fini(&text);
}

static void answer_health(struct visit *v, bool readiness)
{
    struct buf text;
    buf_init(&text, ANSWER_MAX);
    struct health health = health_look(v->sup, &text);
    bool good = readiness ? health.ready : health.intake;
    if (readiness)
        answer_text(v, good ? 200 : 503, good ? "ready" : "not ready");
    else
        answer(v, good ? 200 : 503, "application/json", &text);
    buf_fini(&text);
}

static void answer_clock(struct visit *v)
{
    int64_t to_us;
    char now[40], line[80];
    size_t len = v->body.len;
    while (len > 0 && strchr(" \r\n", v->body.data[len - 1]) != NULL)
        len--;
    if (len == 0 || !wall_parse_rfc3339((const char *)v->body.data, len, &to_us)) {
        answer_text(v, 400, "the body must be one RFC 3339 time with its zone");
        return;
    }
    int64_t *cell = &counters_cells()->clock_offset_us;
    int64_t offset_us = to_us - (wall_now_us() - __atomic_load_n(cell, __ATOMIC_RELAXED));
    if (offset_us > CLOCK_RANGE_US || offset_us < -CLOCK_RANGE_US) {
        answer_text(v, 400, "the clock may be moved by 20 years at most");
        return;
    }
    __atomic_store_n(cell, offset_us, __ATOMIC_RELAXED);
    wall_format_rfc3339(now, sizeof now, wall_now_us(), 0);
    log_warn("event=clock_simulated now=%s offset_us=%lld", now, (long long)offset_us);
    snprintf(line, sizeof line, "simulated clock: %s", now);
    answer_text(v, 200, line);
}

static bool is(struct text path, const char *name)
{
    return path.len == strlen(name) && memcmp(path.s, name, path.len) == 0;
}

static void route(struct visit *v, const struct http1_request *r)
{
    bool get = r->method == HTTP1_GET;
    bool clock = is(r->path, "/clock") && v->sup->setup->conf->simulated_clock;
    bool known = clock || is(r->path, "/metrics") || is(r->path, "/healthz") || is(r->path, "/readyz");
    if (!known)
        answer_text(v, 404, "not found");
    else if (clock ? r->method != HTTP1_POST : !get)
        answer_text(v, 405, "method not allowed");
    else if (clock)
        answer_clock(v);
    else if (is(r->path, "/metrics"))
        answer_metrics(v);
    else
        answer_health(v, is(r->path, "/readyz"));
}

/* Nothing is consumed until the whole request is here: it is small. */
static size_t on_bytes(void *arg, const uint8_t *bytes, size_t len)
{
    struct visit *v = arg;
    struct http1_request request;
    struct http1_error error = {.status = 400, .reason = "bad request"};
    struct http1_body body;
    size_t used = 0, body_used = 0;
    enum http1_result result = http1_head(bytes, len, &request, &used, &error);
    if (result == HTTP1_DONE) {
        buf_clear(&v->body);
        http1_body_init(&body, &request, BODY_MAX);
        result = http1_body(&body, bytes + used, len - used, &v->body, &body_used, &error);
    }
    if (result == HTTP1_MORE)
        return 0;
    if (result == HTTP1_BAD)
        answer_text(v, error.status, error.reason);
    else
        route(v, &request);
    return len;
}

static void on_closed(void *arg, const char *why)
{
    (void)why;
    visit_free(arg);
}

static void on_deadline(void *arg)
{
    struct visit *v = arg;
    conn_close(v->conn);
    visit_free(v);
}

static void on_conn(void *arg, struct conn *c)
{
    static const struct conn_callbacks callbacks = {.on_bytes = on_bytes, .on_closed = on_closed};
    struct supervisor *sup = arg;
    struct visit *v = calloc(1, sizeof *v);
    if (v == NULL) {
        conn_close(c);
        return;
    }
    *v = (struct visit){.sup = sup, .conn = c};
    buf_init(&v->body, BODY_MAX);
    v->deadline = loop_timer_new(sup->loop, on_deadline, v);
    if (v->deadline == NULL) {
        conn_close(c);
        free(v);
        return;
    }
    loop_timer_arm(v->deadline, REQUEST_MS);
    conn_set_callbacks(c, &callbacks, v);
}

bool admin_start(struct supervisor *sup)
{
    static const struct listener_limits limits = {.connections_max = 64, .handshakes_max = 64,
                                                  .per_address_percent = 100, .per_address_max = 64,
                                                  .handshake_timeout_ms = REQUEST_MS};
    char error[256] = "";
    sup->admin_fd = net_listen(sup->setup->conf->admin_listen, false, 64, error, sizeof error);
    if (sup->admin_fd < 0) {
        log_error("event=listen_failed address=%s reason=\"%s\"", sup->setup->conf->admin_listen, error);
        return false;
    }
    sup->admin = listener_new(sup->loop, sup->admin_fd, NULL, &limits, on_conn, sup);
    return sup->admin != NULL;
}

void admin_stop(struct supervisor *sup)
{
    if (sup->admin != NULL) {
        listener_stop(sup->admin);
        listener_free(sup->admin);
    }
    if (sup->admin_fd >= 0)
        close(sup->admin_fd);
    sup->admin = NULL;
    sup->admin_fd = -1;
}
