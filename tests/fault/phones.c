/* A load client that keeps books: many phones, one loop, and a ledger (book.h) of what it sent and what it was told.
 *
 *   phones --seed N --port P --ca FILE --devices FILE --ledger FILE [options below]
 *
 * The schedule decides what is sent when: closed (each connection sends its next request when the last is answered) or open
 * (--rate check-ins a second, whether answers come or not; time waited then counts in the latency). The connections (phone.c)
 * deliver; the ledger (book.c) is on the disk before a request leaves, once a turn of the loop. What was not answered, or with
 * 429 or 5xx, is *unknown* and goes again with the same key, as phones do. --duplicates: percent of requests that repeat an
 * earlier check-in on purpose, each --times times at once. --fresh: percent of requests on a connection of their own.
 *
 * SIGTERM, or --count check-ins made up: nothing new; --leave percent of what is unknown stays so, the rest goes again until
 * it is known. The last line tells numbers and latency. SIGUSR1 stops new ones until the next SIGUSR1. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "book.h"
#include "phone.h"
#include "say.h"

#define RECENT 4096
#define ANSWER_S 40
#define PAUSE_US 20000 /* before an attempt after a failure */
#define SLOTS 512      /* of the latency histogram: 16 a power of two */

static struct {
    struct say_options say;
    uint64_t port, connections, duplicates, times, fresh, leave, rate, count;
    const char *ca, *ledger;
} o = {.say = {.seed = 1, .business = "100000000000001", .host = "127.0.0.1", .back_s = 20 * 3600, .lat_e7 = -25000000, .lon_e7 = 1203000000,
               .spread_e7 = 1000000, .array_max = 1,
               .weights = {[CHANNEL_NATIVE] = 80, [CHANNEL_OWNTRACKS] = 10, [CHANNEL_WHATSAPP] = 10}},
       .connections = 16, .times = 1};

static struct request *waiting, **waiting_end = &waiting; /* unknown ones, and duplicates: before anything new */
static struct item recent[RECENT];
static uint64_t recent_count, made;
static int64_t start_us, pause_until_us;
static uint64_t slots[SLOTS];
static volatile sig_atomic_t stopping, paused;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- latency ---- */

static void count_latency(int64_t us)
{
    uint64_t v = us < 1 ? 1 : (uint64_t)us;
    unsigned power = 63u - (unsigned)__builtin_clzll(v);
    uint64_t part = power >= 4 ? (v >> (power - 4)) & 15 : (v << (4 - power)) & 15;
    uint64_t slot = power * 16 + part;
    slots[slot < SLOTS ? slot : SLOTS - 1]++;
}

static double quantile_ms(double q)
{
    uint64_t sum = 0, seen = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        sum += slots[i];
    for (unsigned i = 0; i < SLOTS; i++) {
        seen += slots[i];
        if (sum > 0 && (double)seen >= q * (double)sum)
            return (double)(1ull << (i / 16)) * (1 + (i % 16 + 1) / 16.0) / 1000;
    }
    return 0;
}

/* ---- the schedule ---- */

static void push(struct request *r)
{
    r->next = NULL;
    *waiting_end = r;
    waiting_end = &r->next;
    numbers->unknown += r->count;
}

static struct request *take_waiting(void)
{
    struct request *r = waiting;
    waiting = r->next;
    if (waiting == NULL)
        waiting_end = &waiting;
    numbers->unknown -= r->count;
    return r;
}

static struct request *new_request(void)
{
    struct request *r = calloc(1, sizeof *r);
    if (r == NULL)
        give_up("out of memory");
    return r;
}

/* An earlier check-in again, by itself, as often as --times says. */
static void duplicate(void)
{
    struct item it = recent[say_random(recent_count < RECENT ? recent_count : RECENT)];
    for (uint64_t i = 0; i < o.times; i++) {
        struct request *r = new_request();
        r->items[0] = it;
        r->count = 1;
        r->due_us = now_us();
        push(r);
    }
}

static bool over(void)
{
    return stopping != 0 || (o.count > 0 && made >= o.count);
}

