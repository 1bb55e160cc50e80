/* onednn_api.c - oneDNN's C API, version 2 or 3, as convolutions that can be prepared and run. */
#include "onednn.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>

#define DIMS           5 /* N,C,D,H,W or O,I,D,H,W; the tag says in which order they lie */
#define MOST_ARGUMENTS 5 /* of a primitive, the scratchpad being the last */

struct pleat_dnnl {
    dnnl_engine_t engine;
    int threads; /* of reorders of weights */
    int workers;
    int worker_threads;     /* of what workers run */
    dnnl_stream_t *streams; /* [workers] */
};

typedef struct arguments { /* of a primitive, without data between its runs */
    dnnl_exec_arg_t list[MOST_ARGUMENTS];
    int count;
} arguments;

typedef enum conv_way { FORWARD, MIRRORED, BACKWARD_DATA, BACKWARD_WEIGHTS } conv_way;

struct pleat_dnnl_op {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    int threads; /* it is made for */
    int workers;
    arguments *of;          /* [workers] */
    conv_way way;           /* of a convolution */
    pleat_dnnl_shape shape; /* forward */
};

static pleat_status failed(dnnl_status_t code, const char *call) {
    if (code == dnnl_out_of_memory)
        return PLEAT_FAIL(PLEAT_ERR_MEMORY,
                          "oneDNN is out of memory (%s); use a smaller batch, "
                          "patch or network",
                          call);
    return PLEAT_FAIL(PLEAT_ERR_ENGINE,
                      "oneDNN %d.%d returned status %d from %s; run again with "
                      "DNNL_VERBOSE=1 to see more",
                      DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, (int)code, call);
}

#define DNNL_TRY_GOTO(status, done, call)    \
    do {                                     \
        const dnnl_status_t code_ = (call);  \
        if (code_ != dnnl_success) {         \
            (status) = failed(code_, #call); \
            goto done;                       \
        }                                    \
    } while (0)

/* --- what differs between the versions: layouts, convolution descriptions, post-operations --- */

#if DNNL_VERSION_MAJOR >= 3

typedef dnnl_memory_desc_t layout; /* a handle */
typedef const_dnnl_memory_desc_t layout_ref;

#    define REF(l) (l)
static const layout no_layout = NULL;

static dnnl_status_t layout_create(layout *out, int rank, const dnnl_dims_t dims,
                                   dnnl_data_type_t type, dnnl_format_tag_t tag) {
    return dnnl_memory_desc_create_with_tag(out, rank, dims, type, tag);
}

static void layout_destroy(layout l) {
    if (l != NULL) (void)dnnl_memory_desc_destroy(l);
}

#else

typedef dnnl_memory_desc_t layout; /* a struct that owns nothing */
typedef const dnnl_memory_desc_t *layout_ref;

#    define REF(l) (&(l))
static const layout no_layout;

static dnnl_status_t layout_create(layout *out, int rank, const dnnl_dims_t dims,
                                   dnnl_data_type_t type, dnnl_format_tag_t tag) {
    return dnnl_memory_desc_init_by_tag(out, rank, dims, type, tag);
}

static void layout_destroy(layout l) { (void)l; }

#endif

typedef struct conv_spec { /* as the way sees it: a mirrored one's x is dy */
    layout x, y, weights, dweights, bias;
    dnnl_dims_t stride, before, after;
} conv_spec;

#if DNNL_VERSION_MAJOR >= 3

static const dnnl_dims_t no_dilation = {0, 0, 0};

static dnnl_status_t conv_desc_create(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                      conv_way way, const conv_spec *s, dnnl_primitive_desc_t hint,
                                      dnnl_primitive_attr_t attr) {
    if (way == BACKWARD_DATA)
        return dnnl_convolution_backward_data_primitive_desc_create(
            out, engine, dnnl_convolution_direct, s->x, s->weights, s->y, s->stride, no_dilation,
            s->before, s->after, hint, attr);
    if (way == BACKWARD_WEIGHTS)
        return dnnl_convolution_backward_weights_primitive_desc_create(
            out, engine, dnnl_convolution_direct, s->x, s->dweights, s->bias, s->y, s->stride,
            no_dilation, s->before, s->after, hint, attr);
    return dnnl_convolution_forward_primitive_desc_create(
        out, engine, dnnl_forward_training, dnnl_convolution_direct, s->x, s->weights,
        way == FORWARD ? s->bias : NULL, s->y, s->stride, no_dilation, s->before, s->after, attr);
}

static dnnl_status_t append_relu(dnnl_post_ops_t operations) {
    return dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu, 0, 0);
}

