/*
 * check.c - looks at a whole data folder and keeps all that is wrong with it.
 *
 * Every rank finds the cases; each looks at its share; rank 0 gathers what was found and what is
 * known of each case, and compares the cases.
 */
#include "check_impl.h"
#include "run_impl.h"

#include "pleat/halt.h"
#include "pleat/log.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- findings -------------------------------------------------------------------------------- */

/* Behind what a message begins with and the table of findings has in columns of its own. */
static const char *without(const char *text, const char *format, const char *name) {
    char start[PLEAT_PATH_BYTES + 16];
    (void)snprintf(start, sizeof start, format, name);
    return strncmp(text, start, strlen(start)) == 0 ? text + strlen(start) : text;
}

void check_find(check_work *w, check_id kind, int at, const char *field, const char *format, ...) {
    pleat_finding *grown = realloc(w->found, ((size_t)w->n_found + 1) * sizeof *grown);
    char text[sizeof grown->text];
    va_list args;
    if (grown == NULL) {
        w->no_memory = 1;
        return;
    }
    w->found = grown;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *said = text;
    const size_t top = strlen(w->config->data);
    if (at >= 0) said = without(said, "case '%s': ", w->cases[at].id);
    if (field[0] != '\0') said = without(without(said, "'%s': ", field), "'%s' ", field);
    if (strncmp(field, w->config->data, top) == 0 && field[top] == '/') field += top + 1;
    pleat_finding *f = &grown[w->n_found++];
    *f = (pleat_finding){.kind = (int)kind, .at = at};
    (void)snprintf(f->field, sizeof f->field, "%s", field);
    (void)snprintf(f->text, sizeof f->text, "%s", said);
    if (at >= 0) (void)snprintf(f->id, sizeof f->id, "%s", w->cases[at].id);
}

int check_has(const check_work *w, check_id kind, int at) {
    for (int i = 0; i < w->n_found; i++)
        if (w->found[i].kind == (int)kind && w->found[i].at == at) return 1;
    return 0;
}

void check_drop(check_work *w, check_id kind, int at) {
    int kept = 0;
    for (int i = 0; i < w->n_found; i++)
        if (w->found[i].kind != (int)kind || w->found[i].at != at) w->found[kept++] = w->found[i];
    w->n_found = kept;
}

void check_take_warnings(check_work *w, check_id kind, int at, const char *field) {
    for (; w->taken < pleat_warn_count(); w->taken++)
        check_find(w, kind, at, field, "%s", pleat_warn_text(w->taken));
}

/* In the order of the cases, then those of all; of one case as they were found. */
static int by_case(const void *a, const void *b) {
    const pleat_finding *x = a, *y = b;
    if (x->at != y->at) return x->at < 0 ? 1 : y->at < 0 ? -1 : x->at - y->at;
    if (x->kind != y->kind) return x->kind - y->kind;
    const int order = strcmp(x->field, y->field);
    return order != 0 ? order : strcmp(x->text, y->text);
}

/* ---- the folder and the configuration -------------------------------------------------------- */

/* Their cases have no place among those that were found, but a name, with which most begin. */
static void keep_refusals(check_work *w, const pleat_layout_refusals *refused) {
    for (int i = 0; i < refused->n; i++) {
        const char *text = refused->text[i], *end = NULL;
        const int before = w->n_found;
        if (strncmp(text, "case '", 6) == 0) end = strchr(text + 6, '\'');
        check_find(w, CHECK_FILES, -1, "", "%s",
                   end == NULL ? text : end + 1 + strspn(end + 1, ": "));
        if (w->n_found == before || end == NULL) continue;
        pleat_finding *f = &w->found[before];
        (void)snprintf(f->id, sizeof f->id, "%.*s", (int)(end - text - 6), text + 6);
    }
}

/* Which files are cases. Without masks the folder may be one of volumes to be labelled. */
static pleat_status find_cases(check_work *w, pleat_cases *cases) {
    const char *data = w->config->data;
    pleat_layout_refusals refused = {0};
    const pleat_status status =
        pleat_layout_scan_all(data, PLEAT_LAYOUT_LABELLED, &refused, &cases->paths, &cases->n);
    char why[sizeof w->found->text] = "";
    if (status != PLEAT_OK) (void)snprintf(why, sizeof why, "%s", pleat_error_message());
    if (status != PLEAT_ERR_MEMORY && cases->n == 0 && !w->how->given) {
        int labelled = 0, n = 0;
        pleat_case_paths *all = NULL;
        const pleat_status again = pleat_layout_scan(data, PLEAT_LAYOUT_VOLUMES, &all, &n);
        for (int i = 0; again == PLEAT_OK && i < n; i++) labelled |= all[i].label != NULL;
        if (again == PLEAT_OK && !labelled) {
            cases->paths = all;
            cases->n = n;
            why[0] = '\0';
            pleat_layout_refusals_free(&refused);
            check_find(w, CHECK_NO_LABELS, -1, data,
                       "no mask for any of its %d volumes, each of which was taken as an image", n);
        } else if (again == PLEAT_OK) {
            pleat_layout_free(all, n);
        }
    }
    if (why[0] != '\0') check_find(w, CHECK_DATA, -1, data, "%s", why);
    keep_refusals(w, &refused);
    pleat_layout_refusals_free(&refused);
    check_take_warnings(w, CHECK_PASSED, -1, data);
    PLEAT_CHECK(status != PLEAT_ERR_MEMORY, status, "%s", why);
    return PLEAT_OK;
}

