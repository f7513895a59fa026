/* One connection of a phone: TCP, TLS, one request and its answer at a time. Knows HTTP's frame, not what is said.
 * Threads: the loop's. */
#ifndef FAULT_PHONE_H
#define FAULT_PHONE_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "say.h"

enum phone_state { PHONE_CLOSED, PHONE_CONNECTING, PHONE_SHAKING, PHONE_IDLE, PHONE_WRITING, PHONE_READING };

struct phone {
    enum phone_state state;
    int fd;
    SSL *ssl; /* NULL: plain */
    SSL_SESSION *session; /* set before connecting: to come back with; borrowed. NULL: none */
    uint32_t address;     /* set before connecting: from where, of 127/8, host order; 0: any */
    struct buf out, in;
    size_t written;
    uint32_t wanted; /* epoll events asked for */
    int64_t deadline_us;
    struct request *request; /* being delivered; NULL: none */
    bool once; /* the connection ends with its answer */
};

struct phone_answer {
    int status;
    const char *body; /* borrows from the phone until it is given work again */
    size_t len;
    int64_t retry_after_s; /* 0: not said */
    bool close; /* the other end will close */
};

enum phone_outcome { PHONE_WAITS, PHONE_READY, PHONE_ANSWERED, PHONE_FAILED };

/* What all phones' connections are made with: they believe the certificates of the file `ca`. The caller frees it. */
SSL_CTX *phone_tls(const char *ca);
/* Begins to connect; tls NULL: plain. false: it could not even begin. */
bool phone_connect(struct phone *p, int epoll, SSL_CTX *tls, const struct sockaddr_in *to);
/* Goes on where it stopped. READY: connected, request not yet rendered; ANSWERED: *ret holds it. FAILED: close it. */
enum phone_outcome phone_go_on(struct phone *p, int epoll, struct phone_answer *ret);
/* Begins to send what is in p->out; phone_go_on does it. */
void phone_send(struct phone *p);
/* After an answer with TLS's own goodbye. */
void phone_close(struct phone *p);

#endif
