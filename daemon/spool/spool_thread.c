/* The spool thread: groups, reads, idle work. What the file is and what must hold: spool.c.
 *
 * Each turn takes everything that waits, commits the appends in groups, answers the reads in their order, and hands the
 * requests back. Without work it does one small idle step at a time (checkpoint, delete what is old, look at the free space),
 * so that an arrival waits for a few milliseconds at most.
 *
 * A fault other than "no room" ends the process here, in give_up, before anything of the group was handed over.
 */
#include "spool_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "wall.h"

#define EXIT_SPOOL_FAILED 70
#define GROUP_MAX_ITEMS 512       /* a larger batch makes a group of its own */
#define DELETE_BITE 500           /* rows per idle transaction: some ms of other people's waiting at most */
#define WAL_PAGES_HARD 16384      /* 64 MiB: checkpoint between two groups */
#define WAL_PAGES_IDLE 1024       /* 4 MiB: checkpoint when nobody waits for 200 ms */
#define IDLE_SHORT_MS 200
#define IDLE_LONG_MS 2000
#define FULL_RETRY_MS 500
#define HOUR_US INT64_C(3600000000)
#define JUMP_US (24 * HOUR_US)    /* between two looks at the clock */

/* ---- faults and space ---- */

_Noreturn static void give_up(struct spool *s, enum spool_fault fault, const char *doing)
{
    if (fault != SPOOL_FAULT_SIGN && fault != SPOOL_FAULT_MEMORY)
        spool_orphan_mark(s->dir);
    log_error("event=spool_failed doing=%s reason=\"%s\" exit=%d", doing,
              fault == SPOOL_FAULT_SIGN     ? "cannot sign"
              : fault == SPOOL_FAULT_MEMORY ? "out of memory"
                                            : spool_file_reason(s->file),
              EXIT_SPOOL_FAILED);
    _exit(EXIT_SPOOL_FAILED);
}

static void set_full(struct spool *s, bool full, const char *reason)
{
    pthread_mutex_lock(&s->lock);
    bool was = s->full;
    s->full = full;
    pthread_mutex_unlock(&s->lock);
    if (full)
        s->full_since_mono_ms = mono_now_ms();
    if (full && !was)
        log_error("event=spool_full reason=\"%s\"", reason);
    if (!full && was)
        log_warn("event=spool_has_room");
}

