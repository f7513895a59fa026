-- What ingest and derivation need beside the tables: the shape of a row as the ledger sends it, the one index that
-- finds facts delivered long after they were made, and the reason why a closed day was closed again.

-- A row of a spool as JSON names it (one type for check-ins, unattributed locations and events; members that a kind
-- lacks are null). coordinates_sha256 may be left out: it is computed from salt and coordinates.
create type hadir.spool_row as (
  seq                bigint,
  kind               text,
  id                 uuid,
  government         bigint,
  person             bigint,
  device             bigint,
  channel            text,
  key                text,
  body_hash          text,
  salt               text,
  fix_at             timestamptz,
  message_at         timestamptz,
  sent_at            timestamptz,
  received_at        timestamptz,
  clock_error_us     bigint,
  clock_state        text,
  clock_offset_us    bigint,
  decided_at         timestamptz,
  decided_by         text,
  lat                double precision,
  lon                double precision,
  accuracy_m         double precision,
  altitude_m         double precision,
  flags              text[],
  automatic          boolean,
  note               text,
  session_claimed    text,
  external_id        text,
  sender             text,
  sender_user_id     text,
  raw                text,
  directory_epoch    bigint,
  directory_number   bigint,
  first              jsonb,
  placements         jsonb,
  tree               jsonb,
  event_kind         text,
  payload            jsonb,
  coordinates_sha256 text
);

-- Nearly every fact arrives within a day of the time that judges it, so derivation of a day reads the arrivals of that
-- day and the next; the few that came later are found here.
create index checkin_delivered_late on hadir.checkin (government, received_at)
  where received_at - least(fix_at, message_at) > interval '24 hours';

-- Where a check-in belongs that lies in no session of the day on which it arrived. position null: in no session.
create type hadir.day_place as (
  day      date,
  unit     bigint,
  rules    hadir.plan_pattern,
  position int
);

-- What somebody does on a local day.
create type hadir.person_day as (
  person  bigint,
  day     date,
  unit    bigint,
  pattern bigint
);
