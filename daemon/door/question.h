/* Questions of people, passed to a desk and streamed back. */
#ifndef HADIR_QUESTION_H
#define HADIR_QUESTION_H

#include <stddef.h>
#include <stdint.h>

#include "http.h"

struct desks;
struct directory;
struct loop;

struct desks *desks_new(struct loop *loop);
void desks_free(struct desks *d); /* calls nobody */
/* The channel of desk `index`, new or again; takes fd. */
void desks_connect(struct desks *d, uint32_t index, int fd);

void question_checkin_head(struct exchange *x);
void question_checkin(struct exchange *x);
void question_me_head(struct exchange *x);
void question_me(struct exchange *x);
void question_attendance(struct exchange *x);
void question_presence_head(struct exchange *x);
void question_presence(struct exchange *x);

#endif
