"""A proxy that damages what it carries: between phones and doors, and between hadird and PostgreSQL.

As a program (a process of its own, so that it works while a test waits):
  proxy.py --listen WHERE --to WHERE [--postgres] [--seed N]        WHERE: tcp:HOST:PORT or unix:PATH
Commands come as one JSON object a line on stdin and are answered by one line each; at the end of input it ends.
  {"rule": {…}} → {"id": N}   {"clear": true}   {"reset": true} resets what is open   {"stats": true} → {…}
As a module: class Proxy speaks to that program.

A rule is a fault. Its members:
  do      what happens, see below                     way     "up" (client → server), "down", or "both" (default)
  after   passes so many bytes of the way first       times   how often it fires, 0 = always (default 1)
  chance  of firing at a chunk, 0…1 (default 1)       ms, piece   milliseconds, bytes
  user, match   with --postgres only: connections of this user, requests whose statement holds this text
What `do` may be, at any chunk of bytes:
  delay (ms)     later                      drop        this chunk is not passed on
  trickle (piece, ms)  in small pieces      duplicate   this chunk twice
  corrupt        one bit of it is turned    reset       RST to both sides, at byte `after` exactly
  hole           nothing passes this way any more, and nobody is told
  half_close     end of this way; the other way goes on
and with --postgres, at messages of a request (what lies between two Syncs) that matches:
  lose_request   everything but its Sync is passed on, then RST: nothing is committed
  cut            the whole request is passed on, then RST: nobody knows
  lose_reply     its whole reply up to ReadyForQuery has come, so it is committed; none of it is passed on, then RST
  late_reply (ms)  the reply, later

Randomness (chance, which bit) is seeded; which chunk meets it depends on timing. No deadlines here: the two ends have
theirs."""
import argparse, asyncio, collections, contextlib, json, os, random, socket, struct, subprocess, sys

AT_REQUEST, AT_REPLY = ("lose_request", "cut"), ("lose_reply", "late_reply")


class Cut(Exception):
    """The connection is to be reset now."""


class Plan:
    """The rules in force, and what fired."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.rules, self.fired, self.last_id = {}, collections.Counter(), 0
        self.links, self.opened, self.bytes = set(), 0, collections.Counter()

    def add(self, rule):
        self.last_id += 1
        self.rules[self.last_id] = dict({"way": "both", "times": 1, "chance": 1, "after": 0, "ms": 100, "piece": 1}, **rule)
        return self.last_id

    def fire(self, id):
        self.fired[id] += 1
        rule = self.rules[id]
        if rule["times"] and self.fired[id] >= rule["times"]:
            del self.rules[id]
        return rule

    def at_chunk(self, way, start, size):
        """Fires the first rule that meets these bytes of a way; None when there is none."""
        for id, r in list(self.rules.items()):
            if r["do"] not in AT_REQUEST + AT_REPLY and r["way"] in (way.name, "both") and start + size > r["after"] and \
                    r.get("user") in (None, way.link.user) and self.random.random() < r["chance"]:
                return self.fire(id)
        return None

    def at_message(self, kinds, link, text):
        """The id of a rule for a request with this text, not fired yet."""
        for id, r in self.rules.items():
            if r["do"] in kinds and r.get("user") in (None, link.user) and r.get("match", "").encode() in text:
                return id
        return None

    def command(self, c):
        if "rule" in c:
            return {"id": self.add(c["rule"])}
        if "clear" in c:
            self.rules.clear()
        if "reset" in c:
            for link in list(self.links):
                link.reset()
        return {"fired": self.fired, "open": len(self.links), "opened": self.opened, "bytes": self.bytes}


class Way:
    """One direction of a connection."""

    def __init__(self, link, name, reader, writer):
        self.link, self.name, self.reader, self.writer = link, name, reader, writer
        self.passed, self.deaf = 0, False

    async def run(self):
        while data := await self.reader.read(65536):
            if not self.deaf:
                await self.take(data)
        await self.end()

    async def end(self):
        self.deaf = True
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.write_eof()

    async def take(self, data):
        await self.chunk(data)

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data):
        plan, start = self.link.plan, self.passed
        self.passed += len(data)
        plan.bytes[self.name] += len(data)
        rule = plan.at_chunk(self, start, len(data))
        do = rule and rule["do"]
        if do == "delay":
            await asyncio.sleep(rule["ms"] / 1000)
        elif do == "corrupt":
            at, data = plan.random.randrange(len(data)), bytearray(data)
            data[at] ^= 1 << plan.random.randrange(8)
        elif do == "duplicate":
            data = data + data
        elif do == "trickle":
            for at in range(0, len(data), rule["piece"]):
                await self.send(data[at:at + rule["piece"]])
                await asyncio.sleep(rule["ms"] / 1000)
            return
        elif do == "drop":
            return
        elif do == "hole":
            self.deaf = True
            return
        elif do == "half_close":
            await self.end()
            return
        elif do == "reset":
            await self.send(data[:max(0, rule["after"] - start)])
            raise Cut
        await self.send(data)


class Requests(Way):
    """Up, in PostgreSQL's protocol: whole messages; notes what is asked between two Syncs."""

    def __init__(self, *args):
        super().__init__(*args)
        self.left, self.started, self.text, self.held = b"", False, b"", []

    async def take(self, data):
        self.left += data
        while (message := self.message()) is not None:
            await self.one(message)
        if self.held:
            held, self.held = b"".join(self.held), []
            await self.chunk(held)

    def message(self):
        at = 1 if self.started else 0
        if len(self.left) < at + 4:
            return None
        size = at + struct.unpack_from("!I", self.left, at)[0]
        if len(self.left) < size:
            return None
        message, self.left = self.left[:size], self.left[size:]
        return message

    def startup(self, message):
        code = struct.unpack_from("!I", message, 4)[0]
        if code in (80877103, 80877104):  # may we speak TLS, GSSAPI? One byte answers
            self.link.bytes_due += 1
        else:
            self.started = True
            words = message[8:].split(b"\0")
            self.link.user = dict(zip(words[::2], words[1::2])).get(b"user", b"").decode()

    async def one(self, message):
        if not self.started:
            self.startup(message)
        elif message[:1] in b"PQ":
            self.text += message
        if self.started and message[:1] in b"SQ":
            text, self.text = self.text, b""
            self.link.asked.append(text)
            id = self.link.plan.at_message(AT_REQUEST, self.link, text)
            if id is not None:
                rule = self.link.plan.fire(id)
                await self.send(b"".join(self.held) + (message if rule["do"] == "cut" else b""))
                raise Cut
        self.held.append(message)


