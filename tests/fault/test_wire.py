"""Bad wires and a bad database, each fault once under load, with the oracle at the end. HADIR_SEED replays.

HADIR_WIRE=all runs every fault of faults_wire.py, not only those that CI has time for, HADIR_WIRE=a,b these; with HADIR_LONG=1 also the slow ones."""
import os, socket, ssl
import faults_wire
from fault import FAULTS, Run
from harness import Tests, free_port, wait_until
from proxy import Proxy

test = Tests()
SHORT = ("phones_corrupt", "phones_reset", "database_lose_request", "database_lose_reply", "database_stop", "database_hang",
         "connections_exhausted", "sessions_ended", "ingest_refused", "database_restored")


@test
def an_altered_byte_ends_the_connection(run):
    """Every damage of one chunk, up and down, on a connection that says one thing: it is answered rightly, or ends; never otherwise."""
    house, port = run.house, free_port()
    tls = ssl.create_default_context(cafile=f"{house.dir}/secret/tls.crt")
    request = b"GET /v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + run.last.encode() + b"\r\nConnection: close\r\n\r\n"
    with Proxy(f"tcp:127.0.0.1:{port}", f"tcp:127.0.0.1:{house.port}", seed=run.seed) as p:
        for way in ("up", "down"):
            for do in ("corrupt", "drop", "duplicate"):
                with socket.create_connection(("127.0.0.1", port), timeout=60) as plain, tls.wrap_socket(plain, server_hostname="127.0.0.1") as s:
                    p.clear()
                    rule, got = p.rule(do, way=way), b""
                    try:
                        s.sendall(request)
                        if (do, way) == ("drop", "up"):
                            s.sendall(request)  # what follows the gap shows it
                        while more := s.recv(65536):
                            got += more
                    except OSError:
                        pass
                    assert p.fired(rule) == 1
                    # what came before the damage is right, but no end of it; a chunk that came twice may have carried the whole answer
                    whole = got.endswith(b"\r\n0\r\n\r\n")
                    right = got.startswith(b"HTTP/1.1 200 ") and got.count(b"HTTP/1.1") == 1
                    assert got == b"" or (right and (do == "duplicate" or (way == "down" and not whole))), (way, do, got)


@test
def wires_and_databases_fail(run):
    wanted = os.environ.get("HADIR_WIRE")
    names = [n for n, f in FAULTS.items() if f.__module__ == "faults_wire"] if wanted == "all" else wanted.split(",") if wanted else SHORT
    skipped = [n for n in names if FAULTS[n].needs and FAULTS[n].needs()]
    for name in skipped:
        print(f"SKIP {name}: {FAULTS[name].needs()}")
    run.go([n for n in names if n not in skipped])


@test
def a_database_behind_tls(run):
    """TCP and TLS to PostgreSQL, verified; each damage of a chunk ends the connection, and all of it reaches the tables unaltered."""
    house, data, port, ours = run.house, f"{run.house.dir}/data", free_port(), free_port()
    house.as_user("cp", f"{house.dir}/secret/tls.crt", f"{house.dir}/secret/tls.key", data)
    with open(f"{data}/postgresql.conf", "a") as f:
        f.write(f"listen_addresses = '127.0.0.1'\nport = {port}\nssl = on\nssl_cert_file = 'tls.crt'\nssl_key_file = 'tls.key'\n")
    with open(f"{data}/pg_hba.conf", "a") as f:
        f.write("hostssl all all 127.0.0.1/32 trust\n")
    os.symlink(f".s.PGSQL.{port}", f"{house.dir}/pg/.s.PGSQL.5432.next")
    run.counters_complete = False
    house.stop()
    house.stop_database("fast")
    house.start_database()
    os.replace(f"{house.dir}/pg/.s.PGSQL.5432.next", f"{house.dir}/pg/.s.PGSQL.5432")  # psql asks at the old place
    house.conf["database"] = f"host=127.0.0.1 port={ours} dbname=hadir sslmode=verify-full sslrootcert={house.dir}/secret/tls.crt sslcert={house.dir}/none"  # no HOME
    house.write_conf()
    with Proxy(f"tcp:127.0.0.1:{ours}", f"tcp:127.0.0.1:{port}", seed=run.seed) as p:
        house.start(wait=False)
        house.wait_ready()
        faults_wire.goes_on(run)
        assert house.value("select bool_and(s.ssl) from pg_stat_ssl s join pg_stat_activity a using (pid) where a.usename like 'hadir_%'") == "t"
        for do, way in (("corrupt", "up"), ("corrupt", "down"), ("duplicate", "up"), ("duplicate", "down"), ("reset", "both")):
            opened, rule = p.stats()["opened"], p.rule(do, way=way, times=2)
            wait_until("the damage is done", lambda: run.load.check() or p.fired(rule) == 2, 60)
            faults_wire.goes_on(run)
            assert p.stats()["opened"] > opened, "no connection ended"
        run.load.stop()
        house.wait_live(120)
        run.recorded()
        assert house.metric("hadir_ingest_poison_total") == 0
        house.stop()
    house.conf["database"] = f"host={house.dir}/pg dbname=hadir"
    house.write_conf()
    house.start(wait=False)
    house.wait_ready()


@test
def the_oracle_is_content(run):
    run.finish(least=200)


if __name__ == "__main__":
    with Run("wire", load={"connections": 6, "array": 5}) as run:
        code = test.main(run)
    raise SystemExit(code)
