/* fold.c - one fold by the ranks of one group: train, predict the held-out cases, score. */
#include "run_impl.h"

#include "journal.h"
#include "pleat/label_table.h"
#include "pleat/log.h"
#include "pleat/nifti.h"
#include "pleat/predictor.h"
#include "pleat/score.h"
#include "pleat/text.h"
#include "pleat/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct fold_job {
    pleat_crossval *cv;
    int fold;
    char folder[PLEAT_PATH_BYTES];
    const pleat_source **sources; /* [n]: training cases, then held-out ones */
    int *held_out;                /* [n_held_out] indices of cases */
    int n_train, n_held_out;
    int stepped;         /* this start has trained it */
    pleat_provenance of; /* its cases, */
    char *cases;         /* and as text */
    pleat_layer_info *layers;
    int n_layers;
    pleat_results results;  /* of this rank */
    pleat_halt halt;        /* agreed on */
    pleat_journal *journal; /* of the group's rank 0, */
    pleat_monitor *monitor; /* and */
    pleat_gpu_usage usage;  /* of this rank's GPU, in training */
} fold_job;

/* A long prediction must not keep other groups waiting for their next fold. */
static void poll_queue(void *context) {
    const fold_job *job = context;
    (void)pleat_queue_poll(job->cv->team.queue);
}

static void note_step(void *context, const pleat_train_now *now) {
    fold_job *job = context;
    job->stepped = 1;
    poll_queue(context);
    pleat_monitor_step(job->monitor, now);
    pleat_gpu_usage_look(&job->usage);
}

static void note_epoch(void *context, int epoch, int64_t step, const pleat_loss *loss,
                       const pleat_epoch *row) {
    const fold_job *job = context;
    pleat_journal_epoch(job->journal, epoch, step, loss, row);
}

static pleat_status choose_cases(fold_job *job) {
    const pleat_crossval *cv = job->cv;
    job->sources = calloc((size_t)cv->data.cases.n, sizeof(pleat_source *));
    job->held_out = calloc((size_t)cv->data.cases.n, sizeof *job->held_out);
    PLEAT_CHECK(job->sources != NULL && job->held_out != NULL, PLEAT_ERR_MEMORY,
                "no memory for %d cases", cv->data.cases.n);
    for (int i = 0; i < cv->data.cases.n; i++) {
        if (pleat_folds_holds_out(&cv->data.folds, job->fold, i))
            job->held_out[job->n_held_out++] = i;
        else
            job->sources[job->n_train++] = pleat_pool_source(cv->data.pool, i);
    }
    for (int i = 0; i < job->n_held_out; i++)
        job->sources[job->n_train + i] = pleat_pool_source(cv->data.pool, job->held_out[i]);
    PLEAT_CHECK(job->n_train > 0 && job->n_held_out > 0, PLEAT_ERR_DATA,
                "fold %d has %d training and %d validation cases; both must have some", job->fold,
                job->n_train, job->n_held_out);
    PLEAT_TRY(pleat_dataset_provenance(&cv->data, job->fold, &job->of));
    pleat_config_fold_settings(&cv->config, job->of.settings);
    return pleat_provenance_text(&job->of, &job->cases);
}

static pleat_status describe(fold_job *job, const pleat_graph *graph, pleat_checkpoint *out) {
    const pleat_crossval *cv = job->cv;
    *out = (pleat_checkpoint){0};
    pleat_network_text(&cv->config.network, out->network, sizeof out->network);
    PLEAT_TRY(pleat_config_text(&cv->config, 0, out->config, sizeof out->config));
    (void)snprintf(out->preprocessing, sizeof out->preprocessing, "%s", cv->data.preprocessing);
    (void)snprintf(out->classes, sizeof out->classes, "%s", cv->config.classes);
    (void)snprintf(out->engine, sizeof out->engine, "%s", cv->team.engine->ops->name);
    (void)snprintf(out->precision, sizeof out->precision, "%s",
                   pleat_engine_precision(cv->team.engine));
    (void)snprintf(out->version, sizeof out->version, "%s", PLEAT_VERSION);
    PLEAT_TRY(pleat_graph_tensors(graph, &job->layers, &job->n_layers));
    out->layers = job->layers;
    out->n_layers = job->n_layers;
    out->cases = job->cases;
    return PLEAT_OK;
}

