/* resample.c - images by cubic B-splines axis by axis, masks by label-wise interpolation. */
#include "pleat/resample.h"

#include "pleat/intensity.h"
#include "pleat/spline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int MAX_VOXELS = 32767; /* along an axis: NIfTI-1's limit */

void pleat_resample_size(const int dim[3], const double spacing[3], const double target[3],
                         int out[3]) {
    const double float_rounding = 1.2e-7; /* 2^-23 */
    for (int a = 0; a < 3; a++) {
        const double n = floor(dim[a] * spacing[a] / target[a] * (1.0 + float_rounding));
        out[a] = n < 1.0 ? 1 : n > MAX_VOXELS ? MAX_VOXELS : (int)n;
    }
}

static pleat_status check_sizes(const int from[3], const int to[3]) {
    for (int a = 0; a < 3; a++) {
        PLEAT_CHECK(
            from[a] >= 1 && to[a] >= 1 && from[a] <= MAX_VOXELS && to[a] <= MAX_VOXELS,
            PLEAT_ERR_SHAPE,
            "cannot resample %d x %d x %d voxels to %d x %d x %d: each size must be 1 to %d",
            from[2], from[1], from[0], to[2], to[1], to[0], MAX_VOXELS);
    }
    return PLEAT_OK;
}

/* A coordinate u = whole + part / denominator, 0 <= part < denominator, denominator = 2 N'. */
typedef struct coordinate {
    int whole, part;
} coordinate;

static coordinate coordinate_of(int i, int n_in, int n_out) {
    const int64_t denominator = 2 * (int64_t)n_out;
    const int64_t numerator = (int64_t)n_in * (2 * i + 1) - n_out; /* u * denominator */
    int64_t whole = numerator / denominator;
    if (numerator < whole * denominator) whole--; /* floor, not towards 0 */
    return (coordinate){(int)whole, (int)(numerator - whole * denominator)};
}

static int is_outside(coordinate u, int n_in) {
    return u.whole < 0 || u.whole >= n_in || (u.whole == n_in - 1 && u.part > 0);
}

/* The same clamped to [0, n_in - 1]. */
static coordinate clamped(coordinate u, int n_in) {
    if (u.whole < 0) return (coordinate){0, 0};
    if (is_outside(u, n_in)) return (coordinate){n_in - 1, 0};
    return u;
}

/* ---- images ---------------------------------------------------------------------------------- */

static pleat_spline_tap *make_taps(int n_in, int n_out, pleat_edge edge) {
    pleat_spline_tap *taps = malloc((size_t)n_out * sizeof *taps);
    for (int i = 0; taps != NULL && i < n_out; i++) {
        const coordinate u = coordinate_of(i, n_in, n_out);
        if (edge == PLEAT_EDGE_ZERO && is_outside(u, n_in)) {
            taps[i] = (pleat_spline_tap){{0}, {0}};
            continue;
        }
        const coordinate v = clamped(u, n_in);
        taps[i] = pleat_spline_tap_at(v.whole, v.part / (2.0 * n_out), n_in);
    }
    return taps;
}

/* Axes in the order that makes the volumes between small: strongest shrinking first. */
static void order_axes(const int from[3], const int to[3], int order[3]) {
    for (int a = 0; a < 3; a++) {
        int at = a;
        for (; at > 0; at--) {
            const int b = order[at - 1];
            if ((int64_t)to[b] * from[a] <= (int64_t)to[a] * from[b]) break;
            order[at] = b;
        }
        order[at] = a;
    }
}

/* Splines overshoot: clips the voxels inside the old grid to [low, high]; those outside are 0. */
static void clip_inside(pleat_image *image, const int from[3], pleat_edge edge, float low,
                        float high) {
    int first[3], end[3]; /* output voxels that read inside the old grid */
    for (int a = 0; a < 3; a++) {
        first[a] = 0;
        end[a] = image->dim[a];
        if (edge != PLEAT_EDGE_ZERO || from[a] == image->dim[a]) continue;
        while (first[a] < end[a] &&
               is_outside(coordinate_of(first[a], from[a], image->dim[a]), from[a]))
            first[a]++;
        end[a] -= first[a];
    }
    const int height = image->dim[1], width = image->dim[2];
#pragma omp parallel for collapse(2)
    for (int d = first[0]; d < end[0]; d++) {
        for (int h = first[1]; h < end[1]; h++) {
            float *row = image->data + ((size_t)d * (size_t)height + (size_t)h) * (size_t)width;
            for (int w = first[2]; w < end[2]; w++) {
                const float x = row[w] < low ? low : row[w];
                row[w] = x > high ? high : x;
            }
        }
    }
}

