/* keras.c - the weights of a Keras model, in the order and places of our own network. */
#include "pleat/keras.h"

#include "../io/hdf5_other.h"
#include "keras_impl.h"
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADVICE                                                                          \
    "save the model again with Keras, to an .h5 file, without compression, and import " \
    "that"

enum { MOST_LAYERS = 512, KERNEL_RANK = 5 };

/* A layer's weights, by what they are. */
enum { KERNEL, BIAS, GAMMA, BETA, MEAN, VARIANCE, KINDS };
static const char *const kinds[KINDS] = {"kernel", "bias",        "gamma",
                                         "beta",   "moving_mean", "moving_variance"};

typedef struct weights {
    int rank;
    uint64_t dim[PLEAT_HDF5_OTHER_RANK];
    float *values; /* NULL: the layer has none of it */
} weights;

typedef struct layer {
    const char *name;
    weights of[KINDS];
} layer;

typedef struct reader {
    const char *path;
    pleat_hdf5_other *in;
    uint64_t root, group;
    char **names;  /* of all layers */
    layer *layers; /* [n] those with weights */
    int n;
} reader;

/* "conv3d/kernel:0" is a kernel; KINDS: none of ours. */
static int kind_of(const char *name) {
    const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
    const size_t length = strcspn(base, ":");
    int k = 0;
    while (k < KINDS && (strlen(kinds[k]) != length || strncmp(kinds[k], base, length) != 0)) k++;
    return k;
}

static pleat_status read_weight(reader *r, layer *l, uint64_t at, const char *name) {
    uint64_t set = PLEAT_HDF5_ABSENT;
    const int kind = kind_of(name);
    PLEAT_CHECK(kind < KINDS && l->of[kind].values == NULL, PLEAT_ERR_FORMAT,
                "'%s' is not MIScnn's standard U-Net: its layer '%s' has weights '%s'", r->path,
                l->name, name);
    PLEAT_TRY(pleat_hdf5_other_find(r->in, at, name, &set));
    PLEAT_CHECK(set != PLEAT_HDF5_ABSENT, PLEAT_ERR_FORMAT,
                "'%s' lacks the weights '%s' of its layer '%s'; %s", r->path, name, l->name,
                ADVICE);
    weights *w = &l->of[kind];
    return pleat_hdf5_other_floats(r->in, set, &w->rank, w->dim, &w->values);
}

static pleat_status read_layer(reader *r, const char *name) {
    pleat_status status = PLEAT_OK;
    uint64_t at = PLEAT_HDF5_ABSENT;
    char **names = NULL;
    int n = 0;
    PLEAT_TRY(pleat_hdf5_other_find(r->in, r->group, name, &at));
    PLEAT_CHECK(at != PLEAT_HDF5_ABSENT, PLEAT_ERR_FORMAT, "'%s' lacks its layer '%s'; %s", r->path,
                name, ADVICE);
    PLEAT_TRY(pleat_hdf5_other_texts(r->in, at, "weight_names", &names, &n));
    if (n > 0) r->layers[r->n++].name = name;
    for (int i = 0; i < n && status == PLEAT_OK; i++)
        status = read_weight(r, &r->layers[r->n - 1], at, names[i]);
    free(names);
    return status;
}

