-- Closing a month, and what a closed day would look like now. A day is frozen by the nightly run; BKPSDM closes a month
-- when its days are right. After that a later fact changes nothing by itself: it is visible as a difference, and the next
-- closing of the month, with a reason, makes the versions that have it. Freezing needs everybody's rows: the console closes at
-- once, what BKPSDM asks over HTTP the next nightly run does. How a month stands and what would differ is for the console about
-- everybody, and for an access about the people of one unit. Bodies and answers as sql/api/actor_rights.sql says.

-- How many days of people one question over HTTP derives: 300 people for a month, 9,300 for a day. It must answer in the 5 s that
-- hadir_query has: on two cores, where every session differed, a month of 400 people with 22 frozen days took 2.1 s, a day of
-- 16,000 took 4.7 s.
create or replace function hadir.person_days_most() returns int
language sql immutable set search_path = pg_catalog, pg_temp
as $$ select 9300 $$;

-- One day of one government: frozen or not, and, where p_look, whether deriving it now gives something else for p_persons (null:
-- for anybody).
drop function if exists hadir.day_state(bigint, date, timestamptz);
create or replace function hadir.day_state(p_government bigint, p_day date, p_now timestamptz, p_persons bigint[], p_look boolean) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_last  hadir.attendance_version;
  v_other boolean := false;
begin
  select v.* into v_last from hadir.attendance_version v where v.government = p_government and v.day = p_day order by v.version desc limit 1;
  if v_last.version is null then
    -- Before its first check-in a government had no service, as nightly sees it, too.
    return jsonb_build_object('day', p_day, 'state', case when p_day >= hadir.service_began(p_government) is not true then 'no_service'
      when hadir.day_closes(p_government, p_day) is null then 'no_plan'
      when hadir.day_closes(p_government, p_day) > p_now then 'open' else 'not_frozen' end);
  end if;
  if p_look then
    perform hadir.attendance_stage(p_government, p_day, p_persons);
    v_other := case when p_persons is null then hadir.attendance_digest() <> v_last.digest
                    else exists (select from hadir.attendance_changes(p_government, p_day, p_persons)) end;
    perform hadir.attendance_unstage();
  end if;
  return jsonb_build_object('day', p_day, 'state', case when v_other then 'pending' else 'frozen' end, 'version', v_last.version);
end
$$;

drop function if exists hadir.month_days(bigint, date, timestamptz);
create or replace function hadir.month_days(p_government bigint, p_month date, p_now timestamptz, p_persons bigint[] default null,
                                            p_look boolean default true) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_days jsonb := '[]';
begin
  for v_day in 0 .. (p_month + interval '1 month')::date - p_month - 1 loop
    v_days := v_days || hadir.day_state(p_government, p_month + v_day, p_now, p_persons, p_look);
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

-- Which government, unit, and month, if one is asked, a body means; or the refusal to answer with. p_problems: those of its form.
drop function if exists hadir.closing_asked(jsonb, jsonb);
create function hadir.closing_asked(p_body jsonb, p_problems jsonb, out refusal jsonb, out government bigint, out zone text,
                                    out unit bigint, out month date)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  month := hadir.try_month(hadir.body_text(p_body, 'month'));
  p_problems := p_problems || hadir.problem_if(month is null and hadir.body_text(p_body, 'month') is not null, 'month',
    hadir.say('bulan harus berbentuk TTTT-BB', 'must be a month, YYYY-MM'));
  if p_problems <> '[]' then
    refusal := hadir.refusal(422, 'invalid', p_problems);
    return;
  end if;
  government := hadir.asked_government(p_body);
  select g.zone into zone from hadir.government g where g.id = government;
  select u.id into unit from hadir.unit u where u.code = hadir.body_text(p_body, 'unit') and hadir.sees_unit(u.id);
  if government is null then
    refusal := hadir.no_such_government(p_body);
  end if;
