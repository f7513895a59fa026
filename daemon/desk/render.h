/* Rows of api.presence and its sisters as JSON and CSV. Pure: rows in, bytes out. */
#ifndef HADIR_RENDER_H
#define HADIR_RENDER_H

#include <stdbool.h>

#include "buf.h"

struct rows;

/* Every list of these functions has the columns of RENDER_COLUMNS, in this order; one's own also day, and that of today accept_from,
 * due, accept_until. */
#define RENDER_COLUMNS                                                                                               \
    "nip, name, unit_code, unit_name, category, expected_place, session_code, session_label, state, reason,"         \
    " checkin_id, decided_at, late_minutes, early_minutes, place, fence, relation, flags, doubts"

/* What stands above the people of a unit; texts are borrowed. */
struct render_head {
    const char *unit_code, *unit_name, *zone, *day, *recorded_to;
    bool behind;
};

/* {"unit":{…},"date","zone","recorded_to","complete","counts":{…},"people":[…]} */
void render_presence_json(const struct render_head *head, const struct rows *rows, struct buf *out);
void render_presence_csv(const struct render_head *head, const struct rows *rows, struct buf *out);
/* One person's today: the object of that person. */
void render_me_json(const struct rows *rows, struct buf *out);
/* One person's days; rows have `day` as one more column. */
void render_attendance_json(const char *month, const struct rows *rows, struct buf *out);
void render_own_csv(const struct rows *rows, struct buf *out); /* both of one's own questions */
/* One row of api.checkin_status: its columns as members, flags as an array. */
void render_checkin_json(const struct rows *rows, struct buf *out);

#endif
