/*
 * run_report.c - the report of a run: its scores, from the folders of its folds.
 */
#include "methods.h"
#include "run_impl.h"

#include "pleat/estimates.h"
#include "pleat/figures.h"
#include "pleat/label_table.h"
#include "pleat/log.h"
#include "pleat/postprocessing.h"
#include "pleat/text.h"
#include "pleat/unchanged.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pleat_status read_folds(const char *folder, const pleat_record *record,
                               const pleat_config *config, pleat_provenance *of,
                               pleat_results *out) {
    char settings[17] = "", missing[400] = "";
    if (record->settings[0] != '\0') pleat_config_fold_settings(config, settings);
    for (int fold = 0; fold < record->folds; fold++) {
        char path[PLEAT_PATH_BYTES];
        PLEAT_TRY(pleat_fold_folder(folder, fold, path));
        const pleat_status status = pleat_report_read_fold(path, fold, out, &of[fold]);
        if (status == PLEAT_ERR_NOT_FOUND) {
            (void)snprintf(path, sizeof path, "%d", fold);
            pleat_warn_list(missing, sizeof missing, path);
            continue;
        }
        PLEAT_TRY(status);
        PLEAT_TRY(pleat_run_fold_path(folder, fold, PLEAT_FOLD_SCORES, path));
        PLEAT_TRY(pleat_provenance_check(&of[fold], path, settings));
        PLEAT_TRY(pleat_fold_files_check(folder, fold, NULL));
    }
    PLEAT_CHECK(out->n > 0, PLEAT_ERR_NOT_FOUND, "no fold of '%s' has scores yet", folder);
    if (missing[0] != '\0')
        pleat_log(PLEAT_INFO, "'%s' has no scores of fold %s yet, which is left out", folder,
                  missing);
    return PLEAT_OK;
}

/* What folds with scores that do not say it are of. */
static pleat_status look_at_older(const char *folder, const pleat_config *config,
                                  const pleat_cases *cases, const pleat_results *results,
                                  pleat_provenance *of) {
    static const pleat_cases none = {0};
    char store[PLEAT_PATH_BYTES];
    const pleat_cases *known = cases != NULL ? cases : &none;
    PLEAT_TRY(pleat_dataset_store(config, folder, store));
    for (int i = 0; i < results->n; i++) {
        pleat_provenance *fold = &of[results->cases[i].fold];
        if (fold->of == NULL)
            PLEAT_TRY(pleat_unchanged_older(folder, store, known->paths, known->n, fold));
    }
    return PLEAT_OK;
}

pleat_status pleat_run_results(const char *folder, const pleat_record *record,
                               const pleat_cases *cases, pleat_results *out) {
    pleat_classes classes;
    pleat_config config;
    pleat_judging how;
    *out = (pleat_results){0};
    PLEAT_TRY(pleat_run_config(folder, &config));
    PLEAT_TRY(pleat_classes_parse(record->classes, &classes));
    pleat_status begun = pleat_config_judging(&config, &classes, &how);
    if (begun == PLEAT_OK) begun = pleat_results_begin_as(&classes, record->folds, &how, out);
    out->repeats = record->repeats;
    pleat_classes_free(&classes);
    PLEAT_TRY(begun);
    pleat_provenance *of = calloc((size_t)record->folds, sizeof *of);
    PLEAT_CHECK(of != NULL, PLEAT_ERR_MEMORY, "no memory for %d folds", record->folds);
    pleat_status status = read_folds(folder, record, &config, of, out);
    if (status == PLEAT_OK) status = look_at_older(folder, &config, cases, out, of);
    if (status == PLEAT_OK) status = pleat_unchanged_folds(folder, out, of);
    if (status == PLEAT_OK && cases != NULL)
        status = pleat_unchanged_data(folder, cases, config.prep.orient, of, record->folds);
    for (int fold = 0; fold < record->folds; fold++) pleat_provenance_free(&of[fold]);
    free(of);
    return status;
}

