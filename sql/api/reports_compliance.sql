-- Compliance with the circulars: what they count in each unit and day and how it stands, and the same with names. Shapes and refusals
-- as in reports.sql.
--
-- have, limit, base and met are of what rules, letters and absences say (hadir.circular_counts), as it stands now, for a closed period,
-- too: what is frozen does not tell which letter was in force. attended and evidence are of attendance, now or as frozen. A week is
-- judged when it is over: in the period in which its Sunday lies, whole.
--
--   bound               people whom the circular binds: have work that day, base all of them
--   max_elsewhere …     the shares of policy_quota: have people (hadir.circular_counts), attended: who came to such a place
--   min_office_days …   a person's week: have days. By unit: have people who do not keep it, of base; day is the week's Monday
--   not_eligible, place_not_granted   who is sent where no circular lets him be, by day
--   evidence            who was there and lacks evidence that the circular wants (have, of base from whom it is wanted)
--   late_letter         days that a letter ordered and that were over before it was confirmed (have, of base that it ordered); of
--                       letters that are in force, or still wait
--   recall              who was called to the office; attended: who came

create or replace function hadir.compliance_counts(p_government bigint, p_from date, p_to date, p_units bigint[])
returns table (policy bigint, measure text, unit bigint, day date, week date, person bigint, have int, "limit" int, base int,
  people bigint[], base_of text, met boolean)
language sql stable rows 100000 set search_path = pg_catalog, pg_temp
as $$
  select c.policy, c.measure, c.unit, c.day, c.week, c.person, c.have, c."limit", c.base, c.people, c.base_of, c.met
  from generate_series(date_trunc('week', p_from::timestamp), p_to::timestamp, interval '7 days') w
  -- Whole governments at once are too many people times days.
  cross join (select array_agg(u) as units from unnest(p_units) with ordinality e (u, turn) group by (turn - 1) / 100) k
  cross join lateral hadir.circular_counts(p_government, w::date, least(w::date + 6, p_to), k.units, null, true) c
  where c.day >= p_from or c.week + 6 between p_from and p_to
$$;
comment on function hadir.compliance_counts(bigint, date, date, bigint[]) is
  'hadir.circular_counts of everything, for the days p_from … p_to and the weeks that end in them. Called by reports of compliance.';

-- Who was there, and by which circular. p_from: a Monday.
create or replace function hadir.compliance_present(p_government bigint, p_from date, p_to date, p_units bigint[], p_persons bigint[], p_closed boolean)
returns table (person bigint, day date, unit bigint, policy bigint, places text[])
language sql stable rows 100000 set search_path = pg_catalog, pg_temp
as $$
  select d.*
  from (select coalesce(p_persons, array(select o.person from hadir.posting o
          where o.unit = any (p_units) and o.kind = 'main' and o.valid_from <= p_to and (o.valid_to is null or o.valid_to >= p_from))) as persons offset 0) k
  cross join generate_series(p_from::timestamp, p_to::timestamp, interval '7 days') w
  cross join lateral (
    select d.person, d.day, d.unit, coalesce(c.policy, 0), d.places
    from hadir.recap_days(p_government, w::date, least(w::date + 6, p_to), p_persons, p_closed) d
    join hadir.person pe on pe.id = d.person
    left join hadir.policy_days(p_government, w::date, least(w::date + 6, p_to), k.persons) c on c.unit = d.unit and c.category = pe.category
      and c.echelon = pe.echelon and c.day = d.day
    where d.present and d.unit = any (p_units)) d
$$;
comment on function hadir.compliance_present(bigint, date, date, bigint[], bigint[], boolean) is
  'Of p_persons (null: everybody) in p_units, the days on which they were there, the circular that decided their place then (0: none) and '
  'the places. p_closed: as in hadir.recap_sessions. Called by reports of compliance.';

create or replace function hadir.compliance_evidence(p_government bigint, p_from date, p_to date, p_units bigint[], p_persons bigint[], p_closed boolean)
returns table (person bigint, day date, unit bigint, policy bigint, missing jsonb)
language sql stable rows 100000 set search_path = pg_catalog, pg_temp
as $$
  select e.*
  from generate_series(p_from::timestamp, p_to::timestamp, interval '7 days') w
  cross join lateral hadir.evidence_days(p_government, w::date, least(w::date + 6, p_to), p_persons, p_closed) e
  where e.unit = any (p_units)
$$;

