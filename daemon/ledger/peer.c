/* The ledger's ends towards the doors: which there are, and answering to one that may have gone meanwhile.
 *
 * A job (batch.c, lookup.c) holds a reference for as long as the spool works on it, so a door's death never leaves a
 * callback with nobody to call; the rows are kept all the same, and the door's successor, or the client, asks again.
 * What doors may ask is decided in batch.c and lookup.c. A door that sends what no honest one can is not heard any
 * further: its end is closed, the supervisor kills it and starts another.
 */
#include "ledger.h"

#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "message.h"

#define PEER_QUEUE_BYTES (64u << 20) /* several of the largest answers */

static void on_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct peer *p = arg;
    if (fd >= 0)
        close(fd);
    round_heard(p->ledger);
    if (type == MSG_INTAKE)
        batch_take(p, id, payload, len);
    else if (type == MSG_LOOKUP)
        lookup_take(p, id, payload, len);
    else
        peer_forged(p, C_FORGED_FORM, "type");
}

static void peer_close(struct peer *p)
{
    struct peer **at = &p->ledger->peers;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    channel_free(p->channel);
    p->channel = NULL;
    peer_put(p);
}

void peer_forged(struct peer *p, enum counter_id counter, const char *reason)
{
    struct ledger *l = p->ledger;
    struct buf index;
    log_error("event=door_forged peer=%u reason=%s", p->index, reason);
    counter_inc(counter);
    buf_init(&index, 4);
    buf_u32(&index, p->index);
    if (l->control != NULL && !index.failed)
        channel_send(l->control, MSG_FORGED, 0, index.data, index.len, -1);
    buf_fini(&index);
    peer_close(p);
}

static void on_closed(void *arg)
{
    struct peer *p = arg;
    log_info("event=door_gone peer=%u", p->index);
    peer_close(p);
}

void peer_add(struct ledger *l, uint32_t index, int fd)
{
    for (struct peer *p = l->peers; p != NULL; p = p->next) {
        if (p->index == index) {
            peer_close(p);
            break;
        }
    }
    struct peer *p = calloc(1, sizeof *p);
    if (p != NULL)
        p->channel = channel_new(l->loop, fd, PEER_QUEUE_BYTES, on_message, on_closed, p);
    if (p == NULL || p->channel == NULL) {
        log_error("event=peer_failed peer=%u", index);
        free(p);
        return;
    }
    channel_gather(p->channel); /* a group's answers */
    if (l->deaf)
        channel_pause(p->channel);
    p->ledger = l;
    p->index = index;
    p->references = 1;
    p->next = l->peers;
    l->peers = p;
}

void peer_close_all(struct ledger *l)
{
    while (l->peers != NULL)
        peer_close(l->peers);
}

bool peer_all_flushed(const struct ledger *l)
{
    for (const struct peer *p = l->peers; p != NULL; p = p->next)
        if (channel_queued(p->channel) > 0)
            return false;
    return true;
}

struct peer *peer_get(struct peer *p)
{
    p->references++;
    return p;
}

void peer_put(struct peer *p)
{
    if (--p->references == 0)
        free(p);
}

void peer_send(struct peer *p, uint16_t type, uint64_t id, const void *payload, size_t len)
{
    if (p->channel != NULL && !channel_send(p->channel, type, id, payload, len, -1))
        log_error("event=answer_dropped peer=%u type=%u bytes=%zu", p->index, type, len);
}
