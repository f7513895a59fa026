/* The benchmark's generator: phones that check in on an arrival schedule, one loop.
 *
 *   load --port P --ca FILE|--plain --devices FILE --mode fresh|resumed|kept (--rate R | --closed | --morning PEOPLE) [more below]
 *
 * Open loop: the schedule (schedule.c) says when each check-in comes, whether earlier ones are answered or not, and latency
 * counts from that instant, the wait for a free connection included: nothing is omitted because the service was slow. --closed:
 * each of --connections sends its next when the last is answered; saturates.
 *
 *   --mode fresh     a connection of its own for each request, closed after the answer
 *          resumed   the same with the ticket that the phone got last, used once; without one a full handshake
 *          kept      --connections that stay, opened before the start
 *   --tickets FILE   the phones' tickets: read at the start if it is there, written at the end
 *   --seconds S      how long new ones come; what is in flight is waited for, --timeout S at most (30)
 *   --count N        so many requests at most;  --array N  check-ins in each (1)
 *   --channel native|owntracks;  --addresses N  phones come from so many addresses of 127/8 (1)
 *   --morning PEOPLE --minutes M [--burst PERCENT]  instead of a rate, see schedule.h; played in --seconds if given
 *   --retries N      what was shed, refused for now or failed goes again, as often at most: after Retry-After or a wait that doubles
 *                    from a second on. With --rate nothing goes again after --seconds; with --morning until it is known
 *   --lost N         so many good answers to each request never reach the phone: the same goes again a second later (a storm of retries)
 *   --constant       the peer answers a constant: only the status is looked at. Else a 200 needs a receipt for each check-in (native)
 *   --seed N         of the schedule (1); ids and coordinates are new in every run, else the second would be a repetition
 *   --ahead N        so many requests are rendered before the start (all that are known of, at most 200000)
 *   --wait           says "ready" when all that is prepared and begins at a line on standard input; with --mode kept it holds its
 *                    connections until that ends
 *
 * The last line is one JSON object: sent (requests, each attempt), accepted, refused (check-ins), busy (429, 408 and 5xx), shed (ended
 * before the handshake was), failed (no answer), given_up (requests never answered for good), seconds (from the start to the last
 * answer), cpu_s (own, since the start), p50_ms p99_ms max_ms (accepted ones, from the instant of the attempt that was),
 * first_p99_ms (from the first attempt's), peak (attempts in one second at most), behind_ms (how late an attempt began at most, for
 * want of a connection or of the generator's own time: with much of it the latencies tell of the generator), handshakes, resumed.
 *
 * What is sent is say.c's, how is phone.c's; no books are kept (tests/fault/phones.c does). Threads: one. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include "book.h"
#include "phone.h"
#include "say.h"
#include "schedule.h"
#include "tickets.h"

#define AHEAD_MAX 200000u
#define RETRY_MAX_S 60.0
#define LOOK_US 100000 /* between two looks at the deadlines */

/* One request on its way, with all its attempts. */
struct call {
    int64_t due_us, first_us; /* this attempt's instant, the first one's */
    uint32_t phone;           /* index of its device */
    uint16_t tries, lost;
    size_t len;
    uint8_t bytes[];
};

struct slot {
    struct phone phone; /* first: phone.c knows only this */
    struct call *call;
    SSL_SESSION *session;
};

static struct {
    struct say_options say;
    struct schedule_options schedule;
    uint64_t port, connections, seconds, count, array, retries, lost, timeout, ahead, addresses;
    const char *ca, *tickets;
    enum { FRESH, RESUMED, KEPT } mode;
    enum channel channel;
    bool closed, plain, constant, wait;
} o = {.say = {.host = "127.0.0.1", .lat_e7 = -25615000, .lon_e7 = 1203135000, .spread_e7 = 10000, .array_max = 1},
       .schedule = {.seed = 1}, .array = 1, .timeout = 30, .addresses = 1, .ahead = AHEAD_MAX, .channel = CHANNEL_NATIVE};

