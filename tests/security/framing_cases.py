"""Requests that HTTP/1.1 servers and proxies have read differently, each under the clause that decides it, with the answer that
hadird owes. Pure: builds bytes. test_framing.py sends them; behind every case's bytes comes the case's own `after`, a good
check-in that asks to close.

What a case may expect (statuses in order, which of its check-ins become rows, whether hadird counts a broken request):
  TAKEN          200, then `after` 200: understood as HTTP says, and the next request begins where it should
  KEPT(s)        s, then `after` 200: refused by meaning, the framing is sound
  LAST(s)        s and the end: nothing behind it is read
  BROKEN(s)      as LAST, counted as refused{reason="http"}: the framing or the head is in doubt
Every check-in inside a body or behind a fault is named `inner`: it must never become a row."""
import base64, json, uuid
from collections import namedtuple

Expect = namedtuple("Expect", "statuses rows broken", defaults=(0,))
Case = namedtuple("Case", "clause name build expect bodiless tail", defaults=((), True))
TAKEN = Expect([200, 200], {"first", "after"})
FIRST = Expect([200], {"first"})
def KEPT(status): return Expect([status, 200], {"after"})
def LAST(status): return Expect([status], set())
def BROKEN(status=400): return Expect([status], set(), 1)


class Parts:
    """One case's requests: check-ins under ids of their own; `tracker` is an OwnTracks client's token."""

    def __init__(self, token, tracker, host, taken_at):
        self.token, self.tracker, self.host, self.taken_at, self.ids = token, tracker, host, taken_at, {}

    def json(self, name="first"):
        self.ids.setdefault(name, str(uuid.uuid4()))
        return json.dumps({"id": self.ids[name], "taken_at": self.taken_at, "lat": -2.5624, "lon": 120.3144, "accuracy_m": 10}).encode()

    @property
    def n(self):
        return len(self.json())

    def head(self, *fields, line=b"POST /v1/checkins HTTP/1.1", host=True, auth=True, end=b"\r\n"):
        lines = [line] + ([b"Host: " + self.host] if host else []) + ([b"Authorization: Bearer " + self.token] if auth else [])
        return end.join([*lines, *(f if isinstance(f, bytes) else f.encode() for f in fields), b"", b""])

    def post(self, *fields, name="first", **kw):
        """A whole check-in; fields come before its Content-Length."""
        body = self.json(name)
        return self.head(*fields, b"Content-Length: %d" % len(body), **kw) + body

    def raw(self, *fields, **kw):
        """The head as given, then the body of `first`: the fields say how long it is."""
        return self.head(*fields, **kw) + self.json()

    def chunked(self, data, *fields):
        return self.head(*fields, "Transfer-Encoding: chunked") + data

    def message(self, *fields, route="/in/owntracks", body=b""):
        """To a route for other programs' phones, which have no problem documents: no body of its own unless given."""
        basic = b"Authorization: Basic " + base64.b64encode(b"p:" + self.tracker)
        return self.head(*fields, basic, line=b"POST " + route.encode() + b" HTTP/1.1", auth=False) + body

    @property
    def inner(self):
        return self.post(name="inner")


def chunk(data, size=None, end=b"\r\n"):
    return (b"%x" % len(data) if size is None else size) + b"\r\n" + data + end


CASES = []
def case(clause, name, build, expect, **kw):
    CASES.append(Case(clause, name, build, expect, **kw))


# ---- Content-Length --------------------------------------------------------------------------------------------------
LENGTH = "RFC 9110 8.6"
for name, value, expect in (
        ("blank around it", "  {n}\t ", TAKEN), ("no blank before it", "{n}", TAKEN), ("leading zeros", "000{n}", TAKEN),
        ("forty leading zeros", "0" * 40 + "{n}", TAKEN), ("plus sign", "+{n}", BROKEN()), ("minus sign", "-{n}", BROKEN()),
        ("minus zero", "-0", BROKEN()), ("list of equal values", "{n},{n}", BROKEN()), ("list with blank", "{n}, {n}", BROKEN()),
        ("list of different values", "0,{n}", BROKEN()), ("list with empty member", "{n},", BROKEN()), ("two numbers", "{n} 0", BROKEN()),
        ("hexadecimal", "0x{n:x}", BROKEN()), ("hexadecimal digits", "{n:x}h", BROKEN()), ("fraction", "{n}.0", BROKEN()),
        ("exponent", "{n}e0", BROKEN()), ("underscore", "1_{n}", BROKEN()), ("quoted", '"{n}"', BROKEN()),
        ("parameter", "{n};a=1", BROKEN()),
        ("empty", "", BROKEN()), ("only blanks", "   ", BROKEN()), ("word", "many", BROKEN()), ("other script's digits", "١٢٣", BROKEN()),
        ("NUL behind it", "{n}\0", BROKEN()), ("vertical tab before it", "\v{n}", BROKEN()), ("form feed behind it", "{n}\f", BROKEN()),
        ("comment", "{n} (bytes)", BROKEN()), ("no-break space", "\u00a0{n}", BROKEN()),
        ("2^32", "4294967296", LAST(413)), ("2^32 + n", "{over32}", LAST(413)), ("2^63", "9223372036854775808", LAST(413)),
        ("2^64 - 1", "18446744073709551615", LAST(413)), ("2^64", "18446744073709551616", BROKEN()), ("2^64 + n", "{over64}", BROKEN()),
        ("a thousand digits", "9" * 1000, BROKEN()), ("one over the route's bound", "524289", LAST(413))):
    case(LENGTH, f"Content-Length: {name}", lambda p, v=value, x=expect: p.raw(
        "Content-Length: " + v.format(n=p.n, over32=2**32 + p.n, over64=2**64 + p.n)) + (p.inner if x != TAKEN else b""), expect)
case(LENGTH, "Content-Length without the blank behind the colon", lambda p: p.raw(f"Content-Length:{p.n}"), TAKEN)
case(LENGTH, "Content-Length 0 in front of a body", lambda p: p.head("Content-Length: 0") + p.json(), Expect([400, 400], set(), 1))
case(LENGTH, "shorter than the body by one", lambda p: p.raw(f"Content-Length: {p.n - 1}"), Expect([400, 400], set(), 1))
case(LENGTH, "longer than the body by one: the next request's first byte belongs to it",
     lambda p: p.raw(f"Content-Length: {p.n + 1}"), Expect([400, 405], set()))
case(LENGTH, "longer than the body: the next request belongs to it", lambda p: p.raw(f"Content-Length: {p.n + len(p.inner)}") + p.inner,
     KEPT(400))
case(LENGTH, "no length at all: no body, so the body is no request", lambda p: p.head() + p.json(), Expect([400, 400], set(), 1))
TWICE = "RFC 9112 6.3"
for name, values, in (("the same", (0, 0)), ("larger second", (0, 1)), ("smaller second", (1, 0)), ("zero first", ("0", 0)),
                      ("zero second", (0, "0")), ("empty second", (0, "")), ("three", (0, 0, 0))):
    case(TWICE, f"two Content-Lengths: {name}", lambda p, v=values: p.raw(*(
        f"Content-Length: {x if isinstance(x, str) else p.n + x}" for x in v)) + p.inner, BROKEN())
case(TWICE, "two Content-Lengths in different case", lambda p: p.raw(f"Content-Length: {p.n}", "content-length: 0") + p.inner, BROKEN())
case(TWICE, "two Content-Lengths far apart", lambda p: p.raw(f"Content-Length: {p.n}", *[f"X-{i}: y" for i in range(20)],
                                                          "CONTENT-LENGTH: 0") + p.inner, BROKEN())
for near in ("Content_Length", "X-Content-Length", "Content-Length-", "ContentLength", "Content.Length", "Content-Lengt", "Length"):
    case(TWICE, f"{near} is another field", lambda p, f=near: p.post(f"{f}: 0"), TAKEN)