end
$$;

-- Whose days a question is about: those who belong to the unit or below it from p_from to p_to; null: everybody, for the console
-- that names no unit. Or the refusal.
drop function if exists hadir.closing_people(bigint, date, date);
create or replace function hadir.closing_people(p_unit bigint, p_from date, p_to date, p_now timestamptz, out refusal jsonb, out persons bigint[])
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  most constant int := hadir.person_days_most() / (p_to - p_from + 1);
begin
  if p_unit is null and session_user = 'hadir_admin' then
    return;
  elsif p_unit is null then
    refusal := hadir.refusal(422, 'invalid', hadir.problem_if(true, 'unit', hadir.say('harus diisi', 'must be there')));
    return;
  elsif not hadir.reads_unit(p_unit, p_now) then
    refusal := hadir.no_such_unit();
    return;
  end if;
  select w.persons into persons from hadir.unit_people(p_unit, p_from, p_to) w;
  if session_user <> 'hadir_admin' and cardinality(persons) > most then
    refusal := hadir.refusal(422, 'invalid', hadir.problem_if(true, 'unit', format(hadir.say(
      'unit %s mempunyai %s orang, paling banyak %s sekali tanya: tanyakan unit-unit di bawahnya satu per satu',
      'unit %s has %s people, %s at most in one question: ask about the units below it, one by one'),
      (select u.code from hadir.unit u where u.id = p_unit), cardinality(persons), most)));
  end if;
end
$$;

-- What concerns the whole government is for BKPSDM and the console: the refusal otherwise, or where a part is named.
create or replace function hadir.closing_refused(p_government bigint, p_unit bigint, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(hadir.government_capacity(p_government, p_now), '') not in ('console', 'bkpsdm') then
    return hadir.refusal(403, 'not_yours', hadir.problem_if(true, '', hadir.say('hanya BKPSDM', 'only BKPSDM')));
  elsif exists (select from hadir.unit u where u.id = p_unit and u.parent is not null) then
    return hadir.refusal(422, 'invalid', hadir.problem_if(true, 'unit', hadir.say(
      'hanya untuk seluruh pemerintah: sebutkan unit teratas', 'only for the whole government: name the uppermost unit')));
  end if;
  return null;
end
$$;

-- Why the month cannot be closed; null: it can. p_states: its days as hadir.month_days has them, looked at or not (p_looked); null:
-- not yet known.
create or replace function hadir.month_hindrance(p_government bigint, p_month date, p_reason text, p_states jsonb, p_looked boolean,
                                                 p_now timestamptz) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_closed   constant boolean := exists (select from hadir.month_version m where m.government = p_government and m.month = p_month);
  v_problems jsonb;
begin
  if (p_month + interval '1 month')::date > hadir.local_day(p_government, p_now) then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'month', hadir.say('belum berakhir', 'is not over')));
  end if;
  select jsonb_agg(hadir.problem('month', case s ->> 'state'
      when 'open' then hadir.say('belum berakhir: ', 'is not over: ') else hadir.say('belum ditutup oleh ekspor malam: ', 'was not frozen by the nightly run: ') end || (s ->> 'day')))
  into v_problems
  from jsonb_array_elements(p_states) s where s ->> 'state' in ('open', 'not_frozen');
  if v_problems is not null then
    return hadir.refusal(409, 'wrong_state', v_problems);
  elsif p_states is not null and not exists (select from jsonb_array_elements(p_states) s where s ->> 'state' in ('frozen', 'pending')) then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'month', hadir.say('tidak ada hari yang ditutup oleh ekspor malam', 'no day of it was frozen')));
  elsif v_closed and p_looked and not exists (select from jsonb_array_elements(p_states) s where s ->> 'state' = 'pending') then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'month', hadir.say('sudah ditutup, dan tidak ada perbedaan', 'is closed, and nothing differs')));
  elsif v_closed and p_states is not null and p_reason = '' then
    return hadir.refusal(422, 'invalid', hadir.problem_if(true, 'reason', hadir.say('harus diisi bila bulan ditutup lagi', 'must be given to close a month again')));
  end if;
  return null;
