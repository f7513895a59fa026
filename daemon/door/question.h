/* Questions of people, passed to a desk and streamed back. */
#ifndef HADIR_QUESTION_H
#define HADIR_QUESTION_H

#include "http.h"

void question_checkin_head(struct exchange *x);
void question_checkin(struct exchange *x);
void question_me_head(struct exchange *x);
void question_me(struct exchange *x);
void question_attendance(struct exchange *x);
void question_presence_head(struct exchange *x);
void question_presence(struct exchange *x);

#endif
