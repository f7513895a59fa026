/* WhatsApp Cloud API webhook (PROTOCOL.md): Meta repeats anything but 200 for seven days, so only our own trouble is
 * said with 503. One webhook is one batch, whole or not at all: check-ins of enrolled senders, locations of unknown ones
 * (kept aside, attached on enrolment: whether the directory is fresh does not matter), and events. 401 without a
 * signature, 403 with a wrong one or with two. Without a configured secret the channel does not exist.
 *
 * Text messages are counted, not answered. Numbers and names are never logged. Threads: the loop's. */
#include "answer.h"
#include "auth.h"
#include "channels.h"
#include "codec.h"
#include "conf.h"
#include "counter.h"
#include "door.h"
#include "intake.h"
#include "json.h"
#include "throttle.h"

#include <string.h>

#define WORK_MAX ((size_t)48 << 20)
#define EVENT_MAX ((size_t)4 << 20)
#define RETRY_AFTER_S 5u
#define SIGNATURE_HEADER "x-hub-signature-256"

/* What a batch holds besides check-ins, for counting when it is durable. */
struct webhook {
    unsigned unattributed, events;
};

static bool is_off(struct exchange *x)
{
    if (x->door->whatsapp_app_secret != NULL && x->door->whatsapp_verify_token != NULL)
        return false;
    answer_bare(x, 404, NULL);
    return true;
}

void whatsapp_handshake_head(struct exchange *x)
{
    (void)is_off(x);
}

void whatsapp_handshake(struct exchange *x)
{
    struct text challenge = whatsapp_challenge(x->request->query, x->arena, x->door->whatsapp_verify_token);
    if (challenge.s == NULL) {
        if (throttle_failure(x))
            return;
        counter_inc(C_REFUSE_SIGNATURE);
        auth_tell(x, "signature");
        answer_bare(x, 403, NULL);
        return;
    }
    exchange_answer(x, 200, "text/plain", challenge.s, challenge.len, NULL);
}

void whatsapp_head(struct exchange *x)
{
    if (is_off(x))
        return;
    struct text signature;
    bool once = http1_get_once(x->request, SIGNATURE_HEADER, &signature);
    if (!once || signature.s == NULL) {
        if (throttle_failure(x))
            return;
        counter_inc(C_REFUSE_SIGNATURE);
        auth_tell(x, "signature");
        answer_bare(x, once ? 401 : 403, once ? "WWW-Authenticate: X-Hub-Signature-256\r\n" : NULL);
        return;
    }
    if (!directory_loaded(x->door->directory)) {
        answer_busy(x, C_BUSY_DIRECTORY, RETRY_AFTER_S);
        return;
    }
    (void)intake_refuses(x);
}

static void on_done(struct exchange *x, struct pending *sent, struct batch_answer *answer)
{
    (void)sent;
    const struct webhook *hook = x->handler;
    struct batch_item item;
    while (batch_answer_next(answer, &item))
        if (item.status != 0)
            intake_count_status(item.status);
    if (answer->rest.failed) {
        answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
        return;
    }
    counter_add(C_UNATTRIBUTED, hook->unattributed);
    counter_add(C_EVENT, hook->events);
    answer_delivered(x);
}

/* The sender by user id, which never changes hands, then by number. */
static bool find_sender(const struct exchange *x, int64_t government, const struct whatsapp_item *item,
                        struct credential *ret)
{
    const struct directory *d = x->door->directory;
    if (item->from_user_id.len > 0 &&
        directory_find_user_id(d, government, item->from_user_id.s, item->from_user_id.len, ret))
        return true;
    return item->from.len > 0 && directory_find_number(d, government, item->from.s, item->from.len, ret);
}

static void add_location(const struct exchange *x, int64_t government, const struct whatsapp_item *item,
                         struct batch *b, struct webhook *hook)
{
    struct credential who;
    bool known = find_sender(x, government, item, &who);
    intake_count_received(CHANNEL_WHATSAPP);
    if (known && who.revoked) {
        counter_inc(C_REFUSE_REVOKED);
        return;
    }
    intake_stamp(x, item->fact, known ? &who : NULL, government);
    batch_add_fact(b, known ? BATCH_CHECKIN : BATCH_UNATTRIBUTED, item->fact);
    hook->unattributed += known ? 0 : 1;
}

