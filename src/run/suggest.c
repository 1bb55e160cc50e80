/* suggest.c - which plan: nnU-Net's, or the largest that memory and hours allow. */
#include "pleat/suggest.h"

#include "pleat/folds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GB            0x1p30
#define MOST_STEPS    62500 /* of a fold: 250 epochs of 250 */
#define LEAST_STEPS   300
#define UNTIMED_STEPS 25000 /* 100 epochs of 250 */
#define FOR_TRAINING  0.75  /* of the hours; the rest prepares, validates and predicts */
#define THICK         3.0

/* What may be planned without an order from elsewhere, the largest first. `share` of the median
 * volume is what a patch must cover, else the spacing becomes coarser; the batch is 2 to 4. The
 * budget of 8 GB is nnU-Net's. */
static const struct {
    int filters;
    double budget, share;
} rungs[] = {
    {32, 560e6, 0.01}, {32, 280e6, 0.02}, {32, 140e6, 0.05}, {24, 90e6, 0.1},
    {16, 60e6, 0.125}, {16, 30e6, 0.125}, {12, 15e6, 0.125}, {8, 8e6, 0.125},
};
enum { RUNGS = sizeof rungs / sizeof *rungs };

/* --- what the data say ------------------------------------------------------------------------ */

static int has_finding(const pleat_exploration *e, const char *kind) {
    for (int i = 0; i < e->check.n; i++)
        if (strcmp(pleat_check_kinds[e->check.finding[i].kind].name, kind) == 0) return 1;
    return 0;
}

/* Cases whose axes differ are turned to RAS. */
static int find_turned(const pleat_exploration *e) {
    for (int i = 1; i < e->n; i++)
        if (strcmp(e->of[i].axes, e->of[0].axes) != 0) return e->n == e->fingerprint.n;
    return 0;
}

/* The axis D, H, W of a file, whose x, y, z lead along `axes`, that RAS has at place `axis`. */
static int axis_of(const char axes[4], int axis) {
    static const char *const ends[3] = {"SI", "AP", "RL"};
    for (int a = 0; a < 3; a++)
        if (axes[2 - a] != '\0' && strchr(ends[axis], axes[2 - a]) != NULL) return a;
    return axis;
}

