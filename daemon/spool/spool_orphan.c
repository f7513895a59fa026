/* Orphans: spool files that a failed process left, and how their rows still reach the database.
 *
 * Setting aside. A process that met a failed sync, write or read makes the empty file `spool.failed` and exits. The
 * next one, holding the folder's lock, first writes a name (16 hex digits: the millisecond, then chance) into that mark,
 * durably, then renames the log, then the database, then removes the mark. The name in the mark makes every step
 * repeatable: a crash between two of them is finished by the next start, and a log never stands beside a database it does
 * not belong to (SQLite would delete it).
 *
 * Draining, the oldest first, by name. The original is evidence and stays as it is. A copy of database and log is opened,
 * which recovers the log up to the last whole transaction: exactly what had been acknowledged, perhaps more, never less.
 * When the ledger says that all rows are in the database, the copy is removed and the original becomes `.drained.db`, for as
 * long as the live file keeps its rows (keep_us, counted from draining by the file's mtime): should the database be restored
 * to an older state, spool_orphan_revive gives it its old name and it is drained again. A row that cannot be read is passed
 * over, and the file is kept under the name `.broken.db` for a human; a file that cannot be opened at all likewise.
 *
 * Does not decide when to drain (ledger/ingest.c) and never writes to the live file.
 */
#include "spool_orphan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"
#include "log.h"
#include "spool_wal.h"
#include "wall.h"

#define MARK "spool.failed"
#define HEX_CHARS 16
#define ATTEMPTS_MAX 100000 /* to read around damage, each time */
#define SUFFIX ".orphan.db"
#define DRAINED ".drained.db"
#define BROKEN ".broken.db"
#define TRIES_MAX 16 /* of files that cannot be opened, a look */

void spool_path(char dst[SPOOL_PATH_MAX], const char *dir, const char *name)
{
    snprintf(dst, SPOOL_PATH_MAX, "%s/%s", dir, name);
}

void spool_orphan_mark(const char *dir)
{
    char path[SPOOL_PATH_MAX];
    spool_path(path, dir, MARK);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fsync(fd) != 0 || !file_sync_folder(dir))
        log_error("event=spool_mark_failed errno=%d reason=\"the next start cannot know that the file is suspect\"",
                  errno);
    if (fd >= 0)
        close(fd);
}

/* ---- setting aside ---- */

/* Reads the name in the mark, or writes a fresh one durably. false: no mark (ENOENT) or an error. */
static bool name_of_mark(const char *dir, char ret_hex[HEX_CHARS + 1])
{
    char path[SPOOL_PATH_MAX], fresh[SPOOL_PATH_MAX];
    uint8_t random[HEX_CHARS / 2];
    spool_path(path, dir, MARK);
    spool_path(fresh, dir, MARK ".new");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, ret_hex, HEX_CHARS);
    close(fd);
    ret_hex[HEX_CHARS] = '\0';
    if (n == HEX_CHARS && decode_hex(ret_hex, HEX_CHARS, random, sizeof random))
        return true;
    int64_t now_ms = wall_now_us() / 1000; /* names sort by age */
    digest_random(random, sizeof random);
    for (int i = 0; i < 6; i++)
        random[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    encode_hex(ret_hex, HEX_CHARS + 1, random, sizeof random);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = write(fd, ret_hex, HEX_CHARS) == HEX_CHARS && fsync(fd) == 0;
    close(fd);
    return ok && rename(fresh, path) == 0 && file_sync_folder(dir);
}

static bool rename_if_there(const char *dir, const char *from, const char *to)
{
    char a[SPOOL_PATH_MAX], b[SPOOL_PATH_MAX];
    spool_path(a, dir, from);
    spool_path(b, dir, to);
    return rename(a, b) == 0 || errno == ENOENT;
}

