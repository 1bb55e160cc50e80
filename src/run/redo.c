/*
 * redo.c - at the start of a run: folds that have scores and are to be done again, since they are
 * of other cases than the data are now, have lost a prediction, or are to have more epochs. All
 * folds are looked at first; what has to go goes when nothing can refuse the start any more.
 *
 * What a fold is of, its scores say, or its latest checkpoint where it has none. A fold of older
 * files does not say; there the store it was made from does.
 */
#include "pleat/log.h"
#include "pleat/text.h"
#include "pleat/train.h"
#include "pleat/unchanged.h"
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
                    "fold %d has %s case '%s', by '%s', but '%s/%s' says it is %s; put the "
                    "one that was changed back, or use another --out folder",
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
    cv->redo[fold] = here > 0 ? PLEAT_REDO_CHANGED : 0;
    *changed += here > 0;
    pleat_provenance_free(&of);
    return status;
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

static pleat_status look_at_lost(pleat_crossval *cv) {
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
        cv->redo[fold] = PLEAT_REDO_LOST;
    }
    return PLEAT_OK;
}

/* --- more epochs ------------------------------------------------------------------------------ */

/* Of the latest checkpoint `path` of a fold: it is its own. *more: it has not ended early. */
static pleat_status can_go_on(const pleat_crossval *cv, int fold, char path[PLEAT_PATH_BYTES],
                              int *more) {
    char folder[PLEAT_PATH_BYTES], settings[17];
    pleat_provenance of = {0};
    int older = 0;
    PLEAT_TRY(pleat_fold_folder(cv->options->out, fold, folder));
    PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_LATEST, path));
    PLEAT_TRY(pleat_train_can_go_on(folder, &cv->config.train.rates, more));
    pleat_config_fold_settings(&cv->config, settings);
    pleat_status status = read_trained(folder, path, &older, &of);
    if (status == PLEAT_OK) status = pleat_provenance_check(&of, path, settings);
    if (status == PLEAT_OK && of.n > 0) status = check_roles(cv, fold, path, &of);
    pleat_provenance_free(&of);
    return status;
}

/* The model of a fold, which predicts again unless more training makes a better one, is whole. */
static pleat_status check_whole(const pleat_crossval *cv, int fold, char path[PLEAT_PATH_BYTES]) {
    pleat_checkpoint model = {0};
    PLEAT_TRY(
        pleat_run_fold_path(cv->options->out, fold, pleat_weights_file(cv->config.weights), path));
    PLEAT_TRY(pleat_checkpoint_read(path, &model));
    pleat_checkpoint_free(&model);
    return PLEAT_OK;
}

/* Of a fold with scores, or under way; `bad` are the folds that cannot go on, `first` is why. */
static pleat_status look_at_end(pleat_crossval *cv, int fold, char first[PLEAT_PATH_BYTES],
                                char bad[200]) {
    char scores[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES], number[16];
    int more = 0;
    PLEAT_TRY(pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_SCORES, scores));
    const int scored = pleat_file_exists(scores);
    if (cv->redo[fold] == PLEAT_REDO_CHANGED) return PLEAT_OK; /* from its start */
    pleat_status status = can_go_on(cv, fold, path, &more);
    if (status == PLEAT_ERR_NOT_FOUND && !scored) return PLEAT_OK; /* not begun */
    if (status == PLEAT_OK && scored && more) status = check_whole(cv, fold, path);
    if (status == PLEAT_ERR_NOT_FOUND || status == PLEAT_ERR_FORMAT) {
        (void)snprintf(number, sizeof number, "%d", fold);
        if (bad[0] == '\0') memcpy(first, path, sizeof path);
        pleat_warn_list(bad, 200, number);
        return PLEAT_OK;
    }
    PLEAT_TRY(status);
    if (scored && more) cv->redo[fold] = PLEAT_REDO_LONGER;
    if (scored && !more) pleat_log(PLEAT_INFO, "fold=%d has ended early, and stays as it is", fold);
    return PLEAT_OK;
}

