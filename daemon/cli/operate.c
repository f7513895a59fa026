/* hadir migrate, keygen, export-keygen, retention, doctor, clock: what an operator does now and then. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "digest.h"
#include "fetch.h"
#include "seal.h"
#include "signer.h"
#include "wall.h"

#define SQL_FILE_MAX (4u << 20)

/* ---- migrate ---- */

static int is_sql(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && strcmp(d->d_name + n - 4, ".sql") == 0;
}

/* One statement that gives no rows worth keeping. */
static bool execute(struct session *s, const char *name, const char *sql, int n, const char *const *params)
{
    struct store_error e;
    struct rows *rows = session_query(s, sql, n, params, &e);
    if (rows == NULL)
        cli_error("%s: %s", name, e.message);
    rows_free(rows);
    return rows != NULL;
}

static bool script(struct session *s, const char *name, const char *sql)
{
    struct store_error e;
    bool ok = session_script(s, sql, &e);
    if (!ok)
        cli_error("%s: %s", name, e.message);
    return ok;
}

enum migration { MIGRATION_NEW, MIGRATION_SAME, MIGRATION_CHANGED, MIGRATION_UNKNOWN };

static enum migration migration_state(struct session *s, const char *name, const char *sha256_hex)
{
    enum migration state = MIGRATION_NEW;
    const char *const key[] = {name};
    struct rows *table = cli_query(s, "select to_regclass('hadir.schema_migration') is not null", 0, NULL);
    if (table == NULL)
        return MIGRATION_UNKNOWN;
    if (rows_get(table, 0, 0)[0] == 't') {
        struct rows *rows = cli_query(s, "select sha256 from hadir.schema_migration where name = $1", 1, key);
        if (rows == NULL)
            state = MIGRATION_UNKNOWN;
        else if (rows_count(rows) == 1)
            state = strcmp(rows_get(rows, 0, 0), sha256_hex) == 0 ? MIGRATION_SAME : MIGRATION_CHANGED;
        rows_free(rows);
    }
    rows_free(table);
    return state;
}

/* A numbered migration: one transaction, remembered with its checksum, never applied twice, never changed after. */
static bool run_migration(struct session *s, const char *name, struct buf *text)
{
    uint8_t hash[SHA256_BYTES];
    char hex[65], number[12];
    digest_sha256(text->data, text->len, hash);
    encode_hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(number, sizeof number, "%ld", strtol(name, NULL, 10));
    switch (migration_state(s, name, hex)) {
    case MIGRATION_SAME:
        return true;
    case MIGRATION_CHANGED:
        cli_error(cli_say("%s berubah setelah dipasang", "%s was changed after it was applied"), name);
        return false;
    case MIGRATION_UNKNOWN:
        return false;
    case MIGRATION_NEW:
        break;
    }
    const char *const row[] = {number, name, hex};
    bool ok = script(s, name, "begin") && script(s, name, buf_str(text)) &&
              execute(s, name, "insert into hadir.schema_migration (number, name, sha256) values ($1::int, $2, $3)", 3, row);
    if (!script(s, name, ok ? "commit" : "rollback") || !ok)
        return false;
    printf(cli_say("dipasang: %s\n", "applied: %s\n"), name);
    return true;
}

static bool run_file(struct session *s, const char *path, const char *name, bool numbered)
{
    struct buf text;
    buf_init(&text, SQL_FILE_MAX);
    bool ok = cli_read_file(path, &text) && buf_str(&text) != NULL;
    if (ok)
        ok = numbered ? run_migration(s, name, &text) : script(s, name, buf_str(&text));
    buf_fini(&text);
    return ok;
}

static bool run_folder(struct session *s, const char *dir, const char *folder, bool numbered)
{
    char path[4096];
    struct dirent **names;
    bool ok = true;
    snprintf(path, sizeof path, "%s/%s", dir, folder);
    int n = scandir(path, &names, is_sql, alphasort);
    if (n <= 0) {
        cli_error(cli_say("tidak ada berkas SQL di %s", "there are no SQL files in %s"), path);
        return false;
    }
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", dir, folder, names[i]->d_name);
        ok = ok && run_file(s, path, names[i]->d_name, numbered);
        free(names[i]);
    }
    free(names);
    return ok;
}

int cmd_migrate(int argc, char **argv)
{
    const char *dir = HADIR_SQL_DIR;
    const struct cli_option options[] = {{"--sql", &dir, NULL}};
    if (!cli_options(&argc, argv, options, 1, 0, 0))
        return CLI_USAGE;
    struct session *s = cli_connect("hadir_owner");
    /* one at a time: the lock goes with the connection. The api is replaced as one, under the feet of a running daemon. */
    bool ok = script(s, "migrate", "select pg_advisory_lock(hashtext('hadir migrate'))") &&
              run_folder(s, dir, "migrations", true) && script(s, "api", "begin") && run_folder(s, dir, "api", false) &&
              script(s, "api", "commit");
    session_close(s);
    if (ok)
        puts(cli_say("basis data siap", "the database is ready"));
    return ok ? CLI_DONE : CLI_FAILED;
}

