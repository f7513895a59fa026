/* The spool when memory, the disk or SQLite refuses, at every request that its work makes: it says so or ends the process, and
 * what it had acknowledged is there afterwards. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "failing.h"
#include "spool_group.h"
#include "spool_orphan.h"
#include "test_spool_fixture.h"

static struct bench b;
static struct answer a;
static struct reading r;
static char path[200], reason[300];

/* Hundreds of files: in memory where there is such a place. */
static void choose_folder(void) __attribute__((constructor));
static void choose_folder(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
}

/* ---- one file, one thread ---- */

static bool sign_plainly(void *arg, uint64_t tree_size, const uint8_t root[32], uint8_t ret[64])
{
    if (failing_now())
        return false;
    memset(ret, (int)tree_size + root[0], 64);
    return arg == NULL;
}

static struct sample samples[12];

/* 0 … 7 new, with and without a slot; 8 a duplicate of 1, 9 a conflict with 2, 10 an automatic one too late, 11 an event. */
static void make_samples(void)
{
    for (unsigned i = 0; i < 12; i++) {
        sample_make(&samples[i], 7, i == 8 ? 1 : i == 9 ? 2 : i);
        if (i == 9)
            samples[i].item.body_hash[0] ^= 1;
        if (i == 3 || i == 10) {
            samples[i].item.has_slot = true;
            samples[i].item.slot = (struct spool_slot){.person = 1, .session = 2, .day = 20000, .at_us = i};
        }
        if (i == 11) {
            samples[i].item.kind = SPOOL_EVENT;
            samples[i].item.signed_leaf = false;
        }
    }
}

static enum spool_fault append(struct spool_file *f, unsigned first, unsigned count)
{
    static const struct spool_signing signing = {.sign = sign_plainly, .key_id = "0123456789abcdef"};
    struct spool_item items[12];
    size_t rows = 0;
    for (unsigned i = 0; i < count; i++)
        items[i] = samples[first + i].item;
    struct spool_batch *batch = spool_batch_new(items, count, NULL, NULL);
    enum spool_fault fault = batch == NULL ? SPOOL_FAULT_MEMORY : spool_group_run(f, &batch, 1, &signing, &rows);
    spool_batch_free(batch);
    return fault;
}

static bool count_row(void *arg, const struct spool_file_row *row)
{
    size_t *count = arg;
    (*count)++;
    return row->seq > 0;
}

/* What a spool file goes through in its life; returns how many of the two groups were acknowledged, −1 when something
 * was not said. No assertions here: check asks for memory, too. */
static int work(void)
{
    enum spool_fault fault = SPOOL_FAULT_NONE;
    struct spool_file_row row;
    struct spool_scope scope;
    bool found;
    size_t count = 0;
    int64_t seq = 0;
    int deleted = 0, done = 0;
    reason[0] = '\0';
    struct spool_file *f = spool_file_open(path, true, &fault, reason, sizeof reason);
    if (f == NULL)
        return fault != SPOOL_FAULT_NONE && reason[0] != '\0' ? 0 : -1;
    if (append(f, 0, 8) == SPOOL_FAULT_NONE) {
        done = 1;
        if (append(f, 8, 4) == SPOOL_FAULT_NONE)
            done = 2;
    }
    (void)spool_file_last_seq(f, &seq);
    (void)spool_file_rows(f, 0, INT64_MAX, 100, count_row, &count, NULL);
    spool_scope_of_device(7, &scope);
    (void)spool_file_by_key(f, &scope, samples[0].item.key, &found, &row);
    (void)spool_file_by_id(f, samples[1].item.id, &found, &row);
    spool_file_release(f);
    (void)spool_file_group(f, 1);
    (void)spool_file_save_ingested(f, 0);
    (void)spool_file_renew_id(f);
    (void)spool_file_save_age(f, &(struct spool_file_age){.seen_us = 1});
    (void)spool_file_delete_old(f, 0, 2, 1, 10, &deleted);
    (void)spool_file_checkpoint(f);
    spool_file_close(f);
    return deleted == 0 ? done : -1;
}

static void remove_file(void)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char name[260];
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        (void)unlink(name);
    }
}

