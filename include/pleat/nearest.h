/*
 * nearest.h - which known name was meant by a misspelt one.
 *
 *   pleat_nearest near = pleat_nearest_to("train.epoch");
 *   for (each known name) pleat_nearest_look(&near, name);
 *   near.name is "train.epochs", near.distance is 1
 */
#ifndef PLEAT_NEAREST_H
#define PLEAT_NEAREST_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_nearest {
    const char *wanted;
    const char *name; /* the nearest seen, of equals the first; NULL: none was seen */
    int distance;     /* letters to change, insert or leave out */
} pleat_nearest;

pleat_nearest pleat_nearest_to(const char *wanted);

/* A name with dots may also be meant by its last word, at the cost of one letter: "epochs" is near
 * "train.epochs". Names of at most 127 bytes; of longer ones the beginning counts. */
void pleat_nearest_look(pleat_nearest *nearest, const char *name);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_NEAREST_H */