-- Letters that were confirmed when days they order were over, and recalls.
create or replace function hadir.compliance_letters(p_government bigint, p_from date, p_to date, p_units bigint[], p_zone text, p_now timestamptz)
returns table (measure text, letter bigint, unit bigint, person bigint, day date, have int, base int, note text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with letter as materialized (
    select l.id, l.kind, l.number, l.dated, min(d.at) at time zone p_zone as confirmed_at
    from hadir.letter l
    left join hadir.decision d on d.subject = 'letter' and d.ref = l.id and d.step = 'confirmed'
    where l.government = p_government and l.status <> 'revoked'
      and exists (select from hadir.assignment a where a.letter = l.id and a.day between p_from and p_to)
    group by l.id, l.kind, l.number, l.dated
  ),
  ordered as (
    select l.id, l.kind, o.unit, a.person, a.day, l.confirmed_at is not null as in_force,
      a.day < coalesce(l.confirmed_at, p_now at time zone p_zone)::date as late,
      format('%s %s (%s), %s', case l.kind when 'assignment' then hadir.say('surat tugas', 'assignment') when 'travel' then hadir.say('perjalanan dinas', 'travel')
          when 'recall' then hadir.say('panggilan', 'recall') else hadir.say('daftar giliran', 'shift list') end, l.number, l.dated,
        coalesce(hadir.say('disahkan ', 'confirmed ') || to_char(l.confirmed_at, 'YYYY-MM-DD HH24:MI'), hadir.say('belum disahkan', 'not confirmed'))) as note
    from letter l
    join hadir.assignment a on a.letter = l.id and a.day between p_from and p_to
    join hadir.posting o on o.person = a.person and o.kind = 'main' and o.unit = any (p_units) and o.valid_from <= a.day
      and (o.valid_to is null or o.valid_to >= a.day)
  )
  select 'late_letter', o.id, o.unit, o.person, min(o.day) filter (where o.late), count(*) filter (where o.late)::int, count(*)::int, o.note
  from ordered o group by o.id, o.unit, o.person, o.note having bool_or(o.late)
  union all
  select 'recall', o.id, o.unit, o.person, o.day, 1, 1, o.note from ordered o where o.kind = 'recall' and o.in_force
$$;
comment on function hadir.compliance_letters(bigint, date, date, bigint[], text, timestamptz) is
  'For each person of p_units whom a letter names on p_from … p_to: late_letter: the first of his days that were over before it was '
  'confirmed (at p_now, if it still waits), how many, of how many; recall: each day. note: the letter in words. Called by reports of compliance.';

create or replace function hadir.compliance_order(p_measure text) returns int
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select array_position('{bound,min_wfo,min_wfh,max_wfh,max_elsewhere,min_office_days,max_elsewhere_days,not_eligible,place_not_granted,evidence,late_letter,recall}',
    p_measure)
$$;

do $$
declare
  f text;
begin
  foreach f in array array['compliance_counts(bigint, date, date, bigint[])', 'compliance_present(bigint, date, date, bigint[], bigint[], boolean)',
    'compliance_evidence(bigint, date, date, bigint[], bigint[], boolean)', 'compliance_letters(bigint, date, date, bigint[], text, timestamptz)',
    'compliance_order(text)'] loop
    execute format('revoke all on function hadir.%s from public', f);
    execute format('grant execute on function hadir.%s to hadir_reader', f);
  end loop;
end
$$;

set role hadir_reader;

create or replace function api.report_compliance_head(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  a record;
begin
  select * into a from hadir.report_period_asked(p_body, p_now, '{}', 62);
  return coalesce(a.refusal, hadir.report_head(a.government, a.zone, a.unit, a.about, a.closed, null, a.as_of, a.complete,
    jsonb_build_object('from', a.first_day, 'to', a.last_day, 'codes', '{}'::jsonb) || case when a.closed then jsonb_build_object('note', hadir.say(
      'Kuota, pekan dan surat menurut aturan dan surat saat laporan dibuat; kehadiran dan bukti sebagaimana ditutup.',
      'Quotas, weeks and letters are by rules and letters of when the report was made; presence and evidence as closed.')) else '{}' end));
end
$$;
comment on function api.report_compliance_head(jsonb, timestamptz) is
  'p_body: as in hadir.report_period_asked, at most 62 days. The head of both reports of compliance, or {"error"}. Called by hadir_query '
  'with hadir.actor set, hadir_admin, hadir_nightly.';

drop function if exists api.report_compliance(jsonb, timestamptz);
create function api.report_compliance(p_body jsonb, p_now timestamptz)
returns table (unit text, unit_name text, day date, weekday text, policy text, title text, measure text, have int, "limit" int, base int,
  base_of text, met boolean, attended int, note text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  a        record;
  v_monday date;
begin
  select * into a from hadir.report_period_asked(p_body, p_now, '{}', 62);
  if a.refusal is not null then
    return;
  end if;
  v_monday := date_trunc('week', a.first_day::timestamp)::date;
  return query
  with counted as materialized (
    select * from hadir.compliance_counts(a.government, a.first_day, a.last_day, a.units)
  ),
  letter as materialized (
    select * from hadir.compliance_letters(a.government, a.first_day, a.last_day, a.units, a.zone, p_now)
  ),
  present as materialized (
    select p.person, p.day, p.unit, p.policy, 'WFO' = any (p.places) as office, 'WFH' = any (p.places) as home, p.places && '{WFH,WFA}' as elsewhere
    from hadir.compliance_present(a.government, v_monday, a.last_day, a.units, a.persons, a.closed) p
    where p.day >= a.first_day
  ),
  there as materialized (
    select p.unit, p.day, p.policy, count(*)::int as bound, count(*) filter (where p.office)::int as wfo,
      count(*) filter (where p.home)::int as wfh, count(*) filter (where p.elsewhere)::int as elsewhere
    from present p
    group by p.unit, p.day, p.policy
  ),
  lacks as materialized (
    select e.unit, e.day, e.policy, e.person, e.missing
    from hadir.compliance_evidence(a.government, a.first_day, a.last_day, a.units, a.persons, a.closed) e
  ),
  kind as (
    select k.unit, k.day, k.policy, string_agg(k.kind || ' ' || k.n, ', ' order by k.kind collate "C") as note
    from (select l.unit, l.day, l.policy, concat_ws(':', m.value ->> 'kind', m.value ->> 'session') as kind, count(*) as n
          from lacks l cross join lateral jsonb_array_elements(l.missing) m
          group by l.unit, l.day, l.policy, 4) k
    group by k.unit, k.day, k.policy
  ),
  line as (
    select c.unit, c.day, c.policy, c.measure, c.have, c."limit", c.base, c.base_of, c.met, null as note,
      case c.measure when 'bound' then coalesce(t.bound, 0) when 'min_wfo' then coalesce(t.wfo, 0) + coalesce(n.wfo, 0)
        when 'max_elsewhere' then coalesce(t.elsewhere, 0) + coalesce(n.elsewhere, 0) else coalesce(t.wfh, 0) + coalesce(n.wfh, 0) end as attended
    from counted c
    left join there t on t.unit = c.unit and t.day = c.day and t.policy = c.policy
    left join there n on n.unit = c.unit and n.day = c.day and n.policy = 0
    where c.person is null
    union all
    select c.unit, coalesce(c.day, c.week), c.policy, c.measure, count(*) filter (where not c.met)::int, 0,
      case when c.week is not null then count(*)::int end, null, bool_and(c.met), null, null
    from counted c where c.person is not null
    group by c.unit, c.day, c.week, c.policy, c.measure
    union all
    select l.unit, l.day, l.policy, 'evidence', count(*) filter (where l.missing <> '[]')::int, 0, count(*)::int, null,
      bool_and(l.missing = '[]'), min(k.note), null
    from lacks l left join kind k on k.unit = l.unit and k.day = l.day and k.policy is not distinct from l.policy
    group by l.unit, l.day, l.policy
    union all
    select l.unit, min(l.day), null, l.measure, sum(l.have)::int, 0, sum(l.base)::int, null, false, l.note, null
    from letter l where l.measure = 'late_letter'
    group by l.unit, l.letter, l.measure, l.note
    union all
    select l.unit, l.day, null, l.measure, count(*)::int, null, null, null, null, l.note, count(*) filter (where p.office)::int
    from letter l left join present p on p.person = l.person and p.day = l.day
    where l.measure = 'recall'
    group by l.unit, l.day, l.letter, l.measure, l.note
  )
  select u.code, u.name, l.day, to_char(l.day, 'dy'), p.number, p.title, l.measure, l.have, l."limit", l.base, l.base_of, l.met, l.attended, l.note
  from line l
  join hadir.unit u on u.id = l.unit
  left join hadir.policy p on p.id = l.policy
  order by u.code collate "C", l.day, p.number collate "C" nulls last, hadir.compliance_order(l.measure), l.note collate "C";
end
$$;
comment on function api.report_compliance(jsonb, timestamptz) is
  'p_body: as in hadir.report_period_asked. A row per unit, day, circular and measure, as the file says; limit null: nothing is bounded. '
  'Units with their own people. No row when the head is a refusal. Called by hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

drop function if exists api.report_compliance_people(jsonb, timestamptz);
create function api.report_compliance_people(p_body jsonb, p_now timestamptz)
returns table (unit text, nip text, name text, week date, day date, policy text, measure text, have int, "limit" int, base int, met boolean,
  attended int, note text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  a        record;
  v_monday date;
begin
  select * into a from hadir.report_period_asked(p_body, p_now, '{}', 62);
  if a.refusal is not null then
    return;
  end if;
  v_monday := date_trunc('week', a.first_day::timestamp)::date;
  return query
  with counted as materialized (
    select c.* from hadir.compliance_counts(a.government, a.first_day, a.last_day, a.units) c where c.person is not null or not c.met
  ),
  there as materialized (
    select p.person, p.day, p.policy, 'WFO' = any (p.places) as office, p.places && '{WFH,WFA}' as elsewhere
    from hadir.compliance_present(a.government, v_monday, a.last_day, a.units, a.persons, a.closed) p
  ),
  spent as (
    select t.person, date_trunc('week', t.day::timestamp)::date as week, t.policy, count(*) filter (where t.office)::int as office,
      count(*) filter (where t.elsewhere)::int as elsewhere
    from there t group by 1, 2, 3
  ),
  line as (
    select c.unit, c.person, c.week, null::date as day, c.policy, c.measure, c.have, c."limit", c.base, c.met, null::text as note,
      case c.measure when 'min_office_days' then coalesce(s.office, 0) + coalesce(n.office, 0)
                     else coalesce(s.elsewhere, 0) + coalesce(n.elsewhere, 0) end as attended
    from counted c
    left join spent s on s.person = c.person and s.week = c.week and s.policy = c.policy
    left join spent n on n.person = c.person and n.week = c.week and n.policy = 0
    where c.week is not null
    union all
    select c.unit, c.person, null, c.day, c.policy, c.measure, c.have, c."limit", c.base, c.met, null, null
    from counted c where c.person is not null and c.day is not null
    union all
    select c.unit, x, null, c.day, c.policy, c.measure, c.have, c."limit", c.base, c.met, null, null
    from counted c cross join lateral unnest(c.people) x where c.person is null
    union all
    select e.unit, e.person, null, e.day, e.policy, 'evidence', null, null, null, false, hadir.evidence_text(e.missing), null
    from hadir.compliance_evidence(a.government, a.first_day, a.last_day, a.units, a.persons, a.closed) e where e.missing <> '[]'
    union all
    select l.unit, l.person, null, l.day, null, l.measure, l.have, case l.measure when 'late_letter' then 0 end, l.base,
      case l.measure when 'late_letter' then false end, l.note,
      case l.measure when 'recall' then coalesce(t.office, false)::int end
    from hadir.compliance_letters(a.government, a.first_day, a.last_day, a.units, a.zone, p_now) l
    left join there t on t.person = l.person and t.day = l.day
  )
  select u.code, pe.nip, pe.name, coalesce(l.week, date_trunc('week', l.day::timestamp)::date), l.day, p.number, l.measure, l.have, l."limit", l.base, l.met,
    l.attended, l.note
  from line l
  join hadir.unit u on u.id = l.unit
  join hadir.person pe on pe.id = l.person
  left join hadir.policy p on p.id = l.policy
  order by u.code collate "C", pe.name collate "C", pe.nip, 4, l.day nulls first, hadir.compliance_order(l.measure), p.number collate "C", l.note collate "C";
end
$$;
comment on function api.report_compliance_people(jsonb, timestamptz) is
  'p_body: as in hadir.report_period_asked. The names behind api.report_compliance: every week that a circular bounds, met or not (attended: '
  'days at the office, or elsewhere, of attendance); who counts in a share that is not met (have, limit, base are the unit''s), who is sent where '
  'he may not be, lacks evidence, was ordered late or recalled. week: its Monday. No row when the head is a refusal. Called by hadir_query '
  'with hadir.actor set, hadir_admin, hadir_nightly.';

revoke all on function
  api.report_compliance_head(jsonb, timestamptz), api.report_compliance(jsonb, timestamptz), api.report_compliance_people(jsonb, timestamptz)
  from public;
grant execute on function
  api.report_compliance_head(jsonb, timestamptz), api.report_compliance(jsonb, timestamptz), api.report_compliance_people(jsonb, timestamptz)
  to hadir_query, hadir_admin, hadir_nightly;

reset role;