static void add_event(const struct exchange *x, int64_t government, const struct whatsapp_item *item,
                      struct batch *b, struct webhook *hook)
{
    char received[40];
    struct buf out;
    buf_init(&out, EVENT_MAX);
    struct json_writer w;
    json_begin(&w, &out);
    json_object(&w);
    json_key(&w, "government");
    json_int(&w, government);
    json_key(&w, "kind");
    json_string(&w, item->kind == WHATSAPP_STATUS ? "status" : item->kind == WHATSAPP_SYSTEM ? "system" : "error");
    json_key(&w, "received_at");
    json_string(&w, wall_format_rfc3339(received, sizeof received, x->received.now_us, 0));
    json_key(&w, "payload");
    json_raw(&w, item->json.s, item->json.len);
    json_object_end(&w);
    if (out.failed || !batch_add_event(b, out.data, out.len))
        b->payload.failed = true;
    buf_fini(&out);
    hook->events++;
}

static void add_item(const struct exchange *x, int64_t government, const struct whatsapp_item *item,
                     struct batch *b, struct webhook *hook)
{
    switch (item->kind) {
    case WHATSAPP_LOCATION:
        add_location(x, government, item, b, hook);
        break;
    case WHATSAPP_TEXT:
        counter_inc(C_DROP_TEXT_MESSAGE);
        break;
    case WHATSAPP_UNSUPPORTED:
        counter_inc(C_DROP_UNSUPPORTED);
        break;
    case WHATSAPP_OTHER:
        counter_inc(C_DROP_NOT_LOCATION);
        break;
    case WHATSAPP_STATUS:
    case WHATSAPP_SYSTEM:
    case WHATSAPP_ERROR:
        add_event(x, government, item, b, hook);
        break;
    }
}

/* Everything of the webhook into one batch. false: answered already. */
static bool gather(struct exchange *x, const struct whatsapp_item *items, size_t count, struct batch *b,
                   struct webhook *hook)
{
    for (size_t i = 0; i < count; i++) {
        const struct whatsapp_item *item = &items[i];
        if (item->error.fault == FAULT_MEMORY) {
            answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
            return false;
        }
        if (item->error.fault != FAULT_NONE) {
            intake_count_fault(item->error.fault);
            continue;
        }
        int64_t government =
            item->phone_number_id.len > 0
                ? directory_find_business(x->door->directory, item->phone_number_id.s, item->phone_number_id.len)
                : 0;
        if (government != 0) {
            add_item(x, government, item, b, hook);
        } else if (auth_directory_confirmed(x->door)) {
            counter_inc(C_REFUSE_CREDENTIAL);
        } else { /* perhaps a government that came after our directory: Meta shall come again */
            answer_busy(x, C_BUSY_DIRECTORY, RETRY_AFTER_S);
            return false;
        }
    }
    return true;
}

void whatsapp_body(struct exchange *x)
{
    const char *secret = x->door->whatsapp_app_secret;
    if (!whatsapp_signature_ok(http1_get(x->request, SIGNATURE_HEADER), secret, strlen(secret), x->body.data,
                               x->body.len)) {
        if (throttle_failure(x))
            return;
        counter_inc(C_REFUSE_SIGNATURE);
        auth_tell(x, "signature");
        answer_bare(x, 403, NULL);
        return;
    }
    if (throttle_refuses(x, NULL))
        return;
    struct codec_bounds bounds = intake_bounds(x);
    struct arena *work = exchange_work(x, WORK_MAX);
    struct webhook *hook = arena_alloc(x->arena, sizeof *hook);
    struct whatsapp_item *items = NULL;
    size_t count = 0;
    struct codec_error error = {.fault = FAULT_MEMORY};
    if (work == NULL || hook == NULL ||
        !whatsapp_decode(x->body.data, x->body.len, &bounds, work, &items, &count, &error)) {
        if (error.fault == FAULT_MEMORY) {
            answer_busy(x, C_BUSY_LEDGER, RETRY_AFTER_S);
            return;
        }
        intake_count_fault(error.fault);
        answer_delivered(x);
        return;
    }
    struct batch b;
    batch_init(&b);
    if (!gather(x, items, count, &b, hook)) {
        batch_fini(&b);
    } else if (b.count == 0 && !b.payload.failed) {
        batch_fini(&b);
        answer_delivered(x);
    } else {
        x->handler = hook;
        exchange_work_done(x); /* the batch has it all; a webhook of 3 MB decodes to ten times that */
        intake_send(x, &b, on_done);
    }
}
