/*
 * tensorboard.c - event files for TensorBoard, written by hand.
 *
 *   record   uint64 length, uint32 masked CRC-32C of it, data, uint32 masked CRC-32C of the data;
 *            little-endian (tensorflow/core/lib/io/record_writer.h)
 *   data     protobuf Event: 1 double wall_time, 2 int64 step, 3 string file_version, 5 Summary
 *   Summary  1 Value, repeated; Value: 1 string tag, 2 float simple_value
 *            (tensorflow/core/util/event.proto, framework/summary.proto)
 */
#include "journal.h"

#include <math.h>
#include <string.h>

#define EVENT_BYTES 4096

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 }; /* protobuf's wire types */

typedef struct message {
    unsigned char byte[EVENT_BYTES];
    size_t n;
} message;

uint32_t pleat_crc32c(const void *bytes, size_t n) {
    const unsigned char *byte = bytes;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void put_bytes(message *m, const void *bytes, size_t n) {
    if (m->n + n > EVENT_BYTES) return; /* 16 scalars with names of 63 bytes fit */
    memcpy(m->byte + m->n, bytes, n);
    m->n += n;
}

static void put_little(message *m, uint64_t value, int n) {
    unsigned char byte[8];
    for (int i = 0; i < n; i++) byte[i] = (unsigned char)(value >> 8 * i);
    put_bytes(m, byte, (size_t)n);
}

static void put_varint(message *m, uint64_t value) {
    for (; value > 127; value >>= 7) put_little(m, (value & 127) | 128, 1);
    put_little(m, value, 1);
}

static void put_key(message *m, int field, int type) {
    put_varint(m, (uint64_t)(field << 3 | type));
}

static void put_text(message *m, int field, const void *bytes, size_t n) {
    put_key(m, field, BYTES);
    put_varint(m, n);
    put_bytes(m, bytes, n);
}

static void put_time(message *m, double time_s) {
    uint64_t bits;
    memcpy(&bits, &time_s, sizeof bits);
    put_key(m, 1, FIXED64);
    put_little(m, bits, 8);
}

static uint32_t masked_crc(const void *bytes, size_t n) {
    const uint32_t crc = pleat_crc32c(bytes, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void write_record(FILE *file, const message *data) {
    message frame = {.n = 0};
    put_little(&frame, data->n, 8);
    put_little(&frame, masked_crc(frame.byte, 8), 4);
    (void)fwrite(frame.byte, 1, frame.n, file);
    (void)fwrite(data->byte, 1, data->n, file);
    frame.n = 0;
    put_little(&frame, masked_crc(data->byte, data->n), 4);
    (void)fwrite(frame.byte, 1, frame.n, file);
}

void pleat_tensorboard_begin(FILE *file, double time_s) {
    static const char version[] = "brain.Event:2";
    message event = {.n = 0};
    put_time(&event, time_s);
    put_text(&event, 3, version, sizeof version - 1);
    write_record(file, &event);
}

static void put_scalar(message *summary, const pleat_scalar *scalar) {
    message value = {.n = 0};
    const float real = (float)scalar->value;
    uint32_t bits;
    memcpy(&bits, &real, sizeof bits);
    put_text(&value, 1, scalar->name, strlen(scalar->name));
    put_key(&value, 2, FIXED32);
    put_little(&value, bits, 4);
    put_text(summary, 1, value.byte, value.n);
}

void pleat_tensorboard_scalars(FILE *file, double time_s, int64_t step, const pleat_scalar *scalars,
                               int n) {
    message event = {.n = 0}, summary = {.n = 0};
    for (int i = 0; i < n; i++)
        if (!isnan(scalars[i].value)) put_scalar(&summary, &scalars[i]);
    put_time(&event, time_s);
    put_key(&event, 2, VARINT);
    put_varint(&event, (uint64_t)step);
    put_text(&event, 5, summary.byte, summary.n);
    write_record(file, &event);
}
