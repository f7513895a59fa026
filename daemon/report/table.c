/* The reports there are: what they are called, whom they ask, their columns.
 *
 * Place in the flow: `hadir report` and the desk look a report up here and give it to run.c. The functions are in
 * sql/api/reports*.sql; a report is a line here, two functions there, and its words in the manual. Pure. */
#include <string.h>

#include "inside.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define CALLS(head, rows)                                                                                            \
    "select api.report_" head "_head($1::jsonb, $2::timestamptz)", "select * from api.report_" rows "($1::jsonb, $2::timestamptz)"

static const struct report_column daily[] = {
    {"unit", "Kode unit", "Unit code", REPORT_TEXT, 16},
    {"unit_name", "Unit", "Unit", REPORT_TEXT, 36},
    {"level", "Tingkat", "Level", REPORT_NUMBER, 8},
    {"people", "Pegawai", "People", REPORT_NUMBER, 9},
    {"expected", "Wajib hadir", "Expected", REPORT_NUMBER, 9},
    {"present", "Hadir", "Present", REPORT_NUMBER, 9},
    {"percent", "Hadir %", "Present %", REPORT_DECIMAL, 9},
    {"wfo", "WFO", "WFO", REPORT_NUMBER, 7},
    {"wfh", "WFH", "WFH", REPORT_NUMBER, 7},
    {"wfa", "WFA", "WFA", REPORT_NUMBER, 7},
    {"dl", "DL", "DL", REPORT_NUMBER, 7},
    {"elsewhere", "Di luar lokasi", "Elsewhere", REPORT_NUMBER, 9},
    {"late", "Terlambat", "Late", REPORT_NUMBER, 9},
    {"early", "Pulang awal", "Early", REPORT_NUMBER, 9},
    {"excused", "Berizin", "Excused", REPORT_NUMBER, 9},
    {"excuses", "", "", REPORT_SPREAD, 7},
    {"missing", "Tanpa presensi", "Missing", REPORT_NUMBER, 9},
    {"not_yet", "Belum diketahui", "Not yet known", REPORT_NUMBER, 9},
};

static const struct report_column daily_people[] = {
    {"unit", "Kode unit", "Unit code", REPORT_TEXT, 16},
    {"unit_name", "Unit", "Unit", REPORT_TEXT, 36},
    {"nip", "NIP", "NIP", REPORT_CODE, 20},
    {"name", "Nama", "Name", REPORT_TEXT, 32},
    {"state", "Keadaan", "State", REPORT_WORD, 16},
    {"late_minutes", "Menit terlambat", "Minutes late", REPORT_NUMBER, 9},
    {"early_minutes", "Menit pulang awal", "Minutes early", REPORT_NUMBER, 9},
    {"codes", "Kode", "Codes", REPORT_TEXT, 14},
    {"excuses", "Izin", "Excuses", REPORT_TEXT, 14},
};

static const struct report_column monthly[] = {
    {"no", "No", "No", REPORT_NUMBER, 5},
    {"nip", "NIP", "NIP", REPORT_CODE, 20},
    {"name", "Nama", "Name", REPORT_TEXT, 32},
    {"grade", "Gol.", "Grade", REPORT_TEXT, 7},
    {"post", "Jabatan", "Post", REPORT_TEXT, 28},
    {"unit", "Unit", "Unit", REPORT_TEXT, 16},
    {"category", "Kategori", "Category", REPORT_TEXT, 10},
    {"working_days", "Hari kerja", "Working days", REPORT_NUMBER, 7},
    {"present_days", "Hadir", "Present", REPORT_NUMBER, 7},
    {"wfo_days", "WFO", "WFO", REPORT_NUMBER, 6},
    {"wfh_days", "WFH", "WFH", REPORT_NUMBER, 6},
    {"wfa_days", "WFA", "WFA", REPORT_NUMBER, 6},
    {"dl_days", "DL", "DL", REPORT_NUMBER, 6},
    {"counts", " kali", " times", REPORT_SPREAD, 7},
    {"minutes", " menit", " minutes", REPORT_SPREAD, 7},
    {"excuses", " hari", " days", REPORT_SPREAD, 7},
    {"absent_days", "Tanpa keterangan", "Unexcused", REPORT_NUMBER, 11},
    {"percent_in", "Pot. masuk %", "In %", REPORT_DECIMAL, 8},
    {"percent_out", "Pot. pulang %", "Out %", REPORT_DECIMAL, 8},
    {"percent_presence", "Pot. hadir %", "Presence %", REPORT_DECIMAL, 8},
    {"percent_absent", "Pot. tanpa keterangan %", "Unexcused %", REPORT_DECIMAL, 11},
    {"percent_excuse", "Pot. izin %", "Excused %", REPORT_DECIMAL, 8},
    {"deduction", "Potongan %", "Deduction %", REPORT_DECIMAL, 9},
    {"evidence_missing", "Bukti kurang", "Evidence missing", REPORT_NUMBER, 8},
    {"doubts", "Ragu", "Doubts", REPORT_NUMBER, 7},
    {"notes", "Keterangan", "Notes", REPORT_TEXT, 28},
};

