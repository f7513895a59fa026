/* Shapes and the index when memory is refused, at every request: told, and nothing half built; and what is refused at the
 * edges: of the world, of sizes, of rings that touch. */
#include <math.h>
#include <string.h>

#include "failing.h"
#include "fence.h"
#include "unit.h"

static const struct point shell[] = {{120, -3}, {121, -3}, {121, -2}, {120, -2}, {120, -3}};
static const struct point hole[] = {{120.25, -2.75}, {120.75, -2.75}, {120.75, -2.25}, {120.25, -2.25}, {120.25, -2.75}};
static const struct ring rings[] = {{shell, 5}, {hole, 5}};
static const struct polygon polygon = {rings, 2};

START_TEST(a_polygon_is_built_whole_or_not_at_all)
{
    char error[300] = "";
    struct buf out;
    long n = 0;
    bool ok = false;
    for (; failing_from(n, false); n++) {
        buf_init(&out, 1 << 20);
        error[0] = '\0';
        ok = fence_polygons(&polygon, 1, &out, error, sizeof error);
        failing_stop();
        ck_assert(ok ? fence_shape_valid((struct fence_shape){out.data, out.len, NULL}) : strstr(error, "out of memory") != NULL && out.len == 0);
        buf_fini(&out);
    }
    ck_assert(ok && n > 5);
    for (size_t max = 0; max < 60; max++) { /* a circle into a buffer that is too small */
        buf_init(&out, max);
        error[0] = '\0';
        ok = fence_circle(shell[0], 100, &out, error, sizeof error);
        ck_assert(ok == (error[0] == '\0') && (ok || out.len == 0 || out.failed));
        buf_fini(&out);
    }
}
END_TEST

START_TEST(an_index_is_built_whole_or_not_at_all)
{
    struct box boxes[40];
    struct buf out;
    long n = 0;
    bool ok = false;
    for (int i = 0; i < 40; i++)
        boxes[i] = (struct box){100 + i, -i / 2.0, 100.5 + i, 0.5 - i / 2.0};
    for (; failing_from(n, false); n++) {
        buf_init(&out, 1 << 20);
        ok = index_build(boxes, 40, &out);
        failing_stop();
        ck_assert(!ok || (index_valid(out.data, out.len) && index_count(out.data) == 40));
        buf_fini(&out);
    }
    ck_assert(ok && n > 3);
    buf_init(&out, 16); /* no room */
    ck_assert(!index_build(boxes, 40, &out));
    buf_fini(&out);
    const double odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 4; k++) {
            struct box b = boxes[0];
            *(k == 0 ? &b.min_lon : k == 1 ? &b.min_lat : k == 2 ? &b.max_lon : &b.max_lat) = odd[i];
            buf_init(&out, 1 << 20);
            ck_assert(!index_build(&b, 1, &out));
            buf_fini(&out);
        }
    buf_init(&out, 1 << 20);
    ck_assert(!index_build(&(struct box){2, 0, 1, 1}, 1, &out) && !index_build(&(struct box){0, 2, 1, 1}, 1, &out));
    const struct box same[] = {{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}};
    ck_assert(index_build(same, 3, &out) && index_valid(out.data, out.len) && !index_valid(NULL, 0));
    buf_fini(&out);
}
END_TEST

START_TEST(a_coordinate_system_opens_or_says_why)
{
    char error[300] = "";
    struct crs *c = NULL;
    for (long n = 0; failing_from(n, false); n++) {
        error[0] = '\0';
        c = crs_new("EPSG:32750", error, sizeof error);
        failing_stop();
        ck_assert((c == NULL) == (error[0] != '\0'));
        crs_free(c);
    }
}
END_TEST

#define NO_CIRCLE(lon, lat, radius)                                                                                  \
    do {                                                                                                             \
        buf_init(&out, 1000);                                                                                        \
        error[0] = '\0';                                                                                             \
        ck_assert(!fence_circle((struct point){lon, lat}, radius, &out, error, sizeof error) && error[0] != '\0');   \
        buf_fini(&out);                                                                                              \
    } while (0)

