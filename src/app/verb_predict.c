/* verb_predict.c - predict: label volumes with trained models. */
#include "app.h"
#include "ensemble.h"
#include "labellers.h"
#include "probabilities.h"

#include "pleat/crossval.h"
#include "pleat/label_table.h"
#include "pleat/layout.h"
#include "pleat/log.h"
#include "pleat/nifti.h"
#include "pleat/output.h"
#include "pleat/postprocessing.h"
#include "pleat/predicted.h"
#include "pleat/predictor.h"
#include "pleat/rundir.h"
#include "pleat/text.h"
#include "pleat/trained_on.h"
#include "pleat/unchanged.h"
#include "pleat/warn.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct predict_options {
    const char *in, *out, *engine, *precision, *weights, *probabilities, *uncertainty;
    int threads, no_postprocess, held_out;
    text_list sets, models;
    pleat_largest largest; /* what the runs have chosen */
    pleat_trained_on on;   /* what their stores know */
} predict_options;

/* Where a volume of each case goes: an option, and a folder in its folder. */
typedef struct output {
    const char *folder, *inside; /* NULL: not asked for; "" */
    const char *kind;            /* as in predicted.json */
} output;

enum { OUT_LABELS, OUT_PROBABILITIES, OUT_ENTROPY, OUT_INFORMATION, OUTPUTS };

static void outputs_of(const predict_options *o, output out[OUTPUTS]) {
    out[OUT_LABELS] = (output){o->out, "", "labels"};
    out[OUT_PROBABILITIES] = (output){o->probabilities, "", "probabilities"};
    out[OUT_ENTROPY] = (output){o->uncertainty, "/entropy", "entropy"};
    out[OUT_INFORMATION] = (output){o->uncertainty, "/mutual_information", "mutual information"};
}

static pleat_status output_folder(const output *of, char folder[PLEAT_PATH_BYTES]) {
    return pleat_path(folder, PLEAT_PATH_BYTES, "%s%s", of->folder, of->inside);
}

static pleat_status output_path(const output *to, const char *id, char path[PLEAT_PATH_BYTES]) {
    char folder[PLEAT_PATH_BYTES];
    PLEAT_TRY(output_folder(to, folder));
    return pleat_labels_path(folder, id, path);
}

static int is_of_uncertainty(const char *folder, const char *name) {
    (void)folder;
    return strcmp(name, "entropy") == 0 || strcmp(name, "mutual_information") == 0;
}

static int is_of_prediction(const char *folder, const char *name) {
    return strcmp(name, PLEAT_PREDICTED) == 0 || pleat_output_is_volume(folder, name);
}

/* They hold nothing but volumes of an earlier prediction. */
static pleat_status check_folders(const predict_options *o) {
    static const char *const options[OUTPUTS] = {"--out", "--probabilities", "--uncertainty",
                                                 "--uncertainty"};
    output out[OUTPUTS];
    outputs_of(o, out);
    if (o->uncertainty != NULL)
        PLEAT_TRY(pleat_output_check("--uncertainty", o->uncertainty, "pleat predict",
                                     is_of_uncertainty));
    for (int i = 0; i < OUTPUTS; i++) {
        char folder[PLEAT_PATH_BYTES];
        if (out[i].folder == NULL) continue;
        PLEAT_TRY(output_folder(&out[i], folder));
        PLEAT_CHECK(fnmatch("*.nii", out[i].folder, 0) != 0 &&
                        fnmatch("*.nii.gz", out[i].folder, 0) != 0,
                    PLEAT_ERR_ARG,
                    "%s '%s' is the name of a file; name a folder, which gets a file of each "
                    "volume",
                    options[i], out[i].folder);
        PLEAT_TRY(pleat_output_check(options[i], folder, "pleat predict", is_of_prediction));
    }
    return PLEAT_OK;
}

