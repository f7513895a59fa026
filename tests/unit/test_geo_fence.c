/* Shapes: what builders refuse and how they say it, exact membership, tolerance, malformed bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fence.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static char error[300];

static bool build_rings(const struct ring *rings, size_t count, struct buf *out)
{
    struct polygon p = {rings, count};
    error[0] = 0;
    return fence_polygons(&p, 1, out, error, sizeof error);
}

static bool build(const struct point *points, size_t count, struct buf *out)
{
    struct ring r = {points, count};
    return build_rings(&r, 1, out);
}

static struct fence_shape shape_of(const struct buf *b)
{
    return (struct fence_shape){b->data, b->len, NULL};
}

static void expect_refused(const struct polygon *polygons, size_t count, const char *reason)
{
    struct buf out;
    buf_init(&out, 1 << 22);
    error[0] = 0;
    ck_assert(!fence_polygons(polygons, count, &out, error, sizeof error));
    ck_assert_msg(strstr(error, reason) != NULL, "reason \"%s\" lacks \"%s\"", error, reason);
    ck_assert_uint_eq(out.len, 0);
    buf_fini(&out);
}

static void expect_ring_refused(const struct point *points, size_t count, const char *reason)
{
    struct ring r = {points, count};
    struct polygon p = {&r, 1};
    expect_refused(&p, 1, reason);
}

static const struct point square[] = {{120, -3}, {121, -3}, {121, -2}, {120, -2}, {120, -3}};
static const struct point square_hole[] = {{120.25, -2.75}, {120.75, -2.75}, {120.75, -2.25}, {120.25, -2.25},
                                           {120.25, -2.75}};

START_TEST(rings_with_bad_numbers_are_refused_by_place)
{
    struct point p[5];
    memcpy(p, square, sizeof p);
    p[2].lat_deg = NAN;
    expect_ring_refused(p, 5, "polygon 1, ring 1, vertex 3: not a finite number");
    p[2].lat_deg = INFINITY;
    expect_ring_refused(p, 5, "vertex 3: not a finite number");
    p[2].lat_deg = 85.0000001;
    expect_ring_refused(p, 5, "vertex 3: beyond longitude 180 or latitude 85");
    p[2] = (struct point){-180.5, -2};
    expect_ring_refused(p, 5, "vertex 3: beyond longitude 180");
    p[2] = (struct point){-179, -2};
    expect_ring_refused(p, 5, "vertex 3: the edge to it crosses the antimeridian");
    memcpy(p, square, sizeof p);
    p[4].lon_deg = 120.0000001;
    expect_ring_refused(p, 5, "ring 1: is open");
    expect_ring_refused(square, 3, "has 3 points, needs at least 4");
    const struct point repeats[] = {{1, 1}, {1, 1}, {2, 2}, {1, 1}};
    expect_ring_refused(repeats, 4, "fewer than 3 different points");
    expect_refused(NULL, 0, "no polygon");
    struct polygon empty = {NULL, 0};
    expect_refused(&empty, 1, "polygon 1: has no ring");
}
END_TEST

START_TEST(rings_that_meet_themselves_are_refused)
{
    const struct point bow[] = {{0, 0}, {2, 2}, {2, 0}, {0, 2}, {0, 0}};
    expect_ring_refused(bow, COUNT(bow), "intersects itself: edge after vertex 1 and edge after vertex 3");
    const struct point spike[] = {{0, 0}, {2, 0}, {2, 2}, {2, 4}, {2, 2}, {0, 2}, {0, 0}};
    expect_ring_refused(spike, COUNT(spike), "itself");
    const struct point flat[] = {{0, 0}, {1, 1}, {2, 2}, {0, 0}};
    expect_ring_refused(flat, COUNT(flat), "intersects itself");
    const struct point pinched[] = {{0, 0}, {2, 0}, {1, 1}, {2, 2}, {0, 2}, {1, 1}, {0, 0}};
    expect_ring_refused(pinched, COUNT(pinched), "touches itself");
    const struct point corner_on_edge[] = {{0, 0}, {4, 0}, {4, 4}, {2, 0}, {0, 4}, {0, 0}};
    expect_ring_refused(corner_on_edge, COUNT(corner_on_edge), "touches itself");
    /* crosses by less than any rounding would show */
    const struct point thin[] = {{0, 0}, {1, 0}, {1, 1}, {0.5, -1e-300}, {0, 1}, {0, 0}};
    expect_ring_refused(thin, COUNT(thin), "intersects itself");
    const struct point thin_ok[] = {{0, 0}, {1, 0}, {1, 1}, {0.5, 1e-300}, {0, 1}, {0, 0}};
    struct buf out;
    buf_init(&out, 4096);
    ck_assert_msg(build(thin_ok, COUNT(thin_ok), &out), "%s", error);
    buf_fini(&out);
}
END_TEST

