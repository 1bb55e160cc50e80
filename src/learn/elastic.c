/* elastic.c - a smooth random displacement on the patch's grid. */
#include "pleat/rng.h"
#include "pleat/spatial.h"
#include "pleat/volume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 64 }; /* lines smoothed together, one SIMD lane each */

void pleat_gaussian_taps(double sigma, int radius, float *taps) {
    double sum = 0.0;
    for (int j = -radius; j <= radius; j++) sum += exp(-0.5 * j * j / (sigma * sigma));
    for (int j = -radius; j <= radius; j++)
        taps[j + radius] = (float)(exp(-0.5 * j * j / (sigma * sigma)) / sum);
}

/* block[n + 2 radius, LINES], the ends zero: row k of the result is the weighted sum of rows
 * k .. k + 2 radius. */
static void smooth_row(const float *restrict block, const float *restrict taps, int n_taps,
                       float *restrict sum) {
    for (int l = 0; l < LINES; l++) sum[l] = 0.0f;
    for (int j = 0; j < n_taps; j++)
        for (int l = 0; l < LINES; l++) sum[l] += taps[j] * block[(size_t)j * LINES + (size_t)l];
}

/* Smooths `count` lines of n voxels: voxel k of line l is base[k * step + l * hop]. */
static void smooth_lines(float *base, size_t step, size_t hop, int count, int n, const float *taps,
                         int radius, float *block) {
    float *middle = block + (size_t)radius * LINES;
    for (int k = 0; k < n; k++)
        for (int l = 0; l < count; l++)
            middle[k * LINES + l] = base[(size_t)k * step + (size_t)l * hop];
    for (int k = 0; k < n; k++) {
        float sum[LINES];
        smooth_row(block + (size_t)k * LINES, taps, 2 * radius + 1, sum);
        for (int l = 0; l < count; l++) base[(size_t)k * step + (size_t)l * hop] = sum[l];
    }
}

static void smooth_axis(float *volume, const int dim[3], int axis, const float *taps, int radius,
                        float *block) {
    const size_t height = (size_t)dim[1], width = (size_t)dim[2];
    const size_t step = axis == 0 ? height * width : axis == 1 ? width : 1;
    /* Lines lie side by side in `across`, in groups that are `jump` apart. */
    const size_t across = axis == 0   ? height * width
                          : axis == 1 ? width
                                      : pleat_voxels(dim) / width;
    const size_t hop = axis == 2 ? width : 1;
    const size_t groups = axis == 1 ? (size_t)dim[0] : 1, jump = height * width;
    for (size_t g = 0; g < groups; g++)
        for (size_t first = 0; first < across; first += LINES) {
            const int count = across - first < LINES ? (int)(across - first) : LINES;
            smooth_lines(volume + g * jump + first * hop, step, hop, count, dim[axis], taps, radius,
                         block);
        }
}

pleat_status pleat_gaussian_smooth(float *volume, const int dim[3], double sigma) {
    const int radius = (int)(4.0 * sigma + 0.5);
    int longest = 0;
    for (int a = 0; a < 3; a++) longest = dim[a] > longest ? dim[a] : longest;
    const size_t rows = (size_t)longest + 2 * (size_t)radius;
    float *taps = malloc((2 * (size_t)radius + 1) * sizeof *taps);
    float *block = malloc(rows * LINES * sizeof *block);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(status, done, taps != NULL && block != NULL, PLEAT_ERR_MEMORY,
                     "no memory to smooth lines of %d voxels", longest);
    pleat_gaussian_taps(sigma, radius, taps);
    for (int a = 0; a < 3; a++) {
        memset(block, 0, rows * LINES * sizeof *block);
        smooth_axis(volume, dim, a, taps, radius, block);
    }
done:
    free(taps);
    free(block);
    return status;
}

pleat_status pleat_elastic_field(const pleat_sample *sample, int component, const int patch[3],
                                 float *field) {
    const float alpha = (float)sample->elastic_alpha;
    float *row = field;
    for (int d = 0; d < patch[0]; d++)
        for (int h = 0; h < patch[1]; h++, row += patch[2]) {
            const pleat_rng rng = pleat_rng_at(sample->noise_seed, PLEAT_STREAM_ELASTIC,
                                               (uint32_t)component, (uint32_t)d, (uint32_t)h);
            uint32_t word[4];
            for (int w = 0; w < patch[2]; w++) {
                if (w % 4 == 0) pleat_rng_block(&rng, (uint32_t)w / 4, word);
                row[w] = (float)(int32_t)(word[w % 4] >> 8) * 0x1p-23f - 1.0f;
            }
        }
    PLEAT_TRY(pleat_gaussian_smooth(field, patch, sample->elastic_sigma));
    for (size_t i = 0; i < pleat_voxels(patch); i++) field[i] *= alpha;
    return PLEAT_OK;
}
