"""Every role and every named point once, under load, with the oracle at the end. HADIR_SEED or --seed replays."""
from fault import FAULTS, Run, load_all
from harness import Tests

test = Tests()


@test
def processes_die(run):
    run.go(["kill_ledger", "kill_door", "kill_desk", "kill_planner", "interrupted_calls"])


@test
def counters_balance(run):
    run.balance()


@test
def at_every_named_point(run):
    """The supervisor waits longer after each death of the same role: in between all of it begins anew."""
    names = [n for n in sorted(FAULTS) if "_dies_at_" in n]
    for n, again in enumerate(["kill_supervisor", "sigterm", "kill_all", "sighup"]):
        run.go(names[n::4] + [again])


@test
def calls_fail(run):
    run.go(["short_writes", "slow_disk", "no_memory", "sync_fails_once"])


@test
def the_oracle_is_content(run):
    run.finish(least=200)
    assert run.counts["outstanding"] > len(run.done) // 2, "hardly any acknowledgement was outstanding at the faults"


if __name__ == "__main__":
    load_all()
    with Run("short") as run:
        code = test.main(run)
    raise SystemExit(code)
