/* Is a log damaged in its midst? SQLite reads a log up to the first frame that does not fit and takes the rest for what a
 * crash left of the last transaction. A rotten byte in the middle looks the same to it, and everything acknowledged after
 * would be gone without a word.
 *
 * Each COMMIT is synced before the next one begins, a header before its frames (spool.c), and each start begins the log anew
 * (spool_file.c), so a crash can leave at most one transaction that does not fit, and never a header. Whole transactions of
 * the same log (by its salts) behind the first bad frame, more than one, are therefore damage, and so is a bad header. Format:
 * sqlite.org/fileformat2.html, "The Write-Ahead Log". Reads only; what follows from it is decided by the callers. */
#include "spool_wal.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define HEADER 32
#define FRAME_HEADER 24
#define PAGE_MAX 65536
#define MAGIC 0x377f0682u /* its lowest bit: sums over big-endian words */

static uint32_t word(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
               : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void add_sum(uint32_t sum[2], const uint8_t *bytes, size_t len, bool big)
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        sum[0] += word(bytes + i, big) + sum[1];
        sum[1] += word(bytes + i + 4, big) + sum[0];
    }
}

static bool sum_is(const uint32_t sum[2], const uint8_t *kept)
{
    return sum[0] == word(kept, true) && sum[1] == word(kept + 4, true);
}

static bool header_ok(const uint8_t h[HEADER], uint32_t ret_sum[2])
{
    uint32_t magic = word(h, true), page = word(h + 8, true);
    ret_sum[0] = ret_sum[1] = 0;
    add_sum(ret_sum, h, 24, (magic & 1) != 0);
    return (magic & ~1u) == MAGIC && page >= 512 && page <= PAGE_MAX && sum_is(ret_sum, h + 24);
}

/* Reads up to len bytes; fewer at the end or on an error. */
static size_t read_up_to(int fd, uint8_t *dst, size_t len)
{
    size_t have = 0;
    ssize_t n;
    while (have < len && (n = read(fd, dst + have, len - have)) > 0)
        have += (size_t)n;
    return have;
}

static bool walk(int fd)
{
    static const uint8_t nothing[HEADER];
    uint8_t header[HEADER], frame[FRAME_HEADER + PAGE_MAX];
    uint32_t sum[2];
    int lost = 0;
    bool fits = true;
    if (read_up_to(fd, header, HEADER) < HEADER || memcmp(header, nothing, HEADER) == 0)
        return false; /* nothing was ever committed to it */
    if (!header_ok(header, sum))
        return true;
    bool big = (word(header, true) & 1) != 0;
    size_t page = word(header + 8, true);
    while (lost < 2 && read_up_to(fd, frame, FRAME_HEADER + page) == FRAME_HEADER + page) {
        bool ours = memcmp(frame + 8, header + 16, 8) == 0;
        add_sum(sum, frame, 8, big);
        add_sum(sum, frame + FRAME_HEADER, page, big);
        fits = fits && ours && sum_is(sum, frame + 16);
        if (!fits && ours && word(frame + 4, true) != 0) /* the last frame of a transaction */
            lost++;
    }
    return lost > 1;
}

bool spool_wal_damaged(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool damaged = fd >= 0 && walk(fd);
    if (fd >= 0)
        close(fd);
    return damaged;
}
