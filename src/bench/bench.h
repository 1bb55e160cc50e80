/*
 * bench.h - what the measurements share: a model of random weights, times, memory, scratch files.
 *
 * A measurement prints one line, or with --json one JSON object. ms_* and s_* are times of one
 * repetition, medians unless the key says otherwise, after repetitions that do not count.
 */
#ifndef PLEAT_APP_BENCH_H
#define PLEAT_APP_BENCH_H

#include "../app/app.h"
#include "../app/sheet.h"

#include "pleat/batch_source.h"
#include "pleat/net.h"

/* --- times and memory, bench.c --- */

typedef struct bench_repeat {
    int warmup, n; /* repetitions before, and those measured */
} bench_repeat;

typedef struct bench_times { /* ms */
    double median, min, p90;
} bench_times;

/* times[n] in ms, which this sorts; n >= 1. */
bench_times bench_summary(double *times, int n);
/* Times `work`. ERR_ARG unless n >= 1 and warmup >= 0. */
pleat_status bench_measure(pleat_status (*work)(void *context), void *context,
                           const bench_repeat *repeat, bench_times *out);
void bench_print_times(sheet *s, const bench_times *times); /* ms_median, ms_min, ms_p90 */

/* Most memory this process ever held, MiB. */
void bench_print_peak(sheet *s);
/* ERR_ARG with the option's name unless each size is 1 .. 32767 voxels. */
pleat_status bench_check_channels(int channels);
pleat_status bench_check_size(const char *name, const int dim[3]);
void bench_print_size(sheet *s, const char *key, const int dim[3]); /* x, y, z */

sheet bench_sheet(const char *name, int json);

/* Numbers of mean 0 and variance 1, uniform; a function of seed. */
void bench_noise(float *out, size_t n, uint64_t seed);

/* A new folder below $TMPDIR, else /tmp; remove takes all of it away. */
pleat_status bench_scratch_make(char out[256]);
void bench_scratch_remove(const char *folder);

/* --- a U-Net with norm and random weights, bench_model.c --- */

typedef struct bench_model_options {
    const char *engine, *precision;
    const char *network; /* NULL: the default one */
    int patch[3];
    int filters, depth, channels, classes, batch;
    int threads;   /* 0: this rank's share of the cores */
    int share_gpu; /* ranks may use one */
    int deterministic;
} bench_model_options;

/* The default network and patch, with that batch. */
bench_model_options bench_usual_model(int batch);

#define BENCH_MODEL_ROWS 11
/* Their rows of the command line, to rows[BENCH_MODEL_ROWS]. */
void bench_model_rows(bench_model_options *o, option *rows);

typedef struct bench_model {
    pleat_engine *engine;
    pleat_graph graph;
    pleat_model *model;
    pleat_net *net;
    pleat_comm *compute; /* the group's for what the engine computes, where that is another */
} bench_model;

/* group: whose statistics norm takes, as norm_comm in pleat_net_options; collective over it.
 * bench_model_close releases *out, also after a failure. */
pleat_status bench_model_open(const app *a, const bench_model_options *o, int train,
                              pleat_comm *group, bench_model *out);
void bench_model_close(bench_model *m);
void bench_model_print(sheet *s, const bench_model_options *o, const bench_model *m);

/* --- batches made of a case, bench_case.c --- */

typedef struct bench_patches {
    const char *kind; /* noise, crops, augmented */
    int threads;      /* of the loader */
    int stream;       /* also where the case would fit a GPU */
} bench_patches;

typedef struct bench_case {
    pleat_batch_source *feed; /* NULL for noise */
    float *image;
    uint8_t *label;
    pleat_histogram *histogram;
    pleat_source source;
    const pleat_source *sources[1];
} bench_case;

/* ERR_ARG for an unknown kind. bench_case_close releases *c, also after a failure. */
pleat_status bench_case_open(const bench_model_options *o, const bench_patches *patches,
                             const pleat_comm *world, pleat_net *net, bench_case *c);
void bench_case_close(bench_case *c);

/* Something to learn: the class of a voxel grows with its bench_noise, image[i * pitch]. */
void bench_classes(const float *image, size_t n, size_t pitch, int classes, uint8_t *label);

/* --- the measurements --- */

pleat_status bench_step(app *a, const verb *self, int argc, char **argv);
pleat_status bench_conv(app *a, const verb *self, int argc, char **argv);
pleat_status bench_prep(app *a, const verb *self, int argc, char **argv);
pleat_status bench_read(app *a, const verb *self, int argc, char **argv);
pleat_status bench_predict(app *a, const verb *self, int argc, char **argv);
pleat_status bench_allreduce(app *a, const verb *self, int argc, char **argv);
pleat_status bench_augment(app *a, const verb *self, int argc, char **argv);
pleat_status bench_score(app *a, const verb *self, int argc, char **argv);

#endif /* PLEAT_APP_BENCH_H */
