"""Holds the phones' ledgers against hadir after a run: nothing acknowledged is lost, nothing is there twice, nothing was
invented. check(run) raises AssertionError naming ids, or returns figures. The rules of receipts and of attendance are here and in
tests/rules/reference.py a second time, slow and without hadir's code."""
import base64, ctypes, datetime, hashlib, itertools, json, random
from harness import wait_until
from reference import Town

CHANNELS = {1: "native", 2: "owntracks", 4: "whatsapp"}
RECEIPTS = 20000  # of more a sample is verified, drawn by the run's seed
FACT = ("id government person device channel fix_at message_at sent_at received_at clock clock_error_us clock_offset_us decided_at decided_by "
        "automatic flags coordinates_sha256").split()
VERDICT = "verdict day session counts_as late_minutes early_minutes place fence relation".split()
# What reference.py reads.
TABLES = ("government", "unit", "person", "posting", "fence", "calendar_day", "calendar_period", "working_hours", "session", "policy",
          "policy_scope", "policy_day", "policy_channel", "policy_evidence", "channel_time", "letter", "letter_order", "assignment",
          "absence_code", "absence", "correction", "outage", "work_report")


class Sent:
    """What the ledgers say of one key."""
    __slots__ = ("channel", "device", "hash", "claimed_us", "place", "bad", "attempts", "acks", "refused")


def read_ledgers(paths):
    """key -> Sent. acks: [(check-in or None, receipt or None)] in the order of the answers."""
    sent = {}
    for path in paths:
        with open(path) as f:
            for line in f:
                if not line.endswith("\n"):
                    break  # cut off by the end of phones: nothing had left yet
                what, key, rest = line.rstrip("\n").split(" ", 2)
                if what == "sent":
                    if key not in sent:
                        s = sent[key] = Sent()
                        channel, device, s.hash, claimed, lat, lon, quality = rest.split(" ")
                        s.channel, s.device, s.claimed_us, s.place = int(channel), int(device), int(claimed), (float(lat), float(lon))
                        s.bad, s.attempts, s.acks, s.refused = quality == "bad", 0, [], None
                    sent[key].attempts += 1
                elif what == "ack":
                    checkin, status, receipt = rest.split(" ", 2)
                    sent[key].acks.append((None, None) if checkin == "-" else (checkin, receipt))
                elif what == "refused":
                    sent[key].refused = rest
    return sent


def some(ids):
    return f"{len(ids)}, e.g. {sorted(ids)[:3]}"


def rows(house):
    """Every check-in with its key: key -> (check-in, body hash, device, claimed µs, lat, lon)."""
    found, twice = {}, []
    for key, checkin, hash, device, claimed, lat, lon in house.sql(
            "select encode(k.key, 'hex'), c.id, encode(k.body_hash, 'hex'), k.device, round(extract(epoch from coalesce(c.fix_at, "
            "c.message_at)) * 1e6), p.lat, p.lon from hadir.checkin c left join hadir.checkin_key k on k.checkin = c.id "
            "left join hadir.checkin_position p on p.checkin = c.id"):
        if key in found:
            twice.append(key)
        found[key] = (checkin, hash, int(device or 0), int(claimed), float(lat), float(lon))
    assert not twice, f"keys that are in the table twice: {some(twice)}"
    return found


def check(run):
    house = run.house
    sent = read_ledgers(run.ledgers)
    there = rows(house)
    acknowledged = {k for k, s in sent.items() if s.acks}
    invented = there.keys() - sent.keys()
    assert not invented, f"nobody sent {some([there[k][0] for k in invented])}"
    lost = acknowledged - there.keys()
    assert not lost, f"{len(lost)} acknowledged check-ins are not in the table, e.g. {sorted(lost)[:3]}"
    odd = house.sql("select id, status, reason from hadir.checkin where status <> 'recorded'")
    assert not odd, f"not plainly recorded: {odd[:3]}"
    for key, (checkin, hash, device, claimed, lat, lon) in there.items():
        s = sent[key]
        assert (hash, device, claimed, (lat, lon)) == (s.hash, s.device, s.claimed_us, s.place), \
            f"{key}: sent {(s.hash, s.device, s.claimed_us, s.place)}, there {(hash, device, claimed, lat, lon)}"
    refused_wrongly = {k for k, s in sent.items() if s.refused and not s.bad}
    assert not refused_wrongly, f"good ones refused: {some(refused_wrongly)}: {[(CHANNELS[sent[k].channel], sent[k].refused) for k in refused_wrongly][:3]}"
    left = {k for k, s in sent.items() if s.bad} & there.keys()
    assert not left, f"refused ones are in the table: {some(left)}"
    assert not {k for k, s in sent.items() if s.bad and s.acks}, "bad ones were acknowledged"
    again, verified = receipts(run, sent, there)
    return {"sent": len(sent), "acknowledged": len(acknowledged), "recorded": len(there), "same_receipt_again": again,
            "receipts_verified": verified, "refused": sum(1 for s in sent.values() if s.refused),
            "unknown": sum(1 for s in sent.values() if not s.acks and not s.refused), "days_recomputed": presence(run)}


