"""What the tests of slow, many and broken clients share: a connection from any loopback address, and reloading hadird."""
import contextlib, os, re, resource, socket, ssl, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import basic

STATUS = b'{"_type":"status"}'  # what OwnTracks sends besides positions: answered by the door alone, kept nowhere


def plain(house, source="127.0.0.1", small=False):
    """A TCP connection to the door. small: takes as little unread as TCP lets it."""
    s = socket.socket()
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    s.settimeout(60)
    try:
        s.bind((source, 0))
        s.connect(("127.0.0.1", house.port))
    except BaseException:
        s.close()
        raise
    return s


class Peer:
    """A kept TLS connection that asks and is answered."""

    def __init__(self, house, source="127.0.0.1", small=False):
        raw = plain(house, source, small)
        try:
            self.s = house.tls.wrap_socket(raw, server_hostname="127.0.0.1")
        except BaseException:
            raw.close()
            raise
        self.left = b""

    def close(self):
        self.s.close()

    def send(self, method, path, headers, body=b""):
        head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        self.s.sendall(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def answer(self):
        """status, head, body; status 0 when the other end closed instead."""
        got = self.left
        while b"\r\n\r\n" not in got:
            piece = self.s.recv(65536)
            if not piece:
                return 0, got.decode(), b""
            got += piece
        head, _, rest = got.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: (\d+)", head)
        need = int(length.group(1)) if length else 0
        while len(rest) < need:
            piece = self.s.recv(65536)
            if not piece:
                return 0, head.decode(), rest
            rest += piece
        self.left = rest[need:]
        return int(head.split()[1]), head.decode(), rest[:need]

    def ask(self, *request):
        self.send(*request)
        return self.answer()

    def status(self, token):
        """An OwnTracks status message."""
        return self.ask("POST", "/in/owntracks", {"Authorization": basic("a", token)}, STATUS)

    def ended(self):
        """Reads on until the other end closes: what came before."""
        got = self.left
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while True:
                piece = self.s.recv(65536)
                if not piece:
                    break
                got += piece
        return got


def reload(house, **conf):
    """Other limits: a new generation of doors, when only it serves."""
    house.conf.update({k: None if v is None else str(v) for k, v in conf.items()})
    house.write_conf()
    before = len(house.log())
    assert house.reload(), house.log()[before:]
    house.wait_live()


def doors(house):
    return [pid for pid, name in house.children().items() if name.startswith("door") or "door" in name]


def cpu_s(pid):
    """Processor time of a process so far."""
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid):
    return int(re.search(r"(?m)^Pss: +(\d+)", open(f"/proc/{pid}/smaps_rollup").read()).group(1))


def descriptors(want):
    """May this process hold so many? Raises its limit if it can."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, want), max(hard, want)))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= want
