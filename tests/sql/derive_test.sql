-- plan × facts = attendance: every boundary of the verdicts, which check-in counts, place, flags; order never matters.
begin;
\ir derive_fixture.psql
select plan(79);
select set_config('t.day', '2031-03-03', true);

-- ---- the deciding time
create function t.judges(p_channel text, p_decides text, p_fix text, p_message text, p_sent text, p_received text) returns text
language sql as $$
  select to_char(d.at at time zone 'UTC', 'HH24:MI:SS') || ' ' || d.source || ' ' || array_to_string(d.flags, ',')
  from hadir.deciding_time(p_channel, array_fill(p_decides, array[4]), ('2031-03-03 ' || p_fix || 'Z')::timestamptz,
    ('2031-03-03 ' || p_message || 'Z')::timestamptz, ('2031-03-03 ' || p_sent || 'Z')::timestamptz,
    ('2031-03-03 ' || p_received || 'Z')::timestamptz) d
$$;
select is(t.judges(c, d, f, m, s, r), expected, description) from (values
  ('native', 'fix', '01:00:00', null, '01:00:10', '01:00:12', '01:00:02 fix ', 'native: fix corrected by sent_at against arrival'),
  ('native', 'fix', '05:00:00', null, '05:00:10', '01:00:12', '01:00:02 fix future_fix', 'native: a clock hours ahead is corrected and shown'),
  ('native', 'fix', '01:00:00', null, '01:00:00', '09:00:00', '09:00:00 fix ', 'native: a clock behind is corrected too'),
  ('native', 'fix', '01:00:00', null, '04:00:00', '04:00:01', '01:00:01 fix late_delivery', 'native: queued for hours counts from the fix, visibly'),
  ('native', 'fix', '01:00:00', null, '00:59:59', '01:00:12', '01:00:12 arrival stale_fix', 'native: sent before the fix is not believed'),
  ('native', 'fix', '01:00:00', null, null, '01:00:12', '01:00:12 arrival stale_fix', 'native: without sent_at arrival judges'),
  ('native', 'arrival', '01:00:00', null, '01:00:10', '01:00:12', '01:00:12 arrival ', 'native: the plan may say arrival'),
  ('native', 'message', '01:00:00', null, '01:00:10', '01:00:12', '01:00:12 arrival ', 'native: it has no message time'),
  ('owntracks', 'fix', '01:00:00', null, null, '01:05:00', '01:00:00 fix device_clock', 'owntracks: the phone''s clock, five minutes'),
  ('osmand', 'fix', '01:00:00', null, null, '01:05:01', '01:00:00 fix device_clock,late_delivery', 'osmand: over five minutes is late delivery'),
  ('osmand', 'fix', '01:01:00', null, null, '01:00:00', '01:01:00 fix device_clock', 'osmand: a minute ahead is borne'),
  ('osmand', 'fix', '01:01:01', null, null, '01:00:00', '01:00:00 arrival future_fix', 'osmand: more is not'),
  ('osmand', 'fix', null, null, null, '01:00:00', '01:00:00 arrival ', 'osmand: without time arrival judges'),
  ('whatsapp', 'message', null, '01:00:00', null, '03:00:00', '01:00:00 message late_delivery', 'whatsapp: the message''s time'),
  ('whatsapp', 'message', null, '01:02:00', null, '01:00:00', '01:00:00 arrival future_fix', 'whatsapp: not from the future'),
  ('whatsapp', null, null, '01:00:00', null, '01:00:01', '01:00:01 arrival ', 'no plan for the arrival''s day: arrival')
) v(c, d, f, m, s, r, expected, description);

-- ---- verdicts, to the microsecond
create function t.verdict(p_person bigint, p_at timestamptz, p_inside boolean default true) returns text[] language plpgsql as $$
begin
  delete from hadir.checkin; delete from hadir.checkin_ack; delete from hadir.placement; delete from hadir.checkin_key; delete from hadir.checkin_position;
  perform t.store('00000000-0000-0000-0000-00000000000a', t.row(1, p_person, p_at, case when p_inside then jsonb_build_object('placements', jsonb_build_array(t.in_fence(31))) else '{}' end));
  return t.line(p_person, current_setting('t.day')::date);
