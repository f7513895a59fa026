/* Answers in words and codes.
 *
 * Place in the flow: handlers and http.c end an exchange through these. /v1 speaks problem+json (RFC 9457) with a
 * stable code; its sentences are Indonesian or English. The foreign channels get bare statuses: their phones look at
 * nothing else, and a 4xx can block a queue for weeks or cost a message (PROTOCOL.md).
 *
 * The codes of codec faults are not listed here: their words come from the codec. Kept is only the date of this second. */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"
#include "json.h"
#include "route.h"
#include "wall.h"

#define PROBLEM_MAX ((size_t)8 << 10)

struct words {
    const char *code;
    unsigned status;
    const char *text[2]; /* by enum language */
};

static const struct words table[] = {
    {"bad_date", 400, {"Tanggal harus ditulis YYYY-MM-DD dan benar-benar ada.",
                       "The date must be written YYYY-MM-DD and exist."}},
    {"bad_dialect", 400, {"csv_dialect hanya mengenal excel-id.", "csv_dialect can only be excel-id."}},
    {"bad_month", 400, {"Bulan harus ditulis YYYY-MM.", "The month must be written YYYY-MM."}},
    {"bad_query", 400, {"Parameter pada alamat tidak dapat dibaca.", "The query string cannot be read."}},
    {"bad_request", 400, {"Permintaan tidak mengikuti HTTP/1.1.", "The request is not valid HTTP/1.1."}},
    {"bad_version", 505, {"Hanya HTTP/1.1 yang dilayani di sini.", "Only HTTP/1.1 is spoken here."}},
    {"conflict", 409, {"id ini sudah dipakai untuk presensi lain dengan isi yang berbeda.",
                       "This id was already used for another check-in with a different content."}},
    {"forbidden", 403, {"Token ini tidak berhak untuk hal ini.", "This token may not do this."}},
    {"head_too_large", 431, {"Kepala permintaan terlalu besar.", "The request's head is too large."}},
    {"method_not_allowed", 405, {"Metode ini tidak dilayani pada alamat ini.",
                                 "This method is not served at this address."}},
    {"missing_month", 400, {"Parameter month wajib diisi (YYYY-MM).", "The parameter month is required (YYYY-MM)."}},
    {"missing_token", 401, {"Token wajib dikirim: Authorization: Bearer …",
                            "A token is required: Authorization: Bearer …"}},
    {"not_implemented", 501, {"Metode atau sandi transfer ini tidak dikenal.",
                              "This method or transfer coding is not known."}},
    {"not_acceptable", 406, {"Laporan tersedia sebagai application/json, text/csv, XLSX dan application/pdf; lihat Accept.",
                             "Reports come as application/json, text/csv, XLSX and application/pdf; see Accept."}},
    {"not_found", 404, {"Tidak ditemukan.", "Not found."}},
    {"outcome_unknown", 503, {"Sambungan ke basis data terputus setelah permintaan diteruskan: mungkin sudah tersimpan, "
                              "mungkin belum. Periksa dulu sebelum mengirim lagi.",
                              "The connection to the database went after the request was passed on: it may have been "
                              "kept or not. Look before you send it again."}},
    {"repeated_parameter", 400, {"Parameter ini dikirim lebih dari sekali.", "This parameter was sent more than once."}},
    {"repeated_header", 400, {"Kolom kepala ini dikirim lebih dari sekali.", "This header field was sent more than once."}},
    {"request_timeout", 408, {"Permintaan tidak selesai dikirim pada waktunya.",
                              "The request was not completed in time."}},
    {"revoked", 401, {"Token ini sudah dicabut.", "This token has been revoked."}},
    {"target_too_long", 414, {"Alamat permintaan terlalu panjang.", "The request's target is too long."}},
    {"too_large", 413, {"Isi permintaan terlalu besar.", "The request's body is too large."}},
    {"too_many_requests", 429, {"Terlalu banyak permintaan; kirim lagi setelah Retry-After.",
                                "Too many requests; come again after Retry-After."}},
    {"unavailable", 503, {"Layanan sedang sibuk; kirim lagi sebentar lagi.",
                          "The service is busy; send it again in a moment."}},
    {"unknown_expectation", 417, {"Hanya Expect: 100-continue yang dilayani.", "Only Expect: 100-continue is served."}},
    {"unknown_parameter", 400, {"Parameter ini tidak dikenal.", "This parameter is not known."}},
    {"unknown_encoding", 415, {"Isi permintaan harus dikirim tanpa Content-Encoding.",
                               "The body must be sent without Content-Encoding."}},
    {"unknown_media_type", 415, {"Isi permintaan harus application/json.", "The body must be application/json."}},
    {"unknown_token", 401, {"Token tidak dikenal.", "The token is not known."}},
    {"wrong_channel", 401, {"Token ini terdaftar untuk kanal lain.", "This token is registered for another channel."}},
};

static const struct words *words_of(const char *code)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].code, code) == 0)
            return &table[i];
    return NULL;
}

