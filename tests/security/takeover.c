/* An intruder inside a role of hadird: preloaded by test_cage.py, never part of the product.
 *
 * Two ways in, both with the role's real filter on:
 *   rehearsal  seccomp_load is ours too: just before a role shuts its cage, it is copied by fork once per attack; the copy
 *              shuts the cage by the real call, tries the attack and ends. The outcome is what waitpid says, so that calls
 *              which end the process can be tried by dozens without waiting for as many restarts.
 *   live       `hadir-takeover:ROLE:ATTACK` in plaintext that SSL_read returns, or in bytes that recvmsg or recv return:
 *              the attack runs there and then, in the running role.
 * Results go to a page that TAKEOVER_PAGE names, opened before anything is shut; its layout is `struct page`, which
 * test_cage.py reads. TAKEOVER_KEY is the receipt key's path. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROLES 4
#define ATTACKS_MAX 128
#define LISTEN_FD 4
#define CONTROL_FD 3

enum state { NOT_TRIED, STARTED, RETURNED, NOT_CAGED };

struct result {
    char name[32];
    int32_t state, number, code, wait_status; /* number: what the call returned; code: errno */
};

struct page {
    char roles[ROLES][16];
    struct result rehearsal[ROLES][ATTACKS_MAX];
    struct result live[ROLES];
};

static const char *const roles[ROLES] = {"door", "desk", "ledger", "planner"};
static struct page *page;
static const char *key_path = "/nonexistent";
static int role = -1;
static pid_t supervisor;
static char stack[65536], program[] = "true";

/* ---- what is tried: −1 with errno, or a hole ---- */

static long open_read(void) { return open("/etc/passwd", O_RDONLY); }
static long open_etc(void) { return open("/etc/shadow-", O_RDONLY | O_CREAT, 0600); }
static long open_key(void) { return open(key_path, O_RDONLY); }
static long open_write(void) { return open("/dev/shm/hadir-takeover", O_WRONLY | O_CREAT, 0600); }
static long open_directory(void) { return open("/", O_RDONLY | O_DIRECTORY); }
static long open_at2(void) { uint64_t how[3] = {O_RDONLY, 0, 0}; return syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof how); }
static long create(void) { return creat("/dev/shm/hadir-takeover", 0600); }
static long stat_path(void) { struct stat st; return stat("/etc/passwd", &st); }
static long own_memory(void) { return open("/proc/self/mem", O_RDWR); }
static long parents_memory(void) { char p[40]; snprintf(p, sizeof p, "/proc/%d/mem", supervisor); return open(p, O_RDWR); }
static long parents_descriptors(void) { char p[40]; snprintf(p, sizeof p, "/proc/%d/fd/0", supervisor); return open(p, O_RDWR); }
static long change_mode(void) { return chmod("/tmp", 0777); }
static long make_link(void) { return symlink("/etc/passwd", "/dev/shm/hadir-takeover"); }
static long hard_link(void) { return link(key_path, "/dev/shm/hadir-takeover"); }
static long make_node(void) { return mknod("/dev/shm/hadir-takeover", S_IFIFO | 0600, 0); }
static long watch_files(void) { return syscall(SYS_inotify_init1, 0); }
static long handle_of(void) { return syscall(SYS_name_to_handle_at, AT_FDCWD, "/", NULL, NULL, 0); }
static long by_handle(void) { return syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY); }