end $$;
select is(t.verdict(101, t.at('2031-03-03', s::interval)), expected::text[], s || ' gives ' || expected) from (values
  ('5:59:59.999999', '{"pagi ? -","sore ? -","- outside_window WFO 05:59:59"}'),
  ('6:00:00', '{"pagi on_time WFO 06:00:00","sore ? -"}'),
  ('7:30:00', '{"pagi on_time WFO 07:30:00","sore ? -"}'),
  ('7:30:59.999999', '{"pagi on_time WFO 07:30:59","sore ? -"}'),
  ('7:31:00', '{"pagi late +1 WFO 07:31:00","sore ? -"}'),
  ('7:31:59.999999', '{"pagi late +1 WFO 07:31:59","sore ? -"}'),
  ('7:32:00', '{"pagi late +2 WFO 07:32:00","sore ? -"}'),
  ('9:59:59.999999', '{"pagi late +149 WFO 09:59:59","sore ? -"}'),
  ('10:00:00', '{"pagi ? -","sore ? -","- outside_window WFO 10:00:00"}'),
  ('14:59:59', '{"pagi ? -","sore ? -","- outside_window WFO 14:59:59"}'),
  ('15:00:00', '{"pagi ? -","sore early -60 WFO 15:00:00"}'),
  ('15:00:01', '{"pagi ? -","sore early -60 WFO 15:00:01"}'),
  ('15:58:59', '{"pagi ? -","sore early -2 WFO 15:58:59"}'),
  ('15:59:00', '{"pagi ? -","sore early -1 WFO 15:59:00"}'),
  ('15:59:59.999999', '{"pagi ? -","sore early -1 WFO 15:59:59"}'),
  ('16:00:00', '{"pagi ? -","sore on_time WFO 16:00:00"}'),
  ('19:59:59.999999', '{"pagi ? -","sore on_time WFO 19:59:59"}'),
  ('20:00:00', '{"pagi ? -","sore ? -","- outside_window WFO 20:00:00"}')
) v(s, expected);
select set_config('t.day', '2031-03-08', true);
select is(t.verdict(101, t.at('2031-03-08', '7:00')), '{"- not_expected WFO 07:00:00"}', 'a day without sessions expects nobody');
select set_config('t.day', '2031-03-03', true);

-- ---- moving the hours, dropping the plan: another verdict from the same facts
select t.verdict(101, t.at('2031-03-03', '7:45')) \g /dev/null
update hadir.plan_session set on_time_until = on_time_until + interval '30 minutes', due = due + interval '30 minutes' where code = 'pagi';
select is(t.line(101, '2031-03-03'), '{"pagi on_time WFO 07:45:00","sore ? -"}', 'hours moved by 30 minutes change the verdict');
update hadir.plan_session set on_time_until = on_time_until - interval '30 minutes', due = due - interval '30 minutes' where code = 'pagi';
update hadir.plan_pattern set decides = '{arrival,arrival,arrival,arrival}';
update hadir.checkin set received_at = received_at + interval '20 minutes', sent_at = sent_at + interval '20 minutes';
select is(t.line(101, '2031-03-03'), '{"pagi late +35 WFO 08:05:00","sore ? -"}', 'the plan may say that arrival decides');
update hadir.plan_pattern set decides = '{fix,fix,fix,message}';

-- ---- which check-in counts
create function t.day(p_day date, variadic p_rows jsonb[]) returns text[] language plpgsql as $$
begin
  delete from hadir.checkin; delete from hadir.checkin_ack; delete from hadir.placement; delete from hadir.checkin_key; delete from hadir.checkin_position;
  perform t.store('00000000-0000-0000-0000-00000000000a', variadic p_rows);
  return t.line(101, p_day);
