/* Private keys from files: the one place where their permissions are checked.
 *
 * The check is made on the opened descriptor, so the file that is checked is the file that is read. Symbolic links
 * are followed: certificate tools rotate by them. */
#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

void keyfile_reason(const char *path, const char *what, char *error, size_t error_cap)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    snprintf(error, error_cap, "%s: %s%s%s", path, what, reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
    ERR_clear_error();
}

static int no_passphrase(char *dst, int cap, int writing, void *arg)
{
    (void)dst;
    (void)cap;
    (void)writing;
    (void)arg;
    return -1;
}

EVP_PKEY *keyfile_private(const char *path, char *error, size_t error_cap)
{
    EVP_PKEY *key = NULL;
    struct stat st;
    FILE *file = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(error, error_cap, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        snprintf(error, error_cap, "%s: %s", path,
                 S_ISREG(st.st_mode) ? "others can reach it: chmod 600" : "not a regular file");
        goto out;
    }
    file = fdopen(fd, "r");
    if (file == NULL) {
        snprintf(error, error_cap, "%s: %s", path, strerror(errno));
        goto out;
    }
    fd = -1;
    setvbuf(file, NULL, _IONBF, 0); /* leave no copy of the key in stdio's memory */
    ERR_clear_error();
    key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
    if (key == NULL)
        keyfile_reason(path, "no usable PEM private key", error, error_cap);
out:
    if (file != NULL)
        fclose(file);
    if (fd >= 0)
        close(fd);
    return key;
}

bool keyfile_create(const char *path, mode_t mode, BIO *pem, char *error, size_t error_cap)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(pem, &bytes);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        snprintf(error, error_cap, "%s: %s", path, strerror(errno));
        return false;
    }
    bool ok = fchmod(fd, mode) == 0 && file_write_all(fd, bytes, (size_t)len) && fsync(fd) == 0;
    if (!ok) {
        snprintf(error, error_cap, "%s: %s", path, strerror(errno));
        unlink(path);
    }
    close(fd);
    return ok;
}
