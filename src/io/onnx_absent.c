/* onnx_absent.c - in the place of onnx_file.c where pleat is built without protobuf-c. */
#include "pleat/onnx.h"

pleat_status pleat_onnx_can_write(void) {
    return PLEAT_FAIL(PLEAT_ERR_UNSUPPORTED,
                      "this pleat was built without protobuf-c, which writes ONNX files: apt-get "
                      "install libprotobuf-c-dev protobuf-c-compiler, configure and build again");
}

pleat_status pleat_onnx_write(const pleat_onnx *model, const char *path) {
    (void)model;
    (void)path;
    return pleat_onnx_can_write();
}
