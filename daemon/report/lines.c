/* The lines around a report's rows, and its values in words for people: what sheets and pages say alike. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define DOTS "........................"

const char *lines_say(const struct layout *l, const char *indonesian, const char *english)
{
    return l->style.english ? english : indonesian;
}

const char *lines_member(const json_value *object, const char *name, char *dst, size_t cap)
{
    struct text t;
    dst[0] = '\0';
    if (json_get_string(json_member(object, name), &t))
        snprintf(dst, cap, "%.*s", (int)t.len, t.s);
    return dst;
}

const char *lines_title(const struct layout *l)
{
    return l->annex != NULL ? lines_say(l, l->annex->indonesian, l->annex->english)
                            : lines_say(l, l->report->indonesian, l->report->english);
}

const char *lines_subject(const struct layout *l, char dst[LINES_CAP])
{
    char unit[300], government[300];
    lines_member(json_member(l->head, "unit"), "name", unit, sizeof unit);
    lines_member(l->head, "government", government, sizeof government);
    snprintf(dst, LINES_CAP, "%s%s%s", unit, unit[0] != '\0' ? " · " : "", government);
    return dst;
}

/* "2 April 2031" of "2031-04-02…"; the text itself when it is no date. */
static const char *long_date(const struct layout *l, const char *iso, char *dst, size_t cap)
{
    static const char *const indonesian[] = {"Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus",
                                             "September", "Oktober", "November", "Desember"};
    static const char *const english[] = {"January", "February", "March", "April", "May", "June", "July", "August",
                                          "September", "October", "November", "December"};
    unsigned year, month, day;
    if (sscanf(iso, "%4u-%2u-%2u", &year, &month, &day) == 3 && month >= 1 && month <= 12)
        snprintf(dst, cap, "%u %s %u", day, lines_say(l, indonesian[month - 1], english[month - 1]), year);
    else
        snprintf(dst, cap, "%s", iso);
    return dst;
}

const char *lines_period(const struct layout *l, char dst[LINES_CAP])
{
    char from[64], to[64], as_of[64], edition[16], day[40], other[40];
    int64_t version = 0;
    if (lines_member(l->head, "date", from, sizeof from)[0] != '\0')
        snprintf(dst, LINES_CAP, "%s", long_date(l, from, day, sizeof day));
    else
        snprintf(dst, LINES_CAP, "%s – %s", long_date(l, lines_member(l->head, "from", from, sizeof from), day, sizeof day),
                 long_date(l, lines_member(l->head, "to", to, sizeof to), other, sizeof other));
    size_t len = strlen(dst);
    lines_member(l->head, "as_of", as_of, sizeof as_of);
    bool closed = strcmp(lines_member(l->head, "edition", edition, sizeof edition), "closed") == 0;
    len += (size_t)snprintf(dst + len, LINES_CAP - len, " · %s %.10s %.5s",
                            closed ? lines_say(l, "ditutup", "closed") : lines_say(l, "keadaan", "as known"), as_of,
                            strlen(as_of) > 16 ? as_of + 11 : "");
    if (json_get_int(json_member(l->head, "version"), &version))
        snprintf(dst + len, LINES_CAP - len, ", %s %lld", lines_say(l, "versi", "version"), (long long)version);
    return dst;
}

void lines_signature(const struct layout *l, struct signature *ret)
{
    char text[300], day[40];
    const json_value *who = json_member(l->head, "signature");
    const char *date = long_date(l, lines_member(who, "date", text, sizeof text), day, sizeof day);
    const char *place = lines_member(who, "place", text, sizeof text);
    snprintf(ret->place, LINES_CAP, "%s, %s", place[0] != '\0' ? place : DOTS, date);
    const char *title = lines_member(who, "title", text, sizeof text);
    snprintf(ret->title, LINES_CAP, "%s", title[0] != '\0' ? title : DOTS);
    const char *name = lines_member(who, "name", text, sizeof text);
    snprintf(ret->name, LINES_CAP, "%s", name[0] != '\0' ? name : DOTS);
    const char *nip = lines_member(who, "nip", text, sizeof text);
    snprintf(ret->nip, LINES_CAP, "NIP. %s", nip[0] != '\0' ? nip : DOTS);
}

const char *lines_word(const struct layout *l, size_t i, const char *value, char dst[LAYOUT_WORDS_CAP])
{
    switch (l->report->columns[i].type) {
    case REPORT_WORD:
        return layout_word(l, value);
    case REPORT_WORDS:
        return layout_words(l, value, dst);
    case REPORT_FLAG:
        return value[0] == 't' ? lines_say(l, "ya", "yes") : lines_say(l, "tidak", "no");
    default:
        return value;
    }
}

char *temporary_folder(void)
{
    static char usual[] = "/tmp";
    char *folder = getenv("TMPDIR");
    return folder != NULL && strlen(folder) < 40 ? folder : usual;
}
