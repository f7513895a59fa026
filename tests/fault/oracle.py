"""Holds the phones' ledgers against hadir's tables after a run: nothing acknowledged is lost, nothing is there twice,
nothing was invented. check(run) raises AssertionError naming ids, or returns figures."""
import json, os, subprocess
from harness import BUILD, run as command

CHANNELS = {1: "native", 2: "owntracks", 4: "whatsapp"}


class Sent:
    """What the ledgers say of one key."""
    __slots__ = ("channel", "device", "hash", "claimed_us", "place", "bad", "acks", "refused")


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
                        s.bad, s.acks, s.refused = quality == "bad", [], None
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
    assert not refused_wrongly, f"good ones refused: {some(refused_wrongly)}: {sent[next(iter(refused_wrongly))].refused}"
    left = {k for k, s in sent.items() if s.bad} & there.keys()
    assert not left, f"refused ones are in the table: {some(left)}"
    assert not {k for k, s in sent.items() if s.bad and s.acks}, "bad ones were acknowledged"
    again = receipts(run, sent, there)
    return {"sent": len(sent), "acknowledged": len(acknowledged), "recorded": len(there), "same_receipt_again": again,
            "refused": sum(1 for s in sent.values() if s.refused), "unknown": sum(1 for s in sent.values() if not s.acks and not s.refused)}


def receipts(run, sent, there):
    """Every acknowledgement of a key is the same, byte for byte, and every receipt verifies. Returns how many came again."""
    again = 0
    for key, s in sent.items():
        told = {a for a in s.acks if a[0]}
        again += len([a for a in s.acks if a[0]]) - bool(told)
        assert len(told) <= 1 or run.other_spool, f"{key}: {len(told)} different receipts"
        if told and not run.other_spool:
            checkin, receipt = told.pop()
            assert checkin == there[key][0], f"{key} was acknowledged as {checkin}, it is {there[key][0]}"
    return again