static pleat_status read_layers(reader *r) {
    int n = 0;
    PLEAT_TRY(pleat_hdf5_other_find(r->in, r->root, "model_weights", &r->group));
    if (r->group == PLEAT_HDF5_ABSENT) r->group = r->root;
    PLEAT_TRY(pleat_hdf5_other_texts(r->in, r->group, "layer_names", &r->names, &n));
    PLEAT_CHECK(n > 0 && n <= MOST_LAYERS, PLEAT_ERR_FORMAT,
                "'%s' is no Keras model: it has no layer_names; %s", r->path, ADVICE);
    r->layers = calloc((size_t)n, sizeof *r->layers);
    PLEAT_CHECK(r->layers != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", r->path);
    for (int i = 0; i < n; i++) PLEAT_TRY(read_layer(r, r->names[i]));
    return PLEAT_OK;
}

/* ---- which network --------------------------------------------------------------------------- */

static int is_kernel(const layer *l, uint64_t length) {
    const weights *k = &l->of[KERNEL];
    return k->values != NULL && k->rank == KERNEL_RANK && k->dim[0] == length;
}

extern const pleat_network_kind pleat_network_unet; /* the one that is imported */

static int standard_unet(void) {
    int i = 0;
    while (pleat_networks[i] != &pleat_network_unet) i++;
    return i;
}

/* By its first and last kernel, its transposed ones and its norms; whether it is one, is seen when
 * it is filled. */
static pleat_status infer_network(const reader *r, pleat_network *out) {
    enum { MOST = 1 << 16 };
    const layer *first = &r->layers[0], *last = &r->layers[r->n > 0 ? r->n - 1 : 0];
    PLEAT_CHECK(r->n > 1 && is_kernel(first, 3) && is_kernel(last, 1), PLEAT_ERR_FORMAT,
                "'%s' is not MIScnn's standard 3-D U-Net, the one that is imported: it does not "
                "begin with a kernel of 3x3x3 and end with one of 1x1x1",
                r->path);
    const uint64_t *from = first->of[KERNEL].dim, *to = last->of[KERNEL].dim;
    PLEAT_CHECK(from[3] < MOST && from[4] < MOST && to[4] < MOST, PLEAT_ERR_FORMAT,
                "'%s' has layers of more than %d channels", r->path, MOST);
    *out = (pleat_network){.name = standard_unet(),
                           .channels = (int)from[3],
                           .filters = (int)from[4],
                           .classes = (int)to[4]};
    for (int i = 0; i < r->n; i++) {
        out->depth += is_kernel(&r->layers[i], 2);
        out->norm |= r->layers[i].of[GAMMA].values != NULL;
    }
    return PLEAT_OK;
}

/* ---- the weights ----------------------------------------------------------------------------- */

static size_t count_of(const weights *w) {
    size_t n = w->values != NULL;
    for (int i = 0; i < w->rank; i++) n *= (size_t)w->dim[i];
    return n;
}

static int is_vector(const weights *w, int n) {
    return w->values != NULL && w->rank == 1 && w->dim[0] == (uint64_t)n;
}

static int is_product(const layer *l, const pleat_node *node, int in) {
    const weights *k = &l->of[KERNEL];
    const int up = node->kind->transposed, out = node->channels;
    return k->values != NULL && k->rank == KERNEL_RANK && is_vector(&l->of[BIAS], out) &&
           k->dim[0] == (uint64_t)node->kernel[2] && k->dim[1] == (uint64_t)node->kernel[1] &&
           k->dim[2] == (uint64_t)node->kernel[0] && k->dim[3] == (uint64_t)(up ? out : in) &&
           k->dim[4] == (uint64_t)(up ? in : out);
}

/* Keras has [x,y,z,Cin,Cout], transposed [x,y,z,Cout,Cin]; we [Cout,z,y,x,Cin], transposed
 * [z,y,x,Cout,Cin]. */
static void turn_kernel(const pleat_node *node, int in, const float *from, float *to) {
    const int *k = node->kernel, up = node->kind->transposed;
    const size_t cin = (size_t)in, cout = (size_t)node->channels;
    const size_t nz = (size_t)k[0], ny = (size_t)k[1], nx = (size_t)k[2], taps = nz * ny * nx;
    for (size_t x = 0; x < nx; x++)
        for (size_t y = 0; y < ny; y++)
            for (size_t z = 0; z < nz; z++) {
                const float *tap = from + ((x * ny + y) * nz + z) * cin * cout;
                const size_t t = (z * ny + y) * nx + x;
                if (up) {
                    memcpy(to + t * cin * cout, tap, cin * cout * sizeof *to);
                    continue;
                }
                for (size_t i = 0; i < cin; i++)
                    for (size_t o = 0; o < cout; o++)
                        to[(o * taps + t) * cin + i] = tap[i * cout + o];
            }
}

static void copy(const weights *from, float *to) {
    memcpy(to, from->values, (size_t)from->dim[0] * sizeof *to);
}

/* The layer's weights into the node's places; 0 when they do not fit. */
static int fill_node(const pleat_graph *graph, const pleat_node *node, const layer *l,
                     pleat_keras *out) {
    const int n = node->channels, in = graph->node[node->input[0]].channels;
    if (node->n_stats == 0) {
        if (!is_product(l, node, in)) return 0;
        turn_kernel(node, in, l->of[KERNEL].values, out->params + node->weights);
        copy(&l->of[BIAS], out->params + node->bias);
        return 1;
    }
    for (int k = GAMMA; k < KINDS; k++)
        if (!is_vector(&l->of[k], n)) return 0;
    copy(&l->of[GAMMA], out->params + node->weights);
    copy(&l->of[BETA], out->params + node->bias);
    copy(&l->of[MEAN], out->stats + node->stats);
    copy(&l->of[VARIANCE], out->stats + node->stats + n);
    return 1;
}

/* Its sizes are those of the file before memory is taken for it. */
static pleat_status build_network(const reader *r, const pleat_network *network,
                                  pleat_graph *graph) {
    size_t held = 0;
    char why[256];
    if (pleat_network_build(network, graph) != PLEAT_OK) {
        (void)snprintf(why, sizeof why, "%s", pleat_error_message());
        return PLEAT_FAIL(PLEAT_ERR_FORMAT, "'%s' is no network that pleat has: %s", r->path, why);
    }
    for (int i = 0; i < r->n; i++)
        for (int k = 0; k < KINDS; k++) held += count_of(&r->layers[i].of[k]);
    PLEAT_CHECK(held == graph->params + graph->stats, PLEAT_ERR_FORMAT,
                "'%s' is not MIScnn's standard U-Net: it holds %zu numbers, one of depth %d with "
                "%d filters and %d classes has %zu",
                r->path, held, network->depth, network->filters, network->classes,
                graph->params + graph->stats);
    return PLEAT_OK;
}

static pleat_status fill_network(const reader *r, const pleat_graph *graph, pleat_keras *out) {
    char text[PLEAT_NETWORK_TEXT];
    int at = 0;
    pleat_network_text(&out->network, text, sizeof text);
    out->n_params = graph->params;
    out->n_stats = graph->stats;
    out->params = malloc((graph->params + 1) * sizeof *out->params);
    out->stats = malloc((graph->stats + 1) * sizeof *out->stats);
    PLEAT_CHECK(out->params != NULL && out->stats != NULL, PLEAT_ERR_MEMORY,
                "no memory for the weights of '%s'", r->path);
    for (int i = 1; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        if (node->n_weights + node->n_bias == 0) continue;
        PLEAT_CHECK(at < r->n, PLEAT_ERR_FORMAT,
                    "'%s' is not MIScnn's standard U-Net: by its first and last layer it would be "
                    "'%s', and it ends before '%s' of that",
                    r->path, text, node->name);
        PLEAT_CHECK(fill_node(graph, node, &r->layers[at], out), PLEAT_ERR_FORMAT,
                    "'%s' is not MIScnn's standard U-Net: by its first and last layer it would be "
                    "'%s', but its layer '%s' has not the shapes of '%s' of that",
                    r->path, text, r->layers[at].name, node->name);
        at++;
    }
    PLEAT_CHECK(at == r->n, PLEAT_ERR_FORMAT,
                "'%s' is not MIScnn's standard U-Net: it has %d layers with weights, '%s' has %d",
                r->path, r->n, text, at);
    return PLEAT_OK;
}

static pleat_status check_config(const reader *r, pleat_keras *out) {
    char **texts = NULL;
    int n = 0;
    PLEAT_TRY(pleat_hdf5_other_texts(r->in, r->root, "model_config", &texts, &n));
    out->weights_alone = n == 0;
    const pleat_status status =
        n > 0 ? keras_check_config(r->path, texts[0], &out->network) : PLEAT_OK;
    free(texts);
    return status;
}

static void release(reader *r) {
    for (int i = 0; i < r->n; i++)
        for (int k = 0; k < KINDS; k++) free(r->layers[i].of[k].values);
    free(r->layers);
    free(r->names);
    pleat_hdf5_other_release(r->in);
}

pleat_status pleat_keras_read(const char *path, pleat_keras *out) {
    pleat_status status = PLEAT_OK;
    reader r = {.path = path};
    pleat_graph graph = {0};
    pleat_keras made = {0};
    PLEAT_TRY_GOTO(status, done, pleat_hdf5_other_open(path, ADVICE, &r.in, &r.root));
    PLEAT_TRY_GOTO(status, done, read_layers(&r));
    PLEAT_TRY_GOTO(status, done, infer_network(&r, &made.network));
    PLEAT_TRY_GOTO(status, done, build_network(&r, &made.network, &graph));
    PLEAT_TRY_GOTO(status, done, fill_network(&r, &graph, &made));
    PLEAT_TRY_GOTO(status, done, check_config(&r, &made));
    *out = made; /* ownership moves to the caller */
    made = (pleat_keras){0};
done:
    pleat_keras_free(&made);
    pleat_graph_free(&graph);
    release(&r);
    return status;
}

void pleat_keras_free(pleat_keras *model) {
    free(model->params);
    free(model->stats);
    *model = (pleat_keras){0};
}
