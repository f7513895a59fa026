/* Ingest against a spool of its own and a database that this test plays: test_ledger_database.h. */
#include "conf.h"
#include "counter.h"
#include "ingest.h"
#include "loop.h"
#include "spool.h"
#include "test_ledger_database.h"
#include "test_ledger_fixture.h"
#include "unit.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 30000

/* ---- the bench ---- */

static char dir[64];
static struct loop *loop;
static struct spool *spool;
static struct ingest *ingest;
static struct conf conf;
static unsigned appended, asides;
static int64_t counters_before[COUNTER_COUNT];

static int64_t counted(enum counter_id id)
{
    return counter_total(id) - counters_before[id];
}

static bool no_signing(void *arg, uint64_t size, const uint8_t root[32], uint8_t ret[64])
{
    (void)arg;
    (void)size;
    (void)root;
    memset(ret, 1, 64);
    return true;
}

static void start_spool(void)
{
    char error[300] = "";
    struct spool_options o = {.dir = dir, .queue_max_items = 1000, .keep_us = INT64_C(691200) * US_PER_S,
                              .sign = no_signing, .key_id = "0011223344556677"};
    spool = spool_start(loop, &o, error, sizeof error);
    ck_assert_msg(spool != NULL, "%s", error);
}

static void begin(void)
{
    memset(&db, 0, sizeof db);
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%.40s/hadir-ingest-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    conf = (struct conf){.request_timeout_ms = 10000};
    wall_fake(FIXTURE_AT_US + US_PER_S);
    for (int i = 0; i < COUNTER_COUNT; i++)
        counters_before[i] = counter_total((enum counter_id)i);
    appended = asides = 0;
    loop = loop_new();
    start_spool();
    ingest = ingest_new(loop, &conf, spool);
    ck_assert_ptr_nonnull(ingest);
}

static void stop(void)
{
    ingest_stop(ingest);
    spool_stop(spool);
    ingest_free(ingest);
}

static void end(void)
{
    stop();
    loop_free(loop);
    wall_fake(INT64_MIN);
    char path[400];
    DIR *d = opendir(dir);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        (void)unlink(path);
    }
    if (d != NULL)
        closedir(d);
    rmdir(dir);
}

