/* Inside geo: the WGS 84 ellipsoid and the measure of distance on it. */
#ifndef HADIR_GEODESY_H
#define HADIR_GEODESY_H

#include "fence.h"

#define GEODESY_A 6378137.0
#define GEODESY_F (1.0 / 298.257223563)
#define GEODESY_E2 (GEODESY_F * (2.0 - GEODESY_F))
#define GEODESY_DEG 0.017453292519943295 /* radians */
/* Extremes of the radii of curvature: the meridian's at the equator, either at a pole. */
#define GEODESY_M_MIN (GEODESY_A * (1.0 - GEODESY_E2))
#define GEODESY_R_MAX (GEODESY_A / (1.0 - GEODESY_F))

/* Geodesic distance: the measure that everything else has to agree with. */
double geodesy_metres(struct point a, struct point b);

#endif
