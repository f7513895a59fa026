/* The whole role in a child process, spoken to over its channels as a supervisor and doors do; no database. */
#include "channel.h"
#include "codec.h"
#include "conf.h"
#include "counter.h"
#include "loop.h"
#include "message.h"
#include "receipt.h"
#include "role.h"
#include "signer.h"
#include "test_ledger_fixture.h"
#include "unit.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 60000
#define ITEMS_MAX 40

struct end {
    struct ipc_channel *channel;
    bool closed;
    unsigned answers;
    uint16_t type;
    uint64_t id;
    uint8_t payload[1 << 18];
    size_t len;
};

static char dir[64], key_path[200], spool_path_[200];
static struct conf conf;
static struct loop *loop;
static struct verifier *verifier;
static struct end control, door;
static pid_t child;
static int64_t now_us; /* the ledger's clock */

static void on_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct end *e = arg;
    ck_assert_int_eq(fd, -1);
    ck_assert_uint_le(len, sizeof e->payload);
    e->answers++;
    e->type = type;
    e->id = id;
    e->len = len;
    if (len > 0)
        memcpy(e->payload, payload, len);
}

static void on_closed(void *arg)
{
    struct end *e = arg;
    channel_free(e->channel);
    e->channel = NULL;
    e->closed = true;
}

static int connect_end(struct end *e)
{
    int fds[2];
    ck_assert_int_eq(channel_pair(fds), 0);
    if (e->channel != NULL)
        channel_free(e->channel);
    memset(e, 0, sizeof *e);
    e->channel = channel_new(loop, fds[0], 1 << 24, on_message, on_closed, e);
    ck_assert_ptr_nonnull(e->channel);
    return fds[1];
}

static void wait_for(struct end *e, unsigned answers)
{
    int64_t until = mono_now_ms() + WAIT_MS;
    while (e->answers < answers && !e->closed && mono_now_ms() < until)
        loop_turn(loop, 50);
    ck_assert_uint_eq(e->answers, answers);
}

static void add_door(void)
{
    uint8_t payload[5] = {ROLE_DOOR, 3, 0, 0, 0};
    int fd = connect_end(&door);
    ck_assert(channel_send(control.channel, MSG_PEER, 0, payload, sizeof payload, fd));
    close(fd);
}

static void start_ledger(void)
{
    int fd = connect_end(&control);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct role_env env = {.conf = &conf, .control_fd = fd, .listen_fd = -1};
        for (int other = 3; other < 256; other++) /* as the supervisor does: the parent's epoll above all */
            if (other != fd)
                close(other);
        wall_fake(now_us);
        _exit(ledger_main(&env));
    }
    close(fd);
}