end
$$;

revoke all on function hadir.person_days_most(), hadir.day_state(bigint, date, timestamptz, bigint[], boolean),
  hadir.month_days(bigint, date, timestamptz, bigint[], boolean), hadir.month_ref(bigint, date), hadir.try_month(text),
  hadir.closing_asked(jsonb, jsonb), hadir.closing_people(bigint, date, date, timestamptz), hadir.closing_refused(bigint, bigint, timestamptz),
  hadir.month_hindrance(bigint, date, text, jsonb, boolean, timestamptz) from public;
grant execute on function hadir.person_days_most(), hadir.day_state(bigint, date, timestamptz, bigint[], boolean),
  hadir.month_days(bigint, date, timestamptz, bigint[], boolean), hadir.month_ref(bigint, date), hadir.try_month(text),
  hadir.closing_asked(jsonb, jsonb), hadir.closing_people(bigint, date, date, timestamptz), hadir.closing_refused(bigint, bigint, timestamptz),
  hadir.month_hindrance(bigint, date, text, jsonb, boolean, timestamptz) to hadir_reader, hadir_writer;

set role hadir_reader;

create or replace function api.month_state(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems constant jsonb := hadir.body_problems(p_body, '{"government": "text", "unit": "text", "month": "text!"}');
  g record;
  w record;
  v_last     hadir.month_version;
begin
  select * into g from hadir.closing_asked(p_body, v_problems);
  if g.refusal is not null then
    return g.refusal;
  end if;
  select * into w from hadir.closing_people(g.unit, g.month, (g.month + interval '1 month')::date - 1, p_now);
  if w.refusal is not null then
    return w.refusal;
  end if;
  select m.* into v_last from hadir.month_version m where m.government = g.government and m.month = g.month order by m.version desc limit 1;
  return jsonb_strip_nulls(jsonb_build_object('status', 200, 'unit', hadir.body_text(p_body, 'unit'), 'month', to_char(g.month, 'YYYY-MM'),
    'version', v_last.version, 'closed_at', hadir.rfc3339(v_last.closed_at, g.zone), 'reason', nullif(v_last.reason, ''),
    'days', hadir.month_days(g.government, g.month, p_now, w.persons),
    'steps', hadir.steps('month', hadir.month_ref(g.government, g.month), g.zone)));
end
$$;
comment on function api.month_state(jsonb, timestamptz) is
  '{month: "YYYY-MM", unit, government} → {status, month, unit, version, closed_at, reason, days: [{day, state: open, no_plan, '
  'no_service, not_frozen, frozen, pending; version}], steps}; version only once closed; pending: derived now it would differ, for '
  'the people of the unit and below it. Called by hadir_query with hadir.actor set (an access that covers the unit), and hadir_admin, '
  'who may leave the unit out: everybody.';

create or replace function api.day_differences(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems constant jsonb := hadir.body_problems(p_body, '{"government": "text", "unit": "text", "day": "day!"}');
  v_day      constant date := hadir.try_date(hadir.body_text(p_body, 'day'));
  g record;
  w record;
  v_version int;
  v_list jsonb;
begin
  select * into g from hadir.closing_asked(p_body, v_problems);
  if g.refusal is not null then
    return g.refusal;
  end if;
  select * into w from hadir.closing_people(g.unit, v_day, v_day, p_now);
  if w.refusal is not null then
    return w.refusal;
  end if;
  select max(v.version) into v_version from hadir.attendance_version v where v.government = g.government and v.day = v_day;
  if v_version is null then
    return hadir.refusal(404, 'not_found', hadir.problem_if(true, 'day', hadir.say('hari itu belum ditutup', 'is not frozen yet')));
  end if;
  perform hadir.attendance_stage(g.government, v_day, w.persons);
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('nip', p.nip, 'name', p.name, 'session', c.session, 'before', c.before,
                            'after', c.after, 'causes', to_jsonb(c.causes))) order by p.nip, c.session), '[]')
  into v_list
  from hadir.attendance_changes(g.government, v_day, w.persons) c join hadir.person p on p.id = c.person;
  perform hadir.attendance_unstage();
  return jsonb_build_object('status', 200, 'day', v_day, 'version', v_version, 'differences', v_list);