static long socket_inet(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static long socket_inet6(void) { return socket(AF_INET6, SOCK_DGRAM, 0); }
static long socket_unix(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }
static long socket_netlink(void) { return socket(AF_NETLINK, SOCK_RAW, 0); }
static long socket_packet(void) { return socket(AF_PACKET, SOCK_RAW, 0); }
static long socket_vsock(void) { return socket(AF_VSOCK, SOCK_STREAM, 0); }
static long socket_crypto(void) { return socket(AF_ALG, SOCK_SEQPACKET, 0); }
static long socket_pair(void) { int two[2]; return socketpair(AF_UNIX, SOCK_STREAM, 0, two); }
static struct sockaddr_in somewhere(void) { return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}}; }
static long connect_inet(void) { struct sockaddr_in a = somewhere(); return connect(LISTEN_FD, (struct sockaddr *)&a, sizeof a); }
static long connect_unix(void) { struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/run/postgresql/.s.PGSQL.5432"}; return connect(LISTEN_FD, (struct sockaddr *)&a, sizeof a); }
static long connect_abstract(void) { struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0hadir"}; return connect(LISTEN_FD, (struct sockaddr *)&a, sizeof a); }
static long fast_open(void) { struct sockaddr_in a = somewhere(); return sendto(LISTEN_FD, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof a); }
static long fast_open_message(void)
{
    struct sockaddr_in a = somewhere();
    char byte = 'x';
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1};
    return sendmsg(LISTEN_FD, &m, MSG_FASTOPEN);
}
static long send_many(void) { struct mmsghdr m = {0}; return sendmmsg(LISTEN_FD, &m, 1, MSG_FASTOPEN); }
static long bind_inet(void) { struct sockaddr_in a = {.sin_family = AF_INET}; return bind(LISTEN_FD, (struct sockaddr *)&a, sizeof a); }
static long listen_again(void) { return listen(LISTEN_FD, 1); }
static long shut_listener(void) { return shutdown(LISTEN_FD, SHUT_RDWR); }
static long shut_listener_wide(void) { return syscall(SYS_shutdown, 1L << 32 | LISTEN_FD, SHUT_RDWR); } /* the kernel takes the lower half */
static long copy_listener(void) { return fcntl(LISTEN_FD, F_DUPFD_CLOEXEC, 100); }
static long steer_listeners(void)
{
    struct sock_filter always = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog steer = {1, &always};
    return setsockopt(LISTEN_FD, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &steer, sizeof steer);
}

static long execute(void) { char *argv[] = {program, NULL}; return execve("/bin/true", argv, argv + 1); }
static long execute_at(void) { char *argv[] = {program, NULL}; return syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, argv + 1, 0); }
static long execute_memory(void) { char *argv[] = {program, NULL}; long fd = syscall(SYS_memfd_create, "x", 0); return fd < 0 ? -1 : syscall(SYS_execveat, fd, "", argv, argv + 1, AT_EMPTY_PATH); }
#ifdef SYS_fork
static long plain_fork(void) { return syscall(SYS_fork); }
static long plain_vfork(void) { return syscall(SYS_vfork); }
#endif
static long clone_process(void) { return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL); }
static long clone_three(void) { uint64_t a[8] = {0, 0, 0, 0, SIGCHLD, 0, 0, 0}; return syscall(SYS_clone3, a, sizeof a); }
static long clone_space(void) { return syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, NULL, NULL, NULL, NULL); }
static int nothing(void *arg) { (void)arg; return 0; }
static long clone_thread(void) { return clone(nothing, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL); }

