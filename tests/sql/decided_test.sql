-- What superiors decided, in the attendance: absences of sessions and days, corrections, outages; and a circular that does
-- not let uncertain points count.
begin;
\ir derive_fixture.psql
select plan(55);

create function t.day(variadic p_rows jsonb[]) returns text[] language plpgsql as $$
begin
  delete from hadir.checkin; delete from hadir.placement; delete from hadir.checkin_key; delete from hadir.checkin_position;
  perform t.store('00000000-0000-0000-0000-00000000000a', variadic p_rows);
  return t.line(101, '2031-03-03');
end $$;
create function t.c(p_seq int, p_time interval, p_relation text) returns jsonb language sql as $$
  select t.row(p_seq, 101, t.at('2031-03-03', p_time), jsonb_build_object('placements', jsonb_build_array(t.in_fence(31, p_relation))))
$$;
create function t.nothing() returns text[] language plpgsql as $$
begin
  delete from hadir.checkin;
  return t.line(101, '2031-03-03');
end $$;
-- Of the morning: flags, decided_by, whether a check-in counts, others, excuse, corrected.
create function t.more() returns text language sql as $$
  select concat_ws(' ', d.flags, coalesce(d.decided_by, '-'), d.checkin is not null, d.others, coalesce(d.excuse, '-'), d.corrected)
  from hadir.derive(1, '2031-03-03', '2031-03-03', '{101}') d where d.session_code = 'pagi'
$$;
insert into hadir.absence_code (government, code, name) values (1, 'I', 'Izin'), (1, 'CT', 'Cuti tahunan');

-- ---- an absence of a session
update hadir.plan_pattern set excuse = 'I:pagi', excused = '{pagi}' where id = 4003;
select is(t.line(101, '2031-03-03'), '{"pagi excused -","sore ? -"}', 'a session that an absence covers is excused');
select is(t.more(), '{} - f 0 I f', 'and says by which code');
select is(t.day(t.c(1, '7:45', 'inside')), '{"pagi excused WFO 07:45:00","sore ? -"}', 'who comes late nevertheless is excused');
select is(t.day(t.c(1, '7:00', 'inside')), '{"pagi on_time WFO 07:00:00","sore ? -"}', 'who comes in time was there');
select is((select array_agg(d.late_minutes order by d.position) from hadir.derive(1, '2031-03-03', '2031-03-03', '{101}') d), '{0,null}'::int[], 'without minutes');

-- ---- and what a supervisor is told
delete from hadir.checkin;
insert into hadir.ingest_mark values ('00000000-0000-0000-0000-00000000000a', 5, 'infinity', now());
update hadir.plan_slot set pattern = 4005 where pair = 103 and day = '2031-03-03';
insert into hadir.plan_pattern (id, digest, government, day, starts_at, ends_at, place, anywhere, accuracy_cap_m, decides, sessions,
                                fences, reason, hours, calendar, excuse) overriding system value
  values (4200, sha256('4200'), 1, '2031-03-03', t.at('2031-03-03', '0'), t.at('2031-03-03', '24:00'), null, false, 100,
          '{fix,fix,fix,message}', '[]', '{}', 'Cuti tahunan', '{}', '{}', 'CT');
update hadir.plan_slot set pattern = 4200 where pair = 103 and day = '2031-03-03';
create function t.told(p_person bigint) returns text[] language sql as $$
  select array_agg(concat_ws(' ', coalesce(p.session_code, '-'), p.state, p.reason))
  from api.presence('A', '2031-03-03', t.at('2031-03-03', '9:00')) p where p.nip like '%' || p_person
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true) \g /dev/null
select is((t.told(101))[1], 'pagi excused I Izin', 'presence: the session is excused, by code and name');
select is(t.told(103), '{"- excused CT Cuti tahunan"}', 'presence: a whole day is');
reset session authorization;
select is(t.line(103, '2031-03-03'), '{"- not_expected -"}', 'a whole day''s absence leaves nothing to attend');
select is((select d.excuse from hadir.derive(1, '2031-03-03', '2031-03-03', '{103}') d), 'CT', 'and derivation says why');
update hadir.plan_pattern set excuse = null, excused = '{}' where id = 4003;

-- ---- uncertain points
select is(t.day(t.c(1, '7:00', 'uncertain'), t.c(2, '7:45', 'inside')), '{"pagi on_time WFO 07:00:00","sore ? -"}', 'an uncertain point counts as inside');
update hadir.plan_pattern set uncertain_counts = false;
select is(t.line(101, '2031-03-03'), '{"pagi late +15 WFO 07:45:00","sore ? -"}', 'unless the circular says otherwise');
select is(t.day(t.c(1, '7:00', 'uncertain')), '{"pagi on_time - 07:00:00","sore ? -"}', 'then it says no place');
select is((select relation || ' ' || flags::text from hadir.derive(1, '2031-03-03', '2031-03-03', '{101}') where session_code = 'pagi'),
  'uncertain {uncertain_place}', 'and is flagged all the same');
