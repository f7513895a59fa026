/* Token buckets: what may come at once, what flows in, and a table that forgets only what is full or nearest to it. */
#include "rate.h"
#include "unit.h"

static const struct rate two = {.per_s = 2, .burst_s = 5}; /* ten at once */

START_TEST(gives_a_burst_then_what_flows_in)
{
    struct rate_bucket b = {0};
    for (int i = 0; i < 10; i++)
        ck_assert(rate_bucket_take(&b, two, 1000));
    ck_assert(!rate_bucket_take(&b, two, 1000));
    ck_assert(!rate_bucket_take(&b, two, 1499)); /* a refusal costs nothing */
    ck_assert(rate_bucket_take(&b, two, 1500));
    ck_assert(!rate_bucket_take(&b, two, 1500));
    for (int i = 0; i < 10; i++)
        ck_assert(rate_bucket_take(&b, two, 1000000)); /* not more than a burst for a long silence */
    ck_assert(!rate_bucket_take(&b, two, 1000000));
}
END_TEST

START_TEST(no_limit_is_none)
{
    struct rate_bucket b = {0};
    for (int i = 0; i < 1000; i++)
        ck_assert(rate_bucket_take(&b, (struct rate){0}, 1));
}
END_TEST

START_TEST(keys_do_not_pay_for_each_other)
{
    struct rate_table *t = rate_table_new(1024);
    for (int i = 0; i < 10; i++)
        ck_assert(rate_take(t, 1, 7, two, 1000));
    ck_assert(!rate_take(t, 1, 7, two, 1000));
    ck_assert(rate_take(t, 2, 7, two, 1000));
    ck_assert(rate_take(t, 1, 8, two, 1000));
    ck_assert(!rate_take(t, 1, 7, two, 1000));
    rate_table_free(t);
}
END_TEST

/* Whoever asks most is remembered longest, however many others come. */
START_TEST(forgets_the_quietest)
{
    struct rate_table *t = rate_table_new(64);
    for (int i = 0; i < 10; i++)
        ck_assert(rate_take(t, 0, 1, two, 1000));
    for (uint64_t other = 2; other < 100000; other++)
        ck_assert(rate_take(t, 0, other, two, 1000));
    ck_assert(!rate_take(t, 0, 1, two, 1000));
    rate_table_free(t);
}
END_TEST

UNIT_MAIN("base/rate", gives_a_burst_then_what_flows_in, no_limit_is_none, keys_do_not_pay_for_each_other, forgets_the_quietest)
