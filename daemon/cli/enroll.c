/* hadir enroll, revoke, grant: who may check in by what, and who may ask.
 *
 * A token is 128 random bits, shown once; the database gets only its SHA-256. A WhatsApp number needs no token. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "csv.h"
#include "digest.h"
#include "enroll.h"
#include "terms.h"

void token_make(struct token *ret)
{
    uint8_t secret[16], hash[SHA256_BYTES];
    /* drawn again while it begins with '-' or '_': a spreadsheet would take it for a formula, a shell for an option */
    do {
        digest_random(secret, sizeof secret);
        encode_base64url(ret->text, sizeof ret->text, secret, sizeof secret);
    } while (ret->text[0] == '-' || ret->text[0] == '_');
    digest_sha256(ret->text, strlen(ret->text), hash);
    encode_hex(ret->hash_hex, sizeof ret->hash_hex, hash, sizeof hash);
    digest_wipe(secret, sizeof secret);
}

bool enroll_one(struct session *s, struct enrolment *e)
{
    static const char sql[] = "select device, name, unit_code, attached, earlier from "
                              "api.enroll($1, $2, $3, $4, $5, $6, $7::timestamptz)";
    char now[40];
    bool whatsapp = e->channel == CHANNEL_WHATSAPP;
    if (whatsapp != (e->number != NULL || e->user_id != NULL)) {
        cli_error("%s", cli_say("--number atau --user-id diperlukan untuk whatsapp, dan hanya untuk whatsapp",
                                "--number or --user-id is needed for whatsapp, and only for whatsapp"));
        return false;
    }
    if (!whatsapp)
        token_make(&e->token);
    const char *const params[] = {e->nip, channel_name(e->channel), e->label, whatsapp ? NULL : e->token.hash_hex,
                                  e->number, e->user_id, cli_now(now, sizeof now)};
    struct rows *rows = cli_query(s, sql, 7, params);
    bool ok = rows != NULL && rows_count(rows) == 1;
    if (ok) {
        snprintf(e->name, sizeof e->name, "%s", rows_get(rows, 0, 1));
        snprintf(e->unit, sizeof e->unit, "%s", rows_get(rows, 0, 2));
        e->device = strtoll(rows_get(rows, 0, 0), NULL, 10);
        e->attached = strtoll(rows_get(rows, 0, 3), NULL, 10);
        snprintf(e->earlier, sizeof e->earlier, "%s", rows_get(rows, 0, 4));
    } else if (rows != NULL) {
        cli_error(cli_say("NIP %s tidak dikenal", "NIP %s is unknown"), e->nip);
    }
    rows_free(rows);
    return ok;
}

void enroll_tell_earlier(size_t people)
{
    if (people > 0)
        fprintf(stderr, cli_say("%zu orang masih punya perangkat lama di saluran itu, yang tetap berlaku; yang hilang: hadir revoke\n",
                                "%zu people have an earlier device on that channel, too, which stays valid; of a lost one: hadir revoke\n"),
                people);
}

static bool owntracks_link(const struct enrolment *e, struct buf *out)
{
    struct buf config;
    struct json_writer w;
    char encoded[2048];
    buf_init(&config, 1024);
    json_begin(&w, &config);
    json_object(&w);
    json_key(&w, "_type");
    json_string(&w, "configuration");
    json_key(&w, "mode");
    json_int(&w, 3); /* HTTP */
    json_key(&w, "url");
    struct buf url;
    buf_init(&url, 512);
    buf_printf(&url, "%s/in/owntracks", cli_conf()->public_url);
    json_string(&w, buf_str(&url));
    buf_fini(&url);
    json_key(&w, "auth");
    json_bool(&w, true);
    json_key(&w, "username");
    json_string(&w, e->nip);
    json_key(&w, "password");
    json_string(&w, e->token.text);
    json_key(&w, "monitoring");
    json_int(&w, 0); /* quiet: positions only when the person sends one */
    json_object_end(&w);
    bool ok = !config.failed && config.len * 4 / 3 + 8 < sizeof encoded;
    if (ok) {
        encode_base64(encoded, sizeof encoded, config.data, config.len);
        ok = buf_printf(out, "owntracks:///config?inline=%s", encoded);
    }
    buf_fini(&config);
    return ok;
}

