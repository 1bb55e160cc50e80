/* verb_suggest.c - suggest: a configuration for a data folder, with its reasons. */
#include "suggest.h"
#include "trial.h"

#include "pleat/device.h"
#include "pleat/host_memory.h"
#include "pleat/net.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keys that steer a suggestion: what the data are, and who is timed. The others are its own choice,
 * and those of a run that is given them. */
static int steers(const char *assignment) {
    static const char *const keys[] = {"classes=", "data.image=", "data.label=", "data.affine=",
                                       "engine=",  "precision=",  "threads="};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strncmp(assignment, keys[i], strlen(keys[i])) == 0) return 1;
    return 0;
}

/* Only what is wrong with the data themselves: what preprocessing does to them is yet to be
 * chosen. */
static pleat_status read_config(suggest_how *how, pleat_config *out) {
    pleat_suggest_request *r = &how->request;
    pleat_config_defaults(out);
    PLEAT_TRY(pleat_config_environment(out));
    PLEAT_TRY(pleat_config_set("preprocess.clip=none", out));
    PLEAT_TRY(pleat_config_set("preprocess.grayscale=false", out));
    PLEAT_TRY(pleat_config_set("preprocess.resample=none", out));
    PLEAT_TRY(pleat_config_set_key("pleat suggest", "data", r->data, out));
    for (int i = 0; i < how->sets.n; i++)
        if (steers(how->sets.item[i])) PLEAT_TRY(pleat_config_set(how->sets.item[i], out));
    if (out->classes[0] != '\0') r->classes = out->classes;
    r->image = out->data_image;
    r->label = out->data_label;
    r->warn_affine = out->prep.affine == PLEAT_AFFINE_WARN;
    return PLEAT_OK;
}

static pleat_status read_numbers(suggest_how *how) {
    char *end = NULL;
    if (how->hours != NULL) {
        how->request.hours = strtod(how->hours, &end);
        PLEAT_CHECK(end != how->hours && *end == '\0' && isfinite(how->request.hours),
                    PLEAT_ERR_ARG, "--hours %s: must be a number, such as 8 or 0.5", how->hours);
    }
    PLEAT_CHECK(how->steps >= 0, PLEAT_ERR_ARG, "--steps %d: must be 0 or more", how->steps);
    if (how->gpu_memory == NULL) return PLEAT_OK;
    how->request.gpu_memory = pleat_config_bytes(how->gpu_memory);
    PLEAT_CHECK(how->request.gpu_memory > 0, PLEAT_ERR_ARG,
                "--gpu-memory %s: must be a size such as 8G or 24GB", how->gpu_memory);
    return PLEAT_OK;
}

typedef struct measurer {
    pleat_engine *engine;
    int steps;
} measurer;

static pleat_status count(void *context, const pleat_config *config, int batch, double *bytes) {
    const measurer *m = context;
    const pleat_net_options options = {
        .batch = batch, .dim = {config->patch[0], config->patch[1], config->patch[2]}, .train = 1};
    pleat_graph graph;
    size_t arena = 0;
    PLEAT_TRY(pleat_network_build(&config->network, &graph));
    *bytes = (4.0 * (double)graph.params + (double)graph.stats) * sizeof(float);
    const pleat_status status = pleat_net_count(&graph, m->engine, &options, &arena);
    pleat_graph_free(&graph);
    *bytes += (double)arena;
    return status;
}

static pleat_status measure(void *context, const pleat_config *config, int batch,
                            pleat_suggest_step *out) {
    const measurer *m = context;
    trial_result trial;
    PLEAT_TRY(trial_run(config, m->engine, config->network.channels, batch, m->steps, &trial));
    *out = (pleat_suggest_step){.seconds = trial.seconds, .macs = trial.macs};
    (void)snprintf(out->where, sizeof out->where, "%s %s on %s%s", m->engine->ops->name,
                   pleat_engine_precision(m->engine), m->engine->device,
                   trial.share < TRIAL_SHARE ? ", by processor time" : "");
    return PLEAT_OK;
}

/* Of the GPU that a rank has, else half of its share of what this machine allows. */
static pleat_status find_memory(const app *a, pleat_engine *engine, double *out) {
    size_t unused = 0, total = 0;
    PLEAT_TRY(pleat_device_of(engine)->memory(engine, &unused, &total));
    *out = total > 0 ? 0.9 * (double)total
                     : pleat_host_memory_find().allowed / 2 / a->session->local_size;
    return PLEAT_OK;
}

