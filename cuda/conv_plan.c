/*
 * conv_plan.c - how cuDNN computes one convolution: the fastest of its engines, measured here.
 *
 * A candidate that cuDNN refuses is not an error, so candidates are handled in cuDNN's own codes.
 */
#include "conv_plan.h"
#include "conv_own.h"
#include "pleat/log.h"

#include <stdlib.h>
#include <string.h>

#define MOST_CANDIDATES 8   /* of one heuristic that are timed; they come best first */
#define MOST_TRIED      256 /* that are looked at, timed or not */
#define RUNS            3   /* timed, after one to warm up */
#define SHORT_RUNS      20  /* of what is over in SHORT_MS: three would measure their launches */
#define SHORT_MS        0.05F
#define HOPELESS        3    /* times the best: not run again */
#define HOPELESS_MS     5.0F /* that loading a kernel may take */
#define LEAST_WORKSPACE 256
#define MOST_ERROR      1e-4  /* of our own kernel against cuDNN's, |difference|^2 / |result|^2 */
#define OWN             "own" /* the choice of our own kernel, in the cache */

struct pleat_conv_plan {
    pleat_conv_graph graph;
    int tensors[PLEAT_CONV_TENSORS]; /* 1 where the graph has it */
    cudnnBackendDescriptor_t config, plan;
    pleat_conv_problem problem;
    int own; /* our own kernel computes it, and no plan */
    size_t workspace;
    cudnnBackendDescriptor_t pack; /* of the last run: layers meet the same addresses each step */
    void *packed[PLEAT_CONV_TENSORS + 1];
};

static void drop(cudnnBackendDescriptor_t *d) {
    if (*d != NULL) (void)cudnnBackendDestroyDescriptor(*d);
    *d = NULL;
}

/* ---- running ---- */

static cudnnStatus_t make_pack(const int used[PLEAT_CONV_TENSORS],
                               void *const addresses[PLEAT_CONV_TENSORS], void *workspace,
                               cudnnBackendDescriptor_t *out) {
    int64_t names[PLEAT_CONV_TENSORS], n = 0;
    void *data[PLEAT_CONV_TENSORS];
    for (int i = 0; i < PLEAT_CONV_TENSORS; i++) {
        if (!used[i]) continue;
        names[n] = i;
        data[n++] = addresses[i];
    }
    cudnnBackendDescriptor_t pack = NULL;
    cudnnStatus_t code = cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64,
                                        n, names);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                                        CUDNN_TYPE_VOID_PTR, n, data);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
                                        CUDNN_TYPE_VOID_PTR, 1, &workspace);
    if (code == CUDNN_STATUS_SUCCESS) code = cudnnBackendFinalize(pack);
    if (code != CUDNN_STATUS_SUCCESS) drop(&pack);
    *out = pack;
    return code;
}

pleat_status pleat_conv_plan_run(pleat_cuda *e, pleat_conv_plan *plan,
                                 void *const tensors[PLEAT_CONV_TENSORS],
                                 pleat_cuda_partials *sums) {
    void *wanted[PLEAT_CONV_TENSORS + 1];
    if (sums != NULL) sums->rows = 0;
    if (plan->own) return pleat_conv_own_run(e, &plan->problem, tensors, e->workspace.data, sums);
    memcpy(wanted, tensors, PLEAT_CONV_TENSORS * sizeof *wanted);
    wanted[PLEAT_CONV_TENSORS] = e->workspace.data;
    if (plan->pack == NULL || memcmp(wanted, plan->packed, sizeof wanted) != 0) {
        drop(&plan->pack);
        CUDNN_TRY(make_pack(plan->tensors, tensors, e->workspace.data, &plan->pack));
        memcpy(plan->packed, wanted, sizeof wanted);
    }
    CUDNN_TRY(cudnnBackendExecute(e->cudnn, plan->plan, plan->pack));
    return PLEAT_OK;
}

/* ---- candidates ---- */

