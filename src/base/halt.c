/* halt.c - flags that signal handlers set, and two limits of time. */
#include "pleat/halt.h"

#include "pleat/log.h"
#include "pleat/terminal.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define REPEAT_S     1.0  /* signals that come sooner again are one */
#define JOB_MARGIN_S 30.0 /* batch systems end jobs early rather than late */

static const struct {
    const char *name;
    pleat_status status;
} reasons[PLEAT_HALTS] = {
    [PLEAT_HALT_NONE] = {"nothing", PLEAT_OK},
    [PLEAT_HALT_SAVE] = {"SIGCONT", PLEAT_OK},
    [PLEAT_HALT_FILE] = {"the file STOP", PLEAT_OK},
    [PLEAT_HALT_USR1] = {"SIGUSR1", PLEAT_ERR_REQUEUE},
    [PLEAT_HALT_USR2] = {"SIGUSR2", PLEAT_ERR_REQUEUE},
    [PLEAT_HALT_TIME] = {"--max-time", PLEAT_ERR_REQUEUE},
    [PLEAT_HALT_JOB] = {"the job's time limit", PLEAT_ERR_REQUEUE},
    [PLEAT_HALT_CPU] = {"SIGXCPU, the limit of CPU time", PLEAT_ERR_REQUEUE},
    [PLEAT_HALT_PIPE] = {"SIGPIPE, nobody reads the output", PLEAT_ERR_REQUEUE},
    [PLEAT_HALT_HUP] = {"SIGHUP", PLEAT_ERR_REQUEUE},
    [PLEAT_HALT_TERM] = {"SIGTERM", PLEAT_ERR_REQUEUE},
    [PLEAT_HALT_INT] = {"SIGINT", PLEAT_ERR_INTERRUPTED},
};

static const struct {
    int number;
    pleat_halt why;
    int optional; /* stays ignored where it is */
} signals[] = {{SIGCONT, PLEAT_HALT_SAVE, 0}, {SIGUSR1, PLEAT_HALT_USR1, 0},
               {SIGUSR2, PLEAT_HALT_USR2, 0}, {SIGPIPE, PLEAT_HALT_PIPE, 1},
               {SIGHUP, PLEAT_HALT_HUP, 1},   {SIGTERM, PLEAT_HALT_TERM, 0},
               {SIGINT, PLEAT_HALT_INT, 0},   {SIGXCPU, PLEAT_HALT_CPU, 0}};

/* A handler has no argument of ours: these are the process's, as its signals are. */
static volatile sig_atomic_t asked[PLEAT_HALTS];
static volatile double asked_s;    /* pleat_now() of the first SIGTERM or SIGINT */
static double limits[PLEAT_HALTS]; /* pleat_now() of the ends; 0 none */
static struct {
    int on_terminal; /* where a table or a bar may stand above */
    char text[2][64];
    volatile sig_atomic_t which; /* 0 none yet, else text[which - 1] */
} answers;
static char resumes[4096];

const char *pleat_halt_name(pleat_halt why) { return reasons[why].name; }
pleat_status pleat_halt_status(pleat_halt why) { return reasons[why].status; }

/* "SIGINT: stopping after this step, about 8 s; press again to stop now", by calls that a handler
 * may make. */
static void answer(pleat_halt why) {
    if (answers.which == 0) return;
    const char *const parts[] = {answers.on_terminal ? "\n" : "", reasons[why].name,
                                 why == PLEAT_HALT_SAVE ? ": saving" : ": stopping",
                                 answers.text[answers.which - 1],
                                 why == PLEAT_HALT_INT    ? "; press again to stop now\n"
                                 : why == PLEAT_HALT_TERM ? "; again to stop now\n"
                                                          : "\n"};
    char line[256];
    size_t n = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const char *c = parts[i]; *c != '\0' && n < sizeof line; c++) line[n++] = *c;
    pleat_log_block_lost();
    if (write(STDERR_FILENO, line, n) < 0) return; /* nobody reads it */
}

