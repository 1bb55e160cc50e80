/*
 * config.h - everything a run can be told, in one struct filled from one table.
 *
 * Order: defaults < file (YAML) < environment (PLEAT_TRAIN_EPOCHS=10) < --set train.epochs=10.
 * Some choices (src/run/recipes.c) give other keys their usual values, but for those that are set,
 * before or after.
 * A key is one row of the table in src/run/config_table.c: the values it takes, its place in this
 * struct, what else is true of it, and its manual (`pleat config`). A choice among names is held as
 * the name's place in the list that stands where the thing is defined. Unknown keys are errors
 * that name the nearest known one. Sizes are written x, y, z and held D, H, W.
 *
 * libyaml reads the file; a schema library would want each key a second time, and would not serve
 * the environment and --set.
 */
#ifndef PLEAT_CONFIG_H
#define PLEAT_CONFIG_H

#include "pleat/augment.h"
#include "pleat/classes.h"
#include "pleat/engine.h"
#include "pleat/folds.h"
#include "pleat/judging.h"
#include "pleat/networks.h"
#include "pleat/prep.h"
#include "pleat/sampler.h"
#include "pleat/schedule.h"
#include "pleat/train.h"
#include "pleat/volume.h"

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PLEAT_CONFIG_KEYS = 128 }; /* the most there may be */

typedef struct pleat_config {
    int preset;                        /* of pleat_preset_name */
    char data[512];                    /* folder of cases, or what else pleat/layout.h reads */
    char data_image[256];              /* names of the images in it; pleat_config_join_data */
    char data_label[256];              /* of the masks */
    char store[512];                   /* preprocessed cases; "" = <out>/store */
    char classes[PLEAT_CLASSES_BYTES]; /* as classes.h reads them; "" = from dataset.json */
    uint64_t seed;
    int fidelity; /* the original's known oddities too; see docs/original.md */

    pleat_prep_config prep;

    int folds;          /* of each repeat */
    int repeats;        /* of the cross-validation */
    int folds_like;     /* pleat_folds_like */
    char splits[512];   /* splits_final.json to use; "" = make one */
    char group_by[256]; /* regex; cases of one group stay in one fold */

    int patch[3], overlap[3]; /* D, H, W */
    int pad;                  /* pleat_pad */

    pleat_network network; /* classes is filled from `classes` */
    pleat_train_settings train;
    char from[512]; /* checkpoint that training begins with; "" = random weights */
    int weights;    /* pleat_weights: which checkpoint predicts */

    int merge;  /* pleat_merge */
    int mirror; /* mirror images are predicted too */
    int predict_batch;

    int surface;           /* pleat_surface_definition */
    char tolerance[1024];  /* of NSD, as judging.h reads it */
    char lesions[1024];    /* classes whose lesions are counted */
    double lesion_overlap; /* share of a lesion that must be covered */
    int figures;           /* gnuplot draws them */
    int pictures;          /* cases that a report's page shows in pictures */

    int engine;         /* of pleat_engine_name */
    int precision;      /* pleat_precision */
    int deterministic;  /* the same bits on any number of threads and ranks, on a CPU */
    int threads;        /* per rank; 0 = cores / ranks of the node */
    int ranks_per_fold; /* 0 = 1 while ranks <= folds, else ranks / folds */
    double host_memory; /* bytes of a node the store may take */
    int share_gpu;      /* ranks of a fold may use one GPU */
    int progress;       /* seconds between two reports of progress; 0: none */

    unsigned char given[PLEAT_CONFIG_KEYS]; /* keys that were set, in the order of the table */
} pleat_config;

/* "miscnn", the defaults, and "nnunet"; what that is; NULL after the last. */
const char *pleat_preset_name(int preset);
const char *pleat_preset_what(int preset);

/* The paper's values where it has them. */
void pleat_config_defaults(pleat_config *config);

/* A YAML file over what `config` holds. Errors name file, line, key and what is allowed. */
pleat_status pleat_config_read(const char *path, pleat_config *config);
/* The same from text (a checkpoint's copy); `name` stands for the file in messages. */
pleat_status pleat_config_parse(const char *text, size_t n, const char *name, pleat_config *config);
/* PLEAT_<KEY> with dots as underscores. */
pleat_status pleat_config_environment(pleat_config *config);
/* "key=value". */
pleat_status pleat_config_set(const char *assignment, pleat_config *config);

