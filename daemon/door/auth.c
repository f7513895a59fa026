/* Tokens to credentials. The directory compares SHA-256 values in constant time; here only the form is judged.
 *
 * Place in the flow: on_head, so that nobody's body is read for a stranger, and on_body once more, because a
 * revocation must bite between the two. A "no" counts only while the directory is known to be the newest (confirmed by
 * the planner within 5 s, and mapped here): otherwise the phone shall come again. */
#include "auth.h"

#include <stdio.h>

#include "conn.h"
#include "counter.h"
#include "digest.h"
#include "door.h"
#include "http.h"
#include "log.h"
#include "throttle.h"
#include "wall.h"

#define CONFIRMED_WITHIN_MS 5000
#define TOKEN_MAX 128u
#define TOLD_BURST_S 20u

bool auth_directory_confirmed(const struct door *d)
{
    const struct shared_cells *cells = counters_cells();
    int64_t confirmed_ms = __atomic_load_n(&cells->directory_confirmed_ms, __ATOMIC_RELAXED);
    if (confirmed_ms == 0 || mono_now_ms() - confirmed_ms > CONFIRMED_WITHIN_MS || !directory_loaded(d->directory))
        return false;
    int64_t newest_epoch = __atomic_load_n(&cells->directory_epoch, __ATOMIC_RELAXED);
    int64_t newest_number = __atomic_load_n(&cells->directory_number, __ATOMIC_RELAXED);
    int64_t epoch;
    int64_t number;
    int64_t compiled_us;
    directory_version(d->directory, &epoch, &number, &compiled_us);
    /* The newest may be on its way to us with the very person who is asking. */
    return newest_number == 0 || (epoch == newest_epoch && number >= newest_number);
}

static enum auth_outcome find(const struct door *d, struct text token, struct credential *ret)
{
    if (token.s == NULL || token.len == 0)
        return AUTH_MISSING;
    if (token.len <= TOKEN_MAX) {
        uint8_t hash[SHA256_BYTES];
        digest_sha256(token.s, token.len, hash);
        if (directory_find_token(d->directory, hash, ret))
            return ret->revoked ? AUTH_REVOKED : AUTH_OK;
    }
    return auth_directory_confirmed(d) ? AUTH_UNKNOWN : AUTH_UNSURE;
}

enum auth_outcome auth_device(const struct door *d, struct text token, enum channel channel, struct credential *ret)
{
    enum auth_outcome outcome = find(d, token, ret);
    if (outcome != AUTH_OK)
        return outcome;
    if (ret->kind != CREDENTIAL_DEVICE)
        return AUTH_FORBIDDEN;
    return ret->channel == channel ? AUTH_OK : AUTH_WRONG_CHANNEL;
}

/* false when the field is repeated; the token is absent when there is none. */
static bool bearer(const struct exchange *x, struct text *ret)
{
    struct text field;
    if (!http1_get_once(x->request, "authorization", &field))
        return false;
    if (!http1_bearer(field, ret))
        *ret = (struct text){0};
    return true;
}

enum auth_outcome auth_bearer_device(const struct exchange *x, struct credential *ret)
{
    struct text token;
    return bearer(x, &token) ? auth_device(x->door, token, CHANNEL_NATIVE, ret) : AUTH_REPEATED;
}

enum auth_outcome auth_bearer_any(const struct exchange *x, struct credential *ret)
{
    struct text token;
    enum auth_outcome outcome = bearer(x, &token) ? find(x->door, token, ret) : AUTH_REPEATED;
    if (outcome == AUTH_OK && ret->kind == CREDENTIAL_DEVICE && ret->channel != CHANNEL_NATIVE)
        return AUTH_WRONG_CHANNEL;
    return outcome;
}

size_t auth_actor(const struct credential *who, char dst[AUTH_ACTOR_BYTES])
{
    int n = snprintf(dst, AUTH_ACTOR_BYTES, "%s:%lld", who->kind == CREDENTIAL_ACCESS ? "access" : "device",
                     (long long)who->id);
    return n > 0 ? (size_t)n : 0;
}

static const char *const codes[] = {
    [AUTH_MISSING] = "missing_token",       [AUTH_UNKNOWN] = "unknown_token", [AUTH_REVOKED] = "revoked",
    [AUTH_WRONG_CHANNEL] = "wrong_channel", [AUTH_FORBIDDEN] = "forbidden",   [AUTH_REPEATED] = "repeated_header",
};

void auth_tell(struct exchange *x, const char *reason)
{
    static const struct rate limit = {1, TOLD_BURST_S};
    struct door *d = x->door;
    char from[NET_BLOCK_TEXT];
    if (!rate_bucket_take(&d->refusals, limit, mono_now_ms())) {
        d->refusals_untold++;
        return;
    }
    log_info("event=refused reason=%s from=%s untold=%llu", reason, net_block_text(exchange_from(x), from),
             (unsigned long long)d->refusals_untold);
    d->refusals_untold = 0;
}

void auth_count(struct exchange *x, enum auth_outcome outcome)
{
    if (outcome == AUTH_UNSURE) /* counted as busy */
        return;
    counter_inc(outcome == AUTH_REVOKED ? C_REFUSE_REVOKED : C_REFUSE_CREDENTIAL);
    auth_tell(x, codes[outcome]);
}

void auth_refuse(struct exchange *x, enum auth_outcome outcome)
{
    if (outcome != AUTH_UNSURE && throttle_failure(x))
        return;
    auth_count(x, outcome);
    if (outcome == AUTH_UNSURE) {
        answer_busy(x, C_BUSY_DIRECTORY, 5);
        return;
    }
    struct problem p = {.code = codes[outcome], .field = outcome == AUTH_REPEATED ? "Authorization" : NULL};
    answer_problem(x, &p, problem_status(&p) == 401 ? "WWW-Authenticate: Bearer\r\n" : NULL);
}
