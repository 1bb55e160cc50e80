/* memory.c - how much memory is free. */
#include "pleat/memory.h"
#include "pleat/host_memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double SMALL = 0x1p26; /* bytes that are not worth the look */

/* "KEY   N kB" to bytes. */
static void take_kib(const char *line, const char *key, double *bytes) {
    const size_t n = strlen(key);
    if (strncmp(line, key, n) == 0) *bytes = 1024.0 * strtod(line + n, NULL);
}

static double of_process(const char *key) {
    char line[128];
    double bytes = 0.0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) take_kib(line, key, &bytes);
    if (file != NULL) (void)fclose(file);
    return bytes;
}

double pleat_memory_held(void) { return of_process("VmRSS:"); }
double pleat_memory_peak(void) { return of_process("VmHWM:"); }

double pleat_memory_available(void) {
    char line[128];
    double available = -1.0, swap = 0.0;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        take_kib(line, "MemAvailable:", &available);
        take_kib(line, "SwapFree:", &swap);
    }
    if (file != NULL) (void)fclose(file);
    const double allowed = pleat_host_memory_find().allowed; /* its cgroup's limit */
    return available < 0.0 ? allowed : fmin(available + swap, allowed);
}

pleat_status pleat_memory_check(double bytes, const char *what, ...) {
    char text[1024];
    if (bytes <= SMALL) return PLEAT_OK;
    const double available = pleat_memory_available();
    va_list args;
    va_start(args, what);
    (void)vsnprintf(text, sizeof text, what, args);
    va_end(args);
    PLEAT_CHECK(bytes <= available, PLEAT_ERR_MEMORY, "%s needs %.1f GiB of memory, %.1f are free",
                text, bytes / 0x1p30, available / 0x1p30);
    return PLEAT_OK;
}
