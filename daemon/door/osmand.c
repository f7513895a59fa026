/* OsmAnd, Traccar Client and GPSLogger on their own terms (PROTOCOL.md): 200 with nothing is success, 400 (form) or
 * 404 (JSON) an unknown device, and anything from 400 on blocks the phone's queue, so those two are said only while the
 * directory is known to be the newest. The device id is the token; it stands in the query, the form or the JSON, so
 * the sender is often known only behind the body. Threads: the loop's. */
#include "answer.h"
#include "auth.h"
#include "channels.h"
#include "codec.h"
#include "counter.h"
#include "door.h"
#include "intake.h"
#include "throttle.h"

#define WORK_MAX ((size_t)4 << 20)

static void refuse(struct exchange *x, enum auth_outcome outcome, bool json)
{
    if (outcome == AUTH_UNSURE || !auth_directory_confirmed(x->door)) {
        answer_busy(x, C_BUSY_DIRECTORY, 5);
        return;
    }
    if (throttle_failure(x))
        return;
    auth_count(x, outcome);
    answer_bare(x, json ? 404 : 400, NULL);
}

void osmand_head(struct exchange *x)
{
    (void)intake_refuses(x);
}

/* Too large to read: delivered when the query names a device of ours, for such a message would come for ever. A device
 * that only the body names stays unknown: 413. */
void osmand_too_large(struct exchange *x)
{
    struct codec_bounds bounds = intake_bounds(x);
    struct text device = {0};
    struct fact *f = NULL;
    struct codec_error error;
    bool json = false;
    struct credential who;
    struct arena *work = exchange_work(x, WORK_MAX);
    if (work == NULL) {
        answer_busy(x, C_BUSY_LEDGER, 5);
        return;
    }
    (void)!osmand_decode(x->request->query, (struct text){0}, NULL, 0, &bounds, work, &device, &f, &json, &error);
    enum auth_outcome outcome = auth_device(x->door, device, CHANNEL_OSMAND, &who);
    if (outcome == AUTH_OK && throttle_refuses(x, &who))
        return;
    if (outcome == AUTH_OK)
        answer_delivered(x);
    else if (outcome != AUTH_MISSING && !auth_directory_confirmed(x->door))
        answer_busy(x, C_BUSY_DIRECTORY, 5);
    else if (!throttle_failure(x))
        answer_bare(x, 413, NULL);
}

void osmand_body(struct exchange *x)
{
    struct codec_bounds bounds = intake_bounds(x);
    struct text device = {0};
    struct fact *f = NULL;
    struct codec_error error = {.fault = FAULT_MEMORY};
    bool json = false;
    struct credential who;
    struct arena *work = exchange_work(x, WORK_MAX);
    bool good = work != NULL && osmand_decode(x->request->query, http1_get(x->request, "content-type"), x->body.data,
                                              x->body.len, &bounds, work, &device, &f, &json, &error);
    if (!good && error.fault == FAULT_MEMORY) {
        answer_busy(x, C_BUSY_LEDGER, 5);
        return;
    }
    enum auth_outcome outcome = auth_device(x->door, device, CHANNEL_OSMAND, &who);
    if (outcome != AUTH_OK) {
        refuse(x, outcome, json);
        return;
    }
    if (throttle_refuses(x, &who))
        return;
    if (!good) {
        intake_count_fault(error.fault);
        answer_delivered(x);
    } else if (f == NULL) {
        counter_inc(C_DROP_NOT_LOCATION);
        answer_delivered(x);
    } else {
        foreign_take(x, f, &who);
    }
}
