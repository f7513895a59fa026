/* Typed messages between two of our own processes over a SOCK_STREAM socketpair.
 *
 * Place in the flow: the supervisor makes the pairs (channel_pair) and passes the ends; every role talks to the
 * supervisor and to its peers through channels only (message.h says what).
 *
 * Writing: a message becomes one frame in a bounded list; frames are gathered into one sendmsg, but a frame that
 * carries a descriptor begins a sendmsg of its own and nothing follows it there. The kernel makes ancillary data a
 * barrier: a read returns at most one such set, and the set belongs to the last byte of that read (unix(7)). So on
 * the reading side a descriptor belongs to the frame which holds the last byte of the read that brought it.
 *
 * Invariants: before each read the input buffer holds at most one incomplete frame, so at most two descriptors wait
 * for their frames. Callbacks run only from the loop, never from inside channel_send or channel_resume; the closed
 * callback runs once, after every complete frame was delivered. A channel freed from its callback stays allocated
 * until that callback returned.
 *
 * Does not: interpret payloads, reconnect, time out. No threads: one owner, one loop. */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"

#define HEAD_BYTES 16u
#define READ_BYTES ((size_t)64 << 10)      /* room for each read */
#define KEEP_BYTES ((size_t)256 << 10)     /* an empty input buffer above this is given back */
#define READS_PER_TURN 16                  /* then others have their turn */
#define GATHER_MAX 32                      /* frames in one sendmsg */
#define FDS_PER_READ 8                     /* more than we allow, so that extras are received and closed */

struct frame {
    struct frame *next;
    size_t len;  /* head and payload */
    size_t at;   /* bytes the kernel has */
    int fd;      /* −1, or ours until the first byte went out */
    uint8_t bytes[];
};

struct pending_fd {
    int fd;
    size_t last; /* offset in the input buffer of the last byte of the read that brought it */
};

struct ipc_channel {
    struct loop_fd *watch;
    struct loop_timer *soon; /* leaves the caller's stack before calling back */
    int fd;
    channel_message_cb on_message;
    channel_closed_cb on_closed;
    void *arg;

    struct frame *first, **tail;
    size_t queued, queue_max;

    uint8_t *in;
    size_t in_len, in_cap, in_at; /* in_at: bytes already delivered */
    struct pending_fd fds[2];
    size_t fd_count;

    bool gather;  /* what is sent waits for `soon` */
    bool paused;
    bool mute;    /* sending failed: what the peer had sent is still read, up to its end */
    bool broken;  /* no more reading or writing; closed callback is due once the input is delivered */
    bool told;    /* closed callback was called */
    bool busy;    /* inside our own event handling */
    bool freed;   /* free when no longer busy */
};

static void put_le(uint8_t *dst, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        dst[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *src, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)src[i] << (8 * i);
    return v;
}

int channel_pair(int ret_fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds);
}

static void frame_free(struct frame *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f);
}

static void queue_clear(struct ipc_channel *c)
{
    while (c->first != NULL) {
        struct frame *f = c->first;
        c->first = f->next;
        frame_free(f);
    }
    c->tail = &c->first;
    c->queued = 0;
}

static void want(struct ipc_channel *c)
{
    loop_fd_want(c->watch, !c->paused && !c->broken, c->first != NULL && !c->broken);
}

/* Ends all traffic; the owner hears of it from the loop, after what had arrived complete. */
static void break_off(struct ipc_channel *c)
{
    if (c->broken)
        return;
    c->broken = true;
    queue_clear(c);
    want(c);
    loop_timer_arm(c->soon, 0);
}

static void destroy(struct ipc_channel *c)
{
    queue_clear(c);
    for (size_t i = 0; i < c->fd_count; i++)
        close(c->fds[i].fd);
    loop_fd_free(c->watch);
    loop_timer_free(c->soon);
    close(c->fd);
    free(c->in);
    free(c);
}

/* ---- writing ---- */

