/* A whole door on a loopback socket, with a directory made here, a fake ledger and fake desks at the other ends of its
 * channels, and a clock that stands still. Clients are plain sockets in the same thread. */
#ifndef HADIR_TEST_DOOR_FIXTURE_H
#define HADIR_TEST_DOOR_FIXTURE_H

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "channel.h"
#include "conf.h"
#include "conn.h"
#include "counter.h"
#include "digest.h"
#include "directory.h"
#include "door.h"
#include "fact.h"
#include "fence.h"
#include "loop.h"
#include "message.h"
#include "pending.h"
#include "snapshot.h"
#include "wall.h"

#define PATIENCE_MS 60000
#define NOW_S INT64_C(1924992000) /* 2031-01-01T00:00:00Z */
#define NOW_US (NOW_S * US_PER_S)
#define HOUR_US (3600 * US_PER_S)
#define NOW_TEXT "2031-01-01T00:00:00Z"

#define TOKEN_NATIVE "nativenativenativenati"
#define TOKEN_OWNTRACKS "owntracksowntracksownt"
#define TOKEN_OSMAND "osmandosmandosmandosma"
#define TOKEN_ACCESS "accessaccessaccessacce"
#define TOKEN_REVOKED "revokedrevokedrevokedr"
#define TOKEN_NOBODY "nobodynobodynobodynobo"
#define BASIC_OWNTRACKS "YWRpOm93bnRyYWNrc293bnRyYWNrc293bnQ="  /* adi:TOKEN_OWNTRACKS */
#define BASIC_NOBODY "YWRpOm5vYm9keW5vYm9keW5vYm9keW5vYm8="     /* adi:TOKEN_NOBODY */
#define BASIC_NATIVE "YWRpOm5hdGl2ZW5hdGl2ZW5hdGl2ZW5hdGk="     /* adi:TOKEN_NATIVE */
#define BUSINESS "105550001"
#define NUMBER "6281100000001"
#define NUMBER_REVOKED "6281100000009"
#define SECRET "app-secret"
#define VERIFY "verify-me"

enum ledger_mood { LEDGER_ACCEPTS, LEDGER_HOLDS, LEDGER_BUSY, LEDGER_FULL, LEDGER_DUPLICATE, LEDGER_CONFLICT,
                   LEDGER_NONSENSE };

struct batch_seen {
    uint64_t id;
    struct buf payload;
};

static struct {
    struct loop *loop;
    struct door *door;
    struct conf conf;
    int fd;
    uint16_t port;
    char dir[64];
    struct ipc_channel *ledger, *desk;
    enum ledger_mood mood;
    struct batch_seen batches[16];
    size_t batch_count;
    uint8_t lookup_state;
    unsigned lookups;
    uint64_t question_id;
    uint16_t question_type;
    unsigned questions, cancels, mores;
    struct buf question;
} f;

#define UNTIL(condition)                                                                                             \
    do {                                                                                                             \
        int64_t until_ = mono_now_ms() + PATIENCE_MS;                                                                \
        bool seen_ = (condition);                                                                                    \
        while (!seen_ && mono_now_ms() < until_) {                                                                   \
            loop_turn(f.loop, 2);                                                                                    \
            seen_ = (condition);                                                                                     \
        }                                                                                                            \
        ck_assert_msg(seen_, "never: %s", #condition);                                                               \
    } while (0)

static inline void turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(f.loop, 1);
}

/* ---- the fake ledger ---- */

