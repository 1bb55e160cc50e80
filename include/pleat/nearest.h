/*
 * nearest.h - which known name was meant by a misspelt one.
 *
 *   pleat_nearest near = pleat_nearest_to("train.epoch");
 *   for (each known name) pleat_nearest_look(&near, name);
 *   near.name is "train.epochs", near.distance is 1
 *   char hint[PLEAT_HINT_BYTES];
 *   "unknown key 'train.epoch';%s ...", pleat_nearest_hint(&near, hint)
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

/* A name with dots may also be meant by its last word: "epochs" is "train.epochs", distance 0;
 * "epoch" is it too, at the cost of one letter more. Behind another section an equal last word of 3
 * letters or more is at most PLEAT_NEAREST_MOST away: "training.epochs". Names of at most 127
 * bytes; of longer ones the beginning counts. */
void pleat_nearest_look(pleat_nearest *nearest, const char *name);

#define PLEAT_NEAREST_MOST 2 /* letters off, of a name that is still told */
#define PLEAT_HINT_BYTES   96

/* " did you mean 'train.epochs'?" when the nearest is at most PLEAT_NEAREST_MOST letters off, and
 * half of those of `wanted`; else "". Returns `out`. */
const char *pleat_nearest_hint(const pleat_nearest *nearest, char out[PLEAT_HINT_BYTES]);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_NEAREST_H */
