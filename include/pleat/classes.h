/*
 * classes.h - the classes of a label map: class c is the c-th name, 0 is the background.
 *
 *   "background, left lung, tumour"   <->   {3, {"background", "left lung", "tumour"}}
 *
 * A list of no names means that the classes are not known. layout.h reads one from the dataset.json
 * of MSD and nnU-Net.
 */
#ifndef PLEAT_CLASSES_H
#define PLEAT_CLASSES_H

#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_CLASSES_BYTES 4096 /* of a list as text, its last 0 included */

typedef struct pleat_classes {
    int n;             /* 0 .. PLEAT_MAX_CLASSES */
    const char **name; /* [n] and the names behind it: one block, owned; NULL when n is 0 */
} pleat_classes;

/* Names between commas, without the blanks around them; none in an empty or blank text. ERR_ARG: a
 * name is empty or comes twice, or there are more than PLEAT_MAX_CLASSES. Freed by the caller. */
pleat_status pleat_classes_parse(const char *text, pleat_classes *out);

/* A list of name[n] as they are: of other files, with blanks and commas. ERR_ARG: a name is not
 * UTF-8 or has a control character. ERR_MEMORY. */
pleat_status pleat_classes_make(const char *const *name, int n, pleat_classes *out);

/* "a,b,c", which pleat_classes_parse reads back. ERR_ARG when a name has a comma or it does not fit
 * into out[size]. */
pleat_status pleat_classes_text(const pleat_classes *classes, char *out, size_t size);

void pleat_classes_free(pleat_classes *classes); /* an empty one may be freed again */

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CLASSES_H */
