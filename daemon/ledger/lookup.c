/* MSG_LOOKUP: what became of one check-in, as far as the spool knows. Another person's row is as unknown as none: a
 * door asks for whoever is at its other end. If the spool cannot be asked now (too many questions), nothing is
 * answered, and the door's own deadline says so to the client: "unknown" would be a lie.
 */
#include <stdlib.h>
#include <string.h>

#include "fact.h"
#include "ingest.h"
#include "ledger.h"
#include "log.h"
#include "message.h"
#include "receipts.h"
#include "spool.h"

enum lookup_state { LOOKUP_UNKNOWN = 0, LOOKUP_RECEIVED = 1, LOOKUP_RECORDED = 2 };

struct lookup {
    struct peer *peer;
    uint64_t id;
    int64_t person;
};

static void on_found(void *arg, const struct spool_row *rows, size_t count)
{
    struct lookup *q = arg;
    struct ledger *l = q->peer->ledger;
    struct buf out, receipt;
    struct fact f;
    static const uint8_t nobody[16];
    buf_init(&out, 1u << 20);
    buf_init(&receipt, 1u << 19);
    bool known = count == 1 && rows[0].kind == SPOOL_CHECKIN && fact_decode(rows[0].payload, rows[0].payload_len, &f) &&
                 f.person == q->person && receipts_write(&f, &rows[0].proof, &receipt);
    bool recorded = known && ingest_is_recorded(l->ingest, rows[0].seq);
    buf_u8(&out, !known ? LOOKUP_UNKNOWN : recorded ? LOOKUP_RECORDED : LOOKUP_RECEIVED);
    buf_add(&out, known ? rows[0].id : nobody, 16);
    buf_blob(&out, known ? rows[0].payload : NULL, known ? rows[0].payload_len : 0);
    buf_blob(&out, receipt.data, known ? receipt.len : 0);
    peer_send(q->peer, MSG_LOOKUP_DONE, q->id, out.data, out.len);
    buf_fini(&out);
    buf_fini(&receipt);
    l->jobs--;
    peer_put(q->peer);
    free(q);
}

void lookup_take(struct peer *p, uint64_t id, const uint8_t *payload, size_t len)
{
    struct reader r;
    uint8_t wanted[16];
    reader_init(&r, payload, len);
    int64_t person = reader_i64(&r), device = reader_i64(&r);
    const uint8_t *bytes = reader_bytes(&r, sizeof wanted);
    if (!reader_done(&r) || person <= 0 || device < 0) {
        peer_forged(p, C_FORGED_FORM, "lookup");
        return;
    }
    memcpy(wanted, bytes, sizeof wanted);
    struct lookup *q = calloc(1, sizeof *q);
    if (q == NULL)
        return;
    *q = (struct lookup){.peer = peer_get(p), .id = id, .person = person};
    if (spool_find(p->ledger->spool, wanted, device, on_found, q)) {
        p->ledger->jobs++;
        return;
    }
    log_warn("event=lookup_dropped peer=%u", p->index);
    peer_put(p);
    free(q);
}