bool spool_orphan_set_aside(const char *dir, char *error, size_t error_cap)
{
    char hex[HEX_CHARS + 1], path[SPOOL_PATH_MAX], name[80];
    errno = 0;
    if (!name_of_mark(dir, hex)) {
        if (errno == ENOENT)
            return true;
        snprintf(error, error_cap, "%s/%s: %s", dir, MARK, strerror(errno));
        return false;
    }
    snprintf(name, sizeof name, "spool-%s%s-wal", hex, SUFFIX);
    bool ok = rename_if_there(dir, "spool.db-wal", name);
    snprintf(name, sizeof name, "spool-%s%s", hex, SUFFIX);
    ok = ok && rename_if_there(dir, "spool.db", name) && file_sync_folder(dir);
    spool_path(path, dir, MARK);
    ok = ok && unlink(path) == 0 && file_sync_folder(dir);
    if (!ok) {
        snprintf(error, error_cap, "%s: cannot set the failed spool aside: %s", dir, strerror(errno));
        return false;
    }
    log_warn("event=spool_set_aside file=%s reason=\"an earlier failure; it will be drained\"", name);
    return true;
}

/* ---- the folder ---- */

static bool has_form(const char *name, const char *suffix)
{
    uint8_t ignored[64];
    size_t len = strlen(name), tail = strlen(suffix);
    if (len <= 6 + tail || strncmp(name, "spool-", 6) != 0 || strcmp(name + len - tail, suffix) != 0)
        return false;
    size_t hex = len - 6 - tail;
    return hex % 2 == 0 && hex / 2 <= 16 && decode_hex(name + 6, hex, ignored, hex / 2);
}

static void drop_file(const char *dir, const char *name)
{
    char path[SPOOL_PATH_MAX];
    spool_path(path, dir, name);
    if (unlink(path) != 0 && errno != ENOENT)
        log_warn("event=spool_remove_failed file=%s errno=%d", name, errno);
}

void spool_orphan_sweep(const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return;
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (has_form(e->d_name, ".copy.db") || has_form(e->d_name, ".copy.db-wal"))
            drop_file(dir, e->d_name);
    closedir(d);
}

/* "spool-<hex>.orphan.db" with another ending. */
static void other_name(char dst[80], const char *name, const char *suffix)
{
    snprintf(dst, 80, "%.*s%s", (int)strcspn(name, "."), name, suffix);
}

