-- Corrections: what a person says was otherwise than recorded in one session of one of his days. Facts are not touched;
-- derivation reads corrections that are approved (confirmed, where the government wants BKPSDM to confirm).
--
--   requested --superior--> approved --BKPSDM, if the government wants it--> confirmed
--       |---superior--> rejected        approved, to be confirmed --BKPSDM--> rejected
--       |---the person himself--> revoked
--   approved --superior, BKPSDM--> revoked        confirmed --BKPSDM--> revoked
--
-- Every step is a row of hadir.decision; status repeats the last. Requests are taken until government.correction_days after the
-- day; the console may later, with a note that says why.

-- What is wrong with a correction, as an array of problems. p_body passed hadir.body_problems. Holds a lock for the person (and
-- every 64th), so that two for the same session cannot pass each other.
create or replace function hadir.correction_problems(p_person hadir.person, p_body jsonb, p_capacity text, p_now timestamptz)
returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_day      constant date := hadir.try_date(hadir.body_text(p_body, 'day'));
  v_claimed  constant timestamptz := hadir.try_instant(hadir.body_text(p_body, 'claimed_at'));
  v_today    constant date := hadir.local_day((p_person).government, p_now);
  v_pattern  bigint;
  v_days     int;
  v_zone     text;
  v_session  hadir.plan_session;
  v_problems jsonb;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.correction'), ((p_person).id % 64)::int);
  select g.correction_days, g.zone into v_days, v_zone from hadir.government g where g.id = (p_person).government;
  select d.pattern into v_pattern from hadir.plan_day d where d.person = (p_person).id and d.day = v_day;
  select s.* into v_session from hadir.plan_session s where s.pattern = v_pattern and s.code = hadir.body_text(p_body, 'session');
  v_problems := hadir.problem_if(v_day > v_today, 'day', hadir.say('belum tiba', 'is yet to come'))
    || hadir.problem_if(v_day <= v_today and v_pattern is null, 'day',
         hadir.say('tidak ada rencana kerja untuk hari itu', 'there is no plan of that day'))
    || hadir.problem_if(v_pattern is not null and v_session.session is null, 'session',
         hadir.say('tidak ada sesi itu pada hari tersebut', 'the day has no such session'))
    || hadir.problem_if(exists (
         select from hadir.correction c
         where c.person = (p_person).id and c.day = v_day and c.session = v_session.code and c.status not in ('rejected', 'revoked')),
         'session', hadir.say('sudah ada koreksi untuk sesi itu', 'there is a correction of that session already'));
  if p_capacity = 'console' then
    v_problems := v_problems || hadir.problem_if(v_today - v_day > v_days and hadir.body_text(p_body, 'note') is null, 'note', format(
      hadir.say('lewat %s hari: sebutkan alasannya', 'after %s days: say why'), v_days));
  else
    v_problems := v_problems || hadir.problem_if(v_today - v_day > v_days, 'day', format(
      hadir.say('batas pengajuan koreksi %s hari, yaitu %s; hubungi BKPSDM', 'corrections are taken for %s days, until %s; ask BKPSDM'),
      v_days, v_day + v_days));
  end if;
  if p_body ->> 'kind' = 'wrong_place' then
    return v_problems
      || hadir.problem_if(hadir.body_text(p_body, 'claimed_at') is not null, 'claimed_at',
           hadir.say('tidak diisi untuk tempat yang salah', 'is not given for a wrong place'))
      || hadir.problem_if(v_session.session is not null and not exists (
           select from hadir.checkin c
           where c.person = (p_person).id and c.status = 'recorded' and c.decided_at >= v_session.accept_from
             and c.decided_at < v_session.accept_until
             and c.received_at >= v_session.accept_from - interval '1 minute'), 'session', -- no further ahead of its arrival
           hadir.say('tidak ada presensi dalam sesi itu', 'there is no check-in in that session'));
  end if;
  return v_problems
    || hadir.problem_if(v_claimed > p_now, 'claimed_at', hadir.say('belum tiba', 'is yet to come'))
    || hadir.problem_if(v_claimed < v_session.accept_from or v_claimed >= v_session.accept_until, 'claimed_at', format(
         hadir.say('di luar waktu sesi, %s sampai sebelum %s', 'is outside the session, %s until before %s'),
         hadir.rfc3339(v_session.accept_from, v_zone), hadir.rfc3339(v_session.accept_until, v_zone)));
end
$$;

-- p_body: {"nip" (left out: oneself), "day", "session" (code), "kind": "forgotten" | "wrong_place" | "device", "claimed_at" (unless
-- wrong_place), "place" (for wrong_place: where it was; else optional), "document", "note"}. By the person, by an operator or superior
-- for him, by the console. Answer: {"correction", "state": "requested"}. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.correction_request(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"nip": "text", "day": "day!", "session": "text!", "kind": "text!",
    "claimed_at": "instant", "place": "text", "document": "text", "note": "text"}');
  v_kind     text := hadir.body_text(p_body, 'kind');
  v_place    text := hadir.body_text(p_body, 'place');
  v_person   hadir.person;
  v_capacity text;
  v_id       bigint;
