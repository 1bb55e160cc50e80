/* dataset.c - what a run learns from: cases, classes, folds, the store and its copy in memory. */
#include "run_impl.h"

#include "pleat/host_memory.h"
#include "pleat/log.h"
#include "pleat/prep.h"
#include "pleat/train.h"
#include "pleat/warn.h"

#include <stdlib.h>
#include <string.h>

static pleat_status find_classes(pleat_config *config, pleat_classes *out) {
    PLEAT_TRY(pleat_cases_classes(config, out));
    PLEAT_CHECK(out->n >= 2, PLEAT_ERR_ARG,
                "the classes are not known: set classes: [background, ...] in the configuration, "
                "or put a dataset.json with \"labels\" into '%s'",
                config->data);
    return pleat_config_check_training(config, out);
}

pleat_status pleat_dataset_store(const pleat_config *config, const char *run,
                                 char out[PLEAT_PATH_BYTES]) {
    return config->store[0] != '\0' ? pleat_path(out, PLEAT_PATH_BYTES, "%s", config->store)
                                    : pleat_run_path(run, PLEAT_RUN_STORE, out);
}

/* Rank 0: what is in the data folder. config->classes is that of it, where it was empty. */
static pleat_status scan(pleat_config *config, const char *run, pleat_cases *out) {
    pleat_classes classes;
    PLEAT_TRY(pleat_cases_find(config, out));
    PLEAT_TRY(pleat_cases_classes(config, &classes));
    pleat_classes_free(&classes);
    PLEAT_TRY(pleat_cases_check_apart(config, "--out", run));
    return pleat_cases_check_apart(config, "store", config->store);
}

/* One rank opens all of its files, and tells the others. */
static pleat_status share_store(pleat_comm *comm, pleat_dataset *data) {
    pleat_status status = PLEAT_OK;
    void *bytes = NULL;
    size_t n = 0;
    if (comm->rank == 0)
        status = pleat_store_open(data->store_path, data->preprocessing, &data->store);
    if (comm->rank == 0 && status == PLEAT_OK) status = pleat_store_pack(data->store, &bytes, &n);
    status = pleat_comm_share_bytes(comm, status, &bytes, &n);
    if (status == PLEAT_OK && comm->rank != 0) status = pleat_store_unpack(bytes, &data->store);
    free(bytes);
    return status;
}

pleat_status pleat_dataset_find(pleat_comm *comm, pleat_config *config, const char *run,
                                pleat_dataset *out) {
    const pleat_status scanned = comm->rank == 0 ? scan(config, run, &out->cases) : PLEAT_OK;
    PLEAT_TRY(pleat_cases_share(comm, scanned, &out->cases));
    PLEAT_TRY(pleat_comm_broadcast_bytes(comm, config, sizeof *config, 0));
    PLEAT_TRY(find_classes(config, &out->classes));
    pleat_classes_regions(&out->classes, out->regions);
    PLEAT_TRY(pleat_config_check(config));
    PLEAT_TRY(pleat_config_judging(config, &out->classes, &out->judging));
    PLEAT_TRY(pleat_dataset_store(config, run, out->store_path));
    pleat_prep_text(&config->prep, out->preprocessing, sizeof out->preprocessing);
    return PLEAT_OK;
}

#define CURE_RUN    "put the data back as they were, or use another --out folder"
#define CURE_SPLITS "correct the file, or the data folder"

/* Of cases that are not those of the file, which folder they are in and what to do is told too. */
static pleat_status read_folds(const char *path, const char *folder, const char *cure,
                               const pleat_dataset *data, pleat_folds *out) {
    const pleat_status status = pleat_folds_read(path, data->cases.ids, data->cases.n, out);
    if (status != PLEAT_ERR_DATA) return status;
    char why[1024];
    (void)snprintf(why, sizeof why, "%s", pleat_error_message());
    return PLEAT_FAIL(status, "'%s' does not fit the folds: %s; %s", folder, why, cure);
}

/* The first case that another fold holds out, with both; "": there are more or fewer folds. */
static void first_moved(const pleat_dataset *data, const pleat_folds *wanted, int *same,
                        char out[512]) {
    const pleat_folds *begun = &data->folds;
    const int n = begun->n;
    *same = wanted->k == begun->k && wanted->repeats == begun->repeats;
    out[0] = '\0';
    for (int i = 0; *same && i < n * begun->repeats; i++) {
        if (wanted->fold_of[i] == begun->fold_of[i]) continue;
        *same = 0;
        (void)snprintf(out, 512, ": case '%s' is in fold %d, and was in fold %d",
                       data->cases.ids[i % n], wanted->fold_of[i], begun->fold_of[i]);
    }
}

