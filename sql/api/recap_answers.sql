-- A person's days and what they count for: for himself, his superiors, the console; notices of discipline. Units are for reports.

-- The last day that is over: before it closes, what is missing may still come.
create or replace function hadir.counted_to(p_government bigint, p_from date, p_to date, p_now timestamptz) returns date
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select d::date
  from hadir.local_day(p_government, p_now) t(today)
  -- A day closes at most two days after its end.
  cross join generate_series(least(p_to, t.today)::timestamp, greatest(p_from, least(p_to, t.today) - 7)::timestamp, interval '-1 day') d
  where coalesce(hadir.day_closes(p_government, d::date) <= p_now, d::date < t.today)
  order by d desc limit 1
$$;
comment on function hadir.counted_to(bigint, date, date, timestamptz) is
  'The last local day from p_from to p_to that has closed at p_now; null: none. Called by api functions.';


-- Who belonged to a unit or below it at any time from p_from to p_to.
create or replace function hadir.unit_people(p_unit bigint, p_from date, p_to date)
returns table (persons bigint[], units bigint[])
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array(select distinct o.person from hadir.posting o
               where o.unit = any (k.units) and o.kind = 'main' and o.valid_from <= p_to and (o.valid_to is null or o.valid_to >= p_from)),
    k.units
  from (select array(select c.descendant from hadir.unit_closure c where c.ancestor = p_unit) as units) k
$$;
comment on function hadir.unit_people(bigint, date, date) is
  'The people of a unit''s subtree between two days, and the units of the subtree. Called by api functions.';

-- The unit of that code, if the actor may ask about it; null otherwise: unknown and invisible are the same.
create or replace function hadir.unit_to_ask(p_code text, p_now timestamptz) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select u.id from hadir.unit u where u.code = p_code and hadir.reads_unit(u.id, p_now)
$$;
comment on function hadir.unit_to_ask(text, timestamptz) is
  'A unit''s id by its code when the actor (or console) may ask about it. Called by api functions.';

-- Form of a question: p_members as in body_problems, all text, as an address has them; "month" is a month,
-- "closed" may always be there: ya or tidak.
create or replace function hadir.question_problems(p_body jsonb, p_members jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select hadir.body_problems(p_body, p_members || '{"closed": "text"}')
    || hadir.problem_if(hadir.body_text(p_body, 'closed') is not null and hadir.try_boolean(hadir.body_text(p_body, 'closed')) is null,
                        'closed', hadir.say('harus ya atau tidak', 'must be yes or no'))
    || hadir.problem_if(p_members ? 'month' and hadir.body_text(p_body, 'month') is not null
                        and hadir.try_date(hadir.body_text(p_body, 'month') || '-01') is null, 'month',
                        hadir.say('bulan harus berbentuk TTTT-BB', 'must be a month, YYYY-MM'))
$$;

revoke all on function hadir.counted_to(bigint, date, date, timestamptz),
  hadir.unit_people(bigint, date, date), hadir.unit_to_ask(text, timestamptz),
  hadir.question_problems(jsonb, jsonb) from public;
grant execute on function hadir.try_boolean(text) to hadir_reader;
grant execute on function hadir.counted_to(bigint, date, date, timestamptz),
  hadir.unit_people(bigint, date, date), hadir.unit_to_ask(text, timestamptz),
  hadir.question_problems(jsonb, jsonb)
  to hadir_reader, hadir_writer;

set role hadir_reader;

create or replace function api.recap_days(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems constant jsonb := hadir.question_problems(p_body, '{"nip": "text!", "month": "text!"}');
  v_closed   constant boolean := coalesce(hadir.try_boolean(p_body ->> 'closed'), false);
  v_person   hadir.person;
  v_first    date;
  v_from     date;
  v_to       date;
begin
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select p.* into v_person from hadir.person p where p.nip = p_body ->> 'nip' and (p.id = hadir.actor_person()
    or hadir.reads_unit(hadir.main_unit(p.id, hadir.local_day(p.government, p_now)), p_now));
  if v_person.id is null then
    return hadir.refusal(404, 'not_found', hadir.problem_if(true, 'nip', hadir.say('NIP tidak dikenal', 'the NIP is unknown')));
  end if;
  v_first := hadir.try_date((p_body ->> 'month') || '-01');
  v_from := greatest(v_first, hadir.service_began(v_person.government));
  v_to := hadir.counted_to(v_person.government, v_from, (v_first + interval '1 month')::date - 1, p_now);
  return jsonb_build_object('status', 200, 'nip', v_person.nip, 'name', v_person.name, 'month', p_body ->> 'month',
    'from', v_from, 'to', v_to, 'days', coalesce((
      select jsonb_agg(jsonb_build_object('day', d.day, 'unit', u.code, 'present', d.present, 'absent', d.absent,
               'places', to_jsonb(d.places), 'late_minutes', d.late_minutes, 'early_minutes', d.early_minutes,
               'counted', d.counted, 'percent', trim_scale(round(d.percent, 4)), 'evidence_missing', coalesce(e.missing, '[]'),
               'outside_window', d.outside_window, 'doubts', d.doubts, 'work_minutes', d.work_minutes)
               order by d.day)
      from hadir.recap_days(v_person.government, v_from, v_to, array[v_person.id], v_closed) d
      left join hadir.evidence_gaps(v_person.government, v_from, v_to, array[v_person.id], v_closed) e on e.day = d.day
      left join hadir.unit u on u.id = d.unit), '[]'));
end
$$;
comment on function api.recap_days(jsonb, timestamptz) is
  'p_body: nip, month (YYYY-MM), closed (ya: as frozen; default: as derived now). The working days behind a person''s recap, and what was counted with which '
  'code and percent. For himself, his superiors, operators and BKPSDM. Called by hadir_query with hadir.actor set, and hadir_admin.';
revoke all on function api.recap_days(jsonb, timestamptz) from public;
grant execute on function api.recap_days(jsonb, timestamptz) to hadir_query, hadir_admin;

reset role;
set role hadir_writer;

create or replace function api.discipline_notice(p_government bigint, p_day date, p_now timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_persons bigint[];
  v_count   bigint;
begin
  -- Nobody else can have reached a step by this day.
  select array_agg(d.person) into v_persons
  from hadir.recap_days(p_government, p_day, p_day, null, true) d
  where d.absent or d.late_minutes + d.early_minutes > 0;
  insert into hadir.notice (government, person, unit, year, consecutive, from_days, level, sanction, basis, days, reached_on, found_at)
  select p_government, s.person, coalesce(hadir.main_unit(s.person, hadir.local_day(p_government, p_now)), s.unit),
    extract(year from s.reached_on), s.consecutive, s.from_days, s.level, s.sanction, s.basis, s.days, s.reached_on, p_now
  from hadir.discipline_steps(p_government, (
         select max(v.day) from hadir.attendance_version v
         where v.government = p_government and v.day < (date_trunc('year', p_day::timestamp) + interval '1 year')::date),
       v_persons, true) s
  where v_persons is not null
  on conflict (person, year, consecutive, from_days) do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function api.discipline_notice(bigint, date, timestamptz) is
  'After p_day was frozen: keeps a notice for each step of discipline that somebody whom that day counts against has reached '
  'this year, once; in the unit where he is at p_now, whose head it is for. Returns how many are new. Called by hadir_nightly.';
revoke all on function api.discipline_notice(bigint, date, timestamptz) from public;
grant execute on function api.discipline_notice(bigint, date, timestamptz) to hadir_nightly;

reset role;
