/* The planner: keeps the doors' directory as new as the database, and fills in placements asked for later.
 *
 * Place in the flow: SQL compiles the plan (api.plan_refresh); the planner is told by NOTIFY, and asks every POLL_MS in
 * any case, because a notification can be lost. When the version changed it copies the directory out in one
 * transaction, writes a file (directory/snapshot.h) and publishes its descriptor to the supervisor, who hands it to the
 * doors. A base holds everything; a delta what changed since its base, as long as that is at most DELTA_PEOPLE_MAX
 * people in the same window of days of the same database.
 *
 *   IDLE --poll/notify--> REFRESHING --unchanged--> IDLE (directory confirmed)
 *                              |-----changed-----> SELECTING --hadir.since set--> COPYING --written, published--> IDLE
 *
 * Invariants: one step at a time; any failure goes back to IDLE and the next poll starts over, so nothing is lost but
 * time. The directory counts as confirmed at the moment its version was asked for, not when the answer came. Without the
 * database the files of the earlier run are published: doors work, unconfirmed.
 * Does not: compile anything itself. No threads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cage.h"
#include "channel.h"
#include "conf.h"
#include "copyline.h"
#include "counter.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "placements.h"
#include "role.h"
#include "snapshot.h"
#include "store.h"
#include "wall.h"

#define POLL_MS 500u
#define REFUSED_MS 5000u     /* after the database refused a step and it is not known to pass */
#define PLACEMENTS_MS 1000u
#define PLACEMENTS_MAX 200
#define DELTA_PEOPLE_MAX 10000
#define CONTROL_QUEUE_BYTES ((size_t)1 << 20)
#define BASE_FILE "directory.base"
#define DELTA_FILE "directory.delta"

enum step { STEP_IDLE, STEP_REFRESHING, STEP_SELECTING, STEP_COPYING };

struct planner {
    const struct conf *conf;
    struct loop *loop;
    struct ipc_channel *control;
    struct store *store;
    struct loop_timer *poll, *placements;

    enum step step;
    bool again;                   /* notified while a step was under way */
    int64_t asked_mono_ms;
    bool have_base;
    bool own_base;                /* made on this connection: deltas may be built on it */
    struct snapshot_header base;  /* newest base published */
    int64_t epoch, number;        /* newest version published */
    struct snapshot_header next;  /* being made */
    struct snapshot *making;
    char *line;                   /* a writable copy of the row under way */
    size_t line_cap;
    int64_t began_mono_ms;
    int64_t people, slots;        /* rows of them copied */
    bool failed, too_many;
    char error[256];
};

/* hadir.since decides what the views show: everything, or what changed since a base; of patterns those that the shown
 * slots name. Several COPYs in one simple query are one transaction. */
static const char COPY_DIRECTORY[] =
    "set transaction isolation level repeatable read, read only;"
    "copy (select 'person', person, government, first_days, last_days, pairs, homes, removed from api.directory_person)"
    " to stdout;"
    "copy (select 'slot', pair, day, pattern from api.directory_slot) to stdout;"
    "copy (select 'pattern', id, starts_us, ends_us, place, anywhere, accuracy_cap_m, decides, sessions, fences"
    " from api.directory_pattern) to stdout;"
    "copy (select 'token', token_hash, kind, id, government, person, channel, revoked, removed from api.directory_token)"
    " to stdout;"
    "copy (select 'number', government, value, is_user_id, device, person, revoked, removed from api.directory_number)"
    " to stdout;"
    "copy (select 'fence', fence, version, government, kind, name, shared, shape, removed from api.directory_fence)"
    " to stdout;"
    "copy (select 'business', phone_number_id, government from api.directory_business) to stdout";

static const char REFRESH[] =
    "select epoch, number, changed_people, first_day - date '1970-01-01', days,"
    " (extract(epoch from compiled_at) * 1000000)::bigint from api.plan_refresh($1::timestamptz, false)";

/* What the database said when it refused. */
static void log_refused(const char *event, const struct store_error *e)
{
    char quoted[300];
    log_error("event=%s sqlstate=%s reason=%s", event, e->sqlstate,
              log_quote(quoted, sizeof quoted, e->message, strlen(e->message)));
}

