-- As in 0001, in plpgsql: it keeps its plan for the session, where a function of SQL is parsed and planned in every call, and
-- ingest asks with every batch.
create or replace function hadir.directory_epoch() returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select ('x' || substr(encode(sha256(convert_to(concat_ws(':', i.epoch_base, s.system_identifier, c.timeline_id,
           (select d.oid from pg_database d where d.datname = current_database())), 'UTF8')), 'hex'), 1, 15))::bit(60)::bigint
    from hadir.instance i, pg_control_system() s, pg_control_checkpoint() c);
end
$$;
