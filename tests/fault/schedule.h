/* When phones come: instants in microseconds from the start, sorted, from a seed. */
#ifndef FAULT_SCHEDULE_H
#define FAULT_SCHEDULE_H

#include <stdint.h>

struct schedule_options {
    uint64_t seed;
    uint64_t rate, seconds; /* people 0: so many a second (Poisson: each comes by itself), for so long */
    /* A morning: half of the people in the last five of so many minutes, the others before that, more and more of them. seconds: it
     * is played in so many (0: as long as it is). */
    uint64_t people, minutes;
    uint64_t burst; /* percent of the people who were offline: by the hundred they come within a second of one instant */
};

/* How many; *ret_us is the caller's to free. Ends the program when memory is short. */
uint64_t schedule_make(const struct schedule_options *options, int64_t **ret_us);

#endif
