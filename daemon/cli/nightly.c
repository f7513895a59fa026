/* hadir nightly: closes the days that are over and publishes each as a folder of CSV files with a manifest, signed if there is
 * a key.
 *
 * Months that BKPSDM asked to be closed are closed in between. Run to completion, one at a time (advisory lock), idempotent. Freezing (api.nightly_freeze) and publishing are two
 * steps with a record between them, so a run killed anywhere is finished by the next with the same bytes: contents
 * depend on frozen rows alone and carry the closing instant, never the time of the run; a signature, which differs each time, is
 * made once and kept in the database before anybody can see it. A day whose facts changed
 * after it was frozen gets version 2, 3 … with a difference file; published folders are never rewritten. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "csv.h"
#include "digest.h"
#include "folder.h"
#include "seal.h"

#define FILE_MAX ((size_t)1 << 30)
#define MANIFEST_MAX ((size_t)64 << 20)
#define SIGNATURE_MAX ((size_t)1 << 20)

/* Columns of api.nightly_rows as they are written; true = numeric. */
static const struct {
    const char *name;
    bool number;
} columns[] = {{"unit_code", false},    {"unit_name", false}, {"nip", false},         {"name", false},
               {"category", false},     {"day", false},       {"expected_place", false}, {"session_code", false},
               {"state", false},        {"decided_at", false}, {"late_minutes", true}, {"early_minutes", true},
               {"place", false},        {"fence", false},     {"relation", false},    {"flags", false},
               {"reason", false},       {"checkin_id", false}, {"evidence_missing", false}, {"doubts", false}};
#define COLUMNS (sizeof columns / sizeof columns[0])

/* One frozen day being published. */
struct edition {
    struct session *s;
    const struct seal *seal; /* NULL: unsigned */
    const char *government, *code, *day, *version, *closed_at, *late_spools;
    struct folder folder;
    struct buf manifest;
    struct json_writer w;
    size_t files;
    char manifest_hash[65];
};

static void write_header(struct csv *csv, bool difference)
{
    if (difference) {
        csv_text(csv, "change");
        csv_text(csv, "why");
    }
    for (size_t i = 0; i < COLUMNS; i++)
        csv_text(csv, columns[i].name);
    csv_end_row(csv);
}

static void write_row(struct csv *csv, const struct rows *rows, size_t row, size_t first)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        const char *value = rows_get(rows, row, first + i);
        if (columns[i].number)
            csv_number(csv, value);
        else
            csv_text(csv, value);
    }
    csv_end_row(csv);
}

/* Writes a file into the folder and its line into the manifest. */
static bool add_file(struct edition *e, const char *name, const struct buf *content, size_t rows)
{
    uint8_t hash[SHA256_BYTES];
    char hex[65];
    if (!folder_write(&e->folder, name, content))
        return false;
    digest_sha256(content->data, content->len, hash);
    json_object(&e->w);
    json_key(&e->w, "name");
    json_string(&e->w, name);
    json_key(&e->w, "rows");
    json_int(&e->w, (int64_t)rows);
    json_key(&e->w, "bytes");
    json_int(&e->w, (int64_t)content->len);
    json_key(&e->w, "sha256");
    json_string(&e->w, encode_hex(hex, sizeof hex, hash, sizeof hash));
    json_object_end(&e->w);
    e->files++;
    return true;
}

/* Rows [from, to) as one CSV file. first: where the columns begin; > 0 for the difference, led by `change` and `why`. */
static bool add_csv(struct edition *e, const char *name, const struct rows *rows, size_t from, size_t to, bool difference)
{
    struct buf content;
    struct csv csv;
    buf_init(&content, FILE_MAX);
    csv_begin(&csv, &content);
    write_header(&csv, difference);
    for (size_t i = from; i < to; i++) {
        if (difference) {
            csv_text(&csv, rows_get(rows, i, COLUMNS));
            csv_text(&csv, rows_get(rows, i, COLUMNS + 1));
        }
        write_row(&csv, rows, i, 0);
    }
    bool ok = add_file(e, name, &content, to - from);
    buf_fini(&content);
    return ok;
}

static bool unit_files(struct edition *e, const struct rows *rows)
{
    char name[300], stem[280];
    size_t from = 0, count = rows_count(rows);
    bool ok = add_csv(e, "semua.csv", rows, 0, count, false);
    for (size_t i = 1; ok && i <= count; i++) {
        if (i < count && strcmp(rows_get(rows, i, 0), rows_get(rows, from, 0)) == 0)
            continue;
        snprintf(name, sizeof name, "unit-%s.csv", folder_name(stem, sizeof stem, rows_get(rows, from, 0)));
        ok = add_csv(e, name, rows, from, i, false);
        from = i;
    }
    return ok;
}

