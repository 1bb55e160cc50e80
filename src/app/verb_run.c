/* verb_run.c - run: a whole cross-validation; train: the same without predictions. */
#include "suggest.h"

#include "pleat/cases.h"
#include "pleat/crossval.h"
#include "pleat/file.h"
#include "pleat/halt.h"
#include "pleat/log.h"
#include "pleat/output.h"
#include "pleat/rundir.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Before the data are read: whether `path` is there, in a folder that may hold it. */
static pleat_status look_for(const char *data, const char *out, const char *path, int *there) {
    char begun[PLEAT_PATH_BYTES];
    pleat_config config;
    pleat_config_defaults(&config);
    PLEAT_TRY(pleat_config_set_key("--suggest", "data", data, &config));
    PLEAT_TRY(pleat_run_path(out, PLEAT_RUN_CONFIG, begun));
    *there = pleat_file_exists(path);
    PLEAT_CHECK(*there || !pleat_file_exists(begun), PLEAT_ERR_ARG,
                "--suggest %s: '%s' is a run that has begun with a configuration; start it with "
                "that, or use another --out folder",
                data, out);
    PLEAT_TRY(pleat_output_check("--out", out, "pleat run", pleat_output_is_run));
    return pleat_cases_check_apart(&config, "--out", out);
}

/* The data of a suggestion of another start are not these. */
static pleat_status check_same_data(const char *data, const pleat_config *config,
                                    const char *path) {
    const size_t n = strlen(data); /* data.image may follow it after a '|' */
    const int same =
        strncmp(data, config->data, n) == 0 && (config->data[n] == '\0' || config->data[n] == '|');
    PLEAT_CHECK(same, PLEAT_ERR_ARG,
                "--suggest %s: '%s' is of '%.*s'; name that, or use another --out folder", data,
                path, (int)strcspn(config->data, "|"), config->data);
    return PLEAT_OK;
}

/* Of rank 0: what was suggested, kept in the run's folder unless it is a dry run. */
static pleat_status keep(const char *text, const char *path, const text_list *sets,
                         const pleat_run_options *o, pleat_config *out) {
    if (!o->dry_run) {
        PLEAT_TRY(pleat_file_make_part(o->out));
        PLEAT_TRY(pleat_file_write_atomic(path, text, strlen(text)));
        pleat_log(PLEAT_INFO, "the configuration: %s", path);
    }
    return verb_config_text(text, o->dry_run ? "--suggest" : path, sets, out);
}

/* Made at the first start of a run, the same at the next ones. Rank 0's is taken for all. */
static pleat_status suggest(const app *a, const suggest_how *how, const pleat_run_options *o,
                            pleat_config *out) {
    const char *data = how->request.data;
    char *text = NULL, path[PLEAT_PATH_BYTES] = "";
    int there = 0;
    pleat_status status = PLEAT_OK;
    if (o->out[0] != '\0') status = pleat_run_path(o->out, PLEAT_RUN_SUGGESTED, path);
    if (status == PLEAT_OK && path[0] != '\0' && a->session->rank == 0)
        status = look_for(data, o->out, path, &there);
    PLEAT_TRY(pleat_comm_agree(a->session->world, status));
    PLEAT_TRY(pleat_comm_broadcast_bytes(a->session->world, &there, sizeof there, 0));
    if (there) {
        PLEAT_TRY(verb_config(path, &how->sets, out));
        if (how->hours != NULL || how->gpu_memory != NULL || how->request.like != NULL)
            pleat_log(PLEAT_INFO, "--suggest: '%s' is there already and is followed", path);
        return check_same_data(data, out, path);
    }
    PLEAT_TRY(suggest_make(a, how, &text));
    pleat_config_defaults(out);
    if (a->session->rank == 0) status = keep(text, path, &how->sets, o, out);
    free(text);
    return pleat_comm_agree(a->session->world, status);
}

