/* Counters in shared memory, and their Prometheus text.
 *
 * The page is mapped once, before any fork; each process adds to the row of its slot, so no two processes write the
 * same cell, and atomics (relaxed: a metric orders nothing) serve the threads inside one. Rows outlive their
 * process: the supervisor zeroes the gauges of the dead and keeps their counters, so totals never run backwards as
 * long as a slot that was used once keeps its role's name. Before counters_map, as in tests and the command line, a
 * private page of the same shape takes its place. */
#include "counter.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "log.h"

enum kind { COUNTER, GAUGE, MAX };

struct entry {
    enum kind kind;
    const char *metric, *labels, *help;
};

static const struct entry table[] = {
#define X(id, kind_, metric_, labels_, help_) [id] = {kind_, metric_, labels_, help_},
    COUNTERS(X)
#undef X
};

/* Rows begin on cache lines of their own: doors must not slow each other by counting. */
struct row {
    _Alignas(64) int64_t cell[COUNTER_COUNT];
};

struct page {
    struct row rows[COUNTER_SLOTS];
    struct shared_cells shared;
};

static struct page private_page;
static struct page *page = &private_page;
static unsigned own_slot;

void counters_map(void)
{
    void *p = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        fatal("event=counters_failed reason=\"%s\"", strerror(errno));
    page = p;
}

static void check_slot(unsigned slot)
{
    if (slot >= COUNTER_SLOTS)
        fatal("event=counter_slot_out_of_range slot=%u", slot);
}

void counters_set_slot(unsigned slot)
{
    check_slot(slot);
    own_slot = slot;
}

static int64_t *cell_of(unsigned slot, enum counter_id id)
{
    if ((unsigned)id >= COUNTER_COUNT)
        fatal("event=counter_out_of_range id=%u", (unsigned)id);
    return &page->rows[slot].cell[id];
}

void counter_add(enum counter_id id, int64_t n)
{
    __atomic_fetch_add(cell_of(own_slot, id), n, __ATOMIC_RELAXED);
}

void counter_set(enum counter_id id, int64_t v)
{
    __atomic_store_n(cell_of(own_slot, id), v, __ATOMIC_RELAXED);
}

/* One slot's value joined to what the slots before it gave. */
static int64_t join(enum kind kind, int64_t so_far, int64_t v)
{
    if (kind == MAX)
        return v > so_far ? v : so_far;
    return so_far + v;
}

int64_t counter_total(enum counter_id id)
{
    int64_t total = 0;
    for (unsigned slot = 0; slot < COUNTER_SLOTS; slot++)
        total = join(table[id].kind, total, __atomic_load_n(cell_of(slot, id), __ATOMIC_RELAXED));
    return total;
}

void counters_reset_gauges(unsigned slot)
{
    check_slot(slot);
    for (unsigned id = 0; id < COUNTER_COUNT; id++)
        if (table[id].kind != COUNTER)
            __atomic_store_n(cell_of(slot, (enum counter_id)id), 0, __ATOMIC_RELAXED);
}

struct shared_cells *counters_cells(void)
{
    return &page->shared;
}

/* The distinct names among the slots' roles, in slot order. */
static size_t collect_roles(const char *const *role_of, const char **ret_roles)
{
    size_t count = 0;
    for (unsigned slot = 0; slot < COUNTER_SLOTS; slot++) {
        size_t i = 0;
        if (role_of[slot] == NULL)
            continue;
        while (i < count && strcmp(ret_roles[i], role_of[slot]) != 0)
            i++;
        if (i == count)
            ret_roles[count++] = role_of[slot];
    }
    return count;
}

static int64_t role_value(enum counter_id id, const char *const *role_of, const char *role)
{
    int64_t value = 0;
    for (unsigned slot = 0; slot < COUNTER_SLOTS; slot++)
        if (role_of[slot] != NULL && strcmp(role_of[slot], role) == 0)
            value = join(table[id].kind, value, __atomic_load_n(cell_of(slot, id), __ATOMIC_RELAXED));
    return value;
}

static void print_line(struct buf *out, const struct entry *e, const char *role, int64_t value)
{
    buf_puts(out, e->metric);
    if (e->labels[0] != '\0' || role != NULL) {
        buf_printf(out, "{%s", e->labels);
        if (role != NULL)
            buf_printf(out, "%srole=\"%s\"", e->labels[0] != '\0' ? "," : "", role);
        buf_putc(out, '}');
    }
    buf_printf(out, " %lld\n", (long long)value);
}

/* A metric whose table row names a role itself, and one that is a maximum, has one line for all slots. */
static bool by_role(const struct entry *e)
{
    return e->kind != MAX && strstr(e->labels, "role=") == NULL;
}

void counters_print(struct buf *out, const char *(*slot_role)(unsigned slot, void *arg), void *arg)
{
    const char *role_of[COUNTER_SLOTS], *roles[COUNTER_SLOTS];
    for (unsigned slot = 0; slot < COUNTER_SLOTS; slot++)
        role_of[slot] = slot_role(slot, arg);
    size_t count = collect_roles(role_of, roles);
    for (unsigned id = 0; id < COUNTER_COUNT; id++) {
        const struct entry *e = &table[id];
        if (id == 0 || strcmp(table[id - 1].metric, e->metric) != 0) {
            buf_printf(out, "# HELP %s %s\n", e->metric, e->help);
            buf_printf(out, "# TYPE %s %s\n", e->metric, e->kind == COUNTER ? "counter" : "gauge");
        }
        if (!by_role(e))
            print_line(out, e, NULL, counter_total((enum counter_id)id));
        for (size_t i = 0; by_role(e) && i < count; i++)
            print_line(out, e, roles[i], role_value((enum counter_id)id, role_of, roles[i]));
    }
}
