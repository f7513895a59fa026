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
    (void)spool_file_delete_old(f, 0, 1, 10, &deleted);
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
    (void)spool_orphan_look(b.dir, &o);
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
                     {"UPDATE grp SET leaves = x'00'", 8},
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
        ck_assert_uint_eq(spool_orphan_look(b.dir, &o), 1);
        ck_assert_ptr_nonnull(o);
        spool_orphan_rows(o, 0, 1000, count_row, &rows);
        ck_assert_msg(rows == forgeries[i].left, "%zu rows after %s", rows, forgeries[i].sql);
        ck_assert(o->broken == (rows < 8));
        (void)spool_file_group(o->file, 1);
        spool_orphan_end(b.dir, o, true);
        ck_assert_uint_eq(bench_files(&b, rows < 8 ? ".broken.db" : ".drained.db"), 1);
        bench_fini(&b);
        bench_init(&b);
    }
    bench_fini(&b);
}
END_TEST

/* ---- the thread ---- */

static const size_t kept_of[] = {0, 4, 8, 9}; /* rows of so many acknowledged groups; of the last four items one is new */

static void child(long n, bool keeps, int pipe_fd)
{
    char error[300];
    size_t acked = 0;
    failing_spares = true; /* the loop's side */
    b.loop = loop_new();
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
    (void)spool_orphan_look(b.dir, &o);
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
    static const int codes[] = {SQLITE_IOERR, SQLITE_FULL};
    bench_init(&b);
    make_samples();
    snprintf(path, sizeof path, "%s/spool.db", b.dir);
    for (size_t c = 0; c < 2; c++) {
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
    failing.sqlite = SQLITE_NOMEM;
    failing_only = &failing_spares;
    for (long n = 0; failing_from(n, false); n++) {
        error[0] = '\0';
        struct spool *s = bench_try(&b, error, sizeof error);
        failing_stop();
        ck_assert((s == NULL) == (error[0] != '\0'));
        if (s != NULL)
            bench_close(&b);
    }
    failing_only = NULL;
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

static void on_orphan(void *arg, struct spool_orphan *o)
{
    (void)o;
    *(bool *)arg = true;
}

START_TEST(what_cannot_be_queued_is_refused)
{
    bool called = false;
    bench_init(&b);
    make_samples();
    bench_open(&b);
    failing_only = &failing_spares;
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
    failing_only = NULL;
    ck_assert(!spool_append(b.spool, &samples[0].item, 0, bench_on_append, &a));
    bench_fini(&b);
}
END_TEST

UNIT_MAIN("spool/failing", a_spool_starts_whole_or_says_why, what_cannot_be_queued_is_refused, a_file_survives_any_refusal, an_orphan_survives_any_refusal,
          forged_rows_are_left_out_and_a_forged_last_number_holds_nobody,
          a_process_that_is_refused_anything_keeps_what_it_acknowledged_and_hides_no_row)
