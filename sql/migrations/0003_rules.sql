-- The rules in full: calendar by decree, seasons and shifts, circulars in layers, letters and rosters, absences,
-- corrections, evidence, doubt, deductions, closed months. Facts here are append-only, too: a step is a row of decision,
-- and `status` columns only repeat the last one. Documents are named (where the office keeps them), never stored.

-- ----------------------------------------------------------------------------------------------------- organisation

-- Service classes as SE PANRB 1/2024 names them: public (layanan masyarakat), support (dukungan pimpinan),
-- administration. Null: that of the unit above, at the top administration.
alter table hadir.unit add column service text check (service in ('public', 'support', 'administration'));
-- The class that holds: its own, or so inherited. Kept by trigger; who sees a unit need not see those above it.
alter table hadir.unit add column serves text not null default 'administration'
  check (serves in ('public', 'support', 'administration'));
-- Structural level I … IV; '' = functional posts and staff.
alter table hadir.person add column echelon text not null default '' check (echelon in ('', 'I', 'II', 'III', 'IV'));

-- Heads: who decides for a unit. acting (Plt.) and delegate stand in for their dates.
alter table hadir.posting drop constraint posting_kind_check;
alter table hadir.posting add constraint posting_kind_check check (kind in ('main', 'head', 'acting', 'delegate'));
alter table hadir.posting add constraint posting_one_head exclude using gist
  (unit with =, kind with =, daterange(valid_from, valid_to, '[]') with &&) where (kind in ('head', 'acting'));
-- bkpsdm: sees and confirms for the whole government; its unit is the government's root.
alter table hadir.access drop constraint access_role_check;
alter table hadir.access add constraint access_role_check check (role in ('supervisor', 'operator', 'bkpsdm'));

-- --------------------------------------------------------------------------------------------------------- calendar

-- A decree's word about a day. Of several for the same day (and the same government, or all) the latest dated holds;
-- WORK takes a day back. Never replaced, only superseded.
alter table hadir.calendar_day add column dated date not null default '1945-08-17';
alter table hadir.calendar_day drop constraint calendar_day_kind_check;
alter table hadir.calendar_day add constraint calendar_day_kind_check check (kind in ('LN', 'CB', 'REGIONAL', 'WORK'));
alter table hadir.calendar_day drop constraint calendar_day_check;
alter table hadir.calendar_day add constraint calendar_day_check check (kind <> 'REGIONAL' or government is not null);
alter table hadir.calendar_day drop constraint calendar_day_government_day_kind_key;
alter table hadir.calendar_day add constraint calendar_day_once unique nulls not distinct (government, day, kind, dated);

-- A stretch of days with hours of its own, Ramadan for one. Of several of the same kind and name the latest dated holds.
create table hadir.calendar_period (
  id         bigint generated always as identity primary key,
  government bigint references hadir.government,        -- null: national
  kind       text not null check (kind ~ '^[A-Z]{1,20}$'),
  name       text not null check (name <> ''),          -- 'Ramadan 1447 H'
  first_day  date not null,
  last_day   date not null,
  basis      text not null default '',
  dated      date not null,
  check (last_day >= first_day),
  unique nulls not distinct (government, kind, name, dated)
);

-- season: these hours hold only within a period of that kind, and there before others of the same level.
-- shift: these hours hold only for whoever a roster puts on that shift, on that day; weekdays and holidays are not asked.
alter table hadir.working_hours add column season text check (season ~ '^[A-Z]{1,20}$');
alter table hadir.working_hours add column shift text check (shift ~ '^[A-Za-z0-9_-]{1,20}$');
alter table hadir.working_hours add column break_minutes int not null default 0 check (break_minutes between 0 and 720);
alter table hadir.working_hours drop constraint working_hours_government_unit_person_valid_from_weekdays_key;
alter table hadir.working_hours add constraint working_hours_once
  unique nulls not distinct (government, unit, person, valid_from, weekdays, season, shift);
alter table hadir.working_hours add check (season is null or shift is null);

-- -------------------------------------------------------------------------------------------------------- circulars

