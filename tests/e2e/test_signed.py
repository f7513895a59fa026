"""What hadir nightly publishes is signed, once; openssl and hadir verify accept it, and nothing that was tampered with."""
import hashlib, json, os, re, shutil, subprocess
from harness import BUILD, DAY, PGBIN, House, Tests, run, wait_until

test = Tests()
NAMES = [DAY, f"{DAY}.v2", "2025-12-30", "2025-12-31"]


def export(house, *path):
    return "/".join((house.dir, "export", "LUTRA", *path))


def secret(house, name):
    return f"{house.dir}/secret/{name}"


def everything(house):
    return {os.path.relpath(os.path.join(at, f), export(house)): open(os.path.join(at, f), "rb").read()
            for at, _, files in os.walk(export(house)) for f in files}


def nightly(house, check=True):
    """A day waits for the spool to say that it is complete to the closing."""
    return wait_until("nothing waits", lambda: [d for d in [house.hadir("nightly", check=False)] if "waiting" not in d.stdout])[0]


def openssl(folder, *how):
    return run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-content", f"{folder}/manifest.json", "-in",
               f"{folder}/manifest.json.p7s", "-out", "/dev/null", *how, check=False)


def verify(house, folder, *more, certificate="export.crt", language="en"):
    """Exit status, faults, sum."""
    by = ("--certificate", secret(house, certificate)) if certificate else ()
    done = run(f"{BUILD}/daemon/hadir", "verify", folder, *by, *more, check=False, env={**os.environ, "HADIR_LANGUAGE": language})
    lines = done.stdout.splitlines()
    return done.returncode, [l for l in lines[:-1] if ": last " not in l], lines[-1] if lines else done.stderr


@test
def unsigned_is_said(house):
    house.conf["export_certificate"] = house.conf["export_key"] = None
    house.write_conf()
    done = house.hadir("doctor", check=False)
    assert done.returncode == 1 and "signing: the nightly exports are not signed" in done.stdout, done.stdout
    done = house.hadir("nightly")
    assert done.stderr.count("NOT signed") == 1, done.stderr
    house.conf["export_key"] = "secret/export.key"
    house.write_conf()
    done = house.hadir("nightly", check=False)
    assert done.returncode == 1 and "export_certificate: missing" in done.stderr, done.stderr
    house.conf["export_certificate"] = "secret/export.crt"
    house.write_conf()
    done = house.hadir("doctor", check=False)
    assert "signing: the certificate is valid for 1094 more days" in done.stdout or "1095" in done.stdout, done.stdout


@test
def a_bad_key_publishes_nothing(house):
    token = house.known(house.enroll(house.people[0]["nip"]))
    status, answer = house.checkin(token, taken=f"{DAY}T07:00:00+08:00")
    assert status == 200, answer
    house.set_clock("2025-12-30T05:00:00+08:00")
    key, certificate = secret(house, "export.key"), secret(house, "export.crt")

    def refused(words):
        done = wait_until("frozen", lambda: [d for d in [house.hadir("nightly", check=False)] if "waiting" not in d.stdout])[0]
        assert done.returncode == 1 and words in done.stderr and "no day is published" in done.stderr, done.stderr
        assert not os.path.exists(export(house)), "published"
        assert words in house.hadir("doctor", check=False).stdout

    os.chmod(key, 0o640)
    refused("export.key: others can reach it")
    os.chmod(key, 0o600)
    os.rename(key, key + ".away")
    refused("export.key: No such file")
    house.hadir("export-keygen", key, secret(house, "other.crt"), "--name", "Lain", "--rsa", "--years", "1")
    refused("export.crt: the certificate is not of the key")
    os.rename(key, secret(house, "other.key"))
    os.rename(key + ".away", key)
    os.rename(certificate, certificate + ".away")
    conf = house.write("secret/ca.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=ca.db\nnew_certs_dir=.\npolicy=p\ndefault_md=sha256\nrand_serial=yes\n"
                       "[p]\ncommonName=supplied\n")
    house.write("secret/ca.db", "")
    house.as_user("openssl", "req", "-new", "-key", key, "-subj", "/CN=lama", "-out", secret(house, "old.csr"))
    house.as_user("openssl", "ca", "-batch", "-selfsign", "-config", conf, "-keyfile", key, "-in", secret(house, "old.csr"),
                  "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-notext", "-out", certificate,
                  cwd=f"{house.dir}/secret")
    refused("the certificate expired on")
    os.rename(certificate + ".away", certificate)
    assert house.value("select count(*) from hadir.attendance_version") == "1", "the day is frozen all the same"


