/* unchanged.c - what folds say of their cases, compared with the data and with each other. */
#include "pleat/unchanged.h"

#include "pleat/checkpoint.h"
#include "pleat/log.h"
#include "pleat/prep.h"
#include "pleat/store.h"
#include "pleat/text.h"
#include "pleat/warn.h"
#include "run_impl.h"

#include <stdlib.h>
#include <string.h>

enum { IMAGE, MASK, PARTS };
static const char *const part_names[PARTS] = {"image", "mask"};

typedef struct look { /* at a case */
    int identified, told[PARTS];
    pleat_traced now[PARTS];
} look;

struct pleat_looks {
    const pleat_case_paths *paths; /* [n], in order of id */
    look *of;                      /* [n] */
    int n, orient;                 /* how the preprocessing turns them */
};

pleat_status pleat_looks_begin(const pleat_case_paths *paths, int n, int orient,
                               pleat_looks **out) {
    pleat_looks *looks = calloc(1, sizeof *looks);
    if (looks != NULL) looks->of = calloc((size_t)n + 1, sizeof *looks->of);
    if (looks == NULL || looks->of == NULL) {
        free(looks);
        return PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    }
    looks->paths = paths;
    looks->n = n;
    looks->orient = orient;
    *out = looks;
    return PLEAT_OK;
}

void pleat_looks_end(pleat_looks *looks) {
    if (looks == NULL) return;
    free(looks->of);
    free(looks);
}

static const pleat_traced *part_of(const pleat_traced_case *c, int part) {
    return part == MASK ? &c->mask : &c->image;
}

/* Compares files, and what they hold where that decides. */
static pleat_status look_inside(const pleat_case_paths *paths, int part, int orient,
                                const pleat_traced *then, pleat_traced *now, int *same) {
    *same = pleat_traced_same(then, now);
    if (*same || then->content == 0 || (part == MASK && paths->label == NULL)) return PLEAT_OK;
    if (now->content == 0)
        PLEAT_TRY(pleat_prep_content(paths, part == MASK, orient, &now->content));
    *same = pleat_traced_same(then, now);
    return PLEAT_OK;
}

/* Its files are digested once. */
static pleat_status look_at(pleat_looks *looks, int i, int part, const pleat_traced *then,
                            int *same) {
    const pleat_case_paths *paths = &looks->paths[i];
    look *l = &looks->of[i];
    if (!l->identified) {
        pleat_case_info info = {0};
        PLEAT_TRY(pleat_store_set_files(&info, paths->image, paths->images, paths->label));
        l->now[IMAGE].file = info.image_file;
        l->now[MASK].file = info.label_file;
        l->identified = 1;
    }
    return look_inside(paths, part, looks->orient, then, &l->now[part], same);
}

pleat_status pleat_looks_compare(pleat_looks *looks, const pleat_provenance *was, int *changed,
                                 char first[512]) {
    *changed = 0;
    for (int c = 0; c < was->n * PARTS; c++) {
        const pleat_traced_case *then = &was->of[c / PARTS];
        const int i = pleat_layout_find(looks->paths, looks->n, then->id), part = c % PARTS;
        int same = 1;
        if (i < 0) continue;
        PLEAT_TRY(look_at(looks, i, part, part_of(then, part), &same));
        if (same) continue;
        char what[512];
        const pleat_case_paths *paths = &looks->paths[i];
        const char *file = part == IMAGE ? paths->image[0] : paths->label;
        (void)snprintf(what, sizeof what, "the %s of case '%s', '%.300s'", part_names[part],
                       then->id, file != NULL ? file : "");
        if (!looks->of[i].told[part])
            pleat_log(PLEAT_INFO, "changed since a fold was made: %s", what);
        looks->of[i].told[part] = 1;
        if (first[0] == '\0') memcpy(first, what, sizeof what);
        ++*changed;
    }
    return PLEAT_OK;
}

