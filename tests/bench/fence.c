/* fence_rate: the placing of one check-in by the directory, as a door calls it, beside GEOS (peers/geos.c).
 *
 * Usage: bench_fence FOLDER SEED PAIRS CHECKINS. A town of 10,000 shared fences with 4 to 500 vertices (20 m to 1 km
 * across, every tenth with a hole), 1,000 people, each bound to an office and two more fences within some kilometres.
 * Check-ins: three fifths in and around the office, a fifth within a metre of its edge or exactly on it, a fifth anywhere
 * within 5 km. Ours is directory_judge (time and placing, also metres to the shared fences, which nobody asks of GEOS).
 *
 * First both answer all check-ins, compared one by one: the set of fences that cover the point, and the signed metres to
 * the three bound ones, to a centimetre. A difference ends it. Then PAIRS turns; prints one line of JSON with the CPU
 * microseconds of one check-in by either, in pairs. Needs nothing running. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "directory.h"
#include "peers/geos.h"
#include "snapshot.h"
#include "wall.h"

#define FENCES 10000
#define PEOPLE 1000
#define BOUND 3
#define VERTICES_MAX 500
#define DAY 20443
#define DAY_US (24 * 3600 * US_PER_S)
#define NEAR_M 5000.0
#define DEGREE_M 111000.0
#define WITHIN_M 0.01

struct office {
    struct point middle;
    double radius_deg;
    size_t count;
    struct point shell[VERTICES_MAX + 1];
};

struct checkin {
    struct point at;
    uint32_t person;
};

static struct office offices[FENCES];
static uint32_t bound[PEOPLE][BOUND];
static uint64_t seed;

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_fence: %s\n", what);
    exit(EXIT_FAILURE);
}

static double uniform(double low, double high)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return low + (high - low) * ((double)(seed >> 11) * 0x1p-53);
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* ---- the town ---- */

/* A star around its middle, with a wall that wanders in and out: never crosses itself. */
static void wander(struct office *o)
{
    o->middle = (struct point){uniform(120, 120.6), uniform(-3.2, -2.6)};
    o->radius_deg = exp(uniform(log(10), log(500))) / DEGREE_M;
    o->count = 4 + (size_t)uniform(0, VERTICES_MAX - 3);
    double r = o->radius_deg;
    for (size_t i = 0; i < o->count; i++) {
        double a = 2 * M_PI * ((double)i + uniform(0, 0.7)) / (double)o->count;
        r = fmin(o->radius_deg, fmax(0.5 * o->radius_deg, r * uniform(0.93, 1.07)));
        o->shell[i] = (struct point){o->middle.lon_deg + r * cos(a), o->middle.lat_deg + r * sin(a)};
    }
    o->shell[o->count] = o->shell[0];
}

/* A courtyard, a third as wide, with a quarter of the vertices. */
static size_t courtyard(const struct office *o, struct point *ret)
{
    size_t n = 0, step = o->count >= 16 ? 4 : 1;
    for (size_t i = 0; i < o->count; i += step, n++)
        ret[n] = (struct point){o->middle.lon_deg + (o->shell[i].lon_deg - o->middle.lon_deg) / 3,
                                o->middle.lat_deg + (o->shell[i].lat_deg - o->middle.lat_deg) / 3};
    ret[n] = ret[0];
    return n + 1;
}

static void add_fences(struct snapshot *s, struct peer *peer)
{
    static struct point hole[VERTICES_MAX + 1];
    struct buf shape;
    char error[200];
    buf_init(&shape, 1 << 16);
    for (size_t i = 0; i < FENCES; i++) {
        wander(&offices[i]);
        struct ring rings[] = {{offices[i].shell, offices[i].count + 1}, {hole, courtyard(&offices[i], hole)}};
        struct polygon polygon = {rings, i % 10 == 0 ? 2 : 1};
        buf_clear(&shape);
        check(fence_polygons(&polygon, 1, &shape, error, sizeof error), error);
        check(snapshot_fence(s, 1 + (int64_t)i, 1, 1, FENCE_OFFICE, "Kantor", true, (struct fence_shape){shape.data, shape.len, NULL},
                             false), "fence");
        peer_fence(peer, i, rings, polygon.count);
    }
    buf_fini(&shape);
}

