/* verb_fetch.c - fetch: a data set from the network, checked and laid out. */
#include "app.h"
#include "sheet.h"

#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/manifest.h"
#include "pleat/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const sheet_column columns[] = {{"name", -20}, {"what", -53}, {"licence", -1}, {NULL, 0}};

static void print_known(sheet_form form) {
    sheet s = sheet_begin(form, "fetch");
    sheet_table(&s, "data_sets", columns);
    for (const pleat_fetch_known *k = pleat_fetch_known_sets; k->name != NULL; k++) {
        sheet_row(&s);
        sheet_text(&s, "name", k->name);
        sheet_text(&s, "what", k->what);
        sheet_text(&s, "licence", k->licence);
    }
    sheet_table_end(&s);
    sheet_end(&s);
}

/* A number above 0, with K, M, G or T where `units` are its powers of 1000. */
static pleat_status number(const char *name, const char *text, int units, double most,
                           double *out) {
    static const char letters[] = "KMGT";
    char *end = NULL;
    double value = strtod(text, &end);
    const char *letter = units && *end != '\0' ? strchr(letters, *end) : NULL;
    if (letter != NULL) {
        value *= pow(1000.0, (double)(letter - letters + 1));
        end++;
    }
    PLEAT_CHECK(end != text && *end == '\0' && value > 0.0 && value <= most, PLEAT_ERR_ARG,
                "%s '%s': must be %s above 0", name, text,
                units ? "bytes, such as 500M or 40G," : "seconds");
    *out = value;
    return PLEAT_OK;
}

static pleat_status read_set(const char *word, const char *sha256, pleat_fetch_set *out) {
    const int url = strstr(word, "://") != NULL;
    PLEAT_CHECK(sha256 == NULL || url, PLEAT_ERR_ARG,
                "--sha256 is of an address; a manifest has its own, and '%s' is none", word);
    if (url) return pleat_fetch_url(word, sha256, out);
    if (pleat_file_exists(word)) return pleat_manifest_read(word, out);
    return pleat_fetch_find(word, out);
}

static pleat_status fetch(const char *word, const char *sha256, const char *mirror,
                          const pleat_fetch_how *how) {
    pleat_fetch_set set = {0};
    pleat_fetched made = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(read_set(word, sha256, &set));
    if (mirror != NULL) PLEAT_TRY_GOTO(status, done, pleat_fetch_mirror(&set, mirror));
    if (set.licence[0] != '\0') pleat_log(PLEAT_INFO, "licence of the data: %s", set.licence);
    PLEAT_TRY_GOTO(status, done, pleat_fetch(&set, how, &made));
    pleat_text_print("%s: %d of %d file%s fetched, %d there already; ", set.name, made.fetched,
                     set.n, pleat_plural(set.n), made.there);
    if (made.cases > 0)
        pleat_text_print("%d case%s in %s, each with a mask of its size\n", made.cases,
                         pleat_plural(made.cases), how->folder);
    else
        pleat_text_print("in %s\n", how->folder);
done:
    pleat_fetch_free(&set);
    return status;
}

pleat_status verb_fetch(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0};
    const char *sha256 = NULL, *mirror = NULL, *most = NULL, *wait = NULL;
    pleat_fetch_how how = {.tries = 6, .stall_s = 60, .wait_s = 1.0};
    double bytes = 0.0;
    int list = 0, json = 0, go = 0;
    const option rows[] = {
        {"--to", OPTION_TEXT, &how.folder, "DIR", "the data folder; created if missing"},
        {"--sha256", OPTION_TEXT, &sha256, "HEX", "expected checksum of the download"},
        {"--mirror", OPTION_TEXT, &mirror, "URL",
         "download files of the same names from this address; the checksums stay the same"},
        {"--keep", OPTION_FLAG, &how.keep, NULL, "keep the archives, in DIR/.pleat-fetch"},
        {"--most", OPTION_TEXT, &most, "SIZE",
         "largest file, and largest content of an archive, such as 40G (default: 4G, or 100 times "
         "the archive)"},
        {"--tries", OPTION_INT, &how.tries, "N",
         "give up after so many tries without progress (default 6)"},
        {"--wait", OPTION_TEXT, &wait, "SECONDS",
         "wait before the first retry; doubles each time (default 1)"},
        {"--stall", OPTION_INT, &how.stall_s, "SECONDS",
         "reconnect after this long without data (default 60)"},
        {"--list", OPTION_FLAG, &list, NULL, "list the known data sets, and stop"},
        {"--json", OPTION_FLAG, &json, NULL, "with --list: one JSON object"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    if (list) {
        if (a->session->rank == 0) print_known(json ? SHEET_JSON : SHEET_TEXT);
        return PLEAT_OK;
    }
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_CHECK(how.tries >= 1 && how.stall_s >= 1, PLEAT_ERR_ARG,
                "--tries and --stall must be 1 or more");
    if (most != NULL) PLEAT_TRY(number("--most", most, 1, 9e18, &bytes));
    if (wait != NULL) PLEAT_TRY(number("--wait", wait, 0, 3600.0, &how.wait_s));
    how.most_bytes = (int64_t)bytes;
    if (a->session->rank != 0) return PLEAT_OK;
    return fetch(words.item[0], sha256, mirror, &how);
}
