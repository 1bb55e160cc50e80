/* loader.c - threads that fill a ring of batches, sample by sample.
 *
 * Samples are numbered from the first batch on: ticket t is sample t % count of batch t / count,
 * which lives in slot batch % slots. Threads draw tickets in order, so the batch needed first is
 * finished first and all threads work on it. One mutex guards every field below it.
 */
#include "pleat/loader.h"

#include "pleat/volume.h"

#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct slot {
    int made; /* samples */
    pleat_status status;
    char message[1024]; /* of the first failure */
} slot;

struct pleat_loader {
    pleat_loader_config config;
    pleat_augment_config augment; /* its own copy */
    int slots;
    int (*dims)[3]; /* [n_sources] */
    float *images;  /* [slots, count, patch, C] */
    uint8_t *labels;
    pthread_t *thread;
    int threads; /* running */

    pthread_mutex_t mutex;
    pthread_cond_t room, ready; /* a slot was given back; a batch was completed */
    slot *slot;                 /* [slots] */
    int64_t ticket;             /* next to be drawn */
    int64_t batch;              /* the next one for the caller */
    int held;                   /* the caller still has batch - 1 */
    int stopping;
};

void pleat_loader_draw(const pleat_loader_config *c, const int (*dims)[3], int64_t ticket,
                       pleat_sample *out) {
    static const pleat_augment_config off = {0}; /* with NULL the draws would be validation's */
    const int64_t batch = c->first_batch + ticket / c->count;
    const int epoch = c->first_epoch + (int)(batch / c->iterations);
    const int iteration = (int)(batch % c->iterations);
    const int number = iteration * c->batch + c->first + (int)(ticket % c->count);
    const pleat_sample_key key = {.seed = c->seed,
                                  .fold = c->fold,
                                  .epoch = epoch,
                                  .sample = number,
                                  .samples = c->iterations * c->batch,
                                  .batch = c->batch};
    pleat_sampler_draw(&key, c->n_sources, dims, c->patch, c->augment != NULL ? c->augment : &off,
                       out);
    const pleat_source *source = c->sources[out->item];
    pleat_sampler_oversample(&key, c->oversample, source->dim, c->patch, source->foreground, out);
}

/* Of an image: all its channels. */
static size_t values_of(const pleat_loader_config *c) {
    return (size_t)c->sources[0]->channels * pleat_voxels(c->patch);
}

/* Makes one sample; `place` is its index in the ring. No lock is held. */
static pleat_status make(const pleat_loader *loader, int64_t ticket, size_t place) {
    const pleat_loader_config *c = &loader->config;
    const size_t voxels = pleat_voxels(c->patch);
    pleat_sample sample;
    pleat_loader_draw(c, (const int(*)[3])loader->dims, ticket, &sample);
    return pleat_augment_patch(&sample, c->sources[sample.item], c->patch, c->pad,
                               loader->images + place * values_of(c),
                               loader->labels + place * voxels);
}

