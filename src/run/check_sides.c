/*
 * check_sides.c - whose left and right are exchanged.
 *
 * The foreground of a body is much like itself mirrored left to right, so labels decide: where two
 * of them, or one and the middle of the volume, lie apart by much the same distance x in all cases,
 * as the lungs or the liver do, a few cases in which it is -x are mirrored, or have the two labels
 * exchanged. "Much the same" is measured: x and -x must lie FAR standard deviations apart, and few
 * cases tell little of that, so a usual deviation counts as PRIOR cases; and of one pair at least
 * that says so the least |x| is so near the greatest that chance makes it so in one of a thousand
 * data sets at the most, of all pairs together (check_is_no_chance). Small structures, lesions, and
 * cases of which about half lie the other way, as knees do, decide nothing.
 */
#include "check_impl.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST = 4, FEW = 4 };      /* cases that have both; at most one of so many is mirrored */
static const double APART = 0.08; /* of the volume's width */
static const double FAR = 8.0;    /* deviations, from the others, */
static const double NEAR = 3.0;   /* and from their mirror image */
static const double PRIOR = 4.0, USUAL = 0.05; /* a usual deviation, of the width */

/* How a pair of labels lies in most cases. */
typedef struct usual {
    int side; /* 1 right, -1 left; 0: the pair decides nothing */
    int sure; /* chance does not make it so */
    double mean, deviation;
} usual;

typedef struct side {            /* of a case */
    int as_most, mirrored, sure; /* pairs that say so; whether one is sure */
    int first, second;           /* labels of a pair that says so; the second 0: the middle */
} side;

/* How far label a lies right of b, or for 0 of the middle, of the width; NaN: one is not there. */
static double apart(const check_facts *f, int a, int b) {
    if (!f->counted || f->count[a] == 0 || (b > 0 && f->count[b] == 0)) return (double)NAN;
    return (double)f->place[a][0] - (b > 0 ? (double)f->place[b][0] : 0.5);
}

static usual usual_side(const check_facts *f, int n, int a, int b, int pairs) {
    double sum = 0.0, squares = 0.0, least = INFINITY, most = 0.0;
    int seen = 0, right = 0, same = 0;
    for (int i = 0; i < n; i++) {
        const double x = apart(&f[i], a, b);
        seen += !isnan(x);
        right += x > 0.0;
        least = fmin(least, fabs(x)); /* the other one of a NaN */
        most = fmax(most, fabs(x));
    }
    usual u = {FEW * (seen - right) <= seen ? 1
               : FEW * right <= seen        ? -1
                                            : 0,
               check_is_no_chance(least, most, seen, pairs), 0.0, 0.0};
    for (int i = 0; i < n; i++) {
        const double x = apart(&f[i], a, b) * u.side;
        if (isnan(x) || x <= 0.0) continue;
        same++;
        sum += x;
        squares += x * x;
    }
    if (seen < LEAST || same == 0) return (usual){0};
    u.mean = sum / same;
    u.deviation =
        sqrt((fmax(squares - sum * u.mean, 0.0) + PRIOR * USUAL * USUAL) / (same - 1 + PRIOR));
    if (u.mean < APART || 2.0 * u.mean < FAR * u.deviation) u.side = 0;
    return u;
}

static void vote(const check_facts *f, int n, int a, int b, int pairs, side *sides) {
    const usual u = usual_side(f, n, a, b, pairs);
    for (int i = 0; u.side != 0 && i < n; i++) {
        const double x = apart(&f[i], a, b) * u.side;
        if (x > 0.0) sides[i].as_most++;
        if (isnan(x) || u.mean - x < FAR * u.deviation || fabs(x + u.mean) > NEAR * u.deviation)
            continue;
        sides[i].sure |= u.sure;
        if (sides[i].mirrored++ == 0 || sides[i].second == 0) {
            sides[i].first = a;
            sides[i].second = b;
        }
    }
}

/* "lung_L", else "label 1". */
static const char *name_of(const check_work *w, int label, char out[64]) {
    for (int c = 1; c < w->classes->n && !w->classes->of_regions; c++)
        if (w->classes->value[c] == label) {
            (void)snprintf(out, 64, "'%s'", w->classes->name[c]);
            return out;
        }
    (void)snprintf(out, 64, "label %d", label);
    return out;
}

static void tell(check_work *w, const check_facts *f, int i, const side *s, int seen) {
    char names[2][64];
    const int right = apart(&f[i], s->first, s->second) > 0.0;
    check_find(w, CHECK_FLIPPED, i, w->cases[i].label,
               "left and right seem exchanged, or labels are: %s lies %s of %s, unlike in most of "
               "%d cases, and the header does not say so",
               name_of(w, s->first, names[0]), right ? "right" : "left",
               s->second > 0 ? name_of(w, s->second, names[1]) : "the middle", seen);
}

/* Another finding says the same of the case. */
static int is_told(const check_work *w, int i) {
    return check_has(w, CHECK_MASK_TURNED, i) || check_has(w, CHECK_RELABELLED, i);
}

void check_sides(check_work *w, const check_facts *f) {
    side *sides = calloc((size_t)w->n + 1, sizeof *sides);
    int seen = 0, labels = 0, used[256] = {1}; /* 0 is the middle */
    if (sides == NULL) {
        w->no_memory = 1;
        return;
    }
    for (int i = 0; i < w->n; i++) {
        seen += f[i].counted;
        for (int a = 1; a < 256; a++) used[a] |= f[i].counted && f[i].count[a] > 0;
    }
    for (int a = 1; a < 256; a++) labels += used[a];
    const int pairs = labels * (labels + 1) / 2;
    for (int a = 1; a < 256; a++)
        for (int b = 0; used[a] && b < a; b++)
            if (used[b]) vote(f, w->n, a, b, pairs, sides);
    for (int i = 0; i < w->n; i++)
        if (sides[i].sure && sides[i].mirrored > sides[i].as_most && !is_told(w, i))
            tell(w, f, i, &sides[i], seen);
    free(sides);
}
