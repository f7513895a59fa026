-- Closing a month, and what a closed day would look like now. A day is frozen by the nightly run; BKPSDM closes a month
-- when its days are right. After that a later fact changes nothing by itself: it is visible as a difference, and the next
-- closing of the month, with a reason, makes the versions that have it. For the console alone: deriving a day for everybody
-- is more than any actor's rows. Bodies and answers as sql/api/actor_rights.sql says.

-- One day of one government: frozen or not, and whether deriving it now gives something else.
create or replace function hadir.day_state(p_government bigint, p_day date, p_now timestamptz) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_last  hadir.attendance_version;
  v_other boolean;
begin
  select v.* into v_last from hadir.attendance_version v where v.government = p_government and v.day = p_day order by v.version desc limit 1;
  if v_last.version is null then
    -- Before its first check-in a government had no service, as nightly sees it, too.
    return jsonb_build_object('day', p_day, 'state', case when not exists (
        select from hadir.checkin k join hadir.government g on g.id = k.government
        where k.government = p_government and k.status = 'recorded' and k.received_at < (p_day + 1)::timestamp at time zone g.zone)
        then 'no_service'
      when hadir.day_closes(p_government, p_day) is null then 'no_plan'
      when hadir.day_closes(p_government, p_day) > p_now then 'open' else 'not_frozen' end);
  end if;
  perform hadir.attendance_stage(p_government, p_day);
  v_other := hadir.attendance_digest() <> v_last.digest;
  perform hadir.attendance_unstage();
  return jsonb_build_object('day', p_day, 'state', case when v_other then 'pending' else 'frozen' end, 'version', v_last.version);
end
$$;

create or replace function hadir.month_days(p_government bigint, p_month date, p_now timestamptz) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_days jsonb := '[]';
begin
  for v_day in 0 .. (p_month + interval '1 month')::date - p_month - 1 loop
    v_days := v_days || hadir.day_state(p_government, p_month + v_day, p_now);
  end loop;
  return v_days;
end
$$;

-- What hadir.decision calls a month: government and month in one number.
create or replace function hadir.month_ref(p_government bigint, p_month date) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select p_government * 1000000 + to_char(p_month, 'YYYYMM')::bigint
$$;

-- 'YYYY-MM' as its first day; null when it is none.
create or replace function hadir.try_month(p_text text) returns date
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  return case when p_text ~ '^[12][0-9]{3}-[01][0-9]$' then hadir.try_date(p_text || '-01') end;
end
$$;

-- Which government, and month if one is asked, a body means; or the refusal to answer with. p_problems: those of its form.
create or replace function hadir.closing_asked(p_body jsonb, p_problems jsonb, out refusal jsonb, out government bigint,
                                               out zone text, out month date)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  month := hadir.try_month(hadir.body_text(p_body, 'month'));
  p_problems := p_problems || hadir.problem_if(month is null and hadir.body_text(p_body, 'month') is not null, 'month',
    hadir.say('bulan harus berbentuk TTTT-BB', 'must be a month, YYYY-MM'));
  select x.id, x.zone into government, zone from hadir.government x where x.code = hadir.body_text(p_body, 'government');
  if p_problems <> '[]' then
    refusal := hadir.refusal(422, 'invalid', p_problems);
  elsif government is null then
    refusal := hadir.refusal(404, 'not_found', hadir.problem_if(true, 'government', hadir.say('pemerintah tidak dikenal', 'is unknown')));
  end if;
end
$$;

revoke all on function hadir.day_state(bigint, date, timestamptz),
  hadir.month_days(bigint, date, timestamptz), hadir.month_ref(bigint, date), hadir.try_month(text), hadir.closing_asked(jsonb, jsonb) from public;
grant execute on function hadir.day_state(bigint, date, timestamptz),
  hadir.month_days(bigint, date, timestamptz), hadir.month_ref(bigint, date), hadir.try_month(text),
  hadir.closing_asked(jsonb, jsonb) to hadir_reader, hadir_writer;

set role hadir_writer;

create or replace function api.month_state(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"government": "text!", "month": "text!"}');
  g record;
  v_last     hadir.month_version;
begin
  select * into g from hadir.closing_asked(p_body, v_problems);
  if g.refusal is not null then
    return g.refusal;
  end if;
  select m.* into v_last from hadir.month_version m where m.government = g.government and m.month = g.month order by m.version desc limit 1;
  return jsonb_strip_nulls(jsonb_build_object('status', 200, 'month', to_char(g.month, 'YYYY-MM'), 'version', v_last.version,
    'closed_at', hadir.rfc3339(v_last.closed_at, g.zone), 'reason', nullif(v_last.reason, ''),
    'days', hadir.month_days(g.government, g.month, p_now), 'steps', hadir.steps('month', hadir.month_ref(g.government, g.month), g.zone)));
end
$$;
comment on function api.month_state(jsonb, timestamptz) is
  '{government, month: "YYYY-MM"} → {status, month, version, closed_at, reason, days: [{day, state: open, no_plan, '
  'no_service, not_frozen, frozen, pending; version}], steps}; version only once closed; pending: derived now it would differ. Called by hadir_admin.';

create or replace function api.month_close(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"government": "text!", "month": "text!", "reason": "text"}');
  v_reason   constant text := coalesce(hadir.body_text(p_body, 'reason'), '');
  g record;
  v_last     hadir.month_version;
  v_states   jsonb;
  v_days     jsonb;
