-- Who may do what, and how the functions that change letters, absences, corrections and the like answer.
--
-- An answer is a jsonb object: {"status": 200|201, …} when it was done; otherwise nothing was written, and it is
-- {"error": {"status": 404|403|409|422, "code": "not_found"|"not_yours"|"wrong_state"|"invalid"|…, "problems": [{"field", "reason"}]}}.
-- hadir_admin is the console. hadir_operator acts for hadir.actor: a device is a person for himself, an access a superior,
-- an operator or BKPSDM for a unit and what is below it.

-- ------------------------------------------------------------------------------------------------------ the answer

create or replace function hadir.say(p_id text, p_en text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case when current_setting('hadir.language', true) = 'en' then p_en else p_id end
$$;
comment on function hadir.say(text, text) is
  'Text for people: p_en if the setting hadir.language is en, else p_id (Indonesian). Called by api functions.';

create or replace function hadir.problem(p_field text, p_reason text) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('field', p_field, 'reason', p_reason)
$$;
comment on function hadir.problem(text, text) is 'One problem of an answer. Called by api functions.';

create or replace function hadir.problem_if(p_wrong boolean, p_field text, p_reason text) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when p_wrong then jsonb_build_array(jsonb_build_object('field', p_field, 'reason', p_reason)) else '[]' end
$$;
comment on function hadir.problem_if(boolean, text, text) is
  'An array with that problem if p_wrong is true, an empty one otherwise (null, too); arrays are joined by ||. Called by api '
  'functions.';

create or replace function hadir.refusal(p_status int, p_code text, p_problems jsonb default '[]') returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('error', jsonb_build_object('status', p_status, 'code', p_code, 'problems', p_problems))
$$;
comment on function hadir.refusal(int, text, jsonb) is
  'The answer when nothing was done: HTTP status, stable code, array of problems. Called by api functions.';

create or replace function hadir.no_such(p_what text, p_ref bigint) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select hadir.refusal(404, 'not_found', hadir.problem_if(true, p_what, format(
    hadir.say('tidak ada %s nomor %s', 'there is no %s number %s'),
    case p_what when 'letter' then hadir.say('surat', 'letter') when 'absence' then hadir.say('ketidakhadiran', 'absence')
                when 'correction' then hadir.say('koreksi', 'correction') when 'outage' then hadir.say('gangguan', 'outage')
                else hadir.say('pemberitahuan', 'notice') end, p_ref)))
$$;
comment on function hadir.no_such(text, bigint) is
  'The answer when there is no letter, absence, correction, outage or notice of that number, or none that the actor may see: '
  '404 not_found. Called by api functions.';

create or replace function hadir.no_such_unit() returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select hadir.refusal(404, 'not_found', hadir.problem_if(true, 'unit', hadir.say('unit tidak dikenal', 'the unit is unknown')))
$$;
comment on function hadir.no_such_unit() is
  'The answer when there is no unit of that code, or none that the actor may see: 404 not_found. Called by api functions.';

-- The state of a letter, absence, correction or outage, for people.
create or replace function hadir.state_word(p_state text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case p_state when 'filed' then hadir.say('tercatat', 'filed') when 'requested' then hadir.say('diajukan', 'requested')
                      when 'approved' then hadir.say('disetujui', 'approved') when 'confirmed' then hadir.say('disahkan', 'confirmed')
                      when 'rejected' then hadir.say('ditolak', 'rejected') else hadir.say('dicabut', 'revoked') end
$$;

-- A moment as RFC 3339 writes it, with its zone; null = not readable.
create or replace function hadir.try_instant(p_text text) returns timestamptz
language plpgsql immutable set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
begin
  if p_text ~ '^[12][0-9]{3}-[01][0-9]-[0-3][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$'
     and hadir.try_date(left(p_text, 10)) is not null then
    return p_text::timestamptz;
  end if;
  return null;
end
$$;

-- Whether a member says nothing: absent, null, or text of blanks alone.
create or replace function hadir.body_blank(p_value jsonb) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(p_value, 'null') = 'null' or jsonb_typeof(p_value) = 'string' and p_value #>> '{}' !~ '\S'
$$;

-- Form of a body. p_members: {"name": "text" | "id" | "day" | "instant" | "flag" | "list"}, with "!" at the end when it must be there;
-- texts are at most 4000 characters, ids whole positive numbers. A blank member counts as absent.
create or replace function hadir.body_problems(p_body jsonb, p_members jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if p_body is null or jsonb_typeof(p_body) <> 'object' then
    return hadir.problem_if(true, '', hadir.say('harus berupa objek JSON', 'must be a JSON object'));
  end if;
  return (
    select coalesce(jsonb_agg(hadir.problem(q.name, q.reason) order by q.name), '[]')
    from (
      select b.key as name, hadir.say('tidak dikenal', 'is unknown') as reason
      from jsonb_each(p_body) b where not p_members ? b.key
      union all
      select m.key, hadir.say('harus diisi', 'must be there')
      from jsonb_each_text(p_members) m
      where m.value like '%!' and hadir.body_blank(p_body -> m.key)
      union all
      select m.key, case rtrim(m.value, '!')
        when 'text' then hadir.say('harus teks, paling panjang 4000 huruf', 'must be text of at most 4000 characters')
        when 'id' then hadir.say('harus bilangan bulat positif', 'must be a whole positive number')
        when 'day' then hadir.say('tanggal harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')
        when 'instant' then hadir.say('waktu harus berbentuk RFC 3339 dengan zona', 'must be an RFC 3339 time with a zone')
        when 'flag' then hadir.say('harus true atau false', 'must be true or false')
        else hadir.say('harus berupa daftar', 'must be a list') end
      from jsonb_each_text(p_members) m
      join jsonb_each(p_body) b on b.key = m.key and not hadir.body_blank(b.value)
      where not case rtrim(m.value, '!')
        when 'text' then jsonb_typeof(b.value) = 'string' and length(b.value #>> '{}') <= 4000
        when 'id' then jsonb_typeof(b.value) = 'number' and (b.value #>> '{}') ~ '^[1-9][0-9]{0,17}$'
        when 'day' then jsonb_typeof(b.value) = 'string' and hadir.try_date(b.value #>> '{}') is not null
        when 'instant' then jsonb_typeof(b.value) = 'string' and hadir.try_instant(b.value #>> '{}') is not null
        when 'flag' then jsonb_typeof(b.value) = 'boolean'
        else jsonb_typeof(b.value) = 'array' end
    ) q);
end
$$;
comment on function hadir.body_problems(jsonb, jsonb) is
  'Array of problems of form of p_body: unknown members, missing ones, wrong types. p_members: see the file. Called by api '
  'functions before they read the members.';

-- A member as text; null when absent, blank, or no text.
create or replace function hadir.body_text(p_body jsonb, p_name text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof(p_body -> p_name) = 'string' and not hadir.body_blank(p_body -> p_name) then p_body ->> p_name end
$$;
create or replace function hadir.body_id(p_body jsonb, p_name text) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof(p_body -> p_name) = 'number' and p_body ->> p_name ~ '^[1-9][0-9]{0,17}$'
         then (p_body ->> p_name)::bigint end
$$;

-- ---------------------------------------------------------------------------------------------------------- rights

-- The local day of a moment, in the government's zone.
create or replace function hadir.local_day(p_government bigint, p_now timestamptz) returns date
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (select (p_now at time zone g.zone)::date from hadir.government g where g.id = p_government);
end
$$;

-- A supervisor's capacity for the unit on a day, or null. His postings as head, acting or delegate on the unit or above it
-- hold on their dates; an acting head takes the head's place while he acts. Who has a supervisor's token, and no such posting
-- at all, counts as head as long as nobody else is named head or acting for the unit of his token.
create or replace function hadir.supervisor_capacity(p_person bigint, p_top bigint, p_unit bigint, p_day date) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind text;
begin
  select o.kind into v_kind
  from hadir.posting o
  join hadir.unit_closure c on c.ancestor = o.unit and c.descendant = p_unit
  where o.person = p_person and o.kind <> 'main' and o.valid_from <= p_day and (o.valid_to is null or o.valid_to >= p_day)
    and not (o.kind = 'head' and exists (
      select from hadir.posting a
      where a.unit = o.unit and a.kind = 'acting' and a.person <> p_person and a.valid_from <= p_day
        and (a.valid_to is null or a.valid_to >= p_day)))
  order by c.depth, array_position('{head,acting,delegate}', o.kind)
  limit 1;
  if v_kind is null and not exists (
    select from hadir.posting o
    join hadir.unit_closure c on c.ancestor = o.unit and c.descendant = p_unit
    where o.person = p_person and o.kind <> 'main'
  ) and not exists (
    select from hadir.posting o
    where o.unit = p_top and o.kind in ('head', 'acting') and o.valid_from <= p_day
      and (o.valid_to is null or o.valid_to >= p_day)
  ) then
    v_kind := 'head';
  end if;
  return v_kind;
end
$$;

create or replace function hadir.actor_capacity(p_unit bigint, p_now timestamptz) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_access hadir.access;
begin
  if session_user = 'hadir_admin' then
    return 'console';
  end if;
  select a.* into v_access
  from hadir.access a
  join hadir.unit_closure c on c.ancestor = a.unit and c.descendant = p_unit
  where a.id = hadir.actor_id('access') and a.revoked_at is null;
  if v_access.id is null then
    return null;
  elsif v_access.role <> 'supervisor' then
    return v_access.role;
  end if;
  return hadir.supervisor_capacity(v_access.person, v_access.unit, p_unit, hadir.local_day(v_access.government, p_now));
end
$$;
comment on function hadir.actor_capacity(bigint, timestamptz) is
  'As what the actor may act for the unit at that moment: console, bkpsdm, operator, head, acting, delegate; null: not at all. '
  'Called by api functions.';

create or replace function hadir.government_capacity(p_government bigint, p_now timestamptz) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if session_user = 'hadir_admin' then
    return 'console';
  end if;
  return (
    select min(hadir.actor_capacity(u.id, p_now))
    from hadir.unit u where u.government = p_government and u.parent is null);
end
$$;
comment on function hadir.government_capacity(bigint, timestamptz) is
  'As what the actor may act for the whole government, by its uppermost unit; see hadir.actor_capacity. Called by api functions.';

create or replace function hadir.actor_rests(p_now timestamptz) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return session_user <> 'hadir_admin' and coalesce((
    select not bool_or(o.valid_from <= d.today and (o.valid_to is null or o.valid_to >= d.today))
    from hadir.access a
    cross join lateral (select hadir.local_day(a.government, p_now) as today) d
    join hadir.posting o on o.person = a.person and o.kind <> 'main'
    where a.id = hadir.actor_id('access') and a.revoked_at is null and a.role = 'supervisor'
      and exists (select from hadir.unit_closure c where (c.ancestor, c.descendant) in ((o.unit, a.unit), (a.unit, o.unit)))), false);
end
$$;
comment on function hadir.actor_rests(timestamptz) is
  'Whether the actor is a supervisor by postings as head, acting or delegate (of the unit of his token, above or below it) none of '
  'which holds at that moment: before and after them his token reads and does nothing. Who never had one reads by his token alone. '
  'Called by api functions that list.';

create or replace function hadir.reads_unit(p_unit bigint, p_now timestamptz) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return session_user = 'hadir_admin' or coalesce(p_unit = any (hadir.visible_units()), false) and not hadir.actor_rests(p_now);
end
$$;
comment on function hadir.reads_unit(bigint, timestamptz) is
  'Whether the actor may ask about the unit at that moment: his token covers it and he does not rest; the head for whom somebody acts '
  'decides nothing and reads on. Called by api functions.';

-- Whether the actor may know of the unit: it is below his token's, or he is posted there. And of the person: he himself, or who is
-- or was in his units. As row security has it; asked nevertheless wherever a code, NIP or number comes from outside, so that
-- either of the two may fail.
create or replace function hadir.sees_unit(p_unit bigint) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return session_user = 'hadir_admin' or coalesce(p_unit = any (hadir.visible_units()), false)
    or exists (select from hadir.posting o where o.unit = p_unit and o.person = hadir.actor_person());
end
$$;
create or replace function hadir.sees_person(p_person bigint) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return session_user = 'hadir_admin' or coalesce(p_person = hadir.actor_person(), false)
    or exists (select from hadir.posting o where o.person = p_person and o.unit = any (hadir.visible_units()));
end
$$;

-- The answer to whoever rests.
create or replace function hadir.refused_at_rest() returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select hadir.refusal(403, 'not_yours', hadir.problem_if(true, '', hadir.say(
    'Anda belum atau tidak lagi memimpin unit ini', 'you do not lead this unit yet, or not any more')))
$$;

create or replace function hadir.superior_unit(p_person bigint, p_day date) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case when l.unit is null then m.unit
         else (select c.ancestor from hadir.unit_closure c where c.descendant = l.unit and c.depth = 1) end
  from hadir.posting m
  left join lateral (
    select h.unit
    from hadir.unit_closure c
    join hadir.posting h on h.unit = c.ancestor and h.person = p_person and h.kind in ('head', 'acting') and h.valid_from <= p_day
      and (h.valid_to is null or h.valid_to >= p_day)
    where c.descendant = m.unit
    order by c.depth desc limit 1
  ) l on true
  where m.person = p_person and m.kind = 'main' and m.valid_from <= p_day and (m.valid_to is null or m.valid_to >= p_day)
$$;
comment on function hadir.superior_unit(bigint, date) is
  'The unit whose head decides about the person on that day: where he belongs; if he is head or acting head there or above, the '
  'unit above the topmost of these. Null: nobody stands above him (BKPSDM decides), or he belongs nowhere. Called by api functions.';

create or replace function hadir.main_unit(p_person bigint, p_day date) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select o.unit from hadir.posting o
  where o.person = p_person and o.kind = 'main' and o.valid_from <= p_day and (o.valid_to is null or o.valid_to >= p_day)
$$;
comment on function hadir.main_unit(bigint, date) is 'Where the person belongs on that day; null: nowhere. Called by api functions.';

-- Whether the actor may see the person's requests now: his own, and those of who belongs to his units today.
create or replace function hadir.in_sight(p_person bigint, p_now timestamptz) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return session_user = 'hadir_admin' or coalesce(p_person = hadir.actor_person(), false) or exists (
    select from hadir.person p
    where p.id = p_person and hadir.main_unit(p.id, hadir.local_day(p.government, p_now)) = any (hadir.visible_units()));
end
$$;

create or replace function hadir.capacity_to_ask(p_person bigint, p_now timestamptz) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if session_user <> 'hadir_admin' and p_person = hadir.actor_person() then
    return 'self';
  end if;
  return hadir.actor_capacity((
    select hadir.main_unit(p.id, hadir.local_day(p.government, p_now)) from hadir.person p where p.id = p_person), p_now);
end
$$;
comment on function hadir.capacity_to_ask(bigint, timestamptz) is
  'As what the actor may request something for the person: self, operator, head, acting, delegate, bkpsdm, console; null: not at '
  'all. Called by api functions.';

create or replace function hadir.capacity_to_decide(p_person bigint, p_now timestamptz) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_day      date;
  v_unit     bigint;
  v_capacity text;
begin
  if session_user = 'hadir_admin' then
    return 'console';
  elsif p_person = hadir.actor_person() then
    return null;
  end if;
  select hadir.local_day(p.government, p_now) into v_day from hadir.person p where p.id = p_person;
  v_unit := hadir.superior_unit(p_person, v_day);
  v_capacity := hadir.actor_capacity(coalesce(v_unit, hadir.main_unit(p_person, v_day)), p_now);
  return case when v_capacity = 'bkpsdm' or v_unit is not null and v_capacity <> 'operator' then v_capacity end;
end
$$;
comment on function hadir.capacity_to_decide(bigint, timestamptz) is
  'As what the actor may decide about the person: head, acting, delegate, bkpsdm, console; null: not at all, as nobody may about '
  'himself. About whom nobody stands above, only BKPSDM. Called by api functions.';

-- ------------------------------------------------------------------------------------------------ whom it is about

-- Whom a request is for: the member nip, or without it whoever asks; no id when unknown or invisible.
create or replace function hadir.asked_person(p_body jsonb) returns hadir.person
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select p.* from hadir.person p
  where case when hadir.body_text(p_body, 'nip') is not null then p.nip = p_body ->> 'nip'
             else session_user <> 'hadir_admin' and p.id = (select hadir.actor_person()) end
$$;

-- The government that {"government"} (a code) and {"unit"} (a code, of one of its units) name; neither: the only one that there
-- is to be seen. Null: unknown or invisible, or several.
create or replace function hadir.asked_government(p_body jsonb) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select min(g.id) from hadir.government g
  where (session_user = 'hadir_admin' or g.id = (select hadir.actor_government()))
    and (hadir.body_text(p_body, 'government') is null or g.code = hadir.body_text(p_body, 'government'))
    and (hadir.body_text(p_body, 'unit') is null
         or exists (select from hadir.unit u where u.government = g.id and u.code = hadir.body_text(p_body, 'unit') and hadir.sees_unit(u.id)))
  having count(*) = 1
$$;

-- The refusal of a body whose government hadir.asked_government did not find.
create or replace function hadir.no_such_government(p_body jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case when hadir.body_text(p_body, 'unit') is not null then hadir.no_such_unit()
    when hadir.body_text(p_body, 'government') is not null
      then hadir.refusal(404, 'not_found', hadir.problem_if(true, 'government', hadir.say('pemerintah tidak dikenal', 'is unknown')))
    else hadir.refusal(404, 'not_found', hadir.problem_if(true, 'government', hadir.say('sebutkan pemerintahnya', 'say which government'))) end
$$;

-- What a list is asked for: {"unit" or "nip", "from", "to", "status"} and p_more (as in hadir.body_problems).
create or replace function hadir.asked_scope(p_body jsonb, p_more jsonb, p_now timestamptz) returns hadir.asked
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_asked    hadir.asked;
  v_problems jsonb := hadir.body_problems(p_body, '{"unit": "text", "nip": "text", "from": "day", "to": "day", "status": "text"}'
                                                  || p_more);
begin
  v_asked.from_day := hadir.try_date(hadir.body_text(p_body, 'from'));
  v_asked.to_day := hadir.try_date(hadir.body_text(p_body, 'to'));
  v_asked.status := hadir.body_text(p_body, 'status');
  v_problems := v_problems
    || hadir.problem_if(hadir.body_text(p_body, 'unit') is not null and hadir.body_text(p_body, 'nip') is not null, 'nip',
         hadir.say('unit dan nip tidak boleh diisi bersama', 'unit and nip must not be given together'))
    || hadir.problem_if(v_asked.to_day < v_asked.from_day, 'to', hadir.say('tidak boleh sebelum from', 'must not be before from'));
  if v_problems <> '[]' then
    v_asked.refusal := hadir.refusal(422, 'invalid', v_problems);
    return v_asked;
  elsif hadir.actor_rests(p_now) then
    v_asked.refusal := hadir.refused_at_rest();
    return v_asked;
  end if;
  select u.id into v_asked.unit from hadir.unit u where u.code = hadir.body_text(p_body, 'unit') and hadir.sees_unit(u.id);
  select p.id into v_asked.person from hadir.person p where p.nip = hadir.body_text(p_body, 'nip') and hadir.sees_person(p.id);
  if hadir.body_text(p_body, 'unit') is not null and v_asked.unit is null then
    v_asked.refusal := hadir.no_such_unit();
  elsif hadir.body_text(p_body, 'nip') is not null and v_asked.person is null then
    v_asked.refusal := hadir.refusal(404, 'not_found', hadir.problem_if(true, 'nip', hadir.say('NIP tidak dikenal', 'the NIP is unknown')));
  end if;
  return v_asked;
end
$$;
comment on function hadir.asked_scope(jsonb, jsonb, timestamptz) is
  'What a list is asked for, or its refusal. Called by api functions that list.';

-- How many rows a list has at most, the newest first; "more" in its answer says that there are others.
create or replace function hadir.list_most() returns int
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select 500
$$;

-- Whom a list that was asked for covers: people with where they belonged from when to when, of the actor's units, and his own.
-- Set-based, for lists of thousands: the units that one may see are worked out once for a statement.
create or replace function hadir.asked_postings(p_asked hadir.asked)
returns table (person bigint, unit bigint, valid_from date, valid_to date)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select o.person, o.unit, o.valid_from, o.valid_to
  from hadir.posting o
  where o.kind = 'main' and ((p_asked).person is null or o.person = (p_asked).person)
    and (session_user = 'hadir_admin' or o.person = (select hadir.actor_person())
         or o.unit = any ((select hadir.visible_units())::bigint[]))
    and ((p_asked).unit is null
         or o.unit = any (array(select c.descendant from hadir.unit_closure c where c.ancestor = (p_asked).unit)))
$$;

-- ----------------------------------------------------------------------------------------------------------- steps

create or replace function hadir.decide(p_subject text, p_ref bigint, p_step text, p_now timestamptz, p_capacity text,
                                        p_reason text default '', p_breaches jsonb default '[]') returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_id bigint;
begin
  insert into hadir.decision (subject, ref, step, at, actor, person, capacity, reason, breaches)
  values (p_subject, p_ref, p_step, p_now, case when session_user = 'hadir_admin' then 'hadir' else current_setting('hadir.actor') end,
          case when session_user <> 'hadir_admin' then hadir.actor_person() end, p_capacity, coalesce(p_reason, ''), p_breaches)
  returning id into v_id;
  return v_id;
end
$$;
comment on function hadir.decide(text, bigint, text, timestamptz, text, text, jsonb) is
  'Writes a step of a letter, absence, correction, outage, month or policy down: who acts is taken from the session. Returns its '
  'id. Called by api functions.';

-- The steps of many letters, absences or the like, for answers, one value for each of p_refs: [{"step", "at", "by", "capacity",
-- "reason"}], in order. p_zones: each one's zone.
create or replace function hadir.steps(p_subject text, p_refs bigint[], p_zones text[]) returns jsonb[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select array_agg(q.steps order by q.place)
    from (
      select r.place, coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('step', d.step, 'at', hadir.rfc3339(d.at, r.zone),
               'by', p.name, 'capacity', d.capacity, 'reason', nullif(d.reason, ''))) order by d.id) filter (where d.id is not null),
               '[]') as steps
      from unnest(p_refs, p_zones) with ordinality as r(id, zone, place)
      left join hadir.decision d on d.subject = p_subject and d.ref = r.id
      left join hadir.person p on p.id = d.person and hadir.sees_person(p.id)
      group by r.place
    ) q);
end
$$;
-- The same of one.
create or replace function hadir.steps(p_subject text, p_ref bigint, p_zone text) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (hadir.steps(p_subject, array[p_ref], array[p_zone]))[1];
end
$$;

revoke all on function hadir.say(text, text), hadir.problem(text, text), hadir.problem_if(boolean, text, text),
  hadir.refusal(int, text, jsonb), hadir.no_such(text, bigint), hadir.no_such_unit(), hadir.state_word(text), hadir.try_instant(text), hadir.body_blank(jsonb), hadir.body_problems(jsonb, jsonb), hadir.body_text(jsonb, text),
  hadir.body_id(jsonb, text), hadir.local_day(bigint, timestamptz), hadir.supervisor_capacity(bigint, bigint, bigint, date),
  hadir.actor_capacity(bigint, timestamptz), hadir.government_capacity(bigint, timestamptz), hadir.superior_unit(bigint, date), hadir.main_unit(bigint, date), hadir.in_sight(bigint, timestamptz),
  hadir.capacity_to_ask(bigint, timestamptz), hadir.capacity_to_decide(bigint, timestamptz), hadir.asked_person(jsonb),
  hadir.asked_government(jsonb), hadir.no_such_government(jsonb),
  hadir.asked_scope(jsonb, jsonb, timestamptz), hadir.actor_rests(timestamptz), hadir.reads_unit(bigint, timestamptz), hadir.sees_unit(bigint), hadir.sees_person(bigint), hadir.refused_at_rest(), hadir.list_most(), hadir.asked_postings(hadir.asked),
  hadir.decide(text, bigint, text, timestamptz, text, text, jsonb), hadir.steps(text, bigint[], text[]), hadir.steps(text, bigint, text) from public;
grant execute on function hadir.say(text, text), hadir.problem(text, text), hadir.problem_if(boolean, text, text),
  hadir.refusal(int, text, jsonb), hadir.no_such(text, bigint), hadir.no_such_unit(), hadir.state_word(text), hadir.try_instant(text), hadir.body_blank(jsonb), hadir.body_problems(jsonb, jsonb), hadir.body_text(jsonb, text),
  hadir.body_id(jsonb, text), hadir.local_day(bigint, timestamptz), hadir.supervisor_capacity(bigint, bigint, bigint, date),
  hadir.actor_capacity(bigint, timestamptz), hadir.government_capacity(bigint, timestamptz), hadir.superior_unit(bigint, date), hadir.main_unit(bigint, date), hadir.in_sight(bigint, timestamptz),
  hadir.capacity_to_ask(bigint, timestamptz), hadir.capacity_to_decide(bigint, timestamptz), hadir.asked_person(jsonb),
  hadir.asked_government(jsonb), hadir.no_such_government(jsonb),
  hadir.asked_scope(jsonb, jsonb, timestamptz), hadir.actor_rests(timestamptz), hadir.reads_unit(bigint, timestamptz), hadir.sees_unit(bigint), hadir.sees_person(bigint), hadir.refused_at_rest(), hadir.list_most(), hadir.asked_postings(hadir.asked),
  hadir.steps(text, bigint[], text[]), hadir.steps(text, bigint, text) to hadir_reader, hadir_writer;
grant execute on function hadir.decide(text, bigint, text, timestamptz, text, text, jsonb) to hadir_writer;
