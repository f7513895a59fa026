"""Broken, odd and malicious TLS clients: the connection ends, is counted, nobody else notices. Random cases print their seed;
HADIR_SEED replays."""
import contextlib, ctypes, fcntl, json, os, random, re, socket, ssl, struct, subprocess, time, uuid
from peer import STATUS, Peer, basic, doors, memory_kb, plain, reload
from harness import House, Keeper, Tests, wait_until

test = Tests()
SEED = int(os.environ.get("HADIR_SEED", random.randrange(2**32)))
RANDOM = random.Random(SEED)
HANDSHAKE, ALERT, DATA = 22, 21, 23
SUITES = [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xCCA9]


def record(kind, body, version=0x0301):
    return struct.pack("!BHH", kind, version, len(body)) + body


def vector(width, body):
    return len(body).to_bytes(width, "big") + body


def extension(kind, body):
    return struct.pack("!H", kind) + vector(2, body)


def extensions(versions=(0x0304, 0x0303), share=None, group=29, more=b"", sni=b"localhost"):
    share = os.urandom(32) if share is None else share
    out = extension(0, vector(2, b"\0" + vector(2, sni))) if sni is not None else b""
    out += extension(10, vector(2, struct.pack("!H", group))) + extension(11, b"\1\0")
    out += extension(13, vector(2, struct.pack("!4H", 0x0403, 0x0804, 0x0401, 0x0503)))
    if versions:
        out += extension(43, vector(1, b"".join(struct.pack("!H", v) for v in versions)))
        out += extension(51, vector(2, struct.pack("!H", group) + vector(2, share)))
    return out + more


def hello(version=0x0303, suites=SUITES, session=b"", compression=b"\0", ext=None, **how):
    body = struct.pack("!H", version) + os.urandom(32) + vector(1, session)
    body += vector(2, b"".join(struct.pack("!H", s) for s in suites)) + vector(1, compression)
    ext = extensions(**how) if ext is None else ext
    return b"\1" + vector(3, body + vector(2, ext))


def records(message, size=16384, version=0x0301):
    return b"".join(record(HANDSHAKE, message[i:i + size], version) for i in range(0, len(message), size))


def exchange(house, data):
    """Sends bytes, says that was all, and reads until the other end closes."""
    s, got = plain(house), b""
    with s, contextlib.suppress(ConnectionError):
        s.sendall(data)
        with contextlib.suppress(OSError):  # it may have closed already
            s.shutdown(socket.SHUT_WR)
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
    return got


def alert_of(got):
    """The code of the first fatal alert in the clear; None when there is none."""
    while len(got) >= 5:
        kind, _, length = struct.unpack("!BHH", got[:5])
        if kind == ALERT and length == 2 and got[5] == 2:
            return got[6]
        got = got[5 + length:]
    return None


def failures(house):
    return house.metric("hadir_tls_handshake_failures_total") + house.metric("hadir_connections_timeout_total", **{"in": "handshake"})


@contextlib.contextmanager
def nobody_notices(house, failed):
    """Inside, so many handshakes fail; afterwards nothing of them is left, and a phone is served."""
    before, requests = failures(house), house.metric("hadir_http_requests_total")
    yield
    wait_until(f"{failed} more handshakes have failed", lambda: failures(house) - before >= failed)
    assert failures(house) - before == failed, (failures(house) - before, failed)
    assert house.metric("hadir_http_requests_total") == requests
    wait_until("none is in flight", lambda: house.metric("hadir_tls_handshakes_in_flight") == 0)
    assert house.restarts() == 0
    line = Peer(house)
    assert line.status(house.owntracks)[0] == 200
    line.close()


GARBAGE = {
    "nothing": b"", "one byte": b"\x16", "zeros": b"\0" * 300, "plain HTTP": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "plain POST": b"POST /in/owntracks HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\n" + STATUS,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "PROXY protocol": b"PROXY TCP4 203.0.113.7 203.0.113.8 1 2\r\n", "SSLv2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\1" * 37,
    "data before the handshake": record(DATA, b"GET / HTTP/1.1\r\n\r\n"), "heartbeat": record(24, b"\1\xff\xff"),
    "change cipher spec first": record(20, b"\1"), "empty records": record(HANDSHAKE, b"") * 2000,
    "unknown record": record(99, b"abc"), "record too long": struct.pack("!BHH", HANDSHAKE, 0x0301, 0xFFFF) + b"a" * 0xFFFF,
    "warnings without end": record(ALERT, b"\1\x5a") * 5000, "a fatal alert": record(ALERT, b"\2\x28"),
    "unknown message": record(HANDSHAKE, b"\x63" + vector(3, b"abc")), "finished first": record(HANDSHAKE, b"\x14" + vector(3, b"a" * 12)),
}


