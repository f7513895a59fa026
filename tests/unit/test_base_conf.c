/* Configuration: defaults, and every problem named at once. */
#include "conf.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANDATORY                                                                                                    \
    "database = host=/run/pg dbname=hadir\ndirectory_dir=dir\nexport_dir = /srv/export\nreceipt_key=keys/r.pem\n"    \
    "spool_dir=spool\ntls_certificate=c.pem\ntls_key=k.pem\n"

static char folder[64], path[128];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/hadir-conf-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/hadird.conf", folder);
}

static void drop_folder(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void write_file(const char *text, size_t len, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static struct conf *load(const char *text, char **ret_error)
{
    *ret_error = NULL;
    write_file(text, strlen(text), 0644);
    return conf_load(path, ret_error);
}

/* Expects exactly these problems, whatever their order, each as a piece of one line. */
static void refuses(const char *text, const char *const *pieces, size_t count)
{
    char *error;
    size_t lines = 0;
    ck_assert_ptr_null(load(text, &error));
    ck_assert_ptr_nonnull(error);
    for (const char *p = error; *p != '\0'; p++)
        lines += *p == '\n';
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(strstr(error, pieces[i]) != NULL, "missing \"%s\" in:\n%s", pieces[i], error);
    ck_assert_msg(lines == count, "%zu problems expected:\n%s", count, error);
    free(error);
}
#define REFUSES(text, ...)                                                                                           \
    do {                                                                                                             \
        const char *const pieces[] = {__VA_ARGS__};                                                                  \
        refuses(text, pieces, sizeof pieces / sizeof *pieces);                                                       \
    } while (0)

START_TEST(defaults_and_paths)
{
    char *error, expected[200], *real;
    make_folder();
    struct conf *c = load("; comment\n# another\n\n[hadird]\n" MANDATORY, &error);
    ck_assert_msg(c != NULL, "%s", error);
    real = realpath(folder, NULL);
    ck_assert_int_eq(c->doors, 0);
    ck_assert_int_eq(c->desks, 2);
    ck_assert_int_eq(c->spool_keep_days, 8);
    ck_assert_int_eq(c->spool_free_floor_mb, 256);
    ck_assert_int_eq(c->connections_max, 20000);
    ck_assert_int_eq(c->handshakes_max, 512);
    ck_assert_int_eq(c->head_timeout_ms, 10000);
    ck_assert_int_eq(c->body_timeout_ms, 30000);
    ck_assert_int_eq(c->idle_timeout_ms, 75000);
    ck_assert_int_eq(c->request_timeout_ms, 30000);
    ck_assert(!c->simulated_clock);
    ck_assert_str_eq(c->language, "id");
    ck_assert_str_eq(c->log_level, "info");
    ck_assert_str_eq(c->listen, "127.0.0.1:8443");
    ck_assert_str_eq(c->admin_listen, "127.0.0.1:8081");
    ck_assert_str_eq(c->public_url, "https://127.0.0.1:8443");
    ck_assert_str_eq(c->database, "host=/run/pg dbname=hadir");
    ck_assert_str_eq(c->export_dir, "/srv/export");
    ck_assert(c->export_certificate == NULL && c->export_key == NULL);
    snprintf(expected, sizeof expected, "%s/keys/r.pem", real);
    ck_assert_str_eq(c->receipt_key, expected);
    ck_assert_ptr_null(c->whatsapp_app_secret);
    ck_assert_ptr_null(c->whatsapp_verify_token);
    free(real);
    conf_free(c);
    conf_free(NULL);
    drop_folder();
}
END_TEST

START_TEST(given_values)
{
    char *error;
    make_folder();
    struct conf *c = load("[hadird]\r\n  doors = 4 ; four\r\n\tdesks=1\nlanguage = en\nsimulated_clock = yes\n"
                          "listen = [::1]:443\nadmin_listen=[::1]:81\npublic_url = https://hadir.example\nlog_level=debug\n"
                          "whatsapp_app_secret=a\nwhatsapp_verify_token=b\nspool_keep_days=30\n" MANDATORY,
                          &error);
    ck_assert_msg(c != NULL, "%s", error);
    ck_assert(c->doors == 4 && c->desks == 1 && c->simulated_clock && c->spool_keep_days == 30);
    ck_assert_str_eq(c->language, "en");
    ck_assert_str_eq(c->listen, "[::1]:443");
    ck_assert_str_eq(c->public_url, "https://hadir.example");
    conf_free(c);
    drop_folder();
}
END_TEST

START_TEST(every_problem_at_once)
{
    make_folder();
    REFUSES("[hadird]\ndoors = many\ndesks = 0\nlanguage = fr\nsimulated_clock = true\nlisten = localhost:1\nfoo = 1\n"
            "database = host=/x user=boss\ndirectory_dir=d\nexport_dir=e\ntls_key=k\ntls_key=k2\nspool_dir =\n"
            "whatsapp_app_secret = s\nnonsense\nexport_certificate = c\n",
            "hadird.conf:2: doors: \"many\"", "conf:3: desks: 0 is out of range (1 to 8)", "conf:4: language:",
            "conf:5: simulated_clock:", "conf:6: listen:", "conf:7: foo: unknown key", "conf:8: database:",
            "conf:12: tls_key: given twice (first on line 11)", "conf:13: spool_dir: has no value",
            "conf: whatsapp_verify_token: missing", "conf:15: not of the form", "conf: receipt_key: missing",
            "conf: tls_certificate: missing", "conf: export_key: missing: signing the nightly exports needs both");
    drop_folder();
}
END_TEST

START_TEST(sections)
{
    make_folder();
    REFUSES("[other]\nx=1\ny=2\n[hadird]\n" MANDATORY, "conf:1: the only section is [hadird]");
    REFUSES("[hadird]\n" MANDATORY "[empty]\n", "conf:9: the only section");
    REFUSES("doors = 2\n[hadird]\n" MANDATORY, "conf:1: doors: stands before [hadird]");
    REFUSES("[hadird\n[hadird]\n" MANDATORY, "conf:1: the head of a section lacks its ]");
    REFUSES("[Hadird]\n[hadird]\n" MANDATORY, "conf:1: the only section");
    drop_folder();
}
END_TEST

START_TEST(values_at_their_bounds)
{
    static const char *const bad[] = {
        "doors = -1",        "doors = 33",         "doors = 1.5",       "doors = 0x2",       "doors = 2 3",
        "doors = +2",        "doors = 99999999999999999999",            "spool_keep_days=7", "head_timeout_ms = 0",
        "language = id|en",  "language = |",       "log_level = trace", "listen = :443",     "listen = 127.0.0.1",
        "listen = 127.0.0.1:0",                    "listen = 127.0.0.1:65536",              "listen = ::1:443",
        "listen = [127.0.0.1]:443",                "listen = 127.0.0.1:-1",                 "listen = 127.0.0.1:8081",
        "admin_listen = 0.0.0.0:8081",             "admin_listen = [::]:8081",              "public_url = http://x",
        "public_url = https://x/",                 "public_url = https://",                 "public_url = https://x y",
        "simulated_clock = YES",
    };
    make_folder();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[600];
        snprintf(text, sizeof text, "[hadird]\n%s\n" MANDATORY, bad[i]);
        REFUSES(text, "conf:2: ");
    }
    drop_folder();
}
END_TEST

START_TEST(database_is_without_user)
{
    static const char *const bad[] = {"user=x", "host=/a user = x dbname=b", "postgresql://u@h/db"};
    char *error, text[600];
    make_folder();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "[hadird]\n%s", MANDATORY);
        char *rest = strchr(text + 9, '\n');
        char whole[1200];
        snprintf(whole, sizeof whole, "[hadird]\ndatabase = %s%s", bad[i], rest);
        REFUSES(whole, "conf:2: database:");
    }
    struct conf *c = load("[hadird]\ndatabase = host=/superuser dbname=user application_name=x\n"
                          "directory_dir=d\nexport_dir=e\nreceipt_key=r\nspool_dir=s\ntls_certificate=c\ntls_key=k\n",
                          &error);
    ck_assert_msg(c != NULL, "%s", error);
    conf_free(c);
    drop_folder();
}
END_TEST

