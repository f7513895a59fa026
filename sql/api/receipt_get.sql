-- A receipt from stored columns. Coordinates are in it only as their salted hash, so it works after erasure.
set role hadir_reader;

create or replace function api.receipt(p_checkin uuid) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
begin
  return (
    select jsonb_build_object(
      'id', c.id, 'status', c.status, 'government', coalesce(c.government, 0), 'person', coalesce(c.person, 0),
      'device', coalesce(c.device, 0), 'channel', c.channel,
      'fix_at', hadir.utc_us(c.fix_at), 'message_at', hadir.utc_us(c.message_at), 'sent_at', hadir.utc_us(c.sent_at),
      'received_at', hadir.utc_us(c.received_at), 'clock_error_us', c.clock_error_us, 'clock_state', c.clock_state,
      'clock_offset_us', c.clock_offset_us, 'decided_at', hadir.utc_us(c.decided_at), 'decided_by', c.decided_by,
      'flags', to_jsonb(c.flags), 'automatic', c.automatic, 'note', c.note, 'session_claimed', c.session_claimed,
      'directory_epoch', c.directory_epoch, 'directory_number', c.directory_number,
      'coordinates_sha256', encode(c.coordinates_sha256, 'hex'),
      'first', jsonb_build_object('verdict', c.first_verdict, 'day', c.first_day, 'session', coalesce(c.first_session, 0),
        'session_code', c.first_session_code, 'counts_as', c.first_counts_as, 'late_minutes', c.first_late_minutes,
        'early_minutes', c.first_early_minutes, 'place', c.first_place, 'fence', coalesce(c.first_fence, 0),
        'relation', c.first_relation),
      'tree', jsonb_build_object('size', c.tree_size, 'index', c.tree_index, 'path', encode(c.tree_path, 'hex'),
        'root', encode(c.tree_root, 'hex'), 'signature', encode(c.tree_signature, 'hex'), 'key', c.tree_key))
    from hadir.checkin c where c.id = p_checkin
    union all
    -- A later acknowledgement has its own receipt: the row as it came, which has the same members.
    select a.fact - '{seq,kind,same_body,event_kind,payload,coordinates_sha256}'::text[]
      || jsonb_build_object('status', 'recorded', 'checkin', a.checkin,
           'coordinates_sha256', encode(a.coordinates_sha256, 'hex'),
           'fix_at', hadir.utc_us((a.fact ->> 'fix_at')::timestamptz),
           'message_at', hadir.utc_us((a.fact ->> 'message_at')::timestamptz),
           'sent_at', hadir.utc_us((a.fact ->> 'sent_at')::timestamptz),
           'received_at', hadir.utc_us((a.fact ->> 'received_at')::timestamptz),
           'decided_at', hadir.utc_us((a.fact ->> 'decided_at')::timestamptz))
    from hadir.checkin_ack a where a.id = p_checkin);
end
$$;
comment on function api.receipt(uuid) is
  'p_checkin: id of a check-in or of a later acknowledgement. Returns the stored columns from which its receipt is derived '
  'again, with the names of api.ingest''s rows and coordinates_sha256 in place of coordinates; null when there is none. '
  'Works after erasure. Called by hadir_admin.';
revoke all on function api.receipt(uuid) from public;
grant execute on function api.receipt(uuid) to hadir_admin;

reset role;