/* A missing source is an empty copy only for the log; unreadable stretches become zeros, which SQLite's checks find. */
static bool copy_file(const char *dir, const char *from, const char *to, bool may_miss)
{
    char a[SPOOL_PATH_MAX], b[SPOOL_PATH_MAX];
    static uint8_t block[65536]; /* one spool thread */
    spool_path(a, dir, from);
    spool_path(b, dir, to);
    int in = open(a, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return may_miss && errno == ENOENT;
    int out = open(b, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    off_t at = 0, end = lseek(in, 0, SEEK_END);
    bool ok = out >= 0 && end >= 0;
    while (ok && at < end) {
        ssize_t n = pread(in, block, sizeof block, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            n = end - at < (off_t)sizeof block ? (ssize_t)(end - at) : (ssize_t)sizeof block;
            memset(block, 0, (size_t)n);
            log_error("event=spool_orphan_unreadable file=%s offset=%lld", from, (long long)at);
        } else if (n == 0) {
            break;
        }
        ok = file_write_all(out, block, (size_t)n);
        at += n;
    }
    close(in);
    if (out >= 0 && close(out) != 0)
        ok = false;
    return ok;
}

static void drop_copy(const char *dir, const char *name)
{
    char copy[80];
    other_name(copy, name, ".copy.db");
    drop_file(dir, copy);
    other_name(copy, name, ".copy.db-wal");
    drop_file(dir, copy);
}

/* Both files of a spool from one ending to another, the log first. */
static bool rename_pair(const char *dir, const char *name, const char *suffix, char ret_name[80])
{
    char from[84], to[84];
    other_name(ret_name, name, suffix);
    snprintf(from, sizeof from, "%s-wal", name);
    snprintf(to, sizeof to, "%s-wal", ret_name);
    return rename_if_there(dir, from, to) && rename_if_there(dir, name, ret_name);
}

/* Out of the way for ever, but kept. */
static void set_broken(const char *dir, const char *name)
{
    char to[80];
    bool ok = rename_pair(dir, name, BROKEN, to);
    log_error("event=spool_orphan_broken file=%s renamed=%d reason=\"kept for a human: acknowledged rows in it could not "
              "be read\"", to, ok);
}

static uint64_t size_of(const char *dir, const char *name)
{
    char path[SPOOL_PATH_MAX];
    struct stat st;
    spool_path(path, dir, name);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* A copy must not take the room of those who arrive. */
static bool has_room(const char *dir, uint64_t bytes, uint64_t floor_bytes)
{
    struct statvfs v;
    return floor_bytes == 0 || (statvfs(dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize >= bytes + floor_bytes);
}

static struct spool_orphan *open_copy(const char *dir, const char *name, uint64_t floor_bytes)
{
    char copy[80], path[SPOOL_PATH_MAX], wal[84], copy_wal[84], reason[256] = "cannot copy";
    enum spool_fault fault = SPOOL_FAULT_SPACE;
    struct spool_orphan *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    snprintf(o->name, sizeof o->name, "%.79s", name);
    other_name(copy, name, ".copy.db");
    snprintf(wal, sizeof wal, "%.79s-wal", name);
    snprintf(copy_wal, sizeof copy_wal, "%s-wal", copy);
    spool_path(path, dir, copy);
    if (!has_room(dir, size_of(dir, name) + size_of(dir, wal), floor_bytes))
        snprintf(reason, sizeof reason, "a copy of it would leave less free space than the floor");
    else if (copy_file(dir, wal, copy_wal, true) && copy_file(dir, name, copy, false))
        o->file = spool_file_open(path, false, &fault, reason, sizeof reason);
    if (o->file != NULL && spool_file_last_seq(o->file, &o->last_seq)) {
        spool_path(path, dir, wal);
        o->broken = spool_wal_damaged(path);
        if (o->broken)
            log_error("event=spool_log_damaged file=%s last_seq=%lld reason=\"what was committed later is not read\"", wal,
                      (long long)o->last_seq);
        memcpy(o->id, spool_file_id(o->file), sizeof o->id);
        return o;
    }
    if (o->file != NULL) {
        fault = spool_file_fault(o->file);
        snprintf(reason, sizeof reason, "%s", spool_file_reason(o->file));
        spool_file_close(o->file);
    }
    log_error("event=spool_orphan_not_opened file=%s reason=\"%s\"", name, reason);
    drop_copy(dir, name);
    if (fault == SPOOL_FAULT_UNREADABLE)
        set_broken(dir, name);
    free(o);
    return NULL;
}

static void drop_if_older(const char *dir, const char *name, int64_t cutoff_us)
{
    char path[SPOOL_PATH_MAX], wal[84];
    struct stat st;
    spool_path(path, dir, name);
    if (stat(path, &st) != 0 || (int64_t)st.st_mtime * US_PER_S >= cutoff_us)
        return;
    snprintf(wal, sizeof wal, "%.79s-wal", name);
    drop_file(dir, wal);
    drop_file(dir, name);
    log_info("event=spool_drained_removed file=%s", name);
}

void spool_orphan_expire(const char *dir, int64_t cutoff_us)
{
    DIR *d = opendir(dir);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (has_form(e->d_name, DRAINED))
            drop_if_older(dir, e->d_name, cutoff_us);
    if (d != NULL)
        closedir(d);
}

void spool_orphan_revive(const char *dir)
{
    char name[80];
    DIR *d = opendir(dir);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (has_form(e->d_name, DRAINED) && rename_pair(dir, e->d_name, SUFFIX, name))
            log_warn("event=spool_orphan_revived file=%s reason=\"the database went back\"", name);
    if (d != NULL)
        closedir(d);
}

static int is_orphan(const struct dirent *e)
{
    return has_form(e->d_name, SUFFIX);
}

size_t spool_orphan_look(const char *dir, uint64_t floor_bytes, struct spool_orphan **ret)
{
    struct dirent **found = NULL;
    int count = scandir(dir, &found, is_orphan, alphasort), tries = 0;
    if (ret != NULL)
        *ret = NULL;
    for (int i = 0; i < count; i++) {
        if (ret != NULL && *ret == NULL && tries++ < TRIES_MAX)
            *ret = open_copy(dir, found[i]->d_name, floor_bytes);
        free(found[i]);
    }
    free(found);
    if (tries > 0 && *ret == NULL) /* broken ones have another name now */
        return spool_orphan_look(dir, floor_bytes, NULL);
    return count < 0 ? 1 : (size_t)count; /* nobody can know: as if one were left */
}

size_t spool_orphan_broken(const char *dir)
{
    DIR *d = opendir(dir);
    size_t count = 0;
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        count += has_form(e->d_name, BROKEN);
    if (d != NULL)
        closedir(d);
    return count;
}

/* ---- reading ---- */

struct pick {
    spool_file_row_cb fn;
    void *arg;
    size_t left;
    bool more;
};

static bool on_row(void *arg, const struct spool_file_row *row)
{
    struct pick *p = arg;
    p->more = p->fn(p->arg, row) && --p->left > 0;
    return p->more;
}

/* Behind a damaged place: halves of what is left, so that one bad page costs only what lies on it. Returns how many rows
 * could not be read or are not there, though numbers have no gaps. ATTEMPTS_MAX: the last number may be forged, too. */
static int64_t read_around(struct spool_orphan *o, struct pick *p, int64_t last, int64_t *ret_first)
{
    int64_t ends[64], lost = 0;
    size_t depth = 0;
    ends[depth++] = o->last_seq;
    for (int attempts = 0; p->more && depth > 0; attempts++) {
        int64_t until = ends[depth - 1], from = last;
        size_t left = p->left;
        bool tried = attempts < ATTEMPTS_MAX && depth < sizeof ends / sizeof ends[0];
        bool read = last >= until || (tried && spool_file_rows(o->file, last, until, p->left, on_row, p, &last));
        if (!read && tried && until - last > 1) {
            ends[depth++] = last + (until - last) / 2;
            continue;
        }
        int64_t missing = until > from && p->more ? until - from - (int64_t)(left - p->left) : 0;
        *ret_first = lost == 0 && missing > 0 ? from + 1 : *ret_first;
        lost += missing;
        last = last > until ? last : until;
        depth--;
    }
    return lost;
}

void spool_orphan_rows(struct spool_orphan *o, int64_t after, size_t max_rows, spool_file_row_cb fn, void *arg)
{
    struct pick p = {.fn = fn, .arg = arg, .left = max_rows, .more = max_rows > 0};
    int64_t last = after, first_lost = 0;
    if (spool_file_rows(o->file, after, INT64_MAX, max_rows, on_row, &p, &last))
        return;
    int64_t lost = read_around(o, &p, last, &first_lost);
    o->broken = o->broken || lost > 0;
    if (lost > 0)
        log_error("event=spool_rows_unreadable file=%s rows=%lld first_seq=%lld reason=\"%s\"", o->name, (long long)lost,
                  (long long)first_lost, spool_file_reason(o->file));
}

/* From now on it lives as long as a row of the live file that was ingested now. */
static void set_drained(const char *dir, const char *name)
{
    char to[80], path[SPOOL_PATH_MAX];
    struct timespec times[2] = {{.tv_sec = (time_t)(wall_now_us() / US_PER_S)}, {0}};
    times[1] = times[0];
    bool ok = rename_pair(dir, name, DRAINED, to);
    spool_path(path, dir, to);
    if (ok && utimensat(AT_FDCWD, path, times, 0) == 0)
        log_info("event=spool_orphan_drained file=%s", to);
    else
        log_error("event=spool_orphan_rename_failed file=%s errno=%d", name, errno);
}

void spool_orphan_end(const char *dir, struct spool_orphan *o, bool drained)
{
    spool_file_close(o->file);
    drop_copy(dir, o->name);
    if (drained && o->broken)
        set_broken(dir, o->name);
    else if (drained)
        set_drained(dir, o->name);
    free(o);
}
