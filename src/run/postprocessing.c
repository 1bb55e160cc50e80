/* postprocessing.c - a run's choice of largest components: made, kept in a sealed file, read. */
#include "pleat/postprocessing.h"

#include "pleat/file.h"
#include "pleat/folds.h"
#include "pleat/json.h"
#include "pleat/log.h"
#include "pleat/nifti.h"
#include "pleat/report.h"
#include "pleat/rundir.h"
#include "pleat/terminal.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA "pleat/postprocessing/1"
#define CURE   "`pleat report` of the run chooses again, `predict --no-postprocess` leaves it out"

/* Of the files of all folds that have scores. */
static pleat_status digest_scores(const char *run, char out[17]) {
    uint64_t digest = 0;
    for (int fold = 0; fold < PLEAT_MAX_FOLDS; fold++) {
        char path[PLEAT_PATH_BYTES], *text = NULL;
        size_t n = 0;
        PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_SCORES, path));
        if (!pleat_file_exists(path)) continue;
        PLEAT_TRY(pleat_file_read_all(path, &text, &n));
        digest = pleat_digest(digest, text, n);
        free(text);
    }
    pleat_digest_hex(digest, out);
    return PLEAT_OK;
}

/* Why the scores are not those that were chosen by: one that was changed is to blame. */
static pleat_status check_scores(const char *run) {
    for (int fold = 0; fold < PLEAT_MAX_FOLDS; fold++) {
        char folder[PLEAT_PATH_BYTES];
        pleat_provenance of = {0};
        PLEAT_TRY(pleat_fold_folder(run, fold, folder));
        const pleat_status status = pleat_report_read_cases(folder, &of);
        pleat_provenance_free(&of);
        if (status != PLEAT_ERR_NOT_FOUND) PLEAT_TRY(status);
    }
    return PLEAT_OK;
}

/* --- the file --------------------------------------------------------------------------------- */

static json_t *class_json(const pleat_largest_choice *choice, const pleat_classes *classes, int c) {
    return json_pack("{si so so so sb}", "label", classes->value[c], "class",
                     pleat_json_text(classes->name[c]), "dice", pleat_json_real(choice->before[c]),
                     "dice_processed", pleat_json_real(choice->after[c]), "largest",
                     choice->kept.of_class[c]);
}

static pleat_status write_choice(const char *run, const pleat_largest_choice *choice,
                                 const pleat_classes *classes, int cases, const char *scores) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_POSTPROCESSING, path));
    json_t *list = json_array();
    for (int c = 1; c < classes->n; c++)
        (void)json_array_append_new(list, class_json(choice, classes, c));
    json_t *root = json_pack("{ss ss si sb so so so so}", "schema", SCHEMA, "scores_digest", scores,
                             "cases", cases, "largest_foreground", choice->kept.foreground, "dice",
                             pleat_json_real(choice->mean_before), "dice_foreground",
                             pleat_json_real(choice->mean_foreground), "dice_processed",
                             pleat_json_real(choice->mean_after), "classes", list);
    const pleat_status status = pleat_json_write(root, SCHEMA, path);
    json_decref(root);
    return status;
}

static double real_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static pleat_status parse(const json_t *root, const char *path, pleat_postprocessing *p) {
    const json_t *list = json_object_get(root, "classes");
    const size_t n = json_array_size(list);
    pleat_largest_choice *out = &p->choice;
    *out = (pleat_largest_choice){.classes = (int)n + 1};
    PLEAT_CHECK(n >= 1 && n < PLEAT_MAX_CLASSES, PLEAT_ERR_FORMAT, "'%s' is of no classes; " CURE,
                path);
    out->kept.foreground = json_is_true(json_object_get(root, "largest_foreground"));
    out->mean_before = real_of(root, "dice");
    out->mean_foreground = real_of(root, "dice_foreground");
    out->mean_after = real_of(root, "dice_processed");
    for (size_t c = 1; c <= n; c++) {
        const json_t *one = json_array_get(list, c - 1);
        out->before[c] = real_of(one, "dice");
        out->after[c] = real_of(one, "dice_processed");
        out->kept.of_class[c] = json_is_true(json_object_get(one, "largest"));
        const json_int_t label = json_integer_value(json_object_get(one, "label"));
        PLEAT_CHECK(label >= 1 && label < PLEAT_MAX_CLASSES, PLEAT_ERR_FORMAT,
                    "'%s' has no label of class %zu; " CURE, path, c);
        p->label[c] = (uint8_t)label;
    }
    return PLEAT_OK;
}

