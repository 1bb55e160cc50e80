/* suggest_text.c - a suggestion as a configuration: each key with the reason for its value. */
#include "pleat/suggest.h"

#include "pleat/statistics.h"
#include "pleat/text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { COLUMN = 34, WIDTH = 98, MOST_REASON = 600 };

/* --- lines ------------------------------------------------------------------------------------ */

/* "setting   # reason", the reason going on below itself where it is long. */
static void put(FILE *out, const char *setting, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put(FILE *out, const char *setting, const char *format, ...) {
    char reason[MOST_REASON];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (*setting == '\n') (void)fputc(*setting++, out);
    int at = fprintf(out, "%s", setting);
    if (at > COLUMN - 2) at = fprintf(out, "\n") - 1; /* too long: the reason stands below it */
    (void)fprintf(out, "%*s#", COLUMN - at, "");
    at = COLUMN + 1;
    for (const char *word = reason; *word != '\0';) {
        const int n = (int)strcspn(word, " ");
        if (at + 1 + n > WIDTH) at = fprintf(out, "\n%*s#", COLUMN, "") - 1;
        at += fprintf(out, " %.*s", n, word);
        word += n;
        word += *word == ' ';
    }
    (void)fputc('\n', out);
}

/* What a YAML text in single quotes is. */
static void quote(const char *text, char *out, size_t size) {
    size_t n = 0;
    for (; *text != '\0' && n + 3 < size; text++) {
        if (*text == '\'') out[n++] = '\'';
        out[n++] = *text;
    }
    out[n] = '\0';
}

/* "[x, y, z]" of D, H, W, as many digits as read back the same. */
static const char *real_triple(const double x[3], char out[128]) {
    char text[3][PLEAT_NUMBER_BYTES];
    for (int a = 0; a < 3; a++) (void)pleat_number(x[a], 6, text[a]);
    (void)snprintf(out, 128, "[%s, %s, %s]", text[2], text[1], text[0]);
    return out;
}

static const char *size_triple(const int x[3], char out[96]) {
    (void)snprintf(out, 96, "[%d, %d, %d]", x[2], x[1], x[0]);
    return out;
}

static const char *sizes(const double x[3], const char *by, char out[96]) {
    (void)snprintf(out, 96, "%.4g%s%.4g%s%.4g", x[2], by, x[1], by, x[0]);
    return out;
}

/* "[221, 222]", x, y, z: stages first to depth. */
static const char *stages(const int (*stage)[3], int first, int depth, char out[96]) {
    char *at = out;
    for (int s = first; s <= depth; s++)
        at += snprintf(at, (size_t)(out + 96 - at), "%s%d%d%d", s > first ? ", " : "[", stage[s][2],
                       stage[s][1], stage[s][0]);
    (void)snprintf(at, (size_t)(out + 96 - at), "]");
    return out;
}

/* --- sections --------------------------------------------------------------------------------- */

static void put_head(FILE *out, const pleat_suggestion *s) {
    const pleat_suggest_request *r = s->request;
    char size[96];
    (void)fputs("# Suggested by pleat from ", out);
    pleat_text_put(out, r->data);
    (void)fprintf(out, ": %d cases, %d channel%s, %d classes;\n# median size %s voxels.\n", s->e->n,
                  s->e->channels, pleat_plural(s->e->channels), s->e->classes.n,
                  sizes(s->full.size, " x ", size));
    if (r->like != NULL)
        (void)fprintf(out,
                      "# The plan is that of nnU-Net (%s, %s); docs/math.md, Planning, has what\n"
                      "# pleat does otherwise.\n",
                      r->like, r->configuration != NULL ? r->configuration : "3d_fullres");
    (void)fputc('\n', out);
}

static void put_pattern(FILE *out, const char *key, const char *pattern) {
    char quoted[520], line[560];
    if (pattern == NULL || pattern[0] == '\0') return;
    quote(pattern, quoted, sizeof quoted);
    (void)snprintf(line, sizeof line, "%s: '%s'", key, quoted);
    put(out, line, "as you set it");
}

static void put_data(FILE *out, const pleat_suggestion *s) {
    char text[1200], quoted[1100], classes[1024] = "";
    quote(s->request->data, quoted, sizeof quoted);
    (void)fprintf(out, "data: '%s'\n", quoted);
    put_pattern(out, "data.image", s->request->image);
    put_pattern(out, "data.label", s->request->label);
    if (s->request->warn_affine) put(out, "data.affine: warn", "as you set it");
    if (s->request->like != NULL) (void)fputs("preset: nnunet\n", out);
    if (s->e->named && s->request->classes == NULL) {
        put(out, "classes: ''", "those of dataset.json");
        return;
    }
    if (s->request->classes != NULL)
        (void)snprintf(classes, sizeof classes, "%s", s->request->classes);
    else
        (void)pleat_classes_text(&s->e->classes, classes, sizeof classes);
    quote(classes, quoted, sizeof quoted);
    (void)snprintf(text, sizeof text, "classes: '%s'", quoted);
    if (s->request->classes != NULL)
        put(out, text, "as you named them");
    else
        put(out, text, "the labels that the masks have: put your names in place of these");
}

static int is_ct(const pleat_suggestion *s, int c) {
    return s->e->fingerprint.channel[c].modality == PLEAT_MODALITY_CT;
}

/* Mean and deviation of all cases, as Hounsfield units are those of any scanner. */
static int is_scaled(const pleat_suggestion *s, int c) {
    const pleat_fingerprint_channel *f = &s->e->fingerprint.channel[c];
    return is_ct(s, c) && f->cases > 0 && f->sd > 0 && (!s->mixed || s->request->like != NULL);
}

static int is_clipped(const pleat_suggestion *s, int c) {
    const pleat_fingerprint_channel *f = &s->e->fingerprint.channel[c];
    return is_ct(s, c) && f->cases > 0 && f->high > f->low &&
           (!s->mixed || s->request->like != NULL);
}

/* What nnU-Net makes of a channel by its name, beside CT's and the z-score of all others
 * (map_channel_name_to_normalization.py). */
enum named { NAMED_OTHERWISE, NAMED_NO_NORM, NAMED_RESCALED, NAMED_RGB };

static enum named named_of(const pleat_fingerprint_channel *f) {
    static const char *const names[] = {"", "noNorm", "rescale_to_0_1", "rgb_to_0_1"};
    for (int i = NAMED_NO_NORM; i <= NAMED_RGB; i++)
        if (strcasecmp(names[i], f->name) == 0) return (enum named)i;
    return NAMED_OTHERWISE;
}

static enum named named(const pleat_suggestion *s, int c) {
    const pleat_fingerprint_channel *f = &s->e->fingerprint.channel[c];
    return s->request->like != NULL ? named_of(f) : NAMED_OTHERWISE;
}

static int is_grey(const pleat_suggestion *s, int c) { return named(s, c) == NAMED_RESCALED; }
static int is_to_one(const pleat_suggestion *s, int c) { return named(s, c) >= NAMED_RESCALED; }
static int is_any_scaled(const pleat_suggestion *s, int c) {
    return is_scaled(s, c) || is_to_one(s, c);
}
static int is_no_norm(const pleat_suggestion *s, int c) { return named(s, c) == NAMED_NO_NORM; }
static int is_scored(const pleat_suggestion *s, int c) {
    return !is_any_scaled(s, c) && !is_no_norm(s, c);
}

/* "  clip: [[-950, 200], none]" of all channels. */
static void put_channels(FILE *out, const pleat_suggestion *s, const char *key,
                         int (*is_on)(const pleat_suggestion *s, int c),
                         void (*value)(const pleat_fingerprint_channel *f, char text[80]),
                         const char *reason) {
    char line[PLEAT_MAX_CHANNELS * 80 + 80];
    const int n = s->e->channels;
    size_t used = (size_t)snprintf(line, sizeof line, "  %s: %s", key, n > 1 ? "[" : "");
    for (int c = 0; c < n; c++) {
        char text[80] = "none";
        if (is_on(s, c)) value(&s->e->fingerprint.channel[c], text);
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%s", c > 0 ? ", " : "", text);
    }
    (void)snprintf(line + used, sizeof line - used, "%s", n > 1 ? "]" : "");
    put(out, line, "%s", reason);
}

static void range_of(const pleat_fingerprint_channel *f, char text[80]) {
    (void)snprintf(text, 80, "[%.6g, %.6g]", f->low, f->high);
}

static void scale_of(const pleat_fingerprint_channel *f, char text[80]) {
    if (named_of(f) >= NAMED_RESCALED)
        (void)snprintf(text, 80, "[-255, 255]"); /* 0 to 255 become 0 to 1 */
    else
        (void)snprintf(text, 80, "[%.9g, %.9g]", f->mean - f->sd, f->mean + f->sd);
}

static int any_channel(const pleat_suggestion *s, int (*is_on)(const pleat_suggestion *s, int c)) {
    int any = 0;
    for (int c = 0; c < s->e->channels; c++) any |= is_on(s, c);
    return any;
}

#define FLAGS_BYTES (PLEAT_MAX_CHANNELS * 8 + 40)

/* "  zscore: [true, false]", or of one channel "  zscore: true". */
static const char *flags(const pleat_suggestion *s, const char *key,
                         int (*is_on)(const pleat_suggestion *s, int c), char line[FLAGS_BYTES]) {
    const int n = s->e->channels;
    (void)snprintf(line, FLAGS_BYTES, "  %s: ", key);
    for (int c = 0; c < n; c++)
        (void)snprintf(line + strlen(line), FLAGS_BYTES - strlen(line), "%s%s%s",
                       n > 1 && c == 0 ? "[" : "", is_on(s, c) ? "true" : "false",
                       n == 1      ? ""
                       : c < n - 1 ? ", "
                                   : "]");
    return line;
}

static void put_grayscale(FILE *out, const pleat_suggestion *s) {
    char line[FLAGS_BYTES];
    if (any_channel(s, is_grey))
        put(out, flags(s, "grayscale", is_grey, line),
            "rescale_to_0_1: each volume's values to 0 to 255, as whole numbers, and by scale to 0 "
            "to 1; nnU-Net keeps those between");
    else
        put(out, "  grayscale: false", "the network takes any range");
}

static void put_scale(FILE *out, const pleat_suggestion *s) {
    if (!any_channel(s, is_any_scaled)) return;
    put_channels(out, s, "scale", is_any_scaled, scale_of,
                 !any_channel(s, is_scaled)
                     ? "by the channel's name: 0 to 255 become 0 to 1, as nnU-Net has it"
                 : s->mixed
                     ? "as nnU-Net does, but not all cases hold Hounsfield units (pleat check "
                       "names those that differ)"
                 : any_channel(s, is_to_one)
                     ? "CT: mean - sd and mean + sd of the foreground become -1 and 1; by the "
                       "channel's name: 0 to 255 become 0 to 1"
                     : "CT: mean - sd and mean + sd of the foreground become -1 and 1, for "
                       "Hounsfield units mean the same in each volume");
}

static void put_scores(FILE *out, const pleat_suggestion *s) {
    char line[FLAGS_BYTES];
    const int n = s->e->channels;
    const char *own = "by each volume's own mean and deviation";
    (void)flags(s, "zscore", is_scored, line);
    if (any_channel(s, is_no_norm))
        put(out, line, "noNorm: the values stay as they are%s",
            any_channel(s, is_scored) ? "; those of true by their own mean and deviation" : "");
    else if (any_channel(s, is_any_scaled))
        put(out, line, "%s",
            n == 1 ? "preprocess.scale does it already" : "where scale is none, by its own values");
    else if (any_channel(s, is_ct))
        put(out, line, "%s%s", own, s->mixed ? ", as not all hold Hounsfield units" : "");
    else
        put(out, line, "%s: values without a unit, as of MRI", own);
}

static void put_resampling(FILE *out, const pleat_suggestion *s) {
    char line[160], spacing[128], mm[96], voxels[96], full[96];
    if (s->same_spacing && !s->coarse) {
        put(out, "  resample: none", "all volumes have %s mm already",
            sizes(s->full.spacing, " x ", mm));
        return;
    }
    (void)snprintf(line, sizeof line, "  resample: %s", real_triple(s->at.spacing, spacing));
    if (s->coarse)
        put(out, line,
            "mm; the volumes' median is %s: coarser, so that a patch sees enough of the "
            "%s voxels that a volume then has, not %s",
            sizes(s->full.spacing, " x ", mm), sizes(s->at.size, " x ", voxels),
            sizes(s->full.size, " x ", full));
    else
        put(out, line, "mm, the volumes' median%s; %s voxels then",
            s->thick ? ", of few thick slices the 10 % quantile" : "",
            sizes(s->at.size, " x ", voxels));
}

static void put_preprocessing(FILE *out, const pleat_suggestion *s) {
    (void)fputs("\npreprocess:\n", out);
    if (s->turned) put(out, "  orient: RAS", "the cases have different orientations");
    put_channels(out, s, "clip", is_clipped, range_of,
                 any_channel(s, is_clipped)
                     ? "CT: the 0.5 % and 99.5 % quantiles of the foreground, each case alike"
                 : s->mixed
                     ? "not all cases hold Hounsfield units (pleat check names those that differ), "
                       "and no range is right for both; the original's is [-1250, 250]"
                     : "no Hounsfield units, so nothing to clip to");
    put_grayscale(out, s);
    put_resampling(out, s);
    put_scale(out, s);
    put_scores(out, s);
    if (s->request->like != NULL && s->e->fingerprint.kept < 0.75)
        (void)fputs("  # nnU-Net would take mean and deviation inside of what is not zero.\n", out);
}

static void put_folds(FILE *out, const pleat_suggestion *s) {
    char line[64];
    (void)fputs("\nfolds:\n", out);
    (void)snprintf(line, sizeof line, "  k: %d", s->folds);
    if (s->listed > 0)
        put(out, line, "those of the column fold, which is followed whatever stands here");
    else if (s->groups > 0 && s->folds == s->groups)
        put(out, line, "each group of the table by itself, as there are no more than %d", s->folds);
    else if (s->folds == 5)
        put(out, line, "as is usual; each model learns from four fifths of the %d cases", s->e->n);
    else if (s->folds == s->e->n)
        put(out, line, "each case by itself, as there are no more than %d", s->folds);
    else
        put(out, line, "each patient by itself, as by the names there are no more than %d",
            s->folds);
    if (s->grouped && s->request->like == NULL)
        put(out, "  group_by: '" PLEAT_SUGGEST_GROUPS "'",
            "names look as if some patients had several volumes: those with the same beginning "
            "stay in one fold; change it where that is not so");
    else if (s->grouped && s->request->like != NULL)
        (void)fputs("  # names look as if some patients had several volumes, which nnU-Net's folds "
                    "may part\n",
                    out);
}

/* --- network ---------------------------------------------------------------------------------- */

static void put_patch(FILE *out, const pleat_suggestion *s) {
    char line[128], text[96], size[96];
    int half[3];
    double share = 1;
    const pleat_planner_result *p = &s->plan;
    for (int a = 0; a < 3; a++) {
        half[a] = p->patch[a] / 2;
        share *= fmin(p->patch[a] / s->at.size[a], 1);
    }
    (void)snprintf(line, sizeof line, "\npatch: %s", size_triple(p->patch, text));
    put(out, line,
        "%.0f %% of the median volume of %s voxels; divisible by what each axis is halved",
        100 * share, sizes(s->at.size, " x ", size));
    (void)snprintf(line, sizeof line, "overlap: %s", size_triple(half, text));
    put(out, line, "half a patch");
    if (s->request->like == NULL)
        put(out, "pad: background", "what lies outside of a volume is background");
}

static void put_stages(FILE *out, const pleat_suggestion *s) {
    char line[160], text[96];
    const pleat_planner_result *p = &s->plan;
    if (pleat_suggest_is_cubic(s)) return;
    (void)snprintf(line, sizeof line, "  strides: %s", stages(p->stride, 1, p->depth, text));
    put(out, line, "of each halving, x y z: an axis waits while its spacing is twice the finest");
    (void)snprintf(line, sizeof line, "  kernels: %s", stages(p->kernel, 0, p->depth, text));
    put(out, line, "of each level: 3 once the spacing of the axis is near that of the others");
}

static void put_network(FILE *out, const pleat_suggestion *s) {
    char line[96];
    const int own = s->request->like == NULL, cubic = pleat_suggest_is_cubic(s);
    (void)fputs("\nnetwork:\n", out);
    if (!own)
        put(out, s->preset.residual ? "  name: resenc" : "  name: plainconv", "nnU-Net's %s",
            s->preset.residual ? "residual encoder" : "plain one");
    else if (cubic)
        put(out, "  name: unet", "the axes are alike; the fastest network for that");
    else
        put(out, "  name: plainconv", "it has strides and kernels of each axis");
    (void)snprintf(line, sizeof line, "  depth: %d", s->plan.depth);
    put(out, line, "halvings, until the coarsest level has %s",
        s->preset.most_halvings == 4 && s->plan.depth == 4
            ? "context enough; more halvings cost memory"
            : "4 to 7 voxels along an axis");
    put_stages(out, s);
    (void)snprintf(line, sizeof line, "  filters: %d", s->preset.filters);
    put(out, line, "%s",
        s->preset.filters == 32 ? "as nnU-Net has" : "what time and memory leave; nnU-Net has 32");
    if (!own || !cubic) {
        (void)snprintf(line, sizeof line, "  most_filters: %d", s->preset.most_filters);
        put(out, line, "nnU-Net's");
    }
    if (own && !cubic) put(out, "  supervise: false", "heads at coarser levels did not help");
    if (own && cubic) {
        const double steps = (double)s->iterations * s->epochs;
        (void)snprintf(line, sizeof line, "  norm_momentum: %s",
                       steps < 1000   ? "0.9"
                       : steps < 5000 ? "0.97"
                                      : "0.99");
        put(out, line, "for %.0f steps a fold", steps);
    }
}

/* --- training --------------------------------------------------------------------------------- */

static int is_busy(void) {
    double load = 0;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return getloadavg(&load, 1) == 1 && load > (double)cores + 1;
}

static void put_length(FILE *out, const pleat_suggestion *s) {
    char line[64];
    const double steps = (double)s->iterations * s->epochs;
    (void)snprintf(line, sizeof line, "  epochs: %d", s->epochs);
    if (s->request->like != NULL)
        put(out, line, "nnU-Net's");
    else if (s->step.seconds > 0)
        put(out, line,
            "%.2g hours for all folds: %.0f steps a fold, %.2g s each, measured here (%s"
            "%s); --hours %g asked for%s",
            steps * s->step.seconds * s->rounds / 3600, steps, s->step.seconds, s->step.where,
            is_busy() ? ", beside other work" : "", s->request->hours,
            steps < PLEAT_SUGGEST_ENOUGH
                ? "; a fold needs more steps than that: give more hours, or a GPU"
                : "");
    else
        put(out, line, "not measured: as many as are usual for a first result");
    (void)snprintf(line, sizeof line, "  iterations: %d", s->iterations);
    put(out, line, "steps an epoch");
    (void)snprintf(line, sizeof line, "  batch: %d", s->plan.batch);
    put(out, line, "%s",
        s->request->like != NULL ? "what the memory allows, and a share of the cases' voxels"
                                 : "small batches and more steps are as good as large ones");
}

static void put_training(FILE *out, const pleat_suggestion *s) {
    const int regions = s->e->classes.of_regions;
    (void)fputs("\ntrain:\n", out);
    put_length(out, s);
    if (s->request->like != NULL) {
        const int batch = s->at.flat || (s->low_res && !s->coarse);
        char line[64];
        (void)snprintf(line, sizeof line, "  loss: %s%s", batch ? "batch_" : "",
                       regions ? "dice_bce" : "dice_ce");
        put(out, line, "%s",
            batch ? "Dice of the batch: slices, or patches that are small in a volume"
                  : "Dice of each patch, for one has most of a volume");
        return;
    }
    put(out, regions ? "  loss: batch_dice_bce" : "  loss: batch_dice_ce",
        "Dice of the batch copes with small classes; with cross-entropy");
    put(out, "  lr: 2e-3", "of Adam, for a network of this size");
    put(out, "  schedule: poly", "falls to 0 over the epochs, so none are wasted");
    put(out, "  stop_patience: 0", "the poly schedule needs all its epochs");
    put(out, "  weights: latest", "poly ends with the best");
    double share = 1;
    for (int a = 0; a < 3; a++) share *= fmin(s->plan.patch[a] / s->at.size[a], 1);
    if (share < 0.5) put(out, "  oversample: 0.33", "a patch may miss the foreground");
}

/* --- augmentation ----------------------------------------------------------------------------- */

/* "lung_L", "left kidney" */
static int says_side(const char *name) {
    const size_t n = strlen(name);
    if (n >= 2 && strchr("_- .", name[n - 2]) != NULL && strchr("lLrR", name[n - 1]) != NULL)
        return 1;
    for (; *name != '\0'; name++)
        if (strncasecmp(name, "left", 4) == 0 || strncasecmp(name, "right", 5) == 0) return 1;
    return 0;
}

/* The axis x, y, z that leads from left to right in all cases; -1: none does. */
static int side_axis(const pleat_exploration *e) {
    int axis = -1;
    for (int i = 0; i < e->n; i++) {
        int of_case = -1;
        if (!e->of[i].measured) continue;
        for (int a = 0; a < 3; a++)
            if (strchr("LR", toupper((unsigned char)e->of[i].axes[a])) != NULL) of_case = a;
        if (axis >= 0 && of_case != axis) return -1;
        axis = of_case;
    }
    return axis;
}

static void put_augmentation(FILE *out, const pleat_suggestion *s) {
    const int axis = s->turned ? 0 : side_axis(s->e);
    int sided = 0;
    for (int c = 1; c < s->e->classes.n; c++) sided |= says_side(s->e->classes.name[c]);
    if (s->request->like != NULL) return;
    const int mirrored = axis >= 0 && !sided && s->e->named;
    char line[64];
    (void)fputs("\naugment:\n", out);
    if (s->thick) put(out, "  like: nnunet", "turns and scales thick slices in their plane alone");
    (void)snprintf(line, sizeof line, "  mirror: [%s, %s, %s]", mirrored && axis == 0 ? "0.5" : "0",
                   mirrored && axis == 1 ? "0.5" : "0", mirrored && axis == 2 ? "0.5" : "0");
    put(out, line, "%s",
        mirrored   ? "left and right are alike, other ends of a body are not"
        : sided    ? "classes name a side, which a mirror would exchange"
        : axis < 0 ? "no axis leads from left to right in all cases"
                   : "whether classes are of one side is not known; [0.5, 0, 0] if none is");
    if (!s->thick) {
        put(out, "  elastic: {p: 0}", "slowest and did not help");
        put(out, "  rotation: {p: 0.2}", "up to 15 degrees");
        put(out, "  scale: {p: 0.2}", "0.85 to 1.25");
    }
    (void)fputs("\npredict:\n", out);
    put(out, "  merge: gaussian", "the middle of a patch knows more than its rim");
    if (mirrored) put(out, "  mirror: true", "the mean of both views, at twice the time");
}

static void write_all(const pleat_suggestion *s, FILE *out) {
    put_head(out, s);
    put_data(out, s);
    put_preprocessing(out, s);
    put_folds(out, s);
    put_patch(out, s);
    put_network(out, s);
    put_training(out, s);
    put_augmentation(out, s);
}

pleat_status pleat_suggest_text(const pleat_suggestion *s, char **text, pleat_config *config) {
    pleat_config own;
    size_t n = 0;
    *text = NULL;
    FILE *out = open_memstream(text, &n);
    PLEAT_CHECK(out != NULL, PLEAT_ERR_MEMORY, "no memory for a configuration");
    write_all(s, out);
    (void)fclose(out);
    if (config == NULL) config = &own;
    pleat_config_defaults(config);
    PLEAT_TRY(pleat_config_parse(*text, n, "the suggestion", config));
    return pleat_config_check(config);
}
