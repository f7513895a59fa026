/* Mapping a directory file and believing nothing in it.
 *
 * Place in the flow: a door gets a descriptor from the supervisor, directory.c maps it here before anything uses it. The
 * file may be torn, rotten or made by somebody else: checksum first, then every record: reserved bytes zero,
 * enumerations and flags in range, keys strictly ascending, indices and offsets inside their sections, texts UTF-8,
 * shapes and R-trees well-formed by geo's own checks. What passes is safe to read without further checks as long as the
 * file does not change, and it does not: writers rename new files into place and never touch old ones.
 *
 * Not here: meaning (plan.c, time.c, place.c), writing (snapshot.c). Threads: none of its own; images are read-only. */
#include "image.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "digest.h"
#include "utf8.h"

#define CHECKSUM_AT offsetof(struct image_header, checksum)

static const size_t record_bytes[SECTION_COUNT] = {
    [SECTION_PERSONS] = sizeof(struct image_person),
    [SECTION_MEMBERS] = sizeof(struct image_member),
    [SECTION_HOMES] = sizeof(int64_t),
    [SECTION_TOKENS] = sizeof(struct image_token),
    [SECTION_NUMBERS] = sizeof(struct image_number),
    [SECTION_BUSINESSES] = sizeof(struct image_business),
    [SECTION_GOVERNMENTS] = sizeof(struct image_government),
    [SECTION_SLOTS] = sizeof(struct image_slot),
    [SECTION_PATTERNS] = sizeof(struct image_pattern),
    [SECTION_SESSIONS] = sizeof(struct image_pattern_session),
    [SECTION_PATTERN_FENCES] = sizeof(int64_t),
    [SECTION_FENCES] = sizeof(struct image_fence),
    [SECTION_SHARED] = sizeof(uint32_t),
    [SECTION_INDEXES] = 1,
    [SECTION_SHAPES] = 1,
    [SECTION_STRINGS] = 1,
};

size_t image_record_bytes(enum image_section section)
{
    return record_bytes[section];
}

void image_checksum(const uint8_t *bytes, size_t len, uint8_t ret[32])
{
    const struct digest_part parts[] = {{bytes, CHECKSUM_AT},
                                        {bytes + CHECKSUM_AT + SHA256_BYTES, len - CHECKSUM_AT - SHA256_BYTES}};
    digest_sha256_parts(parts, 2, ret);
}

/* ---- header and sections ---- */

static const char *check_header(const struct image_header *h, size_t len)
{
    if (memcmp(h->magic, IMAGE_MAGIC, sizeof h->magic) != 0)
        return "not a directory file";
    if (h->version != IMAGE_VERSION)
        return "another format version";
    if (h->file_bytes != len)
        return "file is cut short or too long";
    uint8_t sum[SHA256_BYTES];
    image_checksum((const uint8_t *)h, len, sum);
    if (!digest_equal(sum, h->checksum, sizeof sum))
        return "checksum differs";
    if ((h->flags & ~IMAGE_IS_DELTA) != 0)
        return "unknown flags";
    if (h->days < 1 || h->days > IMAGE_DAYS_MAX || h->first_day < 0 || h->first_day > IMAGE_DAY_MAX)
        return "days out of range";
    if (h->compiled_us < 0 || h->compiled_us > IMAGE_TIME_MAX_US)
        return "time of compilation out of range";
    bool is_delta = (h->flags & IMAGE_IS_DELTA) != 0;
    if (h->epoch < 0 || h->base_number < 0 || (is_delta ? h->number <= h->base_number : h->number != h->base_number))
        return "version numbers do not fit";
    return NULL;
}

static uint64_t align8(uint64_t v)
{
    return (v + 7) & ~UINT64_C(7);
}

