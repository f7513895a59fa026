/* The ledger: the one process that acknowledges check-ins.
 *
 * Place in the flow: doors send batches over their channels; the spool makes them durable and signed; the answers go
 * back; ingest takes the rows to PostgreSQL behind all that. This file starts and stops it, speaks with the supervisor
 * and keeps the gauges. Start: signing key, spool (recovery, folder lock), then "ready", whether or not there is a
 * database. Stop (told so, or the supervisor is gone): nothing new is taken, what is queued is committed and answered,
 * ingest gets a second for the rest, the spool is closed in order. A fault of the disk ends the process elsewhere
 * (spool_thread.c), without an answer.
 *
 * Threads: this loop, and the spool's. Signals: none of its own; SIGTERM and SIGINT are the supervisor's business, which
 * lets the doors finish first.
 */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cage.h"
#include "conf.h"
#include "counter.h"
#include "ingest.h"
#include "limit.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "receipts.h"
#include "role.h"
#include "signer.h"
#include "spool.h"
#include "store.h"
#include "wall.h"

#define QUEUE_MAX_ITEMS 8192
#define CONTROL_QUEUE_BYTES (1u << 20)
#define TICK_MS 250
#define DRAIN_TICK_MS 10
#define LAST_INGEST_MS 1000
#define DRAIN_MAX_MS 5000 /* for answers that nobody reads */
#define DAY_US (INT64_C(86400) * US_PER_S)

/* ---- gauges ---- */

static void tell(struct ledger *l, bool ready)
{
    struct shared_cells *cells = counters_cells();
    bool full = spool_is_full(l->spool);
    __atomic_store_n(&cells->spool_full, full, __ATOMIC_RELAXED);
    __atomic_store_n(&cells->ledger_ready, ready, __ATOMIC_RELAXED);
    counter_set(G_SPOOL_FULL, full);
    ingest_gauges(l->ingest);
}

/* ---- ending ---- */

static bool is_drained(const struct ledger *l)
{
    int64_t since_ms = mono_now_ms() - l->drain_mono_ms;
    if (since_ms >= DRAIN_MAX_MS)
        return true;
    return !l->deaf && l->jobs == 0 && spool_pending(l->spool) == 0 && peer_all_flushed(l) &&
           (ingest_is_current(l->ingest) || !ingest_is_connected(l->ingest) || since_ms >= LAST_INGEST_MS);
}

static void drain(struct ledger *l, const char *reason)
{
    if (l->draining)
        return;
    log_info("event=draining reason=%s jobs=%zu", reason, l->jobs);
    l->draining = true;
    l->drain_mono_ms = mono_now_ms();
    loop_timer_arm(l->tick, 0);
}

static void on_tick(void *arg)
{
    struct ledger *l = arg;
    tell(l, !l->draining);
    wall_look(&l->clock);
    if (l->draining && is_drained(l))
        loop_stop(l->loop);
    else
        loop_timer_arm(l->tick, l->draining ? DRAIN_TICK_MS : TICK_MS);
}

/* ---- the supervisor ---- */

static void take_peer(struct ledger *l, const uint8_t *payload, size_t len, int fd)
{
    struct reader r;
    reader_init(&r, payload, len);
    uint8_t role = reader_u8(&r);
    uint32_t index = reader_u32(&r);
    if (reader_done(&r) && role == ROLE_DOOR && fd >= 0) {
        peer_add(l, index, fd);
        return;
    }
    log_error("event=peer_refused role=%u", role);
    if (fd >= 0)
        close(fd);
}

static void take_config(struct ledger *l, const uint8_t *payload, size_t len)
{
    struct reader r;
    reader_init(&r, payload, len);
    uint32_t keep_days = reader_u32(&r), floor_mb = reader_u32(&r);
    if (!reader_done(&r) || keep_days == 0) {
        log_error("event=config_refused");
        return;
    }
    spool_set_limits(l->spool, keep_days * DAY_US, (uint64_t)floor_mb << 20);
    log_info("event=configured spool_keep_days=%u spool_free_floor_mb=%u", keep_days, floor_mb);
}

