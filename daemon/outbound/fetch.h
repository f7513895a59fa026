/* Outgoing HTTP, blocking, bounded: libcurl. For the command line's talk with the daemon's own admin listener. */
#ifndef HADIR_FETCH_H
#define HADIR_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

#define FETCH_TIMEOUT_S 10

/* method "GET" or "POST" (body of body_len bytes). Appends the answer's body to out (its bound holds) and gives the
 * status. false with a reason in error when there was no complete answer. */
bool fetch(const char *method, const char *url, const void *body, size_t body_len, struct buf *out, long *ret_status,
           char *error, size_t error_cap);

#endif
