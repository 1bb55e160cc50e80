/*
 * engine_suite.h - what every part of the conformance suite of engine.h shares.
 *
 * One test runs one operation twice with the same host numbers, on the engine under test and on
 * the oracle, and judges the difference:
 *
 *   bench    the two engines, the limit, the random numbers, the host arrays of one test
 *   memory   the blocks of one run on one engine; only alloc, upload and download touch them,
 *            so that the suite also serves engines whose memory the host cannot read
 *   run_*    one operation, forward and backward, host arrays in, host arrays out
 *
 * Host arrays are double; they hold numbers that the engine's activation type holds exactly.
 */
#ifndef PLEAT_TESTS_ENGINE_SUITE_H
#define PLEAT_TESTS_ENGINE_SUITE_H

#include "pleat/engine.h"
#include "support.h"

#define MOST_ARRAYS 128 /* of one case */
#define MOST_SCORES 16  /* results of one test */

typedef struct score {
    const char *what;
    double worst;
    char where[80];
} score;

typedef struct bench {
    pleat_engine *engine, *oracle;
    double limit; /* of normalised mean squared error */
    int verbose;
    uint64_t seed;
    double *arrays[MOST_ARRAYS];
    int array_count;
    score scores[MOST_SCORES];
    int score_count;
} bench;

/* Host arrays that bench_clear frees: zeroed; uniform in [-1,1); uniform in [low,high). */
double *take(bench *b, size_t n);
double *draw(bench *b, size_t n);
double *draw_range(bench *b, size_t n, double low, double high);
uint32_t draw_below(bench *b, uint32_t n);
void bench_clear(bench *b);

/* Fails when sum (got-want)^2 / sum want^2 is above the limit (exactly: when it is not 0). */
void judge(bench *b, const char *what, const char *where, const double *got, const double *want,
           size_t n);
void judge_exactly(bench *b, const char *what, const char *where, const double *got,
                   const double *want, size_t n);
/* With -v: a line per result, the worst over all cases. */
void bench_report(bench *b, const char *operation);

#define MOST_BLOCKS 32
typedef struct memory {
    pleat_engine *engine;
    void *blocks[MOST_BLOCKS];
    int count;
} memory;

typedef struct slice { /* channels of the wider tensor on either side; {0, 0}: packed */
    int before, after;
} slice;

typedef struct shape {
    int n, d, h, w, c;
} shape;

static inline size_t shape_size(shape s) {
    return (size_t)s.n * (size_t)s.d * (size_t)s.h * (size_t)s.w * (size_t)s.c;
}

/* Engine memory holding n elements; host NULL: a number that no result may show. */
void *memory_put(memory *m, pleat_dtype type, const double *host, size_t n);
void memory_write(memory *m, pleat_dtype type, void *data, const double *host, size_t n);
void memory_read(memory *m, pleat_dtype type, const void *data, double *host, size_t n);
void *memory_put_bytes(memory *m, const uint8_t *host, size_t n);
void memory_read_bytes(memory *m, const void *data, double *host, size_t n);
pleat_tensor memory_tensor(memory *m, pleat_dtype type, const double *host, shape s, slice cut);
/* Fails when anything outside the slice has changed. */
void memory_read_tensor(memory *m, pleat_dtype type, const pleat_tensor *t, slice cut,
                        double *host);
void memory_clear(memory *m);

/* ---- runs: in NULL means garbage, out NULL means not wanted ---- */

typedef struct conv_case {
    pleat_conv_kind kind;
    int n, d, h, w, cin, cout;
    int kernel[3], stride[3], before[3];
    int relu, first, no_bias; /* first: no dx */
    slice y;
} conv_case;

/* The usual kernel, stride and padding of each kind, in the row of a table. */
#define CONV3 \
    {3, 3, 3}, {1, 1, 1}, { 1, 1, 1 }
#define HEAD1 \
    {1, 1, 1}, {1, 1, 1}, { 0, 0, 0 }
#define UP2 \
    {2, 2, 2}, {2, 2, 2}, { 0, 0, 0 }

typedef struct conv_in {
    double *x, *weights, *bias, *dy;
    double *dweights, *dbias; /* gradients so far */
    int way;                  /* to the gradient by the weights, of conv_ways */
    int fresh;                /* as in pleat_conv_desc */
} conv_in;

typedef struct conv_out {
    double *y, *dx, *dweights, *dbias;
    double *each; /* [N, weights + biases], each sample's, in place of dweights and dbias */
} conv_out;

shape conv_x_shape(const conv_case *c);
shape conv_y_shape(const conv_case *c);
size_t conv_weight_count(const conv_case *c);
pleat_conv_desc conv_desc(const conv_case *c, int train);
/* How many ways the engine has to this layer's gradient by the weights, 1 or more. */
int conv_ways(pleat_engine *engine, const conv_case *c);
void run_conv(pleat_engine *engine, const conv_case *c, int train, const conv_in *in,
              const conv_out *out);

typedef struct norm_case {
    int n, d, h, w, c;
    int relu_mask;
    slice y;
} norm_case;

typedef struct norm_in {
    double *x, *gamma, *beta, *running_mean, *running_var, *dy;
    double *dgamma, *dbeta;       /* gradients so far */
    double *others, *others_back; /* [2C] sums of the other ranks */
    double others_count;          /* voxels of the other ranks */
    double *dbias;                /* gradient so far of the bias before; NULL: not wanted */
} norm_in;

typedef struct norm_out {
    double *sums, *y, *mean, *inv_std, *running_mean, *running_var, *y_infer;
    double *back_sums, *dgamma, *dbeta, *dx, *dbias;
} norm_out;

void run_norm(pleat_engine *engine, const norm_case *c, const norm_in *in, const norm_out *out);

