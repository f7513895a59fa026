-- Doubt: which check-ins look made up, and which equal points are innocent.
begin;
select no_plan();
\ir derive_fixture.psql

-- Metres: one degree of latitude is 2πR/360 = 111 195 m; at the equator a degree of longitude as well.
select is(round(hadir.haversine_m(0, 120, 1, 120)), 111195::double precision, 'a degree of latitude');
select is(round(hadir.haversine_m(0, 120, 0, 121)), 111195::double precision, 'a degree of longitude at the equator');
select is(hadir.haversine_m(-2.55, 120.33, -2.55, 120.33), 0::double precision, 'nowhere');
select is(hadir.decimals(-2.5543215), 7, 'seven decimals');
select is(hadir.decimals(120.33), 2, 'two');
select is(hadir.decimals((-2.554321::real)::double precision), 5, 'a single-precision number counts as five, whatever its digits');
select is(hadir.decimals(0.00001), 5, 'near the equator');

-- A check-in of a person at a local time and a point; more as in t.row.
create function t.point(p_seq bigint, p_person bigint, p_day date, p_time interval, p_lat double precision, p_lon double precision,
                        p_more jsonb default '{}') returns jsonb language sql stable as $$
  select t.row(p_seq, p_person, t.at(p_day, p_time), jsonb_build_object('lat', p_lat, 'lon', p_lon) || p_more)
$$;
create function t.doubts(p_day date) returns table (seq bigint, kind text) language sql as $$
  select c.seq, d.kind from hadir.doubt d join hadir.checkin c on c.id = d.checkin
  where (c.received_at at time zone 'Asia/Makassar')::date = p_day order by 1, 2
$$;
create function t.find(p_day date) returns bigint language sql as $$ select api.doubts_find(1, p_day) $$;
grant execute on all functions in schema t to public;

-- ---- Flags, and what is not a flag of doubt.
set session authorization hadir_intake;
select isnt(t.put(
  t.point(1, 101, '2031-03-03', '7:10', -2.5500001, 120.3300001, '{"flags": ["mock"]}'),
  t.point(2, 102, '2031-03-03', '7:11', -2.5500102, 120.3300002, '{"flags": ["picked_place", "accuracy_unknown"], "accuracy_m": null}'),
  t.point(3, 103, '2031-03-03', '7:12', -2.5500203, 120.3300003, '{"flags": ["forwarded", "late_delivery"]}'),
  t.point(4, 201, '2031-03-03', '7:13', -2.5500304, 120.3300004, '{"flags": ["stale_fix", "future_fix"]}'),
  t.point(5, 202, '2031-03-03', '7:14', -2.5500405, 120.3300005, '{"flags": ["device_clock"]}')), 0::bigint, 'five check-ins');
set session authorization hadir_nightly;
select is(t.find('2031-03-03'), 5::bigint, 'five flags of doubt');
select is(t.find('2031-03-03'), 0::bigint, 'are found once');
reset session authorization;
select results_eq($$select * from t.doubts('2031-03-03')$$,
  $$values (1::bigint, 'mock'), (2, 'picked_place'), (3, 'forwarded'), (4, 'future_fix'), (4, 'stale_fix')$$,
  'late delivery and the phone''s own clock are no doubt');

-- ---- The same point, on 4 March.
set session authorization hadir_intake;
select isnt(t.put(
  -- 11, 12: seven decimals, two people: one other is enough.
  t.point(11, 101, '2031-03-04', '7:10', -2.5512345, 120.3312345), t.point(12, 102, '2031-03-04', '7:11', -2.5512345, 120.3312345),
  -- 13, 14: four decimals: the cell is as large as the office.
  t.point(13, 103, '2031-03-04', '7:12', -2.5512, 120.3312), t.point(14, 201, '2031-03-04', '7:13', -2.5512, 120.3312),
  -- 15, 16: both picked the town hall from the map.
  t.point(15, 103, '2031-03-04', '7:20', -2.5598765, 120.3398765, '{"flags": ["picked_place"]}'),
  t.point(16, 201, '2031-03-04', '7:21', -2.5598765, 120.3398765, '{"flags": ["picked_place"]}'),
  -- 17, 18: 800 m vague, the same router for everybody; the cap is 100 m.
  t.point(17, 103, '2031-03-04', '7:30', -2.5587654, 120.3387654, '{"accuracy_m": 800}'),
  t.point(18, 202, '2031-03-04', '7:31', -2.5587654, 120.3387654, '{"accuracy_m": 800}'),
  -- 19, 20, 21: six decimals, three people: two others are not three.
  t.point(19, 103, '2031-03-04', '7:40', -2.557654, 120.337654), t.point(20, 201, '2031-03-04', '7:41', -2.557654, 120.337654),
  t.point(21, 202, '2031-03-04', '7:42', -2.557654, 120.337654),
  -- 22, 23: morning and afternoon of one person on one day: the phone's last fix, innocent.
  t.point(22, 202, '2031-03-04', '15:00', -2.5565432, 120.3365432), t.point(23, 202, '2031-03-04', '16:05', -2.5565432, 120.3365432)),
  0::bigint, 'thirteen check-ins');
