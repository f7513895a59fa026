"""HTTP/2 (RFC 9113) as raw frames towards a proxy that speaks HTTP/1.1 to hadird: what it may let through into our framing when
it translates. Pure; test_proxies.py sends it. Each case is what its first stream carries; the third is a good check-in, `after`."""
import struct
from collections import namedtuple

Stream = namedtuple("Stream", "clause name build")  # build(p) -> (fields[, data[, trailers]])
CASES = []
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def number(n):
    """An integer of HPACK (RFC 7541 5.1) with a prefix of 7 bits; the eighth (Huffman) is 0."""
    if n < 127:
        return bytes([n])
    out, n = b"\x7f", n - 127
    while n >= 128:
        out, n = out + bytes([n % 128 + 128]), n // 128
    return out + bytes([n])


def block(fields):
    """Literal fields, never indexed, as they are."""
    return b"".join(b"\x10" + number(len(k)) + k + number(len(v)) + v for k, v in fields)


def request(stream, fields, data=None, trailers=None):
    bare = data is None and trailers is None
    out = frame(HEADERS, END_HEADERS | (END_STREAM if bare else 0), stream, block(fields))
    if data is not None:
        out += frame(DATA, 0 if trailers else END_STREAM, stream, data)
    return out + (frame(HEADERS, END_HEADERS | END_STREAM, stream, block(trailers)) if trailers else b"")


def fields(p, *more, method=b"POST", path=b"/v1/checkins", scheme=b"http", authority=None, auth=True):
    pseudo = [(b":method", method), (b":scheme", scheme), (b":path", path), (b":authority", authority or p.host)]
    return [f for f in pseudo if f[1] is not None] + ([(b"authorization", b"Bearer " + p.token)] if auth else []) + list(more)


def after(p):
    return request(3, fields(p), p.json("after"))


def case(clause, name, build):
    CASES.append(Stream(clause, name, build))


def length(n): return (b"content-length", b"%d" % n)


case("RFC 9113 8.1", "good, with a length", lambda p: (fields(p, length(p.n)), p.json()))
case("RFC 9113 8.1", "good, without a length", lambda p: (fields(p), p.json()))
LENGTH = "RFC 9113 8.1.1"
case(LENGTH, "length 0, then a request", lambda p: (fields(p, length(0)), p.inner))
case(LENGTH, "length of the check-in, then a request", lambda p: (fields(p, length(p.n)), p.json() + p.inner))
case(LENGTH, "length beyond the data", lambda p: (fields(p, length(p.n + 50)), p.json()))
case(LENGTH, "two lengths", lambda p: (fields(p, length(p.n), length(0)), p.json() + p.inner))
case(LENGTH, "signed length", lambda p: (fields(p, (b"content-length", b"+%d" % p.n)), p.json() + p.inner))
case(LENGTH, "list of lengths", lambda p: (fields(p, (b"content-length", b"%d, 0" % p.n)), p.json() + p.inner))
case(LENGTH, "length without data", lambda p: (fields(p, length(p.n)),))
case(LENGTH, "GET with a request as data", lambda p: (fields(p, length(len(p.inner)), method=b"GET", path=b"/v1/me"), p.inner))
case(LENGTH, "HEAD with a request as data", lambda p: (fields(p, length(len(p.inner)), method=b"HEAD", path=b"/v1/me"), p.inner))
case(LENGTH, "unknown path, a request as data", lambda p: (fields(p, path=b"/nowhere"), p.inner))
case(LENGTH, "no token, a request as data", lambda p: (fields(p, length(len(p.inner)), auth=False), p.inner))
HOP = "RFC 9113 8.2.2"
for name, value in ((b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"\tchunked"), (b"transfer_encoding", b"chunked"),
        (b"te", b"chunked"),
                    (b"connection", b"transfer-encoding"), (b"connection", b"content-length"), (b"connection", b"close"),
                    (b"upgrade", b"h2c"),
                    (b"keep-alive", b"timeout=1"), (b"proxy-connection", b"close"), (b"expect", b"100-continue"),
                    (b"trailer", b"content-length")):
    case(HOP, f"{name.decode()}: {value.decode().strip()}", lambda p, f=(name, value): (fields(p, f), b"0\r\n\r\n" + p.inner))
