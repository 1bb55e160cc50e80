/* keras_config.c - whether the layers of a Keras model are those of MIScnn's standard U-Net. */
#include "keras_impl.h"

#include "pleat/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 128, MOST_INPUTS = 2 };

typedef struct walk { /* through the layers */
    const char *path;
    const json_t *layers;
    size_t at;       /* the layer to come */
    char last[NAME]; /* the one before */
} walk;

/* What the options of a layer must be where they are named: a text, or a number, of a list every
 * one; `other` means the same. */
static const struct rule {
    const char *layer, *key, *text;
    double number, other;
} rules[] = {
    {"Conv3D", "data_format", "channels_last", 0, 0},
    {"Conv3D", "strides", NULL, 1, 1},
    {"Conv3D", "dilation_rate", NULL, 1, 1},
    {"Conv3D", "groups", NULL, 1, 1},
    {"Conv3D", "use_bias", NULL, 1, 1},
    {"Conv3DTranspose", "activation", "linear", 0, 0},
    {"Conv3DTranspose", "data_format", "channels_last", 0, 0},
    {"Conv3DTranspose", "strides", NULL, 2, 2},
    {"Conv3DTranspose", "dilation_rate", NULL, 1, 1},
    {"Conv3DTranspose", "use_bias", NULL, 1, 1},
    {"BatchNormalization", "axis", NULL, 4, -1},
    {"BatchNormalization", "epsilon", NULL, 1e-3, 1e-3},
    {"BatchNormalization", "center", NULL, 1, 1},
    {"BatchNormalization", "scale", NULL, 1, 1},
    {"MaxPooling3D", "data_format", "channels_last", 0, 0},
    {"MaxPooling3D", "pool_size", NULL, 2, 2},
    {"MaxPooling3D", "strides", NULL, 2, 2},
    {"Concatenate", "axis", NULL, 4, -1},
};

static pleat_status refuse(const walk *w, const char *layer, const char *what) {
    return PLEAT_FAIL(PLEAT_ERR_FORMAT,
                      "'%s' is not MIScnn's standard U-Net, the one that is imported: its layer "
                      "'%s' %s",
                      w->path, layer, what);
}

static int is_number(const json_t *value, double number, double other) {
    const double x = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    if (!json_is_number(value) && !json_is_boolean(value)) return 0;
    return fabs(x - number) <= 1e-6 * fabs(number) || fabs(x - other) <= 1e-6 * fabs(other);
}

static int follows(const struct rule *r, const json_t *value) {
    if (value == NULL || json_is_null(value)) return 1;
    if (r->text != NULL)
        return json_is_string(value) && strcmp(json_string_value(value), r->text) == 0;
    if (!json_is_array(value)) return is_number(value, r->number, r->other);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!is_number(json_array_get(value, i), r->number, r->other)) return 0;
    return 1;
}

static pleat_status check_options(const walk *w, const char *name, const char *class,
                                  const char *activation, const json_t *config) {
    char what[128];
    const struct rule one = {class, "kernel_size", NULL, 1, 1}; /* is never padded */
    const struct rule own[] = {{class, "activation", activation, 0, 0},
                               {"Conv3D", "padding", "same", 0, 0}};
    const size_t more = sizeof own / sizeof *own, all = more + sizeof rules / sizeof *rules;
    for (size_t i = 0; i < all; i++) {
        const struct rule *r = i < more ? &own[i] : &rules[i - more];
        if (strcmp(r->layer, class) != 0 || (i == 0 && activation == NULL)) continue;
        if (i == 1 && follows(&one, json_object_get(config, one.key))) continue;
        if (follows(r, json_object_get(config, r->key))) continue;
        if (r->text != NULL)
            (void)snprintf(what, sizeof what, "has another %s than '%s'", r->key, r->text);
        else
            (void)snprintf(what, sizeof what, "has another %s than %g", r->key, r->number);
        return refuse(w, name, what);
    }
    return PLEAT_OK;
}

/* The layers that a layer reads, in their order: ["name", 0, 0, ...] wherever it stands, which is
 * how Keras 2 and 3 both name one. */
