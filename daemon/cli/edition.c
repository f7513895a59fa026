/* One edition: a version of a frozen day or a closed month as a folder of files with a manifest, signed if there is a key.
 *
 * Place in the flow: `hadir nightly` calls this for each version that is frozen and not yet recorded as published.
 *   a day     every row in semua.csv and by unit, the difference from the version before, the reports due each day
 *   a month   the reports due each month, of the government and of each unit
 * Contents depend on frozen rows alone and carry the closing instant, never the time of the run: a run killed anywhere is finished
 * by the next with the same bytes. A signature, which differs each time, is made once and kept in the database before anybody can
 * see it. The days of a government are a chain, its months another, in the order of publication: each manifest names the one before;
 * so who wants days alone, or months, has all of a chain.
 * Published folders are never rewritten. Files are written as rows arrive; memory does not grow with them. */
#include "edition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "csv.h"
#include "digest.h"
#include "file.h"
#include "report.h"
#include "seal.h"
#include "wall.h"

#define MANIFEST "manifest.json"
#define SIGNATURE "manifest.json.p7s"
#define MANIFEST_MAX ((size_t)64 << 20)
#define SIGNATURE_MAX ((size_t)1 << 20)
#define BODY_MAX 65536
#define FLUSH_BYTES ((size_t)64 << 10)
#define TEXT_MAX ((size_t)16 << 20) /* of one row, and what waits before it */
#define UNIT_CAP 256

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
#define COLUMNS_SQL                                                                                                        \
    "unit_code, unit_name, nip, name, category, day, expected_place, session_code, state, decided_at, late_minutes, "      \
    "early_minutes, place, fence, relation, flags, reason, checkin_id, evidence_missing, doubts"

static bool is_month(const struct edition *e)
{
    return strlen(e->period) == 7;
}

/* ---- files ---- */

/* Ends a file and writes its line into the manifest. */
static bool end_file(struct edition *e, struct folder_file *out, const char *name, size_t rows, bool whole)
{
    char hash[FOLDER_HASH_CAP];
    if (!folder_file_end(out, whole, hash))
        return false;
    json_object(&e->w);
    json_key(&e->w, "name");
    json_string(&e->w, name);
    json_key(&e->w, "rows");
    json_int(&e->w, (int64_t)rows);
    json_key(&e->w, "bytes");
    json_int(&e->w, out->bytes);
    json_key(&e->w, "sha256");
    json_string(&e->w, hash);
    json_object_end(&e->w);
    e->files++;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s %s: %zu", e->code, e->period, e->files);
    return true;
}

/* A CSV file of rows of api.nightly_rows; `change` and `why` lead those of the difference. */
struct sheet {
    struct folder_file out;
    struct buf text;
    struct csv csv;
    size_t rows;
    bool difference;
    char name[300];
};

static bool sheet_flush(struct sheet *s, size_t above)
{
    bool ok = !s->text.failed && (s->text.len <= above || folder_file_write(&s->out, s->text.data, s->text.len));
    if (s->text.len > above)
        buf_clear(&s->text);
    return ok;
}

static bool sheet_begin(struct edition *e, struct sheet *s, const char *name, bool difference)
{
    snprintf(s->name, sizeof s->name, "%s", name);
    if (!folder_file_begin(&s->out, &e->folder, s->name))
        return false;
    s->rows = 0;
    s->difference = difference;
    buf_init(&s->text, TEXT_MAX);
    csv_begin(&s->csv, &s->text);
    if (difference) {
        csv_text(&s->csv, "change");
        csv_text(&s->csv, "why");
    }
    for (size_t i = 0; i < COLUMNS; i++)
        csv_text(&s->csv, columns[i].name);
    csv_end_row(&s->csv);
    return true;
}

static bool sheet_row(struct sheet *s, const char *const *cells)
{
    if (s->difference) {
        csv_text(&s->csv, cells[COLUMNS]);
        csv_text(&s->csv, cells[COLUMNS + 1]);
    }
    for (size_t i = 0; i < COLUMNS; i++)
        if (columns[i].number)
            csv_number(&s->csv, cells[i]);
        else
            csv_text(&s->csv, cells[i]);
    csv_end_row(&s->csv);
    s->rows++;
    return sheet_flush(s, FLUSH_BYTES);
}

