/* Inside directory: the parts of a judgement. */
#ifndef HADIR_JUDGE_H
#define HADIR_JUDGE_H

#include "plan.h"

/* a − b; differences of times that outsiders chose stay in range. */
static inline int64_t judge_elapsed_us(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_sub_overflow(a, b, &r) ? (a > b ? INT64_MAX : INT64_MIN) : r;
}

/* ---- time.c ---- */

struct decided {
    int64_t us;
    enum time_source by;
    uint32_t flags;
};
/* Which of the fact's three times judges it. arrival_day: the plan of the day of arrival, or NULL. */
struct decided time_decide(const struct image_pattern *arrival_day, const struct fact *f);

/* The session whose acceptance holds t, of any compiled day. */
struct session_ref {
    struct pattern_ref of;
    const struct image_pattern_session *session;
    int32_t day;
};
bool time_session(const struct plan *p, int64_t t_us, struct session_ref *ret);
/* Fills verdict, day, session…, minutes of ret. Returns the pattern whose place class counts; none when no day is
 * compiled. p may be NULL: nobody's plan. */
struct pattern_ref time_judge(const struct plan *p, int64_t t_us, struct judgement *ret);

/* ---- place.c ---- */

struct places {
    struct placement placements[FACT_PLACEMENTS_MAX];
    size_t count;
    uint32_t flags;
};
/* Fills place, fence…, relation, distance of judgement, and the placements. p may be NULL, day be without pattern. */
void place_judge(const struct directory *d, const struct plan *p, struct pattern_ref day, const struct fact *f,
                 struct judgement *judgement, struct places *ret);

#endif
