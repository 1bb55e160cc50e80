/* score.c - a folder of predicted label maps against a data folder. */
#include "pleat/score.h"
#include "pleat/file.h"
#include "pleat/layout.h"
#include "pleat/log.h"
#include "pleat/nifti.h"

#include <math.h>
#include <stdlib.h>
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

static pleat_status compare(const char *id, const pleat_label *guess, const pleat_geometry *at,
                            const pleat_label *truth, const pleat_geometry *there,
                            pleat_case_result *out) {
    const int *g = guess->dim, *t = truth->dim;
    PLEAT_CHECK(g[0] == t[0] && g[1] == t[1] && g[2] == t[2], PLEAT_ERR_SHAPE,
                "case '%s': the prediction '%s' has %d x %d x %d voxels, the truth %d x %d x %d",
                id, out->prediction, g[2], g[1], g[0], t[2], t[1], t[0]);
    const double mm = apart(at, there);
    if (mm > SAME_PLACE_MM)
        pleat_log(PLEAT_INFO,
                  "case %s: prediction and truth lie up to %.4g mm apart; compared voxel "
                  "by voxel",
                  id, mm);
    const pleat_status status =
        pleat_metrics_count(truth->data, guess->data, pleat_voxels(t), out->classes, out->counts);
    if (status == PLEAT_OK) return PLEAT_OK;
    char why[512];
    (void)snprintf(why, sizeof why, "%s", pleat_error_message());
    return PLEAT_FAIL(status, "case '%s', prediction '%s': %s", id, out->prediction, why);
}

pleat_status pleat_score_files(const char *id, const char *prediction, const char *reference,
                               int classes, pleat_case_result *out) {
    pleat_status status = PLEAT_OK;
    pleat_label guess = {0}, truth = {0};
    pleat_geometry at, there;
    pleat_case_result result = {.classes = classes};
    PLEAT_TRY(pleat_path(result.id, sizeof result.id, "%s", id));
    PLEAT_TRY(pleat_path(result.prediction, sizeof result.prediction, "%s", prediction));
    PLEAT_TRY(pleat_path(result.reference, sizeof result.reference, "%s", reference));
    PLEAT_TRY_GOTO(status, done, pleat_nifti_read_label(prediction, &guess, &at));
    PLEAT_TRY_GOTO(status, done, pleat_nifti_read_label(reference, &truth, &there));
    PLEAT_TRY_GOTO(status, done, compare(id, &guess, &at, &truth, &there, &result));
    *out = result;
done:
    pleat_label_free(&guess);
    pleat_label_free(&truth);
    return status;
}

/* PREDICTIONS/ID.nii.gz, else .nii; "" when there is neither. */
static pleat_status find_prediction(const char *folder, const char *id,
                                    char path[PLEAT_PATH_BYTES]) {
    static const char *const endings[] = {"nii.gz", "nii"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        PLEAT_TRY(pleat_path(path, PLEAT_PATH_BYTES, "%s/%s.%s", folder, id, endings[i]));
        if (pleat_file_exists(path)) return PLEAT_OK;
    }
    path[0] = '\0';
    return PLEAT_OK;
}

static int any_label(const pleat_case_paths *cases, int n) {
    for (int i = 0; i < n; i++)
        if (cases[i].label != NULL) return 1;
    return 0;
}

static pleat_status score_cases(const char *predictions, const pleat_case_paths *cases, int n,
                                int classes, pleat_case_result *results, int *scored) {
    const int alone = !any_label(cases, n); /* then the volumes themselves are the label maps */
    *scored = 0;
    for (int i = 0; i < n; i++) {
        char prediction[PLEAT_PATH_BYTES];
        const char *reference = alone ? cases[i].image[0] : cases[i].label;
        pleat_progress("score", (size_t)i, (size_t)n, cases[i].id);
        if (reference == NULL) continue;
        PLEAT_TRY(find_prediction(predictions, cases[i].id, prediction));
        if (prediction[0] == '\0') continue;
        PLEAT_TRY(
            pleat_score_files(cases[i].id, prediction, reference, classes, &results[*scored]));
        ++*scored;
    }
    pleat_progress("score", (size_t)n, (size_t)n, "done");
    return PLEAT_OK;
}

pleat_status pleat_score_folders(const char *predictions, const char *truth, int classes,
                                 pleat_case_result **out, int *n) {
    pleat_status status = PLEAT_OK;
    pleat_case_paths *cases = NULL;
    pleat_case_result *results = NULL;
    int many = 0, scored = 0;
    PLEAT_CHECK(pleat_file_is_folder(predictions), PLEAT_ERR_NOT_FOUND,
                "there is no folder '%s' with predictions", predictions);
    PLEAT_TRY(pleat_layout_scan(truth, 0, &cases, &many));
    results = calloc((size_t)many + 1, sizeof *results);
    PLEAT_CHECK_GOTO(status, done, results != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases",
                     many);
    PLEAT_TRY_GOTO(status, done, score_cases(predictions, cases, many, classes, results, &scored));
    PLEAT_CHECK_GOTO(
        status, done, scored > 0, PLEAT_ERR_NOT_FOUND,
        "no case of '%s' has both a label there and a prediction such as '%s/%s.nii.gz'", truth,
        predictions, cases[0].id);
    if (scored < many)
        pleat_log(PLEAT_INFO, "%d of the %d cases of '%s' have no label or no prediction; left out",
                  many - scored, many, truth);
    *out = results; /* ownership moves to the caller */
    *n = scored;
    results = NULL;
done:
    free(results);
    pleat_layout_free(cases, many);
    return status;
}
