"""Processes that die, at random and at every named point of points.c, and calls that fail inside of them."""
import contextlib, http.client, os, signal, time
from disk import alive
from fault import fault
from harness import wait_until

# Where the way of a check-in passes, in the role that passes there.
POINTS = {"ledger": ("append_before", "append_after", "commit_before", "commit_after", "sync_before", "sync_after", "sql_before", "sql_after",
                     "pgsync_before", "pgsync_after", "result"),
          "door": ("reply_before", "reply_after", "accept")}
CRASHES = 20
ALLOCATIONS = 5


def kill(run, pid):
    """It may have ended by itself: a door that drained."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        run.count("kills")


def kill_role(name):
    def f(run, rng):
        time.sleep(rng.random() * 0.02)  # a random moment within a group commit, not a wait for anything
        pid = run.role(name)
        if pid is None:
            run.recovered()
            return {"skipped": "there was none"}
        kill(run, pid)
        wait_until("it is gone", lambda: pid not in run.house.children())
        run.recovered()
        return {"pid": pid}
    fault(f"kill_{name}")(f)


def die_at(role, point):
    def f(run, rng):
        nth = rng.randrange(1, 8)
        rule = run.points.arm(role, point, "die", nth)
        run.points.wait(rule)
        run.points.disarm(rule)
        run.count("kills")
        run.recovered()
        return {"nth": nth}
    fault(f"{role}_dies_at_{point}")(f)


for name in ("ledger", "door", "desk", "planner"):
    kill_role(name)
for name, points in POINTS.items():
    for p in points:
        die_at(name, p)


def gone(pids):
    wait_until("the roles of before are gone", lambda: not any(alive(p) for p in pids), 60)


@fault("kill_supervisor")
def kill_supervisor(run, rng):
    """Its roles notice that it is gone and end by themselves."""
    children = list(run.house.children())
    kill(run, run.house.daemon.pid)
    run.house.daemon.wait(120)
    gone(children)
    run.restart_supervisor()
    run.recovered()


@fault("kill_all")
def kill_all(run, rng):
    children = list(run.house.children())
    pids = [run.house.daemon.pid, *children]
    rng.shuffle(pids)
    for pid in pids:
        kill(run, pid)
    run.house.daemon.wait(120)
    gone(children)
    run.restart_supervisor()
    run.recovered()
    return {"processes": len(pids)}


@fault("crash_loop")
def crash_loop(run, rng):
    """A role that dies again and again, soon after its start: the supervisor waits longer each time and does not give up."""
    role, point = rng.choice([("ledger", "commit_after"), ("ledger", "result"), ("door", "reply_before"), ("door", "accept")])
    rule = run.points.arm(role, point, "die", 1, times=CRASHES)
    run.points.wait(rule, CRASHES, 240)
    run.points.disarm(rule)
    run.count("kills", CRASHES)
    run.recovered(240)
    return {"role": role, "point": point, "times": CRASHES}


@fault("sigterm")
def sigterm(run, rng):
    """What is under way is finished; the next one goes on."""
    run.house.daemon.send_signal(signal.SIGTERM)
    code = run.house.daemon.wait(60)
    assert code == 0, f"hadird ended with {code}"
    run.restart_supervisor()
    run.recovered()


@fault("sighup")
def sighup(run, rng):
    taken = lambda: run.house.log().count("event=reload generation")
    before = taken()

    def asked():  # again, while an earlier generation still drains
        run.house.daemon.send_signal(signal.SIGHUP)
        return taken() > before
    wait_until("new doors", asked, 120, 1)
    run.recovered()


# ---- calls that fail ----

@fault("sync_fails_once")
def sync_fails_once(run, rng):
    """After a failed sync nothing is acknowledged any more: the ledger ends, the next one begins a new file and drains a copy of the
    old one, though the next sync would have succeeded."""
    pid, point = run.role("ledger"), rng.choice(["sync_before", "sync_after"])
    rule = run.points.arm("ledger", point, "fail", rng.randrange(1, 6), error=rng.choice(["EIO", "ENOSPC", "EDQUOT"]))
    run.points.wait(rule)
    run.points.disarm(rule)
    run.set_aside += 1
    wait_until("that ledger is gone", lambda: pid not in run.house.children())
    run.recovered()
    wait_until("it is said", lambda: "event=spool_" in run.house.log())
    return {"point": point}


@fault("short_writes")
def short_writes(run, rng):
    rule = run.points.arm("ledger", "write", "short", 1, times=50)
    run.points.wait(rule, 50)
    run.points.disarm(rule)
    run.recovered()


@fault("interrupted_calls")
def interrupted_calls(run, rng):
    """EINTR, as a signal would give it, at writes and at accept."""
    rules = [run.points.arm("ledger", "write", "fail", 1, times=30, error="EINTR", rule=0)]
    run.points.wait(rules[0], 30)
    run.points.disarm(0)
    rule = run.points.arm("door", "accept", "fail", 1, times=3, error=rng.choice(["EINTR", "ECONNABORTED", "EMFILE", "ENFILE"]), rule=1)
    run.points.wait(rule, 3)
    run.points.disarm(1)
    run.recovered()


def ask(run):
    """A question for the desks, which have no other work."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        run.house.presence(run.supervisor, unit=run.unit)


@fault("no_memory")
def no_memory(run, rng):
    """Some allocations fail, one by one, in one role. Whoever ends because of it is replaced; nobody is told nonsense."""
    role, at = rng.choice(["ledger", "door", "door", "desk", "planner"]), []
    for _ in range(ALLOCATIONS):
        at.append(rng.randrange(1, {"desk": 200, "planner": 60}.get(role, 400)))
        rule = run.points.arm(role, "malloc", "fail", at[-1], error="ENOMEM")
        wait_until("an allocation fails", lambda: (role == "desk" and ask(run), run.points.counts(rule)[1])[1], 240, 0.005)
    run.points.disarm()
    run.recovered()
    # libpq that ran out of memory once gave one question's rows to the next
    mixed_up = [line for line in run.house.log().splitlines() if "unexpected row" in line or "placement_unusable" in line]
    assert not mixed_up, mixed_up[:3]
    return {"role": role, "at": at}


@fault("slow_disk")
def slow_disk(run, rng):
    rule = run.points.arm("ledger", "sync_before", "delay", 1, times=20, delay_ms=100)
    run.points.wait(rule, 20)
    run.points.disarm(rule)
    run.recovered()
