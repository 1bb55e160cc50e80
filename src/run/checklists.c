/*
 * checklists.c - the items of three lists of what a paper shall report, and what a run knows of
 * them.
 *
 *   CLAIM, update of 2024    Tejani et al., Radiology: Artificial Intelligence 6 (2024) e240300
 *   TRIPOD+AI                Collins et al., BMJ 385 (2024) e078378
 *   Metrics Reloaded         Maier-Hein, Reinke et al., Nature Methods 21 (2024) 195
 *
 * The subjects are in our words; the lists themselves are the authors' to read. Numbers are those
 * of the published lists: 1 to 44 of CLAIM, 1 to 27c of TRIPOD+AI; Metrics Reloaded has none.
 */
#include "methods.h"

#include "pleat/optimizers.h"
#include "pleat/rundir.h"
#include "pleat/text.h"

#include <string.h>

typedef void known(FILE *out, const pleat_methods *m); /* what the run knows */

static void k_deep_learning(FILE *out, const pleat_methods *m) {
    (void)fprintf(out, "deep learning: segmentation by the network %s",
                  pleat_network_name(m->config->network.name));
}

static void k_preprocessing(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("Methods, above; `preprocess` of config.yaml", out);
}

static void k_partition(FILE *out, const pleat_methods *m) {
    if (m->record->repeats > 1) (void)fprintf(out, "%d times ", m->record->repeats);
    (void)fprintf(out, "%d-fold cross-validation, seed %llu; splits_final.json has who is where",
                  m->record->folds / m->record->repeats, (unsigned long long)m->record->seed);
}

static void k_disjoint(FILE *out, const pleat_methods *m) {
    if (m->config->group_by[0] != '\0')
        (void)fputs("groups of cases (`folds.group_by`): none is in two folds", out);
    else
        (void)fputs("cases; for the authors: whether a patient has several", out);
}

static void k_same_data(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("both are folds of one data set; splits_final.json has who is where", out);
}

static void k_model(FILE *out, const pleat_methods *m) {
    (void)fprintf(out, "%s, depth %d, %d filters, %zu parameters; `network` of config.yaml",
                  pleat_network_name(m->config->network.name), m->config->network.depth,
                  m->config->network.filters, m->params);
}

static void k_software(FILE *out, const pleat_methods *m) {
    (void)fprintf(out, "pleat %s%s%s, engine %s; run.json has the libraries", m->record->version,
                  m->record->commit[0] != '\0' ? ", commit " : "", m->record->commit,
                  m->record->engine);
}

static void k_initial(FILE *out, const pleat_methods *m) {
    (void)fprintf(out, "at random, seed %llu; no pretraining", (unsigned long long)m->record->seed);
}

static void k_training(FILE *out, const pleat_methods *m) {
    (void)fprintf(out,
                  "Methods, above; `train` and `augment` of config.yaml; curves: figures/curves");
    (void)m;
}

static void k_selection(FILE *out, const pleat_methods *m) {
    (void)fprintf(out, "%s; no score of held-out cases was looked at",
                  pleat_weights_what(m->config->weights));
}

static void k_ensemble(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("none: each prediction is of one model", out);
}

static void k_metrics(FILE *out, const pleat_methods *m) {
    char judged[PLEAT_JUDGING_BYTES];
    (void)fprintf(out, "overlap, surface, volume (%s); the definition of each is in statistics.csv",
                  pleat_judging_text(&m->results->how, &m->results->classes, judged));
}

static void k_uncertainty(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("intervals of 95 %: statistics.csv, and what they cover: Methods, above", out);
}

static void k_internal(FILE *out, const pleat_methods *m) {
    (void)fprintf(out, "cross-validation, %d of %d predictions scored", m->cases,
                  m->record->cases * m->record->repeats);
}

static void k_external(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("none in this run; for the authors", out);
}

static void k_numbers(FILE *out, const pleat_methods *m) {
    (void)fprintf(out, "%d case%s used, %d prediction%s scored; for the authors: who was excluded",
                  m->record->cases, pleat_plural(m->record->cases), m->cases,
                  pleat_plural(m->cases));
}

static void k_performance(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("statistics.csv, by class and fold; every case: scores.csv", out);
}

static void k_failures(FILE *out, const pleat_methods *m) {
    (void)fprintf(
        out,
        "%d time%s a class was missed completely, %d time%s one was predicted that is not there; "
        "the worst cases: scores.csv; for the authors: why",
        m->missed, pleat_plural(m->missed), m->spurious, pleat_plural(m->spurious));
}

static void k_protocol(FILE *out, const pleat_methods *m) {
    (void)fprintf(out, "config.yaml (digest %s), run.json, ro-crate-metadata.json",
                  m->record->digest);
}

