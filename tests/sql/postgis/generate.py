"""Random shapes in Indonesia and points around them, the same for our tool and for PostGIS.

Usage: generate.py FOLDER POINTS. Writes FOLDER/input (for fences), shapes.tsv and points.tsv (for COPY). Numbers are
written so that they read back the same. The seed is fixed: a difference can be looked at again.
"""
import math
import random
import sys

folder, wanted = sys.argv[1], int(sys.argv[2])
rnd = random.Random(20251229)
METRE = 1 / 111000.0  # degrees, roughly: only to place things
POLYGONS, CIRCLES = 320, 120


def star(lon, lat, radius_deg, corners, least):
    """A ring around a centre, between least and 1 of the radius."""
    out = []
    for i in range(corners):
        angle = 2 * math.pi * (i + rnd.uniform(0, 0.7)) / corners
        r = radius_deg * rnd.uniform(least, 1)
        out.append((lon + r * math.cos(angle) / math.cos(math.radians(lat)), lat + r * math.sin(angle)))
    out.append(out[0])
    return out


def rectangle(lon, lat, half_deg):
    """Edges along the axes: points on them are on them exactly."""
    w, h = half_deg * rnd.uniform(0.3, 1), half_deg * rnd.uniform(0.3, 1)
    a, b, c, d = lon - w, lat - h, lon + w, lat + h
    return [(a, b), (c, b), (c, d), (a, d), (a, b)]


def polygon(lon, lat, radius_deg):
    if rnd.random() < 0.15:
        rings = [rectangle(lon, lat, radius_deg)]
        if rnd.random() < 0.5:
            rings.append(rectangle(lon, lat, radius_deg * 0.25))
        return rings
    rings = [star(lon, lat, radius_deg, rnd.randint(5, 60), 0.6)]
    holes = rnd.choice([0, 0, 1, 2, 3])
    for k in range(holes):  # each in its own sector of the inner half
        angle = 2 * math.pi * k / max(holes, 2)
        rings.append(star(lon + 0.22 * radius_deg * math.cos(angle), lat + 0.22 * radius_deg * math.sin(angle),
                          radius_deg * 0.12, rnd.randint(3, 12), 0.4))
    return rings


def random_shape():
    lon, lat = rnd.uniform(95.2, 140.5), rnd.uniform(-10.8, 5.8)
    radius = math.exp(rnd.uniform(math.log(15), math.log(30000))) * METRE
    parts = [polygon(lon, lat, radius)]
    if rnd.random() < 0.2:
        parts.append(polygon(lon + 3 * radius, lat + radius, radius * 0.8))
    return parts


def number(v):
    return repr(float(v))


def pairs(ring, separator, between):
    return between.join(number(x) + separator + number(y) for x, y in ring)


def near_line(a, b, distance_deg):
    """A point beside an edge."""
    t = rnd.random()
    return (a[0] + t * (b[0] - a[0]) + rnd.uniform(-1, 1) * distance_deg, a[1] + t * (b[1] - a[1]) + rnd.uniform(-1, 1) * distance_deg)


def point_at_polygon(parts):
    ring = rnd.choice(rnd.choice(parts))
    i = rnd.randrange(len(ring) - 1)
    a, b = ring[i], ring[i + 1]
    kind = rnd.random()
    if kind < 0.02:
        return a  # a corner, exactly
    if kind < 0.04 and a[0] == b[0]:
        return (a[0], a[1] + rnd.random() * (b[1] - a[1]))  # on an edge, exactly
    if kind < 0.06:
        return (rnd.uniform(min(p[0] for p in ring), max(p[0] for p in ring)), a[1])  # level with a corner
    if kind < 0.50:
        return near_line(a, b, math.exp(rnd.uniform(math.log(0.001), math.log(1000))) * METRE)
    shell = parts[0][0]
    w, e = min(p[0] for p in shell), max(p[0] for p in shell)
    s, n = min(p[1] for p in shell), max(p[1] for p in shell)
    if kind < 0.97:
        return (rnd.uniform(w - (e - w) * 0.2, e + (e - w) * 0.2), rnd.uniform(s - (n - s) * 0.2, n + (n - s) * 0.2))
    return (w + rnd.uniform(-1.3, 1.3), s + rnd.uniform(-1.2, 1.2))  # up to some 190 km away


def point_at_circle(lon, lat, radius_m):
    angle = rnd.uniform(0, 2 * math.pi)
    kind = rnd.random()
    away = radius_m * rnd.uniform(0, 2) if kind < 0.5 else radius_m + rnd.choice([-1, 1]) * math.exp(
        rnd.uniform(math.log(0.001), math.log(500)))
    return (lon + away * METRE * math.sin(angle) / math.cos(math.radians(lat)), lat + away * METRE * math.cos(angle))


shapes = []
with open(folder + "/input", "w") as tool, open(folder + "/shapes.tsv", "w") as rows:
    for i in range(POLYGONS + CIRCLES):
        if i < POLYGONS:
            parts = random_shape()
            for k, rings in enumerate(parts):
                for ring in rings:
                    tool.write(f"ring {i} {k} {pairs(ring, ' ', ' ')}\n")
            text = ",".join("(" + ",".join("(" + pairs(r, " ", ",") + ")" for r in rings) + ")" for rings in parts)
            rows.write(f"{i}\t\\N\tMULTIPOLYGON({text})\n")
            shapes.append(lambda parts=parts: point_at_polygon(parts))
        else:
            lon, lat = rnd.uniform(95.2, 140.5), rnd.uniform(-10.8, 5.8)
            radius = math.exp(rnd.uniform(math.log(15), math.log(60000)))
            tool.write(f"circle {i} {number(lon)} {number(lat)} {number(radius)}\n")
            rows.write(f"{i}\t{number(radius)}\tPOINT({number(lon)} {number(lat)})\n")
            shapes.append(lambda c=(lon, lat, radius): point_at_circle(*c))
    with open(folder + "/points.tsv", "w") as points:
        for n in range(wanted):
            i = rnd.randrange(POLYGONS) if rnd.random() < 0.75 else POLYGONS + rnd.randrange(CIRCLES)
            x, y = shapes[i]()
            tool.write(f"point {n} {i} {number(x)} {number(y)}\n")
            points.write(f"{n}\t{i}\t{number(x)}\t{number(y)}\n")
