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
    int orient;           /* of its preprocessing: digests of contents depend on it */
} model;

static pleat_status read_model(const char *path, model *m) {
    pleat_checkpoint c = {0};
    pleat_prep_config prep;
    PLEAT_TRY(pleat_checkpoint_learnt(path, &c));
    pleat_status status = pleat_prep_parse_text(c.preprocessing, &prep);
    if (status == PLEAT_OK) m->orient = prep.orient;
    if (status == PLEAT_OK && c.cases != NULL)
        status = pleat_provenance_parse(c.cases, path, &m->own);
    pleat_checkpoint_free(&c);
    if (status == PLEAT_OK) status = pleat_train_learnt(path, &m->all);
    uint64_t expected = !pleat_learnt_is_whole(&m->all); /* others count as one */
    for (int i = 0; i < m->own.n; i++) expected += !m->own.of[i].held_out;
    m->before = m->all.n > expected;
    return status;
}

/* Else a volume may be one of them, and not be found. */
static pleat_status check_digests(const model *m, const char *path) {
    int known = 1;
    for (uint64_t i = 0; i < m->all.n; i++) known &= m->all.of[i].content != 0;
    PLEAT_CHECK(known, PLEAT_ERR_DATA,
                "'%s' does not carry digests of all volumes that its weights have learnt, as those "
                "of an older pleat or of another program do not; so which volumes it held out is "
                "not known, and --held-out cannot be used with it",
                path);
    return PLEAT_OK;
}

/* all: each must carry digests of what it has learnt. Else those that do not are logged where
 * `tell` is not 0, and what is damaged is refused when it is read whole. */
static pleat_status read_models(const char *const *models, int n, int all, int tell, model *of) {
    for (int m = 0; m < n; m++) {
        const pleat_status status = read_model(models[m], &of[m]);
        if (all || (status != PLEAT_ERR_FORMAT && status != PLEAT_ERR_NOT_FOUND)) PLEAT_TRY(status);
        if (all)
            PLEAT_TRY(check_digests(&of[m], models[m]));
        else if (tell && !pleat_learnt_is_whole(&of[m].all))
            pleat_log(PLEAT_INFO, "'%s' does not name all cases that it was trained on", models[m]);
    }
    return PLEAT_OK;
}

/* A file that was held out may be another packing of what was learnt: the list has its content. */
static pleat_knows knows_image(const model *m, const pleat_traced *image) {
    const pleat_traced *held = NULL;
    for (int i = 0; i < m->own.n && held == NULL; i++)
        if (m->own.of[i].held_out && pleat_traced_same(&m->own.of[i].image, image))
            held = &m->own.of[i].image;
    if (pleat_learnt_has(&m->all, image) || (held != NULL && pleat_learnt_has(&m->all, held)))
        return PLEAT_KNOWS_LEARNT;
    return held != NULL ? PLEAT_KNOWS_HELD_OUT : PLEAT_KNOWS_NOT;
}

/* Whether an image of this size may be among them; of those learnt before, it is not known. */
static int may_have(const model *m, size_t voxels) {
    for (int i = 0; i < m->own.n; i++)
        if (m->own.of[i].voxels == (int64_t)voxels) return 1;
    return m->before;
}

/* knows[n], a pleat_knows each: by the volume's files, and where these are others by what they
 * hold. */
static pleat_status look(const model *of, int n, const pleat_case_paths *paths, double *knows) {
    pleat_case_info info = {0};
    pleat_nifti_info header;
    uint64_t contents[2] = {0}; /* as it lies; with its axes */
    PLEAT_TRY(pleat_store_set_files(&info, (char *const *)paths->image, paths->images, NULL));
    PLEAT_TRY(pleat_nifti_read_header(paths->image[0], NULL, &header));
    for (int m = 0; m < n; m++) {
        pleat_traced image = {info.image_file, 0};
        uint64_t *content = &contents[of[m].orient != PLEAT_ORIENT_NONE];
        pleat_knows found = knows_image(&of[m], &image);
        if (found == PLEAT_KNOWS_NOT && may_have(&of[m], header.voxels)) {
            if (*content == 0) PLEAT_TRY(pleat_prep_content(paths, 0, of[m].orient, content));
            image.content = *content;
            found = knows_image(&of[m], &image);
        }
        knows[m] = (double)found;
    }
    return PLEAT_OK;
}

/* All ranks have `of` models[n]; on all found[n_cases, n] becomes what look() says. */
static pleat_status look_at_all(pleat_comm *comm, const model *of, int n,
                                const pleat_case_paths *cases, int n_cases, double *found) {
    for (int i = comm->rank; i < n_cases; i += comm->size) {
        double *row = found + (size_t)i * (size_t)n;
        if (look(of, n, &cases[i], row) == PLEAT_OK) continue;
        for (int m = 0; m < n; m++) row[m] = PLEAT_KNOWS_UNREAD; /* who labels it says why */
    }
    PLEAT_TRY(pleat_comm_allreduce_sum(comm, found, (size_t)n_cases * (size_t)n, PLEAT_F64));
    return pleat_comm_wait(comm);
}

