/* The event loop: a thin face over one libevent base, so that libevent's headers stay here.
 *
 * One loop a process, made after the fork, freed last. Invariants: a callback is the last thing its trampoline does,
 * so a timer or a watcher may be freed from inside it; a watcher wants nothing until told. The loop runs even with
 * nothing registered. A timer that is set to a later time fires when it was to fire first, notices, and waits on:
 * deadlines move with every request, nearly always away, and libevent's heap is dearer than the clock. An own timer
 * measures how late timers fire, for the doors to shed load by; times are not cached, so a timer armed behind a slow
 * callback still waits its full time. Not thread-safe: other threads talk to a loop by writing to a descriptor that it
 * watches. */
#include "loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/time.h>

#include "log.h"
#include "wall.h"

#define LAG_EVERY_MS 100u

struct loop_signal {
    struct loop_signal *next;
    struct event *event;
    loop_cb cb;
    void *arg;
};

struct loop {
    struct event_base *base;
    struct event *lag_timer, *turn_timer;
    struct loop_signal *signals;
    int64_t lag_due_mono_ms;
    unsigned lag_ms;
    bool stopped;
};

struct loop_timer {
    struct event *event;
    loop_cb cb;
    void *arg;
    int64_t due_mono_ms;   /* 0: disarmed */
    int64_t fires_mono_ms; /* the event does, at due or before it; 0: it is not pending */
};

struct loop_fd {
    struct loop *loop;
    struct event *event;
    loop_fd_cb cb;
    void *arg;
    int fd;
    bool read, write;
};

