/* test_loader.c - the batches are those of the sampler, whatever makes them. */
#include "pleat/loader.h"
#include "pleat/volume.h"
#include "support.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 5, D = 7, H = 12, W = 10, N = D * H * W, P = 4 * 8 * 12 };
enum { ITERATIONS = 3, BATCH = 4, BATCHES = 8 }; /* two epochs and two batches */

static const int patch[3] = {4, 8, 12};

typedef struct data {
    float image[CASES][N];
    uint8_t label[CASES][N];
    pleat_histogram histogram[CASES];
    pleat_source source[CASES];
    const pleat_source *sources[CASES];
} data;

static int make_data(void **state) {
    data *all = calloc(1, sizeof *all);
    if (all == NULL) return 1;
    uint32_t x = 3;
    for (int c = 0; c < CASES; c++) {
        for (int i = 0; i < N; i++) {
            x = x * 1664525u + 1013904223u;
            all->image[c][i] = (float)((x >> 8) * 0x1p-24 - 0.3);
            all->label[c][i] = (uint8_t)(x >> 30);
        }
        pleat_histogram_make(all->image[c], N, &all->histogram[c]);
        all->source[c] = (pleat_source){.dim = {D, H, W},
                                        .channels = 1,
                                        .image = all->image[c],
                                        .label = all->label[c],
                                        .histogram = &all->histogram[c]};
        all->sources[c] = &all->source[c];
    }
    *state = all;
    return 0;
}

static int free_data(void **state) {
    free(*state);
    return 0;
}

static pleat_loader_config config_of(const data *all, const pleat_augment_config *augment) {
    return (pleat_loader_config){.seed = 11,
                                 .fold = 1,
                                 .sources = all->sources,
                                 .n_sources = CASES,
                                 .augment = augment,
                                 .patch = {4, 8, 12},
                                 .pad = PLEAT_PAD_ZERO,
                                 .iterations = ITERATIONS,
                                 .batch = BATCH,
                                 .first = 0,
                                 .count = BATCH,
                                 .depth = 2,
                                 .threads = 2};
}

/* Sample `i` of batch `batch` counted from epoch 0, made here and now. */
static void make_directly(const data *all, const pleat_augment_config *augment, int batch, int i,
                          float *image, uint8_t *label) {
    int dims[CASES][3];
    for (int c = 0; c < CASES; c++) memcpy(dims[c], all->source[c].dim, sizeof dims[c]);
    const pleat_augment_config off = {0};
    pleat_sample sample;
    const pleat_sample_key key = {
        11, 1, batch / ITERATIONS, batch % ITERATIONS * BATCH + i, ITERATIONS * BATCH, BATCH};
    pleat_sampler_draw(&key, CASES, (const int(*)[3])dims, patch, augment ? augment : &off,
                       &sample);
    OK(pleat_augment_patch(&sample, all->sources[sample.item], patch, PLEAT_PAD_ZERO, image,
                           label));
}

/* Batches `from` .. BATCHES-1 of the loader are those made directly. */
static void assert_batches(const data *all, const pleat_loader_config *config) {
    pleat_loader *loader = NULL;
    float image[P], *images;
    uint8_t label[P], *labels;
    OK(pleat_loader_start(config, &loader));
    for (int batch = config->first_epoch * ITERATIONS; batch < BATCHES; batch++) {
        OK(pleat_loader_next(loader, &images, &labels));
        for (int i = 0; i < config->count; i++) {
            make_directly(all, config->augment, batch, config->first + i, image, label);
            assert_memory_equal(images + (size_t)i * P, image, sizeof image);
            assert_memory_equal(labels + (size_t)i * P, label, sizeof label);
        }
    }
    pleat_loader_stop(loader);
}

static void test_any_number_of_threads_and_depth_makes_the_samplers_batches(void **state) {
    const data *all = *state;
    const pleat_augment_config augment = pleat_augment_defaults();
    for (int threads = 1; threads <= 4; threads++)
        for (int depth = 1; depth <= 3; depth++) {
            pleat_loader_config config = config_of(all, &augment);
            config.threads = threads;
            config.depth = depth;
            assert_batches(all, &config);
        }
}

static void test_ranks_share_the_batch_that_one_rank_makes_alone(void **state) {
    const data *all = *state;
    const pleat_augment_config augment = pleat_augment_defaults();
    const int shares[][2] = {{0, 2}, {2, 2}, {0, 3}, {3, 1}, {4, 0}};
    for (size_t k = 0; k < COUNT(shares); k++) {
        pleat_loader_config config = config_of(all, &augment);
        config.first = shares[k][0];
        config.count = shares[k][1];
        assert_batches(all, &config);
    }
}