static void check_folds(check_work *w) {
    const pleat_config *c = w->config;
    pleat_folds folds = {0};
    pleat_status status = pleat_cases_folds(c, w->cases, w->n, c->splits, &folds);
    if (status == PLEAT_OK && w->how->given) /* else folds.k is only a default */
        status = pleat_cases_check_counts(c, &folds, c->splits[0] != '\0' ? c->splits : NULL);
    if (status == PLEAT_ERR_MEMORY) w->no_memory = 1;
    if (status != PLEAT_OK) check_find(w, CHECK_CONFIG, -1, "folds", "%s", pleat_error_message());
    pleat_folds_free(&folds);
}

/* What a run would refuse of it, beyond what is read with it. */
static void check_config(check_work *w, const check_facts *facts) {
    pleat_judging judging;
    pleat_train_beginning of = {0};
    char text[400];
    int channels = 1;
    pleat_engine *engine = NULL;
    if (w->classes->n == 0)
        check_find(w, CHECK_CONFIG, -1, "classes",
                   "the classes are not known; set classes: [background, ...], or put a "
                   "dataset.json with \"labels\" into '%s'",
                   w->config->data);
    else if (pleat_config_check(w->config) != PLEAT_OK ||
             pleat_config_check_training(w->config, w->classes) != PLEAT_OK)
        check_find(w, CHECK_CONFIG, -1, "", "%s", pleat_error_message());
    else if (pleat_config_judging(w->config, w->classes, &judging) != PLEAT_OK)
        check_find(w, CHECK_CONFIG, -1, "report", "%s", pleat_error_message());
    for (int i = w->n - 1; facts != NULL && i >= 0; i--)
        if (facts[i].readable) channels = facts[i].channels;
    if (w->config->from[0] != '\0' && w->classes->n > 0 &&
        pleat_record_begins(w->config, channels, &of) != PLEAT_OK)
        check_find(w, CHECK_CONFIG, -1, "train.from", "%s", pleat_error_message());
    else if (pleat_record_other_prep(w->config, &of, text, sizeof text))
        check_find(w, CHECK_BEGINNING, -1, "train.from", "'%s': %s", w->config->from, text);
    if (w->n > 0) check_folds(w);
    if (pleat_config_engine(w->config, w->how->threads, &engine) != PLEAT_OK)
        check_find(w, CHECK_CONFIG, -1, "engine", "%s", pleat_error_message());
    else
        pleat_engine_destroy(engine);
}

/* What a run takes and a user may not have meant. */
static void check_doubts(check_work *w) {
    char text[256];
    const char *key = NULL;
    for (int i = 0; (i = pleat_config_idle(w->config, i, &key, text)) >= 0; i++)
        if (w->how->given && strcmp(key, "network.norm") != 0) /* which is refused */
            check_find(w, CHECK_IDLE, -1, key, "has no effect with %s", text);
    if (!w->how->given && pleat_classes_check_written("classes", w->classes) != PLEAT_OK)
        check_find(w, CHECK_CONFIG, -1, "", "%s", pleat_error_message());
    else if (!pleat_classes_read_back(w->classes, text, sizeof text))
        check_find(w, CHECK_REGIONS, -1, "classes", "%s", text);
}

pleat_status check_halt(const check_work *w, double reserve_s) {
    const pleat_halt wish = pleat_halt_look(reserve_s);
    pleat_halt_pace("case", reserve_s);
    PLEAT_CHECK(w->how->headers || (wish != PLEAT_HALT_TIME && wish != PLEAT_HALT_JOB),
                PLEAT_ERR_ARG,
                "%s: the check of the data, with which a run begins, takes longer than the time "
                "that there is, and would each time; give it more time, or prepare the cases "
                "before: pleat prep CONFIG --out STORE, which resumes, then run with --set "
                "store=STORE, where the headers are enough",
                pleat_halt_name(wish));
    PLEAT_CHECK(pleat_halt_status(wish) == PLEAT_OK, pleat_halt_status(wish),
                "%s: the data were being checked, nothing is written yet; to start again, repeat "
                "the command: %s",
                pleat_halt_name(wish), pleat_halt_command());
    return PLEAT_OK;
}

