-- The ledger's rows are told by their version whether the plan that judged them is still the person's. The version's first
-- half needs hadir.instance, which row security hid from the ledger's role: it was null there, and every check-in was put on
-- the list for later placements.
alter policy system_reads on hadir.instance
  using ((select session_user = any ('{hadir_planner,hadir_admin,hadir_nightly,hadir_intake,hadir_owner}'::name[])));

-- The members of a spool's row that are objects have types of their own: a row can then be sent in binary form, and its
-- members are read without looking for names. The JSON of a row stays as it was.
create type hadir.spool_first as (
  verdict       text,
  day           date,
  session       bigint,
  session_code  text,
  counts_as     text,
  late_minutes  int,
  early_minutes int,
  place         text,
  fence         bigint,
  relation      text,
  distance_m    double precision
);
create type hadir.spool_placement as (
  fence    bigint,
  version  int,
  relation text,
  metres   double precision
);
create type hadir.spool_tree as (
  size      bigint,
  index     bigint,
  path      text,
  root      text,
  signature text,
  key       text
);
-- Made again by sql/api; their parsed bodies hold on to the type's members.
drop function if exists hadir.claimed_at(hadir.spool_row), hadir.coordinates_sha256(hadir.spool_row);
alter type hadir.spool_row
  alter attribute first type hadir.spool_first,
  alter attribute placements type hadir.spool_placement[],
  alter attribute tree type hadir.spool_tree;
