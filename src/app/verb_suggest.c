/* verb_suggest.c - suggest: a configuration for a data folder, with its reasons. */
#include "suggest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

suggest_request suggest_usual(void) { return (suggest_request){.hours = 8, .steps = 3}; }

/* Only what is wrong with the data themselves: what preprocessing does to them is yet to be
 * chosen. */
static pleat_status read_config(const suggest_request *r, pleat_config *out) {
    pleat_config_defaults(out);
    PLEAT_TRY(pleat_config_set("preprocess.clip=none", out));
    PLEAT_TRY(pleat_config_set("preprocess.grayscale=false", out));
    PLEAT_TRY(pleat_config_set("preprocess.resample=none", out));
    PLEAT_TRY(pleat_config_set_key("pleat suggest", "data", r->data, out));
    if (r->classes != NULL)
        PLEAT_TRY(pleat_config_set_key("--classes", "classes", r->classes, out));
    return PLEAT_OK;
}

static pleat_status check_request(const suggest_request *r) {
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
    PLEAT_CHECK(r->steps >= 0, PLEAT_ERR_ARG, "--steps %d: must be 0 or more", r->steps);
    return PLEAT_OK;
}

/* An error of the data is told as `pleat check` tells it. */
static pleat_status check_data(const pleat_exploration *e, const char *data) {
    for (int i = 0; i < e->check.n; i++) {
        const pleat_finding *f = &e->check.finding[i];
        const pleat_check_kind *kind = &pleat_check_kinds[f->kind];
        if (kind->severity != PLEAT_ERROR) continue;
        return PLEAT_FAIL(PLEAT_ERR_DATA, "%s%s%s%s%s: %s%s%s; pleat check %s lists all",
                          f->id[0] != '\0' ? "case '" : "", f->id, f->id[0] != '\0' ? "' " : "",
                          f->field, kind->name[0] != '\0' ? "" : "", f->text,
                          kind->cure[0] != '\0' ? "; " : "", kind->cure, data);
    }
    return PLEAT_OK;
}

static pleat_status choose(const app *a, const suggest_request *r, const pleat_exploration *e,
                           char **text) {
    suggestion s = {.request = r, .e = e};
    PLEAT_TRY(check_data(e, r->data));
    PLEAT_TRY(suggest_begin(a, &s));
    PLEAT_TRY(r->like != NULL ? suggest_like(&s) : suggest_fit(a, &s));
    return suggest_text(&s, text, NULL);
}

pleat_status suggest_make(const app *a, const suggest_request *request, char **text) {
    const pleat_explore_how how = {.pictures = 0, .fold = -1};
    pleat_exploration e = {0};
    pleat_config config;
    *text = NULL;
    PLEAT_TRY(check_request(request));
    PLEAT_TRY(read_config(request, &config));
    pleat_status status = pleat_explore(a->session->world, &config, &how, &e);
    if (status == PLEAT_OK && a->session->rank == 0) status = choose(a, request, &e, text);
    pleat_exploration_free(&e);
    return pleat_comm_agree(a->session->world, status);
}

static pleat_status parse_hours(const char *text, double *out) {
    char *end = NULL;
    if (text == NULL) return PLEAT_OK;
    *out = strtod(text, &end);
    PLEAT_CHECK(end != text && *end == '\0' && isfinite(*out) && *out > 0, PLEAT_ERR_ARG,
                "--hours %s: must be a number above 0, such as 8 or 0.5", text);
    return PLEAT_OK;
}

pleat_status verb_suggest(app *a, const verb *self, int argc, char **argv) {
    suggest_request r = suggest_usual();
    const char *hours = NULL;
    text_list words = {0};
    char *text = NULL;
    int go = 0;
    const option rows[] = {
        {"--hours", OPTION_TEXT, &hours, "H", "that training all folds may take here; 8"},
        {"--gpu-memory", OPTION_TEXT, &r.gpu_memory, "SIZE",
         "for a GPU of so much elsewhere, such as 24G; nothing is timed then"},
        {"--steps", OPTION_INT, &r.steps, "N", "that are timed here; 3; 0: none"},
        {"--classes", OPTION_TEXT, &r.classes, "LIST", "as the key; else those of the data"},
        {"--like", OPTION_TEXT, &r.like, "NAME",
         "nnU-Net's plan: nnunet, or its residual nnunet-m, nnunet-l, nnunet-xl"},
        {"--configuration", OPTION_TEXT, &r.configuration, "NAME",
         "nnU-Net's: 3d_fullres, 3d_lowres, 2d; 3d_fullres"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 1, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    PLEAT_TRY(parse_hours(hours, &r.hours));
    r.data = words.item[0];
    const pleat_status status = suggest_make(a, &r, &text);
    if (status == PLEAT_OK && text != NULL) (void)fputs(text, stdout);
    free(text);
    return status;
}