/* Whether a model has learnt it. *holder is one that has not and has held it out; -1: none. */
static int is_learnt(const double *row, int n, int *holder) {
    int learnt = 0;
    *holder = -1;
    for (int m = 0; m < n; m++) {
        learnt |= row[m] == PLEAT_KNOWS_LEARNT;
        if (row[m] == PLEAT_KNOWS_HELD_OUT) *holder = m;
    }
    return learnt;
}

static int is_new(const double *row, int n) {
    for (int m = 0; m < n; m++)
        if (row[m] != PLEAT_KNOWS_NOT) return 0;
    return 1;
}

static void tell_learnt(const char *const *models, int n, const pleat_case_paths *cases,
                        int n_cases, const double *found) {
    char list[1000] = "";
    int learnt = 0;
    for (int i = 0; i < n_cases; i++) {
        int holder = -1;
        char one[PLEAT_PATH_BYTES];
        if (!is_learnt(found + (size_t)i * (size_t)n, n, &holder)) continue;
        (void)snprintf(one, sizeof one, holder >= 0 ? "%.200s (held out by '%s')" : "%.200s",
                       cases[i].id, holder >= 0 ? models[holder] : "");
        pleat_warn_list(list, sizeof list, one);
        learnt++;
    }
    if (learnt > 0)
        pleat_warn("%d of the %d volume%s %s trained on by a model of this prediction: %s; scores "
                   "of these label maps are not of unseen data. Maps by the models that held them "
                   "out are in a run's fold_K/predictions; --held-out makes them of several runs",
                   learnt, n_cases, pleat_plural(n_cases), learnt == 1 ? "was" : "were", list);
}

/* A case whose image was changed since has its name, and would be labelled by all. */
static void tell_namesakes(const model *of, int n, const pleat_case_paths *cases, int n_cases,
                           const double *found) {
    char list[400] = "";
    int alike = 0;
    for (int i = 0; i < n_cases; i++) {
        int named = 0;
        for (int m = 0; m < n; m++) {
            const pleat_traced_case *own = pleat_provenance_find(&of[m].own, cases[i].id);
            named |= own != NULL && !own->held_out;
        }
        if (!named || !is_new(found + (size_t)i * (size_t)n, n)) continue;
        pleat_warn_list(list, sizeof list, cases[i].id);
        alike++;
    }
    if (alike > 0)
        pleat_warn("%d volume%s of the name of a case that models were trained on %s another image "
                   "than that, and %s labelled by all models: %s; where it is that case, changed "
                   "since, the label map is not one of unseen data",
                   alike, pleat_plural(alike), alike == 1 ? "is" : "are", alike == 1 ? "is" : "are",
                   list);
}

/* What both need: to be freed by close_models. */
static pleat_status open_models(pleat_comm *comm, const char *const *models, int n, int n_cases,
                                int all, model **of, double **found) {
    pleat_status status = PLEAT_OK;
    *of = calloc((size_t)n + 1, sizeof **of);
    *found = calloc((size_t)n_cases * (size_t)n + 1, sizeof **found);
    if (*of == NULL || *found == NULL)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the cases of %d models", n);
    else
        status = read_models(models, n, all, comm->rank == 0, *of);
    return pleat_comm_agree(comm, status);
}

static void close_models(model *of, int n, double *found) {
    for (int m = 0; of != NULL && m < n; m++) {
        pleat_provenance_free(&of[m].own);
        pleat_learnt_free(&of[m].all);
    }
    free(of);
    free(found);
}

pleat_status pleat_learnt_find(pleat_comm *comm, const char *const *models, int n,
                               const pleat_case_paths *cases, int n_cases, int *learnt) {
    model *of = NULL;
    double *found = NULL;
    int holder = -1;
    pleat_status status = open_models(comm, models, n, n_cases, 0, &of, &found);
    if (status == PLEAT_OK) status = look_at_all(comm, of, n, cases, n_cases, found);
    for (int i = 0; i < n_cases && status == PLEAT_OK; i++)
        learnt[i] = is_learnt(found + (size_t)i * (size_t)n, n, &holder);
    if (status == PLEAT_OK && comm->rank == 0) tell_learnt(models, n, cases, n_cases, found);
    close_models(of, n, found);
    return status;
}

pleat_status pleat_learnt_by_model(pleat_comm *comm, const char *const *models, int n,
                                   const pleat_case_paths *cases, int n_cases, uint8_t *knows) {
    model *of = NULL;
    double *found = NULL;
    pleat_status status = open_models(comm, models, n, n_cases, 1, &of, &found);
    if (status == PLEAT_OK) status = look_at_all(comm, of, n, cases, n_cases, found);
    for (size_t i = 0; i < (size_t)n_cases * (size_t)n && status == PLEAT_OK; i++)
        knows[i] = (uint8_t)found[i];
    if (status == PLEAT_OK && comm->rank == 0) tell_namesakes(of, n, cases, n_cases, found);
    close_models(of, n, found);
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
