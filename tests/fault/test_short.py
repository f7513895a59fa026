"""Every role and every named point once, under load, with the oracle at the end. HADIR_SEED replays."""
import sys
from fault import Run, load_all
from harness import Tests

test = Tests()


@test
def killed(run):
    run.go(["kill_ledger"] * 3)


@test
def the_oracle_is_content(run):
    figures = run.finish()
    assert run.counts["outstanding"] > len(run.done) // 2, "hardly any acknowledgement was outstanding at the faults"
    assert figures["same_receipt_again"] > 0 and figures["acknowledged"] > 200, figures


if __name__ == "__main__":
    load_all()
    with Run("short") as run:
        code = test.main(run)
    raise SystemExit(code)
