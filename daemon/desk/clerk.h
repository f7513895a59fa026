/* A report being made: a child process that asks, writes and ends, and the pipe from it. */
#ifndef HADIR_CLERK_H
#define HADIR_CLERK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"

struct clerk;
struct loop;

/* What a clerk has to do. Texts are borrowed until clerk_start returned. */
struct clerk_task {
    const struct report *report;
    struct report_style style;
    const char *database; /* conninfo */
    const char *actor, *body, *now;
};

enum clerk_end { CLERK_COMPLETE = 0, CLERK_BROKEN = 1, CLERK_AWAY = 2 /* no database; before any head */ };

/* What comes from it. head: the payload of MSG_ANSWER_HEAD, once, first; then bytes of the file; last the end (not complete before
 * a head: nothing came of it). The clerk may be freed from its callbacks. */
struct clerk_callbacks {
    void (*on_head)(void *arg, const uint8_t *payload, size_t len);
    void (*on_bytes)(void *arg, const uint8_t *bytes, size_t len);
    void (*on_end)(void *arg, enum clerk_end end);
};

/* NULL when there is no process or pipe for it. */
struct clerk *clerk_start(struct loop *loop, const struct clerk_task *task, const struct clerk_callbacks *cbs, void *arg);
void clerk_pause(struct clerk *c);  /* no more bytes for now: it waits when the pipe is full */
void clerk_resume(struct clerk *c);
void clerk_free(struct clerk *c);   /* ends it, and with it its statement */

#endif