set session authorization hadir_nightly;
select is(t.find('2031-03-04'), 4::bigint, 'two of the point, two picked');
reset session authorization;
select results_eq($$select * from t.doubts('2031-03-04')$$,
  $$values (11::bigint, 'same_point'), (12, 'same_point'), (15, 'picked_place'), (16, 'picked_place')$$, 'only what chance does not explain');
select is((select hadir.doubt_text(d.kind, d.detail) from hadir.doubt d join hadir.checkin c on c.id = d.checkin where c.seq = 11),
  'titik yang persis sama (7 desimal) dalam 30 hari: 1 orang lain, 0 hari lain milik sendiri', 'in words, without a place');

-- Own days: 202 stood at the point of 22 and 23 on 4 March; again on the 5th (one other day: innocent), on the 6th (two others).
-- A fourth person at the six-decimal point makes three others, for himself: who came before is not looked at again.
set session authorization hadir_intake;
select isnt(t.put(t.point(31, 202, '2031-03-05', '7:05', -2.5565432, 120.3365432)), 0::bigint, 'on the fifth');
select isnt(t.put(t.point(32, 202, '2031-03-06', '7:05', -2.5565432, 120.3365432),
                  t.point(33, 101, '2031-03-06', '7:06', -2.557654, 120.337654)), 0::bigint, 'on the sixth');
set session authorization hadir_nightly;
select is(t.find('2031-03-05'), 0::bigint, 'one other day of one''s own is innocent');
select is(t.find('2031-03-06'), 2::bigint, 'two are not, nor is the fourth at a six-decimal point');
reset session authorization;
select results_eq($$select * from t.doubts('2031-03-06')$$, $$values (32::bigint, 'same_point'), (33, 'same_point')$$, 'those two');
-- 31 days later nobody remembers.
set session authorization hadir_intake;
select isnt(t.put(t.point(34, 103, '2031-04-06', '7:05', -2.5565432, 120.3365432)), 0::bigint, 'in April');
set session authorization hadir_nightly;
select is(t.find('2031-04-06'), 0::bigint, 'a point is compared for 30 days');

-- ---- Travel. 0.01 degree of latitude = 1 111.95 m.
set session authorization hadir_intake;
select isnt(t.put(
  -- 101: 0.2° = 22 239 m, less 2 × 8.5 m of accuracy = 22 222 m, in 5 minutes and 1 = 360 s: 61.7 m/s > 50.
  t.point(41, 101, '2031-03-07', '7:00', -2.5511111, 120.3311111), t.point(42, 101, '2031-03-07', '7:05', -2.7511111, 120.3311111),
  -- 102: the same way in 7 minutes and 1 = 480 s: 46.3 m/s, a fast car.
  t.point(43, 102, '2031-03-07', '7:00', -2.5522222, 120.3322222), t.point(44, 102, '2031-03-07', '7:07', -2.7522222, 120.3322222),
  -- 103: 10° = 1 111 949 m in 74 minutes and 1 = 4 500 s: 247 m/s, an airliner; 250 m/s would be 1 125 000 m.
  t.point(45, 103, '2031-03-07', '7:00', -2.5533333, 120.3333333), t.point(46, 103, '2031-03-07', '8:14', 7.4466667, 120.3333333),
  -- 201: the same in 72 minutes and 1 = 4 380 s: 253.9 m/s.
  t.point(47, 201, '2031-03-07', '7:00', -2.5544444, 120.3344444), t.point(48, 201, '2031-03-07', '8:12', 7.4455556, 120.3344444),
  -- 202: vague to 2 × 90 m, 0.0297° = 3 302 m less 180 m = 3 122 m in 0 + 60 s: 52 m/s …
  t.point(49, 202, '2031-03-07', '7:00', -2.5555555, 120.3355555, '{"accuracy_m": 90}'),
  t.point(50, 202, '2031-03-07', '7:00', -2.5852555, 120.3355555, '{"accuracy_m": 90}'),
  -- … and with one of unknown accuracy (the cap, 100 m) and 0.0285° = 3 169 m less 190 m = 2 979 m in 60 s: 49.6 m/s.
  t.point(51, 202, '2031-03-07', '9:00', -2.5555555, 120.3355556, '{"accuracy_m": 90}'),
  t.point(52, 202, '2031-03-07', '9:00', -2.5840555, 120.3355556, '{"accuracy_m": null}')), 0::bigint, 'journeys');
