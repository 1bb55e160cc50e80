/*
 * cpu.h - what the CPU engines share: their constructors, memory, and the operations that are
 * plain loops over host memory for all of them.
 */
#ifndef PLEAT_ENGINES_CPU_H
#define PLEAT_ENGINES_CPU_H

#include "pleat/engine.h"

pleat_status pleat_ref_create(const pleat_engine_options *options, pleat_engine **out);
pleat_status pleat_ref64_create(const pleat_engine_options *options, pleat_engine **out);
pleat_status pleat_onednn_create(const pleat_engine_options *options, pleat_engine **out);

/* Threads this process may use: the smaller of its cpuset and `wanted` (0: the cpuset). */
int pleat_cpu_threads(int wanted);
/* "AMD EPYC 9B14", from /proc/cpuinfo; "CPU" when it does not say. */
void pleat_cpu_name(char *out, size_t size);

/* Memory of every CPU engine: aligned to 64 bytes, zeroed, huge pages for large blocks. */
pleat_status pleat_cpu_alloc(pleat_engine *engine, size_t bytes, void **out);
void pleat_cpu_free(pleat_engine *engine, void *data);
pleat_status pleat_cpu_upload(pleat_engine *engine, void *to, const void *host, size_t bytes);
pleat_status pleat_cpu_download(pleat_engine *engine, void *host, const void *from, size_t bytes);
pleat_status pleat_cpu_zero(pleat_engine *engine, void *data, size_t bytes);
pleat_status pleat_cpu_synchronize(pleat_engine *engine);

pleat_status pleat_cpu_coarsen_labels(pleat_engine *engine, const uint8_t *labels, int n,
                                      const int dim[3], const int step[3], uint8_t *to);
pleat_status pleat_cpu_loss_counts(pleat_engine *engine, const pleat_targets *targets,
                                   const void *probs, const uint8_t *labels, int n, size_t voxels,
                                   int classes, int round, const double *first, double *counts);
/* What pleat_targets' top multiplies the term of a probability with. */
double pleat_cpu_top_weight(const double *top, float p);
pleat_status pleat_cpu_host_call_create(pleat_engine *engine, pleat_host_function f, void *context,
                                        size_t n_in, size_t n_out, pleat_host_call **out);
pleat_status pleat_cpu_host_call_run(pleat_engine *engine, pleat_host_call *call, const double *in,
                                     double *out);
void pleat_cpu_host_call_destroy(pleat_engine *engine, pleat_host_call *call);

#endif /* PLEAT_ENGINES_CPU_H */
