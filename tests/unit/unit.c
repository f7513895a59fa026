/* Runs one suite of check tests as a program; see unit.h. A time-out of its own, because sanitizers are slow. */
#include "unit.h"

#include <stdlib.h>

int unit_run(const char *suite, const TTest *const *tests, size_t count)
{
    Suite *s = suite_create(suite);
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 240);
    suite_add_tcase(s, tc);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tc, tests[i]);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
