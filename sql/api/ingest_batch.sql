-- From spool to tables. Every statement here is set-based and idempotent: the ledger may send the same rows again,
-- interleaved with others or by another spool, and the tables end the same.

-- The claimed time of a row: what it says of itself, else its arrival. It chooses the key's partition, so it must be
-- the same in every retry.
create or replace function hadir.claimed_at(p_row hadir.spool_row) returns timestamptz
language sql immutable
return coalesce((p_row).fix_at, (p_row).message_at, (p_row).received_at);
comment on function hadir.claimed_at(hadir.spool_row) is
  'p_row: a spool row. Returns its claimed time (fix, else message, else arrival). Called by ingest and enrolment.';
revoke all on function hadir.claimed_at(hadir.spool_row) from public;
grant execute on function hadir.claimed_at(hadir.spool_row) to hadir_writer;

-- Puts people on the list of those whose check-ins may lack placements: judged by a plan that is no longer the person's, or
-- by none. The planner looks.
create or replace function hadir.placements_doubt(p_rows hadir.spool_row[], p_epoch bigint, p_number bigint) returns void
language sql set search_path = pg_catalog, pg_temp
as $$
  insert into hadir.placement_dirt as d (person, after)
  select u.person, min(u.received_at) - interval '1 microsecond'
  from unnest(p_rows) u
  where u.person > 0
    and (coalesce(u.directory_number, 0) = 0 or coalesce((u.first).verdict, 'pending') = 'pending'
         or u.directory_epoch is distinct from p_epoch
         or u.directory_number < p_number and (
           exists (select from hadir.directory_change c
                   where c.kind = 'person' and c.ref = u.person and c.number > u.directory_number offset 0)
           or exists (select from generate_series(-1, 1) d
                      cross join lateral (select (coalesce(u.decided_at, u.received_at) at time zone 'UTC')::date + d as day) near
                      cross join lateral (select m.pair from hadir.plan_member m
                        where m.person = u.person and near.day between m.first_day and m.last_day offset 0) m
                      cross join lateral (select from hadir.plan_slot s
                        where s.day = near.day and s.pair = m.pair and s.number > u.directory_number offset 0) s
                      offset 0)))
  group by u.person
  order by u.person
  on conflict (person) do update set after = least(d.after, excluded.after)
$$;
comment on function hadir.placements_doubt(hadir.spool_row[], bigint, bigint) is
  'p_rows: check-ins that were stored; p_epoch, p_number: the directory''s version now. Called by checkin_store.';
revoke all on function hadir.placements_doubt(hadir.spool_row[], bigint, bigint) from public;
grant execute on function hadir.placements_doubt(hadir.spool_row[], bigint, bigint) to hadir_writer;

-- Stores attributed check-ins. First key wins: its row becomes the check-in; a row with a key already known becomes an
-- acknowledgement with its own receipt. Sorted by key, so that two ledgers never wait for each other in a circle.
-- Each step reads the rows once, and every step but that is a look-up by key in the order as written (offset 0 keeps it so),
-- whatever the statistics say: the plan is made once for a connection, while tables grow, in a new database from nothing.
-- work_mem: 2,500 rows fit, with room, so that none goes through a file.
create or replace function hadir.checkin_store(p_spool uuid, p_rows hadir.spool_row[]) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set timezone = 'UTC' set plan_cache_mode = force_generic_plan
  set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set jit = off set work_mem = '64MB'
as $$
declare
  v_epoch constant bigint := hadir.directory_epoch();
  v_number bigint;
  v_oldest bigint;  -- version that judged a row, of the oldest; 0: one was judged by none or by another database's
  v_fresh  bigint;
  v_count  bigint;
  v_more   bigint;
