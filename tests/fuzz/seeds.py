"""First inputs of the fuzz targets: the requests of proto/vectors, the files of deploy/example, what the sample says.
Usage: seeds.py FOLDER; writes FOLDER/NAME/seed-…. What is only to be had from the daemon itself (snapshots, facts, frames)
is in the archives of tests/fuzz/corpus."""
import json
import pathlib
import struct
import sys

base = pathlib.Path(sys.argv[1])
top = pathlib.Path(__file__).resolve().parents[2]
vectors = top / 'proto/vectors'
example = top / 'deploy/example'


def seed(target, name, data):
    folder = base / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f'seed-{name}').write_bytes(data)


def wire(case):
    body = case['body'].encode()
    head = f"{case['method']} {case['target']} HTTP/1.1\r\nHost: presensi.example\r\n"
    head += ''.join(f'{k}: {v}\r\n' for k, v in case['headers'].items())
    return head.encode() + b'Content-Length: %d\r\n\r\n' % len(body) + body


for name in ('native', 'owntracks', 'osmand', 'whatsapp'):
    for i, case in enumerate(json.loads((vectors / f'{name}.json').read_text())['cases']):
        seed(name, i, case['body'].encode() or case['target'].partition('?')[2].encode())
        seed('http1', f'{name}-{i}', b'\x20\x00' + wire(case))
        seed('guard', f'{name}-{i}', b'\x00\x20\x00' + wire(case))
