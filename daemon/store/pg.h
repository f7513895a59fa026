/* What store's own files share: libpq stays inside this folder. */
#ifndef HADIR_PG_H
#define HADIR_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "store.h"

/* A result as callers see it. From session_query it is heap memory of the caller's, from a store it lives on the
 * stack for the time of the callback. */
struct rows {
    PGresult *result;
};

/* Connection parameters for PQconnect…Params: conninfo's own, then ours: user, client_encoding, and what conninfo does
 * not say itself (application name, TCP keep-alive, connect_timeout in seconds). */
#define PG_PARAMS_MAX 64
struct pg_params {
    const char *keywords[PG_PARAMS_MAX];
    const char *values[PG_PARAMS_MAX];
    char timeout[12];
    PQconninfoOption *options; /* owns the texts */
};
bool pg_params_init(struct pg_params *p, const char *conninfo, const char *user, unsigned timeout_s, char *error,
                    size_t error_cap);
void pg_params_fini(struct pg_params *p);

/* The first statement of every connection: times and dates as text mean the same everywhere; its row tells whether
 * acknowledged means durable. */
extern const char PG_SETTLE[];
/* Reads that row: an empty reason when the settings are durable. */
bool pg_settings_durable(const PGresult *row, char *reason, size_t cap);

/* Copies the first line of libpq's message, which ends in a newline and may have several. What is too long ends with a whole
 * character: a row's refusal goes back to the database as its reason. */
void pg_first_line(char *dst, size_t cap, const char *message);
void pg_error_of(const PGresult *result, const char *fallback, struct store_error *ret);

#endif