/* How long to wait after a refusal: locks, deadlocks, time-outs and serialization pass soon, while doors answer 503 to
 * whoever was enrolled meanwhile. */
static unsigned pause_after(const struct store_error *e)
{
    bool passes = strncmp(e->sqlstate, "40", 2) == 0 || strcmp(e->sqlstate, "55P03") == 0 || strcmp(e->sqlstate, "57014") == 0;
    return passes ? POLL_MS : REFUSED_MS;
}

static void poll_soon(struct planner *p, unsigned after_ms)
{
    p->step = STEP_IDLE;
    loop_timer_arm(p->poll, p->again ? 0 : after_ms);
}

static void confirmed(struct planner *p)
{
    __atomic_store_n(&counters_cells()->directory_confirmed_ms, p->asked_mono_ms, __ATOMIC_RELAXED);
}

/* ---- publishing ---- */

/* The newest version there is: a door that has less says "come again" instead of "unknown". */
static void tell_version(const struct snapshot_header *h)
{
    struct shared_cells *cells = counters_cells();
    __atomic_store_n(&cells->directory_epoch, h->epoch, __ATOMIC_RELAXED);
    __atomic_store_n(&cells->directory_number, h->number, __ATOMIC_RELAXED);
    __atomic_store_n(&cells->directory_compiled_us, h->compiled_us, __ATOMIC_RELAXED);
}

/* Takes fd. */
static bool publish(struct planner *p, const struct snapshot_header *h, int fd)
{
    struct buf payload;
    buf_init(&payload, 17);
    buf_u8(&payload, h->is_delta ? 2 : 1);
    buf_i64(&payload, h->epoch);
    buf_i64(&payload, h->number);
    bool sent = !payload.failed && channel_send(p->control, MSG_PUBLISH, 0, payload.data, payload.len, fd);
    buf_fini(&payload);
    close(fd);
    if (!sent) {
        log_error("event=publish_failed");
        return false;
    }
    p->epoch = h->epoch;
    p->number = h->number;
    if (!h->is_delta) {
        p->base = *h;
        p->have_base = true;
    }
    return true;
}

static bool is_told(const struct snapshot_header *h)
{
    const struct shared_cells *cells = counters_cells();
    return __atomic_load_n(&cells->directory_epoch, __ATOMIC_RELAXED) == h->epoch &&
           __atomic_load_n(&cells->directory_number, __ATOMIC_RELAXED) == h->number;
}

/* What an earlier run left: doors that start without a database answer by it. A base makes doors drop their delta, and
 * what only the delta has would be unknown to them for a moment: so the version is told before the files go out, and
 * when only the planner was started again, and they have this very delta, the base stays where it is. */
static void publish_earlier(struct planner *p)
{
    char error[256] = "", quoted[300];
    struct snapshot_header base, delta;
    int base_fd = snapshot_open(p->conf->directory_dir, BASE_FILE, &base, error, sizeof error);
    if (base_fd < 0) {
        log_info("event=directory_none reason=%s", log_quote(quoted, sizeof quoted, error, strlen(error)));
        return;
    }
    if (base.is_delta) {
        close(base_fd);
        return;
    }
    int delta_fd = snapshot_open(p->conf->directory_dir, DELTA_FILE, &delta, error, sizeof error);
    bool fits = delta_fd >= 0 && delta.is_delta && delta.epoch == base.epoch && delta.base_number == base.number;
    bool sent = true;
    if (fits && is_told(&delta)) {
        close(base_fd);
        p->base = base;
        p->have_base = true;
    } else {
        /* An older version than before may be told: nothing that an earlier planner confirmed holds for it. */
        __atomic_store_n(&counters_cells()->directory_confirmed_ms, 0, __ATOMIC_RELAXED);
        tell_version(fits ? &delta : &base);
        sent = publish(p, &base, base_fd);
    }
    if (sent && fits)
        publish(p, &delta, delta_fd);
    else if (delta_fd >= 0)
        close(delta_fd);
}

/* ---- copying ---- */