set session authorization hadir_nightly;
select is(t.find('2031-03-07'), 3::bigint, 'three are impossible');
reset session authorization;
select results_eq($$select * from t.doubts('2031-03-07')$$,
  $$values (42::bigint, 'impossible_travel'), (48, 'impossible_travel'), (50, 'impossible_travel')$$, 'at the bounds');
select is((select hadir.doubt_text(d.kind, d.detail) from hadir.doubt d join hadir.checkin c on c.id = d.checkin where c.seq = 42),
  'perpindahan yang tidak mungkin: lebih dari 20 km dalam 6 menit sejak presensi sebelumnya', 'with one digit of the distance');
set local hadir.language = 'en';
select is((select hadir.doubt_text(d.kind, d.detail) from hadir.doubt d join hadir.checkin c on c.id = d.checkin where c.seq = 42),
  'impossible travel: more than 20 km within 6 minutes of the check-in before', 'and in English');
reset hadir.language;
-- A queue emptied at noon: the positions are hours apart, the arrivals are not. And a clock that is wrong: the other way round.
set session authorization hadir_intake;
select isnt(t.put(
  t.point(61, 101, '2031-03-08', '7:00', -2.5511111, 120.3311111, jsonb_build_object('received_at', t.at('2031-03-08', '12:00'))),
  t.point(62, 101, '2031-03-08', '9:00', -2.7511111, 120.3311111, jsonb_build_object('received_at', t.at('2031-03-08', '12:00:01'))),
  t.point(63, 102, '2031-03-08', '7:00', -2.5522222, 120.3322222, jsonb_build_object('received_at', t.at('2031-03-08', '7:00'))),
  t.point(64, 102, '2031-03-08', '7:01', -2.7522222, 120.3322222, jsonb_build_object('received_at', t.at('2031-03-08', '8:01')))), 0::bigint, 'late ones');
set session authorization hadir_nightly;
select is(t.find('2031-03-08'), 0::bigint, 'accuse nobody');
-- The journey over midnight is judged on its second day.
set session authorization hadir_intake;
select isnt(t.put(t.point(71, 201, '2031-03-08', '23:59', -2.5511112, 120.3311112), t.point(72, 201, '2031-03-09', '0:01', -3.5511112, 120.3311112)),
  0::bigint, 'over midnight');
set session authorization hadir_nightly;
select is(t.find('2031-03-08') || ' ' || t.find('2031-03-09'), '0 1', 'counts on the day it ended');

-- ---- Who sees it. 71 supervises A (101, 102 and A1 with 103), 72 supervises B.
set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true);
select is(jsonb_path_query_array(api.doubts('{"unit": "A", "from": "2031-03-07"}', t.at('2031-03-10', '8:00')), '$.doubts[*].text'),
  '["perpindahan yang tidak mungkin: lebih dari 20 km dalam 6 menit sejak presensi sebelumnya"]', 'a superior sees those of his people');
select is(api.doubts('{"unit": "B", "from": "2031-03-07"}', t.at('2031-03-10', '8:00')) #>> '{error,code}', 'not_found', 'and no others''');
select is(api.doubts('{"unit": "A", "from": "2031-03-07", "to": "2031-03-01", "warna": "biru"}', t.at('2031-03-10', '8:00')) #>> '{error,problems,0,field}',
  'warna', 'a question with a fault');
set session authorization hadir_admin;
select is(jsonb_array_length(api.doubts('{"unit": "R", "from": "2031-03-01", "to": "2031-03-31"}', t.at('2031-03-10', '8:00')) -> 'doubts'), 15, 'the console sees all');
select is(jsonb_array_length(api.doubts_look('{"unit": "A1", "from": "2031-03-07", "to": "2031-03-09"}', t.at('2031-03-10', '8:00')) -> 'doubts'), 0,
  'and may look itself');
select is(api.doubts_look('{"unit": "entah"}', t.at('2031-03-10', '8:00')) #>> '{error,code}', 'not_found', 'for a unit that is');
set session authorization hadir_intake;
select throws_ok($$select api.doubts_find(1, '2031-03-03')$$, '42501', null, 'intake looks for no doubt');
reset session authorization;
select * from finish();
rollback;
