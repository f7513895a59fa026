/* The supervisor's inside, shared by its files only. */
#ifndef HADIR_INSIDE_H
#define HADIR_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "counter.h"
#include "supervisor.h"

struct ipc_channel;
struct listener;
struct loop;
struct loop_timer;
struct supervisor;
struct ticket_keys;

#define PROCESSES_MAX 160   /* some generations; a reload is refused when there is no room */
#define LISTENERS_MAX 64
#define DRAIN_MAX_MS 30000u

/* One process, and its successors after crashes. A new generation gets new records. */
struct process {
    struct supervisor *sup;
    enum role role;
    unsigned index;      /* among its kind */
    unsigned generation;
    unsigned number;     /* of doors: unique per started process; the name peers know it by */
    unsigned slot;       /* row of counters */
    char name[24];       /* "door0" */
    pid_t pid;           /* 0: dead, waiting for `again` */
    struct ipc_channel *control;
    bool ready;          /* said MSG_HELLO */
    bool draining;       /* told to end */
    bool replace;        /* when it has ended, its seat is filled by the present generation */
    int64_t ready_mono_ms;
    unsigned wait_ms;    /* before the next start; 0 = at once */
    struct loop_timer *again; /* dead: start; alive without control channel: kill */
};

struct snapshot_file {
    int fd; /* −1 none */
    uint8_t payload[17]; /* of MSG_SNAPSHOT */
};

struct supervisor {
    const char *conf_path;
    struct setup *setup;
    const struct role_mains *mains;
    struct loop *loop;
    struct process *processes[PROCESSES_MAX];
    size_t process_count;
    unsigned generation;      /* the present one */
    unsigned next_number;
    const char *slot_role[COUNTER_SLOTS]; /* kept after a death: counters stay */
    bool slot_used[COUNTER_SLOTS];
    int listeners[LISTENERS_MAX];
    size_t listener_count;
    struct ticket_keys *turning;       /* session ticket keys: the only mapping that can write them */
    const struct ticket_keys *tickets; /* the one that doors are born with */
    struct loop_timer *turn;
    struct snapshot_file base, delta;
    struct loop_timer *drain_bound;
    int64_t started_mono_ms;
    bool opened;      /* the ledger was ready once: the other roles run */
    bool told_ready;
    bool stopping;
    int exit_status;

    int admin_fd;
    struct listener *admin;
};

/* process.c */
struct process *process_new(struct supervisor *sup, enum role role, unsigned index);
void process_start(struct process *p);
void process_drain(struct process *p);
void process_kill(struct process *p);
void process_reap(struct supervisor *sup); /* on SIGCHLD */
void process_free(struct process *p);      /* and out of the table */
bool process_alive(const struct process *p);

/* wiring.c */
void wiring_join(struct supervisor *sup, struct process *p); /* p was just started: join it to its peers */
void wiring_on_message(struct process *p, uint16_t type, const uint8_t *payload, size_t len, int fd);
void wiring_fini(struct supervisor *sup);

/* supervisor.c */
void supervisor_on_ready(struct process *p);
/* A process is gone. status as waitpid gives it. */
void supervisor_on_death(struct process *p, int status);
void supervisor_stop(struct supervisor *sup, int exit_status);

/* health.c */
struct health {
    bool intake;    /* check-ins can be taken */
    bool degraded;
    bool ready;
};
/* Looks at counters, cells, clock and processes; writes the JSON document. */
struct health health_look(const struct supervisor *sup, struct buf *out);

/* admin.c */
bool admin_start(struct supervisor *sup);
void admin_stop(struct supervisor *sup);

/* keep.c */
bool keep_start(struct supervisor *sup);  /* before the cage is shut; false: logged */
void keep_turn(void *sup);                /* turns ticket keys if it is time, and arms the timer for the next */
void keep_forget(struct supervisor *sup); /* in a child that is no door */

/* notify.c. fd: what systemd is to keep, or −1 */
#define NOTIFY_TICKETS "tickets"
void notify_systemd(const char *state, int fd);

#endif
