/*
 * onnx_file.c - an ONNX model as protobuf-c's messages, which write it.
 *
 * Messages only point to what the model holds, so a file costs the packed bytes alone.
 */
#include "pleat/file.h"
#include "pleat/onnx.h"
#include <onnx.pb-c.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IR_VERSION = 8, FLOAT32 = 1 }; /* 8: that of opset 17 */

/* An operation and its parts; a tensor; an input or output and its parts. */
typedef struct operation {
    Onnx__NodeProto node;
    char *inputs[PLEAT_ONNX_INPUTS], *output;
    Onnx__AttributeProto attribute[PLEAT_ONNX_ATTRIBUTES];
    Onnx__AttributeProto *attributes[PLEAT_ONNX_ATTRIBUTES];
} operation;

typedef struct value {
    Onnx__ValueInfoProto info;
    Onnx__TypeProto type;
    Onnx__TensorTypeProto tensor;
    Onnx__ShapeProto shape;
    Onnx__DimensionProto dim[PLEAT_ONNX_RANK];
    Onnx__DimensionProto *dims[PLEAT_ONNX_RANK];
} value;

typedef struct messages {
    operation *operation;
    Onnx__TensorProto *tensor;
    Onnx__NodeProto **nodes;
    Onnx__TensorProto **tensors;
    value input, output;
    Onnx__ValueInfoProto *inputs[1], *outputs[1];
    Onnx__StringStringEntryProto note[PLEAT_ONNX_NOTES];
    Onnx__StringStringEntryProto *notes[PLEAT_ONNX_NOTES];
    Onnx__OperatorSetIdProto opset;
    Onnx__OperatorSetIdProto *opsets[1];
    Onnx__GraphProto graph;
    Onnx__ModelProto model;
} messages;

/* protobuf-c's strings are not const, and it does not change them. */
static char *text_of(const char *text) { return (char *)text; }

static void fill_attribute(const pleat_onnx_attribute *from, Onnx__AttributeProto *to) {
    onnx__attribute_proto__init(to);
    to->name = text_of(from->name);
    to->has_type = 1;
    to->type = (int32_t)from->kind;
    switch (from->kind) {
    case PLEAT_ONNX_FLOAT:
        to->has_f = 1;
        to->f = from->real;
        break;
    case PLEAT_ONNX_INT:
        to->has_i = 1;
        to->i = from->ints[0];
        break;
    case PLEAT_ONNX_STRING:
        to->has_s = 1;
        to->s = (ProtobufCBinaryData){strlen(from->text), (uint8_t *)text_of(from->text)};
        break;
    case PLEAT_ONNX_INTEGERS:
        to->n_ints = (size_t)from->n;
        to->ints = (int64_t *)from->ints;
        break;
    }
}

static void fill_operation(const pleat_onnx_operation *from, operation *to) {
    onnx__node_proto__init(&to->node);
    for (int i = 0; i < from->inputs; i++) to->inputs[i] = text_of(from->input[i]);
    for (int i = 0; i < from->attributes; i++) {
        fill_attribute(&from->attribute[i], &to->attribute[i]);
        to->attributes[i] = &to->attribute[i];
    }
    to->output = text_of(from->output);
    to->node.name = to->output;
    to->node.op_type = text_of(from->type);
    to->node.n_input = (size_t)from->inputs;
    to->node.input = to->inputs;
    to->node.n_output = 1;
    to->node.output = &to->output;
    to->node.n_attribute = (size_t)from->attributes;
    to->node.attribute = to->attributes;
}

/* Little-endian, as raw_data is, and as every machine that pleat is built for. */
static void fill_tensor(const pleat_onnx_tensor *from, Onnx__TensorProto *to) {
    onnx__tensor_proto__init(to);
    to->name = text_of(from->name);
    to->n_dims = (size_t)from->rank;
    to->dims = (int64_t *)from->dim;
    to->has_data_type = 1;
    to->data_type = FLOAT32;
    to->has_raw_data = 1;
    to->raw_data = (ProtobufCBinaryData){from->n * sizeof *from->values, (uint8_t *)from->values};
}