/* Sections follow the header and each other without gaps; so they neither overlap nor hide anything. */
static const char *check_sections(const struct image_header *h, const uint8_t *bytes)
{
    uint64_t at = sizeof *h;
    for (int i = 0; i < SECTION_COUNT; i++) {
        const struct image_extent *e = &h->sections[i];
        if (e->offset != at || e->count > (h->file_bytes - at) / record_bytes[i] || e->count > UINT32_MAX)
            return "a section lies outside the file";
        uint64_t end = at + e->count * record_bytes[i];
        at = align8(end);
        if (at > h->file_bytes)
            return "a section lies outside the file";
        for (; end < at; end++)
            if (bytes[end] != 0)
                return "padding is not zero";
    }
    return at == h->file_bytes ? NULL : "bytes behind the last section";
}

static const void *section(const struct image *im, enum image_section s)
{
    return im->bytes + im->header->sections[s].offset;
}

static void find_sections(struct image *im)
{
    im->persons = section(im, SECTION_PERSONS);
    im->members = section(im, SECTION_MEMBERS);
    im->homes = section(im, SECTION_HOMES);
    im->tokens = section(im, SECTION_TOKENS);
    im->numbers = section(im, SECTION_NUMBERS);
    im->businesses = section(im, SECTION_BUSINESSES);
    im->governments = section(im, SECTION_GOVERNMENTS);
    im->slots = section(im, SECTION_SLOTS);
    im->patterns = section(im, SECTION_PATTERNS);
    im->sessions = section(im, SECTION_SESSIONS);
    im->pattern_fences = section(im, SECTION_PATTERN_FENCES);
    im->fences = section(im, SECTION_FENCES);
    im->shared = section(im, SECTION_SHARED);
    im->indexes = section(im, SECTION_INDEXES);
    im->shapes = section(im, SECTION_SHAPES);
    im->strings = section(im, SECTION_STRINGS);
}

/* ---- records ---- */

static bool within(uint64_t first, uint64_t count, uint64_t total)
{
    return first <= total && count <= total - first;
}

static bool flag(uint8_t v)
{
    return v <= 1;
}

static bool zeros(const uint8_t *bytes, size_t n)
{
    uint8_t all = 0;
    for (size_t i = 0; i < n; i++)
        all |= bytes[i];
    return all == 0;
}

static bool text_ok(const struct image *im, struct image_text t)
{
    return within(t.offset, t.len, image_count(im, SECTION_STRINGS)) && utf8_valid(im->strings + t.offset, t.len);
}

static const char *check_persons(const struct image *im)
{
    for (size_t i = 0; i < image_count(im, SECTION_PERSONS); i++) {
        const struct image_person *p = &im->persons[i];
        if (i > 0 && p->id <= im->persons[i - 1].id)
            return "persons are not in order";
        if (p->government >= image_count(im, SECTION_GOVERNMENTS) ||
            !within(p->member_first, p->member_count, image_count(im, SECTION_MEMBERS)) ||
            !within(p->home_first, p->home_count, image_count(im, SECTION_HOMES)) || !flag(p->removed) ||
            !zeros(p->zero, sizeof p->zero))
            return "a person is malformed";
        for (uint32_t k = 1; k < p->member_count; k++)
            if (im->members[p->member_first + k].first_day <= im->members[p->member_first + k - 1].last_day)
                return "memberships are not in order";
    }
    return NULL;
}

static bool pair_ok(uint32_t pair)
{
    return pair >= 1 && pair <= IMAGE_PAIR_MAX;
}

static const char *check_members(const struct image *im)
{
    for (size_t i = 0; i < image_count(im, SECTION_MEMBERS); i++) {
        const struct image_member *m = &im->members[i];
        if (m->first_day < 0 || m->last_day < m->first_day || m->last_day > IMAGE_DAY_MAX || !pair_ok(m->pair))
            return "a membership is malformed";
    }
    return NULL;
}

static const char *check_slots(const struct image *im)
{
    const struct image_header *h = im->header;
    for (size_t i = 0; i < image_count(im, SECTION_SLOTS); i++) {
        const struct image_slot *v = &im->slots[i], *u = v - (i > 0);
        if (i > 0 && image_order_slot(u->pair, u->day, v->pair, v->day) >= 0)
            return "slots are not in order";
        if (!pair_ok(v->pair) || v->day < h->first_day || v->day - h->first_day >= h->days)
            return "a slot is malformed";
        if (v->pattern >= image_count(im, SECTION_PATTERNS))
            return "a slot names no pattern";
    }
    return NULL;
}

