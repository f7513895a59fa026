-- PostGIS's answers beside ours. Input: tables shape, point, ours, filled by run. Output: one line of counts.
--
-- Membership: ST_Covers(geometry) for polygons, ST_DWithin(geography) for circles.
-- Metres: ST_Distance(geography) to the boundary, whose edges are straight in longitude/latitude and are densified so
-- that the geodesics between neighbours leave them by less than a millimetre.
-- PostGIS looks for the nearest place of a line on a sphere, in unit vectors, and measures only then on the ellipsoid.
-- That lands beside the foot and says too much, by up to 5.6e-6 of the distance (half the ratio of the radii of
-- curvature); and it is off by centimetres either way at edges of a metre and less, where the vectors' cross product has
-- no digits left. Between points ST_Distance(geography) is exact. So its answer for lines only tells where to look: the
-- edges that come near it are densified into points around the foot, closely enough for half a millimetre, and the
-- nearest of them is PostGIS's distance.
\set ON_ERROR_STOP 1
set max_parallel_workers_per_gather = 0;

create table shape_geo as
select id, radius_m, st_geomfromtext(wkt, 4326) as geom from shape;
alter table shape_geo add primary key (id);

-- edges, each also densified to 250 m
create table edge as
select row_number() over () as id, s.id as shape, seg.geom, st_segmentize(seg.geom, 250 / 111000.0)::geography as dense
from shape_geo s, st_dumpsegments(st_boundary(s.geom)) seg
where s.radius_m is null;
create index on edge (shape);

create table boundary as
select shape, st_collect(dense::geometry)::geography as dense from edge group by shape;
alter table boundary add primary key (shape);

create table theirs as
select p.id, p.shape, s.radius_m, st_setsrid(st_makepoint(p.lon, p.lat), 4326) as pt,
       case when s.radius_m is null then st_covers(s.geom, st_setsrid(st_makepoint(p.lon, p.lat), 4326))
            else st_dwithin(s.geom::geography, st_setsrid(st_makepoint(p.lon, p.lat), 4326)::geography, s.radius_m, true)
       end as covers,
       case when s.radius_m is null then st_distance(b.dense, st_setsrid(st_makepoint(p.lon, p.lat), 4326)::geography)
            else abs(st_distance(s.geom::geography, st_setsrid(st_makepoint(p.lon, p.lat), 4326)::geography, true) - s.radius_m)
       end as metres
from point p join shape_geo s on s.id = p.shape left join boundary b on b.shape = p.shape
order by p.shape;

-- once more, point by point: a step of h beside the foot lengthens a distance d by h²/8d
with near as (
  select t.id, t.pt, e.geom, st_linelocatepoint(e.geom, t.pt) as at, greatest(st_length(e.geom::geography), 1e-6) as length_m,
         0.03 * t.metres + 0.2 as reach_m, sqrt(0.004 * greatest(t.metres - 0.05, 0)) + 0.002 as step_m
  from theirs t join edge e on e.shape = t.shape
  where t.radius_m is null and st_dwithin(e.dense, t.pt::geography, t.metres * 1.0001 + 0.1, true)
), again as (
  select n.id, min(st_distance(st_lineinterpolatepoint(n.geom, least(1, greatest(0, n.at + k * n.step_m / n.length_m)))::geography,
                               n.pt::geography, true)) as metres
  from near n, generate_series(-ceil(least(n.reach_m, n.at * n.length_m + n.step_m) / n.step_m)::int,
                               ceil(least(n.reach_m, (1 - n.at) * n.length_m + n.step_m) / n.step_m)::int) k
  group by n.id
)
update theirs t set metres = a.metres from again a where a.id = t.id;

select count(*) || ' points, ' || (select count(*) from shape where radius_m is null) || ' polygons with ' ||
       (select sum(st_nrings(geom) - st_numgeometries(geom)) from shape_geo where radius_m is null) || ' holes, ' ||
       (select count(*) from shape where radius_m is not null) || ' circles, ' ||
       count(*) filter (where t.covers) || ' covered: membership differs at ' ||
       count(*) filter (where t.covers <> o.covers and t.metres > 0.01) || ' points (and at ' ||
       count(*) filter (where t.covers <> o.covers and t.metres <= 0.01) || ' within 1 cm of the boundary), metres by more than 1 cm at ' ||
       count(*) filter (where abs(t.metres - abs(o.metres)) > 0.01) || ', at most by ' ||
       round((max(abs(t.metres - abs(o.metres))) * 1000)::numeric, 3) || ' mm' as line,
       count(*) filter (where (t.covers <> o.covers and t.metres > 0.01) or abs(t.metres - abs(o.metres)) > 0.01
                              or o.metres is null) as differences,
       count(*) as compared
from theirs t join ours o on o.id = t.id
\gset
\echo :line
\o differences.log
select 'point ' || t.id || ' shape ' || t.shape || ' at ' || st_astext(t.pt, 17) || ': theirs ' || t.covers || ' ' || t.metres ||
       ', ours ' || o.covers || ' ' || o.metres
from theirs t join ours o on o.id = t.id
where (t.covers <> o.covers and t.metres > 0.01) or abs(t.metres - abs(o.metres)) > 0.01
order by abs(t.metres - abs(o.metres)) desc limit 10;
\o
do $$ begin
  if (select count(*) from theirs) <> (select count(*) from ours) then raise exception 'some points were not answered'; end if;
end $$;
select 1 / (case when :differences = 0 then 1 else 0 end) as no_difference \g /dev/null
