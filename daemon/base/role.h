/* What a role gets when the supervisor forks it, and what it must do.
 *
 * The role's main runs in the child: makes its loop, opens the control channel on control_fd, opens what it needs
 * (secrets come as bytes, files as descriptors), sends MSG_HELLO when it can work, serves until MSG_DRAIN or until the
 * control channel closes (then it exits: the supervisor is gone; a ledger first finishes its queue), returns the exit
 * status. Configuration is borrowed and constant for the life of the process. */
#ifndef HADIR_ROLE_H
#define HADIR_ROLE_H

#include <stddef.h>
#include <stdint.h>

struct conf;
struct ticket_keys;

/* The descriptors that a role is born with. */
#define ROLE_CONTROL_FD 3
#define ROLE_LISTEN_FD 4 /* doors */

struct role_env {
    const struct conf *conf;
    int control_fd;
    unsigned index;         /* among its kind */
    int listen_fd;          /* doors; else −1 */
    const struct ticket_keys *tickets; /* doors: TLS session ticket keys, the same for all; read-only, and they turn */
    const char *whatsapp_app_secret;   /* doors; NULL = channel off */
    const char *whatsapp_verify_token; /* doors */
};

int door_main(const struct role_env *env);
int desk_main(const struct role_env *env);
int ledger_main(const struct role_env *env);
int planner_main(const struct role_env *env);

#endif
