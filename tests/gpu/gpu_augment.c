/*
 * gpu_augment.c - patches made on the GPU are those of the CPU.
 *
 *   gpu_augment            many samples, voxel by voxel
 *   gpu_augment --few      one of each kind: enough where the GPU is emulated
 *   gpu_augment --bench    one JSON object: milliseconds a patch of 160x160x80 takes, by transform
 *   gpu_augment --present  nothing: its exit code says whether there is a GPU
 *
 * Takes the module as the program does: beside it, or in PLEAT_MODULE_PATH.
 * Leaves with 77, which CTest calls skipped, where there is no module or no GPU.
 */
#include "support_augment.h"
#include "support_net.h"

#include "pleat/device.h"
#include "pleat/log.h"
#include "pleat/volume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, REPEATS = 50 };

typedef struct gpu {
    const pleat_patch_ops *augment;
    pleat_engine *engine;
    int draws; /* of each kind that are compared */
} gpu;

/* --- equality --------------------------------------------------------------------------------- */

typedef struct patches {
    float *image, *expected;
    uint8_t *label, *expected_label;
} patches;

static int make_patches(size_t n, int channels, patches *out) {
    const size_t values = n * (size_t)channels;
    out->image = malloc(values * sizeof *out->image);
    out->expected = malloc(values * sizeof *out->expected);
    out->label = malloc(n);
    out->expected_label = malloc(n);
    return out->image && out->expected && out->label && out->expected_label;
}

static void free_patches(patches *p) {
    free(p->image);
    free(p->expected);
    free(p->label);
    free(p->expected_label);
}

static pleat_status compare(const gpu *g, pleat_device_augment *augment,
                            const pleat_device_case *source, const support_case *c,
                            const int patch[3], pleat_pad pad, patches *p, int *failures) {
    const size_t n = pleat_voxels(patch);
    for (int kind = 0; kind < SUPPORT_ALL_KINDS; kind++) {
        double largest = 0.0;
        size_t off = 0, off_label = 0;
        const char *name = "";
        for (int draw = 0; draw < g->draws; draw++) {
            pleat_sample sample;
            name = support_sample(kind, draw, c->source.dim, patch, &sample);
            PLEAT_TRY(pleat_augment_patch(&sample, &c->source, patch, pad, p->expected,
                                          p->expected_label));
            PLEAT_TRY(
                g->augment->realise_on_host(augment, &sample, source, pad, p->image, p->label));
            const support_difference d = support_compare(n, c->source.channels, 1e-5, p->image,
                                                         p->label, p->expected, p->expected_label);
            largest = d.largest > largest ? d.largest : largest;
            off += d.off;
            off_label += d.off_label;
        }
        /* A point on a tie or on the volume's face may round either way. */
        const size_t voxels = (size_t)g->draws * n, allowed = voxels / 100000;
        const int good = off <= allowed && off_label <= allowed;
        (void)printf("%-6s %-22s largest difference %.2e, voxels off %zu, labels off %zu of %zu\n",
                     good ? "ok" : "WRONG", name, largest, off, off_label, voxels);
        *failures += !good;
    }
    return PLEAT_OK;
}

static pleat_status test(const gpu *g, const int dim[3], int channels, const int patch[3],
                         pleat_pad pad, int *failures) {
    pleat_status status = PLEAT_OK;
    pleat_device_case *source = NULL;
    pleat_device_augment *augment = NULL;
    patches p = {0};
    support_case *c = support_case_make(dim, channels);
    PLEAT_CHECK_GOTO(status, done, c != NULL && make_patches(pleat_voxels(patch), channels, &p),
                     PLEAT_ERR_MEMORY, "no memory for patches");
    (void)printf("volume %dx%dx%d of %d channels, patch %dx%dx%d\n", dim[2], dim[1], dim[0],
                 channels, patch[2], patch[1], patch[0]);
    PLEAT_TRY_GOTO(status, done, g->augment->case_create(g->engine, &c->source, 1, &source));
    PLEAT_TRY_GOTO(
        status, done,
        g->augment->create(g->engine, patch, c->source.channels, pleat_voxels(dim), &augment));
    PLEAT_TRY_GOTO(status, done, compare(g, augment, source, c, patch, pad, &p, failures));
done:
    g->augment->destroy(augment);
    g->augment->case_destroy(source);
    free_patches(&p);
    support_case_free(c);
    return status;
}

