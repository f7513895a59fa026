-- Binding devices, numbers and rights to people, and taking them back. Tokens come as SHA-256 in hex; nobody here ever
-- sees one.

-- A WhatsApp number as Meta writes it: digits with the country's code; a leading 0 is the country's own.
create or replace function hadir.number_digits(p_number text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select regexp_replace(regexp_replace(p_number, '[^0-9]', '', 'g'), '^0', '62')
$$;
grant execute on function hadir.number_digits(text) to hadir_writer;

-- Locations that came from the number or user id before it was bound become check-ins of the device, with the times
-- they had. Returns how many.
create or replace function hadir.attach_unattributed(p_device bigint) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_batch record;
  v_count bigint := 0;
begin
  -- A location that is being taken in at this moment did not see the device: wait for it.
  perform pg_advisory_xact_lock(hashtext('hadir.unattributed'));
  for v_batch in
    select u.spool, array_agg(u.id) as ids,
           array_agg(jsonb_populate_record(null::hadir.spool_row, u.fact || jsonb_build_object(
             'kind', 'checkin', 'id', u.id, 'seq', u.seq, 'government', d.government, 'person', d.person, 'device', d.id))
             order by u.seq) as rows
    from hadir.device d
    join hadir.unattributed u on u.government = d.government and u.channel = d.channel
      and (u.sender = d.number or u.sender_user_id = d.user_id)
    where d.id = p_device
    group by u.spool
    order by u.spool
  loop
    perform hadir.checkin_store(v_batch.spool, v_batch.rows);
    delete from hadir.unattributed u where u.id = any (v_batch.ids);
    v_count := v_count + cardinality(v_batch.ids);
  end loop;
  return v_count;
end
$$;
grant execute on function hadir.attach_unattributed(bigint) to hadir_writer;

-- Binds a token, or for WhatsApp a number or user id, to the person. No row: the NIP is unknown. A number that another
-- living device holds is refused, unless it is the same person's: then that device is returned. earlier: other living
-- devices of the person on the channel, as "7, 12"; they stay, a person may have several. Caller: hadir_admin.
drop function if exists api.enroll(text, text, text, text, text, text, timestamptz);
create function api.enroll(p_nip text, p_channel text, p_label text, p_token_hash text, p_number text, p_user_id text,
                           p_now timestamptz)
returns table (device bigint, name text, unit_code text, attached bigint, earlier text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_person hadir.person;
  v_held   hadir.device;
  v_number constant text := nullif(hadir.number_digits(p_number), '');
  v_id     bigint;
  v_count  bigint := 0;
begin
  select p.* into v_person from hadir.person p where p.nip = p_nip;
  if not found then
    return;
  end if;
  if p_channel is null or p_channel not in ('native', 'owntracks', 'osmand', 'whatsapp') then
    raise exception 'saluran % tidak dikenal', coalesce(p_channel, '(kosong)') using errcode = 'invalid_parameter_value';
  elsif p_channel = 'whatsapp' and v_number is null and p_user_id is null then
    raise exception 'whatsapp memerlukan nomor atau user_id' using errcode = 'invalid_parameter_value';
  elsif p_channel <> 'whatsapp' and coalesce(p_token_hash, '') !~ '^[0-9a-fA-F]{64}$' then
    raise exception 'token harus berupa SHA-256 dalam heksadesimal' using errcode = 'invalid_parameter_value';
  elsif v_number is not null and v_number !~ '^[0-9]{5,20}$' then
    raise exception 'nomor harus 5 sampai 20 angka' using errcode = 'invalid_parameter_value';
  end if;

  select d.* into v_held
  from hadir.device d
  where d.government = v_person.government and d.revoked_at is null and d.channel = p_channel
    and (d.number = v_number or d.user_id = p_user_id)
  order by d.person <> v_person.id desc
  limit 1;
  if v_held.person <> v_person.id then
    raise exception 'nomor atau user_id itu masih terdaftar pada pegawai lain (perangkat %); cabut dahulu', v_held.id
      using errcode = 'unique_violation';
  elsif v_held.id is not null then
    update hadir.device d
    set number = coalesce(v_number, d.number), user_id = coalesce(p_user_id, d.user_id), label = coalesce(p_label, d.label)
    where d.id = v_held.id;
    v_id := v_held.id;
  else
    insert into hadir.device (government, person, channel, label, token_hash, number, user_id, enrolled_at)
    values (v_person.government, v_person.id, p_channel, coalesce(p_label, ''), decode(p_token_hash, 'hex'), v_number,
            p_user_id, p_now)
    returning id into v_id;
  end if;
  v_count := hadir.attach_unattributed(v_id);
  insert into hadir.audit (at, action, subject, detail)
  values (p_now, 'enroll', p_nip, jsonb_build_object('device', v_id, 'channel', p_channel, 'attached', v_count));
  return query
  select v_id, v_person.name, coalesce((
    select u.code
    from hadir.posting o
    join hadir.unit u on u.id = o.unit
    join hadir.government g on g.id = u.government
    where o.person = v_person.id and o.kind = 'main' and o.valid_from <= (p_now at time zone g.zone)::date
    order by o.valid_from desc limit 1), ''), v_count, coalesce((
    select string_agg(d.id::text, ', ' order by d.id)
    from hadir.device d
    where d.person = v_person.id and d.channel = p_channel and d.id <> v_id and d.revoked_at is null), '');
end
$$;
alter function api.enroll(text, text, text, text, text, text, timestamptz) owner to hadir_writer;
revoke all on function api.enroll(text, text, text, text, text, text, timestamptz) from public;
grant execute on function api.enroll(text, text, text, text, text, text, timestamptz) to hadir_admin;

-- Takes one device back; returns how many it was (0: unknown or revoked before). Caller: hadir_admin.
drop function if exists api.revoke_device(bigint, timestamptz);
create function api.revoke_device(p_device bigint, p_now timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_count bigint;
begin
  update hadir.device d set revoked_at = p_now where d.id = p_device and d.revoked_at is null;
  get diagnostics v_count = row_count;
  insert into hadir.audit (at, action, subject) select p_now, 'revoke_device', p_device where v_count > 0;
  return v_count;
end
$$;
alter function api.revoke_device(bigint, timestamptz) owner to hadir_writer;
revoke all on function api.revoke_device(bigint, timestamptz) from public;
grant execute on function api.revoke_device(bigint, timestamptz) to hadir_admin;

-- Takes back what else the device's person has on its channel: a phone was lost or replaced, and this one speaks for it. Returns
-- how many. Caller: hadir_admin.
drop function if exists api.revoke_earlier(bigint, timestamptz);
create function api.revoke_earlier(p_device bigint, p_now timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_count bigint;
begin
  update hadir.device d set revoked_at = p_now
  from hadir.device n
  where n.id = p_device and n.revoked_at is null
    and d.person = n.person and d.channel = n.channel and d.id <> n.id and d.revoked_at is null;
  get diagnostics v_count = row_count;
  insert into hadir.audit (at, action, subject, detail)
  select p_now, 'revoke_earlier', p_device, jsonb_build_object('devices', v_count) where v_count > 0;
  return v_count;
end
$$;
alter function api.revoke_earlier(bigint, timestamptz) owner to hadir_writer;
revoke all on function api.revoke_earlier(bigint, timestamptz) from public;
grant execute on function api.revoke_earlier(bigint, timestamptz) to hadir_admin;

-- Takes all devices of a person back (p_channel: only those); returns how many. Caller: hadir_admin.
drop function if exists api.revoke_person(text, text, timestamptz);
create function api.revoke_person(p_nip text, p_channel text, p_now timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_count bigint;
begin
  update hadir.device d set revoked_at = p_now
  from hadir.person p
  where p.id = d.person and p.nip = p_nip and (p_channel is null or d.channel = p_channel) and d.revoked_at is null;
  get diagnostics v_count = row_count;
  insert into hadir.audit (at, action, subject, detail)
  select p_now, 'revoke_person', p_nip, jsonb_build_object('channel', p_channel, 'devices', v_count) where v_count > 0;
  return v_count;
end
$$;
alter function api.revoke_person(text, text, timestamptz) owner to hadir_writer;
revoke all on function api.revoke_person(text, text, timestamptz) from public;
grant execute on function api.revoke_person(text, text, timestamptz) to hadir_admin;

-- Gives the person a token for questions and decisions about a unit and everything below it; returns the access's id.
-- Role bkpsdm is for the whole government. Caller: hadir_admin.
drop function if exists api.grant_access(text, text, text, text, timestamptz);
create function api.grant_access(p_nip text, p_role text, p_unit text, p_token_hash text, p_now timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_person hadir.person;
  v_unit   hadir.unit;
  v_id     bigint;
begin
  select p.* into v_person from hadir.person p where p.nip = p_nip;
  select u.* into v_unit from hadir.unit u where u.code = p_unit;
  if v_person.id is null then
    raise exception 'NIP tidak dikenal' using errcode = 'invalid_parameter_value';
  elsif v_unit.id is null then
    raise exception 'unit % tidak dikenal', coalesce(p_unit, '(kosong)') using errcode = 'invalid_parameter_value';
  elsif p_role is null or p_role not in ('supervisor', 'operator', 'bkpsdm') then
    raise exception 'peran harus supervisor, operator atau bkpsdm' using errcode = 'invalid_parameter_value';
  elsif p_role = 'bkpsdm' and v_unit.parent is not null then
    raise exception 'bkpsdm berlaku untuk seluruh pemerintah: sebutkan unit teratas' using errcode = 'invalid_parameter_value';
  elsif coalesce(p_token_hash, '') !~ '^[0-9a-fA-F]{64}$' then
    raise exception 'token harus berupa SHA-256 dalam heksadesimal' using errcode = 'invalid_parameter_value';
  elsif v_unit.government <> v_person.government then
    raise exception 'unit milik pemerintah lain' using errcode = 'invalid_parameter_value';
  end if;
  insert into hadir.access (government, person, role, unit, token_hash, granted_at)
  values (v_unit.government, v_person.id, p_role, v_unit.id, decode(p_token_hash, 'hex'), p_now)
  returning id into v_id;
  insert into hadir.audit (at, action, subject, detail)
  values (p_now, 'grant_access', p_nip, jsonb_build_object('access', v_id, 'role', p_role, 'unit', p_unit));
  return v_id;
end
$$;
alter function api.grant_access(text, text, text, text, timestamptz) owner to hadir_writer;
revoke all on function api.grant_access(text, text, text, text, timestamptz) from public;
grant execute on function api.grant_access(text, text, text, text, timestamptz) to hadir_admin;

-- Takes a right back; returns how many it was. Caller: hadir_admin.
drop function if exists api.revoke_access(bigint, timestamptz);
create function api.revoke_access(p_id bigint, p_now timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_count bigint;
begin
  update hadir.access a set revoked_at = p_now where a.id = p_id and a.revoked_at is null;
  get diagnostics v_count = row_count;
  insert into hadir.audit (at, action, subject) select p_now, 'revoke_access', p_id where v_count > 0;
  return v_count;
end
$$;
alter function api.revoke_access(bigint, timestamptz) owner to hadir_writer;
revoke all on function api.revoke_access(bigint, timestamptz) from public;
grant execute on function api.revoke_access(bigint, timestamptz) to hadir_admin;

-- NIPs of everybody who belongs to a unit or below it on the local day of p_now, unit by unit in the order of names; no
-- row when the unit is unknown or empty. Caller: hadir_admin.
create or replace function api.unit_people(p_unit text, p_now timestamptz) returns table (nip text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select pe.nip
  from hadir.unit top
  join hadir.government g on g.id = top.government
  join hadir.unit_closure c on c.ancestor = top.id
  join hadir.unit u on u.id = c.descendant
  join hadir.posting o on o.unit = u.id and o.kind = 'main' and o.valid_from <= (p_now at time zone g.zone)::date
    and (o.valid_to is null or o.valid_to >= (p_now at time zone g.zone)::date)
  join hadir.person pe on pe.id = o.person
  where top.code = p_unit
  order by u.code collate "C", pe.name collate "C", pe.nip
$$;
alter function api.unit_people(text, timestamptz) owner to hadir_reader;
revoke all on function api.unit_people(text, timestamptz) from public;
grant execute on function api.unit_people(text, timestamptz) to hadir_admin;
