-- Leave and other excuses: requested, decided by the superior, revoked. An absence is of whole days or of single sessions of
-- each of its days; only approved ones shape the plan (plan_dirt.sql makes them dirty, plan_compile.sql reads them).
--
--   requested --superior--> approved --superior--> revoked
--       |---superior--> rejected        requested --the person himself--> revoked
--
-- Every step is a row of hadir.decision; status repeats the last.

-- What is wrong with an absence, as an array of problems. p_first, p_last and p_sessions as read; null: unreadable, which
-- hadir.body_problems tells. p_oldest: the earliest first day; null: any. Holds a lock for the person (and every 64th), so that
-- overlapping requests cannot pass each other.
create or replace function hadir.absence_problems(p_person bigint, p_code text, p_first date, p_last date, p_sessions text[],
                                                  p_named boolean, p_oldest date) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_code     hadir.absence_code;
  v_person   hadir.person;
  v_other    hadir.absence;
  v_unknown  text;
  v_problems jsonb;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.absence'), (p_person % 64)::int);
  select p.* into v_person from hadir.person p where p.id = p_person;
  select c.* into v_code from hadir.absence_code c where c.government = v_person.government and c.code = p_code;
  v_problems := hadir.problem_if(v_person.id is not null and p_code is not null and v_code.code is null, 'code',
      hadir.say('kode tidak dikenal', 'the code is unknown'))
    || hadir.problem_if(p_last < p_first, 'last_day', hadir.say('tidak boleh sebelum hari pertama', 'must not be before the first day'))
    || hadir.problem_if(p_last - p_first >= v_code.max_days, 'last_day', format(
         hadir.say('%s paling lama %s hari kalender', '%s is for %s calendar days at most'), v_code.name, v_code.max_days))
    || hadir.problem_if(p_last - p_first > 1500, 'last_day',
         hadir.say('lebih dari 1500 hari', 'is longer than 1500 days'))
    || hadir.problem_if(p_first < p_oldest, 'first_day', format(
         hadir.say('terlalu lama berlalu; paling awal %s', 'is too long ago; %s at the earliest'), p_oldest))
    || hadir.problem_if(v_code.needs_document and not p_named, 'document', format(
         hadir.say('%s memerlukan nomor surat atau dokumen', '%s needs the number of a letter or a document'), v_code.name));
  if v_person.id is null or p_first is null or p_last is null then
    return v_problems;
  end if;

  select s into v_unknown
  from unnest(p_sessions) s
  where not exists (
    select from hadir.session k
    left join hadir.working_hours w on w.id = k.working_hours
    left join hadir.policy c on c.id = k.policy
    where k.code = s and coalesce(w.government, c.government) = v_person.government)
  limit 1;
  select a.* into v_other
  from hadir.absence a
  where a.person = p_person and a.status in ('requested', 'approved') and a.first_day <= p_last and a.last_day >= p_first
    and (a.sessions is null or p_sessions is null or a.sessions && p_sessions)
  order by a.first_day limit 1;
  return v_problems
    || hadir.problem_if(v_unknown is not null, 'sessions', format(hadir.say('sesi %s tidak dikenal', 'session %s is unknown'), v_unknown))
    || hadir.problem_if(v_other.id is not null, 'first_day', format(
         hadir.say('bertumpang tindih dengan %s %s–%s (nomor %s)', 'overlaps with %s %s–%s (number %s)'),
         v_other.code, v_other.first_day, v_other.last_day, v_other.id))
    || hadir.problem_if(not exists (
         select from hadir.posting o where o.person = p_person and o.kind = 'main' and o.valid_from <= p_last
           and (o.valid_to is null or o.valid_to >= p_first)), 'first_day',
         hadir.say('pegawai tidak mempunyai unit pada hari itu', 'the person belongs to no unit then'));
end
$$;