class Replies(Requests):
    """Down, in PostgreSQL's protocol: a reply that is to be lost or late is held back until it is whole."""

    def __init__(self, *args):
        super().__init__(*args)
        self.started, self.kept = True, []

    def message(self):
        if self.link.bytes_due and self.left:
            self.link.bytes_due -= 1
            message, self.left = self.left[:1], self.left[1:]
            return message
        return super().message()

    async def one(self, message):
        link = self.link
        text = link.asked[0] if link.asked else None
        id = None if text is None else link.plan.at_message(AT_REPLY, link, text)
        whole = text is not None and message[:1] == b"Z"
        if whole:
            link.asked.popleft()
        (self.held if id is None and not self.kept else self.kept).append(message)
        if whole and self.kept:
            if id is not None and not any(m[:1] == b"E" for m in self.kept):
                rule = link.plan.fire(id)
                if rule["do"] == "lose_reply":
                    raise Cut
                await asyncio.sleep(rule["ms"] / 1000)
            self.held, self.kept = self.held + self.kept, []


class Link:
    """A client's connection and ours to the server."""

    def __init__(self, plan):
        self.plan, self.user, self.asked, self.bytes_due, self.writers = plan, None, collections.deque(), 0, []

    def reset(self):
        for w in self.writers:
            with contextlib.suppress(OSError, AttributeError):
                w.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            w.transport.abort()

    async def run(self, reader, writer, connect, kinds):
        self.writers.append(writer)
        self.plan.links.add(self)
        self.plan.opened += 1
        try:
            their_reader, their_writer = await connect()
            self.writers.append(their_writer)
            await asyncio.gather(kinds[0](self, "up", reader, their_writer).run(),
                                 kinds[1](self, "down", their_reader, writer).run())
        except (Cut, OSError):
            self.reset()
        finally:
            self.plan.links.discard(self)
            for w in self.writers:
                w.close()


def place(text):
    kind, _, rest = text.partition(":")
    return (kind, rest) if kind == "unix" else (kind, *rest.rsplit(":", 1))


async def serve(args):
    plan, to, at = Plan(args.seed), place(args.to), place(args.listen)

    def connect():
        return asyncio.open_unix_connection(to[1]) if to[0] == "unix" else asyncio.open_connection(to[1], int(to[2]))

    async def on_client(reader, writer):
        await Link(plan).run(reader, writer, connect, (Requests, Replies) if args.postgres else (Way, Way))
    if at[0] == "unix":
        await asyncio.start_unix_server(on_client, at[1], backlog=512)
        os.chmod(at[1], 0o777)
    else:
        await asyncio.start_server(on_client, at[1], int(at[2]), backlog=512)
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    print(json.dumps({"ready": True}), flush=True)
    while line := await stdin.readline():
        print(json.dumps(plan.command(json.loads(line))), flush=True)
    os._exit(0)  # with connections open: the kernel ends them


class Proxy:
    """The program, seen from a test."""

    def __init__(self, listen, to, postgres=False, seed=0):
        argv = [sys.executable, "-B", os.path.abspath(__file__), "--listen", listen, "--to", to, "--seed", str(seed)]
        self.process = subprocess.Popen(argv + (["--postgres"] if postgres else []), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert json.loads(self.process.stdout.readline())["ready"]

    def say(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def rule(self, do, **more):
        return self.say(rule=dict(more, do=do))["id"]

    def fired(self, id):
        return self.say(stats=True)["fired"].get(str(id), 0)

    def clear(self):
        self.say(clear=True)

    def reset(self):
        self.say(reset=True)

    def stats(self):
        return self.say(stats=True)

    def close(self):
        self.process.stdin.close()
        self.process.wait(120)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


@contextlib.contextmanager
def before_database(house, seed=0):
    """A proxy in the place of PostgreSQL's socket, so that every program of the house meets it without another
    configuration; the server's own is renamed meanwhile. Restarting the server takes the place back."""
    path, aside = f"{house.dir}/pg/.s.PGSQL.5432", f"{house.dir}/pg/server"
    os.rename(path, aside)
    server = os.stat(aside).st_ino
    p = Proxy(f"unix:{path}", f"unix:{aside}", postgres=True, seed=seed)
    ours = os.stat(path).st_ino
    try:
        yield p
    finally:
        if os.path.exists(path) and os.stat(path).st_ino == ours and os.stat(aside).st_ino == server:
            os.rename(aside, path)  # in one step: nobody finds nothing there
        p.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--listen", "--to"):
        parser.add_argument(name, required=True)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asyncio.run(serve(parser.parse_args()))