-- A circular speaks of some of these aspects, and is silent on others: place (policy_day, with its quotas and weekly
-- counts), sessions (own_sessions), evidence (states_evidence), the accuracy cap, the deciding times, uncertain points.
-- For a person and day each aspect comes from the circular of the highest precedence that speaks of it there:
-- rank, then the later dated, then the later valid_from, then the later id.
alter table hadir.policy drop column weekdays, drop column place, drop column anywhere;
alter table hadir.policy add column grants text not null default 'blanket' check (grants in ('blanket', 'letter', 'roster'));
alter table hadir.policy add column min_office_days int check (min_office_days between 0 and 7);       -- a person's, per week
alter table hadir.policy add column max_elsewhere_days int check (max_elsewhere_days between 0 and 7);
alter table hadir.policy add column uncertain_counts boolean;   -- a point too near to the boundary: inside (default) or not
alter table hadir.policy add column states_evidence boolean not null default false;
alter table hadir.policy add column report_to text not null default '';
alter table hadir.policy add column report_by interval;         -- local time of the day after midnight
alter table hadir.policy add column revision int not null default 1;
alter table hadir.policy add column document jsonb;             -- the file it was applied from, as JSON

-- Who, and who not: a person is bound if some row that includes matches him and none that excludes does.
alter table hadir.policy_scope add column exclude boolean not null default false;
alter table hadir.policy_scope add column services text[] check (services <@ array['public', 'support', 'administration']);
alter table hadir.policy_scope add column echelons text[] check (echelons <@ array['', 'I', 'II', 'III', 'IV']);

-- What its weekdays are. granted: the place is allowed, and holds for whoever a letter or roster names; others stay at
-- the government's default place.
create table hadir.policy_day (
  policy   bigint not null references hadir.policy on delete cascade,
  weekdays int[] not null check (cardinality(weekdays) between 1 and 7 and weekdays <@ array[1, 2, 3, 4, 5, 6, 7]),
  place    text not null check (place in ('WFO', 'WFH', 'WFA', 'DL')),
  anywhere boolean not null default false,
  granted  boolean not null default false,
  primary key (policy, weekdays, place)
);

-- Shares of a unit's people on a day, in percent. base: posted = everybody whose main posting it is; working = of those,
-- who is expected that day. rounding: of percent × base / 100 to people. A unit of at most `small` people is exempt.
create table hadir.policy_quota (
  policy   bigint not null references hadir.policy on delete cascade,
  measure  text not null check (measure in ('min_wfh', 'max_wfh', 'min_wfo', 'max_elsewhere')),
  percent  numeric not null check (percent between 0 and 100),
  rounding text not null default 'down' check (rounding in ('down', 'up', 'nearest')),
  base     text not null default 'posted' check (base in ('posted', 'working')),
  small    int not null default 0 check (small >= 0),
  services text[] check (services <@ array['public', 'support', 'administration'])
);
create index on hadir.policy_quota (policy);

-- What a day at one of these places needs. location: that many check-ins; fence: a check-in inside an expected fence;
-- session: presence in the session named; the others: a work_report of that kind.
create table hadir.policy_evidence (
  policy  bigint not null references hadir.policy on delete cascade,
  places  text[] not null check (places <@ array['WFO', 'WFH', 'WFA', 'DL']),
  kind    text not null check (kind in ('location', 'fence', 'session', 'work_plan', 'work_report', 'health_letter')),
  times   int not null default 1 check (times between 1 and 10),
  session text,
  check ((kind = 'session') = (session is not null))
);
create index on hadir.policy_evidence (policy);

create table hadir.policy_channel (
  policy  bigint not null references hadir.policy on delete cascade,
  channel text not null check (channel in ('native', 'owntracks', 'osmand', 'whatsapp')),
  decides text not null check (decides in ('fix', 'message', 'arrival')),
  primary key (policy, channel)
);

-- -------------------------------------------------------------------------------------------------- letters, absences

-- A letter of a head: surat tugas, travel, recall to the office, shift list. Its orders say where and on which shift,
-- assignments name people and days. In force when confirmed.
create table hadir.letter (
  id         bigint generated always as identity primary key,
  government bigint not null references hadir.government,
  unit       bigint not null references hadir.unit,
  kind       text not null check (kind in ('assignment', 'travel', 'recall', 'roster')),
  number     text not null check (number <> ''),
  dated      date not null,
  title      text not null default '',
  document   text not null default '',
  status     text not null default 'filed' check (status in ('filed', 'confirmed', 'revoked')),
  filed_at   timestamptz not null,
  unique (government, number)
);
create index on hadir.letter (unit);