START_TEST(odd_files)
{
    char *error = NULL, *big = malloc(70001);
    make_folder();
    ck_assert_ptr_null(conf_load(path, &error));
    ck_assert_ptr_nonnull(strstr(error, "No such file"));
    free(error);
    ck_assert_ptr_null(conf_load("/nonexistent/folder/x.conf", &error));
    free(error);
    ck_assert_ptr_null(conf_load(folder, &error));
    ck_assert_ptr_nonnull(strstr(error, "not a regular file"));
    free(error);
    write_file("[hadird]\0\n", 10, 0644);
    ck_assert_ptr_null(conf_load(path, &error));
    ck_assert_ptr_nonnull(strstr(error, "NUL"));
    free(error);
    memset(big, '#', 70000);
    big[70000] = '\0';
    ck_assert_ptr_null(load(big, &error));
    ck_assert_ptr_nonnull(strstr(error, "too large"));
    free(error);
    snprintf(big, 2000, "%s", "[hadird]\n" MANDATORY "public_url = https://");
    size_t at = strlen(big);
    memset(big + at, 'a', 5000);
    big[at + 5000] = '\0';
    REFUSES(big, "conf:9: line longer than 4093 bytes");
    at -= strlen("https://");
    memset(big + at, ' ', 3000); /* long but allowed; a value that 200 bytes would cut */
    snprintf(big + at + 3000, 200, "https://x.example\n");
    struct conf *c = load(big, &error);
    ck_assert_msg(c != NULL, "%s", error);
    ck_assert_str_eq(c->public_url, "https://x.example");
    conf_free(c);
    free(big);
    drop_folder();
}
END_TEST

