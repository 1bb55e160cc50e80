/* gradient_problem.h - gradients by the weights of convolutions, by the formula and a kernel. */
#ifndef PLEAT_TESTS_GRADIENT_PROBLEM_H
#define PLEAT_TESTS_GRADIENT_PROBLEM_H

#include "amx_numbers.h"

#include "../../src/engines/onednn_gradient_impl.h"

#include <math.h>
#include <string.h>

#define K333 \
    { 3, 3, 3 }
#define K133 \
    { 1, 3, 3 }
#define K111 \
    { 1, 1, 1 }

struct gradient_case {
    int n, d, h, w, cin, cout, kernel[3], threads;
};

typedef struct problem {
    pleat_dnnl_shape s;
    int threads;
    size_t xs, ys, weights;
    void *x, *dy;           /* bf16 or float */
    float *start;           /* of dweights, and of dbias behind */
    double *want, *largest; /* the sums; those of the magnitudes of their terms */
} problem;

/* From the formula: every tap of every voxel. */
static inline void expect(problem *p) {
    const pleat_dnnl_shape *s = &p->s;
    const int *k = s->kernel;
    const size_t cin = (size_t)s->cin, cout = (size_t)s->cout;
    const size_t taps = p->weights / cin / cout;
    for (int v = 0; v < s->n * s->d * s->h * s->w; v++) {
        const size_t dy = (size_t)v * cout;
        const int w = v % s->w, h = v / s->w % s->h, d = v / s->w / s->h % s->d;
        for (size_t o = 0; o < cout; o++) p->want[p->weights + o] += load1(p->dy, dy + o, s->bf16);
        for (size_t o = 0; o < cout; o++)
            p->largest[p->weights + o] += fabs(load1(p->dy, dy + o, s->bf16));
        for (int tap = 0; tap < (int)taps; tap++) {
            const int x = w + tap % k[2] - k[2] / 2, y = h + tap / k[2] % k[1] - k[1] / 2;
            const int z = d + tap / k[2] / k[1] - k[0] / 2;
            if (x < 0 || y < 0 || z < 0 || x >= s->w || y >= s->h || z >= s->d) continue;
            const size_t from = (size_t)(v + ((z - d) * s->h + y - h) * s->w + x - w) * cin;
            for (size_t o = 0; o < cout; o++)
                for (size_t i = 0; i < cin; i++) {
                    const double term = (double)load1(p->dy, dy + o, s->bf16) *
                                        (double)load1(p->x, from + i, s->bf16);
                    p->want[(o * taps + (size_t)tap) * cin + i] += term;
                    p->largest[(o * taps + (size_t)tap) * cin + i] += fabs(term);
                }
        }
    }
}

static inline problem begin(const struct gradient_case *c, size_t row, int bf16) {
    problem p = {.s = {.n = c->n,
                       .d = c->d,
                       .h = c->h,
                       .w = c->w,
                       .cin = c->cin,
                       .cout = c->cout,
                       .stride = {1, 1, 1},
                       .bf16 = bf16},
                 .threads = c->threads};
    size_t taps = 1;
    for (int i = 0; i < 3; i++) {
        p.s.kernel[i] = c->kernel[i];
        p.s.before[i] = p.s.kernel[i] / 2;
        taps *= (size_t)p.s.kernel[i];
    }
    const size_t voxels = (size_t)p.s.n * (size_t)p.s.d * (size_t)p.s.h * (size_t)p.s.w;
    p.xs = voxels * (size_t)p.s.cin;
    p.ys = voxels * (size_t)p.s.cout;
    p.weights = taps * (size_t)p.s.cin * (size_t)p.s.cout;
    p.x = some_numbers(row, 0, p.xs, bf16);
    p.dy = some_numbers(row, 1, p.ys, bf16);
    const size_t n = p.weights + (size_t)p.s.cout;
    p.start = some(n, sizeof *p.start);
    p.want = some(n, sizeof *p.want);
    p.largest = some(n, sizeof *p.largest);
    for (size_t i = 0; i < n; i++) {
        p.start[i] = number(row, 2, i);
        p.want[i] = p.start[i];
        p.largest[i] = fabs(p.want[i]);
    }
    expect(&p);
    return p;
}

static inline void end(problem *p) {
    free(p->x);
    free(p->dy);
    free(p->start);
    free(p->want);
    free(p->largest);
}

/* Added to `got`, weights and biases; what lies in `work` before is no number. */
static inline void add_gradient(const problem *p, const pleat_gradient_kernel *kernel, int threads,
                                int fresh, float *got) {
    const size_t bytes = pleat_gradient_bytes_by(kernel, &p->s, threads);
    void *work = aligned_alloc(64, bytes);
    assert_non_null(work);
    memset(work, 0xff, bytes);
    pleat_gradient_run_by(kernel, &p->s, threads, p->x, p->dy, got, got + p->weights, fresh, work);
    free(work);
}

/* Into a new array. */
static inline float *gradient(const problem *p, const pleat_gradient_kernel *kernel, int threads) {
    const size_t n = p->weights + (size_t)p->s.cout;
    float *got = some(n, sizeof *got);
    memcpy(got, p->start, n * sizeof *got);
    add_gradient(p, kernel, threads, 0, got);
    return got;
}

static inline void judge(const problem *p, const float *got, double limit) {
    for (size_t i = 0; i < p->weights + (size_t)p->s.cout; i++) {
        const double error = fabs((double)got[i] - p->want[i]);
        if (!(error <= limit * p->largest[i]))
            fail_msg("%dx%dx%dx%d, %d to %d, kernel %d%d%d, %d threads: gradient %zu is %.9g, "
                     "not %.9g",
                     p->s.n, p->s.d, p->s.h, p->s.w, p->s.cin, p->s.cout, p->s.kernel[0],
                     p->s.kernel[1], p->s.kernel[2], p->threads, i, got[i], p->want[i]);
    }
}

/* Fresh gradients are those that are added to zeros, in lines of the caches and beside them. */
static inline void judge_fresh(const problem *p, const pleat_gradient_kernel *kernel) {
    const size_t n = p->weights + (size_t)p->s.cout, biases = (size_t)p->s.cout;
    for (size_t shift = 0; shift <= 8; shift += 8) { /* floats from a line's beginning */
        const size_t bytes = (n + shift + 15) / 16 * 16 * sizeof(float);
        float *memory = aligned_alloc(64, bytes), *got = memory + shift;
        float *want = some(n, sizeof *want);
        assert_non_null(memory);
        for (size_t k = 0; k < p->weights; k++) got[k] = NAN;
        memset(got + p->weights, 0, biases * sizeof *got);
        add_gradient(p, kernel, p->threads, 1, got);
        add_gradient(p, kernel, p->threads, 0, want);
        for (size_t k = 0; k < n; k++)
            if (!(got[k] == want[k]))
                fail_msg("%d to %d: gradient %zu is %.9g, not %.9g", p->s.cin, p->s.cout, k,
                         (double)got[k], (double)want[k]);
        free(want);
        free(memory);
    }
}

#endif /* PLEAT_TESTS_GRADIENT_PROBLEM_H */
