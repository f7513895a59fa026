"""Kills roles and the supervisor, and stops PostgreSQL, at random under load, and holds the clients' own ledger of what
they were told against the table: nothing acknowledged is lost, nothing is there twice, nothing was invented.

The clients write down every request before it leaves and every answer after it came. A request whose answer never
came is *unknown* and is sent again later with the same id, as phones do; the answer must then be the first receipt.
HADIR_KILLS, HADIR_STOPS and HADIR_SEED lengthen or replay a run."""
import json, os, random, signal, threading, time, uuid
from datetime import datetime, timezone
from harness import House, Tests, wait_until

KILLS = int(os.environ.get("HADIR_KILLS", "50"))
STOPS = int(os.environ.get("HADIR_STOPS", "10"))
SEED = int(os.environ.get("HADIR_SEED", str(random.SystemRandom().randrange(2**31))))
CLIENTS = 8
test = Tests()


class Client(threading.Thread):
    """One phone: a check-in after the other; what is unknown is tried again until it is known."""

    def __init__(self, house, number, token):
        super().__init__(daemon=True)
        self.house, self.number, self.token = house, number, token
        self.random = random.Random(SEED * 100 + number)
        self.ledger = {}      # id -> what we sent and were told
        self.in_flight = 0
        self.stopping = threading.Event()
        self.retried_same = 0
        self.errors = []

    def send(self, id, entry):
        self.in_flight = 1
        try:
            status, answer = self.house.post(self.token, entry["item"])
        except Exception:  # reset, refused, timed out: nobody told us anything
            return False
        finally:
            self.in_flight = 0
        if status == 200:
            receipt = json.dumps(answer["receipt"], sort_keys=True)
            if entry["receipt"] is not None and entry["receipt"] != receipt:
                self.errors.append(f"{id}: another receipt than the first")
            elif entry["receipt"] is not None:
                self.retried_same += 1
            entry.update(state="acknowledged", receipt=receipt, checkin=answer["checkin"])
            return True
        if status != 503:
            self.errors.append(f"{id}: HTTP {status} {answer}")
        return False

    def run(self):
        unknown = []
        while not self.stopping.is_set():
            if unknown and self.random.random() < 0.5:
                id = unknown.pop(0)
            elif self.ledger and self.random.random() < 0.05:
                id = self.random.choice(list(self.ledger))  # a phone that did not notice its answer
            else:
                id = str(uuid.uuid4())
                lat = round(-2.5 - self.random.random() / 10, 7)
                lon = round(120.3 + self.random.random() / 10, 7)
                self.ledger[id] = {"state": "unknown", "receipt": None, "item": {
                    "id": id, "taken_at": datetime.now(timezone.utc).isoformat(timespec="seconds"), "lat": lat, "lon": lon, "accuracy_m": 9}}
            if not self.send(id, self.ledger[id]) and self.ledger[id]["state"] == "unknown":
                unknown.append(id)
                self.stopping.wait(0.02)
        for id in [i for i, e in self.ledger.items() if e["state"] == "unknown"][::2]:
            # half of the unknown are tried once more; the others stay unknown: one row or none
            wait_until(f"{id} is answered", lambda: self.send(id, self.ledger[id]), 60)


def kill_one(house, rng, clients, counts):
    kind = rng.choice(["ledger", "ledger", "door", "door", "desk", "planner", "supervisor"])
    wait_until("something is in flight", lambda: any(c.in_flight for c in clients), 30, 0.001)
    time.sleep(rng.random() * 0.02)  # a random moment within a group commit, not a wait for anything
    outstanding = sum(c.in_flight for c in clients)
    if kind == "supervisor":
        pid = house.daemon.pid
        children = house.children()
        os.kill(pid, signal.SIGKILL)
        house.daemon.wait(20)
        wait_until("the orphaned roles end", lambda: not any(os.path.exists(f"/proc/{c}") for c in children), 30)
        house.log_file.close()
        house.start(wait=False)
        house.wait_ready()
    else:
        victims = [pid for pid, name in house.children().items() if kind in name]
        if not victims:
            return
        os.kill(rng.choice(victims), signal.SIGKILL)
    counts[kind] = counts.get(kind, 0) + 1
    counts["outstanding"] = counts.get("outstanding", 0) + (1 if outstanding else 0)
    wait_until("the service answers again", lambda: house.admin("/readyz")[0] == 200, 60)


