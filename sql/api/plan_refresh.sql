-- The planner's turn: takes what is dirty, compiles the window (8 days back to tomorrow, by each government's own
-- clock), and says by its version whether the directory changed.

-- Takes the dirt of p_now (p_all: everything), compiles, and returns the version. number grows only if something changed:
-- it is the microsecond of the change (or one more than before), so that a database restored to an older state never
-- gives an old number to a new content. changed_people: whose own record differs (postings, homes); changed_slots: days of
-- classes that the rules changed. Caller: hadir_planner. One at a time.
drop function if exists api.plan_refresh(timestamptz, boolean);
create function api.plan_refresh(p_now timestamptz, p_all boolean default false)
returns table (epoch bigint, number bigint, changed_people bigint, changed_slots bigint, first_day date, days int,
               compiled_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  state     hadir.directory_state;
  v_first   date;
  v_last    date;
  v_number  bigint;
  v_changed bigint;
  v_homes   bigint;
  v_slots   bigint;
  v_other   bigint;
  v_moved   boolean;
  v_whole   boolean;        -- every day for everybody
  v_back    date;           -- how far back a late letter or leave reaches: a year where there is a plan, else a month
begin
  perform pg_advisory_xact_lock(hashtext('hadir.plan'));
  select s.* into state from hadir.directory_state s;
  select min((p_now at time zone g.zone)::date) - 8, max((p_now at time zone g.zone)::date) + 1 into v_first, v_last
  from hadir.government g;
  if v_first is null then
    return query select hadir.directory_epoch(), state.number, 0::bigint, 0::bigint, (p_now at time zone 'UTC')::date - 8,
                        10, p_now;
    return;
  end if;
  v_moved := state.first_day is distinct from v_first or state.days <> v_last - v_first + 1;

  if not (v_moved or p_all or exists (select from hadir.plan_dirt)) then
    return query select hadir.directory_epoch(), state.number, 0::bigint, 0::bigint, state.first_day, state.days, p_now;
    return;
  end if;

  v_back := greatest(v_first - 366, least(v_first - 33, (select s.day from hadir.plan_slot s order by s.day limit 1)));
  -- The database's own clock, not p_now: a simulated clock goes back, and a number must never come again.
  v_number := greatest(state.number + 1, hadir.epoch_us(clock_timestamp()));
  create temporary table plan_dirty (kind text, ref bigint, first_day date, last_day date, why text);
  -- Who has letters or leaves of long ago is taken by the hundred: each may need a year of days. The first time there is
  -- no plan of long ago.
  with late as (
    select distinct d.ref from hadir.plan_dirt d where d.kind = 'person' and d.first_day < v_first - 33 order by d.ref limit 100
  ),
  taken as (delete from hadir.plan_dirt d
            where not coalesce(d.kind = 'person' and d.first_day < v_first - 33 and state.first_day is not null, false) or d.ref in (select l.ref from late l) returning kind, ref, first_day, last_day, why)
  insert into pg_temp.plan_dirty select distinct t.kind, t.ref, t.first_day, t.last_day, t.why from taken t;
  create temporary table plan_who (person bigint, since date);
  create temporary table plan_need (day date, pair int);
  analyze pg_temp.plan_dirty;

  if v_moved then
    perform hadir.partition_ensure(p_now - interval '1 month');
    perform hadir.partition_ensure(p_now);
    perform hadir.partition_ensure(p_now + interval '1 month');
  end if;
  -- A window that begins in the old one and reaches as far adds days; any other is compiled anew.
  v_whole := p_all or v_moved and not coalesce(v_first between state.first_day and state.first_day + state.days - 1
                                               and v_last >= state.first_day + state.days - 1, false);

  -- People first, from the day before: its night shift may end where this day begins. What names no day counts from
  -- the window's first. The first time there is no day before the window; after a pause longer than the window everybody's
  -- days of the pause are compiled, too: what is expected of people does not depend on whether somebody compiled.
  insert into pg_temp.plan_who
  select w.person, min(w.since)
  from (select p.id as person, greatest(v_back, least(v_first, state.first_day + state.days)) as since from hadir.person p where v_whole
        union all
        select d.ref, greatest(v_back, coalesce(d.first_day - 1, v_first)) from pg_temp.plan_dirty d
        where d.kind = 'person' and state.first_day is not null) w
  group by w.person;
  analyze pg_temp.plan_who;
  v_changed := hadir.plan_members(v_number);

  -- Then the days: of these people, of the window's new end, and of whoever works by a rule that changed; when every day of the
  -- window is compiled anyway, of a rule only the days that were reopened, for they may lie before it.
  insert into pg_temp.plan_need
  select d::date, m.pair
  from (select distinct greatest(m.first_day, w.since) as first_day, least(m.last_day, v_last) as last_day, m.pair
        from pg_temp.plan_who w join hadir.plan_member m on m.person = w.person
        where m.last_day >= w.since and m.first_day <= v_last) m
  cross join generate_series(m.first_day::timestamp, m.last_day::timestamp, interval '1 day') d;
  if v_moved and not v_whole then
    insert into pg_temp.plan_need
    select d::date, m.pair
    from (select distinct greatest(m.first_day, state.first_day + state.days) as first_day,
                 least(m.last_day, v_last) as last_day, m.pair
          from hadir.plan_member m
          where m.first_day <= v_last and m.last_day >= state.first_day + state.days) m
    cross join generate_series(m.first_day::timestamp, m.last_day::timestamp, interval '1 day') d;
  end if;
  insert into pg_temp.plan_need
  with rule as materialized (
    select d.kind, d.ref, greatest(case d.why when 'reopen' then v_back else v_first end, coalesce(d.first_day, v_first) - 1)
             as first_day, least(v_last, coalesce(d.last_day, v_last)) as last_day
    from pg_temp.plan_dirty d where d.kind in ('unit', 'government', 'all') and (d.why = 'reopen' or not v_whole)
  ),
  class as (
    select k.id, r.first_day, r.last_day from rule r cross join hadir.plan_class k where r.kind = 'all'
    union
    select k.id, r.first_day, r.last_day
    from rule r join hadir.unit u on u.government = r.ref join hadir.plan_class k on k.unit = u.id
    where r.kind = 'government'
    union
    select k.id, r.first_day, r.last_day
    from rule r join hadir.unit_closure c on c.ancestor = r.ref join hadir.plan_class k on k.unit = c.descendant
    where r.kind = 'unit'
  ),
  pair as (
    select p.id, c.first_day, c.last_day from class c join hadir.plan_pair p on p.class = c.id
    union
    select p.id, c.first_day, c.last_day from class c join hadir.plan_pair p on p.next = c.id
  )
  select s.day, s.pair from pair p join hadir.plan_slot s on s.pair = p.id and s.day between p.first_day and p.last_day;
  -- A closed day keeps the rules by which it was closed, whatever decree or circular comes later; what a late letter or
  -- leave needs besides is added. Only who reopens it has it compiled anew.
  delete from pg_temp.plan_need n
  using hadir.plan_pair p, hadir.plan_class k, hadir.unit u
  where p.id = n.pair and k.id = p.class and u.id = k.unit
    and exists (select from hadir.attendance_version v where v.government = u.government and v.day = n.day)
    and exists (select from hadir.plan_slot s where s.day = n.day and s.pair = n.pair)
    and not exists (select from pg_temp.plan_dirty d where d.why = 'reopen' and d.kind = 'government' and d.ref = u.government
                    and n.day between d.first_day and d.last_day);
  v_slots := hadir.plan_slots(v_number, true);

  -- Somebody's home came, moved or went.
  insert into hadir.placement_dirt (person)
  select distinct d.ref from pg_temp.plan_dirty d where d.kind = 'home' order by d.ref
  on conflict (person) do update set after = '-infinity';
  insert into hadir.directory_change as c (kind, ref, number)
  select distinct 'person', d.ref, v_number from pg_temp.plan_dirty d where d.kind = 'home'
  on conflict (kind, ref) do update set number = excluded.number where c.number <> excluded.number;
  get diagnostics v_homes = row_count;

  insert into hadir.directory_change as c (kind, ref, number)
  select distinct d.kind, d.ref, v_number from pg_temp.plan_dirty d where d.kind in ('device', 'access', 'fence', 'business')
  on conflict (kind, ref) do update set number = excluded.number;
  get diagnostics v_other = row_count;
  drop table pg_temp.plan_dirty, pg_temp.plan_who, pg_temp.plan_need;

  v_changed := v_changed + v_homes;
  if v_changed + v_slots + v_other > 0 or v_moved then
    -- Ingest that compared with the number of before ends first (hadir.checkin_store).
    perform pg_advisory_xact_lock(hashtext('hadir.directory'));
    update hadir.directory_state s
    set number = v_number, first_day = v_first, days = v_last - v_first + 1, compiled_at = p_now;
  else
    v_number := state.number;
  end if;
  return query select hadir.directory_epoch(), v_number, v_changed, v_slots, v_first, v_last - v_first + 1, p_now;
end
$$;
alter function api.plan_refresh(timestamptz, boolean) owner to hadir_writer;
revoke all on function api.plan_refresh(timestamptz, boolean) from public;
grant execute on function api.plan_refresh(timestamptz, boolean) to hadir_planner;