static pleat_status test_all(const gpu *g, int *failures) {
    const int dim[3] = {60, 110, 121}, patch[3] = {48, 64, 72}, small[3] = {31, 90, 40};
    PLEAT_TRY(test(g, dim, 1, patch, PLEAT_PAD_ZERO, failures));
    PLEAT_TRY(test(g, small, 1, patch, PLEAT_PAD_BACKGROUND, failures));
    return test(g, small, 2, patch, PLEAT_PAD_BACKGROUND, failures);
}

/* --- speed ------------------------------------------------------------------------------------ */

static pleat_status time_kinds(const gpu *g, pleat_device_augment *augment,
                               const pleat_device_case *source, const support_case *c,
                               const int patch[3], float *image, uint8_t *label) {
    (void)printf("{\"bench\": \"gpu augment\", \"patch\": [%d, %d, %d]", patch[2], patch[1],
                 patch[0]);
    for (int kind = 0; kind < SUPPORT_ALL_KINDS; kind++) {
        const char *name = "";
        double start_s = 0.0;
        for (int i = -REPEATS / 10; i < REPEATS; i++) {
            if (i == 0) {
                PLEAT_TRY(g->engine->ops->synchronize(g->engine));
                start_s = pleat_now();
            }
            pleat_sample sample;
            name = support_sample(kind, i + REPEATS, c->source.dim, patch, &sample);
            PLEAT_TRY(g->augment->realise(augment, &sample, source, PLEAT_PAD_ZERO, image, label));
        }
        PLEAT_TRY(g->engine->ops->synchronize(g->engine));
        (void)printf(", \"%s\": %.4f", name, (pleat_now() - start_s) * 1e3 / REPEATS);
    }
    (void)printf("}\n");
    return PLEAT_OK;
}

static pleat_status bench(const gpu *g) {
    const int dim[3] = {120, 300, 300}, patch[3] = {80, 160, 160};
    const size_t n = pleat_voxels(patch);
    pleat_status status = PLEAT_OK;
    pleat_device_case *source = NULL;
    pleat_device_augment *augment = NULL;
    void *image = NULL, *label = NULL;
    support_case *c = support_case_make(dim, 1);
    PLEAT_CHECK_GOTO(status, done, c != NULL, PLEAT_ERR_MEMORY, "no memory for a case");
    PLEAT_TRY_GOTO(status, done, g->augment->case_create(g->engine, &c->source, 1, &source));
    PLEAT_TRY_GOTO(
        status, done,
        g->augment->create(g->engine, patch, c->source.channels, pleat_voxels(dim), &augment));
    PLEAT_TRY_GOTO(status, done, g->engine->ops->alloc(g->engine, n * sizeof(float), &image));
    PLEAT_TRY_GOTO(status, done, g->engine->ops->alloc(g->engine, n, &label));
    PLEAT_TRY_GOTO(status, done, time_kinds(g, augment, source, c, patch, image, label));
done:
    if (image != NULL) g->engine->ops->free(g->engine, image);
    if (label != NULL) g->engine->ops->free(g->engine, label);
    g->augment->destroy(augment);
    g->augment->case_destroy(source);
    support_case_free(c);
    return status;
}

int main(int argc, char **argv) {
    const pleat_engine_options options = {.engine = "cudnn", .device = -1};
    const char *what = argc > 1 ? argv[1] : "";
    gpu g = {.draws = strcmp(what, "--few") == 0 ? 1 : 6};
    int failures = 0;
    const char *missing = net_engine_missing("cudnn");
    if (missing != NULL) {
        (void)fprintf(stderr, "gpu_augment: SKIPPED: %s\n", missing);
        return SKIPPED;
    }
    if (strcmp(what, "--present") == 0) return 0;
    pleat_status status = pleat_engine_create(&options, &g.engine);
    if (status == PLEAT_OK) {
        g.augment = pleat_device_of(g.engine)->patches;
        status = strcmp(what, "--bench") == 0 ? bench(&g) : test_all(&g, &failures);
    }
    if (status != PLEAT_OK) (void)fprintf(stderr, "gpu_augment: %s\n", pleat_error_message());
    pleat_engine_destroy(g.engine);
    return status == PLEAT_OK && failures == 0 ? 0 : 1;
}