static pleat_status fit(const app *a, const suggest_how *how, const pleat_config *config,
                        pleat_suggestion *s) {
    const int here = how->request.gpu_memory == 0;
    measurer context = {.steps = how->steps};
    pleat_suggest_machine machine = {.memory = how->request.gpu_memory,
                                     .count = count,
                                     .measure = here && how->steps > 0 ? measure : NULL,
                                     .context = &context};
    PLEAT_TRY(pleat_config_engine(config, a->session->threads, &context.engine));
    pleat_status status = here ? find_memory(a, context.engine, &machine.memory) : PLEAT_OK;
    if (status == PLEAT_OK) status = pleat_suggest_fit(&machine, s);
    pleat_engine_destroy(context.engine);
    return status;
}

/* What its comments say too, and should not be missed. */
static void tell(const pleat_suggestion *s) {
    const double steps = (double)s->iterations * s->epochs;
    const double hours = PLEAT_SUGGEST_ENOUGH * s->step.seconds * s->rounds / 3600;
    if (s->mixed)
        pleat_warn("the values of some cases of '%s' are of another kind than those of most; pleat "
                   "check names them: export them again, or train without them",
                   s->request->data);
    if (s->request->like == NULL && s->step.seconds > 0 && steps < PLEAT_SUGGEST_ENOUGH)
        pleat_warn("--hours %g: %.0f steps a fold, which are few: %d take %.2g hours here; give "
                   "more hours, or use a GPU",
                   s->request->hours, steps, PLEAT_SUGGEST_ENOUGH, hours);
}

static pleat_status choose(const app *a, const suggest_how *how, const pleat_config *config,
                           const pleat_exploration *e, char **text) {
    pleat_suggestion s;
    PLEAT_TRY(pleat_suggest_begin(&how->request, e, a->session->size, &s));
    PLEAT_TRY(how->request.like != NULL ? pleat_suggest_like(&s) : fit(a, how, config, &s));
    tell(&s);
    return pleat_suggest_text(&s, text, NULL);
}

pleat_status suggest_make(const app *a, const suggest_how *how, char **text) {
    const pleat_explore_how all = {.pictures = 0, .fold = -1};
    suggest_how own = *how; /* with what is read of it */
    pleat_exploration e = {0};
    pleat_config given, config;
    *text = NULL;
    PLEAT_TRY(read_numbers(&own));
    PLEAT_TRY(pleat_suggest_check(&own.request));
    PLEAT_TRY(read_config(&own, &given));
    config = given; /* the request has texts of the one, the other's become one with data */
    PLEAT_TRY(pleat_config_join_data(&config));
    pleat_status status = pleat_explore(a->session->world, &config, &all, &e);
    if (status == PLEAT_OK && a->session->rank == 0) status = choose(a, &own, &config, &e, text);
    pleat_exploration_free(&e);
    return pleat_comm_agree(a->session->world, status);
}

pleat_status verb_suggest(app *a, const verb *self, int argc, char **argv) {
    suggest_how how = SUGGEST_USUAL;
    pleat_suggest_request *r = &how.request;
    text_list words = {0};
    char *text = NULL;
    int go = 0;
    const option rows[] = {
        {"--hours", OPTION_TEXT, &how.hours, "H",
         "time limit for training all folds on this machine (default 8)"},
        {"--gpu-memory", OPTION_TEXT, &how.gpu_memory, "SIZE",
         "plan for a GPU with this much memory, such as 24G, not this machine; nothing is timed"},
        {"--steps", OPTION_INT, &how.steps, "N",
         "number of training steps to time; 0: none (default 3)"},
        {"--set", OPTION_LIST, &how.sets, "KEY=VALUE",
         "what the data are: classes, data.image, data.label, data.affine; what is timed: engine, "
         "precision, threads"},
        {"--like", OPTION_TEXT, &r->like, "NAME",
         "nnU-Net's plan: nnunet, or its residual nnunet-m, nnunet-l, nnunet-xl"},
        {"--configuration", OPTION_TEXT, &r->configuration, "3d_fullres|3d_lowres|2d",
         "with --like: nnU-Net's configuration (default 3d_fullres)"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    for (int i = 0; i < how.sets.n; i++)
        PLEAT_CHECK(steers(how.sets.item[i]), PLEAT_ERR_ARG,
                    "--set %s: a suggestion takes classes, data.image, data.label, data.affine, "
                    "engine, precision and threads; give other keys to pleat run",
                    how.sets.item[i]);
    r->data = words.item[0];
    const pleat_status status = suggest_make(a, &how, &text);
    if (status == PLEAT_OK && text != NULL) (void)fputs(text, stdout);
    free(text);
    return status;
}
