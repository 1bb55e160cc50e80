/* score.c - a predicted label map against the truth. */
#include "pleat/score.h"
#include "pleat/log.h"
#include "pleat/nifti.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SAME_PLACE_MM 1e-2 /* float32 headers round coordinates of some metres by less */

/* The largest distance, in mm, by which the affines put a corner voxel apart. */
static double apart(const pleat_geometry *a, const pleat_geometry *b) {
    double most = 0.0;
    for (int corner = 0; corner < 8; corner++) {
        double squares = 0.0;
        for (int row = 0; row < 3; row++) {
            double d = a->affine[row][3] - b->affine[row][3];
            for (int axis = 0; axis < 3; axis++) /* x, y, z = dim 2, 1, 0 */
                if (corner >> axis & 1)
                    d += (a->affine[row][axis] - b->affine[row][axis]) * (a->dim[2 - axis] - 1);
            squares += d * d;
        }
        most = fmax(most, sqrt(squares));
    }
    return most;
}

static pleat_status check_pair(const char *id, const char *prediction, const int g[3],
                               const int t[3]) {
    PLEAT_CHECK(g[0] == t[0] && g[1] == t[1] && g[2] == t[2], PLEAT_ERR_SHAPE,
                "case '%s': the prediction '%s' has %d x %d x %d voxels, the truth %d x %d x %d",
                id, prediction, g[2], g[1], g[0], t[2], t[1], t[0]);
    return PLEAT_OK;
}

/* The counts of a pair into `one`, then its scores. */
static pleat_status judge(const pleat_pair *pair, const pleat_results *results,
                          pleat_case_result *one) {
    const int classes = results->classes.n;
    const pleat_status status = pleat_metrics_count(pair->truth, pair->predicted,
                                                    pleat_voxels(pair->dim), classes, one->counts);
    if (status == PLEAT_OK)
        return pleat_scores_compute(results->scores, &results->how, pair, classes, one->counts,
                                    one->values);
    char why[512];
    (void)snprintf(why, sizeof why, "%s", pleat_error_message());
    return PLEAT_FAIL(status, "case '%s', prediction '%s': %s", one->id, one->prediction, why);
}

pleat_status pleat_score_files(const char *id, int fold, const char *prediction,
                               const char *reference, pleat_results *results) {
    pleat_status status = PLEAT_OK;
    pleat_label guess = {0}, truth = {0};
    pleat_geometry at, there;
    pleat_case_result *one = NULL;
    PLEAT_TRY_GOTO(status, done, pleat_nifti_read_label(prediction, &guess, &at));
    PLEAT_TRY_GOTO(status, done, pleat_nifti_read_label(reference, &truth, &there));
    PLEAT_TRY_GOTO(status, done, check_pair(id, prediction, guess.dim, truth.dim));
    const double mm = apart(&at, &there);
    if (mm > SAME_PLACE_MM)
        pleat_log(PLEAT_INFO,
                  "case %s: prediction and truth lie up to %.4g mm apart; compared voxel "
                  "by voxel",
                  id, mm);
    PLEAT_TRY_GOTO(status, done, pleat_results_add(results, id, fold, prediction, reference, &one));
    const pleat_pair pair = {.truth = truth.data,
                             .predicted = guess.data,
                             .dim = {truth.dim[0], truth.dim[1], truth.dim[2]},
                             .spacing = {truth.spacing[0], truth.spacing[1], truth.spacing[2]}};
    memcpy(one->dim, pair.dim, sizeof one->dim);
    memcpy(one->spacing, pair.spacing, sizeof one->spacing);
    PLEAT_TRY_GOTO(status, done, judge(&pair, results, one));
done:
    pleat_label_free(&guess);
    pleat_label_free(&truth);
    return status;
}
