/* cases.c - the annotated cases that a configuration names. */
#include "pleat/cases.h"

#include "pleat/file.h"
#include "pleat/prep.h"

#include <stdlib.h>

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
                first->id, channels, channels == 1 ? "" : "s", first->image[0],
                first->images > 1 ? " and so on" : "", folder, named);
    return PLEAT_OK;
}

pleat_status pleat_cases_find(const pleat_config *config, pleat_cases *out) {
    *out = (pleat_cases){0};
    PLEAT_CHECK(config->data[0] != '\0', PLEAT_ERR_ARG,
                "no data: set data: FOLDER in the configuration or --set data=FOLDER");
    PLEAT_TRY(pleat_layout_scan(config->data, PLEAT_LAYOUT_LABELLED, &out->paths, &out->n));
    PLEAT_TRY(check_names(config->data, &out->paths[0]));
    out->ids = calloc((size_t)out->n, sizeof *out->ids);
    PLEAT_CHECK(out->ids != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", out->n);
    for (int i = 0; i < out->n; i++) out->ids[i] = out->paths[i].id;
    return PLEAT_OK;
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
