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

-- Of those that bind a kind of people and whose weekdays name the day, the one of the highest precedence; and the place it has
-- for whoever is granted nothing.
create or replace function hadir.policy_days(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns table (unit bigint, category text, echelon text, day date, policy bigint, place text)
language sql stable rows 10000 set search_path = pg_catalog, pg_temp
as $$
  select distinct on (b.unit, b.category, b.echelon, d.day) b.unit, b.category, b.echelon, d.day, b.policy, d.place
  from hadir.policy_binds(p_government, p_from, p_to, p_persons) b
  join (
    select p.id, p.rank, p.dated, p.valid_from, g::date as day, min(w.place) filter (where not w.granted) as place
    from hadir.policy p
    cross join generate_series(greatest(p.valid_from, p_from)::timestamp, least(coalesce(p.valid_to, p_to), p_to)::timestamp,
                               interval '1 day') g
    join hadir.policy_day w on w.policy = p.id and extract(isodow from g)::int = any (w.weekdays)
    where p.government = p_government
    group by p.id, g
  ) d on d.id = b.policy
  order by b.unit, b.category, b.echelon, d.day, d.rank desc, d.dated desc, d.valid_from desc, d.id desc
$$;
comment on function hadir.policy_days(bigint, date, date, bigint[]) is
  'Which circular decides the place of p_persons by unit, category, echelon and local day p_from … p_to, and which place it is '
  'without a letter (null: the default). No row: none does. Called by api functions.';

create or replace function hadir.policy_of(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns table (person bigint, day date, unit bigint, policy bigint)
language sql stable rows 100000 set search_path = pg_catalog, pg_temp
as $$
  select o.person, d.day, o.unit, d.policy
  from hadir.posting o
  join hadir.person pe on pe.id = o.person
  join hadir.policy_days(p_government, p_from, p_to, p_persons) d on d.unit = o.unit and d.category = pe.category
    and d.echelon = pe.echelon and d.day >= o.valid_from and (o.valid_to is null or d.day <= o.valid_to)
  where o.person = any (p_persons) and o.kind = 'main'
$$;
comment on function hadir.policy_of(bigint, date, date, bigint[]) is
  'Person and local day p_from … p_to with the unit and the circular that decides the place; no row where none does: the one of '
  'the highest precedence (rank, dated, valid_from, id) among those that bind him and whose weekdays name the day. Called by api '
  'functions.';

-- The nearest level of hours that covers a day decides, in it a season that runs before the others, then the latest.
create or replace function hadir.work_days(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns table (unit bigint, own bigint, day date)
language sql stable rows 10000 set search_path = pg_catalog, pg_temp
as $$
  with kind as (
    select distinct o.unit, case when o.person in (select w.person from hadir.working_hours w where w.person is not null)
                                 then o.person else 0 end as own
    from hadir.posting o
    where o.person = any (p_persons) and o.kind = 'main' and o.valid_from <= p_to and (o.valid_to is null or o.valid_to >= p_from)
  ),
  candidate as (
    select k.unit, k.own, -1 as level, w.id from kind k join hadir.working_hours w on w.person = k.own
    union all
    select k.unit, k.own, c.depth, w.id
    from kind k join hadir.unit_closure c on c.descendant = k.unit join hadir.working_hours w on w.unit = c.ancestor
    union all
    select k.unit, k.own, 1000000, w.id
    from kind k join hadir.working_hours w on w.government = p_government and w.unit is null and w.person is null
  ),
  season as materialized (
    select d.day, d.kind from hadir.period_days(p_from, p_to) d where d.government = p_government
  ),
  ranked as (
    select c.unit, c.own, d.day, d.weekday = any (w.weekdays) as named, w.on_holidays,
           rank() over (partition by c.unit, c.own, d.day order by c.level, w.season is null, w.valid_from desc) as place
    from candidate c
    join hadir.working_hours w on w.id = c.id and w.shift is null
    join (select g::date as day, extract(isodow from g)::int as weekday
          from generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') g) d
      on d.day >= w.valid_from and (w.valid_to is null or d.day <= w.valid_to)
    where w.season is null or exists (select from season s where s.day = d.day and s.kind = w.season)
  ),
  holiday as materialized (
    select h.day from hadir.calendar_in_force(p_from, p_to) h where h.government = p_government
  )
  select r.unit, r.own, r.day
  from ranked r
  where r.place = 1 and r.named
  group by r.unit, r.own, r.day
  having bool_or(r.on_holidays) or not exists (select from holiday h where h.day = r.day)
$$;
comment on function hadir.work_days(bigint, date, date, bigint[]) is
  'Local days p_from … p_to on which hours and calendar have people work, by unit and, for those of p_persons who have hours of '
  'their own, person (else 0); shifts, letters and absences are not looked at. Called by api functions.';

-- Where people are posted, day by day. own: who has hours of his own, else 0.
create or replace function hadir.stays_of(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns table (person bigint, day date, unit bigint, category text, echelon text, own bigint)
language sql stable rows 100000 set search_path = pg_catalog, pg_temp
as $$
  select o.person, g::date, o.unit, pe.category, pe.echelon,
         case when o.person in (select w.person from hadir.working_hours w where w.person is not null) then o.person else 0 end
  from hadir.posting o
  join hadir.unit u on u.id = o.unit and u.government = p_government
  join hadir.person pe on pe.id = o.person
  cross join generate_series(greatest(o.valid_from, p_from)::timestamp, least(coalesce(o.valid_to, p_to), p_to)::timestamp,
                             interval '1 day') g
  where o.person = any (p_persons) and o.kind = 'main'
$$;
comment on function hadir.stays_of(bigint, date, date, bigint[]) is
  'One row per person and local day p_from … p_to with his main posting''s unit, category, echelon and whether he has hours of his '
  'own. Called by api functions.';

-- What letters in force say, p_letter among them. named: p_letter speaks of the day, whichever letter goes first.
create or replace function hadir.told_of(p_from date, p_to date, p_persons bigint[], p_letter bigint)
returns table (person bigint, day date, letter bigint, kind text, place text, shift text, named boolean)
language sql stable rows 10000 set search_path = pg_catalog, pg_temp
as $$
  select distinct on (a.person, a.day) a.person, a.day, a.letter, l.kind, o.place, o.shift,
         bool_or(a.letter = p_letter) over (partition by a.person, a.day)
  from hadir.assignment a
  join hadir.letter l on l.id = a.letter and (l.status = 'confirmed' or l.id = p_letter)
  join hadir.letter_order o on o.id = a.orders
  where a.person = any (p_persons) and a.day between p_from and p_to
  order by a.person, a.day, array_position(array['recall', 'travel', 'assignment', 'roster'], l.kind), l.dated desc, l.id desc
$$;
comment on function hadir.told_of(date, date, bigint[], bigint) is
  'Person and local day p_from … p_to with the order that goes first: of a recall, travel, assignment, roster, the later dated. '
  'p_letter, if not null, counts as confirmed. Called by api functions.';

drop function if exists hadir.shift_days(bigint, date, date, bigint[]);
create function hadir.shift_days(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns table (unit bigint, own bigint, shift text, day date, works boolean)
language sql stable rows 1000 set search_path = pg_catalog, pg_temp
as $$
  with kind as (
    select distinct o.unit, case when o.person in (select w.person from hadir.working_hours w where w.person is not null)
                                 then o.person else 0 end as own
    from hadir.posting o
    where o.person = any (p_persons) and o.kind = 'main' and o.valid_from <= p_to and (o.valid_to is null or o.valid_to >= p_from)
  )
  select k.unit, k.own, w.shift, g::date,
         (array_agg(exists (select from hadir.session x where x.working_hours = w.id)
                    order by w.person is null, c.depth nulls last, w.valid_from desc))[1]
  from kind k
  join hadir.working_hours w on w.shift is not null and w.government = p_government and w.valid_from <= p_to
    and (w.valid_to is null or w.valid_to >= p_from)
  left join hadir.unit_closure c on c.ancestor = w.unit and c.descendant = k.unit
  cross join generate_series(greatest(w.valid_from, p_from)::timestamp, least(coalesce(w.valid_to, p_to), p_to)::timestamp,
                             interval '1 day') g
  where w.person = k.own or w.person is null and (w.unit is null or c.ancestor is not null)
  group by 1, 2, 3, 4
$$;
comment on function hadir.shift_days(bigint, date, date, bigint[]) is
  'Local days p_from … p_to on which there are hours of a shift, by unit and, for those of p_persons who have hours of their own, '
  'person (else 0): his own, those of the unit or one above, or the government''s; works: the nearest of them has sessions, else it is a day off. Without hours a shift list leaves the day as it is. '
  'Called by hadir.places_of.';

-- The parts are functions that say about how many rows they give: a letter just filed has no statistics.
create or replace function hadir.places_of(p_government bigint, p_from date, p_to date, p_persons bigint[], p_letter bigint)
returns table (person bigint, day date, unit bigint, policy bigint, works boolean, place text, letter bigint, kind text, named boolean)
language sql stable rows 100000 set search_path = pg_catalog, pg_temp
as $$
  with away as (
    select distinct b.person, g::date as day
    from hadir.absence b
    cross join generate_series(greatest(b.first_day, p_from)::timestamp, least(b.last_day, p_to)::timestamp, interval '1 day') g
    where b.person = any (p_persons) and b.status = 'approved' and b.sessions is null
      and b.first_day <= p_to and b.last_day >= p_from
  )
  select s.person, s.day, s.unit, c.policy, e.works,
         case when e.works then coalesce(t.place, c.place, (select v.default_place from hadir.government v where v.id = p_government)) end,
         case when e.works then t.letter end, case when e.works then t.kind end, coalesce(t.named, false)
  from hadir.stays_of(p_government, p_from, p_to, p_persons) s
  left join hadir.policy_days(p_government, p_from, p_to, p_persons) c on c.unit = s.unit and c.category = s.category
    and c.echelon = s.echelon and c.day = s.day
  left join hadir.work_days(p_government, p_from, p_to, p_persons) h on h.unit = s.unit and h.day = s.day and h.own = s.own
  left join hadir.told_of(p_from, p_to, p_persons, p_letter) t on t.person = s.person and t.day = s.day
  left join away a on a.person = s.person and a.day = s.day
  left join hadir.shift_days(p_government, p_from, p_to, p_persons) z on z.unit = s.unit and z.own = s.own and z.day = s.day
    and z.shift = t.shift
  cross join lateral (select coalesce(z.works, h.day is not null) and a.person is null as works) e
$$;
comment on function hadir.places_of(bigint, date, date, bigint[], bigint) is
  'One row per person and local day p_from … p_to: his unit, the circular that decides his place, whether he works, where (null: '
  'does not work), the letter that says so and its kind, and whether p_letter, which counts as confirmed, names him. Called by api functions.';

-- What the circulars count in p_units on p_from … p_to: breaches, or (p_all) whatever is counted, met or not; with p_letter only
-- on its days, of its people's units, and of its people.
create or replace function hadir.circular_counts(p_government bigint, p_from date, p_to date, p_units bigint[], p_letter bigint,
                                                 p_all boolean)
returns table (policy bigint, measure text, unit bigint, day date, week date, person bigint, have int, "limit" int, base int,
               people bigint[], place text, base_of text, only_letter boolean, met boolean)
language plpgsql stable rows 100 set search_path = pg_catalog, pg_temp
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
  -- asked: is looked at.
  with stand as materialized (
    select s.*, date_trunc('week', s.day::timestamp)::date as week,
           s.works and s.unit = any (p_units) and s.day between p_from and p_to and (p_letter is null or s.named) as asked
    from hadir.places_of(p_government, v_first, v_last, v_persons, p_letter) s
  ),
  -- A unit's people on a day, by the circular that decides (0: none).
  cell as (
    select s.unit, s.day, coalesce(s.policy, 0) as policy, bool_or(s.asked) as asked, count(*) as posted,
           count(*) filter (where s.works) as working, count(*) filter (where s.place = 'WFO') as wfo,
           count(*) filter (where s.place = 'WFH') as wfh, count(*) filter (where s.place in ('WFH', 'WFA')) as elsewhere
    from stand s
    where s.unit = any (p_units) and s.day between p_from and p_to
    group by s.unit, s.day, coalesce(s.policy, 0)
  ),
  looked as (
    select c.unit, c.day from cell c group by c.unit, c.day having bool_or(c.asked)
  ),
  share as (
    select q.policy, q.measure, c.unit, c.day, q.percent, q.rounding, q.base as base_of,
           case q.base when 'posted' then c.posted + coalesce(n.posted, 0) else c.working + coalesce(n.working, 0) end as base,
           case q.measure when 'max_elsewhere' then c.elsewhere + coalesce(n.elsewhere, 0)
                          when 'min_wfo' then c.wfo + coalesce(n.wfo, 0) else c.wfh + coalesce(n.wfh, 0) end as have
    from cell c
    join looked l on l.unit = c.unit and l.day = c.day
    left join cell n on n.unit = c.unit and n.day = c.day and n.policy = 0
    join hadir.unit u on u.id = c.unit
    join (select distinct * from hadir.policy_quota) q on q.policy = c.policy and (q.services is null or u.serves = any (q.services))
    where c.working > 0 and c.posted + coalesce(n.posted, 0) > q.small
  ),
  judged as (
    select s.*, b."limit", case when s.measure like 'max%' then s.have <= b."limit" else s.have >= b."limit" end as met
    from share s
    cross join lateral (
      select case s.rounding when 'down' then floor(s.percent * s.base / 100) when 'up' then ceil(s.percent * s.base / 100)
                             else round(s.percent * s.base / 100) end as "limit"
    ) b
  ),
  -- Whom "have" counts, in a breach.
  counted as materialized (
    select b.unit, b.day, b.policy, b.measure, array_agg(distinct s.person) as people
    from judged b
    join stand s on not b.met and s.unit = b.unit and s.day = b.day and (s.policy = b.policy or s.policy is null)
      and case b.measure when 'max_elsewhere' then s.place in ('WFH', 'WFA') when 'min_wfo' then s.place = 'WFO'
                         else s.place = 'WFH' end
    group by b.unit, b.day, b.policy, b.measure
  ),
  -- A person's week, likewise.
  week as (
    select s.person, s.week, coalesce(s.policy, 0) as policy, (array_agg(s.unit order by s.day desc))[1] as unit,
           bool_or(s.asked) as asked, count(*) filter (where s.place <> 'DL') as days,
           count(*) filter (where s.place = 'WFO') as office, count(*) filter (where s.place in ('WFH', 'WFA')) as elsewhere
    from stand s
    where s.works
    group by s.person, s.week, coalesce(s.policy, 0)
  ),
  spent as (
    select w.person, w.week, w.policy, w.unit, w.days + coalesce(n.days, 0) as days, w.office + coalesce(n.office, 0) as office,
           w.elsewhere + coalesce(n.elsewhere, 0) as elsewhere, p.min_office_days, p.max_elsewhere_days
    from (select w.*, bool_or(w.asked) over (partition by w.person, w.week) as looked from week w) w
    join hadir.policy p on p.id = w.policy and (p.min_office_days is not null or p.max_elsewhere_days is not null)
    left join week n on n.person = w.person and n.week = w.week and n.policy = 0
    where w.looked
  ),
  -- Who is sent where the circular that decides does not let him be; only_letter: it does, but not by a shift list.
  sent as materialized (
    select s.person, s.unit, s.day, s.policy, s.place, coalesce(k.only_letter, false) as only_letter
    from stand s
    left join lateral (
      select w.granted and p.grants = 'letter' and s.kind = 'roster' as only_letter
      from hadir.policy_day w join hadir.policy p on p.id = w.policy
      where w.policy = s.policy and w.place = s.place and extract(isodow from s.day)::int = any (w.weekdays)
    ) k on true
    where s.asked and s.letter = coalesce(p_letter, s.letter) and s.place in ('WFH', 'WFA') and k.only_letter is not false
  ),
  -- The first circular that allows the place on that day, and whether it binds him at all.
  allowing as (
    select distinct on (d.day, d.place) d.day, d.place, p.id as policy
    from (select distinct s.day, s.place from sent s) d
    join hadir.policy_day w on w.place = d.place and extract(isodow from d.day)::int = any (w.weekdays)
    join hadir.policy p on p.id = w.policy and p.government = p_government and p.valid_from <= d.day
      and (p.valid_to is null or p.valid_to >= d.day)
    order by d.day, d.place, p.rank desc, p.dated desc, p.valid_from desc, p.id desc
  ),
  refused as (
    select s.person, s.unit, s.day, s.policy, s.place, s.only_letter, c.policy as other, b.policy is not null as bound
    from sent s
    join hadir.person pe on pe.id = s.person
    left join allowing c on c.day = s.day and c.place = s.place and not s.only_letter
    left join hadir.policy_binds(p_government, p_from, p_to, array(select distinct x.person from sent x)) b
      on b.policy = c.policy and b.unit = s.unit and b.category = pe.category and b.echelon = pe.echelon
  )
  select b.policy, b.measure, b.unit, b.day, null::date, null::bigint, b.have::int, b."limit"::int, b.base::int,
         coalesce(c.people, '{}'),
         case b.measure when 'max_elsewhere' then 'WFH/WFA' when 'min_wfo' then 'WFO' else 'WFH' end, b.base_of, false, b.met
  from judged b
  left join counted c on c.unit = b.unit and c.day = b.day and c.policy = b.policy and c.measure = b.measure
  where p_all or not b.met
  union all
  select s.policy, 'min_office_days', s.unit, null, s.week, s.person, s.office::int, least(s.min_office_days, s.days)::int,
         s.days::int, '{}', 'WFO', null, false, s.office >= least(s.min_office_days, s.days)
  from spent s
  where s.min_office_days is not null and (p_all or s.office < least(s.min_office_days, s.days))
  union all
  select s.policy, 'max_elsewhere_days', s.unit, null, s.week, s.person, s.elsewhere::int, s.max_elsewhere_days, s.days::int, '{}', 'WFH/WFA',
         null, false, s.elsewhere <= s.max_elsewhere_days
  from spent s
  where s.max_elsewhere_days is not null and (p_all or s.elsewhere > s.max_elsewhere_days)
  union all
  -- Whom a circular decides about at all.
  select c.policy, 'bound', c.unit, c.day, null, null, c.working::int, null, c.posted::int, '{}', null, null, false, null
  from cell c
  where p_all and c.policy <> 0 and c.working > 0
  union all
  select case when r.other is not null and not r.bound then r.other else r.policy end,
         case when r.other is not null and not r.bound then 'not_eligible' else 'place_not_granted' end, r.unit, r.day, null, r.person,
         1, 0, 1, '{}', r.place, null, r.only_letter, false
  from refused r;
end
$$;
comment on function hadir.circular_counts(bigint, date, date, bigint[], bigint, boolean) is
  'hadir.breaches_of; with p_all also what is met, and for each unit, day and circular (measure bound) how many people it binds (base) '
  'and how many of them work (have). Called by hadir.breaches_of and hadir.compliance_counts.';

create or replace function hadir.breaches_of(p_government bigint, p_from date, p_to date, p_units bigint[], p_letter bigint)
returns table (policy bigint, measure text, unit bigint, day date, week date, person bigint, have int, "limit" int, base int,
               people bigint[], place text, base_of text, only_letter boolean)
language sql stable rows 100 set search_path = pg_catalog, pg_temp
as $$
  select c.policy, c.measure, c.unit, c.day, c.week, c.person, c.have, c."limit", c.base, c.people, c.place, c.base_of, c.only_letter
  from hadir.circular_counts(p_government, p_from, p_to, p_units, p_letter, false) c
$$;
comment on function hadir.breaches_of(bigint, date, date, bigint[], bigint) is
  'What the circulars do not allow in p_units on the local days p_from … p_to, as it stands (p_letter null), or only where '
  'p_letter, counted as confirmed, has a part in it. A week counts whole if one of its days is asked. place: what "have" counts, '
  'or where he is sent; only_letter (place_not_granted): the circular grants the place, but by letters for each person, and a shift '
  'list gave it. Called by api functions.';

-- A breach, as breach_list has it, in words.
create or replace function hadir.breach_text(p_breach jsonb) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when b.measure in ('max_elsewhere', 'max_wfh', 'min_wfh', 'min_wfo') then format(
      hadir.say('Unit %s, %s: %s dari %s orang%s %s, %s %s (%s)', 'Unit %s, %s: %s of %s people%s %s, %s %s (%s)'),
      b.unit, b.day, b.have, b.base, case b.base_of when 'working' then hadir.say(' yang bekerja', ' who work') else '' end,
      case b.measure when 'max_elsewhere' then hadir.say('di luar kantor (WFH/WFA)', 'elsewhere (WFH/WFA)')
                     when 'min_wfo' then hadir.say('di kantor (WFO)', 'at the office (WFO)')
                     else hadir.say('di rumah (WFH)', 'at home (WFH)') end,
      case when b.measure like 'max%' then hadir.say('paling banyak', 'at most') else hadir.say('paling sedikit', 'at least') end,
      b."limit", b.policy)
    when b.measure = 'min_office_days' then format(hadir.say('%s, pekan %s: %s dari %s hari kerja di kantor (WFO), paling sedikit %s (%s)',
      '%s, week of %s: %s of %s working days at the office (WFO), at least %s (%s)'), b.name, b.week, b.have, b.base, b."limit", b.policy)
    when b.measure = 'max_elsewhere_days' then format(hadir.say(
      '%s, pekan %s: %s dari %s hari kerja di luar kantor (WFH/WFA), paling banyak %s (%s)',
      '%s, week of %s: %s of %s working days elsewhere (WFH/WFA), at most %s (%s)'), b.name, b.week, b.have, b.base, b."limit", b.policy)
    when b.measure = 'not_eligible' then format(hadir.say('%s, %s: %s, padahal tidak termasuk yang diizinkan %s (%s dari %s hari, paling banyak %s)',
      '%s, %s: %s, though not among those whom %s allows it (%s of %s days, at most %s)'), b.name, b.day, b.place, b.policy, b.have, b.base, b."limit")
    when b.only_letter then format(hadir.say('%s, %s: %s menurut %s diberikan dengan surat tugas, bukan daftar giliran (%s dari %s hari, paling banyak %s)',
      '%s, %s: %s is by %s given by a letter of the head, not by a shift list (%s of %s days, at most %s)'), b.name, b.day, b.place, b.policy,
      b.have, b.base, b."limit")
    else format(hadir.say('%s, %s: %s tidak diizinkan surat edaran mana pun pada hari itu (%s dari %s hari, paling banyak %s)',
      '%s, %s: no circular allows %s on that day (%s of %s days, at most %s)'), b.name, b.day, b.place, b.have, b.base, b."limit") end
  from (select p_breach #>> '{places,0}' as place, r.*
        from jsonb_to_record(p_breach) r (measure text, policy text, unit text, day date, week date, name text, have int, "limit" int,
                                          base int, base_of text, only_letter boolean)) b
$$;
comment on function hadir.breach_text(jsonb) is
  'A breach in words, in the language of the setting. Called by hadir.breach_list and hadir.notice_text.';

create or replace function hadir.breach_list(p_government bigint, p_from date, p_to date, p_units bigint[], p_letter bigint)
returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(w.breach || jsonb_build_object('text', hadir.breach_text(w.breach))
           order by coalesce(b.day, b.week), u.code collate "C", b.person is not null, pe.name collate "C", pe.nip, b.measure, p.number), '[]')
  from hadir.breaches_of(p_government, p_from, p_to, p_units, p_letter) b
  join hadir.unit u on u.id = b.unit
  left join hadir.policy p on p.id = b.policy
  left join hadir.person pe on pe.id = b.person
  cross join lateral (
    select jsonb_strip_nulls(jsonb_build_object('policy', p.number, 'measure', b.measure, 'unit', u.code, 'day', b.day, 'week', b.week,
             'nip', pe.nip, 'name', pe.name, 'have', b.have, 'limit', b."limit", 'base', b.base, 'base_of', b.base_of,
             'places', string_to_array(b.place, '/'), 'only_letter', nullif(b.only_letter, false)))
           || jsonb_build_object('people', coalesce(jsonb_agg(jsonb_build_object('nip', x.nip, 'name', x.name)
                                                              order by x.name collate "C", x.nip), '[]')) as breach
    from hadir.person x where x.id = any (b.people)
  ) w
$$;
comment on function hadir.breach_list(bigint, date, date, bigint[], bigint) is
  'hadir.breaches_of as an answer has it: policy (number), measure, unit, day or week (its Monday), nip and name of a personal '
  'one, have, limit, base, base_of (of quotas: posted or working), places, people (whom "have" counts), only_letter if so, text. '
  'Called by api functions.';

revoke all on function hadir.policy_binds(bigint, date, date, bigint[]),
  hadir.policy_days(bigint, date, date, bigint[]), hadir.policy_of(bigint, date, date, bigint[]),
  hadir.work_days(bigint, date, date, bigint[]), hadir.stays_of(bigint, date, date, bigint[]),
  hadir.told_of(date, date, bigint[], bigint), hadir.shift_days(bigint, date, date, bigint[]),
  hadir.places_of(bigint, date, date, bigint[], bigint), hadir.breaches_of(bigint, date, date, bigint[], bigint),
  hadir.circular_counts(bigint, date, date, bigint[], bigint, boolean), hadir.breach_text(jsonb),
  hadir.breach_list(bigint, date, date, bigint[], bigint) from public;
grant execute on function hadir.policy_binds(bigint, date, date, bigint[]),
  hadir.policy_days(bigint, date, date, bigint[]), hadir.policy_of(bigint, date, date, bigint[]),
  hadir.work_days(bigint, date, date, bigint[]), hadir.stays_of(bigint, date, date, bigint[]),
  hadir.told_of(date, date, bigint[], bigint), hadir.shift_days(bigint, date, date, bigint[]),
  hadir.places_of(bigint, date, date, bigint[], bigint), hadir.breaches_of(bigint, date, date, bigint[], bigint),
  hadir.circular_counts(bigint, date, date, bigint[], bigint, boolean), hadir.breach_text(jsonb),
  hadir.breach_list(bigint, date, date, bigint[], bigint) to hadir_reader, hadir_writer;
