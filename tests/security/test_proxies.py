"""The framing cases in pairs: nginx and HAProxy, as they come, as lenient as they can be made, and speaking HTTP/2 to their
clients, in front of hadird over TLS with kept connections that all clients share. Whatever a client sends, the number of
requests that the proxy says it forwarded is the number that hadird counted, and an innocent one's request behind each case
gets its own answer.

Takes `--each`: every case alone, not in groups (a group that does not balance is repeated one by one anyhow)."""
import json, os, re, sys, uuid
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import framing_cases, http2_cases
from framing import Line, answers, parts
from harness import DAY, House, Tests, free_port, wait_until
from servers import Server

test = Tests()
GROUP, AT_ONCE = (1, 1) if "--each" in sys.argv else (160, 32)
sys.argv = [a for a in sys.argv if a != "--each"]


def checkins(lines):
    """How many of these [status, method, target] are check-ins that were taken."""
    return sum(l[:2] == ["200", "POST"] and "/v1/checkins" in l[2] for l in lines)


class Nginx(Server):
    """port: as it comes (bodies gathered first); lenient: bodies streamed, odd fields and paths handed on; http2: both, from HTTP/2."""

    def __init__(self, house):
        super().__init__(house, "nginx")
        self.lenient, self.http2 = free_port(), free_port()
        house.as_user("mkdir", f"{self.dir}/tmp")
        temporary = "".join(f"{n}_temp_path {self.dir}/tmp;\n" for n in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf = self.write("conf", f"""daemon off; master_process off; pid {self.dir}/pid; error_log stderr crit;
events {{}}
http {{
  {temporary}
  log_format forwarded '$upstream_addr $upstream_status $request_method $request_uri';
  access_log {self.dir}/access forwarded;
  upstream hadird {{ server 127.0.0.1:{house.port} max_fails=0; keepalive 2; }}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_next_upstream off;
  proxy_ignore_client_abort on; lingering_close off; client_max_body_size 0;
  server {{ listen 127.0.0.1:{self.port}; location / {{ proxy_pass https://hadird; }} }}
  server {{
    listen 127.0.0.1:{self.lenient}; listen 127.0.0.1:{self.http2} http2; large_client_header_buffers 8 64k;
    ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;
    location / {{ proxy_pass https://hadird; proxy_request_buffering off; }}
  }}
}}
""")
        self.run("/usr/sbin/nginx", "-c", conf, "-e", "stderr", "-p", self.dir)
        self.doors = {"nginx": self.port, "nginx, lenient": self.lenient, "nginx, HTTP/2": self.http2}

    def forwarded(self):
        """Of what it forwarded: (answered by hadird, not answered, check-ins taken)."""
        there = [l.split() for l in open(f"{self.dir}/access", errors="replace") if not l.startswith("- ")]
        answered = [l for l in there if l[1] not in ("-", "000", "502", "504")]
        return len(answered), len(there) - len(answered), checkins(l[1:] for l in answered)


class Haproxy(Server):
    """port: as it comes; lenient: also takes what it calls invalid, and gathers bodies first."""

    def __init__(self, house):
        super().__init__(house, "haproxy")
        self.lenient, self.http2 = free_port(), free_port()
        conf = self.write("conf", f"""global
  log stdout format raw local0
  nbthread 1  # of two threads that log at the same moment, one drops its line
defaults
  mode http
  log global
  log-format "%s %ST %ts %HM %HU"
  timeout connect 30s
  timeout client 60s
  timeout server 60s
  retries 0
  http-reuse always
frontend plain
  bind 127.0.0.1:{self.port}
  default_backend hadird
frontend lenient
  bind 127.0.0.1:{self.lenient}
  option accept-invalid-http-request
  option http-buffer-request
  default_backend hadird
frontend http2
  bind 127.0.0.1:{self.http2} proto h2
  option accept-invalid-http-request
  default_backend hadird
backend hadird
  server hadird 127.0.0.1:{house.port} ssl verify none
""")
        self.run("/usr/sbin/haproxy", "-db", "-f", conf)
        self.doors = {"HAProxy": self.port, "HAProxy, lenient": self.lenient, "HAProxy, HTTP/2": self.http2}

    def forwarded(self):
        there = [l.split() for l in self.output().splitlines() if l.startswith("hadird ")]
        answered = [l for l in there if l[2][0] == "-" or (l[2][0] in "cC" and int(l[1]) > 0)]
        return len(answered), len(there) - len(answered), checkins([l[1], *l[3:]] for l in answered)


def one(house, proxy, port, case):
    """Sends a case, then an innocent check-in from another client; what went wrong with either, or None."""
    p = parts(house)
    if port == proxy.http2:
        data = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_cases.frame(http2_cases.SETTINGS, 0, 0) + \
            http2_cases.request(1, *case.build(p)) + http2_cases.after(p)
    else:
        data = case.build(p) + (p.post("Connection: close", name="after") if case.tail else b"")
    with Line(house, port) as line:
        line.send(data)
        line.socket.settimeout(0.5)  # decides nothing: one who waits for more than there is gets the end instead
        try:
            while line.piece():
                pass
        except TimeoutError:
            line.end()
            line.socket.settimeout(60)
            while line.piece():
                pass
        theirs = {id.decode() for id in re.findall(rb'{"id":"([0-9a-f-]{36})","checkin"', line.got)}
    innocent = parts(house)
    with Line(house, proxy.lenient if port == proxy.http2 else port) as line:
        line.send(innocent.post("Connection: close"))
        while line.piece():
            pass
    got = answers(line.got)
    if case.name.startswith("good") and theirs != set(p.ids.values()):
        return f"{case.name}: {len(theirs)} of its own answered"
    if theirs - set(p.ids.values()):
        return f"{case.name}: got another's answer, of {theirs}"
    if [s for s, _, _ in got] != [200] or json.loads(got[0][2])["id"] != innocent.ids["first"]:
        return f"{case.name}: the innocent one got {line.got[:300]!r}"
    return None


def balance(house, proxy, port, cases):
    """What does not balance over these cases; and how many were forwarded, and forwarded without an answer."""
    def state():
        answered, cut, posts = proxy.forwarded()
        now = house.counters()
        return answered, cut, posts, now["hadir_http_requests_total"], now['hadir_acknowledged_total{status="accepted"}']
    before = state()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [w for w in pool.map(lambda c: one(house, proxy, port, c), cases) if w]

    def grown():
        return [int(b - a) for a, b in zip(before, state())]

    def even():
        answered, cut, posts, requests, accepted = grown()
        return answered <= requests <= answered + cut and (posts == accepted or cut)
    try:
        wait_until("books balance", even)
    except AssertionError:
        wrong.append("forwarded and answered {}, not answered {}, check-ins {}; hadird counted {} and accepted {}".format(*grown()))
    answered, cut, *_ = grown()
    return wrong, answered, cut


def accepted(house):
    """Connections that the doors took: who reads the metrics is none of theirs."""
    name = "hadir_connections_accepted_total"
    return house.metric(name) - house.metric(name, role="supervisor")


def through(house, proxy):
    for name, port in proxy.doors.items():
        cases = http2_cases.CASES if port == proxy.http2 else framing_cases.CASES
        forwarded = unanswered = 0
        bad, before = [], accepted(house)
        for at in range(0, len(cases), GROUP):
            group = cases[at:at + GROUP]
            wrong, answered, cut = balance(house, proxy, port, group)
            forwarded, unanswered = forwarded + answered, unanswered + cut
            if wrong and len(bad) < 20:
                bad += wrong + [f"{c.clause} {c.name}: {w}" for c in group for w in balance(house, proxy, port, [c])[0]]
        assert not bad, f"{name}:\n" + "\n".join(bad)
        kept = accepted(house) - before
        assert kept < forwarded, "no connection carried a second request"
        print(f"# {name}: {len(cases)} cases and as many innocent ones, {forwarded} forwarded over {kept:.0f} connections "
              f"and answered, {unanswered} cut off by their sender, none more and none less")
    assert house.restarts() == 0


@test
def behind_nginx(house):
    through(house, house.nginx)


@test
def behind_haproxy(house):
    through(house, house.haproxy)


if __name__ == "__main__":
    with House("proxies") as house:
        house.start(clock=f"{DAY}T07:00:00+08:00")
        house.taken_at = house.now()
        house.token = house.known(house.enroll(house.people[0]["nip"]))
        house.tracker = house.enroll(house.people[2]["nip"], "owntracks")
        wait_until("the doors know the tracker", lambda: house.owntracks(house.tracker, body="")[0] == 200)
        house.doors_agree()
        house.nginx, house.haproxy = Nginx(house), Haproxy(house)
        try:
            code = test.main(house)
        finally:
            house.nginx.stop()
            house.haproxy.stop()
    raise SystemExit(code)
