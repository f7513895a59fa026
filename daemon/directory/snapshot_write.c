/* From collected rows to a file: sort, share, lay out, checksum, write, rename.
 *
 * Where the same key was handed over twice, the row that matters to a door wins: for credentials the one not removed,
 * not revoked, of the newest device (a number enrolled again after a revocation); for fences the newest version. A
 * person or a slot given twice, or a slot whose pattern was not handed over, is the caller's mistake and refused with a
 * reason. Patterns of equal content become one, whatever their ids.
 *
 * The file is built in memory (200,000 people: some 50 MB), written beside its final name, synced, renamed, and the
 * folder synced: whoever opens the name sees the old file or the new one, whole. Format: image.h. One thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "image.h"
#include "rows.h"

/* Sorted and shared, ready to be laid out. */
struct layout {
    const struct snapshot *s;
    int64_t *governments;
    size_t government_count;
    struct buf government_rows; /* image_government */
    struct buf shared;          /* uint32_t */
    struct buf indexes;
    struct buf patterns;        /* image_pattern: the distinct ones */
    struct buf slots;           /* image_slot */
    struct buf person_rows;     /* image_person */
    char *error;
    size_t error_cap;
};

static bool out_of_memory(struct layout *l)
{
    snprintf(l->error, l->error_cap, "out of memory");
    return false;
}

/* ---- one row a key ---- */

typedef int (*order_cb)(const void *a, const void *b); /* by key */
typedef bool (*beats_cb)(const void *a, const void *b);

/* Sorts by key and drops, of rows with the same key, all but the best. */
static void keep_best(struct buf *b, size_t row_bytes, order_cb order, beats_cb beats)
{
    size_t n = rows_count(b, row_bytes), kept = 0;
    if (n == 0)
        return;
    qsort(b->data, n, row_bytes, order);
    for (size_t i = 1; i < n; i++) {
        uint8_t *last = b->data + kept * row_bytes, *next = b->data + i * row_bytes;
        if (order(last, next) != 0)
            memmove(b->data + ++kept * row_bytes, next, row_bytes);
        else if (beats(next, last))
            memmove(last, next, row_bytes);
    }
    b->len = (kept + 1) * row_bytes;
}

static int order_tokens(const void *a, const void *b)
{
    return image_order_token(((const struct image_token *)a)->hash, ((const struct image_token *)b)->hash);
}

static bool token_beats(const void *a, const void *b)
{
    const struct image_token *x = a, *y = b;
    if (x->removed != y->removed)
        return y->removed;
    if (x->revoked != y->revoked)
        return y->revoked;
    return x->id > y->id;
}

static int order_numbers(const void *a, const void *b)
{
    const struct image_number *x = a, *y = b;
    return image_order_number(x->government, x->is_user_id != 0, x->hash, y->government, y->is_user_id != 0, y->hash);
}

static bool number_beats(const void *a, const void *b)
{
    const struct image_number *x = a, *y = b;
    if (x->removed != y->removed)
        return y->removed;
    if (x->revoked != y->revoked)
        return y->revoked;
    return x->device > y->device;
}

