/* score_maps.c - which label maps belong together, and their scores. */
#include "pleat/layout.h"
#include "pleat/log.h"
#include "pleat/nifti.h"
#include "pleat/score.h"
#include "pleat/warn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct maps { /* a file, or a folder's cases */
    const char *path;
    pleat_case_paths *cases; /* [n] by id */
    int n;
    int alone; /* no case has a label: the volumes are the label maps */
} maps;

/* Of cases; a file is one map. */
static int is_folder(const char *path) {
    return pleat_file_is_folder(path) || pleat_layout_is_described(path);
}

static pleat_status scan(const char *path, maps *out) {
    *out = (maps){.path = path, .alone = 1};
    PLEAT_TRY(pleat_layout_scan(path, PLEAT_LAYOUT_MAPS, &out->cases, &out->n));
    for (int i = 0; i < out->n; i++) out->alone &= out->cases[i].label == NULL;
    return PLEAT_OK;
}

/* NULL: case i has none. */
static const char *map_of(const maps *m, int i) {
    return m->alone ? m->cases[i].image[0] : m->cases[i].label;
}

static const char *find_map(const maps *m, const char *id) {
    const int at = pleat_layout_find(m->cases, m->n, id);
    return at < 0 ? NULL : map_of(m, at);
}

/* Predictions of cases that the truth does not have. */
static void tell_unknown(const maps *truth, const maps *predicted) {
    char left[200] = "";
    int n = 0, all = 0;
    for (int i = 0; i < predicted->n; i++) {
        if (map_of(predicted, i) == NULL) continue;
        all++;
        if (pleat_layout_find(truth->cases, truth->n, predicted->cases[i].id) >= 0) continue;
        pleat_warn_list(left, sizeof left, predicted->cases[i].id);
        n++;
    }
    if (n > 0)
        pleat_warn("%d of the %d predictions in '%s' are of no case of '%s', and are left out: %s",
                   n, all, predicted->path, truth->path, left);
}

/* FOLDER/<id>.nii.gz, as pleat and nnU-Net predict, else a case of `laid_out`; "": none. */
static pleat_status find_prediction(const char *folder, const maps *laid_out, const char *id,
                                    char path[PLEAT_PATH_BYTES]) {
    PLEAT_TRY(pleat_layout_volume(folder, id, path));
    const char *found = path[0] == '\0' ? find_map(laid_out, id) : NULL;
    return found != NULL ? pleat_path(path, PLEAT_PATH_BYTES, "%s", found) : PLEAT_OK;
}

static pleat_status set_pair(const char *id, const char *truth, const char *prediction,
                             pleat_map_pair *out) {
    PLEAT_TRY(pleat_path(out->id, sizeof out->id, "%s", id));
    PLEAT_TRY(pleat_path(out->truth, sizeof out->truth, "%s", truth));
    return pleat_path(out->prediction, sizeof out->prediction, "%s", prediction);
}

static pleat_status pair_folders(const maps *truth, const char *predictions, const maps *laid_out,
                                 pleat_map_pair *pairs, int *n) {
    char left[200] = "";
    for (int i = 0; i < truth->n; i++) {
        const char *id = truth->cases[i].id, *reference = map_of(truth, i);
        char prediction[PLEAT_PATH_BYTES] = "";
        if (reference != NULL) PLEAT_TRY(find_prediction(predictions, laid_out, id, prediction));
        if (prediction[0] == '\0')
            pleat_warn_list(left, sizeof left, id);
        else
            PLEAT_TRY(set_pair(id, reference, prediction, &pairs[(*n)++]));
    }
    PLEAT_CHECK(*n > 0, PLEAT_ERR_NOT_FOUND,
                "no case of '%s' has both a label there and a prediction such as '%s/%s.nii.gz'",
                truth->path, predictions, truth->cases[0].id);
    if (*n < truth->n)
        pleat_warn("%d of the %d cases of '%s' %s no label or no prediction, and %s left out: %s",
                   truth->n - *n, truth->n, truth->path, truth->n - *n == 1 ? "has" : "have",
                   truth->n - *n == 1 ? "is" : "are", left);
    tell_unknown(truth, laid_out);
    return PLEAT_OK;
}

