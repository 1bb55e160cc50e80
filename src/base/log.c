/* log.c - time-stamped lines, a progress line, a clock. */
#include "pleat/log.h"

#include "pleat/file.h"
#include "pleat/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 8192 /* of a line; what is longer is cut */

/* The log's level and file are, with the error message, the only state the program keeps. */
static pleat_log_level log_level = PLEAT_INFO;
static FILE *log_file;
static int log_echo = 1;

static struct {
    const char *what;
    size_t first; /* that was done when it began */
    double start_s, shown_s;
} progress;
static struct {
    int shown;
    double at_s;
} bar;

void pleat_log_set_level(pleat_log_level level) { log_level = level; }
pleat_log_level pleat_log_level_get(void) { return log_level; }

double pleat_now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void pleat_time_text(char out[32]) {
    const time_t now = time(NULL);
    struct tm local;
    (void)localtime_r(&now, &local);
    (void)strftime(out, 32, "%Y-%m-%dT%H:%M:%S%z", &local);
}

pleat_status pleat_log_open(const char *path, int echo) {
    if (log_file != NULL) (void)fclose(log_file);
    log_file = NULL;
    log_echo = echo;
    if (path == NULL) return PLEAT_OK;
    int fd = -1;
    PLEAT_TRY(pleat_file_append(path, &fd));
    log_file = fdopen(fd, "a");
    if (log_file == NULL) (void)close(fd);
    PLEAT_CHECK(log_file != NULL, PLEAT_ERR_IO, "cannot write the log '%s': %s", path,
                strerror(errno));
    (void)setvbuf(log_file, NULL, _IOLBF, 0);
    return PLEAT_OK;
}

int pleat_log_echoes(void) { return log_echo && log_level >= PLEAT_INFO; }

static void put(FILE *file, const char *stamp, const char *line) {
    (void)fprintf(file, "%.19s  ", stamp); /* without the zone */
    pleat_text_put(file, line);
    (void)fputc('\n', file);
}

/* A line of the log begins where the bar was. */
static void clear_bar(void) {
    if (bar.shown) (void)fputs("\r\033[K", stderr);
    bar.shown = 0;
}

void pleat_log(pleat_log_level level, const char *format, ...) {
    if (level > log_level) return;
    char stamp[32], line[LINE_BYTES];
    pleat_time_text(stamp);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (log_file != NULL) put(log_file, stamp, line);
    if (!log_echo) return;
    clear_bar();
    put(stderr, stamp, line);
}

void pleat_log_error(const char *text) {
    char stamp[32];
    if (log_file == NULL) return;
    pleat_time_text(stamp);
    put(log_file, stamp, text);
}

void pleat_progress_anew(void) { progress.what = NULL; }

void pleat_progress(const char *what, size_t done, size_t total, const char *detail) {
    if (!pleat_log_echoes()) return;
    const double now = pleat_now();
    if (progress.what == NULL || strcmp(progress.what, what) != 0 || done == 0) {
        progress.what = what;
        progress.first = done;
        progress.start_s = progress.shown_s = now;
    }
    const int terminal = isatty(STDERR_FILENO);
    const int last = done == total;
    if (!last && now - progress.shown_s < (terminal ? 0.2 : 10.0)) return;
    progress.shown_s = now;
    const double made = (double)(done - progress.first);
    const double left = made > 0.0 ? (now - progress.start_s) * (double)(total - done) / made : 0.0;
    const char *blank = detail[0] != '\0' ? " " : "";
    char shown[256]; /* a case's name */
    pleat_text_show(detail, shown, sizeof shown);
    bar.shown = terminal && !last; /* the next line of the log takes its place */
    if (terminal)
        (void)fprintf(stderr, "\r\033[K%s %zu/%zu%s%s, %.0f s left%s", what, done, total, blank,
                      shown, left, last ? "\n" : "");
    else
        pleat_log(PLEAT_INFO, "%s %zu/%zu%s%s, %.0f s left", what, done, total, blank, detail,
                  left);
}

void pleat_bar(const char *what, size_t done, size_t total) {
    enum { WIDTH = 40 };
    const double now = pleat_now();
    if (!pleat_log_echoes() || now - bar.at_s < 0.1 || !isatty(STDERR_FILENO)) return;
    bar.at_s = now;
    bar.shown = 1;
    const int filled = total == 0 ? WIDTH : (int)(WIDTH * done / total);
    (void)fprintf(stderr, "\r\033[K%s [%.*s%*s] %zu/%zu", what, filled,
                  "########################################", WIDTH - filled, "", done, total);
}