static void on_copy_line(void *arg, const char *line, size_t len)
{
    struct planner *p = arg;
    if (p->failed)
        return;
    if (len >= p->line_cap) {
        char *grown = realloc(p->line, len + 4096);
        if (grown == NULL) {
            p->failed = true;
            snprintf(p->error, sizeof p->error, "out of memory");
            return;
        }
        p->line = grown;
        p->line_cap = len + 4096;
    }
    memcpy(p->line, line, len);
    char *fields[COPYLINE_FIELDS_MAX];
    int count = copyline_split(p->line, len, fields);
    if (count < 1 || fields[0] == NULL) {
        p->failed = true;
        snprintf(p->error, sizeof p->error, "a malformed row");
        return;
    }
    p->slots += strcmp(fields[0], "slot") == 0;
    if (strcmp(fields[0], "person") == 0 && ++p->people > DELTA_PEOPLE_MAX && p->next.is_delta) {
        p->too_many = true;
        p->failed = true;
        snprintf(p->error, sizeof p->error, "more people than a delta holds");
        return;
    }
    if (!copyline_take(p->making, fields, count, p->error, sizeof p->error))
        p->failed = true;
}

/* A base ends the delta beside it. Its number alone does not: a database put back to an older state makes a base with
 * the number of an earlier one, and the delta would add what is lost. */
static void remove_delta(const struct planner *p)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/" DELTA_FILE, p->conf->directory_dir);
    if (n < 0 || (size_t)n >= sizeof path || (unlink(path) != 0 && errno != ENOENT))
        log_warn("event=delta_not_removed");
}

static void write_and_publish(struct planner *p)
{
    const char *name = p->next.is_delta ? DELTA_FILE : BASE_FILE;
    int64_t copied_ms = mono_now_ms();
    int fd = snapshot_write(p->making, p->conf->directory_dir, name, p->error, sizeof p->error);
    if (fd < 0) {
        p->failed = true;
        return;
    }
    if (!p->next.is_delta)
        remove_delta(p);
    counter_inc(C_DIRECTORY_WRITTEN);
    log_info("event=directory_written kind=%s epoch=%lld number=%lld people=%lld slots=%lld copy_ms=%lld write_ms=%lld",
             p->next.is_delta ? "delta" : "base", (long long)p->next.epoch, (long long)p->next.number,
             (long long)p->people, (long long)p->slots, (long long)(copied_ms - p->began_mono_ms),
             (long long)(mono_now_ms() - copied_ms));
    /* Before it goes out: of two doors the one that adopts it later would call its people strangers until then. */
    tell_version(&p->next);
    if (!publish(p, &p->next, fd))
        return;
    p->own_base = p->own_base || !p->next.is_delta;
    confirmed(p);
}

static void on_copy_end(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct planner *p = arg;
    char quoted[300];
    (void)rows;
    if (outcome != STORE_OK) {
        p->failed = true;
        snprintf(p->error, sizeof p->error, "%s", e->message);
    }
    if (!p->failed)
        write_and_publish(p);
    snapshot_free(p->making);
    p->making = NULL;
    if (p->failed) {
        log_line(p->too_many ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "event=directory_not_written reason=%s",
                 log_quote(quoted, sizeof quoted, p->error, strlen(p->error)));
        /* What failed as a delta is tried as a base. */
        p->own_base = p->own_base && !p->next.is_delta;
    }
    unsigned pause_ms = outcome == STORE_REFUSED ? pause_after(e) : REFUSED_MS;
    poll_soon(p, !p->failed ? POLL_MS : p->too_many ? 0 : pause_ms);
}

static void on_selected(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct planner *p = arg;
    (void)rows;
    if (outcome == STORE_OK) {
        p->making = snapshot_new(&p->next);
        p->failed = p->making == NULL;
        p->too_many = false;
        p->people = p->slots = 0;
        p->step = STEP_COPYING;
        if (!p->failed && store_copy_out(p->store, COPY_DIRECTORY, on_copy_line, on_copy_end, p))
            return;
        snapshot_free(p->making);
        p->making = NULL;
        log_error("event=directory_not_written reason=\"cannot begin\"");
    } else {
        log_refused("directory_not_written", e);
    }
    poll_soon(p, outcome == STORE_DOWN ? POLL_MS : outcome == STORE_REFUSED ? pause_after(e) : REFUSED_MS);
}

