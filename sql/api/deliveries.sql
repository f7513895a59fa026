-- Targets of the export, and what was delivered to them. api.export_record puts into hadir.export_delivery what is published;
-- `hadir deliver` takes it out, try by try, and says how it went.

-- How long after the p_tries-th failure the next try comes; null: it was the last. 1, 2, 4 … minutes, 6 hours at most; 24 tries
-- take about four days.
create or replace function hadir.delivery_wait(p_tries int) returns interval
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when p_tries < 24 then least(interval '1 minute' * power(2, p_tries - 1), interval '6 hours') end
$$;
comment on function hadir.delivery_wait(int) is 'p_tries: from 1. Called by api.delivery_failed.';

-- What is wrong with a target's address; null: nothing. Only this machine is reached without encryption; no password in it.
create or replace function hadir.target_url_problem(p_url text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_url ~ '^file:///[^?#]*[^/?#]$' then null
    when p_url ~ '^sftp://[^/@:?#[:space:]]+@([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/[^?#[:space:]]*)?$' then null
    when p_url ~ '^https://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/[^?#[:space:]]*)?$' then null
    when p_url ~ '^http://(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]{1,5})?(/[^?#[:space:]]*)?$' then null
    when p_url ~ '^smtps?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?/?$' then null
    when p_url ~ '^http://' then hadir.say('http:// hanya ke mesin ini sendiri; pakai https://', 'http:// only to this machine itself; use https://')
    when p_url ~ '^[a-z]+://[^/]*:[^/]*@' then hadir.say('tanpa kata sandi: itu disimpan di target_secrets, lihat hadird.conf(5)',
                                                        'no password in it: that is kept in target_secrets, see hadird.conf(5)')
    else hadir.say('harus file:///folder, sftp://pengguna@host/folder, https://host/folder, smtp://host atau smtps://host',
                   'must be file:///folder, sftp://user@host/folder, https://host/folder, smtp://host or smtps://host') end
$$;
comment on function hadir.target_url_problem(text) is 'Called by api.target_add.';

-- A member "a, b" as its parts; none when it is absent.
create or replace function hadir.body_parts(p_body jsonb, p_name text) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(string_to_array(replace(hadir.body_text(p_body, p_name), ' ', ''), ','), '{}')
$$;

-- The target that a body names: {"government", "name"}; name blank: none.
create or replace function hadir.target_asked(p_body jsonb, p_problems jsonb, out government bigint, out zone text, out target bigint, out refusal jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  select g.id, g.zone into government, zone from hadir.government g where g.code = hadir.body_text(p_body, 'government');
  select t.id into target
  from hadir.export_target t where t.government = target_asked.government and t.name = hadir.body_text(p_body, 'name') and t.removed_at is null;
  if p_problems <> '[]' then
    refusal := hadir.refusal(422, 'invalid', p_problems);
  elsif hadir.body_text(p_body, 'government') is not null and government is null then
    refusal := hadir.refusal(404, 'not_found', hadir.problem_if(true, 'government', hadir.say('pemerintah tidak dikenal', 'the government is unknown')));
  elsif hadir.body_text(p_body, 'name') is not null and target is null then
    refusal := hadir.refusal(404, 'not_found', hadir.problem_if(true, 'name', hadir.say('tujuan tidak dikenal', 'the target is unknown')));
  end if;
end
$$;
comment on function hadir.target_asked(jsonb, jsonb) is 'p_problems: of its form. refusal: null: none. Called by api functions of targets.';

revoke all on function hadir.delivery_wait(int), hadir.target_url_problem(text), hadir.body_parts(jsonb, text), hadir.target_asked(jsonb, jsonb) from public;
grant execute on function hadir.delivery_wait(int), hadir.target_url_problem(text), hadir.body_parts(jsonb, text), hadir.target_asked(jsonb, jsonb)
  to hadir_reader, hadir_writer;

set role hadir_writer;

create or replace function api.target_add(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"government": "text!", "name": "text!", "url": "text!", "what": "text", "format": "text", '
                                                  '"from": "text", "to": "text", "since": "day"}');
  v_name    constant text := hadir.body_text(p_body, 'name');
  v_url     constant text := hadir.body_text(p_body, 'url');
  v_what    constant text := coalesce(hadir.body_text(p_body, 'what'), 'all');
  v_mail    constant boolean := coalesce(v_url ~ '^smtps?://', false);
  v_formats text[] := hadir.body_parts(p_body, 'format');
  v_from    constant text := hadir.body_text(p_body, 'from');
  v_to      constant text[] := hadir.body_parts(p_body, 'to');
  v_since   constant text := hadir.body_text(p_body, 'since');
  c_address constant text := '^[^@,<>"[:space:][:cntrl:]]+@[A-Za-z0-9.-]+$';
  c_address_max constant int := 254; -- RFC 5321, 4.5.3.1.3
  c_line_max constant int := 985; -- with its name a line of headers: mail_headers in daemon/outbound/send.c
  a record;
  v_target  bigint;
  v_count   bigint := 0;
begin
  v_problems := v_problems
    || hadir.problem_if(v_name !~ '^[a-z0-9][a-z0-9-]{0,39}$', 'name',
         hadir.say('harus huruf kecil, angka dan tanda hubung, paling panjang 40', 'must be small letters, digits and hyphens, at most 40'))
    || hadir.problem_if(hadir.target_url_problem(v_url) is not null, 'url', hadir.target_url_problem(v_url))
    || hadir.problem_if(v_what not in ('day', 'month', 'all'), 'what', hadir.say('harus day, month atau all', 'must be day, month or all'))
    || hadir.problem_if(not v_mail and v_formats <> '{}', 'format',
         hadir.say('hanya untuk surel: tujuan lain menerima seluruh folder', 'only of mail: other targets get the whole folder'))
    || hadir.problem_if(v_mail and exists (select from unnest(v_formats) f where f !~ '^[a-z]{2,5}$'), 'format',
         hadir.say('harus akhiran berkas, misalnya pdf,xlsx', 'must be endings of files, such as pdf,xlsx'))
    || hadir.problem_if(v_mail and coalesce(v_from !~ c_address, true), 'from', hadir.say('harus alamat surel', 'must be an address of mail'))
    || hadir.problem_if(v_mail and (v_to = '{}' or exists (select from unnest(v_to) t where t !~ c_address)), 'to',
         hadir.say('harus alamat surel, dipisahkan koma', 'must be addresses of mail, with commas between'))
    || hadir.problem_if(v_mail and octet_length(v_from) > c_address_max, 'from',
         format(hadir.say('paling panjang %s karakter', 'at most %s characters'), c_address_max))
    || hadir.problem_if(v_mail and (octet_length(array_to_string(v_to, ',')) > c_line_max
                                    or exists (select from unnest(v_to) t where octet_length(t) > c_address_max)), 'to',
         format(hadir.say('satu alamat paling panjang %s karakter, semuanya %s; kelompokkan dengan daftar surel',
                          'an address has at most %s characters, all together %s; let a mailing list stand for many'), c_address_max, c_line_max))
    || hadir.problem_if(not v_mail and (v_from is not null or v_to <> '{}'), 'to', hadir.say('hanya untuk surel', 'only of mail'));
  select * into a from hadir.target_asked(p_body - 'name', v_problems);
  if a.refusal is not null then
    return a.refusal;
  elsif exists (select from hadir.export_target t where t.government = a.government and t.name = v_name and t.removed_at is null) then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'name',
      hadir.say('sudah ada; cabut dahulu dengan target remove', 'is there already; take it away with target remove')));
  end if;
  insert into hadir.export_target (government, name, url, what, formats, mail_from, mail_to, added_at)
  values (a.government, v_name, v_url, v_what, case when v_mail and v_formats = '{}' then '{pdf,xlsx}' else v_formats end,
          coalesce(v_from, ''), v_to, p_now)
  returning id into v_target;
  insert into hadir.export_delivery (target, run, next_at)
  select v_target, r.id, p_now
  from hadir.export_run r
  where r.government = a.government and r.period >= left(v_since, length(r.period))
    and v_what in ('all', case when length(r.period) = 7 then 'month' else 'day' end);
  get diagnostics v_count = row_count;
  insert into hadir.audit (at, action, subject, detail) values (p_now, 'target_add', hadir.body_text(p_body, 'government'), p_body);
  return jsonb_build_object('status', 201, 'target', v_target, 'deliveries', v_count);
