/* Conversion to WGS 84 of what Indonesian agencies deliver. Expected places: the inverse Gauss-Krüger series by hand
 * (known points of the strips: central meridian and equator), and published shifts between the frames. */
#include <math.h>
#include <string.h>

#include "fence.h"
#include "unit.h"

static char error[200];

static struct point convert(const char *name, double x, double y)
{
    struct point p = {NAN, NAN};
    struct crs *c = crs_new(name, error, sizeof error);
    ck_assert_msg(c != NULL, "%s: %s", name, error);
    ck_assert(crs_to_wgs84(c, x, y, &p));
    crs_free(c);
    return p;
}

static double east_m(struct point p, double lon) { return (p.lon_deg - lon) * 111209.0; }
static double north_m(struct point p, double lat) { return (p.lat_deg - lat) * 110576.0; }

START_TEST(geographic_axes_are_longitude_latitude)
{
    struct point p = convert("EPSG:4326", 120.32, -2.55);
    ck_assert_double_eq_tol(p.lon_deg, 120.32, 1e-12);
    ck_assert_double_eq_tol(p.lat_deg, -2.55, 1e-12);
    p = convert("EPSG:4755", 120.32, -2.55);
    ck_assert_double_eq_tol(p.lon_deg, 120.32, 1e-9);
    ck_assert_double_eq_tol(p.lat_deg, -2.55, 1e-9);
}
END_TEST

START_TEST(tm3_strip_51_1)
{
    /* false origin: central meridian 121.5 E on the equator */
    struct point p = convert("EPSG:23839", 200000, 1500000);
    ck_assert_double_lt(hypot(east_m(p, 121.5), north_m(p, 0)), 0.001);
    /* meridian arc from the equator to 2.55 S is 281,966.9 m, times 0.9999 */
    p = convert("EPSG:23839", 200000, 1500000 - 281966.9 * 0.9999);
    ck_assert_double_eq_tol(p.lon_deg, 121.5, 1e-9);
    ck_assert_double_lt(fabs(north_m(p, -2.55)), 1.0);
    /* Masamba: 1.18° west of the meridian at 2.55 S lies 131.2 km west of it, and 0.46 % nearer the pole's side */
    p = convert("EPSG:23839", 68788.0, 1217987.0);
    ck_assert_double_eq_tol(p.lon_deg, 120.32, 0.001);
    ck_assert_double_eq_tol(p.lat_deg, -2.55, 0.001);
}
END_TEST

START_TEST(utm_51_south)
{
    struct point p = convert("EPSG:32751", 500000, 10000000);
    ck_assert_double_lt(hypot(east_m(p, 123), north_m(p, 0)), 0.001);
    p = convert("EPSG:32751", 500000, 10000000 - 281966.9 * 0.9996);
    ck_assert_double_eq_tol(p.lon_deg, 123, 1e-9);
    ck_assert_double_lt(fabs(north_m(p, -2.55)), 1.0);
}
END_TEST

START_TEST(srgi2013_differs_by_decimetres)
{
    struct point wgs84 = convert("EPSG:32751", 202000, 9718000), srgi = convert("EPSG:9491", 202000, 9718000);
    double shift = hypot(east_m(srgi, wgs84.lon_deg), north_m(srgi, wgs84.lat_deg));
    ck_assert_double_gt(shift, 0.05);
    ck_assert_double_lt(shift, 0.3);
}
END_TEST

START_TEST(id74_is_shifted_thirty_metres_east)
{
    struct point p = convert("EPSG:4238", 120.32, -2.55);
    ck_assert_double_eq_tol(east_m(p, 120.32), 30, 2);
    ck_assert_double_eq_tol(north_m(p, -2.55), 3, 2);
}
END_TEST

START_TEST(a_full_name_will_do_but_no_part_of_one)
{
    struct point by_code = convert("EPSG:32751", 202000, 9718000);
    struct point by_name = convert("WGS 84 / UTM zone 51S", 202000, 9718000);
    struct point by_urn = convert("urn:ogc:def:crs:EPSG::32751", 202000, 9718000);
    ck_assert_double_eq(by_code.lon_deg, by_name.lon_deg);
    ck_assert_double_eq(by_code.lat_deg, by_urn.lat_deg);
    ck_assert(crs_new("UTM zone 51", error, sizeof error) == NULL);
}
END_TEST

START_TEST(what_is_no_map_coordinate_system_is_refused)
{
    static const char *const unknown[] = {"EPSG:99999", "", "UTM 51", "EPSG:", "+proj=utm +zone=51 +south", "NaN"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        ck_assert_msg(crs_new(unknown[i], error, sizeof error) == NULL, "%s", unknown[i]);
        ck_assert_msg(strstr(error, "unknown coordinate reference system") != NULL, "%s", error);
    }
    ck_assert(crs_new("EPSG:5773", error, sizeof error) == NULL); /* a height */
    ck_assert(strstr(error, "no horizontal coordinates") != NULL);
    ck_assert(crs_new("EPSG:9468", error, sizeof error) == NULL); /* geocentric */
}
END_TEST

START_TEST(results_that_are_no_place_are_refused)
{
    struct crs *c = crs_new("EPSG:32751", error, sizeof error);
    struct point p = {1, 2};
    ck_assert(!crs_to_wgs84(c, NAN, 9718000, &p));
    ck_assert(!crs_to_wgs84(c, 202000, INFINITY, &p));
    ck_assert(!crs_to_wgs84(c, 1e300, 1e300, &p));
    ck_assert_double_eq(p.lon_deg, 1);
    ck_assert_double_eq(p.lat_deg, 2);
    ck_assert_msg(crs_to_wgs84(c, 202000, 9718000, &p), "usable again after a failure");
    crs_free(c);
    c = crs_new("EPSG:4326", error, sizeof error);
    ck_assert_msg(!crs_to_wgs84(c, 120, 95, &p), "latitude 95 is no place");
    crs_free(c);
    crs_free(NULL);
}
END_TEST

UNIT_MAIN("geo/crs", geographic_axes_are_longitude_latitude, tm3_strip_51_1, utm_51_south, srgi2013_differs_by_decimetres,
          id74_is_shifted_thirty_metres_east, a_full_name_will_do_but_no_part_of_one,
          what_is_no_map_coordinate_system_is_refused,
          results_that_are_no_place_are_refused)
