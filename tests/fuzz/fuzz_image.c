/* A directory snapshot from a disk that rotted or a planner that somebody took over: what passes the checks can be asked
 * anything. The first byte: 0 the bytes as they are; else length, offsets and checksum are put right first, so that
 * mutations get as far as the records; bit 1: after a base of its own, as a delta. */
#include "fuzz.h"

#include "digest.h"
#include "directory.h"
#include "image.h"
#include "judge.h"
#include "wall.h"

static uint64_t align8(uint64_t v)
{
    return (v + 7) & ~UINT64_C(7);
}

/* Sections as long as they say, as far as there are bytes; the last has what is left. Returns the length. */
static size_t mend(uint8_t *bytes, size_t len)
{
    struct image_header *h = (struct image_header *)(void *)bytes;
    uint64_t at = sizeof *h;
    len &= ~(size_t)7;
    for (int i = 0; i < SECTION_COUNT; i++) {
        struct image_extent *e = &h->sections[i];
        size_t record = image_record_bytes((enum image_section)i);
        uint64_t room = (len - at) / record;
        e->offset = at;
        if (e->count > room || i == SECTION_COUNT - 1)
            e->count = room;
        uint64_t end = at + e->count * record;
        if (align8(end) > len) {
            e->count -= e->count > 0;
            end = at + e->count * record;
        }
        at = align8(end);
        memset(bytes + end, 0, at - end);
    }
    memcpy(h->magic, IMAGE_MAGIC, sizeof h->magic);
    h->version = IMAGE_VERSION;
    h->file_bytes = at;
    image_checksum(bytes, (size_t)at, h->checksum);
    return (size_t)at;
}

static void ask_person(const struct directory *d, const struct image *im, const struct image_person *p, int64_t at_us)
{
    struct session_view sessions[8];
    struct judgement again;
    int32_t day;
    size_t n = directory_sessions(d, p->id, at_us, &day, sessions, 8);
    MUST(n <= 8);
    for (size_t i = 0; i < n; i++)
        MUST(sessions[i].code.len <= im->len && sessions[i].accept_from_us <= sessions[i].accept_until_us);
    struct fact f = {.government = 1, .person = p->id, .device = 7, .channel = (enum channel)(1 + p->id % 4 + (p->id % 4 < 0 ? 4 : 0)),
                     .fix_us = at_us, .message_us = at_us + 1, .sent_us = TIME_ABSENT, .received_us = at_us + 2, .lat_deg = -2.5,
                     .lon_deg = 120.3, .has_accuracy = true, .accuracy_m = 50, .automatic = p->id % 2 == 0};
    directory_judge(d, &f);
    MUST(f.decided_us != TIME_ABSENT && f.placement_count <= FACT_PLACEMENTS_MAX);
    MUST(f.first.verdict <= VERDICT_NOT_EXPECTED && f.first.place <= PLACE_DL);
    directory_rejudge(d, &f, &again);
    MUST(again.verdict == f.first.verdict && again.session == f.first.session);
    (void)directory_drops(d, &f, at_us + 3);
}

static void ask(struct directory *d, const struct image *im)
{
    struct credential c;
    int64_t at_us = ((int64_t)im->header->first_day * 86400 + 7 * 3600) * US_PER_S;
    for (size_t i = 0; i < image_count(im, SECTION_PERSONS) && i < 20; i++)
        ask_person(d, im, &im->persons[i], at_us + (int64_t)i * 3600 * US_PER_S);
    for (size_t i = 0; i < image_count(im, SECTION_TOKENS); i++)
        MUST(directory_find_token(d, im->tokens[i].hash, &c) == (im->tokens[i].removed == 0));
    for (size_t i = 0; i < image_count(im, SECTION_BUSINESSES); i++) {
        struct text t = image_text(im, im->businesses[i].phone_number_id);
        (void)directory_find_business(d, t.s, t.len);
    }
    (void)directory_find_number(d, 1, "6281100000001", 13, &c);
    (void)directory_find_user_id(d, 1, "user", 4, &c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[200] = "";
    struct image im;
    if (size < 1 + sizeof(struct image_header) || size > 1u << 20)
        return 0;
    size_t len = size - 1;
    uint8_t *bytes = aligned_alloc(8, align8(len)), mode = data[0];
    MUST(bytes != NULL);
    memcpy(bytes, data + 1, len);
    if (mode != 0)
        len = mend(bytes, len);
    bool good = image_check(bytes, len, &im, error, sizeof error);
    MUST(good == (error[0] == '\0'));
    struct directory *d = directory_new();
    if (good && (im.header->flags & IMAGE_IS_DELTA) != 0 && (mode & 2) != 0) {
        /* its base: nothing but the same days */
        struct image_header base = *im.header;
        uint8_t empty[sizeof base];
        base.flags = 0;
        base.number = base.base_number;
        for (int i = 0; i < SECTION_COUNT; i++)
            base.sections[i].count = 0;
        memcpy(empty, &base, sizeof empty);
        (void)mend(empty, sizeof empty);
        MUST(directory_adopt(d, fuzz_file(empty, sizeof empty), error, sizeof error));
    }
    bool adopted = directory_adopt(d, fuzz_file(bytes, len), error, sizeof error);
    MUST(!adopted || good);
    if (adopted)
        ask(d, &im);
    directory_free(d);
    free(bytes);
    return 0;
}
