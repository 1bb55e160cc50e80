/* onnx.c - an ONNX model in memory. */
#include "pleat/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A place for one more of `size` bytes behind the n that are there; NULL when memory is out. */
static void *grow(void *list, int n, int *room, size_t size) {
    if (n < *room) return list;
    const int more = *room > 0 ? 2 * *room : 64;
    void *grown = realloc(list, (size_t)more * size);
    if (grown != NULL) *room = more;
    return grown;
}

static void set_name(pleat_onnx *model, char out[PLEAT_ONNX_NAME], const char *name) {
    if (snprintf(out, PLEAT_ONNX_NAME, "%s", name) >= PLEAT_ONNX_NAME) model->failed = 1;
}

void pleat_onnx_op(pleat_onnx *model, const char *type, const char *output) {
    if (model->failed) return;
    pleat_onnx_operation *grown = grow(model->op, model->ops, &model->op_room, sizeof *grown);
    if (grown == NULL) {
        model->failed = 1;
        return;
    }
    model->op = grown;
    pleat_onnx_operation *op = &grown[model->ops++];
    *op = (pleat_onnx_operation){.type = type};
    set_name(model, op->output, output);
}

void pleat_onnx_reads(pleat_onnx *model, const char *name) {
    if (model->failed || model->ops == 0) return;
    pleat_onnx_operation *op = &model->op[model->ops - 1];
    if (op->inputs == PLEAT_ONNX_INPUTS)
        model->failed = 1;
    else
        set_name(model, op->input[op->inputs++], name);
}

static void add_attribute(pleat_onnx *model, const pleat_onnx_attribute *attribute) {
    if (model->failed || model->ops == 0) return;
    pleat_onnx_operation *op = &model->op[model->ops - 1];
    if (op->attributes == PLEAT_ONNX_ATTRIBUTES)
        model->failed = 1;
    else
        op->attribute[op->attributes++] = *attribute;
}

void pleat_onnx_ints(pleat_onnx *model, const char *name, const int *values, int n) {
    pleat_onnx_attribute a = {.name = name, .kind = PLEAT_ONNX_INTEGERS, .n = n};
    for (int i = 0; i < n && i < PLEAT_ONNX_INTS; i++) a.ints[i] = values[i];
    add_attribute(model, &a);
}

void pleat_onnx_int(pleat_onnx *model, const char *name, int value) {
    add_attribute(model,
                  &(pleat_onnx_attribute){.name = name, .kind = PLEAT_ONNX_INT, .ints = {value}});
}

void pleat_onnx_real(pleat_onnx *model, const char *name, double value) {
    add_attribute(model, &(pleat_onnx_attribute){
                             .name = name, .kind = PLEAT_ONNX_FLOAT, .real = (float)value});
}

void pleat_onnx_text(pleat_onnx *model, const char *name, const char *text) {
    add_attribute(model,
                  &(pleat_onnx_attribute){.name = name, .kind = PLEAT_ONNX_STRING, .text = text});
}

float *pleat_onnx_weights(pleat_onnx *model, const char *what, const int *dim, int rank) {
    char name[2 * PLEAT_ONNX_NAME];
    if (model->failed || model->ops == 0) return NULL;
    pleat_onnx_tensor *grown =
        grow(model->tensor, model->tensors, &model->tensor_room, sizeof *grown);
    if (grown == NULL) {
        model->failed = 1;
        return NULL;
    }
    model->tensor = grown;
    pleat_onnx_tensor t = {.rank = rank, .n = 1};
    for (int i = 0; i < rank; i++) t.n *= (size_t)(t.dim[i] = dim[i]);
    (void)snprintf(name, sizeof name, "%s.%s", model->op[model->ops - 1].output, what);
    set_name(model, t.name, name);
    t.values = calloc(t.n, sizeof *t.values);
    if (t.values == NULL) {
        model->failed = 1;
        return NULL;
    }
    grown[model->tensors++] = t;
    pleat_onnx_reads(model, name);
    return t.values;
}

void pleat_onnx_note_text(pleat_onnx *model, const char *key, const char *text) {
    if (model->notes == PLEAT_ONNX_NOTES)
        model->failed = 1;
    else
        model->note[model->notes++] = (pleat_onnx_note){key, text};
}

void pleat_onnx_free(pleat_onnx *model) {
    for (int i = 0; i < model->tensors; i++) free(model->tensor[i].values);
    free(model->tensor);
    free(model->op);
    *model = (pleat_onnx){0};
}
