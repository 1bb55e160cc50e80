/* onednn_update.c - Adam, gradient descent, clipping and averages of the oneDNN engine: own loops.
 */
#include "onednn.h"

#include <math.h>

#define GRAIN       4096 /* elements; arrays are cut in multiples of it */
#define CLIP_SMOOTH 1e-6 /* PyTorch's: added to the norm of the gradients */

typedef struct adam_step {
    float rate, keep1, add1, keep2, add2, epsilon, keep;
} adam_step;

static void adam_share(adam_step a, pleat_share s, float *w, const float *g, float *first,
                       float *second) {
#pragma omp simd
    for (size_t i = s.begin; i < s.end; i++) {
        first[i] = a.keep1 * first[i] + a.add1 * g[i];
        second[i] = a.keep2 * second[i] + a.add2 * g[i] * g[i];
        w[i] = a.keep * w[i] - a.rate * first[i] / (sqrtf(second[i]) + a.epsilon);
    }
}

static void amsgrad_share(adam_step a, pleat_share s, float *w, const float *g, float *first,
                          float *second, float *largest) {
#pragma omp simd
    for (size_t i = s.begin; i < s.end; i++) {
        first[i] = a.keep1 * first[i] + a.add1 * g[i];
        second[i] = a.keep2 * second[i] + a.add2 * g[i] * g[i];
        largest[i] = second[i] > largest[i] ? second[i] : largest[i];
        w[i] = a.keep * w[i] - a.rate * first[i] / (sqrtf(largest[i]) + a.epsilon);
    }
}

pleat_status pleat_onednn_adam(pleat_engine *engine, const pleat_adam *adam, size_t n, void *params,
                               const void *grads, void *m, void *v, void *largest) {
    const double b1 = adam->beta1, b2 = adam->beta2, step = (double)adam->step;
    const adam_step how = {.rate =
                               (float)(adam->lr * sqrt(1 - pow(b2, step)) / (1 - pow(b1, step))),
                           .keep1 = (float)b1,
                           .add1 = (float)(1 - b1),
                           .keep2 = (float)b2,
                           .add2 = (float)(1 - b2),
                           .epsilon = (float)adam->epsilon,
                           .keep = (float)(1 - adam->decay)};
    const int threads = engine->threads;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(n, GRAIN, t, threads);
        if (largest == NULL)
            adam_share(how, s, params, grads, m, v);
        else
            amsgrad_share(how, s, params, grads, m, v, largest);
    }
    return PLEAT_OK;
}

pleat_status pleat_onednn_sgd(pleat_engine *engine, const pleat_sgd *sgd, size_t n, void *params,
                              const void *grads, void *v) {
    const float rate = (float)sgd->lr, momentum = (float)sgd->momentum, decay = (float)sgd->decay;
    const float *slope = grads;
    float *w = params, *speed = v;
    const int threads = engine->threads;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(n, GRAIN, t, threads);
#pragma omp simd
        for (size_t i = s.begin; i < s.end; i++) {
            const float g = slope[i] + decay * w[i];
            speed[i] = momentum * speed[i] + g;
            w[i] -= rate * (g + momentum * speed[i]);
        }
    }
    return PLEAT_OK;
}

/* In parts that do not depend on the number of threads. */
static double squares_of(const float *x, size_t n, int threads) {
    double part[PLEAT_ORDERED_PARTS], sum = 0;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < PLEAT_ORDERED_PARTS; t++) {
        const pleat_share s = pleat_share_of(n, GRAIN, t, PLEAT_ORDERED_PARTS);
        double squares = 0;
        for (size_t i = s.begin; i < s.end; i++) squares += (double)x[i] * (double)x[i];
        part[t] = squares;
    }
    for (int t = 0; t < PLEAT_ORDERED_PARTS; t++) sum += part[t];
    return sum;
}

pleat_status pleat_onednn_clip(pleat_engine *engine, double most, size_t n, void *x) {
    float *value = x;
    const int threads = engine->threads;
    const double factor = most / (sqrt(squares_of(value, n, threads)) + CLIP_SMOOTH);
    if (factor >= 1) return PLEAT_OK;
#pragma omp parallel for num_threads(threads)
    for (size_t i = 0; i < n; i++) value[i] *= (float)factor;
    return PLEAT_OK;
}

pleat_status pleat_onednn_average(pleat_engine *engine, double keep, size_t n, const void *x,
                                  void *y) {
    const float stay = (float)keep, add = (float)(1 - keep), *from = x;
    float *to = y;
#pragma omp parallel for num_threads(engine->threads)
    for (size_t i = 0; i < n; i++) to[i] = stay * to[i] + add * from[i];
    return PLEAT_OK;
}
