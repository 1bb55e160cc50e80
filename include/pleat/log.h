/*
 * log.h - what pleat says while it works. Everything goes to stderr; results go to stdout. Any
 * thread may log.
 *
 * Rank 0 speaks on the terminal; other ranks write to log/rank-NNNN.log of the run once
 * pleat_log_open has named it. Errors travel as pleat_status; the session prints the one that ends
 * the job.
 */
#ifndef PLEAT_LOG_H
#define PLEAT_LOG_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pleat_log_level { PLEAT_QUIET = 0, PLEAT_INFO = 1, PLEAT_DEBUG = 2 } pleat_log_level;

void pleat_log_set_level(pleat_log_level level);
pleat_log_level pleat_log_level_get(void);

/* This process's lines go to `path` (appended) and, when `echo`, to stderr too. NULL closes it. */
pleat_status pleat_log_open(const char *path, int echo);

/* 1 where progress goes to stderr: on one rank, and not with -q. */
int pleat_log_echoes(void);

/* One line, with an ISO time stamp in front. */
void pleat_log(pleat_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line into this process's file alone, whatever the level: the error that ends it, because nobody
 * may read stderr, or a launcher lose it; what was said before there was a file. */
void pleat_log_to_file(const char *text);

/* How far work is that goes item by item: "prep 3/20 case_007, 12 s left". On a terminal
 * (pleat/terminal.h) a bar that is redrawn, elsewhere a line at most every ten seconds; a line at
 * the end. Silent unless this process echoes to stderr. `what` must stay. */
void pleat_progress(const char *what, size_t done, size_t total, const char *detail);
/* The next progress begins with what is done by then: the time left is told by what follows. */
void pleat_progress_anew(void);
/* Who else hears of it, whether it is shown or not; NULL: nobody. left_s < 0: not known yet. */
void pleat_progress_to(void (*sink)(void *context, const char *what, size_t done, size_t total,
                                    double left_s),
                       void *context);

/* Lines, each with its end, that stay below the log on a terminal until the next such text takes
 * their place; "": none. For a process that echoes, where pleat_terminal_look says so. */
void pleat_log_block(const char *text);
/* Something else was written below the block: it stays where it is. A signal handler may call
 * it. */
void pleat_log_block_lost(void);

/* "8 s", "12 min", "1 h 20 min", "2 d 3 h"; "?" below 0. Returns `out`. */
#define PLEAT_DURATION_BYTES 32
const char *pleat_duration(double seconds, char out[PLEAT_DURATION_BYTES]);

/* Seconds of a clock that never goes back. */
double pleat_now(void);

/* The time of day here, ISO 8601: "2026-01-31T12:00:00+0100". */
void pleat_time_text(char out[32]);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LOG_H */
