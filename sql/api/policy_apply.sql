-- Circulars from a file: check, apply, list, remove. The document is what policy_form.sql describes; documents and words of
-- refused or checked ones leave nothing behind. Answers as in actor_rights.sql; a problem here also has "line". Over HTTP
-- for operators of the whole government and BKPSDM, about their government.

-- Says what a file means, or lists everything that is wrong in it: {"status": 200, "number", "lines": [text],
-- "warnings": [text]}. Stores nothing. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.policy_check(p_document jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_answer jsonb;
begin
  begin
    v_answer := hadir.policy_take(p_document, p_now, true);
    raise exception using errcode = 'HD001';
  exception when sqlstate 'HD001' then
    null;
  end;
  return case when v_answer ? 'error' then v_answer
              else jsonb_build_object('status', 200, 'number', v_answer -> 'number',
                     'lines', case when v_answer ->> 'again' is null then '[]' else jsonb_build_array(v_answer -> 'again') end
                              || (v_answer #> '{words,lines}'),
                     'warnings', v_answer #> '{words,warnings}') end;
end
$$;

-- Stores it: a new circular, or a new revision of the one with that number; the same document again changes nothing.
-- {"status": 201 or 200, "policy", "number", "revision", "changed"}. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.policy_apply(p_document jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_answer jsonb;
begin
  begin
    v_answer := hadir.policy_take(p_document, p_now, false) - '{again,words}'::text[];
    if v_answer ? 'error' then
      raise exception using errcode = 'HD001';
    end if;
  exception when sqlstate 'HD001' then
    null;
  end;
  return v_answer;
end
$$;

-- Takes a circular back altogether: {"number", "government" (code; needed where two have the number), "reason"}. What it was
-- stays in the audit. Answers {"status": 200, "policy", "number"}. Callers: hadir_operator with hadir.actor set, hadir_admin.
create or replace function api.policy_remove(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems constant jsonb := hadir.body_problems(p_body, '{"number": "text!", "government": "text", "reason": "text"}');
  v_capacity constant text := hadir.circular_capacity(p_now);
  v_found    hadir.policy[];
  v_gone     hadir.policy;
begin
  if v_capacity is null then
    return hadir.circulars_not_yours();
  elsif v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  v_found := array(
    select p from hadir.policy p join hadir.government g on g.id = p.government
    where (session_user = 'hadir_admin' or g.id = hadir.actor_government()) and p.number = p_body ->> 'number' and (hadir.body_text(p_body, 'government') is null or g.code = p_body ->> 'government'));
  if cardinality(v_found) = 0 then
    return hadir.refusal(404, 'not_found', jsonb_build_array(jsonb_build_object('field', 'number',
      'reason', hadir.say('tidak ada surat edaran dengan nomor itu', 'there is no circular of that number'))));
  elsif cardinality(v_found) > 1 then
    return hadir.refusal(422, 'invalid', jsonb_build_array(jsonb_build_object('field', 'government',
      'reason', hadir.say('beberapa pemerintah mempunyai nomor itu; sebutkan pemerintahnya',
                          'several governments have that number; say which'))));
  end if;
  v_gone := v_found[1];
  -- Written down while it is there: row security lets nobody write of what he does not see.
  perform hadir.decide('policy', v_gone.id, 'revoked', p_now, v_capacity, hadir.body_text(p_body, 'reason'));
  delete from hadir.policy p where p.id = v_gone.id;
  insert into hadir.audit (at, action, subject, detail)
  values (p_now, 'policy_remove', v_gone.number, jsonb_build_object('revision', v_gone.revision, 'document', v_gone.document));
  return jsonb_build_object('status', 200, 'policy', v_gone.id, 'number', v_gone.number);
end
$$;

-- The circulars there are, newest validity first: {"status": 200, "policies": [{number, title, dated, valid_from, valid_to,
-- government, rank, grants, revision, in_force, scope: [text]}]}. p_body: {"government", "in_force": ya (only those) or tidak}.
-- Callers: hadir_admin, hadir_query (its own government's, whoever asks).
create or replace function api.policies(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_only     constant boolean := hadir.try_boolean(hadir.body_text(p_body, 'in_force'));
  v_problems constant jsonb := hadir.body_problems(p_body, '{"government": "text", "in_force": "text"}')
    || hadir.problem_if(hadir.body_text(p_body, 'in_force') is not null and v_only is null, 'in_force',
         hadir.say('harus ya atau tidak', 'must be yes or no'));
begin
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  return (
    select jsonb_build_object('status', 200, 'policies', coalesce(jsonb_agg(to_jsonb(q) order by q.valid_from desc, q.dated desc, q.number), '[]'))
    from (
      select p.number, p.title, p.dated, p.valid_from, p.valid_to, g.code as government, p.rank, p.grants, p.revision, t.in_force,
             hadir.policy_scope_words(p.id) as scope
      from hadir.policy p
      join hadir.government g on g.id = p.government
      cross join lateral (
        select hadir.local_day(g.id, p_now) between p.valid_from and coalesce(p.valid_to, 'infinity') as in_force) t
      where (session_user = 'hadir_admin' or g.id = hadir.actor_government())
        and (hadir.body_text(p_body, 'government') is null or g.code = p_body ->> 'government')
        and (v_only is not true or t.in_force)
    ) q);
end
$$;

-- As what the actor may apply circulars: console, bkpsdm, operator (of the whole government); null: not at all.
create or replace function hadir.circular_capacity(p_now timestamptz) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select c from hadir.government_capacity(hadir.actor_government(), p_now) c where c in ('console', 'bkpsdm', 'operator')
$$;
create or replace function hadir.circulars_not_yours() returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select hadir.refusal(403, 'not_yours', hadir.problem_if(true, '', hadir.say(
    'hanya BKPSDM atau operator seluruh pemerintah', 'only BKPSDM, or an operator of the whole government')))
$$;

-- What a document says, wherever its lines stand: by the console lines have numbers, over HTTP they need none.
create or replace function hadir.policy_said(p_document jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_agg(s.e - 'line' || jsonb_build_object('pairs', (
           select jsonb_agg(p.e - 'line' order by p.n) from jsonb_array_elements(s.e -> 'pairs') with ordinality p (e, n))) order by s.n)
  from jsonb_array_elements(p_document -> 'sections') with ordinality s (e, n)
$$;

-- Reads, checks, stores, and says what was stored; the caller undoes it. p_words: say it in full.
create or replace function hadir.policy_take(p_document jsonb, p_now timestamptz, p_words boolean) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.policy_document_problems(p_document);
  v_capacity constant text := hadir.circular_capacity(p_now);
  v_policy   bigint;
  v_old      hadir.policy;
  v_new      hadir.policy;
  v_today    date;
begin
  if v_capacity is null then
    return hadir.circulars_not_yours();
  elsif v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  perform hadir.policy_read(p_document);
  select jsonb_agg(to_jsonb(q)) into v_problems from hadir.policy_problems() q;
  if v_problems is not null then
    drop table pg_temp.policy_section;
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select p.* into v_old from hadir.policy p, pg_temp.policy_section s
  where s.kind = 'policy' and p.government = hadir.policy_government() and p.number = s.says ->> 'number';
  if hadir.policy_said(v_old.document) = hadir.policy_said(p_document) then
    v_policy := v_old.id;
  else
    v_policy := hadir.policy_store(p_document, v_capacity, p_now);
  end if;
  select p.* into v_new from hadir.policy p where p.id = v_policy;
  select (p_now at time zone g.zone)::date into v_today from hadir.government g where g.id = v_new.government;
  v_problems := hadir.policy_conflicts(v_policy, v_today);
  drop table pg_temp.policy_section;
  if v_problems is not null then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  return jsonb_build_object('status', case when v_old.id is null then 201 else 200 end, 'policy', v_policy, 'number', v_new.number,
                            'revision', v_new.revision, 'changed', v_new.revision is distinct from v_old.revision,
                            'again', case when v_old.id is null then null
                              when v_new.revision = v_old.revision
                                then format(hadir.say('Sudah berlaku seperti ini (revisi %s)', 'Applied as it is (revision %s)'), v_old.revision)
                              else format(hadir.say('Akan menggantikan revisi %s', 'Would replace revision %s'), v_old.revision) end,
                            'words', case when p_words then hadir.policy_says(v_policy, v_today) end);
end
$$;

-- Writes pg_temp.policy_section, checked, into the tables; returns the circular's id. Sessions keep their ids where their
-- code stays. The audit keeps each revision's document.
create or replace function hadir.policy_store(p_document jsonb, p_capacity text, p_now timestamptz) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_policy   bigint;
  v_revision int;
begin
  insert into hadir.policy as p (government, number, title, dated, valid_from, valid_to, rank, accuracy_cap_m, own_sessions, basis,
    grants, min_office_days, max_elsewhere_days, uncertain_counts, states_evidence, report_to, report_by, document)
  select hadir.policy_government(), s.says ->> 'number', coalesce(s.says ->> 'title', ''), hadir.try_date(s.says ->> 'dated'),
         hadir.try_date(s.says ->> 'valid_from'), hadir.try_date(s.says ->> 'valid_to'), coalesce((s.says ->> 'rank')::int, 0),
         (s.says ->> 'accuracy_cap_m')::double precision, exists (select from pg_temp.policy_section o where o.kind = 'session'),
         coalesce(s.says ->> 'basis', ''), coalesce(s.says ->> 'grants', 'blanket'), (s.says ->> 'min_office_days')::int,
         (s.says ->> 'max_elsewhere_days')::int, hadir.try_boolean(s.says ->> 'uncertain_counts'),
         exists (select from pg_temp.policy_section o where o.kind = 'evidence'), coalesce(s.says ->> 'report_to', ''),
         hadir.try_hour(s.says ->> 'report_by'), p_document
  from pg_temp.policy_section s where s.kind = 'policy'
  on conflict (government, number) do update
    set title = excluded.title, dated = excluded.dated, valid_from = excluded.valid_from, valid_to = excluded.valid_to,
        rank = excluded.rank, accuracy_cap_m = excluded.accuracy_cap_m, own_sessions = excluded.own_sessions, basis = excluded.basis,
        grants = excluded.grants, min_office_days = excluded.min_office_days, max_elsewhere_days = excluded.max_elsewhere_days,
        uncertain_counts = excluded.uncertain_counts, states_evidence = excluded.states_evidence, report_to = excluded.report_to,
        report_by = excluded.report_by, document = excluded.document, revision = p.revision + 1
  returning p.id, p.revision into v_policy, v_revision;

  perform hadir.policy_store_parts(v_policy);
  perform hadir.policy_store_sessions(v_policy);
  perform hadir.decide('policy', v_policy, 'applied', p_now, p_capacity);
  insert into hadir.audit (at, action, subject, detail)
  select p_now, 'policy_apply', p.number, jsonb_build_object('revision', v_revision, 'document', p_document)
  from hadir.policy p where p.id = v_policy;
  return v_policy;
end
$$;

-- Scopes, days, quotas, evidence, channels: replaced whole. Where no scope includes anybody, all are included.
create or replace function hadir.policy_store_parts(p_policy bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  delete from hadir.policy_scope s where s.policy = p_policy;
  insert into hadir.policy_scope (policy, unit, services, categories, echelons, exclude)
  select p_policy, u.id, hadir.policy_list(s.says ->> 'services'), hadir.policy_list(s.says ->> 'categories'),
         array_replace(hadir.policy_list(s.says ->> 'echelons'), 'staf', ''), coalesce(hadir.try_boolean(s.says ->> 'exclude'), false)
  from pg_temp.policy_section s left join hadir.unit u on u.code = any (hadir.policy_list(s.says ->> 'units'))
  where s.kind = 'scope'
  order by s.position, u.code;
  insert into hadir.policy_scope (policy)
  select p_policy where not exists (select from hadir.policy_scope s where s.policy = p_policy and not s.exclude);

  delete from hadir.policy_day d where d.policy = p_policy;
  insert into hadir.policy_day (policy, weekdays, place, anywhere, granted)
  select p_policy, hadir.policy_weekdays(s.says ->> 'weekdays'), s.says ->> 'place', coalesce(hadir.try_boolean(s.says ->> 'anywhere'), false),
         coalesce(hadir.try_boolean(s.says ->> 'granted'), false)
  from pg_temp.policy_section s where s.kind = 'day' order by s.position;

  delete from hadir.policy_quota q where q.policy = p_policy;
  insert into hadir.policy_quota (policy, measure, percent, rounding, base, small, services)
  select p_policy, s.says ->> 'measure', (s.says ->> 'percent')::numeric, coalesce(s.says ->> 'rounding', 'down'),
         coalesce(s.says ->> 'base', 'posted'), coalesce((s.says ->> 'small')::int, 0), hadir.policy_list(s.says ->> 'services')
  from pg_temp.policy_section s where s.kind = 'quota' order by s.position;

  delete from hadir.policy_evidence e where e.policy = p_policy;
  insert into hadir.policy_evidence (policy, places, kind, times, session)
  select p_policy, hadir.policy_list(s.says ->> 'places'), s.says ->> 'kind', coalesce((s.says ->> 'times')::int, 1), s.says ->> 'session'
  from pg_temp.policy_section s where s.kind = 'evidence' order by s.position;

  delete from hadir.policy_channel c where c.policy = p_policy;
  insert into hadir.policy_channel (policy, channel, decides)
  select p_policy, s.says ->> 'channel', s.says ->> 'decides' from pg_temp.policy_section s where s.kind = 'channel';
end
$$;

create or replace function hadir.policy_store_sessions(p_policy bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  delete from hadir.session s where s.policy = p_policy and not exists (select from hadir.policy_hours() h where h.code = s.code);
  insert into hadir.session as s (policy, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
  select p_policy, h.code, h.label, h.counts_as, h.accept_from, h.on_time_from, h.due, h.on_time_until, h.accept_until
  from hadir.policy_hours() h
  on conflict (policy, code) do update
    set label = excluded.label, counts_as = excluded.counts_as, accept_from = excluded.accept_from,
        on_time_from = excluded.on_time_from, due = excluded.due, on_time_until = excluded.on_time_until,
        accept_until = excluded.accept_until
    where (s.label, s.counts_as, s.accept_from, s.on_time_from, s.due, s.on_time_until, s.accept_until)
          is distinct from (excluded.label, excluded.counts_as, excluded.accept_from, excluded.on_time_from, excluded.due,
                            excluded.on_time_until, excluded.accept_until);
end
$$;

-- Sessions that the stored circular's own would empty, as problems; null when none. Without own sessions it empties none.
create or replace function hadir.policy_conflicts(p_policy bigint, p_today date) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_policy hadir.policy;
  v_units  bigint[];
begin
  select p.* into v_policy from hadir.policy p where p.id = p_policy;
  if not v_policy.own_sessions then
    return null;
  end if;
  v_units := array(select distinct c.descendant from hadir.policy_scope s
                   join hadir.unit u on u.government = v_policy.government and (s.unit is null or u.id = s.unit)
                   join hadir.unit_closure c on c.ancestor = u.id
                   where s.policy = p_policy and not s.exclude);
  return (
    select jsonb_agg(jsonb_build_object('line', coalesce(s.line, f.line), 'field', '[session ' || q.code || ']', 'reason',
             format(hadir.say('sesi %s di unit %s pada %s bertumpang tindih sampai habis dengan sesi berikutnya',
                              'session %s in unit %s on %s is covered whole by the next one'), q.code, q.unit_code, q.day))
             order by coalesce(s.line, f.line), q.code)
    from (select distinct on (c.code) c.* from hadir.plan_conflicts(
            hadir.plan_trial_days(v_policy.valid_from, v_policy.valid_to, p_today), v_units) c order by c.code, c.day, c.unit_code) q
    cross join (select min(s.line) as line from pg_temp.policy_section s where s.kind = 'session') f
    left join pg_temp.policy_section s on s.kind = 'session' and s.name = q.code);
end
$$;

alter function api.policy_check(jsonb, timestamptz) owner to hadir_writer;
alter function api.policy_apply(jsonb, timestamptz) owner to hadir_writer;
alter function api.policy_remove(jsonb, timestamptz) owner to hadir_writer;
alter function api.policies(jsonb, timestamptz) owner to hadir_reader;
revoke all on function api.policy_check(jsonb, timestamptz), api.policy_apply(jsonb, timestamptz),
  api.policy_remove(jsonb, timestamptz), api.policies(jsonb, timestamptz) from public;
grant execute on function api.policy_check(jsonb, timestamptz), api.policy_apply(jsonb, timestamptz),
  api.policy_remove(jsonb, timestamptz) to hadir_operator, hadir_admin;
grant execute on function api.policies(jsonb, timestamptz) to hadir_admin, hadir_query;
grant execute on function hadir.policy_said(jsonb), hadir.policy_take(jsonb, timestamptz, boolean), hadir.policy_store(jsonb, text, timestamptz),
  hadir.policy_store_parts(bigint), hadir.policy_store_sessions(bigint), hadir.policy_conflicts(bigint, date),
  hadir.circular_capacity(timestamptz), hadir.circulars_not_yours() to hadir_writer;
