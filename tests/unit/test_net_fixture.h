/* A listener on a real loopback socket, plain or TLS, its connections' owner, and clients that live in the same thread;
 * every wait is a poll with a deadline that only a failing test reaches. */
#ifndef HADIR_TEST_NET_FIXTURE_H
#define HADIR_TEST_NET_FIXTURE_H

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conn.h"
#include "counter.h"
#include "loop.h"
#include "test_net_certificate.h"
#include "tls.h"
#include "wall.h"

#define PATIENCE_MS 60000

struct peer_of {
    struct conn *c;
    uint8_t got[512 << 10];
    size_t got_len;
    bool echo, pause_at_once, discard, sip, close_at_once, answer_and_close, hold;
    unsigned offers, drained, closed, after_close;
    char why[32];
};

static struct {
    struct loop *loop;
    struct listener *listener;
    struct tls_server *tls;
    int fd;
    uint16_t port;
    char dir[64], certificate[96], key[96];
    unsigned conns;
    struct peer_of template;
    struct peer_of *peers[16];
} t;

static inline size_t on_bytes(void *arg, const uint8_t *bytes, size_t len)
{
    struct peer_of *p = arg;
    p->after_close += p->closed;
    p->offers++;
    if (p->hold)
        return 0;
    if (p->sip)
        len = 1;
    ck_assert(p->discard || p->got_len + len <= sizeof p->got);
    if (!p->discard)
        memcpy(p->got + p->got_len, bytes, len);
    p->got_len += len;
    if (p->echo)
        ck_assert(conn_write(p->c, bytes, len));
    if (p->pause_at_once)
        conn_pause(p->c);
    if (p->close_at_once)
        conn_close(p->c);
    if (p->answer_and_close) {
        static const char answer[200000];
        ck_assert(conn_write(p->c, answer, sizeof answer));
        conn_close_after_write(p->c, 5000);
        ck_assert(!conn_write(p->c, "x", 1));
    }
    return len;
}

static inline void on_drained(void *arg)
{
    ((struct peer_of *)arg)->drained++;
}

static inline void on_closed(void *arg, const char *why)
{
    struct peer_of *p = arg;
    p->closed++;
    snprintf(p->why, sizeof p->why, "%s", why);
}

static inline void on_conn(void *arg, struct conn *c)
{
    (void)arg;
    static const struct conn_callbacks cbs = {on_bytes, on_drained, on_closed};
    struct peer_of *p = malloc(sizeof *p);
    ck_assert_ptr_nonnull(p);
    *p = t.template;
    p->c = c;
    ck_assert_uint_lt(t.conns, 16);
    t.peers[t.conns++] = p;
    conn_set_callbacks(c, &cbs, p);
    ck_assert_int_eq(conn_peer(c)->sa_family, AF_INET);
}

static inline void make_certificate(void)
{
    snprintf(t.dir, sizeof t.dir, "/tmp/hadir-net-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(t.dir));
    snprintf(t.certificate, sizeof t.certificate, "%s/c.pem", t.dir);
    snprintf(t.key, sizeof t.key, "%s/k.pem", t.dir);
    certificate_make(t.certificate, t.key);
}

static const struct listener_limits ordinary = {.connections_max = 100,
                                                .handshakes_max = 50,
                                                .per_address_percent = 100,
                                                .per_address_max = 100,
                                                .lag_pause_ms = 0,
                                                .handshake_timeout_ms = PATIENCE_MS};

static inline void open_server(bool tls, const struct listener_limits *limits)
{
    static bool mapped;
    if (!mapped)
        counters_map();
    mapped = true;
    signal(SIGPIPE, SIG_IGN);
    memset(&t, 0, sizeof t);
    char error[256] = "";
    t.loop = loop_new();
    ck_assert_ptr_nonnull(t.loop);
    t.fd = net_listen("127.0.0.1:0", true, 64, error, sizeof error);
    ck_assert_msg(t.fd >= 0, "%s", error);
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    ck_assert_int_eq(getsockname(t.fd, (struct sockaddr *)&at, &len), 0);
    t.port = at.sin_port;
    if (tls) {
        make_certificate();
        t.tls = tls_server_new(t.certificate, t.key, NULL, error, sizeof error);
        ck_assert_msg(t.tls != NULL, "%s", error);
    }
    t.listener = listener_new(t.loop, t.fd, t.tls, limits, on_conn, NULL);
    ck_assert_ptr_nonnull(t.listener);
}

static inline void close_server(void)
{
    for (unsigned i = 0; i < t.conns; i++) {
        if (t.peers[i]->closed == 0 && !t.peers[i]->close_at_once && !t.peers[i]->answer_and_close)
            conn_close(t.peers[i]->c);
        ck_assert_uint_eq(t.peers[i]->after_close, 0);
    }
    int64_t until = mono_now_ms() + PATIENCE_MS;
    while (listener_open(t.listener) > 0 && mono_now_ms() < until)
        loop_turn(t.loop, 5);
    ck_assert_uint_eq(listener_open(t.listener), 0);
    ck_assert_int_eq(counter_total(G_CONN_OPEN), 0);
    ck_assert_int_eq(counter_total(G_HANDSHAKES), 0);
    listener_stop(t.listener);
    listener_free(t.listener);
    if (t.tls != NULL) {
        tls_server_free(t.tls);
        unlink(t.certificate);
        unlink(t.key);
        rmdir(t.dir);
    }
    close(t.fd);
    loop_free(t.loop);
    for (unsigned i = 0; i < t.conns; i++)
        free(t.peers[i]);
}

/* From 127.0.0.(1 + n). */
static inline int dial_from(uint32_t n)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + n)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = t.port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline int dial(void)
{
    return dial_from(0);
}

#define UNTIL(condition)                                                                                             \
    do {                                                                                                             \
        int64_t until_ = mono_now_ms() + PATIENCE_MS;                                                                \
        bool seen_ = (condition);                                                                                    \
        while (!seen_ && mono_now_ms() < until_) {                                                                   \
            loop_turn(t.loop, 5);                                                                                    \
            seen_ = (condition);                                                                                     \
        }                                                                                                            \
        ck_assert_msg(seen_, "never: %s", #condition);                                                               \
    } while (0)

/* The server's side has ended the connection: end of stream or reset. */
static inline bool is_over(int fd)
{
    char byte[4096];
    ssize_t n;
    while ((n = recv(fd, byte, sizeof byte, 0)) > 0)
        ;
    return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

static inline bool connect_step(struct tls_client *k)
{
    return SSL_connect(k->ssl) == 1;
}

/* The handshake is done on the client's side; the server has not read its end yet. */
static inline void tls_shake(struct tls_client *k)
{
    k->fd = dial();
    k->ctx = SSL_CTX_new(TLS_client_method());
    k->ssl = SSL_new(k->ctx);
    ck_assert_int_eq(SSL_set_fd(k->ssl, k->fd), 1);
    UNTIL(connect_step(k));
}

static inline void tls_dial(struct tls_client *k)
{
    tls_shake(k);
    UNTIL(t.conns > 0);
}

static inline void tls_hang_up(struct tls_client *k)
{
    SSL_free(k->ssl);
    SSL_CTX_free(k->ctx);
    close(k->fd);
}

#endif
