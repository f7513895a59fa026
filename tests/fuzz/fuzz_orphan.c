/* A spool file that rotted or was forged, read as an orphan: every byte of it may be any. Reading ends, gives rows of a known
 * kind in rising order, and what cannot be read is said.
 * Bytes: patches to a file of 40 rows: offset (2, times 4), length (1), bytes. Only the file's id is another each time. */
#include "fuzz.h"

#include <sys/stat.h>
#include <fcntl.h>

#include "spool_file.h"
#include "spool_group.h"
#include "spool_orphan.h"

#define ROWS 40

static char dir[64], live[96], orphan[96];
static uint8_t *image;
static size_t image_len, bytes_read;

static bool sign(void *arg, uint64_t tree_size, const uint8_t root[32], uint8_t ret_signature[64])
{
    (void)arg;
    memset(ret_signature, (int)tree_size + root[0], 64);
    return true;
}

static void append(struct spool_file *f, unsigned from, unsigned count)
{
    struct spool_item items[ROWS] = {{0}};
    struct spool_signing signing = {.sign = sign, .key_id = "0123456789abcdef"};
    uint8_t payload[600];
    size_t rows = 0;
    memset(payload, 'p', sizeof payload);
    for (unsigned i = 0; i < count; i++) {
        struct spool_item *item = &items[i];
        *item = (struct spool_item){.kind = (enum spool_kind)(1 + (from + i) % 3), .device = from + i, .received_us = 1000 + i,
                                    .payload = payload, .payload_len = 20 + (from + i) * 14 % sizeof payload, .signed_leaf = i % 2 == 0};
        item->sender.s = "x";
        item->sender.len = 1;
        item->key[0] = item->id[0] = (uint8_t)(from + i);
    }
    struct spool_batch *b = spool_batch_new(items, count, NULL, NULL);
    MUST(b != NULL && spool_group_run(f, &b, 1, &signing, &rows) == SPOOL_FAULT_NONE && rows == count);
    spool_batch_free(b);
}

static void remove_all(void)
{
    unlink(orphan);
    rmdir(dir);
}

static void make(void)
{
    enum spool_fault fault;
    char error[200] = "";
    struct stat st;
    snprintf(dir, sizeof dir, "%s/hadir-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    MUST(mkdtemp(dir) != NULL);
    snprintf(live, sizeof live, "%s/spool.db", dir);
    snprintf(orphan, sizeof orphan, "%s/spool-00.orphan.db", dir);
    struct spool_file *f = spool_file_open(live, true, &fault, error, sizeof error);
    MUST(f != NULL);
    append(f, 1, ROWS / 2);
    append(f, 100, ROWS / 2);
    spool_file_close(f);
    int fd = open(live, O_RDONLY | O_CLOEXEC);
    MUST(fd >= 0 && fstat(fd, &st) == 0);
    image_len = (size_t)st.st_size;
    image = malloc(image_len);
    MUST(image != NULL && read(fd, image, image_len) == (ssize_t)image_len);
    close(fd);
    unlink(live);
    atexit(remove_all);
    fuzz_quiet();
}

static void put_file(const uint8_t *bytes, size_t len)
{
    int fd = open(orphan, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MUST(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

static bool on_row(void *arg, const struct spool_file_row *row)
{
    int64_t *last = arg;
    MUST(row->seq > *last && row->kind >= SPOOL_CHECKIN && row->kind <= SPOOL_EVENT);
    for (size_t i = 0; i < row->payload_len; i++)
        bytes_read += row->payload[i] != 0; /* all of it is there */
    *last = row->seq;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char renamed[96];
    struct spool_orphan *o;
    if (image == NULL)
        make();
    uint8_t *bytes = malloc(image_len);
    MUST(bytes != NULL);
    memcpy(bytes, image, image_len);
    for (size_t at = 0; at + 3 < size;) {
        size_t to = ((size_t)data[at] << 8 | data[at + 1]) * 4, len = data[at + 2];
        at += 3;
        for (size_t i = 0; i < len && at < size && to + i < image_len; i++)
            bytes[to + i] = data[at++];
    }
    put_file(bytes, image_len);
    free(bytes);
    (void)spool_orphan_look(dir, 0, &o);
    if (o != NULL) {
        int64_t last = 0;
        spool_orphan_rows(o, 0, 1000, on_row, &last);
        for (int64_t group = 1; group < 4; group++)
            (void)spool_file_group(o->file, group);
        spool_orphan_end(dir, o, true);
    }
    static const char *const endings[] = {"broken", "drained"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(renamed, sizeof renamed, "%s/spool-00.%s.db", dir, endings[i]);
        unlink(renamed);
    }
    return 0;
}
