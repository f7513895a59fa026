/* A folder that appears whole or not at all. Order: every file written and fsynced, the temporary folder fsynced, one
 * rename, the parent fsynced; a parent made for it is fsynced into its own. A crash before the rename leaves a ".part" folder that the next run removes; after it,
 * the folder is complete. */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "digest.h"
#include "file.h"

static bool failed(const char *path)
{
    cli_error("%s: %s", path, cli_reason(errno));
    return false;
}

/* Our own temporary folders hold plain files only. */
static bool remove_folder(const char *path)
{
    char file[8192];
    DIR *d = opendir(path);
    if (d == NULL)
        return errno == ENOENT || failed(path);
    struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (unlink(file) != 0)
            failed(file);
    }
    closedir(d);
    return rmdir(path) == 0 || failed(path);
}

/* A parent that was made here lasts as its folders do. */
static bool make_parent(const char *parent)
{
    char above[4096];
    if (mkdir(parent, 0750) != 0)
        return errno == EEXIST || failed(parent);
    snprintf(above, sizeof above, "%s", parent);
    char *slash = strrchr(above, '/');
    if (slash == NULL || slash == above)
        return true;
    *slash = '\0';
    return file_sync_folder(above) || failed(above);
}

bool folder_init(struct folder *f, const char *parent, const char *name)
{
    int a = snprintf(f->final, sizeof f->final, "%s/%s", parent, name);
    int b = snprintf(f->temporary, sizeof f->temporary, "%s/.%s.part", parent, name);
    if (a < 0 || b < 0 || (size_t)a >= sizeof f->final || (size_t)b >= sizeof f->temporary) {
        errno = ENAMETOOLONG;
        return failed(parent);
    }
    return true;
}

bool folder_begin(struct folder *f, const char *parent)
{
    return make_parent(parent) && remove_folder(f->temporary) && (mkdir(f->temporary, 0750) == 0 || failed(f->temporary));
}

bool folder_file_begin(struct folder_file *w, const struct folder *f, const char *name)
{
    snprintf(w->path, sizeof w->path, "%s/%s", f->temporary, name);
    w->bytes = 0;
    w->fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (w->fd < 0)
        return failed(w->path);
    w->digest = digest_stream_new();
    return true;
}

bool folder_file_write(void *arg, const void *bytes, size_t len)
{
    struct folder_file *w = arg;
    if (!file_write_all(w->fd, bytes, len))
        return failed(w->path);
    digest_stream_add(w->digest, bytes, len);
    w->bytes += (int64_t)len;
    return true;
}

bool folder_file_end(struct folder_file *w, bool keep, char ret_sha256[FOLDER_HASH_CAP])
{
    uint8_t hash[SHA256_BYTES];
    digest_stream_end(w->digest, hash);
    encode_hex(ret_sha256, FOLDER_HASH_CAP, hash, sizeof hash);
    bool ok = !keep || fsync(w->fd) == 0 || failed(w->path);
    return (close(w->fd) == 0 || failed(w->path)) && ok && keep;
}

bool folder_write(const struct folder *f, const char *file, const struct buf *content)
{
    struct folder_file w;
    char hash[FOLDER_HASH_CAP];
    if (!folder_file_begin(&w, f, file))
        return false;
    if (content->failed) {
        errno = ENOMEM;
        failed(w.path);
    }
    return folder_file_end(&w, !content->failed && folder_file_write(&w, content->data, content->len), hash);
}

static bool same_file(const char *a, const char *b)
{
    struct buf left, right;
    buf_init(&left, 64u << 20);
    buf_init(&right, 64u << 20);
    bool same = cli_read_file(a, &left) && cli_read_file(b, &right) && left.len == right.len &&
                memcmp(left.data, right.data, left.len) == 0;
    buf_fini(&left);
    buf_fini(&right);
    return same;
}

bool folder_publish(struct folder *f, const char *parent, const char *witness)
{
    char there[8192], here[8192];
    struct stat st;
    if (stat(f->final, &st) == 0) {
        snprintf(there, sizeof there, "%s/%s", f->final, witness);
        snprintf(here, sizeof here, "%s/%s", f->temporary, witness);
        if (!same_file(there, here)) {
            cli_error(cli_say("%s sudah ada dengan isi lain; tidak ditimpa", "%s exists with other content; not overwritten"),
                      f->final);
            return false;
        }
        /* the run that renamed it may have been killed before the parent was on the disk */
        return remove_folder(f->temporary) && (file_sync_folder(parent) || failed(parent));
    }
    return (file_sync_folder(f->temporary) || failed(f->temporary)) && (rename(f->temporary, f->final) == 0 || failed(f->final)) &&
           (file_sync_folder(parent) || failed(parent));
}

char *folder_name(char *dst, size_t cap, const char *text)
{
    size_t at = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0' && at + 4 < cap; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' ||
                     *p == '_' || (*p == '.' && at > 0);
        if (plain)
            dst[at++] = (char)*p;
        else
            at += (size_t)snprintf(dst + at, cap - at, "%%%02X", *p);
    }
    dst[at] = '\0';
    return dst;
}
