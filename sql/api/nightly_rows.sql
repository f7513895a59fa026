-- Reading closed days and months, for the export, and recording what was published.

-- A closed version as rows, one per person and session.
drop function if exists hadir.version_rows(bigint, date, int);
create function hadir.version_rows(p_government bigint, p_day date, p_version int)
returns table (unit_code text, unit_name text, nip text, name text, category text, day date, expected_place text,
  session_code text, state text, decided_at text, late_minutes int, early_minutes int, place text, fence text,
  relation text, flags text, reason text, checkin_id uuid, evidence_missing text, doubts text,
  "position" bigint, person bigint)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select a.unit_code, a.unit_name, a.nip, a.name, a.category, a.day, a.expected_place,
    s.value ->> 'code', s.value ->> 'state', hadir.rfc3339((s.value ->> 'decided_at')::timestamptz, g.zone),
    (s.value ->> 'late_minutes')::int, (s.value ->> 'early_minutes')::int, s.value ->> 'place', s.value ->> 'fence_name',
    s.value ->> 'relation', (select string_agg(f.value, ',' order by f.ordinality)
                             from jsonb_array_elements_text(s.value -> 'flags') with ordinality f),
    s.value ->> 'reason', (s.value ->> 'checkin')::uuid, hadir.evidence_text(a.evidence_missing),
    nullif(array_to_string(a.doubts, ','), ''), s.ordinality, a.person
  from hadir.attendance a
  join hadir.government g on g.id = a.government
  cross join lateral jsonb_array_elements(a.sessions) with ordinality s
  where a.government = p_government and a.day = p_day and a.version = p_version
$$;
comment on function hadir.version_rows(bigint, date, int) is
  'The rows of a closed version, unordered. evidence_missing, doubts: of the day, on each of its rows. Called by '
  'api.nightly_rows and api.nightly_difference.';
revoke all on function hadir.version_rows(bigint, date, int) from public;
grant execute on function hadir.version_rows(bigint, date, int) to hadir_reader;

set role hadir_reader;

