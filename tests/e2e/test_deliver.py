"""What is published reaches a folder, OpenSSH, nginx and exim with the same bytes; whoever refuses or hangs holds up nobody else, is
tried again and at last given up; a run killed in the middle is finished without a second copy."""
import csv, glob, hashlib, io, os, shutil, signal, socket, subprocess
from harness import BUILD, DAY, House, Tests, run, wait_until
from servers import Exim, Gate, Nginx, Sshd, authority

test = Tests()


def files_below(top):
    return {os.path.relpath(os.path.join(at, f), top): open(os.path.join(at, f), "rb").read() for at, _, files in os.walk(top) for f in files}


def published(house, name=DAY):
    return {f"LUTRA/{name}/{f}": c for f, c in files_below(f"{house.dir}/export/LUTRA/{name}").items()}


def add(house, name, url, *more, since=DAY, **secrets):
    if secrets:
        house.write(f"targets/LUTRA.{name}", "[target]\n" + "".join(f"{k} = {v}\n" for k, v in secrets.items()))
    house.hadir("target", "add", "LUTRA", name, url, *(("--since", since) if since else ()), *more)


def remove(house, *names):
    for name in names:
        house.hadir("target", "remove", "LUTRA", name)


def state(house, name, period=DAY):
    """(state, tries, error) of its delivery of that day."""
    rows = csv.DictReader(io.StringIO(house.hadir("target", "status", "LUTRA", name, "--all", "--csv").stdout))
    return [(r["state"], int(r["tries"]), r["error"]) for r in rows if r["period"] == period][-1]


def argv(house, *words):
    return (["runuser", "-u", house.user, "--"] if os.getuid() == 0 else []) + [f"{BUILD}/daemon/hadir", *words]


def background(house, *words):
    return subprocess.Popen(argv(house, *words), env=house.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=120)


def verifies(house, folder, *more):
    done = run(f"{BUILD}/daemon/hadir", "verify", folder, *more, "--certificate", f"{house.dir}/secret/export.crt", check=False, env=house.env)
    assert done.returncode == 0 and "; 0 faults" in done.stdout, done.stdout + done.stderr


def nights(house, name):
    wait_until(f"{name} is published", lambda: (house.hadir("nightly", check=False), os.path.exists(f"{house.dir}/export/LUTRA/{name}/manifest.json"))[1])


@test
def targets_are_checked(house):
    for words, reason in (((("Arsip"), "file:///x"), "small letters"), (("a", "http://example.go.id/x"), "only to this machine"),
                          (("a", "http://127.0.0.2/x"), "only to this machine"), (("a", "https://me:secret@example.go.id/"), "no password"),
                          (("a", "ftp://example.go.id/"), "must be file:"), (("a", "file://relative"), "must be file:"), (("a", "sftp://host/x"), "must be file:"),
                          (("a", "smtp://host"), "address"), (("a", "https://host/", "--format", "pdf"), "only of mail"), (("a", "file:///x", "--what", "week"), "day, month or all")):
        done = house.hadir("target", "add", "LUTRA", *words, check=False)
        assert done.returncode == 1 and reason in done.stderr, (words, done.stderr)
    assert "the government is unknown" in house.hadir("target", "add", "XX", "a", "file:///x", check=False).stderr
    add(house, "once", "file:///nowhere", since=None)
    assert "is there already" in house.hadir("target", "add", "LUTRA", "once", "file:///x", check=False).stderr
    assert "once" in house.hadir("target", "list").stdout
    assert "no delivery failed" in house.hadir("deliver", "--again", "LUTRA", "once", check=False).stderr
    remove(house, "once")
    assert "the target is unknown" in house.hadir("target", "remove", "LUTRA", "once", check=False).stderr
    assert house.hadir("deliver").stdout == "", "nothing to do is nothing to say"


