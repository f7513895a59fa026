/* What listener.c and conn.c share: nobody else includes this. */
#ifndef HADIR_CONN_PRIVATE_H
#define HADIR_CONN_PRIVATE_H

#include "conn.h"

struct address;

/* Makes a connection of an accepted socket (taken in any case). NULL when memory is short. `address` is given back
 * through listener_conn_ended. */
struct conn *conn_accept(struct listener *l, int fd, const struct sockaddr_storage *peer, struct address *address);
/* Frees a closed connection for good; only from the listener's reaper. */
void conn_reap(struct conn *c);
/* The listener's own: a connection is in its list of the living or of the dead. */
struct conn_link {
    struct conn *prev, *next;
};
struct conn_link *conn_link(struct conn *c);
/* … and perhaps in that of those that have something to do in this turn; at: what points to it, NULL: it is not. */
struct conn_todo {
    struct conn *next, **at;
};
struct conn_todo *conn_todo(struct conn *c);
void conn_work(struct conn *c); /* it is time to do it */
struct net_block address_block(const struct address *a);
struct address *conn_address(const struct conn *c);

/* What a connection needs of its listener. */
struct loop *listener_loop(const struct listener *l);
void *listener_ssl_ctx(const struct listener *l); /* SSL_CTX *, NULL = plain */
unsigned listener_handshake_timeout_ms(const struct listener *l);
void listener_handshake_ended(struct listener *l, struct address *a);
void listener_output_changed(struct listener *l, size_t added, size_t deleted);
bool listener_has_room(const struct listener *l, size_t len);
void listener_hand_over(struct listener *l, struct conn *c); /* calls on_conn */
void listener_soon(struct listener *l, struct conn *c);      /* conn_work later in this loop turn, unless it is buried before */
void listener_bury(struct listener *l, struct conn *c);      /* conn_reap at the end of this loop turn */

#endif
