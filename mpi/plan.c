/* plan.c - ranks into groups, and the table that shows it. */
#include "pleat/plan.h"

#include <string.h>

static int min_int(int a, int b) { return a < b ? a : b; }

/* "1, 2, 4, 8", as many as fit. */
static void list_divisors(int n, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int d = 1; d <= n && used + 16 < size; ++d)
        if (n % d == 0)
            used += (size_t)snprintf(text + used, size - used, "%s%d", d > 1 ? ", " : "", d);
}

static int largest_divisor(int n, int most) {
    int divisor = most;
    while (divisor > 1 && n % divisor != 0) divisor--;
    return divisor;
}

static void count_idle(pleat_plan *plan) {
    plan->idle_ranks = plan->ranks - min_int(plan->ranks, plan->folds * plan->ranks_per_fold);
}

pleat_status pleat_plan_make(int ranks, int folds, int ranks_per_fold, int batch, pleat_plan *out) {
    PLEAT_CHECK(ranks > 0 && folds >= 0, PLEAT_ERR_ARG, "cannot plan %d folds on %d ranks", folds,
                ranks);
    PLEAT_CHECK(ranks_per_fold >= 0, PLEAT_ERR_ARG,
                "ranks_per_fold is %d; give a number above 0, or 0 to have it chosen",
                ranks_per_fold);
    const int few = ranks_per_fold > ranks; /* as many as there are, then */
    if (few) ranks_per_fold = largest_divisor(batch, ranks);
    char divisors[256];
    list_divisors(ranks, divisors, sizeof divisors);
    PLEAT_CHECK(few || ranks_per_fold == 0 || ranks % ranks_per_fold == 0, PLEAT_ERR_ARG,
                "%d ranks cannot be cut into groups of %d; set ranks_per_fold to one of: %s", ranks,
                ranks_per_fold, divisors);
    PLEAT_CHECK(ranks_per_fold == 0 || batch % ranks_per_fold == 0, PLEAT_ERR_ARG,
                "train.batch = %d cannot be shared by the %d ranks of a fold; make it a multiple, "
                "or change ranks_per_fold",
                batch, ranks_per_fold);
    pleat_plan plan = {.ranks = ranks, .folds = folds, .ranks_per_fold = ranks_per_fold};
    if (ranks_per_fold == 0)
        plan.ranks_per_fold =
            folds == 0 || ranks <= folds ? 1 : largest_divisor(batch, ranks / folds);
    plan.groups = (ranks + plan.ranks_per_fold - 1) / plan.ranks_per_fold;
    count_idle(&plan);
    *out = plan;
    return PLEAT_OK;
}

void pleat_plan_left(pleat_plan *plan, int folds) {
    plan->folds = folds;
    count_idle(plan);
}

int pleat_plan_group(const pleat_plan *plan, int rank) { return rank / plan->ranks_per_fold; }

int pleat_plan_leader(const pleat_plan *plan, int group) { return group * plan->ranks_per_fold; }

int pleat_plan_group_size(const pleat_plan *plan, int group) {
    return min_int(plan->ranks_per_fold, plan->ranks - pleat_plan_leader(plan, group));
}

static void print_hosts(FILE *file, const char *const *hosts, int first, int n) {
    for (int r = first; r < first + n; ++r)
        if (r == first || strcmp(hosts[r], hosts[r - 1]) != 0)
            (void)fprintf(file, "%s%s", r > first ? "," : "  ", hosts[r]);
}

void pleat_plan_print(FILE *file, const pleat_plan *plan, const int *todo,
                      const char *const *hosts) {
    (void)fprintf(file, "%d %s to train on %d %s, %d per fold\n", plan->folds,
                  plan->folds == 1 ? "fold" : "folds", plan->ranks,
                  plan->ranks == 1 ? "rank" : "ranks", plan->ranks_per_fold);
    (void)fprintf(file, "%5s  %-11s  %-10s%s\n", "group", "ranks", "first fold",
                  hosts != NULL ? "  hosts" : "");
    for (int g = 0; g < plan->groups; ++g) {
        char ranks[32], fold[16] = "none, idle";
        const int first = pleat_plan_leader(plan, g), n = pleat_plan_group_size(plan, g);
        (void)snprintf(ranks, sizeof ranks, n > 1 ? "%d-%d" : "%d", first, first + n - 1);
        if (g < plan->folds) (void)snprintf(fold, sizeof fold, "%d", todo[g]);
        (void)fprintf(file, "%5d  %-11s  %-10s", g, ranks, fold);
        if (hosts != NULL) print_hosts(file, hosts, first, n);
        (void)fputc('\n', file);
    }
    for (int i = plan->groups; i < plan->folds; ++i)
        (void)fprintf(file, "%s%d%s",
                      i == plan->groups ? "then, as groups become free: fold " : ", ", todo[i],
                      i == plan->folds - 1 ? "\n" : "");
}