select is((select expected from hadir.judge(1, '2031-03-03', '2031-03-03')), false, 'judged by itself: not where it is expected');
update hadir.plan_pattern set uncertain_counts = true;

-- ---- corrections
delete from hadir.checkin;
create function t.correct(p_id bigint, p_kind text, p_time interval, p_place text, p_session text default 'pagi') returns void language sql as $$
  delete from hadir.correction where id = p_id;
  insert into hadir.correction (id, government, person, day, session, kind, claimed_at, place, status, counts, asked_at) overriding system value
  values (p_id, 1, 101, '2031-03-03', p_session, p_kind, t.at('2031-03-03', p_time), p_place, 'approved', true, t.at('2031-03-04', '8:00'))
$$;
create function t.after(p_status text) returns text[] language plpgsql as $$
begin
  update hadir.correction c set status = p_status, counts = p_status = 'confirmed' or p_status = 'approved' and not g.confirms_corrections
  from hadir.government g where g.id = c.government;
  return t.line(101, '2031-03-03');
end $$;
select t.correct(1, 'forgotten', '7:20', null) \g /dev/null
select is(t.after('requested'), '{"pagi ? -","sore ? -"}', 'a request changes nothing');
select is(t.after('approved'), '{"pagi on_time WFO 07:20:00","sore ? -"}', 'approved: as a check-in where he was expected');
select is(t.more(), '{corrected} correction f 0 - t', 'and visibly no check-in');
select is(t.after('rejected'), '{"pagi ? -","sore ? -"}', 'rejected: nothing');
select is(t.after('revoked'), '{"pagi ? -","sore ? -"}', 'taken back: nothing');
update hadir.government set confirms_corrections = true where id = 1;
select is(t.after('approved'), '{"pagi ? -","sore ? -"}', 'where BKPSDM confirms, approval is not enough');
select is(t.after('confirmed'), '{"pagi on_time WFO 07:20:00","sore ? -"}', 'confirmation is');
update hadir.government set confirms_corrections = false where id = 1;
select is(t.after('confirmed'), '{"pagi on_time WFO 07:20:00","sore ? -"}', 'also where it was not needed');
select is(t.line(102, '2031-03-03'), '{"pagi ? -","sore ? -"}', 'nobody else has it');
select is(t.day(t.c(1, '7:45', 'inside')), '{"pagi on_time WFO 07:20:00","sore ? -"}', 'it goes before a later check-in');
select is(t.more(), '{corrected} correction f 1 - t', 'which is counted among the others');
select is(t.day(t.c(1, '7:10', 'inside')), '{"pagi on_time WFO 07:10:00","sore ? -"}', 'not before an earlier one');
select is(t.day(t.c(1, '7:10', 'outside')), '{"pagi on_time WFO 07:20:00","sore ? -"}', 'but before an earlier one outside');
select t.correct(1, 'device', '16:30', null, 'sore') \g /dev/null
select is(t.day(t.c(1, '16:10', 'inside')), '{"pagi ? -","sore on_time WFO 16:30:00"}', 'out: the later one');
select is(t.day(t.c(1, '17:10', 'inside')), '{"pagi ? -","sore on_time WFO 17:10:00"}', 'whichever that is');
select t.correct(1, 'forgotten', '7:40', 'DL') \g /dev/null
select is(t.nothing(), '{"pagi late +10 DL 07:40:00","sore ? -"}', 'it is judged as any other, at the place it names');
select t.correct(1, 'wrong_place', null, 'WFH') \g /dev/null
select is(t.nothing(), '{"pagi ? -","sore ? -"}', 'a wrong place without check-in is nothing');
select is(t.day(t.c(1, '7:10', 'outside')), '{"pagi on_time WFH 07:10:00","sore ? -"}', 'with one it counts as there');
select is(t.more(), '{corrected} fix t 0 - t', 'flagged');
select is((select md5(string_agg(d::text, e'\n' order by d.person, d.position)) from hadir.derive(1, '2031-03-03', '2031-03-03') d),
  (select md5(string_agg(d::text, e'\n' order by d.person, d.position)) from hadir.derive(1, '2031-03-03', '2031-03-03', '{101,102,103,201,202,299}') d),
  'person by person or all at once');
delete from hadir.correction;

-- ---- outages
create function t.outage(p_unit bigint, p_from interval, p_to interval, p_status text default 'approved') returns text[] language plpgsql as $$
begin
  delete from hadir.outage;
  insert into hadir.outage (government, unit, starts_at, ends_at, note, status, asked_at)
  values (1, p_unit, t.at('2031-03-03', p_from), t.at('2031-03-03', p_to), 'gangguan', p_status, t.at('2031-03-03', '12:00'));
  return t.line(101, '2031-03-03');
