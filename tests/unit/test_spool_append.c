/* Appending, duplicates, conflicts, slots, room, reading back, ageing: the spool while the disk is well. */
#include <sys/stat.h>

#include "test_spool_fixture.h"

#include "spool_file.h"

static struct bench b;
static struct answer a, again;
static struct reading r;

static void count_rows(void *arg, const struct spool_row *rows, size_t count)
{
    (void)rows;
    *(unsigned *)arg += 1 + (unsigned)count;
}

START_TEST(new_rows_are_signed_and_read_back)
{
    struct sample s[5];
    struct spool_item items[5];
    bench_init(&b);
    bench_open(&b);
    for (unsigned i = 0; i < 5; i++) {
        sample_make(&s[i], 7, i);
        items[i] = s[i].item;
    }
    bench_append(&b, items, 5, &a);
    ck_assert_int_eq(a.outcome, SPOOL_OK);
    ck_assert_uint_eq(a.count, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(a.results[i].status, ITEM_ACCEPTED);
        ck_assert_int_eq(a.results[i].seq, (int64_t)i + 1);
        ck_assert_mem_eq(a.results[i].id, items[i].id, 16);
        ck_assert_uint_eq(a.results[i].proof.tree_size, 5);
        ck_assert(bench_proof_good(&b, items[i].leaf, &a.results[i].proof));
        ck_assert(!bench_proof_good(&b, items[(i + 1) % 5].leaf, &a.results[i].proof));
    }
    ck_assert_int_eq(spool_last_seq(b.spool), 5);
    bench_read(&b, 0, 100, 1 << 20, &r);
    ck_assert_uint_eq(r.count, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_str_eq(r.payload[i], s[i].payload);
        ck_assert_int_eq(r.rows[i].kind, SPOOL_CHECKIN);
        ck_assert_int_eq(r.rows[i].received_us, items[i].received_us);
        ck_assert(bench_proof_good(&b, items[i].leaf, &r.rows[i].proof));
    }
    bench_read(&b, 2, 2, 1 << 20, &r);
    ck_assert_uint_eq(r.count, 2);
    ck_assert_int_eq(r.rows[0].seq, 3);
    bench_read(&b, 0, 100, 1, &r); /* at least one row, however large */
    ck_assert_uint_eq(r.count, 1);
    bench_read(&b, 5, 100, 1 << 20, &r);
    ck_assert_uint_eq(r.count, 0);
    bench_fini(&b);
}
END_TEST

START_TEST(a_duplicate_gets_the_first_row_and_proof)
{
    struct sample s, other, filler[3];
    struct spool_item items[4];
    bench_init(&b);
    bench_open(&b);
    sample_make(&s, 7, 1);
    for (unsigned i = 0; i < 3; i++) {
        sample_make(&filler[i], 8, i);
        items[i] = filler[i].item;
    }
    items[3] = s.item;
    bench_append(&b, items, 4, &a);

    struct sample retry = s;
    memset(retry.item.id, 0x55, 16); /* a door makes a fresh id; the first one stays */
    retry.item.payload = (const uint8_t *)"another text of the same fact";
    retry.item.payload_len = 29;
    for (int round = 0; round < 2; round++) {
        bench_append(&b, &retry.item, 1, &again);
        ck_assert_int_eq(again.results[0].status, ITEM_DUPLICATE);
        ck_assert_int_eq(again.results[0].seq, 4);
        ck_assert_mem_eq(again.results[0].id, s.item.id, 16);
        ck_assert_uint_eq(again.results[0].payload_len, strlen(s.payload));
        ck_assert_mem_eq(again.results[0].payload, s.payload, strlen(s.payload));
        ck_assert_uint_eq(again.results[0].proof.tree_index, 3);
        ck_assert_mem_eq(again.results[0].proof.signature, a.results[3].proof.signature, 64);
        ck_assert_mem_eq(again.results[0].proof.root, a.results[3].proof.root, 32);
        ck_assert(bench_proof_good(&b, s.item.leaf, &again.results[0].proof));
        bench_close(&b); /* and so after a restart */
        bench_open(&b);
    }
    sample_make(&other, 9, 1); /* the same key of another device is another check-in */
    memcpy(other.item.key, s.item.key, 16);
    bench_append(&b, &other.item, 1, &again);
    ck_assert_int_eq(again.results[0].status, ITEM_ACCEPTED);
    bench_fini(&b);
}
END_TEST

