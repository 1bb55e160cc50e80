/* cudnn.c - the calls of the module to cuDNN: the description in the handle's place, and notes of
 * the answers. */
#include "described.h"

#include <cudnn.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY_OF(major)   LIBRARY_NAME(major)
#define LIBRARY_NAME(major) "libcudnn.so." #major

typedef cudnnBackendDescriptor_t part;

const described_gpu described_gpus[] = {
    {"h100", "NVIDIA H100 80GB HBM3", 900, 132, 232448, 32, 2048, 1980000, 2619000, 52428800,
     85029158912},
    {"h200", "NVIDIA H200", 900, 132, 232448, 32, 2048, 1980000, 3201000, 62914560, 150109880320},
    {"a100", "NVIDIA A100-SXM4-80GB", 800, 108, 166912, 32, 2048, 1410000, 1593000, 41943040,
     85095809024},
    {"a40", "NVIDIA A40", 860, 84, 101376, 16, 1536, 1740000, 7251000, 6291456, 47697362944},
    {0},
};
const described_gpu *described_gpu_now = described_gpus;
answers described_answers;

/* ---- the library that answers ---- */

static struct {
    void *library;
    part device; /* NULL: the emulated one, which takes any handle */
    __typeof__(cudnnBackendCreateDescriptor) *create;
    __typeof__(cudnnBackendDestroyDescriptor) *destroy;
    __typeof__(cudnnBackendSetAttribute) *set;
    __typeof__(cudnnBackendGetAttribute) *get;
    __typeof__(cudnnBackendFinalize) *finalize;
    __typeof__(cudnnGetVersion) *version;
    __typeof__(cudnnGetErrorString) *error;
    __typeof__(cudnnGetLastErrorString) *detail;
} real;

static const char *open_library(const char *path) {
    const struct {
        const char *name;
        void *to;
    } symbols[] = {{"cudnnBackendCreateDescriptor", &real.create},
                   {"cudnnBackendDestroyDescriptor", &real.destroy},
                   {"cudnnBackendSetAttribute", &real.set},
                   {"cudnnBackendGetAttribute", &real.get},
                   {"cudnnBackendFinalize", &real.finalize},
                   {"cudnnGetVersion", &real.version},
                   {"cudnnGetErrorString", &real.error},
                   {"cudnnGetLastErrorString", &real.detail}};
    real.device = NULL;
    real.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (real.library == NULL) return dlerror();
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *found = dlsym(real.library, symbols[i].name);
        if (found == NULL) return dlerror();
        memcpy(symbols[i].to, &found, sizeof found);
    }
    return NULL;
}

