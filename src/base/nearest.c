/* nearest.c - the distance between names (Levenshtein), and the least of them. */
#include "pleat/nearest.h"

#include <stdio.h>
#include <string.h>

enum { TELLING = 3 }; /* letters of a last word that says which name was meant: not "p", "on" */

/* One row of the table of Wagner and Fischer, J. ACM 21 (1974), at a time. */
static int distance(const char *a, const char *b) {
    int line[128];
    const int n = (int)strlen(b) < 127 ? (int)strlen(b) : 127;
    for (int j = 0; j <= n; j++) line[j] = j;
    for (int i = 1; a[i - 1] != '\0'; i++) {
        int diagonal = line[0];
        line[0] = i;
        for (int j = 1; j <= n; j++) {
            const int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = line[j];
            int best = change < line[j] + 1 ? change : line[j] + 1;
            if (line[j - 1] + 1 < best) best = line[j - 1] + 1;
            line[j] = best;
        }
    }
    return line[n];
}

/* What comes after the last dot, and is not the whole; NULL: there is no dot. */
static const char *last_word(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : NULL;
}

pleat_nearest pleat_nearest_to(const char *wanted) { return (pleat_nearest){wanted, NULL, 0}; }

void pleat_nearest_look(pleat_nearest *nearest, const char *name) {
    const char *last = last_word(name), *wanted = last_word(nearest->wanted);
    int here = distance(name, nearest->wanted);
    if (last != NULL) {
        int by_last = distance(last, nearest->wanted);
        if (by_last > 0) by_last++;
        if (by_last < here) here = by_last;
    }
    if (last != NULL && wanted != NULL && strlen(last) >= TELLING && here > PLEAT_NEAREST_MOST &&
        strcmp(last, wanted) == 0)
        here = PLEAT_NEAREST_MOST;
    if (nearest->name != NULL && nearest->distance <= here) return;
    nearest->name = name;
    nearest->distance = here;
}

const char *pleat_nearest_hint(const pleat_nearest *nearest, char out[PLEAT_HINT_BYTES]) {
    const int letters = (int)strlen(nearest->wanted);
    const int most = letters / 2 < PLEAT_NEAREST_MOST ? letters / 2 : PLEAT_NEAREST_MOST;
    out[0] = '\0';
    if (nearest->name != NULL && nearest->distance <= most)
        (void)snprintf(out, PLEAT_HINT_BYTES, " did you mean '%.60s'?", nearest->name);
    return out;
}
