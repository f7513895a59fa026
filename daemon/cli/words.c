/* What codes of the database are called by people: states, kinds, columns of lists. The codes themselves stay in CSV and JSON. */
#include <string.h>

#include "cli.h"

static const struct {
    const char *code, *indonesian, *english;
} words[] = {
    /* states and kinds */
    {"absence", "ketidakhadiran", "absence"},
    {"absent", "tidak hadir", "absent"},
    {"acting", "Plt.", "acting"},
    {"approved", "disetujui", "approved"},
    {"assignment", "surat tugas", "assignment"},
    {"blanket", "semua orang", "everybody"},
    {"checkin", "presensi", "check-in"},
    {"closed", "sudah ditutup", "closed"},
    {"confirmed", "disahkan", "confirmed"},
    {"correction", "koreksi", "correction"},
    {"delegate", "delegasi", "delegate"},
    {"device", "ganti perangkat", "device replaced"},
    {"doubt", "keraguan", "doubt"},
    {"early", "pulang awal", "early"},
    {"evidence", "bukti", "evidence"},
    {"excused", "berizin", "excused"},
    {"fence", "di dalam pagar lokasi", "inside the fence"},
    {"filed", "tercatat", "filed"},
    {"forgotten", "lupa presensi", "forgotten"},
    {"frozen", "dibekukan", "frozen"},
    {"head", "kepala", "head"},
    {"health_letter", "surat keterangan kesehatan", "health letter"},
    {"late", "terlambat", "late"},
    {"letter", "surat tugas", "letter"},
    {"location", "lokasi", "location"},
    {"missing", "tidak ada", "missing"},
    {"not_expected", "tidak diharapkan", "not expected"},
    {"not_found", "tidak ditemukan", "not found"},
    {"not_frozen", "belum dibekukan", "not frozen"},
    {"not_yours", "bukan wewenang Anda", "not yours to decide"},
    {"on_time", "tepat waktu", "on time"},
    {"open", "belum ditutup", "open"},
    {"other", "lain", "other"},
    {"outage", "gangguan", "outage"},
    {"outside_window", "di luar jam", "outside the hours"},
    {"pending", "ada perubahan tertunda", "changes pending"},
    {"placement", "pagar lokasi", "fence"},
    {"plan", "rencana", "plan"},
    {"posting", "penempatan", "posting"},
    {"recall", "panggilan ke kantor", "recall"},
    {"rejected", "ditolak", "rejected"},
    {"requested", "diajukan", "requested"},
    {"revoked", "dicabut", "revoked"},
    {"roster", "daftar giliran", "shift list"},
    {"rules", "aturan", "rules"},
    {"session", "hadir dalam sesi", "presence in the session"},
    {"travel", "perjalanan dinas", "travel"},
    {"work_plan", "rencana kerja", "work plan"},
    {"work_report", "laporan hasil kerja", "work report"},
    {"wrong_place", "tempat keliru", "wrong place"},
    {"wrong_state", "tidak mungkin pada keadaan ini", "not possible in this state"},
};

static const struct {
    const char *code, *indonesian, *english;
} columns[] = {
    {"absence", "no.", "no."},
    {"absent", "tidak masuk", "absent"},
    {"absent_dates", "tanggal tidak masuk", "dates absent"},
    {"absent_days", "hari tidak masuk", "days absent"},
    {"category", "kategori", "category"},
    {"causes", "sebab", "causes"},
    {"channel", "kanal", "channel"},
    {"claimed_at", "pukul", "at"},
    {"code", "kode", "code"},
    {"consecutive_sanction", "hukuman (berturut-turut)", "sanction (in a row)"},
    {"correction", "no.", "no."},
    {"counted", "dihitung", "counted"},
    {"dated", "tanggal surat", "dated"},
    {"day", "hari", "day"},
    {"days", "hari terhitung", "days counted"},
    {"deduction", "potongan %", "deduction %"},
    {"dl_days", "DL", "DL"},
    {"document", "dokumen", "document"},
    {"doubts", "ragu", "doubts"},
    {"early_minutes", "menit pulang awal", "minutes early"},
    {"evidence_missing", "bukti kurang", "evidence missing"},
    {"excuse", "pot. izin %", "excused %"},
    {"first_day", "hari pertama", "first day"},
    {"from", "dari", "from"},
    {"government", "pemerintah", "government"},
    {"grade", "gol.", "grade"},
    {"in", "pot. masuk %", "in %"},
    {"in_force", "berlaku", "in force"},
    {"kind", "jenis", "kind"},
    {"last_day", "hari terakhir", "last day"},
    {"late_after", "menit terlambat kini", "minutes late now"},
    {"late_before", "menit terlambat semula", "minutes late before"},
    {"late_minutes", "menit terlambat", "minutes late"},
    {"letter", "no.", "no."},
    {"longest_run", "berturut-turut", "in a row"},
    {"minute_days", "hari dari menit", "days from minutes"},
    {"minutes", "menit", "minutes"},
    {"missing_sessions", "sesi tanpa presensi", "sessions missing"},
    {"name", "nama", "name"},
    {"nip", "NIP", "NIP"},
    {"note", "catatan", "note"},
    {"notice", "no.", "no."},
    {"number", "nomor", "number"},
    {"out", "pot. pulang %", "out %"},
    {"outage", "no.", "no."},
    {"outside_window", "di luar jam", "outside hours"},
    {"people", "orang", "people"},
    {"percent", "potongan %", "deduction %"},
    {"place", "tempat", "place"},
    {"places", "tempat", "places"},
    {"presence", "pot. hadir %", "presence %"},
    {"present", "masuk", "present"},
    {"present_days", "hadir", "present"},
    {"reached_on", "tercapai", "reached on"},
    {"received_at", "diterima", "received"},
    {"sanction", "hukuman", "sanction"},
    {"sent_at", "dikirim", "sent"},
    {"session", "sesi", "session"},
    {"sessions", "sesi", "sessions"},
    {"state", "keadaan", "state"},
    {"state_after", "kini", "now"},
    {"state_before", "semula", "before"},
    {"status", "keadaan", "state"},
    {"text", "uraian", "text"},
    {"title", "judul", "title"},
    {"to", "sampai", "to"},
    {"told_at", "disampaikan", "told"},
    {"told_to", "kepada", "to whom"},
    {"unit", "unit", "unit"},
    {"valid_from", "berlaku dari", "valid from"},
    {"valid_to", "sampai", "to"},
    {"version", "versi", "version"},
    {"wfa_days", "WFA", "WFA"},
    {"wfh_days", "WFH", "WFH"},
    {"wfo_days", "WFO", "WFO"},
    {"work_report", "no.", "no."},
    {"working_days", "hari kerja", "working days"},
};

const char *cli_word(const char *code)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].code, code) == 0)
            return cli_say(words[i].indonesian, words[i].english);
    return code;
}

const char *cli_heading(const char *column)
{
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        if (strcmp(columns[i].code, column) == 0)
            return cli_say(columns[i].indonesian, columns[i].english);
    return column;
}
