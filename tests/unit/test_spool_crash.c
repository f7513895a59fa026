/* What the spool leaves behind when its process is killed, its disk fails, or its file is damaged. Each process that
 * dies is a child of this one and tells through a pipe what it acknowledged. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test_spool_fixture.h"

static struct bench b;
static struct answer a;
static struct reading r;

/* ---- a child that appends for ever ---- */

#define IN_FLIGHT 40

/* A child leaves its parent's loop alone, which holds the parent's descriptors; remembered, it is no leak. */
static struct loop *volatile parents_loop;

static void take_own_loop(void)
{
    parents_loop = b.loop;
    b.loop = loop_new();
}

struct feeder {
    struct bench *bench;
    int pipe_fd;
    unsigned next;
    unsigned flying;
    bool full_seen;
};
struct flight {
    struct feeder *feeder;
    unsigned n;
};

static void on_fed(void *arg, enum spool_outcome outcome, const struct spool_result *results, size_t count)
{
    struct flight *f = arg;
    f->feeder->flying--;
    if (outcome == SPOOL_FULL)
        f->feeder->full_seen = true;
    else if (count != 1 || results[0].status == ITEM_CONFLICT ||
             write(f->feeder->pipe_fd, &f->n, sizeof f->n) != (ssize_t)sizeof f->n)
        _exit(99);
    free(f);
}

static void feed(struct feeder *f)
{
    while (f->flying < IN_FLIGHT) {
        struct sample s;
        struct flight *flight = malloc(sizeof *flight);
        if (flight == NULL)
            _exit(98);
        *flight = (struct flight){.feeder = f, .n = f->next++};
        sample_make(&s, 7, flight->n);
        if (!spool_append(f->bench->spool, &s.item, 1, on_fed, flight))
            _exit(97);
        f->flying++;
    }
    spool_commit(f->bench->spool);
}

/* Forks; the child opens the spool, calls `before` after its first acknowledged append, then appends until it dies. */
static pid_t fork_feeder(unsigned first, void (*before)(struct bench *), int *ret_fd)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child > 0) {
        close(fds[1]);
        *ret_fd = fds[0];
        return child;
    }
    char error[300];
    struct feeder f = {.bench = &b, .pipe_fd = fds[1], .next = first};
    take_own_loop();
    if (bench_try(&b, error, sizeof error) == NULL)
        _exit(96);
    feed(&f);
    while (f.flying == IN_FLIGHT)
        loop_turn(b.loop, 10);
    if (before != NULL)
        before(&b);
    for (;;) {
        feed(&f);
        loop_turn(b.loop, 10);
    }
}

#define ACKS_MAX 200000
static unsigned acks[ACKS_MAX];
static size_t ack_count;

/* Reads acknowledgements until there are `enough` or the pipe closes. */
static void read_acks(int fd, size_t enough)
{
    int64_t until = mono_now_ms() + WAIT_MS;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t start = ack_count;
    while (ack_count - start < enough) {
        ck_assert_int_lt(mono_now_ms(), until);
        if (poll(&p, 1, 1000) <= 0)
            continue;
        ssize_t n = read(fd, &acks[ack_count], sizeof acks[0]); /* written whole: below PIPE_BUF */
        if (n == 0)
            return;
        ck_assert_int_eq(n, (ssize_t)sizeof acks[0]);
        ck_assert_uint_lt(++ack_count, ACKS_MAX);
    }
}

static void check_acked_rows(void)
{
    struct sample s;
    for (size_t i = 0; i < ack_count; i++) {
        sample_make(&s, 7, acks[i]);
        bench_find(&b, s.item.id, 0, &r);
        ck_assert_msg(r.count == 1, "acknowledged row %u is lost", acks[i]);
        ck_assert_str_eq(r.payload[0], s.payload);
        ck_assert(bench_proof_good(&b, s.item.leaf, &r.rows[0].proof));
    }
}

