/* The spool: the place where a check-in becomes ours. An answer leaves only after its rows are durable here.
 *
 * ## The file
 *
 * One folder, one live file `spool.db` (SQLite, WAL), read and written by one thread through one connection (opened
 * before the thread starts, handed over, closed by it):
 *
 *   meta(name, value)     spool_id: 16 random bytes that name this file in the database's ingest_mark; another one
 *                         (spool_renew) when the database knows rows that the file has not: an older copy was put back;
 *                         ingested: a hint for gauges; clock_seen, hold: the clock when it was last looked at, and how long
 *                         rows are not deleted yet because it jumped (spool_thread.c, may_age)
 *   row(seq, kind, scope, key, body_hash, id, received_us, grp, leaf_index, payload, sum)
 *                         seq never repeats (AUTOINCREMENT), also after deletes; payload is the encoded fact.
 *                         UNIQUE(scope, key): scope is 'd' ‖ device, 's' ‖ SHA-256(sender) or 'e' for events.
 *                         UNIQUE(id). sum: check sum of all but seq (spool_file.c)
 *   grp(id, size, root, signature, key_id, leaves, sum)
 *                         one commit group with signed rows. A row's inclusion path is computed from `leaves` (32 bytes
 *                         each) when it is wanted: a stored path would cost a row 32·log2(n) bytes of log for each append.
 *   slot(person, session, day, inside, at_us)
 *                         the best automatic position so far
 *
 * Beside it `spool.db-wal`, `spool.lock` (flock: a second daemon is refused in words) and perhaps `spool.failed` and
 * orphans (spool_orphan.c).
 *
 * ## When a row is valid
 *
 * All that waits when the thread comes round becomes one group: one BEGIN IMMEDIATE … COMMIT (spool_group.c). While one
 * group's fdatasync runs the next one gathers by itself; how long appends wait for company is their caller's
 * (ledger/round.c).
 * synchronous=FULL makes COMMIT append the pages to the log and fdatasync it before it returns. Results, with receipts'
 * proofs, are computed before COMMIT and handed to the loop (list + eventfd) after it. So:
 *
 *   signature and leaves  before  COMMIT's fdatasync  before  spool_append_cb  before  the client's answer
 *
 * A crash leaves the log's last whole transaction: everything acknowledged, and perhaps one group that nobody was told
 * of, whose senders will retry and get its receipts. Checkpoints (log → spool.db) happen when the thread is idle or the
 * log is large, never inside COMMIT; they move pages that are durable already.
 *
 * ## When the disk is not well
 *
 * No space (SQLITE_FULL, or free space under the floor): the whole group is rolled back, every batch of it gets
 * SPOOL_FULL, and new ones do until space is back. Anything else that fails, an fsync above all, leaves it unknown what
 * is on the disk: the process marks the file, says so, and exits with 70 without another answer. The next one sets the
 * file aside and starts a new one. So does a row or group that is not what was written (check sums), and a log damaged
 * before its end (spool_wal.c): what can be read is drained, the rest is named in the log and kept for a human.
 *
 * ## Threads
 *
 * The loop's side (the functions of spool.h) and the spool thread share only what `lock` guards: the list of waiting
 * requests, the list of finished ones and a few numbers. Items are bounded from spool_append until their callback
 * returned, so the lists are bounded. SQLite is touched by the thread alone.
 *
 * Does not know what a fact is, does not talk to the database, does not decide when to drain.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counter.h"
#include "log.h"
#include "loop.h"
#include "spool_private.h"
#include "spool_wal.h"
#include "wall.h"

#define READS_MAX 256 /* requests other than appends, waiting or running */

