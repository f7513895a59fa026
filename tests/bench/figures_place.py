"""Placing a check-in."""
import json, subprocess, tempfile
from bench import figure
from harness import BUILD

CHECKINS = 20000


@figure("fence_rate", unit="check-ins/s", goal="≥ 2")
def fence_rate(b):
    """One core: all shared fences that contain it, of 10,000 with 4 to 500 vertices, and signed metres to 3 bound ones; by
    directory_judge, beside GEOS (fence.c, peers/geos.c). All answers are compared first; one that differs ends it."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([f"{BUILD}/tests/bench/bench_fence", folder, str(b.seed), str(b.pairs), str(CHECKINS)],
                              capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    did = json.loads(done.stdout)
    b.note(f"{did['compared']} answers compared, all the same; {did['covering']} fences around one; metres differ by at most "
           f"{did['worst_mm']} mm; seed {b.seed}")
    b.note("both measure on the ellipsoid with PROJ's geodesic.h: GEOS finds the nearest place of a boundary in degrees that are shrunk "
           "east to west by their length at the fence")
    b.note("ours is a whole directory_judge: the day's plan and the time too, and metres to the shared fences")
    for ours, yardstick in did["pairs"]:
        yield 1e6 / ours, 1e6 / yardstick