static void on_appended(void *arg, enum spool_outcome outcome, const struct spool_result *results, size_t count)
{
    ck_assert_int_eq(outcome, SPOOL_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(results[0].status, ITEM_ACCEPTED);
    ++*(unsigned *)arg;
}

static void append(unsigned count)
{
    for (unsigned i = 0, done = 0; i < count; i++) {
        struct fact f;
        struct buf payload;
        fixture_fact(&f, 7, appended++);
        buf_init(&payload, 65536);
        ck_assert(fact_encode(&f, &payload));
        struct spool_item item = {.kind = SPOOL_CHECKIN, .device = 7, .received_us = f.received_us,
                                  .payload = payload.data, .payload_len = payload.len, .signed_leaf = true};
        memcpy(item.id, f.id, 16);
        memcpy(item.key, f.key, 16);
        memcpy(item.body_hash, f.body_hash, 32);
        ck_assert(spool_append(spool, &item, 1, on_appended, &done));
        spool_commit(spool);
        while (done <= i && (i + 1 == count || i + 1 - done == 100)) /* so many wait at once */
            loop_turn(loop, 50);
        buf_fini(&payload);
    }
    ingest_kick(ingest);
}

static void connect_db(void)
{
    db.up = true;
    db.callbacks->on_up(db.arg);
}

static void lose_db(void)
{
    struct store_error e = {.sqlstate = "08006"};
    store_cb cb = db.pending;
    db.up = false;
    db.pending = NULL;
    if (cb != NULL)
        cb(db.pending_arg, STORE_DOWN, NULL, &e);
    db.callbacks->on_down(db.arg);
}

static void answer(const char *value)
{
    struct rows r = {value};
    store_cb cb = db.pending;
    db.pending = NULL;
    cb(db.pending_arg, STORE_OK, &r, NULL);
}

static bool is_call(const char *function)
{
    char call[80];
    snprintf(call, sizeof call, "select api.%s(", function);
    return strncmp(db.sql, call, strlen(call)) == 0;
}

/* Waits for the next exchange and checks which function it calls; idle marks in between are answered. */
static void expect(const char *function)
{
    int64_t until = mono_now_ms() + WAIT_MS;
    while (mono_now_ms() < until && (db.pending == NULL || !is_call(function))) {
        if (db.pending != NULL && is_call("ingest_idle"))
            answer("");
        else if (db.pending != NULL)
            break;
        loop_turn(loop, 20);
    }
    ck_assert_msg(db.pending != NULL, "no call of %s", function);
    ck_assert_msg(is_call(function), "%s instead of %s", db.sql, function);
}

static void expect_exactly(const char *function)
{
    int64_t until = mono_now_ms() + WAIT_MS;
    while (mono_now_ms() < until && db.pending == NULL)
        loop_turn(loop, 20);
    ck_assert_msg(db.pending != NULL, "no call of %s", function);
    ck_assert_msg(is_call(function), "%s instead of %s", db.sql, function);
}

static void refuse(const char *sqlstate)
{
    struct store_error e = {.message = "no"};
    store_cb cb = db.pending;
    snprintf(e.sqlstate, sizeof e.sqlstate, "%s", sqlstate);
    db.pending = NULL;
    cb(db.pending_arg, STORE_REFUSED, NULL, &e);
}

static unsigned rows_sent(void)
{
    return db.rows;
}

static int64_t claimed(void)
{
    int64_t us = 0;
    ck_assert(wall_parse_rfc3339(db.param[2], strlen(db.param[2]), &us));
    return us;
}

/* ---- the tests ---- */

START_TEST(rows_go_at_once_and_the_claim_is_now)
{
    begin();
    append(3);
    connect_db();
    expect("ingest_position");
    char id[37];
    ck_assert_str_eq(db.param[0], encode_uuid(id, spool_id(spool)));
    answer("null");
    expect("ingest_rows");
    ck_assert_str_eq(db.param[0], id);
    ck_assert_str_eq(db.param[1], "3");
    ck_assert_uint_eq(rows_sent(), 3);
    ck_assert_int_eq(claimed(), FIXTURE_AT_US + US_PER_S);
    ck_assert(!ingest_is_recorded(ingest, 3));
    append(2); /* gathers while the exchange is out */
    answer("3");
    ck_assert(ingest_is_recorded(ingest, 3));
    ck_assert(!ingest_is_recorded(ingest, 4));
    expect("ingest_rows");
    ck_assert_str_eq(db.param[1], "5");
    ck_assert_uint_eq(rows_sent(), 2);
    answer("2");
    ck_assert(ingest_is_current(ingest));
    ck_assert_int_eq(counted(C_INGESTED), 5);
    expect("ingest_idle");
    ck_assert_str_eq(db.param[1], "5");
    ck_assert_int_eq(claimed(), FIXTURE_AT_US + US_PER_S);
    answer("");
    end();
}
END_TEST

/* An acknowledged row may still be in the door's or the spool's hands: nobody may claim past it. */
START_TEST(a_backlog_claims_less)
{
    begin();
    append(PARCEL_TEST_ROWS);
    connect_db();
    expect("ingest_position");
    answer("null");
    expect("ingest_rows");
    ck_assert_uint_eq(rows_sent(), 2500);
    ck_assert_int_le(claimed(), FIXTURE_AT_US + 2499 - (10000 * 1000));
    answer("2500");
    expect("ingest_rows");
    ck_assert_uint_eq(rows_sent(), PARCEL_TEST_ROWS - 2500);
    ck_assert_int_eq(claimed(), FIXTURE_AT_US + US_PER_S);
    answer("20");
    ck_assert(ingest_is_current(ingest));
    end();
}
END_TEST

static void on_row(void *arg, const struct spool_row *rows, size_t count)
{
    (void)rows;
    (void)count;
    *(bool *)arg = true;
}

/* Whatever was being read when this is called has come. */
static void let_read(void)
{
    bool done = false;
    ck_assert(spool_read(spool, 0, 1, 1, on_row, &done));
    while (!done)
        loop_turn(loop, 50);
}

static void expect_at_once(int64_t first_seq, int64_t last_seq)
{
    ck_assert_msg(db.pending != NULL && is_call("ingest_rows"), "nothing was read ahead");
    ck_assert_int_eq(db.first_seq, first_seq);
    ck_assert_int_eq(db.last_seq, last_seq);
}

START_TEST(a_backlog_is_read_ahead)
{
    begin();
    append(7510);
    connect_db();
    expect("ingest_position");
    answer("null");
    expect("ingest_rows");
    ck_assert_int_eq(db.last_seq, 2500);
    let_read();
    answer("2500");
    expect_at_once(2501, 5000);
    ck_assert_int_le(claimed(), FIXTURE_AT_US + 4999 - (10000 * 1000));
    answer("2500"); /* before the next was read */
    ck_assert(db.pending == NULL);
    expect("ingest_rows");
    ck_assert_int_eq(db.first_seq, 5001);
    ck_assert_int_eq(db.last_seq, 7500);
    let_read();
    answer("2500"); /* ten are no backlog */
    ck_assert(db.pending == NULL);
    expect("ingest_rows");
    ck_assert_int_eq(db.first_seq, 7501);
    ck_assert_int_eq(claimed(), FIXTURE_AT_US + US_PER_S);
    answer("10");
    ck_assert(ingest_is_current(ingest));
    ck_assert_int_eq(counted(C_INGESTED), 7510);
    end();
}
END_TEST

/* What was read ahead goes only if it follows what the database has by then. */
START_TEST(what_was_read_ahead_waits_for_its_turn)
{
    begin();
    append(5000);
    connect_db();
    expect("ingest_position");
    answer("null");
    expect("ingest_rows");
    let_read();
    refuse("22023");
    expect_at_once(1, 1250);
    answer("1250");
    expect_at_once(1251, 2500);
    lose_db(); /* committed */
    connect_db();
    expect_exactly("ingest_position");
    answer("2500");
    expect("ingest_rows");
    expect_at_once(2501, 5000);
    lose_db(); /* gone, with what was there before */
    connect_db();
    expect_exactly("ingest_position");
    answer("1000");
    expect("ingest_rows");
    ck_assert_int_eq(db.first_seq, 1001);
    ck_assert_int_eq(db.last_seq, 3500);
    answer("2500");
    expect("ingest_rows");
    ck_assert_int_eq(db.first_seq, 3501);
    ck_assert_int_eq(db.last_seq, 5000);
    let_read();
    lose_db();
    connect_db();
    expect_exactly("ingest_position");
    answer("null"); /* a new one */
    expect("ingest_rows");
    ck_assert_int_eq(db.last_seq, 2500);
    let_read();
    lose_db(); /* what was read ahead is not what follows */
    connect_db();
    expect_exactly("ingest_position");
    answer("2000");
    expect("ingest_rows");
    ck_assert_int_eq(db.first_seq, 2001);
    answer("2500");
    expect("ingest_rows");
    ck_assert_int_eq(db.first_seq, 4501);
    answer("500");
    ck_assert(ingest_is_current(ingest));
    end();
}
END_TEST

START_TEST(an_unknown_outcome_is_asked_about)
{
    begin();
    append(4);
    connect_db();
    expect("ingest_position");
    answer("null");
    expect("ingest_rows");
    lose_db(); /* it was committed, but we do not know */
    ck_assert(!ingest_is_recorded(ingest, 1));
    connect_db();
    expect("ingest_position");
    answer("4");
    ck_assert(ingest_is_current(ingest));
    ck_assert_int_eq(counted(C_INGEST_REPLAYED), 0);
    append(1);
    expect("ingest_rows");
    lose_db(); /* and this one was not */
    connect_db();
    expect("ingest_position");
    answer("4");
    expect("ingest_rows");
    ck_assert_str_eq(db.param[1], "5");
    ck_assert_uint_eq(rows_sent(), 1);
    answer("1");
    end();
}
END_TEST

START_TEST(a_restored_database_is_replayed)
{
    begin();
    append(6);
    connect_db();
    expect("ingest_position");
    answer("null");
    expect("ingest_rows");
    answer("6");
    lose_db();
    connect_db();
    expect("ingest_position");
    answer("2"); /* an hour ago it had two */
    ck_assert_int_eq(counted(C_INGEST_REPLAYED), 1);
    ck_assert(!ingest_is_recorded(ingest, 3));
    expect("ingest_rows");
    ck_assert_str_eq(db.param[1], "6");
    ck_assert_uint_eq(rows_sent(), 4);
    answer("4");
    lose_db();
    connect_db();
    expect("ingest_position");
    answer("null"); /* a new one */
    ck_assert_int_eq(counted(C_INGEST_REPLAYED), 2);
    expect("ingest_rows");
    ck_assert_uint_eq(rows_sent(), 6);
    answer("6");
    ck_assert(ingest_is_current(ingest));
    end();
}
END_TEST

START_TEST(passing_trouble_is_waited_out)
{
    static const char *const states[] = {"40001", "40P01", "53100", "55P03", "57P01", "08006", "42883", "25006", "0A000"};
    begin();
    append(3);
    connect_db();
    expect("ingest_position");
    answer("null");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        expect("ingest_rows");
        ck_assert_uint_eq(rows_sent(), 3); /* whole, again */
        ck_assert_str_eq(db.param[1], "3");
        refuse(states[i]);
        if (i > 4)
            connect_db(), expect("ingest_position"), answer("null"); /* starts the pauses anew */
    }
    expect("ingest_rows");
    refuse("57014"); /* too slow: the same, but less of it */
    expect("ingest_rows");
    ck_assert_uint_eq(rows_sent(), 1);
    answer("1");
    expect("ingest_rows");
    ck_assert_uint_eq(rows_sent(), 2);
    answer("2");
    ck_assert_int_eq(counted(C_INGEST_POISON), 0);
    end();
}
END_TEST

