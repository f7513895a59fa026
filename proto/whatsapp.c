/* The WhatsApp Cloud API webhook (protocols: PROTOCOL.md, "WhatsApp"): handshake, signature, envelope.
 *
 * Place in the flow: GET and POST /in/whatsapp. The door checks whatsapp_signature_ok() over the raw bytes first; only
 * then is anything parsed. One request may carry thousands of messages, statuses and errors of several numbers; each
 * becomes one item, in the order of the request, and a malformed one leaves the others alone.
 *
 * A location has no accuracy, no time of fix and no mock flag; its time is the message's (`timestamp`). A name,
 * address or url means a place picked on the map. The sender is known by number (`from`) and by user id
 * (`from_user_id`); each may be missing and is then looked up in `contacts` by the other.
 *
 * Pure; no threads. */
#include <stdio.h>
#include <string.h>

#include "codec_private.h"
#include "digest.h"
#include "http1.h"

#define WHATSAPP_DEPTH_MAX 32
#define CONTACTS_MAX 256 /* per change; bounds the search of each message's contact */
#define WAMID_MAX 512
#define SENDER_MAX 160   /* country code, dot, 128 characters; numbers are shorter */
#define NUMBER_ID_MAX 64
#define CHALLENGE_MAX 256
#define QUERY_PAIRS_MAX 16
#define JSON_MAX (32u << 20)

bool whatsapp_signature_ok(struct text signature, const void *app_secret, size_t secret_len, const uint8_t *body,
                           size_t len)
{
    static const char prefix[] = "sha256=";
    const size_t n = sizeof prefix - 1;
    uint8_t said[SHA256_BYTES], is[SHA256_BYTES];
    if (signature.s == NULL || signature.len != n + 2 * SHA256_BYTES || memcmp(signature.s, prefix, n) != 0 ||
        !decode_hex(signature.s + n, signature.len - n, said, sizeof said))
        return false;
    digest_hmac_sha256(app_secret, secret_len, body, len, is);
    return digest_equal(said, is, sizeof is);
}

/* ---- handshake ---- */

struct handshake {
    struct text mode, token, challenge;
};

static bool is_word(struct text t, const char *word)
{
    return t.s != NULL && t.len == strlen(word) && memcmp(t.s, word, t.len) == 0;
}

static bool on_pair(void *arg, struct text name, struct text value)
{
    struct handshake *h = arg;
    struct text *slot = is_word(name, "hub.mode")           ? &h->mode
                        : is_word(name, "hub.verify_token") ? &h->token
                        : is_word(name, "hub.challenge")    ? &h->challenge
                                                            : NULL;
    if (slot == NULL)
        return true;
    if (slot->s != NULL)
        return false;
    *slot = value;
    return true;
}

/* Compared by digest, so that neither length nor content of the secret shows in the time it takes. */
static bool same_secret(struct text t, const char *secret)
{
    uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
    digest_sha256(t.s, t.len, a);
    digest_sha256(secret, strlen(secret), b);
    return digest_equal(a, b, sizeof a);
}

/* The challenge is echoed as text/plain: only characters that no browser could take for anything else. */
static bool harmless(struct text t)
{
    if (t.s == NULL || t.len == 0 || t.len > CHALLENGE_MAX)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        char c = t.s[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
              c == '.' || c == '~'))
            return false;
    }
    return true;
}

struct text whatsapp_challenge(struct text query, struct arena *arena, const char *verify_token)
{
    struct handshake h = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    const struct text none = {NULL, 0};
    if (query.s == NULL || verify_token == NULL || verify_token[0] == '\0' ||
        !http1_pairs(query, arena, QUERY_PAIRS_MAX, on_pair, &h))
        return none;
    if (!is_word(h.mode, "subscribe") || h.token.s == NULL || !same_secret(h.token, verify_token) ||
        !harmless(h.challenge))
        return none;
    return h.challenge;
}

/* ---- envelope ---- */