static void on_signal(int number) {
    const int saved = errno;
    pleat_halt why = PLEAT_HALT_NONE;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (signals[i].number == number) why = signals[i].why;
    if (why >= PLEAT_HALT_TERM) {
        const int first = !asked[PLEAT_HALT_TERM] && !asked[PLEAT_HALT_INT];
        if (!first && pleat_now() - asked_s >= REPEAT_S) _exit(128 + number);
        if (first) asked_s = pleat_now();
    }
    const int answered = why != PLEAT_HALT_PIPE && why != PLEAT_HALT_HUP; /* who has a reader */
    int stronger = 0;
    for (int other = why; other < PLEAT_HALTS; other++) stronger |= asked[other];
    if (!stronger && answered) answer(why);
    asked[why] = 1;
    errno = saved;
}

static int is_ignored(int number) {
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void pleat_halt_catch(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (!signals[i].optional || !is_ignored(signals[i].number))
            (void)sigaction(signals[i].number, &action, NULL);
    (void)signal(SIGXFSZ, SIG_IGN); /* the write that is too much fails, and can be told */
}

void pleat_halt_pace(const char *unit, double seconds) {
    char about[32] = "";
    if (!pleat_log_echoes()) return;
    if (seconds >= 1.0) (void)snprintf(about, sizeof about, ", about %.0f s", seconds);
    pleat_terminal terminal;
    answers.on_terminal = pleat_terminal_look(&terminal);
    const int next = answers.which == 1 ? 2 : 1; /* a handler may be reading the other */
    (void)snprintf(answers.text[next - 1], sizeof answers.text[0], " after this %s%s", unit, about);
    answers.which = next;
}

void pleat_halt_resumes(const char *command) {
    (void)snprintf(resumes, sizeof resumes, "%s", command);
}

const char *pleat_halt_command(void) { return resumes; }

void pleat_halt_after(pleat_halt why, double seconds) { limits[why] = pleat_now() + seconds; }

void pleat_halt_after_job(void) {
    const char *text = getenv("SLURM_JOB_END_TIME");
    if (text == NULL) return;
    const double left = strtod(text, NULL) - (double)time(NULL);
    if (left > 0.0) pleat_halt_after(PLEAT_HALT_JOB, left - JOB_MARGIN_S); /* else of another job */
}

/* A whole number 0 .. most at *at, which is moved behind it. */
static int take_whole(const char **at, long most, long *out) {
    char *end = NULL;
    errno = 0;
    *out = strtol(*at, &end, 10);
    const int good = isdigit((unsigned char)**at) && errno == 0 && *out <= most;
    *at = end;
    return good;
}

pleat_status pleat_halt_parse(const char *option, const char *text, double *seconds) {
    long h = 0, m = 0, s = 0;
    const char *at = text;
    int good = take_whole(&at, LONG_MAX, &s);
    if (good && *at == ':') {
        h = s;
        good = *at++ == ':' && take_whole(&at, 59, &m) && *at++ == ':' && take_whole(&at, 59, &s);
    }
    PLEAT_CHECK(good && *at == '\0' && h < 1000000 && h + m + s > 0, PLEAT_ERR_ARG,
                "%s '%s': must be seconds above 0, or HH:MM:SS", option, text);
    *seconds = (double)h * 3600.0 + (double)m * 60.0 + (double)s;
    return PLEAT_OK;
}

int pleat_halt_warned(void) { return asked[PLEAT_HALT_SAVE] != 0; }

void pleat_halt_ask(pleat_halt why) { asked[why] = 1; }

pleat_halt pleat_halt_look(double reserve_s) {
    pleat_halt found = PLEAT_HALT_NONE;
    for (int why = PLEAT_HALT_SAVE; why < PLEAT_HALTS; why++) {
        if (limits[why] > 0.0 && limits[why] - pleat_now() < reserve_s) asked[why] = 1;
        if (asked[why]) found = (pleat_halt)why;
    }
    asked[PLEAT_HALT_SAVE] = 0;
    return found;
}
