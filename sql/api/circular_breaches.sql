-- Circulars against what heads decide: where everybody is by the rules, letters and absences, and what of that a circular
-- does not allow. Worked out from the rules themselves, not from the compiled plan: letters lie ahead of its window, and a
-- letter that is not confirmed yet is counted as if it were. Set-based; nothing here reads the clock. Row security of
-- whoever asks holds: people he may not see are not counted.
--
-- How shares are counted. The people of a unit are those whose main posting it is, itself, not what is below it. Those whose
-- place another circular decides that day are left out; those whom no circular binds are in, at the government's default
-- place. Who works that day: by hours, calendar and shift, without an absence for the whole day. posted counts all, working
-- only these. Days on which nobody of them works are not looked at. Elsewhere is WFH and WFA; duty (DL) is neither elsewhere
-- nor at the office. A person's week is Monday to Sunday, without the days another circular decides, and without duty.

-- Where people are posted, day by day, and what circulars ask about them.
create or replace function hadir.stays_of(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns table (person bigint, day date, unit bigint, category text, echelon text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select o.person, d::date, o.unit, pe.category, pe.echelon
  from hadir.posting o
  join hadir.unit u on u.id = o.unit and u.government = p_government
  join hadir.person pe on pe.id = o.person
  cross join generate_series(greatest(o.valid_from, p_from)::timestamp, least(coalesce(o.valid_to, p_to), p_to)::timestamp,
                             interval '1 day') d
  where o.person = any (p_persons) and o.kind = 'main'
$$;
comment on function hadir.stays_of(bigint, date, date, bigint[]) is
  'One row per person and local day p_from … p_to with his main posting''s unit, category and echelon. Called by api functions.';

-- Which circulars bind which kinds of people: some scope that includes holds, none that excludes does.
create or replace function hadir.policy_binds(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns table (policy bigint, unit bigint, category text, echelon text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select p.id, k.unit, k.category, k.echelon
  from (
    select distinct o.unit, u.serves, pe.category, pe.echelon
    from hadir.posting o
    join hadir.unit u on u.id = o.unit and u.government = p_government
    join hadir.person pe on pe.id = o.person
    where o.person = any (p_persons) and o.kind = 'main' and o.valid_from <= p_to and (o.valid_to is null or o.valid_to >= p_from)
  ) k
  join hadir.policy p on p.government = p_government and p.valid_from <= p_to and (p.valid_to is null or p.valid_to >= p_from)
  join hadir.policy_scope s on s.policy = p.id
    and (s.categories is null or k.category = any (s.categories)) and (s.echelons is null or k.echelon = any (s.echelons))
    and (s.services is null or k.serves = any (s.services))
    and (s.unit is null or exists (select from hadir.unit_closure c where c.ancestor = s.unit and c.descendant = k.unit))
  group by p.id, k.unit, k.category, k.echelon
  having not bool_or(s.exclude)
$$;
comment on function hadir.policy_binds(bigint, date, date, bigint[]) is
  'Circulars in force some day p_from … p_to and the unit, category and echelon of p_persons they bind. Called by api functions.';

create or replace function hadir.policy_of(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns table (person bigint, day date, unit bigint, policy bigint)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with stay as materialized (
    select s.* from hadir.stays_of(p_government, p_from, p_to, p_persons) s
  ),
  best as (
    select distinct on (b.unit, b.category, b.echelon, d.day) b.unit, b.category, b.echelon, d.day, b.policy
    from hadir.policy_binds(p_government, p_from, p_to, p_persons) b
    join hadir.policy p on p.id = b.policy
    join (select distinct s.day from stay s) d on d.day >= p.valid_from and (p.valid_to is null or d.day <= p.valid_to)
    where exists (select from hadir.policy_day w where w.policy = p.id and extract(isodow from d.day)::int = any (w.weekdays))
    order by b.unit, b.category, b.echelon, d.day, p.rank desc, p.dated desc, p.valid_from desc, p.id desc
  )
  select s.person, s.day, s.unit, b.policy
  from stay s
  left join best b on b.unit = s.unit and b.category = s.category and b.echelon = s.echelon and b.day = s.day
$$;
comment on function hadir.policy_of(bigint, date, date, bigint[]) is
  'One row per person and local day p_from … p_to: his unit, and the circular that decides his place (null: none), which is the '
  'one of the highest precedence (rank, dated, valid_from, id) among those that bind him and whose weekdays name the day. Called '
  'by api functions.';

-- The nearest level of hours that covers a day decides, in it a season that runs before the others, then the latest.
create or replace function hadir.works_on(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns table (person bigint, day date)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with stay as materialized (
    select s.person, s.day, s.unit, extract(isodow from s.day)::int as weekday,
           case when exists (select from hadir.working_hours w where w.person = s.person) then s.person end as own
    from hadir.stays_of(p_government, p_from, p_to, p_persons) s
  ),
  kind as (
    select distinct s.unit, s.own, s.day, s.weekday from stay s
  ),
  candidate as (
    select k.unit, k.own, -1 as level, w.id from (select distinct unit, own from kind) k join hadir.working_hours w on w.person = k.own
    union all
    select k.unit, k.own, c.depth, w.id
    from (select distinct unit, own from kind) k
    join hadir.unit_closure c on c.descendant = k.unit
    join hadir.working_hours w on w.unit = c.ancestor
    union all
    select k.unit, k.own, 1000000, w.id
    from (select distinct unit, own from kind) k
    join hadir.working_hours w on w.government = p_government and w.unit is null and w.person is null
  ),
  season as materialized (
    select d.day, d.kind from hadir.period_days(p_from, p_to) d where d.government = p_government
  ),
  ranked as (
    select k.unit, k.own, k.day, k.weekday = any (w.weekdays) as named, w.on_holidays,
           rank() over (partition by k.unit, k.own, k.day order by c.level, w.season is null, w.valid_from desc) as place
    from kind k
    join candidate c on c.unit = k.unit and c.own is not distinct from k.own
    join hadir.working_hours w on w.id = c.id and w.shift is null and k.day >= w.valid_from
      and (w.valid_to is null or k.day <= w.valid_to)
      and (w.season is null or exists (select from season s where s.day = k.day and s.kind = w.season))
  ),
  holiday as materialized (
    select h.day from hadir.calendar_in_force(p_from, p_to) h where h.government = p_government
  ),
  works as (
    select r.unit, r.own, r.day
    from ranked r
    where r.place = 1 and r.named
    group by r.unit, r.own, r.day
    having bool_or(r.on_holidays) or r.day not in (select h.day from holiday h)
  )
  select s.person, s.day
  from stay s
  join works w on w.unit = s.unit and w.own is not distinct from s.own and w.day = s.day
$$;
comment on function hadir.works_on(bigint, date, date, bigint[]) is
  'Person and local day p_from … p_to for each day on which hours and calendar have him work; shifts, letters and absences are '
  'not looked at. Called by api functions.';

-- p_letter is counted as if it were confirmed.
create or replace function hadir.places_of(p_government bigint, p_from date, p_to date, p_persons bigint[], p_letter bigint)
returns table (person bigint, day date, unit bigint, policy bigint, works boolean, place text, letter bigint)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with told as (
    select distinct on (a.person, a.day) a.person, a.day, a.letter, o.place, o.shift
    from hadir.assignment a
    join hadir.letter l on l.id = a.letter and (l.status = 'confirmed' or l.id = p_letter)
    join hadir.letter_order o on o.id = a.orders
    where a.person = any (p_persons) and a.day between p_from and p_to
    order by a.person, a.day, array_position(array['recall', 'travel', 'assignment', 'roster'], l.kind), l.dated desc, l.id desc
  ),
  away as (
    select distinct b.person, d::date as day
    from hadir.absence b
    cross join generate_series(greatest(b.first_day, p_from)::timestamp, least(b.last_day, p_to)::timestamp, interval '1 day') d
    where b.person = any (p_persons) and b.status = 'approved' and b.sessions is null
      and b.first_day <= p_to and b.last_day >= p_from
  )
  select b.person, b.day, b.unit, b.policy, e.works,
         case when e.works then coalesce(t.place, w.place, g.default_place) end,
         case when e.works then t.letter end
  from hadir.policy_of(p_government, p_from, p_to, p_persons) b
  join hadir.government g on g.id = p_government
  left join hadir.works_on(p_government, p_from, p_to, p_persons) h on h.person = b.person and h.day = b.day
  left join told t on t.person = b.person and t.day = b.day
  left join away a on a.person = b.person and a.day = b.day
  left join lateral (
    select d.place from hadir.policy_day d
    where d.policy = b.policy and not d.granted and extract(isodow from b.day)::int = any (d.weekdays) order by d.place limit 1
  ) w on true
  cross join lateral (select (h.person is not null or t.shift is not null) and a.person is null as works) e
$$;
comment on function hadir.places_of(bigint, date, date, bigint[], bigint) is
  'One row per person and local day p_from … p_to: his unit, the circular that decides his place, whether he works, where (null: '
  'does not work), and the letter that says so. p_letter, if not null, counts as confirmed. Called by api functions.';

-- The breaches of p_units on p_from … p_to; with p_letter only on its days, of its people''s units, and of its people.
create or replace function hadir.breaches_of(p_government bigint, p_from date, p_to date, p_units bigint[], p_letter bigint)
returns table (policy bigint, measure text, unit bigint, day date, week date, person bigint, have int, "limit" int, base int,
               people bigint[])
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_first   constant date := date_trunc('week', p_from::timestamp)::date;
  v_last    constant date := date_trunc('week', p_to::timestamp)::date + 6;
  v_persons bigint[];
begin
  select array_agg(distinct o.person) into v_persons
  from hadir.posting o
  where o.unit = any (p_units) and o.kind = 'main' and o.valid_from <= p_to and (o.valid_to is null or o.valid_to >= p_from);
  return query
  with stand as materialized (
    select s.*, date_trunc('week', s.day::timestamp)::date as week
    from hadir.places_of(p_government, v_first, v_last, v_persons, p_letter) s
  ),
  -- What is looked at.
  asked as materialized (
    select s.* from stand s
    where s.unit = any (p_units) and s.day between p_from and p_to and s.works
      and (p_letter is null or exists (select from hadir.assignment a
                                       where a.letter = p_letter and a.person = s.person and a.day = s.day))
  ),
  looked as (
    select distinct a.unit, a.day from asked a
  ),
  -- Shares of a unit on a day.
  share as (
    select q.policy, q.measure, k.unit, k.day, q.percent, q.rounding,
           case q.base when 'posted' then count(*) else count(*) filter (where s.works) end as base,
           count(*) filter (where f.fits) as have,
           array_agg(s.person order by s.person) filter (where f.fits) as people
    from (select distinct l.unit, l.day, s.policy
          from looked l join stand s on s.unit = l.unit and s.day = l.day and s.works) k
    join (select distinct * from hadir.policy_quota) q on q.policy = k.policy
    join hadir.unit u on u.id = k.unit and (q.services is null or u.serves = any (q.services))
    join stand s on s.unit = k.unit and s.day = k.day and (s.policy = k.policy or s.policy is null)
    cross join lateral (
      select case q.measure when 'max_elsewhere' then s.place in ('WFH', 'WFA') when 'min_wfo' then s.place = 'WFO'
                            else s.place = 'WFH' end as fits
    ) f
    group by q.policy, q.measure, k.unit, k.day, q.percent, q.rounding, q.base, q.small
    having count(*) > q.small
  ),
  bounded as (
    select s.*, case s.rounding when 'down' then floor(s.percent * s.base / 100) when 'up' then ceil(s.percent * s.base / 100)
                                else round(s.percent * s.base / 100) end as "limit"
    from share s
  ),
  -- A person's week.
  week as (
    select k.policy, k.week, k.person, (array_agg(s.unit order by s.day desc))[1] as unit,
           count(*) as days, count(*) filter (where s.place = 'WFO') as office,
           count(*) filter (where s.place in ('WFH', 'WFA')) as elsewhere
    from (select distinct a.person, a.week, s.policy
          from asked a join stand s on s.person = a.person and s.week = a.week and s.works) k
    join stand s on s.person = k.person and s.week = k.week and s.works and s.place <> 'DL'
      and (s.policy = k.policy or s.policy is null)
    group by k.policy, k.week, k.person
  ),
  -- Who is sent where no circular lets him be. bound: it binds him, but does not allow the place, or another decides.
  sent as (
    select a.person, a.unit, a.day, a.policy, c.policy as other, c.bound
    from asked a
    left join lateral (
      select p.id as policy, exists (
               select from hadir.policy_binds(p_government, a.day, a.day, array[a.person]) b where b.policy = p.id) as bound
      from hadir.policy p
      join hadir.policy_day w on w.policy = p.id and w.place = a.place and extract(isodow from a.day)::int = any (w.weekdays)
      where p.government = p_government and p.valid_from <= a.day and (p.valid_to is null or p.valid_to >= a.day)
      order by p.rank desc, p.dated desc, p.valid_from desc, p.id desc
      limit 1
    ) c on true
    where a.letter is not null and a.letter = coalesce(p_letter, a.letter) and a.place in ('WFH', 'WFA')
      and not exists (select from hadir.policy_day w where w.policy = a.policy and w.place = a.place
                        and extract(isodow from a.day)::int = any (w.weekdays))
  )
  select b.policy, b.measure, b.unit, b.day, null::date, null::bigint, b.have::int, b."limit"::int, b.base::int,
         coalesce(b.people, '{}')
  from bounded b
  where case when b.measure like 'max%' then b.have > b."limit" else b.have < b."limit" end
  union all
  select w.policy, 'min_office_days', w.unit, null, w.week, w.person, w.office::int, least(p.min_office_days, w.days)::int,
         w.days::int, '{}'
  from week w join hadir.policy p on p.id = w.policy
  where p.min_office_days is not null and w.office < least(p.min_office_days, w.days)
  union all
  select w.policy, 'max_elsewhere_days', w.unit, null, w.week, w.person, w.elsewhere::int, p.max_elsewhere_days, w.days::int, '{}'
  from week w join hadir.policy p on p.id = w.policy
  where w.elsewhere > p.max_elsewhere_days
  union all
  select case when s.bound is false then s.other else s.policy end,
         case when s.bound is false then 'not_eligible' else 'place_not_granted' end, s.unit, s.day, null, s.person, 1, 0, 1, '{}'
  from sent s;
end
$$;
comment on function hadir.breaches_of(bigint, date, date, bigint[], bigint) is
  'What the circulars do not allow in p_units on the local days p_from … p_to, as it stands (p_letter null), or only where '
  'p_letter, counted as confirmed, has a part in it. A week counts whole if one of its days is asked. Called by api functions.';

-- A breach in words.
create or replace function hadir.breach_text(p_measure text, p_number text, p_unit text, p_day date, p_week date, p_name text,
                                             p_have int, p_limit int, p_base int) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case p_measure
    when 'max_elsewhere' then format(hadir.say('Unit %s, %s: %s dari %s orang di luar kantor, paling banyak %s (%s)',
      'Unit %s, %s: %s of %s people elsewhere, at most %s (%s)'), p_unit, p_day, p_have, p_base, p_limit, p_number)
    when 'max_wfh' then format(hadir.say('Unit %s, %s: %s dari %s orang WFH, paling banyak %s (%s)',
      'Unit %s, %s: %s of %s people at home, at most %s (%s)'), p_unit, p_day, p_have, p_base, p_limit, p_number)
    when 'min_wfh' then format(hadir.say('Unit %s, %s: %s dari %s orang WFH, paling sedikit %s (%s)',
      'Unit %s, %s: %s of %s people at home, at least %s (%s)'), p_unit, p_day, p_have, p_base, p_limit, p_number)
    when 'min_wfo' then format(hadir.say('Unit %s, %s: %s dari %s orang di kantor, paling sedikit %s (%s)',
      'Unit %s, %s: %s of %s people at the office, at least %s (%s)'), p_unit, p_day, p_have, p_base, p_limit, p_number)
    when 'min_office_days' then format(hadir.say('%s, pekan %s: %s dari %s hari kerja di kantor, paling sedikit %s (%s)',
      '%s, week of %s: %s of %s working days at the office, at least %s (%s)'), p_name, p_week, p_have, p_base, p_limit, p_number)
    when 'max_elsewhere_days' then format(hadir.say('%s, pekan %s: %s dari %s hari kerja di luar kantor, paling banyak %s (%s)',
      '%s, week of %s: %s of %s working days elsewhere, at most %s (%s)'), p_name, p_week, p_have, p_base, p_limit, p_number)
    when 'not_eligible' then format(hadir.say('%s, %s: tidak termasuk yang diizinkan %s',
      '%s, %s: not among those whom %s allows it'), p_name, p_day, p_number)
    else format(hadir.say('%s, %s: tempat itu tidak diizinkan surat edaran mana pun pada hari itu',
      '%s, %s: no circular allows that place on that day'), p_name, p_day) end
$$;
comment on function hadir.breach_text(text, text, text, date, date, text, int, int, int) is
  'A breach in words, in the language of the setting. Called by hadir.breach_list.';

create or replace function hadir.breach_list(p_government bigint, p_from date, p_to date, p_units bigint[], p_letter bigint)
returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('policy', p.number, 'measure', b.measure, 'unit', u.code,
           'day', b.day, 'week', b.week, 'nip', pe.nip, 'name', pe.name, 'have', b.have, 'limit', b."limit", 'base', b.base))
           || jsonb_build_object('people', n.people,
                'text', hadir.breach_text(b.measure, p.number, u.code, b.day, b.week, pe.name, b.have, b."limit", b.base))
           order by coalesce(b.day, b.week), u.code collate "C", b.person is not null, pe.name collate "C", pe.nip, b.measure, p.number), '[]')
  from hadir.breaches_of(p_government, p_from, p_to, p_units, p_letter) b
  join hadir.unit u on u.id = b.unit
  left join hadir.policy p on p.id = b.policy
  left join hadir.person pe on pe.id = b.person
  cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object('nip', x.nip, 'name', x.name) order by x.name collate "C", x.nip), '[]') as people
    from hadir.person x where x.id = any (b.people)
  ) n
