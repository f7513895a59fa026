/* hadir policy: circulars as files (hadir-policy(5)), checked, applied, listed, taken back. This file only brings the
 * form of a file into JSON, with the line of every key; what it may say is checked in the database, which also puts it
 * into words. A file whose form has problems is still checked there, so that one run lists everything. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "inifile.h"

#define POLICY_FILE_MAX (1u << 20)
#define POLICY_DOCUMENT_MAX (16u << 20)

static const char check_sql[] = "select api.policy_check($1::jsonb, $2::timestamptz)";
static const char apply_sql[] = "select api.policy_apply($1::jsonb, $2::timestamptz)";
static const char list_sql[] = "select api.policies($1::jsonb, $2::timestamptz)";
static const char remove_sql[] = "select api.policy_remove($1::jsonb, $2::timestamptz)";

/* A file on its way into {"sections": [{"section", "line", "pairs": [{"key", "line", "value"}]}]}. */
struct reading {
    const char *path;
    struct json_writer w;
    bool open; /* a section was begun */
    size_t problems;
};

static void member_string(struct json_writer *w, const char *name, const char *value)
{
    if (value != NULL) {
        json_key(w, name);
        json_string(w, value);
    }
}

static void member_line(struct json_writer *w, unsigned line)
{
    json_key(w, "line");
    json_int(w, line);
}

static void end_section(struct reading *r)
{
    if (r->open) {
        json_array_end(&r->w);
        json_object_end(&r->w);
    }
}

static void on_section(void *arg, unsigned line, const char *name)
{
    struct reading *r = arg;
    end_section(r);
    r->open = true;
    json_object(&r->w);
    member_string(&r->w, "section", name);
    member_line(&r->w, line);
    json_key(&r->w, "pairs");
    json_array(&r->w);
}

static void problem(struct reading *r, unsigned line, const char *what, const char *reason)
{
    fprintf(stderr, "%s:%u: %s%s%s\n", r->path, line, what, what[0] != '\0' ? ": " : "", reason);
    r->problems++;
}

static void on_pair(void *arg, unsigned line, const char *key, const char *value)
{
    struct reading *r = arg;
    if (!r->open) {
        problem(r, line, key, cli_say("berdiri sebelum bagian pertama, misalnya [policy]",
                                      "stands before the first section, such as [policy]"));
        return;
    }
    json_object(&r->w);
    member_string(&r->w, "key", key);
    member_line(&r->w, line);
    member_string(&r->w, "value", value);
    json_object_end(&r->w);
}

static void on_problem(void *arg, unsigned line, const char *reason)
{
    problem(arg, line, "", reason);
}

/* The document of a file; problems of form are told and counted. false when there is none. */
static bool read_document(const char *path, struct buf *out, size_t *ret_problems)
{
    static const struct inifile_events events = {on_section, on_pair, on_problem};
    struct reading r = {.path = path};
    struct buf text;
    buf_init(&text, POLICY_FILE_MAX);
    bool ok = cli_read_file(path, &text) && buf_str(&text) != NULL;
    if (ok && strlen(buf_str(&text)) != text.len) {
        cli_error(cli_say("%s: berisi NUL, bukan teks", "%s: holds a NUL, is no text"), path);
        ok = false;
    }
    json_begin(&r.w, out);
    json_object(&r.w);
    json_key(&r.w, "sections");
    json_array(&r.w);
    ok = ok && inifile_read(buf_str(&text), &events, &r);
    end_section(&r);
    json_array_end(&r.w);
    json_object_end(&r.w);
    buf_fini(&text);
    *ret_problems = r.problems;
    return ok && !out->failed;
}

static void print_each(const json_value *lines, const char *before)
{
    for (size_t i = 0; i < json_count(lines); i++) {
        struct text line;
        if (json_get_string(json_at(lines, i), &line))
            printf("  %s%.*s\n", before, (int)line.len, line.s);
    }
}

static void print_lines(const char *path, const json_value *answer)
{
    printf("%s:\n", path);
    print_each(json_member(answer, "lines"), "");
    print_each(json_member(answer, "warnings"), cli_say("PERHATIAN: ", "WARNING: "));
}

static void print_applied(const char *path, const json_value *answer)
{
    struct text number = {"", 0};
    int64_t revision = 0;
    bool changed = false;
    (void)json_get_string(json_member(answer, "number"), &number);
    (void)json_get_int(json_member(answer, "revision"), &revision);
    (void)json_get_bool(json_member(answer, "changed"), &changed);
    printf(changed ? cli_say("%s: %.*s berlaku, revisi %lld\n", "%s: %.*s applied, revision %lld\n")
                   : cli_say("%s: %.*s sudah berlaku, revisi %lld\n", "%s: %.*s was applied already, revision %lld\n"),
           path, (int)number.len, number.s, (long long)revision);
}

