/* How far a point is from a fence's boundary, in signed geodesic metres.
 *
 * A circle's boundary is a geodesic circle: distance to the centre minus radius. A polygon's edges are straight in
 * longitude/latitude, so the nearest point of an edge has no closed form. We look for it in space: the straight (chord)
 * distance |P(t) − p| between points of the ellipsoid orders points as the geodesic distance does, to under one part in
 * a million at 200 km, and is smooth along an edge: within 200 km of p and 85° of the equator it is convex, because an
 * edge curves less than 1/580 km there. The geodesic distance itself, by PROJ's geodesic.h, is taken only at the nearest
 * points of the few edges that can still beat the best one.
 *
 * An edge is left out when a lower bound (difference in latitude; distance from p to the half-plane of the nearest
 * meridian) already exceeds the best, less SLACK_M: so the answer errs by at most SLACK_M. Long edges are halved, which
 * makes the bounds sharp and keeps each piece convex. Tested against dense sampling (tests/unit/test_geo_metres.c) and
 * PostGIS (tests/sql/postgis).
 *
 * Not here: membership (fence.c), which gives the sign. State: PROJ's constants, made at first use by the only thread. */
#include <float.h>
#include <geodesic.h>
#include <math.h>

#include "geodesy.h"
#include "shape.h"

#define SLACK_M 0.001
#define PIECE_M 20000.0 /* longer pieces are halved */
#define HALVINGS_MAX 12 /* 40,000 km / 2^12 < PIECE_M */
#define SOLVE_STEPS_MAX 60
#define SOLVE_WITHIN_M 1e-6

double geodesy_metres(struct point a, struct point b)
{
    static struct geod_geodesic wgs84;
    static bool ready;
    if (!ready) {
        geod_init(&wgs84, GEODESY_A, GEODESY_F);
        ready = true;
    }
    double s12 = 0;
    geod_inverse(&wgs84, a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg, &s12, NULL, NULL);
    return s12;
}

struct vector {
    double x, y, z;
};

