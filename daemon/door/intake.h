/* From a decoded message to a batch for the ledger: whose, stamped, judged, encoded, sent. */
#ifndef HADIR_INTAKE_H
#define HADIR_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "codec.h"
#include "directory.h"
#include "fact.h"
#include "http.h"
#include "message.h"
#include "pending.h"

/* How far claimed times may be from ours, around the moment the request was complete. */
struct codec_bounds intake_bounds(const struct exchange *x);
/* Answers 503 and returns true while there is no room for check-ins: before the body is read. */
bool intake_refuses(struct exchange *x);
void intake_count_received(enum channel channel);
void intake_count_fault(enum codec_fault fault);

/* Completes a decoded fact: identity, arrival, clock, key, verdict. who NULL: unattributed in `government`. */
void intake_stamp(const struct exchange *x, struct fact *f, const struct credential *who, int64_t government);
/* After intake_stamp: an automatic position outside the person's intervals, counted here. */
bool intake_drops(const struct exchange *x, const struct fact *f);

struct batch {
    struct buf payload;
    uint32_t count;
};
void batch_init(struct batch *b);
void batch_fini(struct batch *b);
bool batch_add_fact(struct batch *b, enum batch_kind kind, const struct fact *f);
bool batch_add_event(struct batch *b, const void *json, size_t len);
/* Sends, and calls done with the ledger's answer: payload NULL or an outcome other than BATCH_OK has been answered
 * busy already. When it cannot be sent: answered busy. Empties b in any case. The exchange waits: a client that leaves
 * and the deadline are taken care of. */
typedef void (*intake_done_cb)(struct exchange *x, struct pending *sent, struct batch_answer *answer);
void intake_send(struct exchange *x, struct batch *b, intake_done_cb done);
/* Counts what the ledger said of one item. */
void intake_count_status(enum item_status status);

#endif
