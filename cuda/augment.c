/* augment.c - patches made on the GPU: cases in its memory, and the kernels in their order.
 *
 *   plain     fill                                                              1 kernel
 *   deformed  [draw, 3 filters, finish], box, fill, 3 filters, deform      6 or 11 kernels
 *
 * How large a box a deformed patch needs is known on the GPU only, when the field is drawn. It
 * stays there, so that the host never waits: the scratch memory is that of the largest case.
 */
#include "augment_kernels.h"
#include "engine_impl.h"

#include "pleat/volume.h"

#include <limits.h>
#include <stdlib.h>

struct pleat_device_case {
    int dim[3], device;
    float *image;   /* GPU, [dim] */
    uint8_t *label; /* GPU, [dim] or NULL */
    int has_histogram;
    pleat_histogram histogram;
};

struct pleat_device_augment {
    int patch[3], device;
    size_t voxels;   /* of the largest case */
    pleat_dtype act; /* the engine's activations */
    cudaStream_t stream;
    line_taps spline;
    /* GPU: */
    float *field;   /* [3, patch] */
    float *work[2]; /* [max(voxels, 3 patch)] each; filters go from one to the other */
    deformed_box *box;
    float *image;   /* [patch], on its way to where it is asked for */
    uint8_t *label; /* [patch], the same */
};

/* --- cases ------------------------------------------------------------------------------------ */

static size_t case_bytes(const int dim[3], int with_label) {
    return pleat_voxels(dim) * (sizeof(float) + (with_label ? 1 : 0));
}

static void case_destroy(pleat_device_case *source) {
    if (source == NULL) return;
    (void)cudaSetDevice(source->device);
    (void)cudaFree(source->image);
    (void)cudaFree(source->label);
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
        PLEAT_TRY_GOTO(status, done, from->read(from->context, start, size, image, label));
        CUDA_TRY_GOTO(status, done,
                      cudaMemcpy(to->image + at, image, n * sizeof *image, cudaMemcpyHostToDevice));
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
    CUDA_TRY(cudaMemcpy(to->image, from->image, n * sizeof *to->image, cudaMemcpyHostToDevice));
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
    CUDA_TRY(cudaMalloc((void **)&to->image, n * sizeof *to->image));
    if (with_label) CUDA_TRY(cudaMalloc((void **)&to->label, n));
    PLEAT_TRY(from->image != NULL ? copy_whole(from, to) : copy_slabs(from, to));
    /* A copy from pageable memory may return before it has reached the GPU. */
    CUDA_TRY(cudaStreamSynchronize(cudaStreamLegacy));
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
    source->has_histogram = from->histogram != NULL;
    if (source->has_histogram) source->histogram = *from->histogram;
    const pleat_status status = copy_case(engine, from, labelled, source);
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
    (void)cudaFree(augment->image);
    (void)cudaFree(augment->label);
    free(augment);
}

/* Of each of the two arrays that filters read and write. */
static size_t work_bytes(const int patch[3], size_t voxels) {
    const size_t field = 3 * pleat_voxels(patch);
    return (voxels > field ? voxels : field) * sizeof(float);
}

static size_t scratch_bytes(const int patch[3], size_t voxels) {
    return 2 * work_bytes(patch, voxels) + pleat_voxels(patch) * (4 * sizeof(float) + 1) +
           sizeof(deformed_box);
}

static pleat_status allocate(pleat_engine *engine, pleat_device_augment *a) {
    const size_t n = pleat_voxels(a->patch), field = 3 * n * sizeof(float);
    const size_t work = work_bytes(a->patch, a->voxels);
    PLEAT_TRY(choose_device(engine, &a->device));
    CUDA_TRY(cudaMalloc((void **)&a->field, field));
    CUDA_TRY(cudaMalloc((void **)&a->work[0], work));
    CUDA_TRY(cudaMalloc((void **)&a->work[1], work));
    CUDA_TRY(cudaMalloc((void **)&a->box, sizeof *a->box));
    CUDA_TRY(cudaMalloc((void **)&a->image, n * sizeof *a->image));
    CUDA_TRY(cudaMalloc((void **)&a->label, n));
    return PLEAT_OK;
}