-- Session codes of a body: an array of texts; null when it is left out, or not one.
create or replace function hadir.body_sessions(p_body jsonb) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(jsonb_typeof(p_body -> 'sessions'), 'null') <> 'array' then
    return null;
  end if;
  return (select array_agg(distinct s #>> '{}' order by s #>> '{}') from jsonb_array_elements(p_body -> 'sessions') s
          where jsonb_typeof(s) = 'string');
end
$$;

-- p_body: {"nip" (left out: oneself), "code", "first_day", "last_day" (left out: one day), "sessions": [code] (left out: whole
-- days), "number", "document", "note"}. By the person, by an operator or superior for him, by the console. Answer: {"absence",
-- "state": "requested"}. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.absence_request(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"nip": "text", "code": "text!", "first_day": "day!", "last_day": "day",
    "sessions": "list", "number": "text", "document": "text", "note": "text"}');
  v_first    date := hadir.try_date(hadir.body_text(p_body, 'first_day'));
  v_last     date := coalesce(hadir.try_date(hadir.body_text(p_body, 'last_day')), v_first);
  v_sessions text[] := hadir.body_sessions(p_body);
  v_person   hadir.person;
  v_capacity text;
  v_id       bigint;
begin
  select p.* into v_person from hadir.asked_person(p_body) p;
  if v_person.id is not null then
    v_capacity := hadir.capacity_to_ask(v_person.id, p_now);
  end if;
  v_problems := v_problems
    || hadir.problem_if(v_person.id is null or v_capacity is null, 'nip', hadir.say('NIP tidak dikenal', 'the NIP is unknown'))
    || hadir.problem_if(jsonb_typeof(p_body -> 'sessions') = 'array'
         and (p_body -> 'sessions' = '[]' or jsonb_path_exists(p_body, '$.sessions[*] ? (@.type() != "string")')), 'sessions',
         hadir.say('harus daftar kode sesi', 'must be a list of session codes'));
  if v_capacity is not null then
    v_problems := v_problems || hadir.absence_problems(v_person.id, hadir.body_text(p_body, 'code'), v_first, v_last, v_sessions,
      coalesce(hadir.body_text(p_body, 'number'), hadir.body_text(p_body, 'document')) is not null,
      case when v_capacity <> 'console' then hadir.local_day(v_person.government, p_now) - 366 end);
  end if;
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  insert into hadir.absence (government, person, code, first_day, last_day, sessions, number, document, note, asked_at)
  values (v_person.government, v_person.id, p_body ->> 'code', v_first, v_last, v_sessions,
          coalesce(p_body ->> 'number', ''), coalesce(p_body ->> 'document', ''), coalesce(p_body ->> 'note', ''), p_now)
  returning id into v_id;
  perform hadir.decide('absence', v_id, 'requested', p_now, v_capacity);
  return jsonb_build_object('status', 201, 'absence', v_id, 'state', 'requested');
end
$$;
alter function api.absence_request(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.absence_request(jsonb, timestamptz) from public;
grant execute on function api.absence_request(jsonb, timestamptz) to hadir_operator, hadir_admin;

-- p_body: {"absence", "step": "approved" | "rejected" | "revoked", "reason" (needed unless approved, or withdrawn by the person
-- himself)}. Answer: {"absence", "state"}. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.absence_decide(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"absence": "id!", "step": "text!", "reason": "text"}');
  v_step     text := hadir.body_text(p_body, 'step');
  v_absence  hadir.absence;
  v_capacity text;
begin
  v_problems := v_problems || hadir.problem_if(v_step not in ('approved', 'rejected', 'revoked'), 'step',
    hadir.say('harus approved, rejected atau revoked', 'must be approved, rejected or revoked'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select a.* into v_absence
  from hadir.absence a
  where a.id = hadir.body_id(p_body, 'absence')
  for update;
  if v_absence.id is null or not hadir.in_sight(v_absence.person, p_now) then
    return hadir.no_such('absence', hadir.body_id(p_body, 'absence'));
  end if;
  v_capacity := hadir.capacity_to_decide(v_absence.person, p_now);
  if v_capacity is null and v_step = 'revoked' and v_absence.status = 'requested'
     and hadir.capacity_to_ask(v_absence.person, p_now) = 'self' then
    v_capacity := 'self';
  elsif v_capacity is null then
    return hadir.refusal(403, 'not_yours', hadir.problem_if(true, 'absence',
      hadir.say('hanya atasannya yang memutuskan', 'only the superior decides')));
  elsif v_step <> 'approved' and hadir.body_text(p_body, 'reason') is null then
    return hadir.refusal(422, 'invalid', hadir.problem_if(true, 'reason', hadir.say('alasan harus diisi', 'a reason must be given')));
  end if;
  if not (v_absence.status = 'requested' and (v_step <> 'revoked' or v_capacity = 'self')
          or v_absence.status = 'approved' and v_step = 'revoked') then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'step', format(
      hadir.say('tidak mungkin: keadaannya %s', 'is not possible: its state is %s'), hadir.state_word(v_absence.status))));
  end if;
  update hadir.absence a set status = v_step where a.id = v_absence.id;
  perform hadir.decide('absence', v_absence.id, v_step, p_now, v_capacity, hadir.body_text(p_body, 'reason'));
  return jsonb_build_object('status', 200, 'absence', v_absence.id, 'state', v_step);
end
$$;
alter function api.absence_decide(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.absence_decide(jsonb, timestamptz) from public;
grant execute on function api.absence_decide(jsonb, timestamptz) to hadir_operator, hadir_admin;

-- p_body: {"unit" or "nip", "from", "to" (days that they touch), "status"}, all optional: what the actor may see of them, the
-- latest first, hadir.list_most() of them. Answer: {"more" (whether there are others), "absences": [{"absence", "nip", "name", "unit",
-- "code", "code_name", "working", "first_day", "last_day", "sessions", "number", "document", "note", "status", "asked_at", "steps"}]}.
-- Callers: hadir_query with hadir.actor set, hadir_admin.
create or replace function api.absences(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_asked hadir.asked := hadir.asked_scope(p_body, '{}', p_now);
  v_found bigint[];
  v_units bigint[];
  v_zones text[];
  v_steps jsonb[];
  v_more  boolean;
begin
  if v_asked.refusal is not null then
    return v_asked.refusal;
  end if;
  select array_agg(f.id), array_agg(f.unit), array_agg(f.zone), count(*) > hadir.list_most() into v_found, v_units, v_zones, v_more
  from (
    select e.*
    from (
      select distinct on (a.id) a.id, a.first_day, o.unit, g.zone
      from hadir.asked_postings(v_asked) o
      join hadir.absence a on a.person = o.person and a.last_day >= o.valid_from and (o.valid_to is null or a.first_day <= o.valid_to)
      join hadir.government g on g.id = a.government
      where (v_asked.status is null or a.status = v_asked.status)
        and (v_asked.from_day is null or a.last_day >= v_asked.from_day) and (v_asked.to_day is null or a.first_day <= v_asked.to_day)
      order by a.id, o.valid_from
    ) e
    order by e.first_day desc, e.id desc
    limit hadir.list_most() + 1
  ) f;
  v_steps := hadir.steps('absence', v_found, v_zones);
  return (
    select jsonb_build_object('status', 200, 'more', v_more, 'absences', coalesce(jsonb_agg(jsonb_build_object('absence', a.id, 'nip', p.nip,
             'name', p.name, 'unit', u.code, 'code', a.code, 'code_name', c.name, 'working', c.working, 'first_day', a.first_day,
             'last_day', a.last_day, 'sessions', a.sessions, 'number', a.number, 'document', a.document, 'note', a.note,
             'status', a.status, 'asked_at', hadir.rfc3339(a.asked_at, f.zone), 'steps', f.steps)
             order by f.place), '[]'))
    from unnest(v_found, v_units, v_zones, v_steps) with ordinality as f(id, unit, zone, steps, place)
    join hadir.absence a on a.id = f.id
    join hadir.person p on p.id = a.person
    join hadir.absence_code c on c.government = a.government and c.code = a.code
    join hadir.unit u on u.id = f.unit
    where f.place <= hadir.list_most());
end
$$;
alter function api.absences(jsonb, timestamptz) owner to hadir_reader;
revoke all on function api.absences(jsonb, timestamptz) from public;
grant execute on function api.absences(jsonb, timestamptz) to hadir_query, hadir_admin;

-- Approved absences in bulk: nip, code, first_day, last_day, sessions (codes with blanks between them; none: whole days),
-- number, document, note. A row that is there already changes nothing. Returns every problem; with any, nothing is loaded.
-- Caller: hadir_admin.
drop function if exists api.import_absences(jsonb, timestamptz);
create function api.import_absences(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[] := '{}';
  v_row      record;
  v_found    jsonb;
  v_id       bigint;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  begin
    for v_row in
      select r.line, r.code, p.id as person, p.government, hadir.try_date(r.first_day) as first_day,
             coalesce(hadir.try_date(r.last_day), case when r.last_day is null then hadir.try_date(r.first_day) end) as last_day,
             (select array_agg(distinct s order by s) from regexp_split_to_table(nullif(trim(r.sessions), ''), '\s+') s) as sessions,
             coalesce(r.number, '') as number, coalesce(r.document, '') as document, coalesce(r.note, '') as note
      from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, nip text, code text, first_day text, last_day text,
        sessions text, number text, document text, note text)
      left join hadir.person p on p.nip = r.nip
      order by r.line
    loop
      continue when exists (
        select from hadir.absence a
        where a.person = v_row.person and a.code = v_row.code and a.first_day = v_row.first_day and a.last_day = v_row.last_day
          and a.sessions is not distinct from v_row.sessions and a.status = 'approved');
      v_found := hadir.problem_if(v_row.person is null, 'nip', hadir.say('NIP tidak dikenal', 'the NIP is unknown'))
        || hadir.problem_if(v_row.code is null, 'code', 'kode harus diisi')
        || hadir.problem_if(v_row.first_day is null, 'first_day', 'tanggal harus berbentuk TTTT-BB-HH dan ada di kalender')
        || hadir.problem_if(v_row.first_day is not null and v_row.last_day is null, 'last_day',
             'tanggal harus berbentuk TTTT-BB-HH dan ada di kalender')
        || hadir.absence_problems(v_row.person, v_row.code, v_row.first_day, v_row.last_day, v_row.sessions,
             v_row.number || v_row.document <> '', null);
      v_problems := v_problems || array(select row(v_row.line, f ->> 'field', f ->> 'reason')::hadir.import_problem
                                        from jsonb_array_elements(v_found) f);
      continue when v_found <> '[]';
      insert into hadir.absence (government, person, code, first_day, last_day, sessions, number, document, note, status, asked_at)
      values (v_row.government, v_row.person, v_row.code, v_row.first_day, v_row.last_day, v_row.sessions, v_row.number,
              v_row.document, v_row.note, 'approved', p_now)
      returning id into v_id;
      perform hadir.decide('absence', v_id, 'approved', p_now, 'console', v_row.note);
    end loop;
    if cardinality(v_problems) > 0 then
      raise exception using errcode = 'HD001';
    end if;
    insert into hadir.audit (at, action, detail)
    values (p_now, 'import_absences', jsonb_build_object('rows', jsonb_array_length(p_rows)));
  exception when sqlstate 'HD001' then
    null;
  end;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_absences(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_absences(jsonb, timestamptz) from public;
grant execute on function api.import_absences(jsonb, timestamptz) to hadir_admin;

revoke all on function hadir.absence_problems(bigint, text, date, date, text[], boolean, date), hadir.body_sessions(jsonb) from public;
grant execute on function hadir.absence_problems(bigint, text, date, date, text[], boolean, date), hadir.body_sessions(jsonb)
  to hadir_writer;
