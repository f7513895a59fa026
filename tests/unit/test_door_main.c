/* The process itself, forked as the supervisor does it: hello, TLS, drain, and what it does when left alone. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "channel.h"
#include "conf.h"
#include "conn.h"
#include "counter.h"
#include "loop.h"
#include "message.h"
#include "role.h"
#include "test_net_certificate.h"
#include "wall.h"

#define PATIENCE_MS 60000

static struct {
    struct loop *loop;
    struct ipc_channel *control;
    struct conf conf;
    struct role_env env;
    char dir[64], certificate[96], key[96];
    pid_t pid;
    uint16_t port;
    unsigned hellos, closed;
    int status;
    bool ended;
} p;

static void on_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    (void)arg;
    (void)id;
    (void)fd;
    struct reader r;
    reader_init(&r, payload, len);
    if (type == MSG_HELLO && reader_u32(&r) == IPC_VERSION && reader_done(&r))
        p.hellos++;
}

static void on_closed(void *arg)
{
    (void)arg;
    p.closed++;
}

static bool has_ended(void)
{
    if (!p.ended)
        p.ended = waitpid(p.pid, &p.status, WNOHANG) == p.pid;
    return p.ended;
}

#define UNTIL(condition)                                                                                             \
    do {                                                                                                             \
        int64_t until_ = mono_now_ms() + PATIENCE_MS;                                                                \
        bool seen_ = (condition);                                                                                    \
        while (!seen_ && mono_now_ms() < until_) {                                                                   \
            loop_turn(p.loop, 5);                                                                                    \
            seen_ = (condition);                                                                                     \
        }                                                                                                            \
        ck_assert_msg(seen_, "never: %s", #condition);                                                               \
    } while (0)

static void start(bool good_certificate)
{
    static bool mapped;
    if (!mapped)
        counters_map();
    mapped = true;
    memset(&p, 0, sizeof p);
    static char dir[] = "/tmp/hadir-doormain-XXXXXX";
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(p.dir, sizeof p.dir, "%s", dir);
    snprintf(p.certificate, sizeof p.certificate, "%s/c.pem", dir);
    snprintf(p.key, sizeof p.key, "%s/k.pem", dir);
    certificate_make(p.certificate, p.key);
    p.conf = (struct conf){.connections_max = 10, .handshakes_max = 10, .head_timeout_ms = PATIENCE_MS,
                           .body_timeout_ms = PATIENCE_MS, .idle_timeout_ms = PATIENCE_MS,
                           .request_timeout_ms = PATIENCE_MS, .tls_certificate = p.certificate,
                           .tls_key = good_certificate ? p.key : p.certificate};
    char error[200] = "";
    int ends[2];
    p.env = (struct role_env){.conf = &p.conf};
    p.env.listen_fd = net_listen("127.0.0.1:0", true, 16, error, sizeof error);
    ck_assert_msg(p.env.listen_fd >= 0, "%s", error);
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    ck_assert_int_eq(getsockname(p.env.listen_fd, (struct sockaddr *)&at, &len), 0);
    p.port = at.sin_port;
    ck_assert_int_eq(channel_pair(ends), 0);
    p.env.control_fd = ends[1];
    p.pid = fork();
    ck_assert_int_ge(p.pid, 0);
    if (p.pid == 0) {
        close(ends[0]);
        _exit(door_main(&p.env));
    }
    close(ends[1]);
    p.loop = loop_new();
    p.control = channel_new(p.loop, ends[0], 65536, on_message, on_closed, NULL);
    ck_assert_ptr_nonnull(p.control);
}

static void finish(int wanted)
{
    UNTIL(has_ended());
    ck_assert(WIFEXITED(p.status));
    ck_assert_int_eq(WEXITSTATUS(p.status), wanted);
    if (p.control != NULL)
        channel_free(p.control);
    loop_free(p.loop);
    close(p.env.listen_fd);
    unlink(p.certificate);
    unlink(p.key);
    rmdir(p.dir);
}

/* One request over TLS; returns the status, closes nothing (the connection idles). */
static unsigned ask(SSL **ret_ssl, SSL_CTX **ret_ctx, int *ret_fd)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = p.port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    ck_assert(SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1);
    static const char request[] = "GET /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n";
    ck_assert_int_gt(SSL_write(ssl, request, sizeof request - 1), 0);
    char in[2048] = "";
    unsigned status = 0;
    ck_assert_int_gt(SSL_read(ssl, in, sizeof in - 1), 0);
    ck_assert_int_eq(sscanf(in, "HTTP/1.1 %u", &status), 1);
    *ret_ssl = ssl;
    *ret_ctx = ctx;
    *ret_fd = fd;
    return status;
}

START_TEST(says_hello_serves_and_drains)
{
    SSL *ssl;
    SSL_CTX *ctx;
    int fd;
    start(true);
    UNTIL(p.hellos == 1);
    ck_assert_uint_eq(ask(&ssl, &ctx, &fd), 404);
    ck_assert(channel_send(p.control, MSG_DRAIN, 0, NULL, 0, -1));
    char byte;
    ck_assert_int_le(SSL_read(ssl, &byte, 1), 0); /* an idle connection is closed, properly */
    ck_assert_int_eq(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    finish(0);
}
END_TEST

START_TEST(ends_when_the_supervisor_is_gone)
{
    start(true);
    UNTIL(p.hellos == 1);
    channel_free(p.control);
    p.control = NULL;
    finish(0);
}
END_TEST

START_TEST(ignores_the_terminals_interrupt)
{
    SSL *ssl;
    SSL_CTX *ctx;
    int fd;
    start(true);
    UNTIL(p.hellos == 1);
    ck_assert_int_eq(kill(p.pid, SIGINT), 0);
    ck_assert_uint_eq(ask(&ssl, &ctx, &fd), 404);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    ck_assert(channel_send(p.control, MSG_DRAIN, 0, NULL, 0, -1));
    finish(0);
}
END_TEST

START_TEST(does_not_start_without_its_key)
{
    start(false);
    finish(1);
    ck_assert_uint_eq(p.hellos, 0);
}
END_TEST

UNIT_MAIN("door/main", says_hello_serves_and_drains, ends_when_the_supervisor_is_gone, ignores_the_terminals_interrupt,
          does_not_start_without_its_key)
