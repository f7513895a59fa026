-- What a change to a plan table makes dirty. Statement triggers note it in hadir.plan_dirt, in the same transaction,
-- and wake the planner; only api.plan_refresh compiles. Nothing here decides whether the plan really changes.

-- Keeps hadir.unit_closure equal to the tree. The tree is small and changes seldom: it is computed whole.
create or replace function hadir.unit_closure_keep() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    with recursive up (id, parent) as (
      select u.id, u.parent from hadir.unit u
      union all
      select up.id, u.parent from up join hadir.unit u on u.id = up.parent
    ) cycle id, parent set looped using path
    select from up where looped or up.parent = up.id
  ) then
    raise exception 'unit tree has a loop' using errcode = 'check_violation';
  end if;
  with recursive up (ancestor, descendant, depth) as (
    select u.id, u.id, 0 from hadir.unit u
    union all
    select u.parent, up.descendant, up.depth + 1 from up join hadir.unit u on u.id = up.ancestor
    where u.parent is not null
  ),
  gone as (
    delete from hadir.unit_closure c
    where not exists (select from up where up.ancestor = c.ancestor and up.descendant = c.descendant)
  )
  insert into hadir.unit_closure as c (ancestor, descendant, depth)
  select ancestor, descendant, depth from up
  on conflict (ancestor, descendant) do update set depth = excluded.depth where c.depth <> excluded.depth;
  return null;
end
$$;
create or replace trigger closure_insert after insert on hadir.unit
  for each statement execute function hadir.unit_closure_keep();
create or replace trigger closure_update after update of parent on hadir.unit
  for each statement execute function hadir.unit_closure_keep();

-- Keeps hadir.unit.serves: the unit's own class of service, else that of the nearest unit above that has one. Runs after the
-- closure is kept (triggers go by name); what it updates makes dirt as any change of a unit does.
create or replace function hadir.unit_serves_keep() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update hadir.unit u set serves = n.serves
  from (
    select distinct on (c.descendant) c.descendant as unit, coalesce(a.service, 'administration') as serves
    from hadir.unit_closure c join hadir.unit a on a.id = c.ancestor
    order by c.descendant, a.service is null, c.depth
  ) n
  where n.unit = u.id and u.serves <> n.serves;
  return null;
end
$$;
create or replace trigger serves_insert after insert on hadir.unit
  for each statement execute function hadir.unit_serves_keep();
create or replace trigger serves_update after update of parent, service on hadir.unit
  for each statement execute function hadir.unit_serves_keep();

-- One trigger function per plan table, from one template: {rows} is the transition table, each SELECT yields
-- (kind, ref, first_day, last_day).
do $do$
declare
  t record;
  body text;
