"""powerfs itself: what was synced stays, what was not goes, a torn page is torn, and what it says no to."""
import errno, os, shutil, tempfile
import disk
from harness import Tests

PAGE = 4096


class Each(Tests):
    """Every test on an empty disk."""

    def __call__(self, f):
        def on_a_fresh_one():
            where = tempfile.mkdtemp(prefix="hadir-powerfs-")
            os.mkdir(f"{where}/backing"), os.mkdir(f"{where}/mount")
            d = disk.PowerDisk(f"{where}/backing", f"{where}/mount")
            try:
                f(d)
            finally:
                d.end()
                shutil.rmtree(where)
        on_a_fresh_one.__name__ = f.__name__
        return super().__call__(on_a_fresh_one)


test = Each()


def put(path, data, at=0, sync=False):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        os.pwrite(fd, data, at)
        if sync:
            os.fdatasync(fd)
    finally:
        os.close(fd)


def get(path):
    with open(path, "rb") as f:
        return f.read()


def sync_folder(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def refused(number, f, *args):
    try:
        f(*args)
    except OSError as e:
        assert e.errno == number, e
    else:
        raise AssertionError(f"{f} went well")


@test
def synced_stays_and_unsynced_goes(d):
    m = d.mount
    put(f"{m}/a", b"1" * 10000, sync=True)
    put(f"{m}/a", b"2" * PAGE, at=PAGE)              # overwrites
    put(f"{m}/a", b"3" * 50000, at=10000)            # and grows
    put(f"{m}/b", b"never synced")
    assert get(f"{m}/a") == b"1" * PAGE + b"2" * PAGE + b"1" * (10000 - 2 * PAGE) + b"3" * 50000
    said = d.cut(1)
    assert said["pages_kept"] == 0 and said["entries_undone"] == 1, said
    d.on()
    assert get(f"{m}/a") == b"1" * 10000 and sorted(os.listdir(m)) == ["a"]
    os.truncate(f"{m}/a", 100)
    put(f"{m}/a", b"4" * 10, at=50)
    d.cut(1)
    d.on()
    assert get(f"{m}/a") == b"1" * 10000
    os.truncate(f"{m}/a", 100)
    put(f"{m}/a", b"4" * 50, at=50, sync=True)
    d.cut(1)
    d.on()
    assert get(f"{m}/a") == b"1" * 50 + b"4" * 50


@test
def entries_come_back(d):
    m = d.mount
    for name in "abc":
        put(f"{m}/{name}", name.encode(), sync=True)
    os.rename(f"{m}/a", f"{m}/b")
    os.unlink(f"{m}/c")
    os.mkdir(f"{m}/d")
    put(f"{m}/d/x", b"x")
    d.cut(1)
    d.on()
    assert {n: get(f"{m}/{n}") for n in os.listdir(m)} == {"a": b"a", "b": b"b", "c": b"c"}
    os.rename(f"{m}/a", f"{m}/b")
    os.unlink(f"{m}/c")
    sync_folder(m)
    d.cut(1)
    d.on()
    assert {n: get(f"{m}/{n}") for n in os.listdir(m)} == {"b": b"a"}


@test
def a_file_sync_commits_names_unless_strict(d):
    m = d.mount
    put(f"{m}/a", b"a", sync=True)
    d.cut(1)
    d.on()
    assert os.listdir(m) == ["a"]
    d.tell("strict 1")
    put(f"{m}/b", b"b", sync=True)
    d.cut(1)
    d.on()
    assert os.listdir(m) == ["a"]
    d.tell("strict 1")
    put(f"{m}/b", b"b", sync=True)
    sync_folder(m)
    d.cut(1)
    d.on()
    assert get(f"{m}/b") == b"b"


@test
def an_open_file_that_was_removed_lives_on(d):
    m = d.mount
    put(f"{m}/a", b"a" * 10, sync=True)
    with open(f"{m}/a", "r+b", buffering=0) as f:
        os.unlink(f"{m}/a")
        assert f.read() == b"a" * 10 and f.write(b"b") == 1
    assert os.listdir(m) == []
    d.cut(1)
    d.on()
    assert get(f"{m}/a") == b"a" * 10


@test
def torn_pages_are_torn_and_a_seed_tells_how(d):
    m, results = d.mount, []
    for seed in (7, 7, 8):
        put(f"{m}/a", b"1" * 100 * PAGE, sync=True)
        put(f"{m}/a", b"2" * 100 * PAGE)
        said = d.cut(seed, keep=50)
        d.on()
        data = get(f"{m}/a")
        pages = [data[i:i + PAGE] for i in range(0, len(data), PAGE)]
        sectors = {data[i:i + 512] for i in range(0, len(data), 512)}
        torn = sum(len(set(p)) > 1 for p in pages)
        assert len(pages) == 100 and sectors == {b"1" * 512, b"2" * 512}, "a sector is never torn"
        assert 20 < said["pages_kept"] < 80 and torn > 0 and torn <= said["pages_torn"], said
        results.append(data)
    assert results[0] == results[1] != results[2]


@test
def a_failed_sync_loses_its_pages_though_the_next_succeeds(d):
    m = d.mount
    put(f"{m}/a", b"1" * 2 * PAGE, sync=True)
    d.tell("failsync 1 /a")
    put(f"{m}/b", b"b", sync=True)  # another's sync is well
    with open(f"{m}/a", "r+b", buffering=0) as f:
        f.write(b"2" * 2 * PAGE)
        refused(errno.EIO, os.fsync, f.fileno())
        os.pwrite(f.fileno(), b"3" * PAGE, PAGE)  # written again
        os.fsync(f.fileno())
    d.cut(1)
    d.on()
    assert get(f"{m}/a") == b"1" * PAGE + b"3" * PAGE


@test
def full_read_only_and_unreadable(d):
    m = d.mount
    put(f"{m}/a", b"1" * 100, sync=True)
    d.tell("nospace 2")
    refused(errno.ENOSPC, put, f"{m}/a", b"2" * 200)
    refused(errno.ENOSPC, put, f"{m}/b", b"")
    assert os.statvfs(m).f_bavail == 0
    put(f"{m}/a", b"2" * 100)  # nothing new is needed
    d.tell("nospace 0")
    put(f"{m}/a", b"2" * 200)
    d.tell("readonly 1")
    refused(errno.EROFS, put, f"{m}/a", b"3")
    refused(errno.EROFS, os.rename, f"{m}/a", f"{m}/b")
    d.tell("readonly 0")
    d.tell("failwrite 1")
    refused(errno.EIO, put, f"{m}/a", b"3")
    d.cut(1)
    d.on()
    d.tell("failread 100 a")  # the kernel asks again, for less
    refused(errno.EIO, get, f"{m}/a")
    d.tell("failread 0")
    assert get(f"{m}/a") == b"1" * 100


if __name__ == "__main__":
    if disk.missing():
        print(f"SKIP powerfs: {disk.missing()}\n0 passed, 0 failed, {len(test.tests)} skipped")
        raise SystemExit(0)
    raise SystemExit(test.main())
