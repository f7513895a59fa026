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

-- Stores attributed check-ins. First key wins: its row becomes the check-in; a row with a key already known becomes an
-- acknowledgement with its own receipt. Sorted by key, so that two ledgers never wait for each other in a circle.
create or replace function hadir.checkin_store(p_spool uuid, p_rows hadir.spool_row[]) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
  v_fresh hadir.spool_row[];
  v_stale uuid[];
  v_won   uuid[];
  v_kept  hadir.spool_row[];
  v_epoch constant bigint := hadir.directory_epoch();
  v_number constant bigint := (select s.number from hadir.directory_state s);
  v_count bigint;
  v_more  bigint;
begin
  select array_agg(u order by u.seq) into v_fresh
  from unnest(p_rows) u
  where not exists (select from hadir.checkin c where c.id = u.id)
    and not exists (select from hadir.checkin_ack a where a.id = u.id);
  if v_fresh is null then
    return 0;
  end if;

  -- Older than the keys that are kept: whether it is a repeat can no longer be known.
  select coalesce(array_agg(u.id), '{}') into v_stale
  from unnest(v_fresh) u
  join hadir.government g on g.id = u.government
  where hadir.claimed_at(u) < u.received_at - make_interval(days => g.retention_days);

  perform hadir.partition_ensure(m.month)
  from (select date_trunc('month', u.received_at) as month from unnest(v_fresh) u
        union
        select date_trunc('month', hadir.claimed_at(u)) from unnest(v_fresh) u
        where u.id <> all (v_stale) and hadir.claimed_at(u) <= u.received_at) m
  where isfinite(m.month)
    and (to_regclass('hadir.checkin_key_' || to_char(m.month, 'YYYYMM')) is null
         or to_regclass('hadir.checkin_position_' || to_char(m.month, 'YYYYMM')) is null);

  with taken as (
    insert into hadir.checkin_key (device, key, body_hash, checkin, claimed_at, government, external_id)
    select u.device, decode(u.key, 'hex'), decode(u.body_hash, 'hex'), u.id, hadir.claimed_at(u), u.government, u.external_id
    from unnest(v_fresh) u
    where u.id <> all (v_stale)
    order by u.device, u.key, u.seq
    on conflict do nothing
    returning checkin
  )
  select coalesce(array_agg(t.checkin), '{}') into v_won from taken t;
  -- Joined once: a search through the list for every row would cost more than the inserts.
  select array_agg(u order by u.seq) into v_kept
  from unnest(v_fresh) u
  left join unnest(v_won) w(id) on w.id = u.id
  where w.id is not null or u.id = any (v_stale);

  insert into hadir.checkin (id, spool, seq, status, reason, government, person, device, channel, fix_at, message_at,
    sent_at, received_at, clock_error_us, clock_state, clock_offset_us, decided_at, decided_by, flags, automatic,
    session_claimed, note, directory_epoch, directory_number, first_verdict, first_day, first_session,
    first_session_code, first_counts_as, first_late_minutes, first_early_minutes, first_place, first_fence,
    first_relation, first_inside, coordinates_sha256, tree_size, tree_index, tree_path, tree_root, tree_signature, tree_key)
  select u.id, p_spool, u.seq,
    case when u.id = any (v_stale) then 'rejected' else 'recorded' end,
    case when u.id = any (v_stale) then 'claim_older_than_retention' end,
    u.government, nullif(u.person, 0), nullif(u.device, 0), u.channel, u.fix_at, u.message_at,
    u.sent_at, u.received_at, u.clock_error_us, u.clock_state, coalesce(u.clock_offset_us, 0), u.decided_at, u.decided_by,
    coalesce(u.flags, '{}'), coalesce(u.automatic, false), u.session_claimed, u.note, u.directory_epoch,
    u.directory_number, f.verdict, f.day, nullif(f.session, 0), f.session_code, f.counts_as, f.late_minutes,
    f.early_minutes, nullif(f.place, ''), nullif(f.fence, 0), f.relation,
    (select x.fence from jsonb_to_recordset(u.placements) as x(fence bigint, relation text)
     where x.fence = f.fence and x.relation = 'inside' limit 1),
    hadir.coordinates_sha256(u),
    t.size, t.index, decode(t.path, 'hex'), decode(t.root, 'hex'), decode(t.signature, 'hex'), t.key
  from unnest(v_kept) u
  left join lateral jsonb_to_record(u.first) as f(verdict text, day date, session bigint, session_code text,
    counts_as text, late_minutes int, early_minutes int, place text, fence bigint, relation text) on u.first is not null
  left join lateral jsonb_to_record(u.tree) as t(size bigint, index bigint, path text, root text, signature text,
    key text) on u.tree is not null;
  get diagnostics v_count = row_count;

  insert into hadir.checkin_position (checkin, received_at, government, lat, lon, accuracy_m, altitude_m, salt, raw,
    first_distance_m, fences, fence_versions, metres)
  select u.id, u.received_at, u.government, u.lat, u.lon, u.accuracy_m, u.altitude_m, decode(u.salt, 'hex'), u.raw,
    (u.first ->> 'distance_m')::double precision, coalesce(p.fences, '{}'), coalesce(p.versions, '{}'),
    coalesce(p.metres, '{}')
  from unnest(v_kept) u
  left join lateral (
    select array_agg(x.fence order by x.fence, x.version) as fences,
           array_agg(x.version order by x.fence, x.version) as versions,
           array_agg(x.metres order by x.fence, x.version) as metres
    from jsonb_to_recordset(u.placements) as x(fence bigint, version int, metres double precision)
  ) p on u.placements is not null;

  insert into hadir.placement (checkin, fence, fence_version, relation)
  select u.id, x.fence, x.version, x.relation
  from unnest(v_kept) u
  cross join lateral jsonb_to_recordset(u.placements) as x(fence bigint, version int, relation text)
  where u.placements is not null and u.id <> all (v_stale)
  on conflict do nothing;

  -- Judged by a plan that is no longer the person's, or by none: the planner looks whether fences are missing.
  insert into hadir.placement_dirt as d (person, after)
  select u.person, min(u.received_at) - interval '1 microsecond'
  from unnest(v_kept) u
  where u.id <> all (v_stale) and u.person > 0
    and (coalesce(u.directory_number, 0) = 0 or u.first is null or u.first ->> 'verdict' = 'pending'
         or u.directory_epoch is distinct from v_epoch
         or u.directory_number < v_number and (
           exists (select from hadir.directory_change c
                   where c.kind = 'person' and c.ref = u.person and c.number > u.directory_number)
           or exists (select from hadir.plan_member m join hadir.plan_slot s on s.pair = m.pair
                   where m.person = u.person and s.number > u.directory_number
                     and s.day between m.first_day and m.last_day
                     and s.day between (coalesce(u.decided_at, u.received_at) at time zone 'UTC')::date - 1
                                   and (coalesce(u.decided_at, u.received_at) at time zone 'UTC')::date + 1)))
  group by u.person
  order by u.person
  on conflict (person) do update set after = least(d.after, excluded.after);

  if v_count < cardinality(v_fresh) then
    insert into hadir.checkin_ack (id, checkin, spool, seq, person, received_at, fact, coordinates_sha256)
    select u.id, k.checkin, p_spool, u.seq, nullif(u.person, 0), u.received_at,
      to_jsonb(u) - '{lat,lon,accuracy_m,altitude_m,salt,key,body_hash,raw,placements,external_id,sender,sender_user_id,coordinates_sha256}'::text[]
        || jsonb_build_object('same_body', k.body_hash = decode(u.body_hash, 'hex'), 'first', u.first - 'distance_m'),
      hadir.coordinates_sha256(u)
    from unnest(v_fresh) u
    join hadir.checkin_key k on k.device = u.device and k.key = decode(u.key, 'hex')
      and k.claimed_at >= date_trunc('month', hadir.claimed_at(u))
      and k.claimed_at < date_trunc('month', hadir.claimed_at(u)) + interval '1 month'
    where u.id <> all (v_won) and u.id <> all (v_stale)
    on conflict do nothing;
    get diagnostics v_more = row_count;
    v_count := v_count + v_more;
    -- A key that stopped the row, but that nobody can show, would lose an acknowledged fact: fail, so that it is seen.
    if v_count < (select count(distinct u.id) from unnest(v_fresh) u) then
      raise exception 'checkin_store: % rows have neither check-in nor acknowledgement',
        (select count(distinct u.id) from unnest(v_fresh) u) - v_count using errcode = 'data_exception';
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
create or replace function hadir.unattributed_store(p_spool uuid, p_rows hadir.spool_row[], p_whole jsonb) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  c_per_sender_and_day constant int := 10;
  v_count bigint;
