/* JSON: what is refused, what is borrowed, what is written. */
#include "json.h"
#include "unit.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Linked in malloc's place: the allocation that fails, 1 the next one; 0: none. */
static long fail_at;
void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    return fail_at > 0 && --fail_at == 0 ? NULL : __real_malloc(bytes);
}

static struct json_doc *parse(const char *s, struct json_error *e)
{
    return json_parse(s, strlen(s), 16, e);
}

START_TEST(bad_inputs)
{
    static const char *const bad[] = {
        "", " ", "{", "[", "{]", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "{'a':1}", "[1 2]", "[01]", "[+1]", "[.5]",
        "[1.]", "[1e]", "[0x1]", "[NaN]", "[Infinity]", "[-Infinity]", "[nan]", "nul", "[tru]", "[1]x", "[1] [2]",
        "[1e400]", "[-1e400]", "[9223372036854775808]", "[-9223372036854775809]", "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"c\":2,\"b\":3}}", "{\"a\":1,\"\\u0061\":2}", "[\"\\u0000\"]", "{\"\\u0000\":1}",
        "[\"a\tb\"]", "[\"a\nb\"]", "[\"\\x41\"]", "[\"\\u12\"]", "[\"\\ud800\"]", "[\"\\ud800x\"]", "[\"\\udc00\"]",
        "[\"\xff\"]", "[\"\xc0\xaf\"]", "[\"\xed\xa0\x80\"]", "[\"abc]", "[\"abc\\\"]", "\xef\xbb\xbf[]", "[1]\xff",
        "/* */[]", "[--1]", "[1,,2]", ",", "\"a", "]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct json_error e = {0};
        ck_assert_msg(parse(bad[i], &e) == NULL, "accepted: %s", bad[i]);
        ck_assert_uint_gt(strlen(e.reason), 0);
        ck_assert_uint_le(e.offset, strlen(bad[i]));
    }
    struct json_error e;
    ck_assert_ptr_null(json_parse("[\"a\0b\"]", 7, 16, &e));
    ck_assert_ptr_null(json_parse("[1]\0", 4, 16, &e));
    ck_assert_ptr_null(json_parse(NULL, 0, 16, &e));
}
END_TEST

START_TEST(a_nul_is_refused_wherever_it_stands)
{
    static const char good[] = "{\"a\":[1,-2.5,1e3,true,null,\"x\"],\"b\":0}";
    for (size_t at = 0; at < sizeof good; at++) {
        struct json_error e;
        char text[sizeof good];
        memcpy(text, good, at);
        text[at] = '\0';
        memcpy(text + at + 1, good + at, sizeof good - 1 - at);
        ck_assert_msg(json_parse(text, sizeof text, 16, &e) == NULL, "accepted at %zu", at);
        ck_assert_uint_eq(e.offset, at);
    }
}
END_TEST

START_TEST(reasons_never_quote_the_input)
{
    struct json_error e;
    ck_assert_ptr_null(parse("{\"token\": rahasia}", &e));
    ck_assert_ptr_null(strstr(e.reason, "rahasia"));
    ck_assert_ptr_null(parse("{\"rahasia\":1,\"rahasia\":2}", &e));
    ck_assert_str_eq(e.reason, "a member occurs twice");
    ck_assert_ptr_null(parse("[1e999]", &e));
    ck_assert_str_eq(e.reason, "a number is out of range");
    ck_assert_ptr_null(parse("[\"\\u0000\"]", &e));
    ck_assert_str_eq(e.reason, "a string holds NUL");
}
END_TEST