static bool difference_file(struct edition *e, int n, const char *const *key)
{
    static const char sql[] =
        "select unit_code, unit_name, nip, name, category, day, expected_place, session_code, state, decided_at, "
        "late_minutes, early_minutes, place, fence, relation, flags, reason, checkin_id, evidence_missing, doubts, change, why "
        "from api.nightly_difference($1::bigint, $2::date, $3::int)";
    if (strcmp(e->version, "1") == 0)
        return true;
    struct rows *rows = cli_query(e->s, sql, n, key);
    bool ok = rows != NULL && add_csv(e, "perbedaan.csv", rows, 0, rows_count(rows), true);
    rows_free(rows);
    return ok;
}

static void manifest_head(struct edition *e)
{
    json_begin(&e->w, &e->manifest);
    json_object(&e->w);
    json_key(&e->w, "format");
    json_string(&e->w, "hadir-nightly-1");
    json_key(&e->w, "government");
    json_string(&e->w, e->code);
    json_key(&e->w, "day");
    json_string(&e->w, e->day);
    json_key(&e->w, "version");
    json_raw(&e->w, e->version, strlen(e->version));
    json_key(&e->w, "closed_at");
    json_string(&e->w, e->closed_at);
    json_key(&e->w, "late_spools");
    json_string(&e->w, e->late_spools);
    json_key(&e->w, "files");
    json_array(&e->w);
}

static bool manifest_tail(struct edition *e, int n, const char *const *key)
{
    json_array_end(&e->w);
    struct rows *rules = cli_query(e->s, "select kind, name, version from api.nightly_versions($1::bigint, $2::date, $3::int)",
                                   n, key);
    if (rules == NULL)
        return false;
    json_key(&e->w, "rules");
    json_array(&e->w);
    for (size_t i = 0; i < rows_count(rules); i++) {
        json_object(&e->w);
        json_key(&e->w, "kind");
        json_string(&e->w, rows_get(rules, i, 0));
        json_key(&e->w, "name");
        json_string(&e->w, rows_get(rules, i, 1));
        json_key(&e->w, "version");
        json_string(&e->w, rows_get(rules, i, 2));
        json_object_end(&e->w);
    }
    json_array_end(&e->w);
    rows_free(rules);
    struct rows *previous = cli_query(e->s, "select api.export_previous($1::bigint, $2::date, $3::int)", n, key);
    if (previous == NULL)
        return false;
    json_key(&e->w, "previous_manifest_sha256");
    json_string(&e->w, rows_count(previous) == 1 ? rows_get(previous, 0, 0) : NULL);
    rows_free(previous);
    json_object_end(&e->w);
    buf_putc(&e->manifest, '\n');
    uint8_t hash[SHA256_BYTES];
    digest_sha256(e->manifest.data, e->manifest.len, hash);
    encode_hex(e->manifest_hash, sizeof e->manifest_hash, hash, sizeof hash);
    return !e->manifest.failed;
}

/* Hex of a fresh signature over the manifest into ret; false after a message. */
static bool sign_manifest(const struct edition *e, struct buf *ret)
{
    struct buf der;
    buf_init(&der, SIGNATURE_MAX);
    bool ok = seal_make(e->seal, e->manifest.data, e->manifest.len, &der);
    for (size_t i = 0; ok && i < der.len; i++)
        ok = buf_printf(ret, "%02x", der.data[i]);
    if (!ok)
        cli_error(cli_say("%s %s: tidak dapat ditandatangani", "%s %s: cannot be signed"), e->code, e->day);
    buf_fini(&der);
    return ok;
}

/* The kept signature over this manifest, ours if there was none, into the folder. */
static bool add_signature(const struct edition *e)
{
    static const char sql[] = "select encode(api.export_signature($1::bigint, $2::date, $3::int, $4, decode($5, 'hex'), "
                              "$6::timestamptz), 'hex')";
    char now[40];
    struct buf hex, der;
    buf_init(&hex, 2 * SIGNATURE_MAX);
    buf_init(&der, SIGNATURE_MAX);
    bool ok = e->seal == NULL || sign_manifest(e, &hex);
    const char *const params[] = {e->government, e->day, e->version, e->manifest_hash, e->seal != NULL ? buf_str(&hex) : NULL,
                                  cli_now(now, sizeof now)};
    struct rows *rows = ok ? cli_query(e->s, sql, 6, params) : NULL;
    const char *kept = rows != NULL && rows_count(rows) == 1 ? rows_get(rows, 0, 0) : NULL;
    ok = rows != NULL;
    for (size_t i = 0; ok && kept != NULL && kept[i] != '\0'; i += 2) {
        uint8_t byte = 0;
        ok = decode_hex(kept + i, 2, &byte, 1) && buf_u8(&der, byte);
    }
    ok = ok && (kept == NULL || folder_write(&e->folder, "manifest.json.p7s", &der));
    rows_free(rows);
    buf_fini(&hex);
    buf_fini(&der);
    return ok;
}

