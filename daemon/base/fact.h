/* A check-in as a fact, from the moment a door decoded it: what the client said, what we stamped, what the door
 * judged. Encoded once, kept in the spool as these bytes; SQL gets the same fields (ledger/row.c). */
#ifndef HADIR_FACT_H
#define HADIR_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "terms.h"

#define FACT_KEY_BYTES 16
#define FACT_HASH_BYTES 32
#define FACT_ID_BYTES 16
#define FACT_SALT_BYTES 16
#define FACT_PLACEMENTS_MAX 32
#define FACT_RAW_MAX 8192   /* bytes of the client's own message that are kept */
#define FACT_NOTE_MAX 500   /* bytes */
#define FACT_TEXT_MAX 1024  /* bytes of every other text */
#define TIME_ABSENT INT64_MIN

struct placement {
    int64_t fence;
    int32_t fence_version;
    enum relation relation;
    double metres; /* signed distance to the boundary: negative inside, positive outside */
};

/* The provisional verdict a door gives from the directory; the receipt signs the first one. */
struct judgement {
    enum verdict verdict;
    int32_t day;          /* local day, days since 1970-01-01; INT32_MIN when no plan covers the time */
    int64_t session;      /* id in the plan; 0 none */
    struct text session_code;  /* e.g. "pagi"; absent when none */
    struct text session_label; /* e.g. "Pagi" */
    enum counts_as counts_as;  /* 0 when no session */
    int32_t late_minutes;
    int32_t early_minutes;
    enum place place;
    int64_t fence;        /* the fence the answer speaks of; 0 none */
    struct text fence_name;
    enum relation relation;
    bool has_distance;
    double distance_m;    /* to that fence, signed as in placement */
};

struct fact {
    uint8_t id[FACT_ID_BYTES]; /* uuid_timed: when it came, and random; names the check-in everywhere */
    int64_t government, person, device; /* 0 when unattributed */
    enum channel channel;
    uint8_t key[FACT_KEY_BYTES];        /* idempotency key, unique per device (unattributed: per sender) */
    uint8_t body_hash[FACT_HASH_BYTES]; /* of the decoded fact without sent_at */
    uint8_t salt[FACT_SALT_BYTES];      /* hides the coordinates in the receipt's leaf */

    int64_t fix_us, message_us, sent_us; /* claimed; TIME_ABSENT when not said */
    int64_t received_us;                 /* ours */
    uint32_t clock_error_us;
    enum clock_state clock_state;
    int64_t clock_offset_us;             /* simulated offset in force; 0 otherwise */
    int64_t decided_us;                  /* the time that judges */
    enum time_source decided_by;

    double lat_deg, lon_deg;
    bool has_accuracy, has_altitude;
    double accuracy_m, altitude_m;
    uint32_t flags; /* enum flag */
    bool automatic;

    struct text note;            /* UTF-8 ≤ FACT_NOTE_MAX */
    struct text session_claimed; /* what the client called the session; evidence only */
    struct text sender;          /* WhatsApp number or user id, for unattributed only */
    struct text sender_user_id;  /* WhatsApp user id, for unattributed only */
    struct text external_id;     /* wamid, OwnTracks _id, as sent */
    struct text raw;             /* the client's own message, cut at FACT_RAW_MAX */

    int64_t directory_epoch, directory_number; /* by which it was judged; 0 = none */
    struct judgement first;
    struct placement placements[FACT_PLACEMENTS_MAX];
    size_t placement_count;
};

/* Appends the encoded fact (version byte first). false when the buffer's bound is reached, or when a field is out of
 * the range that fact_decode checks (then out is unchanged): what is kept can always be read back. */
bool fact_encode(const struct fact *f, struct buf *out);
/* Texts borrow from bytes. false on any malformed, out-of-range or trailing byte. */
bool fact_decode(const void *bytes, size_t len, struct fact *ret);

#endif
