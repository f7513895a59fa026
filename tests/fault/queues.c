/* A morning of phones that were offline for days: each delivers its own queue, and keeps at it until all of it is known.
 *
 *   queues --seed N --port P --ca FILE --devices FILE --ledger FILE [--items N] [--back S] [--over S] [--addresses N]
 *
 * Every native device of the file is one phone with --items check-ins (6) spread evenly over --back seconds (three days). Half of
 * the phones come in the second half of --over seconds (90), the others before, more and more of them (schedule.h). A phone
 * opens one connection, sends its queue in one array or in pieces of 1, 2 or 3, the next when the last is answered, and
 * leaves. Whose connection is closed, times out (connecting 10 s, an answer 40 s), or who hears 429 or 503, waits as
 * PROTOCOL.md says: at least Retry-After, and a while that grows from a second to a minute, with chance in it so that
 * they don't come back together; then sends what is unknown with the same keys. Phones come from --addresses (100) addresses.
 *
 * The ledger is phones.c's (book.h): on the disk before anything leaves. Ends when every check-in is known. The last line tells
 * figures; late: of a phone, from its arrival until all of its queue was acknowledged. Threads: one. */
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
#include <sys/resource.h>
#include <time.h>

#include "book.h"
#include "phone.h"
#include "say.h"
#include "schedule.h"

#define CONNECT_S 10
#define ANSWER_S 40
#define WAIT_MAX_S 60.0
#define TURN_MS 5

struct owner {
    struct phone phone; /* first: phone.c knows only this */
    struct item *items;
    size_t done, piece; /* known ones; how many go at once */
    size_t device;
    int64_t arrival_us, due_us; /* of the next attempt; INT64_MAX: all is known */
    unsigned tries;             /* in a row that failed */
    bool noted;                 /* what is next is in the ledger, and may leave */
};

static struct {
    struct say_options say;
    uint64_t port, items, over, addresses;
    const char *ca, *ledger;
} o = {.say = {.seed = 1, .host = "127.0.0.1", .back_s = 3 * 86400, .lat_e7 = -25000000, .lon_e7 = 1203000000, .spread_e7 = 1000000,
               .array_max = 1}, .items = 6, .over = 90, .addresses = 100};

static struct owner *owners;
static size_t owner_count, open_count, open_most, finished;
static SSL_CTX *tls;
static int epoll;
static struct sockaddr_in to;
static struct request scratch;
static uint64_t shed;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- one phone ---- */

static void hang_up(struct owner *w)
{
    open_count -= w->phone.state != PHONE_CLOSED;
    phone_close(&w->phone);
    w->noted = false;
}

static void come_again(struct owner *w, int64_t retry_after_s)
{
    double wait_s = fmin(ldexp(1, (int)w->tries), WAIT_MAX_S);
    hang_up(w);
    w->tries += w->tries < 16;
    w->due_us = now_us() + (int64_t)(fmax(wait_s, (double)retry_after_s) * (1 + (double)say_random(1000) / 1000) * 1e6);
}

static size_t next_piece(const struct owner *w)
{
    return w->piece < o.items - w->done ? w->piece : o.items - w->done;
}

/* The next piece as a request. */
static struct request *ask(const struct owner *w)
{
    scratch.count = next_piece(w);
    scratch.array = scratch.count > 1;
    memcpy(scratch.items, w->items + w->done, scratch.count * sizeof *w->items);
    return &scratch;
}

/* Before it leaves, at the latest in this turn's book_sync. */
static void note(struct owner *w)
{
    say_note(ask(w));
    numbers->requests++;
    numbers->sent += scratch.count;
    w->noted = true;
}

static void send_piece(struct owner *w)
{
    buf_clear(&w->phone.out);
    say_render(ask(w), &w->phone.out);
    w->phone.deadline_us = now_us() + ANSWER_S * 1000000ll;
    w->noted = false;
    phone_send(&w->phone);
}

static void on_answer(struct owner *w, const struct phone_answer *a)
{
    if (!say_answered(ask(w), a->status, a->body, a->len)) {
        come_again(w, a->retry_after_s);
        return;
    }
    w->done += scratch.count;
    w->tries = 0;
    if (a->close || w->done == o.items)
        hang_up(w);
    if (w->done < o.items)
        return;
    finished++;
    w->due_us = INT64_MAX;
    w->arrival_us = now_us() - w->arrival_us; /* how late all of it was known */
}

static void go_on(struct owner *w)
{
    struct phone_answer a;
    bool shaken = w->phone.state > PHONE_SHAKING;
    switch (phone_go_on(&w->phone, epoll, &a)) {
    case PHONE_WAITS: break;
    case PHONE_READY: break; /* the next turn notes, then sends */
    case PHONE_ANSWERED: on_answer(w, &a); break;
    case PHONE_FAILED:
        numbers->failures += shaken;
        shed += !shaken;
        come_again(w, 0);
    }
}

static void dial(struct owner *w, int64_t at_us)
{
    w->phone.address = INADDR_LOOPBACK + 1 + (uint32_t)(w->device % o.addresses);
    w->phone.deadline_us = at_us + CONNECT_S * 1000000ll;
    open_count++;
    open_most = open_count > open_most ? open_count : open_most;
    if (!phone_connect(&w->phone, epoll, tls, &to))
        come_again(w, 0);
}

