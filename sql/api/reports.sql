-- Reports for BKPSDM, as daemon/report's table names them. Each is two functions: api.report_NAME_head says in JSON what the
-- report is about and which codes its columns spread over, or why there is none; api.report_NAME gives its rows, whose columns
-- are those of the table, in its order. Row security by hadir.actor decides what they find, the console sees everybody.
-- Both take the same object and moment, so that they answer alike inside one snapshot. Numbers of days and classes are
-- those of hadir.recap_days, once, for the day and for the month.

-- ------------------------------------------------------------------------------------------------------- what is asked

-- Whom a report is about: unit (a code; it and what is below it) or, at the console and by night, government (a code).
create or replace function hadir.report_scope(p_body jsonb, p_now timestamptz)
returns table (refusal jsonb, government bigint, zone text, unit bigint, units bigint[], about jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_unit       constant text := hadir.body_text(p_body, 'unit');
  v_government constant text := hadir.body_text(p_body, 'government');
begin
  if (v_unit is null) = (v_government is null) then
    return query select hadir.refusal(422, 'invalid', hadir.problem_if(true, 'unit',
      hadir.say('unit atau government harus diisi, salah satu', 'unit or government must be there, one of them'))),
      null::bigint, null::text, null::bigint, null::bigint[], null::jsonb;
    return;
  elsif v_unit is not null then
    return query
    select null::jsonb, g.id, g.zone, u.id, array(select c.descendant from hadir.unit_closure c where c.ancestor = u.id),
      jsonb_build_object('unit', jsonb_build_object('code', u.code, 'name', u.name), 'government', g.name)
    from hadir.unit u join hadir.government g on g.id = u.government
    where u.code = v_unit and (session_user = 'hadir_nightly' or u.id = hadir.unit_to_ask(v_unit, p_now));
  elsif session_user = any ('{hadir_admin,hadir_nightly}') then
    return query
    select null::jsonb, g.id, g.zone, null::bigint, array(select u.id from hadir.unit u where u.government = g.id),
      jsonb_build_object('government', g.name)
    from hadir.government g where g.code = v_government;
  end if;
  if not found then
    return query select hadir.refusal(404, 'not_found', case when v_unit is not null
        then hadir.problem_if(true, 'unit', hadir.say('unit tidak dikenal, atau bukan wewenang Anda; periksa kodenya',
          'the unit is unknown, or not yours to ask about; check its code'))
        when session_user = any ('{hadir_admin,hadir_nightly}') then hadir.problem_if(true, 'government', hadir.say('pemerintah tidak dikenal; periksa kodenya',
          'the government is unknown; check its code'))
        else hadir.problem_if(true, 'government', hadir.say('hanya dari konsol; sebutkan unit', 'at the console only; name a unit')) end),
      null::bigint, null::text, null::bigint, null::bigint[], null::jsonb;
  end if;
end
$$;
comment on function hadir.report_scope(jsonb, timestamptz) is
  'One row: refusal (null: none), the government and its zone, the unit (null: the whole government), all units the report is '
  'about, and about: their names for the head. Called by hadir.report_day_asked, hadir.report_month_asked.';

create or replace function hadir.report_nothing(p_field text, p_id text, p_en text) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select hadir.refusal(404, 'nothing_to_report', hadir.problem_if(true, p_field, hadir.say(p_id, p_en)))
$$;

create or replace function hadir.report_to_come(p_last text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select format(hadir.say('belum tiba; paling akhir %s', 'is yet to come; %s at the latest'), p_last)
$$;

create or replace function hadir.report_not_closed(p_field text, p_what text) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select hadir.refusal(409, 'not_closed', hadir.problem_if(true, p_field, format(
    hadir.say('%s belum ditutup; tunggu penutupannya, atau minta tanpa closed untuk keadaan sekarang',
              '%s is not closed yet; wait for its closing, or ask without closed for what is known now'), p_what)))
$$;

-- A day's report: whom, which day, as it is known at p_now or as it was frozen.
create or replace function hadir.report_day_asked(p_body jsonb, p_now timestamptz)
returns table (refusal jsonb, government bigint, zone text, unit bigint, units bigint[], about jsonb, day date, closed boolean,
  version int, as_of timestamptz, complete boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems constant jsonb := hadir.question_problems(p_body, '{"unit": "text", "government": "text", "date": "day"}');
  r          record;
  s          record;
begin
  select v_problems as refusal, null::bigint as government, null::text as zone, null::bigint as unit, null::bigint[] as units,
    null::jsonb as about, null::date as day, coalesce(hadir.try_boolean(hadir.body_text(p_body, 'closed')), false) as closed,
    null::int as version, null::timestamptz as as_of, true as complete into r;
  r.refusal := case when v_problems <> '[]' then hadir.refusal(422, 'invalid', v_problems) end;
  if r.refusal is null then
    select * into s from hadir.report_scope(p_body, p_now);
    r.refusal := s.refusal;
    r.government := s.government;
    r.zone := s.zone;
    r.unit := s.unit;
    r.units := s.units;
    r.about := s.about;
  end if;
  if r.refusal is null then
    r.day := coalesce(hadir.try_date(hadir.body_text(p_body, 'date')), hadir.local_day(r.government, p_now));
    if r.day > hadir.local_day(r.government, p_now) then
      r.refusal := hadir.refusal(422, 'invalid', hadir.problem_if(true, 'date', hadir.report_to_come(hadir.local_day(r.government, p_now)::text)));
    elsif coalesce(hadir.service_began(r.government) > r.day, true) then
      r.refusal := hadir.report_nothing('date', 'layanan belum berjalan pada hari itu', 'the service had not begun on that day');
    elsif r.closed then
      select v.version, v.closed_at into r.version, r.as_of
      from hadir.attendance_version v where v.government = r.government and v.day = r.day and v.frozen_at <= hadir.frozen_to()
      order by v.version desc limit 1;
      if r.version is null then
        r.refusal := hadir.report_not_closed('date', r.day::text);
      end if;
    else
      select coalesce(t.recorded_to, p_now), not t.behind into r.as_of, r.complete
      from hadir.government g cross join lateral hadir.recorded_to(p_now, g.spool_patience) t where g.id = r.government;
    end if;
  end if;
  return query select r.refusal, r.government, r.zone, r.unit, r.units, r.about, r.day, r.closed, r.version, r.as_of, r.complete;
end
$$;
comment on function hadir.report_day_asked(jsonb, timestamptz) is
  'p_body: unit or government, date (default: the local today), closed (ya: as frozen). One row; refusal: why there is no report. '
  'as_of: up to when it is right, complete: which is p_now; or the closing and its version. Called by the api functions of daily reports.';

-- A month's: as kept when the month was closed (closed), else the days that are over at p_now.
create or replace function hadir.report_month_asked(p_body jsonb, p_now timestamptz)
returns table (refusal jsonb, government bigint, zone text, unit bigint, units bigint[], persons bigint[], about jsonb, first_day date,
  last_day date, closed boolean, version int, as_of timestamptz, complete boolean, month date, codes jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems constant jsonb := hadir.question_problems(p_body,
    '{"unit": "text", "government": "text", "month": "text!", "nip": "text"}');
  v_nip      constant text := hadir.body_text(p_body, 'nip');
  v_month    date;
  r          record;
  s          record;
begin
  select null::jsonb as refusal, null::bigint as government, null::text as zone, null::bigint as unit, null::bigint[] as units,
    null::bigint[] as persons, null::jsonb as about, null::date as first_day, null::date as last_day,
    coalesce(hadir.try_boolean(hadir.body_text(p_body, 'closed')), false) as closed, null::int as version,
    null::timestamptz as as_of, true as complete, null::jsonb as codes into r;
  r.refusal := case when v_problems <> '[]' then hadir.refusal(422, 'invalid', v_problems) end;
  if r.refusal is null then
    select * into s from hadir.report_scope(p_body, p_now);
    r.refusal := s.refusal;
    r.government := s.government;
    r.zone := s.zone;
    r.unit := s.unit;
    r.units := s.units;
    r.about := s.about;
  end if;
  if r.refusal is null then
    v_month := hadir.try_date(hadir.body_text(p_body, 'month') || '-01');
    r.first_day := greatest(v_month, hadir.service_began(r.government));
    if v_month > hadir.local_day(r.government, p_now) then
      r.refusal := hadir.refusal(422, 'invalid', hadir.problem_if(true, 'month', hadir.report_to_come(to_char(hadir.local_day(r.government, p_now), 'YYYY-MM'))));
    elsif hadir.service_began(r.government) is null or r.first_day >= v_month + interval '1 month' then
      r.refusal := hadir.report_nothing('month', 'layanan belum berjalan pada bulan itu', 'the service had not begun in that month');
    elsif r.closed then
      select m.version, m.closed_at, (v_month + interval '1 month')::date - 1, m.codes into r.version, r.as_of, r.last_day, r.codes
      from hadir.month_version m where m.government = r.government and m.month = v_month and m.closed_at <= hadir.frozen_to()
      order by m.version desc limit 1;
      if r.version is null then
        r.refusal := hadir.report_not_closed('month', to_char(v_month, 'YYYY-MM'));
      end if;
    else
      r.last_day := hadir.counted_to(r.government, r.first_day, (v_month + interval '1 month')::date - 1, p_now);
      select coalesce(t.recorded_to, p_now), not t.behind into r.as_of, r.complete
      from hadir.government g cross join lateral hadir.recorded_to(p_now, g.spool_patience) t where g.id = r.government;
      r.codes := hadir.month_codes(r.government, v_month);
      if r.last_day is null then
        r.refusal := hadir.report_nothing('month', 'belum ada hari yang selesai pada bulan itu', 'no day of that month is over yet');
      end if;
    end if;
  end if;
  if r.refusal is null and (r.unit is not null or v_nip is not null) then
    r.persons := array(
      select distinct o.person from hadir.posting o join hadir.person p on p.id = o.person
      where o.unit = any (r.units) and o.kind = 'main' and o.valid_from <= r.last_day
        and (o.valid_to is null or o.valid_to >= r.first_day) and (v_nip is null or p.nip = v_nip));
    if r.persons = '{}' then
      r.refusal := case when v_nip is null then hadir.report_nothing('unit', 'tidak ada pegawai pada bulan itu', 'nobody belonged to it in that month')
        else hadir.refusal(404, 'not_found', hadir.problem_if(true, 'nip', hadir.say('NIP tidak dikenal di unit ini', 'the NIP is unknown in this unit'))) end;
    end if;
  end if;
  return query select r.refusal, r.government, r.zone, r.unit, r.units, r.persons, r.about, r.first_day, r.last_day, r.closed, r.version,
    r.as_of, r.complete, v_month, r.codes;
end
$$;
comment on function hadir.report_month_asked(jsonb, timestamptz) is
  'p_body: unit or government, month (YYYY-MM), nip (one person of it), closed (ya: as closed by BKPSDM). One row; refusal: why there is '
  'no report. persons: null: everybody. The days from first_day to last_day count; as_of, complete: as in hadir.report_day_asked; codes: as in hadir.month_codes, of a '
  'closed month those of its version. Called by the api functions of monthly reports.';

-- The first day from p_from to p_to that people had a plan for and that was not frozen; null: none.
create or replace function hadir.first_not_frozen(p_government bigint, p_from date, p_to date) returns date
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select d.day
  from (
    select g::date as day from generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') g
    where not exists (select from hadir.attendance_version v
                      where v.government = p_government and v.day = g::date and v.frozen_at <= hadir.frozen_to())
    offset 0) d
  where hadir.day_closes(p_government, d.day) is not null
  order by d.day limit 1
$$;

-- Any other stretch of days: those of it that are over, or all of them as frozen.
create or replace function hadir.report_span(p_body jsonb, p_now timestamptz, p_from date, p_to date, p_from_field text, p_to_field text)
returns table (refusal jsonb, government bigint, zone text, unit bigint, units bigint[], persons bigint[], about jsonb, first_day date,
  last_day date, closed boolean, as_of timestamptz, complete boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_today date;
  v_open  date;
  r       record;
begin
  select s.refusal, s.government, s.zone, s.unit, s.units, null::bigint[] as persons, s.about, null::date as first_day, null::date as last_day,
    coalesce(hadir.try_boolean(hadir.body_text(p_body, 'closed')), false) as closed, null::timestamptz as as_of, true as complete
  into r from hadir.report_scope(p_body, p_now) s;
  if r.refusal is null then
    v_today := hadir.local_day(r.government, p_now);
    p_to := coalesce(p_to, case when r.closed then (
      select max(v.day) from hadir.attendance_version v where v.government = r.government and v.frozen_at <= hadir.frozen_to()) end, v_today);
    p_from := coalesce(p_from, date_trunc('year', p_to::timestamp)::date);
    r.first_day := greatest(p_from, hadir.service_began(r.government));
    if p_from > v_today or p_to > v_today then
      r.refusal := hadir.refusal(422, 'invalid', hadir.problem_if(true, case when p_from > v_today then p_from_field else p_to_field end,
        hadir.report_to_come(v_today::text)));
    elsif hadir.service_began(r.government) is null or r.first_day > p_to then
      r.refusal := hadir.report_nothing(p_to_field, 'layanan belum berjalan pada hari-hari itu', 'the service had not begun on those days');
    elsif r.closed then
      v_open := hadir.first_not_frozen(r.government, r.first_day, p_to);
      if v_open is not null then
        r.refusal := hadir.report_not_closed(p_to_field, v_open::text);
      end if;
      r.last_day := p_to;
      select max(coalesce(v.closed_at, v.frozen_at)) into r.as_of
      from (select distinct on (v.day) v.closed_at, v.frozen_at from hadir.attendance_version v
            where v.government = r.government and v.day between r.first_day and p_to and v.frozen_at <= hadir.frozen_to() order by v.day, v.version desc) v;
    else
      r.last_day := hadir.counted_to(r.government, r.first_day, p_to, p_now);
      select coalesce(t.recorded_to, p_now), not t.behind into r.as_of, r.complete
      from hadir.government g cross join lateral hadir.recorded_to(p_now, g.spool_patience) t where g.id = r.government;
      if r.last_day is null then
        r.refusal := hadir.report_nothing(p_to_field, 'belum ada hari yang selesai', 'no day of it is over yet');
      end if;
    end if;
  end if;
  if r.refusal is null and r.unit is not null then
    r.persons := array(
      select distinct o.person from hadir.posting o
      where o.unit = any (r.units) and o.kind = 'main' and o.valid_from <= r.last_day and (o.valid_to is null or o.valid_to >= r.first_day));
    if r.persons = '{}' then
      r.refusal := hadir.report_nothing('unit', 'tidak ada pegawai pada hari-hari itu', 'nobody belonged to it in that time');
    end if;
  end if;
  return query select r.refusal, r.government, r.zone, r.unit, r.units, r.persons, r.about, r.first_day, r.last_day, r.closed, r.as_of, r.complete;
end
$$;
comment on function hadir.report_span(jsonb, timestamptz, date, date, text, text) is
  'p_body: unit or government, closed, of good form; p_from null: 1 January of p_to, p_to null: the local today, or (closed) the last frozen day; the fields that refusals '
  'name. One row; refusal: why there is no report. persons: null: everybody. The days from first_day to last_day count: those that are '
  'over, or (closed) all, as frozen; as_of: up to when that is right, or the last closing. Called by hadir.report_period_asked and '
  'hadir.report_year_asked.';

-- From one day to another.
create or replace function hadir.report_period_asked(p_body jsonb, p_now timestamptz, p_members jsonb, p_most int)
returns table (refusal jsonb, government bigint, zone text, unit bigint, units bigint[], persons bigint[], about jsonb, first_day date,
  last_day date, closed boolean, as_of timestamptz, complete boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_from     constant date := hadir.try_date(hadir.body_text(p_body, 'from'));
  v_to       constant date := hadir.try_date(hadir.body_text(p_body, 'to'));
  v_problems constant jsonb := hadir.question_problems(p_body, '{"unit": "text", "government": "text", "from": "day!", "to": "day!"}' || p_members)
    || hadir.problem_if(v_to < v_from, 'to', hadir.say('mendahului from', 'is before from'))
    || hadir.problem_if(v_to - v_from >= p_most, 'to', format(hadir.say('paling lama %s hari sekali minta', '%s days at most in one report'), p_most));
begin
  if v_problems <> '[]' then
    return query select hadir.refusal(422, 'invalid', v_problems), null::bigint, null::text, null::bigint, null::bigint[], null::bigint[],
      null::jsonb, null::date, null::date, null::boolean, null::timestamptz, null::boolean;
  else
    return query select s.* from hadir.report_span(p_body, p_now, v_from, v_to, 'from', 'to') s;
  end if;
end
$$;
comment on function hadir.report_period_asked(jsonb, timestamptz, jsonb, int) is
  'p_body: as of hadir.report_span, and from, to, and p_members; at most p_most days. Called by the api functions of compliance and evaluation.';

-- Lines of a report that has a line per unit with everybody below it. The whole government is line 0.
create or replace function hadir.report_lines(p_government bigint, p_unit bigint, p_units bigint[])
returns table (line bigint, code text, name text, level int, path text[], unit bigint)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select p.line, p.code, p.name, cardinality(p.path) - case when p_unit is null then 0 else 1 end, p.path, c.descendant
  from (
    select u.id as line, u.code, u.name, array_agg(up.code collate "C" order by c.depth desc) as path
    from hadir.unit u
    join hadir.unit_closure c on c.descendant = u.id and c.ancestor = any (p_units)
    join hadir.unit up on up.id = c.ancestor
    where u.id = any (p_units)
    group by u.id, u.code, u.name) p
  join hadir.unit_closure c on c.ancestor = p.line
  union all
  select 0, g.code, g.name, 0, '{}', u
  from hadir.government g cross join unnest(p_units) u where p_unit is null and g.id = p_government
$$;
comment on function hadir.report_lines(bigint, bigint, bigint[]) is
  'p_unit null: the whole government. Of each line its code, name, level and place (path), a row per unit that counts in it. Called by '
  'api.report_daily and api.report_evaluation.';

-- ----------------------------------------------------------------------------------------------------------- the head

-- Who signs: the acting head, else the head of the unit on that day; of a government the one of its only top unit.
create or replace function hadir.report_signature(p_government bigint, p_unit bigint, p_day date) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('place', nullif(g.signing_place, ''), 'date', p_day, 'title', s.title, 'name', s.name, 'nip', s.nip)
  from hadir.government g
  left join hadir.unit u on u.id = coalesce(p_unit, (select min(r.id) from hadir.unit r where r.government = p_government
                                                     and r.parent is null having count(*) = 1))
  left join lateral (
    select case o.kind when 'acting' then 'Plt. Kepala ' || u.name else coalesce(nullif(p.post, ''), 'Kepala ' || u.name) end as title,
      p.name, p.nip
    from hadir.posting o join hadir.person p on p.id = o.person
    where o.unit = u.id and o.kind in ('head', 'acting') and o.valid_from <= p_day and (o.valid_to is null or o.valid_to >= p_day)
    order by o.kind, o.valid_from desc, o.id desc limit 1) s on true
  where g.id = p_government
$$;
comment on function hadir.report_signature(bigint, bigint, date) is
  '{place, date, title, name, nip} as printed below a report; null where nothing is known. p_unit null: the whole government. '
  'Called by hadir.report_head.';

-- How it is printed; {unit} in a line is the unit's name in capitals, and a line that has nothing else is empty when there is none: it
-- is not printed, and those behind it look as they do below a unit's.
create or replace function hadir.report_print(p_government bigint, p_unit bigint) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('paper', g.paper, 'letterhead', (
    select coalesce(jsonb_agg(btrim(replace(r.line, '{unit}', coalesce(upper(u.name), ''))) order by r.turn), '[]')
    from regexp_split_to_table(g.letterhead, '\|') with ordinality r (line, turn)
    where g.letterhead <> ''))
  from hadir.government g
  left join hadir.unit u on u.id = p_unit
  where g.id = p_government
$$;
comment on function hadir.report_print(bigint, bigint) is
  '{paper, letterhead: [line]} of a report about p_unit, or the whole government (null). Called by hadir.report_head.';

create or replace function hadir.report_codes(p_government bigint, p_from date, p_to date) returns text[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(k.code order by k.rank, k.code), '{}')
  from (
    select c.code, min(array_position('{in,out,presence}', c.counts_as) * 100000 + c.from_minutes) as rank
    from hadir.minute_class c
    where c.government = p_government and c.valid_from <= p_to
      and c.valid_from >= coalesce((select max(l.valid_from) from hadir.minute_class l
                                    where l.government = p_government and l.valid_from <= p_from), '-infinity')
    group by c.code) k
$$;
comment on function hadir.report_codes(bigint, date, date) is
  'The codes of lateness and early leave that hold on any day from p_from to p_to, in order. Called by hadir.month_codes.';

create or replace function hadir.report_excuses(p_government bigint) returns text[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(c.code order by c.code collate "C"), '{}') from hadir.absence_code c where c.government = p_government
$$;
comment on function hadir.report_excuses(bigint) is 'The absence codes of a government, in order. Called by api functions of reports.';

create or replace function hadir.report_head(p_government bigint, p_zone text, p_unit bigint, p_about jsonb, p_closed boolean,
  p_version int, p_as_of timestamptz, p_complete boolean, p_more jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('status', 200) || p_about || p_more || jsonb_strip_nulls(jsonb_build_object(
    'zone', p_zone, 'edition', case when p_closed then 'closed' else 'now' end, 'version', p_version,
    'as_of', hadir.rfc3339(p_as_of, p_zone), 'complete', p_complete,
    'signature', hadir.report_signature(p_government, p_unit, (p_as_of at time zone p_zone)::date),
    'print', hadir.report_print(p_government, p_unit)))
$$;
comment on function hadir.report_head(bigint, text, bigint, jsonb, boolean, int, timestamptz, boolean, jsonb) is
  'What all heads have: about, p_more (date or month, codes: {column: [code]}), zone, edition (now, closed), version, as_of, '
  'complete (up to when it is right, and whether that is all), signature, print. Called by api functions of reports.';

-- Values of a map in the order of codes, 0 where it has none: what a spread column holds.
create or replace function hadir.report_spread(p_codes text[], p_map jsonb) returns numeric[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select array(select coalesce((p_map ->> k.code)::numeric, 0) from unnest(p_codes) with ordinality k (code, turn) order by k.turn)
$$;

-- -------------------------------------------------------------------------------------------------- a month's closing

create or replace function hadir.month_codes(p_government bigint, p_month date) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('counts', k.codes, 'minutes', k.codes, 'excuses', hadir.report_excuses(p_government))
  from (select hadir.report_codes(p_government, p_month, (p_month + interval '1 month')::date - 1) as codes) k
$$;
comment on function hadir.month_codes(bigint, date) is
  'What the spread columns of a monthly report stand for, {column: [code]}. Called by hadir.month_close, api.report_monthly_head.';

create or replace function hadir.json_texts(p_list jsonb) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select array(select t.value from jsonb_array_elements_text(p_list) with ordinality t order by t.ordinality)
$$;

-- The lines of a monthly report from frozen or derived days.
create or replace function hadir.month_lines(p_government bigint, p_from date, p_to date, p_persons bigint[], p_closed boolean, p_units bigint[], p_codes jsonb)
returns setof hadir.month_recap
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_counts  constant text[] := hadir.json_texts(p_codes -> 'counts');
  v_excuses constant text[] := hadir.json_texts(p_codes -> 'excuses');
begin
  return query
  select p_government, p_from, 0, r.person, r.unit, u.code, p.nip, p.name, p.category, p.grade, p.post, r.working_days, r.present_days,
    r.wfo_days, r.wfh_days, r.wfa_days, r.dl_days, r.absent_days, coalesce(e.days, 0), r.doubts, hadir.report_spread(v_counts, r.counts),
    hadir.report_spread(v_counts, r.minutes), hadir.report_spread(v_excuses, r.excuses),
    coalesce((r.percents ->> 'in')::numeric, 0), coalesce((r.percents ->> 'out')::numeric, 0),
    coalesce((r.percents ->> 'presence')::numeric, 0), coalesce((r.percents ->> 'absent')::numeric, 0),
    coalesce((r.percents ->> 'excuse')::numeric, 0), r.deduction
  from hadir.recap(p_government, p_from, p_to, p_persons, p_closed, p_units) r
  join hadir.person p on p.id = r.person
  join hadir.unit u on u.id = r.unit
  left join (
    select k.person, count(*)::int as days
    from hadir.evidence_gaps(p_government, p_from, p_to, p_persons, p_closed) k where p_units is null or k.unit = any (p_units)
    group by k.person
  ) e on e.person = r.person;
end
$$;
comment on function hadir.month_lines(bigint, date, date, bigint[], boolean, bigint[], jsonb) is
  'hadir.recap as lines of a report; month, version mean nothing. p_codes: of hadir.month_codes. Called by hadir.month_keep, '
  'api.report_monthly.';

-- Most people are in one unit all month; who moved has a line for each.
create or replace function hadir.month_keep(p_government bigint, p_month date, p_version int) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_last  constant date := (p_month + interval '1 month')::date - 1;
  v_codes jsonb;
begin
  select m.codes into v_codes from hadir.month_version m where m.government = p_government and m.month = p_month and m.version = p_version;
  insert into hadir.month_recap
  with moved as materialized (
    select w.person, u.unit
    from (select a.person, array_agg(distinct a.unit) as units from hadir.frozen_days(p_government, p_month, v_last, null) a
          group by a.person having min(a.unit) <> max(a.unit)) w
    cross join lateral unnest(w.units) u (unit)
  ),
  line as (
    select l.* from hadir.month_lines(p_government, p_month, v_last, null, true, null, v_codes) l
    where l.person not in (select w.person from moved w)
    union all
    select l.*
    from (select w.unit, array_agg(w.person) as persons from moved w group by w.unit) w
    cross join lateral hadir.month_lines(p_government, p_month, v_last, w.persons, true, array[w.unit], v_codes) l
  )
  select l.government, p_month, p_version, l.person, l.unit, l.unit_code, l.nip, l.name, l.category, l.grade, l.post, l.working_days,
    l.present_days, l.wfo_days, l.wfh_days, l.wfa_days, l.dl_days, l.absent_days, l.evidence_missing, l.doubts, l.counts, l.minutes,
    l.excuses, l.percent_in, l.percent_out, l.percent_presence, l.percent_absent, l.percent_excuse, l.deduction
  from line l;
end
$$;
comment on function hadir.month_keep(bigint, date, int) is
  'Fills hadir.month_recap of a version that was just closed. Called by hadir.month_close.';

-- ---------------------------------------------------------------------------------------------------------- the day

-- Who was expected on a day and what became of it; one row per person with a working day.
create or replace function hadir.report_day(p_government bigint, p_unit bigint, p_units bigint[], p_day date, p_closed boolean,
                                            p_now timestamptz)
returns table (person bigint, unit bigint, state text, present boolean, places text[], late_minutes int, early_minutes int,
  codes text[], excuses text[])
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select d.person, d.unit,
    case when d.present then 'present' when i.excuses <> '{}' then 'excused' when d.missing > 0 then 'missing' else 'not_yet' end,
    d.present, d.places, d.late_minutes, d.early_minutes, i.codes, i.excuses
  from hadir.recap_days(p_government, p_day, p_day, case when p_unit is not null then array(
      select o.person from hadir.posting o
      where o.unit = any (p_units) and o.kind = 'main' and o.valid_from <= p_day and (o.valid_to is null or o.valid_to >= p_day)) end,
    p_closed, case when not p_closed then p_now end) d
  cross join lateral (
    select coalesce(array_agg(c.value ->> 'code' order by c.ordinality) filter (where c.value ->> 'component' <> 'excuse'), '{}') as codes,
      coalesce(array_agg(distinct c.value ->> 'code') filter (where c.value ->> 'component' = 'excuse'), '{}') as excuses
    from jsonb_array_elements(d.counted) with ordinality c) i
  where d.unit = any (p_units)
$$;
comment on function hadir.report_day(bigint, bigint, bigint[], date, boolean, timestamptz) is
  'p_unit null: everybody, else who belongs to p_units. state: present (one session or more, or work elsewhere by its code), excused, missing (a session that was due), not_yet (all may still '
  'come). codes: of lateness, early leave, missing; excuses: codes of absences. Called by api.report_daily, api.report_daily_people.';

-- ----------------------------------------------------------------------------------------------------- what was granted

do $$
declare
  f text;
begin
  foreach f in array array['report_scope(jsonb, timestamptz)', 'report_nothing(text, text, text)', 'report_not_closed(text, text)', 'report_to_come(text)',
    'report_day_asked(jsonb, timestamptz)', 'report_month_asked(jsonb, timestamptz)', 'first_not_frozen(bigint, date, date)',
    'report_span(jsonb, timestamptz, date, date, text, text)', 'report_period_asked(jsonb, timestamptz, jsonb, int)',
    'report_lines(bigint, bigint, bigint[])', 'report_signature(bigint, bigint, date)', 'report_print(bigint, bigint)',
    'report_codes(bigint, date, date)', 'report_excuses(bigint)', 'report_spread(text[], jsonb)',
    'report_head(bigint, text, bigint, jsonb, boolean, int, timestamptz, boolean, jsonb)',
    'report_day(bigint, bigint, bigint[], date, boolean, timestamptz)', 'month_codes(bigint, date)', 'json_texts(jsonb)',
    'month_lines(bigint, date, date, bigint[], boolean, bigint[], jsonb)', 'month_keep(bigint, date, int)'] loop
    execute format('revoke all on function hadir.%s from public', f);
    execute format('grant execute on function hadir.%s to hadir_reader, hadir_writer', f);
  end loop;
end
$$;

set role hadir_reader;

create or replace function api.report_daily_head(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  a record;
begin
  select * into a from hadir.report_day_asked(p_body, p_now);
  return coalesce(a.refusal, hadir.report_head(a.government, a.zone, a.unit, a.about, a.closed, a.version, a.as_of, a.complete,
    jsonb_build_object('date', a.day, 'codes', jsonb_build_object('excuses', hadir.report_excuses(a.government)))));
end
$$;
comment on function api.report_daily_head(jsonb, timestamptz) is
  'p_body: as in hadir.report_day_asked. The head of both daily reports, or {"error"}. Called by hadir_query with hadir.actor set, '
  'hadir_admin, hadir_nightly.';

drop function if exists api.report_daily(jsonb, timestamptz);
create function api.report_daily(p_body jsonb, p_now timestamptz)
returns table (unit text, unit_name text, level int, people bigint, expected bigint, present bigint, percent numeric, wfo bigint,
  wfh bigint, wfa bigint, dl bigint, elsewhere bigint, late bigint, early bigint, excused bigint, excuses numeric[], missing bigint,
  not_yet bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  a       record;
  v_codes text[];
begin
  select * into a from hadir.report_day_asked(p_body, p_now);
  if a.refusal is not null then
    return;
  end if;
  v_codes := hadir.report_excuses(a.government);
  return query
  with person as materialized (
    select * from hadir.report_day(a.government, a.unit, a.units, a.day, a.closed, p_now)
  ),
  line as materialized (
    select * from hadir.report_lines(a.government, a.unit, a.units)
  ),
  posted as (
    select l.line, count(*) as people
    from line l join hadir.posting o on o.unit = l.unit and o.kind = 'main' and o.valid_from <= a.day and (o.valid_to is null or o.valid_to >= a.day)
    group by l.line
  ),
  excuse as (
    select e.line, jsonb_object_agg(e.code, e.n) as counts
    from (select l.line, x.code, count(*) as n from line l join person p on p.unit = l.unit cross join lateral unnest(p.excuses) x (code)
          group by l.line, x.code) e
    group by e.line
  ),
  sum as (
    select l.line, count(*) as expected, count(*) filter (where p.present) as present,
      count(*) filter (where 'WFO' = any (p.places)) as wfo, count(*) filter (where 'WFH' = any (p.places)) as wfh,
      count(*) filter (where 'WFA' = any (p.places)) as wfa, count(*) filter (where 'DL' = any (p.places)) as dl,
      count(*) filter (where p.present and p.places = '{}') as elsewhere,
      count(*) filter (where p.late_minutes > 0) as late, count(*) filter (where p.early_minutes > 0) as early,
      count(*) filter (where p.state = 'excused') as excused, count(*) filter (where p.state = 'missing') as missing,
      count(*) filter (where p.state = 'not_yet') as not_yet
    from line l join person p on p.unit = l.unit
    group by l.line
  )
  select w.code, w.name, w.level, o.people, coalesce(s.expected, 0),
    coalesce(s.present, 0), round(100.0 * s.present / s.expected, 2), coalesce(s.wfo, 0), coalesce(s.wfh, 0), coalesce(s.wfa, 0),
    coalesce(s.dl, 0), coalesce(s.elsewhere, 0), coalesce(s.late, 0), coalesce(s.early, 0), coalesce(s.excused, 0),
    hadir.report_spread(v_codes, e.counts), coalesce(s.missing, 0), coalesce(s.not_yet, 0)
  from (select distinct l.line, l.code, l.name, l.level, l.path from line l) w
  join posted o on o.line = w.line
  left join sum s on s.line = w.line
  left join excuse e on e.line = w.line
  order by w.path;
end
$$;
comment on function api.report_daily(jsonb, timestamptz) is
  'p_body: as in hadir.report_day_asked. A row per unit that has people, with all below it; the first is the unit asked for, or the '
  'government (level 0). expected = present + excused + missing + not_yet; a day at two places counts in both; excuses: also of '
  'half days, and of work elsewhere. No row when the head is a refusal. Called by hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

drop function if exists api.report_daily_people(jsonb, timestamptz);
create function api.report_daily_people(p_body jsonb, p_now timestamptz)
returns table (unit text, unit_name text, nip text, name text, state text, late_minutes int, early_minutes int, codes text, excuses text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  a record;
begin
  select * into a from hadir.report_day_asked(p_body, p_now);
  if a.refusal is not null then
    return;
  end if;
  return query
  select coalesce(f.unit_code, u.code), coalesce(f.unit_name, u.name), p.nip, coalesce(f.name, p.name), case when d.state <> 'present' then d.state when d.late_minutes > 0 then 'late'
                                             when d.early_minutes > 0 then 'early' else d.state end,
    d.late_minutes, d.early_minutes, array_to_string(d.codes, ' '), array_to_string(d.excuses, ' ')
  from hadir.report_day(a.government, a.unit, a.units, a.day, a.closed, p_now) d
  join hadir.person p on p.id = d.person
  join hadir.unit u on u.id = d.unit
  left join hadir.frozen_days(case when a.closed then a.government end, a.day, a.day, null) f on f.person = d.person
  where d.state <> 'present' or d.late_minutes > 0 or d.early_minutes > 0 or d.codes <> '{}' or d.excuses <> '{}'
  order by coalesce(f.unit_code, u.code) collate "C", coalesce(f.name, p.name) collate "C", p.nip;
end
$$;
comment on function api.report_daily_people(jsonb, timestamptz) is
  'p_body: as in hadir.report_day_asked. Who is not simply present, in time and to the end: missing, late, early, excused, not_yet. No row '
  'when the head is a refusal. Called by hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

-- --------------------------------------------------------------------------------------------------------- the month

create or replace function api.report_monthly_head(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  a record;
begin
  select * into a from hadir.report_month_asked(p_body, p_now);
  return coalesce(a.refusal, hadir.report_head(a.government, a.zone, a.unit, a.about, a.closed, a.version, a.as_of, a.complete,
    jsonb_build_object('month', hadir.body_text(p_body, 'month'), 'from', a.first_day, 'to', a.last_day, 'codes', a.codes)));
end
$$;
comment on function api.report_monthly_head(jsonb, timestamptz) is
  'p_body: as in hadir.report_month_asked. The head of both monthly reports, or {"error"}. Called by hadir_query with hadir.actor set, '
  'hadir_admin, hadir_nightly.';

drop function if exists api.report_monthly(jsonb, timestamptz);
create function api.report_monthly(p_body jsonb, p_now timestamptz)
returns table (no bigint, nip text, name text, grade text, post text, unit text, category text, working_days int, present_days int,
  wfo_days int, wfh_days int, wfa_days int, dl_days int, counts numeric[], minutes numeric[], excuses numeric[], absent_days int,
  percent_in numeric, percent_out numeric, percent_presence numeric, percent_absent numeric, percent_excuse numeric, deduction numeric,
  evidence_missing int, doubts int, notes text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_nip     constant text := hadir.body_text(p_body, 'nip');
  a         record;
  v_persons bigint[];
begin
  select * into a from hadir.report_month_asked(p_body, p_now);
  if a.refusal is not null then
    return;
  end if;
  -- Of a closed month only who moved between these units needs his days.
  v_persons := case when not a.closed then a.persons else array(
    select k.person from hadir.month_recap k
    where k.government = a.government and k.month = a.month and k.version = a.version and k.unit = any (a.units)
      and (v_nip is null or k.nip = v_nip)
    group by k.person having count(*) > 1) end;
  return query
  with line as (
    select k.* from hadir.month_recap k
    where a.closed and k.government = a.government and k.month = a.month and k.version = a.version and k.unit = any (a.units)
      and (v_nip is null or k.nip = v_nip) and not k.person = any (v_persons)
    union all
    select l.* from hadir.month_lines(a.government, a.first_day, a.last_day, v_persons, a.closed, a.units, a.codes) l
    where v_persons is distinct from '{}'
  ),
  -- Who came or left meanwhile.
  posted as (
    select o.person, min(o.valid_from) as came, max(coalesce(o.valid_to, 'infinity')) as went
    from hadir.posting o
    where o.unit = any (a.units) and o.kind = 'main' and o.valid_from <= a.last_day and (o.valid_to is null or o.valid_to >= a.first_day)
    group by o.person
    having min(o.valid_from) > a.first_day or max(coalesce(o.valid_to, 'infinity')) < a.last_day
  )
  select row_number() over (order by l.unit_code collate "C", l.name collate "C", l.nip), l.nip, l.name, l.grade, l.post, l.unit_code, l.category,
    l.working_days, l.present_days, l.wfo_days, l.wfh_days, l.wfa_days, l.dl_days, l.counts, l.minutes, l.excuses, l.absent_days,
    l.percent_in, l.percent_out, l.percent_presence, l.percent_absent, l.percent_excuse, l.deduction, l.evidence_missing, l.doubts,
    concat_ws('; ', case when w.came > a.first_day then hadir.say('masuk ', 'came ') || w.came end,
                    case when w.went < a.last_day then hadir.say('pindah ', 'left ') || w.went end)
  from line l
  left join posted w on w.person = l.person
  order by 1;
end
$$;
comment on function api.report_monthly(jsonb, timestamptz) is
  'p_body: as in hadir.report_month_asked. hadir.recap (of a closed month as it was kept) of everybody who has a working day in these units, '
  'numbered by unit and name; counts, '
  'minutes, excuses in the order of the head''s codes; evidence_missing: days; notes: who came or left meanwhile (his last day). No '
  'row when the head is a refusal. Called by hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

drop function if exists api.report_monthly_days(jsonb, timestamptz);
create function api.report_monthly_days(p_body jsonb, p_now timestamptz)
returns table (unit text, nip text, name text, day date, weekday text, time_in text, time_out text, present boolean, places text, codes text,
  excuses text, late_minutes int, early_minutes int, work_minutes int, percent_in numeric, percent_out numeric, percent_presence numeric,
  percent_absent numeric, percent_excuse numeric, percent numeric, evidence_missing text, outside_window int, doubts int)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  a record;
begin
  select * into a from hadir.report_month_asked(p_body, p_now);
  if a.refusal is not null then
    return;
  end if;
  return query
  with clock as (
    select f.person, f.day, f.unit_code, f.name, min((s ->> 'decided_at')::timestamptz) filter (where s ->> 'counts_as' = 'in') as first_in,
      max((s ->> 'decided_at')::timestamptz) filter (where s ->> 'counts_as' = 'out') as last_out
    from hadir.frozen_days(a.government, a.first_day, a.last_day, a.persons) f cross join lateral jsonb_array_elements(f.sessions) s
    where a.closed
    group by f.person, f.day, f.unit_code, f.name
    union all
    select d.person, d.day, null, null, min(d.decided_at) filter (where d.counts_as = 'in'), max(d.decided_at) filter (where d.counts_as = 'out')
    from hadir.derive(a.government, a.first_day, case when not a.closed then a.last_day end, a.persons) d
    where not a.closed
    group by d.person, d.day
  )
  select coalesce(c.unit_code, u.code), p.nip, coalesce(c.name, p.name), d.day, to_char(d.day, 'dy'), to_char(c.first_in at time zone a.zone, 'HH24:MI'),
    to_char(c.last_out at time zone a.zone, 'HH24:MI'), d.present, array_to_string(d.places, ' '),
    k.codes, k.excuses, d.late_minutes, d.early_minutes, d.work_minutes, k.percent_in, k.percent_out, k.percent_presence, k.percent_absent,
    k.percent_excuse, trim_scale(round(d.percent, 4)), hadir.evidence_text(e.missing), d.outside_window, d.doubts
  from hadir.recap_days(a.government, a.first_day, a.last_day, a.persons, a.closed) d
  join hadir.person p on p.id = d.person
  join hadir.unit u on u.id = d.unit
  cross join lateral (
    select string_agg(i.code, ' ' order by n.turn) filter (where i.component <> 'excuse') as codes,
      string_agg(distinct i.code, ' ') filter (where i.component = 'excuse') as excuses,
      coalesce(sum(i.percent) filter (where i.component = 'in'), 0) as percent_in,
      coalesce(sum(i.percent) filter (where i.component = 'out'), 0) as percent_out,
      coalesce(sum(i.percent) filter (where i.component = 'presence'), 0) as percent_presence,
      coalesce(sum(i.percent) filter (where i.component = 'absent'), 0) as percent_absent,
      coalesce(sum(i.percent) filter (where i.component = 'excuse'), 0) as percent_excuse
    from jsonb_array_elements(d.counted) with ordinality n (item, turn)
    cross join lateral jsonb_to_record(n.item) i (component text, code text, percent numeric)) k
  left join clock c on c.person = d.person and c.day = d.day
  left join hadir.evidence_gaps(a.government, a.first_day, a.last_day, a.persons, a.closed) e on e.person = d.person and e.day = d.day
  where d.unit = any (a.units)
  order by coalesce(c.unit_code, u.code) collate "C", coalesce(c.name, p.name) collate "C", p.nip, d.day;
end
$$;
comment on function api.report_monthly_days(jsonb, timestamptz) is
  'p_body: as in hadir.report_month_asked. The working days behind api.report_monthly, a row per person and day; times are local, percents before the month''s cap. No row '
  'when the head is a refusal. Called by hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

revoke all on function
  api.report_daily_head(jsonb, timestamptz), api.report_daily(jsonb, timestamptz), api.report_daily_people(jsonb, timestamptz),
  api.report_monthly_head(jsonb, timestamptz), api.report_monthly(jsonb, timestamptz), api.report_monthly_days(jsonb, timestamptz)
  from public;
grant execute on function
  api.report_daily_head(jsonb, timestamptz), api.report_daily(jsonb, timestamptz), api.report_daily_people(jsonb, timestamptz),
  api.report_monthly_head(jsonb, timestamptz), api.report_monthly(jsonb, timestamptz), api.report_monthly_days(jsonb, timestamptz)
  to hadir_query, hadir_admin, hadir_nightly;

reset role;
