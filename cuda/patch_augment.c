/* patch_augment.c - nnU-Net's augmentation on the GPU: the kernels in their order. */
#include "patch_augment.h"

#include "augment_kernels.h"
#include "check.h"

#include "pleat/patch_augment.h"
#include "pleat/rng.h"
#include "pleat/spatial.h"
#include "pleat/volume.h"

#include <string.h>

static pleat_status add_noise(const pleat_sample *s, int channel, const int patch[3],
                              const patch_work *w, float *plane) {
    const pleat_rng rng = pleat_rng_at(s->noise_seed, PLEAT_STREAM_NOISE, 0, 0, 0);
    CUDA_TRY(pleat_gpu_patch_noise(rng.key, channel, patch, (float)s->noise, plane, w->stream));
    return PLEAT_OK;
}

/* From one plane to the other, along each axis; the result is in *plane. */
static pleat_status blur(const double sigma[3], const int patch[3], const patch_work *w,
                         int *plane) {
    for (int a = 0; a < 3; a++, *plane = 1 - *plane) {
        line_taps taps;
        memset(&taps, 0, sizeof taps);
        taps.radius = pleat_blur_radius(sigma[a]);
        taps.mirrored = 1;
        pleat_gaussian_taps(sigma[a], taps.radius, taps.tap + RUN - 1);
        CUDA_TRY(pleat_gpu_filter(w->plane[*plane], patch, a, 1, &taps, w->plane[1 - *plane],
                                  w->stream));
    }
    return PLEAT_OK;
}

static pleat_status contrast(float factor, size_t n, const patch_work *w, float *plane) {
    CUDA_TRY(pleat_gpu_patch_statistics(plane, n, w->parts, w->of, w->stream));
    CUDA_TRY(pleat_gpu_patch_contrast(w->of, factor, n, plane, w->stream));
    return PLEAT_OK;
}

static pleat_status power(float sign, float exponent, size_t n, const patch_work *w, float *plane) {
    CUDA_TRY(pleat_gpu_patch_statistics(plane, n, w->parts, w->of, w->stream));
    CUDA_TRY(pleat_gpu_patch_power(w->of, sign, exponent, n, plane, w->stream));
    CUDA_TRY(pleat_gpu_patch_statistics(plane, n, w->parts, w->of + 1, w->stream));
    CUDA_TRY(pleat_gpu_patch_restore(w->of, w->of + 1, sign, n, plane, w->stream));
    return PLEAT_OK;
}

static pleat_status coarsen(const pleat_sample *s, double share, const int patch[3],
                            const patch_work *w, int *plane) {
    int left[3];
    pleat_patch_left(s, share, patch, left);
    CUDA_TRY(
        pleat_gpu_patch_coarsen(w->plane[*plane], patch, left, w->plane[1 - *plane], w->stream));
    *plane = 1 - *plane;
    return PLEAT_OK;
}

/* Channel c, in plane 0 of the work; the result is in *plane. The order is pleat_patch_make's. */
static pleat_status change(const pleat_sample *s, int c, const int patch[3], const patch_work *w,
                           int *plane) {
    const size_t n = pleat_voxels(patch);
    *plane = 0;
    if (s->noise > 0.0) PLEAT_TRY(add_noise(s, c, patch, w, w->plane[*plane]));
    if (s->blur[c][0] > 0.0) PLEAT_TRY(blur(s->blur[c], patch, w, plane));
    if (s->brightness[c] > 0.0)
        CUDA_TRY(pleat_gpu_patch_multiply((float)s->brightness[c], n, w->plane[*plane], w->stream));
    if (s->contrast[c] > 0.0) PLEAT_TRY(contrast((float)s->contrast[c], n, w, w->plane[*plane]));
    if (s->coarsen[c] > 0.0) PLEAT_TRY(coarsen(s, s->coarsen[c], patch, w, plane));
    if (s->inverted[c] > 0.0)
        PLEAT_TRY(power(-1.0f, (float)s->inverted[c], n, w, w->plane[*plane]));
    if (s->gamma[c] > 0.0) PLEAT_TRY(power(1.0f, (float)s->gamma[c], n, w, w->plane[*plane]));
    return PLEAT_OK;
}

pleat_status pleat_cuda_patch(const pleat_sample *sample, const pleat_source *source,
                              const int patch[3], pleat_pad pad, const patch_work *work,
                              float *image, uint8_t *label) {
    for (int c = 0; c < source->channels; c++) {
        patch_view view;
        int plane = 0;
        pleat_patch_view(sample, source, c, patch, pad, &view);
        pleat_patch_whole(source, c, &view);
        CUDA_TRY(pleat_gpu_patch_take(&view, work->plane[0], c == 0 ? label : NULL, work->stream));
        PLEAT_TRY(change(sample, c, patch, work, &plane));
        CUDA_TRY(pleat_gpu_patch_place(work->plane[plane], patch, sample->mirror, source->channels,
                                       image + c, work->stream));
    }
    return PLEAT_OK;
}
