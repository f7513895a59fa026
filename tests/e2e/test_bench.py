"""The benchmarks' own parts, for a second each: the town, the generator, the yardsticks. What they measure is not looked at: that is
tests/bench/run, on a release build."""
import contextlib, io, os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import bench
import figures_door as door
from harness import Tests
from town import Town

test = Tests()


@test
def every_figure_is_there(town):
    bench.load_all()
    assert {"fresh_cpu", "keepalive_rate", "idle_memory", "plan", "directory"} <= set(bench.FIGURES), list(bench.FIGURES)


@test
def turns_and_medians(town):
    order = []
    pairs = list(bench.Bench(3, 1, 1, 1).turns(lambda: order.append("ours") or 2, lambda: order.append("yardstick") or 4))
    assert pairs == [(2, 4)] * 3 and order == ["ours", "yardstick", "yardstick", "ours", "ours", "yardstick"], (pairs, order)
    bench.FIGURES["sample"] = sample = lambda b: [(3, 2), (1, 2), (40, 50)]
    sample.unit, sample.goal = "ms", "≤ 1"
    with contextlib.redirect_stdout(io.StringIO()) as said:
        row = bench.measure("sample", bench.Bench(3, 1, 1, 1))
    assert said.getvalue().splitlines()[-1] == "sample\t3\t2\t0.8\tms" and row[:7] == ["`sample`", "3", "2", "0.8", "ms", "≤ 1", "3"], row


@test
def a_fresh_connection_and_its_yardsticks(town):
    assert door.fresh(town, town.b) > 0
    with door.bare(town) as (group, port):
        assert door.constant(town.b, town, group, port) > 0
    with door.nginx(town) as (group, port):
        assert door.constant(town.b, town, group, port) > 0


@test
def tickets_and_kept_connections(town):
    tickets = f"{town.dir}/tickets"
    assert door.fresh(town, town.b, mode="resumed", tickets=tickets) > 0 and os.path.getsize(tickets) > 0
    assert door.kept(town, town.b) > 0
    assert town.value("select count(*) > 0 from hadir.checkin") == "t"


if __name__ == "__main__":
    with Town(bench.Bench(1, 1, 1, 1), people=100) as town:
        code = test.main(town)
    sys.exit(code)
