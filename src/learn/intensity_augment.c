/* intensity_augment.c - a volume's histogram, and contrast, brightness and gamma by its help. */
#include "pleat/intensity_augment.h"

#include "pleat/lanes.h"

#include <math.h>

/* The lowest and the highest value have bins of their own (0 and BINS - 1): clipping piles voxels
 * up there, and gamma is steepest at the minimum. */
static int bin_of(float x, float low, float high, float per_unit) {
    if (x <= low) return 0;
    if (x >= high) return PLEAT_BINS - 1;
    const int bin = 1 + (int)((x - low) * per_unit);
    return bin < PLEAT_BINS - 2 ? bin : PLEAT_BINS - 2;
}

void pleat_histogram_make(const float *data, size_t n, pleat_histogram *out) {
    *out = (pleat_histogram){0};
    if (n == 0) return;
    float low = data[0], high = data[0];
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        low = data[i] < low ? data[i] : low;
        high = data[i] > high ? data[i] : high;
        sum += data[i];
    }
    const double mean = sum / (double)n;
    const float per_unit = high > low ? (PLEAT_BINS - 2) / (high - low) : 0.0f;
    double squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        const int bin = bin_of(data[i], low, high, per_unit);
        out->count[bin] += 1.0;
        out->value[bin] += data[i];
        squares += (data[i] - mean) * (data[i] - mean);
    }
    for (int b = 0; b < PLEAT_BINS; b++)
        if (out->count[b] > 0.0) out->value[b] /= out->count[b];
    out->min = low;
    out->max = high;
    out->mean = mean;
    out->std = sqrt(squares / (double)n);
}

static void contrast(const pleat_intensity_augment *tone, float *restrict row, int n) {
    const float factor = tone->factor, mean = tone->mean, low = tone->low, high = tone->high;
    for (int i = 0; i < n; i++) {
        float x = (row[i] - mean) * factor + mean;
        x = x < low ? low : x;
        row[i] = x > high ? high : x;
    }
}

static void brightness(const pleat_intensity_augment *tone, float *restrict row, int n) {
    const float multiplier = tone->multiplier;
    for (int i = 0; i < n; i++) row[i] *= multiplier;
}

static void power(const pleat_intensity_augment *tone, float *restrict row, int n) {
    const float base = tone->base, range = tone->range, exponent = tone->exponent;
    const float inverse = 1.0f / range;
    for (int i = 0; i < n; i++) {
        const float t = (row[i] - base) * inverse;
        const float p = lane_exp2(exponent * lane_log2(t));
        row[i] = (t > 0.0f ? p : 0.0f) * range + base;
    }
}

static void restore_statistics(const pleat_intensity_augment *tone, float *restrict row, int n) {
    const float shift = tone->shift, gain = tone->gain;
    for (int i = 0; i < n; i++) row[i] = (row[i] + shift) * gain;
}

static void moments(const double *count, const float *value, double *mean, double *std) {
    double n = 0.0, sum = 0.0, squares = 0.0;
    for (int b = 0; b < PLEAT_BINS; b++) {
        n += count[b];
        sum += count[b] * value[b];
    }
    *mean = sum / n;
    for (int b = 0; b < PLEAT_BINS; b++)
        squares += count[b] * (value[b] - *mean) * (value[b] - *mean);
    *std = sqrt(squares / n);
}

pleat_status pleat_intensity_augment_check(const pleat_sample *sample, const pleat_source *source,
                                           pleat_pad pad) {
    int needed = pad == PLEAT_PAD_BACKGROUND;
    for (int c = 0; c < source->channels && sample->like == PLEAT_AUGMENT_ORIGINAL; c++)
        needed |= sample->contrast[c] != 0.0 || sample->gamma[c] != 0.0;
    PLEAT_CHECK(source->histogram != NULL || !needed, PLEAT_ERR_ARG,
                "contrast, gamma and background padding need a histogram");
    return PLEAT_OK;
}

pleat_intensity_augment pleat_intensity_augment_make(const pleat_sample *sample, int channel,
                                                     const pleat_histogram *histogram) {
    static const pleat_histogram none; /* brightness and plain crops need no statistics */
    if (histogram == NULL) histogram = &none;
    pleat_intensity_augment tone = {
        .contrast = sample->contrast[channel] != 0.0,
        .brightness = sample->brightness[channel] != 0.0,
        .factor = (float)sample->contrast[channel],
        .mean = (float)histogram->mean,
        .low = (float)histogram->min,
        .high = (float)histogram->max,
        .multiplier = (float)sample->brightness[channel],
        .exponent = (float)sample->gamma[channel],
    };
    float end[2] = {tone.low, tone.high};
    pleat_intensity_augment_apply(&tone, end, 2);
    tone.darkest = end[0];
    if (sample->gamma[channel] == 0.0) return tone;

    float value[PLEAT_BINS];
    for (int b = 0; b < PLEAT_BINS; b++) value[b] = (float)histogram->value[b];
    pleat_intensity_augment_apply(&tone, value, PLEAT_BINS);
    double mean_before, std_before, mean_after, std_after;
    moments(histogram->count, value, &mean_before, &std_before);
    tone.base = end[0];
    tone.range = end[1] - end[0] + 1e-7f;
    power(&tone, value, PLEAT_BINS);
    moments(histogram->count, value, &mean_after, &std_after);
    tone.shift = (float)(mean_before - mean_after);
    tone.gain = (float)(std_before / (std_after + 1e-8));
    tone.gamma = 1;
    tone.darkest = (tone.base + tone.shift) * tone.gain;
    return tone;
}

void pleat_intensity_augment_apply(const pleat_intensity_augment *tone, float *row, int n) {
    if (tone->contrast) contrast(tone, row, n);
    if (tone->brightness) brightness(tone, row, n);
    if (tone->gamma) {
        power(tone, row, n);
        restore_statistics(tone, row, n);
    }
}
