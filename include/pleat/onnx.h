/*
 * onnx.h - an ONNX model, built operation by operation, and its file.
 *
 *   pleat_onnx model = {0};
 *   pleat_onnx_value(&model, 0, "image", 1, 160, 160, 80) ...
 *   pleat_onnx_op(&model, "MaxPool", "enc0.pool");      an operation and the name of its output
 *   pleat_onnx_reads(&model, "enc0.norm2");             of the last operation: an input,
 *   pleat_onnx_ints(&model, "strides", strides, 3);     an attribute
 *   pleat_onnx_write(&model, "net.onnx");  pleat_onnx_free(&model);
 *
 * Operations are those of opset 17 (onnx.ai, "ONNX Operators"); all numbers are float32. Names of
 * operations and attributes must outlive the model. When memory is out, `failed` is set, all later
 * calls do nothing, and pleat_onnx_write says so.
 *
 * The file is made by protobuf-c from src/io/onnx.proto. A build without protobuf-c has no
 * pleat_onnx_write, but an error that names the package.
 */
#ifndef PLEAT_ONNX_H
#define PLEAT_ONNX_H

#include "pleat/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PLEAT_ONNX_OPSET = 17,
    PLEAT_ONNX_NAME = 64, /* bytes of a name, with its end */
    PLEAT_ONNX_INPUTS = 5,
    PLEAT_ONNX_ATTRIBUTES = 3,
    PLEAT_ONNX_INTS = 6,
    PLEAT_ONNX_RANK = 5,
    PLEAT_ONNX_NOTES = 8
};

typedef enum pleat_onnx_kind { /* ONNX's AttributeType */
                               PLEAT_ONNX_FLOAT = 1,
                               PLEAT_ONNX_INT = 2,
                               PLEAT_ONNX_STRING = 3,
                               PLEAT_ONNX_INTEGERS = 7
} pleat_onnx_kind;

typedef struct pleat_onnx_attribute {
    const char *name;
    pleat_onnx_kind kind;
    float real;
    const char *text;
    int n; /* of ints; an INT is ints[0] */
    int64_t ints[PLEAT_ONNX_INTS];
} pleat_onnx_attribute;

typedef struct pleat_onnx_operation {
    const char *type; /* "Conv" */
    char output[PLEAT_ONNX_NAME];
    char input[PLEAT_ONNX_INPUTS][PLEAT_ONNX_NAME]; /* "": an optional one that is left out */
    int inputs, attributes;
    pleat_onnx_attribute attribute[PLEAT_ONNX_ATTRIBUTES];
} pleat_onnx_operation;

typedef struct pleat_onnx_tensor { /* weights */
    char name[PLEAT_ONNX_NAME];
    int rank;
    int64_t dim[PLEAT_ONNX_RANK];
    size_t n;      /* product of dim */
    float *values; /* [n], owned */
} pleat_onnx_tensor;

/* An input or output, [N,C,D,H,W]: N, D, H and W are symbols ("batch", "depth", "height", "width")
 * where they are 0. */
typedef struct pleat_onnx_value {
    char name[PLEAT_ONNX_NAME];
    int64_t dim[PLEAT_ONNX_RANK];
} pleat_onnx_value;

typedef struct pleat_onnx_note { /* of the model's metadata_props */
    const char *key;
    const char *text;
} pleat_onnx_note;

typedef struct pleat_onnx {
    pleat_onnx_operation *op; /* [ops], in an order in which they can be done */
    pleat_onnx_tensor *tensor;
    int ops, op_room, tensors, tensor_room, notes, failed;
    pleat_onnx_value input, output;
    pleat_onnx_note note[PLEAT_ONNX_NOTES];
} pleat_onnx;

void pleat_onnx_op(pleat_onnx *model, const char *type, const char *output);
/* Of the last operation: */
void pleat_onnx_reads(pleat_onnx *model, const char *name);
void pleat_onnx_ints(pleat_onnx *model, const char *name, const int *values, int n);
void pleat_onnx_int(pleat_onnx *model, const char *name, int value);
void pleat_onnx_real(pleat_onnx *model, const char *name, double value);
void pleat_onnx_text(pleat_onnx *model, const char *name, const char *text);
/* The same, and an input: OUTPUT.what, weights whose values the caller fills in. NULL when memory
 * is out. */
float *pleat_onnx_weights(pleat_onnx *model, const char *what, const int *dim, int rank);

/* Key and text, UTF-8, must outlive the model. */
void pleat_onnx_note_text(pleat_onnx *model, const char *key, const char *text);

/* Whether this build can write the file; else ERR_UNSUPPORTED. */
pleat_status pleat_onnx_can_write(void);
/* Replaces `path`. ERR_UNSUPPORTED, ERR_MEMORY, ERR_IO; ERR_SHAPE of a model above 2 GiB, which
 * protobuf cannot hold. */
pleat_status pleat_onnx_write(const pleat_onnx *model, const char *path);
void pleat_onnx_free(pleat_onnx *model); /* an empty one again */

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_ONNX_H */
