/* How the service is, in one look: what /healthz and /readyz say.
 *
 * Place in the flow: admin.c asks; everything is read from the counters' page, the shared cells, our own clock and the
 * table of processes, so the answer costs nothing and waits for nobody.
 * "failing" (503) means that check-ins cannot be taken now; "degraded" names what a person should look at while they
 * are. A database that is away is degraded, never failing: that is what the spool is for. No threads. */
#include <stdio.h>

#include "conf.h"
#include "inside.h"
#include "json.h"
#include "wall.h"

#define LAG_DEGRADED_MS 5000
#define DIRECTORY_DEGRADED_MS 30000

struct look {
    const struct supervisor *sup;
    struct json_writer json;
    struct health health;
};

static int64_t cell(const int64_t *from)
{
    return __atomic_load_n(from, __ATOMIC_RELAXED);
}

static void reason(struct look *l, bool failing, const char *code, const char *detail)
{
    json_object(&l->json);
    json_key(&l->json, "code");
    json_string(&l->json, code);
    json_key(&l->json, "detail");
    json_string(&l->json, detail);
    json_object_end(&l->json);
    l->health.degraded = true;
    if (failing)
        l->health.intake = false;
}

static bool any_ready(const struct supervisor *sup, enum role role)
{
    for (size_t i = 0; i < sup->process_count; i++) {
        const struct process *p = sup->processes[i];
        if (p->role == role && process_alive(p) && p->ready && !p->draining)
            return true;
    }
    return false;
}

static void look_at_processes(struct look *l)
{
    if (l->sup->stopping)
        reason(l, true, "stopping", "the service is shutting down");
    if (!any_ready(l->sup, ROLE_LEDGER))
        reason(l, true, "ledger_down", "no ledger is ready: nothing can be made durable");
    if (!any_ready(l->sup, ROLE_DOOR))
        reason(l, true, "doors_down", "no door is ready");
    if (!any_ready(l->sup, ROLE_DESK))
        reason(l, false, "desks_down", "no desk is ready: questions are not answered");
    if (!any_ready(l->sup, ROLE_PLANNER))
        reason(l, false, "planner_down", "no planner is ready: changes of the plan do not reach the doors");
    if (cell(&counters_cells()->spool_full) != 0)
        reason(l, true, "spool_full", "free space for the spool is below its floor");
}

static void look_at_spool_files(struct look *l)
{
    char text[96];
    int64_t aside = counter_total(G_SPOOL_ASIDE), broken = counter_total(G_SPOOL_BROKEN);
    snprintf(text, sizeof text, "%lld set aside, not in the database yet", (long long)aside);
    if (aside > 0)
        reason(l, false, "spool_set_aside", text);
    snprintf(text, sizeof text, "%lld kept for a human: some of their rows could not be read", (long long)broken);
    if (broken > 0)
        reason(l, false, "spool_broken", text);
}

static void look_at_clock(struct look *l)
{
    char text[96];
    struct wall_reading now = wall_read();
    int64_t offset_us = cell(&counters_cells()->clock_offset_us);
    if (now.state == CLOCK_SIMULATED || l->sup->setup->conf->simulated_clock) {
        snprintf(text, sizeof text, "the clock is simulated, %lld s from the real one",
                 (long long)(offset_us / US_PER_S));
        reason(l, false, "clock_simulated", text);
    } else if (now.state == CLOCK_UNSYNCHRONISED) {
        reason(l, false, "clock_unsynchronised", "the system's clock is not synchronised: rows are marked");
    }
}

static void look_at_database(struct look *l)
{
    char text[96];
    static const struct {
        enum counter_id up;
        const char *code, *detail;
    } roles[] = {
        {G_DB_LEDGER, "database_down_ledger", "check-ins wait in the spool"},
        {G_DB_PLANNER, "database_down_planner", "changes of the plan wait"},
        {G_DB_DESK, "database_down_desk", "questions cannot be answered"},
        {G_DB_OPERATOR, "database_down_operator", "letters and decisions cannot be taken"},
    };
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (counter_total(roles[i].up) == 0)
            reason(l, false, roles[i].code, roles[i].detail);
    if (counter_total(G_DB_UNSAFE) != 0)
        reason(l, false, "database_unsafe", "fsync, full_page_writes or synchronous_commit is off: not used");
    int64_t lag_ms = counter_total(G_INGEST_LAG_MS);
    if (lag_ms > LAG_DEGRADED_MS) {
        snprintf(text, sizeof text, "the database is %lld s behind the spool", (long long)(lag_ms / 1000));
        reason(l, false, "ingest_lag", text);
    }
}

static void look_at_directory(struct look *l)
{
    char text[96];
    int64_t confirmed_ms = cell(&counters_cells()->directory_confirmed_ms);
    int64_t age_ms = mono_now_ms() - confirmed_ms;
    if (l->sup->base.fd < 0)
        reason(l, true, "directory_missing", "no directory yet: nobody can be recognised");
    else if (confirmed_ms == 0)
        reason(l, false, "directory_unconfirmed", "the directory is from an earlier run and not confirmed yet");
    else if (age_ms > DIRECTORY_DEGRADED_MS) {
        snprintf(text, sizeof text, "the directory was confirmed %lld s ago", (long long)(age_ms / 1000));
        reason(l, false, "directory_old", text);
    }
}

static void write_facts(struct look *l)
{
    char text[40];
    const struct shared_cells *cells = counters_cells();
    json_key(&l->json, "now");
    json_string(&l->json, wall_format_rfc3339(text, sizeof text, wall_now_us(), 0));
    json_key(&l->json, "clock");
    json_string(&l->json, l->sup->setup->conf->simulated_clock ? clock_state_name(CLOCK_SIMULATED)
                                                               : clock_state_name(wall_read().state));
    json_key(&l->json, "clock_offset_us");
    json_int(&l->json, cell(&cells->clock_offset_us));
    json_key(&l->json, "spool_depth");
    json_int(&l->json, counter_total(G_SPOOL_DEPTH));
    json_key(&l->json, "ingest_lag_ms");
    json_int(&l->json, counter_total(G_INGEST_LAG_MS));
    json_key(&l->json, "directory_epoch");
    json_int(&l->json, cell(&cells->directory_epoch));
    json_key(&l->json, "directory_number");
    json_int(&l->json, cell(&cells->directory_number));
}

struct health health_look(const struct supervisor *sup, struct buf *out)
{
    /* The reasons come first in time, the status first in the text. */
    struct buf reasons;
    buf_init(&reasons, 16384);
    struct look l = {.sup = sup, .health = {.intake = true}};
    json_begin(&l.json, &reasons);
    json_array(&l.json);
    look_at_processes(&l);
    look_at_spool_files(&l);
    look_at_clock(&l);
    look_at_database(&l);
    look_at_directory(&l);
    json_array_end(&l.json);
    l.health.ready = any_ready(sup, ROLE_LEDGER) && any_ready(sup, ROLE_DOOR) && sup->base.fd >= 0;

    json_begin(&l.json, out);
    json_object(&l.json);
    json_key(&l.json, "status");
    json_string(&l.json, !l.health.intake ? "failing" : l.health.degraded ? "degraded" : "ok");
    write_facts(&l);
    json_key(&l.json, "reasons");
    json_raw(&l.json, reasons.data, reasons.len);
    json_object_end(&l.json);
    buf_putc(out, '\n');
    if (reasons.failed)
        out->failed = true;
    buf_fini(&reasons);
    return l.health;
}
