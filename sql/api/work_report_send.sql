-- Plans, results and health letters that a circular wants as evidence of a day; whether they suffice, derivation says. Never
-- changed: a second one of the same day and kind stands beside the first.

-- p_body: {"nip" (left out: oneself), "day", "kind": "work_plan" | "work_report" | "health_letter", "text", "document"}, one of the
-- last two at least. By the person, by an operator or superior for him, by the console. A plan may be of a day up to 31 days ahead.
-- Answer: {"work_report"}. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.work_report_send(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"nip": "text", "day": "day!", "kind": "text!", "text": "text", "document": "text"}');
  v_day      date := hadir.try_date(hadir.body_text(p_body, 'day'));
  v_kind     text := hadir.body_text(p_body, 'kind');
  v_person   hadir.person;
  v_today    date;
  v_id       bigint;
begin
  select p.* into v_person from hadir.asked_person(p_body) p;
  v_today := hadir.local_day(v_person.government, p_now);
  v_problems := v_problems
    || hadir.problem_if(v_person.id is null or hadir.capacity_to_ask(v_person.id, p_now) is null, 'nip',
         hadir.say('NIP tidak dikenal', 'the NIP is unknown'))
    || hadir.problem_if(v_kind not in ('work_plan', 'work_report', 'health_letter'), 'kind',
         hadir.say('harus work_plan, work_report atau health_letter', 'must be work_plan, work_report or health_letter'))
    || hadir.problem_if(jsonb_typeof(p_body) = 'object' and coalesce(hadir.body_text(p_body, 'text'), hadir.body_text(p_body, 'document')) is null,
         'text', hadir.say('isi text atau document', 'give text or document'))
    || hadir.problem_if(v_day > v_today + case v_kind when 'work_report' then 0 else 31 end, 'day',
         hadir.say('terlalu jauh ke depan', 'is too far ahead'))
    || hadir.problem_if(v_day < v_today - 366, 'day', hadir.say('terlalu lama berlalu', 'is too long ago'));
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  insert into hadir.work_report (government, person, day, kind, text, document, sent_at)
  values (v_person.government, v_person.id, v_day, v_kind, coalesce(p_body ->> 'text', ''), coalesce(p_body ->> 'document', ''), p_now)
  returning id into v_id;
  return jsonb_build_object('status', 201, 'work_report', v_id);
end
$$;
alter function api.work_report_send(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.work_report_send(jsonb, timestamptz) from public;
grant execute on function api.work_report_send(jsonb, timestamptz) to hadir_operator, hadir_admin;

-- p_body: {"unit" or "nip", "from", "to", "kind"}, all optional: what the actor may see of them, the latest first,
-- hadir.list_most() of them. Answer: {"more" (whether there are others), "work_reports": [{"work_report", "nip", "name", "unit",
-- "day", "kind", "text", "document", "sent_at"}]}. Callers: hadir_query with hadir.actor set, hadir_admin.
create or replace function api.work_reports(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_asked hadir.asked := hadir.asked_scope(p_body, '{"kind": "text"}', p_now);
begin
  if v_asked.refusal is not null then
    return v_asked.refusal;
  end if;
  return (
    with found as (
      select w.*, o.unit
      from hadir.asked_postings(v_asked) o
      join hadir.work_report w on w.person = o.person and w.day >= o.valid_from and (o.valid_to is null or w.day <= o.valid_to)
      where (p_body ->> 'kind' is null or w.kind = p_body ->> 'kind')
        and (v_asked.from_day is null or w.day >= v_asked.from_day) and (v_asked.to_day is null or w.day <= v_asked.to_day)
      order by w.day desc, w.id desc
      limit hadir.list_most() + 1
    )
    select jsonb_build_object('status', 200, 'more', count(*) > hadir.list_most(), 'work_reports', coalesce(jsonb_agg(
             jsonb_build_object('work_report', w.id, 'nip', p.nip, 'name', p.name, 'unit', u.code, 'day', w.day, 'kind', w.kind,
               'text', w.text, 'document', w.document, 'sent_at', hadir.rfc3339(w.sent_at, g.zone))
             order by w.turn) filter (where w.turn <= hadir.list_most()), '[]'))
    from (select f.*, row_number() over (order by f.day desc, f.id desc) as turn from found f) w
    join hadir.person p on p.id = w.person
    join hadir.government g on g.id = w.government
    join hadir.unit u on u.id = w.unit);
end
$$;
alter function api.work_reports(jsonb, timestamptz) owner to hadir_reader;
revoke all on function api.work_reports(jsonb, timestamptz) from public;
grant execute on function api.work_reports(jsonb, timestamptz) to hadir_query, hadir_admin;
