-- What the Node service asks PostGIS: the town's fences as geometries (a circle's by ST_Buffer). -v file=fences.geojson
create extension if not exists postgis;
create schema if not exists bench;
create sequence bench.seq cache 50;
create table bench.fence (id bigint primary key, name text not null, shape geometry not null);
insert into bench.fence
  select f.id, f.name, case when j -> 'properties' ? 'radius_m'
    then ST_Buffer(g::geography, (j -> 'properties' ->> 'radius_m')::float8)::geometry else g end
  from jsonb_array_elements(:'fences'::jsonb -> 'features') j
  join hadir.fence f on f.code = j -> 'properties' ->> 'code',
  lateral (select ST_SetSRID(ST_GeomFromGeoJSON(j ->> 'geometry'), 4326)) s(g);
create index on bench.fence using gist (shape);
analyze bench.fence;
