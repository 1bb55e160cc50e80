/*
 * phantom_anatomy.h - the patient behind a phantom: shapes and tissue at any point in mm.
 *
 * Points are mm from the middle of the volume to the patient's left (x), back (y) and head (z).
 * Lengths scale with the patient: `unit` is 1 for a chest 310 mm wide.
 */
#ifndef PLEAT_PHANTOM_ANATOMY_H
#define PLEAT_PHANTOM_ANATOMY_H

#include "pleat/rng.h"

typedef struct vec {
    double x, y, z;
} vec;

/* Random numbers in a row: draw 0, 1, 2, .. of one generator. */
typedef struct draws {
    pleat_rng rng;
    uint32_t next;
} draws;

double draw_in(draws *d, double low, double high);

enum { LATTICE = 16 };

/* Smooth noise of about -1..1: a periodic lattice of random values, `cell` mm apart. */
typedef struct field {
    double cell;
    float value[LATTICE][LATTICE][LATTICE];
} field;

void field_make(draws *d, double cell, field *out);
double field_at(const field *f, vec p);

typedef struct patient {
    vec half;         /* of the body: width, depth, and of the volume's height */
    double unit;      /* mm per mm of a chest 310 mm wide */
    double lung_hu;   /* of aerated lung */
    double fat;       /* share of the body's radius */
    double dome[2];   /* height of the diaphragm left and right, in half.z */
    double heart;     /* size, about 1 */
    double lung_size; /* about 1 */
    double rib_phase;
    field shape, texture;
} patient;

/* A patient who fills a volume of extent mm. */
void patient_make(draws *d, vec extent, patient *out);

/* HU at p without vessels and lesions; *label becomes 0, 1 (left lung) or 2 (right lung). */
double patient_hu(const patient *who, vec p, unsigned char *label);

/* Where the vessels of a lung start: side +1 is left, -1 right. */
vec patient_hilum(const patient *who, int side);

#endif /* PLEAT_PHANTOM_ANATOMY_H */
