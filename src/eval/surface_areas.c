/*
 * surface_areas.c - how much surface lies between eight voxels.
 *
 * The eight centres are the corners of a cell, and the surface crosses the middle of every edge
 * between a corner inside and one outside. On each face these points are joined in pairs; round the
 * cell they make polygons, and a polygon is cut into triangles. Where a face leaves a choice, the
 * corners of the side with fewer of them (four: those inside) are cut off one by one; of a
 * polygon's triangulations it is the one of the largest area in a cubic cell. With these two rules
 * it is, for every code, the table of DeepMind's surface-distance, which was made by marching cubes
 * (Lorensen and Cline, SIGGRAPH 1987).
 */
#include "surface_impl.h"

#include <math.h>

#define MOST_POINTS 12 /* a cell has as many edges */

/* Corner k is (k >> 2 & 1, k >> 1 & 1, k & 1) in D, H, W. Its edge along an axis: */
static int edge_of(int corner, int axis) { return 8 * axis + (corner & ~(4 >> axis)); }

typedef struct crossings {
    int to[24][2]; /* the two edges that an edge is joined with, on its two faces */
    int n[24];     /* how many of them are known */
} crossings;

static void join(crossings *c, int a, int b) {
    c->to[a][c->n[a]++] = b;
    c->to[b][c->n[b]++] = a;
}

/* Joins the crossings of the face `side` across `axis`; bit k of `inside`: corner k is inside. */
static void join_face(crossings *c, int inside, int axis, int side) {
    const int u = (axis + 1) % 3, v = (axis + 2) % 3, at = side ? 4 >> axis : 0;
    const int corner[4] = {at, at | 4 >> u, at | 4 >> u | 4 >> v, at | 4 >> v};
    int edge[4], cut[4], n = 0; /* edge[i] is from corner i to the next */
    for (int i = 0; i < 4; i++) {
        edge[i] = edge_of(corner[i], i % 2 == 0 ? u : v);
        if ((inside >> corner[i] & 1) != (inside >> corner[(i + 1) % 4] & 1)) cut[n++] = i;
    }
    if (n == 2) join(c, edge[cut[0]], edge[cut[1]]);
    for (int i = 0; n == 4 && i < 4; i++)
        if (inside >> corner[i] & 1) join(c, edge[(i + 3) % 4], edge[i]);
}

static void middle_of(int edge, double out[3]) {
    for (int a = 0; a < 3; a++) out[a] = edge / 8 == a ? 0.5 : (edge % 8 & 4 >> a) != 0;
}

typedef struct area {
    double cubic, real; /* in a cell of side 1, and with the spacing */
} area;

/* Of the triangle of three edges' middles. */
static area triangle(const int edge[3], const double spacing[3]) {
    double p[3][3], cubic = 0.0, real = 0.0;
    for (int i = 0; i < 3; i++) middle_of(edge[i], p[i]);
    for (int a = 0; a < 3; a++) {
        const int b = (a + 1) % 3, c = (a + 2) % 3;
        const double cross =
            (p[1][b] - p[0][b]) * (p[2][c] - p[0][c]) - (p[1][c] - p[0][c]) * (p[2][b] - p[0][b]);
        cubic += cross * cross;
        real += cross * cross * spacing[b] * spacing[b] * spacing[c] * spacing[c];
    }
    return (area){0.5 * sqrt(cubic), 0.5 * sqrt(real)};
}

/* Of the polygon's part edge[first .. last], cut as the rule says. */
static area polygon(const int *edge, int first, int last, const double spacing[3]) {
    area best = {0.0, 0.0};
    /* At most six points: NOLINTNEXTLINE(misc-no-recursion) */
    for (int k = first + 1; k < last; k++) {
        const area one = triangle((const int[]){edge[first], edge[k], edge[last]}, spacing);
        const area left = polygon(edge, first, k, spacing), right = polygon(edge, k, last, spacing);
        const double cubic = one.cubic + left.cubic + right.cubic;
        if (cubic > best.cubic + 1e-9) best = (area){cubic, one.real + left.real + right.real};
    }
    return best;
}

static double area_of(int code, const double spacing[3]) {
    const int corners = __builtin_popcount((unsigned)code);
    const int inside = corners <= 4 ? code : 255 - code;
    double sum = 0.0;
    crossings c = {.n = {0}};
    for (int axis = 0; axis < 3; axis++)
        for (int side = 0; side < 2; side++) join_face(&c, inside, axis, side);
    for (int first = 0; first < 24; first++) {
        int edge[MOST_POINTS], n = 0;
        for (int at = first; c.n[at] == 2; n++) { /* round the polygon, which is then done with */
            edge[n] = at;
            c.n[at] = 0;
            at = c.n[c.to[at][0]] == 2 ? c.to[at][0] : c.to[at][1];
        }
        if (n > 0) sum += polygon(edge, 0, n - 1, spacing).real;
    }
    return sum;
}

void pleat_surface_areas(const double spacing[3], double areas[256]) {
    for (int code = 0; code < 256; code++) areas[code] = area_of(code, spacing);
}
