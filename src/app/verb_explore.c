/* verb_explore.c - explore: what a data set is, in numbers and pictures. */
#include "app.h"
#include "explore_print.h"

#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/output.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <string.h>
#include <strings.h>

typedef struct explore_options {
    const char *picture, *html;
    int csv, json;
    pleat_explore_how how;
} explore_options;

static pleat_status check_options(explore_options *o) {
    PLEAT_CHECK(!o->csv || !o->json, PLEAT_ERR_ARG, "--csv and --json: choose one");
    PLEAT_CHECK(o->how.pictures >= 1, PLEAT_ERR_ARG, "--show %d: it must be 1 or more",
                o->how.pictures);
    PLEAT_CHECK(o->how.fold >= -1, PLEAT_ERR_ARG, "--fold %d: folds count from 0", o->how.fold);
    PLEAT_CHECK(o->picture == NULL || !pleat_file_is_folder(o->picture), PLEAT_ERR_ARG,
                "--picture '%s' is a folder; name a file", o->picture);
    PLEAT_CHECK(o->html == NULL || !pleat_file_is_folder(o->html), PLEAT_ERR_ARG,
                "--html '%s' is a folder; name a file", o->html);
    if (o->picture != NULL)
        PLEAT_TRY(pleat_output_check_file("--picture", o->picture, "pleat explore", "\x89PNG"));
    const char *dot = o->picture != NULL ? strrchr(o->picture, '.') : NULL;
    PLEAT_CHECK(o->picture == NULL || (dot != NULL && strcasecmp(dot, ".png") == 0), PLEAT_ERR_ARG,
                "--picture '%s': the picture is a PNG; name it FILE.png", o->picture);
    if (o->html != NULL)
        PLEAT_TRY(pleat_output_check_file("--html", o->html, "pleat explore", EXPLORE_PAGE_BEGIN));
    if (o->picture == NULL && o->html == NULL) o->how.pictures = 0;
    return PLEAT_OK;
}

static pleat_status write_all(const explore_options *o, const char *data,
                              const pleat_exploration *e) {
    const int fold = o->how.fold;
    if (o->picture != NULL) PLEAT_TRY(explore_write_picture(o->picture, data, e));
    if (o->html != NULL) PLEAT_TRY(explore_write_page(o->html, data, fold, e));
    if (o->csv) return explore_print_csv(e);
    return explore_print(o->json ? SHEET_JSON : SHEET_TEXT, data, fold, e);
}

/* Cases that are left out, as a file is missing, there twice, or cannot be read; their names in
 * list[512]. *unnamed: some are told by a sentence that counts them. */
static int find_lost(const pleat_exploration *e, char list[512], int *unnamed) {
    int n = 0;
    *unnamed = 0;
    for (int i = 0; i < e->n; i++) {
        if (e->of[i].measured) continue;
        pleat_warn_list(list, 512, e->of[i].id);
        n++;
    }
    for (int i = 0; i < e->check.n; i++) {
        const pleat_finding *f = &e->check.finding[i];
        if (f->at >= 0 || strcmp(pleat_check_kinds[f->kind].name, "files") != 0) continue;
        *unnamed |= f->id[0] == '\0';
        pleat_warn_list(list, 512, f->id[0] != '\0' ? f->id : f->text);
        n++;
    }
    return n;
}

pleat_status verb_explore(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0}, sets = {0};
    explore_options o = {.how = {.fold = -1, .pictures = PLEAT_EXPLORE_PICTURES}};
    pleat_exploration e;
    pleat_config config;
    int go = 0, given = 0, unnamed = 0;
    const option rows[] = {
        {"--picture", OPTION_TEXT, &o.picture, "FILE.png",
         "slices of the cases with their masks, histograms, volumes of the classes"},
        {"--html", OPTION_TEXT, &o.html, "FILE.html", "the same with all tables, as one page"},
        {"--show", OPTION_INT, &o.how.pictures, "N",
         "cases in pictures, evenly spread over their names (default 60)"},
        {"--fold", OPTION_INT, &o.how.fold, "K",
         "classes, histograms and fingerprint of the cases that fold K trains on alone"},
        {"--csv", OPTION_FLAG, &o.csv, NULL, "print CSV, a row per case and channel"},
        {"--json", OPTION_FLAG, &o.json, NULL, "one JSON object on stdout"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", VERB_SET_HELP},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_TRY(check_options(&o));
    PLEAT_TRY(verb_data_config(self, words.item[0], &sets, &given, &config));
    PLEAT_TRY(pleat_explore(a->session->world, &config, &o.how, &e));
    pleat_status status = PLEAT_OK;
    char list[512] = "";
    const int lost = find_lost(&e, list, &unnamed), all = e.measured + lost,
              errors = e.check.of[PLEAT_ERROR];
    if (a->session->rank == 0) status = write_all(&o, config.data, &e);
    pleat_exploration_free(&e);
    PLEAT_TRY(status);
    PLEAT_CHECK(!unnamed, PLEAT_ERR_DATA, "not all cases of '%s' could be read: %s", config.data,
                list);
    PLEAT_CHECK(lost == 0, PLEAT_ERR_DATA,
                "%d of %d cases of '%s' could not be read and are left out: %s; pleat check says "
                "why",
                lost, all, config.data, list);
    if (errors > 0)
        pleat_log(PLEAT_INFO, "'%s' has %d error%s; pleat check lists them", config.data, errors,
                  pleat_plural(errors));
    return PLEAT_OK;
}
