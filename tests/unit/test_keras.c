/*
 * test_keras.c - models of Keras: what they predict, and that no byte of one does harm.
 *
 * unet.hdf5 is of model.save of Keras 2.21 (superblock 0, groups as trees of symbols), of a
 * standard U-Net of depth 1 with 1 filter and 3 classes; weights.hdf5 has its weights alone, by
 * h5py with libver="latest" (superblock 3, groups as links, names of any length).
 */
#include "pleat/file.h"
#include "pleat/keras.h"
#include "support_net.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 2, D = 4, H = 12, W = 8, K = 3, V = N * D * H * W };

static char *bytes; /* of the file that a test changes */
static size_t n_bytes;

static const char *file_of(const char *name) {
    static char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/%s", KERAS_FILES, name));
    return path;
}

/* The file with the first `from` in it, of the same length, as `to`. */
static const char *with(const char *from, const char *to) {
    const char *path = in_root(NULL, "changed.hdf5");
    const size_t n = strlen(from);
    char *at = memmem(bytes, n_bytes, from, n);
    assert_non_null(at);
    assert_int_equal(strlen(to), n);
    memcpy(at, to, n);
    OK(pleat_file_write(path, bytes, n_bytes));
    for (size_t i = 0; i < n; i++) at[i] = from[i];
    return path;
}

static int load(void **state) {
    OK(pleat_file_read_all(file_of("unet.hdf5"), &bytes, &n_bytes));
    return make_root(state);
}

static int unload(void **state) {
    free(bytes);
    return remove_root(state);
}

/* --- what it predicts --- */

static void predict(const pleat_keras *keras, float *probs) {
    static float images[V];
    const int dim[3] = {D, H, W};
    pleat_graph graph;
    pleat_model *model = NULL;
    pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    OK(pleat_network_build(&keras->network, &graph));
    assert_int_equal(graph.params, keras->n_params);
    assert_int_equal(graph.stats, keras->n_stats);
    OK(pleat_model_create(&graph, engine, 0, &model));
    OK(pleat_model_set(model, PLEAT_STATE_PARAMS, keras->params));
    OK(pleat_model_set(model, PLEAT_STATE_STATS, keras->stats));
    pleat_net *net = net_compile(model, N, dim, 0, NULL);
    for (int j = 0; j < V; j++) images[j] = (float)sin(0.37 * j + 0.1);
    OK(pleat_net_predict(net, images, probs));
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    pleat_graph_free(&graph);
    pleat_engine_destroy(engine);
}

static void near(double got, double want, double most) {
    if (fabs(got - want) > most) fail_msg("%.9g, Keras has %.9g", got, want);
}

/* Keras' own: the image [N,D,H,W,1] above as its [N,x,y,z,1]. */
static void test_a_model_predicts_what_it_did_in_keras(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int weights_alone;
    } files[] = {{"unet.hdf5", 0}, {"weights.hdf5", 1}};
    static const double first[K] = {0.3432067, 0.29590431, 0.36088902};
    static float probs[V * K];
    for (size_t f = 0; f < COUNT(files); f++) {
        char text[PLEAT_NETWORK_TEXT];
        pleat_keras keras;
        double squares = 0, weighted = 0;
        OK(pleat_keras_read(file_of(files[f].name), &keras));
        pleat_network_text(&keras.network, text, sizeof text);
        assert_string_equal(text, "unet depth=1 filters=1 classes=3 norm=1");
        assert_int_equal(keras.weights_alone, files[f].weights_alone);
        predict(&keras, probs);
        for (int j = 0; j < V * K; j++) {
            squares += (double)probs[j] * probs[j];
            weighted += (double)probs[j] * (j % 17 - 8);
        }
        for (int k = 0; k < K; k++) near(probs[k], first[k], 1e-6);
        near(squares, 257.5006336437584, 1e-4);
        near(weighted, -14.272282868623734, 1e-4);
        pleat_keras_free(&keras);
    }
}

/* --- what is refused --- */

