-- A sender's rows are found by the sender. Both indexes began with the government, and with statistics from when the table was
-- empty either was as good for either question: each row that came read all of the government's.
drop index hadir.unattributed_government_sender_idx, hadir.unattributed_government_sender_user_id_idx;
create index on hadir.unattributed (sender);
create index on hadir.unattributed (sender_user_id);
