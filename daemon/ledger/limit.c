/* A counter per sender and UTC day, in memory only: it keeps strangers from filling the spool. The limit that holds for
 * ever, per local day, is the database's (api.ingest); after a restart a sender may leave ten more here.
 *
 * Open addressing over hashes of (government, sender); no numbers are kept. One day at a time: the first question about
 * a later day forgets the table, a question about an earlier day counts as today. When LIMIT_SENDERS strangers wrote on
 * one day, others are refused until the next: bounded, and counted by the caller.
 */
#include "limit.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "wall.h"

#define SLOTS 65536u /* a power of two */
#define LIMIT_SENDERS (SLOTS / 4 * 3)
#define DAY_US (INT64_C(86400) * US_PER_S)

struct limit {
    int64_t day;
    unsigned senders;
    struct entry {
        uint64_t hash; /* 0: free */
        uint8_t count;
    } entries[SLOTS];
};

struct limit *limit_new(void)
{
    return calloc(1, sizeof(struct limit));
}

void limit_free(struct limit *l)
{
    free(l);
}

static uint64_t hash_of(int64_t government, struct text sender)
{
    uint8_t digest[SHA256_BYTES];
    uint64_t hash;
    const struct digest_part parts[] = {{&government, sizeof government}, {sender.s, sender.len}};
    digest_sha256_parts(parts, 2, digest);
    memcpy(&hash, digest, sizeof hash);
    return hash == 0 ? 1 : hash;
}

static void turn_day(struct limit *l, int64_t at_us)
{
    int64_t day = at_us / DAY_US;
    if (day <= l->day)
        return;
    memset(l->entries, 0, sizeof l->entries);
    l->senders = 0;
    l->day = day;
}

/* The sender's entry, or a free one; the table is never full. */
static struct entry *find(struct limit *l, uint64_t hash)
{
    size_t at = (size_t)hash & (SLOTS - 1);
    while (l->entries[at].hash != 0 && l->entries[at].hash != hash)
        at = (at + 1) & (SLOTS - 1);
    return &l->entries[at];
}

bool limit_take(struct limit *l, int64_t government, struct text sender, int64_t at_us)
{
    uint64_t hash = hash_of(government, sender);
    turn_day(l, at_us);
    struct entry *e = find(l, hash);
    if (e->hash == 0) {
        if (l->senders == LIMIT_SENDERS)
            return false;
        l->senders++;
        e->hash = hash;
    }
    if (e->count == LIMIT_PER_DAY)
        return false;
    e->count++;
    return true;
}

void limit_give_back(struct limit *l, int64_t government, struct text sender, int64_t at_us)
{
    if (at_us / DAY_US < l->day)
        return;
    struct entry *e = find(l, hash_of(government, sender));
    if (e->hash != 0 && e->count > 0)
        e->count--;
}
