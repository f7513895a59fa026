/* What is checked before anything runs: configuration, certificate, keys and their modes, folders, the database's
 * settings.
 *
 * Place in the flow: `hadird -n`, start and SIGHUP go through setup_load; all problems are told at once. Secrets are
 * read here, in the supervisor, and reach the doors as bytes through the fork; the receipt key is not.
 * Does not: create folders or keys. No threads. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf.h"
#include "digest.h"
#include "file.h"
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

/* Says what is wrong with the receipt key, or nothing, into the pipe. */
static _Noreturn void try_receipt_key(const char *path, int fd)
{
    char error[300] = "";
    struct signer *signer = signer_load(path, error, sizeof error);
    bool told = signer != NULL || file_write_all(fd, error, strlen(error));
    signer_free(signer);
    _exit(told ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* In a child: whoever is forked from here must not find the key in memory, not even in what was freed. */
static void check_receipt_key(const char *path, struct buf *problems)
{
    int ends[2], status = -1;
    char error[300] = "";
    if (pipe2(ends, O_CLOEXEC) != 0) {
        buf_printf(problems, "receipt_key: %s\n", strerror(errno));
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        try_receipt_key(path, ends[1]);
    close(ends[1]);
    ssize_t n = pid > 0 ? read(ends[0], error, sizeof error - 1) : -1; /* one write, or the end */
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (n != 0 || status != 0)
        buf_printf(problems, "receipt_key: %s\n", n > 0 ? error : "cannot be tried");
}

static void check_keys(const struct conf *c, struct buf *problems)
{
    char error[300] = "";
    struct tls_server *tls = tls_server_new(c->tls_certificate, c->tls_key, NULL, error, sizeof error);
    if (tls == NULL)
        buf_printf(problems, "tls_certificate, tls_key: %s\n", error);
    else
        tls_server_free(tls);
    check_receipt_key(c->receipt_key, problems);
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
