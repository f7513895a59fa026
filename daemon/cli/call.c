/* A function of the database that takes a JSON body and answers in JSON (api.NAME(body, now), see sql/api/actor_rights.sql):
 * asked, its problems told. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void print_text(FILE *to, const json_value *object, const char *name)
{
    struct text value;
    if (json_get_string(json_member(object, name), &value))
        fprintf(to, "%.*s", (int)value.len, value.s);
}

static void print_error(const json_value *error)
{
    const json_value *problems = json_member(error, "problems");
    for (size_t i = 0; i < json_count(problems); i++) {
        struct text field;
        const json_value *problem = json_at(problems, i);
        fputs("hadir: ", stderr);
        if (json_get_string(json_member(problem, "field"), &field) && field.len > 0)
            fprintf(stderr, "%.*s: ", (int)field.len, field.s);
        print_text(stderr, problem, "reason");
        fputc('\n', stderr);
    }
    struct text code;
    char name[64];
    if (json_count(problems) == 0 && json_get_string(json_member(error, "code"), &code)) {
        snprintf(name, sizeof name, "%.*s", (int)code.len, code.s);
        cli_error("%s", cli_word(name));
    }
}

struct json_doc *cli_ask(struct session *s, const char *sql, struct buf *body, bool *ret_refused)
{
    char now[40];
    struct json_doc *doc = NULL;
    *ret_refused = false;
    const char *text = buf_str(body);
    if (text == NULL) {
        cli_error("%s", cli_say("masukan terlalu besar", "the input is too large"));
        return NULL;
    }
    const char *const params[] = {text, cli_now(now, sizeof now)};
    struct rows *rows = cli_query(s, sql, 2, params);
    if (rows != NULL && rows_count(rows) == 1 && rows_get(rows, 0, 0) != NULL) {
        struct json_error e;
        doc = json_parse(rows_get(rows, 0, 0), rows_length(rows, 0, 0), 16, &e);
        if (doc == NULL)
            cli_error("%s", e.reason);
    }
    rows_free(rows);
    *ret_refused = doc != NULL && json_member(json_root(doc), "error") != NULL;
    return doc;
}

struct json_doc *cli_call(struct session *s, const char *sql, struct buf *body, bool *ret_refused)
{
    struct json_doc *doc = cli_ask(s, sql, body, ret_refused);
    if (*ret_refused)
        print_error(json_member(json_root(doc), "error"));
    return doc;
}
