/* What the libraries put under hadird share with their tests: a page of a file. */
#ifndef HADIR_FAULT_PAGE_H
#define HADIR_FAULT_PAGE_H

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The file that the environment names, mapped; NULL: none. In a constructor, before any fork and any cage. */
static inline void *page_of(const char *variable, size_t len)
{
    const char *path = getenv(variable);
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = fd >= 0 ? mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    return mapped != MAP_FAILED ? mapped : NULL;
}

#endif
