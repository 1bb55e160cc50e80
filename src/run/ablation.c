/* ablation.c - four cross-validations, one after another, and their comparison. */
#include "pleat/ablation.h"

#include "pleat/figures.h"
#include "pleat/log.h"
#include "pleat/output.h"
#include "pleat/text.h"
#include "run_impl.h"

#include <stdlib.h>
#include <string.h>

enum { VARIANTS = 4 };

static const struct variant {
    const char *name;
    int preprocessing, augmentation;
} variants[VARIANTS] = {
    {"none", 0, 0},
    {"augmentation", 0, 1},
    {"preprocessing", 1, 0},
    {"both", 1, 1},
};

static pleat_status set_store(const char *study, pleat_run_file store, pleat_config *config) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(study, store, path));
    return pleat_path(config->store, sizeof config->store, "%s", path);
}

static pleat_status run_variant(pleat_session *session, const struct variant *v,
                                const pleat_config *all, const pleat_run_options *options) {
    char folder[PLEAT_PATH_BYTES];
    pleat_config config = *all;
    pleat_run_options mine = *options;
    const int nowhere = options->out[0] == '\0'; /* of a dry run */
    PLEAT_TRY(pleat_path(folder, sizeof folder, "%s/%s", options->out, v->name));
    mine.out = nowhere ? "" : folder;
    if (!v->augmentation) config.train.augment = config.mirror = 0;
    if (!v->preprocessing) config.prep = (pleat_prep_config){.affine = all->prep.affine};
    if (!v->preprocessing && !nowhere)
        PLEAT_TRY(set_store(options->out, PLEAT_RUN_STORE_RAW, &config));
    else if (config.store[0] == '\0' && !nowhere)
        PLEAT_TRY(set_store(options->out, PLEAT_RUN_STORE, &config));
    pleat_log(PLEAT_INFO, "ablation: %s, in '%s'", v->name, nowhere ? "no folder" : folder);
    return pleat_crossval_run(session, &config, &mine);
}

static pleat_status compare(const char *run, int draw) {
    pleat_status status = PLEAT_OK;
    char folder[PLEAT_PATH_BYTES];
    pleat_results results[VARIANTS] = {{0}};
    pleat_report_variant named[VARIANTS];
    pleat_record record = {0};
    for (int v = 0; v < VARIANTS; v++) {
        named[v] = (pleat_report_variant){variants[v].name, &results[v]};
        PLEAT_TRY_GOTO(status, done,
                       pleat_path(folder, sizeof folder, "%s/%s", run, variants[v].name));
        PLEAT_TRY_GOTO(status, done, pleat_record_read(folder, &record));
        PLEAT_TRY_GOTO(status, done, pleat_run_results(folder, &record, NULL, &results[v]));
    }
    PLEAT_TRY_GOTO(status, done, pleat_report_compare(stdout, run, named, VARIANTS));
    PLEAT_TRY_GOTO(status, done,
                   pleat_figures_boxes(run, "ablation", PLEAT_HEADLINE, named, VARIANTS, draw));
    pleat_text_print("\nresults: %s/ablation.csv\n", run);
done:
    for (int v = 0; v < VARIANTS; v++) pleat_results_free(&results[v]);
    return status;
}

static int is_ours(const char *folder, const char *name) {
    static const pleat_run_file files[] = {PLEAT_RUN_STORE, PLEAT_RUN_STORE_RAW, PLEAT_RUN_FIGURES,
                                           PLEAT_RUN_ABLATION, PLEAT_RUN_ABLATION_DETAILED};
    (void)folder;
    for (int v = 0; v < VARIANTS; v++)
        if (strcmp(name, variants[v].name) == 0) return 1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(name, pleat_run_file_name(files[i])) == 0) return 1;
    return 0;
}

pleat_status pleat_ablation_run(pleat_session *session, const pleat_config *config,
                                const pleat_run_options *options) {
    pleat_status status = PLEAT_OK;
    if (session->rank == 0 && options->out[0] != '\0')
        status = pleat_output_check("--out", options->out, "pleat ablate", is_ours);
    PLEAT_TRY(pleat_comm_agree(session->world, status));
    for (int v = 0; v < VARIANTS; v++)
        PLEAT_TRY(run_variant(session, &variants[v], config, options));
    if (options->dry_run) return PLEAT_OK;
    return pleat_comm_agree(session->world,
                            session->rank == 0 ? compare(options->out, config->figures) : PLEAT_OK);
}