static double apart_m(const struct office *a, const struct office *b)
{
    return DEGREE_M * hypot(a->middle.lon_deg - b->middle.lon_deg, a->middle.lat_deg - b->middle.lat_deg);
}

static void add_people(struct snapshot *s)
{
    for (uint32_t i = 0; i < PEOPLE; i++) {
        uint32_t *b = bound[i];
        b[0] = (uint32_t)uniform(0, FENCES);
        for (int k = 1; k < BOUND; k++)
            do
                b[k] = (uint32_t)uniform(0, FENCES);
            while (b[k] == b[0] || b[k] == b[k - 1] || apart_m(&offices[b[0]], &offices[b[k]]) > NEAR_M);
        int64_t start = DAY * DAY_US, fences[BOUND];
        for (int k = 0; k < BOUND; k++)
            fences[k] = 1 + b[k];
        const struct snapshot_session session = {1, "pagi", "Pagi", COUNTS_AS_IN, start, start + DAY_US, start, start, start + DAY_US};
        struct snapshot_pattern p = {.id = 1 + i, .starts_us = start, .ends_us = start + DAY_US, .place = PLACE_WFO,
                                     .accuracy_cap_m = 100, .decides = {0, TIME_FIX, TIME_FIX, TIME_FIX, TIME_MESSAGE},
                                     .sessions = &session, .session_count = 1, .fences = fences, .fence_count = BOUND};
        const struct snapshot_member member = {DAY, DAY, 1 + i};
        check(snapshot_pattern(s, &p) && snapshot_slot(s, 1 + i, DAY, 1 + i) &&
                  snapshot_person(s, 1 + i, 1, &member, 1, NULL, 0, false), "person");
    }
}

static struct directory *build(const char *folder, struct peer *peer)
{
    char error[300], path[512];
    struct snapshot *s = snapshot_new(&(struct snapshot_header){.epoch = 1, .number = 1, .base_number = 1,
                                                                .compiled_us = DAY * DAY_US, .first_day = DAY, .days = 1});
    check(s != NULL, "no snapshot");
    add_fences(s, peer);
    add_people(s);
    int fd = snapshot_write(s, folder, "fence.directory", error, sizeof error);
    check(fd >= 0, error);
    snapshot_free(s);
    struct directory *d = directory_new();
    check(directory_adopt(d, fd, error, sizeof error), error);
    snprintf(path, sizeof path, "%s/fence.directory", folder);
    unlink(path);
    peer_ready(peer);
    return d;
}

static struct checkin somewhere(size_t i)
{
    struct checkin c = {.person = (uint32_t)uniform(0, PEOPLE)};
    const struct office *o = &offices[bound[c.person][0]];
    if (i % 5 < 3) {
        double a = uniform(0, 2 * M_PI), r = o->radius_deg * uniform(0, 1.3);
        c.at = (struct point){o->middle.lon_deg + r * cos(a), o->middle.lat_deg + r * sin(a)};
    } else if (i % 5 == 3) {
        size_t k = (size_t)uniform(0, (double)o->count);
        struct point a = o->shell[k], b = o->shell[k + 1];
        double t = i % 2 == 0 ? uniform(0, 1) : 0, off = uniform(-1, 1) * (i % 20 < 10 ? 1e-5 : i % 20 < 16 ? 1e-13 : 0);
        c.at = (struct point){a.lon_deg + t * (b.lon_deg - a.lon_deg) + off, a.lat_deg + t * (b.lat_deg - a.lat_deg) - off};
    } else {
        double away = NEAR_M / DEGREE_M;
        c.at = (struct point){o->middle.lon_deg + uniform(-away, away), o->middle.lat_deg + uniform(-away, away)};
    }
    return c;
}

/* ---- both at work ---- */

