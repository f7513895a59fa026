/* One stream connection, plain or TLS: a libevent bufferevent with the traps taken out.
 *
 * Place in the flow: listener.c accepts and calls conn_accept; after the handshake the owner (the door's HTTP) gets
 * bytes through on_bytes and answers through conn_write.
 *
 * Invariants
 *  - States move only through set_state; a connection that is DEAD calls nobody back and is freed by the listener's
 *    reaper at the end of the loop turn, so that every function on the stack may still look at it.
 *  - The socket is read even while the owner has paused, up to INPUT_MAX bytes: only a socket that is read tells that
 *    its peer has left. Once those bytes are full, reading is off (libevent 2.1 would call on_read in a circle) and a
 *    timer asks the kernel instead (poll for RDHUP), because an epoll registration for closing alone is not told of
 *    errors by libevent 2.1. An owner that wants more than INPUT_MAX bytes at once loses the connection.
 *  - libevent's TLS reports the end of the stream before the bytes that came with it: they are offered first.
 *  - What waits to be written is bounded by OUTPUT_MAX; of all together by the owner, who asks conn_has_room.
 *  - Closing after a write is lingering: when all is written (within the owner's deadline) our side is shut
 *    (close_notify, FIN), the peer's bytes are thrown away until it closes, too, or LINGER_MS or LINGER_MAX is reached. Closing with unread bytes would make the kernel send a
 *    reset that destroys the answer on its way.
 *
 * It does not know HTTP, and has no deadline but the handshake's and the closing one. Threads: the loop's only. */
#include "conn_private.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "counter.h"
#include "log.h"
#include "loop.h"

#define INPUT_MAX ((size_t)64 << 10)
#define OUTPUT_MAX ((size_t)1 << 20)
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
    struct bufferevent *bev;
    SSL *ssl; /* owned by bev; NULL when plain */
    enum conn_state state;
    bool paused;
    bool delivering; /* on_bytes is on the stack */
    bool over;       /* the peer will send no more */
    struct conn_callbacks cbs;
    void *arg;
    struct loop_timer *timer; /* handshake deadline, then the watch while paused, then the closing deadline */
    unsigned close_ms; /* the owner's deadline for closing */
    size_t lingered;
    struct sockaddr_storage peer;
    struct address *address;
    struct conn_link link;
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