static void on_control(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct ledger *l = arg;
    (void)id;
    if (type == MSG_PEER) {
        take_peer(l, payload, len, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
    if (type == MSG_DRAIN)
        drain(l, "told");
    else if (type == MSG_CONFIG)
        take_config(l, payload, len);
    else
        log_error("event=unknown_message type=%u", type);
}

static void on_control_closed(void *arg)
{
    struct ledger *l = arg;
    channel_free(l->control);
    l->control = NULL;
    drain(l, "supervisor_gone");
}

static bool say_hello(struct ledger *l)
{
    struct buf out;
    buf_init(&out, 16);
    buf_u32(&out, IPC_VERSION);
    bool ok = channel_send(l->control, MSG_HELLO, 0, out.data, out.len, -1);
    buf_fini(&out);
    return ok;
}

/* ---- starting ---- */

static bool load_signer(struct ledger *l)
{
    const char *path = l->conf->receipt_key;
    char error[300] = "";
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        log_error("event=receipt_key_missing path=%s", path);
        return false;
    }
    if ((st.st_mode & 077) != 0) {
        log_error("event=receipt_key_open path=%s reason=\"others can read it: chmod 600\"", path);
        return false;
    }
    l->signer = signer_load(path, error, sizeof error);
    if (l->signer == NULL)
        log_error("event=receipt_key_unusable path=%s reason=\"%s\"", path, error);
    return l->signer != NULL;
}

static bool start_spool(struct ledger *l)
{
    char error[400] = "";
    struct spool_options options = {
        .dir = l->conf->spool_dir,
        .queue_max_items = QUEUE_MAX_ITEMS,
        .keep_us = l->conf->spool_keep_days * DAY_US,
        .free_floor_bytes = (uint64_t)l->conf->spool_free_floor_mb << 20,
        .sign = receipts_sign,
        .sign_arg = l->signer,
        .key_id = signer_key_id(l->signer),
    };
    l->spool = spool_start(l->loop, &options, error, sizeof error);
    if (l->spool == NULL)
        log_error("event=spool_not_started reason=\"%s\"", error);
    return l->spool != NULL;
}

/* Before the spool's thread is made: Landlock binds a thread and those that it makes. */
static bool narrow_files(const struct ledger *l)
{
    char **files = store_files(l->conf->database);
    bool ok = files != NULL && cage_files(CAGE_LEDGER, l->conf->spool_dir, files);
    store_files_free(files);
    return ok;
}

static bool start(struct ledger *l, int control_fd)
{
    l->loop = loop_new();
    if (l->loop == NULL || !load_signer(l) || !narrow_files(l) || !start_spool(l))
        return false;
    l->limit = limit_new();
    l->ingest = ingest_new(l->loop, l->conf, l->spool);
    l->tick = loop_timer_new(l->loop, on_tick, l);
    l->control = channel_new(l->loop, control_fd, CONTROL_QUEUE_BYTES, on_control, on_control_closed, l);
    if (l->limit == NULL || l->ingest == NULL || l->tick == NULL || l->control == NULL || !round_new(l) ||
        !cage_shut(CAGE_LEDGER) || !say_hello(l))
        return false;
    tell(l, true);
    loop_timer_arm(l->tick, TICK_MS);
    return true;
}

/* The spool's last callbacks still answer to peers, so peers go after it. */
static void finish(struct ledger *l)
{
    if (l->ingest != NULL)
        ingest_stop(l->ingest);
    if (l->spool != NULL)
        spool_stop(l->spool);
    l->spool = NULL;
    peer_close_all(l);
    ingest_free(l->ingest);
    if (l->control != NULL)
        channel_free(l->control);
    loop_timer_free(l->tick);
    loop_timer_free(l->round);
    limit_free(l->limit);
    signer_free(l->signer);
    if (l->loop != NULL)
        loop_free(l->loop);
}

int ledger_main(const struct role_env *env)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (l == NULL)
        fatal("event=out_of_memory");
    l->conf = env->conf;
    bool started = start(l, env->control_fd);
    if (started) {
        log_info("event=ready");
        loop_run(l->loop);
        __atomic_store_n(&counters_cells()->ledger_ready, 0, __ATOMIC_RELAXED);
        log_info("event=stopped");
    }
    finish(l);
    free(l);
    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}