drop function if exists api.nightly_rows(bigint, date, int);
create function api.nightly_rows(p_government bigint, p_day date, p_version int)
returns table (unit_code text, unit_name text, nip text, name text, category text, day date, expected_place text,
  session_code text, state text, decided_at text, late_minutes int, early_minutes int, place text, fence text,
  relation text, flags text, reason text, checkin_id uuid, evidence_missing text, doubts text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.unit_code, r.unit_name, r.nip, r.name, r.category, r.day, r.expected_place, r.session_code, r.state,
    r.decided_at, r.late_minutes, r.early_minutes, r.place, r.fence, r.relation, r.flags, r.reason, r.checkin_id,
    r.evidence_missing, r.doubts
  from hadir.version_rows(p_government, p_day, p_version) r
  order by r.unit_code collate "C", r.nip collate "C", r.position
$$;
comment on function api.nightly_rows(bigint, date, int) is
  'The attendance of a closed day as that version holds it, one row per person and session, ordered by unit code, NIP and '
  'session. Called by hadir_nightly.';
revoke all on function api.nightly_rows(bigint, date, int) from public;
grant execute on function api.nightly_rows(bigint, date, int) to hadir_nightly;

drop function if exists api.nightly_difference(bigint, date, int);
create function api.nightly_difference(p_government bigint, p_day date, p_version int)
returns table (unit_code text, unit_name text, nip text, name text, category text, day date, expected_place text,
  session_code text, state text, decided_at text, late_minutes int, early_minutes int, place text, fence text,
  relation text, flags text, reason text, checkin_id uuid, evidence_missing text, doubts text,
  change text, why text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with change as (
    select c.person, c.session,
      (select string_agg(w.value, ', ' order by w.ordinality) from jsonb_array_elements_text(c.causes) with ordinality w) as why
    from hadir.attendance_version v
    cross join lateral jsonb_to_recordset(v.changes) c (person bigint, session text, causes jsonb)
    where v.government = p_government and v.day = p_day and v.version = p_version
  ),
  pair as (
    select o as old, n as new, c.why
    from change c
    left join hadir.version_rows(p_government, p_day, p_version - 1) o
      on o.person = c.person and coalesce(o.session_code, '') = coalesce(c.session, '')
    left join hadir.version_rows(p_government, p_day, p_version) n
      on n.person = c.person and coalesce(n.session_code, '') = coalesce(c.session, '')
  ),
  line as (
    select (p.old).*, case when (p.new).nip is null then 'removed' else 'before' end as change, p.why, 1 as turn from pair p
    where (p.old).nip is not null
    union all
    select (p.new).*, case when (p.old).nip is null then 'added' else 'after' end, p.why, 2 from pair p
    where (p.new).nip is not null
  )
  select l.unit_code, l.unit_name, l.nip, l.name, l.category, l.day, l.expected_place, l.session_code, l.state,
    l.decided_at, l.late_minutes, l.early_minutes, l.place, l.fence, l.relation, l.flags, l.reason, l.checkin_id,
    l.evidence_missing, l.doubts, l.change, l.why
  from line l
  order by l.nip collate "C", l.session_code collate "C" nulls last, l.turn
$$;
comment on function api.nightly_difference(bigint, date, int) is
  'How a version differs from the one before it: rows of api.nightly_rows with change = added, removed, or before and after '
  'of a row that changed, and why, as hadir.attendance_changes found it. Nothing for version 1. Ordered by NIP and session. Called by hadir_nightly.';
revoke all on function api.nightly_difference(bigint, date, int) from public;
grant execute on function api.nightly_difference(bigint, date, int) to hadir_nightly;

create or replace function api.nightly_versions(p_government bigint, p_day date, p_version int)
returns table (kind text, name text, version text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.value ->> 'kind', r.value ->> 'name', r.value ->> 'version'
  from hadir.attendance_version v
  cross join lateral jsonb_array_elements(v.rules) with ordinality r
  where v.government = p_government and v.day = p_day and v.version = p_version
  order by r.ordinality
$$;
comment on function api.nightly_versions(bigint, date, int) is
  'By what a version was derived: kind (policy, letter, working_hours, calendar, period, fence), name, version (its date, or a fence''s '
  'number). Called by hadir_nightly.';
revoke all on function api.nightly_versions(bigint, date, int) from public;
grant execute on function api.nightly_versions(bigint, date, int) to hadir_nightly;

drop function if exists api.export_previous(bigint, date, int);
create or replace function api.export_previous(p_government bigint, p_period text, p_version int) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select e.manifest_sha256
  from hadir.export_run e
  left join hadir.export_run own on own.government = p_government and own.period = p_period and own.version = p_version
  where e.government = p_government and length(e.period) = length(p_period) and (e.period, e.version) <> (p_period, p_version)
    and (own.id is null or e.id < own.id)
  order by e.id desc
  limit 1
$$;
comment on function api.export_previous(bigint, text, int) is
  'The manifest''s SHA-256 of the government''s export before this one, of a day before a day, of a month before a month (the same answer after this '
  'one was recorded); null for the first. Called by hadir_nightly.';
revoke all on function api.export_previous(bigint, text, int) from public;
grant execute on function api.export_previous(bigint, text, int) to hadir_nightly;

drop function if exists api.export_pending(timestamptz);
create or replace function api.export_pending(p_now timestamptz)
returns table (government bigint, code text, zone text, period text, version int, closed_at timestamptz, frozen_at timestamptz,
  late_spools text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select g.id, g.code, g.zone, v.period, v.version, v.closed_at, v.frozen_at, v.late_spools
  from (
    select d.government, d.day::text as period, d.version, d.closed_at, d.frozen_at, array_to_string(d.late_spools, ',') as late_spools
    from hadir.attendance_version d
    union all
    select m.government, to_char(m.month, 'YYYY-MM'), m.version, m.closed_at, m.closed_at, ''
    from hadir.month_version m
  ) v
  join hadir.government g on g.id = v.government
  where v.frozen_at <= p_now
    and not exists (select from hadir.export_run e
                    where e.government = v.government and e.period = v.period and e.version = v.version)
  -- What was frozen first is published first, so that a run that was killed finds the same predecessor again; a month after the
  -- days that were frozen with it.
  order by g.code collate "C", v.frozen_at, length(v.period) desc, v.period, v.version
$$;
comment on function api.export_pending(timestamptz) is
  'Days frozen and months closed until p_now, version by version, whose export is not recorded, in the order in which to publish '
  'them. Called by hadir_nightly.';
revoke all on function api.export_pending(timestamptz) from public;
grant execute on function api.export_pending(timestamptz) to hadir_nightly;

create or replace function api.export_units(p_government bigint, p_month text, p_version int) returns table (code text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select u.code
  from hadir.unit u
  where u.id in (
    select c.ancestor
    from hadir.month_recap r join hadir.unit_closure c on c.descendant = r.unit
    where r.government = p_government and r.month = hadir.try_date(p_month || '-01') and r.version = p_version)
  order by u.code collate "C"
$$;
comment on function api.export_units(bigint, text, int) is
  'The units that have somebody, or have below them, in a closed month (YYYY-MM). Called by hadir_nightly.';
revoke all on function api.export_units(bigint, text, int) from public;
grant execute on function api.export_units(bigint, text, int) to hadir_nightly;

create or replace function api.month_day_versions(p_government bigint, p_month text, p_version int)
returns table (day text, version int)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select d.key, d.value::int
  from hadir.month_version m cross join lateral jsonb_each_text(m.days) d
  where m.government = p_government and m.month = hadir.try_date(p_month || '-01') and m.version = p_version
  order by d.key
$$;
comment on function api.month_day_versions(bigint, text, int) is
  'The days that a closed month is made of, and which version of each. Called by hadir_nightly.';
revoke all on function api.month_day_versions(bigint, text, int) from public;
grant execute on function api.month_day_versions(bigint, text, int) to hadir_nightly;

reset role;
set role hadir_writer;

drop function if exists api.export_record(bigint, date, int, text, text, timestamptz, timestamptz);
create or replace function api.export_record(p_government bigint, p_period text, p_version int, p_folder text,
  p_manifest_sha256 text, p_closed_at timestamptz, p_now timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_run bigint;
begin
  insert into hadir.export_run (government, period, version, folder, manifest_sha256, closed_at, recorded_at)
  values (p_government, p_period, p_version, p_folder, p_manifest_sha256, p_closed_at, p_now)
  on conflict (government, period, version) do nothing
  returning id into v_run;
  insert into hadir.export_delivery (target, run, next_at)
  select t.id, v_run, p_now
  from hadir.export_target t
  where t.government = p_government and t.removed_at is null and v_run is not null
    and t.what in ('all', case when length(p_period) = 7 then 'month' else 'day' end);
  if v_run is null and not exists (
    select from hadir.export_run e
    where e.government = p_government and e.period = p_period and e.version = p_version
      and e.manifest_sha256 = p_manifest_sha256
  ) then
    raise exception 'export_record: % version % of government % was published with another content',
      p_period, p_version, p_government using errcode = 'unique_violation';
  end if;
end
$$;
comment on function api.export_record(bigint, text, int, text, text, timestamptz, timestamptz) is
  'Records that a version of a day or month was published: its folder, its manifest''s SHA-256; and that it goes to the targets '
  'there are. Again with the same hash: nothing; with '
  'another: an error, for what is published is never rewritten. Called by hadir_nightly.';
revoke all on function api.export_record(bigint, text, int, text, text, timestamptz, timestamptz) from public;
grant execute on function api.export_record(bigint, text, int, text, text, timestamptz, timestamptz) to hadir_nightly;

drop function if exists api.export_signature(bigint, date, int, text, bytea, timestamptz);
create or replace function api.export_signature(p_government bigint, p_period text, p_version int, p_manifest_sha256 text,
  p_signature bytea, p_now timestamptz) returns bytea
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_signature is not null then
    insert into hadir.export_signature (government, period, version, manifest_sha256, signature, signed_at)
    values (p_government, p_period, p_version, p_manifest_sha256, p_signature, p_now)
    on conflict (government, period, version, manifest_sha256) do nothing;
  end if;
  return (select e.signature from hadir.export_signature e
          where e.government = p_government and e.period = p_period and e.version = p_version and e.manifest_sha256 = p_manifest_sha256);
end
$$;
comment on function api.export_signature(bigint, text, int, text, bytea, timestamptz) is
  'The signature over a manifest: the first that was kept, else p_signature, which is kept; null when there is none and p_signature '
  'is null. Called by hadir_nightly before it publishes.';
revoke all on function api.export_signature(bigint, text, int, text, bytea, timestamptz) from public;
grant execute on function api.export_signature(bigint, text, int, text, bytea, timestamptz) to hadir_nightly;

reset role;
