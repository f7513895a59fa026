"""An acknowledgement leaves only after a successful fdatasync of the spool's log that held its check-in: seen from
outside, in the ledger's system calls under load.

strace writes the calls of both threads of the ledger with the bytes they carry. For every check-in there must be, in
this order: a write to spool.db-wal with the client's uuid in it, an fdatasync of that file, begun after the write and
ended with 0, and only then the message to the door that carries the check-in's id. The checker is itself checked: the
same trace with a sync removed, failed, or moved behind the answers must not pass.

Attaching needs the right to trace another process (root, or kernel.yama.ptrace_scope = 0)."""
import json, os, re, subprocess, threading, uuid
from harness import House, Tests, wait_until

CLIENTS, EACH = 6, 25
test = Tests()
CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")


def hexed(b):
    return "".join(f"\\x{v:02x}" for v in b)


WAL = hexed(b"spool.db-wal") + ">"  # strace -xx writes paths so, too


def events(lines):
    """(what, line, content) in the order that counts: writes when they were done, sends when they were begun, syncs as
    (begun, done)."""
    open_calls, found = {}, []
    for at, line in enumerate(lines):
        m = CALL.match(line)
        if m:
            pid, call, rest = m.groups()
            if call == "sendmsg":
                found.append(("send", at, rest))
            if rest.endswith("<unfinished ...>"):
                open_calls[pid] = (call, at, rest)
                continue
            begun = at
        else:
            m = RESUMED.match(line)
            if not m or m.group(1) not in open_calls:
                continue
            call, begun, rest = open_calls.pop(m.group(1))
            rest += m.group(3)
        if WAL not in rest.split(",")[0]:
            continue
        if call == "pwrite64" and not rest.rstrip().endswith("= -1"):
            found.append(("write", at, rest))
        elif call in ("fdatasync", "fsync") and re.search(r"\)\s*= 0$", rest):
            found.append(("sync", at, begun))
    return found


def check(lines, acknowledged):
    """What is wrong with the trace, as sentences; nothing when every acknowledgement was durable first."""
    wrong, found = [], events(lines)
    for id, checkin in acknowledged.items():
        key, name = hexed(id.bytes), hexed(checkin.bytes)
        written = next((at for what, at, rest in found if what == "write" and key in rest), None)
        sent = next((at for what, at, rest in found if what == "send" and name in rest), None)
        if written is None or sent is None:
            wrong.append(f"{id}: written {written}, answered {sent}")
        elif not any(what == "sync" and written < begun and at < sent for what, at, begun in found):
            wrong.append(f"{id}: answered in line {sent}, written in line {written}, no sync between")
    return wrong


def trace(house, work):
    """The ledger's calls while work() runs."""
    ledger = next(pid for pid, name in house.children().items() if name == "ledger")
    path = f"{house.dir}/trace"
    tracer = subprocess.Popen(["strace", "-f", "-y", "-xx", "-s", "65536", "-e", "trace=pwrite64,fdatasync,fsync,sendmsg",
                               "-e", "signal=none", "-o", path, "-p", str(ledger)], stderr=subprocess.PIPE, text=True)
    try:
        seen = []
        for line in tracer.stderr:  # "strace: Process N attached with 2 threads"
            seen.append(line)
            if "attached" in line:
                break
        assert seen and "attached" in seen[-1], f"cannot trace: {''.join(seen)}"
        return work(), path
    finally:
        tracer.terminate()
        tracer.wait(120)
        tracer.stderr.close()


@test
def a_sync_stands_between_append_and_answer(house):
    tokens = [house.known(house.enroll(p["nip"])) for p in house.people[:CLIENTS]]
    acknowledged, problems = {}, []

    def phone(token):
        for _ in range(EACH):
            id = uuid.uuid4()
            status, answer = house.checkin(token, id=str(id))
            if status == 200:
                acknowledged[id] = uuid.UUID(answer["checkin"])
            else:
                problems.append((status, answer))

    def work():
        threads = [threading.Thread(target=phone, args=(t,)) for t in tokens]
        for t in threads:
            t.start()
        for t in threads:
            t.join(120)

    _, path = trace(house, work)
    with open(path, errors="replace") as f:
        lines = f.read().splitlines()
    assert not problems and len(acknowledged) == CLIENTS * EACH, (len(acknowledged), problems[:2])
    syncs = [at for what, at, _ in events(lines) if what == "sync"]
    print(f"{len(acknowledged)} acknowledgements, {len(syncs)} syncs")
    wrong = check(lines, acknowledged)
    assert not wrong, f"{len(wrong)} of {len(acknowledged)}, e.g. {wrong[:3]}"

    # The checker sees what it is there to see.
    whole = [line for line in lines if not ("fdatasync" in line and "unfinished" in line)]
    none = [line for line in lines if "fdatasync" not in line]
    assert len(check(none, acknowledged)) == len(acknowledged)
    failed = [re.sub(r"(fdatasync.*\)\s*)= 0$", r"\1= -1 EIO (Input/output error)", line) for line in lines]
    assert len(check(failed, acknowledged)) == len(acknowledged)
    late = [line for line in whole if "fdatasync" not in line] + [line for line in whole if "fdatasync" in line]
    assert len(check(late, acknowledged)) == len(acknowledged)


if __name__ == "__main__":
    with House("trace") as house:
        house.start()
        code = test.main(house)
    raise SystemExit(code)
