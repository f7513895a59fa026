/* Bringing published folders to their targets. */
#ifndef HADIR_DELIVER_H
#define HADIR_DELIVER_H

#include <stdbool.h>

#include "buf.h"
#include "conf.h"

/* Delivers what is due, each target in a process of its own, and waits for them, at most DELIVER_WAIT_S: an hourly run ends before
 * the next. false after a message: something
 * was not delivered. */
#define DELIVER_WAIT_S 3000
bool deliver_due(void);

/* What a target's file in target_secrets says; members are NULL that it does not name. */
struct target_secrets {
    char *user, *password, *token, *key, *key_password, *known_hosts, *ca;
    long timeout_s;
};
/* Of that government's target of that name. A file that is not there says nothing. false with the reason in error. */
bool target_secrets_read(const struct conf *c, const char *government, const char *name, struct target_secrets *ret, struct buf *error);
void target_secrets_wipe(struct target_secrets *s);

#endif