/* The problems of a refusal, each at its line. */
static void print_problems(const char *path, const json_value *answer)
{
    const json_value *problems = json_member(json_member(answer, "error"), "problems");
    for (size_t i = 0; i < json_count(problems); i++) {
        const json_value *p = json_at(problems, i);
        struct text field = {"", 0}, reason = {"", 0};
        int64_t line = 0;
        (void)json_get_string(json_member(p, "field"), &field);
        (void)json_get_string(json_member(p, "reason"), &reason);
        (void)json_get_int(json_member(p, "line"), &line);
        fprintf(stderr, "%s:%lld: %.*s: %.*s\n", path, (long long)line, (int)field.len, field.s, (int)reason.len, reason.s);
    }
}

/* Checks or applies one file; whether it is good. */
static bool one_file(struct session *s, const char *path, bool store)
{
    struct buf document;
    size_t problems = 0;
    bool refused = false;
    struct json_doc *answer = NULL;
    buf_init(&document, POLICY_DOCUMENT_MAX);
    if (read_document(path, &document, &problems))
        answer = cli_ask(s, store && problems == 0 ? apply_sql : check_sql, &document, &refused);
    if (refused)
        print_problems(path, json_root(answer));
    bool good = answer != NULL && !refused && problems == 0;
    if (good && store)
        print_applied(path, json_root(answer));
    else if (good)
        print_lines(path, json_root(answer));
    else if (store)
        cli_error(cli_say("%s: tidak diberlakukan", "%s: not applied"), path);
    json_doc_free(answer);
    buf_fini(&document);
    return good;
}

static int each_file(int count, char **paths, bool store)
{
    int code = CLI_DONE;
    (void)cli_conf(); /* first: it says in what language problems are told */
    struct session *s = cli_connect("hadir_admin");
    for (int i = 0; i < count; i++)
        if (!one_file(s, paths[i], store))
            code = CLI_FAILED;
    session_close(s);
    return code;
}

/* Asks with a body of up to two members; NULL when refused, after a message. Caller frees. */
static struct json_doc *ask(const char *sql, const char *number, const char *government)
{
    struct buf body;
    struct json_writer w;
    bool refused = false;
    buf_init(&body, 65536);
    json_begin(&w, &body);
    json_object(&w);
    member_string(&w, "number", number);
    member_string(&w, "government", government);
    json_object_end(&w);
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *answer = cli_call(s, sql, &body, &refused);
    session_close(s);
    buf_fini(&body);
    if (refused) {
        json_doc_free(answer);
        answer = NULL;
    }
    return answer;
}

static int list(const char *government, bool csv)
{
    static const struct listing_column columns[] = {
        {.name = "in_force"}, {.name = "number"}, {.name = "government"}, {.name = "dated"}, {.name = "valid_from"},
        {.name = "valid_to"}, {.name = "title"}};
    struct json_doc *answer = ask(list_sql, NULL, government);
    bool done = answer != NULL && cli_listing(json_member(json_root(answer), "policies"), columns,
                                              sizeof columns / sizeof columns[0], csv);
    json_doc_free(answer);
    return done ? CLI_DONE : CLI_FAILED;
}

static int take_back(const char *number, const char *government)
{
    struct json_doc *answer = ask(remove_sql, number, government);
    if (answer == NULL)
        return CLI_FAILED;
    printf(cli_say("%s: dicabut\n", "%s: removed\n"), number);
    json_doc_free(answer);
    return CLI_DONE;
}

int cmd_policy(int argc, char **argv)
{
    const char *government = NULL;
    bool csv = false;
    const struct cli_option options[] = {{"--government", &government, NULL}, {"--csv", NULL, &csv}};
    if (!cli_options(&argc, argv, options, 2, 1, 1000))
        return CLI_USAGE;
    bool apply = strcmp(argv[1], "apply") == 0;
    if ((apply || strcmp(argv[1], "check") == 0) && argc > 2 && government == NULL && !csv)
        return each_file(argc - 2, argv + 2, apply);
    if (strcmp(argv[1], "list") == 0 && argc == 2)
        return list(government, csv);
    if (csv)
        return CLI_USAGE;
    if (strcmp(argv[1], "remove") == 0 && argc == 3)
        return take_back(argv[2], government);
    return CLI_USAGE;
}
