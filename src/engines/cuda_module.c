/* cuda_module.c - finds and loads the GPU module, once, and remembers why it could not. */
#include "pleat/cuda_module.h"

#include "pleat/log.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A library is loaded into a process, not into an object of ours: this is the one place where the
 * process remembers it. Written once, by load_once. */
static struct {
    pthread_once_t once;
    const pleat_cuda_module *module;
    int is_there; /* its file, or somebody named it */
    char why[512];
} loaded = {.once = PTHREAD_ONCE_INIT};

/* The folder of the running program, without the last slash; "" when the kernel does not say. */
static void program_folder(char *out, size_t size) {
    const ssize_t n = readlink("/proc/self/exe", out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash != NULL) *slash = '\0';
}

/* $PLEAT_MODULE_PATH: a file, or a folder with the module in it. */
static void find_named(const char *named, char *path, size_t size) {
    const size_t n = strlen(named);
    const int is_file = n > 3 && strcmp(named + n - 3, ".so") == 0;
    (void)snprintf(path, size, "%s%s", named, is_file ? "" : "/" PLEAT_CUDA_MODULE_FILE);
}

/* The first place of the header's list that has the module; "" when none has. */
static void find_beside(char *path, size_t size) {
    static const char *const places[] = {"", ("/" PLEAT_LIBRARIES), "/../lib/pleat", "/../lib"};
    char folder[PATH_MAX];
    program_folder(folder, sizeof folder);
    for (size_t i = 0; i < sizeof places / sizeof *places && folder[0] != '\0'; i++) {
        (void)snprintf(path, size, "%s%s/" PLEAT_CUDA_MODULE_FILE, folder, places[i]);
        if (access(path, F_OK) == 0) return;
    }
    path[0] = '\0';
}

/* A bare or relative name would let the current folder say which code runs. A module that is there
 * but does not load is the answer: no other is tried, and dlerror says which library it lacks. */
static void *open_module(char *why, size_t size) {
    char path[PATH_MAX + 64];
    const char *named = getenv("PLEAT_MODULE_PATH");
    if (named != NULL && named[0] != '\0')
        find_named(named, path, sizeof path);
    else
        find_beside(path, sizeof path);
    loaded.is_there = path[0] != '\0';
    if (!loaded.is_there) {
        (void)snprintf(why, size,
                       "no GPU module: " PLEAT_CUDA_MODULE_FILE
                       " is not beside the program and not in ../lib/pleat");
        return NULL;
    }
    if (path[0] != '/') {
        (void)snprintf(why, size, "PLEAT_MODULE_PATH='%s' is no absolute path, and is not used",
                       named);
        return NULL;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) (void)snprintf(why, size, "the GPU module does not load: %s", dlerror());
    return library;
}

static void load_once(void) {
    void *library = open_module(loaded.why, sizeof loaded.why);
    if (library == NULL) return;
    pleat_cuda_module_getter get = NULL;
    *(void **)&get = dlsym(library, PLEAT_CUDA_MODULE_GET); /* POSIX's way around ISO C */
    const pleat_cuda_module *module = get != NULL ? get() : NULL;
    const size_t bytes[3] = PLEAT_CUDA_MODULE_BYTES;
    if (module == NULL || module->abi != PLEAT_CUDA_MODULE_ABI ||
        memcmp(module->bytes, bytes, sizeof bytes) != 0) {
        (void)snprintf(loaded.why, sizeof loaded.why,
                       PLEAT_CUDA_MODULE_FILE " is of another build of pleat; install both again");
        (void)dlclose(library);
        return;
    }
    pleat_log(PLEAT_DEBUG, "loaded " PLEAT_CUDA_MODULE_FILE);
    loaded.module = module; /* never closed: CUDA's libraries do not like to be unloaded */
}

const pleat_cuda_module *pleat_cuda_module_load(const char **why) {
    (void)pthread_once(&loaded.once, load_once);
    *why = loaded.module == NULL ? loaded.why : NULL;
    return loaded.module;
}

int pleat_cuda_module_expected(void) {
    static const char *const signs[] = {"/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (access(signs[i], F_OK) == 0) return 1;
    const char *why = NULL;
    (void)pleat_cuda_module_load(&why);
    return loaded.is_there || loaded.module != NULL;
}
