"""A throw-away PostgreSQL cluster with hadir's tables and functions, and one psql that is asked again and again.

Socket only, in a temporary folder, ended by its own pg_ctl; as user postgres when root. HADIR_PG_BIN: folder of initdb."""
import contextlib
import glob
import os
import shutil
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
END = "-- that was all --"


class Database:
    def __init__(self, sql=f"{TOP}/sql"):
        newest = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
        self.bin = os.environ.get("HADIR_PG_BIN") or newest[-1]
        self.prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        self.dir = tempfile.mkdtemp(prefix="hadir-rules-")
        self.psql = None
        if os.getuid() == 0:
            shutil.chown(self.dir, "postgres")
        try:
            self.make()
            self.load(sql)
        except BaseException:
            self.close()
            raise

    def run(self, *argv, input=None):
        done = subprocess.run([*self.prefix, *argv], input=input, capture_output=True, text=True, cwd=self.dir)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(argv)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def make(self):
        self.run(f"{self.bin}/initdb", "-D", f"{self.dir}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                 "--no-sync")
        options = f"-k {self.dir} -c listen_addresses='' -c fsync=off -c shared_buffers=128MB -c jit=off -c autovacuum_naptime=15s"
        self.run(f"{self.bin}/pg_ctl", "-D", f"{self.dir}/data", "-w", "-l", f"{self.dir}/log", "-o", options, "start")

    def load(self, sql):
        argv = [f"{self.bin}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.dir]
        with open(f"{sql}/bootstrap.sql") as f:
            self.run(*argv, "-U", "postgres", "-d", "postgres", input=f.read())
        self.run(*argv, "-U", "postgres", "-d", "postgres", "-c", "create database hadir owner hadir_owner")
        for path in sorted(glob.glob(f"{sql}/migrations/*.sql")) + sorted(glob.glob(f"{sql}/api/*.sql")):
            with open(path) as f:
                self.run(*argv, "-1", "-U", "hadir_owner", "-d", "hadir", input=f.read())
        self.psql = subprocess.Popen([*self.prefix, *argv[:3], "-A", "-t", "-h", self.dir, "-U", "postgres", "-d", "hadir"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     cwd=self.dir, env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"})

    def ask(self, text):
        """The lines that psql prints for these statements, errors among them."""
        self.psql.stdin.write(f"{text}\n\\echo '{END}'\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line.rstrip("\n") == END:
                return lines
            lines.append(line.rstrip("\n"))
        raise SystemExit("psql ended: " + "\n".join(lines[-5:]))

    def close(self):
        if self.psql is not None:
            self.psql.stdout.close()  # else a psql in the midst of an answer would wait for a reader
            with contextlib.suppress(OSError):
                self.psql.stdin.close()
        subprocess.run([*self.prefix, f"{self.bin}/pg_ctl", "-D", f"{self.dir}/data", "-m", "immediate", "-w", "stop"],
                       capture_output=True, cwd="/")
        if self.psql is not None:
            self.psql.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
