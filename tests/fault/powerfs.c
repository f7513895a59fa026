/* powerfs BACKING MOUNT: a file system that can lose its power.
 *
 * Passes everything through to the folder BACKING and remembers, in memory, what a disk would have kept had the power
 * gone now: for every page written since the file's last fsync its bytes of before and the file's length of before; for
 * every directory entry made, renamed or removed and not yet committed, how to undo it. `cut` puts all that back into
 * BACKING and ends the process: open files answer ENOTCONN from then on, a new powerfs on the same folder is the machine
 * after its restart. Nothing is ever synced for real, so it is quicker than a disk.
 *
 * Commands are written to MOUNT/.powerfs, one line each; reading it gives the counts so far:
 *   cut SEED KEEP      power goes. KEEP 0…100: per cent of unsynced pages that reached the disk all the same, a quarter of
 *                      those only up to some 512-byte sector; and likewise how many of the entries, oldest first
 *   strict 1           an entry is committed only by an fsync of its folder (POSIX); 0, as at start: by any fsync, as ext4's
 *                      and xfs's journals do
 *   nospace N [PART]   1: what needs new room (with PART in its path) answers ENOSPC; 2: statfs says so too; 0: room again
 *   readonly 1 [PART]  what would change anything answers EROFS; 0: no more
 *   failsync N [PART]  the next N fsyncs answer EIO, and their pages are lost at the next
 *                      cut even if a later fsync succeeds, unless they are written again: what Linux does
 *   failread N [PART], failwrite N [PART]
 *
 * What it can't show: a disk that reorders or loses what it said was synced, bit rot, metadata other than names and
 * lengths (modes and times survive). An entry whose folder was itself renamed since is undone under its old path only.
 * One thread, so a command stands between two calls. Root, /dev/fuse. Used by disk.py; its own test is test_powerfs.py. */
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <fuse.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PAGE 4096
#define SECTOR 512
#define CONTROL "/.powerfs"
#define TRASH ".powerfs-trash"

struct page {
    uint8_t *before; /* NULL: nothing to put back */
    bool doomed;     /* an fsync of it failed: lost unless written again */
};

/* A file that is open or not clean. Held by its descriptor, so that names don't matter. */
struct node {
    struct node *next;
    ino_t ino;
    char *name;      /* as last opened */
    int fd, opens;
    off_t synced_size;
    bool size_known; /* synced_size counts: something changed since the last fsync */
    struct page *pages;
    size_t page_cap, dirty, doomed;
};

enum entry_kind { MADE, MADE_FOLDER, REMOVED, REMOVED_FOLDER, RENAMED };

/* A directory entry's change that is not committed yet, oldest first. */
struct entry {
    struct entry *next;
    enum entry_kind kind;
    ino_t folder;
    char *path, *to; /* in BACKING; to: RENAMED */
    int trash;       /* number of the replaced or removed file, 0: none */
    mode_t mode;
};

struct failing {
    int left;
    char part[128];
};

static struct node *nodes;
static struct entry *first_entry, **last_entry = &first_entry;
static const char *backing;
static int root_fd, trash_count;
static bool strict;
static struct failing fail_sync, fail_read, fail_write, no_space, read_only; /* the last two stay as they are */
static uint64_t random_state;
static struct { long syncs, failed, forgotten, kept, torn, entries_undone, entries_kept; } counted;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(2);
}

static void *must(void *p)
{
    if (p == NULL)
        die("memory");
    return p;
}

static uint64_t random_next(void) /* xorshift64* */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 2685821657736338717u;
}

static bool chance(int percent)
{
    return (int)(random_next() % 100) < percent;
}

/* "/x" of the mount as a path below BACKING's descriptor. */
static const char *below(const char *path)
{
    return path[1] == '\0' ? "." : path + 1;
}

static bool concerns(const struct failing *f, const char *path)
{
    return f->left > 0 && strstr(path, f->part) != NULL;
}

static bool fails(struct failing *f, const char *path)
{
    if (!concerns(f, path))
        return false;
    f->left--;
    counted.failed++;
    return true;
}

static int cannot_change(const char *path, bool needs_room)
{
    int code = concerns(&read_only, path) ? -EROFS : needs_room && concerns(&no_space, path) ? -ENOSPC : 0;
    counted.failed += code != 0;
    return code;
}