static pleat_status look_at_ends(pleat_crossval *cv) {
    char first[PLEAT_PATH_BYTES] = "", bad[200] = "", path[PLEAT_PATH_BYTES];
    const char *out = cv->options->out;
    const int k = cv->data.folds.k, was = cv->extends, is = cv->config.train.epochs;
    if (was == 0) return PLEAT_OK;
    PLEAT_TRY(pleat_run_path(out, PLEAT_RUN_RECORD, path));
    PLEAT_CHECK(pleat_file_exists(path), PLEAT_ERR_NOT_FOUND,
                "'%s' is missing; start the run with train.epochs=%d, as before, which writes it "
                "again, and then with %d",
                path, was, is);
    for (int fold = 0; fold < k; fold++) PLEAT_TRY(look_at_end(cv, fold, first, bad));
    PLEAT_CHECK(bad[0] == '\0', PLEAT_ERR_DATA,
                "train.epochs cannot rise from %d to %d for fold %s: '%s' is missing or damaged; "
                "put it back, or remove '%s/fold_K' of such a fold K to train it from its start; "
                "nothing has been changed",
                was, is, bad, first, out);
    pleat_log(PLEAT_INFO, "train.epochs rises from %d to %d", was, is);
    return PLEAT_OK;
}

/* --- all of it -------------------------------------------------------------------------------- */

static pleat_status look_at_changed(pleat_crossval *cv) {
    pleat_status status = PLEAT_OK;
    pleat_looks *looks = NULL;
    const int k = cv->data.folds.k;
    int changed = 0;
    char first[512] = "";
    PLEAT_TRY(
        pleat_looks_begin(cv->data.cases.paths, cv->data.cases.n, cv->config.prep.orient, &looks));
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

/* Finished folds have the files that they were scored with; those of changed cases have to go. */
static pleat_status look_at_models(const pleat_crossval *cv) {
    const int k = cv->data.folds.k;
    int changed = 0;
    for (int fold = 0; fold < k; fold++) changed += cv->redo[fold] == PLEAT_REDO_CHANGED;
    if (changed > 0 || cv->options->out[0] == '\0') return PLEAT_OK;
    return pleat_unchanged_scored(cv->options->out, k, pleat_weights_file(cv->config.weights));
}

pleat_status pleat_redo_look(pleat_crossval *cv) {
    cv->redo = calloc((size_t)cv->data.folds.k, sizeof *cv->redo);
    PLEAT_CHECK(cv->redo != NULL, PLEAT_ERR_MEMORY, "no memory for %d folds", cv->data.folds.k);
    PLEAT_TRY(look_at_changed(cv));
    PLEAT_TRY(look_at_models(cv));
    PLEAT_TRY(look_at_lost(cv));
    return look_at_ends(cv);
}

static pleat_status clear_marked(const pleat_crossval *cv, int fold) {
    char path[PLEAT_PATH_BYTES];
    pleat_provenance of = {0};
    int older = 0;
    pleat_status status = clear_reports(cv);
    if (status == PLEAT_OK && cv->redo[fold] == PLEAT_REDO_CHANGED) {
        status = read_cases(cv, fold, path, &older, &of);
        if (status == PLEAT_OK) status = clear_fold(cv, fold, &of);
        pleat_provenance_free(&of);
        return status;
    }
    if (status == PLEAT_OK)
        status = pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_SCORES, path);
    return status == PLEAT_OK ? take_away(path, "") : status;
}

static pleat_status clear(pleat_crossval *cv) {
    if (cv->extends > 0) { /* another task of a job array may have done it, and scored since */
        cv->extends = 0;
        PLEAT_TRY(pleat_record_config(cv));
    }
    for (int fold = 0; fold < cv->data.folds.k; fold++)
        if (cv->redo[fold] != 0 && (cv->redo[fold] != PLEAT_REDO_LONGER || cv->extends > 0))
            PLEAT_TRY(clear_marked(cv, fold));
    if (cv->extends == 0) return PLEAT_OK;
    PLEAT_TRY(clear_reports(cv));
    return pleat_record_start(cv);
}

pleat_status pleat_redo_clear(pleat_crossval *cv) {
    const int mine = cv->session->rank == 0 && !cv->options->dry_run;
    return pleat_comm_agree(cv->session->world, mine ? clear(cv) : PLEAT_OK);
}
