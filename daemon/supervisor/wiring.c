/* Who talks to whom: the supervisor makes every socketpair and passes its ends, keeps the newest snapshot, and hears
 * what the roles say of themselves.
 *
 * Place in the flow: process.c calls wiring_join for each started process and wiring_on_message for each message.
 * Doors are joined to the ledger and to every desk; nobody else is joined to anybody. A process that was started again
 * gets fresh pairs to all its peers; the peers see the old ends close. A draining process keeps what it has, and a
 * draining door is joined to a new ledger, because it may still wait for an answer.
 * Messages to a process that just started wait in its control channel until it reads them. No threads. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "channel.h"
#include "inside.h"
#include "log.h"
#include "wall.h"

static bool send_peer(struct process *to, enum role role, unsigned index, int fd)
{
    uint8_t bytes[5];
    struct buf payload;
    buf_init(&payload, sizeof bytes);
    buf_u8(&payload, (uint8_t)role);
    buf_u32(&payload, index);
    bool sent = to->control != NULL && !payload.failed &&
                channel_send(to->control, MSG_PEER, 0, payload.data, payload.len, fd);
    buf_fini(&payload);
    return sent;
}

/* A control channel that does not take a message is one whose process does not read: it is ended and started again. One
 * that drains may just have ended, and is ended by the bound of draining otherwise. */
static void give_up_on(struct process *p)
{
    if (p->draining)
        return;
    log_error("event=control_full role=%s", p->name);
    process_kill(p);
}

static void join_pair(struct process *door, struct process *server)
{
    int fds[2];
    if (channel_pair(fds) != 0) {
        log_error("event=pair_failed reason=\"%s\"", strerror(errno));
        process_kill(door);
        return;
    }
    if (!send_peer(server, ROLE_DOOR, door->number, fds[1]))
        give_up_on(server);
    if (!send_peer(door, server->role, server->index, fds[0]))
        give_up_on(door);
    close(fds[0]);
    close(fds[1]);
}

static bool serves(const struct process *server, const struct process *door)
{
    if (!process_alive(server) || !process_alive(door))
        return false;
    return server->role == ROLE_LEDGER ||
           (server->role == ROLE_DESK && !server->draining && server->generation == door->generation);
}

static void send_snapshot(struct process *door, const struct snapshot_file *file)
{
    if (file->fd < 0 || door->control == NULL)
        return;
    if (!channel_send(door->control, MSG_SNAPSHOT, 0, file->payload, sizeof file->payload, file->fd))
        give_up_on(door);
}

void wiring_join(struct supervisor *sup, struct process *p)
{
    for (size_t i = 0; i < sup->process_count; i++) {
        struct process *other = sup->processes[i];
        if (p->role == ROLE_DOOR && (other->role == ROLE_LEDGER || other->role == ROLE_DESK) && serves(other, p))
            join_pair(p, other);
        if (other->role == ROLE_DOOR && (p->role == ROLE_LEDGER || p->role == ROLE_DESK) && serves(p, other))
            join_pair(other, p);
    }
    if (p->role == ROLE_DOOR) {
        send_snapshot(p, &sup->base);
        send_snapshot(p, &sup->delta);
    }
}

static void snapshot_keep(struct snapshot_file *file, const uint8_t *payload, int fd)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = fd;
    if (fd >= 0)
        memcpy(file->payload, payload, sizeof file->payload);
}

/* Takes fd. */
static void on_publish(struct process *p, const uint8_t *payload, size_t len, int fd)
{
    struct supervisor *sup = p->sup;
    struct reader r;
    reader_init(&r, payload, len);
    uint8_t kind = reader_u8(&r);
    reader_i64(&r);
    int64_t number = reader_i64(&r);
    bool base = kind == 1;
    if (p->role != ROLE_PLANNER || !reader_done(&r) || fd < 0 || (kind != 1 && kind != 2) ||
        (!base && sup->base.fd < 0)) {
        log_error("event=publish_malformed role=%s", p->name);
        if (fd >= 0)
            close(fd);
        return;
    }
    struct snapshot_file *file = base ? &sup->base : &sup->delta;
    snapshot_keep(file, payload, fd);
    if (base)
        snapshot_keep(&sup->delta, NULL, -1);
    log_info("event=directory_published kind=%s number=%lld", base ? "base" : "delta", (long long)number);
    for (size_t i = 0; i < sup->process_count; i++)
        if (sup->processes[i]->role == ROLE_DOOR)
            send_snapshot(sup->processes[i], file);
}

static void on_hello(struct process *p, const uint8_t *payload, size_t len)
{
    struct reader r;
    reader_init(&r, payload, len);
    uint32_t version = reader_u32(&r);
    if (!reader_done(&r) || version != IPC_VERSION) {
        log_error("event=hello_malformed role=%s", p->name);
        process_kill(p);
        return;
    }
    if (p->ready)
        return;
    p->ready = true;
    p->ready_mono_ms = mono_now_ms();
    log_info("event=ready role=%s", p->name);
    supervisor_on_ready(p);
}

/* The ledger or a desk was sent what no door sends: somebody is in that door, or it is broken. */
static void on_forged(struct process *p, const uint8_t *payload, size_t len)
{
    struct supervisor *sup = p->sup;
    struct reader r;
    reader_init(&r, payload, len);
    uint32_t number = reader_u32(&r);
    if (!reader_done(&r) || (p->role != ROLE_LEDGER && p->role != ROLE_DESK)) {
        log_error("event=forged_malformed role=%s", p->name);
        return;
    }
    for (size_t i = 0; i < sup->process_count; i++) {
        struct process *door = sup->processes[i];
        if (door->role != ROLE_DOOR || door->number != number || door->pid == 0)
            continue;
        log_error("event=door_ended role=%s pid=%ld told_by=%s reason=\"it said what no door says: taken over, or our mistake\"",
                  door->name, (long)door->pid, p->name);
        process_kill(door);
    }
}

void wiring_on_message(struct process *p, uint16_t type, const uint8_t *payload, size_t len, int fd)
{
    if (type == MSG_PUBLISH) {
        on_publish(p, payload, len, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
    if (type == MSG_HELLO)
        on_hello(p, payload, len);
    else if (type == MSG_FORGED)
        on_forged(p, payload, len);
    else
        log_error("event=message_unknown role=%s type=%u", p->name, (unsigned)type);
}

void wiring_fini(struct supervisor *sup)
{
    snapshot_keep(&sup->delta, NULL, -1);
    snapshot_keep(&sup->base, NULL, -1);
}
