/* The packed R-tree against looking at every box, and against bytes that were changed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fence.h"
#include "unit.h"

static uint64_t seed = 2463534242u;

static double uniform(double low, double high)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return low + (high - low) * ((double)(seed >> 11) * 0x1p-53);
}

static struct box *random_boxes(size_t n)
{
    struct box *boxes = calloc(n + 1, sizeof *boxes);
    for (size_t i = 0; i < n; i++) {
        double lon = uniform(95, 141), lat = uniform(-11, 6), size = uniform(0, 0.5);
        boxes[i] = (struct box){lon, lat, lon + size, lat + size * 0.5};
    }
    return boxes;
}

struct hits {
    unsigned *seen;
    size_t count, stop_after;
};

static bool on_hit(void *arg, uint32_t item)
{
    struct hits *h = arg;
    h->seen[item]++;
    return ++h->count < h->stop_after;
}

static void compare(size_t n)
{
    struct box *boxes = random_boxes(n);
    struct buf out;
    buf_init(&out, 1 << 22);
    ck_assert(index_build(boxes, n, &out));
    ck_assert_uint_eq(out.len % 8, 0);
    ck_assert(index_valid(out.data, out.len));
    ck_assert_uint_eq(index_count(out.data), n);
    unsigned *seen = calloc(n + 1, sizeof *seen);
    for (int k = 0; k < 300; k++) {
        struct point p = {uniform(94, 142), uniform(-12, 7)};
        if (n > 0 && k % 3 == 0) /* a corner: boundaries count */
            p = (struct point){boxes[(size_t)k % n].max_lon, boxes[(size_t)k % n].min_lat};
        struct hits h = {seen, 0, SIZE_MAX};
        memset(seen, 0, (n + 1) * sizeof *seen);
        index_search(out.data, out.len, p, on_hit, &h);
        size_t wrong = 0;
        for (size_t i = 0; i < n; i++) {
            bool in = p.lon_deg >= boxes[i].min_lon && p.lon_deg <= boxes[i].max_lon && p.lat_deg >= boxes[i].min_lat &&
                      p.lat_deg <= boxes[i].max_lat;
            wrong += seen[i] != (in ? 1u : 0u);
        }
        ck_assert_uint_eq(wrong, 0);
    }
    free(seen);
    free(boxes);
    buf_fini(&out);
}

START_TEST(finds_what_looking_at_every_box_finds)
{
    static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 255, 256, 257, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        compare(sizes[i]);
}
END_TEST

START_TEST(stops_when_told_to)
{
    struct box boxes[50];
    for (size_t i = 0; i < 50; i++)
        boxes[i] = (struct box){0, 0, 1, 1};
    struct buf out;
    buf_init(&out, 1 << 16);
    ck_assert(index_build(boxes, 50, &out));
    unsigned seen[50] = {0};
    struct hits h = {seen, 0, 7};
    index_search(out.data, out.len, (struct point){0.5, 0.5}, on_hit, &h);
    ck_assert_uint_eq(h.count, 7);
    buf_fini(&out);
}
END_TEST

START_TEST(refuses_boxes_that_are_none)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    struct box b = {1, 0, 0, 1};
    ck_assert(!index_build(&b, 1, &out));
    b = (struct box){0, 0, NAN, 1};
    ck_assert(!index_build(&b, 1, &out));
    buf_fini(&out);
}
END_TEST

/* Whatever bit is flipped: refused, or a search still ends and names only items that exist. */
START_TEST(changed_bytes_are_refused_or_harmless)
{
    const size_t n = 40;
    struct box *boxes = random_boxes(n);
    struct buf out;
    buf_init(&out, 1 << 16);
    ck_assert(index_build(boxes, n, &out));
    for (size_t len = 0; len < out.len; len++)
        ck_assert(!index_valid(out.data, len));
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        uint8_t *copy = malloc(out.len);
        memcpy(copy, out.data, out.len);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (index_valid(copy, out.len)) {
            unsigned seen[40] = {0};
            struct hits h = {seen, 0, SIZE_MAX};
            index_search(copy, out.len, (struct point){uniform(95, 141), uniform(-11, 6)}, on_hit, &h);
            ck_assert_uint_le(h.count, n);
        }
        free(copy);
    }
    free(boxes);
    buf_fini(&out);
}
END_TEST

UNIT_MAIN("geo/index", finds_what_looking_at_every_box_finds, stops_when_told_to, refuses_boxes_that_are_none,
          changed_bytes_are_refused_or_harmless)