START_TEST(holes_must_lie_in_their_shell)
{
    const struct point outside[] = {{130, -3}, {131, -3}, {131, -2}, {130, -3}};
    const struct point crossing[] = {{120.5, -2.5}, {121.5, -2.5}, {120.5, -2.4}, {120.5, -2.5}};
    const struct point through_corner[] = {{120.5, -2.5}, {121, -2}, {121.5, -1.5}, {121.5, -1.4}, {121, -2}, {120.4, -2.4},
                                           {120.5, -2.5}};
    const struct point through_corner_once[] = {{120.5, -2.5}, {121, -2}, {122, -1.9}, {122, -1}, {120, -1}, {120.5, -2.5}};
    const struct point shared_edge[] = {{120, -3}, {120.5, -3}, {120.5, -2.5}, {120, -3}};
    const struct point inner[] = {{120.4, -2.6}, {120.6, -2.6}, {120.5, -2.4}, {120.4, -2.6}};
    const struct point touching[] = {{120, -3}, {120.5, -2.6}, {120.5, -2.5}, {120, -3}};
    struct ring r[3] = {{square, 5}, {outside, COUNT(outside)}, {inner, COUNT(inner)}};
    struct polygon p = {r, 2};
    expect_refused(&p, 1, "polygon 1, ring 2: the hole lies outside its shell, polygon 1, ring 1");
    r[1] = (struct ring){crossing, COUNT(crossing)};
    expect_refused(&p, 1, "crosses another ring");
    r[1] = (struct ring){through_corner, COUNT(through_corner)};
    expect_refused(&p, 1, "crosses another ring");
    r[1] = (struct ring){through_corner_once, COUNT(through_corner_once)};
    expect_refused(&p, 1, "crosses another ring");
    r[1] = (struct ring){shared_edge, COUNT(shared_edge)};
    expect_refused(&p, 1, "runs along another ring");
    r[1] = (struct ring){square, 5};
    expect_refused(&p, 1, "runs along another ring");
    r[1] = (struct ring){square_hole, 5};
    p.count = 3;
    expect_refused(&p, 1, "polygon 1, ring 3: the hole lies inside the hole polygon 1, ring 2");
    struct buf out;
    buf_init(&out, 4096);
    r[1] = (struct ring){touching, COUNT(touching)};
    ck_assert_msg(build_rings(r, 2, &out), "a hole may touch its shell at a point: %s", error);
    buf_fini(&out);
}
END_TEST

START_TEST(polygons_may_touch_but_not_overlap)
{
    const struct point corner[] = {{121, -2}, {122, -2}, {122, -1}, {121, -1}, {121, -2}};
    const struct point beside[] = {{121, -3}, {122, -3}, {122, -2}, {121, -2}, {121, -3}};
    const struct point overlapping[] = {{120.5, -2.5}, {122, -2.5}, {122, -1}, {120.5, -1}, {120.5, -2.5}};
    const struct point island[] = {{120.4, -2.6}, {120.6, -2.6}, {120.5, -2.4}, {120.4, -2.6}};
    struct ring first[2] = {{square, 5}, {square_hole, 5}}, second = {corner, 5};
    struct polygon p[2] = {{first, 1}, {&second, 1}};
    struct buf out;
    buf_init(&out, 4096);
    ck_assert_msg(fence_polygons(p, 2, &out, error, sizeof error), "%s", error);
    ck_assert(fence_shape_valid(shape_of(&out)));
    ck_assert(fence_covers(shape_of(&out), (struct point){121, -2}));
    ck_assert(fence_covers(shape_of(&out), (struct point){121.5, -1.5}));
    ck_assert(!fence_covers(shape_of(&out), (struct point){121.5, -2.5}));
    second = (struct ring){beside, 5};
    expect_refused(p, 2, "runs along another ring");
    second = (struct ring){overlapping, 5};
    expect_refused(p, 2, "crosses another ring");
    second = (struct ring){island, COUNT(island)};
    expect_refused(p, 2, "polygon 2, ring 1: lies inside polygon 1, ring 1");
    p[0].count = 2; /* an island in the hole is fine */
    buf_clear(&out);
    ck_assert_msg(fence_polygons(p, 2, &out, error, sizeof error), "%s", error);
    ck_assert(fence_covers(shape_of(&out), (struct point){120.5, -2.5}));
    ck_assert(!fence_covers(shape_of(&out), (struct point){120.3, -2.3}));
    ck_assert(fence_covers(shape_of(&out), (struct point){120.1, -2.1}));
    buf_fini(&out);
}
END_TEST

