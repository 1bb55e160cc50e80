/* warn.c - the warnings of this process, each kept once. */
#include "pleat/warn.h"

#include "pleat/file.h"
#include "pleat/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 2048 };

enum { BUCKETS = 4096 };

typedef struct warning {
    char *text; /* owned */
    int next;   /* 1 + the one before in its bucket; 0: none */
} warning;

/* Part of the log, so with it the only state the program keeps. */
static struct {
    warning *of; /* [n], owned */
    int n, said;
    int quiet;
    int last[BUCKETS]; /* 1 + the last of those whose texts have this digest; 0: none */
} kept;

static int *bucket_of(const char *text) {
    return &kept.last[pleat_digest(0, text, strlen(text)) % BUCKETS];
}

static int is_kept(const char *text) {
    for (int i = *bucket_of(text); i > 0; i = kept.of[i - 1].next)
        if (strcmp(kept.of[i - 1].text, text) == 0) return 1;
    return 0;
}

/* Without memory the warning is said and not kept. */
static void keep(const char *text) {
    warning *more = realloc(kept.of, ((size_t)kept.n + 1) * sizeof *more);
    int *bucket = bucket_of(text);
    if (more == NULL) return;
    kept.of = more;
    more[kept.n] = (warning){strdup(text), *bucket};
    if (more[kept.n].text != NULL) *bucket = ++kept.n;
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
        (void)snprintf(line, sizeof line, "warning: %s", kept.of[i].text);
        pleat_log_to_file(line);
    }
}

void pleat_warn_quiet(int quiet) { kept.quiet = quiet; }

void pleat_warn_before(const char *text) {
    if (!is_kept(text)) keep(text);
}

int pleat_warn_count(void) { return kept.n; }
const char *pleat_warn_text(int i) { return kept.of[i].text; }
int pleat_warn_said(void) { return kept.said; }

void pleat_warn_forget_from(int n) {
    for (; kept.n > n; kept.n--) { /* the last is the last of its bucket */
        warning *last = &kept.of[kept.n - 1];
        *bucket_of(last->text) = last->next;
        free(last->text);
    }
}

void pleat_warn_forget(void) {
    pleat_warn_forget_from(0);
    free(kept.of);
    kept.of = NULL;
}

void pleat_warn_list(char *list, size_t size, const char *name) {
    static const char *const gap = ", ", *const rest = ", ...";
    const size_t used = strlen(list), need = strlen(name) + (used > 0 ? strlen(gap) : 0);
    if (used >= strlen(rest) && strcmp(list + used - strlen(rest), rest) == 0) return;
    const int fits = used + need + strlen(rest) < size;
    (void)snprintf(list + used, size - used, "%s%s", fits && used > 0 ? gap : "",
                   fits ? name : rest);
}
