/* support_folder.h - a folder of a test program's own, there while its group of tests runs. */
#ifndef PLEAT_TESTS_SUPPORT_FOLDER_H
#define PLEAT_TESTS_SUPPORT_FOLDER_H

#include "pleat/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern char root[]; /* "/tmp/pleat-test-....", once it is made */

/* A group's setup and teardown. The log is quiet. */
int make_root(void **state);
int remove_root(void **state);

/* ROOT/NAME in `out`, or where that is NULL in a text that lasts until the next such call. */
const char *in_root(char out[PLEAT_PATH_BYTES], const char *name);

/* Fails unless the last error's message holds `wanted`. */
void assert_told(const char *wanted);

#endif /* PLEAT_TESTS_SUPPORT_FOLDER_H */