/* The next request that is due, or NULL. */
static struct request *next_request(int64_t at_us)
{
    int64_t due_us = at_us;
    if (waiting == NULL && recent_count > 0 && !over() && paused == 0 && say_random(100) < o.duplicates)
        duplicate();
    if (waiting != NULL && (at_us >= pause_until_us || over()))
        return take_waiting();
    if (over() || paused != 0)
        return NULL;
    if (o.rate > 0) {
        due_us = start_us + (int64_t)(made * 1000000 / o.rate);
        if (due_us > at_us)
            return NULL;
    }
    struct request *r = new_request();
    say_make(r, o.count > 0 ? o.count - made : ITEMS_MAX);
    r->due_us = due_us;
    made += r->count;
    for (size_t i = 0; i < r->count; i++)
        if (!r->items[i].bad)
            recent[recent_count++ % RECENT] = r->items[i];
    return r;
}

/* ---- delivering ---- */

static void give_work(struct phone *p, struct request *r, int64_t at_us)
{
    p->request = r;
    p->deadline_us = at_us + ANSWER_S * 1000000ll;
    p->once = say_random(100) < o.fresh;
    say_note(r);
    numbers->requests++;
    numbers->sent += r->count;
    numbers->in_flight += r->count;
}

static void take_back(struct phone *p)
{
    if (p->request == NULL)
        return;
    numbers->in_flight -= p->request->count;
    push(p->request);
    p->request = NULL;
    pause_until_us = now_us() + PAUSE_US;
}

static void on_answer(struct phone *p, const struct phone_answer *a)
{
    struct request *r = p->request;
    numbers->in_flight -= r->count;
    p->request = NULL;
    if (say_answered(r, a->status, a->body, a->len)) {
        count_latency(now_us() - r->due_us);
        free(r);
    } else {
        push(r);
        pause_until_us = now_us() + PAUSE_US;
    }
    if (a->close || p->once)
        phone_close(p);
}

static void go_on(struct phone *p, int epoll)
{
    struct phone_answer a;
    enum phone_outcome outcome = phone_go_on(p, epoll, &a);
    if (outcome == PHONE_ANSWERED) {
        on_answer(p, &a);
    } else if (outcome == PHONE_FAILED) {
        numbers->failures += p->request != NULL;
        take_back(p);
        phone_close(p);
    }
}

/* Idle connections get work, noted but not yet sent. */
static void assign(struct phone *phones, int epoll, SSL_CTX *tls, const struct sockaddr_in *to)
{
    int64_t at_us = now_us();
    for (uint64_t i = 0; i < o.connections; i++) {
        struct phone *p = &phones[i];
        if (p->request != NULL) {
            if (at_us > p->deadline_us) {
                numbers->failures++;
                take_back(p);
                phone_close(p);
            }
            continue;
        }
        if (p->state == PHONE_CLOSED) {
            if (at_us >= pause_until_us && !phone_connect(p, epoll, tls, to)) {
                phone_close(p);
                pause_until_us = at_us + PAUSE_US;
            }
        } else if (p->state == PHONE_IDLE) {
            struct request *r = next_request(at_us);
            if (r == NULL)
                return;
            give_work(p, r, at_us);
        }
    }
}

static void send_noted(struct phone *phones, int epoll)
{
    for (uint64_t i = 0; i < o.connections; i++) {
        struct phone *p = &phones[i];
        if (p->state != PHONE_IDLE || p->request == NULL)
            continue;
        buf_clear(&p->out);
        say_render(p->request, &p->out);
        phone_send(p);
        go_on(p, epoll);
    }
}

/* Of what is unknown some stays so: nobody asks again. */
static void leave_some(void)
{
    static bool done;
    if (done || !over() || o.leave == 0 || numbers->in_flight > 0)
        return;
    done = true;
    struct request *r = waiting;
    waiting = NULL;
    waiting_end = &waiting;
    numbers->unknown = 0;
    for (struct request *next; r != NULL; r = next) {
        next = r->next;
        if (say_random(100) < o.leave)
            free(r);
        else
            push(r);
    }
}