/* What an engine says of itself, and in which precisions that is too much. */
static const struct {
    cudnnBackendNumericalNote_t note;
    int refused[PLEAT_PRECISION_BF16 + 1], refused_deterministic;
} notes_refused[] = {
    {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, {[PLEAT_PRECISION_F32] = 1}, 0},
    {CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS,
     {[PLEAT_PRECISION_F32] = 1, [PLEAT_PRECISION_TF32] = 1},
     0},
    {CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION, {1, 1, 1, 1}, 0},
    {CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13, {1, 1, 1, 1}, 0},
    {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, {0}, 1},
};

static int is_refused(const pleat_conv_problem *p, cudnnBackendNumericalNote_t note) {
    for (size_t i = 0; i < sizeof notes_refused / sizeof *notes_refused; i++)
        if (notes_refused[i].note == note)
            return notes_refused[i].refused[p->precision] ||
                   (p->deterministic && notes_refused[i].refused_deterministic);
    return 0;
}

/* Settings of a candidate; the descriptors that cuDNN fills are ours. */
static cudnnStatus_t read_knobs(cudnnBackendDescriptor_t config, pleat_plan_choice *out) {
    cudnnBackendDescriptor_t knobs[PLEAT_PLAN_MOST_KNOBS] = {NULL};
    int64_t n = 0;
    cudnnStatus_t code = CUDNN_STATUS_SUCCESS;
    for (int i = 0; i < PLEAT_PLAN_MOST_KNOBS && code == CUDNN_STATUS_SUCCESS; i++)
        code = cudnnBackendCreateDescriptor(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, &knobs[i]);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, PLEAT_PLAN_MOST_KNOBS, &n,
                                        knobs);
    for (int64_t i = 0; i < n && code == CUDNN_STATUS_SUCCESS; i++) {
        cudnnBackendKnobType_t type = CUDNN_KNOB_TYPE_COUNTS;
        int64_t got = 0;
        code = cudnnBackendGetAttribute(knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
                                        CUDNN_TYPE_KNOB_TYPE, 1, &got, &type);
        if (code == CUDNN_STATUS_SUCCESS)
            code = cudnnBackendGetAttribute(knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE,
                                            CUDNN_TYPE_INT64, 1, &got, &out->value[i]);
        out->type[i] = (int64_t)type;
    }
    out->knobs = (int)n;
    for (int i = 0; i < PLEAT_PLAN_MOST_KNOBS; i++) drop(&knobs[i]);
    return code;
}

/* 1 when the candidate may be used; its number and settings. */
static int read_config(const pleat_conv_problem *p, cudnnBackendDescriptor_t config,
                       pleat_plan_choice *out) {
    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    cudnnBackendDescriptor_t engine = NULL;
    int64_t n = 0, got = 0;
    memset(out, 0, sizeof *out);
    cudnnStatus_t code = cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &got, &engine);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1,
                                        &got, &out->engine);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                        CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT,
                                        &n, notes);
    int allowed = code == CUDNN_STATUS_SUCCESS;
    for (int64_t i = 0; i < n && allowed; i++) allowed = !is_refused(p, notes[i]);
    drop(&engine);
    return allowed && read_knobs(config, out) == CUDNN_STATUS_SUCCESS;
}

/* An execution plan; CUDNN_STATUS_NOT_SUPPORTED when it wants too much workspace. */
static cudnnStatus_t make_plan(pleat_cuda *e, cudnnBackendDescriptor_t config,
                               cudnnBackendDescriptor_t *out, size_t *workspace) {
    cudnnBackendDescriptor_t plan = NULL;
    int64_t bytes = 0, got = 0;
    cudnnStatus_t code =
        cudnnBackendCreateDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &plan);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE,
                                        1, &e->cudnn);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config);
    if (code == CUDNN_STATUS_SUCCESS) code = cudnnBackendFinalize(plan);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                        CUDNN_TYPE_INT64, 1, &got, &bytes);
    if (code == CUDNN_STATUS_SUCCESS && (bytes < 0 || (size_t)bytes > e->workspace_limit))
        code = CUDNN_STATUS_NOT_SUPPORTED;
    if (code != CUDNN_STATUS_SUCCESS) drop(&plan);
    *out = plan;
    *workspace = (size_t)bytes;
    return code;
}

