/* Distances to polygons against the plain truth: geod_inverse to points sampled densely along every edge, then sampled
 * again, finer, around the nearest. Edges from 10 m to degrees long, points up to 200 km away, latitudes up to 85. */
#include <geodesic.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fence.h"
#include "unit.h"

static struct geod_geodesic wgs84;
static uint64_t seed = 88172645463325252u;

static double uniform(double low, double high)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return low + (high - low) * ((double)(seed >> 11) * 0x1p-53);
}

static double measure(struct point p, struct point q)
{
    double s;
    geod_inverse(&wgs84, p.lat_deg, p.lon_deg, q.lat_deg, q.lon_deg, &s, NULL, NULL);
    return s;
}

static struct point between(struct point a, struct point b, double t)
{
    return (struct point){a.lon_deg + t * (b.lon_deg - a.lon_deg), a.lat_deg + t * (b.lat_deg - a.lat_deg)};
}

/* Least distance to an edge by sampling alone: 400 steps, then zooming into the best step and its neighbours. */
static double sampled(struct point p, struct point a, struct point b)
{
    double low = 0, high = 1, at = 0, best = HUGE_VAL;
    for (int zoom = 0; zoom < 8; zoom++) {
        const int steps = zoom == 0 ? 400 : 40;
        double width = (high - low) / steps;
        for (int i = 0; i <= steps; i++) {
            double s = measure(p, between(a, b, low + width * i));
            if (s < best) {
                best = s;
                at = low + width * i;
            }
        }
        low = fmax(0, at - width);
        high = fmin(1, at + width);
    }
    return best;
}

/* A ring around a centre: random star shape, radius_deg in latitude. */
static size_t random_ring(struct point centre, double radius_deg, struct point *points, size_t max)
{
    size_t n = 3 + (size_t)uniform(0, (double)max - 4);
    double stretch = 1 / cos(centre.lat_deg * M_PI / 180);
    for (size_t i = 0; i < n; i++) {
        double a = 2 * M_PI * ((double)i + uniform(0, 0.7)) / (double)n, r = radius_deg * uniform(0.3, 1);
        points[i] = (struct point){centre.lon_deg + r * stretch * cos(a), centre.lat_deg + r * sin(a)};
    }
    points[n] = points[0];
    return n + 1;
}

static double worst_mm;

static void compare(const struct point *ring, size_t count, struct fence_shape s, struct point p)
{
    double truth = HUGE_VAL;
    for (size_t i = 0; i + 1 < count; i++)
        truth = fmin(truth, sampled(p, ring[i], ring[i + 1]));
    double got = fence_metres(s, p);
    ck_assert_msg((got <= 0) == fence_covers(s, p), "sign disagrees with membership");
    worst_mm = fmax(worst_mm, fabs(fabs(got) - truth) * 1000);
    ck_assert_msg(fabs(fabs(got) - truth) <= 0.01, "point %.9f %.9f: got %.6f, sampling says %.6f", p.lon_deg, p.lat_deg,
                  got, truth);
}

static void round_of(double lat_limit, double min_radius_deg, double max_radius_deg, double reach_deg, int rings, int points)
{
    struct point ring[40];
    char error[200];
    for (int i = 0; i < rings;) {
        struct point centre = {uniform(95, 141), uniform(-lat_limit, lat_limit)};
        double radius = exp(uniform(log(min_radius_deg), log(max_radius_deg)));
        size_t n = random_ring(centre, radius, ring, 16);
        struct polygon polygon = {&(struct ring){ring, n}, 1};
        struct buf out;
        buf_init(&out, 4096);
        if (fence_polygons(&polygon, 1, &out, error, sizeof error)) {
            i++;
            for (int k = 0; k < points; k++) {
                double away = k % 3 == 0 ? radius : k % 3 == 1 ? radius * 2 : reach_deg;
                double lat = fmax(-90, fmin(90, centre.lat_deg + uniform(-away, away)));
                double stretch = 1 / fmax(0.05, cos(centre.lat_deg * M_PI / 180));
                struct point p = {centre.lon_deg + uniform(-away, away) * stretch, lat};
                p.lon_deg = remainder(p.lon_deg, 360);
                compare(ring, n, (struct fence_shape){out.data, out.len, NULL}, p);
            }
        }
        buf_fini(&out);
    }
}