static void whatever_was_acknowledged_is_there(int done)
{
    enum spool_fault fault;
    struct spool_file_row row;
    bool found;
    if (done == 0)
        return;
    struct spool_file *f = spool_file_open(path, false, &fault, reason, sizeof reason);
    ck_assert_msg(f != NULL, "%s", reason);
    for (unsigned i = 0; i < (done == 2 ? 12u : 8u); i++) {
        bool kept = i < 8 || i == 11;
        ck_assert(spool_file_by_id(f, samples[i].item.id, &found, &row));
        ck_assert_msg(found || !kept, "row %u is lost", i);
        if (found && row.group != 0)
            ck_assert_ptr_nonnull(spool_file_group(f, row.group));
        spool_file_release(f);
    }
    spool_file_close(f);
}

START_TEST(a_file_survives_any_refusal)
{
    static const int codes[] = {SQLITE_IOERR, SQLITE_FULL, SQLITE_BUSY, SQLITE_NOMEM, SQLITE_READONLY};
    bench_init(&b);
    make_samples();
    snprintf(path, sizeof path, "%s/spool.db", b.dir);
    for (size_t c = 0; c < 2 * sizeof codes / sizeof codes[0]; c++) {
        bool keeps = c % 2 == 1;
        long n = 0;
        int done = 0;
        failing.sqlite = codes[c / 2];
        for (; failing_from(n, keeps); n++) {
            done = work();
            failing_stop();
            ck_assert_int_ge(done, 0);
            whatever_was_acknowledged_is_there(done);
            remove_file();
        }
        ck_assert_int_eq(done, 2);
        ck_assert_int_gt(n, 100);
    }
    bench_fini(&b);
}
END_TEST

/* ---- setting aside and draining ---- */

static size_t drained_rows(void)
{
    struct spool_orphan *o = NULL;
    size_t rows = 0;
    (void)spool_orphan_look(b.dir, 0, &o);
    if (o != NULL) {
        spool_orphan_rows(o, 0, 1000, count_row, &rows);
        spool_orphan_end(b.dir, o, rows == 8);
    }
    return rows;
}

START_TEST(an_orphan_survives_any_refusal)
{
    bench_init(&b);
    make_samples();
    snprintf(path, sizeof path, "%s/spool.db", b.dir);
    for (int keeps = 0; keeps < 2; keeps++) {
        for (long n = 0; failing_from(n, keeps == 1); n++) {
            long saved = failing.left;
            enum spool_fault fault;
            failing_stop();
            struct spool_file *f = spool_file_open(path, true, &fault, reason, sizeof reason);
            ck_assert(f != NULL && append(f, 0, 8) == SPOOL_FAULT_NONE);
            spool_file_close(f);
            failing.left = saved;

            spool_orphan_mark(b.dir);
            bool aside = spool_orphan_set_aside(b.dir, reason, sizeof reason);
            spool_orphan_sweep(b.dir);
            (void)drained_rows();
            spool_orphan_expire(b.dir, INT64_MIN);
            spool_orphan_revive(b.dir);
            failing_stop();
            ck_assert(aside || reason[0] != '\0');

            /* the next start, on a disk that works */
            spool_orphan_mark(b.dir);
            ck_assert_msg(spool_orphan_set_aside(b.dir, reason, sizeof reason), "%s", reason);
            spool_orphan_sweep(b.dir);
            spool_orphan_revive(b.dir);
            size_t rows = drained_rows();
            ck_assert_msg(rows == 8 || bench_files(&b, ".broken.db") == 1, "%zu rows at %ld", rows, n); /* kept for a human */
            ck_assert_uint_eq(bench_files(&b, ".drained.db") + bench_files(&b, ".broken.db"), 1);
            spool_orphan_expire(b.dir, INT64_MAX);
            bench_fini(&b);
            bench_init(&b);
            snprintf(path, sizeof path, "%s/spool.db", b.dir);
        }
    }
    bench_fini(&b);
}
END_TEST