/* The folders, each another. */
static pleat_status make_folders(const predict_options *o) {
    output out[OUTPUTS];
    struct stat made[OUTPUTS];
    outputs_of(o, out);
    for (int i = 0; i < OUTPUTS; i++) {
        char folder[PLEAT_PATH_BYTES];
        if (out[i].folder == NULL) continue;
        PLEAT_TRY(output_folder(&out[i], folder));
        if (out[i].inside[0] != '\0') PLEAT_TRY(pleat_file_make_folder(out[i].folder));
        PLEAT_TRY(pleat_file_make_folder(folder));
        PLEAT_CHECK(stat(folder, &made[i]) == 0, PLEAT_ERR_IO, "cannot look at '%s'", folder);
        for (int k = 0; k < i; k++)
            PLEAT_CHECK(out[k].folder == NULL || made[k].st_dev != made[i].st_dev ||
                            made[k].st_ino != made[i].st_ino,
                        PLEAT_ERR_ARG,
                        "--out, --probabilities and --uncertainty write files of the same names; "
                        "'%s' is used twice, give each a folder of its own",
                        folder);
    }
    return PLEAT_OK;
}

/* That all volumes in them are of these models, and of the folder's kind. */
static pleat_status claim_folders(const predict_options *o, const pleat_predicted *by) {
    output out[OUTPUTS];
    char folder[OUTPUTS][PLEAT_PATH_BYTES];
    pleat_predicted_folder folders[OUTPUTS];
    int n = 0;
    outputs_of(o, out);
    for (int i = 0; i < OUTPUTS; i++) {
        if (out[i].folder == NULL) continue;
        PLEAT_TRY(output_folder(&out[i], folder[n]));
        folders[n] = (pleat_predicted_folder){folder[n], out[i].kind};
        n++;
    }
    return pleat_predicted_begin(folders, n, by);
}

static pleat_status add_model(text_list *paths, const char *path) {
    PLEAT_CHECK(paths->n < MAX_LIST, PLEAT_ERR_ARG,
                "more than %d models; name those to predict with", MAX_LIST);
    paths->item[paths->n++] = path;
    return PLEAT_OK;
}

/* A fold is not a run; its checkpoints are models, first that which its run is scored with. */
static pleat_status refuse_fold(const predict_options *o, const char *folder) {
    pleat_fold_file files[] = {PLEAT_FOLD_BEST, PLEAT_FOLD_BEST, PLEAT_FOLD_LATEST};
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/..", folder));
    PLEAT_TRY(verb_weights_file(path, o->weights, &files[0]));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", folder, pleat_fold_file_name(files[i])));
        PLEAT_CHECK(!pleat_file_exists(path), PLEAT_ERR_ARG,
                    "'%s' is a fold of a run; name its checkpoint, '%s'", folder, path);
    }
    return PLEAT_OK;
}

/* Every fold of a run that has a checkpoint; one that has none or is not finished is told. */
static pleat_status add_run(const predict_options *o, const char *run, text_list *paths,
                            char text[MAX_LIST + 1][PLEAT_PATH_BYTES]) {
    const int before = paths->n;
    char scores[PLEAT_PATH_BYTES];
    pleat_fold_file file = PLEAT_FOLD_BEST;
    pleat_record record = {0};
    PLEAT_TRY(verb_weights_file(run, o->weights, &file));
    const int known = pleat_record_read(run, &record) == PLEAT_OK;
    for (int fold = 0; fold < (known ? record.folds : PLEAT_MAX_FOLDS); fold++) {
        char *path = text[paths->n];
        PLEAT_TRY(pleat_run_fold_path(run, fold, file, path));
        if (!pleat_file_exists(path)) {
            if (known)
                pleat_warn("fold %d of '%s' has no %s; the models of the other folds predict "
                           "without it",
                           fold, run, pleat_fold_file_name(file));
            continue;
        }
        PLEAT_TRY(add_model(paths, path));
        PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_SCORES, scores));
        if (!pleat_file_exists(scores))
            pleat_warn("fold %d of '%s' is not finished; its model predicts too", fold, run);
    }
    if (!known) PLEAT_TRY(refuse_fold(o, run));
    PLEAT_CHECK(paths->n > before || known, PLEAT_ERR_NOT_FOUND,
                "'%s' is no run: it has neither %s nor fold_K/%s. Volumes to be labelled stand "
                "behind --in: pleat predict RUN --in %s --out FOLDER",
                run, pleat_run_file_name(PLEAT_RUN_RECORD), pleat_fold_file_name(file), run);
    PLEAT_CHECK(paths->n > before, PLEAT_ERR_NOT_FOUND, "'%s' holds no fold_K/%s", run,
                pleat_fold_file_name(file));
    return pleat_unchanged_own(run, paths->item + before, paths->n - before);
}