create table hadir.letter_order (
  id       bigint generated always as identity primary key,
  letter   bigint not null references hadir.letter,
  place    text not null check (place in ('WFO', 'WFH', 'WFA', 'DL')),
  anywhere boolean not null default false,
  shift    text,
  zone     text,                                       -- travel: sessions are hours of this zone; null: of the government
  fences   bigint[] not null default '{}'              -- bound besides (WFO) or instead of (else) the offices
);
create index on hadir.letter_order (letter);

create table hadir.assignment (
  letter bigint not null references hadir.letter,
  person bigint not null references hadir.person,
  day    date not null,
  orders bigint not null references hadir.letter_order,
  primary key (letter, person, day)
);
create index on hadir.assignment (person, day);

-- The codes of a government: what excuses. working: counts as present (duty travel, training).
create table hadir.absence_code (
  government     bigint not null references hadir.government,
  code           text not null check (code ~ '^[A-Za-z0-9]{1,8}$'),
  name           text not null check (name <> ''),
  working        boolean not null default false,
  needs_document boolean not null default true,
  max_days       int check (max_days > 0),             -- calendar days of one absence; null: no bound
  primary key (government, code)
);

-- What a whole day of it costs of the month's TPP, in percent: of a code the row of the latest valid_from holds; none: nothing.
create table hadir.absence_percent (
  government bigint not null,
  code       text not null,
  valid_from date not null,
  percent    numeric not null check (percent between 0 and 100),
  primary key (government, code, valid_from),
  foreign key (government, code) references hadir.absence_code
);

create table hadir.absence (
  id         bigint generated always as identity primary key,
  government bigint not null,
  person     bigint not null references hadir.person,
  code       text not null,
  first_day  date not null,
  last_day   date not null,
  sessions   text[],                                   -- null: whole days; else codes of sessions
  number     text not null default '',
  document   text not null default '',
  note       text not null default '',
  status     text not null default 'requested' check (status in ('requested', 'approved', 'rejected', 'revoked')),
  asked_at   timestamptz not null,
  foreign key (government, code) references hadir.absence_code,
  check (last_day between first_day and first_day + 1500 and (sessions is null or cardinality(sessions) > 0))
);
create index on hadir.absence (person, first_day);

-- What a person says was otherwise than recorded. forgotten: he was there at claimed_at; wrong_place: the check-in of that
-- session counts as at `place`; device: as forgotten, the phone was being replaced.
create table hadir.correction (
  id         bigint generated always as identity primary key,
  government bigint not null,
  person     bigint not null references hadir.person,
  day        date not null,
  session    text not null,
  kind       text not null check (kind in ('forgotten', 'wrong_place', 'device')),
  claimed_at timestamptz,
  place      text check (place in ('WFO', 'WFH', 'WFA', 'DL')),
  document   text not null default '',
  note       text not null default '',
  status     text not null default 'requested' check (status in ('requested', 'approved', 'confirmed', 'rejected', 'revoked')),
  counts     boolean not null default false,           -- derivation reads it: approved, or confirmed where that was wanted then
  asked_at   timestamptz not null,
  check ((kind = 'wrong_place') = (claimed_at is null)),
  check (kind <> 'wrong_place' or place is not null)
);
create index on hadir.correction (person, day);

-- The service was away: sessions of these people whose on-time interval the outage touched, and that lack a check-in or
-- have it late (in) or early (out), count as on time.
create table hadir.outage (
  id         bigint generated always as identity primary key,
  government bigint not null references hadir.government,
  unit       bigint not null references hadir.unit,    -- with its subtree
  starts_at  timestamptz not null,
  ends_at    timestamptz not null,
  note       text not null check (note <> ''),
  status     text not null default 'requested' check (status in ('requested', 'approved', 'rejected', 'revoked')),
  asked_at   timestamptz not null,
  check (ends_at > starts_at and ends_at <= starts_at + interval '31 days')
);

-- What a list of absences, corrections or the like is asked for; refusal: the answer when that was not good.
create type hadir.asked as (unit bigint, person bigint, from_day date, to_day date, status text, refusal jsonb);

