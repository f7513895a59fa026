/* Counters and gauges in a page mapped shared before the fork: they survive the death of the process that writes
 * them. One row per process slot, one writer per row (relaxed atomics); the supervisor sums and serves /metrics.
 * The table in counter.c names each: metric, labels, kind, help. */
#ifndef HADIR_COUNTER_H
#define HADIR_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* X(id, kind, "metric", "labels or empty", "help"); kind: COUNTER (summed over slots), GAUGE (summed over slots),
 * MAX (largest over slots). */
#define COUNTERS(X)                                                                                                  \
    X(C_RECEIVED_NATIVE, COUNTER, "hadir_received_total", "channel=\"native\"", "Check-ins read from clients.")      \
    X(C_RECEIVED_OWNTRACKS, COUNTER, "hadir_received_total", "channel=\"owntracks\"", "")                            \
    X(C_RECEIVED_OSMAND, COUNTER, "hadir_received_total", "channel=\"osmand\"", "")                                  \
    X(C_RECEIVED_WHATSAPP, COUNTER, "hadir_received_total", "channel=\"whatsapp\"", "")                              \
    X(C_ACK_NEW, COUNTER, "hadir_acknowledged_total", "status=\"accepted\"", "Answers sent after the group commit.") \
    X(C_ACK_DUPLICATE, COUNTER, "hadir_acknowledged_total", "status=\"duplicate\"", "")                              \
    X(C_ACK_CONFLICT, COUNTER, "hadir_acknowledged_total", "status=\"conflict\"", "")                                \
    X(C_DROP_OUTSIDE_INTERVAL, COUNTER, "hadir_dropped_total", "reason=\"outside_interval\"",                        \
      "Automatic positions answered with success and not kept.")                                                     \
    X(C_DROP_SLOT_TAKEN, COUNTER, "hadir_dropped_total", "reason=\"slot_taken\"", "")                                \
    X(C_DROP_NOT_LOCATION, COUNTER, "hadir_dropped_total", "reason=\"not_a_location\"", "")                          \
    X(C_DROP_TEXT_MESSAGE, COUNTER, "hadir_dropped_total", "reason=\"text_message\"", "")                            \
    X(C_DROP_UNSUPPORTED, COUNTER, "hadir_dropped_total", "reason=\"unsupported_message\"", "")                      \
    X(C_DROP_UNATTRIBUTED_LIMIT, COUNTER, "hadir_dropped_total", "reason=\"unattributed_limit\"", "")                \
    X(C_UNATTRIBUTED, COUNTER, "hadir_unattributed_total", "", "Locations from numbers nobody enrolled.")            \
    X(C_EVENT, COUNTER, "hadir_events_total", "", "Webhook statuses, errors and system messages.")                   \
    X(C_REFUSE_MALFORMED, COUNTER, "hadir_refused_total", "reason=\"malformed\"", "Messages refused, by reason.")    \
    X(C_REFUSE_RANGE, COUNTER, "hadir_refused_total", "reason=\"out_of_range\"", "")                                 \
    X(C_REFUSE_TOO_LARGE, COUNTER, "hadir_refused_total", "reason=\"too_large\"", "")                                \
    X(C_REFUSE_CREDENTIAL, COUNTER, "hadir_refused_total", "reason=\"unknown_credential\"", "")                      \
    X(C_REFUSE_REVOKED, COUNTER, "hadir_refused_total", "reason=\"revoked\"", "")                                    \
    X(C_REFUSE_SIGNATURE, COUNTER, "hadir_refused_total", "reason=\"signature\"", "")                                \
    X(C_REFUSE_HTTP, COUNTER, "hadir_refused_total", "reason=\"http\"", "")                                          \
    X(C_FORGED_FORM, COUNTER, "hadir_forged_total", "reason=\"form\"",                                               \
      "Messages of doors refused because no door says such things, by what was wrong; the door was ended.")          \
    X(C_FORGED_IDENTITY, COUNTER, "hadir_forged_total", "reason=\"identity\"", "")                                   \
    X(C_FORGED_TEXT, COUNTER, "hadir_forged_total", "reason=\"text\"", "")                                           \
    X(C_FORGED_TIME, COUNTER, "hadir_forged_total", "reason=\"time\"", "")                                           \
    X(C_FORGED_MEASURE, COUNTER, "hadir_forged_total", "reason=\"measure\"", "")                                     \
    X(C_FORGED_KEY, COUNTER, "hadir_forged_total", "reason=\"key\"", "")                                             \
    X(C_FORGED_ARRIVAL, COUNTER, "hadir_forged_total", "reason=\"arrival\"", "")                                     \
    X(C_FORGED_QUESTION, COUNTER, "hadir_forged_total", "reason=\"question\"", "")                                   \
    X(C_STALE, COUNTER, "hadir_stale_total", "", "Messages of doors older than a door keeps one; not taken.")        \
    X(C_BUSY_LEDGER, COUNTER, "hadir_busy_total", "reason=\"ledger_queue\"", "503 answers, by what was full.")       \
    X(C_BUSY_SPOOL, COUNTER, "hadir_busy_total", "reason=\"spool_space\"", "")                                       \
    X(C_BUSY_DIRECTORY, COUNTER, "hadir_busy_total", "reason=\"directory_unconfirmed\"", "")                         \
    X(C_BUSY_DESK, COUNTER, "hadir_busy_total", "reason=\"desk_queue\"", "")                                         \
    X(C_BUSY_ANSWERS, COUNTER, "hadir_busy_total", "reason=\"answers_unread\"", "")                                  \
    X(C_BUSY_DEADLINE, COUNTER, "hadir_busy_total", "reason=\"deadline\"", "")                                       \
    X(C_LIMIT_TOKEN, COUNTER, "hadir_limited_total", "reason=\"token\"",                                             \
      "Requests refused because too many came (429, 503), by whose limit it was.")                                  \
    X(C_LIMIT_ADDRESS, COUNTER, "hadir_limited_total", "reason=\"address\"", "")                                     \
    X(C_LIMIT_FAILURES, COUNTER, "hadir_limited_total", "reason=\"failures\"", "")                                   \
    X(C_LIMIT_ALL, COUNTER, "hadir_limited_total", "reason=\"all\"", "")                                             \
    X(C_CONN_ACCEPTED, COUNTER, "hadir_connections_accepted_total", "", "Connections accepted.")                     \
    X(C_SHED_CONNECTIONS, COUNTER, "hadir_connections_shed_total", "reason=\"connections_max\"",                     \
      "Connections closed before the handshake.")                                                                    \
    X(C_SHED_ADDRESS, COUNTER, "hadir_connections_shed_total", "reason=\"address_share\"", "")                       \
    X(C_SHED_RATE, COUNTER, "hadir_connections_shed_total", "reason=\"address_rate\"", "")                           \
    X(C_SHED_HANDSHAKES, COUNTER, "hadir_connections_shed_total", "reason=\"handshakes\"", "")                       \
    X(C_SHED_WAITED, COUNTER, "hadir_connections_shed_total", "reason=\"waited\"", "")                               \
    X(C_SHED_DESCRIPTORS, COUNTER, "hadir_connections_shed_total", "reason=\"descriptors\"", "")                     \
    X(C_SHED_MEMORY, COUNTER, "hadir_connections_shed_total", "reason=\"memory\"", "")                               \
    X(C_PAUSE_LAG, COUNTER, "hadir_accept_pauses_total", "reason=\"lag\"", "Times that accepting paused a moment.")  \
    X(C_PAUSE_DESCRIPTORS, COUNTER, "hadir_accept_pauses_total", "reason=\"descriptors\"", "")                       \
    X(C_TIMEOUT_HANDSHAKE, COUNTER, "hadir_connections_timeout_total", "in=\"handshake\"",                           \
      "Connections closed by a deadline, by what had not come to an end.")                                           \
    X(C_TIMEOUT_HEAD, COUNTER, "hadir_connections_timeout_total", "in=\"head\"", "")                                 \
    X(C_TIMEOUT_BODY, COUNTER, "hadir_connections_timeout_total", "in=\"body\"", "")                                 \
    X(C_TIMEOUT_ANSWER, COUNTER, "hadir_connections_timeout_total", "in=\"answer\"", "")                             \
    X(C_TIMEOUT_IDLE, COUNTER, "hadir_connections_timeout_total", "in=\"idle\"", "")                                 \
    X(C_CONN_GONE, COUNTER, "hadir_clients_gone_total", "", "Clients that left while their request was handled.")    \
    X(G_CONN_OPEN, GAUGE, "hadir_connections_open", "", "Open connections.")                                         \
    X(C_HANDSHAKES, COUNTER, "hadir_tls_handshakes_total", "", "TLS handshakes begun.")                              \
    X(C_HANDSHAKE_FAILED, COUNTER, "hadir_tls_handshake_failures_total", "", "TLS handshakes that failed.")          \
    X(G_HANDSHAKES, GAUGE, "hadir_tls_handshakes_in_flight", "", "TLS handshakes in flight.")                        \
    X(C_REQUESTS, COUNTER, "hadir_http_requests_total", "", "HTTP requests answered.")                               \
    X(C_QUESTIONS, COUNTER, "hadir_questions_total", "", "Questions answered by the desks.")                         \
    X(C_RULES_READ, COUNTER, "hadir_rules_requests_total", "kind=\"read\"", "Letters, absences and the like, looked up or filed and decided.") \
    X(C_RULES_WRITTEN, COUNTER, "hadir_rules_requests_total", "kind=\"write\"", "")                                    \
    X(C_OUTCOME_UNKNOWN, COUNTER, "hadir_outcome_unknown_total", "", "Answers that could not say whether a step was taken.") \
    X(C_QUESTION_ERRORS, COUNTER, "hadir_question_errors_total", "", "Questions the database could not answer.")     \
    X(C_GROUPS, COUNTER, "hadir_spool_groups_total", "", "Group commits.")                                           \
    X(C_GROUP_ROWS, COUNTER, "hadir_spool_group_rows_total", "", "Rows in group commits.")                           \
    X(C_GROUP_US, COUNTER, "hadir_spool_group_microseconds_total", "", "Time spent in group commits.")               \
    X(M_GROUP_US_LAST, GAUGE, "hadir_spool_group_last_microseconds", "", "Duration of the last group commit.")       \
    X(M_GROUP_ROWS_LAST, GAUGE, "hadir_spool_group_last_rows", "", "Rows of the last group commit.")                 \
    X(G_SPOOL_DEPTH, GAUGE, "hadir_spool_depth", "", "Rows of the live spool not yet in the database.")              \
    X(G_SPOOL_OLDEST_S, GAUGE, "hadir_spool_oldest_seconds", "", "Age of the oldest row not yet in the database.")   \
    X(G_SPOOL_ASIDE, GAUGE, "hadir_spool_files", "state=\"set_aside\"",                                              \
      "Older spool files: set aside and not in the database yet; broken, kept for a human.")                         \
    X(G_SPOOL_BROKEN, GAUGE, "hadir_spool_files", "state=\"broken\"", "")                                            \
    X(G_INGEST_LAG_MS, GAUGE, "hadir_ingest_lag_milliseconds", "", "How far the database is behind the spool.")      \
    X(C_INGESTED, COUNTER, "hadir_ingested_total", "", "Rows taken by the database.")                                \
    X(C_INGEST_POISON, COUNTER, "hadir_ingest_poison_total", "", "Rows the database could only take as rejected.")   \
    X(C_INGEST_REPLAYED, COUNTER, "hadir_ingest_replays_total", "", "Times the ledger went back for a database.")    \
    X(G_SPOOL_FULL, GAUGE, "hadir_spool_full", "", "1 while the spool refuses for lack of space.")                   \
    X(G_DB_LEDGER, GAUGE, "hadir_database_up", "role=\"ledger\"", "1 while the role's connection is up.")            \
    X(G_DB_PLANNER, GAUGE, "hadir_database_up", "role=\"planner\"", "")                                              \
    X(G_DB_DESK, GAUGE, "hadir_database_up", "role=\"desk\"", "")                                                    \
    X(G_DB_OPERATOR, GAUGE, "hadir_database_up", "role=\"operator\"", "")                                              \
    X(G_DB_UNSAFE, MAX, "hadir_database_unsafe", "", "1 while the database's settings are not durable.")             \
    X(G_DIRECTORY_VERSION, MAX, "hadir_directory_version", "", "Newest directory version any door answers by.")      \
    X(G_DIRECTORY_PEOPLE, MAX, "hadir_directory_people", "", "People in the directory.")                             \
    X(C_DIRECTORY_WRITTEN, COUNTER, "hadir_directory_written_total", "", "Snapshots and deltas written.")            \
    X(C_PLACED_LATER, COUNTER, "hadir_placements_later_total", "", "Placements filled in by the planner.")           \
    X(C_RESTARTS, COUNTER, "hadir_restarts_total", "", "Processes restarted after a crash.")

