-- hadir's tables, row security, and nothing else: functions that C calls live in sql/api and are re-creatable.
-- Applied by hadir_owner, as one transaction. Plan tables say who must be where, when; fact tables say what came in
-- and are only ever added to; coordinates live in checkin_position alone, because they alone are erased.

create schema hadir;
create schema api;
create extension if not exists btree_gist with schema hadir;

do $$
begin
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to hadir_query, hadir_operator, hadir_intake, hadir_planner, '
                 'hadir_messenger, hadir_nightly, hadir_admin', current_database());
  execute format('grant temporary on database %I to hadir_reader, hadir_writer', current_database());
end
$$;
alter default privileges for role hadir_owner revoke execute on functions from public;
alter default privileges for role hadir_reader revoke execute on functions from public;
alter default privileges for role hadir_writer revoke execute on functions from public;
grant usage on schema hadir to hadir_reader, hadir_writer;
grant usage, create on schema api to hadir_reader, hadir_writer;
grant usage on schema api to hadir_query, hadir_operator, hadir_intake, hadir_planner, hadir_messenger, hadir_nightly,
  hadir_admin;

-- What `hadir migrate` has applied. number 0 and name 'api/…' record the re-creatable files.
create table hadir.schema_migration (
  number     int not null,
  name       text not null,
  sha256     text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  applied_at timestamptz not null default now(),
  primary key (number, name)
);

