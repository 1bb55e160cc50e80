/* suggest_choose.c - which plan: nnU-Net's, or the largest that memory and hours allow. */
#include "suggest.h"

#include "pleat/device.h"
#include "pleat/host_memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GB           0x1p30
#define MOST_STEPS   62500 /* of a fold: 250 epochs of 250 */
#define LEAST_STEPS  300
#define FOR_TRAINING 0.75 /* of the hours; the rest prepares, validates and predicts */
#define THICK        3.0
#define MOST_TRIALS  4

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

/* *out = 1 when every case has the target spacing, to a thousandth. */
static pleat_status find_target(const pleat_fingerprint *f, suggestion *s) {
    const size_t n = (size_t)f->n;
    pleat_status status = PLEAT_OK;
    double(*spacing)[3] = calloc(n, sizeof *spacing);
    int(*crop)[3] = calloc(n, sizeof *crop);
    PLEAT_CHECK_GOTO(status, done, spacing != NULL && crop != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %zu cases", n);
    for (size_t i = 0; i < n; i++) {
        memcpy(spacing[i], f->of[i].spacing, sizeof spacing[i]);
        memcpy(crop[i], f->of[i].crop, sizeof crop[i]);
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

pleat_status suggest_begin(const app *a, suggestion *s) {
    const pleat_exploration *e = s->e;
    const pleat_fingerprint *f = &e->fingerprint;
    PLEAT_CHECK(f->n >= 2, PLEAT_ERR_DATA,
                "'%s' has %d case; folds need two at least: one to learn from, one to be judged by",
                s->request->data, f->n);
    PLEAT_CHECK(
        e->classes.n >= 2, PLEAT_ERR_DATA,
        "'%s': no mask has a voxel of anything but background, so there is nothing to learn",
        s->request->data);
    PLEAT_TRY(find_target(f, s));
    s->full.cases = f->n;
    s->full.classes = e->classes.n + (e->classes.ignore > 0);
    s->at = s->full;
    s->thick = most_of(s->full.spacing) > THICK * least_of(s->full.spacing);
    s->folds = f->n < 5 ? f->n : 5;
    s->grouped = has_finding(e, "patient");
    s->mixed = has_finding(e, "intensity");
    const int ranks = a->session->size;
    s->rounds = ranks < s->folds ? (s->folds + ranks - 1) / ranks : 1;
    return PLEAT_OK;
}

int suggest_is_cubic(const suggestion *s) {
    const pleat_planner_result *p = &s->plan;
    for (int stage = 0; stage <= p->depth; stage++)
        for (int a = 0; a < 3; a++)
            if (p->kernel[stage][a] != 3 || (stage > 0 && p->stride[stage][a] != 2)) return 0;
    return 1;
}

/* --- nnU-Net's -------------------------------------------------------------------------------- */

static pleat_status find_memory(const char *text, double *out) {
    pleat_config config;
    pleat_config_defaults(&config);
    PLEAT_TRY(pleat_config_set_key("--gpu-memory", "host_memory", text, &config));
    PLEAT_CHECK(config.host_memory >= GB, PLEAT_ERR_ARG,
                "--gpu-memory %s: too little for any plan; write 8G or 24G", text);
    *out = config.host_memory;
    return PLEAT_OK;
}

pleat_status suggest_like(suggestion *s) {
    const suggest_request *r = s->request;
    const char *which = r->configuration != NULL ? r->configuration : "3d_fullres";
    const int flat = strcmp(which, "2d") == 0, low = strcmp(which, "3d_lowres") == 0;
    PLEAT_CHECK(flat || low || strcmp(which, "3d_fullres") == 0, PLEAT_ERR_ARG,
                "--configuration %s: must be 3d_fullres, 3d_lowres or 2d", which);
    s->preset = *pleat_planner_find(r->like, flat);
    s->preset.most_halvings = 7; /* what network.depth goes to */
    if (r->gpu_memory != NULL) PLEAT_TRY(find_memory(r->gpu_memory, &s->memory));
    s->full.flat = s->at.flat = flat;
    pleat_planner_plan(&s->preset, &s->at, s->memory, &s->plan);
    pleat_planner_data coarse = s->full;
    pleat_planner_result plan;
    s->low_res = !flat && pleat_planner_coarsen(&s->preset, s->memory, 0.25, &coarse, &plan);
    PLEAT_CHECK(s->low_res || !low, PLEAT_ERR_ARG,
                "--configuration 3d_lowres: nnU-Net plans none for these data, as a patch of full "
                "resolution has a quarter of a volume; leave it out");
    if (low) {
        s->at = coarse;
        s->plan = plan;
    }
    s->iterations = 250;
    s->epochs = 1000;
    return PLEAT_OK;
}

/* --- pleat's ---------------------------------------------------------------------------------- */

/* A plain U-Net is the fastest: where only the last halvings leave an axis out, they are left out. */
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

static void plan_rung(suggestion *s, int rung) {
    const double most = 560e6 * s->memory / (8 * GB);
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
    (void)pleat_planner_coarsen(&s->preset, 0, rungs[rung].share, &s->at, &s->plan);
    if (!s->same_spacing || s->at.spacing[0] > s->full.spacing[0] * 1.001)
        round_spacing(&s->full, &s->at);
    trim(&s->plan);
}

static int ranks_of_fold(const app *a, const suggestion *s) {
    return a->session->size > s->folds ? a->session->size / s->folds : 1;
}

/* Batches are shared by the ranks of a fold. */
static void share_batch(const app *a, suggestion *s) {
    const int ranks = ranks_of_fold(a, s);
    s->plan.batch = (s->plan.batch + ranks - 1) / ranks * ranks;
}

static void set_length(suggestion *s, double steps) {
    s->iterations = (int)fmin(fmax(steps / 30, 10), 250);
    s->epochs = (int)fmax(steps / s->iterations, 1);
}

/* Steps of a fold that the hours have. */
static double steps_within(const suggestion *s, double seconds) {
    return FOR_TRAINING * 3600 * s->request->hours / s->rounds / seconds;
}

/* Of one rank's step. */
static pleat_status count_macs(const app *a, const suggestion *s, double *out) {
    pleat_config config;
    pleat_graph graph;
    char *text = NULL;
    pleat_status status = suggest_text(s, &text, &config);
    free(text);
    PLEAT_TRY(status);
    config.network.channels = s->e->channels;
    config.network.classes = s->e->classes.n;
    PLEAT_TRY(pleat_network_build(&config.network, &graph));
    *out = s->plan.batch / ranks_of_fold(a, s) * pleat_graph_macs(&graph, s->plan.patch);
    pleat_graph_free(&graph);
    return PLEAT_OK;
}

static pleat_status try_plan(const app *a, suggestion *s) {
    pleat_config config;
    char *text = NULL;
    const pleat_status status = suggest_text(s, &text, &config);
    free(text);
    PLEAT_TRY(status);
    config.network.classes = s->e->classes.n;
    return trial_run(a, &config, s->e->channels, s->plan.batch / ranks_of_fold(a, s),
                     s->request->steps, &s->trial);
}

/* The largest rung, `first` or smaller, that by this rate has the steps that are enough. */
static pleat_status find_rung(const app *a, suggestion *s, int first, double macs_per_s, int *out) {
    for (*out = first; *out < RUNGS - 1; (*out)++) {
        double macs = 0;
        plan_rung(s, *out);
        share_batch(a, s);
        PLEAT_TRY(count_macs(a, s, &macs));
        if (steps_within(s, macs / macs_per_s) >= SUGGEST_ENOUGH) return PLEAT_OK;
    }
    plan_rung(s, *out);
    share_batch(a, s);
    return PLEAT_OK;
}

/* Memory that a rank may take for model and activations: of its GPU, else half of its share of
 * what the machine allows. */
static pleat_status find_room(const app *a, suggestion *s) {
    pleat_config config;
    pleat_engine *engine = NULL;
    size_t unused = 0, total = 0;
    if (s->request->gpu_memory != NULL) return find_memory(s->request->gpu_memory, &s->memory);
    pleat_config_defaults(&config);
    PLEAT_TRY(pleat_config_engine(&config, a->session->threads, &engine));
    const pleat_status status = pleat_device_of(engine)->memory(engine, &unused, &total);
    pleat_engine_destroy(engine);
    PLEAT_TRY(status);
    s->memory =
        total > 0 ? (double)total : pleat_host_memory_find().allowed / 2 / a->session->local_size;
    return PLEAT_OK;
}

static int fits(const suggestion *s) {
    return s->trial.model + s->trial.arena <= 0.9 * s->memory &&
           (s->trial.least == 0 || steps_within(s, s->trial.least) >= SUGGEST_ENOUGH);
}

pleat_status suggest_fit(const app *a, suggestion *s) {
    const int timed = s->request->steps > 0 && s->request->gpu_memory == NULL;
    int rung = RUNGS - 1, first = 0;
    PLEAT_TRY(find_room(a, s));
    plan_rung(s, timed ? rung : 0);
    share_batch(a, s);
    set_length(s, timed ? SUGGEST_ENOUGH : 25000);
    if (!timed) return PLEAT_OK;
    PLEAT_TRY(try_plan(a, s)); /* the smallest, for the machine's rate */
    for (int i = 0; i < MOST_TRIALS && (i == 0 || !fits(s)) && first < RUNGS; i++) {
        const double rate = s->trial.macs / s->trial.least;
        PLEAT_TRY(find_rung(a, s, first, rate, &rung));
        PLEAT_TRY(try_plan(a, s));
        first = rung + 1;
    }
    const double steps = steps_within(s, s->trial.least);
    set_length(s, fmin(fmax(steps, LEAST_STEPS), MOST_STEPS));
    return PLEAT_OK;
}
