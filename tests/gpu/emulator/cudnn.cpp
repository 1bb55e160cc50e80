/*
 * cudnn.cpp - cuDNN's backend interface for graphs of one convolution, bias and ReLU.
 *
 * A descriptor keeps its attributes as bytes. Wrong use ends the process: an attribute that is
 * missing, a part that is not finalized, sizes that do not fit, channels that the real library's
 * fast engines refuse. What the real library has no engine for has none here.
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

struct Movement {
    int64_t kernel[3], stride[3], before[3];
};

/* Of a convolution of w over x; ends the process where y is not what it gives. */
Movement movement_of(const Descriptor *d, const Tensor &x, const Tensor &w, const Tensor &y) {
    Movement m;
    for (size_t a = 0; a < 3; a++) {
        m.kernel[a] = w.size[2 + a];
        m.stride[a] = get<int64_t>(d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, a);
        m.before[a] = get<int64_t>(d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, a);
        const int64_t after = get<int64_t>(d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, a);
        if (get<int64_t>(d, CUDNN_ATTR_CONVOLUTION_DILATIONS, a) != 1)
            broken("cuDNN: dilations are not emulated");
        const int64_t room = x.size[2 + a] + m.before[a] + after - m.kernel[a];
        if (room < 0 || y.size[2 + a] != room / m.stride[a] + 1)
            broken("cuDNN: %ld voxels padded by %ld and %ld do not become %ld", (long)x.size[2 + a],
                   (long)m.before[a], (long)after, (long)y.size[2 + a]);
    }
    return m;
}

/* What the taps read and write: calls f(x voxel, y voxel, tap) for all that lie inside. */
template <typename F> void each_tap(const Movement &m, const Tensor &x, const Tensor &y, F f) {
    const int64_t *k = m.kernel, *in = x.size + 2, *out = y.size + 2;
    const int64_t taps = k[0] * k[1] * k[2], voxels = out[0] * out[1] * out[2];
    for (int64_t n = 0; n < y.size[0]; n++)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t v = 0; v < voxels; v++) {
                const int64_t z = v / (out[1] * out[2]) * m.stride[0] + tap / (k[1] * k[2]),
                              row = v / out[2] % out[1] * m.stride[1] + tap / k[2] % k[1],
                              column = v % out[2] * m.stride[2] + tap % k[2];
                const int64_t at[3] = {z - m.before[0], row - m.before[1], column - m.before[2]};
                if (at[0] < 0 || at[1] < 0 || at[2] < 0) continue;
                if (at[0] >= in[0] || at[1] >= in[1] || at[2] >= in[2]) continue;
                f((size_t)(((n * in[0] + at[0]) * in[1] + at[1]) * in[2] + at[2]),
                  (size_t)(n * voxels + v), (size_t)tap);
            }
}

enum Pass { FORWARD, DATA, WEIGHTS, NONE };

Pass pass_of(const Descriptor *op) {
    switch (op->type) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR: return FORWARD;
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR: return DATA;
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR: return WEIGHTS;
    default: return NONE;
    }
}

struct Convolution {
    Tensor x, w, y;
    Movement movement;
};

