/* augment.c - patches made on the GPU: cases in its memory, and the kernels in their order.
 *
 *   plain     fill                                           1 kernel a channel
 *   deformed  [draw, 3 filters, finish], box                  1 or 6, and
 *             fill, 3 filters, deform                         5 a channel
 *   nnU-Net's patch_augment.c
 *
 * How large a box a deformed patch needs is known on the GPU only, when the field is drawn. It
 * stays there, so that the host never waits: the scratch memory is that of the largest case.
 */
#include "augment_kernels.h"
#include "engine_impl.h"
#include "patch_augment.h"

#include "pleat/volume.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct pleat_device_case {
    int dim[3], channels, device;
    float *image;               /* GPU, [C, dim] */
    uint8_t *label;             /* GPU, [dim] or NULL */
    pleat_histogram *histogram; /* [C], or NULL */
};

struct pleat_device_augment {
    int patch[3], channels, device;
    size_t voxels;   /* of the largest case */
    pleat_dtype act; /* the engine's activations */
    cudaStream_t stream;
    line_taps spline;
    /* GPU: */
    float *field;   /* [3, patch] */
    float *work[2]; /* [max(voxels, 3 patch)] each; filters go from one to the other */
    deformed_box *box;
    patch_sums *parts;    /* [PATCH_PARTS] */
    patch_statistics *of; /* [2] */
    float *image;         /* [patch, C], on its way to where it is asked for */
    uint8_t *label;       /* [patch], the same */
};

/* --- cases ------------------------------------------------------------------------------------ */

static size_t case_bytes(const int dim[3], int channels, int with_label) {
    return pleat_voxels(dim) * ((size_t)channels * sizeof(float) + (with_label ? 1 : 0));
}

static void case_destroy(pleat_device_case *source) {
    if (source == NULL) return;
    (void)cudaSetDevice(source->device);
    (void)cudaFree(source->image);
    (void)cudaFree(source->label);
    free(source->histogram);
    free(source);
}

/* A case that has to be read goes over in slabs of whole planes. */
static pleat_status copy_slabs(const pleat_source *from, pleat_device_case *to) {
    const size_t plane = (size_t)from->dim[1] * (size_t)from->dim[2];
    const size_t slab = (size_t)1 << 24; /* voxels; 64 MiB of image */
    const int depth = plane < slab ? (int)(slab / plane) : 1;
    pleat_status status = PLEAT_OK;
    float *image = malloc(plane * (size_t)depth * sizeof *image);
    uint8_t *label = to->label != NULL ? malloc(plane * (size_t)depth) : NULL;
    PLEAT_CHECK_GOTO(status, done, image != NULL && (label != NULL || to->label == NULL),
                     PLEAT_ERR_MEMORY, "no memory for %d slices of a case", depth);
    for (int d = 0; d < from->dim[0]; d += depth) {
        const int left = from->dim[0] - d;
        const int start[3] = {d, 0, 0};
        const int size[3] = {left < depth ? left : depth, from->dim[1], from->dim[2]};
        const size_t at = (size_t)d * plane, n = pleat_voxels(size);
        for (int c = 0; c < from->channels; c++) {
            float *there = to->image + (size_t)c * pleat_voxels(from->dim) + at;
            PLEAT_TRY_GOTO(status, done,
                           from->read(from->context, c, start, size, image, c == 0 ? label : NULL));
            CUDA_TRY_GOTO(status, done,
                          cudaMemcpy(there, image, n * sizeof *image, cudaMemcpyHostToDevice));
        }
        if (label != NULL)
            CUDA_TRY_GOTO(status, done,
                          cudaMemcpy(to->label + at, label, n, cudaMemcpyHostToDevice));
    }
done:
    free(image);
    free(label);
    return status;
}

static pleat_status copy_whole(const pleat_source *from, pleat_device_case *to) {
    const size_t n = pleat_voxels(from->dim);
    CUDA_TRY(cudaMemcpy(to->image, from->image, (size_t)from->channels * n * sizeof *to->image,
                        cudaMemcpyHostToDevice));
    if (to->label != NULL) CUDA_TRY(cudaMemcpy(to->label, from->label, n, cudaMemcpyHostToDevice));
    return PLEAT_OK;
}