@test
def nothing_lost_twice_or_invented(house):
    rng = random.Random(SEED)
    print(f"seed {SEED}, {KILLS} kills, {STOPS} database stops")
    tokens = [house.enroll(p["nip"]) for p in house.people[:CLIENTS]]
    for t in tokens:
        house.known(t)
    clients = [Client(house, n, t) for n, t in enumerate(tokens)]
    for c in clients:
        c.start()
    counts, kills, stops = {}, 0, 0
    plan = ["kill"] * KILLS + ["stop"] * STOPS
    rng.shuffle(plan)
    for step in plan:
        if step == "kill":
            before = sum(v for k, v in counts.items() if k != "outstanding")
            while sum(v for k, v in counts.items() if k != "outstanding") == before:
                kill_one(house, rng, clients, counts)
            kills += 1
        else:
            house.stop_database("immediate")
            wait_until("check-ins go on without the database", lambda c0=sum(
                e["state"] == "acknowledged" for c in clients for e in list(c.ledger.values())): sum(
                e["state"] == "acknowledged" for c in clients for e in list(c.ledger.values())) > c0, 60)
            house.start_database()
            stops += 1
    for c in clients:
        c.stopping.set()
    for c in clients:
        c.join(120)
        assert not c.is_alive()
    house.wait_live(120)
    wait_until("the spool is drained", lambda: house.health().get("spool_depth") == 0, 120)
    compare(house, clients, counts, kills, stops)


def compare(house, clients, counts, kills, stops):
    errors = [e for c in clients for e in c.errors]
    sent = {id: e for c in clients for id, e in c.ledger.items()}
    acknowledged = {id for id, e in sent.items() if e["state"] == "acknowledged"}
    rows = house.sql("select k.key, c.id, p.lat, p.lon from hadir.checkin c join hadir.checkin_key k on k.checkin = c.id "
                     "join hadir.checkin_position p on p.checkin = c.id where c.status = 'recorded'")
    seen = {}
    for key, checkin, lat, lon in rows:
        id = str(uuid.UUID(key.replace("\\x", "")))
        assert id not in seen, f"{id} is in the table twice"
        assert id in sent, f"{id} was never sent"
        item = sent[id]["item"]
        assert float(lat) == item["lat"] and float(lon) == item["lon"], f"{id} has another place"
        seen[id] = checkin
    total = int(house.value("select count(*) from hadir.checkin"))
    odd = house.sql("select status, reason, count(*) from hadir.checkin group by 1, 2 order by 3 desc limit 5")
    assert total == len(seen), f"{total} check-ins, {len(seen)} with key and place: {odd}"
    lost = acknowledged - seen.keys()
    assert not lost, f"{len(lost)} acknowledged check-ins are not in the table, e.g. {sorted(lost)[:3]}"
    for id in acknowledged:
        assert sent[id]["checkin"] == seen[id], f"{id} was acknowledged under another id"
    retried = sum(c.retried_same for c in clients)
    print(f"{len(sent)} sent, {len(acknowledged)} acknowledged, {len(seen)} in the table, {retried} retries with the first "
          f"receipt; {kills} kills {counts}, {stops} database stops")
    assert not errors, errors[:5]
    assert counts["outstanding"] > kills // 2, "hardly any acknowledgement was outstanding at the kills"
    assert retried > 0
    assert len(acknowledged) > 200


if __name__ == "__main__":
    with House("kill", simulated_clock="no") as house:  # a killed supervisor forgets a simulated clock
        house.start()
        code = test.main(house)
    raise SystemExit(code)