enum counter_id {
#define X(id, kind, metric, labels, help) id,
    COUNTERS(X)
#undef X
        COUNTER_COUNT
};

#define COUNTER_SLOTS 80

/* Cells that are not metrics but must be seen by all processes at once. */
struct shared_cells {
    int64_t clock_offset_us;         /* simulated clock, 0 = none; written by the supervisor */
    int64_t directory_confirmed_ms;  /* mono_now_ms when the planner last knew the directory was current; 0 = never */
    int64_t directory_epoch;         /* of the newest snapshot */
    int64_t directory_number;
    int64_t directory_compiled_us;   /* wall time of the newest snapshot's compilation */
    int64_t spool_full;              /* 1: intake answers 503 before it reads a body */
    int64_t ledger_ready;            /* 1 while the ledger takes work */
};

/* Maps the page; once, before any fork. fatal() when it cannot. */
void counters_map(void);
/* Which row this process writes; name is printed as the role label's value. Borrows name for ever. */
void counters_set_slot(unsigned slot);
void counter_add(enum counter_id id, int64_t n);
static inline void counter_inc(enum counter_id id)
{
    counter_add(id, 1);
}
void counter_set(enum counter_id id, int64_t v); /* gauges: this process's row */
int64_t counter_total(enum counter_id id);
/* A process died: its gauges go to zero, its counters stay. */
void counters_reset_gauges(unsigned slot);
/* The shared cells; before counters_map a private zeroed set. Access with __atomic builtins, relaxed. */
struct shared_cells *counters_cells(void);
/* Prometheus text format 0.0.4 of all of it; slot_role(slot) names a slot's role or returns NULL for unused. */
void counters_print(struct buf *out, const char *(*slot_role)(unsigned slot, void *arg), void *arg);

#endif
