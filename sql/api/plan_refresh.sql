-- The planner's turn: takes what is dirty, compiles the window (8 days back to tomorrow, by each government's own
-- clock), and says by its version whether the directory changed.

-- Takes the dirt of p_now (p_all: everything), compiles, and returns the version. number grows only if something that a
-- door could notice changed: it is the microsecond of the change (or one more than before), so that a database restored
-- to an older state never gives an old number to a new content. Caller: hadir_planner. One at a time.
drop function if exists api.plan_refresh(timestamptz, boolean);
create function api.plan_refresh(p_now timestamptz, p_all boolean default false)
returns table (epoch bigint, number bigint, changed_people bigint, first_day date, days int, compiled_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  state     hadir.directory_state;
  v_first   date;
  v_last    date;
  v_from    date;
  v_to      date;
  v_number  bigint;
  v_changed bigint := 0;
  v_other   bigint := 0;
  v_moved   boolean;
  v_every   boolean;
  v_known   boolean := true;  -- the new window begins in the old one and reaches as far
  v_whole   boolean;          -- every day for everybody
  v_persons bigint[];
begin
  perform pg_advisory_xact_lock(hashtext('hadir.plan'));
  select s.* into state from hadir.directory_state s;
  select min((p_now at time zone g.zone)::date) - 8, max((p_now at time zone g.zone)::date) + 1 into v_first, v_last
  from hadir.government g;
  if v_first is null then
    return query select hadir.directory_epoch(), state.number, 0::bigint, (p_now at time zone 'UTC')::date - 8, 10, p_now;
    return;
  end if;
  v_moved := state.first_day is distinct from v_first or state.days <> v_last - v_first + 1;

  if not (v_moved or p_all or exists (select from hadir.plan_dirt)) then
    return query select hadir.directory_epoch(), state.number, 0::bigint, state.first_day, state.days, p_now;
    return;
  end if;

  -- The database's own clock, not p_now: a simulated clock goes back, and a number must never come again.
  v_number := greatest(state.number + 1, hadir.epoch_us(clock_timestamp()));
  create temporary table plan_dirty (kind text, ref bigint, first_day date, last_day date);
  with taken as (delete from hadir.plan_dirt returning kind, ref, first_day, last_day)
  insert into pg_temp.plan_dirty select distinct t.kind, t.ref, t.first_day, t.last_day from taken t;
  analyze pg_temp.plan_dirty;

  -- Days that a moved window adds, for everybody.
  if v_moved then
    perform hadir.partition_ensure(p_now - interval '1 month');
    perform hadir.partition_ensure(p_now);
    perform hadir.partition_ensure(p_now + interval '1 month');
    v_known := state.first_day is not null and v_first between state.first_day and state.first_day + state.days - 1
               and v_last >= state.first_day + state.days - 1;
    if v_known and v_last > state.first_day + state.days - 1 then
      perform hadir.plan_compile(state.first_day + state.days, v_last, null);
    end if;
  end if;

  -- What is dirty, for whom it is. The day before is compiled too: its night shift may end where this day begins.
  v_whole := p_all or (v_moved and not v_known);
  select exists (select from pg_temp.plan_dirty d where d.kind = 'all') or v_whole into v_every;
  select greatest(v_first, coalesce(min(coalesce(d.first_day, v_first)), v_first) - 1),
         least(v_last, coalesce(max(coalesce(d.last_day, v_last)), v_last))
  into v_from, v_to
  from pg_temp.plan_dirty d
  where d.kind in ('person', 'unit', 'government', 'all');
  if v_whole then
    v_from := v_first;
    v_to := v_last;
  end if;
  if not v_every then
    select array_agg(distinct p.person) into v_persons
    from (
      select d.ref as person from pg_temp.plan_dirty d where d.kind = 'person'
      union
      select o.person
      from pg_temp.plan_dirty d
      join hadir.unit_closure c on c.ancestor = d.ref
      join hadir.posting o on o.unit = c.descendant and o.kind = 'main'
      where d.kind = 'unit'
      union
      select p.id from pg_temp.plan_dirty d join hadir.person p on p.government = d.ref where d.kind = 'government'
    ) p;
    -- Somebody posted to a government other than his own is reached by his unit.
    if exists (select from pg_temp.plan_dirty d where d.kind = 'government') then
      select array_agg(distinct p.person) into v_persons
      from (
        select unnest(v_persons) as person
        union
        select o.person
        from pg_temp.plan_dirty d
        join hadir.unit u on u.government = d.ref
        join hadir.posting o on o.unit = u.id and o.kind = 'main'
        where d.kind = 'government'
      ) p;
    end if;
    -- So many that looking at everybody is cheaper than looking them up.
    if cardinality(v_persons) > 20000 then
      v_every := true;
    end if;
  end if;
  if v_from <= v_to and (v_every or v_persons is not null) then
    perform hadir.plan_compile(v_from, v_to, case when v_every then null else v_persons end);
  end if;

  -- People as doors know them.
  if v_moved or v_every or v_persons is not null then
    v_changed := hadir.directory_people_write(v_first, v_last, case when v_moved or v_every then null else v_persons end,
                                              v_number, not v_moved);
  end if;

  insert into hadir.directory_change as c (kind, ref, number)
  select distinct d.kind, d.ref, v_number from pg_temp.plan_dirty d where d.kind in ('device', 'access', 'fence', 'business')
  on conflict (kind, ref) do update set number = excluded.number;
  get diagnostics v_other = row_count;
  drop table pg_temp.plan_dirty;

  if v_changed + v_other > 0 or v_moved then
    update hadir.directory_state s
    set number = v_number, first_day = v_first, days = v_last - v_first + 1, compiled_at = p_now;
  else
    v_number := state.number;
  end if;
  return query select hadir.directory_epoch(), v_number, v_changed, v_first, v_last - v_first + 1, p_now;
end
$$;
alter function api.plan_refresh(timestamptz, boolean) owner to hadir_writer;
revoke all on function api.plan_refresh(timestamptz, boolean) from public;
grant execute on function api.plan_refresh(timestamptz, boolean) to hadir_planner;

-- Brings hadir.directory_person up to plan_day for p_persons (null: everybody); returns how many differ. With
-- p_placements, people to whom other fences are bound now are noted for api.placements_wanted.
create or replace function hadir.directory_people_write(p_first date, p_last date, p_persons bigint[], p_number bigint,
                                                        p_placements boolean) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_changed bigint;
  v_days constant date[] := array(select p_first + n from generate_series(0, p_last - p_first) n);
begin
  create temporary table plan_people (person bigint, government bigint, pattern_ids bigint[], homes bigint[]);
  if p_persons is null then
    insert into pg_temp.plan_people
    select p.id, p.government, w.pattern_ids, coalesce(h.homes, '{}')
    from (
      select r.person, case when count(*) = p_last - p_first + 1 then array_agg(r.pattern)
                            else hadir.plan_window(p_first, p_last, array_agg(r.day), array_agg(r.pattern)) end as pattern_ids
      from (select d.person, d.day, d.pattern from hadir.plan_day d where d.day between p_first and p_last
            order by d.person, d.day) r
      group by r.person
    ) w
    join hadir.person p on p.id = w.person
    left join (select f.person, array_agg(f.id order by f.id) as homes from hadir.fence f
               where f.kind = 'home' and f.removed_at is null group by f.person) h on h.person = p.id;
  else
    insert into pg_temp.plan_people
    select p.id, p.government, w.pattern_ids,
           coalesce((select array_agg(f.id order by f.id) from hadir.fence f
                     where f.person = p.id and f.kind = 'home' and f.removed_at is null), '{}')
    from (
      select d.person, hadir.plan_window(p_first, p_last, array_agg(d.day), array_agg(d.pattern)) as pattern_ids
      from hadir.plan_day d
      where d.day = any (v_days) and d.person = any (p_persons)
      group by d.person
    ) w
    join hadir.person p on p.id = w.person;
  end if;
  create index on pg_temp.plan_people (person);
  analyze pg_temp.plan_people;

  if p_placements then
    with differs as (
      select o.person, o.pattern_ids as old_ids, n.pattern_ids as new_ids, o.homes <> n.homes as moved_home
      from hadir.directory_person o join pg_temp.plan_people n on n.person = o.person
      where o.pattern_ids <> n.pattern_ids or o.homes <> n.homes
    ),
    -- The same change befalls many: compare fences once per pair of windows.
    pair as (select distinct old_ids, new_ids from differs),
    rebound as (
      select p.old_ids, p.new_ids
      from pair p
      where exists (
        select from unnest(p.old_ids, p.new_ids) i (old_id, new_id)
        left join hadir.plan_pattern a on a.id = i.old_id
        join hadir.plan_pattern b on b.id = i.new_id
        where i.old_id <> i.new_id and (a.fences, a.place, a.anywhere) is distinct from (b.fences, b.place, b.anywhere))
    )
    insert into hadir.placement_dirt (person)
    select d.person from differs d
    where d.moved_home or exists (select from rebound r where r.old_ids = d.old_ids and r.new_ids = d.new_ids)
    on conflict do nothing;
  end if;

  merge into hadir.directory_person d
  using pg_temp.plan_people n on d.person = n.person
  when matched and (d.pattern_ids <> n.pattern_ids or d.homes <> n.homes or d.government <> n.government or d.removed)
    then update set pattern_ids = n.pattern_ids, homes = n.homes, government = n.government, removed = false,
                    number = p_number
  when not matched then insert (person, government, pattern_ids, homes, number)
    values (n.person, n.government, n.pattern_ids, n.homes, p_number);
  get diagnostics v_changed = row_count;

  -- Who has no plan left in the window leaves the directory.
  if p_persons is null then
    with gone as (
      update hadir.directory_person d
      set removed = true, number = p_number, pattern_ids = '{}', homes = '{}'
      where not d.removed and not exists (select from pg_temp.plan_people n where n.person = d.person)
      returning 1
    )
    select v_changed + count(*) into v_changed from gone;
  else
    with gone as (
      update hadir.directory_person d
      set removed = true, number = p_number, pattern_ids = '{}', homes = '{}'
      from unnest(p_persons) want
      where d.person = want and not d.removed and not exists (select from pg_temp.plan_people n where n.person = d.person)
      returning 1
    )
    select v_changed + count(*) into v_changed from gone;
  end if;
  drop table pg_temp.plan_people;
  return v_changed;
end
$$;

-- Patterns by position in the window, 0 where there is none.
create or replace function hadir.plan_window(p_first date, p_last date, p_days date[], p_patterns bigint[]) returns bigint[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select array_agg(coalesce(w.pattern, 0) order by n)
  from generate_series(0, p_last - p_first) n
  left join unnest(p_days, p_patterns) w (day, pattern) on w.day = p_first + n
$$;
grant execute on function hadir.plan_window(date, date, date[], bigint[]),
  hadir.directory_people_write(date, date, bigint[], bigint, boolean) to hadir_writer;
