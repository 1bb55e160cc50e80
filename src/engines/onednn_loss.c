/*
 * onednn_loss.c - softmax and loss of the oneDNN engine.
 *
 * Tiles of voxels are turned class-major, [K][TILE], so that a vector holds one class of sixteen
 * voxels. Sums of a tile are float, of all tiles double.
 */
#include "cpu.h"
#include "onednn.h"
#include "onednn_simd.h"

#include "pleat/volume.h"

#include <math.h>

#define TILE 64 /* voxels */

static const float LEAST_P = 1e-7f, MOST_P = 1 - 1e-7f;

/* e^x for x <= 0 within 1e-7 relative: e^x = 2^n e^r, |r| <= ln(2)/2; Cody & Waite 1980. libm's own
 * vectors want -ffast-math. The Taylor series' term r^7/7! is 1.2e-7 at the very end. */
INLINE v16 exp16(v16 x) {
    const float most = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    const i16 low = x < -87.0f;     /* e^-87 = 1.6e-38, the smallest normal; NaN stays NaN */
    x = v16_select(low, v16_of(-87.0f), x);
    const v16 shifted = x * 1.44269504f + most, n = shifted - most;
    const v16 r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    v16 p = r * (1.0f / 5040) + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const v16 power = (v16)((((i16)shifted - (i16)v16_of(most)) + 127) << 23);
    return p * power;
}

/* tile [K][TILE] = `count` voxels of from [voxels,K], then zeros. */
INLINE void turn_tile(int k, const float *from, size_t count, float *tile) {
    for (int c = 0; c < k; c++) {
        for (size_t i = 0; i < count; i++)
            tile[(size_t)c * TILE + i] = from[i * (size_t)k + (size_t)c];
        for (size_t i = count; i < TILE; i++) tile[(size_t)c * TILE + i] = 0;
    }
}

/* p [K][TILE] = softmax of `count` voxels of logits [voxels,K]. */
INLINE void softmax_tile(int k, const float *logits, size_t count, float *p) {
    turn_tile(k, logits, count, p);
    for (size_t i = 0; i < TILE; i += LANES) {
        v16 most = v16_load(p, i, LANES, 0), sum = {0};
        for (int c = 1; c < k; c++) {
            const v16 x = v16_load(p, (size_t)c * TILE + i, LANES, 0);
            most = v16_select(x > most, x, most);
        }
        for (int c = 0; c < k; c++) {
            const size_t at = (size_t)c * TILE + i;
            const v16 e = exp16(v16_load(p, at, LANES, 0) - most);
            v16_store(p, at, LANES, 0, e);
            sum += e;
        }
        for (int c = 0; c < k; c++) {
            const size_t at = (size_t)c * TILE + i;
            v16_store(p, at, LANES, 0, v16_load(p, at, LANES, 0) / sum);
        }
    }
}

/* to[count] = 1 / (1 + e^-x) of from[count], count at most TILE. */
INLINE void sigmoid_tile(const float *from, float *to, size_t count) {
    float x[TILE] __attribute__((aligned(64))) = {0};
    for (size_t i = 0; i < count; i++) x[i] = from[i];
    for (size_t i = 0; i < TILE; i += LANES) {
        const v16 z = v16_load(x, i, LANES, 0), one = v16_of(1);
        const i16 above = z > 0.0f;
        const v16 e = exp16(v16_select(above, -z, z)); /* of -|z|; NaN stays NaN */
        v16_store(x, i, LANES, 0, v16_select(above, one, e) / (one + e));
    }
    for (size_t i = 0; i < count; i++) to[i] = x[i];
}

INLINE void write_tile(int k, const float *p, size_t count, float *probs) {
    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < k; c++) probs[i * (size_t)k + (size_t)c] = p[(size_t)c * TILE + i];
}

/* Two to four classes are compiled with that number: their turning becomes register shuffles. */
#define WITH_CLASSES(k, body, ...) \
    do {                           \
        if ((k) == 2)              \
            body(2, __VA_ARGS__);  \
        else if ((k) == 3)         \
            body(3, __VA_ARGS__);  \
        else if ((k) == 4)         \
            body(4, __VA_ARGS__);  \
        else                       \
            body(k, __VA_ARGS__);  \
    } while (0)

