/* When doors are heard, and when what they said is committed.
 *
 * A group of the spool costs as much for ten check-ins as for one (waking, sync, pages, signature), and so does reading
 * what doors sent. Rounds follow the load. Who comes alone is committed at once. While others come, a group is committed
 * when ROUND_ENOUGH messages are there, or ROUND_EVERY_MS after the last group; and as long as fewer than that come, doors are
 * not even read until the next group is due: this loop sleeps through what would only wake it.
 */
#include "ledger.h"

#include "loop.h"
#include "spool.h"
#include "wall.h"

#define ROUND_EVERY_MS 4 /* as near as the kernel's tick lets timers be: 2 to 8 where it is 4 ms */
#define ROUND_ENOUGH 16 /* more share little more; a hundred senders that wait for answers keep several groups going */

static void hear(struct ledger *l, bool yes)
{
    l->deaf = !yes;
    for (struct peer *p = l->peers; p != NULL; p = p->next) {
        if (yes)
            channel_resume(p->channel);
        else
            channel_pause(p->channel);
    }
}

/* In the turn after one that heard something, when a group has gathered for long enough, and when doors are to be heard again. */
static void on_round(void *arg)
{
    struct ledger *l = arg;
    int64_t now_mono_ms = mono_now_ms(), left_ms = l->round_mono_ms + ROUND_EVERY_MS - now_mono_ms;
    if (l->deaf) {
        hear(l, true);
        return;
    }
    bool enough = l->heard >= ROUND_ENOUGH, alone = l->heard == 1 && !l->spool_busy;
    if (!enough && left_ms > 0 && (l->spool_busy || l->last_heard > 1)) {
        loop_timer_arm(l->round, (unsigned)left_ms);
        return;
    }
    spool_commit(l->spool);
    l->last_heard = l->heard;
    l->heard = 0;
    l->round_mono_ms = now_mono_ms;
    if (!enough && !alone) {
        hear(l, false);
        loop_timer_arm(l->round, ROUND_EVERY_MS);
    }
}

bool round_new(struct ledger *l)
{
    l->round = loop_timer_new(l->loop, on_round, l);
    return l->round != NULL;
}

void round_heard(struct ledger *l)
{
    if (l->heard++ == 0)
        l->spool_busy = spool_pending(l->spool) > 0;
    loop_timer_arm(l->round, 0);
}