void pleat_run_tell_empty(const pleat_results *results) {
    for (int fold = 0; fold < results->folds; fold++) {
        int64_t wanted = 0, labelled = 0;
        int cases = 0;
        for (int i = 0; i < results->n; i++) {
            if (results->cases[i].fold != fold) continue;
            cases++;
            for (int c = 1; c < results->classes.n; c++) {
                const pleat_counts *count = &results->cases[i].counts[c];
                wanted += count->tp + count->fn;
                labelled += count->tp + count->fp;
            }
        }
        if (wanted > 0 && labelled == 0)
            pleat_warn("fold=%d: its model labelled every voxel of its %d held-out case%s "
                       "background; train longer or at a lower train.lr, and with few "
                       "steps set a lower network.norm_momentum",
                       fold, cases, pleat_plural(cases));
    }
}

/* For a paper, and for those who gather runs. Outcomes come twice: the crate lists the files that
 * they have, and is one of them. */
static pleat_status write_papers(const char *folder, const pleat_record *of,
                                 const pleat_config *config, const pleat_results *results) {
    PLEAT_TRY(pleat_methods_write(folder, of, config, results));
    PLEAT_TRY(pleat_record_outcome(folder, config, results));
    PLEAT_TRY(pleat_crate_write(folder, of));
    return pleat_record_outcome(folder, config, results);
}

/* The statistics: their files and their table; then what is for others, and the page, which has all
 * of it too. */
static pleat_status report_estimates(const char *folder, const pleat_record *of,
                                     const pleat_config *config, const pleat_results *results,
                                     const int *edited, const pleat_report_options *options) {
    pleat_estimates estimates;
    PLEAT_TRY(pleat_estimates_make(results, config->group_by, of->seed, &estimates));
    pleat_status status = pleat_estimates_write(folder, &estimates, 0);
    if (status == PLEAT_OK) (void)fputc('\n', stdout);
    if (status == PLEAT_OK) pleat_estimates_print(stdout, &estimates, options->verbose);
    if (status == PLEAT_OK) status = write_papers(folder, of, config, results);
    if (status == PLEAT_OK)
        status = pleat_run_page(folder, of, config, &estimates, edited, options->page);
    pleat_estimates_free(&estimates);
    return status;
}

pleat_status pleat_crossval_results(const char *folder, pleat_results *out) {
    pleat_record record;
    *out = (pleat_results){0};
    PLEAT_TRY(pleat_record_read(folder, &record));
    return pleat_run_results(folder, &record, NULL, out);
}

/* A run without scores has a page that says how far it is, and no more. */
static pleat_status page_alone(const char *folder, const pleat_record *of,
                               const pleat_config *config, const pleat_page_options *page) {
    PLEAT_TRY(pleat_run_page(folder, of, config, NULL, NULL, page));
    return PLEAT_FAIL(PLEAT_ERR_NOT_FOUND,
                      "no fold of '%s' has scores yet; '%s/%s' says how far they are", folder,
                      folder, pleat_run_file_name(PLEAT_RUN_PAGE));
}