pleat_status pleat_unchanged_older(const char *run, const char *store,
                                   const pleat_case_paths *paths, int n, pleat_provenance *out) {
    pleat_provenance made = {.of = calloc((size_t)n + 1, sizeof *made.of)};
    pleat_status status = PLEAT_OK;
    const char *how = "and the data compared with what the store '%s' was made of";
    if (!pleat_file_is_folder(store))
        how = "and whether the data have changed is not known, since "
              "the store '%s' is gone";
    if (n == 0) how = "and whether the data have changed is not known, since they are not here";
    char then[PLEAT_PATH_BYTES + 128];
    (void)snprintf(then, sizeof then, how, store);
    pleat_warn("folds of '%s' were made by an older pleat: their files have no checksum and do not "
               "say which cases they are of; they are believed, %s",
               run, then);
    PLEAT_CHECK(made.of != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (int i = 0; i < n; i++) { /* in order of id */
        char path[PLEAT_PATH_BYTES], preprocessing[PLEAT_PREPROCESSING_BYTES];
        pleat_case_info info = {0};
        PLEAT_TRY_GOTO(status, done,
                       pleat_path(path, sizeof path, "%s/cases/%s.h5", store, paths[i].id));
        const pleat_status looked = pleat_store_look(path, &info, preprocessing);
        if (looked == PLEAT_ERR_NOT_FOUND || looked == PLEAT_ERR_FORMAT) continue;
        PLEAT_TRY_GOTO(status, done, looked);
        pleat_traced_case *c = &made.of[made.n++];
        *c = (pleat_traced_case){.image = {info.image_file, info.image_content},
                                 .mask = {info.label_file, info.label_content}};
        (void)snprintf(c->id, sizeof c->id, "%s", paths[i].id);
    }
    *out = made;
    made = (pleat_provenance){0};
done:
    pleat_provenance_free(&made);
    return status;
}

int pleat_provenance_changed(const pleat_provenance *a, const pleat_provenance *b,
                             char first[512]) {
    int changed = 0;
    for (int c = 0; c < a->n * PARTS; c++) {
        const pleat_traced_case *one = &a->of[c / PARTS];
        const pleat_traced_case *other = pleat_provenance_find(b, one->id);
        const int part = c % PARTS;
        if (other == NULL || pleat_traced_same(part_of(one, part), part_of(other, part))) continue;
        if (first[0] == '\0')
            (void)snprintf(first, 512, "the %s of case '%s'", part_names[part], one->id);
        changed++;
    }
    return changed;
}

pleat_status pleat_run_provenance(const char *run, int folds, pleat_provenance *out) {
    for (int fold = 0; fold < folds && out->n == 0; fold++) { /* each fold knows all cases */
        char folder[PLEAT_PATH_BYTES];
        PLEAT_TRY(pleat_fold_folder(run, fold, folder));
        const pleat_status status = pleat_report_read_cases(folder, out);
        if (status != PLEAT_ERR_NOT_FOUND) PLEAT_TRY(status);
    }
    return PLEAT_OK;
}

/* --- what is refused ------------------------------------------------------------------------- */

/* The case that both folds hold out; NULL: there is none. */
static const char *held_out_twice(const pleat_provenance *a, const pleat_provenance *b) {
    for (int i = 0; i < a->n; i++) {
        if (!a->of[i].held_out) continue;
        const pleat_traced_case *other = pleat_provenance_find(b, a->of[i].id);
        if (other != NULL && other->held_out) return a->of[i].id;
    }
    return NULL;
}

/* The cases scored of each fold are those that splits_final.json, where it is, holds out. */
static pleat_status check_splits(const char *folder, const pleat_results *results) {
    char path[PLEAT_PATH_BYTES];
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_SPLITS, path));
    if (!pleat_file_exists(path)) return PLEAT_OK;
    const char **ids = malloc((size_t)results->n * sizeof *ids);
    PLEAT_CHECK(ids != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", results->n);
    for (int first = 0, n = 0; first < results->n && status == PLEAT_OK; first += n) {
        const int fold = results->cases[first].fold;
        for (n = 0; first + n < results->n && results->cases[first + n].fold == fold; n++)
            ids[n] = results->cases[first + n].id;
        status = pleat_folds_check_val(path, fold, ids, n);
    }
    free(ids);
    return status;
}

