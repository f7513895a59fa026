/* The clients' messages, bytes to facts. Pure: no I/O, no clock, no directory; everything lives in the caller's arena.
 *
 * A codec fills of a struct fact only what the client said: channel, fix/message/sent times, position, accuracy,
 * flags (MOCK, PICKED_PLACE, FORWARDED, ACCURACY_UNKNOWN), automatic, note, session_claimed, external_id, raw, and the
 * idempotency material. Key and body hash are finished with codec_key() once the device is known.
 *
 * wire facts and their sources: PROTOCOL.md */
#ifndef HADIR_CODEC_H
#define HADIR_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "fact.h"

/* Why a message (or one item of it) is not a check-in. Codes are stable: problem+json `code`, metrics' reason. */
enum codec_fault {
    FAULT_NONE = 0,
    FAULT_NOT_JSON,       /* "not_json" */
    FAULT_TOO_DEEP,       /* "too_deep" */
    FAULT_TOO_MANY,       /* "too_many_items" */
    FAULT_TYPE,           /* "wrong_type" */
    FAULT_MISSING,        /* "missing_field" */
    FAULT_UNKNOWN_MEMBER, /* "unknown_member" (own API only) */
    FAULT_RANGE,          /* "out_of_range" */
    FAULT_NOT_FINITE,     /* "not_finite" */
    FAULT_NULL_ISLAND,    /* "both_zero" */
    FAULT_TIME_ZONE,      /* "time_without_zone" */
    FAULT_TIME_FORMAT,    /* "bad_time" */
    FAULT_TIME_RANGE,     /* "time_out_of_range" */
    FAULT_UUID,           /* "bad_uuid" */
    FAULT_TOO_LONG,       /* "too_long" */
    FAULT_CONTROL,        /* "control_character" (requests only) */
    FAULT_FORM,           /* "bad_form" */
    FAULT_MEMORY          /* "out_of_memory": our trouble: 503 */
};
const char *codec_fault_code(enum codec_fault fault);
/* Message for people, language "id" or "en", with the field's name in it. */
void codec_fault_message(enum codec_fault fault, const char *field, const char *language, char *dst, size_t cap);

struct codec_error {
    enum codec_fault fault;
    char field[64]; /* JSON pointer-like: "2/lat", "location/coords" */
};

#define CODEC_DAY_US INT64_C(86400000000)
#define CODEC_PAST_US (60 * CODEC_DAY_US)
#define CODEC_FUTURE_US CODEC_DAY_US
#define CODEC_FUTURE_UNSURE_US (200 * 366 * CODEC_DAY_US) /* while our own clock is not synchronised */

/* Claimed times are accepted from now − past to now + future, else FAULT_TIME_RANGE. */
struct codec_bounds {
    int64_t now_us;
    int64_t past_us;   /* e.g. 60 days */
    int64_t future_us; /* e.g. 24 h */
};

/* key for facts whose client gives none: first 128 bits of SHA-256(device, external id if any, fix time, lat, lon as
 * sent); native: the uuid already in f->key; WhatsApp: from the wamid. Body hash: SHA-256 of the decoded fact without
 * sent_at. Deterministic across restarts and machines. */
void codec_key(struct fact *f);

/* Why no honest door says this of a check-in; DOUBT_NONE: nothing speaks against it. f is complete: stamped, judged, keyed. */
enum codec_doubt { DOUBT_NONE, DOUBT_IDENTITY, DOUBT_TEXT, DOUBT_TIME, DOUBT_MEASURE, DOUBT_KEY };
enum codec_doubt codec_doubt(const struct fact *f);

/* ---- native: one object or an array of 1..100 ---- */
#define NATIVE_ITEMS_MAX 100
struct native_item {
    struct codec_error error; /* fault FAULT_NONE: fact is good */
    struct fact *fact;
    struct text uuid;         /* as sent, for the answer; absent if unreadable */
};
/* false: the whole body is unusable (*ret_error). */
bool native_decode(const uint8_t *body, size_t len, const struct codec_bounds *bounds, struct arena *arena,
                   struct native_item **ret_items, size_t *ret_count, bool *ret_was_array, struct codec_error *ret_error);

/* ---- requests around the rules: an object whose members SQL knows ---- */
/* Appends it to out; with a name, a member of that name comes first, and the body may not have one. value: the member's, as
 * JSON. out's bound counts (FAULT_TOO_LONG). */
bool object_decode(const uint8_t *body, size_t len, const char *name, struct text value, struct buf *out,
                   struct codec_error *ret_error);

/* ---- OwnTracks HTTP ---- */
enum owntracks_kind { OWNTRACKS_LOCATION, OWNTRACKS_OTHER, OWNTRACKS_EMPTY };
/* false: malformed (*ret_error). A location's fact->automatic is false only for t == "u". */
bool owntracks_decode(const uint8_t *body, size_t len, const struct codec_bounds *bounds, struct arena *arena,
                      enum owntracks_kind *ret_kind, struct fact **ret_fact, struct codec_error *ret_error);

/* ---- OsmAnd: query/form, or the JSON of Traccar Client ≥ 9 (chosen by content type and first byte) ---- */
/* *ret_device is the device id as sent (our token), also when the rest is malformed; absent when missing. JSON without
 * coords: *ret_fact NULL, true (nothing to place). */
bool osmand_decode(struct text query, struct text content_type, const uint8_t *body, size_t len,
                   const struct codec_bounds *bounds, struct arena *arena, struct text *ret_device,
                   struct fact **ret_fact, bool *ret_was_json, struct codec_error *ret_error);

/* ---- WhatsApp Cloud API ---- */
enum whatsapp_kind { WHATSAPP_LOCATION, WHATSAPP_TEXT, WHATSAPP_UNSUPPORTED, WHATSAPP_OTHER, WHATSAPP_STATUS,
                     WHATSAPP_SYSTEM, WHATSAPP_ERROR };
struct whatsapp_item {
    enum whatsapp_kind kind;
    struct codec_error error;      /* a malformed item; the others stand */
    struct text phone_number_id;   /* whose number received it */
    struct text from, from_user_id;
    struct text wamid;
    struct fact *fact;             /* locations; sender texts filled */
    struct text json;              /* statuses, system, errors: the element's compact JSON */
    struct text new_number, new_user_id; /* system: user_changed_number / user_changed_user_id */
};
#define WHATSAPP_BODY_MAX (3u << 20)
#define WHATSAPP_ITEMS_MAX 5000
/* signature: value of X-Hub-Signature-256 over the raw bytes. */
bool whatsapp_signature_ok(struct text signature, const void *app_secret, size_t secret_len, const uint8_t *body,
                           size_t len);
bool whatsapp_decode(const uint8_t *body, size_t len, const struct codec_bounds *bounds, struct arena *arena,
                     struct whatsapp_item **ret_items, size_t *ret_count, struct codec_error *ret_error);
/* GET handshake: mode subscribe and the right token give the challenge; absent text otherwise. */
struct text whatsapp_challenge(struct text query, struct arena *arena, const char *verify_token);

#endif
