/* What no honest door says of a check-in, as far as the fact itself shows it.
 *
 * Place in the flow: the door asks before it sends a fact, the ledger before it takes one: a door that was taken over, or is
 * broken, is believed no further than this. Shape, counts and ranges are fact.c's, the arrival is for the ledger's clock
 * (batch.c); here the parts of a fact are held against each other. Whether that device is that person's only the directory
 * knows. Pure; no threads. */
#include <string.h>

#include "codec_private.h"
#include "utf8.h"
#include "wall.h"

#define AHEAD_US (60 * US_PER_S)         /* as directory/time.c: later than that a claim does not decide */
#define FIX_AGE_MAX_US CODEC_DAY_US      /* there, too */

static bool is_identified(const struct fact *f)
{
    bool named = f->sender.s != NULL || f->sender_user_id.s != NULL;
    if (f->government <= 0 || f->directory_epoch < 0 || f->directory_number < 0)
        return false;
    return f->device > 0 ? f->person > 0 && !named : f->device == 0 && f->person == 0 && f->channel == CHANNEL_WHATSAPP && named;
}

static bool is_text(const struct fact *f)
{
    const struct text texts[] = {f->note, f->session_claimed, f->sender, f->sender_user_id, f->external_id, f->raw,
                                 f->first.session_code, f->first.session_label, f->first.fence_name};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!utf8_valid(texts[i].s, texts[i].len))
            return false;
    return true;
}

static bool is_claim(const struct fact *f, int64_t us)
{
    int64_t future_us = f->clock_state == CLOCK_UNSYNCHRONISED ? CODEC_FUTURE_UNSURE_US : CODEC_FUTURE_US;
    return us == TIME_ABSENT || (us >= f->received_us - CODEC_PAST_US && us <= f->received_us + future_us);
}

/* The deciding time is the one that it says it is. */
static bool is_decided(const struct fact *f)
{
    int64_t claimed_us = f->decided_by == TIME_FIX ? f->fix_us : f->message_us;
    if (f->decided_by == TIME_ARRIVAL)
        return f->decided_us == f->received_us;
    if (claimed_us == TIME_ABSENT)
        return false;
    if (f->decided_by == TIME_MESSAGE || f->channel != CHANNEL_NATIVE)
        return f->decided_us == claimed_us && claimed_us <= f->received_us + AHEAD_US;
    return f->sent_us != TIME_ABSENT && f->sent_us - f->fix_us >= 0 && f->sent_us - f->fix_us <= FIX_AGE_MAX_US &&
           f->decided_us == f->received_us - (f->sent_us - f->fix_us);
}

static bool is_timed(const struct fact *f)
{
    return (f->fix_us != TIME_ABSENT || f->message_us != TIME_ABSENT) && is_claim(f, f->fix_us) && is_claim(f, f->message_us) &&
           is_claim(f, f->sent_us) && is_decided(f);
}

static bool has_flag(const struct fact *f, enum flag flag)
{
    return (f->flags & flag) != 0;
}

static bool is_measured(const struct fact *f)
{
    return (f->lat_deg < 0 || f->lat_deg > 0 || f->lon_deg < 0 || f->lon_deg > 0) &&
           (!f->has_accuracy || (f->accuracy_m > 0 && f->accuracy_m <= ACCURACY_MAX_M)) &&
           has_flag(f, FLAG_ACCURACY_UNKNOWN) == !f->has_accuracy && has_flag(f, FLAG_AUTOMATIC) == f->automatic &&
           has_flag(f, FLAG_CLOCK_UNSYNCHRONISED) == (f->clock_state == CLOCK_UNSYNCHRONISED) &&
           has_flag(f, FLAG_CLOCK_SIMULATED) == (f->clock_state == CLOCK_SIMULATED);
}

static bool is_keyed(const struct fact *f)
{
    struct fact again = *f;
    codec_key(&again);
    return memcmp(again.key, f->key, sizeof f->key) == 0 && memcmp(again.body_hash, f->body_hash, sizeof f->body_hash) == 0;
}

enum codec_doubt codec_doubt(const struct fact *f)
{
    return !is_identified(f) ? DOUBT_IDENTITY
           : !is_text(f)     ? DOUBT_TEXT
           : !is_timed(f)    ? DOUBT_TIME
           : !is_measured(f) ? DOUBT_MEASURE
           : !is_keyed(f)    ? DOUBT_KEY
                             : DOUBT_NONE;
}