begin
  perform hadir.partition_ensure(m.month)
  from (select distinct date_trunc('month', d.day::timestamptz) as month
        from (select distinct u.received_at::date as day,
                -- An older claim than that of a kept key gets no key.
                case when hadir.claimed_at(u) between u.received_at - (
                  select make_interval(days => max(g.retention_days)) from hadir.government g) and u.received_at
                then hadir.claimed_at(u)::date end as claimed
              from unnest(p_rows) u) r
        cross join lateral (values (r.day), (r.claimed)) d (day)
        where isfinite(d.day)) m
  where to_regclass('hadir.checkin_key_' || to_char(m.month, 'YYYYMM')) is null
     or to_regclass('hadir.checkin_position_' || to_char(m.month, 'YYYYMM')) is null;

  with fresh as materialized (
    select u.*, hadir.claimed_at(u) as claimed_at,
      -- Older than the keys that are kept: whether it is a repeat can no longer be known.
      -- Every government keeps them for nine days at least: most rows need not ask for how many.
      coalesce(hadir.claimed_at(u) < u.received_at - interval '9 days'
        and hadir.claimed_at(u) < u.received_at - make_interval(days => (
          select g.retention_days from hadir.government g where g.id = u.government)), false) as stale
    from unnest(p_rows) u
    where not exists (select from hadir.checkin c where c.id = u.id offset 0)
      and not exists (select from hadir.checkin_ack a where a.id = u.id offset 0)
  ),
  taken as (
    insert into hadir.checkin_key (device, key, body_hash, checkin, claimed_at, government, external_id)
    select f.device, decode(f.key, 'hex'), decode(f.body_hash, 'hex'), f.id, f.claimed_at, f.government, f.external_id
    from fresh f
    where not f.stale
    order by f.device, f.key, f.seq
    on conflict do nothing
    returning checkin
  ),
  kept as materialized (
    select f.* from fresh f where f.stale or f.id in (select t.checkin from taken t)
  ),
  stored as (
    insert into hadir.checkin (id, spool, seq, status, reason, government, person, device, channel, fix_at, message_at,
      sent_at, received_at, clock_error_us, clock_state, clock_offset_us, decided_at, decided_by, flags, automatic,
      session_claimed, note, directory_epoch, directory_number, first_verdict, first_day, first_session,
      first_session_code, first_counts_as, first_late_minutes, first_early_minutes, first_place, first_fence,
      first_relation, first_inside, coordinates_sha256, tree_size, tree_index, tree_path, tree_root, tree_signature, tree_key)
    select k.id, p_spool, k.seq, case when k.stale then 'rejected' else 'recorded' end,
      case when k.stale then 'claim_older_than_retention' end,
      k.government, nullif(k.person, 0), nullif(k.device, 0), k.channel, k.fix_at, k.message_at,
      k.sent_at, k.received_at, k.clock_error_us, k.clock_state, coalesce(k.clock_offset_us, 0), k.decided_at, k.decided_by,
      coalesce(k.flags, '{}'), coalesce(k.automatic, false), k.session_claimed, k.note, k.directory_epoch,
      k.directory_number, (k.first).verdict, (k.first).day, nullif((k.first).session, 0), (k.first).session_code,
      (k.first).counts_as, (k.first).late_minutes, (k.first).early_minutes, nullif((k.first).place, ''),
      nullif((k.first).fence, 0), (k.first).relation,
      case when (k.first).fence <> 0 then (select (k.first).fence from (select unnest(k.placements) as p) p
        where (p.p).fence = (k.first).fence and (p.p).relation = 'inside' limit 1) end,
      coalesce(decode(k.coordinates_sha256, 'hex'), sha256(decode(k.salt, 'hex') || float8send(k.lat) || float8send(k.lon))),
      (k.tree).size, (k.tree).index, decode((k.tree).path, 'hex'), decode((k.tree).root, 'hex'),
      decode((k.tree).signature, 'hex'), (k.tree).key
    from kept k
    returning directory_number, directory_epoch, first_verdict
  ),
  positions as (
    insert into hadir.checkin_position (checkin, received_at, government, lat, lon, accuracy_m, altitude_m, salt, raw,
      first_distance_m, fences, fence_versions, metres)
    select k.id, k.received_at, k.government, k.lat, k.lon, k.accuracy_m, k.altitude_m, decode(k.salt, 'hex'), k.raw,
      (k.first).distance_m, array(select (unnest(k.placements)).fence),
      array(select (unnest(k.placements)).version), array(select (unnest(k.placements)).metres)
    from kept k
  ),
  placed as (
    -- A new check-in has none yet, and the ledger names a version of a fence once: nothing can be in its way.
    insert into hadir.placement (checkin, fence, fence_version, relation)
    select p.id, (p.p).fence, (p.p).version, (p.p).relation
    from (select k.id, unnest(k.placements) as p from kept k where not k.stale offset 0) p
  )
  select (select count(*) from fresh), count(*),
    min(case when s.directory_epoch = v_epoch and s.first_verdict <> 'pending' then coalesce(s.directory_number, 0) else 0 end)
    into v_fresh, v_count, v_oldest
  from stored s;

  -- The planner raises the version under this lock, with the people whose fences changed on its list: whom this does not see
  -- comes onto the list after these rows are there.
  loop
    v_number := (select s.number from hadir.directory_state s);
    if v_oldest = 0 or v_oldest < v_number then
      perform hadir.placements_doubt(p_rows, v_epoch, v_number);
    end if;
    perform pg_advisory_xact_lock_shared(hashtext('hadir.directory'));
    exit when v_number is not distinct from (select s.number from hadir.directory_state s);
  end loop;

  if v_count < v_fresh then
    insert into hadir.checkin_ack (id, checkin, spool, seq, person, received_at, fact, coordinates_sha256)
    select u.id, k.checkin, p_spool, u.seq, nullif(u.person, 0), u.received_at,
      to_jsonb(u) - '{lat,lon,accuracy_m,altitude_m,salt,key,body_hash,raw,placements,external_id,sender,sender_user_id,coordinates_sha256}'::text[]
        || jsonb_build_object('same_body', k.body_hash = decode(u.body_hash, 'hex'), 'first', to_jsonb(u.first) - 'distance_m'),
      hadir.coordinates_sha256(u)
    from unnest(p_rows) u
    -- Apart: row security lets nothing be computed from columns inside a look-up.
    cross join lateral (
      select decode(u.key, 'hex') as key, date_trunc('month', hadir.claimed_at(u)) as month offset 0
    ) of_row
    cross join lateral (
      select q.checkin, q.body_hash from hadir.checkin_key q
      where q.device = u.device and q.key = of_row.key
        and q.claimed_at >= of_row.month and q.claimed_at < of_row.month + interval '1 month' offset 0
    ) k
    where not exists (select from hadir.checkin c where c.id = u.id offset 0)
    on conflict do nothing;
    get diagnostics v_more = row_count;
    v_count := v_count + v_more;
    -- A key that stopped the row, but that nobody can show, would lose an acknowledged fact: fail, so that it is seen.
    v_more := (select count(*) from unnest(p_rows) u where not exists (select from hadir.checkin c where c.id = u.id offset 0)
                                                       and not exists (select from hadir.checkin_ack a where a.id = u.id offset 0));
    if v_more > 0 then
      raise exception 'checkin_store: % rows have neither check-in nor acknowledgement', v_more using errcode = 'data_exception';
    end if;
  end if;
  return v_count;
