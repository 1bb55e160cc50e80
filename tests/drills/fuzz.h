/* fuzz.h - what the parsers are fed with: targets, each a parser and what must hold of it. */
#ifndef PLEAT_TESTS_FUZZ_H
#define PLEAT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

typedef struct fuzz_target {
    const char *name;
    /* Parses bytes[n], which end with a 0 byte that does not count. Whatever they are, it returns;
     * what is taken must be as the target says, else the process aborts. */
    void (*feed)(const uint8_t *bytes, size_t n);
    /* The file, in the scratch folder, that fuzz_begin made as a good input; NULL: the corpus has
     * some. */
    const char *made;
} fuzz_target;

/* Ends with a NULL name. */
extern const fuzz_target fuzz_targets[];

/* NULL when there is none of this name. */
const fuzz_target *fuzz_find(const char *name);

/* Makes the scratch folder and what targets need in it, and makes it the current folder; fuzz_end
 * removes it. */
void fuzz_begin(void);
void fuzz_end(void);

#endif /* PLEAT_TESTS_FUZZ_H */