START_TEST(the_table_is_alphabetical)
{
    size_t count = 0, mandatory = 0;
    const struct conf_key *keys = conf_keys(&count);
    ck_assert_uint_eq(count, 32);
    for (size_t i = 0; i < count; i++) {
        ck_assert(i == 0 || strcmp(keys[i - 1].name, keys[i].name) < 0);
        ck_assert_uint_gt(strlen(keys[i].help), 5);
        mandatory += keys[i].fallback == NULL;
    }
    ck_assert_uint_eq(mandatory, 7);
}
END_TEST

START_TEST(secrets)
{
    char error[300] = "", *secret = NULL;
    make_folder();
    write_file("rahasia\n", 8, 0600);
    ck_assert(conf_read_secret(path, &secret, error, sizeof error));
    ck_assert_str_eq(secret, "rahasia");
    free(secret);
    write_file("a b\r\n", 5, 0400);
    ck_assert(conf_read_secret(path, &secret, error, sizeof error));
    ck_assert_str_eq(secret, "a b");
    free(secret);
    secret = NULL;
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        write_file("x\n", 2, open_modes[i]);
        ck_assert(!conf_read_secret(path, &secret, error, sizeof error));
        ck_assert_ptr_nonnull(strstr(error, "others can reach it"));
    }
    write_file("\n", 1, 0600);
    ck_assert(!conf_read_secret(path, &secret, error, sizeof error));
    write_file("a\0b", 3, 0600);
    ck_assert(!conf_read_secret(path, &secret, error, sizeof error));
    ck_assert(!conf_read_secret("/nonexistent", &secret, error, sizeof error));
    ck_assert_ptr_null(secret);
    drop_folder();
}
END_TEST

UNIT_MAIN("base/conf", defaults_and_paths, given_values, every_problem_at_once, sections, values_at_their_bounds,
          database_is_without_user, odd_files, the_table_is_alphabetical, secrets)
