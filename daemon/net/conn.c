/* One stream connection, plain or TLS, over a watched socket (wire.c has its bytes).
 *
 * Place in the flow: listener.c accepts and calls conn_accept; after the handshake the owner (the door's HTTP) gets
 * bytes through on_bytes and answers through conn_write.
 *
 * Invariants
 *  - States move only through set_state; a connection that is DEAD calls nobody back and is freed by the listener's
 *    reaper at the end of the loop turn, so that every function on the stack may still look at it.
 *  - The socket is read even while the owner has paused, up to INPUT_MAX bytes: only a socket that is read tells that
 *    its peer has left. Once those bytes are full, reading is off and a timer asks the kernel instead (poll for RDHUP),
 *    because an epoll registration for closing alone is not told of errors by libevent 2.1. An owner that wants more
 *    than INPUT_MAX bytes at once loses the connection.
 *  - Bytes that came with the end of the stream are offered before it is told.
 *  - conn_write, conn_resume and conn_close_after_write only note what is to be done; conn_work does it, later in the
 *    loop's turn, for all connections together: what is written by then leaves in one piece, and nobody is called back
 *    from inside his own call. TLS 1.3's ticket waits for the first answer, if its request is there.
 *  - What waits to be written is bounded by OUTPUT_MAX; of all together by the owner, who asks conn_has_room.
 *  - Closing after a write is lingering: when all is written (within the owner's deadline) our side is shut
 *    (close_notify, FIN), the peer's bytes are thrown away until it closes, too, or LINGER_MS or LINGER_MAX is reached. Closing with unread bytes would make the kernel send a
 *    reset that destroys the answer on its way.
 *
 * It does not know HTTP, and has no deadline but the handshake's and the closing one. Threads: the loop's only. */
#include "conn_private.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "counter.h"
#include "log.h"
#include "loop.h"
#include "wire.h"

#define INPUT_MAX ((size_t)64 << 10)
#define RECORD_MAX ((size_t)16 << 10) /* begun in an earlier read, a record of TLS brings so much more than was read */
#define OUTPUT_MAX ((size_t)1 << 20)
#define WIRE_MAX (2 * OUTPUT_MAX) /* the same under TLS, and its alerts */
#define LINGER_MAX ((size_t)8 << 20)
#define LINGER_MS 5000u
#define WATCH_MS 200u

enum conn_state {
    CONN_HANDSHAKE, /* TLS only */
    CONN_OPEN,
    CONN_FLUSHING,  /* the owner is done with it; output goes out */
    CONN_LINGERING, /* our side is shut; waiting for the peer's */
    CONN_DEAD
};

struct conn {
    struct listener *listener;
    struct wire wire;
    struct loop_fd *watch;
    struct buf in; /* not consumed yet, from in_at on */
    size_t in_at;
    size_t counted; /* of the wire's output, in the listener's sum: all but a ticket that waits for the first answer */
    enum conn_state state;
    bool paused;
    bool reading, writing; /* what the socket is watched for */
    bool delivering; /* on_bytes is on the stack */
    bool offer;      /* conn_work is to offer what is unread */
    bool over;       /* the peer will send no more */
    struct conn_callbacks cbs;
    void *arg;
    struct loop_timer *timer; /* handshake deadline, then the watch while paused, then the closing deadline */
    unsigned close_ms; /* the owner's deadline for closing */
    size_t lingered;
    struct sockaddr_storage peer;
    struct address *address;
    struct conn_link link;
    struct conn_todo todo;
};

static const char *state_name(enum conn_state s)
{
    static const char *const names[] = {"handshake", "open", "flushing", "lingering", "dead"};
    return names[s];
}