static const char *check_credentials(const struct image *im)
{
    for (size_t i = 0; i < image_count(im, SECTION_TOKENS); i++) {
        const struct image_token *t = &im->tokens[i];
        if (i > 0 && image_order_token(im->tokens[i - 1].hash, t->hash) >= 0)
            return "tokens are not in order";
        bool device = t->kind == 1;
        if ((!device && t->kind != 2) || t->channel > CHANNEL_MAX || (device && t->channel == 0) || !flag(t->revoked) ||
            !flag(t->removed) || !zeros(t->zero, sizeof t->zero))
            return "a token is malformed";
    }
    for (size_t i = 0; i < image_count(im, SECTION_NUMBERS); i++) {
        const struct image_number *v = &im->numbers[i], *u = v - (i > 0);
        if (i > 0 && image_order_number(u->government, u->is_user_id != 0, u->hash, v->government, v->is_user_id != 0,
                                        v->hash) >= 0)
            return "numbers are not in order";
        if (!flag(v->is_user_id) || !flag(v->revoked) || !flag(v->removed) || !zeros(v->zero, sizeof v->zero))
            return "a number is malformed";
    }
    struct text before = {NULL, 0};
    for (size_t i = 0; i < image_count(im, SECTION_BUSINESSES); i++) {
        if (!text_ok(im, im->businesses[i].phone_number_id))
            return "a business number is malformed";
        struct text t = image_text(im, im->businesses[i].phone_number_id);
        if (i > 0 && image_order_text(before.s, before.len, t.s, t.len) >= 0)
            return "business numbers are not in order";
        before = t;
    }
    return NULL;
}

static bool time_ok(int64_t us)
{
    return us >= 0 && us <= IMAGE_TIME_MAX_US;
}

static const char *check_patterns(const struct image *im)
{
    for (size_t i = 0; i < image_count(im, SECTION_PATTERNS); i++) {
        const struct image_pattern *p = &im->patterns[i];
        bool decides = true;
        for (int k = 0; k < CHANNEL_MAX; k++)
            decides = decides && p->decides[k] >= TIME_FIX && p->decides[k] <= TIME_ARRIVAL;
        if (!decides || !time_ok(p->starts_us) || !time_ok(p->ends_us) || p->starts_us >= p->ends_us ||
            !isfinite(p->accuracy_cap_m) || p->accuracy_cap_m < 0 || p->place > PLACE_DL || !flag(p->anywhere) ||
            !within(p->session_first, p->session_count, image_count(im, SECTION_SESSIONS)) ||
            !within(p->fence_first, p->fence_count, image_count(im, SECTION_PATTERN_FENCES)) ||
            !zeros(p->zero, sizeof p->zero))
            return "a day pattern is malformed";
        for (uint32_t k = 1; k < p->session_count; k++)
            if (im->sessions[p->session_first + k].accept_from_us < im->sessions[p->session_first + k - 1].accept_from_us)
                return "sessions are not in order";
    }
    for (size_t i = 0; i < image_count(im, SECTION_SESSIONS); i++) {
        const struct image_pattern_session *s = &im->sessions[i];
        if (!time_ok(s->accept_from_us) || !time_ok(s->accept_until_us) || s->accept_from_us > s->accept_until_us ||
            !time_ok(s->due_us) || !time_ok(s->on_time_from_us) || !time_ok(s->on_time_until_us) ||
            s->counts_as < COUNTS_AS_IN || s->counts_as > COUNTS_AS_PRESENCE || !text_ok(im, s->code) ||
            !text_ok(im, s->label) || !zeros(s->zero, sizeof s->zero))
            return "a session is malformed";
    }
    return NULL;
}