static inline void ledger_answer(const struct batch_seen *b, enum ledger_mood mood)
{
    struct buf out;
    struct reader r;
    buf_init(&out, 4 << 20);
    reader_init(&r, b->payload.data, b->payload.len);
    uint32_t items = reader_u32(&r);
    bool refused = mood == LEDGER_BUSY || mood == LEDGER_FULL;
    buf_u8(&out, mood == LEDGER_BUSY ? BATCH_BUSY : mood == LEDGER_FULL ? BATCH_FULL : BATCH_OK);
    buf_u32(&out, refused ? 7 : 0);
    buf_u32(&out, refused ? 0 : items);
    for (uint32_t i = 0; i < items && !refused; i++) {
        size_t len = 0;
        uint8_t kind = reader_u8(&r);
        const uint8_t *bytes = reader_blob(&r, &len);
        struct fact fact = {0};
        bool checkin = kind == BATCH_CHECKIN;
        if (kind != BATCH_EVENT)
            ck_assert(fact_decode(bytes, len, &fact));
        bool duplicate = checkin && mood == LEDGER_DUPLICATE;
        buf_u8(&out, !checkin ? 0 : duplicate ? ITEM_DUPLICATE : mood == LEDGER_CONFLICT ? ITEM_CONFLICT : ITEM_ACCEPTED);
        buf_add(&out, fact.id, 16);
        buf_blob(&out, "{\"v\":1}", checkin && mood != LEDGER_CONFLICT ? 7 : 0);
        buf_blob(&out, bytes, duplicate ? len : 0);
    }
    if (mood == LEDGER_NONSENSE)
        out.len = out.len / 2;
    ck_assert(!out.failed && channel_send(f.ledger, MSG_BATCH_DONE, b->id, out.data, out.len, -1));
    buf_fini(&out);
}

static inline void ledger_lookup(uint64_t id, const uint8_t *payload, size_t len)
{
    struct buf out;
    struct reader r;
    reader_init(&r, payload, len);
    ck_assert_int_eq(reader_i64(&r), 100);
    int64_t device = reader_i64(&r);
    ck_assert(device == 7 || device == 0); /* 0: asked with an access token */
    const uint8_t *asked = reader_bytes(&r, 16);
    ck_assert(reader_done(&r));
    f.lookups++;
    struct fact fact = {.government = 1, .person = 100, .device = 7, .channel = CHANNEL_NATIVE,
                        .fix_us = NOW_US, .message_us = TIME_ABSENT, .sent_us = TIME_ABSENT, .received_us = NOW_US,
                        .clock_state = CLOCK_SYNCHRONISED, .decided_us = NOW_US, .decided_by = TIME_FIX,
                        .lat_deg = -2.5, .lon_deg = 120.3, .first = {.day = INT32_MIN}};
    struct buf encoded;
    buf_init(&encoded, 65536);
    ck_assert(fact_encode(&fact, &encoded));
    buf_init(&out, 65536);
    buf_u8(&out, f.lookup_state);
    buf_add(&out, asked, 16);
    buf_blob(&out, encoded.data, f.lookup_state != 0 ? encoded.len : 0);
    buf_blob(&out, "{\"v\":1}", f.lookup_state != 0 ? 7 : 0);
    ck_assert(channel_send(f.ledger, MSG_LOOKUP_DONE, id, out.data, out.len, -1));
    buf_fini(&out);
    buf_fini(&encoded);
}

static inline void on_ledger(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    (void)arg;
    (void)fd;
    if (type == MSG_LOOKUP) {
        if (f.mood != LEDGER_HOLDS)
            ledger_lookup(id, payload, len);
        return;
    }
    ck_assert_int_eq(type, MSG_INTAKE);
    ck_assert_uint_lt(f.batch_count, 16);
    struct batch_seen *b = &f.batches[f.batch_count++];
    b->id = id;
    buf_init(&b->payload, CHANNEL_PAYLOAD_MAX);
    buf_add(&b->payload, payload, len);
    if (f.mood != LEDGER_HOLDS)
        ledger_answer(b, f.mood);
}

static inline void forget_batches(void)
{
    for (size_t i = 0; i < f.batch_count; i++)
        buf_fini(&f.batches[i].payload);
    f.batch_count = 0;
}

/* The check-in `item` of batch `i`, decoded; its texts live as long as the batch. */
static inline struct fact fact_sent(size_t i, uint32_t item, uint8_t kind)
{
    struct fact fact;
    struct reader r;
    ck_assert_uint_lt(i, f.batch_count);
    reader_init(&r, f.batches[i].payload.data, f.batches[i].payload.len);
    uint32_t items = reader_u32(&r);
    ck_assert_uint_lt(item, items);
    for (uint32_t k = 0;; k++) {
        size_t len = 0;
        uint8_t got = reader_u8(&r);
        const uint8_t *bytes = reader_blob(&r, &len);
        if (k < item)
            continue;
        ck_assert_uint_eq(got, kind);
        ck_assert(fact_decode(bytes, len, &fact));
        return fact;
    }
}

static inline void on_peer_closed(void *arg)
{
    (void)arg;
}

