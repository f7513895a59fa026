-- Letters of heads: surat tugas (assignment), duty travel, recall to the office, shift lists (roster). A letter is filed, says
-- at once what of it the circulars do not allow, and is in force when somebody who may confirms it; over breaches only with a
-- reason, which is kept with them. Confirmed letters shape the plan (sql/api/plan_compile.sql); sql/api/circular_breaches.sql
-- counts. Answers are as sql/api/actor_rights.sql has them.
--
--   {"unit", "kind", "number", "dated", "title", "document", "orders": [{"place", "anywhere", "shift", "zone", "fences": [code],
--    "people": [{"nip", "days": [day]} | {"nip", "from": day, "to": day, "weekdays": [1 … 7]}]}]}

-- Puts a path before the fields of problems: 'orders[0]' and 'place' make 'orders[0].place'.
create or replace function hadir.problems_at(p_path text, p_problems jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_set(e.p, '{field}', to_jsonb(p_path || case when e.p ->> 'field' = '' then ''
                                                                               else '.' || (e.p ->> 'field') end)) order by e.n), '[]')
  from jsonb_array_elements(p_problems) with ordinality e (p, n)
$$;

-- The orders of a letter, as far as they can be read: number from 0, and the order itself.
create or replace function hadir.letter_parts(p_body jsonb) returns table (part int, orders jsonb)
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select (e.n - 1)::int, e.o
  from jsonb_array_elements(case when jsonb_typeof(p_body -> 'orders') = 'array' then p_body -> 'orders' else '[]' end)
       with ordinality e (o, n)
$$;

-- Their entries of people: path, and the entry itself.
create or replace function hadir.letter_entries(p_body jsonb) returns table (part int, path text, entry jsonb)
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select o.part, format('orders[%s].people[%s]', o.part, e.n - 1), e.p
  from hadir.letter_parts(p_body) o
  cross join jsonb_array_elements(case when jsonb_typeof(o.orders -> 'people') = 'array' then o.orders -> 'people' else '[]' end)
             with ordinality e (p, n)
$$;

-- Their people and days; what cannot be read is left out. A stretch of days is read up to a year.
create or replace function hadir.letter_days(p_body jsonb) returns table (part int, path text, nip text, day date)
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select e.part, e.path || format('.days[%s]', d.n - 1), e.entry ->> 'nip', hadir.try_date(d.day)
  from hadir.letter_entries(p_body) e
  cross join jsonb_array_elements_text(case when jsonb_typeof(e.entry -> 'days') = 'array' then e.entry -> 'days' else '[]' end)
             with ordinality d (day, n)
  where hadir.try_date(d.day) is not null
  union all
  select e.part, e.path, e.entry ->> 'nip', d::date
  from hadir.letter_entries(p_body) e
  cross join lateral (select hadir.try_date(e.entry ->> 'from') as first, hadir.try_date(e.entry ->> 'to') as last) s
  cross join generate_series(s.first::timestamp, least(s.last, s.first + 366)::timestamp, interval '1 day') d
  where jsonb_typeof(e.entry -> 'weekdays') is distinct from 'array'
     or e.entry -> 'weekdays' @> to_jsonb(extract(isodow from d)::int)
$$;

