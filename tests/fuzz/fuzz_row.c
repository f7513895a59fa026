/* A row of the spool, as a forged or rotten file would give it, on its way into the database: whatever it holds, what is
 * sent is a record of whole members in UTF-8, with the row's own number; or the row is told apart as unreadable.
 * Bytes: kind, tree size, steps, then the payload. A payload after 'F' is a fact's encoding whose version byte is set. */
#include "fuzz.h"

#include "fact.h"
#include "parcel.h"
#include "receipts.h"
#include "record.h"
#include "utf8.h"

#define STEPS_MAX 32u

static void is_row(const struct buf *array, int64_t seq)
{
    struct piece row, members[64];
    size_t count;
    MUST(array != NULL && array_elements((struct piece){array->data, array->len}, &row, 1, &count) && count == 1);
    MUST(record_members(row, members, 64) == 39);
    MUST(members[0].len == 8 && (int64_t)be(members[0].data, 8) == seq);
    for (size_t i = 25; i < 31; i++) /* the client's texts */
        MUST(members[i].data == NULL || utf8_valid(members[i].data, members[i].len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct parcel parcel;
    static uint8_t path[STEPS_MAX * 32];
    struct fact f;
    struct buf receipt;
    if (size < 3)
        return 0;
    fuzz_quiet();
    struct spool_row rows[3] = {{.seq = 41, .kind = (enum spool_kind)(data[0] % 5), .payload = data + 3, .payload_len = size - 3,
                                 .proof = {.tree_size = data[1], .tree_index = data[1] / 2, .path = path, .path_steps = data[2] % STEPS_MAX}}};
    memset(rows[0].proof.key_id, 'a', 16);
    rows[1] = rows[2] = rows[0];
    rows[1].seq = 42;
    rows[1].kind = SPOOL_EVENT;
    rows[2].seq = 43;
    rows[2].payload_len = 0;
    parcel_init(&parcel);
    MUST(parcel_fill(&parcel, rows, 3));
    for (int turns = 0; !parcel_is_empty(&parcel); turns++) {
        MUST(turns < 10);
        int64_t last = parcel_last_seq(&parcel);
        if (parcel_is_unreadable(&parcel))
            is_row(parcel_outline(&parcel), last);
        else if (parcel_rows(&parcel) == 1)
            is_row(parcel_array(&parcel), last);
        else {
            parcel_split(&parcel);
            continue;
        }
        parcel_accept(&parcel);
    }
    parcel_fini(&parcel);
    buf_init(&receipt, 1u << 16);
    if (fact_decode(rows[0].payload, rows[0].payload_len, &f))
        (void)receipts_write(&f, &rows[0].proof, &receipt);
    buf_fini(&receipt);
    return 0;
}