-- Every step of a letter, absence, correction, outage, closing: who, as what, when, why. Never changed.
create table hadir.decision (
  id       bigint generated always as identity primary key,
  subject  text not null check (subject in ('letter', 'absence', 'correction', 'outage', 'month', 'policy')),
  ref      bigint not null,
  step     text not null check (step in ('filed', 'requested', 'confirmed', 'approved', 'rejected', 'revoked', 'asked', 'closed', 'refused',
                                               'applied')),
  at       timestamptz not null,
  actor    text not null,                              -- 'access:7', 'device:7', 'hadir' for the command line
  person   bigint,                                     -- who, where known
  capacity text not null check (capacity in ('self', 'head', 'acting', 'delegate', 'operator', 'bkpsdm', 'console')),
  reason   text not null default '',
  breaches jsonb not null default '[]'                 -- what was confirmed over, as api.letter_breaches had it
);
create index on hadir.decision (subject, ref);

-- Plans, results and health letters that a circular wants.
create table hadir.work_report (
  id       bigint generated always as identity primary key,
  government bigint not null,
  person   bigint not null references hadir.person,
  day      date not null,
  kind     text not null check (kind in ('work_plan', 'work_report', 'health_letter')),
  text     text not null default '' check (length(text) <= 4000),
  document text not null default '',
  sent_at  timestamptz not null,
  check (text <> '' or document <> '')
);
create index on hadir.work_report (person, day);

-- ------------------------------------------------------------------------------------------------------------- doubt

-- What makes a check-in doubtful, computed while coordinates exist; evidence for a human decision, never a sanction.
create table hadir.doubt (
  checkin uuid not null,
  kind    text not null check (kind in ('mock', 'picked_place', 'forwarded', 'same_point', 'impossible_travel', 'stale_fix', 'future_fix')),
  detail  text not null default '',                    -- the numbers found, hadir.doubt_text says them; no coordinates
  primary key (checkin, kind)
);
-- Who else stood on exactly this point.
create index checkin_position_point on hadir.checkin_position (lat, lon);

-- ------------------------------------------------------------------------------------------------------ consequences

-- Classes of lateness (in), early leave (out), missing sessions, and what each costs of the month's TPP, in percent. Of a
-- government's tables the one of the latest valid_from holds on a day, whole. Presence has no minutes: its class is of
-- missing sessions only.
create table hadir.minute_class (
  government   bigint not null references hadir.government,
  valid_from   date not null,
  counts_as    text not null check (counts_as in ('in', 'out', 'presence')),
  code         text not null check (code ~ '^[A-Za-z0-9]{1,8}$'),
  from_minutes int not null check (from_minutes >= 0), -- this many minutes or more
  percent      numeric not null check (percent between 0 and 100),
  basis        text not null default '',
  primary key (government, valid_from, counts_as, from_minutes),
  unique (government, valid_from, code)
);
-- What else a government counts by; the row of the latest valid_from holds on a day, of the cap on the month's first day.
create table hadir.consequence (
  government      bigint not null references hadir.government,
  valid_from      date not null,
  absent_code     text not null check (absent_code ~ '^[A-Za-z0-9]{1,8}$'),             -- of an unexcused day
  absent_percent  numeric not null check (absent_percent between 0 and 100),            -- what it costs of the month's TPP
  monthly_cap     numeric not null check (monthly_cap between 0 and 100),
  minutes_per_day int check (minutes_per_day between 1 and 1440),                       -- late and early minutes that make a day; null: rule off
  basis           text not null default '',
  primary key (government, valid_from)
);
alter table hadir.government add column signing_place text not null default '';                -- above the signature of a report
alter table hadir.government add column letterhead text not null default '';                   -- of a report on paper, lines parted by |
alter table hadir.government add column paper text not null default 'F4' check (paper ~ '^(A4|F4)(-(portrait|landscape))?$');
alter table hadir.government add column confirms_corrections boolean not null default false;   -- BKPSDM confirms, too
alter table hadir.government add column correction_days int not null default 5 check (correction_days between 0 and 366);

-- Steps of discipline by unexcused days of a calendar year (PP 94/2021); consecutive: by working days in a row. Of a
-- government's tables the one of the latest valid_from holds on the day that reaches a step, whole.
create table hadir.discipline_step (
  government  bigint not null references hadir.government,
  valid_from  date not null,
  from_days   int not null check (from_days > 0),
  consecutive boolean not null default false,
  level       text not null,
  sanction    text not null,
  basis       text not null default '',
  primary key (government, valid_from, consecutive, from_days)
);

