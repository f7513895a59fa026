/* Letters, absences, corrections, outages, reports, breaches: one road for all of them. */
#ifndef HADIR_REQUEST_H
#define HADIR_REQUEST_H

struct exchange;

/* route->request says which one it is. */
void request_post_head(struct exchange *x);
void request_post(struct exchange *x);
void request_get_head(struct exchange *x);
void request_get(struct exchange *x);
void request_report(struct exchange *x); /* report.c */

#endif
