/* Real loopback sockets against net/: what arrives, what is shed, and what a leaving or silent peer causes. The
 * clients live in the same thread; every wait is a poll with a deadline that only a failing test reaches. */
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

static size_t on_bytes(void *arg, const uint8_t *bytes, size_t len)
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

static void on_drained(void *arg)
{
    ((struct peer_of *)arg)->drained++;
}

static void on_closed(void *arg, const char *why)
{
    struct peer_of *p = arg;
    p->closed++;
    snprintf(p->why, sizeof p->why, "%s", why);
}

static void on_conn(void *arg, struct conn *c)
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

static void make_certificate(void)
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

static void open_server(bool tls, const struct listener_limits *limits)
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

static void close_server(void)
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
static int dial_from(uint32_t n)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + n)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = t.port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static int dial(void)
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
static bool is_over(int fd)
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

static bool connect_step(struct tls_client *k)
{
    return SSL_connect(k->ssl) == 1;
}

static void tls_dial(struct tls_client *k)
{
    k->fd = dial();
    k->ctx = SSL_CTX_new(TLS_client_method());
    k->ssl = SSL_new(k->ctx);
    ck_assert_int_eq(SSL_set_fd(k->ssl, k->fd), 1);
    UNTIL(connect_step(k));
    UNTIL(t.conns > 0);
}

static void tls_hang_up(struct tls_client *k)
{
    SSL_free(k->ssl);
    SSL_CTX_free(k->ctx);
    close(k->fd);
}

START_TEST(echoes_plain_bytes)
{
    open_server(false, &ordinary);
    t.template.echo = true;
    int fd = dial();
    ck_assert_int_eq(send(fd, "halo", 4, 0), 4);
    char got[8] = "";
    UNTIL(recv(fd, got, sizeof got, MSG_DONTWAIT) == 4);
    ck_assert_str_eq(got, "halo");
    UNTIL(t.peers[0]->drained > 0);
    ck_assert_uint_eq(listener_open(t.listener), 1);
    close(fd);
    UNTIL(t.peers[0]->closed == 1);
    ck_assert_str_eq(t.peers[0]->why, "eof");
    close_server();
}
END_TEST

static bool echo_step(struct tls_client *k, const uint8_t *out, size_t size, size_t *sent, uint8_t *in, size_t *got)
{
    if (*sent < size) {
        int n = SSL_write(k->ssl, out + *sent, (int)(size - *sent > 7777 ? 7777 : size - *sent));
        if (n > 0)
            *sent += (size_t)n;
    }
    int n = SSL_read(k->ssl, in + *got, (int)(size - *got));
    if (n > 0)
        *got += (size_t)n;
    return *got == size;
}

START_TEST(echoes_over_tls)
{
    open_server(true, &ordinary);
    t.template.echo = true;
    struct tls_client k;
    tls_dial(&k);
    ck_assert_int_ge(SSL_version(k.ssl), TLS1_2_VERSION);
    static uint8_t out[300000];
    static uint8_t in[300000];
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 31 + i / 251);
    size_t sent = 0;
    size_t got = 0;
    UNTIL(echo_step(&k, out, sizeof out, &sent, in, &got));
    ck_assert_mem_eq(in, out, sizeof out);
    ck_assert_int_eq(SSL_shutdown(k.ssl), 0);
    UNTIL(t.peers[0]->closed == 1);
    tls_hang_up(&k);
    close_server();
}
END_TEST

START_TEST(offers_bytes_before_the_end_that_came_with_them)
{
    for (int tls = 0; tls < 2; tls++) {
        open_server(tls == 1, &ordinary);
        if (tls == 1) {
            struct tls_client k;
            tls_dial(&k);
            ck_assert_int_eq(SSL_write(k.ssl, "satu dua", 8), 8);
            SSL_shutdown(k.ssl);
            tls_hang_up(&k);
        } else {
            int fd = dial();
            UNTIL(t.conns == 1);
            ck_assert_int_eq(send(fd, "satu dua", 8, 0), 8);
            close(fd);
        }
        UNTIL(t.peers[0]->closed == 1);
        ck_assert_uint_eq(t.peers[0]->got_len, 8);
        ck_assert_mem_eq(t.peers[0]->got, "satu dua", 8);
        close_server();
    }
}
END_TEST

