-- Working hours, a session per row: government (code), unit (code) or nip, valid_from, valid_to, weekdays ("1-4"),
-- session, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until (HH:MM[:SS], beyond 24:00 runs
-- into the next day), basis, on_holidays, season (a kind of period: hours of its days only), shift (hours of whoever a
-- roster puts on it; no weekdays, no season; with neither session nor times the day off of a roster), break_minutes. Without government, unit and nip a row is for every
-- government there is. deploy/man/hadir-hours.5 explains them to administrators.
-- A file replaces what the same government, unit or person had from the same first day, for ordinary hours, each season
-- and each shift by itself. Refused as a whole when a row is wrong or when an acceptance interval would be emptied by the
-- next. Caller: hadir_admin.
drop function if exists api.import_hours(jsonb, timestamptz);
create function api.import_hours(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
  v_span record;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_hour as
  select r.line, g.id as government, u.id as unit, p.id as person, r.government as government_code, r.unit as unit_code, r.nip,
         hadir.try_date(r.valid_from) as valid_from, hadir.try_date(r.valid_to) as valid_to, r.valid_to as valid_to_text,
         case when r.shift is not null and r.weekdays is null then '{1,2,3,4,5,6,7}' else hadir.try_weekdays(r.weekdays) end
           as weekdays,
         r.season, r.shift, case when r.break_minutes is null then 0
                                 when r.break_minutes ~ '^[0-9]{1,3}$' then r.break_minutes::int end as break_minutes,
         r.session as code, coalesce(r.label, r.session) as label, r.counts_as,
         hadir.try_hour(r.accept_from) as accept_from, hadir.try_hour(r.accept_until) as accept_until,
         hadir.try_hour(case when r.on_time_from is not null then r.on_time_from
                             when r.counts_as = 'out' then r.due else r.accept_from end) as on_time_from,
         hadir.try_hour(case when r.due is not null then r.due
                             when r.counts_as = 'out' then r.on_time_from
                             when r.counts_as = 'presence' then coalesce(r.on_time_from, r.accept_from) end) as due,
         hadir.try_hour(coalesce(r.on_time_until, r.accept_until)) as on_time_until,
         coalesce(r.basis, '') as basis, coalesce(hadir.try_boolean(r.on_holidays), false) as on_holidays,
         r.on_holidays as on_holidays_text,
         r.shift is not null and coalesce(r.session, r.counts_as, r.accept_from, r.on_time_from, r.due, r.on_time_until, r.accept_until)
           is null as off
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, government text, unit text, nip text, valid_from text,
    valid_to text, weekdays text, session text, label text, counts_as text, accept_from text, on_time_from text, due text,
    on_time_until text, accept_until text, basis text, on_holidays text, season text, shift text, break_minutes text)
  left join hadir.unit u on u.code = r.unit
  left join hadir.person p on p.nip = r.nip
  left join hadir.government g on case when r.government is not null then g.code = r.government
                                       when u.id is not null then g.id = u.government
                                       when p.id is not null then g.id = p.government
                                       else r.unit is null and r.nip is null end;
  analyze pg_temp.import_hour;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select distinct i.line, 'government', case when i.government_code is null then hadir.say('belum ada pemerintah', 'there is no government yet')
                                               else format(hadir.say('pemerintah %s tidak dikenal', 'government %s is unknown'), i.government_code) end
    from pg_temp.import_hour i
    where i.government is null and (i.unit_code is null or i.unit is not null) and (i.nip is null or i.person is not null)
    union
    select i.line, 'unit', format(hadir.say('unit %s tidak dikenal', 'unit %s is unknown'), i.unit_code)
    from pg_temp.import_hour i where i.unit_code is not null and i.unit is null
    union
    select i.line, 'nip', hadir.say('NIP tidak dikenal', 'the NIP is unknown') from pg_temp.import_hour i where i.nip is not null and i.person is null
    union
    select i.line, 'nip', hadir.say('unit dan nip tidak boleh diisi bersama', 'not both unit and nip')
    from pg_temp.import_hour i where i.nip is not null and i.unit_code is not null
    union
    select i.line, 'unit', hadir.say('unit milik pemerintah lain', 'the unit belongs to another government')
    from pg_temp.import_hour i join hadir.unit u on u.id = i.unit where u.government <> i.government
    union
    select i.line, 'valid_from', hadir.say('tanggal mulai harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')
    from pg_temp.import_hour i where i.valid_from is null
    union
    select i.line, 'valid_to', hadir.say('tanggal akhir harus berbentuk TTTT-BB-HH, ada di kalender, dan tidak sebelum tanggal mulai', 'must be a date of the calendar, YYYY-MM-DD, not before the first')
    from pg_temp.import_hour i where i.valid_to_text is not null and (i.valid_to is null or i.valid_to < i.valid_from)
    union
    select i.line, 'weekdays', hadir.say('hari kerja harus seperti 1-5 atau 1-4,6 (1 = Senin, 7 = Minggu)', 'must be like 1-5 or 1-4,6 (1 = Monday, 7 = Sunday)')
    from pg_temp.import_hour i where i.weekdays is null
    union
    select i.line, 'session', hadir.say('kode sesi harus diisi: huruf kecil, angka, garis; paling panjang 32', 'a code must be there: small letters, digits, - and _; at most 32')
    from pg_temp.import_hour i where not i.off and (i.code is null or i.code !~ '^[a-z0-9_-]{1,32}$')
    union
    select i.line, 'counts_as', hadir.say('harus in, out atau presence', 'must be in, out or presence')
    from pg_temp.import_hour i where not i.off and (i.counts_as is null or i.counts_as not in ('in', 'out', 'presence'))
    union
    select i.line, t.field, hadir.say('jam harus berbentuk JJ:MM atau JJ:MM:DD, paling akhir 48:00', 'must be HH:MM or HH:MM:SS, 48:00 at the latest')
    from pg_temp.import_hour i
    cross join lateral (values ('accept_from', i.accept_from), ('on_time_from', i.on_time_from), ('due', i.due),
                               ('on_time_until', i.on_time_until), ('accept_until', i.accept_until)) t (field, hour)
    where t.hour is null and not i.off
    union
    select i.line, 'accept_from', hadir.say(
      'urutan jam harus accept_from ≤ on_time_from ≤ due ≤ on_time_until ≤ accept_until, tidak kosong, dan mulai sebelum 36:00',
      'the order must be accept_from ≤ on_time_from ≤ due ≤ on_time_until ≤ accept_until, not empty, and begin before 36:00')
    from pg_temp.import_hour i
    where not (i.accept_from <= i.on_time_from and i.on_time_from <= i.due and i.due <= i.on_time_until
               and i.on_time_until <= i.accept_until and i.on_time_from < i.on_time_until
               and i.accept_from < interval '36 hours')
    union
    select i.line, 'on_holidays', hadir.say('harus ya atau tidak', 'must be ya or tidak')
    from pg_temp.import_hour i where i.on_holidays_text is not null and hadir.try_boolean(i.on_holidays_text) is null
    union
    select i.line, 'break_minutes', hadir.say('istirahat harus 0 sampai 720 menit', 'must be 0 to 720 minutes')
    from pg_temp.import_hour i where i.break_minutes is null or i.break_minutes > 720
    union
    select i.line, 'season', format(hadir.say('belum ada periode berjenis %s; muat dahulu: hadir import periods', 'there is no period of kind %s yet; load it first: hadir import periods'), i.season)
    from pg_temp.import_hour i
    where i.season is not null
      and not exists (select from hadir.calendar_period c where c.kind = i.season
                      and (c.government is null or c.government = i.government))
    union
    select i.line, 'shift', hadir.say('nama sif hanya huruf, angka, garis bawah, tanda hubung; paling panjang 20', 'only letters, digits, underscores, hyphens; at most 20')
    from pg_temp.import_hour i where i.shift !~ '^[A-Za-z0-9_-]{1,20}$'
    union
    select i.line, 'shift', hadir.say('sif berlaku bagi yang dijadwalkan, pada hari apa pun: kosongkan weekdays, on_holidays dan season', 'a shift holds for whoever is on the list, on any day: leave weekdays, on_holidays and season empty')
    from pg_temp.import_hour i
    where i.shift is not null and (cardinality(i.weekdays) < 7 or i.season is not null or i.on_holidays_text is not null)
    union
    select i.line, 'session', format(hadir.say('sif %s di baris %s tanpa sesi, jadi libur', 'shift %s in line %s has no session, hence is a day off'), i.shift, j.line)
    from pg_temp.import_hour i
    join pg_temp.import_hour j on j.government = i.government and coalesce(j.unit, 0) = coalesce(i.unit, 0)
      and coalesce(j.person, 0) = coalesce(i.person, 0) and j.valid_from = i.valid_from and j.shift = i.shift
    where j.off and j.line <> i.line
    union
    select i.line, 'session', format(hadir.say('sesi %s sudah ada di baris %s untuk jam kerja yang sama', 'session %s is in line %s already, of the same hours'), i.code, j.line)
    from pg_temp.import_hour i
    join pg_temp.import_hour j on j.government = i.government and coalesce(j.unit, 0) = coalesce(i.unit, 0)
      and coalesce(j.person, 0) = coalesce(i.person, 0) and j.valid_from = i.valid_from and j.weekdays && i.weekdays
      and coalesce(j.season, '') = coalesce(i.season, '') and coalesce(j.shift, '') = coalesce(i.shift, '')
      and j.code = i.code and j.line < i.line
    union
    select i.line, t.field, format(hadir.say('berbeda dengan baris %s dari jam kerja yang sama', 'differs from line %s of the same hours'), j.line)
    from pg_temp.import_hour i
    join pg_temp.import_hour j on j.government = i.government and coalesce(j.unit, 0) = coalesce(i.unit, 0)
      and coalesce(j.person, 0) = coalesce(i.person, 0) and j.valid_from = i.valid_from and j.weekdays = i.weekdays
      and coalesce(j.season, '') = coalesce(i.season, '') and coalesce(j.shift, '') = coalesce(i.shift, '')
      and j.line < i.line
    cross join lateral (values ('valid_to', (j.valid_to, j.on_holidays) is distinct from (i.valid_to, i.on_holidays)),
                               ('break_minutes', j.break_minutes <> i.break_minutes)) t (field, differs)
    where t.differs
    union
    select d.line, 'session', format(hadir.say('sehari paling banyak %s sesi', 'at most %s sessions a day'), hadir.most_sessions())
    from (
      select i.line, row_number() over (partition by i.government, i.unit, i.person, i.valid_from, i.season, i.shift, w.weekday
                                        order by i.line) as nth
      from pg_temp.import_hour i cross join unnest(i.weekdays) w (weekday)) d
    where d.nth > hadir.most_sessions()
    union
    -- Two sessions of a shift, today's and those of the same shift tomorrow: each ends where the next begins.
    select i.line, 'accept_from', format(hadir.say('sesi %s dari sif %s tertutup oleh sesi %s (baris %s)', 'session %s of shift %s is covered by session %s (line %s)'), i.code, i.shift, j.code, j.line)
    from pg_temp.import_hour i
    join pg_temp.import_hour j on j.government = i.government and coalesce(j.unit, 0) = coalesce(i.unit, 0)
      and coalesce(j.person, 0) = coalesce(i.person, 0) and j.valid_from = i.valid_from and j.shift = i.shift
      and ((j.accept_from = i.accept_from and j.line > i.line) or j.accept_from + interval '24 hours' <= i.accept_from)
  ) q (line, field, reason);

  if v_problems is null then
    -- In a block of its own: a conflict found after loading undoes the loading, not the finding.
    begin
      perform hadir.hours_load();
      for v_span in
        with here as (
          select i.*, c.descendant as place from pg_temp.import_hour i join hadir.unit_closure c on c.ancestor = i.unit
          union all
          select i.*, o.unit from pg_temp.import_hour i join hadir.posting o on o.person = i.person and o.kind = 'main'
          union all
          select i.*, u.id from pg_temp.import_hour i join hadir.unit u on u.government = i.government
          where i.unit is null and i.person is null
        )
        select min(h.line) as line, h.valid_from, h.valid_to, h.season, h.government, array_agg(distinct h.place) as units
        from here h
        where h.shift is null
        group by h.government, h.unit, h.person is null, h.valid_from, h.valid_to, h.season
      loop
        v_problems := v_problems || array(select row(c.line, c.field, c.reason)::hadir.import_problem
          from hadir.hours_trial(v_span.government, v_span.season, v_span.valid_from, v_span.valid_to, p_now::date) t
          cross join hadir.import_conflicts(v_span.line, t.first_day, t.last_day, t.today, v_span.units) c);
      end loop;
      if cardinality(v_problems) > 0 then
        raise exception using errcode = 'HD001';
      end if;
      insert into hadir.audit (at, action, detail)
      values (p_now, 'import_hours', jsonb_build_object('rows', jsonb_array_length(p_rows)));
    exception when sqlstate 'HD001' then
      null;
    end;
  end if;
  drop table pg_temp.import_hour;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_hours(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_hours(jsonb, timestamptz) from public;
grant execute on function api.import_hours(jsonb, timestamptz) to hadir_admin;

-- Between which days hours are tried for overlaps, and which day in between is of interest: ordinary ones in their
-- validity, around p_today; those of a season in the period of that kind that is nearest to p_today. No row: they never hold.
create or replace function hadir.hours_trial(p_government bigint, p_season text, p_from date, p_to date, p_today date)
returns table (first_day date, last_day date, today date)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select p_from, p_to, p_today where p_season is null
  union all
  (select n.first_day, n.last_day, n.first_day
   from hadir.calendar_period c
   cross join lateral (select greatest(c.first_day, p_from) as first_day, least(c.last_day, p_to) as last_day) n
   where c.kind = p_season and (c.government is null or c.government = p_government) and n.first_day <= n.last_day
   order by abs(c.first_day - p_today), c.dated desc limit 1)
$$;

-- Loads pg_temp.import_hour, checked. Sessions keep their ids where their code stays.
create or replace function hadir.hours_load() returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  create temporary table import_set as
  select distinct i.government, i.unit, i.person, i.valid_from, i.weekdays, i.season, i.shift,
         first_value(i.valid_to) over same as valid_to, first_value(i.on_holidays) over same as on_holidays,
         first_value(i.break_minutes) over same as break_minutes, first_value(i.basis) over same as basis
  from pg_temp.import_hour i
  window same as (partition by i.government, i.unit, i.person, i.valid_from, i.weekdays, i.season, i.shift order by i.line);

  -- Row security hides from the planner how large the tables are: it is given indexes, not left to guess.
  create index on pg_temp.import_set (coalesce(person, 0), coalesce(unit, 0), government, valid_from);
  analyze pg_temp.import_set;

  -- What the file replaces: the same owner, first day, season and shift, on other weekdays.
  delete from hadir.working_hours w
  where exists (select from pg_temp.import_set n where n.government = w.government
                and coalesce(n.unit, 0) = coalesce(w.unit, 0) and coalesce(n.person, 0) = coalesce(w.person, 0)
                and n.valid_from = w.valid_from
                and coalesce(n.season, '') = coalesce(w.season, '') and coalesce(n.shift, '') = coalesce(w.shift, ''))
    and not exists (select from pg_temp.import_set k where k.government = w.government
                    and coalesce(k.unit, 0) = coalesce(w.unit, 0) and coalesce(k.person, 0) = coalesce(w.person, 0)
                    and k.valid_from = w.valid_from and k.weekdays = w.weekdays
                    and coalesce(k.season, '') = coalesce(w.season, '') and coalesce(k.shift, '') = coalesce(w.shift, ''));
  insert into hadir.working_hours as w (government, unit, person, valid_from, valid_to, weekdays, season, shift, on_holidays,
                                        break_minutes, basis)
  select n.government, n.unit, n.person, n.valid_from, n.valid_to, n.weekdays, n.season, n.shift, n.on_holidays,
         n.break_minutes, n.basis
  from pg_temp.import_set n
  on conflict (government, unit, person, valid_from, weekdays, season, shift) do update
    set valid_to = excluded.valid_to, on_holidays = excluded.on_holidays, break_minutes = excluded.break_minutes,
        basis = excluded.basis
    where (w.valid_to, w.on_holidays, w.break_minutes, w.basis)
          is distinct from (excluded.valid_to, excluded.on_holidays, excluded.break_minutes, excluded.basis);

  create temporary table import_session as
  select w.id as hours, i.*
  from pg_temp.import_hour i
  join hadir.working_hours w on w.government = i.government and coalesce(w.unit, 0) = coalesce(i.unit, 0)
    and coalesce(w.person, 0) = coalesce(i.person, 0) and w.valid_from = i.valid_from and w.weekdays = i.weekdays
    and coalesce(w.season, '') = coalesce(i.season, '') and coalesce(w.shift, '') = coalesce(i.shift, '');
  delete from hadir.session s using pg_temp.import_session i where i.off and i.hours = s.working_hours;
  delete from pg_temp.import_session i where i.off;
  create index on pg_temp.import_session (hours, code);
  analyze pg_temp.import_session;
  delete from hadir.session s
  where exists (select from pg_temp.import_session i where i.hours = s.working_hours)
    and not exists (select from pg_temp.import_session i where i.hours = s.working_hours and i.code = s.code);
  insert into hadir.session as s (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
  select i.hours, i.code, i.label, i.counts_as, i.accept_from, i.on_time_from, i.due, i.on_time_until, i.accept_until
  from pg_temp.import_session i
  order by i.line
  on conflict (working_hours, code) do update
    set label = excluded.label, counts_as = excluded.counts_as, accept_from = excluded.accept_from,
        on_time_from = excluded.on_time_from, due = excluded.due, on_time_until = excluded.on_time_until,
        accept_until = excluded.accept_until
    where (s.label, s.counts_as, s.accept_from, s.on_time_from, s.due, s.on_time_until, s.accept_until)
          is distinct from (excluded.label, excluded.counts_as, excluded.accept_from, excluded.on_time_from, excluded.due,
                            excluded.on_time_until, excluded.accept_until);
  drop table pg_temp.import_set, pg_temp.import_session;
end
$$;
grant execute on function hadir.hours_load(), hadir.hours_trial(bigint, text, date, date, date) to hadir_writer;