static pleat_status check_classes(int classes) {
    PLEAT_CHECK(classes >= 1 && classes <= PLEAT_MAX_CLASSES, PLEAT_ERR_ARG,
                "%d classes; between 1 and %d are possible", classes, PLEAT_MAX_CLASSES);
    return PLEAT_OK;
}

INLINE void softmax_share(int k, const float *logits, float *probs, pleat_share s) {
    float p[PLEAT_MAX_CLASSES * TILE] __attribute__((aligned(64)));
    for (size_t v = s.begin; v < s.end; v += TILE) {
        const size_t count = v + TILE < s.end ? TILE : s.end - v;
        softmax_tile(k, logits + v * (size_t)k, count, p);
        write_tile(k, p, count, probs + v * (size_t)k);
    }
}

pleat_status pleat_onednn_softmax(pleat_engine *engine, const void *logits, size_t voxels,
                                  int classes, void *probs) {
    PLEAT_TRY(check_classes(classes));
    const int threads = engine->threads;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(voxels, TILE, t, threads);
        WITH_CLASSES(classes, softmax_share, (const float *)logits, (float *)probs, s);
    }
    return PLEAT_OK;
}

pleat_status pleat_onednn_sigmoid(pleat_engine *engine, const void *logits, size_t n, void *probs) {
    const float *from = logits;
    float *to = probs;
    const int threads = engine->threads;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(n, TILE, t, threads);
        for (size_t i = s.begin; i < s.end; i += TILE)
            sigmoid_tile(from + i, to + i, i + TILE < s.end ? TILE : s.end - i);
    }
    return PLEAT_OK;
}

/* --- forward --- */

/* Adds count voxels to sums: TP [K], P [K], Y [K], cross-entropy. */
INLINE void sum_tile(int k, const float *p, const uint8_t *labels, size_t count, double *sums) {
    float chosen[TILE] = {0};
    for (int c = 0; c < k; c++) {
        const float *pc = p + (size_t)c * TILE;
        float hit = 0, all = 0;
        int present = 0;
#pragma omp simd reduction(+ : hit, all, present)
        for (size_t i = 0; i < count; i++) {
            const int here = labels[i] == c;
            const float value = here ? pc[i] : 0;
            chosen[i] += value;
            hit += value;
            all += pc[i];
            present += here;
        }
        sums[c] += (double)hit;
        sums[k + c] += (double)all;
        sums[2 * k + c] += present;
    }
    double entropy = 0;
    for (size_t i = 0; i < count; i++)
        if (labels[i] < k) {
            const float q = chosen[i] < LEAST_P ? LEAST_P : chosen[i] > MOST_P ? MOST_P : chosen[i];
            entropy -= (double)logf(q);
        }
    sums[3 * (size_t)k] += entropy;
}

/* Of a tile's voxels what the targets say: whether one counts, and whether it is in channel c. */
typedef struct truths {
    float counted[TILE], in[TILE]; /* 0 or 1 */
} truths;

static void find_counted(const pleat_targets *t, const uint8_t *labels, size_t count, truths *to) {
    for (size_t i = 0; i < TILE; i++)
        to->counted[i] = i < count && (t->ignored == 0 || labels[i] != t->ignored) ? 1.0f : 0.0f;
}

static void find_in(const pleat_targets *t, const uint8_t *labels, size_t count, int c,
                    truths *to) {
    for (size_t i = 0; i < count; i++) {
        const int in = t->regions != NULL ? (int)(t->regions[labels[i]] >> c & 1) : labels[i] == c;
        to->in[i] = in ? to->counted[i] : 0.0f;
    }
    for (size_t i = count; i < TILE; i++) to->in[i] = 0.0f;
}

static float clamped(float p) { return p < LEAST_P ? LEAST_P : p > MOST_P ? MOST_P : p; }

