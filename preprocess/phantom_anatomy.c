/* phantom_anatomy.c - body, lungs, bones, heart and belly of a phantom patient.
 *
 * All shapes are inequalities in X, Y, Z: the point divided by the patient's half axes, so -1..1.
 */
#include "phantom_anatomy.h"

#include <math.h>

static const double TWO_PI = 6.283185307179586;

double draw_in(draws *d, double low, double high) {
    return pleat_rng_range(&d->rng, d->next++, low, high);
}

void field_make(draws *d, double cell, field *out) {
    float *value = &out->value[0][0][0];
    out->cell = cell;
    for (int i = 0; i < LATTICE * LATTICE * LATTICE; i++) value[i] = (float)draw_in(d, -1.6, 1.6);
}

/* Lattice index below x and the smoothed fraction above it. */
static int lattice_at(double x, double *t) {
    const double base = floor(x), f = x - base;
    *t = f * f * (3.0 - 2.0 * f);
    return (int)((long)base & (LATTICE - 1));
}

double field_at(const field *f, vec p) {
    double tx, ty, tz;
    const int x0 = lattice_at(p.x / f->cell, &tx), x1 = (x0 + 1) % LATTICE;
    const int y0 = lattice_at(p.y / f->cell, &ty), y1 = (y0 + 1) % LATTICE;
    const int z0 = lattice_at(p.z / f->cell, &tz), z1 = (z0 + 1) % LATTICE;
    const int ys[2] = {y0, y1}, zs[2] = {z0, z1};
    double plane[2];
    for (int k = 0; k < 2; k++) {
        double row[2];
        for (int j = 0; j < 2; j++) {
            const float *line = f->value[zs[k]][ys[j]];
            row[j] = line[x0] + tx * (line[x1] - line[x0]);
        }
        plane[k] = row[0] + ty * (row[1] - row[0]);
    }
    return plane[0] + tz * (plane[1] - plane[0]);
}

void patient_make(draws *d, vec extent, patient *out) {
    out->half.x = 0.5 * extent.x * draw_in(d, 0.90, 0.96);
    out->half.y = fmin(0.46 * extent.y, out->half.x * draw_in(d, 0.72, 0.82));
    out->half.z = 0.5 * extent.z;
    out->unit = out->half.x / 155.0;
    out->lung_hu = draw_in(d, -880.0, -790.0);
    out->fat = draw_in(d, 0.05, 0.12);
    out->dome[0] = draw_in(d, -0.78, -0.62);
    out->dome[1] = out->dome[0] + draw_in(d, 0.06, 0.14); /* the liver lifts the right one */
    out->heart = draw_in(d, 1.0, 1.2);
    out->lung_size = draw_in(d, 0.94, 1.04);
    out->rib_phase = draw_in(d, 0.0, TWO_PI);
    field_make(d, 34.0 * out->unit, &out->shape);
    field_make(d, 8.0 * out->unit, &out->texture);
}

/* |v|^2.5, the exponent of the rounded boxes that bodies are made of. */
static double rounded(double v) {
    v = fabs(v);
    return v * v * sqrt(v);
}

static double square(double v) { return v * v; }

/* Above 0 inside the heart, which reaches far into the left chest. */
static double heart_at(const patient *who, double X, double Y, double Z) {
    const double r = 0.30 * who->heart;
    return 1.0 - square((X - 0.17) / r) - square((Y + 0.26) / (1.45 * r)) -
           square((Z + 0.30) / (1.25 * r));
}

/* Above 0 where the chest is above the diaphragm of this side. */
static double above_diaphragm(const patient *who, int side, double X, double Y, double Z) {
    const double rise = 0.34 * (1.0 - square((X - side * 0.42) / 0.45) - square(Y / 0.85));
    return Z - who->dome[side < 0] - rise;
}

