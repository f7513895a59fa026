/* Whether the rings of a polygon shape make sense together; called once per fence, at import.
 *
 * Allowed: rings that touch each other at single points without crossing there (a hole's corner on its shell, two
 * polygons meeting at a corner). Refused, with the place named: a ring that meets itself anywhere, two rings that cross
 * or run along each other, a hole outside its shell or inside another hole, a polygon inside another.
 *
 * Pairs of edges come from the packed R-tree of index.c over the edges' boxes, so 20,000 vertices take well under a
 * second unless they are long and parallel on purpose. All decisions use orient(), which is exact. When no two rings
 * cross, each lies wholly on one side of the other, and one vertex decides containment. Counts in reasons start at 1. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "orient.h"
#include "shape.h"

struct edge {
    struct point a, b;
    uint32_t ring, vertex; /* vertex of a within its ring */
};

struct rings {
    const struct shape_view *v;
    struct edge *edges;
    uint32_t edge_count;
    struct box *boxes;
    uint32_t looking; /* edge whose neighbours are being visited */
    bool ok;
    char *error;
    size_t error_cap;
};

/* Polygon and ring numbers, from 1, of ring i. */
static void name_ring(const struct shape_view *v, uint32_t i, uint32_t *ret_polygon, uint32_t *ret_ring)
{
    uint32_t polygon = 0, ring = 0;
    for (uint32_t k = 0; k <= i; k++) {
        bool shell = shape_ring_at(v, k).shell;
        polygon += shell;
        ring = shell ? 1 : ring + 1;
    }
    *ret_polygon = polygon;
    *ret_ring = ring;
}

static bool refuse_edges(struct rings *c, const struct edge *e, const struct edge *f, const char *what)
{
    uint32_t p1, r1, p2, r2;
    name_ring(c->v, e->ring, &p1, &r1);
    name_ring(c->v, f->ring, &p2, &r2);
    snprintf(c->error, c->error_cap,
             "polygon %u, ring %u: %s: edge after vertex %u and edge after vertex %u of polygon %u, ring %u", p1, r1, what,
             e->vertex + 1, f->vertex + 1, p2, r2);
    c->ok = false;
    return false;
}

static bool refuse_rings(struct rings *c, uint32_t i, const char *what, uint32_t j)
{
    uint32_t p1, r1, p2, r2;
    name_ring(c->v, i, &p1, &r1);
    name_ring(c->v, j, &p2, &r2);
    snprintf(c->error, c->error_cap, "polygon %u, ring %u: %s polygon %u, ring %u", p1, r1, what, p2, r2);
    c->ok = false;
    return false;
}

/* ---- two edges ---- */

enum meeting { APART, TOUCH, CROSS, ALONG };

static bool in_box(struct point a, struct point b, struct point p)
{
    return p.lon_deg >= fmin(a.lon_deg, b.lon_deg) && p.lon_deg <= fmax(a.lon_deg, b.lon_deg) &&
           p.lat_deg >= fmin(a.lat_deg, b.lat_deg) && p.lat_deg <= fmax(a.lat_deg, b.lat_deg);
}

static bool same(struct point a, struct point b)
{
    return a.lon_deg == b.lon_deg && a.lat_deg == b.lat_deg;
}

/* Edges on one line: a shared stretch, a shared end, or nothing. */
static enum meeting meet_on_line(const struct edge *e, const struct edge *f, struct point *ret_at)
{
    const struct point ends[4] = {e->a, e->b, f->a, f->b};
    const struct edge *other[4] = {f, f, e, e};
    const struct point *found = NULL;
    for (int i = 0; i < 4; i++) {
        if (!in_box(other[i]->a, other[i]->b, ends[i]))
            continue;
        if (found != NULL && !same(*found, ends[i]))
            return ALONG;
        found = &ends[i];
    }
    if (found == NULL)
        return APART;
    *ret_at = *found;
    return TOUCH;
}