struct walk {
    const struct codec_bounds *bounds;
    struct arena *arena;
    struct whatsapp_item *items; /* NULL while counting */
    size_t count;
    struct codec_error *error;
};

/* A short text of ours-to-keep; false only when memory is short. Too long counts as absent. */
static bool keep_text(struct walk *w, const json_value *object, const char *name, size_t max, struct text *ret)
{
    struct text t;
    if (!codec_may_string(object, name, &t) || t.len == 0 || t.len > max)
        return true;
    return codec_copy(w->arena, t, ret, w->error);
}

static bool keep_json(struct walk *w, const json_value *v, struct text *ret)
{
    struct buf b;
    buf_init(&b, JSON_MAX);
    bool ok = json_dump(v, &b) && !b.failed;
    ok = ok ? codec_copy(w->arena, (struct text){(const char *)b.data, b.len}, ret, w->error)
            : codec_fail(w->error, FAULT_MEMORY, "%s", "");
    buf_fini(&b);
    return ok;
}

/* The sender's other name: the contact that has the one we know supplies the one we lack. */
static bool fill_sender(struct walk *w, const json_value *contacts, struct whatsapp_item *item)
{
    bool lack_id = item->from_user_id.s == NULL, lack_number = item->from.s == NULL;
    if (lack_id == lack_number)
        return true;
    const char *have_name = lack_id ? "wa_id" : "user_id", *want_name = lack_id ? "user_id" : "wa_id";
    struct text have = lack_id ? item->from : item->from_user_id, t;
    size_t n = json_kind_of(contacts) == JSON_KIND_ARRAY ? json_count(contacts) : 0;
    for (size_t i = 0; i < n && i < CONTACTS_MAX; i++) {
        const json_value *contact = json_at(contacts, i);
        if (codec_may_string(contact, have_name, &t) && t.len == have.len && memcmp(t.s, have.s, t.len) == 0)
            return keep_text(w, contact, want_name, SENDER_MAX, lack_id ? &item->from_user_id : &item->from);
    }
    return true;
}

/* Epoch seconds, a string by the documentation. */
static bool message_time(const json_value *message, const struct codec_bounds *bounds, const char *at, int64_t *ret,
                         struct codec_error *e)
{
    const json_value *v = json_member(message, "timestamp");
    struct text t;
    double seconds = 0;
    int64_t us;
    enum codec_fault fault = FAULT_NONE;
    if (v == NULL)
        return codec_fail(e, FAULT_MISSING, "%stimestamp", at);
    if (json_get_string(v, &t))
        fault = codec_decimal(t, &seconds);
    else if (!json_get_real(v, &seconds))
        fault = FAULT_TYPE;
    if (fault == FAULT_NONE)
        fault = codec_time_number(seconds, 1, &us) ? codec_time_check(us, bounds) : FAULT_TIME_RANGE;
    if (fault != FAULT_NONE)
        return codec_fail(e, fault, "%stimestamp", at);
    *ret = us;
    return true;
}

static bool has_text(const json_value *object, const char *name)
{
    struct text t;
    return codec_may_string(object, name, &t) && t.len > 0;
}

