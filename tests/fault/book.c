/* The load client's ledger: lines gather in memory and go to the disk together, once a turn of the loop. */
#include "book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct numbers *numbers;
static char *lines;
static size_t used, room;
static int fd = -1;

void give_up(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(3);
}

void book_open(const char *path)
{
    static struct numbers own;
    char *page = NULL;
    numbers = &own;
    if (path == NULL)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || asprintf(&page, "%s.numbers", path) < 0)
        give_up("%s: %s", path, strerror(errno));
    int page_fd = open(page, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (page_fd < 0 || ftruncate(page_fd, 4096) != 0)
        give_up("%s: %s", page, strerror(errno));
    numbers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
    if (numbers == MAP_FAILED)
        give_up("%s: %s", page, strerror(errno));
    close(page_fd);
    free(page);
}

void book_bytes(const void *bytes, size_t len)
{
    if (fd < 0)
        return;
    if (used + len > room) {
        room = 2 * (used + len) + 65536;
        lines = realloc(lines, room);
        if (lines == NULL)
            give_up("out of memory");
    }
    memcpy(lines + used, bytes, len);
    used += len;
}

void book_line(const char *fmt, ...)
{
    char line[400];
    va_list ap;
    if (fd < 0)
        return;
    va_start(ap, fmt);
    int len = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    book_bytes(line, (size_t)len);
}

void book_sync(void)
{
    if (used == 0)
        return;
    for (size_t done = 0; done < used;) {
        ssize_t n = write(fd, lines + done, used - done);
        if (n < 0 && errno != EINTR)
            give_up("the ledger: %s", strerror(errno));
        done += n > 0 ? (size_t)n : 0;
    }
    if (fdatasync(fd) != 0)
        give_up("the ledger: %s", strerror(errno));
    used = 0;
}
