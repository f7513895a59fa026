/* Idempotency key and body hash of a fact. Both are for ever: a phone may retry against another hadird, of another
 * release, on another machine, so each value goes in with a fixed width, big-endian, texts with presence and length.
 *
 *   key   native     the client's uuid, set by the codec
 *         whatsapp   SHA-256("wamid" ‖ wamid)
 *         others     SHA-256("hadir-key-v1\n" ‖ channel ‖ device ‖ external id ‖ fix ‖ lat ‖ lon)     first 16 bytes
 *   body  SHA-256("hadir-body-v1\n" ‖ channel ‖ fix ‖ message ‖ lat ‖ lon ‖ accuracy ‖ altitude ‖ flags ‖ automatic ‖
 *         note ‖ session ‖ external id)
 *
 * Not in the body: sent_at, which differs at each attempt; the sender's number, which Meta may leave out of a later
 * delivery; flags that a door adds. Pure; no threads. */
#include <string.h>

#include "codec.h"
#include "digest.h"

#define CLIENT_FLAGS (FLAG_ACCURACY_UNKNOWN | FLAG_MOCK | FLAG_PICKED_PLACE | FLAG_FORWARDED)
#define PACK_MAX 160
#define PARTS_MAX 8

/* Numbers are collected in `bytes`; a text is its head in `bytes` and a part of its own. */
struct pack {
    uint8_t bytes[PACK_MAX];
    size_t used, from; /* from: where the part in the making begins */
    struct digest_part parts[PARTS_MAX];
    size_t count;
};

static void put(struct pack *p, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++)
        p->bytes[p->used++] = (uint8_t)(v >> (8 * (width - 1 - i)));
}

static void put_real(struct pack *p, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put(p, bits, 8);
}

static void put_optional(struct pack *p, bool has, double v)
{
    put(p, has ? 1 : 0, 1);
    put_real(p, has ? v : 0.0);
}

static void flush(struct pack *p)
{
    if (p->used > p->from)
        p->parts[p->count++] = (struct digest_part){p->bytes + p->from, p->used - p->from};
    p->from = p->used;
}

static void put_text(struct pack *p, struct text t)
{
    put(p, t.s != NULL ? 1 : 0, 1);
    put(p, t.len, 4);
    flush(p);
    if (t.len > 0)
        p->parts[p->count++] = (struct digest_part){t.s, t.len};
}

static void put_label(struct pack *p, const char *label)
{
    for (; *label != '\0'; label++)
        p->bytes[p->used++] = (uint8_t)*label;
}

static void finish(struct pack *p, uint8_t ret[SHA256_BYTES])
{
    flush(p);
    digest_sha256_parts(p->parts, p->count, ret);
}

static void body_hash(struct fact *f)
{
    struct pack p = {.used = 0};
    put_label(&p, "hadir-body-v1\n");
    put(&p, (uint64_t)f->channel, 1);
    put(&p, (uint64_t)f->fix_us, 8);
    put(&p, (uint64_t)f->message_us, 8);
    put_real(&p, f->lat_deg);
    put_real(&p, f->lon_deg);
    put_optional(&p, f->has_accuracy, f->accuracy_m);
    put_optional(&p, f->has_altitude, f->altitude_m);
    put(&p, f->flags & CLIENT_FLAGS, 4);
    put(&p, f->automatic ? 1 : 0, 1);
    put_text(&p, f->note);
    put_text(&p, f->session_claimed);
    put_text(&p, f->external_id);
    finish(&p, f->body_hash);
}

void codec_key(struct fact *f)
{
    uint8_t hash[SHA256_BYTES];
    struct pack p = {.used = 0};
    body_hash(f);
    if (f->channel == CHANNEL_NATIVE)
        return;
    if (f->channel == CHANNEL_WHATSAPP) {
        struct digest_part parts[] = {{"wamid", 5}, {f->external_id.s, f->external_id.len}};
        digest_sha256_parts(parts, 2, hash);
    } else {
        put_label(&p, "hadir-key-v1\n");
        put(&p, (uint64_t)f->channel, 1);
        put(&p, (uint64_t)f->device, 8);
        put_text(&p, f->external_id);
        put(&p, (uint64_t)f->fix_us, 8);
        put_real(&p, f->lat_deg);
        put_real(&p, f->lon_deg);
        finish(&p, hash);
    }
    memcpy(f->key, hash, FACT_KEY_BYTES);
}
