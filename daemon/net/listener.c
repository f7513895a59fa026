/* A listening socket: accepts, sheds and pauses.
 *
 * Place in the flow: first thing that sees a peer. Load is shed here, before any TLS work, because a handshake costs a
 * thousand times what closing a socket does.
 *
 * Invariants: every accepted socket is counted in `open` until conn_reap; every TLS one in `handshakes` until its
 * handshake ended; every address with an open connection has one entry in the table (IPv6 by /64, the smallest block
 * one subscriber has). Above per_address_percent of connections_max one address may hold only per_address_max:
 * below that whole offices behind one address are welcome. The same holds for handshakes, where one address may then
 * hold a tenth: else one peer that never says hello could shut everybody out. Who comes too often (per_address_rate) is
 * shed however few are open.
 *
 * A few are taken a turn, so that nobody's handshake waits for a thousand others. When more come than can be served, and the
 * kernel's queue has not been empty for twice waited_max_ms, who has waited in it longer than that is shed: those behind are
 * younger. Else all would wait until they give up, and their handshakes be for nothing. A short stall sheds nobody.
 *
 * Accepting pauses, with a timer to resume, while the loop is late and when descriptors or memory run out: what waits
 * then waits in the kernel's queue. FDS_KEPT descriptors are left for what else the process is given: a door that had
 * none for the directory's next version would lose the supervisor's channel. Does not parse, does not decide anything
 * about a request. Threads: the loop's. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conn.h"
#include "conn_private.h"
#include "counter.h"
#include "digest.h"
#include "log.h"
#include "loop.h"
#include "mix.h"
#include "rate.h"
#include "tls.h"
#include "wall.h"

#define ACCEPTS_PER_TURN 4
#define SHEDS_PER_TURN 1024
#define LAG_RESUME_MS 20u
#define FULL_RESUME_MS 100u
#define BUCKETS 4096u /* power of two */
#define RATE_BUCKETS 16384u
#define RATE_BURST_S 10u
#define FDS_KEPT 16

struct address {
    struct net_block block;
    unsigned count;
    unsigned handshakes; /* of them in TLS handshake */
    uint32_t bucket;
    struct address *next;
};

struct listener {
    struct loop *loop;
    int fd;
    struct tls_server *tls;
    struct listener_limits limits;
    listener_conn_cb on_conn;
    void *arg;
    struct loop_fd *watch; /* NULL once stopped */
    struct loop_timer *resume;
    struct loop_timer *turn;
    bool turn_comes; /* the timer is armed */
    struct conn *live, *dead, *todo;
    unsigned open;
    unsigned handshakes;
    size_t output_bytes; /* waiting to be written */
    uint64_t seed; /* so that nobody can aim at one bucket */
    struct rate_table *rates; /* NULL: no limit */
    int fd_max;
    int64_t last_full_log_mono_ms;
    int64_t behind_mono_ms; /* since then every look left some in the kernel's queue; 0: the last one did not */
    struct address *buckets[BUCKETS];
};

/* ---- addresses ---- */

static struct net_block block_of(const struct sockaddr_storage *peer)
{
    struct net_block block = {0};
    uint32_t four;
    if (peer->ss_family == AF_INET) {
        block = (struct net_block){((const struct sockaddr_in *)peer)->sin_addr.s_addr, 4};
    } else if (peer->ss_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)peer)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(a)) {
            memcpy(&four, a->s6_addr + 12, sizeof four);
            block = (struct net_block){four, 4};
        } else {
            block.family = 6;
            memcpy(&block.bits, a->s6_addr, sizeof block.bits);
        }
    }
    return block;
}