void list_init(struct list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

void list_push(struct list *l, struct request *r)
{
    r->next = NULL;
    *l->last = r;
    l->last = &r->next;
}

struct request *list_take(struct list *l)
{
    struct request *first = l->first;
    list_init(l);
    return first;
}

static void request_free(struct request *r)
{
    spool_batch_free(r->batch);
    for (size_t i = 0; i < r->set.count; i++)
        free((void *)(uintptr_t)r->set.rows[i].payload);
    free(r->set.rows);
    free(r);
}

/* ---- delivering ---- */

static void publish_stat(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t groups = s->stat.groups, rows = s->stat.rows, total_us = s->stat.total_us;
    int64_t last_us = s->stat.last_us, last_rows = s->stat.last_rows;
    memset(&s->stat, 0, sizeof s->stat);
    pthread_mutex_unlock(&s->lock);
    if (groups == 0)
        return;
    counter_add(C_GROUPS, groups);
    counter_add(C_GROUP_ROWS, rows);
    counter_add(C_GROUP_US, total_us);
    counter_set(M_GROUP_US_LAST, last_us);
    counter_set(M_GROUP_ROWS_LAST, last_rows);
}

static void hold(struct spool *s, struct request *r)
{
    r->held_prev = NULL;
    r->held_next = s->held;
    if (s->held != NULL)
        s->held->held_prev = r;
    s->held = r;
    s->items_held += r->batch->count;
}

static void let_go(struct spool *s, struct request *r)
{
    if (r->held_prev != NULL)
        r->held_prev->held_next = r->held_next;
    else
        s->held = r->held_next;
    if (r->held_next != NULL)
        r->held_next->held_prev = r->held_prev;
    s->items_held -= r->batch->count;
}

static void deliver(struct spool *s, struct request *r)
{
    if (r->kind == REQUEST_APPEND) {
        struct spool_batch *b = r->batch;
        let_go(s, r);
        b->cb(b->arg, b->outcome, b->outcome == SPOOL_OK ? b->results : NULL, b->outcome == SPOOL_OK ? b->count : 0);
        return;
    }
    s->reads_held--;
    if (r->kind == REQUEST_RENEW)
        memcpy(s->id, r->id, sizeof s->id);
    if (r->kind == REQUEST_ORPHAN_OPEN)
        r->on_orphan(r->arg, r->orphan);
    else if (r->on_rows != NULL)
        r->on_rows(r->arg, r->set.rows, r->set.count);
}

static void deliver_all(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    struct request *done = list_take(&s->done);
    pthread_mutex_unlock(&s->lock);
    publish_stat(s);
    for (struct request *next; done != NULL; done = next) {
        next = done->next;
        deliver(s, done);
        request_free(done);
    }
}

static void on_wake(void *arg, bool readable, bool writable)
{
    struct spool *s = arg;
    uint64_t count;
    (void)readable;
    (void)writable;
    if (read(s->wake_fd, &count, sizeof count) == (ssize_t)sizeof count)
        deliver_all(s);
}

/* ---- asking ---- */

/* The thread is woken once and finds a whole group. */
void spool_commit(struct spool *s)
{
    if (s->gathered.first == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    *s->waiting.last = s->gathered.first;
    s->waiting.last = s->gathered.last;
    pthread_mutex_unlock(&s->lock);
    list_init(&s->gathered);
    pthread_cond_signal(&s->work);
}

/* Behind what was appended before it. */
static void submit(struct spool *s, struct request *r)
{
    list_push(&s->gathered, r);
    spool_commit(s);
}

bool spool_append(struct spool *s, const struct spool_item *items, size_t count, spool_append_cb cb, void *arg)
{
    if (count == 0 || (s->items_held > 0 && s->items_held + count > s->queue_max_items))
        return false;
    struct request *r = calloc(1, sizeof *r);
    if (r == NULL || (r->batch = spool_batch_new(items, count, cb, arg)) == NULL) {
        free(r);
        return false;
    }
    r->kind = REQUEST_APPEND;
    hold(s, r);
    list_push(&s->gathered, r);
    return true;
}

static struct request *new_read(struct spool *s, enum request_kind kind, void *arg)
{
    struct request *r = s->reads_held < READS_MAX ? calloc(1, sizeof *r) : NULL;
    if (r == NULL)
        return NULL;
    r->kind = kind;
    r->arg = arg;
    s->reads_held++;
    return r;
}

bool spool_read(struct spool *s, int64_t after_seq, size_t max_rows, size_t max_bytes, spool_rows_cb cb, void *arg)
{
    struct request *r = new_read(s, REQUEST_READ, arg);
    if (r == NULL)
        return false;
    r->after_seq = after_seq;
    r->max_rows = max_rows;
    r->set.max_bytes = max_bytes;
    r->on_rows = cb;
    submit(s, r);
    return true;
}

bool spool_find(struct spool *s, const uint8_t id[16], int64_t device, spool_rows_cb cb, void *arg)
{
    struct request *r = new_read(s, REQUEST_FIND, arg);
    if (r == NULL)
        return false;
    memcpy(r->id, id, sizeof r->id);
    r->device = device;
    r->on_rows = cb;
    submit(s, r);
    return true;
}

bool spool_orphan_open(struct spool *s, spool_orphan_cb cb, void *arg)
{
    struct request *r = new_read(s, REQUEST_ORPHAN_OPEN, arg);
    if (r == NULL)
        return false;
    r->on_orphan = cb;
    submit(s, r);
    return true;
}

const uint8_t *spool_orphan_id(const struct spool_orphan *o)
{
    return o->id;
}

int64_t spool_orphan_last_seq(const struct spool_orphan *o)
{
    return o->last_seq;
}

bool spool_orphan_read(struct spool *s, struct spool_orphan *o, int64_t after_seq, size_t max_rows, size_t max_bytes,
                       spool_rows_cb cb, void *arg)
{
    struct request *r = new_read(s, REQUEST_ORPHAN_READ, arg);
    if (r == NULL)
        return false;
    r->orphan = o;
    r->after_seq = after_seq;
    r->max_rows = max_rows;
    r->set.max_bytes = max_bytes;
    r->on_rows = cb;
    submit(s, r);
    return true;
}

bool spool_orphan_close(struct spool *s, struct spool_orphan *o, bool drained)
{
    struct request *r = new_read(s, REQUEST_ORPHAN_CLOSE, NULL);
    if (r == NULL)
        return false;
    r->orphan = o;
    r->drained = drained;
    submit(s, r);
    return true;
}

bool spool_orphan_again(struct spool *s)
{
    struct request *r = new_read(s, REQUEST_ORPHAN_AGAIN, NULL);
    if (r == NULL)
        return false;
    submit(s, r);
    return true;
}

bool spool_renew(struct spool *s, spool_rows_cb cb, void *arg)
{
    struct request *r = new_read(s, REQUEST_RENEW, arg);
    if (r == NULL)
        return false;
    r->on_rows = cb;
    submit(s, r);
    return true;
}

/* ---- what is known ---- */

const uint8_t *spool_id(const struct spool *s)
{
    return s->id;
}

int64_t spool_complete_to_us(const struct spool *s)
{
    int64_t least_us = wall_now_us();
    for (const struct request *r = s->held; r != NULL; r = r->held_next)
        if (r->batch->first_received_us < least_us)
            least_us = r->batch->first_received_us;
    return least_us;
}

size_t spool_pending(const struct spool *s)
{
    return s->items_held;
}

/* The mutex is not part of what "const" promises to callers. */
static pthread_mutex_t *lock_of(const struct spool *s)
{
    return &((struct spool *)(uintptr_t)s)->lock;
}

int64_t spool_last_seq(const struct spool *s)
{
    pthread_mutex_lock(lock_of(s));
    int64_t v = s->last_seq;
    pthread_mutex_unlock(lock_of(s));
    return v;
}

int64_t spool_ingested_hint(const struct spool *s)
{
    return s->hint;
}

bool spool_is_full(const struct spool *s)
{
    pthread_mutex_lock(lock_of(s));
    bool v = s->full;
    pthread_mutex_unlock(lock_of(s));
    return v;
}

size_t spool_orphans(const struct spool *s)
{
    pthread_mutex_lock(lock_of(s));
    size_t v = s->orphans;
    pthread_mutex_unlock(lock_of(s));
    return v;
}

size_t spool_broken(const struct spool *s)
{
    pthread_mutex_lock(lock_of(s));
    size_t v = s->broken;
    pthread_mutex_unlock(lock_of(s));
    return v;
}

void spool_set_ingested(struct spool *s, int64_t seq)
{
    pthread_mutex_lock(&s->lock);
    s->ingested = seq;
    pthread_mutex_unlock(&s->lock);
}

void spool_set_limits(struct spool *s, int64_t keep_us, uint64_t free_floor_bytes)
{
    pthread_mutex_lock(&s->lock);
    s->keep_us = keep_us;
    s->free_floor_bytes = free_floor_bytes;
    pthread_mutex_unlock(&s->lock);
}

/* ---- start and stop ---- */

/* A second daemon on the folder would otherwise meet SQLite's "database is locked", or rename files under the first. */
static bool lock_dir(struct spool *s, char *error, size_t error_cap)
{
    char path[SPOOL_PATH_MAX];
    if (mkdir(s->dir, 0700) != 0 && errno != EEXIST) {
        snprintf(error, error_cap, "%s: %s", s->dir, strerror(errno));
        return false;
    }
    spool_path(path, s->dir, "spool.lock");
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0) {
        snprintf(error, error_cap, "%s: %s", path, strerror(errno));
        return false;
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            snprintf(error, error_cap, "another hadird is using the spool in %s", s->dir);
        else
            snprintf(error, error_cap, "%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

/* Opens the live file; one that cannot be read is set aside, once, like one that failed. */
static bool open_live(struct spool *s, char *error, size_t error_cap)
{
    char path[SPOOL_PATH_MAX], wal[SPOOL_PATH_MAX];
    enum spool_fault fault = SPOOL_FAULT_NONE;
    spool_path(path, s->dir, "spool.db");
    spool_path(wal, s->dir, "spool.db-wal");
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!spool_orphan_set_aside(s->dir, error, error_cap))
            return false;
        bool damaged = spool_wal_damaged(wal);
        s->file = damaged ? NULL : spool_file_open(path, true, &fault, error, error_cap);
        if (s->file != NULL)
            return true;
        if (!damaged && fault != SPOOL_FAULT_UNREADABLE)
            return false;
        if (damaged)
            snprintf(error, error_cap, "spool.db-wal: damaged before its end");
        log_error("event=spool_unreadable reason=\"%s\"", error);
        spool_orphan_mark(s->dir);
    }
    return false;
}

static bool learn(struct spool *s, char *error, size_t error_cap)
{
    if (!spool_file_last_seq(s->file, &s->last_seq)) {
        snprintf(error, error_cap, "%s", spool_file_reason(s->file));
        return false;
    }
    s->hint = spool_file_ingested(s->file);
    memcpy(s->id, spool_file_id(s->file), sizeof s->id);
    spool_orphan_sweep(s->dir);
    s->orphans = spool_orphan_look(s->dir, 0, NULL);
    s->broken = spool_orphan_broken(s->dir);
    return true;
}

static bool start_thread(struct spool *s, char *error, size_t error_cap)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->work, &attributes);
    pthread_condattr_destroy(&attributes);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->wake_watch = s->wake_fd >= 0 ? loop_fd_new(s->loop, s->wake_fd, on_wake, s) : NULL;
    if (s->wake_watch == NULL) {
        snprintf(error, error_cap, "cannot watch the spool thread: %s", strerror(errno));
        return false;
    }
    loop_fd_want(s->wake_watch, true, false);
    int code = pthread_create(&s->thread, NULL, spool_thread_main, s);
    if (code != 0)
        snprintf(error, error_cap, "cannot start the spool thread: %s", strerror(code));
    s->running = code == 0;
    return s->running;
}