begin
  select p.* into v_person from hadir.asked_person(p_body) p;
  if v_person.id is not null then
    v_capacity := hadir.capacity_to_ask(v_person.id, p_now);
  end if;
  v_problems := v_problems
    || hadir.problem_if(v_capacity is null, 'nip', hadir.say('NIP tidak dikenal', 'the NIP is unknown'))
    || hadir.problem_if(v_kind not in ('forgotten', 'wrong_place', 'device'), 'kind',
         hadir.say('harus forgotten, wrong_place atau device', 'must be forgotten, wrong_place or device'))
    || hadir.problem_if(v_place not in ('WFO', 'WFH', 'WFA', 'DL'), 'place',
         hadir.say('harus WFO, WFH, WFA atau DL', 'must be WFO, WFH, WFA or DL'))
    || hadir.problem_if(v_kind = 'wrong_place' and v_place is null, 'place', hadir.say('harus diisi', 'must be there'))
    || hadir.problem_if(v_kind in ('forgotten', 'device') and hadir.body_text(p_body, 'claimed_at') is null, 'claimed_at',
         hadir.say('harus diisi', 'must be there'));
  if v_capacity is not null then
    v_problems := v_problems || hadir.correction_problems(v_person, p_body, v_capacity, p_now);
  end if;
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  insert into hadir.correction (government, person, day, session, kind, claimed_at, place, document, note, asked_at)
  values (v_person.government, v_person.id, (p_body ->> 'day')::date, p_body ->> 'session', v_kind,
          hadir.try_instant(p_body ->> 'claimed_at'), v_place, coalesce(p_body ->> 'document', ''), coalesce(p_body ->> 'note', ''), p_now)
  returning id into v_id;
  perform hadir.decide('correction', v_id, 'requested', p_now, v_capacity);
  return jsonb_build_object('status', 201, 'correction', v_id, 'state', 'requested');
