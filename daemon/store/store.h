/* PostgreSQL over libpq, asynchronous, pipelined, on our loop. One store = one connection that reconnects by itself
 * (back-off 100 ms … 5 s) and tells its owner. Statements are constants in C, parameters are text; every exchange is
 * one pipeline sync = one implicit transaction. Server-side timeouts are set per role in SQL. */
#ifndef HADIR_STORE_H
#define HADIR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct store;
struct rows;

struct store_callbacks {
    void (*on_up)(void *arg);    /* connected, settings checked; nothing from before is outstanding */
    void (*on_down)(void *arg);  /* outstanding exchanges have been failed with STORE_DOWN */
    void (*on_notify)(void *arg, const char *channel, const char *payload);
};

enum store_outcome {
    STORE_OK = 0,
    STORE_REFUSED = 1, /* the statement failed; sqlstate and message tell */
    STORE_DOWN = 2     /* the connection went; it is unknown whether the exchange was committed */
};

struct store_error {
    char sqlstate[6];
    char message[256];
};

/* rows is NULL unless STORE_OK; borrowed until return. */
typedef void (*store_cb)(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e);

/* conninfo: database string of the configuration; user: the role's database user; checks on connect that fsync,
 * full_page_writes and synchronous_commit are durable when durable is set (else G_DB_UNSAFE = 1, stays down, retries). */
struct store *store_new(struct loop *loop, const char *conninfo, const char *user, bool durable,
                        const struct store_callbacks *cbs, void *arg);
void store_free(struct store *s);
bool store_is_up(const struct store *s);
bool store_is_unsafe(const struct store *s); /* reachable, but its settings are not durable */
const char *store_last_error(const struct store *s); /* why it is down, "" when up */

/* For whom a statement runs, for one transaction; texts are borrowed until return. */
struct store_actor {
    const char *name;     /* hadir.actor: "access:12" or "device:7" */
    const char *language; /* hadir.language: "id" or "en" */
};

/* Runs sql with n text parameters (NULL = SQL null). actor != NULL: its settings go before it in the same sync. At most
 * 64 exchanges outstanding: false when full or down (nothing sent), cb not called. */
bool store_query(struct store *s, const struct store_actor *actor, const char *sql, int n, const char *const *params, store_cb cb,
                 void *arg);
/* The same with its last parameter in PostgreSQL's binary form, of at most 1 GiB. */
bool store_query_binary(struct store *s, const char *sql, int n, const char *const *params, size_t last_len, store_cb cb, void *arg);
size_t store_outstanding(const struct store *s);
bool store_listen(struct store *s, const char *channel); /* renewed after every reconnect */
/* Outside pipeline, exclusive: starts when nothing is outstanding; until on_end store_query answers false. copy: constant
 * text of one or more `copy (…) to stdout` statements in text format, one transaction; rows come in their order. false
 * when down or another copy waits or runs. on_end's rows are NULL. */
typedef void (*store_copy_cb)(void *arg, const char *line, size_t len); /* one row, without the newline */
bool store_copy_out(struct store *s, const char *copy, store_copy_cb on_line, store_cb on_end, void *arg);

size_t rows_count(const struct rows *r);
size_t rows_columns(const struct rows *r);
const char *rows_column_name(const struct rows *r, size_t col);
const char *rows_get(const struct rows *r, size_t row, size_t col); /* NULL for SQL null; NUL-terminated text */
size_t rows_length(const struct rows *r, size_t row, size_t col);

/* Blocking look, before any loop: false when the database cannot be reached as user within timeout_s, with the reason;
 * otherwise *ret_durable tells whether its settings are durable, with the reason in error when not. */
bool store_probe(const char *conninfo, const char *user, unsigned timeout_s, bool *ret_durable, char *error,
                 size_t error_cap);

/* Files and folders that a connection may read while it is made, NULL at the end; NULL: no memory, or too many. */
char **store_files(const char *conninfo);
void store_files_free(char **files);

/* Blocking variant for the command line: one connection, one statement at a time, errors as text. */
struct session;
struct session *session_open(const char *conninfo, const char *user, char *error, size_t error_cap);
void session_close(struct session *s);
/* NULL rows on failure, reason in *e. Caller frees with rows_free. */
struct rows *session_query(struct session *s, const char *sql, int n, const char *const *params, struct store_error *e);
/* The same, row by row as they arrive: memory does not grow with their number. on_row gets the columns' names and each row's
 * values (NULL: SQL null), borrowed until return; false from it ends the statement. At most 64 columns. false: it was ended so, or failed with the reason in *e (sqlstate "" for the first). */
typedef bool (*session_row_cb)(void *arg, size_t count, const char *const *names, const char *const *cells);
bool session_stream(struct session *s, const char *sql, int n, const char *const *params, session_row_cb on_row, void *arg,
                    struct store_error *e);
/* A whole script, simple protocol. */
bool session_script(struct session *s, const char *sql, struct store_error *e);
void rows_free(struct rows *r);

#endif
