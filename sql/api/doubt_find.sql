-- Doubt: what makes a check-in look as if its position were made up. Evidence for a person who decides, never a sanction:
-- nothing here changes a verdict, a recap or a deduction. Looked for while coordinates exist; what is kept afterwards is the
-- kind and a sentence without a place.
--
-- What phones and clocks say (flags, proto/PROTOCOL.md section 6): mock, picked_place, forwarded, stale_fix, future_fix.
--
-- same_point: exactly equal coordinates, as a list that is passed around or a faked position has them. Equal is suspicious
-- only as far as chance does not explain it. People in one building scatter over some hundred square metres. Of the cells
-- that d decimals of a degree make,
--     d = 4 (11 m): the whole office is one cell             → never counted
--     d = 5 (1.1 m): some hundred cells, hit again every day → 10 others in 30 days, or 10 other days of one's own
--     d = 6 (0.1 m): some ten thousand cells                 → 3
--     d ≥ 7 (1 cm): a million cells and more                 → 1 other person, or 2 other days of one's own
-- A coordinate that is a single-precision number (some clients compute so) has cells of about a metre whatever its digits
-- say: at most 5. Innocent, and left out: picked places (everybody picks the same one from the map) and positions vaguer
-- than the government's accuracy cap (a cell tower's or a router's own place, the same for all who use it). Innocent, and
-- possible all the same: an office computer in whose browser several people sign in, a phone that answers with its last
-- fix for days (rare: its time then is old, too). Hence a person decides.
--
-- impossible_travel: between two check-ins of a person that follow each other, further than both accuracies and the fastest
-- way explain. Up to 100 km nobody flies: 50 m/s (180 km/h) is faster than road, ferry and speedboat; beyond, 250 m/s
-- (900 km/h) is an airliner's cruise, without the way to its door. The time is the longer of what the positions and what the
-- arrivals say, and a minute more, so that neither a queue that is emptied late nor a clock that is wrong accuses anybody.

-- Great-circle distance on a sphere: within 0.6 % of the geodesic, which is enough to tell a walk from a flight. The one
-- piece of geometry in SQL (design section 1).
create or replace function hadir.haversine_m(p_lat1 double precision, p_lon1 double precision, p_lat2 double precision,
                                             p_lon2 double precision) returns double precision
language sql immutable
return 2 * 6371000 * asin(least(1, sqrt(power(sind((p_lat2 - p_lat1) / 2), 2)
                                        + cosd(p_lat1) * cosd(p_lat2) * power(sind((p_lon2 - p_lon1) / 2), 2))));
comment on function hadir.haversine_m(double precision, double precision, double precision, double precision) is
  'Degrees. Returns metres along the sphere. Called by hadir.doubts_of_travel.';

-- Decimals of a coordinate that carry information.
create or replace function hadir.decimals(p_degrees double precision) returns int
language sql immutable
return case when p_degrees = p_degrees::real then least(5, scale(p_degrees::numeric)) else scale(p_degrees::numeric) end;
comment on function hadir.decimals(double precision) is
  'How many decimals a coordinate was sent with; at most 5 for a single-precision number. Called by hadir.doubts_of_point.';

-- Positions that may be compared: of recorded check-ins, precise enough, not picked from a map.
create or replace function hadir.positions(p_government bigint, p_from timestamptz, p_to timestamptz)
returns table (checkin uuid, person bigint, claimed_at timestamptz, received_at timestamptz, lat double precision,
  lon double precision, accuracy_m double precision)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select c.id, c.person, coalesce(c.fix_at, c.message_at, c.received_at), c.received_at, q.lat, q.lon,
    coalesce(q.accuracy_m, g.accuracy_cap_m)
  from hadir.government g
  join hadir.checkin c on c.government = g.id
  join hadir.checkin_position q on q.checkin = c.id and q.received_at = c.received_at
  where g.id = p_government and c.status = 'recorded' and c.received_at >= p_from and c.received_at < p_to
    and q.received_at >= p_from and q.received_at < p_to
    and 'picked_place' <> all (c.flags) and coalesce(q.accuracy_m, 0) <= g.accuracy_cap_m
$$;
comment on function hadir.positions(bigint, timestamptz, timestamptz) is
  'Positions of p_government''s check-ins that arrived from p_from until before p_to and can be compared: not picked, not vaguer '
  'than the cap, which also stands for an unknown accuracy. Called by hadir.doubts_of_point and hadir.doubts_of_travel.';