static const char *said(void) { /* by cuDNN, of its last error; one line */
    static char text[160];
    text[0] = '\0';
    real.detail(text, sizeof text);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

const char *described_open(const described_gpu *g) {
    char json[1024];
    const int n = snprintf(
        json, sizeof json,
        "{\"deviceVer\":%d,\"driverVer\":13000,\"cudaDeviceId\":0,\"deviceName\":\"%s\","
        "\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,1024,64],"
        "\"regsPerBlock\":65536,\"multiProcessorCount\":%d,\"warpSize\":32,"
        "\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":%d,"
        "\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,\"maxCtasPerSM\":%d,"
        "\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":%d,\"pciDeviceId\":0,\"isTccDriver\":0,"
        "\"supportCoopLaunch\":1,\"totalGlobalMem\":%" PRId64
        ",\"smClockRateKHz\":%d,\"memClockRateKHz\":%d,\"l2CacheSize\":%d}",
        g->version, g->full, g->sms, g->shared, g->blocks, g->threads, g->memory, g->clock,
        g->memory_clock, g->cache);
    part device = NULL;
    const char *why = open_library(LIBRARY_OF(CUDNN_MAJOR));
    if (why != NULL) return why;
    described_gpu_now = g;
    if (real.create(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &device) != CUDNN_STATUS_SUCCESS ||
        real.set(device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, n, json) !=
            CUDNN_STATUS_SUCCESS ||
        real.finalize(device) != CUDNN_STATUS_SUCCESS)
        return said();
    real.device = device;
    return NULL;
}

const char *described_emulate(const char *module) { return open_library(module); }

/* ---- notes ---- */

static struct {
    const pleat_conv_desc *conv;
    pleat_precision precision;
    answer *now;                  /* the graph's that is being built or planned */
    part plan;                    /* the last that was begun */
    int candidate;                /* it is a candidate that was not run yet */
    int engine, compiled, tensor; /* of the configuration that was read last */
    int64_t workspace;            /* of the last plan */
    int varied, varied_type;
} noted = {.varied = -1};

void described_clear(void) {
    noted.now = NULL;
    described_answers.n = 0;
}

void described_conv(const pleat_conv_desc *conv, pleat_precision precision) {
    noted.conv = conv;
    noted.precision = precision;
    noted.now = NULL;
}

void described_vary(int name, int type) {
    noted.varied = name;
    noted.varied_type = type;
}

static void begin_answer(int pass) {
    answers *all = &described_answers;
    if (noted.conv == NULL) return;
    if (all->n == all->room) {
        all->room = 2 * all->room + 64;
        all->rows = realloc(all->rows, (size_t)all->room * sizeof *all->rows);
        if (all->rows == NULL) abort();
    }
    noted.now = &all->rows[all->n++];
    *noted.now = (answer){.conv = *noted.conv, .precision = noted.precision, .pass = pass};
}

static void note_engine(part engine, const cudnnBackendNumericalNote_t *notes, int64_t n) {
    cudnnBackendBehaviorNote_t behaviour[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
    int64_t got = 0, number = 0;
    noted.compiled = noted.tensor = 0;
    for (int64_t i = 0; i < n; i++) noted.tensor |= notes[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
    if (real.device == NULL) return; /* the emulated one says no more */
    (void)real.get(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &got, &number);
    noted.engine = (int)number;
    got = 0;
    (void)real.get(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
                   CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, &got, behaviour);
    for (int64_t i = 0; i < got; i++)
        noted.compiled |= behaviour[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
}

static void note_run(void) {
    answer *a = noted.now;
    if (a == NULL || !noted.candidate) return;
    noted.candidate = 0;
    a->taken++;
    a->compiled += noted.compiled;
    a->tensor += noted.tensor;
    a->engines[noted.engine / 64 % 2] |= (uint64_t)1 << noted.engine % 64;
    if (noted.workspace > a->workspace) a->workspace = noted.workspace;
}

/* ---- what the module calls; and cuDNN itself, whose parts call each other by these names ---- */

static _Thread_local int depth;

size_t cudnnGetVersion(void) { return real.version(); }
const char *cudnnGetErrorString(cudnnStatus_t status) { return real.error(status); }
void cudnnGetLastErrorString(char *message, size_t max_size) { real.detail(message, max_size); }

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) {
    static char place; /* never read: what would take it takes the description */
    *handle = (cudnnHandle_t)(void *)&place;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
    (void)handle;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    (void)handle;
    (void)stream;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t descriptorType,
                                           cudnnBackendDescriptor_t *descriptor) {
    if (depth == 0) {
        if (descriptorType == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
            begin_answer(0);
        if (descriptorType == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR)
            begin_answer(1);
        if (descriptorType == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR)
            begin_answer(2);
        if (descriptorType == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR && noted.now != NULL)
            noted.now->fused = 1;
    }
    depth++;
    const cudnnStatus_t code = real.create(descriptorType, descriptor);
    depth--;
    return code;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d) {
    depth++;
    const cudnnStatus_t code = real.destroy(d);
    depth--;
    return code;
}

/* Before an attribute is set: that of the description, where there is one. */
static cudnnStatus_t describe(part d, cudnnBackendAttributeName_t name) {
    static const struct {
        cudnnBackendAttributeName_t seen, set;
    } places[] = {
        {CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP},
        {CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_ATTR_ENGINE_DEVICEPROP},
        {CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places && real.device != NULL; i++)
        if (places[i].seen == name)
            return real.set(d, places[i].set, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &real.device);
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t set_outside(part d, cudnnBackendAttributeName_t name,
                                 cudnnBackendAttributeType_t type, int64_t n, const void *values) {
    const cudnnStatus_t code = describe(d, name);
    if (code != CUDNN_STATUS_SUCCESS) return code;
    if (type == CUDNN_TYPE_HANDLE && real.device != NULL) return CUDNN_STATUS_SUCCESS;
    if (name == CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG) noted.plan = d;
    if (name == CUDNN_ATTR_TENSOR_UNIQUE_ID && noted.varied == *(const int64_t *)values) {
        const cudnnDataType_t other = (cudnnDataType_t)noted.varied_type;
        (void)real.set(d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &other);
    }
    return real.set(d, name, type, n, values);
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t attributeName,
                                       cudnnBackendAttributeType_t attributeType,
                                       int64_t elementCount, const void *arrayOfElements) {
    const int outside = depth++ == 0;
    const cudnnStatus_t code =
        outside
            ? set_outside(descriptor, attributeName, attributeType, elementCount, arrayOfElements)
            : real.set(descriptor, attributeName, attributeType, elementCount, arrayOfElements);
    depth--;
    return code;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor,
                                       cudnnBackendAttributeName_t attributeName,
                                       cudnnBackendAttributeType_t attributeType,
                                       int64_t requestedElementCount, int64_t *elementCount,
                                       void *arrayOfElements) {
    const int outside = depth++ == 0;
    const cudnnStatus_t code = real.get(descriptor, attributeName, attributeType,
                                        requestedElementCount, elementCount, arrayOfElements);
    if (outside && code == CUDNN_STATUS_SUCCESS) {
        if (attributeName == CUDNN_ATTR_ENGINEHEUR_RESULTS && requestedElementCount > 0 &&
            noted.now != NULL)
            noted.now->named += (int)*elementCount;
        if (attributeName == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE)
            note_engine(descriptor, arrayOfElements, *elementCount);
        if (attributeName == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE)
            noted.workspace = *(int64_t *)arrayOfElements;
    }
    depth--;
    return code;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t d) {
    const int outside = depth++ == 0;
    const cudnnStatus_t code = real.finalize(d);
    if (outside && noted.now != NULL) {
        if (code != CUDNN_STATUS_SUCCESS) {
            (void)snprintf(noted.now->why, sizeof noted.now->why, "%s", said());
        } else if (d == noted.plan) {
            noted.now->planned++;
            noted.candidate = noted.now->named > 0;
        }
    }
    depth--;
    return code;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t executionPlan,
                                  cudnnBackendDescriptor_t variantPack) {
    (void)handle;
    (void)executionPlan;
    (void)variantPack;
    note_run();
    return CUDNN_STATUS_SUCCESS;
}
