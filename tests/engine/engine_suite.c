/* engine_suite.c - host arrays, engine memory and judgement of the conformance suite. */
#include "engine_suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GARBAGE (-77.0) /* exact in every type; unlike any result */

/* ---- numbers ---- */

static uint16_t bf16_of(double value) { /* round to nearest even; finite values only */
    const float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static double bf16_value(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static void to_type(pleat_dtype type, const double *from, size_t n, void *to) {
    for (size_t i = 0; i < n; i++) {
        const double value = from != NULL ? from[i] : GARBAGE;
        if (type == PLEAT_F64) ((double *)to)[i] = value;
        if (type == PLEAT_F32) ((float *)to)[i] = (float)value;
        if (type == PLEAT_BF16) ((uint16_t *)to)[i] = bf16_of(value);
    }
}

static void from_type(pleat_dtype type, const void *from, size_t n, double *to) {
    for (size_t i = 0; i < n; i++) {
        if (type == PLEAT_F64) to[i] = ((const double *)from)[i];
        if (type == PLEAT_F32) to[i] = ((const float *)from)[i];
        if (type == PLEAT_BF16) to[i] = bf16_value(((const uint16_t *)from)[i]);
    }
}

/* ---- bench ---- */

double *take(bench *b, size_t n) {
    assert_true(b->array_count < MOST_ARRAYS);
    double *array = calloc(n > 0 ? n : 1, sizeof *array);
    assert_non_null(array);
    b->arrays[b->array_count++] = array;
    return array;
}

static double next(bench *b) { /* splitmix64 (Steele et al. 2014), as a double in [0,1) */
    uint64_t z = b->seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

double *draw_range(bench *b, size_t n, double low, double high) {
    double *array = take(b, n);
    for (size_t i = 0; i < n; i++) {
        const double value = low + (high - low) * next(b);
        array[i] = b->engine->act == PLEAT_BF16 ? bf16_value(bf16_of(value)) : (float)value;
    }
    return array;
}

double *draw(bench *b, size_t n) { return draw_range(b, n, -1, 1); }

uint32_t draw_below(bench *b, uint32_t n) { return (uint32_t)(next(b) * n); }

void bench_clear(bench *b) {
    while (b->array_count > 0) free(b->arrays[--b->array_count]);
}

static double squared_error(const double *got, const double *want, size_t n) {
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        error += (got[i] - want[i]) * (got[i] - want[i]);
        size += want[i] * want[i];
    }
    return error == 0 ? 0 : error / fmax(size, 1e-12 * (double)n); /* NaN stays NaN */
}

static score *score_of(bench *b, const char *what) {
    for (int i = 0; i < b->score_count; i++)
        if (strcmp(b->scores[i].what, what) == 0) return &b->scores[i];
    assert_true(b->score_count < MOST_SCORES);
    b->scores[b->score_count] = (score){.what = what, .worst = -1};
    return &b->scores[b->score_count++];
}

static void judge_within(bench *b, double limit, const char *what, const char *where,
                         const double *got, const double *want, size_t n) {
    const double error = squared_error(got, want, n);
    score *s = score_of(b, what);
    if (error > s->worst) {
        s->worst = error;
        (void)snprintf(s->where, sizeof s->where, "%s", where);
    }
    if (error <= limit) return;
    size_t first = 0;
    while (first + 1 < n && !(fabs(got[first] - want[first]) > 0.1 * fabs(want[first]))) first++;
    fail_msg("%s, %s of %s: error %.3g is above %.3g; element %zu of %zu is %.9g, not %.9g",
             b->engine->ops->name, what, where, error, limit, first, n, got[first], want[first]);
}

void judge(bench *b, const char *what, const char *where, const double *got, const double *want,
           size_t n) {
    judge_within(b, b->limit, what, where, got, want, n);
}

void judge_exactly(bench *b, const char *what, const char *where, const double *got,
                   const double *want, size_t n) {
    judge_within(b, 0, what, where, got, want, n);
}

void bench_report(bench *b, const char *operation) {
    for (int i = 0; i < b->score_count && b->verbose; i++)
        print_message("  %-6s %-4s %-8s %-16s worst %8.2e at %s\n", b->engine->ops->name,
                      pleat_precision_name(b->engine->precision), operation, b->scores[i].what,
                      b->scores[i].worst, b->scores[i].where);
    b->score_count = 0;
}

/* ---- memory ---- */

static void *new_block(memory *m, size_t bytes) {
    assert_true(m->count < MOST_BLOCKS);
    void *data = NULL;
    OK(m->engine->ops->alloc(m->engine, bytes, &data));
    m->blocks[m->count++] = data;
    return data;
}

void memory_write(memory *m, pleat_dtype type, void *data, const double *host, size_t n) {
    const size_t bytes = n * pleat_dtype_size(type);
    void *copy = malloc(bytes);
    assert_non_null(copy);
    to_type(type, host, n, copy);
    OK(m->engine->ops->upload(m->engine, data, copy, bytes));
    OK(m->engine->ops->synchronize(m->engine)); /* before the copy goes */
    free(copy);
}

void *memory_put(memory *m, pleat_dtype type, const double *host, size_t n) {
    void *data = new_block(m, n * pleat_dtype_size(type));
    memory_write(m, type, data, host, n);
    return data;
}

void memory_read(memory *m, pleat_dtype type, const void *data, double *host, size_t n) {
    const size_t bytes = n * pleat_dtype_size(type);
    void *copy = malloc(bytes);
    assert_non_null(copy);
    OK(m->engine->ops->download(m->engine, copy, data, bytes));
    from_type(type, copy, n, host);
    free(copy);
}

void *memory_put_bytes(memory *m, const uint8_t *host, size_t n) {
    void *data = new_block(m, n);
    if (host == NULL) return data;
    OK(m->engine->ops->upload(m->engine, data, host, n));
    OK(m->engine->ops->synchronize(m->engine));
    return data;
}

void memory_read_bytes(memory *m, const void *data, double *host, size_t n) {
    uint8_t *copy = malloc(n);
    assert_non_null(copy);
    OK(m->engine->ops->download(m->engine, copy, data, n));
    for (size_t i = 0; i < n; i++) host[i] = copy[i];
    free(copy);
}

pleat_tensor memory_tensor(memory *m, pleat_dtype type, const double *host, shape s, slice cut) {
    const int pitch = cut.before + s.c + cut.after;
    const size_t voxels = shape_size(s) / (size_t)s.c;
    double *wide = malloc(voxels * (size_t)pitch * sizeof *wide);
    assert_non_null(wide);
    for (size_t i = 0; i < voxels * (size_t)pitch; i++) {
        const int c = (int)(i % (size_t)pitch) - cut.before;
        const int is_inside = host != NULL && c >= 0 && c < s.c;
        wide[i] = is_inside ? host[i / (size_t)pitch * (size_t)s.c + (size_t)c] : GARBAGE;
    }
    char *base = memory_put(m, type, wide, voxels * (size_t)pitch);
    free(wide);
    return (pleat_tensor){.data = base + (size_t)cut.before * pleat_dtype_size(type),
                          .n = s.n,
                          .d = s.d,
                          .h = s.h,
                          .w = s.w,
                          .c = s.c,
                          .pitch = pitch};
}

void memory_read_tensor(memory *m, pleat_dtype type, const pleat_tensor *t, slice cut,
                        double *host) {
    const size_t pitch = (size_t)t->pitch, count = pleat_tensor_voxels(t) * pitch;
    const char *base = (const char *)t->data - (size_t)cut.before * pleat_dtype_size(type);
    double *wide = malloc(count * sizeof *wide);
    assert_non_null(wide);
    memory_read(m, type, base, wide, count);
    for (size_t i = 0; i < count; i++) {
        const int c = (int)(i % pitch) - cut.before;
        if (c >= 0 && c < t->c)
            host[i / pitch * (size_t)t->c + (size_t)c] = wide[i];
        else if (wide[i] != GARBAGE)
            fail_msg("%s wrote outside its slice: channel %d of 0..%d", m->engine->ops->name, c,
                     t->c - 1);
    }
    free(wide);
}

void memory_clear(memory *m) {
    while (m->count > 0) m->engine->ops->free(m->engine, m->blocks[--m->count]);
}