static SSL_CTX *tls;
static int epoll;
static struct sockaddr_in to;
static struct slot *slots, **idle; /* a ring: the longest idle is next */
static size_t idle_first, idle_count;
static struct call **ahead, **again; /* rendered; a heap by due_us of what goes again */
static size_t ahead_count, again_count, again_room;
static uint64_t made, flying, total = UINT64_MAX;
static uint32_t *told_us, *told_first_us; /* latencies of the accepted */
static size_t told_count, told_room;
static int64_t start_us, last_us, behind_us;
static struct {
    uint64_t sent, accepted, refused, busy, shed, failed, given_up, peak, handshakes, resumed;
} n;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *grown(void *array, size_t *room, size_t needed, size_t each)
{
    if (needed <= *room)
        return array;
    *room = 2 * needed + 1024;
    array = realloc(array, *room * each);
    if (array == NULL)
        give_up("out of memory");
    return array;
}

/* ---- requests ---- */

static struct call *make_call(void)
{
    static struct request r;
    static struct buf out;
    size_t phones = say_devices(o.channel);
    uint32_t phone = (uint32_t)(made++ % phones);
    if (out.max == 0)
        buf_init(&out, 4 << 20);
    buf_clear(&out);
    say_make_of(&r, o.channel, phone, o.array);
    say_render(&r, &out);
    struct call *c = malloc(sizeof *c + out.len);
    if (c == NULL)
        give_up("out of memory");
    *c = (struct call){.phone = phone, .len = out.len};
    memcpy(c->bytes, out.data, out.len);
    return c;
}

static void render_ahead(void)
{
    uint64_t known = total != UINT64_MAX ? total : o.ahead;
    ahead_count = known < o.ahead ? known : o.ahead;
    ahead = calloc(ahead_count + 1, sizeof *ahead);
    if (ahead == NULL)
        give_up("out of memory");
    for (size_t i = 0; i < ahead_count; i++)
        ahead[i] = make_call();
}

static struct call *new_call(int64_t due_us)
{
    static size_t taken;
    struct call *c = taken < ahead_count ? ahead[taken++] : make_call();
    c->due_us = c->first_us = due_us;
    return c;
}

/* ---- what goes again: a heap ---- */

static void push_again(struct call *c)
{
    again = grown(again, &again_room, again_count + 1, sizeof *again);
    size_t i = again_count++;
    for (; i > 0 && again[(i - 1) / 2]->due_us > c->due_us; i = (i - 1) / 2)
        again[i] = again[(i - 1) / 2];
    again[i] = c;
}

static struct call *pop_again(void)
{
    struct call *top = again[0], *last = again[--again_count];
    size_t i = 0;
    for (size_t child = 1; child < again_count; child = 2 * i + 1) {
        if (child + 1 < again_count && again[child + 1]->due_us < again[child]->due_us)
            child++;
        if (again[child]->due_us >= last->due_us)
            break;
        again[i] = again[child];
        i = child;
    }
    again[i] = last;
    return top;
}

static bool retries_are_over(int64_t at_us)
{
    return o.schedule.people == 0 && at_us - start_us > (int64_t)o.seconds * 1000000;
}

/* It was not answered, or told to come again. */
static void again_or_given_up(struct call *c, int64_t retry_after_s)
{
    int64_t at_us = now_us();
    if (c->tries > o.retries || retries_are_over(at_us)) {
        n.given_up++;
        free(c);
        return;
    }
    double wait_s = fmin(ldexp(1, c->tries - 1), RETRY_MAX_S);
    wait_s = fmax(wait_s, (double)retry_after_s) * (1 + (double)say_random(1000) / 1000);
    c->due_us = at_us + (int64_t)(wait_s * 1e6);
    push_again(c);
}

/* ---- connections ---- */

