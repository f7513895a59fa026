/* Facts for the ledger's tests: plainly artificial, complete, told apart by a number. */
#ifndef HADIR_TEST_LEDGER_FIXTURE_H
#define HADIR_TEST_LEDGER_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "fact.h"
#include "wall.h"

#define FIXTURE_AT_US INT64_C(1766963400123456) /* 2025-12-28T23:10:00.123456Z */

static inline struct text fixture_text(const char *s)
{
    return (struct text){s, strlen(s)};
}

static inline void fixture_fact(struct fact *f, int64_t device, unsigned n)
{
    uint8_t hash[32];
    uint64_t seed[2] = {(uint64_t)device, n};
    digest_sha256(seed, sizeof seed, hash);
    memset(f, 0, sizeof *f);
    memcpy(f->id, hash, 16);
    memcpy(f->key, hash + 16, 16);
    digest_sha256(hash, sizeof hash, f->body_hash);
    memset(f->salt, 0x5a, sizeof f->salt);
    f->government = 1;
    f->person = 100 + device;
    f->device = device;
    f->channel = CHANNEL_NATIVE;
    f->fix_us = FIXTURE_AT_US - 2 * US_PER_S;
    f->message_us = TIME_ABSENT;
    f->sent_us = FIXTURE_AT_US - US_PER_S;
    f->received_us = FIXTURE_AT_US + n;
    f->clock_error_us = 900;
    f->clock_state = CLOCK_SYNCHRONISED;
    f->decided_us = FIXTURE_AT_US - US_PER_S + n; /* fix_us by our clock */
    f->decided_by = TIME_FIX;
    f->lat_deg = -2.5541234567;
    f->lon_deg = 120.32512345;
    f->has_accuracy = true;
    f->accuracy_m = 8.5;
    f->flags = FLAG_DEVICE_CLOCK | FLAG_MOCK;
    f->raw = fixture_text("{\"lat\":-2.55}");
    f->directory_epoch = 3;
    f->directory_number = 17;
    f->first = (struct judgement){.verdict = VERDICT_ON_TIME, .day = 20451, .session = 5,
                                  .session_code = fixture_text("pagi"), .session_label = fixture_text("Pagi"),
                                  .counts_as = COUNTS_AS_IN, .place = PLACE_WFO, .fence = 9,
                                  .fence_name = fixture_text("Kantor Contoh"), .relation = RELATION_INSIDE,
                                  .has_distance = true, .distance_m = -12.25};
    f->placements[0] = (struct placement){.fence = 9, .fence_version = 2, .relation = RELATION_INSIDE, .metres = -12.25};
    f->placement_count = 1;
}

#endif
