-- Makes a government, or brings a known one (by code) up to date; returns its id. p_zone: IANA name. New ones get the
-- usual deciding times per channel as rows, which may be changed. Caller: hadir_admin.
create or replace function api.government_add(p_code text, p_name text, p_zone text, p_phone_number_id text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_id bigint;
begin
  if coalesce(p_code, '') !~ '^[A-Za-z0-9._-]{1,40}$' then
    raise exception 'kode pemerintah hanya huruf, angka, titik, garis bawah, tanda hubung; paling panjang 40'
      using errcode = 'invalid_parameter_value';
  elsif coalesce(p_name, '') = '' then
    raise exception 'nama pemerintah harus diisi' using errcode = 'invalid_parameter_value';
  elsif not exists (select from pg_timezone_names z where z.name = p_zone) then
    raise exception 'zona waktu % tidak dikenal (misalnya Asia/Makassar)', coalesce(p_zone, '(kosong)')
      using errcode = 'invalid_parameter_value';
  elsif p_phone_number_id is not null and exists (
    select from hadir.government g where g.phone_number_id = p_phone_number_id and g.code <> p_code) then
    raise exception 'nomor WhatsApp itu milik pemerintah lain' using errcode = 'unique_violation';
  end if;
  insert into hadir.government as g (code, name, zone, phone_number_id)
  values (p_code, p_name, p_zone, p_phone_number_id)
  on conflict (code) do update
    set name = excluded.name, zone = excluded.zone,
        phone_number_id = coalesce(excluded.phone_number_id, g.phone_number_id)
  returning g.id into v_id;
  insert into hadir.channel_time (government, channel, decides)
  values (v_id, 'native', 'fix'), (v_id, 'owntracks', 'fix'), (v_id, 'osmand', 'fix'), (v_id, 'whatsapp', 'message')
  on conflict do nothing;
  insert into hadir.audit (at, action, subject) values (now(), 'government_add', p_code);
  return v_id;
end
$$;
alter function api.government_add(text, text, text, text) owner to hadir_writer;
revoke all on function api.government_add(text, text, text, text) from public;
grant execute on function api.government_add(text, text, text, text) to hadir_admin;

-- Which of the three times (fix, message, arrival) judges on a channel. Caller: hadir_admin.
create or replace function api.channel_decides(p_government text, p_channel text, p_decides text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  update hadir.channel_time t set decides = p_decides
  from hadir.government g
  where g.id = t.government and g.code = p_government and t.channel = p_channel and t.decides <> p_decides;
  return found;
end
$$;
alter function api.channel_decides(text, text, text) owner to hadir_writer;
revoke all on function api.channel_decides(text, text, text) from public;
grant execute on function api.channel_decides(text, text, text) to hadir_admin;