START_TEST(offices_and_regencies_in_indonesia)
{
    worst_mm = 0;
    round_of(11, 1e-4, 1e-2, 0.5, 30, 6);
    round_of(11, 1e-2, 1.5, 1.4, 15, 6);
    printf("worst difference %.4f mm\n", worst_mm);
}
END_TEST

START_TEST(up_to_latitude_85)
{
    worst_mm = 0;
    round_of(83, 1e-3, 1.5, 1.2, 25, 6);
    printf("worst difference %.4f mm\n", worst_mm);
}
END_TEST

/* A first solver ran out of steps on edges of tens of kilometres and was 4 mm off 19 m beside one. */
START_TEST(long_edges_give_their_foot_to_a_hundredth_of_a_millimetre)
{
    worst_mm = 0;
    for (int i = 0; i < 400; i++) {
        struct point a = {uniform(95, 141), uniform(-11, 6)};
        struct point b = {a.lon_deg + uniform(-0.4, 0.4), a.lat_deg + uniform(-0.4, 0.4)};
        struct point ring[] = {a, b, {a.lon_deg + 1, a.lat_deg + 1.5}, a};
        struct polygon polygon = {&(struct ring){ring, 4}, 1};
        struct buf out;
        char error[200];
        buf_init(&out, 4096);
        ck_assert(fence_polygons(&polygon, 1, &out, error, sizeof error));
        double away = exp(uniform(log(1e-8), log(0.01)));
        struct point p = between(a, b, uniform(0.05, 0.95));
        p.lon_deg += uniform(-away, away);
        p.lat_deg += uniform(-away, away);
        compare(ring, 4, (struct fence_shape){out.data, out.len, NULL}, p);
        buf_fini(&out);
    }
    ck_assert_double_lt(worst_mm, 0.01);
}
END_TEST

/* Three rings of hundreds of vertices, with runs that begin at a ring's end; points on vertices, at their latitudes, on edges
 * and around. */
START_TEST(boxes_of_runs_change_no_answer)
{
    static struct point rings[3][500];
    static struct box runs[FENCE_RUNS_MAX];
    for (int round = 0; round < 60; round++) {
        struct point middle = {uniform(95, 141), uniform(-11, 6)};
        double radius = exp(uniform(log(1e-4), log(0.5)));
        struct ring said[3];
        for (int k = 0; k < 3; k++) { /* a shell, its hole, another shell in the hole */
            size_t n = 3 + (size_t)uniform(0, 490);
            for (size_t i = 0; i < n; i++) {
                double a = 2 * M_PI * (double)i / (double)n, r = radius / (1 << (2 * k)) * uniform(0.9, 1);
                r *= n < 12 && k == 0 ? 2 : 1; /* so that a triangle still holds its hole */
                rings[k][i] = (struct point){middle.lon_deg + r * cos(a), middle.lat_deg + r * sin(a)};
            }
            rings[k][n] = rings[k][0];
            said[k] = (struct ring){rings[k], n + 1};
        }
        const struct polygon polygons[] = {{said, 2}, {said + 2, 1}};
        struct buf out;
        char error[200];
        buf_init(&out, 1 << 17);
        ck_assert_msg(fence_polygons(polygons, 2, &out, error, sizeof error), "%s", error);
        struct fence_shape plain = {out.data, out.len, NULL}, boxed = {out.data, out.len, runs};
        ck_assert_uint_le(fence_runs(plain, NULL), FENCE_RUNS_MAX);
        memset(runs, 0xff, sizeof runs);
        fence_runs(plain, runs);
        for (int i = 0; i < 400; i++) {
            const struct ring *r = &said[i % 3];
            size_t at = (size_t)uniform(0, (double)r->count - 1);
            struct point p = i % 8 < 2 ? r->points[at] : between(r->points[at], r->points[at + 1], uniform(0, 1));
            if (i % 8 >= 3)
                p.lon_deg = middle.lon_deg + uniform(-1.2, 1.2) * radius;
            if (i % 8 >= 6)
                p.lat_deg = middle.lat_deg + uniform(-1.2, 1.2) * radius;
            ck_assert_int_eq(fence_covers(plain, p), fence_covers(boxed, p));
            ck_assert(fence_metres(plain, p) == fence_metres(boxed, p));
        }
        buf_fini(&out);
    }
}
END_TEST