static const char *check_fences(const struct image *im)
{
    for (size_t i = 0; i < image_count(im, SECTION_FENCES); i++) {
        const struct image_fence *f = &im->fences[i];
        if (i > 0 && f->id <= im->fences[i - 1].id)
            return "fences are not in order";
        if (f->kind < FENCE_OFFICE || f->kind > FENCE_AREA || !flag(f->shared) || !flag(f->removed) ||
            (f->shared && f->removed) || !text_ok(im, f->name) || !zeros(f->zero, sizeof f->zero) ||
            f->shape_offset % 8 != 0 || !within(f->shape_offset, f->shape_len, image_count(im, SECTION_SHAPES)))
            return "a fence is malformed";
        if (!f->removed && !fence_shape_valid(image_shape(im, f)))
            return "a fence's shape is malformed";
    }
    return NULL;
}

static const char *check_governments(const struct image *im)
{
    for (size_t i = 0; i < image_count(im, SECTION_GOVERNMENTS); i++) {
        const struct image_government *g = &im->governments[i];
        if (i > 0 && g->id <= im->governments[i - 1].id)
            return "governments are not in order";
        if (g->index_offset % 8 != 0 || !within(g->index_offset, g->index_len, image_count(im, SECTION_INDEXES)) ||
            !within(g->shared_first, g->shared_count, image_count(im, SECTION_SHARED)))
            return "a government is malformed";
        const uint8_t *index = im->indexes + g->index_offset;
        if (!index_valid(index, (size_t)g->index_len) || index_count(index) != g->shared_count)
            return "an index of fences is malformed";
        for (uint32_t k = 0; k < g->shared_count; k++) {
            uint32_t fence = im->shared[g->shared_first + k];
            if (fence >= image_count(im, SECTION_FENCES) || !im->fences[fence].shared || im->fences[fence].government != g->id)
                return "an index names a fence that is not shared";
        }
    }
    return NULL;
}

bool image_check(const uint8_t *bytes, size_t len, struct image *ret, char *error, size_t error_cap)
{
    static const char *(*const checks[])(const struct image *) = {
        check_persons, check_members, check_credentials, check_slots, check_patterns, check_fences, check_governments};
    struct image im = {.bytes = bytes, .len = len, .header = (const struct image_header *)(const void *)bytes};
    const char *reason = len < sizeof(struct image_header) ? "file is too short" : check_header(im.header, len);
    if (reason == NULL)
        reason = check_sections(im.header, bytes);
    if (reason == NULL)
        find_sections(&im);
    for (size_t i = 0; reason == NULL && i < sizeof checks / sizeof checks[0]; i++)
        reason = checks[i](&im);
    if (reason != NULL) {
        snprintf(error, error_cap, "%s", reason);
        return false;
    }
    *ret = im;
    return true;
}

/* Boxes of the edges of all fences, which make questions about large ones cheap. */
static bool make_runs(struct image *im)
{
    size_t fences = image_count(im, SECTION_FENCES), total = 0;
    im->runs_from = calloc(fences + 1, sizeof *im->runs_from);
    for (size_t i = 0; im->runs_from != NULL && i < fences; i++) {
        im->runs_from[i] = (uint32_t)total; /* far fewer than the file has bytes */
        total += im->fences[i].removed ? 0 : fence_runs(image_shape(im, &im->fences[i]), NULL);
    }
    struct box *runs = im->runs_from != NULL ? calloc(total + 1, sizeof *runs) : NULL;
    for (size_t i = 0; runs != NULL && i < fences; i++)
        if (!im->fences[i].removed)
            fence_runs(image_shape(im, &im->fences[i]), runs + im->runs_from[i]);
    im->runs = runs;
    return runs != NULL;
}

bool image_map(int fd, struct image *ret, char *error, size_t error_cap)
{
    off_t end = lseek(fd, 0, SEEK_END); /* not fstat, which is a door's way to ask for any path (cage.c) */
    if (end < (off_t)sizeof(struct image_header) || (uint64_t)end > IMAGE_BYTES_MAX) {
        snprintf(error, error_cap, "no regular file of a possible size");
        return false;
    }
    size_t len = (size_t)end;
    void *bytes = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) {
        snprintf(error, error_cap, "mmap: %s", strerror(errno));
        return false;
    }
    struct image im;
    if (!image_check(bytes, len, &im, error, error_cap)) {
        munmap(bytes, len);
        return false;
    }
    if (!make_runs(&im)) {
        snprintf(error, error_cap, "out of memory");
        image_unmap(&im);
        return false;
    }
    *ret = im;
    return true;
}

