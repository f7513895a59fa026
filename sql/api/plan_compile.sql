-- Compilation: working hours, calendar, circulars, letters, absences, offices and postings, made into a plan in three
-- tables, so that a change writes only as many rows as really differ:
--
--   plan_member  who belongs to which class, from when to when; changes with postings, letters, absences, own hours
--   plan_slot    what a class does on a day: its pattern; changes with the rules, some thousand rows for a province
--   plan_pattern the day itself: sessions as instants, place, fences; never changed, shared by whoever has the same
--
-- hadir.plan_day joins them: one row per person and local day. People are a class who share unit, category, echelon and
-- (rarely) own hours, a letter's order, an excuse. A day's last sessions may run into the next day; the earlier ends
-- where the later begins. So what a slot is about is not a class but a pair: the class today and the class tomorrow,
-- which differ on the last day of a posting, of a letter, of a leave.
--
-- Worked out in temporary tables:
--   plan_kind    classes: class, government, unit, category, echelon, person (0 = nobody in particular), orders, excuse
--   plan_base    class and day -> shape; and the class's unit
--   plan_shape   what many classes have in common on a day: place, cap, circulars, hours, letter, reason
--   plan_raw     a shape's sessions as instants, before they are cut against each other
--
-- Everything runs as hadir_writer inside a definer function of schema api; nothing here reads the clock.

