"""Two at once: a role dies at a named point, some passings from now, while the database is in trouble."""
import random
from fault import FAULTS, fault
from faults_kill import POINTS

OTHERS = ("connections_exhausted", "database_backend_killed", "database_cut", "database_lose_reply", "database_lose_request", "database_reset",
          "database_restart", "database_stop", "ingest_refused", "sessions_ended", "statements_cancelled")
RULE = 3  # of the control page; what the other fault arms has a lower number


@fault("pair")
def pair(run, rng):
    role, other = rng.choice(list(POINTS)), rng.choice(OTHERS)
    point, nth = rng.choice(POINTS[role]), rng.randrange(1, 60)
    run.points.arm(role, point, "die", nth, times=2, rule=RULE)
    try:
        FAULTS[other](run, random.Random(rng.randrange(2**31)))
    finally:
        run.points.disarm(RULE)
    died = run.points.counts(RULE)[1]
    run.count("kills", died)
    run.recovered()
    return {"role": role, "point": point, "nth": nth, "other": other, "died": died}
