/* Which files a connection may want: those of TLS, passwords and services, and of finding a host by its name.
 *
 * Place in the flow: a role asks before it gives up all other files (cage.h). Folders are named, not files,
 * because files are renewed by renaming. Reads nothing itself. No threads. */
#include <arpa/inet.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg.h"
#include "store.h"

#define FILES_MAX 24

struct list {
    char **paths; /* NULL at its end */
    size_t count;
    bool failed;
};

static void add(struct list *l, const char *path, size_t len)
{
    if (l->failed || len == 0)
        return;
    char *copy = l->count < FILES_MAX ? strndup(path, len) : NULL;
    l->failed = copy == NULL;
    if (copy != NULL)
        l->paths[l->count++] = copy;
}

static bool is_address(const char *host)
{
    unsigned char bytes[16];
    return host[0] == '/' || host[0] == '@' || strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, bytes) == 1 ||
           inet_pton(AF_INET6, host, bytes) == 1;
}

/* host is a list: one name in it is enough. */
static bool has_name(const char *hosts)
{
    char host[256];
    while (*hosts != '\0') {
        size_t len = strcspn(hosts, ",");
        snprintf(host, sizeof host, "%.*s", (int)len, hosts);
        if (len > 0 && !is_address(host))
            return true;
        hosts += len + (hosts[len] == ',' ? 1 : 0);
    }
    return false;
}

static void add_option(struct list *l, const PQconninfoOption *o)
{
    static const char *const files[] = {"passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir"};
    if (o->val == NULL || o->val[0] == '\0')
        return;
    if (strcmp(o->keyword, "service") == 0 || (strcmp(o->keyword, "host") == 0 && has_name(o->val))) {
        add(l, "/etc", 4); /* resolv.conf and its like are renewed by renaming too */
        add(l, "/run", 4);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *slash = strcmp(o->keyword, files[i]) == 0 ? strrchr(o->val, '/') : NULL;
        if (slash != NULL)
            add(l, o->val, (size_t)(slash - o->val));
    }
}

static void add_home(struct list *l)
{
    static const char *const names[] = {".pgpass", ".postgresql", ".pg_service.conf"};
    char path[4096];
    const struct passwd *user = getpwuid(geteuid());
    for (size_t i = 0; i < sizeof names / sizeof names[0] && user != NULL; i++) {
        int n = snprintf(path, sizeof path, "%s/%s", user->pw_dir, names[i]);
        if (n > 0 && (size_t)n < sizeof path)
            add(l, path, (size_t)n);
    }
}

static void add_options(struct list *l, PQconninfoOption *options)
{
    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
        add_option(l, o);
    PQconninfoFree(options);
}

char **store_files(const char *conninfo)
{
    struct list l = {.paths = calloc(FILES_MAX + 1, sizeof *l.paths)};
    if (l.paths == NULL)
        return NULL;
    add_options(&l, PQconninfoParse(conninfo, NULL));
    add_options(&l, PQconndefaults()); /* PGHOST, PGPASSFILE, … */
    add_home(&l);
    if (!l.failed)
        return l.paths;
    store_files_free(l.paths);
    return NULL;
}

void store_files_free(char **files)
{
    for (size_t i = 0; files != NULL && files[i] != NULL; i++)
        free(files[i]);
    free(files);
}