end
$$;
comment on function hadir.checkin_store(uuid, hadir.spool_row[]) is
  'p_spool: the spool''s id; p_rows: attributed check-ins. Returns how many are new (check-ins and acknowledgements). '
  'Called inside functions of hadir_writer only: api.ingest, api.enroll.';
revoke all on function hadir.checkin_store(uuid, hadir.spool_row[]) from public;
grant execute on function hadir.checkin_store(uuid, hadir.spool_row[]) to hadir_writer;

-- SHA-256(salt ‖ latitude ‖ longitude, IEEE-754 big-endian), as proto/receipt.h has it.
create or replace function hadir.coordinates_sha256(p_row hadir.spool_row) returns bytea
language sql immutable
return coalesce(decode((p_row).coordinates_sha256, 'hex'),
                sha256(decode((p_row).salt, 'hex') || float8send((p_row).lat) || float8send((p_row).lon)));
comment on function hadir.coordinates_sha256(hadir.spool_row) is
  'p_row: a spool row. Returns what the receipt''s leaf has instead of coordinates. Called by ingest.';
revoke all on function hadir.coordinates_sha256(hadir.spool_row) from public;
grant execute on function hadir.coordinates_sha256(hadir.spool_row) to hadir_writer;

-- Keeps locations from senders nobody enrolled: at most ten per sender and local day of arrival (design section 2).
drop function if exists hadir.unattributed_store(uuid, hadir.spool_row[], jsonb);
create or replace function hadir.unattributed_store(p_spool uuid, p_rows hadir.spool_row[]) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  c_per_sender_and_day constant int := 10;
  v_count bigint;
