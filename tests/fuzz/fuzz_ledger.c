/* The ledger's ear for a door that somebody took over: any bytes as MSG_INTAKE or MSG_LOOKUP. Every one is answered, what is
 * taken is what the spool may keep, can be written as a row for SQL, and has a receipt that verifies; nothing ends the ledger.
 * The spool here keeps nothing: it answers in the next turn, as the first byte says.
 * A message that no door sends ends the door instead of an answer; another takes its place.
 * Bytes: mood, type, then the payload, or, when the type is 2, items (kind, u16 length, bytes) which become a batch; facts among
 * them are made such as a door might send (mend), but for those of a kind with its highest bit set. */
#include "fuzz.h"

#include "codec.h"
#include "conf.h"
#include "fact.h"
#include "ingest.h"
#include "ledger.h"
#include "limit.h"
#include "loop.h"
#include "message.h"
#include "receipt.h"
#include "receipts.h"
#include "record.h"
#include "row.h"
#include "wall.h"

#define NOW_US INT64_C(1924992000000000) /* 2031-01-01T00:00:00Z */

static struct ledger ledger;
static struct verifier *verifier;
static unsigned answers, expected_items;
static uint8_t mood;

/* What the spool owes: as the real one, it calls back later. */
static struct {
    spool_append_cb on_append;
    spool_rows_cb on_rows;
    void *arg;
    struct spool_result *results;
    size_t count;
    uint8_t id[16];
} owed;

static void is_kept_whole(const struct spool_item *item, const struct spool_proof *proof)
{
    struct spool_row row = {.seq = 5, .kind = item->kind, .received_us = item->received_us, .payload = item->payload,
                            .payload_len = item->payload_len, .proof = *proof};
    struct piece element, members[64];
    size_t at = 0;
    struct buf out;
    memcpy(row.id, item->id, sizeof row.id);
    buf_init(&out, 8u << 20);
    MUST(row_write(&row, &out));
    MUST(piece_take((struct piece){out.data, out.len}, &at, &element) && at == out.len && record_members(element, members, 64) == 39);
    buf_fini(&out);
}

bool spool_append(struct spool *s, const struct spool_item *items, size_t count, spool_append_cb cb, void *arg)
{
    (void)s;
    if (mood % 8 == 7)
        return false;
    struct spool_result *results = calloc(count, sizeof *results);
    MUST(results != NULL && count > 0);
    for (size_t i = 0; i < count; i++) {
        const struct spool_item *item = &items[i];
        struct spool_result *r = &results[i];
        MUST(item->kind >= SPOOL_CHECKIN && item->kind <= SPOOL_EVENT && (item->payload != NULL || item->payload_len == 0));
        MUST(item->signed_leaf == (item->kind == SPOOL_CHECKIN) && (item->kind == SPOOL_EVENT || item->device != 0 || item->sender.s != NULL));
        r->status = (enum item_status)(1 + (mood + i) % 4);
        if (item->kind != SPOOL_CHECKIN && r->status == ITEM_DROPPED)
            r->status = ITEM_ACCEPTED;
        memcpy(r->id, item->id, sizeof r->id);
        r->payload = item->payload;
        r->payload_len = item->payload_len;
        if (item->signed_leaf) {
            r->proof = (struct spool_proof){.tree_size = 1};
            merkle_root(item->leaf, 1, r->proof.root);
            MUST(receipts_sign(ledger.signer, 1, r->proof.root, r->proof.signature));
            memcpy(r->proof.key_id, signer_key_id(ledger.signer), sizeof r->proof.key_id);
        }
        is_kept_whole(item, &r->proof);
    }
    MUST(owed.arg == NULL);
    owed.on_append = cb;
    owed.arg = arg;
    owed.results = results;
    owed.count = count;
    return true;
}

void spool_commit(struct spool *s)
{
    (void)s;
}

size_t spool_pending(const struct spool *s)
{
    (void)s;
    return 0;
}

bool spool_find(struct spool *s, const uint8_t id[16], int64_t device, spool_rows_cb cb, void *arg)
{
    (void)s;
    (void)device;
    if (mood % 8 == 7) {
        answers++; /* asked too much: the door's deadline answers */
        return false;
    }
    MUST(owed.arg == NULL);
    owed.on_rows = cb;
    owed.arg = arg;
    memcpy(owed.id, id, sizeof owed.id);
    return true;
}

static void pay(void)
{
    struct spool_row row = {.seq = 5, .kind = (enum spool_kind)(mood % 4), .payload = owed.id, .payload_len = 16};
    if (owed.on_append != NULL)
        owed.on_append(owed.arg, mood % 8 == 6 ? SPOOL_FULL : SPOOL_OK, owed.results, owed.count);
    else if (owed.on_rows != NULL)
        owed.on_rows(owed.arg, &row, mood % 2);
    free(owed.results);
    memset(&owed, 0, sizeof owed);
}

void ingest_kick(struct ingest *i)
{
    (void)i;
}

bool ingest_is_recorded(const struct ingest *i, int64_t seq)
{
    (void)i;
    return seq % 2 == 0;
}

static void is_receipt(const uint8_t *json, size_t len)
{
    char reason[200];
    bool good = receipt_verify(json, len, verifier, reason, sizeof reason) == RECEIPT_GOOD;
    if (!good)
        dprintf(STDERR_FILENO, "%s: %.*s\n", reason, (int)len, (const char *)json);
    MUST(good);
}