static int end_ledger(void)
{
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static void begin(void)
{
    const char *tmp = getenv("TMPDIR");
    now_us = FIXTURE_AT_US + US_PER_S;
    char error[200], public_path[240];
    snprintf(dir, sizeof dir, "%.40s/hadir-ledger-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(key_path, sizeof key_path, "%s/receipt.pem", dir);
    snprintf(public_path, sizeof public_path, "%s/receipt.pub", dir);
    snprintf(spool_path_, sizeof spool_path_, "%s/spool", dir);
    struct signer *signer = signer_generate();
    ck_assert_msg(signer_save(signer, key_path, public_path, error, sizeof error), "%s", error);
    verifier = verifier_of(signer);
    signer_free(signer);
    memset(&control, 0, sizeof control);
    memset(&door, 0, sizeof door);
    static char nowhere[] = "host=/nonexistent dbname=none";
    conf = (struct conf){.database = nowhere, .receipt_key = key_path, .spool_dir = spool_path_, .spool_free_floor_mb = 1,
                         .spool_keep_days = 8, .request_timeout_ms = 5000};
    loop = loop_new();
}

static void empty_folder(const char *path)
{
    char name[600];
    DIR *d = opendir(path);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        (void)unlink(name);
    }
    if (d != NULL)
        closedir(d);
    rmdir(path);
}

static void end(void)
{
    channel_free(control.channel);
    channel_free(door.channel);
    loop_free(loop);
    verifier_free(verifier);
    empty_folder(spool_path_);
    empty_folder(dir);
}

/* ---- batches ---- */

static struct buf batch;
static uint32_t batch_count;

static void batch_new(void)
{
    buf_init(&batch, 1 << 20);
    buf_u32(&batch, 0);
    batch_count = 0;
}

static void batch_add(enum batch_kind kind, const void *bytes, size_t len)
{
    buf_u8(&batch, (uint8_t)kind);
    buf_blob(&batch, bytes, len);
    batch_count++;
}

static void batch_fact(enum batch_kind kind, const struct fact *f)
{
    struct buf one;
    struct fact keyed = *f;
    codec_key(&keyed);
    buf_init(&one, 65536);
    ck_assert(fact_encode(&keyed, &one));
    batch_add(kind, one.data, one.len);
    buf_fini(&one);
}

static void batch_send(uint64_t id)
{
    memcpy(batch.data, &batch_count, sizeof batch_count); /* little-endian, as the machine */
    ck_assert(channel_send(door.channel, MSG_INTAKE, id, batch.data, batch.len, -1));
    buf_fini(&batch);
}

struct item {
    uint8_t status;
    uint8_t id[16];
    char receipt[8192];
    size_t receipt_len;
    size_t fact_len;
    uint8_t fact[8192];
};
static struct item items[ITEMS_MAX];

/* Reads the door's last answer; returns the items. */
static uint32_t read_answer(uint64_t id, enum batch_outcome outcome)
{
    struct reader r;
    ck_assert_uint_eq(door.type, MSG_BATCH_DONE);
    ck_assert_uint_eq(door.id, id);
    reader_init(&r, door.payload, door.len);
    ck_assert_uint_eq(reader_u8(&r), outcome);
    (void)reader_u32(&r);
    uint32_t count = reader_u32(&r);
    ck_assert_uint_le(count, ITEMS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct item *item = &items[i];
        item->status = reader_u8(&r);
        const uint8_t *bytes = reader_bytes(&r, 16);
        ck_assert_ptr_nonnull(bytes);
        memcpy(item->id, bytes, 16);
        bytes = reader_blob(&r, &item->receipt_len);
        ck_assert_uint_lt(item->receipt_len, sizeof item->receipt);
        if (item->receipt_len > 0)
            memcpy(item->receipt, bytes, item->receipt_len);
        bytes = reader_blob(&r, &item->fact_len);
        ck_assert_uint_le(item->fact_len, sizeof item->fact);
        if (item->fact_len > 0)
            memcpy(item->fact, bytes, item->fact_len);
    }
    ck_assert(reader_done(&r));
    return count;
}

static uint32_t ask(uint64_t id, enum batch_outcome outcome)
{
    unsigned before = door.answers;
    batch_send(id);
    wait_for(&door, before + 1);
    return read_answer(id, outcome);
}

static void check_receipt(const struct item *item)
{
    char reason[200] = "";
    enum receipt_check check = receipt_verify((const uint8_t *)item->receipt, item->receipt_len, verifier, reason,
                                              sizeof reason);
    ck_assert_msg(check == RECEIPT_GOOD, "%s", reason);
}

/* ---- the tests ---- */

START_TEST(a_batch_is_answered_with_receipts_and_a_retry_with_the_same)
{
    struct fact f[3], again, first;
    static struct item before[3];
    begin();
    start_ledger();
    wait_for(&control, 1);
    ck_assert_uint_eq(control.type, MSG_HELLO);
    add_door();
    batch_new();
    for (unsigned i = 0; i < 3; i++) {
        fixture_fact(&f[i], 7, i);
        batch_fact(BATCH_CHECKIN, &f[i]);
    }
    ck_assert_uint_eq(ask(11, BATCH_OK), 3);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(items[i].status, ITEM_ACCEPTED);
        ck_assert_mem_eq(items[i].id, f[i].id, 16);
        ck_assert_uint_eq(items[i].fact_len, 0);
        check_receipt(&items[i]);
    }
    memcpy(before, items, sizeof before);

    /* kill -9, a new ledger, and the same again: a door's fresh stamps and id, the client's same key and body */
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    end_ledger();
    start_ledger();
    wait_for(&control, 1);
    add_door();
    again = f[1];
    memset(again.id, 0x77, sizeof again.id);
    memset(again.salt, 0x66, sizeof again.salt);
    again.received_us += US_PER_S;
    again.decided_us += US_PER_S;
    again.first.verdict = VERDICT_LATE;
    again.first.late_minutes = 7;
    batch_new();
    batch_fact(BATCH_CHECKIN, &again);
    again.note = fixture_text("lain");
    batch_fact(BATCH_CHECKIN, &again);
    ck_assert_uint_eq(ask(12, BATCH_OK), 2);
    ck_assert_uint_eq(items[0].status, ITEM_DUPLICATE);
    ck_assert_mem_eq(items[0].id, f[1].id, 16);
    ck_assert_uint_eq(items[0].receipt_len, before[1].receipt_len);
    ck_assert_mem_eq(items[0].receipt, before[1].receipt, before[1].receipt_len);
    ck_assert(fact_decode(items[0].fact, items[0].fact_len, &first));
    ck_assert_int_eq(first.first.verdict, VERDICT_ON_TIME);
    ck_assert_uint_eq(items[1].status, ITEM_CONFLICT);
    ck_assert_mem_eq(items[1].id, f[1].id, 16);
    ck_assert_uint_eq(items[1].receipt_len, 0);

    ck_assert(channel_send(control.channel, MSG_DRAIN, 0, NULL, 0, -1));
    int status = end_ledger();
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    end();
}
END_TEST