static pleat_train_config train_config(const fold_job *job, const pleat_checkpoint *described) {
    const pleat_config *c = &job->cv->config;
    return (pleat_train_config){
        .settings = c->train,
        .seed = c->seed,
        .fold = job->fold,
        .patch = {c->patch[0], c->patch[1], c->patch[2]},
        .pad = (pleat_pad)c->pad,
        .regions = job->cv->data.classes.of_regions ? job->cv->data.regions : NULL,
        .ignored = job->cv->data.classes.ignore > 0 ? PLEAT_IGNORED : 0,
        .ordered = c->deterministic && job->cv->team.engine->ordered,
        .compute = job->cv->team.compute,
        .folder = job->folder,
        .from = c->from,
        .stop_file = job->cv->stop_file,
        .described = described,
    };
}

static pleat_status train(fold_job *job) {
    pleat_crossval *cv = job->cv;
    pleat_graph graph;
    pleat_model *model = NULL;
    pleat_checkpoint described;
    pleat_train_result result = {0};
    PLEAT_TRY(pleat_network_build(&cv->config.network, &graph));
    pleat_status status = describe(job, &graph, &described);
    if (status == PLEAT_OK) status = pleat_model_create(&graph, cv->team.engine, 1, &model);
    pleat_graph_free(&graph);
    PLEAT_TRY(status);
    const pleat_train_config config = train_config(job, &described);
    const pleat_train_data data = {.train = job->sources,
                                   .validation = job->sources + job->n_train,
                                   .n_train = job->n_train,
                                   .n_validation = job->n_held_out};
    const pleat_train_hooks hooks = {note_step, note_epoch, job};
    job->usage = pleat_gpu_usage_begin(cv->team.engine);
    pleat_journal_event(job->journal, "begun", 0, 0, NULL);
    status = pleat_train_fold(&config, &data, model, cv->team.group, &hooks, &result);
    pleat_model_destroy(model);
    job->halt = result.halt;
    char used[64];
    const char *event = "trained", *text = pleat_gpu_usage_text(&job->usage, used, sizeof used);
    if (text[0] == '\0') text = NULL;
    if (job->halt != PLEAT_HALT_NONE) event = "halted", text = pleat_halt_name(job->halt);
    if (status != PLEAT_OK) event = "failed", text = pleat_error_message();
    pleat_journal_event(job->journal, event, result.epochs, result.steps, text);
    if (status == PLEAT_OK && job->halt == PLEAT_HALT_NONE && cv->team.group->rank == 0)
        pleat_log(PLEAT_INFO, "fold=%d trained: %d epoch%s, best loss %.4f, %.0f s%s%s", job->fold,
                  result.epochs, pleat_plural(result.epochs), result.best_loss, result.seconds,
                  text != NULL ? ", " : "", text != NULL ? text : "");
    return status;
}

/* What the mask was when the cases were prepared it is still. */
static pleat_status check_mask(const fold_job *job, int i) {
    const pleat_cases *cases = &job->cv->data.cases;
    const pleat_provenance one = {.n = 1, .of = &job->of.of[i]};
    pleat_looks *looks = NULL;
    char what[512] = "";
    int changed = 0;
    PLEAT_TRY(pleat_looks_begin(&cases->paths[i], 1, job->cv->config.prep.orient, &looks));
    const pleat_status status = pleat_looks_compare(looks, &one, &changed, what);
    pleat_looks_end(looks);
    PLEAT_TRY(status);
    PLEAT_CHECK(changed == 0, PLEAT_ERR_DATA,
                "%s has changed since the run began; put it back and start again, or start again "
                "with --redo to do again the folds that it touches",
                what);
    return PLEAT_OK;
}

static pleat_status predict_case(fold_job *job, pleat_predictor *predictor, int held_out) {
    const pleat_crossval *cv = job->cv;
    const int i = job->held_out[held_out];
    const pleat_case_info *info = pleat_store_info(cv->data.store, i);
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    pleat_label label = {0};
    PLEAT_TRY(pleat_fold_path(job->folder, PLEAT_FOLD_PREDICTIONS, folder));
    PLEAT_TRY(pleat_labels_path(folder, info->id, path));
    pleat_status status = pleat_predictor_source(predictor, pleat_pool_source(cv->data.pool, i),
                                                 info->spacing, &info->geometry, &label);
    if (status == PLEAT_OK)
        status = pleat_label_map_write(path, &label, &info->geometry, &cv->data.classes);
    pleat_label_free(&label);
    if (status == PLEAT_ERR_NUMERIC) {
        char why[512];
        (void)snprintf(why, sizeof why, "%s", pleat_error_message());
        return PLEAT_FAIL(status, "fold %d, case '%s': %s", job->fold, info->id, why);
    }
    PLEAT_TRY(status);
    PLEAT_TRY(check_mask(job, i));
    /* Where mask and image lie was judged at the start. */
    return pleat_score_files(info->id, job->fold, path, cv->data.cases.paths[i].label,
                             PLEAT_PLACE_VOXELS, &job->results);
}

