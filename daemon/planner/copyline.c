/* From COPY's text to the directory's rows.
 *
 * Place in the flow: planner.c's copy brings lines, snapshot.h takes rows. COPY separates by tabs and escapes with
 * backslashes; arrays are PostgreSQL's array text ({1,2}); sessions are JSON. Everything is checked: SQL is ours, but a
 * row that the doors would misread must stop here.
 * Does not: keep anything between lines. No threads. */
#include "copyline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "json.h"

#define IDS_MAX 10000
#define SESSIONS_MAX 64
#define SHAPE_MAX ((size_t)2 << 20)

/* ---- COPY's text format ---- */

static char unescaped(char c)
{
    static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
    const char *at = c == '\0' ? NULL : strchr(from, c);
    return at == NULL ? c : to[at - from];
}

int copyline_split(char *line, size_t len, char *ret_fields[COPYLINE_FIELDS_MAX])
{
    int count = 0;
    size_t at = 0;
    for (;;) {
        if (count == COPYLINE_FIELDS_MAX)
            return -1;
        char *field = line + at, *to = field;
        bool null = len - at >= 2 && field[0] == '\\' && field[1] == 'N' && (len - at == 2 || field[2] == '\t');
        while (at < len && line[at] != '\t') {
            char c = line[at++];
            if (c == '\\') {
                if (at == len)
                    return -1;
                c = unescaped(line[at++]);
            }
            *to++ = c;
        }
        bool last = at == len;
        *to = '\0';
        ret_fields[count++] = null ? NULL : field;
        if (last)
            return count;
        at++;
    }
}

/* ---- values ---- */

static bool get_int(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    if (s == NULL || s[0] == '\0')
        return false;
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (errno != 0 || *end != '\0' || v < min || v > max)
        return false;
    *ret = v;
    return true;
}

static bool get_id(const char *s, int64_t *ret)
{
    return get_int(s, 0, INT64_MAX, ret);
}

static bool get_bool(const char *s, bool *ret)
{
    if (s == NULL || (strcmp(s, "t") != 0 && strcmp(s, "f") != 0))
        return false;
    *ret = s[0] == 't';
    return true;
}

/* "{1,2}" into ret, numbers from 0 to most; a NULL array counts as empty. −1 when malformed or more than IDS_MAX. */
static int get_numbers(char *s, int64_t most, int64_t ret[IDS_MAX])
{
    if (s == NULL || strcmp(s, "{}") == 0)
        return 0;
    size_t len = strlen(s);
    if (len < 3 || s[0] != '{' || s[len - 1] != '}')
        return -1;
    s[len - 1] = '\0';
    int count = 0;
    for (char *at = s + 1; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL)
            *comma = '\0';
        if (count == IDS_MAX || !get_int(at, 0, most, &ret[count]))
            return -1;
        count++;
        at = comma == NULL ? NULL : comma + 1;
    }
    return count;
}

static int get_ids(char *s, int64_t ret[IDS_MAX])
{
    return get_numbers(s, INT64_MAX, ret);
}

/* ---- rows ---- */

/* Three arrays of the same length: first days, last days, pairs. Returns the length, −1 when malformed. */
static int take_members(char **f, struct snapshot_member ret[IDS_MAX])
{
    static int64_t first_days[IDS_MAX], last_days[IDS_MAX], pairs[IDS_MAX];
    int count = get_numbers(f[0], INT32_MAX, first_days);
    if (get_numbers(f[1], INT32_MAX, last_days) != count || get_numbers(f[2], INT32_MAX, pairs) != count)
        return -1;
    for (int i = 0; i < count; i++)
        ret[i] = (struct snapshot_member){(int32_t)first_days[i], (int32_t)last_days[i], (uint32_t)pairs[i]};
    return count;
}

static bool take_person(struct snapshot *to, char **f)
{
    static struct snapshot_member members[IDS_MAX];
    static int64_t homes[IDS_MAX];
    int64_t person, government;
    bool removed;
    if (!get_id(f[0], &person) || !get_id(f[1], &government) || !get_bool(f[6], &removed))
        return false;
    int member_count = take_members(f + 2, members), home_count = get_ids(f[5], homes);
    return member_count >= 0 && home_count >= 0 &&
           snapshot_person(to, person, government, members, (size_t)member_count, homes, (size_t)home_count, removed);
}

static bool take_slot(struct snapshot *to, char **f)
{
    int64_t pair, day, pattern;
    return get_int(f[0], 1, INT32_MAX, &pair) && get_int(f[1], 0, INT32_MAX, &day) && get_id(f[2], &pattern) &&
           snapshot_slot(to, (uint32_t)pair, (int32_t)day, pattern);
}

static bool session_text(const json_value *v, const char *name, const char **ret)
{
    struct text t;
    if (!json_get_string(json_member(v, name), &t))
        return false;
    *ret = t.s; /* jansson's strings end in a NUL and hold none */
    return true;
}

static bool take_session(const json_value *v, struct snapshot_session *ret)
{
    const char *counts_as;
    return json_get_int(json_member(v, "id"), &ret->id) && session_text(v, "code", &ret->code) &&
           session_text(v, "label", &ret->label) && session_text(v, "counts_as", &counts_as) &&
           counts_as_from_name(counts_as, &ret->counts_as) &&
           json_get_int(json_member(v, "accept_from_us"), &ret->accept_from_us) &&
           json_get_int(json_member(v, "accept_until_us"), &ret->accept_until_us) &&
           json_get_int(json_member(v, "due_us"), &ret->due_us) &&
           json_get_int(json_member(v, "on_time_from_us"), &ret->on_time_from_us) &&
           json_get_int(json_member(v, "on_time_until_us"), &ret->on_time_until_us);
}