/* Many small requests and the end at once: more offers than one turn makes. */
START_TEST(offers_everything_before_the_end)
{
    open_server(false, &ordinary);
    t.template.sip = true;
    int fd = dial();
    UNTIL(t.conns == 1);
    char many[4000];
    memset(many, 'm', sizeof many);
    ck_assert_int_eq(send(fd, many, sizeof many, 0), sizeof many);
    close(fd);
    UNTIL(t.peers[0]->closed == 1);
    ck_assert_uint_eq(t.peers[0]->got_len, sizeof many);
    ck_assert_uint_eq(t.peers[0]->offers, sizeof many);
    close_server();
}
END_TEST

START_TEST(tolerates_an_end_without_close_notify)
{
    open_server(true, &ordinary);
    struct tls_client k;
    tls_dial(&k);
    ck_assert_int_eq(SSL_write(k.ssl, "a", 1), 1);
    UNTIL(t.peers[0]->got_len == 1);
    shutdown(k.fd, SHUT_WR);
    UNTIL(t.peers[0]->closed == 1);
    ck_assert_str_eq(t.peers[0]->why, "eof");
    tls_hang_up(&k);
    close_server();
}
END_TEST

START_TEST(notices_a_peer_that_leaves_while_paused)
{
    for (int tls = 0; tls < 2; tls++) {
        open_server(tls == 1, &ordinary);
        t.template.pause_at_once = true;
        struct tls_client k = {0};
        if (tls == 1) {
            tls_dial(&k);
            ck_assert_int_eq(SSL_write(k.ssl, "tanya", 5), 5);
        } else {
            k.fd = dial();
            ck_assert_int_eq(send(k.fd, "tanya", 5, 0), 5);
        }
        UNTIL(t.conns == 1 && t.peers[0]->got_len == 5);
        ck_assert_uint_eq(t.peers[0]->closed, 0);
        if (tls == 1) {
            ck_assert_int_eq(SSL_write(k.ssl, "lagi", 4), 4);
            tls_hang_up(&k);
        } else {
            ck_assert_int_eq(send(k.fd, "lagi", 4, 0), 4);
            close(k.fd);
        }
        UNTIL(t.peers[0]->closed == 1);
        ck_assert_uint_eq(t.peers[0]->got_len, 5);
        close_server();
    }
}
END_TEST

static size_t fill(int fd)
{
    static const char junk[16384];
    size_t total = 0;
    ssize_t n;
    while ((n = send(fd, junk, sizeof junk, MSG_DONTWAIT)) > 0)
        total += (size_t)n;
    return total;
}

static size_t filled;
static int quiet_turns;
/* true once nothing more fits: our input bound and the kernel's buffers are full */
static bool fill_step(int fd)
{
    size_t n = fill(fd);
    filled += n;
    quiet_turns = n == 0 ? quiet_turns + 1 : 0;
    return quiet_turns > 50;
}

START_TEST(notices_a_leaving_peer_behind_a_full_input)
{
    for (int resumed = 0; resumed < 2; resumed++) {
        open_server(false, &ordinary);
        t.template.pause_at_once = true;
        int fd = dial();
        ck_assert_int_eq(send(fd, "x", 1, 0), 1);
        UNTIL(t.conns == 1 && t.peers[0]->got_len == 1);
        filled = 0;
        quiet_turns = 0;
        UNTIL(fill_step(fd));
        ck_assert_uint_gt(filled, 64 << 10);
        ck_assert_uint_eq(t.peers[0]->got_len, 1);
        ck_assert_uint_eq(t.peers[0]->closed, 0);
        if (resumed == 1) {
            t.peers[0]->pause_at_once = false;
            t.peers[0]->discard = true;
            conn_resume(t.peers[0]->c);
            UNTIL(t.peers[0]->got_len == filled + 1);
        }
        /* A FIN would queue behind the bytes that found no room: a reset overtakes them. */
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        UNTIL(t.peers[0]->closed == 1);
        close_server();
    }
}
END_TEST

START_TEST(offers_again_after_resume)
{
    open_server(false, &ordinary);
    t.template.pause_at_once = true;
    int fd = dial();
    ck_assert_int_eq(send(fd, "abc", 3, 0), 3);
    UNTIL(t.conns == 1 && t.peers[0]->got_len == 3);
    ck_assert_int_eq(send(fd, "def", 3, 0), 3);
    for (int i = 0; i < 20; i++)
        loop_turn(t.loop, 1);
    ck_assert_uint_eq(t.peers[0]->got_len, 3);
    conn_resume(t.peers[0]->c);
    ck_assert_uint_eq(t.peers[0]->got_len, 3); /* never from inside resume */
    UNTIL(t.peers[0]->got_len == 6);
    ck_assert_mem_eq(t.peers[0]->got, "abcdef", 6);
    close(fd);
    close_server();
}
END_TEST

