/* Configuration: one alphabetical table in conf.c is the truth; sample file and man page are checked against it.
 * INI file, one section [hadird]. Paths relative to the file's folder are made absolute. */
#ifndef HADIR_CONF_H
#define HADIR_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf {
    char *admin_listen;        /* "127.0.0.1:8081": /metrics, /healthz, /readyz */
    char *database;            /* libpq connection string without user; each role adds its own user */
    int64_t desks;
    int64_t doors;             /* 0 = one per core */
    char *directory_dir;       /* folder of the snapshot */
    char *export_certificate;  /* PEM chain; absent = the nightly export is not signed */
    char *export_dir;          /* nightly export */
    char *export_key;          /* PEM, P-256 or RSA; must not be readable by others */
    int64_t handshakes_max;    /* TLS handshakes in flight per door */
    int64_t connections_max;   /* per door */
    int64_t head_timeout_ms, body_timeout_ms, idle_timeout_ms, request_timeout_ms;
    char *language;            /* "id" or "en": default language of messages */
    char *listen;              /* "127.0.0.1:8443" */
    char *log_level;
    char *public_url;          /* how clients reach us, for enrolment sheets */
    int64_t rate_address, rate_all, rate_failures, rate_token; /* requests a second, per door; 0 = no limit */
    char *receipt_key;         /* PEM, Ed25519; must not be readable by others */
    bool simulated_clock;      /* demonstrations only */
    int64_t spool_free_floor_mb;
    char *spool_dir;
    int64_t spool_keep_days;
    char *target_secrets;      /* folder of a file for each target of the export; absent = none */
    char *tls_certificate, *tls_key;
    char *whatsapp_app_secret; /* file; must not be readable by others; absent = channel off */
    char *whatsapp_verify_token; /* file */
};

/* Reads and validates. NULL on error, and *ret_error (caller frees) names file, line, key and reason, one per line:
 * every problem at once. */
struct conf *conf_load(const char *path, char **ret_error);
void conf_free(struct conf *c);

/* For the lint and `hadird --help-config`: the table itself, alphabetical. type: text path int bool address choice;
 * fallback: NULL = must be given, "" = absent. */
struct conf_key {
    const char *name, *type, *fallback, *help;
};
const struct conf_key *conf_keys(size_t *ret_count);
/* Reads a secret file (trailing newline removed); refuses one that group or others can read.
 * false on error with a reason in error. Caller frees *ret with a wipe. */
bool conf_read_secret(const char *path, char **ret, char *error, size_t error_cap);

#endif
