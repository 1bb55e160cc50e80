/* pool.c - cases in the shared memory of a node, or streamed from the store. */
#include "pleat/pool.h"

#include "comm_mpi.h"
#include "pleat/log.h"

#include <stdlib.h>

#define ALIGN ((size_t)64)

typedef struct reader { /* context of a source's read */
    pleat_store *store;
    int i;
} reader;

typedef struct listed { /* what a source's foreground points at */
    pleat_foreground of;
    int32_t (*rows)[4];
    int first[257];
} listed;

struct pleat_pool {
    pleat_comm *node;
    pleat_store *store;
    int n, channels;
    pleat_shared *shared;        /* NULL when streamed */
    pleat_histogram *histograms; /* [n, C] of each case, at the start of `shared`, or owned */
    reader *readers;             /* [n] */
    pleat_source *sources;       /* [n] */
    listed *foreground;          /* [n]; NULL until it is asked for */
};

static size_t align(size_t bytes) { return (bytes + ALIGN - 1) / ALIGN * ALIGN; }

static size_t voxels(const pleat_case_info *info) {
    return (size_t)info->dim[0] * (size_t)info->dim[1] * (size_t)info->dim[2];
}

static size_t image_bytes(const pleat_case_info *info) {
    return align(voxels(info) * (size_t)info->channels * sizeof(float));
}

static size_t label_bytes(const pleat_case_info *info) {
    return info->has_label ? align(voxels(info)) : 0;
}

static size_t histogram_bytes(const pleat_pool *pool) {
    return align((size_t)pool->n * (size_t)pool->channels * sizeof(pleat_histogram));
}

static size_t resident_bytes(const pleat_pool *pool) {
    size_t bytes = histogram_bytes(pool);
    for (int i = 0; i < pool->n; ++i) {
        const pleat_case_info *info = pleat_store_info(pool->store, i);
        bytes += image_bytes(info) + label_bytes(info);
    }
    return bytes;
}

/* Of case i, a channel after the other. */
static pleat_histogram *histograms_of(const pleat_pool *pool, int i) {
    return pool->histograms + (size_t)i * (size_t)pool->channels;
}

static pleat_status read_case(void *context, int channel, const int start[3], const int size[3],
                              float *image, uint8_t *label) {
    const reader *r = context;
    return pleat_store_read(r->store, r->i, channel, start, size, image, label);
}

/* Reads case i to where its source points, or to buffers of its own, compares it with its digest
 * and makes its histograms. */
static pleat_status load_case(pleat_pool *pool, int i) {
    pleat_status status = PLEAT_OK;
    const pleat_source *source = &pool->sources[i];
    const pleat_case_info *info = pleat_store_info(pool->store, i);
    const size_t n = voxels(info), values = n * (size_t)info->channels;
    float *own_image = NULL, *image = (float *)source->image;
    uint8_t *own_label = NULL, *label = (uint8_t *)source->label;
    if (image == NULL) {
        image = own_image = malloc(values * sizeof *image);
        label = own_label = info->has_label ? malloc(n) : NULL;
    }
    PLEAT_CHECK_GOTO(status, done, image != NULL && (label != NULL || !info->has_label),
                     PLEAT_ERR_MEMORY, "no memory to read case '%s', %zu MiB", info->id,
                     (values * sizeof *image + n) >> 20);
    PLEAT_TRY_GOTO(status, done, pleat_store_read_case(pool->store, i, image, label));
    PLEAT_TRY_GOTO(status, done, pleat_store_check(pool->store, i, image, label));
    for (int c = 0; c < info->channels; ++c)
        pleat_histogram_make(image + (size_t)c * n, n, &histograms_of(pool, i)[c]);
done:
    free(own_image);
    free(own_label);
    return status;
}

/* This rank's cases: every size-th. */
static pleat_status load_mine(pleat_pool *pool) {
    for (int i = pool->node->rank; i < pool->n; i += pool->node->size) {
        pleat_progress("load", (size_t)i, (size_t)pool->n, pleat_store_info(pool->store, i)->id);
        PLEAT_TRY(load_case(pool, i));
    }
    return PLEAT_OK;
}

static void lay_out(pleat_pool *pool) {
    char *at = NULL;
    if (pool->shared != NULL) {
        at = pleat_shared_data(pool->shared);
        pool->histograms = (pleat_histogram *)at;
        at += histogram_bytes(pool);
    }
    for (int i = 0; i < pool->n; ++i) {
        const pleat_case_info *info = pleat_store_info(pool->store, i);
        pool->readers[i] = (reader){pool->store, i};
        pool->sources[i] = (pleat_source){.dim = {info->dim[0], info->dim[1], info->dim[2]},
                                          .channels = info->channels,
                                          .histogram = histograms_of(pool, i),
                                          .read = read_case,
                                          .context = &pool->readers[i]};
        if (at == NULL) continue;
        pool->sources[i].image = (const float *)at;
        at += image_bytes(info);
        if (info->has_label) pool->sources[i].label = (const uint8_t *)at;
        at += label_bytes(info);
    }
}

