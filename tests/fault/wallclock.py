"""The wall clock of a house's hadird, by wallclock.c: WallClock(house) before house.start."""
import mmap, shutil, struct, time
from harness import BUILD


class WallClock:
    def __init__(self, house):
        path = f"{house.dir}/wallclock"
        with open(path, "wb") as f:
            f.write(bytes(24))
        shutil.chown(path, house.user)
        with open(path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 0)
        env = house.daemon_env
        env["LD_PRELOAD"] = f"{env.get('LD_PRELOAD', '')} {BUILD}/tests/fault/libwallclock.so".strip()
        env["HADIR_WALLCLOCK"] = path
        env.setdefault("ASAN_OPTIONS", "detect_leaks=0:verify_asan_link_order=0")

    def offset(self, seconds):
        """hadird's wall clock is so far from the real one."""
        struct.pack_into("=q", self.page, 0, round(seconds * 1e9))

    def leap_at(self, epoch_s):
        """From this moment of hadird's clock on it is a second less; 0: no leap."""
        struct.pack_into("=q", self.page, 8, epoch_s * 10**9)

    def set(self, epoch_s):
        self.offset(epoch_s - time.time())

    def looks(self):
        return struct.unpack_from("=q", self.page, 16)[0]