static long trace_parent(void) { return ptrace(PTRACE_ATTACH, supervisor, NULL, NULL); }
static long trace_seize(void) { return ptrace(PTRACE_SEIZE, supervisor, NULL, NULL); }
static long trace_me(void) { return ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static long read_parent(void) { char b; struct iovec v = {&b, 1}; return process_vm_readv(supervisor, &v, 1, &v, 1, 0); }
static long write_parent(void) { char b = 0; struct iovec v = {&b, 1}; return process_vm_writev(supervisor, &v, 1, &v, 1, 0); }
static long kill_parent(void) { return kill(supervisor, 0); }
static long kill_everyone(void) { return kill(-1, 0); }
static long kill_thread(void) { return syscall(SYS_tgkill, supervisor, supervisor, 0); }
static long kill_one(void) { return syscall(SYS_tkill, supervisor, 0); }
static long queue_signal(void) { siginfo_t i = {.si_code = SI_QUEUE}; return syscall(SYS_rt_sigqueueinfo, supervisor, SIGTERM, &i); }
static long own_signal(void) { return fcntl(CONTROL_FD, F_SETOWN, supervisor); }
static long own_signal_ioctl(void) { int pid = supervisor; return ioctl(CONTROL_FD, FIOSETOWN, &pid); }
static long pick_signal(void) { return fcntl(CONTROL_FD, F_SETSIG, SIGKILL); }
static long type_ahead(void) { return ioctl(2, TIOCSTI, "x"); }
static long process_handle(void) { return syscall(SYS_pidfd_open, supervisor, 0); }
static long steal_descriptor(void) { return syscall(SYS_pidfd_getfd, 0, 0, 0); }
static long compare(void) { return syscall(SYS_kcmp, supervisor, getpid(), 0, 0, 0); }
static long other_limits(void) { struct rlimit l = {0, 0}; return prlimit(supervisor, RLIMIT_NOFILE, &l, NULL); }
static long other_priority(void) { return setpriority(PRIO_PROCESS, (id_t)supervisor, 19); }

static long mount_it(void) { return syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL); }
static long unmount_it(void) { return syscall(SYS_umount2, "/mnt", 0); }
static long open_tree_(void) { return syscall(428, AT_FDCWD, "/", 1); }
static long change_root(void) { return chroot("/"); }
static long unshare_user(void) { return unshare(CLONE_NEWUSER); }
static long unshare_net(void) { return unshare(CLONE_NEWUSER | CLONE_NEWNET); }
static long set_space(void) { return setns(0, 0); }
static long become_root(void) { return syscall(SYS_setuid, 0); }
static long become_group(void) { return syscall(SYS_setresgid, 0, 0, 0); }
static long drop_groups(void) { return syscall(SYS_setgroups, 0, NULL); }
static long take_capabilities(void) { uint32_t h[2] = {0x20080522, 0}, d[6] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u}; return syscall(SYS_capset, h, d); }
static long io_ring(void) { struct io_uring_params p = {0}; return syscall(SYS_io_uring_setup, 1, &p); }
static long aio(void) { unsigned long c = 0; return syscall(SYS_io_setup, 1, &c); }
static long bpf_program(void) { char a[128] = {0}; return syscall(SYS_bpf, 0, a, sizeof a); }
static long performance(void) { char a[128] = {0}; return syscall(SYS_perf_event_open, a, 0, -1, -1, 0); }
static long fault_handler(void) { return syscall(SYS_userfaultfd, 1); }
static long memory_file(void) { return syscall(SYS_memfd_create, "x", 0); }
static long secret_memory(void) { return syscall(447, 0); }
static long keyring(void) { return syscall(SYS_keyctl, 0, -3, 0); }
static long more_filter(void) { return prctl(PR_SET_SECCOMP, 1); }
static long be_dumpable(void) { return prctl(PR_SET_DUMPABLE, 1); }
static long executable_stack(void) { return syscall(SYS_personality, 0x0400000); }
static long core_files(void) { struct rlimit l = {RLIM_INFINITY, RLIM_INFINITY}; return setrlimit(RLIMIT_CORE, &l); }
static long set_clock(void) { struct timespec t = {0, 0}; return syscall(SYS_clock_settime, 0, &t); }
static long host_name(void) { return sethostname("x", 1); }
static long kernel_log(void) { char b[8]; return syscall(SYS_syslog, 3, b, sizeof b); }
static long load_module(void) { return syscall(SYS_finit_module, 0, "", 0); }
static long reboot_it(void) { return syscall(SYS_reboot, 0, 0, 0, NULL); }
static long splice_memory(void) { return syscall(SYS_vmsplice, 1, NULL, 0, 0); }

