/*
 * statistics.h - numbers of many values, and a number as text.
 *
 * NaN means "undefined": a summary leaves it out and counts it; what is sorted has none.
 */
#ifndef PLEAT_STATISTICS_H
#define PLEAT_STATISTICS_H

#include "pleat/status.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_summary {
    double mean;
    double sd; /* of the sample, n - 1 in the denominator; NaN when n < 2 */
    double median;
    int n;         /* values that are defined; with none, mean and median are NaN too */
    int undefined; /* values that are NaN */
} pleat_summary;

/* Of x[n], NaN left out; n may be 0. ERR_MEMORY. */
pleat_status pleat_summarise(const double *x, int n, pleat_summary *out);

/* x[n] from the smallest to the largest; none is NaN. */
void pleat_sort(double *x, size_t n);

/* Of sorted[n], n >= 1: the middle one, or the mean of the two in the middle. */
double pleat_median(const double *sorted, size_t n);

/* Of sorted[n], n >= 1: the least value that a share of at least 0 < share <= 1 of them does not
 * exceed; one of the values. */
double pleat_quantile(const double *sorted, size_t n, double share);

/* Of sorted[n], n >= 1, 0 <= share <= 1: between the two nearest ranks, as NumPy's and R's usual
 * quantile. */
double pleat_quantile_between(const double *sorted, size_t n, double share);

#define PLEAT_NUMBER_BYTES 32 /* of any double as text */

/* `value` with the fewest significant digits, `least` (1 .. 17) or more, that read back as the same
 * double; as %g, so a number of more digits before its point than that gets an exponent. Returns
 * `out`. */
const char *pleat_number(double value, int least, char out[PLEAT_NUMBER_BYTES]);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_STATISTICS_H */
