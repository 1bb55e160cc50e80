/* binding.c - the cores of a rank, where mpirun was not told which.
 *
 * Open MPI's mpirun binds a rank to one core, or from three ranks on to a socket, unless it is told
 * something else: a rank's threads would share that core. All cores of the machine that mpirun may
 * use are shared out instead, neighbours together, and a rank may use the whole socket of its
 * share: where other processes want a core too, the kernel finds another one (docs/speed.md). */
#include "pleat/session.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What mpirun hands on when it was told which cores a rank is to have. */
static const char *const told[] = {"OMPI_MCA_hwloc_base_binding_policy",
                                   "OMPI_MCA_hwloc_base_cpu_set", "OMPI_MCA_hwloc_base_cpu_list",
                                   "OMPI_MCA_rmaps_rank_file_path", "OMPI_MCA_orte_rankfile"};

typedef struct core {
    long socket, core;
    int cpu;
} core;

/* A program between may have bound the rank: taskset, numactl. */
static int was_told(void) {
    const char *command = getenv("OMPI_COMMAND");
    const char *name = command != NULL ? strrchr(command, '/') : NULL;
    if (command == NULL) return 1;
    if (strcmp(name != NULL ? name + 1 : command, program_invocation_short_name) != 0) return 1;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; ++i)
        if (getenv(told[i]) != NULL) return 1;
    const char *mapping = getenv("OMPI_MCA_rmaps_base_mapping_policy"); /* socket:PE=4 */
    return mapping != NULL && strcasestr(mapping, "pe=") != NULL;
}

static long number_of(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? strtol(text, NULL, 10) : otherwise;
}

/* A number that the kernel says of a CPU; 0 where it says none. */
static long topology(int cpu, const char *what) {
    char path[96], text[32] = "";
    (void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, what);
    FILE *file = fopen(path, "re");
    if (file == NULL) return 0;
    if (fgets(text, sizeof text, file) == NULL) text[0] = '\0';
    (void)fclose(file);
    return strtol(text, NULL, 10);
}

static int by_place(const void *a, const void *b) {
    const core *x = a, *y = b;
    if (x->socket != y->socket) return x->socket < y->socket ? -1 : 1;
    if (x->core != y->core) return x->core < y->core ? -1 : 1;
    return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

void pleat_session_bind(void) {
    static core cores[CPU_SETSIZE];
    cpu_set_t all, mine, share;
    const long rank = number_of("OMPI_COMM_WORLD_LOCAL_RANK", -1);
    const long ranks = number_of("OMPI_COMM_WORLD_LOCAL_SIZE", 0);
    if (getenv("OMPI_MCA_orte_bound_at_launch") == NULL || was_told()) return;
    /* mpirun itself, or its daemon on this machine */
    if (sched_getaffinity(getppid(), sizeof all, &all) != 0) return;
    if (sched_getaffinity(0, sizeof mine, &mine) != 0) return;
    const int n = CPU_COUNT(&all);
    if (rank < 0 || rank >= ranks || ranks > n || n <= CPU_COUNT(&mine)) return;
    int found = 0;
    for (int c = 0; c < CPU_SETSIZE; ++c)
        if (CPU_ISSET(c, &all))
            cores[found++] = (core){topology(c, "physical_package_id"), topology(c, "core_id"), c};
    qsort(cores, (size_t)n, sizeof *cores, by_place);
    const long first = cores[rank * n / ranks].socket,
               last = cores[(rank + 1) * n / ranks - 1].socket;
    CPU_ZERO(&share);
    for (int i = 0; i < n; ++i)
        if (cores[i].socket >= first && cores[i].socket <= last) CPU_SET(cores[i].cpu, &share);
    (void)sched_setaffinity(0, sizeof share, &share); /* else as mpirun has it */
}
