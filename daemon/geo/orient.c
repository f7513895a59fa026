/* The sign of the determinant |a−c, b−c|, exact for all doubles of geographic size.
 *
 * Membership and validity hang on this sign alone, so it may not depend on rounding: a first try in plain doubles with
 * Shewchuk's error bound decides nearly always; what is closer to zero than the bound is summed exactly as an expansion
 * of non-overlapping doubles. Pure; any thread. */
#include "orient.h"

#include <math.h>
#include <stddef.h>

/* (3 + 16ε)ε of Shewchuk's "Adaptive Precision Floating-Point Arithmetic", ε = 2^-53. */
static const double FILTER_BOUND = 3.3306690738754716e-16;

#define TERMS_MAX 12

struct expansion {
    double term[TERMS_MAX]; /* non-overlapping, ascending magnitude, zeros among them */
    size_t count;
};

/* Adds x exactly (grow-expansion: each two-sum leaves its rounding error behind as a term). */
static void expansion_add(struct expansion *e, double x)
{
    double q = x;
    for (size_t i = 0; i < e->count; i++) {
        double sum = q + e->term[i];
        double part = sum - q;
        double error = (q - (sum - part)) + (e->term[i] - part);
        e->term[i] = error;
        q = sum;
    }
    e->term[e->count++] = q;
}

static void expansion_add_product(struct expansion *e, double x, double y)
{
    double high = x * y;
    expansion_add(e, fma(x, y, -high));
    expansion_add(e, high);
}

static int orient_exact(struct point a, struct point b, struct point c)
{
    struct expansion e = {.count = 0};
    expansion_add_product(&e, a.lon_deg, b.lat_deg);
    expansion_add_product(&e, -a.lon_deg, c.lat_deg);
    expansion_add_product(&e, -c.lon_deg, b.lat_deg);
    expansion_add_product(&e, -a.lat_deg, b.lon_deg);
    expansion_add_product(&e, a.lat_deg, c.lon_deg);
    expansion_add_product(&e, c.lat_deg, b.lon_deg);
    for (size_t i = e.count; i-- > 0;) {
        if (e.term[i] > 0)
            return 1;
        if (e.term[i] < 0)
            return -1;
    }
    return 0;
}

int orient(struct point a, struct point b, struct point c)
{
    double left = (a.lon_deg - c.lon_deg) * (b.lat_deg - c.lat_deg);
    double right = (a.lat_deg - c.lat_deg) * (b.lon_deg - c.lon_deg);
    double det = left - right;
    double bound = FILTER_BOUND * (fabs(left) + fabs(right));
    if (det > bound)
        return 1;
    if (det < -bound)
        return -1;
    return orient_exact(a, b, c);
}
