/* warn.c - the warnings of this process, each kept once. */
#include "pleat/warn.h"

#include "pleat/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 2048 };

/* Part of the log, so with it the only state the program keeps. */
static struct {
    char **text; /* [n], owned */
    int n, said;
    int quiet;
} kept;

static int is_kept(const char *text) {
    for (int i = 0; i < kept.n; i++)
        if (strcmp(kept.text[i], text) == 0) return 1;
    return 0;
}

/* Without memory the warning is said and not kept. */
static void keep(const char *text) {
    char **more = realloc(kept.text, ((size_t)kept.n + 1) * sizeof *more);
    if (more == NULL) return;
    kept.text = more;
    more[kept.n] = strdup(text);
    kept.n += more[kept.n] != NULL;
}

void pleat_warn(const char *format, ...) {
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\n') *c = ' ';
    if (is_kept(text)) return;
    keep(text);
    if (kept.quiet) return;
    kept.said++;
    pleat_log(PLEAT_INFO, "warning: %s", text);
}

void pleat_warn_to_file(void) {
    char line[TEXT_BYTES + 16];
    for (int i = 0; i < kept.n; i++) {
        (void)snprintf(line, sizeof line, "warning: %s", kept.text[i]);
        pleat_log_to_file(line);
    }
}

void pleat_warn_quiet(int quiet) { kept.quiet = quiet; }

void pleat_warn_before(const char *text) {
    if (!is_kept(text)) keep(text);
}

int pleat_warn_count(void) { return kept.n; }
const char *pleat_warn_text(int i) { return kept.text[i]; }
int pleat_warn_said(void) { return kept.said; }

void pleat_warn_forget_from(int n) {
    while (kept.n > n) free(kept.text[--kept.n]);
}

void pleat_warn_forget(void) {
    pleat_warn_forget_from(0);
    free(kept.text);
    kept.text = NULL;
}

void pleat_warn_list(char *list, size_t size, const char *name) {
    static const char *const gap = ", ", *const rest = ", ...";
    const size_t used = strlen(list), need = strlen(name) + (used > 0 ? strlen(gap) : 0);
    if (used >= strlen(rest) && strcmp(list + used - strlen(rest), rest) == 0) return;
    const int fits = used + need + strlen(rest) < size;
    (void)snprintf(list + used, size - used, "%s%s", fits && used > 0 ? gap : "",
                   fits ? name : rest);
}