end
$$;
comment on function api.day_differences(jsonb, timestamptz) is
  '{day, unit, government} → {status, day, version, differences: [{nip, name, session, before, after, causes}]}: what deriving a '
  'frozen day now would change of its newest version, for the people of the unit and below it. Called by hadir_query with hadir.actor '
  'set (an access that covers the unit), and hadir_admin, who may leave the unit out: everybody.';

revoke all on function api.month_state(jsonb, timestamptz), api.day_differences(jsonb, timestamptz) from public;
grant execute on function api.month_state(jsonb, timestamptz), api.day_differences(jsonb, timestamptz) to hadir_query, hadir_admin;

reset role;

-- Freezes what is pending, closes the month and keeps what it came to. The answer of api.month_close; the caller writes the step down.
create or replace function hadir.month_close(p_government bigint, p_month date, p_reason text, p_now timestamptz) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_hindrance jsonb := hadir.month_hindrance(p_government, p_month, p_reason, null, false, p_now);
  v_version   int;
  v_states    jsonb;
  v_days      jsonb;
begin
  if v_hindrance is not null then
    return v_hindrance;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('hadir.month ' || p_government || ' ' || p_month, 0));
  select max(m.version) into v_version from hadir.month_version m where m.government = p_government and m.month = p_month;
  v_states := hadir.month_days(p_government, p_month, p_now);
  v_hindrance := hadir.month_hindrance(p_government, p_month, p_reason, v_states, true, p_now);
  if v_hindrance is not null then
    return v_hindrance;
  end if;
  select jsonb_object_agg(s ->> 'day', case s ->> 'state' when 'pending' then hadir.freeze(p_government, (s ->> 'day')::date, p_now)
                                       else (s ->> 'version')::int end)
  into v_days
  from jsonb_array_elements(v_states) s where s ->> 'state' in ('frozen', 'pending');
  insert into hadir.month_version (government, month, version, closed_at, days, reason, codes)
  values (p_government, p_month, coalesce(v_version, 0) + 1, p_now, coalesce(v_days, '{}'), p_reason, hadir.month_codes(p_government, p_month));
  perform hadir.month_keep(p_government, p_month, coalesce(v_version, 0) + 1);
  return jsonb_build_object('status', 201, 'month', to_char(p_month, 'YYYY-MM'), 'version', coalesce(v_version, 0) + 1,
                            'days', coalesce(v_days, '{}'));
end
$$;

-- What was asked of months and has not been done or refused: the last step of each.
create or replace function hadir.months_asked() returns setof hadir.decision
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select d.* from hadir.decision d
  where d.subject = 'month' and d.step = 'asked'
    and not exists (select from hadir.decision e where e.subject = 'month' and e.ref = d.ref and e.id > d.id)
$$;
revoke all on function hadir.month_close(bigint, date, text, timestamptz), hadir.months_asked() from public;
grant execute on function hadir.month_close(bigint, date, text, timestamptz), hadir.months_asked() to hadir_writer;

set role hadir_writer;

create or replace function api.month_close(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"government": "text", "unit": "text", "month": "text!", "reason": "text", "as": "text"}');
  v_reason   constant text := coalesce(hadir.body_text(p_body, 'reason'), '');
  v_as       constant bigint := (select p.id from hadir.person p where p.nip = hadir.body_text(p_body, 'as'));
  g record;
  v_answer   jsonb;