static void on_answer(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    (void)arg;
    struct reader r;
    size_t n;
    MUST(id == 77 && fd == -1);
    answers++;
    if (type == MSG_LOOKUP_DONE)
        return;
    MUST(type == MSG_BATCH_DONE);
    reader_init(&r, payload, len);
    uint8_t outcome = reader_u8(&r);
    (void)reader_u32(&r);
    uint32_t items = reader_u32(&r);
    MUST(outcome == BATCH_OK ? items == expected_items || expected_items == 0 : items == 0);
    for (uint32_t i = 0; i < items; i++) {
        uint8_t status = reader_u8(&r);
        (void)reader_bytes(&r, 16);
        const uint8_t *receipt = reader_blob(&r, &n);
        if (n > 0)
            is_receipt(receipt, n);
        MUST((n > 0) == (status == ITEM_ACCEPTED || status == ITEM_DUPLICATE));
        (void)reader_blob(&r, &n);
    }
    MUST(reader_done(&r));
}

static struct ipc_channel *door;

static void on_closed(void *arg)
{
    (void)arg;
    answers++; /* that is one, too */
    MUST(ledger.peers == NULL);
    channel_free(door);
    door = NULL;
}

static void join(void)
{
    int ends[2];
    MUST(channel_pair(ends) == 0);
    door = channel_new(ledger.loop, ends[0], 64u << 20, on_answer, on_closed, NULL);
    peer_add(&ledger, 1, ends[1]);
    MUST(door != NULL && ledger.peers != NULL);
}

static void start(void)
{
    static const struct conf conf = {.request_timeout_ms = 30000};
    fuzz_quiet();
    wall_fake(NOW_US);
    ledger.conf = &conf;
    ledger.loop = loop_new();
    ledger.signer = signer_generate();
    verifier = verifier_of(ledger.signer);
    MUST(verifier != NULL && round_new(&ledger));
}

static int64_t claimed(int64_t us)
{
    return us == TIME_ABSENT ? us : NOW_US - (int64_t)((uint64_t)us % (uint64_t)CODEC_DAY_US);
}

/* The same as a door would have said it, as far as codec_doubt asks: texts that are none stay so. */
static void mend(struct fact *f, bool known)
{
    f->government = 1;
    f->person = f->device = known ? 7 : 0;
    f->channel = known ? f->channel : CHANNEL_WHATSAPP;
    f->sender = known ? (struct text){0} : (struct text){"62", 2};
    f->sender_user_id = (struct text){0};
    f->directory_epoch = f->directory_number = 3;
    f->received_us = f->decided_us = NOW_US;
    f->decided_by = TIME_ARRIVAL;
    f->fix_us = claimed(f->fix_us);
    f->message_us = f->fix_us == TIME_ABSENT ? NOW_US : claimed(f->message_us);
    f->sent_us = claimed(f->sent_us);
    f->has_accuracy = f->has_accuracy && f->accuracy_m > 0 && f->accuracy_m < 1000;
    f->lat_deg += f->lat_deg == 0 && f->lon_deg == 0;
    f->clock_state = CLOCK_SYNCHRONISED;
    f->flags &= ~(unsigned)(FLAG_ACCURACY_UNKNOWN | FLAG_AUTOMATIC | FLAG_CLOCK_UNSYNCHRONISED | FLAG_CLOCK_SIMULATED);
    f->flags |= (f->has_accuracy ? 0 : FLAG_ACCURACY_UNKNOWN) | (f->automatic ? FLAG_AUTOMATIC : 0);
    codec_key(f);
}

static void put_item(uint8_t kind, const uint8_t *bytes, size_t len, struct buf *out)
{
    struct fact f;
    struct buf one;
    buf_init(&one, 1u << 16);
    buf_u8(out, kind & 0x7f);
    if (kind < 0x80 && kind != BATCH_EVENT && fact_decode(bytes, len, &f)) {
        mend(&f, kind != BATCH_UNATTRIBUTED);
        MUST(fact_encode(&f, &one));
        buf_blob(out, one.data, one.len);
    } else {
        buf_blob(out, bytes, len);
    }
    buf_fini(&one);
}

/* Items as they come to a batch that is one. */
static void make_batch(const uint8_t *data, size_t size, struct buf *out)
{
    expected_items = 0;
    buf_u32(out, 0);
    for (size_t at = 0; at + 3 <= size;) {
        size_t len = (size_t)data[at + 1] << 8 | data[at + 2], left = size - at - 3;
        put_item(data[at], data + at + 3, len < left ? len : left, out);
        at += 3 + (len < left ? len : left);
        expected_items++;
    }
    memcpy(out->data, &expected_items, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf payload;
    if (size < 2 || size > 60000)
        return 0;
    if (ledger.loop == NULL)
        start();
    if (door == NULL)
        join();
    buf_init(&payload, 1u << 20);
    ledger.limit = limit_new();
    mood = data[0];
    expected_items = 0;
    answers = 0;
    if (data[1] == 2)
        make_batch(data + 2, size - 2, &payload);
    else
        buf_add(&payload, data + 2, size - 2);
    bool lookup = data[1] == 1;
    MUST(channel_send(door, lookup ? MSG_LOOKUP : MSG_INTAKE, 77, payload.data, payload.len, -1));
    for (int i = 0; i < 50 && answers < 1; i++) {
        loop_turn(ledger.loop, 0);
        pay();
    }
    loop_turn(ledger.loop, 0);
    MUST(answers == 1 && ledger.jobs == 0 && (door == NULL ? ledger.peers == NULL : ledger.peers->references == 1));
    limit_free(ledger.limit);
    buf_fini(&payload);
    return 0;
}
