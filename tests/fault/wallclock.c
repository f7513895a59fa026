/* A library put under hadird by LD_PRELOAD: the wall clock as a test wants it, while the monotonic one goes on.
 *
 * libfaketime does the same by reading a file at every look, which a sandboxed door may not; this one reads a page that
 * was mapped in the constructor, before any fork (HADIR_WALLCLOCK names the file; wallclock.py writes it). */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "page.h"

#pragma GCC diagnostic ignored "-Wpedantic" /* dlsym gives functions as objects */

static struct {
    int64_t offset_ns; /* added to the real time */
    int64_t leap_ns;   /* from this (moved) time on, a second less: the kernel's leap second. 0: none */
    int64_t looks;     /* how often anybody looked */
} *page;

__attribute__((constructor)) static void map_page(void)
{
    page = page_of("HADIR_WALLCLOCK", sizeof *page);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*next)(clockid_t, struct timespec *);
    if (next == NULL)
        next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = next(id, t);
    if (code != 0 || page == NULL || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return code;
    __atomic_add_fetch(&page->looks, 1, __ATOMIC_RELAXED);
    int64_t ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + __atomic_load_n(&page->offset_ns, __ATOMIC_RELAXED);
    int64_t leap = __atomic_load_n(&page->leap_ns, __ATOMIC_RELAXED);
    if (leap != 0 && ns >= leap)
        ns -= 1000000000;
    *t = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    (void)zone;
    struct timespec s;
    int code = clock_gettime(CLOCK_REALTIME, &s);
    *t = (struct timeval){.tv_sec = s.tv_sec, .tv_usec = s.tv_nsec / 1000};
    return code;
}

time_t time(time_t *ret)
{
    struct timespec s;
    (void)clock_gettime(CLOCK_REALTIME, &s);
    if (ret != NULL)
        *ret = s.tv_sec;
    return s.tv_sec;
}