Convolution convolution_of(const Descriptor *op, Pass pass) {
    static const int xs[] = {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X};
    static const int ws[] = {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW};
    static const int ys[] = {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
    static const int ms[] = {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC};
    Convolution c;
    c.x = tensor_of(part(op, xs[pass]));
    c.w = tensor_of(part(op, ws[pass]));
    c.y = tensor_of(part(op, ys[pass]));
    if (c.w.size[0] != c.y.size[1] || c.w.size[1] != c.x.size[1] || c.x.size[0] != c.y.size[0])
        broken("cuDNN: a convolution's tensors do not fit");
    if (c.x.size[1] % 8 != 0 || c.y.size[1] % 8 != 0)
        broken("cuDNN: channels are no multiple of 8");
    c.movement = movement_of(part(op, ms[pass]), c.x, c.w, c.y);
    return c;
}

void convolve(const Descriptor *op, Pass pass, Values *values) {
    const Convolution of = convolution_of(op, pass);
    const Tensor &x = of.x, &w = of.w, &y = of.y;
    const size_t cin = (size_t)x.size[1], cout = (size_t)y.size[1], taps = w.n / cin / cout;
    const Tensor &to = pass == FORWARD ? y : pass == DATA ? x : w;
    const std::vector<float> a = pass == FORWARD ? values->load(x) : values->load(y);
    const std::vector<float> b = pass == WEIGHTS ? values->load(x) : values->load(w);
    std::vector<float> sums(to.n, 0.0f);
    each_tap(of.movement, x, y, [&](size_t vx, size_t vy, size_t tap) {
        for (size_t k = 0; k < cout; k++) {
            const size_t row = (k * taps + tap) * cin;
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

/* What the real library has no engine for, or none that is compiled ahead, so that each process
 * compiles them: tensors with an address that are not all of one type, and sums inside that are
 * not float. `deviceless` holds this against the real one. */
bool is_refused(const Descriptor *graph) {
    const size_t ops = graph->attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).size() / 8;
    const Descriptor *first = part(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
    const Convolution c = convolution_of(first, pass_of(first));
    std::vector<Tensor> tensors = {c.x, c.w, c.y};
    for (size_t i = 1; i < ops; i++) {
        const Descriptor *op = part(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, i);
        tensors.push_back(tensor_of(part(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC)));
        if (op->attributes.count(CUDNN_ATTR_OPERATION_POINTWISE_BDESC) > 0)
            tensors.push_back(tensor_of(part(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC)));
    }
    for (const Tensor &t : tensors)
        if (t.bf16 != (c.x.bf16 && !t.inside)) return true;
    return false;
}

/* As the real library does for some graphs: first many that want more memory than any GPU has. Then
 * two that run. None with PLEAT_TEST_GPU_PLANS=none, when the module's own kernels must do. */
const int64_t GREEDY = 20, RUNNING = 2, GREEDY_ENGINE = 900;

int64_t find_configs(const Descriptor *heuristic, int64_t room, Descriptor **out) {
    const char *plans = getenv("PLEAT_TEST_GPU_PLANS");
    if (plans != nullptr && strcmp(plans, "none") == 0) return 0;
    if (is_refused(part(heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH))) return 0;
    for (int64_t i = 0; i < GREEDY + RUNNING && i < room; i++) {
        Descriptor *engine = new Descriptor{CUDNN_BACKEND_ENGINE_DESCRIPTOR, true, {}};
        put(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH,
            part(heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH));
        put(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX,
            i < GREEDY ? GREEDY_ENGINE + i : 10 + i - GREEDY);
        out[i]->final = true;
        put(out[i], CUDNN_ATTR_ENGINECFG_ENGINE, (const Descriptor *)engine);
    }
    return GREEDY + RUNNING;
}

int64_t workspace_of(const Descriptor *plan) {
    const Descriptor *engine =
        part(part(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG), CUDNN_ATTR_ENGINECFG_ENGINE);
    const bool greedy = get<int64_t>(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX) >= GREEDY_ENGINE;
    return greedy ? (int64_t)1 << 50 : WORKSPACE;
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
        const Pass pass = pass_of(op);
        if (op->type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR)
            pointwise(op, &values);
        else if (pass != NONE)
            convolve(op, pass, &values);
        else
            broken("cuDNN: operation %d is not emulated", op->type);
    }
}

} // namespace

extern "C" {

size_t cudnnGetVersion(void) {
    const char *version = getenv("PLEAT_TEST_CUDNN");
    return version != nullptr ? strtoul(version, nullptr, 10) : 91900;
}
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
    if (pass_of(of(d)) != NONE) (void)convolution_of(of(d), pass_of(of(d)));
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
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE: *(int64_t *)out = workspace_of(self); break;
    default: broken("cuDNN: attribute %d is not emulated", name);
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
    const Descriptor now = *of(pack); /* it may be destroyed before the stream runs */
    emulator::enqueue(((Handle *)handle)->stream,
                      [=] { emulator::count("cuDNN", [&] { run(of(plan), &now); }); });
    return CUDNN_STATUS_SUCCESS;
}

} /* extern "C" */
