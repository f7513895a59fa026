/* The whole judgement of a check-in, from what the plan says of its time (time.c) and its place (place.c).
 *
 * Place in the flow: the door calls directory_judge once, before the fact goes to the ledger, and signs what comes out as
 * the first verdict; it calls directory_rejudge for a stored fact whose current verdict somebody wants to see. Both are
 * provisional: SQL's derivation decides, by the same arithmetic. Nothing here reads a clock: the fact brings its times,
 * directory_drops gets the moment as an argument. One thread. */
#include <string.h>
#include <strings.h>

#include "judge.h"
#include "wall.h"

#define DROP_AGE_MAX_US (24 * 3600 * US_PER_S)

struct outcome {
    struct decided decided;
    struct judgement judgement;
    struct places places;
    uint32_t flags;
};

static bool same_word(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.s, b.s, a.len) == 0);
}

/* The client's own idea of the session is evidence only; worth a flag when the time says otherwise. */
static uint32_t session_flag(const struct fact *f, const struct judgement *j)
{
    if (f->session_claimed.len == 0 || j->counts_as == 0)
        return 0;
    bool same = same_word(f->session_claimed, j->session_code) || same_word(f->session_claimed, j->session_label);
    return same ? 0 : FLAG_SESSION_DIFFERS;
}

static uint32_t clock_flag(const struct fact *f)
{
    return f->clock_state == CLOCK_UNSYNCHRONISED ? FLAG_CLOCK_UNSYNCHRONISED
           : f->clock_state == CLOCK_SIMULATED    ? FLAG_CLOCK_SIMULATED
                                                  : 0;
}

static void judge(const struct directory *d, const struct fact *f, struct outcome *ret)
{
    struct plan found;
    const struct plan *plan = f->person != 0 && plan_find(d, f->person, &found) ? &found : NULL;
    int32_t arrival_day;
    const struct image_pattern *arrival = plan != NULL ? plan_at(plan, f->received_us, &arrival_day).pattern : NULL;
    ret->judgement = (struct judgement){.day = INT32_MIN};
    ret->decided = time_decide(arrival, f);
    struct pattern_ref day = time_judge(plan, ret->decided.us, &ret->judgement);
    place_judge(d, plan, day, f, &ret->judgement, &ret->places);
    ret->flags = ret->decided.flags | ret->places.flags | session_flag(f, &ret->judgement) | clock_flag(f) |
                 (f->automatic ? FLAG_AUTOMATIC : 0);
}

void directory_judge(const struct directory *d, struct fact *f)
{
    struct outcome o;
    int64_t compiled_us;
    judge(d, f, &o);
    directory_version(d, &f->directory_epoch, &f->directory_number, &compiled_us);
    f->decided_us = o.decided.us;
    f->decided_by = o.decided.by;
    f->flags |= o.flags;
    f->first = o.judgement;
    f->placement_count = o.places.count;
    memcpy(f->placements, o.places.placements, o.places.count * sizeof f->placements[0]);
}

void directory_rejudge(const struct directory *d, const struct fact *f, struct judgement *ret)
{
    struct outcome o;
    judge(d, f, &o);
    *ret = o.judgement;
}

bool directory_drops(const struct directory *d, const struct fact *f, int64_t now_us)
{
    struct plan plan;
    struct session_ref found;
    int64_t epoch, number, compiled_us;
    int32_t day;
    directory_version(d, &epoch, &number, &compiled_us);
    if (!f->automatic || judge_elapsed_us(now_us, compiled_us) >= DROP_AGE_MAX_US || !plan_find(d, f->person, &plan) ||
        plan_at(&plan, f->decided_us, &day).pattern == NULL)
        return false;
    if (!time_session(&plan, f->decided_us, &found))
        return true;
    return found.session->counts_as == COUNTS_AS_OUT && f->decided_us < found.session->on_time_from_us;
}

size_t directory_sessions(const struct directory *d, int64_t person, int64_t at_us, int32_t *ret_day,
                          struct session_view *ret, size_t max)
{
    struct plan plan;
    struct pattern_ref on = {NULL, NULL};
    *ret_day = INT32_MIN;
    if (plan_find(d, person, &plan))
        on = plan_at(&plan, at_us, ret_day);
    if (on.pattern == NULL)
        return 0;
    size_t n = on.pattern->session_count < max ? on.pattern->session_count : max;
    for (size_t i = 0; i < n; i++) {
        const struct image_pattern_session *s = &on.image->sessions[on.pattern->session_first + i];
        ret[i] = (struct session_view){.id = s->id,
                                       .code = image_text(on.image, s->code),
                                       .label = image_text(on.image, s->label),
                                       .counts_as = (enum counts_as)s->counts_as,
                                       .accept_from_us = s->accept_from_us,
                                       .accept_until_us = s->accept_until_us,
                                       .due_us = s->due_us,
                                       .on_time_from_us = s->on_time_from_us,
                                       .on_time_until_us = s->on_time_until_us};
    }
    return n;
}
