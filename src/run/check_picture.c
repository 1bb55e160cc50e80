/*
 * check_picture.c - what coarse pictures of the images show: who is mirrored, who is there twice.
 *
 * A picture has the mean of each cell of 8 x 8 x 8, by the axes of the body: one of the volume, and
 * an inner one of its box without padding (check_box.c). Moved so that its centre of mass lies in
 * the middle of an axis, and less its own mirror image along that axis, half of it is left that a
 * mirror turns into its negative: a_k, of unit length. For each case
 *
 *   x_k = a_k . (sum of s_j a_j of all others, of unit length),  s_j = 1 or -1
 *
 * where s makes them as alike as can be. In bodies of one kind |x_k| is much the same, and the few
 * with the other sign are mirrored. Where |x_k| varies, nothing is known; nor along an axis of
 * fewer slices than cells, nor where few cases may be alike by chance: of |x_k|, times the length
 * of a_k before, the least must be so near the greatest that at most one data set in a thousand has
 * it (check_is_no_chance). Both pictures must say so: uneven padding makes sides of the one, uneven
 * ends of the body sides of the other.
 */
#include "check_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 4, ROUNDS = 4, FEW = 4 };      /* at most one of FEW looks otherwise */
static const double FAR = 8.0, NEAR = 3.0;    /* deviations: x from -x, and a mirrored x from it */
static const double PRIOR = 4.0, USUAL = 0.1; /* a usual deviation of x */
static const double CHANCE = 1e-3;            /* of a test of a data set in which nobody is */
static const double ALIKE = 0.5;              /* correlation with the sum of the others, of most, */
static const double UNLIKE = 0.1;             /* and of one that looks as none */
static const double SAME = 0.999;             /* correlation of two pictures of one volume, */
static const double SAME_MASK = 0.99;         /* and of its foreground */
static const double SAME_SIZE = 0.03;         /* of the volumes' lengths */

/* ---- the picture ----------------------------------------------------------------------------- */

void check_cells(const char axes[4], int stride[3], int back[3]) {
    static const int strides[3] = {1, CHECK_SIDE, CHECK_SIDE * CHECK_SIDE};
    for (int a = 0; a < 3; a++) {
        const char axis = axes[2 - a];
        stride[a] = strides[axis == 'R' || axis == 'L' ? 0 : axis == 'A' || axis == 'P' ? 1 : 2];
        back[a] = axis == 'L' || axis == 'P' || axis == 'I';
    }
}

/* Of voxel k of n along an axis of the box. */
static int cell_of(int k, int n, int back) {
    return (int)((int64_t)(back ? n - 1 - k : k) * CHECK_SIDE / n);
}

void check_picture(const float *x, const int dim[3], const int from[3], const int to[3],
                   const char axes[4], float out[CHECK_CELLS]) {
    const int size[3] = {to[0] - from[0], to[1] - from[1], to[2] - from[2]};
    double sum[CHECK_CELLS] = {0}, all = 0.0;
    int64_t count[CHECK_CELLS] = {0}, n = 0;
    int stride[3], back[3];
    check_cells(axes, stride, back);
    for (int z = 0; z < size[0]; z++)
        for (int y = 0; y < size[1]; y++) {
            const int row =
                stride[0] * cell_of(z, size[0], back[0]) + stride[1] * cell_of(y, size[1], back[1]);
            const size_t plane = (size_t)(from[0] + z) * (size_t)dim[1];
            const float *line = x + (plane + (size_t)(from[1] + y)) * (size_t)dim[2] + from[2];
            for (int k = 0; k < size[2];) { /* to the end of the cell */
                const int at = cell_of(k, size[2], back[2]), cell = row + stride[2] * at;
                double part = 0.0;
                const int begun = k;
                for (; k < size[2] && cell_of(k, size[2], back[2]) == at; k++)
                    part += (double)line[k];
                sum[cell] += part;
                count[cell] += k - begun;
                all += part;
                n += k - begun;
            }
        }
    for (int i = 0; i < CHECK_CELLS; i++) /* of few slices some have none */
        out[i] = (float)(count[i] > 0 ? sum[i] / (double)count[i] : all / (double)n);
}

/* ---- who is mirrored ------------------------------------------------------------------------- */

int check_opposite(int cell, int axis) {
    const int stride = axis == 1 ? CHECK_SIDE : CHECK_SIDE * CHECK_SIDE;
    const int k = cell / stride % CHECK_SIDE;
    return cell + (CHECK_SIDE - 1 - 2 * k) * stride;
}