/* w (1 - p)^g of class c. */
static float focus_of(const pleat_targets *t, int k, int c, float p) {
    return t->focus == NULL ? 1.0f : (float)(t->focus[c] * pow(1.0 - p, t->focus[k + c]));
}

static float top_of(const pleat_targets *t, float p) {
    return t->top == NULL ? 1.0f : (float)pleat_cpu_top_weight(t->top, p);
}

/* As sum_tile, of any targets. */
static void sum_targets(int k, const pleat_targets *t, const float *p, const uint8_t *labels,
                        size_t count, double *sums) {
    truths is;
    double entropy = 0, counted = 0;
    find_counted(t, labels, count, &is);
    for (int c = 0; c < k; c++) {
        const float *pc = p + (size_t)c * TILE;
        float hit = 0, all = 0, present = 0;
        find_in(t, labels, count, c, &is);
        for (size_t i = 0; i < count; i++) {
            hit += is.in[i] * pc[i];
            all += is.counted[i] * pc[i];
            present += is.in[i];
            const int in = is.in[i] > 0.0f;
            if (is.counted[i] == 0.0f || (!in && t->regions == NULL)) continue;
            const float q = clamped(in ? pc[i] : 1.0f - pc[i]);
            const float weight = t->regions != NULL ? 1.0f : focus_of(t, k, c, q) * top_of(t, q);
            entropy -= (double)(weight * logf(q));
        }
        sums[c] += (double)hit;
        sums[k + c] += (double)all;
        sums[2 * k + c] += (double)present;
    }
    for (size_t i = 0; i < count; i++) counted += (double)is.counted[i];
    sums[3 * (size_t)k] += entropy;
    sums[3 * (size_t)k + 1] += counted;
}

INLINE void loss_share(int k, const float *logits, const uint8_t *labels, float *probs,
                       pleat_share s, double *sums) {
    float p[PLEAT_MAX_CLASSES * TILE] __attribute__((aligned(64)));
    for (size_t v = s.begin; v < s.end; v += TILE) {
        const size_t count = v + TILE < s.end ? TILE : s.end - v;
        softmax_tile(k, logits + v * (size_t)k, count, p);
        sum_tile(k, p, labels + v, count, sums);
        write_tile(k, p, count, probs + v * (size_t)k);
    }
}

static int is_plain(const pleat_targets *t) {
    return t->regions == NULL && t->focus == NULL && t->ignored == 0 && t->top == NULL;
}

static void targets_share(int k, const pleat_targets *t, const float *logits, const uint8_t *labels,
                          float *probs, pleat_share s, double *sums) {
    float p[PLEAT_MAX_CLASSES * TILE] __attribute__((aligned(64)));
    for (size_t v = s.begin; v < s.end; v += TILE) {
        const size_t count = v + TILE < s.end ? TILE : s.end - v;
        if (t->top != NULL) {
            turn_tile(k, logits + v * (size_t)k, count, p);
        } else if (t->regions == NULL) {
            softmax_tile(k, logits + v * (size_t)k, count, p);
        } else {
            turn_tile(k, logits + v * (size_t)k, count, p);
            for (int c = 0; c < k; c++)
                sigmoid_tile(p + (size_t)c * TILE, p + (size_t)c * TILE, count);
        }
        sum_targets(k, t, p, labels + v, count, sums);
        write_tile(k, p, count, probs + v * (size_t)k);
    }
}