/* Jansson loses the end of a token whose buffer cannot grow, and says nothing or "not JSON". */
START_TEST(an_allocation_that_fails_is_never_the_clients_fault)
{
    const char *text = "{\"id\":\"6f1ed002-ab5d-4b4c-93d1-0d2e7c5cbb0e\",\"lat\":-2.55671234567890123,\"notes\":[\"a long one, and longer\"]}";
    struct json_doc *doc = NULL;
    long n = 0, left = 0;
    while (doc == NULL && ++n < 1000) {
        struct json_error e = {0};
        fail_at = n;
        doc = parse(text, &e);
        left = fail_at;
        fail_at = 0; /* check allocates, too */
        if (doc == NULL)
            ck_assert_str_eq(e.reason, "out of memory");
    }
    ck_assert_int_gt(left, 0); /* it was read when nothing failed any more, not before */
    ck_assert_int_gt(n, 10);
    json_doc_free(doc);
}
END_TEST

START_TEST(depth_is_bounded)
{
    char deep[6001];
    struct json_error e;
    struct json_doc *d = parse("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", &e);
    ck_assert_ptr_nonnull(d);
    json_doc_free(d);
    ck_assert_ptr_null(parse("[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]]", &e));
    ck_assert_str_eq(e.reason, "nested too deeply");
    ck_assert_uint_eq(e.offset, 16);
    memset(deep, '[', 3000);
    memset(deep + 3000, ']', 3000);
    ck_assert_ptr_null(json_parse(deep, 6000, 100000, &e));
    ck_assert_str_eq(e.reason, "nested too deeply");
    /* brackets inside strings are text */
    d = json_parse("[\"[[[[\\\"[[[[\"]", 14, 1, &e);
    ck_assert_ptr_nonnull(d);
    json_doc_free(d);
    ck_assert_ptr_null(json_parse("[]", 2, 0, &e));
    d = json_parse("1", 1, 0, &e);
    ck_assert_ptr_nonnull(d);
    json_doc_free(d);
    d = json_parse("[[],[],[[]]]", 12, 3, &e); /* closed ones do not add up */
    ck_assert_ptr_nonnull(d);
    json_doc_free(d);
}
END_TEST

static bool collect(const char *name, const json_value *v, void *arg)
{
    (void)v;
    buf_puts(arg, name);
    return name[0] != 'y';
}

START_TEST(typed_access)
{
    struct json_error e;
    struct json_doc *d = parse("{\"z\":-5,\"a\":1.5,\"s\":\"k\\u00e9\\ud83d\\ude00\",\"y\":[true,null,{}],\"b\":false}", &e);
    ck_assert_ptr_nonnull(d);
    const json_value *root = json_root(d), *y = json_member(root, "y");
    int64_t i = 7;
    double r = 7;
    bool b = true;
    struct text t = {0};
    ck_assert(json_get_int(json_member(root, "z"), &i) && i == -5);
    ck_assert(json_get_real(json_member(root, "z"), &r) && r == -5);
    ck_assert(json_get_real(json_member(root, "a"), &r) && r == 1.5);
    ck_assert(!json_get_int(json_member(root, "a"), &i) && i == -5);
    ck_assert(json_get_string(json_member(root, "s"), &t));
    ck_assert_uint_eq(t.len, 7);
    ck_assert_mem_eq(t.s, "k\xc3\xa9\xf0\x9f\x98\x80", 7);
    ck_assert(json_get_bool(json_member(root, "b"), &b) && !b);
    ck_assert(!json_get_bool(json_member(root, "z"), &b) && !json_get_string(y, &t) && !json_get_real(y, &r));
    ck_assert(!json_get_int(NULL, &i) && !json_get_string(NULL, &t) && !json_get_bool(NULL, &b));
    ck_assert_uint_eq(json_count(root), 5);
    ck_assert_uint_eq(json_count(y), 3);
    ck_assert_uint_eq(json_count(json_member(root, "s")), 0);
    ck_assert_int_eq(json_kind_of(json_at(y, 0)), JSON_KIND_BOOL);
    ck_assert_int_eq(json_kind_of(json_at(y, 1)), JSON_KIND_NULL);
    ck_assert_int_eq(json_kind_of(json_at(y, 2)), JSON_KIND_OBJECT);
    ck_assert_ptr_null(json_at(y, 3));
    ck_assert_ptr_null(json_at(root, 0));
    ck_assert_ptr_null(json_member(y, "z"));
    ck_assert_ptr_null(json_member(root, "nothing"));
    struct buf out;
    buf_init(&out, 100);
    ck_assert(!json_each(root, collect, &out));
    ck_assert_str_eq(buf_str(&out), "zasy"); /* in the order of the text, until told to stop */
    buf_fini(&out);
    json_doc_free(d);
}
END_TEST

