/* Judging a time: which of the three counts, which session holds it, on time or by how many minutes not.
 *
 * The same arithmetic as SQL's derivation (sql/api/derive_rows.sql), which has the last word. All intervals are half-open.
 * No date, hour or threshold of a rule stands here: they come with the plan. What does stand here belongs to the protocols: how far a
 * phone's clock is believed and when a delivery is called late. Pure. */
#include "judge.h"
#include "wall.h"

#define FIX_AGE_MAX_US (24 * 3600 * US_PER_S)      /* beyond, a native fix is judged by arrival */
#define LATE_DELIVERY_US (5 * 60 * US_PER_S)
#define FUTURE_US (60 * US_PER_S)                  /* a claimed time further ahead than this is not believed */
#define MINUTE_US (60 * US_PER_S)

/* ---- the deciding time ---- */

/* The claimed time as it is, unless it lies in the future; then arrival. */
static struct decided by_claim(const struct fact *f, int64_t claimed_us, enum time_source by)
{
    if (judge_elapsed_us(claimed_us, f->received_us) > FUTURE_US)
        return (struct decided){.us = f->received_us, .by = TIME_ARRIVAL};
    return (struct decided){.us = claimed_us, .by = by};
}

/* Our own client says by its own clock when the fix was made and when it was sent: the difference is right even where the
 * clock is wrong, so it is taken off the arrival. */
static struct decided by_corrected_fix(const struct fact *f)
{
    const struct decided arrival = {.us = f->received_us, .by = TIME_ARRIVAL, .flags = FLAG_STALE_FIX};
    if (f->fix_us == TIME_ABSENT || f->sent_us == TIME_ABSENT)
        return arrival;
    int64_t age_us = judge_elapsed_us(f->sent_us, f->fix_us);
    if (age_us < 0 || age_us > FIX_AGE_MAX_US)
        return arrival;
    return (struct decided){.us = f->received_us - age_us, .by = TIME_FIX};
}

static struct decided decide(enum time_source wanted, const struct fact *f)
{
    if (wanted == TIME_FIX && f->channel == CHANNEL_NATIVE)
        return by_corrected_fix(f);
    if (wanted == TIME_FIX && f->fix_us != TIME_ABSENT)
        return by_claim(f, f->fix_us, TIME_FIX);
    if (wanted == TIME_MESSAGE && f->message_us != TIME_ABSENT)
        return by_claim(f, f->message_us, TIME_MESSAGE);
    return (struct decided){.us = f->received_us, .by = TIME_ARRIVAL};
}

struct decided time_decide(const struct image_pattern *arrival_day, const struct fact *f)
{
    enum time_source wanted = TIME_ARRIVAL;
    if (arrival_day != NULL && f->channel >= 1 && f->channel <= CHANNEL_MAX)
        wanted = (enum time_source)arrival_day->decides[f->channel - 1];
    struct decided r = decide(wanted, f);
    bool tracker = f->channel == CHANNEL_OWNTRACKS || f->channel == CHANNEL_OSMAND;
    if (tracker && r.by == TIME_FIX)
        r.flags |= FLAG_DEVICE_CLOCK;
    if (judge_elapsed_us(f->received_us, r.us) > LATE_DELIVERY_US)
        r.flags |= FLAG_LATE_DELIVERY;
    int64_t claimed_us = f->fix_us != TIME_ABSENT ? f->fix_us : f->message_us;
    if (claimed_us != TIME_ABSENT && judge_elapsed_us(claimed_us, f->received_us) > FUTURE_US)
        r.flags |= FLAG_FUTURE_FIX; /* said of our own client too, whose clock is then wrong but corrected */
    return r;
}

/* ---- the session ---- */

bool time_session(const struct plan *p, int64_t t_us, struct session_ref *ret)
{
    struct session_ref found = {.session = NULL};
    for (int32_t i = 0; i < p->days; i++) {
        struct pattern_ref on = p->on[i];
        for (uint32_t k = 0; on.pattern != NULL && k < on.pattern->session_count; k++) {
            const struct image_pattern_session *s = &on.image->sessions[on.pattern->session_first + k];
            if (t_us < s->accept_from_us || t_us >= s->accept_until_us)
                continue;
            /* compiled intervals never overlap; if they did, the earlier ends where the later begins */
            if (found.session == NULL || s->accept_from_us > found.session->accept_from_us)
                found = (struct session_ref){on, s, p->first_day + i};
        }
    }
    if (found.session == NULL)
        return false;
    *ret = found;
    return true;
}

static int32_t minutes(int64_t us)
{
    return us <= 0 ? 0 : us / MINUTE_US > INT32_MAX ? INT32_MAX : (int32_t)(us / MINUTE_US);
}

static void judge_session(const struct image_pattern_session *s, int64_t t_us, struct judgement *ret)
{
    ret->verdict = VERDICT_ON_TIME;
    if (s->counts_as == COUNTS_AS_IN && t_us >= s->on_time_until_us) {
        ret->verdict = VERDICT_LATE;
        ret->late_minutes = minutes(judge_elapsed_us(t_us, s->due_us));
    } else if (s->counts_as == COUNTS_AS_OUT && t_us < s->on_time_from_us) {
        ret->verdict = VERDICT_EARLY;
        ret->early_minutes = minutes(judge_elapsed_us(s->due_us, t_us) + MINUTE_US - 1);
    }
}

struct pattern_ref time_judge(const struct plan *p, int64_t t_us, struct judgement *ret)
{
    ret->verdict = VERDICT_PENDING;
    ret->day = INT32_MIN;
    if (p == NULL)
        return (struct pattern_ref){NULL, NULL};
    struct session_ref found;
    if (time_session(p, t_us, &found)) {
        ret->day = found.day;
        ret->session = found.session->id;
        ret->session_code = image_text(found.of.image, found.session->code);
        ret->session_label = image_text(found.of.image, found.session->label);
        ret->counts_as = (enum counts_as)found.session->counts_as;
        judge_session(found.session, t_us, ret);
        return found.of;
    }
    struct pattern_ref on = plan_at(p, t_us, &ret->day);
    if (on.pattern != NULL)
        ret->verdict = on.pattern->session_count == 0 ? VERDICT_NOT_EXPECTED : VERDICT_OUTSIDE_WINDOW;
    return on;
}