static bool sheet_end(struct edition *e, struct sheet *s, bool whole)
{
    whole = whole && sheet_flush(s, 0);
    buf_fini(&s->text);
    return end_file(e, &s->out, s->name, s->rows, whole);
}

/* Streams a statement about this edition; false after a message. */
static bool stream(struct edition *e, const char *sql, session_row_cb on_row, void *arg)
{
    const char *const key[] = {e->government, e->period, e->version};
    struct store_error error;
    bool ok = session_stream(e->s, sql, 3, key, on_row, arg, &error);
    if (!ok && error.message[0] != '\0')
        cli_error("%s", error.message);
    return ok;
}

/* ---- a day's rows ---- */

/* Rows come by unit: each goes into semua.csv and into the file of its unit. */
struct day_files {
    struct edition *e;
    struct sheet all, unit;
    bool open; /* unit is */
    char code[UNIT_CAP];
};

static bool on_day_row(void *arg, size_t count, const char *const *names, const char *const *cells)
{
    struct day_files *d = arg;
    char name[300], stem[280];
    (void)count, (void)names;
    if (d->open && strcmp(d->code, cells[0]) != 0) {
        d->open = false;
        if (!sheet_end(d->e, &d->unit, true))
            return false;
    }
    if (!d->open) {
        snprintf(d->code, sizeof d->code, "%s", cells[0]);
        snprintf(name, sizeof name, "unit-%s.csv", folder_name(stem, sizeof stem, d->code));
        if (!sheet_begin(d->e, &d->unit, name, false))
            return false;
        d->open = true;
    }
    return sheet_row(&d->all, cells) && sheet_row(&d->unit, cells);
}

static bool day_rows(struct edition *e)
{
    struct day_files *d = calloc(1, sizeof *d);
    if (d == NULL || !sheet_begin(e, &d->all, "semua.csv", false)) {
        free(d);
        return false;
    }
    d->e = e;
    bool ok = stream(e, "select " COLUMNS_SQL " from api.nightly_rows($1::bigint, $2::date, $3::int)", on_day_row, d);
    if (d->open)
        ok = sheet_end(e, &d->unit, ok) && ok;
    ok = sheet_end(e, &d->all, ok) && ok;
    free(d);
    return ok;
}

static bool on_difference(void *arg, size_t count, const char *const *names, const char *const *cells)
{
    (void)count, (void)names;
    return sheet_row(arg, cells);
}

static bool difference_file(struct edition *e)
{
    struct sheet sheet;
    if (strcmp(e->version, "1") == 0)
        return true;
    if (!sheet_begin(e, &sheet, "perbedaan.csv", true))
        return false;
    bool ok = stream(e, "select " COLUMNS_SQL ", change, why from api.nightly_difference($1::bigint, $2::date, $3::int)",
                     on_difference, &sheet);
    return sheet_end(e, &sheet, ok) && ok;
}

/* ---- reports ---- */

struct source {
    struct session *s;
    const char *const *params;
    struct store_error error;
    report_row_cb on_row;
    void *arg;
    const struct report *report;
    bool counts; /* these are its own rows, not those of its annex */
    size_t rows;
};

static bool count_row(void *arg, size_t count, const char *const *names, const char *const *cells)
{
    struct source *from = arg;
    from->rows += from->counts;
    return from->on_row(from->arg, count, names, cells);
}

static bool give_rows(void *arg, const char *sql, report_row_cb on_row, void *row_arg)
{
    struct source *from = arg;
    from->counts = strcmp(sql, from->report->rows) == 0;
    from->on_row = on_row;
    from->arg = row_arg;
    return session_stream(from->s, sql, 2, from->params, count_row, from, &from->error);
}

static void member(struct json_writer *w, const char *name, const char *value)
{
    json_key(w, name);
    json_string(w, value);
}

/* The first and the last day of the edition. */
static void days_of(const struct edition *e, char first[11], char last[11])
{
    int32_t days = 0, year;
    unsigned month, day;
    snprintf(first, 11, is_month(e) ? "%.7s-01" : "%.10s", e->period);
    snprintf(last, 11, "%s", first);
    if (!is_month(e) || !wall_parse_date(first, 10, &days))
        return;
    wall_civil_from_days(days + 31, &year, &month, &day);
    (void)wall_format_date(last, 11, wall_days_from_civil(year, month, 1) - 1);
}

