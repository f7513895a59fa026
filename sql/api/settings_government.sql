-- `hadir government set`: numbers and choices of a government. Read by whoever applies them.

-- What is wrong with a setting of a government; null: nothing.
create or replace function hadir.government_setting_problem(p_key text, p_value text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_key = 'correction_days' then
      case when coalesce(hadir.try_count(p_value) not between 0 and 366, true) then 'harus hari, 0 sampai 366' end
    when p_key = 'retention_days' then
      case when coalesce(hadir.try_count(p_value) not between 9 and 3660, true) then 'harus hari, 9 sampai 3660' end
    when p_key = 'accuracy_cap_m' then
      case when coalesce(hadir.try_count(p_value) > 10000, true) then 'harus meter, 0 sampai 10000' end
    when p_key = 'confirms_corrections' then
      case when hadir.try_boolean(p_value) is null then 'harus ya atau tidak' end
    when p_key = 'closes_after' then
      case when hadir.try_hour(p_value) is null then 'harus lama waktu JJ:MM, paling lama 48:00' end
    when p_key = 'default_place' then
      case when coalesce(p_value not in ('WFO', 'WFH', 'WFA', 'DL'), true) then 'harus WFO, WFH, WFA atau DL' end
    when p_key = 'signing_place' then
      case when coalesce(length(p_value) > 80, true) then 'harus nama tempat, paling panjang 80 huruf' end
    when p_key = 'letterhead' then
      case when p_value is null or cardinality(string_to_array(p_value, '|')) > 8 or length(p_value) > 900
        then 'harus baris yang dipisahkan |, paling banyak 8 baris dan 900 huruf' end
    when p_key = 'paper' then
      case when coalesce(p_value !~ '^(A4|F4)(-(portrait|landscape))?$', true) then 'harus A4 atau F4, boleh diikuti -portrait atau -landscape' end
    else 'pengaturan ini tidak dikenal (yang dikenal: '
         'correction_days, confirms_corrections, closes_after, accuracy_cap_m, default_place, retention_days, signing_place, letterhead, paper)'
  end
$$;
comment on function hadir.government_setting_problem(text, text) is
  'p_key, p_value: a setting as api.government_set takes it. Returns the reason why not, null when it is good. Called by '
  'api.government_set.';
revoke all on function hadir.government_setting_problem(text, text) from public;
grant execute on function hadir.government_setting_problem(text, text) to hadir_writer;

create or replace function api.government_set(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_set      constant jsonb := p_body - 'government';
  v_problems jsonb;
  v_answer   jsonb;
begin
  select jsonb_agg(hadir.problem(q.field, q.reason) order by q.field collate "C") into v_problems
  from (
    select 'government' as field, format('pemerintah %s tidak dikenal', coalesce(p_body ->> 'government', '(kosong)')) as reason
    where not exists (select from hadir.government g where g.code = p_body ->> 'government')
    union all
    select s.key, hadir.government_setting_problem(s.key, s.value) from jsonb_each_text(v_set) s
  ) q
  where q.reason is not null;
  if v_problems is not null then
    return hadir.refusal(422, 'invalid', v_problems);
  end if;
  update hadir.government g
  set correction_days = coalesce(hadir.try_count(v_set ->> 'correction_days'), g.correction_days),
      retention_days = coalesce(hadir.try_count(v_set ->> 'retention_days'), g.retention_days),
      accuracy_cap_m = coalesce(hadir.try_count(v_set ->> 'accuracy_cap_m'), g.accuracy_cap_m),
      confirms_corrections = coalesce(hadir.try_boolean(v_set ->> 'confirms_corrections'), g.confirms_corrections),
      closes_after = coalesce(hadir.try_hour(v_set ->> 'closes_after'), g.closes_after),
      default_place = coalesce(v_set ->> 'default_place', g.default_place),
      signing_place = coalesce(v_set ->> 'signing_place', g.signing_place),
      letterhead = coalesce(v_set ->> 'letterhead', g.letterhead),
      paper = coalesce(v_set ->> 'paper', g.paper)
  where g.code = p_body ->> 'government'
  returning jsonb_build_object('status', 200, 'government', g.code, 'correction_days', g.correction_days, 'retention_days', g.retention_days, 'accuracy_cap_m', g.accuracy_cap_m,
    'confirms_corrections', g.confirms_corrections, 'closes_after', to_char(g.closes_after, 'HH24:MI'),
    'default_place', g.default_place, 'signing_place', g.signing_place,
    'letterhead', g.letterhead, 'paper', g.paper) into v_answer;
  insert into hadir.audit (at, action, subject, detail) values (p_now, 'government_set', p_body ->> 'government', v_set);
  return v_answer;
end
$$;
alter function api.government_set(jsonb, timestamptz) owner to hadir_writer;
comment on function api.government_set(jsonb, timestamptz) is
  'p_body: "government" (code) and any of correction_days, confirms_corrections, closes_after, accuracy_cap_m, default_place, '
  'retention_days, signing_place, letterhead, paper, as text. '
  'Returns all of them as they are now, or {"error"} with every problem, and then nothing was changed. Called by hadir_admin.';
revoke all on function api.government_set(jsonb, timestamptz) from public;
grant execute on function api.government_set(jsonb, timestamptz) to hadir_admin;
