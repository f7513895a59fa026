/* The seccomp filter of each role, and what stands beside it: capabilities, Landlock, core files.
 *
 * Place in the flow: the supervisor before its first fork, each role between its set-up and its loop. The filter is a
 * list of what is allowed; whoever inherits the supervisor's gets its own on top, so the supervisor's allows what any
 * role may.
 *
 * What happens to a call that is not on the list:
 *   EPERM      by default. A library may try one as its second best (a cache, a log, a newer call) and goes on without.
 *   ENOSYS     clone3, whose flags a filter cannot see: glibc then takes clone, whose flags it can.
 *   the end    of the whole process, for what none of our libraries ever calls and an intruder would (`deadly`), for a
 *              door that connects or listens, and for calls of another architecture (int 0x80, x32). The supervisor logs
 *              `event=died … signal=31` and starts the role again; the kernel's log has `type=1326` with the number.
 *
 * Why some are allowed only with certain arguments:
 *   mmap, mprotect   never executable: every library is loaded before (also those that the resolver would load later)
 *   fcntl, ioctl     F_SETOWN and its like send any signal to any process
 *   kill, tgkill     to oneself (abort); a door's siblings have its user id
 *   clone            never into namespaces; only the desk forks (its clerks), and cairo's pango makes threads there
 *   socket           the families of PostgreSQL and the resolver
 *   sendto, sendmsg  in a door never TCP Fast Open, which connects: a listener that was shut down could
 *   shutdown         never the door's listener: it is shared with the supervisor and would stay dead
 *   setsockopt       in a door what it sets itself: a listener's reuseport program would steer other doors' connections
 *
 * Sanitizers, coverage and valgrind want to open, fork, trace and execute at any time; builds with them have neither
 * filter nor Landlock (HADIR_CAGE 0, see meson_options.txt), and the rest of this file.
 * Does not: hide processes or mounts; systemd's unit does that. Threads: cage_files binds its caller and later threads. */
#include "cage.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "role.h"

#define CAPABILITY(c) (1u << (c))

/* ---- once, in the supervisor ---- */

/* Every set but what is in `keep`; nothing comes back, because nothing is executed any more. */
static bool keep_capabilities(uint32_t keep)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data) != 0)
        return false;
    for (size_t i = 0; i < 2; i++) {
        uint32_t mask = i == 0 ? keep : 0;
        data[i].effective &= mask;
        data[i].permitted &= mask;
        data[i].inheritable = 0;
    }
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 && syscall(SYS_capset, &head, data) == 0;
}

/* getaddrinfo loads a library per service of nsswitch.conf's hosts. Loaded now, it is found by name later. */
static void load_resolver(void)
{
    char line[512], name[80], *save = NULL;
    FILE *file = fopen("/etc/nsswitch.conf", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "hosts:", 6) != 0)
            continue;
        for (char *word = strtok_r(line + 6, " \t\n", &save); word != NULL; word = strtok_r(NULL, " \t\n", &save)) {
            if (strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(word))
                continue; /* [NOTFOUND=return] */
            int n = snprintf(name, sizeof name, "libnss_%s.so.2", word);
            if (n > 0 && (size_t)n < sizeof name)
                (void)dlopen(name, RTLD_NOW);
        }
    }
    if (file != NULL)
        fclose(file);
}

bool cage_prepare(void)
{
    static const struct rlimit none = {0, 0};
    load_resolver();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        !keep_capabilities(CAPABILITY(CAP_NET_BIND_SERVICE)) || (HADIR_CAGE && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)) {
        log_error("event=cage_failed part=process reason=\"%s\"", strerror(errno));
        return false;
    }
    if (!HADIR_CAGE)
        log_warn("event=cage_open reason=\"built for tools that need it: no seccomp, no Landlock\"");
    return true;
}

void cage_drop(void)
{
    if (!keep_capabilities(0))
        fatal("event=cage_failed part=capabilities reason=\"%s\"", strerror(errno));
}

/* ---- files ---- */

/* What libraries read: code, zones, fonts, certificates of authorities, who one is. Nothing below /etc/hadir. */
static const char *const libraries[] = {
    "/usr", "/lib", "/lib64", "/var/cache/fontconfig", "/etc/fonts", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts",
    "/etc/host.conf", "/etc/gai.conf", "/etc/resolv.conf", "/etc/services", "/etc/gss", "/etc/krb5.conf", NULL};

