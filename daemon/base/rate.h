/* How often: token buckets, one alone or a table of them for many keys in bounded memory. */
#ifndef HADIR_RATE_H
#define HADIR_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate {
    unsigned per_s;   /* 0: no limit */
    unsigned burst_s; /* so many seconds' worth may come at once */
};

/* Zeroed: full. */
struct rate_bucket {
    int64_t paid_until_us; /* monotonic */
};
/* Takes one; false: there is none now. */
bool rate_bucket_take(struct rate_bucket *b, struct rate limit, int64_t now_mono_ms);

struct rate_table;
struct rate_table *rate_table_new(size_t buckets); /* a power of two, at least 8; 16 bytes each. NULL when memory is short */
void rate_table_free(struct rate_table *t);
/* Takes one of the key's bucket. Of more keys in use than there are buckets the one nearest to full is forgotten, that
 * is, full again. */
bool rate_take(struct rate_table *t, uint64_t key_high, uint64_t key_low, struct rate limit, int64_t now_mono_ms);

#endif
