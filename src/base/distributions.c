/*
 * distributions.c - the normal distribution and Student's t.
 *
 * P(T <= t) is half an incomplete beta function, which is a continued fraction (DLMF 8.17.22,
 * evaluated as by Thompson and Barnett 1986). Quantiles are found by halving. GSL has them too; it
 * would be a library for these lines.
 */
#include "pleat/inference.h"

#include <math.h>

#define STEPS 200 /* of halving: more than a double has bits */

double pleat_normal_cdf(double z) { return 0.5 * erfc(-z * M_SQRT1_2); }

/* The fraction that follows x^a (1-x)^b / (a B(a, b)), for x < (a + 1) / (a + b + 2). */
static double fraction(double x, double a, double b) {
    const double tiny = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    if (fabs(d) < tiny) d = tiny;
    d = 1.0 / d;
    double value = d;
    for (int m = 1; m < 10000; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double terms[2] = {even, odd};
        double change = 1.0;
        for (int k = 0; k < 2; k++) {
            d = 1.0 + terms[k] * d;
            c = 1.0 + terms[k] / c;
            if (fabs(d) < tiny) d = tiny;
            if (fabs(c) < tiny) c = tiny;
            d = 1.0 / d;
            change = c * d;
            value *= change;
        }
        if (fabs(change - 1.0) < 1e-16) break;
    }
    return value;
}

/* The regularised incomplete beta function of x and 1 - x. */
static double incomplete_beta(double x, double rest, double a, double b) {
    if (x <= 0.0) return 0.0;
    if (rest <= 0.0) return 1.0;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest));
    return x < (a + 1.0) / (a + b + 2.0) ? front * fraction(x, a, b) / a
                                         : 1.0 - front * fraction(rest, b, a) / b;
}

double pleat_t_cdf(double t, double df) {
    if (isinf(t)) return t > 0.0 ? 1.0 : 0.0;
    const double whole = df + t * t;
    const double tail = 0.5 * incomplete_beta(df / whole, t * t / whole, 0.5 * df, 0.5);
    return t > 0.0 ? 1.0 - tail : tail;
}

static double normal(double z, double unused) {
    (void)unused;
    return pleat_normal_cdf(z);
}

/* x with cdf(x) = p: first a bracket, then halves. By symmetry p is at most 1/2. */
static double quantile(double (*cdf)(double x, double df), double p, double df) {
    if (p > 0.5) return -quantile(cdf, 1.0 - p, df); /* NOLINT(misc-no-recursion): once */
    double low = -1.0, high = 0.0;
    while (cdf(low, df) > p) low *= 2.0;
    for (int i = 0; i < STEPS; i++) {
        const double middle = 0.5 * (low + high);
        if (cdf(middle, df) < p)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

double pleat_normal_quantile(double p) { return quantile(normal, p, 0.0); }

double pleat_t_quantile(double p, double df) { return quantile(pleat_t_cdf, p, df); }