static pleat_status create(pleat_engine *engine, const int patch[3], size_t voxels,
                           pleat_device_augment **out) {
    PLEAT_CHECK(pleat_voxels(patch) <= INT_MAX / 3, PLEAT_ERR_UNSUPPORTED,
                "patch: %d x %d x %d voxels are more than the GPU augments", patch[2], patch[1],
                patch[0]);
    pleat_device_augment *augment = calloc(1, sizeof *augment);
    PLEAT_CHECK(augment != NULL, PLEAT_ERR_MEMORY, "no memory to augment on the GPU");
    for (int a = 0; a < 3; a++) augment->patch[a] = patch[a];
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

/* The box of the toned volume as spline coefficients, in work[1]. */
static pleat_status make_coefficients(pleat_device_augment *a, const augment_plan *plan) {
    CUDA_TRY(pleat_gpu_find_box(&plan->deformation, a->box, a->stream));
    CUDA_TRY(pleat_gpu_fill_box(&plan->voxels, a->box, a->work[0], a->stream));
    for (int axis = 0; axis < 3; axis++)
        CUDA_TRY(pleat_gpu_filter_box(a->work[axis % 2], a->box, axis, &a->spline,
                                      a->work[1 - axis % 2], a->stream));
    return PLEAT_OK;
}

static pleat_status realise(pleat_device_augment *augment, const pleat_sample *sample,
                            const pleat_device_case *source, pleat_pad pad, float *image,
                            uint8_t *label) {
    const pleat_source known = {
        .dim = {source->dim[0], source->dim[1], source->dim[2]},
        .histogram = source->has_histogram ? &source->histogram : NULL,
    };
    PLEAT_CHECK(label == NULL || source->label != NULL, PLEAT_ERR_DATA,
                "a label patch is asked of a case that has no label");
    PLEAT_CHECK(pleat_voxels(source->dim) <= augment->voxels, PLEAT_ERR_SHAPE,
                "a case of %zu voxels is augmented with scratch memory for %zu",
                pleat_voxels(source->dim), augment->voxels);
    PLEAT_CHECK(source->device == augment->device, PLEAT_ERR_ARG,
                "a case on GPU %d is augmented on GPU %d", source->device, augment->device);
    augment_plan plan;
    PLEAT_TRY(pleat_gpu_augment_plan(sample, &known, augment->patch, pad, &plan));
    plan.voxels.image = source->image;
    plan.voxels.label = source->label;
    CUDA_TRY(cudaSetDevice(augment->device)); /* it is this thread's own setting */
    if (!plan.deforms) {
        CUDA_TRY(pleat_gpu_fill(&plan.voxels, plan.start, augment->patch, image, label,
                                augment->stream));
        return PLEAT_OK;
    }
    CUDA_TRY(cudaMemsetAsync(augment->box, 0, sizeof *augment->box, augment->stream));
    if (plan.elastic) PLEAT_TRY(make_field(augment, &plan));
    PLEAT_TRY(make_coefficients(augment, &plan));
    CUDA_TRY(pleat_gpu_deform(&plan.deformation, augment->box, augment->work[1], &plan.voxels,
                              plan.elastic ? augment->field : NULL, image, label, augment->stream));
    return PLEAT_OK;
}

static pleat_status realise_input(pleat_device_augment *augment, const pleat_sample *sample,
                                  const pleat_device_case *source, pleat_pad pad, void *x,
                                  uint8_t *label) {
    if (augment->act == PLEAT_F32) return realise(augment, sample, source, pad, x, label);
    PLEAT_TRY(realise(augment, sample, source, pad, augment->image, label));
    CUDA_TRY(pleat_cuda_cast(augment->act, augment->image, pleat_voxels(augment->patch), x,
                             augment->stream));
    return PLEAT_OK;
}

static pleat_status realise_on_host(pleat_device_augment *augment, const pleat_sample *sample,
                                    const pleat_device_case *source, pleat_pad pad, float *image,
                                    uint8_t *label) {
    const size_t n = pleat_voxels(augment->patch);
    PLEAT_TRY(realise(augment, sample, source, pad, augment->image,
                      label != NULL ? augment->label : NULL));
    CUDA_TRY(cudaMemcpyAsync(image, augment->image, n * sizeof *image, cudaMemcpyDeviceToHost,
                             augment->stream));
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
