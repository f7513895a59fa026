/* A thin skin over check: one suite a program. CK_FORK=no under sanitizers; no test depends on time. */
#ifndef HADIR_UNIT_H
#define HADIR_UNIT_H

#include <check.h>
#include <stddef.h>

/* Runs the tests (names made by START_TEST) and returns the exit status. Prints check's summary line. */
int unit_run(const char *suite, const TTest *const *tests, size_t count);
#define UNIT_MAIN(suite, ...)                                                                                        \
    int main(void)                                                                                                   \
    {                                                                                                                \
        const TTest *const tests[] = {__VA_ARGS__};                                                                  \
        return unit_run(suite, tests, sizeof tests / sizeof tests[0]);                                               \
    }

#endif