seed('http1', 'chunked', b'\x05\x00' + b'5\r\nhallo\r\n0\r\n\r\n')
seed('http1', 'head', b'\x05\x00' + b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
seed('http1', 'basic', b'\x05\x00' + b'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==')

# The tokens are those of tests/unit/test_door_fixture.h.
bearer = 'Host: a\r\nAuthorization: Bearer %s\r\n'
native, access = bearer % 'nativenativenativenati', bearer % 'accessaccessaccessacce'
for i, (head, body) in enumerate([
        ('POST /v1/checkins HTTP/1.1\r\n' + native, '{"id":"00000000-0000-4000-8000-000000000001","at":"2031-01-01T00:00:00Z","lat":-2.5,"lon":120.3,"accuracy":8}'),
        ('POST /v1/checkins HTTP/1.1\r\n' + access, '{}'),
        ('GET /v1/checkins/00000000-0000-4000-8000-000000000001 HTTP/1.1\r\n' + native, ''),
        ('GET /v1/checkins/00000000-0000-4000-8000-000000000001 HTTP/1.1\r\n' + access, ''),
        ('GET /v1/me HTTP/1.1\r\n' + native, ''), ('GET /v1/me/attendance?month=2031-01 HTTP/1.1\r\n' + access, ''),
        ('GET /v1/units/SETDA/presence?date=2031-01-01&format=csv HTTP/1.1\r\n' + access, ''),
        ('GET /v1/letters?unit=A&unit=B HTTP/1.1\r\n' + access, ''), ('GET /v1/letters/00012 HTTP/1.1\r\n' + access, ''),
        ('POST /v1/letters HTTP/1.1\r\nContent-Type: application/json; charset=utf-8\r\n' + access, '{"unit":"A","kind":"recall"}'),
        ('POST /v1/letters/5/decision HTTP/1.1\r\n' + access, '{"step":"confirmed"}'),
        ('POST /v1/months/2031-01/closing HTTP/1.1\r\n' + access, '{"unit":"A"}'),
        ('POST /v1/absences HTTP/1.1\r\nContent-Encoding: gzip\r\n' + access, 'x'),
        ('GET /v1/reports/recap?month=2031-01 HTTP/1.1\r\n' + access, ''), ('GET /v1/heads HTTP/1.1\r\nHost: a\r\n', ''),
        ('POST /in/owntracks HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRpOm93bnRyYWNrc293bnRyYWNrc293bnQ=\r\n',
         '{"_type":"location","lat":-2.5,"lon":120.3,"tst":1924992000,"acc":12}'),
        ('GET /in/osmand?id=osmandosmandosmandosma&lat=-2.5&lon=120.3&timestamp=1924992000 HTTP/1.1\r\nHost: a\r\n', ''),
        ('GET /in/whatsapp?hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=1 HTTP/1.1\r\nHost: a\r\n', ''),
        ('POST /in/whatsapp HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: sha256=00\r\n', '{}')]):
    request = head.encode() + b'Content-Length: %d\r\n\r\n' % len(body) + body.encode()
    seed('guard', f'door-{i}', bytes([i % 5, 40, 0]) + request)
    seed('guard', f'twice-{i}', bytes([i % 5, 120, 0]) + request + request)
seed('guard', 'chunked', b'\0\x50\0POST /v1/checkins HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n' +
     native.encode() + b'\r\n2\r\n{}\r\n0\r\n\r\n')

seed('object', 'letter', b'{"unit":"A","kind":"recall","number":"1/X","dated":"2031-01-01","orders":[{"people":[{"nip":"1","days":["2031-01-02"]}],"anywhere":true,"n":1.5e3,"x":null}]}')
seed('object', 'decision', b'{"letter":5,"step":"confirmed","reason":"\\u00e9\\ud83d\\ude00"}')

seed('receipt', 'receipt', (vectors / 'receipt.txt').read_bytes())
receipt = json.loads((vectors / 'receipt.txt').read_text())
tree = dict(receipt['tree'], path=''.join(receipt['tree']['path']), root=receipt['root'], key=receipt['key'], signature='00' * 64)
row = {k: None if v == '-' else int(v) if v.lstrip('-').isdigit() else v for k, v in receipt['fact'].items()}
row.update(clock_state=row.pop('clock'), automatic=False, flags=row['flags'].split(','), tree=tree,
           first=dict(receipt['verdict'], session_code='pagi', fence=42, late_minutes=12, early_minutes=0))
seed('receipt', 'row', json.dumps(row).encode())

for path in example.glob('*.csv'):
    seed('csv', path.stem, b''.join(path.read_bytes().splitlines(True)[:6]))
seed('csv', 'people', 'nip,name,category,unit,from\r\n# catatan\r\n1,"Pegawai ""A""\n, B",PNS,SETDA,2031-01-01\r\n2,=1+1,PNS,SETDA,\n'.encode('utf-8-sig'))
features = json.loads((example / 'fences.geojson').read_text())['features']
fences = {'type': 'FeatureCollection', 'features': features[:2]}
square = [[120.3, -2.5], [120.4, -2.5], [120.4, -2.4], [120.3, -2.4], [120.3, -2.5]]
hole = [[120.33, -2.47], [120.33, -2.43], [120.37, -2.43], [120.37, -2.47], [120.33, -2.47]]
for kind, coordinates in (('Polygon', [square, hole]), ('MultiPolygon', [[square, hole]]), ('Point', [120.3, -2.5]), ('LineString', square)):
    fences['features'].append({'type': 'Feature', 'properties': {'code': kind, 'name': kind, 'kind': 'area', 'unit': 'A', 'shared': True, 'radius_m': 50},
                               'geometry': {'type': kind, 'coordinates': coordinates}})
    one = {'type': 'FeatureCollection', 'features': fences['features'][-1:]}
    seed('fences', kind, b'\0' + json.dumps(one, separators=(',', ':')).encode())
seed('fences', 'all', b'\0' + json.dumps(fences).encode())
metres = {'type': 'FeatureCollection', 'features': [{'type': 'Feature', 'properties': {'radius_m': 90}, 'geometry': {'type': 'Point', 'coordinates': [770000, 9440000]}}]}
seed('fences', 'metres', b'\1' + json.dumps(metres).encode())

sample = (top / 'deploy/hadird.conf.sample').read_bytes()
seed('conf', 'sample', sample)
seed('conf', 'given', b''.join(line.lstrip(b'#; ') for line in sample.splitlines(True) if b'=' in line or b'[' in line))
for path in sorted((top / 'sql/policies').glob('*.conf'))[:3]:
    seed('conf', path.stem, path.read_bytes())

frame = lambda kind, number, payload: struct.pack('<IHHQ', len(payload), kind, 0, number) + payload
seed('channel', 'three', b'\x05\0' + frame(40, 1, b'') + frame(41, 2, b'x' * 32) + frame(66, 3, b'hello'))
seed('channel', 'long', b'\x00\0' + struct.pack('<IHHQ', 1 << 30, 40, 0, 1))
seed('channel', 'reserved', b'\xff\xff' + struct.pack('<IHHQ', 0, 40, 1, 1))
event = b'{"government":1,"kind":"status","received_at":"2031-01-01T00:00:00Z","payload":{"id":"wamid.x","status":"read"}}'
seed('ledger', 'event', b'\0\2' + bytes([3]) + struct.pack('>H', len(event)) + event)
seed('ledger', 'lookup', b'\1\1' + struct.pack('<qq', 100, 7) + b'a' * 16)
seed('ledger', 'empty', b'\0\0' + struct.pack('<I', 0))
seed('row', 'event', b'\3\1\0' + event)
for offset in (0, 16, 25, 96, 100, 1024, 2048):
    seed('orphan', offset, struct.pack('>HB', offset, 4) + b'\xff\xff\xff\xff')
seed('orphan', 'whole', b'')
