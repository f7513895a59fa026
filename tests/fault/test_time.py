"""Clocks, edits and busy mornings under load, each once, with the oracle at the end; then moments that only a moved clock has:
midnight in three zones, a leap second, 2038, a month's turn, a week-old webhook. HADIR_SEED replays; HADIR_PHONES=10000 is how
many phones deliver three days of queue (default 300), HADIR_OVER=60 within how many seconds."""
import os
import faults_time
from fault import FAULTS, Run
from harness import Tests

test = Tests()


@test
def busy_mornings(run):
    wanted = os.environ.get("HADIR_TIME", "").split(",")
    run.go([n for n, f in FAULTS.items() if f.__module__ == "faults_time" and (wanted == [""] or n in wanted)])


@test
def the_oracle_is_content(run):
    run.finish(least=200)


if __name__ == "__main__":
    with Run("time", load={"connections": 6, "array": 5}) as run:
        code = test.main(run)
    raise SystemExit(code)
