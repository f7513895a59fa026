/* GEOS at its best for this question: an STRtree over all fences, prepared polygons for membership (an interval tree over
 * the edges), prepared boundaries for the distance (a tree of facets).
 *
 * The same work on the ellipsoid as ours does: GEOS is planar, so a boundary is prepared in degrees of which those of
 * longitude are shrunk to the length of those of latitude at the fence's middle; GEOS finds the nearest place of the boundary there, PROJ's
 * geodesic.h (ours too) measures to it. Beside a fence that place is off by so little that the metres are right to far
 * under a centimetre. Membership is asked in plain degrees, where both have the same edges. */
#include "geos.h"

#include <geodesic.h>
#include <geos_c.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct peer_one {
    GEOSGeometry *polygon, *boundary;
    const GEOSPreparedGeometry *area, *line;
    double shrink; /* of longitudes, in boundary */
};

struct peer {
    GEOSContextHandle_t geos;
    GEOSSTRtree *tree;
    struct geod_geodesic wgs84;
    struct peer_one *fences;
    size_t count;
};

struct covering {
    struct peer *peer;
    GEOSGeometry *at;
    uint32_t *ret;
    size_t count, max;
};

static void must(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "geos: %s\n", what);
    exit(EXIT_FAILURE);
}

struct peer *peer_new(size_t fences)
{
    struct peer *p = calloc(1, sizeof *p);
    must(p != NULL && (p->fences = calloc(fences, sizeof *p->fences)) != NULL && (p->geos = GEOS_init_r()) != NULL &&
             (p->tree = GEOSSTRtree_create_r(p->geos, 10)) != NULL,
         "no memory");
    p->count = fences;
    geod_init(&p->wgs84, 6378137.0, 1 / 298.257223563);
    return p;
}

static GEOSGeometry *line_of(struct peer *p, const struct ring *r, double shrink, bool closed)
{
    GEOSCoordSequence *points = GEOSCoordSeq_create_r(p->geos, (unsigned)r->count, 2);
    must(points != NULL, "points");
    for (unsigned i = 0; i < r->count; i++)
        GEOSCoordSeq_setXY_r(p->geos, points, i, r->points[i].lon_deg * shrink, r->points[i].lat_deg);
    return closed ? GEOSGeom_createLinearRing_r(p->geos, points) : GEOSGeom_createLineString_r(p->geos, points);
}

/* How much shorter a degree of longitude is than one of latitude: N cos φ / M on the ellipsoid. */
static double shrink_at(double lat)
{
    const double e2 = 0.00669437999014;
    return cos(lat) * (1 - e2 * sin(lat) * sin(lat)) / (1 - e2);
}

#define RINGS_MAX 8

void peer_fence(struct peer *p, size_t fence, const struct ring *rings, size_t count)
{
    struct peer_one *one = &p->fences[fence];
    GEOSGeometry *holes[RINGS_MAX], *lines[RINGS_MAX];
    must(fence < p->count && count >= 1 && count <= RINGS_MAX, "too much");
    double low = 90, high = -90;
    for (size_t i = 0; i < rings[0].count; i++) {
        low = fmin(low, rings[0].points[i].lat_deg);
        high = fmax(high, rings[0].points[i].lat_deg);
    }
    one->shrink = shrink_at(0.5 * (low + high) * M_PI / 180);
    for (size_t i = 0; i < count; i++)
        lines[i] = line_of(p, &rings[i], one->shrink, false);
    for (size_t i = 1; i < count; i++)
        holes[i - 1] = line_of(p, &rings[i], 1, true);
    one->polygon = GEOSGeom_createPolygon_r(p->geos, line_of(p, &rings[0], 1, true), holes, (unsigned)count - 1);
    one->boundary = count == 1 ? lines[0] : GEOSGeom_createCollection_r(p->geos, GEOS_MULTILINESTRING, lines, (unsigned)count);
    must(one->polygon != NULL && one->boundary != NULL, "a fence");
    one->area = GEOSPrepare_r(p->geos, one->polygon);
    one->line = GEOSPrepare_r(p->geos, one->boundary);
    must(one->area != NULL && one->line != NULL, "preparing");
    GEOSSTRtree_insert_r(p->geos, p->tree, one->polygon, one);
}

/* GEOS makes its trees at the first question. (Those for membership are made while the answers are compared.) */
void peer_ready(struct peer *p)
{
    uint32_t one;
    peer_covering(p, (struct point){0, 0}, &one, 1);
    for (size_t i = 0; i < p->count; i++)
        peer_metres(p, i, (struct point){0, 0});
}

void peer_free(struct peer *p)
{
    GEOSSTRtree_destroy_r(p->geos, p->tree);
    for (size_t i = 0; i < p->count; i++) {
        GEOSPreparedGeom_destroy_r(p->geos, p->fences[i].area);
        GEOSPreparedGeom_destroy_r(p->geos, p->fences[i].line);
        GEOSGeom_destroy_r(p->geos, p->fences[i].polygon);
        GEOSGeom_destroy_r(p->geos, p->fences[i].boundary);
    }
    GEOS_finish_r(p->geos);
    free(p->fences);
    free(p);
}

/* For a point ST_Covers is ST_Intersects, and that is the cheaper one. */
static bool covers(struct peer *p, const struct peer_one *one, const GEOSGeometry *at)
{
    char answer = GEOSPreparedIntersects_r(p->geos, one->area, at);
    must(answer != 2, "membership");
    return answer == 1;
}

static void on_item(void *item, void *arg)
{
    struct covering *c = arg;
    const struct peer_one *one = item;
    if (covers(c->peer, one, c->at) && c->count < c->max)
        c->ret[c->count++] = (uint32_t)(one - c->peer->fences);
}

size_t peer_covering(struct peer *p, struct point at, uint32_t *ret, size_t max)
{
    struct covering c = {.peer = p, .at = GEOSGeom_createPointFromXY_r(p->geos, at.lon_deg, at.lat_deg), .ret = ret, .max = max};
    must(c.at != NULL, "a point");
    GEOSSTRtree_query_r(p->geos, p->tree, c.at, on_item, &c);
    GEOSGeom_destroy_r(p->geos, c.at);
    return c.count;
}

double peer_metres(struct peer *p, size_t fence, struct point at)
{
    const struct peer_one *one = &p->fences[fence];
    GEOSGeometry *plain = GEOSGeom_createPointFromXY_r(p->geos, at.lon_deg, at.lat_deg);
    GEOSGeometry *shrunk = GEOSGeom_createPointFromXY_r(p->geos, at.lon_deg * one->shrink, at.lat_deg);
    must(plain != NULL && shrunk != NULL, "a point");
    GEOSCoordSequence *nearest = GEOSPreparedNearestPoints_r(p->geos, one->line, shrunk);
    double x = 0, y = 0, metres = 0;
    must(nearest != NULL && GEOSCoordSeq_getXY_r(p->geos, nearest, 0, &x, &y), "the nearest point");
    geod_inverse(&p->wgs84, at.lat_deg, at.lon_deg, y, x / one->shrink, &metres, NULL, NULL);
    bool inside = covers(p, one, plain);
    GEOSCoordSeq_destroy_r(p->geos, nearest);
    GEOSGeom_destroy_r(p->geos, plain);
    GEOSGeom_destroy_r(p->geos, shrunk);
    return inside ? -metres : metres;
}
