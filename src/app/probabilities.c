/* probabilities.c - describes maps of probabilities, and compares them with the labels. */
#include "probabilities.h"

#include "pleat/classes.h"
#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_grids(FILE *out, const pleat_config *config, int models) {
    const pleat_prep_config *prep = &config->prep;
    if (models == 0)
        (void)fputs("\nEach is the mean over the models that were not trained on the volume", out);
    else
        (void)fprintf(out, "\nEach is the mean over %d model%s", models, pleat_plural(models));
    if (!prep->resample) {
        (void)fputs(", on the volume's own grid. The label is the class of the largest mean.\n",
                    out);
        return;
    }
    (void)fprintf(out,
                  ", which see%s voxels of %g x %g x %g mm,\nand is interpolated linearly to the "
                  "volume's grid. The label maps were made of the same\nmean on the models' grid "
                  "and brought to the volume's grid by the nearest voxel, as the\noriginal does. "
                  "So at the rim of a class the label need not be the class of the largest\n"
                  "probability here; the log says in how many voxels it is not. For labels that "
                  "follow\nfrom these probabilities, take the largest in each voxel.\n",
                  models == 1 ? "s" : "", prep->spacing[2], prep->spacing[1], prep->spacing[0]);
}

static void put_text(FILE *out, const pleat_config *config, const pleat_classes *classes,
                     int models) {
    (void)fprintf(out,
                  "Probabilities of the classes, by pleat %s: float32, on the grid of each volume, "
                  "a volume\nalong the fourth axis for each class:\n\n",
                  PLEAT_VERSION);
    for (int c = classes->of_regions ? 1 : 0; c < classes->n; c++)
        (void)fprintf(out, "  %2d  %s%s\n", c - classes->of_regions, classes->name[c],
                      classes->of_regions ? " (a region: they may overlap)" : "");
    if (classes->n == 0) (void)fputs("  in the order of the labels\n", out);
    put_grids(out, config, models);
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
        put_text(file.out, config, &classes, models);
        status = pleat_file_text_end(&file, PLEAT_OK);
    }
    pleat_classes_free(&classes);
    if (status == PLEAT_OK && config->prep.resample)
        pleat_log(PLEAT_INFO,
                  "labels are made on the models' grid and brought back by the nearest voxel, "
                  "probabilities linearly: at the rim of a class they may differ; '%s' has more",
                  path);
    return status;
}

pleat_status probabilities_compare(const char *id, const pleat_predictor *predictor,
                                   const pleat_prediction *made) {
    const size_t n = pleat_voxels(made->label.dim);
    const float *p = made->probabilities.data;
    const int channels = made->probabilities.channels;
    pleat_classes classes;
    size_t foreground = 0, others = 0;
    PLEAT_TRY(pleat_classes_parse(pleat_predictor_config(predictor)->classes, &classes));
    const int known = classes.n == channels && !classes.of_regions;
#pragma omp parallel for schedule(static) reduction(+ : foreground, others)
    for (size_t v = 0; v < (known ? n : 0); v++) {
        int best = 0;
        for (int c = 1; c < channels; c++)
            if (p[(size_t)c * n + v] > p[(size_t)best * n + v]) best = c;
        foreground += made->label.data[v] != classes.value[0];
        others += made->label.data[v] != classes.value[best];
    }
    pleat_classes_free(&classes);
    if (others > 0)
        pleat_log(PLEAT_INFO,
                  "%s: %zu voxels, %.1f %% of its foreground, have another label than that of "
                  "their largest probability",
                  id, others, 100.0 * (double)others / (double)(foreground > 0 ? foreground : 1));
    return PLEAT_OK;
}