static void find_inputs(const json_t *value, int depth, const char *out[MOST_INPUTS], int *n) {
    enum { MOST_DEPTH = 8 };
    const char *key;
    json_t *member;
    if (depth == MOST_DEPTH) return;
    if (json_is_array(value) && json_is_string(json_array_get(value, 0)) &&
        json_is_integer(json_array_get(value, 1))) {
        if (*n < MOST_INPUTS) out[*n] = json_string_value(json_array_get(value, 0));
        ++*n;
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        find_inputs(json_array_get(value, i), depth + 1, out, n);
    if (json_is_object(value))
        json_object_foreach((json_t *)value, key, member) find_inputs(member, depth + 1, out, n);
}

/* The next layer: of this class, reading the last one and, unless it is NULL, `skip`. */
static pleat_status take_layer(walk *w, const char *class, const char *activation,
                               const char *skip) {
    const json_t *layer = json_array_get(w->layers, w->at++);
    const json_t *config = json_object_get(layer, "config");
    const char *is = json_string_value(json_object_get(layer, "class_name"));
    const char *name = json_string_value(json_object_get(config, "name"));
    const char *inputs[MOST_INPUTS] = {NULL};
    char what[NAME + 64];
    int n = 0;
    if (name == NULL || is == NULL || strlen(name) >= NAME)
        return refuse(w, w->last, "is followed by none that is described");
    if (strcmp(is, class) != 0) {
        (void)snprintf(what, sizeof what, "is not of the kind %s", class);
        return refuse(w, name, what);
    }
    find_inputs(json_object_get(layer, "inbound_nodes"), 0, inputs, &n);
    const int wanted = skip != NULL ? 2 : 1;
    if (n != wanted || strcmp(inputs[0], w->last) != 0 ||
        (skip != NULL && strcmp(inputs[1], skip) != 0)) {
        (void)snprintf(what, sizeof what, "reads other layers than '%.*s'%s", NAME - 1, w->last,
                       skip != NULL ? " and then that of the way down" : "");
        return refuse(w, name, what);
    }
    PLEAT_TRY(check_options(w, name, class, activation, config));
    (void)snprintf(w->last, sizeof w->last, "%s", name);
    return PLEAT_OK;
}

static pleat_status take_block(walk *w, int norm) {
    for (int i = 0; i < 2; i++) {
        PLEAT_TRY(take_layer(w, "Conv3D", "relu", NULL));
        if (norm) PLEAT_TRY(take_layer(w, "BatchNormalization", NULL, NULL));
    }
    return PLEAT_OK;
}

static pleat_status take_input(walk *w) {
    const json_t *layer = json_array_get(w->layers, w->at++);
    const char *is = json_string_value(json_object_get(layer, "class_name"));
    const char *name = json_string_value(json_object_get(json_object_get(layer, "config"), "name"));
    PLEAT_CHECK(is != NULL && name != NULL && strcmp(is, "InputLayer") == 0 && strlen(name) < NAME,
                PLEAT_ERR_FORMAT, "'%s': its model_config does not begin with an input", w->path);
    (void)snprintf(w->last, sizeof w->last, "%s", name);
    return PLEAT_OK;
}

static pleat_status take_network(walk *w, const pleat_network *network) {
    enum { MOST = 8 };
    char skips[MOST][NAME];
    const int depth = network->depth;
    PLEAT_CHECK(depth <= MOST, PLEAT_ERR_FORMAT, "'%s' is %d levels deep", w->path, depth);
    PLEAT_TRY(take_input(w));
    for (int i = 0; i < depth; i++) {
        PLEAT_TRY(take_block(w, network->norm));
        memcpy(skips[i], w->last, NAME);
        PLEAT_TRY(take_layer(w, "MaxPooling3D", NULL, NULL));
    }
    PLEAT_TRY(take_block(w, network->norm));
    for (int i = depth - 1; i >= 0; i--) {
        PLEAT_TRY(take_layer(w, "Conv3DTranspose", NULL, NULL));
        PLEAT_TRY(take_layer(w, "Concatenate", NULL, skips[i]));
        PLEAT_TRY(take_block(w, network->norm));
    }
    PLEAT_TRY(take_layer(w, "Conv3D", "softmax", NULL));
    if (w->at == json_array_size(w->layers)) return PLEAT_OK;
    return refuse(w, w->last, "is not the last one");
}

pleat_status keras_check_config(const char *path, const char *text, const pleat_network *network) {
    json_t *root = NULL;
    PLEAT_TRY(pleat_json_parse(path, text, strlen(text), &root));
    walk w = {.path = path, .layers = json_object_get(json_object_get(root, "config"), "layers")};
    const pleat_status status = take_network(&w, network);
    json_decref(root);
    return status;
}
