/* The event loop: libevent's timers, descriptors and signals. One per process. */
#ifndef HADIR_LOOP_H
#define HADIR_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_fd;

typedef void (*loop_cb)(void *arg);
typedef void (*loop_fd_cb)(void *arg, bool readable, bool writable);

struct loop *loop_new(void); /* NULL when memory is short */
void loop_free(struct loop *loop);
void loop_run(struct loop *loop);  /* until loop_stop */
void loop_stop(struct loop *loop);
/* One turn; waits at most timeout_ms for something to happen. For tests and command line tools. */
void loop_turn(struct loop *loop, int timeout_ms);
/* How late timers fire, in ms, smoothed: the measure by which doors pause accepting. */
unsigned loop_lag_ms(const struct loop *loop);

/* One-shot; arm again from the callback to repeat. Free may be called from its own callback. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_cb cb, void *arg);
void loop_timer_arm(struct loop_timer *t, unsigned after_ms);
void loop_timer_disarm(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Watches fd, which the caller keeps owning; starts with neither direction wanted. */
struct loop_fd *loop_fd_new(struct loop *loop, int fd, loop_fd_cb cb, void *arg);
void loop_fd_want(struct loop_fd *w, bool read, bool write);
void loop_fd_free(struct loop_fd *w);

/* Calls cb(arg) in the loop when the signal arrives. Lives as long as the loop. */
bool loop_on_signal(struct loop *loop, int signum, loop_cb cb, void *arg);

#endif