begin
  v_problems := v_problems || hadir.problem_if(hadir.body_text(p_body, 'as') is not null and v_as is null, 'as',
                                               hadir.say('NIP tidak dikenal', 'the NIP is unknown'));
  select * into g from hadir.closing_asked(p_body, v_problems);
  v_answer := coalesce(g.refusal, hadir.closing_refused(g.government, g.unit, p_now), hadir.month_close(g.government, g.month, v_reason, p_now));
  if not v_answer ? 'error' then
    insert into hadir.decision (subject, ref, step, at, actor, person, capacity, reason)
    values ('month', hadir.month_ref(g.government, g.month), 'closed', p_now, 'hadir', v_as, 'console', v_reason);
  end if;
  return v_answer;
end
$$;
comment on function api.month_close(jsonb, timestamptz) is
  '{government or its uppermost unit, month: "YYYY-MM", reason, as: NIP of who closes} → {status 201, month, version, days: {day: '
  'version}}: freezes what is pending and closes the month; again only when something differs, with a reason. 409 while a day is open '
  'or not frozen. Called by hadir_admin.';

create or replace function api.month_ask(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems constant jsonb := hadir.body_problems(p_body, '{"government": "text", "unit": "text", "month": "text!", "reason": "text"}');
  v_reason   constant text := coalesce(hadir.body_text(p_body, 'reason'), '');
  g record;
  v_refusal  jsonb;
  v_ref      bigint;
begin
  select * into g from hadir.closing_asked(p_body, v_problems);
  v_refusal := coalesce(g.refusal, hadir.closing_refused(g.government, g.unit, p_now),
                        hadir.month_hindrance(g.government, g.month, v_reason, null, false, p_now));
  v_refusal := coalesce(v_refusal, hadir.month_hindrance(g.government, g.month, v_reason,
                                                         hadir.month_days(g.government, g.month, p_now, null, false), false, p_now));
  if v_refusal is not null then
    return v_refusal;
  end if;
  v_ref := hadir.month_ref(g.government, g.month);
  perform pg_advisory_xact_lock(hashtextextended('hadir.month_ask ' || v_ref, 0));
  if exists (select from hadir.months_asked() d where d.ref = v_ref) then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'month', hadir.say(
      'sudah diminta; penutupan malam berikutnya mengerjakannya', 'was asked already; the next nightly run does it')));
  end if;
  perform hadir.decide('month', v_ref, 'asked', p_now, hadir.government_capacity(g.government, p_now), v_reason);
  return jsonb_build_object('status', 201, 'month', to_char(g.month, 'YYYY-MM'), 'state', 'asked');
end
$$;
comment on function api.month_ask(jsonb, timestamptz) is
  '{month: "YYYY-MM", government or its uppermost unit, reason} → {status 201, month, state: asked}: asks that the next nightly run '
  'close the month; what becomes of it is a step of the month (api.month_state): closed, or refused with the reason. 409 while a day is open '
  'or not frozen, or when it was asked already. Called by hadir_operator with hadir.actor set (BKPSDM).';

