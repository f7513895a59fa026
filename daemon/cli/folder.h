/* Publishing a folder as one: files are written into a hidden folder beside the final one, synced, and renamed into
 * place together. Published folders are never touched again. */
#ifndef HADIR_FOLDER_H
#define HADIR_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct folder {
    char final[4096];
    char temporary[4096];
};

/* Begins parent/name; makes parent (mode 0750) if needed and removes what a killed run left. false after a message. */
bool folder_begin(struct folder *f, const char *parent, const char *name);
/* Writes and syncs one file. */
bool folder_write(const struct folder *f, const char *file, const struct buf *content);
/* Renames into place and syncs the parent. When the final folder is there already (killed between the rename and its
 * record), its `witness` file must hold the same bytes: then ours is dropped and all is well. */
bool folder_publish(struct folder *f, const char *parent, const char *witness);
/* A file name from any text: what is not a letter, digit, '-', '_' or '.' becomes %XX; no leading '.'. */
char *folder_name(char *dst, size_t cap, const char *text);

#endif