/* ---- files ---- */

static struct node *node_of(struct fuse_file_info *fi)
{
    return (struct node *)(uintptr_t)fi->fh;
}

static off_t size_of(const struct node *n)
{
    struct stat st;
    return fstat(n->fd, &st) == 0 ? st.st_size : 0;
}

/* Takes fd. */
static struct node *node_get(int fd, const char *name)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        die("fstat");
    for (struct node *n = nodes; n != NULL; n = n->next)
        if (n->ino == st.st_ino) {
            close(fd);
            free(n->name);
            n->name = must(strdup(name));
            n->opens++;
            return n;
        }
    struct node *n = must(calloc(1, sizeof *n));
    *n = (struct node){.next = nodes, .ino = st.st_ino, .name = must(strdup(name)), .fd = fd, .opens = 1};
    nodes = n;
    return n;
}

static void release_node(struct node *n)
{
    if (--n->opens > 0 || n->size_known || n->doomed > 0)
        return;
    for (struct node **at = &nodes; *at != NULL; at = &(*at)->next)
        if (*at == n) {
            *at = n->next;
            break;
        }
    close(n->fd);
    free(n->pages);
    free(n->name);
    free(n);
}

/* Keeps what is on the disk of pages [from, to) before they change. */
static void keep_before(struct node *n, off_t from, off_t to)
{
    if (!n->size_known)
        n->synced_size = size_of(n);
    n->size_known = true;
    size_t first = (size_t)(from / PAGE), end = (size_t)((to + PAGE - 1) / PAGE);
    if (end > n->page_cap) {
        size_t cap = end + end / 2 + 16;
        n->pages = must(realloc(n->pages, cap * sizeof *n->pages));
        memset(n->pages + n->page_cap, 0, (cap - n->page_cap) * sizeof *n->pages);
        n->page_cap = cap;
    }
    for (size_t i = first; i < end; i++) {
        struct page *p = &n->pages[i];
        if (p->doomed)
            n->doomed--;
        p->doomed = false;
        if (p->before != NULL)
            continue;
        p->before = must(calloc(1, PAGE));
        if (pread(n->fd, p->before, PAGE, (off_t)i * PAGE) < 0)
            die("pread");
        n->dirty++;
    }
}

/* An fsync that went well, or one that didn't: then the pages are clean for Linux, and gone. */
static void settle(struct node *n, bool well)
{
    for (size_t i = 0; i < n->page_cap && n->dirty > 0; i++) {
        struct page *p = &n->pages[i];
        if (p->before == NULL || p->doomed)
            continue;
        if (well) {
            free(p->before);
            p->before = NULL;
            n->dirty--;
        } else {
            p->doomed = true;
            n->doomed++;
        }
    }
    if (well)
        n->size_known = n->doomed > 0;
    if (well && n->size_known)
        n->synced_size = size_of(n);
}

/* The bytes of a page as the disk has them after the cut. */
static void forget_page(struct node *n, size_t at, int keep, off_t now, off_t *size)
{
    struct page *p = &n->pages[at];
    off_t start = (off_t)at * PAGE;
    if (!p->doomed && now > start && chance(keep)) {
        size_t whole = chance(25) ? random_next() % (PAGE / SECTOR) : PAGE / SECTOR;
        off_t end = start + (off_t)(whole * SECTOR);
        if (whole < PAGE / SECTOR && pwrite(n->fd, p->before + whole * SECTOR, PAGE - whole * SECTOR, end) < 0)
            die("pwrite");
        if (whole > 0 && *size < (end < now ? end : now))
            *size = end < now ? end : now;
        counted.kept++;
        counted.torn += whole < PAGE / SECTOR;
        return;
    }
    if (pwrite(n->fd, p->before, PAGE, start) < 0)
        die("pwrite");
    counted.forgotten++;
}

static void forget_file(struct node *n, int keep)
{
    off_t size = n->synced_size;
    if (!n->size_known && n->doomed == 0)
        return;
    off_t now = size_of(n);
    if (now < size && n->size_known && chance(keep))
        size = now; /* the truncation reached the disk */
    for (size_t i = 0; i < n->page_cap; i++)
        if (n->pages[i].before != NULL)
            forget_page(n, i, keep, now, &size);
    if (ftruncate(n->fd, size) != 0)
        die("ftruncate");
}