pleat_status pleat_unchanged_folds(const char *folder, const pleat_results *results,
                                   const pleat_provenance *of) {
    const int each = results->folds / results->repeats;
    int known = 0; /* the first fold that says what it is of: each says it of all cases */
    PLEAT_TRY(check_splits(folder, results));
    while (known < results->folds - 1 && of[known].n == 0) known++;
    for (int b = 1; b < results->folds; b++) {
        char what[512] = "";
        for (int a = b / each * each; a < b; a++) { /* of one repeat */
            const char *twice = held_out_twice(&of[a], &of[b]);
            PLEAT_CHECK(twice == NULL, PLEAT_ERR_DATA,
                        "case '%s' is held out by fold %d and by fold %d of '%s'; remove one of "
                        "the folds' folders to have it trained again",
                        twice, a, b, folder);
        }
        PLEAT_CHECK(b <= known || pleat_provenance_changed(&of[known], &of[b], what) == 0,
                    PLEAT_ERR_DATA,
                    "folds %d and %d of '%s' are of different states of %s; start the run with "
                    "--redo to have all folds of the state that it has now",
                    known, b, folder, what);
    }
    return PLEAT_OK;
}

pleat_status pleat_unchanged_data(const char *folder, const pleat_cases *cases, int orient,
                                  const pleat_provenance *of, int folds) {
    pleat_looks *looks = NULL;
    pleat_status status = PLEAT_OK;
    char first[512] = "";
    int changed = 0;
    PLEAT_TRY(pleat_looks_begin(cases->paths, cases->n, orient, &looks));
    for (int fold = 0; fold < folds && status == PLEAT_OK; fold++) {
        int here = 0;
        status = pleat_looks_compare(looks, &of[fold], &here, first);
        changed += here > 0;
    }
    pleat_looks_end(looks);
    PLEAT_TRY(status);
    PLEAT_CHECK(changed == 0, PLEAT_ERR_DATA,
                "%s is not what %d fold%s of '%s' %s of, so the scores are of other data; put it "
                "back, or start the run with --redo to do again the folds that it touches",
                first, changed, pleat_plural(changed), folder, changed == 1 ? "is" : "are");
    return PLEAT_OK;
}

/* The cases whose image or mask is another one in `b`: how many, and their names in `list`. */
static int differ(const pleat_provenance *a, const pleat_provenance *b, int part, char list[400]) {
    int n = 0;
    list[0] = '\0';
    for (int i = 0; i < a->n; i++) {
        const pleat_traced_case *other = pleat_provenance_find(b, a->of[i].id);
        if (other == NULL || pleat_traced_same(part_of(&a->of[i], part), part_of(other, part)))
            continue;
        pleat_warn_list(list, 400, a->of[i].id);
        n++;
    }
    return n;
}

pleat_status pleat_unchanged_masks(const char *a, const char *b) {
    const char *const run[2] = {a, b};
    pleat_provenance of[2] = {{0}, {0}};
    pleat_record record;
    pleat_status status = PLEAT_OK;
    char list[400];
    for (int i = 0; i < 2 && status == PLEAT_OK; i++) {
        status = pleat_record_read(run[i], &record);
        if (status == PLEAT_OK) status = pleat_run_provenance(run[i], record.folds, &of[i]);
    }
    PLEAT_TRY_GOTO(status, done, status);
    const int images = differ(&of[0], &of[1], IMAGE, list);
    if (images > 0)
        pleat_warn("'%s' and '%s' are of different images of %d case%s (%s): what is compared is "
                   "not the method alone",
                   a, b, images, pleat_plural(images), list);
    const int masks = differ(&of[0], &of[1], MASK, list);
    PLEAT_CHECK_GOTO(status, done, masks == 0, PLEAT_ERR_DATA,
                     "'%s' and '%s' were scored by different masks of %d case%s (%s); start the "
                     "run of the older ones with --redo to have both scored by the same",
                     a, b, masks, pleat_plural(masks), list);
done:
    pleat_provenance_free(&of[0]);
    pleat_provenance_free(&of[1]);
    return status;
}

