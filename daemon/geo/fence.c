/* Shapes as bytes: making them from what an import delivers, recognising them again, and the cheap questions
 * (bounding box, is this point covered).
 *
 * Place in the flow: `hadir import fences` builds shapes (CRS already converted), SQL stores the bytes, the planner
 * copies them into the directory, doors ask in place. Invariants: what the builders return is valid (fence_shape_valid)
 * and, for polygons, topologically sound (rings.c); membership is exact in longitude/latitude, the boundary counts as
 * inside. Not here: distances (metres.c), the spatial index (index.c). Pure apart from one table computed on first use
 * by the process's only thread. */
#include "fence.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "geodesy.h"
#include "orient.h"
#include "shape.h"

/* ---- encoding ---- */

__attribute__((format(printf, 3, 4))) static bool refuse(char *error, size_t cap, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(error, cap, fmt, ap);
    va_end(ap);
    return false;
}

/* Largest extent of a geodesic circle. No point within r of the centre differs by more: a path of length r gains at most
 * r/M in latitude and r/(N cos φ) in longitude, M and N cos φ taken at their least on the way. */
static struct box circle_box(struct point centre, double radius_m)
{
    double dlat = radius_m / GEODESY_M_MIN / GEODESY_DEG;
    double worst = fmin(90.0, fabs(centre.lat_deg) + dlat);
    double parallel = GEODESY_A * cos(worst * GEODESY_DEG);
    double dlon = parallel * GEODESY_DEG * 360.0 > radius_m ? radius_m / parallel / GEODESY_DEG : 360.0;
    /* a hair more than the real numbers, so that rounding never cuts the rim off */
    dlat = dlat * (1 + 1e-12) + 1e-12;
    dlon = dlon * (1 + 1e-12) + 1e-12;
    return (struct box){.min_lon = centre.lon_deg - dlon, .min_lat = centre.lat_deg - dlat,
                        .max_lon = centre.lon_deg + dlon, .max_lat = centre.lat_deg + dlat};
}

bool fence_circle(struct point centre, double radius_m, struct buf *out, char *error, size_t error_cap)
{
    if (!isfinite(centre.lon_deg) || !isfinite(centre.lat_deg) || !isfinite(radius_m))
        return refuse(error, error_cap, "circle: centre or radius is not a finite number");
    if (radius_m <= 0 || radius_m > FENCE_RADIUS_MAX_M)
        return refuse(error, error_cap, "circle: radius is not between 0 and %.0f m", FENCE_RADIUS_MAX_M);
    if (fabs(centre.lon_deg) > SHAPE_LON_MAX || fabs(centre.lat_deg) > SHAPE_LAT_MAX)
        return refuse(error, error_cap, "circle: centre is beyond longitude 180 or latitude 85 degrees");
    struct box b = circle_box(centre, radius_m);
    if (b.min_lat < -SHAPE_LAT_MAX || b.max_lat > SHAPE_LAT_MAX)
        return refuse(error, error_cap, "circle: reaches beyond latitude 85 degrees");
    if (b.min_lon < -SHAPE_LON_MAX || b.max_lon > SHAPE_LON_MAX)
        return refuse(error, error_cap, "circle: crosses the antimeridian");
    buf_u8(out, SHAPE_VERSION);
    buf_u8(out, SHAPE_CIRCLE);
    buf_u16(out, 0);
    buf_u32(out, 0);
    buf_f64(out, centre.lon_deg);
    buf_f64(out, centre.lat_deg);
    if (!buf_f64(out, radius_m))
        return refuse(error, error_cap, "circle: out of memory");
    return true;
}

static bool same_point(struct point a, struct point b)
{
    return a.lon_deg == b.lon_deg && a.lat_deg == b.lat_deg;
}

/* One ring's own vertices: numbers, range, closure, antimeridian. Counts are said from 1, as in the file. */
static bool ring_numbers_ok(const struct ring *r, size_t polygon, size_t ring, char *error, size_t cap)
{
    if (r->count < 4)
        return refuse(error, cap, "polygon %zu, ring %zu: has %zu points, needs at least 4", polygon, ring, r->count);
    for (size_t i = 0; i < r->count; i++) {
        struct point p = r->points[i];
        if (!isfinite(p.lon_deg) || !isfinite(p.lat_deg))
            return refuse(error, cap, "polygon %zu, ring %zu, vertex %zu: not a finite number", polygon, ring, i + 1);
        if (fabs(p.lon_deg) > SHAPE_LON_MAX || fabs(p.lat_deg) > SHAPE_LAT_MAX)
            return refuse(error, cap, "polygon %zu, ring %zu, vertex %zu: beyond longitude 180 or latitude 85 degrees",
                          polygon, ring, i + 1);
        if (i > 0 && fabs(p.lon_deg - r->points[i - 1].lon_deg) > 180.0)
            return refuse(error, cap, "polygon %zu, ring %zu, vertex %zu: the edge to it crosses the antimeridian",
                          polygon, ring, i + 1);
    }
    if (!same_point(r->points[0], r->points[r->count - 1]))
        return refuse(error, cap, "polygon %zu, ring %zu: is open, its last point is not its first", polygon, ring);
    return true;
}