START_TEST(extreme_numbers)
{
    struct json_error e;
    struct json_doc *d = parse("[9223372036854775807,-9223372036854775808,1.7976931348623157e308,5e-324,1e-400,-0.0,120.3]", &e);
    ck_assert_ptr_nonnull(d);
    int64_t i;
    double r;
    ck_assert(json_get_int(json_at(json_root(d), 0), &i) && i == INT64_MAX);
    ck_assert(json_get_int(json_at(json_root(d), 1), &i) && i == INT64_MIN);
    ck_assert(json_get_real(json_at(json_root(d), 2), &r) && r == DBL_MAX);
    ck_assert(json_get_real(json_at(json_root(d), 3), &r) && r == DBL_TRUE_MIN);
    ck_assert(json_get_real(json_at(json_root(d), 4), &r) && r == 0);
    struct buf out;
    buf_init(&out, 200);
    ck_assert(json_dump(json_at(json_root(d), 6), &out));
    ck_assert(strtod(buf_str(&out), NULL) == 120.3);
    buf_clear(&out);
    ck_assert(json_dump(json_root(d), &out));
    struct json_doc *again = json_parse(out.data, out.len, 2, &e);
    ck_assert_ptr_nonnull(again);
    json_doc_free(again);
    buf_fini(&out);
    buf_init(&out, 10);
    ck_assert(!json_dump(json_root(d), &out) && out.failed);
    buf_fini(&out);
    json_doc_free(d);
}
END_TEST

START_TEST(writer_places_commas_and_escapes)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, 1000);
    json_begin(&w, &out);
    json_object(&w);
    json_key(&w, "a\"");
    json_array(&w);
    json_array_end(&w);
    json_key(&w, "b");
    json_array(&w);
    json_int(&w, INT64_MIN);
    json_bool(&w, true);
    json_null(&w);
    json_object(&w);
    json_object_end(&w);
    json_raw(&w, "[1,2]", 5);
    json_string(&w, NULL);
    json_array_end(&w);
    json_key(&w, "c");
    json_string(&w, "\"\\/\b\f\n\r\t\x01\x7f\xe2\x82\xac");
    json_key(&w, "d");
    json_string_n(&w, "x\0y\xff\xc3", 5);
    json_key(&w, "e");
    json_string_n(&w, "", 0);
    json_object_end(&w);
    ck_assert_str_eq(buf_str(&out),
                     "{\"a\\\"\":[],\"b\":[-9223372036854775808,true,null,{},[1,2],null],"
                     "\"c\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\xe2\x82\xac\",\"d\":\"x\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd\","
                     "\"e\":\"\"}");
    struct json_error e;
    struct json_doc *d = json_parse(out.data, out.len, 5, &e);
    ck_assert_ptr_nonnull(d);
    json_doc_free(d);
    buf_fini(&out);
}
END_TEST

/* Eight are looked at together: no place may hide one that needs escaping, none beside it be taken for one. */
START_TEST(every_byte_is_told_at_every_place)
{
    for (size_t at = 0; at < 20; at++) {
        for (int byte = 1; byte < 0x80; byte++) {
            char text[] = "abcdefghijklmnopqrst";
            struct buf out;
            struct json_writer w;
            struct json_error e;
            struct text back;
            text[at] = (char)byte;
            buf_init(&out, 1000);
            json_begin(&w, &out);
            json_array(&w);
            json_string(&w, text);
            json_array_end(&w);
            bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
            ck_assert_uint_eq(out.len == sizeof text - 1 + strlen("[\"\"]"), plain);
            struct json_doc *d = json_parse(out.data, out.len, 5, &e);
            ck_assert_msg(d != NULL && json_get_string(json_at(json_root(d), 0), &back), "%d at %zu", byte, at);
            ck_assert_str_eq(back.s, text);
            json_doc_free(d);
            buf_fini(&out);
        }
    }
}
END_TEST

