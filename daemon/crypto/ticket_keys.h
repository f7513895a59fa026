/* The keys of TLS session tickets, in memory that all doors share and that outlives hadird (supervisor/keep.c), so that a
 * phone may come back through any door, and after a restart. Who reads them may open the recordings of TLS 1.2
 * connections that a ticket began: they are replaced every TICKET_TURN_MS, and never on a disk.
 *
 * One writer, any number of readers without a lock: the set that is written is one that nobody looks at. */
#ifndef HADIR_TICKET_KEYS_H
#define HADIR_TICKET_KEYS_H

#include <stddef.h>
#include <stdint.h>

#define TICKET_LIFE_MS (24 * 3600 * INT64_C(1000))
#define TICKET_TURN_MS (TICKET_LIFE_MS / 2)
#define TICKET_OPEN 3u /* sets that open tickets: each ticket has its whole life */
#define TICKET_SETS 4u

struct ticket_set {
    unsigned char name[16], mac[32], cipher[32];
};
/* As another hadird finds it: a change of the layout gets another magic. */
struct ticket_keys {
    char magic[8];
    int64_t turned_mono_ms; /* since when `newest` is in use; the machine's clock since it started, which no restart sets */
    uint64_t newest;        /* set newest % TICKET_SETS seals; it, newest − 1 and newest − 2 open */
    struct ticket_set sets[TICKET_SETS];
};

/* All new. */
void ticket_keys_fill(struct ticket_keys *t, int64_t now_mono_ms);
/* As many new sets as are due. Returns in how many ms the next is. */
unsigned ticket_keys_turn(struct ticket_keys *t, int64_t now_mono_ms);
/* What is wrong with what came from elsewhere; NULL: nothing. */
const char *ticket_keys_fault(const struct ticket_keys *t, int64_t now_mono_ms);

#endif
