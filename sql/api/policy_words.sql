-- A circular in words: what it means, for how many people, on which days, and beside which others. Read from the tables
-- as they are compiled (hadir.plan_bound, hadir.plan_stage), so that the words cannot differ from what the plan does.
-- Indonesian, or English by hadir.say.
--
-- Worked out in temporary tables: plan_kind (as in plan_compile.sql, with `people`, how many a class has), policy_bound
-- (class, day, policy, turn: which circulars bind whom, best first), policy_posted (unit, people, bound: anybody) and what plan_stage
-- leaves.

-- '1,4' as 'Senin, Kamis'.
create or replace function hadir.weekday_words(p_weekdays int[]) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select string_agg((string_to_array(hadir.say('Senin,Selasa,Rabu,Kamis,Jumat,Sabtu,Minggu',
    'Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday'), ','))[d], ', ' order by d)
  from unnest(p_weekdays) d
$$;

-- 'Senin 29 Desember 2025', 'Monday 29 December 2025'.
create or replace function hadir.day_words(p_day date) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select format('%s %s %s %s', hadir.weekday_words(array[extract(isodow from p_day)::int]), extract(day from p_day),
    (string_to_array(hadir.say('Januari,Februari,Maret,April,Mei,Juni,Juli,Agustus,September,Oktober,November,Desember',
      'January,February,March,April,May,June,July,August,September,October,November,December'), ','))[extract(month from p_day)::int],
    extract(year from p_day))
$$;
create or replace function hadir.place_words(p_place text, p_anywhere boolean) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select p_place || case p_place when 'WFO' then hadir.say(' (kantor)', ' (office)')
                                 when 'WFH' then hadir.say(' (rumah)', ' (home)')
                                 when 'WFA' then hadir.say(' (tempat lain)', ' (elsewhere)')
                                 else hadir.say(' (dinas luar)', ' (duty travel)') end
    || case when p_anywhere then hadir.say(', lokasi bebas', ', any location') else '' end
$$;
create or replace function hadir.service_words(p_services text[]) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select string_agg(case s when 'public' then hadir.say('layanan masyarakat', 'public services')
                           when 'support' then hadir.say('dukungan pimpinan', 'support of the leadership')
                           else hadir.say('administrasi pemerintahan', 'administration') end, ', ' order by s)
  from unnest(p_services) s
$$;
create or replace function hadir.hour_words(p_hour interval) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select to_char(p_hour, case when extract(second from p_hour) = 0 then 'HH24:MI' else 'HH24:MI:SS' end)
$$;

-- The days that are told one by one: all of a validity of up to two months; else four weeks from today on, or from its
-- beginning when that is later, or the last four when it is over.
create or replace function hadir.policy_span(p_policy bigint, p_today date, out first date, out last date)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select q.first, case when p.valid_to - p.valid_from <= 62 then p.valid_to else least(q.first + 27, coalesce(p.valid_to, q.first + 27)) end
  from hadir.policy p
  cross join lateral (
    select case when p.valid_to - p.valid_from <= 62 then p.valid_from
                when p.valid_to is null then greatest(p.valid_from, p_today)
                else greatest(p.valid_from, least(p_today, p.valid_to - 27)) end as first
  ) q
  where p.id = p_policy
$$;

