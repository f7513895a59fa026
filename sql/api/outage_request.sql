-- Outages of the service: a window of time and a unit with everything below it. Derivation reads the approved ones.
--
--   requested --superior, BKPSDM--> approved --superior, BKPSDM--> revoked
--       |---superior, BKPSDM--> rejected        requested --whoever requested it--> revoked
--
-- An outage excuses whoever declares it, too: the head of the unit above decides, never the one who requested it. Every step is a
-- row of hadir.decision; status repeats the last.

-- As what the actor may decide about outages of the unit at that moment; null: not at all.
create or replace function hadir.outage_capacity(p_unit bigint, p_now timestamptz) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_here  constant text := hadir.actor_capacity(p_unit, p_now);
  v_above constant text := hadir.actor_capacity((select u.parent from hadir.unit u where u.id = p_unit), p_now);
begin
  return case when v_here in ('console', 'bkpsdm') then v_here when v_above <> 'operator' then v_above end;
end
$$;

-- p_body: {"unit", "from", "to" (times), "note"}. By the unit's operator or superior, BKPSDM, the console. Answer: {"outage",
-- "state": "requested"}. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.outage_request(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"unit": "text!", "from": "instant!", "to": "instant!", "note": "text!"}');
  v_from     timestamptz := hadir.try_instant(hadir.body_text(p_body, 'from'));
  v_to       timestamptz := hadir.try_instant(hadir.body_text(p_body, 'to'));
  v_unit     hadir.unit;
  v_capacity text;
  v_id       bigint;