/* Looks at the disk; the floor keeps room for checkpoints, deletes and the log's own growth. */
bool spool_has_room(struct spool *s)
{
    struct statvfs v;
    pthread_mutex_lock(&s->lock);
    uint64_t floor = s->free_floor_bytes;
    bool full = s->full;
    pthread_mutex_unlock(&s->lock);
    if (full && mono_now_ms() - s->full_since_mono_ms < FULL_RETRY_MS)
        return false;
    bool room = floor == 0 || (statvfs(s->dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize >= floor);
    set_full(s, !room, "free space below the floor");
    return room;
}

/* ---- appending ---- */

static void finish(struct spool *s, struct request *first)
{
    uint64_t one = 1;
    pthread_mutex_lock(&s->lock);
    for (struct request *r = first, *next; r != NULL; r = next) {
        next = r->next;
        list_push(&s->done, r);
    }
    pthread_mutex_unlock(&s->lock);
    if (write(s->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN) /* EAGAIN: it is awake already */
        log_error("event=spool_wake_failed errno=%d", errno);
}

static void note_group(struct spool *s, int64_t last_seq, size_t rows, int64_t us)
{
    pthread_mutex_lock(&s->lock);
    if (last_seq > s->last_seq)
        s->last_seq = last_seq;
    s->stat.groups++;
    s->stat.rows += (int64_t)rows;
    s->stat.total_us += us;
    s->stat.last_us = us;
    s->stat.last_rows = (int64_t)rows;
    pthread_mutex_unlock(&s->lock);
}

static int64_t mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The last one accepted has it. */
static int64_t highest_seq(struct spool_batch *const *batches, size_t count)
{
    int64_t seq = 0;
    for (size_t b = 0; b < count; b++)
        for (size_t i = 0; i < batches[b]->count; i++)
            if (batches[b]->results[i].status == ITEM_ACCEPTED)
                seq = batches[b]->results[i].seq;
    return seq;
}

/* One transaction over the batches; every one of them is SPOOL_OK or every one SPOOL_FULL. */
static void commit_batches(struct spool *s, struct spool_batch *const *batches, size_t count)
{
    enum spool_outcome outcome = SPOOL_FULL;
    if (spool_has_room(s)) {
        size_t rows = 0;
        int64_t start_us = mono_us();
        enum spool_fault fault = spool_group_run(s->file, batches, count, &s->signing, &rows);
        if (fault == SPOOL_FAULT_NONE) {
            outcome = SPOOL_OK;
            note_group(s, highest_seq(batches, count), rows, mono_us() - start_us);
        } else if (fault == SPOOL_FAULT_SPACE) {
            set_full(s, true, "the file cannot grow");
        } else {
            give_up(s, fault, "append");
        }
    }
    for (size_t b = 0; b < count; b++)
        batches[b]->outcome = outcome;
}

/* Takes appends from the front of *list up to the size of a group, commits them, hands them over. */
static void run_group(struct spool *s, struct request **list)
{
    struct spool_batch *batches[GROUP_MAX_ITEMS];
    struct list group;
    size_t count = 0, items = 0;
    list_init(&group);
    while (*list != NULL && (*list)->kind == REQUEST_APPEND && count < GROUP_MAX_ITEMS) {
        struct request *r = *list;
        if (count > 0 && items + r->batch->count > GROUP_MAX_ITEMS)
            break;
        *list = r->next;
        items += r->batch->count;
        batches[count++] = r->batch;
        list_push(&group, r);
    }
    commit_batches(s, batches, count);
    finish(s, group.first);
    if (spool_file_wal_pages(s->file) >= WAL_PAGES_HARD && !spool_file_checkpoint(s->file))
        give_up(s, spool_file_fault(s->file), "checkpoint");
}

/* ---- reading back ---- */

static bool grow_set(struct row_set *set)
{
    if (set->count < set->cap)
        return true;
    size_t cap = set->cap == 0 ? 64 : set->cap * 2;
    struct spool_row *rows = realloc(set->rows, cap * sizeof *rows);
    if (rows == NULL)
        return false;
    set->rows = rows;
    set->cap = cap;
    return true;
}

/* Copies a row; its proof is filled later, when no statement is on a row. */
static bool collect(void *arg, const struct spool_file_row *row)
{
    struct row_set *set = arg;
    if (set->count > 0 && set->bytes + row->payload_len > set->max_bytes)
        return false;
    uint8_t *copy = malloc(row->payload_len + MERKLE_PATH_MAX * SHA256_BYTES);
    if (copy == NULL || !grow_set(set)) {
        free(copy);
        set->failed = true;
        return false;
    }
    struct spool_row *to = &set->rows[set->count++];
    memset(to, 0, sizeof *to);
    if (row->payload_len > 0)
        memcpy(copy, row->payload, row->payload_len);
    to->seq = row->seq;
    to->kind = row->kind;
    to->received_us = row->received_us;
    memcpy(to->id, row->id, sizeof to->id);
    to->payload = copy;
    to->payload_len = row->payload_len;
    to->proof.tree_size = (uint64_t)row->group; /* for fill_set */
    to->proof.tree_index = (uint64_t)row->leaf_index;
    set->bytes += row->payload_len;
    return true;
}

/* false: a group could not be read (its rows stay unsigned). */
static bool fill_set(struct row_set *set)
{
    bool ok = true;
    for (size_t i = 0; i < set->count; i++) {
        struct spool_row *row = &set->rows[i];
        int64_t group = (int64_t)row->proof.tree_size, index = (int64_t)row->proof.tree_index;
        memset(&row->proof, 0, sizeof row->proof);
        if (group == 0)
            continue;
        const struct spool_file_group *g = spool_file_group(set->file, group);
        if (g == NULL)
            ok = false;
        else
            spool_proof_of(g, index, (uint8_t *)(uintptr_t)row->payload + row->payload_len, &row->proof);
    }
    return ok;
}

/* No rows would mean that there are none, and their place be passed over for good. */
static void need_memory(struct spool *s, const struct row_set *set, const char *doing)
{
    if (set->failed)
        give_up(s, SPOOL_FAULT_MEMORY, doing);
}

static void run_read(struct spool *s, struct request *r)
{
    r->set.file = s->file;
    if (!spool_file_rows(s->file, r->after_seq, INT64_MAX, r->max_rows, collect, &r->set, NULL) || !fill_set(&r->set))
        give_up(s, spool_file_fault(s->file), "read");
    need_memory(s, &r->set, "read");
}

static void run_find(struct spool *s, struct request *r)
{
    struct spool_file_row row;
    struct spool_scope scope;
    bool found = false, ok = spool_file_by_id(s->file, r->id, &found, &row);
    if (ok && !found && r->device != 0) {
        spool_scope_of_device(r->device, &scope);
        ok = spool_file_by_key(s->file, &scope, r->id, &found, &row);
    }
    r->set.file = s->file;
    r->set.max_bytes = SIZE_MAX;
    if (ok && found)
        collect(&r->set, &row);
    spool_file_release(s->file);
    if (!ok || !fill_set(&r->set))
        give_up(s, spool_file_fault(s->file), "find");
    need_memory(s, &r->set, "find");
}

static void count_orphans(struct spool *s, struct spool_orphan **ret)
{
    pthread_mutex_lock(&s->lock);
    uint64_t floor_bytes = s->free_floor_bytes;
    pthread_mutex_unlock(&s->lock);
    size_t orphans = spool_orphan_look(s->dir, floor_bytes, ret), broken = spool_orphan_broken(s->dir);
    pthread_mutex_lock(&s->lock);
    s->orphans = orphans;
    s->broken = broken;
    pthread_mutex_unlock(&s->lock);
}

/* Whether rows may be deleted by their age at now_us. A clock that went on by more than a day between two looks has jumped, or
 * nobody looked for as long: rows whose retries are still to be answered may seem old, so all are kept for keep_us more. Jumps
 * during that time do not prolong it, or a clock that is wrong after each start would keep rows for ever. The look is saved by
 * the hour, and when the time begins and ends, so that it outlives the process. */
static bool may_age(struct spool *s, int64_t now_us, int64_t keep_us)
{
    const struct spool_file_age last = spool_file_age(s->file);
    struct spool_file_age age = {.seen_us = now_us, .hold_us = last.hold_us};
    int64_t passed_us = last.seen_us == 0 ? 0 : now_us - last.seen_us;
    if (passed_us > JUMP_US && last.hold_us == 0) {
        age.hold_us = keep_us;
        log_warn("event=spool_clock_jumped seconds=%lld", (long long)(passed_us / US_PER_S));
    } else if (passed_us > 0 && passed_us <= JUMP_US) {
        age.hold_us = last.hold_us > passed_us ? last.hold_us - passed_us : 0;
    }
    bool save = last.seen_us == 0 || passed_us < 0 || passed_us > HOUR_US;
    if (save && !spool_file_save_age(s->file, &age)) {
        if (spool_file_fault(s->file) != SPOOL_FAULT_SPACE)
            give_up(s, spool_file_fault(s->file), "age");
        return false;
    }
    return age.hold_us == 0;
}

static void expire_drained(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t keep_us = s->keep_us, now_us = wall_now_us();
    pthread_mutex_unlock(&s->lock);
    if (may_age(s, now_us, keep_us))
        spool_orphan_expire(s->dir, now_us - keep_us);
}

static void run_renew(struct spool *s, struct request *r)
{
    if (!spool_file_renew_id(s->file) && spool_file_fault(s->file) != SPOOL_FAULT_SPACE)
        give_up(s, spool_file_fault(s->file), "renew");
    memcpy(r->id, spool_file_id(s->file), sizeof r->id);
}

static void run_other(struct spool *s, struct request *r)
{
    switch (r->kind) {
    case REQUEST_READ:
        run_read(s, r);
        break;
    case REQUEST_FIND:
        run_find(s, r);
        break;
    case REQUEST_ORPHAN_OPEN:
        expire_drained(s);
        count_orphans(s, &r->orphan);
        break;
    case REQUEST_ORPHAN_READ:
        r->set.file = r->orphan->file;
        spool_orphan_rows(r->orphan, r->after_seq, r->max_rows, collect, &r->set);
        need_memory(s, &r->set, "orphan");
        if (!fill_set(&r->set))
            r->orphan->broken = true;
        break;
    case REQUEST_ORPHAN_CLOSE:
        spool_orphan_end(s->dir, r->orphan, r->drained);
        count_orphans(s, NULL);
        break;
    case REQUEST_ORPHAN_AGAIN:
        spool_orphan_revive(s->dir);
        count_orphans(s, NULL);
        break;
    case REQUEST_RENEW:
        run_renew(s, r);
        break;
    case REQUEST_APPEND:
        break;
    }
    r->next = NULL;
    finish(s, r);
}

/* ---- idle work ---- */

static void delete_bite(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t ingested = s->ingested, keep_us = s->keep_us, now_us = wall_now_us();
    pthread_mutex_unlock(&s->lock);
    int done = 0;
    if (may_age(s, now_us, keep_us) &&
        !spool_file_delete_old(s->file, ingested, now_us, keep_us, DELETE_BITE, &done) &&
        spool_file_fault(s->file) != SPOOL_FAULT_SPACE)
        give_up(s, spool_file_fault(s->file), "delete");
    s->old_rows_left = done > 0;
}

static void save_hint(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t ingested = s->ingested;
    pthread_mutex_unlock(&s->lock);
    if (ingested != spool_file_ingested(s->file) && !spool_file_save_ingested(s->file, ingested) &&
        spool_file_fault(s->file) != SPOOL_FAULT_SPACE)
        give_up(s, spool_file_fault(s->file), "mark");
}

/* Nobody waits. One small step; returns how long to wait for work before the next. */
static unsigned idle_step(struct spool *s)
{
    int64_t idle_ms = mono_now_ms() - s->last_work_mono_ms;
    int pages = spool_file_wal_pages(s->file);
    if (idle_ms < IDLE_SHORT_MS)
        return IDLE_SHORT_MS;
    (void)spool_has_room(s);
    if (idle_ms >= IDLE_LONG_MS)
        save_hint(s);
    if (pages >= WAL_PAGES_IDLE || (pages > 0 && idle_ms >= IDLE_LONG_MS)) {
        if (!spool_file_checkpoint(s->file))
            give_up(s, spool_file_fault(s->file), "checkpoint");
        return IDLE_SHORT_MS;
    }
    delete_bite(s);
    return s->old_rows_left ? 20 : IDLE_LONG_MS / 2;
}

/* Waits up to wait_ms for work; takes everything that waits. NULL and *ret_stop: told to stop and nothing is left. */
static struct request *take_work(struct spool *s, unsigned wait_ms, bool *ret_stop)
{
    int64_t until_us = mono_us() + wait_ms * INT64_C(1000);
    const struct timespec until = {.tv_sec = until_us / US_PER_S, .tv_nsec = until_us % US_PER_S * 1000};
    pthread_mutex_lock(&s->lock);
    while (s->waiting.first == NULL && !s->stopping)
        if (pthread_cond_timedwait(&s->work, &s->lock, &until) == ETIMEDOUT)
            break;
    struct request *work = list_take(&s->waiting);
    *ret_stop = work == NULL && s->stopping;
    pthread_mutex_unlock(&s->lock);
    return work;
}

void *spool_thread_main(void *arg)
{
    struct spool *s = arg;
    unsigned wait_ms = IDLE_SHORT_MS;
    for (;;) {
        bool stop = false;
        struct request *work = take_work(s, wait_ms, &stop);
        if (stop)
            break;
        if (work == NULL) {
            wait_ms = idle_step(s);
            continue;
        }
        while (work != NULL) {
            if (work->kind == REQUEST_APPEND) {
                run_group(s, &work);
            } else {
                struct request *r = work;
                work = r->next;
                run_other(s, r);
            }
        }
        s->last_work_mono_ms = mono_now_ms();
        wait_ms = IDLE_SHORT_MS;
    }
    save_hint(s);
    spool_file_close(s->file);
    return NULL;
}