static inline struct ipc_channel *connect_peer_of(enum role role, channel_message_cb cb)
{
    int ends[2];
    struct buf out;
    ck_assert_int_eq(channel_pair(ends), 0);
    struct ipc_channel *ours = channel_new(f.loop, ends[0], 64 << 20, cb, on_peer_closed, NULL);
    ck_assert_ptr_nonnull(ours);
    buf_init(&out, 16);
    buf_u8(&out, (uint8_t)role);
    buf_u32(&out, 0);
    door_message(f.door, MSG_PEER, out.data, out.len, ends[1]);
    buf_fini(&out);
    return ours;
}

static inline void ledger_up(void)
{
    f.ledger = connect_peer_of(ROLE_LEDGER, on_ledger);
}

static inline void ledger_dies(void)
{
    channel_free(f.ledger);
    f.ledger = NULL;
}

/* ---- the fake desk ---- */

static inline void on_desk(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    (void)arg;
    (void)fd;
    if (type == MSG_QUESTION || type == MSG_REQUEST) {
        f.questions++;
        f.question_type = type;
        f.question_id = id;
        buf_clear(&f.question);
        buf_add(&f.question, payload, len);
    } else if (type == MSG_QUESTION_CANCEL) {
        f.cancels++;
    } else if (type == MSG_ANSWER_MORE) {
        f.mores++;
    }
}

static inline void desk_up(void)
{
    f.desk = connect_peer_of(ROLE_DESK, on_desk);
}

static inline void desk_head(unsigned status, const char *type, const char *code, const char *detail)
{
    struct buf out;
    buf_init(&out, 4096);
    buf_u16(&out, (uint16_t)status);
    buf_blob(&out, type, strlen(type));
    buf_blob(&out, code, strlen(code));
    buf_blob(&out, detail, strlen(detail));
    ck_assert(channel_send(f.desk, MSG_ANSWER_HEAD, f.question_id, out.data, out.len, -1));
    buf_fini(&out);
}

static inline void desk_body(const void *bytes, size_t len)
{
    ck_assert(channel_send(f.desk, MSG_ANSWER_BODY, f.question_id, bytes, len, -1));
}

static inline void desk_end(uint8_t how)
{
    ck_assert(channel_send(f.desk, MSG_ANSWER_END, f.question_id, &how, 1, -1));
}

/* ---- the directory ---- */

static inline void add_token(struct snapshot *s, const char *token, int kind, int64_t id, enum channel channel,
                             bool revoked)
{
    uint8_t hash[32];
    digest_sha256(token, strlen(token), hash);
    ck_assert(snapshot_token(s, hash, kind, id, 1, 100, channel, revoked, false));
}

