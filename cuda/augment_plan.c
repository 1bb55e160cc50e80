/* augment_plan.c - a sample as the GPU's kernels take it. */
#include "augment_plan.h"

#include "pleat/rng.h"
#include "pleat/spatial.h"

#include <string.h>

/* The CPU filters by a recursion along the line, which a GPU's threads cannot share. The same
 * filter is the convolution with sqrt(3) pole^|k|, pole = sqrt(3) - 2 (Unser 1999, box 2): cut
 * where it is below 1e-9. */
enum { SPLINE_RADIUS = 16 };

void pleat_gpu_spline_taps(line_taps *out) {
    memset(out, 0, sizeof *out);
    out->radius = SPLINE_RADIUS;
    out->mirrored = 1;
    double power = sqrt(3.0);
    for (int k = 0; k <= SPLINE_RADIUS; k++) {
        out->tap[RUN - 1 + SPLINE_RADIUS + k] = out->tap[RUN - 1 + SPLINE_RADIUS - k] =
            (float)power;
        power *= sqrt(3.0) - 2.0;
    }
}

static pleat_status plan_field(const pleat_sample *sample, augment_plan *plan) {
    const int radius = (int)(4.0 * sample->elastic_sigma + 0.5); /* of pleat_gaussian_smooth */
    PLEAT_CHECK(radius <= RADIUS_MOST, PLEAT_ERR_UNSUPPORTED,
                "augment.elastic.sigma %g: the GPU deforms with at most %d voxels",
                sample->elastic_sigma, RADIUS_MOST / 4);
    plan->elastic = 1;
    plan->alpha = (float)sample->elastic_alpha;
    const pleat_rng rng = pleat_rng_at(sample->noise_seed, PLEAT_STREAM_ELASTIC, 0, 0, 0);
    memcpy(plan->field_key, rng.key, sizeof plan->field_key);
    plan->gaussian.radius = radius;
    pleat_gaussian_taps(sample->elastic_sigma, radius, plan->gaussian.tap + RUN - 1);
    return PLEAT_OK;
}

void pleat_gpu_augment_channel(const pleat_sample *sample, const pleat_source *source, int channel,
                               pleat_pad pad, voxel_source *out) {
    const pleat_histogram *histogram = source->histogram ? source->histogram + channel : NULL;
    out->channel = channel;
    out->tone = pleat_intensity_augment_make(sample, channel, histogram);
    pleat_pad_values(pad, out->tone.darkest, &out->pad_value, &out->pad_label);
}

pleat_status pleat_gpu_augment_plan(const pleat_sample *sample, const pleat_source *source,
                                    const int patch[3], pleat_pad pad, augment_plan *out) {
    PLEAT_TRY(pleat_intensity_augment_check(sample, source, pad));
    augment_plan plan;
    memset(&plan, 0, sizeof plan);
    plan.voxels.pitch = source->channels;
    plan.voxels.sigma = (float)sample->noise;
    const pleat_rng noise = pleat_rng_at(sample->noise_seed, PLEAT_STREAM_NOISE, 0, 0, 0);
    memcpy(plan.voxels.key, noise.key, sizeof plan.voxels.key);
    for (int a = 0; a < 3; a++) {
        plan.voxels.dim[a] = plan.deformation.dim[a] = source->dim[a];
        plan.voxels.mirror[a] = sample->mirror[a];
        plan.start[a] = sample->start[a];
        plan.deformation.patch[a] = patch[a];
        plan.deformation.centre[a] = sample->centre[a];
        plan.deformation.middle[a] = 0.5 * (patch[a] - 1);
    }
    plan.deforms = pleat_spatial_is_on(sample);
    pleat_spatial_matrix(sample, plan.deformation.matrix);
    if (sample->elastic_alpha != 0.0) PLEAT_TRY(plan_field(sample, &plan));
    *out = plan;
    return PLEAT_OK;
}