START_TEST(kill_at_any_moment_loses_nothing_acknowledged)
{
    uint8_t id[16];
    unsigned seed = 20251229;
    bench_init(&b);
    bench_open(&b);
    memcpy(id, spool_id(b.spool), sizeof id);
    bench_close(&b);
    ack_count = 0;
    for (unsigned round = 0; round < 12; round++) {
        int fd = -1, status = 0;
        seed = seed * 1103515245 + 12345;
        pid_t child = fork_feeder(round * 100000, NULL, &fd);
        read_acks(fd, 1 + (seed >> 16) % 120); /* the child has some in flight whenever this returns */
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        read_acks(fd, ACKS_MAX);
        close(fd);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    ck_assert_uint_ge(ack_count, 12);
    bench_open(&b);
    ck_assert_mem_eq(spool_id(b.spool), id, 16); /* a kill is no damage */
    ck_assert_uint_eq(spool_orphans(b.spool), 0);
    check_acked_rows();
    bench_fini(&b);
}
END_TEST

START_TEST(a_second_process_is_refused)
{
    char error[300] = "";
    struct bench second;
    bench_init(&b);
    bench_open(&b);
    second = b;
    ck_assert_ptr_null(bench_try(&second, error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "another hadird"));
    struct sample s;
    sample_make(&s, 7, 1);
    bench_append(&b, &s.item, 1, &a); /* the first one did not notice */
    ck_assert_int_eq(a.results[0].status, ITEM_ACCEPTED);
    bench_fini(&b);
}
END_TEST

/* ---- failures and orphans ---- */

/* From here on no file may grow: write() fails with EFBIG, which is neither success nor "no space". */
static void forbid_growth(struct bench *bench)
{
    char path[512];
    struct stat st;
    snprintf(path, sizeof path, "%s/spool.db-wal", bench->dir);
    if (stat(path, &st) != 0)
        _exit(95);
    struct rlimit limit = {.rlim_cur = (rlim_t)st.st_size, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(94);
}

static int run_until_exit(unsigned first, void (*before)(struct bench *))
{
    int fd = -1, status = 0;
    pid_t child = fork_feeder(first, before, &fd);
    read_acks(fd, ACKS_MAX);
    close(fd);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "status %d", status);
    return WEXITSTATUS(status);
}

struct opened {
    bool called;
    struct spool_orphan *orphan;
};

static void on_orphan(void *arg, struct spool_orphan *o)
{
    struct opened *x = arg;
    x->called = true;
    x->orphan = o;
}

static struct spool_orphan *open_orphan(void)
{
    struct opened x = {0};
    ck_assert(spool_orphan_open(b.spool, on_orphan, &x));
    bench_wait(&b, &x.called);
    return x.orphan;
}

/* Every acknowledged row is in the orphan; its last row is read too. */
static void drain_orphan(struct spool_orphan *o)
{
    static bool seen[ACKS_MAX];
    int64_t after = 0;
    memset(seen, 0, sizeof seen);
    do {
        memset(&r, 0, sizeof r.called + sizeof r.count);
        r.called = false;
        ck_assert(spool_orphan_read(b.spool, o, after, 1000, 1 << 20, bench_on_rows, &r));
        bench_wait(&b, &r.called);
        for (size_t i = 0; i < r.count; i++) {
            unsigned n = 0;
            ck_assert_int_eq(sscanf(r.payload[i], "payload 7/%u", &n), 1);
            ck_assert_uint_lt(n, ACKS_MAX);
            seen[n] = true;
            after = r.rows[i].seq;
        }
    } while (r.count > 0);
    ck_assert_int_eq(after, spool_orphan_last_seq(o));
    for (size_t i = 0; i < ack_count; i++)
        ck_assert_msg(seen[acks[i]], "acknowledged row %u is not in the orphan", acks[i]);
}

static void wait_no_orphans(void)
{
    int64_t until = mono_now_ms() + WAIT_MS;
    while (spool_orphans(b.spool) > 0 && mono_now_ms() < until)
        loop_turn(b.loop, 20);
    ck_assert_uint_eq(spool_orphans(b.spool), 0);
}

START_TEST(a_failed_write_ends_the_process_and_the_file_is_drained)
{
    uint8_t id[16];
    bench_init(&b);
    bench_open(&b);
    memcpy(id, spool_id(b.spool), sizeof id);
    bench_close(&b);
    ack_count = 0;
    ck_assert_int_eq(run_until_exit(0, forbid_growth), 70);
    ck_assert_uint_ge(ack_count, 1);
    ck_assert_uint_eq(bench_files(&b, "spool.failed"), 1);

    bench_open(&b);
    ck_assert(memcmp(spool_id(b.spool), id, 16) != 0);
    ck_assert_uint_eq(bench_files(&b, "spool.failed"), 0);
    ck_assert_uint_eq(spool_orphans(b.spool), 1);
    struct sample s; /* the new file works at once */
    sample_make(&s, 7, 1);
    bench_append(&b, &s.item, 1, &a);
    ck_assert_int_eq(a.results[0].status, ITEM_ACCEPTED);
    ck_assert_int_eq(a.results[0].seq, 1);

    spool_set_limits(b.spool, KEEP_US, UINT64_C(1) << 60); /* a copy would take the room of those who arrive: it waits */
    ck_assert_ptr_null(open_orphan());
    ck_assert_uint_eq(spool_orphans(b.spool), 1);
    spool_set_limits(b.spool, KEEP_US, 0);
    struct spool_orphan *o = open_orphan();
    ck_assert_ptr_nonnull(o);
    ck_assert_mem_eq(spool_orphan_id(o), id, 16);
    drain_orphan(o);
    ck_assert(spool_orphan_close(b.spool, o, false)); /* the database was not reached: it stays */
    ck_assert_ptr_nonnull(o = open_orphan());
    ck_assert_uint_eq(bench_files(&b, ".orphan.db"), 1);
    ck_assert_uint_eq(bench_files(&b, ".copy.db"), 1);
    ck_assert(spool_orphan_close(b.spool, o, true));
    wait_no_orphans();
    ck_assert_ptr_null(open_orphan());
    ck_assert_uint_eq(bench_files(&b, ".orphan.db") + bench_files(&b, ".orphan.db-wal"), 0);
    ck_assert_uint_eq(bench_files(&b, ".copy.db") + bench_files(&b, ".copy.db-wal"), 0);

    ck_assert_uint_eq(bench_files(&b, ".drained.db"), 1);
    ck_assert(spool_orphan_again(b.spool)); /* the database was restored to an older state */
    ck_assert_ptr_nonnull(o = open_orphan());
    drain_orphan(o);
    ck_assert(spool_orphan_close(b.spool, o, true));
    wait_no_orphans();
    ck_assert_ptr_null(open_orphan());
    ck_assert_uint_eq(bench_files(&b, ".drained.db"), 1); /* young: kept */
    const int64_t then_us = wall_now_us();
    wall_fake(then_us + KEEP_US + 10 * US_PER_S);
    ck_assert_ptr_null(open_orphan());
    ck_assert_uint_eq(bench_files(&b, ".drained.db"), 1); /* the clock jumped: still kept */
    for (int64_t hours = 0; hours <= 9 * 23; hours += 23) {
        wall_fake(then_us + KEEP_US + 10 * US_PER_S + hours * 3600 * US_PER_S);
        ck_assert_ptr_null(open_orphan());
    }
    wall_fake(INT64_MIN);
    ck_assert_uint_eq(bench_files(&b, ".drained.db") + bench_files(&b, ".drained.db-wal"), 0);
    bench_fini(&b);
}
END_TEST

START_TEST(a_crash_while_setting_aside_is_finished_by_the_next_start)
{
    char from[512], to[512];
    bench_init(&b);
    ack_count = 0;
    ck_assert_int_eq(run_until_exit(0, forbid_growth), 70);
    /* As if the mark had got its name and the log its new one when the power went. */
    snprintf(from, sizeof from, "%s/spool.failed", b.dir);
    FILE *mark = fopen(from, "w");
    ck_assert_ptr_nonnull(mark);
    ck_assert_int_gt(fprintf(mark, "00112233aabbccdd"), 0);
    ck_assert_int_eq(fclose(mark), 0);
    snprintf(from, sizeof from, "%s/spool.db-wal", b.dir);
    snprintf(to, sizeof to, "%s/spool-00112233aabbccdd.orphan.db-wal", b.dir);
    ck_assert_int_eq(rename(from, to), 0);
    bench_open(&b);
    ck_assert_uint_eq(bench_files(&b, "spool-00112233aabbccdd.orphan.db"), 1);
    struct spool_orphan *o = open_orphan();
    ck_assert_ptr_nonnull(o);
    drain_orphan(o); /* the log came along: nothing acknowledged is missing */
    ck_assert(spool_orphan_close(b.spool, o, true));
    wait_no_orphans();
    bench_fini(&b);
}
END_TEST

static void append_some(unsigned count)
{
    struct sample s;
    ack_count = 0;
    for (unsigned i = 0; i < count; i++) {
        sample_make(&s, 7, i);
        bench_append(&b, &s.item, 1, &a);
        acks[ack_count++] = i;
    }
}

static void overwrite(const char *name, long offset, size_t len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", b.dir, name);
    FILE *f = fopen(path, "r+");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, offset, SEEK_SET), 0);
    for (size_t i = 0; i < len; i++)
        ck_assert_int_ne(fputc(0xA5, f), EOF);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(an_unreadable_file_is_set_aside_and_kept)
{
    bench_init(&b);
    bench_open(&b);
    append_some(3);
    bench_close(&b);
    overwrite("spool.db", 0, 100); /* not a database any more */
    bench_open(&b);
    ck_assert_uint_eq(spool_orphans(b.spool), 1);
    ck_assert_int_eq(spool_last_seq(b.spool), 0);
    ck_assert_ptr_null(open_orphan());
    ck_assert_uint_eq(bench_files(&b, ".broken.db"), 1);
    ck_assert_ptr_null(open_orphan());
    ck_assert_uint_eq(spool_orphans(b.spool), 0);
    bench_fini(&b);
}
END_TEST

