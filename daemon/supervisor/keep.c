/* What outlives hadird: the keys of session tickets, in a memory file that systemd holds while there is no hadird
 * (FileDescriptorStoreMax= of its unit; nothing of it is ever on a disk). Without systemd they end with it.
 *
 * Place in the flow: before the supervisor shuts its cage, which makes no memory files. Each start makes a file of its own with
 * what was in the one it was given, for only the process that made it can write it: systemd gets it sealed, and the doors are
 * born with a mapping that they cannot make writable. Then a timer turns the keys in place. No threads. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inside.h"
#include "log.h"
#include "loop.h"
#include "ticket_keys.h"
#include "wall.h"

#define GIVEN_FD 3 /* systemd's first */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

/* Whether systemd gave us what we stored, and nothing else (sd_listen_fds's protocol). */
static bool was_given(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != getpid())
        return false;
    bool ours = strcmp(count, "1") == 0 && names != NULL && strcmp(names, NOTIFY_TICKETS) == 0;
    if (!ours)
        log_warn("event=ticket_keys_refused reason=\"other descriptors\"");
    return ours;
}

/* What is wrong with the given descriptor; NULL: nothing, it is in *ret. */
static const char *take(struct ticket_keys *ret)
{
    struct stat st;
    int seals = fcntl(GIVEN_FD, F_GET_SEALS);
    const char *fault = "not a sealed memory file of ours";
    if (seals >= 0 && (seals & SEALS) == SEALS && fstat(GIVEN_FD, &st) == 0 && st.st_uid == geteuid() &&
        st.st_size == sizeof *ret && pread(GIVEN_FD, ret, sizeof *ret, 0) == sizeof *ret)
        fault = ticket_keys_fault(ret, mono_now_ms());
    close(GIVEN_FD);
    return fault;
}

/* Writes the keys into the new file's mapping: those of before, if they are good. */
static void fill(struct ticket_keys *t)
{
    const char *fault = NULL;
    bool given = was_given();
    if (given)
        fault = take(t);
    if (fault != NULL)
        log_warn("event=ticket_keys_refused reason=\"%s\"", fault);
    if (given && fault == NULL)
        log_info("event=ticket_keys_kept");
    else
        ticket_keys_fill(t, mono_now_ms());
}

/* Not executable, where the kernel (6.3) knows that; some allow no other (vm.memfd_noexec). */
static int memory_file(void)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING, noexec_seal = 8;
    int fd = memfd_create("hadir-tickets", flags | noexec_seal);
    return fd >= 0 ? fd : memfd_create("hadir-tickets", flags);
}

bool keep_start(struct supervisor *sup)
{
    size_t size = sizeof *sup->turning;
    int fd = memory_file();
    void *write = MAP_FAILED, *read = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
        write = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (write != MAP_FAILED && madvise(write, size, MADV_DONTFORK) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        read = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (read == MAP_FAILED) {
        log_error("event=ticket_keys_failed reason=\"%s\"", strerror(errno));
        return false;
    }
    (void)mlock(write, size); /* not swapped; a limit of nothing locked is no reason not to serve */
    sup->turning = write;
    sup->tickets = read;
    fill(sup->turning);
    notify_systemd("FDSTOREREMOVE=1\nFDNAME=" NOTIFY_TICKETS, -1);
    notify_systemd("FDSTORE=1\nFDNAME=" NOTIFY_TICKETS, fd);
    close(fd);
    return true;
}

void keep_turn(void *arg)
{
    struct supervisor *sup = arg;
    uint64_t before = sup->turning->newest;
    loop_timer_arm(sup->turn, ticket_keys_turn(sup->turning, mono_now_ms()));
    if (sup->turning->newest != before)
        log_info("event=ticket_keys_turned");
}

void keep_forget(struct supervisor *sup)
{
    munmap((void *)sup->tickets, sizeof *sup->tickets);
}