pleat_largest pleat_postprocessing_of_files(const pleat_postprocessing *p) {
    pleat_largest out = {.foreground = p->choice.kept.foreground};
    for (int c = 1; c < p->choice.classes; c++)
        if (p->choice.kept.of_class[c]) out.of_class[p->label[c]] = 1;
    return out;
}

pleat_status pleat_postprocessing_read(const char *run, pleat_postprocessing *out, int *found) {
    char path[PLEAT_PATH_BYTES], scores[17];
    json_t *root = NULL;
    int sealed = 0;
    *out = (pleat_postprocessing){.choice = {.classes = 0}};
    *found = 0;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_POSTPROCESSING, path));
    if (!pleat_file_exists(path)) return PLEAT_OK;
    PLEAT_TRY(pleat_json_read(path, SCHEMA, CURE, &root, &sealed));
    const char *of = json_string_value(json_object_get(root, "scores_digest"));
    pleat_status status = digest_scores(run, scores);
    if (status == PLEAT_OK && !sealed)
        status = PLEAT_FAIL(PLEAT_ERR_FORMAT, "'%s' is no %s file; " CURE, path, SCHEMA);
    if (status == PLEAT_OK && (of == NULL || strcmp(of, scores) != 0)) {
        status = check_scores(run);
        if (status == PLEAT_OK)
            status = PLEAT_FAIL(PLEAT_ERR_DATA,
                                "'%s' is of other scores than the run has now; " CURE, path);
    }
    if (status == PLEAT_OK) status = parse(root, path, out);
    json_decref(root);
    *found = status == PLEAT_OK;
    return status;
}

/* --- the choice ------------------------------------------------------------------------------- */

/* A label map with the labels inside. */
static pleat_status read_map(const char *path, const pleat_labels *labels, pleat_label *out) {
    PLEAT_TRY(pleat_nifti_read_label(path, out, NULL));
    const size_t n = pleat_voxels(out->dim), at = pleat_labels_enter(labels, n, out->data);
    PLEAT_CHECK(at == n, PLEAT_ERR_DATA, "'%s' has label %d, which is of no class", path,
                out->data[at]);
    return PLEAT_OK;
}

static pleat_status count_pair(const pleat_map_pair *pair, const pleat_labels *labels, int classes,
                               pleat_counts *out) {
    pleat_label guess = {0}, truth = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, read_map(pair->prediction, labels, &guess));
    PLEAT_TRY_GOTO(status, done, read_map(pair->truth, labels, &truth));
    PLEAT_CHECK_GOTO(status, done, memcmp(guess.dim, truth.dim, sizeof guess.dim) == 0,
                     PLEAT_ERR_SHAPE, "'%s' and '%s' differ in size", pair->prediction,
                     pair->truth);
    for (size_t v = 0; v < pleat_voxels(truth.dim); v++) /* as scores have it */
        if (truth.data[v] == PLEAT_IGNORED) truth.data[v] = guess.data[v] = 0;
    status = pleat_largest_count(guess.data, truth.data, guess.dim, classes, out);
done:
    pleat_label_free(&guess);
    pleat_label_free(&truth);
    return status;
}

