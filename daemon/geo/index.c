/* A packed, static R-tree: made once, then only read, in place, from any alignment.
 *
 * Layout (little-endian): u32 magic, u32 items, u32 nodes, u32 0; nodes × { f64 min_lon min_lat max_lon max_lat };
 * nodes × u32 link; zero bytes up to a multiple of 8. Level 0 comes first: the items' boxes along a Hilbert curve, link =
 * the item's number. Each further level has one node for WIDTH of the level below, link = its first child; the last
 * node is the root. Everything but the items' order follows from `items`, so validation can check every link.
 *
 * Invariants that index_valid establishes and index_search relies on: links of inner nodes are exactly the computed
 * ones (the walk ends), items are below `items`, a parent's box is exactly the union of its children's (nothing is
 * missed). Pure; any thread. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fence.h"
#include "shape.h"

#define INDEX_MAGIC UINT32_C(0x31584948) /* "HIX1" */
#define INDEX_HEAD_BYTES 16u
#define BOX_BYTES 32u
#define WIDTH 16u
#define ITEMS_MAX UINT32_C(16000000)
#define LEVELS_MAX 8u /* 16^7 > ITEMS_MAX */
#define HILBERT_BITS 16

/* Where each level's nodes begin and how many there are. */
struct levels {
    uint32_t first[LEVELS_MAX], count[LEVELS_MAX];
    uint32_t levels, nodes;
};

static struct levels levels_of(uint32_t items)
{
    struct levels l = {.levels = 0, .nodes = 0};
    uint32_t n = items;
    while (n > 0 && l.levels < LEVELS_MAX) {
        l.first[l.levels] = l.nodes;
        l.count[l.levels++] = n;
        l.nodes += n;
        n = n == 1 ? 0 : (n + WIDTH - 1) / WIDTH;
    }
    return l;
}

static size_t bytes_of(uint32_t nodes)
{
    size_t len = INDEX_HEAD_BYTES + (size_t)nodes * (BOX_BYTES + 4);
    return (len + 7) & ~(size_t)7;
}

static struct box box_at(const uint8_t *bytes, uint32_t node)
{
    struct box b;
    memcpy(&b, bytes + INDEX_HEAD_BYTES + (size_t)node * BOX_BYTES, sizeof b);
    return b;
}

static uint32_t link_at(const uint8_t *bytes, uint32_t nodes, uint32_t node)
{
    return shape_u32(bytes + INDEX_HEAD_BYTES + (size_t)nodes * BOX_BYTES + (size_t)node * 4);
}

static struct box box_union(struct box a, struct box b)
{
    return (struct box){fmin(a.min_lon, b.min_lon), fmin(a.min_lat, b.min_lat), fmax(a.max_lon, b.max_lon),
                        fmax(a.max_lat, b.max_lat)};
}

static const struct box EMPTY_BOX = {DBL_MAX, DBL_MAX, -DBL_MAX, -DBL_MAX};

/* ---- building ---- */

/* Distance along the Hilbert curve over a 2^16 × 2^16 grid. */
static uint32_t hilbert(uint32_t x, uint32_t y)
{
    uint32_t d = 0;
    for (uint32_t s = UINT32_C(1) << (HILBERT_BITS - 1); s > 0; s >>= 1) {
        uint32_t rx = (x & s) != 0, ry = (y & s) != 0;
        d += s * s * ((3 * rx) ^ ry);
        if (ry == 0) {
            if (rx == 1) {
                x = (UINT32_C(1) << HILBERT_BITS) - 1 - x;
                y = (UINT32_C(1) << HILBERT_BITS) - 1 - y;
            }
            uint32_t t = x;
            x = y;
            y = t;
        }
    }
    return d;
}

