/* batch_source.c - batches from the loader, through pinned memory, or made on the device. */
#include "pleat/batch_source.h"

#include "pleat/device.h"
#include "pleat/log.h"
#include "pleat/volume.h"

#include <stdlib.h>
#include <string.h>

typedef enum feed_kind { HOST, STREAMED, RESIDENT } feed_kind;

struct pleat_batch_source {
    feed_kind kind;
    pleat_loader_config config;
    pleat_augment_config augment_config; /* its own copy */
    pleat_engine *engine;
    const pleat_device_ops *device;
    void *x; /* the net's inputs; not of a host feed */
    uint8_t *labels;
    pleat_loader *loader;   /* HOST, STREAMED */
    pleat_staging *staging; /* STREAMED */
    int under_way;          /* batches in it */
    /* RESIDENT: */
    int (*dims)[3];            /* [n_sources] */
    pleat_device_case **cases; /* [n_sources] */
    pleat_device_augment *augment;
    int64_t ticket; /* the next sample */
};

const char *pleat_batch_source_kind(const pleat_batch_source *feed) {
    static const char *const names[] = {"host", "streamed", "resident"};
    return names[feed->kind];
}

size_t pleat_batch_source_budget(double device_memory, size_t unused) {
    if (!(device_memory > 0.0)) return unused / 5 * 4;
    return device_memory < (double)unused ? (size_t)device_memory : unused;
}

/* --- resident --------------------------------------------------------------------------------- */

static size_t largest_case(const pleat_loader_config *c) {
    size_t most = 0;
    for (int i = 0; i < c->n_sources; i++)
        if (pleat_voxels(c->sources[i]->dim) > most) most = pleat_voxels(c->sources[i]->dim);
    return most;
}

/* Of all cases and of what makes their patches. */
static size_t resident_bytes(const pleat_batch_source *f) {
    const pleat_patch_ops *patches = f->device->patches;
    const pleat_loader_config *c = &f->config;
    size_t bytes = patches->scratch_bytes(c->patch, largest_case(c));
    for (int i = 0; i < c->n_sources; i++) bytes += patches->case_bytes(c->sources[i]->dim, 1);
    return bytes;
}

static void close_cases(pleat_batch_source *f) {
    for (int i = 0; f->cases != NULL && i < f->config.n_sources; i++)
        f->device->patches->case_destroy(f->cases[i]);
    if (f->augment != NULL) f->device->patches->destroy(f->augment);
    free(f->cases);
    free(f->dims);
    f->augment = NULL;
    f->cases = NULL;
    f->dims = NULL;
}

static pleat_status open_cases(pleat_batch_source *f) {
    const pleat_patch_ops *patches = f->device->patches;
    const pleat_loader_config *c = &f->config;
    f->dims = malloc((size_t)c->n_sources * sizeof *f->dims);
    f->cases = calloc((size_t)c->n_sources, sizeof(pleat_device_case *));
    PLEAT_CHECK(f->dims != NULL && f->cases != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases",
                c->n_sources);
    PLEAT_TRY(patches->create(f->engine, c->patch, largest_case(c), &f->augment));
    for (int i = 0; i < c->n_sources; i++) {
        memcpy(f->dims[i], c->sources[i]->dim, sizeof f->dims[i]);
        PLEAT_TRY(patches->case_create(f->engine, c->sources[i], 1, &f->cases[i]));
    }
    return PLEAT_OK;
}

static pleat_status make_batch(pleat_batch_source *f) {
    const pleat_loader_config *c = &f->config;
    const size_t voxels = pleat_voxels(c->patch);
    const size_t sample_bytes = voxels * pleat_dtype_size(f->engine->act);
    for (int k = 0; k < c->count; k++) {
        pleat_sample sample;
        pleat_loader_draw(c, (const int(*)[3])f->dims, f->ticket++, &sample);
        PLEAT_TRY(f->device->patches->realise_input(f->augment, &sample, f->cases[sample.item],
                                                    c->pad, (char *)f->x + (size_t)k * sample_bytes,
                                                    f->labels + (size_t)k * voxels));
    }
    return PLEAT_OK;
}

/* --- streamed --------------------------------------------------------------------------------- */

