/* Token buckets as one number each (GCRA): the time until which what was taken is paid for. A bucket whose time has
 * passed is full, which is what an unknown key's is: so forgetting a full one loses nothing.
 *
 * The table is a cache of sets of WAYS buckets, found by a seeded hash so that nobody can aim at a set. Hashes stand for
 * keys: two keys with the same 64 bits share a bucket. No threads. */
#include "rate.h"

#include <stdlib.h>
#include <sys/random.h>

#include "mix.h"

#define WAYS 8u
#define US_PER_MS 1000
#define US_PER_SECOND 1000000

struct entry {
    uint64_t hash;
    struct rate_bucket bucket;
};

struct rate_table {
    uint64_t seed;
    size_t sets; /* a power of two */
    struct entry entries[];
};

bool rate_bucket_take(struct rate_bucket *b, struct rate limit, int64_t now_mono_ms)
{
    if (limit.per_s == 0)
        return true;
    int64_t now_us = now_mono_ms * US_PER_MS;
    int64_t from_us = b->paid_until_us > now_us ? b->paid_until_us : now_us;
    int64_t until_us = from_us + US_PER_SECOND / limit.per_s;
    if (until_us - now_us > (int64_t)limit.burst_s * US_PER_SECOND)
        return false;
    b->paid_until_us = until_us;
    return true;
}

struct rate_table *rate_table_new(size_t buckets)
{
    struct rate_table *t = calloc(1, sizeof *t + buckets * sizeof t->entries[0]);
    if (t == NULL)
        return NULL;
    t->sets = buckets / WAYS;
    if (getrandom(&t->seed, sizeof t->seed, 0) != (ssize_t)sizeof t->seed) {
        free(t);
        return NULL;
    }
    return t;
}

void rate_table_free(struct rate_table *t)
{
    free(t);
}

bool rate_take(struct rate_table *t, uint64_t key_high, uint64_t key_low, struct rate limit, int64_t now_mono_ms)
{
    uint64_t hash = mix_pair(t->seed, key_high, key_low);
    struct entry *set = &t->entries[(size_t)(hash >> 32) % t->sets * WAYS];
    struct entry *use = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].hash == hash)
            return rate_bucket_take(&set[i].bucket, limit, now_mono_ms);
        if (set[i].bucket.paid_until_us < use->bucket.paid_until_us)
            use = &set[i];
    }
    *use = (struct entry){.hash = hash};
    return rate_bucket_take(&use->bucket, limit, now_mono_ms);
}