/* folds.splits, or else the column fold of a table, must say what the run has begun with. */
static pleat_status same_splits(const pleat_dataset *data, const pleat_config *c,
                                const char *path) {
    const int given = c->splits[0] != '\0';
    pleat_folds wanted = {0};
    char moved[512];
    int same = 0;
    if (!given && data->cases.paths[0].fold == 0) return PLEAT_OK;
    PLEAT_TRY(given ? read_folds(c->splits, c->data, CURE_SPLITS, data, &wanted)
                    : pleat_cases_folds(c, data->cases.paths, data->cases.n, NULL, &wanted));
    first_moved(data, &wanted, &same, moved);
    pleat_folds_free(&wanted);
    PLEAT_CHECK(same, PLEAT_ERR_ARG,
                "%s '%s' differs from '%s', which the run has begun with%s; put it back, or use "
                "another --out folder",
                given ? "folds.splits" : "the column fold of", given ? c->splits : c->data, path,
                moved);
    return PLEAT_OK;
}

pleat_status pleat_dataset_split(pleat_dataset *data, const pleat_config *c, const char *run) {
    char path[PLEAT_PATH_BYTES];
    const char *file = c->splits[0] != '\0' ? c->splits : NULL;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_SPLITS, path));
    if (run[0] != '\0' && pleat_file_exists(path)) {
        file = path;
        PLEAT_TRY(read_folds(path, c->data, CURE_RUN, data, &data->folds));
        PLEAT_TRY(same_splits(data, c, path));
    } else if (file != NULL)
        PLEAT_TRY(read_folds(file, c->data, CURE_SPLITS, data, &data->folds));
    else
        PLEAT_TRY(pleat_cases_folds(c, data->cases.paths, data->cases.n, NULL, &data->folds));
    PLEAT_TRY(pleat_cases_check_counts(c, &data->folds, file));
    return pleat_cases_check_folds(c, data->cases.paths, data->cases.n, &data->folds);
}

static pleat_status check_store(const pleat_dataset *data, const char *folder) {
    PLEAT_CHECK(pleat_store_count(data->store) == data->cases.n, PLEAT_ERR_DATA,
                "store '%s' has %d cases, '%s' has %d", data->store_path,
                pleat_store_count(data->store), folder, data->cases.n);
    for (int i = 0; i < data->cases.n; i++)
        PLEAT_CHECK(
            strcmp(pleat_store_info(data->store, i)->id, data->cases.ids[i]) == 0, PLEAT_ERR_DATA,
            "store '%s' has case '%s' where '%s' has '%s'; another run may have filled it",
            data->store_path, pleat_store_info(data->store, i)->id, folder, data->cases.ids[i]);
    return PLEAT_OK;
}

