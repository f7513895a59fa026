/* HTTP on a connection, and the exchange: one request and its one answer, as handlers see it.
 *
 * A route's on_head is called when the head is known and may answer at once (the body is then not kept); on_body when
 * all of the request has been read. on_body answers, or sets on_abandoned and answers later from another callback.
 * After an answer the handler must not touch the exchange again. */
#ifndef HADIR_HTTP_H
#define HADIR_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "arena.h"
#include "buf.h"
#include "conn.h"
#include "http1.h"
#include "wall.h"

struct door;
struct exchange;
struct http_conn;
struct http_server;
struct route;
struct tls_server;

enum abandon {
    ABANDON_GONE,    /* nobody is there to answer to: release and return */
    ABANDON_DEADLINE /* release, and answer that there was no time */
};
typedef void (*exchange_abandoned_cb)(struct exchange *x, enum abandon why);
typedef void (*exchange_cb)(struct exchange *x);

struct exchange {
    struct door *door;
    struct http_conn *conn;
    const struct route *route;
    const struct http1_request *request; /* in arena, as its texts */
    struct text capture;          /* the path's variable part, as sent */
    struct arena *arena;          /* head and small things, until the answer; NULL without a head */
    struct arena *work;           /* what the body was decoded to; NULL until exchange_work */
    struct buf body;
    struct wall_reading received; /* when the last byte of the request was read */
    enum language language;
    bool answered;
    bool close_after;             /* the connection ends with this answer */

    /* Set by a handler that answers later; cleared by the answer. */
    exchange_abandoned_cb on_abandoned;
    exchange_cb on_drained;       /* streaming: everything written has gone out */
    void *waiting;                /* what it waits for */
    void *handler;                /* what it will need then; in one of the arenas */
};

/* The arena for decoding, made at first use. NULL when memory is short. */
struct arena *exchange_work(struct exchange *x, size_t max_bytes);
/* Gives that memory back early: nothing in it is needed for the answer. */
void exchange_work_done(struct exchange *x);

struct net_block exchange_from(const struct exchange *x);
/* One whole answer. content_type NULL: no body. extra: header lines, each with CRLF, or NULL. */
void exchange_answer(struct exchange *x, unsigned status, const char *content_type, const void *body, size_t len,
                     const char *extra);
/* This one's answer may begin as late as a streamed one may end. */
void exchange_patience(struct exchange *x);
/* An answer whose length is not known; then writes; then the end, where complete = false breaks the connection off so that
 * the client cannot take half an answer for a whole one. exchange_stream clears on_abandoned: set it again. false: the
 * connection is gone. extra: as above. */
bool exchange_stream(struct exchange *x, unsigned status, const char *content_type, const char *extra);
bool exchange_stream_write(struct exchange *x, const void *bytes, size_t len);
void exchange_stream_end(struct exchange *x, bool complete);

struct http_server *http_server_new(struct door *door);
bool http_server_listen(struct http_server *s, int fd, struct tls_server *tls);
/* Accepts nothing new; connections that wait for another request end now, the others with their answer: also one that
 * was accepted and has not asked yet, for nobody else will answer it. */
void http_server_drain(struct http_server *s);
size_t http_server_open(const struct http_server *s);
void http_server_free(struct http_server *s); /* closes what is open */

#endif
