/* The desk: answers people's questions from the database, for the doors.
 *
 * Place in the flow: supervisor --MSG_PEER--> one channel per door; doors --MSG_QUESTION, MSG_REQUEST, MSG_REPORT--> inquiry.c. Two
 * connections, pipelined: hadir_query for what only reads, hadir_operator for letters and decisions. Many questions share
 * them, each its own transaction with its own actor.
 * Ends on MSG_DRAIN when the last answer is out, or at once when the supervisor is gone.
 * Does not: listen, write check-ins, see a secret. No threads. */
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "cage.h"
#include "channel.h"
#include "conf.h"
#include "counter.h"
#include "inquiry.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "report.h"
#include "role.h"
#include "store.h"

#define CONTROL_QUEUE_BYTES ((size_t)1 << 20)
#define DOOR_QUEUE_BYTES ((size_t)32 << 20) /* every question's credit at once, and some */
#define DOORS_MAX 128
#define LINGER_MS 20u

struct desk;

struct door_link {
    struct desk *desk;
    struct ipc_channel *channel; /* NULL: free place */
    uint32_t index;
};

struct desk {
    struct loop *loop;
    struct ipc_channel *control;
    struct store *reads, *writes;
    struct inquiries *inquiries;
    struct door_link doors[DOORS_MAX];
    struct loop_timer *linger; /* draining: looks again whether the last bytes are out */
    bool draining;
};

static void door_gone(struct door_link *link)
{
    struct ipc_channel *channel = link->channel;
    inquiries_forget(link->desk->inquiries, channel);
    link->channel = NULL;
    channel_free(channel);
}

/* It said what no door says: not heard any further, and the supervisor ends it. */
static void door_forged(struct door_link *link, unsigned type)
{
    struct desk *d = link->desk;
    struct buf index;
    log_error("event=door_forged door=%u type=%u reason=question", (unsigned)link->index, type);
    counter_inc(C_FORGED_QUESTION);
    buf_init(&index, 4);
    buf_u32(&index, link->index);
    if (!index.failed)
        channel_send(d->control, MSG_FORGED, 0, index.data, index.len, -1);
    buf_fini(&index);
    door_gone(link);
}

static void on_door_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct door_link *link = arg;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || !inquiries_message(link->desk->inquiries, link->channel, type, id, payload, len))
        door_forged(link, type);
}

static void on_door_closed(void *arg)
{
    door_gone(arg);
}

/* Takes fd. */
static void on_peer(struct desk *d, const uint8_t *payload, size_t len, int fd)
{
    struct reader r;
    reader_init(&r, payload, len);
    uint8_t role = reader_u8(&r);
    uint32_t index = reader_u32(&r);
    struct door_link *place = NULL;
    if (!reader_done(&r) || role != ROLE_DOOR || fd < 0) {
        log_error("event=peer_malformed");
        if (fd >= 0)
            close(fd);
        return;
    }
    for (size_t i = 0; i < DOORS_MAX; i++) {
        struct door_link *link = &d->doors[i];
        if (link->channel != NULL && link->index == index)
            door_gone(link);
        if (link->channel == NULL && place == NULL)
            place = link;
    }
    if (place == NULL) {
        log_error("event=peer_refused reason=\"too many doors\"");
        close(fd);
        return;
    }
    *place = (struct door_link){.desk = d, .index = index};
    place->channel = channel_new(d->loop, fd, DOOR_QUEUE_BYTES, on_door_message, on_door_closed, place);
}

/* Bodies that are queued go out before the end: the doors read them, or close. */
static void end_when_idle(struct desk *d)
{
    if (!d->draining || inquiries_count(d->inquiries) > 0)
        return;
    for (size_t i = 0; i < DOORS_MAX; i++) {
        if (d->doors[i].channel != NULL && channel_queued(d->doors[i].channel) > 0) {
            loop_timer_arm(d->linger, LINGER_MS);
            return;
        }
    }
    loop_stop(d->loop);
}

static void on_idle(void *arg)
{
    end_when_idle(arg);
}

static void on_control(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct desk *d = arg;
    (void)id;
    if (type == MSG_PEER) {
        on_peer(d, payload, len, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
    if (type == MSG_DRAIN) {
        d->draining = true;
        end_when_idle(d);
    }
}

static void on_control_closed(void *arg)
{
    struct desk *d = arg;
    loop_stop(d->loop);
}

static void on_reads_up(void *arg)
{
    (void)arg;
    counter_set(G_DB_DESK, 1);
}

static void on_reads_down(void *arg)
{
    (void)arg;
    counter_set(G_DB_DESK, 0);
}

static void on_writes_up(void *arg)
{
    (void)arg;
    counter_set(G_DB_OPERATOR, 1);
}

static void on_writes_down(void *arg)
{
    (void)arg;
    counter_set(G_DB_OPERATOR, 0);
}

static bool shut_cage(const struct role_env *env)
{
    char **files = store_files(env->conf->database);
    bool ok = files != NULL && cage_files(CAGE_DESK, temporary_folder(), files) && cage_shut(CAGE_DESK);
    store_files_free(files);
    return ok;
}

static bool desk_start(struct desk *d, const struct role_env *env)
{
    static const struct store_callbacks on_reads = {.on_up = on_reads_up, .on_down = on_reads_down};
    static const struct store_callbacks on_writes = {.on_up = on_writes_up, .on_down = on_writes_down};
    struct buf hello;
    d->loop = loop_new();
    if (d->loop == NULL)
        return false;
    d->control = channel_new(d->loop, env->control_fd, CONTROL_QUEUE_BYTES, on_control, on_control_closed, d);
    d->reads = store_new(d->loop, env->conf->database, "hadir_query", false, &on_reads, d);
    d->writes = store_new(d->loop, env->conf->database, "hadir_operator", true, &on_writes, d);
    d->linger = loop_timer_new(d->loop, on_idle, d);
    if (d->control == NULL || d->reads == NULL || d->writes == NULL || d->linger == NULL)
        return false;
    d->inquiries = inquiries_new(d->loop, env->conf, d->reads, d->writes, on_idle, d);
    if (d->inquiries == NULL)
        return false;
    if (!shut_cage(env))
        return false;
    buf_init(&hello, 4);
    buf_u32(&hello, IPC_VERSION);
    bool sent = !hello.failed && channel_send(d->control, MSG_HELLO, 0, hello.data, hello.len, -1);
    buf_fini(&hello);
    return sent;
}

static void desk_end(struct desk *d)
{
    store_free(d->reads); /* first: callbacks of questions must not come any more */
    store_free(d->writes);
    for (size_t i = 0; i < DOORS_MAX; i++)
        channel_free(d->doors[i].channel);
    inquiries_free(d->inquiries);
    channel_free(d->control);
    if (d->linger != NULL)
        loop_timer_free(d->linger);
    if (d->loop != NULL)
        loop_free(d->loop);
}

int desk_main(const struct role_env *env)
{
    struct desk *d = calloc(1, sizeof *d);
    if (d == NULL)
        return 1;
    bool started = desk_start(d, env);
    if (started)
        loop_run(d->loop);
    else
        log_error("event=start_failed");
    desk_end(d);
    free(d);
    return started ? 0 : 1;
}
