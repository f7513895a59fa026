/* What the pipelined store and the blocking session have in common: connection parameters, the first statement of a
 * connection, results and errors.
 *
 * Place in the flow: under store.c and session.c; nobody else. Does not connect by itself. No threads. */
#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

const char PG_SETTLE[] = "select pg_catalog.set_config('TimeZone', 'UTC', false),"
                         " pg_catalog.set_config('DateStyle', 'ISO, YMD', false),"
                         " pg_catalog.current_setting('fsync'),"
                         " pg_catalog.current_setting('full_page_writes'),"
                         " pg_catalog.current_setting('synchronous_commit')";

bool pg_settings_durable(const PGresult *row, char *reason, size_t cap)
{
    bool fsync_on = strcmp(PQgetvalue(row, 0, 2), "on") == 0;
    bool pages_on = strcmp(PQgetvalue(row, 0, 3), "on") == 0;
    bool commit_waits = strcmp(PQgetvalue(row, 0, 4), "off") != 0;
    if (fsync_on && pages_on && commit_waits)
        return true;
    snprintf(reason, cap, "settings are not durable: fsync=%s full_page_writes=%s synchronous_commit=%s",
             PQgetvalue(row, 0, 2), PQgetvalue(row, 0, 3), PQgetvalue(row, 0, 4));
    return false;
}

static bool says(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
        if (o->val != NULL && strcmp(o->keyword, keyword) == 0)
            return true;
    return false;
}

static bool ours_only(const char *keyword)
{
    return strcmp(keyword, "user") == 0 || strcmp(keyword, "client_encoding") == 0;
}

bool pg_params_init(struct pg_params *p, const char *conninfo, const char *user, unsigned timeout_s, char *error,
                    size_t error_cap)
{
    memset(p, 0, sizeof *p);
    char *why = NULL;
    p->options = PQconninfoParse(conninfo, &why);
    if (p->options == NULL) {
        pg_first_line(error, error_cap, why == NULL ? "out of memory" : why);
        PQfreemem(why);
        return false;
    }
    snprintf(p->timeout, sizeof p->timeout, "%u", timeout_s);
    /* A peer that vanished without a word must be noticed within half a minute. */
    const char *const added[][2] = {{"application_name", "hadir"}, {"connect_timeout", p->timeout},
                                    {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
                                    {"keepalives_count", "3"},     {"tcp_user_timeout", "25000"}};
    size_t n = 0;
    for (const PQconninfoOption *o = p->options; o->keyword != NULL && n < PG_PARAMS_MAX - 9; o++) {
        if (o->val == NULL || ours_only(o->keyword))
            continue;
        p->keywords[n] = o->keyword;
        p->values[n++] = o->val;
    }
    for (size_t i = 0; i < sizeof added / sizeof added[0]; i++) {
        if (says(p->options, added[i][0]))
            continue;
        p->keywords[n] = added[i][0];
        p->values[n++] = added[i][1];
    }
    p->keywords[n] = "user";
    p->values[n++] = user;
    p->keywords[n] = "client_encoding";
    p->values[n++] = "UTF8";
    return true;
}

void pg_params_fini(struct pg_params *p)
{
    PQconninfoFree(p->options);
    p->options = NULL;
}

void pg_first_line(char *dst, size_t cap, const char *message)
{
    if (message == NULL)
        message = "";
    snprintf(dst, cap, "%.*s", (int)utf8_cut(message, strcspn(message, "\n"), cap - 1), message);
}

void pg_error_of(const PGresult *result, const char *fallback, struct store_error *ret)
{
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(ret->sqlstate, sizeof ret->sqlstate, "%s", state == NULL ? "" : state);
    pg_first_line(ret->message, sizeof ret->message, text == NULL ? fallback : text);
}

/* ---- rows ---- */

size_t rows_count(const struct rows *r)
{
    return (size_t)PQntuples(r->result);
}

size_t rows_columns(const struct rows *r)
{
    return (size_t)PQnfields(r->result);
}

const char *rows_column_name(const struct rows *r, size_t col)
{
    return col < rows_columns(r) ? PQfname(r->result, (int)col) : NULL;
}

const char *rows_get(const struct rows *r, size_t row, size_t col)
{
    if (row >= rows_count(r) || col >= rows_columns(r) || PQgetisnull(r->result, (int)row, (int)col))
        return NULL;
    return PQgetvalue(r->result, (int)row, (int)col);
}

size_t rows_length(const struct rows *r, size_t row, size_t col)
{
    return row < rows_count(r) && col < rows_columns(r) ? (size_t)PQgetlength(r->result, (int)row, (int)col) : 0;
}

void rows_free(struct rows *r)
{
    if (r == NULL)
        return;
    PQclear(r->result);
    free(r);
}