/* same_spacing is 1 when every case has the target spacing, to a thousandth. */
static pleat_status find_target(const pleat_fingerprint *f, pleat_suggestion *s) {
    const size_t n = (size_t)f->n;
    pleat_status status = PLEAT_OK;
    double(*spacing)[3] = calloc(n, sizeof *spacing);
    int(*crop)[3] = calloc(n, sizeof *crop);
    PLEAT_CHECK_GOTO(status, done, spacing != NULL && crop != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %zu cases", n);
    for (size_t i = 0; i < n; i++)
        for (int a = 0; a < 3; a++) {
            const int from = s->turned ? axis_of(s->e->of[i].axes, a) : a;
            spacing[i][a] = f->of[i].spacing[from];
            crop[i][a] = f->of[i].crop[from];
        }
    double *target = s->full.spacing;
    PLEAT_TRY_GOTO(
        status, done,
        pleat_planner_spacing((const double(*)[3])spacing, (const int(*)[3])crop, f->n, target));
    s->same_spacing = 1;
    for (size_t i = 0; i < n; i++)
        for (int a = 0; a < 3; a++) s->same_spacing &= fabs(spacing[i][a] / target[a] - 1) < 1e-3;
    PLEAT_TRY_GOTO(status, done,
                   pleat_planner_size((const double(*)[3])spacing, (const int(*)[3])crop, f->n,
                                      target, s->full.size));
done:
    free(spacing);
    free(crop);
    return status;
}

static double most_of(const double x[3]) { return fmax(fmax(x[0], x[1]), x[2]); }
static double least_of(const double x[3]) { return fmin(fmin(x[0], x[1]), x[2]); }

pleat_status pleat_suggest_check(const pleat_suggest_request *r) {
    char names[200] = "";
    int known = r->like == NULL;
    for (int i = 0; pleat_planner_name(i) != NULL; i++) {
        (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                       i > 0 ? ", " : "", pleat_planner_name(i));
        known |= r->like != NULL && strcmp(r->like, pleat_planner_name(i)) == 0;
    }
    PLEAT_CHECK(known, PLEAT_ERR_ARG, "--like %s: must be one of %s", r->like, names);
    PLEAT_CHECK(r->configuration == NULL || r->like != NULL, PLEAT_ERR_ARG,
                "--configuration is nnU-Net's; give --like nnunet too");
    PLEAT_CHECK(r->hours > 0, PLEAT_ERR_ARG, "--hours %g: must be above 0", r->hours);
    PLEAT_CHECK(r->gpu_memory == 0 || r->gpu_memory >= GB, PLEAT_ERR_ARG,
                "--gpu-memory: %.0f bytes are too few for any plan; write 8G or 24G",
                r->gpu_memory);
    return PLEAT_OK;
}

/* An error of the data is told as `pleat check` tells it. */
static pleat_status check_data(const pleat_exploration *e, const char *data) {
    char text[1536];
    for (int i = 0; i < e->check.n; i++) {
        const pleat_finding *f = &e->check.finding[i];
        if (pleat_check_kinds[f->kind].severity == PLEAT_ERROR)
            return PLEAT_FAIL(PLEAT_ERR_DATA, "%s; pleat check %s lists all",
                              pleat_check_text(f, data, text, sizeof text), data);
    }
    return PLEAT_OK;
}

/* The folds and groups of a table of cases; no more folds than groups. */
static pleat_status find_listed(pleat_suggestion *s) {
    const pleat_exploration *e = s->e;
    int groups = 0;
    for (int i = 0; i < e->n; i++) {
        if (e->of[i].fold > s->listed) s->listed = e->of[i].fold;
        groups += e->of[i].group == i;
    }
    PLEAT_CHECK(s->listed != 1, PLEAT_ERR_DATA,
                "the column fold of '%s' has one fold; cross-validation needs two at least",
                s->request->data);
    if (s->listed > 0) s->folds = s->listed;
    if (groups == e->n) return PLEAT_OK;
    PLEAT_CHECK(groups >= 2, PLEAT_ERR_DATA,
                "all cases of '%s' are of one group; folds need at least two: correct the column "
                "group",
                s->request->data);
    PLEAT_CHECK(s->request->like == NULL || s->listed > 0, PLEAT_ERR_ARG,
                "--like %s: nnU-Net's folds know no groups, and '%s' has a column group; leave "
                "--like out, add a column fold, or empty the column group",
                s->request->like, s->request->data);
    s->groups = groups;
    if (s->listed == 0 && groups < s->folds) s->folds = groups;
    return PLEAT_OK;
}

/* No more folds than patients; all of one patient are no groups. */
static pleat_status find_groups(pleat_suggestion *s) {
    const size_t n = (size_t)s->e->n;
    const char **ids = calloc(n, sizeof *ids);
    int *group_of = calloc(n, sizeof *group_of), groups = 0;
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(status, done, ids != NULL && group_of != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %zu cases", n);
    for (size_t i = 0; i < n; i++) ids[i] = s->e->of[i].id;
    PLEAT_TRY_GOTO(status, done,
                   pleat_folds_groups(ids, s->e->n, PLEAT_SUGGEST_GROUPS, group_of, &groups));
    s->grouped = groups > 1;
    if (s->grouped && s->request->like == NULL && groups < s->folds) s->folds = groups;
done:
    free(group_of);
    free(ids);
    return status;
}

pleat_status pleat_suggest_begin(const pleat_suggest_request *request, const pleat_exploration *e,
                                 int ranks, pleat_suggestion *out) {
    const pleat_fingerprint *f = &e->fingerprint;
    pleat_suggestion s = {.request = request, .e = e};
    PLEAT_TRY(pleat_suggest_check(request));
    PLEAT_TRY(check_data(e, request->data));
    PLEAT_CHECK(f->n >= 2, PLEAT_ERR_DATA,
                "'%s' has %d case; folds need at least two: one to train on, one to evaluate",
                request->data, f->n);
    PLEAT_CHECK(
        e->classes.n >= 2, PLEAT_ERR_DATA,
        "'%s': no mask has a voxel of anything but background, so there is nothing to learn",
        request->data);
    s.turned = find_turned(e);
    PLEAT_TRY(find_target(f, &s));
    s.full.cases = f->n;
    s.full.classes = e->classes.n + (e->classes.ignore > 0);
    s.at = s.full;
    s.thick = most_of(s.full.spacing) > THICK * least_of(s.full.spacing);
    s.folds = f->n < 5 ? f->n : 5;
    PLEAT_TRY(find_listed(&s));
    if (s.listed == 0 && has_finding(e, "patient")) PLEAT_TRY(find_groups(&s));
    s.mixed = has_finding(e, "intensities");
    s.ranks_of_fold = ranks > s.folds ? ranks / s.folds : 1;
    s.rounds = ranks < s.folds ? (s.folds + ranks - 1) / ranks : 1;
    *out = s;
    return PLEAT_OK;
}

int pleat_suggest_is_cubic(const pleat_suggestion *s) {
    const pleat_planner_result *p = &s->plan;
    for (int stage = 0; stage <= p->depth; stage++)
        for (int a = 0; a < 3; a++)
            if (p->kernel[stage][a] != 3 || (stage > 0 && p->stride[stage][a] != 2)) return 0;
    return 1;
}

/* --- nnU-Net's -------------------------------------------------------------------------------- */

pleat_status pleat_suggest_like(pleat_suggestion *s) {
    const pleat_suggest_request *r = s->request;
    const char *which = r->configuration != NULL ? r->configuration : "3d_fullres";
    const int flat = strcmp(which, "2d") == 0, low = strcmp(which, "3d_lowres") == 0;
    PLEAT_CHECK(flat || low || strcmp(which, "3d_fullres") == 0, PLEAT_ERR_ARG,
                "--configuration %s: must be 3d_fullres, 3d_lowres or 2d", which);
    s->preset = *pleat_planner_find(r->like, flat);
    s->preset.most_halvings = 7; /* what network.depth goes to */
    s->full.flat = s->at.flat = flat;
    pleat_planner_plan(&s->preset, &s->at, r->gpu_memory, &s->plan);
    pleat_planner_data coarse = s->full;
    pleat_planner_result plan;
    s->low_res = !flat && pleat_planner_coarsen(&s->preset, r->gpu_memory, 0.25, &coarse, &plan);
    PLEAT_CHECK(s->low_res || !low, PLEAT_ERR_ARG,
                "--configuration 3d_lowres: nnU-Net plans none for these data, as a patch of full "
                "resolution has a quarter of a volume; leave it out");
    if (low) {
        s->coarse = 1;
        s->at = coarse;
        s->plan = plan;
    }
    s->iterations = 250;
    s->epochs = 1000;
    return PLEAT_OK;
}

/* --- pleat's ---------------------------------------------------------------------------------- */

/* A plain U-Net is the fastest: last halvings that leave an axis out are dropped. */
static void trim(pleat_planner_result *p) {
    int same = 0; /* halvings of all axes */
    while (same < p->depth &&
           p->stride[same + 1][0] * p->stride[same + 1][1] * p->stride[same + 1][2] == 8)
        same++;
    if (same >= 3) p->depth = same;
}

/* Three digits are as good as any. */
static void round_spacing(const pleat_planner_data *full, pleat_planner_data *at) {
    for (int a = 0; a < 3; a++) {
        char text[32];
        (void)snprintf(text, sizeof text, "%.3g", at->spacing[a]);
        at->spacing[a] = strtod(text, NULL);
        at->size[a] = rint(full->spacing[a] / at->spacing[a] * full->size[a]);
    }
}

static void plan_rung(pleat_suggestion *s, int rung, double memory) {
    const double most = 560e6 * memory / (8 * GB);
    s->preset = (pleat_planner_preset){.filters = rungs[rung].filters,
                                       .most_filters = 320,
                                       .budget = fmin(rungs[rung].budget, most),
                                       .memory = 8 * GB,
                                       .cover = 1,
                                       .least_batch = 2,
                                       .most_batch = 4,
                                       .most_halvings = 4};
    s->at = s->full;
    pleat_planner_plan(&s->preset, &s->at, 0, &s->plan);
    s->coarse = pleat_planner_coarsen(&s->preset, 0, rungs[rung].share, &s->at, &s->plan);
    if (!s->same_spacing || s->coarse) round_spacing(&s->full, &s->at);
    trim(&s->plan);
    s->plan.batch = (s->plan.batch + s->ranks_of_fold - 1) / s->ranks_of_fold * s->ranks_of_fold;
}

static void set_length(pleat_suggestion *s, double steps) {
    s->iterations = (int)fmin(fmax(steps / 30, 10), 250);
    s->epochs = (int)fmax(steps / s->iterations, 1);
}

/* Steps of a fold that the hours have. */
static double steps_within(const pleat_suggestion *s, double seconds) {
    return FOR_TRAINING * 3600 * s->request->hours / s->rounds / seconds;
}

static pleat_status configuration_of(const pleat_suggestion *s, pleat_config *out) {
    char *text = NULL;
    const pleat_status status = pleat_suggest_text(s, &text, out);
    free(text);
    out->network.channels = s->e->channels;
    out->network.classes = s->e->classes.n;
    return status;
}

/* Whether a rung, planned now, fits into memory and, by the rate of the last measurement, has the
 * steps that are enough. */
static pleat_status fits(const pleat_suggest_machine *machine, const pleat_suggestion *s,
                         int *out) {
    const int batch = s->plan.batch / s->ranks_of_fold;
    const double rate = s->step.seconds > 0 ? s->step.macs / s->step.seconds : INFINITY;
    pleat_config config;
    pleat_graph graph;
    double bytes = 0;
    PLEAT_TRY(configuration_of(s, &config));
    PLEAT_TRY(pleat_network_build(&config.network, &graph));
    const double macs = batch * pleat_graph_macs(&graph, s->plan.patch);
    pleat_graph_free(&graph);
    PLEAT_TRY(machine->count(machine->context, &config, batch, &bytes));
    *out = bytes <= machine->memory && steps_within(s, macs / rate) >= PLEAT_SUGGEST_ENOUGH;
    return PLEAT_OK;
}

/* The largest rung that fits, `first` or smaller; else the smallest. */
static pleat_status find_rung(const pleat_suggest_machine *machine, pleat_suggestion *s, int first,
                              int *out) {
    int fit = 0;
    for (*out = first;; (*out)++) {
        plan_rung(s, *out, machine->memory);
        PLEAT_TRY(fits(machine, s, &fit));
        if (fit || *out == RUNGS - 1) return PLEAT_OK;
    }
}

static pleat_status measure(const pleat_suggest_machine *machine, pleat_suggestion *s) {
    pleat_config config;
    PLEAT_TRY(configuration_of(s, &config));
    return machine->measure(machine->context, &config, s->plan.batch / s->ranks_of_fold, &s->step);
}

pleat_status pleat_suggest_fit(const pleat_suggest_machine *machine, pleat_suggestion *s) {
    int rung = RUNGS - 1, fit = 0;
    set_length(s, UNTIMED_STEPS);
    if (machine->measure == NULL) return find_rung(machine, s, 0, &rung);
    plan_rung(s, rung, machine->memory);
    PLEAT_TRY(measure(machine, s)); /* the smallest, for the machine's rate */
    for (int first = 0; first < RUNGS && !fit; first = rung + 1) {
        PLEAT_TRY(find_rung(machine, s, first, &rung));
        PLEAT_TRY(measure(machine, s));
        fit = steps_within(s, s->step.seconds) >= PLEAT_SUGGEST_ENOUGH;
    }
    set_length(s, fmin(fmax(steps_within(s, s->step.seconds), LEAST_STEPS), MOST_STEPS));
    return PLEAT_OK;
}