/* Rows that SQLite reads but that are none of ours, and a last number that would take for ever to count up to. */
START_TEST(forged_rows_are_left_out_and_a_forged_last_number_holds_nobody)
{
    static const struct {
        const char *sql;
        size_t left;
    } forgeries[] = {{"UPDATE row SET id = x'00' WHERE seq = 3", 7},
                     {"UPDATE row SET kind = 4 WHERE seq = 3", 7},
                     {"UPDATE row SET kind = 0 WHERE seq > 6", 6},
                     {"UPDATE row SET body_hash = 'x' WHERE seq = 8", 7},
                     {"UPDATE row SET grp = 99 WHERE seq = 3", 7},
                     {"UPDATE row SET sum = NULL", 8}, /* of version 1 */
                     {"UPDATE row SET sum = NULL, kind = 0 WHERE seq > 6", 6},
                     {"UPDATE row SET sum = x'00' WHERE seq = 3", 7},
                     {"UPDATE row SET scope = zeroblob(64) WHERE seq = 3", 7},
                     {"UPDATE row SET scope = x'' WHERE seq = 3", 7},
                     {"UPDATE row SET key = x'00' WHERE seq = 3", 7},
                     {"UPDATE grp SET leaves = x'00'", 8},
                     {"UPDATE grp SET leaves = zeroblob(33)", 8},
                     {"UPDATE grp SET signature = x'00'", 8},
                     {"UPDATE grp SET sum = x'0000000000000000'", 8},
                     {"UPDATE grp SET key_id = ''", 8},
                     {"UPDATE grp SET key_id = 'longer than any key id'", 8},
                     {"UPDATE row SET leaf_index = -1", 0}};
    bench_init(&b);
    make_samples();
    for (size_t i = 0; i < sizeof forgeries / sizeof forgeries[0]; i++) {
        enum spool_fault fault;
        struct spool_orphan *o = NULL;
        sqlite3 *db = NULL;
        size_t rows = 0;
        snprintf(path, sizeof path, "%s/spool-00.orphan.db", b.dir);
        struct spool_file *f = spool_file_open(path, true, &fault, reason, sizeof reason);
        ck_assert(f != NULL && append(f, 0, 8) == SPOOL_FAULT_NONE);
        spool_file_close(f);
        ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(db, "UPDATE sqlite_sequence SET seq = 9000000000000000000 WHERE name = 'row'", NULL, NULL, NULL), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(db, forgeries[i].sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        ck_assert_uint_eq(spool_orphan_look(b.dir, 0, &o), 1);
        ck_assert_ptr_nonnull(o);
        spool_orphan_rows(o, 0, 1000, count_row, &rows);
        ck_assert_msg(rows == forgeries[i].left, "%zu rows after %s", rows, forgeries[i].sql);
        ck_assert(o->broken == (rows < 8));
        ck_assert((spool_file_group(o->file, 1) == NULL) == (strncmp(forgeries[i].sql, "UPDATE grp", 10) == 0));
        spool_orphan_end(b.dir, o, true);
        ck_assert_uint_eq(bench_files(&b, rows < 8 ? ".broken.db" : ".drained.db"), 1);
        bench_fini(&b);
        bench_init(&b);
    }
    bench_fini(&b);
}
END_TEST

static struct spool_file *file_with_rows(void)
{
    enum spool_fault fault;
    struct spool_file *f = spool_file_open(path, true, &fault, reason, sizeof reason);
    ck_assert_msg(f != NULL && append(f, 0, 8) == SPOOL_FAULT_NONE, "%s", reason);
    return f;
}

static void change(const char *sql)
{
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

START_TEST(another_file_is_not_opened_and_an_older_one_is)
{
    static const struct {
        const char *sql;
        enum spool_fault fault;
    } files[] = {{"PRAGMA application_id = 1", SPOOL_FAULT_UNREADABLE},
                 {"PRAGMA user_version = 3", SPOOL_FAULT_NEWER},
                 {"PRAGMA user_version = 0", SPOOL_FAULT_NEWER},
                 {"PRAGMA user_version = 1", SPOOL_FAULT_UNREADABLE}, /* but its tables are of version 2 */
                 {"DELETE FROM meta", SPOOL_FAULT_UNREADABLE},
                 {"UPDATE meta SET value = x'00'", SPOOL_FAULT_UNREADABLE},
                 {"PRAGMA application_id = 0", SPOOL_FAULT_UNREADABLE},
                 {"ALTER TABLE row DROP COLUMN sum; ALTER TABLE grp DROP COLUMN sum; PRAGMA user_version = 1", SPOOL_FAULT_NONE}};
    enum spool_fault fault;
    struct spool_file *f;
    bench_init(&b);
    make_samples();
    snprintf(path, sizeof path, "%s/spool.db", b.dir);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        size_t rows = 0;
        spool_file_close(file_with_rows());
        change(files[i].sql);
        fault = SPOOL_FAULT_NONE;
        f = spool_file_open(path, true, &fault, reason, sizeof reason);
        ck_assert_msg(fault == files[i].fault && (f != NULL) == (fault == SPOOL_FAULT_NONE), "%s: %s", files[i].sql, reason);
        if (f != NULL) {
            ck_assert(spool_file_rows(f, 0, INT64_MAX, 100, count_row, &rows, NULL));
            ck_assert_uint_eq(rows, 8);
            ck_assert_ptr_nonnull(spool_file_group(f, 1));
        }
        spool_file_close(f);
        remove_file();
    }
    ck_assert_ptr_null(spool_file_open(":memory:", true, &fault, reason, sizeof reason)); /* no log there */
    ck_assert_int_eq(fault, SPOOL_FAULT_UNREADABLE);
    ck_assert_ptr_nonnull(strstr(reason, "did not give wal"));
    bench_fini(&b);
}
END_TEST

START_TEST(what_is_not_there_or_not_whole_has_no_proof_and_no_row)
{
    static uint8_t steps[MERKLE_PATH_MAX * SHA256_BYTES];
    struct spool_file_row row;
    struct spool_proof proof;
    struct spool_scope scope;
    struct spool_item bare = {.kind = SPOOL_EVENT, .id = {9}, .key = {9}};
    bool found;
    int64_t seq = 0;
    bench_init(&b);
    make_samples();
    snprintf(path, sizeof path, "%s/spool.db", b.dir);
    spool_file_close(file_with_rows());
    change("UPDATE row SET payload = 'another' WHERE seq = 1");
    enum spool_fault fault;
    struct spool_file *f = spool_file_open(path, false, &fault, reason, sizeof reason);
    ck_assert_msg(f != NULL, "%s", reason);
    ck_assert(!spool_file_by_id(f, samples[0].item.id, &found, &row));
    ck_assert_int_eq(spool_file_fault(f), SPOOL_FAULT_UNREADABLE);
    spool_file_release(f);
    ck_assert_ptr_null(spool_file_group(f, 0));
    ck_assert_ptr_null(spool_file_group(f, 2));
    const struct spool_file_group *g = spool_file_group(f, 1);
    ck_assert_ptr_nonnull(g);
    for (int64_t index = -1; index <= 8; index += 9) {
        spool_proof_of(g, index, steps, &proof);
        ck_assert_uint_eq(proof.tree_size, 0);
    }
    spool_scope_of_item(&bare, &scope); /* no payload at all */
    ck_assert(spool_file_insert(f, &bare, &scope, 0, 0, &seq) && spool_file_by_id(f, bare.id, &found, &row));
    ck_assert(found && row.seq == seq && row.payload_len == 0);
    spool_file_close(f);
    bench_fini(&b);
}
END_TEST

/* ---- the folder of orphans ---- */

static void make_file(const char *name, const char *text)
{
    char at[300];
    snprintf(at, sizeof at, "%s/%s", b.dir, name);
    FILE *out = fopen(at, "w");
    ck_assert(out != NULL && fputs(text, out) >= 0 && fclose(out) == 0);
}

START_TEST(names_that_are_not_ours_are_left_alone)
{
    static const char *const others[] = {"spool-.orphan.db", "spool-0.orphan.db", "spool-0g.orphan.db", "spoon-00.orphan.db",
                                         "spool-000102030405060708090a0b0c0d0e0f10.orphan.db", "spool-00.orphan.dbx",
                                         "spool-0g.copy.db", "spool-0g.drained.db"};
    bench_init(&b);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        make_file(others[i], "x");
    make_file("spool-00.copy.db", "x");
    make_file("spool-01.copy.db-wal", "x");
    spool_orphan_sweep(b.dir);
    spool_orphan_expire(b.dir, INT64_MAX);
    spool_orphan_revive(b.dir);
    ck_assert_uint_eq(spool_orphan_look(b.dir, 0, NULL), 0);
    ck_assert_uint_eq(bench_files(&b, ""), 2 + sizeof others / sizeof others[0]); /* with . and .. */
    make_file("spool.failed", "not hexadecimal!");
    ck_assert_msg(spool_orphan_set_aside(b.dir, reason, sizeof reason), "%s", reason);
    ck_assert_uint_eq(bench_files(&b, "spool.failed"), 0);
    bench_fini(&b);
}
END_TEST

/* What ingest claims of them rests on it. */
START_TEST(the_oldest_is_opened_first)
{
    uint8_t ids[6][16];
    struct spool_orphan *o = NULL;
    bench_init(&b);
    make_samples();
    snprintf(path, sizeof path, "%s/spool.db", b.dir);
    for (int i = 0; i < 6; i++) {
        struct spool_file *f = file_with_rows();
        memcpy(ids[i], spool_file_id(f), 16);
        spool_file_close(f);
        wall_fake((INT64_C(1766962800) << i) * 1000 + i * 1000); /* each later than the one before, the digits any */
        spool_orphan_mark(b.dir);
        ck_assert_msg(spool_orphan_set_aside(b.dir, reason, sizeof reason), "%s", reason);
    }
    for (size_t i = 0; i < 6; i++) {
        ck_assert_uint_eq(spool_orphan_look(b.dir, 1, &o), 6 - i); /* a floor that leaves room */
        ck_assert_mem_eq(o->id, ids[i], 16);
        spool_orphan_end(b.dir, o, true);
    }
    wall_fake(INT64_MIN);
    bench_fini(&b);
}
END_TEST

START_TEST(more_orphans_than_a_look_takes_wait_for_the_next)
{
    struct spool_orphan *o = NULL;
    bench_init(&b);
    for (unsigned i = 0; i < 18; i++) {
        char name[40];
        snprintf(name, sizeof name, "spool-%02x.orphan.db", i);
        make_file(name, "not a database, but longer than nothing at all");
    }
    ck_assert_uint_eq(spool_orphan_look(b.dir, 0, &o), 2); /* left */
    ck_assert_ptr_null(o);
    ck_assert_uint_eq(bench_files(&b, ".broken.db"), 16);
    ck_assert_uint_eq(spool_orphan_broken(b.dir), 16);
    ck_assert_uint_eq(spool_orphan_look(b.dir, 0, &o), 0);
    ck_assert_uint_eq(bench_files(&b, ".broken.db"), 18);
    ck_assert_uint_eq(spool_orphan_broken("/nowhere"), 0);
    ck_assert_uint_eq(spool_orphan_look("/nowhere", 0, &o), 1); /* nobody can know */
    bench_fini(&b);
}
END_TEST

static bool until_two(void *arg, const struct spool_file_row *row)
{
    return count_row(arg, row) && *(size_t *)arg < 2;
}

START_TEST(around_damage_no_more_is_read_than_asked_for)
{
    struct spool_orphan *o = NULL;
    bench_init(&b);
    make_samples();
    snprintf(path, sizeof path, "%s/spool-00.orphan.db", b.dir);
    spool_file_close(file_with_rows());
    change("UPDATE row SET received_us = 7 WHERE seq IN (1, 5)");
    ck_assert_uint_eq(spool_orphan_look(b.dir, 0, &o), 1);
    for (size_t asked = 0; asked < 9; asked++) {
        size_t rows = 0;
        spool_orphan_rows(o, 0, asked, count_row, &rows);
        ck_assert_uint_eq(rows, asked < 6 ? asked : 6);
        rows = 0;
        spool_orphan_rows(o, 0, 8, until_two, &rows);
        ck_assert_uint_eq(rows, 2);
    }
    ck_assert(o->broken);
    spool_orphan_end(b.dir, o, true);
    ck_assert_uint_eq(bench_files(&b, ".broken.db"), 1);
    bench_fini(&b);
}
END_TEST

static void on_orphan(void *arg, struct spool_orphan *o)
{
    (void)o;
    *(bool *)arg = true;
}

START_TEST(a_stop_closes_an_orphan_that_nobody_took)
{
    bool called[2] = {false, false};
    bench_init(&b);
    make_samples();
    bench_open(&b);
    snprintf(path, sizeof path, "%s/spool-00.orphan.db", b.dir);
    for (int round = 0; round < 2; round++) {
        ck_assert(spool_orphan_open(b.spool, on_orphan, &called[round]));
        bench_close(&b);
        ck_assert(called[round]);
        ck_assert_uint_eq(bench_files(&b, ".copy.db"), 0);
        if (round == 0)
            spool_file_close(file_with_rows());
        bench_open(&b);
    }
    ck_assert_uint_eq(spool_orphans(b.spool), 1);
    bench_fini(&b);
}
END_TEST

/* ---- the thread ---- */

/* Its clock and its waiting, so that it is idle at once. */
static bool hurried;
static unsigned waits;

int64_t __real_mono_now_ms(void);
int64_t __wrap_mono_now_ms(void);
int64_t __wrap_mono_now_ms(void)
{
    return __real_mono_now_ms() + (__atomic_load_n(&hurried, __ATOMIC_SEQ_CST) ? 3600000 : 0);
}

int __real_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    static const struct timespec past;
    bool now = __atomic_load_n(&hurried, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&waits, now, __ATOMIC_SEQ_CST);
    return __real_pthread_cond_timedwait(c, m, now ? &past : until);
}