static int order_fences(const void *a, const void *b)
{
    const struct image_fence *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool fence_beats(const void *a, const void *b)
{
    const struct image_fence *x = a, *y = b;
    return x->removed != y->removed ? y->removed : x->version > y->version;
}

static int order_businesses(const void *a, const void *b, void *arg)
{
    const struct image_business *x = a, *y = b;
    const char *texts = arg;
    return image_order_text(texts + x->phone_number_id.offset, x->phone_number_id.len, texts + y->phone_number_id.offset,
                            y->phone_number_id.len);
}

static bool sort_businesses(struct snapshot *s, struct layout *l)
{
    struct image_business *rows = (void *)s->businesses.data;
    size_t n = rows_count(&s->businesses, sizeof *rows), kept = 0;
    if (n == 0)
        return true;
    qsort_r(rows, n, sizeof *rows, order_businesses, s->texts.bytes.data);
    for (size_t i = 1; i < n; i++) {
        if (order_businesses(&rows[kept], &rows[i], s->texts.bytes.data) != 0) {
            rows[++kept] = rows[i];
        } else if (rows[kept].government != rows[i].government) {
            snprintf(l->error, l->error_cap, "a business number belongs to two governments");
            return false;
        }
    }
    s->businesses.len = (kept + 1) * sizeof *rows;
    return true;
}

static int order_persons(const void *a, const void *b)
{
    const struct row_person *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->removed - y->removed; /* present before removed: the first one stays */
}

static bool sort_persons(struct snapshot *s, struct layout *l)
{
    struct row_person *rows = (void *)s->persons.data;
    size_t n = rows_count(&s->persons, sizeof *rows), kept = 0;
    if (n == 0)
        return true;
    qsort(rows, n, sizeof *rows, order_persons);
    for (size_t i = 1; i < n; i++) {
        if (rows[i].id != rows[kept].id) {
            rows[++kept] = rows[i];
        } else if (!rows[i].removed) {
            snprintf(l->error, l->error_cap, "person %lld was given twice", (long long)rows[i].id);
            return false;
        }
    }
    s->persons.len = (kept + 1) * sizeof *rows;
    return true;
}

/* ---- patterns ---- */

static int order_pattern_content(const void *a, const void *b, void *arg)
{
    const struct snapshot *s = arg;
    const struct image_pattern *x = &((const struct row_pattern *)a)->fixed, *y = &((const struct row_pattern *)b)->fixed;
    struct image_pattern x_fixed = *x, y_fixed = *y;
    x_fixed.session_first = x_fixed.fence_first = y_fixed.session_first = y_fixed.fence_first = 0;
    int c = memcmp(&x_fixed, &y_fixed, sizeof x_fixed);
    const size_t session = sizeof(struct image_pattern_session), fence = sizeof(int64_t);
    if (c == 0 && x->session_count > 0)
        c = memcmp(s->sessions.data + x->session_first * session, s->sessions.data + y->session_first * session,
                   x->session_count * session);
    if (c == 0 && x->fence_count > 0)
        c = memcmp(s->fence_ids.data + x->fence_first * fence, s->fence_ids.data + y->fence_first * fence,
                   x->fence_count * fence);
    return c;
}

static int order_pattern_ids(const void *a, const void *b)
{
    const struct row_pattern *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Gives every pattern its index in the file, equal ones the same; leaves the rows sorted by id. */
static bool share_patterns(struct snapshot *s, struct layout *l)
{
    struct row_pattern *rows = (void *)s->patterns.data;
    size_t n = rows_count(&s->patterns, sizeof *rows);
    if (n == 0)
        return true;
    qsort_r(rows, n, sizeof *rows, order_pattern_content, s);
    uint32_t distinct = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || order_pattern_content(&rows[i - 1], &rows[i], s) != 0) {
            if (!buf_add(&l->patterns, &rows[i].fixed, sizeof rows[i].fixed))
                return out_of_memory(l);
            distinct++;
        }
        rows[i].index = distinct - 1;
    }
    qsort(rows, n, sizeof *rows, order_pattern_ids);
    for (size_t i = 1; i < n; i++)
        if (rows[i].id == rows[i - 1].id && rows[i].index != rows[i - 1].index) {
            snprintf(l->error, l->error_cap, "pattern %lld was given twice, differently", (long long)rows[i].id);
            return false;
        }
    return true;
}

static const struct row_pattern *find_pattern(const struct snapshot *s, int64_t id)
{
    struct row_pattern key = {.id = id};
    size_t n = rows_count(&s->patterns, sizeof key);
    return n == 0 ? NULL : bsearch(&key, s->patterns.data, n, sizeof key, order_pattern_ids);
}

/* ---- slots ---- */

static int order_slots(const void *a, const void *b)
{
    const struct row_slot *x = a, *y = b;
    return image_order_slot(x->pair, x->day, y->pair, y->day);
}

static bool lay_slot(struct layout *l, const struct row_slot *slot)
{
    const struct row_pattern *pattern = find_pattern(l->s, slot->pattern);
    if (pattern == NULL) {
        snprintf(l->error, l->error_cap, "the slot of pair %u on day %d needs pattern %lld, which was not given",
                 slot->pair, slot->day, (long long)slot->pattern);
        return false;
    }
    struct image_slot row = {.pair = slot->pair, .day = slot->day, .pattern = pattern->index};
    return buf_add(&l->slots, &row, sizeof row) || out_of_memory(l);
}

/* By pair and day, with their patterns' indexes. */
static bool lay_slots(struct snapshot *s, struct layout *l)
{
    struct row_slot *rows = (void *)s->slots.data;
    size_t n = rows_count(&s->slots, sizeof *rows);
    if (n > 0)
        qsort(rows, n, sizeof *rows, order_slots);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && order_slots(&rows[i - 1], &rows[i]) == 0) {
            snprintf(l->error, l->error_cap, "the slot of pair %u on day %d was given twice", rows[i].pair, rows[i].day);
            return false;
        }
        if (!lay_slot(l, &rows[i]))
            return false;
    }
    return true;
}

