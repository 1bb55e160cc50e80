/* gif.c - pictures that follow one another, by giflib. */
#include "palette.h"
#include "pleat/file.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

typedef struct sink { /* what giflib has written so far */
    char *bytes;
    size_t n, room;
} sink;

static int put(GifFileType *gif, const GifByteType *bytes, int n) {
    sink *s = gif->UserData;
    if (s->n + (size_t)n > s->room) {
        const size_t room = 2 * (s->n + (size_t)n);
        char *more = realloc(s->bytes, room);
        if (more == NULL) return 0;
        s->bytes = more;
        s->room = room;
    }
    memcpy(s->bytes + s->n, bytes, (size_t)n);
    s->n += (size_t)n;
    return n;
}

/* The block by which browsers repeat a GIF for ever (Netscape 2.0). */
static int put_loop(GifFileType *gif) {
    return EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
           EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") == GIF_OK &&
           EGifPutExtensionBlock(gif, 3, "\001\000\000") == GIF_OK &&
           EGifPutExtensionTrailer(gif) == GIF_OK;
}

static int put_frame(GifFileType *gif, int width, int height, uint8_t *index, int hundredths) {
    const GraphicsControlBlock control = {DISPOSE_DO_NOT, false, hundredths, NO_TRANSPARENT_COLOR};
    GifByteType block[4];
    const size_t n = EGifGCBToExtension(&control, block);
    if (EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, (int)n, block) != GIF_OK ||
        EGifPutImageDesc(gif, 0, 0, width, height, false, NULL) != GIF_OK)
        return 0;
    for (int y = 0; y < height; y++)
        if (EGifPutLine(gif, index + (size_t)y * (size_t)width, width) != GIF_OK) return 0;
    return 1;
}

/* All of it but the end; index[n] are the frames' pixels. */
static int put_all(GifFileType *gif, const pleat_picture *frames, int n, int hundredths,
                   const palette *colours, uint8_t *index) {
    const int width = frames[0].width, height = frames[0].height;
    const size_t pixels = (size_t)width * (size_t)height;
    GifColorType table[PALETTE_COLOURS] = {{0}};
    int size = 2; /* a power of two */
    while (size < colours->n) size *= 2;
    for (int i = 0; i < colours->n; i++)
        table[i] = (GifColorType){colours->colour[i].red, colours->colour[i].green,
                                  colours->colour[i].blue};
    ColorMapObject *map = GifMakeMapObject(size, table);
    if (map == NULL) return 0;
    EGifSetGifVersion(gif, true);
    int good =
        EGifPutScreenDesc(gif, width, height, 8, 0, map) == GIF_OK && (n == 1 || put_loop(gif));
    for (int i = 0; i < n && good; i++)
        good = put_frame(gif, width, height, index + (size_t)i * pixels, hundredths);
    GifFreeMapObject(map);
    return good;
}

pleat_status pleat_picture_write_gif(const pleat_picture *frames, int n, int hundredths,
                                     const char *path) {
    const size_t pixels = (size_t)frames[0].width * (size_t)frames[0].height;
    pleat_status status = PLEAT_OK;
    palette colours = {0};
    sink out = {0};
    int why = 0;
    uint8_t *index = malloc(pixels * (size_t)n);
    PLEAT_CHECK(index != NULL, PLEAT_ERR_MEMORY, "no memory for '%s'", path);
    for (int i = 0; i < n; i++)
        PLEAT_CHECK_GOTO(status, done,
                         palette_numbers(&colours, &frames[i], index + (size_t)i * pixels),
                         PLEAT_ERR_ARG, "'%s' has more than %d colours", path, PALETTE_COLOURS);
    GifFileType *gif = EGifOpen(&out, put, &why);
    PLEAT_CHECK_GOTO(status, done, gif != NULL, PLEAT_ERR_MEMORY, "no memory for '%s'", path);
    const int good = put_all(gif, frames, n, hundredths, &colours, index);
    const int closed = EGifCloseFile(gif, &why) == GIF_OK;
    PLEAT_CHECK_GOTO(status, done, good && closed, PLEAT_ERR_MEMORY, "no memory for '%s'", path);
    status = pleat_file_write_atomic(path, out.bytes, out.n);
done:
    free(out.bytes);
    free(index);
    return status;
}