/* ERR_MEMORY, the same on all ranks, when the cases have to be streamed. */
static pleat_status open_shared(pleat_pool *pool, size_t budget) {
    const size_t bytes = resident_bytes(pool);
    PLEAT_CHECK(bytes <= budget, PLEAT_ERR_MEMORY, "%zu MiB of cases, host_memory allows %zu MiB",
                bytes >> 20, budget >> 20);
    return pleat_shared_open(pool->node, bytes, &pool->shared);
}

static pleat_status allocate(pleat_pool *pool) {
    const size_t n = pool->n > 0 ? (size_t)pool->n : 1;
    pool->readers = calloc(n, sizeof *pool->readers);
    pool->sources = calloc(n, sizeof *pool->sources);
    if (pool->shared == NULL)
        pool->histograms = calloc(n * ((size_t)pool->channels + 1), sizeof *pool->histograms);
    PLEAT_CHECK(pool->readers && pool->sources && (pool->shared || pool->histograms),
                PLEAT_ERR_MEMORY, "no memory for a pool of %d cases", pool->n);
    return PLEAT_OK;
}

/* What the ranks loaded becomes everyone's. */
static pleat_status exchange(pleat_pool *pool) {
    if (pool->shared != NULL) return pleat_shared_sync(pool->shared);
    for (int i = 0; i < pool->n; ++i)
        PLEAT_TRY(pleat_comm_broadcast_bytes(pool->node, histograms_of(pool, i),
                                             (size_t)pool->channels * sizeof *pool->histograms,
                                             i % pool->node->size));
    return PLEAT_OK;
}

static pleat_status fill(pleat_pool *pool, size_t budget) {
    const pleat_status fits = open_shared(pool, budget);
    if (fits == PLEAT_ERR_MEMORY)
        pleat_log(PLEAT_INFO, "patches are streamed from the store: %s", pleat_error_message());
    else
        PLEAT_TRY(fits);
    PLEAT_TRY(pleat_comm_agree(pool->node, allocate(pool)));
    lay_out(pool);
    PLEAT_TRY(pleat_comm_agree(pool->node, load_mine(pool)));
    PLEAT_TRY(exchange(pool));
    pleat_progress("load", (size_t)pool->n, (size_t)pool->n, "done");
    return PLEAT_OK;
}

pleat_status pleat_pool_open(pleat_comm *node, pleat_store *store, size_t budget_bytes,
                             pleat_pool **out) {
    pleat_pool *pool = calloc(1, sizeof *pool);
    PLEAT_CHECK(pool != NULL, PLEAT_ERR_MEMORY, "no memory for a pool");
    *pool = (pleat_pool){.node = node, .store = store, .n = pleat_store_count(store)};
    pleat_status status = pleat_store_channels(store, &pool->channels);
    if (status == PLEAT_OK) status = fill(pool, budget_bytes);
    if (status != PLEAT_OK) {
        pleat_pool_close(pool);
        return status;
    }
    *out = pool;
    return PLEAT_OK;
}

/* Of one rank of the node, which reads it, for all. */
static pleat_status share_foreground(pleat_pool *pool, int i, listed *l, int *n) {
    pleat_comm *node = pool->node;
    const int from = i % node->size;
    pleat_status status = PLEAT_OK;
    if (node->rank == from) status = pleat_store_foreground(pool->store, i, &l->rows, n);
    if (status != PLEAT_OK) *n = -1;
    PLEAT_TRY(pleat_comm_broadcast_bytes(node, n, sizeof *n, from));
    if (*n < 0) return pleat_comm_agree(node, status);
    const size_t bytes = (size_t)*n * sizeof *l->rows;
    if (node->rank != from) l->rows = malloc(bytes + 1);
    if (l->rows == NULL && *n > 0)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the foreground of a case");
    PLEAT_TRY(pleat_comm_agree(node, status));
    if (l->rows == NULL) *n = 0; /* as agreed, there are none */
    return *n > 0 ? pleat_comm_broadcast_bytes(node, l->rows, bytes, from) : PLEAT_OK;
}

pleat_status pleat_pool_list_foreground(pleat_pool *pool) {
    pool->foreground = calloc((size_t)pool->n + 1, sizeof *pool->foreground);
    PLEAT_CHECK(pool->foreground != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", pool->n);
    for (int i = 0; i < pool->n; ++i) {
        listed *l = &pool->foreground[i];
        int n = 0;
        PLEAT_TRY(share_foreground(pool, i, l, &n));
        l->of = pleat_foreground_of((const int32_t(*)[4])l->rows, n, l->first);
        pool->sources[i].foreground = &l->of;
    }
    return PLEAT_OK;
}

void pleat_pool_close(pleat_pool *pool) {
    if (pool == NULL) return;
    for (int i = 0; pool->foreground != NULL && i < pool->n; ++i) free(pool->foreground[i].rows);
    free(pool->foreground);
    if (pool->shared == NULL) free(pool->histograms);
    pleat_shared_close(pool->shared);
    free(pool->readers);
    free(pool->sources);
    free(pool);
}

int pleat_pool_resident(const pleat_pool *pool) { return pool->shared != NULL; }

const pleat_source *pleat_pool_source(const pleat_pool *pool, int i) { return &pool->sources[i]; }
