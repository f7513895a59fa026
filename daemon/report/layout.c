/* A report's columns as they are written: spreads by the head's codes, headings and words for people. Pure. */
#include <stdio.h>
#include <string.h>

#include "inside.h"

bool layout_init(struct layout *l, const struct report *report, const struct report_style *style, const json_value *head)
{
    *l = (struct layout){.report = report, .style = *style, .head = head};
    const json_value *codes = json_member(head, "codes");
    if (report->column_count > sizeof l->codes / sizeof l->codes[0])
        return false;
    for (size_t i = 0; i < report->column_count; i++) {
        if (report->columns[i].type != REPORT_SPREAD)
            continue;
        l->codes[i] = json_member(codes, report->columns[i].name);
        if (l->codes[i] == NULL || json_kind_of(l->codes[i]) != JSON_KIND_ARRAY || json_count(l->codes[i]) > REPORT_CODES_MAX)
            return false;
    }
    return true;
}

const char *layout_heading(const struct layout *l, size_t i, const struct text *code, char *dst, size_t cap)
{
    const struct report_column *c = &l->report->columns[i];
    const char *words = l->style.english ? c->english : c->indonesian;
    snprintf(dst, cap, "%.*s%s", code != NULL ? (int)code->len : 0, code != NULL ? code->s : "", words);
    return dst;
}

const char *layout_word(const struct layout *l, const char *code)
{
    static const struct {
        const char *code, *indonesian, *english;
    } words[] = {
        {"present", "hadir", "present"},      {"late", "terlambat", "late"},
        {"early", "pulang awal", "early"},    {"excused", "berizin", "excused"},
        {"missing", "tanpa presensi", "missing"}, {"not_yet", "belum diketahui", "not yet known"},
        {"mon", "Senin", "Monday"},           {"tue", "Selasa", "Tuesday"},
        {"wed", "Rabu", "Wednesday"},         {"thu", "Kamis", "Thursday"},
        {"fri", "Jumat", "Friday"},           {"sat", "Sabtu", "Saturday"},
        {"sun", "Minggu", "Sunday"},
        {"bound", "terikat surat edaran", "bound by the circular"},
        {"min_wfo", "paling sedikit di kantor", "least at the office"},
        {"min_wfh", "paling sedikit di rumah", "least at home"},
        {"max_wfh", "paling banyak di rumah", "most at home"},
        {"max_elsewhere", "paling banyak di luar kantor", "most elsewhere"},
        {"min_office_days", "hari kantor sepekan, paling sedikit", "least office days a week"},
        {"max_elsewhere_days", "hari di luar kantor sepekan, paling banyak", "most days elsewhere a week"},
        {"not_eligible", "di luar kantor, tidak termasuk", "elsewhere, not among those allowed"},
        {"place_not_granted", "tempat tidak diizinkan", "place not allowed"},
        {"evidence", "bukti kurang", "evidence missing"},
        {"location", "lokasi", "location"},
        {"fence", "lokasi di tempatnya", "location at the place"},
        {"session", "sesi", "session"},
        {"work_plan", "rencana kerja", "work plan"},
        {"work_report", "laporan kerja", "work report"},
        {"health_letter", "surat keterangan sehat", "health letter"},
        {"late_letter", "surat terlambat disahkan", "letter confirmed late"},
        {"recall", "dipanggil ke kantor", "recalled to the office"},
        {"posted", "semua pegawai", "all people"},
        {"working", "yang bekerja", "who work"},
        {"presence", "hadir %", "present %"},
        {"absent", "tanpa keterangan %", "unexcused %"},
        {"excuse", "berizin %", "excused %"},
        {"wfo", "WFO % dari hadir", "WFO % of present"},
        {"wfh", "WFH % dari hadir", "WFH % of present"},
        {"wfa", "WFA % dari hadir", "WFA % of present"},
        {"dl", "DL % dari hadir", "DL % of present"},
        {"elsewhere", "di luar lokasi % dari hadir", "outside every place % of present"},
        {"late_days", "terlambat % dari hadir", "late % of present"},
        {"late_minutes", "menit terlambat per hari hadir", "minutes late per day present"},
        {"early_days", "pulang awal % dari hadir", "left early % of present"},
        {"early_minutes", "menit pulang awal per hari hadir", "minutes early per day present"},
    };
    for (size_t i = 0; code != NULL && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].code, code) == 0)
            return l->style.english ? words[i].english : words[i].indonesian;
    return code;
}

const char *layout_words(const struct layout *l, const char *items, char dst[LAYOUT_WORDS_CAP])
{
    char code[40];
    size_t at = 0;
    for (const char *p = items; *p != '\0';) {
        size_t n = strcspn(p, " :,"), rest = strcspn(p, ",");
        snprintf(code, sizeof code, "%.*s", (int)n, p);
        rest += strspn(p + rest, ", ");
        int len = snprintf(dst + at, LAYOUT_WORDS_CAP - at, "%s%.*s", layout_word(l, code), (int)(rest - n), p + n);
        if (n >= sizeof code || len < 0 || (size_t)len >= LAYOUT_WORDS_CAP - at)
            return items;
        at += (size_t)len;
        p += rest;
    }
    dst[at] = '\0';
    return dst;
}

bool layout_next(const char **at, char dst[REPORT_NUMBER_MAX])
{
    if (*at == NULL || strchr("{,", **at) == NULL || **at == '\0')
        return false;
    size_t len = strcspn(*at + 1, ",}");
    if (len == 0 || len >= REPORT_NUMBER_MAX)
        return false;
    memcpy(dst, *at + 1, len);
    dst[len] = '\0';
    *at += 1 + len;
    return true;
}
