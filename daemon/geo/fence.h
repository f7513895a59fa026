/* Fences: circles and polygons with holes on WGS 84. Edges are straight in longitude/latitude (GeoJSON); distances
 * are geodesic metres on the ellipsoid (PROJ's geodesic.h is the measure; we stay within 1 cm of it). Nothing here
 * crosses the antimeridian or goes beyond ±85° latitude. */
#ifndef HADIR_FENCE_H
#define HADIR_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "terms.h"

struct point {
    double lon_deg, lat_deg;
};

struct box {
    double min_lon, min_lat, max_lon, max_lat;
};

/* A shape as stored: version byte, kind, numbers, all little-endian and 8-aligned, usable in place in a mapped file.
 * The same bytes are the `shape` column in SQL. */
struct fence_shape {
    const uint8_t *bytes;
    size_t len;
    const struct box *runs; /* fence_runs of it; NULL: the same answers, for more work */
};

/* A fence is at most this large: vertices over all rings, rings, circle radius. */
#define FENCE_VERTICES_MAX 20000
#define FENCE_RINGS_MAX 500
#define FENCE_RADIUS_MAX_M 200000.0
/* Edges are asked in runs of this many neighbours of one ring. */
#define FENCE_RUN 16
#define FENCE_RUNS_MAX (FENCE_VERTICES_MAX / FENCE_RUN + FENCE_RINGS_MAX)

/* Builders append an encoded shape to out. false with a reason (English, names ring and vertex) in error:
 * not finite, out of range, ring open or under 4 points, self-intersecting, rings crossing, hole outside its shell,
 * crossing the antimeridian, too large. */
bool fence_circle(struct point centre, double radius_m, struct buf *out, char *error, size_t error_cap);
struct ring {
    const struct point *points; /* closed: first == last */
    size_t count;
};
struct polygon {
    const struct ring *rings; /* shell first, then holes */
    size_t count;
};
bool fence_polygons(const struct polygon *polygons, size_t count, struct buf *out, char *error, size_t error_cap);

/* true when the bytes are a well-formed shape (bounds, finite numbers); every later call requires it once. */
bool fence_shape_valid(struct fence_shape s);
struct box fence_box(struct fence_shape s);
/* How many boxes of runs the shape has (a circle none), at most FENCE_RUNS_MAX; ret, unless NULL, gets them. Made once where
 * many questions follow, they spare most of the work at large shapes. */
size_t fence_runs(struct fence_shape s, struct box *ret);
/* Boundary counts as inside (ST_Covers). */
bool fence_covers(struct fence_shape s, struct point p);
/* Signed geodesic metres to the boundary: negative inside. Exact to 1 cm of geodesic.h up to 200 km. */
double fence_metres(struct fence_shape s, struct point p);
/* Relation: uncertain iff |metres| ≤ min(accuracy_m, cap_m); accuracy unknown: by the point. */
enum relation fence_relate(double metres, bool has_accuracy, double accuracy_m, double cap_m);

/* Packed, static spatial index (Hilbert-sorted R-tree) over boxes, usable in place in a mapped file. */
bool index_build(const struct box *boxes, size_t count, struct buf *out);
bool index_valid(const uint8_t *bytes, size_t len);
uint32_t index_count(const uint8_t *bytes); /* how many boxes a valid index was built from */
typedef bool (*index_hit_cb)(void *arg, uint32_t item); /* false stops */
void index_search(const uint8_t *bytes, size_t len, struct point p, index_hit_cb hit, void *arg);

/* Any CRS that PROJ knows -> WGS 84. One per process, made after the fork; network access off. */
struct crs;
struct crs *crs_new(const char *name, char *error, size_t error_cap); /* "EPSG:23839" */
bool crs_to_wgs84(struct crs *c, double x, double y, struct point *ret); /* x east/lon, y north/lat as GeoJSON orders them */
void crs_free(struct crs *c);

#endif