/* ---- all of them ---- */

static void look_at(struct owner *w, int64_t at_us)
{
    if (w->due_us > at_us)
        return;
    if (w->phone.state == PHONE_CLOSED) {
        dial(w, at_us);
    } else if (w->phone.state == PHONE_IDLE && !w->noted) {
        note(w);
    } else if (w->phone.state != PHONE_IDLE && at_us > w->phone.deadline_us) {
        numbers->failures++;
        come_again(w, 0);
    }
}

static void run(void)
{
    struct epoll_event events[512];
    while (finished < owner_count) {
        int64_t at_us = now_us();
        for (size_t i = 0; i < owner_count; i++)
            look_at(&owners[i], at_us);
        book_sync();
        for (size_t i = 0; i < owner_count; i++)
            if (owners[i].noted) {
                send_piece(&owners[i]);
                go_on(&owners[i]);
            }
        int n = epoll_wait(epoll, events, 512, TURN_MS);
        for (int i = 0; i < n; i++)
            go_on(events[i].data.ptr);
        numbers->in_flight = open_count;
        numbers->unknown = (owner_count - finished) * o.items;
    }
    book_sync();
}

static void make_owners(void)
{
    static const size_t pieces[] = {1, 2, 3};
    int64_t *us, start_us = now_us();
    owner_count = say_devices(CHANNEL_NATIVE);
    struct schedule_options s = {.seed = o.say.seed, .people = owner_count, .minutes = 10, .seconds = o.over};
    schedule_make(&s, &us);
    owners = calloc(owner_count, sizeof *owners);
    struct item *items = calloc(owner_count * o.items, sizeof *items);
    if (owners == NULL || items == NULL)
        give_up("out of memory");
    for (size_t i = 0; i < owner_count; i++) {
        struct owner *w = &owners[i];
        say_make_of(&scratch, CHANNEL_NATIVE, i, o.items);
        w->items = memcpy(items + i * o.items, scratch.items, o.items * sizeof *items);
        w->piece = say_random(2) == 0 ? o.items : pieces[say_random(3)];
        w->device = i;
        w->phone.fd = -1;
        w->arrival_us = w->due_us = start_us + us[i];
    }
    free(us);
}

/* ---- the command line ---- */

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", 1, NULL, 'p'}, {"seed", 1, NULL, 's'}, {"items", 1, NULL, 'i'}, {"back", 1, NULL, 'b'}, {"over", 1, NULL, 'o'},
        {"addresses", 1, NULL, 'a'}, {"ca", 1, NULL, 'C'}, {"devices", 1, NULL, 'D'}, {"ledger", 1, NULL, 'L'}, {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        uint64_t v = c == '?' ? 0 : strtoull(optarg, NULL, 10);
        switch (c) {
        case 'p': o.port = v; break;
        case 's': o.say.seed = v; break;
        case 'i': o.items = v; break;
        case 'b': o.say.back_s = (int64_t)v; break;
        case 'o': o.over = v; break;
        case 'a': o.addresses = v; break;
        case 'C': o.ca = optarg; break;
        case 'D': o.say.devices = optarg; break;
        case 'L': o.ledger = optarg; break;
        default: exit(2);
        }
    }
    if (o.port == 0 || o.ca == NULL || o.say.devices == NULL || o.ledger == NULL || o.items - 1 >= ITEMS_MAX || o.over == 0 || o.addresses == 0)
        give_up("needs --port, --ca, --devices, --ledger, 1 to %d items", ITEMS_MAX);
}

static void set_up(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    tls = phone_tls(o.ca);
    to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)o.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        give_up("epoll: %s", strerror(errno));
}

static int by_lateness(const void *a, const void *b)
{
    int64_t x = ((const struct owner *)a)->arrival_us, y = ((const struct owner *)b)->arrival_us;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is killed leaves no load behind */
    signal(SIGPIPE, SIG_IGN);
    book_open(o.ledger);
    say_start(&o.say);
    set_up();
    make_owners();
    int64_t start_us = now_us();
    run();
    double seconds = (double)(now_us() - start_us) / 1e6;
    qsort(owners, owner_count, sizeof *owners, by_lateness);
    printf("seed %" PRIu64 ": %zu phones over %" PRIu64 " s, %" PRIu64 " acknowledged, %" PRIu64 " again, %" PRIu64 " refused in %.1f s; "
           "%" PRIu64 " connections, %zu at once at most, %" PRIu64 " shed, %" PRIu64 " without an answer, %" PRIu64
           " busy; until all of a queue was known: s p50 %.2f p99 %.2f max %.2f\n",
           o.say.seed, owner_count, o.over, numbers->acknowledged, numbers->again, numbers->refused, seconds, numbers->connections, open_most,
           shed, numbers->failures, numbers->busy, (double)owners[owner_count / 2].arrival_us / 1e6,
           (double)owners[owner_count * 99 / 100].arrival_us / 1e6, (double)owners[owner_count - 1].arrival_us / 1e6);
    return 0;
}