static enum meeting meet(const struct edge *e, const struct edge *f, struct point *ret_at)
{
    int fa = orient(e->a, e->b, f->a), fb = orient(e->a, e->b, f->b);
    if (fa * fb > 0)
        return APART;
    int ea = orient(f->a, f->b, e->a), eb = orient(f->a, f->b, e->b);
    if (ea * eb > 0)
        return APART;
    if (fa == 0 && fb == 0)
        return meet_on_line(e, f, ret_at);
    if (fa * fb < 0 && ea * eb < 0)
        return CROSS;
    /* one end lies on the other's line, and the other's ends are on both sides of or on its own: they meet there */
    *ret_at = fa == 0 ? f->a : fb == 0 ? f->b : ea == 0 ? e->a : e->b;
    return TOUCH;
}

/* ---- two rings that touch at a point ---- */

/* The vertices before and after point t of e's ring; t lies on e. */
static void around(const struct rings *c, const struct edge *e, struct point t, struct point *ret_before,
                   struct point *ret_after)
{
    struct shape_ring r = shape_ring_at(c->v, e->ring);
    uint32_t n = r.count - 1; /* distinct vertices */
    *ret_before = same(t, e->a) ? shape_point(c->v->points, r.first + (e->vertex + n - 1) % n) : e->a;
    *ret_after = same(t, e->b) ? shape_point(c->v->points, r.first + (e->vertex + 2) % n) : e->b;
}

/* Side of the bent line before→t→after on which q lies: +1 left, −1 right, 0 on it. */
static int side_of_bend(struct point before, struct point t, struct point after, struct point q)
{
    int first = orient(before, t, q), second = orient(t, after, q);
    if (orient(before, t, after) > 0)
        return first > 0 && second > 0 ? 1 : (first < 0 || second < 0) ? -1 : 0;
    return first < 0 && second < 0 ? -1 : (first > 0 || second > 0) ? 1 : 0;
}

static bool crosses_at(const struct rings *c, const struct edge *e, const struct edge *f, struct point t)
{
    struct point e_before, e_after, f_before, f_after;
    around(c, e, t, &e_before, &e_after);
    around(c, f, t, &f_before, &f_after);
    return side_of_bend(e_before, t, e_after, f_before) * side_of_bend(e_before, t, e_after, f_after) < 0;
}

/* ---- all pairs ---- */

static bool neighbours(const struct rings *c, const struct edge *e, const struct edge *f)
{
    uint32_t n = shape_ring_at(c->v, e->ring).count - 1;
    return (e->vertex + 1) % n == f->vertex || (f->vertex + 1) % n == e->vertex;
}

static bool on_pair(void *arg, uint32_t item)
{
    struct rings *c = arg;
    if (item <= c->looking)
        return true;
    const struct edge *e = &c->edges[c->looking], *f = &c->edges[item];
    struct point t;
    enum meeting m = meet(e, f, &t);
    if (m == APART)
        return true;
    if (e->ring == f->ring) {
        if (m == TOUCH && neighbours(c, e, f))
            return true;
        return refuse_edges(c, e, f, m == TOUCH ? "touches itself" : "intersects itself");
    }
    if (m == TOUCH && !crosses_at(c, e, f, t))
        return true;
    return refuse_edges(c, e, f, m == ALONG ? "runs along another ring" : "crosses another ring");
}

static bool edges_collect(struct rings *c)
{
    uint32_t total = c->v->vertices - c->v->rings;
    c->edges = calloc(total, sizeof *c->edges);
    c->boxes = calloc(total, sizeof *c->boxes);
    if (c->edges == NULL || c->boxes == NULL)
        return false;
    for (uint32_t i = 0; i < c->v->rings; i++) {
        struct shape_ring r = shape_ring_at(c->v, i);
        for (uint32_t j = 0; j + 1 < r.count; j++) {
            struct point a = shape_point(c->v->points, r.first + j), b = shape_point(c->v->points, r.first + j + 1);
            c->boxes[c->edge_count] = (struct box){fmin(a.lon_deg, b.lon_deg), fmin(a.lat_deg, b.lat_deg),
                                                   fmax(a.lon_deg, b.lon_deg), fmax(a.lat_deg, b.lat_deg)};
            c->edges[c->edge_count++] = (struct edge){a, b, i, j};
        }
    }
    return true;
}

