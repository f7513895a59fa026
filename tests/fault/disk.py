"""Disks for the fault tests: powerfs (a file system that forgets what was not synced, see powerfs.c) and small tmpfs ones,
and a house's folders moved onto one."""
import contextlib, glob, os, signal, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from harness import BUILD, run, wait_until

POWERFS = f"{BUILD}/tests/fault/powerfs"


def missing():
    """Why power cannot be cut here; None: it can."""
    if os.getuid() != 0:
        return "only root may mount"
    if not os.path.exists("/dev/fuse"):
        return "no /dev/fuse"
    if not os.path.exists(POWERFS):
        return "powerfs was not built (no libfuse3-dev)"
    return None


class PowerDisk:
    """The folder `mount`, with what is durable in the folder `backing`. Both exist."""

    def __init__(self, backing, mount):
        self.backing, self.mount, self.process, self.told = backing, mount, None, ""
        self.on()

    def on(self):
        self.process = subprocess.Popen([POWERFS, self.backing, self.mount], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line == "ready\n" and os.path.ismount(self.mount), f"powerfs: {line!r}"

    def tell(self, command):
        fd = os.open(f"{self.mount}/.powerfs", os.O_WRONLY)
        try:
            os.write(fd, command.encode())
        finally:
            os.close(fd)

    def state(self):
        with open(f"{self.mount}/.powerfs") as f:
            return {k: int(v) for k, v in (w.split("=") for w in f.read().split())}

    def cut(self, seed, keep=0):
        """The power goes: what powerfs says about it. Afterwards nothing is mounted; whoever has a file open gets errors."""
        self.tell(f"cut {seed} {keep}")
        said = self.process.stdout.readline().split()
        try:
            self.process.wait(120)  # it unmounts itself
        finally:
            self.end()
        assert said and said[0] == "cut", said
        return {k: int(v) for k, v in (w.split("=") for w in said[1:])}

    def end(self):
        """Unmounts, also when files are open."""
        if self.process is None:
            return
        if self.process.poll() is None:
            run("umount", "-l", self.mount, check=False)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:  # somebody still holds it
            self.process.kill()
            self.process.wait(10)
        if os.path.ismount(self.mount):
            run("umount", "-l", self.mount, check=False)
        self.process.stdout.close()
        self.process = None


# ---- a house on such a disk ----

FOLDERS = ("data", "spool", "directory")


def move_onto(house, disk_dir="disk"):
    """Spool, directory and the cluster's files lie on a PowerDisk from now on; hadird and the database are not running.
    The disk; house.close() unmounts it."""
    backing, mount = f"{house.dir}/{disk_dir}.kept", f"{house.dir}/{disk_dir}"
    for d in (backing, mount):
        house.as_user("mkdir", "-m", "0755", d)
    for name in FOLDERS:
        os.rename(f"{house.dir}/{name}", f"{backing}/{name}")
        house.as_user("ln", "-s", f"{mount}/{name}", f"{house.dir}/{name}")
    disk = PowerDisk(backing, mount)
    close = house.close

    def close_both():
        kill_all(house)
        disk.end()
        close()
    house.close = close_both
    return disk


def family(pid):
    """A process and its children, as ids."""
    try:
        children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid] + [p for c in children for p in family(int(c))]


def postmaster(house):
    try:
        with open(f"{house.dir}/data/postmaster.pid") as f:
            pid = int(f.readline())
        return pid if "postgres" in open(f"/proc/{pid}/comm").read() and alive(pid) else None
    except (OSError, ValueError):
        return None


def machine(house):
    """Every process of hadird and of the cluster, the parents first."""
    pids = family(house.daemon.pid) if house.daemon is not None else []
    pid = postmaster(house)
    return pids + (family(pid) if pid else [])


def kill_all(house, pids=None):
    """kill -9, all at once; returns when they are gone."""
    pids = machine(house) if pids is None else pids
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if house.daemon is not None:
        house.daemon.wait(120)
        house.daemon = None
        house.log_file.close()
    wait_until("they are gone", lambda: not any(alive(p) for p in pids), 60)


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def cut_power(house, disk, rng, keep=None, cut_first=None):
    """Everything dies at once and what was not synced is forgotten; the disk is mounted again, nothing runs."""
    keep = rng.choice([0, 30, 70, 95]) if keep is None else keep
    cut_first = rng.random() < 0.5 if cut_first is None else cut_first
    seed, pids = rng.randrange(2**31), machine(house)
    if cut_first:  # in the midst of calls; they run on for a moment, on a disk that is gone
        said = disk.cut(seed, keep)
        kill_all(house, pids)
    else:
        kill_all(house, pids)
        said = disk.cut(seed, keep)
    disk.on()
    for lock in glob.glob(f"{house.dir}/data/postmaster.pid") + glob.glob(f"{house.dir}/pg/.s.PGSQL.*"):
        os.unlink(lock)  # after a real restart its number would be nobody's, or another's
    return dict(said, keep=keep, cut_first=cut_first)