static bool write_edition(struct edition *e, const char *parent)
{
    static const char sql[] =
        "select unit_code, unit_name, nip, name, category, day, expected_place, session_code, state, decided_at, "
        "late_minutes, early_minutes, place, fence, relation, flags, reason, checkin_id, evidence_missing, doubts "
        "from api.nightly_rows($1::bigint, $2::date, $3::int)";
    const char *const key[] = {e->government, e->day, e->version};
    char name[64];
    snprintf(name, sizeof name, strcmp(e->version, "1") == 0 ? "%s" : "%s.v%s", e->day, e->version);
    struct rows *rows = cli_query(e->s, sql, 3, key);
    if (rows == NULL || !folder_begin(&e->folder, parent, name)) {
        rows_free(rows);
        return false;
    }
    manifest_head(e);
    bool ok = unit_files(e, rows) && difference_file(e, 3, key) && manifest_tail(e, 3, key) &&
              folder_write(&e->folder, "manifest.json", &e->manifest) && add_signature(e) && folder_publish(&e->folder, parent, "manifest.json");
    rows_free(rows);
    return ok;
}

static bool publish(struct edition *e)
{
    char parent[4096], stem[256], now[40];
    snprintf(parent, sizeof parent, "%s/%s", cli_conf()->export_dir, folder_name(stem, sizeof stem, e->code));
    buf_init(&e->manifest, MANIFEST_MAX);
    bool ok = write_edition(e, parent);
    if (ok) {
        const char *const record[] = {e->government, e->day, e->version, e->folder.final, e->manifest_hash, e->closed_at,
                                      cli_now(now, sizeof now)};
        struct rows *rows = cli_query(e->s, "select api.export_record($1::bigint, $2::date, $3::int, $4, $5, "
                                            "$6::timestamptz, $7::timestamptz)", 7, record);
        ok = rows != NULL;
        rows_free(rows);
    }
    if (ok)
        printf(cli_say("%s %s versi %s: %zu berkas di %s\n", "%s %s version %s: %zu files in %s\n"), e->code, e->day,
               e->version, e->files, e->folder.final);
    buf_fini(&e->manifest);
    return ok;
}

/* Doubt first: it needs the coordinates. Notices of discipline afterwards: they count frozen days. */
static bool freeze(struct session *s, const char *government, const char *day, const char *now)
{
    const char *const key[] = {government, day, now};
    char *doubts = cli_value(s, "select api.doubts_find($1::bigint, $2::date)", 2, key);
    char *version = cli_value(s, "select api.nightly_freeze($1::bigint, $2::date, $3::timestamptz)", 3, key);
    char *notices = version != NULL
        ? cli_value(s, "select api.discipline_notice($1::bigint, $2::date, $3::timestamptz)", 3, key) : NULL;
    bool ok = doubts != NULL && notices != NULL;
    free(doubts);
    free(version);
    free(notices);
    return ok;
}

/* Freezes what is due; a blocked day is named and left for a later run. */
static bool freeze_due(struct session *s, const char *now)
{
    const char *const at[] = {now};
    struct rows *due = cli_query(s, "select government, code, day, blocked from api.nightly_due($1::timestamptz)", 1, at);
    bool ok = due != NULL;
    for (size_t i = 0; due != NULL && i < rows_count(due); i++) {
        const char *blocked = rows_get(due, i, 3);
        if (blocked != NULL) {
            printf(cli_say("%s %s belum dapat ditutup: %s\n", "%s %s cannot be closed yet: %s\n"), rows_get(due, i, 1),
                   rows_get(due, i, 2), blocked);
            continue;
        }
        ok = freeze(s, rows_get(due, i, 0), rows_get(due, i, 2), now) && ok;
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu / %zu", i + 1, rows_count(due));
    }
    if (due != NULL && isatty(STDERR_FILENO) && rows_count(due) > 0)
        fputc('\n', stderr);
    rows_free(due);
    return ok;
}

