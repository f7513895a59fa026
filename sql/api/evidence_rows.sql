-- What a day has besides its sessions: the evidence that a circular wants, and doubt. Both are about all check-ins of the
-- day, not only those that count.

-- Check-ins of each day, and how many of them lie inside a fence that the plan binds, or at home where it says so.
create or replace function hadir.day_locations(p_government bigint, p_from date, p_to date, p_persons bigint[], p_as_of timestamptz)
returns table (person bigint, day date, locations bigint, fenced bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select j.person, j.day, count(*),
    count(*) filter (where (j.relation = 'inside' or j.relation = 'uncertain' and p.uncertain_counts) and f.kind <> 'area'
                       and (j.fence = any (p.fences) or f.person = j.person))
  from hadir.judge(p_government, p_from, p_to, p_persons, p_as_of) j
  join hadir.plan_day n on n.person = j.person and n.day = j.day
  join hadir.plan_pattern p on p.id = n.pattern
  left join hadir.fence f on f.id = j.fence
  group by j.person, j.day;
end
$$;
comment on function hadir.day_locations(bigint, date, date, bigint[], timestamptz) is
  'Of p_persons (null: everybody) on the local days p_from … p_to, arrived until p_as_of (null: all). No row: no check-in. '
  'Called by hadir.derive_day and hadir.attendance_stage.';

-- Few check-ins are doubtful: only whose are is judged.
create or replace function hadir.day_doubts(p_government bigint, p_from date, p_to date, p_persons bigint[], p_as_of timestamptz)
returns table (person bigint, day date, doubts text[])
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- What belongs to a day arrived after its begin, but for nights that a plan may give to the day before.
  v_since constant timestamptz := (select (p_from - 2)::timestamp at time zone g.zone from hadir.government g where g.id = p_government);
  v_who   bigint[];
begin
  if p_persons is null then
    v_who := array(select distinct k.person from hadir.doubt b join hadir.checkin k on k.id = b.checkin
                   where k.government = p_government and k.status = 'recorded' and k.received_at >= v_since);
  else
    v_who := array(select distinct k.person from hadir.checkin k
                   where k.person = any (p_persons) and k.government = p_government and k.status = 'recorded' and k.received_at >= v_since
                     and exists (select from hadir.doubt b where b.checkin = k.id));
  end if;
  if v_who <> '{}' then
    return query
    select j.person, j.day, array_agg(distinct b.kind order by b.kind)
    from hadir.judge(p_government, p_from, p_to, v_who, p_as_of) j
    join hadir.doubt b on b.checkin = j.checkin
    group by j.person, j.day;
  end if;
end
$$;
comment on function hadir.day_doubts(bigint, date, date, bigint[], timestamptz) is
  'The kinds of doubt about check-ins of p_persons (null: everybody) on the local days p_from … p_to, sorted; no row: none. '
  'Called by hadir.derive_day, hadir.attendance_stage, hadir.recap_days.';

-- Of what a pattern wants as evidence, what is not there.
create or replace function hadir.evidence_lacks(p_evidence jsonb, p_locations bigint, p_fenced bigint, p_attended text[], p_reports jsonb)
returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(e.value || jsonb_build_object('have', h.times) order by e.ordinality), '[]')
  from jsonb_array_elements(p_evidence) with ordinality e
  cross join lateral (
    select case e.value ->> 'kind' when 'location' then coalesce(p_locations, 0) when 'fence' then coalesce(p_fenced, 0)
             when 'session' then (e.value ->> 'session' = any (p_attended))::int
             else coalesce((p_reports ->> (e.value ->> 'kind'))::bigint, 0) end as times) h
  where h.times < coalesce((e.value ->> 'times')::int, 1)
$$;
comment on function hadir.evidence_lacks(jsonb, bigint, bigint, text[], jsonb) is
  'p_evidence: as in plan_pattern; p_locations, p_fenced: of hadir.day_locations; p_attended: codes of attended sessions; '
  'p_reports: {kind: how many}. Returns the members of p_evidence that are not there in full, with how many there are: have. '
  'Called by hadir.derive_day and hadir.attendance_stage.';

-- Reports of each day by kind, {kind: how many}.
create or replace function hadir.day_reports(p_government bigint, p_from date, p_to date, p_persons bigint[], p_as_of timestamptz)
returns table (person bigint, day date, reports jsonb)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select r.person, r.day, jsonb_object_agg(r.kind, r.times)
  from (select w.person, w.day, w.kind, count(*) as times from hadir.work_report w
        where w.government = p_government and w.day between p_from and p_to and (p_persons is null or w.person = any (p_persons))
          and (p_as_of is null or w.sent_at <= p_as_of)
        group by w.person, w.day, w.kind) r
  group by r.person, r.day
$$;
comment on function hadir.day_reports(bigint, date, date, bigint[], timestamptz) is
  'Parameters as of hadir.day_locations. Called by hadir.derive_day and hadir.attendance_stage.';

-- Missing evidence in one line, for files: "work_report 0/1, session:siang 0/1".
create or replace function hadir.evidence_text(p_missing jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select string_agg(concat_ws(':', e.value ->> 'kind', e.value ->> 'session') || ' ' || (e.value ->> 'have') || '/'
                    || coalesce(e.value ->> 'times', '1'), ', ' order by e.ordinality)
  from jsonb_array_elements(p_missing) with ordinality e
$$;
comment on function hadir.evidence_text(jsonb) is 'p_missing: of hadir.evidence_lacks. Null: nothing is missing. Called by hadir.version_rows.';

revoke all on function hadir.day_locations(bigint, date, date, bigint[], timestamptz),
  hadir.day_doubts(bigint, date, date, bigint[], timestamptz), hadir.evidence_lacks(jsonb, bigint, bigint, text[], jsonb),
  hadir.day_reports(bigint, date, date, bigint[], timestamptz), hadir.evidence_text(jsonb) from public;
grant execute on function hadir.day_locations(bigint, date, date, bigint[], timestamptz),
  hadir.day_doubts(bigint, date, date, bigint[], timestamptz), hadir.evidence_lacks(jsonb, bigint, bigint, text[], jsonb),
  hadir.day_reports(bigint, date, date, bigint[], timestamptz), hadir.evidence_text(jsonb) to hadir_reader, hadir_writer;
