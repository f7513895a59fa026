/* Publishing a folder as one: files are written into a hidden folder beside the final one, synced, and renamed into
 * place together. Published folders are never touched again. */
#ifndef HADIR_FOLDER_H
#define HADIR_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct folder {
    char final[4096];
    char temporary[4096];
};

/* parent/name, nothing done yet; false after a message: too long. */
bool folder_init(struct folder *f, const char *parent, const char *name);
/* Begins it; makes parent (mode 0750) if needed and removes what a killed run left. false after a message. */
bool folder_begin(struct folder *f, const char *parent);
/* One file, in pieces, hashed on the way. */
#define FOLDER_HASH_CAP 65 /* hex of a SHA-256, and its NUL */
struct folder_file {
    int fd;
    int64_t bytes;
    struct digest_stream *digest;
    char path[8192];
};
bool folder_file_begin(struct folder_file *w, const struct folder *f, const char *name); /* false after a message: nothing to end */
bool folder_file_write(void *folder_file, const void *bytes, size_t len);                /* a report_write_cb; false after a message */
/* Syncs and closes. keep false: it failed before, whatever is there goes with the folder. false: it is not whole. */
bool folder_file_end(struct folder_file *w, bool keep, char ret_sha256[FOLDER_HASH_CAP]);
/* Writes and syncs one file. */
bool folder_write(const struct folder *f, const char *file, const struct buf *content);
/* Renames into place and syncs the parent. When the final folder is there already (killed between the rename and its
 * record), its `witness` file must hold the same bytes: then ours is dropped and all is well. */
bool folder_publish(struct folder *f, const char *parent, const char *witness);
/* A file name from any text: what is not a letter, digit, '-', '_' or '.' becomes %XX; no leading '.'. */
char *folder_name(char *dst, size_t cap, const char *text);

#endif
