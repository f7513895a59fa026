-- Heads of units: who decides, from when to when. A head stays head while somebody acts for him; his rights rest meanwhile
-- (hadir.actor_capacity). The past is not changed: who is replaced ends the day before.

-- p_body: {"nip", "unit", "kind": "head" | "acting" | "delegate", "from", "to"}; to left out: open. A new head ends the head
-- before and whoever acted; a new acting head ends the acting head before; delegates stand side by side. The same first day
-- again corrects who it is and the last day. By BKPSDM, or an operator of a unit above; nobody names himself. Callers:
-- hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.head_set(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body,
    '{"nip": "text!", "unit": "text!", "kind": "text!", "from": "day!", "to": "day"}');
  v_from   date := hadir.try_date(hadir.body_text(p_body, 'from'));
  v_to     date := hadir.try_date(hadir.body_text(p_body, 'to'));
  v_kind   text := hadir.body_text(p_body, 'kind');
  v_person hadir.person;
  v_unit   hadir.unit;
  v_above  text;
  v_later  date;
  v_ended  jsonb;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  select p.* into v_person from hadir.person p where p.nip = hadir.body_text(p_body, 'nip') and hadir.sees_person(p.id);
  select u.* into v_unit from hadir.unit u where u.code = hadir.body_text(p_body, 'unit') and hadir.sees_unit(u.id);
  v_above := hadir.actor_capacity(v_unit.parent, p_now);
  if v_unit.id is not null and v_above is distinct from 'operator' and coalesce(hadir.actor_capacity(v_unit.id, p_now), '') not in ('console', 'bkpsdm') then
    return hadir.refusal(403, 'not_yours', hadir.problem_if(true, 'unit', hadir.say(
      'hanya BKPSDM atau operator unit di atasnya', 'only BKPSDM, or an operator of a unit above')));
  elsif session_user <> 'hadir_admin' and v_person.id = hadir.actor_person() then
    return hadir.refusal(403, 'not_yours', hadir.problem_if(true, 'nip', hadir.say(
      'tidak seorang pun menunjuk dirinya sendiri', 'nobody names himself')));
  end if;
  select min(o.valid_from) into v_later
  from hadir.posting o
  where o.unit = v_unit.id and o.kind = v_kind and o.valid_from > v_from and (v_to is null or o.valid_from <= v_to)
    and (v_kind <> 'delegate' or o.person = v_person.id);
  v_problems := v_problems
    || hadir.problem_if(hadir.body_text(p_body, 'nip') is not null and v_person.id is null, 'nip',
         hadir.say('NIP tidak dikenal', 'the NIP is unknown'))
    || hadir.problem_if(v_unit.government <> v_person.government, 'unit',
         hadir.say('unit milik pemerintah lain', 'the unit belongs to another government'))
    || hadir.problem_if(v_kind not in ('head', 'acting', 'delegate'), 'kind',
         hadir.say('harus head, acting atau delegate', 'must be head, acting or delegate'))
    || hadir.problem_if(v_to < v_from, 'to', hadir.say('tidak boleh sebelum tanggal mulai', 'must not be before the first day'))
    || hadir.problem_if(v_later is not null, 'to', format(hadir.say('sudah ada yang mulai %s; akhiri sebelum itu',
         'there is one from %s on; end before it'), v_later));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  elsif v_unit.id is null then
    return hadir.no_such_unit();
  end if;

  with ended as (
    update hadir.posting o set valid_to = v_from - 1
    where o.unit = v_unit.id and o.valid_from < v_from and (o.valid_to is null or o.valid_to >= v_from)
      and (o.kind = v_kind and (v_kind <> 'delegate' or o.person = v_person.id) or o.kind = 'acting' and v_kind = 'head')
    returning o.person, o.kind, o.valid_from, o.valid_to
  )
  select coalesce(jsonb_agg(jsonb_build_object('nip', p.nip, 'name', p.name, 'unit', v_unit.code,
         'kind', e.kind, 'from', e.valid_from, 'to', e.valid_to) order by e.kind, p.nip), '[]')
  into v_ended
  from ended e join hadir.person p on p.id = e.person;
  update hadir.posting o set person = v_person.id, valid_to = v_to
  where o.unit = v_unit.id and o.kind = v_kind and o.valid_from = v_from and (v_kind <> 'delegate' or o.person = v_person.id);
  if not found then
    insert into hadir.posting (person, unit, valid_from, valid_to, kind) values (v_person.id, v_unit.id, v_from, v_to, v_kind);
  end if;
  insert into hadir.audit (at, action, subject, detail) values (p_now, 'head_set', v_unit.code, p_body);
  return jsonb_build_object('status', 201, 'nip', v_person.nip, 'name', v_person.name, 'unit', v_unit.code, 'kind', v_kind,
                            'from', v_from, 'to', v_to, 'ended', v_ended);