/* The kernel's growing structure, as long as the version knows it; Debian 12's header has its first field only. */
struct ruleset {
    uint64_t files, net, scoped;
};

#define FS_BIT(n) (UINT64_C(1) << (n))
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_TRUNCATE FS_BIT(14)  /* version 3 */
#define FS_IOCTL_DEVICE FS_BIT(15) /* version 5 */
#define FS_FILE_ONLY (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define FS_WRITE                                                                                                           \
    (FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |              \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_TRUNCATE)
#define NET_TCP UINT64_C(3)            /* version 4: bind, connect */
#define SCOPE_ABSTRACT_SOCKET UINT64_C(1) /* version 6 */
#define SCOPE_SIGNAL UINT64_C(2)

static int ruleset_new(enum cage_kind kind, uint64_t *ret_files)
{
    struct ruleset r = {.files = FS_BIT(13) - 1};
    size_t size = sizeof r.files;
    long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return -1;
    if (version >= 2)
        r.files |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        r.files |= FS_TRUNCATE;
    if (version >= 4) {
        r.net = kind == CAGE_DOOR ? NET_TCP : 0;
        size = 2 * sizeof r.files;
    }
    if (version >= 5)
        r.files |= FS_IOCTL_DEVICE;
    if (version >= 6) {
        r.scoped = SCOPE_SIGNAL | (kind == CAGE_DOOR ? SCOPE_ABSTRACT_SOCKET : 0);
        size = sizeof r;
    }
    *ret_files = r.files;
    return (int)syscall(SYS_landlock_create_ruleset, &r, size, 0u);
}

/* A place that is not there is passed over. */
static bool allow(int ruleset, const char *path, uint64_t access)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        access &= FS_FILE_ONLY;
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    bool ok = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0u) == 0;
    close(fd);
    return ok;
}

static bool allow_all(int ruleset, const char *const *paths)
{
    bool ok = true;
    for (size_t i = 0; ok && paths != NULL && paths[i] != NULL; i++)
        ok = allow(ruleset, paths[i], FS_READ);
    return ok;
}

bool cage_files(enum cage_kind kind, const char *writable, char *const *readable)
{
    uint64_t handled = 0;
    if (!HADIR_CAGE)
        return true;
    int ruleset = ruleset_new(kind, &handled);
    if (ruleset < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
        log_warn("event=landlock_absent reason=\"this kernel does not narrow the file system; seccomp stays\"");
        return true;
    }
    bool ok = ruleset >= 0;
    ok = ok && (kind == CAGE_DOOR || allow_all(ruleset, libraries)) && allow_all(ruleset, (const char *const *)readable) &&
         (writable == NULL || allow(ruleset, writable, FS_WRITE & handled));
    ok = ok && syscall(SYS_landlock_restrict_self, ruleset, 0u) == 0;
    if (!ok)
        log_error("event=cage_failed part=files reason=\"%s\"", strerror(errno));
    if (ruleset >= 0)
        close(ruleset);
    return ok;
}

/* ---- system calls ---- */

#define DOOR (1u << CAGE_DOOR)
#define DESK (1u << CAGE_DESK)
#define LEDGER (1u << CAGE_LEDGER)
#define STORE (DESK | LEDGER | 1u << CAGE_PLANNER) /* who has files and a database */
#define ALL (DOOR | STORE)
#define ONLY 0u /* the supervisor */

#define NR(name) SCMP_SYS(name)

/* One way in which a call is allowed: up to two comparisons of its arguments. */
struct permission {
    int nr;
    unsigned who; /* and always the supervisor */
    unsigned count;
    struct scmp_arg_cmp when[2];
};

#define PLAIN(name, who) {NR(name), who, 0, {{0}}}
#define IF(name, who, ...) {NR(name), who, sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp), {__VA_ARGS__}}
/* Written out: the library's own macros leave a field without a value, which is a warning. */
#define EQUAL(arg, value) {(arg), SCMP_CMP_EQ, (uint64_t)(value), 0}
#define UNEQUAL(arg, value) {(arg), SCMP_CMP_NE, (uint64_t)(value), 0}
#define WITHOUT(arg, bits) {(arg), SCMP_CMP_MASKED_EQ, (uint64_t)(bits), 0}
#define WITH(arg, bits) {(arg), SCMP_CMP_MASKED_EQ, (uint64_t)(bits), (uint64_t)(bits)}