end $$;
create function t.c(p_seq int, p_time interval, variadic p_fences text[] default '{}') returns jsonb language sql as $$
  select t.row(p_seq, 101, t.at('2031-03-03', p_time), jsonb_build_object('placements',
    coalesce((select jsonb_agg(t.in_fence(split_part(f, ':', 1)::bigint, coalesce(nullif(split_part(f, ':', 2), ''), 'inside')))
              from unnest(p_fences) f), '[]'::jsonb), 'first', null))
$$;
select is(t.day('2031-03-03', t.c(1, '7:20', '31'), t.c(2, '7:05', '31'), t.c(3, '7:40', '31')),
  '{"pagi on_time WFO 07:05:00","sore ? -"}', 'in: the earliest');
select is(t.day('2031-03-03', t.c(1, '16:20', '31'), t.c(2, '17:05', '31'), t.c(3, '15:40', '31')),
  '{"pagi ? -","sore on_time WFO 17:05:00"}', 'out: the latest');
select is(t.day('2031-03-03', t.c(1, '7:00', '31:outside'), t.c(2, '7:45', '31')),
  '{"pagi late +15 WFO 07:45:00","sore ? -"}', 'in: inside goes before earlier');
select is(t.day('2031-03-03', t.c(1, '7:00', '31:uncertain'), t.c(2, '7:45', '31')),
  '{"pagi on_time WFO 07:00:00","sore ? -"}', 'in: uncertain counts as inside');
select is(t.day('2031-03-03', t.c(1, '16:05', '31'), t.c(2, '18:00', '31:outside')),
  '{"pagi ? -","sore on_time WFO 16:05:00"}', 'out: inside goes before later');
select is(t.day('2031-03-03', t.c(1, '7:00', '31:outside'), t.c(2, '7:10')),
  '{"pagi on_time - 07:00:00","sore ? -"}', 'all outside: the earliest stays, without place class');
select is(t.day('2031-03-03', t.c(1, '5:00', '31'), t.c(2, '12:00'), t.c(3, '21:00')),
  '{"pagi ? -","sore ? -","- outside_window WFO 05:00:00"}', 'outside every window: one row, the earliest');
select is((select others from hadir.derive(1, '2031-03-03', '2031-03-03', '{101}') where verdict = 'outside_window'), 2, 'that says how many more');
select results_eq($$ select first_in, last_out, sessions, attended, outside_window from hadir.derive_day(1, '2031-03-03', '2031-03-03', '{101}') $$,
  $$ values (null::timestamptz, null::timestamptz, 2, 0, 3) $$, 'and the day in sum');

-- ---- place
create function t.place(p_place text, p_anywhere boolean, variadic p_fences text[]) returns text language plpgsql as $$
begin
  update hadir.plan_pattern set place = p_place, anywhere = p_anywhere where id = 4003;
  perform t.day('2031-03-03', t.c(1, '7:00', variadic p_fences));
  return (select concat_ws(' ', coalesce(d.place, '-'), coalesce(d.fence, 0), d.relation, array_to_string(d.flags, ','))
          from hadir.derive(1, '2031-03-03', '2031-03-03', '{101}') d where d.session_code = 'pagi');