-- One row: what tells this database from others and from its own past (see hadir.directory_epoch).
create table hadir.instance (
  only_one   boolean primary key default true check (only_one),
  epoch_base bigint not null,
  made_at    timestamptz not null default now()
);
insert into hadir.instance (epoch_base)
select ('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 15))::bit(60)::bigint;

-- ---------------------------------------------------------------------------------------------------- organisation

create table hadir.government (
  id              bigint generated always as identity primary key,
  code            text not null unique check (code ~ '^[A-Za-z0-9._-]{1,40}$'),
  name            text not null check (name <> ''),
  zone            text not null,                       -- IANA name; the day belongs to it
  phone_number_id text unique,                         -- WhatsApp business number, as Meta names it
  retention_days  int not null default 365 check (retention_days between 9 and 3660),
  accuracy_cap_m  double precision not null default 100 check (accuracy_cap_m >= 0),
  closes_after    interval not null default '6 hours', -- from the day's last interval to its closing
  spool_patience  interval not null default '24 hours',-- how long an unheard spool holds a closing up
  default_place   text not null default 'WFO' check (default_place in ('WFO', 'WFH', 'WFA', 'DL'))
);

create table hadir.unit (
  id         bigint generated always as identity primary key,
  government bigint not null references hadir.government,
  code       text not null unique check (code ~ '^[A-Za-z0-9._/-]{1,60}$'),
  name       text not null check (name <> ''),
  kind       text not null default '',
  parent     bigint references hadir.unit,
  check (parent <> id)
);
create index on hadir.unit (government);
create index on hadir.unit (parent);

-- Every unit with itself (depth 0) and everything below it; kept by trigger.
create table hadir.unit_closure (
  ancestor   bigint not null references hadir.unit on delete cascade,
  descendant bigint not null references hadir.unit on delete cascade,
  depth      int not null,
  primary key (ancestor, descendant)
);
create index on hadir.unit_closure (descendant, depth);

create table hadir.person (
  id         bigint generated always as identity primary key,
  government bigint not null references hadir.government,
  nip        text not null unique check (nip ~ '^[0-9]{18}$'),
  name       text not null check (name <> ''),
  category   text not null check (category in ('PNS', 'PPPK', 'PPPK_PW')),
  grade      text not null default '',
  post       text not null default ''
);
create index on hadir.person (government);

-- Where a person belongs, by date (both ends inclusive; null = open). kind main: one at a time, the plan follows it.
-- Other kinds (acting head …) give rights, no plan.
create table hadir.posting (
  id         bigint generated always as identity primary key,
  person     bigint not null references hadir.person,
  unit       bigint not null references hadir.unit,
  valid_from date not null,
  valid_to   date,
  kind       text not null default 'main' check (kind in ('main', 'acting', 'delegate')),
  check (valid_to is null or valid_to >= valid_from),
  constraint posting_one_main exclude using gist
    (person with =, daterange(valid_from, valid_to, '[]') with &&) where (kind = 'main')
);
create index on hadir.posting (person, valid_from);
create index on hadir.posting (unit);

-- What a person sends with. Never deleted, only revoked: check-ins name it for ever.
create table hadir.device (
  id         bigint generated always as identity primary key,
  government bigint not null references hadir.government,
  person     bigint not null references hadir.person,
  channel    text not null check (channel in ('native', 'owntracks', 'osmand', 'whatsapp')),
  label      text not null default '',
  token_hash bytea unique check (octet_length(token_hash) = 32),
  number     text check (number ~ '^[0-9]{5,20}$'),
  user_id    text check (user_id <> ''),
  enrolled_at timestamptz not null,
  revoked_at timestamptz,
  check (token_hash is not null or number is not null or user_id is not null)
);
create index on hadir.device (person);
create unique index device_number_live on hadir.device (government, number) where revoked_at is null and number is not null;
create unique index device_user_id_live on hadir.device (government, user_id) where revoked_at is null and user_id is not null;

-- A right to ask about a unit and everything below it.
create table hadir.access (
  id         bigint generated always as identity primary key,
  government bigint not null references hadir.government,
  person     bigint not null references hadir.person,
  role       text not null check (role in ('supervisor', 'operator')),
  unit       bigint not null references hadir.unit,
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  granted_at timestamptz not null,
  revoked_at timestamptz
);
create index on hadir.access (person);

-- ------------------------------------------------------------------------------------------------------------ plan

create table hadir.fence (
  id         bigint generated always as identity primary key,
  government bigint not null references hadir.government,
  code       text not null check (code <> ''),
  name       text not null check (name <> ''),
  kind       text not null check (kind in ('office', 'site', 'home', 'area')),
  unit       bigint references hadir.unit,
  person     bigint references hadir.person,
  shared     boolean not null default false,
  version    int not null default 1,                  -- the one in force
  removed_at timestamptz,
  unique (government, code),
  check (unit is null or person is null),
  check ((kind = 'home') = (person is not null)),
  check (not (shared and kind = 'home'))
);
create index on hadir.fence (unit);
create index on hadir.fence (person);

-- Shapes are opaque bytes here (daemon/geo/fence.h); SQL does no geodesy. Never changed, only added to.
create table hadir.fence_version (
  fence   bigint not null references hadir.fence,
  version int not null check (version > 0),
  shape   bytea not null,
  made_at timestamptz not null default now(),
  primary key (fence, version)
);

-- government null: national.
create table hadir.calendar_day (
  id         bigint generated always as identity primary key,
  government bigint references hadir.government,
  day        date not null,
  kind       text not null check (kind in ('LN', 'CB', 'REGIONAL')),
  name       text not null check (name <> ''),
  basis      text not null default '',
  unique nulls not distinct (government, day, kind),
  check ((kind = 'REGIONAL') = (government is not null))
);
create index on hadir.calendar_day (day);

-- Whose hours, from when to when, on which ISO weekdays. The nearest level that has any row covering a day decides
-- (person, then unit and its ancestors, then government); in it the latest valid_from; a weekday not named is free.
create table hadir.working_hours (
  id          bigint generated always as identity primary key,
  government  bigint not null references hadir.government,
  unit        bigint references hadir.unit,
  person      bigint references hadir.person,
  valid_from  date not null,
  valid_to    date,
  weekdays    int[] not null check (cardinality(weekdays) between 1 and 7 and weekdays <@ array[1, 2, 3, 4, 5, 6, 7]),
  on_holidays boolean not null default false,         -- works on calendar days too (hospital, guard)
  basis       text not null default '',
  check (unit is null or person is null),
  check (valid_to is null or valid_to >= valid_from),
  unique nulls not distinct (government, unit, person, valid_from, weekdays)
);
create index on hadir.working_hours (person) where person is not null;

-- A circular. Later dated wins where two apply to the same person and day; rank goes before that.
create table hadir.policy (
  id             bigint generated always as identity primary key,
  government     bigint not null references hadir.government,
  number         text not null check (number <> ''),
  title          text not null default '',
  dated          date not null,
  valid_from     date not null,
  valid_to       date,
  weekdays       int[] not null default array[1, 2, 3, 4, 5, 6, 7] check (weekdays <@ array[1, 2, 3, 4, 5, 6, 7]),
  rank           int not null default 0,
  place          text check (place in ('WFO', 'WFH', 'WFA', 'DL')), -- null: leaves the place as it is
  anywhere       boolean not null default false,
  accuracy_cap_m double precision check (accuracy_cap_m >= 0),
  own_sessions   boolean not null default false,      -- its session rows replace the working hours'
  basis          text not null default '',
  unique (government, number),
  check (valid_to is null or valid_to >= valid_from)
);

-- Whom it binds: any row suffices. unit null = the whole government; categories null = all.
create table hadir.policy_scope (
  id         bigint generated always as identity primary key,
  policy     bigint not null references hadir.policy on delete cascade,
  unit       bigint references hadir.unit,
  categories text[] check (categories <@ array['PNS', 'PPPK', 'PPPK_PW'])
);
create index on hadir.policy_scope (policy);

-- Sessions as local time since the local midnight of their day; beyond 24 h runs into the next day.
-- in: late from on_time_until, counted from due. out: early before on_time_from, counted to due.
create table hadir.session (
  id            bigint generated always as identity primary key,
  working_hours bigint references hadir.working_hours on delete cascade,
  policy        bigint references hadir.policy on delete cascade,
  code          text not null check (code ~ '^[a-z0-9_-]{1,32}$'),
  label         text not null check (label <> ''),
  counts_as     text not null check (counts_as in ('in', 'out', 'presence')),
  accept_from   interval not null,
  on_time_from  interval not null,
  due           interval not null,
  on_time_until interval not null,
  accept_until  interval not null,
  check ((working_hours is null) <> (policy is null)),
  check (accept_from >= interval '0' and accept_until <= interval '48 hours' and accept_from < interval '36 hours'),
  check (accept_from < accept_until and on_time_from < on_time_until),
  check (accept_from <= on_time_from and on_time_from <= due and due <= on_time_until and on_time_until <= accept_until),
  unique (working_hours, code),
  unique (policy, code)
);

-- Which of the three times judges, per channel.
create table hadir.channel_time (
  government bigint not null references hadir.government,
  channel    text not null check (channel in ('native', 'owntracks', 'osmand', 'whatsapp')),
  decides    text not null check (decides in ('fix', 'message', 'arrival')),
  primary key (government, channel)
);

-- Compiled: what many people share on one local day. Rows are never changed: digest covers every other column.
create table hadir.plan_pattern (
  id             bigint generated always as identity primary key,
  digest         bytea not null unique,
  government     bigint not null,
  day            date not null,
  starts_at      timestamptz not null,
  ends_at        timestamptz not null,
  place          text,                                -- null: nothing expected
  anywhere       boolean not null,
  accuracy_cap_m double precision not null,
  decides        text[] not null,                     -- native, owntracks, osmand, whatsapp
  sessions       jsonb not null,                      -- as api.directory_pattern has them
  fences         bigint[] not null,
  reason         text,                                -- why nothing is expected, in words
  conflict       text,                                -- a session that the plan emptied; doctor tells
  policy         bigint,
  hours          bigint[] not null,
  calendar       bigint[] not null
);
create index on hadir.plan_pattern (day);

-- The same sessions as rows, for derivation.
create table hadir.plan_session (
  pattern       bigint not null references hadir.plan_pattern on delete cascade,
  position      int not null check (position between 1 and 30),
  government    bigint not null,
  session       bigint not null,
  code          text not null,
  label         text not null,
  counts_as     text not null,
  accept_from   timestamptz not null,
  accept_until  timestamptz not null,
  due           timestamptz not null,
  on_time_from  timestamptz not null,
  on_time_until timestamptz not null,
  primary key (pattern, position)
);

-- Compiled: people who share their days. own: a person with hours of his own, 0 = nobody in particular.
create table hadir.plan_class (
  id       int generated always as identity primary key,
  unit     bigint not null,
  category text not null,
  own      bigint not null,
  unique (unit, category, own)
);
create index on hadir.plan_class (own) where own <> 0;

-- A class, and the class on the day after (0 = none), whose first session may cut a night's last one short.
create table hadir.plan_pair (
  id    int generated always as identity primary key,
  class int not null,
  next  int not null,
  unique (class, next)
);
create index on hadir.plan_pair (next);

-- Compiled: which pair is whose, from when to when (inclusive; infinity = open). A person's rows never overlap.
create table hadir.plan_member (
  person    bigint not null,
  first_day date not null,
  last_day  date not null,
  unit      bigint not null,
  pair      int not null,
  primary key (person, first_day),
  check (first_day <= last_day)
);
create index on hadir.plan_member (pair);

-- Compiled: what a pair does on a day. number: the directory version in which it changed last.
create table hadir.plan_slot (
  day     date not null,
  pair    int not null,
  pattern bigint not null,
  number  bigint not null,
  primary key (day, pair)
);

-- The plan as derivation reads it: one row per person and local day.
create view hadir.plan_day with (security_invoker = true) as
select m.person, s.day, m.unit, s.pattern
from hadir.plan_member m
join hadir.plan_slot s on s.pair = m.pair and s.day between m.first_day and m.last_day;
grant select on hadir.plan_day to hadir_reader, hadir_writer;

-- What must be compiled again. ref by kind; days null = open end.
create table hadir.plan_dirt (
  id        bigint generated always as identity primary key,
  kind      text not null check (kind in ('person', 'unit', 'government', 'all', 'device', 'access', 'fence', 'business', 'home')),
  ref       bigint not null default 0,
  first_day date,
  last_day  date
);

-- The directory as compiled: one row, the version and its window. A window that moved touches every person.
create table hadir.directory_state (
  only_one    boolean primary key default true check (only_one),
  number      bigint not null default 0,
  first_day   date,
  days        int not null default 0,
  compiled_at timestamptz
);
insert into hadir.directory_state default values;

-- In which version anything of the directory but the slots changed last. kind: person (who belongs where, homes), device,
-- access, fence, business.
create table hadir.directory_change (
  kind   text not null,
  ref    bigint not null,
  number bigint not null,
  primary key (kind, ref)
);
create index on hadir.directory_change (number);

-- People whose check-ins may lack placements, because the plan bound other fences since or did not know them then.
create table hadir.placement_dirt (
  person bigint primary key
);

-- ----------------------------------------------------------------------------------------------------------- facts

-- A check-in, kept for ever: no coordinates, and nothing from which a place could be guessed. No foreign keys into
-- plan tables: a fact outlives and outranks them. Rejected rows may lack anything but what is not null here.
create table hadir.checkin (
  -- First what derivation reads of every row: finding a column costs as many steps as there are before it.
  id                 uuid primary key,
  government         bigint,
  person             bigint,
  received_at        timestamptz not null,
  fix_at             timestamptz,
  message_at         timestamptz,
  sent_at            timestamptz,
  status             text not null default 'recorded' check (status in ('recorded', 'rejected')),
  channel            text,
  flags              text[] not null default '{}',
  session_claimed    text,
  first_fence        bigint,
  -- first_fence, if the point lies inside of it by the door's own placement: derivation then need not read placements.
  first_inside       bigint,
  spool              uuid not null,
  seq                bigint not null,
  reason             text,
  sqlstate           text,
  device             bigint,
  clock_error_us     bigint,
  clock_state        text,
  clock_offset_us    bigint not null default 0,
  decided_at         timestamptz,
  decided_by         text,
  automatic          boolean not null default false,
  note               text,
  directory_epoch    bigint,
  directory_number   bigint,
  first_verdict      text,
  first_day          date,
  first_session      bigint,
  first_session_code text,
  first_counts_as    text,
  first_late_minutes int,
  first_early_minutes int,
  first_place        text,
  first_relation     text,
  coordinates_sha256 bytea check (octet_length(coordinates_sha256) = 32),
  tree_size          bigint,
  tree_index         bigint,
  tree_path          bytea,
  tree_root          bytea,
  tree_signature     bytea,
  tree_key           text,
  ingested_at        timestamptz not null default now(),
  unique (spool, seq)
);
create index on hadir.checkin (person, decided_at);
create index on hadir.checkin (person, received_at);
create index on hadir.checkin (government, received_at);

-- A second acknowledgement of a check-in already known (older than the spool's memory, or another hadird). Its own id
-- and receipt; derivation ignores it. fact: the row as it came, without coordinates, salt, key, hash, raw.
create table hadir.checkin_ack (
  id                 uuid primary key,
  checkin            uuid not null,
  spool              uuid not null,
  seq                bigint not null,
  person             bigint,
  received_at        timestamptz not null,
  fact               jsonb not null,
  coordinates_sha256 bytea,
  ingested_at        timestamptz not null default now(),
  unique (spool, seq)
);
create index on hadir.checkin_ack (checkin);
create index on hadir.checkin_ack (person);

-- What tells a retry from a new check-in. Partitioned by month of the claimed time (fix, else message, else arrival),
-- so that a repeat falls where the first one fell; unique (device, key) in each partition.
create table hadir.checkin_key (
  device      bigint not null,
  key         bytea not null,
  body_hash   bytea not null,
  checkin     uuid not null,
  claimed_at  timestamptz not null,
  government  bigint not null,
  external_id text
) partition by range (claimed_at);
create index on hadir.checkin_key (checkin);

-- Coordinates and everything that gives them away. fences, fence_versions, metres: parallel arrays, per placement.
create table hadir.checkin_position (
  checkin          uuid not null,
  received_at      timestamptz not null,
  government       bigint not null,
  lat              double precision not null,
  lon              double precision not null,
  accuracy_m       double precision,
  altitude_m       double precision,
  salt             bytea not null,
  raw              text,
  first_distance_m double precision,
  fences           bigint[] not null default '{}',
  fence_versions   int[] not null default '{}',
  metres           double precision[] not null default '{}',
  primary key (checkin, received_at)
) partition by range (received_at);

-- Takes what no month has yet; hadir.partition_ensure moves it out when the month is made.
create table hadir.checkin_key_other partition of hadir.checkin_key default;
create unique index checkin_key_other_once on hadir.checkin_key_other (device, key);
create table hadir.checkin_position_other partition of hadir.checkin_position default;

create table hadir.placement (
  checkin       uuid not null,
  fence         bigint not null,
  fence_version int not null,
  relation      text not null check (relation in ('inside', 'outside', 'uncertain')),
  primary key (checkin, fence, fence_version)
);

-- A location from a sender nobody enrolled: kept a few days, a check-in on enrolment. fact: the row as it came.
create table hadir.unattributed (
  id             uuid primary key,
  spool          uuid not null,
  seq            bigint not null,
  government     bigint not null,
  channel        text not null,
  sender         text,
  sender_user_id text,
  key            bytea,
  received_at    timestamptz not null,
  fact           jsonb not null,
  unique (spool, seq)
);
create index on hadir.unattributed (government, sender);
create index on hadir.unattributed (government, sender_user_id);
create index on hadir.unattributed (received_at);

create table hadir.event (
  id          bigint generated always as identity primary key,
  spool       uuid not null,
  seq         bigint not null,
  government  bigint,
  kind        text not null,
  received_at timestamptz not null,
  payload     jsonb,
  unique (spool, seq)
);

-- How far each spool has been read.
create table hadir.ingest_mark (
  spool       uuid primary key,
  last_seq    bigint not null,
  complete_to timestamptz not null,
  seen_at     timestamptz not null
);

-- --------------------------------------------------------------------------------------------------------- results

-- A day as closed, by number. digest covers its attendance rows.
create table hadir.attendance_version (
  government  bigint not null references hadir.government,
  day         date not null,
  version     int not null check (version > 0),
  frozen_at   timestamptz not null,
  closed_at   timestamptz,
  recorded_to timestamptz,
  late_spools text[] not null default '{}',
  rules       jsonb not null default '{}',
  digest      bytea not null,
  primary key (government, day, version)
);

-- One row per person and day of a closed version, names as they were then. sessions: an array of objects, one per
-- session (session, code, label, counts_as, state, reason, checkin, decided_at, late_minutes, early_minutes, place,
-- fence, relation, flags).
create table hadir.attendance (
  government     bigint not null,
  day            date not null,
  version        int not null,
  person         bigint not null,
  unit           bigint not null,
  unit_code      text not null,
  unit_name      text not null,
  nip            text not null,
  name           text not null,
  category       text not null,
  expected_place text,
  reason         text,
  pattern        bigint,
  sessions       jsonb not null,
  primary key (government, day, version, person)
);
create index on hadir.attendance (person, day);
-- Days on which nobody came to any session: few, and wanted of a whole year at once (hadir.discipline_days).
create index attendance_absent on hadir.attendance (government, day)
  where sessions @? '$[*] ? (@.code != null)' and not sessions @? '$[*] ? (@.code != null && @.state != "missing")';

-- What was published: a frozen day ("YYYY-MM-DD") or a closed month ("YYYY-MM"). id: the order of publication, and in it
-- the chains of manifests, one of days and one of months.
create table hadir.export_run (
  id              bigint generated always as identity unique,
  government      bigint not null,
  period          text not null check (period ~ '^\d{4}-\d\d(-\d\d)?$'),
  version         int not null,
  folder          text not null,
  manifest_sha256 text not null check (manifest_sha256 ~ '^[0-9a-f]{64}$'),
  closed_at       timestamptz not null,
  recorded_at     timestamptz not null,
  primary key (government, period, version)
);

-- Detached CMS signatures (RFC 5652, DER) over manifests. They differ each time they are made, so each is made once and kept here
-- before its folder is published: a folder that is made again has the same bytes.
create table hadir.export_signature (
  government      bigint not null,
  period          text not null,
  version         int not null,
  manifest_sha256 text not null check (manifest_sha256 ~ '^[0-9a-f]{64}$'),
  signature       bytea not null,
  signed_at       timestamptz not null,
  primary key (government, period, version, manifest_sha256)
);

-- Where else what was published goes. Passwords, tokens and keys of a target are in a file on the machine that sends
-- (target_secrets in hadird.conf(5)), never here.
create table hadir.export_target (
  id         bigint generated always as identity primary key,
  government bigint not null references hadir.government,
  name       text not null,
  url        text not null,
  what       text not null check (what in ('day', 'month', 'all')),
  formats    text[] not null default '{}',  -- of mail: endings of the files that are attached
  mail_from  text not null default '',
  mail_to    text[] not null default '{}',
  added_at   timestamptz not null,
  removed_at timestamptz
);
create unique index on hadir.export_target (government, name) where removed_at is null;

-- What of it goes to whom, and how far it is. waiting: not tried; failed: tried and tried again from next_at on.
create table hadir.export_delivery (
  target     bigint not null references hadir.export_target,
  run        bigint not null,               -- export_run.id
  state      text not null default 'waiting' check (state in ('waiting', 'failed', 'delivered', 'given_up')),
  tries      int not null default 0,
  next_at    timestamptz not null,
  tried_at   timestamptz,
  last_error text not null default '',
  primary key (target, run)
);
create index on hadir.export_delivery (next_at) where state in ('waiting', 'failed');

-- Who did what through the command line or the desk. actor: 'access:7' as the desk set it; null: the command line.
create table hadir.audit (
  id      bigint generated always as identity primary key,
  at      timestamptz not null,
  role    text not null default session_user,
  actor   text default nullif(current_setting('hadir.actor', true), ''),
  action  text not null,
  subject text not null default '',
  detail  jsonb not null default '{}'
);

-- Microseconds since 1970, as C counts them.
create function hadir.epoch_us(p_at timestamptz) returns bigint
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
  select (extract(epoch from p_at) * 1000000)::bigint
$$;

-- The opposite of epoch_us, exact.
create function hadir.from_epoch_us(p_us bigint) returns timestamptz
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
  select timestamptz 'epoch' + p_us * interval '1 microsecond'
$$;

grant execute on function hadir.epoch_us(timestamptz), hadir.from_epoch_us(bigint) to hadir_reader, hadir_writer;

-- One problem of an import: line of the file, column, reason in the administrator's language.
create type hadir.import_problem as (line int, field text, reason text);

-- --------------------------------------------------------------------------------------------------- row security

-- The functions that policies ask are plpgsql: a policy stands in every scan, so one question asks them dozens of times,
-- and plpgsql keeps their plans for the session, where SQL functions would be planned anew each time.

-- The actor of a question: 'access:7' or 'device:7', set for one transaction by the desk. Null when it is another kind.
create function hadir.actor_id(p_kind text) returns bigint
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
  return substring(current_setting('hadir.actor', true) from '^' || p_kind || ':([0-9]{1,18})$')::bigint;
end
$$;

-- The person who asks; null when unknown or revoked.
create function hadir.actor_person() returns bigint
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
declare
  v_access constant bigint := hadir.actor_id('access');
begin
  if v_access is not null then
    return (select a.person from hadir.access a where a.id = v_access and a.revoked_at is null);
  end if;
  return (select d.person from hadir.device d where d.id = hadir.actor_id('device') and d.revoked_at is null);
end
$$;

-- Units that the actor may ask about: the subtree of his access. A device token sees no unit, only oneself.
create function hadir.visible_units() returns bigint[]
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
  return (select coalesce(array_agg(c.descendant), '{}')
          from hadir.access a
          join hadir.unit_closure c on c.ancestor = a.unit
          where a.id = hadir.actor_id('access') and a.revoked_at is null);
end
$$;

-- The unit of the actor's access and those above it.
create function hadir.units_above() returns bigint[]
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
  return (select coalesce(array_agg(c.ancestor), '{}')
          from hadir.access a
          join hadir.unit_closure c on c.descendant = a.unit
          where a.id = hadir.actor_id('access') and a.revoked_at is null);
end
$$;

-- The government of whoever asks.
create function hadir.actor_government() returns bigint
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
declare
  v_access constant bigint := hadir.actor_id('access');
begin
  if v_access is not null then
    return (select a.government from hadir.access a where a.id = v_access and a.revoked_at is null);
  end if;
  return (select d.government from hadir.device d where d.id = hadir.actor_id('device') and d.revoked_at is null);
end
$$;
-- hadir_planner too: it reads views, and the policies of a view's tables are checked with the rights of whoever asks.
grant execute on function hadir.actor_id(text), hadir.actor_person(), hadir.visible_units(), hadir.units_above(),
  hadir.actor_government() to hadir_reader, hadir_writer, hadir_planner;

-- Puts a table under forced row security. Policies ask who logged in (session_user), not who owns the function: a
-- mistake in a function cannot widen them. p_actor: what hadir_query and hadir_operator see, by hadir.actor.
-- Subselects around stable functions make each be computed once per statement, not once per row.
create function hadir.protect(p_table regclass, p_readers name[], p_writers name[], p_actor text default null,
                              p_grants text default 'insert, update, delete') returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('alter table %s enable row level security', p_table);
  execute format('alter table %s force row level security', p_table);
  execute format('create policy system_reads on %s for select using ((select session_user = any (%L::name[])))',
                 p_table, p_readers || p_writers || 'hadir_owner'::name);
  execute format('create policy system_writes on %s for all using ((select session_user = any (%L::name[]))) '
                 'with check ((select session_user = any (%L::name[])))',
                 p_table, p_writers || 'hadir_owner'::name, p_writers || 'hadir_owner'::name);
  if p_actor is not null then
    execute format('create policy actor_reads on %s for select using '
                   '((select session_user = any (''{hadir_query,hadir_operator}''::name[])) and (%s))', p_table, p_actor);
  end if;
  execute format('grant select on %s to hadir_reader, hadir_writer', p_table);
  if cardinality(p_writers) > 0 then
    execute format('grant %s on %s to hadir_writer', p_grants, p_table);
  end if;
end
$$;

do $$
declare
  plan_readers constant name[] := '{hadir_intake,hadir_planner,hadir_nightly}';
  own_units    constant text := '%s = any ((select hadir.visible_units())::bigint[])';
  own_person   constant text := '%s = (select hadir.actor_person())';
  own_land     constant text := '(government is null or government = (select hadir.actor_government()))';
  seen_person  constant text := '(%1$s = (select hadir.actor_person()) or exists (select from hadir.posting seen '
                                'where seen.person = %1$s and seen.unit = any ((select hadir.visible_units())::bigint[])'
                                ' %2$s))';
  t text;
begin
  perform hadir.protect('hadir.schema_migration', '{hadir_admin,hadir_planner}', '{}');
  perform hadir.protect('hadir.instance', '{hadir_planner,hadir_admin,hadir_nightly}', '{}');

  perform hadir.protect('hadir.government', plan_readers, '{hadir_admin}', 'id = (select hadir.actor_government())');
  -- One's own unit is seen through one's posting, by its name in one's own attendance.
  perform hadir.protect('hadir.unit', plan_readers, '{hadir_admin}', format(own_units, 'id')
    || ' or exists (select from hadir.posting mine where mine.unit = unit.id and mine.person = (select hadir.actor_person()))');
  -- Numbers above and below numbers: whoever is somebody may read the tree. visible_units() reads it, and most policies
  -- ask visible_units(): one of its own here would ask in a circle.
  perform hadir.protect('hadir.unit_closure', plan_readers, '{hadir_admin}', '(select hadir.actor_government()) is not null');
  perform hadir.protect('hadir.posting', plan_readers, '{hadir_admin}',
    format(own_units, 'unit') || ' or ' || format(own_person, 'person'));
  perform hadir.protect('hadir.person', plan_readers, '{hadir_admin}', format(seen_person, 'person.id', ''));
  perform hadir.protect('hadir.device', plan_readers, '{hadir_admin}', 'id = (select hadir.actor_id(''device''))');
  perform hadir.protect('hadir.access', plan_readers, '{hadir_admin}', 'id = (select hadir.actor_id(''access''))');

  foreach t in array array['fence', 'calendar_day', 'working_hours', 'policy', 'channel_time'] loop
    perform hadir.protect(format('hadir.%I', t)::regclass, plan_readers, '{hadir_admin}',
      case t when 'fence' then own_land || ' and (kind <> ''home'' or ' || format(seen_person, 'fence.person', '') || ')'
      else own_land end);
  end loop;
  perform hadir.protect('hadir.fence_version', plan_readers, '{hadir_admin}', null, 'insert');
  perform hadir.protect('hadir.policy_scope', plan_readers, '{hadir_admin}');
  perform hadir.protect('hadir.session', plan_readers, '{hadir_admin}');

  perform hadir.protect('hadir.plan_pattern', plan_readers, '{hadir_planner,hadir_admin}', own_land);
  perform hadir.protect('hadir.plan_session', plan_readers, '{hadir_planner,hadir_admin}', own_land);
  perform hadir.protect('hadir.plan_class', '{}', '{hadir_planner,hadir_admin}');
  perform hadir.protect('hadir.plan_pair', '{}', '{hadir_planner,hadir_admin}');
  perform hadir.protect('hadir.plan_member', plan_readers, '{hadir_planner,hadir_admin}',
    format(own_units, 'unit') || ' or ' || format(own_person, 'person'));
  perform hadir.protect('hadir.plan_slot', plan_readers, '{hadir_planner,hadir_admin}',
    '(select hadir.actor_government()) is not null');
  perform hadir.protect('hadir.plan_dirt', '{}', '{hadir_planner,hadir_admin}');
  perform hadir.protect('hadir.directory_state', '{hadir_intake,hadir_nightly}', '{hadir_planner,hadir_admin}');
  perform hadir.protect('hadir.directory_change', '{hadir_intake}', '{hadir_planner,hadir_admin}');
  perform hadir.protect('hadir.placement_dirt', '{}', '{hadir_planner,hadir_intake,hadir_admin}', null, 'insert, delete');

  -- A supervisor sees the check-ins of people who were his at that time, a day of slack for zones.
  perform hadir.protect('hadir.checkin', '{hadir_planner,hadir_nightly}', '{hadir_intake,hadir_admin}',
    format(seen_person, 'checkin.person',
           'and seen.valid_from <= (coalesce(checkin.decided_at, checkin.received_at) + interval ''1 day'')::date '
           'and (seen.valid_to is null or seen.valid_to >= (coalesce(checkin.decided_at, checkin.received_at) '
           '- interval ''1 day'')::date)'), 'insert');
  perform hadir.protect('hadir.checkin_ack', '{hadir_nightly}', '{hadir_intake,hadir_admin}',
    format(own_person, 'person'), 'insert');
  perform hadir.protect('hadir.checkin_key', '{}', '{hadir_intake,hadir_planner,hadir_admin}',
    'device = (select hadir.actor_id(''device''))', 'insert, delete');
  perform hadir.protect('hadir.checkin_key_other', '{}', '{hadir_intake,hadir_planner,hadir_admin}', null, 'insert, delete');
  -- Own coordinates only: a superior sees class and relation, never the point.
  perform hadir.protect('hadir.checkin_position', '{}', '{hadir_intake,hadir_planner,hadir_admin}',
    'exists (select from hadir.checkin c where c.id = checkin_position.checkin and c.person = (select hadir.actor_person()))');
  perform hadir.protect('hadir.checkin_position_other', '{}', '{hadir_intake,hadir_planner,hadir_admin}');
  perform hadir.protect('hadir.placement', '{hadir_nightly}', '{hadir_intake,hadir_planner,hadir_admin}',
    'exists (select from hadir.checkin c where c.id = placement.checkin)', 'insert');
  perform hadir.protect('hadir.unattributed', '{}', '{hadir_intake,hadir_admin}', null, 'insert, delete');
  perform hadir.protect('hadir.event', '{}', '{hadir_intake,hadir_admin}', null, 'insert');
  perform hadir.protect('hadir.ingest_mark', '{hadir_nightly,hadir_planner}', '{hadir_intake,hadir_admin}', 'true');

  perform hadir.protect('hadir.attendance_version', '{hadir_admin}', '{hadir_nightly}',
    'government = (select hadir.actor_government())', 'insert');
  perform hadir.protect('hadir.attendance', '{hadir_admin}', '{hadir_nightly}',
    format(own_units, 'unit') || ' or ' || format(own_person, 'person'), 'insert');
  perform hadir.protect('hadir.export_run', '{hadir_admin}', '{hadir_nightly}', null, 'insert');
  perform hadir.protect('hadir.export_signature', '{hadir_admin}', '{hadir_nightly}', null, 'insert');
  perform hadir.protect('hadir.export_target', '{hadir_nightly}', '{hadir_admin}', null, 'insert, update');
  perform hadir.protect('hadir.export_delivery', '{}', '{hadir_nightly,hadir_admin}', null, 'insert, update');
  perform hadir.protect('hadir.audit', '{hadir_nightly}', '{hadir_admin,hadir_operator}', null, 'insert');
end
$$;

-- Makes the month's partitions of checkin_key and checkin_position, if they are missing; for any time, any number of
-- times. Owned by the owner because it makes tables. What the spare partition holds of the month moves into the new
-- one. The spare is locked first (attaching locks it anyway): a row that another transaction is putting there would
-- otherwise be left behind, and attaching fail. The other months stay open to ingest.
create function hadir.partition_ensure(p_at timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
  month  constant timestamptz := date_trunc('month', p_at);
  suffix constant text := to_char(month, 'YYYYMM');
  parent text;
  spare  text;
  part   text;
  stamp  text;
begin
  foreach parent in array array['checkin_key', 'checkin_position'] loop
    part := parent || '_' || suffix;
    continue when to_regclass(format('hadir.%I', part)) is not null;
    perform pg_advisory_xact_lock(hashtext('hadir.partition'));
    continue when to_regclass(format('hadir.%I', part)) is not null;
    spare := parent || '_other';
    stamp := case parent when 'checkin_key' then 'claimed_at' else 'received_at' end;
    execute format('lock table hadir.%I in access exclusive mode', spare);
    execute format('create table hadir.%I (like hadir.%I including defaults including constraints)', part, parent);
    execute format('insert into hadir.%I select * from hadir.%I where %I >= %L and %I < %L',
                   part, spare, stamp, month, stamp, month + interval '1 month');
    execute format('delete from hadir.%I where %I >= %L and %I < %L', spare, stamp, month, stamp, month + interval '1 month');
    if parent = 'checkin_key' then
      execute format('create unique index on hadir.%I (device, key)', part);
    end if;
    perform hadir.protect(format('hadir.%I', part)::regclass, '{}', '{hadir_intake,hadir_planner,hadir_admin}', null,
                          case parent when 'checkin_key' then 'insert, delete' else 'insert, update, delete' end);
    execute format('alter table hadir.%I attach partition hadir.%I for values from (%L) to (%L)',
                   parent, part, month, month + interval '1 month');
  end loop;
end
$$;
grant execute on function hadir.partition_ensure(timestamptz) to hadir_writer;

-- The version's first half. A dump restored elsewhere or here, a cluster recovered to a point in time and a promoted
-- standby each differ from the original in one of the four, so their numbers are never confused with the original's.
create function hadir.directory_epoch() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select ('x' || substr(encode(sha256(convert_to(concat_ws(':', i.epoch_base, s.system_identifier, c.timeline_id,
         (select d.oid from pg_database d where d.datname = current_database())), 'UTF8')), 'hex'), 1, 15))::bit(60)::bigint
  from hadir.instance i, pg_control_system() s, pg_control_checkpoint() c
$$;
grant execute on function hadir.directory_epoch() to hadir_reader, hadir_writer;
