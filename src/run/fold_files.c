/*
 * fold_files.c - whether the files in a fold's folder belong to each other and to the run.
 *
 *   run.json       digests of scores, history and models, since the last report
 *   history.tsv    a row an epoch; a checkpoint carries the rows up to its own epoch
 *   config.yaml    train.epochs; a checkpoint carries the configuration that it was trained by
 *
 * Files of an older pleat are taken as they are.
 */
#include "run_impl.h"

#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of history.tsv have nine digits. */
static int is_near(double a, double b) {
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= 1e-8 * (fabs(a) + fabs(b));
}

/* A line, without its number, is the row[n] of a checkpoint; an empty field is NaN. */
static int is_row(const char *line, const double *row, int n) {
    const char *at = strchr(line, '\t');
    for (int i = 0; i < n; i++) {
        if (at == NULL) return 0;
        const size_t length = strcspn(++at, "\t"); /* strtod would skip an empty field */
        char *end = (char *)at;
        const double x = length > 0 ? strtod(at, &end) : (double)NAN;
        if (end != at + length || !is_near(x, row[i])) return 0;
        at = *end == '\t' ? end : NULL;
    }
    return at == NULL;
}

/* Of the text of history.tsv the rows; the first that is not the checkpoint's, 0: none of those
 * that both have, up to `most`. */
static int other_row(const pleat_checkpoint *c, const char *text, int most, int *rows) {
    const int columns = pleat_checkpoint_columns(c), values = columns - 1; /* not the seconds */
    int other = 0;
    *rows = 0;
    for (const char *line = strchr(text, '\n'); line != NULL && line[1] != '\0';
         line = strchr(line + 1, '\n')) {
        const int row = (*rows)++;
        char field[2048];
        (void)snprintf(field, sizeof field, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
        if (row < most && other == 0 && !is_row(field, c->history + (size_t)row * columns, values))
            other = row + 1;
    }
    return other;
}

/* The best model may be of an epoch whose last attempt was lost with the machine, and whose row is
 * that of another one. */
static pleat_status check_history(const char *run, int fold, const char *path, int scored,
                                  const pleat_checkpoint *c, int *rows) {
    char history[PLEAT_PATH_BYTES], *text = NULL;
    const int latest = strcmp(strrchr(path, '/') + 1, pleat_fold_file_name(PLEAT_FOLD_LATEST)) == 0;
    PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_HISTORY, history));
    if (!pleat_file_exists(history)) return PLEAT_OK;
    PLEAT_TRY(pleat_file_read_all(history, &text, NULL));
    const int other = other_row(c, text, latest ? c->epoch : c->epoch - 1, rows);
    free(text);
    PLEAT_CHECK(other == 0, PLEAT_ERR_DATA,
                "'%s' is not of the training that '%s' tells of: epoch %d is another; put the "
                "fold's own files back, or remove '%s/fold_%d' and start the run again to train "
                "the fold again",
                path, history, other, run, fold);
    PLEAT_CHECK(!scored || c->epoch == *rows || (!latest && c->epoch < *rows), PLEAT_ERR_DATA,
                "'%s' is of epoch %d, and by '%s' the fold that was scored was trained for %d; put "
                "the fold's own files back, or remove '%s/fold_%d' and start the run again to "
                "train the fold again",
                path, c->epoch, history, *rows, run, fold);
    return PLEAT_OK;
}

/* A fold that has come to the end of fewer epochs, without having ended early. */
static pleat_status check_epochs(const char *run, int fold, const pleat_config *config,
                                 const pleat_checkpoint *latest, const char *path) {
    pleat_config own;
    pleat_schedule schedule = pleat_schedule_init(&config->train.rates, 0.0);
    pleat_config_defaults(&own);
    PLEAT_TRY(pleat_config_parse(latest->config, strlen(latest->config), path, &own));
    pleat_schedule_load(&schedule, latest->schedule);
    PLEAT_CHECK(latest->epoch < own.train.epochs || own.train.epochs >= config->train.epochs ||
                    pleat_schedule_stopped(&schedule),
                PLEAT_ERR_DATA,
                "fold %d of '%s' was trained and scored for %d epoch%s, the run has %d; remove "
                "'%s/fold_%d/%s' and start the run again, which continues it",
                fold, run, latest->epoch, pleat_plural(latest->epoch), config->train.epochs, run,
                fold, pleat_fold_file_name(PLEAT_FOLD_SCORES));
    return PLEAT_OK;
}

static pleat_status check_checkpoint(const char *run, int fold, const char *name, int scored,
                                     const pleat_config *config) {
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    int rows = 0;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/fold_%d/%s", run, fold, name));
    const pleat_status read = pleat_checkpoint_history(path, &c);
    if (read == PLEAT_ERR_NOT_FOUND || read == PLEAT_ERR_FORMAT)
        return PLEAT_OK; /* told when it is read whole */
    PLEAT_TRY(read);
    pleat_status status = check_history(run, fold, path, scored, &c, &rows);
    if (status == PLEAT_OK && scored && strcmp(name, pleat_fold_file_name(PLEAT_FOLD_LATEST)) == 0)
        status = check_epochs(run, fold, config, &c, path);
    pleat_checkpoint_free(&c);
    return status;
}

pleat_status pleat_fold_files_check(const char *run, int fold, const char *model) {
    const char *latest = pleat_fold_file_name(PLEAT_FOLD_LATEST);
    char scores[PLEAT_PATH_BYTES], history[PLEAT_PATH_BYTES];
    pleat_record record;
    pleat_config config;
    PLEAT_TRY(pleat_record_check_fold(run, fold, model));
    if (pleat_record_read(run, &record) != PLEAT_OK || !record.sealed) return PLEAT_OK;
    PLEAT_TRY(pleat_run_config(run, &config));
    PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_SCORES, scores));
    PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_HISTORY, history));
    const int scored = pleat_file_exists(scores);
    if (scored && !pleat_file_exists(history))
        pleat_warn("fold=%d: '%s' is missing: the report has no curves of the fold, and its "
                   "checkpoints are not compared with them; put it back",
                   fold, history);
    if (model != NULL && strcmp(model, latest) != 0)
        PLEAT_TRY(check_checkpoint(run, fold, model, scored, &config));
    return scored || model != NULL ? check_checkpoint(run, fold, latest, scored, &config)
                                   : PLEAT_OK;
}