end
$$;
alter function api.correction_request(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.correction_request(jsonb, timestamptz) from public;
grant execute on function api.correction_request(jsonb, timestamptz) to hadir_operator, hadir_admin;

-- As what the actor may take that step of a correction, which its state allows; or null. The superior has the first word (BKPSDM, too,
-- where nobody is named head of his unit or above), then BKPSDM; the console has every word.
create or replace function hadir.correction_capacity(p_correction hadir.correction, p_step text, p_now timestamptz) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_capacity constant text := hadir.capacity_to_decide((p_correction).person, p_now);
  v_day      constant date := hadir.local_day((p_correction).government, p_now);
  v_status   constant text := (p_correction).status;
begin
  if v_status = 'requested' and p_step = 'revoked' then
    return case when session_user <> 'hadir_admin' and (p_correction).person = hadir.actor_person() then 'self' end;
  elsif v_capacity = 'bkpsdm' and v_status = 'requested' then
    return case when not exists (
      select from hadir.posting o
      join hadir.unit_closure c on c.ancestor = o.unit and c.descendant = hadir.superior_unit((p_correction).person, v_day)
      where o.kind in ('head', 'acting') and o.valid_from <= v_day and (o.valid_to is null or o.valid_to >= v_day)) then v_capacity end;
  elsif v_capacity in ('head', 'acting', 'delegate') and v_status <> 'requested' then
    return case when v_status = 'approved' and p_step = 'revoked' then v_capacity end;
  end if;
  return v_capacity;
end
$$;

-- p_body: {"correction", "step": "approved" | "confirmed" | "rejected" | "revoked", "reason" (needed to reject, and to revoke unless
-- one withdraws one's own request)}. Answer: {"correction", "state"}. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.correction_decide(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"correction": "id!", "step": "text!", "reason": "text"}');
  v_step     text := hadir.body_text(p_body, 'step');
  v_at       hadir.correction;
  v_confirms boolean;
  v_capacity text;
begin
  v_problems := v_problems || hadir.problem_if(v_step not in ('approved', 'confirmed', 'rejected', 'revoked'), 'step',
    hadir.say('harus approved, confirmed, rejected atau revoked', 'must be approved, confirmed, rejected or revoked'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select c.* into v_at from hadir.correction c where c.id = hadir.body_id(p_body, 'correction') for update;
  if v_at.id is null or not hadir.in_sight(v_at.person, p_now) then
    return hadir.no_such('correction', hadir.body_id(p_body, 'correction'));
  end if;
  select g.confirms_corrections into v_confirms from hadir.government g where g.id = v_at.government;
  if not (case v_at.status when 'requested' then v_step <> 'confirmed'
                           when 'approved' then v_step = 'revoked' or v_confirms and v_step <> 'approved'
                           when 'confirmed' then v_step = 'revoked' else false end) then
    return hadir.refusal(409, 'wrong_state', hadir.problem_if(true, 'step', format(
      hadir.say('tidak mungkin: keadaannya %s', 'is not possible: its state is %s'), hadir.state_word(v_at.status))
      || case when v_step = 'confirmed' and not v_confirms
              then hadir.say('; pemerintah ini tidak memerlukan konfirmasi', '; this government wants no confirmation') else '' end));
  end if;
  v_capacity := hadir.correction_capacity(v_at, v_step, p_now);
  if v_capacity is null then
    return hadir.refusal(403, 'not_yours', hadir.problem_if(true, 'correction', case
      when v_step = 'revoked' and v_at.status = 'requested'
        then hadir.say('hanya pemohon yang menariknya kembali', 'only who it is about withdraws it')
      when v_at.status = 'confirmed' or v_at.status = 'approved' and v_step <> 'revoked'
        then hadir.say('hanya BKPSDM yang memutuskan tahap ini', 'this step is BKPSDM''s')
      else hadir.say('hanya atasannya yang memutuskan', 'only the superior decides') end));
  elsif v_step in ('rejected', 'revoked') and v_capacity <> 'self' and hadir.body_text(p_body, 'reason') is null then
    return hadir.refusal(422, 'invalid', hadir.problem_if(true, 'reason', hadir.say('alasan harus diisi', 'a reason must be given')));
  end if;
  -- What the government wants today decides, and goes on deciding when it wants something else.
  update hadir.correction c set status = v_step, counts = v_step = 'confirmed' or v_step = 'approved' and not v_confirms
  where c.id = v_at.id;
  perform hadir.decide('correction', v_at.id, v_step, p_now, v_capacity, hadir.body_text(p_body, 'reason'));
  return jsonb_build_object('status', 200, 'correction', v_at.id, 'state', v_step);
end
$$;
alter function api.correction_decide(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.correction_decide(jsonb, timestamptz) from public;
grant execute on function api.correction_decide(jsonb, timestamptz) to hadir_operator, hadir_admin;

-- p_body: {"unit" or "nip", "from", "to", "status"}, all optional: what the actor may see of them, the latest first,
-- hadir.list_most() of them. Answer: {"more" (whether there are others), "corrections":
-- [{"correction", "nip", "name", "unit", "day", "session", "kind", "claimed_at", "place", "document", "note", "status", "counts"
-- (whether derivation reads it), "asked_at", "steps"}]}. Callers: hadir_query with hadir.actor set, hadir_admin.
create or replace function api.corrections(p_body jsonb, p_now timestamptz) returns jsonb
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
    select c.id, o.unit, g.zone
    from hadir.asked_postings(v_asked) o
    join hadir.correction c on c.person = o.person and c.day >= o.valid_from and (o.valid_to is null or c.day <= o.valid_to)
    join hadir.government g on g.id = c.government
    where (v_asked.status is null or c.status = v_asked.status)
      and (v_asked.from_day is null or c.day >= v_asked.from_day) and (v_asked.to_day is null or c.day <= v_asked.to_day)
    order by c.day desc, c.id desc
    limit hadir.list_most() + 1
  ) f;
  v_steps := hadir.steps('correction', v_found, v_zones);
  return (
    select jsonb_build_object('status', 200, 'more', v_more, 'corrections', coalesce(jsonb_agg(jsonb_build_object('correction', c.id, 'nip', p.nip,
             'name', p.name, 'unit', u.code, 'day', c.day, 'session', c.session, 'kind', c.kind,
             'claimed_at', hadir.rfc3339(c.claimed_at, f.zone), 'place', c.place, 'document', c.document, 'note', c.note,
             'status', c.status, 'counts', c.counts,
             'asked_at', hadir.rfc3339(c.asked_at, f.zone), 'steps', f.steps)
             order by f.place), '[]'))
    from unnest(v_found, v_units, v_zones, v_steps) with ordinality as f(id, unit, zone, steps, place)
    join hadir.correction c on c.id = f.id
    join hadir.person p on p.id = c.person
    join hadir.unit u on u.id = f.unit
    where f.place <= hadir.list_most());
end
$$;
alter function api.corrections(jsonb, timestamptz) owner to hadir_reader;
revoke all on function api.corrections(jsonb, timestamptz) from public;
grant execute on function api.corrections(jsonb, timestamptz) to hadir_query, hadir_admin;

revoke all on function hadir.correction_problems(hadir.person, jsonb, text, timestamptz),
  hadir.correction_capacity(hadir.correction, text, timestamptz) from public;
grant execute on function hadir.correction_problems(hadir.person, jsonb, text, timestamptz),
  hadir.correction_capacity(hadir.correction, text, timestamptz) to hadir_writer;
