/* Processes of the daemon: fork, control channel, death, restart with back-off, counter slots.
 *
 * Place in the flow: supervisor.c decides which processes there are; wiring.c joins them.
 *
 *   started --MSG_HELLO--> ready --MSG_DRAIN--> draining --exit--> gone (record freed, or its seat filled again)
 *      |______ died ________|  -> waits wait_ms -> started again, same record, same counter slot
 *
 * In the child, before its role runs: every descriptor but its own is closed, signals are its own (INT, HUP and TERM
 * are ignored: a terminal or an init system sends them to the whole group, and the control channel is what counts),
 * secrets that the role does not need are wiped. Signals are blocked from before the fork until then, so that the
 * supervisor's handlers never run in a child, where they would write into the supervisor's loop.
 * Invariants: a slot belongs to one kind of role for ever (its counters stay after a death). No threads. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cage.h"
#include "channel.h"
#include "conf.h"
#include "digest.h"
#include "inside.h"
#include "log.h"
#include "loop.h"
#include "wall.h"

#define CONTROL_QUEUE_BYTES ((size_t)1 << 20)
#define WAIT_MIN_MS 100u
#define WAIT_MAX_MS 5000u
#define STABLE_MS 10000       /* ready for so long: the next crash counts as the first */
#define LINGER_MS 5000u       /* a process that closed its control channel must be gone by then */

static const char *const role_names[] = {"supervisor", "door", "desk", "ledger", "planner"};

/* A row of counters for one more process of this kind: one that such a process left, else a fresh one. */
static unsigned slot_take(struct supervisor *sup, const char *kind)
{
    for (int fresh = 0; fresh <= 1; fresh++) {
        for (unsigned slot = 1; slot < COUNTER_SLOTS; slot++) {
            bool match = fresh ? sup->slot_role[slot] == NULL
                               : sup->slot_role[slot] == kind && !sup->slot_used[slot];
            if (!match)
                continue;
            sup->slot_role[slot] = kind;
            sup->slot_used[slot] = true;
            return slot;
        }
    }
    return COUNTER_SLOTS;
}

static void on_again(void *arg)
{
    struct process *p = arg;
    if (p->pid == 0)
        process_start(p);
    else
        process_kill(p);
}

struct process *process_new(struct supervisor *sup, enum role role, unsigned index)
{
    if (sup->process_count == PROCESSES_MAX)
        return NULL;
    struct process *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    *p = (struct process){.sup = sup, .role = role, .index = index, .generation = sup->generation};
    p->slot = slot_take(sup, role_names[role]);
    p->again = loop_timer_new(sup->loop, on_again, p);
    if (p->slot == COUNTER_SLOTS || p->again == NULL) {
        if (p->slot < COUNTER_SLOTS)
            sup->slot_used[p->slot] = false;
        if (p->again != NULL)
            loop_timer_free(p->again);
        free(p);
        return NULL;
    }
    if (role == ROLE_LEDGER || role == ROLE_PLANNER)
        snprintf(p->name, sizeof p->name, "%s", role_names[role]);
    else
        snprintf(p->name, sizeof p->name, "%s%u", role_names[role], index);
    sup->processes[sup->process_count++] = p;
    return p;
}

void process_free(struct process *p)
{
    struct supervisor *sup = p->sup;
    for (size_t i = 0; i < sup->process_count; i++) {
        if (sup->processes[i] == p) {
            sup->processes[i] = sup->processes[--sup->process_count];
            break;
        }
    }
    sup->slot_used[p->slot] = false;
    channel_free(p->control);
    loop_timer_free(p->again);
    free(p);
}

bool process_alive(const struct process *p)
{
    return p->pid > 0;
}

/* ---- in the child ---- */