/* ---- governments and their shared fences ---- */

static int order_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static bool collect_governments(struct layout *l)
{
    const struct snapshot *s = l->s;
    const struct row_person *persons = (const void *)s->persons.data;
    const struct image_fence *fences = (const void *)s->fences.data;
    size_t person_count = rows_count(&s->persons, sizeof *persons), fence_count = rows_count(&s->fences, sizeof *fences);
    l->governments = calloc(person_count + fence_count + 1, sizeof *l->governments);
    if (l->governments == NULL)
        return out_of_memory(l);
    size_t n = 0;
    for (size_t i = 0; i < person_count; i++)
        if (n == 0 || l->governments[n - 1] != persons[i].government) /* mostly runs */
            l->governments[n++] = persons[i].government;
    for (size_t i = 0; i < fence_count; i++)
        if (n == 0 || l->governments[n - 1] != fences[i].government)
            l->governments[n++] = fences[i].government;
    qsort(l->governments, n, sizeof *l->governments, order_ids);
    for (size_t i = 0; i < n; i++)
        if (l->government_count == 0 || l->governments[l->government_count - 1] != l->governments[i])
            l->governments[l->government_count++] = l->governments[i];
    return true;
}

static bool index_government(struct layout *l, int64_t government)
{
    const struct image_fence *fences = (const void *)l->s->fences.data;
    size_t n = rows_count(&l->s->fences, sizeof *fences);
    struct image_government row = {.id = government,
                                   .index_offset = l->indexes.len,
                                   .shared_first = (uint32_t)rows_count(&l->shared, sizeof(uint32_t))};
    struct box *boxes = calloc(n + 1, sizeof *boxes);
    bool ok = boxes != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        if (!fences[i].shared || fences[i].government != government)
            continue;
        struct fence_shape shape = {l->s->shapes.data + fences[i].shape_offset, fences[i].shape_len, NULL};
        uint32_t item = (uint32_t)i;
        boxes[row.shared_count++] = fence_box(shape);
        ok = buf_add(&l->shared, &item, sizeof item);
    }
    ok = ok && index_build(boxes, row.shared_count, &l->indexes);
    row.index_len = l->indexes.len - row.index_offset;
    free(boxes);
    return (ok && buf_add(&l->government_rows, &row, sizeof row)) || out_of_memory(l);
}

/* ---- persons ---- */

static bool lay_person(struct layout *l, const struct row_person *p)
{
    const int64_t *government = bsearch(&p->government, l->governments, l->government_count, sizeof *l->governments, order_ids);
    struct image_person row = {.id = p->id,
                               .government = (uint32_t)(government - l->governments),
                               .member_first = p->member_count > 0 ? p->member_first : 0,
                               .home_first = p->home_count > 0 ? p->home_first : 0,
                               .member_count = p->member_count,
                               .home_count = p->home_count,
                               .removed = p->removed};
    return buf_add(&l->person_rows, &row, sizeof row) || out_of_memory(l);
}

static bool lay_out(struct snapshot *s, struct layout *l)
{
    keep_best(&s->tokens, sizeof(struct image_token), order_tokens, token_beats);
    keep_best(&s->numbers, sizeof(struct image_number), order_numbers, number_beats);
    keep_best(&s->fences, sizeof(struct image_fence), order_fences, fence_beats);
    if (!sort_businesses(s, l) || !sort_persons(s, l) || !share_patterns(s, l) || !lay_slots(s, l) ||
        !collect_governments(l))
        return false;
    for (size_t i = 0; i < l->government_count; i++)
        if (!index_government(l, l->governments[i]))
            return false;
    const struct row_person *persons = (const void *)s->persons.data;
    for (size_t i = 0; i < rows_count(&s->persons, sizeof *persons); i++)
        if (!lay_person(l, &persons[i]))
            return false;
    return true;
}

/* ---- the file ---- */