begin
  for t in
    select * from (values
      ('government', $$select 'government', id, null::date, null::date from {rows}
                       union select 'business', id, null, null from {rows}$$),
      ('unit', $$select 'unit', id, null::date, null::date from {rows}$$),
      ('person', $$select 'person', id, null::date, null::date from {rows}$$),
      -- A posting counts from a month before the window on, and not from its own first day, years ago.
      ('posting', $$select 'person', person, greatest(valid_from, (select s.first_day - 32 from hadir.directory_state s)), valid_to
                    from {rows} where kind = 'main'$$),
      ('device', $$select 'device', id, null::date, null::date from {rows}$$),
      ('access', $$select 'access', id, null::date, null::date from {rows}$$),
      ('fence', $$select 'fence', id, null::date, null::date from {rows}
                  union select 'unit', unit, null, null from {rows} where unit is not null
                  union select 'home', person, null, null from {rows} where kind = 'home'$$),
      ('calendar_day', $$select case when government is null then 'all' else 'government' end, coalesce(government, 0),
                                day, day from {rows}$$),
      -- A period that is decreed again also frees the days it had before.
      ('calendar_period', $$select case when c.government is null then 'all' else 'government' end, coalesce(c.government, 0),
                                   c.first_day, c.last_day
                            from hadir.calendar_period c
                            where exists (select from {rows} r where r.kind = c.kind and r.name = c.name)
                            union
                            select case when government is null then 'all' else 'government' end, coalesce(government, 0),
                                   first_day, last_day from {rows}$$),
      ('working_hours', $$select case when person is not null then 'person' when unit is not null then 'unit'
                                      else 'government' end, coalesce(person, unit, government), valid_from, valid_to
                          from {rows}$$),
      ('policy', $$select distinct case when s.unit is null then 'government' else 'unit' end,
                          coalesce(s.unit, p.government), p.valid_from, p.valid_to
                   from {rows} p join hadir.policy_scope s on s.policy = p.id$$),
      ('policy_scope', $$select distinct case when s.unit is null then 'government' else 'unit' end,
                                coalesce(s.unit, p.government), p.valid_from, p.valid_to
                         from {rows} s join hadir.policy p on p.id = s.policy$$),
      ('policy_day', $$select distinct case when c.unit is null then 'government' else 'unit' end,
                          coalesce(c.unit, p.government), p.valid_from, p.valid_to
                   from {rows} s join hadir.policy p on p.id = s.policy
                   join hadir.policy_scope c on c.policy = p.id$$),
      ('policy_evidence', $$select distinct case when c.unit is null then 'government' else 'unit' end,
                          coalesce(c.unit, p.government), p.valid_from, p.valid_to
                   from {rows} s join hadir.policy p on p.id = s.policy
                   join hadir.policy_scope c on c.policy = p.id$$),
      ('policy_channel', $$select distinct case when c.unit is null then 'government' else 'unit' end,
                          coalesce(c.unit, p.government), p.valid_from, p.valid_to
                   from {rows} s join hadir.policy p on p.id = s.policy
                   join hadir.policy_scope c on c.policy = p.id$$),
      ('session', $$select distinct case when w.person is not null then 'person' when w.unit is not null then 'unit'
                                         else 'government' end, coalesce(w.person, w.unit, w.government),
                           w.valid_from, w.valid_to
                    from {rows} s join hadir.working_hours w on w.id = s.working_hours
                    union
                    select case when c.unit is null then 'government' else 'unit' end,
                           coalesce(c.unit, p.government), p.valid_from, p.valid_to
                    from {rows} s join hadir.policy p on p.id = s.policy
                    join hadir.policy_scope c on c.policy = p.id$$),
      ('letter', $$select 'person', a.person, min(a.day), max(a.day)
                   from {rows} l join hadir.assignment a on a.letter = l.id
                   where l.status = 'confirmed' group by a.person$$),
      ('assignment', $$select 'person', a.person, min(a.day), max(a.day)
                       from {rows} a join hadir.letter l on l.id = a.letter
                       where l.status = 'confirmed' group by a.person$$),
      ('absence', $$select 'person', person, first_day, last_day from {rows} where status = 'approved'$$),
      ('absence_code', $$select distinct 'government', government, null::date, null::date from {rows}$$),
      ('channel_time', $$select distinct 'government', government, null::date, null::date from {rows}$$)
    ) v (table_name, selects)
  loop
    body := format($f$
      create or replace function hadir.dirt_of_%1$s() returns trigger
      language plpgsql set search_path = pg_catalog, pg_temp
      as $body$
      begin
        if tg_op <> 'DELETE' then
          insert into hadir.plan_dirt (kind, ref, first_day, last_day) %2$s;
        end if;
        if tg_op <> 'INSERT' then
          insert into hadir.plan_dirt (kind, ref, first_day, last_day) %3$s;
        end if;
        perform pg_notify('hadir_plan', '');
        return null;
      end
      $body$$f$, t.table_name, replace(t.selects, '{rows}', 'new_rows'), replace(t.selects, '{rows}', 'old_rows'));
    execute body;
    execute format('create or replace trigger dirt_insert after insert on hadir.%1$s referencing new table as new_rows '
                   'for each statement execute function hadir.dirt_of_%1$s()', t.table_name);
    execute format('create or replace trigger dirt_update after update on hadir.%1$s referencing old table as old_rows '
                   'new table as new_rows for each statement execute function hadir.dirt_of_%1$s()', t.table_name);
    execute format('create or replace trigger dirt_delete after delete on hadir.%1$s referencing old table as old_rows '
                   'for each statement execute function hadir.dirt_of_%1$s()', t.table_name);
  end loop;
end
$do$;

-- A circular goes with its scopes and sessions by cascade: their rows are gone when the statement trigger of policy
-- looks, and the policy is gone when theirs does. So the range is noted before.
create or replace function hadir.dirt_before_policy_delete() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  insert into hadir.plan_dirt (kind, ref, first_day, last_day)
  select distinct case when s.unit is null then 'government' else 'unit' end, coalesce(s.unit, old.government),
         old.valid_from, old.valid_to
  from hadir.policy_scope s where s.policy = old.id;
  return old;
end
$$;
create or replace trigger dirt_before_delete before delete on hadir.policy
  for each row execute function hadir.dirt_before_policy_delete();
