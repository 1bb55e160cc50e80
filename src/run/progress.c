/* progress.c - what the files of a run's processes say together, and how long it may take. */
#include "pleat/progress.h"

#include "pleat/log.h"
#include "pleat/rundir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SILENT_S 60.0

static double clock_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A file that is not there, or is damaged, says nothing. */
static void look_at(const char *run, int fold, pleat_progress_state *state) {
    char path[PLEAT_PATH_BYTES];
    pleat_progress_state read;
    if (pleat_run_fold_path(run, fold, PLEAT_FOLD_PROGRESS, path) == PLEAT_OK &&
        pleat_progress_read(path, &read) == PLEAT_OK)
        *state = read;
    if (pleat_phase_is_active(state->phase) &&
        clock_s() - state->written_s < state->every_s) /* it lives, so it has no scores yet */
        return;
    if (pleat_run_fold_path(run, fold, PLEAT_FOLD_SCORES, path) == PLEAT_OK &&
        access(path, R_OK) == 0)
        state->phase = PLEAT_PHASE_FINISHED;
    else if (state->phase == PLEAT_PHASE_FINISHED)
        state->phase = PLEAT_PHASE_TRAINED;
}

pleat_status pleat_progress_look(const char *run, int folds, int only, pleat_progress_view *view) {
    char path[PLEAT_PATH_BYTES];
    if (view->fold == NULL) {
        view->fold = calloc((size_t)folds, sizeof *view->fold);
        PLEAT_CHECK(view->fold != NULL, PLEAT_ERR_MEMORY, "no memory for %d folds", folds);
        view->folds = folds;
        view->begin = only < 0 ? 0 : only;
        view->end = only < 0 ? folds : only + 1;
        (void)snprintf(view->run, sizeof view->run, "%s", run);
    }
    for (int fold = view->begin; fold < view->end; fold++) /* a finished one may be done again */
        look_at(run, fold, &view->fold[fold]);
    if (pleat_run_path(run, PLEAT_RUN_PROGRESS, path) == PLEAT_OK)
        (void)pleat_progress_read(path, &view->whole);
    pleat_progress_plan(view);
    return PLEAT_OK;
}

void pleat_progress_free(pleat_progress_view *view) {
    free(view->fold);
    *view = (pleat_progress_view){0};
}

double pleat_progress_age(const pleat_progress_view *view, const pleat_progress_state *state) {
    return fmax(0.0, view->now_s - state->written_s);
}

int pleat_progress_is_silent(const pleat_progress_view *view, const pleat_progress_state *state) {
    return pleat_phase_is_active(state->phase) &&
           pleat_progress_age(view, state) > fmax(SILENT_S, 3.0 * state->every_s);
}

static int is_at_work(const pleat_progress_view *view, int fold) {
    const pleat_progress_state *state = &view->fold[fold];
    return pleat_phase_is_active(state->phase) && !pleat_progress_is_silent(view, state);
}

/* --- time ------------------------------------------------------------------------------------- */

/* The mean of a number over the folds that know it; 0: none does. */
static double mean(const pleat_progress_view *view, size_t member) {
    double sum = 0.0;
    int n = 0;
    for (int fold = 0; fold < view->folds; fold++) {
        const double x = *(const double *)((const char *)&view->fold[fold] + member);
        if (x > 0.0) sum += x, n++;
    }
    return n > 0 ? sum / n : 0.0;
}

/* A fold that was not begun is like one that was. */
static const pleat_progress_state *model_of(const pleat_progress_view *view, int fold) {
    if (view->fold[fold].steps > 0) return &view->fold[fold];
    for (int other = 0; other < view->folds; other++)
        if (view->fold[other].steps > 0) return &view->fold[other];
    return NULL;
}

double pleat_progress_left(const pleat_progress_view *view, int fold) {
    const pleat_progress_state *state = &view->fold[fold], *model = model_of(view, fold);
    if (state->phase == PLEAT_PHASE_FINISHED || state->phase == PLEAT_PHASE_TRAINED) return 0.0;
    if (model == NULL) return -1.0;
    const double step =
        state->step_s > 0.0 ? state->step_s : mean(view, offsetof(pleat_progress_state, step_s));
    const double one =
        state->case_s > 0.0 ? state->case_s : mean(view, offsetof(pleat_progress_state, case_s));
    double steps = ((double)model->epochs - state->epoch) * model->steps - state->step;
    if (state->phase == PLEAT_PHASE_PREDICTING) steps = 0.0;
    if (steps > 0.0 && step <= 0.0) return -1.0;
    const double left = steps * step + (double)(model->total - state->done) * one;
    return fmax(0.0, left - (is_at_work(view, fold) ? pleat_progress_age(view, state) : 0.0));
}

/* free_s[n], when each group is free: the fold goes to the first. */
static void give(double *free_s, int n, double seconds) {
    int first = 0;
    for (int g = 1; g < n; g++)
        if (free_s[g] < free_s[first]) first = g;
    free_s[first] += seconds;
}

void pleat_progress_plan(pleat_progress_view *view) {
    double *free_s = calloc((size_t)view->folds, sizeof *free_s);
    int groups = 0, known = free_s != NULL, done = 1;
    view->now_s = clock_s();
    for (int fold = view->begin; fold < view->end && known; fold++) {
        const double left = pleat_progress_left(view, fold);
        if (!is_at_work(view, fold)) continue;
        free_s[groups++] = left;
        known = left >= 0.0;
    }
    for (int fold = view->begin; fold < view->end && known; fold++) {
        const double left = pleat_progress_left(view, fold);
        const pleat_phase phase = view->fold[fold].phase;
        done &= phase == PLEAT_PHASE_FINISHED || phase == PLEAT_PHASE_TRAINED;
        if (is_at_work(view, fold) || left == 0.0) continue;
        known = left >= 0.0 && groups > 0;
        if (known) give(free_s, groups, left);
    }
    view->left_s = known && (groups > 0 || done) ? 0.0 : -1.0;
    for (int g = 0; g < groups && known; g++) view->left_s = fmax(view->left_s, free_s[g]);
    free(free_s);
}
