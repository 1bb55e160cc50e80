/* learnt.c - volumes to be labelled, looked for among the cases that models carry. */
#include "pleat/learnt.h"

#include "pleat/checkpoint.h"
#include "pleat/crossval.h"
#include "pleat/log.h"
#include "pleat/nifti.h"
#include "pleat/prep.h"
#include "pleat/provenance.h"
#include "pleat/store.h"
#include "pleat/text.h"
#include "pleat/train.h"
#include "pleat/warn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct model {
    pleat_provenance own; /* the cases of its fold */
    pleat_learnt all;     /* what its weights have learnt, also before that fold */
    int before;           /* `all` has more images than the fold's cases */
} model;

static pleat_status read_model(const char *path, model *m) {
    char *text = NULL;
    pleat_status status = pleat_checkpoint_cases(path, &text);
    if (status == PLEAT_OK && text != NULL) status = pleat_provenance_parse(text, path, &m->own);
    free(text);
    if (status == PLEAT_OK) status = pleat_train_learnt(path, &m->all);
    uint64_t expected = !pleat_learnt_is_whole(&m->all); /* others count as one */
    for (int i = 0; i < m->own.n; i++) expected += !m->own.of[i].held_out;
    m->before = m->all.n > expected;
    return status;
}

/* Those that do not say all are logged where `tell` is not 0. */
static pleat_status read_models(const char *const *models, int n, int tell, model *of) {
    for (int m = 0; m < n; m++) {
        const pleat_status status = read_model(models[m], &of[m]);
        if (status != PLEAT_ERR_FORMAT && status != PLEAT_ERR_NOT_FOUND)
            PLEAT_TRY(status); /* what is damaged is refused when it is read whole */
        if (tell && !pleat_learnt_is_whole(&of[m].all))
            pleat_log(PLEAT_INFO, "'%s' does not name all cases that it was trained on", models[m]);
    }
    return PLEAT_OK;
}

static int holds_out(const pleat_provenance *of, const pleat_traced *image) {
    for (int i = 0; i < of->n; i++)
        if (of->of[i].held_out && pleat_traced_same(&of->of[i].image, image)) return 1;
    return 0;
}

/* Whether a model was trained on this image. *holder is one that was not and has held it out; -1:
 * none. */
static int is_learnt(const model *of, int n, const pleat_traced *image, int *holder) {
    int learnt = 0;
    *holder = -1;
    for (int m = 0; m < n; m++) {
        if (pleat_learnt_has(&of[m].all, image))
            learnt = 1;
        else if (holds_out(&of[m].own, image))
            *holder = m;
    }
    return learnt;
}

static int have_before(const model *of, int n) {
    for (int m = 0; m < n; m++)
        if (of[m].before) return 1;
    return 0;
}

/* Whether an image of this size may be among them; of those learnt before, it is not known. */
static int may_have(const model *of, int n, size_t voxels) {
    for (int m = 0; m < n; m++)
        for (int i = 0; i < of[m].own.n; i++)
            if (of[m].own.of[i].voxels == (int64_t)voxels) return 1;
    return have_before(of, n);
}

/* By its files, and where these are others by what they hold. */
static int look(const model *of, int n, const pleat_case_paths *paths, int orient, int *holder) {
    pleat_case_info info = {0};
    pleat_nifti_info header;
    if (pleat_store_set_files(&info, (char *const *)paths->image, paths->images, NULL) != PLEAT_OK)
        return 0; /* who labels it says why it cannot be read */
    pleat_traced image = {info.image_file, 0};
    if (is_learnt(of, n, &image, holder)) return 1;
    if (*holder >= 0 && !have_before(of, n)) return 0;
    if (pleat_nifti_read_header(paths->image[0], NULL, &header) != PLEAT_OK ||
        !may_have(of, n, header.voxels) ||
        pleat_prep_content(paths, 0, orient, &image.content) != PLEAT_OK)
        return 0;
    return is_learnt(of, n, &image, holder);
}

