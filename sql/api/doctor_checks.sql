-- What is wrong in the database and what to do about it, in plain words. One row per question; ok = nothing to do.
-- Caller: hadir_admin.
drop function if exists api.doctor(timestamptz);
create function api.doctor(p_now timestamptz)
returns table (name text, ok boolean, detail text, advice text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with land as (
    select g.*, (p_now at time zone g.zone)::date as today from hadir.government g
  ),
  finding (position, name, bad, good, detail, advice) as (
    select 1, 'setelan', string_agg(s.name || ' = ' || s.setting, ', '), 'setelan tahan-putus aktif',
           'basis data dapat kehilangan data: ', 'hidupkan fsync, full_page_writes dan synchronous_commit, lalu muat ulang PostgreSQL'
    from pg_settings s
    where s.name in ('fsync', 'full_page_writes', 'synchronous_commit') and s.setting in ('off', 'local')
    union all
    select 2, 'pemerintah', case when count(*) = 0 then 'belum ada satu pun' end, count(*) || ' pemerintah', '',
           'jalankan: hadir government add KODE NAMA --zone Asia/Makassar'
    from land
    union all
    select 3, 'jam kerja', string_agg(l.code, ', '), 'setiap pemerintah mempunyai jam kerja', 'tidak ada jam kerja yang berlaku: ',
           'muat jam kerja: hadir import hours BERKAS.csv'
    from land l
    where not exists (select from hadir.working_hours w where w.government = l.id and w.valid_from <= l.today
                      and (w.valid_to is null or w.valid_to >= l.today))
    union all
    select 4, 'kalender', string_agg(y.year::text, ', '), 'hari libur tahun ini sudah dimuat', 'tidak ada hari libur untuk tahun ',
           'muat SKB tahun itu: hadir import calendar BERKAS.csv'
    from (select distinct extract(year from l.today + n)::int as year from land l, unnest(array[0, 30]) n) y
    where not exists (select from hadir.calendar_day c where c.kind = 'LN' and extract(year from c.day) = y.year)
    union all
    select 5, 'kantor', nullif(count(*), 0) || ' unit berpegawai, misalnya ' || min(u.code), 'setiap unit berpegawai mempunyai kantor',
           'tidak ada pagar kantor untuk ', 'muat pagar: hadir import fences BERKAS.geojson'
    from hadir.unit u
    where exists (select from hadir.posting o where o.unit = u.id and o.kind = 'main' and o.valid_to is null)
      and not exists (select from hadir.unit_closure c join hadir.fence f on f.unit = c.ancestor
                      where c.descendant = u.id and f.kind = 'office' and f.removed_at is null)
    union all
    select 6, 'penempatan', nullif(count(*), 0) || ' pegawai', 'setiap pegawai mempunyai penempatan', 'tanpa penempatan yang berlaku: ',
           'muat ulang pegawai itu dengan unit dan tanggal mulai'
    from hadir.person p
    join land l on l.id = p.government
    where not exists (select from hadir.posting o where o.person = p.id and o.kind = 'main'
                      and (o.valid_to is null or o.valid_to >= l.today))
    union all
    select 7, 'pendaftaran', nullif(count(*), 0) || ' pegawai', 'setiap pegawai mempunyai perangkat atau nomor',
           'belum dapat mengirim lokasi (tanpa perangkat): ', 'daftarkan: hadir enroll NIP --channel …, atau satu unit dengan --sheet'
    from hadir.person p
    join land l on l.id = p.government
    where exists (select from hadir.posting o where o.person = p.id and o.kind = 'main' and o.valid_from <= l.today
                  and (o.valid_to is null or o.valid_to >= l.today))
      and not exists (select from hadir.device d where d.person = p.id and d.revoked_at is null)
    union all
    select 8, 'rencana', case when s.first_day is null then 'belum pernah disusun'
                              when s.first_day + s.days - 1 < (select max(l.today) from land l) + 1
                                then 'hanya sampai ' || (s.first_day + s.days - 1) end,
           'rencana tersusun sampai ' || (s.first_day + s.days - 1), 'rencana harian ',
           'periksa apakah hadird (peran planner) berjalan dan tersambung'
    from hadir.directory_state s
    union all
    select 9, 'sesi', string_agg(distinct p.conflict, '; '), 'tidak ada sesi yang hilang', 'sesi yang habis tertutup sesi lain atau terlalu banyak sehari: ',
           'ubah jam kerja atau surat edaran itu'
    from hadir.directory_state s
    join hadir.plan_pattern p on p.day between s.first_day and s.first_day + s.days - 1
    where p.conflict is not null
      and exists (select from hadir.plan_day d where d.day = p.day and d.pattern = p.id)
    union all
    select 10, 'spool', string_agg(m.spool || ' (' || date_trunc('second', p_now - m.complete_to) || ')', ', '),
           'setiap spool terdengar', 'belum lengkap sejak lebih dari satu menit: ',
           'nyalakan hadird yang memegang spool itu; bila spool itu memang sudah tiada, ekspor malam akan menyebutnya'
    from hadir.ingest_mark m
    where m.complete_to < p_now - interval '1 minute' and m.complete_to > p_now - interval '8 days'
    union all
    select 11, 'ditolak', nullif(count(*), 0) || ' presensi, misalnya ' || min(c.reason), 'tidak ada presensi yang ditolak basis data',
           'dalam 8 hari terakhir ditolak: ', 'laporkan kepada pengembang; barisnya tersimpan di hadir.checkin dengan status rejected'
    from hadir.checkin c
    where c.status = 'rejected' and c.received_at > p_now - interval '8 days'
    union all
    select 12, 'tak dikenal', nullif(count(*), 0) || ' pengirim', 'tidak ada lokasi dari nomor yang belum terdaftar',
           'lokasi menunggu pendaftaran dari ', 'daftarkan nomornya dalam 7 hari: hadir enroll NIP --channel whatsapp --number …'
    from (select distinct u.government, coalesce(u.sender, u.sender_user_id) from hadir.unattributed u
          where u.received_at > p_now - interval '7 days' and u.received_at <= p_now) u
    union all
    select 13, 'retensi', nullif(count(*), 0)::text, 'tidak ada koordinat yang melewati batas simpan',
           'koordinat lewat batas simpan: ', 'jalankan: hadir retention'
    from (select from hadir.checkin_position q join land l on l.id = q.government
          where q.received_at < p_now - make_interval(days => l.retention_days + 31) limit 1000) q
    union all
    select 14, 'periode', string_agg(distinct w.season, ', '), 'jam kerja musiman mempunyai periode yang akan datang',
           'tidak ada periode mendatang untuk jam kerja musim ', 'muat periode berikutnya, perkiraan pun boleh: hadir import periods BERKAS.csv'
    from hadir.working_hours w
    join land l on l.id = w.government
    where w.season is not null and w.valid_from <= l.today and (w.valid_to is null or w.valid_to >= l.today)
      and not exists (select from hadir.calendar_period c where c.kind = w.season and c.last_day >= l.today
                      and (c.government is null or c.government = w.government))
    union all
    select 15, 'pengiriman', string_agg(q.code || ' ' || q.name || ' (' || q.n || ': ' || q.error || ')', ', ' order by q.code, q.name),
           'setiap tujuan ekspor menerima kirimannya', 'gagal terkirim: ',
           'hadir target status; setelah diperbaiki: hadir deliver --again PEMERINTAH NAMA'
    from (select l.code, t.name, count(*) as n, (array_agg(d.last_error order by d.tried_at desc))[1] as error
          from hadir.export_delivery d join hadir.export_target t on t.id = d.target join land l on l.id = t.government
          where t.removed_at is null and d.state in ('failed', 'given_up') group by l.code, t.name) q
  )
  select f.name, f.bad is null, case when f.bad is null then f.good else f.detail || f.bad end,
         case when f.bad is null then '' else f.advice end
  from finding f
  order by f.position
$$;
alter function api.doctor(timestamptz) owner to hadir_writer;
revoke all on function api.doctor(timestamptz) from public;
grant execute on function api.doctor(timestamptz) to hadir_admin;
