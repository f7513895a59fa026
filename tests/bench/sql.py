"""Runs a benchmark written in SQL (plan.sql, derive.sql) in a house with an empty migrated database and no daemon.

Usage: HADIR_BUILD=build-release python3 tests/bench/sql.py FILE [PEOPLE]. Shows what psql shows: after each title the times,
in milliseconds. A benchmark, not a test: it judges nothing."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import House, PGBIN

FILE, PEOPLE = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "200000"
with House("bench", example=False) as house:
    # As a database server for so many has it.
    house.sql("alter system set shared_buffers = '512MB'")
    house.sql("alter system set max_wal_size = '4GB'")
    house.stop_database("fast")
    house.start_database()
    house.write("bench.sql", open(FILE).read())
    done = house.as_user(f"{PGBIN}/psql", "-X", "-h", f"{house.dir}/pg", "-U", "postgres", "-d", "hadir", "-v", f"people={PEOPLE}",
                         "-f", f"{house.dir}/bench.sql", timeout=1200)
    print(done.stdout, done.stderr, sep="")
    sys.exit(done.returncode)
