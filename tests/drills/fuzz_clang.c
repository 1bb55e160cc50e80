/* fuzz_clang.c - the target that FUZZ_TARGET names, for libFuzzer. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    const char *name = getenv("FUZZ_TARGET");
    target = name != NULL ? fuzz_find(name) : NULL;
    if (target == NULL) {
        (void)fprintf(stderr, "FUZZ_TARGET names no target\n");
        exit(2);
    }
    fuzz_begin();
    (void)atexit(fuzz_end);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    uint8_t *ended = malloc(n + 1);
    if (ended == NULL) return 0;
    memcpy(ended, bytes, n);
    ended[n] = 0;
    target->feed(ended, n);
    free(ended);
    return 0;
}
