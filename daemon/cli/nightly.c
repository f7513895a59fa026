/* hadir nightly: closes the days that are over and the months that BKPSDM asked for, and publishes each (edition.c).
 *
 * Then what was published is brought to its targets (deliver.c). Run to completion, one at a time (advisory lock), idempotent.
 * Freezing (api.nightly_freeze) and publishing are two steps with a record between them, so a run killed anywhere is finished by
 * the next. A day whose facts changed after it was frozen gets version 2, 3 …; so does a month that is closed again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "deliver.h"
#include "edition.h"
#include "seal.h"

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
    struct rows *asked = cli_query(s, "select ref, code, month from api.nightly_months()", 0, NULL);
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

/* A government whose day cannot be published keeps its later ones back, because each names the one before, and so with its months;
 * neither keeps back the other, nor other governments. */
static bool publish_pending(struct session *s, const struct seal *seal, const char *now)
{
    const char *stuck_days = "", *stuck_months = "";
    const char *const at[] = {now};
    struct rows *pending = cli_query(s, "select government, code, period, version, "
                                        "to_char(closed_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), late_spools, frozen_at "
                                        "from api.export_pending($1::timestamptz)", 1, at);
    bool ok = pending != NULL;
    for (size_t i = 0; pending != NULL && i < rows_count(pending); i++) {
        struct edition e = {.s = s,
                            .seal = seal,
                            .government = rows_get(pending, i, 0),
                            .code = rows_get(pending, i, 1),
                            .period = rows_get(pending, i, 2),
                            .version = rows_get(pending, i, 3),
                            .closed_at = rows_get(pending, i, 4),
                            .late_spools = rows_get(pending, i, 5),
                            .frozen_at = rows_get(pending, i, 6)};
        const char **stuck = strlen(e.period) == 7 ? &stuck_months : &stuck_days;
        if (strcmp(*stuck, e.government) != 0 && !edition_publish(&e)) {
            *stuck = e.government;
            ok = false;
        }
    }
    if (ok && rows_count(pending) == 0)
        puts(cli_say("tidak ada yang perlu diterbitkan", "nothing is to be published"));
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
    bool ours = locked != NULL && locked[0] == 't';
    free(locked);
    session_close(s); /* and with it the lock: whoever freezes next does not wait for a slow target */
    if (ours && !deliver_due())
        code = CLI_FAILED;
    return code;
}