static pleat_status resample_axis(const pleat_image *in, int axis, int n_out, pleat_edge edge,
                                  pleat_image *out) {
    pleat_status status = PLEAT_OK;
    const int n_in = in->dim[axis];
    int dim[3] = {in->dim[0], in->dim[1], in->dim[2]};
    dim[axis] = n_out;
    pleat_image made = {0};
    pleat_spline_tap *taps = make_taps(n_in, n_out, edge);
    PLEAT_CHECK_GOTO(status, done, taps != NULL, PLEAT_ERR_MEMORY,
                     "no memory for the weights of %d voxels", n_out);
    PLEAT_TRY_GOTO(status, done, pleat_image_make(1, dim, in->spacing, &made));
    PLEAT_TRY_GOTO(status, done,
                   pleat_spline_axis(in->data, in->dim, axis, taps, n_out, made.data));
    *out = made;
    made = (pleat_image){0};
done:
    free(taps);
    pleat_image_free(&made);
    return status;
}

/* An image of one channel. */
static pleat_status resample_volume(const pleat_image *in, const int dim[3],
                                    const double spacing[3], pleat_edge edge, pleat_image *out) {
    pleat_status status = PLEAT_OK;
    pleat_image now = {0}; /* empty while it is still `in` */
    int order[3];
    PLEAT_TRY(check_sizes(in->dim, dim));
    order_axes(in->dim, dim, order);
    for (int i = 0; i < 3; i++) {
        const int axis = order[i];
        if (dim[axis] == in->dim[axis]) continue;
        pleat_image next = {0};
        PLEAT_TRY_GOTO(status, done,
                       resample_axis(now.data ? &now : in, axis, dim[axis], edge, &next));
        pleat_image_free(&now);
        now = next;
    }
    if (now.data == NULL) {
        PLEAT_TRY_GOTO(status, done, pleat_image_make(1, dim, spacing, &now));
        memcpy(now.data, in->data, pleat_voxels(dim) * sizeof *now.data);
    } else {
        double low, high;
        pleat_intensity_range(in->data, pleat_voxels(in->dim), &low, &high);
        clip_inside(&now, in->dim, edge, (float)low, (float)high);
    }
    memcpy(now.spacing, spacing, sizeof now.spacing);
    *out = now;
    now = (pleat_image){0};
done:
    pleat_image_free(&now);
    return status;
}

pleat_status pleat_resample_image(const pleat_image *in, const int dim[3], const double spacing[3],
                                  pleat_edge edge, pleat_image *out) {
    if (in->channels == 1) return resample_volume(in, dim, spacing, edge, out);
    pleat_status status = PLEAT_OK;
    pleat_image all = {0};
    PLEAT_TRY(check_sizes(in->dim, dim));
    PLEAT_TRY(pleat_image_make(in->channels, dim, spacing, &all));
    for (size_t c = 0; c < (size_t)in->channels; c++) {
        pleat_image channel = *in, made = {0};
        channel.channels = 1;
        channel.data = in->data + c * pleat_voxels(in->dim);
        PLEAT_TRY_GOTO(status, done, resample_volume(&channel, dim, spacing, edge, &made));
        float *to = all.data + c * pleat_voxels(dim);
        for (size_t i = 0; i < pleat_image_values(&made); i++) to[i] = made.data[i];
        pleat_image_free(&made);
    }
    *out = all;
    all = (pleat_image){0};
done:
    pleat_image_free(&all);
    return status;
}

/* ---- masks ----------------------------------------------------------------------------------- */

/* Two neighbours of an axis and their weights. */
typedef struct pair {
    int index[2];
    double weight[2];
} pair;

/* The coordinate is rounded as the original rounds it, so that ties at 0.5 fall as there. */
static pair *make_pairs(int n_in, int n_out) {
    pair *pairs = malloc((size_t)n_out * sizeof *pairs);
    const double f = (double)n_in / n_out;
    for (int i = 0; pairs != NULL && i < n_out; i++) {
        const double u = fmin(fmax(f * (i + 0.5) - 0.5, 0.0), n_in - 1.0);
        const int whole = (int)u, next = whole + 1 < n_in ? whole + 1 : whole;
        pairs[i] = (pair){{whole, next}, {1.0 - (u - whole), u - whole}};
    }
    return pairs;
}

/* The highest label whose weights reach 0.5, else 0. */
static uint8_t vote(const uint8_t label[8], const double weight[8]) {
    uint8_t winner = 0;
    for (int i = 0; i < 8; i++) {
        if (label[i] <= winner) continue;
        double sum = 0.0;
        for (int j = 0; j < 8; j++) sum += label[j] == label[i] ? weight[j] : 0.0;
        if (sum >= 0.5) winner = label[i];
    }
    return winner;
}

