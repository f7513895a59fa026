/* Counters: shared across processes, summed by role, printed as Prometheus reads them. */
#include "counter.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *role_of(unsigned slot, void *arg)
{
    (void)arg;
    switch (slot) {
    case 0:
        return "supervisor";
    case 1:
    case 2:
    case COUNTER_SLOTS - 1:
        return "door";
    default:
        return NULL;
    }
}

static const char *printed(struct buf *out)
{
    buf_init(out, 1 << 20);
    counters_print(out, role_of, NULL);
    return buf_str(out);
}

START_TEST(private_before_the_map)
{
    counter_add(C_EVENT, 3);
    ck_assert_int_eq(counter_total(C_EVENT), 3);
    ck_assert_int_eq(counters_cells()->directory_number, 0);
    counters_map();
    ck_assert_int_eq(counter_total(C_EVENT), 0);
}
END_TEST

START_TEST(children_count_into_the_same_page)
{
    for (unsigned slot = 1; slot <= 2; slot++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
            counters_set_slot(slot);
            counter_add(C_RECEIVED_NATIVE, 10 * slot);
            counter_set(G_CONN_OPEN, 5);
            counter_set(G_DIRECTORY_VERSION, 40 + slot);
            counter_set(G_DB_DESK, 1);
            __atomic_store_n(&counters_cells()->ledger_ready, 1, __ATOMIC_RELAXED);
            _exit(0);
        }
        waitpid(pid, &status, 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(counter_total(C_RECEIVED_NATIVE), 30);
    ck_assert_int_eq(counter_total(G_CONN_OPEN), 10);
    ck_assert_int_eq(counter_total(G_DIRECTORY_VERSION), 42);
    ck_assert_int_eq(counters_cells()->ledger_ready, 1);
    counters_set_slot(COUNTER_SLOTS - 1);
    counter_inc(C_RECEIVED_NATIVE);
    counters_set_slot(0);
    counter_inc(C_RESTARTS);
    struct buf out;
    const char *s = printed(&out);
    ck_assert_ptr_nonnull(strstr(s, "hadir_received_total{channel=\"native\",role=\"door\"} 31\n"));
    ck_assert_ptr_nonnull(strstr(s, "hadir_received_total{channel=\"native\",role=\"supervisor\"} 0\n"));
    ck_assert_ptr_nonnull(strstr(s, "hadir_connections_open{role=\"door\"} 10\n"));
    ck_assert_ptr_nonnull(strstr(s, "hadir_restarts_total{role=\"supervisor\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(s, "\nhadir_directory_version 42\n"));
    ck_assert_ptr_nonnull(strstr(s, "\nhadir_database_up{role=\"desk\"} 2\n"));
    buf_fini(&out);
    counters_reset_gauges(1); /* slot 1's process died */
    ck_assert_int_eq(counter_total(C_RECEIVED_NATIVE), 31);
    ck_assert_int_eq(counter_total(G_CONN_OPEN), 5);
    ck_assert_int_eq(counter_total(G_DIRECTORY_VERSION), 42);
    counters_reset_gauges(2);
    ck_assert_int_eq(counter_total(G_DIRECTORY_VERSION), 0);
}
END_TEST

/* Each metric: one HELP with words, one TYPE, then its lines; no line twice. */
START_TEST(text_is_well_formed)
{
    static char seen[400][160];
    struct buf out;
    char current[100] = "";
    size_t lines = 0, metrics = 0;
    const char *s = printed(&out);
    ck_assert_uint_eq((unsigned char)s[strlen(s) - 1], '\n');
    while (*s != '\0') {
        const char *end = strchr(s, '\n');
        char line[300], name[100], type[20];
        ck_assert_uint_lt((size_t)(end - s), sizeof line);
        memcpy(line, s, (size_t)(end - s));
        line[end - s] = '\0';
        s = end + 1;
        int at = 0;
        if (sscanf(line, "# HELP %99s %n", name, &at) == 1) {
            ck_assert_msg(at > 0 && line[at] != '\0', "no help: %s", line);
            for (size_t i = 0; i < metrics; i++)
                ck_assert_str_ne(seen[i], name);
            snprintf(seen[metrics++], sizeof seen[0], "%s", name);
            snprintf(current, sizeof current, "%s", name);
        } else if (sscanf(line, "# TYPE %99s %19s", name, type) == 2) {
            ck_assert_str_eq(name, current);
            size_t n = strlen(name);
            bool total = n > 6 && strcmp(name + n - 6, "_total") == 0;
            ck_assert_str_eq(type, total ? "counter" : "gauge");
        } else {
            ck_assert_mem_eq(line, current, strlen(current));
            ck_assert(line[strlen(current)] == '{' || line[strlen(current)] == ' ');
            lines++;
        }
    }
    ck_assert_uint_ge(metrics, 30);
    ck_assert_uint_ge(lines, COUNTER_COUNT);
    buf_fini(&out);
    buf_init(&out, 1000);
    counters_print(&out, role_of, NULL);
    ck_assert(out.failed);
    buf_fini(&out);
}
END_TEST

START_TEST(foreign_slots_are_fatal)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        counters_set_slot(COUNTER_SLOTS);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    ck_assert_int_eq(WEXITSTATUS(status), 70);
}
END_TEST

UNIT_MAIN("base/counter", private_before_the_map, children_count_into_the_same_page, text_is_well_formed,
          foreign_slots_are_fatal)
