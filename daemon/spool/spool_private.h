/* What the two sides of the spool share: the loop's (spool.c) and the thread's (spool_thread.c). Private to spool/. */
#ifndef HADIR_SPOOL_PRIVATE_H
#define HADIR_SPOOL_PRIVATE_H

#include <pthread.h>

#include "spool_group.h"
#include "spool_orphan.h"

struct loop_fd;

enum request_kind { REQUEST_APPEND, REQUEST_READ, REQUEST_FIND, REQUEST_ORPHAN_OPEN, REQUEST_ORPHAN_READ,
                    REQUEST_ORPHAN_CLOSE, REQUEST_ORPHAN_AGAIN, REQUEST_RENEW };

struct row_set {
    struct spool_row *rows; /* payload and path of each: one allocation, at payload */
    size_t count, cap;
    size_t bytes, max_bytes;
    struct spool_file *file;
    bool failed; /* memory */
};

struct request {
    struct request *next;
    enum request_kind kind;
    struct spool_batch *batch;  /* append */
    struct request *held_next, *held_prev; /* append: the loop's list of what is not yet delivered */
    int64_t after_seq, device;  /* read, find */
    uint8_t id[16];             /* find; renew: the new one */
    size_t max_rows;
    spool_rows_cb on_rows;
    spool_orphan_cb on_orphan;
    void *arg;
    struct row_set set;
    struct spool_orphan *orphan;
    bool drained;
};

struct list {
    struct request *first, **last;
};

struct spool {
    /* constant after start */
    char dir[SPOOL_PATH_MAX];
    struct loop *loop;
    struct loop_fd *wake_watch;
    int wake_fd, lock_fd;
    pthread_t thread;
    bool running;
    struct spool_signing signing;
    size_t queue_max_items;
    uint8_t id[16];

    /* the loop's own */
    struct list gathered; /* appends until spool_commit */
    struct request *held; /* appends whose callback has not yet returned */
    size_t items_held;
    size_t reads_held;

    /* the thread's own */
    struct spool_file *file;
    int64_t full_since_mono_ms;
    int64_t last_work_mono_ms;
    bool old_rows_left;

    /* shared, under lock */
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct list waiting, done;
    bool stopping;
    bool full;
    int64_t last_seq, ingested, hint;
    int64_t keep_us;
    uint64_t free_floor_bytes;
    size_t orphans, broken;
    struct {
        int64_t groups, rows, total_us, last_us, last_rows;
    } stat; /* since the last delivery */
};

/* Requests are handed from list to list; the caller holds the lock when the list is shared. */
void list_init(struct list *l);
void list_push(struct list *l, struct request *r);
struct request *list_take(struct list *l);

/* The thread: pthread_create's function. Takes nothing over, closes the file at its end. */
void *spool_thread_main(void *arg);
/* true: the disk has room. Also before the thread runs. */
bool spool_has_room(struct spool *s);

#endif