START_TEST(offers_unconsumed_bytes_with_the_next)
{
    open_server(false, &ordinary);
    t.template.hold = true;
    int fd = dial();
    ck_assert_int_eq(send(fd, "ab", 2, 0), 2);
    UNTIL(t.conns == 1 && t.peers[0]->offers == 1);
    t.peers[0]->hold = false;
    ck_assert_int_eq(send(fd, "cd", 2, 0), 2);
    UNTIL(t.peers[0]->got_len == 4);
    ck_assert_mem_eq(t.peers[0]->got, "abcd", 4);
    close(fd);
    close_server();
}
END_TEST

START_TEST(ends_a_connection_whose_owner_wants_too_much)
{
    open_server(false, &ordinary);
    t.template.hold = true;
    int fd = dial();
    filled = 0;
    UNTIL(fill(fd) == 0 || (t.conns == 1 && t.peers[0]->closed == 1));
    UNTIL(t.peers[0]->closed == 1);
    ck_assert_str_eq(t.peers[0]->why, "overflow");
    close(fd);
    close_server();
}
END_TEST

START_TEST(sheds_over_connections_max)
{
    struct listener_limits few = ordinary;
    few.connections_max = 2;
    open_server(false, &few);
    int64_t before = counter_total(C_SHED_CONNECTIONS);
    int a = dial();
    int b = dial();
    UNTIL(t.conns == 2);
    int c = dial();
    UNTIL(is_over(c));
    ck_assert_uint_eq(t.conns, 2);
    ck_assert_int_eq(counter_total(C_SHED_CONNECTIONS), before + 1);
    ck_assert(!is_over(a) && !is_over(b));
    close(a);
    UNTIL(listener_open(t.listener) == 1);
    int d = dial();
    UNTIL(t.conns == 3);
    close(b);
    close(c);
    close(d);
    close_server();
}
END_TEST

START_TEST(sheds_before_tls_over_handshakes_max)
{
    struct listener_limits few = ordinary;
    few.handshakes_max = 2;
    open_server(true, &few);
    int a = dial();
    int b = dial();
    UNTIL(counter_total(G_HANDSHAKES) == 2);
    int c = dial();
    UNTIL(is_over(c));
    ck_assert_uint_eq(t.conns, 0);
    close(a);
    UNTIL(counter_total(G_HANDSHAKES) == 1);
    struct tls_client k;
    tls_dial(&k);
    ck_assert_uint_eq(t.conns, 1);
    tls_hang_up(&k);
    close(b);
    close(c);
    close_server();
}
END_TEST

START_TEST(holds_one_address_to_its_share_when_crowded)
{
    struct listener_limits few = ordinary;
    few.connections_max = 10;
    few.per_address_percent = 40;
    few.per_address_max = 2;
    open_server(false, &few);
    int fds[5];
    for (int i = 0; i < 5; i++)
        fds[i] = dial();
    UNTIL(is_over(fds[4])); /* four are under 40 % of ten: welcome, though all of one address */
    ck_assert_uint_eq(t.conns, 4);
    int other = dial_from(5);
    UNTIL(t.conns == 5);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    close(other);
    close_server();
}
END_TEST

/* A flood of one address costs no handshake, and others are served. */
START_TEST(sheds_before_tls_who_comes_too_often)
{
    struct listener_limits few = ordinary;
    few.per_address_rate = 1; /* ten at once */
    open_server(true, &few);
    int64_t shed = counter_total(C_SHED_RATE), begun = counter_total(C_HANDSHAKES);
    int fds[41];
    for (int i = 0; i < 40; i++)
        fds[i] = dial();
    UNTIL(counter_total(C_SHED_RATE) - shed + counter_total(C_HANDSHAKES) - begun == 40);
    ck_assert(counter_total(C_HANDSHAKES) - begun >= 10 && counter_total(C_SHED_RATE) > shed);
    begun = counter_total(C_HANDSHAKES);
    fds[40] = dial_from(5);
    UNTIL(counter_total(C_HANDSHAKES) == begun + 1);
    for (int i = 0; i < 41; i++)
        close(fds[i]);
    close_server();
}
END_TEST