@test
def the_same_bytes_everywhere(house):
    nights(house, DAY)
    house.as_user("mkdir", "-m", "0700", f"{house.dir}/arsip")
    add(house, "arsip", f"file://{house.dir}/arsip")
    add(house, "sftp", house.sshd.url(), known_hosts=house.sshd.known_hosts, key=f"{house.sshd.dir}/user")
    add(house, "web", house.nginx.url(), token=house.nginx.token, ca=house.ca)
    add(house, "mail", house.exim.url(), "--from", "hadir@example.go.id", "--to", "bkpsdm@example.go.id,arsip@example.go.id", "--format", "xlsx", ca=house.ca)
    done = house.hadir("deliver")
    assert done.stdout.count("version 1: delivered to") == 4, done.stdout
    expected = published(house)
    for top in (f"{house.dir}/arsip", house.sshd.root, f"{house.nginx.root}/in"):
        assert files_below(top) == expected, (top, sorted(set(files_below(top)) ^ set(expected)))
        verifies(house, top)
    puts = wait_until("the last is written down, too", lambda: len(house.nginx.requests()) >= len(expected) and house.nginx.requests())
    assert puts[-1][2] == f"/in/LUTRA/{DAY}/manifest.json" and len(puts) == len(expected) and {p[1] for p in puts} == {"PUT"}, puts[-1]
    mails = wait_until("the mail is in the box, of each of both", lambda: len(house.exim.messages()) == 2 and house.exim.messages())
    parts = {p.get_filename(): p.get_content() for p in mails[0].iter_attachments()}
    assert set(parts) == {n.split("/")[-1] for n in expected if n.endswith((".xlsx", "manifest.json", ".p7s"))}, sorted(parts)
    assert all(c == expected[f"LUTRA/{DAY}/{n}"] for n, c in parts.items())
    assert mails[0]["To"].replace(" ", "") == "bkpsdm@example.go.id,arsip@example.go.id" and f"LUTRA {DAY}" in mails[0]["Subject"] and mails[0]["Date"], mails[0].items()
    assert hashlib.sha256(parts["manifest.json"]).hexdigest() in mails[0].get_body().get_content()
    for n in ("manifest.json", "manifest.json.p7s"):
        with open(f"{house.dir}/{n}", "wb") as f:
            f.write(parts[n])
    run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-content", f"{house.dir}/manifest.json", "-in", f"{house.dir}/manifest.json.p7s",
        "-CAfile", f"{house.dir}/secret/export.crt", "-out", "/dev/null")
    assert state(house, "web") == ("delivered", 1, "")
    assert house.hadir("deliver").stdout == ""
    # By hand, once more: whoever has it knows it again.
    house.hadir("deliver", "--again", "LUTRA", "mail", DAY)
    house.hadir("deliver", "--again", "LUTRA", "web", DAY)
    house.hadir("deliver", "--again", "LUTRA", "sftp", DAY)
    house.hadir("deliver", "--again", "LUTRA", "arsip", DAY)
    mails = wait_until("the second mail", lambda: len(house.exim.messages()) == 4 and house.exim.messages())
    assert len({m["Message-ID"] for m in mails}) == 1, [m["Message-ID"] for m in mails]
    again = house.nginx.requests()[len(puts):]
    assert [p[1:] for p in again] == [p[1:] for p in puts], "other keys"
    assert files_below(house.sshd.root) == expected and files_below(f"{house.dir}/arsip") == expected