/* Vertices of the ring without those that repeat the one before. */
static size_t ring_distinct(const struct ring *r)
{
    size_t n = 1;
    for (size_t i = 1; i < r->count; i++)
        n += !same_point(r->points[i], r->points[i - 1]);
    return n;
}

struct tally {
    size_t rings, vertices;
    struct box box;
};

static bool polygons_numbers_ok(const struct polygon *polygons, size_t count, struct tally *ret, char *error, size_t cap)
{
    struct tally t = {.box = {DBL_MAX, DBL_MAX, -DBL_MAX, -DBL_MAX}};
    if (count == 0)
        return refuse(error, cap, "no polygon");
    for (size_t i = 0; i < count; i++) {
        if (polygons[i].count == 0)
            return refuse(error, cap, "polygon %zu: has no ring", i + 1);
        t.rings += polygons[i].count;
        if (t.rings > FENCE_RINGS_MAX)
            return refuse(error, cap, "polygon %zu: more than %d rings in one fence", i + 1, FENCE_RINGS_MAX);
        for (size_t j = 0; j < polygons[i].count; j++) {
            const struct ring *r = &polygons[i].rings[j];
            if (r->count > FENCE_VERTICES_MAX || t.vertices + r->count > FENCE_VERTICES_MAX)
                return refuse(error, cap, "polygon %zu, ring %zu: more than %d vertices in one fence", i + 1, j + 1,
                              FENCE_VERTICES_MAX);
            if (!ring_numbers_ok(r, i + 1, j + 1, error, cap))
                return false;
            size_t distinct = ring_distinct(r);
            if (distinct < 4)
                return refuse(error, cap, "polygon %zu, ring %zu: fewer than 3 different points", i + 1, j + 1);
            t.vertices += distinct;
            for (size_t k = 0; k < r->count; k++) {
                t.box.min_lon = fmin(t.box.min_lon, r->points[k].lon_deg);
                t.box.min_lat = fmin(t.box.min_lat, r->points[k].lat_deg);
                t.box.max_lon = fmax(t.box.max_lon, r->points[k].lon_deg);
                t.box.max_lat = fmax(t.box.max_lat, r->points[k].lat_deg);
            }
        }
    }
    *ret = t;
    return true;
}

static void encode_points(const struct ring *r, struct buf *out)
{
    for (size_t i = 0; i < r->count; i++) {
        if (i > 0 && same_point(r->points[i], r->points[i - 1]))
            continue;
        /* + 0.0 turns −0 into 0: equal shapes have equal bytes */
        buf_f64(out, r->points[i].lon_deg + 0.0);
        buf_f64(out, r->points[i].lat_deg + 0.0);
    }
}

static void encode_polygons(const struct polygon *polygons, size_t count, const struct tally *t, struct buf *out)
{
    buf_u8(out, SHAPE_VERSION);
    buf_u8(out, SHAPE_POLYGONS);
    buf_u16(out, 0);
    buf_u32(out, (uint32_t)count);
    buf_u32(out, (uint32_t)t->rings);
    buf_u32(out, (uint32_t)t->vertices);
    buf_f64(out, t->box.min_lon + 0.0);
    buf_f64(out, t->box.min_lat + 0.0);
    buf_f64(out, t->box.max_lon + 0.0);
    buf_f64(out, t->box.max_lat + 0.0);
    uint32_t first = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < polygons[i].count; j++) {
            uint32_t n = (uint32_t)ring_distinct(&polygons[i].rings[j]);
            buf_u32(out, first);
            buf_u32(out, n | (j == 0 ? SHAPE_SHELL : 0));
            first += n;
        }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < polygons[i].count; j++)
            encode_points(&polygons[i].rings[j], out);
}