create or replace function api.nightly_months() returns table (ref bigint, code text, month text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select d.ref, g.code, to_char(hadir.try_month(to_char(d.ref % 1000000, 'FM0000"-"00')), 'YYYY-MM')
  from hadir.months_asked() d join hadir.government g on g.id = d.ref / 1000000
  order by d.id
$$;
comment on function api.nightly_months() is
  'Months that BKPSDM asked to be closed, in the order of asking. Called by hadir_nightly.';

create or replace function api.nightly_month(p_ref bigint, p_now timestamptz) returns table (version int, refused text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_asked  hadir.decision;
  v_answer jsonb;
begin
  select d.* into v_asked from hadir.months_asked() d where d.ref = p_ref;
  if v_asked.id is null then
    return;
  end if;
  v_answer := hadir.month_close(p_ref / 1000000, hadir.try_month(to_char(p_ref % 1000000, 'FM0000"-"00')), v_asked.reason, p_now);
  version := (v_answer ->> 'version')::int;
  select string_agg(p ->> 'reason', '; ') into refused from jsonb_array_elements(v_answer #> '{error,problems}') p;
  insert into hadir.decision (subject, ref, step, at, actor, person, capacity, reason)
  select 'month', p_ref, d.step, p_now, d.actor, d.person, d.capacity, d.reason
  from (values ('closed', v_asked.actor, v_asked.person, v_asked.capacity, v_asked.reason), ('refused', 'hadir', null, 'console', refused))
    d (step, actor, person, capacity, reason)
  where (d.step = 'refused') = (refused is not null);
  return next;
end
$$;
comment on function api.nightly_month(bigint, timestamptz) is
  'p_ref: of api.nightly_months. Closes the month in the name of whoever asked: its version; or why it cannot be closed, kept as a step, too. '
  'No row when the console closed it in the meantime. '
  'Called by hadir_nightly.';

create or replace function api.plan_reopen(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"government": "text", "unit": "text", "from": "day!", "to": "day!", "reason": "text!"}');
  v_from constant date := hadir.try_date(hadir.body_text(p_body, 'from'));
  v_to   constant date := hadir.try_date(hadir.body_text(p_body, 'to'));
  g record;
  v_refusal jsonb;
begin
  v_problems := v_problems || hadir.problem_if(v_to < v_from, 'to', hadir.say('tidak boleh sebelum hari pertama', 'must not lie before the first day'));
  select * into g from hadir.closing_asked(p_body, v_problems);
  v_refusal := coalesce(g.refusal, hadir.closing_refused(g.government, g.unit, p_now));
  if v_refusal is not null then
    return v_refusal;
  end if;
  v_problems := hadir.problem_if(v_from < hadir.local_day(g.government, p_now) - 40, 'from',
    hadir.say('paling jauh 40 hari yang lalu', 'at most 40 days ago'))
    || hadir.problem_if(v_to > hadir.local_day(g.government, p_now), 'to',
    hadir.say('belum terjadi: hari yang akan datang mengikuti aturan yang berlaku', 'is still to come: it follows the rules anyway'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  insert into hadir.plan_dirt (kind, ref, first_day, last_day, why) values ('government', g.government, v_from, v_to, 'reopen');
  insert into hadir.reopening (government, first_day, last_day, reason, at)
  values (g.government, v_from, v_to, hadir.body_text(p_body, 'reason'), p_now);
  perform pg_notify('hadir_plan', '');
  insert into hadir.audit (at, action, subject, detail)
  select p_now, 'plan_reopen', x.code, p_body from hadir.government x where x.id = g.government;
  return jsonb_build_object('status', 200, 'from', v_from, 'to', v_to);
end
$$;
comment on function api.plan_reopen(jsonb, timestamptz) is
  '{government or its uppermost unit, from, to, reason}: frozen days are compiled anew by the rules as they stand (a decree that came '
  'later, hours that were wrong); what that changes shows as a difference, and in the next version. Called by hadir_operator with '
  'hadir.actor set (BKPSDM), and hadir_admin.';

revoke all on function api.month_close(jsonb, timestamptz), api.month_ask(jsonb, timestamptz), api.nightly_months(),
  api.nightly_month(bigint, timestamptz), api.plan_reopen(jsonb, timestamptz) from public;
grant execute on function api.month_close(jsonb, timestamptz), api.plan_reopen(jsonb, timestamptz) to hadir_admin;
grant execute on function api.month_ask(jsonb, timestamptz), api.plan_reopen(jsonb, timestamptz) to hadir_operator;
grant execute on function api.nightly_months(), api.nightly_month(bigint, timestamptz) to hadir_nightly;

reset role;
