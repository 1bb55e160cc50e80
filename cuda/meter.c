/* meter.c - energy, use, temperature and clock of the GPU by NVML, which is the driver's and need
 * not be there: it is looked for when it is first asked, and what it does not know is -1. */
#include "engine_impl.h"

#include <dlfcn.h>
#include <stdlib.h>

/* Of nvml.h, which comes with no toolkit that we need; the numbers are part of its ABI. */
typedef struct nvml_device *nvml_handle;
typedef struct nvml_utilization {
    unsigned gpu, memory; /* per cent of the last sample period */
} nvml_utilization;

enum { TEMPERATURE_OF_GPU = 0, CLOCK_OF_SM = 1 };

struct pleat_meter {
    void *library;
    nvml_handle device; /* NULL: not found */
    int (*shutdown)(void);
    int (*energy)(nvml_handle device, unsigned long long *mj);
    int (*utilization)(nvml_handle device, nvml_utilization *out);
    int (*temperature)(nvml_handle device, int sensor, unsigned *celsius);
    int (*clock)(nvml_handle device, int kind, unsigned *mhz);
};

/* POSIX's way from dlsym to a function. */
static int find(void *library, const char *name, void *function) {
    *(void **)function = dlsym(library, name);
    return *(void **)function != NULL;
}

static void find_device(const pleat_cuda *e, pleat_meter *m) {
    int (*init)(void) = NULL;
    int (*by_bus)(const char *bus, nvml_handle *out) = NULL;
    char bus[32];
    m->library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (m->library == NULL) return;
    if (!find(m->library, "nvmlInit_v2", &init) ||
        !find(m->library, "nvmlDeviceGetHandleByPciBusId_v2", &by_bus) ||
        !find(m->library, "nvmlShutdown", &m->shutdown))
        return;
    (void)find(m->library, "nvmlDeviceGetTotalEnergyConsumption", &m->energy);
    (void)find(m->library, "nvmlDeviceGetUtilizationRates", &m->utilization);
    (void)find(m->library, "nvmlDeviceGetTemperature", &m->temperature);
    (void)find(m->library, "nvmlDeviceGetClockInfo", &m->clock);
    if (cudaDeviceGetPCIBusId(bus, (int)sizeof bus, e->device) != cudaSuccess) {
        (void)cudaGetLastError();
        return;
    }
    if (init() == 0 && by_bus(bus, &m->device) != 0) m->device = NULL;
}

void pleat_cuda_meter(pleat_engine *engine, pleat_meters *out) {
    pleat_cuda *e = pleat_cuda_of(engine);
    unsigned long long mj = 0;
    unsigned value = 0;
    nvml_utilization use = {0, 0};
    *out = (pleat_meters){-1, -1, -1, -1};
    if (e->meter == NULL) {
        e->meter = calloc(1, sizeof *e->meter);
        if (e->meter == NULL) return;
        find_device(e, e->meter);
    }
    const pleat_meter *m = e->meter;
    if (m->device == NULL) return;
    if (m->energy != NULL && m->energy(m->device, &mj) == 0) out->energy_mj = (double)mj;
    if (m->utilization != NULL && m->utilization(m->device, &use) == 0) out->busy = use.gpu;
    if (m->temperature != NULL && m->temperature(m->device, TEMPERATURE_OF_GPU, &value) == 0)
        out->celsius = value;
    if (m->clock != NULL && m->clock(m->device, CLOCK_OF_SM, &value) == 0) out->mhz = value;
}

void pleat_cuda_meter_close(pleat_meter *m) {
    if (m == NULL) return;
    if (m->shutdown != NULL) (void)m->shutdown();
    if (m->library != NULL) (void)dlclose(m->library);
    free(m);
}
