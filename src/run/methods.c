/* methods.c - a paragraph of methods for a paper. */
#include "methods.h"

#include "pleat/inference.h"

#include "pleat/losses.h"
#include "pleat/optimizers.h"
#include "pleat/postprocessing.h"
#include "pleat/predict.h"
#include "pleat/rundir.h"
#include "pleat/schedule.h"
#include "pleat/text.h"

#include <stdlib.h>
#include <string.h>

/* --- sentences -------------------------------------------------------------------------------- */

static void put_design(FILE *out, const pleat_methods *m) {
    const pleat_config *c = m->config;
    const int repeats = m->record->repeats;
    (void)fprintf(out, "We evaluated segmentation by %d-fold cross-validation on %d cases",
                  m->record->folds / repeats, m->record->cases);
    if (repeats > 1) (void)fprintf(out, ", repeated %d times with new folds", repeats);
    (void)fputs(". ", out);
    if (c->splits[0] != '\0')
        (void)fputs("The folds were given. ", out);
    else if (c->folds_like == PLEAT_FOLDS_NNUNET)
        (void)fputs("The folds were those that nnU-Net draws. ", out);
    else
        (void)fprintf(out, "Cases were assigned to folds at random (seed %llu). ",
                      (unsigned long long)c->seed);
    if (c->group_by[0] != '\0')
        (void)fputs("Cases of one group, such as a patient, were kept in one fold. ", out);
    (void)fprintf(out,
                  "Each case was predicted%s by the model of the one fold that was not trained on "
                  "it. ",
                  repeats > 1 ? ", once in each repeat," : "");
}

/* "clipped to -1250 to 250 and scaled ...", of each volume by itself. */
static void put_grey(FILE *out, const pleat_prep_steps *s) {
    if (s->clip) (void)fprintf(out, "clipped to %g to %g", s->clip_range[0], s->clip_range[1]);
    if (s->grayscale)
        (void)fprintf(out,
                      "%sscaled to whole grey levels, 0 at the least and 255 at the greatest value "
                      "of each volume",
                      s->clip ? " and " : "");
}

static void put_scale(FILE *out, const pleat_prep_steps *s) {
    if (s->scale)
        (void)fprintf(out, "scaled so that %g and %g became -1 and 1", s->scale_range[0],
                      s->scale_range[1]);
    if (s->zscore)
        (void)fprintf(out, "%sstandardised to mean 0 and standard deviation 1 within each volume",
                      s->scale ? " and " : "");
}

/* In the order in which it is done. */
static void put_preprocessing(FILE *out, const pleat_methods *m) {
    const pleat_prep_config *p = &m->config->prep;
    const pleat_prep_steps *s = &p->channel[0];
    const char *which =
        m->record->channels > 1 ? " (the first channel; config.yaml has the others). " : ". ";
    const int grey = s->clip || s->grayscale, scaled = s->scale || s->zscore;
    if (!pleat_prep_does_something(p)) {
        (void)fputs("Images were used as they are. ", out);
        return;
    }
    if (p->orient != PLEAT_ORIENT_NONE)
        (void)fprintf(out, "Images and label maps were turned to the orientation %s. ",
                      pleat_orient_name(p->orient));
    if (grey) {
        (void)fputs("Intensities were ", out);
        put_grey(out, s);
        (void)fputs(which, out);
    }
    if (p->resample)
        (void)fprintf(out,
                      "Images were resampled to %g x %g x %g mm by cubic splines, label maps label "
                      "by label by linear interpolation. ",
                      p->spacing[2], p->spacing[1], p->spacing[0]);
    if (scaled) {
        (void)fprintf(out, "Intensities were%s ", grey ? " then" : "");
        put_scale(out, s);
        (void)fputs(which, out);
    }
    if (p->resample || p->orient != PLEAT_ORIENT_NONE)
        (void)fputs("Predictions were brought back to the image's own grid. ", out);
}

