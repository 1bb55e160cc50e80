/* page.c - what a run tells its page: what was asked, where the data are. */
#include "run_impl.h"

#include "pleat/log.h"
#include "pleat/networks.h"
#include "pleat/page.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <string.h>

/* "a, b, c" of the classes but the first, which is the background. */
static void list_classes(const pleat_classes *classes, char *out, size_t size) {
    out[0] = '\0';
    for (int c = classes->n > 1 ? 1 : 0; c < classes->n; c++) {
        const size_t used = strlen(out);
        (void)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", classes->name[c]);
    }
}

static void describe(const pleat_record *of, const pleat_config *config,
                     const pleat_classes *classes, char *out, size_t size) {
    char names[1024], design[128];
    list_classes(classes, names, sizeof names);
    if (of->repeats > 1)
        (void)snprintf(design, sizeof design,
                       "%d repeats of a cross-validation of %d case%s in %d "
                       "folds: in each repeat",
                       of->repeats, of->cases, pleat_plural(of->cases), of->folds / of->repeats);
    else
        (void)snprintf(design, sizeof design,
                       "A cross-validation of %d case%s in %d fold%s:", of->cases,
                       pleat_plural(of->cases), of->folds, pleat_plural(of->folds));
    (void)snprintf(
        out, size,
        "How well does the network %s label %s? %s each case is evaluated by the one "
        "model that was not trained on it. At most %d epoch%s of %d step%s on batches "
        "of %d patch%s of %d x %d x %d voxels, from seed %llu; by pleat %s on %s, engine "
        "%s (%s).",
        pleat_network_name(config->network.name), names, design, config->train.epochs,
        pleat_plural(config->train.epochs), config->train.iterations,
        pleat_plural(config->train.iterations), config->train.batch,
        config->train.batch == 1 ? "" : "es", config->patch[2], config->patch[1], config->patch[0],
        (unsigned long long)of->seed, of->version, of->host, of->engine, of->precision);
}

pleat_status pleat_run_page_check(const char *folder, const pleat_results *results,
                                  const pleat_page_options *page) {
    for (int i = 0; page != NULL && i < page->n; i++) {
        char list[400] = "";
        int k = 0;
        for (; k < results->n && strcmp(results->cases[k].id, page->ids[i]) != 0; k++)
            pleat_warn_list(list, sizeof list, results->cases[k].id);
        PLEAT_CHECK(k < results->n, PLEAT_ERR_ARG, "'%s' has no scores of a case '%s'; it has %s",
                    folder, page->ids[i], list);
    }
    return PLEAT_OK;
}

pleat_status pleat_run_page(const char *folder, const pleat_record *of, const pleat_config *config,
                            const pleat_estimates *estimates, const int *edited,
                            const pleat_page_options *options) {
    pleat_page_options how = {.pictures = PLEAT_PAGE_AS_SET};
    const char *data = of->data[0] != '\0' ? of->data : config->data;
    const pleat_prep_steps *steps = &config->prep.channel[0];
    char asked[4096];
    pleat_classes classes;
    pleat_case_paths *paths = NULL;
    int n = 0;
    if (options != NULL) how = *options;
    if (how.pictures == PLEAT_PAGE_AS_SET) how.pictures = config->pictures;
    PLEAT_TRY(pleat_classes_parse(of->classes, &classes));
    describe(of, config, &classes, asked, sizeof asked);
    if (data[0] != '\0' && estimates != NULL && pleat_unchanged_scan(data, &paths, &n) != PLEAT_OK)
        pleat_log(PLEAT_INFO, "%s; the page is without images", pleat_error_message());
    const pleat_page_source source = {.run = folder,
                                      .asked = asked,
                                      .epochs = config->train.epochs,
                                      .folds = of->folds,
                                      .paths = paths,
                                      .n = n,
                                      .clipped = steps->clip,
                                      .clip = {steps->clip_range[0], steps->clip_range[1]},
                                      .edited = edited,
                                      .estimates = estimates,
                                      .classes = &classes};
    const pleat_status status = pleat_page_write(&source, &how);
    pleat_layout_free(paths, n);
    pleat_classes_free(&classes);
    return status;
}