begin
  select * into g from hadir.closing_asked(p_body, v_problems);
  if g.refusal is not null then
    return g.refusal;
  end if;
  if (g.month + interval '1 month')::date > hadir.local_day(g.government, p_now) then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'month', hadir.say('belum berakhir', 'is not over')));
  end if;
  perform pg_advisory_xact_lock(hashtextextended('hadir.month ' || g.government || ' ' || g.month, 0));
  select m.* into v_last from hadir.month_version m where m.government = g.government and m.month = g.month order by m.version desc limit 1;
  v_states := hadir.month_days(g.government, g.month, p_now);
  select jsonb_agg(hadir.problem('month', case s ->> 'state'
      when 'open' then hadir.say('belum berakhir: ', 'is not over: ') else hadir.say('belum ditutup oleh ekspor malam: ', 'was not frozen by the nightly run: ') end || (s ->> 'day')))
  into v_problems
  from jsonb_array_elements(v_states) s where s ->> 'state' in ('open', 'not_frozen');
  if v_problems is not null then
    return hadir.refusal(409, 'wrong_state', v_problems);
  end if;
  if v_last.version is not null and not exists (select from jsonb_array_elements(v_states) s where s ->> 'state' = 'pending') then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'month', hadir.say('sudah ditutup, dan tidak ada perbedaan', 'is closed, and nothing differs')));
  elsif v_last.version is not null and v_reason = '' then
    return hadir.refusal(422, 'invalid', hadir.problem_if(true, 'reason', hadir.say('harus diisi bila bulan ditutup lagi', 'must be given to close a month again')));
  end if;
  select jsonb_object_agg(s ->> 'day', case s ->> 'state' when 'pending' then hadir.freeze(g.government, (s ->> 'day')::date, p_now)
                                       else (s ->> 'version')::int end)
  into v_days
  from jsonb_array_elements(v_states) s where s ->> 'state' in ('frozen', 'pending');
  insert into hadir.month_version (government, month, version, closed_at, days, reason)
  values (g.government, g.month, coalesce(v_last.version, 0) + 1, p_now, coalesce(v_days, '{}'), v_reason);
  perform hadir.decide('month', hadir.month_ref(g.government, g.month), 'closed', p_now, 'console', v_reason);
  return jsonb_build_object('status', 201, 'month', to_char(g.month, 'YYYY-MM'), 'version', coalesce(v_last.version, 0) + 1,
                            'days', coalesce(v_days, '{}'));
end
$$;
comment on function api.month_close(jsonb, timestamptz) is
  '{government, month: "YYYY-MM", reason} → {status 201, month, version, days: {day: version}}: freezes what is pending and '
  'closes the month; again only when something differs, with a reason. 409 while a day is open or not frozen. Called by hadir_admin.';

create or replace function api.day_differences(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"government": "text!", "day": "day!"}');
  v_day constant date := hadir.try_date(hadir.body_text(p_body, 'day'));
  g record;
  v_version int;
  v_list jsonb;
begin
  select * into g from hadir.closing_asked(p_body, v_problems);
  if g.refusal is not null then
    return g.refusal;
  end if;
  select max(v.version) into v_version from hadir.attendance_version v where v.government = g.government and v.day = v_day;
  if v_version is null then
    return hadir.refusal(404, 'not_found', hadir.problem_if(true, 'day', hadir.say('hari itu belum ditutup', 'is not frozen yet')));
  end if;
  perform hadir.attendance_stage(g.government, v_day);
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('nip', p.nip, 'name', p.name, 'session', c.session, 'before', c.before,
                            'after', c.after, 'causes', to_jsonb(c.causes))) order by p.nip, c.session), '[]')
  into v_list
  from hadir.attendance_changes(g.government, v_day) c join hadir.person p on p.id = c.person;
  perform hadir.attendance_unstage();
  return jsonb_build_object('status', 200, 'day', v_day, 'version', v_version, 'differences', v_list);
end
$$;
comment on function api.day_differences(jsonb, timestamptz) is
  '{government, day} → {status, day, version, differences: [{nip, name, session, before, after, causes}]}: what deriving a '
  'frozen day now would change of its newest version. Called by hadir_admin.';

create or replace function api.plan_reopen(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"government": "text!", "from": "day!", "to": "day!", "reason": "text!"}');
  v_from constant date := hadir.try_date(hadir.body_text(p_body, 'from'));
  v_to   constant date := hadir.try_date(hadir.body_text(p_body, 'to'));
  g record;
begin
  v_problems := v_problems || hadir.problem_if(v_to < v_from, 'to', hadir.say('tidak boleh sebelum hari pertama', 'must not lie before the first day'));
  select * into g from hadir.closing_asked(p_body, v_problems);
  if g.refusal is not null then
    return g.refusal;
  end if;
  v_problems := hadir.problem_if(v_from < hadir.local_day(g.government, p_now) - 40, 'from',
    hadir.say('paling jauh 40 hari yang lalu', 'at most 40 days ago'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  insert into hadir.plan_dirt (kind, ref, first_day, last_day, why) values ('government', g.government, v_from, v_to, 'reopen');
  perform pg_notify('hadir_plan', '');
  insert into hadir.audit (at, action, subject, detail)
  values (p_now, 'plan_reopen', hadir.body_text(p_body, 'government'), p_body);
  return jsonb_build_object('status', 200, 'from', v_from, 'to', v_to);
end
$$;
comment on function api.plan_reopen(jsonb, timestamptz) is
  '{government, from, to, reason}: frozen days are compiled anew by the rules as they stand (a decree that came later, hours '
  'that were wrong); what that changes shows as a difference, and in the next version. Called by hadir_admin.';

revoke all on function api.month_state(jsonb, timestamptz), api.month_close(jsonb, timestamptz), api.day_differences(jsonb, timestamptz),
  api.plan_reopen(jsonb, timestamptz) from public;
grant execute on function api.month_state(jsonb, timestamptz), api.month_close(jsonb, timestamptz),
  api.day_differences(jsonb, timestamptz), api.plan_reopen(jsonb, timestamptz) to hadir_admin;

reset role;
