-- Circulars: number, title, dated, valid_from, valid_to, government (code) or unit (code, with its subtree), categories
-- ("PNS,PPPK"; none = all), place (WFO WFH WFA DL; none = unchanged), anywhere (ya/tidak), sessions (none = the working
-- hours' own; otherwise a JSON array of {code, label, counts_as, accept_from, on_time_from, due, on_time_until,
-- accept_until}, which replaces them; [] = none expected), basis. Rows of the same number are one circular with several
-- scopes. A known number is replaced. Refused as a whole when a row is wrong or empties a session. Caller: hadir_admin.
drop function if exists api.import_policies(jsonb, timestamptz);
create function api.import_policies(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
  v_span record;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_policy as
  select r.line, r.number, coalesce(r.title, '') as title, hadir.try_date(r.dated) as dated,
         hadir.try_date(r.valid_from) as valid_from, hadir.try_date(r.valid_to) as valid_to, r.valid_to as valid_to_text,
         r.government as government_code, r.unit as unit_code, u.id as unit,
         coalesce(g.id, case when r.government is null then coalesce(u.government,
                  case when r.unit is null then hadir.only_government() end) end) as government,
         (select array_agg(distinct upper(trim(c))) from regexp_split_to_table(r.categories, '[,;|+ ]+') c where trim(c) <> '')
           as categories,
         r.place, coalesce(hadir.try_boolean(r.anywhere), false) as anywhere, r.anywhere as anywhere_text,
         coalesce(r.basis, '') as basis, hadir.try_sessions(r.sessions) as sessions, r.sessions as sessions_text
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, number text, title text, dated text, valid_from text,
    valid_to text, government text, unit text, categories text, place text, anywhere text, sessions text, basis text)
  left join hadir.unit u on u.code = r.unit
  left join hadir.government g on g.code = r.government;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'number', 'nomor surat harus diisi' from pg_temp.import_policy i where coalesce(i.number, '') = ''
    union all
    select i.line, 'dated', 'tanggal surat harus berbentuk TTTT-BB-HH dan ada di kalender'
    from pg_temp.import_policy i where i.dated is null
    union all
    select i.line, 'valid_from', 'tanggal mulai harus berbentuk TTTT-BB-HH dan ada di kalender'
    from pg_temp.import_policy i where i.valid_from is null
    union all
    select i.line, 'valid_to', 'tanggal akhir harus berbentuk TTTT-BB-HH, ada di kalender, dan tidak sebelum tanggal mulai'
    from pg_temp.import_policy i where i.valid_to_text is not null and (i.valid_to is null or i.valid_to < i.valid_from)
    union all
    select i.line, 'unit', format('unit %s tidak dikenal', i.unit_code)
    from pg_temp.import_policy i where i.unit_code is not null and i.unit is null
    union all
    select i.line, 'government', case when i.government_code is null then 'pemerintah tidak dapat ditentukan; isi kolom government atau unit'
                                      else format('pemerintah %s tidak dikenal', i.government_code) end
    from pg_temp.import_policy i where i.government is null and (i.unit_code is null or i.unit is not null)
    union all
    select i.line, 'unit', 'unit milik pemerintah lain'
    from pg_temp.import_policy i join hadir.unit u on u.id = i.unit where u.government <> i.government
    union all
    select i.line, 'categories', 'kategori harus PNS, PPPK atau PPPK_PW, dipisah koma'
    from pg_temp.import_policy i where not i.categories <@ array['PNS', 'PPPK', 'PPPK_PW']
    union all
    select i.line, 'place', 'tempat harus WFO, WFH, WFA atau DL'
    from pg_temp.import_policy i where i.place is not null and i.place not in ('WFO', 'WFH', 'WFA', 'DL')
    union all
    select i.line, 'anywhere', 'harus ya atau tidak'
    from pg_temp.import_policy i where i.anywhere_text is not null and hadir.try_boolean(i.anywhere_text) is null
    union all
    select i.line, 'sessions', 'sesi harus larik JSON dari objek dengan code, label, counts_as (in, out, presence) dan jam '
                               'yang berurutan accept_from ≤ on_time_from ≤ due ≤ on_time_until ≤ accept_until'
    from pg_temp.import_policy i where i.sessions_text is not null and i.sessions is null
    union all
    select i.line, 'number', format('isi yang berlaku umum berbeda dengan baris %s dari surat yang sama', j.line)
    from pg_temp.import_policy i
    join lateral (select j.* from pg_temp.import_policy j
                  where j.number = i.number and j.government is not distinct from i.government order by j.line limit 1) j
      on j.line < i.line and (i.title, i.dated, i.valid_from, i.valid_to, i.place, i.anywhere, i.sessions)
                             is distinct from (j.title, j.dated, j.valid_from, j.valid_to, j.place, j.anywhere, j.sessions)
  ) q (line, field, reason);

  if v_problems is null then
    begin
      perform hadir.policies_load();
      for v_span in
        select min(i.line) as line, i.valid_from, i.valid_to, array_agg(distinct c.descendant) as units
        from pg_temp.import_policy i
        join hadir.unit u on u.government = i.government and (i.unit is null or u.id = i.unit)
        join hadir.unit_closure c on c.ancestor = u.id
        group by i.government, i.number, i.valid_from, i.valid_to
      loop
        v_problems := v_problems || array(select row(c.line, c.field, c.reason)::hadir.import_problem
          from hadir.import_conflicts(v_span.line, v_span.valid_from, v_span.valid_to, p_now::date, v_span.units) c);
      end loop;
      if cardinality(v_problems) > 0 then
        raise exception using errcode = 'HD001';
      end if;
      insert into hadir.audit (at, action, detail)
      select p_now, 'import_policies', jsonb_build_object('numbers', jsonb_agg(distinct i.number)) from pg_temp.import_policy i;
    exception when sqlstate 'HD001' then
      null;
    end;
  end if;
  drop table pg_temp.import_policy;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_policies(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_policies(jsonb, timestamptz) from public;
grant execute on function api.import_policies(jsonb, timestamptz) to hadir_admin;

-- A circular's own sessions as JSON text, hours as HH:MM; null when anything in it is wrong.
create or replace function hadir.try_sessions(p_text text) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_list jsonb;
begin
  if p_text is null then
    return null;
  end if;
  begin
    v_list := p_text::jsonb;
  exception when others then
    return null;
  end;
  if jsonb_typeof(v_list) <> 'array' or exists (select from jsonb_array_elements(v_list) e where jsonb_typeof(e) <> 'object')
     or jsonb_array_length(v_list) <> (select count(distinct e ->> 'code') from jsonb_array_elements(v_list) e)
     or exists (
       select from jsonb_to_recordset(v_list) r (code text, label text, counts_as text, accept_from text, on_time_from text,
                                                 due text, on_time_until text, accept_until text)
       where not coalesce(r.code ~ '^[a-z0-9_-]{1,32}$' and r.label <> '' and r.counts_as in ('in', 'out', 'presence')
             and hadir.try_hour(r.accept_from) <= hadir.try_hour(r.on_time_from)
             and hadir.try_hour(r.on_time_from) <= hadir.try_hour(r.due)
             and hadir.try_hour(r.due) <= hadir.try_hour(r.on_time_until)
             and hadir.try_hour(r.on_time_until) <= hadir.try_hour(r.accept_until)
             and hadir.try_hour(r.on_time_from) < hadir.try_hour(r.on_time_until)
             and hadir.try_hour(r.accept_from) < interval '36 hours', false)) then
    return null;
  end if;
  return v_list;
end
$$;

-- Loads pg_temp.import_policy, checked.
create or replace function hadir.policies_load() returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  insert into hadir.policy as p (government, number, title, dated, valid_from, valid_to, place, anywhere, own_sessions, basis)
  select distinct on (i.government, i.number) i.government, i.number, i.title, i.dated, i.valid_from, i.valid_to, i.place,
         i.anywhere, i.sessions is not null, i.basis
  from pg_temp.import_policy i
  order by i.government, i.number, i.line
  on conflict (government, number) do update
    set title = excluded.title, dated = excluded.dated, valid_from = excluded.valid_from, valid_to = excluded.valid_to,
        place = excluded.place, anywhere = excluded.anywhere, own_sessions = excluded.own_sessions, basis = excluded.basis
    where (p.title, p.dated, p.valid_from, p.valid_to, p.place, p.anywhere, p.own_sessions, p.basis)
          is distinct from (excluded.title, excluded.dated, excluded.valid_from, excluded.valid_to, excluded.place,
                            excluded.anywhere, excluded.own_sessions, excluded.basis);

  create temporary table import_scope as
  select distinct p.id as policy, i.unit, i.categories
  from pg_temp.import_policy i join hadir.policy p on p.government = i.government and p.number = i.number;
  delete from hadir.policy_scope s
  where s.policy in (select policy from pg_temp.import_scope)
    and not exists (select from pg_temp.import_scope n where (n.policy, n.unit, n.categories) is not distinct from (s.policy, s.unit, s.categories));
  insert into hadir.policy_scope (policy, unit, categories)
  select n.policy, n.unit, n.categories from pg_temp.import_scope n
  where not exists (select from hadir.policy_scope s where (n.policy, n.unit, n.categories) is not distinct from (s.policy, s.unit, s.categories));

  create temporary table import_session as
  select distinct p.id as policy, r.code, r.label, r.counts_as, hadir.try_hour(r.accept_from) as accept_from,
         hadir.try_hour(r.on_time_from) as on_time_from, hadir.try_hour(r.due) as due,
         hadir.try_hour(r.on_time_until) as on_time_until, hadir.try_hour(r.accept_until) as accept_until
  from pg_temp.import_policy i
  join hadir.policy p on p.government = i.government and p.number = i.number
  cross join jsonb_to_recordset(coalesce(i.sessions, '[]')) r (code text, label text, counts_as text, accept_from text,
    on_time_from text, due text, on_time_until text, accept_until text);
  delete from hadir.session s
  where s.policy in (select policy from pg_temp.import_scope)
    and not exists (select from pg_temp.import_session n where n.policy = s.policy and n.code = s.code);
  insert into hadir.session as s (policy, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
  select n.policy, n.code, n.label, n.counts_as, n.accept_from, n.on_time_from, n.due, n.on_time_until, n.accept_until
  from pg_temp.import_session n
  on conflict (policy, code) do update
    set label = excluded.label, counts_as = excluded.counts_as, accept_from = excluded.accept_from,
        on_time_from = excluded.on_time_from, due = excluded.due, on_time_until = excluded.on_time_until,
        accept_until = excluded.accept_until
    where (s.label, s.counts_as, s.accept_from, s.on_time_from, s.due, s.on_time_until, s.accept_until)
          is distinct from (excluded.label, excluded.counts_as, excluded.accept_from, excluded.on_time_from, excluded.due,
                            excluded.on_time_until, excluded.accept_until);
  drop table pg_temp.import_scope, pg_temp.import_session;
end
$$;
grant execute on function hadir.policies_load(), hadir.try_sessions(text) to hadir_writer;

-- Takes a circular back altogether. Returns whether there was one. Caller: hadir_admin.
create or replace function api.policy_remove(p_government text, p_number text, p_now timestamptz) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  delete from hadir.policy p using hadir.government g
  where g.id = p.government and g.code = p_government and p.number = p_number;
  if not found then
    return false;
  end if;
  insert into hadir.audit (at, action, subject) values (p_now, 'policy_remove', p_number);
  return true;
end
$$;
alter function api.policy_remove(text, text, timestamptz) owner to hadir_writer;
revoke all on function api.policy_remove(text, text, timestamptz) from public;
grant execute on function api.policy_remove(text, text, timestamptz) to hadir_admin;
