"""Somebody is inside a role already: what can be done from there. Short in CI as it is (about 20 s).

tests/security/takeover.c is preloaded: it tries some hundred things inside each role with its real filter on (says how at its
top). Needs a build whose cage is strict; one with sanitizers has none, so then hadird is built once more, in HADIR_CAGE_BUILD
(tests/run makes it) or, without that, skipped. HADIR_CAGE_TABLE=1 prints the whole table of outcomes."""
import base64, contextlib, ctypes, http.client, os, re, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness
from harness import House, Tests, TOP, wait_until

test = Tests()
ROLES = ["door", "desk", "ledger", "planner"]
SIGSYS, EPERM, EACCES, ENOSYS, EBADF = 31, 1, 13, 38, 9

# What a role needs for its work is no hole: who may, and why. Everything else in takeover.c must be refused everywhere.
NEEDED = {
    "open_read": (["desk", "ledger", "planner"], "the database's resolver and libraries read /etc/passwd"),
    "stat_path": (["desk", "ledger", "planner"], "Landlock does not hide names"),
    "socket_inet": (["desk", "ledger", "planner"], "PostgreSQL"),
    "socket_inet6": (["desk", "ledger", "planner"], "PostgreSQL, DNS"),
    "socket_unix": (["desk", "ledger", "planner"], "PostgreSQL"),
    "socket_netlink": (["desk", "ledger", "planner"], "getaddrinfo asks which addresses there are"),
    "clone_process": (["desk"], "a clerk per report"),
    "clone_thread": (["desk"], "pango's threads"),
    # The tool connects descriptor 4, which is a listener in doors only; elsewhere the call is allowed and finds none.
    "connect_inet": (["desk", "ledger", "planner"], "PostgreSQL"),
    "connect_unix": (["desk", "ledger", "planner"], "PostgreSQL"),
    "connect_abstract": (["desk", "ledger", "planner"], "PostgreSQL may listen there"),
    "copy_listener": (["desk", "ledger", "planner"], "they have none: any descriptor may be copied"),
    "send_many": (["desk", "ledger", "planner"], "DNS; they have no socket to open fast"),
    "steer_listeners": (["desk", "ledger", "planner"], "they have none"),
    # A call of ours to ourselves, watched from outside below.
    "send_descriptor": (ROLES, "tried live")}
# What an intruder calls and no library does: the process is gone.
DEADLY = """make_node handle_of by_handle execute execute_at execute_memory plain_fork plain_vfork trace_parent trace_seize trace_me read_parent write_parent kill_one queue_signal
    process_handle steal_descriptor compare mount_it unmount_it open_tree_ change_root unshare_user unshare_net set_space become_root
    become_group drop_groups io_ring aio bpf_program performance fault_handler memory_file secret_memory keyring executable_stack
    set_clock host_name kernel_log load_module reboot_it splice_memory key_protect call_32 call_32_open call_x32 call_x32_open""".split()


class Result(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 32), ("state", ctypes.c_int32), ("number", ctypes.c_int32), ("code", ctypes.c_int32),
                ("wait_status", ctypes.c_int32)]


class Page(ctypes.Structure):
    _fields_ = [("roles", (ctypes.c_char * 16) * 4), ("rehearsal", (Result * 128) * 4), ("live", Result * 4)]


NOT_TRIED, STARTED, RETURNED, NOT_CAGED = range(4)


def look(house):
    with open(house.page, "rb") as f:
        return Page.from_buffer_copy(f.read())


def outcome(r):
    if r.state == STARTED and r.wait_status & 0x7F == SIGSYS:
        return "killed"
    if r.state == RETURNED and r.number == -1 and r.wait_status == 0:
        return f"refused {os.strerror(r.code)}"
    return f"HOLE state={r.state} returned={r.number} status={r.wait_status}"


def pids(house, role):
    return [pid for pid, name in house.children().items() if re.fullmatch(role + r"\d*", name)]


def attack(house, role, name):
    """Runs one attack in the running role by bytes that it reads."""
    sign = f"hadir-takeover:{role}:{name}."
    if role == "door":
        house.request("GET", "/v1/me", headers={"Authorization": "Bearer x", "X-Note": sign})
    elif role == "planner":
        house.sql(f"notify hadir_plan, '{sign}'")
    elif role == "desk":
        house.request("GET", f"/v1/units/{sign.replace(':', '%3A')}/presence", headers=house.superior)
    else:
        house.checkin(house.token, note=sign)