/* The model has learnt from the fold's cases, as they are; older ones do not say. */
static pleat_status check_model(const fold_job *job, const char *path) {
    char *text = NULL;
    pleat_provenance was = {0};
    const pleat_status read = pleat_checkpoint_cases(path, &text);
    if (read == PLEAT_ERR_NOT_FOUND || read == PLEAT_ERR_FORMAT) return PLEAT_OK; /* told later */
    PLEAT_TRY(read);
    if (text == NULL) return PLEAT_OK;
    pleat_status status = pleat_provenance_parse(text, path, &was);
    free(text);
    if (status == PLEAT_OK) status = pleat_provenance_compare(&was, path, &job->of);
    pleat_provenance_free(&was);
    return status;
}

/* Held-out case i is rank i modulo size's. A wish to halt ends it between two cases. */
static pleat_status predict_share(fold_job *job) {
    pleat_crossval *cv = job->cv;
    char path[PLEAT_PATH_BYTES];
    const pleat_fold_file file = pleat_weights_file(cv->config.weights);
    PLEAT_TRY(pleat_fold_path(job->folder, file, path));
    PLEAT_TRY(check_model(job, path));
    if (cv->team.group->rank == 0) {
        const char *out = cv->options->out, *name = pleat_fold_file_name(file);
        if (!job->stepped) /* if it was scored before, it is that one */
            PLEAT_TRY(pleat_record_check_fold(out, job->fold, name));
        PLEAT_TRY(pleat_record_renew(out, job->fold));
    }
    const char *const paths[] = {path};
    pleat_predictor *predictor = NULL;
    pleat_status status =
        pleat_predictor_open(cv->team.engine, paths, 1, &cv->config, NULL, &predictor);
    PLEAT_CHECK(status != PLEAT_ERR_NOT_FOUND && status != PLEAT_ERR_FORMAT, status,
                "fold %d is trained, but its model '%s' is damaged or missing; remove '%s' and "
                "start again to train the fold again",
                job->fold, path, job->folder);
    PLEAT_TRY(status);
    double start = pleat_now(), longest = 0.0;
    pleat_monitor_cases(job->monitor, 0);
    for (int i = cv->team.group->rank; i < job->n_held_out && status == PLEAT_OK;
         i += cv->team.group->size) {
        const pleat_halt wish = pleat_halt_look(longest);
        if (wish > job->halt) job->halt = wish;
        if (job->halt > PLEAT_HALT_FILE) break;
        status = predict_case(job, predictor, i);
        longest = fmax(longest, pleat_now() - start);
        pleat_halt_pace("case", longest);
        start = pleat_now();
        if (cv->team.group->rank == 0)
            pleat_log(PLEAT_DEBUG, "fold=%d predicted %s", job->fold,
                      cv->data.cases.ids[job->held_out[i]]);
        poll_queue(job);
        const int done = i + cv->team.group->size; /* by all its ranks, about */
        pleat_monitor_cases(job->monitor, done < job->n_held_out ? done : job->n_held_out);
    }
    pleat_predictor_close(predictor);
    return status;
}

/* The strongest wish of any rank of the group. */
static pleat_status agree_on_halt(fold_job *job) {
    double wish[PLEAT_HALTS] = {0};
    if (job->halt > PLEAT_HALT_FILE) wish[job->halt] = 1.0;
    PLEAT_TRY(pleat_comm_allreduce_sum(job->cv->team.group, wish, PLEAT_HALTS, PLEAT_F64));
    PLEAT_TRY(pleat_comm_wait(job->cv->team.group));
    job->halt = PLEAT_HALT_NONE;
    for (int why = 0; why < PLEAT_HALTS; why++)
        if (wish[why] > 0.0) job->halt = (pleat_halt)why;
    return PLEAT_OK;
}

