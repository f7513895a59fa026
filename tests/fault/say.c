/* What the phones say. A check-in's key and body hash are computed from what was made up, by the codecs' own codec_key: what
 * went over the wire and was decoded at the other end must come to the same. */
#include "say.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/hmac.h>

#include "book.h"
#include "codec.h"

#define BAD_LAT_E7 950000000

static struct say_options o;
static struct device *devices[CHANNEL_MAX + 1];
static size_t device_count[CHANNEL_MAX + 1];
static uint64_t state;

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t say_random(uint64_t n)
{
    return n == 0 ? 0 : next_random() % n;
}

static enum channel channel_of(const char *name)
{
    return strcmp(name, "native") == 0 ? CHANNEL_NATIVE : strcmp(name, "owntracks") == 0 ? CHANNEL_OWNTRACKS : CHANNEL_WHATSAPP;
}

void say_start(const struct say_options *options)
{
    char name[16], secret[80];
    int64_t id;
    o = *options;
    state = o.seed;
    FILE *f = fopen(o.devices, "re");
    if (f == NULL)
        give_up("%s cannot be read", o.devices);
    while (fscanf(f, "%15s %" SCNd64 " %79s", name, &id, secret) == 3) {
        enum channel c = channel_of(name);
        devices[c] = realloc(devices[c], (device_count[c] + 1) * sizeof **devices);
        if (devices[c] == NULL)
            give_up("out of memory");
        struct device *d = &devices[c][device_count[c]++];
        *d = (struct device){.channel = c, .id = id};
        memcpy(d->secret, secret, sizeof secret);
    }
    fclose(f);
}

/* ---- making up ---- */

static void format_e7(char dst[16], int32_t v)
{
    snprintf(dst, 16, "%.7f", v / 1e7);
}

static void hex(char *dst, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        snprintf(dst + 2 * i, 3, "%02x", bytes[i]);
}

/* Native ids are the key itself; the other channels' grow from the coordinates' randomness. */
static void external_id(const struct item *it, char dst[64])
{
    if (it->device->channel == CHANNEL_WHATSAPP)
        snprintf(dst, 64, "wamid.%" PRId64 ".%d.%d.%" PRId64, it->device->id, it->lat_e7, it->lon_e7, it->claimed_s);
    else
        snprintf(dst, 64, "%08x", (unsigned)(it->lat_e7 ^ it->lon_e7));
}

static double degrees(int32_t v)
{
    char text[16];
    format_e7(text, v);
    return strtod(text, NULL);
}

static void fill_hashes(struct item *it)
{
    char id[64];
    enum channel c = it->device->channel;
    struct fact f = {.channel = c, .device = it->device->id, .fix_us = TIME_ABSENT, .message_us = TIME_ABSENT};
    f.lat_deg = degrees(it->lat_e7);
    f.lon_deg = degrees(it->lon_e7);
    f.has_accuracy = c != CHANNEL_WHATSAPP;
    f.accuracy_m = f.has_accuracy ? 9 : 0;
    *(c == CHANNEL_WHATSAPP ? &f.message_us : &f.fix_us) = it->claimed_s * 1000000;
    if (c == CHANNEL_WHATSAPP)
        f.flags = FLAG_ACCURACY_UNKNOWN;
    if (c != CHANNEL_NATIVE) {
        external_id(it, id);
        f.external_id = (struct text){id, strlen(id)};
    }
    memcpy(f.key, it->key, sizeof f.key);
    codec_key(&f);
    memcpy(it->key, f.key, sizeof f.key);
    memcpy(it->hash, f.body_hash, sizeof f.body_hash);
}

static void make_item(struct item *it, const struct device *d, int64_t claimed_s, bool bad)
{
    uint64_t id[2] = {next_random(), next_random()};
    *it = (struct item){.device = d, .bad = bad};
    memcpy(it->key, id, sizeof it->key);
    it->key[6] = (uint8_t)((it->key[6] & 0x0f) | 0x40); /* a random uuid (RFC 9562) */
    it->key[8] = (uint8_t)((it->key[8] & 0x3f) | 0x80);
    it->claimed_s = claimed_s;
    it->lat_e7 = (int32_t)(o.lat_e7 - (int64_t)say_random(o.spread_e7));
    it->lon_e7 = (int32_t)(o.lon_e7 + (int64_t)say_random(o.spread_e7));
    if (bad && d->channel == CHANNEL_NATIVE)
        it->lat_e7 = BAD_LAT_E7;
    fill_hashes(it);
}

static enum channel pick_channel(void)
{
    uint64_t sum = 0;
    for (int c = 1; c <= CHANNEL_MAX; c++)
        sum += device_count[c] > 0 ? o.weights[c] : 0;
    uint64_t at = say_random(sum);
    for (int c = 1; c <= CHANNEL_MAX; c++) {
        uint64_t w = device_count[c] > 0 ? o.weights[c] : 0;
        if (at < w)
            return (enum channel)c;
        at -= w;
    }
    give_up("no device of any channel in %s", o.devices);
}