bool enroll_link(const struct enrolment *e, struct buf *out)
{
    switch (e->channel) {
    case CHANNEL_OWNTRACKS:
        return owntracks_link(e, out);
    case CHANNEL_OSMAND:
        return buf_printf(out, "%s/in/osmand?id=%s", cli_conf()->public_url, e->token.text);
    case CHANNEL_NATIVE:
        /* the fragment never leaves the browser: the token is in no server's log */
        return buf_printf(out, "%s/#token=%s", cli_conf()->public_url, e->token.text);
    case CHANNEL_WHATSAPP:
        break;
    }
    return false;
}

/* The ready settings for a client, for people to read. */
static void print_settings(const struct enrolment *e)
{
    const char *base = cli_conf()->public_url;
    if (e->channel == CHANNEL_WHATSAPP) {
        printf("%s\n", cli_say("Kirim lokasi terkini dari nomor itu ke nomor WhatsApp layanan.",
                               "Send the current location from that number to the service's WhatsApp number."));
        return;
    }
    printf("%s: %s\n", cli_say("Token (ditampilkan sekali ini saja)", "Token (shown only this once)"), e->token.text);
    if (e->channel == CHANNEL_OWNTRACKS) {
        printf("URL:      %s/in/owntracks\nUserID:   %s\nPassword: %s\n", base, e->nip, e->token.text);
    } else if (e->channel == CHANNEL_OSMAND) {
        printf("Traccar Client: URL %s/in/osmand, %s %s\n", base, cli_say("pengenal perangkat", "device identifier"),
               e->token.text);
        printf("GPSLogger: %s/in/osmand?id=%s&timestamp=%%TIMESTAMP&lat=%%LAT&lon=%%LON&accuracy=%%ACC&speed=%%SPD&"
               "altitude=%%ALT&batt=%%BATT\n", base, e->token.text);
    } else {
        printf("POST %s/v1/checkins, Authorization: Bearer %s\n", base, e->token.text);
    }
}

static void print_enrolment(const struct enrolment *e)
{
    struct buf link, code;
    buf_init(&link, 4096);
    buf_init(&code, 65536);
    printf("%s (%s), %s, %s %lld\n", e->name, e->unit, channel_name(e->channel), cli_say("perangkat", "device"),
           (long long)e->device);
    if (e->attached > 0)
        printf(cli_say("%lld lokasi yang sudah diterima dari nomor ini ikut dicatat.\n",
                       "%lld locations already received from this number were attached.\n"), (long long)e->attached);
    print_settings(e);
    if (enroll_link(e, &link) && buf_str(&link) != NULL && qr_terminal(buf_str(&link), &code))
        printf("%s\n\n%s\n", buf_str(&link), buf_str(&code));
    buf_fini(&link);
    buf_fini(&code);
}

static void enrolment_fini(struct enrolment *e)
{
    digest_wipe(&e->token, sizeof e->token);
}

/* One row of the answer, out at once: a token is not kept back while others are bound. */
static bool tell_row(const struct enrolment *e, struct buf *line)
{
    struct csv w;
    char device[24];
    snprintf(device, sizeof device, "%lld", (long long)e->device);
    buf_clear(line);
    csv_begin(&w, line);
    csv_text(&w, e->nip);
    csv_text(&w, channel_name(e->channel));
    csv_number(&w, device);
    csv_text(&w, e->token.text);
    csv_end_row(&w);
    bool ok = !line->failed && fwrite(line->data, 1, line->len, stdout) == line->len;
    return fflush(stdout) == 0 && ok;
}

/* The token of a device that was bound could not be told: nobody has it, so it must not stay valid. */
static void take_back(struct session *s, const struct enrolment *e)
{
    char now[40], device[24];
    cli_error("%s: %s", e->nip, cli_say("keluaran tidak dapat ditulis; perangkat ini dicabut lagi",
                                        "the output cannot be written; this device is revoked again"));
    snprintf(device, sizeof device, "%lld", (long long)e->device);
    const char *const row[] = {device, cli_now(now, sizeof now)};
    free(cli_value(s, "select api.revoke_device($1::bigint, $2::timestamptz)", 2, row));
}

