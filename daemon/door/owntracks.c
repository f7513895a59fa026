/* OwnTracks over HTTP, on its own terms (PROTOCOL.md): any 2xx is "delivered"; Android repeats everything else for
 * weeks, in order; iOS drops its message on a 4xx and repeats a 5xx. So what is stored, ignored or unusable is 200 `[]`
 * (counted by reason), our own trouble is 503, and 401 only for a credential that is surely wrong.
 *
 * The token is the Basic password; the user name and X-Limit-* are not looked at. Threads: the loop's. */
#include "answer.h"
#include "auth.h"
#include "channels.h"
#include "codec.h"
#include "counter.h"
#include "door.h"
#include "intake.h"
#include "throttle.h"

#define WORK_MAX ((size_t)4 << 20)

/* Answers when the sender is not to be served. */
static bool admit(struct exchange *x, struct credential *ret)
{
    struct text user = {0};
    struct text password = {0};
    struct text header;
    if (!http1_get_once(x->request, "authorization", &header) ||
        !http1_basic(header, x->arena, &user, &password))
        password = (struct text){0};
    enum auth_outcome outcome = auth_device(x->door, password, CHANNEL_OWNTRACKS, ret);
    if (outcome == AUTH_OK)
        return true;
    if (outcome == AUTH_UNSURE || !auth_directory_confirmed(x->door) || arena_refused(x->arena)) {
        answer_busy(x, C_BUSY_DIRECTORY, 5);
        return false;
    }
    if (throttle_failure(x))
        return false;
    auth_count(x, outcome);
    answer_bare(x, 401, "WWW-Authenticate: Basic realm=\"hadir\"\r\n");
    return false;
}

void owntracks_head(struct exchange *x)
{
    struct credential who;
    if (admit(x, &who) && !throttle_refuses(x, &who))
        (void)intake_refuses(x);
}

void owntracks_too_large(struct exchange *x)
{
    answer_delivered(x);
}

static void on_done(struct exchange *x, struct pending *sent, struct batch_answer *answer)
{
    (void)sent;
    struct batch_item item;
    while (batch_answer_next(answer, &item))
        intake_count_status(item.status);
    if (answer->rest.failed)
        answer_busy(x, C_BUSY_LEDGER, 5);
    else
        answer_delivered(x);
}

void foreign_take(struct exchange *x, struct fact *f, const struct credential *who)
{
    intake_count_received(f->channel);
    intake_stamp(x, f, who, 0);
    if (intake_drops(x, f)) {
        answer_delivered(x);
        return;
    }
    struct batch b;
    batch_init(&b);
    batch_add_fact(&b, BATCH_CHECKIN, f);
    intake_send(x, &b, on_done);
}

void owntracks_body(struct exchange *x)
{
    struct credential who;
    if (!admit(x, &who))
        return;
    struct codec_bounds bounds = intake_bounds(x);
    struct arena *work = exchange_work(x, WORK_MAX);
    enum owntracks_kind kind = OWNTRACKS_OTHER;
    struct fact *f = NULL;
    struct codec_error error = {.fault = FAULT_MEMORY};
    if (work == NULL || !owntracks_decode(x->body.data, x->body.len, &bounds, work, &kind, &f, &error)) {
        if (error.fault == FAULT_MEMORY) {
            answer_busy(x, C_BUSY_LEDGER, 5);
            return;
        }
        intake_count_fault(error.fault);
        answer_delivered(x);
        return;
    }
    if (kind != OWNTRACKS_LOCATION) {
        counter_inc(C_DROP_NOT_LOCATION);
        answer_delivered(x);
        return;
    }
    foreign_take(x, f, &who);
}
