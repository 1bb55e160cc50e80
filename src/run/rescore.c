/* rescore.c - the predictions of a run, scored again: by other choices, or with scores that pleat
 * did not have when the run was made. */
#include "run_impl.h"

#include "pleat/score.h"

#include <string.h>

pleat_status pleat_run_prediction(const char *run, const pleat_case_result *one,
                                  char out[PLEAT_PATH_BYTES]) {
    char folder[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_fold_path(run, one->fold, PLEAT_FOLD_PREDICTIONS, folder));
    PLEAT_TRY(pleat_labels_path(folder, one->id, out));
    return pleat_file_exists(out) ? PLEAT_OK
                                  : pleat_path(out, PLEAT_PATH_BYTES, "%s", one->prediction);
}

/* The voxels of the prediction and of the mask are those that the fold was scored by. */
static pleat_status check_counts(const pleat_case_result *was, const pleat_case_result *is,
                                 int classes) {
    PLEAT_CHECK(memcmp(was->counts, is->counts, (size_t)classes * sizeof *was->counts) == 0,
                PLEAT_ERR_DATA,
                "case '%s': by '%s' and '%s' its counts are not those of fold %d's scores: one of "
                "the two was changed; put it back, or remove the fold's scores.json and start the "
                "run again to predict its cases again",
                was->id, is->prediction, is->reference, was->fold);
    return PLEAT_OK;
}

pleat_status pleat_run_rescore(const char *run, const pleat_config *config,
                               pleat_results *results) {
    pleat_judging how;
    pleat_results again = {0};
    PLEAT_TRY(pleat_config_judging(config, &results->classes, &how));
    pleat_status status = pleat_results_begin_as(&results->classes, results->folds, &how, &again);
    again.repeats = results->repeats;
    for (int i = 0; i < results->n && status == PLEAT_OK; i++) {
        const pleat_case_result *one = &results->cases[i];
        char path[PLEAT_PATH_BYTES];
        status = pleat_run_prediction(run, one, path);
        if (status == PLEAT_OK)
            status = pleat_score_files(one->id, one->fold, path, one->reference, PLEAT_PLACE_VOXELS,
                                       &again);
        if (status == PLEAT_OK)
            status = check_counts(one, &again.cases[again.n - 1], results->classes.n);
    }
    if (status != PLEAT_OK) {
        pleat_results_free(&again);
        return status;
    }
    pleat_results_free(results);
    *results = again;
    return PLEAT_OK;
}
