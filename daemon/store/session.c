/* The blocking way to the database, for the command line and for the supervisor's look before it forks: one
 * connection, one statement at a time, errors as text.
 *
 * Does not: reconnect, pipeline, run inside an event loop. Server-side timeouts of the role apply. No threads. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg.h"

#define CONNECT_TIMEOUT_S 10

struct session {
    PGconn *conn;
};

/* Notices would go to stderr among the command's own words. */
static void swallow_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static PGconn *open_conn(const char *conninfo, const char *user, unsigned timeout_s, char *error, size_t error_cap)
{
    struct pg_params params;
    if (!pg_params_init(&params, conninfo, user, timeout_s, error, error_cap))
        return NULL;
    PGconn *conn = PQconnectdbParams(params.keywords, params.values, 0);
    pg_params_fini(&params);
    if (conn == NULL || PQstatus(conn) != CONNECTION_OK) {
        pg_first_line(error, error_cap, conn == NULL ? "out of memory" : PQerrorMessage(conn));
        PQfinish(conn);
        return NULL;
    }
    PQsetNoticeProcessor(conn, swallow_notice, NULL);
    return conn;
}

bool store_probe(const char *conninfo, const char *user, unsigned timeout_s, bool *ret_durable, char *error,
                 size_t error_cap)
{
    PGconn *conn = open_conn(conninfo, user, timeout_s, error, error_cap);
    if (conn == NULL)
        return false;
    bool reachable = false;
    PGresult *row = PQexec(conn, PG_SETTLE);
    if (PQresultStatus(row) == PGRES_TUPLES_OK) {
        reachable = true;
        *ret_durable = pg_settings_durable(row, error, error_cap);
    } else {
        pg_first_line(error, error_cap, PQerrorMessage(conn));
    }
    PQclear(row);
    PQfinish(conn);
    return reachable;
}

struct session *session_open(const char *conninfo, const char *user, char *error, size_t error_cap)
{
    struct session *s = malloc(sizeof *s);
    if (s == NULL) {
        snprintf(error, error_cap, "out of memory");
        return NULL;
    }
    s->conn = open_conn(conninfo, user, CONNECT_TIMEOUT_S, error, error_cap);
    if (s->conn == NULL) {
        free(s);
        return NULL;
    }
    PGresult *row = PQexec(s->conn, PG_SETTLE);
    bool settled = PQresultStatus(row) == PGRES_TUPLES_OK;
    if (!settled)
        pg_first_line(error, error_cap, PQerrorMessage(s->conn));
    PQclear(row);
    if (!settled) {
        session_close(s);
        return NULL;
    }
    return s;
}

void session_close(struct session *s)
{
    if (s == NULL)
        return;
    PQfinish(s->conn);
    free(s);
}

struct rows *session_query(struct session *s, const char *sql, int n, const char *const *params,
                           struct store_error *e)
{
    PGresult *result = PQexecParams(s->conn, sql, n, NULL, params, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    struct rows *rows = NULL;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        rows = malloc(sizeof *rows);
    if (rows == NULL) {
        pg_error_of(result, PQerrorMessage(s->conn), e);
        PQclear(result);
        return NULL;
    }
    rows->result = result;
    return rows;
}

static void cancel(PGconn *conn)
{
    char why[256];
    PGcancel *c = PQgetCancel(conn);
    if (c != NULL)
        (void)PQcancel(c, why, sizeof why);
    PQfreeCancel(c);
}

#define STREAM_COLUMNS_MAX 64

static bool give_row(PGresult *result, session_row_cb on_row, void *arg)
{
    const char *names[STREAM_COLUMNS_MAX], *cells[STREAM_COLUMNS_MAX];
    int count = PQnfields(result);
    if (count > STREAM_COLUMNS_MAX)
        return false;
    for (int i = 0; i < count; i++) {
        names[i] = PQfname(result, i);
        cells[i] = PQgetisnull(result, 0, i) ? NULL : PQgetvalue(result, 0, i);
    }
    return on_row(arg, (size_t)count, names, cells);
}

bool session_stream(struct session *s, const char *sql, int n, const char *const *params, session_row_cb on_row, void *arg,
                    struct store_error *e)
{
    bool wanted = true, failed = false;
    *e = (struct store_error){0};
    if (PQsendQueryParams(s->conn, sql, n, NULL, params, NULL, NULL, 0) != 1 || PQsetSingleRowMode(s->conn) != 1) {
        pg_error_of(NULL, PQerrorMessage(s->conn), e);
        return false;
    }
    PGresult *result;
    while ((result = PQgetResult(s->conn)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_SINGLE_TUPLE && wanted && !give_row(result, on_row, arg)) {
            wanted = false;
            cancel(s->conn);
        } else if (wanted && !failed && status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) {
            failed = true;
            pg_error_of(result, PQerrorMessage(s->conn), e);
        }
        PQclear(result);
    }
    return wanted && !failed;
}

bool session_script(struct session *s, const char *sql, struct store_error *e)
{
    PGresult *result = PQexec(s->conn, sql);
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
    if (!good)
        pg_error_of(result, PQerrorMessage(s->conn), e);
    PQclear(result);
    /* A script that opened a transaction and failed leaves it open: later statements must not land in it. */
    if (!good && PQtransactionStatus(s->conn) == PQTRANS_INERROR)
        PQclear(PQexec(s->conn, "rollback"));
    return good;
}
