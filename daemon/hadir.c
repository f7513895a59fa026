/* hadir: the administrator's command line. This file finds the command; each family of commands has its own file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "log.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
    const char *help_id, *help_en;
};

static const struct command commands[] = {
    {"absence", cmd_request,
     "absence list [--unit U] [--nip N] [--from D] [--to D] [--status S] [--csv] | approve|reject|revoke ID [--reason TEXT]"
     " | request NIP --code C --first-day D [--last-day D] [--sessions \"S …\"] [--number N] [--document D] [--note TEXT]",
     "cuti, izin, dinas: daftar, pengajuan, keputusan", "leave and other excuses: list, request, decide"},
    {"calendar", cmd_calendar, "calendar --from D --to D [--government G | --unit U] [--periods] [--csv]",
     "hari libur dan masa khusus menurut keputusan", "days off and periods by decree"},
    {"clock", cmd_clock, "clock TIME", "memindahkan jam simulasi hadird (hanya peragaan)",
     "moves hadird's simulated clock (demonstrations only)"},
    {"correction", cmd_request,
     "correction list [--unit U] [--nip N] [--from D] [--to D] [--status S] [--csv]"
     " | approve|confirm|reject|revoke ID [--reason TEXT] | request NIP --day D --session S --kind forgotten|wrong_place|device"
     " [--claimed-at TIME] [--place P] [--document D] [--note TEXT]",
     "koreksi presensi: daftar, pengajuan, keputusan", "corrections: list, request, decide"},
    {"deliver", cmd_deliver, "deliver [--again GOVERNMENT TARGET [DAY|MONTH]]", "mengirim yang sudah diterbitkan ke tujuannya",
     "brings what was published to its targets"},
    {"differences", cmd_differences, "differences DAY --government G | --unit U [--csv]",
     "apa yang akan berubah pada hari yang sudah ditutup", "what would change of a frozen day"},
    {"doctor", cmd_doctor, "doctor", "memeriksa layanan dan menyarankan perbaikan",
     "says in plain words what is wrong and what to do"},
    {"doubts", cmd_doubts, "doubts --unit U [--day D] [--csv]", "mencari presensi yang meragukan",
     "looks for doubtful check-ins"},
    {"enroll", cmd_enroll,
     "enroll NIP --channel C [--number N] [--user-id U] [--label TEXT] [--replace] [--quiet] | --unit U --channel C --sheet OUT.html"
     " | --csv FILE",
     "mengikat perangkat atau nomor seseorang", "binds a person's device or number"},
    {"export-keygen", cmd_export_keygen, "export-keygen KEY CERTIFICATE --name NAME [--rsa] [--csr] [--years N]",
     "membuat kunci dan sertifikat untuk menandatangani laporan malam",
     "makes a key and a certificate for signing the nightly export"},
    {"government", cmd_government,
     "government add CODE NAME --zone ZONE [--whatsapp PHONE_NUMBER_ID] | set CODE [KEY=VALUE …]",
     "menambah atau mengatur pemerintah daerah", "adds a government, or sets its numbers and choices"},
    {"grant", cmd_grant, "grant NIP supervisor|operator|bkpsdm --unit U [--quiet]",
     "memberi token untuk bertanya dan memutuskan", "gives a token for questions and decisions"},
    {"head", cmd_head, "head NIP --unit U --kind head|acting|delegate --from D [--to D] | list [--unit U] [--day D]"
     " [--csv]",
     "mencatat siapa memimpin unit (kepala, Plt., pendelegasian)", "names the heads of units, acting ones and delegates"},
    {"hours", cmd_hours, "hours --unit U [--day D] [--csv]", "jam kerja yang berlaku bagi unit", "the working hours of a unit"},
    {"import", cmd_import,
     "import units|people|heads|calendar|periods|hours|minute-classes|discipline|absence-codes|absences FILE.csv"
     " | fences FILE.geojson [--crs EPSG:N]",
     "memuat data", "loads data"},
    {"keygen", cmd_keygen, "keygen PRIVATE PUBLIC", "membuat kunci tanda terima", "makes a receipt key"},
    {"letter", cmd_letter,
     "letter file FILE.json | confirm ID [--reason TEXT] | revoke ID --reason TEXT | list [--unit U] [--from D] [--to D] [--csv]"
     " | breaches --unit U --from D --to D",
     "mencatat, mengesahkan dan mencabut surat tugas", "files, confirms and revokes letters of heads"},
    {"migrate", cmd_migrate, "migrate [--sql DIR]", "memasang atau memperbarui basis data",
     "installs or updates the database"},
    {"month", cmd_month, "month state YYYY-MM --government G | --unit U [--csv] | close YYYY-MM --government G [--reason TEXT] [--as NIP]",
     "keadaan dan penutupan bulan", "a month's state, and closing it"},
    {"nightly", cmd_nightly, "nightly", "menutup hari dan menulis laporan", "closes days and writes the export"},
    {"notices", cmd_notices, "notices --unit U [--csv] | seen ID",
     "pemberitahuan bagi atasan: disiplin, pelampauan surat edaran", "notices for whoever decides: discipline, breaches"},
    {"outage", cmd_request,
     "outage declare --unit U --from TIME --to TIME --note TEXT | approve|reject|revoke ID [--reason TEXT]"
     " | list [--unit U] [--nip N] [--from D] [--to D] [--status S] [--csv]",
     "gangguan layanan: sesi yang tersentuh dihitung tepat waktu", "outages: sessions that they touched count as on time"},
    {"policy", cmd_policy, "policy check|apply FILE… | list [--government CODE] [--csv] | remove NUMBER [--government CODE]",
     "memeriksa, memberlakukan, mencabut surat edaran", "checks, applies, takes back circulars"},
    {"receipt", cmd_receipt, "receipt CHECKIN", "menyusun ulang tanda terima dari basis data",
     "re-derives a receipt from the database"},
    {"reopen", cmd_reopen, "reopen --government G --from D [--to D] --reason TEXT",
     "menyusun ulang rencana hari yang sudah ditutup", "compiles the plan of frozen days anew"},
    {"report", cmd_report,
     "report [NAME --unit U | --government G [--date D | --month YYYY-MM | --from D --to D] [--baseline D] [--nip N] [--closed]"
     " [--format json|csv|xlsx|pdf] [--csv-dialect excel-id] [--out FILE]]",
     "laporan siap pakai: rekap, kepatuhan, evaluasi, disiplin", "reports ready for use: recaps, compliance, evaluation, discipline"},
    {"retention", cmd_retention, "retention [--government CODE]", "menghapus koordinat yang lewat masa simpan",
     "erases coordinates past their retention"},
    {"revoke", cmd_revoke, "revoke NIP [--channel C] | --device N | --access N", "mencabut perangkat, nomor atau token",
     "revokes devices, numbers or tokens"},
    {"roster", cmd_roster, "roster FILE.csv --unit U --number N --dated D [--title TEXT] [--document TEXT]",
     "mencatat daftar regu", "files a list of shifts"},
    {"target", cmd_target,
     "target add GOVERNMENT NAME URL [--what day|month|all] [--since D] [--from A --to A,… [--format F,…]]"
     " | remove GOVERNMENT NAME | list [GOVERNMENT] [--csv] | status [GOVERNMENT [NAME]] [--all] [--csv]",
     "tujuan pengiriman laporan, dan keadaannya", "where exports are delivered, and how far that is"},
    {"verify", cmd_verify, "verify DIR [--certificate FILE | --ca FILE] [--signed-from D] [--part]",
     "memeriksa laporan malam tanpa basis data", "verifies the nightly export offline"},
    {"verify-receipt", cmd_verify_receipt, "verify-receipt --key PUBLIC FILE", "memeriksa tanda terima tanpa basis data",
     "verifies a receipt offline"},
    {"work-report", cmd_request,
     "work-report list [--unit U] [--nip N] [--from D] [--to D] [--kind K] [--csv]"
     " | send NIP --day D --kind work_plan|work_report|health_letter [--text TEXT] [--document D]",
     "rencana, laporan kerja dan surat sehat", "work plans, reports and health letters"},
};

static void usage(FILE *to)
{
    fprintf(to, "%s\n\n", cli_say("Pemakaian: hadir [-c BERKAS] PERINTAH …", "Usage: hadir [-c FILE] COMMAND …"));
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(to, "  hadir %s\n      %s\n", commands[i].usage, cli_say(commands[i].help_id, commands[i].help_en));
}

int main(int argc, char **argv)
{
    log_set_role("hadir");
    log_set_level(LOG_LEVEL_WARN);
    int at = 1;
    if (argc > 2 && strcmp(argv[1], "-c") == 0) {
        cli_set_conf_path(argv[2]);
        at = 3;
    }
    if (at >= argc) {
        usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "help") == 0) {
        usage(stdout);
        return CLI_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[at], commands[i].name) == 0) {
            int code = commands[i].run(argc - at, argv + at);
            if (code == CLI_USAGE)
                fprintf(stderr, "hadir %s\n", commands[i].usage);
            cli_fini();
            return code;
        }
    cli_error(cli_say("perintah '%s' tidak dikenal; lihat hadir --help", "no command is called '%s'; see hadir --help"),
              argv[at]);
    return CLI_USAGE;
}
