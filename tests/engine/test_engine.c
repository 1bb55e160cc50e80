/*
 * test_engine.c - the conformance suite of engine.h.
 *
 *   test_engine [-v] [NAME]
 *
 * Holds engine NAME, or every CPU engine of this build, to the laws of the table in each
 * precision it offers: against the oracle, against numbers known beforehand, and the oracle
 * itself against finite differences. -v: the worst error of every result. Leaves with 77, which
 * CTest calls skipped, when nothing could be tested.
 */
#include "engine_suite.h"

#include <stdio.h>
#include <string.h>

#define SKIPPED 77

static const struct {
    const char *name;
    CMUnitTestFunction run;
    const char *only; /* the engine it is for; NULL: all */
} tests[] = {
#define ROW(function, only) \
    { #function, function, only }
    ROW(engine_says_what_it_is, NULL),
    ROW(memory_is_aligned_zeroed_and_copied, NULL),
    ROW(conv3_of_a_known_image_is_known, NULL),
    ROW(conv3_taps_lie_where_the_layout_says, NULL),
    ROW(conv_of_a_known_row_is_known_along_every_axis, NULL),
    ROW(up_and_head_weights_lie_where_the_layout_says, NULL),
    ROW(conv_gradients_add_to_what_is_there, NULL),
    ROW(norm_of_two_voxels_is_known, NULL),
    ROW(pool_gives_ties_to_the_first_voxel, NULL),
    ROW(pool_index_names_the_place_in_the_block, NULL),
    ROW(coarsened_labels_are_the_nearest, NULL),
    ROW(host_calls_run_between_operations, NULL),
    ROW(loss_is_the_originals, NULL),
    ROW(loss_has_no_gradient_where_clamped, NULL),
    ROW(adam_is_keras_adam, NULL),
    ROW(input_becomes_activations, NULL),
    ROW(conv3_agrees_with_the_oracle, NULL),
    ROW(conv_agrees_for_every_kernel_stride_and_padding, NULL),
    ROW(conv_of_flat_and_strided_layers_agrees, NULL),
    ROW(head_agrees_with_the_oracle, NULL),
    ROW(up_agrees_with_the_oracle, NULL),
    ROW(up_agrees_for_every_stride, NULL),
    ROW(up_layers_do_not_mix_their_gradients, NULL),
    ROW(each_samples_gradient_agrees_with_the_oracle, NULL),
    ROW(relu_backward_passes_where_y_is_positive, NULL),
    ROW(copy_moves_or_adds_slices, NULL),
    ROW(norm_agrees_with_the_oracle, NULL),
    ROW(pool_agrees_with_the_oracle, NULL),
    ROW(softmax_and_loss_agree_with_the_oracle, NULL),
    ROW(loss_backward_takes_any_slopes, NULL),
    ROW(adam_agrees_with_the_oracle, NULL),
    ROW(an_ordered_engine_has_the_same_bits_on_any_number_of_threads, NULL),
    ROW(the_caller_keeps_its_number_of_threads, "ref"),
    ROW(the_caller_keeps_its_number_of_threads, "onednn"),
    ROW(conv_gradients_are_slopes, "ref64"),
    ROW(norm_gradients_are_slopes, "ref64"),
    ROW(pool_gradient_is_the_slope, "ref64"),
    ROW(loss_gradient_is_the_slope, "ref64"),
#undef ROW
};

static const struct {
    pleat_precision precision;
    double limit; /* of normalised mean squared error; a wrong border or channel makes > 1e-2,
                     bf16 in place of f32 about 3e-6, tf32 about 5e-8 */
} precisions[] = {
    {PLEAT_PRECISION_F32, 1e-9}, {PLEAT_PRECISION_TF32, 1e-5}, {PLEAT_PRECISION_BF16, 1e-3}};

static int clear(void **state) {
    bench *b = *state;
    bench_clear(b);
    b->score_count = 0;
    return 0;
}

/* Failed tests of one engine in one precision. */
static int run_group(bench *b) {
    const char *name = b->engine->ops->name;
    char group[64];
    (void)snprintf(group, sizeof group, "engine %s in %s%s", name,
                   pleat_precision_name(b->engine->precision),
                   b->engine->ordered ? ", ordered" : "");
    struct CMUnitTest rows[COUNT(tests)];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(tests); i++) {
        if (tests[i].only != NULL && strcmp(tests[i].only, name) != 0) continue;
        rows[n++] = (struct CMUnitTest){tests[i].name, tests[i].run, NULL, clear, b};
    }
    return _cmocka_run_group_tests(group, rows, n, NULL, NULL);
}

