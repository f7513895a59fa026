/* hadir import fences: a GeoJSON FeatureCollection, in any CRS that PROJ knows, to rows of api.import_fences.
 *
 * Properties of a feature: code, name, kind (office site home area), unit or nip, shared; a Point also radius_m (a
 * circle). Every feature that is not valid is named by its number (from 1) with the reason; nothing is repaired. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "digest.h"
#include "fence.h"

#define GEOJSON_FILE_MAX (64u << 20)

struct import {
    const char *path;
    struct crs *crs; /* NULL: WGS 84 already */
    struct arena *arena;
    struct json_writer *w;
    size_t problems;
};

static void problem(struct import *in, size_t feature, const char *reason)
{
    fprintf(stderr, cli_say("%s: fitur %zu: %s\n", "%s: feature %zu: %s\n"), in->path, feature, reason);
    in->problems++;
}

/* [x, y] of the file's CRS to a point; NULL or the reason why not. */
static const char *read_position(const struct import *in, const json_value *v, struct point *ret)
{
    double x, y;
    if (json_count(v) < 2 || !json_get_real(json_at(v, 0), &x) || !json_get_real(json_at(v, 1), &y))
        return cli_say("posisi harus dua angka", "a position must be two numbers");
    if (in->crs == NULL) {
        *ret = (struct point){.lon_deg = x, .lat_deg = y};
        return NULL;
    }
    return crs_to_wgs84(in->crs, x, y, ret) ? NULL
                                            : cli_say("posisi di luar jangkauan sistem koordinatnya",
                                                      "a position lies outside its coordinate system");
}

static const char *read_ring(const struct import *in, const json_value *v, struct ring *ret)
{
    size_t count = json_count(v);
    if (json_kind_of(v) != JSON_KIND_ARRAY || count > FENCE_VERTICES_MAX)
        return cli_say("cincin bukan larik posisi, atau terlalu panjang", "a ring is no array of positions, or too long");
    struct point *points = arena_alloc(in->arena, (count > 0 ? count : 1) * sizeof *points);
    if (points == NULL)
        return cli_say("terlalu besar", "too large");
    for (size_t i = 0; i < count; i++) {
        const char *reason = read_position(in, json_at(v, i), &points[i]);
        if (reason != NULL)
            return reason;
    }
    *ret = (struct ring){points, count};
    return NULL;
}

static const char *read_polygon(const struct import *in, const json_value *v, struct polygon *ret)
{
    size_t count = json_count(v);
    if (json_kind_of(v) != JSON_KIND_ARRAY || count == 0 || count > FENCE_RINGS_MAX)
        return cli_say("poligon tanpa cincin, atau terlalu banyak cincin", "a polygon without rings, or with too many");
    struct ring *rings = arena_alloc(in->arena, count * sizeof *rings);
    if (rings == NULL)
        return cli_say("terlalu besar", "too large");
    for (size_t i = 0; i < count; i++) {
        const char *reason = read_ring(in, json_at(v, i), &rings[i]);
        if (reason != NULL)
            return reason;
    }
    *ret = (struct polygon){rings, count};
    return NULL;
}

static const char *polygons_shape(const struct import *in, const json_value *list, size_t count, bool multi,
                                  struct buf *shape, char *error, size_t cap)
{
    if (count == 0 || count > FENCE_RINGS_MAX)
        return cli_say("tidak ada poligon, atau terlalu banyak", "no polygon, or too many");
    struct polygon *polygons = arena_alloc(in->arena, count * sizeof *polygons);
    if (polygons == NULL)
        return cli_say("terlalu besar", "too large");
    for (size_t i = 0; i < count; i++) {
        const char *reason = read_polygon(in, multi ? json_at(list, i) : list, &polygons[i]);
        if (reason != NULL)
            return reason;
    }
    return fence_polygons(polygons, count, shape, error, cap) ? NULL : error;
}

static const char *circle_shape(const struct import *in, const json_value *at, const json_value *properties,
                                struct buf *shape, char *error, size_t cap)
{
    double radius_m;
    struct point centre;
    if (!json_get_real(json_member(properties, "radius_m"), &radius_m))
        return cli_say("titik memerlukan properti radius_m (meter)", "a Point needs the property radius_m (metres)");
    const char *reason = read_position(in, at, &centre);
    if (reason != NULL)
        return reason;
    return fence_circle(centre, radius_m, shape, error, cap) ? NULL : error;
}