/* One government, one person at one office, a session that is open now and one that opens in six hours. */
static inline int make_directory(int64_t number)
{
    struct snapshot_header h = {.epoch = 1, .number = number, .base_number = number, .compiled_us = NOW_US,
                                .first_day = (int32_t)(NOW_S / 86400), .days = 1};
    struct snapshot *s = snapshot_new(&h);
    ck_assert_ptr_nonnull(s);
    struct snapshot_session sessions[2] = {
        {.id = 21, .code = "pagi", .label = "Pagi", .counts_as = COUNTS_AS_IN, .accept_from_us = NOW_US - HOUR_US,
         .accept_until_us = NOW_US + HOUR_US, .due_us = NOW_US + HOUR_US / 2, .on_time_from_us = NOW_US - HOUR_US,
         .on_time_until_us = NOW_US + HOUR_US / 2 + 60 * US_PER_S},
        {.id = 22, .code = "sore", .label = "Sore", .counts_as = COUNTS_AS_OUT, .accept_from_us = NOW_US + 6 * HOUR_US,
         .accept_until_us = NOW_US + 8 * HOUR_US, .due_us = NOW_US + 7 * HOUR_US, .on_time_from_us = NOW_US + 7 * HOUR_US,
         .on_time_until_us = NOW_US + 8 * HOUR_US}};
    int64_t fence = 31;
    struct snapshot_pattern p = {.id = 41, .starts_us = NOW_US - 8 * HOUR_US, .ends_us = NOW_US + 16 * HOUR_US,
                                 .place = PLACE_WFO, .accuracy_cap_m = 100, .sessions = sessions, .session_count = 2,
                                 .fences = &fence, .fence_count = 1};
    p.decides[CHANNEL_NATIVE] = TIME_FIX;
    p.decides[CHANNEL_OWNTRACKS] = TIME_FIX;
    p.decides[CHANNEL_OSMAND] = TIME_FIX;
    p.decides[CHANNEL_WHATSAPP] = TIME_MESSAGE;
    ck_assert(snapshot_pattern(s, &p));
    const struct snapshot_member member = {.first_day = 0, .last_day = h.first_day + 100, .pair = 51};
    ck_assert(snapshot_slot(s, member.pair, h.first_day, p.id));
    ck_assert(snapshot_person(s, 100, 1, &member, 1, NULL, 0, false));
    add_token(s, TOKEN_NATIVE, CREDENTIAL_DEVICE, 7, CHANNEL_NATIVE, false);
    add_token(s, TOKEN_OWNTRACKS, CREDENTIAL_DEVICE, 8, CHANNEL_OWNTRACKS, false);
    add_token(s, TOKEN_OSMAND, CREDENTIAL_DEVICE, 9, CHANNEL_OSMAND, false);
    add_token(s, TOKEN_REVOKED, CREDENTIAL_DEVICE, 10, CHANNEL_NATIVE, true);
    add_token(s, TOKEN_ACCESS, CREDENTIAL_ACCESS, 12, 0, false);
    ck_assert(snapshot_number(s, 1, NUMBER, false, 11, 100, false, false));
    ck_assert(snapshot_number(s, 1, NUMBER_REVOKED, false, 13, 100, true, false));
    ck_assert(snapshot_business(s, BUSINESS, 1));
    struct buf shape;
    char error[200] = "";
    buf_init(&shape, 65536);
    ck_assert(fence_circle((struct point){120.3, -2.5}, 100, &shape, error, sizeof error));
    ck_assert(snapshot_fence(s, fence, 1, 1, FENCE_OFFICE, "Kantor Uji", true,
                             (struct fence_shape){shape.data, shape.len, NULL}, false));
    int fd = snapshot_write(s, f.dir, "base", error, sizeof error);
    ck_assert_msg(fd >= 0, "%s", error);
    buf_fini(&shape);
    snapshot_free(s);
    return fd;
}

static inline void confirm_directory(bool confirmed)
{
    counters_cells()->directory_confirmed_ms = confirmed ? mono_now_ms() : mono_now_ms() - 5001;
}

/* ---- the door ---- */

static inline void door_up(void)
{
    static bool mapped;
    if (!mapped)
        counters_map();
    mapped = true;
    signal(SIGPIPE, SIG_IGN);
    memset(&f, 0, sizeof f);
    buf_init(&f.question, 1 << 20);
    wall_fake(NOW_US);
    snprintf(f.dir, sizeof f.dir, "/tmp/hadir-door-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f.dir));
    char language[] = "id";
    static char kept[3];
    memcpy(kept, language, sizeof kept);
    f.conf = (struct conf){.connections_max = 100, .handshakes_max = 10, .head_timeout_ms = PATIENCE_MS,
                           .body_timeout_ms = PATIENCE_MS, .idle_timeout_ms = PATIENCE_MS,
                           .request_timeout_ms = PATIENCE_MS, .language = kept};
    f.loop = loop_new();
    f.door = door_new(f.loop, &f.conf, SECRET, VERIFY);
    ck_assert_ptr_nonnull(f.door);
    char error[200] = "";
    f.fd = net_listen("127.0.0.1:0", false, 64, error, sizeof error);
    ck_assert_msg(f.fd >= 0, "%s", error);
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    ck_assert_int_eq(getsockname(f.fd, (struct sockaddr *)&at, &len), 0);
    f.port = at.sin_port;
    ck_assert(door_listen(f.door, f.fd, NULL));
    door_message(f.door, MSG_SNAPSHOT, NULL, 0, make_directory(1));
    ck_assert(directory_loaded(f.door->directory));
    memset(counters_cells(), 0, sizeof *counters_cells());
    counters_cells()->directory_epoch = 1;
    counters_cells()->directory_number = 1;
    confirm_directory(true);
    ledger_up();
    desk_up();
}

static inline void door_down(void)
{
    door_free(f.door);
    if (f.ledger != NULL)
        channel_free(f.ledger);
    if (f.desk != NULL)
        channel_free(f.desk);
    turns(2);
    loop_free(f.loop);
    close(f.fd);
    forget_batches();
    buf_fini(&f.question);
    char path[80];
    snprintf(path, sizeof path, "%s/base", f.dir);
    unlink(path);
    rmdir(f.dir);
    wall_fake(INT64_MIN);
}

/* ---- the client ---- */

struct client {
    int fd;
    char in[1 << 20];
    size_t len;
    unsigned status;
    const char *body;
    size_t body_len;
    size_t used; /* bytes of `in` that the answer had */
    bool over;
};

static struct client k;

/* From 127.0.0.n. */
static inline void dial_from(uint32_t n)
{
    k.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + n)};
    ck_assert_int_eq(bind(k.fd, (struct sockaddr *)&from, sizeof from), 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = f.port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(fcntl(k.fd, F_SETFL, O_NONBLOCK), 0); /* first: a signal (libFuzzer's clock) ends a connect that waits */
    ck_assert(connect(k.fd, (struct sockaddr *)&at, sizeof at) == 0 || errno == EINPROGRESS);
    struct pollfd connected = {.fd = k.fd, .events = POLLOUT};
    while (poll(&connected, 1, PATIENCE_MS) != 1)
        ck_assert_int_eq(errno, EINTR);
    k.len = 0;
    k.used = 0;
    k.over = false;
}

