/*
 * support.h - what every test program shares: cmocka, the checks of a status and its message, a
 * folder of the program's own.
 */
#ifndef PLEAT_TESTS_SUPPORT_H
#define PLEAT_TESTS_SUPPORT_H

#include "pleat/file.h"
#include "pleat/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The entries of an array. */
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Fails, with the error's message, unless `call` succeeds. */
#define OK(call) assert_ok((call), __FILE__, __LINE__)

/* Fails unless `call` gives `status`, with a message that holds `text`. */
#define REFUSED(call, status, text) assert_refused((call), (status), (text), __FILE__, __LINE__)

/* Fails unless the last error's message holds `text`. */
#define TOLD(text) assert_told((text), __FILE__, __LINE__)

void assert_ok(pleat_status got, const char *file, int line);
void assert_refused(pleat_status got, pleat_status wanted, const char *text, const char *file,
                    int line);
void assert_told(const char *text, const char *file, int line);

/* Fails unless in the line of `text` that begins with `row` a cell begins below each one of the
 * line that begins with `head`: two blanks or more are between cells. */
void assert_columns(const char *text, const char *head, const char *row);

/*
 * The folder of this program, below TMPDIR or /tmp: made and removed as a group's or a test's setup
 * and teardown, or by hand with NULL. One at a time. The log is quiet from then on.
 */
extern char root[PLEAT_PATH_BYTES];

int make_root(void **state);
int remove_root(void **state);

/* ROOT/NAME in `out`, or where that is NULL in a text that lasts until the next such call. */
const char *in_root(char out[PLEAT_PATH_BYTES], const char *name);

#endif /* PLEAT_TESTS_SUPPORT_H */