static long map_executable(void) { return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0; }
static long map_write_execute(void) { return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0; }
static long map_file_executable(void) { return mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE, 0, 0) == MAP_FAILED ? -1 : 0; }
static long make_executable(void) { return mprotect((void *)((uintptr_t)stack & ~(uintptr_t)4095), 4096, PROT_READ | PROT_EXEC); }
static long make_code_writable(void) { return mprotect((void *)((uintptr_t)&abort & ~(uintptr_t)4095), 4096, PROT_READ | PROT_WRITE | PROT_EXEC); }
static long key_protect(void) { return syscall(SYS_pkey_mprotect, stack, 4096, PROT_EXEC, -1); }
#ifdef __x86_64__
static long call_32(void) { long r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11"); return r; }
static long call_32_open(void) { long r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(5L), "b"(0L), "c"(0L) : "memory", "r8", "r9", "r10", "r11"); return r; }
static long call_x32(void) { return syscall(0x40000000 | SYS_getpid); }
static long call_x32_open(void) { return syscall(0x40000000 | SYS_open, "/etc/passwd", O_RDONLY); }
#endif
static long call_unknown(void) { return syscall(10000); }

/* A message of no known type with the door's listener, to the supervisor. */
static long send_descriptor(void)
{
    unsigned char head[16] = {0, 0, 0, 0, 99};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec v = {head, sizeof head};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    int fd = LISTEN_FD;
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(CONTROL_FD, &m, MSG_NOSIGNAL);
}

/* What no door says, an empty MSG_INTAKE, over every channel that a door has; a client's connection gets it, too. How many took it. */
static long forge_messages(void)
{
    unsigned char frame[20] = {4, 0, 0, 0, 40};
    long taken = 0;
    for (int fd = CONTROL_FD + 2; role == 0 && fd < 64; fd++) {
        struct iovec v = {frame, sizeof frame};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
        taken += sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof frame;
    }
    errno = EPERM;
    return taken > 0 ? taken : -1;
}

static const struct {
    const char *name;
    long (*try)(void);
} attacks[] = {
#define A(f) {#f, f}
    A(open_read), A(open_etc), A(open_key), A(open_write), A(open_directory), A(open_at2), A(create), A(stat_path), A(own_memory),
    A(parents_memory), A(parents_descriptors), A(change_mode), A(make_link), A(hard_link), A(make_node), A(watch_files),
    A(handle_of), A(by_handle), A(socket_inet), A(socket_inet6), A(socket_unix), A(socket_netlink), A(socket_packet),
    A(socket_vsock), A(socket_crypto), A(socket_pair), A(connect_inet), A(connect_unix), A(connect_abstract), A(fast_open),
    A(fast_open_message), A(send_many), A(bind_inet), A(listen_again), A(shut_listener), A(shut_listener_wide), A(copy_listener),
    A(steer_listeners), A(execute), A(execute_at), A(execute_memory),
#ifdef SYS_fork
    A(plain_fork), A(plain_vfork),
#endif
    A(clone_process), A(clone_three), A(clone_space), A(clone_thread), A(trace_parent), A(trace_seize), A(trace_me),
    A(read_parent), A(write_parent), A(kill_parent), A(kill_everyone), A(kill_thread), A(kill_one), A(queue_signal),
    A(own_signal), A(own_signal_ioctl), A(pick_signal), A(type_ahead), A(process_handle), A(steal_descriptor), A(compare),
    A(other_limits), A(other_priority), A(mount_it), A(unmount_it), A(open_tree_), A(change_root), A(unshare_user),
    A(unshare_net), A(set_space), A(become_root), A(become_group), A(drop_groups), A(take_capabilities), A(io_ring), A(aio),
    A(bpf_program), A(performance), A(fault_handler), A(memory_file), A(secret_memory), A(keyring), A(more_filter),
    A(be_dumpable), A(executable_stack), A(core_files), A(set_clock), A(host_name), A(kernel_log), A(load_module),
    A(reboot_it), A(splice_memory), A(map_executable), A(map_write_execute), A(map_file_executable), A(make_executable),
    A(make_code_writable), A(key_protect),
#ifdef __x86_64__
    A(call_32), A(call_32_open), A(call_x32), A(call_x32_open),
#endif
    A(call_unknown), A(send_descriptor), A(forge_messages)};

