"""The control page of points.c: rules that make a role die, wait or meet a failing call at the N-th passing of a named point.

  points = Points(house)            before house.start: hadird gets the library
  rule = points.arm("ledger", "commit_before", "die", nth=3)
  points.wait(rule)                 until it has acted"""
import errno, mmap, os, shutil, struct
from harness import BUILD, wait_until

POINTS = ("append_before", "append_after", "commit_before", "commit_after", "sync_before", "sync_after", "write", "read", "open", "sql_before",
          "sql_after", "pgsync_before", "pgsync_after", "result", "reply_before", "reply_after", "accept", "malloc")
ACTIONS = {"die": 1, "fail": 2, "short": 3, "delay": 4}
RULE = struct.Struct("=4I4Q16s")
COUNTS = struct.Struct("=2Q")
COUNTS_AT = 4 * 4 + 2 * 8
RULES = 4


class Points:
    def __init__(self, house):
        self.path = f"{house.dir}/points"
        with open(self.path, "wb") as f:
            f.write(bytes(RULES * RULE.size))
        shutil.chown(self.path, house.user)
        with open(self.path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 0)
        house.daemon_env = {"LD_PRELOAD": f"{BUILD}/tests/fault/libpoints.so", "HADIR_POINTS": self.path, "ASAN_OPTIONS":
                            os.environ.get("ASAN_OPTIONS", "detect_leaks=0") + ":verify_asan_link_order=0:allocator_may_return_null=1"}

    def arm(self, role, point, action, nth=1, times=1, error="EIO", delay_ms=0, rule=0):
        value = delay_ms if action == "delay" else getattr(errno, error)
        self.page[rule * RULE.size:rule * RULE.size + 4] = bytes(4)
        body = RULE.pack(0, POINTS.index(point), ACTIONS[action], value, nth, times, 0, 0, role.encode())
        self.page[rule * RULE.size + 4:(rule + 1) * RULE.size] = body[4:]
        self.page[rule * RULE.size:rule * RULE.size + 4] = struct.pack("=I", 1)
        return rule

    def counts(self, rule=0):
        """How often the point was passed since, and how often it acted."""
        return COUNTS.unpack_from(self.page, rule * RULE.size + COUNTS_AT)

    def wait(self, rule=0, times=1, deadline_s=90):
        wait_until(f"the point acts ({self.counts(rule)})", lambda: self.counts(rule)[1] >= times, deadline_s, 0.005)

    def disarm(self, rule=0):
        self.page[rule * RULE.size:rule * RULE.size + 4] = bytes(4)