def live(house, role, name):
    """An attack that ends its process, or not: result, its processes of before. Sent again when it came to nobody, as a question
    does while a new door has no desk yet."""
    before = pids(house, role)

    def state():
        r = look(house).live[ROLES.index(role)]
        return r.state if r.name.decode() == name else NOT_TRIED

    def tried():
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):  # the door died while it answered
            attack(house, role, name)
        with contextlib.suppress(AssertionError):
            wait_until("it was tried", state, 5)
        return state()
    wait_until(f"{name} was tried in the {role}", tried, 60)
    with contextlib.suppress(AssertionError):  # one that ends its process never returns
        wait_until("it returned, or nobody could", lambda: state() == RETURNED or not set(before) <= set(pids(house, role)))
    return look(house).live[ROLES.index(role)], before


def works(house):
    def taken():
        try:
            return house.checkin(house.token)[0] == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False
    wait_until("check-ins are taken", taken, 60)


@test
def every_call_is_refused_in_every_role(house):
    page, holes, table = look(house), [], []
    for i, role in enumerate(ROLES):
        tried = [r for r in page.rehearsal[i] if r.name]
        assert len(tried) > 95, (role, len(tried))
        for r in tried:
            name, got = r.name.decode(), outcome(r)
            table.append((role, name, got))
            who = NEEDED.get(name, ((), ""))[0]
            if role in who:
                continue
            if got.startswith("HOLE") or (name in DEADLY) != (got == "killed"):
                if not (role == "door" and got == "killed"):
                    holes.append(f"{role} {name}: {got}")
            elif got != "killed" and r.code not in (EPERM, EACCES, ENOSYS):
                holes.append(f"{role} {name}: {got}, which is not a refusal")
    if os.environ.get("HADIR_CAGE_TABLE") == "1":
        for row in table:
            print("# %-8s %-22s %s" % row)
    print(f"# {len(table)} attempts, {sum(1 for t in table if t[2] == 'killed')} ended their process, "
          f"{sum(1 for t in table if t[2].startswith('refused'))} were refused")
    assert not holes, "\n".join(holes)


@test
def a_door_may_nothing_but_answer(house):
    """Nothing that a door is refused is refused only because it could not be had: each was refused by number, not by chance."""
    tried = {r.name.decode(): outcome(r) for r in look(house).rehearsal[0] if r.name}
    for name in ("open_read", "open_key", "open_write", "open_directory", "create", "stat_path", "socket_inet", "socket_unix", "shut_listener",
                 "shut_listener_wide", "copy_listener", "steer_listeners", "fast_open", "fast_open_message", "map_executable", "make_executable", "own_signal"):
        assert tried[name] == "refused Operation not permitted", (name, tried[name])
    for name in ("connect_inet", "connect_unix", "connect_abstract", "bind_inet", "listen_again", "clone_process", "clone_thread"):
        assert tried[name] == "killed", (name, tried[name])


@test
def taken_over_while_it_runs(house):
    """The same by bytes that a role reads; what ends it is told, the supervisor starts it again, and the house goes on."""
    for role in ROLES:
        quiet, before = live(house, role, "map_write_execute")
        assert (quiet.state, quiet.number, quiet.code) == (RETURNED, -1, EPERM), (role, outcome(quiet))
        assert pids(house, role) == before, role
        deaths = house.log().count("a call that its cage forbids")
        loud, before = live(house, role, "execute")
        assert loud.state == STARTED, (role, outcome(loud))
        wait_until(f"the {role}'s death is told", lambda: house.log().count("a call that its cage forbids") > deaths)
        # What the ledger died of is sent to the next one, too, until the request's deadline: then it is refused.
        wait_until(f"another {role} runs", lambda: len(pids(house, role)) == len(before) and pids(house, role) != before, 60)
        wait_until("all are ready", lambda: house.admin("/readyz")[0] == 200, 60)
        works(house)