START_TEST(edges_of_many_degrees_stay_straight_in_degrees)
{
    const struct point ring[] = {{100, 60}, {130, 60}, {130, 62}, {100, 62}, {100, 60}};
    struct polygon polygon = {&(struct ring){ring, 5}, 1};
    struct buf out;
    char error[200];
    buf_init(&out, 4096);
    ck_assert(fence_polygons(&polygon, 1, &out, error, sizeof error));
    struct fence_shape s = {out.data, out.len, NULL};
    /* the geodesic from 100 to 130 E bulges a degree and more north: the straight edge does not */
    ck_assert(fence_covers(s, (struct point){115, 60.1}));
    const struct point points[] = {{115, 60.1}, {115, 59}, {115, 61.2}, {98, 61}, {131, 63}, {115, 60}, {129.99, 61.3}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        compare(ring, 5, s, points[i]);
    buf_fini(&out);
}
END_TEST

START_TEST(points_on_and_beside_the_edge)
{
    const struct point ring[] = {{120, -3}, {120.01, -3.002}, {120.012, -2.99}, {119.999, -2.991}, {120, -3}};
    struct polygon polygon = {&(struct ring){ring, 5}, 1};
    struct buf out;
    char error[200];
    buf_init(&out, 4096);
    ck_assert(fence_polygons(&polygon, 1, &out, error, sizeof error));
    struct fence_shape s = {out.data, out.len, NULL};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_double_eq(fence_metres(s, ring[i]), 0);
        ck_assert_double_lt(fabs(fence_metres(s, between(ring[i], ring[i + 1], 0.37))), 1e-5);
        struct point p = between(ring[i], ring[i + 1], 0.5);
        p.lat_deg += 1e-8;
        compare(ring, 5, s, p);
    }
    buf_fini(&out);
}
END_TEST

START_TEST(the_antimeridian_is_no_wall_for_points)
{
    const struct point ring[] = {{179.9, -1}, {180, -1}, {180, 1}, {179.9, 1}, {179.9, -1}};
    struct polygon polygon = {&(struct ring){ring, 5}, 1};
    struct buf out;
    char error[200];
    buf_init(&out, 4096);
    ck_assert(fence_polygons(&polygon, 1, &out, error, sizeof error));
    compare(ring, 5, (struct fence_shape){out.data, out.len, NULL}, (struct point){-179.95, 0.3});
    ck_assert_double_lt(fence_metres((struct fence_shape){out.data, out.len, NULL}, (struct point){-179.95, 0.3}), 5600);
    /* another place beyond it is nearer than the one on this side */
    const struct point beyond[] = {{-180, -1}, {-179.9, -1}, {-179.9, 1}, {-180, 1}, {-180, -1}};
    const struct point here[] = {{179.5, -1}, {179.6, -1}, {179.6, 1}, {179.5, 1}, {179.5, -1}};
    const struct polygon both[] = {{&(struct ring){here, 5}, 1}, {&(struct ring){beyond, 5}, 1}};
    buf_clear(&out);
    ck_assert(fence_polygons(both, 2, &out, error, sizeof error));
    ck_assert_double_lt(fence_metres((struct fence_shape){out.data, out.len, NULL}, (struct point){179.97, 0.3}), 3400);
    buf_fini(&out);
}
END_TEST

static void setup(void) __attribute__((constructor));
static void setup(void)
{
    geod_init(&wgs84, 6378137, 1 / 298.257223563);
}

UNIT_MAIN("geo/metres", offices_and_regencies_in_indonesia, up_to_latitude_85,
          long_edges_give_their_foot_to_a_hundredth_of_a_millimetre,
          boxes_of_runs_change_no_answer, edges_of_many_degrees_stay_straight_in_degrees, points_on_and_beside_the_edge,
          the_antimeridian_is_no_wall_for_points)
