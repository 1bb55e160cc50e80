/* check_all.c - what only shows when all cases are there: what differs, what is there twice. */
#include "check_impl.h"

#include "pleat/folds.h"
#include "pleat/intensity.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double MANY_TIMES = 8;            /* the median spacing */
static const double LIKE = 0.7;                /* correlation of two mirrored foregrounds */
static const double MORE_LIKE = 0.2;           /* than as they lie */
static const double FAR = 8.0;                 /* deviations, from as they lie to mirrored */
static const double PRIOR = 4.0, USUAL = 0.05; /* a usual deviation of that likeness */
enum { MOST_OF_ONE = 8 };                      /* cases of one patient */
enum { FEW_CASES = 3 };                        /* of fewer a label in one says nothing */

/* ---- what most have -------------------------------------------------------------------------- */

/* value[n] (-1: left out), of few kinds -> the most frequent, the first of equals; -1: none. */
static int most_frequent(const int *value, int n, int *times) {
    int best = -1;
    *times = 0;
    for (int i = 0; i < n; i++) {
        int many = 0, before = 0; /* the first of its kind */
        while (value[before] != value[i]) before++;
        if (value[i] < 0 || before < i) continue;
        for (int k = 0; k < n; k++) many += value[k] == value[i];
        if (many > *times) {
            *times = many;
            best = value[i];
        }
    }
    return best;
}

static int axes_number(const char axes[4]) {
    return axes[0] == '\0' ? -1 : axes[0] << 16 | axes[1] << 8 | axes[2];
}

static void compare_axes(check_work *w, const check_facts *f, int *value) {
    int times = 0, left = 0, seen = 0;
    for (int i = 0; i < w->n; i++) {
        value[i] = f[i].readable ? axes_number(f[i].axes) : -1;
        seen += f[i].readable;
        left += f[i].readable && check_left_handed(f[i].image.affine);
    }
    const int most = most_frequent(value, w->n, &times);
    if (w->config != NULL && w->config->prep.orient != PLEAT_ORIENT_NONE) return;
    for (int i = 0; i < w->n; i++)
        if (value[i] >= 0 && value[i] != most)
            check_find(w, CHECK_ORIENTATION, i, w->cases[i].image[0],
                       "its axes are %s, %d of %d cases have %c%c%c", f[i].axes, times, seen,
                       most >> 16, most >> 8 & 255, most & 255);
    for (int i = 0; i < w->n && left > 0 && left < seen; i++)
        if (f[i].readable && check_left_handed(f[i].image.affine))
            check_find(w, CHECK_LEFT_HANDED, i, w->cases[i].image[0],
                       "its axes are left-handed, as those of %d of %d cases", left, seen);
}

static void compare_channels(check_work *w, const check_facts *f, int *value) {
    char **names = NULL;
    int times = 0, named = 0;
    for (int i = 0; i < w->n; i++) value[i] = f[i].readable ? f[i].channels : -1;
    const int most = most_frequent(value, w->n, &times);
    for (int i = 0; i < w->n; i++)
        if (value[i] >= 0 && value[i] != most)
            check_find(w, CHECK_CHANNELS, i, w->cases[i].image[0],
                       "%d channel%s, where %d cases have %d", value[i], pleat_plural(value[i]),
                       times, most);
    if (pleat_layout_channels(w->config->data, &names, &named) != PLEAT_OK) {
        check_find(w, CHECK_NAMES, -1, "dataset.json", "%s", pleat_error_message());
        return;
    }
    pleat_layout_names_free(names, named);
    if (named > 0 && most > 0 && named != most)
        check_find(w, CHECK_NAMES, -1, "dataset.json", "it names %d channel%s, the cases have %d",
                   named, pleat_plural(named), most);
}