START_TEST(duplicates_inside_a_group_are_found)
{
    struct sample s, t;
    struct spool_item items[3];
    bench_init(&b);
    bench_open(&b);
    sample_make(&s, 7, 1);
    sample_make(&t, 7, 2);
    items[0] = items[2] = s.item;
    items[1] = t.item;
    memset(items[2].id, 0x44, 16);
    bench_append(&b, items, 3, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_ACCEPTED);
    ck_assert_int_eq(a.results[1].status, ITEM_ACCEPTED);
    ck_assert_int_eq(a.results[2].status, ITEM_DUPLICATE);
    ck_assert_mem_eq(a.results[2].id, s.item.id, 16);
    ck_assert_uint_eq(a.results[2].proof.tree_size, 2);
    ck_assert(bench_proof_good(&b, s.item.leaf, &a.results[2].proof));
    ck_assert_mem_eq(a.results[2].proof.signature, a.results[0].proof.signature, 64);
    bench_fini(&b);
}
END_TEST

START_TEST(same_key_other_body_is_a_conflict)
{
    struct sample s;
    bench_init(&b);
    bench_open(&b);
    sample_make(&s, 7, 1);
    bench_append(&b, &s.item, 1, &a);
    uint8_t first[16];
    memcpy(first, s.item.id, 16);
    s.item.body_hash[0] ^= 1;
    memset(s.item.id, 0x33, 16);
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.outcome, SPOOL_OK);
    ck_assert_int_eq(a.results[0].status, ITEM_CONFLICT);
    ck_assert_int_eq(a.results[0].seq, 0);
    ck_assert_mem_eq(a.results[0].id, first, 16);
    ck_assert_int_eq(spool_last_seq(b.spool), 1);

    struct sample t; /* an id twice, with another key: refused without harm to the group */
    sample_make(&t, 7, 2);
    memcpy(t.item.id, first, 16);
    bench_append(&b, &t.item, 1, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_CONFLICT);
    sample_make(&t, 7, 3);
    bench_append(&b, &t.item, 1, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_ACCEPTED);
    bench_fini(&b);
}
END_TEST

START_TEST(kinds_and_scopes)
{
    struct sample s;
    bench_init(&b);
    bench_open(&b);
    sample_make(&s, 0, 1);
    s.item.kind = SPOOL_UNATTRIBUTED;
    s.item.signed_leaf = false;
    s.item.sender.s = "6281200000001";
    s.item.sender.len = 13;
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_ACCEPTED);
    ck_assert_uint_eq(a.results[0].proof.tree_size, 0);
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_DUPLICATE);
    ck_assert_uint_eq(a.results[0].proof.tree_size, 0);
    s.item.sender.s = "6281200000002";
    memset(s.item.id, 1, 16);
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_ACCEPTED);
    s.item.kind = SPOOL_EVENT;
    memset(s.item.id, 2, 16);
    s.item.payload_len = 0;
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_ACCEPTED);
    bench_read(&b, 0, 10, 1 << 20, &r);
    ck_assert_uint_eq(r.count, 3);
    ck_assert_int_eq(r.rows[0].kind, SPOOL_UNATTRIBUTED);
    ck_assert_int_eq(r.rows[2].kind, SPOOL_EVENT);
    ck_assert_uint_eq(r.rows[2].payload_len, 0);
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_DUPLICATE);
    ck_assert_uint_eq(a.results[0].payload_len, 0);
    bench_fini(&b);
}
END_TEST