#define CLONE_SPACES \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const struct permission permissions[] = {
    /* memory, never executable */
    PLAIN(brk, ALL), PLAIN(munmap, ALL), PLAIN(mremap, ALL), PLAIN(madvise, ALL),
    IF(mmap, ALL, WITHOUT(2, PROT_EXEC)), IF(mprotect, ALL, WITHOUT(2, PROT_EXEC)),
    /* descriptors that are there */
    PLAIN(read, ALL), PLAIN(readv, ALL), PLAIN(write, ALL), PLAIN(writev, ALL), PLAIN(close, ALL), PLAIN(close_range, ALL),
    PLAIN(lseek, ALL), PLAIN(recvmsg, ALL), PLAIN(recvfrom, ALL), PLAIN(getsockopt, ALL), PLAIN(getsockname, ALL),
    PLAIN(getpeername, ALL), PLAIN(poll, ALL), PLAIN(ppoll, ALL), PLAIN(select, ALL), PLAIN(pselect6, ALL),
    PLAIN(epoll_create1, ALL), PLAIN(epoll_ctl, ALL), PLAIN(epoll_wait, ALL), PLAIN(epoll_pwait, ALL),
    PLAIN(epoll_pwait2, ALL), PLAIN(eventfd2, ALL),
    IF(fcntl, ALL, EQUAL(1, F_GETFL)), IF(fcntl, ALL, EQUAL(1, F_SETFL)), IF(fcntl, ALL, EQUAL(1, F_GETFD)),
    IF(fcntl, ALL, EQUAL(1, F_SETFD)), IF(fcntl, STORE, EQUAL(1, F_DUPFD_CLOEXEC)), IF(fcntl, STORE, EQUAL(1, F_SETLK)),
    IF(fcntl, STORE, EQUAL(1, F_SETLKW)), IF(fcntl, STORE, EQUAL(1, F_GETLK)), IF(fcntl, STORE, EQUAL(1, F_OFD_SETLK)),
    IF(ioctl, ALL, EQUAL(1, FIONREAD)), IF(ioctl, ALL, EQUAL(1, FIONBIO)),
    IF(sendto, ALL, EQUAL(4, 0), WITHOUT(3, MSG_FASTOPEN)), IF(sendto, STORE, UNEQUAL(4, 0), WITHOUT(3, MSG_FASTOPEN)),
    IF(sendmsg, ALL, WITHOUT(2, MSG_FASTOPEN)), PLAIN(sendmmsg, STORE),
    PLAIN(shutdown, ONLY), /* of the others see add_shutdown */
    PLAIN(accept4, DOOR), IF(setsockopt, DOOR, EQUAL(1, IPPROTO_TCP), EQUAL(2, TCP_NODELAY)),
    IF(setsockopt, DOOR, EQUAL(1, SOL_SOCKET), EQUAL(2, SO_LINGER)),
    IF(setsockopt, STORE, EQUAL(1, IPPROTO_TCP)), IF(setsockopt, STORE, EQUAL(1, SOL_SOCKET)),
    IF(setsockopt, STORE, EQUAL(1, IPPROTO_IP)), IF(setsockopt, STORE, EQUAL(1, IPPROTO_IPV6)),
    /* time, chance, oneself */
    PLAIN(clock_gettime, ALL), PLAIN(clock_getres, ALL), PLAIN(clock_nanosleep, ALL), PLAIN(nanosleep, ALL),
    PLAIN(gettimeofday, ALL), PLAIN(time, ALL), PLAIN(clock_adjtime, ALL), PLAIN(adjtimex, ALL), PLAIN(getrandom, ALL),
    PLAIN(getpid, ALL), PLAIN(gettid, ALL), PLAIN(getppid, ALL), PLAIN(getuid, ALL), PLAIN(geteuid, ALL), PLAIN(getgid, ALL),
    PLAIN(getegid, ALL), PLAIN(getrusage, ALL), PLAIN(times, ALL), PLAIN(uname, ALL), PLAIN(sysinfo, ALL),
    PLAIN(sched_yield, ALL), PLAIN(sched_getaffinity, ALL), PLAIN(getcpu, ALL), PLAIN(futex, ALL), PLAIN(membarrier, ALL),
    PLAIN(rseq, ALL), PLAIN(set_robust_list, ALL), PLAIN(get_robust_list, ALL), PLAIN(rt_sigaction, ALL),
    PLAIN(rt_sigprocmask, ALL), PLAIN(rt_sigreturn, ALL), PLAIN(sigaltstack, ALL), PLAIN(restart_syscall, ALL),
    PLAIN(exit, ALL), PLAIN(exit_group, ALL), IF(prlimit64, ALL, EQUAL(2, 0)), PLAIN(getrlimit, ALL),
    IF(prctl, ALL, EQUAL(0, PR_SET_NAME)), IF(prctl, STORE, EQUAL(0, PR_SET_PDEATHSIG)),
    /* files */
    PLAIN(open, STORE), PLAIN(openat, STORE), PLAIN(access, STORE), PLAIN(faccessat, STORE), PLAIN(faccessat2, STORE),
    PLAIN(stat, STORE), PLAIN(lstat, STORE), PLAIN(fstat, ALL), PLAIN(newfstatat, STORE), PLAIN(statx, STORE),
    PLAIN(statfs, STORE), PLAIN(fstatfs, STORE), PLAIN(readlink, STORE), PLAIN(readlinkat, STORE), PLAIN(getdents64, STORE),
    PLAIN(getcwd, STORE), PLAIN(pread64, STORE), PLAIN(pwrite64, STORE), PLAIN(fsync, STORE), PLAIN(fdatasync, STORE),
    PLAIN(ftruncate, STORE), PLAIN(fallocate, STORE), PLAIN(fadvise64, STORE), PLAIN(flock, STORE), PLAIN(unlink, STORE),
    PLAIN(unlinkat, STORE), PLAIN(rename, STORE), PLAIN(renameat, STORE), PLAIN(renameat2, STORE), PLAIN(mkdir, STORE),
    PLAIN(mkdirat, STORE), PLAIN(rmdir, STORE), PLAIN(fchmod, STORE), PLAIN(umask, STORE), PLAIN(copy_file_range, STORE),
    PLAIN(sendfile, STORE), PLAIN(dup, STORE), PLAIN(dup2, STORE), PLAIN(dup3, STORE), PLAIN(pipe2, STORE),
    PLAIN(utimensat, LEDGER), /* a drained spool is kept from then on */
    /* the database */
    IF(socket, STORE, EQUAL(0, AF_UNIX)), IF(socket, STORE, EQUAL(0, AF_INET)), IF(socket, STORE, EQUAL(0, AF_INET6)),
    IF(socket, STORE, EQUAL(0, AF_NETLINK)), PLAIN(connect, STORE),
    /* the desk's clerks, pango's threads */
    IF(clone, DESK, WITHOUT(0, CLONE_SPACES | CLONE_VFORK | CLONE_PTRACE)), PLAIN(wait4, DESK), PLAIN(set_tid_address, DESK),
    /* the supervisor: listeners, children, and the children's own cages */
    PLAIN(bind, ONLY), PLAIN(listen, ONLY), PLAIN(socketpair, ONLY), PLAIN(kill, ONLY), PLAIN(tgkill, ONLY), PLAIN(setsockopt, ONLY),
    PLAIN(seccomp, ONLY), PLAIN(landlock_create_ruleset, ONLY), PLAIN(landlock_add_rule, ONLY),
    PLAIN(landlock_restrict_self, ONLY), PLAIN(capget, ONLY), PLAIN(capset, ONLY), PLAIN(clone, ONLY),
    IF(prctl, ONLY, EQUAL(0, PR_CAP_AMBIENT)), IF(prctl, ONLY, EQUAL(0, PR_SET_NO_NEW_PRIVS)),
    IF(prctl, ONLY, EQUAL(0, PR_GET_SECCOMP)), IF(prctl, ONLY, EQUAL(0, PR_SET_SECCOMP))};