static void make_file(struct planner *p)
{
    char since[24];
    const char *const params[] = {since};
    snprintf(since, sizeof since, "%lld", p->next.is_delta ? (long long)p->next.base_number : 0LL);
    p->step = STEP_SELECTING;
    p->began_mono_ms = mono_now_ms();
    if (!store_query(p->store, NULL, "select pg_catalog.set_config('hadir.since', $1, false)", 1, params, on_selected, p))
        poll_soon(p, POLL_MS);
}

/* ---- refreshing ---- */

static bool column(const struct rows *rows, size_t col, int64_t min, int64_t max, int64_t *ret)
{
    const char *s = rows_get(rows, 0, col);
    char *end;
    if (s == NULL)
        return false;
    long long v = strtoll(s, &end, 10);
    if (end == s || *end != '\0' || v < min || v > max)
        return false;
    *ret = v;
    return true;
}

/* Reads api.plan_refresh's row into the header of what the doors should have. */
static bool read_version(const struct rows *rows, struct snapshot_header *ret, int64_t *ret_changed)
{
    int64_t first_day, days;
    if (rows_count(rows) != 1 || rows_columns(rows) != 6 || !column(rows, 0, 0, INT64_MAX, &ret->epoch) ||
        !column(rows, 1, 0, INT64_MAX, &ret->number) || !column(rows, 2, 0, INT64_MAX, ret_changed) ||
        !column(rows, 3, 0, 100000, &first_day) || !column(rows, 4, 1, 16, &days) ||
        !column(rows, 5, 0, INT64_MAX, &ret->compiled_us))
        return false;
    ret->first_day = (int32_t)first_day;
    ret->days = (int32_t)days;
    return true;
}

static void on_refreshed(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct planner *p = arg;
    struct snapshot_header next = {0};
    int64_t changed = 0;
    if (outcome != STORE_OK || !read_version(rows, &next, &changed)) {
        if (outcome == STORE_REFUSED)
            log_refused("plan_refresh_failed", e);
        else if (outcome == STORE_OK)
            log_error("event=plan_refresh_failed reason=\"unexpected row\"");
        poll_soon(p, outcome == STORE_DOWN ? POLL_MS : outcome == STORE_REFUSED ? pause_after(e) : REFUSED_MS);
        return;
    }
    bool same_window = p->have_base && next.first_day == p->base.first_day && next.days == p->base.days &&
                       next.epoch == p->base.epoch;
    if (same_window && next.number == p->number && next.epoch == p->epoch) {
        confirmed(p);
        poll_soon(p, POLL_MS);
        return;
    }
    next.is_delta = same_window && p->own_base && next.number > p->base.number && changed <= DELTA_PEOPLE_MAX;
    next.base_number = next.is_delta ? p->base.number : next.number;
    p->next = next;
    make_file(p);
}

static void refresh(struct planner *p)
{
    char now[40];
    const char *const params[] = {now};
    if (p->step != STEP_IDLE || !store_is_up(p->store))
        return;
    wall_format_rfc3339(now, sizeof now, wall_now_us(), 0);
    p->again = false;
    p->asked_mono_ms = mono_now_ms();
    p->step = STEP_REFRESHING;
    if (!store_query(p->store, NULL, REFRESH, 1, params, on_refreshed, p))
        poll_soon(p, POLL_MS);
}

static void on_poll(void *arg)
{
    refresh(arg);
}

/* ---- placements ---- */

static void on_placed(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct planner *p = arg;
    const char *added = outcome == STORE_OK && rows_count(rows) == 1 ? rows_get(rows, 0, 0) : NULL;
    if (outcome == STORE_REFUSED)
        log_refused("placements_failed", e);
    long long count = added == NULL ? 0 : strtoll(added, NULL, 10);
    if (count > 0)
        counter_add(C_PLACED_LATER, count);
    /* A full page means that more is waiting; nothing added means that asking at once would give the same. */
    loop_timer_arm(p->placements, count >= PLACEMENTS_MAX ? 0 : PLACEMENTS_MS);
}