static void test_another_network_is_told_by_its_layer(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *told;
    } changes[] = {
        {"\"activation\": \"softmax\"", "\"activation\": \"sigmoid\"",
         "its layer 'conv3d_6' has another activation than 'softmax'"},
        {"\"activation\": \"relu\"", "\"activation\": \"selu\"", "'conv3d' has another activation"},
        {"\"padding\": \"same\"", "\"padding\": \"full\"", "'conv3d' has another padding"},
        {"\"epsilon\": 0.001", "\"epsilon\": 0.002", "has another epsilon than 0.001"},
        {"\"pool_size\": [2, 2, 2]", "\"pool_size\": [2, 2, 4]", "has another pool_size than 2"},
        {"\"class_name\": \"Concatenate\"", "\"class_name\": \"Concatenat2\"",
         "'concatenate' is not of the kind Concatenate"},
        {"[[[\"conv3d_transpose\", 0, 0, {}], [\"batch_normalization_1\"",
         "[[[\"conv3d_transpose\", 0, 0, {}], [\"batch_normalization_2\"",
         "'concatenate' reads other layers than 'conv3d_transpose' and then that of the way down"},
        {"{\"class_name\": \"Functional\"", "[\"class_name\": \"Functional\"", "unet"},
    };
    pleat_keras keras;
    for (size_t i = 0; i < COUNT(changes) - 1; i++)
        REFUSED(pleat_keras_read(with(changes[i].from, changes[i].to), &keras), PLEAT_ERR_FORMAT,
                changes[i].told);
    const size_t last = COUNT(changes) - 1;
    REFUSED(pleat_keras_read(with(changes[last].from, changes[last].to), &keras), PLEAT_ERR_FORMAT,
            "changed.hdf5");
}

static void test_what_is_missing_is_named(void **state) {
    (void)state;
    pleat_keras keras;
    const char *path = in_root(NULL, "cut.hdf5");
    REFUSED(pleat_keras_read(with("layer_names", "layer_namez"), &keras), PLEAT_ERR_FORMAT,
            "is no Keras model: it has no layer_names");
    REFUSED(pleat_keras_read(with("conv3d_1/kernel:0", "conv3d_1/kernel:1"), &keras),
            PLEAT_ERR_FORMAT, "lacks the weights 'conv3d_1/kernel:1' of its layer 'conv3d_1'");
    REFUSED(pleat_keras_read(with("conv3d_1/kernel:0", "conv3d_1/colonel0"), &keras),
            PLEAT_ERR_FORMAT, "its layer 'conv3d_1' has weights 'conv3d_1/colonel0'");
    OK(pleat_file_write(path, bytes, n_bytes - 1));
    REFUSED(pleat_keras_read(path, &keras), PLEAT_ERR_FORMAT, "end is missing");
    OK(pleat_file_write(path, "PK", 2));
    REFUSED(pleat_keras_read(path, &keras), PLEAT_ERR_FORMAT, "not that of an HDF5 file");
    REFUSED(pleat_keras_read(in_root(NULL, "none.hdf5"), &keras), PLEAT_ERR_NOT_FOUND, "none.hdf5");
}

/* Read, or refused with a message; the sanitizers say whether that is all. */
static void test_no_byte_of_a_file_does_more_than_damage_it(void **state) {
    (void)state;
    const char *path = in_root(NULL, "hostile.hdf5");
    OK(pleat_file_write(path, bytes, n_bytes));
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    for (size_t i = 0; i < n_bytes; i += 61) {
        const char other = (char)(bytes[i] ^ (i % 2 != 0 ? 0xff : 0x10));
        pleat_keras keras;
        assert_int_equal(pwrite(fd, &other, 1, (off_t)i), 1);
        const pleat_status status = pleat_keras_read(path, &keras);
        assert_true(status == PLEAT_OK || status == PLEAT_ERR_FORMAT);
        if (status == PLEAT_OK) pleat_keras_free(&keras);
        assert_int_equal(pwrite(fd, bytes + i, 1, (off_t)i), 1);
    }
    (void)close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_model_predicts_what_it_did_in_keras),
        cmocka_unit_test(test_another_network_is_told_by_its_layer),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_no_byte_of_a_file_does_more_than_damage_it),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
