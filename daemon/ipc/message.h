/* The messages between the roles, and nothing else: types, payloads, who sends them to whom. Payload fields are in
 * the order given, encoded with buf_u8 … buf_blob. Bump IPC_VERSION when one changes (it is part of MSG_HELLO). */
#ifndef HADIR_MESSAGE_H
#define HADIR_MESSAGE_H

#include <stdint.h>

#define IPC_VERSION 4u

enum role { ROLE_SUPERVISOR = 0, ROLE_DOOR = 1, ROLE_DESK = 2, ROLE_LEDGER = 3, ROLE_PLANNER = 4 };

enum message_type {
    /* supervisor -> any, on the control channel */
    MSG_PEER = 1,     /* u8 role, u32 index; fd: the end of a fresh socketpair to that peer (replaces an older one).
                         Doors get the ledger's and every desk's; ledger and desks get one per door (index: a number
                         unique per door process, reused only after its end closed). */
    MSG_DRAIN = 2,    /* finish what is in flight, take nothing new, then exit 0 */
    MSG_SNAPSHOT = 3, /* u8 1 base / 2 delta, i64 epoch, i64 number; fd: the file, read-only. To doors. A delta names
                         in its own header the base it belongs to; a base drops any delta. */
    MSG_CONFIG = 4,   /* the configuration changed (ledger only): u32 spool_keep_days, u32 spool_free_floor_mb */

    /* any -> supervisor */
    MSG_HELLO = 20,   /* u32 IPC_VERSION: ready to work */
    MSG_PUBLISH = 21, /* planner: same payload and fd as MSG_SNAPSHOT; supervisor keeps it and sends it to all doors */
    MSG_FORGED = 22,  /* ledger, desk: u32 index of a door that said what no door says; it is ended and started again */

    /* door -> ledger. id: the door's own request number, echoed. */
    MSG_INTAKE = 40,  /* u32 items, then per item u8 enum batch_kind, blob. One request, one batch: all or nothing.
                         (Not MSG_BATCH: sys/socket.h has a constant of that name.) */
    MSG_LOOKUP = 41,  /* i64 person, i64 device, 16 bytes id: a check-in's id, or that device's own uuid. Another person's
                         row is unknown. */
    /* ledger -> door */
    MSG_BATCH_DONE = 42, /* u8 enum batch_outcome, u32 retry_after_s, u32 items, then per item: u8 enum item_status
                            (0 for events and unattributed), 16 bytes check-in id, blob receipt (JSON text; empty
                            unless accepted/duplicate), blob fact (the stored fact's encoding for a duplicate; empty
                            otherwise) */
    MSG_LOOKUP_DONE = 43, /* u8 0 unknown / 1 received / 2 recorded, 16 bytes check-in id, blob fact, blob receipt */

    /* door -> desk. id: the door's own request number. */
    MSG_QUESTION = 60, /* u8 enum question, blob actor ("access:12" | "device:7"), blob unit code, blob date
                          ("YYYY-MM-DD", empty = today), blob month ("YYYY-MM"), u8 format (0 JSON, 1 CSV),
                          u8 language (0 id, 1 en), 16 bytes check-in id (questions about one), i64 now_us */
    MSG_QUESTION_CANCEL = 61, /* the client is gone */
    MSG_ANSWER_MORE = 62,     /* the door wrote what it had: send on (credit of one MSG_ANSWER_BODY) */
    MSG_REQUEST = 66, /* u8 enum request, blob actor, blob JSON object (≤ 512 KiB), u8 language, i64 now_us; answered,
                         cancelled and credited like a question */
    MSG_REPORT = 67,  /* blob name, u8 format (0 JSON, 1 CSV, 2 XLSX, 3 PDF), u8 CSV dialect (0 plain, 1 excel-id), blob actor, blob
                         JSON object (≤ 512 KiB), u8 language, i64 now_us; answered, cancelled and credited likewise */
    /* desk -> door */
    MSG_ANSWER_HEAD = 63, /* u16 status, blob content type, blob problem code, blob detail. Without a code the bodies
                             are the answer; with one the door writes the problem, and no body comes. */
    MSG_ANSWER_BODY = 64, /* bytes as they are, ≤ 64 KiB; at most 4 unacknowledged by MSG_ANSWER_MORE */
    MSG_ANSWER_END = 65   /* u8 0 complete / 1 broken off */
};

enum batch_kind { BATCH_CHECKIN = 1, BATCH_UNATTRIBUTED = 2, BATCH_EVENT = 3 };
/* blob of BATCH_CHECKIN and BATCH_UNATTRIBUTED: an encoded fact; of BATCH_EVENT: JSON object
 * {"government":id,"kind":"status|system|error","received_at":"…","payload":{…}} */

enum batch_outcome { BATCH_OK = 0, BATCH_BUSY = 1, BATCH_FULL = 2 }; /* busy: queue; full: disk. Both: nothing kept. */

enum question {
    QUESTION_PRESENCE = 1,   /* unit, date */
    QUESTION_ME = 2,         /* one's own plan of today */
    QUESTION_ATTENDANCE = 3, /* month: one's own record */
    QUESTION_CHECKIN = 4     /* check-in id or native uuid: recorded, decided */
};

/* What people file, decide and look up around the rules: one SQL function each, which takes the object as it is. */
enum request {
    REQUEST_LETTER_FILE = 1,
    REQUEST_LETTER_DECIDE = 2,
    REQUEST_LETTERS = 3,
    REQUEST_LETTER_BREACHES = 4,
    REQUEST_ABSENCE_REQUEST = 5,
    REQUEST_ABSENCE_DECIDE = 6,
    REQUEST_ABSENCES = 7,
    REQUEST_CORRECTION_REQUEST = 8,
    REQUEST_CORRECTION_DECIDE = 9,
    REQUEST_CORRECTIONS = 10,
    REQUEST_OUTAGE_REQUEST = 11,
    REQUEST_OUTAGE_DECIDE = 12,
    REQUEST_OUTAGES = 13,
    REQUEST_WORK_REPORT_SEND = 14,
    REQUEST_WORK_REPORTS = 15,
    REQUEST_BREACHES = 16,
    REQUEST_RECAP_DAYS = 17,
    REQUEST_DOUBTS = 18,
    REQUEST_NOTICES = 19,
    REQUEST_NOTICE_SEEN = 20,
    REQUEST_HEADS = 21,
    REQUEST_HEAD_SET = 22,
    REQUEST_POLICIES = 23,
    REQUEST_POLICY_APPLY = 24,
    REQUEST_POLICY_CHECK = 25,
    REQUEST_POLICY_REMOVE = 26,
    REQUEST_CALENDAR = 27,
    REQUEST_HOURS = 28,
    REQUEST_MONTH_STATE = 29,
    REQUEST_MONTH_ASK = 30,
    REQUEST_DIFFERENCES = 31,
    REQUEST_REOPEN = 32
};
#define REQUEST_COUNT 33
#define REQUEST_BODY_MAX ((size_t)512 << 10)

#endif