/* ---- trying ---- */

typedef struct trial { /* scratch tensors to run candidates on, and the best so far */
    void *tensors[PLEAT_CONV_TENSORS];
    pleat_cuda_buffer workspace;
    cudaEvent_t begin, end;
    char tried[MOST_TRIED][PLEAT_PLAN_TEXT];
    int tried_count, timed; /* of the heuristic that is asked */
    float best;             /* milliseconds */
    char choice[PLEAT_PLAN_TEXT];
} trial;

static void trial_close(trial *t) {
    for (int i = 0; i < PLEAT_CONV_TENSORS; i++) (void)cudaFree(t->tensors[i]);
    (void)cudaFree(t->workspace.data);
    if (t->begin != NULL) (void)cudaEventDestroy(t->begin);
    if (t->end != NULL) (void)cudaEventDestroy(t->end);
    free(t);
}

/* Noise: on zeros, whose bits do not change, a GPU draws less power and clocks higher. */
static pleat_status trial_fill(pleat_cuda *e, const pleat_conv_problem *p, trial *t) {
    const pleat_dtype act = p->precision == PLEAT_PRECISION_BF16 ? PLEAT_BF16 : PLEAT_F32;
    const size_t voxels = (size_t)p->n * (size_t)p->d * (size_t)p->h * (size_t)p->w;
    const size_t step = (size_t)p->stride[0] * (size_t)p->stride[1] * (size_t)p->stride[2];
    const size_t taps = (size_t)p->kernel[0] * (size_t)p->kernel[1] * (size_t)p->kernel[2];
    const size_t cin = (size_t)p->cin, cout = (size_t)p->cout;
    const size_t n[PLEAT_CONV_TENSORS] = {
        [PLEAT_CONV_X] = voxels * cin,
        [PLEAT_CONV_Y] = voxels / step * cout,
        [PLEAT_CONV_W] = cout * taps * cin,
        [PLEAT_CONV_BIAS] = cout,
    };
    for (int i = 0; i < PLEAT_CONV_TENSORS; i++) {
        CUDA_TRY(cudaMalloc(&t->tensors[i], n[i] * pleat_dtype_size(act)));
        CUDA_TRY(pleat_cuda_noise(act, n[i], t->tensors[i], e->stream));
    }
    CUDA_TRY(cudaEventCreate(&t->begin));
    CUDA_TRY(cudaEventCreate(&t->end));
    return PLEAT_OK;
}

/* Milliseconds of each of `runs`, or a negative number when one fails. */
static float time_runs(pleat_cuda *e, cudnnBackendDescriptor_t candidate,
                       cudnnBackendDescriptor_t pack, int runs, trial *t) {
    float milliseconds = 0;
    int good = cudaEventRecord(t->begin, e->stream) == cudaSuccess;
    for (int i = 0; i < runs && good; i++)
        good = cudnnBackendExecute(e->cudnn, candidate, pack) == CUDNN_STATUS_SUCCESS;
    good = good && cudaEventRecord(t->end, e->stream) == cudaSuccess &&
           cudaEventSynchronize(t->end) == cudaSuccess &&
           cudaEventElapsedTime(&milliseconds, t->begin, t->end) == cudaSuccess;
    (void)cudaGetLastError();
    return good ? milliseconds / (float)runs : -1;
}

/* Milliseconds of a run, or a negative number when the candidate does not run. */
static float run_time(pleat_cuda *e, const pleat_conv_plan *plan,
                      cudnnBackendDescriptor_t candidate, trial *t) {
    cudnnBackendDescriptor_t pack = NULL;
    float time = -1;
    cudnnStatus_t code = make_pack(plan->tensors, t->tensors, t->workspace.data, &pack);
    if (code == CUDNN_STATUS_SUCCESS) time = time_runs(e, candidate, pack, 1, t); /* loads it */
    const int hopeless = plan->plan != NULL && time > HOPELESS * t->best + HOPELESS_MS;
    if (time >= 0 && !hopeless) time = time_runs(e, candidate, pack, RUNS, t);
    if (time >= 0 && time < SHORT_MS) time = time_runs(e, candidate, pack, SHORT_RUNS, t);
    drop(&pack);
    return time;
}