-- What whoever decides for a unit must know, told once. discipline: that somebody reached a step, once per year; breach: that
-- something a circular does not allow arose for a day to come, and no letter was confirmed over it. What it says was so when it
-- was found; it may have been explained or mended since.
create table hadir.notice (
  id          bigint generated always as identity primary key,
  government  bigint not null references hadir.government,
  kind        text not null default 'discipline' check (kind in ('discipline', 'breach')),
  person      bigint references hadir.person,          -- null: a breach of the whole unit
  unit        bigint not null references hadir.unit,   -- where he was when it was found
  year        int,                                     -- of discipline, up to reached_on
  consecutive boolean,
  from_days   int,                                     -- which step; its words as they were then:
  level       text,
  sanction    text,
  basis       text,
  days        int,                                     -- what he had when it was found
  reached_on  date,                                    -- the day that reached the step
  policy      bigint,                                  -- of a breach, up to breach; null: no circular decides there
  measure     text,
  day         date,                                    -- or the Monday of its week
  breach      jsonb,                                   -- as hadir.breach_list has it
  found_at    timestamptz not null,
  told_at     timestamptz,                             -- when somebody who decides acknowledged it
  told_to     text,                                    -- who, as in audit
  check (case kind when 'discipline' then num_nulls(person, year, consecutive, from_days, level, sanction, basis, days, reached_on) = 0
                   else num_nulls(measure, day, breach) = 0 end),
  unique (person, year, consecutive, from_days)
);
create unique index notice_breach on hadir.notice (unit, measure, policy, day, person) nulls not distinct where kind = 'breach';
create index on hadir.notice (unit);

-- ----------------------------------------------------------------------------------------------------------- closing

-- What a version changed, and why: [{"person", "session", "causes": ["absence CT", …]}]. Empty for the first.
alter table hadir.attendance_version add column changes jsonb not null default '[]';
-- How far each spool had been read then: {"spool": seq}. A check-in beyond came later.
alter table hadir.attendance_version add column read_to jsonb not null default '{}';
-- The absences of the day or of single sessions, as in plan_pattern; what evidence was missing and which kinds of doubt there
-- were, as in hadir.derive_day.
alter table hadir.attendance add column excuse text;
alter table hadir.attendance add column work_minutes int;    -- as in plan_pattern
alter table hadir.attendance add column evidence_missing jsonb not null default '[]';
alter table hadir.attendance add column doubts text[] not null default '{}';

-- Frozen days that were compiled anew, by the rules as they stood then.
create table hadir.reopening (
  id         bigint generated always as identity primary key,
  government bigint not null references hadir.government,
  first_day  date not null,
  last_day   date not null,
  reason     text not null,
  at         timestamptz not null,
  check (last_day >= first_day)
);

-- A month as BKPSDM closed it, by number. From then on its days get no new version by themselves.
create table hadir.month_version (
  government bigint not null references hadir.government,
  month      date not null check (extract(day from month) = 1),
  version    int not null check (version > 0),
  closed_at  timestamptz not null,
  days       jsonb not null,                           -- {"YYYY-MM-DD": 1, …}: which version of each day
  reason     text not null default '',
  codes      jsonb not null default '{}',              -- {"counts", "minutes", "excuses": [code]}: the order in month_recap's arrays
  primary key (government, month, version)
);

-- What the month came to, a row per person and unit, as its days, names, grades and posts were when it was closed: the monthly report
-- of that version, for ever. As hadir.recap of the days in that unit.
create table hadir.month_recap (
  government       bigint not null,
  month            date not null,
  version          int not null,
  person           bigint not null,
  unit             bigint not null,
  unit_code        text not null,
  nip              text not null,
  name             text not null,
  category         text not null,
  grade            text not null,
  post             text not null,
  working_days     int not null,
  present_days     int not null,
  wfo_days         int not null,
  wfh_days         int not null,
  wfa_days         int not null,
  dl_days          int not null,
  absent_days      int not null,
  evidence_missing int not null,
  doubts           int not null,
  counts           numeric[] not null,
  minutes          numeric[] not null,
  excuses          numeric[] not null,
  percent_in       numeric not null,
  percent_out      numeric not null,
  percent_presence numeric not null,
  percent_absent   numeric not null,
  percent_excuse   numeric not null,
  deduction        numeric not null,
  primary key (government, month, version, person, unit)
);

-- ------------------------------------------------------------------------------------------------------- compiled plan