static enum item_status append_slot(unsigned n, bool inside, int64_t session, int64_t at_us)
{
    struct sample s;
    sample_make(&s, 7, n);
    s.item.has_slot = true;
    s.item.slot = (struct spool_slot){.person = 4, .session = session, .day = 20451, .inside = inside, .at_us = at_us};
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.outcome, SPOOL_OK);
    return a.results[0].status;
}

START_TEST(the_earliest_automatic_position_keeps_its_slot)
{
    bench_init(&b);
    bench_open(&b);
    ck_assert_int_eq(append_slot(1, true, 3, 1000), ITEM_ACCEPTED);
    ck_assert_int_eq(append_slot(2, true, 3, 1000), ITEM_DROPPED);
    ck_assert_int_eq(a.results[0].seq, 0);
    ck_assert_int_eq(append_slot(3, true, 3, 2000), ITEM_DROPPED);
    ck_assert_int_eq(append_slot(1, true, 3, 1000), ITEM_DUPLICATE); /* a retry of the holder */
    ck_assert_int_eq(append_slot(4, false, 3, 2000), ITEM_ACCEPTED); /* outside has a slot of its own */
    ck_assert_int_eq(append_slot(5, true, 4, 2000), ITEM_ACCEPTED);  /* and another session */
    ck_assert_int_eq(append_slot(6, true, 3, 900), ITEM_ACCEPTED);   /* delivered later, made earlier */
    ck_assert_int_eq(append_slot(7, true, 3, 950), ITEM_DROPPED);
    ck_assert_int_eq(append_slot(8, true, 0, 5000), ITEM_ACCEPTED);  /* no session, no slot */
    ck_assert_int_eq(append_slot(9, true, 0, 5000), ITEM_ACCEPTED);
    bench_close(&b);
    bench_open(&b);
    ck_assert_int_eq(append_slot(10, true, 3, 950), ITEM_DROPPED);
    bench_fini(&b);
}
END_TEST

START_TEST(below_the_floor_nothing_is_taken_until_there_is_room)
{
    struct sample s[2];
    struct spool_item items[2];
    bench_init(&b);
    bench_open(&b);
    for (unsigned i = 0; i < 2; i++) {
        sample_make(&s[i], 7, i);
        items[i] = s[i].item;
    }
    ck_assert(!spool_is_full(b.spool));
    spool_set_limits(b.spool, KEEP_US, UINT64_MAX);
    bench_append(&b, items, 2, &a);
    ck_assert_int_eq(a.outcome, SPOOL_FULL);
    ck_assert_uint_eq(a.count, 0);
    ck_assert(spool_is_full(b.spool));
    ck_assert_int_eq(spool_last_seq(b.spool), 0);
    usleep(600000); /* it looks again */
    bench_append(&b, items, 2, &a);
    ck_assert_int_eq(a.outcome, SPOOL_FULL);
    spool_set_limits(b.spool, KEEP_US, 1);
    int64_t until = mono_now_ms() + WAIT_MS; /* by itself, without an append */
    while (spool_is_full(b.spool) && mono_now_ms() < until)
        loop_turn(b.loop, 20);
    bench_append(&b, items, 2, &a);
    ck_assert_int_eq(a.outcome, SPOOL_OK);
    ck_assert_int_eq(a.results[1].status, ITEM_ACCEPTED);
    bench_fini(&b);
}
END_TEST

