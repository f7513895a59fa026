"""Bad wires and a bad database, each fault once under load, with the oracle at the end. HADIR_SEED replays.

HADIR_WIRE=all runs every fault of faults_wire.py, not only those that CI has time for, HADIR_WIRE=a,b these; with HADIR_LONG=1 also the slow ones."""
import os, time
import faults_wire
from fault import FAULTS, Run
from harness import Tests

test = Tests()
SHORT = ("phones_corrupt", "phones_reset", "database_lose_request", "database_lose_reply", "database_stop", "database_hang",
         "connections_exhausted", "sessions_ended", "ingest_refused", "database_restored")


@test
def wires_and_databases_fail(run):
    wanted = os.environ.get("HADIR_WIRE")
    names = [n for n, f in FAULTS.items() if f.__module__ == "faults_wire"] if wanted == "all" else wanted.split(",") if wanted else SHORT
    skipped = [n for n in names if FAULTS[n].needs and FAULTS[n].needs()]
    for name in skipped:
        print(f"SKIP {name}: {FAULTS[name].needs()}")
    run.go([n for n in names if n not in skipped])


@test
def the_oracle_is_content(run):
    figures = run.finish()
    assert figures["same_receipt_again"] > 0 and figures["acknowledged"] > 200, figures


if __name__ == "__main__":
    with Run("wire", load={"connections": 6, "array": 5}) as run:
        code = test.main(run)
    raise SystemExit(code)
