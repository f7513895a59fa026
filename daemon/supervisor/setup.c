/* What is checked before anything runs: configuration, certificate, keys and their modes, folders, the database's
 * settings.
 *
 * Place in the flow: `hadird -n`, start and SIGHUP go through setup_load; all problems are told at once. Secrets are
 * read here, in the supervisor, and reach the doors as bytes through the fork.
 * Does not: create folders or keys. No threads. */
#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "digest.h"
#include "log.h"
#include "signer.h"
#include "store.h"
#include "supervisor.h"
#include "tls.h"

#define PROBE_TIMEOUT_S 2

static void check_folder(const char *key, const char *path, struct buf *problems)
{
    struct stat st;
    if (stat(path, &st) != 0)
        buf_printf(problems, "%s: %s: %s\n", key, path, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        buf_printf(problems, "%s: %s: not a folder\n", key, path);
    else if (access(path, W_OK | X_OK) != 0)
        buf_printf(problems, "%s: %s: not writable for this user\n", key, path);
}

static void check_keys(const struct conf *c, struct buf *problems)
{
    char error[300] = "";
    struct tls_server *tls = tls_server_new(c->tls_certificate, c->tls_key, NULL, error, sizeof error);
    if (tls == NULL)
        buf_printf(problems, "tls_certificate, tls_key: %s\n", error);
    else
        tls_server_free(tls);
    struct signer *signer = signer_load(c->receipt_key, error, sizeof error);
    if (signer == NULL)
        buf_printf(problems, "receipt_key: %s\n", error);
    else
        signer_free(signer);
}

static void read_secret(const char *key, const char *path, char **ret, struct buf *problems)
{
    char error[300] = "";
    if (path != NULL && path[0] != '\0' && !conf_read_secret(path, ret, error, sizeof error))
        buf_printf(problems, "%s: %s\n", key, error);
}

bool setup_load(const char *path, struct setup *ret, struct buf *problems)
{
    struct setup s = {0};
    char *error = NULL;
    s.conf = conf_load(path, &error);
    if (s.conf == NULL) {
        buf_puts(problems, error == NULL ? "out of memory\n" : error);
        free(error);
        return false;
    }
    size_t before = problems->len;
    check_keys(s.conf, problems);
    read_secret("whatsapp_app_secret", s.conf->whatsapp_app_secret, &s.app_secret, problems);
    read_secret("whatsapp_verify_token", s.conf->whatsapp_verify_token, &s.verify_token, problems);
    check_folder("spool_dir", s.conf->spool_dir, problems);
    check_folder("directory_dir", s.conf->directory_dir, problems);
    if (problems->len != before || problems->failed) {
        setup_free(&s);
        return false;
    }
    *ret = s;
    return true;
}

static void wipe(char *secret)
{
    if (secret != NULL)
        digest_wipe(secret, strlen(secret));
    free(secret);
}

void setup_free(struct setup *s)
{
    wipe(s->app_secret);
    wipe(s->verify_token);
    conf_free(s->conf);
    *s = (struct setup){0};
}

bool setup_database_allows(const struct setup *s)
{
    char why[300] = "", quoted[400];
    bool durable = false;
    if (!store_probe(s->conf->database, "hadir_intake", PROBE_TIMEOUT_S, &durable, why, sizeof why)) {
        log_warn("event=database_away reason=%s", log_quote(quoted, sizeof quoted, why, strlen(why)));
        return true;
    }
    if (!durable)
        log_error("event=database_unsafe reason=%s", log_quote(quoted, sizeof quoted, why, strlen(why)));
    return durable;
}
