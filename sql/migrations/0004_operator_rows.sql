-- Rows that people change through hadir_operator. Until now row security let that role read and write every letter, absence,
-- correction, outage, decision, notice, work report and reopening, and apply circulars for anybody of the government: only the
-- functions' own checks held. Now it holds alone, too: it knows units, oneself and the role of a token, not offices and their
-- dates, which stay the functions' business. What of these rows an actor sees is the policy actor_reads, as before.

-- Whether the actor holds a token of an operator or of BKPSDM; p_whole: of a whole government.
create function hadir.actor_arranges(p_whole boolean) returns boolean
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (
    select from hadir.access a
    where a.id = hadir.actor_id('access') and a.revoked_at is null and a.role <> 'supervisor'
      and (not p_whole or not exists (select from hadir.unit_closure c where c.descendant = a.unit and c.depth > 0)));
end
$$;
grant execute on function hadir.actor_arranges(boolean) to hadir_reader, hadir_writer;

-- Whose posting that is, or was when the statement began: a policy cannot ask its own table.
create function hadir.posting_person(p_posting bigint) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (select o.person from hadir.posting o where o.id = p_posting);
end
$$;
revoke all on function hadir.posting_person(bigint) from public;
grant execute on function hadir.posting_person(bigint) to hadir_writer;

do $$
declare
  seen  constant text := '(person = (select hadir.actor_person()) or exists (select from hadir.posting seen '
                         'where seen.person = %1$s.person and seen.kind = ''main'' '
                         'and seen.unit = any ((select hadir.visible_units())::bigint[]) %2$s))';
  own   constant text := 'government = (select hadir.actor_government()) and ';
  units constant text := 'unit = any ((select hadir.visible_units())::bigint[])';
  whole constant text := 'government = (select hadir.actor_government()) and (select hadir.actor_arranges(true))';
  -- Nobody approves, confirms or rejects what is about himself; he asks and withdraws.
  not_mine constant text := '(person <> (select hadir.actor_person()) or status in (''requested'', ''revoked''))';
  t text;
  r record;
begin
  -- The role is no system role of these any more.
  for r in
    select name, writers, array['hadir_nightly', 'hadir_owner']::name[] || writers || case when planned then '{hadir_intake,hadir_planner}'::name[] else '{}' end as readers
    from (values ('letter', true, '{hadir_admin}'::name[]), ('letter_order', true, '{hadir_admin}'), ('assignment', true, '{hadir_admin}'),
                 ('absence', true, '{hadir_admin}'), ('correction', true, '{hadir_admin}'), ('outage', true, '{hadir_admin}'),
                 ('work_report', true, '{hadir_admin}'), ('decision', false, '{hadir_nightly,hadir_admin}'),
                 ('notice', false, '{hadir_nightly,hadir_admin}'), ('reopening', false, '{hadir_admin}'), ('audit', false, '{hadir_admin}')) p (name, planned, writers)
  loop
    execute format('drop policy system_reads on hadir.%I', r.name);
    execute format('drop policy system_writes on hadir.%I', r.name);
    execute format('create policy system_reads on hadir.%I for select using ((select session_user = any (%L::name[])))', r.name, r.readers);
    execute format('create policy system_writes on hadir.%I for all using ((select session_user = any (%L::name[]))) '
                   'with check ((select session_user = any (%L::name[])))', r.name, r.writers || 'hadir_owner'::name, r.writers || 'hadir_owner'::name);
  end loop;

  execute 'create policy actor_reads on hadir.letter_order for select using ((select session_user = any '
          '(''{hadir_query,hadir_operator}''::name[])) and exists (select from hadir.letter l where l.id = letter_order.letter))';

  -- Each: table, what may be added, what may be changed, what it may become; null: never.
  for r in
    select * from (values
      ('letter', own || units || ' and status = ''filed''', units, own || units || ' and not exists (select from hadir.assignment a where a.letter = letter.id '
                                        'and a.person = (select hadir.actor_person()))'),
      ('letter_order', 'exists (select from hadir.letter l where l.id = letter_order.letter)', null, null),
      ('assignment', format(seen, 'assignment', 'and seen.valid_from <= assignment.day and (seen.valid_to is null or seen.valid_to >= assignment.day)'), null, null),
      ('absence', format(seen, 'absence', '') || ' and status = ''requested''', format(seen, 'absence', ''), format(seen, 'absence', '') || ' and ' || not_mine),
      ('correction', format(seen, 'correction', '') || ' and status = ''requested''', format(seen, 'correction', ''),
       format(seen, 'correction', '') || ' and ' || not_mine),
      ('outage', own || units || ' and status = ''requested''', units, own || units),
      ('work_report', format(seen, 'work_report', ''), null, null),
      ('notice', null, units, units),
      ('reopening', whole, null, null),
      ('audit', '(select hadir.actor_arranges(false))', null, null),
      -- A step is of whoever takes it, about what he sees.
      ('decision', 'actor = current_setting(''hadir.actor'', true) and person is not distinct from (select hadir.actor_person()) and case subject '
                   'when ''letter'' then exists (select from hadir.letter s where s.id = ref) '
                   'when ''absence'' then exists (select from hadir.absence s where s.id = ref) '
                   'when ''correction'' then exists (select from hadir.correction s where s.id = ref) '
                   'when ''outage'' then exists (select from hadir.outage s where s.id = ref) '
                   'when ''policy'' then (select hadir.actor_arranges(true)) and exists (select from hadir.policy s where s.id = ref and s.government = (select hadir.actor_government())) '
                   'when ''month'' then ref / 1000000 = (select hadir.actor_government()) and (select hadir.actor_arranges(true)) end', null, null)
    ) p (name, added, changed, becomes)
  loop
    if r.added is not null then
      execute format('create policy operator_adds on hadir.%I for insert with check ((select session_user = ''hadir_operator'') and (%s))', r.name, r.added);
    end if;
    if r.changed is not null then
      execute format('create policy operator_changes on hadir.%I for update using ((select session_user = ''hadir_operator'') and (%s)) with check (%s)',
                     r.name, r.changed, r.becomes);
    end if;
  end loop;

  -- Who names heads and applies circulars holds such a token, and nobody names himself.
  execute 'drop policy operator_names on hadir.posting';
  execute 'drop policy operator_replaces on hadir.posting';
  execute 'create policy operator_names on hadir.posting for insert with check ((select session_user = ''hadir_operator'') and kind <> ''main'' and '
          || units || ' and (select hadir.actor_arranges(false)) and person <> (select hadir.actor_person()))';
  execute 'create policy operator_replaces on hadir.posting for update using ((select session_user = ''hadir_operator'') and kind <> ''main'' and '
          || units || ' and (select hadir.actor_arranges(false))) with check (kind <> ''main'' and ' || units || ' and person = hadir.posting_person(id))';
  execute 'drop policy operator_applies on hadir.policy';
  execute 'create policy operator_applies on hadir.policy for all using ((select session_user = ''hadir_operator'') and ' || whole || ')';
  foreach t in array array['policy_scope', 'policy_day', 'policy_quota', 'policy_evidence', 'policy_channel', 'session'] loop
    execute format('drop policy operator_applies on hadir.%I', t);
    execute format('create policy operator_applies on hadir.%1$I for all using ((select session_user = ''hadir_operator'') '
                   'and (select hadir.actor_arranges(true)) and exists (select from hadir.policy p where p.id = %1$I.policy))', t);
  end loop;
end
$$;
