/*
 * driver.c - a libcuda.so.1 for a machine without a driver.
 *
 * cuDNN's engines that are compiled at run time need no GPU for that, but a driver that loads what
 * was compiled. This one has no device, takes what it is given and runs nothing: enough for a plan.
 * The program is linked with it, so whoever opens libcuda.so.1 later gets this one.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

enum { SUCCESS = 0, NOT_FOUND = 500, NO_DEVICE = 100 };

#define ENTRY __attribute__((visibility("default"))) int

static char thing; /* what all handles point to */

ENTRY cuInit(unsigned flags) { return (void)flags, NO_DEVICE; }
ENTRY cuDriverGetVersion(int *version) { return *version = 13000, SUCCESS; }
ENTRY cuDeviceGetCount(int *n) { return *n = 0, NO_DEVICE; }

ENTRY cuGetErrorString(int code, const char **text) {
    return *text = code == SUCCESS ? "no error" : "there is no GPU", SUCCESS;
}
ENTRY cuGetErrorName(int code, const char **text) {
    return *text = code == SUCCESS ? "CUDA_SUCCESS" : "CUDA_ERROR", SUCCESS;
}

ENTRY cuModuleLoadData(void **module, const void *image) {
    return (void)image, *module = &thing, SUCCESS;
}
ENTRY cuModuleUnload(void *module) { return (void)module, SUCCESS; }
ENTRY cuModuleGetFunction(void **function, void *module, const char *name) {
    return (void)module, (void)name, *function = &thing, SUCCESS;
}
ENTRY cuLibraryLoadData(void **library, const void *code) { /* and what else it is given */
    return (void)code, *library = &thing, SUCCESS;
}
ENTRY cuLibraryUnload(void *library) { return (void)library, SUCCESS; }
ENTRY cuLibraryGetKernel(void **kernel, void *library, const char *name) {
    return (void)library, (void)name, *kernel = &thing, SUCCESS;
}
ENTRY cuKernelGetFunction(void **function, void *kernel) {
    return (void)kernel, *function = &thing, SUCCESS;
}
ENTRY cuFuncSetAttribute(void *function, int attribute, int value) {
    return (void)function, (void)attribute, (void)value, SUCCESS;
}
ENTRY cuFuncGetAttribute(int *out, int attribute, void *function) {
    return (void)attribute, (void)function, *out = 0, SUCCESS;
}

/* What cuDNN looks for too, and does not call for a plan. */
#define REFUSED(name) \
    ENTRY name(void) { return NO_DEVICE; }
REFUSED(cuCtxGetCurrent)
REFUSED(cuCtxGetLimit)
REFUSED(cuCtxPopCurrent)
REFUSED(cuCtxPushCurrent)
REFUSED(cuDeviceGet)
REFUSED(cuKernelGetAttribute)
REFUSED(cuKernelSetAttribute)
REFUSED(cuLaunchCooperativeKernel)
REFUSED(cuLaunchKernel)
REFUSED(cuLaunchKernelEx)
REFUSED(cuLibraryLoadFromFile)
REFUSED(cuLinkAddData)
REFUSED(cuLinkComplete)
REFUSED(cuLinkCreate)
REFUSED(cuLinkDestroy)
REFUSED(cuOccupancyMaxPotentialClusterSize)
REFUSED(cuStreamGetCtx)

/* How the runtime finds all of these. */
ENTRY cuGetProcAddress_v2(const char *symbol, void **out, int version, uint64_t flags, int *found) {
    void *self = dlopen("libcuda.so.1", RTLD_NOLOAD | RTLD_NOW);
    *out = self != NULL ? dlsym(self, symbol) : NULL;
    if (found != NULL) *found = *out == NULL;
    return (void)version, (void)flags, *out != NULL ? SUCCESS : NOT_FOUND;
}
ENTRY cuGetProcAddress(const char *symbol, void **out, int version, uint64_t flags) {
    return cuGetProcAddress_v2(symbol, out, version, flags, NULL);
}