static void let_go(struct slot *s)
{
    s->call = NULL;
    flying--;
    idle[(idle_first + idle_count++) % o.connections] = s;
}

static struct slot *longest_idle(void)
{
    struct slot *s = idle[idle_first];
    idle_first = (idle_first + 1) % o.connections;
    idle_count--;
    return s;
}

static void hang_up(struct slot *s)
{
    phone_close(&s->phone);
    SSL_SESSION_free(s->session);
    s->session = NULL;
}

static void fail(struct slot *s)
{
    struct call *c = s->call;
    bool shed = s->phone.state == PHONE_SHAKING || s->phone.state == PHONE_CONNECTING;
    hang_up(s);
    if (c == NULL)
        return;
    *(shed ? &n.shed : &n.failed) += 1;
    let_go(s);
    again_or_given_up(c, 0);
}

/* Does the answer hold a receipt for each check-in? */
static bool says_enough(const struct phone_answer *a)
{
    size_t found = 0;
    if (o.constant || o.channel != CHANNEL_NATIVE)
        return true;
    const char *end = a->body + a->len;
    for (const char *at = a->body; (at = memmem(at, (size_t)(end - at), "\"receipt\":{", 11)) != NULL; at += 11)
        found++;
    return found == o.array;
}

static void count_accepted(const struct call *c)
{
    size_t room = told_room;
    last_us = now_us();
    told_us = grown(told_us, &told_room, told_count + 1, sizeof *told_us);
    told_first_us = grown(told_first_us, &room, told_count + 1, sizeof *told_first_us);
    told_us[told_count] = (uint32_t)(last_us - c->due_us);
    told_first_us[told_count++] = (uint32_t)(last_us - c->first_us);
    n.accepted += o.array;
}

static void on_answer(struct slot *s, const struct phone_answer *a)
{
    struct call *c = s->call;
    bool busy = a->status == 429 || a->status == 408 || a->status >= 500, good = a->status == 200 && says_enough(a);
    int64_t retry_after_s = a->retry_after_s;
    bool lost = good && c->lost < o.lost;
    if (good && !lost)
        count_accepted(c);
    if (o.mode != KEPT || a->close)
        hang_up(s);
    let_go(s);
    if (lost) {
        c->lost++;
        c->due_us = now_us() + 1000000;
        push_again(c);
        return;
    }
    if (busy) {
        n.busy++;
        again_or_given_up(c, retry_after_s);
        return;
    }
    n.refused += good ? 0 : o.array;
    free(c);
}

static void go_on(struct slot *s);

static void send_call(struct slot *s)
{
    buf_clear(&s->phone.out);
    if (!buf_add(&s->phone.out, s->call->bytes, s->call->len))
        give_up("out of memory");
    phone_send(&s->phone);
    go_on(s);
}

static void go_on(struct slot *s)
{
    struct phone_answer a;
    switch (phone_go_on(&s->phone, epoll, &a)) {
    case PHONE_WAITS:
        break;
    case PHONE_READY:
        n.handshakes += s->phone.ssl != NULL;
        n.resumed += s->phone.ssl != NULL && SSL_session_reused(s->phone.ssl);
        if (s->call != NULL)
            send_call(s);
        break;
    case PHONE_ANSWERED:
        on_answer(s, &a);
        break;
    case PHONE_FAILED:
        fail(s);
    }
}

static void dial(struct slot *s, uint32_t phone)
{
    s->session = o.mode == RESUMED ? tickets_take(phone) : NULL;
    s->phone.session = s->session;
    s->phone.address = o.addresses > 1 ? INADDR_LOOPBACK + 1 + phone % (uint32_t)o.addresses : 0;
    if (!phone_connect(&s->phone, epoll, tls, &to))
        fail(s);
    else
        go_on(s); /* over loopback it is connected at once */
}