-- What of a letter's form is wrong, whatever the government has.
create or replace function hadir.letter_form(p_body jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_found jsonb := hadir.body_problems(p_body, '{"unit": "text!", "kind": "text!", "number": "text!", "dated": "day!",
                                                 "title": "text", "document": "text", "orders": "list!"}');
begin
  if p_body is null or jsonb_typeof(p_body) <> 'object' then
    return v_found;
  end if;
  return v_found
    || hadir.problem_if(hadir.body_text(p_body, 'kind') not in ('assignment', 'travel', 'recall', 'roster'), 'kind',
                        hadir.say('harus assignment, travel, recall atau roster', 'must be assignment, travel, recall or roster'))
    || hadir.problem_if(length(hadir.body_text(p_body, 'number')) > 200, 'number',
                        hadir.say('paling panjang 200 huruf', 'is longer than 200 characters'))
    || hadir.problem_if(p_body -> 'orders' = '[]', 'orders', hadir.say('harus berisi perintah', 'must hold orders'))
    || (select coalesce(jsonb_agg(f.p order by f.part, f.n), '[]')
        from (
          select o.part, e.n, e.p
          from hadir.letter_parts(p_body) o
          cross join lateral jsonb_array_elements(hadir.problems_at(format('orders[%s]', o.part),
            hadir.body_problems(o.orders, '{"place": "text", "anywhere": "flag", "shift": "text", "zone": "text",
                                            "fences": "list", "people": "list!"}')
            || hadir.problem_if(o.orders -> 'people' = '[]', 'people', hadir.say('harus berisi orang', 'must hold people')))
          ) with ordinality e (p, n)) f)
    || (select coalesce(jsonb_agg(f.p order by f.part, f.path, f.n), '[]')
        from (
          select o.part, o.path, e.n, e.p
          from hadir.letter_entries(p_body) o
          cross join lateral jsonb_array_elements(hadir.problems_at(o.path,
            hadir.body_problems(o.entry, '{"nip": "text!", "days": "list", "from": "day", "to": "day", "weekdays": "list"}')
            || hadir.letter_span(o.entry))) with ordinality e (p, n)) f);
end
$$;

-- What of an entry's days is wrong.
create or replace function hadir.letter_span(p_entry jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_from constant date := hadir.try_date(p_entry ->> 'from');
  v_to   constant date := hadir.try_date(p_entry ->> 'to');
  v_days constant jsonb := case when jsonb_typeof(p_entry -> 'days') = 'array' then p_entry -> 'days' else '[]' end;
begin
  if jsonb_typeof(p_entry) <> 'object' then
    return '[]';
  end if;
  return hadir.problem_if((p_entry ? 'days') = (p_entry ? 'from') or (p_entry ? 'from') <> (p_entry ? 'to')
                          or p_entry ? 'weekdays' and not p_entry ? 'from' or p_entry -> 'days' = '[]', 'days',
                          hadir.say('isi days, atau from dan to', 'fill in days, or from and to'))
    || hadir.problem_if(v_to < v_from, 'to', hadir.say('mendahului from', 'is before from'))
    || hadir.problem_if(v_to > v_from + 366, 'to', hadir.say('paling lama setahun sesudah from', 'is more than a year after from'))
    || hadir.problem_if(jsonb_typeof(p_entry -> 'weekdays') = 'array'
                        and not p_entry -> 'weekdays' <@ '[1, 2, 3, 4, 5, 6, 7]' or p_entry -> 'weekdays' = '[]', 'weekdays',
                        hadir.say('harus angka 1 (Senin) sampai 7', 'must be numbers 1 (Monday) to 7'))
    || (select coalesce(jsonb_agg(hadir.problem(format('days[%s]', d.n - 1), hadir.say(
               'tanggal harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')) order by d.n), '[]')
        from jsonb_array_elements_text(v_days) with ordinality d (day, n) where hadir.try_date(d.day) is null);
end
$$;

-- The place an order means when it names none: recalls and shifts the office, travel duty.
create or replace function hadir.letter_place(p_kind text, p_order jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(hadir.body_text(p_order, 'place'),
                  case when p_kind = 'recall' or p_kind = 'roster' and hadir.body_text(p_order, 'shift') is not null then 'WFO'
                       when p_kind = 'travel' then 'DL' end)
$$;

-- What of a letter's orders does not fit its kind or the government's shifts and fences.
create or replace function hadir.letter_order_problems(p_government bigint, p_body jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind constant text := hadir.body_text(p_body, 'kind');
begin
  return (
    select coalesce(jsonb_agg(f.p order by f.part, f.n), '[]')
    from (
      select o.part, e.n, e.p
      from hadir.letter_parts(p_body) o
      cross join lateral (select hadir.letter_place(v_kind, o.orders) as place, hadir.body_text(o.orders, 'shift') as shift,
                                 hadir.body_text(o.orders, 'zone') as zone) h
      cross join lateral jsonb_array_elements(hadir.problems_at(format('orders[%s]', o.part),
        hadir.problem_if(h.place is null and v_kind is not null, 'place', hadir.say('harus diisi', 'must be there'))
        || hadir.problem_if(h.place not in ('WFO', 'WFH', 'WFA', 'DL'), 'place',
                            hadir.say('harus WFO, WFH, WFA atau DL', 'must be WFO, WFH, WFA or DL'))
        || hadir.problem_if(v_kind = 'recall' and h.place <> 'WFO', 'place',
                            hadir.say('panggilan ke kantor hanya WFO', 'a recall is to the office: WFO'))
        || hadir.problem_if(v_kind = 'travel' and h.place <> 'DL', 'place',
                            hadir.say('perjalanan dinas hanya DL', 'travel is duty: DL'))
        || hadir.problem_if(h.shift is not null and not exists (
             select from hadir.working_hours w where w.government = p_government and w.shift = h.shift), 'shift',
             hadir.say('regu itu tidak ada pada jam kerja', 'no working hours are called that shift'))
        || hadir.problem_if(h.zone is not null and v_kind <> 'travel', 'zone',
                            hadir.say('hanya untuk perjalanan dinas', 'only for travel'))
        || hadir.problem_if(h.zone is not null and not exists (select from pg_timezone_names z where z.name = h.zone), 'zone',
                            hadir.say('zona waktu tidak dikenal', 'the time zone is unknown'))
        || (select coalesce(jsonb_agg(hadir.problem(format('fences[%s]', c.n - 1), hadir.say('pagar tidak dikenal',
                                                    'the fence is unknown')) order by c.n), '[]')
            from jsonb_array_elements(case when jsonb_typeof(o.orders -> 'fences') = 'array' then o.orders -> 'fences' else '[]' end)
                 with ordinality c (code, n)
            where not exists (select from hadir.fence f where f.government = p_government and to_jsonb(f.code) = c.code
                              and f.kind <> 'home' and f.removed_at is null)))
      ) with ordinality e (p, n)) f);
end
$$;

-- What of a letter's people and days is wrong: unknown, elsewhere on that day, without hours of the shift, twice; too
-- many (then that alone is told), too far apart.
create or replace function hadir.letter_people_problems(p_unit bigint, p_body jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  most    constant int := 20000; -- people times days
  widest  constant int := 400;   -- from the first day to the last
  v_count int;
  v_span  int;
begin
  select count(*), max(d.day) - min(d.day) into v_count, v_span from hadir.letter_days(p_body) d;
  if v_count > most then
    return hadir.problem_if(true, 'orders', format(hadir.say('paling banyak %s orang-hari dalam satu surat',
                                                             'at most %s people times days in one letter'), most));
  end if;
  return hadir.problem_if(v_span > widest, 'orders', format(hadir.say('hari terakhir paling lama %s hari sesudah yang pertama',
                                                                      'the last day is %s days after the first at most'), widest)) || (
    with told as materialized (
      select d.*, row_number() over (order by d.part, d.path, d.day) as n from hadir.letter_days(p_body) d
    ),
    -- unit: where he is posted that day, in this unit or below it; null: elsewhere. own: who has hours of his own, else 0.
    known as materialized (
      select t.*, pe.id as person, o.unit,
             case when pe.id in (select w.person from hadir.working_hours w where w.person is not null) then pe.id else 0 end as own
      from told t
      join hadir.person pe on pe.nip = t.nip
      left join (
        select o.person, o.unit, o.valid_from, o.valid_to
        from hadir.posting o join hadir.unit_closure c on c.ancestor = p_unit and c.descendant = o.unit
        where o.kind = 'main'
      ) o on o.person = pe.id and o.valid_from <= t.day and (o.valid_to is null or o.valid_to >= t.day)
    ),
    runs as materialized (
      select z.*
      from (select min(k.day) as first, max(k.day) as last, array_agg(distinct k.person) as persons from known k) k
      join hadir.unit u on u.id = p_unit
      cross join hadir.shift_days(u.government, k.first, k.last, k.persons) z
    ),
    -- Shifts that there are at all: of others hadir.letter_order_problems tells.
    shifts as materialized (
      select o.part, hadir.body_text(o.orders, 'shift') as shift
      from hadir.letter_parts(p_body) o
      where exists (select from hadir.working_hours w join hadir.unit u on u.id = p_unit and u.government = w.government
                    where w.shift = hadir.body_text(o.orders, 'shift'))
    )
    select coalesce(jsonb_agg(hadir.problem(q.field, q.reason) order by q.n, q.field), '[]')
    from (
      select min(t.n) as n, split_part(t.path, '.days', 1) || '.nip' as field,
             hadir.say('NIP tidak dikenal', 'the NIP is unknown') as reason
      from told t where t.nip is not null and not exists (select from known k where k.nip = t.nip)
      group by split_part(t.path, '.days', 1)
      union all
      select min(k.n), split_part(k.path, '.days', 1) || '.nip',
             format(hadir.say('bukan pegawai unit ini pada %s', 'does not belong to this unit on %s'), min(k.day))
      from known k where k.unit is null
      group by split_part(k.path, '.days', 1)
      union all
      select min(k.n), split_part(k.path, '.days', 1) || '.nip',
             format(hadir.say('regu %s tidak berlaku bagi NIP %s pada tanggal %s', 'shift %s does not apply to NIP %s on %s'),
                    s.shift, k.nip, min(k.day))
      from known k
      join shifts s on s.part = k.part
      left join runs z on z.unit = k.unit and z.own = k.own and z.day = k.day and z.shift = s.shift
      where k.unit is not null and z.day is null
      group by split_part(k.path, '.days', 1), s.shift, k.nip
      union all
      select k.n, k.path, format(hadir.say('%s disebut dua kali pada %s', '%s is named twice on %s'), k.nip, k.day)
      from (select k.*, row_number() over (partition by k.person, k.day order by k.n) as turn from known k) k
      where k.turn > 1
    ) q);
end
$$;

-- Whether an order that does not say lets people be anywhere: elsewhere and on duty unless it binds fences; at home if the
-- circular that allows it on the first day does.
create or replace function hadir.letter_anywhere(p_government bigint, p_place text, p_fences bigint[], p_day date) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case p_place when 'WFO' then false
    when 'WFH' then cardinality(p_fences) = 0 and coalesce((
      select w.anywhere
      from hadir.policy p join hadir.policy_day w on w.policy = p.id and w.place = 'WFH'
        and extract(isodow from p_day)::int = any (w.weekdays)
      where p.government = p_government and p.valid_from <= p_day and (p.valid_to is null or p.valid_to >= p_day)
      order by p.rank desc, p.dated desc, p.valid_from desc, p.id desc limit 1), false)
    else cardinality(p_fences) = 0 end
$$;

-- Writes a letter that was checked; returns its id, or null if the number is taken.
create or replace function hadir.letter_store(p_government bigint, p_unit bigint, p_body jsonb, p_now timestamptz) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind   constant text := p_body ->> 'kind';
  v_letter bigint;
  v_order  bigint;
  v_place  text;
  v_fences bigint[];
  v_part   record;
  v_alone  jsonb; -- a letter of that order alone
begin
  insert into hadir.letter (government, unit, kind, number, dated, title, document, filed_at)
  values (p_government, p_unit, v_kind, p_body ->> 'number', (p_body ->> 'dated')::date, coalesce(p_body ->> 'title', ''),
          coalesce(p_body ->> 'document', ''), p_now)
  on conflict (government, number) do nothing
  returning id into v_letter;
  if v_letter is null then
    return null;
  end if;
  for v_part in select o.part, o.orders from hadir.letter_parts(p_body) o order by o.part loop
    v_alone := jsonb_build_object('orders', jsonb_build_array(v_part.orders));
    v_place := hadir.letter_place(v_kind, v_part.orders);
    select coalesce(array_agg(f.id order by f.id), '{}') into v_fences
    from hadir.fence f
    where f.government = p_government and v_part.orders -> 'fences' ? f.code;
    insert into hadir.letter_order (letter, place, anywhere, shift, zone, fences)
    select v_letter, v_place, coalesce((v_part.orders ->> 'anywhere')::boolean,
             hadir.letter_anywhere(p_government, v_place, v_fences,
               (select min(d.day) from hadir.letter_days(v_alone) d))),
           hadir.body_text(v_part.orders, 'shift'), hadir.body_text(v_part.orders, 'zone'), v_fences
    returning id into v_order;
    insert into hadir.assignment (letter, person, day, orders)
    select v_letter, pe.id, d.day, v_order
    from hadir.letter_days(v_alone) d join hadir.person pe on pe.nip = d.nip;
  end loop;
  return v_letter;
end
$$;

-- The breaches in which a letter has a part.
create or replace function hadir.letter_breach_list(p_letter bigint) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_government bigint;
  v_first      date;
  v_last       date;
  v_units      bigint[];
begin
  select l.government, min(a.day), max(a.day), array_agg(distinct o.unit) into v_government, v_first, v_last, v_units
  from hadir.letter l
  join hadir.assignment a on a.letter = l.id
  join hadir.posting o on o.person = a.person and o.kind = 'main' and o.valid_from <= a.day
    and (o.valid_to is null or o.valid_to >= a.day)
  where l.id = p_letter
  group by l.government;
  return coalesce(hadir.breach_list(v_government, v_first, v_last, v_units, p_letter), '[]');
end
$$;

-- Who is named and has moved to another unit since the letter was filed, as problems.
create or replace function hadir.letter_strays(p_letter bigint) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(hadir.problem('letter', format(hadir.say('%s bukan pegawai unit ini pada %s',
           '%s does not belong to this unit on %s'), s.nip, s.day)) order by s.day, s.nip), '[]')
  from (
    select pe.nip, min(a.day) as day
    from hadir.letter l
    join hadir.assignment a on a.letter = l.id
    join hadir.person pe on pe.id = a.person
    where l.id = p_letter and not exists (
      select from hadir.posting o
      join hadir.unit_closure c on c.ancestor = l.unit and c.descendant = o.unit
      where o.person = a.person and o.kind = 'main' and o.valid_from <= a.day and (o.valid_to is null or o.valid_to >= a.day))
    group by pe.nip
  ) s
$$;

-- Whether everybody a letter names is the actor's to decide about: now; who joins later, on his first day in it.
create or replace function hadir.letter_below(p_letter bigint, p_now timestamptz) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select not exists (
    select from (
      select a.person, min(a.day) as day, hadir.main_unit(a.person, hadir.local_day(l.government, p_now)) as unit
      from hadir.letter l join hadir.assignment a on a.letter = l.id
      where l.id = p_letter
      group by a.person, l.government
    ) n
    where n.person = hadir.actor_person() or case when n.unit is null
      then hadir.actor_capacity(hadir.superior_unit(n.person, n.day), p_now) else hadir.capacity_to_decide(n.person, p_now) end is null)
$$;

-- Of two letters that touch the same unit and week the second to be confirmed waits for the first, and then counts it.
-- Locks are taken in one order everywhere.
create or replace function hadir.letter_lock(p_letter bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_key record;
begin
  for v_key in
    select distinct o.unit, date_trunc('week', a.day::timestamp)::date as week
    from hadir.assignment a
    join hadir.posting o on o.person = a.person and o.kind = 'main' and o.valid_from <= a.day
      and (o.valid_to is null or o.valid_to >= a.day)
    where a.letter = p_letter
    order by 1, 2
  loop
    perform pg_advisory_xact_lock(hashtextextended(format('hadir.quota:%s:%s', v_key.unit, v_key.week), 0));
  end loop;
end
$$;

-- The unit an actor may ask about, by its code; null when unknown or not his.
create or replace function hadir.letter_unit(p_code text) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (select u.id from hadir.unit u
          where u.code = p_code and (session_user = 'hadir_admin' or u.id = any ((select hadir.visible_units())::bigint[])));
end
$$;

revoke all on function hadir.problems_at(text, jsonb), hadir.letter_parts(jsonb), hadir.letter_entries(jsonb),
  hadir.letter_days(jsonb), hadir.letter_form(jsonb), hadir.letter_span(jsonb), hadir.letter_place(text, jsonb),
  hadir.letter_order_problems(bigint, jsonb), hadir.letter_people_problems(bigint, jsonb),
  hadir.letter_anywhere(bigint, text, bigint[], date), hadir.letter_store(bigint, bigint, jsonb, timestamptz),
  hadir.letter_breach_list(bigint), hadir.letter_strays(bigint), hadir.letter_below(bigint, timestamptz),
  hadir.letter_lock(bigint), hadir.letter_unit(text) from public;
grant execute on function hadir.problems_at(text, jsonb), hadir.letter_parts(jsonb), hadir.letter_entries(jsonb),
  hadir.letter_days(jsonb), hadir.letter_form(jsonb), hadir.letter_span(jsonb), hadir.letter_place(text, jsonb),
  hadir.letter_order_problems(bigint, jsonb), hadir.letter_people_problems(bigint, jsonb),
  hadir.letter_anywhere(bigint, text, bigint[], date), hadir.letter_store(bigint, bigint, jsonb, timestamptz),
  hadir.letter_strays(bigint), hadir.letter_below(bigint, timestamptz), hadir.letter_lock(bigint) to hadir_writer;
grant execute on function hadir.letter_breach_list(bigint), hadir.letter_unit(text) to hadir_writer, hadir_reader;

set role hadir_writer;

create or replace function api.letter_file(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_body       constant jsonb := jsonb_strip_nulls(p_body);
  v_problems   jsonb := hadir.letter_form(v_body);
  v_unit       constant bigint := hadir.letter_unit(hadir.body_text(v_body, 'unit'));
  v_government constant bigint := (select u.government from hadir.unit u where u.id = v_unit);
  v_capacity   constant text := hadir.actor_capacity(v_unit, p_now);
  v_letter     bigint;
begin
  if v_unit is null and v_problems = '[]' then
    return hadir.no_such_unit();
  elsif v_unit is null then
    return hadir.refusal(422, 'invalid', v_problems);
  elsif v_capacity is null then
    return hadir.refusal(403, 'not_yours', hadir.problem_if(true, 'unit', hadir.say(
      'Anda tidak bertindak untuk unit ini', 'you do not act for this unit')));
  else
    v_problems := v_problems || hadir.letter_order_problems(v_government, v_body) || hadir.letter_people_problems(v_unit, v_body);
  end if;
  if v_problems = '[]' then
    v_letter := hadir.letter_store(v_government, v_unit, v_body, p_now);
    v_problems := hadir.problem_if(v_letter is null, 'number', hadir.say('sudah ada surat bernomor itu',
                                                                         'there is a letter of that number'));
  end if;
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  perform hadir.decide('letter', v_letter, 'filed', p_now, v_capacity);
  insert into hadir.audit (at, action, subject) select p_now, 'letter_file', v_letter where v_capacity = 'console';
  return jsonb_build_object('status', 201, 'letter', v_letter, 'breaches', hadir.letter_breach_list(v_letter));
end
$$;
comment on function api.letter_file(jsonb, timestamptz) is
  'Files a letter (see the file) for a unit and what is below it; it is in force when confirmed. 201 {"letter", "breaches"}, the '
  'latter as if it were. Called by hadir_operator with hadir.actor set (whoever acts for the unit, operators too) and hadir_admin.';

create or replace function api.letter_decide(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"letter": "id!", "step": "text!", "reason": "text"}');
  v_step     constant text := hadir.body_text(p_body, 'step');
  v_reason   constant text := coalesce(hadir.body_text(p_body, 'reason'), '');
  v_letter   hadir.letter;
  v_capacity text;
  v_breaches jsonb := '[]';
begin
  v_problems := v_problems
    || hadir.problem_if(v_step not in ('confirmed', 'revoked'), 'step', hadir.say('harus confirmed atau revoked', 'must be confirmed or revoked'))
    || hadir.problem_if(v_step = 'revoked' and v_reason = '', 'reason', hadir.say('harus diisi', 'must be there'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select l.* into v_letter from hadir.letter l where l.id = hadir.body_id(p_body, 'letter') for update;
  v_capacity := hadir.actor_capacity(v_letter.unit, p_now);
  if v_letter.id is null or v_capacity is null and not v_letter.unit = any (hadir.visible_units()) then
    return hadir.no_such('letter', hadir.body_id(p_body, 'letter'));
  elsif v_capacity is null or v_capacity = 'operator' then
    return hadir.refusal(403, 'not_yours', hadir.problem_if(true, 'letter', hadir.say('hanya pimpinan yang memutuskan surat',
                                                                                     'only a head decides about letters')));
  elsif v_capacity <> 'console' and exists (
    select from hadir.assignment a where a.letter = v_letter.id and a.person = hadir.actor_person()) then
    return hadir.refusal(403, 'not_yours', hadir.problem_if(true, 'letter', hadir.say(
      'surat ini menyebut Anda sendiri; atasan berikutnya yang memutuskan', 'this letter names yourself; the next superior decides')));
  elsif v_letter.status = 'revoked' or v_letter.status = v_step then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'letter', case v_letter.status
      when 'revoked' then hadir.say('surat ini sudah dicabut', 'this letter has been revoked')
      else hadir.say('surat ini sudah berlaku', 'this letter is in force') end));
  end if;
  if v_step = 'confirmed' then
    v_problems := hadir.letter_strays(v_letter.id);
    if v_problems <> '[]' then
      return hadir.refusal(409, 'wrong_state', v_problems);
    elsif v_capacity not in ('console', 'bkpsdm') and not hadir.letter_below(v_letter.id, p_now) then
      return hadir.refusal(403, 'not_yours', hadir.problem_if(true, 'letter', hadir.say(
        'surat ini menyebut orang yang bukan bawahan Anda; atasannya yang memutuskan',
        'this letter names somebody who is not below you; his superior decides')));
    end if;
    perform hadir.letter_lock(v_letter.id);
    v_breaches := hadir.letter_breach_list(v_letter.id);
    if v_breaches <> '[]' and v_reason = '' then
      return jsonb_set(hadir.refusal(409, 'breaches', hadir.problem_if(true, 'reason', hadir.say(
        'surat melampaui surat edaran; alasan harus diisi', 'the letter goes beyond a circular; a reason must be given'))),
        '{error,breaches}', v_breaches);
    end if;
  end if;
  update hadir.letter l set status = v_step where l.id = v_letter.id;
  perform hadir.decide('letter', v_letter.id, v_step, p_now, v_capacity, v_reason, v_breaches);
  insert into hadir.audit (at, action, subject) select p_now, 'letter_' || v_step, v_letter.id where v_capacity = 'console';
  return jsonb_build_object('status', 200, 'letter', v_letter.id, 'step', v_step, 'breaches', v_breaches);
end
$$;
comment on function api.letter_decide(jsonb, timestamptz) is
  '{"letter", "step": "confirmed"|"revoked", "reason"}: revoking needs a reason, and so does confirming what breaches a circular '
  '(409 breaches with error.breaches, as hadir.breach_list has them). Called by hadir_operator with hadir.actor set (heads, acting '
  'heads, delegates, BKPSDM; nobody about himself, nor confirming about who is not below him) and hadir_admin.';

revoke all on function api.letter_file(jsonb, timestamptz), api.letter_decide(jsonb, timestamptz) from public;
grant execute on function api.letter_file(jsonb, timestamptz), api.letter_decide(jsonb, timestamptz) to hadir_operator, hadir_admin;
reset role;

-- Of a letter, whom the actor knows of: his units' people, of the days on which they were, and himself.
create or replace function hadir.assignments_seen(p_letter bigint) returns setof hadir.assignment
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select a.* from hadir.assignment a
  where a.letter = p_letter and (session_user = 'hadir_admin' or a.person = (select hadir.actor_person()) or exists (
    select from hadir.posting o
    where o.person = a.person and o.kind = 'main' and o.unit = any ((select hadir.visible_units())::bigint[]) and o.valid_from <= a.day
      and (o.valid_to is null or o.valid_to >= a.day)));
end
$$;

-- A letter's orders with their people, for answers.
create or replace function hadir.letter_orders(p_letter bigint) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('place', o.place, 'anywhere', o.anywhere, 'shift', o.shift,
           'zone', o.zone, 'fences', (select jsonb_agg(f.code order by f.code) from hadir.fence f where f.id = any (o.fences)),
           'people', coalesce(w.people, '[]'))) order by o.id), '[]')
  from hadir.letter_order o
  left join lateral (
    select jsonb_agg(jsonb_build_object('nip', p.nip, 'name', p.name, 'days', p.days) order by p.name collate "C", p.nip) as people
    from (select pe.nip, pe.name, jsonb_agg(a.day order by a.day) as days
          from hadir.assignments_seen(p_letter) a join hadir.person pe on pe.id = a.person
          where a.orders = o.id
          group by pe.nip, pe.name) p
  ) w on true
  where o.letter = p_letter
$$;
revoke all on function hadir.letter_orders(bigint), hadir.assignments_seen(bigint) from public;
grant execute on function hadir.letter_orders(bigint), hadir.assignments_seen(bigint) to hadir_reader;

set role hadir_reader;

create or replace function api.letter_breaches(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems constant jsonb := hadir.body_problems(p_body, '{"letter": "id!"}');
  v_letter   hadir.letter;
begin
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select l.* into v_letter from hadir.letter l where l.id = hadir.body_id(p_body, 'letter');
  if v_letter.id is null or not hadir.reads_unit(v_letter.unit, p_now) then
    return hadir.no_such('letter', hadir.body_id(p_body, 'letter'));
  end if;
  return jsonb_build_object('status', 200, 'letter', v_letter.id, 'breaches', hadir.letter_breach_list(v_letter.id));
end
$$;
comment on function api.letter_breaches(jsonb, timestamptz) is
  '{"letter"}: what circulars do not allow where the letter, counted as confirmed, has a part. Called by hadir_query with '
  'hadir.actor set (whoever may ask about its unit) and hadir_admin.';

create or replace function api.letters(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_one      constant bigint := hadir.body_id(p_body, 'letter');
  v_unit     constant bigint := hadir.letter_unit(hadir.body_text(p_body, 'unit'));
  v_status   constant text := hadir.body_text(p_body, 'status');
  v_from     constant date := hadir.try_date(p_body ->> 'from');
  v_to       constant date := hadir.try_date(p_body ->> 'to');
  v_problems jsonb := hadir.body_problems(p_body, '{"letter": "id", "unit": "text", "from": "day", "to": "day", "status": "text"}');
begin
  v_problems := v_problems
    || hadir.problem_if(v_status not in ('filed', 'confirmed', 'revoked'), 'status',
                        hadir.say('harus filed, confirmed atau revoked', 'must be filed, confirmed or revoked'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  elsif hadir.actor_rests(p_now) then
    return hadir.refused_at_rest();
  elsif v_unit is null and hadir.body_text(p_body, 'unit') is not null then
    return hadir.no_such_unit();
  elsif v_one is not null and not exists (
    select from hadir.letter l
    where l.id = v_one and (hadir.reads_unit(l.unit, p_now) or exists (select from hadir.assignments_seen(l.id)))) then
    return hadir.no_such('letter', v_one);
  end if;
  return (
    with found as (
      select l.*, a.first_day, a.last_day, a.people
      from hadir.letter l
      cross join lateral (select min(a.day) as first_day, max(a.day) as last_day, count(distinct a.person) as people
                          from hadir.assignments_seen(l.id) a) a
      where (session_user = 'hadir_admin' or l.unit = any ((select hadir.visible_units())::bigint[]) or a.people > 0) and (v_one is null or l.id = v_one) and (v_status is null or l.status = v_status)
        and (v_unit is null or l.unit in (select c.descendant from hadir.unit_closure c where c.ancestor = v_unit))
        and (v_from is null or a.last_day >= v_from) and (v_to is null or a.first_day <= v_to)
      order by l.dated desc, l.id desc
      limit hadir.list_most() + 1
    )
    select jsonb_build_object('status', 200, 'more', count(*) > hadir.list_most(), 'letters', coalesce(jsonb_agg(
             jsonb_strip_nulls(jsonb_build_object('letter', f.id, 'unit', u.code, 'kind', f.kind, 'number', f.number,
               'dated', f.dated, 'title', f.title, 'document', f.document, 'status', f.status,
               'filed_at', hadir.rfc3339(f.filed_at, g.zone), 'first_day', f.first_day, 'last_day', f.last_day, 'people', f.people))
             || jsonb_build_object('steps', hadir.steps('letter', f.id, g.zone))
             || case when v_one is null then '{}' else jsonb_build_object('orders', hadir.letter_orders(f.id)) end
             order by f.dated desc, f.id desc) filter (where f.turn <= hadir.list_most()), '[]'))
    from (select f.*, row_number() over (order by f.dated desc, f.id desc) as turn from found f) f
    left join hadir.unit u on u.id = f.unit and hadir.sees_unit(u.id)
    left join hadir.government g on g.id = f.government);
end
$$;
comment on function api.letters(jsonb, timestamptz) is
  '{"unit", "from", "to", "status"}, each may be left out: the letters of the unit and what is below it, with a day in that time, '
  'the latest first, hadir.list_most() of them ("more": there are others); {"letter"}: one, with its orders and people, or 404. Called by hadir_query '
  'with hadir.actor set (a phone sees those that name its person) and hadir_admin.';

create or replace function api.breaches(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_unit     constant bigint := hadir.letter_unit(hadir.body_text(p_body, 'unit'));
  v_from     constant date := hadir.try_date(p_body ->> 'from');
  v_to       constant date := hadir.try_date(p_body ->> 'to');
  v_problems jsonb := hadir.body_problems(p_body, '{"unit": "text!", "from": "day!", "to": "day!"}');
begin
  v_problems := v_problems
    || hadir.problem_if(v_to < v_from or v_to > v_from + 61, 'to', hadir.say('harus pada atau sesudah from, paling lama 62 hari',
                                                                            'must be from or later, 62 days at most'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  elsif hadir.actor_rests(p_now) then
    return hadir.refused_at_rest();
  elsif v_unit is null then
    return hadir.no_such_unit();
  end if;
  return (
    select jsonb_build_object('status', 200, 'unit', u.code, 'from', v_from, 'to', v_to, 'breaches',
             hadir.breach_list(u.government, v_from, v_to,
                               array(select c.descendant from hadir.unit_closure c where c.ancestor = v_unit), null))
    from hadir.unit u where u.id = v_unit);
end
$$;
comment on function api.breaches(jsonb, timestamptz) is
  '{"unit", "from", "to"}: what circulars do not allow, as it stands now, in the unit and what is below it; also what arose after '
  'a letter was confirmed. Called by hadir_query with hadir.actor set and hadir_admin.';

revoke all on function api.letter_breaches(jsonb, timestamptz), api.letters(jsonb, timestamptz), api.breaches(jsonb, timestamptz)
  from public;
grant execute on function api.letter_breaches(jsonb, timestamptz), api.letters(jsonb, timestamptz), api.breaches(jsonb, timestamptz)
  to hadir_query, hadir_admin;
reset role;