pleat_status pleat_onednn_loss_forward(pleat_engine *engine, const pleat_targets *targets,
                                       const void *logits, const uint8_t *labels, int n,
                                       size_t voxels, int classes, void *probs, double *sums) {
    PLEAT_TRY(check_classes(classes));
    pleat_onednn *e = (pleat_onednn *)engine;
    const int parts = e->parts;
    const size_t width = PLEAT_LOSS_SUMS((size_t)classes), values = voxels * (size_t)classes;
    const size_t bytes = (size_t)parts * width * sizeof(double);
    PLEAT_TRY(pleat_onednn_reserve(e, &e->sums, bytes));
    double *partial = e->sums.data; /* [parts, 3K+2] */
    for (int sample = 0; sample < n; sample++) {
        const size_t first = (size_t)sample * values;
        const float *from = (const float *)logits + first;
        const uint8_t *label = labels + (size_t)sample * voxels;
        float *to = (float *)probs + first;
        double *total = sums + (size_t)sample * width;
        memset(partial, 0, bytes);
#pragma omp parallel for num_threads(engine->threads)
        for (int t = 0; t < parts; t++) {
            const pleat_share s = pleat_share_of(voxels, TILE, t, parts);
            double *mine = partial + (size_t)t * width;
            if (is_plain(targets))
                WITH_CLASSES(classes, loss_share, from, label, to, s, mine);
            else
                targets_share(classes, targets, from, label, to, s, mine);
        }
        for (size_t i = 0; i < width; i++) {
            total[i] = 0;
            for (int t = 0; t < parts; t++) total[i] += partial[(size_t)t * width + i];
        }
        if (is_plain(targets)) total[width - 1] = (double)voxels;
    }
    return PLEAT_OK;
}

/* --- backward --- */

typedef struct slopes { /* d L / d p_c where the label is c, and where it is not */
    float is[PLEAT_MAX_CLASSES], is_not[PLEAT_MAX_CLASSES];
    float entropy, scale; /* weight of the cross-entropy, and what everything is multiplied by */
} slopes;

static void slopes_of(slopes *out, int classes, int sample, const pleat_loss_gradient *gradient) {
    const double *a = gradient->slopes + (size_t)sample * PLEAT_LOSS_SLOPES((size_t)classes);
    const double *b = a + classes;
    for (int c = 0; c < classes; c++) {
        out->is[c] = (float)(a[c] + b[c]);
        out->is_not[c] = (float)b[c];
    }
    out->entropy = (float)a[2 * (size_t)classes];
    out->scale = (float)gradient->scale;
}

/* d loss / d logit_c = p_c (g_c - sum_j p_j g_j) + entropy (p_c - y_c), the last where -ln p is not
 * clamped; g = d L / d p. */
INLINE void backward_tile(int k, const float *labels, const slopes *g, float *p) {
    for (size_t i = 0; i < TILE; i += LANES) {
        const v16 label = v16_load(labels, i, LANES, 0);
        v16 mean = {0}, chosen = {0};
        for (int c = 0; c < k; c++) {
            const v16 q = v16_load(p, (size_t)c * TILE + i, LANES, 0);
            const i16 here = label == (float)c;
            mean += q * v16_select(here, v16_of(g->is[c]), v16_of(g->is_not[c]));
            chosen += (v16)((i16)q & here);
        }
        const i16 inside = (chosen >= LEAST_P) & (chosen <= MOST_P);
        const v16 entropy = (v16)((i16)v16_of(g->entropy) & inside);
        for (int c = 0; c < k; c++) {
            const v16 q = v16_load(p, (size_t)c * TILE + i, LANES, 0);
            const i16 here = label == (float)c;
            const v16 y = (v16)((i16)v16_of(1) & here);
            const v16 slope = v16_select(here, v16_of(g->is[c]), v16_of(g->is_not[c])) - mean;
            v16_store(p, (size_t)c * TILE + i, LANES, 0,
                      g->scale * (q * slope + entropy * (q - y)));
        }
    }
}

INLINE void backward_share(int k, int bf16, const float *probs, const uint8_t *labels,
                           const slopes *g, pleat_share s, void *dlogits) {
    float p[PLEAT_MAX_CLASSES * TILE] __attribute__((aligned(64)));
    float label[TILE] = {0}; /* as floats, to be compared in vectors */
    for (size_t v = s.begin; v < s.end; v += TILE) {
        const size_t count = v + TILE < s.end ? TILE : s.end - v;
        turn_tile(k, probs + v * (size_t)k, count, p);
        for (size_t i = 0; i < count; i++) label[i] = labels[v + i];
        backward_tile(k, label, g, p);
        for (size_t i = 0; i < count; i++)
            for (int c = 0; c < k; c++)
                store1(dlogits, (v + i) * (size_t)k + (size_t)c, bf16, p[(size_t)c * TILE + i]);
    }
}