BYTES = "RFC 9113 8.2.1"
for what, sep in (("CRLF", b"\r\n"), ("LF", b"\n"), ("CR", b"\r"), ("NUL", b"\0")):
    case(BYTES, f"{what} and a coding in a value", lambda p, s=sep: (fields(p, (b"x-a", b"b" + s + b"Transfer-Encoding: chunked")),
         b"0\r\n\r\n" + p.inner))
    case(BYTES, f"{what} and a coding in a name", lambda p, s=sep: (fields(p, (b"x-a: b" + s + b"transfer-encoding", b"chunked")),
         b"0\r\n\r\n" + p.inner))
    case(BYTES, f"{what} and the end of the head in a value", lambda p, s=sep: (fields(p, (b"x-a", b"b" + s * 2 + p.inner)), p.json()))
    for pseudo in ("method", "path", "scheme", "authority"):
        case("RFC 9113 8.3.1", f"{what} in :{pseudo}", lambda p, s=sep, w=pseudo: (fields(p, **{
            w: {"method": b"POST", "path": b"/v1/checkins", "scheme": b"http",
            "authority": p.host}[w] + b" HTTP/1.1" + s + b"Transfer-Encoding: chunked" + s + b"X: y"}),
            b"0\r\n\r\n" + p.inner))
case(BYTES, "upper-case name", lambda p: (fields(p, (b"Transfer-Encoding", b"chunked")), b"0\r\n\r\n" + p.inner))
case(BYTES, "blank behind a name", lambda p: (fields(p, (b"transfer-encoding ", b"chunked")), b"0\r\n\r\n" + p.inner))
case(BYTES, "colon in a name", lambda p: (fields(p, (b"transfer-encoding: chunked", b"x")), b"0\r\n\r\n" + p.inner))
case(BYTES, "empty name", lambda p: (fields(p, (b"", b"chunked")), p.json()))
case(BYTES, "blanks around a value", lambda p: (fields(p, (b"x-a", b" b ")), p.json()))
PSEUDO = "RFC 9113 8.3"
case(PSEUDO, "blank in the path", lambda p: (fields(p, path=b"/v1/checkins HTTP/1.1"), p.json()))
case(PSEUDO, "blank in the method", lambda p: (fields(p, method=b"GET /nowhere HTTP/1.1"), p.json()))
case(PSEUDO, "no path", lambda p: (fields(p, path=None), p.json()))
case(PSEUDO, "empty path", lambda p: (fields(p, path=b""), p.json()))
case(PSEUDO, "asterisk", lambda p: (fields(p, path=b"*", method=b"OPTIONS"),))
case(PSEUDO, "a URL as path", lambda p: (fields(p, path=b"http://other.example/v1/checkins"), p.json()))
case(PSEUDO, "two paths", lambda p: (fields(p, (b":path", b"/nowhere")), p.json()))
case(PSEUDO, "two methods", lambda p: ([(b":method", b"GET"), *fields(p)], p.json()))
case(PSEUDO, "unknown pseudo-field", lambda p: ([(b":x", b"y"), *fields(p)], p.json()))
case(PSEUDO, "pseudo-field behind a field", lambda p: ([(b"x-a", b"b"), *fields(p)], p.json()))
case(PSEUDO, "another Host beside :authority", lambda p: (fields(p, (b"host", b"other.example")), p.json()))
case(PSEUDO, "user in :authority", lambda p: (fields(p, authority=b"a@" + p.host), p.json()))
case(PSEUDO, "path in :authority", lambda p: (fields(p, authority=p.host + b"/nowhere"), p.json()))
case("RFC 9113 8.5", "CONNECT", lambda p: ([(b":method", b"CONNECT"), (b":authority", p.host)], p.inner))
case("RFC 8441 4", "extended CONNECT", lambda p: ([(b":protocol", b"websocket"), *fields(p, method=b"CONNECT")], p.inner))
for name, trailer in (("harmless", (b"x-a", b"b")), ("a length", (b"content-length", b"0")),
        ("a coding", (b"transfer-encoding", b"chunked")), ("a pseudo-field", (b":path", b"/nowhere")),
                      ("a CRLF", (b"x-a", b"b\r\nX: y"))):
    case("RFC 9113 8.1", f"trailer: {name}", lambda p, t=trailer: (fields(p), p.json(), [t]))
case("RFC 9113 8.2.3", "cookies apart", lambda p: (fields(p, (b"cookie", b"a=b"), (b"cookie", b"c=d")), p.json()))
