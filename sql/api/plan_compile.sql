-- Compilation: working hours, calendar, circulars, offices and postings of a range of days, made into plan_pattern and
-- plan_day. Set-based in classes: people of the same unit, category and (rarely) own hours share their days, so the
-- rules are worked out once per class and day, and only the last step touches people.
--
--   plan_class  (temporary) who shares: government, unit, category, person (0 = nobody in particular)
--   plan_base   (temporary) per class and day: place, cap, circular, hours, reason
--   plan_raw    (temporary) per class and day: sessions as instants, before they are cut against each other
--
-- A day's last sessions may run into the next day; the earlier ends where the later begins. What the next day begins
-- with is its cut, which depends on the person (he may have moved), so a pattern belongs to (class, day, cut).
-- Everything runs as hadir_writer inside a definer function of schema api; nothing here reads the clock.

-- Works out plan_base and plan_raw for pg_temp.plan_class over p_from … p_to. The caller drops both.
create or replace function hadir.plan_stage(p_from date, p_to date) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  create temporary table plan_base as
  with day as (
    select d::date as day, extract(isodow from d)::int as weekday
    from generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') d
  ),
  -- Hours that could bind the class, nearest level lowest.
  candidate as (
    select k.class, w.id, w.valid_from, w.valid_to, -1 as level
    from pg_temp.plan_class k join hadir.working_hours w on w.person = k.person
    where k.person <> 0
    union all
    select k.class, w.id, w.valid_from, w.valid_to, c.depth
    from pg_temp.plan_class k
    join hadir.unit_closure c on c.descendant = k.unit
    join hadir.working_hours w on w.unit = c.ancestor
    union all
    select k.class, w.id, w.valid_from, w.valid_to, 1000000
    from pg_temp.plan_class k
    join hadir.working_hours w on w.government = k.government and w.unit is null and w.person is null
  ),
  chosen as (
    select c.class, d.day, d.weekday, c.id,
           rank() over (partition by c.class, d.day order by c.level, c.valid_from desc) as place
    from candidate c
    join day d on d.day >= c.valid_from and (c.valid_to is null or d.day <= c.valid_to)
  ),
  hours as (
    select c.class, c.day, array_agg(w.id order by w.id) filter (where c.weekday = any (w.weekdays)) as ids,
           coalesce(bool_or(w.on_holidays) filter (where c.weekday = any (w.weekdays)), false) as on_holidays
    from chosen c join hadir.working_hours w on w.id = c.id
    where c.place = 1
    group by c.class, c.day
  ),
  holiday as (
    select g.government, d.day, array_agg(h.id order by h.kind, h.id) as ids,
           string_agg(h.name, ', ' order by h.kind, h.id) as names
    from (select distinct government from pg_temp.plan_class) g
    join hadir.calendar_day h on h.government is null or h.government = g.government
    join day d on d.day = h.day
    group by g.government, d.day
  ),
  circular as (
    select distinct on (k.class, d.day) k.class, d.day, p.id, p.place, p.anywhere, p.accuracy_cap_m, p.own_sessions
    from pg_temp.plan_class k
    join hadir.policy p on p.government = k.government
    join hadir.policy_scope s on s.policy = p.id and (s.categories is null or k.category = any (s.categories))
      and (s.unit is null or exists (select from hadir.unit_closure c where c.ancestor = s.unit and c.descendant = k.unit))
    join day d on d.day >= p.valid_from and (p.valid_to is null or d.day <= p.valid_to) and d.weekday = any (p.weekdays)
    order by k.class, d.day, p.rank desc, p.dated desc, p.valid_from desc, p.id desc
  )
  select k.class, d.day, g.id as government, g.zone,
         (d.day::timestamp) at time zone g.zone as starts_at,
         ((d.day + 1)::timestamp) at time zone g.zone as ends_at,
         work.works,
         case when work.works then coalesce(p.place, g.default_place) end as place,
         work.works and coalesce(p.anywhere, false) as anywhere,
         coalesce(case when work.works then p.accuracy_cap_m end, g.accuracy_cap_m) as accuracy_cap_m,
         case when work.works then p.id end as policy,
         work.works and coalesce(p.own_sessions, false) as own_sessions,
         case when work.works then h.ids else '{}' end as hours,
         coalesce(l.ids, '{}') as calendar,
         case when work.works then null
              when l.ids is not null and not coalesce(h.on_holidays, false) then l.names
              when h.class is null then 'Jam kerja belum ditetapkan'
              else 'Bukan hari kerja' end as reason
  from pg_temp.plan_class k
  join hadir.government g on g.id = k.government
  cross join day d
  left join hours h on h.class = k.class and h.day = d.day
  left join holiday l on l.government = k.government and l.day = d.day
  left join circular p on p.class = k.class and p.day = d.day
  cross join lateral (select h.ids is not null and (l.ids is null or h.on_holidays) as works) work;

  create temporary table plan_raw as
  select b.class, b.day, s.id as session, s.code, s.label, s.counts_as, b.ends_at,
         (b.day::timestamp + s.accept_from) at time zone b.zone as accept_from,
         (b.day::timestamp + s.accept_until) at time zone b.zone as accept_until,
         (b.day::timestamp + s.due) at time zone b.zone as due,
         (b.day::timestamp + s.on_time_from) at time zone b.zone as on_time_from,
         (b.day::timestamp + s.on_time_until) at time zone b.zone as on_time_until
  from pg_temp.plan_base b
  join hadir.session s on s.policy = b.policy
  where b.own_sessions
  union all
  select b.class, b.day, s.id, s.code, s.label, s.counts_as, b.ends_at,
         (b.day::timestamp + s.accept_from) at time zone b.zone,
         (b.day::timestamp + s.accept_until) at time zone b.zone,
         (b.day::timestamp + s.due) at time zone b.zone,
         (b.day::timestamp + s.on_time_from) at time zone b.zone,
         (b.day::timestamp + s.on_time_until) at time zone b.zone
  from pg_temp.plan_base b
  cross join unnest(b.hours) w
  join hadir.session s on s.working_hours = w
  where not b.own_sessions;

  analyze pg_temp.plan_base, pg_temp.plan_raw;
