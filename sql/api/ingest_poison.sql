-- The row that no batch can take. It was acknowledged, so it gets its check-in row for ever, with a status and the
-- reason; every member is read by itself, and what cannot be read is left empty.

-- The text as a value of p_type, null where it is none.
create or replace function hadir.read_or_null(p_text text, p_like anyelement) returns anyelement
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_read p_like%type;
begin
  v_read := p_text;
  return v_read;
exception when others then
  return null;
end
$$;
comment on function hadir.read_or_null(text, anyelement) is
  'p_text read as the type of p_like (its value is ignored); null when it cannot be. Called by api.ingest_poison.';
revoke all on function hadir.read_or_null(text, anyelement) from public;
grant execute on function hadir.read_or_null(text, anyelement) to hadir_writer;

-- Hexadecimal text as bytes, null where it is none.
create or replace function hadir.hex_or_null(p_text text) returns bytea
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return decode(p_text, 'hex');
exception when others then
  return null;
end
$$;
comment on function hadir.hex_or_null(text) is
  'p_text decoded from hexadecimal; null when it is none. Called by api.ingest_poison.';
revoke all on function hadir.hex_or_null(text) from public;
grant execute on function hadir.hex_or_null(text) to hadir_writer;

-- A finite moment, null where the text is none.
create or replace function hadir.moment_or_null(p_text text) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_read timestamptz;
begin
  v_read := p_text;
  return case when isfinite(v_read) then v_read end;
exception when others then
  return null;
end
$$;
comment on function hadir.moment_or_null(text) is
  'p_text as a moment; null when it is none or infinite. Called by api.ingest_poison.';
revoke all on function hadir.moment_or_null(text) from public;
grant execute on function hadir.moment_or_null(text) to hadir_writer;

-- Coordinates of a poisonous row, as far as they can be read; false when they cannot be kept.
create or replace function hadir.poison_position(p_checkin uuid, p_received_at timestamptz, p_row jsonb) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform hadir.partition_ensure(p_received_at);
  insert into hadir.checkin_position (checkin, received_at, government, lat, lon, accuracy_m, altitude_m, salt, raw)
  select p_checkin, p_received_at, (p_row ->> 'government')::bigint, (p_row ->> 'lat')::double precision,
    (p_row ->> 'lon')::double precision, hadir.read_or_null(p_row ->> 'accuracy_m', 0::double precision),
    hadir.read_or_null(p_row ->> 'altitude_m', 0::double precision), decode(p_row ->> 'salt', 'hex'), p_row ->> 'raw';
  return true;
exception when others then
  return false;
end
$$;
comment on function hadir.poison_position(uuid, timestamptz, jsonb) is
  'Keeps the coordinates of a rejected check-in where they can be erased later; false when the row has none that can be '
  'read. Called by api.ingest_poison.';
revoke all on function hadir.poison_position(uuid, timestamptz, jsonb) from public;
grant execute on function hadir.poison_position(uuid, timestamptz, jsonb) to hadir_writer;

set role hadir_writer;

