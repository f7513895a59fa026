"""Receipts: what anybody can check with the public key alone, what a forger would have to change, and what is left of
them when the coordinates are gone."""
import copy, hashlib, json, os, struct, uuid
from harness import DAY, House, Tests, receipt_bytes, wait_until

test = Tests()
AT = f"{DAY}T07:00:00+08:00"


def verify(house, text, key="secret/receipt.pub"):
    """exit status, what it said"""
    path = house.write("receipt.json", text if isinstance(text, str) else text.decode())
    done = house.hadir("verify-receipt", "--key", f"{house.dir}/{key}", path, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def batch(house):
    """A receipt out of the middle of a group of five, as bytes, and what was sent and answered."""
    sent = [{"id": str(uuid.uuid4()), "taken_at": AT, "sent_at": house.now(), "lat": round(-2.5601 - n / 1e4, 6), "lon": 120.3152,
             "accuracy_m": 11, "note": "catatan", "mock": n == 2} for n in range(5)]
    status, headers, body = house.request("POST", "/v1/checkins", json.dumps(sent), {
        "Authorization": f"Bearer {house.token}", "Content-Type": "application/json"})
    answers = json.loads(body)
    assert status == 200 and [a["status"] for a in answers] == ["accepted"] * 5, body
    pieces = body.split(b'"receipt":')
    receipts = [p[:p.index(b',"coordinate_salt"')] for p in pieces[1:]]
    return sent[2], answers[2], receipts[2]


def altered(value):
    """Another value of the same kind."""
    if value is None:
        return "2025-12-29T00:00:00.000000Z"
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        i = len(value) // 2
        return value[:i] + ("1" if value[i:i + 1] != "1" else "2") + value[i + 1:] if value else "x"
    raise AssertionError(value)


def leaves(node, path=()):
    if isinstance(node, dict):
        for k, v in node.items():
            yield from leaves(v, path + (k,))
    elif isinstance(node, list):
        for i, v in enumerate(node):
            yield from leaves(v, path + (i,))
    else:
        yield path, node


def changed(receipt, path, change):
    tampered = copy.deepcopy(receipt)
    node = tampered
    for step in path[:-1]:
        node = node[step]
    change(node, path[-1])
    return json.dumps(tampered, separators=(",", ":"))


@test
def good_ones_verify_with_the_public_key_alone(house):
    item, answer, receipt = batch(house)
    code, said = verify(house, receipt)
    assert code == 0 and said.startswith("GOOD"), said
    assert verify(house, receipt + b"\r\n")[0] == 0
    tree = json.loads(receipt)["tree"]
    assert len(tree["path"]) >= 2 and int(tree["size"]) >= 5, tree
    # without configuration, directory, database: another folder, nothing in the environment
    path = house.write("alone.json", receipt.decode())
    from harness import BUILD, run
    done = run(f"{BUILD}/daemon/hadir", "verify-receipt", "--key", f"{house.dir}/secret/receipt.pub", path, user=house.user,
               env={k: v for k, v in os.environ.items() if not k.startswith("HADIR")})
    assert done.stdout.startswith("SAH"), done.stdout


@test
def the_salt_opens_the_coordinates(house):
    item, answer, receipt = batch(house)
    said = json.loads(receipt)["fact"]["coordinates_sha256"]
    opened = hashlib.sha256(bytes.fromhex(answer["coordinate_salt"]) + struct.pack(">dd", item["lat"], item["lon"])).hexdigest()
    assert said == opened, (said, opened)
    for secret in (str(item["lat"]), str(item["lon"]), item["id"], item["note"], answer["coordinate_salt"]):
        assert secret not in receipt.decode(), f"{secret} is in the receipt"
    assert answer["verdict"] == json.loads(receipt)["verdict"]["verdict"] == "on_time", answer
    assert answer["checkin"] == json.loads(receipt)["fact"]["id"]


@test
def whatever_is_changed_is_noticed(house):
    item, answer, raw = batch(house)
    receipt = json.loads(raw)
    words = ("MALFORMED", "ANOTHER KEY", "CONTENT CHANGED", "WRONG SIGNATURE")
    seen, tried = set(), 0

    def must_fail(text, what):
        nonlocal tried
        tried += 1
        code, said = verify(house, text)
        assert code == 1, f"{what}: {said}"
        word = next((w for w in words if said.startswith(w)), None)
        assert word, f"{what}: {said}"
        seen.add(word)

    def put(new):
        def change(node, step):
            node[step] = new
        return change

    def drop(node, step):
        del node[step]
    for path, value in leaves(receipt):
        must_fail(changed(receipt, path, put(altered(value))), f"{path} altered")
    for path, value in list(leaves(receipt))[::3]:
        must_fail(changed(receipt, path, drop), f"{path} left out")
    for path in [("fact", "lat"), ("verdict", "extra"), ("tree", "extra"), ("extra",)]:
        must_fail(changed(receipt, path, put("x")), f"{path} added")
    must_fail(changed(receipt, ("tree", "path"), lambda n, s: n[s].append(n[s][0])), "longer path")
    must_fail(changed(receipt, ("tree", "path"), lambda n, s: n[s].reverse()), "path turned round")
    must_fail(changed(receipt, ("tree", "path"), put([])), "no path")
    other = json.loads(batch(house)[2])
    must_fail(changed(receipt, ("signature",), put(other["signature"])), "another group's signature")
    must_fail(changed(receipt, ("fact",), put(other["fact"])), "another check-in's fact")
    must_fail(raw[:-1], "cut off")
    must_fail(raw + b"{}", "something behind it")
    must_fail(raw.replace(b'"status":"accepted"', b'"status":"accepted","status":"accepted"', 1), "a member twice")
    must_fail(b"", "nothing")
    must_fail(b"[" * 5000, "deep")
    assert {"CONTENT CHANGED", "WRONG SIGNATURE", "ANOTHER KEY", "MALFORMED"} == seen, seen
    print(f"# {tried} forgeries")


@test
def another_key_does_not_verify(house):
    item, answer, receipt = batch(house)
    house.hadir("keygen", f"{house.dir}/secret/other.key", f"{house.dir}/secret/other.pub")
    code, said = verify(house, receipt, "secret/other.pub")
    assert code == 1 and said.startswith("ANOTHER KEY"), said
    house.write("secret/broken.pub", "nonsense\n")
    assert verify(house, receipt, "secret/broken.pub")[0] == 1
    assert verify(house, receipt, "secret/missing.pub")[0] == 1


@test
def the_same_receipt_again_after_erasure(house):
    item, answer, receipt = batch(house)
    single_status, single = house.checkin(house.token, lat=-2.5603, lon=120.3153, taken=AT, sent=house.now())
    id = answer["checkin"]
    wait_until("it is in the table", lambda: house.value(f"select count(*) from hadir.checkin where id in ('{id}', "
                                                         f"'{single['checkin']}')") == "2")
    again = house.hadir("receipt", id).stdout.encode().rstrip(b"\n")
    assert again == receipt, f"another receipt from the database\n{receipt}\n{again}"
    assert house.hadir("receipt", str(uuid.uuid4()), check=False).returncode == 1
    assert house.hadir("receipt", "nonsense", check=False).returncode != 0
    place = f"select count(*) from hadir.checkin_position where checkin = '{id}'"
    keys = f"select count(*) from hadir.checkin_key where checkin = '{id}'"
    assert (house.value(place), house.value(keys)) == ("1", "1")
    house.hadir("retention")
    assert house.value(place) == "1", "erased too early"
    house.sql("update hadir.government set retention_days = 9")
    house.set_clock("2026-02-20T09:00:00+08:00")
    said = house.hadir("retention", "--government", "LUTRA").stdout
    assert said.strip(), "retention says what it erased"
    assert (house.value(place), house.value(keys)) == ("0", "0"), said
    left = house.value("select coalesce(string_agg(c.relname || '.' || a.attname, ','), 'nowhere') from pg_attribute a join pg_class c "
                       "on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'hadir' and "
                       "c.relkind in ('r', 'p') and c.relname not like 'checkin_position%' and a.attname in ('lat', 'lon', 'salt', 'metres')")
    assert left == "nowhere", f"coordinates live elsewhere, too: {left}"
    dump = house.value(f"select c::text from hadir.checkin c where id = '{id}'")
    assert answer["coordinate_salt"] not in dump and str(item["lat"]) not in dump
    again = house.hadir("receipt", id).stdout.encode().rstrip(b"\n")
    assert again == receipt, "another receipt after erasure"
    assert verify(house, again)[0] == 0
    assert verify(house, house.hadir("receipt", single["checkin"]).stdout)[0] == 0
    assert single["receipt"] == json.loads(house.hadir("receipt", single["checkin"]).stdout)
    print(f"# {said.strip().splitlines()}")


if __name__ == "__main__":
    with House("receipts") as house:
        house.start(clock=AT)
        house.token = house.known(house.enroll(house.people[0]["nip"]))
        code = test.main(house)
    raise SystemExit(code)