static bool location_fact(struct walk *w, const json_value *message, const char *at, struct whatsapp_item *item,
                          struct fact *f)
{
    struct codec_error *e = &item->error;
    const json_value *location = json_member(message, "location"), *context = json_member(message, "context");
    char inner[48];
    double lat, lon;
    int which;
    snprintf(inner, sizeof inner, "%slocation/", at);
    if (location == NULL)
        return codec_fail(e, FAULT_MISSING, "%slocation", at);
    if (json_kind_of(location) != JSON_KIND_OBJECT)
        return codec_fail(e, FAULT_TYPE, "%slocation", at);
    if (item->wamid.s == NULL)
        return codec_fail(e, FAULT_MISSING, "%sid", at);
    if (item->from.s == NULL && item->from_user_id.s == NULL)
        return codec_fail(e, FAULT_MISSING, "%sfrom", at);
    if (!message_time(message, w->bounds, at, &f->message_us, e) ||
        !codec_need_number(location, inner, "latitude", &lat, e) ||
        !codec_need_number(location, inner, "longitude", &lon, e))
        return false;
    enum codec_fault fault = codec_position(lat, lon, f, &which);
    if (fault != FAULT_NONE)
        return codec_fail(e, fault, "%s%s", inner, which == 0 ? "latitude" : "longitude");
    f->flags |= FLAG_ACCURACY_UNKNOWN;
    if (has_text(location, "name") || has_text(location, "address") || has_text(location, "url"))
        f->flags |= FLAG_PICKED_PLACE;
    if (codec_is_true(context, "forwarded") || codec_is_true(context, "frequently_forwarded"))
        f->flags |= FLAG_FORWARDED;
    f->sender = item->from;
    f->sender_user_id = item->from_user_id;
    f->external_id = item->wamid;
    return codec_raw_json(w->arena, message, f, e);
}

static bool take_location(struct walk *w, const json_value *message, const char *at, struct whatsapp_item *item)
{
    struct fact *f = codec_fact(w->arena, CHANNEL_WHATSAPP);
    if (f == NULL)
        return codec_fail(w->error, FAULT_MEMORY, "%s", "");
    if (location_fact(w, message, at, item, f))
        item->fact = f;
    else if (item->error.fault == FAULT_MEMORY)
        return codec_fail(w->error, FAULT_MEMORY, "%s", "");
    return true;
}

/* A number or user id changed hands: the directory's binding must follow, by a person's decision. */
static bool take_system(struct walk *w, const json_value *message, struct whatsapp_item *item)
{
    const json_value *system = json_member(message, "system");
    return keep_json(w, message, &item->json) && keep_text(w, system, "wa_id", SENDER_MAX, &item->new_number) &&
           keep_text(w, system, "user_id", SENDER_MAX, &item->new_user_id);
}