START_TEST(circles_at_the_edge_of_the_world_are_refused)
{
    char error[200];
    struct buf out;
    NO_CIRCLE(NAN, 0, 10);
    NO_CIRCLE(0, NAN, 10);
    NO_CIRCLE(0, 0, NAN);
    NO_CIRCLE(0, 0, 0);
    NO_CIRCLE(0, 0, 200001);
    NO_CIRCLE(180.5, 0, 10);
    NO_CIRCLE(0, 85.5, 10);
    NO_CIRCLE(0, 84.9, 100000);
    NO_CIRCLE(0, -84.9, 100000);
    NO_CIRCLE(179.9, 0, 100000);
    NO_CIRCLE(-179.9, 0, 100000);
    static const double odd[] = {NAN, INFINITY, 1e9, -1e9};
    buf_init(&out, 1000);
    ck_assert(fence_circle((struct point){120, -2}, 10, &out, error, sizeof error));
    for (size_t at = 0; at + 8 <= out.len; at += 8)
        for (size_t i = 0; i < 4; i++) {
            double kept;
            memcpy(&kept, out.data + at, 8);
            memcpy(out.data + at, &odd[i], 8);
            ck_assert_msg(!fence_shape_valid((struct fence_shape){out.data, out.len, NULL}) || at == 0, "byte %zu", at);
            memcpy(out.data + at, &kept, 8);
        }
    buf_fini(&out);
}
END_TEST

static bool built(const struct polygon *polygons, size_t count, char error[300])
{
    struct buf out;
    buf_init(&out, 4u << 20);
    error[0] = '\0';
    bool ok = fence_polygons(polygons, count, &out, error, 300);
    ck_assert(ok == (error[0] == '\0') && (!ok || fence_shape_valid((struct fence_shape){out.data, out.len, NULL})));
    buf_fini(&out);
    return ok;
}

START_TEST(more_than_a_fence_may_have_is_refused)
{
    static struct point circle[12001];
    static struct ring many[501];
    char error[300];
    for (int i = 0; i < 12000; i++)
        circle[i] = (struct point){120 + cos(i * 2 * M_PI / 12000), sin(i * 2 * M_PI / 12000)};
    circle[12000] = circle[0];
    const struct ring two[] = {{circle, 12001}, {circle, 12001}}, huge = {circle, 20001};
    const struct polygon both = {two, 2}, one = {&huge, 1};
    ck_assert(!built(&both, 1, error) && !built(&one, 1, error));
    for (size_t i = 0; i < 501; i++)
        many[i] = rings[0];
    const struct polygon rich = {many, 501}, poor = {many, 0};
    ck_assert(!built(&rich, 1, error) && !built(&poor, 1, error) && !built(&poor, 0, error));
    struct point bad[5];
    memcpy(bad, shell, sizeof bad);
    const struct ring ring = {bad, 5};
    const struct polygon p = {&ring, 1};
    bad[1].lon_deg = NAN;
    ck_assert(!built(&p, 1, error));
    bad[1].lon_deg = 120;
    bad[1].lat_deg = -INFINITY;
    ck_assert(!built(&p, 1, error));
}
END_TEST