static void k_missing_scores(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("states of each case (ok, missed, spurious, empty), counted; the penalised mean "
                "gives a miss the worst value",
                out);
}

static void k_overlap(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("DSC, and IoU, which ranks cases alike", out);
}

static void k_boundary(FILE *out, const pleat_methods *m) {
    char judged[PLEAT_JUDGING_BYTES];
    (void)fprintf(out, "NSD and HD95 beside it (%s); for the authors: why this tolerance",
                  pleat_judging_text(&m->results->how, &m->results->classes, judged));
}

static void k_lesions(FILE *out, const pleat_methods *m) {
    if (m->results->how.any_lesions)
        (void)fputs("lesions found, missed and false, by connected parts: LesSens, LesPrec, LesF1",
                    out);
    else
        (void)fputs("not asked for; `report.lesions` counts them", out);
}

static void k_by_class(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("each class by itself, each case one value; no score is of voxels of several "
                "cases together",
                out);
}

static void k_output(FILE *out, const pleat_methods *m) {
    (void)m;
    (void)fputs("a label map: of each voxel the class of the highest probability", out);
}

static void k_imbalance(FILE *out, const pleat_methods *m) {
    (void)fprintf(out, "%g of the training patches around foreground voxels (`train.oversample`)",
                  m->config->train.oversample);
}