begin
  insert into hadir.unattributed (id, spool, seq, government, channel, sender, sender_user_id, key, received_at, fact)
  select n.id, p_spool, n.seq, n.government, n.channel, n.sender, n.sender_user_id, decode(n.key, 'hex'), n.received_at, n.fact
  from (
    select u.*, w.fact,
      row_number() over (partition by u.government, coalesce(u.sender_user_id, u.sender),
                         (u.received_at at time zone g.zone)::date order by u.seq)
      + (select count(*) from hadir.unattributed o
         where o.government = u.government
           and (o.sender_user_id = u.sender_user_id or o.sender = u.sender)
           and (o.received_at at time zone g.zone)::date = (u.received_at at time zone g.zone)::date) as nth
    from unnest(p_rows) u
    join hadir.government g on g.id = u.government
    join (select (e.value ->> 'seq')::bigint as seq, e.value as fact from jsonb_array_elements(p_whole) e) w on w.seq = u.seq
    where not exists (select from hadir.unattributed o where o.id = u.id)
      and not exists (select from hadir.checkin c where c.id = u.id)
      and not exists (select from hadir.checkin_ack a where a.id = u.id)
      -- The same message by another spool.
      and not exists (select from hadir.unattributed o
                      where o.government = u.government and o.key = decode(u.key, 'hex')
                        and (o.sender_user_id = u.sender_user_id or o.sender = u.sender))
  ) n
  where n.nth <= c_per_sender_and_day
  on conflict do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function hadir.unattributed_store(uuid, hadir.spool_row[], jsonb) is
  'p_spool: the spool''s id; p_rows: rows of kind unattributed; p_whole: the batch as it came. Returns how many were kept. '
  'Called by api.ingest.';
