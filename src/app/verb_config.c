/* verb_config.c - config: prints the resolved configuration, each key with its description. */
#include "app.h"

pleat_status verb_config_show(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0}, sets = {0};
    int markdown = 0, go = 0;
    const option rows[] = {
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", VERB_SET_HELP},
        {"--markdown", OPTION_FLAG, &markdown, NULL, "print only a table of all keys and defaults"},
        {0},
    };
    pleat_config config;
    char text[16384];
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    if (markdown) {
        PLEAT_CHECK(words.n + sets.n == 0, PLEAT_ERR_ARG,
                    "--markdown prints the defaults: leave CONFIG and --set out");
        PLEAT_TRY(pleat_config_markdown(text, sizeof text));
    } else {
        PLEAT_TRY(verb_config(words.n == 1 ? words.item[0] : NULL, &sets, &config));
        PLEAT_TRY(pleat_config_text(&config, 1, text, sizeof text));
    }
    if (a->session->rank == 0) (void)fputs(text, stdout);
    return PLEAT_OK;
}
