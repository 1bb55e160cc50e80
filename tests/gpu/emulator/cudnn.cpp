/*
 * cudnn.cpp - cuDNN's backend interface for graphs of one convolution, bias and ReLU.
 *
 * A descriptor keeps its attributes as bytes. Wrong use ends the process: an attribute that is
 * missing, a part that is not finalized, channels that the real library's fast engines refuse.
 */
#include "emulator.h"

#include <cudnn.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

using emulator::broken;

namespace {

const int64_t WORKSPACE = 4096;

struct Descriptor {
    int type;
    bool final;
    std::map<int, std::vector<char>> attributes;
};

struct Handle {
    cudaStream_t stream;
};

size_t element_bytes(cudnnBackendAttributeType_t type) {
    switch (type) {
    case CUDNN_TYPE_BOOLEAN: return 1;
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_DOUBLE: return 8;
    default: return 4;
    }
}

Descriptor *of(void *descriptor) { return (Descriptor *)descriptor; }

template <typename T> T get(const Descriptor *d, int name, size_t i = 0) {
    const auto found = d->attributes.find(name);
    if (found == d->attributes.end() || found->second.size() < (i + 1) * sizeof(T))
        broken("cuDNN: descriptor %d lacks attribute %d", d->type, name);
    T value;
    memcpy(&value, found->second.data() + i * sizeof value, sizeof value);
    return value;
}

template <typename T> void put(Descriptor *d, int name, T value) {
    const char *bytes = (const char *)&value;
    d->attributes[name].assign(bytes, bytes + sizeof value);
}

const Descriptor *part(const Descriptor *d, int name, size_t i = 0) {
    return get<const Descriptor *>(d, name, i);
}

/* --- tensors, as packed channels-last floats -------------------------------------------------- */

struct Tensor {
    int64_t name, size[5]; /* N, C, D, H, W */
    bool bf16, inside;
    size_t n;
};

Tensor tensor_of(const Descriptor *d) {
    static const int order[5] = {1, 4, 3, 2, 0}; /* from the fastest */
    Tensor t;
    int64_t stride = 1;
    t.name = get<int64_t>(d, CUDNN_ATTR_TENSOR_UNIQUE_ID);
    t.bf16 = get<int>(d, CUDNN_ATTR_TENSOR_DATA_TYPE) == CUDNN_DATA_BFLOAT16;
    t.inside = get<char>(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL) != 0;
    for (size_t i = 0; i < 5; i++) t.size[i] = get<int64_t>(d, CUDNN_ATTR_TENSOR_DIMENSIONS, i);
    for (const int axis : order) {
        if (get<int64_t>(d, CUDNN_ATTR_TENSOR_STRIDES, (size_t)axis) != stride)
            broken("cuDNN: tensor %ld is not packed channels-last", (long)t.name);
        stride *= t.size[axis];
    }
    t.n = (size_t)stride;
    return t;
}

struct Values { /* of a running graph: those inside it, and the addresses of the others */
    std::map<int64_t, std::vector<float>> inside;
    std::map<int64_t, void *> addresses;