/* ---- directory entries ---- */

static void trash_name(char dst[64], int number)
{
    snprintf(dst, 64, TRASH "/%d", number);
}

static ino_t folder_of(const char *path)
{
    char copy[PATH_MAX];
    struct stat st;
    snprintf(copy, sizeof copy, "%s", path);
    char *slash = strrchr(copy, '/');
    if (slash != NULL)
        *slash = '\0';
    return fstatat(root_fd, slash != NULL ? copy : ".", &st, 0) == 0 ? st.st_ino : 0;
}

static void note_entry(enum entry_kind kind, const char *path, const char *to, int trash, mode_t mode)
{
    struct entry *e = must(calloc(1, sizeof *e));
    *e = (struct entry){.kind = kind, .folder = folder_of(to != NULL ? to : path), .path = must(strdup(path)),
                        .to = to != NULL ? must(strdup(to)) : NULL, .trash = trash, .mode = mode};
    *last_entry = e;
    last_entry = &e->next;
}

static void entry_free(struct entry *e)
{
    free(e->path);
    free(e->to);
    free(e);
}

/* The entries of one folder (0: all) are on the disk. */
static void commit_entries(ino_t folder)
{
    char trash[64];
    struct entry **at = &first_entry;
    while (*at != NULL) {
        struct entry *e = *at;
        if (folder != 0 && e->folder != folder) {
            at = &e->next;
            continue;
        }
        if (e->trash != 0) {
            trash_name(trash, e->trash);
            unlinkat(root_fd, trash, 0);
        }
        *at = e->next;
        entry_free(e);
    }
    last_entry = at;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void undo(const struct entry *e)
{
    char trash[64], full[PATH_MAX];
    trash_name(trash, e->trash);
    int code = 0;
    switch (e->kind) {
    case MADE:
        code = unlinkat(root_fd, e->path, 0);
        break;
    case MADE_FOLDER:
        snprintf(full, sizeof full, "%s/%s", backing, e->path);
        code = nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        break;
    case REMOVED:
        code = renameat(root_fd, trash, root_fd, e->path);
        break;
    case REMOVED_FOLDER:
        code = mkdirat(root_fd, e->path, e->mode & 07777);
        break;
    case RENAMED:
        code = renameat(root_fd, e->to, root_fd, e->path);
        if (e->trash != 0)
            code |= renameat(root_fd, trash, root_fd, e->to);
        break;
    }
    counted.entries_undone++;
    if (code != 0)
        fprintf(stderr, "powerfs: cannot undo %d %s: %s\n", (int)e->kind, e->path, strerror(errno));
}

/* Keeps the oldest ones by `keep`, undoes the others, youngest first. */
static void forget_entries(int keep)
{
    size_t count = 0, i = 0, kept;
    for (struct entry *e = first_entry; e != NULL; e = e->next)
        count++;
    struct entry **all = must(calloc(count + 1, sizeof *all));
    for (struct entry *e = first_entry; e != NULL; e = e->next)
        all[i++] = e;
    kept = keep > 0 && count > 0 ? random_next() % (count * (size_t)keep / 100 + 1) : 0;
    counted.entries_kept = (long)kept;
    for (i = count; i > kept; i--)
        undo(all[i - 1]);
    for (i = 0; i < count; i++)
        entry_free(all[i]);
    free(all);
}

/* ---- commands ---- */

static size_t tell(char *dst, size_t cap)
{
    size_t dirty = 0, entries = 0;
    for (struct node *n = nodes; n != NULL; n = n->next)
        dirty += n->dirty;
    for (struct entry *e = first_entry; e != NULL; e = e->next)
        entries++;
    return (size_t)snprintf(dst, cap, "syncs=%ld failed=%ld dirty_pages=%zu pending_entries=%zu\n", counted.syncs,
                            counted.failed, dirty, entries);
}

static void cut(uint64_t seed, int keep)
{
    random_state = seed * 2654435761u + 88172645463325252u;
    for (struct node *n = nodes; n != NULL; n = n->next)
        forget_file(n, keep);
    forget_entries(keep);
    printf("cut syncs=%ld pages_forgotten=%ld pages_kept=%ld pages_torn=%ld entries_undone=%ld entries_kept=%ld\n",
           counted.syncs, counted.forgotten, counted.kept, counted.torn, counted.entries_undone, counted.entries_kept);
    fflush(stdout);
    fuse_exit(fuse_get_context()->fuse);
}

static int command(const char *text, size_t len)
{
    char line[256], name[16] = "", part[128] = "";
    long a = 0;
    snprintf(line, sizeof line, "%.*s", (int)(len < 255 ? len : 255), text);
    int got = sscanf(line, "%15s %ld %127s", name, &a, part);
    struct failing f = {.left = (int)a};
    snprintf(f.part, sizeof f.part, "%s", part);
    if (got < 2)
        return -EINVAL;
    if (strcmp(name, "cut") == 0)
        cut((uint64_t)a, (int)strtol(part, NULL, 10));
    else if (strcmp(name, "strict") == 0)
        strict = a != 0;
    else if (strcmp(name, "nospace") == 0)
        no_space = f;
    else if (strcmp(name, "readonly") == 0)
        read_only = f;
    else if (strcmp(name, "failsync") == 0)
        fail_sync = f;
    else if (strcmp(name, "failread") == 0)
        fail_read = f;
    else if (strcmp(name, "failwrite") == 0)
        fail_write = f;
    else
        return -EINVAL;
    return (int)len;
}

static bool is_control(const char *path)
{
    return path != NULL && strcmp(path, CONTROL) == 0;
}

/* ---- the calls ---- */

static int result(int code)
{
    return code < 0 ? -errno : 0;
}

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
    if (is_control(path)) {
        *st = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1};
        return 0;
    }
    if (fi != NULL && node_of(fi) != NULL)
        return result(fstat(node_of(fi)->fd, st));
    return result(fstatat(root_fd, below(path), st, AT_SYMLINK_NOFOLLOW));
}

