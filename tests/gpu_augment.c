/*
 * gpu_augment.c - patches made on the GPU are those of the CPU.
 *
 *   gpu_augment            many samples, voxel by voxel
 *   gpu_augment --bench    one JSON object: milliseconds a patch of 160x160x80 takes, by transform
 *   gpu_augment --present  nothing: its exit code says whether there is a GPU
 *
 * Takes the module as the program does: beside it, by LD_LIBRARY_PATH, or in PLEAT_MODULE_PATH.
 * Leaves with 77, which CTest calls skipped, where there is no module or no GPU.
 */
#include "../cuda/augment.h"
#include "support_augment.h"

#include "pleat/log.h"
#include "pleat/volume.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MODULE "libpleat_cuda.so"

enum { SKIPPED = 77, DRAWS = 6, REPEATS = 50 };

typedef struct gpu { /* the module, and what the test needs of the CUDA runtime beneath it */
    const pleat_gpu_augment_ops *augment;
    int (*count)(int *count);
    int (*allocate)(void **out, size_t bytes);
    int (*release)(void *memory);
    int (*synchronize)(void);
} gpu;

static void *open_module(void) {
    char path[4096];
    struct stat file;
    const char *named = getenv("PLEAT_MODULE_PATH"); /* the module, or the folder it is in */
    if (named == NULL || named[0] == '\0') return dlopen(MODULE, RTLD_LAZY | RTLD_LOCAL);
    const int folder = stat(named, &file) == 0 && S_ISDIR(file.st_mode);
    (void)snprintf(path, sizeof path, "%s%s", named, folder ? "/" MODULE : "");
    return dlopen(path, RTLD_LAZY | RTLD_LOCAL);
}

/* NULL when all is there, else why not. */
static const char *open_gpu(gpu *out) {
    void *module = open_module();
    if (module == NULL) return dlerror();
    *(const void **)&out->augment = dlsym(module, PLEAT_GPU_AUGMENT_OPS);
    *(void **)&out->count = dlsym(module, "cudaGetDeviceCount");
    *(void **)&out->allocate = dlsym(module, "cudaMalloc");
    *(void **)&out->release = dlsym(module, "cudaFree");
    *(void **)&out->synchronize = dlsym(module, "cudaDeviceSynchronize");
    if (!out->augment || !out->count || !out->allocate || !out->release || !out->synchronize)
        return dlerror();
    int devices = 0;
    if (out->count(&devices) != 0 || devices == 0) return "no GPU or no driver";
    return NULL;
}

/* --- equality --------------------------------------------------------------------------------- */

typedef struct patches {
    float *image, *expected;
    uint8_t *label, *expected_label;
} patches;