end $$;
select is(rtrim(t.place(p, a, variadic f::text[])), expected, description) from (values
  ('WFO', false, '{31}', 'WFO 31 inside', 'inside a bound office: WFO'),
  ('WFO', false, '{32}', 'DL 32 inside', 'inside a bound site: DL'),
  ('WFO', false, '{31:uncertain}', 'WFO 31 uncertain uncertain_place', 'uncertain counts, flagged'),
  ('WFO', false, '{31:uncertain,32}', 'DL 32 inside', 'inside beats uncertain'),
  ('WFO', false, '{34,31}', 'WFO 31 inside', 'bound before shared'),
  ('WFO', false, '{34,31:outside}', 'WFO 34 inside', 'a shared office that holds the point'),
  ('WFO', false, '{35,31:outside}', '- 31 outside', 'an area never sets a place'),
  ('WFO', false, '{33}', '- 0 none', 'home does not count when it is not expected'),
  ('WFH', false, '{33,31:outside}', 'WFH 33 inside', 'home counts when the plan says so'),
  ('WFH', false, '{31:outside,33:outside}', '- 31 outside', 'neither: nothing, the plan''s first fence is told'),
  ('WFA', true, '{31:outside}', 'WFA 31 outside', 'anywhere: the plan''s own class'),
  ('WFA', true, '{33}', 'WFH 33 inside', 'anywhere, but at home'),
  ('WFA', true, '{}', 'WFA 0 none', 'anywhere, no fence asked')
) v(p, a, f, expected, description);
update hadir.plan_pattern set place = 'WFO', anywhere = false where id = 4003;

-- ---- flags: the door's are facts, those that follow from the plan are derived again
select t.day('2031-03-03', t.c(1, '7:00', '31') || '{"flags":["mock","device_clock","uncertain_place","session_differs"],"session_claimed":"sore"}');
select is((select flags from hadir.derive(1, '2031-03-03', '2031-03-03', '{101}') where session_code = 'pagi'),
  '{mock,session_differs}', 'mock stays, device_clock goes, the wrong session is seen');

-- ---- a night shift: its acceptance lies in the next day, whose own sessions it must not disturb
select t.pattern(4100, '2031-03-05', 'WFO', false, '{31}', null), t.session(4100, 1, 'malam', 'in', '2031-03-05', '21:00', '21:00', '22:00', '22:01', '24:00'),
       t.session(4100, 2, 'fajar', 'out', '2031-03-05', '29:00', '30:00', '30:00', '32:00', '32:00');
select t.pattern(4101, '2031-03-06', 'WFO', false, '{31}', null);
update hadir.plan_slot set pattern = 4100 where pair = 101 and day = '2031-03-05';
update hadir.plan_slot set pattern = 4101 where pair = 101 and day = '2031-03-06';
select is(t.day('2031-03-05', t.c(1, '69:30', '31'), t.c(2, '78:10', '31')),
  '{"malam on_time WFO 21:30:00","fajar on_time WFO 06:10:00"}', 'both ends belong to the day on which the shift began');
select is(t.line(101, '2031-03-06'), '{"- not_expected -"}', 'the next day does not see them');

-- ---- delivered long after: the arrival's day has its plan, the fix its place in the past
select t.pattern(4120, '2031-03-20', 'WFO', false, '{31}', null);
insert into hadir.plan_member values (101, '2031-03-20', '2031-03-20', 11, 101);
insert into hadir.plan_slot values ('2031-03-20', 101, 4120, 1);
select is(t.day('2031-03-04', t.row(1, 101, t.at('2031-03-04', '7:10'),
    jsonb_build_object('channel', 'osmand', 'sent_at', null, 'received_at', t.at('2031-03-20', '9:00')))),
  '{"pagi on_time - 07:10:00","sore ? -"}', 'a fix delivered 16 days later counts on the day it was made');
select is(t.line(101, '2031-03-20'), '{"- not_expected -"}', 'and not on the day it arrived');
select is(t.line(101, '2031-03-04', t.at('2031-03-19', '9:00')), '{"pagi ? -","sore ? -"}', 'as of the day before it was not known');
update hadir.checkin set status = 'rejected';
select is(t.line(101, '2031-03-04'), '{"pagi ? -","sore ? -"}', 'a rejected check-in counts for nothing');
select is(t.line(101, '2031-04-01'), null, 'no plan, no row');

-- ---- shuffled order, other batches, through two spools with repeats: the same rows
create temp table town as
select row_number() over () as n, p, t.at('2031-03-03', '6:50') + (random() * 660 * 60)::int * interval '1 second' as at,
  (array['inside', 'outside', 'uncertain'])[1 + floor(random() * 3)::int] as relation