static int was_tried(trial *t, const char *choice) {
    for (int i = 0; i < t->tried_count; i++)
        if (strcmp(t->tried[i], choice) == 0) return 1;
    if (t->tried_count < MOST_TRIED) memcpy(t->tried[t->tried_count++], choice, PLEAT_PLAN_TEXT);
    return 0;
}

/* Runs a candidate; the fastest so far moves into `plan`, and *config with it. */
static pleat_status consider(pleat_cuda *e, const pleat_conv_problem *p, pleat_conv_plan *plan,
                             trial *t, cudnnBackendDescriptor_t *config) {
    pleat_plan_choice choice;
    char text[PLEAT_PLAN_TEXT] = "";
    cudnnBackendDescriptor_t candidate = NULL;
    size_t workspace = 0;
    if (!read_config(p, *config, &choice)) return PLEAT_OK;
    if (!pleat_plan_choice_print(&choice, text, sizeof text)) return PLEAT_OK;
    if (was_tried(t, text)) return PLEAT_OK;
    if (make_plan(e, *config, &candidate, &workspace) != CUDNN_STATUS_SUCCESS) return PLEAT_OK;
    const size_t bytes = workspace > LEAST_WORKSPACE ? workspace : LEAST_WORKSPACE;
    const pleat_status status = pleat_cuda_reserve(&t->workspace, bytes);
    const float time = status == PLEAT_OK ? run_time(e, plan, candidate, t) : -1;
    t->timed += time >= 0;
    if (time >= 0 && (plan->plan == NULL || time < t->best)) {
        drop(&plan->plan);
        drop(&plan->config);
        plan->plan = candidate;
        plan->config = *config;
        plan->workspace = bytes;
        t->best = time;
        memcpy(t->choice, text, sizeof text);
        candidate = *config = NULL;
    }
    drop(&candidate);
    return status;
}

/* All that a heuristic names, [*n], to be dropped and freed; NULL for none. */
static cudnnStatus_t name_configs(cudnnBackendDescriptor_t heuristic, int64_t *n,
                                  cudnnBackendDescriptor_t **out) {
    int64_t named = 0;
    cudnnStatus_t code = cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &named, NULL);
    if (code != CUDNN_STATUS_SUCCESS || named <= 0) return code;
    *out = calloc((size_t)named, sizeof **out);
    if (*out == NULL) return CUDNN_STATUS_ALLOC_FAILED;
    *n = named;
    for (int64_t i = 0; i < named && code == CUDNN_STATUS_SUCCESS; i++)
        code = cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &(*out)[i]);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, named, &named, *out);
    return code;
}

/* The candidates of one of cuDNN's heuristics. Many may be refused before one can be timed. */
static pleat_status consider_mode(pleat_cuda *e, const pleat_conv_problem *p,
                                  cudnnBackendHeurMode_t mode, pleat_conv_plan *plan, trial *t) {
    pleat_status status = PLEAT_OK;
    cudnnBackendDescriptor_t heuristic = NULL, *configs = NULL;
    int64_t n = 0;
    cudnnStatus_t code =
        cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &heuristic);
    t->timed = 0;
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &plan->graph.graph);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE,
                                        1, &mode);
    if (code == CUDNN_STATUS_SUCCESS) code = cudnnBackendFinalize(heuristic);
    if (code == CUDNN_STATUS_SUCCESS) code = name_configs(heuristic, &n, &configs);
    for (int64_t i = 0; i < n && t->timed < MOST_CANDIDATES && code == CUDNN_STATUS_SUCCESS; i++) {
        status = consider(e, p, plan, t, &configs[i]);
        if (status != PLEAT_OK) break;
    }
    for (int64_t i = 0; i < n; i++) drop(&configs[i]);
    free(configs);
    drop(&heuristic);
    return status;
}

/* Which of both: the faster; "own" and "cudnn" are for tests and measurements. */
static int prefers_own(const trial *t, float milliseconds) {
    const char *told = getenv("PLEAT_CUDA_CONV");
    if (told != NULL && strcmp(told, OWN) == 0) return 1;
    return (told == NULL || strcmp(told, "cudnn") != 0) && milliseconds < t->best;
}

