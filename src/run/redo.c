/*
 * redo.c - at the start of a run: folds that are of other cases than the data are now.
 *
 * What a fold is of, its scores say, or its latest checkpoint where it has none. A fold of older
 * files does not say; there the store it was made from does.
 */
#include "pleat/log.h"
#include "pleat/text.h"
#include "pleat/train.h"
#include "pleat/warn.h"
#include "run_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_mine(const pleat_crossval *cv, int fold) {
    return cv->options->only_fold < 0 || cv->options->only_fold == fold;
}

/* Its scores are read whole, so that damage is noticed now. *path is the file that was read. */
static pleat_status read_scored(const pleat_crossval *cv, const char *folder, int fold,
                                pleat_provenance *out) {
    pleat_results results = {0};
    PLEAT_TRY(
        pleat_results_begin_as(&cv->data.classes, cv->data.folds.k, &cv->data.judging, &results));
    const pleat_status status = pleat_report_read_fold(folder, fold, &results, out);
    pleat_results_free(&results);
    return status;
}

static pleat_status read_trained(const char *folder, char path[PLEAT_PATH_BYTES], int *older,
                                 pleat_provenance *out) {
    char *text = NULL;
    PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_LATEST, path));
    pleat_status status = pleat_checkpoint_cases(path, &text);
    if (status == PLEAT_ERR_NOT_FOUND || status == PLEAT_ERR_FORMAT)
        return PLEAT_OK; /* not begun; what is damaged is refused when it is read whole */
    if (status == PLEAT_OK && text != NULL) status = pleat_provenance_parse(text, path, out);
    *older = status == PLEAT_OK && text == NULL;
    free(text);
    return status;
}

/* *path is the file that says it; *of is empty where none does: not begun, or *older. */
static pleat_status read_cases(const pleat_crossval *cv, int fold, char path[PLEAT_PATH_BYTES],
                               int *older, pleat_provenance *of) {
    char folder[PLEAT_PATH_BYTES];
    *older = 0;
    PLEAT_TRY(pleat_fold_folder(cv->options->out, fold, folder));
    PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_SCORES, path));
    if (cv->options->out[0] == '\0') return PLEAT_OK; /* a dry run may have none */
    if (!pleat_file_exists(path))
        return is_mine(cv, fold) ? read_trained(folder, path, older, of) : PLEAT_OK;
    PLEAT_TRY(read_scored(cv, folder, fold, of));
    *older = of->n == 0;
    return PLEAT_OK;
}

/* Trained on then what is held out now, or the other way round. */
static pleat_status check_roles(const pleat_crossval *cv, int fold, const char *path,
                                const pleat_provenance *of) {
    const pleat_dataset *data = &cv->data;
    for (int i = 0; i < data->cases.n; i++) {
        const pleat_traced_case *then = pleat_provenance_find(of, data->cases.ids[i]);
        const int held_out = pleat_folds_holds_out(&data->folds, fold, i);
        PLEAT_CHECK(then != NULL && !then->held_out == !held_out, PLEAT_ERR_DATA,
                    "fold %d has %s case '%s', by '%s', but '%s/%s' says it is %s; put that file "
                    "back as it was, or use another --out folder",
                    fold,
                    then == NULL     ? "nothing of"
                    : then->held_out ? "held out"
                                     : "trained on",
                    data->cases.ids[i], path, cv->options->out,
                    pleat_run_file_name(PLEAT_RUN_SPLITS), held_out ? "held out" : "trained on");
    }
    return PLEAT_OK;
}

static pleat_status take_away(const char *path, const char *ending) {
    char name[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(name, sizeof name, "%s%s", path, ending));
    PLEAT_CHECK(unlink(name) == 0 || errno == ENOENT, PLEAT_ERR_IO, "cannot remove '%s': %s", name,
                strerror(errno));
    return PLEAT_OK;
}

