/* The loop: frees from own callbacks, stops, signals, lag. No test waits for a fixed time. */
#include "loop.h"
#include "unit.h"
#include "wall.h"

#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct loop *loop;
static struct loop_timer *timer, *other;
static struct loop_fd *watch, *second;
static int pair[2], calls, reads, writes;

static void turn_until(const int *value, int wanted)
{
    int64_t deadline = mono_now_ms() + 10000;
    while (*value < wanted && mono_now_ms() < deadline)
        loop_turn(loop, 50);
    ck_assert_int_ge(*value, wanted);
}

static void open_all(void)
{
    calls = reads = writes = 0;
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_all(void)
{
    close(pair[0]);
    close(pair[1]);
    loop_free(loop);
}

static void on_free_self(void *arg)
{
    calls++;
    loop_timer_free(*(struct loop_timer **)arg);
}

static void on_repeat(void *arg)
{
    (void)arg;
    if (++calls < 5)
        loop_timer_arm(timer, 1);
    else
        loop_stop(loop);
}

START_TEST(timers)
{
    open_all();
    timer = loop_timer_new(loop, on_free_self, &timer);
    loop_timer_arm(timer, 0);
    turn_until(&calls, 1);
    calls = 0;
    timer = loop_timer_new(loop, on_repeat, NULL);
    other = loop_timer_new(loop, on_repeat, NULL);
    loop_timer_arm(other, 0);
    loop_timer_disarm(other);
    loop_timer_arm(timer, 1);
    loop_run(loop);
    ck_assert_int_eq(calls, 5);
    loop_timer_free(timer);
    loop_timer_arm(other, 3600000);
    loop_timer_free(other); /* armed */
    loop_timer_free(NULL);
    close_all();
}
END_TEST

static void on_slow(void *arg)
{
    (void)arg;
    int64_t until = mono_now_ms() + 120;
    while (mono_now_ms() < until)
        ;
    loop_timer_arm(other, 100);
    *(int64_t *)arg = mono_now_ms();
}

static void on_count(void *arg)
{
    *(int64_t *)arg = mono_now_ms();
    calls++;
}

START_TEST(a_timer_armed_after_slow_work_waits_its_full_time)
{
    int64_t armed = 0, fired = 0;
    open_all();
    timer = loop_timer_new(loop, on_slow, &armed);
    other = loop_timer_new(loop, on_count, &fired);
    loop_timer_arm(timer, 0);
    turn_until(&calls, 1);
    struct timespec tick; /* libevent reads the coarse clock, which may be one tick behind when the timer is armed */
    ck_assert_int_eq(clock_getres(CLOCK_MONOTONIC_COARSE, &tick), 0);
    ck_assert_int_ge(fired - armed, 99 - (tick.tv_nsec + 999999) / 1000000);
    loop_timer_free(timer);
    loop_timer_free(other);
    close_all();
}
END_TEST

static void on_readable(void *arg, bool readable, bool writable)
{
    (void)arg;
    (void)writable;
    reads += readable;
    loop_timer_arm(timer, 0);
}

/* Descriptors come before timers in a turn: work that is put off in every one of them is done all the same. */
START_TEST(a_timer_armed_in_every_turn_fires)
{
    int64_t fired = 0;
    open_all();
    timer = loop_timer_new(loop, on_count, &fired);
    watch = loop_fd_new(loop, pair[0], on_readable, NULL);
    loop_fd_want(watch, true, false);
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    turn_until(&calls, 20);
    ck_assert_int_ge(reads, calls);
    loop_fd_free(watch);
    loop_timer_free(timer);
    close_all();
}
END_TEST

/* Moved away, nearer, off and on again: never before its time, and once. */
START_TEST(a_timer_that_moves_fires_when_it_is_due)
{
    static const unsigned moves[][3] = {{5, 40, 90}, {90, 40, 5}, {5, 90, 30}, {40, 40, 40}, {0, 30, 0}};
    struct timespec tick;
    ck_assert_int_eq(clock_getres(CLOCK_MONOTONIC_COARSE, &tick), 0);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        int64_t fired = 0;
        open_all();
        timer = loop_timer_new(loop, on_count, &fired);
        loop_timer_arm(timer, moves[i][0]);
        loop_timer_disarm(timer);
        loop_timer_arm(timer, moves[i][1]);
        loop_timer_arm(timer, moves[i][2]);
        int64_t due = mono_now_ms() + moves[i][2];
        turn_until(&calls, 1);
        ck_assert_int_ge(fired - due, -2 - (tick.tv_nsec + 999999) / 1000000);
        while (mono_now_ms() < due + 100)
            loop_turn(loop, 20);
        ck_assert_int_eq(calls, 1);
        loop_timer_free(timer);
        close_all();
    }
}
END_TEST

static void on_io(void *arg, bool readable, bool writable)
{
    (void)arg;
    reads += readable;
    writes += writable;
}

