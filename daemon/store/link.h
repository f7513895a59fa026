/* The inside of a store, shared by link.c (connecting, going down) and store.c (exchanges, copies). */
#ifndef HADIR_LINK_H
#define HADIR_LINK_H

#include "pg.h"
#include "store.h"

#define OUTSTANDING_MAX 64
#define CHANNELS_MAX 8
#define RETRY_MIN_MS 100u
#define RETRY_MAX_MS 5000u
#define CONNECT_DEADLINE_MS 10000u /* from the attempt to up */
#define ANSWER_DEADLINE_MS 120000u /* a backstop: timeouts proper are the server's, per role */

enum link_state {
    LINK_WAITING,    /* for the next attempt */
    LINK_CONNECTING, /* PQconnectPoll */
    LINK_SETTLING,   /* first statements under way */
    LINK_UP
};

enum link_mode {
    MODE_PIPELINE,
    MODE_COPY_WAITING, /* for the pipeline to empty; nothing new is taken */
    MODE_COPYING
};

/* One sync: [set_config] and a query. */
struct exchange {
    struct exchange *next;
    store_cb cb;
    void *arg;
    unsigned wanted;  /* which result is the query's: 1 with an actor, else 0 */
    unsigned seen;    /* results so far */
    PGresult *kept;
    bool failed;
    struct store_error error;
};

struct store {
    struct loop *loop;
    char *conninfo, *user;
    bool durable;
    struct store_callbacks cbs;
    void *arg;

    enum link_state state;
    PGconn *conn;
    struct loop_fd *watch;
    struct loop_timer *retry;    /* next attempt */
    struct loop_timer *deadline; /* of the attempt, then of the oldest answer */
    struct loop_timer *soon;     /* going down happens from the loop, never under a caller */
    unsigned retry_ms;
    unsigned settling;           /* first statements without their answer */
    char last_error[256];
    bool unsafe;
    bool doomed;
    char channels[CHANNELS_MAX][64];
    size_t channel_count, listening; /* of them, LISTENs sent on this connection */

    struct exchange *first, **tail;
    size_t outstanding;

    enum link_mode mode;
    const char *copy;
    store_copy_cb copy_line;
    store_cb copy_end;
    void *copy_arg;
    bool copy_data, copy_failed;
    struct store_error copy_error;

    unsigned busy; /* depth of our own event handling: callbacks may free the store */
    bool freed;
};

/* link.c */
void link_start(struct store *s);
/* The connection is of no use any more: the next turn of the loop takes it down and tells. */
void link_doom(struct store *s, const char *reason);
/* Sends what is buffered as far as the socket takes it and watches for the rest. */
void link_flush(struct store *s);
/* Brackets everything that may call the owner; leave frees a store that was freed meanwhile. */
void link_enter(struct store *s);
void link_leave(struct store *s);
void link_close(struct store *s);
void link_listen(struct store *s); /* to the channels not yet listened to */

/* store.c */
bool exchange_send(struct store *s, const struct store_actor *actor, const char *sql, int n, const char *const *params,
                   size_t last_len, store_cb cb, void *arg); /* last_len: bytes of a binary last parameter, or 0 */
void exchanges_receive(struct store *s);
void exchanges_fail(struct store *s);
void exchanges_drop(struct store *s);

#endif