START_TEST(one_webhook_of_everything)
{
    struct fact f;
    static const char event[] = "{\"government\":1,\"kind\":\"status\",\"received_at\":\"2025-12-28T23:10:00Z\","
                                "\"payload\":{\"id\":\"wamid.X\"}}";
    begin();
    start_ledger();
    wait_for(&control, 1);
    add_door();
    for (int round = 0; round < 2; round++) { /* delivered twice: nothing is kept twice, nothing is refused */
        batch_new();
        fixture_fact(&f, 7, 1);
        batch_fact(BATCH_CHECKIN, &f);
        for (unsigned i = 0; i < 12; i++) {
            fixture_fact(&f, 0, i);
            f.person = 0;
            char wamid[16];
            f.channel = CHANNEL_WHATSAPP;
            f.decided_by = TIME_ARRIVAL;
            f.decided_us = f.received_us;
            snprintf(wamid, sizeof wamid, "wamid.%u", i);
            f.external_id = fixture_text(wamid);
            f.sender = fixture_text("6281200000001");
            batch_fact(BATCH_UNATTRIBUTED, &f);
        }
        batch_add(BATCH_EVENT, event, sizeof event - 1);
        ck_assert_uint_eq(ask((uint64_t)round, BATCH_OK), 14);
        ck_assert_uint_eq(items[0].status, round == 0 ? ITEM_ACCEPTED : ITEM_DUPLICATE);
        for (unsigned i = 1; i < 14; i++) {
            ck_assert_uint_eq(items[i].status, 0);
            ck_assert_uint_eq(items[i].receipt_len + items[i].fact_len, 0);
        }
    }
    ck_assert(channel_send(control.channel, MSG_DRAIN, 0, NULL, 0, -1));
    ck_assert_int_eq(end_ledger(), 0);
    end();
}
END_TEST

static void add_automatic(unsigned n, enum counts_as counts_as, enum verdict verdict, int64_t decided_us)
{
    struct fact f;
    fixture_fact(&f, 7, n);
    f.automatic = true;
    f.first.counts_as = counts_as;
    f.first.session = counts_as == COUNTS_AS_IN ? 5 : 6;
    f.first.verdict = verdict;
    f.flags |= FLAG_AUTOMATIC;
    f.sent_us = f.fix_us;
    f.received_us = f.decided_us = decided_us; /* told as it was made */
    batch_fact(BATCH_CHECKIN, &f);
}

