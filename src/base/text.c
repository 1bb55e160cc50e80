/* text.c - UTF-8, and what is shown of text that is not. */
#include "pleat/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

/* Marks that turn the direction of what is shown, so that a name reads as another: U+202A to
 * U+202E, U+2066 to U+2069. */
static int turns(const unsigned char *at) {
    return at[0] == 0xe2 && ((at[1] == 0x80 && at[2] >= 0xaa && at[2] <= 0xae) ||
                             (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9));
}

/* The bytes of the character that `at` begins with; 0 when it is no UTF-8 or a control character.
 * The table of RFC 3629, section 4: bounds of the first byte and of the second. */
static size_t plain(const unsigned char *at) {
    static const struct {
        unsigned char first, last, low, high;
        size_t n;
    } rows[] = {{0x20, 0x7e, 0, 0xff, 1},    {0xc2, 0xc2, 0xa0, 0xbf, 2},
                {0xc3, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
                {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        if (*at < rows[r].first || *at > rows[r].last) continue;
        if (rows[r].n > 1 && (at[1] < rows[r].low || at[1] > rows[r].high)) return 0;
        for (size_t i = 2; i < rows[r].n; i++)
            if (at[i] < 0x80 || at[i] > 0xbf) return 0;
        return turns(at) ? 0 : rows[r].n;
    }
    return 0;
}

int pleat_text_is_plain(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        const size_t n = plain(at);
        if (n == 0) return 0;
        at += n;
    }
    return 1;
}

/* The next piece of text as it is shown, and how many bytes of text it is. */
static size_t next(const char *text, int lines, char piece[5]) {
    size_t n = lines && text[0] == '\n' ? 1 : plain((const unsigned char *)text);
    if (n == 0)
        (void)snprintf(piece, 5, "\\x%02x", (unsigned)(unsigned char)text[0]);
    else
        (void)snprintf(piece, 5, "%.*s", (int)n, text);
    return n == 0 ? 1 : n;
}

static void show(const char *text, int lines, char *out, size_t size) {
    size_t used = 0;
    char piece[5];
    while (*text != '\0') {
        text += next(text, lines, piece);
        const size_t n = strlen(piece);
        if (used + n >= size) break;
        memcpy(out + used, piece, n);
        used += n;
    }
    out[used] = '\0';
}

void pleat_text_show(const char *text, char *out, size_t size) { show(text, 1, out, size); }
void pleat_text_name(const char *text, char *out, size_t size) { show(text, 0, out, size); }

void pleat_text_put(FILE *out, const char *text) {
    char piece[5];
    while (*text != '\0') {
        text += next(text, 1, piece);
        (void)fputs(piece, out);
    }
}

void pleat_text_print(const char *format, ...) {
    char text[8192];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pleat_text_put(stdout, text);
}

int pleat_text_width(const char *text) {
    int width = 0;
    for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Bytes of the next word, with what "(default" must stay with where that is short. */
static size_t word_of(const char *text) {
    static const char tied[] = "(default";
    const size_t n = strcspn(text, " "), m = strcspn(text, ")");
    return strncmp(text, tied, strlen(tied)) == 0 && m < 24 && text[m] == ')' ? m + 1 : n;
}

void pleat_text_wrap(FILE *out, const char *text, int indent, int columns) {
    char word[256];
    int at = indent;
    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        const size_t n = word_of(text);
        (void)snprintf(word, sizeof word, "%.*s", (int)n, text);
        const int wide = pleat_text_width(word);
        if (at > indent && at + 1 + wide > columns - 1) {
            (void)fprintf(out, "\n%*s", indent, "");
            at = indent;
        }
        (void)fprintf(out, "%s%.*s", at > indent ? " " : "", (int)n, text);
        at += wide + (at > indent);
        text += n;
    }
    (void)fputc('\n', out);
}

const char *pleat_plural(long long n) { return n == 1 ? "" : "s"; }

const char *pleat_text_bytes(double bytes, char out[32]) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int u = 0;
    for (; bytes >= 1000 && u < 4; u++) bytes /= 1000;
    (void)snprintf(out, 32, bytes < 10 ? "%.1f %s" : "%.0f %s", bytes, units[u]);
    return out;
}
