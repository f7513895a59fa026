-- Who is on the list for later placements has a place in it: one person's check-ins may be many, and are looked at by the
-- hundred. "after": those that arrived later than this are still to be looked at.
alter table hadir.placement_dirt add column after timestamptz not null default '-infinity';
grant update on hadir.placement_dirt to hadir_writer;
