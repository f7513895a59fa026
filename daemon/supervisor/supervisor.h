/* The supervisor: opens the listeners, forks the roles, joins them by socketpairs, restarts what crashed, replaces
 * generations on SIGHUP and serves health and metrics. hadird.c gives it the roles' mains; tests give it others. */
#ifndef HADIR_SUPERVISOR_H
#define HADIR_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "message.h"
#include "role.h"

struct conf;

/* By enum role; the supervisor's own place is unused. */
struct role_mains {
    int (*run[ROLE_PLANNER + 1])(const struct role_env *env);
};

/* What start-up and SIGHUP check and read: the configuration and its secrets. */
struct setup {
    struct conf *conf;
    char *app_secret, *verify_token; /* NULL = channel off */
};
/* Reads and checks everything: file, certificate, keys and their modes, folders. false: problems holds every one, a line
 * each. */
bool setup_load(const char *path, struct setup *ret, struct buf *problems);
void setup_free(struct setup *s); /* wipes the secrets */
/* true unless the database answers and says that what it acknowledges may be lost. Prints why, or that it is away. */
bool setup_database_allows(const struct setup *s);

/* Runs the daemon until SIGTERM or SIGINT. Takes setup. Returns the exit status. */
int supervisor_run(const char *conf_path, struct setup *setup, const struct role_mains *mains);

#endif