/* {"government" or "unit": code, "closed": "ya"} and those days, as the report asks for them: month, from and to, or date. */
static void report_body(struct buf *body, const struct edition *e, const struct report *r, const char *unit)
{
    char first[11], last[11];
    struct json_writer w;
    days_of(e, first, last);
    json_begin(&w, body);
    json_object(&w);
    member(&w, unit != NULL ? "unit" : "government", unit != NULL ? unit : e->code);
    if (strstr(r->members, "month") != NULL)
        member(&w, "month", e->period);
    else if (strstr(r->members, "from to") != NULL) {
        member(&w, "from", first);
        member(&w, "to", last);
    } else
        member(&w, "date", last);
    member(&w, "closed", "ya");
    json_object_end(&w);
}

static bool report_file(struct edition *e, const struct report *r, const char *unit, enum report_format format,
                        const json_value *head, struct source *from)
{
    const struct report_style style = {.format = format, .english = strcmp(cli_say("id", "en"), "en") == 0};
    struct folder_file out;
    char name[400], stem[280] = "", reason[256];
    if (unit != NULL)
        folder_name(stem, sizeof stem, unit);
    snprintf(name, sizeof name, "%s%s%s.%s", r->name, unit != NULL ? "-unit-" : "", stem, report_format_name(format));
    if (!folder_file_begin(&out, &e->folder, name))
        return false;
    from->rows = 0;
    from->report = r;
    bool ok = report_run(r, &style, head, give_rows, from, folder_file_write, &out, reason, sizeof reason);
    const char *why = from->error.message[0] != '\0' ? from->error.message : reason;
    if (!ok && why[0] != '\0')
        cli_error("%s: %s", name, why);
    return end_file(e, &out, name, from->rows, ok);
}

static bool has_code(const json_value *answer, const char *word)
{
    struct text code;
    return json_get_string(json_member(json_member(answer, "error"), "code"), &code) && code.len == strlen(word) &&
           memcmp(code.s, word, code.len) == 0;
}

/* There is nobody or nothing to report on; or it looks back on days that were never frozen: not the edition's own. */
static bool left_out(const struct edition *e, const struct report *r, const json_value *answer)
{
    bool back = has_code(answer, "not_closed");
    if (back)
        printf(cli_say("%s %s: tanpa laporan %s, yang mencakup hari yang belum ditutup\n",
                       "%s %s: without the report %s, which covers days that are not frozen\n"), e->code, e->period, r->name);
    return back || has_code(answer, "nothing_to_report");
}

/* A report in every format that holds as many rows; unit NULL: the whole government. */
static bool report_files(struct edition *e, const struct report *r, const char *unit)
{
    char now[40];
    bool refused, ok = true;
    struct buf body;
    buf_init(&body, BODY_MAX);
    report_body(&body, e, r, unit);
    struct json_doc *head = cli_ask(e->s, r->head, &body, &refused);
    const char *const params[] = {buf_str(&body), cli_now(now, sizeof now)};
    struct source from = {.s = e->s, .params = params};
    if (head == NULL || (refused && !left_out(e, r, json_root(head)))) {
        cli_error(cli_say("%s %s: laporan %s tidak dapat dibuat", "%s %s: report %s cannot be made"), e->code, e->period, r->name);
        ok = false;
    }
    for (int i = 0; ok && !refused && i < REPORT_FORMATS; i++) {
        enum report_format format = (enum report_format)i;
        size_t max = report_rows_max(format);
        ok = (max != 0 && from.rows > max) || report_file(e, r, unit, format, json_root(head), &from);
    }
    json_doc_free(head);
    buf_fini(&body);
    return ok;
}

static bool reports_due(struct edition *e, enum report_due due, const char *unit)
{
    bool ok = true;
    for (size_t i = 0; ok && i < reports_count(); i++)
        if ((report_at(i)->due & (unsigned)due) != 0)
            ok = report_files(e, report_at(i), unit);
    return ok;
}

static bool day_files(struct edition *e)
{
    return day_rows(e) && difference_file(e) && reports_due(e, REPORT_DUE_DAY, NULL);
}

static bool month_files(struct edition *e)
{
    const char *const key[] = {e->government, e->period, e->version};
    struct rows *units = cli_query(e->s, "select code from api.export_units($1::bigint, $2, $3::int)", 3, key);
    bool ok = units != NULL && reports_due(e, REPORT_DUE_MONTH, NULL);
    for (size_t i = 0; ok && i < rows_count(units); i++)
        ok = reports_due(e, REPORT_DUE_MONTH_UNIT, rows_get(units, i, 0));
    rows_free(units);
    return ok;
}

