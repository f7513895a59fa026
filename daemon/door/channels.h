/* The handlers of the four doors; each channel's file tells its client's terms. */
#ifndef HADIR_CHANNELS_H
#define HADIR_CHANNELS_H

#include "arena.h"
#include "fact.h"
#include "http.h"

struct credential;
struct json_writer;

void native_head(struct exchange *x);
void native_body(struct exchange *x);
/* The members of an answer about one check-in: when it was received, the verdict (now), receipt and salt. */
void native_write_checkin(struct json_writer *w, const struct fact *f, const struct judgement *now,
                          struct text receipt);

/* One fact of a foreign client (OwnTracks, OsmAnd): stamped, judged, sent, answered as delivered. */
void foreign_take(struct exchange *x, struct fact *f, const struct credential *who);

void owntracks_head(struct exchange *x);
void owntracks_body(struct exchange *x);
void owntracks_too_large(struct exchange *x);

void osmand_head(struct exchange *x);
void osmand_body(struct exchange *x);
void osmand_too_large(struct exchange *x);

void whatsapp_handshake_head(struct exchange *x);
void whatsapp_handshake(struct exchange *x);
void whatsapp_head(struct exchange *x);
void whatsapp_body(struct exchange *x);

#endif
