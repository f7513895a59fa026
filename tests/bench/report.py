"""How long the monthly recap of a closed month takes at 200,000 people: CSV beside COPY of the same rows, XLSX beside libxlsxwriter
writing constants, in the same run; PDF with its pages; and the most memory `hadir report` had.

Usage: HADIR_BUILD=build-release python3 tests/bench/report.py [PEOPLE]. Prints one line a figure and, behind it, what it is wanted to
be. A benchmark, not a test: it judges nothing."""
import os, re, subprocess, sys, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import BUILD, House, PGBIN, TOP

PEOPLE = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 200000
MONTH = "2025-12"
# As api.month_close leaves it: every number another.
KEPT = f"""
insert into hadir.attendance_version (government, day, version, frozen_at, closed_at, digest)
  select g.id, date '{MONTH}-01', 1, '{MONTH}-02', '{MONTH}-02', '' from hadir.government g;
insert into hadir.month_version (government, month, version, closed_at, days, codes)
  select g.id, '{MONTH}-01', 1, '2026-01-02', '{{}}', hadir.month_codes(g.id, '{MONTH}-01') from hadir.government g;
insert into hadir.month_recap
  select g.id, '{MONTH}-01', 1, n, u.ids[1 + n % cardinality(u.ids)], 'UNIT-' || n % 900, lpad(n::text, 18, '1'), 'Pegawai ukur ' || n, 'PNS',
    'III/b', 'Penata Layanan', 21, n % 22, n % 13, n % 6, n % 3, n % 2, n % 4, n % 5, n % 2, k.codes, k.codes, k.excuses, 0.5, n % 7, 0, 3, 0, n % 70 + 0.25
  from hadir.government g, generate_series(1, {PEOPLE}) n, (select array_agg(id) as ids from hadir.unit) u,
    lateral (select array_fill((n % 30)::numeric, array[jsonb_array_length(m.codes -> 'counts')]) as codes,
                    array_fill((n % 3)::numeric, array[jsonb_array_length(m.codes -> 'excuses')]) as excuses from hadir.month_version m) k;
"""


def timed(*argv, **kw):
    start = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **kw)
    return time.monotonic() - start


def report(house, ending):
    """Seconds, and the most memory in MiB."""
    run = ("runuser", "-u", house.user, "--") if os.getuid() == 0 else ()
    watch = ("/usr/bin/python3", "-c", "import resource, subprocess, sys; c = subprocess.run(sys.argv[1:]).returncode; "
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(c)")
    start = time.monotonic()
    done = subprocess.run((*run, *watch, f"{BUILD}/daemon/hadir", "report", "monthly", "--government", "LUTRA", "--month", MONTH, "--closed",
                           "--out", f"{house.dir}/x.{ending}"), check=True, env=house.env, capture_output=True, text=True)
    return time.monotonic() - start, int(done.stdout) / 1024


with House("bench", language="en") as house:
    house.hadir("import", "minute-classes", f"{TOP}/sql/reference/minute-classes-permentan-68-2012.csv")
    house.sql(KEPT)
    house.sql("vacuum analyze")
    psql = (f"{PGBIN}/psql", "-X", "-q", "-h", f"{house.dir}/pg", "-U", "postgres", "-d", "hadir", "-c",
            "copy (select * from hadir.month_recap order by unit_code, name, nip) to stdout")
    house.sql("select count(*) from hadir.month_recap")
    plain = min(timed(*psql) for _ in range(3))
    print(f"COPY of {PEOPLE} rows\t{plain:.2f} s")
    csv, memory = min(report(house, "csv") for _ in range(3))
    print(f"CSV\t{csv:.2f} s, {csv / plain:.1f} times (wanted: at most 3), {memory:.0f} MiB (below 64)")
    columns = open(f"{house.dir}/x.csv").readline().count(",") + 1
    constants = timed(f"{BUILD}/tests/bench/bench_sheet", f"{house.dir}/constants.xlsx", str(PEOPLE), "7", str(columns - 7))
    print(f"constants by libxlsxwriter, {columns} columns\t{constants:.2f} s")
    sheet, memory = report(house, "xlsx")
    print(f"XLSX\t{sheet:.2f} s, {sheet / constants:.2f} times (wanted: at most 1.5), {memory:.0f} MiB (below 64)")
    printed, memory = report(house, "pdf")
    told = subprocess.run(("pdfinfo", f"{house.dir}/x.pdf"), check=True, capture_output=True, text=True).stdout
    pages = re.search("Pages: *([0-9]+)", told).group(1)
    print(f"PDF\t{printed:.2f} s, {pages} pages, {os.path.getsize(f'{house.dir}/x.pdf') >> 20} MiB, {memory:.0f} MiB of memory (below 64)")
