/* hadird, the daemon: its arguments. Everything after them is supervisor/.
 *
 * Place in the flow: reads and checks the configuration, refuses a database that may lose what it acknowledged, and
 * hands the roles' mains to the supervisor. Exit status: 0 good, 1 a problem (each named on stderr), 2 wrong usage.
 * No threads. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "supervisor.h"

#define VERSION "0.1.0"
#define DEFAULT_FILE "/etc/hadir/hadird.conf"

static const char USAGE[] =
    "usage: hadird [-n] [-c FILE]\n"
    "\n"
    "  -c FILE        configuration file (" DEFAULT_FILE ")\n"
    "  -n             check the configuration, certificate, keys and folders, then exit\n"
    "  --help-config  print every configuration key with type, default and meaning\n"
    "  --help         print this\n"
    "  --version      print the version\n"
    "\n"
    "Runs in the foreground and logs to stderr. SIGHUP reads the configuration and certificate again,\n"
    "SIGTERM and SIGINT finish what is in flight and end.\n";

enum option_code { OPTION_HELP_CONFIG = 1000, OPTION_VERSION };

static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                        {"help-config", no_argument, NULL, OPTION_HELP_CONFIG},
                                        {"version", no_argument, NULL, OPTION_VERSION},
                                        {NULL, 0, NULL, 0}};

/* One key a line: name, type, default, meaning, separated by tabs; a lint and the man page read it. */
static void print_keys(void)
{
    size_t count;
    const struct conf_key *keys = conf_keys(&count);
    for (size_t i = 0; i < count; i++)
        printf("%s\t%s\t%s\t%s\n", keys[i].name, keys[i].type, keys[i].fallback == NULL ? "" : keys[i].fallback,
               keys[i].help);
}

/* Descriptors 0 to 2 must be something, or a socket would become standard error. */
static void hold_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd >= 0)
        close(fd);
}

static enum log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    return LOG_LEVEL_INFO;
}

static int run(const char *path, bool check_only)
{
    static const struct role_mains mains = {.run = {[ROLE_DOOR] = door_main, [ROLE_DESK] = desk_main,
                                                    [ROLE_LEDGER] = ledger_main, [ROLE_PLANNER] = planner_main}};
    struct setup setup = {0};
    struct buf problems;
    buf_init(&problems, 1 << 18);
    bool good = setup_load(path, &setup, &problems);
    if (!good) {
        const char *text = buf_str(&problems);
        fputs(text == NULL ? "too many problems\n" : text, stderr);
    }
    buf_fini(&problems);
    if (!good)
        return EXIT_FAILURE;
    if (check_only) {
        printf("%s: good\n", path);
        setup_free(&setup);
        return EXIT_SUCCESS;
    }
    if (geteuid() == 0) {
        fputs("hadird does not run as root: start it as a user of its own, such as hadir\n", stderr);
        setup_free(&setup);
        return EXIT_FAILURE;
    }
    log_set_level(level_of(setup.conf->log_level));
    if (!setup_database_allows(&setup)) {
        setup_free(&setup);
        return EXIT_FAILURE;
    }
    return supervisor_run(path, &setup, &mains);
}

int main(int argc, char **argv)
{
    const char *path = DEFAULT_FILE;
    bool check_only = false;
    hold_standard_descriptors();
    umask(077);
    for (;;) {
        switch (getopt_long(argc, argv, "c:nh", options, NULL)) {
        case -1:
            if (optind < argc) {
                fprintf(stderr, "hadird: unexpected argument: %s\n%s", argv[optind], USAGE);
                return 2;
            }
            return run(path, check_only);
        case 'c':
            path = optarg;
            break;
        case 'n':
            check_only = true;
            break;
        case 'h':
            fputs(USAGE, stdout);
            return EXIT_SUCCESS;
        case OPTION_HELP_CONFIG:
            print_keys();
            return EXIT_SUCCESS;
        case OPTION_VERSION:
            puts("hadird " VERSION);
            return EXIT_SUCCESS;
        default:
            fputs(USAGE, stderr);
            return 2;
        }
    }
}