-- A class shares, besides unit and category: echelon, the orders that a letter gives for the day, and the excuse of the
-- day: '' or 'CT' (whole day) or 'I:pagi,sore' (single sessions).
alter table hadir.plan_class add column echelon text not null default '';
alter table hadir.plan_class add column orders bigint not null default 0;
alter table hadir.plan_class add column excuse text not null default '';
alter table hadir.plan_class drop constraint plan_class_unit_category_own_key;
alter table hadir.plan_class add constraint plan_class_once unique (unit, category, own, echelon, orders, excuse);

-- policy: whose place it is. policies: all circulars that speak. periods: whose hours these are, where they have a season. orders: a letter's order. excuse: as in the class.
-- excused: codes of sessions of this day that an absence covers (they stay in sessions). evidence: as policy_evidence
-- rows: [{"kind", "times", "session"}]. uncertain_counts: see policy.
alter table hadir.plan_pattern add column policies bigint[] not null default '{}';
alter table hadir.plan_pattern add column periods bigint[] not null default '{}';
-- From when the first arrival is due until the last leave is, less the break of the hours; null: the day has not both.
alter table hadir.plan_pattern add column work_minutes int;
alter table hadir.plan_pattern add column orders bigint;
alter table hadir.plan_pattern add column excuse text;
alter table hadir.plan_pattern add column excused text[] not null default '{}';
alter table hadir.plan_pattern add column evidence jsonb not null default '[]';
alter table hadir.plan_pattern add column uncertain_counts boolean not null default true;

-- why 'reopen' (kind government): closed days are compiled anew, too.
alter table hadir.plan_dirt add column why text not null default '' check (why in ('', 'reopen'));

do $$
declare
  plan_readers constant name[] := '{hadir_intake,hadir_planner,hadir_nightly}';
  own_land     constant text := '(government is null or government = (select hadir.actor_government()))';
  own_person   constant text := 'person = (select hadir.actor_person())';
  seen_person  constant text := '(person = (select hadir.actor_person()) or exists (select from hadir.posting seen '
                                'where seen.person = %1$s.person and seen.kind = ''main'' '
                                'and seen.unit = any ((select hadir.visible_units())::bigint[]) %2$s))';
  t text;