static int is_one_file(const char *a, const char *b) {
    struct stat of_a, of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

/* A map agrees with itself, which says nothing. */
static void tell_one_file(const pleat_map_pair *pairs, int n) {
    char list[200] = "";
    int same = 0;
    for (int i = 0; i < n; i++) {
        if (!is_one_file(pairs[i].truth, pairs[i].prediction)) continue;
        pleat_warn_list(list, sizeof list, pairs[i].id);
        same++;
    }
    if (same > 0)
        pleat_warn("truth and prediction are one file in %d of the %d cases: %s; these scores say "
                   "nothing, name the predictions",
                   same, n, list);
}

pleat_status pleat_score_find(const char *predictions, const char *truth, pleat_map_pair **out,
                              int *n) {
    const int folder = is_folder(predictions), file = pleat_file_exists(predictions);
    pleat_status status = PLEAT_OK;
    maps of_truth = {0}, predicted = {0};
    pleat_map_pair *pairs = NULL;
    int found = 0;
    PLEAT_CHECK(folder || file, PLEAT_ERR_NOT_FOUND, "there is no folder '%s' with predictions",
                predictions);
    PLEAT_TRY_GOTO(status, done, scan(truth, &of_truth));
    pairs = calloc((size_t)of_truth.n, sizeof *pairs);
    PLEAT_CHECK_GOTO(status, done, pairs != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases",
                     of_truth.n);
    status = scan(predictions, &predicted);
    if (folder && status == PLEAT_ERR_NOT_FOUND) status = PLEAT_OK; /* by names alone, then */
    if (status != PLEAT_OK) goto done;
    if (folder)
        status = pair_folders(&of_truth, predictions, &predicted, pairs, &found);
    else {
        const char *reference =
            is_folder(truth) ? find_map(&of_truth, predicted.cases[0].id) : map_of(&of_truth, 0);
        PLEAT_CHECK_GOTO(status, done, reference != NULL, PLEAT_ERR_NOT_FOUND,
                         "'%s' has no label map of case '%s', which '%s' would be", truth,
                         predicted.cases[0].id, predictions);
        status = set_pair(predicted.cases[0].id, reference, predictions, &pairs[found++]);
    }
    if (status != PLEAT_OK) goto done;
    tell_one_file(pairs, found);
    *out = pairs; /* ownership moves to the caller */
    *n = found;
    pairs = NULL;
done:
    free(pairs);
    pleat_layout_free(of_truth.cases, of_truth.n);
    pleat_layout_free(predicted.cases, predicted.n);
    return status;
}

static pleat_status most_label(const char *path, int *most) {
    pleat_label map = {0};
    pleat_geometry at;
    PLEAT_TRY(pleat_nifti_read_label(path, &map, &at));
    for (size_t i = 0; i < pleat_voxels(map.dim); i++)
        if (map.data[i] > *most) *most = map.data[i];
    pleat_label_free(&map);
    return PLEAT_OK;
}

pleat_status pleat_score_classes(const char *truth, const pleat_map_pair *pairs, int n,
                                 pleat_classes *out) {
    int most = 1;
    char text[PLEAT_MAX_CLASSES + 1][8];
    const char *names[PLEAT_MAX_CLASSES + 1];
    *out = (pleat_classes){0};
    if (is_folder(truth)) PLEAT_TRY(pleat_layout_classes(truth, out));
    if (out->n > 0) return PLEAT_OK;
    for (int i = 0; i < n; i++) {
        PLEAT_TRY(most_label(pairs[i].truth, &most));
        PLEAT_TRY(most_label(pairs[i].prediction, &most));
    }
    PLEAT_CHECK(most < PLEAT_MAX_CLASSES, PLEAT_ERR_DATA,
                "a label map has label %d; the largest of a class is %d", most,
                PLEAT_MAX_CLASSES - 1);
    for (int c = 0; c <= most; c++) {
        (void)snprintf(text[c], sizeof text[c], "%d", c);
        names[c] = text[c];
    }
    return pleat_classes_make(names, most + 1, out);
}

pleat_status pleat_score_pairs(const pleat_map_pair *pairs, int n, pleat_place place,
                               pleat_results *results) {
    for (int i = 0; i < n; i++) {
        pleat_progress("score", (size_t)i, (size_t)n, pairs[i].id);
        PLEAT_TRY(
            pleat_score_files(pairs[i].id, 0, pairs[i].prediction, pairs[i].truth, place, results));
    }
    pleat_progress("score", (size_t)n, (size_t)n, "done");
    return PLEAT_OK;
}

pleat_status pleat_score_folders(const char *predictions, const char *truth, pleat_place place,
                                 pleat_results *results) {
    pleat_map_pair *pairs = NULL;
    int n = 0;
    PLEAT_TRY(pleat_score_find(predictions, truth, &pairs, &n));
    const pleat_status status = pleat_score_pairs(pairs, n, place, results);
    free(pairs);
    return status;
}
