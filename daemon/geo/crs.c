/* Coordinates of any CRS that PROJ knows, converted to WGS 84 at import.
 *
 * Place in the flow: `hadir import fences --crs …` only; nothing projected is stored. PROJ picks the best operation for
 * each coordinate's area. Invariants: the network stays off; a "ballpark" operation, which would leave out a datum shift
 * that PROJ knows nothing of, is refused instead of silently moving fences by tens of metres; axes are always x =
 * easting or longitude, y = northing or latitude, as GeoJSON orders them, whatever the CRS says. One context, used by one
 * thread. Not here: range checks of the result (fence.c's builders). */
#include <math.h>
#include <proj.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fence.h"

struct crs {
    PJ_CONTEXT *context;
    PJ *to_wgs84;
};

/* PROJ writes to stderr by itself otherwise; its reason comes back through proj_context_errno_string. */
static void on_proj_log(void *arg, int level, const char *message)
{
    (void)arg;
    (void)level;
    (void)message;
}

/* Only CRS with horizontal coordinates make sense: no geocentric, vertical, engineering ones. */
static bool horizontal(PJ_TYPE type)
{
    switch (type) {
    case PJ_TYPE_GEOGRAPHIC_2D_CRS:
    case PJ_TYPE_GEOGRAPHIC_3D_CRS:
    case PJ_TYPE_PROJECTED_CRS:
    case PJ_TYPE_COMPOUND_CRS:
    case PJ_TYPE_BOUND_CRS:
        return true;
    default:
        return false;
    }
}

/* PROJ also finds a CRS by part of its name, and takes the first of many: only a code or the whole name will do. */
static bool names_exactly(const char *name, const PJ *found)
{
    const char *own = proj_get_name(found);
    return strchr(name, ':') != NULL || (own != NULL && strcasecmp(name, own) == 0);
}

static PJ *operation(PJ_CONTEXT *context, const char *name, char *error, size_t error_cap)
{
    static const char *const options[] = {"ALLOW_BALLPARK=NO", NULL};
    PJ *source = proj_create(context, name), *target = proj_create(context, "EPSG:4326"), *found = NULL, *turned = NULL;
    if (source == NULL || !proj_is_crs(source) || !names_exactly(name, source)) {
        snprintf(error, error_cap, "unknown coordinate reference system %.60s", name);
        goto out;
    }
    if (!horizontal(proj_get_type(source))) {
        snprintf(error, error_cap, "%.60s has no horizontal coordinates", name);
        goto out;
    }
    if (target != NULL)
        found = proj_create_crs_to_crs_from_pj(context, source, target, NULL, options);
    if (found != NULL)
        turned = proj_normalize_for_visualization(context, found);
    if (turned == NULL)
        snprintf(error, error_cap, "no way from %.60s to WGS 84 is known", name);
out:
    proj_destroy(source);
    proj_destroy(target);
    proj_destroy(found);
    return turned;
}

struct crs *crs_new(const char *name, char *error, size_t error_cap)
{
    struct crs *c = calloc(1, sizeof *c);
    if (c == NULL || (c->context = proj_context_create()) == NULL) {
        snprintf(error, error_cap, "out of memory");
        goto fail;
    }
    proj_context_set_enable_network(c->context, 0);
    proj_log_func(c->context, NULL, on_proj_log);
    c->to_wgs84 = operation(c->context, name, error, error_cap);
    if (c->to_wgs84 != NULL)
        return c;
fail:
    crs_free(c);
    return NULL;
}

bool crs_to_wgs84(struct crs *c, double x, double y, struct point *ret)
{
    /* PROJ before 9.2 has no defined answer to a NaN */
    if (!isfinite(x) || !isfinite(y))
        return false;
    PJ_COORD out = proj_trans(c->to_wgs84, PJ_FWD, proj_coord(x, y, 0, HUGE_VAL));
    if (!isfinite(out.xy.x) || !isfinite(out.xy.y) || fabs(out.xy.x) > 180 || fabs(out.xy.y) > 90)
        return false;
    *ret = (struct point){.lon_deg = out.xy.x, .lat_deg = out.xy.y};
    return true;
}

void crs_free(struct crs *c)
{
    if (c == NULL)
        return;
    proj_destroy(c->to_wgs84);
    if (c->context != NULL)
        proj_context_destroy(c->context);
    free(c);
}
