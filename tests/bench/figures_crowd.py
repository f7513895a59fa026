"""What must not grow with the number of people: OwnTracks, and a supervisor's question."""
import http.client, statistics, threading, time
from bench import figure
from town import Town


@figure("owntracks_rate", unit="messages/s", goal="≥ 0.9")
def owntracks_rate(b):
    """Ours with many people beside ours with 1,000; each message stored, over 100 kept connections, whole machine."""
    with Town(b, people=b.people, channels=("owntracks",)) as many, Town(b, people=1000, channels=("owntracks",)) as few:
        def rate(town):
            did = town.load(mode="kept", connections=100, channel="owntracks")
            assert did["failed"] == 0 and did["busy"] == 0, did
            cost.setdefault(town, []).append((did["hadird_s"] + did["postgres_s"]) / did["accepted"] * 1e6)
            return did["accepted"] / did["seconds"]
        cost = {}
        yield from b.turns(lambda: rate(many), lambda: rate(few))
        b.note("CPU of hadird and PostgreSQL a message: " + ", ".join(
            f"{statistics.median(cost[town]):.0f} µs with {people} people" for town, people in ((many, b.people), (few, 1000))))


UNIT = """
insert into hadir.unit (government, code, name, kind, parent)
  select government, 'UKUR', 'Bagian Ukur', kind, id from hadir.unit where code = 'SETDA';
with chosen as (select person from hadir.posting order by person desc limit 200)
update hadir.posting set unit = (select id from hadir.unit where code = 'UKUR') where person in (select person from chosen);
analyze;"""


class Supervisor:
    """Asks for the presence of the unit, over one kept connection of the public service."""

    def __init__(self, house, token):
        self.connection = http.client.HTTPSConnection("127.0.0.1", house.port, context=house.tls, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}"}

    def asks_ms(self, until):
        """Milliseconds of each answer, ten questions a second until then."""
        times = []
        while time.monotonic() < until:
            start = time.monotonic()
            self.connection.request("GET", "/v1/units/UKUR/presence", headers=self.headers)
            answer = self.connection.getresponse()
            body = answer.read()
            assert answer.status == 200 and body.count(b'"nip"') == 200, (answer.status, body[:300])
            times.append((time.monotonic() - start) * 1000)
            time.sleep(max(0, start + 0.1 - time.monotonic()))
        return times


@figure("presence_latency", unit="ms", goal="≤ 3")
def presence_latency(b):
    """Median of the presence of a unit of 200, through door and desk, at half of full load beside idle."""
    with Town(b, people=b.people, start=False) as house:
        house.sql(UNIT)
        house.start()
        token = house.grant(house.people[0]["nip"], unit="UKUR")
        house.known(token)
        asker = Supervisor(house, token)
        full = house.load(mode="fresh", connections=64)
        rate = 0.5 * full["accepted"] / full["seconds"]
        b.note(f"full load: {2 * rate:.0f} check-ins/s, each on a fresh connection")
        slowest = {}

        def noted(what, times):
            slowest.setdefault(what, []).append(statistics.quantiles(times, n=50)[-1])
            return statistics.median(times)

        def idle():
            house.recorded()
            return noted("idle", asker.asks_ms(time.monotonic() + b.seconds))

        def loaded():
            times = []
            ask = threading.Thread(target=lambda: times.extend(asker.asks_ms(time.monotonic() + b.seconds - 1)))
            ask.start()
            did = house.load(mode="fresh", connections=1000, rate=round(rate))
            ask.join()
            assert did["failed"] == 0, did
            return noted("at half load", times)
        yield from b.turns(loaded, idle)
        b.note("98 of 100 answers within: " + ", ".join(f"{statistics.median(v):.1f} ms {k}" for k, v in slowest.items()))
