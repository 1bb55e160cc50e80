/* support.c - what every test program shares: checks of a status, a folder of the program's own. */
#include "support.h"

#include "pleat/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char root[PLEAT_PATH_BYTES];

void assert_ok(pleat_status got, const char *file, int line) {
    if (got == PLEAT_OK) return;
    print_error("%s: %s\n", pleat_status_name(got), pleat_error_message());
    _fail(file, line);
}

void assert_refused(pleat_status got, pleat_status wanted, const char *text, const char *file,
                    int line) {
    if (got != wanted) {
        print_error("%s, not %s: %s\n", pleat_status_name(got), pleat_status_name(wanted),
                    pleat_error_message());
        _fail(file, line);
    }
    assert_told(text, file, line);
}

void assert_told(const char *text, const char *file, int line) {
    if (strstr(pleat_error_message(), text) != NULL) return;
    print_error("no '%s' in the message '%s'\n", text, pleat_error_message());
    _fail(file, line);
}

int make_root(void **state) {
    (void)state;
    pleat_log_set_level(PLEAT_QUIET);
    const char *temporary = getenv("TMPDIR");
    (void)snprintf(root, sizeof root, "%s/pleat-test-XXXXXX",
                   temporary != NULL ? temporary : "/tmp");
    return mkdtemp(root) == NULL;
}

int remove_root(void **state) {
    (void)state;
    char command[PLEAT_PATH_BYTES + 16];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

const char *in_root(char out[PLEAT_PATH_BYTES], const char *name) {
    static char shared[PLEAT_PATH_BYTES];
    char *path = out != NULL ? out : shared;
    OK(pleat_path(path, PLEAT_PATH_BYTES, "%s/%s", root, name));
    return path;
}
