/* noise.c - a normal deviate for every voxel: Philox4x32-10 and Box-Muller, sixteen at a time.
 *
 * Philox block (d, h, c, w / 4) of the seed's noise stream gives the four voxels 4 [w / 4] .. + 3
 * of row (d, h) of channel c: two of Box and Muller's pairs, each from two words.
 */
#include "pleat/lanes.h"

#include <math.h>

enum { BLOCKS = LANE_BLOCKS, VOXELS = 4 * BLOCKS };

/* Words a, b -> two deviates. 24 bits each, a's centred so that the logarithm is finite. */
static void box_muller(const uint32_t *restrict a, const uint32_t *restrict b, float *restrict x,
                       float *restrict y) {
    for (int i = 0; i < BLOCKS; i++) {
        const float u = ((float)(int32_t)(a[i] >> 9) + 0.5f) * 0x1p-23f;
        const float radius = sqrtf(-1.38629436f * lane_log2(u)); /* -2 ln u = -2 ln 2 log2 u */
        float s, c;
        lane_sincos((float)(int32_t)(b[i] >> 8) * 0x1p-24f, &s, &c);
        x[i] = radius * c;
        y[i] = radius * s;
    }
}

void pleat_noise_add(const pleat_noise_row *of, int w, int n, float sigma, float *row) {
    const pleat_rng rng = pleat_rng_at(of->seed, PLEAT_STREAM_NOISE, (uint32_t)of->d,
                                       (uint32_t)of->h, (uint32_t)of->channel);
    const int end = w + n;
    for (int at = w / 4 * 4; at < end; at += VOXELS) {
        uint32_t word[4][BLOCKS];
        float deviate[4][BLOCKS], line[VOXELS];
        lane_philox(&rng, (uint32_t)(at / 4), word);
        box_muller(word[0], word[1], deviate[0], deviate[1]);
        box_muller(word[2], word[3], deviate[2], deviate[3]);
        for (int i = 0; i < VOXELS; i++) line[i] = deviate[i % 4][i / 4];
        const int from = at > w ? at : w, to = at + VOXELS < end ? at + VOXELS : end;
        for (int i = from; i < to; i++) row[i - w] += sigma * line[i - at];
    }
}