static int fs_readlink(const char *path, char *dst, size_t cap)
{
    ssize_t n = readlinkat(root_fd, below(path), dst, cap - 1);
    if (n < 0)
        return -errno;
    dst[n] = '\0';
    return 0;
}

static void give_to_caller(const char *path)
{
    struct fuse_context *c = fuse_get_context();
    if (fchownat(root_fd, below(path), c->uid, c->gid, AT_SYMLINK_NOFOLLOW) != 0)
        perror("chown");
}

static int made(const char *path, enum entry_kind kind, int code)
{
    if (code < 0)
        return -errno;
    give_to_caller(path);
    note_entry(kind, below(path), NULL, 0, 0);
    return 0;
}

static int fs_mkdir(const char *path, mode_t mode)
{
    int no = cannot_change(path, true);
    return no != 0 ? no : made(path, MADE_FOLDER, mkdirat(root_fd, below(path), mode));
}

static int fs_symlink(const char *target, const char *path)
{
    int no = cannot_change(path, true);
    return no != 0 ? no : made(path, MADE, symlinkat(target, root_fd, below(path)));
}

static int fs_link(const char *from, const char *path)
{
    int no = cannot_change(path, true);
    if (no != 0)
        return no;
    if (linkat(root_fd, below(from), root_fd, below(path), 0) != 0)
        return -errno;
    note_entry(MADE, below(path), NULL, 0, 0);
    return 0;
}

/* Moves a file out of the way, to be put back by a cut. 0: there is none; < 0: -errno. */
static int to_trash(const char *path)
{
    char trash[64];
    trash_name(trash, ++trash_count);
    if (renameat(root_fd, path, root_fd, trash) == 0)
        return trash_count;
    return errno == ENOENT ? 0 : -errno;
}

static int fs_unlink(const char *path)
{
    int no = cannot_change(path, false);
    if (no != 0)
        return no;
    int trash = to_trash(below(path));
    if (trash <= 0)
        return trash == 0 ? -ENOENT : trash;
    note_entry(REMOVED, below(path), NULL, trash, 0);
    return 0;
}

static int fs_rmdir(const char *path)
{
    struct stat st;
    int no = cannot_change(path, false);
    if (no != 0)
        return no;
    if (fstatat(root_fd, below(path), &st, 0) != 0 || unlinkat(root_fd, below(path), AT_REMOVEDIR) != 0)
        return -errno;
    note_entry(REMOVED_FOLDER, below(path), NULL, 0, st.st_mode);
    return 0;
}

