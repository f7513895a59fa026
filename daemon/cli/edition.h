/* One edition: a version of a frozen day or a closed month, published as a folder. */
#ifndef HADIR_EDITION_H
#define HADIR_EDITION_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "folder.h"
#include "json.h"

struct seal;
struct session;

struct edition {
    struct session *s;       /* as hadir_nightly */
    const struct seal *seal; /* NULL: unsigned */
    /* Of api.export_pending, borrowed. period: YYYY-MM-DD, or YYYY-MM for a month. */
    const char *government, *code, *period, *version, *closed_at, *late_spools, *frozen_at;
    /* edition_publish's own. */
    struct folder folder;
    struct buf manifest;
    struct json_writer w;
    size_t files;
    char manifest_hash[FOLDER_HASH_CAP];
};

/* Writes, signs, publishes and records it; false after a message. */
bool edition_publish(struct edition *e);

#endif