/* A model is a checkpoint, or a run: then every fold's. paths[] points into text[]. One rank
 * tells of data that have changed. */
static pleat_status find_models(predict_options *o, int tell, text_list *paths,
                                char text[MAX_LIST + 1][PLEAT_PATH_BYTES]) {
    for (int i = 0; i < o->models.n; i++) {
        const char *model = o->models.item[i];
        if (pleat_file_is_folder(model)) {
            PLEAT_TRY(add_run(o, model, paths, text));
            pleat_trained_on_add(model, &o->on);
            if (tell) pleat_unchanged_run(model);
            if (tell) pleat_learnt_channels(model, o->in);
        } else {
            unsigned char start[4] = {0};
            size_t got = 0;
            PLEAT_TRY(verb_file_start(model, start, sizeof start, &got));
            PLEAT_CHECK(memcmp(start, "\x89HDF", sizeof start) == 0, PLEAT_ERR_FORMAT,
                        "'%s' is no checkpoint, which is HDF5; MODEL is a run or a checkpoint, and "
                        "volumes to be labelled stand behind --in",
                        model);
            PLEAT_TRY(add_model(paths, model));
        }
    }
    if (tell) pleat_unchanged_models(paths->item, paths->n);
    return PLEAT_OK;
}

/* What the models' runs have chosen, if they have all chosen the same. */
static pleat_status choose_postprocessing(predict_options *o, int tell) {
    int same = 1;
    for (int i = 0; i < o->models.n && !o->no_postprocess; i++) {
        pleat_postprocessing p = {.choice = {.classes = 0}};
        int found = 0;
        if (pleat_file_is_folder(o->models.item[i])) {
            PLEAT_TRY(pleat_postprocessing_read(o->models.item[i], &p, &found));
            if (!found) PLEAT_TRY(pleat_record_check_postprocessing(o->models.item[i]));
        }
        const pleat_largest mine = pleat_postprocessing_of_files(&p);
        same &= i == 0 || pleat_largest_equal(&mine, &o->largest);
        if (i == 0) o->largest = mine;
    }
    if (!same) o->largest = (pleat_largest){0};
    if (!tell || o->no_postprocess) return PLEAT_OK;
    if (!same)
        pleat_log(PLEAT_INFO, "the models have not all chosen the same post-processing, so there "
                              "is none");
    if (pleat_largest_any(&o->largest))
        pleat_log(PLEAT_INFO, "largest components are kept, as the run has chosen; "
                              "--no-postprocess leaves that out");
    return PLEAT_OK;
}

/* What is written must never take the place of the volume it was made from. */
static pleat_status check_output(const output *out, const pleat_case_paths *c) {
    char path[PLEAT_PATH_BYTES];
    struct stat to, from;
    PLEAT_TRY(output_path(out, c->id, path));
    if (stat(path, &to) != 0) return PLEAT_OK;
    for (int k = 0; k < c->images; k++)
        PLEAT_CHECK(stat(c->image[k], &from) != 0 || to.st_dev != from.st_dev ||
                        to.st_ino != from.st_ino,
                    PLEAT_ERR_ARG,
                    "what is made of '%s' would overwrite the volume itself; use another folder "
                    "than '%s'",
                    c->image[k], out->folder);
    return PLEAT_OK;
}