static const size_t kept_of[] = {0, 4, 8, 9}; /* rows of so many acknowledged groups; of the last four items one is new */

static void child(long n, bool keeps, int pipe_fd)
{
    char error[300];
    size_t acked = 0;
    static struct loop *parents; /* not lost, says valgrind */
    parents = b.loop;
    (void)parents;
    failing_spares = true; /* the loop's side */
    b.loop = loop_new();
    b.options.sign = sign_plainly;
    b.options.sign_arg = NULL;
    if (bench_try(&b, error, sizeof error) == NULL)
        _exit(96);
    failing.keeps = keeps; /* failing_from would compare with the process before us */
    __atomic_store_n(&failing.left, n, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 12; i += 4) {
        struct spool_item items[4];
        for (unsigned k = 0; k < 4; k++)
            items[k] = samples[i + k].item;
        bench_append(&b, items, 4, &a);
        acked += a.outcome == SPOOL_OK;
        if (a.outcome == SPOOL_OK && write(pipe_fd, &i, sizeof i) != (ssize_t)sizeof i)
            _exit(97);
    }
    bench_read(&b, 0, 100, 1 << 20, &r);
    if (r.count < kept_of[acked]) /* the ledger would pass over what it takes for gone */
        _exit(98);
    bench_find(&b, samples[0].item.id, 0, &r);
    bench_find(&b, samples[0].item.key, 7, &r);
    if (acked == 3 && r.count != 1)
        _exit(99);
    spool_set_ingested(b.spool, 3);
    struct reading renewed = {0};
    if (spool_renew(b.spool, bench_on_rows, &renewed))
        bench_wait(&b, &renewed.called);
    spool_set_ingested(b.spool, 2);
    __atomic_store_n(&hurried, true, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 10000 && __atomic_load_n(&waits, __ATOMIC_SEQ_CST) < 6; i++)
        usleep(1000); /* idle, and idle once more */
    __atomic_store_n(&hurried, false, __ATOMIC_SEQ_CST);
    bool refused = __atomic_load_n(&failing.refused, __ATOMIC_SEQ_CST);
    failing_stop();
    bench_close(&b);
    _exit(refused ? 0 : 42);
}