const char *net_block_text(struct net_block block, char dst[NET_BLOCK_TEXT])
{
    uint8_t bytes[sizeof(struct in6_addr)] = {0};
    char text[INET6_ADDRSTRLEN] = "unknown";
    memcpy(bytes, &block.bits, sizeof block.bits);
    if (block.family != 0)
        inet_ntop(block.family == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
    snprintf(dst, NET_BLOCK_TEXT, "%s%s", text, block.family == 6 ? "/64" : "");
    return dst;
}

static uint32_t address_bucket(const struct listener *l, struct net_block block)
{
    return (uint32_t)(mix_pair(l->seed, block.bits, block.family) >> 32) & (BUCKETS - 1);
}

struct net_block address_block(const struct address *a)
{
    return a->block;
}

/* The entry of a peer's address, made when it is new. NULL when memory is short. */
static struct address *address_get(struct listener *l, struct net_block block)
{
    uint32_t bucket = address_bucket(l, block);
    for (struct address *a = l->buckets[bucket]; a != NULL; a = a->next)
        if (a->block.bits == block.bits && a->block.family == block.family)
            return a;
    struct address *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->block = block;
    a->bucket = bucket;
    a->next = l->buckets[bucket];
    l->buckets[bucket] = a;
    return a;
}

static void address_drop_if_unused(struct listener *l, struct address *a)
{
    if (a == NULL || a->count > 0)
        return;
    struct address **at = &l->buckets[a->bucket];
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    free(a);
}

/* ---- what connections ask ---- */

struct loop *listener_loop(const struct listener *l)
{
    return l->loop;
}

void *listener_ssl_ctx(const struct listener *l)
{
    return l->tls != NULL ? tls_server_ssl_ctx(l->tls) : NULL;
}

unsigned listener_handshake_timeout_ms(const struct listener *l)
{
    return l->limits.handshake_timeout_ms;
}

void listener_handshake_ended(struct listener *l, struct address *a)
{
    l->handshakes--;
    a->handshakes--;
    counter_set(G_HANDSHAKES, l->handshakes);
}

void listener_output_changed(struct listener *l, size_t added, size_t deleted)
{
    l->output_bytes += added;
    l->output_bytes -= deleted;
}

bool listener_has_room(const struct listener *l, size_t len)
{
    return l->limits.output_max == 0 || l->output_bytes + len <= l->limits.output_max;
}

void listener_hand_over(struct listener *l, struct conn *c)
{
    l->on_conn(l->arg, c);
}

static void call_turn(struct listener *l)
{
    if (!l->turn_comes)
        loop_timer_arm(l->turn, 0);
    l->turn_comes = true;
}

void listener_soon(struct listener *l, struct conn *c)
{
    struct conn_todo *todo = conn_todo(c);
    if (todo->at != NULL)
        return;
    *todo = (struct conn_todo){l->todo, &l->todo};
    if (l->todo != NULL)
        conn_todo(l->todo)->at = &todo->next;
    l->todo = c;
    call_turn(l);
}

static void forget_todo(struct conn *c)
{
    struct conn_todo *todo = conn_todo(c);
    if (todo->at == NULL)
        return;
    *todo->at = todo->next;
    if (todo->next != NULL)
        conn_todo(todo->next)->at = todo->at;
    *todo = (struct conn_todo){0};
}

void listener_bury(struct listener *l, struct conn *c)
{
    struct conn_link *link = conn_link(c);
    forget_todo(c);
    if (link->prev != NULL)
        conn_link(link->prev)->next = link->next;
    else
        l->live = link->next;
    if (link->next != NULL)
        conn_link(link->next)->prev = link->prev;
    *link = (struct conn_link){.next = l->dead};
    l->dead = c;
    call_turn(l);
}

static void reap(struct listener *l)
{
    while (l->dead != NULL) {
        struct conn *c = l->dead;
        l->dead = conn_link(c)->next;
        struct address *a = conn_address(c);
        conn_reap(c);
        a->count--;
        address_drop_if_unused(l, a);
        l->open--;
    }
    counter_set(G_CONN_OPEN, l->open);
}

/* Who has something to do now; what that gives others to do is for the next turn. */
static void on_turn(void *arg)
{
    struct listener *l = arg;
    struct conn *now = l->todo;
    l->turn_comes = false;
    l->todo = NULL;
    if (now != NULL)
        conn_todo(now)->at = &now;
    while (now != NULL) {
        struct conn *c = now;
        forget_todo(c);
        conn_work(c);
    }
    reap(l);
}

/* ---- accepting ---- */

static bool over_handshakes(const struct listener *l, const struct address *a)
{
    const struct listener_limits *m = &l->limits;
    uint64_t share = (uint64_t)m->handshakes_max * m->per_address_percent / 100;
    unsigned tenth = m->handshakes_max >= 10 ? m->handshakes_max / 10 : 1;
    return l->handshakes >= m->handshakes_max || (l->handshakes >= share && a->handshakes >= tenth);
}

static bool comes_too_often(struct listener *l, struct net_block from)
{
    struct rate limit = {l->limits.per_address_rate, RATE_BURST_S};
    return l->rates != NULL && !rate_take(l->rates, from.family, from.bits, limit, mono_now_ms());
}

/* How long a connection has been in the kernel's queue: since its bytes came, or since it was made when none did. */
static bool waited_too_long(const struct listener *l, int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    int64_t most_ms = l->limits.waited_max_ms;
    return most_ms > 0 && l->behind_mono_ms > 0 && mono_now_ms() - l->behind_mono_ms > 2 * most_ms &&
           getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_last_data_recv > most_ms;
}

/* Why a new connection is not to be had; COUNTER_COUNT: it is. */
static enum counter_id shed_reason(struct listener *l, int fd, const struct address *a)
{
    const struct listener_limits *m = &l->limits;
    uint64_t share = (uint64_t)m->connections_max * m->per_address_percent / 100;
    if (a == NULL)
        return C_SHED_MEMORY;
    if (fd >= l->fd_max)
        return C_SHED_DESCRIPTORS;
    if (waited_too_long(l, fd))
        return C_SHED_WAITED;
    if (comes_too_often(l, a->block))
        return C_SHED_RATE;
    if (l->open >= m->connections_max)
        return C_SHED_CONNECTIONS;
    if (l->tls != NULL && over_handshakes(l, a))
        return C_SHED_HANDSHAKES;
    return l->open >= share && a->count >= m->per_address_max ? C_SHED_ADDRESS : COUNTER_COUNT;
}

/* false: shed. */
static bool take(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
    struct address *a = address_get(l, block_of(peer));
    enum counter_id shed = shed_reason(l, fd, a);
    if (shed != COUNTER_COUNT) {
        counter_inc(shed);
        close(fd);
        address_drop_if_unused(l, a);
        return false;
    }
    struct conn *c = conn_accept(l, fd, peer, a);
    if (c == NULL) {
        counter_inc(C_SHED_MEMORY);
        address_drop_if_unused(l, a);
        return false;
    }
    conn_link(c)->next = l->live;
    if (l->live != NULL)
        conn_link(l->live)->prev = c;
    l->live = c;
    a->count++;
    l->open++;
    counter_inc(C_CONN_ACCEPTED);
    counter_set(G_CONN_OPEN, l->open);
    if (l->tls != NULL) {
        l->handshakes++;
        a->handshakes++;
        counter_inc(C_HANDSHAKES);
        counter_set(G_HANDSHAKES, l->handshakes);
    } else {
        l->on_conn(l->arg, c);
    }
    return true;
}

static void pause_accepting(struct listener *l, unsigned resume_ms)
{
    if (l->watch == NULL)
        return;
    loop_fd_want(l->watch, false, false);
    loop_timer_arm(l->resume, resume_ms);
}

/* error: of accept4, or EMFILE. */
static void accept_failed(struct listener *l, int error)
{
    if (error == EAGAIN)
        l->behind_mono_ms = 0;
    if (error == EAGAIN || error == EINTR || error == ECONNABORTED || error == EPROTO)
        return;
    counter_inc(C_PAUSE_DESCRIPTORS);
    int64_t now = mono_now_ms();
    if (now - l->last_full_log_mono_ms >= 1000) {
        l->last_full_log_mono_ms = now;
        log_warn("event=accept_paused reason=\"%s\" open=%u", strerror(error), l->open);
    }
    pause_accepting(l, FULL_RESUME_MS);
}

/* Asked after the last that a turn takes: it may have been the last of all, and who comes next come after a long rest. */
static bool others_wait(const struct listener *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

static void on_listen(void *arg, bool readable, bool writable)
{
    (void)writable;
    struct listener *l = arg;
    if (!readable)
        return;
    for (unsigned taken = 0, shed = 0; taken < ACCEPTS_PER_TURN && shed < SHEDS_PER_TURN && l->watch != NULL;) {
        if (l->limits.lag_pause_ms > 0 && loop_lag_ms(l->loop) > l->limits.lag_pause_ms) {
            counter_inc(C_PAUSE_LAG);
            pause_accepting(l, LAG_RESUME_MS);
            return;
        }
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        memset(&peer, 0, sizeof peer);
        int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            accept_failed(l, errno);
            return;
        }
        *(take(l, fd, &peer) ? &taken : &shed) += 1;
        if (fd >= l->fd_max) {
            accept_failed(l, EMFILE);
            return;
        }
    }
    if (!others_wait(l))
        l->behind_mono_ms = 0;
    else if (l->behind_mono_ms == 0)
        l->behind_mono_ms = mono_now_ms();
}

static void on_resume(void *arg)
{
    struct listener *l = arg;
    if (l->watch != NULL)
        loop_fd_want(l->watch, true, false);
}

/* The first descriptor that is one of those kept. */
static int find_fd_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    return (int)limit.rlim_cur - FDS_KEPT;
}

