/* cases.c - the annotated cases that a configuration names. */
#include "pleat/cases.h"

#include "pleat/file.h"
#include "pleat/prep.h"
#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* dataset.json names as many channels as the first case has; that all have as many is checked when
 * they are prepared. */
static pleat_status check_names(const char *folder, const pleat_case_paths *first) {
    char **names = NULL;
    int named = 0, channels = 0;
    PLEAT_TRY(pleat_layout_channels(folder, &names, &named));
    pleat_layout_names_free(names, named);
    if (named == 0) return PLEAT_OK;
    PLEAT_TRY(pleat_prep_count_channels(first, &channels));
    PLEAT_CHECK(channels == named, PLEAT_ERR_DATA,
                "case '%s' has %d channel%s, '%s'%s, but '%s/dataset.json' names %d; add what "
                "is missing, or correct the names",
                first->id, channels, pleat_plural(channels), first->image[0],
                first->images > 1 ? " and so on" : "", folder, named);
    return PLEAT_OK;
}

static pleat_status list_names(pleat_cases *of) {
    of->ids = calloc((size_t)of->n + 1, sizeof *of->ids);
    PLEAT_CHECK(of->ids != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", of->n);
    for (int i = 0; i < of->n; i++) of->ids[i] = of->paths[i].id;
    return PLEAT_OK;
}

pleat_status pleat_cases_find(const pleat_config *config, pleat_cases *out) {
    *out = (pleat_cases){0};
    PLEAT_CHECK(config->data[0] != '\0', PLEAT_ERR_ARG,
                "no data: set data: FOLDER in the configuration or --set data=FOLDER");
    PLEAT_TRY(pleat_layout_scan(config->data, PLEAT_LAYOUT_LABELLED, &out->paths, &out->n));
    PLEAT_TRY(check_names(config->data, &out->paths[0]));
    return list_names(out);
}

pleat_status pleat_cases_classes(pleat_config *config, pleat_classes *out) {
    PLEAT_TRY(pleat_classes_parse(config->classes, out));
    if (out->n == 0 && config->data[0] != '\0') {
        PLEAT_TRY(pleat_layout_classes(config->data, out));
        const pleat_status status =
            pleat_classes_text(out, config->classes, sizeof config->classes);
        PLEAT_CHECK(status == PLEAT_OK, status,
                    "the class names of '%s/dataset.json' are too long or hold a comma or an "
                    "equals sign; set classes: in the configuration",
                    config->data);
    }
    config->network.classes = out->n - out->of_regions; /* the background is no region */
    pleat_labels_of(out, &config->prep.labels);
    return PLEAT_OK;
}

static void put(FILE *to, const char *text) {
    (void)fprintf(to, "%s%c", text != NULL ? text : "", 0);
}

static pleat_status pack(const pleat_cases *cases, void **bytes, size_t *n) {
    char *text = NULL;
    FILE *to = open_memstream(&text, n);
    PLEAT_CHECK(to != NULL, PLEAT_ERR_MEMORY, "no memory for a list of %d cases", cases->n);
    (void)fprintf(to, "%d%c", cases->n, 0);
    for (int i = 0; i < cases->n; i++) {
        const pleat_case_paths *one = &cases->paths[i];
        (void)fprintf(to, "%d%c%d%c", one->fold, 0, one->images, 0);
        put(to, one->id);
        put(to, one->label);
        put(to, one->group);
        for (int c = 0; c < one->images; c++) put(to, one->image[c]);
    }
    if (fclose(to) != 0) {
        free(text);
        return PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for a list of %d cases", cases->n);
    }
    *bytes = text;
    return PLEAT_OK;
}

/* The next text at *at; "" where `optional` is NULL. Sets *failed without memory. */
static char *take(const char **at, int optional, int *failed) {
    const char *text = *at;
    *at += strlen(text) + 1;
    if (optional && text[0] == '\0') return NULL;
    char *copy = strdup(text);
    *failed |= copy == NULL;
    return copy;
}

static int take_number(const char **at) {
    const long n = strtol(*at, NULL, 10);
    *at += strlen(*at) + 1;
    return (int)n;
}

static pleat_status unpack(const void *bytes, pleat_cases *out) {
    const char *at = bytes;
    const int n = take_number(&at);
    int failed = 0;
    *out = (pleat_cases){.paths = calloc((size_t)n + 1, sizeof *out->paths)};
    PLEAT_CHECK(out->paths != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (; out->n < n && !failed; out->n++) {
        pleat_case_paths *one = &out->paths[out->n];
        one->fold = take_number(&at);
        const int images = take_number(&at);
        one->id = take(&at, 0, &failed);
        one->label = take(&at, 1, &failed);
        one->group = take(&at, 1, &failed);
        for (; one->images < images; one->images++) one->image[one->images] = take(&at, 0, &failed);
    }
    PLEAT_CHECK(!failed, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    return list_names(out);
}

pleat_status pleat_cases_share(pleat_comm *comm, pleat_status mine, pleat_cases *cases) {
    void *bytes = NULL;
    size_t n = 0;
    if (mine == PLEAT_OK && comm->rank == 0) mine = pack(cases, &bytes, &n);
    pleat_status status = pleat_comm_share_bytes(comm, mine, &bytes, &n);
    if (status == PLEAT_OK && comm->rank != 0) status = unpack(bytes, cases);
    free(bytes);
    return pleat_comm_agree(comm, status);
}

/* Ids, groups where some case has one, else NULL; both to be freed. */
static pleat_status list_groups(const pleat_config *config, const pleat_case_paths *paths, int n,
                                const char ***ids, const char ***groups) {
    int any = 0;
    for (int i = 0; i < n; i++) any |= paths[i].group != NULL;
    PLEAT_CHECK(!any || config->group_by[0] == '\0', PLEAT_ERR_ARG,
                "the table '%s' has groups, and folds.group_by is '%s'; empty one of them",
                config->data, config->group_by);
    *ids = calloc((size_t)n + 1, sizeof **ids);
    *groups = any ? calloc((size_t)n, sizeof **groups) : NULL;
    PLEAT_CHECK(*ids != NULL && (!any || *groups != NULL), PLEAT_ERR_MEMORY,
                "no memory for %d cases", n);
    for (int i = 0; i < n; i++) (*ids)[i] = paths[i].id;
    for (int i = 0; any && i < n; i++) (*groups)[i] = paths[i].group;
    return PLEAT_OK;
}

/* As the column fold of a table says. */
static pleat_status listed_folds(const pleat_config *config, const pleat_case_paths *paths, int n,
                                 pleat_folds *out) {
    int k = 0;
    for (int i = 0; i < n; i++)
        if (paths[i].fold > k) k = paths[i].fold;
    PLEAT_CHECK(k >= 2, PLEAT_ERR_DATA,
                "the column fold of '%s' has one fold; cross-validation needs two at least",
                config->data);
    for (int fold = 1, i = 0; fold <= k; fold++) {
        for (i = 0; i < n && paths[i].fold != fold;) i++;
        PLEAT_CHECK(i < n, PLEAT_ERR_DATA,
                    "no case of '%s' has fold %d, but one has fold %d; number the folds 0, 1, 2, "
                    "...",
                    config->data, fold - 1, k - 1);
    }
    int *fold_of = malloc((size_t)n * sizeof *fold_of);
    PLEAT_CHECK(fold_of != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (int i = 0; i < n; i++) fold_of[i] = paths[i].fold - 1;
    *out = (pleat_folds){k, n, fold_of, 1};
    return PLEAT_OK;
}

pleat_status pleat_cases_check_folds(const pleat_config *config, const pleat_case_paths *paths,
                                     int n, const pleat_folds *folds) {
    const char **ids = NULL, **groups = NULL;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, list_groups(config, paths, n, &ids, &groups));
    if (groups != NULL)
        PLEAT_TRY_GOTO(status, done, pleat_folds_check_groups(ids, folds, groups));
    else if (config->group_by[0] != '\0')
        PLEAT_TRY_GOTO(status, done, pleat_folds_check(ids, folds, config->group_by));
done:
    free(groups);
    free(ids);
    return status;
}

pleat_status pleat_cases_check_counts(const pleat_config *config, const pleat_folds *folds,
                                      const char *file) {
    const char *column = file == NULL ? "the column fold of " : "", *what = file;
    const char *cure = file == NULL ? "column" : "file";
    const int each = pleat_folds_each(folds);
    if (file == NULL) what = config->data;
    PLEAT_CHECK(folds->repeats == config->repeats, PLEAT_ERR_ARG,
                "%s'%s' has %d repeat%s of its folds, and folds.repeats is %d; set "
                "folds.repeats=%d, or correct the %s",
                column, what, folds->repeats, pleat_plural(folds->repeats), config->repeats,
                folds->repeats, cure);
    PLEAT_CHECK(each == config->folds, PLEAT_ERR_ARG,
                "%s'%s' has %d folds, and folds.k is %d; set folds.k=%d, or correct the %s", column,
                what, each, config->folds, each, cure);
    return PLEAT_OK;
}

pleat_status pleat_cases_folds(const pleat_config *config, const pleat_case_paths *paths, int n,
                               const char *file, pleat_folds *out) {
    const char **ids = NULL, **groups = NULL;
    pleat_folds folds = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, list_groups(config, paths, n, &ids, &groups));
    const pleat_folds_how how = {config->folds,    config->folds_like, config->seed,
                                 config->group_by, config->repeats,    groups};
    if (file != NULL && file[0] != '\0')
        PLEAT_TRY_GOTO(status, done, pleat_folds_read(file, ids, n, &folds));
    else if (n > 0 && paths[0].fold > 0)
        PLEAT_TRY_GOTO(status, done, listed_folds(config, paths, n, &folds));
    else
        PLEAT_TRY_GOTO(status, done, pleat_folds_make(ids, n, &how, &folds));
    PLEAT_TRY_GOTO(status, done, pleat_cases_check_folds(config, paths, n, &folds));
    *out = folds;
    folds = (pleat_folds){0};
done:
    pleat_folds_free(&folds);
    free(groups);
    free(ids);
    return status;
}

void pleat_cases_free(pleat_cases *cases) {
    free(cases->ids);
    pleat_layout_free(cases->paths, cases->n);
    *cases = (pleat_cases){0};
}

pleat_status pleat_cases_check_apart(const pleat_config *config, const char *what,
                                     const char *folder) {
    const char *data = config->data;
    char images[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(images, sizeof images, "%s/imagesTr", data));
    if (folder[0] == '\0' || !pleat_file_is_inside(folder, data)) return PLEAT_OK;
    const int same = pleat_file_is_inside(data, folder);
    PLEAT_CHECK(!same && pleat_file_is_folder(images), PLEAT_ERR_ARG,
                "%s '%s' %s the data folder '%s', whose folders are cases; choose a folder outside "
                "of it",
                what, folder, same ? "is" : "lies in", data);
    return PLEAT_OK;
}
