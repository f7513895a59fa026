"""Processes that die."""
import os, signal
from fault import fault
from harness import wait_until


def kill(run, pid):
    os.kill(pid, signal.SIGKILL)
    run.count("kills")


@fault("kill_ledger")
def kill_ledger(run, rng):
    pid = run.role("ledger")
    kill(run, pid)
    wait_until("it is another one", lambda: run.role("ledger") not in (None, pid))
    run.recovered()
    return {"pid": pid}
