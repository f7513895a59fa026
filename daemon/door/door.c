/* The door: the process that listens. Puts its parts together, obeys the supervisor, and drains.
 *
 * Place in the flow: forked by the supervisor with a listening socket; the directory, the ledger's and the desks'
 * channels come as messages, at start and whenever they are replaced. It accepts as soon as it has the directory, at
 * the latest LISTEN_WAIT_MS after its start: until then connections wait in the listener, and after that, without a
 * directory, ledger or desk, it says 503 and phones come again.
 *
 * Invariants: nothing is opened after MSG_HELLO but what comes as a descriptor; it ends when the supervisor is gone
 * (control channel closed) or when drained, at the latest DRAIN_MAX_MS after MSG_DRAIN. Does not parse or judge
 * anything itself. Threads: the loop's only. */
#include "door.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "cage.h"
#include "channel.h"
#include "conf.h"
#include "counter.h"
#include "desks.h"
#include "directory.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "pending.h"
#include "role.h"
#include "throttle.h"
#include "tls.h"
#include "wall.h"

#define DRAIN_MAX_MS 30000
#define DRAIN_LOOK_MS 20u
#define LISTEN_WAIT_MS 200u
#define LISTEN_SETTLE_MS 2u /* a base's delta is right behind it */
#define CONTROL_QUEUE_MAX ((size_t)64 << 10)
#define EXIT_CANNOT_START 1

struct door *door_new(struct loop *loop, const struct conf *conf, const char *whatsapp_app_secret,
                      const char *whatsapp_verify_token)
{
    struct door *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->loop = loop;
    d->conf = conf;
    d->whatsapp_app_secret = whatsapp_app_secret;
    d->whatsapp_verify_token = whatsapp_verify_token;
    d->directory = directory_new();
    d->pending = pending_set_new(loop);
    d->desks = desks_new(loop);
    d->throttle = throttle_new(conf);
    d->http = http_server_new(d);
    if (d->directory == NULL || d->pending == NULL || d->desks == NULL || d->throttle == NULL || d->http == NULL) {
        door_free(d);
        return NULL;
    }
    return d;
}

void door_free(struct door *d)
{
    if (d == NULL)
        return;
    http_server_free(d->http);
    desks_free(d->desks);
    pending_set_free(d->pending);
    directory_free(d->directory);
    throttle_free(d->throttle);
    free(d);
}

bool door_listen(struct door *d, int fd, struct tls_server *tls)
{
    return http_server_listen(d->http, fd, tls);
}

bool door_is_done(const struct door *d)
{
    return d->draining && http_server_open(d->http) == 0;
}

static void adopt(struct door *d, int fd)
{
    char error[256] = "";
    int64_t epoch;
    int64_t number;
    int64_t compiled_us;
    if (!directory_adopt(d->directory, fd, error, sizeof error)) {
        log_error("event=directory_refused reason=\"%s\"", error);
        return;
    }
    directory_version(d->directory, &epoch, &number, &compiled_us);
    counter_set(G_DIRECTORY_VERSION, number);
    counter_set(G_DIRECTORY_PEOPLE, (int64_t)directory_people(d->directory));
    log_info("event=directory_adopted epoch=%lld number=%lld people=%zu", (long long)epoch, (long long)number,
             directory_people(d->directory));
}

static void connect_peer(struct door *d, const uint8_t *payload, size_t len, int fd)
{
    struct reader r;
    reader_init(&r, payload, len);
    uint8_t role = reader_u8(&r);
    uint32_t index = reader_u32(&r);
    if (!reader_done(&r)) {
        log_error("event=peer reason=malformed");
        close(fd);
    } else if (role == ROLE_LEDGER) {
        pending_set_connect(d->pending, fd);
    } else if (role == ROLE_DESK) {
        desks_connect(d->desks, index, fd);
    } else {
        log_error("event=peer role=%u reason=unexpected", role);
        close(fd);
    }
}

