/* When ticket keys change. Place in the flow: the supervisor turns them, every door's TLS context reads them (tls.c). */
#include "ticket_keys.h"

#include <string.h>

#include "digest.h"

#define MAGIC "hadirtk1"

void ticket_keys_fill(struct ticket_keys *t, int64_t now_mono_ms)
{
    memcpy(t->magic, MAGIC, sizeof t->magic);
    t->turned_mono_ms = now_mono_ms;
    t->newest = TICKET_OPEN;
    digest_random(t->sets, sizeof t->sets);
}

/* The set beside those in use is made anew before its turn, and again after it, when it is the one that opens no longer. */
unsigned ticket_keys_turn(struct ticket_keys *t, int64_t now_mono_ms)
{
    for (; now_mono_ms - t->turned_mono_ms >= TICKET_TURN_MS; t->turned_mono_ms += TICKET_TURN_MS) {
        digest_random(&t->sets[(t->newest + 1) % TICKET_SETS], sizeof *t->sets);
        __atomic_add_fetch(&t->newest, 1, __ATOMIC_RELEASE);
        digest_random(&t->sets[(t->newest + 1) % TICKET_SETS], sizeof *t->sets);
    }
    return (unsigned)(t->turned_mono_ms + TICKET_TURN_MS - now_mono_ms);
}

const char *ticket_keys_fault(const struct ticket_keys *t, int64_t now_mono_ms)
{
    if (memcmp(t->magic, MAGIC, sizeof t->magic) != 0)
        return "not ticket keys of this version";
    if (t->turned_mono_ms > now_mono_ms)
        return "from the future";
    return t->turned_mono_ms <= now_mono_ms - TICKET_OPEN * TICKET_TURN_MS ? "too old" : NULL;
}
