/* Tells systemd how the service is, and gives it what to keep (sd_notify's protocol: one datagram to $NOTIFY_SOCKET).
 * Written out here because it is these forty lines, and libsystemd would be the only reason to link it.
 *
 * Place in the flow: supervisor only. Without NOTIFY_SOCKET nothing happens. No threads. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "inside.h"
#include "log.h"

static bool send_to(const struct sockaddr_un *address, socklen_t size, const char *state, int given)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.head), &given, sizeof given);
    struct iovec text = {.iov_base = (char *)state, .iov_len = strlen(state)};
    struct msghdr msg = {.msg_name = (void *)address, .msg_namelen = size, .msg_iov = &text, .msg_iovlen = 1};
    if (given >= 0) {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof control.bytes;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
    close(fd);
    return sent;
}

void notify_systemd(const char *state, int fd)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    size_t len = strlen(path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* abstract */
    if (!send_to(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len), state, fd))
        log_warn("event=notify_failed");
}