/* One more attempt, in this second of the clock. */
static void count_sent(int64_t at_us)
{
    static int64_t second;
    static uint64_t in_second;
    in_second = at_us / 1000000 == second ? in_second + 1 : 1;
    second = at_us / 1000000;
    n.peak = in_second > n.peak ? in_second : n.peak;
    n.sent++;
}

static void begin(struct slot *s, struct call *c, int64_t at_us)
{
    s->call = c;
    behind_us = at_us - c->due_us > behind_us ? at_us - c->due_us : behind_us;
    s->phone.deadline_us = at_us + (int64_t)o.timeout * 1000000;
    c->tries++;
    count_sent(at_us);
    flying++;
    if (s->phone.state == PHONE_CLOSED)
        dial(s, c->phone);
    else
        send_call(s);
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct slot *s = SSL_get_app_data(ssl);
    if (s->call == NULL)
        return 0;
    tickets_put(s->call->phone, session);
    return 1;
}

/* ---- the run ---- */

static int64_t *dues; /* microseconds from the start */
static uint64_t due_count, due_next;

static bool new_ones_are_over(int64_t at_us)
{
    if (o.closed)
        return due_next >= total || at_us - start_us >= (int64_t)o.seconds * 1000000;
    return due_next >= due_count;
}

/* When something is to be sent next; INT64_MAX: nothing is. */
static int64_t next_due_us(int64_t at_us)
{
    int64_t fresh_us = new_ones_are_over(at_us) ? INT64_MAX : o.closed ? at_us : start_us + dues[due_next];
    int64_t again_us = again_count > 0 ? again[0]->due_us : INT64_MAX;
    return fresh_us < again_us ? fresh_us : again_us;
}

static struct call *next_call(int64_t at_us)
{
    int64_t due_us = next_due_us(at_us);
    if (due_us > at_us)
        return NULL;
    if (again_count > 0 && again[0]->due_us == due_us)
        return pop_again();
    due_next++;
    return new_call(due_us);
}

static void drop_retries(int64_t at_us)
{
    for (; again_count > 0 && retries_are_over(at_us); n.given_up++)
        free(pop_again());
}

static void look_at_deadlines(int64_t at_us)
{
    for (uint64_t i = 0; i < o.connections; i++)
        if (slots[i].call != NULL && slots[i].phone.deadline_us < at_us)
            fail(&slots[i]);
}

static void turn(int64_t wait_us)
{
    static struct epoll_event events[4096]; /* all that go on do so before new ones come */
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    int count = epoll_pwait2(epoll, events, 4096, &wait, NULL);
    for (int i = 0; i < count; i++)
        go_on(events[i].data.ptr);
}

static void run(void)
{
    int64_t at_us = now_us(), look_us = at_us;
    while (!new_ones_are_over(at_us) || again_count > 0 || flying > 0) {
        struct call *c;
        while (idle_count > 0 && (c = next_call(at_us)) != NULL)
            begin(longest_idle(), c, at_us);
        drop_retries(at_us);
        if (at_us >= look_us) {
            look_at_deadlines(at_us);
            look_us = at_us + LOOK_US;
        }
        int64_t until_us = idle_count > 0 ? next_due_us(at_us) : INT64_MAX;
        until_us = until_us < look_us ? until_us : look_us;
        turn(until_us > at_us ? until_us - at_us : 0);
        at_us = now_us();
    }
}

/* Every kept connection is there before the start. */
static void open_kept(void)
{
    for (uint64_t i = 0; i < o.connections; i++) {
        dial(&slots[i], (uint32_t)i);
        while (slots[i].phone.state == PHONE_CONNECTING || slots[i].phone.state == PHONE_SHAKING)
            turn(LOOK_US);
        if (slots[i].phone.state != PHONE_IDLE)
            give_up("connection %" PRIu64 " is refused", i);
    }
    n.handshakes = n.resumed = 0;
}

