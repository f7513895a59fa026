/* Files to the disk: whole writes, and folders whose entries last. */
#ifndef HADIR_FILE_H
#define HADIR_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all of it, however often the kernel takes only a part. false with errno; not synced. */
bool file_write_all(int fd, const void *bytes, size_t len);
/* Makes renames, creations and removals in the folder durable. false with errno. */
bool file_sync_folder(const char *path);

#endif
