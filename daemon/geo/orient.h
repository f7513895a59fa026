/* On which side of a line a point lies, without rounding error. */
#ifndef HADIR_ORIENT_H
#define HADIR_ORIENT_H

#include "fence.h"

/* +1: c lies left of a→b, −1: right, 0: exactly on the line through a and b. Coordinates must be finite. */
int orient(struct point a, struct point b, struct point c);

#endif