/* CSV in (nip,channel,number), CSV out (nip,channel,device,token): for many at once. One transaction a person: what
 * was printed is valid, what failed is named, what could not be printed is taken back and ends the run. */
static int enroll_csv(struct session *s, const char *path)
{
    struct buf text, line_out;
    char **f;
    size_t line;
    const char *reason;
    int n = 0, code = CLI_DONE;
    size_t earlier = 0;
    buf_init(&text, 64u << 20);
    buf_init(&line_out, 4096);
    if (!cli_read_file(path, &text) || buf_str(&text) == NULL) {
        buf_fini(&text);
        return CLI_FAILED;
    }
    struct csv_reader *reader = csv_reader_new(buf_str(&text), text.len);
    if (reader != NULL)
        csv_reader_comments(reader);
    puts("nip,channel,device,token");
    while (reader != NULL && (n = csv_reader_next(reader, &f, &line, &reason)) > 0) {
        struct enrolment e = {.nip = f[0]};
        if (strcmp(f[0], "nip") == 0)
            continue;
        if (n < 2 || !channel_from_name(f[1], &e.channel)) {
            cli_error(cli_say("%s:%zu: kolom harus nip,channel[,number]", "%s:%zu: columns must be nip,channel[,number]"), path,
                      line);
            code = CLI_FAILED;
            continue;
        }
        if (n > 2 && f[2][0] != '\0')
            e.number = f[2];
        if (!enroll_one(s, &e)) {
            cli_error("%s:%zu", path, line);
            code = CLI_FAILED;
        } else if (!tell_row(&e, &line_out)) {
            take_back(s, &e);
            code = CLI_FAILED;
            enrolment_fini(&e);
            break;
        }
        earlier += e.earlier[0] != '\0';
        enrolment_fini(&e);
    }
    enroll_tell_earlier(earlier);
    if (n < 0) {
        cli_error("%s:%zu: %s", path, line, reason);
        code = CLI_FAILED;
    }
    csv_reader_free(reader);
    digest_wipe(line_out.data, line_out.cap);
    buf_fini(&line_out);
    buf_fini(&text);
    return code;
}

/* After the new token is told, so that whatever goes wrong before leaves the person with one that works. */
static int end_earlier(struct session *s, const struct enrolment *e, bool replace)
{
    char now[40], device[24];
    if (!replace && e->earlier[0] != '\0')
        fprintf(stderr, cli_say("Perangkat %s lama orang ini tetap berlaku: %s. Yang hilang atau diganti dicabut dengan hadir revoke --device N, "
                                "atau semuanya sekaligus oleh hadir enroll --replace.\n",
                                "Earlier %s devices of this person stay valid: %s. A lost or replaced one is ended by hadir revoke --device N, "
                                "all of them at once by hadir enroll --replace.\n"), channel_name(e->channel), e->earlier);
    if (!replace || e->earlier[0] == '\0')
        return CLI_DONE;
    snprintf(device, sizeof device, "%lld", (long long)e->device);
    const char *const row[] = {device, cli_now(now, sizeof now)};
    char *count = cli_value(s, "select api.revoke_earlier($1::bigint, $2::timestamptz)", 2, row);
    if (count == NULL)
        cli_error(cli_say("perangkat lama tetap berlaku: %s", "the earlier devices stay valid: %s"), e->earlier);
    else
        fprintf(stderr, cli_say("Perangkat lama dicabut: %s\n", "Earlier devices revoked: %s\n"), e->earlier);
    int code = count != NULL ? CLI_DONE : CLI_FAILED;
    free(count);
    return code;
}