int check_is_deep(const check_facts *f, int axis) {
    int stride[3], back[3];
    if (f->axes[0] == '\0') return 0;
    check_cells(f->axes, stride, back);
    for (int a = 0; a < 3; a++)
        if (stride[a] == (axis == 1 ? CHECK_SIDE : CHECK_SIDE * CHECK_SIDE))
            return f->to[a] - f->from[a] >= CHECK_SIDE;
    return 0;
}

/* Where no distance is likelier than a shorter one, each of the others is `least` or more, of the
 * greatest, with a probability of 1 - least / most at the most (of a uniform distribution). */
int check_is_no_chance(double least, double most, int n, int tests) {
    return most > 0.0 && pow(1.0 - least / most, n - 1) * tests < CHANCE;
}

/* How far the centre of mass, above the lowest value, lies off the middle, in cells. */
static double off_middle(const float *p, int stride) {
    double mass = 0.0, moment = 0.0;
    float low = p[0];
    for (int i = 1; i < CHECK_CELLS; i++) low = fminf(low, p[i]);
    for (int i = 0; i < CHECK_CELLS; i++) {
        mass += (double)(p[i] - low);
        moment += (double)(p[i] - low) * (i / stride % CHECK_SIDE - (CHECK_SIDE - 1) / 2.0);
    }
    return mass > 0.0 ? moment / mass : 0.0;
}

static double norm(const double *a) {
    double square = 0.0;
    for (int i = 0; i < CHECK_CELLS; i++) square += a[i] * a[i];
    return sqrt(square);
}

/* The half of picture p that a mirror along `axis` negates; unit length, or all 0. Returns its
 * length, by that of p less its mean. */
static double half(const float *p, int axis, double out[CHECK_CELLS]) {
    const int stride = axis == 1 ? CHECK_SIDE : CHECK_SIDE * CHECK_SIDE;
    const double off = off_middle(p, stride);
    double moved[CHECK_CELLS];
    for (int i = 0; i < CHECK_CELLS; i++) {
        const int k = i / stride % CHECK_SIDE;
        const double from = fmin(fmax(k + off, 0.0), CHECK_SIDE - 1.0);
        const int low = (int)fmin(from, CHECK_SIDE - 2.0);
        const float *cell = &p[i + (low - k) * stride];
        moved[i] = (double)cell[0] + (from - low) * (double)(cell[stride] - cell[0]);
    }
    for (int i = 0; i < CHECK_CELLS; i++) out[i] = moved[i] - moved[check_opposite(i, axis)];
    const double length = norm(out);
    for (int i = 0; i < CHECK_CELLS; i++) out[i] = length > 0.0 ? out[i] / length : 0.0;
    double mean = 0.0;
    for (int i = 0; i < CHECK_CELLS; i++) mean += moved[i] / CHECK_CELLS;
    for (int i = 0; i < CHECK_CELLS; i++) moved[i] -= mean;
    return length > 0.0 ? length / norm(moved) : 0.0;
}

static double dot(const double *a, const double *b) {
    double sum = 0.0;
    for (int i = 0; i < CHECK_CELLS; i++) sum += a[i] * b[i];
    return sum;
}

/* x[n] of the halves a[n], as above. */
static void project(double (*a)[CHECK_CELLS], int n, double *x) {
    for (int k = 0; k < n; k++) x[k] = dot(a[k], a[0]) < 0.0 ? -1.0 : 1.0;
    for (int round = 0; round < ROUNDS; round++) {
        double sum[CHECK_CELLS] = {0}, rest[CHECK_CELLS];
        for (int k = 0; k < n; k++)
            for (int i = 0; i < CHECK_CELLS; i++) sum[i] += (x[k] < 0.0 ? -1.0 : 1.0) * a[k][i];
        for (int k = 0; k < n; k++) {
            const double sign = x[k] < 0.0 ? -1.0 : 1.0;
            for (int i = 0; i < CHECK_CELLS; i++) rest[i] = sum[i] - sign * a[k][i];
            const double length = norm(rest);
            x[k] = length > 0.0 ? dot(a[k], rest) / length : 0.0;
        }
    }
}

/* A picture of mean 0 and unit length; one of a single value is all 0. */
static void normalise(const float *p, double out[CHECK_CELLS]) {
    double mean = 0.0;
    for (int i = 0; i < CHECK_CELLS; i++) mean += (double)p[i] / CHECK_CELLS;
    for (int i = 0; i < CHECK_CELLS; i++) out[i] = (double)p[i] - mean;
    const double length = norm(out);
    for (int i = 0; i < CHECK_CELLS && length > 0.0; i++) out[i] /= length;
}

typedef const float *(*picture_of)(const check_facts *f);
static const float *whole(const check_facts *f) { return f->picture; }
static const float *inner(const check_facts *f) { return f->inner; }

