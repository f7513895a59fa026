"""Reads gcovr's JSON and holds it against the list of what may be uncovered. Usage: check.py REPORT.json

Groups (see GROUPS) each have at least 95 % of their branches taken, and every branch that is not taken stands on a line that
uncovered.txt names: `path | how many at most | the line's text, or a part of it`, below a line `= reason`; path `*` is any file.
An entry whose text is in no line of its file is told too, so that the list cannot outlive the code. Ends with
`N passed, M failed`."""
import json
import pathlib
import sys

LEAST = 95.0
GROUPS = {
    'http1': ('proto/http1',),
    'codecs': ('proto/codec', 'proto/native', 'proto/object', 'proto/osmand', 'proto/owntracks', 'proto/whatsapp'),
    'receipts': ('proto/receipt',),
    'geo': ('daemon/geo/',),
    'spool': ('daemon/spool/',),
    'directory': ('daemon/directory/',),
    'guard and tokens': ('daemon/door/auth', 'daemon/door/request', 'daemon/door/route', 'daemon/door/query'),
}
top = pathlib.Path(__file__).resolve().parents[2]


def listed():
    """path -> [(most, text)]"""
    entries, reason = {}, None
    for line in (top / 'tests/coverage/uncovered.txt').read_text().splitlines():
        if line.startswith('= '):
            reason = line
        elif line and not line.startswith('#'):
            assert reason is not None, 'uncovered.txt: an entry without a reason: ' + line
            path, most, text = (part.strip() for part in line.split(' | ', 2))
            entries.setdefault(path, []).append((int(most), text))
    return entries


entries = listed()
taken = {name: [0, 0] for name in GROUPS}
problems = []
for file in json.loads(pathlib.Path(sys.argv[1]).read_text())['files']:
    path = file['file']
    group = next((name for name, starts in GROUPS.items() if path.startswith(starts)), None)
    if group is None:
        continue
    source = (top / path).read_text().splitlines()
    for line in file['lines']:
        missed = sum(branch['count'] == 0 for branch in line['branches'])
        taken[group][0] += len(line['branches']) - missed
        taken[group][1] += len(line['branches'])
        text = source[line['line_number'] - 1]
        if missed and not any(missed <= most and part in text for most, part in entries.get(path, []) + entries.get('*', [])):
            problems.append(f"{path}:{line['line_number']}: {missed} of {len(line['branches'])} branches not taken, "
                            f"no reason listed: {text.strip()}")
for path, list_of in entries.items():
    if path != '*':
        source = (top / path).read_text() if (top / path).exists() else ''
        problems += [f'uncovered.txt: {path} has no line with: {text}' for _, text in list_of if text not in source]
for name, (some, all_of) in taken.items():
    share = 100 * some / all_of if all_of else 0
    print(f'# {name}: {some} of {all_of} branches, {share:.1f} %')
    if share < LEAST:
        problems.append(f'{name}: {share:.1f} % of the branches, at least {LEAST:.0f} % are asked for')
for problem in problems:
    print('FAIL ' + problem)
print(f'{len(taken) + sum(map(len, entries.values()))} passed, {len(problems)} failed')
sys.exit(1 if problems else 0)