char *answer_date(char dst[ANSWER_DATE_BYTES], int64_t us)
{
    static const char *const weekdays[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"}; /* from 1970-01-01 on */
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t s = us > 0 ? us / US_PER_S : 0;
    int32_t days = (int32_t)(s / 86400);
    unsigned of_day = (unsigned)(s % 86400);
    int32_t year;
    unsigned month;
    unsigned day;
    wall_civil_from_days(days, &year, &month, &day);
    snprintf(dst, ANSWER_DATE_BYTES, "%s, %02u %s %04d %02u:%02u:%02u GMT", weekdays[days % 7], day, months[month - 1],
             (int)year, of_day / 3600, of_day / 60 % 60, of_day % 60);
    return dst;
}

const char *answer_date_now(void)
{
    static char kept[ANSWER_DATE_BYTES];
    static int64_t kept_s = INT64_MIN;
    int64_t now_us = wall_now_us();
    if (now_us / US_PER_S != kept_s)
        answer_date(kept, now_us);
    kept_s = now_us / US_PER_S;
    return kept;
}

const char *answer_http_code(unsigned status)
{
    static const char *const codes[] = {"too_large",      "target_too_long", "unknown_expectation",
                                        "head_too_large", "not_implemented", "bad_version"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (words_of(codes[i])->status == status)
            return codes[i];
    return "bad_request";
}

const char *answer_sentence(const char *code, enum language language)
{
    const struct words *w = words_of(code);
    return w != NULL ? w->text[language] : "";
}

const char *language_code(enum language l)
{
    return l == LANGUAGE_EN ? "en" : "id";
}

/* Weight of a language range or media range, in thousandths; malformed counts as 0. */
static unsigned quality_of(const char *s, size_t len)
{
    for (size_t i = 0; i + 2 < len; i++) {
        if (s[i] != ';')
            continue;
        size_t at = i + 1;
        while (at < len && (s[at] == ' ' || s[at] == '\t'))
            at++;
        if (at + 2 >= len || (s[at] != 'q' && s[at] != 'Q') || s[at + 1] != '=')
            continue;
        unsigned q = s[at + 2] == '1' ? 1000 : 0;
        unsigned unit = 100;
        for (size_t d = at + 4; s[at + 2] == '0' && d < len && s[d] >= '0' && s[d] <= '9' && unit > 0; d++, unit /= 10)
            q += unit * (unsigned)(s[d] - '0');
        return q;
    }
    return 1000;
}

unsigned answer_quality(struct text list, const char *range)
{
    unsigned best = 0;
    size_t at = 0;
    size_t range_len = strlen(range);
    while (at < list.len) {
        while (at < list.len && (list.s[at] == ' ' || list.s[at] == '\t' || list.s[at] == ','))
            at++;
        size_t end = at;
        while (end < list.len && list.s[end] != ',')
            end++;
        size_t left = end - at;
        bool same = left >= range_len && strncasecmp(list.s + at, range, range_len) == 0 &&
                    (left == range_len || strchr(" \t;-", list.s[at + range_len]) != NULL);
        unsigned q = same ? quality_of(list.s + at, left) : 0;
        best = q > best ? q : best;
        at = end;
    }
    return best;
}

enum language answer_language(struct text accept_language, enum language fallback)
{
    if (accept_language.s == NULL)
        return fallback;
    unsigned id = answer_quality(accept_language, "id");
    unsigned en = answer_quality(accept_language, "en");
    if (id == en)
        return fallback;
    return id > en ? LANGUAGE_ID : LANGUAGE_EN;
}

unsigned problem_status(const struct problem *p)
{
    if (p->status != 0)
        return p->status;
    const struct words *w = words_of(p->code);
    return w != NULL ? w->status : 400;
}

void problem_write(struct json_writer *w, const struct problem *p, enum language language)
{
    const struct words *words = words_of(p->code);
    unsigned status = problem_status(p);
    json_object(w);
    json_key(w, "type");
    json_string(w, "about:blank");
    json_key(w, "title");
    json_string(w, http1_reason(status));
    json_key(w, "status");
    json_int(w, status);
    json_key(w, "code");
    json_string(w, p->code);
    if (p->field != NULL && p->field[0] != '\0') {
        json_key(w, "field");
        json_string(w, p->field);
    }
    const char *detail = p->detail != NULL && p->detail[0] != '\0' ? p->detail
                         : words != NULL                           ? words->text[language]
                                                                   : NULL;
    if (detail != NULL) {
        json_key(w, "detail");
        json_string(w, detail);
    }
    json_object_end(w);
}

void answer_problem(struct exchange *x, const struct problem *p, const char *extra)
{
    struct buf out;
    buf_init(&out, PROBLEM_MAX);
    struct json_writer w;
    json_begin(&w, &out);
    problem_write(&w, p, x->language);
    buf_putc(&out, '\n');
    char more[256];
    snprintf(more, sizeof more, "Content-Language: %s\r\n%s", language_code(x->language), extra != NULL ? extra : "");
    if (out.failed)
        exchange_answer(x, problem_status(p), NULL, NULL, 0, more);
    else
        exchange_answer(x, problem_status(p), "application/problem+json", out.data, out.len, more);
    buf_fini(&out);
}

void answer_code(struct exchange *x, const char *code, const char *field)
{
    answer_problem(x, &(struct problem){.code = code, .field = field}, NULL);
}

static void answer_later(struct exchange *x, const char *code, unsigned retry_after_s)
{
    char header[48];
    snprintf(header, sizeof header, "Retry-After: %u\r\n", retry_after_s > 0 ? retry_after_s : 1);
    if (x->route != NULL && x->route->foreign)
        answer_bare(x, 503, header);
    else
        answer_problem(x, &(struct problem){.code = code}, header);
}

void answer_busy(struct exchange *x, enum counter_id why, unsigned retry_after_s)
{
    counter_inc(why);
    answer_later(x, "unavailable", retry_after_s);
}

void answer_limited(struct exchange *x, enum counter_id whose, unsigned retry_after_s)
{
    counter_inc(whose);
    answer_later(x, "too_many_requests", retry_after_s);
}

void answer_delivered(struct exchange *x)
{
    if (x->route->channel == CHANNEL_OWNTRACKS)
        exchange_answer(x, 200, "application/json", "[]", 2, NULL);
    else
        exchange_answer(x, 200, NULL, NULL, 0, NULL);
}

void answer_bare(struct exchange *x, unsigned status, const char *extra)
{
    exchange_answer(x, status, NULL, NULL, 0, extra);
}
