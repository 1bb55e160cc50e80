/* conv_graph.c - a convolution as cuDNN's operation graph. */
#include "conv_graph.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIMS    5
#define SPATIAL 3
#define FORM    "3" /* of a key; it changes with what a choice depends on */

/* Tensors inside the graph, after those that have an address. */
enum { SUM = PLEAT_CONV_TENSORS, SHIFTED };

/* A new descriptor, which the graph owns. */
static pleat_status add(pleat_conv_graph *g, cudnnBackendDescriptorType_t type,
                        cudnnBackendDescriptor_t *out) {
    PLEAT_CHECK(g->part_count < (int)(sizeof g->parts / sizeof *g->parts), PLEAT_ERR_ENGINE,
                "a convolution has too many parts");
    CUDNN_TRY(cudnnBackendCreateDescriptor(type, out));
    g->parts[g->part_count++] = *out;
    return PLEAT_OK;
}

static cudnnStatus_t set_int(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                             int64_t value) {
    return cudnnBackendSetAttribute(d, name, CUDNN_TYPE_INT64, 1, &value);
}
static cudnnStatus_t set_ints(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                              int64_t n, const int64_t *values) {
    return cudnnBackendSetAttribute(d, name, CUDNN_TYPE_INT64, n, values);
}
static cudnnStatus_t set_float(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                               float value) {
    return cudnnBackendSetAttribute(d, name, CUDNN_TYPE_FLOAT, 1, &value);
}
static cudnnStatus_t set_type(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                              cudnnDataType_t value) {
    return cudnnBackendSetAttribute(d, name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}
static cudnnStatus_t set_part(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                              cudnnBackendDescriptor_t value) {
    return cudnnBackendSetAttribute(d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

void pleat_conv_strides(const int64_t size[5], int64_t stride[5]) {
    stride[1] = 1;
    stride[4] = size[1];
    stride[3] = stride[4] * size[4];
    stride[2] = stride[3] * size[3];
    stride[0] = stride[2] * size[2];
}

static pleat_status add_tensor(pleat_conv_graph *g, int64_t name, const int64_t size[DIMS],
                               cudnnDataType_t type, cudnnBackendDescriptor_t *out) {
    int64_t stride[DIMS];
    const bool inside = name >= PLEAT_CONV_TENSORS;
    cudnnBackendDescriptor_t t = NULL;
    pleat_conv_strides(size, stride);
    PLEAT_TRY(add(g, CUDNN_BACKEND_TENSOR_DESCRIPTOR, &t));
    CUDNN_TRY(set_type(t, CUDNN_ATTR_TENSOR_DATA_TYPE, type));
    CUDNN_TRY(set_ints(t, CUDNN_ATTR_TENSOR_DIMENSIONS, DIMS, size));
    CUDNN_TRY(set_ints(t, CUDNN_ATTR_TENSOR_STRIDES, DIMS, stride));
    CUDNN_TRY(set_int(t, CUDNN_ATTR_TENSOR_UNIQUE_ID, name));
    CUDNN_TRY(set_int(t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, PLEAT_CONV_ALIGNMENT));
    CUDNN_TRY(
        cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &inside));
    CUDNN_TRY(cudnnBackendFinalize(t));
    *out = t;
    return PLEAT_OK;
}

int pleat_conv_y_size(const pleat_conv_problem *p, int axis) {
    const int size[SPATIAL] = {p->d, p->h, p->w};
    return size[axis] / p->stride[axis];
}

/* y has floor((x + before + after - kernel) / stride) + 1 voxels. */
int pleat_conv_after(const pleat_conv_problem *p, int axis) {
    const int kernel = p->kernel[axis], stride = p->stride[axis], before = p->before[axis];
    const int least = kernel - stride - before > 0 ? kernel - stride - before : 0;
    return before >= least && 2 * before < kernel ? before : least;
}

/* How a convolution moves; sums in float. */
static pleat_status add_movement(pleat_conv_graph *g, const pleat_conv_problem *p,
                                 cudnnBackendDescriptor_t *out) {
    static const int64_t ones[SPATIAL] = {1, 1, 1};
    int64_t before[SPATIAL], after[SPATIAL], stride[SPATIAL];
    for (int a = 0; a < SPATIAL; a++) {
        before[a] = p->before[a];
        after[a] = pleat_conv_after(p, a);
        stride[a] = p->stride[a];
    }
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    cudnnBackendDescriptor_t c = NULL;
    PLEAT_TRY(add(g, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, &c));
    CUDNN_TRY(set_type(c, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT));
    CUDNN_TRY(cudnnBackendSetAttribute(c, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
                                       CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode));
    CUDNN_TRY(set_int(c, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, SPATIAL));
    CUDNN_TRY(set_ints(c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, SPATIAL, before));
    CUDNN_TRY(set_ints(c, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, SPATIAL, after));
    CUDNN_TRY(set_ints(c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, SPATIAL, stride));
    CUDNN_TRY(set_ints(c, CUDNN_ATTR_CONVOLUTION_DILATIONS, SPATIAL, ones));
    CUDNN_TRY(cudnnBackendFinalize(c));
    *out = c;
    return PLEAT_OK;
}

/* The attributes of a pass, by tensor. */
static const struct {
    const char *name;
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t movement, x, w, y, alpha, beta;
} passes[] = {
    [PLEAT_PASS_FORWARD] = {"forward", CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    [PLEAT_PASS_DATA] = {"data", CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    [PLEAT_PASS_WEIGHTS] = {"weights",
                            CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

static pleat_status add_conv(pleat_conv_graph *g, const pleat_conv_problem *p,
                             cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t w,
                             cudnnBackendDescriptor_t y) {
    cudnnBackendDescriptor_t movement = NULL, op = NULL;
    const pleat_pass pass = p->pass;
    PLEAT_TRY(add_movement(g, p, &movement));
    PLEAT_TRY(add(g, passes[pass].type, &op));
    CUDNN_TRY(set_part(op, passes[pass].movement, movement));
    CUDNN_TRY(set_part(op, passes[pass].x, x));
    CUDNN_TRY(set_part(op, passes[pass].w, w));
    CUDNN_TRY(set_part(op, passes[pass].y, y));
    CUDNN_TRY(set_float(op, passes[pass].alpha, 1));
    CUDNN_TRY(set_float(op, passes[pass].beta, 0));
    CUDNN_TRY(cudnnBackendFinalize(op));
    g->ops[g->op_count++] = op;
    return PLEAT_OK;
}

/* y = x + b, or y = max(0, x) where b is NULL. */
static pleat_status add_pointwise(pleat_conv_graph *g, cudnnPointwiseMode_t mode,
                                  cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t b,
                                  cudnnBackendDescriptor_t y) {
    cudnnBackendDescriptor_t what = NULL, op = NULL;
    PLEAT_TRY(add(g, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, &what));
    CUDNN_TRY(cudnnBackendSetAttribute(what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE,
                                       1, &mode));
    CUDNN_TRY(set_type(what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT));
    CUDNN_TRY(cudnnBackendFinalize(what));
    PLEAT_TRY(add(g, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, &op));
    CUDNN_TRY(set_part(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what));
    CUDNN_TRY(set_part(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x));
    if (b != NULL) CUDNN_TRY(set_part(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b));
    CUDNN_TRY(set_part(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y));
    CUDNN_TRY(cudnnBackendFinalize(op));
    g->ops[g->op_count++] = op;
    return PLEAT_OK;
}

/* Convolution, bias and ReLU with nothing written between them. With a bias that is not of y's type
 * cuDNN has no engine compiled ahead, and compiles one in every process. */
static pleat_status add_fused(pleat_conv_graph *g, const pleat_conv_problem *p,
                              cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t w,
                              cudnnBackendDescriptor_t y, const int64_t size[DIMS],
                              cudnnDataType_t act) {
    const int64_t bias_size[DIMS] = {1, p->cout, 1, 1, 1};
    cudnnBackendDescriptor_t sum = NULL, bias = NULL, shifted = y;
    PLEAT_TRY(add_tensor(g, SUM, size, CUDNN_DATA_FLOAT, &sum));
    PLEAT_TRY(add_tensor(g, PLEAT_CONV_BIAS, bias_size, act, &bias));
    if (p->relu) PLEAT_TRY(add_tensor(g, SHIFTED, size, CUDNN_DATA_FLOAT, &shifted));
    PLEAT_TRY(add_conv(g, p, x, w, sum));
    PLEAT_TRY(add_pointwise(g, CUDNN_POINTWISE_ADD, sum, bias, shifted));
    if (!p->relu) return PLEAT_OK;
    return add_pointwise(g, CUDNN_POINTWISE_RELU_FWD, shifted, NULL, y);
}

pleat_status pleat_conv_graph_build(pleat_conv_graph *g, const pleat_conv_problem *p) {
    const cudnnDataType_t act =
        p->precision == PLEAT_PRECISION_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    const int64_t x_size[DIMS] = {p->n, p->cin, p->d, p->h, p->w};
    const int64_t y_size[DIMS] = {p->n, p->cout, pleat_conv_y_size(p, 0), pleat_conv_y_size(p, 1),
                                  pleat_conv_y_size(p, 2)};
    const int64_t w_size[DIMS] = {p->cout, p->cin, p->kernel[0], p->kernel[1], p->kernel[2]};
    cudnnBackendDescriptor_t x = NULL, y = NULL, w = NULL;
    PLEAT_TRY(add_tensor(g, PLEAT_CONV_X, x_size, act, &x));
    PLEAT_TRY(add_tensor(g, PLEAT_CONV_Y, y_size, act, &y));
    PLEAT_TRY(add_tensor(g, PLEAT_CONV_W, w_size, act, &w));
    if (p->pass == PLEAT_PASS_FORWARD && p->fused) return add_fused(g, p, x, w, y, y_size, act);
    return add_conv(g, p, x, w, y);
}

pleat_status pleat_conv_graph_finish(pleat_conv_graph *g, cudnnHandle_t handle) {
    cudnnBackendDescriptor_t graph = NULL;
    PLEAT_TRY(add(g, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, &graph));
    CUDNN_TRY(cudnnBackendSetAttribute(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, g->op_count, g->ops));
    CUDNN_TRY(cudnnBackendSetAttribute(graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE,
                                       1, &handle));
    CUDNN_TRY(cudnnBackendFinalize(graph));
    g->graph = graph;
    return PLEAT_OK;
}

void pleat_conv_graph_clear(pleat_conv_graph *g) {
    while (g->part_count > 0) (void)cudnnBackendDestroyDescriptor(g->parts[--g->part_count]);
    memset(g, 0, sizeof *g);
}

int pleat_conv_key(const pleat_conv_problem *p, const char *gpu, size_t cudnn, char *out,
                   size_t size) {
    const int *k = p->kernel, *s = p->stride, *b = p->before;
    const char *flags = "plain";
    if (p->pass == PLEAT_PASS_FORWARD && p->fused) flags = p->relu ? "bias,relu" : "bias";
    const int n = snprintf(
        out, size, FORM "|%s|%zu|%s|%s|%dx%dx%dx%d|k%dx%dx%d,s%dx%dx%d,p%dx%dx%d|%d-%d|%s%s", gpu,
        cudnn, passes[p->pass].name, pleat_precision_name(p->precision), p->n, p->d, p->h, p->w,
        k[0], k[1], k[2], s[0], s[1], s[2], b[0], b[1], b[2], p->cin, p->cout, flags,
        p->deterministic ? ",deterministic" : "");
    return n > 0 && (size_t)n < size;
}
