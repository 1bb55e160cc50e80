/* bench_case.c - batches for bench step from a case of noise, made as a training makes them. */
#include "bench.h"

#include "pleat/volume.h"

#include <stdlib.h>
#include <string.h>

static const int usual_dim[3] = {104, 254, 267}; /* of a CT at the original's spacing */

static pleat_status make_case(const bench_model_options *o, bench_case *c) {
    for (int a = 0; a < 3; a++)
        c->source.dim[a] = o->patch[a] > usual_dim[a] ? o->patch[a] : usual_dim[a];
    const size_t n = pleat_voxels(c->source.dim), channels = (size_t)o->channels;
    c->image = malloc(channels * n * sizeof *c->image);
    c->label = malloc(n);
    c->histogram = malloc(channels * sizeof *c->histogram);
    PLEAT_CHECK(c->image != NULL && c->label != NULL && c->histogram != NULL, PLEAT_ERR_MEMORY,
                "no memory for a case of %zu voxels", n);
    bench_noise(c->image, channels * n, 7);
    bench_classes(c->image, n, 1, o->classes, c->label);
    for (size_t k = 0; k < channels; k++)
        pleat_histogram_make(c->image + k * n, n, &c->histogram[k]);
    c->source.channels = o->channels;
    c->source.image = c->image;
    c->source.label = c->label;
    c->source.histogram = c->histogram;
    return PLEAT_OK;
}

pleat_status bench_case_open(const bench_model_options *o, const bench_patches *patches,
                             const pleat_comm *world, pleat_net *net, bench_case *c) {
    static const char *const kinds[] = {"noise", "crops", "augmented"};
    const pleat_augment_config paper = pleat_augment_defaults();
    int kind = 0;
    *c = (bench_case){0};
    while (kind < 3 && strcmp(patches->kind, kinds[kind]) != 0) kind++;
    PLEAT_CHECK(kind < 3, PLEAT_ERR_ARG, "--patches '%s': must be noise, crops or augmented",
                patches->kind);
    if (kind == 0) return PLEAT_OK;
    PLEAT_TRY(make_case(o, c));
    c->sources[0] = &c->source;
    const pleat_loader_config config = {
        .sources = c->sources,
        .n_sources = 1,
        .seed = 1,
        .iterations = 1000000,
        .batch = o->batch * world->size,
        .first = o->batch * world->rank,
        .count = o->batch,
        .augment = kind == 2 ? &paper : NULL,
        .patch = {o->patch[0], o->patch[1], o->patch[2]},
        .threads = patches->threads,
        .depth = 3,
    };
    return pleat_batch_source_open(&config, net, patches->stream ? 1.0 : 0.0, &c->feed);
}

void bench_case_close(bench_case *c) {
    pleat_batch_source_close(c->feed);
    free(c->image);
    free(c->label);
    free(c->histogram);
}