create or replace function api.ingest_poison(p_spool uuid, p_seq bigint, p_complete_to timestamptz, p_row jsonb,
                                             p_sqlstate text, p_reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
  v_row   constant jsonb := case jsonb_typeof(p_row) when 'object' then p_row else '{}' end;
  v_first constant jsonb := case jsonb_typeof(v_row -> 'first') when 'object' then v_row -> 'first' else '{}' end;
  v_tree  constant jsonb := case jsonb_typeof(v_row -> 'tree') when 'object' then v_row -> 'tree' else '{}' end;
  v_id    constant uuid := coalesce(hadir.read_or_null(v_row ->> 'id', p_spool),
                                    md5(p_spool::text || ':' || p_seq::text)::uuid);
  v_at    timestamptz := hadir.moment_or_null(v_row ->> 'received_at');
  v_hash  bytea := hadir.hex_or_null(v_row ->> 'coordinates_sha256');
begin
  v_at := coalesce(v_at, case when isfinite(p_complete_to) then p_complete_to else clock_timestamp() end);
  if not exists (select from hadir.checkin c where c.id = v_id or (c.spool = p_spool and c.seq = p_seq))
     and not exists (select from hadir.checkin_ack a where a.id = v_id) then
    if octet_length(v_hash) is distinct from 32 then
      v_hash := sha256(hadir.hex_or_null(v_row ->> 'salt')
                       || float8send(hadir.read_or_null(v_row ->> 'lat', 0::double precision))
                       || float8send(hadir.read_or_null(v_row ->> 'lon', 0::double precision)));
    end if;
    begin
      insert into hadir.checkin (id, spool, seq, status, reason, sqlstate, government, person, device, channel, fix_at,
        message_at, sent_at, received_at, clock_error_us, clock_state, clock_offset_us, decided_at, decided_by, flags,
        automatic, session_claimed, note, directory_epoch, directory_number, first_verdict, first_day, first_session,
        first_session_code, first_counts_as, first_late_minutes, first_early_minutes, first_place, first_fence,
        first_relation, coordinates_sha256, tree_size, tree_index, tree_path, tree_root, tree_signature, tree_key)
      values (v_id, p_spool, p_seq, 'rejected', coalesce(p_reason, ''), p_sqlstate,
        nullif(hadir.read_or_null(v_row ->> 'government', 0::bigint), 0),
        nullif(hadir.read_or_null(v_row ->> 'person', 0::bigint), 0),
        nullif(hadir.read_or_null(v_row ->> 'device', 0::bigint), 0),
        v_row ->> 'channel',
        hadir.moment_or_null(v_row ->> 'fix_at'), hadir.moment_or_null(v_row ->> 'message_at'),
        hadir.moment_or_null(v_row ->> 'sent_at'), v_at,
        hadir.read_or_null(v_row ->> 'clock_error_us', 0::bigint), v_row ->> 'clock_state',
        coalesce(hadir.read_or_null(v_row ->> 'clock_offset_us', 0::bigint), 0),
        hadir.moment_or_null(v_row ->> 'decided_at'), v_row ->> 'decided_by',
        case jsonb_typeof(v_row -> 'flags') when 'array'
          then array(select f.value from jsonb_array_elements_text(v_row -> 'flags') f where f.value is not null) else '{}' end,
        coalesce(hadir.read_or_null(v_row ->> 'automatic', false), false), v_row ->> 'session_claimed', v_row ->> 'note',
        hadir.read_or_null(v_row ->> 'directory_epoch', 0::bigint), hadir.read_or_null(v_row ->> 'directory_number', 0::bigint),
        v_first ->> 'verdict', hadir.read_or_null(v_first ->> 'day', v_at::date),
        nullif(hadir.read_or_null(v_first ->> 'session', 0::bigint), 0), v_first ->> 'session_code', v_first ->> 'counts_as',
        hadir.read_or_null(v_first ->> 'late_minutes', 0), hadir.read_or_null(v_first ->> 'early_minutes', 0),
        nullif(v_first ->> 'place', ''), nullif(hadir.read_or_null(v_first ->> 'fence', 0::bigint), 0),
        v_first ->> 'relation', v_hash,
        hadir.read_or_null(v_tree ->> 'size', 0::bigint), hadir.read_or_null(v_tree ->> 'index', 0::bigint),
        hadir.hex_or_null(v_tree ->> 'path'), hadir.hex_or_null(v_tree ->> 'root'), hadir.hex_or_null(v_tree ->> 'signature'),
        v_tree ->> 'key')
      on conflict do nothing;
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
      -- Odder than foreseen: the bare fact that it was acknowledged stays.
      insert into hadir.checkin (id, spool, seq, status, reason, sqlstate, received_at)
      values (v_id, p_spool, p_seq, 'rejected', coalesce(p_reason, '') || ' (' || sqlerrm || ')', p_sqlstate, v_at)
      on conflict do nothing;
    end;
    perform hadir.poison_position(v_id, v_at, v_row);
  end if;
  perform hadir.mark_move(p_spool, p_seq, p_complete_to);
  perform pg_notify('hadir_ingest', '');
end
$$;
comment on function api.ingest_poison(uuid, bigint, timestamptz, jsonb, text, text) is
  'p_row: a row that was refused, whatever it holds; p_sqlstate, p_reason: why. Records a rejected check-in under '
  'its id (or one made of spool and seq) and moves the mark over it. Never fails on content. Called by hadir_intake.';
revoke all on function api.ingest_poison(uuid, bigint, timestamptz, jsonb, text, text) from public;
grant execute on function api.ingest_poison(uuid, bigint, timestamptz, jsonb, text, text) to hadir_intake;

create or replace function api.ingest_poison_row(p_spool uuid, p_seq bigint, p_complete_to timestamptz, p_sqlstate text, p_reason text,
                                                 p_rows hadir.spool_row[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
begin
  perform api.ingest_poison(p_spool, p_seq, p_complete_to, to_jsonb(p_rows[1]), p_sqlstate, p_reason);
end
$$;
comment on function api.ingest_poison_row(uuid, bigint, timestamptz, text, text, hadir.spool_row[]) is
  'api.ingest_poison with the row as the only one of an array, as api.ingest_rows refused it. Called by hadir_intake.';
revoke all on function api.ingest_poison_row(uuid, bigint, timestamptz, text, text, hadir.spool_row[]) from public;
grant execute on function api.ingest_poison_row(uuid, bigint, timestamptz, text, text, hadir.spool_row[]) to hadir_intake;

reset role;