static void fill_value(const pleat_onnx_value *from, value *to) {
    static const char *const symbols[PLEAT_ONNX_RANK] = {"batch", "channels", "depth", "height",
                                                         "width"};
    for (int i = 0; i < PLEAT_ONNX_RANK; i++) {
        onnx__dimension_proto__init(&to->dim[i]);
        to->dim[i].has_dim_value = from->dim[i] > 0;
        to->dim[i].dim_value = from->dim[i];
        if (from->dim[i] == 0) to->dim[i].dim_param = text_of(symbols[i]);
        to->dims[i] = &to->dim[i];
    }
    onnx__shape_proto__init(&to->shape);
    to->shape.n_dim = PLEAT_ONNX_RANK;
    to->shape.dim = to->dims;
    onnx__tensor_type_proto__init(&to->tensor);
    to->tensor.has_elem_type = 1;
    to->tensor.elem_type = FLOAT32;
    to->tensor.shape = &to->shape;
    onnx__type_proto__init(&to->type);
    to->type.tensor_type = &to->tensor;
    onnx__value_info_proto__init(&to->info);
    to->info.name = text_of(from->name);
    to->info.type = &to->type;
}

static void fill_graph(const pleat_onnx *from, messages *m) {
    for (int i = 0; i < from->ops; i++) {
        fill_operation(&from->op[i], &m->operation[i]);
        m->nodes[i] = &m->operation[i].node;
    }
    for (int i = 0; i < from->tensors; i++) {
        fill_tensor(&from->tensor[i], &m->tensor[i]);
        m->tensors[i] = &m->tensor[i];
    }
    fill_value(&from->input, &m->input);
    fill_value(&from->output, &m->output);
    m->inputs[0] = &m->input.info;
    m->outputs[0] = &m->output.info;
    onnx__graph_proto__init(&m->graph);
    m->graph.name = text_of("pleat");
    m->graph.n_node = (size_t)from->ops;
    m->graph.node = m->nodes;
    m->graph.n_initializer = (size_t)from->tensors;
    m->graph.initializer = m->tensors;
    m->graph.n_input = m->graph.n_output = 1;
    m->graph.input = m->inputs;
    m->graph.output = m->outputs;
}

static void fill_model(const pleat_onnx *from, messages *m) {
    fill_graph(from, m);
    onnx__operator_set_id_proto__init(&m->opset);
    m->opset.domain = text_of("");
    m->opset.has_version = 1;
    m->opset.version = PLEAT_ONNX_OPSET;
    m->opsets[0] = &m->opset;
    for (int i = 0; i < from->notes; i++) {
        onnx__string_string_entry_proto__init(&m->note[i]);
        m->note[i].key = text_of(from->note[i].key);
        m->note[i].value = text_of(from->note[i].text);
        m->notes[i] = &m->note[i];
    }
    onnx__model_proto__init(&m->model);
    m->model.has_ir_version = 1;
    m->model.ir_version = IR_VERSION;
    m->model.producer_name = text_of("pleat");
    m->model.producer_version = text_of(PLEAT_VERSION);
    m->model.graph = &m->graph;
    m->model.n_opset_import = 1;
    m->model.opset_import = m->opsets;
    m->model.n_metadata_props = (size_t)from->notes;
    m->model.metadata_props = m->notes;
}

static pleat_status pack(const Onnx__ModelProto *model, const char *path) {
    const size_t n = onnx__model_proto__get_packed_size(model);
    PLEAT_CHECK(n <= INT_MAX, PLEAT_ERR_SHAPE,
                "a network of %zu bytes does not fit into '%s': an ONNX file has 2 GiB at most", n,
                path);
    uint8_t *bytes = malloc(n);
    PLEAT_CHECK(bytes != NULL, PLEAT_ERR_MEMORY, "no memory for the %zu bytes of '%s'", n, path);
    (void)onnx__model_proto__pack(model, bytes);
    const pleat_status status = pleat_file_write_atomic(path, bytes, n);
    free(bytes);
    return status;
}

pleat_status pleat_onnx_can_write(void) { return PLEAT_OK; }

pleat_status pleat_onnx_write(const pleat_onnx *model, const char *path) {
    pleat_status status = PLEAT_OK;
    const size_t ops = (size_t)model->ops, tensors = (size_t)model->tensors;
    PLEAT_CHECK(!model->failed, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    messages *m = calloc(1, sizeof *m);
    PLEAT_CHECK(m != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    m->operation = calloc(ops + 1, sizeof *m->operation);
    m->nodes = calloc(ops + 1, sizeof(Onnx__NodeProto *));
    m->tensor = calloc(tensors + 1, sizeof *m->tensor);
    m->tensors = calloc(tensors + 1, sizeof(Onnx__TensorProto *));
    if (m->operation != NULL && m->nodes != NULL && m->tensor != NULL && m->tensors != NULL) {
        fill_model(model, m);
        status = pack(&m->model, path);
    } else {
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    }
    free(m->operation);
    free(m->nodes);
    free(m->tensor);
    free(m->tensors);
    free(m);
    return status;
}
