/* What the codecs share among themselves; nobody else includes this. All functions are pure; `e` is filled on failure
 * and the result of a bool function that takes `e` is false exactly then. */
#ifndef HADIR_CODEC_PRIVATE_H
#define HADIR_CODEC_PRIVATE_H

#include "codec.h"
#include "json.h"

#define ACCURACY_MAX_M 100000.0
#define ALTITUDE_MIN_M (-1000.0)
#define ALTITUDE_MAX_M 20000.0

/* Fills e, field as printf says, cut to fit without splitting a character; returns false. */
bool codec_fail(struct codec_error *e, enum codec_fault fault, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL with e filled: not JSON, too deep, or a number that no field of ours could hold; of that the field, if it can be
 * told. */
struct json_doc *codec_parse(const void *bytes, size_t len, unsigned max_depth, struct codec_error *e);
/* The same for clients that are not ours: faults within strings are mended (codec_mend.c), not refused. */
struct json_doc *codec_parse_foreign(const void *bytes, size_t len, unsigned max_depth, struct codec_error *e);
/* A copy in which they are; the caller frees. NULL when memory is short. */
uint8_t *codec_mend(const uint8_t *bytes, size_t len);
/* true when there is nothing but JSON's white space. */
bool codec_blank(const uint8_t *bytes, size_t len);

/* A fact of that channel with every claimed time absent and no plan; NULL when the arena is full. */
struct fact *codec_fact(struct arena *arena, enum channel channel);
bool codec_copy(struct arena *arena, struct text in, struct text *ret, struct codec_error *e);
/* Keeps a JSON value's text in f->raw, cut at FACT_RAW_MAX. */
bool codec_raw_json(struct arena *arena, const json_value *v, struct fact *f, struct codec_error *e);
bool codec_raw(struct arena *arena, const void *bytes, size_t len, struct fact *f, struct codec_error *e);

enum codec_fault codec_time_check(int64_t us, const struct codec_bounds *bounds);
/* RFC 3339 with a zone. */
enum codec_fault codec_time_text(struct text t, int64_t *ret_us);
/* Seconds or milliseconds since 1970 as a number; false when it cannot be a time. */
bool codec_time_number(double v, double per_second, int64_t *ret_us);
/* Range, both zero; −0 becomes 0 so that equal places are equal bytes. Sets f's position or names the fault; *ret_which
 * is 0 for the latitude, 1 for the longitude. */
enum codec_fault codec_position(double lat, double lon, struct fact *f, int *ret_which);
/* Decimal text as forms carry it; no hexadecimal, no names of infinity. */
enum codec_fault codec_decimal(struct text t, double *ret);

/* What foreign clients say of accuracy: 0, negative and unreadable mean "not stated"; a value beyond any sense is
 * still "bad", so it stays as the greatest we keep. */
void codec_accuracy_lenient(struct fact *f, bool stated, double accuracy_m);
void codec_altitude_lenient(struct fact *f, bool stated, double altitude_m);

/* A member that must be a number, respectively a string; `at` is the path in front of its name, e.g. "2/". */
bool codec_need_number(const json_value *object, const char *at, const char *name, double *ret, struct codec_error *e);
bool codec_need_string(const json_value *object, const char *at, const char *name, struct text *ret,
                       struct codec_error *e);
/* Foreign clients' optional members: what is absent or of another kind is as if it were not there. */
bool codec_may_number(const json_value *object, const char *name, double *ret);
bool codec_may_string(const json_value *object, const char *name, struct text *ret);
bool codec_is_true(const json_value *object, const char *name);

#endif
