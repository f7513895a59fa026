-- What a careful administrator would want to be told of a circular that can be applied as it is. Part of its words
-- (policy_words.sql); read from the tables that hadir.policy_crowd left, so that it is about these people on these days.
-- Every function: a line each, in the language of the setting.

-- Its validity and whom it binds. p_day: by whose postings.
create or replace function hadir.policy_warns_who(p_policy bigint, p_day date, p_today date) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select format(hadir.say('masa berlakunya sudah berakhir pada %s: mulai hari ini tidak mengubah apa pun',
                            'its validity ended on %s: from today on it changes nothing'), hadir.day_words(p.valid_to))
    from hadir.policy p where p.id = p_policy and p.valid_to < p_today)
  || array(select hadir.say('tidak mengikat seorang pun', 'it binds nobody') where not exists (select from pg_temp.plan_kind))
  || array(
    select format(case when s.exclude then hadir.say('pengecualian ini tidak mengenai seorang pun: %s', 'this exclusion concerns nobody: %s')
                       else hadir.say('lingkup ini tidak mencakup seorang pun: %s', 'this scope covers nobody: %s') end,
                  concat_ws('; ', u.code, hadir.service_words(s.services), array_to_string(s.categories, ', '),
                            hadir.say('eselon ', 'echelons ') || array_to_string(array_replace(s.echelons, '', 'staf'), ', ')))
    from hadir.policy_scope s
    join hadir.policy p on p.id = s.policy
    left join hadir.unit u on u.id = s.unit
    where s.policy = p_policy and not exists (
      select from hadir.posting o
      join hadir.unit h on h.id = o.unit and h.government = p.government
      join hadir.person e on e.id = o.person
      where o.kind = 'main' and o.valid_from <= p_day and coalesce(o.valid_to, p_day) >= p_day
        and (s.unit is null or exists (select from hadir.unit_closure c where c.ancestor = s.unit and c.descendant = o.unit))
        and (s.services is null or h.serves = any (s.services)) and (s.categories is null or e.category = any (s.categories))
        and (s.echelons is null or e.echelon = any (s.echelons)))
    order by s.id);
end
$$;

-- Its days: none on which anybody works, weekdays on which nobody does.
create or replace function hadir.policy_warns_days(p_policy bigint, p_first date, p_last date) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_worked int[];  -- weekdays on which somebody works
begin
  select coalesce(array_agg(distinct extract(isodow from m.day)::int), '{}') into v_worked
  from pg_temp.policy_bound m
  join pg_temp.plan_base b on b.class = m.class and b.day = m.day
  join pg_temp.plan_shape s on s.shape = b.shape
  where m.policy = p_policy and s.works;
  if v_worked = '{}' then
    return array(select format(hadir.say('dari %s sampai %s tidak ada hari kerja baginya: libur, atau bukan hari yang disebutnya',
                                         'from %s to %s it has no working day: days off, or weekdays it does not name'),
                               hadir.day_words(p_first), hadir.day_words(p_last))
                 where exists (select from pg_temp.plan_kind));
  end if;
  return array(
    select format(hadir.say('%s: tidak seorang pun bekerja pada hari itu; [day] tidak menjadikannya hari kerja',
                            '%s: nobody works on that weekday; [day] does not make it a working day'), hadir.weekday_words(array[w]))
    from (select distinct unnest(d.weekdays) as w from hadir.policy_day d where d.policy = p_policy) q
    where not w = any (v_worked) and exists (select from generate_series(p_first::timestamp, p_last::timestamp, interval '1 day') g
                                             where extract(isodow from g) = w)
    order by w);
end
$$;

-- Its own sessions take the place of those of the working hours: what of them has nothing in its place.
create or replace function hadir.policy_warns_sessions(p_policy bigint) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select format(hadir.say('sesinya menggantikan semua sesi jam kerja, tetapi tidak ada yang menggantikan %s: %s orang tidak lagi mempunyai %s',
                            'its sessions replace all those of the working hours, but none takes the place of %s: %s people have no %s any more'),
                  string_agg(distinct q.code, ', '), (select sum(k.people) from pg_temp.plan_kind k where k.class = any (array_agg(distinct q.class))),
                  case q.counts_as when 'in' then hadir.say('presensi masuk', 'arrival') when 'out' then hadir.say('presensi pulang', 'leave')
                                   else hadir.say('presensi hadir', 'presence') end)
    from (
      select distinct m.class, x.code, x.counts_as
      from pg_temp.policy_bound m
      join pg_temp.plan_base b on b.class = m.class and b.day = m.day
      join pg_temp.plan_shape s on s.shape = b.shape and s.works and s.own_sessions = p_policy
      join hadir.session x on x.working_hours = any (s.hours)
      where m.policy = p_policy
        and not exists (select from hadir.session o where o.policy = p_policy and o.counts_as = x.counts_as)
    ) q
    group by q.counts_as order by q.counts_as);
end
$$;

