/*
 * test_onnx.c - every network as an ONNX file, which is read back byte by byte: by the rules of
 * protobuf's encoding and the field numbers of onnx.proto, without protobuf-c.
 */
#include "pleat/export.h"
#include "pleat/file.h"
#include "pleat/networks.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct field {
    uint64_t number, value; /* value: of a number; else the length of what is at `at` */
    const unsigned char *at;
} field;

static uint64_t take_varint(const unsigned char **at, const unsigned char *end) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        assert_true(*at < end);
        const unsigned char byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    fail_msg("a number of more than 64 bits");
    return 0;
}

/* The next field of a message; 0 at its end. */
static int next(const unsigned char **at, const unsigned char *end, field *out) {
    if (*at == end) return 0;
    const uint64_t key = take_varint(at, end);
    *out = (field){.number = key >> 3, .at = *at};
    switch (key & 7) {
    case 0: out->value = take_varint(at, end); return 1;
    case 2:
        out->value = take_varint(at, end);
        out->at = *at;
        break;
    case 5: out->value = 4; break;
    default: fail_msg("a field of another kind");
    }
    assert_true(out->value <= (uint64_t)(end - *at));
    *at += out->value;
    return 1;
}

static void text_of(const field *f, char out[128]) {
    assert_true(f->value < 128);
    (void)snprintf(out, 128, "%.*s", (int)f->value, (const char *)f->at);
}

/* --- one network --- */

enum { MOST_NAMES = 2000 };

typedef struct reading {
    const pleat_graph *graph;
    char (*name)[128]; /* [n] of what there is to read, so far */
    int n, convolutions;
    char last[128];
    size_t weights; /* numbers of all tensors that are the network's own */
} reading;

static int is_there(const reading *r, const char *name) {
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->name[i], name) == 0) return 1;
    return 0;
}

static void add_name(reading *r, const char *name) {
    assert_true(r->n < MOST_NAMES);
    if (is_there(r, name)) fail_msg("'%s' is there twice", name);
    (void)snprintf(r->name[r->n++], 128, "%s", name);
}

static const pleat_node *node_of(const pleat_graph *graph, const char *tensor) {
    for (int i = 0; i < graph->n; i++) {
        const char *name = i == graph->n - 1 ? "logits" : graph->node[i].name;
        const size_t n = strlen(name);
        if (strncmp(tensor, name, n) == 0 &&
            (strcmp(tensor + n, ".weights") == 0 || strcmp(tensor + n, ".linear.weights") == 0))
            return &graph->node[i];
    }
    return NULL;
}

/* Parameter i has the value i: where each weight went, by ONNX's order [Cout,Cin,taps], transposed
 * [Cin,Cout,taps], of ours [Cout,taps,Cin], transposed [taps,Cout,Cin]. */
static void check_weights(reading *r, const pleat_node *node, const uint64_t dim[5],
                          const unsigned char *raw) {
    const int up = strstr(node->name, ".up") != NULL;
    const size_t taps = dim[2] * dim[3] * dim[4], out = (size_t)node->channels;
    const size_t in = (size_t)r->graph->node[node->input[0]].channels;
    assert_int_equal(dim[up ? 1 : 0], out);
    assert_int_equal(dim[up ? 0 : 1], in);
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t t = 0; t < taps; t++) {
                const size_t there = ((up ? i * out + o : o * in + i) * taps + t);
                const size_t ours = up ? (t * out + o) * in + i : (o * taps + t) * in + i;
                float value;
                memcpy(&value, raw + there * 4, 4);
                if ((size_t)value != node->weights + ours)
                    fail_msg("'%s' has %.0f where %zu belongs", node->name, (double)value,
                             node->weights + ours);
            }
}

static void read_tensor(reading *r, const unsigned char *at, const unsigned char *end) {
    uint64_t dim[5] = {0}, n = 1;
    int rank = 0;
    char name[128] = "";
    field f, raw = {0};
    while (next(&at, end, &f)) {
        if (f.number == 1) {
            assert_true(rank < 5);
            n *= dim[rank++] = f.value;
        } else if (f.number == 2) {
            assert_int_equal(f.value, 1);
        } else if (f.number == 8) {
            text_of(&f, name);
        } else if (f.number == 9) {
            raw = f;
        }
    }
    assert_int_equal(raw.value, 4 * n);
    add_name(r, name);
    if (strstr(name, ".scales") == NULL) r->weights += n;
    const pleat_node *node = rank == 5 ? node_of(r->graph, name) : NULL;
    assert_true((rank == 5) == (node != NULL));
    if (node != NULL) check_weights(r, node, dim, raw.at);
}

static void read_operation(reading *r, const unsigned char *at, const unsigned char *end) {
    char text[128];
    field f;
    while (next(&at, end, &f)) {
        if (f.number != 1 && f.number != 2 && f.number != 4) continue;
        text_of(&f, text);
        if (f.number == 1 && text[0] != '\0' && !is_there(r, text))
            fail_msg("'%s' is read before it is there", text);
        if (f.number == 2) {
            (void)snprintf(r->last, sizeof r->last, "%s", text);
            add_name(r, text);
        }
        if (f.number == 4) r->convolutions += strncmp(text, "Conv", 4) == 0 && text[4] != 'c';
    }
}