-- Makes plan_kind of whoever the circular binds in p_first … p_last, by the postings of p_first, and policy_bound; and policy_posted: of
-- each unit of how many its quotas are shares, bound or not, without those about whose place only other circulars decide (as in
-- hadir.circular_counts).
create or replace function hadir.policy_crowd(p_policy bigint, p_first date, p_last date) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  create temporary table plan_kind as
  select (row_number() over ())::int as class, q.*, 0::bigint as orders, ''::text as excuse
  from (
    select e.government, o.unit, e.category, e.echelon, coalesce(h.person, 0) as person, count(*)::int as people
    from hadir.policy p
    join hadir.person e on e.government = p.government
    join hadir.posting o on o.person = e.id and o.kind = 'main' and o.valid_from <= p_first and coalesce(o.valid_to, p_first) >= p_first
    left join (select distinct w.person from hadir.working_hours w where w.person is not null) h on h.person = e.id
    where p.id = p_policy
    group by e.government, o.unit, e.category, e.echelon, h.person
  ) q;
  analyze pg_temp.plan_kind;
  create temporary table policy_bound as
  select b.class, b.day, b.policy, b.place as turn from hadir.plan_bound(p_first, p_last) b;
  create temporary table policy_posted as
  select k.unit, sum(k.people) as people, bool_or(m.bound) as bound
  from pg_temp.plan_kind k
  cross join lateral (
    select coalesce(bool_or(b.policy = p_policy), false) as bound,
           coalesce(bool_or(exists (select from hadir.policy_day d where d.policy = b.policy)), false) as decided
    from pg_temp.policy_bound b where b.class = k.class) m
  where m.bound or not m.decided
  group by k.unit;
  delete from pg_temp.policy_bound b
  where not exists (select from pg_temp.policy_bound m where m.class = b.class and m.day = b.day and m.policy = p_policy);
  delete from pg_temp.plan_kind k where not exists (select from pg_temp.policy_bound b where b.class = k.class);
  analyze pg_temp.plan_kind, pg_temp.policy_bound;
  perform hadir.plan_stage(p_first, p_last);
end
$$;