@test
def refusals_hold_up_nobody(house):
    remove(house, "sftp", "web", "mail", "arsip")
    os.mkdir(f"{house.dir}/arsip2")
    shutil.chown(f"{house.dir}/arsip2", house.user)
    mail = ("--from", "hadir@example.go.id", "--to")
    add(house, "closed", house.nginx.url("closed"), ca=house.ca)
    add(house, "full", house.nginx.url("full"), ca=house.ca)
    add(house, "token", house.nginx.url(), token="wrong", ca=house.ca)
    add(house, "unknown-ca", house.nginx.url(), token=house.nginx.token, ca=house.other_ca)
    add(house, "host-key", house.sshd.url(), known_hosts=house.sshd.other_hosts, key=f"{house.sshd.dir}/user")
    add(house, "no-hosts", house.sshd.url(), key=f"{house.sshd.dir}/user")
    add(house, "user-key", house.sshd.url(), known_hosts=house.sshd.known_hosts, key=f"{house.sshd.dir}/stranger")
    add(house, "rejected", house.exim.url(), *mail, "reject@example.go.id", ca=house.ca)
    add(house, "no-tls", house.exim.url(), *mail, "bkpsdm@example.go.id", ca=house.other_ca)
    add(house, "grey", house.exim.url("127.0.0.1"), *mail, "bkpsdm@example.go.id")
    add(house, "gone", f"file://{house.dir}/not-mounted")
    add(house, "open", house.sshd.url(), known_hosts=house.sshd.known_hosts, key=f"{house.sshd.dir}/user")
    os.chmod(f"{house.dir}/targets/LUTRA.open", 0o644)
    add(house, "odd", house.nginx.url(), colour="red")
    add(house, "password", house.nginx.url("named"), user="lutra", password="salah", ca=house.ca)
    add(house, "named", house.nginx.url("named"), user="lutra", password="rahasia uji", ca=house.ca)
    add(house, "good", f"file://{house.dir}/arsip2")
    house.exim.write("grey", "")
    done = house.hadir("deliver", check=False)
    assert done.returncode == 1 and sorted(done.stdout.splitlines()) == [f"LUTRA {DAY} version 1: delivered to {n}" for n in ("good", "named")], (done.stdout, done.stderr)
    for name, reason in (("closed", "403"), ("full", "507"), ("token", "401"), ("unknown-ca", "certificate"), ("host-key", "remote key"), ("no-hosts", "known_hosts is not set"),
                         ("user-key", "uthentication"), ("rejected", "550 no such person"), ("no-tls", "certificate"), ("grey", "451 greylisted"),
                         ("gone", "is not there"), ("open", "others can reach it"), ("odd", "line 2: unknown key colour"), ("password", "401")):
        got = state(house, name)
        assert got[:2] == ("failed", 1) and reason in got[2], (name, got)
        assert f"not delivered to {name} (failed, tried again): " in done.stderr, done.stderr
    assert files_below(f"{house.dir}/arsip2") == files_below(f"{house.nginx.root}/named") == published(house)
    said = house.hadir("doctor", check=False).stdout
    assert "gagal terkirim" in said and "LUTRA full (1: " in said, said
    secrets = (house.nginx.token, "wrong", "salah", "rahasia uji")
    assert not [s for s in secrets if s in done.stdout + done.stderr], "a secret was said"
    waits = lambda: house.value("select string_agg(distinct tries || ': ' || extract(epoch from next_at - tried_at)::int, ', ') "
                                "from hadir.export_delivery where state = 'failed'")
    assert waits() == "1: 60", waits()
    # A minute later greylisting lets it through; the others fail again, and wait longer.
    os.unlink(f"{house.exim.dir}/grey")
    house.tick(61)
    with open(f"{house.dir}/hadird.conf") as f:
        house.write("id.conf", f.read().replace("language = en", "language = id"))
    done = house.hadir("-c", f"{house.dir}/id.conf", "deliver", check=False)
    assert "terkirim ke grey" in done.stdout, (done.stdout, done.stderr)
    for name, reason in (("closed", "server menjawab 403: ditolak; periksa pengguna, kata sandi, token atau kunci"), ("full", "server menjawab 507: disk penerima penuh"),
                         ("unknown-ca", "periksa ca di berkas tujuan ("), ("host-key", "bukan yang ada di known_hosts; tanyakan"), ("no-hosts", "known_hosts tidak diisi"),
                         ("user-key", "ditolak; periksa pengguna"), ("gone", "tidak ada"), ("open", "dapat dijangkau orang lain: chmod 600"), ("odd", "baris 2: kunci colour tidak dikenal")):
        assert reason in state(house, name)[2], (name, state(house, name))
    assert state(house, "grey")[:2] == ("delivered", 2) and state(house, "full")[:2] == ("failed", 2)
    assert waits() == "2: 120", waits()
    house.tick(121)
    house.hadir("deliver", check=False)
    assert state(house, "full")[:2] == ("failed", 3) and waits() == "3: 240", waits()
    # The last try.
    house.sql("update hadir.export_delivery set tries = 23, next_at = 'epoch' where state = 'failed'")
    done = house.hadir("deliver", check=False)
    assert "not delivered to full (given up): manifest.json" not in done.stderr and "not delivered to full (given up): " in done.stderr, done.stderr
    assert state(house, "full")[:2] == ("given_up", 24)
    house.tick(86400)
    assert house.hadir("deliver").stderr == "", "given up is given up"
    # Mended and tried by hand.
    house.write("targets/LUTRA.host-key", f"[target]\nknown_hosts = {house.sshd.known_hosts}\nkey = {house.sshd.dir}/user\n")
    done = house.hadir("deliver", "--again", "LUTRA", "host-key")
    assert "delivered to host-key" in done.stdout and state(house, "host-key") == ("delivered", 1, ""), done.stdout
    remove(house, "closed", "full", "token", "unknown-ca", "host-key", "no-hosts", "user-key", "rejected", "no-tls", "grey", "gone", "open", "odd", "good", "password", "named")
    assert "gagal terkirim" not in house.hadir("doctor", check=False).stdout