static pleat_status clear_reports(const pleat_crossval *cv) {
    static const pleat_run_file reports[] = {PLEAT_RUN_SUMMARY,         PLEAT_RUN_DETAILED,
                                             PLEAT_RUN_FINAL,           PLEAT_RUN_PAGE,
                                             PLEAT_RUN_SCORES,          PLEAT_RUN_STATISTICS,
                                             PLEAT_RUN_STATISTICS_JSON, PLEAT_RUN_POSTPROCESSING};
    char path[PLEAT_PATH_BYTES];
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        PLEAT_TRY(pleat_run_path(cv->options->out, reports[i], path));
        PLEAT_TRY(take_away(path, ""));
    }
    return PLEAT_OK;
}

/* Scores first: a fold without is not finished, and its checkpoint still tells what it is of. */
static pleat_status clear_fold(const pleat_crossval *cv, int fold, const pleat_provenance *of) {
    static const pleat_fold_file files[] = {
        PLEAT_FOLD_SCORES,    PLEAT_FOLD_TABLE,     PLEAT_FOLD_BEST,  PLEAT_FOLD_HISTORY,
        PLEAT_FOLD_KERAS_LOG, PLEAT_FOLD_FELL_BACK, PLEAT_FOLD_LATEST};
    static const char *const endings[] = {".previous", ".damaged", ""};
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    PLEAT_TRY(clear_reports(cv));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        PLEAT_TRY(pleat_run_fold_path(cv->options->out, fold, files[i], path));
        for (size_t e = 0; e < sizeof endings / sizeof *endings; e++)
            PLEAT_TRY(take_away(path, endings[e]));
    }
    PLEAT_TRY(pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_PREDICTIONS, folder));
    for (int i = 0; i < of->n; i++) {
        if (!of->of[i].held_out) continue;
        PLEAT_TRY(pleat_labels_path(folder, of->of[i].id, path));
        PLEAT_TRY(take_away(path, ""));
    }
    pleat_log(PLEAT_INFO, "fold=%d has cases that changed, and is retrained", fold);
    return PLEAT_OK;
}

/* One fold; `changed` and `first` of pleat_looks_compare, added up over the folds. */
static pleat_status look_at_fold(pleat_crossval *cv, int fold, pleat_looks *looks, int *changed,
                                 char first[512]) {
    char path[PLEAT_PATH_BYTES];
    char settings[17];
    pleat_provenance of = {0};
    int here = 0, older = 0;
    pleat_config_fold_settings(&cv->config, settings);
    pleat_status status = read_cases(cv, fold, path, &older, &of);
    if (status == PLEAT_OK) status = pleat_provenance_check(&of, path, settings);
    if (status == PLEAT_OK && of.n > 0) status = check_roles(cv, fold, path, &of);
    if (status == PLEAT_OK && older)
        status = pleat_unchanged_older(cv->options->out, cv->data.store_path, cv->data.cases.paths,
                                       cv->data.cases.n, &of);
    if (status == PLEAT_OK) status = pleat_looks_compare(looks, &of, &here, first);
    cv->redo[fold] = here > 0;
    *changed += here > 0;
    if (status == PLEAT_OK && here > 0 && cv->options->redo && !cv->options->dry_run)
        status = clear_fold(cv, fold, &of);
    pleat_provenance_free(&of);
    return status;
}

/* A fold whose checkpoint is gone or damaged keeps its scores: there is nothing to go on from. One
 * that ended early does, too. */
pleat_status pleat_redo_extend(const pleat_crossval *cv) {
    pleat_log(PLEAT_INFO, "train.epochs rises from %d to %d", cv->extends, cv->config.train.epochs);
    PLEAT_TRY(clear_reports(cv));
    for (int fold = 0; fold < cv->data.folds.k; fold++) {
        char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
        int more = 0;
        PLEAT_TRY(pleat_fold_folder(cv->options->out, fold, folder));
        PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_SCORES, path));
        if (!pleat_file_exists(path)) continue;
        PLEAT_TRY(pleat_train_can_go_on(folder, &cv->config.train.rates, &more));
        if (more) PLEAT_TRY(take_away(path, ""));
        if (!more)
            pleat_log(PLEAT_INFO,
                      "fold=%d has ended early or has no checkpoint, and stays as it is", fold);
    }
    return PLEAT_OK;
}

