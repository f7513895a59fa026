/* How long a snapshot of 200,000 people takes to write, beside a plain write and sync of as many bytes.
 *
 * Usage: bench_directory FOLDER [PEOPLE]. 10 days, some 200 patterns a day, 5,000 pairs with a slot a day, 10,000 fences
 * of 24 corners, one or two tokens and a WhatsApp number a person; every tenth person moved within the days. Prints one
 * line of JSON; status 1 when writing takes over 2 s, when a person takes over 400 bytes, or when the file does not
 * answer. Meant for a release build: nothing else is measured fairly. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "directory.h"
#include "snapshot.h"
#include "wall.h"

#define DAYS 10
#define PATTERNS_A_DAY 200
#define PAIRS 5000
#define FENCES 10000
#define FIRST_DAY 20443
#define DAY_US (24 * 3600 * US_PER_S)
#define LIMIT_S 2.0

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_directory: %s\n", what);
    exit(EXIT_FAILURE);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void add_patterns(struct snapshot *s)
{
    for (int day = 0; day < DAYS; day++)
        for (int i = 0; i < PATTERNS_A_DAY; i++) {
            int64_t start = (FIRST_DAY + day) * DAY_US, shift = i * 60 * US_PER_S;
            const struct snapshot_session sessions[] = {
                {1, "pagi", "Pagi", COUNTS_AS_IN, start, start + DAY_US / 2, start + shift, start, start + shift},
                {2, "sore", "Sore", COUNTS_AS_OUT, start + DAY_US / 2, start + DAY_US, start + shift, start, start + DAY_US}};
            int64_t fences[] = {1 + i * 40, 2 + i * 40};
            struct snapshot_pattern p = {.id = 1 + day * PATTERNS_A_DAY + i, .starts_us = start, .ends_us = start + DAY_US,
                                         .place = PLACE_WFO, .accuracy_cap_m = 100,
                                         .decides = {0, TIME_FIX, TIME_FIX, TIME_FIX, TIME_MESSAGE}, .sessions = sessions,
                                         .session_count = 2, .fences = fences, .fence_count = 2};
            check(snapshot_pattern(s, &p), "pattern");
        }
}

static void add_slots(struct snapshot *s)
{
    for (int day = 0; day < DAYS; day++)
        for (int pair = 1; pair <= PAIRS; pair++)
            check(snapshot_slot(s, (uint32_t)pair, FIRST_DAY + day, 1 + day * PATTERNS_A_DAY + pair % PATTERNS_A_DAY),
                  "slot");
}

static void add_fences(struct snapshot *s)
{
    struct buf shape;
    char name[64], error[200];
    buf_init(&shape, 4096);
    for (int i = 0; i < FENCES; i++) {
        struct point points[25];
        for (int k = 0; k < 25; k++) {
            double a = 2 * M_PI * (k % 24) / 24;
            points[k] = (struct point){95.5 + (i % 100) * 0.45 + 0.001 * cos(a), -10 + (i / 100) * 0.15 + 0.001 * sin(a)};
        }
        struct ring ring = {points, 25};
        struct polygon polygon = {&ring, 1};
        buf_clear(&shape);
        check(fence_polygons(&polygon, 1, &shape, error, sizeof error), error);
        snprintf(name, sizeof name, "Kantor %d", i);
        check(snapshot_fence(s, 1 + i, 1, 1 + i % 5, FENCE_OFFICE, name, i % 3 == 0, (struct fence_shape){shape.data, shape.len, NULL},
                             false), "fence");
    }
    buf_fini(&shape);
}

static void token_hash(int64_t id, uint8_t ret[32])
{
    digest_sha256(&id, sizeof id, ret);
}

static void add_people(struct snapshot *s, int64_t people)
{
    char number[32];
    uint8_t hash[32];
    for (int64_t person = 1; person <= people; person++) {
        int64_t home = 1 + person % FENCES;
        uint32_t pair = 1 + (uint32_t)(person * 31 % PAIRS);
        bool moved = person % 10 == 0;
        const struct snapshot_member members[] = {{FIRST_DAY - 400, FIRST_DAY + (moved ? 4 : 4000), pair},
                                                  {FIRST_DAY + 5, FIRST_DAY + 4000, 1 + pair % PAIRS}};
        check(snapshot_person(s, person, 1 + person % 5, members, moved ? 2 : 1, &home, 1, false), "person");
        for (int64_t k = 0; k <= person % 2; k++) {
            token_hash(person * 2 + k, hash);
            check(snapshot_token(s, hash, 1, person * 2 + k, 1 + person % 5, person, CHANNEL_NATIVE, false, false), "token");
        }
        snprintf(number, sizeof number, "62811%08lld", (long long)person);
        check(snapshot_number(s, 1 + person % 5, number, false, person * 2, person, false, false), "number");
    }
}

/* The yardstick: the same number of bytes, written and synced with nothing else done. */
static double plain_write_s(const char *folder, size_t bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/plain", folder);
    uint8_t *block = malloc(bytes);
    check(block != NULL, "memory");
    memset(block, 0x5a, bytes);
    double start = now_s();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(fd >= 0, "plain file");
    for (size_t at = 0; at < bytes;) {
        ssize_t n = write(fd, block + at, bytes - at);
        check(n > 0, "plain write");
        at += (size_t)n;
    }
    check(fsync(fd) == 0 && close(fd) == 0, "plain sync");
    double took = now_s() - start;
    unlink(path);
    free(block);
    return took;
}