@test
def who_hangs_holds_up_nobody(house):
    """It takes the connection and never answers. Others get theirs, and the next night freezes and publishes meanwhile."""
    silent = socket.create_server(("127.0.0.1", 0))
    add(house, "silent", f"https://127.0.0.1:{silent.getsockname()[1]}/", ca=house.ca, timeout_s=600)
    add(house, "arsip", f"file://{house.dir}/arsip")
    p = background(house, "deliver")
    wait_until("the other has it", lambda: state(house, "arsip")[0] == "delivered")
    connection, _ = silent.accept()
    assert state(house, "silent")[:2] == ("waiting", 0) and p.poll() is None
    house.set_clock("2025-12-31T05:00:00+08:00")
    nights(house, "2025-12-30")
    wait_until("the next day, too", lambda: state(house, "arsip", "2025-12-30")[0] == "delivered")
    assert state(house, "silent")[:2] == ("waiting", 0) and p.poll() is None
    verifies(house, f"{house.dir}/arsip")
    silent.close()
    connection.close()
    out, err = p.communicate(timeout=120)
    assert p.returncode == 1 and state(house, "silent")[:2] == ("failed", 1), (out, err)
    # Nobody is waited for longer than is said, whatever he speaks.
    silent = socket.create_server(("127.0.0.1", 0))
    at = f"127.0.0.1:{silent.getsockname()[1]}"
    remove(house, "silent", "arsip")
    add(house, "silent-web", f"https://{at}/", ca=house.ca, timeout_s=1)
    add(house, "silent-sftp", f"sftp://x@{at}/", known_hosts=house.sshd.known_hosts, key=f"{house.sshd.dir}/user", timeout_s=1)
    add(house, "silent-mail", f"smtp://{at}", "--from", "a@example.go.id", "--to", "b@example.go.id", timeout_s=1)
    house.hadir("deliver", check=False)
    for name in ("silent-web", "silent-sftp", "silent-mail"):
        got = state(house, name)
        assert got[:2] == ("failed", 1) and ("timed out" in got[2].lower() or "timeout" in got[2].lower()), (name, got)
    silent.close()
    remove(house, "silent-web", "silent-sftp", "silent-mail")


@test
def who_leaves_in_the_middle_gets_it_again(house):
    gate = Gate(house.nginx.port, 60000)
    add(house, "web", house.nginx.url(port=gate.port), token=house.nginx.token, ca=house.ca)
    p = background(house, "deliver")
    assert gate.closed.wait(60)
    gate.stop()
    out, err = p.communicate(timeout=120)
    got = state(house, "web")
    assert p.returncode == 1 and got[:2] == ("failed", 1) and got[2], (p.returncode, got, err)
    remove(house, "web")


def delivered_at_last(house, name):
    """A killed run's lock lasts until the server has noticed."""
    wait_until(f"{name} has it", lambda: (house.hadir("deliver", check=False), state(house, name)[0])[1] == "delivered")