/* ---- keygen ---- */

int cmd_keygen(int argc, char **argv)
{
    char error[256];
    if (!cli_options(&argc, argv, NULL, 0, 2, 2))
        return CLI_USAGE;
    struct signer *s = signer_generate();
    bool ok = s != NULL && signer_save(s, argv[1], argv[2], error, sizeof error);
    if (ok)
        printf(cli_say("kunci tanda terima %s\n", "receipt key %s\n"), signer_key_id(s));
    else
        cli_error("%s", s != NULL ? error : "OpenSSL");
    signer_free(s);
    return ok ? CLI_DONE : CLI_FAILED;
}

int cmd_export_keygen(int argc, char **argv)
{
    const char *years = "3";
    char error[512];
    struct seal_request r = {.name = NULL};
    const struct cli_option options[] = {
        {"--name", &r.name, NULL}, {"--rsa", NULL, &r.rsa}, {"--csr", NULL, &r.request}, {"--years", &years, NULL}};
    if (!cli_options(&argc, argv, options, 4, 2, 2) || r.name == NULL || r.name[0] == '\0' || strlen(years) != 1 ||
        years[0] < '1' || years[0] > '9')
        return CLI_USAGE;
    r.days = (years[0] - '0') * 365;
    if (!seal_keygen(&r, argv[1], argv[2], error, sizeof error)) {
        cli_error("%s", error);
        return CLI_FAILED;
    }
    if (r.request)
        printf(cli_say("kunci %s; kirim %s ke otoritas sertifikat, isi export_certificate dengan jawabannya\n",
                       "key %s; send %s to the certificate authority, its answer is export_certificate\n"), argv[1], argv[2]);
    else
        printf(cli_say("kunci %s, sertifikat %s; bagikan sertifikatnya kepada yang memeriksa laporan\n",
                       "key %s, certificate %s; give the certificate to whoever verifies exports\n"), argv[1], argv[2]);
    return CLI_DONE;
}

/* ---- retention ---- */

int cmd_retention(int argc, char **argv)
{
    const char *government = NULL;
    char now[40];
    const struct cli_option options[] = {{"--government", &government, NULL}};
    if (!cli_options(&argc, argv, options, 1, 0, 0))
        return CLI_USAGE;
    struct session *s = cli_connect("hadir_admin");
    const char *const params[] = {government, cli_now(now, sizeof now)};
    struct rows *rows = cli_query(s, "select what, rows from api.retention($1, $2::timestamptz)", 2, params);
    int code = rows != NULL ? CLI_DONE : CLI_FAILED;
    for (size_t i = 0; rows != NULL && i < rows_count(rows); i++)
        printf("%s: %s\n", rows_get(rows, i, 0), rows_get(rows, i, 1));
    rows_free(rows);
    session_close(s);
    return code;
}

/* ---- doctor ---- */

struct findings {
    unsigned bad;
};

static void finding(struct findings *f, bool ok, const char *name, const char *detail, const char *advice)
{
    printf("%-6s %s: %s\n", ok ? "ok" : cli_say("SALAH", "WRONG"), name, detail);
    if (!ok && advice != NULL && advice[0] != '\0')
        printf("       → %s\n", advice);
    f->bad += !ok;
}

static void print_reason(struct findings *f, const json_value *reason)
{
    struct text code, detail;
    char what[256];
    if (!json_get_string(json_member(reason, "code"), &code) || !json_get_string(json_member(reason, "detail"), &detail))
        return;
    snprintf(what, sizeof what, "%.*s: %.*s", (int)code.len, code.s, (int)detail.len, detail.s);
    finding(f, false, "hadird", what, cli_say("lihat RUNBOOK.md pada nama itu", "see RUNBOOK.md under that name"));
}

static void ask_daemon(struct findings *f)
{
    char url[256], error[256];
    long status = 0;
    struct buf answer;
    struct json_error je;
    buf_init(&answer, 1u << 20);
    snprintf(url, sizeof url, "http://%s/healthz", cli_conf()->admin_listen);
    if (!fetch("GET", url, NULL, 0, &answer, &status, error, sizeof error)) {
        finding(f, false, "hadird", error, cli_say("jalankan hadird; lihat lognya", "start hadird; look at its log"));
    } else {
        struct json_doc *doc = json_parse(answer.data, answer.len, 8, &je);
        const json_value *reasons = doc != NULL ? json_member(json_root(doc), "reasons") : NULL;
        for (size_t i = 0; i < json_count(reasons); i++)
            print_reason(f, json_at(reasons, i));
        if (doc != NULL && json_count(reasons) == 0)
            finding(f, true, "hadird", cli_say("sehat", "healthy"), NULL);
        else if (doc == NULL)
            finding(f, false, "hadird", cli_say("jawaban tidak terbaca", "its answer is unreadable"), NULL);
        json_doc_free(doc);
    }
    buf_fini(&answer);
}