bool fence_polygons(const struct polygon *polygons, size_t count, struct buf *out, char *error, size_t error_cap)
{
    struct tally t = {.rings = 0};
    if (!polygons_numbers_ok(polygons, count, &t, error, error_cap))
        return false;
    struct buf bytes;
    buf_init(&bytes, SHAPE_HEAD_BYTES + t.rings * SHAPE_RING_BYTES + t.vertices * SHAPE_POINT_BYTES);
    encode_polygons(polygons, count, &t, &bytes);
    bool ok = false;
    if (bytes.failed) {
        refuse(error, error_cap, "out of memory");
        goto out;
    }
    struct shape_view v = shape_open((struct fence_shape){bytes.data, bytes.len, NULL});
    if (!rings_check(&v, error, error_cap))
        goto out;
    ok = buf_add(out, bytes.data, bytes.len) || refuse(error, error_cap, "out of memory");
out:
    buf_fini(&bytes);
    return ok;
}

/* ---- recognising ---- */

struct shape_view shape_open(struct fence_shape s)
{
    struct shape_view v = {.polygons = shape_u32(s.bytes + 4),
                           .rings = shape_u32(s.bytes + 8),
                           .vertices = shape_u32(s.bytes + 12),
                           .box = {shape_f64(s.bytes + 16), shape_f64(s.bytes + 24), shape_f64(s.bytes + 32),
                                   shape_f64(s.bytes + 40)},
                           .ring_table = s.bytes + SHAPE_HEAD_BYTES,
                           .runs = s.runs};
    v.points = v.ring_table + (size_t)v.rings * SHAPE_RING_BYTES;
    return v;
}

static bool circle_valid(struct fence_shape s)
{
    if (s.len != SHAPE_CIRCLE_BYTES || shape_u32(s.bytes + 4) != 0)
        return false;
    struct point c = shape_point(s.bytes + 8, 0);
    double radius_m = shape_f64(s.bytes + 24);
    if (!isfinite(c.lon_deg) || !isfinite(c.lat_deg) || !isfinite(radius_m))
        return false;
    /* looser by a hair than the builder: another machine's libm may round the box differently */
    struct box b = circle_box(c, radius_m * (1 - 1e-9));
    return radius_m > 0 && radius_m <= FENCE_RADIUS_MAX_M && b.min_lat >= -SHAPE_LAT_MAX && b.max_lat <= SHAPE_LAT_MAX &&
           b.min_lon >= -SHAPE_LON_MAX && b.max_lon <= SHAPE_LON_MAX;
}

static bool ring_table_valid(const struct shape_view *v)
{
    uint32_t next = 0, shells = 0;
    for (uint32_t i = 0; i < v->rings; i++) {
        struct shape_ring r = shape_ring_at(v, i);
        if (r.first != next || r.count < 4 || r.count > v->vertices - next || (i == 0 && !r.shell))
            return false;
        next += r.count;
        shells += r.shell;
    }
    return next == v->vertices && shells == v->polygons;
}

static bool ring_points_valid(const struct shape_view *v, struct shape_ring r, struct box *seen)
{
    struct point before = shape_point(v->points, r.first);
    for (uint32_t i = 0; i < r.count; i++) {
        struct point p = shape_point(v->points, r.first + i);
        if (!(fabs(p.lon_deg) <= SHAPE_LON_MAX) || !(fabs(p.lat_deg) <= SHAPE_LAT_MAX) ||
            fabs(p.lon_deg - before.lon_deg) > 180.0)
            return false;
        seen->min_lon = fmin(seen->min_lon, p.lon_deg);
        seen->min_lat = fmin(seen->min_lat, p.lat_deg);
        seen->max_lon = fmax(seen->max_lon, p.lon_deg);
        seen->max_lat = fmax(seen->max_lat, p.lat_deg);
        before = p;
    }
    return same_point(shape_point(v->points, r.first), before);
}

static bool polygons_valid(struct fence_shape s)
{
    if (s.len < SHAPE_HEAD_BYTES)
        return false;
    struct shape_view v = shape_open(s);
    if (v.rings == 0 || v.rings > FENCE_RINGS_MAX || v.vertices > FENCE_VERTICES_MAX ||
        s.len != SHAPE_HEAD_BYTES + v.rings * SHAPE_RING_BYTES + v.vertices * SHAPE_POINT_BYTES || !ring_table_valid(&v))
        return false;
    struct box seen = {DBL_MAX, DBL_MAX, -DBL_MAX, -DBL_MAX};
    for (uint32_t i = 0; i < v.rings; i++)
        if (!ring_points_valid(&v, shape_ring_at(&v, i), &seen))
            return false;
    return seen.min_lon == v.box.min_lon && seen.min_lat == v.box.min_lat && seen.max_lon == v.box.max_lon &&
           seen.max_lat == v.box.max_lat;
}

