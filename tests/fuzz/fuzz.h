/* What every fuzz target shares: the entry point, an assertion that survives any build, bytes as a file. */
#ifndef HADIR_FUZZ_H
#define HADIR_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

/* Written past stdio: a target may have sent stderr away. */
#define MUST(condition)                                                                                              \
    do {                                                                                                             \
        if (!(condition)) {                                                                                          \
            dprintf(STDERR_FILENO, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                   \
            abort();                                                                                                 \
        }                                                                                                            \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as a file without a name; the caller closes it. */
static inline int fuzz_file(const void *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static inline const char *fuzz_path(char dst[40], int fd)
{
    snprintf(dst, 40, "/proc/self/fd/%d", fd);
    return dst;
}

/* What the code under test logs and tells people (problems by line) is not what we look at. */
static inline void fuzz_quiet(void)
{
    static FILE *nowhere;
    if (nowhere == NULL)
        stderr = nowhere = fopen("/dev/null", "w");
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
}

#endif
