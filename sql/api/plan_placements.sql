-- Placements that check-ins lack because a fence was bound to the person after they came in, or no plan was at hand
-- then. SQL only names the pairs; the planner measures them.

-- Pairs to be measured, at most p_limit. Caller: hadir_planner, whose next refresh waits behind it: so it looks at a thousand
-- check-ins at a time, five hundred of a person's, and begins no more when a fifth of a second is over. People are locked
-- before their check-ins are looked at (ingest notes a person after it stored his check-in: so either it is seen here, or he
-- comes onto the list again); whose are all placed leaves the list, or goes on behind what was looked at; who lacks something
-- stays where he is until it was added.
-- Every step is a look-up by key in the order as written (offset 0 keeps it so), whatever the statistics say: check-ins of
-- today are not in them, those of a new database are in none, and the plan is kept while tables grow.
drop function if exists api.placements_wanted(int);
create function api.placements_wanted(p_limit int)
returns table (checkin uuid, lat double precision, lon double precision, accuracy_m double precision,
               cap_m double precision, fence bigint, version int, shape text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
#variable_conflict use_column
declare
  c_checkins constant int := 1000;         -- looked at together
  c_persons  constant int := 1000;
  c_of_one   constant int := 500;
  v_until    constant timestamptz := clock_timestamp() + interval '200 milliseconds';
  v_since    constant timestamptz := (select (s.first_day - 1)::timestamp at time zone 'UTC' from hadir.directory_state s);
  v_given    int := 0;
  v_turn     int;                          -- given in this turn
  v_last     bigint := 0;                  -- person looked at
  v_one      record;
  v_ids      uuid[];
  v_more     uuid[];
  v_end      timestamptz;                  -- of the last person: up to where he was looked at; null: all of him
  v_persons  bigint[];
  v_lacking  bigint[];
begin
  loop
    v_ids := '{}';
    v_persons := '{}';
    for v_one in
      select w.person, w.after from hadir.placement_dirt w where w.person > v_last order by w.person limit c_persons
      for update skip locked
    loop
      select array_agg(n.id), max(n.received_at) into v_more, v_end
      from (select c.id, c.received_at from hadir.checkin c
            where c.person = v_one.person and c.status = 'recorded'
              and c.received_at > greatest(v_one.after, coalesce(v_since, 'infinity'))
            order by c.received_at fetch first c_of_one rows with ties) n;
      v_last := v_one.person;
      v_persons := v_persons || v_one.person;
      v_ids := v_ids || v_more;
      if cardinality(v_more) < c_of_one then
        v_end := null;
      end if;
      exit when v_end is not null or cardinality(v_ids) >= c_checkins;
    end loop;
    exit when v_persons = '{}';

    v_turn := 0;
    v_lacking := '{}';
    for v_one in
      select c.person, c.id, q.lat, q.lon, q.accuracy_m, p.accuracy_cap_m as cap_m, f.id as fence, f.version, f.shape
      from unnest(v_ids) want (id)
      cross join lateral (
        select k.id, k.person, k.received_at, (coalesce(k.decided_at, k.received_at) at time zone g.zone)::date as day
        from hadir.checkin k cross join lateral (select g.zone from hadir.government g where g.id = k.government offset 0) g
        where k.id = want.id offset 0
      ) c
      cross join lateral (
        select m.pair from hadir.plan_member m where m.person = c.person and c.day between m.first_day and m.last_day offset 0) m
      cross join lateral (select s.pattern from hadir.plan_slot s where s.day = c.day and s.pair = m.pair offset 0) s
      cross join lateral (
        select p.fences, p.anywhere, p.place, p.accuracy_cap_m from hadir.plan_pattern p where p.id = s.pattern offset 0) p
      cross join lateral (
        select unnest(p.fences) as id
        union
        select h.id from hadir.fence h where h.person = c.person and h.kind = 'home' and (p.anywhere or p.place = 'WFH')
      ) bound
      cross join lateral (
        select f.id, f.version, encode(v.shape, 'hex') as shape
        from hadir.fence f
        cross join lateral (
          select v.shape from hadir.fence_version v where v.fence = f.id and v.version = f.version offset 0) v
        where f.id = bound.id and f.removed_at is null
          and not exists (select from hadir.placement l where l.checkin = c.id and l.fence = f.id offset 0)
        offset 0
      ) f
      cross join lateral (
        select q.lat, q.lon, q.accuracy_m from hadir.checkin_position q
        where q.checkin = c.id and q.received_at = c.received_at offset 0) q
      limit p_limit - v_given
    loop
      v_turn := v_turn + 1;
      v_lacking := v_lacking || v_one.person;
      checkin := v_one.id;
      lat := v_one.lat;
      lon := v_one.lon;
      accuracy_m := v_one.accuracy_m;
      cap_m := v_one.cap_m;
      fence := v_one.fence;
      version := v_one.version;
      shape := v_one.shape;
      return next;
    end loop;
    v_given := v_given + v_turn;
    exit when v_given >= p_limit; -- who else lacks something is not known

    -- The last may have more than was looked at.
    delete from hadir.placement_dirt w
    where w.person = any (v_persons) and w.person <> all (v_lacking) and (w.person <> v_last or v_end is null);
    if v_end is not null and v_last <> all (v_lacking) then
      update hadir.placement_dirt w set after = v_end where w.person = v_last;
      v_last := v_last - 1;
    end if;
    exit when clock_timestamp() > v_until;
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
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_hashjoin = off
  set enable_mergejoin = off set enable_seqscan = off set jit = off
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
