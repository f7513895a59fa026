-- Notices for whoever decides: that somebody reached a step of discipline (recap_answers.sql finds them), and that something
-- a circular does not allow arose for a day to come after its letter was confirmed: another letter, a move, leave, a circular
-- applied. Both are found by the nightly run, each once.

-- A notice in words; p_name: of the person, null where it is of a unit: then with the names of those whom it counts.
create or replace function hadir.notice_text(p_name text, p_notice hadir.notice) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when (p_notice).kind = 'breach' then hadir.breach_text((p_notice).breach) || case when p_name is null then coalesce(': ' || (
      select string_agg(e.person ->> 'name', ', ' order by e.place)
      from jsonb_array_elements((p_notice).breach -> 'people') with ordinality e (person, place)), '') else '' end
    when (p_notice).consecutive
    then format(hadir.say('%s tidak masuk kerja tanpa alasan yang sah %s hari kerja berturut-turut sampai %s. %s: hukuman %s, %s. '
                          'Atasan langsung wajib memanggil dan memeriksa.',
                          '%s was absent without excuse on %s working days in a row up to %s. %s: %s, %s. The direct superior must '
                          'summon and examine.'),
                p_name, (p_notice).days, (p_notice).reached_on, (p_notice).basis, (p_notice).level, (p_notice).sanction)
    else format(hadir.say('%s tidak masuk kerja tanpa alasan yang sah %s hari kerja tahun ini sampai %s. %s: hukuman %s, %s. '
                          'Atasan langsung wajib memanggil dan memeriksa.',
                          '%s was absent without excuse on %s working days of this year up to %s. %s: %s, %s. The direct superior '
                          'must summon and examine.'),
                p_name, (p_notice).days, (p_notice).reached_on, (p_notice).basis, (p_notice).level, (p_notice).sanction) end
$$;

-- Whether a notice is for the actor: of a unit's breach, if he acts for it, not as its operator; of a person's, if he decides about
-- him; of a step of discipline only if he is the direct superior (nobody is named head of a unit nearer than the one that the actor
-- leads, is delegated for, or without such a posting has his token for) or BKPSDM.
create or replace function hadir.notice_is_mine(p_notice hadir.notice, p_now timestamptz) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_capacity text;
  v_day      date;
  v_unit     bigint;  -- whose head decides about him
  v_mine     int;     -- how far above it the actor stands
begin
  if (p_notice).person is null then
    return coalesce(hadir.actor_capacity((p_notice).unit, p_now) <> 'operator', false);
  end if;
  v_capacity := hadir.capacity_to_decide((p_notice).person, p_now);
  if (p_notice).kind = 'breach' or v_capacity is null or v_capacity not in ('head', 'acting', 'delegate') then
    return v_capacity is not null;
  end if;
  v_day := hadir.local_day((p_notice).government, p_now);
  v_unit := hadir.superior_unit((p_notice).person, v_day);
  select coalesce(
      min(c.depth) filter (where exists (
        select from hadir.posting o where o.unit = c.ancestor and o.person = hadir.actor_person() and o.kind = any ('{head,acting,delegate}')
          and o.valid_from <= v_day and (o.valid_to is null or o.valid_to >= v_day))),
      min(c.depth) filter (where exists (
        select from hadir.access a where a.id = hadir.actor_id('access') and a.unit = c.ancestor))) into v_mine
  from hadir.unit_closure c
  where c.descendant = v_unit;
  return not exists (
    select from hadir.unit_closure c
    join hadir.posting o on o.unit = c.ancestor and o.kind in ('head', 'acting') and o.valid_from <= v_day
      and (o.valid_to is null or o.valid_to >= v_day)
    where c.descendant = v_unit and c.depth < v_mine);
end
$$;

