/* Who asks: tokens to credentials, and whether a "no" may be trusted. */
#ifndef HADIR_AUTH_H
#define HADIR_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "directory.h"
#include "terms.h"

struct door;
struct exchange;

enum auth_outcome {
    AUTH_OK,
    AUTH_MISSING,       /* no token at all */
    AUTH_REPEATED,      /* more than one Authorization field: two readers could take two different ones */
    AUTH_UNKNOWN,       /* surely nobody's */
    AUTH_UNSURE,        /* nobody's as far as we know, but the directory is not fresh enough to say so */
    AUTH_REVOKED,
    AUTH_WRONG_CHANNEL, /* a device token of another channel */
    AUTH_FORBIDDEN      /* known, but not for this */
};

/* The directory was confirmed within the last 5 s, and ours is the newest. */
bool auth_directory_confirmed(const struct door *d);
/* A device's token on its own channel. */
enum auth_outcome auth_device(const struct door *d, struct text token, enum channel channel, struct credential *ret);
/* For /v1: the Bearer token of the request. */
enum auth_outcome auth_bearer_device(const struct exchange *x, struct credential *ret);
enum auth_outcome auth_bearer_any(const struct exchange *x, struct credential *ret); /* native device or access */
/* Who asks, as the database knows him: "access:12", "device:7". Returns its length. */
#define AUTH_ACTOR_BYTES 40u
size_t auth_actor(const struct credential *who, char dst[AUTH_ACTOR_BYTES]);
/* Answers an outcome other than AUTH_OK on /v1, counts and tells it. */
void auth_refuse(struct exchange *x, enum auth_outcome outcome);
/* Counts and tells an outcome other than AUTH_OK; for channels that answer in their own way. */
void auth_count(struct exchange *x, enum auth_outcome outcome);
/* A line in the log: why, from where, and how many before it were not told, because one a second is enough. Never who: what was
 * shown for a token may be one that was mistyped. */
void auth_tell(struct exchange *x, const char *reason);

#endif
