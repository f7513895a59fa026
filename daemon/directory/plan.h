/* Inside directory: base and delta seen as one. */
#ifndef HADIR_PLAN_H
#define HADIR_PLAN_H

#include "directory.h"
#include "image.h"

struct directory {
    struct image base, delta;
    bool loaded, has_delta;
    size_t people;
};

/* A day's pattern and the file whose sessions, fences and texts it names; pattern NULL: that day is not compiled. */
struct pattern_ref {
    const struct image *image;
    const struct image_pattern *pattern;
};

/* One person's plan: the record that counts, the file it is in (homes), and the patterns of the window's days, each from
 * the newest slot of the pair that the person belongs to on that day. */
struct plan {
    const struct image *image;
    const struct image_person *person;
    int32_t first_day, days;
    struct pattern_ref on[IMAGE_DAYS_MAX]; /* days of them, the first is first_day's */
};

/* false: nobody, or removed. */
bool plan_find(const struct directory *d, int64_t person, struct plan *ret);
/* The pattern of the local day that contains t, *ret_day its number; without a pattern when no compiled day does. */
struct pattern_ref plan_at(const struct plan *p, int64_t t_us, int32_t *ret_day);

struct fence_ref {
    const struct image *image;
    const struct image_fence *fence;
};
/* The fence as it is now, from whichever file has its newest state; false: unknown or removed. */
bool plan_fence(const struct directory *d, int64_t fence, struct fence_ref *ret);
/* Calls hit for every shared fence of the government that covers p, each once. */
typedef void (*plan_fence_cb)(void *arg, struct fence_ref ref);
void plan_shared(const struct directory *d, int64_t government, struct point p, plan_fence_cb hit, void *arg);

#endif
