-- Two indexes that each check-in wrote and no question needs: a person's check-ins are found by arrival, a key by its device.
drop index hadir.checkin_person_decided_at_idx;
drop index hadir.checkin_key_checkin_idx;