-- Which circulars bind the classes of pg_temp.plan_kind on which days, best first (place 1 is the highest precedence:
-- rank, later dated, later valid_from, later id): those in force whose scopes include and none of whose scopes excludes
-- the class, and that have no weekdays or name this one.
create or replace function hadir.plan_bound(p_from date, p_to date)
returns table (class int, day date, policy bigint, place bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with service as (
    select u.unit, coalesce((select a.service from hadir.unit_closure c join hadir.unit a on a.id = c.ancestor
                             where c.descendant = u.unit and a.service is not null order by c.depth limit 1),
                            'administration') as service
    from (select distinct k.unit from pg_temp.plan_kind k) u
  ),
  held as (
    select k.class, p.id as policy
    from pg_temp.plan_kind k
    join service v on v.unit = k.unit
    join hadir.policy p on p.government = k.government and p.valid_from <= p_to and coalesce(p.valid_to, p_to) >= p_from
    join hadir.policy_scope s on s.policy = p.id and (s.categories is null or k.category = any (s.categories))
      and (s.services is null or v.service = any (s.services)) and (s.echelons is null or k.echelon = any (s.echelons))
      and (s.unit is null or exists (select from hadir.unit_closure c where c.ancestor = s.unit and c.descendant = k.unit))
    group by k.class, p.id
    having not bool_or(s.exclude)
  )
  select h.class, d::date, h.policy,
         row_number() over (partition by h.class, d order by p.rank desc, p.dated desc, p.valid_from desc, p.id desc)
  from held h
  join hadir.policy p on p.id = h.policy
  cross join generate_series(greatest(p.valid_from, p_from)::timestamp, least(coalesce(p.valid_to, p_to), p_to)::timestamp,
                             interval '1 day') d
  where not exists (select from hadir.policy_day w where w.policy = p.id)
     or exists (select from hadir.policy_day w where w.policy = p.id and extract(isodow from d)::int = any (w.weekdays));
end
$$;

-- Works out plan_base, plan_shape and plan_raw for pg_temp.plan_kind over p_from … p_to. plan_unstage drops them.
create or replace function hadir.plan_stage(p_from date, p_to date) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- What each circular says, aspect by aspect: for a class and day each aspect comes from the best that speaks of it.
  create temporary table plan_rule as
  with bound as materialized (select b.*, extract(isodow from b.day)::int as weekday from hadir.plan_bound(p_from, p_to) b),
  spoken as (
    select b.class, b.day, b.policy, b.place as turn, p.accuracy_cap_m, p.own_sessions, p.states_evidence,
           p.uncertain_counts, exists (select from hadir.policy_channel c where c.policy = p.id) as states_channels,
           w.place, w.anywhere, w.policy is not null as states_place
    from bound b
    join hadir.policy p on p.id = b.policy
    -- A weekday's place for everybody; where there are only granted ones, the place of whoever has no letter is the default.
    left join lateral (
      select d.policy, case when not d.granted then d.place end as place, not d.granted and d.anywhere as anywhere
      from hadir.policy_day d where d.policy = b.policy and b.weekday = any (d.weekdays) order by d.granted, d.place limit 1
    ) w on true
  )
  select s.class, s.day,
         (array_agg(s.policy order by s.turn) filter (where s.states_place))[1] as policy,
         (array_agg(s.place order by s.turn) filter (where s.states_place))[1] as place,
         coalesce((array_agg(s.anywhere order by s.turn) filter (where s.states_place))[1], false) as anywhere,
         (array_agg(s.accuracy_cap_m order by s.turn) filter (where s.accuracy_cap_m is not null))[1] as accuracy_cap_m,
         (array_agg(s.policy order by s.turn) filter (where s.own_sessions))[1] as own_sessions,
         (array_agg(s.policy order by s.turn) filter (where s.states_evidence))[1] as evidence,
         (array_agg(s.policy order by s.turn) filter (where s.states_channels))[1] as channels,
         coalesce((array_agg(s.uncertain_counts order by s.turn) filter (where s.uncertain_counts is not null))[1], true)
           as uncertain_counts,
         (array_agg(s.policy order by s.turn) filter (where s.accuracy_cap_m is not null))[1] as cap_policy,
         (array_agg(s.policy order by s.turn) filter (where s.uncertain_counts is not null))[1] as uncertain_policy
  from spoken s
  group by s.class, s.day;
  create index on pg_temp.plan_rule (class, day);
  analyze pg_temp.plan_rule;

  create temporary table plan_wide as
  with day as (
    select d::date as day, extract(isodow from d)::int as weekday
    from generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') d
  ),
  shift as (
    select k.class, o.shift from pg_temp.plan_kind k join hadir.letter_order o on o.id = k.orders
  ),
  -- Hours that could bind the class, nearest level lowest.
  candidate as (
    select k.class, w.id, w.valid_from, w.valid_to, w.weekdays, w.on_holidays, w.season, w.shift, k.government, -1 as level
    from pg_temp.plan_kind k join hadir.working_hours w on w.person = k.person
    where k.person <> 0
    union all
    select k.class, w.id, w.valid_from, w.valid_to, w.weekdays, w.on_holidays, w.season, w.shift, k.government, c.depth
    from pg_temp.plan_kind k
    join hadir.unit_closure c on c.descendant = k.unit
    join hadir.working_hours w on w.unit = c.ancestor
    union all
    select k.class, w.id, w.valid_from, w.valid_to, w.weekdays, w.on_holidays, w.season, w.shift, k.government, 1000000
    from pg_temp.plan_kind k
    join hadir.working_hours w on w.government = k.government and w.unit is null and w.person is null
  ),
  season as materialized (select s.* from hadir.period_days(p_from, p_to) s),
  chosen as (
    select c.class, d.day, c.id, c.shift, c.season, c.on_holidays, d.weekday = any (c.weekdays) as named,
           rank() over (partition by c.class, d.day, c.shift
                        order by c.level, c.season is null, c.valid_from desc, c.season) as place
    from candidate c
    join day d on d.day >= c.valid_from and (c.valid_to is null or d.day <= c.valid_to)
    left join shift t on t.class = c.class
    where (c.shift is null or c.shift = t.shift)
      and (c.season is null or exists (select from season s where s.government = c.government and s.day = d.day
                                       and s.kind = c.season))
  ),
  -- Who is on a shift works it on that day, whatever weekday or holiday it is.
  hours as (
    select c.class, c.day,
           coalesce(array_agg(c.id order by c.id) filter (where c.shift is not null),
                    array_agg(c.id order by c.id) filter (where c.shift is null and c.named)) as ids,
           coalesce(bool_or(c.on_holidays or c.shift is not null) filter (where c.shift is not null or c.named), false)
             as on_holidays,
           bool_or(c.shift is not null) as on_shift,
           -- A shift without sessions is a day off by the list.
           coalesce(bool_or(c.shift is not null and not exists (select from hadir.session x where x.working_hours = c.id)), false) as off,
           min(c.season) filter (where c.shift is null and c.named) as season
    from chosen c
    where c.place = 1
    group by c.class, c.day
  ),
  holiday as materialized (select h.* from hadir.calendar_in_force(p_from, p_to) h)
  select k.class, k.unit, d.day, g.id as government, coalesce(o.zone, g.zone) as zone,
         (d.day::timestamp) at time zone g.zone as starts_at,
         ((d.day + 1)::timestamp) at time zone g.zone as ends_at,
         work.works and whole.name is null as works,
         case when not work.works then null
              when whole.name is not null then case when whole.working then 'DL' end
              else coalesce(o.place, r.place, g.default_place) end as place,
         work.works and whole.name is null and case when o.id is not null then o.anywhere else coalesce(r.anywhere, false) end
           as anywhere,
         coalesce(case when work.works then r.accuracy_cap_m end, g.accuracy_cap_m) as accuracy_cap_m,
         case when work.works then r.policy end as policy,
         case when work.works then array(select distinct u from unnest(array[r.policy, r.own_sessions, r.evidence, r.channels,
           r.cap_policy, r.uncertain_policy]) u where u is not null order by u) else '{}' end as policies,
         case when work.works and not coalesce(h.on_shift, false) then r.own_sessions end as own_sessions,
         case when work.works then h.ids else '{}' end as hours,
         coalesce(l.ids, '{}') as calendar,
         case when h.season is not null and work.works and not h.on_shift
              then (select s.ids from season s where s.government = k.government and s.day = d.day and s.kind = h.season)
              else '{}' end as periods,
         case when work.works and whole.name is not null then whole.name
              when work.works then null
              when l.ids is not null and not coalesce(h.on_holidays, false) then l.names
              when h.class is null then 'Jam kerja belum ditetapkan'
              else 'Bukan hari kerja' end as reason,
         case when work.works then o.id end as orders,
         case when work.works and k.excuse <> '' then k.excuse end as excuse,
         case when work.works then r.evidence end as evidence,
         case when work.works then r.channels end as channels,
         not work.works or coalesce(r.uncertain_counts, true) as uncertain_counts
  from pg_temp.plan_kind k
  join hadir.government g on g.id = k.government
  cross join day d
  left join hours h on h.class = k.class and h.day = d.day
  left join holiday l on l.government = k.government and l.day = d.day
  left join pg_temp.plan_rule r on r.class = k.class and r.day = d.day
  left join hadir.letter_order o on o.id = k.orders
  -- A whole day's excuse has no sessions named.
  left join lateral (
    select a.name, a.working from hadir.absence_code a
    where a.government = k.government and a.code = k.excuse and k.excuse <> ''
  ) whole on true
  cross join lateral (select h.ids is not null and not h.off and (l.ids is null or h.on_holidays) as works) work;

  create temporary table plan_base as
  select w.class, w.unit, w.day,
         (dense_rank() over (order by w.day, w.government, w.policy, w.hours, w.calendar, w.periods, w.reason, w.place, w.anywhere,
                             w.accuracy_cap_m, w.own_sessions, w.policies, w.orders, w.excuse, w.evidence, w.channels,
                             w.uncertain_counts))::int as shape
  from pg_temp.plan_wide w;
  create index on pg_temp.plan_base (class, day);
  create temporary table plan_shape as
  select distinct on (b.shape) b.shape, w.*
  from pg_temp.plan_base b join pg_temp.plan_wide w on w.class = b.class and w.day = b.day
  order by b.shape;
  alter table pg_temp.plan_shape drop column class, drop column unit;

  create temporary table plan_raw as
  select b.shape, b.day, s.id as session, s.code, s.label, s.counts_as,
         (b.day::timestamp + s.accept_from) at time zone b.zone as accept_from,
         (b.day::timestamp + s.accept_until) at time zone b.zone as accept_until,
         (b.day::timestamp + s.due) at time zone b.zone as due,
         (b.day::timestamp + s.on_time_from) at time zone b.zone as on_time_from,
         (b.day::timestamp + s.on_time_until) at time zone b.zone as on_time_until
  from (select p.shape, p.own_sessions as policy, null::bigint as hours from pg_temp.plan_shape p
        where p.works and p.own_sessions is not null
        union all
        select p.shape, null, unnest(p.hours) from pg_temp.plan_shape p where p.works and p.own_sessions is null) of
  join pg_temp.plan_shape b on b.shape = of.shape
  join lateral (
    select x.* from hadir.session x where x.policy = of.policy
    union all
    select x.* from hadir.session x where x.working_hours = of.hours
  ) s on true;

  drop table pg_temp.plan_wide, pg_temp.plan_rule;
  analyze pg_temp.plan_base, pg_temp.plan_shape, pg_temp.plan_raw;
end
$$;

-- The most sessions that a day may have: derivation marks each as a bit of an int. As plan_session checks it.
create or replace function hadir.most_sessions() returns int language sql immutable return 30;

create or replace function hadir.plan_unstage() returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  drop table pg_temp.plan_base, pg_temp.plan_shape, pg_temp.plan_raw;
end
$$;

-- Brings plan_member up to the postings, confirmed letters and approved absences of everybody in pg_temp.plan_who
-- (person, since: a day), from that day on and for ever. Of several letters for a day recall goes before travel, assignment, roster, then the later
-- dated. Days
-- before stay as they were. People whose rows differ are noted in directory_change under p_number, and, as other fences
-- may be bound to them now, in placement_dirt; returns how many.
create or replace function hadir.plan_members(p_number bigint) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_changed bigint;
begin
  create temporary table plan_stay as
  select p.id as person, greatest(o.valid_from, w.since) as first_day, coalesce(o.valid_to, 'infinity') as last_day, o.unit,
         p.category, p.echelon, coalesce(h.person, 0) as own
  from pg_temp.plan_who w
  join hadir.person p on p.id = w.person
  join hadir.posting o on o.person = p.id
  left join (select distinct person from hadir.working_hours where person is not null) h on h.person = p.id
  where o.kind = 'main' and (o.valid_to is null or o.valid_to >= w.since);

  -- Days that are not like the others of the posting, as stretches of days alike.
  create temporary table plan_special as
  with ordered as (
    select distinct on (a.person, a.day) a.person, a.day, a.orders
    from pg_temp.plan_who w
    join hadir.assignment a on a.person = w.person and a.day >= w.since
    join hadir.letter l on l.id = a.letter and l.status = 'confirmed'
    order by a.person, a.day, array_position(array['recall', 'travel', 'assignment', 'roster'], l.kind), l.dated desc, l.id desc
  ),
  away as (
    select b.person, d::date as day,
           case when bool_or(b.sessions is null) then min(b.code) filter (where b.sessions is null)
                else string_agg(b.code || ':' || array_to_string(b.sessions, ','), ';' order by b.code, b.id) end as excuse
    from pg_temp.plan_who w
    join hadir.absence b on b.person = w.person and b.status = 'approved' and b.last_day >= w.since
    cross join generate_series(greatest(b.first_day, w.since)::timestamp, b.last_day::timestamp, interval '1 day') d
    group by b.person, d
  ),
  special as (
    select person, day, coalesce(o.orders, 0) as orders, coalesce(a.excuse, '') as excuse
    from ordered o full join away a using (person, day)
  )
  select person, min(day) as first_day, max(day) as last_day, orders, excuse
  from (select s.*, s.day - (row_number() over (partition by s.person, s.orders, s.excuse order by s.day))::int as run
        from special s) r
  group by person, orders, excuse, run;
  analyze pg_temp.plan_stay, pg_temp.plan_special;

  -- Postings, cut where special days begin and end.
  create temporary table plan_part as
  with cut as (
    select s.person, s.first_day as stay, greatest(s.first_day, x.first_day) as first_day, least(s.last_day, x.last_day) as last_day,
           s.last_day as stay_end, s.unit, s.category, s.echelon, s.own, x.orders, x.excuse
    from pg_temp.plan_stay s
    join pg_temp.plan_special x on x.person = s.person and x.first_day <= s.last_day and x.last_day >= s.first_day
  )
  select c.person, c.first_day, c.last_day, c.unit, c.category, c.echelon, c.own, c.orders, c.excuse from cut c
  union all
  select g.person, g.first_day, g.last_day, g.unit, g.category, g.echelon, g.own, 0, ''
  from (
    select c.person, coalesce(lag(c.last_day) over stay + 1, c.stay) as first_day, c.first_day - 1 as last_day, c.unit, c.category,
           c.echelon, c.own
    from cut c window stay as (partition by c.person, c.stay order by c.first_day)
    union all
    select c.person, max(c.last_day) + 1, max(c.stay_end), c.unit, c.category, c.echelon, c.own
    from cut c group by c.person, c.stay, c.unit, c.category, c.echelon, c.own having max(c.last_day) < max(c.stay_end)
  ) g
  where g.first_day <= g.last_day
  union all
  select s.person, s.first_day, s.last_day, s.unit, s.category, s.echelon, s.own, 0, ''
  from pg_temp.plan_stay s
  where not exists (select from cut c where c.person = s.person and c.stay = s.first_day);
  analyze pg_temp.plan_part;
  insert into hadir.plan_class (unit, category, own, echelon, orders, excuse)
  select distinct s.unit, s.category, s.own, s.echelon, s.orders, s.excuse from pg_temp.plan_part s
  where not exists (select from hadir.plan_class k where (k.unit, k.category, k.own, k.echelon, k.orders, k.excuse)
                                                       = (s.unit, s.category, s.own, s.echelon, s.orders, s.excuse));

  create temporary table plan_run as
  select s.person, s.first_day, s.last_day, s.unit, k.id as class,
         case when s.last_day = 'infinity' then k.id
              when lead(s.first_day) over person = s.last_day + 1 then lead(k.id) over person else 0 end as next
  from pg_temp.plan_part s
  join hadir.plan_class k on (k.unit, k.category, k.own, k.echelon, k.orders, k.excuse)
                           = (s.unit, s.category, s.own, s.echelon, s.orders, s.excuse)
  window person as (partition by s.person order by s.first_day);
  insert into hadir.plan_pair (class, next)
  select q.class, q.next
  from (select class, class as next from pg_temp.plan_run union select class, next from pg_temp.plan_run) q
  where not exists (select from hadir.plan_pair p where p.class = q.class and p.next = q.next);

  -- The last day before another class is a row of its own.
  create temporary table plan_row as
  select r.person, r.first_day, case when r.next = r.class then r.last_day else r.last_day - 1 end as last_day, r.unit, p.id as pair
  from pg_temp.plan_run r join hadir.plan_pair p on p.class = r.class and p.next = r.class
  where r.next = r.class or r.first_day < r.last_day
  union all
  select r.person, r.last_day, r.last_day, r.unit, p.id
  from pg_temp.plan_run r join hadir.plan_pair p on p.class = r.class and p.next = r.next
  where r.next <> r.class;
  create temporary table plan_old as
  select m.*, w.since from pg_temp.plan_who w join hadir.plan_member m on m.person = w.person where m.last_day >= w.since;
  analyze pg_temp.plan_row, pg_temp.plan_old;

  create temporary table plan_changed as
  select distinct d.person
  from (
    (select r.person, r.first_day, r.last_day, r.unit, r.pair from pg_temp.plan_row r
     except select o.person, greatest(o.first_day, o.since), o.last_day, o.unit, o.pair from pg_temp.plan_old o)
    union all
    (select o.person, greatest(o.first_day, o.since), o.last_day, o.unit, o.pair from pg_temp.plan_old o
     except select r.person, r.first_day, r.last_day, r.unit, r.pair from pg_temp.plan_row r)
  ) d;
  get diagnostics v_changed = row_count;
  analyze pg_temp.plan_changed;

  if v_changed > 0 then
    delete from pg_temp.plan_old o where o.person not in (select c.person from pg_temp.plan_changed c);
    analyze pg_temp.plan_old;
    delete from hadir.plan_member m where (m.person, m.first_day) in (select o.person, o.first_day from pg_temp.plan_old o);
    -- What began before stays up to then, in one row with what goes on unchanged.
    insert into hadir.plan_member (person, first_day, last_day, unit, pair)
    select r.person, coalesce(o.first_day, r.first_day), r.last_day, r.unit, r.pair
    from pg_temp.plan_changed c
    join pg_temp.plan_row r on r.person = c.person
    left join pg_temp.plan_old o on o.person = r.person and o.first_day < o.since and r.first_day = o.since
      and o.unit = r.unit and o.pair = r.pair
    union all
    select o.person, o.first_day, o.since - 1, o.unit, o.pair
    from pg_temp.plan_changed c
    join pg_temp.plan_old o on o.person = c.person and o.first_day < o.since
    where not exists (select from pg_temp.plan_row r where r.person = o.person and r.first_day = o.since and r.unit = o.unit
                      and r.pair = o.pair);
    insert into hadir.placement_dirt (person)
    select c.person from pg_temp.plan_changed c where exists (select from pg_temp.plan_old o where o.person = c.person)
    order by c.person
    on conflict (person) do update set after = '-infinity';
    insert into hadir.directory_change as c (kind, ref, number)
    select 'person', person, p_number from pg_temp.plan_changed
    on conflict (kind, ref) do update set number = excluded.number;
  end if;
  drop table pg_temp.plan_stay, pg_temp.plan_special, pg_temp.plan_part, pg_temp.plan_run, pg_temp.plan_row, pg_temp.plan_old, pg_temp.plan_changed;
  return v_changed;
end
$$;

-- Compiles the slots (day, pair) of pg_temp.plan_need and writes those whose pattern differs, under p_number; returns how
-- many. With p_placements, people to whom other fences are bound now are noted for api.placements_wanted.
create or replace function hadir.plan_slots(p_number bigint, p_placements boolean) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_written bigint;
  v_from    date;
  v_to      date;
begin
  analyze pg_temp.plan_need;
  select min(n.day), max(n.day) into v_from, v_to from pg_temp.plan_need n;
  if v_from is null then
    return 0;
  end if;
  create temporary table plan_kind as
  select k.id as class, u.government, k.unit, k.category, k.echelon, k.own as person, k.orders, k.excuse
  from (select p.class from hadir.plan_pair p where p.id in (select n.pair from pg_temp.plan_need n)
        union select p.next from hadir.plan_pair p where p.id in (select n.pair from pg_temp.plan_need n)) used
  join hadir.plan_class k on k.id = used.class
  join hadir.unit u on u.id = k.unit;
  analyze pg_temp.plan_kind;
  perform hadir.plan_stage(v_from, v_to + 1);

  -- Only where the last session runs past midnight can the next day cut it.
  create temporary table plan_key as
  with reach as (
    select r.shape, min(r.accept_from) as starts, max(r.accept_until) as ends from pg_temp.plan_raw r group by r.shape
  )
  select n.day, n.pair, b.unit, s.orders, b.shape, case when e.ends > s.ends_at and f.starts < e.ends then f.starts end as cut
  from (select distinct day, pair from pg_temp.plan_need) n
  join hadir.plan_pair p on p.id = n.pair
  join pg_temp.plan_base b on b.class = p.class and b.day = n.day
  join pg_temp.plan_shape s on s.shape = b.shape
  left join reach e on e.shape = b.shape
  left join pg_temp.plan_base t on t.class = p.next and t.day = n.day + 1
  left join reach f on f.shape = t.shape;

  -- The offices of the unit itself, else of the nearest above that has one; then the unit's own sites. A letter's own
  -- fences come first; where it sends people elsewhere, they come alone.
  create temporary table plan_office as
  select k.unit, k.orders, coalesce(o.fences, '{}') || coalesce(
           array_agg(f.id order by f.kind, f.id) filter (where f.id is not null and (coalesce(cardinality(o.fences), 0) = 0 or o.place = 'WFO')
                                                               and f.id <> all (coalesce(o.fences, '{}'))), '{}') as fences
  from (select distinct unit, orders from pg_temp.plan_key) k
  left join hadir.letter_order o on o.id = k.orders
  left join lateral (
    select f.id, f.kind
    from hadir.fence f
    where f.kind = 'office' and f.removed_at is null and f.unit = (
      select c.ancestor from hadir.unit_closure c
      where c.descendant = k.unit
        and exists (select from hadir.fence o where o.unit = c.ancestor and o.kind = 'office' and o.removed_at is null)
      order by c.depth limit 1)
    union all
    select f.id, f.kind from hadir.fence f where f.kind = 'site' and f.removed_at is null and f.unit = k.unit
  ) f on true
  group by k.unit, k.orders, o.fences, o.place;
  analyze pg_temp.plan_key, pg_temp.plan_office;

  -- Sessions as they will be: each ends where the next of the person begins. What that empties is left out and named; so
  -- are those beyond the most that a day may have.
  create temporary table plan_pat as
  with sort as (
    select distinct k.shape, k.cut from pg_temp.plan_key k
  ),
  cut as (
    select k.shape, k.cut, r.session, r.code, r.label, r.counts_as, r.accept_from, r.due, r.on_time_from, r.on_time_until,
           least(r.accept_until, k.cut, lead(r.accept_from) over (partition by k.shape, k.cut
                                                                  order by r.accept_from, r.accept_until, r.session)) as until
    from sort k
    join pg_temp.plan_raw r on r.shape = k.shape
  ),
  kept as (
    select c.*, c.until > c.accept_from and row_number() over (
      partition by c.shape, c.cut order by c.until <= c.accept_from, c.accept_from) <= hadir.most_sessions() as stays
    from cut c
  ),
  gathered as (
    select c.shape, c.cut,
           jsonb_agg(jsonb_build_object('id', c.session, 'code', c.code, 'label', c.label, 'counts_as', c.counts_as,
                     'accept_from_us', hadir.epoch_us(c.accept_from), 'accept_until_us', hadir.epoch_us(c.until),
                     'due_us', hadir.epoch_us(c.due), 'on_time_from_us', hadir.epoch_us(c.on_time_from),
                     'on_time_until_us', hadir.epoch_us(c.on_time_until)) order by c.accept_from)
             filter (where c.stays) as sessions,
           ((extract(epoch from max(c.due) filter (where c.stays and c.counts_as = 'out'))
             - extract(epoch from min(c.due) filter (where c.stays and c.counts_as = 'in'))) / 60)::int as span,
           string_agg(c.code, ', ' order by c.code) filter (where not c.stays) as conflict
    from kept c
    group by c.shape, c.cut
  ),
  decides as (
    select g.government, g.channels, array_agg(coalesce(p.decides, t.decides, 'arrival') order by c.position) as decides
    from (select distinct government, channels from pg_temp.plan_shape) g
    cross join unnest(array['native', 'owntracks', 'osmand', 'whatsapp']) with ordinality c (channel, position)
    left join hadir.channel_time t on t.government = g.government and t.channel = c.channel
    left join hadir.policy_channel p on p.policy = g.channels and p.channel = c.channel
    group by g.government, g.channels
  ),
  proof as (
    select b.shape, jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', e.kind, 'times', e.times, 'session', e.session))
                              order by e.kind, e.session, e.times) as evidence
    from pg_temp.plan_shape b join hadir.policy_evidence e on e.policy = b.evidence and b.place = any (e.places)
    where b.works
    group by b.shape
  ),
  whole as (
    select k.shape, k.cut, k.fences, b.government, b.day, b.starts_at, b.ends_at, b.place, b.anywhere,
           b.accuracy_cap_m, d.decides, coalesce(s.sessions, '[]') as sessions,
           case when b.works and s.sessions is null then coalesce(b.reason, 'Tidak ada sesi') else b.reason end as reason,
           s.conflict, b.policy, b.hours, b.calendar, b.periods, b.policies, b.orders, b.excuse,
           array(select distinct c from regexp_split_to_table(b.excuse, ';') e
                 cross join regexp_split_to_table(split_part(e, ':', 2), ',') c where c <> '' order by c) as excused,
           coalesce(e.evidence, '[]') as evidence, b.uncertain_counts,
           case when s.span is not null
                then greatest(0, s.span - (select max(w.break_minutes) from hadir.working_hours w where w.id = any (b.hours))) end as work_minutes
    from (select distinct k.shape, k.cut, o.fences
          from pg_temp.plan_key k join pg_temp.plan_office o on o.unit = k.unit and o.orders is not distinct from k.orders) k
    join pg_temp.plan_shape b on b.shape = k.shape
    join decides d on d.government = b.government and d.channels is not distinct from b.channels
    left join proof e on e.shape = k.shape
    left join gathered s on s.shape = k.shape and s.cut is not distinct from k.cut
  )
  select w.*, sha256(convert_to(jsonb_build_array(w.government, w.day, w.starts_at, w.ends_at, w.place, w.anywhere,
         w.accuracy_cap_m, w.decides, w.sessions, w.fences, w.reason, w.conflict, w.policy, w.hours, w.calendar, w.periods, w.policies,
         w.orders, w.excuse, w.excused, w.evidence, w.uncertain_counts, w.work_minutes)::text, 'UTF8')) as digest
  from whole w;
  analyze pg_temp.plan_pat;

  with fresh as (
    insert into hadir.plan_pattern (digest, government, day, starts_at, ends_at, place, anywhere, accuracy_cap_m, decides,
                                    sessions, fences, reason, conflict, policy, hours, calendar, periods, policies, orders, excuse,
                                    excused, evidence, uncertain_counts, work_minutes)
    select distinct on (p.digest) p.digest, p.government, p.day, p.starts_at, p.ends_at, p.place, p.anywhere,
           p.accuracy_cap_m, p.decides, p.sessions, p.fences, p.reason, p.conflict, p.policy, p.hours, p.calendar, p.periods,
           p.policies, p.orders, p.excuse, p.excused, p.evidence, p.uncertain_counts, p.work_minutes
    from pg_temp.plan_pat p
    where not exists (select from hadir.plan_pattern q where q.digest = p.digest)
    order by p.digest
    returning id, government, sessions
  )
  insert into hadir.plan_session (pattern, position, government, session, code, label, counts_as, accept_from, accept_until, due,
                                  on_time_from, on_time_until)
  select f.id, e.position, f.government, (e.s ->> 'id')::bigint, e.s ->> 'code', e.s ->> 'label', e.s ->> 'counts_as',
         hadir.from_epoch_us((e.s ->> 'accept_from_us')::bigint), hadir.from_epoch_us((e.s ->> 'accept_until_us')::bigint),
         hadir.from_epoch_us((e.s ->> 'due_us')::bigint), hadir.from_epoch_us((e.s ->> 'on_time_from_us')::bigint),
         hadir.from_epoch_us((e.s ->> 'on_time_until_us')::bigint)
  from fresh f cross join jsonb_array_elements(f.sessions) with ordinality e (s, position);

  create temporary table plan_turn as
  select k.day, k.pair, q.id as pattern, s.pattern as before
  from pg_temp.plan_key k
  join pg_temp.plan_office o on o.unit = k.unit and o.orders is not distinct from k.orders
  join pg_temp.plan_pat p on p.shape = k.shape and p.cut is not distinct from k.cut and p.fences = o.fences
  join hadir.plan_pattern q on q.digest = p.digest
  left join hadir.plan_slot s on s.day = k.day and s.pair = k.pair
  where s.pattern is distinct from q.id;
  get diagnostics v_written = row_count;
  analyze pg_temp.plan_turn;
  insert into hadir.plan_slot as s (day, pair, pattern, number)
  select day, pair, pattern, p_number from pg_temp.plan_turn
  on conflict (day, pair) do update set pattern = excluded.pattern, number = excluded.number;

  if p_placements then
    insert into hadir.placement_dirt (person)
    select distinct m.person
    from pg_temp.plan_turn t
    join hadir.plan_pattern a on a.id = t.before
    join hadir.plan_pattern b on b.id = t.pattern
    join hadir.plan_member m on m.pair = t.pair and t.day between m.first_day and m.last_day
    where (a.fences, a.place, a.anywhere) is distinct from (b.fences, b.place, b.anywhere)
    order by m.person
    on conflict (person) do update set after = '-infinity';
  end if;

  perform hadir.plan_unstage();
  drop table pg_temp.plan_kind, pg_temp.plan_key, pg_temp.plan_office, pg_temp.plan_pat, pg_temp.plan_turn;
  return v_written;
