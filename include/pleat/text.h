/*
 * text.h - text of others: file names, class names, texts of checkpoints, messages of libraries.
 *
 * A terminal obeys control characters, and files of text (JSON, YAML) are UTF-8. Names that go into
 * files are checked where they come in; whatever is shown, is shown so that it commands nothing.
 */
#ifndef PLEAT_TEXT_H
#define PLEAT_TEXT_H

#include "pleat/status.h"

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1 when `text` is UTF-8 (RFC 3629) without control characters (C0, DEL, C1). */
int pleat_text_is_plain(const char *text);

/* `text` in out[size], cut where that is full: what is not plain is written as \xNN, a byte each,
 * but for line feeds. out may not overlap text. */
void pleat_text_show(const char *text, char *out, size_t size);

/* The same of a name, in which a line feed is a command as well. */
void pleat_text_name(const char *text, char *out, size_t size);

/* As pleat_text_show to a file, whole; and printf to stdout, of 8 KiB at most. */
void pleat_text_put(FILE *out, const char *text);
void pleat_text_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Columns of a terminal that UTF-8 text takes, without characters of double width. */
int pleat_text_width(const char *text);

/* `text` in lines of at most `columns` - 1 columns, with a line's end after the last; each but the
 * first begins with `indent` blanks, and of the first so many are there already. Lines end at
 * blanks, but not within a short "(default N)"; a word that is too long is not cut. */
void pleat_text_wrap(FILE *out, const char *text, int indent, int columns);

/* "" of one, else "s", for "%d case%s". */
const char *pleat_plural(long long n);
/* "1.5 GB": of sizes that are estimates, so two digits. Returns `out`. */
const char *pleat_text_bytes(double bytes, char out[32]);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_TEXT_H */
