/* How far a point is from a fence's boundary, in signed geodesic metres.
 *
 * A circle's boundary is a geodesic circle: distance to the centre minus radius. A polygon's edges are straight in
 * longitude/latitude, so the nearest point of an edge has no closed form. We look for it in two steps.
 *
 * First flat: the map that gives a degree the lengths it has at p draws edges straight too, and there the distance to each
 * is plain arithmetic. Within d metres of p a degree's lengths differ from those at p by at most a factor 1 ± x, x = d/M ×
 * (tan φ + a little for M): so does the length of every way that stays there, and of the shortest. Only edges whose flat
 * distance is within those factors of the least can be nearest: one or two of hundreds.
 *
 * Then in space, for these: the straight (chord) distance |P(t) − p| between points of the ellipsoid orders points as the
 * geodesic distance does, to under one part in a million at 200 km, and is smooth along an edge: within 200 km of p and 85°
 * of the equator it is convex, because an edge curves less than 1/580 km there. Chords up to NEAR_M give the geodesic by
 * their arc to under a tenth of a millimetre; longer ones by PROJ's geodesic.h, only where they can still beat the best.
 *
 * An edge is left out when a lower bound (difference in latitude; distance from p to the half-plane of the nearest
 * meridian; chord to its beginning less its length) already exceeds the best, less SLACK_M: so the answer errs by at most
 * SLACK_M. Long edges are halved, which makes the bounds sharp and keeps each piece convex. Tested against dense sampling
 * (tests/unit/test_geo_metres.c) and PostGIS (tests/sql/postgis).
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
#define NEAR_M 20000.0
#define RADIUS_M 6367000.0 /* all radii of curvature are within 0.6 % of it */
#define FLAT_SPREAD_MAX 0.05 /* x above: beyond it the flat map says nothing */
#define FLAT_ROUNDING_M 1e-6

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