/* One peer that never says hello may not take all the places in which others shake hands. */
START_TEST(keeps_places_to_shake_hands_from_one_silent_address)
{
    struct listener_limits few = ordinary;
    few.handshakes_max = 5;
    few.per_address_percent = 80;
    open_server(true, &few);
    int silent[6];
    for (int i = 0; i < 4; i++)
        silent[i] = dial();
    UNTIL(counter_total(G_HANDSHAKES) == 4); /* under 80 % of five: an office behind one address is welcome */
    for (int i = 4; i < 6; i++) {
        silent[i] = dial();
        UNTIL(is_over(silent[i]));
    }
    int other = dial_from(5);
    UNTIL(counter_total(G_HANDSHAKES) == 5); /* the last place was kept for somebody else */
    for (int i = 0; i < 6; i++)
        close(silent[i]);
    UNTIL(counter_total(G_HANDSHAKES) == 1);
    struct tls_client k;
    tls_dial(&k); /* what one address had is given back */
    tls_hang_up(&k);
    close(other);
    close_server();
}
END_TEST

START_TEST(ends_a_handshake_that_does_not_come)
{
    struct listener_limits quick = ordinary;
    quick.handshake_timeout_ms = 30;
    open_server(true, &quick);
    int64_t before = counter_total(C_TIMEOUT_HANDSHAKE);
    int fd = dial();
    UNTIL(is_over(fd));
    ck_assert_int_eq(counter_total(C_TIMEOUT_HANDSHAKE), before + 1);
    ck_assert_uint_eq(t.conns, 0);
    UNTIL(counter_total(G_HANDSHAKES) == 0);
    close(fd);
    close_server();
}
END_TEST

START_TEST(counts_a_failed_handshake)
{
    open_server(true, &ordinary);
    int64_t before = counter_total(C_HANDSHAKE_FAILED);
    int fd = dial();
    ck_assert_int_eq(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    UNTIL(is_over(fd));
    ck_assert_int_eq(counter_total(C_HANDSHAKE_FAILED), before + 1);
    ck_assert_uint_eq(t.conns, 0);
    close(fd);
    close_server();
}
END_TEST

START_TEST(bounds_what_waits_to_be_written)
{
    open_server(false, &ordinary);
    int fd = dial();
    UNTIL(t.conns == 1);
    static const char block[65536];
    size_t taken = 0;
    while (taken < (64 << 20) && conn_write(t.peers[0]->c, block, sizeof block))
        taken += sizeof block;
    ck_assert_uint_eq(taken, 1 << 20);
    ck_assert_uint_eq(conn_queued(t.peers[0]->c), 1 << 20);
    UNTIL(is_over(fd) || t.peers[0]->drained > 0);
    ck_assert_uint_eq(t.peers[0]->closed, 0);
    ck_assert_uint_eq(conn_queued(t.peers[0]->c), 0);
    ck_assert(conn_write(t.peers[0]->c, block, sizeof block));
    close(fd);
    close_server();
}
END_TEST

/* What one does not read is not free for the others, until it has read (here over TLS) or is gone. */
START_TEST(bounds_what_waits_of_all_together)
{
    static const char block[65536];
    struct listener_limits small = ordinary;
    struct tls_client k;
    small.output_max = sizeof block;
    open_server(true, &small);
    tls_dial(&k);
    struct conn *c = t.peers[0]->c;
    for (int i = 0; i < 2; i++) {
        UNTIL(conn_has_room(c, sizeof block));
        ck_assert(!conn_has_room(c, sizeof block + 1) && conn_write(c, block, sizeof block) && !conn_has_room(c, 1));
    }
    tls_hang_up(&k);
    UNTIL(listener_open(t.listener) == 0);
    tls_dial(&k); /* a second time: what was left of the first is not counted any more */
    UNTIL(t.conns == 2);
    ck_assert(conn_has_room(t.peers[1]->c, sizeof block) && !conn_has_room(t.peers[1]->c, sizeof block + 1));
    tls_hang_up(&k);
    close_server();
}
END_TEST

static size_t drunk;
static bool drink(int fd)
{
    static char into[65536];
    ssize_t n;
    while ((n = recv(fd, into, sizeof into, 0)) > 0)
        drunk += (size_t)n;
    return n == 0;
}

START_TEST(answers_fully_though_the_peer_is_still_sending)
{
    open_server(false, &ordinary);
    t.template.answer_and_close = true;
    int fd = dial();
    drunk = 0;
    ck_assert_int_eq(send(fd, "q", 1, 0), 1);
    UNTIL(t.conns == 1 && t.peers[0]->got_len == 1);
    for (int i = 0; i < 20; i++) {
        fill(fd);
        loop_turn(t.loop, 1);
    }
    UNTIL(drink(fd)); /* a clean end of stream, no reset that would eat the answer */
    ck_assert_uint_eq(drunk, 200000);
    ck_assert_uint_eq(t.peers[0]->closed, 0);
    close(fd);
    UNTIL(listener_open(t.listener) == 0);
    close_server();
}
END_TEST

START_TEST(gives_up_on_a_peer_that_does_not_read_its_answer)
{
    open_server(false, &ordinary);
    int fd = dial();
    UNTIL(t.conns == 1);
    static const char block[1 << 20];
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    while (conn_queued(t.peers[0]->c) < (256 << 10)) {
        ck_assert(conn_write(t.peers[0]->c, block, sizeof block - conn_queued(t.peers[0]->c)));
        loop_turn(t.loop, 1);
    }
    conn_close_after_write(t.peers[0]->c, 40);
    t.peers[0]->close_at_once = true; /* closed as far as close_server is concerned */
    UNTIL(listener_open(t.listener) == 0);
    close(fd);
    close_server();
}
END_TEST

START_TEST(survives_being_closed_from_its_own_callback)
{
    for (int tls = 0; tls < 2; tls++) {
        open_server(tls == 1, &ordinary);
        t.template.close_at_once = true;
        struct tls_client k = {0};
        if (tls == 1) {
            tls_dial(&k);
            ck_assert_int_eq(SSL_write(k.ssl, "bye", 3), 3);
        } else {
            k.fd = dial();
            ck_assert_int_eq(send(k.fd, "bye", 3, 0), 3);
        }
        UNTIL(is_over(k.fd));
        ck_assert_uint_eq(t.peers[0]->closed, 0);
        ck_assert_uint_eq(t.peers[0]->offers, 1);
        if (tls == 1)
            tls_hang_up(&k);
        else
            close(k.fd);
        close_server();
    }
}
END_TEST

START_TEST(waits_for_descriptors_and_accepts_then)
{
    open_server(false, &ordinary);
    int fd = dial();
    struct rlimit before;
    struct rlimit none;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 20; i++)
        loop_turn(t.loop, 1);
    unsigned accepted = t.conns;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_uint_eq(accepted, 0);
    if (getenv("HADIR_UNDER") != NULL) { /* valgrind plays the limit itself: it accepts and closes, so another must come */
        close(fd);
        fd = dial();
    }
    UNTIL(t.conns == 1);
    close(fd);
    close_server();
}
END_TEST

