/* terminal.c - finds the terminal, also behind mpirun, and measures text on it. */
#include "pleat/terminal.h"

#include "pleat/text.h"

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define MOST_WORDS 256 /* of a launcher's command */

static pleat_live live = PLEAT_LIVE_AUTO;

static const char *const launchers[] = {"mpirun", "mpiexec", "orterun", "prterun"};

void pleat_terminal_live(pleat_live how) { live = how; }

/* --- the launcher --------------------------------------------------------------------------- */

/* The words of the command of this process's parent: text[size], a 0 byte after each. */
static size_t parents_command(char *text, size_t size) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)getppid());
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < size - 1; n += (size_t)(got > 0 ? got : 0))
        got = read(fd, text + n, size - 1 - n);
    (void)close(fd);
    text[n] = '\0';
    return n;
}

/* "mpirun" of "/usr/bin/mpirun.openmpi" */
static int is_launcher(const char *word) {
    const char *slash = strrchr(word, '/'), *name = slash != NULL ? slash + 1 : word;
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const size_t n = strlen(launchers[i]);
        if (strncmp(name, launchers[i], n) == 0 && (name[n] == '\0' || name[n] == '.')) return 1;
    }
    return 0;
}

static int is_plain(const char *word) {
    for (const char *c = word; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("_@%+=:,./-", *c) == NULL) return 0;
    return word[0] != '\0';
}

static size_t add(char *out, size_t size, size_t used, const char *text) {
    const size_t n = strlen(text);
    if (used + n >= size) return used;
    memcpy(out + used, text, n + 1);
    return used + n;
}

/* POSIX: all between two ' is itself. */
static size_t add_word(char *out, size_t size, size_t used, const char *word) {
    if (is_plain(word)) return add(out, size, used, word);
    used = add(out, size, used, "'");
    for (const char *c = word; *c != '\0'; c++) {
        const char one[2] = {*c, '\0'};
        used = add(out, size, used, *c == '\'' ? "'\\''" : one);
    }
    return add(out, size, used, "'");
}

void pleat_terminal_command(const char *const *argv, int n, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        if (i > 0) used = add(out, size, used, " ");
        used = add_word(out, size, used, argv[i]);
    }
}

int pleat_terminal_launcher(char *out, size_t size) {
    char text[8192];
    const char *words[MOST_WORDS];
    const size_t n = parents_command(text, sizeof text);
    int found = 0;
    out[0] = '\0';
    if (n == 0 || !is_launcher(text)) return 0;
    for (const char *at = text; at < text + n && found < MOST_WORDS; at += strlen(at) + 1)
        words[found++] = at;
    pleat_terminal_command(words, found, out, size);
    return 1;
}

/* --- the terminal --------------------------------------------------------------------------- */

static int behind = -1; /* the terminal of the launcher, as a file; -1: it has none */
static pthread_once_t looked = PTHREAD_ONCE_INIT;

static void look_behind(void) {
    char text[256], path[64];
    if (parents_command(text, sizeof text) == 0 || !is_launcher(text)) return;
    (void)snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getppid(), STDERR_FILENO);
    const int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return;
    if (isatty(fd))
        behind = fd;
    else
        (void)close(fd);
}

/* A terminal as a file, -1: none; and the process group whose it must be now. */
static int find(pid_t *group) {
    *group = getpgrp();
    if (isatty(STDERR_FILENO)) return STDERR_FILENO;
    (void)pthread_once(&looked, look_behind);
    if (behind >= 0) *group = getpgid(getppid());
    return behind;
}

static int from_environment(const char *name, int otherwise) {
    const char *text = getenv(name);
    const long value = text != NULL ? strtol(text, NULL, 10) : 0;
    return value > 0 && value < 10000 ? (int)value : otherwise;
}

static int speaks_unicode(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = getenv(names[i]);
        if (text == NULL || text[0] == '\0') continue;
        return strstr(text, "UTF-8") != NULL || strstr(text, "utf8") != NULL ||
               strstr(text, "UTF8") != NULL || strstr(text, "utf-8") != NULL;
    }
    return 0;
}

int pleat_terminal_look(pleat_terminal *out) {
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    struct winsize size = {0};
    pid_t group = -1;
    *out = (pleat_terminal){.columns = from_environment("COLUMNS", 80),
                            .rows = from_environment("LINES", 24),
                            .unicode = speaks_unicode()};
    const int dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
    if (live == PLEAT_LIVE_NEVER || (dumb && live == PLEAT_LIVE_AUTO)) return 0;
    const int fd = find(&group);
    if (fd < 0 && live == PLEAT_LIVE_AUTO) return 0;
    out->colour = !dumb && (no_colour == NULL || no_colour[0] == '\0');
    if (fd < 0) return 1;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        out->columns = size.ws_col;
        out->rows = size.ws_row;
    }
    const pid_t front = tcgetpgrp(fd); /* fails where it is not this session's terminal */
    return live == PLEAT_LIVE_ALWAYS || front < 0 || front == group;
}

int pleat_terminal_width(int fd) {
    struct winsize size = {0};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int pleat_terminal_columns(int fd) {
    const int width = pleat_terminal_width(fd);
    return width > 0 ? width : 80;
}

void pleat_terminal_print(FILE *out, int indent, int otherwise, const char *format, ...) {
    char text[4096];
    const int wide = pleat_terminal_width(fileno(out));
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fprintf(out, "%*s", indent, "");
    if (wide > 0 || otherwise > 0)
        pleat_text_wrap(out, text, indent, wide > 0 ? wide + 1 : otherwise);
    else
        (void)fprintf(out, "%s\n", text);
}

int pleat_terminal_rows(const char *text, int columns) {
    int rows = 0, wide = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\033' && c[1] == '[') {
            for (c += 2; *c != '\0' && !isalpha((unsigned char)*c);) c++;
            if (*c == '\0') break;
        } else if (*c == '\n') {
            rows += columns > 0 && wide > columns ? (wide + columns - 1) / columns : 1;
            wide = 0;
        } else if (((unsigned char)*c & 0xc0) != 0x80) {
            wide++;
        }
    }
    return rows;
}