end $$;
select t.day(t.c(1, '7:45', 'inside')) \g /dev/null
select is(t.outage(10, '7:00', '7:40', 'requested'), '{"pagi late +15 WFO 07:45:00","sore ? -"}', 'an outage that nobody approved is none');
select is(t.outage(10, '7:00', '7:40'), '{"pagi on_time WFO 07:45:00","sore ? -"}', 'late while the service was away: on time');
select is(t.more(), '{outage} fix t 0 - f', 'flagged');
select is(t.outage(13, '7:00', '7:40'), '{"pagi late +15 WFO 07:45:00","sore ? -"}', 'another unit''s outage is not his');
select is(t.outage(11, '7:31', '9:00'), '{"pagi late +15 WFO 07:45:00","sore ? -"}', 'one that began when the time was over does not help');
select is(t.outage(11, '7:30:59', '9:00'), '{"pagi on_time WFO 07:45:00","sore ? -"}', 'a second before it does');
select is(t.outage(11, '15:00', '16:00:01'), '{"pagi late +15 WFO 07:45:00","sore on_time WFO"}', 'who is missing is on time where expected');
select t.day(t.c(1, '15:30', 'inside')) \g /dev/null
select is(t.line(101, '2031-03-03'), '{"pagi ? -","sore on_time WFO 15:30:00"}', 'who left early, too');
select t.day(t.c(1, '16:30', 'inside')) \g /dev/null
select is((select flags from hadir.derive(1, '2031-03-03', '2031-03-03', '{101}') where session_code = 'sore'), '{}', 'whom it did not touch has no flag');
update hadir.plan_pattern set excuse = 'I:pagi', excused = '{pagi}' where id = 4003;
select is(t.outage(11, '7:00', '7:40'), '{"pagi excused -","sore on_time WFO 16:30:00"}', 'who was excused stays excused');
select is(t.more(), '{} - f 0 I f', 'without a flag');


-- ---- the day in one row
update hadir.plan_pattern set excuse = null, excused = '{}' where id = 4003;
delete from hadir.outage;
create function t.sum(p_columns text) returns text language plpgsql as $$
declare
  v text;
begin
  execute format('select concat_ws('' '', %s) from hadir.derive_day(1, ''2031-03-03'', ''2031-03-03'', ''{101}'') d', p_columns) into v;
  return v;
end $$;
select t.nothing() \g /dev/null
select is(t.sum('sessions, attended, unexcused, excuse'), '2 0 t', 'all sessions missing: unexcused');
update hadir.plan_pattern set excuse = 'I:pagi', excused = '{pagi}' where id = 4003;
select is(t.sum('sessions, attended, unexcused, excuse'), '2 0 f', 'not if one is excused');
update hadir.plan_pattern set excuse = null, excused = '{}' where id = 4003;
select t.correct(2, 'forgotten', '7:20', null) \g /dev/null
select is(t.sum('sessions, attended, unexcused, to_char(first_in, ''HH24:MI''), session_places'), '2 1 f 23:20 {"pagi": "WFO"}',
  'a correction is attendance');
delete from hadir.correction;
select is((select excuse || ' ' || unexcused from hadir.derive_day(1, '2031-03-03', '2031-03-03', '{103}')), 'CT false', 'a whole day''s absence');
select t.day(t.c(1, '7:00', 'inside'), t.c(2, '12:00', 'outside') || jsonb_build_object('placements', jsonb_build_array(t.in_fence(32)))) \g /dev/null
update hadir.plan_pattern set evidence = '[{"kind":"location","times":3},{"kind":"fence","times":1},{"kind":"session","session":"sore","times":1},{"kind":"work_report","times":1}]'
where id = 4003;
select is(t.sum('evidence_missing'),
  '[{"have": 2, "kind": "location", "times": 3}, {"have": 0, "kind": "session", "times": 1, "session": "sore"}, {"have": 0, "kind": "work_report", "times": 1}]',
  'evidence: what is not there, and how much is');
insert into hadir.work_report (government, person, day, kind, text, sent_at) values (1, 101, '2031-03-03', 'work_report', 'Laporan', t.at('2031-03-03', '17:00'));
select t.day(t.c(1, '7:00', 'inside'), t.c(2, '12:00', 'outside'), t.c(3, '16:10', 'inside')) \g /dev/null
select is(t.sum('evidence_missing'), '[]', 'complete');
select t.day(t.c(1, '7:00', 'outside'), t.c(2, '12:00', 'outside'), t.c(3, '16:10', 'outside')) \g /dev/null
select is(t.sum('evidence_missing'), '[{"have": 0, "kind": "fence", "times": 1}]', 'outside is no fence');
update hadir.plan_pattern set place = 'WFH' where id = 4003;
select t.day(t.c(1, '7:00', 'outside') || jsonb_build_object('placements', jsonb_build_array(t.in_fence(33))), t.c(2, '12:00', 'outside'), t.c(3, '16:10', 'outside')) \g /dev/null
select is(t.sum('evidence_missing'), '[]', 'one''s home is one on a day at home');
update hadir.plan_pattern set place = 'WFO' where id = 4003;
insert into hadir.doubt values (md5('id2')::uuid, 'mock', ''), (md5('id1')::uuid, 'same_point', '');
select is(t.sum('doubts'), '{mock,same_point}', 'doubts of all check-ins of the day');
select is((select count(*) from hadir.derive_day(1, '2031-03-03', '2031-03-03')), 6::bigint, 'a row for everybody');

select * from finish();
rollback;