static dnnl_status_t append_sum(dnnl_post_ops_t operations) {
    return dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef);
}

#else

static dnnl_status_t conv_desc_create(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                      conv_way way, const conv_spec *s, dnnl_primitive_desc_t hint,
                                      dnnl_primitive_attr_t attr) {
    dnnl_convolution_desc_t desc;
    dnnl_status_t code;
    if (way == BACKWARD_DATA)
        code = dnnl_convolution_backward_data_desc_init(&desc, dnnl_convolution_direct, &s->x,
                                                        &s->weights, &s->y, s->stride, s->before,
                                                        s->after);
    else if (way == BACKWARD_WEIGHTS)
        code = dnnl_convolution_backward_weights_desc_init(&desc, dnnl_convolution_direct, &s->x,
                                                           &s->dweights, &s->bias, &s->y, s->stride,
                                                           s->before, s->after);
    else
        code = dnnl_convolution_forward_desc_init(
            &desc, dnnl_forward_training, dnnl_convolution_direct, &s->x, &s->weights,
            way == FORWARD ? &s->bias : NULL, &s->y, s->stride, s->before, s->after);
    return code != dnnl_success ? code : dnnl_primitive_desc_create(out, &desc, attr, engine, hint);
}

static dnnl_status_t append_relu(dnnl_post_ops_t operations) {
    return dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0);
}

static dnnl_status_t append_sum(dnnl_post_ops_t operations) {
    return dnnl_post_ops_append_sum(operations, 1);
}

#endif

/* --- the library --- */

pleat_status pleat_dnnl_open(int threads, int side_by_side, pleat_dnnl **out) {
    pleat_status status = PLEAT_OK;
    const int workers = side_by_side ? threads : 1;
    pleat_dnnl *library = calloc(1, sizeof *library);
    PLEAT_CHECK(library != NULL, PLEAT_ERR_MEMORY, "cannot allocate the oneDNN engine");
    library->streams = calloc((size_t)workers, sizeof(dnnl_stream_t));
    PLEAT_CHECK_GOTO(status, done, library->streams != NULL, PLEAT_ERR_MEMORY,
                     "cannot allocate the oneDNN engine");
    library->threads = threads;
    library->workers = workers;
    library->worker_threads = side_by_side ? 1 : threads;
    DNNL_TRY_GOTO(status, done, dnnl_engine_create(&library->engine, dnnl_cpu, 0));
    for (int i = 0; i < workers; i++)
        DNNL_TRY_GOTO(
            status, done,
            dnnl_stream_create(&library->streams[i], library->engine, dnnl_stream_default_flags));
    *out = library;
    library = NULL;
done:
    pleat_dnnl_close(library);
    return status;
}

void pleat_dnnl_close(pleat_dnnl *library) {
    if (library == NULL) return;
    for (int i = 0; i < library->workers; i++)
        if (library->streams[i] != NULL) (void)dnnl_stream_destroy(library->streams[i]);
    free(library->streams);
    if (library->engine != NULL) (void)dnnl_engine_destroy(library->engine);
    free(library);
}

/* The values are sets of features: a set holds those of the processors before it. */
static int has_isa(dnnl_cpu_isa_t isa) {
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)isa) == (unsigned)isa;
}

int pleat_dnnl_has_bf16(void) { return has_isa(dnnl_cpu_isa_avx512_core_bf16); }