/* What none of our libraries calls. */
static const int deadly[] = {
    NR(execve), NR(execveat), NR(fork), NR(vfork), NR(ptrace), NR(process_vm_readv), NR(process_vm_writev), NR(process_madvise),
    NR(pidfd_open), NR(pidfd_getfd), NR(pidfd_send_signal), NR(kcmp), NR(tkill), NR(rt_sigqueueinfo), NR(rt_tgsigqueueinfo),
    NR(mount), NR(umount2), NR(pivot_root), NR(chroot), NR(fsopen), NR(fsmount), NR(fsconfig), NR(fspick), NR(move_mount),
    NR(open_tree), NR(mount_setattr), NR(unshare), NR(setns), NR(bpf), NR(perf_event_open), NR(userfaultfd), NR(io_uring_setup),
    NR(io_uring_enter), NR(io_uring_register), NR(io_setup), NR(memfd_create), NR(memfd_secret), NR(pkey_mprotect),
    NR(remap_file_pages), NR(shmat), NR(init_module), NR(finit_module), NR(delete_module), NR(kexec_load),
    NR(kexec_file_load), NR(reboot), NR(swapon), NR(swapoff), NR(keyctl), NR(add_key), NR(request_key), NR(personality),
    NR(iopl), NR(ioperm), NR(modify_ldt), NR(setuid), NR(setgid), NR(setreuid), NR(setregid), NR(setresuid), NR(setresgid),
    NR(setgroups), NR(setfsuid), NR(setfsgid), NR(acct), NR(quotactl), NR(name_to_handle_at), NR(open_by_handle_at),
    NR(fanotify_init), NR(vmsplice), NR(mknod), NR(mknodat), NR(clock_settime), NR(settimeofday), NR(sethostname), NR(syslog)};