START_TEST(the_queue_is_bounded_and_groups_form_by_themselves)
{
    static struct answer many[100];
    struct sample s;
    bench_init(&b);
    b.options.queue_max_items = 100;
    bench_open(&b);
    for (unsigned i = 0; i < 100; i++) { /* the loop does not turn: none is delivered */
        sample_make(&s, 7, i);
        memset(&many[i].called, 0, sizeof many[i].called);
        ck_assert(spool_append(b.spool, &s.item, 1, bench_on_append, &many[i]));
    }
    sample_make(&s, 7, 100);
    ck_assert(!spool_append(b.spool, &s.item, 1, bench_on_append, &a));
    ck_assert_uint_eq(spool_pending(b.spool), 100);
    for (unsigned i = 0; i < 100; i++) {
        bench_wait(&b, &many[i].called);
        ck_assert_int_eq(many[i].results[0].status, ITEM_ACCEPTED);
        sample_make(&s, 7, i);
        ck_assert(bench_proof_good(&b, s.item.leaf, &many[i].results[0].proof));
    }
    ck_assert_uint_eq(spool_pending(b.spool), 0);
    ck_assert_int_eq(spool_last_seq(b.spool), 100);
    sample_make(&s, 7, 100);
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_ACCEPTED);
    bench_fini(&b);
}
END_TEST

START_TEST(one_batch_larger_than_a_group_stays_whole)
{
    static struct sample s[600];
    static struct spool_item items[600];
    bench_init(&b);
    bench_open(&b);
    for (unsigned i = 0; i < 600; i++) {
        sample_make(&s[i], 7, i);
        items[i] = s[i].item;
    }
    bench_append(&b, items, 600, &a);
    ck_assert_uint_eq(a.count, 600);
    ck_assert_uint_eq(a.results[599].proof.tree_size, 600);
    ck_assert(bench_proof_good(&b, items[599].leaf, &a.results[599].proof));
    ck_assert(bench_proof_good(&b, items[257].leaf, &a.results[257].proof));
    bench_read(&b, 0, 1200, 1 << 20, &r);
    ck_assert_uint_eq(r.count, 600);
    ck_assert(bench_proof_good(&b, items[311].leaf, &r.rows[311].proof));
    bench_fini(&b);
}
END_TEST

START_TEST(what_was_not_committed_is_when_the_spool_stops)
{
    struct sample s;
    bench_init(&b);
    bench_open(&b);
    sample_make(&s, 7, 1);
    memset(&a, 0, sizeof a);
    ck_assert(spool_append(b.spool, &s.item, 1, bench_on_append, &a));
    bench_close(&b);
    ck_assert(a.called);
    ck_assert_int_eq(a.outcome, SPOOL_OK);
    bench_fini(&b);
}
END_TEST

START_TEST(complete_to_waits_for_what_is_pending)
{
    struct sample s;
    bench_init(&b);
    bench_open(&b);
    wall_fake(INT64_C(1767000000000000));
    ck_assert_int_eq(spool_complete_to_us(b.spool), INT64_C(1767000000000000));
    sample_make(&s, 7, 1);
    s.item.received_us = INT64_C(1766999999000000);
    memset(&a, 0, sizeof a);
    ck_assert(spool_append(b.spool, &s.item, 1, bench_on_append, &a));
    ck_assert_int_eq(spool_complete_to_us(b.spool), s.item.received_us);
    bench_wait(&b, &a.called);
    ck_assert_int_eq(spool_complete_to_us(b.spool), INT64_C(1767000000000000));
    ck_assert_int_eq(spool_last_seq(b.spool), 1);
    sample_make(&s, 7, 2); /* a clock that was set back meanwhile */
    s.item.received_us = INT64_C(1767000000000001);
    memset(&a, 0, sizeof a);
    ck_assert(spool_append(b.spool, &s.item, 1, bench_on_append, &a));
    ck_assert_int_eq(spool_complete_to_us(b.spool), INT64_C(1767000000000000));
    bench_wait(&b, &a.called);
    wall_fake(INT64_MIN);
    bench_fini(&b);
}
END_TEST

