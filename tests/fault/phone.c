/* A phone's connection as a state machine: each step does what it can and says which event it waits for. */
#include "phone.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "book.h"

#define ANSWER_MAX ((size_t)4 << 20)

static void want(struct phone *p, int epoll, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = p};
    if (p->wanted == events)
        return;
    epoll_ctl(epoll, p->wanted == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, p->fd, &e);
    p->wanted = events;
}

/* The port is chosen with the peer's address, else a thousand phones would use them up. */
static bool bind_address(const struct phone *p)
{
    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(p->address)};
    return p->address == 0 || (setsockopt(p->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
                               bind(p->fd, (const struct sockaddr *)&from, sizeof from) == 0);
}

SSL_CTX *phone_tls(const char *ca)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || SSL_CTX_load_verify_locations(tls, ca, NULL) != 1)
        give_up("%s holds no certificate", ca);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    return tls;
}

bool phone_connect(struct phone *p, int epoll, SSL_CTX *tls, const struct sockaddr_in *to)
{
    int on = 1;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    p->ssl = tls != NULL ? SSL_new(tls) : NULL;
    buf_init(&p->out, ANSWER_MAX);
    buf_init(&p->in, ANSWER_MAX);
    p->wanted = 0;
    p->state = PHONE_CONNECTING;
    if (p->fd < 0 || (p->ssl == NULL && tls != NULL) || !bind_address(p) ||
        setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) /* as browsers and curl do */
        return false;
    if (connect(p->fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS)
        return false;
    if (p->ssl != NULL) {
        SSL_set_fd(p->ssl, p->fd);
        SSL_set_app_data(p->ssl, p);
        if (p->session != NULL)
            SSL_set_session(p->ssl, p->session);
    }
    want(p, epoll, EPOLLOUT);
    numbers->connections++;
    return true;
}

void phone_close(struct phone *p)
{
    if (p->state == PHONE_CLOSED && p->fd < 0)
        return;
    if (p->ssl != NULL && p->state == PHONE_IDLE) {
        SSL_shutdown(p->ssl);
        ERR_clear_error();
    }
    SSL_free(p->ssl);
    if (p->fd >= 0)
        close(p->fd);
    buf_fini(&p->out);
    buf_fini(&p->in);
    p->ssl = NULL;
    p->fd = -1;
    p->state = PHONE_CLOSED;
}

void phone_send(struct phone *p)
{
    p->written = 0;
    buf_clear(&p->in);
    p->state = PHONE_WRITING;
}

/* After a call that did not succeed: waits for what it needs; a plain one for `events`. */
static enum phone_outcome wait_or_fail(struct phone *p, int epoll, int result, uint32_t events)
{
    if (p->ssl == NULL) {
        if (result == 0 || errno != EAGAIN)
            return PHONE_FAILED;
        want(p, epoll, events);
        return PHONE_WAITS;
    }
    int why = SSL_get_error(p->ssl, result);
    ERR_clear_error();
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        return PHONE_FAILED;
    want(p, epoll, why == SSL_ERROR_WANT_WRITE ? EPOLLOUT : EPOLLIN);
    return PHONE_WAITS;
}

/* A whole answer in p->in? hadird always says Content-Length. 1 yes, 0 not yet, -1 nonsense */
static int parse(const struct phone *p, struct phone_answer *ret)
{
    const char *text = (const char *)p->in.data;
    const char *end = p->in.len > 0 ? memmem(text, p->in.len, "\r\n\r\n", 4) : NULL;
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - text) + 4, len = 0;
    *ret = (struct phone_answer){0};
    if (head < 16 || memcmp(text, "HTTP/1.1 ", 9) != 0)
        return -1;
    for (int i = 9; i < 12; i++)
        ret->status = ret->status * 10 + (text[i] - '0');
    for (const char *line = text; line < end; line = (const char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            for (line += 15; *line == ' ' || (*line >= '0' && *line <= '9'); line++)
                len = *line == ' ' ? len : len * 10 + (size_t)(*line - '0');
        if (strncasecmp(line, "retry-after:", 12) == 0)
            ret->retry_after_s = strtoll(line + 12, NULL, 10);
        if (strncasecmp(line, "connection: close", 17) == 0)
            ret->close = true;
    }
    ret->body = text + head;
    ret->len = len;
    return p->in.len >= head + len;
}

static enum phone_outcome read_on(struct phone *p, int epoll, struct phone_answer *ret)
{
    char chunk[16384];
    for (;;) {
        int n = p->ssl != NULL ? SSL_read(p->ssl, chunk, sizeof chunk) : (int)recv(p->fd, chunk, sizeof chunk, 0);
        if (n <= 0)
            return wait_or_fail(p, epoll, n, EPOLLIN);
        if (p->state != PHONE_READING || !buf_add(&p->in, chunk, (size_t)n))
            return PHONE_FAILED; /* nobody asked */
        int whole = parse(p, ret);
        if (whole < 0)
            give_up("not HTTP: %.*s", (int)(p->in.len < 200 ? p->in.len : 200), (const char *)p->in.data);
        if (whole > 0) {
            p->state = PHONE_IDLE;
            return PHONE_ANSWERED;
        }
    }
}

static enum phone_outcome write_on(struct phone *p, int epoll)
{
    while (p->written < p->out.len) {
        const void *rest = p->out.data + p->written;
        size_t left = p->out.len - p->written;
        int n = p->ssl != NULL ? SSL_write(p->ssl, rest, (int)left) : (int)send(p->fd, rest, left, MSG_NOSIGNAL);
        if (n <= 0)
            return wait_or_fail(p, epoll, n, EPOLLOUT);
        p->written += (size_t)n;
    }
    p->state = PHONE_READING;
    want(p, epoll, EPOLLIN);
    return PHONE_WAITS;
}

enum phone_outcome phone_go_on(struct phone *p, int epoll, struct phone_answer *ret)
{
    int error = 0;
    socklen_t size = sizeof error;
    switch (p->state) {
    case PHONE_CLOSED: return PHONE_WAITS;
    case PHONE_CONNECTING:
        if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
            return PHONE_FAILED;
        p->state = PHONE_SHAKING; /* fall through */
        __attribute__((fallthrough));
    case PHONE_SHAKING:
        error = p->ssl != NULL ? SSL_connect(p->ssl) : 1;
        if (error != 1)
            return wait_or_fail(p, epoll, error, EPOLLIN);
        p->state = PHONE_IDLE;
        want(p, epoll, EPOLLIN);
        return PHONE_READY;
    case PHONE_WRITING: return write_on(p, epoll);
    case PHONE_IDLE:
    case PHONE_READING: return read_on(p, epoll, ret);
    }
    return PHONE_FAILED;
}