revoke all on function hadir.unattributed_store(uuid, hadir.spool_row[], jsonb) from public;
grant execute on function hadir.unattributed_store(uuid, hadir.spool_row[], jsonb) to hadir_writer;

-- last_seq only grows; after a restore it is old by itself, and the ledger, comparing, goes back to it. complete_to is
-- what the newest call says, also when a clock that was set back makes it less: what arrives from now on arrives before
-- the old claim. An older call that comes late (smaller p_last_seq) changes nothing. A spool that was called drained for
-- ever ('infinity') is only believed to live by a row it never had before.
create or replace function hadir.mark_move(p_spool uuid, p_last_seq bigint, p_complete_to timestamptz) returns void
language sql set search_path = pg_catalog, pg_temp
as $$
  insert into hadir.ingest_mark as m (spool, last_seq, complete_to, seen_at)
  values (p_spool, p_last_seq, p_complete_to, clock_timestamp())
  on conflict (spool) do update
    set last_seq = greatest(m.last_seq, excluded.last_seq),
        complete_to = case when excluded.last_seq > m.last_seq
                             or (excluded.last_seq = m.last_seq and isfinite(m.complete_to)) then excluded.complete_to
                           else m.complete_to end,
        seen_at = excluded.seen_at
$$;
comment on function hadir.mark_move(uuid, bigint, timestamptz) is
  'Moves a spool''s mark: last_seq never back, complete_to to what the newest call says, back from infinity only by a new row. seen_at is the database''s own clock, for people who look, judged by nobody. '
  'Called by api.ingest, api.ingest_poison, api.ingest_idle.';