int pleat_dnnl_has_avx2(void) { return has_isa(dnnl_cpu_isa_avx2); }

int pleat_dnnl_has_avx512(void) { return has_isa(dnnl_cpu_isa_avx512_core); }

int pleat_dnnl_has_amx(void) { return has_isa(dnnl_cpu_isa_avx512_core_amx); }

const char *pleat_dnnl_isa(void) {
    static const struct {
        dnnl_cpu_isa_t isa;
        const char *name;
    } known[] = {
        {dnnl_cpu_isa_avx512_core_amx, "AMX"},
        {dnnl_cpu_isa_avx512_core_bf16, "AVX-512 bf16"},
        {dnnl_cpu_isa_avx512_core, "AVX-512"},
        {dnnl_cpu_isa_avx2, "AVX2"},
        {dnnl_cpu_isa_avx, "AVX"},
        {dnnl_cpu_isa_sse41, "SSE4.1"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (has_isa(known[i].isa)) return known[i].name;
    return "generic instructions";
}

/* OpenMP's number of threads of the calling thread until now; it is given back after the call. */
static int use_threads(int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    return before;
}

/* --- preparing --- */

static dnnl_status_t attributes_create(dnnl_primitive_attr_t *out,
                                       dnnl_status_t (*append)(dnnl_post_ops_t)) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t operations = NULL;
    dnnl_status_t code = dnnl_primitive_attr_create(&attributes);
    if (code == dnnl_success)
        code = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (code == dnnl_success && append != NULL) {
        code = dnnl_post_ops_create(&operations);
        if (code == dnnl_success) code = append(operations);
        if (code == dnnl_success) code = dnnl_primitive_attr_set_post_ops(attributes, operations);
    }
    if (operations != NULL) (void)dnnl_post_ops_destroy(operations);
    *out = attributes;
    return code;
}

static layout_ref layout_of(const pleat_dnnl_op *op, dnnl_query_t what) {
    return dnnl_primitive_desc_query_md(op->desc, what, 0);
}

static layout_ref weights_of(const pleat_dnnl_op *conv) {
    return layout_of(conv, conv->way == BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md
                                                         : dnnl_query_weights_md);
}

/* A memory, without data yet, for each of a primitive's arguments. */
static pleat_status make_arguments(pleat_dnnl *library, const pleat_dnnl_op *op, int count,
                                   const int *names, const layout_ref *layouts, arguments *out) {
    pleat_status status = PLEAT_OK;
    for (int i = 0; i <= count; i++) {
        dnnl_exec_arg_t *argument = &out->list[i];
        argument->arg = i < count ? names[i] : DNNL_ARG_SCRATCHPAD;
        const layout_ref l = i < count ? layouts[i] : layout_of(op, dnnl_query_scratchpad_md);
        DNNL_TRY_GOTO(status, done,
                      dnnl_memory_create(&argument->memory, l, library->engine, DNNL_MEMORY_NONE));
        out->count = i + 1;
    }
done:
    return status;
}

/* Makes the primitive of op->desc, and arguments for each worker. */
static pleat_status op_finish(pleat_dnnl *library, pleat_dnnl_op *op, int count, const int *names,
                              const layout_ref *layouts) {
    pleat_status status = PLEAT_OK;
    DNNL_TRY_GOTO(status, done, dnnl_primitive_create(&op->primitive, op->desc));
    op->of = calloc((size_t)library->workers, sizeof *op->of);
    PLEAT_CHECK(op->of != NULL, PLEAT_ERR_MEMORY, "cannot allocate a primitive's arguments");
    op->workers = library->workers;
    for (int i = 0; i < op->workers; i++)
        PLEAT_TRY(make_arguments(library, op, count, names, layouts, &op->of[i]));
done:
    return status;
}

/* The layouts of a way; a mirrored one goes from dy to dx, which are of the same size. */
static dnnl_status_t spec_create(conv_spec *s, conv_way way, const pleat_dnnl_shape *shape) {
    const dnnl_data_type_t type = shape->bf16 ? dnnl_bf16 : dnnl_f32;
    const int mirrored = way == MIRRORED;
    const int cin = mirrored ? shape->cout : shape->cin, cout = mirrored ? shape->cin : shape->cout;
    const int size[3] = {shape->d, shape->h, shape->w}, *k = shape->kernel;
    const dnnl_dims_t x = {shape->n, cin, size[0], size[1], size[2]};
    const dnnl_dims_t weights = {cout, cin, k[0], k[1], k[2]}, bias = {cout};
    dnnl_dims_t y = {shape->n, cout};
    for (int i = 0; i < 3; i++) {
        const int step = shape->stride[i], last = (size[i] / step - 1) * step + k[i];
        const int after = last - size[i] - shape->before[i];
        y[2 + i] = size[i] / step;
        s->stride[i] = step;
        s->before[i] = shape->before[i];
        s->after[i] = after > 0 ? after : 0;
    }
    dnnl_status_t code = layout_create(&s->x, DIMS, x, type, dnnl_acdeb);
    if (code == dnnl_success) code = layout_create(&s->y, DIMS, y, type, dnnl_acdeb);
    if (code == dnnl_success)
        code = layout_create(&s->weights, DIMS, weights, type, dnnl_format_tag_any);
    if (code == dnnl_success)
        code = layout_create(&s->dweights, DIMS, weights, dnnl_f32, dnnl_format_tag_any);
    return code != dnnl_success ? code : layout_create(&s->bias, 1, bias, dnnl_f32, dnnl_a);
}

static void spec_destroy(conv_spec *s) {
    layout_destroy(s->x);
    layout_destroy(s->y);
    layout_destroy(s->weights);
    layout_destroy(s->dweights);
    layout_destroy(s->bias);
}

int pleat_dnnl_mirrors(const pleat_dnnl_shape *shape) {
    for (int i = 0; i < 3; i++)
        if (shape->stride[i] != 1 || shape->before[i] != shape->kernel[i] / 2) return 0;
    return 1;
}

static conv_way way_of(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass) {
    if (pass == PLEAT_DNNL_FORWARD) return FORWARD;
    if (pass == PLEAT_DNNL_BACKWARD_WEIGHTS) return BACKWARD_WEIGHTS;
    return pleat_dnnl_mirrors(shape) ? MIRRORED : BACKWARD_DATA;
}

static const struct {
    int count, names[4];
} conv_arguments[] = {
    [FORWARD] = {4, {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST}},
    [MIRRORED] = {3, {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}},
    [BACKWARD_DATA] = {3, {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC}},
    [BACKWARD_WEIGHTS] = {4,
                          {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS,
                           DNNL_ARG_DIFF_BIAS}},
};

static pleat_status conv_make(pleat_dnnl *library, const pleat_dnnl_shape *shape, conv_way way,
                              pleat_dnnl_op **out) {
    pleat_status status = PLEAT_OK;
    conv_spec spec = {.x = no_layout};
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t hint = NULL;
    const dnnl_engine_t engine = library->engine;
    pleat_dnnl_op *op = calloc(1, sizeof *op);
    PLEAT_CHECK_GOTO(status, done, op != NULL, PLEAT_ERR_MEMORY, "cannot allocate a convolution");
    op->way = way;
    op->shape = *shape;
    op->threads = library->worker_threads;
    const int relu = way == FORWARD && shape->relu;
    DNNL_TRY_GOTO(status, done, spec_create(&spec, way, shape));
    DNNL_TRY_GOTO(status, done, attributes_create(&attributes, relu ? append_relu : NULL));
    if (way == BACKWARD_WEIGHTS || way == BACKWARD_DATA)
        DNNL_TRY_GOTO(status, done,
                      conv_desc_create(&hint, engine, FORWARD, &spec, NULL, attributes));
    DNNL_TRY_GOTO(status, done, conv_desc_create(&op->desc, engine, way, &spec, hint, attributes));
    {
        const layout_ref x = REF(spec.x), y = REF(spec.y), b = REF(spec.bias), w = weights_of(op);
        const layout_ref layouts[][4] = {[FORWARD] = {x, w, b, y},
                                         [MIRRORED] = {x, w, y},
                                         [BACKWARD_DATA] = {y, w, x},
                                         [BACKWARD_WEIGHTS] = {x, y, w, b}};
        PLEAT_TRY_GOTO(status, done,
                       op_finish(library, op, conv_arguments[way].count, conv_arguments[way].names,
                                 layouts[way]));
    }
    *out = op;
    op = NULL;
done:
    if (hint != NULL) (void)dnnl_primitive_desc_destroy(hint);
    if (attributes != NULL) (void)dnnl_primitive_attr_destroy(attributes);
    spec_destroy(&spec);
    pleat_dnnl_op_destroy(op);
    return status;
}

pleat_status pleat_dnnl_conv(pleat_dnnl *library, const pleat_dnnl_shape *shape,
                             pleat_dnnl_pass pass, pleat_dnnl_op **out) {
    const int callers = use_threads(library->worker_threads);
    const pleat_status status = conv_make(library, shape, way_of(shape, pass), out);
    (void)use_threads(callers);
    return status;
}

static pleat_status reorder_make(pleat_dnnl *library, const pleat_dnnl_op *conv, int unpack_add,
                                 int threads, pleat_dnnl_op **out) {
    static const int names[] = {DNNL_ARG_FROM, DNNL_ARG_TO};
    const pleat_dnnl_shape *s = &conv->shape;
    const int mirrored = conv->way == MIRRORED, *k = s->kernel;
    const dnnl_dims_t dims = {mirrored ? s->cin : s->cout, mirrored ? s->cout : s->cin, k[0], k[1],
                              k[2]};
    pleat_status status = PLEAT_OK;
    layout canonical = no_layout;
    dnnl_primitive_attr_t attributes = NULL;
    pleat_dnnl_op *op = calloc(1, sizeof *op);
    PLEAT_CHECK_GOTO(status, done, op != NULL, PLEAT_ERR_MEMORY, "cannot allocate a reorder");
    op->threads = threads;
    DNNL_TRY_GOTO(
        status, done,
        layout_create(&canonical, DIMS, dims, dnnl_f32, mirrored ? dnnl_bcdea : dnnl_acdeb));
    DNNL_TRY_GOTO(status, done, attributes_create(&attributes, unpack_add ? append_sum : NULL));
    {
        const layout_ref from = unpack_add ? weights_of(conv) : REF(canonical);
        const layout_ref to = unpack_add ? REF(canonical) : weights_of(conv);
        DNNL_TRY_GOTO(status, done,
                      dnnl_reorder_primitive_desc_create(&op->desc, from, library->engine, to,
                                                         library->engine, attributes));
        PLEAT_TRY_GOTO(status, done,
                       op_finish(library, op, 2, names, (const layout_ref[]){from, to}));
    }
    *out = op;
    op = NULL;
done:
    if (attributes != NULL) (void)dnnl_primitive_attr_destroy(attributes);
    layout_destroy(canonical);
    pleat_dnnl_op_destroy(op);
    return status;
}

static pleat_status reorder(pleat_dnnl *library, const pleat_dnnl_op *conv, int unpack_add,
                            int threads, pleat_dnnl_op **out) {
    const int callers = use_threads(threads);
    const pleat_status status = reorder_make(library, conv, unpack_add, threads, out);
    (void)use_threads(callers);
    return status;
}

pleat_status pleat_dnnl_pack(pleat_dnnl *library, const pleat_dnnl_op *conv, pleat_dnnl_op **out) {
    return reorder(library, conv, 0, library->threads, out);
}

pleat_status pleat_dnnl_unpack_add(pleat_dnnl *library, const pleat_dnnl_op *conv,
                                   pleat_dnnl_op **out) {
    return reorder(library, conv, 1, library->worker_threads, out);
}

/* A pair of output channels may lie in a block of pairs, which changes nothing where the blocks are
 * whole. */
static const struct {
    int run, pairs; /* pairs: output channels in a block, 1 without pairs */
    dnnl_format_tag_t tag;
} mirror_layouts[] = {
    {16, 1, dnnl_Acdeb16a},       {32, 1, dnnl_Acdeb32a},       {48, 1, dnnl_Acdeb48a},
    {64, 1, dnnl_Acdeb64a},       {16, 2, dnnl_AcdeB16a2b},     {32, 2, dnnl_AcdeB32a2b},
    {48, 2, dnnl_AcdeB48a2b},     {64, 2, dnnl_AcdeB64a2b},     {16, 32, dnnl_AcdeB16b16a2b},
    {32, 32, dnnl_AcdeB16b32a2b}, {48, 32, dnnl_AcdeB16b48a2b}, {64, 32, dnnl_AcdeB16b64a2b},
};

int pleat_dnnl_mirror_run(const pleat_dnnl_op *conv) {
    const pleat_dnnl_shape *s = &conv->shape;
    const dnnl_dims_t dims = {s->cin, s->cout, s->kernel[0], s->kernel[1], s->kernel[2]};
    if (conv->way != MIRRORED) return 0;
    for (size_t i = 0; i < sizeof mirror_layouts / sizeof *mirror_layouts; i++) {
        const int run = mirror_layouts[i].run, pairs = mirror_layouts[i].pairs;
        layout l = no_layout;
        if (s->cin % run != 0 || s->cout % pairs != 0 || s->bf16 != (pairs > 1)) continue;
        if (layout_create(&l, DIMS, dims, s->bf16 ? dnnl_bf16 : dnnl_f32, mirror_layouts[i].tag) !=
            dnnl_success)
            continue;
        const int equal = dnnl_memory_desc_equal(REF(l), weights_of(conv));
        layout_destroy(l);
        if (equal) return run;
    }
    return 0;
}

void pleat_dnnl_op_destroy(pleat_dnnl_op *op) {
    if (op == NULL) return;
    for (int k = 0; k < op->workers; k++)
        for (int i = 0; i < op->of[k].count; i++)
            (void)dnnl_memory_destroy(op->of[k].list[i].memory);
    free(op->of);
    if (op->primitive != NULL) (void)dnnl_primitive_destroy(op->primitive);
    if (op->desc != NULL) (void)dnnl_primitive_desc_destroy(op->desc);
    free(op);
}

/* --- asking and running --- */

size_t pleat_dnnl_weights_bytes(const pleat_dnnl_op *conv) {
    return dnnl_memory_desc_get_size(weights_of(conv));
}

size_t pleat_dnnl_scratchpad_bytes(const pleat_dnnl_op *op) {
    return dnnl_memory_desc_get_size(layout_of(op, dnnl_query_scratchpad_md));
}

const char *pleat_dnnl_implementation(const pleat_dnnl_op *op) {
    const char *name = NULL;
    const dnnl_status_t code =
        dnnl_primitive_desc_query(op->desc, dnnl_query_impl_info_str, 0, (void *)&name);
    return code == dnnl_success && name != NULL ? name : "unknown";
}

pleat_status pleat_dnnl_run(pleat_dnnl *library, pleat_dnnl_op *op, int worker, void *const *data,
                            void *scratchpad) {
    pleat_status status = PLEAT_OK;
    const arguments *a = &op->of[worker];
    dnnl_stream_t stream = library->streams[worker];
    const int callers = use_threads(op->threads);
    for (int i = 0; i < a->count; i++)
        DNNL_TRY_GOTO(status, done,
                      dnnl_memory_set_data_handle(a->list[i].memory,
                                                  i + 1 < a->count ? data[i] : scratchpad));
    DNNL_TRY_GOTO(status, done, dnnl_primitive_execute(op->primitive, stream, a->count, a->list));
    DNNL_TRY_GOTO(status, done, dnnl_stream_wait(stream));
done:
    (void)use_threads(callers);
    return status;
}
