/* The words of the field: enumerations that the wire, the spool and the database share, with their names.
 * Values are stored in spools and sent between processes: never renumber. Names are what JSON, CSV and SQL carry. */
#ifndef HADIR_TERMS_H
#define HADIR_TERMS_H

#include <stdbool.h>
#include <stdint.h>

enum channel { CHANNEL_NATIVE = 1, CHANNEL_OWNTRACKS = 2, CHANNEL_OSMAND = 3, CHANNEL_WHATSAPP = 4 };
#define CHANNEL_MAX 4

/* Verdict on the time of a check-in. PENDING: no plan was at hand; derivation decides later. */
enum verdict {
    VERDICT_PENDING = 0,
    VERDICT_ON_TIME = 1,
    VERDICT_LATE = 2,
    VERDICT_EARLY = 3,
    VERDICT_OUTSIDE_WINDOW = 4,
    VERDICT_NOT_EXPECTED = 5
};

/* Relation of a point to a fence, accuracy considered. NONE: no fence was asked about. */
enum relation { RELATION_NONE = 0, RELATION_INSIDE = 1, RELATION_OUTSIDE = 2, RELATION_UNCERTAIN = 3 };

/* What a session counts as: an arrival, a departure, or plain presence. */
enum counts_as { COUNTS_AS_IN = 1, COUNTS_AS_OUT = 2, COUNTS_AS_PRESENCE = 3 };

/* Place class: office, home, anywhere, duty travel (dinas luar). NONE: no place class of the plan applies. */
enum place { PLACE_NONE = 0, PLACE_WFO = 1, PLACE_WFH = 2, PLACE_WFA = 3, PLACE_DL = 4 };

enum fence_kind { FENCE_OFFICE = 1, FENCE_SITE = 2, FENCE_HOME = 3, FENCE_AREA = 4 };

/* Which of the three times decides lateness. */
enum time_source { TIME_FIX = 1, TIME_MESSAGE = 2, TIME_ARRIVAL = 3 };

/* What our own clock was worth at the moment of stamping. SIMULATED: moved by `hadir clock`, demonstrations only. */
enum clock_state { CLOCK_SYNCHRONISED = 1, CLOCK_UNSYNCHRONISED = 2, CLOCK_SIMULATED = 3 };

/* What the ledger says of one item. */
enum item_status {
    ITEM_ACCEPTED = 1,  /* new, durable */
    ITEM_DUPLICATE = 2, /* same key, same body: the first receipt again */
    ITEM_CONFLICT = 3,  /* same key, another body */
    ITEM_DROPPED = 4    /* automatic position whose slot is taken by a better one */
};

/* Flags of a check-in: facts that a human decision may want to see. Bits of fact.flags. */
enum flag {
    FLAG_ACCURACY_UNKNOWN = 1u << 0,
    FLAG_INACCURATE = 1u << 1,       /* reported accuracy above the policy's cap */
    FLAG_MOCK = 1u << 2,             /* the phone says the position is simulated */
    FLAG_PICKED_PLACE = 1u << 3,     /* WhatsApp: a place chosen on the map, not the current position */
    FLAG_FORWARDED = 1u << 4,        /* WhatsApp: forwarded message */
    FLAG_DEVICE_CLOCK = 1u << 5,     /* judged by the phone's uncorrected clock */
    FLAG_LATE_DELIVERY = 1u << 6,    /* arrived more than 5 minutes after it was made */
    FLAG_SESSION_DIFFERS = 1u << 7,  /* the client named another session than the time says */
    FLAG_CLOCK_UNSYNCHRONISED = 1u << 8, /* our own clock was not synchronised at arrival */
    FLAG_CLOCK_SIMULATED = 1u << 9,
    FLAG_FUTURE_FIX = 1u << 10,      /* claimed time ahead of ours by more than a minute */
    FLAG_STALE_FIX = 1u << 11,       /* fix older than 24 h, or without usable sent_at: judged by arrival */
    FLAG_UNCERTAIN_PLACE = 1u << 12, /* relation was uncertain and counted as inside */
    FLAG_AUTOMATIC = 1u << 13        /* position sent by tracking, not by the person */
};
#define FLAG_COUNT 14

/* The word for a value as JSON, CSV and SQL write it; "" for a value out of range. Static storage. */
const char *channel_name(enum channel v);
const char *verdict_name(enum verdict v);
const char *relation_name(enum relation v);
const char *counts_as_name(enum counts_as v); /* in out presence */
const char *place_name(enum place v);         /* WFO WFH WFA DL, "" for none */
const char *fence_kind_name(enum fence_kind v);
const char *time_source_name(enum time_source v); /* fix message arrival */
const char *clock_state_name(enum clock_state v);
const char *item_status_name(enum item_status v);
const char *flag_name(unsigned bit); /* bit number 0 .. FLAG_COUNT-1 */

/* The value for a word; false when the word is unknown, *ret untouched. */
bool channel_from_name(const char *name, enum channel *ret);
bool place_from_name(const char *name, enum place *ret);
bool fence_kind_from_name(const char *name, enum fence_kind *ret);
bool counts_as_from_name(const char *name, enum counts_as *ret);
bool time_source_from_name(const char *name, enum time_source *ret);

#endif