/* threads 0: all there are. */
static pleat_engine *make(const char *name, pleat_precision precision, int threads,
                          int deterministic) {
    const pleat_engine_options options = {.engine = name,
                                          .precision = precision,
                                          .threads = threads,
                                          .device = -1,
                                          .deterministic = deterministic};
    pleat_engine *engine = NULL;
    if (pleat_engine_create(&options, &engine) != PLEAT_OK) return NULL;
    if (precision == PLEAT_PRECISION_AUTO || engine->precision == precision) return engine;
    pleat_engine_destroy(engine);
    return NULL;
}

/* Failed tests; -1: the engine has no such precision here. */
static int run_one(const char *name, size_t i, int deterministic, int verbose) {
    const char *oracle = strcmp(name, "ref") == 0 ? "ref64" : "ref";
    bench b = {.limit = precisions[i].limit, .verbose = verbose, .seed = 20200901};
    b.engine = make(name, precisions[i].precision, 0, deterministic);
    if (b.engine == NULL) return -1;
    b.oracle = make(oracle, PLEAT_PRECISION_F32, 1, 0); /* more would wait for each other */
    printf("engine %s: %s\n", name, b.engine->device);
    const int failed = b.oracle != NULL ? run_group(&b) : 1;
    pleat_engine_destroy(b.oracle);
    pleat_engine_destroy(b.engine);
    return failed;
}

/* The engine in every precision it has, as it is and made deterministic; *done counts them. Failed
 * tests. */
static int run_engine(const char *name, int verbose, int *done) {
    int failed = 0;
    for (size_t i = 0; i < COUNT(precisions); i++)
        for (int deterministic = 0; deterministic < 2; deterministic++) {
            const int n = run_one(name, i, deterministic, verbose);
            if (n < 0) {
                printf("[  SKIP    ] engine %s has no %s here\n", name,
                       pleat_precision_name(precisions[i].precision));
                break;
            }
            failed += n;
            ++*done;
            if (strncmp(name, "ref", 3) == 0) break; /* always is */
        }
    return failed;
}

static int is_cpu(const char *name) {
    pleat_engine *engine = make(name, PLEAT_PRECISION_AUTO, 0, 0);
    const int yes = engine != NULL && engine->host_memory;
    pleat_engine_destroy(engine);
    return yes;
}

int main(int argc, char **argv) {
    const char *wanted = NULL;
    int verbose = 0, failed = 0, done = 0, known = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            verbose = 1;
        else
            wanted = argv[i];
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* cmocka writes to stderr too; keep the order */
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++) {
        if (wanted != NULL && strcmp(wanted, e->name) != 0) continue;
        known = 1;
        if (e->missing() != NULL)
            printf("[  SKIP    ] engine %s: %s\n", e->name, e->missing());
        else if (wanted == NULL && !is_cpu(e->name))
            printf("[  SKIP    ] engine %s is not a CPU engine; give its name\n", e->name);
        else
            failed += run_engine(e->name, verbose, &done);
    }
    if (!known) printf("no engine '%s' in this build\n", wanted);
    if (!known || failed > 0) return 1;
    return done > 0 ? 0 : SKIPPED;
}