static void put_network(FILE *out, const pleat_methods *m) {
    const pleat_network *n = &m->config->network;
    const int *patch = m->config->patch;
    (void)fprintf(out, "The network was %s (%s; depth %d, %d filters at the first level",
                  pleat_network_name(n->name), pleat_network_what(n->name), n->depth, n->filters);
    if (n->strides[0] != '\0')
        (void)fprintf(out, "; strides of the further levels along x, y, z %s", n->strides);
    if (n->kernels[0] != '\0')
        (void)fprintf(out, "; kernels of the levels along x, y, z %s", n->kernels);
    if (n->blocks[0] != '\0') (void)fprintf(out, "; blocks of the levels %s", n->blocks);
    if (m->params > 0) (void)fprintf(out, "; %zu parameters", m->params);
    if (m->record->from[0] != '\0')
        (void)fprintf(out, "), begun with the weights of a trained one (digest %s)",
                      m->record->from);
    else
        (void)fputs("), initialised at random", out);
    (void)fprintf(out, ", on patches of %d x %d x %d voxels. ", patch[2], patch[1], patch[0]);
    (void)fprintf(out, "Where a patch reached beyond the volume it was filled with %s. ",
                  m->config->pad == PLEAT_PAD_BACKGROUND ? "the volume's least value, as background"
                  : m->config->pad == PLEAT_PAD_NNUNET   ? "zeros, as background"
                                                         : "zeros that belong to no class");
    if (m->heads > 1)
        (void)fprintf(out, "It was trained with deep supervision, by losses of %d heads. ",
                      m->heads);
}

/* "mirroring (0.5, 0.5, 0.5 along x, y, z), contrast (0.15), ..." */
static void put_augmentation(FILE *out, const pleat_train_settings *t) {
    const pleat_augment_config *a = &t->transforms;
    const struct {
        const char *name;
        double p;
    } rows[] = {
        {"contrast", a->contrast_p},
        {"brightness", a->brightness_p},
        {"gamma", a->gamma_p},
        {"Gaussian noise", a->noise_p},
        {"elastic deformation", a->elastic_p},
        {"rotation", a->rotation_p},
        {"scaling", a->scale_p},
        {"blur", a->blur_p},
        {"low resolution", a->coarsen_p},
        {"gamma of the negative", a->inverted_p},
    };
    int any = a->mirror[0] > 0.0 || a->mirror[1] > 0.0 || a->mirror[2] > 0.0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) any = any || rows[i].p > 0.0;
    if (!t->augment || !any) {
        (void)fputs("No augmentation was used. ", out);
        return;
    }
    (void)fprintf(out,
                  "Patches were augmented%s, each with its probability, by mirroring (%g, %g, %g "
                  "along x, y, z)",
                  a->like == PLEAT_AUGMENT_NNUNET ? " as in nnU-Net v2" : "", a->mirror[2],
                  a->mirror[1], a->mirror[0]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].p > 0.0) (void)fprintf(out, ", %s (%g)", rows[i].name, rows[i].p);
    (void)fputs(". ", out);
}

/* "stochastic gradient descent with Nesterov momentum 0.99 and weight decay 3e-05" */
static void put_optimizer(FILE *out, const pleat_update *u) {
    const pleat_optimizer *o = pleat_optimizers[u->optimizer];
    const char *between = " with";
    (void)fputs(o->title, out);
    if (o->knows_momentum && u->momentum > 0.0) {
        (void)fprintf(out, "%s Nesterov momentum %g", between, u->momentum);
        between = " and";
    }
    if (o->knows_decay && u->decay > 0.0)
        (void)fprintf(out, "%s weight decay %g", between, u->decay);
    if (pleat_update_amsgrad(u)) (void)fputs(" (AMSGrad)", out);
}

static void put_training(FILE *out, const pleat_methods *m) {
    const pleat_train_settings *t = &m->config->train;
    (void)fprintf(out,
                  "Each fold was trained for at most %d epoch%s of %d step%s, with batches of %d "
                  "patch%s, by ",
                  t->epochs, pleat_plural(t->epochs), t->iterations, pleat_plural(t->iterations),
                  t->batch, t->batch == 1 ? "" : "es");
    put_optimizer(out, &t->update);
    (void)fprintf(out, ", with an initial learning rate of %g (schedule: %s), minimising %s (%s). ",
                  t->lr, pleat_schedule_name(t->schedule), pleat_loss_name(t->loss),
                  pleat_loss_what(t->loss));
    if (t->update.clip > 0.0)
        (void)fprintf(out, "Gradients were clipped to a norm of %g. ", t->update.clip);
    if (t->update.average > 0.0)
        (void)fprintf(out,
                      "An exponential moving average of the weights (decay %g) was validated and "
                      "kept. ",
                      t->update.average);
    if (m->results->classes.ignore > 0)
        (void)fprintf(out,
                      "Voxels of label %d were ignored: they count in neither the loss nor the "
                      "scores. ",
                      m->results->classes.ignore);
    if (t->oversample > 0.0)
        (void)fprintf(out, "A share of %g of the patches lay around a voxel of the foreground. ",
                      t->oversample);
    put_augmentation(out, t);
    (void)fprintf(out, "The weights kept for prediction: %s. ",
                  pleat_weights_what(m->config->weights));
}

