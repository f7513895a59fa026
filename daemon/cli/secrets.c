/* A target's file below target_secrets: what is needed to be let in, on the machine that sends and nowhere else.
 *
 *     [target]
 *     user = …  password = …  token = …  key = …  key_password = …  known_hosts = …  ca = …  timeout_s = …
 *
 * Called GOVERNMENT.NAME, readable by its owner alone. Files that it names lie beside it unless they begin with a slash. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "deliver.h"
#include "digest.h"
#include "folder.h"
#include "inifile.h"
#include "log.h"

#define TIMEOUT_S 60 /* unless timeout_s says otherwise */
#define TIMEOUT_MAX_S 600

struct load {
    struct target_secrets *s;
    const char *folder;
    struct buf *error;
    bool ours;
};

/* Reasons of daemon/base, which speaks English, for people; others as they are. */
static const char *translated(const char *reason)
{
    static const char *const reasons[][2] = {
        {"others can reach it: chmod 600", "dapat dijangkau orang lain: chmod 600"},
        {"not a regular file", "bukan berkas biasa"},
        {"too large", "terlalu besar"},
        {"empty", "kosong"},
        {"holds a NUL", "berisi NUL"},
        {"memory is short", "memori tidak cukup"},
        {"the head of a section lacks its ]", "kepala bagian tidak ditutup dengan ]"},
        {"not of the form key = value", "tidak berbentuk kunci = nilai"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i][0], reason) == 0)
            return cli_say(reasons[i][1], reasons[i][0]);
    return reason;
}

static void on_section(void *arg, unsigned line, const char *name)
{
    struct load *l = arg;
    l->ours = strcmp(name, "target") == 0;
    if (!l->ours)
        (void)buf_printf(l->error, cli_say("baris %u: satu-satunya bagian ialah [target]", "line %u: the only section is [target]"), line);
}

static char **text_member(struct target_secrets *s, const char *key, bool *ret_path)
{
    const struct {
        const char *key;
        char **value;
        bool path;
    } members[] = {{"user", &s->user, false},          {"password", &s->password, false},
                   {"token", &s->token, false},        {"key", &s->key, true},
                   {"key_password", &s->key_password, false}, {"known_hosts", &s->known_hosts, true},
                   {"ca", &s->ca, true}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strcmp(members[i].key, key) == 0) {
            *ret_path = members[i].path;
            return members[i].value;
        }
    return NULL;
}

static void on_pair(void *arg, unsigned line, const char *key, const char *value)
{
    struct load *l = arg;
    bool path = false;
    char **text = text_member(l->s, key, &path), *end = NULL;
    if (!l->ours)
        (void)buf_printf(l->error, cli_say("baris %u: berada sebelum [target]", "line %u: stands before [target]"), line);
    else if (text == NULL && strcmp(key, "timeout_s") != 0)
        (void)buf_printf(l->error, cli_say("baris %u: kunci %s tidak dikenal", "line %u: unknown key %s"), line, key);
    else if (text == NULL) {
        l->s->timeout_s = strtol(value, &end, 10);
        if (*end != '\0' || l->s->timeout_s < 1 || l->s->timeout_s > TIMEOUT_MAX_S)
            (void)buf_printf(l->error, cli_say("baris %u: timeout_s di luar batas (1 sampai %d)", "line %u: timeout_s is out of range (1 to %d)"),
                             line, TIMEOUT_MAX_S);
    } else if (*text != NULL || value[0] == '\0')
        (void)buf_printf(l->error, cli_say("baris %u: %s kosong atau ditulis dua kali", "line %u: %s is empty or given twice"), line, key);
    else if (path && value[0] != '/' ? asprintf(text, "%s/%s", l->folder, value) < 0 : (*text = strdup(value)) == NULL)
        fatal("event=out_of_memory");
}

static void on_problem(void *arg, unsigned line, const char *reason)
{
    struct load *l = arg;
    (void)buf_printf(l->error, cli_say("baris %u: %s", "line %u: %s"), line, translated(reason));
}

bool target_secrets_read(const struct conf *c, const char *government, const char *name, struct target_secrets *ret, struct buf *error)
{
    static const struct inifile_events events = {on_section, on_pair, on_problem};
    char path[4096], stem[256], reason[5000], *text = NULL;
    *ret = (struct target_secrets){.timeout_s = TIMEOUT_S};
    if (c->target_secrets == NULL)
        return true;
    snprintf(path, sizeof path, "%s/%s.%s", c->target_secrets, folder_name(stem, sizeof stem, government), name);
    if (access(path, R_OK) != 0) {
        if (errno == ENOENT)
            return true;
        (void)buf_printf(error, "%s: %s", path, cli_reason(errno));
        return false;
    }
    if (!conf_read_secret(path, &text, reason, sizeof reason)) {
        (void)buf_printf(error, "%s: %s", path, translated(strlen(reason) > strlen(path) + 2 ? reason + strlen(path) + 2 : reason));
        return false;
    }
    struct load l = {.s = ret, .folder = c->target_secrets, .error = error};
    if (!inifile_read(text, &events, &l))
        fatal("event=out_of_memory");
    digest_wipe(text, strlen(text));
    free(text);
    if (error->len == 0)
        return true;
    (void)buf_printf(error, " (%s)", path);
    target_secrets_wipe(ret);
    return false;
}

void target_secrets_wipe(struct target_secrets *s)
{
    char *const all[] = {s->user, s->password, s->token, s->key, s->key_password, s->known_hosts, s->ca};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] != NULL)
            digest_wipe(all[i], strlen(all[i]));
        free(all[i]);
    }
    *s = (struct target_secrets){0};
}