pleat_status pleat_dataset_provenance(const pleat_dataset *data, int fold, pleat_provenance *out) {
    const int n = data->cases.n;
    *out = (pleat_provenance){.n = n, .of = calloc((size_t)n + 1, sizeof *out->of)};
    PLEAT_CHECK(out->of != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (int i = 0; i < n; i++) {
        const pleat_case_info *info = pleat_store_info(data->store, i);
        pleat_traced_case *c = &out->of[i];
        *c = (pleat_traced_case){.held_out = pleat_folds_holds_out(&data->folds, fold, i),
                                 .voxels = (int64_t)pleat_voxels(info->geometry.dim),
                                 .image = {info->image_file, info->image_content},
                                 .mask = {info->label_file, info->label_content}};
        memcpy(c->id, info->id, sizeof c->id);
    }
    return PLEAT_OK;
}

/* One volume under two names, in two folds: a model is judged by what it was trained on. */
static void tell_twins(const pleat_dataset *data) {
    for (int i = 0; i < data->cases.n; i++)
        for (int k = 0; k < i; k++) {
            const pleat_case_info *a = pleat_store_info(data->store, k);
            const pleat_case_info *b = pleat_store_info(data->store, i);
            const pleat_traced one = {a->image_file, a->image_content};
            const pleat_traced other = {b->image_file, b->image_content};
            const int at = pleat_folds_apart(&data->folds, k, i);
            if (at < 0) continue;
            if (pleat_traced_same(&one, &other) || a->digest == b->digest)
                pleat_warn(
                    "cases '%s' and '%s' are one volume, in folds %d and %d: a model is "
                    "scored on what it was trained on; remove one, or put both into one fold "
                    "(folds.group_by, folds.splits)",
                    a->id, b->id, data->folds.fold_of[at * data->folds.n + k],
                    data->folds.fold_of[at * data->folds.n + i]);
        }
}

static void tell_learnt_of_fold(const pleat_dataset *data, const char *from,
                                const pleat_learnt *model, int fold) {
    char list[200] = "";
    int n = 0, all = 0;
    for (int i = 0; i < data->cases.n; i++) {
        const pleat_case_info *info = pleat_store_info(data->store, i);
        const pleat_traced image = {info->image_file, info->image_content};
        if (!pleat_folds_holds_out(&data->folds, fold, i)) continue;
        all++;
        if (!pleat_learnt_has(model, &image)) continue;
        pleat_warn_list(list, sizeof list, info->id);
        n++;
    }
    if (n > 0)
        pleat_warn("train.from: '%s' has learnt %d of the %d cases that fold %d holds out (%s), so "
                   "its scores are flattered; begin with another checkpoint, or hold out other "
                   "cases (folds.splits)",
                   from, n, all, fold, list);
}

/* Weights that training begins with may know what a fold is judged by. */
static pleat_status tell_learnt(const pleat_dataset *data, const char *from) {
    pleat_learnt model = {0};
    if (from[0] == '\0' || data->folds.n == 0) return PLEAT_OK;
    const pleat_status status = pleat_train_learnt(from, &model);
    if (status == PLEAT_ERR_NOT_FOUND) return PLEAT_OK; /* folds that have begun can go on */
    PLEAT_TRY(status);
    if (!pleat_learnt_is_whole(&model))
        pleat_warn("train.from: '%s' does not say of all cases that its weights have learnt, so "
                   "whether scores are flattered is not known",
                   from);
    for (int fold = 0; fold < data->folds.k; fold++) tell_learnt_of_fold(data, from, &model, fold);
    pleat_learnt_free(&model);
    return PLEAT_OK;
}

/* Bytes of the store that a node may hold: rank 0 of the node looks for all. */
static pleat_status find_room(const pleat_session *session, double wanted, size_t *out) {
    const pleat_host_memory memory = pleat_host_memory_find();
    double room = pleat_host_memory_for_store(&memory, wanted);
    PLEAT_TRY(pleat_comm_broadcast_bytes(session->node, &room, sizeof room, 0));
    if (room < wanted && session->rank == 0)
        pleat_log(PLEAT_INFO,
                  "host_memory: of %.0f MiB the store may take %.0f, 7/8 of what the %s allows",
                  wanted / 0x1p20, room / 0x1p20,
                  memory.allowed < memory.machine ? "memory limit of the cgroup" : "machine");
    *out = (size_t)room;
    return PLEAT_OK;
}

/* The largest training case of a fold along an axis, in voxels of the store. */
static int largest(const pleat_dataset *data, int fold, int axis) {
    int most = 0;
    for (int i = 0; i < data->cases.n; i++) {
        const int n = pleat_store_info(data->store, i)->dim[axis];
        if (!pleat_folds_holds_out(&data->folds, fold, i) && n > most) most = n;
    }
    return most;
}

/* A model that has only seen patches with padding at both ends knows nothing of volumes that go on
 * there; neither kind of padding helps (docs/math.md). */
static pleat_status tell_small(const pleat_dataset *data, const pleat_config *config) {
    int most[3] = {0}, enough[3];
    for (int axis = 0; axis < 3; axis++)
        for (int fold = 0; fold < data->folds.k; fold++) {
            const int n = largest(data, fold, axis);
            if (n < config->patch[axis] && n > most[axis]) most[axis] = n;
        }
    PLEAT_TRY(pleat_config_least_patch(config, most, enough));
    for (int axis = 0; axis < 3; axis++)
        if (most[axis] > 0 && enough[axis] < config->patch[axis])
            pleat_warn(
                "the training volumes are all smaller than the patch along %c, at most %d of "
                "its %d voxels: a model so trained labels the ends of larger volumes wrong; "
                "set patch to %d there",
                "zyx"[axis], most[axis], config -> patch[axis], enough[axis]);
    return PLEAT_OK;
}

/* Classes of which no training case of a fold has a voxel: its model cannot know them. */
static void warn_absent(const pleat_dataset *data, const int *cases_with) {
    const int k = data->folds.k;
    for (int c = 1; c < data->classes.n; c++) {
        int all = 0;
        for (int fold = 0; fold < k; fold++) all += cases_with[c * k + fold];
        all /= data->folds.n > 0 ? data->folds.repeats : 1; /* each repeat has every case */
        if (all == 0)
            pleat_warn("no case has a voxel of the class '%s', so it cannot be learnt; do classes "
                       "and labels match?",
                       data->classes.name[c]);
        for (int fold = 0; fold < k && all > 0; fold++)
            if (cases_with[c * k + fold] == all)
                pleat_warn(
                    "no training case of fold %d has a voxel of the class '%s', so its model "
                    "cannot know it; choose the folds by folds.splits, or fewer",
                    fold, data->classes.name[c]);
    }
}

/* has[classes]: case i has a voxel of it; of a region, of one of its labels. */
static pleat_status find_present(const pleat_dataset *data, int i, uint8_t *has) {
    int32_t(*rows)[4] = NULL;
    int n = 0, before = 0;
    PLEAT_TRY(pleat_store_foreground(data->store, i, &rows, &n));
    if (data->classes.ignore > 0 && (n == 0 || rows[n - 1][0] != PLEAT_ANNOTATED))
        pleat_warn("%s: all voxels are to be ignored, so nothing can be learnt of it; leave the "
                   "case out, or annotate a part",
                   pleat_store_info(data->store, i)->id);
    for (int row = 0; row < n; before = rows[row++][0]) { /* labels ascending */
        const int label = rows[row][0];
        for (int c = 1; c < data->classes.n && label != before; c++)
            has[c] |= data->classes.of_regions ? data->regions[label] >> (c - 1) & 1 : label == c;
    }
    free(rows);
    return PLEAT_OK;
}

static pleat_status tell_absent(const pleat_dataset *data) {
    const int k = data->folds.k;
    pleat_status status = PLEAT_OK;
    int *cases_with = calloc((size_t)data->classes.n * (size_t)k, sizeof *cases_with);
    PLEAT_CHECK(cases_with != NULL, PLEAT_ERR_MEMORY, "no memory for %d classes", data->classes.n);
    for (int i = 0; i < data->cases.n && data->folds.n > 0 && status == PLEAT_OK; i++) {
        uint8_t has[PLEAT_MAX_CLASSES] = {0};
        status = find_present(data, i, has);
        for (int c = 1; c < data->classes.n; c++)
            for (int fold = 0; fold < k && has[c]; fold++)
                cases_with[c * k + fold] += pleat_folds_holds_out(&data->folds, fold, i);
    }
    if (status == PLEAT_OK && data->folds.n > 0) warn_absent(data, cases_with);
    free(cases_with);
    return status;
}

pleat_status pleat_dataset_open(pleat_dataset *data, const pleat_config *config,
                                pleat_session *session) {
    PLEAT_TRY(pleat_prep_run(session->world, &config->prep, data->cases.paths, data->cases.n,
                             data->classes.n, data->store_path));
    pleat_status status = share_store(session->world, data);
    if (status == PLEAT_OK) status = check_store(data, config->data);
    if (status == PLEAT_OK && session->rank == 0) status = tell_absent(data);
    if (status == PLEAT_OK && session->rank == 0) status = tell_small(data, config);
    if (status == PLEAT_OK && session->rank == 0) status = tell_learnt(data, config->from);
    PLEAT_TRY(pleat_comm_agree(session->world, status));
    if (session->rank == 0) tell_twins(data);
    size_t room = 0;
    PLEAT_TRY(find_room(session, config->host_memory, &room));
    status = pleat_pool_open(session->node, data->store, room, &data->pool);
    if (status == PLEAT_OK && (config->train.oversample > 0.0 || data->classes.ignore > 0))
        status = pleat_pool_list_foreground(data->pool);
    return pleat_comm_agree(session->world, status);
}

void pleat_dataset_close(pleat_dataset *data) {
    pleat_pool_close(data->pool);
    pleat_store_close(data->store);
    pleat_folds_free(&data->folds);
    pleat_classes_free(&data->classes);
    pleat_cases_free(&data->cases);
}
