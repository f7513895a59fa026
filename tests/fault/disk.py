"""Disks for the fault tests: powerfs (a file system that forgets what was not synced, see powerfs.c) and small tmpfs ones,
and a house's folders moved onto one."""
import os, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from harness import BUILD, run

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
            self.process.wait(20)  # it unmounts itself
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