static void read_graph(reading *r, const unsigned char *from, const unsigned char *end) {
    const unsigned char *at = from;
    field f;
    add_name(r, "image");
    while (next(&at, end, &f))
        if (f.number == 5) read_tensor(r, f.at, f.at + f.value);
    at = from;
    while (next(&at, end, &f))
        if (f.number == 1) read_operation(r, f.at, f.at + f.value);
}

static void read_model(reading *r, const unsigned char *at, size_t n) {
    const unsigned char *end = at + n;
    char notes[128] = "";
    int graphs = 0, opset = 0;
    field f;
    while (next(&at, end, &f)) {
        if (f.number == 1) assert_int_equal(f.value, 8);
        if (f.number == 7) read_graph(r, f.at, f.at + f.value), graphs++;
        if (f.number == 8) opset = f.at[f.value - 1];
        if (f.number == 14) (void)snprintf(notes, sizeof notes, "%.*s", (int)f.value, f.at);
    }
    assert_int_equal(graphs, 1);
    assert_int_equal(opset, PLEAT_ONNX_OPSET);
    assert_non_null(strstr(notes, "pleat.note"));
    assert_non_null(strstr(notes, "its text"));
}

/* Parameters of heads that only guide training. */
static size_t left_out(const pleat_graph *graph) {
    size_t n = 0;
    for (int i = 0; i < graph->n - 1; i++) {
        const pleat_node *node = &graph->node[i];
        if (strncmp(node->name, "head", 4) != 0 || strchr(node->name, '.') != NULL) continue;
        n += node->n_weights + node->n_bias;
    }
    return n;
}

static void check_network(const char *text) {
    static const int any[3] = {0, 0, 0};
    const char *path = in_root(NULL, "net.onnx");
    pleat_network network;
    pleat_graph graph;
    pleat_onnx model = {0};
    char *bytes = NULL;
    size_t n = 0, ones = 0;
    OK(pleat_network_parse(text, &network));
    OK(pleat_network_build(&network, &graph));
    assert_true(graph.params < 1 << 24); /* floats hold their numbers */
    float *params = malloc(graph.params * sizeof *params);
    float *stats = calloc(graph.stats + 1, sizeof *stats);
    assert_true(params != NULL && stats != NULL);
    for (size_t i = 0; i < graph.params; i++) params[i] = (float)i;
    OK(pleat_export_onnx(&graph, params, stats, 0, any, &model));
    pleat_onnx_note_text(&model, "pleat.note", "its text");
    OK(pleat_onnx_write(&model, path));
    OK(pleat_file_read_all(path, &bytes, &n));
    reading r = {.graph = &graph, .name = calloc(MOST_NAMES, sizeof *r.name)};
    assert_non_null(r.name);
    read_model(&r, (const unsigned char *)bytes, n);
    assert_string_equal(r.last, "logits");
    for (int i = 0; i < graph.n; i++)
        ones += graph.node[i].no_gamma ? (size_t)graph.node[i].channels : 0;
    assert_int_equal(r.weights, graph.params + graph.stats - left_out(&graph) + ones);
    assert_true(r.convolutions > 2 * network.depth);
    free(r.name);
    free(bytes);
    free(params);
    free(stats);
    pleat_onnx_free(&model);
    pleat_graph_free(&graph);
}

static int can_write(void) {
    if (pleat_onnx_can_write() == PLEAT_OK) return 1;
    TOLD("libprotobuf-c-dev");
    (void)printf("this build writes no ONNX files\n");
    return 0;
}

static void test_every_network_is_written_whole(void **state) {
    (void)state;
    if (!can_write()) skip();
    for (int i = 0; pleat_networks[i] != NULL; i++) {
        char text[PLEAT_NETWORK_TEXT];
        (void)snprintf(text, sizeof text,
                       "%s depth=2 filters=6 most_filters=14 classes=3 supervise=1 channels=2",
                       pleat_networks[i]->name);
        check_network(text);
    }
}

static void test_a_size_that_cannot_be_is_refused(void **state) {
    (void)state;
    static const int odd[3] = {8, 8, 6};
    const float params[2048] = {0}, stats[64] = {0};
    pleat_network network;
    pleat_graph graph;
    pleat_onnx model = {0};
    OK(pleat_network_parse("unet depth=2 filters=1 classes=2 norm=1", &network));
    OK(pleat_network_build(&network, &graph));
    assert_true(graph.params <= COUNT(params) && graph.stats <= COUNT(stats));
    REFUSED(pleat_export_onnx(&graph, params, stats, 1, odd, &model), PLEAT_ERR_SHAPE,
            "patch 6x8x8");
    pleat_onnx_free(&model);
    pleat_graph_free(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_network_is_written_whole),
        cmocka_unit_test(test_a_size_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