static pleat_status check_outputs(const predict_options *o, const pleat_case_paths *cases, int n) {
    output out[OUTPUTS];
    outputs_of(o, out);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < OUTPUTS; k++)
            if (out[k].folder != NULL) PLEAT_TRY(check_output(&out[k], &cases[i]));
    return PLEAT_OK;
}

#define NOT_LABELLED " is not labelled: "

/* What one rank, then rank 0 of all, has to say at the end. */
typedef struct outcome {
    double bad;   /* volumes that cannot be labelled for what they are: the others still can */
    double empty; /* that were labelled background alone */
    char *names;  /* a line each, of the bad */
    size_t bytes;
    double *labelled; /* [volumes] 1: it is */
} outcome;

static pleat_status note_bad(const char *id, outcome *to) {
    const size_t more = strlen(id) + 2; /* the end of the line, and of the text */
    pleat_warn("case '%s'" NOT_LABELLED "%s", id, pleat_error_message());
    char *grown = realloc(to->names, to->bytes + more);
    PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory to note case '%s'", id);
    to->names = grown;
    to->bytes += (size_t)snprintf(grown + to->bytes, more, "%s\n", id);
    to->bad++;
    return PLEAT_OK;
}

/* `names` are those of the models' classes; older ones may have none. */
static pleat_status write_labels(const char *path, const pleat_label *label,
                                 const pleat_geometry *native, const char *names) {
    pleat_classes classes;
    PLEAT_TRY(pleat_classes_parse(names, &classes));
    const pleat_status status = pleat_label_map_write(path, label, native, &classes);
    pleat_classes_free(&classes);
    return status;
}

/* The label map last: who finds it finds the rest. */
static pleat_status write_all(const predict_options *o, const char *id, const pleat_prediction *p,
                              const pleat_geometry *native, const char *names) {
    const pleat_image *const images[OUTPUTS] = {NULL, &p->probabilities, &p->entropy,
                                                &p->information};
    output out[OUTPUTS];
    char path[PLEAT_PATH_BYTES];
    outputs_of(o, out);
    for (int i = OUTPUTS - 1; i > OUT_LABELS; i--) {
        if (out[i].folder == NULL) continue;
        PLEAT_TRY(output_path(&out[i], id, path));
        PLEAT_TRY(pleat_nifti_write_image(path, images[i], native, 0));
    }
    PLEAT_TRY(output_path(&out[OUT_LABELS], id, path));
    return write_labels(path, &p->label, native, names);
}

/* So that none of an earlier prediction stays where this one fails. */
static pleat_status remove_old(const predict_options *o, const char *id) {
    output out[OUTPUTS];
    char path[PLEAT_PATH_BYTES];
    outputs_of(o, out);
    for (int i = 0; i < OUTPUTS; i++) {
        if (out[i].folder == NULL) continue;
        PLEAT_TRY(output_path(&out[i], id, path));
        PLEAT_CHECK(unlink(path) == 0 || errno == ENOENT, PLEAT_ERR_IO,
                    "cannot remove '%s', which an earlier prediction made: %s", path,
                    strerror(errno));
    }
    return PLEAT_OK;
}

/* What labels the volumes, on one rank. */
typedef struct labelling {
    const predict_options *o;
    const labellers *l;
    pleat_engine *engine;
    pleat_predictor *predictor; /* the models of volume `open_for`; -1: none */
    int open_for, describes;    /* probabilities, once */
} labelling;