from unnest(array[101, 102, 103, 201, 202]) p, generate_series(1, 12);
create function t.town(p_order text, p_batch int) returns text language plpgsql as $$
declare
  r jsonb[];
begin
  delete from hadir.checkin; delete from hadir.checkin_ack; delete from hadir.placement; delete from hadir.checkin_key; delete from hadir.checkin_position;
  for r in
    select array_agg(t.row(x.n, x.p, x.at, jsonb_build_object('placements', jsonb_build_array(t.in_fence(31, x.relation)))) order by x.i)
    from (select w.*, row_number() over (order by case p_order when 'up' then n when 'down' then -n else hashint8(n * 7919) end) as i from town w) x
    group by x.i / p_batch order by x.i / p_batch
  loop
    perform t.store('00000000-0000-0000-0000-00000000000a', variadic r);
    perform t.store('00000000-0000-0000-0000-00000000000b', variadic (select array_agg(e || jsonb_build_object(
      'seq', (e ->> 'seq')::int + 1000, 'id', md5('again' || (e ->> 'seq'))::uuid)) from unnest(r) e));
  end loop;
  return (select md5(string_agg(d::text, e'\n' order by d.person, d.day, d.position)) from hadir.derive(1, '2031-03-02', '2031-03-04') d);
end $$;
select is(t.town('up', 7), t.town('down', 1), 'another order of ingest gives the same attendance');
select is(t.town('up', 60), t.town('mixed', 3), 'and another');
select is((select count(*) from hadir.checkin_ack where seq > 1000), 60::bigint, 'repeats by the second spool were acknowledged only');
select is((select md5(string_agg(d::text, e'\n' order by d.person, d.day, d.position)) from hadir.derive(1, '2031-03-02', '2031-03-04', '{101,102,103,201,202,299}') d),
  t.town('up', 9), 'person by person or all at once');
select is((select count(*) from hadir.derive(1, '2031-03-03', '2031-03-03') d where d.session is not null), 12::bigint, 'one row per person and session');
select set_eq($$ select j::text from hadir.judge(1, '2031-03-02', '2031-03-04') j $$,
  $$ select j::text from hadir.judge(1, '2031-03-02', '2031-03-04', '{101,102,103,201,202,299}') j $$, 'each check-in too');

select ok((select count(*) between 1 and 59 from hadir.checkin where first_inside is not null), 'of some the door noted that they were inside');
create temp table noted as select md5(string_agg(d::text, e'\n' order by d.person, d.day, d.position)) from hadir.derive(1, '2031-03-02', '2031-03-04') d;
update hadir.checkin set first_inside = null;
select is((select md5(string_agg(d::text, e'\n' order by d.person, d.day, d.position)) from hadir.derive(1, '2031-03-02', '2031-03-04') d),
  (select md5 from noted), 'the placements alone say the same');

-- ---- somebody's day is planned by another government than the one that took his check-ins
select t.pattern(4130, '2031-03-03', 'WFO', false, '{31}', null);
select t.session(4130, 1, 'pagi', 'in', '2031-03-03', '6:00', '6:00', '7:30', '7:31', '20:00');
update hadir.plan_pattern set government = 2 where id = 4130;
update hadir.plan_session set government = 2 where pattern = 4130;
update hadir.plan_slot set pattern = 4130 where pair = 101 and day = '2031-03-03';
select is((select count(*) from hadir.checkin where person = 101), 12::bigint, 'he came that day');
select is((select count(*) from hadir.judge(1, '2031-03-03', '2031-03-03') where person = 101), 0::bigint, 'his check-ins are not judged by it');
select is((select count(*) from hadir.judge(1, '2031-03-03', '2031-03-03', '{101,102}') where person = 101), 0::bigint, 'nor by name');
select is((select count(*) from hadir.derive(1, '2031-03-03', '2031-03-03') where person = 101), 0::bigint, 'nor attendance of this government');

select * from finish();
rollback;