/* What only the desks and ledgers do ends a door that tries it. */
static const int deadly_in_doors[] = {NR(connect), NR(bind), NR(listen), NR(clone)};

static int add_permissions(scmp_filter_ctx filter, enum cage_kind kind)
{
    int code = 0;
    for (size_t i = 0; i < sizeof permissions / sizeof permissions[0] && code == 0; i++) {
        const struct permission *p = &permissions[i];
        if (kind == CAGE_SUPERVISOR || (p->who & 1u << kind) != 0)
            code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, p->nr, p->count, p->when);
    }
    return code;
}

static int add_deadly(scmp_filter_ctx filter, const int *numbers, size_t count)
{
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = seccomp_rule_add_array(filter, SCMP_ACT_KILL_PROCESS, numbers[i], 0, NULL);
    return code;
}

/* Of any descriptor but the listener, by its bits: the kernel takes the lower half of that argument, a comparison the whole,
 * so 2^32 + 4 is another number and the same descriptor. */
static int add_shutdown(scmp_filter_ctx filter)
{
    int code = 0;
    _Static_assert(ROLE_LISTEN_FD < 8, "any greater one has a bit from 8 on");
    for (unsigned fd = 0; fd < 8 && code == 0; fd++) {
        const struct scmp_arg_cmp is = EQUAL(0, fd);
        code = fd == ROLE_LISTEN_FD ? 0 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, NR(shutdown), 1, &is);
    }
    for (unsigned bit = 8; bit <= INT_MAX && code == 0; bit <<= 1) {
        const struct scmp_arg_cmp has = WITH(0, bit);
        code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, NR(shutdown), 1, &has);
    }
    return code;
}

/* abort() sends its signal to its own thread. */
static int add_self(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp self[] = {EQUAL(0, (uint64_t)getpid())};
    int code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, NR(tgkill), 1, self);
    return code != 0 ? code : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, NR(kill), 1, self);
}

static int fill(scmp_filter_ctx filter, enum cage_kind kind)
{
    int code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (code == 0)
        code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (code == 0)
        code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (code == 0)
        code = add_permissions(filter, kind);
    if (code == 0 && kind != CAGE_SUPERVISOR)
        code = add_shutdown(filter);
    if (code == 0 && kind != CAGE_SUPERVISOR)
        code = add_self(filter);
    if (code == 0)
        code = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), NR(clone3), 0, NULL);
    if (code == 0)
        code = add_deadly(filter, deadly, sizeof deadly / sizeof deadly[0]);
    if (code == 0 && kind == CAGE_DOOR)
        code = add_deadly(filter, deadly_in_doors, sizeof deadly_in_doors / sizeof deadly_in_doors[0]);
    return code != 0 ? code : seccomp_load(filter);
}

bool cage_shut(enum cage_kind kind)
{
    if (!HADIR_CAGE)
        return true;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int code = filter == NULL ? -ENOMEM : fill(filter, kind);
    if (filter != NULL)
        seccomp_release(filter);
    if (code != 0)
        log_error("event=cage_failed part=system_calls reason=\"%s\"", strerror(-code));
    return code == 0;
}