# ---- receipts ----

def receipts(run, sent, there):
    """Each acknowledgement of a key is the first one's, byte for byte, and every receipt verifies. Only another spool file, begun
    because the one before was set aside, may give a key another receipt, and one alone; the database then has it as an
    acknowledgement of the same check-in. Returns how many came again, and how many were verified."""
    aside, renamed = (run.house.log().count(f"event={e} ") for e in ("spool_set_aside", "ingest_ahead"))
    assert aside <= run.set_aside, f"{aside} spool files were set aside, faults account for {run.set_aside}"
    assert renamed == 0 or {"power_cuts", "spool_rots"} & run.counts.keys(), f"{renamed} spool files lost rows that the database has"
    spools = {s for s, in run.house.sql("select distinct spool from hadir.checkin union select spool from hadir.checkin_ack")}
    assert len(spools) <= 1 + aside + renamed, f"{len(spools)} spools, expected 1 + {aside} set aside + {renamed} renamed"
    seconds = {id: (checkin, spool) for id, checkin, spool in run.house.sql("select id, checkin, spool from hadir.checkin_ack")}
    firsts = dict(run.house.sql("select id, spool from hadir.checkin where id in (select checkin from hadir.checkin_ack)"))
    again, known = 0, {}
    for key, s in sent.items():
        told = {a for a in s.acks if a[0]}
        again += len([a for a in s.acks if a[0]]) - len(told)
        for checkin, receipt in told:
            is_of = seconds[checkin][0] if checkin in seconds else checkin
            assert is_of == there[key][0], f"{key} was acknowledged as {checkin}, it is {there[key][0]}"
            known[checkin] = receipt
        by = [seconds[c][1] if c in seconds else firsts.get(c) for c, receipt in told]
        assert len(set(by)) == len(by), f"{key}: different receipts from one spool: {sorted(c for c, receipt in told)} by {by}"
    chosen = known.keys() if len(known) <= RECEIPTS else random.Random(run.seed).sample(sorted(known), RECEIPTS)
    verifier = Verifier(f"{run.house.dir}/secret/receipt.pub")
    for checkin in chosen:
        fault = verifier.fault(known[checkin], checkin)
        assert fault is None, f"the receipt of {checkin}: {fault}"
    for checkin in [c for c in sorted(known) if c not in seconds][:3]:  # and hadir writes the same again from its tables
        assert run.house.hadir("receipt", checkin).stdout.rstrip("\n") == known[checkin], f"another receipt of {checkin} from the database"
    return again, len(chosen)


