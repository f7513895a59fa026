/* The yardstick of fence_rate: what a C program that takes GEOS, as PostGIS does, would do to place a check-in. */
#ifndef HADIR_BENCH_GEOS_H
#define HADIR_BENCH_GEOS_H

#include <stddef.h>
#include <stdint.h>

#include "fence.h"

struct peer; /* all fences in an STRtree, each prepared */

/* Fences by number from 0, ring by ring (the first is the shell); ended by peer_ready. Ends the process on an error. */
struct peer *peer_new(size_t fences);
void peer_fence(struct peer *p, size_t fence, const struct ring *rings, size_t count);
void peer_ready(struct peer *p);
void peer_free(struct peer *p);

/* Appends the fences that cover the point, in no order, at most max; returns how many. */
size_t peer_covering(struct peer *p, struct point at, uint32_t *ret, size_t max);
/* Signed geodesic metres to the fence's boundary, negative inside. */
double peer_metres(struct peer *p, size_t fence, struct point at);

#endif
