/* The directory in use: a base file and at most one delta over it, and the look-ups by key.
 *
 * Place in the flow: a door adopts the descriptors that the supervisor sends it and asks for every request; no question
 * leaves the process. Invariants: a file is used only after image_map has checked all of it; what is in use stays until
 * its successor has passed; a delta always belongs to the base in use (same epoch, its number, the same window of days).
 * The delta's record for a key, a `removed` one too, hides the base's. Texts handed out point into the mapping and die
 * with the next adoption.
 *
 * The file's format is described in image.h, how a check-in is judged in time.c, place.c and judge.c. One thread. */
#include "directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "plan.h"

struct directory *directory_new(void)
{
    return calloc(1, sizeof(struct directory));
}

void directory_free(struct directory *d)
{
    if (d == NULL)
        return;
    image_unmap(&d->delta);
    image_unmap(&d->base);
    free(d);
}

/* ---- adopting ---- */

static bool fits(const struct directory *d, const struct image *delta, char *error, size_t error_cap)
{
    const struct image_header *h = delta->header, *base = d->base.header;
    if (d->loaded && h->epoch == base->epoch && h->base_number == base->number) {
        if (h->first_day == base->first_day && h->days == base->days)
            return true;
        snprintf(error, error_cap, "delta covers other days than its base");
        return false;
    }
    snprintf(error, error_cap, "delta belongs to another base (epoch %lld, number %lld)", (long long)h->epoch,
             (long long)h->base_number);
    return false;
}

static size_t count_people(const struct directory *d)
{
    size_t n = image_count(&d->base, SECTION_PERSONS);
    for (size_t i = 0; d->has_delta && i < image_count(&d->delta, SECTION_PERSONS); i++) {
        const struct image_person *p = &d->delta.persons[i];
        bool in_base = image_find_person(&d->base, p->id) != NULL;
        if (p->removed && in_base)
            n--;
        else if (!p->removed && !in_base)
            n++;
    }
    return n;
}

bool directory_adopt(struct directory *d, int fd, char *error, size_t error_cap)
{
    struct image fresh;
    bool ok = image_map(fd, &fresh, error, error_cap);
    close(fd);
    if (!ok)
        return false;
    if ((fresh.header->flags & IMAGE_IS_DELTA) != 0) {
        if (!fits(d, &fresh, error, error_cap)) {
            image_unmap(&fresh);
            return false;
        }
        image_unmap(&d->delta);
        d->delta = fresh;
        d->has_delta = true;
    } else {
        image_unmap(&d->delta);
        image_unmap(&d->base);
        d->base = fresh;
        d->has_delta = false;
        d->loaded = true;
    }
    d->people = count_people(d);
    return true;
}

bool directory_loaded(const struct directory *d)
{
    return d->loaded;
}

void directory_version(const struct directory *d, int64_t *ret_epoch, int64_t *ret_number, int64_t *ret_compiled_us)
{
    const struct image_header *h = d->has_delta ? d->delta.header : d->base.header;
    *ret_epoch = d->loaded ? h->epoch : 0;
    *ret_number = d->loaded ? h->number : 0;
    *ret_compiled_us = d->loaded ? h->compiled_us : 0;
}

size_t directory_people(const struct directory *d)
{
    return d->people;
}

/* ---- credentials ---- */

bool directory_find_token(const struct directory *d, const uint8_t token_hash[32], struct credential *ret)
{
    const struct image_token *t = d->has_delta ? image_find_token(&d->delta, token_hash) : NULL;
    if (t == NULL && d->loaded)
        t = image_find_token(&d->base, token_hash);
    if (t == NULL || t->removed)
        return false;
    *ret = (struct credential){.kind = (enum credential_kind)t->kind,
                               .id = t->id,
                               .government = t->government,
                               .person = t->person,
                               .channel = (enum channel)t->channel,
                               .revoked = t->revoked != 0};
    return true;
}

int64_t directory_find_business(const struct directory *d, const char *phone_number_id, size_t len)
{
    const struct image_business *b = d->has_delta ? image_find_business(&d->delta, phone_number_id, len) : NULL;
    if (b == NULL && d->loaded)
        b = image_find_business(&d->base, phone_number_id, len);
    return b != NULL ? b->government : 0;
}

