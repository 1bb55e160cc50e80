/* onednn_tiles.c - whether this processor's tiles (AMX) may be used, and are right. */
#include "onednn.h"
#include "pleat/log.h"

#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TILES __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,fma")))

#include "onednn_tiles.h"

/* cpuid, leaf 7 (Intel, Software Developer's Manual, volume 2A) */
#define AMX_BF16            (1U << 22)
#define AMX_TILE            (1U << 24)
/* Linux, Documentation/arch/x86/xstate.rst: a process asks for the memory that tiles take. */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA  18

static int processor_has_tiles(void) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & AMX_BF16) && (d & AMX_TILE);
}

static struct {
    pthread_once_t once;
    int usable;
} tiles = {.once = PTHREAD_ONCE_INIT};

/* The library is asked first: it may have been told to do without (ONEDNN_MAX_CPU_ISA). */
static void find_tiles(void) {
    if (!pleat_dnnl_has_amx() || !processor_has_tiles()) return;
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0) return;
    tiles.usable = tiles_are_right();
    if (!tiles.usable)
        pleat_log(PLEAT_INFO, "this processor's AMX does not multiply as its manual says; "
                              "convolutions are left to oneDNN");
}

int pleat_tiles_usable(void) {
    (void)pthread_once(&tiles.once, find_tiles);
    return tiles.usable;
}
