/* The daemon's life: start, reload, stop, and what follows from a process being ready or gone.
 *
 * Start: the ledger first and alone. Only when it holds the spool are the doors' listeners opened and the others
 * forked, so that a second daemon on the same spool never takes a connection. A ledger that cannot start within
 * LEDGER_START_MS ends the daemon with an error; before that it is tried again, because the ledger of a killed
 * daemon may still be finishing its queue.
 *
 * Generations: SIGHUP reads and checks everything anew (what is broken changes nothing) and makes generation n + 1 of
 * doors and desks on the same listeners; generation n drains, doors first, its desks when its doors are gone; the
 * planner is replaced when it has ended, because two would write one file. The ledger stays.
 * Stop: doors, then desks and planner, then the ledger. What has not ended DRAIN_MAX_MS after it was asked is killed.
 *
 * Does not: touch check-ins. No threads. */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cage.h"
#include "channel.h"
#include "conf.h"
#include "conn.h"
#include "inside.h"
#include "log.h"
#include "loop.h"
#include "wall.h"

#define BACKLOG 4096
#define LEDGER_START_MS 15000
#define DOORS_MAX 32

static struct supervisor state; /* one per process; children find it where it was */

static size_t count(const struct supervisor *sup, enum role role, bool old_only)
{
    size_t n = 0;
    for (size_t i = 0; i < sup->process_count; i++) {
        const struct process *p = sup->processes[i];
        if (p->role == role && (!old_only || p->generation != sup->generation))
            n++;
    }
    return n;
}

/* ---- listeners ---- */

static size_t doors_wanted(const struct conf *conf)
{
    if (conf->doors > 0)
        return (size_t)conf->doors;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > DOORS_MAX ? DOORS_MAX : (size_t)cores;
}

static void listeners_close(struct supervisor *sup, size_t from)
{
    for (size_t i = from; i < sup->listener_count; i++)
        close(sup->listeners[i]);
    if (sup->listener_count > from)
        sup->listener_count = from;
}

/* Opens listeners on address into ret[0..wanted). Nothing is left open on failure. */
static bool listeners_open(const char *address, size_t wanted, int *ret)
{
    for (size_t i = 0; i < wanted; i++) {
        char error[256] = "";
        ret[i] = net_listen(address, true, BACKLOG, error, sizeof error);
        if (ret[i] >= 0)
            continue;
        log_error("event=listen_failed address=%s reason=\"%s\"", address, error);
        while (i > 0)
            close(ret[--i]);
        return false;
    }
    return true;
}

/* ---- starting ---- */

static bool spawn(struct supervisor *sup, enum role role, size_t n)
{
    for (unsigned i = 0; i < n; i++) {
        struct process *p = process_new(sup, role, i);
        if (p == NULL)
            return false;
        process_start(p);
    }
    return true;
}

static bool generation_start(struct supervisor *sup)
{
    const struct conf *conf = sup->setup->conf;
    return spawn(sup, ROLE_DESK, (size_t)conf->desks) &&
           (count(sup, ROLE_PLANNER, false) > 0 || spawn(sup, ROLE_PLANNER, 1)) &&
           spawn(sup, ROLE_DOOR, sup->listener_count);
}

/* The ledger holds the spool: everything else may begin. */
static void open_doors(struct supervisor *sup)
{
    size_t wanted = doors_wanted(sup->setup->conf);
    sup->opened = true;
    if (!listeners_open(sup->setup->conf->listen, wanted, sup->listeners)) {
        supervisor_stop(sup, 1);
        return;
    }
    sup->listener_count = wanted;
    if (!generation_start(sup)) {
        log_error("event=start_failed reason=\"too many processes\"");
        supervisor_stop(sup, 1);
    }
}

static bool all_ready(const struct supervisor *sup)
{
    for (size_t i = 0; i < sup->process_count; i++)
        if (!sup->processes[i]->ready && !sup->processes[i]->draining)
            return false;
    return sup->opened;
}

void supervisor_on_ready(struct process *p)
{
    struct supervisor *sup = p->sup;
    if (p->role == ROLE_LEDGER && !sup->opened && !sup->stopping)
        open_doors(sup);
    if (!sup->told_ready && !sup->stopping && all_ready(sup)) {
        sup->told_ready = true;
        log_info("event=serving listen=%s doors=%zu desks=%zu", sup->setup->conf->listen, sup->listener_count,
                 count(sup, ROLE_DESK, false));
        notify_systemd("READY=1", -1);
    }
}

/* ---- ending ---- */

static void drain(struct supervisor *sup, enum role role, unsigned before_generation)
{
    /* From the end: a record that is not running is freed, and the last takes its place. */
    for (size_t i = sup->process_count; i-- > 0;) {
        struct process *p = sup->processes[i];
        if (p->role != role || p->generation >= before_generation || p->draining)
            continue;
        process_drain(p);
        if (!process_alive(p))
            process_free(p);
    }
}

