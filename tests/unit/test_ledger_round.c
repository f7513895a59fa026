/* Rounds by themselves: a spool and channels that count what they are told. */
#include "ledger.h"
#include "loop.h"
#include "spool.h"
#include "unit.h"
#include "wall.h"

#include <string.h>

#define WAIT_MS 60000

static struct ledger ledger;
static struct peer peers[2];
static size_t pending, appended; /* in the spool; of these not yet committed */
static unsigned commits, pauses, resumes;
static size_t group; /* the last one's */

void spool_commit(struct spool *s)
{
    (void)s;
    commits++;
    group = appended;
    appended = 0;
}

size_t spool_pending(const struct spool *s)
{
    (void)s;
    return pending;
}

void channel_pause(struct ipc_channel *c)
{
    (void)c;
    pauses++;
}

void channel_resume(struct ipc_channel *c)
{
    (void)c;
    resumes++;
}

static void set_up(void)
{
    memset(&ledger, 0, sizeof ledger);
    pending = appended = group = 0;
    commits = pauses = resumes = 0;
    peers[0].next = &peers[1];
    ledger.peers = peers;
    ledger.loop = loop_new();
    ck_assert_ptr_nonnull(ledger.loop);
    ck_assert(round_new(&ledger));
}

static void tear_down(void)
{
    loop_timer_free(ledger.round);
    loop_free(ledger.loop);
}

static void hear(size_t messages)
{
    for (size_t i = 0; i < messages; i++) {
        round_heard(&ledger);
        pending++;
        appended++;
    }
}

static void wait_for(const unsigned *count, unsigned value)
{
    int64_t until = mono_now_ms() + WAIT_MS;
    while (*count < value && mono_now_ms() < until)
        loop_turn(ledger.loop, 20);
    ck_assert_uint_eq(*count, value);
}

START_TEST(who_comes_alone_is_committed_at_once_and_nobody_paused)
{
    set_up();
    for (unsigned n = 1; n <= 3; n++) {
        hear(1);
        ck_assert_uint_eq(commits, n - 1);
        wait_for(&commits, n);
        pending = 0;
    }
    ck_assert_uint_eq(pauses, 0);
    tear_down();
}
END_TEST

START_TEST(what_one_turn_brings_is_one_group)
{
    set_up();
    hear(16);
    wait_for(&commits, 1);
    ck_assert_uint_eq(group, 16);
    ck_assert_uint_eq(pauses, 0); /* enough of them: the next are read as they come */
    hear(40);                     /* nor are they kept waiting, though the spool is busy */
    wait_for(&commits, 2);
    ck_assert_uint_eq(group, 40);
    ck_assert_uint_eq(pauses, 0);
    tear_down();
}
END_TEST

START_TEST(a_few_pause_all_doors_until_the_next_round)
{
    set_up();
    hear(3);
    wait_for(&commits, 1);
    ck_assert_uint_eq(group, 3);
    ck_assert_uint_eq(pauses, 2);
    ck_assert_uint_eq(resumes, 0);
    wait_for(&resumes, 2);
    hear(2);
    wait_for(&commits, 2);
    ck_assert_uint_eq(group, 2);
    ck_assert_uint_eq(pauses, 4);
    wait_for(&resumes, 4);
    tear_down();
}
END_TEST

START_TEST(one_who_comes_while_the_spool_works_gathers_others)
{
    set_up();
    hear(16);
    wait_for(&commits, 1);
    hear(1);
    wait_for(&commits, 2);
    ck_assert_uint_eq(group, 1);
    ck_assert_uint_eq(pauses, 2);
    wait_for(&resumes, 2);
    ck_assert_uint_eq(commits, 2); /* nobody came: nothing to commit, and nothing waits for a timer */
    for (int i = 0; i < 3; i++)
        loop_turn(ledger.loop, 10);
    ck_assert_uint_eq(commits, 2);
    tear_down();
}
END_TEST

/* The last round's end lies ahead, so that no timer comes in between. */
static void nothing_is_committed_until_enough_came(size_t came)
{
    ledger.round_mono_ms = mono_now_ms() + 10 * WAIT_MS;
    hear(came);
    for (int i = 0; i < 5; i++)
        loop_turn(ledger.loop, 0);
    ck_assert_uint_eq(appended, came);
    hear(16 - came);
    wait_for(&commits, commits + 1);
    ck_assert_uint_eq(group, 16);
}

START_TEST(a_group_gathers_while_the_spool_works_or_others_came_before)
{
    set_up();
    hear(1);
    wait_for(&commits, 1);
    nothing_is_committed_until_enough_came(1); /* the first is not durable yet */
    pending = 0;
    nothing_is_committed_until_enough_came(1); /* sixteen came before */
    ck_assert_uint_eq(pauses, 0);
    tear_down();
}
END_TEST

UNIT_MAIN("ledger/round", who_comes_alone_is_committed_at_once_and_nobody_paused, what_one_turn_brings_is_one_group,
          a_few_pause_all_doors_until_the_next_round, one_who_comes_while_the_spool_works_gathers_others,
          a_group_gathers_while_the_spool_works_or_others_came_before)