static bool find_sender(const struct directory *d, int64_t government, bool is_user_id, const char *s, size_t len,
                        struct credential *ret)
{
    uint8_t hash[SHA256_BYTES];
    if (len == 0)
        return false;
    digest_sha256(s, len, hash);
    const struct image_number *n = d->has_delta ? image_find_number(&d->delta, government, is_user_id, hash) : NULL;
    if (n == NULL && d->loaded)
        n = image_find_number(&d->base, government, is_user_id, hash);
    if (n == NULL || n->removed)
        return false;
    *ret = (struct credential){.kind = CREDENTIAL_DEVICE,
                               .id = n->device,
                               .government = n->government,
                               .person = n->person,
                               .channel = CHANNEL_WHATSAPP,
                               .revoked = n->revoked != 0};
    return true;
}

bool directory_find_number(const struct directory *d, int64_t government, const char *number, size_t len,
                           struct credential *ret)
{
    return find_sender(d, government, false, number, len, ret);
}

bool directory_find_user_id(const struct directory *d, int64_t government, const char *user_id, size_t len,
                            struct credential *ret)
{
    return find_sender(d, government, true, user_id, len, ret);
}

/* ---- plans and fences ---- */

/* What the file's slots say of the days of a membership; slots of a pair stand in order of their days. */
static void lay_slots(struct plan *p, const struct image_member *m, const struct image *im)
{
    int32_t from = m->first_day > p->first_day ? m->first_day : p->first_day;
    int32_t end = m->last_day < p->first_day + p->days ? m->last_day + 1 : p->first_day + p->days;
    size_t count = image_count(im, SECTION_SLOTS);
    for (size_t i = image_find_slot(im, m->pair, from); i < count; i++) {
        const struct image_slot *slot = &im->slots[i];
        if (slot->pair != m->pair || slot->day >= end)
            break;
        p->on[slot->day - p->first_day] = (struct pattern_ref){im, &im->patterns[slot->pattern]};
    }
}

bool plan_find(const struct directory *d, int64_t person, struct plan *ret)
{
    const struct image_person *p = d->has_delta ? image_find_person(&d->delta, person) : NULL;
    const struct image *image = &d->delta;
    if (p == NULL && d->loaded) {
        image = &d->base;
        p = image_find_person(image, person);
    }
    if (p == NULL || p->removed)
        return false;
    const struct image_header *h = d->base.header; /* a delta's window is the same */
    *ret = (struct plan){.image = image, .person = p, .first_day = h->first_day, .days = h->days};
    for (uint32_t k = 0; k < p->member_count; k++) {
        lay_slots(ret, &image->members[p->member_first + k], &d->base);
        if (d->has_delta)
            lay_slots(ret, &image->members[p->member_first + k], &d->delta);
    }
    return true;
}

struct pattern_ref plan_at(const struct plan *p, int64_t t_us, int32_t *ret_day)
{
    for (int32_t i = 0; i < p->days; i++) {
        const struct image_pattern *pattern = p->on[i].pattern;
        if (pattern != NULL && t_us >= pattern->starts_us && t_us < pattern->ends_us) {
            *ret_day = p->first_day + i;
            return p->on[i];
        }
    }
    return (struct pattern_ref){NULL, NULL};
}

bool plan_fence(const struct directory *d, int64_t fence, struct fence_ref *ret)
{
    const struct image_fence *f = d->has_delta ? image_find_fence(&d->delta, fence) : NULL;
    const struct image *image = &d->delta;
    if (f == NULL && d->loaded) {
        image = &d->base;
        f = image_find_fence(image, fence);
    }
    if (f == NULL || f->removed)
        return false;
    *ret = (struct fence_ref){image, f};
    return true;
}

struct shared_search {
    const struct image *image, *newer; /* newer: whose fences hide these; NULL none */
    const struct image_government *government;
    struct point p;
    plan_fence_cb hit;
    void *arg;
};

static bool on_shared_item(void *arg, uint32_t item)
{
    struct shared_search *s = arg;
    const struct image_fence *f = &s->image->fences[s->image->shared[s->government->shared_first + item]];
    if ((s->newer == NULL || image_find_fence(s->newer, f->id) == NULL) && fence_covers(image_shape(s->image, f), s->p))
        s->hit(s->arg, (struct fence_ref){s->image, f});
    return true;
}

void plan_shared(const struct directory *d, int64_t government, struct point p, plan_fence_cb hit, void *arg)
{
    const struct image *const images[] = {d->has_delta ? &d->delta : NULL, d->loaded ? &d->base : NULL};
    for (size_t i = 0; i < 2; i++) {
        struct shared_search s = {.image = images[i], .p = p, .hit = hit, .arg = arg};
        if (s.image == NULL || (s.government = image_find_government(s.image, government)) == NULL)
            continue;
        s.newer = i == 1 ? images[0] : NULL;
        index_search(s.image->indexes + s.government->index_offset, (size_t)s.government->index_len, p, on_shared_item, &s);
    }
}