/* ---- the manifest ---- */

static void manifest_head(struct edition *e)
{
    json_begin(&e->w, &e->manifest);
    json_object(&e->w);
    json_key(&e->w, "format");
    json_string(&e->w, "hadir-nightly-1");
    json_key(&e->w, "government");
    json_string(&e->w, e->code);
    json_key(&e->w, is_month(e) ? "month" : "day");
    json_string(&e->w, e->period);
    json_key(&e->w, "version");
    json_raw(&e->w, e->version, strlen(e->version));
    json_key(&e->w, "closed_at");
    json_string(&e->w, e->closed_at);
    if (!is_month(e)) {
        json_key(&e->w, "late_spools");
        json_string(&e->w, e->late_spools);
    }
    json_key(&e->w, "files");
    json_array(&e->w);
}

/* A member that is a list of objects, of the statement's rows and columns. */
static bool manifest_list(struct edition *e, const char *name, const char *sql)
{
    const char *const key[] = {e->government, e->period, e->version};
    struct rows *rows = cli_query(e->s, sql, 3, key);
    json_key(&e->w, name);
    json_array(&e->w);
    for (size_t i = 0; rows != NULL && i < rows_count(rows); i++) {
        json_object(&e->w);
        for (size_t c = 0; c < rows_columns(rows); c++) {
            json_key(&e->w, rows_column_name(rows, c));
            json_string(&e->w, rows_get(rows, i, c));
        }
        json_object_end(&e->w);
    }
    json_array_end(&e->w);
    bool ok = rows != NULL;
    rows_free(rows);
    return ok;
}

static bool manifest_tail(struct edition *e)
{
    const char *const key[] = {e->government, e->period, e->version};
    uint8_t hash[SHA256_BYTES];
    json_array_end(&e->w);
    if (is_month(e) ? !manifest_list(e, "days", "select day, version from api.month_day_versions($1::bigint, $2, $3::int)")
                    : !manifest_list(e, "rules", "select kind, name, version from api.nightly_versions($1::bigint, $2::date, $3::int)"))
        return false;
    struct rows *previous = cli_query(e->s, "select api.export_previous($1::bigint, $2, $3::int)", 3, key);
    if (previous == NULL)
        return false;
    json_key(&e->w, "previous_manifest_sha256");
    json_string(&e->w, rows_count(previous) == 1 ? rows_get(previous, 0, 0) : NULL);
    rows_free(previous);
    json_object_end(&e->w);
    buf_putc(&e->manifest, '\n');
    digest_sha256(e->manifest.data, e->manifest.len, hash);
    encode_hex(e->manifest_hash, sizeof e->manifest_hash, hash, sizeof hash);
    return folder_write(&e->folder, MANIFEST, &e->manifest);
}

/* ---- the signature ---- */

/* Hex of a fresh signature over the manifest into ret; false after a message. */
static bool sign_manifest(const struct edition *e, struct buf *ret)
{
    struct buf der;
    buf_init(&der, SIGNATURE_MAX);
    bool ok = seal_make(e->seal, e->manifest.data, e->manifest.len, &der);
    for (size_t i = 0; ok && i < der.len; i++)
        ok = buf_printf(ret, "%02x", der.data[i]);
    if (!ok)
        cli_error(cli_say("%s %s: tidak dapat ditandatangani", "%s %s: cannot be signed"), e->code, e->period);
    buf_fini(&der);
    return ok;
}

/* Hex of the signature that is kept over the manifest of manifest_hash: made, or the one of before; NULL for none. false after a
 * message. Caller frees *ret_rows, which *ret_hex borrows from. */
static bool kept_signature(const struct edition *e, const char *made, struct rows **ret_rows, const char **ret_hex)
{
    static const char sql[] = "select encode(api.export_signature($1::bigint, $2, $3::int, $4, decode($5, 'hex'), "
                              "$6::timestamptz), 'hex')";
    char now[40];
    const char *const params[] = {e->government, e->period, e->version, e->manifest_hash, made, cli_now(now, sizeof now)};
    *ret_rows = cli_query(e->s, sql, 6, params);
    *ret_hex = *ret_rows != NULL && rows_count(*ret_rows) == 1 ? rows_get(*ret_rows, 0, 0) : NULL;
    return *ret_rows != NULL;
}