struct listener *listener_new(struct loop *loop, int fd, struct tls_server *tls, const struct listener_limits *limits,
                              listener_conn_cb on_conn, void *arg)
{
    static const int on = 1;
    struct listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* what is accepted inherits it */
    l->loop = loop;
    l->fd = fd;
    l->tls = tls;
    l->limits = *limits;
    l->on_conn = on_conn;
    l->arg = arg;
    l->last_full_log_mono_ms = INT64_MIN / 2;
    l->fd_max = find_fd_max();
    digest_random(&l->seed, sizeof l->seed);
    l->rates = limits->per_address_rate > 0 ? rate_table_new(RATE_BUCKETS) : NULL;
    l->watch = loop_fd_new(loop, fd, on_listen, l);
    l->resume = loop_timer_new(loop, on_resume, l);
    l->turn = loop_timer_new(loop, on_turn, l);
    if (l->watch == NULL || l->resume == NULL || l->turn == NULL || (limits->per_address_rate > 0 && l->rates == NULL)) {
        listener_free(l);
        return NULL;
    }
    loop_fd_want(l->watch, true, false);
    return l;
}

void listener_stop(struct listener *l)
{
    if (l->watch == NULL)
        return;
    loop_timer_disarm(l->resume);
    loop_fd_free(l->watch);
    l->watch = NULL;
}

