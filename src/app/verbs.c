/* verbs.c - the table of verbs. */
#include "app.h"

#include "pleat/nearest.h"

#include <string.h>

const verb verbs[] = {
    {"run", verb_run, 1, "CONFIG|--suggest DATA --out RUN",
     "a whole cross-validation: NIfTI in, one report out"},
    {"train", verb_train, 1, "CONFIG|--suggest DATA --out RUN [--fold K]",
     "as run, without predictions and scores"},
    {"fetch", verb_fetch, 1, "NAME|URL|MANIFEST --to DIR",
     "a data set from the network, checked and laid out"},
    {"check", verb_check, 0, "DATA|CONFIG", "find all problems of a data folder, in one pass"},
    {"explore", verb_explore, 0, "DATA|CONFIG",
     "sizes, intensities, classes and fingerprint of a data folder, and pictures of it"},
    {"suggest", verb_suggest, 0, "DATA", "a configuration for a data folder, with its reasons"},
    {"plan", verb_plan, 0, "CONFIG",
     "what a run will need on a cluster, and a batch script for it"},
    {"prep", verb_prep, 1, "CONFIG --out STORE",
     "preprocess the cases of a configuration into a store"},
    {"split", verb_split, 0, "CONFIG --out FILE", "choose the folds, or check them"},
    {"predict", verb_predict, 0, "MODEL... --in DATA --out FOLDER",
     "label volumes with trained models"},
    {"import", verb_import, 0, "FILE.hdf5 --out CHECKPOINT",
     "import a Keras model of MIScnn's standard U-Net"},
    {"export", verb_export, 0, "CHECKPOINT|RUN --fold K --onnx FILE",
     "write a trained model as ONNX, for other programs"},
    {"score", verb_score, 0, "TRUTH PREDICTIONS",
     "score label maps: overlap, surfaces, volumes, lesions"},
    {"status", verb_status, 0, "RUN", "show a run's progress"},
    {"report", verb_report, 0, "RUN", "write the report of a run again"},
    {"compare", verb_compare, 0, "A B...", "compare runs or files of scores, case by case"},
    {"ablate", verb_ablate, 0, "CONFIG --out RUN",
     "with and without preprocessing and augmentation, side by side"},
    {"augment", verb_augment, 0, "[CONFIG] --store STORE --case ID --out DIR",
     "patches as the network sees them"},
    {"phantom", verb_phantom, 0, "FOLDER", "make a small chest-like data set"},
    {"config", verb_config_show, 0, "[CONFIG]",
     "print the resolved configuration, with a description of each key"},
    {"info", verb_info, 0, "[FILE|FOLDER]", "this build and machine, or what a file holds"},
    {"bench", verb_bench, 0, "step|conv|prep|read|predict|allreduce|augment|score",
     "measure this machine"},
    {NULL, NULL, 0, NULL, NULL},
};

const verb *verb_find(const char *name) {
    for (const verb *v = verbs; v->name != NULL; v++)
        if (strcmp(v->name, name) == 0) return v;
    return NULL;
}

pleat_status verb_unknown(const char *name) {
    char hint[PLEAT_HINT_BYTES];
    pleat_nearest near = pleat_nearest_to(name);
    for (const verb *v = verbs; v->name != NULL; v++) pleat_nearest_look(&near, v->name);
    return PLEAT_FAIL(PLEAT_ERR_ARG, "unknown verb '%s';%s pleat --help lists them", name,
                      pleat_nearest_hint(&near, hint));
}
