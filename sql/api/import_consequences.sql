-- What lateness, early leave, missing sessions and unexcused days lead to: a government's own tables, from files.

-- Classes of minutes: counts_as (in = late, out = early, presence), code, from_minutes, percent of the month's TPP,
-- valid_from, basis, government (code; none: every government there is). A file replaces the table that the same
-- government had from the same day. A missing session is of the class with the highest percent, so a class that only
-- missing sessions shall have begins at more minutes than a session has. Returns every problem; with any, nothing is
-- loaded. Caller: hadir_admin.
drop function if exists api.import_minute_classes(jsonb, timestamptz);
create function api.import_minute_classes(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_class as
  select r.line, g.id as government, r.government as government_code, hadir.try_date(r.valid_from) as valid_from,
         r.counts_as, r.code, hadir.try_count(r.from_minutes) as from_minutes, hadir.try_percent(r.percent) as percent,
         coalesce(r.basis, '') as basis
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, counts_as text, code text, from_minutes text, percent text,
    valid_from text, basis text, government text)
  left join hadir.government g on r.government is null or g.code = r.government;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'government', case when i.government_code is null then hadir.say('belum ada pemerintah', 'there is no government yet')
                                      else format(hadir.say('pemerintah %s tidak dikenal', 'government %s is unknown'), i.government_code) end
    from pg_temp.import_class i where i.government is null
    union
    select i.line, 'counts_as', hadir.say('harus in, out atau presence', 'must be in, out or presence')
    from pg_temp.import_class i where i.counts_as is null or i.counts_as not in ('in', 'out', 'presence')
    union
    select i.line, 'code', hadir.say('kode harus diisi: huruf dan angka, paling panjang 8', 'a code must be there: letters and digits, at most 8')
    from pg_temp.import_class i where i.code is null or i.code !~ '^[A-Za-z0-9]{1,8}$'
    union
    select i.line, 'from_minutes', hadir.say('harus bilangan bulat, menit', 'must be a whole number, minutes') from pg_temp.import_class i where i.from_minutes is null
    union
    select i.line, 'from_minutes', hadir.say('sesi presence tidak mengenal menit; isi 0', 'sessions of presence know no minutes; write 0')
    from pg_temp.import_class i where i.counts_as = 'presence' and i.from_minutes <> 0
    union
    select i.line, 'percent', hadir.say('harus persen, 0 sampai 100', 'must be percent, 0 to 100') from pg_temp.import_class i where i.percent is null
    union
    select i.line, 'valid_from', hadir.say('tanggal mulai harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')
    from pg_temp.import_class i where i.valid_from is null
    union
    select i.line, 'from_minutes', format(hadir.say('menit yang sama sudah ada di baris %s', 'the same minutes are in line %s already'), j.line)
    from pg_temp.import_class i
    join pg_temp.import_class j on j.government = i.government and j.valid_from = i.valid_from and j.counts_as = i.counts_as
      and j.from_minutes = i.from_minutes and j.line < i.line
    union
    select i.line, 'code', format(hadir.say('kode %s sudah ada di baris %s', 'code %s is in line %s already'), i.code, j.line)
    from pg_temp.import_class i
    join pg_temp.import_class j on j.government = i.government and j.valid_from = i.valid_from and j.code = i.code
      and j.line < i.line
    union
    select i.line, 'percent', format(hadir.say('lebih ringan daripada kelas yang menitnya lebih sedikit (baris %s)', 'is lighter than the class of fewer minutes (line %s)'), j.line)
    from pg_temp.import_class i
    join pg_temp.import_class j on j.government = i.government and j.valid_from = i.valid_from and j.counts_as = i.counts_as
      and j.from_minutes < i.from_minutes and j.percent > i.percent
  ) q (line, field, reason);

  if v_problems is null then
    delete from hadir.minute_class c
    using (select distinct i.government, i.valid_from from pg_temp.import_class i) n
    where c.government = n.government and c.valid_from = n.valid_from;
    insert into hadir.minute_class (government, valid_from, counts_as, code, from_minutes, percent, basis)
    select i.government, i.valid_from, i.counts_as, i.code, i.from_minutes, i.percent, i.basis from pg_temp.import_class i;
    insert into hadir.audit (at, action, detail) values (p_now, 'import_minute_classes', p_rows);
  end if;
  drop table pg_temp.import_class;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_minute_classes(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_minute_classes(jsonb, timestamptz) from public;
grant execute on function api.import_minute_classes(jsonb, timestamptz) to hadir_admin;

-- What else a government counts by: valid_from, absent_code and absent_percent (of an unexcused day), monthly_cap, minutes_per_day
-- (late and early minutes of a year that make an unexcused day; none: they make none), basis, government (code; none: every
-- government there is). A row replaces what the same government had from the same day. Returns every problem; with any,
-- nothing is loaded. Caller: hadir_admin.
drop function if exists api.import_consequences(jsonb, timestamptz);
create function api.import_consequences(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_rule as
  select r.line, g.id as government, r.government as government_code, hadir.try_date(r.valid_from) as valid_from, r.absent_code,
         hadir.try_percent(r.absent_percent) as absent_percent, hadir.try_percent(r.monthly_cap) as monthly_cap,
         hadir.try_count(r.minutes_per_day) as minutes_per_day, r.minutes_per_day as minutes_text, coalesce(r.basis, '') as basis
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, valid_from text, absent_code text, absent_percent text,
    monthly_cap text, minutes_per_day text, basis text, government text)
  left join hadir.government g on r.government is null or g.code = r.government;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'government', case when i.government_code is null then hadir.say('belum ada pemerintah', 'there is no government yet')
                                      else format(hadir.say('pemerintah %s tidak dikenal', 'government %s is unknown'), i.government_code) end
    from pg_temp.import_rule i where i.government is null
    union
    select i.line, 'valid_from', hadir.say('tanggal mulai harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')
    from pg_temp.import_rule i where i.valid_from is null
    union
    select i.line, 'absent_code', hadir.say('kode harus diisi: huruf dan angka, paling panjang 8', 'a code must be there: letters and digits, at most 8')
    from pg_temp.import_rule i where i.absent_code is null or i.absent_code !~ '^[A-Za-z0-9]{1,8}$'
    union
    select i.line, t.field, hadir.say('harus persen, 0 sampai 100', 'must be percent, 0 to 100')
    from pg_temp.import_rule i
    cross join lateral (values ('absent_percent', i.absent_percent), ('monthly_cap', i.monthly_cap)) t (field, percent)
    where t.percent is null
    union
    select i.line, 'minutes_per_day', hadir.say('harus menit, 1 sampai 1440, atau kosong (aturan tidak dipakai)', 'must be minutes, 1 to 1440, or empty (they never count)')
    from pg_temp.import_rule i where i.minutes_text is not null and coalesce(i.minutes_per_day not between 1 and 1440, true)
    union
    select i.line, 'valid_from', format(hadir.say('tanggal yang sama sudah ada di baris %s', 'the same date is in line %s already'), j.line)
    from pg_temp.import_rule i
    join pg_temp.import_rule j on j.government = i.government and j.valid_from = i.valid_from and j.line < i.line
  ) q (line, field, reason);

  if v_problems is null then
    insert into hadir.consequence (government, valid_from, absent_code, absent_percent, monthly_cap, minutes_per_day, basis)
    select i.government, i.valid_from, i.absent_code, i.absent_percent, i.monthly_cap, i.minutes_per_day, i.basis from pg_temp.import_rule i
    on conflict (government, valid_from) do update
      set absent_code = excluded.absent_code, absent_percent = excluded.absent_percent, monthly_cap = excluded.monthly_cap,
          minutes_per_day = excluded.minutes_per_day, basis = excluded.basis;
    insert into hadir.audit (at, action, detail) values (p_now, 'import_consequences', p_rows);
  end if;
  drop table pg_temp.import_rule;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_consequences(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_consequences(jsonb, timestamptz) from public;
grant execute on function api.import_consequences(jsonb, timestamptz) to hadir_admin;

-- Steps of discipline: from_days (of a calendar year, or with consecutive = ya in a row), level, sanction, valid_from, basis,
-- government (code; none: every government there is). A file replaces the table that the same government had from the same
-- day. Returns every problem; with any, nothing is loaded. Caller: hadir_admin.
drop function if exists api.import_discipline(jsonb, timestamptz);
create function api.import_discipline(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_step as
  select r.line, g.id as government, r.government as government_code, hadir.try_date(r.valid_from) as valid_from,
         hadir.try_count(r.from_days) as from_days,
         hadir.try_boolean(coalesce(r.consecutive, 'tidak')) as consecutive, r.level, r.sanction, coalesce(r.basis, '') as basis
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, from_days text, consecutive text, level text, sanction text,
    valid_from text, basis text, government text)
  left join hadir.government g on r.government is null or g.code = r.government;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'government', case when i.government_code is null then hadir.say('belum ada pemerintah', 'there is no government yet')
                                      else format(hadir.say('pemerintah %s tidak dikenal', 'government %s is unknown'), i.government_code) end
    from pg_temp.import_step i where i.government is null
    union
    select i.line, 'from_days', hadir.say('harus bilangan bulat, hari, 1 sampai 366', 'must be a whole number, days, 1 to 366')
    from pg_temp.import_step i where i.from_days is null or i.from_days not between 1 and 366
    union
    select i.line, 'valid_from', hadir.say('tanggal mulai harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')
    from pg_temp.import_step i where i.valid_from is null
    union
    select i.line, 'consecutive', hadir.say('harus ya atau tidak', 'must be ya or tidak') from pg_temp.import_step i where i.consecutive is null
    union
    select i.line, 'level', hadir.say('tingkat harus diisi', 'a level must be there') from pg_temp.import_step i where coalesce(i.level, '') = ''
    union
    select i.line, 'sanction', hadir.say('hukuman harus diisi', 'a sanction must be there') from pg_temp.import_step i where coalesce(i.sanction, '') = ''
    union
    select i.line, 'from_days', format(hadir.say('jumlah hari yang sama sudah ada di baris %s', 'the same number of days is in line %s already'), j.line)
    from pg_temp.import_step i
    join pg_temp.import_step j on j.government = i.government and j.valid_from = i.valid_from and j.consecutive = i.consecutive
      and j.from_days = i.from_days and j.line < i.line
  ) q (line, field, reason);

  if v_problems is null then
    delete from hadir.discipline_step s
    using (select distinct i.government, i.valid_from from pg_temp.import_step i) n
    where s.government = n.government and s.valid_from = n.valid_from;
    insert into hadir.discipline_step (government, valid_from, from_days, consecutive, level, sanction, basis)
    select i.government, i.valid_from, i.from_days, i.consecutive, i.level, i.sanction, i.basis from pg_temp.import_step i;
    insert into hadir.audit (at, action, detail) values (p_now, 'import_discipline', p_rows);
  end if;
  drop table pg_temp.import_step;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_discipline(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_discipline(jsonb, timestamptz) from public;
grant execute on function api.import_discipline(jsonb, timestamptz) to hadir_admin;