pleat_status pleat_unchanged_scan(const char *data, pleat_case_paths **paths, int *n) {
    const pleat_log_level level = pleat_log_level_get();
    const int before = pleat_warn_count(); /* later ones are for who names the folder */
    pleat_layout_refusals refused = {0};
    *paths = NULL;
    *n = 0;
    PLEAT_CHECK(pleat_layout_is_there(data), PLEAT_ERR_NOT_FOUND,
                "the data folder '%s' of the run is not here, as on another machine", data);
    pleat_log_set_level(PLEAT_QUIET);
    pleat_warn_quiet(1);
    const pleat_status status =
        pleat_layout_scan_all(data, PLEAT_LAYOUT_LABELLED, &refused, paths, n);
    pleat_warn_quiet(0);
    pleat_warn_forget_from(before);
    pleat_log_set_level(level);
    for (int i = 0; i < refused.n; i++) pleat_log(PLEAT_INFO, "%s", refused.text[i]);
    pleat_layout_refusals_free(&refused);
    /* Not one case is left; the folder is. */
    return status == PLEAT_ERR_NOT_FOUND ? PLEAT_OK : status;
}

int pleat_unchanged_missing(const pleat_cases *cases, const pleat_provenance *of,
                            char list[PLEAT_MISSING_BYTES]) {
    const pleat_looks looks = {.paths = cases->paths, .n = cases->n};
    int missing = 0;
    list[0] = '\0';
    for (int i = 0; i < of->n; i++) {
        if (pleat_layout_find(looks.paths, looks.n, of->of[i].id) >= 0) continue;
        pleat_warn_list(list, PLEAT_MISSING_BYTES, of->of[i].id);
        missing++;
    }
    return missing;
}

pleat_status pleat_unchanged_tell_missing(const char *folder, const pleat_record *record,
                                          const pleat_cases *cases) {
    pleat_provenance of = {0};
    char list[PLEAT_MISSING_BYTES];
    PLEAT_TRY(pleat_run_provenance(folder, record->folds, &of));
    const int n = pleat_unchanged_missing(cases, &of, list);
    pleat_provenance_free(&of);
    if (n > 0)
        pleat_warn("%d case%s of '%s' %s gone from '%s', or without image or mask (%s): not "
                   "compared with what was trained on, and shown as far as files are there",
                   n, pleat_plural(n), folder, n == 1 ? "is" : "are", record->data, list);
    return PLEAT_OK;
}

/* --- what is only told ------------------------------------------------------------------------ */

/* "; and 3 more", in `out`. */
static const char *and_more(int changed, char out[32]) {
    out[0] = '\0';
    if (changed > 1) (void)snprintf(out, 32, ", and %d more", changed - 1);
    return out;
}

/* Of a model; empty where it does not say. */
static pleat_status read_model(const char *path, pleat_provenance *out) {
    char *text = NULL;
    PLEAT_TRY(pleat_checkpoint_cases(path, &text));
    const pleat_status status = text == NULL ? PLEAT_OK : pleat_provenance_parse(text, path, out);
    free(text);
    return status;
}

/* The number in RUN/fold_K/...; 0 where there is none. */
static int fold_of_path(const char *path) {
    const char *at = NULL;
    for (const char *next = strstr(path, "/fold_"); next != NULL; next = strstr(next + 1, "/fold_"))
        at = next;
    return at != NULL ? (int)strtol(at + strlen("/fold_"), NULL, 10) : 0;
}

/* The cases that the model says are held out are those of its fold in splits_final.json. */
static pleat_status check_fold(const char *run, const char *model, const pleat_provenance *of) {
    char path[PLEAT_PATH_BYTES];
    int n = 0;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_SPLITS, path));
    if (of->n == 0 || !pleat_file_exists(path)) return PLEAT_OK;
    const char **ids = malloc((size_t)of->n * sizeof *ids);
    PLEAT_CHECK(ids != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", of->n);
    for (int i = 0; i < of->n; i++)
        if (of->of[i].held_out) ids[n++] = of->of[i].id;
    const pleat_status status = pleat_folds_check_val(path, fold_of_path(model), ids, n);
    free(ids);
    PLEAT_CHECK(status != PLEAT_ERR_DATA, status,
                "'%s' is not a model of fold %d: it holds out other cases than '%s' says; put the "
                "fold's own file back",
                model, fold_of_path(model), path);
    return status;
}