    char *address(const Tensor &t) const {
        const auto found = addresses.find(t.name);
        if (found == addresses.end()) broken("cuDNN: tensor %ld has no address", (long)t.name);
        emulator::want_device(found->second, t.n * (t.bf16 ? 2 : 4), "cuDNN: a tensor");
        if ((uintptr_t)found->second % 16 != 0)
            broken("cuDNN: tensor %ld is not aligned", (long)t.name);
        return (char *)found->second;
    }
    std::vector<float> load(const Tensor &t) const {
        if (t.inside) return inside.at(t.name);
        std::vector<float> values(t.n);
        const char *from = address(t);
        for (size_t i = 0; i < t.n; i++)
            values[i] = t.bf16 ? emulator::from_bf16(((const uint16_t *)from)[i])
                               : ((const float *)from)[i];
        return values;
    }
    void store(const Tensor &t, const std::vector<float> &values) {
        if (t.inside) {
            inside[t.name] = values;
            return;
        }
        char *to = address(t);
        for (size_t i = 0; i < t.n; i++) {
            if (t.bf16)
                ((uint16_t *)to)[i] = emulator::to_bf16(values[i]);
            else
                ((float *)to)[i] = values[i];
        }
    }
};

/* --- operations ------------------------------------------------------------------------------- */

void pointwise(const Descriptor *op, Values *values) {
    const int mode =
        get<int>(part(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR), CUDNN_ATTR_POINTWISE_MODE);
    const Tensor x = tensor_of(part(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
    const Tensor y = tensor_of(part(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
    std::vector<float> result = values->load(x), bias;
    const size_t channels = (size_t)y.size[1];
    if (mode == CUDNN_POINTWISE_ADD)
        bias = values->load(tensor_of(part(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC)));
    else if (mode != CUDNN_POINTWISE_RELU_FWD)
        broken("cuDNN: pointwise mode %d is not emulated", mode);
    for (size_t i = 0; i < result.size(); i++) {
        if (mode == CUDNN_POINTWISE_ADD)
            result[i] += bias[i % channels];
        else if (result[i] < 0)
            result[i] = 0;
    }
    values->store(y, result);
}

/* What a tap reads and writes: calls f(x voxel, y voxel, tap) for all that lie inside. */
template <typename F> void each_tap(const Tensor &y, F f) {
    const int64_t d = y.size[2], h = y.size[3], w = y.size[4];
    for (int64_t n = 0; n < y.size[0]; n++)
        for (int64_t tap = 0; tap < 27; tap++)
            for (int64_t z = 0; z < d; z++)
                for (int64_t row = 0; row < h; row++)
                    for (int64_t column = 0; column < w; column++) {
                        const int64_t zz = z + tap / 9 - 1, yy = row + tap / 3 % 3 - 1,
                                      xx = column + tap % 3 - 1;
                        if (zz < 0 || yy < 0 || xx < 0 || zz >= d || yy >= h || xx >= w) continue;
                        f((size_t)(((n * d + zz) * h + yy) * w + xx),
                          (size_t)(((n * d + z) * h + row) * w + column), (size_t)tap);
                    }
}

enum Pass { FORWARD, DATA, WEIGHTS };

void convolve(const Descriptor *op, Pass pass, Values *values) {
    static const int xs[] = {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X};
    static const int ws[] = {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW};
    static const int ys[] = {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
    const Tensor x = tensor_of(part(op, xs[pass])), w = tensor_of(part(op, ws[pass])),
                 y = tensor_of(part(op, ys[pass]));
    const size_t cin = (size_t)x.size[1], cout = (size_t)y.size[1];
    if (w.size[0] != y.size[1] || w.size[1] != x.size[1] || w.n != cout * 27 * cin ||
        x.n / cin != y.n / cout)
        broken("cuDNN: a convolution's tensors do not fit");
    if (cin % 8 != 0 || cout % 8 != 0) broken("cuDNN: channels are no multiple of 8");
    const Tensor &to = pass == FORWARD ? y : pass == DATA ? x : w;
    const std::vector<float> a = pass == FORWARD ? values->load(x) : values->load(y);
    const std::vector<float> b = pass == WEIGHTS ? values->load(x) : values->load(w);
    std::vector<float> sums(to.n, 0.0f);
    each_tap(y, [&](size_t vx, size_t vy, size_t tap) {
        for (size_t k = 0; k < cout; k++) {
            const size_t row = (k * 27 + tap) * cin;
            const float gradient = pass == FORWARD ? 0.0f : a[vy * cout + k];
            float sum = 0.0f;
            if (pass == FORWARD)
                for (size_t c = 0; c < cin; c++) sum += a[vx * cin + c] * b[row + c];
            else if (pass == DATA)
                for (size_t c = 0; c < cin; c++) sums[vx * cin + c] += gradient * b[row + c];
            else
                for (size_t c = 0; c < cin; c++) sums[row + c] += gradient * b[vx * cin + c];
            if (pass == FORWARD) sums[vy * cout + k] += sum;
        }
    });
    values->store(to, sums);
}

/* --- what the library finds for a graph ------------------------------------------------------- */

/* Two candidates; none with PLEAT_TEST_GPU_PLANS=none, when the module's own kernels must do. */
int64_t find_configs(const Descriptor *heuristic, int64_t room, Descriptor **out) {
    const char *plans = getenv("PLEAT_TEST_GPU_PLANS");
    if (plans != nullptr && strcmp(plans, "none") == 0) return 0;
    for (int64_t i = 0; i < 2 && i < room; i++) {
        Descriptor *engine = new Descriptor{CUDNN_BACKEND_ENGINE_DESCRIPTOR, true, {}};
        put(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH,
            part(heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH));
        put(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, 10 + i);
        out[i]->final = true;
        put(out[i], CUDNN_ATTR_ENGINECFG_ENGINE, (const Descriptor *)engine);
    }
    return room < 2 ? room : 2;
}

void run(const Descriptor *plan, const Descriptor *pack) {
    const Descriptor *config = part(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    const Descriptor *graph =
        part(part(config, CUDNN_ATTR_ENGINECFG_ENGINE), CUDNN_ATTR_ENGINE_OPERATION_GRAPH);
    Values values;
    void *workspace = get<void *>(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
    emulator::want_device(workspace, WORKSPACE, "cuDNN: the workspace");
    memset(workspace, 0x55, WORKSPACE);
    const size_t n = pack->attributes.at(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).size() / 8;
    for (size_t i = 0; i < n; i++)
        values.addresses[get<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, i)] =
            get<void *>(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, i);
    const size_t ops = graph->attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).size() / 8;
    for (size_t i = 0; i < ops; i++) {
        const Descriptor *op = part(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, i);
        switch (op->type) {
        case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR: pointwise(op, &values); break;
        case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
            convolve(op, FORWARD, &values);
            break;
        case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
            convolve(op, DATA, &values);
            break;
        case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
            convolve(op, WEIGHTS, &values);
            break;
        default: broken("cuDNN: operation %d is not emulated", op->type);
        }
    }
}

} // namespace

extern "C" {

size_t cudnnGetVersion(void) { return 91900; }
const char *cudnnGetErrorString(cudnnStatus_t) { return "CUDNN_STATUS_EMULATED"; }
void cudnnGetLastErrorString(char *out, size_t size) {
    if (size > 0) out[0] = '\0';
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *out) {
    *out = (cudnnHandle_t) new Handle{nullptr};
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
    delete (Handle *)handle;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    ((Handle *)handle)->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t *out) {
    *out = new Descriptor{type, false, {}};
    return CUDNN_STATUS_SUCCESS;
}
/* Kept, since others may still refer to it; the real library counts references. */
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t) {
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t d) {
    if (of(d)->type == CUDNN_BACKEND_TENSOR_DESCRIPTOR) (void)tensor_of(of(d));
    of(d)->final = true;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t n,
                                       const void *values) {
    if (of(d)->final) broken("cuDNN: attribute %d is set after finalize", name);
    const char *bytes = (const char *)values;
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
        for (int64_t i = 0; i < n; i++)
            if (!((Descriptor *const *)values)[i]->final)
                broken("cuDNN: attribute %d is not finalized", name);
    of(d)->attributes[name].assign(bytes, bytes + (size_t)n * element_bytes(type));
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const d,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, int64_t room, int64_t *n,
                                       void *out) {
    const Descriptor *self = (const Descriptor *)d;
    Descriptor **parts = (Descriptor **)out;
    *n = 1;
    switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: *n = find_configs(self, room, parts); break;
    case CUDNN_ATTR_ENGINECFG_ENGINE: *parts[0] = *part(self, name); break;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE: *n = 0; break;
    case CUDNN_ATTR_ENGINECFG_KNOB_CHOICES:
        put(parts[0], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, (int)CUDNN_KNOB_TYPE_TILE_SIZE);
        put(parts[0], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, (int64_t)5);
        break;
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE: *(int *)out = get<int>(self, name); break;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE: *(int64_t *)out = get<int64_t>(self, name); break;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE: *(int64_t *)out = WORKSPACE; break;
    default: broken("cuDNN: attribute %d is not emulated", name);
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
    const Descriptor now = *of(pack); /* it may be destroyed before the stream runs */
    emulator::enqueue(((Handle *)handle)->stream, [=] { run(of(plan), &now); });
    return CUDNN_STATUS_SUCCESS;
}

} /* extern "C" */