/* Our own kernel, where there is one, beside the fastest of cuDNN's. */
static pleat_status consider_own(pleat_cuda *e, const pleat_conv_problem *p, const char *key,
                                 pleat_conv_plan *plan, trial *t) {
    float milliseconds = 0;
    double error = 0;
    cudnnBackendDescriptor_t pack = NULL;
    if (!pleat_conv_own_has(e, p) || plan->plan == NULL) return PLEAT_OK;
    PLEAT_TRY(pleat_cuda_reserve(&t->workspace, pleat_conv_own_workspace(e, p)));
    CUDNN_TRY(make_pack(plan->tensors, t->tensors, t->workspace.data, &pack));
    const cudnnStatus_t code = cudnnBackendExecute(e->cudnn, plan->plan, pack);
    drop(&pack);
    CUDNN_TRY(code);
    /* A kernel that cannot be started is no candidate, as a plan that cuDNN refuses is none. */
    if (pleat_conv_own_try(e, p, t->tensors, t->workspace.data, &error, &milliseconds) !=
        PLEAT_OK) {
        pleat_log(PLEAT_DEBUG, "plan %s: our own kernel does not run: %s", key,
                  pleat_error_message());
        (void)cudaGetLastError();
        return PLEAT_OK;
    }
    pleat_log(PLEAT_DEBUG, "plan %s: our own kernel, %.3f ms, error %.1e", key,
              (double)milliseconds, error);
    if (!(error <= MOST_ERROR)) {
        pleat_log(PLEAT_INFO, "our own kernel is not used, it is wrong here (error %.1e): %s",
                  error, key);
    } else if (prefers_own(t, milliseconds)) {
        plan->own = 1;
        t->best = milliseconds;
        memcpy(t->choice, OWN, sizeof OWN);
    }
    return PLEAT_OK;
}

/* Leaves plan->plan NULL where nothing runs. */
static pleat_status search(pleat_cuda *e, const pleat_conv_problem *p, const char *key,
                           pleat_conv_plan *plan) {
    pleat_status status = PLEAT_OK;
    trial *t = calloc(1, sizeof *t);
    PLEAT_CHECK(t != NULL, PLEAT_ERR_MEMORY, "no memory to try plans");
    PLEAT_TRY_GOTO(status, done, trial_fill(e, p, t));
    PLEAT_TRY_GOTO(status, done, consider_mode(e, p, CUDNN_HEUR_MODE_A, plan, t));
    PLEAT_TRY_GOTO(status, done, consider_mode(e, p, CUDNN_HEUR_MODE_B, plan, t));
    if (plan->plan == NULL)
        PLEAT_TRY_GOTO(status, done, consider_mode(e, p, CUDNN_HEUR_MODE_FALLBACK, plan, t));
    CUDA_TRY_GOTO(status, done, cudaStreamSynchronize(e->stream));
    if (plan->plan == NULL) goto done;
    PLEAT_TRY_GOTO(status, done, consider_own(e, p, key, plan, t));
    pleat_log(PLEAT_DEBUG, "plan %s: engine %s, %.3f ms, workspace %zu MiB", key, t->choice,
              (double)t->best, plan->workspace >> 20);
    PLEAT_TRY_GOTO(status, done, pleat_plan_cache_put(e->plans, key, t->choice));
done:
    trial_close(t);
    return status;
}

/* ---- from the cache ---- */

static cudnnStatus_t make_knob(int64_t type, int64_t value, cudnnBackendDescriptor_t *out) {
    const cudnnBackendKnobType_t knob = (cudnnBackendKnobType_t)type;
    cudnnStatus_t code = cudnnBackendCreateDescriptor(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, out);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(*out, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
                                        CUDNN_TYPE_KNOB_TYPE, 1, &knob);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(*out, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64,
                                        1, &value);
    return code == CUDNN_STATUS_SUCCESS ? cudnnBackendFinalize(*out) : code;
}