class Verifier:
    """A receipt's check as PROTOCOL.md §8 tells it: hashes by Python, Ed25519 by libcrypto."""

    def __init__(self, path):
        with open(path) as f:
            self.raw = base64.b64decode("".join(line for line in f.read().splitlines() if not line.startswith("-")))[-32:]
        self.id = hashlib.sha256(self.raw).hexdigest()[:16]
        self.lib, self.good = ctypes.CDLL("libcrypto.so.3"), {}
        for name in ("EVP_PKEY_new_raw_public_key", "EVP_MD_CTX_new"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        self.key = self.lib.EVP_PKEY_new_raw_public_key(1087, None, self.raw, ctypes.c_size_t(32))  # NID_ED25519

    def signed(self, size, root, signature):
        """Once a group."""
        if (size, root, signature) not in self.good:
            text = b"hadir-group-v1\n" + size.to_bytes(8, "big") + bytes.fromhex(root)
            bytes_ = base64.urlsafe_b64decode(signature + "==")
            ctx = ctypes.c_void_p(self.lib.EVP_MD_CTX_new())
            begun = self.lib.EVP_DigestVerifyInit(ctx, None, None, None, ctypes.c_void_p(self.key))
            self.good[size, root, signature] = begun == 1 and self.lib.EVP_DigestVerify(
                ctx, bytes_, ctypes.c_size_t(len(bytes_)), text, ctypes.c_size_t(len(text))) == 1
            self.lib.EVP_MD_CTX_free(ctx)
        return self.good[size, root, signature]

    def fault(self, text, checkin):
        """What is wrong with a receipt; None: nothing."""
        r = json.loads(text)
        if r["fact"]["id"] != checkin or r["key"] != self.id:
            return "another check-in or key"
        fact = "hadir-fact-v1\n" + "".join(f"{n}={r['fact'][n]}\n" for n in FACT)
        leaf = b"\0" + hashlib.sha256(fact.encode()).digest() + f"status={r['status']}\n".encode()
        node = hashlib.sha256(leaf + "".join(f"{n}={r['verdict'][n]}\n" for n in VERDICT).encode()).digest()
        index, last = r["tree"]["index"], r["tree"]["size"] - 1
        for step in map(bytes.fromhex, r["tree"]["path"]):
            if last == 0:
                return "the path is too long"
            if index % 2 or index == last:
                node = hashlib.sha256(b"\1" + step + node).digest()
                while index % 2 == 0 and index:
                    index, last = index // 2, last // 2
            else:
                node = hashlib.sha256(b"\1" + node + step).digest()
            index, last = index // 2, last // 2
        if last or node.hex() != r["root"]:
            return "the content does not lead to the root"
        return None if self.signed(r["tree"]["size"], r["root"], r["signature"]) else "the signature"


# ---- counters ----

def balance(run):
    """While the load pauses, and no supervisor has died: told ≤ counted as acknowledged ≤ counted as received ≤ sent, and equal
    where every request got its answer."""
    house, sent = run.house, read_ledgers(run.ledgers)
    tried = {c: sum(s.attempts for s in sent.values() if s.channel == c and not s.bad) for c in CHANNELS}
    told = {c: sum(len(s.acks) for s in sent.values() if s.channel == c) for c in CHANNELS}
    unanswered = sum(tried.values()) - sum(told.values())
    received = {c: int(house.metric("hadir_received_total", channel=n)) for c, n in CHANNELS.items()}
    acknowledged = int(house.metric("hadir_acknowledged_total"))
    figures = f"told {told}, acknowledged {acknowledged}, received {received}, sent {tried}, {unanswered} without an answer"
    assert sum(told.values()) <= acknowledged <= sum(received.values()), figures
    # Refused by signature or token before anything was counted; refused items are counted by reason.
    assert all(told[c] <= received[c] <= tried[c] for c in CHANNELS), figures
    if unanswered == 0:
        assert told == received and acknowledged == sum(told.values()), figures
    refused = {why: int(house.metric("hadir_refused_total", reason=why)) for why in ("out_of_range", "unknown_credential", "signature")}
    wanted = {"out_of_range": sum(1 for s in sent.values() if s.refused and s.channel == 1)}
    assert refused["out_of_range"] >= wanted["out_of_range"], f"refused {refused}, told {wanted}"
    return figures


# ---- presence ----

def town_of(house, people):
    """reference.py over the tables as they are, with the check-ins of these people (and the first of all: the service began)."""
    whose = f"person in ({','.join(map(str, people))}) or id = (select id from hadir.checkin order by received_at limit 1)"
    pairs = [f"'{t}', (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from hadir.{t} r)" for t in TABLES]
    pairs.append(f"'checkin', (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from hadir.checkin r where {whose})")
    pairs.append("'placement', (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from hadir.placement r where checkin in "
                 f"(select id from hadir.checkin where {whose}))")
    return Town(json.loads(house.value(f"set timezone = 'UTC'; select jsonb_build_object({', '.join(pairs)})")))


def whole(answer):
    """An answer of 200, or None: a question that took too long is asked again."""
    return answer if answer[0] == 200 else None


def presence(run):
    """What /v1/units/…/presence says of some enrolled people, today and the two days before, against reference.py. Returns how
    many days of people were the same."""
    house, same = run.house, 0
    house.sql("analyze")  # a database that crashed has forgotten what autovacuum counted: nobody else would, for 100,000 new rows
    wait_until("nothing waits for its placement", lambda: house.value("select count(*) from api.placements_wanted(1)") == "0", 120)
    chosen = random.Random(run.seed).sample(run.people, min(3, len(run.people)))
    ids = {nip: int(id) for nip, id in house.sql(f"select nip, id from hadir.person where nip in ({','.join(repr(n) for n in chosen)})")}
    town = town_of(house, ids.values())
    today = datetime.datetime.fromisoformat(house.now().replace("Z", "+00:00")).astimezone(datetime.timezone(datetime.timedelta(hours=8))).date()
    for day, (nip, person) in itertools.product((today - datetime.timedelta(days=n) for n in range(3)), ids.items()):
        status, body = wait_until(f"presence of {day}", lambda: whole(house.presence(run.supervisor, unit=run.units[nip], day=str(day))), 120, 1)
        served = next(p for p in body["people"] if p["nip"] == nip)
        want = [[r["session"], r["checkin"], r["late"] or 0, r["early"] or 0, r["place"]] for r in town.attendance(person, day)
                if r["session"] or r["checkin"]]
        got = [[s["session"], s["checkin"], s["late_minutes"] or 0, s["early_minutes"] or 0, s["place"]] for s in served["sessions"]]
        assert got == want, f"{nip} on {day}: served {got}, recomputed {want}"
        states = [r["verdict"] for r in town.attendance(person, day) if r["session"] or r["checkin"]]
        assert day < town.began(1) or all(v in (None, s["state"]) for v, s in zip(states, served["sessions"])), (nip, day, states, served)
        same += 1
    return same