static double dot(struct vector a, struct vector b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static struct vector minus(struct vector a, struct vector b)
{
    return (struct vector){a.x - b.x, a.y - b.y, a.z - b.z};
}

/* Prime vertical radius of curvature at a latitude with this sine. */
static double radius_n(double sin_lat)
{
    return GEODESY_A / sqrt(1 - GEODESY_E2 * sin_lat * sin_lat);
}

static double radius_m(double sin_lat)
{
    double w = 1 - GEODESY_E2 * sin_lat * sin_lat;
    return GEODESY_M_MIN / (w * sqrt(w));
}

struct search {
    struct point p;
    struct vector at;  /* p on the ellipsoid, metres */
    double n_cos;      /* p's distance from the axis */
    double east_m, north_m; /* metres a degree, at p */
    double best_m;
};

/* Part of an edge: from a, extending by `by` degrees. */
struct piece {
    struct point a, by;
};

static struct point piece_point(const struct piece *e, double t)
{
    return (struct point){e->a.lon_deg + t * e->by.lon_deg, e->a.lat_deg + t * e->by.lat_deg};
}

/* Position in space at p; *ret_speed (may be NULL) = its derivative for a motion of `by` degrees. */
static struct vector place(struct point p, struct point by, struct vector *ret_speed)
{
    double sin_lat, cos_lat, sin_lon, cos_lon;
    sincos(p.lat_deg * GEODESY_DEG, &sin_lat, &cos_lat);
    sincos(p.lon_deg * GEODESY_DEG, &sin_lon, &cos_lon);
    double n = radius_n(sin_lat);
    if (ret_speed != NULL) {
        double north = radius_m(sin_lat) * by.lat_deg * GEODESY_DEG;
        double east = n * cos_lat * by.lon_deg * GEODESY_DEG;
        *ret_speed = (struct vector){-north * sin_lat * cos_lon - east * sin_lon,
                                     -north * sin_lat * sin_lon + east * cos_lon, north * cos_lat};
    }
    return (struct vector){n * cos_lat * cos_lon, n * cos_lat * sin_lon, n * (1 - GEODESY_E2) * sin_lat};
}

/* Half the derivative of the squared chord distance along the piece; *ret_speed2 = squared speed there. */
static double slope(const struct search *s, const struct piece *e, double t, double *ret_speed2)
{
    struct vector speed;
    struct vector at = place(piece_point(e, t), e->by, &speed);
    *ret_speed2 = dot(speed, speed);
    return dot(minus(at, s->at), speed);
}

/* The parameter of the piece's nearest point: the root of slope, by Gauss-Newton steps (which take the piece for
 * straight: each leaves at most distance × curvature of the error, a third at 200 km and 85°) kept inside a bracket. */
static double nearest_parameter(const struct search *s, const struct piece *e, double length_m)
{
    double low = 0, high = 1, speed2;
    double at_low = slope(s, e, 0, &speed2), at_high = slope(s, e, 1, &speed2);
    if (at_low >= 0)
        return 0;
    if (at_high <= 0)
        return 1;
    double t = at_low / (at_low - at_high);
    for (int i = 0; i < SOLVE_STEPS_MAX; i++) {
        double g = slope(s, e, t, &speed2);
        if (g < 0)
            low = t;
        else
            high = t;
        double next = t - g / speed2;
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        double moved_m = fabs(next - t) * length_m;
        t = next;
        if (moved_m < SOLVE_WITHIN_M)
            break;
    }
    return t;
}

/* Degrees of longitude between p and [min, max], the short way round. */
static double lon_gap(double lon, double min, double max)
{
    if (lon >= min && lon <= max)
        return 0;
    double east = min - lon, west = lon - max;
    if (east < 0)
        east += 360;
    if (west < 0)
        west += 360;
    return fmin(east, west);
}

/* No point with these bounds is nearer than this. Latitude: a geodesic gains at most ds/M_min. Longitude: the chord is no
 * shorter than the way from p to the half-plane of the nearest meridian; sin x ≥ x − x³/6. */
static double lower_bound_m(const struct search *s, const struct piece *e)
{
    double lat0 = e->a.lat_deg, lat1 = lat0 + e->by.lat_deg;
    double gap = fmax(fmin(lat0, lat1) - s->p.lat_deg, s->p.lat_deg - fmax(lat0, lat1));
    double by_lat = gap * (GEODESY_DEG * GEODESY_M_MIN);
    double lon0 = e->a.lon_deg, lon1 = lon0 + e->by.lon_deg;
    double x = fmin(lon_gap(s->p.lon_deg, fmin(lon0, lon1), fmax(lon0, lon1)), 90.0) * GEODESY_DEG;
    double by_lon = s->n_cos * (x - x * x * x / 6);
    return fmax(by_lat, by_lon);
}

/* No shorter than the piece's length. */
static double length_bound_m(const struct piece *e)
{
    double lat0 = fabs(e->a.lat_deg), lat1 = fabs(e->a.lat_deg + e->by.lat_deg);
    bool crosses_equator = (e->a.lat_deg < 0) != (e->a.lat_deg + e->by.lat_deg < 0);
    double widest = crosses_equator ? 1.0 : cos(fmin(lat0, lat1) * GEODESY_DEG);
    return GEODESY_R_MAX * GEODESY_DEG * hypot(e->by.lat_deg, widest * e->by.lon_deg);
}

static void look_at(struct search *s, const struct piece *e, int halvings)
{
    if (lower_bound_m(s, e) >= s->best_m - SLACK_M)
        return;
    double length_m = length_bound_m(e);
    if (length_m > PIECE_M && halvings < HALVINGS_MAX) {
        struct point half = {0.5 * e->by.lon_deg, 0.5 * e->by.lat_deg};
        struct point middle = {e->a.lon_deg + half.lon_deg, e->a.lat_deg + half.lat_deg};
        look_at(s, &(struct piece){e->a, half}, halvings + 1);
        look_at(s, &(struct piece){middle, half}, halvings + 1);
        return;
    }
    struct point q = piece_point(e, nearest_parameter(s, e, length_m));
    struct vector way = minus(place(q, q, NULL), s->at);
    double chord = sqrt(dot(way, way));
    /* a geodesic is at least as long as the arc of the flattest circle over its chord */
    if (2 * GEODESY_R_MAX * asin(fmin(1.0, chord / (2 * GEODESY_R_MAX))) >= s->best_m - SLACK_M)
        return;
    s->best_m = fmin(s->best_m, geodesy_metres(s->p, q));
}

static void look_at_edge(struct search *s, const struct shape_view *v, uint32_t i)
{
    struct point a = shape_point(v->points, i), b = shape_point(v->points, i + 1);
    look_at(s, &(struct piece){a, {b.lon_deg - a.lon_deg, b.lat_deg - a.lat_deg}}, 0);
}

/* A vertex that is near by the flat measure: a good first bound, which makes the rest cheap. */
static uint32_t near_vertex(const struct search *s, const struct shape_view *v)
{
    uint32_t nearest = 0;
    double least = DBL_MAX;
    for (uint32_t i = 0; i < v->vertices; i++) {
        struct point q = shape_point(v->points, i);
        double lon = fabs(q.lon_deg - s->p.lon_deg);
        double x = fmin(lon, 360 - lon) * s->east_m, y = (q.lat_deg - s->p.lat_deg) * s->north_m;
        if (x * x + y * y < least) {
            least = x * x + y * y;
            nearest = i;
        }
    }
    return nearest;
}

static double polygons_metres(const struct shape_view *v, struct point p)
{
    double sin_lat = sin(p.lat_deg * GEODESY_DEG), cos_lat = cos(p.lat_deg * GEODESY_DEG);
    double n = radius_n(sin_lat);
    struct search s = {.p = p, .at = place(p, p, NULL), .n_cos = n * cos_lat,
                       .east_m = n * cos_lat * GEODESY_DEG, .north_m = radius_m(sin_lat) * GEODESY_DEG};
    s.best_m = geodesy_metres(p, shape_point(v->points, near_vertex(&s, v)));
    for (uint32_t i = 0; i < v->rings; i++) {
        struct shape_ring r = shape_ring_at(v, i);
        for (uint32_t j = 0; j + 1 < r.count; j++)
            look_at_edge(&s, v, r.first + j);
    }
    return s.best_m;
}

double fence_metres(struct fence_shape s, struct point p)
{
    if (shape_is_circle(s))
        return geodesy_metres(shape_point(s.bytes + 8, 0), p) - shape_f64(s.bytes + 24);
    struct shape_view v = shape_open(s);
    double metres = polygons_metres(&v, p);
    if (fence_covers(s, p))
        return -metres;
    /* a point that is not covered is never at distance 0, so that sign and membership always agree */
    return fmax(metres, DBL_MIN);
}