@test
def days_are_signed(house):
    nightly(house)
    house.set_clock("2025-12-31T05:00:00+08:00")
    nightly(house)
    house.hadir("outage", "declare", "--unit", "SETDA", "--from", f"{DAY}T07:00:00+08:00", "--to", f"{DAY}T07:30:00+08:00",
                "--note", "listrik padam")
    nightly(house)
    house.set_clock("2026-01-01T05:00:00+08:00")
    nightly(house)
    assert sorted(os.listdir(export(house))) == NAMES, os.listdir(export(house))
    for name in NAMES:
        done = openssl(export(house, name), "-CAfile", secret(house, "export.crt"))
        assert done.returncode == 0, done.stderr
        done = openssl(export(house, name), "-cades", "-CAfile", secret(house, "export.crt"))
        assert done.returncode == 0, done.stderr
        assert openssl(export(house, name), "-CAfile", secret(house, "other.crt")).returncode != 0
    said = run("openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", export(house, DAY, "manifest.json.p7s"), "-noout").stdout
    assert "eContent: <ABSENT>" in said and "signingTime" in said and "sha256" in said and "Kabupaten contoh" in said, said


@test
def they_verify(house):
    for how in ((house.dir + "/export",), (export(house),), (export(house) + "/",)):
        code, faults, total = verify(house, *how)
        assert (code, faults) == (0, []) and total.startswith("4 days, ") and total.endswith("4 validly signed; 0 faults"), (faults, total)
    code, faults, total = verify(house, export(house, DAY))
    assert (code, faults) == (0, []) and total.startswith("1 days, "), (faults, total)
    code, faults, total = verify(house, export(house), "--ca", secret(house, "export.crt"), certificate=None)
    assert (code, faults) == (0, []) and "4 validly signed" in total, (faults, total)
    code, faults, total = verify(house, export(house), certificate=None)
    assert code == 1 and faults == ["4 signatures were NOT checked: give --certificate FILE or --ca FILE"], (faults, total)
    code, faults, total = verify(house, export(house), language="id")
    assert code == 0 and total.endswith("4 bertanda tangan sah; 0 kesalahan"), total
    code, faults, total = verify(house, export(house), certificate="nobody.crt")
    assert code == 1 and "nobody.crt" in total, total
    code, faults, total = verify(house, export(house), "--ca", secret(house, "export.crt"))
    assert code == 2, (faults, total)
    done = run(f"{BUILD}/daemon/hadir", "verify", export(house), "--certificate", secret(house, "export.crt"), env={"HADIR_LANGUAGE": "en"})
    last = hashlib.sha256(everything(house)["2025-12-31/manifest.json"]).hexdigest()
    assert f"LUTRA: last 2025-12-31 version 1, SHA-256 {last}\n" in done.stdout, done.stdout


@test
def made_again_it_has_the_same_bytes(house):
    """As after a kill before the rename, between it and its record, and after a folder was lost."""
    before = everything(house)
    for _ in range(2):
        house.sql("truncate hadir.export_run")
        assert nightly(house).returncode == 0
        assert everything(house) == before
        house.sql("truncate hadir.export_run")
        shutil.rmtree(export(house))
        assert nightly(house).returncode == 0
        assert everything(house) == before, "other bytes"
    # also when the key is gone meanwhile: what was signed stays signed
    house.sql("delete from hadir.export_run where period = '2025-12-31'")
    shutil.rmtree(export(house, "2025-12-31"))
    kept = house.conf["export_certificate"], house.conf["export_key"]
    house.conf["export_certificate"] = house.conf["export_key"] = None
    house.write_conf()
    assert nightly(house).returncode == 0
    house.conf["export_certificate"], house.conf["export_key"] = kept
    house.write_conf()
    assert everything(house) == before


