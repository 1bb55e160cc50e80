/* store_foreground.c - which voxels of a mask are listed, for patches around the foreground.
 *
 * A mask may have millions of foreground voxels. Of each class a uniform choice is kept by
 * reservoir sampling (Vitter, ACM TOMS 1985, algorithm R): voxel k >= N replaces one of the N with
 * probability N / (k + 1). One pass over the mask.
 */
#include "pleat/rng.h"
#include "pleat/store.h"
#include "pleat/volume.h"

#include <stdlib.h>
#include <string.h>

enum { LABELS = 256, MOST = PLEAT_FOREGROUND_VOXELS };

typedef struct reservoir {
    pleat_rng rng;
    uint32_t seen;
    int32_t row[MOST][4]; /* label, D, H, W */
} reservoir;

static void offer(reservoir *r, int label, int d, int h, int w) {
    uint32_t place = r->seen;
    if (r->seen == 0) r->rng = pleat_rng_at(0, PLEAT_STREAM_FOREGROUND, (uint32_t)label, 0, 0);
    if (r->seen >= MOST) place = pleat_rng_below(&r->rng, r->seen, r->seen + 1);
    if (place < MOST) {
        const int32_t row[4] = {label, d, h, w};
        memcpy(r->row[place], row, sizeof row);
    }
    r->seen++;
}

static pleat_status take(int list, int d, int h, int w, reservoir **of) {
    if (of[list] == NULL) of[list] = calloc(1, sizeof *of[list]);
    /* The caller frees them all. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    PLEAT_CHECK(of[list] != NULL, PLEAT_ERR_MEMORY, "no memory for a list of voxels");
    offer(of[list], list, d, h, w);
    return PLEAT_OK;
}

static pleat_status fill(const int dim[3], const uint8_t *label, int ignored, reservoir **of) {
    for (int d = 0; d < dim[0]; d++)
        for (int h = 0; h < dim[1]; h++)
            for (int w = 0; w < dim[2]; w++) {
                const int c = *label++;
                if (c == PLEAT_IGNORED) continue;
                if (c != 0) PLEAT_TRY(take(c, d, h, w, of));
                if (ignored) PLEAT_TRY(take(PLEAT_ANNOTATED, d, h, w, of));
            }
    return PLEAT_OK;
}

static int kept(const reservoir *r) { return r == NULL ? 0 : r->seen < MOST ? (int)r->seen : MOST; }

pleat_status pleat_foreground_list(const int dim[3], const uint8_t *label, int ignored,
                                   int32_t (**out)[4], int *n) {
    reservoir *of[LABELS] = {NULL};
    int total = 0;
    *out = NULL;
    *n = 0;
    pleat_status status = fill(dim, label, ignored, of);
    for (int c = 0; c < LABELS; c++) total += kept(of[c]);
    if (status == PLEAT_OK && total > 0) {
        int32_t(*rows)[4] = malloc((size_t)total * sizeof *rows);
        PLEAT_CHECK_GOTO(status, done, rows != NULL, PLEAT_ERR_MEMORY,
                         "no memory for a list of %d voxels", total);
        int at = 0;
        for (int c = 0; c < LABELS; c++) {
            if (of[c] == NULL) continue;
            memcpy(rows[at], of[c]->row, (size_t)kept(of[c]) * sizeof *rows);
            at += kept(of[c]);
        }
        *out = rows;
        *n = total;
    }
done:
    for (int c = 0; c < LABELS; c++) free(of[c]);
    return status;
}
