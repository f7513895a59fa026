/* What must hold of every fact that a codec lets through, since behind the spool nothing can be refused any more. */
#ifndef HADIR_FUZZ_FACT_H
#define HADIR_FUZZ_FACT_H

#include "fuzz.h"

#include <math.h>

#include "codec.h"
#include "fact.h"
#include "utf8.h"
#include "wall.h"

static const struct codec_bounds fuzz_bounds = {
    .now_us = INT64_C(1766963405000000), .past_us = 60 * 86400 * US_PER_S, .future_us = 86400 * US_PER_S};

static inline void fuzz_text(struct text t, size_t max)
{
    MUST(t.s != NULL || t.len == 0);
    MUST(t.len <= max && utf8_valid(t.s, t.len));
}

static inline void fuzz_time(int64_t us)
{
    MUST(us == TIME_ABSENT || (us >= fuzz_bounds.now_us - fuzz_bounds.past_us &&
                               us <= fuzz_bounds.now_us + fuzz_bounds.future_us));
}

static inline void fuzz_fact(struct fact *f)
{
    struct buf b;
    struct fact again;
    MUST(isfinite(f->lat_deg) && fabs(f->lat_deg) <= 90 && isfinite(f->lon_deg) && fabs(f->lon_deg) <= 180);
    MUST(f->lat_deg < 0 || f->lat_deg > 0 || f->lon_deg < 0 || f->lon_deg > 0);
    MUST(!f->has_accuracy || (f->accuracy_m > 0 && f->accuracy_m <= 100000));
    MUST(f->has_accuracy == ((f->flags & FLAG_ACCURACY_UNKNOWN) == 0));
    MUST(!f->has_altitude || isfinite(f->altitude_m));
    fuzz_time(f->fix_us);
    fuzz_time(f->message_us);
    fuzz_time(f->sent_us);
    MUST(f->fix_us != TIME_ABSENT || f->message_us != TIME_ABSENT);
    fuzz_text(f->note, FACT_NOTE_MAX);
    fuzz_text(f->raw, FACT_RAW_MAX);
    fuzz_text(f->session_claimed, 64);
    fuzz_text(f->external_id, 512);
    fuzz_text(f->sender, 160);
    fuzz_text(f->sender_user_id, 160);
    codec_key(f);
    f->clock_state = CLOCK_SYNCHRONISED;
    f->decided_by = TIME_ARRIVAL;
    f->received_us = f->decided_us = fuzz_bounds.now_us;
    f->government = f->person = f->device = 1;
    f->sender = f->sender_user_id = (struct text){0};
    f->flags |= f->automatic ? FLAG_AUTOMATIC : 0;
    codec_key(f);
    MUST(codec_doubt(f) == DOUBT_NONE); /* neither the door nor the ledger takes it for forged */
    buf_init(&b, 1u << 16);
    MUST(fact_encode(f, &b) && fact_decode(b.data, b.len, &again));
    buf_fini(&b);
}

static inline void fuzz_fault(const struct codec_error *e)
{
    char message[256];
    MUST(e->fault != FAULT_NONE && memchr(e->field, 0, sizeof e->field) != NULL);
    codec_fault_message(e->fault, e->field, "id", message, sizeof message);
    MUST(message[0] != '\0' && codec_fault_code(e->fault)[0] != '\0');
}

#endif
