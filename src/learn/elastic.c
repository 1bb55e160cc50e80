/* elastic.c - a smooth random displacement on the patch's grid.
 *
 * Smoothing is most of the work of an elastic sample: 3 fields, 3 axes, up to 2 radius + 1 = 105
 * products a voxel. Tiles of LINES lines lie side by side, one SIMD lane each, and ROWS results
 * of a line are summed together, so that a value loaded is used ROWS times.
 */
#include "pleat/lanes.h"
#include "pleat/spatial.h"
#include "pleat/volume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 32, ROWS = 4 };

void pleat_gaussian_taps(double sigma, int radius, float *taps) {
    double sum = 0.0;
    for (int j = -radius; j <= radius; j++) sum += exp(-0.5 * j * j / (sigma * sigma));
    for (int j = -radius; j <= radius; j++)
        taps[radius + j] = (float)(exp(-0.5 * j * j / (sigma * sigma)) / sum);
}

typedef struct gauss {
    int radius;
    float *taps; /* [ROWS - 1 zeros, 2 radius + 1, ROWS - 1 zeros], sum 1 */
    float *tile; /* [longest axis, LINES] */
} gauss;

static pleat_status make_gauss(double sigma, const int dim[3], gauss *out) {
    int longest = 0;
    for (int a = 0; a < 3; a++) longest = dim[a] > longest ? dim[a] : longest;
    const int radius = (int)(4.0 * sigma + 0.5);
    out->radius = radius;
    out->taps = calloc(2 * (size_t)radius + 2 * (size_t)ROWS - 1, sizeof *out->taps);
    out->tile = aligned_alloc(64, (size_t)longest * LINES * sizeof *out->tile); /* cache lines */
    PLEAT_CHECK(out->taps != NULL && out->tile != NULL, PLEAT_ERR_MEMORY,
                "no memory to smooth lines of %d voxels", longest);
    memset(out->tile, 0, (size_t)longest * LINES * sizeof *out->tile);
    pleat_gaussian_taps(sigma, radius, out->taps + ROWS - 1);
    return PLEAT_OK;
}

/* Results k .. k + ROWS - 1 of the tile's lines of n samples, zeros outside. */
static void smooth_rows(const gauss *g, int n, int k, float *restrict sums) {
    const int from = k > g->radius ? k - g->radius : 0;
    const int to = k + ROWS + g->radius < n ? k + ROWS + g->radius : n;
    const float *tap = g->taps + ROWS - 1 + g->radius + from - k;
    const float *row = g->tile + (size_t)from * LINES;
    lane16 sum[ROWS][2] = {{{0}}};
    for (int i = from; i < to; i++, tap++, row += LINES) {
        const lane16 x = *(const lane16 *)row, y = *(const lane16 *)(row + 16);
#pragma GCC unroll 4
        for (int r = 0; r < ROWS; r++) {
            sum[r][0] += tap[-r] * x;
            sum[r][1] += tap[-r] * y;
        }
    }
    for (int r = 0; r < ROWS; r++) {
        *(lane16 *)(sums + (ptrdiff_t)r * LINES) = sum[r][0];
        *(lane16 *)(sums + (ptrdiff_t)r * LINES + 16) = sum[r][1];
    }
}

/* Smooths `count` lines of n voxels: voxel k of line l is base[k * step + l * hop]. */
static void smooth_lines(const gauss *g, float *base, size_t step, size_t hop, int count, int n) {
    for (int k = 0; k < n; k++)
        for (int l = 0; l < count; l++)
            g->tile[k * LINES + l] = base[(size_t)k * step + (size_t)l * hop];
    for (int k = 0; k < n; k += ROWS) {
        float sums[ROWS * LINES];
        smooth_rows(g, n, k, sums);
        for (int r = 0; r < ROWS && k + r < n; r++)
            for (int l = 0; l < count; l++)
                base[(size_t)(k + r) * step + (size_t)l * hop] = sums[r * LINES + l];
    }
}

static void smooth_axis(const gauss *g, float *volume, const int dim[3], int axis) {
    const size_t height = (size_t)dim[1], width = (size_t)dim[2];
    const size_t step = axis == 0 ? height * width : axis == 1 ? width : 1;
    /* Lines lie side by side in `across`, in groups that are `jump` apart. */
    const size_t across = axis == 0   ? height * width
                          : axis == 1 ? width
                                      : pleat_voxels(dim) / width;
    const size_t hop = axis == 2 ? width : 1;
    const size_t groups = axis == 1 ? (size_t)dim[0] : 1, jump = height * width;
    for (size_t at = 0; at < groups; at++)
        for (size_t first = 0; first < across; first += LINES) {
            const int count = across - first < LINES ? (int)(across - first) : LINES;
            float *base = volume + at * jump + first * hop;
            if (axis == 2) /* the compiler wants to know what is contiguous */
                smooth_lines(g, base, 1, hop, count, dim[axis]);
            else
                smooth_lines(g, base, step, 1, count, dim[axis]);
        }
}

pleat_status pleat_gaussian_smooth(float *volume, const int dim[3], double sigma) {
    gauss g = {0};
    const pleat_status status = make_gauss(sigma, dim, &g);
    for (int a = 0; a < 3 && status == PLEAT_OK; a++) smooth_axis(&g, volume, dim, a);
    free(g.taps);
    free(g.tile);
    return status;
}

/* Uniform numbers in [-scale, scale) for the n voxels of a row: 24 bits of a word each. */
static void draw_row(const pleat_rng *rng, float scale, int n, float *row) {
    uint32_t word[4][LANE_BLOCKS];
    float line[4 * LANE_BLOCKS];
    for (int at = 0; at < n; at += 4 * LANE_BLOCKS) {
        lane_philox(rng, (uint32_t)at / 4, word);
        for (int i = 0; i < LANE_BLOCKS; i++)
            for (int j = 0; j < 4; j++)
                line[4 * i + j] = ((float)(int32_t)(word[j][i] >> 8) * 0x1p-23f - 1.0f) * scale;
        const int count = n - at < 4 * LANE_BLOCKS ? n - at : 4 * LANE_BLOCKS;
        memcpy(row + at, line, (size_t)count * sizeof *row);
    }
}

pleat_status pleat_elastic_field(const pleat_sample *sample, int component, const int patch[3],
                                 float *field) {
    const float alpha = (float)sample->elastic_alpha;
    float *row = field;
    for (int d = 0; d < patch[0]; d++)
        for (int h = 0; h < patch[1]; h++, row += patch[2]) {
            const pleat_rng rng = pleat_rng_at(sample->noise_seed, PLEAT_STREAM_ELASTIC,
                                               (uint32_t)component, (uint32_t)d, (uint32_t)h);
            draw_row(&rng, alpha, patch[2], row);
        }
    return pleat_gaussian_smooth(field, patch, sample->elastic_sigma);
}