/* The sum of the pictures of[n], normalised, but for those of skip[n] (NULL: none). */
static void add_up(const check_facts *f, picture_of which, const int *of, int n, const int *skip,
                   double sum[CHECK_CELLS]) {
    double one[CHECK_CELLS];
    memset(sum, 0, CHECK_CELLS * sizeof *sum);
    for (int k = 0; k < n; k++) {
        if (skip != NULL && skip[k]) continue;
        normalise(which(&f[of[k]]), one);
        for (int i = 0; i < CHECK_CELLS; i++) sum[i] += one[i];
    }
}

/* The correlation of a normalised picture with a sum of such. */
static double along(const double *picture, const double *sum) {
    const double length = norm(sum);
    return length > 0.0 ? dot(picture, sum) / length : 0.0;
}

/* Turned, the mirrored look as the others; what is inverted, or noise, does not. How many do. */
static int confirm(const check_facts *f, picture_of which, const int *of, int n, int axis,
                   int *mirrored) {
    double sum[CHECK_CELLS], one[CHECK_CELLS], turned[CHECK_CELLS];
    int many = 0;
    add_up(f, which, of, n, mirrored, sum);
    for (int k = 0; k < n; k++) {
        if (!mirrored[k]) continue;
        normalise(which(&f[of[k]]), one);
        for (int i = 0; i < CHECK_CELLS; i++) turned[i] = one[check_opposite(i, axis)];
        mirrored[k] = along(turned, sum) > ALIKE;
        many += mirrored[k];
    }
    return many;
}

/* mirrored[n] of x[n] and the lengths of the halves: what lies a little or far off the middle has
 * the same x, and another length. How many. */
static int judge(const double *x, const double *length, int n, int *mirrored) {
    double sum = 0.0, squares = 0.0, least = INFINITY, most = 0.0;
    int negative = 0, many = 0;
    for (int k = 0; k < n; k++) {
        least = fmin(least, fabs(x[k]) * length[k]);
        most = fmax(most, fabs(x[k]) * length[k]);
        sum += fabs(x[k]);
        squares += x[k] * x[k];
        negative += x[k] < 0.0;
    }
    const double mean = sum / n;
    const double deviation =
        sqrt((fmax(squares - sum * mean, 0.0) + PRIOR * USUAL * USUAL) / (n - 1 + PRIOR));
    const double side = 2 * negative > n ? -1.0 : 1.0;
    if (2.0 * mean < FAR * deviation || !check_is_no_chance(least, most, n, 1)) return 0;
    for (int k = 0; k < n; k++) {
        mirrored[k] = x[k] * side < 0.0 && fabs(x[k] * side + mean) < NEAR * deviation;
        many += mirrored[k];
    }
    return many;
}

/* check_mirrored by one of the pictures. */
static int mirrored_by(check_work *w, const check_facts *f, picture_of which, int axis,
                       int *mirrored, int *seen) {
    const size_t n = (size_t)w->n + 1;
    double(*a)[CHECK_CELLS] = calloc(n, sizeof *a);
    double *x = calloc(n, sizeof *x), *length = calloc(n, sizeof *length);
    int *of = calloc(n, sizeof *of), *found = calloc(n, sizeof *found), many = 0;
    *seen = 0;
    memset(mirrored, 0, (size_t)w->n * sizeof *mirrored);
    if (a == NULL || x == NULL || length == NULL || of == NULL || found == NULL) {
        w->no_memory = 1;
        goto done;
    }
    for (int i = 0; i < w->n; i++) {
        if (!f[i].measured || !check_is_deep(&f[i], axis)) continue;
        length[*seen] = half(which(&f[i]), axis, a[*seen]);
        of[(*seen)++] = i;
    }
    if (*seen < LEAST) goto done;
    project(a, *seen, x);
    if (judge(x, length, *seen, found) > 0) many = confirm(f, which, of, *seen, axis, found);
    for (int k = 0; k < *seen; k++) mirrored[of[k]] = found[k];
done:
    free(found);
    free(of);
    free(length);
    free(x);
    free(a);
    return many;
}

int check_mirrored(check_work *w, const check_facts *f, int axis, int *mirrored, int *seen) {
    int *in_box = calloc((size_t)w->n + 1, sizeof *in_box), many = 0;
    if (in_box == NULL) w->no_memory = 1;
    if (mirrored_by(w, f, whole, axis, mirrored, seen) > 0 && in_box != NULL)
        (void)mirrored_by(w, f, inner, axis, in_box, seen);
    for (int i = 0; i < w->n; i++) {
        mirrored[i] &= in_box != NULL && in_box[i];
        many += mirrored[i];
    }
    free(in_box);
    return many;
}

/* ---- who looks like no other ----------------------------------------------------------------- */