/* One output row: row[] are the four input rows around it, rest[] their weights. */
static void label_row(const uint8_t *const row[4], const double rest[4], const pair *pairs,
                      int width, uint8_t *out) {
    for (int w = 0; w < width; w++) {
        const pair at = pairs[w];
        uint8_t label[8];
        double weight[8];
        int differs = 0;
        for (int i = 0; i < 8; i++) {
            label[i] = row[i / 2][at.index[i % 2]];
            differs |= label[i] ^ label[0];
        }
        if (!differs) {
            out[w] = label[0];
            continue;
        }
        for (int i = 0; i < 8; i++) weight[i] = rest[i / 2] * at.weight[i % 2];
        out[w] = vote(label, weight);
    }
}

pleat_status pleat_resample_label(const pleat_label *in, const int dim[3], const double spacing[3],
                                  pleat_label *out) {
    pleat_status status = PLEAT_OK;
    pleat_label made = {0};
    pair *pairs[3] = {NULL, NULL, NULL};
    PLEAT_TRY(check_sizes(in->dim, dim));
    for (int a = 0; a < 3; a++) {
        pairs[a] = make_pairs(in->dim[a], dim[a]);
        PLEAT_CHECK_GOTO(status, done, pairs[a] != NULL, PLEAT_ERR_MEMORY,
                         "no memory for the weights of %d voxels", dim[a]);
    }
    PLEAT_TRY_GOTO(status, done, pleat_label_make(dim, spacing, &made));
    const size_t in_height = (size_t)in->dim[1], in_width = (size_t)in->dim[2];
#pragma omp parallel for collapse(2)
    for (int d = 0; d < dim[0]; d++) {
        for (int h = 0; h < dim[1]; h++) {
            const pair pd = pairs[0][d], ph = pairs[1][h];
            const uint8_t *row[4];
            double rest[4];
            for (int r = 0; r < 4; r++) {
                const size_t slice = (size_t)pd.index[r / 2], line = (size_t)ph.index[r % 2];
                row[r] = in->data + (slice * in_height + line) * in_width;
                rest[r] = pd.weight[r / 2] * ph.weight[r % 2];
            }
            const size_t at = ((size_t)d * (size_t)dim[1] + (size_t)h) * (size_t)dim[2];
            label_row(row, rest, pairs[2], dim[2], made.data + at);
        }
    }
    *out = made;
    made = (pleat_label){0};
done:
    for (int a = 0; a < 3; a++) free(pairs[a]);
    pleat_label_free(&made);
    return status;
}

/* ---- values beside one another --------------------------------------------------------------- */

/* One output row: row[] are the four input rows [width, n] around it, rest[] their weights; a value
 * of out is `step` from that of the next voxel, `plane` from the next value of its own. */
static void values_row(const float *const row[4], const double rest[4], const pair *pairs,
                       int width, int n, size_t step, size_t plane, float *out) {
    for (int w = 0; w < width; w++) {
        const pair at = pairs[w];
        for (int c = 0; c < n; c++) {
            double sum = 0.0;
            for (int i = 0; i < 8; i++)
                sum += rest[i / 2] * at.weight[i % 2] *
                       (double)row[i / 2][(size_t)at.index[i % 2] * (size_t)n + (size_t)c];
            out[(size_t)w * step + (size_t)c * plane] = (float)sum;
        }
    }
}

pleat_status pleat_resample_values(const float *values, const int from[3], int n, const int to[3],
                                   int planar, float *out) {
    pleat_status status = PLEAT_OK;
    pair *pairs[3] = {NULL, NULL, NULL};
    PLEAT_TRY(check_sizes(from, to));
    for (int a = 0; a < 3; a++) {
        pairs[a] = make_pairs(from[a], to[a]);
        PLEAT_CHECK_GOTO(status, done, pairs[a] != NULL, PLEAT_ERR_MEMORY,
                         "no memory for the weights of %d voxels", to[a]);
    }
    const size_t step = planar ? 1 : (size_t)n, plane = planar ? pleat_voxels(to) : 1;
    const size_t pitch = (size_t)from[2] * (size_t)n;
#pragma omp parallel for collapse(2)
    for (int d = 0; d < to[0]; d++) {
        for (int h = 0; h < to[1]; h++) {
            const pair pd = pairs[0][d], ph = pairs[1][h];
            const float *row[4];
            double rest[4];
            for (int r = 0; r < 4; r++) {
                const size_t slice = (size_t)pd.index[r / 2], line = (size_t)ph.index[r % 2];
                row[r] = values + (slice * (size_t)from[1] + line) * pitch;
                rest[r] = pd.weight[r / 2] * ph.weight[r % 2];
            }
            const size_t at = ((size_t)d * (size_t)to[1] + (size_t)h) * (size_t)to[2];
            values_row(row, rest, pairs[2], to[2], n, step, plane, out + at * step);
        }
    }
done:
    for (int a = 0; a < 3; a++) free(pairs[a]);
    return status;
}