static void set_state(struct conn *c, enum conn_state to)
{
    static const unsigned legal[] = {
        [CONN_HANDSHAKE] = 1u << CONN_OPEN | 1u << CONN_DEAD,
        [CONN_OPEN] = 1u << CONN_FLUSHING | 1u << CONN_DEAD,
        [CONN_FLUSHING] = 1u << CONN_LINGERING | 1u << CONN_DEAD,
        [CONN_LINGERING] = 1u << CONN_DEAD,
        [CONN_DEAD] = 0,
    };
    if ((legal[c->state] & 1u << to) == 0)
        fatal("event=conn_state from=%s to=%s reason=illegal_move", state_name(c->state), state_name(to));
    log_debug("event=conn_state from=%s to=%s", state_name(c->state), state_name(to));
    if (c->state == CONN_HANDSHAKE)
        listener_handshake_ended(c->listener, c->address);
    c->state = to;
}

static size_t unread(const struct conn *c)
{
    return c->in.len - c->in_at;
}

static void read_on(struct conn *c, bool on)
{
    c->reading = on;
    loop_fd_want(c->watch, c->reading, c->writing);
}

static void write_on(struct conn *c, bool on)
{
    c->writing = on;
    loop_fd_want(c->watch, c->reading, c->writing);
}

static void count_output(struct conn *c)
{
    listener_output_changed(c->listener, c->wire.out.len, c->counted);
    c->counted = c->wire.out.len;
}

static void bury(struct conn *c)
{
    set_state(c, CONN_DEAD);
    loop_timer_disarm(c->timer);
    c->reading = false;
    write_on(c, false);
    listener_bury(c->listener, c);
}

static void tell_closed(struct conn *c, const char *why)
{
    void (*on_closed)(void *, const char *) = c->cbs.on_closed;
    void *arg = c->arg;
    bury(c);
    if (on_closed != NULL)
        on_closed(arg, why);
}

/* ---- reading ---- */

/* Paused with a full input: stop reading, ask the kernel now and then whether the peer is still there. */
static void watch_if_full(struct conn *c)
{
    if (unread(c) < INPUT_MAX)
        return;
    read_on(c, false);
    loop_timer_arm(c->timer, WATCH_MS);
}

static void forget_consumed(struct conn *c)
{
    buf_drain(&c->in, c->in_at);
    c->in_at = 0;
    if (c->in.len == 0)
        buf_fini(&c->in);
}

/* Offers what is unread until the owner pauses, closes or wants more bytes. A bound on rounds keeps one peer's
 * pipelined requests from holding the loop. */
static void deliver(struct conn *c)
{
    if (c->delivering)
        return;
    c->delivering = true;
    for (unsigned round = 0; c->state == CONN_OPEN && !c->paused && unread(c) > 0; round++) {
        if (round == 32 && !c->over) { /* behind the end nobody would offer the rest again */
            c->offer = true;
            listener_soon(c->listener, c);
            break;
        }
        size_t len = unread(c);
        size_t used = c->cbs.on_bytes(c->arg, c->in.data + c->in_at, len);
        c->in_at += used < len ? used : len;
        if (used == 0 && len >= INPUT_MAX && c->state == CONN_OPEN && !c->paused)
            tell_closed(c, "overflow");
        if (used == 0)
            break;
    }
    c->delivering = false;
    forget_consumed(c);
}

static void throw_away(struct conn *c, size_t len)
{
    c->lingered += len;
    if (c->lingered > LINGER_MAX)
        bury(c);
}

/* The peer sends no more, or (error) takes no more either. */
static void end(struct conn *c, bool error)
{
    c->over = true;
    read_on(c, false);
    if (error)
        (void)wire_flush(&c->wire); /* an alert that says why */
    if (c->state == CONN_OPEN)
        deliver(c);
    switch (c->state) {
    case CONN_HANDSHAKE:
        counter_inc(C_HANDSHAKE_FAILED);
        bury(c);
        break;
    case CONN_OPEN:
        tell_closed(c, error ? "error" : "eof");
        break;
    case CONN_FLUSHING: /* who half-closed may still read his answer */
        if (error)
            bury(c);
        break;
    case CONN_LINGERING:
        bury(c);
        break;
    case CONN_DEAD:
        break;
    }
}

/* ---- writing ---- */

