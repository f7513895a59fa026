"""What the framing tests share: a connection of raw bytes, answers read strictly, and which check-ins became rows."""
import collections, contextlib, socket, ssl
from framing_cases import Parts


class Line:
    """A connection of bytes: over TLS to hadird, or plain to a proxy. Reads only until the other end closes."""

    def __init__(self, house, port=None):
        self.socket = socket.create_connection(("127.0.0.1", port or house.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if port is None:
            self.socket = house.tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.got = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # it may have answered and closed already
            self.socket.sendall(data)

    def end(self):
        """Nothing more will come from here: FIN under whatever TLS says."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def piece(self):
        """false: closed."""
        try:
            piece = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return False
        self.got += piece
        return piece != b""

    def rest(self, bodiless=()):
        while self.piece():
            pass
        return answers(self.got, bodiless)


def answers(got, bodiless=()):
    """Every answer in these bytes as (status, headers, body); bodiless: which of them answer HEAD. Fails on any byte that is none."""
    found = []
    while got:
        head, empty, got = got.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert empty and lines[0].startswith("HTTP/1.1 "), ("not an answer", head[:200])
        headers = {k.lower(): v.strip() for k, _, v in (l.partition(":") for l in lines[1:])}
        body, status = b"", int(lines[0].split()[1])
        if status == 100:
            assert len(lines) == 1, lines
        elif headers.get("transfer-encoding") == "chunked":
            while True:
                size, _, got = got.partition(b"\r\n")
                n = int(size, 16)
                body, got, end = body + got[:n], got[n + 2:], got[n:n + 2]
                assert end == b"\r\n", ("chunk", size, end)
                if n == 0:
                    break
        elif len(found) not in bodiless:
            n = int(headers["content-length"])
            body, got = got[:n], got[n:]
            assert len(body) == n, ("cut short", head, body)
        found.append((status, headers, body))
    return found


def parts(house):
    return Parts(house.token.encode(), house.tracker.encode(), f"127.0.0.1:{house.port}".encode(), house.taken_at)


def written(house, checkins):
    """Which of these names' check-ins are rows: {case: [names]}; checkins is [(case, {name: id})]."""
    wanted = [(i, name, id) for i, (_, ids) in enumerate(checkins) for name, id in ids.items()]
    there = {r[0] for r in house.sql("select encode(key, 'hex') from hadir.checkin_key")}
    found = collections.defaultdict(set)
    for i, name, id in wanted:
        if id.replace("-", "") in there:
            found[i].add(name)
    return found
