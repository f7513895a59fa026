/* A throw-away PostgreSQL cluster for a test program: made on first use, Unix socket only, gone at exit. PostgreSQL does
 * not run as root: there it runs as the user postgres. */
#ifndef HADIR_CLUSTER_H
#define HADIR_CLUSTER_H

#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char bin[200], top[200], data[240], conninfo[300];
static bool cluster_made;

static inline int run(const char *const *argv)
{
    const char *full[24];
    size_t n = 0;
    if (geteuid() == 0) {
        full[n++] = "runuser";
        full[n++] = "-u";
        full[n++] = "postgres";
        full[n++] = "--";
    }
    for (size_t i = 0; argv[i] != NULL && n < 23; i++)
        full[n++] = argv[i];
    full[n] = NULL;
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        if (chdir("/") != 0)
            _exit(126);
        execvp(full[0], (char *const *)(uintptr_t)full);
        _exit(127);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child) /* no assertions: also called at exit */
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline const char *tool(const char *name, char *dst, size_t cap)
{
    snprintf(dst, cap, "%s/%s", bin, name);
    return dst;
}

static inline void pg_ctl(const char *action, const char *mode)
{
    char path[300], options[300], log[300];
    snprintf(options, sizeof options, "-k %s -c listen_addresses= -c max_connections=30", top);
    snprintf(log, sizeof log, "%s/log", top);
    if (strcmp(action, "start") == 0) {
        const char *const argv[] = {tool("pg_ctl", path, sizeof path), "-D", data, "-w", "-t", "120", "-l", log,
                                    "-o", options, "start", NULL};
        ck_assert_int_eq(run(argv), 0);
    } else {
        const char *const argv[] = {tool("pg_ctl", path, sizeof path), "-D", data, "-w", "-t", "120", "-m", mode,
                                    action, NULL};
        ck_assert_int_eq(run(argv), 0);
    }
}

static inline void cluster_end(void)
{
    if (!cluster_made)
        return;
    char path[300];
    const char *const stop[] = {tool("pg_ctl", path, sizeof path), "-D", data, "-w", "-m", "immediate", "stop", NULL};
    run(stop);
    const char *const clean[] = {"rm", "-rf", top, NULL};
    run(clean);
    rmdir(top);
}

static inline void find_bin(void)
{
    glob_t found;
    ck_assert_int_eq(glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found), 0);
    const char *last = found.gl_pathv[found.gl_pathc - 1];
    snprintf(bin, sizeof bin, "%.*s", (int)(strlen(last) - strlen("/initdb")), last);
    globfree(&found);
}

static inline void cluster(void)
{
    if (cluster_made)
        return;
    find_bin();
    const char *tmp = getenv("TMPDIR");
    snprintf(top, sizeof top, "%s/hadir-cluster-XXXXXX", tmp == NULL || strlen(tmp) > 60 ? "/tmp" : tmp);
    ck_assert_ptr_nonnull(mkdtemp(top));
    if (geteuid() == 0) {
        const struct passwd *postgres = getpwnam("postgres");
        ck_assert_ptr_nonnull(postgres);
        ck_assert_int_eq(chown(top, postgres->pw_uid, postgres->pw_gid), 0);
    }
    snprintf(data, sizeof data, "%s/data", top);
    snprintf(conninfo, sizeof conninfo, "host=%s dbname=postgres", top);
    char path[300];
    const char *const argv[] = {tool("initdb", path, sizeof path), "-D", data, "-A", "trust", "-U", "postgres",
                                "-E", "UTF8", "--no-sync", "--locale=C", NULL};
    ck_assert_int_eq(run(argv), 0);
    cluster_made = true;
    atexit(cluster_end);
    pg_ctl("start", NULL);
}

#endif