/* ---- the end ---- */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Of sorted ones. */
static double quantile_ms(const uint32_t *us, double q)
{
    return told_count == 0 ? 0 : us[(size_t)(q * (double)(told_count - 1))] / 1000.0;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void tell(double used_s)
{
    double seconds = (double)((last_us > 0 ? last_us : now_us()) - start_us) / 1e6;
    if (told_count > 0) {
        qsort(told_us, told_count, sizeof *told_us, by_size);
        qsort(told_first_us, told_count, sizeof *told_first_us, by_size);
    }
    printf("{\"sent\": %" PRIu64 ", \"accepted\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"busy\": %" PRIu64 ", \"shed\": %" PRIu64
           ", \"failed\": %" PRIu64 ", \"given_up\": %" PRIu64 ", \"seconds\": %.3f, \"cpu_s\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f"
           ", \"max_ms\": %.3f, \"first_p99_ms\": %.3f, \"peak\": %" PRIu64 ", \"behind_ms\": %.3f"
           ", \"handshakes\": %" PRIu64 ", \"resumed\": %" PRIu64 "}\n",
           n.sent, n.accepted, n.refused, n.busy, n.shed, n.failed, n.given_up, seconds, used_s, quantile_ms(told_us, 0.5),
           quantile_ms(told_us, 0.99), quantile_ms(told_us, 1), quantile_ms(told_first_us, 0.99), n.peak, (double)behind_us / 1000,
           n.handshakes, n.resumed);
}

/* ---- the command line ---- */

static bool read_word(const char *name, const char *value)
{
    static const char *const modes[] = {[FRESH] = "fresh", [RESUMED] = "resumed", [KEPT] = "kept"};
    if (strcmp(name, "mode") == 0) {
        for (unsigned i = 0; i < 3; i++)
            if (strcmp(value, modes[i]) == 0) {
                o.mode = i;
                return true;
            }
        return false;
    }
    o.channel = strcmp(value, "owntracks") == 0 ? CHANNEL_OWNTRACKS : CHANNEL_NATIVE;
    return o.channel == CHANNEL_OWNTRACKS || strcmp(value, "native") == 0;
}

static void read_options(int argc, char **argv)
{
    enum { PORT = 1, CONNECTIONS, RATE, SECONDS, SEED, COUNT, ARRAY, RETRIES, LOST, TIMEOUT, AHEAD, ADDRESSES, MORNING, MINUTES, BURST, NUMBERS };
    uint64_t *const numbers_of[NUMBERS] = {
        [PORT] = &o.port, [CONNECTIONS] = &o.connections, [RATE] = &o.schedule.rate, [SECONDS] = &o.seconds, [SEED] = &o.schedule.seed,
        [COUNT] = &o.count, [ARRAY] = &o.array, [RETRIES] = &o.retries, [LOST] = &o.lost, [TIMEOUT] = &o.timeout, [AHEAD] = &o.ahead,
        [ADDRESSES] = &o.addresses, [MORNING] = &o.schedule.people, [MINUTES] = &o.schedule.minutes, [BURST] = &o.schedule.burst};
    static const struct option names[] = {
        {"port", 1, NULL, PORT}, {"connections", 1, NULL, CONNECTIONS}, {"rate", 1, NULL, RATE}, {"seconds", 1, NULL, SECONDS},
        {"seed", 1, NULL, SEED}, {"count", 1, NULL, COUNT}, {"array", 1, NULL, ARRAY}, {"retries", 1, NULL, RETRIES},
        {"lost", 1, NULL, LOST},
        {"timeout", 1, NULL, TIMEOUT}, {"ahead", 1, NULL, AHEAD}, {"addresses", 1, NULL, ADDRESSES}, {"morning", 1, NULL, MORNING},
        {"minutes", 1, NULL, MINUTES}, {"burst", 1, NULL, BURST}, {"ca", 1, NULL, 'C'}, {"devices", 1, NULL, 'D'}, {"tickets", 1, NULL, 'T'},
        {"mode", 1, NULL, 'm'}, {"channel", 1, NULL, 'm'}, {"closed", 0, NULL, 'c'}, {"plain", 0, NULL, 'p'}, {"constant", 0, NULL, 'k'},
        {"wait", 0, NULL, 'w'}, {NULL, 0, NULL, 0}};
    for (int c, at = 0; (c = getopt_long(argc, argv, "", names, &at)) != -1;) {
        switch (c) {
        case 'C': o.ca = optarg; break;
        case 'D': o.say.devices = optarg; break;
        case 'T': o.tickets = optarg; break;
        case 'c': o.closed = true; break;
        case 'p': o.plain = true; break;
        case 'k': o.constant = true; break;
        case 'w': o.wait = true; break;
        case 'm':
            if (!read_word(names[at].name, optarg))
                give_up("--%s %s: unknown", names[at].name, optarg);
            break;
        case '?': exit(2);
        default: *numbers_of[c] = strtoull(optarg, NULL, 10);
        }
    }
    if (o.port == 0 || (o.ca == NULL && !o.plain) || o.say.devices == NULL || o.array - 1 >= ITEMS_MAX || o.addresses == 0 ||
        (o.channel == CHANNEL_OWNTRACKS && o.array > 1))
        give_up("needs --port, --ca or --plain, --devices, arrays of 1 to %d (OwnTracks: 1)", ITEMS_MAX);
    if (o.closed ? o.seconds == 0 && o.count == 0 : o.schedule.people > 0 ? o.schedule.minutes == 0 : o.schedule.rate == 0 || o.seconds == 0)
        give_up("needs --rate and --seconds, or --closed and --seconds or --count, or --morning and --minutes");
}

static void plan(void)
{
    o.seconds = o.closed && o.seconds == 0 ? 86400 : o.seconds;
    o.schedule.seconds = o.seconds;
    if (getrandom(&o.say.seed, sizeof o.say.seed, 0) != sizeof o.say.seed)
        give_up("no randomness");
    total = o.count > 0 ? o.count : UINT64_MAX;
    if (!o.closed) {
        due_count = schedule_make(&o.schedule, &dues);
        total = due_count = due_count < total ? due_count : total;
    }
    if (o.connections == 0)
        o.connections = o.mode == KEPT || o.closed ? 100 : 4096;
}

static void set_up_tls(void)
{
    tls = phone_tls(o.ca);
    if (o.mode != RESUMED && o.tickets == NULL)
        return;
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, on_ticket);
    tickets_start(say_devices(o.channel), o.tickets);
}