/* The models of volume i, which stay for the next volumes that have the same. */
static pleat_status open_models(labelling *by, int i) {
    const predict_options *o = by->o;
    text_list models;
    if (labellers_same(by->l, by->open_for, i)) return PLEAT_OK;
    pleat_predictor_close(by->predictor);
    by->predictor = NULL;
    by->open_for = -1;
    labellers_of(by->l, i, &models);
    PLEAT_TRY(pleat_predictor_open(by->engine, models.item, models.n, NULL, o->sets.item,
                                   &by->predictor));
    by->open_for = i;
    if (o->probabilities == NULL || !by->describes) return PLEAT_OK;
    by->describes = 0;
    return probabilities_describe(o->probabilities, by->predictor, o->held_out ? 0 : models.n);
}

/* Of a volume for what it is: the others can still be labelled. */
static int is_of_volume(pleat_status status) {
    return pleat_status_exit_code(status) == pleat_status_exit_code(PLEAT_ERR_DATA) ||
           status == PLEAT_ERR_NUMERIC;
}

static pleat_status predict_one(labelling *by, int i, const pleat_case_paths *c, outcome *mine) {
    const predict_options *o = by->o;
    const int wants = (o->probabilities != NULL ? PLEAT_WANT_PROBABILITIES : 0) |
                      (o->uncertainty != NULL ? PLEAT_WANT_UNCERTAINTY : 0);
    pleat_prediction made = {0};
    pleat_geometry native;
    const double start = pleat_now();
    pleat_status status = labellers_check(by->l, i, c);
    if (status == PLEAT_OK) PLEAT_TRY(open_models(by, i));
    PLEAT_TRY(remove_old(o, c->id));
    if (status == PLEAT_OK) {
        pleat_trained_on_tell(&o->on, &pleat_predictor_config(by->predictor)->prep, c);
        status = pleat_predictor_case(by->predictor, c, wants, &made, &native);
    }
    if (is_of_volume(status)) return note_bad(c->id, mine);
    PLEAT_TRY(status);
    if (o->probabilities != NULL) status = probabilities_compare(c->id, by->predictor, &made);
    if (status == PLEAT_OK && pleat_largest_any(&o->largest))
        status = pleat_largest_apply(&o->largest, made.label.data, made.label.dim);
    mine->empty += !pleat_label_any(&made.label);
    if (status == PLEAT_OK)
        status =
            write_all(o, c->id, &made, &native, pleat_predictor_config(by->predictor)->classes);
    pleat_prediction_free(&made);
    PLEAT_TRY(status);
    mine->labelled[i] = 1.0;
    pleat_log(PLEAT_INFO, "%s: %dx%dx%d in %.1f s -> %s", c->id, native.dim[2], native.dim[1],
              native.dim[0], pleat_now() - start, o->out);
    return PLEAT_OK;
}

/* "a, b, ...", of lines. */
static void list_names(const char *lines, size_t bytes, char *list, size_t size) {
    while (bytes > 0) {
        char id[128];
        const size_t length = (size_t)((const char *)memchr(lines, '\n', bytes) - lines);
        (void)snprintf(id, sizeof id, "%.*s", (int)length, lines);
        pleat_warn_list(list, size, id);
        lines += length + 1;
        bytes -= length + 1;
    }
}