/* Closes the months that BKPSDM asked to be closed. One that cannot be is told, and kept as refused. */
static bool close_months(struct session *s, const char *now)
{
    const char *const language[] = {cli_say("id", "en")};
    struct rows *set = cli_query(s, "select set_config('hadir.language', $1, false)", 1, language);
    struct rows *asked = set != NULL ? cli_query(s, "select ref, code, month from api.nightly_months()", 0, NULL) : NULL;
    bool ok = asked != NULL;
    for (size_t i = 0; asked != NULL && i < rows_count(asked); i++) {
        const char *const key[] = {rows_get(asked, i, 0), now};
        struct rows *done = cli_query(s, "select version, refused from api.nightly_month($1::bigint, $2::timestamptz)", 2, key);
        const char *code = rows_get(asked, i, 1), *month = rows_get(asked, i, 2);
        if (done == NULL)
            ok = false;
        else if (rows_count(done) == 0)
            ; /* the console closed it just now */
        else if (rows_get(done, 0, 1) != NULL)
            printf(cli_say("%s %s tidak ditutup: %s\n", "%s %s is not closed: %s\n"), code, month, rows_get(done, 0, 1));
        else
            printf(cli_say("%s %s ditutup, versi %s\n", "%s %s is closed, version %s\n"), code, month, rows_get(done, 0, 0));
        rows_free(done);
    }
    rows_free(set);
    rows_free(asked);
    return ok;
}

/* The key that signs, NULL if none is configured, which is said. false after a message: nothing is to be published then, for
 * what is published unsigned stays so. */
static bool load_seal(struct seal **ret)
{
    const struct conf *c = cli_conf();
    char error[512];
    *ret = NULL;
    if (c->export_key == NULL) {
        cli_error("%s", cli_say("PERHATIAN: laporan TIDAK ditandatangani, karena export_certificate dan export_key tidak diisi",
                                "NOTE: exports are NOT signed, because export_certificate and export_key are not set"));
        return true;
    }
    *ret = seal_load(c->export_certificate, c->export_key, error, sizeof error);
    if (*ret == NULL)
        cli_error(cli_say("%s; tidak ada hari yang diterbitkan sampai itu diperbaiki", "%s; no day is published until that is mended"),
                  error);
    return *ret != NULL;
}

/* A government whose day cannot be published keeps its later days back, because each names the one before; it does not
 * keep back others. */
static bool publish_pending(struct session *s, const struct seal *seal, const char *now)
{
    const char *stuck = "";
    const char *const at[] = {now};
    struct rows *pending = cli_query(s, "select government, code, day, version, "
                                        "to_char(closed_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), late_spools "
                                        "from api.export_pending($1::timestamptz)", 1, at);
    bool ok = pending != NULL;
    for (size_t i = 0; pending != NULL && i < rows_count(pending); i++) {
        struct edition e = {.s = s,
                            .seal = seal,
                            .government = rows_get(pending, i, 0),
                            .code = rows_get(pending, i, 1),
                            .day = rows_get(pending, i, 2),
                            .version = rows_get(pending, i, 3),
                            .closed_at = rows_get(pending, i, 4),
                            .late_spools = rows_get(pending, i, 5)};
        if (strcmp(stuck, e.government) != 0 && !publish(&e)) {
            stuck = e.government;
            ok = false;
        }
    }
    if (ok && rows_count(pending) == 0)
        puts(cli_say("tidak ada hari yang perlu diterbitkan", "no day is to be published"));
    rows_free(pending);
    return ok;
}

int cmd_nightly(int argc, char **argv)
{
    char now[40];
    if (!cli_options(&argc, argv, NULL, 0, 0, 0))
        return CLI_USAGE;
    struct session *s = cli_connect("hadir_nightly");
    cli_now(now, sizeof now);
    char *locked = cli_value(s, "select pg_try_advisory_lock(hashtext('hadir nightly'))", 0, NULL);
    int code = CLI_FAILED;
    if (locked != NULL && locked[0] != 't')
        cli_error("%s", cli_say("penutupan malam lain sedang berjalan", "another nightly run is under way"));
    else if (locked != NULL) {
        const char *const at[] = {now};
        struct seal *seal;
        bool frozen = freeze_due(s, now), closed = close_months(s, now);
        char *breaches = cli_value(s, "select api.breach_notice($1::timestamptz)", 1, at);
        bool published = load_seal(&seal) && publish_pending(s, seal, now);
        code = published && frozen && closed && breaches != NULL ? CLI_DONE : CLI_FAILED;
        seal_free(seal);
        free(breaches);
    }
    free(locked);
    session_close(s);
    return code;
}