#define ATTACKS (sizeof attacks / sizeof attacks[0])
_Static_assert(ATTACKS <= ATTACKS_MAX, "the page has room");

static void attempt(size_t i, struct result *r)
{
    snprintf(r->name, sizeof r->name, "%s", attacks[i].name);
    r->state = STARTED;
    errno = 0;
    long number = attacks[i].try();
    r->code = number < 0 ? errno : 0;
    r->number = (int32_t)number;
    r->state = RETURNED;
}

/* ---- rehearsal ---- */

typedef int (*load_fn)(void *);

int seccomp_load(void *filter);
int seccomp_load(void *filter)
{
    load_fn real;
    *(void **)&real = dlsym(RTLD_NEXT, "seccomp_load");
    if (page != NULL && role >= 0 && page->roles[role][0] == '\0') {
        memcpy(page->roles[role], roles[role], strlen(roles[role]));
        supervisor = getppid();
        for (size_t i = 0; i < ATTACKS; i++) {
            struct result *r = &page->rehearsal[role][i];
            pid_t pid = fork();
            if (pid == 0) {
                snprintf(r->name, sizeof r->name, "%s", attacks[i].name);
                r->state = NOT_CAGED;
                if (strcmp(attacks[i].name, "send_descriptor") != 0 && real(filter) == 0)
                    attempt(i, r);
                _exit(0);
            }
            while (pid > 0 && waitpid(pid, &r->wait_status, 0) < 0 && errno == EINTR)
                continue;
        }
    }
    return real(filter);
}

int prctl(int option, ...)
{
    unsigned long a[4];
    va_list ap;
    va_start(ap, option);
    for (size_t i = 0; i < 4; i++)
        a[i] = va_arg(ap, unsigned long);
    va_end(ap);
    long got = syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
    for (int i = 0; option == PR_SET_NAME && i < ROLES; i++)
        if (strncmp((const char *)a[0], roles[i], strlen(roles[i])) == 0)
            role = i;
    return (int)got;
}

/* ---- live ---- */

static void look(const char *bytes, ssize_t len)
{
    char sign[48];
    if (page == NULL || role < 0 || len <= 0)
        return;
    int n = snprintf(sign, sizeof sign, "hadir-takeover:%s:", roles[role]);
    const char *at = memmem(bytes, (size_t)len, sign, (size_t)n);
    for (size_t i = 0; at != NULL && i < ATTACKS; i++) {
        size_t name_len = strlen(attacks[i].name);
        if ((size_t)(bytes + len - at) >= (size_t)n + name_len + 1 && memcmp(at + n, attacks[i].name, name_len) == 0 &&
            at[(size_t)n + name_len] == '.') {
            supervisor = getppid();
            attempt(i, &page->live[role]);
        }
    }
}

int SSL_read(void *ssl, void *bytes, int len);
int SSL_read(void *ssl, void *bytes, int len)
{
    static int (*real)(void *, void *, int);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "SSL_read");
    int got = real(ssl, bytes, len);
    look(bytes, got);
    return got;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    ssize_t got = syscall(SYS_recvmsg, fd, m, flags);
    if (got > 0 && m->msg_iovlen > 0)
        look(m->msg_iov[0].iov_base, (size_t)got < m->msg_iov[0].iov_len ? got : (ssize_t)m->msg_iov[0].iov_len);
    return got;
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    ssize_t got = syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
    look(bytes, got);
    return got;
}

__attribute__((constructor)) static void enter(void)
{
    const char *path = getenv("TAKEOVER_PAGE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        return;
    page = at;
    if (getenv("TAKEOVER_KEY") != NULL)
        key_path = getenv("TAKEOVER_KEY");
}