static bool compose(const struct layout *l, struct buf *out)
{
    const struct snapshot *s = l->s;
    const struct buf *const content[SECTION_COUNT] = {
        [SECTION_PERSONS] = &l->person_rows,      [SECTION_MEMBERS] = &s->members,
        [SECTION_HOMES] = &s->homes,              [SECTION_TOKENS] = &s->tokens,
        [SECTION_NUMBERS] = &s->numbers,          [SECTION_BUSINESSES] = &s->businesses,
        [SECTION_GOVERNMENTS] = &l->government_rows, [SECTION_SLOTS] = &l->slots,
        [SECTION_PATTERNS] = &l->patterns,        [SECTION_SESSIONS] = &s->sessions,
        [SECTION_PATTERN_FENCES] = &s->fence_ids, [SECTION_FENCES] = &s->fences,
        [SECTION_SHARED] = &l->shared,            [SECTION_INDEXES] = &l->indexes,
        [SECTION_SHAPES] = &s->shapes,            [SECTION_STRINGS] = &s->texts.bytes,
    };
    static const uint8_t zeros[8];
    struct image_header h = {.version = IMAGE_VERSION,
                             .flags = s->header.is_delta ? IMAGE_IS_DELTA : 0,
                             .epoch = s->header.epoch,
                             .number = s->header.number,
                             .base_number = s->header.base_number,
                             .compiled_us = s->header.compiled_us,
                             .first_day = s->header.first_day,
                             .days = s->header.days};
    memcpy(h.magic, IMAGE_MAGIC, sizeof h.magic);
    buf_add(out, &h, sizeof h);
    for (int i = 0; i < SECTION_COUNT; i++) {
        h.sections[i] = (struct image_extent){out->len, content[i]->len / image_record_bytes((enum image_section)i)};
        buf_add(out, content[i]->data, content[i]->len);
        buf_add(out, zeros, (8 - out->len % 8) % 8);
    }
    if (out->failed)
        return false;
    h.file_bytes = out->len;
    memcpy(out->data, &h, sizeof h);
    image_checksum(out->data, out->len, h.checksum);
    memcpy(out->data, &h, sizeof h);
    return true;
}

/* Writes, syncs and renames within the open folder; the returned descriptor is read-only. */
static int publish(int dir_fd, const char *name, const struct buf *file, char *error, size_t error_cap)
{
    char fresh[256];
    int fd = -1, ret = -1;
    if ((size_t)snprintf(fresh, sizeof fresh, ".%s.new", name) >= sizeof fresh) {
        snprintf(error, error_cap, "the file's name is too long");
        return -1;
    }
    fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || !file_write_all(fd, file->data, file->len) || fsync(fd) != 0)
        goto fail;
    ret = openat(dir_fd, fresh, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (ret < 0 || renameat(dir_fd, fresh, dir_fd, name) != 0 || fsync(dir_fd) != 0)
        goto fail;
    close(fd);
    return ret;
fail:
    snprintf(error, error_cap, "writing %s: %s", name, strerror(errno));
    if (ret >= 0)
        close(ret);
    if (fd >= 0) {
        close(fd);
        unlinkat(dir_fd, fresh, 0);
    }
    return -1;
}

int snapshot_write(struct snapshot *s, const char *dir, const char *name, char *error, size_t error_cap)
{
    struct layout l = {.s = s, .error = error, .error_cap = error_cap};
    struct buf *const bufs[] = {&l.government_rows, &l.shared, &l.indexes, &l.patterns, &l.slots, &l.person_rows};
    struct buf file;
    int dir_fd = -1, ret = -1;
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        buf_init(bufs[i], ROWS_MAX_BYTES);
    buf_init(&file, (size_t)IMAGE_BYTES_MAX);
    if (!lay_out(s, &l))
        goto out;
    if (!compose(&l, &file)) {
        out_of_memory(&l);
        goto out;
    }
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        snprintf(error, error_cap, "%s: %s", dir, strerror(errno));
    else
        ret = publish(dir_fd, name, &file, error, error_cap);
out:
    if (dir_fd >= 0)
        close(dir_fd);
    buf_fini(&file);
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        buf_fini(bufs[i]);
    free(l.governments);
    return ret;
}

int snapshot_open(const char *dir, const char *name, struct snapshot_header *ret, char *error, size_t error_cap)
{
    struct image im;
    int fd = -1, dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd >= 0)
        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        snprintf(error, error_cap, "%s/%s: %s", dir, name, strerror(errno));
        goto fail;
    }
    if (!image_map(fd, &im, error, error_cap))
        goto fail;
    *ret = (struct snapshot_header){.epoch = im.header->epoch,
                                    .number = im.header->number,
                                    .base_number = im.header->base_number,
                                    .compiled_us = im.header->compiled_us,
                                    .first_day = im.header->first_day,
                                    .days = im.header->days,
                                    .is_delta = (im.header->flags & IMAGE_IS_DELTA) != 0};
    image_unmap(&im);
    close(dir_fd);
    return fd;
fail:
    if (fd >= 0)
        close(fd);
    if (dir_fd >= 0)
        close(dir_fd);
    return -1;
}