static const struct report_column monthly_days[] = {
    {"unit", "Unit", "Unit", REPORT_TEXT, 16},
    {"nip", "NIP", "NIP", REPORT_CODE, 20},
    {"name", "Nama", "Name", REPORT_TEXT, 32},
    {"day", "Tanggal", "Date", REPORT_DATE, 11},
    {"weekday", "Hari", "Weekday", REPORT_WORD, 10},
    {"time_in", "Jam masuk", "In", REPORT_TEXT, 8},
    {"time_out", "Jam pulang", "Out", REPORT_TEXT, 8},
    {"present", "Hadir", "Present", REPORT_FLAG, 7},
    {"places", "Tempat", "Places", REPORT_TEXT, 10},
    {"codes", "Kode", "Codes", REPORT_TEXT, 12},
    {"excuses", "Izin", "Excuses", REPORT_TEXT, 10},
    {"late_minutes", "Menit terlambat", "Minutes late", REPORT_NUMBER, 9},
    {"early_minutes", "Menit pulang awal", "Minutes early", REPORT_NUMBER, 9},
    {"work_minutes", "Menit wajib", "Minutes due", REPORT_NUMBER, 9},
    {"percent_in", "Pot. masuk %", "In %", REPORT_DECIMAL, 8},
    {"percent_out", "Pot. pulang %", "Out %", REPORT_DECIMAL, 8},
    {"percent_presence", "Pot. hadir %", "Presence %", REPORT_DECIMAL, 8},
    {"percent_absent", "Pot. tanpa keterangan %", "Unexcused %", REPORT_DECIMAL, 11},
    {"percent_excuse", "Pot. izin %", "Excused %", REPORT_DECIMAL, 8},
    {"percent", "Potongan %", "Deduction %", REPORT_DECIMAL, 9},
    {"evidence_missing", "Bukti kurang", "Evidence missing", REPORT_WORDS, 20},
    {"outside_window", "Di luar jam", "Outside hours", REPORT_NUMBER, 8},
    {"doubts", "Ragu", "Doubts", REPORT_NUMBER, 7},
};

static const struct report_column compliance[] = {
    {"unit", "Kode unit", "Unit code", REPORT_TEXT, 16},
    {"unit_name", "Unit", "Unit", REPORT_TEXT, 36},
    {"day", "Tanggal", "Date", REPORT_DATE, 11},
    {"weekday", "Hari", "Weekday", REPORT_WORD, 10},
    {"policy", "Surat edaran", "Circular", REPORT_TEXT, 26},
    {"title", "Tentang", "About", REPORT_TEXT, 32},
    {"measure", "Ukuran", "Measure", REPORT_WORD, 28},
    {"have", "Jumlah", "Number", REPORT_NUMBER, 8},
    {"limit", "Batas", "Limit", REPORT_NUMBER, 8},
    {"base", "Dari", "Of", REPORT_NUMBER, 8},
    {"base_of", "Dasar", "Base", REPORT_WORD, 14},
    {"met", "Terpenuhi", "Met", REPORT_FLAG, 9},
    {"attended", "Menurut presensi", "By attendance", REPORT_NUMBER, 9},
    {"note", "Keterangan", "Notes", REPORT_WORDS, 40},
};

static const struct report_column compliance_people[] = {
    {"unit", "Unit", "Unit", REPORT_TEXT, 16},
    {"nip", "NIP", "NIP", REPORT_CODE, 20},
    {"name", "Nama", "Name", REPORT_TEXT, 32},
    {"week", "Pekan", "Week", REPORT_DATE, 11},
    {"day", "Tanggal", "Date", REPORT_DATE, 11},
    {"policy", "Surat edaran", "Circular", REPORT_TEXT, 26},
    {"measure", "Ukuran", "Measure", REPORT_WORD, 28},
    {"have", "Jumlah", "Number", REPORT_NUMBER, 8},
    {"limit", "Batas", "Limit", REPORT_NUMBER, 8},
    {"base", "Dari", "Of", REPORT_NUMBER, 8},
    {"met", "Terpenuhi", "Met", REPORT_FLAG, 9},
    {"attended", "Menurut presensi", "By attendance", REPORT_NUMBER, 9},
    {"note", "Keterangan", "Notes", REPORT_WORDS, 40},
};

