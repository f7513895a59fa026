-- The form of a circular's file, as hadir-policy(5) describes it: which sections and keys there are, what may stand in
-- them, and what does not go together. A document is the file as JSON: {"sections": [{"section": "scope x", "line": 3,
-- "pairs": [{"key": "units", "line": 4, "value": "A, B"}]}]}. Every problem is found at once, with its line.

-- type: text (words: its length at most), date, hour, yes, int (words: least, greatest), number (the same), one and many
-- (words: which), weekdays, codes, name (of a session).
create or replace function hadir.policy_keys()
returns table (kind text, key text, needed boolean, type text, words text[])
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  values
    ('policy', 'number', true, 'text', '{200}'::text[]), ('policy', 'title', false, 'text', null),
    ('policy', 'dated', true, 'date', null), ('policy', 'valid_from', true, 'date', null),
    ('policy', 'valid_to', false, 'date', null), ('policy', 'government', false, 'text', null),
    ('policy', 'basis', false, 'text', null), ('policy', 'rank', false, 'int', '{-1000,1000}'),
    ('policy', 'grants', false, 'one', '{blanket,letter,roster}'), ('policy', 'min_office_days', false, 'int', '{0,7}'),
    ('policy', 'max_elsewhere_days', false, 'int', '{0,7}'), ('policy', 'accuracy_cap_m', false, 'number', '{0,100000}'),
    ('policy', 'uncertain_counts', false, 'yes', null), ('policy', 'report_to', false, 'text', null),
    ('policy', 'report_by', false, 'hour', null),
    ('scope', 'units', false, 'codes', null), ('scope', 'services', false, 'many', '{public,support,administration}'),
    ('scope', 'categories', false, 'many', '{PNS,PPPK,PPPK_PW}'), ('scope', 'echelons', false, 'many', '{I,II,III,IV,staf}'),
    ('scope', 'exclude', false, 'yes', null),
    ('day', 'weekdays', true, 'weekdays', null), ('day', 'place', true, 'one', '{WFO,WFH,WFA,DL}'),
    ('day', 'anywhere', false, 'yes', null), ('day', 'granted', false, 'yes', null),
    ('quota', 'measure', true, 'one', '{min_wfh,max_wfh,min_wfo,max_elsewhere}'), ('quota', 'percent', true, 'number', '{0,100}'),
    ('quota', 'rounding', false, 'one', '{down,up,nearest}'), ('quota', 'base', false, 'one', '{posted,working}'),
    ('quota', 'small', false, 'int', '{0,100000}'), ('quota', 'services', false, 'many', '{public,support,administration}'),
    ('evidence', 'places', true, 'many', '{WFO,WFH,WFA,DL}'),
    ('evidence', 'kind', true, 'one', '{location,fence,session,work_plan,work_report,health_letter}'),
    ('evidence', 'times', false, 'int', '{1,10}'), ('evidence', 'session', false, 'name', null),
    ('channel', 'channel', true, 'one', '{native,owntracks,osmand,whatsapp}'),
    ('channel', 'decides', true, 'one', '{fix,message,arrival}'),
    ('session', 'label', false, 'text', null), ('session', 'counts_as', true, 'one', '{in,out,presence}'),
    ('session', 'accept_from', true, 'hour', null), ('session', 'on_time_from', false, 'hour', null),
    ('session', 'due', false, 'hour', null), ('session', 'on_time_until', false, 'hour', null),
    ('session', 'accept_until', true, 'hour', null)
$$;
comment on function hadir.policy_keys() is 'Every section and key of a circular''s file. Called by policy_problems.';

-- 'A, B' as its distinct items; null when there is none.
create or replace function hadir.policy_list(p_text text) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select array_agg(distinct trim(item)) from regexp_split_to_table(p_text, ',') item where trim(item) <> ''
$$;

-- '1-5', 'Senin, Kamis', 'Mon-Thu' as ISO weekdays; null when not readable.
create or replace function hadir.policy_weekdays(p_text text) returns int[]
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  names constant text[] := array['senin|monday|mon', 'selasa|tuesday|tue', 'rabu|wednesday|wed', 'kamis|thursday|thu',
    'jumat|jum''at|friday|fri', 'sabtu|saturday|sat', 'minggu|ahad|sunday|sun'];
  v_text text := lower(p_text);
