/* hadir receipt, verify-receipt: a receipt again from the database, and its check with the public key alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "receipt.h"
#include "signer.h"

#define RECEIPT_FILE_MAX (1u << 20)

static const char *check_name(enum receipt_check check)
{
    switch (check) {
    case RECEIPT_GOOD: return cli_say("SAH", "GOOD");
    case RECEIPT_MALFORMED: return cli_say("TIDAK TERBACA", "MALFORMED");
    case RECEIPT_WRONG_KEY: return cli_say("KUNCI LAIN", "ANOTHER KEY");
    case RECEIPT_WRONG_PATH: return cli_say("ISI DIUBAH", "CONTENT CHANGED");
    case RECEIPT_WRONG_SIGNATURE: return cli_say("TANDA TANGAN SALAH", "WRONG SIGNATURE");
    }
    return "?";
}

int cmd_verify_receipt(int argc, char **argv)
{
    const char *key = NULL;
    char error[256], reason[256] = "";
    const struct cli_option options[] = {{"--key", &key, NULL}};
    struct buf text;
    if (!cli_options(&argc, argv, options, 1, 1, 1) || key == NULL)
        return CLI_USAGE;
    struct verifier *v = verifier_load(key, error, sizeof error);
    if (v == NULL) {
        cli_error("%s", error);
        return CLI_FAILED;
    }
    buf_init(&text, RECEIPT_FILE_MAX);
    int code = CLI_FAILED;
    if (cli_read_file(argv[1], &text)) {
        size_t len = text.len;
        while (len > 0 && (text.data[len - 1] == '\n' || text.data[len - 1] == '\r'))
            len--;
        enum receipt_check check = receipt_verify(text.data, len, v, reason, sizeof reason);
        printf("%s%s%s\n", check_name(check), reason[0] != '\0' ? ": " : "", reason);
        code = check == RECEIPT_GOOD ? CLI_DONE : CLI_FAILED;
    }
    buf_fini(&text);
    verifier_free(v);
    return code;
}

int cmd_receipt(int argc, char **argv)
{
    char reason[256];
    struct buf receipt;
    if (!cli_options(&argc, argv, NULL, 0, 1, 1))
        return CLI_USAGE;
    struct session *s = cli_connect("hadir_admin");
    const char *const params[] = {argv[1]};
    int code = CLI_FAILED;
    buf_init(&receipt, RECEIPT_FILE_MAX);
    struct rows *rows = cli_query(s, "select api.receipt($1::uuid)", 1, params);
    const char *row = rows != NULL && rows_count(rows) == 1 ? rows_get(rows, 0, 0) : NULL;
    if (rows != NULL && row == NULL) {
        cli_error(cli_say("presensi %s tidak ada", "there is no check-in %s"), argv[1]);
    } else if (row != NULL && !receipt_from_row((const uint8_t *)row, strlen(row), &receipt, reason, sizeof reason)) {
        cli_error("%s", reason);
    } else if (row != NULL) {
        printf("%.*s\n", (int)receipt.len, (const char *)receipt.data);
        code = CLI_DONE;
    }
    rows_free(rows);
    buf_fini(&receipt);
    session_close(s);
    return code;
}