@test
def a_descriptor_that_nobody_asked_for_is_closed(house):
    supervisor = f"/proc/{house.daemon.pid}/fd"
    before = len(os.listdir(supervisor))
    sent, _ = live(house, "door", "send_descriptor")
    assert (sent.state, sent.number) == (RETURNED, 16), outcome(sent)
    wait_until("the supervisor says so", lambda: "event=message_unknown role=door" in house.log())
    wait_until("it is closed", lambda: len(os.listdir(supervisor)) <= before)  # administrators' connections come and go
    works(house)


@test
def a_door_that_forges_messages_is_ended(house):
    """Ledger and desk hear what no door says: nothing of it is kept, that door is ended, they go on, and another door serves."""
    ledger, doors, before = pids(house, "ledger"), pids(house, "door"), house.log()
    forged, _ = live(house, "door", "forge_messages")
    assert forged.state == STARTED or forged.number >= 2, outcome(forged)  # it may be ended before it has counted what it sent
    wait_until("the supervisor ends it", lambda: "event=door_ended role=door0" in house.log()[len(before):])
    wait_until("another door runs", lambda: len(pids(house, "door")) == len(doors) and pids(house, "door") != doors, 60)
    wait_until("all are ready", lambda: house.admin("/readyz")[0] == 200, 60)
    wait_until("it is told and counted", lambda: "reason=form" in house.log()[len(before):] and house.metric("hadir_forged_total") >= 1)
    works(house)
    assert pids(house, "ledger") == ledger


@test
def nobody_but_the_ledger_holds_the_receipt_key(house):
    with open(f"{house.dir}/secret/receipt.key") as f:
        text = "".join(line for line in f.read().splitlines() if "-----" not in line)
    seed = base64.b64decode(text)[-32:]
    assert any(seed in memory(pid) for pid in pids(house, "ledger")), "the ledger does hold it: the search finds it"
    for role, number in [("supervisor", house.daemon.pid)] + [(r, p) for r in ROLES if r != "ledger" for p in pids(house, r)]:
        held = memory(number)
        assert seed not in held and text[16:].encode() not in held, role


@test
def nobody_but_the_doors_and_the_supervisor_hold_the_channels_secrets(house):
    for role in ROLES[1:]:
        for pid in pids(house, role):
            assert house.app_secret.encode() not in memory(pid), role


def memory(pid):
    """Everything that is mapped writable and private, or anonymous. As root: roles are not dumpable."""
    got = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            begin, end = (int(x, 16) for x in line.split()[0].split("-"))
            if "w" in line.split()[1]:
                mem.seek(begin)
                try:
                    got.append(mem.read(end - begin))
                except OSError:
                    pass
    return b"".join(got)