/* Without a configuration z-score is only a default: the note stays. */
static void compare_intensities(check_work *w, const check_facts *f, int *value) {
    const check_id kind = w->how->given ? CHECK_INTENSITY : CHECK_INTENSITIES;
    for (int c = 0; c < PLEAT_MAX_CHANNELS; c++) {
        int times = 0;
        const pleat_prep_steps *steps = &w->config->prep.channel[c];
        if (steps->grayscale || (w->how->given && pleat_prep_makes_alike(steps))) continue;
        for (int i = 0; i < w->n; i++)
            value[i] = f[i].measured && c < f[i].channels && f[i].low[c] < f[i].high[c]
                           ? pleat_intensity_kind((double)f[i].low[c], (double)f[i].high[c])
                           : -1;
        const int most = most_frequent(value, w->n, &times);
        for (int i = 0; i < w->n; i++)
            if (value[i] >= 0 && value[i] != most)
                check_find(w, kind, i, w->cases[i].image[0],
                           "channel %d holds %g to %g (%s), where %d cases hold %s", c,
                           (double)f[i].low[c], (double)f[i].high[c],
                           pleat_intensity_kind_name(value[i]), times,
                           pleat_intensity_kind_name(most));
    }
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void compare_spacings(check_work *w, const check_facts *f, double *value) {
    for (int a = 2; a >= 0; a--) {
        int n = 0;
        for (int i = 0; i < w->n; i++)
            if (f[i].readable) value[n++] = f[i].image.spacing[a];
        if (n < 3) return;
        qsort(value, (size_t)n, sizeof *value, by_size);
        const double median = value[n / 2];
        for (int i = 0; i < w->n; i++) {
            const double mm = f[i].image.spacing[a];
            if (f[i].readable && (mm > MANY_TIMES * median || mm < median / MANY_TIMES))
                check_find(w, CHECK_SPACINGS, i, w->cases[i].image[0],
                           "%.4g mm along %c, where the median of the cases is %.4g", mm, "zyx"[a],
                           median);
        }
    }
}

static int is_full(const check_work *w, const check_facts *f) {
    return f->counted && f->count[0] + check_ignored(w, f) == 0;
}

/* Masks without background, where most have some. */
static void find_full(check_work *w, const check_facts *f) {
    int seen = 0, full = 0;
    for (int i = 0; i < w->n; i++) {
        seen += f[i].counted;
        full += is_full(w, &f[i]);
    }
    for (int i = 0; i < w->n && 2 * full < seen; i++)
        if (is_full(w, &f[i]))
            check_find(w, CHECK_FULL, i, w->cases[i].label,
                       "every voxel is foreground, where %d of %d cases have background",
                       seen - full, seen);
}

/* ---- whose patient is one ------------------------------------------------------------------- */

int check_one_group(const check_work *w, int a, int b) {
    const char *x = w->cases[a].group, *y = w->cases[b].group;
    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

/* 20190131 */
static int is_date(const char *digits) {
    const long date = strlen(digits) == 8 ? strtol(digits, NULL, 10) : 0;
    const long month = date / 100 % 100, day = date % 100;
    return date > 19000000 && date < 21000000 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static int is_visit(const char *tail) {
    static const char *const words[] = {"pre", "post", "baseline", "followup", "left", "right"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(tail, words[i]) == 0) return 1;
    const size_t letters = isalpha((unsigned char)tail[0]) ? 1 : 0;
    const size_t digits = strspn(tail + letters, "0123456789");
    if (tail[letters + digits] != '\0') return 0;
    return (digits <= 2 && letters + digits >= 1) || (letters == 0 && is_date(tail));
}

/* Bytes of an id that may be those of the patient: "scan_10_85902" of scan_10_85902_1; 0: it does
 * not look like a visit's. */
static size_t patient_of(const char *id) {
    size_t n = strlen(id);
    while (n > 0 && strchr("_-.", id[n - 1]) == NULL) n--;
    if (n < 2 || !is_visit(id + n)) return 0;
    const size_t digit = strcspn(id, "0123456789");
    return digit < n - 1 ? n - 1 : 0;
}

typedef struct visit {
    const char *id;
    size_t patient; /* patient_of it */
    int at;         /* the case */
} visit;

static int compare_patients(const visit *a, const visit *b) {
    const size_t n = a->patient < b->patient ? a->patient : b->patient;
    const int order = strncmp(a->id, b->id, n);
    return order != 0 ? order : (a->patient > b->patient) - (a->patient < b->patient);
}

/* Those of a patient side by side, in order of the cases. */
static int by_patient(const void *a, const void *b) {
    const visit *x = a, *y = b;
    const int order = compare_patients(x, y);
    return order != 0 ? order : x->at - y->at;
}
/* The visits v[n] of one patient; `folds` NULL: any draw may part them. */
static void tell_patient(check_work *w, const visit *v, int n, const pleat_folds *folds) {
    char list[512] = "";
    int parted = 0, numbered = 0;
    for (int k = 0; k < n; k++) {
        numbered |= isdigit((unsigned char)v[k].id[strlen(v[k].id) - 1]);
        pleat_warn_list(list, sizeof list, v[k].id);
        parted |= folds == NULL || pleat_folds_apart(folds, v[k].at, v[0].at) >= 0;
    }
    /* all of a small data set may be numbered, after a name that has a digit */
    if (parted && n > 1 && n <= MOST_OF_ONE && (n < w->n || !numbered))
        check_find(w, CHECK_PATIENT, -1, "folds.group_by", "%s: one patient by their names", list);
}

/* Folds of folds.splits or a table may keep them together; else any draw may part them. */
static void find_patients(check_work *w) {
    const pleat_config *c = w->config;
    pleat_folds folds = {0};
    visit *v = calloc((size_t)w->n + 1, sizeof *v);
    int grouped = c->group_by[0] != '\0', n = 0;
    for (int i = 0; i < w->n; i++) {
        const char *id = w->cases[i].id;
        const size_t patient = patient_of(id);
        grouped |= w->cases[i].group != NULL;
        if (v != NULL && patient > 0) v[n++] = (visit){id, patient, i};
    }
    if (v == NULL) w->no_memory = 1;
    if (n == 0 || grouped) {
        free(v);
        return;
    }
    qsort(v, (size_t)n, sizeof *v, by_patient);
    const int known = (c->splits[0] != '\0' || w->cases[0].fold > 0) &&
                      pleat_cases_folds(c, w->cases, w->n, c->splits, &folds) == PLEAT_OK;
    for (int first = 0, many = 0; first < n; first += many) {
        for (many = 1; first + many < n && compare_patients(&v[first], &v[first + many]) == 0;)
            many++;
        tell_patient(w, v + first, many, known ? &folds : NULL);
    }
    pleat_folds_free(&folds);
    free(v);
}

/* ---- who is mirrored ------------------------------------------------------------------------- */

/* From the sums, over n cases, of how much liker they are one way than the other, and of its
 * squares: whether that is much the same in all. Of lesions near the middle, say, it is not. */
static int is_steady(double sum, double squares, int n) {
    const double varied = fmax(squares - sum * sum / n, 0.0);
    return 2.0 * sum / n >= FAR * sqrt((varied + PRIOR * USUAL * USUAL) / (n - 1 + PRIOR));
}

static int has_foreground(const check_facts *f, int axis) {
    return f->counted && check_is_deep(f, axis);
}

/* Adds the foreground to sum, `times` it, turned as it is taken to lie. */
static void add_turned(const check_facts *f, int axis, int mirrored, double times, double *sum) {
    for (int i = 0; i < CHECK_CELLS; i++)
        sum[i] += times * (double)f->coarse[mirrored ? check_opposite(i, axis) : i];
}

/* mirrored[n]: against the first case, then twice against the sum of all others, mirrored or not,
 * so that half of them may be; none where some of the cases lie clearly and others do not, or all
 * may lie so by chance. */
static void part(const check_facts *f, int n, int axis, int *mirrored) {
    double sum[CHECK_CELLS] = {0}, apart = 0.0, squares = 0.0, least = INFINITY, most = 0.0;
    int seen = 0;
    int first = 0;
    while (first < n && !has_foreground(&f[first], axis)) first++;
    if (first < n) add_turned(&f[first], axis, 0, 1.0, sum);
    for (int round = 0; round < 3; round++) {
        double next[CHECK_CELLS] = {0};
        apart = squares = most = 0.0;
        least = INFINITY;
        seen = 0;
        for (int k = 0; k < n; k++) {
            double others[CHECK_CELLS];
            if (!has_foreground(&f[k], axis)) continue;
            memcpy(others, sum, sizeof others);
            if (round > 0) add_turned(&f[k], axis, mirrored[k], -1.0, others);
            const double as_is = check_alike(f[k].coarse, others, 0);
            const double turned = check_alike(f[k].coarse, others, axis);
            mirrored[k] = turned > LIKE && turned > as_is + MORE_LIKE;
            seen++;
            apart += fabs(turned - as_is);
            squares += (turned - as_is) * (turned - as_is);
            least = fmin(least, fabs(turned - as_is));
            most = fmax(most, fabs(turned - as_is));
            add_turned(&f[k], axis, mirrored[k], 1.0, next);
        }
        memcpy(sum, next, sizeof sum);
    }
    if (!is_steady(apart, squares, seen) || !check_is_no_chance(least, most, seen, 1))
        memset(mirrored, 0, (size_t)n * sizeof *mirrored);
}

static void tell_mirrored(check_work *w, int axis, const int *mirrored, int many, int seen,
                          int by_image) {
    const char *ends = axis == 1 ? "front and back" : "top and bottom";
    for (int i = 0; i < w->n; i++) {
        const char *file = by_image ? w->cases[i].image[0] : w->cases[i].label;
        if (mirrored[i] && 2 * many == seen)
            check_find(w, CHECK_FLIPPED, i, file,
                       "%s seem exchanged, against the other half of the %d cases, and no header "
                       "says so; which half is right does not show",
                       ends, seen);
        else if (mirrored[i] && 4 * many > seen)
            check_find(w, CHECK_FLIPPED, i, file,
                       "%s seem exchanged, against %d of %d cases, and no header says so; which "
                       "are right does not show",
                       ends, seen - many, seen);
        else if (mirrored[i])
            check_find(w, CHECK_FLIPPED, i, file,
                       "%s seem exchanged, against %d of %d cases, and the header does not say so",
                       ends, seen - many, seen);
    }
}

/* By the foreground, else by the image. */
static void find_mirrored(check_work *w, const check_facts *f, int *mirrored) {
    for (int axis = 1; axis < 3; axis++) {
        int many = 0, seen = 0, pictures = 0;
        memset(mirrored, 0, (size_t)w->n * sizeof *mirrored);
        for (int i = 0; i < w->n; i++) seen += has_foreground(&f[i], axis);
        if (seen >= 3) part(f, w->n, axis, mirrored);
        for (int i = 0; i < w->n && seen >= 3; i++) many += mirrored[i];
        if (2 * many > seen) {
            for (int i = 0; i < w->n; i++)
                mirrored[i] = has_foreground(&f[i], axis) && !mirrored[i];
            many = seen - many;
        }
        if (many > 0) {
            tell_mirrored(w, axis, mirrored, many, seen, 0);
            continue;
        }
        many = check_mirrored(w, f, axis, mirrored, &pictures);
        tell_mirrored(w, axis, mirrored, many, pictures, 1);
    }
}

/* ---- against the configuration --------------------------------------------------------------- */

/* As a run says it of the training cases of its folds. */
static void compare_patch(check_work *w, const check_facts *f) {
    const pleat_config *c = w->config;
    int most[3] = {0}, enough[3];
    for (int i = 0; i < w->n; i++) {
        int dim[3];
        if (!f[i].readable) continue;
        pleat_prep_size(&c->prep, &f[i].image, dim);
        for (int a = 0; a < 3; a++)
            if (dim[a] > most[a]) most[a] = dim[a];
    }
    if (pleat_config_least_patch(c, most, enough) != PLEAT_OK) return; /* told by check_config */
    for (int a = 2; a >= 0; a--)
        if (most[a] > 0 && enough[a] < c->patch[a])
            check_find(w, CHECK_PATCH, -1, "patch",
                       "%d voxels along %c, the largest volume has %d; set it to %d", c->patch[a],
                       "zyx"[a], most[a], enough[a]);
}

void check_all(check_work *w, const check_facts *f) {
    int *value = calloc((size_t)w->n + 1, sizeof *value);
    double *mm = calloc((size_t)w->n + 1, sizeof *mm);
    if (value != NULL && mm != NULL) {
        compare_channels(w, f, value);
        compare_axes(w, f, value);
        compare_spacings(w, f, mm);
        compare_intensities(w, f, value);
        check_slices_all(w, f);
        check_unlike(w, f);
        find_full(w, f);
        find_mirrored(w, f, value);
        check_fit(w, f);
        check_sides(w, f);
    } else {
        w->no_memory = 1;
    }
    free(mm);
    free(value);
    check_twins(w, f);
    find_patients(w);
    if (w->how->given) compare_patch(w, f);
}

/* ---- the table of classes -------------------------------------------------------------------- */

/* Of class c, or where there is none (-1) of a label. */
static void add_class(const check_work *w, const check_facts *f, int c, int label,
                      pleat_checked_class *out) {
    *out = (pleat_checked_class){.label = label, .first = -1};
    if (c >= 0 || (label > 0 && label == w->classes->ignore))
        (void)snprintf(out->name, sizeof out->name, "%s", c >= 0 ? w->classes->name[c] : "ignore");
    for (int i = 0; i < w->n; i++) {
        int64_t voxels = 0;
        for (int v = 0; v < 256 && f[i].counted; v++)
            if (c >= 0 ? pleat_classes_has(w->classes, c, v) : v == label) voxels += f[i].count[v];
        if (voxels == 0) continue;
        if (out->cases++ == 0) out->first = i;
        out->voxels += voxels;
        out->ml += (double)voxels * pleat_geometry_voxel(&f[i].image) / 1000.0;
    }
}

/* Classes that no case has, or one alone. */
static void check_absent(check_work *w, const pleat_checked_class *one, int counted) {
    char what[192];
    (void)snprintf(what, sizeof what, "'%s'", one->name);
    if (!w->classes->of_regions)
        (void)snprintf(what, sizeof what, "'%s', label %d", one->name, one->label);
    if (one->cases == 0)
        check_find(w, CHECK_ABSENT, -1, "classes", "no case has a voxel of %s", what);
    else if (one->cases == 1 && counted > 1)
        check_find(w, CHECK_ABSENT, one->first, w->cases[one->first].label,
                   "no other case has a voxel of %s: the fold that holds it out cannot know it",
                   what);
}

/* Of labels that no class names: one that a case has alone may be a slip; the others, from 1 on, of
 * which none is left out. cases[256] have each; `first` of them. */
static void check_labels_alone(check_work *w, const check_facts *f, int counted, int *cases,
                               const int *first) {
    for (int v = 1; v < 256; v++) {
        if (counted < FEW_CASES || cases[v] != 1) continue;
        const int i = first[v];
        check_find(w, CHECK_ABSENT, i, w->cases[i].label,
                   "no other of %d cases has label %d, of which it has %lld voxel%s", counted, v,
                   (long long)f[i].count[v], pleat_plural(f[i].count[v]));
        cases[v] = 0;
    }
}

static void check_gaps(check_work *w, const int *used) {
    char list[256] = "", one[16];
    int most = 0, gap = 0;
    for (int v = 1; v < 256; v++)
        if (used[v]) most = v;
    for (int v = 0; v <= most; v++) {
        if (!used[v] && v > 0) gap = 1;
        (void)snprintf(one, sizeof one, "%d", v);
        if (used[v] || v == 0) pleat_warn_list(list, sizeof list, one);
    }
    if (gap) check_find(w, CHECK_GAP, -1, "classes", "the masks have labels %s", list);
}

pleat_status check_classes(check_work *w, const check_facts *f, pleat_check_report *out) {
    const pleat_classes *c = w->classes;
    int used[256] = {0}, first[256] = {0}, counted = 0; /* cases that have a label */
    for (int i = 0; i < w->n; i++) {
        counted += f[i].counted;
        for (int v = 0; v < 256; v++)
            if (f[i].counted && f[i].count[v] > 0 && used[v]++ == 0) first[v] = i;
    }
    if (counted == 0) return PLEAT_OK;
    out->class = calloc(256, sizeof *out->class);
    PLEAT_CHECK(out->class != NULL, PLEAT_ERR_MEMORY, "no memory for the classes");
    for (int i = 0; i < c->n; i++) add_class(w, f, i, c->value[i], &out->class[out->classes++]);
    for (int v = 0; v < 256; v++) {
        int known = 0;
        for (int i = 0; i < c->n; i++) known |= pleat_classes_has(c, i, v);
        if (used[v] && !known) add_class(w, f, -1, v, &out->class[out->classes++]);
    }
    if (c->n == 0) check_labels_alone(w, f, counted, used, first);
    if (c->n == 0) check_gaps(w, used);
    for (int i = 1; i < c->n; i++) check_absent(w, &out->class[i], counted);
    return PLEAT_OK;
}
