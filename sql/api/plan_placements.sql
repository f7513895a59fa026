-- Placements that check-ins lack because a fence was bound to the person after they came in, or no plan was at hand
-- then. SQL only names the pairs; the planner measures them.

-- Pairs to be measured, oldest check-ins first, at most p_limit. People for whom nothing is missing any more leave the
-- list; at most 2,000 are looked at in one call, because the planner's next refresh waits behind it. Every step is a
-- look-up by key, whatever the statistics say: hence no hash and no merge joins. Caller: hadir_planner.
drop function if exists api.placements_wanted(int);
create function api.placements_wanted(p_limit int)
returns table (checkin uuid, lat double precision, lon double precision, accuracy_m double precision,
               cap_m double precision, fence bigint, version int, shape text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_persons bigint[];
  v_since   constant timestamptz := (select (s.first_day - 1)::timestamp at time zone 'UTC' from hadir.directory_state s);
begin
  for v_turn in 1 .. 2 loop
    select array_agg(d.person) into v_persons
    from (select w.person from hadir.placement_dirt w order by w.person limit 1000) d;
    exit when v_persons is null;

    return query
    with came as materialized (
      select c.id, c.person, c.received_at, (coalesce(c.decided_at, c.received_at) at time zone g.zone)::date as day
      from unnest(v_persons) want
      join hadir.checkin c on c.person = want and c.status = 'recorded' and c.received_at >= v_since
      join hadir.government g on g.id = c.government
    )
    select c.id, q.lat, q.lon, q.accuracy_m, p.accuracy_cap_m, f.id, f.version, encode(v.shape, 'hex')
    from came c
    join hadir.checkin_position q on q.checkin = c.id and q.received_at = c.received_at
    join hadir.plan_day d on d.person = c.person and d.day = c.day
    join hadir.plan_pattern p on p.id = d.pattern
    cross join lateral (
      select unnest(p.fences) as id
      union
      select h.id from hadir.fence h where h.person = c.person and h.kind = 'home' and (p.anywhere or p.place = 'WFH')
    ) bound
    join hadir.fence f on f.id = bound.id and f.removed_at is null
    join hadir.fence_version v on v.fence = f.id and v.version = f.version
    where not exists (select from hadir.placement m where m.checkin = c.id and m.fence = f.id)
    order by c.received_at, c.id, f.id
    limit p_limit;
    exit when found;
    delete from hadir.placement_dirt w where w.person = any (v_persons);
  end loop;
end
$$;
alter function api.placements_wanted(int) owner to hadir_writer;
revoke all on function api.placements_wanted(int) from public;
grant execute on function api.placements_wanted(int) to hadir_planner;

-- Adds measured pairs ([{checkin, fence, version, relation, metres}]); returns how many were new. Metres go where the
-- coordinates are, if they still are there. Caller: hadir_planner.
drop function if exists api.placements_add(jsonb);
create function api.placements_add(p_rows jsonb) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_added bigint;
begin
  with given as (
    select r.* from jsonb_to_recordset(p_rows) r (checkin uuid, fence bigint, version int, relation text,
                                                  metres double precision)
  ),
  fresh as (
    insert into hadir.placement (checkin, fence, fence_version, relation)
    select g.checkin, g.fence, g.version, g.relation
    from given g
    where exists (select from hadir.checkin c where c.id = g.checkin)
    on conflict do nothing
    returning checkin, fence, fence_version
  ),
  measured as (
    select f.checkin, array_agg(f.fence order by f.fence) as fences, array_agg(f.fence_version order by f.fence) as versions,
           array_agg(g.metres order by f.fence) as metres
    from fresh f join given g on g.checkin = f.checkin and g.fence = f.fence and g.version = f.fence_version
    group by f.checkin
  ),
  kept as (
    update hadir.checkin_position q
    set fences = q.fences || m.fences, fence_versions = q.fence_versions || m.versions, metres = q.metres || m.metres
    from measured m join hadir.checkin c on c.id = m.checkin
    where q.checkin = c.id and q.received_at = c.received_at
  )
  select count(*) into v_added from fresh;
  return v_added;
end
$$;
alter function api.placements_add(jsonb) owner to hadir_writer;
revoke all on function api.placements_add(jsonb) from public;
grant execute on function api.placements_add(jsonb) to hadir_planner;