void check_unlike(check_work *w, const check_facts *f) {
    int *of = calloc((size_t)w->n + 1, sizeof *of), n = 0, like = 0;
    double *x = calloc((size_t)w->n + 1, sizeof *x);
    double sum[CHECK_CELLS], one[CHECK_CELLS], rest[CHECK_CELLS];
    for (int i = 0; of != NULL && i < w->n; i++)
        if (f[i].measured && f[i].axes[0] != '\0') of[n++] = i;
    if (of != NULL && x != NULL) add_up(f, whole, of, n, NULL, sum);
    for (int k = 0; x != NULL && k < n; k++) {
        normalise(f[of[k]].picture, one);
        for (int i = 0; i < CHECK_CELLS; i++) rest[i] = sum[i] - one[i];
        x[k] = along(one, rest);
        like += x[k] > ALIKE;
    }
    if (of == NULL || x == NULL) w->no_memory = 1;
    for (int k = 0; x != NULL && n > LEAST && k < n; k++)
        if (x[k] < UNLIKE && FEW * (n - like) <= n && !check_has(w, CHECK_BLANK, of[k]) &&
            !check_has(w, CHECK_UNLIKE, of[k]))
            check_find(w, CHECK_UNLIKE, of[k], w->cases[of[k]].image[0],
                       "its correlation with all others is %.2f, in 8 x 8 x 8 cells", x[k]);
    free(x);
    free(of);
}

/* ---- who is there twice ---------------------------------------------------------------------- */

/* out[side^3]: sums of x over blocks, divided by the root of their cells. */
static void add_blocks(const double *x, int side, float *out) {
    const int block = CHECK_SIDE / side;
    const double root = sqrt(block * block * block);
    for (int i = 0; i < side * side * side; i++) out[i] = 0.0F;
    for (int i = 0; i < CHECK_CELLS; i++) {
        const int k = i % CHECK_SIDE, j = i / CHECK_SIDE % CHECK_SIDE,
                  l = i / CHECK_SIDE / CHECK_SIDE;
        out[k / block + j / block * side + l / block * side * side] += (float)(x[i] / root);
    }
}

/* The normalised picture is of unit length, and such sums over its blocks are its projection: no
 * further apart than the pictures are themselves, which for a correlation r is sqrt(2 - 2 r). */
void check_sketch_make(const float *picture, check_sketch *out) {
    double one[CHECK_CELLS];
    normalise(picture, one);
    add_blocks(one, 2, out->coarse);
    add_blocks(one, 4, out->fine);
}

static int are_near(const float *a, const float *b, int n) {
    static const float most = 0.0025F; /* 2 - 2 SAME is 0.002; more for rounding */
    float square = 0.0F;
    for (int i = 0; i < n && square < most; i++) square += (a[i] - b[i]) * (a[i] - b[i]);
    return square < most;
}

int check_may_be_alike(const check_sketch *a, const check_sketch *b) {
    return are_near(a->coarse, b->coarse, 8) && are_near(a->fine, b->fine, 64);
}

double check_alike(const float *a, const double *b, int axis) {
    double sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < CHECK_CELLS; i++) {
        const double x = (double)a[axis > 0 ? check_opposite(i, axis) : i], y = b[i];
        sa += x;
        sb += y;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    const double scale = (aa - sa * sa / CHECK_CELLS) * (bb - sb * sb / CHECK_CELLS);
    return scale > 0.0 ? (ab - sa * sb / CHECK_CELLS) / sqrt(scale) : 0.0;
}

static double alike(const float *a, const float *b) {
    double other[CHECK_CELLS];
    for (int i = 0; i < CHECK_CELLS; i++) other[i] = (double)b[i];
    return check_alike(a, other, 0);
}

/* By the axes of the body, in mm. */
static int same_size(const check_facts *a, const check_facts *b) {
    double mm[2][3];
    for (int k = 0; k < 2; k++) {
        const check_facts *f = k == 0 ? a : b;
        int stride[3], back[3];
        check_cells(f->axes, stride, back);
        for (int i = 0; i < 3; i++)
            mm[k][stride[i] == 1            ? 0
                  : stride[i] == CHECK_SIDE ? 1
                                            : 2] = f->image.dim[i] * f->image.spacing[i];
    }
    for (int i = 0; i < 3; i++)
        if (fabs(mm[0][i] - mm[1][i]) > SAME_SIZE * mm[0][i]) return 0;
    return 1;
}

int check_one_volume(const check_facts *a, const check_facts *b) {
    if (!a->measured || !b->measured || a->axes[0] == '\0' || b->axes[0] == '\0') return 0;
    if (!same_size(a, b) || alike(a->picture, b->picture) < SAME) return 0;
    return !a->counted || !b->counted || alike(a->coarse, b->coarse) > SAME_MASK;
}