/* Of a damaged orphan, what can be read is read, and the file is not removed. */
START_TEST(a_damaged_page_costs_only_what_lies_on_it)
{
    char from[512], to[512];
    struct stat st;
    bench_init(&b);
    bench_open(&b);
    append_some(400);
    bench_close(&b);
    snprintf(from, sizeof from, "%s/spool.db", b.dir);
    ck_assert_int_eq(stat(from, &st), 0);
    snprintf(to, sizeof to, "%s/spool-0011223344556677.orphan.db", b.dir);
    ck_assert_int_eq(rename(from, to), 0);
    bench_open(&b);
    size_t best = 0;
    struct spool_orphan *o = open_orphan();
    ck_assert_ptr_nonnull(o);
    drain_orphan(o);
    ck_assert(spool_orphan_close(b.spool, o, false));

    /* Find a page whose loss is felt: a leaf of the row table, told by the payloads on it. */
    FILE *f = fopen(to, "r");
    ck_assert_ptr_nonnull(f);
    long hit = -1;
    static uint8_t page[4096];
    for (long at = 0; fread(page, 1, sizeof page, f) == sizeof page; at += 4096)
        if (memmem(page, sizeof page, "payload 7/200", 13) != NULL && hit < 0)
            hit = at;
    fclose(f);
    ck_assert_int_gt(hit, 0);
    overwrite("spool-0011223344556677.orphan.db", hit, 8);

    o = open_orphan();
    ck_assert_ptr_nonnull(o);
    memset(&r, 0, sizeof r);
    ck_assert(spool_orphan_read(b.spool, o, 0, 1000, 1 << 20, bench_on_rows, &r));
    bench_wait(&b, &r.called);
    best = r.count;
    ck_assert_uint_gt(best, 300);
    ck_assert_uint_lt(best, 400);
    ck_assert_int_eq(r.rows[best - 1].seq, 400);
    ck_assert(spool_orphan_close(b.spool, o, true));
    wait_no_orphans();
    ck_assert_uint_eq(bench_files(&b, ".broken.db"), 1);
    bench_fini(&b);
}
END_TEST