static void run(struct phone *phones, int epoll, SSL_CTX *tls, const struct sockaddr_in *to)
{
    struct epoll_event events[256];
    while (!over() || waiting != NULL || numbers->in_flight > 0) {
        leave_some();
        assign(phones, epoll, tls, to);
        book_sync(); /* before a request leaves */
        send_noted(phones, epoll);
        int n = epoll_wait(epoll, events, 256, o.rate > 0 ? 1 : 10);
        for (int i = 0; i < n; i++)
            go_on(events[i].data.ptr, epoll);
    }
    book_sync();
}

/* ---- the command line ---- */

static void on_signal(int sig)
{
    if (sig == SIGUSR1)
        paused = !paused;
    else
        stopping = 1;
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", 1, NULL, 'p'}, {"connections", 1, NULL, 'c'}, {"duplicates", 1, NULL, 'd'}, {"times", 1, NULL, 't'}, {"fresh", 1, NULL, 'f'},
        {"leave", 1, NULL, 'l'}, {"rate", 1, NULL, 'r'}, {"count", 1, NULL, 'n'}, {"seed", 1, NULL, 's'}, {"array", 1, NULL, 'a'},
        {"bad", 1, NULL, 'b'}, {"native", 1, NULL, '1'}, {"owntracks", 1, NULL, '2'}, {"whatsapp", 1, NULL, '4'}, {"ca", 1, NULL, 'C'},
        {"devices", 1, NULL, 'D'}, {"ledger", 1, NULL, 'L'}, {"app-secret", 1, NULL, 'S'}, {"back", 1, NULL, 'B'}, {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        uint64_t v = c == '?' ? 0 : strtoull(optarg, NULL, 10);
        switch (c) {
        case 'p': o.port = v; break;
        case 'c': o.connections = v; break;
        case 'd': o.duplicates = v; break;
        case 't': o.times = v; break;
        case 'f': o.fresh = v; break;
        case 'l': o.leave = v; break;
        case 'r': o.rate = v; break;
        case 'n': o.count = v; break;
        case 's': o.say.seed = v; break;
        case 'a': o.say.array_max = v; break;
        case 'b': o.say.bad = v; break;
        case 'B': o.say.back_s = (int64_t)v; break;
        case '1': case '2': case '4': o.say.weights[c - '0'] = v; break;
        case 'C': o.ca = optarg; break;
        case 'D': o.say.devices = optarg; break;
        case 'L': o.ledger = optarg; break;
        case 'S': o.say.app_secret = optarg; break;
        default: exit(2);
        }
    }
    if (o.port == 0 || o.ca == NULL || o.say.devices == NULL || o.ledger == NULL || o.connections == 0 || o.say.array_max - 1 >= ITEMS_MAX)
        give_up("needs --port, --ca, --devices, --ledger, at least one connection, arrays of 1 to %d", ITEMS_MAX);
    if (o.say.app_secret == NULL)
        o.say.weights[CHANNEL_WHATSAPP] = 0;
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is killed leaves no load behind */
    signal(SIGPIPE, SIG_IGN);
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGUSR1, &act, NULL);
    SSL_CTX *tls = phone_tls(o.ca);
    book_open(o.ledger);
    say_start(&o.say);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct phone *phones = calloc(o.connections, sizeof *phones);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (phones == NULL || epoll < 0)
        give_up("out of memory");
    for (uint64_t i = 0; i < o.connections; i++)
        phones[i].fd = -1;
    start_us = now_us();
    run(phones, epoll, tls, &to);
    double seconds = (double)(now_us() - start_us) / 1e6;
    printf("seed %" PRIu64 ": %" PRIu64 " requests, %" PRIu64 " check-ins sent, %" PRIu64 " acknowledged, %" PRIu64 " again, %" PRIu64
           " refused, %" PRIu64 " failures, %" PRIu64 " busy in %.1f s (%.0f/s); ms p50 %.1f p99 %.1f p99.9 %.1f\n",
           o.say.seed, numbers->requests, numbers->sent, numbers->acknowledged, numbers->again, numbers->refused, numbers->failures,
           numbers->busy, seconds, (double)numbers->acknowledged / seconds, quantile_ms(0.5), quantile_ms(0.99), quantile_ms(0.999));
    for (uint64_t i = 0; i < o.connections; i++)
        phone_close(&phones[i]);
    free(phones);
    SSL_CTX_free(tls);
    close(epoll);
    return 0;
}
