/* Places stored check-ins against fences that came, or changed, after them.
 *
 * Place in the flow: planner.c asks the database which pairs are missing (api.placements_wanted) and hands the answer
 * over here; geo measures; the result goes back by api.placements_add. Coordinates never leave this function.
 * No threads. */
#include "placements.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "fence.h"
#include "json.h"
#include "log.h"
#include "store.h"

enum column { CHECKIN, LAT, LON, ACCURACY, CAP, FENCE, VERSION, SHAPE, COLUMNS };

static bool number(const char *s, double *ret)
{
    if (s == NULL || s[0] == '\0')
        return false;
    char *end;
    double v = strtod(s, &end);
    if (*end != '\0' || !isfinite(v))
        return false;
    *ret = v;
    return true;
}

static bool integer(const char *s, int64_t *ret)
{
    if (s == NULL || s[0] == '\0')
        return false;
    char *end;
    *ret = strtoll(s, &end, 10);
    return *end == '\0';
}

/* The row's shape in memory of its own, aligned; caller frees. */
static uint8_t *shape_of(const char *hex, size_t hex_len, struct fence_shape *ret)
{
    size_t len = hex_len / 2;
    uint8_t *bytes = len == 0 ? NULL : malloc(len);
    if (bytes == NULL || !decode_hex(hex, hex_len, bytes, len)) {
        free(bytes);
        return NULL;
    }
    *ret = (struct fence_shape){.bytes = bytes, .len = len};
    return bytes;
}

static bool compute(const struct rows *rows, size_t i, struct json_writer *w)
{
    struct point p;
    struct fence_shape shape;
    double accuracy_m = 0, cap_m = 0;
    int64_t fence, version;
    const char *accuracy = rows_get(rows, i, ACCURACY), *hex = rows_get(rows, i, SHAPE);
    if (rows_get(rows, i, CHECKIN) == NULL || !number(rows_get(rows, i, LAT), &p.lat_deg) ||
        !number(rows_get(rows, i, LON), &p.lon_deg) || (accuracy != NULL && !number(accuracy, &accuracy_m)) ||
        !number(rows_get(rows, i, CAP), &cap_m) || !integer(rows_get(rows, i, FENCE), &fence) ||
        !integer(rows_get(rows, i, VERSION), &version) || hex == NULL)
        return false;
    uint8_t *bytes = shape_of(hex, rows_length(rows, i, SHAPE), &shape);
    if (bytes == NULL || !fence_shape_valid(shape)) {
        free(bytes);
        return false;
    }
    double metres = fence_metres(shape, p);
    free(bytes);
    json_object(w);
    json_key(w, "checkin");
    json_string(w, rows_get(rows, i, CHECKIN));
    json_key(w, "fence");
    json_int(w, fence);
    json_key(w, "version");
    json_int(w, version);
    json_key(w, "relation");
    json_string(w, relation_name(fence_relate(metres, accuracy != NULL, accuracy_m, cap_m)));
    json_key(w, "metres");
    json_real(w, metres);
    json_object_end(w);
    return true;
}

unsigned placements_compute(const struct rows *rows, struct buf *out)
{
    unsigned done = 0;
    struct json_writer w;
    json_begin(&w, out);
    json_array(&w);
    for (size_t i = 0; i < rows_count(rows); i++) {
        if (rows_columns(rows) == COLUMNS && compute(rows, i, &w))
            done++;
        else
            log_error("event=placement_unusable fence=%s", rows_get(rows, i, FENCE) == NULL ? "-"
                                                                                           : rows_get(rows, i, FENCE));
    }
    json_array_end(&w);
    return done;
}
