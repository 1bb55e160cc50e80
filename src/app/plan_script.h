/* plan_script.h - the batch script that asks for what a run needs. */
#ifndef PLEAT_APP_PLAN_SCRIPT_H
#define PLEAT_APP_PLAN_SCRIPT_H

#include "plan_needs.h"

typedef struct plan_script {
    const char *file, *config, *out;               /* as typed */
    const char *time, *partition, *account, *mail; /* NULL: not given */
    int cpus;                                      /* per task; 0: not given */
    double limit_s;                                /* of `time` */
    text_list sets;
} plan_script;

/* The options, before anything is read. ERR_ARG. */
pleat_status plan_script_check(plan_script *script);

/* CPUs of a rank: as typed; else the engine's threads and those that make patches; 0: neither is
 * given, and without GPUs this machine's cores are shared out. */
int plan_script_cpus(const plan_script *script, const plan_request *request);

/* Writes it, and prints how it is submitted. ERR_IO. */
pleat_status plan_script_write(const plan_script *script, const plan_request *request,
                               const plan_needs *needs);

#endif /* PLEAT_APP_PLAN_SCRIPT_H */