/* Everything is written: shut our side, keep reading the peer's. */
static void start_linger(struct conn *c)
{
    set_state(c, CONN_LINGERING);
    wire_say_end(&c->wire);
    (void)wire_flush(&c->wire);
    count_output(c);
    shutdown(c->wire.fd, SHUT_WR);
    loop_timer_arm(c->timer, c->close_ms < LINGER_MS ? c->close_ms : LINGER_MS);
    if (c->over)
        bury(c);
    else
        throw_away(c, unread(c));
}

static void flush(struct conn *c)
{
    bool waited = c->wire.out.len > 0;
    enum wire_result r = wire_flush(&c->wire);
    count_output(c);
    if (r == WIRE_ERROR) {
        end(c, true);
        return;
    }
    if (c->writing != (r == WIRE_WAIT))
        write_on(c, r == WIRE_WAIT);
    if (r == WIRE_WAIT)
        return;
    if (c->state == CONN_FLUSHING)
        start_linger(c);
    else if (c->state == CONN_OPEN && waited && c->cbs.on_drained != NULL)
        c->cbs.on_drained(c->arg);
}

/* ---- what happens ---- */

static void handshake_done(struct conn *c)
{
    loop_timer_disarm(c->timer);
    set_state(c, CONN_OPEN);
    listener_hand_over(c->listener, c);
}

/* What was fetched in an open connection goes to the owner. When that begins nothing, a ticket waits no longer: a phone
 * that sends small pieces one by one (Nagle) keeps its request until the ticket's segment acknowledges what it sent last, which
 * the kernel alone does 40 ms later. */
static void take(struct conn *c)
{
    enum wire_result r = wire_take(&c->wire, &c->in);
    size_t offered = unread(c);
    if (r != WIRE_DONE)
        end(c, r == WIRE_ERROR);
    else if (c->paused)
        watch_if_full(c);
    else
        deliver(c);
    bool begun = c->paused || unread(c) < offered;
    if (c->state != CONN_DEAD && c->wire.out.len > 0 && (!begun || !wire_may_rest(&c->wire)))
        listener_soon(c->listener, c);
}

static void shake(struct conn *c)
{
    enum wire_result r = wire_shake(&c->wire);
    if (r == WIRE_END || r == WIRE_ERROR) {
        end(c, true);
        return;
    }
    if (!wire_may_rest(&c->wire))
        flush(c);
    if (c->state == CONN_HANDSHAKE && r == WIRE_DONE)
        handshake_done(c);
    if (c->state == CONN_OPEN)
        take(c);
}

static void on_readable(struct conn *c)
{
    bool open = c->state == CONN_OPEN;
    if (open && unread(c) >= INPUT_MAX) { /* conn_work is about to offer it, or nobody wants it now */
        if (c->paused)
            watch_if_full(c);
        return;
    }
    enum wire_result r = wire_fetch(&c->wire, open ? INPUT_MAX - unread(c) : INPUT_MAX);
    if (r == WIRE_WAIT)
        return;
    if (r != WIRE_DONE)
        end(c, r == WIRE_ERROR);
    else if (c->state == CONN_HANDSHAKE)
        shake(c);
    else if (open)
        take(c);
    else
        throw_away(c, wire_drop(&c->wire));
}

void conn_work(struct conn *c)
{
    bool offer = c->offer;
    c->offer = false;
    if (offer && c->state == CONN_OPEN)
        deliver(c);
    if (c->state == CONN_FLUSHING || (c->state == CONN_OPEN && c->wire.out.len > 0))
        flush(c);
}

static void on_ready(void *arg, bool readable, bool writable)
{
    struct conn *c = arg;
    if (writable && c->state != CONN_DEAD)
        flush(c);
    if (readable && c->state != CONN_DEAD)
        on_readable(c);
}

