-- What the planner copies out into the doors' directory. Constant SQL; the delta is selected by
-- set_config('hadir.since', <directory number>, false): '0' or unset = everything there is, otherwise what changed after
-- that version, with removed = true for what is gone. Owned by hadir_reader; caller: hadir_planner.

create or replace function hadir.directory_since() returns bigint
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(nullif(current_setting('hadir.since', true), '')::bigint, 0)
$$;
-- A function in a view is called with the caller's rights: these two touch no table.
grant execute on function hadir.directory_since() to hadir_reader, hadir_writer, hadir_planner;
grant execute on function hadir.epoch_us(timestamptz) to hadir_planner;

drop view if exists api.directory_person, api.directory_slot, api.directory_pattern, api.directory_token,
  api.directory_number, api.directory_fence, api.directory_business;

-- Who belongs to which pair, as intervals of days since 1970 that touch the window; removed: to none any more. Two
-- branches, of which one never runs: everybody is hashed, a few are looked up.
create view api.directory_person as
select m.person, p.government, m.first_days, m.last_days, m.pairs, coalesce(h.homes, '{}') as homes, false as removed
from (
  select m.person, array_agg(m.first_day - date '1970-01-01' order by m.first_day) as first_days,
         array_agg(least(m.last_day, date '2199-12-31') - date '1970-01-01' order by m.first_day) as last_days,
         array_agg(m.pair order by m.first_day) as pairs
  from hadir.plan_member m
  cross join hadir.directory_state s
  where m.first_day <= s.first_day + s.days - 1 and m.last_day >= s.first_day
  group by m.person
) m
join hadir.person p on p.id = m.person
left join (
  select f.person, array_agg(f.id order by f.id) as homes
  from hadir.fence f where f.kind = 'home' and f.removed_at is null group by f.person
) h on h.person = m.person
where (select hadir.directory_since()) = 0
union all
select p.id, p.government, coalesce(m.first_days, '{}'), coalesce(m.last_days, '{}'), coalesce(m.pairs, '{}'), h.homes,
       m.first_days is null
from hadir.directory_change c
join hadir.person p on p.id = c.ref
cross join lateral (
  select array_agg(m.first_day - date '1970-01-01' order by m.first_day) as first_days,
         array_agg(least(m.last_day, date '2199-12-31') - date '1970-01-01' order by m.first_day) as last_days,
         array_agg(m.pair order by m.first_day) as pairs
  from hadir.plan_member m
  cross join hadir.directory_state s
  where m.person = p.id and m.first_day <= s.first_day + s.days - 1 and m.last_day >= s.first_day
) m
cross join lateral (
  select coalesce(array_agg(f.id order by f.id), '{}') as homes
  from hadir.fence f where f.person = p.id and f.kind = 'home' and f.removed_at is null
) h
where (select hadir.directory_since()) > 0 and c.kind = 'person' and c.number > (select hadir.directory_since());

-- The window's slots, and the patterns they name.
create view api.directory_slot as
select s.pair, s.day - date '1970-01-01' as day, s.pattern
from hadir.plan_slot s
cross join hadir.directory_state w
where s.day between w.first_day and w.first_day + w.days - 1 and s.number > (select hadir.directory_since());

create view api.directory_pattern as
select p.id, hadir.epoch_us(p.starts_at) as starts_us, hadir.epoch_us(p.ends_at) as ends_us, p.place, p.anywhere,
       p.accuracy_cap_m, p.decides, p.sessions, p.fences
from hadir.plan_pattern p
where p.id in (select s.pattern from hadir.plan_slot s cross join hadir.directory_state w
               where s.day between w.first_day and w.first_day + w.days - 1 and s.number > (select hadir.directory_since()));

-- Two branches as above, of devices and of rights to ask. Whatever the planner expects of the changes, which it cannot know:
-- offset 0 makes it look each up, instead of reading everybody's devices for one.
create view api.directory_token as
select encode(t.token_hash, 'hex') as token_hash, t.kind, t.id, t.government, t.person,
       coalesce(array_position(array['native', 'owntracks', 'osmand', 'whatsapp'], t.channel), 0) as channel,
       t.revoked_at is not null as revoked, false as removed
