-- Lists of letters, absences, corrections, outages and work reports: the newest, so many at most, and whether there are more.
begin;
\ir derive_fixture.psql
select no_plan();
insert into hadir.absence_code (government, code, name) values (1, 'CT', 'Cuti tahunan');
insert into hadir.absence (government, person, code, first_day, last_day, asked_at)
select 1, 101, 'CT', date '2031-01-01' + n, date '2031-01-01' + n, '2031-01-01' from generate_series(1, hadir.list_most() + 2) n;
insert into hadir.correction (government, person, day, session, kind, claimed_at, asked_at)
select 1, 101, date '2031-01-01' + n, 'pagi', 'forgotten', '2031-01-01', '2031-01-01' from generate_series(1, hadir.list_most() + 2) n;
insert into hadir.outage (government, unit, starts_at, ends_at, note, asked_at)
select 1, 11, timestamptz '2031-01-01 07:00+08' + n * interval '1 day', timestamptz '2031-01-01 08:00+08' + n * interval '1 day', 'uji', '2031-01-01'
from generate_series(1, hadir.list_most() + 2) n;
insert into hadir.work_report (government, person, day, kind, text, sent_at)
select 1, 101, date '2031-01-01' + n, 'work_report', 'uji', '2031-01-01' from generate_series(1, hadir.list_most() + 2) n;
insert into hadir.letter (government, unit, kind, number, dated, filed_at)
select 1, 11, 'assignment', 'L/' || n, date '2031-01-01' + n, '2031-01-01' from generate_series(1, hadir.list_most() + 2) n;
insert into hadir.letter_order (letter, place) select l.id, 'WFO' from hadir.letter l where l.number like 'L/%';
insert into hadir.assignment (letter, person, day, orders)
select o.letter, 101, l.dated, o.id from hadir.letter_order o join hadir.letter l on l.id = o.letter where l.number like 'L/%';

-- How many rows an answer has, whether there are more, the first row's day and the last's.
create function t.extent(p_list text, p_day text, p_body jsonb default '{}') returns text language plpgsql as $$
declare
  a jsonb;
begin
  execute format('select api.%I($1, $2)', p_list) into a using p_body, timestamptz '2032-12-01 09:00+08';
  return concat_ws(' ', jsonb_array_length(a -> p_list), a -> 'more', left(a #>> array[p_list, '0', p_day], 10), left(a #>> array[p_list, '-1', p_day], 10));
end
$$;
create function t.last(p_of int) returns text language sql as $$ select (date '2031-01-01' + p_of)::text $$;
grant execute on all functions in schema t to public;
select hadir.list_most() as most \gset
set session authorization hadir_admin;
select results_eq($$select q.list, t.extent(q.list, q.day) from (values ('letters', 'dated'), ('absences', 'first_day'), ('corrections', 'day'),
    ('outages', 'from'), ('work_reports', 'day')) q (list, day)$$,
  format('select q, %L from unnest(array[''letters'', ''absences'', ''corrections'', ''outages'', ''work_reports'']) q',
         :most || ' true ' || t.last(:most + 2) || ' ' || t.last(3)), 'the newest first, up to the bound, and that there are more');
select results_eq($$select q.list, t.extent(q.list, q.day, '{"from": "2031-01-04"}') from (values ('letters', 'dated'), ('absences', 'first_day'), ('corrections', 'day'),
    ('outages', 'from'), ('work_reports', 'day')) q (list, day)$$,
  format('select q, %L from unnest(array[''letters'', ''absences'', ''corrections'', ''outages'', ''work_reports'']) q',
         :most || ' false ' || t.last(:most + 2) || ' ' || t.last(3)), 'just as many are all of them');
set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true) is not null as set \gset
select is(t.extent('absences', 'first_day', '{"unit": "A"}'), :most || ' true ' || t.last(:most + 2) || ' ' || t.last(3), 'for a superior likewise');
select set_config('hadir.actor', 'device:1101', true) is not null as set \gset
select is(t.extent('work_reports', 'day'), :most || ' true ' || t.last(:most + 2) || ' ' || t.last(3), 'and for a phone');
select set_config('hadir.actor', 'access:72', true) is not null as set \gset
select is(t.extent('corrections', 'day'), '0 false', 'not for others');

-- ---- what of an outage who may see
reset session authorization;
delete from hadir.outage;
insert into hadir.outage (government, unit, starts_at, ends_at, note, status, asked_at) values
  (1, 11, '2031-03-03 07:00+08', '2031-03-03 08:00+08', 'kabel putus di rumah dinas', 'approved', '2031-03-03'),
  (1, 13, '2031-03-04 07:00+08', '2031-03-04 08:00+08', 'catatan B', 'approved', '2031-03-03');
create function t.outages(p_actor text) returns jsonb language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then api.outages('{}', timestamptz '2031-03-05 09:00+08') -> 'outages' end $$;
grant execute on all functions in schema t to public;
set session authorization hadir_query;
select is((select array_agg(x - 'outage' - 'asked_at') from jsonb_array_elements(t.outages('device:1101')) x),
  array['{"unit": "A", "from": "2031-03-03T07:00:00+08:00", "to": "2031-03-03T08:00:00+08:00", "status": "approved"}']::jsonb[],
  'a phone: that there was one, and when, if it touched its person; no note, no steps');
select is((select array_agg(x ->> 'note' order by x ->> 'note') from jsonb_array_elements(t.outages('access:71')) x where x ? 'steps'),
  array['kabel putus di rumah dinas'], 'who acts for the unit reads its note, no other''s');
select is(jsonb_array_length(t.outages('access:71')), 2, 'but sees that there were others');
select * from finish();
rollback;