static bool edges_check(struct rings *c)
{
    struct buf tree;
    buf_init(&tree, (size_t)64 << 20);
    bool built = edges_collect(c) && index_build(c->boxes, c->edge_count, &tree);
    if (!built) {
        snprintf(c->error, c->error_cap, "out of memory");
        c->ok = false;
    }
    for (c->looking = 0; built && c->ok && c->looking < c->edge_count; c->looking++)
        index_search_box(tree.data, tree.len, c->boxes[c->looking], on_pair, c);
    buf_fini(&tree);
    return c->ok;
}

/* ---- containment, after it is known that no rings cross ---- */

/* +1: ring r lies in ring around, −1: outside it. */
static int locate_ring(const struct shape_view *v, struct shape_ring r, struct shape_ring around)
{
    struct point before = shape_point(v->points, r.first);
    for (uint32_t i = 0; i < r.count; i++) {
        int side = shape_locate(v, around, shape_point(v->points, r.first + i));
        if (side != 0)
            return side;
    }
    /* every vertex on the other ring: its edges are chords, inside or outside as their middles are */
    for (uint32_t i = 1; i < r.count; i++) {
        struct point p = shape_point(v->points, r.first + i);
        struct point middle = {0.5 * (before.lon_deg + p.lon_deg), 0.5 * (before.lat_deg + p.lat_deg)};
        int side = shape_locate(v, around, middle);
        if (side != 0)
            return side;
        before = p;
    }
    return 1;
}

static bool holes_check(struct rings *c)
{
    uint32_t shell = 0;
    for (uint32_t i = 0; i < c->v->rings; i++) {
        struct shape_ring hole = shape_ring_at(c->v, i);
        if (hole.shell) {
            shell = i;
            continue;
        }
        if (locate_ring(c->v, hole, shape_ring_at(c->v, shell)) < 0)
            return refuse_rings(c, i, "the hole lies outside its shell,", shell);
        for (uint32_t j = shell + 1; j < c->v->rings; j++) {
            struct shape_ring other = shape_ring_at(c->v, j);
            if (other.shell)
                break;
            if (j != i && locate_ring(c->v, hole, other) > 0)
                return refuse_rings(c, i, "the hole lies inside the hole", j);
        }
    }
    return true;
}

/* Shell i inside shell j is an overlap unless it stands in one of j's holes. */
static bool shell_overlaps(const struct rings *c, uint32_t i, uint32_t j)
{
    struct shape_ring r = shape_ring_at(c->v, i);
    if (locate_ring(c->v, r, shape_ring_at(c->v, j)) < 0)
        return false;
    for (uint32_t k = j + 1; k < c->v->rings && !shape_ring_at(c->v, k).shell; k++)
        if (locate_ring(c->v, r, shape_ring_at(c->v, k)) > 0)
            return false;
    return true;
}

static bool shells_check(struct rings *c)
{
    for (uint32_t i = 0; i < c->v->rings; i++) {
        if (!shape_ring_at(c->v, i).shell)
            continue;
        for (uint32_t j = 0; j < c->v->rings; j++)
            if (j != i && shape_ring_at(c->v, j).shell && shell_overlaps(c, i, j))
                return refuse_rings(c, i, "lies inside", j);
    }
    return true;
}

bool rings_check(const struct shape_view *v, char *error, size_t error_cap)
{
    struct rings c = {.v = v, .ok = true, .error = error, .error_cap = error_cap};
    bool ok = edges_check(&c) && holes_check(&c) && shells_check(&c);
    free(c.edges);
    free(c.boxes);
    return ok;
}