/* Collective: every rank has it. */
static pleat_status all_have(pleat_comm *comm, const void *memory, int n) {
    return pleat_comm_agree(
        comm, memory != NULL
                  ? PLEAT_OK
                  : PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the counts of %d cases", n));
}

/* counts [n][WAYS][classes], of this rank's share, to those of all; *failed where one could not be
 * counted. Whole numbers, so the sum does not depend on the ranks. */
static pleat_status count_all(pleat_comm *comm, const pleat_map_pair *pairs, int n,
                              const pleat_classes *classes, pleat_counts *counts, int *failed) {
    pleat_labels labels;
    pleat_labels_of(classes, &labels);
    const size_t each = PLEAT_LARGEST_WAYS * (size_t)classes->n, values = (size_t)n * each * 3;
    double *sums = calloc(values + 1, sizeof *sums);
    pleat_status status = all_have(comm, sums, n);
    if (status != PLEAT_OK || sums == NULL) goto done;
    for (int i = comm->rank; i < n && sums[values] == 0.0; i += comm->size) {
        pleat_counts *mine = counts + (size_t)i * each;
        if (count_pair(&pairs[i], &labels, classes->n, mine) != PLEAT_OK) {
            pleat_log(PLEAT_INFO, "no post-processing is chosen: case '%s': %s", pairs[i].id,
                      pleat_error_message());
            sums[values] = 1.0;
        }
        for (size_t k = 0; k < each; k++) {
            double *to = sums + ((size_t)i * each + k) * 3;
            to[0] = (double)mine[k].tp;
            to[1] = (double)mine[k].fp;
            to[2] = (double)mine[k].fn;
        }
    }
    PLEAT_TRY_GOTO(status, done, pleat_comm_allreduce_sum(comm, sums, values + 1, PLEAT_F64));
    PLEAT_TRY_GOTO(status, done, pleat_comm_wait(comm));
    for (size_t k = 0; k < (size_t)n * each; k++)
        counts[k] = (pleat_counts){.tp = (int64_t)sums[3 * k],
                                   .fp = (int64_t)sums[3 * k + 1],
                                   .fn = (int64_t)sums[3 * k + 2]};
    *failed = sums[values] > 0.0;
done:
    free(sums);
    return status;
}

/* Of rank 0: whether the file is not of the scores. One that cannot be read is not. */
static pleat_status is_stale(const char *run, char scores[17], int *out) {
    pleat_postprocessing was;
    int found = 0;
    PLEAT_TRY(digest_scores(run, scores));
    *out = pleat_postprocessing_read(run, &was, &found) != PLEAT_OK || !found;
    return PLEAT_OK;
}

static pleat_status choose(pleat_comm *comm, const char *run, const pleat_classes *classes,
                           const pleat_map_pair *pairs, int n, const char *scores) {
    int failed = 0;
    pleat_largest_choice choice;
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_POSTPROCESSING, path));
    pleat_counts *counts =
        calloc((size_t)n * PLEAT_LARGEST_WAYS * (size_t)classes->n, sizeof *counts);
    pleat_status status = all_have(comm, counts, n);
    if (status != PLEAT_OK || counts == NULL) goto done;
    PLEAT_TRY_GOTO(status, done, count_all(comm, pairs, n, classes, counts, &failed));
    if (comm->rank == 0 && failed) (void)unlink(path); /* an older one is of other scores */
    if (comm->rank == 0 && !failed) {
        pleat_largest_choose(counts, n, classes->n, &choice);
        status = write_choice(run, &choice, classes, n, scores);
    }
    status = pleat_comm_agree(comm, status);
done:
    free(counts);
    return status;
}

static int by_name(const void *a, const void *b) {
    const pleat_map_pair *x = a, *y = b;
    const int order = strcmp(x->id, y->id);
    return order != 0 ? order : strcmp(x->prediction, y->prediction);
}

pleat_status pleat_postprocessing_choose(pleat_comm *comm, const char *run,
                                         const pleat_classes *classes, pleat_map_pair *pairs,
                                         int n) {
    char scores[17] = "";
    int stale = 0;
    if (classes->of_regions) return PLEAT_OK;
    const pleat_status status = comm->rank == 0 ? is_stale(run, scores, &stale) : PLEAT_OK;
    PLEAT_TRY(pleat_comm_agree(comm, status));
    PLEAT_TRY(pleat_comm_broadcast_bytes(comm, &stale, sizeof stale, 0));
    qsort(pairs, (size_t)n, sizeof *pairs, by_name); /* means are sums in this order */
    return stale ? choose(comm, run, classes, pairs, n, scores) : PLEAT_OK;
}

/* --- in words --------------------------------------------------------------------------------- */

const char *pleat_postprocessing_text(const pleat_largest *kept, const pleat_classes *classes,
                                      char *text, size_t size) {
    const char *join = kept->foreground ? ", then of " : "the largest component of ";
    (void)snprintf(text, size, "%s",
                   kept->foreground ? "the largest component of the foreground" : "none");
    if (!kept->foreground && pleat_largest_any(kept)) text[0] = '\0';
    for (int c = 1; c < classes->n; c++) {
        const size_t used = strlen(text);
        if (!kept->of_class[c]) continue;
        (void)snprintf(text + used, size - used, "%s%s", join, classes->name[c]);
        join = ", ";
    }
    return text;
}

pleat_status pleat_postprocessing_print(FILE *out, const char *run, const pleat_classes *classes) {
    pleat_postprocessing p;
    int found = 0;
    char text[1024];
    PLEAT_TRY(pleat_postprocessing_read(run, &p, &found));
    if (!found || p.choice.classes != classes->n) return PLEAT_OK;
    (void)pleat_postprocessing_text(&p.choice.kept, classes, text, sizeof text);
    (void)fputc('\n', out);
    if (pleat_largest_any(&p.choice.kept))
        pleat_terminal_print(
            out, 0, 0,
            "post-processing: %s; mean Dice %.4f as predicted, %.4f with it. pleat "
            "predict applies it",
            text, p.choice.mean_before, p.choice.mean_after);
    else
        pleat_terminal_print(out, 0, 0,
                             "post-processing: none; mean Dice %.4f as predicted, %.4f with the "
                             "largest component of the foreground alone",
                             p.choice.mean_before, p.choice.mean_foreground);
    return PLEAT_OK;
}