/* Collective: rank 0 of the group writes what all its ranks scored. */
static pleat_status write_scores(fold_job *job) {
    const pleat_crossval *cv = job->cv;
    void *mine = NULL, *gathered = NULL;
    size_t bytes = 0, all = 0;
    pleat_results results = {0};
    pleat_status status = pleat_results_pack(&job->results, &mine, &bytes);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(cv->team.group, status));
    PLEAT_TRY_GOTO(status, done,
                   pleat_comm_gather(cv->team.group, mine, bytes, 0, &gathered, &all));
    if (cv->team.group->rank != 0) goto done;
    PLEAT_TRY_GOTO(
        status, done,
        pleat_results_begin_as(&cv->data.classes, cv->data.folds.k, &cv->data.judging, &results));
    PLEAT_TRY_GOTO(status, done, pleat_results_unpack(gathered, all, &results));
    PLEAT_TRY_GOTO(status, done, pleat_report_write_fold(job->folder, &results, job->cases));
    pleat_run_tell_empty(&results);
done:
    pleat_results_free(&results);
    free(mine);
    free(gathered);
    return status;
}

static pleat_status predict(fold_job *job) {
    pleat_crossval *cv = job->cv;
    const double start = pleat_now();
    char path[PLEAT_PATH_BYTES], where[32];
    (void)snprintf(where, sizeof where, "fold %d predictions", job->fold);
    pleat_comm_note(cv->team.group, where, 0.0);
    PLEAT_TRY(pleat_fold_path(job->folder, PLEAT_FOLD_PREDICTIONS, path));
    pleat_status status = pleat_file_make_part(path);
    if (status == PLEAT_OK)
        status = pleat_results_begin_as(&cv->data.classes, cv->data.folds.k, &cv->data.judging,
                                        &job->results);
    if (status == PLEAT_OK) status = predict_share(job);
    PLEAT_TRY(pleat_comm_agree(cv->team.group, status));
    PLEAT_TRY(agree_on_halt(job));
    if (job->halt != PLEAT_HALT_NONE) return PLEAT_OK;

    PLEAT_TRY(pleat_comm_agree(cv->team.group, write_scores(job)));
    pleat_journal_event(job->journal, "scored", 0, 0, NULL);
    if (cv->team.group->rank == 0)
        pleat_log(PLEAT_INFO, "fold=%d predicted and scored %d case%s in %.0f s", job->fold,
                  job->n_held_out, pleat_plural(job->n_held_out), pleat_now() - start);
    return PLEAT_OK;
}

static void end_monitor(const fold_job *job, pleat_status status) {
    const int halted = job->halt != PLEAT_HALT_NONE;
    pleat_monitor_end(job->monitor,
                      status != PLEAT_OK ? PLEAT_PHASE_FAILED
                      : halted           ? PLEAT_PHASE_STOPPED
                                         : PLEAT_PHASE_FINISHED,
                      status != PLEAT_OK ? pleat_error_message()
                      : halted           ? pleat_halt_name(job->halt)
                                         : "");
}

/* What a killed process has left half written: the fold is this group's alone. */
static pleat_status remove_leftovers(const fold_job *job) {
    char predictions[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_fold_path(job->folder, PLEAT_FOLD_PREDICTIONS, predictions));
    pleat_file_remove_leftovers(job->folder, NULL, INFINITY);
    pleat_file_remove_leftovers(predictions, NULL, INFINITY);
    return PLEAT_OK;
}

pleat_status pleat_fold_run(pleat_crossval *cv, int fold, pleat_halt *halt) {
    fold_job job = {.cv = cv, .fold = fold};
    pleat_status status = pleat_fold_folder(cv->options->out, fold, job.folder);
    if (status == PLEAT_OK) status = pleat_file_make_part(job.folder);
    if (status == PLEAT_OK) status = choose_cases(&job);
    if (status == PLEAT_OK && cv->team.group->rank == 0) status = remove_leftovers(&job);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(cv->team.group, status));
    if (cv->team.group->rank == 0) {
        job.journal = pleat_journal_open(job.folder, fold);
        job.monitor = cv->monitor;
        pleat_monitor_fold(job.monitor, fold, cv->config.train.batch,
                           cv->options->train_only ? 0 : job.n_held_out);
    }
    PLEAT_TRY_GOTO(status, done, train(&job));
    if (!cv->options->train_only && job.halt == PLEAT_HALT_NONE)
        PLEAT_TRY_GOTO(status, done, predict(&job));
    *halt = job.halt;
done:
    end_monitor(&job, status);
    pleat_comm_note(cv->team.group, "", 0.0);
    free(job.sources);
    free(job.held_out);
    free(job.layers);
    free(job.cases);
    pleat_provenance_free(&job.of);
    pleat_results_free(&job.results);
    pleat_journal_close(job.journal);
    return status;
}