end
$$;
comment on function api.target_add(jsonb, timestamptz) is
  '{government: code, name, url, what: day, month, all (default), format: endings of attached files, from, to: addresses, of mail; since: '
  'YYYY-MM-DD} → {status 201, target, deliveries: how many of before wait}. Without since it gets what is published from now on. Called '
  'by hadir_admin.';

create or replace function api.target_remove(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  a record;
begin
  select * into a from hadir.target_asked(p_body, hadir.body_problems(p_body, '{"government": "text!", "name": "text!"}'));
  if a.refusal is not null then
    return a.refusal;
  end if;
  update hadir.export_target t set removed_at = p_now where t.id = a.target;
  insert into hadir.audit (at, action, subject, detail) values (p_now, 'target_remove', hadir.body_text(p_body, 'government'), p_body);
  return jsonb_build_object('status', 200, 'target', a.target);
end
$$;
comment on function api.target_remove(jsonb, timestamptz) is
  '{government, name}: nothing more goes there; what went stays known. Called by hadir_admin.';

create or replace function api.delivery_again(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_period constant text := hadir.body_text(p_body, 'period');
  a record;
  v_count bigint;
begin
  select * into a from hadir.target_asked(p_body, hadir.body_problems(p_body, '{"government": "text!", "name": "text!", "period": "text"}'));
  if a.refusal is not null then
    return a.refusal;
  end if;
  update hadir.export_delivery d set state = 'waiting', tries = 0, next_at = p_now
  where d.target = a.target
    and case when v_period is null then d.state in ('failed', 'given_up')
        else d.run in (select r.id from hadir.export_run r where r.government = a.government and r.period = v_period) end;
  get diagnostics v_count = row_count;
  if v_count = 0 then
    return hadir.refusal(404, 'not_found', hadir.problem_if(true, case when v_period is null then 'name' else 'period' end, case when v_period is null
      then hadir.say('tidak ada pengiriman yang gagal', 'no delivery failed')
      else hadir.say('tidak ada pengiriman dari hari atau bulan itu', 'there is no delivery of that day or month') end));
  end if;
  insert into hadir.audit (at, action, subject, detail) values (p_now, 'delivery_again', hadir.body_text(p_body, 'government'), p_body);
  return jsonb_build_object('status', 200, 'deliveries', v_count);
end
$$;
comment on function api.delivery_again(jsonb, timestamptz) is
  '{government, name, period}: what failed or was given up is tried at once, as if for the first time; with a period (a day or month) all '
  'its versions, also delivered ones. Called by hadir_admin.';

create or replace function api.delivery_done(p_target bigint, p_run bigint, p_now timestamptz) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update hadir.export_delivery d set state = 'delivered', tries = d.tries + 1, tried_at = p_now, last_error = ''
  where d.target = p_target and d.run = p_run
$$;
comment on function api.delivery_done(bigint, bigint, timestamptz) is 'The receiver has all of it. Called by hadir_nightly.';

create or replace function api.delivery_failed(p_target bigint, p_run bigint, p_error text, p_now timestamptz) returns text
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update hadir.export_delivery d
  set state = case when hadir.delivery_wait(d.tries + 1) is null then 'given_up' else 'failed' end,
    tries = d.tries + 1, tried_at = p_now, last_error = left(p_error, 500),
    next_at = p_now + coalesce(hadir.delivery_wait(d.tries + 1), interval '0')
  where d.target = p_target and d.run = p_run
  returning d.state
$$;
comment on function api.delivery_failed(bigint, bigint, text, timestamptz) is
  'A try failed, for this reason: failed, to be tried again later, or given_up. Called by hadir_nightly.';

revoke all on function api.target_add(jsonb, timestamptz), api.target_remove(jsonb, timestamptz), api.delivery_again(jsonb, timestamptz),
  api.delivery_done(bigint, bigint, timestamptz), api.delivery_failed(bigint, bigint, text, timestamptz) from public;
grant execute on function api.target_add(jsonb, timestamptz), api.target_remove(jsonb, timestamptz), api.delivery_again(jsonb, timestamptz) to hadir_admin;
grant execute on function api.delivery_done(bigint, bigint, timestamptz), api.delivery_failed(bigint, bigint, text, timestamptz) to hadir_nightly;

reset role;
set role hadir_reader;

create or replace function api.targets(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  a record;
begin
  select * into a from hadir.target_asked(p_body, hadir.body_problems(p_body, '{"government": "text"}'));
  return coalesce(a.refusal, jsonb_build_object('status', 200, 'targets', (
    select coalesce(jsonb_agg(jsonb_build_object('government', g.code, 'name', t.name, 'url', t.url, 'what', t.what, 'format', to_jsonb(t.formats),
      'from', nullif(t.mail_from, ''), 'to', to_jsonb(t.mail_to), 'added_at', hadir.rfc3339(t.added_at, g.zone), 'waiting', n.waiting, 'failed', n.failed,
      'given_up', n.given_up, 'delivered', n.delivered) order by g.code collate "C", t.name collate "C"), '[]')
    from hadir.export_target t
    join hadir.government g on g.id = t.government
    cross join lateral (
      select count(*) filter (where d.state = 'waiting') as waiting, count(*) filter (where d.state = 'failed') as failed,
        count(*) filter (where d.state = 'given_up') as given_up, count(*) filter (where d.state = 'delivered') as delivered
      from hadir.export_delivery d where d.target = t.id) n
    where t.removed_at is null and (a.government is null or t.government = a.government))));
end
$$;
comment on function api.targets(jsonb, timestamptz) is
  '{government} → {targets: [{government, name, url, what, format, from, to, added_at; how many: waiting, failed, given_up, delivered}]}. '
  'Called by hadir_admin.';

create or replace function api.deliveries(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_all constant boolean := coalesce((p_body ->> 'all')::boolean, false);
  a record;
begin
  select * into a from hadir.target_asked(p_body, hadir.body_problems(p_body, '{"government": "text", "name": "text", "all": "flag"}'));
  return coalesce(a.refusal, jsonb_build_object('status', 200, 'deliveries', (
    select coalesce(jsonb_agg(jsonb_build_object('government', g.code, 'target', t.name, 'period', r.period, 'version', r.version, 'state', d.state,
      'tries', d.tries, 'tried_at', hadir.rfc3339(d.tried_at, g.zone),
      'next_at', case when d.state in ('waiting', 'failed') then hadir.rfc3339(d.next_at, g.zone) end,
      'error', nullif(d.last_error, '')) order by g.code collate "C", t.name collate "C", r.id), '[]')
    from hadir.export_delivery d
    join hadir.export_target t on t.id = d.target
    join hadir.export_run r on r.id = d.run
    join hadir.government g on g.id = t.government
    where t.removed_at is null and (a.government is null or t.government = a.government) and (a.target is null or t.id = a.target)
      and (v_all or d.state <> 'delivered'))));
end
$$;
comment on function api.deliveries(jsonb, timestamptz) is
  '{government, name, all: also what was delivered} → {deliveries: [{government, target, period, version, state, tries, tried_at, next_at, '
  'error}]}. Called by hadir_admin.';

create or replace function api.targets_due(p_now timestamptz)
returns table (target bigint, government text, name text, url text, formats text, mail_from text, mail_to text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select t.id, g.code, t.name, t.url, array_to_string(t.formats, ','), t.mail_from, array_to_string(t.mail_to, ',')
  from hadir.export_target t join hadir.government g on g.id = t.government
  where t.removed_at is null
    and exists (select from hadir.export_delivery d where d.target = t.id and d.state in ('waiting', 'failed') and d.next_at <= p_now)
  order by t.id
$$;
comment on function api.targets_due(timestamptz) is 'The targets to which something is to be delivered now. Called by hadir_nightly.';

create or replace function api.delivery_next(p_target bigint, p_now timestamptz)
returns table (run bigint, period text, version int, folder text, manifest_sha256 text, recorded_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.id, r.period, r.version, r.folder, r.manifest_sha256, r.recorded_at
  from hadir.export_delivery d
  join hadir.export_run r on r.id = d.run
  join hadir.export_target t on t.id = d.target and t.removed_at is null
  where d.target = p_target and d.state in ('waiting', 'failed') and d.next_at <= p_now
  order by r.id
  limit 1
$$;
comment on function api.delivery_next(bigint, timestamptz) is 'The first that is due, in the order of publication; no row: none. Called by hadir_nightly.';

revoke all on function api.targets(jsonb, timestamptz), api.deliveries(jsonb, timestamptz), api.targets_due(timestamptz),
  api.delivery_next(bigint, timestamptz) from public;
grant execute on function api.targets(jsonb, timestamptz), api.deliveries(jsonb, timestamptz) to hadir_admin;
grant execute on function api.targets_due(timestamptz), api.delivery_next(bigint, timestamptz) to hadir_nightly;

reset role;