/* The kept signature over this manifest, ours if there was none, into the folder. */
static bool add_signature(const struct edition *e)
{
    struct rows *rows = NULL;
    struct buf hex, der;
    const char *kept = NULL;
    buf_init(&hex, 2 * SIGNATURE_MAX);
    buf_init(&der, SIGNATURE_MAX);
    bool ok = (e->seal == NULL || sign_manifest(e, &hex)) &&
              kept_signature(e, e->seal != NULL ? buf_str(&hex) : NULL, &rows, &kept);
    for (size_t i = 0; ok && kept != NULL && kept[i] != '\0'; i += 2) {
        uint8_t byte = 0;
        ok = decode_hex(kept + i, 2, &byte, 1) && buf_u8(&der, byte);
    }
    ok = ok && (kept == NULL || folder_write(&e->folder, SIGNATURE, &der));
    rows_free(rows);
    buf_fini(&hex);
    buf_fini(&der);
    return ok;
}

/* ---- the folder ---- */

/* All contents from one snapshot, of versions frozen until this one was. Nothing bounds the pause in which a file is put together. */
static bool write_contents(struct edition *e)
{
    static const char begin[] = "begin transaction isolation level repeatable read, read only; set local idle_in_transaction_session_timeout = 0";
    struct store_error error;
    const char *const to[] = {e->frozen_at};
    if (!session_script(e->s, begin, &error)) {
        cli_error("%s", error.message);
        return false;
    }
    struct rows *set = cli_query(e->s, "select set_config('hadir.frozen_to', $1, true)", 1, to);
    manifest_head(e);
    bool ok = set != NULL && (is_month(e) ? month_files(e) : day_files(e)) && manifest_tail(e);
    rows_free(set);
    return session_script(e->s, "rollback", &error) && ok;
}

/* A folder that a killed run published and did not record: its manifest has a signature that we kept. false: it is none of these. */
static bool published_before(struct edition *e, const char *parent)
{
    char path[8192];
    uint8_t hash[SHA256_BYTES];
    struct rows *rows = NULL;
    const char *kept = NULL;
    snprintf(path, sizeof path, "%s/%s", e->folder.final, MANIFEST);
    if (access(path, F_OK) != 0 || !cli_read_file(path, &e->manifest))
        return false;
    digest_sha256(e->manifest.data, e->manifest.len, hash);
    encode_hex(e->manifest_hash, sizeof e->manifest_hash, hash, sizeof hash);
    bool ours = kept_signature(e, NULL, &rows, &kept) && kept != NULL && file_sync_folder(parent);
    rows_free(rows);
    buf_clear(&e->manifest);
    return ours;
}

static bool write_edition(struct edition *e)
{
    char parent[4096], name[64], stem[256];
    snprintf(parent, sizeof parent, "%s/%s", cli_conf()->export_dir, folder_name(stem, sizeof stem, e->code));
    snprintf(name, sizeof name, strcmp(e->version, "1") == 0 ? "%s" : "%s.v%s", e->period, e->version);
    if (!folder_init(&e->folder, parent, name))
        return false;
    if (published_before(e, parent))
        return true;
    bool ok = folder_begin(&e->folder, parent) && write_contents(e) && add_signature(e) &&
              folder_publish(&e->folder, parent, MANIFEST);
    if (e->files > 0 && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    return ok;
}

bool edition_publish(struct edition *e)
{
    char now[40];
    buf_init(&e->manifest, MANIFEST_MAX);
    bool ok = write_edition(e);
    if (ok) {
        const char *const record[] = {e->government, e->period, e->version, e->folder.final, e->manifest_hash, e->closed_at,
                                      cli_now(now, sizeof now)};
        struct rows *rows = cli_query(e->s, "select api.export_record($1::bigint, $2, $3::int, $4, $5, "
                                            "$6::timestamptz, $7::timestamptz)", 7, record);
        ok = rows != NULL;
        rows_free(rows);
    }
    if (ok && e->files == 0)
        printf(cli_say("%s %s versi %s: sudah ada di %s\n", "%s %s version %s: was in %s already\n"), e->code, e->period, e->version,
               e->folder.final);
    else if (ok)
        printf(cli_say("%s %s versi %s: %zu berkas di %s\n", "%s %s version %s: %zu files in %s\n"), e->code, e->period,
               e->version, e->files, e->folder.final);
    buf_fini(&e->manifest);
    return ok;
}