/* Rings that touch in every way that decides nothing by a vertex alone. */
START_TEST(rings_that_touch_are_told_from_rings_that_overlap)
{
    static const struct point square[] = {{0, 0}, {4, 0}, {4, 4}, {0, 4}, {0, 0}};
    static const struct point diamond[] = {{2, 0}, {4, 2}, {2, 4}, {0, 2}, {2, 0}};     /* every vertex on the square */
    static const struct point beside[] = {{4, 0}, {8, 0}, {8, 4}, {4, 4}, {4, 0}};      /* shares an edge */
    static const struct point corner[] = {{4, 4}, {6, 4}, {6, 6}, {4, 6}, {4, 4}};      /* shares a vertex */
    static const struct point spike[] = {{2, 2}, {6, 3}, {6, 1}, {2, 2}};               /* crosses */
    static const struct point tip[] = {{4, 2}, {6, 3}, {6, 1}, {4, 2}};                 /* touches an edge from without */
    static const struct point inner[] = {{1, 1}, {3, 1}, {3, 3}, {1, 3}, {1, 1}};
    static const struct point core[] = {{1.5, 1.5}, {2.5, 1.5}, {2.5, 2.5}, {1.5, 2.5}, {1.5, 1.5}};
    static const struct point wedge[] = {{0, 0}, {3, 1}, {1, 3}, {0, 0}};               /* from the square's corner inwards */
    static const struct point notch[] = {{0, 0}, {4, 0}, {2, 2}, {4, 4}, {0, 4}, {0, 0}};
    static const struct point in_notch[] = {{2, 2}, {4, 1}, {4, 3}, {2, 2}};
    static const struct {
        struct ring a, b, c;
        bool as_polygons, good;
    } cases[] = {
        {{square, 5}, {diamond, 5}, {0}, false, true}, {{square, 5}, {diamond, 5}, {0}, true, false},
        {{diamond, 5}, {square, 5}, {0}, true, false}, {{diamond, 5}, {square, 5}, {0}, false, false},
        {{square, 5}, {beside, 5}, {0}, true, false},  {{square, 5}, {beside, 5}, {0}, false, false},
        {{square, 5}, {corner, 5}, {0}, true, true},   {{square, 5}, {corner, 5}, {0}, false, false},
        {{square, 5}, {spike, 4}, {0}, true, false},   {{square, 5}, {spike, 4}, {0}, false, false},
        {{square, 5}, {tip, 4}, {0}, true, true},      {{square, 5}, {tip, 4}, {0}, false, false},
        {{square, 5}, {inner, 5}, {0}, true, false},   {{square, 5}, {inner, 5}, {0}, false, true},
        {{square, 5}, {inner, 5}, {core, 5}, false, false}, {{square, 5}, {core, 5}, {inner, 5}, false, false},
        {{square, 5}, {square, 5}, {0}, true, false},  {{square, 5}, {square, 5}, {0}, false, false},
        {{square, 5}, {wedge, 4}, {0}, false, true},   {{square, 5}, {wedge, 4}, {0}, true, false},
        {{notch, 6}, {in_notch, 4}, {0}, true, true},  {{notch, 6}, {in_notch, 4}, {0}, false, false},
        {{in_notch, 4}, {notch, 6}, {0}, true, true},  {{square, 5}, {diamond, 5}, {inner, 5}, false, false},
    };
    char error[300];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ring all[] = {cases[i].a, cases[i].b, cases[i].c};
        size_t n = cases[i].c.points != NULL ? 3 : 2;
        const struct polygon whole = {all, n}, apart[] = {{&all[0], 1}, {&all[1], 1}, {&all[2], 1}};
        bool good = built(cases[i].as_polygons ? apart : &whole, cases[i].as_polygons ? n : 1, error);
        ck_assert_msg(good == cases[i].good, "case %zu: %s", i, error);
    }
    const struct ring with_hole[] = {{square, 5}, {inner, 5}};
    const struct ring island = {core, 5};
    const struct polygon in_the_hole[] = {{with_hole, 2}, {&island, 1}}, other_order[] = {{&island, 1}, {with_hole, 2}};
    ck_assert_msg(built(in_the_hole, 2, error) && built(other_order, 2, error), "%s", error);
}
END_TEST

UNIT_MAIN("geo/failing", circles_at_the_edge_of_the_world_are_refused, more_than_a_fence_may_have_is_refused,
          rings_that_touch_are_told_from_rings_that_overlap, a_polygon_is_built_whole_or_not_at_all, an_index_is_built_whole_or_not_at_all,
          a_coordinate_system_opens_or_says_why)