static bool peer_left(const struct conn *c)
{
    struct pollfd p = {.fd = c->wire.fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void on_timer(void *arg)
{
    struct conn *c = arg;
    switch (c->state) {
    case CONN_HANDSHAKE:
        counter_inc(C_TIMEOUT_HANDSHAKE);
        bury(c);
        break;
    case CONN_OPEN:
        if (!c->paused)
            break;
        if (peer_left(c))
            tell_closed(c, "left");
        else
            loop_timer_arm(c->timer, WATCH_MS);
        break;
    case CONN_FLUSHING:
        counter_inc(C_TIMEOUT_ANSWER);
        bury(c);
        break;
    case CONN_LINGERING:
        bury(c);
        break;
    case CONN_DEAD:
        break;
    }
}

struct conn *conn_accept(struct listener *l, int fd, const struct sockaddr_storage *peer, struct address *address)
{
    void *ctx = listener_ssl_ctx(l);
    struct conn *c = calloc(1, sizeof *c);
    if (c == NULL || !wire_init(&c->wire, fd, ctx, WIRE_MAX)) {
        if (c == NULL)
            close(fd);
        free(c);
        return NULL;
    }
    c->listener = l;
    c->peer = *peer;
    c->address = address;
    c->state = ctx != NULL ? CONN_HANDSHAKE : CONN_OPEN;
    buf_init(&c->in, INPUT_MAX + RECORD_MAX);
    c->timer = loop_timer_new(listener_loop(l), on_timer, c);
    c->watch = loop_fd_new(listener_loop(l), fd, on_ready, c);
    if (c->timer == NULL || c->watch == NULL) {
        conn_reap(c);
        return NULL;
    }
    if (ctx != NULL)
        loop_timer_arm(c->timer, listener_handshake_timeout_ms(l));
    read_on(c, true);
    return c;
}

void conn_reap(struct conn *c)
{
    listener_output_changed(c->listener, 0, c->counted);
    loop_fd_free(c->watch);
    wire_fini(&c->wire);
    buf_fini(&c->in);
    loop_timer_free(c->timer);
    free(c);
}

struct conn_link *conn_link(struct conn *c)
{
    return &c->link;
}

struct conn_todo *conn_todo(struct conn *c)
{
    return &c->todo;
}

struct address *conn_address(const struct conn *c)
{
    return c->address;
}

void conn_set_callbacks(struct conn *c, const struct conn_callbacks *cbs, void *arg)
{
    c->cbs = *cbs;
    c->arg = arg;
}

bool conn_write(struct conn *c, const void *bytes, size_t len)
{
    if (c->state != CONN_OPEN || conn_queued(c) + len > OUTPUT_MAX)
        return false;
    bool ok = wire_write(&c->wire, bytes, len);
    count_output(c);
    listener_soon(c->listener, c);
    return ok;
}

bool conn_has_room(const struct conn *c, size_t len)
{
    return listener_has_room(c->listener, len);
}

size_t conn_queued(const struct conn *c)
{
    return c->counted;
}

void conn_pause(struct conn *c)
{
    if (c->state != CONN_OPEN || c->paused)
        return;
    c->paused = true;
    watch_if_full(c);
}

void conn_resume(struct conn *c)
{
    if (c->state != CONN_OPEN || !c->paused)
        return;
    c->paused = false;
    loop_timer_disarm(c->timer);
    if (!c->reading)
        read_on(c, true);
    if (unread(c) == 0)
        return;
    c->offer = true; /* not now: the caller is often deep inside an answer, and on_bytes may begin the next request */
    listener_soon(c->listener, c);
}

void conn_close(struct conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    if (c->state == CONN_OPEN && c->wire.ssl != NULL) {
        wire_say_end(&c->wire);
        (void)wire_flush(&c->wire);
    }
    bury(c);
}

void conn_reset(struct conn *c)
{
    static const struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (c->state == CONN_DEAD)
        return;
    setsockopt(c->wire.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    bury(c);
}

void conn_close_after_write(struct conn *c, unsigned deadline_ms)
{
    if (c->state != CONN_OPEN)
        return;
    set_state(c, CONN_FLUSHING);
    c->close_ms = deadline_ms;
    loop_timer_arm(c->timer, deadline_ms);
    if (!c->reading && !c->over)
        read_on(c, true);
    listener_soon(c->listener, c);
}

const struct sockaddr *conn_peer(const struct conn *c)
{
    return (const struct sockaddr *)&c->peer;
}

struct net_block conn_from(const struct conn *c)
{
    return address_block(c->address);
}