/* Above 0 inside the lung of this side; `wobble` moves its border. */
static double lung_at(const patient *who, int side, double X, double Y, double Z, double wobble) {
    const double s = who->lung_size;
    const double box = 1.0 - rounded((X - side * 0.44) / (0.39 * s)) -
                       rounded((Y - 0.02) / (0.77 * s)) - rounded((Z + 0.13) / (1.05 * s));
    double inside = box + 0.22 * wobble;
    inside = fmin(inside, 4.0 * (side * X - 0.09 - 0.02 * wobble));
    inside = fmin(inside, 3.0 * above_diaphragm(who, side, X, Y, Z) + 0.1 * wobble);
    return fmin(inside, -heart_at(who, X, Y, Z));
}

/* Soft tissue, bone and fat of the chest wall and the belly. */
static double flesh_hu(const patient *who, vec p, double X, double Y, double Z, double radius) {
    const double grain = field_at(&who->texture, p);
    const double from_spine = hypot(p.x, p.y - 0.62 * who->half.y) / who->unit;
    if (from_spine < 20.0) {
        const double disc = sin(TWO_PI * p.z / (32.0 * who->unit));
        return (disc > 0.8 ? 90.0 : 230.0) + 50.0 * grain;
    }
    const double along = TWO_PI * (p.z + 0.35 * p.y) / (30.0 * who->unit) + who->rib_phase;
    if (radius > 0.84 - who->fat && radius < 0.93 - who->fat && sin(along) > 0.35 &&
        fabs(Z) < 0.9 && from_spine > 28.0)
        return 330.0 + 60.0 * grain;
    if (radius > 1.0 - who->fat) return -100.0 + 12.0 * grain;
    if (heart_at(who, X, Y, Z) > 0.0) return 48.0 + 8.0 * grain;
    if (square((X - 0.42) / 0.24) + square((Y + 0.34) / 0.26) +
            square((Z - who->dome[0] + 0.02) / 0.16) <
        1.0)
        return -930.0 + 20.0 * grain; /* gas in the stomach */
    if (X < 0.0 && above_diaphragm(who, -1, X, Y, Z) < 0.0) return 62.0 + 8.0 * grain; /* liver */
    return 38.0 + 22.0 * grain;
}

/* The trachea and the two main bronchi it parts into. */
static int is_airway(const patient *who, vec p) {
    const double carina = 0.12 * who->half.z, y = 0.08 * who->half.y;
    if (p.z > carina) return hypot(p.x, p.y - y) < 9.0 * who->unit;
    const double down = carina - p.z;
    return down < 0.25 * who->half.z && hypot(fabs(p.x) - 0.9 * down, p.y - y) < 6.5 * who->unit;
}

double patient_hu(const patient *who, vec p, unsigned char *label) {
    const double X = p.x / who->half.x, Y = p.y / who->half.y, Z = p.z / who->half.z;
    const double radius = pow(rounded(X) + rounded(Y), 0.4);
    *label = 0;
    if (radius > 1.0) {
        const int couch = Y > 1.04 && Y < 1.13 && fabs(X) < 0.72;
        return couch ? -350.0 : -1000.0;
    }
    const int side = X > 0.0 ? 1 : -1;
    const double wobble = field_at(&who->shape, p);
    const double inside = lung_at(who, side, X, Y, Z, wobble);
    if (is_airway(who, p) && inside < 0.3) return -990.0;
    if (inside <= 0.0) return flesh_hu(who, p, X, Y, Z, radius);
    *label = side > 0 ? 1 : 2;
    /* Blood and weight gather at the back of a lying patient, and at the bases. */
    const double dependent = fmax(0.0, Y - 0.15) * (1.1 - 0.5 * Z);
    return who->lung_hu + 120.0 * dependent + 55.0 * field_at(&who->texture, p) + 18.0 * wobble;
}

vec patient_hilum(const patient *who, int side) {
    return (vec){side * 0.17 * who->half.x, 0.06 * who->half.y, -0.05 * who->half.z};
}