/* The GPU that a thread works on is its own setting. */
static pleat_status choose_device(pleat_engine *engine, int *device) {
    if (engine != NULL) CUDA_TRY(cudaSetDevice(pleat_cuda_of(engine)->device));
    CUDA_TRY(cudaGetDevice(device));
    return PLEAT_OK;
}

static pleat_status copy_case(pleat_engine *engine, const pleat_source *from, int with_label,
                              pleat_device_case *to) {
    const size_t n = pleat_voxels(from->dim);
    PLEAT_TRY(choose_device(engine, &to->device));
    CUDA_TRY(cudaMalloc((void **)&to->image, (size_t)from->channels * n * sizeof *to->image));
    if (with_label) CUDA_TRY(cudaMalloc((void **)&to->label, n));
    PLEAT_TRY(from->image != NULL ? copy_whole(from, to) : copy_slabs(from, to));
    /* A copy from pageable memory may return before it has reached the GPU. */
    CUDA_TRY(cudaStreamSynchronize(cudaStreamLegacy));
    return PLEAT_OK;
}

static pleat_status copy_histograms(const pleat_source *from, pleat_device_case *to) {
    if (from->histogram == NULL) return PLEAT_OK;
    const size_t bytes = (size_t)from->channels * sizeof *to->histogram;
    to->histogram = malloc(bytes);
    PLEAT_CHECK(to->histogram != NULL, PLEAT_ERR_MEMORY, "no memory for a case on the GPU");
    memcpy(to->histogram, from->histogram, bytes);
    return PLEAT_OK;
}

static pleat_status case_create(pleat_engine *engine, const pleat_source *from, int with_label,
                                pleat_device_case **out) {
    const int labelled = from->image != NULL ? from->label != NULL : with_label;
    PLEAT_CHECK(pleat_voxels(from->dim) <= INT_MAX, PLEAT_ERR_UNSUPPORTED,
                "a case of %d x %d x %d voxels: the GPU augments at most 2^31 - 1", from->dim[2],
                from->dim[1], from->dim[0]);
    pleat_device_case *source = calloc(1, sizeof *source);
    PLEAT_CHECK(source != NULL, PLEAT_ERR_MEMORY, "no memory for a case on the GPU");
    for (int a = 0; a < 3; a++) source->dim[a] = from->dim[a];
    source->channels = from->channels;
    pleat_status status = copy_histograms(from, source);
    if (status == PLEAT_OK) status = copy_case(engine, from, labelled, source);
    if (status != PLEAT_OK) {
        case_destroy(source);
        return status;
    }
    *out = source;
    return PLEAT_OK;
}

/* --- patches ---------------------------------------------------------------------------------- */

static void destroy(pleat_device_augment *augment) {
    if (augment == NULL) return;
    (void)cudaSetDevice(augment->device);
    (void)cudaStreamSynchronize(augment->stream);
    (void)cudaFree(augment->field);
    (void)cudaFree(augment->work[0]);
    (void)cudaFree(augment->work[1]);
    (void)cudaFree(augment->box);
    (void)cudaFree(augment->parts);
    (void)cudaFree(augment->of);
    (void)cudaFree(augment->image);
    (void)cudaFree(augment->label);
    free(augment);
}

/* Of each of the two arrays that filters read and write. */
static size_t work_bytes(const int patch[3], size_t voxels) {
    const size_t field = 3 * pleat_voxels(patch);
    return (voxels > field ? voxels : field) * sizeof(float);
}

static size_t scratch_bytes(const int patch[3], int channels, size_t voxels) {
    return 2 * work_bytes(patch, voxels) +
           pleat_voxels(patch) * ((3 + (size_t)channels) * sizeof(float) + 1) +
           sizeof(deformed_box) + PATCH_PARTS * sizeof(patch_sums) + 2 * sizeof(patch_statistics);
}