/* ---- the cases, by all ranks ----------------------------------------------------------------- */

/* Of the facts of a case, which are large, those that are kept. */
static size_t kept_of_facts(const check_work *w) {
    return w->how->headers ? offsetof(check_facts, low) : sizeof(check_facts);
}

/* Round by round, a case per rank, so that an error or a wish to halt ends the work of all. `mine`:
 * what is kept of the facts of each, one behind the other. */
static pleat_status look(check_work *w, pleat_comm *comm, char *mine) {
    const size_t kept = kept_of_facts(w);
    check_facts one;
    double longest = 0.0; /* seconds of a round */
    for (int first = 0; mine != NULL && first < w->n; first += comm->size) {
        const double begun = pleat_now();
        const int at = first + comm->rank, next = first + comm->size;
        if (at < w->n) {
            check_headers(w, at, &one);
            if (!w->how->headers) check_voxels(w, at, &one);
            memcpy(mine, &one, kept);
            mine += kept;
        }
        if (w->failed == PLEAT_OK && w->no_memory)
            w->failed =
                PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for what was found in %d cases", w->n);
        longest = fmax(longest, pleat_now() - begun);
        if (w->failed == PLEAT_OK && next < w->n) w->failed = check_halt(w, longest);
        PLEAT_TRY(pleat_comm_agree(comm, w->failed));
        if (comm->rank == 0)
            pleat_progress(w->guest != NULL ? w->guest->name : "check",
                           (size_t)(next < w->n ? next : w->n), (size_t)w->n, w->cases[first].id);
    }
    return PLEAT_OK;
}

/* Facts of all cases, in their order, and all findings: on rank 0. *mine, as look left it, is
 * freed. */