end
$$;

-- Compiles p_from … p_to for p_persons (null: everybody), past or future: members from p_from on, their slots of these
-- days. Returns how many people and slots differ.
create or replace function hadir.plan_compile(p_from date, p_to date, p_persons bigint[] default null) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_number  bigint;
  v_changed bigint;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.plan'));
  select greatest(s.number, 0) + 1 into v_number from hadir.directory_state s;
  create temporary table plan_who as
  select p.id as person, p_from as since from hadir.person p where p_persons is null or p.id = any (p_persons);
  analyze pg_temp.plan_who;
  v_changed := hadir.plan_members(v_number);
  create temporary table plan_need as
  select distinct d::date as day, m.pair
  from pg_temp.plan_who w
  join hadir.plan_member m on m.person = w.person and m.first_day <= p_to and m.last_day >= p_from
  cross join generate_series(greatest(m.first_day, p_from)::timestamp, least(m.last_day, p_to)::timestamp, interval '1 day') d;
  v_changed := v_changed + hadir.plan_slots(v_number, false);
  drop table pg_temp.plan_who, pg_temp.plan_need;
  return v_changed;
end
$$;

-- Sessions that the rules as they stand would empty, for the given units (null: all) on the given days, whether or not
-- anybody works there: an import that causes one is refused. A person's own hours are looked at too.
create or replace function hadir.plan_conflicts(p_days date[], p_units bigint[] default null)
returns table (unit_code text, day date, code text)
language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  span record;
begin
  create temporary table plan_kind (class int generated always as identity, government bigint, unit bigint, category text,
                                    person bigint, echelon text default '', orders bigint default 0, excuse text default '');
  insert into pg_temp.plan_kind (government, unit, category, person)
  select u.government, u.id, c, 0
  from hadir.unit u cross join unnest(array['PNS', 'PPPK', 'PPPK_PW']) c
  where p_units is null or u.id = any (p_units)
  union
  select u.government, u.id, p.category, p.id
  from hadir.working_hours w
  join hadir.person p on p.id = w.person
  join hadir.posting o on o.person = p.id and o.kind = 'main'
  join hadir.unit u on u.id = o.unit
  where p_units is null or u.id = any (p_units);
  analyze pg_temp.plan_kind;

  -- Days that follow each other are worked out together.
  for span in
    select min(d) as first, max(d) as last
    from (select d, d - row_number() over (order by d)::int as run
          from (select distinct unnest(p_days) as d) distinct_days) numbered
    group by run
  loop
    perform hadir.plan_stage(span.first, span.last + 1);
    return query
    select distinct on (u.code, r.code) u.code, r.day, r.code
    from (
      -- As hadir.plan_slots cuts them: a day's sessions against each other, and all of them where the next day begins.
      select w.*, least(w.accept_until, t.starts, lead(w.accept_from) over (partition by w.class order by w.accept_from, w.day,
                                                                            w.accept_until, w.session)) as until
      from (select b.class, x.* from pg_temp.plan_base b join pg_temp.plan_raw x on x.shape = b.shape) w
      left join (select b.class, b.day, min(x.accept_from) as starts
                 from pg_temp.plan_base b join pg_temp.plan_raw x on x.shape = b.shape group by b.class, b.day) t
        on t.class = w.class and t.day = w.day + 1
    ) r
    join pg_temp.plan_kind k on k.class = r.class
    join hadir.unit u on u.id = k.unit
    where r.until <= r.accept_from and r.day <= span.last
    order by u.code, r.code, r.day;
    perform hadir.plan_unstage();
  end loop;
  drop table pg_temp.plan_kind;
end
$$;

-- The days on which a rule valid p_from … p_to is tried: a fortnight from its beginning, from today, and around its end.
create or replace function hadir.plan_trial_days(p_from date, p_to date, p_today date) returns date[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array_agg(distinct day)
  from (
    select p_from - 1 + n as day from generate_series(0, 15) n
    union select p_today - 8 + n from generate_series(0, 15) n
    union select p_to - 7 + n from generate_series(0, 8) n where p_to is not null
  ) d
  where day >= p_from - 1 and (p_to is null or day <= p_to + 1)
$$;

grant execute on function hadir.most_sessions(), hadir.plan_bound(date, date), hadir.plan_stage(date, date), hadir.plan_unstage(),
  hadir.plan_members(bigint), hadir.plan_slots(bigint, boolean), hadir.plan_compile(date, date, bigint[]),
  hadir.plan_conflicts(date[], bigint[]),
  hadir.plan_trial_days(date, date, date) to hadir_writer, hadir_reader;