START_TEST(tracking_keeps_one_point_and_never_leaves_early)
{
    begin();
    start_ledger();
    wait_for(&control, 1);
    add_door();
    batch_new();
    add_automatic(1, COUNTS_AS_IN, VERDICT_ON_TIME, FIXTURE_AT_US);
    add_automatic(2, COUNTS_AS_IN, VERDICT_ON_TIME, FIXTURE_AT_US + 1);
    add_automatic(3, COUNTS_AS_OUT, VERDICT_EARLY, FIXTURE_AT_US + 2);
    add_automatic(4, COUNTS_AS_OUT, VERDICT_ON_TIME, FIXTURE_AT_US + 3);
    add_automatic(5, COUNTS_AS_OUT, VERDICT_ON_TIME, FIXTURE_AT_US + 4);
    ck_assert_uint_eq(ask(1, BATCH_OK), 5);
    const uint8_t expected[] = {ITEM_ACCEPTED, ITEM_DROPPED, ITEM_DROPPED, ITEM_ACCEPTED, ITEM_DROPPED};
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(items[i].status, expected[i]);
    batch_new();
    add_automatic(6, COUNTS_AS_OUT, VERDICT_EARLY, FIXTURE_AT_US + 2); /* nothing for the spool at all */
    ck_assert_uint_eq(ask(2, BATCH_OK), 1);
    ck_assert_uint_eq(items[0].status, ITEM_DROPPED);
    ck_assert(channel_send(control.channel, MSG_DRAIN, 0, NULL, 0, -1));
    ck_assert_int_eq(end_ledger(), 0);
    end();
}
END_TEST

static uint8_t look_up(int64_t person, int64_t device, const uint8_t id[16], uint8_t ret_id[16])
{
    struct buf q;
    struct reader r;
    unsigned before = door.answers;
    buf_init(&q, 64);
    buf_i64(&q, person);
    buf_i64(&q, device);
    buf_add(&q, id, 16);
    ck_assert(channel_send(door.channel, MSG_LOOKUP, 77, q.data, q.len, -1));
    buf_fini(&q);
    wait_for(&door, before + 1);
    ck_assert_uint_eq(door.type, MSG_LOOKUP_DONE);
    ck_assert_uint_eq(door.id, 77);
    reader_init(&r, door.payload, door.len);
    uint8_t state = reader_u8(&r);
    memcpy(ret_id, reader_bytes(&r, 16), 16);
    size_t fact_len, receipt_len;
    (void)reader_blob(&r, &fact_len);
    (void)reader_blob(&r, &receipt_len);
    ck_assert(reader_done(&r));
    ck_assert((fact_len > 0) == (state != 0) && (receipt_len > 0) == (state != 0));
    return state;
}

START_TEST(a_lookup_knows_ones_own_only)
{
    struct fact f;
    uint8_t id[16];
    begin();
    start_ledger();
    wait_for(&control, 1);
    add_door();
    fixture_fact(&f, 7, 1);
    batch_new();
    batch_fact(BATCH_CHECKIN, &f);
    ck_assert_uint_eq(ask(1, BATCH_OK), 1);
    ck_assert_uint_eq(look_up(107, 7, f.id, id), 1); /* received; no database has recorded it */
    ck_assert_mem_eq(id, f.id, 16);
    ck_assert_uint_eq(look_up(107, 7, f.key, id), 1);
    ck_assert_mem_eq(id, f.id, 16);
    ck_assert_uint_eq(look_up(107, 8, f.key, id), 0);
    ck_assert_uint_eq(look_up(108, 7, f.id, id), 0);
    ck_assert(channel_send(control.channel, MSG_DRAIN, 0, NULL, 0, -1));
    ck_assert_int_eq(end_ledger(), 0);
    end();
}
END_TEST

/* ---- what no door says ---- */