/* The encoded shape of one feature; NULL or the reason. */
static const char *read_shape(const struct import *in, const json_value *feature, struct buf *shape, char *error, size_t cap)
{
    const json_value *geometry = json_member(feature, "geometry");
    const json_value *at = json_member(geometry, "coordinates");
    struct text type;
    if (!json_get_string(json_member(geometry, "type"), &type) || at == NULL)
        return cli_say("tanpa geometri", "without a geometry");
    if (strcmp(type.s, "Point") == 0)
        return circle_shape(in, at, json_member(feature, "properties"), shape, error, cap);
    if (strcmp(type.s, "Polygon") == 0)
        return polygons_shape(in, at, 1, false, shape, error, cap);
    if (strcmp(type.s, "MultiPolygon") == 0)
        return polygons_shape(in, at, json_count(at), true, shape, error, cap);
    return cli_say("jenis geometri harus Point, Polygon atau MultiPolygon",
                   "the geometry must be Point, Polygon or MultiPolygon");
}

static void copy_text(struct json_writer *w, const json_value *properties, const char *name)
{
    struct text text;
    json_key(w, name);
    if (json_get_string(json_member(properties, name), &text))
        json_string_n(w, text.s, text.len);
    else
        json_null(w);
}

static void write_row(struct import *in, size_t number, const json_value *properties, const char *hex)
{
    bool shared = false;
    (void)json_get_bool(json_member(properties, "shared"), &shared);
    json_object(in->w);
    json_key(in->w, "line");
    json_int(in->w, (int64_t)number);
    copy_text(in->w, properties, "code");
    copy_text(in->w, properties, "name");
    copy_text(in->w, properties, "kind");
    copy_text(in->w, properties, "unit");
    copy_text(in->w, properties, "nip");
    json_key(in->w, "shared");
    json_bool(in->w, shared);
    json_key(in->w, "shape");
    json_string(in->w, hex);
    json_object_end(in->w);
}

static void one_feature(struct import *in, size_t number, const json_value *feature)
{
    char error[256] = "";
    struct buf shape;
    buf_init(&shape, 16u << 20);
    const char *reason = read_shape(in, feature, &shape, error, sizeof error);
    const json_value *shared = json_member(json_member(feature, "properties"), "shared");
    bool flag;
    if (reason == NULL && shared != NULL && json_kind_of(shared) != JSON_KIND_NULL && !json_get_bool(shared, &flag))
        reason = cli_say("properti shared harus true atau false", "the property shared must be true or false");
    if (reason != NULL) {
        problem(in, number, reason);
    } else {
        size_t cap = shape.len * 2 + 1;
        char *hex = malloc(cap);
        if (hex == NULL)
            problem(in, number, cli_say("memori habis", "out of memory"));
        else
            write_row(in, number, json_member(feature, "properties"), encode_hex(hex, cap, shape.data, shape.len));
        free(hex);
    }
    buf_fini(&shape);
    arena_reset(in->arena);
}

static bool open_crs(const char *crs, struct crs **ret)
{
    char error[256];
    *ret = NULL;
    if (strcmp(crs, "EPSG:4326") == 0)
        return true;
    *ret = crs_new(crs, error, sizeof error);
    if (*ret == NULL)
        cli_error("--crs %s: %s", crs, error);
    return *ret != NULL;
}

bool cli_fences_rows(const char *path, const char *crs, struct buf *ret_json, size_t *ret_problems)
{
    struct buf text;
    struct json_error e;
    struct json_doc *doc = NULL;
    struct json_writer w;
    struct import in = {.path = path, .w = &w};
    bool ok = false;
    buf_init(&text, GEOJSON_FILE_MAX);
    if (!open_crs(crs, &in.crs) || !cli_read_file(path, &text))
        goto out;
    in.arena = arena_new(256u << 20);
    doc = json_parse(text.data, text.len, 16, &e);
    if (in.arena == NULL || doc == NULL) {
        cli_error(cli_say("%s: bukan JSON pada bita %zu: %s", "%s: not JSON at byte %zu: %s"), path, doc == NULL ? e.offset : 0,
                  doc == NULL ? e.reason : "out of memory");
        goto out;
    }
    const json_value *features = json_member(json_root(doc), "features");
    if (json_kind_of(features) != JSON_KIND_ARRAY) {
        cli_error(cli_say("%s: bukan FeatureCollection", "%s: not a FeatureCollection"), path);
        goto out;
    }
    json_begin(&w, ret_json);
    json_array(&w);
    for (size_t i = 0; i < json_count(features); i++)
        one_feature(&in, i + 1, json_at(features, i));
    json_array_end(&w);
    *ret_problems = in.problems;
    ok = true;
out:
    json_doc_free(doc);
    arena_free(in.arena);
    if (in.crs != NULL)
        crs_free(in.crs);
    buf_fini(&text);
    return ok;
}