/* Runs the child; what it acknowledged is in the file or in the one that was set aside. Returns its exit status. */
static int run_child(long n, bool keeps)
{
    int fds[2], status;
    unsigned acked[3];
    size_t count = 0;
    ck_assert_int_eq(pipe(fds), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        child(n, keeps, fds[1]);
    close(fds[1]);
    while (count < 3 && read(fds[0], &acked[count], sizeof acked[0]) == (ssize_t)sizeof acked[0])
        count++;
    close(fds[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "status %d at %ld", status, n);
    size_t rows = 0;
    ck_assert_msg(spool_orphan_set_aside(b.dir, reason, sizeof reason), "%s", reason);
    enum spool_fault fault;
    struct spool_file *f = spool_file_open(path, true, &fault, reason, sizeof reason);
    ck_assert_msg(f != NULL, "%s", reason);
    ck_assert(spool_file_rows(f, 0, INT64_MAX, 100, count_row, &rows, NULL));
    spool_file_close(f);
    struct spool_orphan *o = NULL;
    (void)spool_orphan_look(b.dir, 0, &o);
    if (o != NULL) {
        spool_orphan_rows(o, 0, 1000, count_row, &rows);
        spool_orphan_end(b.dir, o, true);
    }
    ck_assert_msg(rows >= kept_of[count], "%zu rows of %zu acknowledged groups at %ld", rows, count, n);
    bench_fini(&b);
    bench_init(&b);
    snprintf(path, sizeof path, "%s/spool.db", b.dir);
    return WEXITSTATUS(status);
}

START_TEST(a_process_that_is_refused_anything_keeps_what_it_acknowledged_and_hides_no_row)
{
    static const int codes[] = {SQLITE_IOERR, SQLITE_FULL, SQLITE_IOERR_NOMEM};
    bench_init(&b);
    make_samples();
    snprintf(path, sizeof path, "%s/spool.db", b.dir);
    for (size_t c = 0; c < 3; c++) {
        int status = 0;
        failing.sqlite = codes[c];
        for (long n = 0; status != 42; n++) {
            status = run_child(n, false);
            ck_assert_msg(status == 0 || status == 42 || status == 70, "exit %d at %ld", status, n);
        }
    }
    bench_fini(&b);
}
END_TEST

/* ---- the loop's side ---- */

START_TEST(a_spool_starts_whole_or_says_why)
{
    static char long_name[600];
    char error[300] = "";
    bench_init(&b);
    failing_here(true);
    for (int keeps = 0; keeps < 2; keeps++) {
        failing.sqlite = keeps == 0 ? SQLITE_NOMEM : SQLITE_IOERR; /* the last: what cannot be read is set aside, once */
        for (long n = 0; failing_from(n, keeps == 1); n++) {
            error[0] = '\0';
            struct spool *s = bench_try(&b, error, sizeof error);
            failing_stop();
            ck_assert(s != NULL || error[0] != '\0');
            if (s != NULL)
                bench_close(&b);
        }
    }
    failing_here(false);
    memset(long_name, 'x', sizeof long_name - 1);
    static const char *const folders[] = {"/nowhere/at/all", long_name, "/dev/null", "/proc"};
    for (size_t i = 0; i < 4; i++) {
        b.options.dir = folders[i];
        error[0] = '\0';
        ck_assert(bench_try(&b, error, sizeof error) == NULL && error[0] != '\0');
    }
    memset(long_name, '/', 440); /* a folder that is there, whose files' names do not fit */
    long_name[440] = '\0';
    b.options.dir = long_name;
    ck_assert(bench_try(&b, error, sizeof error) == NULL);
    spool_stop(NULL);
    bench_fini(&b);
}
END_TEST

START_TEST(what_cannot_be_queued_is_refused)
{
    bool called = false;
    bench_init(&b);
    make_samples();
    bench_open(&b);
    failing_here(true);
    for (long n = 0; failing_from(n, false); n++) {
        memset(&a, 0, sizeof a);
        bool taken = spool_append(b.spool, &samples[0].item, 1, bench_on_append, &a);
        bool refused = failing.refused;
        failing_stop();
        ck_assert(taken || refused);
        if (taken)
            bench_wait(&b, &a.called);
    }
    for (int what = 0; what < 5; what++) {
        memset(&r, 0, sizeof r);
        called = false;
        for (int refused = 1; refused >= 0; refused--) {
            (void)failing_from(0, false);
            if (refused == 0)
                failing_stop();
            bool taken = what == 0 ? spool_read(b.spool, 0, 10, 1000, bench_on_rows, &r)
                         : what == 1 ? spool_find(b.spool, samples[0].item.id, 7, bench_on_rows, &r)
                         : what == 2 ? spool_orphan_open(b.spool, on_orphan, &called)
                         : what == 3 ? spool_renew(b.spool, bench_on_rows, &r)
                                     : spool_orphan_again(b.spool);
            failing_stop();
            ck_assert_msg(taken == (refused == 0), "%d", what);
        }
        if (what < 4)
            bench_wait(&b, what == 2 ? &called : &r.called);
    }
    failing_here(false);
    ck_assert(!spool_append(b.spool, &samples[0].item, 0, bench_on_append, &a));
    bench_fini(&b);
}
END_TEST

UNIT_MAIN("spool/failing", a_spool_starts_whole_or_says_why, what_cannot_be_queued_is_refused, a_file_survives_any_refusal, an_orphan_survives_any_refusal,
          another_file_is_not_opened_and_an_older_one_is, what_is_not_there_or_not_whole_has_no_proof_and_no_row,
          names_that_are_not_ours_are_left_alone, the_oldest_is_opened_first, more_orphans_than_a_look_takes_wait_for_the_next,
          around_damage_no_more_is_read_than_asked_for, a_stop_closes_an_orphan_that_nobody_took,
          forged_rows_are_left_out_and_a_forged_last_number_holds_nobody,
          a_process_that_is_refused_anything_keeps_what_it_acknowledged_and_hides_no_row)
