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

static const char *line_of(const char *text, const char *begin) {
    const size_t n = strlen(begin);
    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        if (*at == '\n') at++;
        if (strncmp(at, begin, n) == 0) return at;
    }
    fail_msg("no line '%s' in:\n%s", begin, text);
    return text;
}

void assert_columns(const char *text, const char *head, const char *row) {
    const char *names = line_of(text, head), *cells = line_of(text, row);
    const size_t n = strcspn(names, "\n"), m = strcspn(cells, "\n");
    for (size_t i = strspn(names, " "); i < n; i++) {
        if (i < 2 || names[i] == ' ' || names[i - 1] != ' ' || names[i - 2] != ' ') continue;
        if (i >= m || cells[i] == ' ' || cells[i - 1] != ' ' || cells[i - 2] != ' ')
            fail_msg("no cell at %zu of:\n%.*s\n%.*s", i, (int)n, names, (int)m, cells);
    }
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