-- Evidence that does not come: of a session that people do not have, of a fence where the location is free, of places that it
-- does not set; and of channels that cannot do what it says.
create or replace function hadir.policy_warns_proof(p_policy bigint) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    with stand as (
      select m.class, m.day, s.shape, s.place, s.anywhere, s.own_sessions, s.hours
      from pg_temp.policy_bound m
      join pg_temp.plan_base b on b.class = m.class and b.day = m.day
      join pg_temp.plan_shape s on s.shape = b.shape and s.works
      where m.policy = p_policy
    ),
    lacking as (
      select e.kind, e.session, e.places, t.class
      from hadir.policy_evidence e
      join stand t on t.place = any (e.places)
      where e.policy = p_policy and case e.kind
        when 'session' then not exists (
          select from hadir.session x where x.code = e.session
            and (x.policy = t.own_sessions or t.own_sessions is null and x.working_hours = any (t.hours)))
        when 'fence' then t.anywhere and t.place in ('WFA', 'DL') end
    )
    select format(case l.kind when 'session' then hadir.say('bukti sesi %s tidak dapat dipenuhi: %s orang tidak mempunyai sesi itu',
                                                            'evidence of the session %s cannot come: %s people do not have that session')
                              else hadir.say('bukti di dalam pagar pada hari %s, padahal lokasinya bebas: hanya yang datang ke kantor memenuhinya, dari %s orang',
                                             'evidence of a fence on a day of %s though the location is free: only who comes to the office has it, of %s people') end,
                  coalesce(l.session, array_to_string(l.places, ', ')),
                  (select sum(k.people) from pg_temp.plan_kind k where k.class = any (array_agg(distinct l.class))))
    from lacking l group by l.kind, l.session, l.places order by l.kind, l.session)
  || array(
    select format(hadir.say('bukti untuk %s: surat ini tidak menetapkan tempat itu pada hari apa pun', 'evidence for %s: this circular sets that place on no day'), w)
    from (select distinct unnest(e.places) as w from hadir.policy_evidence e where e.policy = p_policy) q
    where exists (select from hadir.policy_day d where d.policy = p_policy)
      and not exists (select from hadir.policy_day d where d.policy = p_policy and d.place = q.w)
      and q.w not in ('DL', (select g.default_place from hadir.policy p join hadir.government g on g.id = p.government where p.id = p_policy))
    order by w)
  || array(
    select case when c.channel = 'whatsapp' and c.decides = 'fix'
                then hadir.say('lokasi WhatsApp tidak membawa waktu titiknya: yang dihitung waktu tiba di server',
                               'a WhatsApp location carries no time of its position: the arrival at the server counts')
                else hadir.say('pemerintah ini tidak mempunyai nomor WhatsApp', 'this government has no WhatsApp number') end
    from hadir.policy_channel c
    join hadir.policy p on p.id = c.policy
    join hadir.government g on g.id = p.government
    where c.policy = p_policy and c.channel = 'whatsapp' and (c.decides = 'fix' or g.phone_number_id is null));
end
$$;

-- Where it breaks its own shares and weekly counts before any head wrote a letter: it and what it leaves to others, as the
-- letters in force have it, in the first week. What only a letter can give is no break.
create or replace function hadir.policy_warns_counts(p_policy bigint, p_first date, p_last date) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_policy hadir.policy;
  v_units  bigint[] := array(select distinct k.unit from pg_temp.plan_kind k);
begin
  select p.* into v_policy from hadir.policy p where p.id = p_policy;
  if v_policy.min_office_days is null and v_policy.max_elsewhere_days is null
     and not exists (select from hadir.policy_quota q where q.policy = p_policy) then
    return '{}';
  end if;
  return array(
    with broken as materialized (
      select b.*
      from hadir.breaches_of(v_policy.government, p_first, least(p_last, p_first + 6), v_units, null) b
      where b.policy = p_policy
        and not (b.measure = 'min_wfh' and exists (
          select from hadir.policy_day d where d.policy = p_policy and d.place = 'WFH' and d.granted
            and extract(isodow from b.day)::int = any (d.weekdays)))
    )
    select format(hadir.say('melanggar ketentuannya sendiri tanpa surat kepala: %s unit, %s orang; misalnya %s',
                            'breaks its own rule without any letter of a head: %s units, %s people; for one: %s'),
                  m.units, m.people, hadir.breach_text(to_jsonb(w) || jsonb_build_object('policy', v_policy.number, 'unit', u.code,
                    'name', e.name, 'places', string_to_array(w.place, '/'))))
    from (
      select b.measure, count(distinct b.unit) as units, count(distinct n.person) as people
      from broken b left join lateral unnest(b.people || b.person) n (person) on true
      group by b.measure
    ) m
    cross join lateral (
      select b.* from broken b where b.measure = m.measure
      order by abs(b.have - b."limit") desc, b.base desc, coalesce(b.day, b.week), b.unit, b.person limit 1
    ) w
    join hadir.unit u on u.id = w.unit
    left join hadir.person e on e.id = w.person
    order by m.measure);
end
$$;

create or replace function hadir.policy_warns(p_policy bigint, p_first date, p_last date, p_today date) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return hadir.policy_warns_who(p_policy, p_first, p_today) || hadir.policy_warns_days(p_policy, p_first, p_last)
    || hadir.policy_warns_sessions(p_policy) || hadir.policy_warns_proof(p_policy)
    || hadir.policy_warns_counts(p_policy, p_first, p_last);
end
$$;
comment on function hadir.policy_warns(bigint, date, date, date) is
  'What of a stored circular is probably not meant, a line each; looked at on the days p_first … p_last, between hadir.policy_crowd '
  'and hadir.plan_unstage. Called by hadir.policy_says.';

grant execute on function hadir.policy_warns_who(bigint, date, date), hadir.policy_warns_days(bigint, date, date),
  hadir.policy_warns_sessions(bigint), hadir.policy_warns_proof(bigint), hadir.policy_warns_counts(bigint, date, date),
  hadir.policy_warns(bigint, date, date, date) to hadir_reader, hadir_writer;
