/* nearest.c - the distance between names (Levenshtein), and the least of them. */
#include "pleat/nearest.h"

#include <string.h>

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

pleat_nearest pleat_nearest_to(const char *wanted) { return (pleat_nearest){wanted, NULL, 0}; }

void pleat_nearest_look(pleat_nearest *nearest, const char *name) {
    const char *dot = strrchr(name, '.');
    int here = distance(name, nearest->wanted);
    if (dot != NULL) {
        const int last = 1 + distance(dot + 1, nearest->wanted);
        if (last < here) here = last;
    }
    if (nearest->name != NULL && nearest->distance <= here) return;
    nearest->name = name;
    nearest->distance = here;
}