static inline void dial(void)
{
    dial_from(1);
}

static inline void put(const void *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        ssize_t n = send(k.fd, (const char *)bytes + at, len - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else
            ck_assert(errno == EAGAIN);
        loop_turn(f.loop, 1);
    }
}

static inline void say(const char *text)
{
    put(text, strlen(text));
}

static inline void receive(void)
{
    ssize_t n;
    while ((n = recv(k.fd, k.in + k.len, sizeof k.in - 1 - k.len, 0)) > 0)
        k.len += (size_t)n;
    k.in[k.len] = '\0';
    if (n == 0 || (n < 0 && errno != EAGAIN))
        k.over = true;
}

/* One whole answer is there: status and body are set. */
static inline bool answered(void)
{
    receive();
    const char *end = memmem(k.in, k.len, "\r\n\r\n", 4);
    if (end == NULL)
        return false;
    ck_assert_int_eq(sscanf(k.in, "HTTP/1.1 %u ", &k.status), 1);
    k.body = end + 4;
    size_t have = k.len - (size_t)(k.body - k.in);
    const char *length = strcasestr(k.in, "\r\nContent-Length: ");
    if (have >= 9 && memcmp(k.body, "HTTP/1.1 ", 9) == 0) { /* to HEAD: here begins the next one */
        k.body_len = 0;
    } else if (length != NULL && length < end) {
        k.body_len = strtoul(length + 18, NULL, 10);
        if (have < k.body_len)
            return false;
    } else if (strcasestr(k.in, "\r\nTransfer-Encoding: chunked") != NULL) {
        const char *last = memmem(k.body, have, "\r\n0\r\n\r\n", 7);
        if (last == NULL)
            return false;
        k.body_len = (size_t)(last + 7 - k.body);
    } else {
        k.body_len = have;
    }
    k.used = (size_t)(k.body - k.in) + k.body_len;
    return true;
}

/* Takes the answer out of what was received. */
static inline void next_answer(void)
{
    memmove(k.in, k.in + k.used, k.len - k.used);
    k.len -= k.used;
    k.in[k.len] = '\0';
    k.used = 0;
}

static inline bool ended(void)
{
    receive();
    return k.over;
}

static inline void expect(unsigned status)
{
    UNTIL(answered());
    ck_assert_msg(k.status == status, "status %u, wanted %u: %s", k.status, status, k.in);
}

static inline bool said(const char *text)
{
    return memmem(k.in, k.used, text, strlen(text)) != NULL;
}

/* One request on a fresh connection; the answer's status is checked, the connection closed. */
static inline void exchange(unsigned status, const char *head, const char *body)
{
    char request[4096];
    dial();
    int n = snprintf(request, sizeof request, "%s\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", head, strlen(body));
    ck_assert(n > 0 && (size_t)n < sizeof request);
    put(request, (size_t)n);
    put(body, strlen(body));
    expect(status);
    close(k.fd);
}

#endif
