/* How much one token, one address and all together may ask of this door. Refusals are 429 on /v1, 503 on /in, both
 * with Retry-After. */
#ifndef HADIR_THROTTLE_H
#define HADIR_THROTTLE_H

#include <stdbool.h>

struct conf;
struct credential;
struct exchange;
struct throttle;

struct throttle *throttle_new(const struct conf *conf); /* borrows it. NULL when memory is short */
void throttle_free(struct throttle *t);
/* Counts a request that somebody known stands behind: once, when that is known. who NULL: known by a signature. true:
 * too many, and answered. */
bool throttle_refuses(struct exchange *x, const struct credential *who);
/* Counts a request that nobody stands behind who may make it, before it is refused. true: too many, and answered. */
bool throttle_failure(struct exchange *x);

#endif