/* Takes whatever step the deaths so far allow. */
static void advance(struct supervisor *sup)
{
    if (!sup->stopping) {
        if (count(sup, ROLE_DOOR, true) == 0)
            drain(sup, ROLE_DESK, sup->generation);
        if (count(sup, ROLE_DOOR, true) + count(sup, ROLE_DESK, true) == 0)
            loop_timer_disarm(sup->drain_bound);
        return;
    }
    if (count(sup, ROLE_DOOR, false) > 0)
        return;
    drain(sup, ROLE_DESK, UINT32_MAX);
    drain(sup, ROLE_PLANNER, UINT32_MAX);
    if (count(sup, ROLE_DESK, false) + count(sup, ROLE_PLANNER, false) > 0)
        return;
    drain(sup, ROLE_LEDGER, UINT32_MAX);
    if (sup->process_count == 0)
        loop_stop(sup->loop);
}

static void on_drain_bound(void *arg)
{
    struct supervisor *sup = arg;
    for (size_t i = 0; i < sup->process_count; i++) {
        struct process *p = sup->processes[i];
        if (!p->draining || !process_alive(p))
            continue;
        log_warn("event=drain_overdue role=%s", p->name);
        process_kill(p);
    }
    /* The next stage of a stop gets its own time. */
    loop_timer_arm(sup->drain_bound, DRAIN_MAX_MS);
}

void supervisor_stop(struct supervisor *sup, int exit_status)
{
    if (exit_status != 0)
        sup->exit_status = exit_status;
    if (sup->stopping)
        return;
    sup->stopping = true;
    log_info("event=stopping");
    notify_systemd("STOPPING=1", -1);
    loop_timer_arm(sup->drain_bound, DRAIN_MAX_MS);
    drain(sup, ROLE_DOOR, UINT32_MAX);
    listeners_close(sup, 0);
    advance(sup);
}

/* A ledger that says why it cannot start, and never could, ends the daemon: there is nothing to serve without it. */
static bool ledger_hopeless(const struct supervisor *sup, const struct process *p, int status)
{
    return p->role == ROLE_LEDGER && !sup->opened && WIFEXITED(status) &&
           mono_now_ms() - sup->started_mono_ms > LEDGER_START_MS;
}

void supervisor_on_death(struct process *p, int status)
{
    struct supervisor *sup = p->sup;
    if (!sup->stopping && ledger_hopeless(sup, p, status)) {
        log_error("event=ledger_cannot_start status=%d", WEXITSTATUS(status));
        supervisor_stop(sup, 1);
        return;
    }
    if (!p->draining && !sup->stopping)
        return; /* it is started again */
    bool replace = p->replace && !sup->stopping;
    process_free(p);
    if (replace && !spawn(sup, ROLE_PLANNER, 1))
        log_error("event=start_failed role=planner");
    advance(sup);
}

/* ---- reload ---- */

static void warn_if_changed(const char *key, const char *old, const char *new)
{
    if (strcmp(old == NULL ? "" : old, new == NULL ? "" : new) != 0)
        log_warn("event=reload key=%s reason=\"takes effect at the next start\"", key);
}

static void warn_of_fixed_keys(const struct conf *old, const struct conf *new)
{
    warn_if_changed("admin_listen", old->admin_listen, new->admin_listen);
    warn_if_changed("spool_dir", old->spool_dir, new->spool_dir);
    warn_if_changed("receipt_key", old->receipt_key, new->receipt_key);
    warn_if_changed("database (ledger)", old->database, new->database);
    warn_if_changed("simulated_clock", old->simulated_clock ? "yes" : "no", new->simulated_clock ? "yes" : "no");
}

/* Fits the listeners to the new configuration. Existing ones are kept, so that nothing waiting in them is lost. */
static bool listeners_adapt(struct supervisor *sup, const struct conf *old, const struct conf *new)
{
    size_t wanted = doors_wanted(new);
    bool moved = strcmp(old->listen, new->listen) != 0;
    size_t kept = moved ? 0 : sup->listener_count < wanted ? sup->listener_count : wanted;
    int fresh[LISTENERS_MAX];
    if (!listeners_open(new->listen, wanted - kept, fresh))
        return false;
    listeners_close(sup, kept);
    memcpy(sup->listeners + kept, fresh, (wanted - kept) * sizeof fresh[0]);
    sup->listener_count = wanted;
    return true;
}

static void tell_ledger(struct supervisor *sup)
{
    uint32_t keep_days = (uint32_t)sup->setup->conf->spool_keep_days;
    uint32_t floor_mb = (uint32_t)sup->setup->conf->spool_free_floor_mb;
    struct buf payload;
    buf_init(&payload, 8);
    buf_u32(&payload, keep_days);
    buf_u32(&payload, floor_mb);
    for (size_t i = 0; i < sup->process_count && !payload.failed; i++) {
        struct process *p = sup->processes[i];
        if (p->role == ROLE_LEDGER && p->control != NULL)
            channel_send(p->control, MSG_CONFIG, 0, payload.data, payload.len, -1);
    }
    buf_fini(&payload);
}

static void replace_planner(struct supervisor *sup)
{
    for (size_t i = 0; i < sup->process_count; i++)
        if (sup->processes[i]->role == ROLE_PLANNER && process_alive(sup->processes[i]))
            sup->processes[i]->replace = true;
    drain(sup, ROLE_PLANNER, sup->generation);
}