START_TEST(says_why_it_cannot_listen)
{
    static const char *const wrong[] = {"8443", ":8443", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000",
                                        "localhost:1", "::1:80", "[::1:80", "[]:80"};
    char error[256];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error[0] = '\0';
        ck_assert_msg(net_listen(wrong[i], false, 1, error, sizeof error) == -1, "%s", wrong[i]);
        ck_assert_msg(error[0] != '\0', "%s", wrong[i]);
    }
    int v6 = net_listen("[::1]:0", false, 1, error, sizeof error);
    if (v6 >= 0)
        close(v6);
    open_server(false, &ordinary);
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%u", ntohs(t.port));
    ck_assert_int_eq(net_listen(taken, false, 1, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "in use"));
    close_server();
}
END_TEST

UNIT_MAIN("net/conn", echoes_plain_bytes, echoes_over_tls, offers_bytes_before_the_end_that_came_with_them,
          offers_everything_before_the_end, tolerates_an_end_without_close_notify,
          notices_a_peer_that_leaves_while_paused, notices_a_leaving_peer_behind_a_full_input,
          offers_again_after_resume, offers_unconsumed_bytes_with_the_next,
          ends_a_connection_whose_owner_wants_too_much, sheds_over_connections_max,
          sheds_before_tls_over_handshakes_max, sheds_before_tls_who_comes_too_often, holds_one_address_to_its_share_when_crowded,
          keeps_places_to_shake_hands_from_one_silent_address, ends_a_handshake_that_does_not_come,
          counts_a_failed_handshake, bounds_what_waits_to_be_written, bounds_what_waits_of_all_together, answers_fully_though_the_peer_is_still_sending,
          gives_up_on_a_peer_that_does_not_read_its_answer, survives_being_closed_from_its_own_callback,
          waits_for_descriptors_and_accepts_then, says_why_it_cannot_listen)