# ---- Transfer-Encoding -----------------------------------------------------------------------------------------------
BOTH = "RFC 9112 6.1"
whole = lambda p: chunk(p.json()) + b"0\r\n\r\n"
case(BOTH, "chunked", lambda p: p.chunked(whole(p)), TAKEN)
case(BOTH, "chunked with a length: CL.TE", lambda p: p.head("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + p.inner,
     BROKEN())
case(BOTH, "length with chunked: TE.CL", lambda p: p.head("Transfer-Encoding: chunked", f"Content-Length: {p.n}") + whole(p) + p.inner,
     BROKEN())
case(BOTH, "chunked with length 0", lambda p: p.head("Content-Length: 0", "Transfer-Encoding: chunked") + whole(p) + p.inner, BROKEN())
case(BOTH, "identity with a length", lambda p: p.raw("Transfer-Encoding: identity", f"Content-Length: {p.n}") + p.inner, BROKEN())
case(BOTH, "unknown coding with a length", lambda p: p.raw("Transfer-Encoding: cow", f"Content-Length: {p.n}") + p.inner, BROKEN())
case(BOTH, "empty with a length", lambda p: p.raw("Transfer-Encoding:", f"Content-Length: {p.n}") + p.inner, BROKEN())
case(BOTH, "in HTTP/1.0", lambda p: p.head("Connection: keep-alive", "Transfer-Encoding: chunked", line=b"POST /v1/checkins HTTP/1.0") +
     whole(p) + p.inner, BROKEN())
for name, value, expect in (
        ("upper case", "CHUNKED", TAKEN), ("mixed case", "cHuNkEd", TAKEN), ("blanks around it", " \t chunked \t", TAKEN),
        ("identity", "identity", BROKEN()), ("gzip", "gzip", BROKEN()), ("chunked not last", "chunked, gzip", BROKEN()),
        ("chunked then identity", "chunked, identity", BROKEN()), ("identity then chunked", "identity, chunked", BROKEN(501)),
        ("gzip then chunked", "gzip, chunked", BROKEN(501)), ("gzip then chunked, no blank", "gzip,chunked", BROKEN(501)),
        ("chunked twice", "chunked, chunked", BROKEN()), ("chunked around gzip", "chunked, gzip, chunked", BROKEN()),
        ("empty member first", ", chunked", BROKEN()), ("empty member last", "chunked,", BROKEN()), ("quoted", '"chunked"', BROKEN()),
        ("single quotes", "'chunked'", BROKEN()), ("parameter", "chunked;q=1", BROKEN()), ("prefix", "xchunked", BROKEN()),
        ("suffix", "chunkedx", BROKEN()), ("two words", "chunked identity", BROKEN()), ("part of the word", "chunk", BROKEN()),
        ("vertical tab before it", "\vchunked", BROKEN()), ("form feed behind it", "chunked\f", BROKEN()),
        ("NUL behind it", "chunked\0", BROKEN()),
        ("NUL inside it", "chu\0nked", BROKEN()), ("no-break space", "\u00a0chunked", BROKEN()),
        ("bare CR behind it", "chunked\r", BROKEN()),
        ("bare CR before it", "\rchunked", BROKEN()), ("backspace", "xchunked\b", BROKEN()), ("empty", "", BROKEN()),
        ("byte order mark", "\ufeffchunked", BROKEN()),
        ("Kelvin sign as k", "chun\u212aed", BROKEN()), ("colon", ": chunked", BROKEN())):
    case(BOTH, f"Transfer-Encoding: {name}", lambda p, v=value: p.head("Transfer-Encoding: " + v) + whole(p) +
         (p.inner if not v.lower().strip() == "chunked" else b""), expect)
case(BOTH, "twice chunked", lambda p: p.head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + whole(p) + p.inner, BROKEN())
case(BOTH, "chunked, then identity in a second field", lambda p: p.head("Transfer-Encoding: chunked",
     "Transfer-Encoding: identity") + whole(p) + p.inner, BROKEN())
case(BOTH, "identity, then chunked in a second field", lambda p: p.head("Transfer-Encoding: identity",
     "Transfer-encoding: chunked") + whole(p) + p.inner, BROKEN())
case(BOTH, "cow in a second field", lambda p: p.head("Transfer-Encoding: chunked", "Transfer-Encoding: cow") + whole(p) + p.inner, BROKEN())
for near in ("Transfer_Encoding", "TransferEncoding", "X-Transfer-Encoding", "Transfer-Encodin", "Transfer.Encoding"):
    case(BOTH, f"{near} is another field", lambda p, f=near: p.post(f"{f}: chunked"), TAKEN)
case("RFC 9110 10.1.4", "TE is not Transfer-Encoding", lambda p: p.post("TE: chunked, trailers;q=0.5", "Connection: TE"), TAKEN)
case("RFC 9110 8.4", "Content-Encoding: chunked is not Transfer-Encoding", lambda p: p.post("Content-Encoding: chunked"), KEPT(415))
case("RFC 9110 8.4", "Content-Encoding: gzip", lambda p: p.post("Content-Encoding: gzip"), KEPT(415))

# ---- chunks ----------------------------------------------------------------------------------------------------------
CHUNK = "RFC 9112 7.1"
def halves(p, size=None, cut=20, **kw): return chunk(p.json()[:cut], size, **kw) + chunk(p.json()[cut:]) + b"0\r\n\r\n"
case(CHUNK, "one byte in each", lambda p: p.chunked(b"".join(chunk(bytes([c])) for c in p.json()) + b"0\r\n\r\n"), TAKEN)
for name, size, expect in (
        ("upper-case digits", b"1A", TAKEN), ("lower-case digits", b"1a", TAKEN), ("leading zeros", b"0000001a", TAKEN),
        ("sixteen digits", b"000000000000001a", TAKEN), ("seventeen digits", b"0000000000000001a", BROKEN()),
        ("0x before it", b"0x1a", BROKEN()), ("0X before it", b"0X1A", BROKEN()), ("x before it", b"x1a", BROKEN()),
        ("h behind it", b"1ah", BROKEN()),
        ("plus sign", b"+1a", BROKEN()), ("minus sign", b"-1a", BROKEN()), ("blank before it", b" 1a", BROKEN()),
        ("blank behind it", b"1a ", BROKEN()), ("tab behind it", b"1a\t", BROKEN()), ("blank inside it", b"1 a", BROKEN()),
        ("underscore", b"1_a", BROKEN()), ("dot", b"1a.0", BROKEN()), ("comma", b"1a,1a", BROKEN()), ("no digit", b"", BROKEN()),
        ("g", b"1g", BROKEN()), ("NUL before it", b"\x001a", BROKEN()), ("NUL behind it", b"1a\0", BROKEN()), ("quoted", b'"1a"', BROKEN()),
        ("braces", b"{1a}", BROKEN()), ("CR before it", b"\r1a", BROKEN()), ("CR behind it", b"1a\r", BROKEN()),
        ("LF before it", b"\n1a", BROKEN()),
        ("CRLF before it", b"\r\n1a", BROKEN()), ("full-width digits", "１ａ".encode(), BROKEN()), ("vertical tab", b"\v1a", BROKEN()),
        ("2^32 + n", b"10000001a", LAST(413)), ("2^63", b"8000000000000000", LAST(413)), ("2^64 - 1", b"ffffffffffffffff", LAST(413)),
        ("2^64 + n", b"1000000000000001a", BROKEN()), ("2^128 + n", b"1" + b"0" * 31 + b"1a", BROKEN()),
        ("over the route's bound", b"80001", LAST(413))):
    case(CHUNK, f"chunk size: {name}", lambda p, s=size, x=expect: p.chunked(halves(p, s, 26)) + (p.inner if x != TAKEN else b""), expect)
for name, data, expect in (
        ("too short", lambda p: chunk(p.json(), b"%x" % (p.n - 1)), BROKEN()),
        ("too long by one", lambda p: chunk(p.json(), b"%x" % (p.n + 1)), BROKEN()),
        ("too long by two: its CRLF belongs to it", lambda p: chunk(p.json(), b"%x" % (p.n + 2)), BROKEN()),
        ("no CRLF behind it", lambda p: halves(p, end=b""), BROKEN()), ("LF behind it", lambda p: halves(p, end=b"\n"), BROKEN()),
        ("CR behind it", lambda p: halves(p, end=b"\r"), BROKEN()), ("two LF behind it", lambda p: halves(p, end=b"\n\n"), BROKEN()),
        ("two CR behind it", lambda p: halves(p, end=b"\r\r"), BROKEN()), ("LF CR behind it", lambda p: halves(p, end=b"\n\r"), BROKEN()),
        ("any two bytes behind it", lambda p: halves(p, end=b"XX"), BROKEN()),
        ("CRLF twice behind it", lambda p: halves(p, end=b"\r\n\r\n"), BROKEN()),
        ("bare LF behind the size", lambda p: b"%x\n" % p.n + p.json() + b"\r\n0\r\n\r\n", BROKEN()),
        ("bare CR behind the size", lambda p: b"%x\r" % p.n + p.json() + b"\r\n0\r\n\r\n", BROKEN())):
    case(CHUNK, f"chunk: {name}", lambda p, d=data: p.chunked(d(p)) + p.inner, expect)
for name, end, expect in (
        ("three zeros", b"000\r\n\r\n", TAKEN), ("sixteen zeros", b"0" * 16 + b"\r\n\r\n", TAKEN),
        ("seventeen zeros", b"0" * 17 + b"\r\n\r\n", BROKEN()),
        ("blank behind it", b"0 \r\n\r\n", BROKEN()), ("0_0", b"0_0\r\n\r\n", BROKEN()), ("minus zero", b"-0\r\n\r\n", BROKEN()),
        ("0x0", b"0x0\r\n\r\n", BROKEN()),
        ("bare LF", b"0\n\n", BROKEN()), ("bare LF, then CRLF", b"0\n\r\n", BROKEN()), ("CRLF, then bare LF", b"0\r\n\n", BROKEN()),
        ("CRLF, then CR and another", b"0\r\n\rX", BROKEN()), ("extension", b"0;a=b\r\n\r\n", BROKEN()),
        ("one CRLF only", b"0\r\n", BROKEN()),
        ("none: an empty line", b"\r\n", BROKEN()), ("none", b"", BROKEN()), ("data behind it", b"0\r\nX\r\n\r\n", BROKEN())):
    case(CHUNK, f"last chunk: {name}", lambda p, e=end, x=expect: p.chunked(chunk(p.json()) + e) + (p.inner if x != TAKEN else b""), expect)
EXTENSION = "RFC 9112 7.1.1"
for name, extension in (("name", b";a"), ("name and value", b";a=b"), ("quoted value", b';a="b"'), ("quoted CRLF", b';a="\r\n"'),
        ("empty", b";"),
                        ("blank before it", b" ;a"), ("bare LF inside it", b";\n"), ("bare LF in its value", b";a=\nxx"),
                        ("bare CR inside it", b";a\rb"),
                        ("NUL", b";a\0"), ("very long", b";a=" + b"x" * 40000), ("a thousand", b";a" * 1000), ("equals only", b"="),
                        ("LF then a size", b";a\n1\r\n")):
    case(EXTENSION, f"chunk extension: {name}", lambda p, e=extension: p.chunked(halves(p, b"14" + e)) + p.inner, BROKEN())
TRAILER = "RFC 9110 6.5.1"
for name, trailer in (("harmless", b"X-A: b\r\n"), ("Content-Length", b"Content-Length: 5\r\n"),
        ("Transfer-Encoding", b"Transfer-Encoding: chunked\r\n"),
                      ("Host", b"Host: other.example\r\n"), ("Authorization", b"Authorization: Bearer x\r\n"),
                      ("a thousand", b"X: y\r\n" * 1000),
                      ("folded", b"X: y\r\n z\r\n"), ("without colon", b"X\r\n"), ("bare LF", b"X: y\n"),
                      ("very long", b"X: " + b"y" * 40000 + b"\r\n"),
                      ("a request line", b"POST /v1/checkins HTTP/1.1\r\n")):
    case(TRAILER, f"trailer: {name}", lambda p, t=trailer: p.chunked(chunk(p.json()) + b"0\r\n" + t + b"\r\n", "Trailer: X-A") + p.inner,
         BROKEN())
case("RFC 9110 6.6.2", "Trailer announced, none sent", lambda p: p.chunked(whole(p), "Trailer: Content-Length, X-A"), TAKEN)

# ---- lines -----------------------------------------------------------------------------------------------------------
LINES = "RFC 9112 2.2"
case(LINES, "every line ends in a bare LF", lambda p: p.post(end=b"\n") + p.inner, BROKEN())
case(LINES, "the request line ends in a bare LF", lambda p: p.post().replace(b"\r\n", b"\n", 1) + p.inner, BROKEN())
case(LINES, "one field ends in a bare LF", lambda p: p.post("X-A: b\nX-B: c") + p.inner, BROKEN())
case(LINES, "a length behind a bare LF", lambda p: p.post("X-A: b\nContent-Length: 0") + p.inner, BROKEN())
case(LINES, "the head ends in LF LF", lambda p: p.post().replace(b"\r\n\r\n", b"\n\n", 1) + p.inner, BROKEN())
case(LINES, "the head ends in CRLF LF", lambda p: p.post().replace(b"\r\n\r\n", b"\r\n\n", 1) + p.inner, BROKEN())
case(LINES, "the head ends in LF CRLF", lambda p: p.post().replace(b"\r\n\r\n", b"\n\r\n", 1) + p.inner, BROKEN())
case(LINES, "the head ends in CR CR LF", lambda p: p.post().replace(b"\r\n\r\n", b"\r\n\r\r\n", 1) + p.inner, BROKEN())
case(LINES, "lines end in LF CR", lambda p: p.post(end=b"\n\r") + p.inner, BROKEN())
case(LINES, "lines end in CR", lambda p: p.post(end=b"\r") + p.inner, BROKEN())
case(LINES, "lines end in CR CR LF", lambda p: p.post(end=b"\r\r\n") + p.inner, BROKEN())
case(LINES, "bare CR in a value", lambda p: p.post("X-A: b\rc") + p.inner, BROKEN())
case(LINES, "a field behind a bare CR", lambda p: p.post("X-A: b\rTransfer-Encoding: chunked") + p.inner, BROKEN())
case(LINES, "bare CR in a name", lambda p: p.post("X\r-A: b") + p.inner, BROKEN())
case(LINES, "bare CR in the request line", lambda p: p.post(line=b"POST /v1/checkins\rHTTP/1.1") + p.inner, BROKEN())
case(LINES, "one empty line before the request line", lambda p: b"\r\n" + p.post(), TAKEN)
case(LINES, "two empty lines before the request line", lambda p: b"\r\n\r\n" + p.post() + p.inner, BROKEN())
case(LINES, "a thousand empty lines", lambda p: b"\r\n" * 1000 + p.inner, BROKEN())
case(LINES, "LF before the request line", lambda p: b"\n" + p.post() + p.inner, BROKEN())
case(LINES, "CR before the request line", lambda p: b"\r" + p.post() + p.inner, BROKEN())
case(LINES, "a blank before the request line", lambda p: b" " + p.post() + p.inner, BROKEN())
case(LINES, "a tab before the request line", lambda p: b"\t" + p.post() + p.inner, BROKEN())
case(LINES, "NUL before the request line", lambda p: b"\0" + p.post() + p.inner, BROKEN())
case(LINES, "byte order mark before the request line", lambda p: b"\xef\xbb\xbf" + p.post() + p.inner, BROKEN())
case(LINES, "blank behind the request line's CRLF", lambda p: p.post(line=b"POST /v1/checkins HTTP/1.1\r\n X: y") + p.inner, BROKEN())
case(LINES, "folded line as the first field", lambda p: p.head(" X: y", f"Content-Length: {p.n}", host=False,
     auth=False) + p.json() + p.inner, BROKEN())
case(LINES, "CRLF behind a body, then a request", lambda p: p.post() + b"\r\n", TAKEN)
case(LINES, "two CRLF behind a body, then a request", lambda p: p.post() + b"\r\n\r\n", Expect([200, 400], {"first"}, 1))
case(LINES, "a line that never ends", lambda p: b"POST /v1/checkins HTTP/1.1\r\nX: " + b"y" * 30000, BROKEN(431))

# ---- the request line ------------------------------------------------------------------------------------------------
LINE = "RFC 9112 3"
for name, line, expect in (
        ("two blanks behind the method", b"POST  /v1/checkins HTTP/1.1", BROKEN()),
        ("two blanks before the version", b"POST /v1/checkins  HTTP/1.1", BROKEN()),
        ("tab behind the method", b"POST\t/v1/checkins HTTP/1.1", BROKEN()),
        ("tab before the version", b"POST /v1/checkins\tHTTP/1.1", BROKEN()),
        ("vertical tab", b"POST\v/v1/checkins HTTP/1.1", BROKEN()), ("form feed", b"POST /v1/checkins\fHTTP/1.1", BROKEN()),
        ("blank behind the version", b"POST /v1/checkins HTTP/1.1 ", BROKEN()),
        ("tab behind the version", b"POST /v1/checkins HTTP/1.1\t", BROKEN()),
        ("a fourth word", b"POST /v1/checkins HTTP/1.1 HTTP/1.1", BROKEN()),
        ("a blank in the target", b"POST /v1/check ins HTTP/1.1", BROKEN()),
        ("another target first", b"POST /v1/me /v1/checkins HTTP/1.1", BROKEN()), ("no target", b"POST HTTP/1.1", BROKEN()),
        ("empty target", b"POST  HTTP/1.1", BROKEN()),
        ("no method", b"/v1/checkins HTTP/1.1", BROKEN()), ("empty method", b" /v1/checkins HTTP/1.1", BROKEN()),
        ("only a version", b"HTTP/1.1", BROKEN()),
        ("a status line", b"HTTP/1.1 200 OK", BROKEN()), ("HTTP/0.9", b"GET /v1/me", BROKEN()),
        ("HTTP/0.9 with a blank", b"GET /v1/me ", BROKEN())):
    case(LINE, f"request line: {name}", lambda p, l=line: p.post(line=l) + p.inner, expect)
METHOD = "RFC 9110 9.1"
for name, method, expect in (
        ("lower case", b"post", KEPT(405)), ("mixed case", b"Post", KEPT(405)), ("unknown", b"POSTX", KEPT(405)),
        ("part of it", b"POS", KEPT(405)),
        ("PUT", b"PUT", KEPT(405)), ("DELETE", b"DELETE", KEPT(405)), ("PATCH", b"PATCH", KEPT(405)), ("OPTIONS", b"OPTIONS", KEPT(405)),
        ("PRI", b"PRI", KEPT(405)),
        ("24 characters", b"M" * 24, KEPT(405)), ("25 characters", b"M" * 25, BROKEN(501)),
        ("a thousand characters", b"M" * 1000, BROKEN(501)),
        ("every token character", b"!#$%&'*+-.^_`|~aZ0", KEPT(405)), ("colon", b"POST:", BROKEN()), ("brackets", b"[POST]", BROKEN()),
        ("slash", b"PO/ST", BROKEN()),
        ("comma", b"POST,GET", BROKEN()), ("at sign", b"P@ST", BROKEN()), ("quotes", b'"POST"', BROKEN()),
        ("above 0x7f", b"P\xd6ST", BROKEN())):
    case(METHOD, f"method: {name}", lambda p, m=method, x=expect: p.post(line=m + b" /v1/checkins HTTP/1.1") + (p.inner if x.broken else b""), expect)
case("RFC 9110 9.3.2", "HEAD has no body in its answer", lambda p: p.head(line=b"HEAD /v1/me HTTP/1.1"), KEPT(405), bodiless=(0,))
case("RFC 9110 9.3.2", "HEAD of what is not there", lambda p: p.head(line=b"HEAD /nowhere HTTP/1.1"), KEPT(404), bodiless=(0,))
case("RFC 9110 9.3.2", "HEAD with a body", lambda p: p.post(line=b"HEAD /v1/checkins HTTP/1.1", name="inner"), KEPT(405), bodiless=(0,))
case("RFC 9110 9.3.2", "HEAD whose body is a request", lambda p: p.head(f"Content-Length: {len(p.inner)}",
     line=b"HEAD /v1/me HTTP/1.1") + p.inner,
     KEPT(405), bodiless=(0,))
case("RFC 9110 9.3.1", "GET whose body is a request", lambda p: p.head(f"Content-Length: {len(p.inner)}",
     line=b"GET /v1/me HTTP/1.1") + p.inner, LAST(413))
case("RFC 9110 9.3.1", "GET with an empty body", lambda p: p.head("Content-Length: 0", line=b"GET /v1/me HTTP/1.1"),
     Expect([200, 200], {"after"}))
case("RFC 9110 9.3.1", "GET with a chunked body", lambda p: p.head("Transfer-Encoding: chunked",
     line=b"GET /v1/me HTTP/1.1") + chunk(p.inner) + b"0\r\n\r\n", LAST(413))
case("RFC 9110 9.3.8", "TRACE tells nothing back", lambda p: p.head("X-A: secret", line=b"TRACE /v1/me HTTP/1.1"), KEPT(405))
case("RFC 9110 9.3.6", "CONNECT with a path", lambda p: p.head(line=b"CONNECT /v1/me HTTP/1.1"), KEPT(405))
for override in ("X-HTTP-Method-Override: GET", "X-HTTP-Method: DELETE", "X-Method-Override: PUT", "X-HTTP-Method-Override: HEAD"):
    case("RFC 9110 9.1", f"{override} changes nothing", lambda p, o=override: p.post(o), TAKEN)
for override in ("X-Original-URL: /nowhere", "X-Rewrite-URL: /nowhere", "X-Original-Host: other.example", "X-Forwarded-Host: other.example",
                 "X-Forwarded-Prefix: /nowhere", "X-Forwarded-For: 203.0.113.1", "Forwarded: for=203.0.113.1;host=other.example"):
    case("RFC 9110 7.1", f"{override} changes nothing", lambda p, o=override: p.post(o), TAKEN)
VERSION = "RFC 9112 2.3"
for version, expect in (
        (b"HTTP/1.2", TAKEN), (b"HTTP/1.9", TAKEN), (b"HTTP/1.10", BROKEN()), (b"HTTP/1.01", BROKEN()), (b"HTTP/01.1", BROKEN()),
        (b"HTTP/11.1", BROKEN()),
        (b"HTTP/1,1", BROKEN()), (b"HTTP/1.", BROKEN()), (b"HTTP/.1", BROKEN()), (b"HTTP/1", BROKEN()), (b"HTTP/", BROKEN()),
        (b"HTTP", BROKEN()), (b"HTTP/1.x", BROKEN()),
        (b"http/1.1", BROKEN()), (b"Http/1.1", BROKEN()), (b"HTTPS/1.1", BROKEN()), (b"HTTP /1.1", BROKEN()), (b"HTTP/ 1.1", BROKEN()),
        (b"HTTP/1 .1", BROKEN()),
        (b"HTTP/-1.1", BROKEN()), (b"HTTP/+1.1", BROKEN()), (b"ICY/1.1", BROKEN()), (b"RTSP/1.0", BROKEN()),
        (b"HTTP/1.1HTTP/1.1", BROKEN()), (b"HTTP/1.1;a=b", BROKEN()),
        (b"HTTP/1.\xb9", BROKEN()), (b"HTTP/1.1\0", BROKEN()), (b"HTTP/0.9", BROKEN(505)), (b"HTTP/0.0", BROKEN(505)),
        (b"HTTP/2.0", BROKEN(505)), (b"HTTP/3.0", BROKEN(505)),
        (b"HTTP/9.9", BROKEN(505)), (b"HTTP/2", BROKEN())):
    case(VERSION, f"version {version!r}", lambda p, v=version,
         x=expect: p.post(line=b"POST /v1/checkins " + v) + (p.inner if x.broken else b""), expect)
case("RFC 9113 3.4", "the preface of HTTP/2", lambda p: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9) + p.inner, BROKEN(505))
case("RFC 9112 9.3", "HTTP/1.0 ends with its answer", lambda p: p.post(line=b"POST /v1/checkins HTTP/1.0") + p.inner, FIRST)
case("RFC 9112 9.3", "HTTP/1.0 kept alive", lambda p: p.post("Connection: keep-alive", line=b"POST /v1/checkins HTTP/1.0"), TAKEN)
case("RFC 9112 3.2", "HTTP/1.0 without Host", lambda p: p.post(line=b"POST /v1/checkins HTTP/1.0", host=False) + p.inner, FIRST)
case("RFC 9112 2.2", "TLS inside TLS", lambda p: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + p.inner, BROKEN())
case("RFC 9112 2.2", "another protocol: SMTP", lambda p: b"EHLO office\r\n" + p.inner, BROKEN())
case("RFC 9112 2.2", "another protocol: SSH", lambda p: b"SSH-2.0-x\r\n" + p.inner, BROKEN())
case("RFC 9112 2.2", "PROXY protocol 1", lambda p: b"PROXY TCP4 203.0.113.1 203.0.113.2 1 2\r\n" + p.post() + p.inner, BROKEN())
case("RFC 9112 2.2", "PROXY protocol 2", lambda p: b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00" + p.post() + p.inner, BROKEN())

# ---- targets ---------------------------------------------------------------------------------------------------------
for clause, name, target, expect in (
        ("RFC 9112 3.2.2", "absolute-form", b"https://%HOST%/v1/checkins", BROKEN()),
        ("RFC 9112 3.2.2", "absolute-form, another host", b"https://other.example/v1/checkins", BROKEN()),
        ("RFC 9112 3.2.2", "absolute-form, http", b"http://%HOST%/v1/checkins", BROKEN()),
        ("RFC 9112 3.2.2", "absolute-form, upper-case scheme", b"HTTPS://%HOST%/v1/checkins", BROKEN()),
        ("RFC 9112 3.2.2", "absolute-form, another scheme", b"file:///etc/passwd", BROKEN()),
        ("RFC 9112 3.2.2", "absolute-form, user", b"https://a:b@%HOST%/v1/checkins", BROKEN()),
        ("RFC 9112 3.2.3", "authority-form", b"%HOST%", BROKEN()),
        ("RFC 9112 3.2.3", "authority-form with a path", b"%HOST%/v1/checkins", BROKEN()),
        ("RFC 9112 3.2.4", "asterisk-form", b"*", BROKEN()), ("RFC 9112 3.2.4", "asterisk with a path", b"*/v1/checkins", BROKEN()),
        ("RFC 9112 3.2.1", "no slash in front", b"v1/checkins", BROKEN()), ("RFC 9112 3.2.1", "backslashes", b"\\v1\\checkins", BROKEN()),
        ("RFC 9112 3.2.1", "backslash inside", b"/v1\\checkins", BROKEN()), ("RFC 9112 3.2.1", "question mark only", b"?x=y", BROKEN()),
        ("RFC 9112 3.2.1", "two slashes in front", b"//v1/checkins", KEPT(404)),
        ("RFC 9112 3.2.1", "an authority behind two slashes", b"//%HOST%/v1/checkins", KEPT(404)),
        ("RFC 9112 3.2.1", "a URL as path", b"/https://%HOST%/v1/checkins", KEPT(404)),
        ("RFC 9112 3.2.1", "at sign", b"/@other.example/v1/checkins", KEPT(404)),
        ("RFC 9112 3.2.1", "query", b"/v1/checkins?x=y", TAKEN), ("RFC 9112 3.2.1", "empty query", b"/v1/checkins?", TAKEN),
        ("RFC 9112 3.2.1", "question marks and slashes in the query", b"/v1/checkins?/v1/me??", TAKEN),
        ("RFC 3986 3.5", "fragment", b"/v1/checkins#x", BROKEN()),
        ("RFC 3986 3.5", "fragment behind the query", b"/v1/checkins?a#/v1/me", BROKEN()),
        ("RFC 3986 2.1", "percent at the end", b"/v1/checkins%", BROKEN()), ("RFC 3986 2.1", "one digit", b"/v1/checkins%4", BROKEN()),
        ("RFC 3986 2.1", "not hexadecimal", b"/v1/checkins%zz", BROKEN()), ("RFC 3986 2.1", "percent u", b"/v1/checkins%u0041", BROKEN()),
        ("RFC 3986 2.1", "percent percent", b"/v1/checkins%%41", BROKEN()),
        ("RFC 3986 2.1", "bad percent in the query", b"/v1/checkins?a=%", BROKEN()),
        ("RFC 3986 2.3", "encoded letter", b"/v1/%63heckins", KEPT(404)), ("RFC 3986 2.2", "encoded slash", b"/v1%2fcheckins", KEPT(404)),
        ("RFC 3986 2.2", "encoded slash, upper case", b"/v1%2Fcheckins", KEPT(404)),
        ("RFC 3986 2.2", "encoded question mark", b"/v1/checkins%3fx=y", KEPT(404)),
        ("RFC 3986 2.1", "encoded NUL", b"/v1/checkins%00", KEPT(404)),
        ("RFC 3986 2.1", "encoded CRLF", b"/v1/checkins%0d%0aX:%20y", KEPT(404)),
        ("RFC 3986 2.1", "encoded blank", b"/v1/checkins%20", KEPT(404)), ("RFC 3986 2.4", "encoded twice", b"/v1/%2563heckins", KEPT(404)),
        ("RFC 3986 2.4", "slash encoded twice", b"/v1%252fcheckins", KEPT(404)),
        ("RFC 3629 3", "overlong slash", b"/v1%c0%afcheckins", KEPT(404)),
        ("RFC 3629 3", "overlong dot dot", b"/x/%c0%ae%c0%ae/v1/checkins", KEPT(404)),
        ("RFC 3629 3", "overlong NUL", b"/v1/checkins%c0%80", KEPT(404)),
        ("RFC 3629 3", "full-width slash", b"/v1%ef%bc%8fcheckins", KEPT(404)),
        ("RFC 3629 3", "invalid UTF-8", b"/v1/checkins%ff", KEPT(404)),
        ("RFC 3986 5.2.4", "dot segment", b"/./v1/checkins", KEPT(404)),
        ("RFC 3986 5.2.4", "dot segment inside", b"/v1/./checkins", KEPT(404)),
        ("RFC 3986 5.2.4", "dot dot", b"/v1/me/../checkins", KEPT(404)),
        ("RFC 3986 5.2.4", "dot dot in front", b"/../v1/checkins", KEPT(404)),
        ("RFC 3986 5.2.4", "encoded dot dot", b"/v1/me/%2e%2e/checkins", KEPT(404)),
        ("RFC 3986 5.2.4", "half-encoded dot dot", b"/v1/me/.%2e/checkins", KEPT(404)),
        ("RFC 3986 5.2.4", "dot dot, encoded slash", b"/v1/me/..%2fcheckins", KEPT(404)),
        ("RFC 3986 5.2.4", "dot dot semicolon", b"/v1/me/..;/checkins", KEPT(404)),
        ("RFC 3986 3.3", "slash behind it", b"/v1/checkins/", KEPT(404)),
        ("RFC 3986 3.3", "two slashes inside", b"/v1//checkins", KEPT(404)),
        ("RFC 3986 3.3", "path parameter", b"/v1/checkins;a=b", KEPT(404)), ("RFC 3986 3.3", "upper case", b"/V1/CHECKINS", KEPT(404)),
        ("RFC 3986 3.3", "suffix", b"/v1/checkins.json", KEPT(404)), ("RFC 3986 3.3", "dot behind it", b"/v1/checkins.", KEPT(404)),
        ("RFC 3986 3.3", "another port's page", b"/metrics", KEPT(404)), ("RFC 3986 3.3", "a file", b"/etc/passwd", KEPT(404)),
        ("RFC 9112 3", "8000 characters", b"/" + b"a" * 7999, KEPT(404)), ("RFC 9112 3", "8192 characters", b"/" + b"a" * 8191, KEPT(404)),
        ("RFC 9112 3", "8193 characters", b"/" + b"a" * 8192, BROKEN(414)),
        ("RFC 9112 3", "30000 characters", b"/" + b"a" * 30000, BROKEN(414))):
    case(clause, f"target: {name}", lambda p, t=target, x=expect: p.post(line=b"POST " + t.replace(b"%HOST%", p.host) + b" HTTP/1.1") +
         (p.inner if x.broken else b""), expect)
for bad in b'"<>^`{|}\x80\xc3\xff':
    case("RFC 9112 3.2", f"target: byte {bad:#04x}", lambda p,
         c=bad: p.post(line=b"POST /v1/checkins" + bytes([c]) + b" HTTP/1.1") + p.inner, BROKEN())
case("RFC 9112 3.2.3", "CONNECT in authority-form", lambda p: p.head(line=b"CONNECT " + p.host + b" HTTP/1.1") + p.inner, BROKEN())
case("RFC 9112 3.2.4", "OPTIONS in asterisk-form", lambda p: p.head(line=b"OPTIONS * HTTP/1.1") + p.inner, BROKEN())
case("RFC 9112 3.2.2", "GET in absolute-form, Host another", lambda p: p.head(line=b"GET http://other.example/v1/me HTTP/1.1") + p.inner,
     BROKEN())
for name, target in (("NUL", b"%00"), ("encoded slash", b"a%2fb"), ("dot dot", b"%2e%2e"), ("overlong", b"%c0%ae"), ("twice", b"%2541"),
        ("CRLF", b"%0d%0aX:y"),
                     ("8000 characters", b"a" * 8000)):
    case("RFC 3986 2.1", f"in a variable segment: {name}", lambda p, t=target: p.head(line=b"GET /v1/checkins/" + t + b" HTTP/1.1"),
         KEPT(400))
for name, query in (("NUL", b"month=2025-12%00"), ("overlong", b"month=%c0%ae"), ("twice", b"month=2025-12&month=2025-11"),
        ("no name", b"=2025-12"), ("CRLF", b"month=2025-12%0d%0a"),
                    ("invalid UTF-8", b"month=%ff"), ("another's name", b"Month=2025-12"),
                    ("encoded name twice", b"month=2025-12&%6donth=2025-11"),
                    ("semicolon", b"month=2025-12;month=2025-11"), ("a thousand", b"a=b&" * 1000)):
    case("RFC 3986 3.4", f"in a query: {name}", lambda p, q=query: p.head(line=b"GET /v1/me/attendance?" + q + b" HTTP/1.1"), KEPT(400))

# ---- Host ------------------------------------------------------------------------------------------------------------
HOST = "RFC 9112 3.2"
case(HOST, "no Host", lambda p: p.post(host=False) + p.inner, BROKEN())
for name, value, expect in (
        ("another name", "other.example", TAKEN), ("another port", "127.0.0.1:1", TAKEN), ("no port", "127.0.0.1", TAKEN),
        ("empty port", "127.0.0.1:", TAKEN), ("IPv6", "[::1]:8443", TAKEN),
        ("admin's address", "localhost:8081", TAKEN), ("upper case", "LOCALHOST", TAKEN), ("empty", "", BROKEN()),
        ("only blanks", "  ", BROKEN()), ("user", "a@127.0.0.1", BROKEN()),
        ("user and password", "a:b@127.0.0.1", BROKEN()), ("path", "127.0.0.1/v1/me", BROKEN()), ("scheme", "https://127.0.0.1", BROKEN()),
        ("query", "127.0.0.1?x", BROKEN()),
        ("fragment", "127.0.0.1#x", BROKEN()), ("two", "127.0.0.1 other.example", BROKEN()),
        ("list with blank", "127.0.0.1, other.example", BROKEN()), ("letters as port", "127.0.0.1:http", BROKEN()),
        ("negative port", "127.0.0.1:-1", BROKEN()), ("two ports", "127.0.0.1:1:2", BROKEN()), ("long port", "127.0.0.1:123456", BROKEN()),
        ("only a port", ":443", BROKEN()),
        ("open bracket", "[::1", BROKEN()), ("behind the bracket", "[::1]x", BROKEN()), ("empty brackets", "[]", BROKEN()),
        ("zone", "[fe80::1%25eth0]", BROKEN()),
        ("percent", "127.0.0.1%00", BROKEN()), ("NUL", "127.0.0.1\0.example", BROKEN()), ("backslash", "127.0.0.1\\@other", BROKEN()),
        ("above 0x7f", "büro.example", BROKEN()),
        ("263 characters", "a" * 263, BROKEN()), ("quotes", '"127.0.0.1"', BROKEN()), ("angle brackets", "<script>", BROKEN()),
        ("tab inside", "127.0.0.1\tx", BROKEN())):
    case(HOST, f"Host: {name}", lambda p, v=value, x=expect: p.post("Host: " + v, host=False) + (p.inner if x.broken else b""), expect)
case(HOST, "two Hosts, the same", lambda p: p.post(b"Host: " + p.host) + p.inner, BROKEN())
case(HOST, "two Hosts, different", lambda p: p.post("Host: other.example") + p.inner, BROKEN())
case(HOST, "two Hosts, one empty", lambda p: p.post("hOsT:") + p.inner, BROKEN())
case(HOST, "two Hosts in HTTP/1.0", lambda p: p.post("Host: other.example", line=b"POST /v1/checkins HTTP/1.0") + p.inner, BROKEN())
case(HOST, "blank before its colon", lambda p: p.post("Host : 127.0.0.1", host=False) + p.inner, BROKEN())
case(HOST, "Host as the last field", lambda p: p.head(f"Content-Length: {p.n}", b"Host: " + p.host, host=False) + p.json(), TAKEN)

# ---- fields ----------------------------------------------------------------------------------------------------------
FIELD = "RFC 9112 5.1"
for name, field in (("blank before the colon", "X-A : b"), ("tab before the colon", "X-A\t: b"),
        ("length, blank before the colon", "Content-Length : 0"),
                    ("coding, blank before the colon", "Transfer-Encoding : chunked"),
                    ("coding, tab before the colon", "Transfer-Encoding\t: chunked"), ("no colon", "X-A"), ("no name", ": b"),
                    ("blank only name", " : b"),
                    ("blank inside the name", "X A: b"), ("parentheses", "X(A): b"), ("slash", "X/A: b"), ("at sign", "X@A: b"),
                    ("quotes", '"X": b'), ("brackets", "X[A]: b"), ("braces", "{X}: b"),
                    ("equals", "X=A: b"), ("comma", "X,A: b"), ("semicolon", "X;A: b"), ("backslash", "X\\A: b"),
                    ("question mark", "X?: b"), ("above 0x7f", "Ä: b"), ("a request line", "GET /v1/me HTTP/1.1")):
    case(FIELD, f"field name: {name}", lambda p, f=field: p.post(f) + p.inner, BROKEN())
case(FIELD, "field name: every token character", lambda p: p.post("!#$%&'*+-.^_`|~09aZ: b"), TAKEN)
case("RFC 9110 5.5", "empty value", lambda p: p.post("X-A:"), TAKEN)
case("RFC 9110 5.5", "a value of blanks and tabs", lambda p: p.post("X-A: \t \t"), TAKEN)
case("RFC 9110 5.5", "colons in a value", lambda p: p.post("X-A: b: c:"), TAKEN)
case("RFC 9110 5.5", "bytes above 0x7f in a value", lambda p: p.post(b"X-A: \x80\xff\xc3\xa4"), TAKEN)
for c in (*range(0x00, 0x09), 0x0b, 0x0c, 0x0e, 0x1b, 0x1f, 0x7f):
    b = bytes([c])
    case("RFC 9110 5.5", f"control {c:#04x} in a value", lambda p, b=b: p.post(b"X-A: b" + b + b"c") + p.inner, BROKEN())
for c in (0x00, 0x01, 0x0b, 0x1b, 0x7f):
    b = bytes([c])
    case("RFC 9110 5.1", f"control {c:#04x} in a name", lambda p, b=b: p.post(b"X" + b + b"A: b") + p.inner, BROKEN())
    case("RFC 9112 3", f"control {c:#04x} in the method", lambda p, b=b: p.post(line=b"PO" + b + b"ST /v1/checkins HTTP/1.1") + p.inner,
         BROKEN())
    case("RFC 9112 3.2", f"control {c:#04x} in the target", lambda p, b=b: p.post(line=b"POST /v1/checkins" + b + b" HTTP/1.1") + p.inner,
         BROKEN())
FOLD = "RFC 9112 5.2"
for name, field in (("blank", "X-A: b\r\n c"), ("tab", "X-A: b\r\n\tc"), ("only a blank", "X-A: b\r\n "),
        ("a length", "Content-Length:\r\n 0"), ("a coding", "Transfer-Encoding:\r\n chunked"),
                    ("a coding inside", "Transfer-Encoding: chunk\r\n ed"), ("a length hidden in it", "X-A: b\r\n Content-Length: 0"),
                    ("behind Host", "Host:\r\n 127.0.0.1")):
    case(FOLD, f"folded line: {name}", lambda p, f=field: p.post(f) + p.inner, BROKEN())
MANY = "RFC 9110 5.4"
case(MANY, "64 fields", lambda p: p.post(*[f"X-{i}: y" for i in range(61)]), TAKEN)
case(MANY, "65 fields", lambda p: p.post(*[f"X-{i}: y" for i in range(62)]) + p.inner, BROKEN(431))
case(MANY, "3000 fields", lambda p: p.post(*["a:"] * 3000) + p.inner, BROKEN(431))
def padded(p, size):
    without = len(p.head("X: ", f"Content-Length: {p.n}"))
    return p.head("X: " + "y" * (size - without), f"Content-Length: {p.n}") + p.json()
case(MANY, "a head of 16384 bytes", lambda p: padded(p, 16384), TAKEN)
case(MANY, "a head of 16385 bytes", lambda p: padded(p, 16385) + p.inner, BROKEN(431))
case(MANY, "a value of 30000 bytes", lambda p: p.post("X: " + "y" * 30000) + p.inner, BROKEN(431))
case(MANY, "a name of 30000 bytes", lambda p: p.post("y" * 30000 + ": x") + p.inner, BROKEN(431))
case("RFC 9110 11.6.2", "two Authorizations", lambda p: p.post("Authorization: Bearer x"), KEPT(400))
case("RFC 9110 11.6.2", "Authorization as a list", lambda p: p.post(b"Authorization: Bearer x, Bearer " + p.token, auth=False), KEPT(401))
case("RFC 9110 11.6.2", "no Authorization; its body is read away",
     lambda p: p.head(f"Content-Length: {len(p.inner)}", auth=False) + p.inner, KEPT(401))
case("RFC 9110 11.7", "Proxy-Authorization is none", lambda p: p.post(b"Proxy-Authorization: Bearer " + p.token, auth=False), KEPT(401))
for name, cookie in (("a token", b"Cookie: token=%TOKEN%"), ("Authorization", b"Cookie: Authorization=Bearer %TOKEN%"),
        ("old attributes", b'Cookie: $Version=1; a="b; c"; $Path=/'), ("empty", b"Cookie:"),
                     ("a CRLF quoted", b'Cookie: a="%0d%0a"')):
    case("RFC 6265 5.4", f"Cookie is read by nobody: {name}", lambda p, c=cookie: p.post(c.replace(b"%TOKEN%", p.token), auth=False),
         KEPT(401))
case("RFC 6265 5.4", "Cookie beside a token", lambda p: p.post("Cookie: session=other; token=other"), TAKEN)

# ---- what asks for more than a plain answer --------------------------------------------------------------------------
EXPECT = "RFC 9110 10.1.1"
for name, value, expect in (("with the body at once", "100-continue", TAKEN), ("upper case", "100-CONTINUE", TAKEN),
        ("another", "coffee", BROKEN(417)), ("twice in one", "100-continue, 100-continue", BROKEN(417)),
                            ("with a word before it", "y 100-continue", BROKEN(417)), ("parameter", "100-continue;a=b", BROKEN(417)),
                            ("empty", "", BROKEN(417)), ("status", "200-ok", BROKEN(417)), ("quoted", '"100-continue"', BROKEN(417))):
    case(EXPECT, f"Expect: {name}", lambda p, v=value, x=expect: p.post("Expect: " + v) + (p.inner if x.broken else b""), expect)
case(EXPECT, "Expect: two fields", lambda p: p.post("Expect: 100-continue", "Expect: 100-continue") + p.inner, BROKEN())
case(EXPECT, "Expect: refused before the body", lambda p: p.post("Expect: 100-continue", line=b"POST /nowhere HTTP/1.1", name="inner"),
     LAST(404))
case(EXPECT, "Expect: no token", lambda p: p.post("Expect: 100-continue", auth=False, name="inner"), LAST(401))
case(EXPECT, "Expect: too large", lambda p: p.head("Expect: 100-continue", "Content-Length: 600000") + p.inner, LAST(413))
case(EXPECT, "Expect: in HTTP/1.0", lambda p: p.post("Expect: 100-continue", line=b"POST /v1/checkins HTTP/1.0") + p.inner, FIRST)
case(EXPECT, "Expect: on GET without a body", lambda p: p.head("Expect: 100-continue", line=b"GET /v1/me HTTP/1.1"),
     Expect([200, 200], {"after"}))
case(EXPECT, "Expect: folded", lambda p: p.post("Expect:\r\n 100-continue") + p.inner, BROKEN())
case(EXPECT, "Expect: chunked", lambda p: p.chunked(whole(p), "Expect: 100-continue"), TAKEN)
UPGRADE = "RFC 9110 7.8"
for name, fields in (("h2c", ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__")),
        ("websocket", ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13")),
                     ("TLS", ("Upgrade: TLS/1.2", "Connection: upgrade")), ("without Connection", ("Upgrade: h2c",))):
    case(UPGRADE, f"Upgrade: {name}", lambda p, f=fields: p.post(*f), TAKEN)
CONNECTION = "RFC 9110 7.6.1"
for name, value in (("the length", "Content-Length"), ("Host", "Host"), ("Authorization", "Authorization"), ("nonsense", "\"\", ;;, (x)"),
        ("empty", ""), ("close inside a word", "closed, not-close"), ("a thousand", "a," * 1000),
                    ("X-Forwarded-For", "X-Forwarded-For, keep-alive")):
    case(CONNECTION, f"Connection: {name}", lambda p, v=value: p.post("Connection: " + v), TAKEN)
case(CONNECTION, "Connection: the coding", lambda p: p.chunked(whole(p), "Connection: Transfer-Encoding"), TAKEN)
for name, fields in (("close", ("Connection: close",)), ("upper case", ("Connection: CLOSE",)),
        ("in a list", ("Connection: keep-alive, x,close",)), ("in a second field", ("Connection: keep-alive", "Connection: close")),
        ("before keep-alive", ("Connection: close, keep-alive",))):
    case("RFC 9112 9.6", f"Connection: {name}: nothing behind it is answered", lambda p, f=fields: p.post(*f) + p.inner, FIRST)
case("RFC 9110 14.2", "Range of a question", lambda p: p.head("Range: bytes=0-0", line=b"GET /v1/me HTTP/1.1"),
     Expect([200, 200], {"after"}))
case("RFC 9110 14.2", "a thousand ranges", lambda p: p.head("Range: bytes=" + ",".join(["0-"] * 1000), line=b"GET /v1/me HTTP/1.1"),
     Expect([200, 200], {"after"}))
case("RFC 9110 14.5", "Content-Range of a check-in", lambda p: p.post(f"Content-Range: bytes 0-{p.n - 1}/{p.n}"), TAKEN)
case("RFC 9110 13.1", "If-None-Match and friends", lambda p: p.post("If-None-Match: *", "If-Match: x",
     "If-Modified-Since: Mon, 29 Dec 2025 00:00:00 GMT"), TAKEN)
case("RFC 9110 7.6.2", "Max-Forwards of TRACE", lambda p: p.head("Max-Forwards: 0", line=b"TRACE /v1/checkins HTTP/1.1"), KEPT(405))

# ---- pipelines and early answers -------------------------------------------------------------------------------------
PIPE = "RFC 9112 9.3.2"
case(PIPE, "good ones: three", lambda p: p.post() + p.post(name="second"), Expect([200, 200, 200], {"first", "second", "after"}))
case(PIPE, "a length, then chunks", lambda p: p.post() + p.head("Transfer-Encoding: chunked") + chunk(p.json("second")) + b"0\r\n\r\n",
     Expect([200, 200, 200], {"first", "second", "after"}))
case(PIPE, "a good one, then a broken one, then one", lambda p: p.post() + p.post("X : y", name="inner") + p.inner,
     Expect([200, 400], {"first"}, 1))
case(PIPE, "unknown path, wrong method, good", lambda p: p.head(line=b"GET /nowhere HTTP/1.1") + p.head(line=b"DELETE /v1/me HTTP/1.1") + p.post(), Expect([404, 405, 200, 200], {"first", "after"}))
case(PIPE, "one that closes, then one", lambda p: p.post("Connection: close") + p.inner, FIRST)
case(PIPE, "fifty that are not there", lambda p: p.head(line=b"GET /nowhere HTTP/1.1") * 50, Expect([404] * 50 + [200], {"after"}))
EARLY = "RFC 9112 9.3"
case(EARLY, "unknown path: its body is a request", lambda p: p.head(f"Content-Length: {len(p.inner)}",
     line=b"POST /nowhere HTTP/1.1") + p.inner, KEPT(404))
case(EARLY, "unknown path: its body ends in half a request", lambda p: p.head(f"Content-Length: {len(p.inner) - 9}",
     line=b"POST /nowhere HTTP/1.1") + p.inner, Expect([404, 400], set(), 1))
case(EARLY, "unknown path: 64 KB of requests", lambda p: p.head("Content-Length: 65536",
     line=b"POST /nowhere HTTP/1.1") + (p.inner * 300)[:65536], KEPT(404))
case(EARLY, "unknown path: more than 64 KB of requests", lambda p: p.head("Content-Length: 65537",
     line=b"POST /nowhere HTTP/1.1") + (p.inner * 300)[:65537] + p.inner, LAST(404))
case(EARLY, "unknown path: chunked", lambda p: p.head("Transfer-Encoding: chunked",
     line=b"POST /nowhere HTTP/1.1") + chunk(p.inner) + b"0\r\n\r\n" + p.inner, LAST(404))
case(EARLY, "wrong method: its body is a request", lambda p: p.head(f"Content-Length: {len(p.inner)}",
     line=b"PUT /v1/checkins HTTP/1.1") + p.inner, KEPT(405))
case(EARLY, "refused token: chunked", lambda p: p.head("Transfer-Encoding: chunked", auth=False) + chunk(p.inner) + b"0\r\n\r\n" + p.inner,
     LAST(401))
case(EARLY, "a question answered while requests wait behind it", lambda p: p.head(line=b"GET /v1/me HTTP/1.1") * 3,
     Expect([200, 200, 200, 200], {"after"}))
SHORT = "RFC 9112 8"
for name, build in (("nothing", lambda p: b""), ("half a request line", lambda p: b"POST /v1/che"),
        ("half a head", lambda p: p.post()[:90]), ("a head without its last LF", lambda p: p.head("Content-Length: 5")[:-1]),
                    ("a body one byte short", lambda p: p.post(name="inner")[:-1]),
                    ("no byte of the body", lambda p: p.head("Content-Length: 5")),
                    ("chunks without the last", lambda p: p.chunked(chunk(p.json("inner")))),
                    ("half a chunk", lambda p: p.chunked(chunk(p.json("inner")))[:-30]),
                    ("a last chunk without its last LF", lambda p: p.chunked(chunk(p.json("inner")) + b"0\r\n\r"))):
    case(SHORT, f"the end in the middle: {name}", build, Expect([], set()), tail=False)

# ---- the routes of other programs: the same framing, other answers ---------------------------------------------------
OTHERS = "RFC 9112 6"
STATUS = b'{"_type":"status"}'  # answered by the door, kept nowhere
for route in ("/in/owntracks", "/in/osmand", "/in/whatsapp"):
    def broken(name, build, status=400, clause=OTHERS, route=route):
        case(clause, f"{route}: {name}", lambda p: build(p, route) + p.inner, BROKEN(status))
    signed = () if route != "/in/whatsapp" else ("X-Hub-Signature-256: sha256=" + "0" * 64,)  # else it is refused before its body
    broken("length and chunks", lambda p, r: p.message("Content-Length: 5", "Transfer-Encoding: chunked", route=r, body=b"0\r\n\r\n"))
    broken("two lengths", lambda p, r: p.message("Content-Length: 18", "Content-Length: 0", route=r, body=STATUS))
    broken("blank before a colon", lambda p, r: p.message("Transfer-Encoding : chunked", route=r))
    broken("gzip, chunked", lambda p, r: p.message("Transfer-Encoding: gzip, chunked", route=r), 501)
    broken("chunk extension", lambda p, r, s=signed: p.message("Transfer-Encoding: chunked", *s, route=r, body=b"12;a=b\r\n" + STATUS))
    broken("chunk size with a bare LF", lambda p, r, s=signed: p.message("Transfer-Encoding: chunked", *s, route=r, body=b"12\n" + STATUS))
    broken("chunk longer than its size", lambda p, r, s=signed: p.message("Transfer-Encoding: chunked", *s, route=r,
    body=b"2\r\n" + STATUS))
    broken("trailer", lambda p, r, s=signed: p.message("Transfer-Encoding: chunked", *s, route=r,
    body=chunk(STATUS) + b"0\r\nX: y\r\n\r\n"))
case(OTHERS, "/in/owntracks: a status, then a check-in", lambda p: p.message("Content-Length: 18", body=STATUS), KEPT(200))
case(OTHERS, "/in/owntracks: a status in chunks, then a check-in",
     lambda p: p.message("Transfer-Encoding: chunked", body=chunk(STATUS) + b"0\r\n\r\n"), KEPT(200))
case(OTHERS, "/in/owntracks: a request as message", lambda p: p.message(f"Content-Length: {len(p.inner)}", body=p.inner), KEPT(200))
case(OTHERS, "/in/owntracks: no body at all", lambda p: p.message(), KEPT(200))
case(OTHERS, "/in/owntracks: over its bound", lambda p: p.message("Content-Length: 262145") + p.inner, LAST(200))
case(OTHERS, "/in/owntracks: a chunk over its bound", lambda p: p.message("Transfer-Encoding: chunked", body=b"40001\r\n") + p.inner,
     LAST(200))
case(OTHERS, "/in/owntracks: a stranger's, a request as message",
     lambda p: p.message(f"Content-Length: {len(p.inner)}", body=p.inner).replace(
    b"Basic ", b"Basic AAAA"), KEPT(401))
case(OTHERS, "/in/osmand: no device, a request as message", lambda p: p.message(f"Content-Length: {len(p.inner)}", route="/in/osmand",
     body=p.inner), KEPT(400))
case(OTHERS, "/in/osmand: no device, over its bound", lambda p: p.message("Content-Length: 65537", route="/in/osmand") + p.inner, LAST(413))
case(OTHERS, "/in/osmand: GET with a request as message", lambda p: p.message(f"Content-Length: {len(p.inner)}", route="/in/osmand",
     body=p.inner).replace(
    b"POST", b"GET", 1), KEPT(400))
case(OTHERS, "/in/whatsapp: unsigned, a request as message", lambda p: p.message(f"Content-Length: {len(p.inner)}", route="/in/whatsapp",
     body=p.inner), KEPT(401))
case(OTHERS, "/in/whatsapp: wrongly signed, a request as message", lambda p: p.message(
    f"Content-Length: {len(p.inner)}", "X-Hub-Signature-256: sha256=" + "0" * 64, route="/in/whatsapp", body=p.inner), KEPT(403))
case(OTHERS, "/in/whatsapp: unsigned, in chunks", lambda p: p.message("Transfer-Encoding: chunked", route="/in/whatsapp",
     body=chunk(p.inner) + b"0\r\n\r\n"), LAST(401))
case(OTHERS, "/in/whatsapp: over its bound", lambda p: p.message("Content-Length: 99999999", "X-Hub-Signature-256: sha256=" + "0" * 64,
     route="/in/whatsapp") + p.inner, LAST(413))