create or replace function hadir.doubts_of_point(p_government bigint, p_from timestamptz, p_to timestamptz, p_zone text)
returns table (checkin uuid, detail text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c_memory constant interval := '30 days';
begin
  return query
  with fresh as materialized (
    select p.checkin, p.person, p.lat, p.lon, greatest(hadir.decimals(p.lat), hadir.decimals(p.lon)) as decimals
    from hadir.positions(p_government, p_from, p_to) p
  ),
  -- By point, not by check-in: a point that a thousand share is read once.
  hit as (
    select d.lat, d.lon, c.person, count(distinct (c.received_at at time zone p_zone)::date) as days
    from (select distinct f.lat, f.lon from fresh f where f.decimals > 4) d
    join hadir.checkin_position q on q.lat = d.lat and q.lon = d.lon
    join hadir.checkin c on c.id = q.checkin
    join hadir.government g on g.id = c.government
    where q.government = p_government and q.received_at >= p_from - c_memory and q.received_at < p_to
      and c.government = p_government and c.status = 'recorded' and c.person is not null
      and 'picked_place' <> all (c.flags) and coalesce(q.accuracy_m, 0) <= g.accuracy_cap_m
    group by d.lat, d.lon, c.person
  ),
  crowd as (
    select h.*, count(*) over (partition by h.lat, h.lon) - 1 as others from hit h
  )
  select f.checkin,
    concat_ws(' ', f.decimals, w.others, w.days - 1)
  from fresh f
  join crowd w on w.lat = f.lat and w.lon = f.lon and w.person = f.person
  where f.decimals > 4
    and case f.decimals when 5 then greatest(w.others, w.days - 1) >= 10
                        when 6 then greatest(w.others, w.days - 1) >= 3
                        else w.others >= 1 or w.days - 1 >= 2 end;
end
$$;
comment on function hadir.doubts_of_point(bigint, timestamptz, timestamptz, text) is
  'Check-ins that arrived from p_from until before p_to exactly where others, or their own person on other days (in p_zone), '
  'were within 30 days before, more often than the precision sent explains (see the file). detail: decimals sent, other people, '
  'other days of one''s own. Called by api.doubts_find.';

create or replace function hadir.doubts_of_travel(p_government bigint, p_from timestamptz, p_to timestamptz)
returns table (checkin uuid, detail text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with step as (
    select p.checkin, p.received_at,
      hadir.haversine_m(lag(p.lat) over own, lag(p.lon) over own, p.lat, p.lon)
        - lag(p.accuracy_m) over own - p.accuracy_m as metres,
      60 + extract(epoch from greatest(p.claimed_at - lag(p.claimed_at) over own,
                                       p.received_at - lag(p.received_at) over own,
                                       lag(p.received_at) over own - p.received_at))::double precision as seconds
    from hadir.positions(p_government, p_from - interval '1 day', p_to) p
    window own as (partition by p.person order by p.claimed_at, p.received_at, p.checkin)
  )
  select s.checkin,
    concat_ws(' ', trunc((s.metres / 1000)::numeric, -floor(log(s.metres / 1000))::int), ceil(s.seconds / 60))
  from step s
  where s.received_at >= p_from and s.metres > s.seconds * case when s.metres <= 100000 then 50 else 250 end
$$;
comment on function hadir.doubts_of_travel(bigint, timestamptz, timestamptz) is
  'Check-ins that arrived from p_from until before p_to too far from the person''s one before (at most a day earlier) for any '
  'means of travel (see the file). detail: kilometres at least, with one digit, and minutes. Called by api.doubts_find.';

revoke all on function hadir.haversine_m(double precision, double precision, double precision, double precision),
  hadir.decimals(double precision), hadir.positions(bigint, timestamptz, timestamptz),
  hadir.doubts_of_point(bigint, timestamptz, timestamptz, text), hadir.doubts_of_travel(bigint, timestamptz, timestamptz)
  from public;
grant execute on function hadir.haversine_m(double precision, double precision, double precision, double precision),
  hadir.decimals(double precision), hadir.positions(bigint, timestamptz, timestamptz),
  hadir.doubts_of_point(bigint, timestamptz, timestamptz, text), hadir.doubts_of_travel(bigint, timestamptz, timestamptz)
  to hadir_writer;

-- A doubt in words. p_detail: the numbers found, apart by blanks.
create or replace function hadir.doubt_text(p_kind text, p_detail text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v text[] := string_to_array(p_detail, ' ');
begin
  return case p_kind
    when 'mock' then hadir.say('posisi tiruan menurut ponsel', 'mock position, says the phone')
    when 'picked_place' then hadir.say('tempat dipilih di peta', 'place picked from the map')
    when 'forwarded' then hadir.say('pesan diteruskan', 'forwarded message')
    when 'same_point' then format(hadir.say(
      'titik yang persis sama (%s desimal) dalam 30 hari: %s orang lain, %s hari lain milik sendiri',
      'exactly the same point (%s decimals) within 30 days: %s other people, %s other days of one''s own'), v[1], v[2], v[3])
    when 'impossible_travel' then format(hadir.say(
      'perpindahan yang tidak mungkin: lebih dari %s km dalam %s menit sejak presensi sebelumnya',
      'impossible travel: more than %s km within %s minutes of the check-in before'), v[1], v[2])
    when 'stale_fix' then hadir.say('posisi lama, atau umurnya tidak dapat diketahui', 'old position, or one whose age cannot be told')
    when 'future_fix' then hadir.say('posisi bertanggal depan', 'position from the future')
  end;
end
$$;
revoke all on function hadir.doubt_text(text, text) from public;
grant execute on function hadir.doubt_text(text, text) to hadir_reader, hadir_writer;

set role hadir_writer;

create or replace function api.doubts_find(p_government bigint, p_day date) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_zone  constant text := (select g.zone from hadir.government g where g.id = p_government);
  v_from  constant timestamptz := p_day::timestamp at time zone v_zone;
  v_to    constant timestamptz := (p_day + 1)::timestamp at time zone v_zone;
  v_count bigint;
begin
  insert into hadir.doubt (checkin, kind, detail)
  select c.id, f.flag, ''
  from hadir.checkin c
  cross join unnest(c.flags) f (flag)
  where c.government = p_government and c.status = 'recorded' and c.received_at >= v_from and c.received_at < v_to
    and f.flag in ('mock', 'picked_place', 'forwarded', 'stale_fix', 'future_fix')
  union all
  select p.checkin, 'same_point', p.detail from hadir.doubts_of_point(p_government, v_from, v_to, v_zone) p
  union all
  select t.checkin, 'impossible_travel', t.detail from hadir.doubts_of_travel(p_government, v_from, v_to) t
  on conflict (checkin, kind) do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function api.doubts_find(bigint, date) is
  'Looks for doubt in the check-ins that arrived on p_government''s local day p_day; what was found before stays as it is. '
  'Returns how many doubts are new. Called by hadir_nightly before a day is closed, and by hadir_admin.';
revoke all on function api.doubts_find(bigint, date) from public;
grant execute on function api.doubts_find(bigint, date) to hadir_nightly, hadir_admin;

reset role;
set role hadir_reader;

create or replace function api.doubts(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb := hadir.body_problems(p_body, '{"unit": "text!", "from": "day", "to": "day"}');
  v_unit     hadir.unit;
  v_zone     text;
  v_from     date;
  v_to       date;
begin
  if v_problems = '[]' then
    select u.* into v_unit from hadir.unit u where u.code = hadir.body_text(p_body, 'unit');
    if v_unit.id is null or not hadir.reads_unit(v_unit.id, p_now) then
      return hadir.no_such_unit();
    end if;
    v_to := coalesce(hadir.try_date(p_body ->> 'to'), hadir.try_date(p_body ->> 'from'), hadir.local_day(v_unit.government, p_now));
    v_from := coalesce(hadir.try_date(p_body ->> 'from'), v_to);
    v_problems := hadir.problem_if(v_to - v_from not between 0 and 366, 'to',
      hadir.say('harus tidak sebelum from dan paling lama setahun sesudahnya', 'must not be before from, nor more than a year after'));
  end if;
  if v_problems <> '[]' then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  select g.zone into v_zone from hadir.government g where g.id = v_unit.government;
  return jsonb_build_object('status', 200, 'unit', v_unit.code, 'from', v_from, 'to', v_to, 'doubts', coalesce((
    select jsonb_agg(jsonb_build_object('checkin', c.id, 'nip', p.nip, 'name', p.name, 'unit', u.code,
             'received_at', hadir.rfc3339(c.received_at, v_zone), 'channel', c.channel, 'kind', d.kind,
             'text', hadir.doubt_text(d.kind, d.detail))
           order by c.received_at, p.nip, d.kind)
    from hadir.unit_closure k
    join hadir.unit u on u.id = k.descendant
    join hadir.posting o on o.unit = u.id and o.kind = 'main'
    join hadir.person p on p.id = o.person
    join hadir.checkin c on c.person = o.person and c.received_at >= v_from::timestamp at time zone v_zone
      and c.received_at < (v_to + 1)::timestamp at time zone v_zone
      and (c.received_at at time zone v_zone)::date between o.valid_from and coalesce(o.valid_to, 'infinity')
    join hadir.doubt d on d.checkin = c.id
    where k.ancestor = v_unit.id), '[]'));
end
$$;
comment on function api.doubts(jsonb, timestamptz) is
  'p_body: unit (code), from, to (days of arrival; default: today). The doubts about check-ins of people who belonged to the unit '
  'or below it that day: evidence, no judgement. Called by hadir_query with hadir.actor set, and by hadir_admin.';
revoke all on function api.doubts(jsonb, timestamptz) from public;
grant execute on function api.doubts(jsonb, timestamptz) to hadir_query, hadir_admin, hadir_writer;

reset role;
set role hadir_writer;

create or replace function api.doubts_look(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_answer constant jsonb := api.doubts(p_body, p_now);
begin
  if v_answer ? 'error' then
    return v_answer;
  end if;
  perform api.doubts_find(u.government, d::date)
  from hadir.unit u
  cross join generate_series((v_answer ->> 'from')::timestamp, (v_answer ->> 'to')::timestamp, interval '1 day') d
  where u.code = v_answer ->> 'unit';
  return api.doubts(p_body, p_now);
end
$$;
comment on function api.doubts_look(jsonb, timestamptz) is
  'As api.doubts, after looking for doubt in these days of the unit''s government. Called by hadir_admin.';
revoke all on function api.doubts_look(jsonb, timestamptz) from public;
grant execute on function api.doubts_look(jsonb, timestamptz) to hadir_admin;

reset role;
