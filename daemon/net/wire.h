/* The bytes of one socket, plain or under TLS. Only conn.c includes this.
 *
 * What came is fetched, then shaken or taken, before anything else is fetched on any wire: it lies in one place that all
 * wires share. What is written waits in `out`, encrypted, until wire_flush: several writes are one call to the kernel. */
#ifndef HADIR_WIRE_H
#define HADIR_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct ssl_st;

struct wire {
    int fd;
    struct ssl_st *ssl; /* NULL: plain */
    const uint8_t *in;  /* fetched, not taken yet */
    size_t in_len;
    struct buf out;
};

enum wire_result { WIRE_DONE, WIRE_WAIT, WIRE_END, WIRE_ERROR };

/* ssl_ctx: SSL_CTX *, NULL = plain. Takes fd. out_max bounds what waits. false when memory is short: fd is closed. */
bool wire_init(struct wire *w, int fd, void *ssl_ctx, size_t out_max);
void wire_fini(struct wire *w); /* closes the socket */

/* One read of at most max bytes. WAIT: nothing there. */
enum wire_result wire_fetch(struct wire *w, size_t max);
/* The handshake, with what was fetched. WAIT: more is needed. */
enum wire_result wire_shake(struct wire *w);
/* What was fetched, decrypted, behind `into`. END: the peer said that no more comes. */
enum wire_result wire_take(struct wire *w, struct buf *into);
/* Throws away what was fetched; how much it was. */
size_t wire_drop(struct wire *w);

bool wire_write(struct wire *w, const void *bytes, size_t len);
void wire_say_end(struct wire *w); /* close_notify */
/* Whether nothing in `out` is awaited: empty, or TLS 1.3's ticket, which may go with the first answer. More than a ticket
 * never rests: a peer can make TLS say as much as it sends (new keys), and what rests is not in the listener's sum. */
bool wire_may_rest(const struct wire *w);
/* WAIT: the kernel takes no more now. */
enum wire_result wire_flush(struct wire *w);

#endif