static struct timeval to_timeval(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void on_libevent_log(int severity, const char *message)
{
    enum log_level level = severity >= EVENT_LOG_ERR    ? LOG_LEVEL_ERROR
                           : severity == EVENT_LOG_WARN ? LOG_LEVEL_WARN
                                                        : LOG_LEVEL_DEBUG;
    log_line(level, "event=libevent reason=\"%s\"", message);
}

static void arm_lag(struct loop *loop)
{
    struct timeval tv = to_timeval(LAG_EVERY_MS);
    loop->lag_due_mono_ms = mono_now_ms() + LAG_EVERY_MS;
    evtimer_add(loop->lag_timer, &tv);
}

static void on_lag(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop *loop = arg;
    int64_t late = mono_now_ms() - loop->lag_due_mono_ms;
    late = late < 0 ? 0 : late > 3600000 ? 3600000 : late;
    /* A quarter of the new reading; rounding up would never come down to zero again. */
    loop->lag_ms = (unsigned)((3 * (int64_t)loop->lag_ms + late) / 4);
    arm_lag(loop);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg; /* having woken the loop is all it is for */
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();
    if (loop == NULL || config == NULL)
        goto fail;
    event_set_log_callback(on_libevent_log);
    event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
    loop->base = event_base_new_with_config(config);
    if (loop->base == NULL)
        goto fail;
    loop->lag_timer = evtimer_new(loop->base, on_lag, loop);
    loop->turn_timer = evtimer_new(loop->base, on_turn, loop);
    if (loop->lag_timer == NULL || loop->turn_timer == NULL)
        goto fail;
    arm_lag(loop);
    event_config_free(config);
    return loop;
fail:
    if (config != NULL)
        event_config_free(config);
    loop_free(loop);
    return NULL;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    while (loop->signals != NULL) {
        struct loop_signal *s = loop->signals;
        loop->signals = s->next;
        event_free(s->event);
        free(s);
    }
    if (loop->lag_timer != NULL)
        event_free(loop->lag_timer);
    if (loop->turn_timer != NULL)
        event_free(loop->turn_timer);
    if (loop->base != NULL)
        event_base_free(loop->base);
    free(loop);
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped)
        if (event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
            fatal("event=loop_failed");
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
    event_base_loopbreak(loop->base);
}

void loop_turn(struct loop *loop, int timeout_ms)
{
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
    if (timeout_ms <= 0) {
        flags = EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY;
    } else {
        struct timeval tv = to_timeval((unsigned)timeout_ms);
        evtimer_add(loop->turn_timer, &tv);
    }
    if (event_base_loop(loop->base, flags) < 0)
        fatal("event=loop_failed");
    evtimer_del(loop->turn_timer);
}

unsigned loop_lag_ms(const struct loop *loop)
{
    return loop->lag_ms;
}

static void add_timer(struct loop_timer *t, int64_t due_mono_ms, int64_t after_ms)
{
    struct timeval tv = to_timeval((unsigned)after_ms);
    t->due_mono_ms = t->fires_mono_ms = due_mono_ms;
    if (evtimer_add(t->event, &tv) != 0)
        fatal("event=timer_failed");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_timer *t = arg;
    bool moved = t->due_mono_ms != t->fires_mono_ms;
    t->fires_mono_ms = 0;
    if (t->due_mono_ms == 0)
        return;
    int64_t left = moved ? t->due_mono_ms - mono_now_ms() : 0;
    if (left > 0) {
        add_timer(t, t->due_mono_ms, left);
        return;
    }
    t->due_mono_ms = 0;
    t->cb(t->arg); /* may free t */
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_cb cb, void *arg)
{
    struct loop_timer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->cb = cb;
    t->arg = arg;
    t->event = evtimer_new(loop->base, on_timer, t);
    if (t->event == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

void loop_timer_arm(struct loop_timer *t, unsigned after_ms)
{
    int64_t now_mono_ms = mono_now_ms(), due_mono_ms = now_mono_ms + after_ms;
    if (after_ms == 0 && t->due_mono_ms != 0 && t->due_mono_ms <= now_mono_ms)
        return; /* due already: armed anew before its callback in every turn, it would never fire */
    if (t->fires_mono_ms == 0 || t->fires_mono_ms >= due_mono_ms)
        add_timer(t, due_mono_ms, after_ms);
    else
        t->due_mono_ms = due_mono_ms + 1; /* what is left will be counted in whole milliseconds */
}

void loop_timer_disarm(struct loop_timer *t)
{
    t->due_mono_ms = 0;
}

void loop_timer_free(struct loop_timer *t)
{
    if (t == NULL)
        return;
    event_free(t->event);
    free(t);
}

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct loop_fd *w = arg;
    w->cb(w->arg, (what & EV_READ) != 0, (what & EV_WRITE) != 0); /* may free w */
}

struct loop_fd *loop_fd_new(struct loop *loop, int fd, loop_fd_cb cb, void *arg)
{
    struct loop_fd *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->loop = loop;
    w->fd = fd;
    w->cb = cb;
    w->arg = arg;
    w->event = event_new(loop->base, fd, EV_PERSIST, on_fd, w);
    if (w->event == NULL) {
        free(w);
        return NULL;
    }
    return w;
}

void loop_fd_want(struct loop_fd *w, bool read, bool write)
{
    if (w->read == read && w->write == write)
        return;
    event_del(w->event);
    w->read = read;
    w->write = write;
    if (!read && !write)
        return;
    short what = (short)(EV_PERSIST | (read ? EV_READ : 0) | (write ? EV_WRITE : 0));
    if (event_assign(w->event, w->loop->base, w->fd, what, on_fd, w) != 0 || event_add(w->event, NULL) != 0)
        fatal("event=watch_failed fd=%d", w->fd);
}

void loop_fd_free(struct loop_fd *w)
{
    if (w == NULL)
        return;
    event_free(w->event);
    free(w);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_signal *s = arg;
    s->cb(s->arg);
}

bool loop_on_signal(struct loop *loop, int signum, loop_cb cb, void *arg)
{
    struct loop_signal *s = calloc(1, sizeof *s);
    if (s == NULL)
        return false;
    s->cb = cb;
    s->arg = arg;
    s->event = evsignal_new(loop->base, signum, on_signal, s);
    if (s->event == NULL || evsignal_add(s->event, NULL) != 0) {
        if (s->event != NULL)
            event_free(s->event);
        free(s);
        return false;
    }
    s->next = loop->signals;
    loop->signals = s;
    return true;
}