START_TEST(rows_are_found_by_id_or_by_device_and_uuid)
{
    struct sample s;
    uint8_t nobody[16] = {9};
    bench_init(&b);
    bench_open(&b);
    sample_make(&s, 7, 1);
    bench_append(&b, &s.item, 1, &a);
    bench_find(&b, s.item.id, 0, &r);
    ck_assert_uint_eq(r.count, 1);
    ck_assert_str_eq(r.payload[0], s.payload);
    ck_assert(bench_proof_good(&b, s.item.leaf, &r.rows[0].proof));
    bench_find(&b, s.item.key, 7, &r);
    ck_assert_uint_eq(r.count, 1);
    ck_assert_int_eq(r.rows[0].seq, 1);
    bench_find(&b, s.item.key, 8, &r);
    ck_assert_uint_eq(r.count, 0);
    bench_find(&b, s.item.key, 0, &r);
    ck_assert_uint_eq(r.count, 0);
    bench_find(&b, nobody, 7, &r);
    ck_assert_uint_eq(r.count, 0);
    bench_fini(&b);
}
END_TEST

START_TEST(only_what_is_old_and_ingested_is_deleted)
{
    struct sample s;
    bench_init(&b);
    bench_open(&b);
    int64_t now_us = wall_now_us();
    for (unsigned i = 0; i < 6; i++) { /* 1..4 old, 5..6 young */
        sample_make(&s, 7, i);
        s.item.received_us = i < 4 ? now_us - KEEP_US - 60 * US_PER_S : now_us;
        bench_append(&b, &s.item, 1, &a);
    }
    spool_set_ingested(b.spool, 3);
    int64_t until = mono_now_ms() + WAIT_MS;
    do {
        bench_read(&b, 0, 100, 1 << 20, &r);
        loop_turn(b.loop, 250); /* reads are work: let the thread be idle in between */
        loop_turn(b.loop, 250);
    } while (r.count > 3 && mono_now_ms() < until);
    ck_assert_uint_eq(r.count, 3);
    ck_assert_int_eq(r.rows[0].seq, 4);
    bench_close(&b);
    bench_open(&b);
    ck_assert_int_eq(spool_ingested_hint(b.spool), 3);
    ck_assert_int_eq(spool_last_seq(b.spool), 6);
    bench_read(&b, 0, 100, 1 << 20, &r);
    ck_assert_uint_eq(r.count, 3);
    sample_make(&s, 7, 5); /* its group is still there */
    ck_assert(bench_proof_good(&b, s.item.leaf, &r.rows[2].proof));
    sample_make(&s, 7, 77);
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.results[0].seq, 7); /* numbers never come back */
    bench_fini(&b);
}
END_TEST

START_TEST(reads_are_bounded_and_a_stop_answers_what_waits)
{
    unsigned called = 0;
    bench_init(&b);
    bench_open(&b);
    for (unsigned i = 0; i < 256; i++) /* the loop does not turn: none is delivered */
        ck_assert(spool_read(b.spool, 0, 10, 1000, count_rows, &called));
    ck_assert(!spool_read(b.spool, 0, 10, 1000, count_rows, &called));
    ck_assert(!spool_orphan_read(b.spool, NULL, 0, 10, 1000, count_rows, &called));
    ck_assert(!spool_orphan_close(b.spool, NULL, true));
    bench_close(&b);
    ck_assert_uint_eq(called, 256);
    bench_fini(&b);
}
END_TEST

/* ---- groups, the thread held where it signs ---- */

static unsigned gate_open, groups_signed, accepted;

static bool sign_at_the_gate(void *arg, uint64_t tree_size, const uint8_t root[32], uint8_t ret[64])
{
    __atomic_add_fetch(&groups_signed, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&gate_open, __ATOMIC_SEQ_CST) == 0)
        usleep(1000);
    return bench_sign(arg, tree_size, root, ret);
}

static void count_accepted(void *arg, enum spool_outcome outcome, const struct spool_result *results, size_t count)
{
    (void)arg;
    for (size_t i = 0; i < count; i++)
        accepted += outcome == SPOOL_OK && results[i].status == ITEM_ACCEPTED;
}