START_TEST(a_bad_row_is_found_and_poisoned_alone)
{
    unsigned good = 0, poisoned = 0;
    begin();
    append(8);
    connect_db();
    expect("ingest_position");
    answer("null");
    while (!ingest_is_current(ingest)) {
        int64_t until = mono_now_ms() + WAIT_MS;
        while (db.pending == NULL && mono_now_ms() < until)
            loop_turn(loop, 20);
        ck_assert(db.pending != NULL);
        if (strstr(db.sql, "ingest_poison") != NULL) {
            ck_assert_str_eq(db.param[1], "6");
            ck_assert_str_eq(db.param[3], "23502");
            ck_assert_str_eq(db.param[4], "no");
            ck_assert_uint_eq(rows_sent(), 1);
            if (poisoned++ == 0) {
                ck_assert(db.whole);
                refuse("22P05"); /* not even that: then its outline */
            } else {
                ck_assert(!db.whole && db.id);
                answer("");
            }
        } else if (db.first_seq <= 6 && db.last_seq >= 6) {
            refuse("23502");
        } else {
            good += rows_sent();
            answer("1");
        }
    }
    ck_assert_uint_eq(good, 7);
    ck_assert_uint_eq(poisoned, 2);
    ck_assert_int_eq(counted(C_INGEST_POISON), 1);
    end();
}
END_TEST