begin
  insert into hadir.unattributed (id, spool, seq, government, channel, sender, sender_user_id, key, received_at, fact)
  select n.id, p_spool, n.seq, n.government, n.channel, n.sender, n.sender_user_id, decode(n.key, 'hex'), n.received_at, n.fact
  from (
    select u.*, to_jsonb(u) as fact,
      row_number() over (partition by u.government, coalesce(u.sender_user_id, u.sender),
                         (u.received_at at time zone g.zone)::date order by u.seq)
      + (select count(*)
         from (select o.id, o.received_at from hadir.unattributed o
               where o.government = u.government and o.sender_user_id = u.sender_user_id
               union
               select o.id, o.received_at from hadir.unattributed o
               where o.government = u.government and o.sender = u.sender) o
         where (o.received_at at time zone g.zone)::date = (u.received_at at time zone g.zone)::date) as nth
    from unnest(p_rows) u
    join hadir.government g on g.id = u.government
    where not exists (select from hadir.unattributed o where o.id = u.id offset 0)
      and not exists (select from hadir.checkin c where c.id = u.id offset 0)
      and not exists (select from hadir.checkin_ack a where a.id = u.id offset 0)
      -- The same message by another spool.
      and not exists (select from hadir.unattributed o
                      where o.government = u.government and o.sender_user_id = u.sender_user_id and o.key = decode(u.key, 'hex') offset 0)
      and not exists (select from hadir.unattributed o
                      where o.government = u.government and o.sender = u.sender and o.key = decode(u.key, 'hex') offset 0)
  ) n
  where n.nth <= c_per_sender_and_day
  on conflict do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function hadir.unattributed_store(uuid, hadir.spool_row[]) is
  'p_spool: the spool''s id; p_rows: rows of kind unattributed. Returns how many were kept. '
  'Called by api.ingest.';
revoke all on function hadir.unattributed_store(uuid, hadir.spool_row[]) from public;
grant execute on function hadir.unattributed_store(uuid, hadir.spool_row[]) to hadir_writer;

-- last_seq only grows; after a restore it is old by itself, and the ledger, comparing, goes back to it. complete_to is
-- what the newest call says, also when a clock that was set back makes it less: what arrives from now on arrives before
-- the old claim. An older call that comes late (smaller p_last_seq) changes nothing. A spool that was called drained for
-- ever ('infinity') is only believed to live by a row it never had before.
-- plpgsql keeps its plan for the session; a function of SQL would be planned in every call.
create or replace function hadir.mark_move(p_spool uuid, p_last_seq bigint, p_complete_to timestamptz) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  insert into hadir.ingest_mark as m (spool, last_seq, complete_to, seen_at)
  values (p_spool, p_last_seq, p_complete_to, clock_timestamp())
  on conflict (spool) do update
    set last_seq = greatest(m.last_seq, excluded.last_seq),
        complete_to = case when excluded.last_seq > m.last_seq
                             or (excluded.last_seq = m.last_seq and isfinite(m.complete_to)) then excluded.complete_to
                           else m.complete_to end,
        seen_at = excluded.seen_at;
end
$$;
comment on function hadir.mark_move(uuid, bigint, timestamptz) is
  'Moves a spool''s mark: last_seq never back, complete_to to what the newest call says, back from infinity only by a new row. seen_at is the database''s own clock, for people who look, judged by nobody. '
  'Called by api.ingest, api.ingest_poison, api.ingest_idle.';
revoke all on function hadir.mark_move(uuid, bigint, timestamptz) from public;
grant execute on function hadir.mark_move(uuid, bigint, timestamptz) to hadir_writer;

set role hadir_writer;

create or replace function api.ingest_rows(p_spool uuid, p_last_seq bigint, p_complete_to timestamptz, p_rows hadir.spool_row[])
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off set work_mem = '64MB'
as $$
declare
  v_checkins hadir.spool_row[] := p_rows;
  v_strange  hadir.spool_row[];
  v_count    bigint := 0;
  v_more     bigint;
  v_kinds    text[];
  v_governments text;