/* Models of two repeats may hold out one case. */
static int of_one_repeat(const pleat_record *record, const char *a, const char *b) {
    const int each = record->repeats > 1 ? record->folds / record->repeats : PLEAT_MAX_FOLDS;
    return fold_of_path(a) / each == fold_of_path(b) / each;
}

pleat_status pleat_unchanged_own(const char *run, const char *const *models, int n) {
    pleat_record record = {0};
    pleat_config config;
    char settings[17] = "";
    pleat_status status = PLEAT_OK;
    pleat_provenance *of = calloc((size_t)n + 1, sizeof *of);
    PLEAT_CHECK(of != NULL, PLEAT_ERR_MEMORY, "no memory for %d models", n);
    if (pleat_record_read(run, &record) == PLEAT_OK && record.settings[0] != '\0' &&
        pleat_run_config(run, &config) == PLEAT_OK)
        pleat_config_fold_settings(&config, settings);
    for (int i = 0; i < n && status == PLEAT_OK; i++) {
        if (read_model(models[i], &of[i]) != PLEAT_OK) continue; /* told when it is read whole */
        if (settings[0] == '\0') memcpy(settings, of[i].settings, sizeof settings);
        status = pleat_provenance_check(&of[i], models[i], settings);
        for (int k = 0; k < i && status == PLEAT_OK; k++) {
            const char *twice = of_one_repeat(&record, models[k], models[i])
                                    ? held_out_twice(&of[k], &of[i])
                                    : NULL;
            if (twice != NULL)
                status = PLEAT_FAIL(PLEAT_ERR_DATA,
                                    "'%s' and '%s' hold out the same case '%s', so one is not that "
                                    "of its fold; put the run's own file back",
                                    models[k], models[i], twice);
        }
    }
    for (int i = 0; i < n && status == PLEAT_OK; i++) {
        status = pleat_fold_files_check(run, fold_of_path(models[i]), strrchr(models[i], '/') + 1);
        if (status == PLEAT_OK) status = check_fold(run, models[i], &of[i]);
    }
    for (int i = 0; i < n; i++) pleat_provenance_free(&of[i]);
    free(of);
    return status;
}