struct keyed {
    uint32_t key, item;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static uint32_t grid(double middle, double min, double max)
{
    const double cells = (double)((1u << HILBERT_BITS) - 1);
    double x = max > min ? (middle - min) / (max - min) * cells : 0;
    return (uint32_t)fmin(fmax(x, 0), cells);
}

static bool boxes_usable(const struct box *boxes, size_t count, struct box *ret_all)
{
    struct box all = EMPTY_BOX;
    for (size_t i = 0; i < count; i++) {
        const struct box *b = &boxes[i];
        if (!isfinite(b->min_lon) || !isfinite(b->min_lat) || !isfinite(b->max_lon) || !isfinite(b->max_lat) ||
            b->min_lon > b->max_lon || b->min_lat > b->max_lat)
            return false;
        all = box_union(all, *b);
    }
    *ret_all = all;
    return true;
}

static struct keyed *sort_items(const struct box *boxes, size_t count, struct box all)
{
    struct keyed *order = calloc(count > 0 ? count : 1, sizeof *order);
    for (size_t i = 0; order != NULL && i < count; i++) {
        uint32_t x = grid(0.5 * (boxes[i].min_lon + boxes[i].max_lon), all.min_lon, all.max_lon);
        uint32_t y = grid(0.5 * (boxes[i].min_lat + boxes[i].max_lat), all.min_lat, all.max_lat);
        order[i] = (struct keyed){hilbert(x, y), (uint32_t)i};
    }
    if (order != NULL)
        qsort(order, count, sizeof *order, by_key);
    return order;
}

/* Fills boxes and links of all nodes, level by level. */
static void fill_nodes(const struct levels *l, const struct box *boxes, const struct keyed *order, struct box *node_boxes,
                       uint32_t *links)
{
    for (uint32_t i = 0; l->levels > 0 && i < l->count[0]; i++) {
        node_boxes[i] = boxes[order[i].item];
        links[i] = order[i].item;
    }
    for (uint32_t level = 1; level < l->levels; level++)
        for (uint32_t i = 0; i < l->count[level]; i++) {
            uint32_t child = l->first[level - 1] + i * WIDTH, end = l->first[level - 1] + l->count[level - 1];
            links[l->first[level] + i] = child;
            struct box b = EMPTY_BOX;
            for (uint32_t k = child; k < end && k < child + WIDTH; k++)
                b = box_union(b, node_boxes[k]);
            node_boxes[l->first[level] + i] = b;
        }
}

bool index_build(const struct box *boxes, size_t count, struct buf *out)
{
    struct box all;
    if (count > ITEMS_MAX || !boxes_usable(boxes, count, &all))
        return false;
    struct levels l = levels_of((uint32_t)count);
    size_t start = out->len;
    bool ok = false;
    struct keyed *order = sort_items(boxes, count, all);
    struct box *node_boxes = calloc(l.nodes + 1u, sizeof *node_boxes);
    uint32_t *links = calloc(l.nodes + 1u, sizeof *links);
    if (order == NULL || node_boxes == NULL || links == NULL)
        goto out;
    fill_nodes(&l, boxes, order, node_boxes, links);
    buf_u32(out, INDEX_MAGIC);
    buf_u32(out, (uint32_t)count);
    buf_u32(out, l.nodes);
    buf_u32(out, 0);
    buf_add(out, node_boxes, (size_t)l.nodes * sizeof *node_boxes);
    ok = buf_add(out, links, (size_t)l.nodes * sizeof *links);
    static const uint8_t zeros[8];
    ok = ok && buf_add(out, zeros, bytes_of(l.nodes) - (out->len - start));
out:
    free(order);
    free(node_boxes);
    free(links);
    return ok;
}

/* ---- validating ---- */

static bool level_valid(const uint8_t *bytes, const struct levels *l, uint32_t level)
{
    for (uint32_t i = 0; i < l->count[level]; i++) {
        uint32_t node = l->first[level] + i;
        struct box b = box_at(bytes, node);
        uint32_t link = link_at(bytes, l->nodes, node);
        if (level == 0) {
            if (!isfinite(b.min_lon) || !isfinite(b.min_lat) || !isfinite(b.max_lon) || !isfinite(b.max_lat) ||
                b.min_lon > b.max_lon || b.min_lat > b.max_lat || link >= l->count[0])
                return false;
            continue;
        }
        uint32_t child = l->first[level - 1] + i * WIDTH, end = l->first[level - 1] + l->count[level - 1];
        struct box all = EMPTY_BOX;
        for (uint32_t k = child; k < end && k < child + WIDTH; k++)
            all = box_union(all, box_at(bytes, k));
        if (link != child || all.min_lon != b.min_lon || all.min_lat != b.min_lat || all.max_lon != b.max_lon ||
            all.max_lat != b.max_lat)
            return false;
    }
    return true;
}

bool index_valid(const uint8_t *bytes, size_t len)
{
    if (bytes == NULL || len < INDEX_HEAD_BYTES || shape_u32(bytes) != INDEX_MAGIC || shape_u32(bytes + 12) != 0)
        return false;
    uint32_t items = shape_u32(bytes + 4);
    if (items > ITEMS_MAX)
        return false;
    struct levels l = levels_of(items);
    if (shape_u32(bytes + 8) != l.nodes || len != bytes_of(l.nodes))
        return false;
    for (uint32_t level = 0; level < l.levels; level++)
        if (!level_valid(bytes, &l, level))
            return false;
    return true;
}

uint32_t index_count(const uint8_t *bytes)
{
    return shape_u32(bytes + 4);
}

/* ---- searching ---- */

static bool boxes_meet(struct box a, struct box b)
{
    /* all four at once: any of them may fail, which a branch cannot foresee */
    return (a.min_lon <= b.max_lon) & (a.max_lon >= b.min_lon) & (a.min_lat <= b.max_lat) & (a.max_lat >= b.min_lat);
}

void index_search_box(const uint8_t *bytes, size_t len, struct box b, index_hit_cb hit, void *arg)
{
    struct levels l = levels_of(shape_u32(bytes + 4));
    if (l.levels == 0 || len != bytes_of(l.nodes))
        return;
    /* depth first: each level leaves at most WIDTH − 1 siblings waiting, so the stack has a fixed bound */
    struct {
        uint32_t node, level;
    } stack[LEVELS_MAX * WIDTH];
    size_t depth = 0;
    stack[depth].node = l.nodes - 1;
    stack[depth++].level = l.levels - 1;
    while (depth > 0) {
        depth--;
        uint32_t node = stack[depth].node, level = stack[depth].level;
        if (!boxes_meet(box_at(bytes, node), b))
            continue;
        uint32_t link = link_at(bytes, l.nodes, node);
        if (level == 0) {
            if (!hit(arg, link))
                return;
            continue;
        }
        uint32_t end = l.first[level - 1] + l.count[level - 1];
        for (uint32_t k = link; k < end && k < link + WIDTH; k++) {
            stack[depth].node = k;
            stack[depth++].level = level - 1;
        }
    }
}

void index_search(const uint8_t *bytes, size_t len, struct point p, index_hit_cb hit, void *arg)
{
    index_search_box(bytes, len, (struct box){p.lon_deg, p.lat_deg, p.lon_deg, p.lat_deg}, hit, arg);
}