@test
def the_processes_are_bare(house):
    house.wait_live()  # one that has just begun is not shut yet
    for pid in [house.daemon.pid, *house.children()]:
        status = dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/status").read().splitlines() if ":\t" in line)
        assert {status[k] for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0000000000000000"}, status
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status
        assert int(status["Seccomp_filters"]) == (1 if pid == house.daemon.pid else 2), status
        assert 0 not in map(int, status["Uid"].split()), status
        limits = open(f"/proc/{pid}/limits").read()
        assert re.search(r"Max core file size +0 +0 ", limits), limits
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0, "not dumpable: its files in /proc are root's"


@test
def root_is_refused(house):
    if os.getuid() != 0:
        return print("# not root: nothing to refuse")
    done = subprocess.run([f"{harness.BUILD}/daemon/hadird", "-c", f"{house.dir}/hadird.conf"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "does not run as root" in done.stderr, done


@test
def the_work_goes_on_in_the_cage(house):
    """What opens files, sockets and processes late: reports of every kind, a new generation, the database away and back."""
    house.wait_live()
    for kind, begin in (("application/pdf", b"%PDF"), ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK"), ("text/csv", b"")):
        status, _, body = house.request("GET", f"/v1/reports/daily?unit=LUTRA&date={harness.DAY}", headers=dict(house.superior, Accept=kind))
        assert status == 200 and body.startswith(begin), (kind, status, body[:200])
    assert house.reload()
    house.stop_database()
    works(house)
    house.start_database()
    house.wait_live(60)
    works(house)


@test
def a_spool_set_aside_is_drained_in_the_cage(house):
    """As after a failed sync."""
    house.as_user("touch", f"{house.dir}/spool/spool.failed")
    [pid] = wait_until("there is a ledger", lambda: pids(house, "ledger"))
    os.kill(pid, 9)
    wait_until("its file is drained", lambda: "event=spool_orphan_drained" in house.log(), 90)
    assert "event=spool_orphan_rename_failed" not in house.log()
    works(house)


# ---- systemd ----------------------------------------------------------------------------------------------------------

UNITS = f"{TOP}/deploy/systemd"


def members(sets, name):
    if not name.startswith("@"):
        return {name}
    return set().union(*(members(sets, m) for m in sets[name]))


@test
def systemd_exposure_is_low(house):
    for unit in sorted(u for u in os.listdir(UNITS) if u.endswith(".service")):
        said = subprocess.run(["systemd-analyze", "security", "--offline=true", f"{UNITS}/{unit}"], capture_output=True, text=True).stdout
        level = float(re.search(r"exposure level for \S+: ([0-9.]+)", said).group(1))
        print(f"# {unit}: {level}")
        assert level <= 1.5, said


@test
def systemd_allows_what_the_cage_allows(house):
    """A call that ours allows and the unit's filter does not would end hadird only where systemd starts it."""
    sets, now = {}, None
    for line in subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], capture_output=True, text=True).stdout.splitlines():
        if line.startswith("@"):
            sets[now := line.strip()] = []
        elif line.strip() and not line.strip().startswith("#") and now and line.startswith("    "):
            sets[now].append(line.strip())
    with open(f"{UNITS}/hadird.service") as f:
        filters = re.findall(r"^SystemCallFilter=(.*)$", f.read(), re.M)
    allowed = set()
    for value in filters:
        named = set().union(*(members(sets, n) for n in value.lstrip("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    with open(f"{TOP}/daemon/cage/cage.c") as f:
        ours = set(re.findall(r"\b(?:PLAIN|IF)\((\w+), (?:ALL|STORE|LEDGER|DOOR|DESK|ONLY)", f.read()))
    assert len(ours) > 100, ours
    assert ours <= allowed, sorted(ours - allowed)


def strict_build():
    """A build folder whose hadird has a cage, or None."""
    for folder in (os.environ.get("HADIR_CAGE_BUILD"), harness.BUILD):
        if folder and b"event=cage_open" not in open(f"{folder}/daemon/hadird", "rb").read():
            return folder
    return None


def copy_of(build):
    """Where the user that hadird runs as can read it."""
    copy = tempfile.mkdtemp(prefix="hadir-cage-build-")
    os.mkdir(f"{copy}/daemon")
    for name in ("hadird", "hadir"):
        shutil.copy(f"{build}/daemon/{name}", f"{copy}/daemon/{name}")
    for path in (copy, f"{copy}/daemon", f"{copy}/daemon/hadird", f"{copy}/daemon/hadir"):
        os.chmod(path, 0o755)
    return copy


def main():
    build = strict_build()
    tool = f"{harness.BUILD}/tests/security/libtakeover.so"
    if build is None:
        print("SKIP test_cage: the build has no cage (sanitizers), and HADIR_CAGE_BUILD names none\n0 passed, 0 failed, 1 skipped")
        return 0
    harness.BUILD = copy_of(build)
    try:
        return in_a_house(tool)
    finally:
        shutil.rmtree(harness.BUILD)


def in_a_house(tool):
    with House("cage", doors="1", desks="1", request_timeout_ms="5000") as house:
        house.as_user("mkdir", f"{house.dir}/tmp")
        house.page = f"{house.dir}/page"
        house.write("page", "\0" * ctypes.sizeof(Page))
        shutil.copy(tool, f"{house.dir}/takeover.so")
        os.chmod(f"{house.dir}/takeover.so", 0o755)
        env, house.env = house.env, dict(house.env, LD_PRELOAD=f"{house.dir}/takeover.so", TAKEOVER_PAGE=house.page, TMPDIR=f"{house.dir}/tmp",
                                         TAKEOVER_KEY=f"{house.dir}/secret/receipt.key")
        house.start(wait=False)
        house.env = env
        house.wait_ready(120)
        house.set_clock(f"{harness.DAY}T07:00:00+08:00")
        house.wait_live()
        house.token = house.known(house.enroll(house.people[0]["nip"]))
        house.superior = {"Authorization": f"Bearer {house.known(house.grant(house.people[1]['nip']))}"}
        return test.main(house)


if __name__ == "__main__":
    sys.exit(main())