static void ask_database(struct findings *f)
{
    char error[512], now[40];
    struct store_error e;
    struct session *s = session_open(cli_conf()->database, "hadir_admin", error, sizeof error);
    if (s == NULL) {
        finding(f, false, cli_say("basis data", "database"), error,
                cli_say("jalankan PostgreSQL; periksa 'database' di konfigurasi. Presensi tetap diterima sementara itu.",
                        "start PostgreSQL; check 'database' in the configuration. Check-ins are taken meanwhile."));
        return;
    }
    const char *const params[] = {cli_now(now, sizeof now)};
    struct rows *rows = session_query(s, "select name, ok, detail, advice from api.doctor($1::timestamptz)", 1, params, &e);
    if (rows == NULL)
        finding(f, false, cli_say("basis data", "database"), e.message, "hadir migrate");
    for (size_t i = 0; rows != NULL && i < rows_count(rows); i++)
        finding(f, rows_get(rows, i, 1)[0] == 't', rows_get(rows, i, 0), rows_get(rows, i, 2), rows_get(rows, i, 3));
    rows_free(rows);
    session_close(s);
}

#define SEAL_DAYS_MIN 30

/* The key of the nightly exports: there, good, and for a while. */
static void look_at_seal(struct findings *f)
{
    const struct conf *c = cli_conf();
    const char *name = cli_say("tanda tangan", "signing");
    char text[512];
    if (c->export_key == NULL) {
        finding(f, false, name, cli_say("laporan malam tidak ditandatangani", "the nightly exports are not signed"),
                cli_say("hadir export-keygen, lalu isi export_certificate dan export_key di konfigurasi",
                        "hadir export-keygen, then export_certificate and export_key in the configuration"));
        return;
    }
    struct seal *seal = seal_load(c->export_certificate, c->export_key, text, sizeof text);
    if (seal == NULL) {
        finding(f, false, name, text, cli_say("perbaiki; sebelum itu tidak ada hari yang diterbitkan",
                                              "mend it; until then no day is published"));
        return;
    }
    int days = seal_days_left(seal);
    snprintf(text, sizeof text, cli_say("sertifikat berlaku %d hari lagi", "the certificate is valid for %d more days"), days);
    finding(f, days >= SEAL_DAYS_MIN, name, text, cli_say("ganti: RUNBOOK.md, A new export key", "replace it: RUNBOOK.md, A new export key"));
    seal_free(seal);
}

int cmd_doctor(int argc, char **argv)
{
    struct findings f = {0};
    if (!cli_options(&argc, argv, NULL, 0, 0, 0))
        return CLI_USAGE;
    (void)cli_conf();
    ask_daemon(&f);
    ask_database(&f);
    look_at_seal(&f);
    return f.bad == 0 ? CLI_DONE : CLI_FAILED;
}

/* ---- clock ---- */

int cmd_clock(int argc, char **argv)
{
    char url[256], error[256];
    long status = 0;
    int64_t wanted_us;
    struct buf answer;
    if (!cli_options(&argc, argv, NULL, 0, 1, 1))
        return CLI_USAGE;
    if (!wall_parse_rfc3339(argv[1], strlen(argv[1]), &wanted_us)) {
        cli_error(cli_say("'%s' bukan waktu RFC 3339 dengan zona", "'%s' is no RFC 3339 time with a zone"), argv[1]);
        return CLI_USAGE;
    }
    buf_init(&answer, 65536);
    snprintf(url, sizeof url, "http://%s/clock", cli_conf()->admin_listen);
    bool ok = fetch("POST", url, argv[1], strlen(argv[1]), &answer, &status, error, sizeof error);
    if (!ok)
        cli_error("%s", error);
    else if (status == 404)
        cli_error("%s", cli_say("hadird tidak memakai jam simulasi (simulated_clock = no)",
                                "hadird has no simulated clock (simulated_clock = no)"));
    else if (status / 100 != 2)
        cli_error(cli_say("hadird menolak: %ld %.*s", "hadird refused: %ld %.*s"), status, (int)answer.len, (const char *)answer.data);
    buf_fini(&answer);
    return ok && status / 100 == 2 ? CLI_DONE : CLI_FAILED;
}
