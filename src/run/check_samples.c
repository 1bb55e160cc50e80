/*
 * check_samples.c - whether two images have voxels in common, as where one was cropped or padded.
 *
 * Of runs of 12 voxels along x a hash; the least CHECK_SAMPLES of them are kept. A run that is
 * in two volumes is among the least of the one where it is among those of the other and that has no
 * more runs, so of a part of a volume all samples that lie in it are found again, wherever it was
 * cut. Runs of few values, as in air, are left out.
 */
#include "check_impl.h"

#include <string.h>

enum { RUN = 12, LEAST_VALUES = 8 };
static const uint32_t ONE_OF = 7; /* of 8 runs, by their first two voxels, is looked at */

static uint64_t mix(uint64_t h) { /* MurmurHash3's, by A. Appleby */
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static uint64_t hash_run(const float *x) {
    uint64_t h = 0;
    for (int i = 0; i < RUN; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        h = (h ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return mix(h);
}

static int count_values(const float *x) {
    int values = 0;
    for (int i = 0; i < RUN; i++) {
        int first = 1;
        for (int k = 0; k < i && first; k++) first = x[k] < x[i] || x[k] > x[i];
        values += first;
    }
    return values;
}

static int is_looked_at(const float *x) {
    uint32_t bits[2];
    memcpy(bits, x, sizeof bits);
    return ((bits[0] * UINT32_C(2654435761) ^ bits[1] * UINT32_C(2246822519)) >> 16 & ONE_OF) == 0;
}

/* Into the ascending sample[*n]. */
static void insert(uint64_t *sample, int *n, uint64_t h) {
    int at = *n;
    while (at > 0 && sample[at - 1] >= h) at--;
    if (at < *n && sample[at] == h) return;
    const int move = *n < CHECK_SAMPLES ? *n - at : CHECK_SAMPLES - 1 - at;
    memmove(sample + at + 1, sample + at, (size_t)move * sizeof *sample);
    sample[at] = h;
    *n += *n < CHECK_SAMPLES;
}

void check_sample(const float *x, const int dim[3], check_facts *f) {
    f->samples = 0;
    for (int64_t row = 0; row < (int64_t)dim[0] * dim[1]; row++, x += dim[2])
        for (int k = 0; k + RUN <= dim[2]; k++) {
            if (!is_looked_at(x + k)) continue;
            const uint64_t h = hash_run(x + k);
            if (f->samples == CHECK_SAMPLES && h >= f->sample[CHECK_SAMPLES - 1]) continue;
            if (count_values(x + k) >= LEAST_VALUES) insert(f->sample, &f->samples, h);
        }
}

int check_in_common(const check_facts *a, const check_facts *b) {
    int i = 0, k = 0, n = 0;
    while (a->measured && b->measured && i < a->samples && k < b->samples) {
        const uint64_t x = a->sample[i], y = b->sample[k];
        n += x == y;
        i += x <= y;
        k += y <= x;
    }
    return n;
}
