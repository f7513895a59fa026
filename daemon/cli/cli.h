/* The administrator's command line, `hadir`: what its commands share. One process, one command, blocking. */
#ifndef HADIR_CLI_H
#define HADIR_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "conf.h"
#include "json.h"
#include "store.h"

/* Exit statuses: 0 done, 1 could not (reason on standard error), 2 wrong use. */
enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* An option "--name VALUE", or "--name" alone when flag is not NULL. Values borrow from argv. */
struct cli_option {
    const char *name;
    const char **value;
    bool *flag;
};
/* Takes options out of argv (after the command's name), leaves positional words in place and checks their number.
 * false after a message on standard error. */
bool cli_options(int *argc, char **argv, const struct cli_option *options, size_t count, int min_words, int max_words);

/* Messages in the configured language: Indonesian unless language = en. */
const char *cli_say(const char *id, const char *en) __attribute__((format_arg(1), format_arg(2)));
/* What the system refused with, in the same language; and what to do about it, where that is known. */
const char *cli_reason(int error);
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2), nonnull(1)));
const char *cli_last_error(void); /* the text of the last one, "" before the first */

/* The configuration (-c FILE, else $HADIR_CONF, else /etc/hadir/hadird.conf); exits with 1 when it is not good. */
const struct conf *cli_conf(void);
void cli_set_conf_path(const char *path);
void cli_fini(void);
/* A connection as that database user; exits with 1 when there is none. Caller closes. */
struct session *cli_connect(const char *user);
/* Runs one statement; on failure says so and gives NULL. Caller frees. */
struct rows *cli_query(struct session *s, const char *sql, int n, const char *const *params);
/* One value of one row as text, copied; NULL after a message when it failed or there is no such row. */
char *cli_value(struct session *s, const char *sql, int n, const char *const *params);

/* The time that counts: the daemon's simulated one if its configuration has one and it runs, else ours. As RFC 3339
 * in UTC in dst (≥ 40 bytes). */
int64_t cli_now_us(void);
const char *cli_now(char *dst, size_t cap);

/* Whole file into memory, bounded. false after a message. */
bool cli_read_file(const char *path, struct buf *out);
/* Prints (line, field, reason) rows of an import as a list; returns how many there were. */
size_t cli_print_problems(const struct rows *rows, const char *file);

/* Calls a function of the kind api.NAME(body jsonb, now): sql is "select api.NAME($1::jsonb, $2::timestamptz)". Its
 * answer, also a refusal, whose problems are told then; NULL after a message. Caller frees. */
struct json_doc *cli_call(struct session *s, const char *sql, struct buf *body, bool *ret_refused);
/* The same, but the caller tells the problems of a refusal. */
struct json_doc *cli_ask(struct session *s, const char *sql, struct buf *body, bool *ret_refused);
/* A CSV file as a JSON array of objects {"line", column…}; columns: those allowed, separated by blanks, the first `needed` of
 * which must be there. Problems of form are told and counted; false when the file cannot be read. */
bool cli_csv_rows(const char *file, const char *columns, int needed, struct buf *ret_json, size_t *ret_rows, size_t *ret_problems);

/* A column of a list of JSON objects; inside: the member object that has it, NULL for the row itself. title: what it is called
 * in CSV, if not as the member; word: its values are codes that have words for people. */
struct listing_column {
    const char *name, *inside, *title;
    bool number, word;
};
/* Prints rows (a JSON array of objects), in columns under headings for people or as CSV with codes; false after a message. */
bool cli_listing(const json_value *rows, const struct listing_column *columns, size_t count, bool csv);
/* Says on standard error that a list's answer had more rows, if it says so. */
void cli_tell_more(const json_value *answer);
/* words.c: what people call a code, and the column of that title, in the configured language; itself when there is no word. */
const char *cli_word(const char *code);
const char *cli_heading(const char *column);

/* The commands. argv[0] is the command's name. */
int cmd_migrate(int argc, char **argv);
int cmd_keygen(int argc, char **argv);
int cmd_export_keygen(int argc, char **argv);
int cmd_government(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_enroll(int argc, char **argv);
int cmd_revoke(int argc, char **argv);
int cmd_grant(int argc, char **argv);
int cmd_head(int argc, char **argv);
int cmd_letter(int argc, char **argv);
int cmd_roster(int argc, char **argv);
int cmd_request(int argc, char **argv); /* absence, correction, outage, work-report */
int cmd_doubts(int argc, char **argv);
int cmd_calendar(int argc, char **argv);
int cmd_hours(int argc, char **argv);
int cmd_month(int argc, char **argv);
int cmd_differences(int argc, char **argv);
int cmd_reopen(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_nightly(int argc, char **argv);
int cmd_target(int argc, char **argv);
int cmd_deliver(int argc, char **argv);
int cmd_notices(int argc, char **argv);
int cmd_receipt(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_verify_receipt(int argc, char **argv);
int cmd_retention(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_clock(int argc, char **argv);

/* fences.c: GeoJSON to the rows of api.import_fences; every problem printed. */
bool cli_fences_rows(const char *path, const char *crs, struct buf *ret_json, size_t *ret_problems);

/* qr.c: a QR code in the terminal (UTF-8 half blocks), or as SVG appended to out. false when text is too long. */
bool qr_terminal(const char *text, struct buf *out);
bool qr_svg(const char *text, struct buf *out);

#endif