void door_message(struct door *d, uint16_t type, const uint8_t *payload, size_t len, int fd)
{
    if (type == MSG_DRAIN && !d->draining) {
        log_info("event=drain open=%zu", http_server_open(d->http));
        d->draining = true;
        http_server_drain(d->http);
    } else if (type == MSG_PEER && fd >= 0) {
        connect_peer(d, payload, len, fd);
        return;
    } else if (type == MSG_SNAPSHOT && fd >= 0) {
        adopt(d, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
}

/* ---- the process ---- */

struct process {
    struct loop *loop;
    struct door *door;
    struct ipc_channel *control;
    struct loop_timer *drain;
    struct loop_timer *listen; /* NULL once it accepts */
    int listen_fd;
    struct tls_server *tls;
    int64_t drain_until_mono_ms;
    bool orphaned;
    int status;
};

static void on_drain_look(void *arg)
{
    struct process *p = arg;
    if (door_is_done(p->door) || mono_now_ms() >= p->drain_until_mono_ms)
        loop_stop(p->loop);
    else
        loop_timer_arm(p->drain, DRAIN_LOOK_MS);
}

static void on_listen_time(void *arg)
{
    struct process *p = arg;
    loop_timer_free(p->listen);
    p->listen = NULL;
    if (p->door->draining || door_listen(p->door, p->listen_fd, p->tls))
        return;
    log_error("event=door_start reason=memory");
    p->status = EXIT_CANNOT_START;
    loop_stop(p->loop);
}

static void on_control(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    (void)id;
    struct process *p = arg;
    if (type == MSG_DRAIN && !p->door->draining) {
        p->drain_until_mono_ms = mono_now_ms() + DRAIN_MAX_MS;
        loop_timer_arm(p->drain, DRAIN_LOOK_MS);
    }
    door_message(p->door, type, payload, len, fd);
    if (type == MSG_SNAPSHOT && p->listen != NULL)
        loop_timer_arm(p->listen, LISTEN_SETTLE_MS);
}

static void on_control_closed(void *arg)
{
    struct process *p = arg;
    log_error("event=supervisor_gone");
    p->orphaned = true;
    loop_stop(p->loop);
}

static bool say_hello(struct process *p)
{
    struct buf hello;
    buf_init(&hello, 16);
    bool ok = buf_u32(&hello, IPC_VERSION) && channel_send(p->control, MSG_HELLO, 0, hello.data, hello.len, -1);
    buf_fini(&hello);
    return ok;
}

static bool start(struct process *p, const struct role_env *env, struct tls_server *tls)
{
    p->loop = loop_new();
    if (p->loop == NULL)
        return false;
    p->door = door_new(p->loop, env->conf, env->whatsapp_app_secret, env->whatsapp_verify_token);
    p->drain = loop_timer_new(p->loop, on_drain_look, p);
    p->listen = loop_timer_new(p->loop, on_listen_time, p);
    p->listen_fd = env->listen_fd;
    p->tls = tls;
    p->control = channel_new(p->loop, env->control_fd, CONTROL_QUEUE_MAX, on_control, on_control_closed, p);
    if (p->door == NULL || p->drain == NULL || p->listen == NULL || p->control == NULL)
        return false;
    loop_timer_arm(p->listen, LISTEN_WAIT_MS);
    return cage_files(CAGE_DOOR, NULL, NULL) && cage_shut(CAGE_DOOR) && say_hello(p);
}

int door_main(const struct role_env *env)
{
    static char name[16];
    char error[256] = "";
    snprintf(name, sizeof name, "door%u", env->index);
    log_set_role(name);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* the terminal's Ctrl-C is the supervisor's to answer */
    struct tls_server *tls = tls_server_new(env->conf->tls_certificate, env->conf->tls_key, env->tickets, error, sizeof error);
    if (tls == NULL) {
        log_error("event=door_start reason=\"%s\"", error);
        return EXIT_CANNOT_START;
    }
    struct process p = {0};
    int status = EXIT_CANNOT_START;
    if (start(&p, env, tls)) {
        loop_run(p.loop);
        status = p.status;
        log_info("event=door_end orphaned=%s", p.orphaned ? "yes" : "no");
    } else {
        log_error("event=door_start reason=\"memory or cage\"");
    }
    door_free(p.door);
    if (p.drain != NULL)
        loop_timer_free(p.drain);
    if (p.listen != NULL)
        loop_timer_free(p.listen);
    if (p.control != NULL)
        channel_free(p.control);
    loop_free(p.loop);
    tls_server_free(tls);
    return status;
}
