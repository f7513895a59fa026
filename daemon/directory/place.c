/* Judging a place: the point against the fences that the plan binds, the person's homes, and shared fences around it.
 *
 * Candidates are every bound fence, homes on days at home or anywhere, and each shared fence that covers the point. They
 * are kept in the order in which they may decide: offices, sites and homes inside, then the same uncertain, then those
 * outside, then areas, which never decide; within each, bound before shared, then the nearest boundary, then the plan's
 * own order. The first that is inside or uncertain sets the place class. If more than FACT_PLACEMENTS_MAX come together,
 * the last in this order are left out.
 *
 * Distances and membership are geo's; which fences are bound is SQL's. Pure. */
#include <math.h>

#include "judge.h"

/* Where no plan says how far a reported accuracy is believed (design §3). */
#define DEFAULT_CAP_M 100.0

enum rank { RANK_INSIDE, RANK_UNCERTAIN, RANK_OUTSIDE, RANK_AREA };

struct candidate {
    struct placement placement;
    struct fence_ref ref;
    enum rank rank;
    bool bound;
};

struct candidates {
    const struct fact *f;
    double cap_m;
    bool bound; /* those being added now */
    struct candidate all[FACT_PLACEMENTS_MAX];
    size_t count;
};

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->bound != b->bound)
        return a->bound;
    return fabs(a->placement.metres) < fabs(b->placement.metres);
}

static enum rank rank_of(enum fence_kind kind, enum relation relation)
{
    if (kind == FENCE_AREA)
        return RANK_AREA;
    return relation == RELATION_INSIDE ? RANK_INSIDE : relation == RELATION_UNCERTAIN ? RANK_UNCERTAIN : RANK_OUTSIDE;
}

/* Measures the fence and puts it in its place; equals stay in order of arrival. */
static void add(void *arg, struct fence_ref ref)
{
    struct candidates *c = arg;
    for (size_t i = 0; i < c->count; i++)
        if (c->all[i].placement.fence == ref.fence->id)
            return;
    double metres = fence_metres(image_shape(ref.image, ref.fence), (struct point){c->f->lon_deg, c->f->lat_deg});
    struct candidate fresh = {.placement = {.fence = ref.fence->id,
                                            .fence_version = ref.fence->version,
                                            .relation = fence_relate(metres, c->f->has_accuracy, c->f->accuracy_m, c->cap_m),
                                            .metres = metres},
                              .ref = ref,
                              .bound = c->bound};
    fresh.rank = rank_of((enum fence_kind)ref.fence->kind, fresh.placement.relation);
    size_t at = c->count;
    while (at > 0 && comes_before(&fresh, &c->all[at - 1]))
        at--;
    if (at == FACT_PLACEMENTS_MAX)
        return;
    if (c->count < FACT_PLACEMENTS_MAX)
        c->count++;
    for (size_t i = c->count - 1; i > at; i--)
        c->all[i] = c->all[i - 1];
    c->all[at] = fresh;
}

static void add_ids(struct candidates *c, const struct directory *d, const int64_t *fences, size_t count)
{
    struct fence_ref ref;
    for (size_t i = 0; i < count; i++)
        if (plan_fence(d, fences[i], &ref))
            add(c, ref);
}

static enum place place_of(enum fence_kind kind)
{
    switch (kind) {
    case FENCE_OFFICE:
        return PLACE_WFO;
    case FENCE_SITE:
        return PLACE_DL;
    case FENCE_HOME:
        return PLACE_WFH;
    case FENCE_AREA:
        break;
    }
    return PLACE_NONE;
}

/* The fence the answer speaks of: the one that decided, else the nearest bound one; NULL when no fence was asked. */
static const struct candidate *answering(const struct candidates *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->all[i].rank <= RANK_UNCERTAIN || c->all[i].bound)
            return &c->all[i];
    return NULL;
}

static void answer(const struct candidates *c, const struct image_pattern *pattern, struct judgement *j, uint32_t *flags)
{
    const struct candidate *a = answering(c);
    bool decided = a != NULL && a->rank <= RANK_UNCERTAIN;
    if (decided)
        j->place = place_of((enum fence_kind)a->ref.fence->kind);
    else if (pattern != NULL && pattern->anywhere)
        j->place = (enum place)pattern->place;
    if (a == NULL)
        return;
    j->fence = a->placement.fence;
    j->fence_name = image_text(a->ref.image, a->ref.fence->name);
    j->relation = a->placement.relation;
    j->has_distance = true;
    j->distance_m = a->placement.metres;
    if (decided && a->rank == RANK_UNCERTAIN)
        *flags |= FLAG_UNCERTAIN_PLACE;
}

void place_judge(const struct directory *d, const struct plan *p, struct pattern_ref day, const struct fact *f,
                 struct judgement *judgement, struct places *ret)
{
    const struct image_pattern *pattern = day.pattern;
    struct candidates c = {.f = f, .cap_m = pattern != NULL ? pattern->accuracy_cap_m : DEFAULT_CAP_M, .bound = true};
    ret->count = 0;
    ret->flags = !f->has_accuracy ? FLAG_ACCURACY_UNKNOWN : f->accuracy_m > c.cap_m ? FLAG_INACCURATE : 0;
    judgement->place = PLACE_NONE;
    judgement->relation = RELATION_NONE;
    if (!isfinite(f->lat_deg) || !isfinite(f->lon_deg))
        return;
    if (p != NULL && pattern != NULL) {
        add_ids(&c, d, day.image->pattern_fences + pattern->fence_first, pattern->fence_count);
        if (pattern->place == PLACE_WFH || pattern->anywhere)
            add_ids(&c, d, p->image->homes + p->person->home_first, p->person->home_count);
    }
    c.bound = false;
    plan_shared(d, f->government, (struct point){f->lon_deg, f->lat_deg}, add, &c);
    for (size_t i = 0; i < c.count; i++)
        ret->placements[i] = c.all[i].placement;
    ret->count = c.count;
    answer(&c, pattern, judgement, &ret->flags);
}
