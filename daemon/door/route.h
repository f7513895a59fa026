/* The table of what is served: method, path, limits, handlers. */
#ifndef HADIR_ROUTE_H
#define HADIR_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "buf.h"
#include "http.h"
#include "http1.h"
#include "message.h"
#include "terms.h"

struct route {
    enum http1_method method;
    const char *pattern;    /* "{}" stands for one path segment, the exchange's capture */
    enum channel channel;   /* of check-ins; 0 for questions */
    bool foreign;           /* a client that is not ours: its answers follow its own terms */
    size_t body_max;
    exchange_cb on_head;      /* may be NULL */
    exchange_cb on_body;
    exchange_cb on_too_large; /* must answer; NULL: 413 */
    bool late;              /* whose request it is stands in the body or is a signature over it */
    enum request request;   /* around the rules; else 0 */
};

enum route_outcome { ROUTE_FOUND, ROUTE_UNKNOWN_PATH, ROUTE_WRONG_METHOD };
/* WRONG_METHOD: *ret_allow holds the methods that the path has, "GET, POST". */
enum route_outcome route_find(enum http1_method method, struct text path, const struct route **ret_route,
                              struct text *ret_capture, char *ret_allow, size_t allow_cap);

#endif