/* Sends from the head of the queue once. >0 bytes went; 0 the socket is full; −1 the peer is gone. */
static ssize_t send_some(struct ipc_channel *c)
{
    struct iovec iov[GATHER_MAX];
    size_t n = 0;
    for (struct frame *f = c->first; f != NULL && n < GATHER_MAX; f = f->next) {
        if (n > 0 && f->fd >= 0)
            break;
        iov[n].iov_base = f->bytes + f->at;
        iov[n].iov_len = f->len - f->at;
        n++;
        if (f->fd >= 0)
            break;
    }
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
    if (c->first->fd >= 0) {
        memset(&control, 0, sizeof control);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &c->first->fd, sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    return sent;
}

/* Takes sent bytes off the queue. The first byte of a frame carried its descriptor. */
static void queue_sent(struct ipc_channel *c, size_t sent)
{
    c->queued -= sent;
    while (sent > 0) {
        struct frame *f = c->first;
        size_t part = f->len - f->at < sent ? f->len - f->at : sent;
        f->at += part;
        sent -= part;
        if (f->fd >= 0) {
            close(f->fd);
            f->fd = -1;
        }
        if (f->at == f->len) {
            c->first = f->next;
            if (c->first == NULL)
                c->tail = &c->first;
            frame_free(f);
        }
    }
}

static void flush(struct ipc_channel *c)
{
    while (c->first != NULL && !c->broken) {
        ssize_t sent = send_some(c);
        if (sent < 0) {
            c->mute = true;
            queue_clear(c);
            shutdown(c->fd, SHUT_RDWR); /* makes the reading side end, also when the peer lives */
            break;
        }
        if (sent == 0)
            break;
        queue_sent(c, (size_t)sent);
    }
    want(c);
}

bool channel_send(struct ipc_channel *c, uint16_t type, uint64_t id, const void *payload, size_t len, int fd)
{
    if (c->mute || c->broken || len > CHANNEL_PAYLOAD_MAX || c->queued + HEAD_BYTES + len > c->queue_max)
        return false;
    struct frame *f = malloc(sizeof *f + HEAD_BYTES + len);
    if (f == NULL)
        return false;
    *f = (struct frame){.len = HEAD_BYTES + len, .fd = -1};
    if (fd >= 0) {
        f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (f->fd < 0) {
            free(f);
            return false;
        }
    }
    put_le(f->bytes, len, 4);
    put_le(f->bytes + 4, type, 2);
    put_le(f->bytes + 6, 0, 2);
    put_le(f->bytes + 8, id, 8);
    if (len > 0)
        memcpy(f->bytes + HEAD_BYTES, payload, len);
    bool idle = c->first == NULL;
    *c->tail = f;
    c->tail = &f->next;
    c->queued += f->len;
    if (idle && c->gather)
        loop_timer_arm(c->soon, 0);
    else if (idle)
        flush(c);
    return true;
}

void channel_gather(struct ipc_channel *c)
{
    c->gather = true;
}

size_t channel_queued(const struct ipc_channel *c)
{
    return c->queued;
}

/* ---- reading ---- */

/* Moves what is undelivered to the front and makes room for a read. */
static bool in_make_room(struct ipc_channel *c)
{
    if (c->in_at > 0) {
        memmove(c->in, c->in + c->in_at, c->in_len - c->in_at);
        c->in_len -= c->in_at;
        for (size_t i = 0; i < c->fd_count; i++)
            c->fds[i].last -= c->in_at;
        c->in_at = 0;
    }
    if (c->in_len == 0 && c->in_cap > KEEP_BYTES) {
        free(c->in);
        c->in = NULL;
        c->in_cap = 0;
    }
    if (c->in_cap - c->in_len >= READ_BYTES)
        return true;
    size_t cap = c->in_cap == 0 ? READ_BYTES : c->in_cap * 2;
    uint8_t *in = realloc(c->in, cap);
    if (in == NULL)
        return false;
    c->in = in;
    c->in_cap = cap;
    return true;
}

/* Keeps the one descriptor that a message may carry; closes all and gives false when there is more than one. */
static bool take_fds(struct ipc_channel *c, struct msghdr *msg, size_t last)
{
    bool good = (msg->msg_flags & MSG_CTRUNC) == 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(msg); head != NULL; head = CMSG_NXTHDR(msg, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof fd);
            if (good && n == 1 && c->fd_count < 2) {
                c->fds[c->fd_count++] = (struct pending_fd){.fd = fd, .last = last};
            } else {
                close(fd);
                good = false;
            }
        }
    }
    return good;
}