def odd_hellos():
    """name: (bytes, the alert that is expected or None for any)."""
    tall = b"".join(extension(0xFA00 + i, b"a" * 1000) for i in range(60))
    yield "SSLv3", records(hello(0x0300, ext=b"", suites=[0x0005, 0x002F, 0xC013]), version=0x0300), None
    yield "TLS 1.0", records(hello(0x0301, suites=[0x002F, 0xC009, 0xC013], versions=())), 70
    yield "TLS 1.1", records(hello(0x0302, suites=[0x002F, 0xC009, 0xC013], versions=())), 70
    yield "TLS 1.1 by extension", records(hello(versions=(0x0302, 0x0301))), 70
    yield "TLS 1.5 only", records(hello(versions=(0x0306,))), 70
    yield "fallback", records(hello(0x0302, suites=[0xC013, 0x5600], versions=())), None
    yield "no common suite", records(hello(suites=[0x0004, 0x000A, 0x0035], versions=())), 40
    yield "no suite", records(hello(suites=[])), None
    yield "static RSA", records(hello(suites=[0x009C, 0x009D, 0x003C], versions=())), 40
    yield "compression", records(hello(compression=b"\1")), None
    yield "no common group", records(hello(group=0x0100, share=b"a" * 256)), None
    yield "a key of zeros", records(hello(share=b"\0" * 32)), None
    yield "a short key", records(hello(share=b"a" * 5)), None
    yield "a point off the curve", records(hello(group=23, share=b"\4" + b"\1" * 64)), None
    yield "an extension twice", records(hello(more=extension(43, b"\2\3\4"))), None
    yield "extensions that lie", records(hello()[:-3]), None
    yield "sixty kilobytes of extensions", records(hello(more=tall)), None
    yield "a message of sixteen megabytes", record(HANDSHAKE, b"\1\xff\xff\xff" + b"a" * 16000) + record(HANDSHAKE, b"a" * 16000) * 40, None
    yield "a long session id", records(hello(session=b"a" * 33)), None
    yield "SNI with NUL", records(hello(sni=b"local\0host")), None
    yield "SNI without end", records(hello(sni=b"a" * 300)), None
    yield "ALPN h2 only", records(hello(more=extension(16, vector(2, vector(1, b"h2"))))), 120
    yield "ALPN of nothing", records(hello(more=extension(16, vector(2, b"\0")))), None
    yield "ALPN cut", records(hello(more=extension(16, b"\0\x09\x08http"))), None
    yield "PSK that nobody gave", records(hello(more=extension(45, b"\1\1") + extension(42, b"") + extension(41, vector(
        2, vector(2, b"t" * 192) + b"\0\0\0\1") + vector(2, vector(1, b"b" * 32))))), None
    yield "PSK binder missing", records(hello(more=extension(45, b"\1\1") + extension(41, vector(2, vector(2, b"t" * 192) + b"\0\0\0\1")))), None
    yield "hello and then nothing", records(hello()), None
    yield "hello, then data in the clear", records(hello()) + record(DATA, b"GET / HTTP/1.1\r\n\r\n"), None
    yield "hello twice", records(hello()) * 2, None
    yield "TLS 1.2 and a bad key exchange", records(hello(versions=())) + record(HANDSHAKE, b"\x10" + vector(3, b"\x21" + b"\0" * 32), 0x0303), None
    yield "hello in records of one byte", records(hello(), 1), None


@test
def garbage_is_no_handshake(house):
    with nobody_notices(house, len(GARBAGE)):
        for name, data in GARBAGE.items():
            got = exchange(house, data)
            assert b"HTTP" not in got and (not got or got[0] == ALERT), (name, got[:80])


@test
def odd_hellos_are_refused(house):
    cases = list(odd_hellos())
    with nobody_notices(house, len(cases)):
        for name, data, expected in cases:
            got = exchange(house, data)
            assert b"HTTP" not in got, (name, got[:80])
            assert expected is None or alert_of(got) == expected, (name, alert_of(got), got[:20])
    print(f"# {len(GARBAGE)} kinds of garbage, {len(cases)} odd hellos")