static pleat_status run_or_train(app *a, const verb *self, int argc, char **argv, int train_only) {
    const char *live = NULL, *out = NULL, *max_time = NULL;
    suggest_how how = SUGGEST_USUAL;
    text_list words = {0};
    pleat_run_options options = {.command = a->command, .only_fold = -1};
    int go = 0, fold = INT_MIN, requeue = INT_MIN; /* not given */
    options.train_only = train_only;
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "RUN", "folder of the run; if it exists, the run resumes"},
        {"--suggest", OPTION_TEXT, &how.request.data, "DATA",
         "without CONFIG: use what pleat suggest DATA prints, kept in RUN for the next start"},
        {"--hours", OPTION_TEXT, &how.hours, "H", "with --suggest: as of pleat suggest"},
        {"--gpu-memory", OPTION_TEXT, &how.gpu_memory, "SIZE",
         "with --suggest: as of pleat suggest"},
        {"--like", OPTION_TEXT, &how.request.like, "NAME", "with --suggest: as of pleat suggest"},
        {"--set", OPTION_LIST, &how.sets, "KEY=VALUE", VERB_SET_HELP},
        {"--fold", OPTION_INT, &fold, "K", "only this fold, from 0"},
        {"--max-time", OPTION_TEXT, &max_time, "TIME",
         "save a checkpoint and exit with 85 before this limit; seconds or HH:MM:SS"},
        {"--requeue-exit", OPTION_INT, &requeue, "N",
         "exit code when the run must be restarted, such as 143 for Nextflow (default 85)"},
        {"--redo", OPTION_FLAG, &options.redo, NULL,
         "retrain the folds affected by changed cases; without it a changed case is an error"},
        {"--live", OPTION_TEXT, &live, VERB_LIVE_ARGUMENT, VERB_LIVE_HELP},
        {"--dry-run", OPTION_FLAG, &options.dry_run, NULL,
         "print which ranks train which folds, and stop"},
        {"--all-scores", OPTION_FLAG, &options.verbose, NULL,
         "a table for each score, not only for the first"},
        {0},
    };
    pleat_config config;
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(pleat_session_check_launch(a->session));
    const char *data = how.request.data;
    const int only = how.hours != NULL || how.gpu_memory != NULL || how.request.like != NULL;
    PLEAT_CHECK(data != NULL || !only, PLEAT_ERR_ARG,
                "--hours, --gpu-memory and --like are for --suggest DATA, not for a configuration");
    PLEAT_CHECK(data == NULL || words.n == 0, PLEAT_ERR_ARG,
                "'%s' is one argument too many: --suggest makes the configuration", words.item[0]);
    PLEAT_CHECK(data == NULL || out != NULL || options.dry_run, PLEAT_ERR_ARG,
                "%s --suggest needs --out RUN, where the configuration is kept", self->name);
    if (data == NULL) PLEAT_TRY(verb_needs(self, rows, &words, !options.dry_run));
    PLEAT_CHECK(fold >= 0 || fold == INT_MIN, PLEAT_ERR_ARG, "--fold %d: folds count from 0", fold);
    if (fold >= 0) options.only_fold = fold;
    options.out = out != NULL ? out : ""; /* a dry run may have none */
    PLEAT_CHECK((requeue >= 1 && requeue <= 255) || requeue == INT_MIN, PLEAT_ERR_ARG,
                "--requeue-exit %d: must be an exit code, 1 to 255", requeue);
    if (requeue != INT_MIN) pleat_status_set_requeue_exit(requeue);
    if (max_time != NULL) PLEAT_TRY(pleat_halt_parse("--max-time", max_time, &options.max_time));
    PLEAT_TRY(verb_live(live));
    PLEAT_TRY(data != NULL ? suggest(a, &how, &options, &config)
                           : verb_config(words.item[0], &how.sets, &config));
    return pleat_crossval_run(a->session, &config, &options);
}

pleat_status verb_run(app *a, const verb *self, int argc, char **argv) {
    return run_or_train(a, self, argc, argv, 0);
}

pleat_status verb_train(app *a, const verb *self, int argc, char **argv) {
    return run_or_train(a, self, argc, argv, 1);
}