-- Number, date, title, basis, validity.
create or replace function hadir.policy_says_what(p_policy bigint) returns text[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array[format(hadir.say('Surat edaran %s, tanggal %s', 'Circular %s, dated %s'), p.number, hadir.day_words(p.dated))
                 || case when p.title <> '' then ': ' || p.title else '' end]
      || case when p.basis <> '' then array[hadir.say('Dasar: ', 'Basis: ') || p.basis] end
      || format(case when p.valid_to is null then hadir.say('Berlaku di %s (%s) sejak %s, tanpa batas akhir', 'In force in %s (%s) from %s on')
                     else hadir.say('Berlaku di %s (%s) dari %s sampai %s', 'In force in %s (%s) from %s to %s') end,
                g.name, g.code, hadir.day_words(p.valid_from), hadir.day_words(p.valid_to))
      || case when p.report_to <> '' then array[hadir.say('Dilaporkan kepada ', 'Reported to ') || p.report_to
           || case when p.report_by is null then ''
                   else format(hadir.say(', paling lambat pukul %s setiap hari', ', by %s each day'), hadir.hour_words(p.report_by)) end] end
  from hadir.policy p join hadir.government g on g.id = p.government
  where p.id = p_policy
$$;

-- Its scopes, a line each. Units that whoever asks may not see are only counted.
create or replace function hadir.policy_scope_words(p_policy bigint) returns text[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array(
    select case when q.exclude then hadir.say('Dikecualikan: ', 'Excluded: ') else hadir.say('Lingkup: ', 'Scope: ') end
           || coalesce(nullif(concat_ws('; ', hadir.say('unit ', 'units ') || nullif(concat_ws(', ', string_agg(u.code, ', ' order by u.code),
                                nullif(count(q.unit) - count(u.id), 0) || hadir.say(' unit lain', ' others')), ''),
                              hadir.service_words(q.services), array_to_string(q.categories, ', '),
                              hadir.say('eselon ', 'echelons ') || array_to_string(array_replace(q.echelons, '', 'staf'), ', ')), ''),
                       hadir.say('seluruh pemerintah', 'the whole government'))
    from hadir.policy_scope q
    left join hadir.unit u on u.id = q.unit
    where q.policy = p_policy
    group by q.exclude, q.services, q.categories, q.echelons, q.unit is null
    order by q.exclude, min(q.id))
$$;

-- Whom it binds: people by category, then by office (the units right below the government's root), and each scope.
create or replace function hadir.policy_says_who(p_policy bigint, p_day date) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_lines text[];
begin
  select array[format(hadir.say('Mengikat %s orang (menurut penempatan %s)', 'Binds %s people (by the postings of %s)'),
                      coalesce(sum(q.people), 0), hadir.day_words(p_day))
               || coalesce(': ' || string_agg(format('%s %s', q.category, q.people), ', ' order by q.category), '')]
  into v_lines
  from (select k.category, sum(k.people) as people from pg_temp.plan_kind k group by k.category) q;
  v_lines := v_lines || array(
    select format('  %s %s: %s (%s)', q.code, q.name, sum(q.people), string_agg(format('%s %s', q.category, q.people), ', ' order by q.category))
    from (
      select u.code, u.name, k.category, sum(k.people) as people
      from pg_temp.plan_kind k
      cross join lateral (
        select a.id from hadir.unit_closure c join hadir.unit a on a.id = c.ancestor left join hadir.unit r on r.id = a.parent
        where c.descendant = k.unit and (c.depth = 0 and a.parent is null or a.parent is not null and r.parent is null)
        order by c.depth desc limit 1
      ) top
      join hadir.unit u on u.id = top.id
      group by u.code, u.name, k.category
    ) q
    group by q.code, q.name order by q.code);
  return v_lines || hadir.policy_scope_words(p_policy);
end
$$;

-- Its weekdays, then each day: who works, where. p_policy's own place, or another circular's that goes before it.
create or replace function hadir.policy_says_days(p_policy bigint, p_first date, p_last date) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_lines text[];
  v_days  int;
begin
  v_lines := array(
    select format('%s: %s', hadir.weekday_words(d.weekdays), hadir.place_words(d.place, d.anywhere))
           || case when not d.granted then ''
                   when p.grants = 'roster' then hadir.say(', bagi yang disebut daftar giliran kepala', ', for whoever the head''s shift list names')
                   else hadir.say(', bagi yang disebut surat tugas kepala', ', for whoever a letter of the head names') end
    from hadir.policy_day d join hadir.policy p on p.id = d.policy
    where d.policy = p_policy order by d.weekdays, d.granted, d.place);
  select count(distinct b.day) into v_days
  from pg_temp.plan_base b join pg_temp.plan_shape s on s.shape = b.shape
  join pg_temp.policy_bound m on m.class = b.class and m.day = b.day and m.policy = p_policy
  where s.works;
  v_lines := v_lines || format(hadir.say('Hari kerja dari %s sampai %s: %s', 'Working days from %s to %s: %s'),
                               hadir.day_words(p_first), hadir.day_words(p_last), v_days);
  return v_lines || array(
    select '  ' || hadir.day_words(q.day) || ': ' || string_agg(format(hadir.say('%s orang %s', '%s people %s'), q.people, q.what), ', '
                                                              order by q.people desc, q.what)
           || coalesce((select '; ' || string_agg(d.place, ', ' order by d.place) || hadir.say(' bila diberikan kepala', ' where the head grants it')
                        from hadir.policy_day d
                        where d.policy = p_policy and d.granted and extract(isodow from q.day)::int = any (d.weekdays) and bool_or(q.works)), '')
    from (
      select b.day, bool_or(s.works) as works, sum(k.people) as people,
             case when not s.works then hadir.say('libur: ', 'free: ') || s.reason
                  else s.place || case when s.policy <> p_policy then ' (' || o.number || ')' else '' end end as what
      from pg_temp.plan_base b
      join pg_temp.plan_shape s on s.shape = b.shape
      join pg_temp.plan_kind k on k.class = b.class
      join pg_temp.policy_bound m on m.class = b.class and m.day = b.day and m.policy = p_policy
      left join hadir.policy o on o.id = s.policy
      group by b.day, what
    ) q
    group by q.day order by q.day);
end
$$;

-- Weekly counts and quotas, each with the largest unit as an example.
create or replace function hadir.policy_says_counts(p_policy bigint) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select format(hadir.say('Setiap orang paling sedikit %s hari kantor seminggu (Senin–Minggu)',
                            'Everybody at least %s days at the office a week (Monday to Sunday)'), p.min_office_days)
    from hadir.policy p where p.id = p_policy and p.min_office_days is not null)
  || array(
    select format(hadir.say('Setiap orang paling banyak %s hari di luar kantor seminggu (Senin–Minggu)',
                            'Everybody at most %s days away from the office a week (Monday to Sunday)'), p.max_elsewhere_days)
    from hadir.policy p where p.id = p_policy and p.max_elsewhere_days is not null)
  || array(
    select format(hadir.say('Kuota: %s %s %% dari pegawai setiap unit%s, dibulatkan %s%s%s%s', 'Quota: %s %s %% of each unit''s people%s, rounded %s%s%s%s'),
      case q.measure when 'min_wfh' then hadir.say('WFH paling sedikit', 'WFH at least') when 'max_wfh' then hadir.say('WFH paling banyak', 'WFH at most')
                     when 'min_wfo' then hadir.say('WFO paling sedikit', 'WFO at least') else hadir.say('di luar kantor paling banyak', 'away from the office at most') end,
      trim_scale(q.percent), case q.base when 'working' then hadir.say(' yang bekerja hari itu', ' who work that day') else '' end,
      case q.rounding when 'down' then hadir.say('ke bawah', 'down') when 'up' then hadir.say('ke atas', 'up') else hadir.say('ke yang terdekat', 'to the nearest') end,
      coalesce(hadir.say('; hanya ', '; only ') || hadir.service_words(q.services), ''),
      case when q.small > 0 then format(hadir.say('; tidak untuk unit sampai %s orang', '; not for units of up to %s people'), q.small) else '' end,
      coalesce((
        select format(hadir.say('; misalnya %s, %s orang: %s', '; %s, %s people: %s, for one'), u.code, b.people,
                      case q.rounding when 'down' then floor(b.people * q.percent / 100) when 'up' then ceil(b.people * q.percent / 100)
                                      else round(b.people * q.percent / 100) end)
        from pg_temp.policy_posted b
        join hadir.unit u on u.id = b.unit
        where b.bound and b.people > q.small and (q.services is null or u.serves = any (q.services))
        order by b.people desc, u.code limit 1), ''))
    from hadir.policy_quota q where q.policy = p_policy
    order by q.measure, q.percent, q.services);
end
$$;

-- Evidence, sessions, channels, uncertain points.
create or replace function hadir.policy_says_proof(p_policy bigint) returns text[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array(
    select format(hadir.say('Bukti pada hari %s: %s', 'Evidence on a day of %s: %s'), array_to_string(e.places, ', '),
      case e.kind when 'location' then format(hadir.say('lokasi %s kali', 'location %s times'), e.times)
                  when 'fence' then hadir.say('presensi di dalam pagar lokasi', 'a check-in inside the fence')
                  when 'session' then format(hadir.say('hadir dalam sesi %s', 'presence in the session %s'), e.session)
                  when 'work_plan' then hadir.say('rencana kerja', 'a work plan')
                  when 'work_report' then hadir.say('laporan hasil kerja', 'a report of results')
                  else hadir.say('surat keterangan kesehatan', 'a health letter') end)
    from hadir.policy_evidence e where e.policy = p_policy order by e.places, e.kind)
  || array(
    select format(hadir.say('Sesi pengganti jam kerja: %s (%s), diterima %s–%s, batas %s', 'Session in place of the working hours'': %s (%s), accepted %s–%s, due %s'),
                  s.label, s.code, hadir.hour_words(s.accept_from), hadir.hour_words(s.accept_until), hadir.hour_words(s.due))
           || case s.counts_as
                when 'in' then format(hadir.say('; terlambat mulai %s', '; late from %s'), hadir.hour_words(s.on_time_until))
                when 'out' then format(hadir.say('; lebih awal sebelum %s', '; early before %s'), hadir.hour_words(s.on_time_from))
                else hadir.say('; cukup hadir', '; presence is enough') end
    from hadir.session s where s.policy = p_policy order by s.accept_from, s.code)
  || array(
    select format(hadir.say('Kanal %s: yang menentukan waktu %s', 'Channel %s: the time of %s decides'), c.channel,
                  case c.decides when 'fix' then hadir.say('titik lokasi', 'the position') when 'message' then hadir.say('pesan', 'the message')
                                 else hadir.say('tiba di server', 'arrival at the server') end)
    from hadir.policy_channel c where c.policy = p_policy order by c.channel)
  || array(
    select format(hadir.say('Ketelitian yang diperhitungkan paling besar %s meter', 'Accuracy counts up to %s metres'), p.accuracy_cap_m)
    from hadir.policy p where p.id = p_policy and p.accuracy_cap_m is not null)
  || array(
    select case when p.uncertain_counts then hadir.say('Titik yang ragu di batas pagar dihitung di dalam', 'Uncertain points count as inside')
                else hadir.say('Titik yang ragu di batas pagar tidak dihitung', 'Uncertain points do not count') end
    from hadir.policy p where p.id = p_policy and p.uncertain_counts is not null)
$$;

-- The aspects of which a circular speaks, by their names for people.
create or replace function hadir.policy_aspects(p_policy bigint) returns text[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array_remove(array[
    case when exists (select from hadir.policy_day d where d.policy = p.id) then hadir.say('tempat', 'place') end,
    case when p.own_sessions then hadir.say('sesi', 'sessions') end,
    case when p.states_evidence then hadir.say('bukti', 'evidence') end,
    case when p.accuracy_cap_m is not null then hadir.say('batas ketelitian', 'the accuracy cap') end,
    case when exists (select from hadir.policy_channel c where c.policy = p.id) then hadir.say('waktu penentu', 'the deciding times') end,
    case when p.uncertain_counts is not null then hadir.say('titik ragu', 'uncertain points') end], null)
  from hadir.policy p where p.id = p_policy
$$;

-- Which other circulars bind some of the same people on some of the same days, and which of the two decides what.
create or replace function hadir.policy_says_beside(p_policy bigint) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select format(hadir.say('Bersama %s%s, %s orang, %s hari dari %s sampai %s: %s', 'Beside %s%s, %s people, %s days from %s to %s: %s'),
                  p.number, case when p.title <> '' then ' (' || p.title || ')' else '' end, q.people, q.days,
                  hadir.day_words(q.first), hadir.day_words(q.last),
                  coalesce(nullif(concat_ws('; ',
                    case when a.mine <> '{}' then hadir.say('surat ini menentukan ', 'this one decides ') || array_to_string(a.mine, ', ') end,
                    case when a.theirs <> '{}' then hadir.say('yang itu menentukan ', 'that one decides ') || array_to_string(a.theirs, ', ') end), ''), '-'))
    from (
      select o.policy, count(distinct o.day) as days, min(o.day) as first, max(o.day) as last, bool_and(m.turn < o.turn) as before,
             (select sum(k.people) from pg_temp.plan_kind k where k.class = any (array_agg(distinct o.class))) as people
      from pg_temp.policy_bound o
      join pg_temp.policy_bound m on m.class = o.class and m.day = o.day and m.policy = p_policy
      where o.policy <> p_policy
      group by o.policy
    ) q
    join hadir.policy p on p.id = q.policy
    cross join lateral (
      select array(select w from unnest(hadir.policy_aspects(p_policy)) w where q.before or w <> all (hadir.policy_aspects(q.policy))) as mine,
             array(select w from unnest(hadir.policy_aspects(q.policy)) w where not q.before or w <> all (hadir.policy_aspects(p_policy))) as theirs
    ) a
    order by p.dated, p.number);
end
$$;

-- The stored circular in words: {"lines": [text], "warnings": [text]}.
drop function if exists hadir.policy_says(bigint, date);
create function hadir.policy_says(p_policy bigint, p_today date) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_span  record;
  v_words jsonb;
begin
  select * into v_span from hadir.policy_span(p_policy, p_today);
  perform hadir.policy_crowd(p_policy, v_span.first, v_span.last);
  v_words := jsonb_build_object(
    'lines', hadir.policy_says_what(p_policy) || hadir.policy_says_who(p_policy, v_span.first)
      || hadir.policy_says_days(p_policy, v_span.first, v_span.last) || hadir.policy_says_counts(p_policy)
      || hadir.policy_says_proof(p_policy) || hadir.policy_says_beside(p_policy),
    'warnings', hadir.policy_warns(p_policy, v_span.first, v_span.last, p_today));
  perform hadir.plan_unstage();
  drop table pg_temp.plan_kind, pg_temp.policy_bound, pg_temp.policy_posted;
  return v_words;
end
$$;

grant execute on function hadir.day_words(date), hadir.weekday_words(int[]), hadir.place_words(text, boolean),
  hadir.service_words(text[]), hadir.hour_words(interval), hadir.policy_span(bigint, date), hadir.policy_crowd(bigint, date, date),
  hadir.policy_says_what(bigint), hadir.policy_scope_words(bigint), hadir.policy_says_who(bigint, date), hadir.policy_says_days(bigint, date, date),
  hadir.policy_says_counts(bigint), hadir.policy_says_proof(bigint), hadir.policy_aspects(bigint),
  hadir.policy_says_beside(bigint), hadir.policy_says(bigint, date) to hadir_reader, hadir_writer;