begin
  select u.* into v_unit from hadir.unit u where u.code = hadir.body_text(p_body, 'unit');
  v_capacity := hadir.actor_capacity(v_unit.id, p_now);
  v_problems := v_problems
    || hadir.problem_if(v_to <= v_from, 'to', hadir.say('harus sesudah from', 'must be after from'))
    || hadir.problem_if(v_to > v_from + interval '31 days', 'to', hadir.say('paling lama 31 hari', 'at most 31 days'))
    || hadir.problem_if(v_from > p_now, 'from', hadir.say('belum tiba', 'is yet to come'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  if v_unit.id is null or v_capacity is null then
    return hadir.no_such_unit();
  end if;
  insert into hadir.outage (government, unit, starts_at, ends_at, note, asked_at)
  values (v_unit.government, v_unit.id, v_from, v_to, p_body ->> 'note', p_now)
  returning id into v_id;
  perform hadir.decide('outage', v_id, 'requested', p_now, v_capacity);
  return jsonb_build_object('status', 201, 'outage', v_id, 'state', 'requested');
end
$$;
alter function api.outage_request(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.outage_request(jsonb, timestamptz) from public;
grant execute on function api.outage_request(jsonb, timestamptz) to hadir_operator, hadir_admin;

-- The same, approved at once: the console's word is enough. Caller: hadir_admin.
create or replace function api.outage_declare(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_answer constant jsonb := api.outage_request(p_body, p_now);
begin
  if v_answer ? 'error' then
    return v_answer;
  end if;
  return api.outage_decide(jsonb_build_object('outage', v_answer -> 'outage', 'step', 'approved'), p_now) || '{"status": 201}';
end
$$;
alter function api.outage_declare(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.outage_declare(jsonb, timestamptz) from public;
grant execute on function api.outage_declare(jsonb, timestamptz) to hadir_admin;

-- p_body: {"outage", "step": "approved" | "rejected" | "revoked", "reason" (needed unless approved, or withdrawn by who requested
-- it)}. Answer: {"outage", "state"}. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.outage_decide(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"outage": "id!", "step": "text!", "reason": "text"}');
  v_step     text := hadir.body_text(p_body, 'step');
  v_outage   hadir.outage;
  v_own      boolean;          -- the actor requested it
  v_capacity text;
begin
  v_problems := v_problems || hadir.problem_if(v_step not in ('approved', 'rejected', 'revoked'), 'step',
    hadir.say('harus approved, rejected atau revoked', 'must be approved, rejected or revoked'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select o.* into v_outage from hadir.outage o where o.id = hadir.body_id(p_body, 'outage') for update;
  if v_outage.id is null or hadir.actor_capacity(v_outage.unit, p_now) is null then
    return hadir.no_such('outage', hadir.body_id(p_body, 'outage'));
  end if;
  v_own := session_user <> 'hadir_admin' and exists (
    select from hadir.decision d
    where d.subject = 'outage' and d.ref = v_outage.id and d.step = 'requested' and d.person = hadir.actor_person());
  v_capacity := case when v_own then case when v_step = 'revoked' and v_outage.status = 'requested' then 'self' end
                     else hadir.outage_capacity(v_outage.unit, p_now) end;
  if v_capacity is null then
    return hadir.refusal(403, 'not_yours', hadir.problem_if(true, 'outage', hadir.say(
      'diputuskan oleh atasan unit itu atau BKPSDM, bukan oleh yang meminta',
      'the head above that unit or BKPSDM decides, not who requested it')));
  elsif v_step <> 'approved' and v_capacity <> 'self' and hadir.body_text(p_body, 'reason') is null then
    return hadir.refusal(422, 'invalid', hadir.problem_if(true, 'reason', hadir.say('alasan harus diisi', 'a reason must be given')));
  end if;
  if not (v_outage.status = 'requested' and (v_step <> 'revoked' or v_capacity = 'self')
          or v_outage.status = 'approved' and v_step = 'revoked') then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'step', format(
      hadir.say('tidak mungkin: keadaannya %s', 'is not possible: its state is %s'), hadir.state_word(v_outage.status))));
  end if;
  update hadir.outage o set status = v_step where o.id = v_outage.id;
  perform hadir.decide('outage', v_outage.id, v_step, p_now, v_capacity, hadir.body_text(p_body, 'reason'));
  return jsonb_build_object('status', 200, 'outage', v_outage.id, 'state', v_step);
end
$$;
alter function api.outage_decide(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.outage_decide(jsonb, timestamptz) from public;
grant execute on function api.outage_decide(jsonb, timestamptz) to hadir_operator, hadir_admin;

-- p_body: {"unit", "from", "to" (days that they touch), "status"}, all optional. A unit's outages are those that touch its people:
-- its own and those of units above it; the latest first, hadir.list_most() of them. Answer: {"more", "outages": [{"outage", "unit",
-- "from", "to", "status", "asked_at", "note", "steps"}]}; unit is null where the actor may not see it, and note and steps are only for
-- whoever acts for that unit or one above; a phone is told of those that touched its person. Callers: hadir_query with hadir.actor set, hadir_admin.
create or replace function api.outages(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_mine  constant bigint := case when hadir.actor_id('device') is not null then hadir.actor_person() end;
  v_asked hadir.asked := hadir.asked_scope(p_body, '{}', p_now);
  v_found bigint[];
  v_zones text[];
  v_steps jsonb[];
  v_more  boolean;
begin
  if v_asked.refusal is not null then
    return v_asked.refusal;
  end if;
  select array_agg(f.id), array_agg(f.zone), count(*) > hadir.list_most() into v_found, v_zones, v_more
  from (
    select o.id, g.zone
    from hadir.outage o
    join hadir.government g on g.id = o.government
    where (session_user = 'hadir_admin' or o.government = hadir.actor_government())
      and (v_asked.unit is null or exists (
        select from hadir.unit_closure c where c.ancestor = o.unit and c.descendant = v_asked.unit
        union all select from hadir.unit_closure c where c.ancestor = v_asked.unit and c.descendant = o.unit))
      and (v_asked.person is null or exists (
        select from hadir.posting p join hadir.unit_closure c on c.descendant = p.unit
        where p.person = v_asked.person and p.kind = 'main' and c.ancestor = o.unit))
      -- A phone: those that touched its person.
      and (v_mine is null or exists (
        select from hadir.posting p join hadir.unit_closure c on c.descendant = p.unit
        where p.person = v_mine and p.kind = 'main' and c.ancestor = o.unit))
      and (v_asked.status is null or o.status = v_asked.status)
      and (v_asked.from_day is null or (o.ends_at at time zone g.zone)::date >= v_asked.from_day)
      and (v_asked.to_day is null or (o.starts_at at time zone g.zone)::date <= v_asked.to_day)
    order by o.starts_at desc, o.id desc
    limit hadir.list_most() + 1
  ) f;
  v_steps := hadir.steps('outage', v_found, v_zones);
  return (
    select jsonb_build_object('status', 200, 'more', v_more, 'outages', coalesce(jsonb_agg(jsonb_build_object('outage', o.id,
             'unit', u.code, 'from', hadir.rfc3339(o.starts_at, f.zone), 'to', hadir.rfc3339(o.ends_at, f.zone), 'status', o.status,
             'asked_at', hadir.rfc3339(o.asked_at, f.zone))
             || case when hadir.actor_capacity(o.unit, p_now) is null then '{}'
                     else jsonb_build_object('note', o.note, 'steps', f.steps) end order by f.place), '[]'))
    from unnest(v_found, v_zones, v_steps) with ordinality as f(id, zone, steps, place)
    join hadir.outage o on o.id = f.id
    left join hadir.unit u on u.id = o.unit and hadir.sees_unit(u.id)
    where f.place <= hadir.list_most());
end
$$;
alter function api.outages(jsonb, timestamptz) owner to hadir_reader;
revoke all on function api.outages(jsonb, timestamptz) from public;
grant execute on function api.outages(jsonb, timestamptz) to hadir_query, hadir_admin;

revoke all on function hadir.outage_capacity(bigint, timestamptz) from public;
grant execute on function hadir.outage_capacity(bigint, timestamptz) to hadir_writer;