/* The batch is neither answered nor kept: the door's end is closed, and the supervisor is told which door it was. */
static void refused_as_forged(void)
{
    struct reader r;
    unsigned answers = door.answers, told = control.answers;
    batch_send(1);
    int64_t until = mono_now_ms() + WAIT_MS;
    while (!door.closed && mono_now_ms() < until)
        loop_turn(loop, 50);
    ck_assert(door.closed);
    ck_assert_uint_eq(door.answers, answers);
    wait_for(&control, told + 1);
    ck_assert_uint_eq(control.type, MSG_FORGED);
    reader_init(&r, control.payload, control.len);
    ck_assert_uint_eq(reader_u32(&r), 3);
    ck_assert(reader_done(&r));
    add_door();
}

/* A good fact and, behind it, one that was changed; keyed: its key and hash fit it nevertheless. */
static void forged(void (*change)(struct fact *), bool keyed)
{
    struct fact f;
    struct buf one;
    batch_new();
    fixture_fact(&f, 7, 1);
    batch_fact(BATCH_CHECKIN, &f);
    fixture_fact(&f, 7, 2);
    codec_key(&f);
    change(&f);
    if (keyed)
        codec_key(&f);
    buf_init(&one, 65536);
    ck_assert(fact_encode(&f, &one));
    batch_add(BATCH_CHECKIN, one.data, one.len);
    buf_fini(&one);
    refused_as_forged();
}

static void no_government(struct fact *f) { f->government = 0; }
static void no_person(struct fact *f) { f->person = 0; }
static void no_device(struct fact *f) { f->device = 0; }
static void with_sender(struct fact *f) { f->sender = fixture_text("6281200000001"); }
static void old_directory(struct fact *f) { f->directory_number = -1; }
static void broken_note(struct fact *f) { f->note = (struct text){"a\xff", 2}; }
static void broken_fence(struct fact *f) { f->first.fence_name = (struct text){"a\0b", 3}; }
static void no_time(struct fact *f) { f->fix_us = TIME_ABSENT; }
static void two_months_ago(struct fact *f) { f->fix_us = f->sent_us = f->received_us - 61 * CODEC_DAY_US; f->decided_us = f->received_us; }
static void next_week(struct fact *f) { f->message_us = f->received_us + 7 * CODEC_DAY_US; }
static void decided_earlier(struct fact *f) { f->decided_us -= 3600 * US_PER_S; }
static void decided_on_arrival(struct fact *f) { f->decided_by = TIME_ARRIVAL; }
static void decided_by_nothing(struct fact *f) { f->decided_by = TIME_MESSAGE; }
static void both_zero(struct fact *f) { f->lat_deg = f->lon_deg = 0; }
static void too_accurate(struct fact *f) { f->accuracy_m = 0; }
static void unflagged(struct fact *f) { f->flags |= FLAG_ACCURACY_UNKNOWN; }
static void other_clock(struct fact *f) { f->clock_state = CLOCK_UNSYNCHRONISED; }
static void moved(struct fact *f) { f->lat_deg += 0.01; }
static void from_tomorrow(struct fact *f) { f->received_us += CODEC_DAY_US; f->decided_us += CODEC_DAY_US; }