begin
  select array_agg(distinct u.kind), string_agg(distinct u.government::text, ',') filter (where u.government > 0)
    into v_kinds, v_governments
  from (select r.kind, r.government from unnest(p_rows) r group by r.kind, r.government) u;
  if array_position(v_kinds, null) is not null or not v_kinds <@ '{checkin,unattributed,event}' then
    raise exception 'ingest: a row of unknown kind' using errcode = 'invalid_parameter_value';
  end if;

  -- Either this sees the device, or the enrolment that is under way sees these rows when it looks.
  if 'unattributed' = any (v_kinds) then
    perform pg_advisory_xact_lock_shared(hashtext('hadir.unattributed'));
  end if;
  -- Enrolled between the door's look and now: an ordinary check-in, with its original times.
  if v_kinds <> '{checkin}' then
    select array_agg(case when u.kind = 'checkin' then u else jsonb_populate_record(u, jsonb_build_object(
             'kind', 'checkin', 'person', d.person, 'device', d.id)) end order by u.seq)
             filter (where u.kind = 'checkin' or d.id is not null),
           array_agg(u order by u.seq) filter (where u.kind = 'unattributed' and d.id is null)
      into v_checkins, v_strange
    from unnest(p_rows) u
    left join lateral (
      select e.id, e.person
      from (select i.id, i.person, 1 as nth from hadir.device i
            where u.kind = 'unattributed' and i.government = u.government and i.revoked_at is null and i.user_id = u.sender_user_id
            union all
            select n.id, n.person, 2 from hadir.device n
            where u.kind = 'unattributed' and n.government = u.government and n.revoked_at is null and n.number = u.sender) e
      order by e.nth, e.id limit 1
    ) d on true
    where u.kind in ('checkin', 'unattributed');

    insert into hadir.event (spool, seq, government, kind, received_at, payload)
    select p_spool, u.seq, nullif(u.government, 0), u.event_kind, u.received_at, u.payload
    from unnest(p_rows) u
    where u.kind = 'event'
    on conflict (spool, seq) do nothing;
    get diagnostics v_count = row_count;
  end if;

  if cardinality(v_checkins) > 0 then
    v_more := hadir.checkin_store(p_spool, v_checkins);
    v_count := v_count + v_more;
  end if;
  if v_strange is not null then
    v_more := hadir.unattributed_store(p_spool, v_strange);
    v_count := v_count + v_more;
  end if;

  perform hadir.mark_move(p_spool, p_last_seq, p_complete_to);
  perform pg_notify('hadir_ingest', left(coalesce(v_governments, ''), 4000));
  return v_count;
end
$$;
comment on function api.ingest_rows(uuid, bigint, timestamptz, hadir.spool_row[]) is
  'p_spool: the spool''s id; p_last_seq: highest seq of the batch; p_complete_to: all that arrived before it is in the '
  'database after this call; p_rows: the rows in order of seq. One transaction, idempotent. Returns the rows '
  'that are new in the database. Any bad row fails the whole batch: the caller bisects and gives that row to '
  'api.ingest_poison. Events are kept as they came; system events (user_changed_number, user_changed_user_id) bind '
  'nothing by themselves. NOTIFY hadir_ingest carries the governments. Called by hadir_intake.';
revoke all on function api.ingest_rows(uuid, bigint, timestamptz, hadir.spool_row[]) from public;
grant execute on function api.ingest_rows(uuid, bigint, timestamptz, hadir.spool_row[]) to hadir_intake;

create or replace function api.ingest(p_spool uuid, p_last_seq bigint, p_complete_to timestamptz, p_rows jsonb)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
begin
  return api.ingest_rows(p_spool, p_last_seq, p_complete_to, (
    select array_agg(r order by r.seq) from jsonb_populate_recordset(null::hadir.spool_row, p_rows) r));
end
$$;
comment on function api.ingest(uuid, bigint, timestamptz, jsonb) is
  'api.ingest_rows with the rows as a JSON array. Called by hadir_intake: ledgers of before, and tests.';
revoke all on function api.ingest(uuid, bigint, timestamptz, jsonb) from public;
grant execute on function api.ingest(uuid, bigint, timestamptz, jsonb) to hadir_intake;

create or replace function api.ingest_idle(p_spool uuid, p_last_seq bigint, p_complete_to timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  -- A mark below p_last_seq means that the database lost rows (restored): saying "complete" would be false.
  if p_last_seq > coalesce((select m.last_seq from hadir.ingest_mark m where m.spool = p_spool), 0) then
    return;
  end if;
  perform hadir.mark_move(p_spool, p_last_seq, p_complete_to);
end
$$;
comment on function api.ingest_idle(uuid, bigint, timestamptz) is
  'Says that a spool has nothing after p_last_seq and is complete to p_complete_to (''infinity'': the file is drained and '
  'will never grow; nobody waits for it). Does nothing when the database has not got p_last_seq yet. Called by hadir_intake.';
revoke all on function api.ingest_idle(uuid, bigint, timestamptz) from public;
grant execute on function api.ingest_idle(uuid, bigint, timestamptz) to hadir_intake;

create or replace function api.ingest_position(p_spool uuid) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select m.last_seq from hadir.ingest_mark m where m.spool = p_spool
$$;
comment on function api.ingest_position(uuid) is
  'Returns up to which seq the database has a spool''s rows; null: never heard of it. Called by hadir_intake.';
revoke all on function api.ingest_position(uuid) from public;
grant execute on function api.ingest_position(uuid) to hadir_intake;

reset role;
