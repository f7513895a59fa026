/* What the parts of the ledger share. Private to ledger/. */
#ifndef HADIR_LEDGER_H
#define HADIR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"
#include "counter.h"
#include "wall.h"

struct conf;
struct ingest;
struct limit;
struct loop;
struct loop_timer;
struct peer;
struct signer;
struct spool;

struct ledger {
    const struct conf *conf;
    struct loop *loop;
    struct ipc_channel *control;
    struct signer *signer;
    struct spool *spool;
    struct ingest *ingest;
    struct limit *limit;
    struct peer *peers;
    struct wall_watch clock;
    size_t jobs;            /* batches and look-ups under way */
    bool draining;
    int64_t drain_mono_ms;  /* since when */
    struct loop_timer *tick;

    /* round.c's */
    struct loop_timer *round;
    size_t heard, last_heard; /* messages of doors: since the last round, and in it */
    bool spool_busy;          /* it was, when the first of them came */
    bool deaf;                /* doors are not read until the timer fires */
    int64_t round_mono_ms;    /* the last one's end */
};

/* A door's end. Kept by the list and by every job that will answer to it. */
struct peer {
    struct ledger *ledger;
    struct peer *next;
    struct ipc_channel *channel; /* NULL: gone */
    uint32_t index;
    unsigned references;
};

/* Takes fd. An older peer of that index is closed. */
void peer_add(struct ledger *l, uint32_t index, int fd);
/* It said what no door says: closed without an answer, counted, and told to the supervisor, which ends it. counter: of
 * C_FORGED_… */
void peer_forged(struct peer *p, enum counter_id counter, const char *reason);
void peer_close_all(struct ledger *l);
bool peer_all_flushed(const struct ledger *l);
struct peer *peer_get(struct peer *p);
void peer_put(struct peer *p);
/* Sends, unless the peer is gone or takes nothing more (logged; its own deadline answers the client). */
void peer_send(struct peer *p, uint16_t type, uint64_t id, const void *payload, size_t len);

bool round_new(struct ledger *l); /* false: out of memory */
/* A message of a door is about to be taken; what it appends is committed with the round, if not before. */
void round_heard(struct ledger *l);

/* MSG_INTAKE, MSG_LOOKUP: answered now or when the spool has. */
void batch_take(struct peer *p, uint64_t id, const uint8_t *payload, size_t len);
void lookup_take(struct peer *p, uint64_t id, const uint8_t *payload, size_t len);

#endif