static void prepare(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    slots = calloc(o.connections, sizeof *slots);
    idle = calloc(o.connections, sizeof(struct slot *));
    if (epoll < 0 || slots == NULL || idle == NULL)
        give_up("out of memory");
    for (uint64_t i = 0; i < o.connections; i++) {
        slots[i].phone.fd = -1;
        idle[idle_count++] = &slots[i];
    }
    render_ahead();
    if (o.mode == KEPT)
        open_kept();
}

int main(int argc, char **argv)
{
    char line[16];
    read_options(argc, argv);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a run that is killed leaves no load behind */
    signal(SIGPIPE, SIG_IGN);
    book_open(NULL);
    plan();
    say_start(&o.say);
    if (say_devices(o.channel) == 0)
        give_up("no device of the channel in %s", o.say.devices);
    to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)o.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!o.plain)
        set_up_tls();
    prepare();
    if (o.wait) {
        puts("ready");
        fflush(stdout);
        if (fgets(line, sizeof line, stdin) == NULL)
            return 0;
    }
    double before_s = cpu_s();
    start_us = now_us();
    run();
    tell(cpu_s() - before_s);
    fflush(stdout);
    while (o.wait && o.mode == KEPT && fgets(line, sizeof line, stdin) != NULL)
        ;
    if (o.tickets != NULL)
        tickets_save(o.tickets);
    return 0;
}
