/* Query parameters of questions and requests.
 *
 * Place in the flow: handlers call these before they ask a desk. Names that nobody knows are refused, never skipped: a
 * misspelt `form=` would otherwise answer another question than the one meant. Pure but for the answer of a refusal. */
#include "query.h"

#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "counter.h"
#include "http.h"
#include "json.h"

#define PARAMETERS_MAX 8u

struct parameters {
    struct parameter *known;
    size_t count;
    const char *code;  /* first fault, NULL when none */
    char field[64];
};

static bool on_pair(void *arg, struct text name, struct text value)
{
    struct parameters *ps = arg;
    const char *code = "unknown_parameter";
    for (size_t i = 0; i < ps->count; i++) {
        struct parameter *p = &ps->known[i];
        if (strlen(p->name) != name.len || memcmp(p->name, name.s, name.len) != 0)
            continue;
        if (p->value.s == NULL) {
            p->value = value;
            return true;
        }
        code = "repeated_parameter";
    }
    ps->code = code;
    snprintf(ps->field, sizeof ps->field, "%.*s", (int)(name.len < 60 ? name.len : 60), name.s);
    return false;
}

/* true when there is no query at all. */
static bool pairs(struct exchange *x, http1_pair_cb fn, void *arg)
{
    return x->request->query.s == NULL || x->request->query.len == 0 ||
           http1_pairs(x->request->query, x->arena, PARAMETERS_MAX, fn, arg);
}

/* code NULL: it could not be read. */
static void refuse(struct exchange *x, const char *code, const char *field)
{
    counter_inc(C_REFUSE_MALFORMED);
    answer_code(x, code != NULL ? code : "bad_query", code != NULL ? field : NULL);
}

bool query_read(struct exchange *x, struct parameter *known, size_t count)
{
    struct parameters ps = {.known = known, .count = count};
    if (pairs(x, on_pair, &ps))
        return true;
    refuse(x, ps.code, ps.field);
    return false;
}

/* ---- as members of an object ---- */

struct members {
    struct json_writer *w;
    const char *taken; /* a name that is in the object already, or NULL */
    struct text seen[PARAMETERS_MAX];
    size_t count;
    bool repeated;
    char field[64];
};

static bool is_taken(const struct members *m, struct text name)
{
    if (m->taken != NULL && strlen(m->taken) == name.len && memcmp(m->taken, name.s, name.len) == 0)
        return true;
    for (size_t i = 0; i < m->count; i++)
        if (m->seen[i].len == name.len && memcmp(m->seen[i].s, name.s, name.len) == 0)
            return true;
    return false;
}

static bool on_member(void *arg, struct text name, struct text value)
{
    struct members *m = arg;
    if (is_taken(m, name)) {
        m->repeated = true;
        snprintf(m->field, sizeof m->field, "%.*s", (int)(name.len < 60 ? name.len : 60), name.s);
        return false;
    }
    m->seen[m->count++] = name;
    json_key(m->w, name.s);
    json_string_n(m->w, value.s, value.len);
    return true;
}

bool query_members(struct exchange *x, struct json_writer *w, const char *taken)
{
    struct members m = {.w = w, .taken = taken};
    if (pairs(x, on_member, &m))
        return true;
    refuse(x, m.repeated ? "repeated_parameter" : NULL, m.field);
    return false;
}
