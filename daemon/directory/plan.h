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

/* One person's plan: the record that counts, and the file it is in. */
struct plan {
    const struct image *image;
    const struct image_person *person;
};

/* false: nobody, or removed. */
bool plan_find(const struct directory *d, int64_t person, struct plan *ret);
/* The day's pattern, i counted from the file's first day; NULL when that day is not compiled. */
const struct image_pattern *plan_on(const struct plan *p, int i);
/* The pattern of the local day that contains t, *ret_day its number; NULL when no compiled day does. */
const struct image_pattern *plan_at(const struct plan *p, int64_t t_us, int32_t *ret_day);

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