static pleat_status gather(check_work *w, pleat_comm *comm, char **mine, check_facts **facts) {
    void *all = NULL, *found = NULL;
    const size_t kept = kept_of_facts(w);
    size_t bytes = 0, found_bytes = 0, n = 0;
    for (int at = comm->rank; at < w->n; at += comm->size) n++;
    PLEAT_TRY(pleat_comm_gather(comm, *mine, n * kept, 0, &all, &bytes));
    free(*mine);
    *mine = NULL;
    PLEAT_TRY(pleat_comm_gather(comm, w->found, (size_t)w->n_found * sizeof *w->found, 0, &found,
                                &found_bytes));
    if (comm->rank != 0) return PLEAT_OK;
    free(w->found);
    w->found = found;
    w->n_found = (int)(found_bytes / sizeof *w->found);
    *facts = calloc((size_t)w->n + 1, sizeof **facts);
    for (size_t i = 0; *facts != NULL && i < bytes; i += kept) {
        int at = 0; /* with which facts begin */
        memcpy(&at, (const char *)all + i, sizeof at);
        memcpy(&(*facts)[at], (const char *)all + i, kept);
    }
    free(all);
    PLEAT_CHECK(*facts != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", w->n);
    return PLEAT_OK;
}

static pleat_status finish(check_work *w, const check_facts *facts, pleat_check_report *out) {
    if (w->how->given && !w->how->begun) check_config(w, facts);
    if (!w->how->given && w->n > 0 && w->cases[0].fold > 0) check_folds(w);
    check_doubts(w);
    check_all(w, facts);
    PLEAT_TRY(w->failed);
    PLEAT_TRY(check_classes(w, facts, out));
    PLEAT_CHECK(!w->no_memory, PLEAT_ERR_MEMORY, "no memory for what was found in %d cases", w->n);
    if (w->n_found > 1) qsort(w->found, (size_t)w->n_found, sizeof *w->found, by_case);
    for (int i = 0; i < w->n_found; i++) out->of[pleat_check_kinds[w->found[i].kind].severity]++;
    out->cases = w->n;
    out->finding = w->found;
    out->n = w->n_found;
    w->found = NULL;
    return PLEAT_OK;
}

static pleat_status check(check_work *w, pleat_comm *comm, pleat_check_report *out) {
    pleat_cases cases = {0};
    char *mine = NULL;
    check_facts *facts = NULL;
    pleat_status status = comm->rank == 0 ? find_cases(w, &cases) : PLEAT_OK;
    status = pleat_cases_share(comm, status, &cases);
    w->cases = cases.paths;
    w->n = cases.n;
    if (comm->rank != 0) w->n_found = 0; /* rank 0 found the same */
    if (status == PLEAT_OK) {
        mine = malloc(((size_t)(w->n / comm->size) + 1) * kept_of_facts(w));
        if (mine == NULL) status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %d cases", w->n);
    }
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
    PLEAT_TRY_GOTO(status, done, look(w, comm, mine));
    PLEAT_TRY_GOTO(status, done, gather(w, comm, &mine, &facts));
    if (w->guest != NULL) status = w->guest->all(w->guest->self, w, comm, facts);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
    if (comm->rank == 0) status = finish(w, facts, out);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
done:
    free(facts);
    free(mine);
    pleat_cases_free(&cases);
    return status;
}

pleat_status check_with(pleat_comm *comm, const pleat_config *config, const pleat_check_how *how,
                        const check_guest *guest, pleat_check_report *out) {
    pleat_config c = *config; /* gets the classes of the data */
    pleat_classes classes = {0};
    const int before = pleat_warn_count(); /* what has been said is no finding any more */
    check_work w = {.guest = guest, .config = &c, .how = how, .classes = &classes, .taken = before};
    *out = (pleat_check_report){0};
    pleat_warn_quiet(1);
    if (pleat_cases_classes(&c, &classes) != PLEAT_OK)
        check_find(&w, CHECK_CONFIG, -1, "classes", "%s", pleat_error_message());
    const pleat_status status = check(&w, comm, out);
    pleat_warn_quiet(0);
    pleat_warn_forget_from(before);
    pleat_classes_free(&classes);
    free(w.found);
    if (status != PLEAT_OK) pleat_check_free(out);
    PLEAT_TRY(status);
    return PLEAT_OK;
}

pleat_status pleat_check(pleat_comm *comm, const pleat_config *config, const pleat_check_how *how,
                         pleat_check_report *out) {
    return check_with(comm, config, how, NULL, out);
}

void pleat_check_free(pleat_check_report *report) {
    free(report->finding);
    free(report->class);
    *report = (pleat_check_report){0};
}

/* ---- as lines of the log --------------------------------------------------------------------- */

const char *pleat_check_text(const pleat_finding *f, const char *data, char *out, size_t size) {
    const char *cure = pleat_check_kinds[f->kind].cure, *of = f->id[0] != '\0' ? "case '" : "";
    const char *where = f->field[0] != '\0' || of[0] != '\0' ? f->field : data;
    (void)snprintf(out, size, "%s%s%s%s%s%s%s%s", of, f->id, of[0] != '\0' ? "': " : "", where,
                   where[0] != '\0' ? ": " : "", f->text, cure[0] != '\0' ? "; " : "", cure);
    return out;
}

static void say(pleat_severity severity, const char *text) {
    if (severity == PLEAT_WARNING)
        pleat_warn("%s", text);
    else
        pleat_log(severity == PLEAT_ERROR ? PLEAT_QUIET : PLEAT_DEBUG, "%s: %s",
                  pleat_severity_name(severity), text);
}

pleat_status pleat_check_tell(const pleat_check_report *r, const char *data, int run) {
    char text[2048];
    int met[PLEAT_CHECK_KINDS] = {0};
    const int errors = r->of[PLEAT_ERROR], warnings = r->of[PLEAT_WARNING];
    for (int severity = PLEAT_ERROR; severity >= PLEAT_NOTE; severity--)
        for (int i = 0; i < r->n; i++) {
            const pleat_finding *f = &r->finding[i];
            const pleat_check_kind *kind = &pleat_check_kinds[f->kind];
            if ((int)kind->severity != severity || (run && kind->later)) continue;
            (void)pleat_check_text(f, data, text, sizeof text);
            if (severity == PLEAT_ERROR && errors == 1)
                return PLEAT_FAIL(PLEAT_ERR_DATA, "%s", text);
            if (++met[f->kind] <= PLEAT_CHECK_MOST) say(kind->severity, text);
        }
    for (int k = 0; pleat_check_kinds[k].name != NULL; k++) {
        if (met[k] <= PLEAT_CHECK_MOST) continue;
        (void)snprintf(text, sizeof text,
                       "%d more findings of the kind '%s'; pleat check lists all",
                       met[k] - PLEAT_CHECK_MOST, pleat_check_kinds[k].name);
        say(pleat_check_kinds[k].severity, text);
    }
    PLEAT_CHECK(errors == 0, PLEAT_ERR_DATA, "'%s': %d errors and %d warning%s, listed above", data,
                errors, warnings, pleat_plural(warnings));
    return PLEAT_OK;
}
