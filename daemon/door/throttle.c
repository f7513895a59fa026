/* Limits on requests, each of this door alone: with N doors up to N times as much may pass.
 *
 * Place in the flow: where a request's sender has become known (in on_head; for osmand.c and whatsapp.c behind the body), or
 * where it has become certain that nobody is known. Connections have limits of their own, in net/.
 *
 * Invariants
 *  - The token's limit is asked first, and what it refuses is charged to nobody else: a noisy phone does not use up what
 *    its office may ask behind the same address.
 *  - What is signed comes from few addresses for everybody (WhatsApp): it is charged to all alone.
 *  - Requests of strangers are charged to their address's failures, never to what those with tokens may ask from there.
 *  - A refusal of strangers closes the connection: the next one is counted before it costs a handshake.
 *
 * Memory is BUCKETS × 16 bytes whatever comes; with more senders than that in use at once the quietest are forgotten.
 * Threads: the loop's. */
#include "throttle.h"

#include <stdlib.h>

#include "answer.h"
#include "conf.h"
#include "conn.h"
#include "counter.h"
#include "directory.h"
#include "door.h"
#include "http.h"
#include "rate.h"
#include "wall.h"

#define BUCKETS 65536u
#define TOKEN_BURST_S 60u    /* a queue of days that goes out one message at a time */
#define ADDRESS_BURST_S 10u
#define FAILURES_BURST_S 60u
#define ALL_BURST_S 2u
#define RETRY_AFTER_S 5u

enum kind { TOKEN, ADDRESS, FAILURES };

struct throttle {
    const struct conf *conf;
    struct rate_table *table;
    struct rate_bucket all;
};

struct throttle *throttle_new(const struct conf *conf)
{
    struct throttle *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->conf = conf;
    t->table = rate_table_new(BUCKETS);
    if (t->table == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

void throttle_free(struct throttle *t)
{
    if (t == NULL)
        return;
    rate_table_free(t->table);
    free(t);
}

/* sort: of credentials or of addresses. */
static bool take(struct throttle *t, enum kind kind, unsigned sort, uint64_t id, int64_t per_s, unsigned burst_s)
{
    struct rate limit = {(unsigned)per_s, burst_s};
    return rate_take(t->table, (uint64_t)sort << 8 | kind, id, limit, mono_now_ms());
}

static bool take_address(struct exchange *x, enum kind kind, int64_t per_s, unsigned burst_s)
{
    struct net_block from = exchange_from(x);
    return take(x->door->throttle, kind, from.family, from.bits, per_s, burst_s);
}

bool throttle_refuses(struct exchange *x, const struct credential *who)
{
    struct throttle *t = x->door->throttle;
    const struct conf *conf = t->conf;
    struct rate all = {(unsigned)conf->rate_all, ALL_BURST_S};
    if (who != NULL && !take(t, TOKEN, who->kind, (uint64_t)who->id, conf->rate_token, TOKEN_BURST_S))
        answer_limited(x, C_LIMIT_TOKEN, RETRY_AFTER_S);
    else if (who != NULL && !take_address(x, ADDRESS, conf->rate_address, ADDRESS_BURST_S))
        answer_limited(x, C_LIMIT_ADDRESS, RETRY_AFTER_S);
    else if (!rate_bucket_take(&t->all, all, mono_now_ms()))
        answer_limited(x, C_LIMIT_ALL, RETRY_AFTER_S);
    else
        return false;
    return true;
}

bool throttle_failure(struct exchange *x)
{
    if (take_address(x, FAILURES, x->door->throttle->conf->rate_failures, FAILURES_BURST_S))
        return false;
    x->close_after = true;
    answer_limited(x, C_LIMIT_FAILURES, RETRY_AFTER_S);
    return true;
}