end
$$;

create or replace function hadir.plan_unstage() returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  drop table pg_temp.plan_base, pg_temp.plan_raw;
end
$$;

-- Compiles p_from … p_to for p_persons (null: everybody) and writes the rows of plan_day that differ; returns how many.
-- Rows of days on which a person has no main posting go. Any range is allowed, past and future.
create or replace function hadir.plan_compile(p_from date, p_to date, p_persons bigint[] default null) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  written bigint;
  removed bigint := 0;
  v_number bigint;
  -- Equality with each day, not a range: plan_day's key begins with the day, and a person is found by probes.
  v_days constant date[] := array(select p_from + n from generate_series(0, p_to - p_from) n);
begin
  perform pg_advisory_xact_lock(hashtext('hadir.plan'));
  select greatest(s.number, 0) + 1 into v_number from hadir.directory_state s;

  -- Who belongs where on these days and, for the cut, on the day after.
  if p_persons is null then
    create temporary table plan_who as
    select p.id as person, greatest(o.valid_from, p_from) as first_day,
           least(coalesce(o.valid_to, p_to + 1), p_to + 1) as last_day, o.unit, u.government, p.category,
           coalesce(h.person, 0) as own
    from hadir.posting o
    join hadir.person p on p.id = o.person
    join hadir.unit u on u.id = o.unit
    left join (select distinct person from hadir.working_hours where person is not null) h on h.person = p.id
    where o.kind = 'main' and o.valid_from <= p_to + 1 and (o.valid_to is null or o.valid_to >= p_from);
  else
    create temporary table plan_who as
    select p.id as person, greatest(o.valid_from, p_from) as first_day,
           least(coalesce(o.valid_to, p_to + 1), p_to + 1) as last_day, o.unit, u.government, p.category,
           coalesce(h.person, 0) as own
    from unnest(p_persons) want
    join hadir.person p on p.id = want
    join hadir.posting o on o.person = p.id
    join hadir.unit u on u.id = o.unit
    left join (select distinct person from hadir.working_hours where person is not null) h on h.person = p.id
    where o.kind = 'main' and o.valid_from <= p_to + 1 and (o.valid_to is null or o.valid_to >= p_from);
  end if;
  analyze pg_temp.plan_who;
  create temporary table plan_class as
  select (row_number() over ())::int as class, c.*
  from (select distinct w.government, w.unit, w.category, w.own as person from pg_temp.plan_who w) c;
  analyze pg_temp.plan_class;
  create temporary table plan_post as
  select w.person, w.first_day, w.last_day, k.class
  from pg_temp.plan_who w
  join pg_temp.plan_class k on k.unit = w.unit and k.government = w.government and k.category = w.category and k.person = w.own;
  -- An index, because plan_day's statistics know nothing of new days and a plan may loop over its rows.
  create index on pg_temp.plan_post (person);
  analyze pg_temp.plan_post;
  perform hadir.plan_stage(p_from, p_to + 1);

  -- Class days whose last session runs past midnight: only there the next day can cut.
  create temporary table plan_long as
  select class, day, max(accept_until) as ends
  from pg_temp.plan_raw
  where day <= p_to
  group by class, day, ends_at
  having max(accept_until) > ends_at;
  create temporary table plan_cut as
  select o.person, l.class, l.day, case when n.starts < l.ends then n.starts end as cut
  from pg_temp.plan_long l
  join pg_temp.plan_post o on o.class = l.class and l.day between o.first_day and o.last_day
  left join pg_temp.plan_post q on q.person = o.person and l.day + 1 between q.first_day and q.last_day
  left join (select class, day, min(accept_from) as starts from pg_temp.plan_raw group by class, day) n
    on n.class = q.class and n.day = l.day + 1;

  create temporary table plan_key as
  select row_number() over () as key, k.*
  from (
    select b.class, b.day, null::timestamptz as cut from pg_temp.plan_base b
    where b.day <= p_to and not exists (select from pg_temp.plan_long l where l.class = b.class and l.day = b.day)
    union all
    select distinct class, day, cut from pg_temp.plan_cut
  ) k;
  analyze pg_temp.plan_long, pg_temp.plan_cut, pg_temp.plan_key;

  -- Sessions as they will be: each ends where the next of the person begins. What that empties is left out and named.
  create temporary table plan_pat as
  with cut as (
    select k.key, r.*,
           least(r.accept_until, k.cut, lead(r.accept_from) over (partition by k.key order by r.accept_from, r.accept_until,
                                                                  r.session)) as until
    from pg_temp.plan_key k
    join pg_temp.plan_raw r on r.class = k.class and r.day = k.day
  ),
  gathered as (
    select c.key,
           jsonb_agg(jsonb_build_object('id', c.session, 'code', c.code, 'label', c.label, 'counts_as', c.counts_as,
                     'accept_from_us', hadir.epoch_us(c.accept_from), 'accept_until_us', hadir.epoch_us(c.until),
                     'due_us', hadir.epoch_us(c.due), 'on_time_from_us', hadir.epoch_us(c.on_time_from),
                     'on_time_until_us', hadir.epoch_us(c.on_time_until)) order by c.accept_from)
             filter (where c.until > c.accept_from) as sessions,
           string_agg(c.code, ', ' order by c.code) filter (where c.until <= c.accept_from) as conflict
    from cut c
    group by c.key
  ),
  office as (
    -- The offices of the unit itself, else of the nearest above that has one; then the unit's own sites.
    select k.unit, array_agg(f.id order by f.kind, f.id) as fences
    from (select distinct unit from pg_temp.plan_class) k
    join lateral (
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
    group by k.unit
  ),
  decides as (
    select g.government, array_agg(coalesce(t.decides, 'arrival') order by c.position) as decides
    from (select distinct government from pg_temp.plan_class) g
    cross join unnest(array['native', 'owntracks', 'osmand', 'whatsapp']) with ordinality c (channel, position)
    left join hadir.channel_time t on t.government = g.government and t.channel = c.channel
    group by g.government
  ),
  whole as (
    select k.key, k.class, k.day, k.cut, c.unit, b.government, b.starts_at, b.ends_at, b.place, b.anywhere,
           b.accuracy_cap_m, d.decides, coalesce(s.sessions, '[]') as sessions, coalesce(o.fences, '{}') as fences,
           case when b.works and s.sessions is null then coalesce(b.reason, 'Tidak ada sesi') else b.reason end as reason,
           s.conflict, b.policy, b.hours, b.calendar
    from pg_temp.plan_key k
    join pg_temp.plan_class c on c.class = k.class
    join pg_temp.plan_base b on b.class = k.class and b.day = k.day
    join decides d on d.government = b.government
    left join gathered s on s.key = k.key
    left join office o on o.unit = c.unit
  )
  select w.*, sha256(convert_to(jsonb_build_array(w.government, w.day, w.starts_at, w.ends_at, w.place, w.anywhere,
         w.accuracy_cap_m, w.decides, w.sessions, w.fences, w.reason, w.conflict, w.policy, w.hours, w.calendar)::text,
         'UTF8')) as digest, null::bigint as pattern
  from whole w;
  analyze pg_temp.plan_pat;

  with fresh as (
    insert into hadir.plan_pattern (digest, government, day, starts_at, ends_at, place, anywhere, accuracy_cap_m, decides,
                                    sessions, fences, reason, conflict, policy, hours, calendar, number)
    select distinct on (p.digest) p.digest, p.government, p.day, p.starts_at, p.ends_at, p.place, p.anywhere,
           p.accuracy_cap_m, p.decides, p.sessions, p.fences, p.reason, p.conflict, p.policy, p.hours, p.calendar, v_number
    from pg_temp.plan_pat p
    where not exists (select from hadir.plan_pattern q where q.digest = p.digest)
    order by p.digest
    returning id, sessions
  )
  insert into hadir.plan_session (pattern, position, session, code, label, counts_as, accept_from, accept_until, due,
                                  on_time_from, on_time_until)
  select f.id, e.position, (e.s ->> 'id')::bigint, e.s ->> 'code', e.s ->> 'label', e.s ->> 'counts_as',
         hadir.from_epoch_us((e.s ->> 'accept_from_us')::bigint), hadir.from_epoch_us((e.s ->> 'accept_until_us')::bigint),
         hadir.from_epoch_us((e.s ->> 'due_us')::bigint), hadir.from_epoch_us((e.s ->> 'on_time_from_us')::bigint),
         hadir.from_epoch_us((e.s ->> 'on_time_until_us')::bigint)
  from fresh f cross join jsonb_array_elements(f.sessions) with ordinality e (s, position);
  update pg_temp.plan_pat p set pattern = q.id from hadir.plan_pattern q where q.digest = p.digest;
  analyze pg_temp.plan_pat;

  with target as (
    select o.person, p.day, p.unit, p.pattern
    from pg_temp.plan_post o
    join pg_temp.plan_pat p on p.class = o.class and p.day between o.first_day and o.last_day
    where not exists (select from pg_temp.plan_long l where l.class = p.class and l.day = p.day)
    union all
    select c.person, p.day, p.unit, p.pattern
    from pg_temp.plan_cut c
    join pg_temp.plan_pat p on p.class = c.class and p.day = c.day and p.cut is not distinct from c.cut
  )
  merge into hadir.plan_day d
  using target t on d.day = t.day and d.person = t.person
  when matched and (d.pattern <> t.pattern or d.unit <> t.unit) then update set unit = t.unit, pattern = t.pattern
  when not matched then insert (person, day, unit, pattern) values (t.person, t.day, t.unit, t.pattern);
  get diagnostics written = row_count;

  if p_persons is null then
    delete from hadir.plan_day d
    where d.day between p_from and p_to
      and not exists (select from pg_temp.plan_post o where o.person = d.person and d.day between o.first_day and o.last_day);
    get diagnostics removed = row_count;
  elsif cardinality(p_persons) * cardinality(v_days) > (
    -- Somebody has a day without a posting: only then there can be anything to take away.
    select coalesce(sum(least(w.last_day, p_to) - w.first_day + 1), 0) from pg_temp.plan_who w where w.first_day <= p_to
  ) then
    delete from hadir.plan_day d
    where d.day = any (v_days) and d.person = any (p_persons)
      and not exists (select from pg_temp.plan_post o where o.person = d.person and d.day between o.first_day and o.last_day);
    get diagnostics removed = row_count;
  end if;

  perform hadir.plan_unstage();
  drop table pg_temp.plan_who, pg_temp.plan_post, pg_temp.plan_class, pg_temp.plan_long, pg_temp.plan_cut, pg_temp.plan_key, pg_temp.plan_pat;
  return written + removed;
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
  create temporary table plan_class (class int generated always as identity, government bigint, unit bigint,
                                     category text, person bigint);
  insert into pg_temp.plan_class (government, unit, category, person)
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
  analyze pg_temp.plan_class;

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
      select w.*, least(w.accept_until, lead(w.accept_from) over (partition by w.class order by w.accept_from, w.day,
                                                                  w.accept_until, w.session)) as until
      from pg_temp.plan_raw w
    ) r
    join pg_temp.plan_class k on k.class = r.class
    join hadir.unit u on u.id = k.unit
    where r.until <= r.accept_from and r.day <= span.last
    order by u.code, r.code, r.day;
    perform hadir.plan_unstage();
  end loop;
  drop table pg_temp.plan_class;
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

grant execute on function hadir.plan_stage(date, date), hadir.plan_unstage(),
  hadir.plan_compile(date, date, bigint[]), hadir.plan_conflicts(date[], bigint[]),
  hadir.plan_trial_days(date, date, date) to hadir_writer, hadir_reader;