START_TEST(a_group_takes_as_many_as_fit_and_a_read_keeps_its_place)
{
    static struct sample s[1120];
    struct spool_item items[300];
    char made[80];
    bench_init(&b);
    snprintf(made, sizeof made, "%s/made", b.dir);
    b.options.dir = made;
    b.options.sign = sign_at_the_gate;
    b.options.queue_max_items = 2000;
    bench_open(&b);
    for (unsigned i = 0; i < 1120; i++)
        sample_make(&s[i], 7, i);
    ck_assert(spool_append(b.spool, &s[0].item, 1, count_accepted, NULL));
    spool_commit(b.spool);
    while (__atomic_load_n(&groups_signed, __ATOMIC_SEQ_CST) == 0)
        usleep(1000);
    for (unsigned i = 1; i < 520; i++)
        ck_assert(spool_append(b.spool, &s[i].item, 1, count_accepted, NULL));
    memset(&r, 0, sizeof r);
    ck_assert(spool_read(b.spool, 0, 1000, 1 << 20, bench_on_rows, &r));
    for (unsigned batch = 0; batch < 2; batch++) {
        for (unsigned i = 0; i < 300; i++)
            items[i] = s[520 + batch * 300 + i].item;
        ck_assert(spool_append(b.spool, items, 300, count_accepted, NULL));
    }
    spool_commit(b.spool);
    __atomic_store_n(&gate_open, 1, __ATOMIC_SEQ_CST);
    bench_wait(&b, &r.called);
    ck_assert_uint_eq(r.count, 520);
    int64_t until = mono_now_ms() + WAIT_MS;
    while (accepted < 1120 && mono_now_ms() < until)
        loop_turn(b.loop, 20);
    ck_assert_uint_eq(accepted, 1120);
    ck_assert_uint_eq(groups_signed, 5); /* 1, then 512 and 7 before the read, then 300 twice */
    bench_close(&b);
    char dir[64];
    memcpy(dir, b.dir, sizeof dir);
    memcpy(b.dir, made, sizeof b.dir);
    bench_fini(&b);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* ---- idle ---- */

static off_t file_bytes(const char *name)
{
    char path[200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", b.dir, name);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static void wait_for_bytes(const char *name, off_t bytes)
{
    int64_t until = mono_now_ms() + WAIT_MS;
    while (file_bytes(name) < bytes && mono_now_ms() < until)
        loop_turn(b.loop, 50);
    ck_assert_int_ge(file_bytes(name), bytes);
}

/* A little waits for two seconds of quiet, 4 MiB for a fifth of one, 64 MiB for no quiet at all. */
START_TEST(the_log_goes_into_the_file_when_nobody_waits_or_it_is_large)
{
    static struct sample s;
    static uint8_t payload[5 << 20];
    bench_init(&b);
    bench_open(&b);
    off_t empty = file_bytes("spool.db");
    sample_make(&s, 7, 1);
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(file_bytes("spool.db"), empty);
    wait_for_bytes("spool.db", empty + 1);
    s.item.payload = payload;
    s.item.payload_len = sizeof payload;
    s.item.id[0] ^= 1;
    s.item.key[0] ^= 1;
    bench_append(&b, &s.item, 1, &a);
    wait_for_bytes("spool.db", sizeof payload);
    for (unsigned i = 0; i < 15; i++) {
        s.item.id[1]++;
        s.item.key[1]++;
        bench_append(&b, &s.item, 1, &a);
        ck_assert_int_eq(a.results[0].status, ITEM_ACCEPTED);
    }
    wait_for_bytes("spool.db", 16 * (off_t)sizeof payload);
    bench_fini(&b);
}
END_TEST

/* Waits until count rows are left; false: more are after some time of the thread's idle work. */
static bool left(size_t count)
{
    int64_t until = mono_now_ms() + WAIT_MS;
    r.count = count + 1;
    for (int64_t rest_ms = 500; r.count != count && mono_now_ms() < until; rest_ms *= 2) { /* each look makes it busy again */
        for (int64_t to = mono_now_ms() + rest_ms; mono_now_ms() < to;)
            loop_turn(b.loop, 250);
        bench_read(&b, 0, 2000, 1 << 20, &r);
    }
    return r.count == count;
}

/* What the spool's meta has of the clock, while it is closed. */
static void set_clock_seen(int64_t seen_us, int64_t hold_us)
{
    char path[200], error[300];
    enum spool_fault fault;
    snprintf(path, sizeof path, "%s/spool.db", b.dir);
    struct spool_file *f = spool_file_open(path, false, &fault, error, sizeof error);
    ck_assert_msg(f != NULL, "%s", error);
    ck_assert(spool_file_save_age(f, &(struct spool_file_age){.seen_us = seen_us, .hold_us = hold_us}));
    spool_file_close(f);
}

/* A clock that is nine days on between two looks has jumped: what came a moment before it would seem old. */
START_TEST(a_clock_that_jumped_deletes_nothing)
{
    struct sample s;
    bench_init(&b);
    bench_open(&b);
    sample_make(&s, 7, 0);
    s.item.received_us = wall_now_us() - KEEP_US - 60 * US_PER_S;
    bench_append(&b, &s.item, 1, &a);
    bench_close(&b);
    set_clock_seen(s.item.received_us, 0);
    for (int starts = 0; starts < 2; starts++) { /* it is remembered */
        bench_open(&b);
        spool_set_ingested(b.spool, 1);
        for (int i = 0; i < 12; i++)
            loop_turn(b.loop, 250);
        bench_read(&b, 0, 100, 1 << 20, &r);
        ck_assert_uint_eq(r.count, 1);
        bench_close(&b);
    }
    set_clock_seen(wall_now_us() - 2 * 3600 * US_PER_S, 3600 * US_PER_S); /* eight days later */
    bench_open(&b);
    spool_set_ingested(b.spool, 1);
    ck_assert(left(0));
    bench_fini(&b);
}
END_TEST

/* A clock that was ahead left more rows in front than one bite takes. */
START_TEST(rows_of_a_time_to_come_do_not_hold_up_those_behind)
{
    static struct sample s[600];
    static struct spool_item items[600];
    int64_t now_us = wall_now_us();
    bench_init(&b);
    bench_open(&b);
    for (unsigned i = 0; i < 600; i++) {
        sample_make(&s[i], 7, i);
        s[i].item.received_us = i < 590 ? now_us + KEEP_US : now_us - KEEP_US - 60 * US_PER_S;
        items[i] = s[i].item;
    }
    bench_append(&b, items, 600, &a);
    spool_set_ingested(b.spool, 600);
    ck_assert(left(590));
    ck_assert_int_eq(r.rows[589].seq, 590);
    bench_fini(&b);
}
END_TEST

UNIT_MAIN("spool/append", reads_are_bounded_and_a_stop_answers_what_waits, a_group_takes_as_many_as_fit_and_a_read_keeps_its_place,
          the_log_goes_into_the_file_when_nobody_waits_or_it_is_large,
          new_rows_are_signed_and_read_back, a_duplicate_gets_the_first_row_and_proof,
          duplicates_inside_a_group_are_found, same_key_other_body_is_a_conflict, kinds_and_scopes,
          the_earliest_automatic_position_keeps_its_slot, below_the_floor_nothing_is_taken_until_there_is_room,
          the_queue_is_bounded_and_groups_form_by_themselves, one_batch_larger_than_a_group_stays_whole,
          what_was_not_committed_is_when_the_spool_stops, complete_to_waits_for_what_is_pending, rows_are_found_by_id_or_by_device_and_uuid,
          only_what_is_old_and_ingested_is_deleted, a_clock_that_jumped_deletes_nothing,
          rows_of_a_time_to_come_do_not_hold_up_those_behind)