START_TEST(what_no_door_says_is_refused_whole_counted_and_ends_the_door)
{
    static const struct {
        void (*change)(struct fact *);
        bool keyed;
        enum counter_id counter;
    } cases[] = {
        {no_government, true, C_FORGED_IDENTITY}, {no_person, true, C_FORGED_IDENTITY}, {no_device, true, C_FORGED_IDENTITY},
        {with_sender, true, C_FORGED_IDENTITY}, {old_directory, true, C_FORGED_IDENTITY}, {broken_note, true, C_FORGED_TEXT},
        {broken_fence, true, C_FORGED_TEXT}, {no_time, true, C_FORGED_TIME}, {two_months_ago, true, C_FORGED_TIME},
        {next_week, true, C_FORGED_TIME}, {decided_earlier, true, C_FORGED_TIME}, {decided_on_arrival, true, C_FORGED_TIME},
        {decided_by_nothing, true, C_FORGED_TIME}, {both_zero, true, C_FORGED_MEASURE}, {too_accurate, true, C_FORGED_MEASURE},
        {unflagged, true, C_FORGED_MEASURE}, {other_clock, true, C_FORGED_MEASURE}, {moved, false, C_FORGED_KEY},
        {from_tomorrow, true, C_FORGED_ARRIVAL},
    };
    struct fact f;
    counters_map();
    begin();
    start_ledger();
    wait_for(&control, 1);
    add_door();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t before = counter_total(cases[i].counter);
        forged(cases[i].change, cases[i].keyed);
        ck_assert_msg(counter_total(cases[i].counter) == before + 1, "case %zu is refused for another reason", i);
    }
    batch_new(); /* nothing of all that was kept */
    for (unsigned n = 1; n <= 2; n++) {
        fixture_fact(&f, 7, n);
        batch_fact(BATCH_CHECKIN, &f);
    }
    ck_assert_uint_eq(ask(6, BATCH_OK), 2);
    ck_assert_uint_eq(items[0].status, ITEM_ACCEPTED);
    ck_assert_uint_eq(items[1].status, ITEM_ACCEPTED);
    ck_assert(channel_send(control.channel, MSG_DRAIN, 0, NULL, 0, -1));
    ck_assert_int_eq(end_ledger(), 0);
    end();
}
END_TEST

START_TEST(what_is_no_batch_ends_the_door)
{
    static const char *const events[] = {
        "{}", "[", "{\"government\":0,\"kind\":\"status\",\"received_at\":\"2025-12-28T23:10:00Z\",\"payload\":{}}",
        "{\"government\":1,\"kind\":\"other\",\"received_at\":\"2025-12-28T23:10:00Z\",\"payload\":{}}",
        "{\"government\":1,\"kind\":\"status\",\"received_at\":\"2025-12-29T23:10:00Z\",\"payload\":{}}",
        "{\"government\":1,\"kind\":\"status\",\"received_at\":\"yesterday\",\"payload\":{}}"};
    struct fact f;
    unsigned told;
    counters_map();
    begin();
    start_ledger();
    wait_for(&control, 1);
    add_door();
    fixture_fact(&f, 7, 1);
    batch_new();
    batch_fact(BATCH_CHECKIN, &f);
    batch_add(BATCH_CHECKIN, "\xff", 1);
    refused_as_forged(); /* all or nothing */
    batch_new();
    refused_as_forged();
    batch_new();
    batch_add((enum batch_kind)9, "x", 1);
    refused_as_forged();
    batch_new();
    batch_fact(BATCH_UNATTRIBUTED, &f); /* it has a device */
    refused_as_forged();
    batch_new();
    batch_fact(BATCH_CHECKIN, &f);
    batch_count = 5001;
    refused_as_forged();
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        batch_new();
        batch_add(BATCH_EVENT, events[i], strlen(events[i]));
        refused_as_forged();
    }
    told = control.answers;
    ck_assert(channel_send(door.channel, MSG_LOOKUP, 5, "x", 1, -1));
    wait_for(&control, told + 1);
    add_door();
    ck_assert(channel_send(door.channel, MSG_ANSWER_HEAD, 5, "x", 1, -1));
    wait_for(&control, told + 2);
    add_door();
    batch_new();
    batch_fact(BATCH_CHECKIN, &f);
    ck_assert_uint_eq(ask(6, BATCH_OK), 1);
    ck_assert_uint_eq(items[0].status, ITEM_ACCEPTED);
    ck_assert(channel_send(control.channel, MSG_DRAIN, 0, NULL, 0, -1));
    ck_assert_int_eq(end_ledger(), 0);
    end();
}
END_TEST

/* Sent again by a door after the ledger's death it may be as old as a door's deadline; older, it is not taken, but no forgery:
 * this process may have stood still. */