static enum whatsapp_kind kind_of(struct text type)
{
    static const struct {
        const char *type;
        enum whatsapp_kind kind;
    } table[] = {{"location", WHATSAPP_LOCATION},
                 {"text", WHATSAPP_TEXT},
                 {"unsupported", WHATSAPP_UNSUPPORTED},
                 {"system", WHATSAPP_SYSTEM}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (is_word(type, table[i].type))
            return table[i].kind;
    return WHATSAPP_OTHER;
}

static bool take_message(struct walk *w, const json_value *message, const json_value *contacts, size_t index,
                         struct whatsapp_item *item)
{
    char at[32];
    struct text type;
    item->kind = WHATSAPP_OTHER;
    snprintf(at, sizeof at, "messages/%zu/", index);
    if (json_kind_of(message) != JSON_KIND_OBJECT) {
        codec_fail(&item->error, FAULT_TYPE, "messages/%zu", index);
        return true;
    }
    if (!codec_need_string(message, at, "type", &type, &item->error))
        return true;
    item->kind = kind_of(type);
    if (!keep_text(w, message, "id", WAMID_MAX, &item->wamid) ||
        !keep_text(w, message, "from", SENDER_MAX, &item->from) ||
        !keep_text(w, message, "from_user_id", SENDER_MAX, &item->from_user_id) || !fill_sender(w, contacts, item))
        return false;
    if (item->kind == WHATSAPP_LOCATION)
        return take_location(w, message, at, item);
    return item->kind != WHATSAPP_SYSTEM || take_system(w, message, item);
}

static struct whatsapp_item *next_item(struct walk *w, struct text phone_number_id)
{
    struct whatsapp_item *item = &w->items[w->count];
    item->phone_number_id = phone_number_id;
    return item;
}

/* One of the three arrays of a change's value. */
static bool take_array(struct walk *w, const json_value *value, const char *name, struct text phone_number_id)
{
    const json_value *array = json_member(value, name), *contacts = json_member(value, "contacts");
    size_t n = json_kind_of(array) == JSON_KIND_ARRAY ? json_count(array) : 0;
    bool messages = strcmp(name, "messages") == 0;
    for (size_t i = 0; i < n; i++, w->count++) {
        if (w->items == NULL)
            continue;
        struct whatsapp_item *item = next_item(w, phone_number_id);
        if (messages) {
            if (!take_message(w, json_at(array, i), contacts, i, item))
                return false;
            continue;
        }
        item->kind = strcmp(name, "statuses") == 0 ? WHATSAPP_STATUS : WHATSAPP_ERROR;
        if (!keep_text(w, json_at(array, i), "id", WAMID_MAX, &item->wamid) ||
            !keep_json(w, json_at(array, i), &item->json))
            return false;
    }
    return true;
}

static bool take_change(struct walk *w, const json_value *change)
{
    const json_value *value = json_member(change, "value");
    struct text field, phone_number_id = {NULL, 0};
    if (!codec_may_string(change, "field", &field) || !is_word(field, "messages"))
        return true;
    if (w->items != NULL &&
        !keep_text(w, json_member(value, "metadata"), "phone_number_id", NUMBER_ID_MAX, &phone_number_id))
        return false;
    return take_array(w, value, "messages", phone_number_id) && take_array(w, value, "statuses", phone_number_id) &&
           take_array(w, value, "errors", phone_number_id);
}

/* Walks the whole envelope: first to count, then to fill. */
static bool walk_entries(struct walk *w, const json_value *root)
{
    const json_value *entries = json_member(root, "entry");
    w->count = 0;
    for (size_t i = 0; i < json_count(entries); i++) {
        const json_value *changes = json_member(json_at(entries, i), "changes");
        size_t n = json_kind_of(changes) == JSON_KIND_ARRAY ? json_count(changes) : 0;
        for (size_t k = 0; k < n; k++)
            if (!take_change(w, json_at(changes, k)))
                return false;
    }
    return true;
}

static bool decode_root(const json_value *root, const struct codec_bounds *bounds, struct arena *arena,
                        struct whatsapp_item **ret_items, size_t *ret_count, struct codec_error *e)
{
    struct walk w = {bounds, arena, NULL, 0, e};
    struct text object;
    if (json_kind_of(root) != JSON_KIND_OBJECT)
        return codec_fail(e, FAULT_TYPE, "%s", "");
    if (!codec_need_string(root, "", "object", &object, e))
        return false;
    if (!is_word(object, "whatsapp_business_account"))
        return codec_fail(e, FAULT_TYPE, "object");
    const json_value *entries = json_member(root, "entry");
    if (entries == NULL || json_kind_of(entries) != JSON_KIND_ARRAY)
        return codec_fail(e, entries == NULL ? FAULT_MISSING : FAULT_TYPE, "entry");
    walk_entries(&w, root);
    if (w.count > WHATSAPP_ITEMS_MAX)
        return codec_fail(e, FAULT_TOO_MANY, "entry");
    w.items = arena_alloc(arena, (w.count + 1) * sizeof *w.items);
    if (w.items == NULL)
        return codec_fail(e, FAULT_MEMORY, "%s", "");
    if (!walk_entries(&w, root))
        return false;
    *ret_items = w.items;
    *ret_count = w.count;
    return true;
}

bool whatsapp_decode(const uint8_t *body, size_t len, const struct codec_bounds *bounds, struct arena *arena,
                     struct whatsapp_item **ret_items, size_t *ret_count, struct codec_error *ret_error)
{
    struct json_doc *doc = codec_parse_foreign(body, len, WHATSAPP_DEPTH_MAX, ret_error);
    if (doc == NULL)
        return false;
    bool ok = decode_root(json_root(doc), bounds, arena, ret_items, ret_count, ret_error);
    json_doc_free(doc);
    return ok;
}