static void ours(const struct directory *d, const struct checkin *c, struct fact *ret)
{
    *ret = (struct fact){.government = 1, .person = 1 + c->person, .channel = CHANNEL_NATIVE, .fix_us = DAY * DAY_US + US_PER_S,
                         .message_us = DAY * DAY_US + US_PER_S, .sent_us = DAY * DAY_US + US_PER_S,
                         .received_us = DAY * DAY_US + 2 * US_PER_S, .lat_deg = c->at.lat_deg, .lon_deg = c->at.lon_deg,
                         .has_accuracy = true, .accuracy_m = 20};
    directory_judge(d, ret);
}

struct answer {
    uint32_t covering[FACT_PLACEMENTS_MAX];
    size_t count;
    double metres[BOUND];
};

static void theirs(struct peer *peer, const struct checkin *c, struct answer *ret)
{
    ret->count = peer_covering(peer, c->at, ret->covering, FACT_PLACEMENTS_MAX);
    for (int k = 0; k < BOUND; k++)
        ret->metres[k] = peer_metres(peer, bound[c->person][k], c->at);
}

static void differ(const struct checkin *c, const char *what, double one, double other)
{
    fprintf(stderr, "bench_fence: at %.17g %.17g: %s differs: ours %.6f, GEOS %.6f\n", c->at.lon_deg, c->at.lat_deg, what, one,
            other);
    exit(EXIT_FAILURE);
}

static const struct placement *placement_of(const struct fact *f, uint32_t fence)
{
    for (size_t i = 0; i < f->placement_count; i++)
        if (f->placements[i].fence == 1 + (int64_t)fence)
            return &f->placements[i];
    return NULL;
}

/* Ours has the fences that cover and the bound ones, each once; inside is metres ≤ 0. Returns how many cover. */
static size_t compare(const struct checkin *c, const struct fact *f, const struct answer *a, double *worst_m)
{
    size_t inside = 0;
    for (size_t i = 0; i < f->placement_count; i++)
        inside += f->placements[i].metres <= 0;
    if (inside != a->count)
        differ(c, "the number of fences", (double)inside, (double)a->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct placement *p = placement_of(f, a->covering[i]);
        if (p == NULL || p->metres > 0)
            differ(c, "a fence that covers", 0, a->covering[i]);
    }
    for (int k = 0; k < BOUND; k++) {
        const struct placement *p = placement_of(f, bound[c->person][k]);
        if (p == NULL || !(fabs(p->metres - a->metres[k]) <= WITHIN_M))
            differ(c, "the distance", p == NULL ? NAN : p->metres, a->metres[k]);
        *worst_m = fmax(*worst_m, fabs(p->metres - a->metres[k]));
    }
    return inside;
}

int main(int argc, char **argv)
{
    check(argc == 5, "usage: bench_fence FOLDER SEED PAIRS CHECKINS");
    seed = strtoull(argv[2], NULL, 10) * 0x9E3779B97F4A7C15u + 1;
    size_t pairs = strtoul(argv[3], NULL, 10), count = strtoul(argv[4], NULL, 10), covering = 0;
    double worst_m = 0;
    struct peer *peer = peer_new(FENCES);
    struct directory *d = build(argv[1], peer);
    struct checkin *all = calloc(count, sizeof *all);
    check(all != NULL && count > 0, "no check-ins");
    static struct fact f;
    static struct answer a;
    for (size_t i = 0; i < count; i++) {
        all[i] = somewhere(i);
        ours(d, &all[i], &f);
        theirs(peer, &all[i], &a);
        covering += compare(&all[i], &f, &a, &worst_m);
    }
    printf("{\"compared\":%zu,\"covering\":%.2f,\"worst_mm\":%.3f,\"pairs\":[", count, (double)covering / (double)count, worst_m * 1000);
    for (size_t k = 0; k < pairs; k++) {
        double start = cpu_us();
        for (size_t i = 0; i < count; i++)
            ours(d, &all[i], &f);
        double middle = cpu_us();
        for (size_t i = 0; i < count; i++)
            theirs(peer, &all[i], &a);
        printf("%s[%.4f,%.4f]", k > 0 ? "," : "", (middle - start) / (double)count, (cpu_us() - middle) / (double)count);
    }
    printf("]}\n");
    directory_free(d);
    peer_free(peer);
    free(all);
    return EXIT_SUCCESS;
}
