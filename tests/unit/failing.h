/* What the code asks of memory, the disk and SQLite, the N-th request refused: linked with -Wl,--wrap for each function here
 * (meson.build). A test runs the same work for N = 0, 1, … until nothing was left to refuse:
 *
 *     for (long n = 0; failing_from(n, false); n++) { work(); failing_stop(); … }
 */
#ifndef HADIR_TEST_FAILING_H
#define HADIR_TEST_FAILING_H

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
    long left;      /* requests that are still granted; −1: all */
    bool keeps;     /* and all after the first refused one are refused too */
    bool refused;   /* at least one was */
    int sqlite;     /* what SQLite says then */
    int error;      /* errno */
} failing = {.left = -1, .sqlite = SQLITE_IOERR, .error = EIO};
static _Thread_local bool failing_spares; /* this thread's requests are always granted */
static const bool *failing_only;          /* &failing_spares of the one thread that is refused; NULL: of any */

/* Begins; false when the run before went through without a refusal (N was beyond its last request). */
static inline bool failing_from(long n, bool keeps)
{
    bool more = n == 0 || __atomic_load_n(&failing.refused, __ATOMIC_SEQ_CST);
    failing.keeps = keeps;
    __atomic_store_n(&failing.refused, false, __ATOMIC_SEQ_CST);
    __atomic_store_n(&failing.left, more ? n : -1, __ATOMIC_SEQ_CST);
    return more;
}

static inline void failing_stop(void)
{
    __atomic_store_n(&failing.left, -1, __ATOMIC_SEQ_CST);
}

/* Refuses the calling thread alone, or any again. */
static inline void failing_here(bool alone)
{
    __atomic_store_n(&failing_only, alone ? &failing_spares : NULL, __ATOMIC_SEQ_CST);
}

static inline bool failing_now(void)
{
    const bool *only = __atomic_load_n(&failing_only, __ATOMIC_SEQ_CST);
    bool spared = failing_spares || (only != NULL && only != &failing_spares);
    long left = spared ? -1 : __atomic_load_n(&failing.left, __ATOMIC_SEQ_CST);
    if (left > 0)
        __atomic_store_n(&failing.left, left - 1, __ATOMIC_SEQ_CST);
    if (left != 0)
        return false;
    __atomic_store_n(&failing.refused, true, __ATOMIC_SEQ_CST);
    if (!failing.keeps)
        failing_stop();
    errno = failing.error;
    return true;
}

#define FAILING(type, name, refused, parameters, arguments)                                                          \
    type __real_##name parameters;                                                                                   \
    type __wrap_##name parameters;                                                                                   \
    type __wrap_##name parameters                                                                                    \
    {                                                                                                                \
        return failing_now() ? (refused) : __real_##name arguments;                                                  \
    }

FAILING(void *, malloc, NULL, (size_t n), (n))
FAILING(void *, calloc, NULL, (size_t n, size_t size), (n, size))
FAILING(void *, realloc, NULL, (void *p, size_t n), (p, n))
FAILING(int, fsync, -1, (int fd), (fd))
FAILING(ssize_t, pread64, -1, (int fd, void *bytes, size_t n, off_t at), (fd, bytes, n, at))
FAILING(int, rename, -1, (const char *from, const char *to), (from, to))
FAILING(int, renameat, -1, (int a, const char *from, int b, const char *to), (a, from, b, to))
FAILING(int, unlink, -1, (const char *path), (path))
FAILING(int, flock, -1, (int fd, int how), (fd, how))
FAILING(int, eventfd, -1, (unsigned first, int flags), (first, flags))
FAILING(int, statvfs64, -1, (const char *path, struct statvfs64 *ret), (path, ret))
FAILING(int, pthread_create, EAGAIN, (pthread_t * ret, const pthread_attr_t *how, void *(*run)(void *), void *arg), (ret, how, run, arg))
FAILING(DIR *, opendir, NULL, (const char *path), (path))
FAILING(void *, mmap64, (void *)-1, (void *at, size_t n, int protect, int flags, int fd, off_t from), (at, n, protect, flags, fd, from))
FAILING(int, sqlite3_open_v2, failing.sqlite, (const char *path, sqlite3 **db, int flags, const char *vfs), (path, db, flags, vfs))
FAILING(int, sqlite3_exec, failing.sqlite,
        (sqlite3 * db, const char *sql, int (*cb)(void *, int, char **, char **), void *arg, char **error), (db, sql, cb, arg, error))
FAILING(int, sqlite3_prepare_v2, failing.sqlite, (sqlite3 * db, const char *sql, int n, sqlite3_stmt **q, const char **tail), (db, sql, n, q, tail))
FAILING(int, sqlite3_prepare_v3, failing.sqlite,
        (sqlite3 * db, const char *sql, int n, unsigned flags, sqlite3_stmt **q, const char **tail), (db, sql, n, flags, q, tail))
FAILING(int, sqlite3_step, failing.sqlite, (sqlite3_stmt * q), (q))
FAILING(int, sqlite3_bind_int64, failing.sqlite, (sqlite3_stmt * q, int at, sqlite3_int64 v), (q, at, v))
FAILING(int, sqlite3_bind_blob, failing.sqlite, (sqlite3_stmt * q, int at, const void *p, int n, void (*free_it)(void *)), (q, at, p, n, free_it))
FAILING(int, sqlite3_bind_blob64, failing.sqlite,
        (sqlite3_stmt * q, int at, const void *p, sqlite3_uint64 n, void (*free_it)(void *)), (q, at, p, n, free_it))
FAILING(int, sqlite3_bind_text, failing.sqlite, (sqlite3_stmt * q, int at, const char *p, int n, void (*free_it)(void *)), (q, at, p, n, free_it))
FAILING(int, sqlite3_wal_checkpoint_v2, failing.sqlite, (sqlite3 * db, const char *name, int mode, int *log, int *done), (db, name, mode, log, done))

/* The connection does not know of what we refused in its name: ask us. */
int __real_sqlite3_extended_errcode(sqlite3 *db);
int __wrap_sqlite3_extended_errcode(sqlite3 *db);
int __wrap_sqlite3_extended_errcode(sqlite3 *db)
{
    int code = __real_sqlite3_extended_errcode(db);
    return failing.refused && (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) ? failing.sqlite : code;
}

/* Not an eventfd's 8 bytes, which the kernel never refuses so. */
ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    return n != sizeof(uint64_t) && failing_now() ? -1 : __real_write(fd, bytes, n);
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = va_arg(ap, mode_t); /* garbage without O_CREAT, and then not looked at */
    va_end(ap);
    return failing_now() ? -1 : __real_open64(path, flags, mode);
}

int __real_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = va_arg(ap, mode_t);
    va_end(ap);
    return failing_now() ? -1 : __real_openat64(dir, path, flags, mode);
}

/* A process that ends at once still tells which branches it took. */
void __gcov_dump(void) __attribute__((weak)); /* a coverage build links it in */
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __wrap__exit(int status)
{
    if (__gcov_dump != NULL)
        __gcov_dump();
    __real__exit(status);
}

#endif
