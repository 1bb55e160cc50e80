/* log.c - time-stamped lines, progress, a block of lines that stays below them, a clock. */
#include "pleat/log.h"

#include "pleat/file.h"
#include "pleat/terminal.h"
#include "pleat/text.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES  8192  /* of a line; what is longer is cut */
#define BLOCK_BYTES 32768 /* of a block */

/* The log's state is, with the error message, the only one that the program keeps. Threads log too:
 * `mutex` is held for a line. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pleat_log_level log_level = PLEAT_INFO;
static FILE *log_file;
static int log_echo = 1;

static struct {
    const char *what;
    size_t first; /* that was done when it began */
    double start_s, shown_s;
    void (*sink)(void *context, const char *what, size_t done, size_t total, double left_s);
    void *context;
} progress;

static char block[BLOCK_BYTES];    /* as it stands on the terminal; "": none */
static int block_is_bar;           /* the next line of the log takes its place */
static volatile sig_atomic_t lost; /* something else was written below it */

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

/* --- a block of lines ------------------------------------------------------------------------- */

/* Where the block was the next text begins. Text and block go in one write each, so that other
 * processes' lines come between them and not within. */
static size_t erase(char *out, size_t size) {
    pleat_terminal terminal;
    out[0] = '\0';
    if (block[0] == '\0' || lost) return 0;
    (void)pleat_terminal_look(&terminal);
    const int rows = pleat_terminal_rows(block, terminal.columns);
    return (size_t)snprintf(out, size, "\033[%dA\r\033[J", rows);
}

static void set_block(const char *text, int is_bar) {
    char all[BLOCK_BYTES + 32];
    (void)pthread_mutex_lock(&mutex);
    const size_t used = erase(all, sizeof all);
    lost = 0;
    block_is_bar = is_bar;
    (void)snprintf(block, sizeof block, "%s", text);
    (void)snprintf(all + used, sizeof all - used, "%s", block);
    (void)fputs(all, stderr);
    (void)pthread_mutex_unlock(&mutex);
}

void pleat_log_block(const char *text) { set_block(text, 0); }

void pleat_log_block_lost(void) { lost = 1; }

/* --- lines ------------------------------------------------------------------------------------ */

static void put(FILE *file, const char *stamp, const char *line) {
    char shown[2 * LINE_BYTES], all[sizeof shown + BLOCK_BYTES + 64], up[32];
    pleat_text_show(line, shown, sizeof shown);
    const int live = file == stderr && block[0] != '\0';
    up[0] = '\0';
    if (live) (void)erase(up, sizeof up);
    if (live) lost = 0;
    if (live && block_is_bar) block[0] = '\0';
    (void)snprintf(all, sizeof all, "%s%.19s  %s\n%s", up, stamp, shown,
                   live ? block : ""); /* the stamp without the zone */
    (void)fputs(all, file);
}

void pleat_log(pleat_log_level level, const char *format, ...) {
    if (level > log_level) return;
    char stamp[32], line[LINE_BYTES];
    pleat_time_text(stamp);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)pthread_mutex_lock(&mutex);
    if (log_file != NULL) put(log_file, stamp, line);
    if (log_echo) put(stderr, stamp, line);
    (void)pthread_mutex_unlock(&mutex);
}

void pleat_log_to_file(const char *text) {
    char stamp[32];
    if (log_file == NULL) return;
    pleat_time_text(stamp);
    (void)pthread_mutex_lock(&mutex);
    put(log_file, stamp, text);
    (void)pthread_mutex_unlock(&mutex);
}

/* --- progress --------------------------------------------------------------------------------- */

const char *pleat_duration(double seconds, char out[PLEAT_DURATION_BYTES]) {
    const double minutes = floor(seconds / 60.0), hours = floor(seconds / 3600.0);
    if (seconds < 0.0 || !isfinite(seconds))
        (void)snprintf(out, PLEAT_DURATION_BYTES, "?");
    else if (seconds < 119.5) /* then in whole minutes, rounded down */
        (void)snprintf(out, PLEAT_DURATION_BYTES, "%.0f s", seconds);
    else if (minutes < 60)
        (void)snprintf(out, PLEAT_DURATION_BYTES, "%.0f min", minutes);
    else if (hours < 48)
        (void)snprintf(out, PLEAT_DURATION_BYTES, "%.0f h %02.0f min", hours,
                       minutes - 60.0 * hours);
    else
        (void)snprintf(out, PLEAT_DURATION_BYTES, "%.0f d %.0f h", floor(hours / 24.0),
                       hours - 24.0 * floor(hours / 24.0));
    return out;
}

void pleat_progress_to(void (*sink)(void *context, const char *what, size_t done, size_t total,
                                    double left_s),
                       void *context) {
    progress.sink = sink;
    progress.context = context;
}

void pleat_progress_anew(void) { progress.what = NULL; }

void pleat_progress(const char *what, size_t done, size_t total, const char *detail) {
    enum { WIDTH = 30 };
    pleat_terminal terminal;
    char bar[WIDTH + 1], line[512], left[PLEAT_DURATION_BYTES], shown[256];
    const double now = pleat_now();
    if (progress.what == NULL || strcmp(progress.what, what) != 0 || done == 0) {
        progress.what = what;
        progress.first = done;
        progress.start_s = progress.shown_s = now;
    }
    const double made = (double)(done - progress.first);
    const double left_s =
        made > 0.0 ? (now - progress.start_s) * (double)(total - done) / made : -1.0;
    if (progress.sink != NULL) progress.sink(progress.context, what, done, total, left_s);
    const int live = pleat_terminal_look(&terminal), last = done == total;
    if (!pleat_log_echoes()) return;
    if (last) {
        pleat_log(PLEAT_INFO, "%s %zu/%zu in %s", what, done, total,
                  pleat_duration(now - progress.start_s, left));
        return;
    }
    if (done > 0 && now - progress.shown_s < (live ? 0.2 : 10.0)) return;
    if (done == 0 && !live) return;
    progress.shown_s = now;
    (void)pleat_duration(left_s, left);
    if (!live) {
        pleat_log(PLEAT_INFO, "%s %zu/%zu %s, %s left", what, done, total, detail, left);
        return;
    }
    memset(bar, ' ', WIDTH);
    memset(bar, '#', done < total ? WIDTH * done / total : WIDTH);
    bar[WIDTH] = '\0';
    pleat_text_show(detail, shown, sizeof shown);
    const int n = snprintf(line, sizeof line, "%s [%s] %zu/%zu  %s left  %s", what, bar, done,
                           total, left, shown);
    const int most = terminal.columns < 500 ? terminal.columns - 1 : 499;
    (void)snprintf(line + (n < most ? n : most), 2, "\n");
    set_block(line, 1);
}