typedef struct pool_case {
    int n, d, h, w, c; /* of y */
    int block[3];      /* x's sizes over y's */
    int accumulate;
    slice x;
} pool_case;

typedef struct pool_in {
    double *x, *dy;
    double *dx; /* gradients so far */
} pool_in;

typedef struct pool_out {
    double *y, *index, *dx;
} pool_out;

shape pool_x_shape(const pool_case *c);
shape pool_y_shape(const pool_case *c);
void run_pool(pleat_engine *engine, const pool_case *c, const pool_in *in, const pool_out *out);

typedef struct loss_case {
    int n, voxels, classes, in_place;
    double scale;
    double crossentropy; /* weight of the term of single voxels, per voxel: 1 makes it 1 / voxels */
    int kind;            /* of targets: LOSS_... */
} loss_case;

/* Labels 0 .. 7 in three regions, bit by bit; focus of w_c = 1 + c/2, g_c = c; and label 3 counts
 * for nothing. Terms of p below 0.3 alone, three times each, of given probabilities. */
enum { LOSS_CLASSES, LOSS_REGIONS, LOSS_FOCUS, LOSS_IGNORES = 4, LOSS_TOP = 8 };
enum { LOSS_IGNORED = 3 };

typedef struct loss_in {
    double *logits;
    uint8_t *labels;
    double *slopes; /* [N][2K]: A and B; NULL: the default loss's */
} loss_in;

typedef struct loss_out {
    double *softmax, *probs, *sums, *dlogits;
} loss_out;

void run_loss(pleat_engine *engine, const loss_case *c, const loss_in *in, const loss_out *out);

/* `steps` updates beginning at adam->step; grads [steps][n]; params, m, v and, unless
 * NULL, amsgrad's `largest` are updated in place. */
void run_adam(pleat_engine *engine, pleat_adam adam, int steps, size_t n, const double *grads,
              double *params, double *m, double *v, double *largest);

/* ---- tests; state is a bench ---- */

typedef struct suite_row {
    const char *name;
    CMUnitTestFunction run;
    const char *only; /* the engine it is for; NULL: all */
} suite_row;

extern const suite_row suite_rows[]; /* ends with an empty name; engine_rows.c */

/* engine_conv.c: the engine's convolutions against the oracle's */
void conv3_agrees_with_the_oracle(void **state);
void conv3_of_all_sizes_agrees(void **state);
void conv_agrees_for_every_kernel_stride_and_padding(void **state);
void conv_of_flat_and_strided_layers_agrees(void **state);
void head_agrees_with_the_oracle(void **state);
void up_agrees_with_the_oracle(void **state);
void up_agrees_for_every_stride(void **state);
void norm_sums_of_a_convolution_are_those_of_its_y(void **state);
void a_fresh_gradient_is_what_is_added_to_zeros(void **state);
void up_layers_do_not_mix_their_gradients(void **state);
void each_samples_gradient_agrees_with_the_oracle(void **state);

/* engine_ops.c: the engine's other operations against the oracle's */
void relu_backward_passes_where_y_is_positive(void **state);
void copy_moves_or_adds_slices(void **state);
void norm_agrees_with_the_oracle(void **state);
void pool_agrees_with_the_oracle(void **state);
void softmax_and_loss_agree_with_the_oracle(void **state);
void loss_of_any_targets_agrees_with_the_oracle(void **state);
void loss_backward_takes_any_slopes(void **state);
void adam_agrees_with_the_oracle(void **state);
void input_becomes_activations(void **state);

/* engine_layers.c: instance norm, activations, mean pooling, gates */
void instance_agrees_with_the_oracle(void **state);
void instance_of_two_voxels_is_known(void **state);
void instance_and_clipping_have_the_same_bits_on_any_number_of_threads(void **state);
void activations_agree_with_the_oracle(void **state);
void mean_agrees_with_the_oracle(void **state);
void gate_agrees_with_the_oracle(void **state);
void layers_of_two_voxels_are_known(void **state);

/* engine_top.c: counts of probabilities, terms weighed by them */
void keys_of_probabilities_are_known(void **state);
void counts_of_keys_agree_with_the_oracle(void **state);
void terms_are_weighed_by_their_probability(void **state);

/* engine_update.c: gradient descent, clipping and averages */
void updates_agree_with_the_oracle(void **state);
void updates_of_two_weights_are_known(void **state);

/* engine_known.c: the engine against numbers known beforehand */
void engine_says_what_it_is(void **state);
void memory_is_aligned_zeroed_and_copied(void **state);
void conv3_of_a_known_image_is_known(void **state);
void conv3_taps_lie_where_the_layout_says(void **state);
void conv_of_a_known_row_is_known_along_every_axis(void **state);
void up_and_head_weights_lie_where_the_layout_says(void **state);
void conv_gradients_add_to_what_is_there(void **state);
void norm_of_two_voxels_is_known(void **state);
void pool_gives_ties_to_the_first_voxel(void **state);
void pool_index_names_the_place_in_the_block(void **state);
void coarsened_labels_are_the_nearest(void **state);
void host_calls_run_between_operations(void **state);
void loss_is_the_originals(void **state);
void loss_has_no_gradient_where_clamped(void **state);
void adam_is_keras_adam(void **state);
void amsgrad_divides_by_the_largest(void **state);
void an_ordered_engine_has_the_same_bits_on_any_number_of_threads(void **state);
void the_caller_keeps_its_number_of_threads(void **state);

/* engine_gradients.c: ref64 against central finite differences */
void conv_gradients_are_slopes(void **state);
void norm_gradients_are_slopes(void **state);
void pool_gradient_is_the_slope(void **state);
void loss_gradient_is_the_slope(void **state);

#endif /* PLEAT_TESTS_ENGINE_SUITE_H */
