/* verb_status.c - status: how far a run is, by its files. */
#include "app.h"

#include "pleat/crossval.h"
#include "pleat/log.h"
#include "pleat/progress.h"
#include "pleat/rundir.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define EVERY_S  1.0  /* of --watch, */
#define EVERY_OF 20.0 /* and a second more for so many folds */
#define WIDE     120  /* where stdout is no terminal */

static int is_over(const pleat_progress_view *view) {
    int over = 0;
    for (int fold = 0; fold < view->folds; fold++)
        over += view->fold[fold].phase == PLEAT_PHASE_FINISHED ||
                view->fold[fold].phase == PLEAT_PHASE_TRAINED;
    return over == view->folds;
}

static void print_table(const pleat_progress_view *view) {
    char text[1 << 16];
    pleat_terminal terminal;
    const int known = isatty(STDOUT_FILENO) && pleat_terminal_look(&terminal);
    if (!known) {
        (void)pleat_terminal_look(&terminal);
        terminal.colour = 0;
        const int wide = pleat_terminal_width(STDOUT_FILENO);
        terminal.columns = wide > 0 ? wide : WIDE;
    }
    terminal.rows = 0;
    pleat_progress_table(view, &terminal, text, sizeof text);
    (void)fputs(text, stdout);
}

/* Until the run is over; Ctrl-C ends it. */
static pleat_status watch(const char *run, int folds, pleat_progress_view *view) {
    char text[1 << 14];
    pleat_terminal terminal;
    while (!is_over(view)) {
        if (pleat_terminal_look(&terminal)) {
            pleat_progress_table(view, &terminal, text, sizeof text);
            pleat_log_block(text);
        } else {
            print_table(view);
            (void)fflush(stdout);
        }
        (void)sleep((unsigned)ceil(EVERY_S + folds / EVERY_OF));
        PLEAT_TRY(pleat_progress_look(run, folds, -1, view));
    }
    pleat_log_block("");
    return PLEAT_OK;
}

/* A fold that may not be looked at is not one that has not begun. */
static pleat_status check_folders(const char *run, int folds) {
    char path[PLEAT_PATH_BYTES];
    for (int fold = 0; fold < folds; fold++) {
        PLEAT_TRY(pleat_fold_folder(run, fold, path));
        PLEAT_CHECK(access(path, R_OK | X_OK) == 0 || errno == ENOENT, PLEAT_ERR_IO,
                    "cannot look into '%s': %s", path, strerror(errno));
    }
    return PLEAT_OK;
}

pleat_status verb_status(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0};
    int watching = 0, json = 0, go = 0;
    const option rows[] = {
        {"--watch", OPTION_FLAG, &watching, NULL, "refresh until the run is over"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object on stdout"},
        {0},
    };
    pleat_record record;
    pleat_progress_view view = {0};
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    if (a->session->rank != 0) return PLEAT_OK;
    const char *run = words.item[0];
    PLEAT_TRY(pleat_record_read(run, &record));
    PLEAT_TRY(check_folders(run, record.folds));
    pleat_status status = pleat_progress_look(run, record.folds, -1, &view);
    if (status == PLEAT_OK && watching) status = watch(run, record.folds, &view);
    if (status == PLEAT_OK && json) status = pleat_progress_print_json(stdout, &view);
    if (status == PLEAT_OK && !json) print_table(&view);
    pleat_progress_free(&view);
    return status;
}