/* Collective: rank 0 says what was met by all ranks, and fails where not all is labelled. */
static pleat_status tell_outcome(const app *a, const predict_options *o, const labellers *l,
                                 const outcome *mine) {
    const int n = l->n;
    pleat_comm *world = a->session->world;
    char names[400] = "";
    void *all = NULL;
    size_t bytes = 0;
    double sums[2] = {mine->bad, mine->empty};
    PLEAT_TRY(pleat_comm_gather_warnings(world));
    PLEAT_TRY(pleat_comm_allreduce_sum(world, sums, 2, PLEAT_F64));
    PLEAT_TRY(pleat_comm_allreduce_sum(world, mine->labelled, (size_t)n, PLEAT_F64));
    PLEAT_TRY(pleat_comm_wait(world));
    PLEAT_TRY(pleat_comm_gather(world, mine->names, mine->bytes, 0, &all, &bytes));
    if (a->session->rank != 0) return PLEAT_OK;
    list_names(all, bytes, names, sizeof names);
    free(all);
    for (int i = 0; i < pleat_warn_count() && sums[0] > 0.0; i++) /* -q has not said them */
        if (strstr(pleat_warn_text(i), NOT_LABELLED) != NULL &&
            pleat_log_level_get() == PLEAT_QUIET)
            pleat_log(PLEAT_QUIET, "warning: %s", pleat_warn_text(i));
    const int bad = (int)sums[0], good = n - bad;
    if (good > 0 && (int)sums[1] == good)
        pleat_warn("%s labelled background and nothing else: is the model trained, and are these "
                   "volumes like those it was trained on?",
                   good == 1 ? "the only volume is" : "all volumes are");
    if (o->held_out) labellers_print(l, mine->labelled, o->out);
    PLEAT_CHECK(bad == 0, PLEAT_ERR_DATA,
                "%d of %d volumes not labelled, %s '%s'; why is said above: %s", bad, n,
                good > 0 ? "the others are in" : "nothing is written into", o->out, names);
    return PLEAT_OK;
}

/* Collective; finds who labels what, too. */
static pleat_status claim(const app *a, const predict_options *o, const text_list *paths,
                          const char *settings, const pleat_engine *engine,
                          const pleat_case_paths *cases, int n, labellers *l) {
    pleat_comm *world = a->session->world;
    int *learnt = calloc((size_t)n + 1, sizeof *learnt);
    pleat_status status = PLEAT_OK;
    if (learnt == NULL) status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    status = pleat_comm_agree(world, status);
    if (status == PLEAT_OK) status = labellers_find(world, paths, cases, n, o->held_out, l);
    if (status == PLEAT_OK && !o->held_out)
        status = pleat_learnt_find(world, paths->item, paths->n, cases, n, learnt);
    if (status == PLEAT_OK && a->session->rank == 0) {
        const pleat_predicted by = {.models = paths->item,
                                    .n = paths->n,
                                    .settings = settings,
                                    .engine = engine,
                                    .largest = &o->largest,
                                    .cases = cases,
                                    .learnt = learnt,
                                    .n_cases = n,
                                    .held_out = o->held_out};
        status = claim_folders(o, &by);
    }
    free(learnt);
    return pleat_comm_agree(world, status);
}