static const char *real_text(struct buf *out, double v)
{
    struct json_writer w;
    buf_clear(out);
    json_begin(&w, out);
    json_real(&w, v);
    return buf_str(out);
}

START_TEST(reals_are_shortest_and_exact)
{
    struct buf out;
    buf_init(&out, 400);
    ck_assert_str_eq(real_text(&out, 0.1), "0.1");
    ck_assert_str_eq(real_text(&out, 120.314), "120.314");
    ck_assert_str_eq(real_text(&out, -2.5619999999999998), "-2.562");
    ck_assert_str_eq(real_text(&out, 0.1 + 0.2), "0.30000000000000004");
    ck_assert_str_eq(real_text(&out, 5), "5");
    ck_assert_str_eq(real_text(&out, NAN), "null");
    ck_assert_str_eq(real_text(&out, -INFINITY), "null");
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        double v, back;
        memcpy(&v, &state, sizeof v);
        if (!isfinite(v))
            continue;
        back = strtod(real_text(&out, v), NULL);
        ck_assert(memcmp(&back, &v, sizeof v) == 0);
    }
    buf_fini(&out);
}
END_TEST

START_TEST(fixed_numbers)
{
    static const struct {
        double v;
        int decimals;
        const char *text;
    } cases[] = {{12.345, 1, "12.3"}, {-0.001, 2, "0.00"}, {-0.006, 2, "-0.01"}, {1e22, 0, "10000000000000000000000"},
                 {3, -5, "3"},        {NAN, 2, "null"},    {INFINITY, 2, "null"}};
    struct buf out;
    struct json_writer w;
    buf_init(&out, 2000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&out);
        json_begin(&w, &out);
        json_fixed(&w, cases[i].v, cases[i].decimals);
        ck_assert_str_eq(buf_str(&out), cases[i].text);
    }
    buf_clear(&out);
    json_begin(&w, &out);
    json_fixed(&w, -DBL_MAX, 99);
    ck_assert_uint_eq(out.len, 1 + 309 + 1 + 17);
    buf_fini(&out);
}
END_TEST

START_TEST(a_decimal_comma_changes_nothing)
{
    if (setlocale(LC_NUMERIC, "id_ID.UTF-8") == NULL && setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL)
        return; /* no such locale here: nothing could go wrong */
    struct buf out;
    struct json_error e;
    double r = 0;
    buf_init(&out, 100);
    ck_assert_str_eq(real_text(&out, 120.314), "120.314");
    struct json_doc *d = parse("[1.25]", &e);
    ck_assert(json_get_real(json_at(json_root(d), 0), &r) && r == 1.25);
    buf_clear(&out);
    ck_assert(json_dump(json_root(d), &out));
    ck_assert_str_eq(buf_str(&out), "[1.25]");
    json_doc_free(d);
    buf_fini(&out);
    setlocale(LC_NUMERIC, "C");
}
END_TEST

START_TEST(writer_stops_at_the_bound)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, 20);
    json_begin(&w, &out);
    json_array(&w);
    for (int i = 0; i < 1000; i++)
        json_string(&w, "\xff\xff\xff\n\n\n");
    json_array_end(&w);
    ck_assert(out.failed);
    ck_assert_uint_le(out.len, 20);
    buf_fini(&out);
}
END_TEST

UNIT_MAIN("base/json", bad_inputs, a_nul_is_refused_wherever_it_stands, reasons_never_quote_the_input,
          an_allocation_that_fails_is_never_the_clients_fault, depth_is_bounded, typed_access, extreme_numbers,
          writer_places_commas_and_escapes, every_byte_is_told_at_every_place, reals_are_shortest_and_exact, fixed_numbers,
          a_decimal_comma_changes_nothing, writer_stops_at_the_bound)