@test
def a_full_disk_leaves_old_folders_whole(house):
    """The limit on file sizes stands in for the disk: writing fails in the middle of a file."""
    before = everything(house)
    house.set_clock("2026-01-02T05:00:00+08:00")
    wait_until("frozen", lambda: "waiting" not in house.hadir("nightly", check=False).stdout)
    house.sql("delete from hadir.export_run where period = '2026-01-01'")
    shutil.rmtree(export(house, "2026-01-01"))
    done = house.hadir_short_of_disk(8192, "nightly")
    assert done.returncode == 1 and "semua.csv: File too large" in done.stderr, (done.stdout, done.stderr)
    assert not os.path.exists(export(house, "2026-01-01"))
    assert {f: c for f, c in everything(house).items() if not f.startswith(".")} == before
    code, faults, total = verify(house, export(house))
    assert (code, faults) == (0, []), faults  # what is being written is nobody's fault
    assert nightly(house).returncode == 0 and os.path.exists(export(house, "2026-01-01", "manifest.json.p7s"))
    assert not [f for f in os.listdir(export(house)) if f.startswith(".")]


@test
def a_second_run_at_once_is_refused(house):
    """Once with the lock held by somebody else, once three at the same time."""
    shutil.rmtree(export(house, "2026-01-01"))
    before = everything(house)
    house.sql("delete from hadir.export_run where period = '2026-01-01'")
    as_user = ["runuser", "-u", house.user, "--"] if os.getuid() == 0 else []
    holder = subprocess.Popen([*as_user, f"{PGBIN}/psql", "-X", "-q", "-A", "-t", "-h", f"{house.dir}/pg", "-U", "postgres", "-d",
                               "hadir"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        holder.stdin.write("select 'held' from pg_advisory_lock(hashtext('hadir nightly'));\n")
        holder.stdin.flush()
        assert holder.stdout.readline().strip() == "held"
        done = house.hadir("nightly", check=False)
        assert done.returncode == 1 and "another nightly run is under way" in done.stderr, (done.stdout, done.stderr)
        assert everything(house) == before
    finally:
        holder.stdin.close()
        holder.wait(120)
        holder.stdout.close()
    runs = [subprocess.Popen([*as_user, f"{BUILD}/daemon/hadir", "nightly"], env=house.env, stderr=subprocess.PIPE, text=True)
            for _ in range(3)]
    for p in runs:
        said = p.communicate(timeout=120)[1]
        assert p.returncode == 0 or "another nightly run is under way" in said, said
    assert nightly(house).returncode == 0
    assert verify(house, export(house))[:2] == (0, []) and os.path.exists(export(house, "2026-01-01", "manifest.json.p7s"))
    assert {f: c for f, c in everything(house).items() if not f.startswith("2026-01-01")} == before


def tampered(house, change, *faults, count=None, certificate="export.crt", more=()):
    """A copy, changed; verify names exactly these faults, each a file and a piece of its reason."""
    copy = f"{house.dir}/copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(f"{house.dir}/export", copy)
    change(f"{copy}/LUTRA")
    code, found, total = verify(house, copy, *more, certificate=certificate)
    for name, reason in faults:
        assert [l for l in found if l.startswith(f"LUTRA/{name}: ") and reason in l], (name, reason, found)
    assert code == 1 and len(found) == (len(faults) if count is None else count), found
    assert f"{len(found)} faults" in total, (found, total)


def edit(path, change):
    with open(path, "rb") as f:
        content = f.read()
    with open(path, "wb") as f:
        f.write(change(content))


def flip(path, at):
    edit(path, lambda c: c[:at] + bytes([c[at] ^ 1]) + c[at + 1:])


@test
def tampered_files_are_named(house):
    tampered(house, lambda d: flip(f"{d}/{DAY}/semua.csv", 700), (f"{DAY}/semua.csv", "was changed: SHA-256"))
    tampered(house, lambda d: edit(f"{d}/{DAY}/semua.csv", lambda c: c + b"x\r\n"), (f"{DAY}/semua.csv", "was changed: "))
    tampered(house, lambda d: os.unlink(f"{d}/{DAY}/semua.csv"), (f"{DAY}/semua.csv", "is missing"))
    tampered(house, lambda d: open(f"{d}/{DAY}/extra.csv", "w").close(), (f"{DAY}/extra.csv", "not listed"))
    tampered(house, lambda d: os.mkdir(f"{d}/{DAY}/.x"), (f"{DAY}/.x", "not listed"))
    tampered(house, lambda d: os.rename(f"{d}/{DAY}/semua.csv", f"{d}/{DAY}/Semua.csv"),
             (f"{DAY}/semua.csv", "is missing"), (f"{DAY}/Semua.csv", "not listed"))

    def link(d):
        os.rename(f"{d}/{DAY}/semua.csv", f"{d}/../../semua.csv")
        os.symlink("../../../semua.csv", f"{d}/{DAY}/semua.csv")
    tampered(house, link, (f"{DAY}/semua.csv", "no plain file"))
    tampered(house, lambda d: open(f"{d}/catatan.txt", "w").close(), ("catatan.txt", "no day's or month's folder"))
    tampered(house, lambda d: os.mkdir(f"{d}/2025-2"), ("2025-2", "no day's or month's folder"))
    tampered(house, lambda d: shutil.copytree(d, f"{d}2"), count=5)  # LUTRA2 is nobody's: its five days


@test
def tampered_manifests_are_named(house):
    old, new = f"{DAY}/manifest.json", "2025-12-30/manifest.json"
    broken = ("2025-12-30", "the chain is broken: the manifest before")
    # 29 is followed by 30, 30 by the second version of 29
    tampered(house, lambda d: edit(f"{d}/{old}", lambda c: c.replace(b'"late_spools":""', b'"late_spools":"x"')),
             (f"{old}.p7s", "does not hold for this manifest"), broken)
    tampered(house, lambda d: os.unlink(f"{d}/{old}"), (old, "is missing"), broken)
    tampered(house, lambda d: edit(f"{d}/{old}", lambda c: c[:-3]), (old, "is no manifest"), (f"{old}.p7s", "does not hold"), broken)
    for member in ("format", "government", "day", "version", "files", "previous_manifest_sha256"):
        def wrong(d):
            m = json.load(open(f"{d}/{old}"))
            m[member] = {}
            json.dump(m, open(f"{d}/{old}", "w"))
        tampered(house, wrong, (old, f"{member} is missing or wrong"), (f"{old}.p7s", "does not hold"), broken)

    def rows(d):
        m = json.load(open(f"{d}/{old}"))
        next(f for f in m["files"] if f["name"] == "semua.csv")["rows"] += 1
        m["files"].append({"name": "../../x", "rows": 0, "bytes": 0, "sha256": "0" * 64})
        m["files"].append(m["files"][1])
        json.dump(m, open(f"{d}/{old}", "w"))
    name = json.load(open(export(house, old)))["files"][1]["name"]
    tampered(house, rows, (f"{DAY}/semua.csv", "rows, "), (old, "files["), (old, f"lists {name} more than once"),
             (f"{old}.p7s", "does not hold"), broken)

    def swap(d):
        for f in os.listdir(f"{d}/{DAY}"):
            os.unlink(f"{d}/{DAY}/{f}")
        for f in os.listdir(f"{d}/2025-12-30"):
            shutil.copy(f"{d}/2025-12-30/{f}", f"{d}/{DAY}/{f}")
    tampered(house, swap, (old, "is another day's manifest: 2025-12-30 version 1"), broken,
             (DAY, "the chain is broken"))


@test
def tampered_signatures_are_named(house):
    p7s = f"{DAY}/manifest.json.p7s"
    tampered(house, lambda d: os.unlink(f"{d}/{p7s}"), (p7s, "the manifest is not signed"))
    tampered(house, lambda d: shutil.copy(f"{d}/2025-12-30/manifest.json.p7s", f"{d}/{p7s}"), (p7s, "does not hold for this manifest"))
    for at in (60, 200, 500, 900, 1000, -1):
        tampered(house, lambda d: flip(f"{d}/{p7s}", at % os.path.getsize(f"{d}/{p7s}")) if at >= 0 else
                 edit(f"{d}/{p7s}", lambda c: c[:-1] + bytes([c[-1] ^ 1])), (p7s, ""))
    tampered(house, lambda d: edit(f"{d}/{p7s}", lambda c: c[:100]), (p7s, "no whole signature"))
    tampered(house, lambda d: edit(f"{d}/{p7s}", lambda c: b""), (p7s, "no whole signature"))
    tampered(house, lambda d: None, *((f"{n}/manifest.json.p7s", "made with another certificate") for n in NAMES + ["2026-01-01"]),
             certificate="other.crt")

    def other(d):  # somebody else signs, with openssl
        run("openssl", "cms", "-sign", "-binary", "-in", f"{d}/{DAY}/manifest.json", "-signer", secret(house, "other.crt"), "-inkey",
            secret(house, "other.key"), "-outform", "DER", "-out", f"{d}/{p7s}")
    tampered(house, other, (p7s, "made with another certificate"))
    tampered(house, other, (p7s, "made with another certificate: self-signed certificate"), certificate=None,
             more=("--ca", secret(house, "export.crt")))
    copy = f"{house.dir}/copy"
    shutil.rmtree(copy)
    shutil.copytree(export(house), copy)
    os.unlink(f"{copy}/{p7s}")
    assert verify(house, copy, "--signed-from", "2025-12-30")[0] == 0, "signing began later"
    os.unlink(f"{copy}/{DAY}.v2/manifest.json.p7s")
    assert verify(house, copy, "--signed-from", "2025-12-30")[0] == 0, "2025-12-31 vouches for it"
    code, faults, total = verify(house, copy, "--signed-from", "2026-01-02")
    assert code == 1 and len(faults) == 5 and all("no signed manifest follows" in f for f in faults), faults
    code, faults, total = verify(house, f"{copy}/{DAY}", "--signed-from", "2025-12-30")
    assert code == 1 and faults == ["/".join((copy, DAY)) + ": no signed manifest follows to vouch for it"], faults
    assert verify(house, copy, "--signed-from", "2025-12-29")[0] == 1
    assert verify(house, copy, "--signed-from", "besok")[0] == 2


@test
def a_broken_chain_is_named(house):
    tampered(house, lambda d: shutil.rmtree(f"{d}/2025-12-30"), (f"{DAY}.v2", "the chain is broken"))
    tampered(house, lambda d: shutil.rmtree(f"{d}/{DAY}"), (f"{DAY}.v2", f"version 1 of {DAY} is missing"),
             ("2025-12-30", "the chain is broken"))
    tampered(house, lambda d: shutil.rmtree(f"{d}/{DAY}.v2"), ("2025-12-31", "the chain is broken"))
    tampered(house, lambda d: os.rename(f"{d}/{DAY}.v2", f"{d}/{DAY}.v3"), (f"{DAY}.v3", f"version 2 of {DAY} is missing"),
             (f"{DAY}.v3/manifest.json", "another day's manifest"))
    shutil.rmtree(f"{house.dir}/copy")
    os.mkdir(f"{house.dir}/copy")
    code, faults, total = verify(house, f"{house.dir}/copy")
    assert code == 1 and "nothing is published here" in faults[0], faults


def plain_export(folder, *editions):
    """A government's folder by hand, unsigned: (name, predecessor's name) in any order; a predecessor that is not there is made up."""
    shutil.rmtree(folder, ignore_errors=True)
    hashes = {}
    for name, before in editions:
        day, _, version = name.partition(".v")
        text = json.dumps({"format": "hadir-nightly-1", "government": "A/B", "month" if len(day) == 7 else "day": day, "version": int(version or 1), "files": [],
                           "previous_manifest_sha256": hashes.get(before, "0" * 64) if before else None})
        hashes[name] = hashlib.sha256(text.encode()).hexdigest()
        os.makedirs(f"{folder}/{name}")
        with open(f"{folder}/{name}/manifest.json", "w") as f:
            f.write(text)
    return verify(None, folder, certificate=None)


@test
def chains_of_every_shape(house):
    a, b, c, a2, a3, m, m2 = "2031-03-01", "2031-03-02", "2031-03-03", "2031-03-01.v2", "2031-03-01.v3", "2031-03", "2031-03.v2"
    good = ((a, None), (b, a), (a2, b), (m, None), (a3, a2), (c, a3))
    folder = f"{house.dir}/plain/A%2FB"
    code, faults, total = plain_export(folder, *good)
    assert (code, faults, total) == (0, [], "5 days, 1 months, 0 files, 0 validly signed; 0 faults"), (faults, total)
    assert verify(None, f"{house.dir}/plain", certificate=None)[:2] == (0, [])
    for shape, expected in (
            (((a, None), (b, None), (c, b)), [f"{b}: begins a chain, though {a} did so"]),
            (((a, None), (b, a), (c, a)), [f"{c}: follows the same manifest as {b}"]),
            (((a2, None), (a, a2), (b, a)), [f"{a2}: comes before version 1 in the chain"]),
            (((a, None), (a3, a), (b, a3)), [f"{a3}: version 2 of {a} is missing"]),
            (((m2, None), (m, m2), (a, None)), [f"{m2}: comes before version 1 in the chain"]),
            (((m2, None),), [f"{m2}: version 1 of {m} is missing"]),
            (((a, None), (m, a)), [f"{m}: the chain is broken: the manifest before (SHA-256 HASH) is missing or was changed"]),
            (((a, "gone"), (b, a)), [f"{a}: the chain is broken: the manifest before (SHA-256 {'0' * 64}) is missing or was changed"])):
        code, faults, total = plain_export(folder, *shape)
        expected = [re.sub("HASH", re.search("SHA-256 ([0-9a-f]*)", "".join(faults) + "SHA-256 ").group(1), f) for f in expected]
        assert code == 1 and faults == expected, (faults, expected)
    # A copy that begins later: of a day its second version alone, of months the second.
    part = ((a2, "gone"), (a3, a2), (c, a3), ("2031-04", "gone"))
    code, faults, total = plain_export(folder, *part)
    assert code == 1 and len(faults) == 3, faults
    assert verify(None, folder, "--part", certificate=None)[:2] == (0, [])
    plain_export(folder, *part, ("2031-04.v3", "gone"))
    code, faults, total = verify(None, folder, "--part", certificate=None)
    assert code == 1 and [f.split(":")[0] for f in faults] == ["2031-04.v3"] * 2, faults
    plain_export(folder, *good)
    os.rename(folder, f"{house.dir}/plain/AB")
    code, faults, total = verify(None, f"{house.dir}/plain", certificate=None)
    assert code == 1 and len(faults) == 6 and f"AB/{a}: is another government's: A/B" in faults, faults
    shutil.rmtree(f"{house.dir}/plain")


@test
def another_key_goes_on(house):
    """Rotation: the new key signs from then on; both certificates in one file check all."""
    for name in ("export.key", "export.crt"):
        os.rename(secret(house, name), secret(house, f"old-{name}"))
    house.hadir("export-keygen", secret(house, "export.key"), secret(house, "export.crt"), "--name", "Kabupaten contoh")
    house.set_clock("2026-01-03T05:00:00+08:00")
    assert nightly(house).returncode == 0
    with open(secret(house, "all.crt"), "w") as f:
        f.write(open(secret(house, "old-export.crt")).read() + open(secret(house, "export.crt")).read())
    assert len(os.listdir(export(house))) == 6
    code, faults, total = verify(house, export(house), certificate="all.crt")
    assert (code, faults) == (0, []) and "6 validly signed" in total, (faults, total)
    code, faults, total = verify(house, export(house), certificate="export.crt")
    assert code == 1 and len(faults) == 5, faults
    code, faults, total = verify(house, export(house), "--signed-from", "2026-01-02", certificate="export.crt")
    assert (code, faults) == (0, []) and "1 validly signed" in total, (faults, total)  # the old key was lost to somebody
    for name in os.listdir(export(house)):
        done = openssl(export(house, name), "-CAfile", secret(house, "all.crt"))
        assert done.returncode == 0, (name, done.stderr)


@test
def an_authority_may_sign_the_certificate(house):
    new = lambda name: secret(house, name)
    house.hadir("export-keygen", new("agency.key"), new("agency.csr"), "--name", "Kabupaten contoh", "--csr")
    house.as_user("openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", new("ca.key"), "-out", new("ca.crt"), "-subj",
                  "/CN=Otoritas contoh", "-addext", "basicConstraints=critical,CA:TRUE")
    house.as_user("openssl", "x509", "-req", "-in", new("agency.csr"), "-CA", new("ca.crt"), "-CAkey", new("ca.key"), "-CAcreateserial",
                  "-copy_extensions", "copy", "-days", "20", "-out", new("agency.crt"))
    house.conf["export_certificate"], house.conf["export_key"] = "secret/agency.crt", "secret/agency.key"
    house.write_conf()
    house.set_clock("2026-01-04T05:00:00+08:00")
    assert nightly(house).returncode == 0
    folder = export(house, "2026-01-03")
    assert openssl(folder, "-CAfile", new("ca.crt")).returncode == 0
    for how in (("--ca", new("ca.crt")), ("--certificate", new("agency.crt"))):
        code, faults, total = verify(house, folder, *how, certificate=None)
        assert (code, faults) == (0, []) and "1 validly signed" in total, (faults, total)
    done = house.hadir("doctor", check=False)
    # whole days: 20 in the second it was made, 19 after it
    assert re.search("WRONG  signing: the certificate is valid for (19|20) more days", done.stdout), done.stdout


if __name__ == "__main__":
    with House("signed") as house:
        house.start(clock=f"{DAY}T06:45:00+08:00")
        code = test.main(house)
    raise SystemExit(code)
