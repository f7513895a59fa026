/* A library put under hadird by LD_PRELOAD: at named points a process dies, waits, or is told that a system call failed.
 *
 * The roles are forked, not executed, so the library and its control page are in all of them. The page is a file named by
 * HADIR_POINTS, mapped in the constructor, before any fork; tests/fault/points.py writes rules into it at any time. A role is
 * known by the name that it gives its main thread (prctl PR_SET_NAME).
 *
 * Inside of a sandbox: after the constructor nothing here makes a system call but exit_group and nanosleep.
 * Rules are taken by one writer at a time: fields first, `armed` last. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "page.h"

#pragma GCC diagnostic ignored "-Wpedantic" /* dlsym gives functions as objects */

#include <libpq-fe.h>
#include <openssl/ssl.h>
#include <sqlite3.h>

/* The order is points.py's. */
enum point {
    APPEND_BEFORE, APPEND_AFTER, /* the INSERT of a check-in into the spool */
    COMMIT_BEFORE, COMMIT_AFTER, /* the spool's COMMIT */
    SYNC_BEFORE, SYNC_AFTER,     /* fdatasync, fsync */
    WRITE,                       /* pwrite: the spool's pages */
    READ,                        /* pread */
    OPEN,
    SQL_BEFORE, SQL_AFTER,       /* a question is handed to libpq */
    PGSYNC_BEFORE, PGSYNC_AFTER, /* and the end of its transaction */
    RESULT,                      /* the database said that this transaction has ended */
    REPLY_BEFORE, REPLY_AFTER,   /* bytes to a client */
    ACCEPT,
    MALLOC,
    POINTS
};
enum action { DIE = 1, FAIL, SHORT, DELAY };

#define RULES 4

struct rule {
    uint32_t armed;
    uint32_t point, action, error; /* error: errno of FAIL, milliseconds of DELAY */
    uint64_t nth, times;           /* acts from the nth passing on, so many times */
    uint64_t passed, acted;
    char role[16];                 /* in the role's name; "": any */
};

static struct {
    struct rule rules[RULES];
} *page;
static char role[16];

__attribute__((constructor)) static void map_page(void)
{
    page = page_of("HADIR_POINTS", sizeof *page);
}

