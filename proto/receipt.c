/* Receipts, the writing side.
 *
 * Place in the flow: the ledger takes receipt_leaf() at append, signs the group's root, and writes receipt_json() into
 * the answer; `hadir receipt` writes the same bytes from stored columns for ever after (receipt_row.c).
 *
 * The fact text is RECEIPT_FACT_LABEL and these lines, in this order, each name=value LF:
 *   id government person device channel fix_at message_at sent_at received_at clock clock_error_us clock_offset_us
 *   decided_at decided_by automatic flags coordinates_sha256
 * and the verdict, which is the first one, as the door gave it:
 *   verdict day session counts_as late_minutes early_minutes place fence relation
 *
 * Invariants
 * - Every line can be written again from columns that are kept for ever. So accuracy, metres, note, raw text and the
 *   client's key are not in it: they are erased, or would let somebody guess the place.
 * - Values are canonical: one value, one text. Nothing of a client's text appears; the session's code, which an
 *   administrator chose, is escaped.
 * - The JSON carries each value exactly as the text does (also numbers, as strings), so that jq or ten lines of any
 *   language rebuild the text; see PROTOCOL.md, "Receipts".
 *
 * It keeps no key and signs nothing. No threads. */
#include "receipt.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "receipt_lines.h"
#include "wall.h"

#define VALUE_MAX 512
#define CODE_BYTES_MAX 100 /* of a session's code; more is cut, the same way each time */
#define SIGNED_LABEL "hadir-group-v1\n"

const struct line receipt_fact_lines[FACT_LINES] = {
    [FACT_ID] = {"id", LINE_UUID, false},
    [FACT_GOVERNMENT] = {"government", LINE_COUNT, false},
    [FACT_PERSON] = {"person", LINE_COUNT, false},
    [FACT_DEVICE] = {"device", LINE_COUNT, false},
    [FACT_CHANNEL] = {"channel", LINE_WORD, false},
    [FACT_FIX_AT] = {"fix_at", LINE_TIME, true},
    [FACT_MESSAGE_AT] = {"message_at", LINE_TIME, true},
    [FACT_SENT_AT] = {"sent_at", LINE_TIME, true},
    [FACT_RECEIVED_AT] = {"received_at", LINE_TIME, false},
    [FACT_CLOCK] = {"clock", LINE_WORD, false},
    [FACT_CLOCK_ERROR_US] = {"clock_error_us", LINE_COUNT, true},
    [FACT_CLOCK_OFFSET_US] = {"clock_offset_us", LINE_NUMBER, false},
    [FACT_DECIDED_AT] = {"decided_at", LINE_TIME, true},
    [FACT_DECIDED_BY] = {"decided_by", LINE_WORD, true},
    [FACT_AUTOMATIC] = {"automatic", LINE_WORD, false},
    [FACT_FLAGS] = {"flags", LINE_WORDS, true},
    [FACT_COORDINATES] = {"coordinates_sha256", LINE_HASH, false},
};
const struct line receipt_verdict_lines[VERDICT_LINES] = {
    [VERDICT_LINE_VERDICT] = {"verdict", LINE_WORD, false},
    [VERDICT_LINE_DAY] = {"day", LINE_DATE, true},
    [VERDICT_LINE_SESSION] = {"session", LINE_ESCAPED, true},
    [VERDICT_LINE_COUNTS_AS] = {"counts_as", LINE_WORD, true},
    [VERDICT_LINE_LATE] = {"late_minutes", LINE_NUMBER, false},
    [VERDICT_LINE_EARLY] = {"early_minutes", LINE_NUMBER, false},
    [VERDICT_LINE_PLACE] = {"place", LINE_WORD, true},
    [VERDICT_LINE_FENCE] = {"fence", LINE_COUNT, true},
    [VERDICT_LINE_RELATION] = {"relation", LINE_WORD, false},
};

/* Values are the greater part of what the ledger does for a check-in but for the disk: no printf where every one has some. Each
 * of these writes a value and returns its length; VALUE_MAX bytes are at dst. */
static size_t put_word(char *dst, const char *word)
{
    if (word[0] == '\0')
        word = "-";
    size_t n = strlen(word);
    memcpy(dst, word, n);
    return n;
}

/* Always six digits, unlike the times of answers: one instant, one text. */
static size_t put_time(char *dst, int64_t us)
{
    if (us == TIME_ABSENT)
        return put_word(dst, "-");
    size_t n = strlen(wall_format_rfc3339(dst, VALUE_MAX, us, 0));
    if (us % US_PER_S == 0)
        n += put_word(dst + n - 1, ".000000Z") - 1;
    return n;
}

static size_t put_date(char *dst, int32_t day)
{
    return day == INT32_MIN ? put_word(dst, "-") : strlen(wall_format_date(dst, VALUE_MAX, day));
}

static size_t put_number_unless(char *dst, int64_t v, int64_t absent)
{
    return v == absent ? put_word(dst, "-") : int_digits(dst, v);
}