from (
  select d.token_hash, 1 as kind, d.id, d.government, d.person, d.channel, d.revoked_at
  from hadir.device d
  where (select hadir.directory_since()) = 0
  union all
  select d.token_hash, 1, d.id, d.government, d.person, d.channel, d.revoked_at
  from hadir.directory_change c
  cross join lateral (select * from hadir.device d where d.id = c.ref offset 0) d
  where (select hadir.directory_since()) > 0 and c.kind = 'device' and c.number > (select hadir.directory_since())
  union all
  select a.token_hash, 2, a.id, a.government, a.person, null, a.revoked_at
  from hadir.access a
  where (select hadir.directory_since()) = 0
  union all
  select a.token_hash, 2, a.id, a.government, a.person, null, a.revoked_at
  from hadir.directory_change c
  cross join lateral (select * from hadir.access a where a.id = c.ref offset 0) a
  where (select hadir.directory_since()) > 0 and c.kind = 'access' and c.number > (select hadir.directory_since())
) t
where t.token_hash is not null;

-- A number that was bound again: the living device speaks for it, else the last revoked one. Other devices may have it
-- than those that changed: they are looked through only when one with a number did.
create view api.directory_number as
select distinct on (v.government, v.is_user_id, v.value) v.government, v.value, v.is_user_id, v.device, v.person, v.revoked,
       false as removed
from (
  select d.government, d.number as value, false as is_user_id, d.id as device, d.person, d.revoked_at is not null as revoked
  from hadir.device d where d.number is not null
  union all
  select d.government, d.user_id, true, d.id, d.person, d.revoked_at is not null
  from hadir.device d where d.user_id is not null
) v
where ((select hadir.directory_since()) = 0 or (
    select bool_or(d.number is not null or d.user_id is not null)
    from hadir.directory_change c
    cross join lateral (select d.number, d.user_id from hadir.device d where d.id = c.ref offset 0) d
    where c.kind = 'device' and c.number > (select hadir.directory_since())))
  and ((select hadir.directory_since()) = 0
   or (v.government, v.is_user_id, v.value) in (
     select d.government, w.is_user_id, w.value
     from hadir.device d cross join lateral (values (false, d.number), (true, d.user_id)) w (is_user_id, value)
     where w.value is not null and d.id in (select c.ref from hadir.directory_change c
       where c.kind = 'device' and c.number > (select hadir.directory_since()))))
order by v.government, v.is_user_id, v.value, v.revoked, v.device desc;

create view api.directory_fence as
select f.id as fence, f.version, f.government, f.kind, f.name, f.shared, encode(v.shape, 'hex') as shape,
       f.removed_at is not null as removed
from hadir.fence f
join hadir.fence_version v on v.fence = f.id and v.version = f.version
where case when (select hadir.directory_since()) = 0 then f.removed_at is null
      else f.id in (select c.ref from hadir.directory_change c
       where c.kind = 'fence' and c.number > (select hadir.directory_since())) end;

create view api.directory_business as
select g.phone_number_id, g.id as government
from hadir.government g
where g.phone_number_id is not null;

alter view api.directory_person owner to hadir_reader;
alter view api.directory_slot owner to hadir_reader;
alter view api.directory_pattern owner to hadir_reader;
alter view api.directory_token owner to hadir_reader;
alter view api.directory_number owner to hadir_reader;
alter view api.directory_fence owner to hadir_reader;
alter view api.directory_business owner to hadir_reader;
grant select on api.directory_person, api.directory_slot, api.directory_pattern, api.directory_token,
  api.directory_number, api.directory_fence, api.directory_business to hadir_planner;
-- Row policies are expanded into a query through these views; functions in them are asked for as the one who asks, while
-- tables are as the views' owner. For the planner they find no actor, hence nothing.
grant execute on function hadir.actor_id(text), hadir.actor_person(), hadir.visible_units(), hadir.actor_government()
  to hadir_planner;
