/* The HTTP guard: bytes on a connection of a whole door (request, route, limits, handlers, ledger and desk answering). Every
 * answer is a well-formed one and none is our own failure; cutting the bytes anywhere gives the same statuses.
 * Bytes: the ledger's mood, where to cut (2), then what goes over the wire. */
#include "fuzz.h"

/* The fixture of the unit tests, without check: its assertions are ours. */
#define HADIR_UNIT_H
#define ck_assert(condition) MUST(condition)
#define ck_assert_msg(condition, ...) MUST(condition)
#define ck_assert_int_eq(a, b) MUST((intmax_t)(a) == (intmax_t)(b))
#define ck_assert_uint_eq(a, b) MUST((uintmax_t)(a) == (uintmax_t)(b))
#define ck_assert_uint_lt(a, b) MUST((uintmax_t)(a) < (uintmax_t)(b))
#define ck_assert_ptr_nonnull(p) MUST((p) != NULL)
#include "test_door_fixture.h"

#define ANSWERS_MAX 256

struct heard {
    unsigned statuses[ANSWERS_MAX];
    size_t count;
    bool busy; /* a limit or a queue answered, not the request */
};

static void desk_answers(void)
{
    static unsigned answered_so_far;
    if (f.questions == answered_so_far)
        return;
    answered_so_far = f.questions;
    desk_head(200, "application/json", "", "");
    desk_body("{}", 2);
    desk_end(0);
}

/* Until nothing more comes. */
static void settle(void)
{
    for (int quiet = 0, turns = 0; quiet < 4 && turns < 2000; turns++) {
        size_t before = k.len;
        forget_batches();
        loop_turn(f.loop, 0);
        desk_answers();
        receive();
        quiet = k.len == before ? quiet + 1 : 0;
    }
}

static void send_part(const uint8_t *bytes, size_t len)
{
    while (len > 0 && !k.over) {
        ssize_t n = send(k.fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the door has closed */
        bytes += n;
        len -= (size_t)n;
        settle();
    }
}

static void hear(struct heard *ret)
{
    ret->count = 0;
    ret->busy = false;
    while (k.len > 0 && answered()) {
        MUST(k.status >= 100 && k.status < 600 && k.status != 500);
        ret->busy = ret->busy || k.status == 429 || k.status == 503;
        if (k.status == 100)
            k.used = (size_t)(k.body - k.in);
        else if (ret->count < ANSWERS_MAX)
            ret->statuses[ret->count++] = k.status;
        next_answer();
    }
    bool head_only = k.len > 4 && memcmp(k.in + k.len - 4, "\r\n\r\n", 4) == 0; /* to HEAD, the last */
    MUST(k.len == 0 || ret->count == 0 || k.over || head_only); /* nothing that is no answer */
}

static void talk(const uint8_t *data, size_t size, size_t cut, struct heard *ret)
{
    confirm_directory(true);
    dial();
    send_part(data, cut);
    send_part(data + cut, size - cut);
    settle();
    hear(ret);
    static const struct linger at_once = {.l_onoff = 1}; /* or the ports run out */
    (void)setsockopt(k.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(k.fd);
    for (int i = 0; i < 4; i++)
        loop_turn(f.loop, 0);
    forget_batches();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct heard whole, parts;
    static const enum ledger_mood moods[] = {LEDGER_ACCEPTS, LEDGER_BUSY, LEDGER_FULL, LEDGER_DUPLICATE, LEDGER_CONFLICT};
    if (size < 4 || size > 16384)
        return 0;
    if (f.door == NULL) {
        fuzz_quiet();
        door_up();
        atexit(door_down);
    }
    f.mood = moods[data[0] % 5];
    f.lookup_state = data[0] / 5 % 3;
    size_t len = size - 3, cut = (size_t)(data[1] | data[2] << 8) % (len + 1);
    talk(data + 3, len, 0, &whole);
    talk(data + 3, len, cut, &parts);
    if (!whole.busy && !parts.busy)
        MUST(whole.count == parts.count && memcmp(whole.statuses, parts.statuses, whole.count * sizeof *whole.statuses) == 0);
    return 0;
}