static size_t put_flags(char *dst, uint32_t flags)
{
    size_t n = 0;
    for (unsigned bit = 0; bit < FLAG_COUNT && n < VALUE_MAX - 1; bit++)
        if ((flags >> bit & 1) != 0)
            n += (size_t)snprintf(dst + n, VALUE_MAX - n, "%s%s", n > 0 ? "," : "", flag_name(bit));
    return n == 0 ? put_word(dst, "-") : n;
}

static size_t put_escaped(char *dst, struct text t)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    bool lone_dash = t.s != NULL && t.len == 1 && t.s[0] == '-'; /* must not look absent */
    for (size_t i = 0; t.s != NULL && i < t.len && i < CODE_BYTES_MAX; i++) {
        unsigned char c = (unsigned char)t.s[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
                     c == '_' || (c == '-' && !lone_dash);
        if (plain) {
            dst[n++] = (char)c;
        } else {
            dst[n++] = '%';
            dst[n++] = digits[c >> 4];
            dst[n++] = digits[c & 15];
        }
    }
    return n == 0 ? put_word(dst, "-") : n;
}

static size_t fact_value(const struct fact *f, const uint8_t coordinates_sha256[SHA256_BYTES], int line, char dst[VALUE_MAX])
{
    switch (line) {
    case FACT_ID: return strlen(encode_uuid(dst, f->id));
    case FACT_GOVERNMENT: return int_digits(dst, f->government);
    case FACT_PERSON: return int_digits(dst, f->person);
    case FACT_DEVICE: return int_digits(dst, f->device);
    case FACT_CHANNEL: return put_word(dst, channel_name(f->channel));
    case FACT_FIX_AT: return put_time(dst, f->fix_us);
    case FACT_MESSAGE_AT: return put_time(dst, f->message_us);
    case FACT_SENT_AT: return put_time(dst, f->sent_us);
    case FACT_RECEIVED_AT: return put_time(dst, f->received_us);
    case FACT_CLOCK: return put_word(dst, clock_state_name(f->clock_state));
    case FACT_CLOCK_ERROR_US: return put_number_unless(dst, f->clock_error_us, UINT32_MAX);
    case FACT_CLOCK_OFFSET_US: return int_digits(dst, f->clock_offset_us);
    case FACT_DECIDED_AT: return put_time(dst, f->decided_us);
    case FACT_DECIDED_BY: return put_word(dst, time_source_name(f->decided_by));
    case FACT_AUTOMATIC: return put_word(dst, f->automatic ? "yes" : "no");
    case FACT_FLAGS: return put_flags(dst, f->flags);
    default: return strlen(encode_hex(dst, VALUE_MAX, coordinates_sha256, SHA256_BYTES));
    }
}

static size_t verdict_value(const struct judgement *j, int line, char dst[VALUE_MAX])
{
    switch (line) {
    case VERDICT_LINE_VERDICT: return put_word(dst, verdict_name(j->verdict));
    case VERDICT_LINE_DAY: return put_date(dst, j->day);
    case VERDICT_LINE_SESSION: return put_escaped(dst, j->session_code);
    case VERDICT_LINE_COUNTS_AS: return put_word(dst, counts_as_name(j->counts_as));
    case VERDICT_LINE_LATE: return int_digits(dst, j->late_minutes);
    case VERDICT_LINE_EARLY: return int_digits(dst, j->early_minutes);
    case VERDICT_LINE_PLACE: return put_word(dst, place_name(j->place));
    case VERDICT_LINE_FENCE: return put_number_unless(dst, j->fence, 0);
    default: return put_word(dst, relation_name(j->relation));
    }
}

void receipt_coordinates_hash(const struct fact *f, uint8_t ret[SHA256_BYTES])
{
    uint8_t bytes[2 * sizeof(uint64_t)];
    const double coordinates[2] = {f->lat_deg, f->lon_deg};
    for (size_t i = 0; i < 2; i++) {
        uint64_t bits;
        memcpy(&bits, &coordinates[i], sizeof bits);
        for (size_t k = 0; k < 8; k++)
            bytes[i * 8 + k] = (uint8_t)(bits >> (56 - 8 * k));
    }
    const struct digest_part parts[] = {{f->salt, sizeof f->salt}, {bytes, sizeof bytes}};
    digest_sha256_parts(parts, 2, ret);
}

static void put_line(struct buf *out, const struct line *line, const char *value, size_t len)
{
    size_t name_len = strlen(line->name);
    char *at = buf_take(out, name_len + len + 2);
    if (at == NULL)
        return;
    memcpy(at, line->name, name_len);
    at[name_len] = '=';
    memcpy(at + name_len + 1, value, len);
    at[name_len + 1 + len] = '\n';
}

bool receipt_fact_text_hashed(const struct fact *f, const uint8_t coordinates_sha256[SHA256_BYTES], struct buf *out)
{
    char value[VALUE_MAX];
    buf_puts(out, RECEIPT_FACT_LABEL);
    for (int i = 0; i < FACT_LINES; i++) {
        size_t len = fact_value(f, coordinates_sha256, i, value);
        put_line(out, &receipt_fact_lines[i], value, len);
    }
    return !out->failed;
}