static size_t file_get(const char *name, uint8_t *bytes, size_t cap)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", b.dir, name);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    size_t len = fread(bytes, 1, cap, f);
    fclose(f);
    ck_assert_uint_lt(len, cap);
    return len;
}

static void file_put(const char *name, const uint8_t *bytes, size_t len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", b.dir, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

/* To SQLite a rotten byte in the midst of a log is the log's end: what came later would be gone without a word. */
START_TEST(a_log_damaged_before_its_end_is_set_aside_and_named)
{
    static uint8_t db[1 << 20], wal[1 << 20];
    bench_init(&b);
    for (int round = 0; round < 3; round++) {
        bench_open(&b);
        append_some(20);
        size_t db_len = file_get("spool.db", db, sizeof db), wal_len = file_get("spool.db-wal", wal, sizeof wal);
        bench_close(&b);
        wal[round == 0 ? wal_len / 2 : 20] ^= 1; /* a frame in the midst, or the header */
        if (round == 2)
            wal_len = 20; /* never whole: nothing was acknowledged from it */
        file_put("spool.db", db, db_len);
        file_put("spool.db-wal", wal, wal_len);
        bench_open(&b);
        if (round == 2) {
            ck_assert_uint_eq(spool_orphans(b.spool), 0);
            continue;
        }
        ck_assert_uint_eq(spool_orphans(b.spool), 1);
        struct spool_orphan *o = open_orphan();
        if (o != NULL) { /* the header's round: there is nothing else, not even a table */
            memset(&r, 0, sizeof r);
            ck_assert(spool_orphan_read(b.spool, o, 0, 1000, 1 << 20, bench_on_rows, &r));
            bench_wait(&b, &r.called);
            ck_assert_uint_gt(r.count, 0);
            ck_assert_uint_lt(r.count, 20);
            ck_assert(spool_orphan_close(b.spool, o, true));
        } else {
            ck_assert_ptr_null(open_orphan());
        }
        wait_no_orphans();
        ck_assert_uint_eq(bench_files(&b, ".broken.db"), (size_t)round + 1);
        bench_close(&b);
        char path[512];
        snprintf(path, sizeof path, "%s/spool.db", b.dir);
        ck_assert_int_eq(unlink(path), 0);
    }
    bench_fini(&b);
}
END_TEST

/* A power cut: of the last transaction, which made `before` into `after`, the first frame did not reach the disk. */
static void lose_first_frame(const uint8_t *before, size_t before_len, uint8_t *after, size_t after_len)
{
    size_t at = 0, frame = 24 + ((size_t)after[8] << 24 | (size_t)after[9] << 16 | (size_t)after[10] << 8 | after[11]);
    while (at < before_len && before[at] == after[at])
        at++;
    at = at < 32 ? 32 : at - (at - 32) % frame;
    ck_assert_uint_le(at + frame, after_len);
    memset(after + at, 0, frame);
}

/* What the first cut lost lies whole behind the shorter transactions after it; with the second's they are two of one log. */
START_TEST(power_cuts_one_after_another_are_no_damage)
{
    static uint8_t db[1 << 20], before[1 << 20], wal[1 << 20];
    static struct sample many[200];
    struct sample one;
    bench_init(&b);
    bench_open(&b);
    append_some(5);
    for (unsigned i = 0; i < 200; i++)
        sample_make(&many[i], 8, i);
    for (unsigned cut = 0; cut < 3; cut++) {
        struct spool_item items[200];
        size_t count = cut == 0 ? 200 : 1;
        for (size_t i = 0; i < count; i++)
            items[i] = many[i].item;
        size_t before_len = file_get("spool.db-wal", before, sizeof before);
        bench_append(&b, items, count, &a);
        size_t db_len = file_get("spool.db", db, sizeof db), wal_len = file_get("spool.db-wal", wal, sizeof wal);
        bench_close(&b);
        lose_first_frame(before, before_len, wal, wal_len);
        file_put("spool.db", db, db_len);
        file_put("spool.db-wal", wal, wal_len);
        bench_open(&b);
        ck_assert_uint_eq(spool_orphans(b.spool), 0);
        bench_read(&b, 0, 1000, 1 << 20, &r);
        ck_assert_uint_eq(r.count, 5 + cut);
        sample_make(&one, 9, cut);
        bench_append(&b, &one.item, 1, &a);
    }
    bench_fini(&b);
}
END_TEST

/* One changed letter makes another valid payload: the row's check sum tells. */
START_TEST(a_rotten_payload_is_never_read)
{
    static uint8_t db[1 << 20];
    bench_init(&b);
    bench_open(&b);
    append_some(20);
    bench_close(&b);
    size_t len = file_get("spool.db", db, sizeof db);
    uint8_t *hit = memmem(db, len, "payload 7/3", 11);
    ck_assert_ptr_nonnull(hit);
    hit[10] = '4';
    file_put("spool-0011223344556677.orphan.db", db, len);
    bench_open(&b);
    struct spool_orphan *o = open_orphan();
    ck_assert_ptr_nonnull(o);
    memset(&r, 0, sizeof r);
    ck_assert(spool_orphan_read(b.spool, o, 0, 1000, 1 << 20, bench_on_rows, &r));
    bench_wait(&b, &r.called);
    ck_assert_uint_eq(r.count, 19);
    for (size_t i = 0; i < r.count; i++)
        ck_assert_int_ne(r.rows[i].seq, 4);
    ck_assert(spool_orphan_close(b.spool, o, true));
    wait_no_orphans();
    ck_assert_uint_eq(bench_files(&b, ".broken.db"), 1);
    bench_fini(&b);
}
END_TEST

/* ---- no space, for real ---- */

#define SKIPPED 77
#define DISK "size=3m"

static int full_disk_child(void)
{
    char path[512], error[300];
    struct feeder f = {.bench = &b};
    static uint8_t block[4096];
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return SKIPPED;
    if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 || mount("none", b.dir, "tmpfs", 0, DISK) != 0)
        return SKIPPED;
    int null = open("/dev/null", O_WRONLY);
    snprintf(path, sizeof path, "%s/ballast", b.dir);
    int ballast = open(path, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 256; i++) /* 1 MiB */
        if (write(ballast, block, sizeof block) != (ssize_t)sizeof block)
            return 1;
    f.pipe_fd = null;
    take_own_loop();
    if (bench_try(&b, error, sizeof error) == NULL)
        return 2;
    int64_t until = mono_now_ms() + WAIT_MS;
    while (!f.full_seen && mono_now_ms() < until) {
        feed(&f);
        loop_turn(b.loop, 10);
    }
    if (!f.full_seen || !spool_is_full(b.spool))
        return 3;
    int64_t before = spool_last_seq(b.spool);
    if (unlink(path) != 0 || close(ballast) != 0) /* somebody made room */
        return 4;
    while (spool_last_seq(b.spool) <= before && mono_now_ms() < until) {
        feed(&f);
        loop_turn(b.loop, 10);
    }
    if (spool_last_seq(b.spool) <= before || before == 0)
        return 5;
    int64_t last = spool_last_seq(b.spool);
    while (f.flying > 0)
        loop_turn(b.loop, 10);
    spool_stop(b.spool);
    if (bench_try(&b, error, sizeof error) == NULL)
        return 6;
    return spool_last_seq(b.spool) >= last && spool_orphans(b.spool) == 0 ? 0 : 7;
}

START_TEST(a_full_disk_refuses_and_recovers)
{
    int status = 0;
    bench_init(&b);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(full_disk_child());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIPPED)
        puts("SKIP a_full_disk_refuses_and_recovers: no mount namespace of our own here");
    else
        ck_assert_int_eq(WEXITSTATUS(status), 0);
    bench_fini(&b);
}
END_TEST

UNIT_MAIN("spool/crash", kill_at_any_moment_loses_nothing_acknowledged, a_second_process_is_refused,
          a_failed_write_ends_the_process_and_the_file_is_drained,
          a_crash_while_setting_aside_is_finished_by_the_next_start, an_unreadable_file_is_set_aside_and_kept,
          a_damaged_page_costs_only_what_lies_on_it,
          a_log_damaged_before_its_end_is_set_aside_and_named, power_cuts_one_after_another_are_no_damage, a_rotten_payload_is_never_read, a_full_disk_refuses_and_recovers)