@test
def a_hello_cut_or_damaged_anywhere(house):
    whole = records(hello())
    with nobody_notices(house, len(range(1, len(whole), 5)) + 100):
        for cut in range(1, len(whole), 5):
            exchange(house, whole[:cut])
        for _ in range(100):
            damaged = bytearray(whole)
            for _ in range(RANDOM.randint(1, 4)):
                damaged[RANDOM.randrange(len(damaged))] ^= 1 << RANDOM.randrange(8)
            exchange(house, bytes(damaged))


@test
def handshakes_that_stand_still_end(house):
    """Half open at several points, and gone with a reset."""
    count = 20
    with nobody_notices(house, 3 * count + count):
        silent = [plain(house) for _ in range(count)]
        begun = [plain(house) for _ in range(count)]
        for s in begun:
            s.sendall(records(hello())[:50])
        midway = [plain(house) for _ in range(count)]
        for s in midway:
            s.sendall(records(hello()))
        for s in [plain(house) for _ in range(count)]:
            s.sendall(records(hello()))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        for s in silent + begun + midway:
            with contextlib.suppress(ConnectionError):
                while s.recv(65536):
                    pass
            s.close()


def client(house, **how):
    """An ssl context that trusts the house; how: attributes of it."""
    context = ssl.create_default_context(cafile=f"{house.dir}/secret/tls.crt")
    for name, value in how.items():
        setattr(context, name, value)
    return context


@contextlib.contextmanager
def over(house, context, name="127.0.0.1", session=None):
    with plain(house) as raw, context.wrap_socket(raw, server_hostname=name, session=session) as s:
        yield s