static void check_answers(struct directory *d, int64_t people)
{
    struct credential c;
    uint8_t hash[32];
    for (int64_t person = 1; person <= people; person += 997) {
        token_hash(person * 2, hash);
        check(directory_find_token(d, hash, &c) && c.person == person, "a token is not found");
        struct session_view v[2];
        int32_t day;
        for (int i = 0; i < DAYS; i++)
            check(directory_sessions(d, person, (FIRST_DAY + i) * DAY_US + 5, &day, v, 2) == 2 && day == FIRST_DAY + i,
                  "a plan is not found");
    }
}

int main(int argc, char **argv)
{
    char error[300], path[512];
    if (argc < 2)
        return EXIT_FAILURE;
    int64_t people = argc > 2 ? strtoll(argv[2], NULL, 10) : 200000;
    struct snapshot_header h = {.epoch = 1, .number = 1, .base_number = 1, .compiled_us = FIRST_DAY * DAY_US,
                                .first_day = FIRST_DAY, .days = DAYS};
    struct snapshot *s = snapshot_new(&h);
    check(s != NULL && people > 0, "no snapshot");
    add_fences(s); /* shapes are checked when imported, not here: left out of the time */
    double start = now_s();
    add_patterns(s);
    add_slots(s);
    add_people(s, people);
    double collected = now_s();
    int fd = snapshot_write(s, argv[1], "bench.directory", error, sizeof error);
    double written = now_s();
    check(fd >= 0, error);
    snapshot_free(s);
    struct stat st;
    check(fstat(fd, &st) == 0, "fstat");
    struct directory *d = directory_new();
    double before = now_s();
    check(directory_adopt(d, fd, error, sizeof error), error);
    double adopted = now_s();
    check(directory_people(d) == (size_t)people, "people are missing");
    check_answers(d, people);
    directory_free(d);
    double plain = plain_write_s(argv[1], (size_t)st.st_size);
    printf("{\"people\":%lld,\"bytes\":%lld,\"bytes_per_person\":%.0f,\"collect_s\":%.3f,\"write_s\":%.3f,\"plain_write_s\":%.3f,"
           "\"adopt_s\":%.3f}\n",
           (long long)people, (long long)st.st_size, (double)st.st_size / (double)people, collected - start,
           written - collected, plain, adopted - before);
    snprintf(path, sizeof path, "%s/bench.directory", argv[1]);
    unlink(path);
    return written - start <= LIMIT_S ? EXIT_SUCCESS : EXIT_FAILURE;
}