START_TEST(how_old_an_arrival_may_be)
{
    struct fact f;
    counters_map();
    begin();
    now_us = FIXTURE_AT_US + 9 * US_PER_S; /* request_timeout_ms is 5000 */
    start_ledger();
    wait_for(&control, 1);
    add_door();
    fixture_fact(&f, 7, 1);
    batch_new();
    batch_fact(BATCH_CHECKIN, &f);
    ck_assert_uint_eq(ask(1, BATCH_OK), 1);
    ck_assert_uint_eq(items[0].status, ITEM_ACCEPTED);
    f.received_us -= 3 * US_PER_S;
    f.decided_us -= 3 * US_PER_S;
    batch_new();
    batch_fact(BATCH_CHECKIN, &f);
    ck_assert_uint_eq(ask(2, BATCH_BUSY), 0);
    ck_assert_int_eq(counter_total(C_STALE), 1);
    f.received_us += 14 * US_PER_S; /* two processes read the clock a moment apart */
    f.decided_us += 14 * US_PER_S;
    batch_new();
    batch_fact(BATCH_CHECKIN, &f);
    ck_assert_uint_eq(ask(3, BATCH_OK), 1);
    ck_assert_uint_eq(items[0].status, ITEM_DUPLICATE);
    ck_assert(channel_send(control.channel, MSG_DRAIN, 0, NULL, 0, -1));
    ck_assert_int_eq(end_ledger(), 0);
    end();
}
END_TEST

START_TEST(without_a_supervisor_it_finishes_and_goes)
{
    struct fact f;
    begin();
    start_ledger();
    wait_for(&control, 1);
    add_door();
    wait_for(&control, 1);
    batch_new();
    fixture_fact(&f, 7, 1);
    batch_fact(BATCH_CHECKIN, &f);
    ck_assert_uint_eq(ask(1, BATCH_OK), 1);
    channel_free(control.channel);
    control.channel = NULL;
    ck_assert_int_eq(end_ledger(), 0);
    end();
}
END_TEST

static void send_one(unsigned n)
{
    struct fact f;
    batch_new();
    fixture_fact(&f, 7, n);
    batch_fact(BATCH_CHECKIN, &f);
    batch_send(n);
}

START_TEST(what_a_door_sent_before_the_end_is_answered)
{
    begin();
    start_ledger();
    wait_for(&control, 1);
    add_door();
    for (unsigned n = 1; n <= 3; n++) /* others at once: doors are not read for some milliseconds then */
        send_one(n);
    wait_for(&door, 3);
    send_one(4);
    ck_assert(channel_send(control.channel, MSG_DRAIN, 0, NULL, 0, -1));
    wait_for(&door, 4);
    ck_assert_uint_eq(door.id, 4);
    ck_assert_int_eq(end_ledger(), 0);
    end();
}
END_TEST

START_TEST(it_does_not_start_without_a_safe_key_or_a_folder_of_its_own)
{
    int fd, status;
    begin();
    ck_assert_int_eq(chmod(key_path, 0640), 0);
    start_ledger();
    status = end_ledger();
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    ck_assert_int_eq(chmod(key_path, 0600), 0);
    start_ledger();
    wait_for(&control, 1);
    pid_t first = child;
    struct ipc_channel *held = control.channel;
    control.channel = NULL;
    fd = connect_end(&control);
    close(fd);
    start_ledger();
    status = end_ledger();
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    child = first;
    channel_free(held);
    ck_assert_int_eq(end_ledger(), 0);
    end();
}
END_TEST

UNIT_MAIN("ledger/main", a_batch_is_answered_with_receipts_and_a_retry_with_the_same, one_webhook_of_everything,
          tracking_keeps_one_point_and_never_leaves_early, a_lookup_knows_ones_own_only,
          what_no_door_says_is_refused_whole_counted_and_ends_the_door, what_is_no_batch_ends_the_door,
          how_old_an_arrival_may_be, without_a_supervisor_it_finishes_and_goes,
          what_a_door_sent_before_the_end_is_answered, it_does_not_start_without_a_safe_key_or_a_folder_of_its_own)