static const struct report_column evaluation[] = {
    {"unit", "Kode unit", "Unit code", REPORT_TEXT, 16},
    {"unit_name", "Unit", "Unit", REPORT_TEXT, 36},
    {"level", "Tingkat", "Level", REPORT_NUMBER, 8},
    {"measure", "Ukuran", "Measure", REPORT_WORD, 28},
    {"days", "Hari kerja", "Working days", REPORT_NUMBER, 8},
    {"value", "Nilai", "Value", REPORT_DECIMAL, 9},
    {"amount", "Jumlah", "Number", REPORT_NUMBER, 9},
    {"sample", "Dari orang-hari", "Of person-days", REPORT_NUMBER, 10},
    {"baseline_days", "Hari kerja pembanding", "Working days before", REPORT_NUMBER, 11},
    {"baseline", "Nilai pembanding", "Value before", REPORT_DECIMAL, 11},
    {"baseline_amount", "Jumlah pembanding", "Number before", REPORT_NUMBER, 11},
    {"baseline_sample", "Dari orang-hari pembanding", "Of person-days before", REPORT_NUMBER, 11},
    {"difference", "Selisih", "Difference", REPORT_DECIMAL, 9},
};

static const struct report_column discipline[] = {
    {"no", "No", "No", REPORT_NUMBER, 5},
    {"unit", "Unit", "Unit", REPORT_TEXT, 16},
    {"nip", "NIP", "NIP", REPORT_CODE, 20},
    {"name", "Nama", "Name", REPORT_TEXT, 32},
    {"grade", "Gol.", "Grade", REPORT_TEXT, 7},
    {"post", "Jabatan", "Post", REPORT_TEXT, 28},
    {"days", "Hari tanpa keterangan", "Unexcused days", REPORT_NUMBER, 11},
    {"absent_days", "Tidak masuk", "Absent", REPORT_NUMBER, 8},
    {"minute_days", "Hari dari menit", "Days of minutes", REPORT_NUMBER, 8},
    {"minutes", "Menit", "Minutes", REPORT_NUMBER, 8},
    {"level", "Tingkat yang tercapai", "Level reached", REPORT_TEXT, 12},
    {"sanction", "Ancaman", "Provided for", REPORT_TEXT, 30},
    {"basis", "Dasar", "Basis", REPORT_TEXT, 24},
    {"reached_on", "Tercapai", "Reached on", REPORT_DATE, 11},
    {"next_days", "Berikutnya pada hari ke-", "Next at days", REPORT_NUMBER, 10},
    {"next_sanction", "Ancaman berikutnya", "Provided for next", REPORT_TEXT, 30},
    {"longest_run", "Berturut-turut", "In a row", REPORT_NUMBER, 9},
    {"run_sanction", "Ancaman (berturut-turut)", "Provided for (in a row)", REPORT_TEXT, 30},
    {"run_basis", "Dasar (berturut-turut)", "Basis (in a row)", REPORT_TEXT, 24},
    {"run_reached_on", "Tercapai (berturut-turut)", "Reached on (in a row)", REPORT_DATE, 11},
    {"next_run", "Berikutnya berturut-turut", "Next in a row", REPORT_NUMBER, 10},
    {"dates", "Tanggal tidak masuk", "Dates absent", REPORT_TEXT, 44},
    {"minute_dates", "Tanggal dan menit", "Dates and minutes", REPORT_TEXT, 30},
    {"run_dates", "Tanggal berturut-turut", "Dates in a row", REPORT_TEXT, 44},
};

static const struct report_column discipline_days[] = {
    {"unit", "Unit", "Unit", REPORT_TEXT, 16},
    {"nip", "NIP", "NIP", REPORT_CODE, 20},
    {"name", "Nama", "Name", REPORT_TEXT, 32},
    {"day", "Tanggal", "Date", REPORT_DATE, 11},
    {"weekday", "Hari", "Weekday", REPORT_WORD, 10},
    {"absent", "Tidak masuk", "Absent", REPORT_FLAG, 8},
    {"minutes", "Menit", "Minutes", REPORT_NUMBER, 8},
    {"days", "Hari tanpa keterangan sampai di sini", "Unexcused days by then", REPORT_NUMBER, 12},
    {"run", "Berturut-turut", "In a row", REPORT_NUMBER, 9},
};

