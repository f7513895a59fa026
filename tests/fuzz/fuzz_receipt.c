/* Receipts and stored rows from anybody. With HADIR_SOURCE set the vectors' public key is used, so that mutations of the
 * vector get as far as path and signature. What is GOOD can only be the vector itself in another JSON spelling. */
#include "fuzz_fact.h"
#include "receipt.h"

static struct verifier *key(void)
{
    char path[512], error[256];
    const char *source = getenv("HADIR_SOURCE");
    if (source != NULL) {
        snprintf(path, sizeof path, "%s/proto/vectors/receipt-key.pem", source);
        return verifier_load(path, error, sizeof error);
    }
    struct signer *s = signer_generate();
    struct verifier *v = verifier_of(s);
    signer_free(s);
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct verifier *verifier;
    char reason[256] = "";
    if (verifier == NULL)
        verifier = key();
    MUST(verifier != NULL);
    enum receipt_check check = receipt_verify(data, size, verifier, reason, sizeof reason);
    MUST((check == RECEIPT_GOOD) == (reason[0] == '\0'));
    struct buf b;
    buf_init(&b, 1u << 16);
    reason[0] = '\0';
    if (receipt_from_row(data, size, &b, reason, sizeof reason))
        MUST(receipt_verify(b.data, b.len, verifier, reason, sizeof reason) != RECEIPT_GOOD);
    MUST(reason[0] != '\0');
    buf_fini(&b);
    return 0;
}