-- Breaches that letters in force were confirmed over, with their reasons: who confirmed knows of them.
create or replace function hadir.breaches_confirmed(p_government bigint, p_from date) returns table (breach jsonb)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select distinct b - '{have,limit,base,people,text,name}'::text[]
  from hadir.letter l
  join hadir.decision d on d.subject = 'letter' and d.ref = l.id and d.step = 'confirmed'
  cross join jsonb_array_elements(d.breaches) b
  where l.government = p_government and l.status = 'confirmed'
    and exists (select from hadir.assignment a where a.letter = l.id and a.day >= p_from - 7)
$$;

-- The units that are looked at for a week: where a circular counts shares or weeks, all that have people; else those of whom
-- letters speak.
create or replace function hadir.breach_units(p_government bigint, p_from date, p_to date) returns bigint[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(distinct o.unit), '{}')
  from hadir.posting o
  join hadir.unit u on u.id = o.unit and u.government = p_government
  where o.kind = 'main' and o.valid_from <= p_to and (o.valid_to is null or o.valid_to >= p_from)
    and (exists (select from hadir.policy p
                 where p.government = p_government and p.valid_from <= p_to and (p.valid_to is null or p.valid_to >= p_from)
                   and (p.min_office_days is not null or p.max_elsewhere_days is not null
                        or exists (select from hadir.policy_quota q where q.policy = p.id)))
         or o.person in (select a.person from hadir.assignment a where a.day between p_from and p_to))
$$;

revoke all on function hadir.notice_text(text, hadir.notice), hadir.notice_is_mine(hadir.notice, timestamptz),
  hadir.breaches_confirmed(bigint, date), hadir.breach_units(bigint, date, date) from public;
grant execute on function hadir.notice_text(text, hadir.notice), hadir.notice_is_mine(hadir.notice, timestamptz)
  to hadir_reader, hadir_writer;
grant execute on function hadir.breaches_confirmed(bigint, date), hadir.breach_units(bigint, date, date) to hadir_writer;

set role hadir_reader;