/* "512", "4G", "1.5T", "24GB": bytes; -1 when it is not a size. */
double pleat_config_bytes(const char *text);

/* The same of a key and its value; `where` stands before the message, such as "--engine". */
pleat_status pleat_config_set_key(const char *where, const char *key, const char *text,
                                  pleat_config *config);
/* "key=value" of a key that a prediction with trained models may set; else ERR_ARG naming those. */
pleat_status pleat_config_set_predict(const char *assignment, pleat_config *config);

/* data, data.image and data.label become the one text "FOLDER|IMAGE|LABEL" of pleat/layout.h in
 * `data`, where there is a folder. ERR_ARG: a key without the other, or too long. */
pleat_status pleat_config_join_data(pleat_config *config);

/* The engine it asks for, with `threads` where its own are 0. */
pleat_status pleat_config_engine(const pleat_config *config, int threads, pleat_engine **out);

/* What report.* chooses for the classes. ERR_ARG names what is none of them. */
pleat_status pleat_config_judging(const pleat_config *config, const pleat_classes *classes,
                                  pleat_judging *out);

/* The folds of all repeats. */
int pleat_config_folds(const pleat_config *config);

/* The axes, as window.h has them, along which predict.mirror mirrors; 0: it does not, or there are
 * none. */
int pleat_config_mirror(const pleat_config *config);

/* What must hold between keys: patch divisible by 2^depth, overlap < patch, ... */
pleat_status pleat_config_check(const pleat_config *config);

/* What must hold beside it for a training of these classes, and not for models that are there: what
 * they write can be told apart, the loss is one of theirs, the network can be without norm. */
pleat_status pleat_config_check_training(const pleat_config *config, const pleat_classes *classes);

/* The first key, from the i-th on, that was set and does nothing beside another choice: its place,
 * *key, and the choice, "network.name: unet"; -1: there is none. */
int pleat_config_idle(const pleat_config *config, int i, const char **key, char choice[64]);

/* 1 where a canonical text of prep.h says another preprocessing; `out` has the first key:
 * "preprocess.clip was none, now [-100, 200]". 0 where it is no such text, too. */
int pleat_config_prep_differs(const pleat_config *config, const char *text, char *out, size_t size);

/* What the network can halve as often as it does: the least patch that holds `size` voxels along an
 * axis. ERR_SHAPE. */
pleat_status pleat_config_least_patch(const pleat_config *config, const int size[3], int out[3]);

/* The resolved configuration as YAML; `manual` adds each key's text. Ends with 0. */
pleat_status pleat_config_text(const pleat_config *config, int manual, char *out, size_t size);

enum { PLEAT_MANUAL_BYTES = 4096 }; /* of one key */

typedef struct pleat_config_about { /* a key, for lists of all of them */
    const char *key;
    int resume, predict; /* may change when a run resumes, may be set for a prediction */
    char values[512];    /* which it takes, in words */
    char usual[512];     /* its default; "" where it has none and must be set */
    char manual[PLEAT_MANUAL_BYTES];
} pleat_config_about;

/* Of key i, from 0; 0 after the last. */
int pleat_config_describe(int i, pleat_config_about *out);
/* Name j, from 0, of those that key i chooses among, or true and false; NULL after the last, or
 * where it takes other values. */
const char *pleat_config_choice(int i, int j);

/* The keys as a Markdown table for docs/cli.md: values, defaults, manual. Ends with 0. */
pleat_status pleat_config_markdown(char *out, size_t size);

/* In how many keys two configurations differ, keys that only say how to compute (threads, memory,
 * where the data lie) left out; and as text "KEY was VALUE, now VALUE; ...", cut at `size`. */
int pleat_config_differences(const pleat_config *was, const pleat_config *is, char *text,
                             size_t size);
/* The keys that were left out: "data, store, ...". */
void pleat_config_may_change(char *text, size_t size);

/* A digest of these keys, of those alone that are not at their default: a key that a later pleat
 * adds does not change it. */
void pleat_config_settings(const pleat_config *config, char out[17]);
/* The same without train.epochs, which may rise while a fold's files stay. */
void pleat_config_fold_settings(const pleat_config *config, char out[17]);

/* "0.2.5": of libyaml. */
void pleat_config_yaml_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CONFIG_H */
