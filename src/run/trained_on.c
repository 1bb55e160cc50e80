/* trained_on.c - spacings and axes of a run's store, compared with a case to be labelled. */
#include "pleat/trained_on.h"

#include "pleat/nifti.h"
#include "pleat/warn.h"
#include "run_impl.h"

#include <math.h>
#include <string.h>

#define MOST_RATIO 1.5 /* of spacings that are still alike */

static int has_axes(const pleat_trained_on *on, const char axes[4]) {
    for (int i = 0; i < on->n_axes; i++)
        if (memcmp(on->axes[i], axes, 4) == 0) return 1;
    return 0;
}

static void add_case(const pleat_prep_config *prep, const pleat_geometry *native,
                     pleat_trained_on *to) {
    pleat_geometry turned;
    char axes[4];
    pleat_prep_turned(prep, native, &turned);
    for (int a = 0; a < 3; a++) {
        const double x = turned.spacing[a];
        to->least[a] = to->cases == 0 ? x : fmin(to->least[a], x);
        to->most[a] = to->cases == 0 ? x : fmax(to->most[a], x);
    }
    to->cases++;
    pleat_orient_text(native->affine, axes);
    if (!has_axes(to, axes) && to->n_axes < PLEAT_TRAINED_AXES)
        memcpy(to->axes[to->n_axes++], axes, sizeof axes);
}

void pleat_trained_on_add(const char *run, pleat_trained_on *to) {
    char path[PLEAT_PATH_BYTES];
    pleat_config config;
    pleat_store *store = NULL;
    if (pleat_run_config(run, &config) != PLEAT_OK ||
        pleat_dataset_store(&config, run, path) != PLEAT_OK ||
        pleat_store_open(path, NULL, &store) != PLEAT_OK)
        return;
    for (int i = 0; i < pleat_store_count(store); i++)
        add_case(&config.prep, &pleat_store_info(store, i)->geometry, to);
    pleat_store_close(store);
}

static void tell_spacing(const pleat_trained_on *on, const pleat_geometry *turned, const char *id) {
    const double *is = turned->spacing, *least = on->least, *most = on->most;
    int unlike = 0;
    for (int a = 0; a < 3; a++)
        unlike |= is[a] > MOST_RATIO * most[a] || is[a] * MOST_RATIO < least[a];
    if (unlike)
        pleat_warn(
            "case '%s' has a spacing of %.3g x %.3g x %.3g mm, the models were trained on "
            "%.3g to %.3g x %.3g to %.3g x %.3g to %.3g mm, and preprocess.resample is none: "
            "its labels may be wrong; resample it, or train with preprocess.resample",
            id, is[2], is[1], is[0], least[2], most[2], least[1], most[1], least[0], most[0]);
}

static void tell_axes(const pleat_trained_on *on, const pleat_geometry *native, const char *id) {
    char axes[4], list[64] = "";
    pleat_orient_text(native->affine, axes);
    if (has_axes(on, axes)) return;
    for (int i = 0; i < on->n_axes; i++) pleat_warn_list(list, sizeof list, on->axes[i]);
    pleat_warn("case '%s' has the axes %s, the models were trained on %s, and preprocess.orient is "
               "none: its labels may be wrong; reorient it, or train with preprocess.orient",
               id, axes, list);
}

void pleat_trained_on_tell(const pleat_trained_on *on, const pleat_prep_config *prep,
                           const pleat_case_paths *paths) {
    pleat_geometry native, turned;
    if (on->cases == 0 || pleat_nifti_read_header(paths->image[0], &native, NULL) != PLEAT_OK)
        return; /* who reads it whole says why it cannot be read */
    pleat_prep_turned(prep, &native, &turned);
    if (!prep->resample) tell_spacing(on, &turned, paths->id);
    if (prep->orient == PLEAT_ORIENT_NONE) tell_axes(on, &native, paths->id);
}
