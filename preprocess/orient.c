/* orient.c - the axes of a volume along those of the patient. */
#include "pleat/orient.h"

#include <math.h>
#include <string.h>

const char *pleat_orient_name(int orient) {
    static const char *const names[] = {[PLEAT_ORIENT_NONE] = "none",
                                        [PLEAT_ORIENT_RAS] = "RAS",
                                        [PLEAT_ORIENT_LPS] = "LPS",
                                        [PLEAT_ORIENT_LAS] = "LAS"};
    return orient >= 0 && orient < (int)(sizeof names / sizeof *names) ? names[orient] : NULL;
}

void pleat_orient_axes(const double affine[3][4], int order[3]) {
    static const int orders[6][3] = {{0, 1, 2}, {1, 0, 2}, {2, 1, 0},
                                     {0, 2, 1}, {1, 2, 0}, {2, 0, 1}};
    double best = -1.0;
    for (int k = 0; k < 6; k++) { /* axis a leads along orders[k][a] */
        double product = 1.0;
        for (int a = 0; a < 3; a++)
            product *= fabs(affine[orders[k][a]][a]) /
                       hypot(hypot(affine[0][a], affine[1][a]), affine[2][a]);
        if (product > best) {
            best = product;
            memcpy(order, orders[k], sizeof orders[k]);
        }
    }
}

void pleat_orient_text(const double affine[3][4], char out[4]) {
    int order[3] = {0, 1, 2};
    pleat_orient_axes(affine, order);
    for (int a = 0; a < 3; a++) out[a] = (affine[order[a]][a] > 0.0 ? "RAS" : "LPI")[order[a]];
    out[3] = '\0';
}

pleat_turn pleat_turn_to(const pleat_geometry *geometry, int orient) {
    pleat_turn turn = {{0, 1, 2}, {0, 0, 0}};
    int order[3] = {0, 1, 2};
    if (orient == PLEAT_ORIENT_NONE) return turn;
    pleat_orient_axes(geometry->affine, order);
    for (int x = 0; x < 3; x++) { /* axis x of the file is the one that leads along order[x] */
        const int world = order[x];
        const int forth = strchr("RAS", pleat_orient_name(orient)[world]) != NULL;
        turn.axis[2 - world] = 2 - x;
        turn.back[2 - world] = (geometry->affine[world][x] > 0.0) != forth;
    }
    return turn;
}

pleat_turn pleat_turn_back(const pleat_turn *turn) {
    pleat_turn made;
    for (int a = 0; a < 3; a++) {
        made.axis[turn->axis[a]] = a;
        made.back[turn->axis[a]] = turn->back[a];
    }
    return made;
}

void pleat_turn_geometry(const pleat_turn *turn, const pleat_geometry *in, pleat_geometry *out) {
    pleat_geometry made = *in;
    for (int r = 0; r < 3; r++)
        for (int a = 0; a < 3; a++) {
            const int from = turn->axis[a];
            const double step = in->affine[r][2 - from];
            made.affine[r][2 - a] = turn->back[a] ? -step : step;
            if (turn->back[a]) made.affine[r][3] += step * (in->dim[from] - 1);
        }
    for (int a = 0; a < 3; a++) {
        made.dim[a] = in->dim[turn->axis[a]];
        made.spacing[a] = in->spacing[turn->axis[a]];
    }
    *out = made;
}

void pleat_turn_voxels(const pleat_turn *turn, const void *in, const int dim[3], size_t bytes,
                       void *out) {
    const ptrdiff_t stride[3] = {(ptrdiff_t)dim[1] * dim[2], dim[2], 1};
    ptrdiff_t step[3], start = 0;
    int to[3];
    for (int a = 0; a < 3; a++) {
        const int from = turn->axis[a];
        to[a] = dim[from];
        step[a] = turn->back[a] ? -stride[from] : stride[from];
        if (turn->back[a]) start += stride[from] * (dim[from] - 1);
    }
#pragma omp parallel for schedule(static)
    for (int d = 0; d < to[0]; d++)
        for (int h = 0; h < to[1]; h++) {
            const ptrdiff_t row = start + d * step[0] + h * step[1];
            char *written =
                (char *)out + ((size_t)d * (size_t)to[1] + (size_t)h) * (size_t)to[2] * bytes;
            for (int w = 0; w < to[2]; w++)
                memcpy(written + (size_t)w * bytes,
                       (const char *)in + (size_t)(row + w * step[2]) * bytes, bytes);
        }
}

static int does_nothing(const pleat_turn *turn) {
    for (int a = 0; a < 3; a++)
        if (turn->axis[a] != a || turn->back[a]) return 0;
    return 1;
}

static void turn_sizes(const pleat_turn *turn, const int dim[3], const double spacing[3],
                       int new_dim[3], double new_spacing[3]) {
    for (int a = 0; a < 3; a++) {
        new_dim[a] = dim[turn->axis[a]];
        new_spacing[a] = spacing[turn->axis[a]];
    }
}

pleat_status pleat_turn_image(const pleat_turn *turn, pleat_image *image) {
    const size_t n = pleat_voxels(image->dim);
    pleat_image made = {0};
    int dim[3];
    double spacing[3];
    if (does_nothing(turn)) return PLEAT_OK;
    turn_sizes(turn, image->dim, image->spacing, dim, spacing);
    PLEAT_TRY(pleat_image_make(image->channels, dim, spacing, &made));
    for (int c = 0; c < image->channels; c++)
        pleat_turn_voxels(turn, image->data + (size_t)c * n, image->dim, sizeof *image->data,
                          made.data + (size_t)c * n);
    pleat_image_free(image);
    *image = made;
    return PLEAT_OK;
}

pleat_status pleat_turn_label(const pleat_turn *turn, pleat_label *label) {
    pleat_label made = {0};
    int dim[3];
    double spacing[3];
    if (does_nothing(turn)) return PLEAT_OK;
    turn_sizes(turn, label->dim, label->spacing, dim, spacing);
    PLEAT_TRY(pleat_label_make(dim, spacing, &made));
    pleat_turn_voxels(turn, label->data, label->dim, 1, made.data);
    pleat_label_free(label);
    *label = made;
    return PLEAT_OK;
}