unsigned listener_open(const struct listener *l)
{
    return l->open;
}

void listener_free(struct listener *l)
{
    if (l == NULL)
        return;
    if (l->watch != NULL)
        loop_fd_free(l->watch);
    while (l->live != NULL)
        conn_close(l->live);
    reap(l);
    if (l->resume != NULL)
        loop_timer_free(l->resume);
    if (l->turn != NULL)
        loop_timer_free(l->turn);
    rate_table_free(l->rates);
    free(l);
}

/* ---- opening ---- */

/* "addr:port" or "[v6]:port" in its two parts. */
static bool split_address(const char *address, char host[256], char port[8])
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || colon[1] == '\0' || strlen(colon + 1) > 5)
        return false;
    const char *from = address;
    const char *to = colon;
    if (*from == '[') {
        if (to[-1] != ']')
            return false;
        from++;
        to--;
    } else if (memchr(from, ':', (size_t)(to - from)) != NULL) {
        return false;
    }
    if (to <= from || to - from > 255)
        return false;
    snprintf(host, 256, "%.*s", (int)(to - from), from);
    snprintf(port, 8, "%s", colon + 1);
    return strspn(port, "0123456789") == strlen(port) && strtol(port, NULL, 10) <= 65535;
}

static int open_socket(const struct addrinfo *at, bool reuse_port, int backlog)
{
    int on = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        (at->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, backlog) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int net_listen(const char *address, bool reuse_port, int backlog, char *error, size_t error_cap)
{
    char host[256];
    char port[8];
    if (!split_address(address, host, port)) {
        snprintf(error, error_cap, "'%s' is not address:port", address);
        return -1;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0) {
        snprintf(error, error_cap, "'%s' is not a numeric address: %s", address, gai_strerror(rc));
        return -1;
    }
    int fd = open_socket(found, reuse_port, backlog);
    if (fd < 0)
        snprintf(error, error_cap, "cannot listen on %s: %s", address, strerror(errno));
    freeaddrinfo(found);
    return fd;
}