void image_unmap(struct image *im)
{
    if (im->bytes != NULL)
        munmap((void *)(uintptr_t)im->bytes, im->len);
    free(im->runs);
    free(im->runs_from);
    *im = (struct image){.bytes = NULL};
}

/* ---- finding ---- */

int image_order_token(const uint8_t a[32], const uint8_t b[32])
{
    return memcmp(a, b, 32);
}

int image_order_number(int64_t a_government, bool a_is_user_id, const uint8_t a_hash[32], int64_t b_government,
                       bool b_is_user_id, const uint8_t b_hash[32])
{
    if (a_government != b_government)
        return a_government < b_government ? -1 : 1;
    if (a_is_user_id != b_is_user_id)
        return a_is_user_id ? 1 : -1;
    return memcmp(a_hash, b_hash, 32);
}

int image_order_slot(uint32_t a_pair, int32_t a_day, uint32_t b_pair, int32_t b_day)
{
    if (a_pair != b_pair)
        return a_pair < b_pair ? -1 : 1;
    return a_day < b_day ? -1 : a_day > b_day;
}

int image_order_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int c = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return c != 0 ? c : a_len < b_len ? -1 : a_len > b_len;
}

/* Index of the record whose leading int64_t is id in an array sorted by it; count when there is none. */
static size_t find_id(const void *records, size_t bytes, size_t count, int64_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t at;
        memcpy(&at, (const uint8_t *)records + middle * bytes, sizeof at);
        if (at == id)
            return middle;
        if (at < id)
            low = middle + 1;
        else
            high = middle;
    }
    return count;
}

const struct image_person *image_find_person(const struct image *im, int64_t id)
{
    size_t n = image_count(im, SECTION_PERSONS), i = find_id(im->persons, sizeof *im->persons, n, id);
    return i < n ? &im->persons[i] : NULL;
}

const struct image_fence *image_find_fence(const struct image *im, int64_t id)
{
    size_t n = image_count(im, SECTION_FENCES), i = find_id(im->fences, sizeof *im->fences, n, id);
    return i < n ? &im->fences[i] : NULL;
}

const struct image_government *image_find_government(const struct image *im, int64_t id)
{
    size_t n = image_count(im, SECTION_GOVERNMENTS), i = find_id(im->governments, sizeof *im->governments, n, id);
    return i < n ? &im->governments[i] : NULL;
}

size_t image_find_slot(const struct image *im, uint32_t pair, int32_t day)
{
    size_t low = 0, high = image_count(im, SECTION_SLOTS);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image_order_slot(im->slots[middle].pair, im->slots[middle].day, pair, day) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The place is found by the hash's first 8 bytes, the match by comparing all 32 in constant time. */
const struct image_token *image_find_token(const struct image *im, const uint8_t hash[32])
{
    size_t low = 0, high = image_count(im, SECTION_TOKENS);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(im->tokens[middle].hash, hash, 8) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < image_count(im, SECTION_TOKENS) && memcmp(im->tokens[i].hash, hash, 8) == 0; i++)
        if (digest_equal(im->tokens[i].hash, hash, 32))
            return &im->tokens[i];
    return NULL;
}

const struct image_number *image_find_number(const struct image *im, int64_t government, bool is_user_id,
                                             const uint8_t hash[32])
{
    size_t low = 0, high = image_count(im, SECTION_NUMBERS);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct image_number *v = &im->numbers[middle];
        int c = image_order_number(v->government, v->is_user_id != 0, v->hash, government, is_user_id, hash);
        if (c == 0)
            return v;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct image_business *image_find_business(const struct image *im, const char *s, size_t len)
{
    size_t low = 0, high = len > 0 ? image_count(im, SECTION_BUSINESSES) : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct text t = image_text(im, im->businesses[middle].phone_number_id);
        int c = image_order_text(t.s, t.len, s, len);
        if (c == 0)
            return &im->businesses[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