bool fence_shape_valid(struct fence_shape s)
{
    if (s.bytes == NULL || s.len < 8 || s.bytes[0] != SHAPE_VERSION || s.bytes[2] != 0 || s.bytes[3] != 0)
        return false;
    if (s.bytes[1] == SHAPE_CIRCLE)
        return circle_valid(s);
    return s.bytes[1] == SHAPE_POLYGONS && polygons_valid(s);
}

/* ---- asking ---- */

struct box fence_box(struct fence_shape s)
{
    if (shape_is_circle(s))
        return circle_box(shape_point(s.bytes + 8, 0), shape_f64(s.bytes + 24));
    return shape_open(s).box;
}

size_t fence_runs(struct fence_shape s, struct box *ret)
{
    if (shape_is_circle(s))
        return 0;
    struct shape_view v = shape_open((struct fence_shape){s.bytes, s.len, NULL});
    for (uint32_t i = 0; ret != NULL && i < v.rings; i++) {
        struct shape_ring r = shape_ring_at(&v, i);
        for (uint32_t j = 0; j + 1 < r.count; j += FENCE_RUN)
            ret[r.run + j / FENCE_RUN] = shape_run_box(&v, r, j);
    }
    return v.vertices / FENCE_RUN + v.rings;
}

/* As shape_locate, for edges that begin at vertices first …, count of them: 0 on one; else *inside is turned when a ray
 * from p to the east crosses an odd number of them. */
static bool run_crossed(const uint8_t *points, uint32_t first, uint32_t count, struct point p, bool *inside)
{
    struct point a = shape_point(points, first);
    for (uint32_t i = 1; i <= count; i++) {
        struct point b = shape_point(points, first + i);
        bool a_below = a.lat_deg <= p.lat_deg, b_below = b.lat_deg <= p.lat_deg;
        if (a_below != b_below) {
            int side = orient(a, b, p);
            if (side == 0)
                return false;
            /* the ray crosses the edge when p lies left of it going up, right of it going down */
            *inside ^= (side > 0) == a_below;
        } else if (same_point(a, p) || same_point(b, p)) {
            return false;
        } else if (a.lat_deg == p.lat_deg && b.lat_deg == p.lat_deg && (a.lon_deg < p.lon_deg) != (b.lon_deg < p.lon_deg)) {
            return false;
        }
        a = b;
    }
    return true;
}

int shape_locate(const struct shape_view *v, struct shape_ring r, struct point p)
{
    bool inside = false;
    for (uint32_t j = 0; j + 1 < r.count; j += FENCE_RUN) {
        uint32_t first = r.first + j, edges = shape_run_edges(r, j);
        if (v->runs != NULL) {
            const struct box *b = &v->runs[r.run + j / FENCE_RUN];
            if (p.lat_deg < b->min_lat || p.lat_deg > b->max_lat || p.lon_deg > b->max_lon)
                continue;
            if (p.lon_deg < b->min_lon) { /* all of it lies to the east: only where it ends matters */
                bool a_below = shape_point(v->points, first).lat_deg <= p.lat_deg;
                inside ^= a_below != (shape_point(v->points, first + edges).lat_deg <= p.lat_deg);
                continue;
            }
        }
        if (!run_crossed(v->points, first, edges, p, &inside))
            return 0;
    }
    return inside ? 1 : -1;
}

static bool polygons_cover(const struct shape_view *v, struct point p)
{
    /* inside a shell and not strictly inside one of its holes; `candidate` is the polygon being looked at */
    bool candidate = false;
    for (uint32_t i = 0; i < v->rings; i++) {
        struct shape_ring r = shape_ring_at(v, i);
        if (r.shell) {
            if (candidate)
                return true;
            candidate = shape_locate(v, r, p) >= 0;
        } else if (candidate && shape_locate(v, r, p) > 0) {
            candidate = false;
        }
    }
    return candidate;
}

bool fence_covers(struct fence_shape s, struct point p)
{
    struct box b = fence_box(s);
    if (!(p.lon_deg >= b.min_lon && p.lon_deg <= b.max_lon && p.lat_deg >= b.min_lat && p.lat_deg <= b.max_lat))
        return false;
    if (shape_is_circle(s))
        return geodesy_metres(shape_point(s.bytes + 8, 0), p) <= shape_f64(s.bytes + 24);
    struct shape_view v = shape_open(s);
    return polygons_cover(&v, p);
}

enum relation fence_relate(double metres, bool has_accuracy, double accuracy_m, double cap_m)
{
    if (has_accuracy && fabs(metres) <= fmin(accuracy_m, cap_m))
        return RELATION_UNCERTAIN;
    return metres <= 0 ? RELATION_INSIDE : RELATION_OUTSIDE;
}