/* One read. >0 bytes came; 0 nothing there now; −1 the end, or nonsense. */
static ssize_t read_some(struct ipc_channel *c)
{
    if (!in_make_room(c))
        return -1;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(FDS_PER_READ * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = c->in + c->in_len, .iov_len = c->in_cap - c->in_len};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    do {
        got = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    if (got == 0)
        return -1;
    if (!take_fds(c, &msg, c->in_len + (size_t)got - 1)) {
        log_error("event=ipc_malformed reason=descriptors");
        return -1;
    }
    c->in_len += (size_t)got;
    return got;
}

/* The descriptor that belongs to the frame which ends before `end`; −1 none. */
static int fd_of_frame(struct ipc_channel *c, size_t end)
{
    if (c->fd_count == 0 || c->fds[0].last >= end)
        return -1;
    int fd = c->fds[0].fd;
    c->fds[0] = c->fds[1];
    c->fd_count--;
    return fd;
}

/* Delivers complete frames. false when the input makes no sense. */
static bool deliver(struct ipc_channel *c)
{
    while (!c->paused && !c->freed && c->in_len - c->in_at >= HEAD_BYTES) {
        const uint8_t *head = c->in + c->in_at;
        size_t len = (size_t)get_le(head, 4);
        if (len > CHANNEL_PAYLOAD_MAX || get_le(head + 6, 2) != 0) {
            log_error("event=ipc_malformed reason=head");
            return false;
        }
        if (c->in_len - c->in_at < HEAD_BYTES + len)
            return true;
        size_t end = c->in_at + HEAD_BYTES + len;
        int fd = fd_of_frame(c, end);
        if (c->fd_count > 0 && c->fds[0].last < end) {
            log_error("event=ipc_malformed reason=two_descriptors");
            if (fd >= 0)
                close(fd);
            return false;
        }
        c->in_at = end;
        c->on_message(c->arg, (uint16_t)get_le(head + 4, 2), get_le(head + 8, 8), head + HEAD_BYTES, len, fd);
    }
    return true;
}

/* Everything that calls back to the owner happens between enter and leave. */
static void leave(struct ipc_channel *c)
{
    c->busy = false;
    if (c->freed)
        destroy(c);
}

static void tell_closed(struct ipc_channel *c)
{
    if (!c->broken || c->told || c->paused || c->freed)
        return;
    c->told = true;
    if (c->on_closed != NULL)
        c->on_closed(c->arg);
}

static void on_ready(void *arg, bool readable, bool writable)
{
    struct ipc_channel *c = arg;
    c->busy = true;
    if (writable)
        flush(c);
    for (int i = 0; readable && i < READS_PER_TURN && !c->paused && !c->freed && !c->broken; i++) {
        ssize_t got = read_some(c);
        if (got == 0)
            break;
        bool good = deliver(c);
        if (!good)
            c->in_at = c->in_len;
        if (got < 0 || !good)
            break_off(c);
    }
    leave(c);
}

/* After channel_resume with frames waiting, after the channel broke, and with what was gathered. */
static void on_soon(void *arg)
{
    struct ipc_channel *c = arg;
    c->busy = true;
    flush(c);
    if (!deliver(c)) {
        c->in_at = c->in_len;
        break_off(c);
    }
    tell_closed(c);
    leave(c);
}

void channel_pause(struct ipc_channel *c)
{
    c->paused = true;
    want(c);
}

void channel_resume(struct ipc_channel *c)
{
    if (!c->paused)
        return;
    c->paused = false;
    want(c);
    loop_timer_arm(c->soon, 0);
}

struct ipc_channel *channel_new(struct loop *loop, int fd, size_t queue_max_bytes, channel_message_cb on_message,
                            channel_closed_cb on_closed, void *arg)
{
    struct ipc_channel *c = calloc(1, sizeof *c);
    if (c == NULL)
        goto fail;
    *c = (struct ipc_channel){.fd = fd, .on_message = on_message, .on_closed = on_closed, .arg = arg,
                          .queue_max = queue_max_bytes};
    c->tail = &c->first;
    c->watch = loop_fd_new(loop, fd, on_ready, c);
    c->soon = loop_timer_new(loop, on_soon, c);
    if (c->watch == NULL || c->soon == NULL)
        goto fail;
    want(c);
    return c;
fail:
    if (c != NULL) {
        if (c->watch != NULL)
            loop_fd_free(c->watch);
        if (c->soon != NULL)
            loop_timer_free(c->soon);
        free(c);
    }
    close(fd);
    return NULL;
}

void channel_free(struct ipc_channel *c)
{
    if (c == NULL)
        return;
    if (c->gather)
        flush(c);
    if (c->busy) {
        /* The fd stays open until the callback returns, but nothing more is read, sent or told. */
        c->freed = true;
        c->broken = true;
        queue_clear(c);
        want(c);
        return;
    }
    destroy(c);
}