/* The case whose prediction the fold, which has scores, has no more; NULL: there is none. */
static const char *lost_prediction(const pleat_crossval *cv, int fold,
                                   char path[PLEAT_PATH_BYTES]) {
    const pleat_dataset *data = &cv->data;
    char folder[PLEAT_PATH_BYTES];
    for (int i = 0; i < data->cases.n; i++)
        if (pleat_folds_holds_out(&data->folds, fold, i) &&
            pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_PREDICTIONS, folder) ==
                PLEAT_OK &&
            pleat_labels_path(folder, data->cases.ids[i], path) == PLEAT_OK &&
            !pleat_file_exists(path))
            return data->cases.ids[i];
    return NULL;
}

pleat_status pleat_redo_lost(pleat_crossval *cv) {
    char scores[PLEAT_PATH_BYTES], model[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    const char *out = cv->options->out;
    for (int fold = 0; fold < cv->data.folds.k && out[0] != '\0'; fold++) {
        if (!is_mine(cv, fold) || cv->options->train_only || cv->redo[fold]) continue;
        PLEAT_TRY(pleat_run_fold_path(out, fold, PLEAT_FOLD_SCORES, scores));
        const char *lost = pleat_file_exists(scores) ? lost_prediction(cv, fold, path) : NULL;
        if (lost == NULL) continue;
        PLEAT_TRY(pleat_run_fold_path(out, fold, pleat_weights_file(cv->config.weights), model));
        if (!pleat_file_exists(model)) {
            pleat_warn("fold=%d: the prediction of case '%s', '%s', is missing and cannot be made "
                       "again without '%s'; put one of them back, or remove '%s/fold_%d' to train "
                       "the fold again",
                       fold, lost, path, model, out, fold);
            continue;
        }
        pleat_log(PLEAT_INFO,
                  "fold=%d: the prediction of case '%s' is missing; the fold's cases are predicted "
                  "again",
                  fold, lost);
        cv->redo[fold] = 1;
        if (cv->options->dry_run) continue;
        PLEAT_TRY(clear_reports(cv));
        PLEAT_TRY(take_away(scores, ""));
    }
    return PLEAT_OK;
}

pleat_status pleat_redo_choose(pleat_crossval *cv) {
    pleat_status status = PLEAT_OK;
    pleat_looks *looks = NULL;
    const int k = cv->data.folds.k;
    int changed = 0;
    char first[512] = "";
    cv->redo = calloc((size_t)k, sizeof *cv->redo);
    PLEAT_CHECK(cv->redo != NULL, PLEAT_ERR_MEMORY, "no memory for %d folds", k);
    PLEAT_TRY(pleat_looks_begin(cv->data.cases.paths, cv->data.cases.n, &looks));
    for (int fold = 0; fold < k; fold++) /* others do their own again */
        if (is_mine(cv, fold) || !cv->options->redo)
            PLEAT_TRY_GOTO(status, done, look_at_fold(cv, fold, looks, &changed, first));
    PLEAT_CHECK_GOTO(status, done, changed == 0 || cv->options->redo, PLEAT_ERR_DATA,
                     "%s is not what %d fold%s of '%s' %s of; put it back, or start with --redo to "
                     "do again the folds that it touches",
                     first, changed, pleat_plural(changed), cv->options->out,
                     changed == 1 ? "is" : "are");
    if (changed == 0 && cv->options->redo)
        pleat_log(PLEAT_INFO, "--redo: no case has changed, so no fold is retrained");
done:
    pleat_looks_end(looks);
    return status;
}
