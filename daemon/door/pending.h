/* What was sent to the ledger and is not answered yet. Kept until the answer, so that a ledger that died gets it again
 * from us, byte for byte. */
#ifndef HADIR_PENDING_H
#define HADIR_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "fact.h"
#include "message.h"
#include "terms.h"

struct loop;
struct pending;
struct pending_set;

/* payload NULL: the ledger's answer made no sense, or the request could not be sent again. Borrowed until return.
 * The pending is gone after this call. */
typedef void (*pending_cb)(void *arg, struct pending *p, const uint8_t *payload, size_t len);

struct pending_set *pending_set_new(struct loop *loop);
void pending_set_free(struct pending_set *s); /* calls nobody */
/* The ledger's channel, new or again; takes fd. Everything unanswered is sent over it. */
void pending_set_connect(struct pending_set *s, int fd);
bool pending_set_has_room(const struct pending_set *s);
size_t pending_set_count(const struct pending_set *s);

/* type: MSG_INTAKE or MSG_LOOKUP. Takes the content of payload (emptied) on success. NULL when full. Without a ledger
 * it waits for the next one. */
struct pending *pending_send(struct pending_set *s, uint16_t type, struct buf *payload, pending_cb cb, void *arg);
/* The asker is gone: forget it. What the ledger took it keeps. */
void pending_cancel(struct pending *p);
/* What was sent. */
void pending_payload(const struct pending *p, const uint8_t **ret, size_t *ret_len);

/* MSG_BATCH_DONE in pieces. Texts and bytes borrow from the payload. */
struct batch_item {
    enum item_status status; /* 0: event or unattributed */
    uint8_t id[FACT_ID_BYTES];
    struct text receipt;
    const uint8_t *fact; /* the stored one of a duplicate */
    size_t fact_len;
};
struct batch_answer {
    enum batch_outcome outcome;
    unsigned retry_after_s;
    struct reader rest; /* batch_answer_next reads from here */
    size_t left;
};
bool batch_answer_begin(struct batch_answer *a, const uint8_t *payload, size_t len);
/* false at the end or when malformed (rest.failed). */
bool batch_answer_next(struct batch_answer *a, struct batch_item *ret);

#endif