static double length(struct vector a)
{
    return sqrt(dot(a, a));
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

/* Squared flat distance from p to the piece from (x, y) metres, seen from p, extending by (dx, dy). */
static inline double flat_nearest2(double x, double y, double dx, double dy)
{
    double t = -(x * dx + y * dy) / (dx * dx + dy * dy + DBL_MIN); /* a piece of no length: t = 0 */
    t = t > 0 ? t : 0;
    t = t < 1 ? t : 1;
    x += t * dx;
    y += t * dy;
    return x * x + y * y;
}

static double flat_parameter(const struct search *s, const struct piece *e)
{
    double x = (e->a.lon_deg - s->p.lon_deg) * s->east_m, y = (e->a.lat_deg - s->p.lat_deg) * s->north_m;
    double dx = e->by.lon_deg * s->east_m, dy = e->by.lat_deg * s->north_m;
    return fmin(1, fmax(0, -(x * dx + y * dy) / (dx * dx + dy * dy + DBL_MIN)));
}

/* The chord from p to the piece's nearest point, *ret_q. There half the derivative of its square is 0: found from the flat
 * foot by Gauss-Newton steps (which take the piece for straight: each leaves at most distance × curvature of the error, a
 * third at 200 km and 85°) kept inside a bracket. */
static double nearest_chord_m(const struct search *s, const struct piece *e, double length_m, struct point *ret_q)
{
    double low = -1, high = 2, t = flat_parameter(s, e); /* beyond 0 and 1: that end has not been tried */
    struct vector way = {0, 0, 0}, speed;
    for (int i = 0; i < SOLVE_STEPS_MAX; i++) {
        *ret_q = piece_point(e, t);
        way = minus(place(*ret_q, e->by, &speed), s->at);
        double slope = dot(way, speed);
        if ((t <= 0 && slope >= 0) || (t >= 1 && slope <= 0))
            break;
        if (slope < 0)
            low = t;
        else
            high = t;
        double next = t - slope / dot(speed, speed);
        if (next <= 0 && low < 0)
            next = 0;
        else if (next >= 1 && high > 1)
            next = 1;
        else if (!(next > low && next < high))
            next = 0.5 * (fmax(low, 0) + fmin(high, 1));
        if (fabs(next - t) * length_m < SOLVE_WITHIN_M)
            break;
        t = next;
    }
    return length(way);
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
    double north = e->by.lat_deg, east = widest * e->by.lon_deg;
    return GEODESY_R_MAX * GEODESY_DEG * sqrt(north * north + east * east);
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
    if (length(minus(place(e->a, e->a, NULL), s->at)) - length_m >= s->best_m - SLACK_M)
        return;
    struct point q;
    double chord = nearest_chord_m(s, e, length_m, &q);
    if (chord <= NEAR_M)
        s->best_m = fmin(s->best_m, chord * (1 + chord * chord / (24 * RADIUS_M * RADIUS_M)));
    /* a geodesic is at least as long as the arc of the flattest circle over its chord */
    else if (2 * GEODESY_R_MAX * asin(fmin(1.0, chord / (2 * GEODESY_R_MAX))) < s->best_m - SLACK_M)
        s->best_m = fmin(s->best_m, geodesy_metres(s->p, q));
}

static void look_at_edge(struct search *s, const struct shape_view *v, uint32_t i)
{
    struct point a = shape_point(v->points, i), b = shape_point(v->points, i + 1);
    look_at(s, &(struct piece){a, {b.lon_deg - a.lon_deg, b.lat_deg - a.lat_deg}}, 0);
}

static inline double outside(double v, double min, double max)
{
    double below = min - v, above = v - max, out = below > above ? below : above;
    return out > 0 ? out : 0;
}

/* The least flat distance that a point of the box can have, squared. */
static double flat_box2(const struct search *s, const struct box *b)
{
    double x = outside(s->p.lon_deg, b->min_lon, b->max_lon) * s->east_m;
    double y = outside(s->p.lat_deg, b->min_lat, b->max_lat) * s->north_m;
    return x * x + y * y;
}

/* Edges that begin at vertices first …, count of them, and a squared flat distance that none of them is below. */
struct run {
    uint32_t first, count;
    double least2;
};

/* All runs of the shape, by their boxes. Returns how many. */
static size_t flat_runs(const struct search *s, const struct shape_view *v, struct run *ret)
{
    size_t n = 0;
    for (uint32_t i = 0; i < v->rings; i++) {
        struct shape_ring r = shape_ring_at(v, i);
        for (uint32_t j = 0; j + 1 < r.count; j += FENCE_RUN) {
            struct run run = {.first = r.first + j, .count = shape_run_edges(r, j)};
            struct box b = shape_run_box(v, r, j);
            run.least2 = flat_box2(s, &b);
            ret[n++] = run;
        }
    }
    return n;
}

/* Squared flat distances of the run's edges; makes least2 exact. */
static void flat_edges(const struct search *s, const struct shape_view *v, struct run *r, double ret[FENCE_RUN])
{
    const uint8_t *points = v->points + (size_t)r->first * SHAPE_POINT_BYTES;
    r->least2 = DBL_MAX;
    for (uint32_t i = 0; i < r->count; i++) {
        struct point a = shape_point(points, i), b = shape_point(points, i + 1);
        double x = (a.lon_deg - s->p.lon_deg) * s->east_m, y = (a.lat_deg - s->p.lat_deg) * s->north_m;
        ret[i] = flat_nearest2(x, y, (b.lon_deg - a.lon_deg) * s->east_m, (b.lat_deg - a.lat_deg) * s->north_m);
        r->least2 = ret[i] < r->least2 ? ret[i] : r->least2;
    }
}

/* The least flat distance of all, squared; of runs that may have it, least2 becomes exact. The one that has it comes first:
 * where the flat map tells nothing, the rest is left out by what was found there. */
static double flat_least2(const struct search *s, const struct shape_view *v, struct run *runs, size_t count)
{
    double d[FENCE_RUN];
    size_t first = 0;
    for (size_t i = 1; i < count; i++)
        first = runs[i].least2 < runs[first].least2 ? i : first;
    flat_edges(s, v, &runs[first], d);
    double least2 = runs[first].least2;
    for (size_t i = 0; i < count; i++) {
        if (runs[i].least2 >= least2)
            continue;
        flat_edges(s, v, &runs[i], d);
        if (runs[i].least2 < least2)
            least2 = runs[first = i].least2;
    }
    struct run nearest = runs[first];
    runs[first] = runs[0];
    runs[0] = nearest;
    return least2;
}

/* The largest flat distance that the nearest edge can have when the least is least_m; HUGE_VAL when too far away, too near
 * a pole or the antimeridian for the flat map to tell. */
static double flat_limit_m(const struct search *s, double least_m)
{
    double reach = 1.1 * least_m / GEODESY_M_MIN, lat = fabs(s->p.lat_deg) * GEODESY_DEG + reach;
    if (!(lat < 1.5))
        return HUGE_VAL;
    double x = reach * (tan(lat) + 0.011); /* |d ln M / dφ| < 0.011 */
    if (!(x < FLAT_SPREAD_MAX) || fabs(s->p.lon_deg) + 1.1 * least_m / ((1 - x) * s->east_m) > SHAPE_LON_MAX)
        return HUGE_VAL;
    return least_m / ((1 - x) * (1 - x)) + FLAT_ROUNDING_M;
}

static double polygons_metres(const struct shape_view *v, struct point p)
{
    double sin_lat, cos_lat;
    sincos(p.lat_deg * GEODESY_DEG, &sin_lat, &cos_lat);
    double n = radius_n(sin_lat);
    struct search s = {.p = p, .at = place(p, p, NULL), .n_cos = n * cos_lat, .east_m = n * cos_lat * GEODESY_DEG,
                       .north_m = radius_m(sin_lat) * GEODESY_DEG, .best_m = DBL_MAX};
    struct run runs[FENCE_RUNS_MAX];
    double d[FENCE_RUN];
    size_t count = flat_runs(&s, v, runs);
    double limit_m = flat_limit_m(&s, sqrt(flat_least2(&s, v, runs, count)));
    for (size_t i = 0; i < count; i++) {
        if (runs[i].least2 > limit_m * limit_m)
            continue;
        flat_edges(&s, v, &runs[i], d);
        for (uint32_t k = 0; k < runs[i].count; k++)
            if (d[k] <= limit_m * limit_m)
                look_at_edge(&s, v, runs[i].first + k);
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