static pleat_status send_batch(pleat_batch_source *f) {
    float *images = NULL;
    uint8_t *labels = NULL;
    PLEAT_TRY(pleat_loader_next(f->loader, &images, &labels));
    PLEAT_TRY(f->device->staging_put(f->staging, images, labels));
    f->under_way++;
    return PLEAT_OK;
}

static pleat_status take_batch(pleat_batch_source *f) {
    if (f->under_way == 0) PLEAT_TRY(send_batch(f));
    f->under_way--;
    return f->device->staging_take(f->staging, f->x, f->labels);
}

/* --- which ------------------------------------------------------------------------------------ */

/* *fits: the cases are there. What did not fit, or is more than the GPU augments, is streamed. */
static pleat_status try_resident(pleat_batch_source *f, size_t budget, int *fits) {
    const size_t bytes = resident_bytes(f);
    *fits = 0;
    if (bytes > budget) {
        pleat_log(PLEAT_INFO,
                  "fold=%d: its %d training cases need %.1f GiB of the GPU and may have %.1f "
                  "(device_memory): patches are made on the host and streamed",
                  f->config.fold, f->config.n_sources, (double)bytes / 0x1p30,
                  (double)budget / 0x1p30);
        return PLEAT_OK;
    }
    const pleat_status status = open_cases(f);
    if (status == PLEAT_ERR_MEMORY || status == PLEAT_ERR_UNSUPPORTED) {
        close_cases(f);
        pleat_log(PLEAT_INFO, "fold=%d: %s; patches are made on the host and streamed",
                  f->config.fold, pleat_error_message());
        return PLEAT_OK;
    }
    PLEAT_TRY(status);
    *fits = 1;
    pleat_log(PLEAT_INFO, "fold=%d: its %d training cases are in the GPU's memory, %.1f GiB",
              f->config.fold, f->config.n_sources, (double)bytes / 0x1p30);
    return PLEAT_OK;
}

static pleat_status choose(pleat_batch_source *f, pleat_net *net, double device_memory) {
    int fits = 0;
    size_t unused = 0, total = 0;
    PLEAT_TRY(f->device->memory(f->engine, &unused, &total));
    if (total > 0) {
        PLEAT_TRY(pleat_net_inputs(net, &f->x, &f->labels));
        PLEAT_TRY(try_resident(f, pleat_batch_source_budget(device_memory, unused), &fits));
        f->kind = fits ? RESIDENT : STREAMED;
    }
    if (f->kind == STREAMED)
        PLEAT_TRY(f->device->staging_create(
            f->engine, (size_t)f->config.count * pleat_voxels(f->config.patch), &f->staging));
    return f->kind == RESIDENT ? PLEAT_OK : pleat_loader_start(&f->config, &f->loader);
}

pleat_status pleat_batch_source_open(const pleat_loader_config *config, pleat_net *net,
                                     double device_memory, pleat_batch_source **out) {
    pleat_batch_source *f = calloc(1, sizeof *f);
    PLEAT_CHECK(f != NULL, PLEAT_ERR_MEMORY, "no memory for a loader");
    f->config = *config;
    if (config->augment != NULL) {
        f->augment_config = *config->augment;
        f->config.augment = &f->augment_config;
    }
    f->engine = pleat_net_engine(net);
    f->device = pleat_device_of(f->engine);
    const pleat_status status = choose(f, net, device_memory);
    if (status != PLEAT_OK) {
        pleat_batch_source_close(f);
        return status;
    }
    *out = f;
    return PLEAT_OK;
}

void pleat_batch_source_close(pleat_batch_source *f) {
    if (f == NULL) return;
    pleat_loader_stop(f->loader);
    if (f->staging != NULL) f->device->staging_destroy(f->staging);
    close_cases(f);
    free(f);
}

pleat_status pleat_batch_source_next(pleat_batch_source *f, const float **images,
                                     const uint8_t **labels) {
    *images = NULL;
    *labels = NULL;
    if (f->kind == STREAMED) return take_batch(f);
    if (f->kind == RESIDENT) return make_batch(f);
    float *host_images = NULL;
    uint8_t *host_labels = NULL;
    PLEAT_TRY(pleat_loader_next(f->loader, &host_images, &host_labels));
    *images = host_images;
    *labels = host_labels;
    return PLEAT_OK;
}

pleat_status pleat_batch_source_ahead(pleat_batch_source *f) {
    return f->kind == STREAMED && f->under_way == 0 ? send_batch(f) : PLEAT_OK;
}