begin
  -- Closing a month freezes what is pending.
  execute 'create policy closing_writes on hadir.attendance_version for insert with check ((select session_user = ''hadir_admin''))';
  execute 'create policy closing_writes on hadir.attendance for insert with check ((select session_user = ''hadir_admin''))';
  -- The planner looks which days are closed.
  execute 'create policy planner_reads on hadir.attendance_version for select using ((select session_user = ''hadir_planner''))';
  -- What a superior decides makes the plan dirty.
  execute 'create policy operator_adds on hadir.plan_dirt for insert with check ((select session_user = ''hadir_operator''))';
  -- Why a frozen day differs: it was reopened.
  execute 'create policy actor_reads_reopenings on hadir.audit for select using ((select session_user = ''hadir_query'') '
          'and action = ''plan_reopen'' and subject = (select g.code from hadir.government g where g.id = (select hadir.actor_government())))';
  -- Heads are named by operators of a unit above, circulars applied by those of the whole government: api.head_set and
  -- api.policy_apply ask which of them it is.
  execute 'create policy operator_names on hadir.posting for insert with check ((select session_user = ''hadir_operator'') '
          'and kind <> ''main'' and unit = any ((select hadir.visible_units())::bigint[]))';
  execute 'create policy operator_replaces on hadir.posting for update using ((select session_user = ''hadir_operator'') '
          'and kind <> ''main'' and unit = any ((select hadir.visible_units())::bigint[]))';
  execute 'create policy operator_applies on hadir.policy for all using ((select session_user = ''hadir_operator'') '
          'and government = (select hadir.actor_government()))';
  foreach t in array array['policy_scope', 'policy_day', 'policy_quota', 'policy_evidence', 'policy_channel', 'session'] loop
    execute format('create policy operator_applies on hadir.%1$I for all using ((select session_user = ''hadir_operator'') '
                   'and exists (select from hadir.policy p where p.id = %1$I.policy))', t);
  end loop;
  perform hadir.protect('hadir.calendar_period', plan_readers, '{hadir_admin}', own_land);
  foreach t in array array['policy_day', 'policy_quota', 'policy_evidence', 'policy_channel'] loop
    perform hadir.protect(format('hadir.%I', t)::regclass, plan_readers || '{hadir_query,hadir_operator}'::name[], '{hadir_admin}');
  end loop;
  foreach t in array array['absence_code', 'absence_percent', 'consequence', 'minute_class', 'discipline_step'] loop
    perform hadir.protect(format('hadir.%I', t)::regclass, plan_readers || '{hadir_operator}'::name[], '{hadir_admin}', own_land);
  end loop;
  execute 'create policy actor_reads on hadir.policy_scope for select using ((select session_user = any '
          '(''{hadir_query,hadir_operator}''::name[])) and exists (select from hadir.policy p where p.id = policy_scope.policy))';
  execute 'create policy actor_reads on hadir.session for select using ((select session_user = any '
          '(''{hadir_query,hadir_operator}''::name[])) and (exists (select from hadir.working_hours w where w.id = session.working_hours) '
          'or exists (select from hadir.policy p where p.id = session.policy)))';
  -- Who of one's people heads a unit above one's own is not one's to decide about: heads of these units, by number.
  execute 'create policy actor_reads_above on hadir.posting for select using ((select session_user = any '
          '(''{hadir_query,hadir_operator}''::name[])) and kind <> ''main'' and unit = any ((select hadir.units_above())::bigint[]))';
  -- A unit's letters, and those of others that name one's people or oneself.
  perform hadir.protect('hadir.letter', plan_readers, '{hadir_admin,hadir_operator}',
    'unit = any ((select hadir.visible_units())::bigint[]) or exists (select from hadir.assignment a where a.letter = letter.id)',
    'insert, update');
  perform hadir.protect('hadir.letter_order', plan_readers || '{hadir_query}'::name[], '{hadir_admin,hadir_operator}', null, 'insert');
  -- Of the days on which they were one's people.
  perform hadir.protect('hadir.assignment', plan_readers, '{hadir_admin,hadir_operator}', format(seen_person, 'assignment',
    'and seen.valid_from <= assignment.day and (seen.valid_to is null or seen.valid_to >= assignment.day)'), 'insert, delete');
  perform hadir.protect('hadir.absence', plan_readers, '{hadir_admin,hadir_operator}', format(seen_person, 'absence', ''), 'insert, update');
  perform hadir.protect('hadir.correction', plan_readers, '{hadir_admin,hadir_operator}', format(seen_person, 'correction', ''), 'insert, update');
  perform hadir.protect('hadir.outage', plan_readers, '{hadir_admin,hadir_operator}', own_land, 'insert, update');
  -- The steps of what one may see.
  perform hadir.protect('hadir.decision', '{}', '{hadir_nightly,hadir_admin,hadir_operator}',
    'case subject when ''letter'' then exists (select from hadir.letter s where s.id = ref) '
    'when ''absence'' then exists (select from hadir.absence s where s.id = ref) '
    'when ''correction'' then exists (select from hadir.correction s where s.id = ref) '
    'when ''outage'' then exists (select from hadir.outage s where s.id = ref) '
    'when ''policy'' then exists (select from hadir.policy s where s.id = ref) '
    -- A month's number begins with its government's (hadir.month_ref).
    'when ''month'' then ref / 1000000 = (select hadir.actor_government()) end', 'insert');
  perform hadir.protect('hadir.work_report', plan_readers, '{hadir_admin,hadir_operator}', format(seen_person, 'work_report', ''), 'insert');
  perform hadir.protect('hadir.doubt', '{}', '{hadir_nightly,hadir_admin}',
    'exists (select from hadir.checkin c where c.id = doubt.checkin)', 'insert');
  -- Doubts are looked for at night.
  create policy doubt_reads on hadir.checkin_position for select using ((select session_user = 'hadir_nightly'));
  perform hadir.protect('hadir.notice', '{}', '{hadir_nightly,hadir_admin,hadir_operator}',
    'unit = any ((select hadir.visible_units())::bigint[])', 'insert, update');
  perform hadir.protect('hadir.reopening', '{hadir_nightly}', '{hadir_admin,hadir_operator}', own_land, 'insert');
  perform hadir.protect('hadir.month_version', '{}', '{hadir_nightly,hadir_admin}', own_land, 'insert');
  perform hadir.protect('hadir.month_recap', '{}', '{hadir_nightly,hadir_admin}',
    'unit = any ((select hadir.visible_units())::bigint[]) or ' || own_person, 'insert');
end
$$;

