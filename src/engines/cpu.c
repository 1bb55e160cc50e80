/* cpu.c - what the CPU engines share: threads, processor, host memory, a few operations. */
#include "cpu.h"

#include "pleat/memory.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CACHE_LINE 64u        /* bytes; also one AVX-512 register */
#define HUGE_PAGE  (2u << 20) /* bytes */
#define HUGE_BLOCK (4u << 20) /* bytes; blocks from here on ask for huge pages */
#define MOST_CPUS  65536      /* of a cpuset; the kernel's own limit is 8192 */

/* The process's cpuset, not the machine: Slurm and mpirun --bind-to hand out part of a node. */
static int allowed_cpus(void) {
    for (int room = 1024; room <= MOST_CPUS; room *= 2) { /* EINVAL until the mask is big enough */
        cpu_set_t *set = CPU_ALLOC((size_t)room);
        if (set == NULL) break;
        const size_t size = CPU_ALLOC_SIZE((size_t)room);
        const int got = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (got > 0) return got;
    }
    return 1;
}

int pleat_cpu_threads(int wanted) {
    const int allowed = allowed_cpus();
    return wanted > 0 && wanted < allowed ? wanted : allowed;
}

void pleat_cpu_name(char *out, size_t size) {
    char line[256];
    (void)snprintf(out, size, "CPU");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file == NULL) return;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "model name", 10) != 0) continue;
        const char *name = strchr(line, ':');
        if (name == NULL) continue;
        name += 1 + strspn(name + 1, " \t");
        (void)snprintf(out, size, "%.*s", (int)strcspn(name, "\n"), name);
        break;
    }
    (void)fclose(file);
}

pleat_status pleat_cpu_alloc(pleat_engine *engine, size_t bytes, void **out) {
    (void)engine;
    const size_t alignment = bytes >= HUGE_BLOCK ? HUGE_PAGE : CACHE_LINE;
    PLEAT_TRY(pleat_memory_check((double)bytes, "a batch of this size, patch and network"));
    const size_t whole = bytes == 0 ? 1 : (bytes - 1) / alignment + 1; /* aligned_alloc's rule */
    void *data = whole > SIZE_MAX / alignment ? NULL : aligned_alloc(alignment, whole * alignment);
    PLEAT_CHECK(data != NULL, PLEAT_ERR_MEMORY,
                "cannot allocate %zu bytes; use a smaller batch, patch or network", bytes);
    if (bytes >= HUGE_BLOCK) (void)madvise(data, whole * alignment, MADV_HUGEPAGE); /* a hint */
    memset(data, 0, whole * alignment);
    *out = data;
    return PLEAT_OK;
}

void pleat_cpu_free(pleat_engine *engine, void *data) {
    (void)engine;
    free(data);
}

pleat_status pleat_cpu_upload(pleat_engine *engine, void *to, const void *host, size_t bytes) {
    (void)engine;
    if (bytes > 0) memcpy(to, host, bytes);
    return PLEAT_OK;
}

pleat_status pleat_cpu_download(pleat_engine *engine, void *host, const void *from, size_t bytes) {
    (void)engine;
    if (bytes > 0) memcpy(host, from, bytes);
    return PLEAT_OK;
}

pleat_status pleat_cpu_zero(pleat_engine *engine, void *data, size_t bytes) {
    (void)engine;
    if (bytes > 0) memset(data, 0, bytes);
    return PLEAT_OK;
}

pleat_status pleat_cpu_synchronize(pleat_engine *engine) {
    (void)engine;
    return PLEAT_OK;
}

/* --- operations --- */

pleat_status pleat_cpu_coarsen_labels(pleat_engine *engine, const uint8_t *labels, int n,
                                      const int dim[3], const int step[3], uint8_t *to) {
    const size_t d = (size_t)(dim[0] / step[0]), h = (size_t)(dim[1] / step[1]);
    const size_t w = (size_t)(dim[2] / step[2]), rows = (size_t)n * d * h;
    const size_t from_d = (size_t)dim[0], from_h = (size_t)dim[1], from_w = (size_t)dim[2];
#pragma omp parallel for num_threads(engine->threads) schedule(static)
    for (size_t row = 0; row < rows; row++) {
        const size_t y = row % h * (size_t)step[1] + (size_t)step[1] / 2;
        const size_t z = row / h % d * (size_t)step[0] + (size_t)step[0] / 2;
        const uint8_t *from = labels + ((row / h / d * from_d + z) * from_h + y) * from_w;
        for (size_t x = 0; x < w; x++)
            to[row * w + x] = from[x * (size_t)step[2] + (size_t)step[2] / 2];
    }
    return PLEAT_OK;
}

/* NaN is cut to the least. */
static float cut(float p) {
    const float least = 1e-7f, most = 1 - 1e-7f;
    return !(p > least) ? least : p < most ? p : most;
}

static uint32_t key_of(float p) {
    const float q = cut(p);
    uint32_t bits;
    memcpy(&bits, &q, sizeof bits);
    return bits - PLEAT_LOSS_KEY_0;
}

double pleat_cpu_top_weight(const double *top, float p) {
    const double q = (double)cut(p);
    return q < top[0] ? top[1] : q == top[0] ? top[2] : 0;
}

pleat_status pleat_cpu_loss_counts(pleat_engine *engine, const pleat_targets *targets,
                                   const void *probs, const uint8_t *labels, int n, size_t voxels,
                                   int classes, int round, const double *first, double *counts) {
    const size_t all = (size_t)n * voxels, k = (size_t)classes;
    const uint32_t begin = (uint32_t)*first;
    const int shift = PLEAT_LOSS_SHIFT(round), wide = engine->real == PLEAT_F64;
    for (int b = 0; b < PLEAT_LOSS_BINS; b++) counts[b] = 0;
#pragma omp parallel for num_threads(engine->threads) reduction(+ : counts[:PLEAT_LOSS_BINS])
    for (size_t v = 0; v < all; v++) {
        const size_t label = labels[v], at = v * k + label;
        if (targets->ignored != 0 && (int)label == targets->ignored) continue;
        const uint32_t key = label >= k ? PLEAT_LOSS_KEY_1
                             : wide     ? key_of((float)((const double *)probs)[at])
                                        : key_of(((const float *)probs)[at]);
        const uint32_t bin = (key - begin) >> shift; /* of a key below `begin`, a large one */
        if (bin < PLEAT_LOSS_BINS) counts[bin] += 1;
    }
    return PLEAT_OK;
}

struct pleat_host_call {
    pleat_host_function f;
    void *context;
};

pleat_status pleat_cpu_host_call_create(pleat_engine *engine, pleat_host_function f, void *context,
                                        size_t n_in, size_t n_out, pleat_host_call **out) {
    (void)engine;
    (void)n_in;
    (void)n_out;
    pleat_host_call *call = calloc(1, sizeof *call);
    PLEAT_CHECK(call != NULL, PLEAT_ERR_MEMORY, "no memory for a call of the host");
    *call = (pleat_host_call){f, context};
    *out = call;
    return PLEAT_OK;
}

pleat_status pleat_cpu_host_call_run(pleat_engine *engine, pleat_host_call *call, const double *in,
                                     double *out) {
    (void)engine;
    call->f(call->context, in, out);
    return PLEAT_OK;
}

void pleat_cpu_host_call_destroy(pleat_engine *engine, pleat_host_call *call) {
    (void)engine;
    free(call);
}
