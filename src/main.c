/* main.c - one binary; the verb decides. Results on stdout, all else on stderr. */
#include "app/app.h"
#include "app/help.h"
#include "app/info.h"

#include "pleat/commit.h"
#include "pleat/halt.h"
#include "pleat/log.h"
#include "pleat/terminal.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void usage(FILE *out) {
    const int wide = pleat_terminal_width(fileno(out));
    (void)fprintf(out,
                  "pleat %s - trains and evaluates 3-D U-Nets by cross-validation\n\n"
                  "usage: pleat VERB [options]      pleat help VERB\n\n",
                  pleat_commit_version);
    for (const verb *v = verbs; v->name != NULL; v++) {
        (void)fprintf(out, "  %-8s ", v->name);
        pleat_text_wrap(out, v->what, 11, wide > 0 ? wide + 1 : INT_MAX);
    }
    (void)fprintf(out, "\n  %-8s %s\n  %-8s %s\n  %-8s %s\n", "help", "this, or that of a verb",
                  "version", "the version", "-v, -q", "say more, say less");
}

/* Who is told to repeat the command gets that of the launcher, where there is one. */
static void remember_command(app *a, int argc, char **argv) {
    char whole[4096];
    pleat_terminal_command((const char *const *)argv, argc, a->command, sizeof a->command);
    pleat_halt_resumes(pleat_terminal_launcher(whole, sizeof whole) ? whole : a->command);
}

static int is_one_of(const char *word, const char *a, const char *b, const char *c) {
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static pleat_status help_of(app *a, char *asked) {
    char ask[] = "--help", *argv[] = {asked, ask, NULL};
    const int root = a->session->rank == 0;
    if (asked == NULL || is_one_of(asked, "help", "version", "--help")) {
        if (root) usage(stdout);
        return PLEAT_OK;
    }
    for (const help_form *form = help_forms; form->name != NULL; form++)
        if (strcmp(form->name, asked) == 0) return root ? form->print(a) : PLEAT_OK;
    const verb *v = verb_find(asked);
    return v != NULL ? v->run(a, v, 2, argv) : verb_unknown(asked);
}

static pleat_status version(const app *a, const char *asked) {
    const int json = asked != NULL && strcmp(asked, "--json") == 0;
    PLEAT_CHECK(asked == NULL || json, PLEAT_ERR_ARG,
                "version takes --json and no other argument, not '%s'", asked);
    if (a->session->rank != 0) return PLEAT_OK;
    if (json)
        info_version();
    else
        (void)printf("pleat %s%s%s\n", pleat_commit_version,
                     pleat_commit[0] != '\0' ? ", commit " : "", pleat_commit);
    return PLEAT_OK;
}

static pleat_status dispatch(app *a, int argc, char **argv) {
    int i = 1;
    for (; i < argc && (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "-q") == 0); i++)
        pleat_log_set_level(argv[i][1] == 'v' ? PLEAT_DEBUG : PLEAT_QUIET);
    if (i == argc) {
        if (a->session->rank == 0) usage(stderr);
        return PLEAT_FAIL(PLEAT_ERR_ARG, "no verb given");
    }
    char *next = i + 1 < argc ? argv[i + 1] : NULL;
    if (is_one_of(argv[i], "help", "--help", "-h")) return help_of(a, next);
    if (is_one_of(argv[i], "version", "--version", "-V")) return version(a, next);
    const verb *v = verb_find(argv[i]);
    return v != NULL ? v->run(a, v, argc - i, argv + i) : verb_unknown(argv[i]);
}

/* A closed stdin, stdout or stderr would become the next file that is opened, and a line of the log
 * a part of it. Reads find the end there, writes fail. */
static void fill_standard_files(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) _exit(5);
}

/* Results that nobody can read are none. */
static pleat_status finish_output(void) {
    errno = 0;
    const int lost = fflush(stdout) != 0 || ferror(stdout);
    PLEAT_CHECK(!lost, PLEAT_ERR_IO,
                "cannot write the results to stdout: %s; free space where it goes, and repeat the "
                "command",
                errno != 0 ? strerror(errno) : "an earlier write failed");
    return PLEAT_OK;
}

/* Who watches the end of a long log learns that there was something. */
static void count_warnings(const pleat_session *session) {
    const int n = pleat_warn_said();
    if (session != NULL && session->rank == 0 && n > 0)
        pleat_log(PLEAT_INFO, "%d warning%s above", n, pleat_plural(n));
}

/* Nor are warnings. Who closed stderr, or reads no more of it, wants none. */
static pleat_status finish_warnings(void) {
    if (pleat_warn_said() == 0 || !ferror(stderr)) return PLEAT_OK;
    errno = 0;
    const int lost = write(STDERR_FILENO, "\n", 1) < 0 && errno != EBADF && errno != EPIPE;
    PLEAT_CHECK(!lost, PLEAT_ERR_IO,
                "cannot write warnings to stderr: %s; free space where it goes, and repeat the "
                "command",
                strerror(errno));
    return PLEAT_OK;
}

/* Threads that wait for others spin for milliseconds by libgomp's default. Where other processes
 * want the cores too, that takes them from the threads that are waited for, and a step takes
 * several times as long (docs/speed.md). libgomp reads its environment before main, so the program
 * is started once more; where it cannot be, or was started by a dynamic linker ("/ld-..."), it
 * goes on. */
static void spin_briefly(char **argv) {
    static const char self[] = "/proc/self/exe";
    char path[PATH_MAX] = "";
    if (getenv("OMP_WAIT_POLICY") != NULL || getenv("GOMP_SPINCOUNT") != NULL) return;
    if (readlink(self, path, sizeof path - 1) <= 0 || strstr(path, "/ld-") != NULL) return;
    if (setenv("GOMP_SPINCOUNT", "1000", 0) == 0) (void)execv(self, argv);
}

/* Verbs that go on later, when they are told to leave, hear of it before MPI starts: a batch system
 * may tell of its limit that early. */
static void catch_signals(int argc, char **argv) {
    int i = 1;
    while (i < argc && argv[i][0] == '-') i++;
    const verb *v = i < argc ? verb_find(argv[i]) : NULL;
    if (v != NULL && v->patient) pleat_halt_catch();
}

int main(int argc, char **argv) {
    pleat_session_bind();
    spin_briefly(argv);
    fill_standard_files();
    app *a = calloc(1, sizeof *a);
    if (a == NULL) {
        (void)fputs("pleat: no memory to start\n", stderr);
        return pleat_status_exit_code(PLEAT_ERR_MEMORY);
    }
    remember_command(a, argc, argv);
    catch_signals(argc, argv);
    pleat_status status = pleat_session_start(&argc, &argv, &a->session);
    if (status == PLEAT_OK) status = pleat_session_same(a->session, argc, argv, a->command);
    if (status == PLEAT_OK) status = dispatch(a, argc, argv);
    if (status == PLEAT_OK) status = finish_output();
    count_warnings(a->session);
    if (status == PLEAT_OK) status = finish_warnings();
    status = pleat_session_end(a->session, status);
    free(a);
    return pleat_status_exit_code(status);
}
