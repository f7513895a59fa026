/* Listening sockets and stream connections, plain or TLS.
 *
 * A conn delivers bytes and takes bytes. Back-pressure: conn_pause stops reading from the socket; on_drained tells
 * when everything written has gone out. Deadlines are the owner's (timers of loop.h) except the TLS handshake's.
 * Closing: conn_close waits for nothing and frees at the end of this loop turn; conn_close_after_write sends what is
 * queued (bounded by a deadline) first, then waits a moment for the peer to close, too. No callback is called after either. */
#ifndef HADIR_CONN_H
#define HADIR_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct loop;
struct tls_server;
struct conn;
struct listener;

/* Parses "addr:port" or "[v6]:port", binds, listens, close-on-exec, non-blocking. reuse_port for one socket per
 * door. −1 on error with a reason in error. */
int net_listen(const char *address, bool reuse_port, int backlog, char *error, size_t error_cap);

/* Whom an address stands for: one IPv4 address, or an IPv6 /64, the smallest block that one subscriber has. */
struct net_block {
    uint64_t bits;
    unsigned family; /* 4, 6, 0 unknown */
};
/* As people write it: 203.0.113.7, 2001:db8:1:2::/64, "unknown". Returns dst. */
#define NET_BLOCK_TEXT 56u
const char *net_block_text(struct net_block block, char dst[NET_BLOCK_TEXT]);

struct listener_limits {
    unsigned connections_max;      /* open connections of this listener */
    unsigned handshakes_max;       /* of them in TLS handshake */
    unsigned per_address_percent;  /* above this share of connections_max, one address may hold only … */
    unsigned per_address_max;      /* … so many */
    unsigned per_address_rate;     /* new ones a second, ten seconds' worth at once; 0 = no limit */
    unsigned waited_max_ms;        /* in the kernel's queue, while it is never emptied; 0 = no limit */
    unsigned lag_pause_ms;         /* accepting pauses while loop_lag_ms is above; 0 = never */
    unsigned handshake_timeout_ms;
    size_t output_max;             /* bytes that wait to be written, of all connections together; 0 = no limit */
};

/* A new connection: TLS handshake done (or plain). The owner must conn_set_callbacks at once. */
typedef void (*listener_conn_cb)(void *arg, struct conn *c);

/* tls NULL = plain. Borrows fd (the supervisor keeps it too) and tls until listener_free. Counts C_CONN_*, C_SHED_*,
 * C_PAUSE_*, G_CONN_OPEN, C_HANDSHAKE*, G_HANDSHAKES. Over a limit: the connection is closed before any TLS work, C_SHED_*. */
struct listener *listener_new(struct loop *loop, int fd, struct tls_server *tls, const struct listener_limits *limits,
                              listener_conn_cb on_conn, void *arg);
void listener_stop(struct listener *l); /* no more accepts; open connections live on */
unsigned listener_open(const struct listener *l);
/* Closes what is still open, calling nobody. Not from inside a callback of its connections. */
void listener_free(struct listener *l);

struct conn_callbacks {
    /* Bytes arrived: all that is unread, contiguous. Returns how many were consumed; the rest is offered again with
     * the next bytes or after conn_resume. */
    size_t (*on_bytes)(void *arg, const uint8_t *bytes, size_t len);
    void (*on_drained)(void *arg);                /* everything written is in the kernel */
    void (*on_closed)(void *arg, const char *why); /* peer closed or failed; the conn is gone after this call.
                                                      Called while paused too: a client that leaves is noticed. */
};
void conn_set_callbacks(struct conn *c, const struct conn_callbacks *cbs, void *arg);
bool conn_write(struct conn *c, const void *bytes, size_t len); /* copies; false when the queue is over its bound */
bool conn_has_room(const struct conn *c, size_t len); /* within output_max, which conn_write itself does not look at */
size_t conn_queued(const struct conn *c);
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
void conn_close(struct conn *c);
void conn_reset(struct conn *c); /* like conn_close, but the peer sees that it was broken off */
void conn_close_after_write(struct conn *c, unsigned deadline_ms);
const struct sockaddr *conn_peer(const struct conn *c);
struct net_block conn_from(const struct conn *c);

#endif