static void child_signals(void)
{
    const int ignored[] = {SIGINT, SIGHUP, SIGTERM, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Keeps the control channel's end and, for a door, its listener; at fixed low numbers, everything above closed. */
static bool child_descriptors(int control_fd, int listen_fd)
{
    /* First out of the way of the numbers that they are to get. */
    int control = fcntl(control_fd, F_DUPFD_CLOEXEC, 16);
    int listening = listen_fd < 0 ? -1 : fcntl(listen_fd, F_DUPFD_CLOEXEC, 16);
    if (control < 0 || (listen_fd >= 0 && listening < 0) || dup3(control, ROLE_CONTROL_FD, O_CLOEXEC) < 0)
        return false;
    if (listening >= 0 && dup3(listening, ROLE_LISTEN_FD, O_CLOEXEC) < 0)
        return false;
    return close_range(listening >= 0 ? ROLE_LISTEN_FD + 1 : ROLE_LISTEN_FD, ~0u, 0) == 0;
}

static _Noreturn void child_run(struct process *p, int control_fd)
{
    struct supervisor *sup = p->sup;
    bool door = p->role == ROLE_DOOR;
    struct role_env env = {.conf = sup->setup->conf, .control_fd = ROLE_CONTROL_FD, .index = p->index,
                           .listen_fd = door ? ROLE_LISTEN_FD : -1};
    log_set_role(p->name);
    counters_set_slot(p->slot);
    prctl(PR_SET_NAME, p->name);
    if (!child_descriptors(control_fd, door ? sup->listeners[p->index] : -1))
        fatal("event=child_descriptors reason=\"%s\"", strerror(errno));
    child_signals();
    cage_drop();
    if (door) {
        env.tickets = sup->tickets;
        env.whatsapp_app_secret = sup->setup->app_secret;
        env.whatsapp_verify_token = sup->setup->verify_token;
        digest_wipe(sup->setup->conf->database, strlen(sup->setup->conf->database)); /* may hold a password */
    } else {
        keep_forget(sup);
        if (sup->setup->app_secret != NULL)
            digest_wipe(sup->setup->app_secret, strlen(sup->setup->app_secret));
        if (sup->setup->verify_token != NULL)
            digest_wipe(sup->setup->verify_token, strlen(sup->setup->verify_token));
    }
    exit(sup->mains->run[p->role](&env));
}

/* ---- in the supervisor ---- */

static void on_control_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    (void)id;
    wiring_on_message(arg, type, payload, len, fd);
}

/* Exits tell themselves by SIGCHLD; this only makes sure that one follows. */
static void on_control_closed(void *arg)
{
    struct process *p = arg;
    channel_free(p->control);
    p->control = NULL;
    if (p->pid > 0)
        loop_timer_arm(p->again, LINGER_MS);
}

/* The next start comes later each time, until one start held for a while. */
static unsigned next_wait(struct process *p)
{
    if (p->ready && mono_now_ms() - p->ready_mono_ms >= STABLE_MS)
        p->wait_ms = 0;
    unsigned wait = p->wait_ms;
    p->wait_ms = wait == 0 ? WAIT_MIN_MS : wait * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : wait * 2;
    return wait;
}

void process_start(struct process *p)
{
    struct supervisor *sup = p->sup;
    int fds[2];
    if (channel_pair(fds) != 0) {
        log_error("event=fork_failed role=%s reason=\"%s\"", p->name, strerror(errno));
        loop_timer_arm(p->again, WAIT_MAX_MS);
        return;
    }
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        child_run(p, fds[1]);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(fds[1]);
    if (pid < 0) {
        log_error("event=fork_failed role=%s reason=\"%s\"", p->name, strerror(errno));
        close(fds[0]);
        loop_timer_arm(p->again, WAIT_MAX_MS);
        return;
    }
    p->pid = pid;
    p->ready = false;
    p->number = ++sup->next_number;
    p->control = channel_new(sup->loop, fds[0], CONTROL_QUEUE_BYTES, on_control_message, on_control_closed, p);
    log_info("event=started role=%s pid=%ld", p->name, (long)pid);
    if (p->control == NULL)
        process_kill(p);
    else
        wiring_join(sup, p);
}

void process_drain(struct process *p)
{
    p->draining = true;
    if (p->pid > 0 && p->control != NULL)
        channel_send(p->control, MSG_DRAIN, 0, NULL, 0, -1);
    else if (p->pid > 0)
        process_kill(p);
}

void process_kill(struct process *p)
{
    if (p->pid > 0)
        kill(p->pid, SIGKILL);
}

static struct process *process_by_pid(struct supervisor *sup, pid_t pid)
{
    for (size_t i = 0; i < sup->process_count; i++)
        if (sup->processes[i]->pid == pid)
            return sup->processes[i];
    return NULL;
}

static void log_death(const struct process *p, int status)
{
    enum log_level level = p->draining && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? LOG_LEVEL_INFO
                                                                                       : LOG_LEVEL_WARN;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        log_error("event=died role=%s pid=%ld signal=%d reason=\"a call that its cage forbids: taken over, or our mistake\"",
                  p->name, (long)p->pid, WTERMSIG(status));
    else if (WIFSIGNALED(status))
        log_line(level, "event=died role=%s pid=%ld signal=%d", p->name, (long)p->pid, WTERMSIG(status));
    else
        log_line(level, "event=exited role=%s pid=%ld status=%d", p->name, (long)p->pid, WEXITSTATUS(status));
}

static void process_gone(struct process *p, int status)
{
    struct shared_cells *cells = counters_cells();
    log_death(p, status);
    counters_reset_gauges(p->slot);
    if (p->role == ROLE_LEDGER) {
        __atomic_store_n(&cells->ledger_ready, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&cells->spool_full, 0, __ATOMIC_RELAXED);
    }
    /* What it had published or said last is still in the channel; a new process has a new one. */
    channel_free(p->control);
    p->control = NULL;
    p->pid = 0;
    bool over = p->draining || p->sup->stopping;
    if (!over) {
        counter_inc(C_RESTARTS);
        loop_timer_arm(p->again, next_wait(p));
    }
    p->ready = false;
    supervisor_on_death(p, status);
}

void process_reap(struct supervisor *sup)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct process *p = process_by_pid(sup, pid);
        if (p != NULL)
            process_gone(p, status);
    }
}