static const struct item {
    const char *list, *number, *subject;
    known *known; /* NULL: for the authors */
} items[] = {
    {"CLAIM 2024", "1", "title: AI, and which kind", k_deep_learning},
    {"CLAIM 2024", "2", "abstract", NULL},
    {"CLAIM 2024", "3", "background, intended use", NULL},
    {"CLAIM 2024", "4", "aims and hypotheses", NULL},
    {"CLAIM 2024", "5", "prospective or retrospective", NULL},
    {"CLAIM 2024", "6", "goal of the study", NULL},
    {"CLAIM 2024", "7", "sources of data", NULL},
    {"CLAIM 2024", "8", "inclusion and exclusion", NULL},
    {"CLAIM 2024", "9", "preprocessing", k_preprocessing},
    {"CLAIM 2024", "10", "selection of subsets of the data", NULL},
    {"CLAIM 2024", "11", "de-identification", NULL},
    {"CLAIM 2024", "12", "missing data", NULL},
    {"CLAIM 2024", "13", "image acquisition", NULL},
    {"CLAIM 2024", "14", "how the reference standard was made", NULL},
    {"CLAIM 2024", "15", "why this reference standard", NULL},
    {"CLAIM 2024", "16", "source of the annotations", NULL},
    {"CLAIM 2024", "17", "annotation of the test set", NULL},
    {"CLAIM 2024", "18", "variability between and within raters", NULL},
    {"CLAIM 2024", "19", "assignment to partitions", k_partition},
    {"CLAIM 2024", "20", "level at which partitions are disjoint", k_disjoint},
    {"CLAIM 2024", "21", "intended sample size", NULL},
    {"CLAIM 2024", "22", "the model", k_model},
    {"CLAIM 2024", "23", "software", k_software},
    {"CLAIM 2024", "24", "initial parameters", k_initial},
    {"CLAIM 2024", "25", "training", k_training},
    {"CLAIM 2024", "26", "selection of the final model", k_selection},
    {"CLAIM 2024", "27", "ensembles", k_ensemble},
    {"CLAIM 2024", "28", "metrics", k_metrics},
    {"CLAIM 2024", "29", "significance and uncertainty", k_uncertainty},
    {"CLAIM 2024", "30", "robustness, sensitivity", NULL},
    {"CLAIM 2024", "31", "explanation, interpretation", NULL},
    {"CLAIM 2024", "32", "evaluation on internal data", k_internal},
    {"CLAIM 2024", "33", "testing on external data", k_external},
    {"CLAIM 2024", "34", "registration of a clinical trial", NULL},
    {"CLAIM 2024", "35", "numbers included and excluded", k_numbers},
    {"CLAIM 2024", "36", "characteristics of the cases by partition", NULL},
    {"CLAIM 2024", "37", "performance and its uncertainty", k_performance},
    {"CLAIM 2024", "38", "diagnostic performance and its precision", NULL},
    {"CLAIM 2024", "39", "analysis of failures", k_failures},
    {"CLAIM 2024", "40", "limitations", NULL},
    {"CLAIM 2024", "41", "implications for practice", NULL},
    {"CLAIM 2024", "42", "protocol, technical details", k_protocol},
    {"CLAIM 2024", "43", "availability of software, model, data", k_software},
    {"CLAIM 2024", "44", "funding", NULL},

    {"TRIPOD+AI", "1, 2", "title, abstract", NULL},
    {"TRIPOD+AI", "3a-c, 4", "background, inequalities, objectives", NULL},
    {"TRIPOD+AI", "5a-b", "data: sources, dates", NULL},
    {"TRIPOD+AI", "6a-c", "participants: setting, eligibility, treatment", NULL},
    {"TRIPOD+AI", "7", "preparation of the data", k_preprocessing},
    {"TRIPOD+AI", "8a-c", "the outcome and who assessed it", NULL},
    {"TRIPOD+AI", "9a-c", "predictors", k_preprocessing},
    {"TRIPOD+AI", "10", "sample size", k_numbers},
    {"TRIPOD+AI", "11", "missing data", NULL},
    {"TRIPOD+AI", "12a", "how the data were used, partitions", k_partition},
    {"TRIPOD+AI", "12b", "how predictors were handled", k_preprocessing},
    {"TRIPOD+AI", "12c", "type of model, building, validation", k_training},
    {"TRIPOD+AI", "12d", "heterogeneity between clusters", NULL},
    {"TRIPOD+AI", "12e", "measures of performance", k_metrics},
    {"TRIPOD+AI", "12f", "updating of the model", NULL},
    {"TRIPOD+AI", "12g", "how predictions are computed", k_output},
    {"TRIPOD+AI", "13", "class imbalance", k_imbalance},
    {"TRIPOD+AI", "14", "fairness", NULL},
    {"TRIPOD+AI", "15", "output of the model", k_output},
    {"TRIPOD+AI", "16", "how training and evaluation data differ", k_same_data},
    {"TRIPOD+AI", "17", "ethical approval", NULL},
    {"TRIPOD+AI", "18a-d", "funding, conflicts, protocol, registration", NULL},
    {"TRIPOD+AI", "18e", "sharing of data", NULL},
    {"TRIPOD+AI", "18f", "sharing of code", k_software},
    {"TRIPOD+AI", "19", "involvement of patients and public", NULL},
    {"TRIPOD+AI", "20a-c", "participants: flow, characteristics, comparison", NULL},
    {"TRIPOD+AI", "21", "numbers in each analysis", k_numbers},
    {"TRIPOD+AI", "22", "the full model", k_model},
    {"TRIPOD+AI", "23a", "performance with intervals", k_performance},
    {"TRIPOD+AI", "23b", "heterogeneity of performance", NULL},
    {"TRIPOD+AI", "24", "results of updating", NULL},
    {"TRIPOD+AI", "25, 26", "interpretation, limitations", NULL},
    {"TRIPOD+AI", "27a-c", "use in practice, next steps", NULL},

    {"Metrics Reloaded", "-", "the problem: semantic segmentation", k_deep_learning},
    {"Metrics Reloaded", "-", "an overlap metric", k_overlap},
    {"Metrics Reloaded", "-", "a boundary metric, its tolerance", k_boundary},
    {"Metrics Reloaded", "-", "detection, where structures are many", k_lesions},
    {"Metrics Reloaded", "-", "aggregation: classes, cases", k_by_class},
    {"Metrics Reloaded", "-", "missing and undefined values", k_missing_scores},
    {"Metrics Reloaded", "-", "uncertainty of the reference", NULL},
    {"Metrics Reloaded", "-", "intervals, not means alone", k_uncertainty},
    {"Metrics Reloaded", "-", "definitions and implementation", k_metrics},
    {"Metrics Reloaded", "-", "what matters in the domain: volumes, centres, size", NULL},
};

/* A cell: what would end it is written otherwise. */
static void put_cell(FILE *out, const char *text) {
    for (; *text != '\0'; text++) (void)fputs(*text == '|' ? "\\|" : (char[]){*text, '\0'}, out);
}

static void put_answer(FILE *out, const struct item *one, const pleat_methods *m) {
    char text[PLEAT_JUDGING_BYTES + 256] = "for the authors";
    if (one->known != NULL) {
        FILE *cell = fmemopen(text, sizeof text, "w");
        if (cell == NULL) return;
        one->known(cell, m);
        (void)fclose(cell);
    }
    put_cell(out, text);
}

void pleat_checklists_print(FILE *out, const pleat_methods *m) {
    const char *list = "";
    (void)fputs("\n# Checklists\n\nWhat the run knows of the items; the lists themselves have the "
                "full wording.\n",
                out);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        if (strcmp(items[i].list, list) != 0) {
            list = items[i].list;
            (void)fprintf(out, "\n## %s\n\n| item | subject | in this run |\n|---|---|---|\n",
                          list);
        }
        (void)fprintf(out, "| %s | %s | ", items[i].number, items[i].subject);
        put_answer(out, &items[i], m);
        (void)fputs(" |\n", out);
    }
}