START_TEST(membership_is_exact_and_the_boundary_is_inside)
{
    struct ring r[2] = {{square, 5}, {square_hole, 5}};
    struct buf out;
    buf_init(&out, 4096);
    ck_assert(build_rings(r, 2, &out));
    struct fence_shape s = shape_of(&out);
    ck_assert(fence_covers(s, (struct point){120, -3}));
    ck_assert(fence_covers(s, (struct point){121, -2.5}));
    ck_assert(fence_covers(s, (struct point){120.5, -3}));
    ck_assert(fence_covers(s, (struct point){120.5, -2}));
    ck_assert(!fence_covers(s, (struct point){nextafter(121, 200), -2.5}));
    ck_assert(!fence_covers(s, (struct point){120.5, nextafter(-3, -4)}));
    ck_assert_msg(fence_covers(s, (struct point){120.25, -2.5}), "a hole's edge belongs to the polygon");
    ck_assert(!fence_covers(s, (struct point){120.5, -2.5}));
    buf_clear(&out);
    /* the middle vertex is a peak, then a valley, on the ray from the point */
    const struct point teeth[] = {{0, 0}, {4, 0}, {4, 2}, {3, 1}, {2, 2}, {1, 1}, {0, 2}, {0, 0}};
    ck_assert(build(teeth, COUNT(teeth), &out));
    s = shape_of(&out);
    ck_assert(fence_covers(s, (struct point){0.5, 1}));
    ck_assert(fence_covers(s, (struct point){1, 1}));
    ck_assert(fence_covers(s, (struct point){2, 2}));
    ck_assert(!fence_covers(s, (struct point){1, 2}));
    ck_assert(!fence_covers(s, (struct point){-1, 1}));
    ck_assert(!fence_covers(s, (struct point){-1, 2}));
    buf_clear(&out);
    /* 0.1 and 0.3 on the line y = x/3 only as rounding wants it: orientation decides without it */
    const struct point slant[] = {{0, 0}, {3, 1}, {0, 1}, {0, 0}};
    ck_assert(build(slant, COUNT(slant), &out));
    s = shape_of(&out);
    double third = 1.0 / 3.0; /* slightly below the line: outside */
    ck_assert(!fence_covers(s, (struct point){1, third}));
    ck_assert(fence_covers(s, (struct point){1, nextafter(third, 1)}));
    ck_assert(fence_covers(s, (struct point){1.5, 0.5}));
    buf_fini(&out);
}
END_TEST

START_TEST(circles_have_their_limits)
{
    struct buf out;
    buf_init(&out, 4096);
    const struct point office = {120.32, -2.55};
    ck_assert(!fence_circle((struct point){NAN, 0}, 100, &out, error, sizeof error));
    ck_assert(!fence_circle(office, NAN, &out, error, sizeof error));
    ck_assert(!fence_circle(office, 0, &out, error, sizeof error));
    ck_assert(!fence_circle(office, -5, &out, error, sizeof error));
    ck_assert(!fence_circle(office, 200001, &out, error, sizeof error));
    ck_assert(strstr(error, "radius") != NULL);
    ck_assert(!fence_circle((struct point){0, 84.9}, 50000, &out, error, sizeof error));
    ck_assert(strstr(error, "beyond latitude 85") != NULL);
    ck_assert(!fence_circle((struct point){179.9, 0}, 50000, &out, error, sizeof error));
    ck_assert(strstr(error, "antimeridian") != NULL);
    ck_assert_uint_eq(out.len, 0);
    ck_assert(fence_circle(office, 100, &out, error, sizeof error));
    struct fence_shape s = shape_of(&out);
    ck_assert(fence_shape_valid(s));
    ck_assert(fence_covers(s, office));
    /* 100 m north on the ellipsoid at 2.55° S is 0.00090437°; a degree of latitude is 110,576 m there */
    ck_assert(fence_covers(s, (struct point){120.32, -2.55 + 99.9 / 110576.2}));
    ck_assert(!fence_covers(s, (struct point){120.32, -2.55 + 100.1 / 110576.2}));
    ck_assert_double_eq_tol(fence_metres(s, office), -100, 1e-9);
    struct box b = fence_box(s);
    ck_assert(b.min_lat < -2.55 - 100 / 110577.0 && b.max_lon > 120.32 + 100 / 111212.0);
    ck_assert(b.min_lat > -2.55 - 101 / 110577.0 && b.max_lon < 120.32 + 101 / 111212.0);
    buf_fini(&out);
}
END_TEST

START_TEST(uncertain_is_within_the_smaller_of_accuracy_and_cap)
{
    ck_assert_int_eq(fence_relate(-30, true, 29.9, 100), RELATION_INSIDE);
    ck_assert_int_eq(fence_relate(-30, true, 30, 100), RELATION_UNCERTAIN);
    ck_assert_int_eq(fence_relate(30, true, 30, 100), RELATION_UNCERTAIN);
    ck_assert_int_eq(fence_relate(30.1, true, 30, 100), RELATION_OUTSIDE);
    ck_assert_int_eq(fence_relate(100, true, 5000, 100), RELATION_UNCERTAIN);
    ck_assert_int_eq(fence_relate(100.01, true, 5000, 100), RELATION_OUTSIDE);
    ck_assert_int_eq(fence_relate(-1, false, 5000, 100), RELATION_INSIDE);
    ck_assert_int_eq(fence_relate(0, false, 0, 100), RELATION_INSIDE);
    ck_assert_int_eq(fence_relate(1e-9, false, 0, 100), RELATION_OUTSIDE);
}
END_TEST

