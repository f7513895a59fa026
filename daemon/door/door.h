/* The door: what a process that listens holds together. Its parts see it through this struct; the supervisor calls
 * only door_main (role.h). */
#ifndef HADIR_DOOR_H
#define HADIR_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rate.h"

struct conf;
struct desks;
struct directory;
struct http_server;
struct loop;
struct pending_set;
struct throttle;
struct tls_server;

struct door {
    struct loop *loop;
    const struct conf *conf;           /* borrowed */
    const char *whatsapp_app_secret;   /* NULL: the channel is off */
    const char *whatsapp_verify_token;
    struct directory *directory;
    struct pending_set *pending;       /* what waits for the ledger */
    struct desks *desks;               /* what waits for a desk */
    struct throttle *throttle;         /* how much anybody may ask */
    struct http_server *http;
    struct rate_bucket refusals;       /* lines of the log about them, see auth_tell */
    uint64_t refusals_untold;          /* since the last such line */
    bool draining;
};

/* NULL when memory is short. conf and the secrets are borrowed until door_free. */
struct door *door_new(struct loop *loop, const struct conf *conf, const char *whatsapp_app_secret,
                      const char *whatsapp_verify_token);
/* Closes what is open. Not from inside a callback of its own. */
void door_free(struct door *d);
/* Begins to accept on fd (borrowed, as is tls; NULL = plain). */
bool door_listen(struct door *d, int fd, struct tls_server *tls);
/* A message of the supervisor (message.h). Takes fd. */
void door_message(struct door *d, uint16_t type, const uint8_t *payload, size_t len, int fd);
/* Draining, and nothing is open any more. */
bool door_is_done(const struct door *d);

#endif