/* Those of rank `rank` of `size`. */
static pleat_status predict_share(labelling *by, int rank, int size, const pleat_case_paths *cases,
                                  outcome *mine) {
    const int n = by->l->n;
    pleat_status status = PLEAT_OK;
    mine->labelled = calloc((size_t)n + 1, sizeof *mine->labelled);
    PLEAT_CHECK(mine->labelled != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    if (!by->o->held_out) PLEAT_TRY(open_models(by, 0)); /* all of them, before the first volume */
    for (int at = rank; at < n && status == PLEAT_OK; at += size) {
        const int i = labellers_volume(by->l, at),
                  done = at + size < n ? at + size : n; /* by all, about */
        if (at == 0) pleat_progress("predict", 0, (size_t)n, cases[i].id);
        status = predict_one(by, i, &cases[i], mine);
        if (status == PLEAT_OK) pleat_progress("predict", (size_t)done, (size_t)n, cases[i].id);
    }
    return status;
}

/* Cases are shared out over the ranks. */
static pleat_status predict_all(const app *a, const predict_options *o, text_list *paths) {
    const ensemble_set set = {o->sets.item, o->engine, o->precision, o->threads,
                              a->session->threads};
    char settings[17] = "";
    pleat_comm *world = a->session->world;
    pleat_case_paths *cases = NULL;
    pleat_config config = {.data = ""};
    outcome mine = {0};
    labellers l = {0};
    labelling by = {o, &l, NULL, NULL, -1, a->session->rank == 0};
    int n = 0;
    pleat_status status = pleat_layout_scan(o->in, PLEAT_LAYOUT_VOLUMES, &cases, &n);
    if (status == PLEAT_OK) status = check_outputs(o, cases, n);
    if (status == PLEAT_OK) status = ensemble_sort(paths);
    if (status == PLEAT_OK) status = ensemble_config(paths, &set, &config, settings);
    if (status == PLEAT_OK && o->held_out)
        status = pleat_predictor_check_alike(paths->item, paths->n);
    if (status == PLEAT_OK) status = check_folders(o);
    if (status == PLEAT_OK) status = pleat_config_engine(&config, a->session->threads, &by.engine);
    if (status == PLEAT_OK) status = make_folders(o);
    status = pleat_comm_agree(world, status);
    if (status == PLEAT_OK) status = claim(a, o, paths, settings, by.engine, cases, n, &l);
    if (status == PLEAT_OK)
        status = predict_share(&by, a->session->rank, a->session->size, cases, &mine);
    pleat_predictor_close(by.predictor);
    pleat_engine_destroy(by.engine);
    pleat_layout_free(cases, n);
    status = pleat_comm_agree(world, status);
    if (status == PLEAT_OK) status = tell_outcome(a, o, &l, &mine);
    labellers_free(&l);
    free(mine.labelled);
    free(mine.names);
    PLEAT_TRY(pleat_comm_agree(world, status));
    if (a->session->rank == 0 && !o->held_out)
        pleat_text_print("%d volume%s labelled by %d model%s in %s\n", n, pleat_plural(n), paths->n,
                         pleat_plural(paths->n), o->out);
    return PLEAT_OK;
}

pleat_status verb_predict(app *a, const verb *self, int argc, char **argv) {
    predict_options o = {0};
    text_list paths = {0};
    int go = 0;
    const option rows[] = {
        {"--in", OPTION_TEXT, &o.in, "DATA", "a volume, or a folder of them"},
        {"--out", OPTION_TEXT, &o.out, "FOLDER",
         "where the label maps, <case>.nii.gz, are written"},
        {"--probabilities", OPTION_TEXT, &o.probabilities, "FOLDER",
         "also write the probabilities of the classes, there"},
        {"--uncertainty", OPTION_TEXT, &o.uncertainty, "FOLDER",
         "also write the entropy and the disagreement of the models, there"},
        {"--held-out", OPTION_FLAG, &o.held_out, NULL,
         "label each volume by the models that were not trained on it"},
        {"--no-postprocess", OPTION_FLAG, &o.no_postprocess, NULL,
         "do not apply the largest-component filter that the run chose"},
        {"--weights", OPTION_TEXT, &o.weights, "best|latest",
         "which checkpoint of a run (default: the one that was scored)"},
        {"--engine", OPTION_TEXT, &o.engine, "NAME",
         "auto, or one that pleat info lists (default: that of the models)"},
        {"--precision", OPTION_TEXT, &o.precision, "NAME",
         "auto, f32, tf32 or bf16 (default: that of the models)"},
        {"--threads", OPTION_INT, &o.threads, "N", "threads per rank; 0: its share of the cores"},
        {"--set", OPTION_LIST, &o.sets, "KEY=VALUE",
         "patch, overlap, pad, predict.merge, .mirror, .batch"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &o.models, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(pleat_session_check_launch(a->session));
    PLEAT_TRY(verb_needs(self, rows, &o.models, 1));
    char(*text)[PLEAT_PATH_BYTES] = calloc(MAX_LIST + 1, sizeof *text);
    PLEAT_CHECK(text != NULL, PLEAT_ERR_MEMORY, "no memory for the models' names");
    pleat_status status = find_models(&o, a->session->rank == 0, &paths, text);
    if (status == PLEAT_OK) status = choose_postprocessing(&o, a->session->rank == 0);
    if (status == PLEAT_OK) status = predict_all(a, &o, &paths);
    free(text);
    return status;
}
