/* What the commands share: options, configuration, connection, time, files, messages. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch.h"
#include "wall.h"

#define CONF_DEFAULT "/etc/hadir/hadird.conf"

static const char *conf_path;
static struct conf *conf;

void cli_set_conf_path(const char *path)
{
    conf_path = path;
}

static bool english(void)
{
    /* before the configuration is read, and for commands that need none, the environment says */
    const char *language = conf != NULL ? conf->language : getenv("HADIR_LANGUAGE");
    return language != NULL && strcmp(language, "en") == 0;
}

const char *cli_say(const char *id, const char *en)
{
    return english() ? en : id;
}

const char *cli_reason(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return cli_say("disk penuh; kosongkan tempat, lalu ulangi", "No space left on device; make room and try again");
    case ENOENT:
        return cli_say("berkas atau folder tidak ada", "No such file or directory");
    case EACCES:
    case EPERM:
    case EROFS:
        return cli_say("tidak diizinkan; periksa pemilik dan hak akses", "Permission denied; look at owner and mode");
    default:
        return strerror(error);
    }
}

static char last_error[1024];

void cli_error(const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    fputs("hadir: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    (void)vsnprintf(last_error, sizeof last_error, fmt, again);
    va_end(again);
    va_end(ap);
}

const char *cli_last_error(void)
{
    return last_error;
}

static const struct cli_option *find_option(const struct cli_option *options, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, options[i].name) == 0)
            return &options[i];
    return NULL;
}

bool cli_options(int *argc, char **argv, const struct cli_option *options, size_t count, int min_words, int max_words)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        const struct cli_option *o = find_option(options, count, argv[i]);
        if (o == NULL) {
            cli_error(cli_say("pilihan %s tidak dikenal", "option %s is unknown"), argv[i]);
            return false;
        }
        if (o->flag != NULL) {
            *o->flag = true;
        } else if (i + 1 < *argc) {
            *o->value = argv[++i];
        } else {
            cli_error(cli_say("pilihan %s memerlukan nilai", "option %s needs a value"), argv[i]);
            return false;
        }
    }
    *argc = kept;
    if (kept - 1 < min_words || kept - 1 > max_words) {
        cli_error("%s", cli_say("jumlah kata tidak sesuai", "the number of words is not right"));
        return false;
    }
    return true;
}

const struct conf *cli_conf(void)
{
    if (conf == NULL) {
        const char *path = conf_path != NULL ? conf_path : getenv("HADIR_CONF");
        char *error = NULL;
        conf = conf_load(path != NULL ? path : CONF_DEFAULT, &error);
        if (conf == NULL) {
            cli_error("%s", error != NULL ? error : "out of memory");
            free(error);
            exit(CLI_FAILED);
        }
    }
    return conf;
}

void cli_fini(void)
{
    conf_free(conf);
    conf = NULL;
}

/* What the database says to people it says in the configured language. */
struct session *cli_connect(const char *user)
{
    char error[512];
    struct store_error e;
    struct session *s = session_open(cli_conf()->database, user, error, sizeof error);
    if (s != NULL && !session_script(s, cli_say("set hadir.language = 'id'", "set hadir.language = 'en'"), &e)) {
        snprintf(error, sizeof error, "%s", e.message);
        session_close(s);
        s = NULL;
    }
    if (s == NULL) {
        cli_error(cli_say("basis data tidak dapat dihubungi sebagai %s: %s", "no database connection as %s: %s"), user, error);
        cli_fini();
        exit(CLI_FAILED);
    }
    return s;
}

struct rows *cli_query(struct session *s, const char *sql, int n, const char *const *params)
{
    struct store_error e;
    struct rows *rows = session_query(s, sql, n, params, &e);
    if (rows == NULL)
        cli_error("%s", e.message);
    return rows;
}

char *cli_value(struct session *s, const char *sql, int n, const char *const *params)
{
    char *value = NULL;
    struct rows *rows = cli_query(s, sql, n, params);
    if (rows != NULL && rows_count(rows) == 1 && rows_get(rows, 0, 0) != NULL)
        value = strdup(rows_get(rows, 0, 0));
    rows_free(rows);
    return value;
}

/* The daemon's own word on its clock: /healthz carries clock_offset_us in the simulated mode. */
static int64_t simulated_offset_us(void)
{
    static bool asked;
    static int64_t offset_us;
    if (asked || !cli_conf()->simulated_clock)
        return offset_us;
    asked = true;
    char url[256], error[256];
    long status = 0;
    struct buf answer;
    buf_init(&answer, 65536);
    snprintf(url, sizeof url, "http://%s/healthz", cli_conf()->admin_listen);
    /* no answer: no daemon runs, so nobody has moved its clock */
    if (fetch("GET", url, NULL, 0, &answer, &status, error, sizeof error)) {
        struct json_error je;
        struct json_doc *doc = json_parse(answer.data, answer.len, 8, &je);
        if (doc != NULL)
            (void)json_get_int(json_member(json_root(doc), "clock_offset_us"), &offset_us);
        json_doc_free(doc);
    }
    buf_fini(&answer);
    return offset_us;
}

int64_t cli_now_us(void)
{
    return wall_now_us() + simulated_offset_us();
}

const char *cli_now(char *dst, size_t cap)
{
    return wall_format_rfc3339(dst, cap, cli_now_us(), 0);
}

bool cli_read_file(const char *path, struct buf *out)
{
    uint8_t chunk[65536];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        cli_error("%s: %s", path, cli_reason(errno));
        return false;
    }
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && buf_add(out, chunk, n))
        continue;
    bool ok = !ferror(f) && !out->failed;
    if (!ok)
        cli_error(cli_say("%s: tidak terbaca, atau lebih besar dari %zu bita", "%s: unreadable, or larger than %zu bytes"),
                  path, out->max);
    fclose(f);
    return ok;
}

size_t cli_print_problems(const struct rows *rows, const char *file)
{
    for (size_t i = 0; i < rows_count(rows); i++) {
        const char *line = rows_get(rows, i, 0), *field = rows_get(rows, i, 1), *reason = rows_get(rows, i, 2);
        fprintf(stderr, "%s:%s: %s: %s\n", file, line != NULL ? line : "?", field != NULL ? field : "?",
                reason != NULL ? reason : "?");
    }
    return rows_count(rows);
}
