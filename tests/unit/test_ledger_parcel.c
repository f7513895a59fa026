/* Halving finds exactly the bad rows, sends every good one once and in order. Also: the strangers' limit. */
#include "limit.h"
#include "parcel.h"
#include "record.h"
#include "test_ledger_fixture.h"
#include "unit.h"

#define ROWS 37

static struct parcel p;
static struct spool_row rows[ROWS];
static struct buf payloads[ROWS];

static void fill(uint64_t unreadable)
{
    for (unsigned i = 0; i < ROWS; i++) {
        struct fact f;
        fixture_fact(&f, 7, i);
        buf_init(&payloads[i], 65536);
        ck_assert(fact_encode(&f, &payloads[i]));
        if ((unreadable >> i & 1) != 0)
            payloads[i].data[0] = 0xee;
        rows[i] = (struct spool_row){.seq = 10 + 2 * (int64_t)i, .kind = SPOOL_CHECKIN, .received_us = f.received_us,
                                     .payload = payloads[i].data, .payload_len = payloads[i].len};
    }
    ck_assert(parcel_fill(&p, rows, ROWS));
}

static size_t elements(const struct buf *array)
{
    struct piece each[ROWS];
    size_t count;
    ck_assert_ptr_nonnull(array);
    ck_assert(array_elements((struct piece){array->data, array->len}, each, ROWS, &count));
    return count;
}

/* A database that refuses ranges with rows of `bad`; returns the exchanges. */
static unsigned serve(uint64_t bad, uint64_t unreadable)
{
    uint64_t good = 0, poison = 0;
    int64_t last = 0;
    unsigned exchanges = 0;
    while (!parcel_is_empty(&p)) {
        ck_assert_uint_lt(exchanges++, 500);
        uint64_t range = 0;
        size_t first = p.from;
        for (size_t i = p.from; i < p.to; i++)
            range |= UINT64_C(1) << i;
        ck_assert_int_eq(parcel_last_seq(&p), rows[p.to - 1].seq);
        if (parcel_is_unreadable(&p)) {
            ck_assert_uint_eq(range & unreadable, range);
            ck_assert_uint_eq(elements(parcel_outline(&p)), 1);
            poison |= range;
        } else {
            ck_assert_uint_eq(range & unreadable, 0);
            ck_assert_uint_eq(elements(parcel_array(&p)), parcel_rows(&p));
            if ((range & bad) != 0 && parcel_rows(&p) > 1) {
                parcel_split(&p);
                continue;
            }
            *((range & bad) != 0 ? &poison : &good) |= range;
        }
        ck_assert_int_gt(rows[first].seq, last); /* in order, none twice */
        last = parcel_last_seq(&p);
        parcel_accept(&p);
    }
    ck_assert_uint_eq(poison, bad | unreadable);
    ck_assert_uint_eq(good, ((UINT64_C(1) << ROWS) - 1) & ~(bad | unreadable));
    ck_assert_int_eq(last, rows[ROWS - 1].seq);
    return exchanges;
}

static void release(void)
{
    for (unsigned i = 0; i < ROWS; i++)
        buf_fini(&payloads[i]);
}

START_TEST(halving_finds_the_bad_rows)
{
    const uint64_t cases[] = {0, 1, UINT64_C(1) << (ROWS - 1), 0x55, 0x1ffffffff, UINT64_C(0x1fffffffff), 0x100010000};
    parcel_init(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t u = 0; u < 3; u++) {
            uint64_t unreadable = u == 0 ? 0 : u == 1 ? 0x800401 : UINT64_C(0x1fffffffff);
            fill(unreadable);
            unsigned exchanges = serve(cases[i] & ~unreadable, unreadable);
            if (cases[i] == 0 && unreadable == 0)
                ck_assert_uint_eq(exchanges, 1);
            release();
        }
    }
    parcel_fini(&p);
}
END_TEST

START_TEST(claims_look_at_all_that_was_sent)
{
    parcel_init(&p);
    fill(0);
    p.rows[3].received_us = FIXTURE_AT_US + 1000;
    ck_assert_int_eq(parcel_newest_us(&p), FIXTURE_AT_US + 1000);
    ck_assert(parcel_is_last(&p));
    parcel_split(&p);
    ck_assert(!parcel_is_last(&p));
    parcel_accept(&p);
    ck_assert_int_eq(parcel_newest_us(&p), FIXTURE_AT_US + 1000);
    ck_assert(parcel_is_last(&p));
    release();
    parcel_fini(&p);
}
END_TEST

START_TEST(a_stranger_has_ten_a_day)
{
    struct limit *l = limit_new();
    struct text a = fixture_text("6281200000001"), b = fixture_text("6281200000002");
    int64_t day_us = INT64_C(86400) * US_PER_S;
    for (int i = 0; i < 10; i++)
        ck_assert(limit_take(l, 1, a, FIXTURE_AT_US));
    ck_assert(!limit_take(l, 1, a, FIXTURE_AT_US + 1));
    ck_assert(limit_take(l, 2, a, FIXTURE_AT_US));
    ck_assert(limit_take(l, 1, b, FIXTURE_AT_US));
    limit_give_back(l, 1, a, FIXTURE_AT_US);
    ck_assert(limit_take(l, 1, a, FIXTURE_AT_US));
    ck_assert(!limit_take(l, 1, a, FIXTURE_AT_US));
    ck_assert(limit_take(l, 1, a, FIXTURE_AT_US + day_us));
    ck_assert(limit_take(l, 1, a, FIXTURE_AT_US)); /* late news of yesterday counts as today */
    limit_free(l);
}
END_TEST

START_TEST(strangers_are_bounded_in_number)
{
    struct limit *l = limit_new();
    char number[32];
    unsigned taken = 0;
    for (unsigned i = 0; i < 70000; i++) {
        snprintf(number, sizeof number, "62812%08u", i);
        taken += limit_take(l, 1, fixture_text(number), FIXTURE_AT_US);
    }
    ck_assert_uint_eq(taken, 49152);
    ck_assert(limit_take(l, 1, fixture_text("6281200000000"), FIXTURE_AT_US)); /* known ones go on */
    limit_free(l);
}
END_TEST

UNIT_MAIN("ledger/parcel", halving_finds_the_bad_rows, claims_look_at_all_that_was_sent, a_stranger_has_ten_a_day,
          strangers_are_bounded_in_number)