static int fs_rename(const char *from, const char *to, unsigned flags)
{
    int no = cannot_change(from, false), trash = 0;
    struct stat st, there;
    if (no != 0)
        return no;
    if (flags != 0)
        return -EINVAL;
    if (fstatat(root_fd, below(from), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    if (fstatat(root_fd, below(to), &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == st.st_ino)
        return 0;
    if (!S_ISDIR(st.st_mode) && (trash = to_trash(below(to))) < 0)
        return trash;
    if (renameat(root_fd, below(from), root_fd, below(to)) != 0)
        return -errno;
    note_entry(RENAMED, below(from), below(to), trash, 0);
    return 0;
}

static int fs_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    (void)fi;
    int no = cannot_change(path, false);
    return no != 0 ? no : result(fchmodat(root_fd, below(path), mode, 0));
}

static int fs_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
    (void)fi;
    int no = cannot_change(path, false);
    return no != 0 ? no : result(fchownat(root_fd, below(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int fs_utimens(const char *path, const struct timespec at[2], struct fuse_file_info *fi)
{
    (void)fi;
    int no = cannot_change(path, false);
    return no != 0 ? no : result(utimensat(root_fd, below(path), at, AT_SYMLINK_NOFOLLOW));
}

static int truncate_node(struct node *n, off_t size)
{
    off_t now = size_of(n);
    int no = cannot_change(n->name, size > now);
    if (no != 0)
        return no;
    keep_before(n, size < now ? size : now, size < now ? now : now + 1);
    return result(ftruncate(n->fd, size));
}

static int open_node(const char *path, struct node **ret)
{
    int fd = openat(root_fd, below(path), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    *ret = node_get(fd, path);
    return 0;
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
    struct node *n = fi != NULL ? node_of(fi) : NULL;
    if (is_control(path))
        return 0;
    if (n != NULL)
        return truncate_node(n, size);
    int code = open_node(path, &n);
    if (code != 0)
        return code;
    code = truncate_node(n, size);
    release_node(n);
    return code;
}

static int fs_open(const char *path, struct fuse_file_info *fi)
{
    struct node *n = NULL;
    if (is_control(path)) {
        fi->fh = 0;
        fi->direct_io = 1;
        return 0;
    }
    if (concerns(&read_only, path) && (fi->flags & O_ACCMODE) != O_RDONLY)
        return -EROFS;
    int code = open_node(path, &n);
    if (code == 0 && (fi->flags & O_TRUNC) && (code = truncate_node(n, 0)) != 0)
        release_node(n);
    fi->fh = (uintptr_t)n;
    return code;
}

static int fs_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    int no = cannot_change(path, true);
    if (no != 0)
        return no;
    int fd = openat(root_fd, below(path), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int code = made(path, MADE, fd);
    if (code == 0)
        fi->fh = (uintptr_t)node_get(fd, path);
    else if (fd >= 0)
        close(fd);
    return code;
}

static int fs_read(const char *path, char *dst, size_t len, off_t off, struct fuse_file_info *fi)
{
    (void)path;
    if (node_of(fi) == NULL) {
        char text[256];
        size_t n = tell(text, sizeof text);
        if (off >= (off_t)n)
            return 0;
        n -= (size_t)off;
        memcpy(dst, text + off, n < len ? n : len);
        return (int)(n < len ? n : len);
    }
    if (fails(&fail_read, node_of(fi)->name))
        return -EIO;
    ssize_t n = pread(node_of(fi)->fd, dst, len, off);
    return n < 0 ? -errno : (int)n;
}

static int fs_fsync(const char *path, int data_only, struct fuse_file_info *fi)
{
    (void)path, (void)data_only;
    struct node *n = node_of(fi);
    if (n == NULL)
        return 0;
    if (concerns(&read_only, n->name) && n->dirty > 0) /* the file system went read-only under it */
        return -EROFS;
    bool well = !fails(&fail_sync, n->name);
    settle(n, well);
    if (well && !strict)
        commit_entries(0);
    counted.syncs++;
    return well ? 0 : -EIO;
}

static int fs_write(const char *path, const char *src, size_t len, off_t off, struct fuse_file_info *fi)
{
    struct node *n = node_of(fi);
    if (n == NULL)
        return command(src, len);
    int no = cannot_change(n->name, off + (off_t)len > size_of(n));
    if (no != 0)
        return no;
    if (fails(&fail_write, n->name))
        return -EIO;
    off_t now = size_of(n);
    keep_before(n, off < now ? off : now, off + (off_t)len);
    ssize_t done = pwrite(n->fd, src, len, off);
    if (done < 0)
        return -errno;
    if ((fi->flags & (O_SYNC | O_DSYNC)) != 0) {
        int code = fs_fsync(path, 1, fi);
        return code != 0 ? code : (int)done;
    }
    return (int)done;
}

static int fs_fsyncdir(const char *path, int data_only, struct fuse_file_info *fi)
{
    (void)path, (void)data_only;
    struct stat st;
    if (fstat(dirfd((DIR *)(uintptr_t)fi->fh), &st) != 0)
        return -errno;
    commit_entries(strict ? st.st_ino : 0);
    counted.syncs++;
    return 0;
}

static int fs_release(const char *path, struct fuse_file_info *fi)
{
    (void)path;
    if (node_of(fi) != NULL)
        release_node(node_of(fi));
    return 0;
}

static int fs_opendir(const char *path, struct fuse_file_info *fi)
{
    int fd = openat(root_fd, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    fi->fh = (uintptr_t)d;
    return d != NULL ? 0 : -errno;
}

static int fs_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off, struct fuse_file_info *fi,
                      enum fuse_readdir_flags flags)
{
    (void)path, (void)off, (void)flags;
    DIR *d = (DIR *)(uintptr_t)fi->fh;
    rewinddir(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, TRASH) != 0)
            fill(buf, e->d_name, NULL, 0, 0);
    return 0;
}

static int fs_releasedir(const char *path, struct fuse_file_info *fi)
{
    (void)path;
    return result(closedir((DIR *)(uintptr_t)fi->fh));
}

static int fs_statfs(const char *path, struct statvfs *v)
{
    int code = result(fstatvfs(root_fd, v));
    if (no_space.left > 1 && concerns(&no_space, path))
        v->f_bavail = v->f_bfree = 0;
    if (concerns(&read_only, path))
        v->f_flag |= ST_RDONLY;
    return code;
}

static void *fs_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
    (void)conn;
    config->use_ino = 1;     /* PostgreSQL names its shared memory by the folder's */
    config->hard_remove = 1; /* an unlinked file lives on by its node */
    config->nullpath_ok = 1; /* files and folders are known by fi->fh */
    config->kernel_cache = 1; /* nobody changes BACKING behind the kernel */
    config->attr_timeout = config->entry_timeout = 60;
    printf("ready\n");
    fflush(stdout);
    return NULL;
}

int main(int argc, char **argv)
{
    const struct fuse_operations calls = {
        .init = fs_init, .getattr = fs_getattr, .readlink = fs_readlink, .mkdir = fs_mkdir, .symlink = fs_symlink,
        .link = fs_link, .unlink = fs_unlink, .rmdir = fs_rmdir, .rename = fs_rename, .chmod = fs_chmod,
        .chown = fs_chown, .utimens = fs_utimens, .truncate = fs_truncate, .open = fs_open, .create = fs_create,
        .read = fs_read, .write = fs_write, .fsync = fs_fsync, .fsyncdir = fs_fsyncdir, .opendir = fs_opendir, .releasedir = fs_releasedir, .release = fs_release,
        .readdir = fs_readdir, .statfs = fs_statfs};
    struct rlimit files;
    if (argc != 3) {
        fprintf(stderr, "usage: powerfs BACKING MOUNT\n");
        return 2;
    }
    backing = argv[1];
    umask(0);
    root_fd = open(backing, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0 || (mkdirat(root_fd, TRASH, 0700) != 0 && errno != EEXIST))
        die(backing);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    char *fuse_argv[] = {argv[0], (char[]){"-f"}, (char[]){"-s"}, (char[]){"-o"},
                         (char[]){"allow_other,default_permissions,fsname=powerfs"}, argv[2], NULL};
    return fuse_main(6, fuse_argv, &calls, NULL);
}