static void *real(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    if (f == NULL)
        abort();
    return f;
}
/* The next function of that name, looked up once. */
#define REAL(name) \
    static __typeof__(&name) next; \
    if (next == NULL) \
        next = (__typeof__(&name))real(#name)

static bool mine(const struct rule *r, enum point point)
{
    return __atomic_load_n(&r->armed, __ATOMIC_ACQUIRE) != 0 && r->point == (uint32_t)point && (r->role[0] == '\0' || strstr(role, r->role) != NULL);
}

/* A point is passed. 0: go on; FAIL with errno set; SHORT. */
static enum action pass(enum point point)
{
    if (page == NULL)
        return 0;
    for (int i = 0; i < RULES; i++) {
        struct rule *r = &page->rules[i];
        if (!mine(r, point))
            continue;
        uint64_t n = __atomic_add_fetch(&r->passed, 1, __ATOMIC_RELAXED);
        if (n < r->nth || n >= r->nth + r->times)
            continue;
        __atomic_add_fetch(&r->acted, 1, __ATOMIC_RELAXED);
        if (r->action == DIE)
            syscall(SYS_exit_group, 137);
        if (r->action == DELAY)
            nanosleep(&(struct timespec){r->error / 1000, (long)(r->error % 1000) * 1000000}, NULL);
        if (r->action == FAIL)
            errno = (int)r->error;
        if (r->action == FAIL || r->action == SHORT)
            return (enum action)r->action;
    }
    return 0;
}

int prctl(int option, ...)
{
    REAL(prctl);
    va_list ap;
    va_start(ap, option);
    unsigned long a = va_arg(ap, unsigned long), b = va_arg(ap, unsigned long), c = va_arg(ap, unsigned long), d = va_arg(ap, unsigned long);
    va_end(ap);
    if (option == PR_SET_NAME)
        snprintf(role, sizeof role, "%s", (const char *)(uintptr_t)a);
    return next(option, a, b, c, d);
}

/* ---- the spool ---- */

int sqlite3_step(sqlite3_stmt *q)
{
    REAL(sqlite3_step);
    const char *sql = sqlite3_sql(q);
    bool append = sql != NULL && strncmp(sql, "INSERT INTO row", 15) == 0, commit = sql != NULL && strcmp(sql, "COMMIT") == 0;
    if (append || commit)
        (void)pass(append ? APPEND_BEFORE : COMMIT_BEFORE);
    int code = next(q);
    if (append || commit)
        (void)pass(append ? APPEND_AFTER : COMMIT_AFTER);
    return code;
}

static int sync_by(int (*next)(int), int fd)
{
    if (pass(SYNC_BEFORE) == FAIL)
        return -1;
    int code = next(fd), error = errno;
    if (pass(SYNC_AFTER) == FAIL)
        return -1;
    errno = error;
    return code;
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return sync_by(next, fd);
}

int fsync(int fd)
{
    REAL(fsync);
    return sync_by(next, fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    REAL(pwrite64);
    enum action a = pass(WRITE);
    return a == FAIL ? -1 : next(fd, bytes, a == SHORT && len > 1 ? len / 2 : len, at);
}

ssize_t pread64(int fd, void *bytes, size_t len, off64_t at)
{
    REAL(pread64);
    enum action a = pass(READ);
    return a == FAIL ? -1 : next(fd, bytes, a == SHORT && len > 1 ? len / 2 : len, at);
}

int open64(const char *path, int flags, ...)
{
    REAL(open64);
    va_list ap;
    va_start(ap, flags);
    unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, unsigned) : 0;
    va_end(ap);
    return pass(OPEN) == FAIL ? -1 : next(path, flags, mode);
}

/* ---- the database ---- */

int PQsendQueryParams(PGconn *c, const char *sql, int n, const Oid *types, const char *const *values, const int *lengths,
                      const int *formats, int format)
{
    REAL(PQsendQueryParams);
    (void)pass(SQL_BEFORE);
    int code = next(c, sql, n, types, values, lengths, formats, format);
    (void)pass(SQL_AFTER);
    return code;
}

int PQpipelineSync(PGconn *c)
{
    REAL(PQpipelineSync);
    (void)pass(PGSYNC_BEFORE);
    int code = next(c);
    (void)pass(PGSYNC_AFTER);
    return code;
}

PGresult *PQgetResult(PGconn *c)
{
    REAL(PQgetResult);
    PGresult *r = next(c);
    if (r != NULL && PQresultStatus(r) == PGRES_PIPELINE_SYNC)
        (void)pass(RESULT);
    return r;
}

/* ---- clients ---- */

/* The reply is encrypted into memory first; it has left with the write to the socket that follows. */
static bool reply_made;

int SSL_write_ex(SSL *s, const void *bytes, size_t len, size_t *ret)
{
    REAL(SSL_write_ex);
    (void)pass(REPLY_BEFORE);
    reply_made = true;
    return next(s, bytes, len, ret);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    REAL(write);
    ssize_t n = next(fd, bytes, len);
    if (reply_made && n > 0 && fd != STDERR_FILENO) {
        reply_made = false;
        (void)pass(REPLY_AFTER);
    }
    return n;
}

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    REAL(accept4);
    return pass(ACCEPT) == FAIL ? -1 : next(fd, address, len, flags);
}

/* ---- memory: looked for only while a rule wants it ---- */

static bool no_memory(void)
{
    if (page == NULL)
        return false;
    for (int i = 0; i < RULES; i++)
        if (mine(&page->rules[i], MALLOC))
            return pass(MALLOC) == FAIL;
    return false;
}

void *malloc(size_t size)
{
    static void *(*next)(size_t);
    if (next == NULL)
        next = (void *(*)(size_t))real("malloc");
    return no_memory() ? NULL : next(size);
}

void *realloc(void *old, size_t size)
{
    static void *(*next)(void *, size_t);
    if (next == NULL)
        next = (void *(*)(void *, size_t))real("realloc");
    return no_memory() ? NULL : next(old, size);
}