$$;
comment on function hadir.breach_list(bigint, date, date, bigint[], bigint) is
  'hadir.breaches_of as an answer has it: policy (number), measure, unit, day or week (its Monday), nip and name of a personal '
  'one, have, limit, base, people (whom "have" counts), text. Called by api functions.';

revoke all on function hadir.stays_of(bigint, date, date, bigint[]), hadir.policy_binds(bigint, date, date, bigint[]),
  hadir.policy_of(bigint, date, date, bigint[]), hadir.works_on(bigint, date, date, bigint[]),
  hadir.places_of(bigint, date, date, bigint[], bigint), hadir.breaches_of(bigint, date, date, bigint[], bigint),
  hadir.breach_text(text, text, text, date, date, text, int, int, int),
  hadir.breach_list(bigint, date, date, bigint[], bigint) from public;
grant execute on function hadir.stays_of(bigint, date, date, bigint[]), hadir.policy_binds(bigint, date, date, bigint[]),
  hadir.policy_of(bigint, date, date, bigint[]), hadir.works_on(bigint, date, date, bigint[]),
  hadir.places_of(bigint, date, date, bigint[], bigint), hadir.breaches_of(bigint, date, date, bigint[], bigint),
  hadir.breach_text(text, text, text, date, date, text, int, int, int),
  hadir.breach_list(bigint, date, date, bigint[], bigint) to hadir_reader, hadir_writer;