int cmd_enroll(int argc, char **argv)
{
    const char *channel = NULL, *unit = NULL, *sheet = NULL, *csv = NULL;
    struct enrolment e = {.nip = NULL};
    bool quiet = false, replace = false;
    const struct cli_option options[] = {
        {"--channel", &channel, NULL}, {"--number", &e.number, NULL}, {"--user-id", &e.user_id, NULL},
        {"--label", &e.label, NULL},   {"--unit", &unit, NULL},       {"--sheet", &sheet, NULL},
        {"--csv", &csv, NULL},         {"--quiet", NULL, &quiet},     {"--replace", NULL, &replace}};
    if (!cli_options(&argc, argv, options, sizeof options / sizeof options[0], 0, 1))
        return CLI_USAGE;
    bool one = argc == 2 && csv == NULL && unit == NULL && sheet == NULL;
    bool many = argc == 1 && csv != NULL && unit == NULL && sheet == NULL;
    bool office = argc == 1 && csv == NULL && unit != NULL && sheet != NULL;
    if (one + many + office != 1 || (replace && !one))
        return CLI_USAGE;
    if (!many && (channel == NULL || !channel_from_name(channel, &e.channel))) {
        cli_error("%s", cli_say("--channel harus native, owntracks, osmand atau whatsapp",
                                "--channel must be native, owntracks, osmand or whatsapp"));
        return CLI_USAGE;
    }
    struct session *s = cli_connect("hadir_admin");
    int code = CLI_FAILED;
    if (many) {
        code = enroll_csv(s, csv);
    } else if (office) {
        code = enroll_sheet(s, unit, e.channel, sheet);
    } else {
        e.nip = argv[1];
        if (enroll_one(s, &e)) {
            code = CLI_DONE;
            if (quiet)
                printf("%s\n", e.token.text);
            else
                print_enrolment(&e);
            if (fflush(stdout) != 0 || ferror(stdout)) {
                take_back(s, &e);
                code = CLI_FAILED;
            } else {
                code = end_earlier(s, &e, replace);
            }
        }
        enrolment_fini(&e);
    }
    session_close(s);
    return code;
}

int cmd_revoke(int argc, char **argv)
{
    const char *channel = NULL, *device = NULL, *access = NULL;
    char now[40];
    const struct cli_option options[] = {{"--channel", &channel, NULL}, {"--device", &device, NULL},
                                         {"--access", &access, NULL}};
    enum channel known;
    if (!cli_options(&argc, argv, options, 3, 0, 1) || (argc == 2) + (device != NULL) + (access != NULL) != 1)
        return CLI_USAGE;
    if (channel != NULL && (argc != 2 || !channel_from_name(channel, &known)))
        return CLI_USAGE;
    struct session *s = cli_connect("hadir_admin");
    const char *const person[] = {argc == 2 ? argv[1] : NULL, channel, cli_now(now, sizeof now)};
    const char *const row[] = {device != NULL ? device : access, now};
    char *count = argc == 2 ? cli_value(s, "select api.revoke_person($1, $2, $3::timestamptz)", 3, person)
                  : device != NULL ? cli_value(s, "select api.revoke_device($1::bigint, $2::timestamptz)", 2, row)
                                   : cli_value(s, "select api.revoke_access($1::bigint, $2::timestamptz)", 2, row);
    if (count != NULL)
        printf(cli_say("%s dicabut\n", "%s revoked\n"), count);
    int code = count != NULL && strcmp(count, "0") != 0 ? CLI_DONE : CLI_FAILED;
    free(count);
    session_close(s);
    return code;
}

int cmd_grant(int argc, char **argv)
{
    const char *unit = NULL;
    bool quiet = false;
    char now[40];
    struct token token;
    const struct cli_option options[] = {{"--unit", &unit, NULL}, {"--quiet", NULL, &quiet}};
    if (!cli_options(&argc, argv, options, 2, 2, 2) || unit == NULL)
        return CLI_USAGE;
    token_make(&token);
    struct session *s = cli_connect("hadir_admin");
    const char *const params[] = {argv[1], argv[2], unit, token.hash_hex, cli_now(now, sizeof now)};
    char *id = cli_value(s, "select api.grant_access($1, $2, $3, $4, $5::timestamptz)", 5, params);
    if (id != NULL && quiet)
        printf("%s\n", token.text);
    else if (id != NULL)
        printf(cli_say("Hak %s nomor %s untuk %s. Token (ditampilkan sekali ini saja): %s\n",
                       "Right %s number %s for %s. Token (shown only this once): %s\n"), argv[2], id, unit, token.text);
    int code = id != NULL ? CLI_DONE : CLI_FAILED;
    free(id);
    digest_wipe(&token, sizeof token);
    session_close(s);
    return code;
}