void say_make(struct request *ret, uint64_t most)
{
    enum channel c = pick_channel();
    uint64_t cap = o.array_max < most ? o.array_max : most;
    ret->count = c == CHANNEL_OWNTRACKS ? 1 : 1 + say_random(cap);
    ret->array = ret->count > 1;
    bool bad = say_random(100) < o.bad;
    uint64_t which = say_random(ret->count);
    const struct device *d = &devices[c][say_random(device_count[c])];
    for (size_t i = 0; i < ret->count; i++) {
        if (c == CHANNEL_WHATSAPP)
            d = &devices[c][say_random(device_count[c])];
        /* a bad one among an array's good ones; what is refused by token or signature is refused whole */
        make_item(&ret->items[i], d, (int64_t)time(NULL) - (int64_t)say_random((uint64_t)o.back_s + 1), bad && (c != CHANNEL_NATIVE || i == which));
    }
}

size_t say_devices(enum channel c)
{
    return device_count[c];
}

void say_make_of(struct request *ret, enum channel c, size_t device, size_t count)
{
    int64_t each_s = o.back_s / (int64_t)count, from_s = (int64_t)time(NULL) - o.back_s;
    ret->count = count;
    ret->array = count > 1;
    for (size_t i = 0; i < count; i++)
        make_item(&ret->items[i], &devices[c][device], from_s + each_s * (int64_t)i + (int64_t)say_random((uint64_t)each_s), false);
}

void say_note(const struct request *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct item *it = &r->items[i];
        char key[33], hash[65], lat[16], lon[16];
        hex(key, it->key, sizeof it->key);
        hex(hash, it->hash, sizeof it->hash);
        format_e7(lat, it->lat_e7);
        format_e7(lon, it->lon_e7);
        book_line("sent %s %d %" PRId64 " %s %" PRId64 "000000 %s %s %s\n", key, (int)it->device->channel, it->device->id, hash,
                  it->claimed_s, lat, lon, it->bad ? "bad" : "good");
    }
}

/* ---- requests ---- */

static void put_time(struct buf *out, int64_t at_s)
{
    struct tm tm;
    time_t t = (time_t)at_s;
    char text[32];
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    buf_printf(out, "%s", text);
}

static void put_native(struct buf *out, const struct item *it)
{
    char k[33], lat[16], lon[16];
    hex(k, it->key, sizeof it->key);
    format_e7(lat, it->lat_e7);
    format_e7(lon, it->lon_e7);
    buf_printf(out, "{\"id\":\"%.8s-%.4s-%.4s-%.4s-%.12s\",\"taken_at\":\"", k, k + 8, k + 12, k + 16, k + 20);
    put_time(out, it->claimed_s);
    buf_printf(out, "\",\"sent_at\":\"");
    put_time(out, (int64_t)time(NULL));
    buf_printf(out, "\",\"lat\":%s,\"lon\":%s,\"accuracy_m\":9}", lat, lon);
}

static void put_owntracks(struct buf *out, const struct item *it)
{
    char id[64], lat[16], lon[16];
    external_id(it, id);
    format_e7(lat, it->lat_e7);
    format_e7(lon, it->lon_e7);
    buf_printf(out, "{\"_type\":\"location\",\"lat\":%s,\"lon\":%s,\"tst\":%" PRId64 ",\"acc\":9,\"t\":\"u\",\"_id\":\"%s\"}", lat, lon,
               it->claimed_s, id);
}

static void put_whatsapp(struct buf *out, const struct item *it)
{
    char id[64], lat[16], lon[16];
    external_id(it, id);
    format_e7(lat, it->lat_e7);
    format_e7(lon, it->lon_e7);
    buf_printf(out, "{\"from\":\"%s\",\"id\":\"%s\",\"timestamp\":\"%" PRId64 "\",\"type\":\"location\",\"location\":{\"latitude\":%s,"
               "\"longitude\":%s}}", it->device->secret, id, it->claimed_s, lat, lon);
}

static void put_body(struct buf *out, const struct request *r)
{
    enum channel c = r->items[0].device->channel;
    void (*put)(struct buf *, const struct item *) = c == CHANNEL_NATIVE ? put_native : c == CHANNEL_OWNTRACKS ? put_owntracks : put_whatsapp;
    if (c == CHANNEL_WHATSAPP)
        buf_printf(out, "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{\"field\":\"messages\",\"value\":{"
                   "\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":\"6280000000000\",\"phone_number_id\":"
                   "\"%s\"},\"messages\":[", o.business);
    else if (r->array)
        buf_printf(out, "[");
    for (size_t i = 0; i < r->count; i++) {
        if (i > 0)
            buf_printf(out, ",");
        put(out, &r->items[i]);
    }
    if (c == CHANNEL_WHATSAPP)
        buf_printf(out, "]}}]}]}");
    else if (r->array)
        buf_printf(out, "]");
}

