/* The cage of a process: what it may still ask of the kernel once it is set up.
 *
 * The supervisor calls cage_prepare once, before it forks or listens. Each role then calls, in this order and before it
 * reads anything that came from outside: cage_files (before it makes threads), its own set-up, cage_shut. Nothing of it
 * can be taken back, and children inherit it. */
#ifndef HADIR_CAGE_H
#define HADIR_CAGE_H

#include <stdbool.h>

enum cage_kind { CAGE_SUPERVISOR, CAGE_DOOR, CAGE_DESK, CAGE_LEDGER, CAGE_PLANNER };

/* No new privileges, no core file, not dumpable, no capabilities; loads what the resolver would load later. false:
 * logged. */
bool cage_prepare(void);
/* What a role does not hold of the supervisor: its capability to listen below 1024. Right after the fork. */
void cage_drop(void);
/* From here on files are opened only below `writable`, and read only there, in `readable` (NULL at its end) and where
 * libraries live; a door (NULL, NULL) opens none at all. Only where the kernel has Landlock. false: logged. */
bool cage_files(enum cage_kind kind, const char *writable, char *const *readable);
/* The seccomp filter, on every thread of the process. false: logged; the process must not go on. */
bool cage_shut(enum cage_kind kind);

#endif
