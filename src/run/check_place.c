/* check_place.c - where the voxels of a header lie, and what explains that two lie apart. */
#include "check_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double NEAR = 0.5; /* voxels: what explains a place ends nearer than this */

static const int ORDERS[6][3] = {{0, 1, 2}, {1, 0, 2}, {2, 1, 0}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}};

/* Axes a = 0, 1, 2 are x, y, z here; sizes are held D, H, W. */
static int size_of(const int dim[3], int a) { return dim[2 - a]; }

double check_moved(const int dim[3], const double from[3][4], const double to[3][4]) {
    double most = 0.0;
    for (int corner = 0; corner < 8; corner++) {
        double square = 0.0;
        for (int r = 0; r < 3; r++) {
            double d = to[r][3] - from[r][3];
            for (int a = 0; a < 3; a++)
                if (corner >> a & 1) d += (to[r][a] - from[r][a]) * (size_of(dim, a) - 1);
            square += d * d;
        }
        most = fmax(most, sqrt(square));
    }
    return most;
}

int check_left_handed(const double m[3][4]) {
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
               m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
               m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]) <
           0.0;
}

static int fits(const int order[3], const pleat_geometry *image, const pleat_geometry *mask) {
    for (int a = 0; a < 3; a++)
        if (size_of(mask->dim, a) != size_of(image->dim, order[a])) return 0;
    return 1;
}

/* "its axes x, y, z are the image's y, x, z", with "-y" for one that leads back. */
static void say_axes(const int order[3], int back, char out[256]) {
    char names[3][4];
    for (int a = 0; a < 3; a++)
        (void)snprintf(names[a], sizeof names[a], "%s%c", back >> a & 1 ? "-" : "",
                       "xyz"[order[a]]);
    (void)snprintf(out, 256, ": its axes x, y, z are the image's %s, %s, %s", names[0], names[1],
                   names[2]);
}

void check_explain_shape(const pleat_geometry *image, const pleat_geometry *mask, char out[256]) {
    out[0] = '\0';
    for (int k = 1; k < 6; k++)
        if (fits(ORDERS[k], image, mask)) {
            say_axes(ORDERS[k], 0, out);
            return;
        }
}

/* The image's affine for voxels whose axes are its own in another order, and back. */
static void reorder(const pleat_geometry *image, const int order[3], int back, double out[3][4]) {
    for (int r = 0; r < 3; r++) {
        out[r][3] = image->affine[r][3];
        for (int a = 0; a < 3; a++) {
            const double step = image->affine[r][order[a]];
            const int last = size_of(image->dim, order[a]) - 1;
            out[r][a] = back >> a & 1 ? -step : step;
            if (back >> a & 1) out[r][3] += step * last;
        }
    }
}

static int by_axes(const pleat_geometry *image, const pleat_geometry *mask, double near,
                   char out[256]) {
    for (int k = 0; k < 6; k++)
        for (int back = 0; back < 8; back++) {
            double affine[3][4];
            if ((k == 0 && back == 0) || !fits(ORDERS[k], image, mask)) continue;
            reorder(image, ORDERS[k], back, affine);
            if (check_moved(mask->dim, affine, mask->affine) > near) continue;
            say_axes(ORDERS[k], back, out);
            return 1;
        }
    return 0;
}

/* The header's axes alone: the voxels still lie as the image's. */
static int by_columns(const pleat_geometry *image, const pleat_geometry *mask, double near,
                      char out[256]) {
    for (int k = 1; k < 6; k++) {
        double affine[3][4];
        reorder(image, ORDERS[k], 0, affine);
        if (fits(ORDERS[k], image, mask) || check_moved(mask->dim, affine, mask->affine) > near)
            continue;
        (void)snprintf(out, 256,
                       ": its header has the image's axes in the order %c, %c, %c, its voxels have "
                       "not",
                       "xyz"[ORDERS[k][0]], "xyz"[ORDERS[k][1]], "xyz"[ORDERS[k][2]]);
        return 1;
    }
    return 0;
}

/* Its numbers are the image's with fewer digits. */
static int by_rounding(const pleat_geometry *image, const pleat_geometry *mask, char out[256]) {
    static const double units[] = {1e-3, 1e-2, 0.1, 1.0};
    for (int k = 0; k < 4; k++) {
        const double unit = units[k];
        double apart = 0.0;
        for (int i = 0; i < 12; i++) {
            const double x = image->affine[i / 4][i % 4], y = mask->affine[i / 4][i % 4];
            apart = fmax(apart, fabs(rint(x / unit) * unit - y));
        }
        if (apart > 1e-5 * fmax(1.0, fabs(mask->affine[0][3]))) continue;
        (void)snprintf(out, 256, ": its numbers are the image's, rounded to %g", unit);
        return 1;
    }
    return 0;
}

/* The coordinates of the other convention: ITK's x and y are the negative of NIfTI's. */
static int by_signs(const pleat_geometry *image, const pleat_geometry *mask, double near,
                    char out[256]) {
    for (int signs = 1; signs < 8; signs++) {
        double affine[3][4];
        for (int i = 0; i < 12; i++)
            affine[i / 4][i % 4] = image->affine[i / 4][i % 4] * (signs >> i / 4 & 1 ? -1.0 : 1.0);
        if (check_moved(mask->dim, affine, mask->affine) > near) continue;
        (void)snprintf(out, 256, ": its coordinates%s%s%s have the other sign%s",
                       signs & 1 ? " x" : "", signs & 2 ? " y" : "", signs & 4 ? " z" : "",
                       signs == 3 ? ", as where LPS was written for RAS" : "");
        return 1;
    }
    return 0;
}

static int by_shift(const pleat_geometry *image, const pleat_geometry *mask, double near,
                    char out[256]) {
    double affine[3][4], shift[3];
    memcpy(affine, image->affine, sizeof affine);
    for (int r = 0; r < 3; r++) {
        shift[r] = mask->affine[r][3] - affine[r][3];
        affine[r][3] = mask->affine[r][3];
    }
    if (check_moved(mask->dim, affine, mask->affine) > near) return 0;
    (void)snprintf(out, 256, ": it is shifted by %.4g, %.4g, %.4g mm", shift[0], shift[1],
                   shift[2]);
    return 1;
}

void check_explain_place(const pleat_geometry *image, const pleat_geometry *mask, char out[256]) {
    const double *mm = image->spacing;
    const double near = NEAR * fmin(mm[0], fmin(mm[1], mm[2]));
    out[0] = '\0';
    if (mask->sform_code == 0 && mask->qform_code == 0 &&
        (image->sform_code > 0 || image->qform_code > 0))
        (void)snprintf(out, 256, ": its header has no place (sform_code and qform_code are 0)");
    else if (!by_rounding(image, mask, out) && !by_axes(image, mask, near, out) &&
             !by_columns(image, mask, near, out) && !by_signs(image, mask, near, out) &&
             !by_shift(image, mask, near, out) &&
             check_moved(image->dim, image->affine, mask->affine) <= near)
        (void)snprintf(out, 256, ": numbers that were rounded");
}
