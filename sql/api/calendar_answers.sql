-- The calendar and the working hours, for whoever asks: everybody may know those of his government. Bodies and answers as
-- sql/api/actor_rights.sql says; over HTTP and at the console alike.

-- What decrees say of the days and periods from p_body's "from" to "to", at most days_most days; "unit" or "government" say
-- whose. {"status": 200, "government", "days": [{"day", "kind", "name", "basis", "dated", "government" (null: national),
-- "in_force"}], "periods": [{"kind", "name", "from", "to", "basis", "dated", "government", "in_force"}]}; what is not in force
-- was superseded by a later dated word. Callers: hadir_query with hadir.actor set, hadir_admin.
create or replace function api.calendar(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  days_most    constant int := 366;
  v_from       constant date := hadir.try_date(hadir.body_text(p_body, 'from'));
  v_to         constant date := hadir.try_date(hadir.body_text(p_body, 'to'));
  v_government constant bigint := hadir.asked_government(p_body);
  v_problems   jsonb := hadir.body_problems(p_body, '{"from": "day!", "to": "day!", "unit": "text", "government": "text"}');
  v_code       text;
begin
  v_problems := v_problems || hadir.problem_if(not v_to - v_from between 0 and days_most - 1, 'to', format(hadir.say(
    'harus pada atau sesudah from, paling lama %s hari', 'must be from or later, %s days at most'), days_most));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  elsif v_government is null then
    return hadir.no_such_government(p_body);
  end if;
  select g.code into v_code from hadir.government g where g.id = v_government;
  return jsonb_build_object('status', 200, 'government', v_code, 'from', v_from, 'to', v_to, 'days', (
    select coalesce(jsonb_agg(jsonb_build_object('day', c.day, 'kind', c.kind, 'name', c.name, 'basis', c.basis, 'dated', c.dated,
             'government', case when c.government is not null then v_code end,
             'in_force', case when c.kind = 'WORK' then f.day is null and c.latest else coalesce(c.id = any (f.ids), false) end)
             order by c.day, c.dated, c.kind, c.id), '[]')
    from (select c.*, c.dated = max(c.dated) over (partition by c.government, c.day) as latest
          from hadir.calendar_day c
          where c.day between v_from and v_to and (c.government is null or c.government = v_government)) c
    left join hadir.calendar_in_force(v_from, v_to) f on f.government = v_government and f.day = c.day
  ), 'periods', (
    select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'name', c.name, 'from', c.first_day, 'to', c.last_day, 'basis', c.basis,
             'dated', c.dated, 'government', case when c.government is not null then v_code end, 'in_force', c.place = 1)
             order by c.first_day, c.kind, c.name, c.dated), '[]')
    from (select c.*, row_number() over (partition by c.kind, c.name order by c.dated desc, c.government nulls last) as place
          from hadir.calendar_period c
          where c.government is null or c.government = v_government) c
    where c.first_day <= v_to and c.last_day >= v_from));
end
$$;
alter function api.calendar(jsonb, timestamptz) owner to hadir_reader;
revoke all on function api.calendar(jsonb, timestamptz) from public;
grant execute on function api.calendar(jsonb, timestamptz) to hadir_query, hadir_admin;

-- Which working hours hold for a unit ("unit") on a day ("day"; without it today), as the plan takes them (plan_stage): of the
-- nearest level that has any, the latest; those of a season that is on before the ordinary ones; each shift by itself; and
-- those of single people of the unit whom the actor may see. {"status": 200, "unit", "day", "hours": [rows as hadir-hours(5)
-- has them, a session each; of a shift that is a day off one without session]}. Callers: hadir_query with hadir.actor set, hadir_admin.
create or replace function api.hours(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems constant jsonb := hadir.body_problems(p_body, '{"unit": "text!", "day": "day"}');
  v_unit     hadir.unit;
  v_day      date;
begin
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select u.* into v_unit from hadir.unit u where u.code = hadir.body_text(p_body, 'unit') and hadir.sees_unit(u.id);
  if v_unit.id is null then
    return hadir.no_such_unit();
  end if;
  v_day := coalesce(hadir.try_date(hadir.body_text(p_body, 'day')), hadir.local_day(v_unit.government, p_now));
  return (
    with chosen as (
      select w.*, p.nip, rank() over (partition by w.person, w.shift
                                      order by c.depth nulls last, w.season is null, w.valid_from desc, w.season) as place
      from hadir.working_hours w
      left join hadir.unit_closure c on c.ancestor = w.unit and c.descendant = v_unit.id
      left join hadir.person p on p.id = w.person
      where w.government = v_unit.government and v_day between w.valid_from and coalesce(w.valid_to, 'infinity')
        and (w.unit is null or c.ancestor is not null)
        and (w.person is null or p.id is not null and hadir.main_unit(p.id, v_day) = v_unit.id)
        and (w.season is null or exists (select from hadir.period_days(v_day, v_day) d
                                         where d.government = w.government and d.kind = w.season))
    )
    select jsonb_build_object('status', 200, 'unit', v_unit.code, 'day', v_day, 'hours', coalesce(jsonb_agg(jsonb_build_object(
             'government', case when h.unit is null and h.person is null then g.code end, 'unit', u.code, 'nip', h.nip,
             'valid_from', h.valid_from, 'valid_to', h.valid_to,
             'weekdays', case when h.shift is null then array_to_string(h.weekdays, ',') end, 'session', s.code,
             'label', s.label, 'counts_as', s.counts_as, 'accept_from', hadir.hour_words(s.accept_from),
             'on_time_from', hadir.hour_words(s.on_time_from), 'due', hadir.hour_words(s.due),
             'on_time_until', hadir.hour_words(s.on_time_until), 'accept_until', hadir.hour_words(s.accept_until), 'basis', h.basis,
             'on_holidays', case when h.shift is null then h.on_holidays end, 'season', h.season, 'shift', h.shift, 'break_minutes', h.break_minutes)
             order by h.nip nulls first, h.shift nulls first, h.weekdays, s.accept_from, s.code), '[]'))
    from chosen h
    left join hadir.session s on s.working_hours = h.id
    join hadir.government g on g.id = h.government
    left join hadir.unit u on u.id = h.unit
    where h.place = 1);
end
$$;
alter function api.hours(jsonb, timestamptz) owner to hadir_reader;
revoke all on function api.hours(jsonb, timestamptz) from public;
grant execute on function api.hours(jsonb, timestamptz) to hadir_query, hadir_admin;
