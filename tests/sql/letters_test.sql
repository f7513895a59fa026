-- Letters and shift lists: how they are filed, what they breach, who confirms them, what they do to the plan.
begin;
\ir derive_fixture.psql
select no_plan();

-- ---- the class of service a unit has
update hadir.unit set service = 'public' where code = 'A';
select is((select string_agg(code || ' ' || serves, ', ' order by code) from hadir.unit where government = 1),
  'A public, A1 public, B administration, R administration', 'a unit serves as the nearest above it does');
update hadir.unit set service = 'support' where code = 'R';
update hadir.unit set parent = 13 where code = 'A1';
select is((select string_agg(code || ' ' || serves, ', ' order by code) from hadir.unit where government = 1),
  'A public, A1 support, B support, R support', 'also after a move');
update hadir.unit set service = null;
update hadir.unit set parent = 11 where code = 'A1';
select is((select count(*) from hadir.unit where serves <> 'administration'), 0::bigint, 'at the top administration');

select * from finish();
rollback;