static const char *const daily_parts[] = {"present", "late", "excused", "missing", "not_yet"};
static const struct report_chart daily_chart = {
    "Kehadiran menurut unit, persen dari yang wajib hadir", "Attendance by unit, percent of those expected", "unit_name", "level", "expected",
    daily_parts, COUNT(daily_parts), "late"};
static const char *const monthly_parts[] = {"present_days", "wfo_days", "wfh_days", "wfa_days", "dl_days", "absent_days"};
static const struct report_chart monthly_chart = {
    "Hari kerja seluruh pegawai menurut kehadiran dan tempat", "Working days of everybody by presence and place", NULL, NULL,
    "working_days", monthly_parts, COUNT(monthly_parts), NULL};

static const struct report_annex daily_annex = {"daily-people", "Tanpa presensi dan terlambat", "Missing and late", "state", "missing late"};

static const struct report table[] = {
    {"daily", "Rekap Harian Kehadiran", "Daily Attendance Recap", CALLS("daily", "daily"), "unit government date closed",
     daily, COUNT(daily), true, REPORT_DUE_DAY, 2, &daily_chart, &daily_annex},
    {"daily-people", "Daftar Nama Harian", "Daily List of Names", CALLS("daily", "daily_people"), "unit government date closed",
     daily_people, COUNT(daily_people), false, REPORT_DUE_DAY, 4, NULL, NULL},
    {"monthly", "Rekap Bulanan Kehadiran", "Monthly Attendance Recap", CALLS("monthly", "monthly"),
     "unit government month nip closed", monthly, COUNT(monthly), true, REPORT_DUE_MONTH | REPORT_DUE_MONTH_UNIT, 3, &monthly_chart, NULL},
    {"monthly-days", "Rincian Harian Kehadiran", "Attendance Day by Day", CALLS("monthly", "monthly_days"),
     "unit government month nip closed", monthly_days, COUNT(monthly_days), false, REPORT_DUE_MONTH, 4, NULL, NULL},
    {"compliance", "Kepatuhan terhadap Surat Edaran", "Compliance with the Circulars", CALLS("compliance", "compliance"),
     "unit government from to closed", compliance, COUNT(compliance), true, REPORT_DUE_MONTH, 2, NULL, NULL},
    {"compliance-people", "Kepatuhan terhadap Surat Edaran, dengan Nama", "Compliance with the Circulars, by Name",
     CALLS("compliance", "compliance_people"), "unit government from to closed", compliance_people, COUNT(compliance_people), false, REPORT_DUE_MONTH, 3, NULL, NULL},
    {"evaluation", "Evaluasi Kehadiran", "Evaluation of Attendance", CALLS("evaluation", "evaluation"),
     "unit government from to baseline closed", evaluation, COUNT(evaluation), true, REPORT_DUE_MONTH, 2, NULL, NULL},
    {"discipline", "Daftar Pantau Disiplin", "Watch-List of Discipline", CALLS("discipline", "discipline"), "unit government date closed",
     discipline, COUNT(discipline), true, REPORT_DUE_MONTH, 4, NULL, NULL},
    {"discipline-days", "Daftar Pantau Disiplin, Hari demi Hari", "Watch-List of Discipline, Day by Day",
     CALLS("discipline", "discipline_days"), "unit government date closed", discipline_days, COUNT(discipline_days), false, REPORT_DUE_MONTH, 4, NULL, NULL},
};

size_t reports_count(void)
{
    return COUNT(table);
}

const struct report *report_at(size_t i)
{
    return i < COUNT(table) ? &table[i] : NULL;
}

const struct report *report_find(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
            return &table[i];
    return NULL;
}

static const struct {
    const char *name, *media_type;
    size_t rows_max;
} formats[REPORT_FORMATS] = {
    [REPORT_JSON] = {"json", "application/json", 0},
    [REPORT_CSV] = {"csv", "text/csv; charset=utf-8", 0},
    [REPORT_XLSX] = {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", REPORT_SHEET_ROWS},
    [REPORT_PDF] = {"pdf", "application/pdf", REPORT_PAGE_ROWS},
};

const char *report_media_type(enum report_format format)
{
    return formats[format].media_type;
}

const char *report_format_name(enum report_format format)
{
    return formats[format].name;
}

size_t report_rows_max(enum report_format format)
{
    return formats[format].rows_max;
}

bool report_format_find(const char *name, enum report_format *ret)
{
    for (int i = 0; i < REPORT_FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0) {
            *ret = (enum report_format)i;
            return true;
        }
    return false;
}