/* As backward_tile, of any targets. */
static void backward_targets(int k, const pleat_targets *t, const uint8_t *labels, size_t count,
                             const slopes *g, float *p) {
    truths is;
    float mean[TILE] = {0}, e[TILE] = {0}; /* of softmax: see ref_loops.inc */
    find_counted(t, labels, count, &is);
    for (int c = 0; t->regions == NULL && c < k; c++) {
        const float *pc = p + (size_t)c * TILE;
        find_in(t, labels, count, c, &is);
        for (size_t i = 0; i < count; i++) {
            mean[i] += pc[i] * (is.in[i] > 0.0f ? g->is[c] : g->is_not[c]);
            if (is.in[i] == 0.0f || clamped(pc[i]) != pc[i]) continue;
            const float power = t->focus != NULL ? (float)t->focus[k + c] : 0.0f;
            e[i] = g->entropy * focus_of(t, k, c, pc[i]);
            if (power != 0.0f) e[i] *= 1.0f - power * pc[i] * logf(pc[i]) / (1.0f - pc[i]);
            e[i] *= top_of(t, pc[i]);
        }
    }
    for (int c = 0; c < k; c++) {
        float *pc = p + (size_t)c * TILE;
        find_in(t, labels, count, c, &is);
        for (size_t i = 0; i < count; i++) {
            const float q = pc[i], slope = is.in[i] > 0.0f ? g->is[c] : g->is_not[c];
            const float of_sums =
                t->regions != NULL ? q * (1.0f - q) * slope : q * (slope - mean[i]);
            const float w = t->regions == NULL ? e[i] : clamped(q) == q ? g->entropy : 0.0f;
            pc[i] = is.counted[i] * g->scale * (of_sums + w * (q - is.in[i]));
        }
    }
}

static void targets_backward(int k, const pleat_targets *t, int bf16, const float *probs,
                             const uint8_t *labels, const slopes *g, pleat_share s, void *dlogits) {
    float p[PLEAT_MAX_CLASSES * TILE] __attribute__((aligned(64)));
    for (size_t v = s.begin; v < s.end; v += TILE) {
        const size_t count = v + TILE < s.end ? TILE : s.end - v;
        turn_tile(k, probs + v * (size_t)k, count, p);
        backward_targets(k, t, labels + v, count, g, p);
        for (size_t i = 0; i < count; i++)
            for (int c = 0; c < k; c++)
                store1(dlogits, (v + i) * (size_t)k + (size_t)c, bf16, p[(size_t)c * TILE + i]);
    }
}

pleat_status pleat_onednn_loss_backward(pleat_engine *engine, const pleat_targets *targets,
                                        const void *probs, const uint8_t *labels, int n,
                                        size_t voxels, int classes,
                                        const pleat_loss_gradient *gradient, void *dlogits) {
    PLEAT_TRY(check_classes(classes));
    const int threads = engine->threads, bf16 = engine->act == PLEAT_BF16;
    const size_t values = voxels * (size_t)classes;
    for (int sample = 0; sample < n; sample++) {
        slopes g;
        slopes_of(&g, classes, sample, gradient);
        const float *p = (const float *)probs + (size_t)sample * values;
        char *d = (char *)dlogits + (size_t)sample * values * pleat_dtype_size(engine->act);
        const uint8_t *label = labels + (size_t)sample * voxels;
#pragma omp parallel for num_threads(threads)
        for (int t = 0; t < threads; t++) {
            const pleat_share s = pleat_share_of(voxels, TILE, t, threads);
            if (!is_plain(targets))
                targets_backward(classes, targets, bf16, p, label, &g, s, d);
            else if (bf16)
                WITH_CLASSES(classes, backward_share, 1, p, label, &g, s, d);
            else
                WITH_CLASSES(classes, backward_share, 0, p, label, &g, s, d);
        }
    }
    return PLEAT_OK;
}