static void bury(struct conn *c)
{
    set_state(c, CONN_DEAD);
    loop_timer_disarm(c->timer);
    bufferevent_disable(c->bev, EV_READ | EV_WRITE);
    bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
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

/* Paused with a full input: stop reading, ask the kernel now and then whether the peer is still there. */
static void watch_if_full(struct conn *c)
{
    if (evbuffer_get_length(bufferevent_get_input(c->bev)) < INPUT_MAX)
        return;
    bufferevent_disable(c->bev, EV_READ);
    loop_timer_arm(c->timer, WATCH_MS);
}

/* Offers what is unread until the owner pauses, closes or wants more bytes. A bound on rounds keeps one peer's
 * pipelined requests from holding the loop. */
static void deliver(struct conn *c)
{
    if (c->delivering)
        return;
    struct evbuffer *in = bufferevent_get_input(c->bev);
    c->delivering = true;
    for (unsigned round = 0; c->state == CONN_OPEN && !c->paused && evbuffer_get_length(in) > 0; round++) {
        if (round == 32 && !c->over) { /* behind the end nobody would offer the rest again */
            bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
            break;
        }
        size_t len = evbuffer_get_length(in);
        const uint8_t *bytes = evbuffer_pullup(in, -1);
        if (bytes == NULL) {
            tell_closed(c, "memory");
            break;
        }
        size_t used = c->cbs.on_bytes(c->arg, bytes, len);
        evbuffer_drain(in, used < len ? used : len);
        if (used == 0 && len >= INPUT_MAX && c->state == CONN_OPEN && !c->paused)
            tell_closed(c, "overflow");
        if (used == 0)
            break;
    }
    c->delivering = false;
}

static void throw_input_away(struct conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    size_t len = evbuffer_get_length(in);
    evbuffer_drain(in, len);
    c->lingered += len;
    if (c->lingered > LINGER_MAX)
        bury(c);
}

/* Everything is written: shut our side, keep reading the peer's. */
static void start_linger(struct conn *c)
{
    set_state(c, CONN_LINGERING);
    if (c->ssl != NULL) {
        ERR_clear_error();
        SSL_shutdown(c->ssl);
        ERR_clear_error(); /* else the next read of this loop would inherit the error */
    }
    shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    loop_timer_arm(c->timer, c->close_ms < LINGER_MS ? c->close_ms : LINGER_MS);
    if (c->over)
        bury(c);
    else
        throw_input_away(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct conn *c = arg;
    if (c->state == CONN_FLUSHING || c->state == CONN_LINGERING)
        throw_input_away(c);
    else if (c->state == CONN_OPEN && !c->paused)
        deliver(c);
    else if (c->state == CONN_OPEN)
        watch_if_full(c);
}

static void on_write(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    if (evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        return;
    if (c->state == CONN_FLUSHING)
        start_linger(c);
    else if (c->state == CONN_OPEN && c->cbs.on_drained != NULL)
        c->cbs.on_drained(c->arg);
}

static void handshake_done(struct conn *c)
{
    loop_timer_disarm(c->timer);
    set_state(c, CONN_OPEN);
    listener_hand_over(c->listener, c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    struct conn *c = arg;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        if (c->state == CONN_HANDSHAKE)
            handshake_done(c);
        return;
    }
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0)
        return;
    c->over = true;
    if (c->state == CONN_OPEN)
        deliver(c);
    switch (c->state) {
    case CONN_HANDSHAKE:
        counter_inc(C_HANDSHAKE_FAILED);
        bury(c);
        break;
    case CONN_OPEN:
        tell_closed(c, (what & BEV_EVENT_ERROR) != 0 ? "error" : "eof");
        break;
    case CONN_FLUSHING:
        /* A plain peer that half-closed may still read its answer; after TLS's end libevent writes no more. */
        if (c->ssl != NULL || (what & (BEV_EVENT_ERROR | BEV_EVENT_WRITING)) != 0)
            bury(c);
        break;
    case CONN_LINGERING:
        bury(c);
        break;
    case CONN_DEAD:
        break;
    }
}

static bool peer_left(const struct conn *c)
{
    struct pollfd p = {.fd = bufferevent_getfd(c->bev), .events = POLLRDHUP};
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

static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
    (void)out;
    const struct conn *c = arg;
    listener_output_changed(c->listener, info->n_added, info->n_deleted);
}

static struct bufferevent *make_tls(struct conn *c, struct event_base *base, SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);
    if (ssl == NULL)
        return NULL;
    SSL_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    struct bufferevent *bev =
        bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev == NULL) {
        SSL_free(ssl);
        return NULL;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    c->ssl = ssl;
    return bev;
}

struct conn *conn_accept(struct listener *l, int fd, const struct sockaddr_storage *peer, struct address *address)
{
    SSL_CTX *ctx = listener_ssl_ctx(l);
    struct event_base *base = loop_event_base(listener_loop(l));
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        goto fail;
    c->listener = l;
    c->peer = *peer;
    c->address = address;
    c->state = ctx != NULL ? CONN_HANDSHAKE : CONN_OPEN;
    c->timer = loop_timer_new(listener_loop(l), on_timer, c);
    if (c->timer == NULL)
        goto fail;
    c->bev = ctx != NULL ? make_tls(c, base, ctx, fd) : bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (c->bev == NULL)
        goto fail;
    if (evbuffer_add_cb(bufferevent_get_output(c->bev), on_output, c) == NULL) {
        bufferevent_free(c->bev); /* and with it the socket */
        fd = -1;
        goto fail;
    }
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
    if (ctx != NULL)
        loop_timer_arm(c->timer, listener_handshake_timeout_ms(l));
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    return c;
fail:
    if (c != NULL && c->timer != NULL)
        loop_timer_free(c->timer);
    free(c);
    if (fd >= 0)
        close(fd);
    return NULL;
}

void conn_reap(struct conn *c)
{
    listener_output_changed(c->listener, 0, conn_queued(c));
    evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
    bufferevent_free(c->bev);
    loop_timer_free(c->timer);
    free(c);
}

struct conn_link *conn_link(struct conn *c)
{
    return &c->link;
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
    return bufferevent_write(c->bev, bytes, len) == 0;
}

bool conn_has_room(const struct conn *c, size_t len)
{
    return listener_has_room(c->listener, len);
}

size_t conn_queued(const struct conn *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->bev));
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
    bufferevent_enable(c->bev, EV_READ);
    /* Deferred: the caller is often deep inside an answer, and on_bytes may begin the next request. */
    if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
        bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void conn_close(struct conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    if (c->state == CONN_OPEN && c->ssl != NULL) {
        ERR_clear_error();
        SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    bury(c);
}

void conn_reset(struct conn *c)
{
    static const struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (c->state == CONN_DEAD)
        return;
    setsockopt(bufferevent_getfd(c->bev), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    bury(c);
}

void conn_close_after_write(struct conn *c, unsigned deadline_ms)
{
    if (c->state != CONN_OPEN)
        return;
    set_state(c, CONN_FLUSHING);
    c->close_ms = deadline_ms;
    loop_timer_arm(c->timer, deadline_ms);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    if (conn_queued(c) == 0)
        start_linger(c);
}

const struct sockaddr *conn_peer(const struct conn *c)
{
    return (const struct sockaddr *)&c->peer;
}

struct net_block conn_from(const struct conn *c)
{
    return address_block(c->address);
}