revoke all on function hadir.mark_move(uuid, bigint, timestamptz) from public;
grant execute on function hadir.mark_move(uuid, bigint, timestamptz) to hadir_writer;

set role hadir_writer;

create or replace function api.ingest(p_spool uuid, p_last_seq bigint, p_complete_to timestamptz, p_rows jsonb)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
  v_rows     hadir.spool_row[];
  v_checkins hadir.spool_row[];
  v_strange  hadir.spool_row[];
  v_count    bigint := 0;
  v_more     bigint;
begin
  select array_agg(r order by r.seq) into v_rows
  from jsonb_populate_recordset(null::hadir.spool_row, p_rows) r;

  if exists (select from unnest(v_rows) u where u.kind is null or u.kind not in ('checkin', 'unattributed', 'event')) then
    raise exception 'ingest: a row of unknown kind' using errcode = 'invalid_parameter_value';
  end if;

  -- Either this sees the device, or the enrolment that is under way sees these rows when it looks.
  if exists (select from unnest(v_rows) u where u.kind = 'unattributed') then
    perform pg_advisory_xact_lock_shared(hashtext('hadir.unattributed'));
  end if;
  -- Enrolled between the door's look and now: an ordinary check-in, with its original times.
  select array_agg(case when u.kind = 'checkin' then u else jsonb_populate_record(u, jsonb_build_object(
           'kind', 'checkin', 'person', d.person, 'device', d.id)) end order by u.seq)
           filter (where u.kind = 'checkin' or d.id is not null),
         array_agg(u order by u.seq) filter (where u.kind = 'unattributed' and d.id is null)
    into v_checkins, v_strange
  from unnest(v_rows) u
  left join lateral (
    select e.id, e.person from hadir.device e
    where u.kind = 'unattributed' and e.government = u.government and e.revoked_at is null
      and (e.user_id = u.sender_user_id or e.number = u.sender)
    order by (e.user_id = u.sender_user_id) desc nulls last, e.id limit 1
  ) d on true
  where u.kind in ('checkin', 'unattributed');

  if v_checkins is not null then
    v_count := hadir.checkin_store(p_spool, v_checkins);
  end if;
  if v_strange is not null then
    v_count := v_count + hadir.unattributed_store(p_spool, v_strange, p_rows);
  end if;

  insert into hadir.event (spool, seq, government, kind, received_at, payload)
  select p_spool, u.seq, nullif(u.government, 0), u.event_kind, u.received_at, u.payload
  from unnest(v_rows) u
  where u.kind = 'event'
  on conflict (spool, seq) do nothing;
  get diagnostics v_more = row_count;
  v_count := v_count + v_more;

  perform hadir.mark_move(p_spool, p_last_seq, p_complete_to);
  perform pg_notify('hadir_ingest', left(coalesce(
    (select string_agg(distinct u.government::text, ',') from unnest(v_rows) u where u.government > 0), ''), 4000));
  return v_count;
end
$$;
comment on function api.ingest(uuid, bigint, timestamptz, jsonb) is
  'p_spool: the spool''s id; p_last_seq: highest seq of the batch; p_complete_to: all that arrived before it is in the '
  'database after this call; p_rows: array of rows (see hadir.spool_row). One transaction, idempotent. Returns the rows '
  'that are new in the database. Any bad row fails the whole batch: the caller bisects and gives that row to '
  'api.ingest_poison. Events are kept as they came; system events (user_changed_number, user_changed_user_id) bind '
  'nothing by themselves. NOTIFY hadir_ingest carries the governments. Called by hadir_intake.';
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
