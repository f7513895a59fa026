/* What the phones say: check-ins made up from a seed, requests that carry them, answers read back. No sockets here. */
#ifndef FAULT_SAY_H
#define FAULT_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "terms.h"

#define ITEMS_MAX 100 /* of one request */

/* One enrolled device: a line "CHANNEL DEVICE SECRET" of the phones' file; secret: the token, WhatsApp: the number. */
struct device {
    enum channel channel;
    int64_t id;
    char secret[80];
};

/* One check-in; kept until it is known. */
struct item {
    uint8_t key[16], hash[32];
    const struct device *device;
    int64_t claimed_s;
    int32_t lat_e7, lon_e7;
    bool bad; /* made to be refused: a latitude of 95 degrees, a wrong token, a wrong signature */
};

struct request {
    struct item items[ITEMS_MAX];
    size_t count; /* all of one channel; of one device, but for WhatsApp */
    bool array;
    int64_t due_us; /* when the schedule wanted it sent */
    struct request *next;
};

struct say_options {
    uint64_t seed;
    const char *devices, *app_secret, *business, *host;
    int64_t back_s;      /* claimed times lie between that and now */
    int32_t lat_e7, lon_e7; /* the corner in the north-west of where they are … */
    uint64_t spread_e7;     /* … and how far it reaches south and east */
    uint64_t array_max;  /* items of an array; 1: none */
    uint64_t bad;        /* percent of requests that are made to be refused */
    uint64_t weights[CHANNEL_MAX + 1];
};

void say_start(const struct say_options *options);
/* The next of the seed's numbers, below n. */
uint64_t say_random(uint64_t n);
/* Makes up a request of at most `most` check-ins. */
void say_make(struct request *ret, uint64_t most);
/* How many devices there are of a channel; a request of one of them, with so many
 * check-ins, oldest first, evenly over back_s; none of them bad. */
size_t say_devices(enum channel c);
void say_make_of(struct request *ret, enum channel c, size_t device, size_t count);
/* Notes every item as sent. */
void say_note(const struct request *r);
/* The request's bytes, head and body. */
void say_render(const struct request *r, struct buf *out);
/* Notes what was answered. What stays unknown (a passing trouble) remains in r; true when nothing does. */
bool say_answered(struct request *r, int status, const char *body, size_t len);

#endif