pleat_status pleat_unchanged_scored(const char *run, int folds, pleat_fold_file file) {
    char(*path)[PLEAT_PATH_BYTES] = calloc((size_t)folds, sizeof *path);
    const char **models = calloc((size_t)folds, sizeof *models);
    pleat_status status = PLEAT_OK;
    int n = 0;
    PLEAT_CHECK_GOTO(status, done, path != NULL && models != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %d models", folds);
    for (int fold = 0; fold < folds; fold++) {
        PLEAT_TRY_GOTO(status, done, pleat_run_fold_path(run, fold, PLEAT_FOLD_SCORES, path[n]));
        if (!pleat_file_exists(path[n])) continue; /* it may be trained now */
        PLEAT_TRY_GOTO(status, done, pleat_run_fold_path(run, fold, file, path[n]));
        if (!pleat_file_exists(path[n])) continue; /* of a run that keeps its scores alone */
        models[n] = path[n];
        n++;
    }
    status = pleat_unchanged_own(run, models, n);
done:
    free(models);
    free(path);
    return status;
}

void pleat_unchanged_models(const char *const *models, int n) {
    pleat_provenance first = {0};
    const char *named = NULL;
    for (int i = 0; i < n && n > 1; i++) {
        pleat_provenance of = {0};
        char what[512] = "", more[32];
        if (read_model(models[i], &of) != PLEAT_OK)
            pleat_warn("which cases a model has learnt from is not known: %s",
                       pleat_error_message());
        const int changed = named == NULL ? 0 : pleat_provenance_changed(&first, &of, what);
        if (changed > 0)
            pleat_warn("'%s' and '%s' were trained on different states of %s%s; start the "
                       "run with --redo to have all of one",
                       named, models[i], what, and_more(changed, more));
        if (named == NULL && of.n > 0) {
            named = models[i];
            first = of;
            of = (pleat_provenance){0};
        }
        pleat_provenance_free(&of);
    }
    pleat_provenance_free(&first);
}

/* Of the folds of `run` the lists that their models carry, compared with the data. */
static pleat_status compare_run(const char *run, char first[512], int *changed) {
    pleat_record record;
    pleat_config config;
    pleat_case_paths *paths = NULL;
    pleat_looks *looks = NULL;
    pleat_status status = PLEAT_OK;
    int n = 0;
    PLEAT_TRY(pleat_record_read(run, &record));
    if (record.data[0] == '\0' || !pleat_layout_is_there(record.data)) return PLEAT_OK;
    PLEAT_TRY(pleat_unchanged_scan(record.data, &paths, &n));
    PLEAT_TRY_GOTO(status, done, pleat_run_config(run, &config));
    PLEAT_TRY_GOTO(status, done, pleat_looks_begin(paths, n, config.prep.orient, &looks));
    for (int fold = 0; fold < record.folds && status == PLEAT_OK; fold++) {
        char path[PLEAT_PATH_BYTES];
        pleat_provenance of = {0};
        int here = 0;
        PLEAT_TRY_GOTO(status, done, pleat_run_fold_path(run, fold, PLEAT_FOLD_LATEST, path));
        if (!pleat_file_exists(path)) continue;
        status = read_model(path, &of);
        if (status == PLEAT_OK) status = pleat_looks_compare(looks, &of, &here, first);
        *changed += here;
        pleat_provenance_free(&of);
    }
done:
    pleat_looks_end(looks);
    pleat_layout_free(paths, n);
    return status;
}

void pleat_unchanged_run(const char *run) {
    char first[512] = "", path[PLEAT_PATH_BYTES];
    int changed = 0;
    if (pleat_run_path(run, PLEAT_RUN_RECORD, path) != PLEAT_OK || !pleat_file_exists(path)) return;
    if (compare_run(run, first, &changed) != PLEAT_OK)
        pleat_warn("whether the data of '%s' have changed is not known: %s", run,
                   pleat_error_message());
    if (changed > 0)
        pleat_warn("the models of '%s' were trained before %s was changed; start the run "
                   "with --redo to train them again",
                   run, first);
}

static pleat_status compare_masks(const char *fold, const pleat_results *scored) {
    pleat_provenance of = {0};
    pleat_status status = pleat_report_read_cases(fold, &of);
    for (int i = 0; i < scored->n && status == PLEAT_OK; i++) {
        const pleat_case_result *one = &scored->cases[i];
        const pleat_traced_case *then = pleat_provenance_find(&of, one->id);
        const pleat_case_paths paths = {.label = (char *)one->reference};
        pleat_traced now = {{0}, 0};
        int same = 1;
        if (then == NULL) continue;
        status = pleat_file_identify(one->reference, &now.file);
        if (status == PLEAT_OK)
            status = look_inside(&paths, MASK, 0, &then->mask, &now, &same); /* never turned */
        if (!same)
            pleat_warn("case %s: the mask '%s' is not the one that '%s/%s' is of", one->id,
                       one->reference, fold, pleat_fold_file_name(PLEAT_FOLD_SCORES));
    }
    pleat_provenance_free(&of);
    return status;
}

void pleat_unchanged_truth(const char *predictions, const pleat_results *scored) {
    char fold[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    if (pleat_path(fold, sizeof fold, "%s/..", predictions) != PLEAT_OK ||
        pleat_fold_path(fold, PLEAT_FOLD_SCORES, path) != PLEAT_OK || !pleat_file_exists(path))
        return;
    if (compare_masks(fold, scored) != PLEAT_OK)
        pleat_warn("whether masks have changed is not known: %s", pleat_error_message());
}