static pleat_status allocate(pleat_engine *engine, pleat_device_augment *a) {
    const size_t n = pleat_voxels(a->patch), field = 3 * n * sizeof(float);
    const size_t work = work_bytes(a->patch, a->voxels);
    PLEAT_TRY(choose_device(engine, &a->device));
    CUDA_TRY(cudaMalloc((void **)&a->field, field));
    CUDA_TRY(cudaMalloc((void **)&a->work[0], work));
    CUDA_TRY(cudaMalloc((void **)&a->work[1], work));
    CUDA_TRY(cudaMalloc((void **)&a->box, sizeof *a->box));
    CUDA_TRY(cudaMalloc((void **)&a->parts, PATCH_PARTS * sizeof *a->parts));
    CUDA_TRY(cudaMalloc((void **)&a->of, 2 * sizeof *a->of));
    CUDA_TRY(cudaMalloc((void **)&a->image, (size_t)a->channels * n * sizeof *a->image));
    CUDA_TRY(cudaMalloc((void **)&a->label, n));
    return PLEAT_OK;
}

static pleat_status create(pleat_engine *engine, const int patch[3], int channels, size_t voxels,
                           pleat_device_augment **out) {
    PLEAT_CHECK(pleat_voxels(patch) <= INT_MAX / 3, PLEAT_ERR_UNSUPPORTED,
                "patch: %d x %d x %d voxels are more than the GPU augments", patch[2], patch[1],
                patch[0]);
    pleat_device_augment *augment = calloc(1, sizeof *augment);
    PLEAT_CHECK(augment != NULL, PLEAT_ERR_MEMORY, "no memory to augment on the GPU");
    for (int a = 0; a < 3; a++) augment->patch[a] = patch[a];
    augment->channels = channels;
    augment->voxels = voxels;
    augment->act = engine != NULL ? engine->act : PLEAT_F32;
    augment->stream = engine != NULL ? pleat_cuda_of(engine)->stream : NULL;
    pleat_gpu_spline_taps(&augment->spline);
    const pleat_status status = allocate(engine, augment);
    if (status != PLEAT_OK) {
        destroy(augment);
        return status;
    }
    *out = augment;
    return PLEAT_OK;
}

/* field = the displacement in voxels; its peaks are in the box. */
static pleat_status make_field(pleat_device_augment *a, const augment_plan *plan) {
    CUDA_TRY(pleat_gpu_draw(plan->field_key, a->patch, a->work[0], a->stream));
    CUDA_TRY(pleat_gpu_filter(a->work[0], a->patch, 0, 3, &plan->gaussian, a->field, a->stream));
    CUDA_TRY(pleat_gpu_filter(a->field, a->patch, 1, 3, &plan->gaussian, a->work[0], a->stream));
    CUDA_TRY(pleat_gpu_filter(a->work[0], a->patch, 2, 3, &plan->gaussian, a->field, a->stream));
    CUDA_TRY(pleat_gpu_finish_field(a->field, a->patch, plan->alpha, a->box, a->stream));
    return PLEAT_OK;
}

/* The box of a toned channel as spline coefficients, in work[1]. */
static pleat_status make_coefficients(pleat_device_augment *a, const augment_plan *plan) {
    CUDA_TRY(pleat_gpu_fill_box(&plan->voxels, a->box, a->work[0], a->stream));
    for (int axis = 0; axis < 3; axis++)
        CUDA_TRY(pleat_gpu_filter_box(a->work[axis % 2], a->box, axis, &a->spline,
                                      a->work[1 - axis % 2], a->stream));
    return PLEAT_OK;
}

/* Channel plan->voxels.channel to every C-th place of image. */
static pleat_status realise_channel(pleat_device_augment *a, const augment_plan *plan, float *image,
                                    uint8_t *label) {
    if (!plan->deforms) {
        CUDA_TRY(pleat_gpu_fill(&plan->voxels, plan->start, a->patch, image, label, a->stream));
        return PLEAT_OK;
    }
    PLEAT_TRY(make_coefficients(a, plan));
    CUDA_TRY(pleat_gpu_deform(&plan->deformation, a->box, a->work[1], &plan->voxels,
                              plan->elastic ? a->field : NULL, image, label, a->stream));
    return PLEAT_OK;
}

/* nnU-Net's. */
static pleat_status realise_patch(pleat_device_augment *a, const pleat_sample *sample,
                                  const pleat_source *known, pleat_pad pad, float *image,
                                  uint8_t *label) {
    const patch_work work = {{a->work[0], a->work[1]}, a->parts, a->of, a->stream};
    PLEAT_TRY(pleat_intensity_augment_check(sample, known, pad));
    CUDA_TRY(cudaSetDevice(a->device)); /* it is this thread's own setting */
    return pleat_cuda_patch(sample, known, a->patch, pad, &work, image, label);
}