/* found[i]: 0 where no model was trained on case i, else 2 more than the model that held it out. */
static void tell(const char *const *models, const pleat_case_paths *cases, int n_cases,
                 const double *found) {
    char list[1000] = "";
    int learnt = 0;
    for (int i = 0; i < n_cases; i++) {
        const int holder = (int)found[i] - 2;
        char one[PLEAT_PATH_BYTES];
        if (found[i] <= 0.0) continue;
        (void)snprintf(one, sizeof one, holder >= 0 ? "%.200s (held out by '%s')" : "%.200s",
                       cases[i].id, holder >= 0 ? models[holder] : "");
        pleat_warn_list(list, sizeof list, one);
        learnt++;
    }
    if (learnt > 0)
        pleat_warn("%d of the %d volume%s %s trained on by a model of this prediction: %s; scores "
                   "of these label maps are not of unseen data. Maps by the models that held them "
                   "out are in a run's fold_K/predictions",
                   learnt, n_cases, pleat_plural(n_cases), learnt == 1 ? "was" : "were", list);
}

pleat_status pleat_learnt_find(pleat_comm *comm, const char *const *models, int n,
                               const pleat_case_paths *cases, int n_cases, int orient,
                               int *learnt) {
    model *of = calloc((size_t)n + 1, sizeof *of);
    double *found = calloc((size_t)n_cases + 1, sizeof *found);
    pleat_status status = PLEAT_OK;
    if (of == NULL || found == NULL)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the cases of %d models", n);
    else
        status = read_models(models, n, comm->rank == 0, of);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
    if (of == NULL || found == NULL) goto done; /* not after an agreement */
    for (int i = comm->rank; i < n_cases; i += comm->size) {
        int holder = -1;
        if (look(of, n, &cases[i], orient, &holder)) found[i] = 2 + holder;
    }
    PLEAT_TRY_GOTO(status, done, pleat_comm_allreduce_sum(comm, found, (size_t)n_cases, PLEAT_F64));
    PLEAT_TRY_GOTO(status, done, pleat_comm_wait(comm));
    for (int i = 0; i < n_cases; i++) learnt[i] = found[i] > 0.0;
    if (comm->rank == 0) tell(models, cases, n_cases, found);
done:
    for (int m = 0; of != NULL && m < n; m++) {
        pleat_provenance_free(&of[m].own);
        pleat_learnt_free(&of[m].all);
    }
    free(of);
    free(found);
    return status;
}

/* "CT, PET" of the folder's dataset.json; "" where it does not say, or there are none or one. */
static void channels_of(const char *folder, char *out, size_t size) {
    char **names = NULL;
    int n = 0;
    size_t used = 0;
    out[0] = '\0';
    if (pleat_layout_channels(folder, &names, &n) != PLEAT_OK) return;
    for (int i = 0; i < n && n > 1 && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", names[i]);
    pleat_layout_names_free(names, n);
}

void pleat_learnt_channels(const char *run, const char *in) {
    char above[PLEAT_PATH_BYTES], here[512], there[512];
    pleat_record record;
    if (!pleat_file_is_folder(in) || pleat_record_read(run, &record) != PLEAT_OK ||
        !pleat_file_is_folder(record.data) ||
        pleat_path(above, sizeof above, "%s/..", in) != PLEAT_OK)
        return;
    channels_of(in, here, sizeof here);
    if (here[0] == '\0') channels_of(above, here, sizeof here);
    channels_of(record.data, there, sizeof there);
    if (here[0] != '\0' && there[0] != '\0' && strcmp(here, there) != 0)
        pleat_warn("the channels of '%s' are %s by its dataset.json, those of '%s', which '%s' was "
                   "trained on, are %s: models know channels by their order alone; bring them into "
                   "that order",
                   in, here, record.data, run, there);
}