@test
def killed_in_the_middle_there_is_one_copy(house):
    for top in (f"{house.nginx.root}/in/LUTRA", f"{house.sshd.root}/LUTRA", f"{house.dir}/arsip/LUTRA"):
        shutil.rmtree(top)
    expected = published(house)
    before = len(house.nginx.requests())
    gate = Gate(house.nginx.port, 60000)
    add(house, "web", house.nginx.url(port=gate.port), token=house.nginx.token, ca=house.ca)
    p = background(house, "deliver")
    assert gate.closed.wait(60)
    kill(p)
    first = [r for r in house.nginx.requests()[before:] if r[0][0] == "2"]
    assert state(house, "web")[0] == "waiting" and 0 < len(first) < len(expected), len(first)
    assert f"LUTRA/{DAY}/manifest.json" not in files_below(f"{house.nginx.root}/in"), "the manifest is last"
    gate.left = None
    delivered_at_last(house, "web")
    got = {n: c for n, c in files_below(f"{house.nginx.root}/in").items()}
    assert {n: got[n] for n in expected} == expected
    keys = {}
    for status, method, address, key in house.nginx.requests()[before:]:
        keys.setdefault(address, set()).add(key)
    assert all(len(k) == 1 for k in keys.values()) and len({k for s in keys.values() for k in s}) == len(keys), "one key for each file"
    gate.stop()
    remove(house, "web")

    gate = Gate(house.sshd.port, 120000)
    hosts = house.sshd.write("gate_hosts", open(house.sshd.known_hosts).read().replace(f":{house.sshd.port} ", f":{gate.port} "))
    add(house, "sftp", house.sshd.url(gate.port), known_hosts=hosts, key=f"{house.sshd.dir}/user")
    p = background(house, "deliver")
    assert gate.closed.wait(60)
    kill(p)
    part = files_below(house.sshd.root)
    assert state(house, "sftp")[0] == "waiting" and 0 < len(part) < len(expected) and f"LUTRA/{DAY}/manifest.json" not in part, len(part)
    gate.left = None
    delivered_at_last(house, "sftp")
    got = files_below(house.sshd.root)
    assert {n: got[n] for n in expected} == expected and not [n for n in got if n.endswith(".part")]
    gate.stop()
    remove(house, "sftp")

    # A folder of this machine: half of it lies there under another name, and goes.
    os.makedirs(f"{house.dir}/arsip/LUTRA/.{DAY}.part")
    house.write(f"arsip/LUTRA/.{DAY}.part/semua.csv", "half")
    for at in (f"{house.dir}/arsip/LUTRA", f"{house.dir}/arsip/LUTRA/.{DAY}.part"):
        shutil.chown(at, house.user)
    add(house, "arsip", f"file://{house.dir}/arsip")
    house.hadir("deliver")
    assert {n: c for n, c in files_below(f"{house.dir}/arsip").items() if f"/{DAY}/" in n} == expected
    assert not glob.glob(f"{house.dir}/arsip/LUTRA/.*")
    # One that was damaged there is told, not overwritten; when it is removed it comes again, whole or not at all.
    there = f"{house.dir}/arsip/LUTRA/{DAY}"
    with open(f"{there}/daily.csv", "ab") as f:
        f.write(b"x")
    done = house.hadir("deliver", "--again", "LUTRA", "arsip", DAY, check=False)
    assert done.returncode == 1 and f"{there}/daily.csv: is missing, or has other content; not overwritten: remove that folder" in state(house, "arsip")[2], done.stderr
    assert open(f"{there}/daily.csv", "rb").read() == expected[f"LUTRA/{DAY}/daily.csv"] + b"x"
    shutil.rmtree(there)
    done = house.hadir_short_of_disk(8192, "deliver", "--again", "LUTRA", "arsip", DAY)
    assert done.returncode == 1 and "File too large" in state(house, "arsip")[2] and not os.path.exists(there), done.stderr
    house.hadir("deliver", "--again", "LUTRA", "arsip")
    assert {n: c for n, c in files_below(f"{house.dir}/arsip").items() if f"/{DAY}/" in n} == expected
    # What could not be written down is not said to be done.
    house.sql("revoke execute on function api.delivery_done(bigint, bigint, timestamptz) from hadir_nightly")
    done = house.hadir("deliver", "--again", "LUTRA", "arsip", DAY, check=False)
    assert done.returncode == 1 and "delivered to" not in done.stdout and "arrived at arsip, but this was not written down" in done.stderr, (done.stdout, done.stderr)
    house.sql("grant execute on function api.delivery_done(bigint, bigint, timestamptz) to hadir_nightly")
    assert "delivered to arsip" in house.hadir("deliver").stdout