end
$$;
alter function api.head_set(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.head_set(jsonb, timestamptz) from public;
grant execute on function api.head_set(jsonb, timestamptz) to hadir_operator, hadir_admin;

-- Many of them, in the order of the rows: nip, unit, kind, from, to. Who is there already from that day, and ended or was ended
-- since, stays so unless the row gives a last day. Returns every problem; with any, nothing is loaded.
-- Caller: hadir_admin.
drop function if exists api.import_heads(jsonb, timestamptz);
create function api.import_heads(p_rows jsonb, p_now timestamptz) returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[] := '{}';
  v_row      jsonb;
begin
  begin
    for v_row in select r.value from jsonb_array_elements(hadir.import_rows(p_rows)) with ordinality as r(value, place) order by r.place loop
      continue when v_row ->> 'to' is null and exists (
        select from hadir.posting o join hadir.person p on p.id = o.person join hadir.unit u on u.id = o.unit
        where p.nip = v_row ->> 'nip' and u.code = v_row ->> 'unit' and o.kind = v_row ->> 'kind'
          and o.valid_from = hadir.try_date(v_row ->> 'from'));
      v_problems := v_problems || array(
        select row((v_row ->> 'line')::int, p ->> 'field', p ->> 'reason')::hadir.import_problem
        from jsonb_array_elements(api.head_set(v_row - 'line', p_now) #> '{error,problems}') p);
    end loop;
    if cardinality(v_problems) > 0 then
      raise exception using errcode = 'HD001';
    end if;
  exception when sqlstate 'HD001' then
    null;
  end;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_heads(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_heads(jsonb, timestamptz) from public;
grant execute on function api.import_heads(jsonb, timestamptz) to hadir_admin;

-- p_body: {"unit", "day"}, both optional: heads of the unit and below it, those in office on the day. Answer: {"heads": [{"nip",
-- "name", "unit", "unit_name", "kind", "from", "to"}]}. Callers: hadir_query with hadir.actor set, hadir_admin.
create or replace function api.heads(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"unit": "text", "day": "day"}');
  v_day      date := hadir.try_date(hadir.body_text(p_body, 'day'));
  v_unit     bigint;
begin
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  elsif hadir.actor_rests(p_now) then
    return hadir.refused_at_rest();
  elsif p_body ? 'unit' then
    select u.id into v_unit from hadir.unit u where u.code = hadir.body_text(p_body, 'unit') and hadir.sees_unit(u.id);
    if v_unit is null then
      return hadir.no_such_unit();
    end if;
  end if;
  return (
    select jsonb_build_object('status', 200, 'heads', coalesce(jsonb_agg(jsonb_build_object('nip', p.nip, 'name', p.name,
             'unit', u.code, 'unit_name', u.name, 'kind', o.kind, 'from', o.valid_from, 'to', o.valid_to)
             order by u.code collate "C", o.valid_from, o.kind, p.nip), '[]'))
    from hadir.posting o
    join hadir.person p on p.id = o.person
    join hadir.unit u on u.id = o.unit
    where o.kind <> 'main' and hadir.sees_unit(o.unit) and hadir.sees_person(o.person)
      and (v_day is null or o.valid_from <= v_day and (o.valid_to is null or o.valid_to >= v_day))
      and (v_unit is null or exists (select from hadir.unit_closure c where c.ancestor = v_unit and c.descendant = o.unit)));
end
$$;
alter function api.heads(jsonb, timestamptz) owner to hadir_reader;
revoke all on function api.heads(jsonb, timestamptz) from public;
grant execute on function api.heads(jsonb, timestamptz) to hadir_query, hadir_admin;