static void spool_free(struct spool *s)
{
    if (s->wake_watch != NULL)
        loop_fd_free(s->wake_watch);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct spool *spool_start(struct loop *loop, const struct spool_options *o, char *error, size_t error_cap)
{
    struct spool *s = calloc(1, sizeof *s);
    if (s == NULL) {
        snprintf(error, error_cap, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->loop = loop;
    s->wake_fd = s->lock_fd = -1;
    s->queue_max_items = o->queue_max_items;
    s->keep_us = o->keep_us;
    s->free_floor_bytes = o->free_floor_bytes;
    s->signing = (struct spool_signing){.sign = o->sign, .arg = o->sign_arg};
    snprintf(s->signing.key_id, sizeof s->signing.key_id, "%s", o->key_id);
    list_init(&s->gathered);
    list_init(&s->waiting);
    list_init(&s->done);
    s->last_work_mono_ms = mono_now_ms();
    if (snprintf(s->dir, sizeof s->dir, "%s", o->dir) >= (int)sizeof s->dir - SPOOL_NAME_MAX) {
        snprintf(error, error_cap, "spool folder: name too long");
    } else if (lock_dir(s, error, error_cap) && open_live(s, error, error_cap) && learn(s, error, error_cap)) {
        (void)spool_has_room(s);
        if (start_thread(s, error, error_cap)) {
            log_info("event=spool_started last_seq=%lld orphans=%zu", (long long)s->last_seq, s->orphans);
            return s;
        }
    }
    spool_file_close(s->file);
    spool_free(s);
    return NULL;
}

void spool_stop(struct spool *s)
{
    if (s == NULL)
        return;
    spool_commit(s);
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    for (struct request *r = s->done.first; r != NULL; r = r->next) { /* nobody could close it any more */
        if (r->kind == REQUEST_ORPHAN_OPEN && r->orphan != NULL) {
            spool_orphan_end(s->dir, r->orphan, false);
            r->orphan = NULL;
        }
    }
    deliver_all(s); /* the last results; a callback may not append any more */
    log_info("event=spool_stopped last_seq=%lld", (long long)s->last_seq);
    spool_free(s);
}