static void put_prediction(FILE *out, const pleat_methods *m) {
    const pleat_config *c = m->config;
    (void)fprintf(out,
                  "Volumes were predicted in patches that overlap by %d x %d x %d voxels, their "
                  "probabilities merged (%s)%s. ",
                  c->overlap[2], c->overlap[1], c->overlap[0], pleat_merge_name(c->merge),
                  c->mirror ? " and averaged over mirror images" : "");
    if (m->kept[0] != '\0')
        (void)fprintf(out,
                      "Scores are of the label maps as predicted. By the cross-validation, %s is "
                      "kept in label maps of new volumes. ",
                      m->kept);
}

static void put_scores(FILE *out, const pleat_methods *m) {
    char judged[PLEAT_JUDGING_BYTES];
    (void)fprintf(out,
                  "Agreement with the reference was measured case by case and class by class, by "
                  "overlap, surface distance and volume (%s); cases in which a class was missed or "
                  "spurious were counted apart and never left out of the penalised means. "
                  "Intervals of 95 %% are, of means, by the bootstrap that corrects bias and "
                  "acceleration (%d resamples, seed %llu) and, of medians, by order statistics, "
                  "over %s; they cover these cases for these models. ",
                  pleat_judging_text(&m->results->how, &m->results->classes, judged),
                  PLEAT_RESAMPLES, (unsigned long long)m->record->seed,
                  m->config->group_by[0] != '\0' ? "groups of cases" : "cases");
    if (m->record->repeats > 1)
        (void)fputs("The judgements of a case in the repeats count as one case. Of the mean over "
                    "the folds there is also the corrected resampled t interval (Nadeau and "
                    "Bengio, 2003). ",
                    out);
}

static void put_software(FILE *out, const pleat_methods *m) {
    const pleat_record *r = m->record;
    (void)fprintf(out,
                  "Computations were done with pleat %s%s%s (engine %s, %s%s; %d rank%s) on %s",
                  r->version, r->commit[0] != '\0' ? ", commit " : "", r->commit, r->engine,
                  r->precision, m->config->deterministic ? ", deterministic" : "", r->ranks,
                  pleat_plural(r->ranks), r->device);
    if (r->libraries[0] != '\0') (void)fprintf(out, ", with %s", r->libraries);
    (void)fputs(".\n", out);
}

static void print(FILE *out, const pleat_methods *m) {
    (void)fputs("# Methods\n\nMade by pleat from the run's own configuration and versions. This "
                "text is in the public domain (CC0 1.0): take, change and check it.\n\n",
                out);
    put_design(out, m);
    put_preprocessing(out, m);
    put_network(out, m);
    put_training(out, m);
    put_prediction(out, m);
    put_scores(out, m);
    put_software(out, m);
    pleat_checklists_print(out, m);
}

/* --- the file --------------------------------------------------------------------------------- */

/* Parameters and heads of the network; nothing where it cannot be built. */
static void count_network(pleat_methods *m) {
    pleat_network network = m->config->network;
    pleat_graph graph;
    network.classes = m->results->classes.n;
    network.channels = m->record->channels;
    if (pleat_network_build(&network, &graph) != PLEAT_OK) return;
    m->params = graph.params;
    for (int i = 0; i < graph.n; i++) m->heads += graph.node[i].weight > 0.0;
    pleat_graph_free(&graph);
}

/* Which largest components predict keeps; "" where it keeps all there is. A choice of other scores
 * is none: predict refuses it. */
static void find_kept(const char *folder, const pleat_classes *classes, char *out, size_t size) {
    pleat_postprocessing p;
    int found = 0;
    out[0] = '\0';
    if (pleat_postprocessing_read(folder, &p, &found) == PLEAT_OK && found &&
        p.choice.classes == classes->n && pleat_largest_any(&p.choice.kept))
        (void)pleat_postprocessing_text(&p.choice.kept, classes, out, size);
}

pleat_status pleat_methods_write(const char *folder, const pleat_record *record,
                                 const pleat_config *config, const pleat_results *results) {
    char path[PLEAT_PATH_BYTES];
    pleat_file_text file;
    pleat_methods m = {.record = record, .config = config, .results = results, .cases = results->n};
    for (int i = 0; i < results->n; i++)
        for (int c = 1; c < results->classes.n; c++) {
            const pleat_presence p = pleat_results_at(results, i, PLEAT_HEADLINE, c).presence;
            m.missed += p == PLEAT_MISSED;
            m.spurious += p == PLEAT_SPURIOUS;
        }
    count_network(&m);
    find_kept(folder, &results->classes, m.kept, sizeof m.kept);
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_METHODS, path));
    PLEAT_TRY(pleat_file_text_begin(&file, path));
    print(file.out, &m);
    return pleat_file_text_end(&file, PLEAT_OK);
}