create or replace function api.notices(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems constant jsonb := hadir.body_problems(p_body, '{"unit": "text!"}');
  v_unit     bigint;
  v_zone     text;
begin
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  v_unit := hadir.unit_to_ask(p_body ->> 'unit', p_now);
  if v_unit is null then
    return hadir.no_such_unit();
  end if;
  select g.zone into v_zone from hadir.unit u join hadir.government g on g.id = u.government where u.id = v_unit;
  return (
    with found as (
      select n.*
      from hadir.unit_closure c
      join hadir.notice n on n.unit = c.descendant
      where c.ancestor = v_unit and hadir.notice_is_mine(n, p_now)
      order by n.told_at is not null, coalesce(n.reached_on, n.day) desc, n.id desc
      limit hadir.list_most() + 1
    )
    select jsonb_build_object('status', 200, 'unit', p_body ->> 'unit', 'more', count(*) > hadir.list_most(), 'notices', coalesce(
             jsonb_agg(jsonb_build_object('notice', f.id, 'kind', f.kind, 'nip', p.nip, 'name', p.name, 'unit', u.code,
               'found_at', hadir.rfc3339(f.found_at, v_zone), 'told_at', hadir.rfc3339(f.told_at, v_zone), 'told_to', f.told_to,
               'text', hadir.notice_text(p.name, n))
             || case f.kind when 'breach' then jsonb_build_object('day', f.day, 'breach', f.breach)
                else jsonb_build_object('year', f.year, 'consecutive', f.consecutive, 'from_days', f.from_days, 'days', f.days,
                       'level', f.level, 'sanction', f.sanction, 'basis', f.basis, 'reached_on', f.reached_on) end
             order by f.turn) filter (where f.turn <= hadir.list_most()), '[]'))
    from (select f.*, row_number() over (order by f.told_at is not null, coalesce(f.reached_on, f.day) desc, f.id desc) as turn
          from found f) f
    join hadir.notice n on n.id = f.id
    join hadir.unit u on u.id = f.unit
    left join hadir.person p on p.id = f.person);
end
$$;
comment on function api.notices(jsonb, timestamptz) is
  'p_body: unit (code). The notices of the unit and below it that are for the actor: steps of discipline of those whose direct superior he '
  'is, breaches of people about whom he may decide and of units for which he acts; BKPSDM and the console have all; untold ones first, then the latest; hadir.list_most() of them ("more": there are others). Called by '
  'hadir_query with hadir.actor set, and hadir_admin.';
revoke all on function api.notices(jsonb, timestamptz) from public;
grant execute on function api.notices(jsonb, timestamptz) to hadir_query, hadir_admin;

reset role;
set role hadir_writer;

create or replace function api.breach_notice(p_now timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  c_weeks constant int := 4;   -- how far ahead: this week and the next three
  c_units constant int := 200; -- at a time: whole governments are too many people times days
  v_land  record;
  v_week  date;
  v_part  record;
  v_new   bigint;
  v_count bigint := 0;
begin
  for v_land in select g.id, hadir.local_day(g.id, p_now) as today from hadir.government g order by g.id loop
    for n in 0 .. c_weeks - 1 loop
      v_week := date_trunc('week', v_land.today::timestamp)::date + 7 * n;
      for v_part in
        select array_agg(u) as units
        from unnest(hadir.breach_units(v_land.id, greatest(v_week, v_land.today), v_week + 6)) with ordinality e (u, place)
        group by (place - 1) / c_units
      loop
        insert into hadir.notice (government, kind, person, unit, policy, measure, day, breach, found_at)
        select v_land.id, 'breach', pe.id, u.id, p.id, b ->> 'measure', coalesce((b ->> 'day')::date, (b ->> 'week')::date), b - 'text', p_now
        from jsonb_array_elements(hadir.breach_list(v_land.id, greatest(v_week, v_land.today), v_week + 6, v_part.units, null)) b
        join hadir.unit u on u.government = v_land.id and u.code = b ->> 'unit'
        left join hadir.policy p on p.government = v_land.id and p.number = b ->> 'policy'
        left join hadir.person pe on pe.nip = b ->> 'nip'
        where b - '{have,limit,base,people,text,name}'::text[] not in (select k.breach from hadir.breaches_confirmed(v_land.id, v_land.today) k)
        on conflict (unit, measure, policy, day, person) where kind = 'breach' do nothing;
        get diagnostics v_new = row_count;
        v_count := v_count + v_new;
      end loop;
    end loop;
  end loop;
  return v_count;
end
$$;
comment on function api.breach_notice(timestamptz) is
  'Keeps a notice for each breach of a circular from today to the end of the third week after this, once, but of those that a letter '
  'in force was confirmed over. Returns how many are new. Called by hadir_nightly.';
revoke all on function api.breach_notice(timestamptz) from public;
grant execute on function api.breach_notice(timestamptz) to hadir_nightly;

create or replace function api.notice_seen(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems constant jsonb := hadir.body_problems(p_body, '{"notice": "id!"}');
  v_notice   hadir.notice;
begin
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select n.* into v_notice from hadir.notice n where n.id = hadir.body_id(p_body, 'notice') for update;
  if v_notice.id is null or not hadir.notice_is_mine(v_notice, p_now) then
    return hadir.no_such('notice', hadir.body_id(p_body, 'notice'));
  end if;
  update hadir.notice n
  set told_at = p_now, told_to = case when session_user = 'hadir_admin' then 'hadir' else current_setting('hadir.actor') end
  where n.id = v_notice.id and n.told_at is null;
  return jsonb_build_object('status', 200, 'notice', v_notice.id);
end
$$;
comment on function api.notice_seen(jsonb, timestamptz) is
  'p_body: notice (id). Whoever it is for acknowledges the notice; the first time stays. Called by hadir_operator with hadir.actor '
  'set, and hadir_admin.';
revoke all on function api.notice_seen(jsonb, timestamptz) from public;
grant execute on function api.notice_seen(jsonb, timestamptz) to hadir_operator, hadir_admin;

reset role;
