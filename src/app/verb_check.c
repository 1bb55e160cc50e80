/* verb_check.c - check: all that is wrong with a data folder, before a run finds it. */
#include "app.h"
#include "sheet.h"

#include "pleat/check.h"
#include "pleat/text.h"

static const sheet_column finding_columns[] = {{"severity", -8}, {"kind", -13}, {"case", -20},
                                               {"field", -34},   {"what", -1},  {NULL, 0}};

static const sheet_column class_columns[] = {{"label", 5},   {"name", -20}, {"cases", 5},
                                             {"voxels", 12}, {"ml", 10},    {NULL, 0}};

static const sheet_column kind_columns[] = {
    {"kind", -13}, {"severity", -8}, {"what", -1}, {NULL, 0}};

static void print_kinds(sheet_form form) {
    sheet s = sheet_begin(form, "check");
    sheet_table(&s, "kinds", kind_columns);
    for (const pleat_check_kind *k = pleat_check_kinds; k->name != NULL; k++) {
        sheet_row(&s);
        sheet_text(&s, "kind", k->name);
        sheet_text(&s, "severity", pleat_severity_name(k->severity));
        sheet_text(&s, "what", k->what);
    }
    sheet_table_end(&s);
    sheet_end(&s);
}

static void print_row(sheet *s, const pleat_check_kind *kind, const pleat_finding *f,
                      const char *what) {
    sheet_row(s);
    sheet_text(s, "severity", pleat_severity_name(kind->severity));
    sheet_text(s, "kind", kind->name);
    sheet_text(s, "case", f != NULL && f->id[0] != '\0' ? f->id : NULL);
    sheet_text(s, "field", f != NULL && f->field[0] != '\0' ? f->field : NULL);
    sheet_text(s, "what", what);
}

/* At most so many of a kind, then how many more there are. */
static void print_findings(sheet *s, const pleat_check_report *report, int most) {
    char what[sizeof report->finding->text + 256];
    int met[PLEAT_CHECK_KINDS] = {0};
    sheet_table(s, "findings", finding_columns);
    for (int i = 0; i < report->n; i++) {
        const pleat_finding *f = &report->finding[i];
        const pleat_check_kind *kind = &pleat_check_kinds[f->kind];
        if (++met[f->kind] > most) continue;
        (void)snprintf(what, sizeof what, "%s%s%s", f->text, kind->cure[0] != '\0' ? "; " : "",
                       kind->cure);
        print_row(s, kind, f, what);
    }
    for (int k = 0; pleat_check_kinds[k].name != NULL; k++) {
        if (met[k] <= most) continue;
        (void)snprintf(what, sizeof what, "%d more like these; --all prints them", met[k] - most);
        print_row(s, &pleat_check_kinds[k], NULL, what);
    }
    sheet_table_end(s);
}

static void print_classes(sheet *s, const pleat_check_report *report) {
    sheet_table(s, "classes", class_columns);
    for (int i = 0; i < report->classes; i++) {
        const pleat_checked_class *c = &report->class[i];
        sheet_row(s);
        sheet_int(s, "label", c->label);
        sheet_text(s, "name", c->name[0] != '\0' ? c->name : NULL);
        sheet_int(s, "cases", c->cases);
        sheet_int(s, "voxels", c->voxels);
        sheet_real(s, "ml", c->ml);
    }
    sheet_table_end(s);
}

static void print(sheet_form form, const char *data, const pleat_check_how *how,
                  const pleat_check_report *report, int all) {
    const int most = all || form == SHEET_JSON ? report->n : PLEAT_CHECK_MOST;
    sheet s = sheet_begin(form, "check");
    sheet_text(&s, "kind", "check");
    sheet_text(&s, "folder", data);
    sheet_text(&s, "looked_at", how->headers ? "headers" : "headers and voxels");
    sheet_int(&s, "cases", report->cases);
    sheet_int(&s, "errors", report->of[PLEAT_ERROR]);
    sheet_int(&s, "warnings", report->of[PLEAT_WARNING]);
    sheet_int(&s, "notes", report->of[PLEAT_NOTE]);
    if (report->n > 0 || form == SHEET_JSON) print_findings(&s, report, most);
    if (report->classes > 0 || form == SHEET_JSON) print_classes(&s, report);
    sheet_end(&s);
}

pleat_status verb_check(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0}, sets = {0};
    pleat_check_how how = {.threads = a->session->threads};
    pleat_check_report report;
    pleat_config config;
    int json = 0, strict = 0, all = 0, kinds = 0, go = 0;
    const option rows[] = {
        {"--headers", OPTION_FLAG, &how.headers, NULL, "read only the headers, in seconds"},
        {"--strict", OPTION_FLAG, &strict, NULL, "warnings end with exit code 3 too"},
        {"--all", OPTION_FLAG, &all, NULL, "print all findings, not ten of a kind"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object on stdout"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", VERB_SET_HELP},
        {"--kinds", OPTION_FLAG, &kinds, NULL, "list the kinds of findings, and stop"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    const sheet_form form = json ? SHEET_JSON : SHEET_TEXT;
    const int root = a->session->rank == 0;
    if (kinds && root) print_kinds(form);
    if (kinds) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_TRY(verb_data_config(self, words.item[0], &sets, &how.given, &config));
    PLEAT_TRY(pleat_check(a->session->world, &config, &how, &report));
    if (root) print(form, config.data, &how, &report, all);
    const int errors = report.of[PLEAT_ERROR], warnings = report.of[PLEAT_WARNING];
    pleat_check_free(&report);
    PLEAT_CHECK(errors == 0 && (!strict || warnings == 0), PLEAT_ERR_DATA,
                "'%s': %d error%s and %d warning%s, listed above", config.data, errors,
                pleat_plural(errors), warnings, pleat_plural(warnings));
    return PLEAT_OK;
}