static void on_wanted(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct planner *p = arg;
    if (outcome == STORE_REFUSED)
        log_refused("placements_failed", e);
    bool sent = false;
    if (outcome == STORE_OK && rows_count(rows) > 0) {
        struct buf json;
        buf_init(&json, (size_t)1 << 20);
        unsigned done = placements_compute(rows, &json);
        const char *const params[] = {buf_str(&json)};
        sent = done > 0 && params[0] != NULL &&
               store_query(p->store, NULL, "select api.placements_add($1::jsonb)", 1, params, on_placed, p);
        buf_fini(&json);
    }
    if (!sent)
        loop_timer_arm(p->placements, PLACEMENTS_MS);
}

static void on_placements(void *arg)
{
    struct planner *p = arg;
    const char *const params[] = {"200"};
    _Static_assert(PLACEMENTS_MAX == 200, "the parameter above");
    if (!store_query(p->store, NULL,
                     "select checkin, lat, lon, accuracy_m, cap_m, fence, version, shape from api.placements_wanted($1::int)",
                     1, params, on_wanted, p))
        loop_timer_arm(p->placements, PLACEMENTS_MS); /* down, or the directory is being copied */
}

/* ---- the role ---- */

static void on_up(void *arg)
{
    struct planner *p = arg;
    counter_set(G_DB_PLANNER, 1);
    /* The database may have been put back to an older state while it was away: what it forgot is in our base, and no
     * delta would take it out. The next file is a base; an unchanged version needs none. */
    p->own_base = false;
    refresh(p);
}

static void on_down(void *arg)
{
    struct planner *p = arg;
    counter_set(G_DB_PLANNER, 0);
    loop_timer_disarm(p->poll);
    p->step = STEP_IDLE; /* its exchange has been failed; on_up begins again */
}

static void on_notify(void *arg, const char *channel, const char *payload)
{
    struct planner *p = arg;
    (void)channel;
    (void)payload;
    p->again = true;
    refresh(p);
}

static void on_control(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct planner *p = arg;
    (void)id;
    (void)payload;
    (void)len;
    if (fd >= 0)
        close(fd);
    if (type == MSG_DRAIN)
        loop_stop(p->loop); /* nothing here is worth waiting for: the next planner starts from the database */
}

static void on_control_closed(void *arg)
{
    struct planner *p = arg;
    loop_stop(p->loop);
}

static bool planner_start(struct planner *p, const struct role_env *env)
{
    static const struct store_callbacks callbacks = {.on_up = on_up, .on_down = on_down, .on_notify = on_notify};
    struct buf hello;
    p->loop = loop_new();
    if (p->loop == NULL)
        return false;
    p->control = channel_new(p->loop, env->control_fd, CONTROL_QUEUE_BYTES, on_control, on_control_closed, p);
    p->poll = loop_timer_new(p->loop, on_poll, p);
    p->placements = loop_timer_new(p->loop, on_placements, p);
    if (p->control == NULL || p->poll == NULL || p->placements == NULL)
        return false;
    char **files = store_files(p->conf->database);
    bool narrow = files != NULL && cage_files(CAGE_PLANNER, p->conf->directory_dir, files) && cage_shut(CAGE_PLANNER);
    store_files_free(files);
    if (!narrow)
        return false;
    publish_earlier(p);
    p->store = store_new(p->loop, p->conf->database, "hadir_planner", true, &callbacks, p);
    if (p->store == NULL || !store_listen(p->store, "hadir_plan"))
        return false;
    loop_timer_arm(p->placements, PLACEMENTS_MS);
    buf_init(&hello, 4);
    buf_u32(&hello, IPC_VERSION);
    bool sent = !hello.failed && channel_send(p->control, MSG_HELLO, 0, hello.data, hello.len, -1);
    buf_fini(&hello);
    return sent;
}

static void planner_end(struct planner *p)
{
    store_free(p->store);
    channel_free(p->control);
    if (p->poll != NULL)
        loop_timer_free(p->poll);
    if (p->placements != NULL)
        loop_timer_free(p->placements);
    snapshot_free(p->making);
    free(p->line);
    if (p->loop != NULL)
        loop_free(p->loop);
}

int planner_main(const struct role_env *env)
{
    struct planner p = {.conf = env->conf};
    bool started = planner_start(&p, env);
    if (started)
        loop_run(p.loop);
    else
        log_error("event=start_failed");
    planner_end(&p);
    return started ? 0 : 1;
}