START_TEST(an_idle_ledger_moves_the_mark)
{
    begin();
    connect_db();
    expect("ingest_position");
    answer("null");
    for (int i = 0; i < 3; i++) {
        wall_fake(FIXTURE_AT_US + (1 + i) * US_PER_S);
        expect("ingest_idle");
        ck_assert_str_eq(db.param[1], "0");
        ck_assert_int_eq(claimed(), FIXTURE_AT_US + (1 + i) * US_PER_S);
        answer("");
    }
    ingest_gauges(ingest);
    ck_assert_int_eq(counter_total(G_INGEST_LAG_MS), 0);
    ck_assert_int_eq(counter_total(G_SPOOL_DEPTH), 0);
    ck_assert_int_eq(counter_total(G_DB_LEDGER), 1);
    wall_fake(FIXTURE_AT_US + 10 * US_PER_S);
    lose_db();
    append(4);
    int64_t until = mono_now_ms() + WAIT_MS;
    do {
        ingest_gauges(ingest);
        loop_turn(loop, 20);
    } while (counter_total(G_SPOOL_OLDEST_S) == 0 && mono_now_ms() < until);
    ck_assert_int_eq(counter_total(G_SPOOL_DEPTH), 4);
    ck_assert_int_eq(counter_total(G_SPOOL_OLDEST_S), 10); /* the first arrived at FIXTURE_AT_US */
    ck_assert_int_eq(counter_total(G_INGEST_LAG_MS), 7000);
    ck_assert_int_eq(counter_total(G_DB_LEDGER), 0);
    end();
}
END_TEST

