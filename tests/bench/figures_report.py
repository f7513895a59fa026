"""How long the monthly recap of a closed month takes: CSV beside COPY of the same rows, XLSX beside libxlsxwriter writing
constants; PDF with its pages; and the most memory `hadir report` had."""
import contextlib, os, re, subprocess, time
from bench import figure
from harness import BUILD, House, PGBIN, TOP

MONTH = "2025-12"
# As api.month_close leaves it: every number another.
KEPT = """
insert into hadir.attendance_version (government, day, version, frozen_at, closed_at, digest)
  select g.id, date '%(month)s-01', 1, '%(month)s-02', '%(month)s-02', '' from hadir.government g;
insert into hadir.month_version (government, month, version, closed_at, days, codes)
  select g.id, '%(month)s-01', 1, '2026-01-02', '{}', hadir.month_codes(g.id, '%(month)s-01') from hadir.government g;
insert into hadir.month_recap
  select g.id, '%(month)s-01', 1, n, u.ids[1 + n %% cardinality(u.ids)], 'UNIT-' || n %% 900, lpad(n::text, 18, '1'), 'Pegawai ukur ' || n, 'PNS',
    'III/b', 'Penata Layanan', 21, n %% 22, n %% 13, n %% 6, n %% 3, n %% 2, n %% 4, n %% 5, n %% 2, k.codes, k.codes, k.excuses, 0.5, n %% 7, 0, 3, 0, n %% 70 + 0.25
  from hadir.government g, generate_series(1, %(people)d) n, (select array_agg(id) as ids from hadir.unit) u,
    lateral (select array_fill((n %% 30)::numeric, array[jsonb_array_length(m.codes -> 'counts')]) as codes,
                    array_fill((n %% 3)::numeric, array[jsonb_array_length(m.codes -> 'excuses')]) as excuses from hadir.month_version m) k;
"""


@contextlib.contextmanager
def recap(b):
    """A house with a closed month."""
    with House("bench", language="en") as house:
        house.hadir("import", "minute-classes", f"{TOP}/sql/reference/minute-classes-permentan-68-2012.csv")
        house.sql(KEPT % {"month": MONTH, "people": b.people})
        house.sql("vacuum analyze")
        yield house


def timed(*argv, **kw):
    start = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **kw)
    return time.monotonic() - start


def report(b, house, ending):
    """Seconds; the most memory is noted."""
    run = ("runuser", "-u", house.user, "--") if os.getuid() == 0 else ()
    watch = ("/usr/bin/python3", "-c", "import resource, subprocess, sys; c = subprocess.run(sys.argv[1:]).returncode; "
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(c)")
    start = time.monotonic()
    done = subprocess.run((*run, *watch, f"{BUILD}/daemon/hadir", "report", "monthly", "--government", "LUTRA", "--month", MONTH, "--closed",
                           "--out", f"{house.dir}/x.{ending}"), check=True, env=house.env, capture_output=True, text=True)
    took = time.monotonic() - start
    b.note(f"{ending} of {b.people} people: {int(done.stdout) >> 10} MiB of memory (wanted: below 64)")
    return took


@figure("report_csv", unit="s", goal="≤ 3")
def report_csv(b):
    with recap(b) as house:
        psql = (f"{PGBIN}/psql", "-X", "-q", "-h", f"{house.dir}/pg", "-U", "postgres", "-d", "hadir", "-c",
                "copy (select * from hadir.month_recap order by unit_code, name, nip) to stdout")
        timed(*psql)
        yield from b.turns(lambda: report(b, house, "csv"), lambda: timed(*psql))


@figure("report_xlsx", unit="s", goal="≤ 1.5")
def report_xlsx(b):
    with recap(b) as house:
        report(b, house, "csv")
        columns = open(f"{house.dir}/x.csv").readline().count(",") + 1
        constants = (f"{BUILD}/tests/bench/bench_sheet", f"{house.dir}/constants.xlsx", str(b.people), "7", str(columns - 7))
        yield from b.turns(lambda: report(b, house, "xlsx"), lambda: timed(*constants))
        printed = report(b, house, "pdf")
        told = subprocess.run(("pdfinfo", f"{house.dir}/x.pdf"), check=True, capture_output=True, text=True).stdout
        pages = re.search("Pages: *([0-9]+)", told).group(1)
        b.note(f"PDF: {printed:.2f} s, {pages} pages, {os.path.getsize(f'{house.dir}/x.pdf') >> 20} MiB")