START_TEST(repeated_points_are_dropped_and_equal_shapes_have_equal_bytes)
{
    const struct point doubled[] = {{120, -3}, {120, -3}, {121, -3}, {121, -2}, {121, -2}, {120, -2}, {120, -3}, {120, -3}};
    struct buf a, b;
    buf_init(&a, 4096);
    buf_init(&b, 4096);
    ck_assert(build(square, 5, &a));
    ck_assert(build(doubled, COUNT(doubled), &b));
    ck_assert_uint_eq(a.len, b.len);
    ck_assert_mem_eq(a.data, b.data, a.len);
    buf_fini(&a);
    buf_fini(&b);
}
END_TEST

/* Every byte of a shape is either checked or free to be any number in range: flipping bits never reads out of bounds
 * (sanitizers watch) and what is accepted answers. */
START_TEST(malformed_bytes_are_refused_or_harmless)
{
    struct ring r[2] = {{square, 5}, {square_hole, 5}};
    struct buf out;
    buf_init(&out, 4096);
    ck_assert(build_rings(r, 2, &out));
    for (size_t len = 0; len < out.len; len++) {
        uint8_t *cut = malloc(len > 0 ? len : 1);
        memcpy(cut, out.data, len);
        ck_assert(!fence_shape_valid((struct fence_shape){cut, len, NULL}));
        free(cut);
    }
    unsigned accepted = 0;
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        uint8_t *copy = malloc(out.len);
        memcpy(copy, out.data, out.len);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct fence_shape s = {copy, out.len, NULL};
        if (fence_shape_valid(s)) {
            accepted++;
            ck_assert(bit / 8 >= 64); /* nothing in the header or the ring table may change */
            ck_assert(isfinite(fence_metres(s, (struct point){120.5, -2.4})));
        }
        free(copy);
    }
    ck_assert_uint_lt(accepted, (unsigned)(out.len - 64) * 8);
    ck_assert(!fence_shape_valid((struct fence_shape){NULL, 0, NULL}));
    buf_fini(&out);
}
END_TEST

/* A star of 20,000 vertices, as an import may bring. */
static struct point *star(size_t n)
{
    struct point *p = calloc(n, sizeof *p);
    for (size_t i = 0; i + 1 < n; i++) {
        double a = 2 * M_PI * (double)i / (double)(n - 1), radius = i % 2 == 0 ? 0.5 : 0.499;
        p[i] = (struct point){120 + radius * cos(a), -2 + radius * sin(a)};
    }
    p[n - 1] = p[0];
    return p;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

START_TEST(the_largest_fence_is_checked_quickly)
{
    struct point *p = star(FENCE_VERTICES_MAX);
    struct buf out;
    buf_init(&out, 1 << 20);
    double start = seconds();
    ck_assert_msg(build(p, FENCE_VERTICES_MAX, &out), "%s", error);
    ck_assert(fence_covers(shape_of(&out), (struct point){120, -2}));
    /* processor time, under sanitizers; comparing every pair would take minutes */
    ck_assert_msg(seconds() - start < 20, "took %.1f s", seconds() - start);
    buf_clear(&out);
    /* one tooth far from the start that reaches over to the other side is found and named */
    p[15000] = (struct point){120, -1.4};
    ck_assert(!build(p, FENCE_VERTICES_MAX, &out));
    ck_assert_msg(strstr(error, "vertex 15000") != NULL || strstr(error, "vertex 15001") != NULL, "%s", error);
    free(p);
    p = star(FENCE_VERTICES_MAX + 1);
    ck_assert(!build(p, FENCE_VERTICES_MAX + 1, &out));
    ck_assert(strstr(error, "more than 20000 vertices") != NULL);
    free(p);
    buf_fini(&out);
}
END_TEST

UNIT_MAIN("geo/fence", rings_with_bad_numbers_are_refused_by_place, rings_that_meet_themselves_are_refused,
          holes_must_lie_in_their_shell, polygons_may_touch_but_not_overlap,
          membership_is_exact_and_the_boundary_is_inside, circles_have_their_limits,
          uncertain_is_within_the_smaller_of_accuracy_and_cap,
          repeated_points_are_dropped_and_equal_shapes_have_equal_bytes, malformed_bytes_are_refused_or_harmless,
          the_largest_fence_is_checked_quickly)