static bool room_for_another(const struct supervisor *sup, const struct conf *conf)
{
    size_t more = doors_wanted(conf) + (size_t)conf->desks + 1;
    size_t free_slots = 0;
    for (unsigned slot = 1; slot < COUNTER_SLOTS; slot++)
        free_slots += sup->slot_used[slot] ? 0 : 1;
    return more <= free_slots && sup->process_count + more <= PROCESSES_MAX;
}

static void tell_problems(struct buf *problems)
{
    const char *text = buf_str(problems);
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, "\n");
        char quoted[600];
        log_error("event=config_problem text=%s", log_quote(quoted, sizeof quoted, text, len));
        text += len + (text[len] == '\n' ? 1 : 0);
    }
}

static void reload(struct supervisor *sup)
{
    struct setup fresh = {0};
    struct buf problems;
    buf_init(&problems, 1 << 18);
    bool good = setup_load(sup->conf_path, &fresh, &problems);
    if (!good) {
        tell_problems(&problems);
    } else if (!room_for_another(sup, fresh.conf)) {
        log_error("event=reload_refused reason=\"earlier generations still drain\"");
        good = false;
    } else {
        good = listeners_adapt(sup, sup->setup->conf, fresh.conf);
    }
    buf_fini(&problems);
    if (!good) {
        log_error("event=reload_failed");
        setup_free(&fresh);
        return;
    }
    warn_of_fixed_keys(sup->setup->conf, fresh.conf);
    setup_free(sup->setup);
    *sup->setup = fresh;
    sup->generation++;
    log_info("event=reload generation=%u doors=%zu", sup->generation, sup->listener_count);
    tell_ledger(sup);
    replace_planner(sup);
    if (!generation_start(sup))
        log_error("event=start_failed reason=\"too many processes\"");
    drain(sup, ROLE_DOOR, sup->generation);
    loop_timer_arm(sup->drain_bound, DRAIN_MAX_MS);
    advance(sup);
}

static void on_hangup(void *arg)
{
    struct supervisor *sup = arg;
    if (sup->stopping)
        return;
    if (!sup->opened) {
        log_warn("event=reload_refused reason=\"still starting\"");
        return;
    }
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)mono_now_ms() * 1000);
    notify_systemd(text, -1);
    reload(sup);
    notify_systemd("READY=1", -1);
}

/* ---- the whole ---- */

static void on_terminate(void *arg)
{
    supervisor_stop(arg, 0);
}

static void on_child(void *arg)
{
    process_reap(arg);
}

static bool begin(struct supervisor *sup)
{
    sup->loop = loop_new();
    if (sup->loop == NULL)
        return false;
    sup->drain_bound = loop_timer_new(sup->loop, on_drain_bound, sup);
    sup->turn = loop_timer_new(sup->loop, keep_turn, sup);
    if (sup->drain_bound == NULL || sup->turn == NULL || !loop_on_signal(sup->loop, SIGCHLD, on_child, sup) ||
        !loop_on_signal(sup->loop, SIGHUP, on_hangup, sup) || !loop_on_signal(sup->loop, SIGTERM, on_terminate, sup) ||
        !loop_on_signal(sup->loop, SIGINT, on_terminate, sup))
        return false;
    keep_turn(sup);
    return admin_start(sup) && spawn(sup, ROLE_LEDGER, 1);
}

static void finish(struct supervisor *sup)
{
    admin_stop(sup);
    listeners_close(sup, 0);
    wiring_fini(sup);
    if (sup->drain_bound != NULL)
        loop_timer_free(sup->drain_bound);
    if (sup->turn != NULL)
        loop_timer_free(sup->turn);
    if (sup->loop != NULL)
        loop_free(sup->loop);
    setup_free(sup->setup);
}

int supervisor_run(const char *conf_path, struct setup *setup, const struct role_mains *mains)
{
    struct supervisor *sup = &state;
    *sup = (struct supervisor){.conf_path = conf_path, .setup = setup, .mains = mains, .generation = 1,
                               .base = {.fd = -1}, .delta = {.fd = -1}, .admin_fd = -1};
    sup->slot_role[0] = "supervisor";
    sup->slot_used[0] = true;
    sup->started_mono_ms = mono_now_ms();
    counters_map();
    counters_set_slot(0);
    log_set_role("supervisor");
    if (setup->conf->simulated_clock) {
        wall_set_offset_cell(&counters_cells()->clock_offset_us);
        log_warn("event=clock_simulated offset_us=0 reason=\"simulated_clock = yes: for demonstrations only\"");
    }
    signal(SIGPIPE, SIG_IGN);
    if (cage_prepare() && keep_start(sup) && cage_shut(CAGE_SUPERVISOR) && begin(sup)) {
        loop_run(sup->loop);
        log_info("event=stopped status=%d", sup->exit_status);
    } else {
        log_error("event=start_failed");
        sup->exit_status = 1;
    }
    finish(sup);
    return sup->exit_status;
}
