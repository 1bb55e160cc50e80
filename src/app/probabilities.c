/* probabilities.c - describes maps of probabilities, and compares them with the labels. */
#include "probabilities.h"

#include "pleat/classes.h"
#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *rule_of(const pleat_classes *classes) {
    return classes->of_regions ? "that of the last region above 1/2, 0 where there is none"
                               : "the class of the largest";
}

static void put_grids(FILE *out, const pleat_predictor *predictor, const pleat_classes *classes,
                      int models) {
    const pleat_prep_config *prep = &pleat_predictor_config(predictor)->prep;
    if (models == 0)
        (void)fputs("\nEach is the mean over the models that were not trained on the volume", out);
    else
        (void)fprintf(out, "\nEach is the mean over %d model%s", models, pleat_plural(models));
    if (!pleat_predictor_one_grid(predictor)) {
        (void)fprintf(out,
                      ". These have several\npreprocessings: the probabilities of each are brought "
                      "linearly to the volume's grid and\naveraged there. The label is %s.\n",
                      rule_of(classes));
        return;
    }
    if (!prep->resample) {
        (void)fprintf(out, ", on the volume's own grid.\nThe label is %s.\n", rule_of(classes));
        return;
    }
    (void)fprintf(out,
                  ",\nwhich see%s voxels of %g x %g x %g mm, and is interpolated linearly to the "
                  "volume's grid. The label maps were made of the same\nmean on the models' grid "
                  "and brought to the volume's grid label by label: a label is\nwritten where its "
                  "mask, interpolated linearly, reaches 1/2, and 0 where none does. So at\nthe rim "
                  "of a class the label need not be the one that the probabilities here make; the\n"
                  "log says in how many voxels it is not. For labels that follow from these\n"
                  "probabilities, take in each voxel %s.\n",
                  models == 1 ? "s" : "", prep->spacing[2], prep->spacing[1], prep->spacing[0],
                  rule_of(classes));
}

static void put_text(FILE *out, const pleat_predictor *predictor, const pleat_classes *classes,
                     int models) {
    (void)fprintf(out,
                  "Probabilities of the classes, by pleat %s: float32, on the grid of each volume, "
                  "a volume\nalong the fourth axis for each class:\n\n",
                  PLEAT_VERSION);
    for (int c = 0; c < classes->n && !classes->of_regions; c++)
        (void)fprintf(out, "  %2d  %s\n", c, classes->name[c]);
    for (int c = 1; c < classes->n && classes->of_regions; c++)
        (void)fprintf(out, "  %2d  %s (a region: they may overlap; writes label %d)\n", c - 1,
                      classes->name[c], classes->value[c]);
    if (classes->n == 0) (void)fputs("  in the order of the labels\n", out);
    put_grids(out, predictor, classes, models);
}

pleat_status probabilities_describe(const char *folder, const pleat_predictor *predictor,
                                    int models) {
    const pleat_config *config = pleat_predictor_config(predictor);
    char path[PLEAT_PATH_BYTES];
    pleat_file_text file;
    pleat_classes classes;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/probabilities.txt", folder));
    PLEAT_TRY(pleat_classes_parse(config->classes, &classes));
    pleat_status status = pleat_file_text_begin(&file, path);
    if (status == PLEAT_OK) {
        put_text(file.out, predictor, &classes, models);
        status = pleat_file_text_end(&file, PLEAT_OK);
    }
    pleat_classes_free(&classes);
    if (status == PLEAT_OK && config->prep.resample && pleat_predictor_one_grid(predictor))
        pleat_log(PLEAT_INFO,
                  "labels are made on the models' grid and brought back label by label, "
                  "probabilities linearly: at the rim of a class they may differ; '%s' has more",
                  path);
    return status;
}

/* The files' label that the probabilities of voxel v of n make. */
static uint8_t label_of(const pleat_classes *classes, const float *p, size_t n, size_t v) {
    int best = 0;
    if (classes->of_regions) {
        int last = classes->n - 1; /* region c is channel c - 1 */
        while (last > 0 && !(p[(size_t)(last - 1) * n + v] > 0.5F)) last--;
        return classes->value[last];
    }
    for (int c = 1; c < classes->n; c++)
        if (p[(size_t)c * n + v] > p[(size_t)best * n + v]) best = c;
    return classes->value[best];
}

pleat_status probabilities_compare(const char *id, const pleat_predictor *predictor,
                                   const pleat_prediction *made) {
    const size_t n = pleat_voxels(made->label.dim);
    const float *p = made->probabilities.data;
    pleat_classes classes;
    size_t foreground = 0, others = 0;
    PLEAT_TRY(pleat_classes_parse(pleat_predictor_config(predictor)->classes, &classes));
    const int known = classes.n - classes.of_regions == made->probabilities.channels;
#pragma omp parallel for schedule(static) reduction(+ : foreground, others)
    for (size_t v = 0; v < (known ? n : 0); v++) {
        foreground += made->label.data[v] != classes.value[0];
        others += made->label.data[v] != label_of(&classes, p, n, v);
    }
    const int of_regions = classes.of_regions;
    pleat_classes_free(&classes);
    if (others > 0)
        pleat_log(PLEAT_INFO,
                  "%s: %zu voxels, %.1f %% of its foreground, have another label than %s", id,
                  others, 100.0 * (double)others / (double)(foreground > 0 ? foreground : 1),
                  of_regions ? "their probabilities of the regions make"
                             : "that of their largest probability");
    return PLEAT_OK;
}