static int make_patches(size_t n, patches *out) {
    out->image = malloc(n * sizeof *out->image);
    out->expected = malloc(n * sizeof *out->expected);
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

static pleat_status compare(const gpu *g, pleat_gpu_augment *augment,
                            const pleat_gpu_source *source, const support_case *c,
                            const int patch[3], pleat_pad pad, patches *p, int *failures) {
    const size_t n = pleat_voxels(patch);
    for (int kind = 0; kind < SUPPORT_SAMPLE_KINDS; kind++) {
        double largest = 0.0;
        size_t off = 0, off_label = 0;
        const char *name = "";
        for (int draw = 0; draw < DRAWS; draw++) {
            pleat_sample sample;
            name = support_sample(kind, draw, c->source.dim, patch, &sample);
            PLEAT_TRY(pleat_augment_patch(&sample, &c->source, patch, pad, p->expected,
                                          p->expected_label));
            PLEAT_TRY(
                g->augment->realise_on_host(augment, &sample, source, pad, p->image, p->label));
            const support_difference d =
                support_compare(n, 1e-5, p->image, p->label, p->expected, p->expected_label);
            largest = d.largest > largest ? d.largest : largest;
            off += d.off;
            off_label += d.off_label;
        }
        /* A point on a tie or on the volume's face may round either way. */
        const size_t allowed = DRAWS * n / 100000;
        const int good = off <= allowed && off_label <= allowed;
        (void)printf("%-6s %-22s largest difference %.2e, voxels off %zu, labels off %zu of %zu\n",
                     good ? "ok" : "WRONG", name, largest, off, off_label, DRAWS * n);
        *failures += !good;
    }
    return PLEAT_OK;
}

static pleat_status test(const gpu *g, const int dim[3], const int patch[3], pleat_pad pad,
                         int *failures) {
    pleat_status status = PLEAT_OK;
    pleat_gpu_source *source = NULL;
    pleat_gpu_augment *augment = NULL;
    patches p = {0};
    support_case *c = support_case_make(dim);
    PLEAT_CHECK_GOTO(status, done, c != NULL && make_patches(pleat_voxels(patch), &p),
                     PLEAT_ERR_MEMORY, "no memory for patches");
    (void)printf("volume %dx%dx%d, patch %dx%dx%d\n", dim[2], dim[1], dim[0], patch[2], patch[1],
                 patch[0]);
    PLEAT_TRY_GOTO(status, done, g->augment->source_create(&c->source, 1, &source));
    PLEAT_TRY_GOTO(status, done, g->augment->create(patch, pleat_voxels(dim), NULL, &augment));
    PLEAT_TRY_GOTO(status, done, compare(g, augment, source, c, patch, pad, &p, failures));
done:
    g->augment->destroy(augment);
    g->augment->source_destroy(source);
    free_patches(&p);
    support_case_free(c);
    return status;
}

static pleat_status test_all(const gpu *g, int *failures) {
    const int dim[3] = {60, 110, 121}, patch[3] = {48, 64, 72}, small[3] = {31, 90, 40};
    PLEAT_TRY(test(g, dim, patch, PLEAT_PAD_ZERO, failures));
    return test(g, small, patch, PLEAT_PAD_BACKGROUND, failures);
}

/* --- speed ------------------------------------------------------------------------------------ */

static pleat_status time_kinds(const gpu *g, pleat_gpu_augment *augment,
                               const pleat_gpu_source *source, const support_case *c,
                               const int patch[3], float *image, uint8_t *label) {
    (void)printf("{\"bench\": \"gpu augment\", \"patch\": [%d, %d, %d]", patch[2], patch[1],
                 patch[0]);
    for (int kind = 0; kind < SUPPORT_SAMPLE_KINDS; kind++) {
        const char *name = "";
        double start_s = 0.0;
        for (int i = -REPEATS / 10; i < REPEATS; i++) {
            if (i == 0) {
                PLEAT_CHECK(g->synchronize() == 0, PLEAT_ERR_ENGINE, "the GPU reported an error");
                start_s = pleat_now();
            }
            pleat_sample sample;
            name = support_sample(kind, i + REPEATS, c->source.dim, patch, &sample);
            PLEAT_TRY(g->augment->realise(augment, &sample, source, PLEAT_PAD_ZERO, image, label));
        }
        PLEAT_CHECK(g->synchronize() == 0, PLEAT_ERR_ENGINE, "the GPU reported an error");
        (void)printf(", \"%s\": %.4f", name, (pleat_now() - start_s) * 1e3 / REPEATS);
    }
    (void)printf("}\n");
    return PLEAT_OK;
}

static pleat_status bench(const gpu *g) {
    const int dim[3] = {120, 300, 300}, patch[3] = {80, 160, 160};
    const size_t n = pleat_voxels(patch);
    pleat_status status = PLEAT_OK;
    pleat_gpu_source *source = NULL;
    pleat_gpu_augment *augment = NULL;
    void *image = NULL, *label = NULL;
    support_case *c = support_case_make(dim);
    PLEAT_CHECK_GOTO(status, done, c != NULL, PLEAT_ERR_MEMORY, "no memory for a case");
    PLEAT_TRY_GOTO(status, done, g->augment->source_create(&c->source, 1, &source));
    PLEAT_TRY_GOTO(status, done, g->augment->create(patch, pleat_voxels(dim), NULL, &augment));
    PLEAT_CHECK_GOTO(status, done,
                     g->allocate(&image, n * sizeof(float)) == 0 && g->allocate(&label, n) == 0,
                     PLEAT_ERR_MEMORY, "no GPU memory for a patch");
    PLEAT_TRY_GOTO(status, done, time_kinds(g, augment, source, c, patch, image, label));
done:
    (void)g->release(image);
    (void)g->release(label);
    g->augment->destroy(augment);
    g->augment->source_destroy(source);
    support_case_free(c);
    return status;
}

int main(int argc, char **argv) {
    gpu g = {0};
    int failures = 0;
    const char *missing = open_gpu(&g);
    if (missing != NULL) {
        (void)fprintf(stderr, "gpu_augment: SKIPPED: %s\n", missing);
        return SKIPPED;
    }
    if (argc > 1 && strcmp(argv[1], "--present") == 0) return 0;
    const int timed = argc > 1 && strcmp(argv[1], "--bench") == 0;
    const pleat_status status = timed ? bench(&g) : test_all(&g, &failures);
    if (status != PLEAT_OK) (void)fprintf(stderr, "gpu_augment: %s\n", pleat_error_message());
    return status == PLEAT_OK && failures == 0 ? 0 : 1;
}