static void put_credential(struct buf *out, const struct request *r, const struct buf *body)
{
    const struct item *it = &r->items[0];
    char token[80], text[180];
    memcpy(token, it->device->secret, sizeof token);
    if (it->bad) /* another token of the same form */
        memset(token, token[0] == 'A' ? 'B' : 'A', strlen(token) - 1);
    if (it->device->channel == CHANNEL_NATIVE) { /* bad ones are bad in themselves */
        buf_printf(out, "Authorization: Bearer %s\r\n", it->device->secret);
    } else if (it->device->channel == CHANNEL_OWNTRACKS) {
        int len = snprintf(text, sizeof text, "p:%s", token);
        char encoded[260];
        EVP_EncodeBlock((unsigned char *)encoded, (unsigned char *)text, len);
        buf_printf(out, "Authorization: Basic %s\r\n", encoded);
    } else {
        uint8_t mac[32];
        char sum[65];
        HMAC(EVP_sha256(), o.app_secret, (int)strlen(o.app_secret), body->data, body->len, mac, NULL);
        mac[0] ^= it->bad ? 1 : 0;
        hex(sum, mac, sizeof mac);
        buf_printf(out, "X-Hub-Signature-256: sha256=%s\r\n", sum);
    }
}

void say_render(const struct request *r, struct buf *out)
{
    static const char *const paths[] = {[CHANNEL_NATIVE] = "/v1/checkins", [CHANNEL_OWNTRACKS] = "/in/owntracks", [CHANNEL_WHATSAPP] = "/in/whatsapp"};
    struct buf body;
    buf_init(&body, 1 << 20);
    put_body(&body, r);
    buf_printf(out, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
               paths[r->items[0].device->channel], o.host, body.len);
    put_credential(out, r, &body);
    buf_printf(out, "\r\n");
    buf_add(out, body.data, body.len);
    if (out->failed)
        give_up("a request is too large");
    buf_fini(&body);
}

/* ---- answers ---- */

/* The text between two marks behind *at, which moves on; NULL: not there. */
static const char *between(const char **at, const char *end, const char *from, const char *to, size_t *ret_len)
{
    const char *start = memmem(*at, (size_t)(end - *at), from, strlen(from));
    if (start == NULL)
        return NULL;
    start += strlen(from);
    const char *stop = memmem(start, (size_t)(end - start), to, strlen(to));
    if (stop == NULL)
        return NULL;
    *ret_len = (size_t)(stop - start);
    *at = stop;
    return start;
}

static void note_refused(const struct item *it, const char *why, size_t len)
{
    char key[33];
    hex(key, it->key, sizeof it->key);
    book_line("refused %s %.*s\n", key, (int)len, why);
    numbers->refused++;
}

/* One item of a native answer. false: the answer makes no sense, which is a defect of the service and ends the run. */
static bool read_native(const struct item *it, const char **at, const char *end)
{
    char key[33];
    size_t id_len, status_len, len;
    const char *id = NULL, *status, *p = *at;
    status = between(&p, end, "\"status\":\"", "\"", &status_len);
    if (status == NULL)
        return false;
    if (memcmp(status, "refused", 7) == 0 || memcmp(status, "conflict", 8) == 0) {
        (void)between(&p, end, "\"problem\":{", "}", &len);
        note_refused(it, status, status_len);
        *at = p;
        return true;
    }
    p = *at;
    id = between(&p, end, "\"checkin\":\"", "\"", &id_len);
    const char *receipt = between(&p, end, "\"receipt\":", ",\"coordinate_salt\"", &len);
    if (id == NULL || receipt == NULL)
        return false;
    hex(key, it->key, sizeof it->key);
    book_line("ack %s %.*s %.*s ", key, (int)id_len, id, (int)status_len, status);
    book_bytes(receipt, len);
    book_bytes("\n", 1);
    *(status_len == 9 && memcmp(status, "duplicate", 9) == 0 ? &numbers->again : &numbers->acknowledged) += 1;
    *at = p;
    return true;
}

static void read_plain(const struct item *it)
{
    char key[33];
    hex(key, it->key, sizeof it->key);
    book_line("ack %s - 200 -\n", key);
    numbers->acknowledged++;
}

bool say_answered(struct request *r, int status, const char *body, size_t len)
{
    const char *at = body, *end = body + len;
    if (status == 429 || status == 408 || status >= 500) {
        numbers->busy++;
        return false;
    }
    char word[80];
    size_t code_len = 0;
    const char *code = status == 200 ? NULL : between(&at, end, "\"code\":\"", "\"", &code_len);
    int word_len = snprintf(word, sizeof word, "%d %.*s", status, (int)(code_len < 60 ? code_len : 60), code != NULL ? code : "-");
    for (size_t i = 0; i < r->count; i++) {
        if (status != 200)
            note_refused(&r->items[i], word, (size_t)word_len);
        else if (r->items[i].device->channel != CHANNEL_NATIVE)
            read_plain(&r->items[i]);
        else if (!read_native(&r->items[i], &at, end))
            give_up("an answer that makes no sense: %.*s", (int)(len < 600 ? len : 600), body);
    }
    return true;
}