/* All predictions of a run of these results, freed by the caller; NULL where a fold has none. */
static pleat_status find_predictions(const char *folder, const pleat_results *results,
                                     pleat_map_pair **out) {
    int folds = 0;
    for (int fold = 0; fold < results->folds; fold++) {
        int i = 0;
        while (i < results->n && results->cases[i].fold != fold) i++;
        folds += i < results->n;
    }
    *out = NULL;
    if (folds < results->folds) return PLEAT_OK;
    pleat_map_pair *pairs = calloc((size_t)results->n + 1, sizeof *pairs);
    PLEAT_CHECK(pairs != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", results->n);
    pleat_status status = PLEAT_OK;
    for (int i = 0; i < results->n && status == PLEAT_OK; i++) {
        const pleat_case_result *one = &results->cases[i];
        (void)snprintf(pairs[i].id, sizeof pairs[i].id, "%s", one->id);
        (void)snprintf(pairs[i].truth, sizeof pairs[i].truth, "%s", one->reference);
        status = pleat_run_prediction(folder, one, pairs[i].prediction);
    }
    if (status == PLEAT_OK)
        *out = pairs;
    else
        free(pairs);
    return status;
}

/* Chosen already at the end of a run, by all its ranks. */
static pleat_status report_postprocessing(const char *folder, const pleat_results *results) {
    pleat_comm *self = NULL;
    pleat_map_pair *pairs = NULL;
    PLEAT_TRY(find_predictions(folder, results, &pairs));
    if (pairs == NULL) return PLEAT_OK;
    pleat_status status = pleat_comm_self(&self);
    if (status == PLEAT_OK)
        status = pleat_postprocessing_choose(self, folder, &results->classes, pairs, results->n);
    pleat_comm_destroy(self);
    free(pairs);
    if (status == PLEAT_OK) status = pleat_postprocessing_print(stdout, folder, &results->classes);
    return status;
}

pleat_status pleat_run_write_report(const char *folder, const pleat_record *of,
                                    const pleat_cases *cases, const pleat_report_options *options) {
    const pleat_rescore *anew = options->anew;
    int *edited = NULL, any_edited = 0;
    pleat_results results;
    pleat_config config;
    char settings[17];
    PLEAT_TRY(pleat_run_config(folder, &config));
    pleat_config_settings(&config, settings);
    PLEAT_CHECK(of->settings[0] == '\0' || strcmp(settings, of->settings) == 0, PLEAT_ERR_DATA,
                "'%s/%s' is not the configuration that the run has begun with; put it back as it "
                "was",
                folder, pleat_run_file_name(PLEAT_RUN_CONFIG));
    for (int i = 0; anew != NULL && i < anew->n; i++)
        PLEAT_TRY(pleat_config_set(anew->assignment[i], &config));
    if (options->drawn != NULL) {
        config.figures = options->drawn->figures;
        config.pictures = options->drawn->pictures;
    }
    const pleat_report_info info = {.version = of->version,
                                    .command = of->command,
                                    .config_digest = of->digest,
                                    .engine = of->engine,
                                    .precision = of->precision,
                                    .weights = of->weights,
                                    .seed = of->seed};
    PLEAT_TRY(pleat_record_warnings(folder));
    pleat_status status = pleat_run_results(folder, of, cases, &results);
    if (status == PLEAT_ERR_NOT_FOUND && results.n == 0)
        status = page_alone(folder, of, &config, options->page);
    if (status == PLEAT_OK)
        status = pleat_unchanged_scored(folder, of->folds, pleat_weights_file(config.weights));
    if (status == PLEAT_OK) status = pleat_run_page_check(folder, &results, options->page);
    if (status == PLEAT_OK && anew != NULL) status = pleat_run_rescore(folder, &config, &results);
    if (status == PLEAT_OK) edited = calloc((size_t)results.n + 1, sizeof *edited);
    if (status == PLEAT_OK && edited == NULL)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %d cases", results.n);
    if (status == PLEAT_OK && anew == NULL) /* else their voxels were compared */
        status = pleat_record_edited(folder, &results, edited, &any_edited);
    if (status == PLEAT_OK) pleat_run_tell_empty(&results);
    if (status == PLEAT_OK) status = pleat_report_write(folder, &results, &info);
    if (status == PLEAT_OK) status = pleat_label_tables_write(folder, &results.classes);
    if (status == PLEAT_OK) status = pleat_figures_run(folder, &results, config.figures);
    if (status == PLEAT_OK) status = pleat_report_print(stdout, &results, options->verbose);
    if (status == PLEAT_OK && !any_edited) status = report_postprocessing(folder, &results);
    if (status == PLEAT_OK)
        status = report_estimates(folder, of, &config, &results, edited, options);
    if (status == PLEAT_OK)
        pleat_text_print("\npage: %s/%s\nresults: %s\n", folder,
                         pleat_run_file_name(PLEAT_RUN_PAGE), folder);
    pleat_results_free(&results);
    free(edited);
    return status;
}

pleat_status pleat_crossval_report(const char *folder, const pleat_report_options *options) {
    pleat_record record;
    pleat_cases cases = {0};
    PLEAT_TRY(pleat_record_read(folder, &record));
    PLEAT_TRY(pleat_record_restore(folder));
    const int known = record.data[0] != '\0';
    const int here = known && pleat_unchanged_scan(record.data, &cases.paths, &cases.n) == PLEAT_OK;
    if (known && !here)
        pleat_log(PLEAT_INFO, "%s; whether the cases have changed is not known",
                  pleat_error_message());
    pleat_status status = PLEAT_OK;
    if (here) status = pleat_unchanged_tell_missing(folder, &record, &cases);
    if (status == PLEAT_OK)
        status = pleat_run_write_report(folder, &record, here ? &cases : NULL, options);
    pleat_cases_free(&cases);
    return status;
}