/* "{fix,message,…}", one word a channel, in the channels' order. */
static bool take_decides(char *s, enum time_source *ret)
{
    size_t len = s == NULL ? 0 : strlen(s);
    if (len < 2 || s[0] != '{' || s[len - 1] != '}')
        return false;
    s[len - 1] = '\0';
    char *at = s + 1;
    for (int channel = 1; channel <= CHANNEL_MAX; channel++) {
        char *comma = strchr(at, ',');
        if ((comma == NULL) != (channel == CHANNEL_MAX))
            return false;
        if (comma != NULL)
            *comma = '\0';
        if (!time_source_from_name(at, &ret[channel]))
            return false;
        at = comma == NULL ? at : comma + 1;
    }
    return true;
}

static bool take_pattern(struct snapshot *to, char **f)
{
    static int64_t fences[IDS_MAX];
    struct snapshot_session sessions[SESSIONS_MAX];
    struct snapshot_pattern p = {.place = PLACE_NONE, .sessions = sessions, .fences = fences};
    char *end = NULL;
    if (!get_id(f[0], &p.id) || !get_id(f[1], &p.starts_us) || !get_id(f[2], &p.ends_us) ||
        (f[3] != NULL && f[3][0] != '\0' && !place_from_name(f[3], &p.place)) || !get_bool(f[4], &p.anywhere) ||
        f[5] == NULL || !take_decides(f[6], p.decides))
        return false;
    p.accuracy_cap_m = strtod(f[5], &end);
    int fence_count = get_ids(f[8], fences);
    if (end == f[5] || *end != '\0' || fence_count < 0)
        return false;
    p.fence_count = (size_t)fence_count;

    struct json_error error;
    struct json_doc *doc = f[7] == NULL ? NULL : json_parse(f[7], strlen(f[7]), 4, &error);
    if (doc == NULL)
        return f[7] == NULL && snapshot_pattern(to, &p);
    const json_value *list = json_root(doc);
    bool good = json_kind_of(list) == JSON_KIND_ARRAY && json_count(list) <= SESSIONS_MAX;
    p.session_count = good ? json_count(list) : 0;
    for (size_t i = 0; i < p.session_count && good; i++)
        good = take_session(json_at(list, i), &sessions[i]);
    good = good && snapshot_pattern(to, &p);
    json_doc_free(doc);
    return good;
}

static bool take_token(struct snapshot *to, char **f)
{
    uint8_t hash[SHA256_BYTES];
    int64_t kind, id, government, person = 0, channel;
    bool revoked, removed;
    return f[0] != NULL && decode_hex(f[0], strlen(f[0]), hash, sizeof hash) && get_int(f[1], 1, 2, &kind) &&
           get_id(f[2], &id) && get_id(f[3], &government) && (f[4] == NULL || get_id(f[4], &person)) &&
           get_int(f[5], 0, CHANNEL_MAX, &channel) && get_bool(f[6], &revoked) && get_bool(f[7], &removed) &&
           snapshot_token(to, hash, (int)kind, id, government, person, (enum channel)channel, revoked, removed);
}

static bool take_number(struct snapshot *to, char **f)
{
    int64_t government, device, person;
    bool is_user_id, revoked, removed;
    return get_id(f[0], &government) && f[1] != NULL && get_bool(f[2], &is_user_id) && get_id(f[3], &device) &&
           get_id(f[4], &person) && get_bool(f[5], &revoked) && get_bool(f[6], &removed) &&
           snapshot_number(to, government, f[1], is_user_id, device, person, revoked, removed);
}

static bool take_fence(struct snapshot *to, char **f)
{
    int64_t fence, version, government;
    enum fence_kind kind;
    bool shared, removed;
    size_t len = f[6] == NULL ? 0 : strlen(f[6]) / 2;
    if (!get_id(f[0], &fence) || !get_int(f[1], 0, INT32_MAX, &version) || !get_id(f[2], &government) || f[3] == NULL ||
        !fence_kind_from_name(f[3], &kind) || f[4] == NULL || !get_bool(f[5], &shared) || !get_bool(f[7], &removed) ||
        len == 0 || len > SHAPE_MAX)
        return false;
    uint8_t *shape = malloc(len);
    bool good = shape != NULL && decode_hex(f[6], 2 * len, shape, len) && strlen(f[6]) == 2 * len &&
                snapshot_fence(to, fence, (int32_t)version, government, kind, f[4], shared,
                               (struct fence_shape){.bytes = shape, .len = len}, removed);
    free(shape);
    return good;
}

static bool take_business(struct snapshot *to, char **f)
{
    int64_t government;
    return f[0] != NULL && get_id(f[1], &government) && snapshot_business(to, f[0], government);
}

bool copyline_take(struct snapshot *to, char **fields, int count, char *error, size_t error_cap)
{
    static const struct {
        const char *kind;
        int columns;
        bool (*take)(struct snapshot *to, char **f);
    } kinds[] = {{"person", 7, take_person},
                 {"slot", 3, take_slot},
                 {"pattern", 9, take_pattern},
                 {"token", 8, take_token},
                 {"number", 7, take_number},
                 {"fence", 8, take_fence},
                 {"business", 2, take_business}};
    const char *kind = count < 1 || fields[0] == NULL ? "" : fields[0];
    bool good = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && !good; i++)
        good = strcmp(kind, kinds[i].kind) == 0 && count == kinds[i].columns + 1 && kinds[i].take(to, fields + 1);
    if (!good)
        snprintf(error, error_cap, "a row that the directory cannot take: kind \"%.20s\", %d columns, id %.20s", kind,
                 count - 1, strcmp(kind, "token") == 0 || count < 2 || fields[1] == NULL ? "-" : fields[1]);
    return good;
}