def request(house, body=STATUS):
    return (f"POST /in/owntracks HTTP/1.1\r\nHost: a\r\nAuthorization: {basic('a', house.owntracks)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def talk(house, s):
    s.sendall(request(house))
    got = b""
    while b"[]" not in got:
        piece = s.recv(65536)
        assert piece, got
        got += piece
    assert got.startswith(b"HTTP/1.1 200 "), got


@test
def odd_but_honest_clients_are_served(house):
    unnamed = client(house, check_hostname=False, verify_mode=ssl.CERT_NONE)
    for context, name in ((unnamed, None), (unnamed, "somebody-else.example"), (unnamed, "a" * 63 + ".example"), (client(house), "127.0.0.1")):
        with over(house, context, name) as s:
            talk(house, s)
    for protocols in (["http/1.1"], ["h2", "http/1.1"], ["acme", "spdy/3", "http/1.1"]):
        context = client(house)
        context.set_alpn_protocols(protocols)
        with over(house, context) as s:
            talk(house, s)
            assert s.selected_alpn_protocol() == "http/1.1"
    context = client(house)
    context.load_cert_chain(f"{house.dir}/secret/tls.crt", f"{house.dir}/secret/tls.key")  # offered, never asked for
    with over(house, context) as s:
        talk(house, s)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with over(house, client(house, minimum_version=version, maximum_version=version)) as s:
            for byte in request(house):  # a record for each byte
                s.send(bytes([byte]))
            got = s.recv(65536)
            assert got.startswith(b"HTTP/1.1 200 "), got
            s.sendall(request(house, b'{"_type":"status"' + b" " * 200000 + b"}"))  # records as large as they come
            assert s.recv(65536).startswith(b"HTTP/1.1 200 ")


def s_client(house, *args, commands=()):
    """openssl s_client with what is typed into it, each after the effect of the one before: (what, pattern of its effect); its output."""
    p = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{house.port}", *args], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        out = b""
        os.set_blocking(p.stdout.fileno(), False)

        def read():
            nonlocal out
            with contextlib.suppress(BlockingIOError):
                while piece := os.read(p.stdout.fileno(), 65536):
                    out += piece
            return out
        wait_until("s_client is connected", lambda: b"---\n" in read() and (b"Verify return code" in out or p.poll() is not None))
        for c, effect in commands:
            had = len(out)
            with contextlib.suppress(BrokenPipeError):
                p.stdin.write(c)
                p.stdin.flush()
            with contextlib.suppress(AssertionError):
                wait_until("it has an effect", lambda: re.search(effect, read()[had:]) or p.poll() is not None)
        with contextlib.suppress(BrokenPipeError):
            p.stdin.close()
        wait_until("s_client ends", lambda: (read() or True) and p.poll() is not None)
        read()
        return out.decode(errors="replace")
    finally:
        p.kill()
        p.wait()
        p.stdout.close()


@test
def renegotiation_is_refused(house):
    begun = house.metric("hadir_tls_handshakes_total")
    out = s_client(house, "-tls1_2", commands=((b"R\n", rb"no.renegotiation|alert"),))
    assert "RENEGOTIATING" in out and ("no renegotiation" in out or "no_renegotiation" in out or "alert" in out), out
    out = s_client(house, "-tls1_3", commands=[(key, rb"KEYUPDATE") for key in (b"K\n", b"k\n", b"K\n")])  # new keys are not a new handshake, and are had
    assert "KEYUPDATE" in out and ":error:" not in out, out
    assert house.metric("hadir_tls_handshakes_total") == begun + 2 and house.restarts() == 0


def allow_early_data(path, out):
    """A session as a malicious client has it: its ticket's promise of 0 bytes of early data made 16384."""
    lib = ctypes.CDLL("libssl.so.3")
    crypto = ctypes.CDLL("libcrypto.so.3")
    for f, result in ((crypto.BIO_new_file, ctypes.c_void_p), (lib.PEM_read_bio_SSL_SESSION, ctypes.c_void_p)):
        f.restype = result
    bio = crypto.BIO_new_file(path.encode(), b"r")
    session = lib.PEM_read_bio_SSL_SESSION(ctypes.c_void_p(bio), None, None, None)
    crypto.BIO_free(ctypes.c_void_p(bio))
    assert session and lib.SSL_SESSION_set_max_early_data(ctypes.c_void_p(session), 16384) == 1
    bio = crypto.BIO_new_file(out.encode(), b"w")
    assert lib.PEM_write_bio_SSL_SESSION(ctypes.c_void_p(bio), ctypes.c_void_p(session)) == 1
    crypto.BIO_free(ctypes.c_void_p(bio))


@test
def early_data_is_never_a_request(house):
    """What a recorded first flight could replay is thrown away: honest tickets allow none, and a client that sends some all the
    same is not heard."""
    session, forged, early = (f"{house.dir}/{n}" for n in ("session", "forged", "early"))
    s_client(house, "-tls1_3", "-sess_out", session, commands=((b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", rb"HTTP/1.1 \d"),))
    with open(early, "wb") as f:
        f.write(request(house))
    before = house.metric("hadir_http_requests_total"), house.metric("hadir_dropped_total")
    assert "Early data was not sent" in s_client(house, "-tls1_3", "-sess_in", session, "-early_data", early)
    allow_early_data(session, forged)
    for _ in range(3):
        out = s_client(house, "-tls1_3", "-sess_in", forged, "-early_data", early)
        assert "Early data was rejected" in out, out
    assert (house.metric("hadir_http_requests_total"), house.metric("hadir_dropped_total")) == before
    line = Peer(house)
    assert line.status(house.owntracks)[0] == 200


@test
def a_body_that_is_cut_is_never_acted_on(house):
    """Not one byte short, not with an end of TCP, of TLS, a reset, a wrong record, nor with the length left open."""
    rows = house.settled(house.native)
    for framing in ("length", "chunked"):
        for end in ("fin", "close_notify", "reset", "damaged"):
            for short in (1, 40):
                item = json.dumps({"id": str(uuid.uuid4()), "taken_at": house.now(), "lat": -2.562, "lon": 120.314}).encode()
                head = f"POST /v1/checkins HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {house.native}\r\n"
                if framing == "length":
                    sent = f"{head}Content-Length: {len(item)}\r\n\r\n".encode() + item[:-short]
                else:  # all of the object, but not the end of the body
                    sent = f"{head}Transfer-Encoding: chunked\r\n\r\n{len(item):x}\r\n".encode() + (item + b"\r\n0\r\n\r\n")[:-min(short, 6)]
                with plain(house) as raw:
                    s = house.tls.wrap_socket(raw, server_hostname="127.0.0.1")
                    s.sendall(sent)
                    fd = socket.socket(fileno=os.dup(s.fileno()))
                    if end == "close_notify":
                        with contextlib.suppress(OSError, ssl.SSLError):
                            s.settimeout(0.5)
                            s.unwrap()
                    elif end == "reset":
                        fd.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    elif end == "damaged":
                        fd.sendall(record(DATA, os.urandom(60), 0x0303))
                    else:
                        fd.shutdown(socket.SHUT_WR)
                    fd.close()
                    s.close()
    wait_until("they are gone", lambda: house.metric("hadir_connections_open", role="door") == 0)
    assert house.settled(house.native) == (rows[0] + 1, *rows[1:]), (rows, house.rows())


@test
def wrong_records_end_the_connection(house):
    """After the handshake: records of no key, too long, of other kinds, alerts; between two requests and in one."""
    wrong = {"damaged": record(DATA, os.urandom(50), 0x0303), "too long": struct.pack("!BHH", DATA, 0x0303, 20000) + b"a" * 20000,
             "in the clear": record(DATA, request(house), 0x0303), "alert in the clear": record(ALERT, b"\2\x28", 0x0303),
             "hello again": records(hello()), "heartbeat": record(24, b"\1\xff\xff", 0x0303), "empty": record(DATA, b"", 0x0303) * 1000}
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for name, data in wrong.items():
            for half in (b"", request(house)[:80]):
                raw = plain(house)
                s = client(house, minimum_version=version, maximum_version=version).wrap_socket(raw, server_hostname="127.0.0.1")
                talk(house, s)
                requests = house.metric("hadir_http_requests_total")
                s.sendall(half)
                with socket.socket(fileno=os.dup(s.fileno())) as under, contextlib.suppress(ConnectionError):
                    under.settimeout(30)
                    under.sendall(data)
                    while under.recv(65536):
                        pass
                s.close()
                assert house.metric("hadir_http_requests_total") == requests, (version, name)
    assert house.restarts() == 0


@test
def nothing_is_left_of_them(house):
    """A thousand broken handshakes more: nothing stays open, and the doors' memory is told."""
    pids = doors(house)
    before = sum(memory_kb(p) for p in pids)
    cases = [data for _, data, _ in odd_hellos()] + list(GARBAGE.values())
    with nobody_notices(house, 1000):
        for i in range(1000):
            exchange(house, cases[i % len(cases)])
    print(f"# doors' memory before {before} KiB, after 1000 broken handshakes {sum(memory_kb(p) for p in pids)} KiB")
    wait_until("nothing is open", lambda: house.metric("hadir_connections_open", role="door") == 0)
    assert doors(house) == pids and house.restarts() == 0
    assert "Sanitizer" not in house.log() and "runtime error" not in house.log()


def held_by_door(house):
    """Descriptors of each door: a connection that stays is one more of one of them."""
    return [len(os.listdir(f"/proc/{pid}/fd")) for pid in sorted(doors(house))]


@test
def tickets_resume_at_every_door_until_a_restart(house):
    """All doors share the keys, and keep them over a reload; a restart without systemd forgets them: the handshake is whole again,
    and nobody is refused. A ticket may be shown many times: what it saves is the certificate, the keys are new each time."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client(house, minimum_version=version, maximum_version=version)
        with over(house, context) as s:
            talk(house, s)
            session = s.session
        with contextlib.ExitStack() as stack:
            before = held_by_door(house)
            for _ in range(200):
                s = stack.enter_context(over(house, context, session=session))
                talk(house, s)
                assert s.session_reused
                if all(now > then + 2 for now, then in zip(held_by_door(house), before)):
                    break
            else:
                raise AssertionError(f"not at every door: {before} {held_by_door(house)}")
    resumed = {}
    for change in (reload, restart):
        with over(house, context) as s:
            talk(house, s)
            session = s.session
        change(house)
        with over(house, context, session=session) as s:
            talk(house, s)
            resumed[change.__name__] = s.session_reused
    assert resumed == {"reload": True, "restart": False}, resumed


def restart(house):
    assert house.stop() == 0
    house.start(clock=None)
    house.wait_live()


def kill(house):
    house.daemon.kill()
    house.daemon.wait(120)
    house.daemon = None
    house.log_file.close()
    house.start(clock=None)
    house.wait_live()


@contextlib.contextmanager
def kept(house):
    """A hadird whose ticket keys are kept, as systemd keeps them: the keeper."""
    house.keeper = Keeper(house)
    try:
        restart(house)
        yield house.keeper
    finally:
        house.keeper.close()
        os.unlink(house.keeper.path)
        house.keeper = None
        restart(house)


def resumed(house, context, change):
    with over(house, context) as s:
        talk(house, s)
        session = s.session
    change()
    with over(house, context, session=session) as s:
        talk(house, s)
        return s.session_reused


MAGIC, SEALS = b"hadirtk1", fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | 0x10  # F_SEAL_FUTURE_WRITE
HALF_A_DAY_MS = 12 * 3600 * 1000


def memory(house, data, seals=SEALS, ours=True):
    fd = os.memfd_create("other", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    if ours:
        os.fchown(fd, house.demoted().get("user", -1), -1)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def aged(house, page, ms):
    """The keys as if they had turned so long ago."""
    return memory(house, MAGIC + struct.pack("<q", time.monotonic_ns() // 10**6 - ms) + page[16:])


def put(keeper, fd):
    keeper.hear()
    for old in keeper.kept.values():
        os.close(old)
    keeper.kept = {"tickets": fd}


def page_of(keeper):
    keeper.hear()
    return os.pread(keeper.kept["tickets"], 4096, 0)


@test
def tickets_outlive_a_restart_under_systemd(house):
    """An orderly one and a crash; the keys turn twice a day, while hadird runs and while it does not, and a ticket opens for a day."""
    with kept(house) as keeper:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client(house, minimum_version=version, maximum_version=version)
            for change in (restart, kill):
                assert resumed(house, context, lambda: change(house)), (version, change)

        def turns(ago_ms, due):
            """Restarted with keys that turned so long ago; whether the tickets of before resume when they have turned again."""
            def change():
                before = len(house.log())
                assert house.stop() == 0
                put(keeper, aged(house, page_of(keeper), ago_ms))
                number, = struct.unpack_from("<Q", page_of(keeper), 16)
                house.start(clock=None)
                house.wait_live()
                wait_until("the keys have turned", lambda: struct.unpack_from("<Q", page_of(keeper), 16)[0] == number + due)
                assert "event=ticket_keys_kept" in house.log()[before:] and "event=ticket_keys_turned" in house.log()[before:]
            return resumed(house, context, change)
        assert turns(HALF_A_DAY_MS - 5000, 1), "within 5 seconds, while it serves"
        assert turns(2 * HALF_A_DAY_MS, 2)


@test
def keys_from_elsewhere_are_refused(house):
    """Said in the log; the new ones are kept instead."""
    with kept(house) as keeper:
        page = page_of(keeper)
        r, w = os.pipe()
        os.close(w)
        not_ours = "not a sealed memory file of ours"
        for what, fd, reason in (
                ("random bytes", memory(house, RANDOM.randbytes(len(page))), "not ticket keys of this version"),
                ("another version", memory(house, b"hadirtk2" + page[8:]), "not ticket keys of this version"),
                ("from the future", aged(house, page, -10**9), "from the future"), ("too old", aged(house, page, 3 * HALF_A_DAY_MS), "too old"),
                ("nothing", memory(house, b""), not_ours), ("short", memory(house, page[:-1]), not_ours),
                ("long", memory(house, page + b"\0"), not_ours), ("unsealed", memory(house, page, seals=0), not_ours),
                ("writable", memory(house, page, seals=SEALS & ~0x10), not_ours), ("a pipe", r, not_ours),
                ("a folder", os.open(house.dir, os.O_RDONLY), not_ours)) + (
                (("another user's", memory(house, page, ours=False), not_ours),) if os.getuid() == 0 else ()):
            put(keeper, fd)
            before = len(house.log())
            restart(house)
            new = page_of(keeper)
            assert f'event=ticket_keys_refused reason="{reason}"' in house.log()[before:], what
            assert new[24:] != page[24:] and len(new) == len(page), what
        with contextlib.suppress(PermissionError):  # nobody but the hadird that made it
            os.pwrite(keeper.kept["tickets"], b"x", 0)
            raise AssertionError("written")


if __name__ == "__main__":
    print(f"# seed {SEED}")
    with House("tls", doors="2", head_timeout_ms="2000") as house:
        house.start()
        house.native, house.owntracks = house.enroll(house.people[0]["nip"]), house.enroll(house.people[1]["nip"], "owntracks")
        house.known(house.native)
        wait_until("the doors know both", lambda: all(Peer(house).status(house.owntracks)[0] == 200 for _ in range(10)))
        code = test.main(house)
    raise SystemExit(code)