static bool verdict_text(const struct judgement *j, struct buf *out)
{
    char value[VALUE_MAX];
    for (int i = 0; i < VERDICT_LINES; i++) {
        size_t len = verdict_value(j, i, value);
        put_line(out, &receipt_verdict_lines[i], value, len);
    }
    return !out->failed;
}

bool receipt_fact_text(const struct fact *f, struct buf *out)
{
    uint8_t hash[SHA256_BYTES];
    receipt_coordinates_hash(f, hash);
    return receipt_fact_text_hashed(f, hash, out);
}

bool receipt_leaf_of(const struct buf *fact_text, const struct buf *verdict_lines, uint8_t ret_leaf[SHA256_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    struct buf input;
    buf_init(&input, RECEIPT_TEXT_MAX);
    digest_sha256(fact_text->data, fact_text->len, hash);
    buf_add(&input, hash, sizeof hash);
    buf_puts(&input, "status=" RECEIPT_STATUS "\n");
    buf_add(&input, verdict_lines->data, verdict_lines->len);
    bool ok = !input.failed;
    if (ok)
        merkle_leaf(input.data, input.len, ret_leaf);
    buf_fini(&input);
    return ok;
}

bool receipt_leaf_hashed(const struct fact *f, const uint8_t coordinates_sha256[SHA256_BYTES],
                         uint8_t ret_leaf[SHA256_BYTES])
{
    struct buf text, verdict;
    buf_init(&text, RECEIPT_TEXT_MAX);
    buf_init(&verdict, RECEIPT_TEXT_MAX);
    bool ok = receipt_fact_text_hashed(f, coordinates_sha256, &text) && verdict_text(&f->first, &verdict) &&
              receipt_leaf_of(&text, &verdict, ret_leaf);
    buf_fini(&text);
    buf_fini(&verdict);
    return ok;
}

bool receipt_leaf(const struct fact *f, uint8_t ret_leaf[SHA256_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    receipt_coordinates_hash(f, hash);
    return receipt_leaf_hashed(f, hash, ret_leaf);
}

void receipt_signed_bytes(uint64_t tree_size, const uint8_t root[SHA256_BYTES], uint8_t ret[15 + 8 + 32])
{
    _Static_assert(sizeof SIGNED_LABEL - 1 == 15, "the label's length is part of the format");
    memcpy(ret, SIGNED_LABEL, 15);
    for (size_t i = 0; i < 8; i++)
        ret[15 + i] = (uint8_t)(tree_size >> (56 - 8 * i));
    memcpy(ret + 23, root, SHA256_BYTES);
}

static void write_tree(struct json_writer *w, const struct receipt_proof *p)
{
    char hex[2 * SHA256_BYTES + 1];
    json_key(w, "tree");
    json_object(w);
    json_key(w, "size");
    json_int(w, (int64_t)p->tree_size);
    json_key(w, "index");
    json_int(w, (int64_t)p->tree_index);
    json_key(w, "path");
    json_array(w);
    for (size_t i = 0; i < p->path_steps; i++)
        json_string(w, encode_hex(hex, sizeof hex, p->path + i * SHA256_BYTES, SHA256_BYTES));
    json_array_end(w);
    json_object_end(w);
}

bool receipt_json_hashed(const struct fact *f, const uint8_t coordinates_sha256[SHA256_BYTES],
                         const struct receipt_proof *proof, struct buf *out)
{
    struct json_writer w;
    char value[VALUE_MAX];
    json_begin(&w, out);
    json_object(&w);
    json_key(&w, "v");
    json_int(&w, 1);
    json_key(&w, "fact");
    json_object(&w);
    for (int i = 0; i < FACT_LINES; i++) {
        size_t len = fact_value(f, coordinates_sha256, i, value);
        json_key(&w, receipt_fact_lines[i].name);
        json_string_n(&w, value, len);
    }
    json_object_end(&w);
    json_key(&w, "status");
    json_string(&w, RECEIPT_STATUS);
    json_key(&w, "verdict");
    json_object(&w);
    for (int i = 0; i < VERDICT_LINES; i++) {
        size_t len = verdict_value(&f->first, i, value);
        json_key(&w, receipt_verdict_lines[i].name);
        json_string_n(&w, value, len);
    }
    json_object_end(&w);
    write_tree(&w, proof);
    json_key(&w, "root");
    json_string(&w, encode_hex(value, sizeof value, proof->root, SHA256_BYTES));
    json_key(&w, "key");
    json_string(&w, proof->key_id);
    json_key(&w, "signature");
    json_string(&w, encode_base64url(value, sizeof value, proof->signature, SIGNATURE_BYTES));
    json_object_end(&w);
    return !out->failed;
}

bool receipt_json(const struct fact *f, const struct receipt_proof *proof, struct buf *out)
{
    uint8_t hash[SHA256_BYTES];
    receipt_coordinates_hash(f, hash);
    return receipt_json_hashed(f, hash, proof, out);
}