@test
def what_was_changed_is_not_sent(house):
    path = f"{house.dir}/export/LUTRA/{DAY}/daily.csv"
    content = open(path, "rb").read()
    os.chmod(path, 0o640)
    with open(path, "ab") as f:
        f.write(b"x")
    house.hadir("deliver", "--again", "LUTRA", "arsip", DAY, check=False)
    assert "daily.csv: is missing, or was changed since it was published" in state(house, "arsip")[2]
    with open(path, "wb") as f:
        f.write(content)
    house.hadir("deliver", "--again", "LUTRA", "arsip")
    assert state(house, "arsip")[0] == "delivered"


@test
def a_closed_month_goes_too_to_who_wants_it(house):
    remove(house, "arsip")
    for what in ("day", "month", "all"):
        house.as_user("mkdir", f"{house.dir}/arsip-{what}")
        add(house, what, f"file://{house.dir}/arsip-{what}", "--what", what, since=None)
    add(house, "month-mail", house.exim.url("127.0.0.1"), "--from", "hadir@example.go.id", "--to", "bulanan@example.go.id", "--what", "month", since=None)
    house.set_clock("2026-01-01T05:00:00+08:00")
    nights(house, "2025-12-31")
    house.hadir("month", "close", "2025-12", "--government", "LUTRA")
    nights(house, "2025-12")
    wait_until("all is delivered", lambda: "waiting" not in (house.hadir("deliver", check=False), house.hadir("target", "status", "--all", "--csv").stdout)[1])
    got = {what: sorted(os.listdir(f"{house.dir}/arsip-{what}/LUTRA")) for what in ("day", "month", "all")}
    assert got == {"day": ["2025-12-31"], "month": ["2025-12"], "all": ["2025-12", "2025-12-31"]}, got
    assert files_below(f"{house.dir}/arsip-month") == published(house, "2025-12")
    verifies(house, f"{house.dir}/arsip-month")
    # A mail has bounds: what finds no room is named; the government's own reports come first.
    mail = wait_until("the mail is in the box", lambda: [m for m in house.exim.messages() if m["To"] == "bulanan@example.go.id"])[0]
    attached, text = {p.get_filename() for p in mail.iter_attachments()}, mail.get_body().get_content()
    wanted = {n.split("/")[-1] for n in published(house, "2025-12") if n.endswith((".pdf", ".xlsx", "manifest.json", ".p7s"))}
    assert len(attached) == 64 and attached >= {"monthly.pdf", "monthly.xlsx", "manifest.json", "manifest.json.p7s"}, sorted(attached)
    assert wanted - attached == {l.split(": ")[-1] for l in text.splitlines() if l.startswith("Not attached")}, text
    for what in ("day", "all"):
        verifies(house, f"{house.dir}/arsip-{what}", "--part")


if __name__ == "__main__":
    with House("deliver", target_secrets="targets") as house:
        servers = []
        try:
            house.as_user("mkdir", "-m", "0700", f"{house.dir}/targets")
            house.ca, certificate, key = authority(house, "a")
            house.other_ca = authority(house, "b")[0]
            house.sshd = Sshd(house)
            servers.append(house.sshd)
            house.nginx = Nginx(house, certificate, key)
            servers.append(house.nginx)
            house.exim = Exim(house, certificate, key)
            servers.append(house.exim)
            house.start(clock=f"{DAY}T06:45:00+08:00")
            token = house.known(house.enroll(house.people[0]["nip"]))
            assert house.checkin(token, taken=f"{DAY}T07:00:00+08:00")[0] == 200
            house.set_clock("2025-12-30T05:00:00+08:00")
            code = test.main(house)
        finally:
            for server in servers:
                server.stop()
    raise SystemExit(code)