static void on_io_free(void *arg, bool readable, bool writable)
{
    (void)arg;
    ck_assert(readable && writable);
    calls++;
    loop_fd_free(watch);
    watch = NULL;
}

/* Frees the other watcher, which is ready in the same turn. */
static void on_io_free_both(void *arg, bool readable, bool writable)
{
    (void)arg;
    (void)readable;
    (void)writable;
    calls++;
    loop_fd_free(watch);
    loop_fd_free(second);
}

START_TEST(watchers_want_what_they_want)
{
    open_all();
    watch = loop_fd_new(loop, pair[0], on_io, NULL);
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 0);
    ck_assert_int_eq(reads + writes, 0); /* nothing wanted yet */
    loop_fd_want(watch, true, false);
    turn_until(&reads, 2); /* level, not edge */
    ck_assert_int_eq(writes, 0);
    loop_fd_want(watch, false, true);
    reads = 0;
    turn_until(&writes, 1);
    ck_assert_int_eq(reads, 0);
    loop_fd_want(watch, false, false);
    writes = 0;
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 0);
    ck_assert_int_eq(reads + writes, 0);
    loop_fd_want(watch, true, true);
    loop_fd_want(watch, true, true);
    turn_until(&writes, 1);
    loop_fd_free(watch);
    loop_fd_free(NULL);
    close_all();
}
END_TEST

START_TEST(watchers_free_themselves_and_each_other)
{
    open_all();
    watch = loop_fd_new(loop, pair[0], on_io_free, NULL);
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    loop_fd_want(watch, true, true);
    turn_until(&calls, 1);
    loop_turn(loop, 0);
    ck_assert_int_eq(calls, 1);
    calls = 0;
    watch = loop_fd_new(loop, pair[0], on_io_free_both, NULL);
    second = loop_fd_new(loop, pair[1], on_io_free_both, NULL);
    loop_fd_want(watch, false, true);
    loop_fd_want(second, false, true);
    turn_until(&calls, 1);
    loop_turn(loop, 0);
    ck_assert_int_eq(calls, 1);
    close_all();
}
END_TEST

START_TEST(a_closed_peer_is_readable)
{
    open_all();
    watch = loop_fd_new(loop, pair[0], on_io, NULL);
    loop_fd_want(watch, true, false);
    close(pair[1]);
    turn_until(&reads, 1);
    loop_fd_free(watch);
    pair[1] = dup(pair[0]);
    close_all();
}
END_TEST

static void on_signal(void *arg)
{
    (*(int *)arg)++;
    loop_stop(loop);
}

START_TEST(signals_and_stop)
{
    open_all();
    ck_assert(loop_on_signal(loop, SIGUSR1, on_signal, &calls));
    ck_assert(!loop_on_signal(loop, -5, on_signal, &calls));
    ck_assert_int_eq(raise(SIGUSR1), 0);
    loop_run(loop);
    ck_assert_int_eq(calls, 1);
    loop_stop(loop); /* before the run: it returns at once */
    loop_run(loop);
    close_all();
}
END_TEST

static void on_block(void *arg)
{
    int64_t until = mono_now_ms() + 400;
    while (mono_now_ms() < until)
        ;
    (*(int *)arg)++;
}

START_TEST(lag_rises_and_falls)
{
    int64_t deadline = mono_now_ms() + 20000;
    open_all();
    ck_assert_uint_eq(loop_lag_ms(loop), 0);
    timer = loop_timer_new(loop, on_block, &calls);
    loop_timer_arm(timer, 0);
    turn_until(&calls, 1);
    while (loop_lag_ms(loop) < 50 && mono_now_ms() < deadline)
        loop_turn(loop, 50);
    unsigned peak = loop_lag_ms(loop);
    ck_assert_uint_ge(peak, 50);
    while (loop_lag_ms(loop) > peak / 2 && mono_now_ms() < deadline)
        loop_turn(loop, 50);
    ck_assert_uint_le(loop_lag_ms(loop), peak / 2);
    loop_timer_free(timer);
    close_all();
}
END_TEST

START_TEST(a_turn_without_events_ends)
{
    open_all();
    int64_t start = mono_now_ms();
    loop_turn(loop, 0);
    loop_turn(loop, -1);
    loop_turn(loop, 20);
    ck_assert_int_lt(mono_now_ms() - start, 10000);
    close_all();
    loop_free(NULL);
}
END_TEST

UNIT_MAIN("base/loop", timers, a_timer_armed_after_slow_work_waits_its_full_time,
          a_timer_armed_in_every_turn_fires, a_timer_that_moves_fires_when_it_is_due, watchers_want_what_they_want,
          watchers_free_themselves_and_each_other, a_closed_peer_is_readable, signals_and_stop, lag_rises_and_falls,
          a_turn_without_events_ends)
