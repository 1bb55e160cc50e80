/*
 * plan_limits.h - which part of a run limits it, by the model of docs/scale.md.
 *
 * All of it are estimates: the sums of gradients are those that nothing hides, and bandwidths are
 * those of docs/speed.md or assumed.
 */
#ifndef PLEAT_APP_PLAN_LIMITS_H
#define PLEAT_APP_PLAN_LIMITS_H

#include "plan_needs.h"

enum { LIMIT_STEPS, LIMIT_SUMS, LIMIT_CHECKPOINTS, LIMIT_PREDICTIONS, LIMIT_IDLE, PLAN_LIMITS };

extern const char *const plan_limit_names[PLAN_LIMITS];

typedef struct plan_limits {
    double share[PLAN_LIMITS]; /* of the time of all ranks; 1 together */
    int most;                  /* the largest */
    double seconds;            /* of the run */
    char by[256];              /* the bandwidths, and whether they are assumed */
} plan_limits;

/* Of needs that were timed. */
void plan_limits_find(const plan_request *request, const plan_needs *needs, plan_limits *out);

/* What to do about the largest part that is no work, or how many ranks are faster. */
void plan_limits_advice(const plan_limits *limits, const plan_request *request,
                        const plan_needs *needs, char *out, size_t size);

#endif /* PLEAT_APP_PLAN_LIMITS_H */