static cudnnStatus_t make_config(const pleat_conv_plan *plan, const pleat_plan_choice *choice,
                                 cudnnBackendDescriptor_t *out) {
    cudnnBackendDescriptor_t engine = NULL, knobs[PLEAT_PLAN_MOST_KNOBS] = {NULL};
    cudnnStatus_t code = cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &plan->graph.graph);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1,
                                        &choice->engine);
    if (code == CUDNN_STATUS_SUCCESS) code = cudnnBackendFinalize(engine);
    for (int i = 0; i < choice->knobs && code == CUDNN_STATUS_SUCCESS; i++)
        code = make_knob(choice->type[i], choice->value[i], &knobs[i]);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, out);
    if (code == CUDNN_STATUS_SUCCESS)
        code = cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINECFG_ENGINE,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine);
    if (code == CUDNN_STATUS_SUCCESS && choice->knobs > 0)
        code = cudnnBackendSetAttribute(*out, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, choice->knobs, knobs);
    if (code == CUDNN_STATUS_SUCCESS) code = cudnnBackendFinalize(*out);
    for (int i = 0; i < choice->knobs; i++) drop(&knobs[i]);
    drop(&engine);
    return code;
}

/* The choice of an earlier search; a choice that no longer works is as good as none. */
static void recall(pleat_cuda *e, const char *key, pleat_conv_plan *plan) {
    pleat_plan_choice choice;
    const char *text = pleat_plan_cache_find(e->plans, key);
    if (text != NULL && strcmp(text, OWN) == 0) {
        plan->own = pleat_conv_own_has(e, &plan->problem);
        return;
    }
    if (text == NULL || !pleat_plan_choice_parse(text, &choice)) return;
    cudnnStatus_t code = make_config(plan, &choice, &plan->config);
    if (code == CUDNN_STATUS_SUCCESS)
        code = make_plan(e, plan->config, &plan->plan, &plan->workspace);
    if (code == CUDNN_STATUS_SUCCESS) return;
    drop(&plan->plan);
    drop(&plan->config);
}

pleat_status pleat_conv_plan_create(pleat_cuda *e, const pleat_conv_problem *p,
                                    pleat_conv_plan **out) {
    pleat_status status = PLEAT_OK;
    char key[PLEAT_PLAN_TEXT];
    pleat_conv_plan *plan = calloc(1, sizeof *plan);
    PLEAT_CHECK(plan != NULL, PLEAT_ERR_MEMORY, "cannot allocate a plan");
    *out = NULL;
    plan->problem = *p;
    PLEAT_CHECK_GOTO(status, done, pleat_conv_key(p, e->gpu, cudnnGetVersion(), key, sizeof key),
                     PLEAT_ERR_ENGINE, "the name of a plan is too long");
    for (int i = 0; i < PLEAT_CONV_TENSORS; i++)
        plan->tensors[i] = i != PLEAT_CONV_BIAS || (p->pass == PLEAT_PASS_FORWARD && p->fused);
    PLEAT_TRY_GOTO(status, done, pleat_conv_graph_build(&plan->graph, p));
    /* A graph that cuDNN does not know at all is refused here: no plan, not an error. */
    if (pleat_conv_graph_finish(&plan->graph, e->cudnn) != PLEAT_OK) goto done;
    recall(e, key, plan);
    if (plan->plan == NULL && !plan->own) PLEAT_TRY_GOTO(status, done, search(e, p, key, plan));
    if (plan->plan == NULL && !plan->own) goto done;
    if (plan->own) plan->workspace = pleat_conv_own_workspace(e, p);
    PLEAT_TRY_GOTO(status, done, pleat_cuda_reserve(&e->workspace, plan->workspace));
    *out = plan;
    plan = NULL;
done:
    pleat_conv_plan_destroy(plan);
    return status;
}

int pleat_conv_plan_adds(const pleat_conv_plan *plan) { return plan->own; }

void pleat_conv_plan_destroy(pleat_conv_plan *plan) {
    if (plan == NULL) return;
    drop(&plan->pack);
    drop(&plan->plan);
    drop(&plan->config);
    pleat_conv_graph_clear(&plan->graph);
    free(plan);
}
