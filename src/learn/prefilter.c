/* prefilter.c - cubic B-spline coefficients of a box in float, in place, while it is in the cache.
 *
 * The recursion is that of base/spline.c, which is in double for the images that are kept. It goes
 * along an axis for many neighbouring lines at once. Along W the lines have to be turned:
 *
 *   slice d    rows, 32 at a time: turned, filtered along W, turned back
 *              then along H, all W lines together
 *   box        then along D, row after row of H, all W lines together
 */
#include "pleat/lanes.h"
#include "pleat/spatial.h"

#include <math.h>

static const float POLE = -0.267949192431122706473F; /* sqrt(3) - 2 */
static const float GAIN = 6.0F;
enum { HORIZON = 18, TURNED = PLEAT_PREFILTER_LINES }; /* |pole|^18 is below 1e-10 */

/* Row 0 of the forward recursion. back = pole^(2n - 2): what comes from the far end. */
static void begin(float *restrict first, size_t step, int n, int lanes) {
    const double pole = (double)POLE, last = pow(pole, n - 1), back = last * last;
    const int terms = n - 1 < HORIZON ? n - 1 : HORIZON;
    const float scale = (float)((double)GAIN / (1.0 - back));
    const float *end = first + (size_t)(n - 1) * step;
    for (int l = 0; l < lanes; l++) first[l] += (float)last * end[l];
    double power = 1.0;
    for (int k = 1; k < terms; k++) {
        power *= pole;
        const float weight = (float)(power + back / power);
        const float *row = first + (size_t)k * step;
        for (int l = 0; l < lanes; l++) first[l] += weight * row[l];
    }
    for (int l = 0; l < lanes; l++) first[l] *= scale;
}

static void forward(const float *restrict before, float *restrict row, int lanes) {
    for (int l = 0; l < lanes; l++) row[l] = GAIN * row[l] + POLE * before[l];
}

static void backward(const float *restrict after, float *restrict row, int lanes) {
    for (int l = 0; l < lanes; l++) row[l] = POLE * after[l] - POLE * row[l];
}

/* n rows of `lanes` samples, `step` apart, become coefficients along the rows' axis. */
static void filter(float *first, size_t step, int n, int lanes) {
    if (n == 1) return;
    begin(first, step, n, lanes);
    for (int k = 1; k < n; k++)
        forward(first + (size_t)(k - 1) * step, first + (size_t)k * step, lanes);
    const float ratio = POLE / (POLE * POLE - 1.0F);
    const float *before = first + (size_t)(n - 2) * step;
    float *end = first + (size_t)(n - 1) * step;
    for (int l = 0; l < lanes; l++) end[l] = ratio * (end[l] + POLE * before[l]);
    for (int k = n - 2; k >= 0; k--)
        backward(first + (size_t)(k + 1) * step, first + (size_t)k * step, lanes);
}

void pleat_prefilter_slice(float *slice, size_t pitch, int height, int width, float *scratch) {
    for (int h = 0; h < height; h += TURNED) {
        const int lines = height - h < TURNED ? height - h : TURNED;
        float *rows = slice + (size_t)h * pitch;
        for (int l = 0; l < lines; l++)
            for (int w = 0; w < width; w++)
                scratch[w * TURNED + l] = rows[(size_t)l * pitch + (size_t)w];
        filter(scratch, TURNED, width, TURNED);
        for (int l = 0; l < lines; l++)
            for (int w = 0; w < width; w++)
                rows[(size_t)l * pitch + (size_t)w] = scratch[w * TURNED + l];
    }
    filter(slice, pitch, height, width);
}

void pleat_prefilter_depth(float *box, size_t step, size_t pitch, const int dim[3]) {
    for (int h = 0; h < dim[1]; h++) filter(box + (size_t)h * pitch, step, dim[0], dim[2]);
}