static void test_a_later_start_gives_the_batches_of_that_epoch(void **state) {
    const data *all = *state;
    const pleat_augment_config augment = pleat_augment_defaults();
    pleat_loader_config config = config_of(all, &augment);
    for (config.first_epoch = 1; config.first_epoch <= 2; config.first_epoch++)
        assert_batches(all, &config);
}

static void test_without_augmentation_it_gives_the_same_cases_and_crops_untouched(void **state) {
    const data *all = *state;
    const pleat_loader_config config = config_of(all, NULL);
    assert_batches(all, &config);
}

static void test_stopping_at_once_or_in_the_middle_leaves_nothing_behind(void **state) {
    const data *all = *state;
    const pleat_augment_config augment = pleat_augment_defaults();
    const pleat_loader_config config = config_of(all, &augment);
    for (int taken = 0; taken < 10; taken++) {
        pleat_loader *loader = NULL;
        float *images;
        uint8_t *labels;
        OK(pleat_loader_start(&config, &loader));
        for (int i = 0; i < taken % 4; i++) OK(pleat_loader_next(loader, &images, &labels));
        pleat_loader_stop(loader);
    }
    pleat_loader_stop(NULL);
}

static pleat_status broken(void *context, int channel, const int start[3], const int size[3],
                           float *image, uint8_t *label) {
    (void)channel;
    (void)start;
    memset(image, 0, (size_t)size[2] * sizeof *image); /* as far as it came */
    label[0] = 0;
    return PLEAT_FAIL(PLEAT_ERR_IO, "cases/%s.h5 cannot be read", (const char *)context);
}

static void test_an_error_comes_with_its_message_at_the_batch_it_belongs_to(void **state) {
    const data *all = *state;
    char name[] = "liver_3";
    data *some = malloc(sizeof *some);
    *some = *all;
    const pleat_source reader = {.dim = {D, H, W},
                                 .channels = 1,
                                 .histogram = &some->histogram[3],
                                 .read = broken,
                                 .context = name};
    for (int c = 0; c < CASES; c++) some->sources[c] = c == 3 ? &reader : &some->source[c];
    const pleat_augment_config augment = pleat_augment_defaults();
    pleat_loader_config config = config_of(some, &augment);
    config.count = config.batch = 1;
    config.iterations = CASES; /* case 3 comes once within the first CASES batches */
    config.depth = 3;
    int dims[CASES][3], at = 0;
    pleat_sample sample = {0};
    for (int c = 0; c < CASES; c++) memcpy(dims[c], some->source[c].dim, sizeof dims[c]);
    for (at = 0; sample.item != 3; at++)
        pleat_sampler_draw(&(pleat_sample_key){11, 1, 0, at, CASES, 1}, CASES,
                           (const int(*)[3])dims, patch, &augment, &sample);
    pleat_loader *loader = NULL;
    float *images;
    uint8_t *labels;
    OK(pleat_loader_start(&config, &loader));
    for (int i = 0; i < at - 1; i++) OK(pleat_loader_next(loader, &images, &labels));
    for (int again = 0; again < 2; again++) {
        assert_int_equal(pleat_loader_next(loader, &images, &labels), PLEAT_ERR_IO);
        assert_string_equal(pleat_error_message(), "cases/liver_3.h5 cannot be read");
    }
    pleat_loader_stop(loader);
    free(some);
}

static void test_a_share_outside_the_batch_is_refused(void **state) {
    const data *all = *state;
    pleat_loader_config config = config_of(all, NULL);
    pleat_loader *loader = NULL;
    config.first = 1;
    assert_int_equal(pleat_loader_start(&config, &loader), PLEAT_ERR_ARG);
    assert_null(loader);
    TOLD("samples 1 to 4 are not in a batch of 4");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_number_of_threads_and_depth_makes_the_samplers_batches),
        cmocka_unit_test(test_ranks_share_the_batch_that_one_rank_makes_alone),
        cmocka_unit_test(test_a_later_start_gives_the_batches_of_that_epoch),
        cmocka_unit_test(test_without_augmentation_it_gives_the_same_cases_and_crops_untouched),
        cmocka_unit_test(test_stopping_at_once_or_in_the_middle_leaves_nothing_behind),
        cmocka_unit_test(test_an_error_comes_with_its_message_at_the_batch_it_belongs_to),
        cmocka_unit_test(test_a_share_outside_the_batch_is_refused),
    };
    omp_set_num_threads(1); /* libgomp's own barriers look like races to the thread sanitizer */
    return cmocka_run_group_tests(tests, make_data, free_data);
}