/* The live file becomes an orphan, a fresh one begins; old: the orphan's id. */
static void set_aside(char old[37])
{
    char from[200], to[200];
    encode_uuid(old, spool_id(spool));
    stop();
    snprintf(from, sizeof from, "%s/spool.db", dir);
    snprintf(to, sizeof to, "%s/spool-01020304050607%02u.orphan.db", dir, asides++);
    ck_assert_int_eq(rename(from, to), 0);
    start_spool();
    ingest = ingest_new(loop, &conf, spool);
}

/* The database never heard of either file: the orphan's rows must hold back what is said about now. */
START_TEST(the_live_file_claims_nothing_before_an_orphan_is_known)
{
    char old[37];
    begin();
    append(5);
    set_aside(old);
    connect_db();
    expect("ingest_position");
    answer("null");
    expect("ingest_position"); /* an idle mark of the live file would be "everything is here" */
    ck_assert_str_eq(db.param[0], old);
    answer("null");
    expect("ingest_rows");
    ck_assert_str_eq(db.param[0], old);
    ck_assert_int_lt(claimed(), FIXTURE_AT_US);
    answer("5");
    end();
}
END_TEST

/* Answers everything as a database that never heard of any file would, until the file is drained for good. Meanwhile the live
 * file must not claim an arrival that only a file set aside has. */
static void drain(const char *file)
{
    char live[37];
    bool finished = false;
    encode_uuid(live, spool_id(spool));
    while (!finished) {
        int64_t until = mono_now_ms() + WAIT_MS;
        while (db.pending == NULL && mono_now_ms() < until)
            loop_turn(loop, 20);
        ck_assert(db.pending != NULL);
        bool asked = is_call("ingest_position"), is_live = strcmp(db.param[0], live) == 0;
        finished = is_call("ingest_idle") && strcmp(db.param[0], file) == 0;
        if (finished)
            ck_assert_str_eq(db.param[2], "infinity");
        if (is_live && !asked)
            ck_assert_msg(claimed() < FIXTURE_AT_US, "the live file claims %s", db.param[2]);
        answer(asked ? "null" : "1");
    }
}

/* Files set aside one after another while the database was away. The first is no reason to forget the second. */
START_TEST(several_files_set_aside_hold_back_the_claim_until_the_last_is_drained)
{
    char first[37], second[37];
    begin();
    append(5);
    set_aside(first);
    append(3);
    set_aside(second);
    append(1);
    connect_db();
    drain(first);
    drain(second);
    expect("ingest_idle");
    while (claimed() < FIXTURE_AT_US) {
        answer("");
        expect("ingest_idle");
    }
    ck_assert_int_eq(claimed(), FIXTURE_AT_US + US_PER_S);
    ck_assert_uint_eq(spool_orphans(spool), 0);
    end();
}
END_TEST