static void *work(void *context) {
    pleat_loader *loader = context;
    const int count = loader->config.count;
    omp_set_num_threads(1); /* of this thread: its work is shared out by samples already */
    (void)pthread_mutex_lock(&loader->mutex);
    for (;;) {
        /* Batches up to batch + depth - 1 may be in the ring beside the one that is held. */
        while (!loader->stopping && loader->ticket / count >= loader->batch + loader->config.depth)
            (void)pthread_cond_wait(&loader->room, &loader->mutex);
        if (loader->stopping) break;
        const int64_t ticket = loader->ticket++;
        const int64_t index = ticket / count % loader->slots;
        (void)pthread_mutex_unlock(&loader->mutex);
        const pleat_status status = make(loader, ticket, (size_t)(index * count + ticket % count));
        (void)pthread_mutex_lock(&loader->mutex);
        slot *s = &loader->slot[index];
        if (status != PLEAT_OK && s->status == PLEAT_OK) {
            s->status = status;
            (void)snprintf(s->message, sizeof s->message, "%s", pleat_error_message());
        }
        s->made++;
        if (s->made == count) (void)pthread_cond_signal(&loader->ready);
    }
    (void)pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* Signals are the main thread's business. */
static pleat_status start_threads(pleat_loader *loader) {
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    while (error == 0 && loader->threads < loader->config.threads) {
        error = pthread_create(&loader->thread[loader->threads], NULL, work, loader);
        loader->threads += error == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    PLEAT_CHECK(error == 0, PLEAT_ERR_MEMORY, "loader thread %d could not be started: %s",
                loader->threads + 1, strerror(error));
    return PLEAT_OK;
}

static pleat_status check(const pleat_loader_config *c) {
    PLEAT_CHECK(c->n_sources >= 1, PLEAT_ERR_ARG, "a loader needs at least one case");
    for (int i = 1; i < c->n_sources; i++)
        PLEAT_CHECK(c->sources[i]->channels == c->sources[0]->channels, PLEAT_ERR_SHAPE,
                    "case %d of a loader has %d channels, case 0 has %d", i,
                    c->sources[i]->channels, c->sources[0]->channels);
    PLEAT_CHECK(c->iterations >= 1 && c->depth >= 1 && c->threads >= 1, PLEAT_ERR_ARG,
                "a loader needs iterations (%d), depth (%d) and threads (%d) of 1 or more",
                c->iterations, c->depth, c->threads);
    PLEAT_CHECK(c->first_batch >= 0, PLEAT_ERR_ARG, "there is no batch %d", c->first_batch);
    PLEAT_CHECK(c->first >= 0 && c->count >= 0 && c->first + c->count <= c->batch, PLEAT_ERR_ARG,
                "samples %d to %d are not in a batch of %d", c->first, c->first + c->count - 1,
                c->batch);
    return PLEAT_OK;
}

pleat_status pleat_loader_start(const pleat_loader_config *config, pleat_loader **out) {
    PLEAT_TRY(check(config));
    pleat_status status = PLEAT_OK;
    pleat_loader *loader = calloc(1, sizeof *loader);
    PLEAT_CHECK(loader != NULL, PLEAT_ERR_MEMORY, "no memory for a loader");
    loader->config = *config;
    if (config->augment != NULL) {
        loader->augment = *config->augment;
        loader->config.augment = &loader->augment;
    }
    loader->slots = config->depth + 1;
    (void)pthread_mutex_init(&loader->mutex, NULL);
    (void)pthread_cond_init(&loader->room, NULL);
    (void)pthread_cond_init(&loader->ready, NULL);

    const size_t samples = (size_t)loader->slots * (size_t)config->count;
    loader->dims = malloc((size_t)config->n_sources * sizeof *loader->dims);
    loader->images = malloc((samples * values_of(config) + 1) * sizeof *loader->images);
    loader->labels = malloc(samples * pleat_voxels(config->patch) + 1);
    loader->slot = calloc((size_t)loader->slots, sizeof *loader->slot);
    loader->thread = calloc((size_t)config->threads, sizeof *loader->thread);
    PLEAT_CHECK_GOTO(
        status, done,
        loader->dims && loader->images && loader->labels && loader->slot && loader->thread,
        PLEAT_ERR_MEMORY, "no memory for %d batches of %d patches of %dx%dx%d", loader->slots,
        config->count, config->patch[2], config->patch[1], config->patch[0]);
    for (int i = 0; i < config->n_sources; i++)
        memcpy(loader->dims[i], config->sources[i]->dim, sizeof loader->dims[i]);
    if (config->count > 0) PLEAT_TRY_GOTO(status, done, start_threads(loader));
    *out = loader;
    loader = NULL;
done:
    pleat_loader_stop(loader);
    return status;
}

pleat_status pleat_loader_next(pleat_loader *loader, float **images, uint8_t **labels) {
    const int count = loader->config.count;
    if (count == 0) {
        *images = loader->images;
        *labels = loader->labels;
        return PLEAT_OK;
    }
    (void)pthread_mutex_lock(&loader->mutex);
    if (loader->held) {
        loader->slot[(loader->batch - 1) % loader->slots].made = 0;
        loader->held = 0;
    }
    const int64_t index = loader->batch % loader->slots;
    slot *s = &loader->slot[index];
    while (s->made < count) (void)pthread_cond_wait(&loader->ready, &loader->mutex);
    const pleat_status status = s->status;
    if (status == PLEAT_OK) {
        loader->held = 1;
        loader->batch++;
        (void)pthread_cond_broadcast(&loader->room);
    }
    (void)pthread_mutex_unlock(&loader->mutex);
    /* The slot of a failed batch is never reused, so its message may be read without the lock. */
    PLEAT_CHECK(status == PLEAT_OK, status, "%s", s->message);
    const size_t at = (size_t)(index * count);
    *images = loader->images + at * values_of(&loader->config);
    *labels = loader->labels + at * pleat_voxels(loader->config.patch);
    return PLEAT_OK;
}

void pleat_loader_stop(pleat_loader *loader) {
    if (loader == NULL) return;
    (void)pthread_mutex_lock(&loader->mutex);
    loader->stopping = 1;
    (void)pthread_cond_broadcast(&loader->room);
    (void)pthread_mutex_unlock(&loader->mutex);
    for (int i = 0; i < loader->threads; i++) (void)pthread_join(loader->thread[i], NULL);
    (void)pthread_mutex_destroy(&loader->mutex);
    (void)pthread_cond_destroy(&loader->room);
    (void)pthread_cond_destroy(&loader->ready);
    free(loader->dims);
    free(loader->images);
    free(loader->labels);
    free(loader->slot);
    free(loader->thread);
    free(loader);
}
