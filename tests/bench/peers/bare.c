/* The least that a TLS server on libevent does for a check-in: connect, handshake, POST, constant answer, close.
 *
 *   bare PORT CERTIFICATE KEY PROCESSES BYTES
 *
 * The yardstick of fresh_cpu. The TLS context is the doors' own (daemon/crypto/tls.c): same certificate, ciphers, groups, ticket
 * count and modes; so are the bufferevents, TCP_NODELAY and a listening socket for each process. A request is over with as
 * many bytes of body as Content-Length says; nothing else of it is looked at. The answer is BYTES long, as many as the
 * door's. No deadlines, no limits: not a server. Threads: none. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ticket_keys.h"
#include "tls.h"

#define BACKLOG 4096

static struct tls_server *tls;
static char *answer;
static size_t answer_len;

static void give_up(const char *what)
{
    fprintf(stderr, "bare: %s\n", what);
    exit(EXIT_FAILURE);
}

/* Bytes of the first request in the buffer, head and body; 0: not all there. */
static size_t request_len(struct evbuffer *in)
{
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return 0;
    const char *text = (const char *)evbuffer_pullup(in, end.pos + 4);
    const char *length = memmem(text, (size_t)end.pos, "\r\nContent-Length:", 17);
    size_t whole = (size_t)end.pos + 4 + (length != NULL ? strtoul(length + 17, NULL, 10) : 0);
    return evbuffer_get_length(in) >= whole ? whole : 0;
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    for (size_t len; (len = request_len(in)) > 0;) {
        evbuffer_drain(in, len);
        bufferevent_write(bev, answer, answer_len);
    }
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)arg;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
        bufferevent_free(bev);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
    (void)l, (void)from, (void)len;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL *ssl = SSL_new(tls_server_ssl_ctx(tls));
    struct bufferevent *bev = ssl == NULL ? NULL : bufferevent_openssl_socket_new(arg, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev == NULL)
        give_up("out of memory");
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void serve(unsigned short port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct event_base *base = event_base_new();
    if (base == NULL || evconnlistener_new_bind(base, on_accept, base, LEV_OPT_REUSEABLE | LEV_OPT_REUSEABLE_PORT | LEV_OPT_CLOSE_ON_EXEC,
                                                BACKLOG, (const struct sockaddr *)&at, sizeof at) == NULL)
        give_up("cannot listen");
    event_base_dispatch(base);
}

static void make_answer(size_t bytes)
{
    char head[128];
    int len = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", bytes);
    answer_len = (size_t)len + bytes;
    answer = malloc(answer_len);
    if (answer == NULL)
        give_up("out of memory");
    memcpy(answer, head, (size_t)len);
    memset(answer + len, ' ', bytes);
}

int main(int argc, char **argv)
{
    struct ticket_keys tickets;
    char error[300];
    if (argc != 6)
        give_up("usage: bare PORT CERTIFICATE KEY PROCESSES BYTES");
    ticket_keys_fill(&tickets, 0);
    tls = tls_server_new(argv[2], argv[3], &tickets, error, sizeof error);
    if (tls == NULL)
        give_up(error);
    make_answer(strtoul(argv[5], NULL, 10));
    signal(SIGPIPE, SIG_IGN);
    for (long n = strtol(argv[4], NULL, 10); n > 1; n--)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            break;
        }
    serve((unsigned short)strtoul(argv[1], NULL, 10));
    return EXIT_FAILURE;
}