static pleat_status check_case(const pleat_device_augment *augment,
                               const pleat_device_case *source) {
    PLEAT_CHECK(pleat_voxels(source->dim) <= augment->voxels, PLEAT_ERR_SHAPE,
                "a case of %zu voxels is augmented with scratch memory for %zu",
                pleat_voxels(source->dim), augment->voxels);
    PLEAT_CHECK(source->channels == augment->channels, PLEAT_ERR_SHAPE,
                "a case of %d channels is augmented to patches of %d", source->channels,
                augment->channels);
    PLEAT_CHECK(source->device == augment->device, PLEAT_ERR_ARG,
                "a case on GPU %d is augmented on GPU %d", source->device, augment->device);
    return PLEAT_OK;
}

static pleat_status realise(pleat_device_augment *augment, const pleat_sample *sample,
                            const pleat_device_case *source, pleat_pad pad, float *image,
                            uint8_t *label) {
    const pleat_source known = {
        .dim = {source->dim[0], source->dim[1], source->dim[2]},
        .channels = source->channels,
        .image = source->image,
        .label = source->label,
        .histogram = source->histogram,
    };
    PLEAT_CHECK(label == NULL || source->label != NULL, PLEAT_ERR_DATA,
                "a label patch is asked of a case that has no label");
    PLEAT_TRY(check_case(augment, source));
    if (sample->like == PLEAT_AUGMENT_NNUNET)
        return realise_patch(augment, sample, &known, pad, image, label);
    augment_plan plan;
    PLEAT_TRY(pleat_gpu_augment_plan(sample, &known, augment->patch, pad, &plan));
    plan.voxels.label = source->label;
    CUDA_TRY(cudaSetDevice(augment->device)); /* it is this thread's own setting */
    if (plan.deforms) {
        CUDA_TRY(cudaMemsetAsync(augment->box, 0, sizeof *augment->box, augment->stream));
        if (plan.elastic) PLEAT_TRY(make_field(augment, &plan));
        CUDA_TRY(pleat_gpu_find_box(&plan.deformation, augment->box, augment->stream));
    }
    for (int c = 0; c < source->channels; c++) {
        pleat_gpu_augment_channel(sample, &known, c, pad, &plan.voxels);
        plan.voxels.image = source->image + (size_t)c * pleat_voxels(source->dim);
        PLEAT_TRY(realise_channel(augment, &plan, image + c, c == 0 ? label : NULL));
    }
    return PLEAT_OK;
}

static pleat_status realise_input(pleat_device_augment *augment, const pleat_sample *sample,
                                  const pleat_device_case *source, pleat_pad pad, void *x,
                                  uint8_t *label) {
    if (augment->act == PLEAT_F32) return realise(augment, sample, source, pad, x, label);
    PLEAT_TRY(realise(augment, sample, source, pad, augment->image, label));
    CUDA_TRY(pleat_cuda_cast(augment->act, augment->image,
                             (size_t)augment->channels * pleat_voxels(augment->patch), x,
                             augment->stream));
    return PLEAT_OK;
}

static pleat_status realise_on_host(pleat_device_augment *augment, const pleat_sample *sample,
                                    const pleat_device_case *source, pleat_pad pad, float *image,
                                    uint8_t *label) {
    const size_t n = pleat_voxels(augment->patch);
    PLEAT_TRY(realise(augment, sample, source, pad, augment->image,
                      label != NULL ? augment->label : NULL));
    CUDA_TRY(cudaMemcpyAsync(image, augment->image, (size_t)augment->channels * n * sizeof *image,
                             cudaMemcpyDeviceToHost, augment->stream));
    if (label != NULL)
        CUDA_TRY(
            cudaMemcpyAsync(label, augment->label, n, cudaMemcpyDeviceToHost, augment->stream));
    CUDA_TRY(cudaStreamSynchronize(augment->stream));
    return PLEAT_OK;
}

const pleat_patch_ops pleat_cuda_patches = {
    .case_create = case_create,
    .case_destroy = case_destroy,
    .case_bytes = case_bytes,
    .scratch_bytes = scratch_bytes,
    .create = create,
    .destroy = destroy,
    .realise = realise,
    .realise_input = realise_input,
    .realise_on_host = realise_on_host,
};