begin
  for n in 1 .. 7 loop
    v_text := regexp_replace(v_text, '\m(' || names[n] || ')\M', n::text, 'g');
  end loop;
  return hadir.try_weekdays(regexp_replace(v_text, '\s', '', 'g'));
end
$$;

-- Why a value cannot be read as its type; null when it can.
create or replace function hadir.policy_value_problem(p_type text, p_words text[], p_value text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_value !~ '\S' then hadir.say('tidak ada isinya', 'has no value')
    when p_type = 'text' and length(p_value) > p_words[1]::int
      then format(hadir.say('paling panjang %s huruf', 'is longer than %s characters'), p_words[1])
    when p_type = 'date' and hadir.try_date(p_value) is null
      then hadir.say('tanggal harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a day of the calendar, as YYYY-MM-DD')
    when p_type = 'hour' and hadir.try_hour(p_value) is null
      then hadir.say('jam harus berbentuk JJ:MM atau JJ:MM:DD, paling akhir 48:00', 'must be HH:MM or HH:MM:SS, at most 48:00')
    when p_type = 'yes' and hadir.try_boolean(p_value) is null then hadir.say('harus ya atau tidak', 'must be ya or tidak')
    when p_type = 'weekdays' and hadir.policy_weekdays(p_value) is null
      then hadir.say('hari harus seperti 1-5, Senin-Kamis atau Senin, Kamis (1 = Senin)',
                     'must be weekdays such as 1-5, Mon-Thu or Mon, Thu (1 = Monday)')
    when p_type = 'int' and (p_value !~ '^-?[0-9]{1,6}$' or p_value::int not between p_words[1]::int and p_words[2]::int)
      then format(hadir.say('harus bilangan bulat dari %s sampai %s', 'must be a whole number from %s to %s'), p_words[1], p_words[2])
    when p_type = 'number' and (p_value !~ '^[0-9]{1,6}(\.[0-9]{1,4})?$'
                                or p_value::numeric not between p_words[1]::numeric and p_words[2]::numeric)
      then format(hadir.say('harus bilangan dari %s sampai %s (pecahan dengan titik)', 'must be a number from %s to %s'),
                  p_words[1], p_words[2])
    when p_type = 'one' and p_value <> all (p_words)
      then format(hadir.say('harus salah satu dari %s', 'must be one of %s'), array_to_string(p_words, ', '))
    when p_type = 'many' and not coalesce(hadir.policy_list(p_value) <@ p_words, false)
      then format(hadir.say('harus dari %s, dipisah koma', 'must be of %s, separated by commas'), array_to_string(p_words, ', '))
    when p_type = 'codes' and hadir.policy_list(p_value) is null
      then hadir.say('harus kode unit, dipisah koma', 'must be codes of units, separated by commas')
    when p_type = 'name' and p_value !~ '^[a-z0-9_-]{1,32}$'
      then hadir.say('harus kode sesi: huruf kecil, angka, garis; paling panjang 32',
                     'must be the code of a session: small letters, digits, - and _; at most 32')
  end
$$;

-- What keeps p_document from being one: {"sections": [{"section", "line", "pairs": [{"key", "value", "line"}]}]}, all text but the
-- lines, which may be left out. An array of problems.
create or replace function hadir.policy_document_problems(p_document jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with section as (
    select format('sections[%s]', s.n - 1) as at, s.e
    from jsonb_array_elements(case when jsonb_typeof(p_document -> 'sections') = 'array' then p_document -> 'sections' end)
         with ordinality s (e, n)
  ),
  part as (
    select s.at, s.e, '{section,line,pairs}'::text[] as members, '{section}'::text[] as texts from section s
    union all
    select format('%s.pairs[%s]', s.at, p.n - 1), p.e, '{key,line,value}', '{key,value}'
    from section s
    cross join jsonb_array_elements(case when jsonb_typeof(s.e -> 'pairs') = 'array' then s.e -> 'pairs' end) with ordinality p (e, n)
  )
  select hadir.body_problems(p_document, '{"sections": "list!"}') || coalesce(jsonb_agg(hadir.problem(q.field, q.reason) order by q.field), '[]')
  from (
    select p.at, hadir.say('harus berupa objek JSON', 'must be a JSON object') from part p where jsonb_typeof(p.e) <> 'object'
    union all
    select p.at || '.' || k, hadir.say('tidak dikenal', 'is unknown')
    from part p cross join jsonb_object_keys(case when jsonb_typeof(p.e) = 'object' then p.e end) k where k <> all (p.members)
    union all
    select p.at || '.' || k, hadir.say('harus teks', 'must be text')
    from part p cross join unnest(p.texts) k where jsonb_typeof(p.e) = 'object' and jsonb_typeof(p.e -> k) is distinct from 'string'
    union all
    select p.at || '.line', hadir.say('harus bilangan bulat', 'must be a whole number')
    from part p where p.e -> 'line' <> 'null' and (p.e -> 'line')::text !~ '^[0-9]{1,9}$'
    union all
    select s.at || '.pairs', hadir.say('harus berupa daftar', 'must be a list') from section s
    where jsonb_typeof(s.e) = 'object' and jsonb_typeof(s.e -> 'pairs') is distinct from 'array'
  ) q (field, reason)
$$;

-- Reads the document into pg_temp.policy_section: position, line, kind, name, says {key: value}, lines {key: line}, and its
-- pairs as they stood. It must be one (hadir.policy_document_problems).
create or replace function hadir.policy_read(p_document jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  create temporary table policy_section as
  select s.position, (s.e ->> 'line')::int as line, split_part(s.e ->> 'section', ' ', 1) as kind,
         trim(substr(s.e ->> 'section', length(split_part(s.e ->> 'section', ' ', 1)) + 1)) as name,
         s.e -> 'pairs' as pairs,
         coalesce((select jsonb_object_agg(p ->> 'key', p ->> 'value') from jsonb_array_elements(s.e -> 'pairs') p), '{}') as says,
         coalesce((select jsonb_object_agg(p ->> 'key', p -> 'line') from jsonb_array_elements(s.e -> 'pairs') p), '{}') as lines
  from jsonb_array_elements(p_document -> 'sections') with ordinality s (e, position);
end
$$;

-- The government that the document means: the one it names, else that of its units, else the only one there is.
create or replace function hadir.policy_government() returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_code text := (select s.says ->> 'government' from pg_temp.policy_section s where s.kind = 'policy' order by s.position limit 1);
begin
  if v_code is not null then
    return (select g.id from hadir.government g where g.code = v_code);
  end if;
  return coalesce(
    (select min(u.government) from pg_temp.policy_section s
     join hadir.unit u on u.code = any (hadir.policy_list(s.says ->> 'units')) where s.kind = 'scope'
     having count(distinct u.government) = 1),
    hadir.only_government());
end
$$;

-- What is wrong with the form of pg_temp.policy_section: sections, keys, single values.
create or replace function hadir.policy_form_problems() returns table (line int, field text, reason text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with section as (
    select s.*, '[' || concat_ws(' ', s.kind, nullif(s.name, '')) || ']' as head,
           (select k.kind from hadir.policy_keys() k where k.kind = s.kind limit 1) is not null as known
    from pg_temp.policy_section s
  ),
  pair as (
    select s.kind, s.position, p.n, (p.e ->> 'line')::int as line, p.e ->> 'key' as key, p.e ->> 'value' as value
    from section s cross join jsonb_array_elements(s.pairs) with ordinality p (e, n)
    where s.known
  )
  select 1, '[policy]', hadir.say('bagian [policy] harus ada', 'there must be a section [policy]')
  where not exists (select from section s where s.kind = 'policy')
  union all
  select s.line, s.head, hadir.say('bagian itu tidak dikenal; yang dikenal: policy, scope, day, quota, evidence, channel, session',
                                   'unknown; known are policy, scope, day, quota, evidence, channel, session')
  from section s where not s.known
  union all
  select s.line, s.head, case s.kind when 'policy' then hadir.say('[policy] tidak memakai nama', '[policy] takes no name')
                                     else hadir.say('bagian ini harus bernama', 'this section must have a name') end
  from section s where s.known and (s.kind = 'policy') = (s.name <> '')
  union all
  select s.line, s.head, format(hadir.say('sudah ada di baris %s', 'is there already on line %s'), min(t.line))
  from section s join section t on t.kind = s.kind and t.name = s.name and t.position < s.position
  where s.known group by s.position, s.line, s.head
  union all
  select p.line, p.key, format(hadir.say('kunci ini tidak dikenal di [%s]; yang dikenal: %s', 'unknown in [%s]; known are %s'), p.kind,
                               (select string_agg(k.key, ', ') from hadir.policy_keys() k where k.kind = p.kind))
  from pair p where not exists (select from hadir.policy_keys() k where k.kind = p.kind and k.key = p.key)
  union all
  select p.line, p.key, format(hadir.say('sudah ada di baris %s', 'is there already on line %s'), min(q.line))
  from pair p join pair q on q.position = p.position and q.key = p.key and q.n < p.n
  group by p.position, p.n, p.line, p.key
  union all
  select p.line, p.key, hadir.policy_value_problem(k.type, k.words, p.value)
  from pair p join hadir.policy_keys() k on k.kind = p.kind and k.key = p.key
  where hadir.policy_value_problem(k.type, k.words, p.value) is not null
  union all
  select s.line, k.key, hadir.say('harus diisi', 'must be given')
  from section s join hadir.policy_keys() k on k.kind = s.kind and k.needed
  where not s.says ? k.key
  union all
  select s.line, s.head, hadir.policy_value_problem('name', null, s.name)
  from section s where s.kind = 'session' and s.name <> '' and hadir.policy_value_problem('name', null, s.name) is not null;
end
$$;

-- What is wrong with whom it binds: government, units, scopes.
create or replace function hadir.policy_scope_problems(p_government bigint) returns table (line int, field text, reason text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select coalesce((s.lines ->> 'government')::int, s.line), 'government',
         case when s.says ? 'government'
              then format(hadir.say('pemerintah %s tidak dikenal', 'government %s is unknown'), s.says ->> 'government')
              else hadir.say('pemerintah tidak dapat ditentukan; isi kunci government',
                             'cannot tell which government is meant; give the key government') end
  from pg_temp.policy_section s where s.kind = 'policy' and p_government is null
  union all
  select (s.lines ->> 'units')::int, 'units', format(hadir.say('unit %s tidak dikenal', 'unit %s is unknown'), c)
  from pg_temp.policy_section s cross join unnest(hadir.policy_list(s.says ->> 'units')) c
  where s.kind = 'scope' and not exists (select from hadir.unit u where u.code = c)
  union all
  select (s.lines ->> 'units')::int, 'units', format(hadir.say('unit %s milik pemerintah lain', 'unit %s belongs to another government'), u.code)
  from pg_temp.policy_section s join hadir.unit u on u.code = any (hadir.policy_list(s.says ->> 'units'))
  where s.kind = 'scope' and u.government <> p_government
  union all
  select s.line, '[scope ' || s.name || ']',
         hadir.say('mengecualikan semua orang: sebutkan units, services, categories atau echelons',
                   'excludes everybody: name units, services, categories or echelons')
  from pg_temp.policy_section s
  where s.kind = 'scope' and hadir.try_boolean(s.says ->> 'exclude') and not s.says ?| array['units', 'services', 'categories', 'echelons'];
end
$$;

-- What does not go together in what it orders: validity, days, grants, quotas.
create or replace function hadir.policy_order_problems() returns table (line int, field text, reason text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with head as (select s.* from pg_temp.policy_section s where s.kind = 'policy' order by s.position limit 1),
  day as (
    select s.position, s.line, s.lines, s.name, s.says ->> 'place' as place, hadir.policy_weekdays(s.says ->> 'weekdays') as weekdays,
           coalesce(hadir.try_boolean(s.says ->> 'anywhere'), false) as anywhere,
           coalesce(hadir.try_boolean(s.says ->> 'granted'), false) as granted
    from pg_temp.policy_section s where s.kind = 'day'
  ),
  quota as (
    select s.position, s.line, s.lines, s.name, s.says ->> 'measure' as measure,
           case when hadir.policy_value_problem('number', '{0,100}', s.says ->> 'percent') is null then (s.says ->> 'percent')::numeric end as percent,
           coalesce(hadir.policy_list(s.says ->> 'services'), '{public,support,administration}') as services
    from pg_temp.policy_section s where s.kind = 'quota'
  )
  select (h.lines ->> 'valid_to')::int, 'valid_to', hadir.say('sebelum valid_from', 'is before valid_from')
  from head h where hadir.try_date(h.says ->> 'valid_to') < hadir.try_date(h.says ->> 'valid_from')
  union all
  select d.line, '[day ' || d.name || ']',
         case when d.place = e.place
              then format(hadir.say('menyebut %s pada hari yang sama dengan [day %s]', 'names %s on a weekday of [day %s]'), d.place, e.name)
              else format(hadir.say('pada hari yang sama [day %s] sudah menetapkan tempat tanpa granted',
                                    'on a weekday for which [day %s] already sets the place, not granted'), e.name) end
  from day d join day e on e.position < d.position and e.weekdays && d.weekdays
    and (e.place = d.place or not (e.granted or d.granted))
  union all
  select (d.lines ->> 'anywhere')::int, 'anywhere', hadir.say('WFO ada di kantor, bukan di mana saja', 'WFO is at the office, not anywhere')
  from day d where d.place = 'WFO' and d.anywhere
  union all
  select (d.lines ->> 'granted')::int, 'granted',
         hadir.say('grants = blanket: tidak ada surat atau daftar yang memberi; isi grants = letter atau roster',
                   'grants = blanket: no letter or roster gives it; say grants = letter or roster')
  from day d, head h where d.granted and coalesce(h.says ->> 'grants', 'blanket') = 'blanket'
  union all
  select (h.lines ->> 'grants')::int, 'grants', hadir.say('tidak ada [day] dengan granted = ya', 'there is no [day] with granted = ya')
  from head h where h.says ->> 'grants' in ('letter', 'roster') and not exists (select from day d where d.granted)
  union all
  select (h.lines ->> k)::int, k, hadir.say('hanya berarti bersama [day]', 'means something only with a [day]')
  from head h, unnest(array['min_office_days', 'max_elsewhere_days']) k
  where h.says ? k and not exists (select from day)
  union all
  select q.line, '[quota ' || q.name || ']', hadir.say('hanya berarti bersama [day]', 'means something only with a [day]')
  from quota q where not exists (select from day)
  union all
  select (q.lines ->> 'percent')::int, 'percent',
         format(hadir.say('tidak dapat dipenuhi bersama [quota %s]', 'cannot be met together with [quota %s]'), o.name)
  from quota q join quota o on o.position < q.position and o.services && q.services
  where (q.measure, o.measure) in (('min_wfh', 'min_wfo'), ('min_wfo', 'min_wfh')) and q.percent + o.percent > 100
     or (q.measure, o.measure) = ('min_wfh', 'max_wfh') and q.percent > o.percent
     or (q.measure, o.measure) = ('max_wfh', 'min_wfh') and q.percent < o.percent
     or array[q.measure, o.measure] <@ '{min_wfh,max_elsewhere}' and q.measure <> o.measure
        and case q.measure when 'min_wfh' then q.percent > o.percent else q.percent < o.percent end;
end
$$;

-- What does not go together in sessions, evidence and channels.
create or replace function hadir.policy_session_problems(p_government bigint) returns table (line int, field text, reason text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with hours as (select * from hadir.policy_hours()),
  proof as (
    select s.* from pg_temp.policy_section s where s.kind = 'evidence'
  )
  select h.line, t.key, format(hadir.say('harus diisi untuk counts_as = %s', 'must be given for counts_as = %s'), h.counts_as)
  from hours h cross join lateral (values ('due', h.due, h.counts_as in ('in', 'out')), ('on_time_until', h.on_time_until, h.counts_as = 'in'))
    t (key, hour, needed)
  where t.needed and t.hour is null and not h.says ? t.key
  union all
  select h.line, '[session ' || h.code || ']',
         hadir.say('urutan jam harus accept_from ≤ on_time_from ≤ due ≤ on_time_until ≤ accept_until, on_time_from sebelum '
                   'on_time_until, dan mulai sebelum 36:00',
                   'hours must be accept_from ≤ on_time_from ≤ due ≤ on_time_until ≤ accept_until, on_time_from before '
                   'on_time_until, and begin before 36:00')
  from hours h
  where not (h.accept_from <= h.on_time_from and h.on_time_from <= h.due and h.due <= h.on_time_until
             and h.on_time_until <= h.accept_until and h.on_time_from < h.on_time_until and h.accept_from < interval '36 hours')
  union all
  select h.line, '[session ' || h.code || ']', format(hadir.say('sehari paling banyak %s sesi', 'a day has at most %s sessions'), hadir.most_sessions())
  from (select * from hours order by line offset hadir.most_sessions()) h
  union all
  select coalesce((p.lines ->> 'session')::int, p.line), 'session',
         case when p.says ? 'session' then hadir.say('hanya untuk kind = session', 'is for kind = session only')
              else hadir.say('harus diisi untuk kind = session', 'must be given for kind = session') end
  from proof p where p.says ? 'kind' and (p.says ->> 'kind' = 'session') <> p.says ? 'session'
  union all
  select (p.lines ->> 'times')::int, 'times', hadir.say('hanya untuk kind = location', 'is for kind = location only')
  from proof p where p.says ? 'times' and p.says ->> 'kind' <> 'location'
  union all
  select (p.lines ->> 'session')::int, 'session', format(hadir.say('sesi %s tidak ada di %s', 'there is no session %s in %s'),
         p.says ->> 'session', case when exists (select from hours) then hadir.say('berkas ini', 'this file')
                                    else hadir.say('jam kerja pemerintah ini', 'the working hours of this government') end)
  from proof p
  where p.says ->> 'kind' = 'session' and p_government is not null
    and not exists (select from hours h where h.code = p.says ->> 'session')
    and (exists (select from hours) or not exists (
      select from hadir.session s join hadir.working_hours w on w.id = s.working_hours
      where w.government = p_government and s.code = p.says ->> 'session'))
  union all
  select (s.lines ->> 'channel')::int, 'channel', format(hadir.say('sudah ada di [channel %s]', 'is there already in [channel %s]'), min(t.name))
  from pg_temp.policy_section s
  join pg_temp.policy_section t on t.kind = 'channel' and t.says ->> 'channel' = s.says ->> 'channel' and t.position < s.position
  where s.kind = 'channel' group by s.position, s.lines;
end
$$;

-- The session sections with their hours; what is left out follows from the rest, as in an import of hours.
create or replace function hadir.policy_hours()
returns table (line int, code text, label text, counts_as text, accept_from interval, on_time_from interval, due interval,
               on_time_until interval, accept_until interval, says jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select s.line, s.name, coalesce(s.says ->> 'label', s.name), s.says ->> 'counts_as', hadir.try_hour(s.says ->> 'accept_from'),
         hadir.try_hour(coalesce(s.says ->> 'on_time_from', s.says ->> case when s.says ->> 'counts_as' = 'out' then 'due' else 'accept_from' end)),
         hadir.try_hour(coalesce(s.says ->> 'due', case s.says ->> 'counts_as' when 'out' then s.says ->> 'on_time_from'
                                 when 'presence' then coalesce(s.says ->> 'on_time_from', s.says ->> 'accept_from') end)),
         hadir.try_hour(coalesce(s.says ->> 'on_time_until', case when s.says ->> 'counts_as' <> 'in' then s.says ->> 'accept_until' end)),
         hadir.try_hour(s.says ->> 'accept_until'), s.says
  from pg_temp.policy_section s where s.kind = 'session' order by s.position;
end
$$;

-- Every problem of pg_temp.policy_section, in the file's order.
create or replace function hadir.policy_problems() returns table (line int, field text, reason text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_government bigint := hadir.policy_government();
begin
  return query
  select q.line, q.field, q.reason
  from (
    select * from hadir.policy_form_problems()
    union all
    select * from hadir.policy_scope_problems(v_government)
    union all
    select * from hadir.policy_order_problems()
    union all
    select * from hadir.policy_session_problems(v_government)
    union all
    select s.line, '[policy]', hadir.say('surat ini tidak mengatur apa pun: tambahkan [day], [evidence], [session] atau [channel]',
                                         'this circular orders nothing: add a [day], [evidence], [session] or [channel]')
    from pg_temp.policy_section s
    where s.kind = 'policy' and not s.says ?| array['accuracy_cap_m', 'uncertain_counts']
      and not exists (select from pg_temp.policy_section o where o.kind in ('day', 'evidence', 'session', 'channel'))
  ) q (line, field, reason)
  order by q.line, q.field, q.reason;
end
$$;

grant execute on function hadir.policy_keys(), hadir.policy_list(text), hadir.policy_weekdays(text),
  hadir.policy_value_problem(text, text[], text), hadir.policy_document_problems(jsonb), hadir.policy_read(jsonb), hadir.policy_government(),
  hadir.policy_form_problems(), hadir.policy_scope_problems(bigint), hadir.policy_order_problems(),
  hadir.policy_session_problems(bigint), hadir.policy_hours(), hadir.policy_problems() to hadir_reader, hadir_writer;
