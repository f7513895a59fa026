/* Inside geo: how a shape's bytes are laid out, and reading them. Callers outside use fence.h only. */
#ifndef HADIR_SHAPE_H
#define HADIR_SHAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fence.h"

/* Little-endian, every number at its natural alignment from the start:
 *
 *   circle     u8 version=1, u8 kind=1, u16 0, u32 0, f64 lon, f64 lat, f64 radius_m
 *   polygons   u8 version=1, u8 kind=2, u16 0, u32 polygons, u32 rings, u32 vertices,
 *              f64 min_lon min_lat max_lon max_lat (exactly those of the vertices),
 *              rings × { u32 first vertex, u32 vertices | SHAPE_SHELL }, vertices × { f64 lon, f64 lat }
 *
 * Rings are closed (first vertex == last) and follow each other without gaps; a ring with SHAPE_SHELL begins a polygon,
 * those after it until the next shell are its holes. */
#define SHAPE_VERSION 1u
#define SHAPE_CIRCLE 1u
#define SHAPE_POLYGONS 2u
#define SHAPE_SHELL UINT32_C(0x80000000)
#define SHAPE_CIRCLE_BYTES 32u
#define SHAPE_HEAD_BYTES 48u
#define SHAPE_RING_BYTES 8u
#define SHAPE_POINT_BYTES 16u

#define SHAPE_LAT_MAX 85.0
#define SHAPE_LON_MAX 180.0

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "shapes are read in place");
_Static_assert(sizeof(struct point) == SHAPE_POINT_BYTES, "points are read in place");

static inline uint32_t shape_u32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline double shape_f64(const uint8_t *at)
{
    double v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline struct point shape_point(const uint8_t *points, uint32_t i)
{
    struct point p;
    memcpy(&p, points + (size_t)i * SHAPE_POINT_BYTES, sizeof p);
    return p;
}

/* A polygon shape taken apart; points into the bytes. */
struct shape_view {
    uint32_t polygons, rings, vertices;
    struct box box;
    const uint8_t *ring_table;
    const uint8_t *points;
    const struct box *runs; /* of struct fence_shape; may be NULL */
};

struct shape_ring {
    uint32_t first, count; /* vertices, the closing one included */
    uint32_t run;          /* its first in runs; a ring's are neighbours, between rings some may stay unused */
    bool shell;
};

static inline bool shape_is_circle(struct fence_shape s)
{
    return s.bytes[1] == SHAPE_CIRCLE;
}

/* The bytes must be a valid polygon shape (fence_shape_valid), or one just encoded. */
struct shape_view shape_open(struct fence_shape s);

static inline struct shape_ring shape_ring_at(const struct shape_view *v, uint32_t i)
{
    const uint8_t *at = v->ring_table + (size_t)i * SHAPE_RING_BYTES;
    uint32_t count = shape_u32(at + 4);
    uint32_t first = shape_u32(at);
    return (struct shape_ring){.first = first, .count = count & ~SHAPE_SHELL, .run = first / FENCE_RUN + i,
                               .shell = (count & SHAPE_SHELL) != 0};
}

/* How many edges the run has that begins with the ring's j-th. */
static inline uint32_t shape_run_edges(struct shape_ring r, uint32_t j)
{
    return r.count - 1 - j < FENCE_RUN ? r.count - 1 - j : FENCE_RUN;
}

/* The box of that run: looked up, or made when the shape came without. */
static inline struct box shape_run_box(const struct shape_view *v, struct shape_ring r, uint32_t j)
{
    if (v->runs != NULL)
        return v->runs[r.run + j / FENCE_RUN];
    uint32_t first = r.first + j, edges = shape_run_edges(r, j);
    struct point p = shape_point(v->points, first);
    struct box b = {p.lon_deg, p.lat_deg, p.lon_deg, p.lat_deg};
    for (uint32_t k = 1; k <= edges; k++) {
        p = shape_point(v->points, first + k);
        b.min_lon = p.lon_deg < b.min_lon ? p.lon_deg : b.min_lon;
        b.min_lat = p.lat_deg < b.min_lat ? p.lat_deg : b.min_lat;
        b.max_lon = p.lon_deg > b.max_lon ? p.lon_deg : b.max_lon;
        b.max_lat = p.lat_deg > b.max_lat ? p.lat_deg : b.max_lat;
    }
    return b;
}

/* Where p lies relative to one ring: +1 strictly inside, 0 on it, −1 strictly outside. Exact. */
int shape_locate(const struct shape_view *v, struct shape_ring r, struct point p);

/* Checks what lies between rings and edges: no ring meets itself, no two rings cross or share a stretch, holes lie in
 * their shell and not in each other, polygons do not overlap. false with a reason that names polygon, ring, vertex. */
bool rings_check(const struct shape_view *v, char *error, size_t error_cap);

/* As index_search, for everything whose box meets b. */
void index_search_box(const uint8_t *bytes, size_t len, struct box b, index_hit_cb hit, void *arg);

#endif
