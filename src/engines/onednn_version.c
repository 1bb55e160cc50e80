/* onednn_version.c - which oneDNN this program runs on. */
#include "onednn.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>

void pleat_dnnl_version(char *out, size_t size) {
    const dnnl_version_t *v = dnnl_version();
    (void)snprintf(out, size, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
}
