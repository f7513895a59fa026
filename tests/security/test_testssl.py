"""testssl.sh (Debian's) finds nothing "NOT ok" at a door. Three minutes: only with HADIR_TESTSSL=1, as `tests/run all` sets it.

Its certificate comes from an authority made here, and names a place for revocations: what testssl.sh says of those is about
certificates, not about hadir."""
import os, re, shutil, subprocess, sys
from peer import Peer
from harness import House, Tests, wait_until

test = Tests()


def make_certificate(house):
    secret = f"{house.dir}/secret"
    house.write("secret/leaf.ext", "subjectAltName=IP:127.0.0.1\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
                "crlDistributionPoints=URI:http://crl.hadir.example/ca.crl\n")
    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    house.as_user("openssl", "req", "-x509", *ec, "-days", "365", "-subj", "/CN=hadir test authority", "-keyout", f"{secret}/ca.key",
                  "-out", f"{secret}/ca.crt")
    house.as_user("openssl", "req", *ec, "-subj", "/CN=hadir test", "-keyout", f"{secret}/tls.key", "-out", f"{secret}/leaf.csr")
    house.as_user("openssl", "x509", "-req", "-in", f"{secret}/leaf.csr", "-CA", f"{secret}/ca.crt", "-CAkey", f"{secret}/ca.key",
                  "-CAcreateserial", "-days", "180", "-extfile", f"{secret}/leaf.ext", "-out", f"{secret}/tls.crt")
    house.tls.load_verify_locations(f"{secret}/ca.crt")


@test
def nothing_is_not_ok(house):
    done = subprocess.run(["testssl", "--warnings", "off", "--color", "0", "--quiet", "--add-ca", f"{house.dir}/secret/ca.crt",
                           f"127.0.0.1:{house.port}"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=850)
    wrong = [line.strip() for line in done.stdout.splitlines() if "NOT ok" in line]
    assert not wrong, wrong
    took = re.search(r"Done .*\[ *(\d+)s\]", done.stdout)
    assert took and "Testing vulnerabilities" in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]
    print(f"# testssl.sh: {done.stdout.count('(OK)')} times (OK), 0 times NOT ok, in {took.group(1)} s")


@test
def it_was_only_one_of_many(house):
    """At the default limits nothing of it was shed, and the doors are the same."""
    assert house.restarts() == 0 and house.metric("hadir_connections_shed_total") == 0
    line = Peer(house)
    assert line.status(house.owntracks)[0] == 200


if __name__ == "__main__":
    if os.environ.get("HADIR_TESTSSL") != "1" or not shutil.which("testssl"):
        print("SKIP testssl: three minutes; HADIR_TESTSSL=1 and Debian's package testssl.sh run it\n0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    with House("testssl", doors="2", rate_address=None, rate_all=None, rate_failures=None, rate_token=None) as house:
        make_certificate(house)
        house.start()
        house.owntracks = house.enroll(house.people[1]["nip"], "owntracks")
        wait_until("the doors know the token", lambda: all(Peer(house).status(house.owntracks)[0] == 200 for _ in range(10)))
        code = test.main(house)
    raise SystemExit(code)
