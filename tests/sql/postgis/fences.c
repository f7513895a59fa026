/* Answers for points against shapes, by daemon/geo, as text for a comparison with PostGIS. Standard input, one record a
 * line, all shapes before all points, shapes numbered from 0 in order, a shape's rings together:
 *
 *   circle SHAPE LON LAT RADIUS_M
 *   ring SHAPE POLYGON LON LAT LON LAT …      (a polygon's first ring is its shell)
 *   point ID SHAPE LON LAT
 *
 * Standard output: ID, t or f (covered), signed metres, separated by tabs. Ends with status 1 on anything malformed and
 * on a shape that geo refuses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fence.h"

#define SHAPES_MAX 10000
#define RINGS_MAX 64

static struct buf shapes[SHAPES_MAX];
static size_t shape_count;

/* The polygon shape being read. */
static struct ring rings[RINGS_MAX];
static long polygon_of[RINGS_MAX];
static size_t ring_count;

static void stop(const char *what, const char *line)
{
    fprintf(stderr, "fences: %s: %.80s\n", what, line);
    exit(EXIT_FAILURE);
}

static void finish_polygons(void)
{
    struct polygon polygons[RINGS_MAX];
    size_t count = 0;
    char error[200];
    if (ring_count == 0)
        return;
    for (size_t i = 0; i < ring_count; i++) {
        if (i == 0 || polygon_of[i] != polygon_of[i - 1])
            polygons[count++] = (struct polygon){&rings[i], 0};
        polygons[count - 1].count++;
    }
    if (!fence_polygons(polygons, count, &shapes[shape_count - 1], error, sizeof error))
        stop("shape refused", error);
    for (size_t i = 0; i < ring_count; i++)
        free((void *)(size_t)rings[i].points);
    ring_count = 0;
}

static double number(char **at, const char *line)
{
    char *end;
    double v = strtod(*at, &end);
    if (end == *at)
        stop("a number is missing", line);
    *at = end;
    return v;
}

static void begin_shape(long id, const char *line)
{
    finish_polygons();
    if (id != (long)shape_count || shape_count == SHAPES_MAX)
        stop("shapes are not numbered in order", line);
    buf_init(&shapes[shape_count++], (size_t)1 << 20);
}

static void read_circle(char *at, const char *line)
{
    char error[200];
    begin_shape(strtol(at, &at, 10), line);
    double lon = number(&at, line), lat = number(&at, line), radius_m = number(&at, line);
    if (!fence_circle((struct point){lon, lat}, radius_m, &shapes[shape_count - 1], error, sizeof error))
        stop("circle refused", error);
}

static void read_ring(char *at, const char *line)
{
    long id = strtol(at, &at, 10);
    if (id == (long)shape_count)
        begin_shape(id, line);
    if (id != (long)shape_count - 1 || ring_count == RINGS_MAX)
        stop("rings of a shape are not together", line);
    polygon_of[ring_count] = strtol(at, &at, 10);
    struct point *points = calloc(strlen(at) / 4 + 1, sizeof *points); /* no point takes under four characters */
    if (points == NULL)
        stop("out of memory", line);
    size_t n = 0;
    for (; *at != 0 && *at != '\n'; n++) {
        points[n].lon_deg = number(&at, line);
        points[n].lat_deg = number(&at, line);
    }
    rings[ring_count++] = (struct ring){points, n};
}

static void answer_point(char *at, const char *line)
{
    finish_polygons();
    long id = strtol(at, &at, 10), shape = strtol(at, &at, 10);
    if (shape < 0 || (size_t)shape >= shape_count)
        stop("no such shape", line);
    double lon = number(&at, line), lat = number(&at, line);
    struct fence_shape s = {shapes[shape].data, shapes[shape].len, NULL};
    if (!fence_shape_valid(s))
        stop("shape is not valid", line);
    struct point p = {lon, lat};
    printf("%ld\t%c\t%.6f\n", id, fence_covers(s, p) ? 't' : 'f', fence_metres(s, p));
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0) {
        if (strncmp(line, "circle ", 7) == 0)
            read_circle(line + 7, line);
        else if (strncmp(line, "ring ", 5) == 0)
            read_ring(line + 5, line);
        else if (strncmp(line, "point ", 6) == 0)
            answer_point(line + 6, line);
        else
            stop("unknown record", line);
    }
    finish_polygons();
    free(line);
    for (size_t i = 0; i < shape_count; i++)
        buf_fini(&shapes[i]);
    return fflush(stdout) == 0 && !ferror(stdin) ? EXIT_SUCCESS : EXIT_FAILURE;
}
