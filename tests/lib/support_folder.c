/* support_folder.c - a folder of a test program's own, there while its group of tests runs. */
#include "support_folder.h"

#include "pleat/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char root[] = "/tmp/pleat-test-XXXXXX";

int make_root(void **state) {
    (void)state;
    pleat_log_set_level(PLEAT_QUIET);
    return mkdtemp(root) == NULL;
}

int remove_root(void **state) {
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

const char *in_root(char out[PLEAT_PATH_BYTES], const char *name) {
    static char shared[PLEAT_PATH_BYTES];
    char *path = out != NULL ? out : shared;
    assert_int_equal(pleat_path(path, PLEAT_PATH_BYTES, "%s/%s", root, name), PLEAT_OK);
    return path;
}

void assert_told(const char *wanted) {
    if (strstr(pleat_error_message(), wanted) == NULL)
        fail_msg("'%s' lacks '%s'", pleat_error_message(), wanted);
}
