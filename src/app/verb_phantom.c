/* verb_phantom.c - phantom: makes a small chest-like data set. */
#include "app.h"

#include "pleat/phantom.h"
#include "pleat/text.h"

pleat_status verb_phantom(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0};
    int cases = 10, seed = 1, go = 0;
    pleat_phantom_config config = pleat_phantom_default();
    const option rows[] = {
        {"--cases", OPTION_INT, &cases, "N", "number of cases (default 10)"},
        {"--seed", OPTION_INT, &seed, "N", "random seed of the anatomy (default 1)"},
        {"--channels", OPTION_INT, &config.channels, "N",
         "1 or 2; the second separates infection from vessels (default 1)"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_CHECK(cases >= 1 && cases <= 9999 && seed >= 0, PLEAT_ERR_ARG,
                "--cases must be 1 to 9999, --seed not negative");
    if (a->session->rank != 0) return PLEAT_OK;
    PLEAT_TRY(pleat_phantom_write(words.item[0], cases, (uint64_t)seed, &config));
    pleat_text_print("%d case%s in %s\n", cases, pleat_plural(cases), words.item[0]);
    return PLEAT_OK;
}