/* No room for the copy of it: nobody knows whose check-ins it has. What the live file has goes on. */
START_TEST(a_file_that_cannot_be_opened_yet_holds_back_the_claim)
{
    char old[37], path[200];
    begin();
    append(5);
    set_aside(old);
    append(1);
    snprintf(path, sizeof path, "%s/spool-0102030405060700.copy.db", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    connect_db();
    expect("ingest_position");
    answer("null");
    expect("ingest_rows");
    ck_assert_int_lt(claimed(), FIXTURE_AT_US);
    answer("1");
    for (int i = 0; i < 3; i++) {
        wall_fake(FIXTURE_AT_US + (1 + i) * US_PER_S);
        expect_exactly("ingest_idle");
        ck_assert_int_lt(claimed(), FIXTURE_AT_US);
        answer("");
    }
    ck_assert_int_eq(rmdir(path), 0);
    lose_db();
    connect_db();
    expect("ingest_position");
    answer("1");
    expect("ingest_position");
    ck_assert_str_eq(db.param[0], old);
    answer("null");
    drain(old);
    end();
}
END_TEST

/* A database that comes back empty: what was drained is drained again before the live file says anything. */
START_TEST(what_was_drained_holds_back_the_claim_again)
{
    char old[37];
    begin();
    append(5);
    set_aside(old);
    append(1);
    connect_db();
    drain(old);
    expect_exactly("ingest_idle");
    while (claimed() < FIXTURE_AT_US) {
        answer("");
        expect_exactly("ingest_idle");
    }
    lose_db();
    connect_db();
    expect("ingest_position");
    answer("null");
    drain(old);
    end();
}
END_TEST

/* A backup of the host's files: the database went on from there, and its numbers 4 to 7 are other check-ins. */
START_TEST(an_older_spool_put_back_gets_another_name)
{
    char old[37];
    begin();
    append(3);
    encode_uuid(old, spool_id(spool));
    connect_db();
    expect("ingest_position");
    answer("7");
    expect("ingest_idle");
    ck_assert_str_eq(db.param[0], old);
    ck_assert_str_eq(db.param[1], "7");
    ck_assert_str_eq(db.param[2], "infinity"); /* nobody waits for the old name */
    ck_assert(!ingest_is_recorded(ingest, 3));
    answer("");
    expect("ingest_position");
    ck_assert_str_ne(db.param[0], old);
    answer("null");
    expect("ingest_rows");
    ck_assert_str_ne(db.param[0], old);
    ck_assert_uint_eq(rows_sent(), 3);
    answer("1");
    append(2);
    expect("ingest_rows");
    ck_assert_str_eq(db.param[1], "5");
    answer("2");

    char name[37];
    encode_uuid(name, spool_id(spool));
    ck_assert_str_ne(name, old);
    stop();
    start_spool();
    ingest = ingest_new(loop, &conf, spool);
    encode_uuid(old, spool_id(spool));
    ck_assert_str_eq(old, name); /* it is written down */
    end();
}
END_TEST

START_TEST(an_orphan_is_drained_beside_the_live_file)
{
    char old[37], id[37];
    begin();
    append(5);
    set_aside(old);
    append(1);
    encode_uuid(id, spool_id(spool));
    ck_assert_str_ne(id, old);

    unsigned live = 0, orphan = 0;
    bool finished = false;
    connect_db();
    while (!finished) {
        int64_t until = mono_now_ms() + WAIT_MS;
        while (db.pending == NULL && mono_now_ms() < until)
            loop_turn(loop, 20);
        ck_assert(db.pending != NULL);
        bool is_old = strcmp(db.param[0], old) == 0;
        if (strstr(db.sql, "ingest_position") != NULL) {
            answer(is_old ? "2" : "null"); /* part of it had arrived before the failure */
        } else if (strstr(db.sql, "ingest_idle") != NULL) {
            finished = is_old;
            ck_assert(!is_old || (strcmp(db.param[2], "infinity") == 0 && strcmp(db.param[1], "5") == 0));
            answer("");
        } else {
            *(is_old ? &orphan : &live) += rows_sent();
            if (is_old)
                ck_assert_int_lt(claimed(), FIXTURE_AT_US);
            answer("1");
        }
    }
    ck_assert_uint_eq(live, 1);
    ck_assert_uint_eq(orphan, 3);
    int64_t until = mono_now_ms() + WAIT_MS;
    while (spool_orphans(spool) > 0 && mono_now_ms() < until) {
        loop_turn(loop, 20);
        if (db.pending != NULL)
            answer("");
    }
    ck_assert_uint_eq(spool_orphans(spool), 0);
    end();
}
END_TEST

UNIT_MAIN("ledger/ingest", rows_go_at_once_and_the_claim_is_now, a_backlog_claims_less, a_backlog_is_read_ahead,
          what_was_read_ahead_waits_for_its_turn,
          an_unknown_outcome_is_asked_about, a_restored_database_is_replayed, passing_trouble_is_waited_out,
          a_bad_row_is_found_and_poisoned_alone, an_idle_ledger_moves_the_mark,
          an_orphan_is_drained_beside_the_live_file, the_live_file_claims_nothing_before_an_orphan_is_known,
          several_files_set_aside_hold_back_the_claim_until_the_last_is_drained,
          a_file_that_cannot_be_opened_yet_holds_back_the_claim, what_was_drained_holds_back_the_claim_again,
          an_older_spool_put_back_gets_another_name)
