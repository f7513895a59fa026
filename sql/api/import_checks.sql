-- What the imports share: reading the texts of a file's cells without ever failing on them. Null = not readable.
-- Reasons are in Indonesian, because administrators read them.

create or replace function hadir.try_date(p_text text) returns date
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when p_text ~ '^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'
    then case when substr(p_text, 9, 2)::int <= extract(day from make_date(substr(p_text, 1, 4)::int,
                     substr(p_text, 6, 2)::int, 1) + interval '1 month' - interval '1 day')
         then p_text::date end end
$$;

-- HH:MM or HH:MM:SS, up to 48:00.
create or replace function hadir.try_hour(p_text text) returns interval
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when p_text ~ '^([0-3]?[0-9]|4[0-7]):[0-5][0-9](:[0-5][0-9])?$' or p_text ~ '^48:00(:00)?$'
    then p_text::interval end
$$;

-- '1-4', '5', '1-5,7': ISO weekdays, Monday is 1.
create or replace function hadir.try_weekdays(p_text text) returns int[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select array_agg(distinct d order by d)
  from regexp_split_to_table(p_text, ',') part
  cross join lateral generate_series(split_part(part, '-', 1)::int,
                                     coalesce(nullif(split_part(part, '-', 2), ''), split_part(part, '-', 1))::int) d
  where p_text ~ '^[1-7](-[1-7])?(,[1-7](-[1-7])?)*$'
$$;

create or replace function hadir.try_boolean(p_text text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when lower(p_text) in ('ya', 'true', 'yes', '1') then true
              when lower(p_text) in ('tidak', 'false', 'no', '0') then false end
$$;

-- A whole number of up to five digits.
create or replace function hadir.try_count(p_text text) returns int
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when p_text ~ '^[0-9]{1,5}$' then p_text::int end
$$;

-- A percentage from 0 to 100, up to four decimals; comma or point.
create or replace function hadir.try_percent(p_text text) returns numeric
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when p_text ~ '^(100([.,]0{1,4})?|[0-9]{1,2}([.,][0-9]{1,4})?)$' then replace(p_text, ',', '.')::numeric end
$$;

-- Whether a NIP or NI PPPK has the shape of one; null = it has, else the reason. 8 digits of birth, 4 of a year, 2 of a
-- month (PNS) or a contract number from 21 (PPPK), 1 of sex, 3 of a serial number from 001.
create or replace function hadir.nip_problem(p_nip text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_nip is null then hadir.say('NIP harus diisi', 'a NIP must be there')
    when p_nip !~ '^[0-9]{18}$' then hadir.say('NIP harus 18 angka', 'a NIP has 18 digits')
    when hadir.try_date(substr(p_nip, 1, 4) || '-' || substr(p_nip, 5, 2) || '-' || substr(p_nip, 7, 2)) is null
      then hadir.say('8 angka pertama NIP bukan tanggal lahir', 'the first 8 digits of the NIP are no date of birth')
    when substr(p_nip, 9, 4)::int not between substr(p_nip, 1, 4)::int + 15 and substr(p_nip, 1, 4)::int + 70
      then hadir.say('angka 9–12 NIP bukan tahun pengangkatan yang masuk akal', 'digits 9–12 of the NIP are no likely year of appointment')
    when substr(p_nip, 13, 2)::int not between 1 and 12 and substr(p_nip, 13, 2)::int < 21
      then hadir.say('angka 13–14 NIP harus bulan 01–12 (PNS) atau nomor perjanjian mulai 21 (PPPK)', 'digits 13–14 of the NIP must be a month 01–12 (PNS) or a number of contract from 21 (PPPK)')
    when substr(p_nip, 15, 1) not in ('1', '2') then hadir.say('angka ke-15 NIP harus 1 atau 2', 'digit 15 of the NIP must be 1 or 2')
    when substr(p_nip, 16, 3) = '000' then hadir.say('nomor urut NIP mulai dari 001', 'the serial number of a NIP begins with 001')
  end
$$;

-- The rows of a file; an exception when it is not an array of objects (the caller's mistake, not the file's).
create or replace function hadir.import_rows(p_rows jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  if p_rows is null or jsonb_typeof(p_rows) <> 'array' then
    raise exception 'rows must be a JSON array' using errcode = 'invalid_parameter_value';
  end if;
  return p_rows;
end
$$;

-- Whether the file has a column of that name at all: one that is not there says nothing, an empty one says empty.
create or replace function hadir.import_names(p_rows jsonb, p_column text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select exists (select from jsonb_array_elements(p_rows) r where r ? p_column)
$$;

-- The government a row means when it names none: the only one there is.
create or replace function hadir.only_government() returns bigint
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select min(g.id) from hadir.government g having count(*) = 1
$$;

-- Sessions that the rules as now loaded would empty, as problems of the file's given line.
create or replace function hadir.import_conflicts(p_line int, p_from date, p_to date, p_today date, p_units bigint[])
returns setof hadir.import_problem
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select distinct on (c.code) p_line, 'accept_from',
         format(hadir.say('sesi %s di unit %s pada %s bertumpang tindih sampai habis dengan sesi berikutnya', 'session %s of unit %s on %s is left no time by the next one'), c.code, c.unit_code, c.day)
  from hadir.plan_conflicts(hadir.plan_trial_days(p_from, p_to, p_today), p_units) c
  order by c.code, c.day, c.unit_code;
end
$$;

grant execute on function hadir.try_date(text), hadir.try_hour(text), hadir.try_weekdays(text), hadir.try_boolean(text),
  hadir.try_count(text), hadir.try_percent(text), hadir.nip_problem(text), hadir.import_rows(jsonb),
  hadir.import_names(jsonb, text), hadir.only_government(),
  hadir.import_conflicts(int, date, date, date, bigint[]) to hadir_writer;
grant execute on function hadir.try_date(text) to hadir_reader; -- for bodies of questions (actor_rights.sql)
