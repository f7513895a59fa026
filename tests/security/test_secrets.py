"""Tokens, signatures and secrets: none works that is only near one, none that a thief of the database has, none old, and none is
said anywhere. The house's secrets are canaries: after everything, and at debug level, they are looked for in logs, metrics, health,
answers, /proc, pg_stat_activity, core files and exports. Seeds: none, nothing here is random but the tokens."""
import glob, hashlib, hmac, json, os, re, resource, signal, subprocess, time
import peer  # noqa: F401 (puts tests/e2e on the path)
from harness import BUSINESS, DAY, PGBIN, TOP, House, Tests, basic, epoch, run, wait_until

test = Tests()
OTHER_BUSINESS = "100000000000777"
SENDER = "628001110001"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def hook(house, business=BUSINESS, wamid="wamid.one", at=f"{DAY}T07:10:00+08:00", sender=SENDER, lat=-2.5101):
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp", "metadata": {"display_phone_number": "6280000000000", "phone_number_id": business},
        "messages": [{"from": sender, "id": wamid, "timestamp": str(epoch(at)), "type": "location",
                      "location": {"latitude": house.secret(lat), "longitude": 120.5101}}]}}]}]}).encode()


def signed(body, secret):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(house, body, *signatures, chunked=False):
    """Status of a webhook with these signature headers, as they are."""
    head = "POST /in/whatsapp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    head += "".join(f"X-Hub-Signature-256: {s}\r\n" for s in signatures)
    if chunked:
        parts = [body[i:i + 97] for i in range(0, len(body), 97)]
        data = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
        return house.raw((head + "Transfer-Encoding: chunked\r\n\r\n").encode() + data)[0]
    return house.raw((head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body)[0]


@test
def a_wrong_signature_is_none(house):
    body = hook(house)
    good = signed(body, house.app_secret)
    hexes = good[7:]
    again = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert again != body
    wrong = {
        "empty": [""], "no algorithm": [hexes], "sha1": ["sha1=" + hmac.new(house.app_secret.encode(), body, hashlib.sha1).hexdigest()],
        "sha256 of nothing": ["sha256="], "capital SHA256": ["SHA256=" + hexes], "truncated": [good[:-1]], "half": [good[:39]],
        "longer": [good + "0"], "twice as long": [good + hexes], "no hex": ["sha256=" + "z" * 64], "one bit": [good[:-1] + "0123456789abcdef"[int(good[-1], 16) ^ 1]],
        "other secret": [signed(body, "another-secret")], "empty secret": [signed(body, "")], "secret and line end": [signed(body, house.app_secret + "\n")],
        "plain hash": ["sha256=" + hashlib.sha256(body).hexdigest()], "of another body": [signed(hook(house, wamid="wamid.two"), house.app_secret)],
        "of the body written anew": [signed(again, house.app_secret)], "of no body": [signed(b"", house.app_secret)],
        "two headers": [good, good], "wrong, right": [signed(body, "x"), good], "right, wrong": [good, signed(body, "x")],
        "two in one": [good + ", " + good], "blank inside": ["sha256= " + hexes], "0x": ["sha256=0x" + hexes[2:]], "base64": ["sha256=" + basic(hexes, "x")[6:]],
        "NUL-like": [good[:20] + "%00" + good[23:]]}
    before = house.rows()
    with house.counted(refused__signature=len(wrong) + 4):
        for what, signatures in wrong.items():
            assert post(house, body, *signatures) == 403, what
        assert post(house, body) == 401
        assert post(house, body.replace(b"120.5101", b"120.5102"), good) == 403, "a byte changed"
        assert post(house, body + b" ", good) == 403, "a byte more"
        assert post(house, body.replace(b"120.5101", b"120.5102"), good, chunked=True) == 403
    assert house.rows() == before
    # blanks around a field are no part of it (RFC 9110 5.5); the hexadecimal digits may be capitals; framing is no part of the body
    for signature, chunked in ((good, False), (f"   {good}  ", False), ("sha256=" + hexes.upper(), False), (good, True)):
        assert post(house, body, signature, chunked=chunked) in ((200, 403) if "A" in signature or "F" in signature else (200,)), signature


@test
def a_webhook_again_changes_nothing(house):
    house.hadir("enroll", house.people[0]["nip"], "--channel", "whatsapp", "--quiet", "--number", house.secret(SENDER))
    house.known(house.enroll(house.people[3]["nip"]))  # who knows the later one knows that number
    old = hook(house, wamid="wamid.old", at=f"{DAY}T07:12:00+08:00", lat=-2.5102)
    signature = signed(old, house.app_secret)
    for _ in range(100):
        assert post(house, old, signature) == 200
    rows = house.settled(house.token)
    assert house.value("select count(*) from hadir.checkin where channel = 'whatsapp'") == "2", "the one of before, and this one"
    # after nine days the spool has forgotten it: it is acknowledged once more, and stays one check-in
    house.set_clock("2026-01-07T08:00:00+08:00")
    house.wait_live()
    with house.counted(received__whatsapp=1):
        assert post(house, old, signature) == 200
    house.settled(house.token)
    assert house.value("select count(*) from hadir.checkin where channel = 'whatsapp' and message_at < '2026-01-01'") == "2", rows


@test
def a_number_of_another_government(house):
    """The secret is the app's: its numbers are told apart by phone_number_id. What is for a number nobody has is kept by nobody."""
    house.hadir("government", "add", "TIMUR", "Kabupaten Timur", "--zone", "Asia/Jayapura", "--whatsapp", OTHER_BUSINESS)
    house.hadir("import", "units", house.write("units2.csv", "code,name,kind,parent,government\nTIMUR,Timur,government,,TIMUR\n"))
    house.known(house.enroll(house.people[3]["nip"]))  # who knows the later one knows that number
    before = house.value("select count(*) from hadir.checkin")
    for business in (OTHER_BUSINESS, "100000000000666", "", "0", "1" * 40):
        body = hook(house, business, f"wamid.{business}")
        assert post(house, body, signed(body, house.app_secret)) == 200, business
    house.settled(house.token)
    assert house.value("select count(*) from hadir.checkin where channel = 'whatsapp' and government <> (select id from hadir.government where code = 'LUTRA')") == "0"
    assert int(house.value("select count(*) from hadir.checkin")) == int(before) + 1, "nobody's check-in: his number is another's business"


@test
def the_handshake_wants_its_token(house):
    def ask(query):
        status, headers, body = house.request("GET", f"/in/whatsapp?{query}")
        return status, body
    good = f"hub.mode=subscribe&hub.challenge=abc&hub.verify_token={house.verify_token}"
    assert ask(good) == (200, b"abc")
    for token in ("", "x", house.verify_token[:-1], house.verify_token + "x", house.verify_token.upper(), house.verify_token + "%00", house.app_secret):
        status, body = ask(f"hub.mode=subscribe&hub.challenge=abc&hub.verify_token={token}")
        assert status == 403 and b"abc" not in body, token
    for query in ("", "hub.mode=subscribe&hub.challenge=abc", good.replace("subscribe", "unsubscribe"), good + "&hub.verify_token=x",
                  good.replace("abc", "%3Cscript%3E"), good.replace("abc", "a%0d%0ab")):
        assert ask(query)[0] == 403, query


# ---- tokens ----
@test
def nothing_in_a_dump_opens(house):
    """Every string and every bytea of pg_dump (as it stands, its bytes, base64, base64url, hex) as bearer, password and id."""
    dump = run(f"{PGBIN}/pg_dump", "-h", f"{house.dir}/pg", "-U", "postgres", "hadir", "--data-only", user=house.user).stdout
    words = {w for w in re.findall(r"[^\t\n{},\" ]{16,128}", dump)}
    hashes = {h for (h,) in house.sql("select encode(token_hash, 'hex') from hadir.device where token_hash is not null union select encode(token_hash, 'hex') from hadir.access")}
    assert len(hashes) >= 2 and all("\\\\x" + h in dump for h in hashes), "the dump has them"
    import base64
    near = set()
    for h in hashes:
        raw = bytes.fromhex(h)
        for b in (raw, raw[:16], raw[16:]):
            near |= {base64.urlsafe_b64encode(b).decode().rstrip("="), base64.b64encode(b).decode(), b.hex(), b.hex().upper()}
    words = sorted(near) + sorted(w for w in words if w.isascii() and w.isprintable())[:400]
    assert house.token not in dump and house.head not in dump
    opened = []
    for word in words:
        ok = house.request("GET", "/v1/me", headers=bearer(word))[0], house.owntracks(word)[0], house.osmand(word)[0]
        if 200 in ok:
            opened.append(word)
    print(f"# {len(words)} words tried at three doors")
    assert not opened and house.request("GET", "/v1/me", headers=bearer(house.token))[0] == 200
    house.spoken -= set(words)


@test
def who_is_revoked_is_out_and_who_is_enrolled_anew_too(house):
    """Asked again and again: after the first refusal none is let in. A new enrolment of a revoked phone does not wake the old token."""
    nip = house.people[1]["nip"]
    for channel, ask, here in (("native", lambda t: house.request("GET", "/v1/recap/days?nip=0&month=2026-01", headers=bearer(t))[0], 404),
                               ("owntracks", lambda t: house.owntracks(t)[0], 200), ("osmand", lambda t: house.osmand(t)[0], 200)):
        old = house.enroll(nip, channel)
        wait_until("every door has it", lambda: all(ask(old) == here for _ in range(8)))
        house.doors_agree()
        house.hadir("revoke", nip, "--channel", channel)
        answers = []
        wait_until("it is out", lambda: answers.append(ask(old)) or answers[-1] in (400, 401, 403), every_s=0.02)
        house.doors_agree()
        assert set(answers[:-1]) <= {here}, answers
        new = house.enroll(nip, channel)
        wait_until("the new one is in", lambda: all(ask(new) == here for _ in range(8)))
        house.doors_agree()
        assert all(ask(old) in (400, 401, 403) for _ in range(20)), channel
        print(f"# {channel}: {len(answers) - 1} answers before it was out")


@test
def comparisons_take_no_shortcut(house):
    """Where secrets are compared: in constant time. Read in the source, because a clock decides no test."""
    def body(file, function):
        text = open(f"{TOP}/{file}").read()
        return text[text.index(function):][:1500]
    assert "digest_equal" in open(f"{TOP}/proto/whatsapp.c").read()
    assert re.search(r"CRYPTO_memcmp", open(f"{TOP}/daemon/crypto/digest.c").read())
    directory = "".join(open(p).read() for p in glob.glob(f"{TOP}/daemon/directory/*.c"))
    assert "digest_equal" in directory, "the directory's look-up of a token"


# ---- canaries ----
def canaries(house):
    key = open(f"{house.dir}/secret/receipt.key").read().splitlines()[1]
    export = open(f"{house.dir}/secret/export.key").read().splitlines()[1]
    return {**{str(s): "spoken" for s in house.spoken}, house.app_secret: "app secret", house.verify_token: "verify token",
            house.password: "database password", key: "receipt key", export: "export key", house.target_password: "password of a target"}


def found_in(house, what, text):
    if isinstance(text, str):
        text = text.encode(errors="replace")
    # a key's bytes as well as its text
    import base64
    more = {base64.b64decode(c)[-32:]: why for c, why in canaries(house).items() if why == "receipt key"}
    return [f"{what}: {why}" for c, why in {**{c.encode(): w for c, w in canaries(house).items()}, **more}.items() if c in text]


@test
def no_secret_is_said(house):
    """Everything that a person may see from outside or beside, after all that was said in the tests before, at level debug."""
    said = []
    for path in ("/metrics", "/healthz", "/readyz"):
        status, body = house.admin(path)
        assert status == 200, (path, status)
        said += found_in(house, path, body)
    for headers, path in ((bearer(house.token + "x"), "/v1/me"), (bearer(house.token), f"/v1/checkins/{house.token}"),
                          (bearer(house.token), f"/v1/absences?x={house.token}"), ({}, f"/in/osmand?id={house.token}x&lat=1"),
                          (bearer(house.token), "/v1/../secret/receipt.key"), ({}, f"/{house.verify_token}"), ({"Host": house.token}, "/v1/me")):
        status, answered, body = house.request("GET", path, headers=headers)
        assert status >= 400, path
        said += found_in(house, path.split("?")[0][:12], body + str(answered).encode())
    said += found_in(house, "log", house.log()) + found_in(house, "PostgreSQL's log", open(f"{house.dir}/pg.log").read())
    said += found_in(house, "pg_stat_activity", json.dumps(house.sql("select query from pg_stat_activity where pid <> pg_backend_pid()")))
    for pid in [house.daemon.pid, *house.children()]:
        for file in ("cmdline", "environ", "comm"):
            said += found_in(house, f"{file} of a role", open(f"/proc/{pid}/{file}", "rb").read())
    for at, _, files in os.walk(f"{house.dir}/export"):
        for file in files:
            said += found_in(house, f"export {file}", open(f"{at}/{file}", "rb").read())
    assert " debug " in house.log(), "the level is debug"
    assert not said, sorted(set(said))


@test
def no_core_is_written(house):
    """A role that aborts leaves no file with its memory, though cores were allowed to whoever started it."""
    pattern = open("/proc/sys/kernel/core_pattern").read().strip()
    for pid, name in house.children().items():
        if name.startswith("hadir-door") or "door" in name or "ledger" in name:
            limits = open(f"/proc/{pid}/limits").read()
            core = re.search(r"Max core file size +(\S+)", limits)[1]
            dumpable = os.stat(f"/proc/{pid}/environ").st_uid  # root's when not dumpable
            held = core == "0" or dumpable == 0
            print(f"# {name}: core limit {core}, {'not ' if dumpable == 0 else ''}dumpable")
            assert held, f"{name} may write its memory to {pattern} (limit {core})"
    victim = next((pid for pid, name in house.children().items() if "door" in name), None)
    assert victim, house.children()
    restarts = house.restarts()
    os.kill(victim, signal.SIGABRT)
    wait_until("the role is back", lambda: house.restarts() > restarts)
    house.wait_ready()
    cores = [p for p in glob.glob(f"{house.dir}/core*") + glob.glob(f"{house.dir}/*/core*") if os.path.isfile(p)]
    assert not cores, cores


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "detect_leaks=0") + ":disable_coredump=0"  # the daemon's limit, not the sanitizer's
    with House("secrets", log_level="debug") as house:
        house.password, house.target_password = "canary-password-of-the-database", "canary-password-of-a-target"
        house.app_secret, house.verify_token = "canary-app-secret-4711", "canary-verify-token-0815"
        house.write("secret/whatsapp-app-secret", house.app_secret + "\n")
        house.write("secret/whatsapp-verify-token", house.verify_token + "\n")
        house.conf["database"] += f" password={house.password}"
        house.write_conf()
        house.start()
        house.token = house.known(house.enroll(house.people[5]["nip"]))
        house.head = house.known(house.grant(house.people[6]["nip"]))
        code = test.main(house)
    raise SystemExit(code)
